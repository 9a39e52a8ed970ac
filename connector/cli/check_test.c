#include "connector/cli/check_test.h"

#include "connector/cli/cli.h"
#include "connector/cli/preview_open.h"
#include "connector/cli/term.h"
#include "connector/pipeline/keys.h"
#include "connector/pipeline/url.h"
#include "connector/shape/shape.h"
#include "connector/source/kafka_record.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/json_diff.h"
#include "lib/mem.h"
#include "lib/near.h"
#include "lib/yaml.h"

#include <errno.h>
#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What {@now} is in a test: a day nobody mistakes for today. */
static const int64_t test_now_ms = 946684800000; /* 2000-01-01T00:00:00Z */

struct test_run {
	const struct pipeline *pipeline;
	const char *path;
	struct json_object *results; /* NULL: printed */
	size_t n_wrong_places;       /* of the file itself */
	size_t n_differ;
};

__attribute__((format(printf, 3, 4))) static void wrong(struct test_run *run,
                                                        const struct yaml_node *at,
                                                        const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vprintf(format, args);
	va_end(args);
	(void)fprintf(stderr, "%s:%u:%u: error: ", run->path, at ? at->line : 1,
	              at ? at->column : 1);
	term_print(stderr, text);
	(void)fputc('\n', stderr);
	free(text);
	run->n_wrong_places++;
}

/* What was made of a record */

struct rendered {
	struct json_object *requests; /* [{"method", "url", "headers", "body"}] */
	struct json_object *rejected; /* [{"class", "message"}] */
};

static void add_rejection(struct rendered *r, const struct rejection *rejection)
{
	struct json_object *row = json_object_new_object();

	(void)json_object_object_add(row, "class",
	                             json_string(reject_class_name(rejection->class)));
	(void)json_object_object_add(row, "message", json_string(rejection->message));
	(void)json_object_array_add(r->rejected, row);
}

static struct json_object *headers_json(char *const *headers)
{
	struct json_object *object = json_object_new_object();

	for (; headers && *headers; headers++) {
		const char *colon = strchr(*headers, ':');
		char *name = mem_dup(*headers, (size_t)(colon - *headers));

		(void)json_object_object_add(object, name,
		                             json_string(colon + 1 + strspn(colon + 1, " ")));
		free(name);
	}
	return object;
}

static struct json_object *body_json(const struct request *request)
{
	struct json_object *body = NULL;

	if (request->format != CONTENT_JSON && request->body)
		return json_string(request->body);
	if (request->body)
		(void)json_parse(request->body, request->body_len, 0, &body, NULL, NULL);
	return body;
}

static void add_request(struct rendered *r, const struct request *request)
{
	struct json_object *row = json_object_new_object();

	(void)json_object_object_add(row, "method", json_string(http_method_name(request->method)));
	(void)json_object_object_add(row, "url", json_string(request->url));
	(void)json_object_object_add(row, "headers", headers_json(request->headers));
	if (request->body)
		(void)json_object_object_add(row, "body", body_json(request));
	(void)json_object_array_add(r->requests, row);
}

static void render_form(const struct pipeline *p, struct rendered *r, struct draft *form)
{
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct request *request = preview_request(form, p->routes.jq, &rejection);

	if (request)
		add_request(r, request);
	else
		add_rejection(r, &rejection);
	request_free(request);
}

/* Each record stands alone in a test, so a batch is one of one. */
static void render_output(const struct pipeline *p, struct rendered *r, struct shape_output *output)
{
	struct draft *forms[preview_max_forms];
	size_t n = 0;

	if (output->draft)
		n = preview_forms(steal(&output->draft), NULL, forms, &output->rejection);
	for (size_t i = 0; i < n; i++) {
		render_form(p, r, forms[i]);
		draft_free(forms[i]);
	}
	if (!n)
		add_rejection(r, &output->rejection);
}

static void render(const struct pipeline *p, struct record *record, struct rendered *ret)
{
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct shape_result shaped;

	*ret = (struct rendered){json_object_new_array(), json_object_new_array()};
	if (record->is_ignored)
		return;
	if (!preview_has_key(&p->routes, record, &rejection)) {
		add_rejection(ret, &rejection);
		return;
	}
	shape_record(&p->routes, record, &shaped);
	for (size_t i = 0; i < shaped.n; i++)
		render_output(p, ret, &shaped.items[i]);
	shape_result_deinit(&shaped);
}

