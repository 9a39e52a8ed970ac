#pragma once

/*
 * An access token that is renewed before it ends, for all calls of a process, and for all processes
 * of a user that share a grant. Each renewal voids the refresh token it was asked with (OAuth 2.0,
 * RFC 6749, section 6, with rotation), so:
 *
 *   idle → locking → asking → storing → idle
 *             ↑          └→ waiting (no answer, no server, "later") ┐
 *             └──────────────────────────────────────────────────────┘
 *
 * One process asks at a time (the lock of the token file); who had to wait for it reads the file
 * again and takes what is there. Before asking, the file says that it is being asked, which also
 * shows that it can be written; a new access token is used when the new refresh token is durable.
 * A token that has not ended is used however long the server is away. Where a token came from this
 * URL before, a refusal without a code of OAuth (a proxy's 403, a 404 while a server is exchanged)
 * counts as being away. Time is the loop's.
 */

#include "lib/err.h"
#include "lib/http.h"
#include "lib/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct oauth;

enum oauth_end {
	OAUTH_END_REFUSED,     /* the refresh token is not taken */
	OAUTH_END_LOST,        /* nor is it, and the answer of an earlier renewal was lost */
	OAUTH_END_APP,         /* the client's id or secret is not taken */
	OAUTH_END_ASK,         /* something else of the request is not taken */
	OAUTH_END_NO_SERVER,   /* nothing gives out tokens at token_url */
	OAUTH_END_UNREACHABLE, /* no answer for retry_for_ms, and the token has ended */
	OAUTH_END_FILE,        /* the token file cannot be read or written */
	OAUTH_END_DAMAGED,     /* what is in it is no token */
	OAUTH_END_NOT_STORED,  /* a new refresh token came, could not be written, and is lost */
};

struct oauth_config {
	const char *token_url, *client_id, *client_secret;
	const char *refresh_token; /* the first one; others are in the file */
	const char *folder;        /* of token files */
	uint64_t retry_for_ms;     /* how long the server may be away after the token has ended */
	uint64_t seed;             /* of the jitter */
};

struct oauth_hooks {
	void *arg;
	/* Calls go with @access_token from now on. Both are to be masked wherever text goes. */
	void (*renewed)(void *arg, const char *access_token, const char *refresh_token);
	/* There will be no other token; @what is a sentence without what to do. Told once. */
	void (*ended)(void *arg, enum oauth_end end, const char *what);
};

/* Strings are copied; @http is borrowed. Nothing is done before oauth_start(). */
struct oauth *oauth_new(struct loop *loop, struct http *http, const struct oauth_config *config,
                        const struct oauth_hooks *hooks);
void oauth_free(struct oauth *oauth); /* NULL is ignored */

/* Takes the token of the file, or has one made. Calls hooks from inside. */
void oauth_start(struct oauth *oauth);

/* The number of the token to call with, from 1; 0: there is none now. */
unsigned oauth_token(const struct oauth *oauth);

/*
 * A call with token number @token was answered 401. True: another token is there or on its way, and
 * the call may be sent again with it. @again: this is a repeated call, whose repetition is over
 * unless @token is not the newest; false then, and where no other token will come.
 */
bool oauth_refused(struct oauth *oauth, unsigned token, bool again);

/* Nothing new is begun; a renewal that is on its way ends. */
void oauth_wind_down(struct oauth *oauth);
/* A renewal is on its way, or not durable yet: ending now could lose the refresh token. */
bool oauth_is_busy(const struct oauth *oauth);

/* Why there is no token now, or no new one: a sentence for people, or "". */
const char *oauth_trouble(const struct oauth *oauth);

/* The name of the grant's token file: the same for all processes that were given the same. */
void oauth_grant_id(const struct oauth_config *config, char ret_id[static 33]);
