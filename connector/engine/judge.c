#include "connector/engine/nest.h"

#include "connector/close/errors.h"
#include "connector/close/lanes.h"
#include "connector/close/ratelimit.h"
#include "connector/close/verdict.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* From an HTTP answer to what it proves, and into the request what is worth keeping of it. */

enum { max_kept = 256 << 10 }; /* bytes of an answer that are kept for events and rejects */

static const char *const kept_headers[] = {
	"content-type", "date",     "location",     "ratelimit",
	"retry-after",  "trace-id", "x-request-id", "x-envoy-upstream-service-time",
	NULL,
};

static bool is_kept(const char *name)
{
	for (const char *const *k = kept_headers; *k; k++)
		if (!strcasecmp(*k, name))
			return true;
	return false;
}

struct header_reader {
	struct crm_rate_reader rate;
	int64_t wall_ms;
	struct buf *kept; /* JSON members; NULL: only the rate is read */
};

static void read_header(void *arg, const char *name, const char *value)
{
	struct header_reader *r = arg;

	crm_rate_header(&r->rate, name, value, r->wall_ms);
	if (!r->kept || !is_kept(name))
		return;
	if (r->kept->len)
		buf_addc(r->kept, ',');
	json_print_string(name, strlen(name), r->kept);
	buf_addc(r->kept, ':');
	json_print_string(value, strlen(value), r->kept);
}

static char *close_object(const struct redact *redact, struct buf *members)
{
	char *text = mem_printf("{%s}", buf_text(members));
	char *masked = redact_copy(redact, text);

	free(text);
	buf_deinit(members);
	return masked;
}

static struct crm_attempt attempt_of(const struct http_answer *a, struct json_object **ret_body)
{
	struct crm_attempt attempt = {
		.n_sends = a->n_sends,
		.status = (unsigned)a->status,
		.body = a->body,
		.body_len = a->body_len,
		.is_complete = a->is_complete,
		.error = a->error,
	};

	*ret_body = NULL;
	if (a->body_len)
		attempt.is_json = json_parse(a->body, a->body_len, 0, ret_body, NULL, NULL) == 0;
	return attempt;
}

static void set_sentence(struct judgement *j, const struct crm_attempt *attempt, const char *what)
{
	cleanup_(freep) char *text = crm_attempt_text(attempt);

	(void)snprintf(j->sentence, sizeof(j->sentence), "%s%s%s", what ? what : "",
	               what ? ": " : "", text);
}

/* Masked first and cut then, or the beginning of a secret could stay at the cut. */
static void keep_answer(struct engine *e, struct request *r, const struct http_answer *a,
                        struct json_object *parsed, bool is_json, struct buf *headers)
{
	/* Only escapes can hide a secret from the search of the text. */
	const bool has_escapes = memchr(a->body, '\\', a->body_len) != NULL;
	cleanup_(json_freep) struct json_object *masked =
		has_escapes ? redact_json(e->redact, parsed) : NULL;
	struct buf body = BUF_INIT;

	answer_deinit(&r->answer);
	r->answer.status = (unsigned)a->status;
	r->answer.headers = close_object(e->redact, headers);
	if (masked)
		json_print(masked, &body);
	else
		buf_add(&body, a->body, a->body_len);
	(void)redact_text(e->redact, &body);
	r->answer.is_cut = a->is_truncated || body.len > max_kept;
	r->answer.body_len = body.len > max_kept ? max_kept : body.len;
	r->answer.body = buf_take(&body);
	r->answer.body[r->answer.body_len] = '\0';
	r->answer.is_json = is_json && !r->answer.is_cut;
}

/* False: nothing is rejected, for its names were looked up long ago and are asked for again. */
static bool explain_rejection(struct engine *e, struct request *r, const struct http_answer *a,
                              struct json_object *answer, enum reject_class class)
{
	cleanup_(json_freep) struct json_object *sent = NULL, *written = NULL;
	struct crm_error error = {0};
	char *fields = NULL, *message;

