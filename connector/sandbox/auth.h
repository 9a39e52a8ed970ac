#pragma once

/*
 * HTTP Basic with an API key as user name and an empty password, as Close takes it, or an access
 * token of OAuth.
 */

#include "connector/sandbox/oauth.h"

#include <stdbool.h>
#include <stddef.h>

struct box_auth;

/* @keys are copied; none: "api_sandbox.key". */
struct box_auth *box_auth_new(const char *const *keys, size_t n);
void box_auth_free(struct box_auth *auth);

/*
 * The id of the key (what stands before its dot) the call came with, or the id of the app whose
 * access token it came with; NULL: not authorized.
 */
const char *box_auth_check(const struct box_auth *auth, struct box_call *call);

struct box_oauth *box_auth_oauth(const struct box_auth *auth);

/* The first key, for the line that says how to connect. */
const char *box_auth_first(const struct box_auth *auth);
