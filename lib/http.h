#pragma once

/*
 * HTTP client over libcurl, hung into the loop; one struct http per destination (a multi handle of
 * its own), so options and connections of one host never meet another's.
 *
 * libcurl resends a request by itself when a reused connection dies before the first byte of the
 * answer, whatever the method. The cure is in here: the pre-request callback lets each transfer be
 * sent once and aborts a second sending (curl code 42). How often it let the transfer pass,
 * `http_answer.n_sends`, is the only proof that a request was never sent: no curl code is.
 */

#include "lib/err.h"
#include "lib/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;
struct http_answer;
struct http_headers;

struct http_config {
	const char *user;         /* HTTP Basic user with empty password, preemptive; NULL: none */
	const char *ca_file;      /* NULL: the system's */
	const char *proxy;        /* NULL: none; the environment's is never used */
	const char *unix_socket;  /* connect here instead (control socket); NULL: no */
	bool allow_http;          /* plain http allowed, to loopback and private addresses only */
	bool check_address;       /* refuse addresses by the rules of lib/net.h at connect time; not
	                             behind a proxy, where only the proxy's address is known */
	bool allow_private;       /* with check_address: private ranges are fine */
	bool allow_loopback;      /* with check_address: the URL itself names loopback */
	unsigned max_connections; /* at least 1 */
	unsigned connect_timeout_ms; /* 0: 10 s */
	const char *user_agent;
};

struct http_request {
	const char *method; /* GET, POST, PUT, DELETE */
	const char *url;
	const char *const *headers; /* "Name: value", NULL-terminated; NULL: none. No CR, LF */
	const void *body;           /* NULL: none. Must live until done() */
	size_t body_len;
	unsigned timeout_ms; /* whole transfer; 0: 120 s */
	size_t max_response; /* body bytes kept; more sets is_truncated and ends the transfer */
	/*
	 * The last gate, called before each sending, after the connection stands. False: the
	 * request is not sent (n_sends stays what it was). NULL: always open. It must not call
	 * into this module.
	 */
	bool (*gate)(void *arg);
	void (*done)(void *arg, const struct http_answer *answer); /* exactly once, from the loop */
	void *arg;
};

struct http_answer {
	int curl_code;    /* CURLcode; never evidence of what the server did */
	unsigned n_sends; /* 0: no byte of the request left this process */
	long status;      /* of a complete status line; 0: none came */
	const char *body; /* never NULL; NUL behind it */
	size_t body_len;
	bool is_complete;  /* the whole body came */
	bool is_truncated; /* cut at max_response, or headers over their limit */
	const char *error; /* a plain sentence where curl_code != 0, else "" */
	uint64_t duration_ms;
	const struct http_headers *headers;
};

/* The value of the (last) header called @name in any case, or NULL. Valid during done(). */
const char *http_answer_header(const struct http_answer *answer, const char *name);

/* Calls @fn for each header of the final answer, in order. */
void http_answer_each_header(const struct http_answer *answer,
                             void (*fn)(void *arg, const char *name, const char *value), void *arg);

/*
 * Strings of @config are copied. -EINVAL with a sentence for a setting libcurl refuses (a missing
 * CA file, a malformed proxy). Call http_global_init() once before the first.
 */
int http_new(struct loop *loop, const struct http_config *config, struct http **ret_http,
             struct err *err);

/* Ends what is in flight without calling done(). Allowed inside done(), not inside gate(). */
void http_free(struct http *http);

void http_global_init(void);
void http_global_deinit(void);

/*
 * Starts a transfer; strings of @request are copied, the body is borrowed until done(). Never calls
 * done() from inside.
 */
void http_start(struct http *http, const struct http_request *request);

/*
 * What is started from now on carries "Authorization: Bearer @token" instead of the Basic user;
 * copied.
 */
void http_set_bearer(struct http *http, const char *token);

/* Transfers not done yet. */
unsigned http_in_flight(const struct http *http);