	if (r->body)
		(void)json_parse(r->body, r->body_len, 0, &sent, NULL, NULL);
	if (r->written)
		(void)json_parse(r->written, strlen(r->written), 0, &written, NULL, NULL);
	crm_error_read(a->body, a->body_len, answer, sent, written, &error);
	if (a->status == 400 && mending_may_help(e, r, error.fields)) {
		crm_error_deinit(&error);
		return false;
	}
	message = redact_copy(e->redact, error.message);
	if (r->hint) {
		char *alone = steal(&message);

		message = mem_printf("%s (%s)", alone, r->hint);
		free(alone);
	}
	if (error.fields) {
		cleanup_(freep) char *text = json_text(error.fields);

		fields = redact_copy(e->redact, text);
	}
	for (size_t i = 0; i < r->n_parts; i++) {
		struct part *p = &r->parts[i];

		free(p->message);
		free(p->field);
		free(p->fields);
		p->outcome = OUTCOME_REJECTED;
		p->class = class;
		p->message = mem_strdup(message);
		p->field = mem_strdup(error.field);
		p->fields = mem_strdup(fields);
	}
	free(message);
	free(fields);
	crm_error_deinit(&error);
	return true;
}

/* What was made or changed; of what is deleted the URL alone says it. */
static void note_object(struct request *request, struct json_object *body)
{
	const char *answered = crm_object_id(body);
	char *id = mem_strdup(answered);

	if (!id && request->method == METHOD_DELETE)
		id = crm_object_in_url(request->url);
	if (!id)
		return;
	free(request->object_id);
	request->object_id = id;
}

void judge_request(void *arg, struct request *request, const struct http_answer *answer,
                   bool was_unknown, struct judgement *ret_judgement)
{
	struct engine *e = arg;
	cleanup_(json_freep) struct json_object *body = NULL;
	struct crm_attempt attempt = attempt_of(answer, &body);
	struct buf headers = BUF_INIT;
	struct header_reader reader = {.wall_ms = loop_wall_ms(e->loop), .kept = &headers};
	struct crm_judgement j;

	attempt.method = request->method;
	attempt.is_other_host = !*request->operation && !e->pipeline->is_close;
	attempt.was_unknown = was_unknown;
	j = crm_judge(&attempt);
	http_answer_each_header(answer, read_header, &reader);
	ret_judgement->verdict = j.verdict;
	ret_judgement->rate = reader.rate.info;

	keep_answer(e, request, answer, body, attempt.is_json, &headers);
	if (j.verdict == VERDICT_APPLIED) {
		note_object(request, body);
		ret_judgement->is_partial = folding_is_partial(e, request, body, true);
		ret_judgement->goes_anew = nest_goes_anew(request, body, true);
		return;
	}
	set_sentence(ret_judgement, &attempt,
	             *request->operation ? request->operation : request->route);
	if ((j.verdict == VERDICT_REJECTED || j.verdict == VERDICT_FORBIDDEN) &&
	    !explain_rejection(e, request, answer, body, j.class)) {
		/* Another object may have what it was found by. */
		if (resolve_was_found_by_name(e, request))
			ret_judgement->goes_anew = true;
		else
			ret_judgement->verdict = VERDICT_OUTDATED;
	}
	(void)folding_is_partial(e, request, body, false);
	ret_judgement->goes_anew |=
		j.verdict == VERDICT_REJECTED && resolve_goes_singly(e, request);
	ret_judgement->goes_anew |= nest_goes_anew(request, body, false);
	ret_judgement->goes_anew |=
		j.verdict == VERDICT_REJECTED && resolve_links_are_gone(e, request, body);
}

void judge_call(void *arg, const struct http_answer *answer, struct judgement *ret_judgement)
{
	struct engine *e = arg;
	cleanup_(json_freep) struct json_object *body = NULL;
	struct crm_attempt attempt = attempt_of(answer, &body);
	struct header_reader reader = {.wall_ms = loop_wall_ms(e->loop)};

	/* A read may be repeated whatever became of it, as a PUT may. */
	attempt.method = METHOD_PUT;
	http_answer_each_header(answer, read_header, &reader);
	ret_judgement->rate = reader.rate.info;
	ret_judgement->verdict = crm_judge(&attempt).verdict;
	/* A 2xx that was cut off tells nothing here: what it would have said is asked again. */
	if (ret_judgement->verdict == VERDICT_APPLIED && !attempt.is_complete)
		ret_judgement->verdict = VERDICT_UNKNOWN;
	set_sentence(ret_judgement, &attempt, NULL);
}
