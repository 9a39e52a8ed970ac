#pragma once

/*
 * Close's OAuth as far as a client meets it: `/oauth2/authorize/` says yes at once,
 * `/oauth2/token/` gives tokens for a code and renews them, `/oauth2/revoke/` ends a grant. Each
 * renewal voids the refresh token it was asked with. One app is known.
 */

#include "connector/sandbox/call.h"
#include "connector/sandbox/org.h"

struct box_oauth;

extern const char box_oauth_client[], box_oauth_secret[], box_oauth_first[];

struct box_oauth *box_oauth_new(void);
void box_oauth_free(struct box_oauth *oauth);

/* The first refresh token is the only one again, the log empty; lives and refusals stay. */
void box_oauth_reset(struct box_oauth *oauth);

/* Answers a call whose path begins with /oauth2; tokens are for the user of @org. */
void box_oauth_answer(struct box_oauth *oauth, const struct box_org *org,
                      const struct box_call *call, struct box_answer *answer);

/* The number of a live access token (from 1), or 0. */
unsigned box_oauth_check(const struct box_oauth *oauth, const char *token, uint64_t now_ms);

/* GET and POST of /_sandbox/oauth: what was asked for and given; lives, ends and refusals. */
struct json_object *box_oauth_look(const struct box_oauth *oauth);
void box_oauth_set(struct box_oauth *oauth, struct json_object *settings, uint64_t now_ms);
