#include "lib/oauth.h"

#include "lib/backoff.h"
#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/mem.h"
#include "lib/oauth_ask.h"
#include "lib/test_hooks.h"
#include "lib/token_file.h"
#include "lib/token_life.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	look_ms = 60000, /* at both clocks: the wall clock may be set, the other one stand */
	lock_ms = 200,   /* between two tries for the lock */
	forced_every_ms = 30000, /* renewals for a 401, the first of them at once, and … */
	reread_ms = 1000,        /* … looks for what another process got, until then */
	store_again_ms = 1000,
	store_tries = 5, /* when it is winding down */
};

enum step {
	STEP_NEW,
	STEP_IDLE,
	STEP_LOCKING, /* somebody else has the lock */
	STEP_ASKING,  /* on the wire */
	STEP_STORING, /* the answer is not durable yet */
	STEP_WAITING, /* to ask again */
	STEP_ENDED,
};

struct oauth {
	struct loop *loop;
	struct http *http;
	char *client_id, *client_secret, *token_url, *first_token;
	uint64_t retry_for_ms, seed;
	struct oauth_hooks hooks;
	struct token_file *file;
	enum step step;
	struct loop_timer timer;
	struct backoff backoff;
	struct tokens tokens;   /* those in use, or just answered (STEP_STORING) */
	unsigned n;             /* number of the access token in use */
	struct token_life life; /* of it */
	bool is_refused;        /* it was answered 401 */
	bool was_lost;          /* the answer to a renewal, so the refresh token may be void */
	bool is_winding_down;
	unsigned n_store_tries;
	uint64_t asked_ms;         /* monotonic, of the renewal on its way */
	uint64_t forced_ms;        /* of the last renewal for a 401; 0: none */
	bool is_forced;            /* that one is for the token in use */
	uint64_t failing_since_ms; /* 0: it is not */
	struct oauth_ask ask;
	char trouble[400];
};

static void begin(void *arg);

static void free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

/* The one way into a step. */
static void enter(struct oauth *o, enum step step)
{
	o->step = step;
	loop_timer_unset(o->loop, &o->timer);
	if (step != STEP_ASKING && step != STEP_STORING)
		token_file_unlock(o->file);
}

static void set_timer(struct oauth *o, uint64_t in_ms, loop_fn fn)
{
	loop_timer_set(o->loop, &o->timer, loop_now_ms(o->loop) + in_ms, fn, o);
}

static void end(struct oauth *o, enum oauth_end how, const char *what)
{
	char copy[600];

	(void)snprintf(copy, sizeof(copy), "%s", what);
	enter(o, STEP_ENDED);
	o->n = 0;
	o->hooks.ended(o->hooks.arg, how, copy);
}

static void look(void *arg)
{
	struct oauth *o = arg;
	const uint64_t now = loop_now_ms(o->loop);

	if (token_life_is_due(&o->life, now, loop_wall_ms(o->loop)) || o->is_refused)
		begin(o);
	else
		set_timer(o, o->life.due_ms - now < look_ms ? o->life.due_ms - now : look_ms, look);
}

/* Calls go with o->tokens from now on; @age_ms of its life are over. */
static void use(struct oauth *o, uint64_t age_ms)
{
	o->n++;
	o->life = token_life_of(&o->tokens, age_ms, loop_now_ms(o->loop));
	o->is_refused = o->is_forced = o->was_lost = false;
	o->failing_since_ms = 0;
	o->trouble[0] = '\0';
	backoff_init(&o->backoff, o->seed + o->n);
	enter(o, STEP_IDLE);
	o->hooks.renewed(o->hooks.arg, o->tokens.access_token, o->tokens.refresh_token);
	look(o);
}

static void use_stored(struct oauth *o)
{
	use(o, token_age_ms(&o->tokens, loop_wall_ms(o->loop)));
}

static void replace(struct oauth *o, struct tokens *takes)
{
	tokens_deinit(&o->tokens);
	o->tokens = *takes;
	*takes = (struct tokens){0};
}

