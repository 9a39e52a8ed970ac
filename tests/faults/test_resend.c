/*
 * Every way in which a connection dies under a request that was sent: the server must have got one
 * copy, and n_sends must say so. With the argument "unguarded" (and CLOSEFEED_WITHOUT=resend_guard,
 * in a build with test hooks) the same rows must show second copies: then this test would notice
 * if the guard were missing.
 */

#include "lib/http.h"
#include "tests/faults/dying_server.h"
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { n_repeats = 50, patience_ms = 120000 };

static const struct http_config config = {
	.allow_http = true, .max_connections = 4, .connect_timeout_ms = patience_ms};

static bool is_unguarded;

struct result {
	bool is_done;
	int curl_code;
	unsigned n_sends;
	long status;
	bool is_complete;
	char error[512];
};

static void note(void *arg, const struct http_answer *answer)
{
	struct result *result = arg;

	check(!result->is_done);
	*result = (struct result){
		.is_done = true,
		.curl_code = answer->curl_code,
		.n_sends = answer->n_sends,
		.status = answer->status,
		.is_complete = answer->is_complete,
	};
	(void)snprintf(result->error, sizeof(result->error), "%s", answer->error);
}

static struct result post(struct loop *loop, struct http *http, const char *url,
                          unsigned timeout_ms)
{
	struct result result = {0};
	const struct http_request request = {
		.method = "POST",
		.url = url,
		.body = "{\"name\":\"Ada\"}",
		.body_len = 14,
		.timeout_ms = timeout_ms,
		.max_response = 1000,
		.done = note,
		.arg = &result,
	};

	http_start(http, &request);
	while (!result.is_done)
		loop_turn(loop, 5000);
	return result;
}

struct row {
	const char *path;
	long status;
	int code;       /* with the guard */
	bool is_resent; /* by libcurl, without it */
};

static const struct row rows[] = {
	{"/close", 0, CURLE_ABORTED_BY_CALLBACK, true},
	{"/reset", 0, CURLE_ABORTED_BY_CALLBACK, true},
	{"/half-status", 0, CURLE_ABORTED_BY_CALLBACK, true},
	{"/status-only", 200, CURLE_OK, false},
	{"/cut-body", 200, CURLE_PARTIAL_FILE, false},
	{"/cut-body-reset", 200, CURLE_RECV_ERROR, false},
	{"/silent", 0, CURLE_OPERATION_TIMEDOUT, false},
	{"/silent-body", 200, CURLE_OPERATION_TIMEDOUT, false},
	{"/gone", 0, 0 /* 42, 56 or 7: depends on who is faster */, false},
};

/*
 * One POST on a connection that has already carried a request, as in the middle of a run. False
 * where @limit_ms was over before the server had done what it does.
 */
static bool check_row(const struct row *row, unsigned limit_ms)
{
	struct loop *loop = loop_new();
	struct dying_server *server = dying_server_new(loop);
	struct http *http = NULL;
	struct result warm, result;
	bool is_early;

	check_eq(http_new(loop, &config, &http, NULL), 0);
	warm = post(loop, http, dying_server_url(server, "/ok"), patience_ms);
	check_eq(warm.status, 200);
	result = post(loop, http, dying_server_url(server, row->path), limit_ms);
	is_early = row->code == CURLE_OPERATION_TIMEDOUT &&
	           (!dying_server_copies(server) || result.status != row->status);

	if (is_early) {
		check(dying_server_copies(server) <= 1 && result.n_sends <= 1);
	} else if (is_unguarded && row->is_resent) {
		check(dying_server_copies(server) >= 2);
		check(result.n_sends >= 2);
	} else {
		if (dying_server_copies(server) != 1 || result.n_sends != 1)
			fail_msg("%s: %u copies, n_sends %u", row->path,
			         dying_server_copies(server), result.n_sends);
		check_eq(result.status, row->status);
		check(!result.is_complete || row->code == CURLE_OK);
		if (row->code || row->status)
			check_eq(result.curl_code, row->code);
		check(!result.error[0] == (result.curl_code == CURLE_OK));
	}
	http_free(http);
	dying_server_free(server);
	loop_free(loop);
	return !is_early;
}

static void a_dying_connection_gets_one_copy(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const bool is_slow = rows[i].code == CURLE_OPERATION_TIMEDOUT;

		for (int n = 0; n < (is_slow ? 3 : n_repeats); n++) {
			unsigned limit_ms = is_slow ? 150 : patience_ms;

			for (; !check_row(&rows[i], limit_ms); limit_ms *= 5)
				check(limit_ms < patience_ms);
		}
	}
}

static void what_never_reached_a_server_was_sent_zero_times(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct loop *loop = loop_new();
	struct http *http = NULL;
	socklen_t len = sizeof(at);
	struct result result;
	char nobody[64];

	(void)state;
	check_eq(http_new(loop, &config, &http, NULL), 0);
	/* A port that is taken and nobody listens at: no other program gets it meanwhile. */
	check_eq(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	check_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	(void)snprintf(nobody, sizeof(nobody), "http://127.0.0.1:%u/ok", ntohs(at.sin_port));
	result = post(loop, http, nobody, patience_ms);
	check_eq(result.n_sends, 0);
	check_eq(result.curl_code, CURLE_COULDNT_CONNECT);
	result = post(loop, http, "http://name.invalid/", 5000);
	check_eq(result.n_sends, 0);
	http_free(http);
	loop_free(loop);
	(void)close(fd);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		sentence(a_dying_connection_gets_one_copy),
		sentence(what_never_reached_a_server_was_sent_zero_times),
	};
	int r;

	is_unguarded = argc > 1 && !strcmp(argv[1], "unguarded");
	http_global_init();
	r = run_sentences(tests);
	http_global_deinit();
	return r;
}
