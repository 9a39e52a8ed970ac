#include "lib/http.h"
#include "tests/faults/dying_server.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Codes as libcurl documents them (libcurl-errors(3)); only lib/http includes its header. */
enum {
	CURLE_OK = 0,
	CURLE_UNSUPPORTED_PROTOCOL = 1,
	CURLE_OPERATION_TIMEDOUT = 28,
	CURLE_ABORTED_BY_CALLBACK = 42,
};

/* A loop, a server and a client; the client may be replaced by one with other settings. */
struct scene {
	struct loop *loop;
	struct dying_server *server;
	struct http *http;
};

struct result {
	struct http *free_inside; /* done() frees it */
	bool is_done;
	int curl_code;
	unsigned n_sends;
	long status;
	bool is_complete, is_truncated;
	char body[64], error[512], header[64];
	size_t body_len;
};

/* Time that ends what no test means to end, unless the machine stands still for as long. */
enum { patience_ms = 120000 };

static const struct http_config plain = {
	.allow_http = true, .max_connections = 4, .connect_timeout_ms = patience_ms};

static int set_up(void **state)
{
	static struct scene scene;

	scene.loop = loop_new();
	scene.server = dying_server_new(scene.loop);
	*state = &scene;
	return http_new(scene.loop, &plain, &scene.http, NULL);
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	http_free(scene->http);
	dying_server_free(scene->server);
	loop_free(scene->loop);
	return 0;
}

static void reconfigure(struct scene *s, const struct http_config *config)
{
	http_free(s->http);
	s->http = NULL;
	check_eq(http_new(s->loop, config, &s->http, NULL), 0);
}

static void note(void *arg, const struct http_answer *answer)
{
	struct result *r = arg;
	const char *header = http_answer_header(answer, "x-one");

	check(!r->is_done);
	r->is_done = true;
	r->curl_code = answer->curl_code;
	r->n_sends = answer->n_sends;
	r->status = answer->status;
	r->is_complete = answer->is_complete;
	r->is_truncated = answer->is_truncated;
	r->body_len = answer->body_len;
	check_eq(answer->body[answer->body_len], '\0');
	(void)snprintf(r->body, sizeof(r->body), "%s", answer->body);
	(void)snprintf(r->error, sizeof(r->error), "%s", answer->error);
	(void)snprintf(r->header, sizeof(r->header), "%s", header ? header : "");
	http_free(r->free_inside);
}

static void start(struct scene *s, struct http_request request, const char *path,
                  struct result *result)
{
	char url[512];

	(void)snprintf(url, sizeof(url), "%s",
	               strstr(path, "://") ? path : dying_server_url(s->server, path));
	request.method = request.method ? request.method : "GET";
	request.url = url;
	request.max_response = request.max_response ? request.max_response : 1000;
	request.timeout_ms = request.timeout_ms ? request.timeout_ms : patience_ms;
	request.done = note;
	request.arg = result;
	*result = (struct result){.free_inside = result->free_inside};
	http_start(s->http, &request);
}

static void wait_for(struct scene *s, struct result *result)
{
	while (!result->is_done)
		loop_turn(s->loop, 6000);
}

static struct result ask(struct scene *s, struct http_request request, const char *path)
{
	struct result result = {0};

	start(s, request, path, &result);
	check(!result.is_done);
	wait_for(s, &result);
	return result;
}

static struct result get(struct scene *s, const char *path)
{
	return ask(s, (struct http_request){0}, path);
}

static const char *sent(struct scene *s)
{
	return dying_server_last_request(s->server);
}

