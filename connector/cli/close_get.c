#include "connector/cli/close_get.h"
#include "connector/engine/login.h"
#include "lib/http.h"
#include "lib/json.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { max_answer = 8 << 20, max_wait_ms = 30000 };

struct question {
	const char *path;
	bool is_done, has_ended; /* answered; there will be no token */
	enum exit_code code;
	bool was_unauthorized, goes_again; /* 401: asked once more with another token */
	struct login *login;
	unsigned credential;
	struct json_object *answer;
	long status;
	struct err *err;
};

static enum exit_code judge(struct question *q, const struct http_answer *a)
{
	if (a->curl_code || !a->is_complete) {
		(void)err_set(q->err, -EIO, "Close cannot be reached: %s", a->error);
		return EXIT_UNREACHABLE;
	}
	q->status = a->status;
	if (a->status == 401 || a->status == 402 || a->status == 403) {
		(void)err_set(q->err, -EACCES, "Close refuses %s%s (status %ld)",
		              q->login ? "the access token" : "the key",
		              a->status == 401 ? "" : " or its plan", a->status);
		return EXIT_REFUSED;
	}
	if (a->status != 200) {
		(void)err_set(q->err, -EPROTO, "GET %.200s was answered with status %ld", q->path,
		              a->status);
		return EXIT_UNREACHABLE;
	}
	if (json_parse(a->body, a->body_len, 0, &q->answer, NULL, NULL) < 0 || !q->answer) {
		(void)err_set(q->err, -EPROTO,
		              "GET %.200s was answered, but not as Close does: is base_url right?",
		              q->path);
		return EXIT_UNREACHABLE;
	}
	return EXIT_DONE;
}

static bool login_may_go_again(struct question *q)
{
	char text[512] = "";

	if (login_unauthorized(q->login, q->credential, q->was_unauthorized, text)) {
		q->was_unauthorized = true;
		return true;
	}
	if (*text && !q->has_ended)
		(void)err_set(q->err, -EACCES, "%s", text);
	return false;
}

static void take_answer(void *arg, const struct http_answer *answer)
{
	struct question *q = arg;

	q->code = judge(q, answer);
	q->goes_again = answer->status == 401 && login_may_go_again(q);
	q->is_done = true;
}

static void login_ended(void *arg, enum exit_code code, const char *sentence)
{
	struct question *q = arg;

	q->has_ended = true;
	q->code = code;
	(void)err_set(q->err, -EACCES, "%s", sentence);
}

/* Asks as soon as there is a token; @http calls Close. */
static void ask(struct loop *loop, struct http *http, const struct http_request *request,
                struct question *q)
{
	login_start(q->login);
	do {
		while (!q->has_ended && !login_credential(q->login))
			loop_turn(loop, -1);
		if (q->has_ended)
			break;
		q->is_done = false;
		q->credential = login_credential(q->login);
		http_start(http, request);
		while (!q->is_done)
			loop_turn(loop, -1);
	} while (q->goes_again);
	/* What is on its way could be the only token that works. */
	login_wind_down(q->login);
	while (login_is_busy(q->login))
		loop_turn(loop, -1);
}

static int send_question(struct loop *loop, const struct pipeline *pipeline, struct question *q)
{
	const struct http_config config = {
		.user = pipeline->api_key,
		.ca_file = pipeline->ca_file,
		.proxy = pipeline->proxy,
		.allow_http = strncmp(pipeline->base_url, "http://", 7) == 0,
		.check_address = !pipeline->proxy,
		.allow_private = pipeline->close_allow_private,
		.allow_loopback = net_url_is_loopback(pipeline->base_url),
		.max_connections = 1,
		.user_agent = "closefeed/" CLOSEFEED_VERSION,
	};
	char *url = mem_printf("%s%s", pipeline->base_url, q->path);
	const struct http_request request = {
		.method = "GET",
		.url = url,
		.timeout_ms = max_wait_ms,
		.max_response = max_answer,
		.done = take_answer,
		.arg = q,
	};
	const struct login_config login = {
		.pipeline = pipeline,
		.retry_for_ms = max_wait_ms,
		.ended = login_ended,
		.arg = q,
	};
	struct http *http = NULL;
	int r;

	r = http_new(loop, &config, &http, q->err);
	if (r == 0)
		r = login_open(loop, http, &login, &q->login, q->err);
	if (r == 0)
		ask(loop, http, &request, q);
	login_free(q->login);
	http_free(http);
	free(url);
	return r;
}

enum exit_code close_get(const struct pipeline *pipeline, const char *path,
                         struct json_object **ret_answer, long *ret_status, struct err *err)
{
	struct question q = {.path = path, .err = err};
	struct loop *loop = loop_new();
	const int r = send_question(loop, pipeline, &q);

	loop_free(loop);
	if (ret_status)
		*ret_status = q.status;
	if (r < 0)
		return EXIT_PIPELINE;
	if (q.code == EXIT_DONE)
		*ret_answer = q.answer;
	else
		json_object_put(q.answer);
	return q.code;
}
