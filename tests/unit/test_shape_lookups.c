/* match, link and upsert: what a record says of the objects it means. */

#include "tests/unit/shape_case.h"

#include "lib/buf.h"

#include <stdio.h>

static struct name_book *lead_fields(void)
{
	static const struct {
		const char *id, *name;
		enum field_type type;
	} fields[] = {
		{"cf_1", "Account ID", FIELD_TEXT}, {"cf_2", "Number", FIELD_NUMBER},
		{"cf_3", "Tier", FIELD_CHOICES},    {"cf_4", "Manager", FIELD_USER},
		{"cf_5", "Twice", FIELD_TEXT},      {"cf_6", "Twice", FIELD_TEXT},
	};
	struct name_book *book = name_book_new("lead");

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		name_book_add(book, fields[i].id, fields[i].name)->type = fields[i].type;
	return book;
}

static struct name_book *book_of_one(const char *kind, const char *id, const char *name)
{
	struct name_book *book = name_book_new(kind);

	name_book_add(book, id, name)->type = FIELD_TEXT;
	return book;
}

static struct names all_books(void)
{
	struct names names = {0};

	names_put(&names, lead_fields());
	names_put(&names, book_of_one("contact", "cf_20", "Role"));
	names_put(&names, book_of_one("custom_object/cotype_1", "cf_30", "Serial"));
	names_put(&names, book_of_one("user", "user_1", "Ana Ruiz"));
	for (size_t i = 0; i < names.n; i++)
		names.books[i]->is_fresh = true;
	return names;
}

/* The keys of @lookup, and of each link, in short: "lead [email~email=A@x] | […]". */
static void print_lookup(const struct lookup *lookup, struct buf *out)
{
	static const char *const likes[] = {"text",   "email", "phone",  "url", "number",
	                                    "choice", "day",   "moment", "id"};

	buf_adds(out, lookup->kind);
	for (size_t i = 0; i < lookup->n_keys; i++) {
		buf_adds(out, " [");
		for (size_t k = 0; k < lookup->keys[i].n; k++) {
			const struct lookup_field *f = &lookup->keys[i].fields[k];

			buf_addf(out, "%s%s~%s=%s", k ? "," : "", f->name, likes[f->like],
			         f->folded);
		}
		buf_addc(out, ']');
	}
}

static char *lookups_of(const struct draft *draft)
{
	struct buf out = BUF_INIT;

	if (draft->match) {
		buf_adds(&out, "match ");
		print_lookup(draft->match, &out);
	}
	for (size_t i = 0; i < draft->n_links; i++) {
		const struct draft_link *link = &draft->links[i];

		buf_addf(&out, "%s%s%s%s%s%s: ", out.len ? "; " : "", link->is_in_url ? "=" : "",
		         link->field, link->takes_lead ? "^" : "", link->fallback ? "|" : "",
		         link->fallback ? link->fallback : "");
		print_lookup(&link->lookup, &out);
	}
	return buf_take(&out);
}

/* @expected: the lookups, or "!class field part of the sentence". */
static void check_lookups(const struct spec *spec, const char *record, const char *expected)
{
	struct fixture f;
	const struct shape_output *output = shape(&f, spec, record);
	char *text;

	if (output->draft)
		text = lookups_of(output->draft);
	else
		text = mem_printf("!%s %s", reject_class_name(output->rejection.class),
		                  output->rejection.field ? output->rejection.field : "-");
	if (output->draft || strncmp(expected, text, strlen(text)) != 0)
		check_text(text, expected);
	else if (expected[strlen(text)] &&
	         !strstr(output->rejection.message, expected + strlen(text) + 1))
		fail_msg("%s", output->rejection.message);
	free(text);
	done(&f);
}

