#include "lib/control.h"
#include "lib/cleanup.h"
#include "lib/http.h"
#include "lib/http_server.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum {
	max_request = 4 << 20,  /* a pipeline's text may be in it */
	max_answer = 256 << 20, /* all rejects with their payloads */
	json_depth = 64,        /* answers wrap records, which have a depth of their own */
	curl_timed_out = 28,    /* CURLE_OPERATION_TIMEDOUT, in the words of lib/http.h */
};

static const char socket_name[] = "control.sock";

struct control {
	struct http_server *server;
	control_fn fn;
	void *arg;
	int folder_fd;
	struct control_question *open; /* not answered yet, doubly linked */
};

struct control_question {
	struct control *control;
	struct http_exchange *exchange;
	struct json_object *request;
	struct control_question *prev, *next;
};

static void question_free(struct control_question *question)
{
	if (question->prev)
		question->prev->next = question->next;
	else
		question->control->open = question->next;
	if (question->next)
		question->next->prev = question->prev;
	(void)json_object_put(question->request);
	free(question);
}

/*
 * The socket's path as an address may hold it. A path that is too long is replaced by one through
 * the folder's descriptor, which the caller closes when the address was used.
 */
static int socket_path(const char *folder, struct sockaddr_un *ret_address, int *ret_fd,
                       struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const size_t room = sizeof(address.sun_path);
	const int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno, "%s: %s", folder, strerror(errno));
	if ((size_t)snprintf(address.sun_path, room, "%s/%s", folder, socket_name) >= room)
		(void)snprintf(address.sun_path, room, "/proc/self/fd/%d/%s", fd, socket_name);
	*ret_address = address;
	*ret_fd = fd;
	return 0;
}

static void reply_error(struct http_exchange *x, unsigned status, const char *text)
{
	static const char *const headers[] = {"Content-Type: application/json", NULL};
	struct buf body = BUF_INIT;

	buf_adds(&body, "{\"error\":");
	json_print_string(text, strlen(text), &body);
	buf_addc(&body, '}');
	http_reply(x, status, headers, body.data, body.len);
	buf_deinit(&body);
}

static void take_question(void *arg, struct http_exchange *x)
{
	struct control *control = arg;
	struct control_question *question;
	struct json_object *request = NULL;
	struct err err;

	if (strcmp(http_exchange_method(x), "POST") != 0) {
		reply_error(x, 405, "ask with POST /VERB and a JSON object");
		return;
	}
	if (json_parse(http_exchange_body(x), http_exchange_body_len(x), json_depth, &request, NULL,
	               &err) < 0) {
		reply_error(x, 400, err.text);
		return;
	}
	if (!json_object_is_type(request, json_type_object)) {
		(void)json_object_put(request);
		reply_error(x, 400, "the question must be a JSON object");
		return;
	}
	question = mem_alloc(sizeof(*question));
	question->control = control;
	question->exchange = x;
	question->request = request;
	question->next = control->open;
	if (question->next)
		question->next->prev = question;
	control->open = question;
	control->fn(control->arg, http_exchange_path(x) + 1, request, question);
}

void control_reply(struct control_question *question, struct json_object *answer)
{
	static const char *const headers[] = {"Content-Type: application/json", NULL};
	struct buf body = BUF_INIT;

	json_print(answer, &body);
	http_reply(question->exchange, 200, headers, body.data, body.len);
	buf_deinit(&body);
	question_free(question);
}

/* Binds and listens; the umask makes it 0600 from its first moment. */
static int listen_at(const struct sockaddr_un *address, struct err *err)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mode_t old;
	int r;

	if (fd < 0)
		return err_set(err, -errno, "control socket: %s", strerror(errno));
	(void)unlink(address->sun_path);
	old = umask(0177);
	r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	(void)umask(old);
	if (r == 0 && listen(fd, 16) < 0)
		r = -errno;
	if (r < 0) {
		(void)close(fd);
		return err_set(err, r, "control socket %s: %s", address->sun_path, strerror(-r));
	}
	return fd;
}

