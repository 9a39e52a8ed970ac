#include "connector/engine/proof_private.h"

#include "connector/close/catalogue.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * One look: search for all at once, where they have identities, or a list by what another system
 * calls each; then the list of each lead that one of those not found names, then, where absence may
 * soon count, the event log. One call is out at a time. A source that does not answer as it should
 * is passed over: it proves nothing in this look.
 */

void proof_forget_question(struct proof *p)
{
	struct question *q = &p->question;

	for (size_t i = 0; i < q->n; i++) {
		free(q->leads[i]);
		free(q->values[i]);
		json_object_put(q->prints[i].sent);
	}
	free(q->object);
	free(q->field);
	crm_matches_deinit(&q->matches);
	crm_events_deinit(&q->log);
	*q = (struct question){0};
	p->is_asking = false;
}

/* One call is out at a time: who reads its answer stands in p->read. */
static void came(void *arg, const struct http_answer *answer)
{
	struct proof *p = arg;
	cleanup_(json_freep) struct json_object *page = NULL;

	if (!answer) {
		proof_forget_question(p);
		return;
	}
	proof_learn_skew(p, answer);
	if (answer->status / 100 == 2)
		(void)json_parse(answer->body, answer->body_len, 0, &page, NULL, NULL);
	p->read(p, page, answer->status);
}

static void ask(struct proof *p, enum call_method method, const char *group, char *takes_url,
                char *takes_body, proof_read_fn read)
{
	const struct delivery_call call = {
		.method = method,
		.group = group,
		.url = takes_url,
		.body = takes_body,
		.done = came,
		.arg = p,
	};

	p->read = read;
	delivery_ask(p->engine->delivery, &call);
}

static bool is_all_done(const struct question *q)
{
	for (size_t i = 0; i < q->n; i++)
		if (!q->is_done[i])
			return false;
	return true;
}

static struct crm_sought sought(const struct question *q)
{
	return (struct crm_sought){.object = q->object,
	                           .field = q->field,
	                           .values = (const char *const *)q->values,
	                           .prints = q->prints,
	                           .n = q->n};
}

/* The event log */

static bool are_all_others(const struct proof *p, char **ids)
{
	for (; ids && *ids; ids++)
		if (!proof_is_others(p, *ids))
			return false;
	return true;
}

/*
 * Where an event without data, or without the field while nobody's has it, may be of one we look
 * for, the log cannot say that there is none. Where there is no such event at all, it can.
 */
static void end_log(struct proof *p)
{
	struct question *q = &p->question;
	const bool tells_field = q->log.shows_field || are_all_others(p, q->log.fieldless);
	const bool shows_all =
		(tells_field && are_all_others(p, q->log.unclear)) || hook_without("event_data");

	q->is_mute = q->log.is_complete && !shows_all;
	q->is_logged = q->log.is_complete && shows_all;
	proof_decide(p);
}

static void ask_log(struct proof *p);

static void read_log(struct proof *p, struct json_object *page, long status)
{
	struct question *q = &p->question;
	const struct crm_sought s = sought(q);

	(void)status;
	hook_point("log_answered");
	if (!page || crm_events_read(page, &s, &q->log, &q->matches, NULL) < 0)
		proof_decide(p);
	else if (q->log.is_complete || ++q->n_log_pages == max_log_pages)
		end_log(p);
	else
		ask_log(p);
}

static void ask_log(struct proof *p)
{
	const struct question *q = &p->question;

	ask(p, CALL_GET, crm_event_group, crm_events_path(q->object, q->log.cursor), NULL,
	    read_log);
}

static void read_newest_event(struct proof *p, struct json_object *page, long status)
{
	(void)status;
	canary_learn_log(p, page);
	ask_log(p);
}

/* What shows that the log moves must have been seen before it is read, not after. */
static void begin_log(struct proof *p)
{
	if (!p->question.wants_log || is_all_done(&p->question))
		proof_decide(p);
	else
		ask(p, CALL_GET, crm_event_group, mem_strdup(crm_newest_event_path), NULL,
		    read_newest_event);
}

/* The lists of their leads */

static bool is_of_same_lead(const struct question *q, size_t a, size_t b)
{
	return q->leads[a] && q->leads[b] && !strcmp(q->leads[a], q->leads[b]);
}

static void ask_next_list(struct proof *p);

/* Of a list of several pages a change in between may hide one: it can find, and prove nothing. */
static void end_list(struct question *q, const struct crm_list_page *page)
{
	for (size_t i = 0; i < q->n; i++) {
		if (!is_of_same_lead(q, i, q->list_at))
			continue;
		q->is_listed[i] = page && !page->has_more && !q->list_skip;
		q->list_newest_ms[i] = page ? page->newest_ms : 0;
	}
}

static void ask_list(struct proof *p);

static void read_list(struct proof *p, struct json_object *page, long status)
{
	struct question *q = &p->question;
	const struct crm_sought s = sought(q);
	struct crm_list_page shown = {0};

	(void)status;
	hook_point("list_answered");
	if (!page || crm_list_read(page, &s, &q->matches, &shown, NULL) < 0) {
		end_list(q, NULL);
	} else if (shown.has_more && shown.n && q->list_skip + shown.n < shown.n * max_list_pages) {
		q->list_skip += shown.n;
		ask_list(p);
		return;
	} else {
		end_list(q, &shown);
	}
	q->list_at++;
	ask_next_list(p);
}

