#pragma once

/*
 * What the answer of a token server to a refresh means (RFC 6749, sections 5 and 6), as a pure
 * function. As with any write, whether the request left and the status line count, and no code of
 * libcurl.
 */

#include "lib/http.h"
#include "lib/token_file.h"

enum oauth_answer {
	OAUTH_RENEWED,     /* the tokens are there */
	OAUTH_NOT_SENT,    /* nothing left this process: the refresh token is as good as before */
	OAUTH_BUSY,        /* nothing was done; later it may be */
	OAUTH_LOST,        /* perhaps renewed, and nobody knows the new tokens */
	OAUTH_REFUSED,     /* the refresh token is not taken (any more) */
	OAUTH_APP_REFUSED, /* the client's id or secret is not taken */
	OAUTH_ASK_REFUSED, /* something else of the request is not taken, see what */
	OAUTH_NO_SERVER,   /* nothing at that URL gives out tokens */
};

struct oauth_reply {
	/* With OAUTH_RENEWED: the caller's, without a refresh token where the old one stays. */
	struct tokens tokens;
	uint64_t wait_ms; /* what the server asks to wait; 0: nothing */
	/* An error code of OAuth came: these are the token server's own words. */
	bool has_code;
	char what[160]; /* "status 400, invalid_grant"; never anything of a token */
};

enum oauth_answer oauth_answer_read(const struct http_answer *answer,
                                    struct oauth_reply *ret_reply);