int control_listen(struct loop *loop, const char *folder, control_fn fn, void *arg,
                   struct control **ret_control, struct err *err)
{
	struct http_server_config config = {.max_body = max_request, .max_connections = 32};
	struct control *control;
	struct sockaddr_un address = {0};
	int folder_fd = -1, r;

	r = socket_path(folder, &address, &folder_fd, err);
	if (r < 0)
		return r;
	config.listen_fd = listen_at(&address, err);
	if (config.listen_fd < 0) {
		(void)close(folder_fd);
		return config.listen_fd;
	}
	control = mem_alloc(sizeof(*control));
	control->fn = fn;
	control->arg = arg;
	control->folder_fd = folder_fd;
	config.handler = take_question;
	config.arg = control;
	r = http_server_new(loop, &config, &control->server, err);
	if (r < 0) {
		control_free(control);
		return r;
	}
	*ret_control = control;
	return 0;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	while (control->open)
		question_free(control->open);
	http_server_free(control->server);
	(void)unlinkat(control->folder_fd, socket_name, 0);
	(void)close(control->folder_fd);
	free(control);
}

struct call {
	bool is_done;
	int r;
	struct json_object *answer;
	struct err *err;
};

static int read_answer(struct call *call, const struct http_answer *answer)
{
	int r;

	if (answer->n_sends == 0 && answer->curl_code != curl_timed_out)
		return err_set(call->err, -ECONNREFUSED, "nobody listens: %s", answer->error);
	if (answer->curl_code == curl_timed_out)
		return err_set(call->err, -ETIMEDOUT,
		               "the process that owns the state did not answer in time");
	if (answer->curl_code || !answer->is_complete)
		return err_set(call->err, -ECONNRESET,
		               "the process that owns the state ended before it answered: %s",
		               answer->error);
	r = json_parse(answer->body, answer->body_len, json_depth, &call->answer, NULL, call->err);
	if (r < 0)
		return err_prefix(call->err, -EPROTO, "answer of the process that owns the state");
	if (answer->status != 200)
		return err_set(call->err, -EPROTO, "the process that owns the state says: %s",
		               json_get_string(call->answer, "error"));
	return 0;
}

static void take_answer(void *arg, const struct http_answer *answer)
{
	struct call *call = arg;

	call->r = read_answer(call, answer);
	call->is_done = true;
}

/* One question over a client and a loop of its own. */
static int ask(struct loop *loop, const char *path, const char *verb, const struct buf *body,
               unsigned timeout_ms, struct call *call)
{
	static const char *const headers[] = {"Content-Type: application/json", NULL};
	const struct http_config config = {
		.unix_socket = path, .allow_http = true, .max_connections = 1};
	char *url = mem_printf("http://localhost/%s", verb);
	const struct http_request request = {
		.method = "POST",
		.url = url,
		.headers = headers,
		.body = body->data,
		.body_len = body->len,
		.timeout_ms = timeout_ms,
		.max_response = max_answer,
		.done = take_answer,
		.arg = call,
	};
	struct http *http = NULL;
	int r;

	r = http_new(loop, &config, &http, call->err);
	if (r == 0) {
		http_start(http, &request);
		while (!call->is_done)
			loop_turn(loop, -1);
		http_free(http);
		r = call->r;
	}
	free(url);
	return r;
}

int control_call(const char *folder, const char *verb, struct json_object *request,
                 unsigned timeout_ms, struct json_object **ret_answer, struct err *err)
{
	struct call call = {.err = err};
	struct buf body = BUF_INIT;
	struct sockaddr_un address = {0};
	struct loop *loop;
	int folder_fd = -1, r;

	r = socket_path(folder, &address, &folder_fd, err);
	if (r < 0)
		return r;
	if (faccessat(folder_fd, socket_name, F_OK, 0) < 0) {
		(void)close(folder_fd);
		return err_set(err, -ENOENT, "nobody listens in %s", folder);
	}
	json_print(request, &body);
	loop = loop_new();
	r = ask(loop, address.sun_path, verb, &body, timeout_ms, &call);
	loop_free(loop);
	buf_deinit(&body);
	(void)close(folder_fd);
	if (r < 0)
		(void)json_object_put(call.answer);
	else
		*ret_answer = call.answer;
	return r;
}
