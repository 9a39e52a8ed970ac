#include "connector/sandbox/old_query.h"
#include "connector/sandbox/old_query_date.h"
#include "lib/json.h"
#include "lib/moment.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* 2026-03-09 14:30 in Greenwich, seen from four hours to the west of it. */
static const struct box_old_clock there = {INT64_C(1773066600000), INT64_C(-4) * 3600000};

static struct box_org *org;

static struct box_old_query read(const char *text)
{
	struct box_old_query query;
	struct err err = {""};

	check_eq(box_old_query_read(org, &there, text, &query, &err), 0);
	return query;
}

static void check_query(const char *text, const char *expected)
{
	struct box_old_query query = read(text);
	char *got = json_text(json_get(query.search, "query"));

	check_text(got, expected);
	free(got);
	json_object_put(query.search);
}

#define NAME(text_)                                                                                \
	"{\"type\":\"field_condition\",\"field\":{\"type\":\"regular_field\",\"object_type\":"     \
	"\"lead\",\"field_name\":\"name\"},\"condition\":{\"type\":\"text\",\"mode\":\"phrase\","  \
	"\"value\":\"" text_ "\"}"

static void a_condition_is_a_node_of_the_tree(void **state)
{
	(void)state;
	check_query("*", "{\"type\":\"match_all\"}");
	check_query(" \t", "{\"type\":\"match_all\"}");
	check_query("name:acme", NAME("acme") "}");
	check_query("name : \"a \\\"b\\\"\"", NAME("a \\\"b\\\"") "}");
	check_query("name:http://a/", NAME("http://a/") "}");
	check_query("not name:acme", NAME("acme") ",\"negate\":true}");
	check_query("-name:acme", NAME("acme") ",\"negate\":true}");
	check_query("not -(name:acme)", NAME("acme") "}");
	check_query("not (-name:acme)", NAME("acme") ",\"negate\":false}");
}

static void and_binds_closer_than_or(void **state)
{
	(void)state;
	check_query(
		"name:a or name:b name:c",
		"{\"type\":\"or\",\"queries\":[" NAME("a") "},{\"type\":\"and\",\"queries\":[" NAME(
			"b") "}," NAME("c") "}]}]}");
	check_query("(name:a OR name:b) AND name:c",
	            "{\"type\":\"and\",\"queries\":[{\"type\":\"or\",\"queries\":[" NAME(
			    "a") "}," NAME("b") "}]}," NAME("c") "}]}");
	check_query("name:(a or b)",
	            "{\"type\":\"or\",\"queries\":[" NAME("a") "}," NAME("b") "}]}");
}

static void order_and_number_are_taken_out_of_it(void **state)
{
	struct box_old_query query = read("sort:-updated,name slice:7");
	char *sort = json_text(json_get(query.search, "sort"));

	(void)state;
	check_text(sort, "[{\"direction\":\"desc\",\"field\":{\"field_name\":\"date_updated\"}},"
	                 "{\"direction\":\"asc\",\"field\":{\"field_name\":\"name\"}}]");
	check_eq(query.slice, 7);
	free(sort);
	json_object_put(query.search);
	query = read("name:a");
	check(query.slice == SIZE_MAX);
	json_object_put(query.search);
}

static void what_is_not_understood_is_a_sentence(void **state)
{
	static const char *const wrong[] = {"(",      ")",        "a or",         "name:",
	                                    "=",      "name>",    "nonsense:a",   "a)",
	                                    "(a",     "sort:x",   "slice:-1x",    ":",
	                                    "not",    "a and or", "custom.X:1",   "created:soon",
	                                    "name:(", "name:(a",  "contacts:many"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct box_old_query query;
		struct err err = {""};

		check_eq(box_old_query_read(org, &there, wrong[i], &query, &err), -EINVAL);
		check(strncmp(err.text, "Invalid query: ", 15) == 0);
	}
}

static void a_date_is_a_stretch_of_time(void **state)
{
	static const struct {
		const char *text, *from, *to;
	} dates[] = {
		{"2026-03-09", "2026-03-09T04:00:00+00:00", "2026-03-10T04:00:00+00:00"},
		{"today", "2026-03-09T04:00:00+00:00", "2026-03-10T04:00:00+00:00"},
		{"Yesterday", "2026-03-08T04:00:00+00:00", "2026-03-09T04:00:00+00:00"},
		{"tomorrow", "2026-03-10T04:00:00+00:00", "2026-03-11T04:00:00+00:00"},
		{"2026-03-09T14:00", "2026-03-09T14:00:00+00:00", "2026-03-09T14:01:00+00:00"},
		{"2026-03-09T14:00:05", "2026-03-09T14:00:05+00:00", "2026-03-09T14:00:06+00:00"},
		{"2026-03-09T14:00:05+01:00", "2026-03-09T13:00:05+00:00",
	         "2026-03-09T13:00:06+00:00"},
		{"now", "2026-03-09T14:30:00+00:00", "2026-03-09T14:30:00+00:00"},
		{"1 day ago", "2026-03-08T14:30:00+00:00", "2026-03-08T14:30:00+00:00"},
		{"2 weeks ago", "2026-02-23T14:30:00+00:00", "2026-02-23T14:30:00+00:00"},
	};
	char text[moment_bytes];
	int64_t from_us, to_us;

	(void)state;
	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		check(box_old_date(&there, dates[i].text, &from_us, &to_us));
		check_text(moment_seconds_text(from_us, text), dates[i].from);
		check_text(moment_seconds_text(to_us, text), dates[i].to);
		check(to_us > from_us);
	}
	check(!box_old_date(&there, "2 weeks", &from_us, &to_us));
	check(!box_old_date(&there, "some weeks ago", &from_us, &to_us));
	check(!box_old_date(&there, "2026-02-30", &from_us, &to_us));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_condition_is_a_node_of_the_tree),
		sentence(and_binds_closer_than_or),
		sentence(order_and_number_are_taken_out_of_it),
		sentence(what_is_not_understood_is_a_sentence),
		sentence(a_date_is_a_stretch_of_time),
	};
	int failed;

	org = box_org_new(1, 0, 0);
	failed = run_sentences(tests);
	box_org_free(org);
	return failed;
}
