#include "connector/cli/desk_print.h"
#include "connector/cli/term.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/moment.h"
#include "lib/plural.h"

#include <inttypes.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

static size_t length_of(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* Text as it is, everything else as JSON; "" for nothing. Valid until the value goes. */
static const char *plain(struct json_object *value)
{
	return value ? json_object_get_string(value) : "";
}

static void print_count(FILE *out, struct json_object *from, const char *key, const char *what)
{
	const int64_t n = json_get_int(from, key, 0);
	char text[32];

	if (n > 0)
		(void)fprintf(out, "  %12s %s\n", term_thousands((uint64_t)n, text), what);
}

static void print_place(FILE *out, struct json_object *source)
{
	const char *file = json_get_string(source, "file");
	char text[32];

	if (!file)
		return;
	(void)fputs("  read ", out);
	term_print(out, file);
	(void)fprintf(out, " up to line %s",
	              term_thousands((uint64_t)json_get_int(source, "line", 0), text));
	(void)fprintf(out, " (%s)\n", term_bytes((uint64_t)json_get_int(source, "bytes", 0), text));
}

/* A forecast is not exact: no seconds beside minutes. */
static const char *about(int64_t s, char text[static 32])
{
	if (s < 120 || s >= 3600)
		return term_duration((uint64_t)s * 1000, text);
	(void)snprintf(text, 32, "%" PRId64 " min", (s + 30) / 60);
	return text;
}

/* "1,234 records behind" and when they will not be. */
static void print_left(FILE *out, struct json_object *lag)
{
	struct json_object *records = json_get(lag, "records"), *bytes = json_get(lag, "bytes");
	const uint64_t n = json_object_get_uint64(records ? records : bytes);
	const uint64_t per_minute = (uint64_t)json_get_int(lag, "settled_per_minute", 0);
	const int64_t drained_s = json_get_int(lag, "drained_in_seconds", -1);
	char text[32], pace[32];

	if (!n) {
		if (records)
			(void)fprintf(out, "  nothing is left to read now\n");
		return;
	}
	if (records)
		(void)fprintf(out, "  %s %s behind", term_thousands(n, text),
		              plural(n, "record", "records"));
	else
		(void)fprintf(out, "  %s left to read", term_bytes(n, text));
	if (json_get_int(lag, "seconds", 0) > 0)
		(void)fprintf(
			out, " (%s)",
			term_duration((uint64_t)json_get_int(lag, "seconds", 0) * 1000, text));
	if (drained_s < 0 || !per_minute)
		(void)fprintf(out, "; none was settled in the last minute\n");
	else
		(void)fprintf(out, ", drained in about %s at %s records/min\n",
		              about(drained_s, text), term_thousands(per_minute, pace));
}

static void print_lag(FILE *out, struct json_object *lag)
{
	const int64_t oldest_s = json_get_int(lag, "oldest_unsent_seconds", -1);
	char text[32];

	print_left(out, lag);
	if (oldest_s > 0)
		(void)fprintf(out, "  the oldest record that is not settled yet is %s old\n",
		              term_duration((uint64_t)oldest_s * 1000, text));
}

static void print_partitions(FILE *out, struct json_object *list)
{
	static const char *const headings[] = {"TOPIC", "PARTITION", "POSITION", "END", "LAG"};
	static const char *const keys[] = {"topic", "partition", "position", "end", "lag"};
	struct term_table *table;

	if (length_of(list) == 0)
		return;
	table = term_table_new(5, headings);
	for (size_t i = 0; i < length_of(list); i++)
		for (size_t k = 0; k < 5; k++) {
			struct json_object *value =
				json_get(json_object_array_get_idx(list, i), keys[k]);

			term_table_add(table, value ? plain(value) : "?");
		}
	term_table_print(table, out);
	term_table_free(table);
}

void desk_print_status(FILE *out, struct json_object *answer)
{
	static const char *const counts[] = {"read",     "delivered", "filtered", "skipped",
	                                     "rejected", "held",      "open",     NULL};
	struct json_object *sentences = json_get(answer, "sentences");
	struct json_object *of_run = json_get(answer, "counts");
	const bool is_running = json_get_bool(answer, "running", false);

	(void)fprintf(out, "%s: ", json_get_string(answer, "pipeline"));
	if (is_running)
		(void)fprintf(out, "running (process %" PRId64 ", run %s)\n",
		              json_get_int(answer, "pid", 0), plain(json_get(answer, "run")));
	else
		(void)fprintf(out, "not running\n");
	for (size_t i = 0; i < length_of(sentences); i++) {
		(void)fputs("  ", out);
		term_print(out, plain(json_object_array_get_idx(sentences, i)));
		(void)fputc('\n', out);
	}
	print_place(out, json_get(answer, "source"));
	print_lag(out, json_get(answer, "lag"));
	print_partitions(out, json_get(answer, "partitions"));
	if (of_run && json_get(answer, "run"))
		(void)fprintf(out, "records of run %s:%s\n", plain(json_get(answer, "run")),
		              json_get_int(of_run, "read", 0) ? "" : " none");
	for (size_t i = 0; counts[i]; i++)
		print_count(out, of_run, counts[i], counts[i]);
	if (json_get_int(answer, "open", 0) + json_get_int(answer, "unknown", 0) +
	            json_get_int(answer, "frozen", 0) + json_get_int(answer, "held", 0) +
	            json_get_int(answer, "rejected", 0) + json_get_int(answer, "events_owed", 0) >
	    0)
		(void)fprintf(out, "in the state now:\n");
	print_count(out, answer, "open", "open");
	print_count(
		out, answer, "unknown",
		is_running
			? "with an unknown outcome, being looked up or repeated"
			: "with an unknown outcome, to be looked up or repeated by the next run");
	print_count(
		out, answer, "frozen",
		"with an unknown outcome, of partitions another process has now: left as they are");
	print_count(out, answer, "held", "held: closefeed held list");
	print_count(out, answer, "rejected", "rejected: closefeed rejects list");
	print_count(out, answer, "events_owed",
	            plural((uint64_t)json_get_int(answer, "events_owed", 0),
	                   "event the receiver has not accepted yet",
	                   "events the receiver has not accepted yet"));
}

/* "companies.ndjson:12", "topic/3:77", and how many more records the item is of. */
static void add_origin(struct json_object *item, struct buf *b)
{
	struct json_object *records = json_get(item, "records");
	struct json_object *first = NULL;

	if (length_of(records) == 0)
		return;
	first = json_object_array_get_idx(records, 0);
	if (json_get(first, "file"))
		buf_addf(b, "%s:%s", plain(json_get(first, "file")),
		         plain(json_get(first, "line")));
	else
		buf_addf(b, "%s/%s:%s", plain(json_get(first, "topic")),
		         plain(json_get(first, "partition")), plain(json_get(first, "offset")));
	if (length_of(records) > 1)
		buf_addf(b, " and %zu more", length_of(records) - 1);
}

/* What went wrong: the sentence, and Close's word on each field unless the sentence has it. */
static void add_reason(struct json_object *item, struct buf *b)
{
	const char *message = plain(json_get(item, json_get(item, "known") ? "known" : "message"));
	struct json_object *fields = json_get(item, "fields");

	buf_adds(b, message);
	if (!json_object_is_type(fields, json_type_object))
		return;
	json_object_object_foreach(fields, name, value)
	{
		const char *says = plain(value);

		if (!strstr(message, says))
			buf_addf(b, "%s%s: %s", b->len ? "; " : "", name, says);
	}
}

void desk_print_list(FILE *out, struct json_object *items, const char *what)
{
	static const char *const headings[] = {"ID", "CLASS", "RECORD", "ROUTE", "REASON"};
	struct term_table *table;
	struct buf text = BUF_INIT;

	if (length_of(items) == 0) {
		(void)fprintf(out, "Nothing is %s.\n", what);
		return;
	}
	table = term_table_new(5, headings);
	for (size_t i = 0; i < length_of(items); i++) {
		struct json_object *item = json_object_array_get_idx(items, i);

		term_table_add(table, plain(json_get(item, "id")));
		term_table_add(table, plain(json_get(item, "class")));
		buf_clear(&text);
		add_origin(item, &text);
		term_table_add(table, buf_text(&text));
		term_table_add(table, plain(json_get(item, "route")));
		buf_clear(&text);
		add_reason(item, &text);
		term_table_add(table, buf_text(&text));
	}
	term_table_print(table, out);
	term_table_free(table);
	buf_deinit(&text);
}

static void print_pair(FILE *out, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	(void)fprintf(out, "  %-10s ", name);
	term_print(out, text);
	(void)fputc('\n', out);
}

static void print_value(FILE *out, const char *name, struct json_object *value)
{
	char *text;

	if (json_object_is_type(value, json_type_string)) {
		print_pair(out, name, json_object_get_string(value));
	} else if (value) {
		text = json_text(value);
		print_pair(out, name, text);
		free(text);
	}
}

/* A call of several records is held, and decided about, as one. */
static void print_shared(FILE *out, struct json_object *item)
{
	const int64_t n = json_get_int(item, "shared_by", 0);

	if (n > 1)
		(void)fprintf(out,
		              "  %-10s with %" PRId64
		              " other %s: `held resolve` of one decides about "
		              "the whole call\n",
		              "shared", n - 1, plural((uint64_t)n - 1, "record", "records"));
}

static void print_call(FILE *out, struct json_object *request, struct json_object *response)
{
	struct buf line = BUF_INIT;

	if (request) {
		buf_addf(&line, "%s %s", plain(json_get(request, "method")),
		         plain(json_get(request, "url")));
		print_pair(out, "request", buf_text(&line));
		print_value(out, "headers", json_get(request, "headers"));
		print_value(out, "body", json_get(request, "body"));
	}
	if (response && json_get_int(response, "status", 0)) {
		print_value(out, "answer", json_get(response, "status"));
		print_value(out, "headers", json_get(response, "headers"));
		print_value(out, "body", json_get(response, "body"));
	}
	buf_deinit(&line);
}

static void print_item(FILE *out, struct json_object *item)
{
	struct buf text = BUF_INIT;

	(void)fprintf(out, "%s  %s\n", plain(json_get(item, "id")), plain(json_get(item, "class")));
	add_reason(item, &text);
	print_pair(out, "reason", buf_text(&text));
	print_pair(out, "field", json_get_string(item, "field"));
	print_pair(out, "advice", json_get_string(item, "advice"));
	buf_clear(&text);
	add_origin(item, &text);
	print_pair(out, "record", buf_text(&text));
	print_value(out, "", json_get(item, "record"));
	print_shared(out, item);
	print_pair(out, "route", json_get_string(item, "route"));
	print_pair(out, "operation", json_get_string(item, "operation"));
	print_call(out, json_get(item, "request"), json_get(item, "response"));
	print_value(out, "attempts", json_get(item, "attempts"));
	print_pair(out, "at", json_get_string(item, "at"));
	buf_deinit(&text);
}

void desk_print_items(FILE *out, struct json_object *items)
{
	for (size_t i = 0; i < length_of(items); i++) {
		if (i)
			(void)fputc('\n', out);
		print_item(out, json_object_array_get_idx(items, i));
	}
}

static void print_others(FILE *out, int64_t n_records)
{
	if (n_records > 1)
		(void)fprintf(out, "; decided for all %" PRId64 " records of its call", n_records);
}

void desk_print_results(FILE *out, struct json_object *results)
{
	for (size_t i = 0; i < length_of(results); i++) {
		struct json_object *result = json_object_array_get_idx(results, i);
		const char *object = plain(json_get(result, "object_id"));
		const char *message = plain(json_get(result, "message"));

		(void)fprintf(out, "%s  %s%s%s", plain(json_get(result, "id")),
		              plain(json_get(result, "outcome")), *object ? " " : "", object);
		if (*message) {
			(void)fputs(": ", out);
			term_print(out, message);
		}
		print_others(out, json_get_int(result, "shared_by", 0));
		(void)fputc('\n', out);
	}
}

/* Counts in the order of a record's way; those without a heading of their own always stand. */
static const struct {
	const char *key, *heading;
	bool is_always;
} run_columns[] = {
	{"read", "READ", true},          {"delivered", "DELIVERED", true},
	{"filtered", "FILTERED", false}, {"skipped", "SKIPPED", false},
	{"rejected", "REJECTED", false}, {"held", "HELD", false},
	{"open", "OPEN", false},
};

enum { n_run_columns = sizeof(run_columns) / sizeof(*run_columns), n_other_columns = 5 };

static bool is_shown(struct json_object *runs, size_t column)
{
	if (run_columns[column].is_always)
		return true;
	for (size_t i = 0; i < length_of(runs); i++)
		if (json_get_int(json_get(json_object_array_get_idx(runs, i), "counts"),
		                 run_columns[column].key, 0))
			return true;
	return false;
}

static void add_began(struct term_table *table, struct json_object *run)
{
	const char *began = json_get_string(run, "began");
	const int64_t took_ms = json_get_int(run, "duration_ms", -1);
	char text[32];
	int64_t us;

	term_table_add(table, began && moment_parse(began, &us, NULL)
	                              ? clock_local_text(us / 1000, text)
	                              : "");
	term_table_add(table, took_ms < 0 ? "?" : term_duration((uint64_t)took_ms, text));
}

static void add_run(struct term_table *table, struct json_object *run, const bool *shown)
{
	struct json_object *counts = json_get(run, "counts");
	const char *sha256 = json_get_string(run, "pipeline");
	char text[32];

	term_table_add(table, plain(json_get(run, "run")));
	add_began(table, run);
	for (size_t i = 0; i < n_run_columns; i++)
		if (shown[i])
			term_table_add(
				table,
				counts ? term_thousands((uint64_t)json_get_int(
								counts, run_columns[i].key, 0),
			                                text)
				       : "?");
	(void)snprintf(text, sizeof(text), "%.8s", sha256 ? sha256 : "");
	term_table_add(table, text);
	term_table_add(table, json_get(run, "reason") ? plain(json_get(run, "reason"))
	                                              : plain(json_get(run, "state")));
}

void desk_print_runs(FILE *out, struct json_object *runs)
{
	const char *headings[n_run_columns + n_other_columns] = {"RUN", "BEGAN", "TOOK"};
	bool shown[n_run_columns];
	struct term_table *table;
	size_t n = 3;

	if (length_of(runs) == 0) {
		(void)fprintf(out, "It has never run.\n");
		return;
	}
	for (size_t i = 0; i < n_run_columns; i++) {
		shown[i] = is_shown(runs, i);
		if (shown[i])
			headings[n++] = run_columns[i].heading;
	}
	headings[n++] = "PIPELINE";
	headings[n++] = "ENDED";
	table = term_table_new(n, headings);
	for (size_t i = 0; i < length_of(runs); i++)
		add_run(table, json_object_array_get_idx(runs, i), shown);
	term_table_print(table, out);
	term_table_free(table);
}