static void a_match_is_rendered_trimmed_and_folded(void **state)
{
	static const struct {
		const char *match, *record, *expected;
	} rows[] = {
		{"{\"email\":\"{m}\"}", "{\"m\":\" Ana@X.example \"}",
	         "match lead [email~email=ana@x.example]"},
		{"{\"phone\":\"{p}\"}", "{\"p\":\"+1 (2) 3\"}", "match lead [phone~phone=+123]"},
		{"{\"url\":\"{u}\"}", "{\"u\":\"https://www.A.example/b/\"}",
	         "match lead [url~url=a.example/b]"},
		{"{\"name\":\"{n} {o}\",\"email\":\"{m}\"}", "{\"n\":\"A\",\"o\":7,\"m\":\"a@b\"}",
	         "match lead [name~text=A 7,email~email=a@b]"},
		{"{\"name\":\"{n}\"}", "{\"n\":12345678901234567890}",
	         "match lead [name~text=12345678901234567890]"},
		{"{\"name\":\"{n}\"}", "{\"n\":true}", "match lead [name~text=true]"},
		{"{\"id\":\"{n}\"}", "{\"n\":\"lead_1\"}", "match lead [id~id=lead_1]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct spec spec = {
			.operation = "lead.update", .url = "/lead/{{id}}/", .match = rows[i].match};

		check_lookups(&spec, rows[i].record, rows[i].expected);
	}
}