static void each_method_goes_out_with_its_body_or_without(void **state)
{
	static const struct {
		const char *method, *body, *first_line, *length;
	} rows[] = {
		{"GET", NULL, "GET /ok HTTP/1.1\r\n", NULL},
		{"POST", "{\"a\":1}", "POST /ok HTTP/1.1\r\n", "Content-Length: 7\r\n"},
		{"PUT", "{}", "PUT /ok HTTP/1.1\r\n", "Content-Length: 2\r\n"},
		{"DELETE", NULL, "DELETE /ok HTTP/1.1\r\n", NULL},
		{"POST", NULL, "POST /ok HTTP/1.1\r\n", "Content-Length: 0\r\n"},
		{"DELETE", "{}", "DELETE /ok HTTP/1.1\r\n", "Content-Length: 2\r\n"},
		{"PUT", NULL, "PUT /ok HTTP/1.1\r\n", "Content-Length: 0\r\n"},
		{"GET", NULL, "GET /ok HTTP/1.1\r\n", NULL},
		{"DELETE", NULL, "DELETE /ok HTTP/1.1\r\n", NULL},
		{"POST", "x", "POST /ok HTTP/1.1\r\n", "Content-Length: 1\r\n"},
		{"POST", "yy", "POST /ok HTTP/1.1\r\n", "Content-Length: 2\r\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct http_request request = {
			.method = rows[i].method,
			.body = rows[i].body,
			.body_len = rows[i].body ? strlen(rows[i].body) : 0,
		};
		const struct result result = ask(*state, request, "/ok");
		const char *end = strstr(sent(*state), "\r\n\r\n");

		check_eq(result.status, 200);
		check(result.is_complete);
		check_text(result.body, "ok");
		check(!strncmp(sent(*state), rows[i].first_line, strlen(rows[i].first_line)));
		check_text(end + 4, rows[i].body ? rows[i].body : "");
		if (rows[i].length)
			check(strstr(sent(*state), rows[i].length) != NULL);
		else
			check_null(strcasestr(sent(*state), "content-length"));
		check_null(strcasestr(sent(*state), "content-type"));
		check_null(strcasestr(sent(*state), "expect"));
	}
	check_eq(dying_server_connections(((struct scene *)*state)->server), 1);
}

static void a_body_may_hold_any_bytes_and_be_large(void **state)
{
	static char body[300000];
	const struct http_request request = {
		.method = "POST", .body = body, .body_len = sizeof(body)};
	const char *end;

	memset(body, 'b', sizeof(body));
	body[1] = '\0';
	body[sizeof(body) - 1] = 'z';
	check_eq(ask(*state, request, "/ok").status, 200);
	end = strstr(sent(*state), "\r\n\r\n") + 4;
	check_eq(memcmp(end, body, sizeof(body)), 0);
	check_null(strcasestr(sent(*state), "expect"));
}

static void headers_are_sent_as_given_and_changed_when_they_change(void **state)
{
	static const char *const one[] = {"X-A: 1", "Content-Type: application/json", NULL};
	static const char *const two[] = {"X-A: 1", NULL};
	static const char *const three[] = {"X-A: 2", NULL};
	const struct http_request r1 = {
		.method = "POST", .headers = one, .body = "", .body_len = 0};
	const struct http_request r2 = {.headers = two}, r3 = {.headers = three};

	for (int i = 0; i < 2; i++) {
		(void)ask(*state, r1, "/ok");
		check(strstr(sent(*state), "X-A: 1\r\nContent-Type: application/json\r\n") != NULL);
	}
	(void)ask(*state, r2, "/ok");
	check(strstr(sent(*state), "X-A: 1\r\n") != NULL);
	check_null(strcasestr(sent(*state), "content-type"));
	(void)ask(*state, r3, "/ok");
	check(strstr(sent(*state), "X-A: 2\r\n") != NULL);
	check_null(strstr(sent(*state), "X-A: 1\r\n"));
	(void)get(*state, "/ok");
	check_null(strstr(sent(*state), "X-A"));
}

static void the_user_is_sent_at_once_as_basic(void **state)
{
	struct http_config config = plain;

	config.user = "api_key";
	config.user_agent = "closefeed/0";
	reconfigure(*state, &config);
	check_eq(get(*state, "/ok").status, 200);
	check(strstr(sent(*state), "Authorization: Basic YXBpX2tleTo=\r\n") != NULL);
	check(strstr(sent(*state), "User-Agent: closefeed/0\r\n") != NULL);
	/* A server that asks for more gets nothing more. */
	check_eq(get(*state, "/denied").status, 401);
	check_eq(dying_server_copies(((struct scene *)*state)->server), 1);
}

