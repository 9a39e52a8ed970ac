#include "connector/engine/desk_private.h"
#include "connector/engine/tap.h"

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Who asks, who waits, and answering with nobody running. */

bool desk_verb_acts(const char *verb)
{
	return !strcmp(verb, "rejects.retry") || !strcmp(verb, "held.resolve") ||
	       !strcmp(verb, "send") || desk_is_telling(verb);
}

struct desk *desk_new(struct engine *e)
{
	struct desk *desk = mem_alloc(sizeof(*desk));

	desk->engine = e;
	return desk;
}

static void errand_free(struct errand *errand)
{
	json_object_put(errand->results);
	telling_free(errand->telling);
	sending_free(errand->sending);
	free(errand->ids);
	free(errand->edited);
	free(errand->parts);
	free(errand);
}

static struct json_object *answer_of(struct errand *errand)
{
	struct json_object *o;

	if (errand->telling)
		return telling_answer(errand->desk->engine, errand->telling);
	if (errand->sending)
		return sending_answer(errand);
	o = json_object_new_object();
	(void)json_object_object_add(o, "results", steal(&errand->results));
	return o;
}

static void answer(struct errand *errand)
{
	struct json_object *o = answer_of(errand);

	if (errand->question) {
		control_reply(errand->question, o);
		json_object_put(o);
	} else {
		*errand->ret_answer = o;
	}
}

/* What has not ended gets its word too: the retry goes on, or is asked for again. */
static void answer_early(struct errand *errand)
{
	for (size_t i = 0; i < errand->n_begun; i++)
		if (!errand->parts[i].has_ended)
			errand_result(errand, errand->parts[i].id, "open", NULL,
			              "not finished yet");
	for (size_t i = errand->n_begun; i < errand->n_ids; i++)
		errand_result(errand, errand->ids[i], "open", NULL, "not begun; ask again");
	answer(errand);
}

void desk_free(struct desk *desk)
{
	if (!desk)
		return;
	tap_end(desk->engine->tap);
	while (desk->errands) {
		struct errand *errand = desk->errands;

		desk->errands = errand->next;
		answer_early(errand);
		errand_free(errand);
	}
	free(desk);
}

void desk_part_ended(struct desk *desk, const struct part *part, const struct request *request)
{
	for (struct errand *errand = desk->errands; errand; errand = errand->next) {
		if (errand->sending)
			sending_part_ended(errand, part, request);
		for (size_t i = 0; i < errand->n_begun; i++) {
			struct errand_part *mine = &errand->parts[i];

			if (mine->id != part->id || mine->has_ended)
				continue;
			mine->has_ended = true;
			hook_point("retry_ended");
			errand_result(errand, part->id, outcome_name(part->outcome),
			              request ? request->object_id : NULL, part->message);
			if (mine->old_request && (!request || request->seq != mine->old_request))
				journal_drop_orphan_request(desk->engine->journal,
				                            mine->old_request);
		}
	}
}

bool desk_give_back(struct desk *desk, struct record *record, const char *why)
{
	for (struct errand *errand = desk->errands; errand; errand = errand->next)
		if (errand->sending && sending_give_back(errand, record, why))
			return true;
	return false;
}

void desk_wait_for(struct desk *desk, const struct record *record, const char *words)
{
	for (struct errand *errand = desk->errands; errand; errand = errand->next)
		if (errand->sending)
			sending_wait_for(errand->sending, record, words);
}

bool desk_is_busy(const struct desk *desk)
{
	const struct errand *errand = desk->engine->is_bound ? desk->errands : NULL;

	while (errand && !(errand->sending && sending_is_busy(errand->sending)))
		errand = errand->next;
	return errand != NULL;
}

bool desk_is_waiting(const struct desk *desk)
{
	return desk->errands != NULL;
}

void desk_begin(struct desk *desk)
{
	if (!desk->engine->is_bound || desk->engine->is_stopping)
		return;
	for (struct errand *errand = desk->errands; errand; errand = errand->next) {
		if (errand->sending)
			sending_go_on(desk, errand);
		else
			errand_go_on(desk, errand);
	}
}

