#include "connector/close/verdict.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <string.h>
#include <strings.h>

enum { max_id_bytes = 100 };

struct row {
	unsigned status;
	enum verdict verdict;
	enum reject_class class;
};

/* Statuses that prove by themselves that nothing was done. All others but 2xx and 3xx prove
 * nothing. */
static const struct row refusals[] = {
	{400, VERDICT_REJECTED, REJECT_VALIDATION}, {401, VERDICT_UNAUTHORIZED, REJECT_NONE},
	{402, VERDICT_PLAN_LIMIT, REJECT_NONE},     {403, VERDICT_FORBIDDEN, REJECT_PERMISSION},
	{404, VERDICT_REJECTED, REJECT_NOT_FOUND},  {405, VERDICT_REJECTED, REJECT_VALIDATION},
	{409, VERDICT_REJECTED, REJECT_VALIDATION}, {410, VERDICT_REJECTED, REJECT_NOT_FOUND},
	{413, VERDICT_REJECTED, REJECT_TOO_LARGE},  {415, VERDICT_REJECTED, REJECT_VALIDATION},
	{422, VERDICT_REJECTED, REJECT_VALIDATION}, {429, VERDICT_RATE_LIMITED, REJECT_NONE},
};

static bool begins_like_json(const struct crm_attempt *attempt)
{
	for (size_t i = 0; i < attempt->body_len; i++)
		if (!strchr(" \t\r\n", attempt->body[i]))
			return attempt->body[i] == '{' || attempt->body[i] == '[';
	return true; /* nothing but space came before it was cut */
}

/* A page for people, as a proxy or a captive portal shows it. */
static bool begins_like_page(const struct crm_attempt *attempt)
{
	static const char *const beginnings[] = {"<!doctype html", "<html"};
	size_t at = 0;

	while (at < attempt->body_len && strchr(" \t\r\n", attempt->body[at]))
		at++;
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++) {
		const size_t len = strlen(beginnings[i]);

		if (attempt->body_len - at >= len &&
		    strncasecmp(attempt->body + at, beginnings[i], len) == 0)
			return true;
	}
	return false;
}

/* A captive portal answers 200 with a page of its own: that is not Close saying "done". */
static bool is_readable(const struct crm_attempt *attempt)
{
	if (attempt->body_len == 0 || attempt->status == 204)
		return true;
	if (attempt->is_other_host)
		return !begins_like_page(attempt);
	return attempt->is_complete ? attempt->is_json : begins_like_json(attempt);
}

static const struct row *find_refusal(unsigned status)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].status == status)
			return &refusals[i];
	return NULL;
}

static struct crm_judgement judge_refusal(const struct crm_attempt *attempt, const struct row *row)
{
	struct crm_judgement judgement = {row->verdict, row->class};

	/* What the lost attempt deleted cannot be found by the next. */
	if (row->status == 404 && attempt->method == METHOD_DELETE && attempt->was_unknown)
		return (struct crm_judgement){VERDICT_APPLIED, REJECT_NONE};
	if (row->verdict == VERDICT_REJECTED && !attempt->is_other_host &&
	    !(attempt->is_complete && attempt->is_json))
		judgement.class = REJECT_UNEXPECTED_ANSWER;
	return judgement;
}

struct crm_judgement crm_judge(const struct crm_attempt *attempt)
{
	const struct row *refusal = find_refusal(attempt->status);

	if (attempt->n_sends == 0)
		return (struct crm_judgement){VERDICT_NOT_SENT, REJECT_NONE};
	if (refusal)
		return judge_refusal(attempt, refusal);
	if (attempt->status / 100 == 2)
		return (struct crm_judgement){
			is_readable(attempt) ? VERDICT_APPLIED : VERDICT_UNREADABLE, REJECT_NONE};
	if (attempt->status / 100 == 3)
		return (struct crm_judgement){VERDICT_REDIRECTED, REJECT_NONE};
	return (struct crm_judgement){VERDICT_UNKNOWN, REJECT_NONE};
}

char *crm_attempt_text(const struct crm_attempt *attempt)
{
	const char *error = attempt->error && *attempt->error ? attempt->error : "no reason given";
	const unsigned status = attempt->status;

	switch (crm_judge(attempt).verdict) {
	case VERDICT_NOT_SENT:
		return mem_printf("Nothing was sent: %s.", error);
	case VERDICT_APPLIED:
		if (status == 404)
			return mem_strdup(
				"Close answered 404: the earlier attempt had deleted it.");
		return mem_printf("Close answered %u: done.", status);
	case VERDICT_RATE_LIMITED:
		return mem_strdup(
			"Close answered 429: its rate limit is used up, nothing was done.");
	case VERDICT_OUTDATED: /* a refusal, of which somebody knows why */
	case VERDICT_REJECTED:
		return mem_printf("The request was refused with %u, nothing was done.", status);
	case VERDICT_UNAUTHORIZED:
		return mem_strdup(
			"Close answered 401: it does not accept the key. Put a valid one where close.api_key points, then run again.");
	case VERDICT_PLAN_LIMIT:
		return mem_strdup("Close answered 402: your plan's limit is reached.");
	case VERDICT_FORBIDDEN:
		return mem_strdup("Close answered 403: the key's user may not do this.");
	case VERDICT_REDIRECTED:
		return mem_printf(
			"The answer was %u, a redirect, which is never followed: the path lacks its last slash, or base_url redirects.",
			status);
	case VERDICT_UNKNOWN:
		if (status != 0)
			return mem_printf(
				"The answer was %u, which does not say whether it was done.",
				status);
		return mem_printf("It was sent but no answer came, so it may have been done: %s.",
		                  error);
	case VERDICT_UNREADABLE:
		return mem_printf(
			"The answer was %u but not from Close: it is no JSON. Whether it was done is not known.",
			status);
	}
	return NULL;
}

const char *crm_object_id(struct json_object *answer)
{
	const char *id = json_get_string(answer, "id");
	const size_t len = id ? strlen(id) : 0;

	if (len == 0 || len > max_id_bytes)
		return NULL;
	for (const char *c = id; *c; c++)
		if (*c <= ' ' || *c > '~')
			return NULL;
	return id;
}
