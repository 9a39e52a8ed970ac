#include "tests/unit/fake_http.h"

#include "lib/mem.h"
#include "lib/strlist.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct http_headers {
	char *lines[8]; /* "Name\0value" */
	size_t n;
};

struct http_transfer {
	struct http *http;
	struct http_transfer *next;
	char *method, *url, *body;
	char **headers;
	uint64_t note;
	bool (*gate)(void *arg);
	void (*done)(void *arg, const struct http_answer *answer);
	void *arg;
};

struct http {
	struct http_transfer *first;
	unsigned n_in_flight, n_started;
	void (*started)(void *arg, struct http_transfer *t);
	void *arg;
};

struct http *fake_http_new(void)
{
	return mem_alloc(sizeof(struct http));
}

void fake_http_watch(struct http *http, void (*started)(void *arg, struct http_transfer *t),
                     void *arg)
{
	http->started = started;
	http->arg = arg;
}

static void free_transfer(struct http_transfer *t)
{
	free(t->method);
	free(t->url);
	free(t->body);
	strlist_free(t->headers);
	free(t);
}

void http_free(struct http *http)
{
	while (http->first) {
		struct http_transfer *t = http->first;

		http->first = t->next;
		free_transfer(t);
	}
	free(http);
}

void http_start(struct http *http, const struct http_request *request)
{
	struct http_transfer *t = mem_alloc(sizeof(*t)), **at = &http->first;

	t->http = http;
	t->method = mem_strdup(request->method);
	t->url = mem_strdup(request->url);
	t->body = mem_dup(request->body ? request->body : "", request->body_len);
	for (const char *const *h = request->headers; h && *h; h++)
		strlist_add(&t->headers, mem_strdup(*h));
	t->gate = request->gate;
	t->done = request->done;
	t->arg = request->arg;
	while (*at)
		at = &(*at)->next;
	*at = t;
	http->n_in_flight++;
	http->n_started++;
	if (http->started)
		http->started(http->arg, t);
}

static void headers_read(struct http_headers *h, const char *text)
{
	while (text && *text) {
		const size_t len = strcspn(text, "\n"), name = strcspn(text, ":");

		assert(h->n < 8 && name + 2 <= len);
		h->lines[h->n] = mem_dup(text, len);
		h->lines[h->n++][name] = '\0';
		text += len + (text[len] == '\n');
	}
}

static const char *value_of(const char *line)
{
	return line + strlen(line) + 2;
}

const char *http_answer_header(const struct http_answer *answer, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < answer->headers->n; i++)
		if (!strcasecmp(answer->headers->lines[i], name))
			value = value_of(answer->headers->lines[i]);
	return value;
}

void http_answer_each_header(const struct http_answer *answer,
                             void (*fn)(void *arg, const char *name, const char *value), void *arg)
{
	for (size_t i = 0; i < answer->headers->n; i++)
		fn(arg, answer->headers->lines[i], value_of(answer->headers->lines[i]));
}

void fake_end(struct http_transfer *t, const struct fake_reply *reply)
{
	struct http_headers headers = {0};
	const bool is_whole = reply->status && !reply->is_cut;
	const struct http_answer answer = {
		.curl_code = is_whole ? 0 : 56,
		.n_sends = reply->n_sends,
		.status = reply->status,
		.body = reply->body ? reply->body : "",
		.body_len = reply->body ? strlen(reply->body) : 0,
		.is_complete = is_whole,
		.error = is_whole ? "" : "the connection was cut",
		.headers = &headers,
	};
	struct http_transfer **at = &t->http->first;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->http->n_in_flight--;
	headers_read(&headers, reply->headers);
	t->done(t->arg, &answer);
	for (size_t i = 0; i < headers.n; i++)
		free(headers.lines[i]);
	free_transfer(t);
}

unsigned http_in_flight(const struct http *http)
{
	return http->n_in_flight;
}

unsigned fake_n_started(const struct http *http)
{
	return http->n_started;
}

struct http_transfer *fake_in_flight(const struct http *http, unsigned at)
{
	struct http_transfer *t = http->first;

	while (t && at--)
		t = t->next;
	return t;
}

const char *fake_method(const struct http_transfer *t)
{
	return t->method;
}

const char *fake_url(const struct http_transfer *t)
{
	return t->url;
}

const char *fake_body(const struct http_transfer *t)
{
	return t->body;
}

const char *fake_header(const struct http_transfer *t, const char *name)
{
	const size_t len = strlen(name);

	for (char **h = t->headers; h && *h; h++)
		if (!strncmp(*h, name, len) && !strncmp(*h + len, ": ", 2))
			return *h + len + 2;
	return NULL;
}

bool fake_pass(struct http_transfer *t)
{
	return !t->gate || t->gate(t->arg);
}

uint64_t *fake_note(struct http_transfer *t)
{
	return &t->note;
}
