#include "connector/cli/desk_print.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

/* What @print makes of the member @key (or, NULL, the whole) of the answer in @text. */
static char *printed(const char *text, const char *key,
                     void (*print)(FILE *out, struct json_object *value))
{
	struct json_object *answer = NULL;
	char *shown = NULL;
	size_t len;
	FILE *out = open_memstream(&shown, &len);

	check_eq(json_parse(text, strlen(text), 0, &answer, NULL, NULL), 0);
	print(out, key ? json_get(answer, key) : answer);
	(void)fclose(out);
	(void)json_object_put(answer);
	return shown;
}

static void status_says_what_runs_and_what_is_owed(void **state)
{
	char *text = printed(
		"{\"pipeline\":\"signups\",\"running\":true,\"pid\":42,\"run\":3,"
		"\"sentences\":[\"waiting for quota until 10:42:07\"],"
		"\"counts\":{\"read\":1500,\"delivered\":1480,\"filtered\":0,\"skipped\":0,"
		"\"rejected\":12,\"held\":0,\"open\":8},\"open\":8,\"unknown\":1,\"held\":0,"
		"\"rejected\":12,\"events_owed\":2,"
		"\"source\":{\"file\":\"signups.ndjson\",\"line\":1508,\"bytes\":2048}}",
		NULL, desk_print_status);

	(void)state;
	check_text(text, "signups: running (process 42, run 3)\n"
	                 "  waiting for quota until 10:42:07\n"
	                 "  read signups.ndjson up to line 1,508 (2.0 KiB)\n"
	                 "records of run 3:\n"
	                 "         1,500 read\n"
	                 "         1,480 delivered\n"
	                 "            12 rejected\n"
	                 "             8 open\n"
	                 "in the state now:\n"
	                 "             8 open\n"
	                 "             1 with an unknown outcome, being looked up or repeated\n"
	                 "            12 rejected: closefeed rejects list\n"
	                 "             2 events the receiver has not accepted yet\n");
	free(text);
}

static void what_is_left_is_told_with_its_age_and_its_end(void **state)
{
	char *text = printed(
		"{\"pipeline\":\"signups\",\"running\":true,\"pid\":42,\"run\":3,"
		"\"lag\":{\"records\":1560,\"bytes\":null,\"seconds\":41,"
		"\"oldest_unsent_seconds\":242,\"settled_per_minute\":130,"
		"\"drained_in_seconds\":720},\"partitions\":["
		"{\"topic\":\"leads\",\"partition\":0,\"position\":7,\"end\":1567,\"lag\":1560},"
		"{\"topic\":\"leads\",\"partition\":1,\"position\":9,\"end\":null,\"lag\":null}]}",
		NULL, desk_print_status);

	(void)state;
	check_text(text,
	           "signups: running (process 42, run 3)\n"
	           "  1,560 records behind (41 s), drained in about 12 min at 130 records/min\n"
	           "  the oldest record that is not settled yet is 4 min 2 s old\n"
	           "TOPIC  PARTITION  POSITION  END   LAG\n"
	           "leads  0          7         1567  1560\n"
	           "leads  1          9         ?     ?\n");
	free(text);
}

static void what_stands_still_has_no_forecast(void **state)
{
	char *text = printed("{\"pipeline\":\"signups\",\"lag\":{\"records\":null,\"bytes\":2048,"
	                     "\"settled_per_minute\":0,\"drained_in_seconds\":null}}",
	                     NULL, desk_print_status);

	(void)state;
	check_text(text, "signups: not running\n"
	                 "  2.0 KiB left to read; none was settled in the last minute\n");
	free(text);
}

static void a_state_at_rest_is_a_line(void **state)
{
	char *text =
		printed("{\"pipeline\":\"signups\",\"running\":false}", NULL, desk_print_status);

	(void)state;
	check_text(text, "signups: not running\n");
	free(text);
}

