/* match, link and upsert: what a record says of the objects it means. */

#include "tests/unit/shape_books.h"

#include "lib/buf.h"

#include <stdio.h>

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
	/* What is missing is named in each of them, so that no round of mending is in vain. */
	check_lookups(&spec, "{}",
	              "!match name match: in this record name (\"{n}\") is missing, "
	              "email (\"{m}\") is missing, phone (\"{p}\") is missing, so nobody can say "
	              "which lead is meant");
	check_lookups(&spec, "{\"n\":\"A\",\"m\":null,\"p\":\" \"}",
	              "!match email match: in this record email (\"{m}\") is null, "
	              "email (\"{m}\") is null, phone (\"{p}\") is empty, so");
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
		{"lead_id:lead [{\"name\":\"{k}\"},{\"phone\":\"{p}\"}]", "{\"p\":\"-\"}",
	         "!link lead_id link of lead_id: in this record name (\"{k}\") is missing, "
	         "phone (\"{p}\") is no phone number, so nobody can say which lead is meant"},
	};
	struct names names = all_books();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct spec spec = {.operation = "contact.create",
		                          .links = {rows[i].link},
		                          .allow = EFFECT_ORPHANS,
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
	};

	return cmocka_run_group_tests(sentences, NULL, NULL);
}
