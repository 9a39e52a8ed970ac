#include "connector/sandbox/answer_form.h"

#include "connector/sandbox/validate.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t window_s = 8;

/* What was counted, as old bodies told it. */
static struct json_object *count_of(const struct box_rate_verdict *verdict, bool is_text)
{
	struct json_object *o = json_object_new_object();
	char reset[32];

	(void)snprintf(reset, sizeof(reset), "%llu.%03llu",
	               (unsigned long long)verdict->reset_ms / 1000,
	               (unsigned long long)verdict->reset_ms % 1000);
	box_set(o, "message", json_object_new_string("API call count exceeded for this period"));
	box_set(o, "rate_limit", json_object_new_int64(verdict->limit));
	box_set(o, "rate_limit_type", json_object_new_string("key"));
	box_set(o, "rate_reset",
	        is_text ? json_object_new_string(reset)
	                : json_object_new_double_s(strtod(reset, NULL), reset));
	box_set(o, "rate_window", json_object_new_int64((int64_t)window_s));
	return o;
}

void box_answer_too_many(struct box_answer *answer, const struct box_doubts *doubts,
                         const struct box_rate_verdict *verdict)
{
	const char *form = box_doubt_value(doubts, DOUBT_RATE_BODY);
	struct json_object *body;

	if (strcmp(form, "error") == 0) {
		box_answer_error(answer, 429, "Rate limit exceeded");
		return;
	}
	body = count_of(verdict, strcmp(form, "flat_text") == 0);
	if (strcmp(form, "nested") == 0) {
		struct json_object *outer = json_object_new_object();

		box_set(outer, "error", body);
		body = outer;
	}
	box_answer_json(answer, 429, body);
}

static bool is_doubtful(unsigned status)
{
	return status == 402 || status == 403 || status == 405 || status == 415 || status >= 500;
}

void box_answer_reform(struct box_answer *answer, const struct box_doubts *doubts)
{
	const char *form = box_doubt_value(doubts, DOUBT_ERROR_BODY);
	const char *said = json_get_string(answer->json, "error");
	struct json_object *errors;

	if (!is_doubtful(answer->status) || !said || strcmp(form, "error") == 0)
		return;
	if (strcmp(form, "empty") == 0) {
		box_answer_text(answer, answer->status, "");
	} else if (strcmp(form, "html") == 0) {
		char *page = mem_printf("<html><body><h1>%u</h1></body></html>", answer->status);

		box_answer_header(answer, "Content-Type: text/html");
		box_answer_text(answer, answer->status, page);
		free(page);
	} else {
		errors = json_object_new_array();
		json_object_array_add(errors, json_object_new_string(said));
		box_answer_json(answer, answer->status, box_complaint(errors, NULL));
	}
}