static void a_bearer_takes_the_place_of_the_user_and_of_the_one_before(void **state)
{
	struct http_config config = plain;

	config.user = "api_key";
	reconfigure(*state, &config);
	check_eq(get(*state, "/ok").status, 200); /* the transfer is used again */
	http_set_bearer(((struct scene *)*state)->http, "token.1");
	check_eq(get(*state, "/ok").status, 200);
	check(strstr(sent(*state), "Authorization: Bearer token.1\r\n") != NULL);
	check_null(strstr(sent(*state), "Basic"));
	http_set_bearer(((struct scene *)*state)->http, "token.2");
	check_eq(get(*state, "/ok").status, 200);
	check(strstr(sent(*state), "Authorization: Bearer token.2\r\n") != NULL);
	check_null(strstr(sent(*state), "token.1"));
	check_eq(get(*state, "/denied").status, 401);
	check_eq(dying_server_copies(((struct scene *)*state)->server), 1);
}

static void note_order(void *arg, const char *name, const char *value)
{
	char *text = arg;

	(void)snprintf(text + strlen(text), 200 - strlen(text), "%s=%s;", name, value);
}

static void note_all(void *arg, const struct http_answer *answer)
{
	http_answer_each_header(answer, note_order, arg);
	check_text(http_answer_header(answer, "x-ONE"), "3");
	check_text(http_answer_header(answer, "x-empty"), "");
	check_null(http_answer_header(answer, "x-none"));
}

static void headers_of_an_answer_keep_their_order_and_the_last_of_a_name_counts(void **state)
{
	struct scene *s = *state;
	char text[200] = "";
	const struct http_request request = {.method = "GET",
	                                     .url = dying_server_url(s->server, "/headers"),
	                                     .done = note_all,
	                                     .arg = text};

	http_start(s->http, &request);
	while (http_in_flight(s->http))
		loop_turn(s->loop, 5000);
	check_text(text, "x-one=1;X-TWO=two words;X-One=3;X-Empty=;Content-Length=0;");
}

static void only_the_final_answer_counts(void **state)
{
	struct result result = get(*state, "/continue");

	check_eq(result.status, 200);
	check_text(result.body, "ok");
	result = get(*state, "/trailers");
	check_eq(result.status, 201); /* not the status line that came as a trailer */
	result = get(*state, "/only-continue");
	check_eq(result.status, 0);
	check(!result.is_complete);
}

static void redirects_cookies_and_encodings_are_left_alone(void **state)
{
	static const char *const paths[] = {"/redirect", "/redirect-post"};
	const struct http_request post = {.method = "POST", .body = "x", .body_len = 1};
	struct result result;

	for (unsigned i = 0; i < 2; i++) {
		result = ask(*state, post, paths[i]);
		check(result.status == 302 || result.status == 307);
		check_eq(result.curl_code, CURLE_OK);
		check_eq(dying_server_copies(((struct scene *)*state)->server), i + 1);
		check(strstr(sent(*state), paths[i]) != NULL);
	}
	(void)get(*state, "/cookie");
	result = get(*state, "/gzip");
	check_null(strcasestr(sent(*state), "cookie"));
	check_null(strcasestr(sent(*state), "accept-encoding"));
	check_text(result.body, "plain");
	check(result.is_complete);
}

static void a_status_is_an_answer_whatever_it_is(void **state)
{
	const struct result result = get(*state, "/server-error");

	check_eq(result.status, 503);
	check_eq(result.curl_code, CURLE_OK);
	check_text(result.body, "oops");
	check_text(result.error, "");
}

static void an_answer_that_is_too_large_is_cut_and_ended(void **state)
{
	struct http_request request = {.max_response = 10};
	struct result result = ask(*state, request, "/endless");

	check_eq(result.status, 200);
	check_eq(result.body_len, 10);
	check(result.is_truncated && !result.is_complete);
	check(strstr(result.error, "larger than 10 bytes") != NULL);
	request.max_response = 2;
	result = ask(*state, request, "/ok");
	check(result.is_complete && !result.is_truncated);
	request.max_response = 1;
	result = ask(*state, request, "/ok");
	check(!result.is_complete && result.is_truncated);
	check_text(result.body, "o");
}

