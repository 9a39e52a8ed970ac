#pragma once

/*
 * HTTP server over libmicrohttpd, driven by our loop through its epoll descriptor. Serves the
 * sandbox (TCP on loopback) and control sockets (AF_UNIX). One handler per server; the answer may
 * be given at once or later (the connection is suspended meanwhile).
 */

#include "lib/err.h"
#include "lib/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;
struct http_exchange;

/* Called once per request, when its whole body is here. Must lead to one http_reply(). */
typedef void (*http_handler_fn)(void *arg, struct http_exchange *exchange);

struct http_server_config {
	int listen_fd;            /* bound and listening (TCP or AF_UNIX), taken over; -1: none */
	size_t max_body;          /* a larger request body is answered 413 by the server itself */
	unsigned max_connections; /* 0: 1024 */
	unsigned idle_timeout_s;  /* 0: none */
	http_handler_fn handler;
	void *arg;
};

int http_server_new(struct loop *loop, const struct http_server_config *config,
                    struct http_server **ret_server, struct err *err);
/*
 * Exchanges that wait for their reply die with the server: whoever kept one must forget it first.
 * What was replied just before still goes out, as far as the socket takes it at once.
 */
void http_server_free(struct http_server *server);

/*
 * Adds an accepted connection (the sandbox's TCP layer hands over one end of a socket pair). @fd is
 * the server's from here on, also on failure.
 */
int http_server_add(struct http_server *server, int fd, struct err *err);

const char *http_exchange_method(const struct http_exchange *x);
const char *http_exchange_path(const struct http_exchange *x); /* as sent, still percent-encoded */
void http_exchange_each_query(const struct http_exchange *x,
                              void (*fn)(void *arg, const char *name, const char *value),
                              void *arg);
const char *http_exchange_header(const struct http_exchange *x, const char *name);
void http_exchange_each_header(const struct http_exchange *x,
                               void (*fn)(void *arg, const char *name, const char *value),
                               void *arg);
const char *http_exchange_body(const struct http_exchange *x); /* never NULL, NUL behind */
size_t http_exchange_body_len(const struct http_exchange *x);
/* The descriptor of the connection: the sandbox's TCP layer knows its pair by it. */
int http_exchange_fd(const struct http_exchange *x);

/*
 * Answers. @headers is "Name: value", NULL-terminated, or NULL. Body bytes are copied. The exchange
 * is gone afterwards.
 */
void http_reply(struct http_exchange *x, unsigned status, const char *const *headers,
                const void *body, size_t len);
