#include "connector/cli/me.h"
#include "lib/buf.h"
#include "lib/http.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { max_answer = 1 << 20, max_wait_ms = 30000 };

struct question {
	bool is_done;
	enum exit_code code;
	struct me me;
	struct err *err;
};

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static void read_me(struct json_object *answer, struct me *ret_me)
{
	struct json_object *all = json_get(answer, "organizations"), *first = NULL;

	if (json_object_is_type(all, json_type_array))
		first = json_object_array_get_idx(all, 0);
	ret_me->user = mem_printf("%s %s <%s>", or_empty(json_get_string(answer, "first_name")),
	                          or_empty(json_get_string(answer, "last_name")),
	                          or_empty(json_get_string(answer, "email")));
	ret_me->organization =
		first ? mem_printf("%s (%s)", or_empty(json_get_string(first, "name")),
	                           or_empty(json_get_string(first, "id")))
		      : mem_strdup("");
}

static enum exit_code judge(struct question *q, const struct http_answer *a)
{
	struct json_object *answer = NULL;

	if (a->curl_code || !a->is_complete) {
		(void)err_set(q->err, -EIO, "Close cannot be reached: %s", a->error);
		return EXIT_UNREACHABLE;
	}
	if (a->status == 401 || a->status == 402 || a->status == 403) {
		(void)err_set(q->err, -EACCES, "Close refuses %s (status %ld)",
		              a->status == 401 ? "the key" : "the key or its plan", a->status);
		return EXIT_REFUSED;
	}
	if (a->status != 200) {
		(void)err_set(q->err, -EPROTO, "GET /me/ was answered with status %ld", a->status);
		return EXIT_UNREACHABLE;
	}
	if (json_parse(a->body, a->body_len, 0, &answer, NULL, NULL) < 0 ||
	    !json_get_string(answer, "id")) {
		(void)json_object_put(answer);
		(void)err_set(q->err, -EPROTO,
		              "GET /me/ was answered, but not as Close does: is base_url right?");
		return EXIT_UNREACHABLE;
	}
	read_me(answer, &q->me);
	(void)json_object_put(answer);
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
	char *url = mem_printf("%s/me/", pipeline->base_url);
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
		(void)http_start(http, &request);
		while (!q->is_done)
			loop_turn(loop, -1);
		http_free(http);
	}
	free(url);
	return r;
}

enum exit_code me_ask(const struct pipeline *pipeline, struct me *ret_me, struct err *err)
{
	struct question q = {.err = err};
	struct loop *loop = loop_new();
	const int r = send_question(loop, pipeline, &q);

	loop_free(loop);
	if (r < 0)
		return EXIT_PIPELINE;
	if (q.code == EXIT_DONE)
		*ret_me = q.me;
	return q.code;
}

void me_deinit(struct me *me)
{
	free(me->user);
	free(me->organization);
	*me = (struct me){0};
}
