#include "lib/http_server.h"

#include "lib/buf.h"
#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * libmicrohttpd runs without a thread: its epoll descriptor is watched by our loop, MHD_run() does
 * what is due, and MHD_get_timeout() says whether it wants to be called without an event. An
 * exchange is born when MHD shows us the request line and dies when MHD reports the request as
 * completed; a handler that has not answered by the time it returns leaves the connection
 * suspended.
 */

enum { default_connections = 1024, connection_memory = 32 * 1024, last_rounds = 8 };

enum exchange_state { X_NEW, X_READING, X_HANDLING, X_WAITING, X_ANSWERED };

struct http_server {
	struct loop *loop;
	struct MHD_Daemon *daemon;
	struct loop_watch *watch;
	struct loop_timer timer;
	size_t max_body;
	http_handler_fn handler;
	void *arg;
	bool is_stopping;
	struct http_exchange *waiting; /* suspended ones, doubly linked */
};

struct http_exchange {
	struct http_server *server;
	struct MHD_Connection *connection;
	enum exchange_state state;
	char *method;
	char *path;
	struct buf body;
	bool is_too_large;
	struct MHD_Response *response;
	unsigned status;
	struct http_exchange *prev, *next;
};

static void run(void *arg);

static void schedule(struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES)
		loop_timer_set(server->loop, &server->timer, loop_now_ms(server->loop) + wait_ms,
		               run, server);
	else
		loop_timer_unset(server->loop, &server->timer);
}

static void run(void *arg)
{
	struct http_server *server = arg;

	(void)MHD_run(server->daemon);
	schedule(server);
}

static void run_for_fd(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	run(arg);
}

static void wait_link(struct http_exchange *x)
{
	struct http_server *server = x->server;

	x->next = server->waiting;
	if (x->next)
		x->next->prev = x;
	server->waiting = x;
}

static void wait_unlink(struct http_exchange *x)
{
	if (x->prev)
		x->prev->next = x->next;
	else
		x->server->waiting = x->next;
	if (x->next)
		x->next->prev = x->prev;
	x->prev = x->next = NULL;
}

static void *exchange_begin(void *arg, const char *uri, struct MHD_Connection *connection)
{
	struct http_exchange *x = mem_alloc(sizeof(*x));

	x->server = arg;
	x->connection = connection;
	x->path = mem_dup(uri, strcspn(uri, "?"));
	return x;
}

static void exchange_end(void *arg, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
	struct http_exchange *x = *con_cls;

	(void)arg;
	(void)connection;
	(void)code;
	if (!x)
		return;
	*con_cls = NULL;
	if (x->state == X_WAITING)
		wait_unlink(x);
	if (x->response)
		MHD_destroy_response(x->response);
	buf_deinit(&x->body);
	free(x->method);
	free(x->path);
	free(x);
}

static void add_body(struct http_exchange *x, const char *bytes, size_t len)
{
	if (x->body.len + len > x->server->max_body)
		x->is_too_large = true;
	if (!x->is_too_large)
		buf_add(&x->body, bytes, len);
}

static enum MHD_Result send_answer(struct http_exchange *x)
{
	return MHD_queue_response(x->connection, x->status, x->response);
}

static enum MHD_Result refuse_large(struct http_exchange *x)
{
	static const char text[] = "{\"error\":\"The request body is too large.\"}";
	static const char *const headers[] = {"Content-Type: application/json", NULL};

	x->state = X_HANDLING;
	http_reply(x, MHD_HTTP_CONTENT_TOO_LARGE, headers, text, sizeof(text) - 1);
	return send_answer(x);
}

static bool announces_too_much(const struct http_exchange *x)
{
	const char *length = http_exchange_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return length && strtoull(length, NULL, 10) > x->server->max_body;
}

static enum MHD_Result hand_over(struct http_exchange *x)
{
	if (x->is_too_large)
		return refuse_large(x);
	x->state = X_HANDLING;
	x->server->handler(x->server->arg, x);
	if (x->state == X_ANSWERED)
		return send_answer(x);
	x->state = X_WAITING;
	wait_link(x);
	MHD_suspend_connection(x->connection);
	return MHD_YES;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **con_cls)
{
	struct http_exchange *x = *con_cls;

	(void)arg;
	(void)connection;
	(void)url;
	(void)version;
	if (x->server->is_stopping && x->state != X_ANSWERED)
		return MHD_NO;
	switch (x->state) {
	case X_NEW:
		x->method = mem_strdup(method);
		x->state = X_READING;
		return announces_too_much(x) ? refuse_large(x) : MHD_YES;
	case X_READING:
		if (!*upload_len)
			return hand_over(x);
		add_body(x, upload, *upload_len);
		*upload_len = 0;
		return MHD_YES;
	case X_ANSWERED:
		return send_answer(x);
	case X_HANDLING:
	case X_WAITING:
		break;
	}
	return MHD_YES;
}

