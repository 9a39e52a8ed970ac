#pragma once

/*
 * An HTTP/1.1 server on loopback that dies, stalls or lies in the middle of an answer, in the
 * test's own loop. The path chooses how: "/close" reads the whole request and closes without an
 * answer, and so on; the table in dying_server.c is the list. "/ok" answers well. It counts the
 * requests it read to their last byte, which is what a server that applies a write before it dies
 * has applied.
 */

#include "lib/loop.h"

struct dying_server;

struct dying_server *dying_server_new(struct loop *loop);
void dying_server_free(struct dying_server *server);

/* "http://127.0.0.1:port" + @path, valid until the next call. */
const char *dying_server_url(struct dying_server *server, const char *path);
unsigned dying_server_port(const struct dying_server *server);

/* Whole requests read for any path but "/ok". */
unsigned dying_server_copies(const struct dying_server *server);
/* Connections accepted so far. */
unsigned dying_server_connections(const struct dying_server *server);
/* The bytes of the last whole request, as text. */
const char *dying_server_last_request(const struct dying_server *server);