static void headers_without_end_are_cut(void **state)
{
	static const char *const paths[] = {"/many-headers", "/long-header", "/endless-headers"};

	for (unsigned i = 0; i < 3; i++) {
		const struct result result = get(*state, paths[i]);

		check(result.curl_code != CURLE_OK);
		check(!result.is_complete);
		check(result.error[0]);
	}
	check_eq(get(*state, "/ok").status, 200);
}

static void what_is_not_http_is_no_answer(void **state)
{
	const struct result result = get(*state, "/not-http");

	check_eq(result.status, 0);
	check_eq(result.n_sends, 1);
	check(strstr(result.error, "not HTTP") != NULL);
}

/* A time limit that is over before the answer has come to @status says nothing: then a longer. */
static struct result ask_in_vain(struct scene *s, const char *path, long status)
{
	struct http_request request = {.timeout_ms = 100};
	struct result result;

	do {
		result = ask(s, request, path);
		check_eq(result.curl_code, CURLE_OPERATION_TIMEDOUT);
		request.timeout_ms *= 5;
	} while (request.timeout_ms < patience_ms && (!result.n_sends || result.status != status));
	return result;
}

static void silence_ends_with_the_time_limit(void **state)
{
	struct result result = ask_in_vain(*state, "/silent", 0);

	check_eq(result.n_sends, 1);
	check(strstr(result.error, "no answer within the time limit") != NULL);
	result = ask_in_vain(*state, "/silent-body", 200);
	check_eq(result.status, 200);
	check(!result.is_complete);
	check(strstr(result.error, "did not end") != NULL);
}

static bool shut(void *arg)
{
	(void)arg;
	return false;
}

static bool open_gate(void *arg)
{
	(void)arg;
	return true;
}

static void a_shut_gate_lets_nothing_out(void **state)
{
	struct http_request request = {.method = "POST", .body = "x", .body_len = 1, .gate = shut};
	struct result result = ask(*state, request, "/close");

	check_eq(result.n_sends, 0);
	check_eq(result.status, 0);
	check_eq(dying_server_copies(((struct scene *)*state)->server), 0);
	check(strstr(result.error, "stopped before it was sent") != NULL);
	request.gate = open_gate;
	result = ask(*state, request, "/ok");
	check_eq(result.n_sends, 1);
	check_eq(result.status, 200);
}

static void freeing_ends_what_is_in_flight_without_a_word(void **state)
{
	struct scene *s = *state;
	struct result results[6] = {0};

	for (int i = 0; i < 6; i++) /* two of them wait for a connection */
		start(s, (struct http_request){0}, "/silent", &results[i]);
	while (dying_server_copies(s->server) < 4)
		loop_turn(s->loop, 5000);
	http_free(s->http);
	s->http = NULL;
	loop_turn(s->loop, 0);
	for (int i = 0; i < 6; i++)
		check(!results[i].is_done);
}

static void it_may_be_freed_from_inside_done(void **state)
{
	struct scene *s = *state;
	struct result result = {.free_inside = s->http}, other = {0};

	start(s, (struct http_request){0}, "/silent", &other);
	start(s, (struct http_request){0}, "/ok", &result);
	wait_for(s, &result);
	check_eq(result.status, 200);
	s->http = NULL;
	loop_turn(s->loop, 0);
	check(!other.is_done);
}

static void more_transfers_than_connections_all_end(void **state)
{
	struct scene *s = *state;
	static struct result results[200];

	for (int i = 0; i < 200; i++)
		start(s, (struct http_request){0}, i % 7 ? "/ok" : "/close", &results[i]);
	check_eq(http_in_flight(s->http), 200);
	for (int i = 0; i < 200; i++) {
		wait_for(s, &results[i]);
		check_eq(results[i].n_sends, 1);
		check_eq(results[i].status, i % 7 ? 200 : 0);
	}
	check_eq(http_in_flight(s->http), 0);
	check_eq(dying_server_copies(s->server), 29);
}

