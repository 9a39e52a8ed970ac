/* Upserts, keys of closefeed's own, and what rows that share a call bring. */

#include "lib/cleanup.h"
#include "tests/unit/shape_books.h"

#include <stdio.h>

static const struct spec update_form = {.operation = "lead.update", .url = "/lead/{{id}}/"};

/* Both bodies: "create / update", or "!class field". */
static void check_upsert(const struct spec *spec, const char *record, const char *expected)
{
	struct fixture f;
	const struct shape_output *output = shape(&f, spec, record);
	char *text, *create, *update;

	if (output->draft) {
		create = json_text(output->draft->body);
		update = json_text(output->draft->update->body);
		text = mem_printf("%s / %s", create, update);
		free(create);
		free(update);
		check(output->draft->update->route == f.routes.items->update);
		check_null(output->draft->update->match);
	} else {
		text = mem_printf("!%s %s", reject_class_name(output->rejection.class),
		                  output->rejection.field ? output->rejection.field : "-");
	}
	check_text(text, expected);
	free(text);
	done(&f);
}

static void an_upsert_has_two_forms(void **state)
{
	const struct spec update = {
		.operation = "lead.update",
		.url = "/lead/{{id}}/",
		.over = "{\"description\":\"{d}\",\"custom\":{\"cf_2\":\"{s}\"}}",
		.omit = "status",
		.create_only = "contacts"};
	const struct spec spec = {.operation = "lead.create",
	                          .match = "{\"email\":\"{name}\"}",
	                          .over = "{\"status\":\"New\",\"url\":\"{u}\"}",
	                          .update = &update};
	struct fixture f;

	(void)state;
	check_upsert(&spec, "{\"name\":\"A\",\"contacts\":[],\"status\":\"Old\"}",
	             "{\"name\":\"A\",\"contacts\":[],\"status\":\"New\"} / {\"name\":\"A\"}");
	check_upsert(
		&spec,
		"{\"name\":\"A\",\"d\":1,\"s\":2,\"u\":\"x\",\"custom\":{\"cf_2\":9,\"cf_3\":8}}",
		"{\"name\":\"A\",\"d\":1,\"s\":2,\"u\":\"x\",\"status\":\"New\",\"url\":\"x\","
		"\"custom.cf_2\":9,\"custom.cf_3\":8} / {\"name\":\"A\",\"d\":1,\"s\":2,"
		"\"u\":\"x\",\"description\":1,\"custom.cf_2\":2,\"custom.cf_3\":8}");
	(void)shape(&f, &spec, "{\"name\":\"A\",\"contacts\":[]}");
	check_text(f.result.items[0].draft->url, "/lead/");
	check_text(f.result.items[0].draft->update->url, "/lead/{id}/");
	check_text(f.result.items[0].draft->update->notes[0],
	           "left out of the update, since only a create takes it: contacts");
	check_null(f.result.items[0].draft->update->notes[1]);
	done(&f);
}

static void what_is_left_out_may_be_written_by_name_or_id(void **state)
{
	struct names names = all_books();
	struct spec update = {.operation = "lead.update", .url = "/lead/{{id}}/", .names = &names};
	const struct spec spec = {.operation = "lead.create",
	                          .match = "{\"name\":\"{name}\"}",
	                          .update = &update,
	                          .names = &names};
	static const char *const omits[] = {"custom.Tier", "custom.cf_3"};
	static const char *const records[] = {"{\"name\":\"A\",\"custom.Tier\":\"x\"}",
	                                      "{\"name\":\"A\",\"custom.cf_3\":\"x\"}",
	                                      "{\"name\":\"A\",\"custom\":{\"Tier\":\"x\"}}",
	                                      "{\"name\":\"A\",\"custom\":{\"cf_3\":\"x\"}}"};

	(void)state;
	names.books[0]->items[2].type = FIELD_TEXT;
	for (size_t i = 0; i < 2; i++) {
		update.omit = omits[i];
		for (size_t k = 0; k < 4; k++)
			check_upsert(&spec, records[k],
			             "{\"name\":\"A\",\"custom.cf_3\":\"x\"} / {\"name\":\"A\"}");
	}
	check_upsert(&spec, "{\"name\":\"A\",\"custom.Tier.add\":\"x\"}", "!field custom.Tier.add");
	names_deinit(&names);
}