static void a_value_that_is_missing_never_means_no_match(void **state)
{
	static const struct {
		const char *record, *expected;
	} rows[] = {
		{"{}", "!match email match by email (\"{m}\"): the value is missing"},
		{"{\"m\":null}", "!match email the value is null"},
		{"{\"m\":\" \"}", "!match email the value is empty"},
		{"{\"m\":[\"a@b\"]}", "!match email the value is a list"},
		{"{\"m\":{}}", "!match email the value is an object"},
		{"{\"m\":\"a\\u0000b\"}", "!match email NUL"},
	};
	const struct spec spec = {
		.operation = "lead.delete", .url = "/lead/{{id}}/", .match = "{\"email\":\"{m}\"}"};
	const struct spec id = {
		.operation = "lead.delete", .url = "/lead/{{id}}/", .match = "{\"id\":\"{m}\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_lookups(&spec, rows[i].record, rows[i].expected);
	check_lookups(&id, "{\"m\":\"cont_1\"}", "!match id is no id of a lead (\"lead_…\")");
}

static void nor_does_one_of_which_nothing_is_left(void **state)
{
	const struct spec phone = {
		.operation = "lead.delete", .url = "/lead/{{id}}/", .match = "{\"phone\":\"{m}\"}"};
	const struct spec url = {
		.operation = "lead.delete", .url = "/lead/{{id}}/", .match = "{\"url\":\"{m}\"}"};

	(void)state;
	check_lookups(&phone, "{\"m\":\"n/a\"}", "!match phone the value is no phone number");
	check_lookups(&phone, "{\"m\":\"+\"}", "!match phone the value is no phone number");
	check_lookups(&url, "{\"m\":\"https://\"}", "!match url the value is no address");
	check_lookups(&url, "{\"m\":\"/\"}", "!match url the value is no address");
}

static void who_is_meant_matters_more_than_what_is_said(void **state)
{
	const struct spec match = {.operation = "lead.update",
	                           .url = "/lead/{{id}}/",
	                           .match = "{\"email\":\"{m}\"}",
	                           .body = "{\"name\":\"{name}\"}"};
	const struct spec link = {.operation = "activity.note.create",
	                          .url = "/activity/note/",
	                          .links = {"lead_id:lead {\"email\":\"{m}\"}"},
	                          .body = "{\"note\":\"{note}\"}"};

	(void)state;
	check_lookups(&match, "{}", "!match email the value is missing");
	check_lookups(&match, "{\"m\":\"a@b.example\"}", "!template - no placeholder of the body");
	check_lookups(&link, "{}", "!link lead_id the value is missing");
	check_lookups(&link, "{\"m\":\"a@b.example\"}", "!template - no placeholder of the body");
}

static void a_map_without_a_value_is_passed_over(void **state)
{
	const struct spec spec = {.operation = "lead.delete",
	                          .url = "/lead/{{id}}/",
	                          .match = "[{\"name\":\"{n}\",\"email\":\"{m}\"},"
	                                   "{\"email\":\"{m}\"},{\"phone\":\"{p}\"}]"};

	(void)state;
	check_lookups(&spec, "{\"n\":\"A\",\"m\":\"b\",\"p\":\"1\"}",
	              "match lead [name~text=A,email~email=b] [email~email=b] [phone~phone=1]");
	check_lookups(&spec, "{\"m\":\"b\"}", "match lead [email~email=b]");
	check_lookups(&spec, "{\"n\":\"A\",\"p\":\"1\"}", "match lead [phone~phone=1]");
	check_lookups(&spec, "{}", "!match name \"{n}\"): the value is missing");
	/* What can be no value at all is a mistake, even where another map has one. */
	check_lookups(&spec, "{\"m\":[],\"p\":\"1\"}", "!match email the value is a list");
}

static void a_hole_of_the_url_stays(void **state)
{
	const struct spec update = {.operation = "lead.update",
	                            .url = "/lead/{{id}}/",
	                            .query = "x={m}",
	                            .match = "{\"email\":\"{m}\"}"};
	const struct spec linked = {.operation = "custom_field.shared.association.delete",
	                            .url = "/custom_field/shared/{{shared_custom_field_id}}/"
	                                   "association/{object_type}/",
	                            .keep_slash = "object_type",
	                            .links = {"=shared_custom_field_id:custom_field.shared "
	                                      "{\"name\":\"{f}\"}"}};

	(void)state;
	check_url(&update, "{\"m\":\"a{id}b\"}", "/lead/{id}/?x=a%7Bid%7Db");
	if (operation_find(crm_catalogue(), linked.operation)) {
		check_url(&linked, "{\"f\":\"Key\",\"object_type\":\"lead\"}",
		          "/custom_field/shared/{shared_custom_field_id}/association/lead/");
		check_url(&linked, "{\"f\":\"Key\",\"object_type\":\"..\"}", "!{object_type}");
	}
}

static void custom_fields_are_looked_up_by_id_and_like_their_type(void **state)
{
	static const struct {
		const char *match, *record, *expected;
	} rows[] = {
		{"{\"custom.Account ID\":\"{k}\"}", "{\"k\":77}",
	         "match lead [custom.cf_1~text=77]"},
		{"{\"custom.Number\":\"{k}\"}", "{\"k\":\"1.50\"}",
	         "match lead [custom.cf_2~number=1.5]"},
		{"{\"custom.cf_2\":\"{k}\"}", "{\"k\":7.0}", "match lead [custom.cf_2~number=7]"},
		{"{\"custom.Tier\":\"{k}\"}", "{\"k\":\"Gold\"}",
	         "match lead [custom.cf_3~choice=Gold]"},
		{"{\"custom.Manager\":\"{k}\"}", "{\"k\":\"Ana Ruiz\"}",
	         "match lead [custom.cf_4~choice=user_1]"},
		{"{\"custom.Manager\":\"{k}\"}", "{\"k\":\"Bo\"}",
	         "!field custom.Manager no user called \"Bo\""},
		{"{\"custom.Number\":\"{k}\"}", "{\"k\":\"seven\"}",
	         "!match custom.Number \"seven\" is no number"},
		{"{\"custom.Acount ID\":\"{k}\"}", "{\"k\":1}",
	         "!field custom.Acount ID did you mean \"Account ID\"?"},
		{"{\"custom.Twice\":\"{k}\"}", "{\"k\":1}", "!field custom.Twice more than one"},
		{"{\"custom.cf_99\":\"{k}\"}", "{\"k\":7}", "match lead [custom.cf_99~text=7]"},
	};
	struct names names = all_books();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct spec spec = {.operation = "lead.delete",
		                          .url = "/lead/{{id}}/",
		                          .match = rows[i].match,
		                          .names = &names};

		check_lookups(&spec, rows[i].record, rows[i].expected);
	}
	names_deinit(&names);
}