static bool has_ended(const struct oauth *o)
{
	return !o->n || o->is_refused || loop_now_ms(o->loop) >= o->life.end_ms;
}

/* When waiting has no sense any more. */
static uint64_t give_up_ms(const struct oauth *o)
{
	const uint64_t at = o->failing_since_ms + o->retry_for_ms;

	return !has_ended(o) && o->life.end_ms > at ? o->life.end_ms : at;
}

/* It did not work. False: there is no time left for another try. */
static bool may_try_again(struct oauth *o)
{
	const uint64_t now = loop_now_ms(o->loop);

	if (!o->failing_since_ms)
		o->failing_since_ms = now;
	return !has_ended(o) || now < give_up_ms(o);
}

/* @what is why it did not work; @how it ends when there is no time left for another try. */
static void try_later(struct oauth *o, uint64_t in_ms, enum oauth_end how, const char *what)
{
	uint64_t left;

	(void)snprintf(o->trouble, sizeof(o->trouble), "%s", what);
	if (!may_try_again(o)) {
		end(o, how, o->trouble);
		return;
	}
	left = give_up_ms(o) - loop_now_ms(o->loop);
	set_timer(o, left && left < in_ms ? left : in_ms, begin);
}

static void wait_for_server(struct oauth *o, uint64_t least_ms, const char *what)
{
	const uint64_t jitter = backoff_next(&o->backoff);
	char text[300];

	(void)snprintf(text, sizeof(text), "No new access token from %.100s (%s).", o->token_url,
	               what);
	enter(o, STEP_WAITING);
	try_later(o, least_ms + jitter, OAUTH_END_UNREACHABLE, text);
}

/* The file cannot be written: nothing is asked, or the refresh token would be lost. */
static void cannot_write(struct oauth *o, int code, const struct err *err)
{
	const bool is_full = code == -ENOSPC || code == -EDQUOT;

	enter(o, STEP_WAITING);
	if (has_ended(o) && !is_full)
		end(o, OAUTH_END_FILE, err->text);
	else
		try_later(o, is_full ? store_again_ms : look_ms / 2, OAUTH_END_FILE, err->text);
}

static void store(void *arg)
{
	struct oauth *o = arg;
	struct err err;

	if (token_file_write(o->file, &o->tokens, &err) >= 0) {
		hook_point("token_stored");
		use(o, loop_now_ms(o->loop) - o->asked_ms);
		return;
	}
	(void)snprintf(o->trouble, sizeof(o->trouble),
	               "A new refresh token has come and cannot be stored: %.300s", err.text);
	if (!o->failing_since_ms)
		o->failing_since_ms = loop_now_ms(o->loop);
	if ((o->is_winding_down && ++o->n_store_tries >= store_tries) ||
	    loop_now_ms(o->loop) >= o->failing_since_ms + o->retry_for_ms)
		end(o, OAUTH_END_NOT_STORED, o->trouble);
	else
		set_timer(o, store_again_ms, store);
}

/* Nothing was renewed, for certain: the file shall not say otherwise. */
static void take_back(struct oauth *o)
{
	if (o->was_lost)
		return;
	o->tokens.asked_wall_ms = 0;
	(void)token_file_write(o->file, &o->tokens, NULL);
}

static void take_new(struct oauth *o, struct tokens *takes)
{
	if (!takes->refresh_token)
		takes->refresh_token = mem_strdup(o->tokens.refresh_token);
	takes->got_wall_ms = o->tokens.asked_wall_ms;
	replace(o, takes);
	enter(o, STEP_STORING);
	if (hook_without("token_store")) { /* the mutant that uses it first */
		use(o, 0);
		return;
	}
	store(o);
}

/* Without a code it may be somebody on the way: where tokens came from there, they will again. */
static void refused(struct oauth *o, enum oauth_end how, const struct oauth_reply *reply)
{
	take_back(o);
	if (!reply->has_code && o->tokens.access_token && may_try_again(o))
		wait_for_server(o, reply->wait_ms, reply->what);
	else
		end(o, how, reply->what);
}