static void a_match_by_a_custom_field_proves_the_create(void **state)
{
	struct names names = all_books();
	static const struct {
		const char *match, *record, *body, *identity; /* identity NULL: none */
	} rows[] = {
		{"{\"custom.Account ID\":\"{k}\"}", "{\"k\":77}",
	         "{\"k\":77,\"custom.cf_1\":\"77\"}", "custom.cf_1=77"},
		{"{\"custom.cf_1\":\"{k}\"}", "{\"k\":\" a \",\"custom.cf_1\":\" a \"}",
	         "{\"k\":\" a \",\"custom.cf_1\":\"a\"}", "custom.cf_1=a"},
		{"{\"custom.Account ID\":\"{k}\"}", "{\"k\":77,\"custom\":{\"Account ID\":\"77\"}}",
	         "{\"k\":77,\"custom.cf_1\":\"77\"}", "custom.cf_1=77"},
		/* Two fields together: neither of them alone is one of the lead. */
		{"{\"custom.Account ID\":\"{k}\",\"name\":\"{k}\"}", "{\"k\":\"a\"}",
	         "{\"k\":\"a\",\"custom.cf_1\":\"a\"}", NULL},
		{"[{\"email\":\"{e}\"},{\"custom.Account ID\":\"{k}\"}]",
	         "{\"k\":\"a\",\"e\":\"b\"}", "{\"k\":\"a\",\"e\":\"b\",\"custom.cf_1\":\"a\"}",
	         "custom.cf_1=a"},
		{"[{\"email\":\"{e}\"},{\"custom.Account ID\":\"{k}\"}]", "{\"e\":\"b\"}",
	         "{\"e\":\"b\"}", NULL},
		{"[{\"custom.Account ID\":\"{k}\",\"name\":\"{gone}\"},{\"email\":\"{k}\"}]",
	         "{\"k\":\"a\"}", "{\"k\":\"a\"}", NULL},
		/* Numbers and choices are found by other means than text. */
		{"{\"custom.Number\":\"{k}\"}", "{\"k\":\"1.50\"}",
	         "{\"k\":\"1.50\",\"custom.cf_2\":1.5}", NULL},
		{"{\"custom.Tier\":\"{k}\"}", "{\"k\":\"Gold\"}",
	         "{\"k\":\"Gold\",\"custom.cf_3\":\"Gold\"}", NULL},
		{"{\"email\":\"{k}\"}", "{\"k\":\"a@b\"}", "{\"k\":\"a@b\"}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct spec spec = {.operation = "lead.create",
		                          .match = rows[i].match,
		                          .update = &update_form,
		                          .names = &names};
		struct fixture f;
		const struct draft *draft = shape(&f, &spec, rows[i].record)->draft;
		char *body, *identity;

		check(draft);
		body = json_text(draft->body);
		check_text(body, rows[i].body);
		identity = draft->identity_field ? mem_printf("%s=%s", draft->identity_field,
		                                              draft->identity_value)
		                                 : NULL;
		check(!identity == !rows[i].identity);
		if (identity)
			check_text(identity, rows[i].identity);
		check_null(draft->update->identity_field);
		free(body);
		free(identity);
		done(&f);
	}
	names_deinit(&names);
}

static void a_key_of_the_route_proves_before_the_match_does(void **state)
{
	const struct spec spec = {.operation = "lead.create",
	                          .identity = "custom.cf_9={k}",
	                          .match = "{\"custom.cf_1\":\"{k}\"}",
	                          .update = &update_form};
	const struct spec only_updates = {.operation = "lead.create",
	                                  .match = "{\"custom.cf_1\":\"{k}\"}",
	                                  .on_none = NONE_SKIP,
	                                  .update = &update_form};
	struct fixture f;

	(void)state;
	check_text(shape(&f, &spec, "{\"k\":1}")->draft->identity_field, "custom.cf_9");
	done(&f);
	check_upsert(&spec, "{\"k\":1}",
	             "{\"k\":1,\"custom.cf_1\":\"1\",\"custom.cf_9\":\"1\"} / {\"k\":1}");
	/* Nothing is made, so there is nothing to prove. */
	check_upsert(&only_updates, "{\"k\":1}", "{\"k\":1} / {\"k\":1}");
}

