#pragma once

/*
 * lib/http.h without a network: what is started waits until the test ends it. Defines all that
 * callers of lib/http.h need, so that the linker never looks for the real one.
 */

#include "lib/http.h"

struct http_transfer;

struct fake_reply {
	unsigned n_sends;    /* 0: it never left */
	long status;         /* 0: no answer came */
	const char *body;    /* NULL: "" */
	const char *headers; /* "Name: value" lines, or NULL */
	bool is_cut;         /* the body ended early */
};

struct http *fake_http_new(void);

/* Called from inside each http_start(); NULL: nobody. */
void fake_http_watch(struct http *http, void (*started)(void *arg, struct http_transfer *t),
                     void *arg);

unsigned fake_n_started(const struct http *http); /* since it was made */
/* What is in flight, oldest first; NULL where there are no more. */
struct http_transfer *fake_in_flight(const struct http *http, unsigned at);

const char *fake_method(const struct http_transfer *t);
const char *fake_url(const struct http_transfer *t);  /* whole */
const char *fake_body(const struct http_transfer *t); /* "" where there is none */
/* The value of a header as it was sent; NULL: there was none. */
const char *fake_header(const struct http_transfer *t, const char *name);
/* The connection stands: may it be sent? */
bool fake_pass(struct http_transfer *t);
/* A place for the test's own thoughts about it: 0 at first. */
uint64_t *fake_note(struct http_transfer *t);

void fake_end(struct http_transfer *t, const struct fake_reply *reply);
