#include "connector/sandbox/auth.h"

#include "lib/crypto.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct key {
	char *text, *id;
	char *expected; /* base64 of "key:" */
};

struct box_auth {
	struct key *keys;
	size_t n;
	struct box_oauth *oauth;
};

static struct key key_make(const char *text)
{
	char *pair = mem_printf("%s:", text);
	const struct key key = {
		.text = mem_strdup(text),
		.id = mem_dup(text, strcspn(text, ".")),
		.expected = crypto_base64(pair, strlen(pair)),
	};

	free(pair);
	return key;
}

struct box_auth *box_auth_new(const char *const *keys, size_t n)
{
	struct box_auth *auth = mem_alloc(sizeof(*auth));

	auth->oauth = box_oauth_new();
	auth->n = n ? n : 1;
	auth->keys = mem_array(auth->n, sizeof(*auth->keys));
	for (size_t i = 0; i < n; i++)
		auth->keys[i] = key_make(keys[i]);
	if (!n)
		auth->keys[0] = key_make("api_sandbox.key");
	return auth;
}

void box_auth_free(struct box_auth *auth)
{
	if (!auth)
		return;
	for (size_t i = 0; i < auth->n; i++) {
		free(auth->keys[i].text);
		free(auth->keys[i].id);
		free(auth->keys[i].expected);
	}
	box_oauth_free(auth->oauth);
	free(auth->keys);
	free(auth);
}

static const char *after_scheme(const char *authorization, const char *scheme)
{
	const size_t len = strlen(scheme);

	return authorization && !strncasecmp(authorization, scheme, len) ? authorization + len
	                                                                 : NULL;
}

const char *box_auth_check(const struct box_auth *auth, struct box_call *call)
{
	const char *token = after_scheme(call->authorization, "Bearer ");
	const char *pair = after_scheme(call->authorization, "Basic ");
	const size_t len = pair ? strlen(pair) : 0;

	if (token)
		call->token = box_oauth_check(auth->oauth, token, call->now_ms);
	if (call->token)
		return box_oauth_client;
	if (!pair)
		return NULL;
	for (size_t i = 0; i < auth->n; i++)
		if (strlen(auth->keys[i].expected) == len &&
		    crypto_equal(auth->keys[i].expected, pair, len))
			return auth->keys[i].id;
	return NULL;
}

struct box_oauth *box_auth_oauth(const struct box_auth *auth)
{
	return auth->oauth;
}

const char *box_auth_first(const struct box_auth *auth)
{
	return auth->keys[0].text;
}