static void what_holds_a_create_back_is_told_when_there_is_no_object(void **state)
{
	const struct spec contact = {.operation = "contact.update", .url = "/contact/{{id}}/"};
	const struct spec linked = {.operation = "contact.create",
	                            .match = "{\"email\":\"{e}\"}",
	                            .links = {"lead_id:lead {\"name\":\"{c}\"}"},
	                            .update = &contact};
	struct spec spec = {
		.operation = "contact.create", .match = "{\"email\":\"{e}\"}", .update = &contact};
	struct fixture f;

	(void)state;
	(void)shape(&f, &spec, "{\"e\":\"a@b\"}");
	check(f.result.items[0].draft);
	check_eq(f.result.items[0].rejection.class, REJECT_NONE);
	check_eq(f.result.items[0].draft->refused->class, REJECT_GUARD);
	check_text(f.result.items[0].draft->refused->field, "lead_id");
	check(f.result.items[0].draft->update);
	done(&f);
	check_null(shape(&f, &spec,
	                 "{\"e\":\"a@b\",\"lead_id\":\"lead_1\","
	                 "\"emails\":[{\"email\":\"A@b\"}]}")
	                   ->draft->refused);
	done(&f);
	check_null(
		shape(&f, &linked, "{\"e\":\"a@b\",\"c\":\"A\",\"emails\":[{\"email\":\"a@b\"}]}")
			->draft->refused);
	done(&f);
	spec.on_none = NONE_REJECT;
	check_null(shape(&f, &spec, "{\"e\":\"a@b\"}")->draft->refused);
	done(&f);
}

static void each_form_is_held_against_its_own_operation(void **state)
{
	const struct spec update = {.operation = "contact.update",
	                            .url = "/contact/{{id}}/",
	                            .links = {"custom.cf_4:user {\"email\":\"{o}\"}"},
	                            .unknown_keys = UNKNOWN_REJECT};
	const struct spec spec = {.operation = "contact.create",
	                          .match = "{\"email\":\"{name}\"}",
	                          .allow = EFFECT_ORPHANS,
	                          .update = &update};

	(void)state;
	check_upsert(&spec, "{\"name\":\"A\"}", "!link custom.cf_4");
	check_upsert(&spec, "{\"name\":\"A\",\"o\":\"B\"}", "!field o");
}

static void an_update_knows_the_type_that_it_leaves_out(void **state)
{
	struct names names = all_books();
	const struct spec update = {
		.operation = "custom_object.update",
		.url = "/custom_object/{{id}}/",
		.body = "{\"custom_object_type_id\":\"cotype_1\",\"custom.Serial\":\"{k}\"}",
		.create_only = "custom_object_type_id"};
	const struct spec spec = {.operation = "custom_object.create",
	                          .match = "{\"custom.Serial\":\"{k}\"}",
	                          .body = update.body,
	                          .update = &update,
	                          .names = &names};

	(void)state;
	check_upsert(&spec, "{\"k\":\"a\"}",
	             "{\"custom_object_type_id\":\"cotype_1\",\"custom.cf_30\":\"a\"} / "
	             "{\"custom.cf_30\":\"a\"}");
	names_deinit(&names);
}

/* Keys of closefeed's own */

static char *own_key(const char *seed, uint64_t stream, uint64_t pos, enum stream_kind kind)
{
	const struct spec spec = {
		.operation = "lead.create", .own_identity = "custom.cf_9", .seed = seed};
	struct fixture f = {0};
	char *key;

	make_routes(&f.routes, &spec);
	f.record = make_record("{}");
	f.record->stream = stream;
	f.record->pos = pos;
	f.record->kind = kind;
	shape_record(&f.routes, f.record, &f.result);
	key = mem_strdup(f.result.items[0].draft->identity_value);
	check_text(json_get_string(f.result.items[0].draft->body, "custom.cf_9"), key);
	done(&f);
	return key;
}

static void a_key_of_closefeeds_own_is_of_one_output_alone(void **state)
{
	char *keys[] = {own_key("s", 1, 5, STREAM_FILE),      own_key("t", 1, 5, STREAM_FILE),
	                own_key("s", 2, 5, STREAM_FILE),      own_key("s", 1, 6, STREAM_FILE),
	                own_key("s", 1, 5, STREAM_PARTITION), own_key("s", 1, 5, STREAM_FILE)};
	/* In Kafka the partition says where it is, and neither this state nor a row of it. */
	char *other = own_key("t", 2, 5, STREAM_PARTITION);
	char *preview = own_key(NULL, 1, 5, STREAM_FILE);

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		check_eq(strlen(keys[i]), 32);
		check_eq(strspn(keys[i], "0123456789abcdef"), 32);
		for (size_t k = 0; k < i; k++)
			check(strcmp(keys[i], keys[k]) != 0);
	}
	check_text(keys[0], keys[5]);
	check_text(other, keys[4]);
	check_text(preview, "<key of closefeed's own>");
	for (size_t i = 0; i < 6; i++)
		free(keys[i]);
	free(other);
	free(preview);
}