static char *text_of(const struct yaml_node *node)
{
	struct json_object *json = tree_json(node);
	char *text = node->kind == YAML_TEXT ? mem_strdup(node->text) : json_text(json);

	json_object_put(json);
	return text;
}

/* As the first of the topics would hand it out; null is a tombstone. */
static struct record *message_of(const struct test_run *run, const struct yaml_node *test,
                                 size_t number)
{
	const struct yaml_node *node = yaml_get(test, "record"), *name = yaml_get(test, "key");
	const struct pipeline_source_kafka *kafka = &run->pipeline->kafka;
	const struct kafka_format format = {.tombstones = kafka->tombstones,
	                                    .max_record = run->pipeline->max_record};
	cleanup_(freep) char *value = yaml_is_null(node) ? NULL : text_of(node);
	cleanup_(freep) char *key = name ? text_of(name) : NULL;
	const struct kafka_message message = {
		.topic = kafka->topics[0],
		.offset = (int64_t)number,
		.key = key,
		.key_len = key ? strlen(key) : 0,
		.value = value,
		.value_len = value ? strlen(value) : 0,
		.timestamp_ms = test_now_ms,
	};

	return kafka_record(&message, &format);
}

/* A map, or text as a line of the input. */
static struct record *line_of(const struct test_run *run, const struct yaml_node *test,
                              size_t number)
{
	struct record *record = record_new();
	struct err err = {0};

	record->kind = STREAM_FILE;
	record->source_name = mem_strdup(run->pipeline->ndjson_written);
	record->line = number;
	record->raw = text_of(yaml_get(test, "record"));
	record->len = strlen(record->raw);
	if (json_parse(record->raw, record->len, 0, &record->value, NULL, &err) == 0 &&
	    json_object_is_type(record->value, json_type_object))
		return record;
	record->fault = RECORD_JSON;
	record->fault_text = mem_strdup(*err.text ? err.text : "the record is no JSON object");
	json_object_put(record->value);
	record->value = NULL;
	return record;
}

/* The record as the source would hand it out. */
static struct record *record_of(const struct test_run *run, const struct yaml_node *test,
                                size_t number)
{
	struct record *record = run->pipeline->kafka.topics ? message_of(run, test, number)
	                                                    : line_of(run, test, number);

	record->read_wall_ms = test_now_ms;
	return record;
}

/* Comparing */

struct comparison {
	struct json_object *differences; /* sentences */
};

static void add_side(struct buf *out, struct json_object *value, bool is_there)
{
	enum { longest = 300 };
	const size_t from = out->len;

	if (is_there)
		json_print(value, out);
	else
		buf_adds(out, "nothing");
	if (out->len - from > longest) {
		out->len = from + longest;
		buf_adds(out, "…");
	}
}

static void add_difference(void *arg, const struct json_difference *d)
{
	struct comparison *c = arg;
	struct buf text = BUF_INIT;

	buf_addf(&text, "%s: expected ", d->place);
	add_side(&text, d->expected, d->expected_is_there);
	buf_adds(&text, ", got ");
	add_side(&text, d->got, d->got_is_there);
	(void)json_object_array_add(c->differences, json_string(buf_text(&text)));
	buf_deinit(&text);
}

__attribute__((format(printf, 2, 3))) static void differs(struct comparison *c, const char *format,
                                                          ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vprintf(format, args);
	va_end(args);
	(void)json_object_array_add(c->differences, json_string(text));
	free(text);
}

/* Only what is written is compared: a test need not repeat what it is not about. */
static void compare_request(const struct pipeline *p, struct comparison *c, size_t index,
                            struct json_object *expected, struct json_object *got)
{
	json_object_object_foreach(expected, key, value)
	{
		char *place = mem_printf("requests[%zu].%s", index, key);
		struct json_object *other = NULL;
		const char *path = strcmp(key, "url") == 0
		                           ? url_path(p->base_url, json_object_get_string(value))
		                           : NULL;
		/* A whole URL means the same as in a route. */
		struct json_object *wish = path ? json_string(path) : json_object_get(value);

		if (!json_object_object_get_ex(got, key, &other))
			differs(c, "%s: expected one, got none", place);
		else
			(void)json_diff(wish, other, place, add_difference, c);
		json_object_put(wish);
		free(place);
	}
}