static void a_connection_closed_while_idle_costs_no_request(void **state)
{
	struct scene *s = *state;

	check_eq(get(s, "/ok").status, 200);
	dying_server_free(s->server);
	s->server = dying_server_new(s->loop);
	for (int i = 0; i < 5; i++)
		loop_turn(s->loop, 10); /* the end of the connection is noticed, and only once */
	check_eq(get(s, "/ok").status, 200);
}

static void the_environment_and_netrc_are_not_asked(void **state)
{
	struct scene *s = *state;
	char home[] = "/tmp/closefeed-http-XXXXXX", path[64];
	FILE *f;

	check(mkdtemp(home) != NULL);
	(void)snprintf(path, sizeof(path), "%s/.netrc", home);
	f = fopen(path, "we");
	check(f && fputs("machine 127.0.0.1 login eve password secret\n", f) >= 0);
	check_eq(fclose(f), 0);
	check_eq(setenv("HOME", home, 1), 0);
	check_eq(setenv("http_proxy", "http://127.0.0.1:9", 1), 0);
	check_eq(setenv("ALL_PROXY", "http://127.0.0.1:9", 1), 0);
	reconfigure(s, &plain);
	check_eq(get(s, "/ok").status, 200);
	check_null(strcasestr(sent(s), "authorization"));
	check_eq(unsetenv("http_proxy"), 0);
	check_eq(unsetenv("ALL_PROXY"), 0);
	check_eq(unlink(path), 0);
	check_eq(rmdir(home), 0);
}

static void a_proxy_is_used_where_it_is_written(void **state)
{
	struct scene *s = *state;
	struct http_config config = plain;
	char proxy[64];

	(void)snprintf(proxy, sizeof(proxy), "%s", dying_server_url(s->server, ""));
	config.proxy = proxy;
	/* Neither does the environment take it away again. */
	check_eq(setenv("no_proxy", "*", 1), 0);
	reconfigure(s, &config);
	check_eq(get(s, "http://name.invalid/ok").status, 200);
	check(strstr(sent(s), "GET http://name.invalid/ok HTTP/1.1") != NULL);
	check_eq(unsetenv("no_proxy"), 0);
}

static void plain_http_and_other_schemes_need_leave(void **state)
{
	struct scene *s = *state;
	const struct http_config strict = {.max_connections = 1};
	static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/",
	                                   "gopher://127.0.0.1/", "dict://127.0.0.1/"};
	struct result result;

	for (unsigned i = 0; i < 4; i++) {
		result = get(s, urls[i]);
		check_eq(result.curl_code, CURLE_UNSUPPORTED_PROTOCOL);
		check_eq(result.n_sends, 0);
	}
	reconfigure(s, &strict);
	result = get(s, "/ok");
	check_eq(result.curl_code, CURLE_UNSUPPORTED_PROTOCOL);
	check(strstr(result.error, "https") != NULL);
	check_eq(dying_server_connections(s->server), 0);
}

static void addresses_are_checked_when_they_are_connected_to(void **state)
{
	struct scene *s = *state;
	struct http_config config = {
		.allow_http = true, .check_address = true, .max_connections = 1};
	static const char *const hosts[] = {
		"127.0.0.1", "localhost", "2130706433", "0177.0.0.1",
		"0x7f.1",    "127.1",     "0.0.0.0",    "[::ffff:127.0.0.1]"};
	struct result result;
	char url[100];

	reconfigure(s, &config);
	for (unsigned i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		(void)snprintf(url, sizeof(url), "http://%s:%u/ok", hosts[i],
		               dying_server_port(s->server));
		result = get(s, url);
		check_eq(result.n_sends, 0);
		check(strstr(result.error, "not connected, since its address") != NULL);
	}
	check_eq(dying_server_connections(s->server), 0);
	result = get(s, "http://169.254.169.254/latest/meta-data");
	check(strstr(result.error, "link-local") != NULL);
	result = get(s, "https://[::ffff:10.0.0.1]/");
	check(strstr(result.error, "private") != NULL);
	config.allow_loopback = true;
	reconfigure(s, &config);
	check_eq(get(s, "/ok").status, 200);
}

