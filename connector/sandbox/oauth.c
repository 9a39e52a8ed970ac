#include "connector/sandbox/oauth.h"

#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char box_oauth_client[] = "oa2client_sandbox";
const char box_oauth_secret[] = "sandbox.client.secret";
const char box_oauth_first[] = "sandbox.first.refresh.token";

enum { usual_life_ms = 3600000, max_grants = 1024, max_access = 4096, max_log = 4096 };

/* One person's yes to the app; its refresh token changes with each renewal. */
struct grant {
	char *refresh, *code; /* NULL: none any more, or not yet */
	uint64_t until_ms;    /* when the refresh token dies of not being used; 0: never */
};

struct access {
	char *text;
	size_t grant;
	uint64_t until_ms;
};

struct box_oauth {
	struct grant grants[max_grants];
	size_t n_grants;
	struct access *access; /* token number n stands at n - 1 */
	size_t n_access, cap_access;
	uint64_t life_ms, refresh_life_ms; /* the latter 0: for ever */
	bool old_ends;                     /* a renewal ends the access tokens before it */
	char *refusal;   /* answered to all that is asked for; NULL: nothing is refused */
	uint64_t n_made; /* tokens and codes */
	struct json_object *log;
};

static void begin(struct box_oauth *o)
{
	o->grants[o->n_grants++] = (struct grant){.refresh = mem_strdup(box_oauth_first)};
	o->log = json_object_new_array();
}

static void forget(struct box_oauth *o)
{
	while (o->n_grants) {
		free(o->grants[--o->n_grants].refresh);
		free(o->grants[o->n_grants].code);
	}
	while (o->n_access)
		free(o->access[--o->n_access].text);
	json_object_put(o->log);
}

struct box_oauth *box_oauth_new(void)
{
	struct box_oauth *o = mem_alloc(sizeof(*o));

	begin(o);
	o->life_ms = usual_life_ms;
	return o;
}

void box_oauth_reset(struct box_oauth *oauth)
{
	/* What is made goes on counting: no token from before is given, and so valid, again. */
	forget(oauth);
	begin(oauth);
}

void box_oauth_free(struct box_oauth *oauth)
{
	if (!oauth)
		return;
	forget(oauth);
	free(oauth->access);
	free(oauth->refusal);
	free(oauth);
}

/* The same in each run, and nothing one could guess the next of at a glance. */
static char *make(struct box_oauth *o, const char *kind)
{
	char seed[64], hex[sha256_hex];
	const int len =
		snprintf(seed, sizeof(seed), "%s %llu", kind, (unsigned long long)++o->n_made);

	crypto_sha256_hex(seed, (size_t)len, hex);
	return mem_printf("%s.%.40s", kind, hex);
}

static void note(struct box_oauth *o, const char *what, const char *outcome)
{
	struct json_object *row = json_object_new_object();

	if (json_object_array_length(o->log) == max_log)
		json_object_array_del_idx(o->log, 0, 1);
	json_object_object_add(row, "asked", json_object_new_string(what));
	json_object_object_add(row, "outcome", json_object_new_string(outcome));
	json_object_array_add(o->log, row);
}

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* The value of @name in a form, decoded, to free(); NULL: it is not there. */
static char *form_value(const char *body, const char *name)
{
	const size_t len = strlen(name);
	struct buf out = BUF_INIT;

	while (strncmp(body, name, len) != 0 || body[len] != '=') {
		body = strchr(body, '&');
		if (!body++)
			return NULL;
	}
	for (body += len + 1; *body && *body != '&'; body++) {
		if (*body == '%' && isxdigit((unsigned char)body[1]) &&
		    isxdigit((unsigned char)body[2])) {
			buf_addc(&out, (char)(digit(body[1]) * 16 + digit(body[2])));
			body += 2;
		} else {
			buf_addc(&out, (char)(*body == '+' ? ' ' : *body));
		}
	}
	return buf_take(&out);
}

static bool form_is(const struct box_call *call, const char *name, const char *value)
{
	cleanup_(freep) char *found = form_value(call->body ? call->body : "", name);

	return found && value && strcmp(found, value) == 0;
}

static void refuse(struct box_oauth *o, struct box_answer *answer, const char *what,
                   const char *code)
{
	note(o, what, code);
	box_answer_error(answer, strcmp(code, "invalid_client") == 0 ? 401 : 400, "%s", code);
}