static void fields_are_those_of_the_kind_that_is_looked_up(void **state)
{
	static const struct {
		const char *link, *record, *expected;
	} rows[] = {
		{"lead_id:contact {\"custom.Role\":\"{k}\"}", "{\"k\":\"x\"}",
	         "lead_id^: contact [custom.cf_20~text=x]"},
		{"lead_id:lead {\"custom.Account ID\":\"{k}\"}", "{\"k\":\"x\"}",
	         "lead_id: lead [custom.cf_1~text=x]"},
		{"lead_id:lead {\"custom.Role\":\"{k}\"}", "{\"k\":\"x\"}",
	         "!field custom.Role no custom field of leads"},
		{"lead_id:custom_object {\"custom.Serial\":\"{k}\"}",
	         "{\"k\":\"x\",\"custom_object_type_id\":\"cotype_1\"}",
	         "lead_id^: custom_object [custom.cf_30~text=x]"},
		{"lead_id:custom_object {\"custom.Serial\":\"{k}\"}", "{\"k\":\"x\"}",
	         "!field custom.Serial has no custom_object_type_id"},
		{"lead_id:custom_object {\"custom.cf_30\":\"{k}\"}", "{\"k\":\"x\"}",
	         "lead_id^: custom_object [custom.cf_30~text=x]"},
		{"user_id:user {\"email\":\"{k}\"}", "{\"k\":\"A@x\"}",
	         "user_id: user [email~email=a@x]"},
		{"lead_id:lead {\"id\":\"{k}\"}", "{\"k\":\"A@x\"}",
	         "!link lead_id is no id of a lead"},
		{"lead_id:lead {\"name\":\"{k}\"}", "{}",
	         "!link lead_id link of lead_id by name (\"{k}\"): the value is missing"},
	};
	struct names names = all_books();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct spec spec = {.operation = "contact.create",
		                          .links = {rows[i].link},
		                          .allow = ALLOW_ORPHANS,
		                          .names = &names};

		check_lookups(&spec, rows[i].record, rows[i].expected);
	}
	names_deinit(&names);
}

/* Whatever is missing is asked for at once, in one go. */
static void books_that_are_missing_are_needed(void **state)
{
	const struct spec update = {
		.operation = "lead.update",
		.url = "/lead/{{id}}/",
		.body = "{\"name\":\"{k}\"}",
		.links = {"custom.Account ID:lead {\"custom.Account ID\":\"{e}\"}"},
	};
	const struct spec spec = {
		.operation = "lead.create",
		.match = "[{\"custom.cf_1\":\"{k}\"},{\"custom.Number\":\"{k}\"}]",
		.links = {"custom.Manager:contact {\"custom.Role\":\"{k}\"}"},
		.update = &update,
	};
	struct names old = all_books();
	struct spec known = spec;
	struct fixture f;

	(void)state;
	check(shape(&f, &spec, "{\"k\":1,\"e\":\"a@b\"}")->draft);
	check_text(f.result.needs[0], "lead");
	check_text(f.result.needs[1], "contact");
	check_null(f.result.needs[2]);
	check_text(f.result.items[0].draft->match->keys[1].fields[0].name, "custom.Number");
	check_text(
		f.result.items[0].draft->update->notes[0],
		"\"custom.Account ID\" is the name of a custom field of leads: its id is looked up "
		"when it runs");
	check_null(f.result.items[0].draft->update->notes[1]);
	done(&f);

	known.names = &old;
	known.match = "{\"custom.cf_99\":\"{k}\"}";
	(void)shape(&f, &known, "{\"k\":1,\"e\":\"a@b\"}");
	check_null(f.result.needs);
	done(&f);
	/* An old book may not know a new field yet. */
	old.books[0]->is_fresh = false;
	(void)shape(&f, &known, "{\"k\":1,\"e\":\"a@b\"}");
	check_text(f.result.needs[0], "lead");
	check_null(f.result.needs[1]);
	done(&f);
	names_deinit(&old);
}

static void a_link_has_a_fallback_where_it_is_there(void **state)
{
	const struct spec spec = {.operation = "contact.create",
	                          .links = {"lead_id:lead {\"name\":\"{n}\"}"},
	                          .fallback = "{d}"};
	const struct spec bad = {.operation = "contact.create",
	                         .links = {"lead_id:lead {\"name\":\"{n}\"}"},
	                         .fallback = "{d|number}"};

	(void)state;
	check_lookups(&spec, "{\"n\":\"A\",\"d\":\"lead_1\"}",
	              "lead_id|lead_1: lead [name~text=A]");
	check_lookups(&spec, "{\"n\":\"A\",\"d\":\"\"}", "lead_id: lead [name~text=A]");
	check_lookups(&spec, "{\"n\":\"A\",\"d\":null}", "lead_id: lead [name~text=A]");
	check_lookups(&spec, "{\"n\":\"A\"}", "lead_id: lead [name~text=A]");
	check_lookups(&bad, "{\"n\":\"A\",\"d\":\"x\"}", "!template lead_id");
	/* Nobody was found is one thing, nobody was named another. */
	check_lookups(&spec, "{\"d\":\"lead_1\"}", "!link lead_id");
}

