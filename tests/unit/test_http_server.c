#include "lib/http_server.h"
#include "tests/unit/check.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Client and server share one loop and one thread: the client's socket never blocks the test. */
struct bench {
	struct loop *loop;
	struct http_server *server;
	struct http_exchange *kept;
	bool reply_later;
	char seen[512];
	int client;
};

static void note_query(void *arg, const char *name, const char *value)
{
	char *seen = arg;

	(void)snprintf(seen + strlen(seen), 256, " %s=%s", name, value);
}

static void handle(void *arg, struct http_exchange *x)
{
	static const char *const headers[] = {"X-Told: yes", NULL};
	struct bench *b = arg;

	(void)snprintf(b->seen, sizeof(b->seen), "%s %s [%s]", http_exchange_method(x),
	               http_exchange_path(x), http_exchange_body(x));
	http_exchange_each_query(x, note_query, b->seen);
	if (b->reply_later)
		b->kept = x;
	else
		http_reply(x, 201, headers, "made", 4);
}

static void open_bench(struct bench *b, int listen_fd)
{
	const struct http_server_config config = {
		.listen_fd = listen_fd, .max_body = 100, .handler = handle, .arg = b};
	int pair[2];

	b->loop = loop_new();
	check_eq(http_server_new(b->loop, &config, &b->server, NULL), 0);
	if (listen_fd >= 0)
		return;
	check_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	check_eq(http_server_add(b->server, pair[0], NULL), 0);
	b->client = pair[1];
}

static void close_bench(struct bench *b)
{
	http_server_free(b->server);
	loop_free(b->loop);
	(void)close(b->client);
}

static void send_text(const struct bench *b, const char *text)
{
	check_eq(write(b->client, text, strlen(text)), strlen(text));
}

/* Turns until the client has read an answer that ends in @end, or nothing came for a second. */
static const char *answer(struct bench *b, const char *end)
{
	static char text[4096];
	size_t len = 0;

	memset(text, 0, sizeof(text));
	for (int turn = 0; turn < 100; turn++) {
		ssize_t n = read(b->client, text + len, sizeof(text) - 1 - len);

		len += n > 0 ? (size_t)n : 0;
		if (n == 0 || (len >= strlen(end) && !strcmp(text + len - strlen(end), end)))
			break;
		loop_turn(b->loop, 10);
	}
	return text;
}

static void an_answer_carries_status_headers_and_body(void **state)
{
	struct bench b = {0};
	const char *text;

	(void)state;
	open_bench(&b, -1);
	send_text(
		&b,
		"POST /a%20b/?q=x%26y&q=2&e HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
	text = answer(&b, "made");
	check_text(b.seen, "POST /a%20b/ [hello] q=x&y q=2 e=");
	check(strstr(text, "HTTP/1.1 201 Created\r\n") == text);
	check(strstr(text, "X-Told: yes\r\n") != NULL);
	check(strstr(text, "Content-Length: 4\r\n") != NULL);
	close_bench(&b);
}

static void a_connection_serves_many_requests(void **state)
{
	struct bench b = {0};

	(void)state;
	open_bench(&b, -1);
	for (int i = 0; i < 5; i++) {
		send_text(&b, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
		check(strstr(answer(&b, "made"), "201 Created") != NULL);
	}
	close_bench(&b);
}

static void a_late_reply_arrives(void **state)
{
	struct bench b = {.reply_later = true};

	(void)state;
	open_bench(&b, -1);
	send_text(&b, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
	for (int turn = 0; turn < 100 && !b.kept; turn++)
		loop_turn(b.loop, 10);
	check(b.kept != NULL);
	check_text(http_exchange_path(b.kept), "/late");
	http_reply(b.kept, 200, NULL, "at last", 7);
	check(strstr(answer(&b, "at last"), "HTTP/1.1 200 OK\r\n") != NULL);
	b.reply_later = false;
	send_text(&b, "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
	check(strstr(answer(&b, "made"), "201") != NULL);
	close_bench(&b);
}

static void a_server_may_go_while_an_exchange_waits(void **state)
{
	struct bench b = {.reply_later = true};

	(void)state;
	open_bench(&b, -1);
	send_text(&b, "GET /never HTTP/1.1\r\nHost: h\r\n\r\n");
	for (int turn = 0; turn < 100 && !b.kept; turn++)
		loop_turn(b.loop, 10);
	check(b.kept != NULL);
	close_bench(&b);
}

static void what_was_replied_just_before_still_goes_out(void **state)
{
	struct bench b = {.reply_later = true};
	char text[4096] = "";

	(void)state;
	open_bench(&b, -1);
	send_text(&b, "GET /last HTTP/1.1\r\nHost: h\r\n\r\n");
	for (int turn = 0; turn < 100 && !b.kept; turn++)
		loop_turn(b.loop, 10);
	check(b.kept != NULL);
	http_reply(b.kept, 200, NULL, "the last word", 13);
	http_server_free(b.server);
	b.server = NULL;
	check(read(b.client, text, sizeof(text) - 1) > 0);
	check(strstr(text, "\r\n\r\nthe last word") != NULL);
	close_bench(&b);
}

static void an_announced_large_body_is_refused(void **state)
{
	struct bench b = {0};

	(void)state;
	open_bench(&b, -1);
	send_text(&b, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n");
	check(strstr(answer(&b, "large.\"}"), "HTTP/1.1 413 ") != NULL);
	check_text(b.seen, "");
	close_bench(&b);
}

static void a_chunked_large_body_is_refused_and_not_kept(void **state)
{
	struct bench b = {0};
	char chunk[256];

	(void)state;
	open_bench(&b, -1);
	(void)snprintf(chunk, sizeof(chunk),
	               "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	               "65\r\n%0101d\r\n0\r\n\r\n",
	               7);
	send_text(&b, chunk);
	check(strstr(answer(&b, "large.\"}"), "HTTP/1.1 413 ") != NULL);
	check_text(b.seen, "");
	close_bench(&b);
}

static void a_unix_socket_is_served(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct bench b = {0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)state;
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/test_http_server.%d", getpid());
	(void)unlink(at.sun_path); /* of a process that had the number before */
	check_eq(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	check_eq(listen(fd, 4), 0);
	open_bench(&b, fd);
	b.client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	check_eq(connect(b.client, (const struct sockaddr *)&at, sizeof(at)), 0);
	send_text(&b, "GET /u HTTP/1.1\r\nHost: h\r\n\r\n");
	check(strstr(answer(&b, "made"), "201") != NULL);
	check_text(b.seen, "GET /u []");
	close_bench(&b);
	check_eq(unlink(at.sun_path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(an_answer_carries_status_headers_and_body),
		sentence(a_connection_serves_many_requests),
		sentence(a_late_reply_arrives),
		sentence(a_server_may_go_while_an_exchange_waits),
		sentence(what_was_replied_just_before_still_goes_out),
		sentence(an_announced_large_body_is_refused),
		sentence(a_chunked_large_body_is_refused_and_not_kept),
		sentence(a_unix_socket_is_served),
	};

	return run_sentences(tests);
}
