#include "connector/engine/desk_private.h"

#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <stdlib.h>
#include <string.h>

/*
 * Telling receivers because a person says so: what waits, without its back-off, or what they have
 * accepted before. The errand waits for events up to the newest there was when it was asked, at
 * most delivery.drain; what comes later is not its affair.
 */

struct telling {
	bool is_resend, is_ready; /* is_ready: what is to be told is durable */
	struct event_choice choice;
	uint64_t n_resent, n_waited; /* n_waited: owed when it began */
	uint64_t up_to;              /* the newest event it waits for */
	uint64_t until_ms;
	enum event_sink sink; /* of a resend */
};

bool desk_is_telling(const char *verb)
{
	return !strcmp(verb, "responses.flush") || !strcmp(verb, "responses.resend");
}

void telling_free(struct telling *telling)
{
	if (!telling)
		return;
	strlist_free(telling->choice.ids);
	free(telling);
}

static const enum event_sink sinks[] = {SINK_WEBHOOK, SINK_FILE, SINK_KAFKA, SINK_REJECTS};

/* Those of its sinks that there are now; what others were owed waits for them. */
static uint64_t n_owed(const struct engine *e, uint64_t up_to)
{
	const unsigned there = outbox_sinks(e);
	uint64_t n = 0;

	for (size_t i = 0; i < sizeof(sinks) / sizeof(*sinks); i++)
		if (there & sinks[i])
			n += journal_n_owed(e->journal, sinks[i], up_to);
	return n;
}

static bool is_told_to(struct engine *e, enum event_sink sink, uint64_t up_to)
{
	const uint64_t first = journal_first_owed(e->journal, sink);

	return !first || first > up_to;
}

bool telling_has_ended(struct desk *desk, const struct errand *errand)
{
	const struct telling *t = errand->telling;
	struct engine *e = desk->engine;

	if (!t->is_ready)
		return false;
	if (outbox_is_gone(e) || e->file_is_broken || loop_now_ms(e->loop) >= t->until_ms)
		return true;
	for (size_t i = 0; i < sizeof(sinks) / sizeof(*sinks); i++)
		if (outbox_sinks(e) & sinks[i] && !is_told_to(e, sinks[i], t->up_to))
			return false;
	return true;
}

static const char *why_not(const struct engine *e)
{
	const char *trouble = outbox_trouble(e);

	if (e->is_stopping)
		return e->stop_reason;
	if (outbox_is_gone(e))
		return "the receiver answered 410 Gone: nothing is sent to it until `closefeed "
		       "responses resume`";
	return *trouble ? trouble : "delivery.drain was over before the receiver had taken them";
}

struct json_object *telling_answer(struct engine *e, const struct telling *t)
{
	struct json_object *o = json_object_new_object();
	const uint64_t n_waiting = n_owed(e, t->up_to);
	const uint64_t n_asked = t->n_waited > n_waiting ? t->n_waited : n_waiting;

	if (t->is_resend)
		(void)json_object_object_add(o, "resent", json_object_new_uint64(t->n_resent));
	(void)json_object_object_add(o, "told", json_object_new_uint64(n_asked - n_waiting));
	(void)json_object_object_add(o, "waiting", json_object_new_uint64(n_waiting));
	if (n_waiting)
		(void)json_object_object_add(o, "why", json_object_new_string(why_not(e)));
	return o;
}

static void begin(struct engine *e, struct telling *t)
{
	t->up_to = journal_last_event(e->journal);
	t->n_waited = n_owed(e, t->up_to);
	t->is_ready = true;
	e->is_flushing = true;
	outbox_try_now(e);
}

static void resend_is_durable(void *arg, int r)
{
	struct errand *errand = arg;
	struct telling *t = errand->telling;
	struct engine *e = errand->desk->engine;

	(void)r; /* only INTENTs can fail for want of space */
	hook_point("resend_durable");
	outbox_owe(e, t->sink, t->n_resent);
	begin(e, t);
}

static void read_choice(struct json_object *request, struct event_choice *choice)
{
	struct json_object *ids = json_get(request, "ids");

	choice->run = (uint64_t)json_get_int(request, "run", 0);
	choice->since_wall_ms = json_get_int(request, "since_wall_ms", 0);
	if (!json_object_is_type(ids, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(ids); i++)
		strlist_add(&choice->ids,
		            mem_strdup(json_object_get_string(json_object_array_get_idx(ids, i))));
}

struct json_object *desk_tell(struct desk *desk, const char *verb, struct json_object *request,
                              struct errand **ret_errand)
{
	struct engine *e = desk->engine;
	struct errand *errand;
	struct telling *t;

	if (!outbox_sinks(e))
		return desk_refusal(EXIT_USAGE, "the pipeline has no responses: nobody is told");
	if (strcmp(verb, "responses.flush") != 0 && !outbox_main_sink(e))
		return desk_refusal(EXIT_USAGE, "the pipeline has no responses: copies of rejects "
		                                "are not sent again (`closefeed rejects export`)");
	if (outbox_is_gone(e))
		return desk_refusal(EXIT_AGAIN, "%s", why_not(e));
	t = mem_alloc(sizeof(*t));
	t->until_ms = loop_now_ms(e->loop) + e->pipeline->drain_ms;
	t->is_resend = strcmp(verb, "responses.flush") != 0;
	errand = errand_new(desk);
	errand->telling = t;
	*ret_errand = errand;
	if (!e->options.reads_source) /* nobody waits twice */
		e->drain_until_ms = t->until_ms;
	if (!t->is_resend) {
		begin(e, t);
		return NULL;
	}
	t->sink = outbox_main_sink(e);
	read_choice(request, &t->choice);
	journal_resend_events(e->journal, &t->choice, t->sink, &t->n_resent, resend_is_durable,
	                      errand);
	return NULL;
}

struct json_object *desk_resume(struct desk *desk, struct journal *journal,
                                const struct pipeline *pipeline)
{
	struct json_object *o = json_object_new_object();
	const bool was_paused = pause_end(journal, pipeline);

	(void)json_object_object_add(o, "was_paused", json_object_new_boolean(was_paused));
	(void)json_object_object_add(
		o, "waiting",
		json_object_new_uint64(journal_n_owed(journal, SINK_WEBHOOK, INT64_MAX)));
	(void)json_object_object_add(o, "running", json_object_new_boolean(desk != NULL));
	if (desk && was_paused)
		outbox_resume(desk->engine);
	return o;
}
