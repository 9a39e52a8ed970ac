#include "connector/engine/partitions.h"

#include "connector/close/catalogue.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * State belongs to one base URL and one organization: what is known there (which creates happened,
 * which object has which id) is wrong anywhere else. GET /me/ tells the organization before the
 * first write; a server that is not Close and knows no /me/ is bound by its base URL alone.
 */

static void refuse(struct engine *e, const char *what, const char *was, const char *is)
{
	char sentence[800];

	(void)snprintf(
		sentence, sizeof(sentence),
		"the state in %s belongs to %s %s, but this is %s. Nothing was sent. Ways out: "
		"`run --new-state` to begin anew, another `name`, or another `state` folder",
		e->folder, what, was, is);
	delivery_stop(e->delivery, EXIT_PIPELINE, sentence);
}

static void close_lane(void *arg, const char *key, int64_t until_wall_ms)
{
	struct engine *e = arg;

	delivery_close_lane(e->delivery, key, until_wall_ms);
}

static void remember(struct engine *e, const char *key, const char *value)
{
	struct err err;

	if (journal_set_meta(e->journal, key, value, &err) < 0)
		delivery_stop(e->delivery, EXIT_LOCAL, err.text);
}

static void bound(struct engine *e)
{
	cleanup_(freep) char *known = journal_meta(e->journal, "base_url");
	struct err err;
	int r;

	/* Only now: a URL that never answered may have been a slip, and is free to be mended. */
	if (!known)
		remember(e, "base_url", e->pipeline->base_url);
	e->is_bound = true;
	r = journal_each_closed_lane(e->journal, close_lane, e, &err);
	/* Of partitions it is read when the group has shared them out. */
	if (r >= 0 && !(e->source && partitions_are_read(e)))
		r = restore_load(e, &err);
	if (r < 0)
		delivery_stop(e->delivery, EXIT_LOCAL, err.text);
	hook_point("bound");
}

static bool is_member(struct json_object *organizations, const char *id)
{
	for (size_t i = 0; i < json_object_array_length(organizations); i++) {
		const char *other =
			json_get_string(json_object_array_get_idx(organizations, i), "id");

		if (other && !strcmp(other, id))
			return true;
	}
	return false;
}

/*
 * Whose key it is, and since when: what another user has sent is not known by its user. A state
 * that was made before that was noted does not know who it was.
 */
static void learn_user(struct engine *e, const char *user)
{
	cleanup_(freep) char *known = journal_meta(e->journal, "user_id");
	cleanup_(freep) char *since = journal_meta(e->journal, "user_since_ms");
	char now[32];

	if (user && (!known || !since || strcmp(known, user) != 0)) {
		(void)snprintf(now, sizeof(now), "%" PRId64, loop_wall_ms(e->loop));
		remember(e, "user_since_ms", now); /* first: a kill in between only says it again */
		remember(e, "user_id", user);
		proof_set_user(e->proof, user, hook_without("users") ? 0 : loop_wall_ms(e->loop));
	} else {
		proof_set_user(e->proof, user, since ? strtoll(since, NULL, 10) : 0);
	}
}

static void check_organization(struct engine *e, struct json_object *me)
{
	struct json_object *list = json_get(me, "organizations");
	cleanup_(freep) char *known = journal_meta(e->journal, "organization_id");
	const char *id = NULL;

	if (json_object_is_type(list, json_type_array) && json_object_array_length(list) > 0)
		id = json_get_string(json_object_array_get_idx(list, 0), "id");
	if (!id) {
		delivery_stop(e->delivery, EXIT_PIPELINE,
		              "GET /me/ named no organization; is close.base_url really Close's?");
		return;
	}
	if (known && !is_member(list, known)) {
		refuse(e, "the organization", known, id);
		return;
	}
	if (!known)
		remember(e, "organization_id", id);
	learn_user(e, json_get_string(me, "id"));
	bound(e);
}

static void me_answered(void *arg, const struct http_answer *answer)
{
	struct engine *e = arg;
	cleanup_(json_freep) struct json_object *me = NULL;
	char sentence[300];

	if (!answer)
		return; /* stopped, and said why */
	if (answer->status == 404 && !e->pipeline->is_close) {
		engine_greet(e, "%s has no /me/: its state is bound to this base_url alone",
		             e->pipeline->base_url);
		bound(e);
		return;
	}
	if (answer->status / 100 == 2 &&
	    json_parse(answer->body, answer->body_len, 0, &me, NULL, NULL) == 0) {
		check_organization(e, me);
		return;
	}
	(void)snprintf(sentence, sizeof(sentence),
	               "GET %s/me/ answered %ld; is close.base_url right?", e->pipeline->base_url,
	               answer->status);
	delivery_stop(e->delivery, answer->status == 403 ? EXIT_REFUSED : EXIT_PIPELINE, sentence);
}

void bind_start(struct engine *e)
{
	const struct delivery_call call = {.method = CALL_GET,
	                                   .group = "read:me",
	                                   .url = mem_strdup("/me/"),
	                                   .done = me_answered,
	                                   .arg = e};
	cleanup_(freep) char *known = journal_meta(e->journal, "base_url");

	if (known && strcmp(known, e->pipeline->base_url) != 0) {
		free(call.url);
		refuse(e, "the base URL", known, e->pipeline->base_url);
		return;
	}
	delivery_ask(e->delivery, &call);
}