/* Batches that gather by what records have in common */

/* What a row brings stands in the list of the lead, or is the body of a call of its own. */
static void what_is_excluded_is_in_no_contact_of_a_row(void **state)
{
	static const struct {
		const char *exclude, *child;
	} rows[] = {
		{"contacts[].title",
	         "{\"name\":\"Ana\",\"custom.CKey\":\"K\",\"emails\":[{\"email\":"
	         "\"a@x\",\"type\":\"office\"}]}"},
		{"title", "{\"name\":\"Ana\",\"custom.CKey\":\"K\",\"emails\":[{\"email\":\"a@x\","
	                  "\"type\":\"office\"}]}"},
		{"custom.CKey", "{\"name\":\"Ana\",\"title\":\"J\",\"emails\":[{\"email\":\"a@x\","
	                        "\"type\":\"office\"}]}"},
		{"contacts[].emails[].type",
	         "{\"name\":\"Ana\",\"title\":\"J\",\"custom.CKey\":\"K\","
	         "\"emails\":[{\"email\":\"a@x\"}]}"},
		{"contacts", NULL},
		{"*", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct spec nest = {
			.operation = "lead.create",
			.body = "{\"name\":\"{c}\"}",
			.by = "{c}",
			.child =
				"{\"name\":\"{n}\",\"title\":\"{j}\",\"custom\":{\"CKey\":\"{k}\"},"
				"\"emails\":\"{e}\"}",
			.exclude = {rows[i].exclude},
		};
		struct fixture f;
		struct draft *draft = shape(&f, &nest,
		                            "{\"c\":\"A\",\"n\":\"Ana\",\"j\":\"J\",\"k\":\"K\","
		                            "\"e\":[{\"email\":\"a@x\",\"type\":\"office\"}]}")
		                              ->draft;

		if (rows[i].child) {
			cleanup_(json_freep) struct json_object *want = parse(rows[i].child);

			check(json_object_equal(draft->child, want));
		} else {
			check_null(draft->child);
		}
		check_text(draft->excluded[0], rows[i].exclude);
		check_null(draft->excluded[1]);
		done(&f);
	}
}

static void rows_say_what_they_belong_to_and_bring(void **state)
{
	struct names names = all_books();
	const struct spec nest = {.operation = "lead.create",
	                          .body = "{\"name\":\"{c}\"}",
	                          .by = "{c|lower}",
	                          .child = "{\"name\":\"{n}\",\"custom\":{\"Role\":\"{r}\"}}",
	                          .names = &names};
	const struct spec merge = {.operation = "lead.update", .by = "{c}"};
	struct fixture f;
	char *child;

	(void)state;
	(void)shape(&f, &nest, "{\"c\":\"Acme\",\"n\":\"Ana\",\"r\":\"Boss\"}");
	check_text(f.result.items[0].draft->by, "acme");
	child = json_text(f.result.items[0].draft->child);
	check_text(child, "{\"name\":\"Ana\",\"custom.cf_20\":\"Boss\"}");
	free(child);
	done(&f);
	check_null(shape(&f, &nest, "{\"c\":\"Acme\"}")->draft->child);
	done(&f);
	check_body(&nest, "{\"n\":\"Ana\"}", "!template -");
	check_body(&merge, "{\"id\":\"lead_1\",\"c\":\" \"}", "!template -");
	check_body(&merge, "{\"id\":\"lead_1\",\"c\":null}", "!template -");
	check_text(shape(&f, &merge, "{\"id\":\"lead_1\",\"c\":7}")->draft->by, "7");
	done(&f);
	names_deinit(&names);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(an_upsert_has_two_forms),
		sentence(what_is_left_out_may_be_written_by_name_or_id),
		sentence(a_match_by_a_custom_field_proves_the_create),
		sentence(a_key_of_the_route_proves_before_the_match_does),
		sentence(what_holds_a_create_back_is_told_when_there_is_no_object),
		sentence(each_form_is_held_against_its_own_operation),
		sentence(an_update_knows_the_type_that_it_leaves_out),
		sentence(a_key_of_closefeeds_own_is_of_one_output_alone),
		sentence(what_is_excluded_is_in_no_contact_of_a_row),
		sentence(rows_say_what_they_belong_to_and_bring),
	};

	return cmocka_run_group_tests(sentences, NULL, NULL);
}