static bool has_ended(struct desk *desk, const struct errand *errand)
{
	if (errand->telling)
		return telling_has_ended(desk, errand);
	return errand->sending ? sending_has_ended(errand->sending)
	                       : errand->n_ended == errand->n_ids;
}

/* After the commit of a turn: what has all ended is answered. */
void desk_turn(struct desk *desk)
{
	struct errand **at = &desk->errands;

	tap_turn(desk->engine->tap);
	desk->engine->is_flushing = false;
	while (*at) {
		struct errand *errand = *at;

		if (!has_ended(desk, errand) || journal_has_changes(desk->engine->journal)) {
			desk->engine->is_flushing |= errand->telling != NULL;
			at = &errand->next;
			continue;
		}
		*at = errand->next;
		answer(errand);
		errand_free(errand);
	}
}

static struct json_object *act(struct desk *desk, const char *verb, struct json_object *request,
                               struct errand **ret_errand)
{
	if (!strcmp(verb, "rejects.retry"))
		return desk_retry(desk, request, ret_errand);
	if (!strcmp(verb, "held.resolve"))
		return desk_resolve(desk, request, ret_errand);
	if (!strcmp(verb, "send"))
		return desk_send(desk, request, ret_errand);
	if (!strcmp(verb, "send.look"))
		return desk_look(desk, request, ret_errand);
	if (!strcmp(verb, "rejects.drop"))
		return desk_drop(desk, desk->engine->journal, request,
		                 loop_wall_ms(desk->engine->loop));
	if (desk_is_telling(verb))
		return desk_tell(desk, verb, request, ret_errand);
	if (!strcmp(verb, "responses.resume"))
		return desk_resume(desk, desk->engine->journal, desk->engine->pipeline);
	return desk_refusal(EXIT_USAGE, "this process does not know \"%s\"; is it another version?",
	                    verb);
}

void desk_question(void *arg, const char *verb, struct json_object *request,
                   struct control_question *question)
{
	struct desk *desk = arg;
	struct engine *e = desk->engine;
	struct errand *errand = NULL;
	struct json_object *o = desk_read(e->journal, e, e->pipeline, verb, request);

	if (!strcmp(verb, "tap")) {
		tap_ask(e->tap, request, question);
		return;
	}
	if (!o)
		o = act(desk, verb, request, &errand);
	if (errand)
		errand->question = question;
	else
		control_reply(question, o);
	json_object_put(o);
}

/* With nobody running */

static void no_turn(void *arg, struct engine *engine)
{
	(void)arg;
	(void)engine;
}

static bool sends(const char *verb, struct json_object *request)
{
	const char *action = json_get_string(request, "action");

	if (desk_is_telling(verb))
		return false;
	return strcmp(verb, "held.resolve") != 0 || (action && !strcmp(action, "send"));
}

static enum exit_code act_alone(const struct pipeline *pipeline, const char *verb,
                                struct json_object *request, struct json_object **ret_answer,
                                struct err *err)
{
	const struct engine_options options = {.pipeline = pipeline,
	                                       .owns_source = pipeline->kafka.topics &&
	                                                      !strcmp(verb, "send"),
	                                       .is_offline = !sends(verb, request)};
	struct engine *e = NULL;
	struct errand *errand = NULL;
	struct json_object *o = NULL;
	enum exit_code code;
	const char *reason;

	if (engine_open(&options, &e, &code, err) < 0)
		return code;
	o = act(e->desk, verb, request, &errand);
	if (errand)
		errand->ret_answer = &o;
	if (!errand) { /* refused: there is nothing to send, so nothing is asked either */
		engine_free(e);
		*ret_answer = o;
		return EXIT_DONE;
	}
	code = engine_run(e, no_turn, NULL, &reason);
	if (code == EXIT_DONE || code == EXIT_UNSETTLED || code == EXIT_AGAIN)
		code = EXIT_DONE;
	else
		(void)err_set(err, -EIO, "%s", reason ? reason : "stopped");
	engine_free(e); /* answers what has not ended */
	if (code == EXIT_DONE)
		*ret_answer = o;
	else
		json_object_put(o);
	return code;
}