static void answered(void *arg, enum oauth_answer kind, struct oauth_reply *reply)
{
	struct oauth *o = arg;

	hook_point("token_answered");
	switch (kind) {
	case OAUTH_RENEWED:
		take_new(o, &reply->tokens);
		return;
	case OAUTH_NOT_SENT:
	case OAUTH_BUSY:
		take_back(o);
		wait_for_server(o, reply->wait_ms, reply->what);
		return;
	case OAUTH_LOST:
		o->was_lost = true;
		wait_for_server(o, reply->wait_ms, reply->what);
		return;
	case OAUTH_REFUSED:
		refused(o, o->was_lost ? OAUTH_END_LOST : OAUTH_END_REFUSED, reply);
		return;
	case OAUTH_APP_REFUSED:
		refused(o, OAUTH_END_APP, reply);
		return;
	case OAUTH_ASK_REFUSED:
		refused(o, OAUTH_END_ASK, reply);
		return;
	case OAUTH_NO_SERVER:
		refused(o, OAUTH_END_NO_SERVER, reply);
		return;
	}
}

static void ask(struct oauth *o)
{
	o->ask.refresh_token = o->tokens.refresh_token;
	o->asked_ms = loop_now_ms(o->loop);
	enter(o, STEP_ASKING);
	oauth_ask_start(&o->ask, o->http);
}

/* The file is ours, and o->tokens what stands in it, or the first refresh token. */
static void ask_durably(struct oauth *o)
{
	struct err err;
	int r;

	o->was_lost |= o->tokens.asked_wall_ms != 0;
	o->tokens.asked_wall_ms = loop_wall_ms(o->loop);
	r = token_file_write(o->file, &o->tokens, &err);
	if (r >= 0)
		r = token_file_reserve(o->file, &err);
	if (r < 0) {
		cannot_write(o, r, &err);
		return;
	}
	hook_point("token_asked");
	ask(o);
}

/* A token that is not ours and has time left: until it ends where there is none yet. */
static bool is_worth_taking(const struct oauth *o, const struct tokens *t)
{
	if (!t->access_token || hook_without("token_reread"))
		return false;
	if (o->n && o->tokens.access_token && strcmp(o->tokens.access_token, t->access_token) == 0)
		return false;
	return token_is_fresh(t, loop_wall_ms(o->loop), !o->n);
}

/* True: there is nothing to ask. */
static bool take_from_file(struct oauth *o)
{
	struct tokens found = {0};
	struct err err;
	const int r = token_file_read(o->file, &found, &err);
	bool is_taken;

	if (r < 0) {
		end(o, r == -EBADMSG ? OAUTH_END_DAMAGED : OAUTH_END_FILE, err.text);
		return true;
	}
	if (r == 0) {
		if (!o->tokens.refresh_token)
			o->tokens.refresh_token = mem_strdup(o->first_token);
		return false;
	}
	is_taken = is_worth_taking(o, &found);
	/* What was lost is of the token before. */
	if (o->tokens.refresh_token && strcmp(o->tokens.refresh_token, found.refresh_token) != 0)
		o->was_lost = false;
	replace(o, &found);
	if (is_taken)
		use_stored(o);
	return is_taken;
}

/*
 * Refusals which no new token mends shall not wear out the server. What another process gets
 * meanwhile is taken.
 */
static bool must_wait_its_turn(struct oauth *o)
{
	const uint64_t now = loop_now_ms(o->loop), next = o->forced_ms + forced_every_ms;

	if (!o->is_refused || o->is_forced)
		return false;
	if (o->forced_ms && now < next) {
		enter(o, STEP_WAITING);
		(void)snprintf(o->trouble, sizeof(o->trouble),
		               "Its last access token was refused after a short time.");
		set_timer(o, next - now < reread_ms ? next - now : reread_ms, begin);
		return true;
	}
	o->forced_ms = now;
	o->is_forced = true;
	return false;
}

