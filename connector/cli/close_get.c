#include "connector/cli/close_get.h"
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
	bool is_done;
	enum exit_code code;
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
		(void)err_set(q->err, -EACCES, "Close refuses %s (status %ld)",
		              a->status == 401 ? "the key" : "the key or its plan", a->status);
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

static void take_answer(void *arg, const struct http_answer *answer)
{
	struct question *q = arg;

	q->code = judge(q, answer);
	q->is_done = true;
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
	struct http *http = NULL;
	int r;

	r = http_new(loop, &config, &http, q->err);
	if (r == 0) {
		http_start(http, &request);
		while (!q->is_done)
			loop_turn(loop, -1);
		http_free(http);
	}
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
