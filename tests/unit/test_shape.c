#include "tests/unit/shape_case.h"

static void default_body_is_the_record_without_what_fills_the_path(void **state)
{
	const struct spec create = {.operation = "lead.create"};
	const struct spec update = {.operation = "lead.update"};
	const struct spec by_field = {.operation = "lead.update", .url = "/lead/{crm.id}/"};
	const struct spec deleted = {.operation = "contact.delete"};

	(void)state;
	check_body(&create, "{\"name\":\"A\",\"id\":7,\"big\":12345678901234567890,\"d\":19.90}",
	           "{\"name\":\"A\",\"id\":7,\"big\":12345678901234567890,\"d\":19.90}");
	check_body(&create, "{}", "{}");
	check_body(&update, "{\"id\":\"lead_1\",\"name\":\"A\"}", "{\"name\":\"A\"}");
	/* A placeholder with a path does not use up its top-level field. */
	check_body(&by_field, "{\"crm\":{\"id\":\"lead_1\"},\"name\":\"A\"}",
	           "{\"crm\":{\"id\":\"lead_1\"},\"name\":\"A\"}");
	check_body(&deleted, "{\"id\":\"cont_1\",\"name\":\"A\"}", "-");
}

static void a_contact_is_not_moved_by_accident(void **state)
{
	const struct spec passed = {.operation = "contact.update"};
	const struct spec written = {.operation = "contact.update",
	                             .body = "{\"lead_id\":\"{lead_id}\"}"};
	struct fixture f;

	(void)state;
	check_body(&written, "{\"id\":\"cont_1\",\"lead_id\":\"lead_2\"}",
	           "{\"lead_id\":\"lead_2\"}");
	check_body(&passed, "{\"id\":\"cont_1\",\"lead_id\":\"lead_2\",\"name\":\"A\"}",
	           "{\"name\":\"A\"}");
	(void)shape(&f, &passed, "{\"id\":\"cont_1\",\"lead_id\":\"lead_2\"}");
	check(strstr(f.result.items[0].draft->notes[0], "lead_id was left out"));
	check_null(f.result.items[0].draft->notes[1]);
	done(&f);
}

static void written_body_follows_the_template(void **state)
{
	const struct spec spec = {
		.operation = "lead.create",
		.body = "{\"name\":\"{company}\",\"description\":\"{@file}:{@line} {@var.region}\","
			"\"contacts\":[{\"name\":\"{who}\",\"emails\":[{\"type\":\"office\",\"email\":"
			"\"{email}\"}]}],\"custom.cf_A1\":\"{@var.n}\"}"};
	const struct spec lone = {.operation = "lead.create", .body = "\"{payload}\""};

	(void)state;
	check_body(&spec, "{\"company\":\"Acme\",\"who\":\"Ana\"}",
	           "{\"name\":\"Acme\",\"description\":\"signups.ndjson:12 "
	           "EU\",\"contacts\":[{\"name\":\"Ana\"}],\"custom.cf_A1\":1.50}");
	check_body(&lone, "{\"payload\":{\"name\":\"A\"}}", "{\"name\":\"A\"}");
	check_body(&lone, "{\"payload\":[1]}", "!template -");
	check_body(&lone, "{\"payload\":null}", "!template -");
	check_body(&lone, "{\"payload\":\"x\"}", "!template -");
	check_body(&lone, "{}", "!template -");
}

static void a_body_of_constants_only_is_refused(void **state)
{
	const struct spec spec = {.operation = "lead.create",
	                          .body = "{\"name\":\"{company}\",\"status\":\"New\"}"};

	(void)state;
	check_body(&spec, "{\"compny\":\"Acme\"}", "!template -");
	check_body(&spec, "{\"company\":null}", "{\"name\":null,\"status\":\"New\"}");
}

