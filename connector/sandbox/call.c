#include "connector/sandbox/call.h"

#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void add_param(void *arg, const char *name, const char *value)
{
	json_object_object_add(arg, name, json_object_new_string(value));
}

static void add_header(void *arg, const char *name, const char *value)
{
	struct box_call *call = arg;

	if (strcasecmp(name, "authorization") == 0) {
		free(call->authorization);
		call->authorization = mem_strdup(value);
		return;
	}
	for (; *name; name++)
		buf_addc(&call->headers, (char)tolower((unsigned char)*name));
	buf_addf(&call->headers, ": %s\n", value);
}

static int hex(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

static char *decoded(const char *path)
{
	struct buf out = BUF_INIT;

	for (; *path; path++) {
		if (*path == '%' && hex(path[1]) >= 0 && hex(path[2]) >= 0) {
			buf_addc(&out, (char)(hex(path[1]) * 16 + hex(path[2])));
			path += 2;
		} else {
			buf_addc(&out, *path);
		}
	}
	return buf_take(&out);
}

struct box_call *box_call_new(const struct http_exchange *exchange, const char *prefix,
                              uint64_t now_ms, int64_t wall_ms)
{
	struct box_call *call = mem_alloc(sizeof(*call));

	*call = (struct box_call){
		.method = mem_strdup(http_exchange_method(exchange)),
		.path = decoded(http_exchange_path(exchange) + strlen(prefix)),
		.params = json_object_new_object(),
		.body = mem_dup(http_exchange_body(exchange), http_exchange_body_len(exchange)),
		.body_len = http_exchange_body_len(exchange),
		.now_ms = now_ms,
		.wall_ms = wall_ms,
		.key_id = "",
		.n_users = 1,
	};
	http_exchange_each_query(exchange, add_param, call->params);
	http_exchange_each_header(exchange, add_header, call);
	return call;
}

struct box_call *box_call_ref(struct box_call *call)
{
	call->n_users++;
	return call;
}

void box_call_unref(struct box_call *call)
{
	if (!call || --call->n_users)
		return;
	free(call->method);
	free(call->path);
	json_object_put(call->params);
	buf_deinit(&call->headers);
	free(call->authorization);
	free(call->body);
	free(call);
}

char *box_call_header(const struct box_call *call, const char *name)
{
	const size_t len = strlen(name);

	for (const char *line = buf_text(&call->headers); *line;) {
		const size_t line_len = strcspn(line, "\n");

		if (strncmp(line, name, len) == 0 && strncmp(line + len, ": ", 2) == 0)
			return mem_dup(line + len + 2, line_len - len - 2);
		line += line_len + 1;
	}
	return NULL;
}

static void drop_body(struct box_answer *answer)
{
	json_object_put(answer->json);
	free(answer->text);
	answer->json = NULL;
	answer->text = NULL;
}

void box_answer_deinit(struct box_answer *answer)
{
	drop_body(answer);
	for (size_t i = 0; i < answer->n_headers; i++)
		free(answer->headers[i]);
	answer->n_headers = 0;
}

void box_answer_json(struct box_answer *answer, unsigned status, struct json_object *json)
{
	drop_body(answer);
	answer->status = status;
	answer->json = json;
}

void box_answer_error(struct box_answer *answer, unsigned status, const char *format, ...)
{
	struct json_object *error = json_object_new_object();
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vprintf(format, args);
	va_end(args);
	json_object_object_add(error, "error", json_object_new_string(text));
	free(text);
	box_answer_json(answer, status, error);
}

void box_answer_text(struct box_answer *answer, unsigned status, const char *text)
{
	drop_body(answer);
	answer->status = status;
	answer->text = mem_strdup(text);
}

void box_answer_header(struct box_answer *answer, const char *format, ...)
{
	va_list args;

	if (answer->n_headers == sizeof(answer->headers) / sizeof(answer->headers[0]))
		return;
	va_start(args, format);
	answer->headers[answer->n_headers++] = mem_vprintf(format, args);
	va_end(args);
}

void box_answer_send(const struct box_answer *answer, struct http_exchange *exchange)
{
	const char *headers[sizeof(answer->headers) / sizeof(answer->headers[0]) + 2] = {NULL};
	struct buf body = BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; i < answer->n_headers; i++)
		headers[n++] = answer->headers[i];
	if (answer->json) {
		headers[n++] = "Content-Type: application/json";
		json_print(answer->json, &body);
	} else if (answer->text) {
		buf_adds(&body, answer->text);
	}
	http_reply(exchange, answer->status, headers, buf_text(&body), body.len);
	buf_deinit(&body);
}