static void compare_requests(const struct pipeline *p, struct comparison *c,
                             struct json_object *expected, struct json_object *got)
{
	const size_t n = expected ? json_object_array_length(expected) : 0;
	const size_t m = json_object_array_length(got);

	for (size_t i = 0; i < n && i < m; i++)
		compare_request(p, c, i, json_object_array_get_idx(expected, i),
		                json_object_array_get_idx(got, i));
	for (size_t i = m; i < n; i++)
		differs(c, "requests[%zu]: expected %s %s, got nothing", i,
		        json_get_string(json_object_array_get_idx(expected, i), "method"),
		        json_get_string(json_object_array_get_idx(expected, i), "url"));
	for (size_t i = n; i < m; i++)
		differs(c, "requests[%zu]: expected nothing, got %s %s", i,
		        json_get_string(json_object_array_get_idx(got, i), "method"),
		        json_get_string(json_object_array_get_idx(got, i), "url"));
}

static void compare_rejections(struct comparison *c, const char *expected, struct json_object *got)
{
	bool is_found = !expected;

	for (size_t i = 0; i < json_object_array_length(got); i++) {
		struct json_object *row = json_object_array_get_idx(got, i);
		const char *class = json_get_string(row, "class");

		if (expected && strcmp(class, expected) == 0)
			is_found = true;
		else
			differs(c, "rejected: expected %s, got %s (%s)",
			        expected ? expected : "nothing", class,
			        json_get_string(row, "message"));
	}
	if (!is_found && json_object_array_length(got) == 0)
		differs(c, "rejected: expected %s, got nothing", expected);
}

/* Reading the file */

static const char *const test_keys[] = {"name", "record", "key", "requests", "rejected", NULL};
static const char *const request_keys[] = {"method", "url", "headers", "body", NULL};