static const char *give_access(struct box_oauth *o, size_t grant, uint64_t now_ms)
{
	for (size_t i = 0; o->old_ends && i < o->n_access; i++)
		if (o->access[i].grant == grant)
			o->access[i].until_ms = now_ms;
	o->access = mem_grow(o->access, o->n_access, &o->cap_access, sizeof(*o->access));
	o->access[o->n_access] = (struct access){
		.text = make(o, "access"), .grant = grant, .until_ms = now_ms + o->life_ms};
	return o->access[o->n_access++].text;
}

/* A call, and whose organization the tokens are for. */
struct asked {
	struct box_oauth *oauth;
	const struct box_org *org;
	const struct box_call *call;
	struct box_answer *answer;
};

static void give(const struct asked *asked, size_t grant, const char *what)
{
	struct box_oauth *o = asked->oauth;
	struct json_object *body = json_object_new_object();
	const uint64_t now_ms = asked->call->now_ms;
	const char *access = give_access(o, grant, now_ms);

	free(o->grants[grant].refresh);
	o->grants[grant].refresh = make(o, "refresh");
	o->grants[grant].until_ms = o->refresh_life_ms ? now_ms + o->refresh_life_ms : 0;
	json_object_object_add(body, "token_type", json_object_new_string("Bearer"));
	json_object_object_add(body, "access_token", json_object_new_string(access));
	json_object_object_add(body, "expires_in",
	                       json_object_new_int64((int64_t)((o->life_ms + 999) / 1000)));
	json_object_object_add(body, "refresh_token",
	                       json_object_new_string(o->grants[grant].refresh));
	json_object_object_add(body, "scope",
	                       json_object_new_string("all.full_access offline_access"));
	json_object_object_add(body, "organization_id", json_object_get(asked->org->id_text));
	json_object_object_add(body, "user_id", json_object_new_string(asked->org->user->id));
	box_answer_json(asked->answer, 200, body);
	note(o, what, "given");
}

static void answer_token(const struct asked *asked)
{
	struct box_oauth *o = asked->oauth;
	const struct box_call *call = asked->call;
	struct box_answer *answer = asked->answer;
	const bool is_code = form_is(call, "grant_type", "authorization_code");
	const bool is_refresh = form_is(call, "grant_type", "refresh_token");
	const char *what = is_code ? "code" : is_refresh ? "refresh" : "?";

	if (o->refusal) {
		refuse(o, answer, what, o->refusal);
	} else if (!form_is(call, "client_id", box_oauth_client) ||
	           !form_is(call, "client_secret", box_oauth_secret)) {
		refuse(o, answer, what, "invalid_client");
	} else if (!is_code && !is_refresh) {
		refuse(o, answer, what, "unsupported_grant_type");
	} else if (o->n_access == max_access) {
		refuse(o, answer, what, "temporarily_unavailable");
	} else {
		for (size_t i = 0; i < o->n_grants; i++) {
			struct grant *g = &o->grants[i];

			if (!form_is(call, is_code ? "code" : "refresh_token",
			             is_code ? g->code : g->refresh))
				continue;
			if (is_refresh && g->until_ms && g->until_ms <= call->now_ms)
				break;
			free(g->code);
			g->code = NULL; /* a code is good once */
			give(asked, i, what);
			return;
		}
		refuse(o, answer, what, "invalid_grant");
	}
}

static void end_grant(struct box_oauth *o, size_t grant, uint64_t now_ms)
{
	free(o->grants[grant].refresh);
	o->grants[grant].refresh = NULL;
	for (size_t i = 0; i < o->n_access; i++)
		if (o->access[i].grant == grant && o->access[i].until_ms > now_ms)
			o->access[i].until_ms = now_ms;
}

static void answer_revoke(const struct asked *asked)
{
	struct box_oauth *o = asked->oauth;
	const struct box_call *call = asked->call;
	struct box_answer *answer = asked->answer;

	if (!form_is(call, "client_id", box_oauth_client) ||
	    !form_is(call, "client_secret", box_oauth_secret)) {
		refuse(o, answer, "revoke", "invalid_client");
		return;
	}
	for (size_t i = 0; i < o->n_grants; i++)
		if (form_is(call, "token", o->grants[i].refresh))
			end_grant(o, i, call->now_ms);
	note(o, "revoke", "done"); /* also what is not known: it is not valid, as was asked for */
	box_answer_json(answer, 200, json_object_new_object());
}