static void plain_http_never_leaves_for_the_internet(void **state)
{
	const struct result result = get(*state, "http://8.8.8.8/");

	check_eq(result.n_sends, 0);
	check(strstr(result.error, "public") != NULL);
}

static void a_url_may_not_carry_a_user(void **state)
{
	struct scene *s = *state;
	struct result result;
	char url[100];

	(void)snprintf(url, sizeof(url), "http://eve:tresor@127.0.0.1:%u/ok",
	               dying_server_port(s->server));
	result = get(s, url);
	check(result.curl_code != CURLE_OK);
	check_eq(result.n_sends, 0);
	check_eq(dying_server_connections(s->server), 0);
	check_null(strstr(result.error, "tresor"));
}

static void paths_and_queries_stay_out_of_sentences(void **state)
{
	static const char *const paths[] = {"/close?token=tresor", "/reset?token=tresor",
	                                    "/cut-body?token=tresor", "/not-http?token=tresor"};

	for (unsigned i = 0; i < 4; i++) {
		const struct result result = get(*state, paths[i]);

		check(!strncmp(result.error, "127.0.0.1:", 10));
		check_null(strstr(result.error, "tresor"));
	}
}

static void unusable_settings_are_refused_in_words_without_secrets(void **state)
{
	struct scene *s = *state;
	struct http_config config = plain;
	struct http *http = NULL;
	struct err err = {0};

	config.ca_file = "/nonexistent/ca.pem";
	check_eq(http_new(s->loop, &config, &http, &err), -EINVAL);
	check(strstr(err.text, "/nonexistent/ca.pem") != NULL);
	config = plain;
	config.proxy = "http://user:tresor@[bad";
	check_eq(http_new(s->loop, &config, &http, &err), -EINVAL);
	check_null(strstr(err.text, "tresor"));
	config.proxy = "";
	check_eq(http_new(s->loop, &config, &http, &err), -EINVAL);
	check_null(http);
}

#define in_scene(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scene(each_method_goes_out_with_its_body_or_without),
		in_scene(a_body_may_hold_any_bytes_and_be_large),
		in_scene(headers_are_sent_as_given_and_changed_when_they_change),
		in_scene(the_user_is_sent_at_once_as_basic),
		in_scene(a_bearer_takes_the_place_of_the_user_and_of_the_one_before),
		in_scene(headers_of_an_answer_keep_their_order_and_the_last_of_a_name_counts),
		in_scene(only_the_final_answer_counts),
		in_scene(redirects_cookies_and_encodings_are_left_alone),
		in_scene(a_status_is_an_answer_whatever_it_is),
		in_scene(an_answer_that_is_too_large_is_cut_and_ended),
		in_scene(headers_without_end_are_cut),
		in_scene(what_is_not_http_is_no_answer),
		in_scene(silence_ends_with_the_time_limit),
		in_scene(a_shut_gate_lets_nothing_out),
		in_scene(freeing_ends_what_is_in_flight_without_a_word),
		in_scene(it_may_be_freed_from_inside_done),
		in_scene(more_transfers_than_connections_all_end),
		in_scene(a_connection_closed_while_idle_costs_no_request),
		in_scene(the_environment_and_netrc_are_not_asked),
		in_scene(a_proxy_is_used_where_it_is_written),
		in_scene(plain_http_and_other_schemes_need_leave),
		in_scene(addresses_are_checked_when_they_are_connected_to),
		in_scene(plain_http_never_leaves_for_the_internet),
		in_scene(a_url_may_not_carry_a_user),
		in_scene(paths_and_queries_stay_out_of_sentences),
		in_scene(unusable_settings_are_refused_in_words_without_secrets),
	};
	int r;

	http_global_init();
	r = run_sentences(tests);
	http_global_deinit();
	return r;
}
