#include "connector/engine/login.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/mem.h"
#include "lib/oauth.h"
#include "lib/token_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct login {
	struct login_config config;
	struct http *calls; /* to Close */
	struct http *http;  /* to the token server */
	struct oauth *oauth;
	/* What is masked: the tokens in use and those before, which a late answer may still echo.
	 */
	char *known[4];
	bool has_told_delay;
};

static const char again_text[] =
	"Close answered 401, and again to the same call with a new access token. May the app still act for this user? Authorize it again, put the new refresh token where close.oauth.refresh_token points, then run again. Nothing is lost";

static const char new_token[] =
	"Authorize the app again, put the new refresh token where close.oauth.refresh_token points, then run again: nothing is lost";

/* How each end is told: around what happened. */
static const struct {
	const char *before, *after;
	enum exit_code code;
	bool needs_token;
} endings[] = {
	[OAUTH_END_REFUSED] = {"The refresh token is not taken any more (",
                               "): it was revoked, or used by somebody else. ", EXIT_REFUSED, true},
	[OAUTH_END_LOST] = {"The refresh token is not taken (",
                            "): the answer to an earlier refresh was lost, and with it the token "
                            "that follows. ",
                            EXIT_REFUSED, true},
	[OAUTH_END_APP] =
		{"The token server does not know the app (",
                 "): put its right close.oauth.client_id and client_secret there, then run "
                 "again. Nothing is lost",
                 EXIT_REFUSED, false},
	[OAUTH_END_ASK] = {"The token server does not take the request for a new access token (",
                           "): that is about the app and what it may, not about the token. Look at "
                           "the app in Close (Settings, Developer, OAuth Apps), then run again. "
                           "Nothing is lost",
                           EXIT_REFUSED, false},
	[OAUTH_END_NO_SERVER] = {"Nothing gives out tokens at close.oauth.token_url (",
                                 "): write the URL of the token server there. Nothing is lost",
                                 EXIT_PIPELINE, false},
	[OAUTH_END_UNREACHABLE] = {"", " Nothing is lost: run again when that is over",
                                   EXIT_UNREACHABLE, false},
	[OAUTH_END_FILE] = {"",
                            "; without that file no token is refreshed, since the new one would be "
                            "lost. Mend that, then run again",
                            EXIT_LOCAL, false},
	[OAUTH_END_DAMAGED] = {"", ". ", EXIT_REFUSED, true},
	[OAUTH_END_NOT_STORED] = {"", ". ", EXIT_LOCAL, true},
};

static void ended(void *arg, enum oauth_end end, const char *what)
{
	const struct login *l = arg;
	char *text = mem_printf("%s%s%s%s", endings[end].before, what, endings[end].after,
	                        endings[end].needs_token ? new_token : "");

	l->config.ended(l->config.arg, endings[end].code, text);
	free(text);
}

static void forget(struct login *l, size_t at)
{
	if (!l->known[at])
		return;
	redact_forget(l->config.redact, l->known[at]);
	explicit_bzero(l->known[at], strlen(l->known[at]));
	free(l->known[at]);
	l->known[at] = NULL;
}

/* @at: 0 for access tokens, 2 for refresh tokens. */
static void know(struct login *l, size_t at, const char *token)
{
	if (l->known[at] && strcmp(l->known[at], token) == 0)
		return;
	forget(l, at + 1);
	l->known[at + 1] = l->known[at];
	l->known[at] = mem_strdup(token);
}

static void renewed(void *arg, const char *access_token, const char *refresh_token)
{
	struct login *l = arg;

	if (l->config.redact) {
		know(l, 0, access_token);
		know(l, 2, refresh_token);
		/* Behind forgetting, or a token that came back would not be masked. */
		for (size_t i = 0; i < sizeof(l->known) / sizeof(*l->known); i++)
			redact_add(l->config.redact, l->known[i]);
	}
	http_set_bearer(l->calls, access_token);
}

static struct oauth_config config_of(const struct pipeline *p)
{
	return (struct oauth_config){
		.token_url = p->oauth.token_url,
		.client_id = p->oauth.client_id,
		.client_secret = p->oauth.client_secret,
		.refresh_token = p->oauth.refresh_token,
		.folder = p->oauth.folder,
	};
}