/* The answers of a state with nothing in it; asking does not make one. */
static struct json_object *no_state(const struct pipeline *pipeline, const char *verb,
                                    struct json_object *request)
{
	static const struct {
		const char *verb, *answer;
		bool takes_any_id; /* else an id is one that there is not */
	} rows[] = {
		{"rejects.list", "{\"rejects\":[]}", true},
		{"rejects.show", "{\"rejects\":[]}", false},
		{"rejects.export", "{\"records\":[]}", false},
		{"rejects.drop", "{\"dropped\":0}", false},
		{"rejects.retry", "{\"results\":[]}", false},
		{"held.list", "{\"held\":[]}", true},
		{"held.show", "{\"held\":[]}", false},
		{"held.resolve", "{\"results\":[]}", false},
		{"send.look", "{\"state\":\"unread\"}", true},
		{"responses.flush", "{\"told\":0,\"waiting\":0}", true},
		{"responses.resend", "{\"resent\":0,\"told\":0,\"waiting\":0}", true},
		{"runs", "{\"runs\":[]}", true},
		{"responses.resume", "{\"was_paused\":false,\"waiting\":0}", true},
	};
	cleanup_(freep) uint64_t *ids = desk_ids(request);
	struct json_object *o = NULL;
	size_t i = 0;

	if (!strcmp(verb, "status"))
		return desk_never_run(pipeline);
	while (strcmp(rows[i].verb, verb) != 0) {
		i++;
		assert(i < sizeof(rows) / sizeof(*rows));
	}
	if (ids && !rows[i].takes_any_id)
		return desk_refusal(EXIT_USAGE, "there is no such item: \"%s\" has never run",
		                    pipeline->name);
	(void)json_parse(rows[i].answer, strlen(rows[i].answer), 0, &o, NULL, NULL);
	return o;
}

static enum exit_code answer_from(struct journal *journal, const struct pipeline *pipeline,
                                  const char *verb, struct json_object *request,
                                  struct json_object **ret_answer, struct err *err)
{
	struct json_object *o;

	o = desk_read(journal, NULL, pipeline, verb, request);
	if (!o && !strcmp(verb, "send.look"))
		o = desk_look_alone(journal, pipeline, request);
	if (!o && !strcmp(verb, "responses.resume"))
		o = desk_resume(NULL, journal, pipeline);
	if (!o)
		o = desk_drop(NULL, journal, request, clock_wall_ms());
	if (journal_commit(journal, err) < 0) {
		json_object_put(o);
		return EXIT_LOCAL;
	}
	*ret_answer = o;
	return EXIT_DONE;
}

static enum exit_code ask_journal(const struct pipeline *pipeline, const char *verb,
                                  struct json_object *request, struct json_object **ret_answer,
                                  struct err *err)
{
	struct journal *journal = NULL;
	enum exit_code code;
	int r = journal_open(pipeline->state_folder, &journal, err);

	if (r < 0)
		return r == -EBUSY ? EXIT_AGAIN : EXIT_LOCAL;
	code = answer_from(journal, pipeline, verb, request, ret_answer, err);
	journal_close(journal);
	return code;
}

enum exit_code desk_ask_alone(const struct pipeline *pipeline, const char *verb,
                              struct json_object *request, struct json_object **ret_answer,
                              struct err *err)
{
	cleanup_(freep) char *path = mem_printf("%s/journal.db", pipeline->state_folder);

	if (access(path, F_OK) < 0 && strcmp(verb, "send") != 0) {
		*ret_answer = no_state(pipeline, verb, request);
		return EXIT_DONE;
	}
	return desk_verb_acts(verb) ? act_alone(pipeline, verb, request, ret_answer, err)
	                            : ask_journal(pipeline, verb, request, ret_answer, err);
}
