#include "lib/http_private.h"

#include "lib/test_hooks.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* "HTTP/1.1 200 OK\r\n" → 200; 0 for anything else, and for a line that was cut. */
static long status_of(const char *line, size_t len)
{
	const char *at = memchr(line, ' ', len);
	long status = 0;

	if (!at || line[len - 1] != '\n' || line + len - at < 5)
		return 0;
	for (int i = 1; i <= 3; i++) {
		if (at[i] < '0' || at[i] > '9')
			return 0;
		status = status * 10 + (at[i] - '0');
	}
	return is_space(at[4]) ? status : 0;
}

static void begin_head(struct http_transfer *t, long status)
{
	hook_point("answer_begins");
	buf_clear(&t->headers.text);
	t->headers.n = 0;
	/* 100 and its kind announce the answer; they are none. */
	t->status = status >= 200 ? status : 0;
	/*
	 * Only an answer that has begun may be called slow: a server that thinks for a minute and
	 * then answers is within its rights, and a false time-out of a create costs a proof.
	 */
	(void)curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, 60L);
}

static void add_header(struct http_headers *headers, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	const char *value, *end = line + len;

	if (!colon || colon == line || is_space(line[0]))
		return;
	value = colon + 1;
	while (value < end && is_space(*value))
		value++;
	while (end > value && is_space(end[-1]))
		end--;
	if (memchr(line, '\0', len))
		return;
	buf_add(&headers->text, line, (size_t)(colon - line) + 1);
	headers->text.data[headers->text.len - 1] = '\0';
	buf_add(&headers->text, value, (size_t)(end - value));
	buf_addc(&headers->text, '\0');
	headers->n++;
}

size_t http_take_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	const size_t len = size * n;

	t->header_bytes += len;
	if (t->header_bytes > http_max_header_bytes || t->headers.n >= http_max_headers) {
		t->is_header_too_large = true;
		return 0;
	}
	if (t->is_head_over || !len)
		return len;
	if (len > 5 && !memcmp(line, "HTTP/", 5))
		begin_head(t, status_of(line, len));
	else if (line[0] == '\r' || line[0] == '\n')
		t->is_head_over = t->status != 0;
	else
		add_header(&t->headers, line, len);
	return len;
}

size_t http_take_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	const size_t len = size * n, room = t->max_response - t->body.len;

	if (len > room) {
		buf_add(&t->body, bytes, room);
		t->is_too_large = true;
		return 0;
	}
	buf_add(&t->body, bytes, len);
	return len;
}

void http_answer_each_header(const struct http_answer *answer,
                             void (*fn)(void *arg, const char *name, const char *value), void *arg)
{
	const char *at = buf_text(&answer->headers->text);

	for (unsigned i = 0; i < answer->headers->n; i++) {
		const char *value = at + strlen(at) + 1;

		fn(arg, at, value);
		at = value + strlen(value) + 1;
	}
}

struct wanted {
	const char *name, *value;
};

static void keep_if_wanted(void *arg, const char *name, const char *value)
{
	struct wanted *wanted = arg;

	if (!strcasecmp(name, wanted->name))
		wanted->value = value;
}

const char *http_answer_header(const struct http_answer *answer, const char *name)
{
	struct wanted wanted = {.name = name};

	http_answer_each_header(answer, keep_if_wanted, &wanted);
	return wanted.value;
}
