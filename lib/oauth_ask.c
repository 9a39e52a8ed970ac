#include "lib/oauth_ask.h"

#include "lib/buf.h"
#include "lib/percent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { timeout_ms = 30000, max_answer = 64 << 10, longest_part = 3 * token_max_bytes };

static void answered(void *arg, const struct http_answer *answer)
{
	struct oauth_ask *ask = arg;
	struct oauth_reply reply;
	const enum oauth_answer kind = oauth_answer_read(answer, &reply);

	/* A server that gives back what it was asked with, in the place of a code. */
	if (strstr(reply.what, ask->client_secret) || strstr(reply.what, ask->refresh_token))
		(void)snprintf(reply.what, sizeof(reply.what), "status %ld", answer->status);
	oauth_ask_deinit(ask);
	ask->done(ask->arg, kind, &reply);
}

static void add_pair(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "%s%s=", out->len ? "&" : "", name);
	percent_encode(out, value, strlen(value), "");
}

void oauth_ask_start(struct oauth_ask *ask, struct http *http)
{
	static const char *const headers[] = {"Accept: application/json",
	                                      "Content-Type: application/x-www-form-urlencoded",
	                                      NULL};
	struct buf body = BUF_INIT;
	struct http_request request = {
		.method = "POST",
		.url = ask->token_url,
		.headers = headers,
		.timeout_ms = timeout_ms,
		.max_response = max_answer,
		.done = answered,
		.arg = ask,
	};

	/* Never moved by growing, so that no copy of it stays behind. */
	(void)buf_room(&body, 2 * (size_t)longest_part + 3 * strlen(ask->client_id) + 200);
	add_pair(&body, "grant_type", "refresh_token");
	add_pair(&body, "client_id", ask->client_id);
	add_pair(&body, "client_secret", ask->client_secret);
	add_pair(&body, "refresh_token", ask->refresh_token);
	request.body_len = body.len;
	ask->body = buf_take(&body);
	request.body = ask->body;
	http_start(http, &request);
}

void oauth_ask_deinit(struct oauth_ask *ask)
{
	if (ask->body)
		explicit_bzero(ask->body, strlen(ask->body));
	free(ask->body);
	ask->body = NULL;
}