/* Where a browser would show the page: here the answer is yes. */
static void answer_authorize(const struct asked *asked)
{
	struct box_oauth *o = asked->oauth;
	struct box_answer *answer = asked->answer;
	struct json_object *params = asked->call->params;
	const char *client = json_get_string(params, "client_id");
	const char *type = json_get_string(params, "response_type");
	const char *to = json_get_string(params, "redirect_uri");
	struct grant *g;

	if (!client || strcmp(client, box_oauth_client) != 0 || !type ||
	    strcmp(type, "code") != 0 || o->n_grants == max_grants) {
		refuse(o, answer, "authorize", "invalid_request");
		return;
	}
	g = &o->grants[o->n_grants++];
	*g = (struct grant){.code = make(o, "code")};
	note(o, "authorize", "given");
	if (to) {
		box_answer_header(answer, "Location: %s%ccode=%s", to, strchr(to, '?') ? '&' : '?',
		                  g->code);
		box_answer_text(answer, 302, "");
		return;
	}
	box_answer_header(answer, "Content-Type: text/plain");
	box_answer_text(answer, 200, g->code);
}

void box_oauth_answer(struct box_oauth *oauth, const struct box_org *org,
                      const struct box_call *call, struct box_answer *answer)
{
	static const struct {
		const char *method, *path;
		void (*answer)(const struct asked *asked);
	} pages[] = {
		{"GET", "/oauth2/authorize/", answer_authorize},
		{"POST", "/oauth2/token/", answer_token},
		{"POST", "/oauth2/revoke/", answer_revoke},
	};
	const struct asked asked = {oauth, org, call, answer};
	cleanup_(freep) char *type = box_call_header(call, "content-type");

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (strcmp(call->path, pages[i].path) != 0 ||
		    strcmp(call->method, pages[i].method) != 0)
			continue;
		if (i && (!type || strncmp(type, "application/x-www-form-urlencoded", 33) != 0))
			refuse(oauth, answer, "?", "invalid_request");
		else
			pages[i].answer(&asked);
		return;
	}
	box_answer_error(answer, 404,
	                 "There are GET /oauth2/authorize/ and POST /oauth2/token/ and "
	                 "/oauth2/revoke/.");
}

unsigned box_oauth_check(const struct box_oauth *oauth, const char *token_text, uint64_t now_ms)
{
	for (size_t i = 0; i < oauth->n_access; i++)
		if (strcmp(oauth->access[i].text, token_text) == 0)
			return oauth->access[i].until_ms > now_ms ? (unsigned)i + 1 : 0;
	return 0;
}

struct json_object *box_oauth_look(const struct box_oauth *oauth)
{
	struct json_object *out = json_object_new_object();

	json_object_object_add(out, "client_id", json_object_new_string(box_oauth_client));
	json_object_object_add(out, "client_secret", json_object_new_string(box_oauth_secret));
	json_object_object_add(out, "refresh_token", json_string(oauth->grants[0].refresh));
	json_object_object_add(out, "life_ms", json_object_new_int64((int64_t)oauth->life_ms));
	json_object_object_add(out, "refresh_life_ms",
	                       json_object_new_int64((int64_t)oauth->refresh_life_ms));
	json_object_object_add(out, "old_access_ends", json_object_new_boolean(oauth->old_ends));
	json_object_object_add(out, "refuse", json_string(oauth->refusal));
	json_object_object_add(out, "log", json_object_get(oauth->log));
	return out;
}

void box_oauth_set(struct box_oauth *oauth, struct json_object *settings, uint64_t now_ms)
{
	oauth->life_ms = (uint64_t)json_get_int(settings, "life_ms", (int64_t)oauth->life_ms);
	oauth->refresh_life_ms = (uint64_t)json_get_int(settings, "refresh_life_ms",
	                                                (int64_t)oauth->refresh_life_ms);
	oauth->old_ends = json_get_bool(settings, "old_access_ends", oauth->old_ends);
	if (json_object_object_get_ex(settings, "refuse", NULL)) {
		free(oauth->refusal);
		oauth->refusal = mem_strdup(json_get_string(settings, "refuse"));
	}
	for (size_t i = 0; json_get_bool(settings, "end_access", false) && i < oauth->n_access; i++)
		oauth->access[i].until_ms = now_ms;
	for (size_t i = 0; json_get_bool(settings, "revoke", false) && i < oauth->n_grants; i++)
		end_grant(oauth, i, now_ms);
}