static struct MHD_Daemon *start_daemon(struct http_server *server,
                                       const struct http_server_config *config)
{
	const unsigned n = config->max_connections ? config->max_connections : default_connections;
	const struct MHD_OptionItem listening[] = {
		{config->listen_fd >= 0 ? MHD_OPTION_LISTEN_SOCKET : MHD_OPTION_END,
	         config->listen_fd, NULL},
		{MHD_OPTION_END, 0, NULL},
	};
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;

	if (config->listen_fd < 0)
		flags |= MHD_USE_NO_LISTEN_SOCKET;
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server,
	                        MHD_OPTION_CONNECTION_LIMIT, n, MHD_OPTION_CONNECTION_TIMEOUT,
	                        config->idle_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	                        (size_t)connection_memory, MHD_OPTION_URI_LOG_CALLBACK,
	                        exchange_begin, server, MHD_OPTION_NOTIFY_COMPLETED, exchange_end,
	                        server, MHD_OPTION_ARRAY, listening, MHD_OPTION_END);
}

int http_server_new(struct loop *loop, const struct http_server_config *config,
                    struct http_server **ret_server, struct err *err)
{
	struct http_server *server = mem_alloc(sizeof(*server));
	const union MHD_DaemonInfo *info;

	*server = (struct http_server){
		.loop = loop,
		.max_body = config->max_body,
		.handler = config->handler,
		.arg = config->arg,
	};
	server->daemon = start_daemon(server, config);
	if (!server->daemon) {
		free(server);
		if (config->listen_fd >= 0)
			(void)close(config->listen_fd);
		return err_set(err, -EIO,
		               "the HTTP server could not be started (libmicrohttpd %s): "
		               "perhaps too many files are open",
		               MHD_get_version());
	}
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	assert(info);
	server->watch = loop_watch(loop, info->epoll_fd, EPOLLIN, run_for_fd, server);
	*ret_server = server;
	return 0;
}

void http_server_free(struct http_server *server)
{
	if (!server)
		return;
	/* MHD aborts the process when it is stopped with suspended connections. */
	server->is_stopping = true;
	for (struct http_exchange *x = server->waiting; x; x = x->next)
		MHD_resume_connection(x->connection);
	/* A resumed connection needs a round each to be looked at, to write and to end. */
	for (int i = 0; i < last_rounds; i++)
		(void)MHD_run(server->daemon);
	loop_timer_unset(server->loop, &server->timer);
	loop_unwatch(server->loop, server->watch);
	MHD_stop_daemon(server->daemon);
	free(server);
}

int http_server_add(struct http_server *server, int fd, struct err *err)
{
	/* MHD wants an address for its log and per-address limits; a socket pair has none. */
	const struct sockaddr_un nobody = {.sun_family = AF_UNIX};

	if (MHD_add_connection(server->daemon, fd, (const struct sockaddr *)&nobody,
	                       sizeof(sa_family_t)) != MHD_YES)
		return err_set(err, -errno, "the HTTP server took no further connection: %s",
		               strerror(errno));
	schedule(server);
	return 0;
}

const char *http_exchange_method(const struct http_exchange *x)
{
	return x->method;
}

const char *http_exchange_path(const struct http_exchange *x)
{
	return x->path;
}

const char *http_exchange_header(const struct http_exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

struct each {
	void (*fn)(void *arg, const char *name, const char *value);
	void *arg;
};

static enum MHD_Result call_each(void *arg, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
	const struct each *each = arg;

	(void)kind;
	each->fn(each->arg, name, value ? value : "");
	return MHD_YES;
}

void http_exchange_each_query(const struct http_exchange *x,
                              void (*fn)(void *arg, const char *name, const char *value), void *arg)
{
	struct each each = {fn, arg};

	(void)MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, call_each, &each);
}

void http_exchange_each_header(const struct http_exchange *x,
                               void (*fn)(void *arg, const char *name, const char *value),
                               void *arg)
{
	struct each each = {fn, arg};

	(void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, call_each, &each);
}

const char *http_exchange_body(const struct http_exchange *x)
{
	return buf_text(&x->body);
}

size_t http_exchange_body_len(const struct http_exchange *x)
{
	return x->body.len;
}

int http_exchange_fd(const struct http_exchange *x)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	assert(info);
	return info->connect_fd;
}

static void add_header(struct MHD_Response *response, const char *header)
{
	const char *colon = strchr(header, ':');
	char *name;

	assert(colon);
	name = mem_dup(header, (size_t)(colon - header));
	(void)MHD_add_response_header(response, name, colon + 1 + strspn(colon + 1, " "));
	free(name);
}

void http_reply(struct http_exchange *x, unsigned status, const char *const *headers,
                const void *body, size_t len)
{
	const bool was_waiting = x->state == X_WAITING;

	assert(was_waiting || x->state == X_HANDLING);
	if (was_waiting)
		wait_unlink(x);
	x->status = status;
	x->response =
		MHD_create_response_from_buffer(len, mem_dup(body, len), MHD_RESPMEM_MUST_FREE);
	if (!x->response)
		mem_exhausted();
	for (; headers && *headers; headers++)
		add_header(x->response, *headers);
	x->state = X_ANSWERED;
	if (!was_waiting)
		return;
	MHD_resume_connection(x->connection);
	loop_timer_set(x->server->loop, &x->server->timer, loop_now_ms(x->server->loop), run,
	               x->server);
}
