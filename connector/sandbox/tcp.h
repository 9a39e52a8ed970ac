#pragma once

/*
 * The TCP layer in front of the HTTP server: it accepts the real connections and relays their bytes
 * over a socket pair, so that it can do to an answer what an HTTP server cannot: swallow it, cut
 * it, reset the connection, drip it, or replace its bytes.
 */

#include "lib/err.h"
#include "lib/http_server.h"
#include "lib/loop.h"

enum box_tcp_act {
	BOX_TCP_PASS,
	BOX_TCP_SILENCE,  /* nothing arrives; the connection stays open */
	BOX_TCP_RESET,    /* RST instead of an answer */
	BOX_TCP_CLOSE,    /* FIN instead of an answer */
	BOX_TCP_CUT,      /* .bytes of the answer, then FIN (or RST) */
	BOX_TCP_CUT_BODY, /* its head and .bytes of its body, then FIN (or RST) */
	BOX_TCP_SLOW,     /* its head, then .bytes of its body every .every_ms */
	BOX_TCP_RAW,      /* .raw instead of it, then FIN */
	BOX_TCP_ENDLESS,  /* .raw instead of it, then spaces for as long as somebody reads */
	BOX_TCP_VANISH,   /* all connections reset and the port closed for .every_ms */
};

struct box_tcp_plan {
	enum box_tcp_act act;
	size_t bytes;
	uint64_t every_ms;
	const char *raw; /* static */
	bool is_reset;
};

struct box_tcp;

/* Listens on 127.0.0.1:@port (0: a free one). */
int box_tcp_new(struct loop *loop, uint16_t port, struct box_tcp **ret_tcp, struct err *err);
/* Before the server it relays to. */
void box_tcp_free(struct box_tcp *tcp);

/* Where the connections go; to be set before the loop turns. */
void box_tcp_serve(struct box_tcp *tcp, struct http_server *server);

uint16_t box_tcp_port(const struct box_tcp *tcp);

/* What happens to the next answer of the connection whose server end is @fd. */
void box_tcp_plan(struct box_tcp *tcp, int fd, const struct box_tcp_plan *plan);