static void what_is_linked_is_not_taken_from_the_record(void **state)
{
	struct names names = all_books();
	const struct spec contact = {.operation = "contact.create",
	                             .links = {"lead_id:lead {\"name\":\"{n}\"}"}};
	const struct spec custom = {.operation = "lead.create",
	                            .links = {"custom.Manager:user {\"email\":\"{e}\"}"},
	                            .names = &names};
	const struct spec note = {.operation = "activity.note.create",
	                          .body = "{\"note\":\"{n}\"}",
	                          .links = {"lead_id:lead {\"name\":\"{n}\"}"}};
	const struct spec list = {.method = METHOD_POST,
	                          .url = "/x",
	                          .body = "[\"{n}\"]",
	                          .links = {"lead_id:lead {\"name\":\"{n}\"}"}};

	(void)state;
	check_body(&contact, "{\"n\":\"A\",\"lead_id\":\"lead_7\"}", "{\"n\":\"A\"}");
	/* It fills what is required, and a contact that has a lead is no orphan. */
	check_body(&note, "{\"n\":\"A\"}", "{\"note\":\"A\"}");
	check_body(&custom, "{\"e\":\"A\",\"custom.Manager\":\"nobody\"}", "{\"e\":\"A\"}");
	check_body(&custom, "{\"e\":\"A\",\"custom.cf_4\":\"user_9\"}", "{\"e\":\"A\"}");
	check_body(&custom, "{\"e\":\"A\",\"custom\":{\"Manager\":\"nobody\",\"cf_9\":1}}",
	           "{\"e\":\"A\",\"custom.cf_9\":1}");
	check_lookups(&custom, "{\"e\":\"A@x\"}", "custom.cf_4: user [email~email=a@x]");
	check_body(&list, "{\"n\":\"A\"}", "!link lead_id");
	names_deinit(&names);
}

/* Upserts */

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
	                          .allow = ALLOW_ORPHANS,
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
	/* In Kafka the partition says where it is, and no row of this state. */
	char *other = own_key("s", 2, 5, STREAM_PARTITION);
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

static void rows_say_what_they_belong_to_and_bring(void **state)
{
	struct names names = all_books();
	const struct spec nest = {.operation = "lead.create",
	                          .body = "{\"name\":\"{c}\"}",
	                          .by = "{c|lower}",
	                          .child = "{\"name\":\"{n}\",\"custom\":{\"Role\":\"{r}\"}}",
	                          .exclude = {"name"},
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
		sentence(a_match_is_rendered_trimmed_and_folded),
		sentence(a_value_that_is_missing_never_means_no_match),
		sentence(nor_does_one_of_which_nothing_is_left),
		sentence(who_is_meant_matters_more_than_what_is_said),
		sentence(a_map_without_a_value_is_passed_over),
		sentence(a_hole_of_the_url_stays),
		sentence(custom_fields_are_looked_up_by_id_and_like_their_type),
		sentence(fields_are_those_of_the_kind_that_is_looked_up),
		sentence(books_that_are_missing_are_needed),
		sentence(a_link_has_a_fallback_where_it_is_there),
		sentence(what_is_linked_is_not_taken_from_the_record),
		sentence(an_upsert_has_two_forms),
		sentence(what_is_left_out_may_be_written_by_name_or_id),
		sentence(a_match_by_a_custom_field_proves_the_create),
		sentence(a_key_of_the_route_proves_before_the_match_does),
		sentence(what_holds_a_create_back_is_told_when_there_is_no_object),
		sentence(each_form_is_held_against_its_own_operation),
		sentence(an_update_knows_the_type_that_it_leaves_out),
		sentence(a_key_of_closefeeds_own_is_of_one_output_alone),
		sentence(rows_say_what_they_belong_to_and_bring),
	};

	return cmocka_run_group_tests(sentences, NULL, NULL);
}