static void runs_are_rows_without_columns_of_noughts(void **state)
{
	char *text;

	(void)state;
	check_eq(setenv("TZ", "UTC", 1), 0);
	text = printed(
		"{\"runs\":[{\"run\":3,\"began\":\"2026-11-21T10:42:07.123Z\",\"duration_ms\":61000,"
		"\"state\":\"running\",\"pipeline\":\"0123456789abcdef\",\"counts\":{\"read\":1500,"
		"\"delivered\":1488,\"filtered\":0,\"skipped\":0,\"rejected\":12,\"held\":0,"
		"\"open\":0}},{\"run\":2,\"began\":\"2026-11-20T10:42:07.123Z\",\"state\":\"killed\","
		"\"pipeline\":\"\"},{\"run\":1,\"began\":\"2026-11-19T10:42:07.123Z\","
		"\"ended\":\"2026-11-19T10:42:07.323Z\",\"duration_ms\":200,\"state\":\"ended\","
		"\"reason\":\"end of input\",\"pipeline\":\"fedcba9876\",\"counts\":{\"read\":1,"
		"\"delivered\":1,\"rejected\":0,\"held\":0}}]}",
		"runs", desk_print_runs);
	check_text(
		text,
		"RUN  BEGAN                TOOK       READ   DELIVERED  REJECTED  PIPELINE  ENDED\n"
		"3    2026-11-21 10:42:07  1 min 1 s  1,500  1,488      12        01234567  running\n"
		"2    2026-11-20 10:42:07  ?          ?      ?          ?                   killed\n"
		"1    2026-11-19 10:42:07  200 ms     1      1          0         fedcba98  end of "
		"input\n");
	free(text);
}

static void print_rejected(FILE *out, struct json_object *items)
{
	desk_print_list(out, items, "rejected");
}

static void a_list_names_record_and_reason(void **state)
{
	char *text = printed(
		"{\"rejects\":[{\"id\":7,\"class\":\"validation\",\"message\":\"Close refused it\","
		"\"fields\":{\"emails[0].email\":\"Invalid email address.\"},\"route\":\"leads\","
		"\"records\":[{\"file\":\"a.ndjson\",\"line\":12,\"bytes\":[1,2]}]},"
		"{\"id\":8,\"class\":\"json\",\"message\":\"byte 4: \\\"a\\\" stands twice\","
		"\"records\":[{\"topic\":\"t\",\"partition\":3,\"offset\":77},{}]}]}",
		"rejects", print_rejected);

	(void)state;
	check_text(text, "ID  CLASS       RECORD             ROUTE  REASON\n"
	                 "7   validation  a.ndjson:12        leads  Close refused it; "
	                 "emails[0].email: Invalid email address.\n"
	                 "8   json        t/3:77 and 1 more         byte 4: \"a\" stands twice\n");
	free(text);
}

static void an_empty_list_is_said_in_words(void **state)
{
	char *text = printed("{\"rejects\":[]}", "rejects", print_rejected);

	(void)state;
	check_text(text, "Nothing is rejected.\n");
	free(text);
}

static void an_item_shows_request_and_answer(void **state)
{
	char *text = printed(
		"{\"held\":[{\"id\":7,\"class\":\"unknown\",\"known\":\"sent at 10:42, no answer\","
		"\"message\":\"\",\"record\":\"{\\\"a\\\": 1}\",\"operation\":\"lead.create\","
		"\"request\":{\"method\":\"POST\",\"url\":\"/lead/\",\"body\":{\"name\":\"X\"}},"
		"\"response\":{\"status\":0},\"attempts\":1}]}",
		"held", desk_print_items);

	(void)state;
	check_text(text, "7  unknown\n"
	                 "  reason     sent at 10:42, no answer\n"
	                 "             {\"a\": 1}\n"
	                 "  operation  lead.create\n"
	                 "  request    POST /lead/\n"
	                 "  body       {\"name\":\"X\"}\n"
	                 "  attempts   1\n");
	free(text);
}

static void results_tell_outcome_and_object(void **state)
{
	char *text =
		printed("{\"results\":[{\"id\":7,\"outcome\":\"delivered\",\"object_id\":"
	                "\"lead_A1\"},{\"id\":8,\"outcome\":\"rejected\",\"message\":\"no\"}]}",
	                "results", desk_print_results);

	(void)state;
	check_text(text, "7  delivered lead_A1\n8  rejected: no\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(status_says_what_runs_and_what_is_owed),
		sentence(what_is_left_is_told_with_its_age_and_its_end),
		sentence(what_stands_still_has_no_forecast),
		sentence(a_state_at_rest_is_a_line),
		sentence(runs_are_rows_without_columns_of_noughts),
		sentence(a_list_names_record_and_reason),
		sentence(an_empty_list_is_said_in_words),
		sentence(an_item_shows_request_and_answer),
		sentence(results_tell_outcome_and_object),
	};

	return run_sentences(tests);
}