static void check_keys(struct test_run *run, const struct yaml_node *map, const char *const *keys)
{
	for (size_t i = 0; i < map->n; i++) {
		const char *name = map->keys[i]->text;
		const char *near = near_name(name, keys);

		if (near && strcmp(near, name) == 0)
			continue;
		wrong(run, map->keys[i], "unknown key \"%.40s\"%s%s%s", name,
		      near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	}
}

static void check_requests(struct test_run *run, const struct yaml_node *list)
{
	if (list->kind != YAML_LIST) {
		wrong(run, list, "requests must be a list of {method, url, body}");
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		const struct yaml_node *item = list->items[i];
		const struct yaml_node *url = yaml_get(item, "url");

		if (item->kind != YAML_MAP || !yaml_get(item, "method") || !url ||
		    url->kind != YAML_TEXT) {
			wrong(run, item, "a request is a map with at least method and url");
			continue;
		}
		check_keys(run, item, request_keys);
	}
}

static void check_class(struct test_run *run, const struct yaml_node *node)
{
	if (node->kind != YAML_TEXT || reject_class_find(node->text) == REJECT_NONE)
		wrong(run, node, "rejected must be a reject class: `closefeed explain` lists them");
}

static void check_one(struct test_run *run, const struct yaml_node *test)
{
	if (test->kind != YAML_MAP) {
		wrong(run, test, "a test is a map of record and requests, or record and rejected");
		return;
	}
	check_keys(run, test, test_keys);
	if (!yaml_get(test, "record"))
		wrong(run, test, "record is missing: the record as the source would hand it out");
	if (!yaml_get(test, "requests") && !yaml_get(test, "rejected"))
		wrong(run, test,
		      "requests (a list; [] where nothing is sent) or rejected (a class) is "
		      "missing");
	if (yaml_get(test, "key") && !run->pipeline->kafka.topics)
		wrong(run, yaml_get(test, "key"), "only messages of Kafka have a key: take it out");
	if (yaml_get(test, "requests"))
		check_requests(run, yaml_get(test, "requests"));
	if (yaml_get(test, "rejected"))
		check_class(run, yaml_get(test, "rejected"));
}

static void check_file(struct test_run *run, const struct yaml_doc *doc)
{
	for (size_t i = 0; i < doc->n_faults; i++) {
		const struct yaml_node at = {.line = doc->faults[i].line,
		                             .column = doc->faults[i].column};

		wrong(run, &at, "%s", doc->faults[i].text);
	}
	if (run->n_wrong_places)
		return;
	if (!doc->root || doc->root->kind != YAML_LIST || doc->root->n == 0) {
		wrong(run, doc->root,
		      "must be a list of tests: - {record: {…}, requests: [{method, url, body}]}");
		return;
	}
	for (size_t i = 0; i < doc->root->n; i++)
		check_one(run, doc->root->items[i]);
}

/* One test */

static void tell(struct test_run *run, const struct yaml_node *test, size_t number,
                 struct json_object *differences)
{
	const struct yaml_node *name = yaml_get(test, "name");
	const size_t n = json_object_array_length(differences);
	struct json_object *row;

	if (run->results) {
		row = json_object_new_object();
		(void)json_object_object_add(row, "name", json_string(name ? name->text : NULL));
		(void)json_object_object_add(row, "line", json_object_new_int64(test->line));
		(void)json_object_object_add(row, "ok", json_object_new_boolean(n == 0));
		(void)json_object_object_add(row, "differences", json_object_get(differences));
		(void)json_object_array_add(run->results, row);
		return;
	}
	printf("test     %s%s%s  %zu", term_style(stdout, n ? STYLE_BAD : STYLE_GOOD),
	       n ? "wrong" : "ok", term_style(stdout, STYLE_PLAIN), number);
	if (name) {
		(void)putchar(' ');
		term_print(stdout, name->text);
	}
	printf(n ? " (%s:%u)\n" : "\n", run->path, test->line);
	for (size_t i = 0; i < n; i++) {
		(void)fputs("           ", stdout);
		term_print(stdout,
		           json_object_get_string(json_object_array_get_idx(differences, i)));
		(void)putchar('\n');
	}
}

static void run_one(struct test_run *run, const struct yaml_node *test, size_t number)
{
	const struct yaml_node *requests = yaml_get(test, "requests");
	const struct yaml_node *rejected = yaml_get(test, "rejected");
	struct record *record = record_of(run, test, number);
	struct json_object *expected = requests ? tree_json(requests) : NULL;
	struct comparison c = {.differences = json_object_new_array()};
	struct rendered r;

	render(run->pipeline, record, &r);
	compare_requests(run->pipeline, &c, expected, r.requests);
	compare_rejections(&c, rejected ? rejected->text : NULL, r.rejected);
	run->n_differ += json_object_array_length(c.differences) > 0;
	tell(run, test, number, c.differences);

	json_object_put(c.differences);
	json_object_put(expected);
	json_object_put(r.requests);
	json_object_put(r.rejected);
	record_unref(record);
}

static int read_text(const char *path, struct buf *ret_text, struct err *err)
{
	FILE *file = fopen(path, "re");
	size_t n;

	if (!file)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	do {
		n = fread(buf_room(ret_text, 65536), 1, 65536, file);
		ret_text->len += n;
	} while (n && ret_text->len <= yaml_max_bytes);
	(void)fclose(file);
	return 0;
}

enum exit_code check_test(const struct pipeline *pipeline, const char *path, bool json,
                          struct json_object *results)
{
	struct test_run run = {
		.pipeline = pipeline, .path = path, .results = json ? results : NULL};
	cleanup_(yaml_doc_freep) struct yaml_doc *doc = NULL;
	cleanup_(buf_deinit) struct buf text = BUF_INIT;
	struct err err;

	if (read_text(path, &text, &err) < 0)
		return cli_fail(EXIT_PIPELINE, &err);
	doc = yaml_doc_parse(buf_text(&text), text.len);
	check_file(&run, doc);
	if (run.n_wrong_places)
		return EXIT_PIPELINE;
	for (size_t i = 0; i < doc->root->n; i++)
		run_one(&run, doc->root->items[i], i + 1);
	if (!json)
		printf("test     %zu of %zu agree\n", doc->root->n - run.n_differ, doc->root->n);
	return run.n_differ ? EXIT_UNSETTLED : EXIT_DONE;
}