static void begin(void *arg)
{
	struct oauth *o = arg;
	struct err err;
	int r;

	if (o->is_winding_down) {
		enter(o, STEP_IDLE);
		return;
	}
	r = token_file_lock(o->file, &err);
	if (r == -EAGAIN) {
		enter(o, STEP_LOCKING);
		try_later(o, lock_ms, OAUTH_END_UNREACHABLE,
		          "Another process is getting a new access token.");
		return;
	}
	if (r < 0)
		cannot_write(o, r, &err);
	else if (!take_from_file(o) && !must_wait_its_turn(o))
		ask_durably(o);
}

bool oauth_refused(struct oauth *oauth, unsigned token, bool again)
{
	struct oauth *o = oauth;

	if (o->step == STEP_ENDED)
		return false;
	if (token != o->n)
		return true;
	if (again)
		return false;
	if (!o->is_refused) {
		o->is_refused = true;
		if (o->step == STEP_IDLE)
			begin(o);
	}
	return o->step != STEP_ENDED;
}

struct oauth *oauth_new(struct loop *loop, struct http *http, const struct oauth_config *config,
                        const struct oauth_hooks *hooks)
{
	struct oauth *o = mem_alloc(sizeof(*o));
	char id[33];

	oauth_grant_id(config, id);
	o->loop = loop;
	o->http = http;
	o->file = token_file_new(config->folder, id);
	o->hooks = *hooks;
	o->token_url = mem_strdup(config->token_url);
	o->client_id = mem_strdup(config->client_id);
	o->client_secret = mem_strdup(config->client_secret);
	o->first_token = mem_strdup(config->refresh_token);
	o->retry_for_ms = config->retry_for_ms;
	o->seed = config->seed;
	o->ask = (struct oauth_ask){.token_url = o->token_url,
	                            .client_id = o->client_id,
	                            .client_secret = o->client_secret,
	                            .done = answered,
	                            .arg = o};
	backoff_init(&o->backoff, config->seed);
	return o;
}

void oauth_free(struct oauth *oauth)
{
	struct oauth *o = oauth;

	if (!o)
		return;
	loop_timer_unset(o->loop, &o->timer);
	token_file_free(o->file);
	tokens_deinit(&o->tokens);
	free(o->token_url);
	free(o->client_id);
	free_secret(o->client_secret);
	free_secret(o->first_token);
	oauth_ask_deinit(&o->ask);
	free(o);
}

void oauth_start(struct oauth *oauth)
{
	struct tokens found = {0};

	/* No lock, no writing: nobody needs them to use what is there. */
	if (token_file_read(oauth->file, &found, NULL) > 0 && is_worth_taking(oauth, &found)) {
		replace(oauth, &found);
		use_stored(oauth);
		return;
	}
	tokens_deinit(&found);
	begin(oauth);
}

unsigned oauth_token(const struct oauth *oauth)
{
	return has_ended(oauth) ? 0 : oauth->n;
}

void oauth_wind_down(struct oauth *oauth)
{
	oauth->is_winding_down = true;
	if (oauth->step == STEP_LOCKING || oauth->step == STEP_WAITING)
		enter(oauth, STEP_IDLE);
}

bool oauth_is_busy(const struct oauth *oauth)
{
	return oauth->step == STEP_ASKING || oauth->step == STEP_STORING;
}

const char *oauth_trouble(const struct oauth *oauth)
{
	return oauth->trouble;
}

void oauth_grant_id(const struct oauth_config *config, char ret_id[static 33])
{
	char *text = mem_printf("%s\n%s\n%s", config->token_url, config->client_id,
	                        config->refresh_token);
	char hex[sha256_hex];

	crypto_sha256_hex(text, strlen(text), hex);
	(void)snprintf(ret_id, 33, "%.32s", hex);
	free_secret(text);
}
