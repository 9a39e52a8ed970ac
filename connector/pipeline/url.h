#pragma once

/* Where a pipeline may send: the rules for URLs, before any name is resolved. */

#include "connector/pipeline/keys.h"

/* Where Close's own API is, without last slash. */
extern const char close_base_url[];

/*
 * The path that @url means below @base_url: a path is one; a whole URL that begins with Close's own
 * base or with @base_url means what follows. NULL: it is on another host, or no URL.
 */
const char *url_path(const char *base_url, const char *url);

/*
 * https, or http to this machine, or with @allow_private http(s) to a private address; never
 * link-local, never with user information. What a name resolves to is checked at connect time.
 * Tells what is wrong at @at, without repeating the URL. @has_query: a "?…" may be there.
 */
bool check_url(struct loader *l, const struct yaml_node *at, const char *url, bool allow_private,
               bool may_have_query);