int login_open(struct loop *loop, struct http *calls, const struct login_config *config,
               struct login **ret_login, struct err *err)
{
	const struct pipeline *p = config->pipeline;
	const struct http_config server = {
		.ca_file = p->ca_file,
		.proxy = p->proxy,
		.allow_http = !strncmp(p->oauth.token_url, "http://", 7),
		.max_connections = 1,
		.user_agent = "closefeed/" CLOSEFEED_VERSION,
	};
	struct oauth_config oauth = config_of(p);
	struct oauth_hooks hooks = {.renewed = renewed, .ended = ended};
	struct login *l;
	int r;

	*ret_login = NULL;
	if (!p->oauth.client_id)
		return 0;
	l = mem_alloc(sizeof(*l));
	l->config = *config;
	l->calls = calls;
	r = http_new(loop, &server, &l->http, err);
	if (r < 0) {
		free(l);
		return r;
	}
	oauth.retry_for_ms = config->retry_for_ms;
	crypto_random(&oauth.seed, sizeof(oauth.seed));
	hooks.arg = l;
	l->oauth = oauth_new(loop, l->http, &oauth, &hooks);
	*ret_login = l;
	return 0;
}

void login_free(struct login *login)
{
	if (!login)
		return;
	oauth_free(login->oauth);
	http_free(login->http);
	for (size_t i = 0; i < sizeof(login->known) / sizeof(*login->known); i++)
		forget(login, i);
	free(login);
}

void login_start(struct login *login)
{
	if (login)
		oauth_start(login->oauth);
}

unsigned login_credential(const struct login *login)
{
	return login ? oauth_token(login->oauth) : 1;
}

bool login_unauthorized(struct login *login, unsigned credential, bool again,
                        char ret_text[static 512])
{
	if (!login)
		return false;
	if (oauth_refused(login->oauth, credential, again))
		return true;
	(void)snprintf(ret_text, 512, "%s", again_text);
	return false;
}

void login_wind_down(struct login *login)
{
	if (login)
		oauth_wind_down(login->oauth);
}

bool login_is_busy(const struct login *login)
{
	return login && oauth_is_busy(login->oauth);
}

const char *login_delays(struct login *login)
{
	if (!login_is_busy(login) || login->has_told_delay)
		return NULL;
	login->has_told_delay = true;
	return "waiting for the token server's answer to a refresh, 35 s at the most: if the "
	       "process were killed now, the new token would be lost";
}

bool login_waits(const struct login *login, char *ret_text, size_t size)
{
	const char *trouble;

	if (!login || oauth_token(login->oauth))
		return false;
	trouble = oauth_trouble(login->oauth);
	(void)snprintf(ret_text, size, "waiting for a new access token%s%s%s", *trouble ? " (" : "",
	               trouble, *trouble ? ")" : "");
	return true;
}

static void say(const struct tokens *tokens, const char *path, struct buf *out,
                struct finding *finding)
{
	char at[32];

	if (tokens->asked_wall_ms) {
		finding->kind = FINDING_WARNING;
		buf_addf(out,
		         "%s: a refresh was begun at %s and its answer is not there; if the next "
		         "one is refused, authorize the app again",
		         path, clock_rfc3339(tokens->asked_wall_ms, at));
	} else {
		buf_addf(out, "%s, refreshed at %s", path, clock_rfc3339(tokens->got_wall_ms, at));
	}
}

void login_examine(const struct pipeline *pipeline,
                   void (*take)(void *arg, const struct finding *finding), void *arg)
{
	const struct oauth_config config = config_of(pipeline);
	struct finding finding = {.kind = FINDING_GOOD, .what = "tokens"};
	struct tokens tokens = {0};
	struct token_file *file;
	struct buf text = BUF_INIT;
	struct err err;
	char id[33];
	int r;

	if (!config.client_id)
		return;
	oauth_grant_id(&config, id);
	file = token_file_new(config.folder, id);
	r = token_file_read(file, &tokens, &err);
	if (r < 0) {
		finding.kind = FINDING_BAD;
		buf_addf(&text, "%s", err.text);
	} else if (r == 0) {
		buf_addf(&text, "none yet: the first run uses close.oauth.refresh_token, %s",
		         pipeline->oauth.source);
	} else {
		say(&tokens, token_file_path(file), &text, &finding);
	}
	finding.text = buf_text(&text);
	take(arg, &finding);
	buf_deinit(&text);
	tokens_deinit(&tokens);
	token_file_free(file);
}
