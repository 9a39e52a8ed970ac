#pragma once

/* One question to a token server: a refresh (RFC 6749, section 6), and what its answer means. */

#include "lib/http.h"
#include "lib/oauth_answer.h"

struct oauth_ask {
	/* What to ask with, borrowed while it is asked. */
	const char *token_url, *client_id, *client_secret, *refresh_token;
	/* Called from the loop; @reply is of the call, what is in it the callee's to take. */
	void (*done)(void *arg, enum oauth_answer kind, struct oauth_reply *reply);
	void *arg;
	char *body; /* while it is asked */
};

/* @ask stays where it is until it is answered or @http is gone; then oauth_ask_deinit() is due. */
void oauth_ask_start(struct oauth_ask *ask, struct http *http);
void oauth_ask_deinit(struct oauth_ask *ask);