/* The earliest of all that are in the same list. */
static int64_t list_from(const struct question *q)
{
	int64_t from_ms = q->list_from_ms[q->list_at];

	for (size_t i = 0; i < q->n; i++)
		if (is_of_same_lead(q, i, q->list_at) && q->list_from_ms[i] < from_ms)
			from_ms = q->list_from_ms[i];
	return from_ms;
}

static void ask_list(struct proof *p)
{
	struct question *q = &p->question;

	ask(p, CALL_GET, crm_list_group(q->object, q->list_group),
	    crm_list_path(q->object, q->leads[q->list_at], list_from(q), q->list_skip), NULL,
	    read_list);
}

/* What is found need not wait for the sources that are asked after this one. */
static void ask_next_list(struct proof *p)
{
	struct question *q = &p->question;

	proof_take_found(p);
	while (q->list_at < q->n &&
	       (!q->leads[q->list_at] || q->was_list_asked[q->list_at] || q->is_done[q->list_at]))
		q->list_at++;
	if (q->list_at == q->n) {
		begin_log(p);
		return;
	}
	for (size_t i = 0; i < q->n; i++)
		q->was_list_asked[i] |= is_of_same_lead(q, i, q->list_at);
	q->list_skip = 0;
	ask_list(p);
}

/* Search */

static void ask_search(struct proof *p);

static void search_failed(struct proof *p, long status)
{
	struct question *q = &p->question;

	/* Pages that come slowly outlive their cursor. */
	if (status / 100 != 2 && q->n_pages && q->n_restarts++ < max_restarts) {
		free(q->matches.cursor);
		q->matches.cursor = NULL;
		q->n_pages = 0;
		ask_search(p);
		return;
	}
	(void)snprintf(q->trouble, sizeof(q->trouble), "answers %ld", status);
	ask_next_list(p);
}

static void read_search(struct proof *p, struct json_object *page, long status)
{
	struct question *q = &p->question;
	const struct crm_sought s = sought(q);

	hook_point("search_answered");
	if (!page || crm_search_read(page, &s, &q->matches, NULL) < 0) {
		search_failed(p, status);
	} else if (!q->matches.cursor) {
		q->is_searched = true;
		ask_next_list(p);
	} else if (++q->n_pages < max_pages) {
		ask_search(p);
	} else {
		(void)snprintf(q->trouble, sizeof(q->trouble), "does not come to an end");
		ask_next_list(p);
	}
}

static void ask_search(struct proof *p)
{
	const struct question *q = &p->question;

	ask(p, CALL_POST, "search", mem_strdup(crm_search_path),
	    crm_search_body(q->object, q->field, (const char *const *)q->values, q->n,
	                    q->matches.cursor),
	    read_search);
}

/* What another system calls them */

static void ask_next_external(struct proof *p);

static void read_external(struct proof *p, struct json_object *page, long status)
{
	struct question *q = &p->question;
	const struct crm_sought s = sought(q);
	struct crm_list_page shown;

	(void)status;
	hook_point("list_answered");
	if (page)
		(void)crm_list_read(page, &s, &q->matches, &shown, NULL);
	q->external_at++;
	ask_next_external(p);
}

/* It can find one, and prove nothing: nothing newer is ever in it. */
static void ask_next_external(struct proof *p)
{
	struct question *q = &p->question;
	const char *id = NULL;

	while (q->external_at < q->n &&
	       (q->prints[q->external_at].class != CLASS_B ||
	        !(id = json_get_string(q->prints[q->external_at].sent, crm_external_key))))
		q->external_at++;
	if (q->external_at == q->n)
		ask_next_list(p);
	else
		ask(p, CALL_GET, crm_list_group(q->object, q->list_group),
		    crm_external_path(q->object, id), NULL, read_external);
}

/* The list a create is in: the lead it names, "" where that is all of its kind; to free(). */
static char *lead_of(const struct request *r, struct json_object *body)
{
	const char *key = crm_list_key(r->object);

	if (!crm_has_list(r->object) || hook_without("parent_list"))
		return NULL;
	return mem_strdup(key ? json_get_string(body, key) : "");
}

void proof_add(struct proof *p, const struct request *r)
{
	struct question *q = &p->question;
	struct crm_print *print = &q->prints[q->n];
	cleanup_(json_freep) struct json_object *body = NULL;

	if (!q->n) {
		q->object = mem_strdup(r->object);
		q->field = mem_strdup(r->identity_field);
	}
	if (r->body)
		(void)json_parse(r->body, r->body_len, 0, &body, NULL, NULL);
	q->seqs[q->n] = r->seq;
	q->values[q->n] = mem_strdup(r->identity_value);
	q->leads[q->n] = lead_of(r, body);
	if (!q->field) {
		*print = (struct crm_print){.class = r->class,
		                            .op = operation_find(crm_catalogue(), r->operation),
		                            .sent = json_object_get(body),
		                            .user = p->user};
		q->list_from_ms[q->n] = proof_list_from(p, r, print);
	}
	q->n++;
}

void proof_look(struct proof *p)
{
	p->is_asking = true;
	if (p->question.field)
		ask_search(p);
	else
		ask_next_external(p);
}