static void origin_tells_time_and_hash(void **state)
{
	const struct spec spec = {.operation = "lead.create",
	                          .body = "{\"name\":\"{@now}\",\"description\":\"{@sha256}\","
	                                  "\"url\":\"{@var.gone}\"}"};

	(void)state;
	check_body(
		&spec, "{}",
		"{\"name\":\"2026-03-09T14:00:00.000Z\",\"description\":\"44136fa355b3678a1146ad16"
		"f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"}");
}

static void excluded_paths_are_in_no_body(void **state)
{
	static const struct {
		struct spec spec;
		const char *record, *expected;
	} rows[] = {
		{{.operation = "lead.create", .exclude = {"id", "_*", "meta.ip", "l[].x"}},
	         "{\"id\":1,\"_a\":2,\"name\":\"A\",\"meta\":{\"ip\":3,\"b\":4},\"l\":[{\"x\":5,\"y\":6}]}",
	         "{\"name\":\"A\",\"meta\":{\"b\":4},\"l\":[{\"y\":6}]}"},
		{{.operation = "lead.create",
	          .body = "{\"name\":\"{meta.ip}\",\"url\":\"{n}\",\"contacts\":\"{l}\"}",
	          .exclude = {"url", "contacts[].x"}},
	         "{\"n\":1,\"meta\":{\"ip\":3},\"l\":[{\"x\":5,\"name\":6}]}",
	         "{\"name\":3,\"contacts\":[{\"name\":6}]}"},
		{{.operation = "lead.create", .body = "\"{p}\"", .exclude = {"a", "o.b"}},
	         "{\"p\":{\"a\":1,\"name\":2,\"o\":{\"b\":3}}}",
	         "{\"name\":2,\"o\":{}}"},
		{{.operation = "lead.create", .exclude = {"custom.cf_2"}},
	         "{\"custom\":{\"cf_1\":1,\"cf_2\":2}}",
	         "{\"custom.cf_1\":1}"},
		{{.operation = "lead.create", .exclude = {"custom.cf_2"}},
	         "{\"custom.cf_2\":1,\"name\":2}",
	         "{\"name\":2}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_body(&rows[i].spec, rows[i].record, rows[i].expected);
}

static void url_and_templates_see_what_is_excluded(void **state)
{
	const struct spec spec = {.operation = "lead.update",
	                          .url = "/lead/{id}/",
	                          .exclude = {"id", "secret"},
	                          .query = "x={secret}"};

	(void)state;
	check_url(&spec, "{\"id\":\"lead_1\",\"secret\":\"s\",\"name\":\"A\"}",
	          "/lead/lead_1/?x=s");
}

static void what_was_excluded_is_told(void **state)
{
	const struct spec spec = {.operation = "lead.create", .exclude = {"id", "gone", "m.ip"}};
	struct fixture f;
	char **excluded;

	(void)state;
	excluded = shape(&f, &spec, "{\"id\":1,\"m\":{\"ip\":1}}")->draft->excluded;
	check_text(excluded[0], "id");
	check_text(excluded[1], "m.ip");
	check_null(excluded[2]);
	done(&f);
}

/*
 * A made-up record, as deep as it is told: what is excluded begins with "no" wherever it stands.
 */
/* NOLINTNEXTLINE(misc-no-recursion) */
static void add_members(struct json_object *into, unsigned *seed, unsigned depth)
{
	static const char *const names[] = {"a", "nob", "c", "nod", "list"};

	for (size_t i = 0; i < 5; i++) {
		struct json_object *value;

		*seed = *seed * 1103515245 + 12345;
		if ((*seed >> 16) % 3 == 0)
			continue;
		if (depth && (*seed >> 16) % 2) {
			value = json_object_new_object();
			add_members(value, seed, depth - 1);
			if (i == 4) {
				struct json_object *list = json_object_new_array();

				json_object_array_add(list, value);
				value = list;
			}
		} else {
			value = json_object_new_int((int)(*seed >> 8));
		}
		json_object_object_add(into, names[i], value);
	}
}

static void whatever_the_record_nothing_excluded_is_in_a_body(void **state)
{
	static const struct spec specs[] = {
		{.method = METHOD_POST,
	         .url = "/x",
	         .exclude = {"no*", "*.no*", "*.*.no*", "list[].no*"}},
		{.method = METHOD_POST,
	         .url = "/x",
	         .body = "{\"nob\":\"{a}\",\"a\":\"{nob}\",\"c\":\"{c}\",\"list\":\"{list}\"}",
	         .exclude = {"no*", "*.no*", "*.*.no*", "list[].no*"}},
	};

	(void)state;
	for (unsigned seed = 1; seed < 400; seed++) {
		struct json_object *record = json_object_new_object();
		unsigned state_of = seed;
		char *text;

		/* Depth 1 below the top, so the four patterns reach all of it. */
		add_members(record, &state_of, 1);
		text = json_text(record);
		for (size_t i = 0; i < 2; i++) {
			struct fixture f;
			struct shape_output *output = shape(&f, &specs[i], text);
			char *body = output->draft ? json_text(output->draft->body) : strdup("");

			check_null(strstr(body, "\"no"));
			free(body);
			done(&f);
		}
		free(text);
		json_object_put(record);
	}
}

static void nulls_are_sent_or_omitted(void **state)
{
	const struct spec sent = {.operation = "lead.create"};
	const struct spec omitted = {.operation = "lead.create", .nulls = NULLS_OMIT};
	const struct spec written = {.operation = "lead.create",
	                             .nulls = NULLS_OMIT,
	                             .body = "{\"name\":\"{n}\",\"url\":\"{u}\",\"status\":null}"};
	static const char record[] =
		"{\"name\":null,\"url\":\"u\",\"contacts\":[{\"name\":null,\"title\":1},null]}";

	(void)state;
	check_body(&sent, record, record);
	check_body(&omitted, record, "{\"url\":\"u\",\"contacts\":[{\"title\":1},null]}");
	check_body(&written, "{\"n\":null,\"u\":\"x\"}", "{\"url\":\"x\"}");
}

static void what_is_omitted_takes_along_what_shows_nothing_else(void **state)
{
	static const char body[] =
		"{\"name\":\"{n}\",\"contacts\":[{\"name\":\"{first} {last}\","
		"\"emails\":[{\"email\":\"{mail}\",\"type\":\"office\"}],\"phones\":[\"{phone}\"]}]}";
	static const char record[] = "{\"n\":\"A\",\"mail\":null,\"phone\":\"\"}";
	const struct spec sent = {.operation = "lead.create", .body = body};
	const struct spec nulls = {.operation = "lead.create", .body = body, .nulls = NULLS_OMIT};
	const struct spec blanks = {.operation = "lead.create", .body = body, .blanks = NULLS_OMIT};
	const struct spec both = {.operation = "lead.create",
	                          .body = body,
	                          .nulls = NULLS_OMIT,
	                          .blanks = NULLS_OMIT};

	(void)state;
	check_body(&sent, record,
	           "{\"name\":\"A\",\"contacts\":[{\"emails\":[{\"email\":null,"
	           "\"type\":\"office\"}],\"phones\":[\"\"]}]}");
	check_body(&nulls, record, "{\"name\":\"A\",\"contacts\":[{\"phones\":[\"\"]}]}");
	check_body(&blanks, record,
	           "{\"name\":\"A\",\"contacts\":[{\"emails\":[{\"email\":null,"
	           "\"type\":\"office\"}]}]}");
	check_body(&both, record, "{\"name\":\"A\"}");
}

static void blanks_are_sent_or_omitted(void **state)
{
	const struct spec sent = {.operation = "lead.create"};
	const struct spec omitted = {.operation = "lead.create", .blanks = NULLS_OMIT};
	const struct spec both = {
		.operation = "lead.create", .nulls = NULLS_OMIT, .blanks = NULLS_OMIT};
	const struct spec written = {
		.operation = "lead.create",
		.blanks = NULLS_OMIT,
		.body = "{\"name\":\"{n|or:}\",\"url\":\"{u}\",\"description\":\"\"}"};
	const struct spec free = {
		.method = METHOD_POST, .url = "/x", .body = "\"{x}\"", .blanks = NULLS_OMIT};
	static const char record[] =
		"{\"name\":\"\",\"url\":\" \",\"description\":null,"
		"\"contacts\":[{\"name\":\"\",\"title\":0},\"\",{\"name\":\"\"}]}";

	(void)state;
	check_body(&sent, record, record);
	check_body(&omitted, record,
	           "{\"url\":\" \",\"description\":null,"
	           "\"contacts\":[{\"title\":0},\"\",{}]}");
	check_body(&both, record, "{\"url\":\" \",\"contacts\":[{\"title\":0},\"\",{}]}");
	check_body(&written, "{\"n\":null,\"u\":\"x\"}", "{\"url\":\"x\"}");
	check_body(&free, "{\"x\":\"\"}", "\"\"");
}

static void a_value_that_a_filter_cannot_take_rejects_the_record(void **state)
{
	const struct spec body = {.operation = "lead.create",
	                          .body = "{\"name\":\"{name}\",\"custom.cf_1\":\"{n|cents}\"}"};
	const struct spec url = {.operation = "lead.update", .url = "/lead/{id|date}/"};
	const struct spec query = {.operation = "lead.create", .query = "q={n|number}"};
	const struct spec other = {.method = METHOD_POST, .url = "/x", .query = "q={n|number}"};
	const struct spec header = {.operation = "lead.create", .header = "X-Day={n|date}"};
	const struct spec identity = {.operation = "lead.create",
	                              .identity = "custom.cf_K={n|number}"};

	(void)state;
	check_body(&body, "{\"name\":\"A\",\"n\":\"12.50\"}",
	           "{\"name\":\"A\",\"custom.cf_1\":1250}");
	check_body(&body, "{\"name\":\"A\",\"n\":\"x\"}", "!template -");
	check_url(&url, "{\"id\":\"lead_1\"}", "!{id|date}: date takes a time");
	check_url(&query, "{\"n\":\" 7 \"}", "/lead/?q=7");
	check_url(&query, "{\"n\":\"\"}", "/lead/");
	check_body(&query, "{\"n\":\"x\"}", "!template q");
	check_body(&other, "{\"n\":\"x\"}", "!template q");
	check_body(&header, "{\"n\":\"x\"}", "!template X-Day");
	check_body(&identity, "{\"n\":\"x\"}", "!template custom.cf_K");
	check_body(&identity, "{\"n\":\"\"}", "!match custom.cf_K");
}

static void custom_fields_become_keys_of_their_own(void **state)
{
	const struct spec create = {.operation = "lead.create"};
	const struct spec other = {.operation = "status.lead.create"};

	(void)state;
	check_body(&create, "{\"custom\":{\"cf_1\":1,\"lcf_2\":null},\"name\":2}",
	           "{\"name\":2,\"custom.cf_1\":1,\"custom.lcf_2\":null}");
	check_body(&create, "{\"custom.cf_1.add\":1,\"custom.cf_2.remove\":2}",
	           "{\"custom.cf_1.add\":1,\"custom.cf_2.remove\":2}");
	check_body(&create, "{\"custom\":null,\"name\":2}", "{\"name\":2}");
	check_body(&create, "{\"contacts\":[{\"name\":1,\"custom\":{\"cf_3\":2}},{\"name\":4}]}",
	           "{\"contacts\":[{\"name\":1,\"custom.cf_3\":2},{\"name\":4}]}");
	check_body(&create, "{\"custom\":{\"cf_1\":1},\"custom.cf_1\":2}", "!field custom.cf_1");
	check_body(&create, "{\"custom\":[1]}", "!field custom");
	/* An operation without custom fields knows no such key at all. */
	check_body(&other, "{\"label\":\"x\",\"custom\":{\"a\":1}}",
	           "{\"label\":\"x\",\"custom\":{\"a\":1}}");
}

static void unknown_members_are_keys_too(void)
{
	static const char record[] =
		"{\"x\":1,\"contacts\":[{\"nam\":1,\"custom.cf_1.add\":2,\"emails\":"
		"[{\"email\":\"a\",\"typ\":3}]},{\"nam\":1.50,\"name\":1.50},4],"
		"\"addresses\":{\"cty\":1}}";
	struct spec spec = {.operation = "lead.create"};
	struct fixture f;
	struct shape_output *output = shape(&f, &spec, record);

	check_eq(output->unknown_keys, 4);
	check_text(output->draft->notes[0],
	           "Close will ignore, since lead.create has no such field: x, contacts[].nam, "
	           "contacts[].emails[].typ, addresses.cty");
	done(&f);
	spec.unknown_keys = UNKNOWN_DROP;
	check_body(&spec, record,
	           "{\"contacts\":[{\"custom.cf_1.add\":2,\"emails\":[{\"email\":\"a\"}]},"
	           "{\"name\":1.50},4],\"addresses\":{}}");
	spec.unknown_keys = UNKNOWN_REJECT;
	check_body(&spec, "{\"contacts\":[{\"emails\":[{\"typ\":1}]}]}",
	           "!field contacts[].emails[].typ");
	/* A list with nothing but an id does not say what may stand beside it. */
	spec.operation = "pipeline.update";
	check_body(&spec, "{\"id\":\"pipe_1\",\"statuses\":[{\"id\":\"stat_1\",\"label\":1}]}",
	           "{\"statuses\":[{\"id\":\"stat_1\",\"label\":1}]}");
}

static void unknown_keys_are_told_dropped_or_refused(void **state)
{
	struct spec spec = {.operation = "lead.create"};
	struct fixture f;
	struct shape_output *output;
	static const char record[] = "{\"name\":1,\"nmae\":2,\"custom.cf_1\":3,\"x\":4}";

	(void)state;
	output = shape(&f, &spec, record);
	check_eq(output->unknown_keys, 2);
	check_text(output->draft->notes[0],
	           "Close will ignore, since lead.create has no such field: nmae, x");
	done(&f);

	spec.unknown_keys = UNKNOWN_DROP;
	check_body(&spec, record, "{\"name\":1,\"custom.cf_1\":3}");
	output = shape(&f, &spec, record);
	check_text(output->draft->notes[0],
	           "left out, since lead.create has no such field: nmae, x");
	done(&f);

	spec.unknown_keys = UNKNOWN_REJECT;
	check_body(&spec, record, "!field nmae");
	check_body(&spec, "{\"name\":1}", "{\"name\":1}");

	unknown_members_are_keys_too();

	/* Written bodies are held against the catalogue when the pipeline is checked. */
	spec.unknown_keys = UNKNOWN_WARN;
	spec.body = "{\"nmae\":\"{n}\"}";
	output = shape(&f, &spec, "{\"n\":1}");
	check_eq(output->unknown_keys, 0);
	check_null(output->draft->notes);
	done(&f);
}

static void required_fields_must_be_there(void **state)
{
	const struct spec note = {.operation = "activity.note.create"};
	const struct spec without = {.operation = "activity.note.create", .exclude = {"lead_id"}};
	const struct spec comment = {.operation = "comment.update"};

	(void)state;
	check_body(&note, "{\"lead_id\":\"lead_1\"}", "{\"lead_id\":\"lead_1\"}");
	check_body(&note, "{\"note\":\"x\"}", "!required lead_id");
	check_body(&note, "{\"lead_id\":null}", "!required lead_id");
	check_body(&without, "{\"lead_id\":\"lead_1\"}", "!required lead_id");
	check_body(&comment, "{\"id\":\"comm_1\"}", "!required body");
}

static void query_is_encoded_and_misses_what_is_missing(void **state)
{
	const struct spec spec = {
		.operation = "contact.create", .query = "_fields={f}", .allow = EFFECT_ORPHANS};
	const struct spec more = {.method = METHOD_POST, .url = "/x?a=1", .query = "b c={f}"};

	(void)state;
	check_url(&spec, "{\"f\":\"id,name\"}", "/contact/?_fields=id%2Cname");
	check_url(&spec, "{\"f\":true}", "/contact/?_fields=true");
	check_url(&spec, "{}", "/contact/");
	check_url(&spec, "{\"f\":null}", "/contact/");
	check_url(&more, "{\"f\":\"&\"}", "/x?a=1&b%20c=%26");
	check_url(&more, "{\"f\":\"\"}", "/x?a=1&b%20c=");
	check_url(&more, "{\"f\":\"K\303\266ln\\r\\n\"}", "/x?a=1&b%20c=K%C3%B6ln%0D%0A");
	check_url(&more, "{\"f\":[1,\"a\"]}", "/x?a=1&b%20c=%5B1%2C%22a%22%5D");
}

static void headers_carry_printable_ascii_only(void **state)
{
	static const struct {
		const char *record, *expected;
	} rows[] = {
		{"{\"h\":\"a b\"}", "X-Who: a b"},
		{"{\"h\":12}", "X-Who: 12"},
		{"{}", NULL},
		{"{\"h\":null}", NULL},
		{"{\"h\":\"\"}", NULL},
		{"{\"h\":\"a\\r\\nB: c\"}", "!"},
		{"{\"h\":\"\303\266\"}", "!"},
		{"{\"h\":\"a\\u0000b\"}", "!"},
		{"{\"h\":\"\\u007f\"}", "!"},
	};
	const struct spec spec = {.operation = "lead.create", .header = "X-Who={h}"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		struct shape_output *output = shape(&f, &spec, rows[i].record);

		if (rows[i].expected && rows[i].expected[0] == '!') {
			check_eq(output->rejection.class, REJECT_TEMPLATE);
			check_text(output->rejection.field, "X-Who");
		} else if (rows[i].expected) {
			check_text(output->draft->headers[0], rows[i].expected);
			check_null(output->draft->headers[1]);
		} else {
			check_null(output->draft->headers[0]);
		}
		done(&f);
	}
}

static void identity_is_in_the_body_or_the_record_is_refused(void **state)
{
	const struct spec spec = {
		.operation = "lead.create", .identity = "custom.cf_K={id}", .exclude = {"id"}};
	const struct spec written = {.operation = "lead.create",
	                             .identity = "custom.cf_K=acme-{id}",
	                             .body = "{\"name\":\"{name}\"}"};
	static const char *const refused[] = {
		"{}",           "{\"id\":null}", "{\"id\":\"\"}",          "{\"id\":\" \"}",
		"{\"id\":[1]}", "{\"id\":{}}",   "{\"id\":\"a\\u0000b\"}",
	};
	struct fixture f;
	struct shape_output *output;

	(void)state;
	check_body(&spec, "{\"id\":77,\"name\":\"A\"}", "{\"name\":\"A\",\"custom.cf_K\":\"77\"}");
	check_body(&written, "{\"id\":77,\"name\":\"A\"}",
	           "{\"name\":\"A\",\"custom.cf_K\":\"acme-77\"}");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		check_body(&spec, refused[i], "!match custom.cf_K");
	check_body(&written, "{\"id\":null,\"name\":\"A\"}", "!match custom.cf_K");

	output = shape(&f, &spec, "{\"id\":77.0}");
	check_text(output->draft->identity_field, "custom.cf_K");
	check_text(output->draft->identity_value, "77.0");
	done(&f);
}

static void patch_is_told(void **state)
{
	const struct spec spec = {.operation = "lead.update", .is_patch = true};
	struct fixture f;

	(void)state;
	(void)shape(&f, &spec, "{\"id\":\"lead_1\",\"custom\":{\"cf_1\":2}}");
	check(strstr(f.result.items[0].draft->notes[0], "PATCH is sent as PUT"));
	check(strstr(f.result.items[0].draft->notes[1], "nested custom object"));
	check_null(f.result.items[0].draft->notes[2]);
	done(&f);
}

static void outside_the_catalogue_any_json_may_go(void **state)
{
	const struct spec list = {.method = METHOD_POST, .url = "/x", .body = "[\"{a}\",\"{b}\"]"};
	const struct spec record = {.method = METHOD_POST, .url = "/x"};

	(void)state;
	check_body(&list, "{\"a\":1}", "[1]");
	check_body(&record, "{\"custom\":{\"A\":1},\"custom.B\":2}",
	           "{\"custom\":{\"A\":1},\"custom.B\":2}");
}

static void a_line_that_is_no_record_is_rejected_as_it_was_found(void **state)
{
	static const struct {
		enum record_fault fault;
		enum reject_class class;
	} rows[] = {
		{RECORD_JSON, REJECT_JSON},
		{RECORD_TOO_LONG, REJECT_TOO_LONG},
		{RECORD_TOMBSTONE, REJECT_TOMBSTONE},
	};
	const struct spec spec = {.operation = "lead.create"};
	struct route_set routes;

	(void)state;
	make_routes(&routes, &spec);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record *record = record_new();
		struct shape_result result;

		record->fault = rows[i].fault;
		record->fault_text = mem_strdup("line 3: what is wrong");
		shape_record(&routes, record, &result);
		check_eq(result.n, 1);
		check_null(result.items[0].draft);
		check_null(result.items[0].route);
		check_eq(result.items[0].rejection.class, rows[i].class);
		check_text(result.items[0].rejection.message, "line 3: what is wrong");
		shape_result_deinit(&result);
		record_unref(record);
	}
	route_set_deinit(&routes);
}

static void what_no_route_takes_is_rejected_or_skipped(void **state)
{
	struct route_set none = {0};
	struct record *record = make_record("{}");
	struct shape_result result;

	(void)state;
	shape_record(&none, record, &result);
	check_eq(result.items[0].rejection.class, REJECT_UNROUTED);
	shape_result_deinit(&result);

	none.skip_unrouted = true;
	shape_record(&none, record, &result);
	check_eq(result.n_skipped, 1);
	check_eq(result.n, 0);
	shape_result_deinit(&result);
	record_unref(record);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(default_body_is_the_record_without_what_fills_the_path),
		sentence(a_contact_is_not_moved_by_accident),
		sentence(written_body_follows_the_template),
		sentence(a_body_of_constants_only_is_refused),
		sentence(origin_tells_time_and_hash),
		sentence(excluded_paths_are_in_no_body),
		sentence(url_and_templates_see_what_is_excluded),
		sentence(what_was_excluded_is_told),
		sentence(whatever_the_record_nothing_excluded_is_in_a_body),
		sentence(nulls_are_sent_or_omitted),
		sentence(what_is_omitted_takes_along_what_shows_nothing_else),
		sentence(blanks_are_sent_or_omitted),
		sentence(a_value_that_a_filter_cannot_take_rejects_the_record),
		sentence(custom_fields_become_keys_of_their_own),
		sentence(unknown_keys_are_told_dropped_or_refused),
		sentence(required_fields_must_be_there),
		sentence(query_is_encoded_and_misses_what_is_missing),
		sentence(headers_carry_printable_ascii_only),
		sentence(identity_is_in_the_body_or_the_record_is_refused),
		sentence(patch_is_told),
		sentence(outside_the_catalogue_any_json_may_go),
		sentence(a_line_that_is_no_record_is_rejected_as_it_was_found),
		sentence(what_no_route_takes_is_rejected_or_skipped),
	};

	return run_sentences(sentences);
}
