/* The sender against a receiver in the same loop, over loopback. */

#include "connector/respond/webhook.h"

#include "lib/http.h"
#include "lib/http_server.h"
#include "lib/mem.h"
#include "lib/webhook_signature.h"
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/* How long to wait for what comes within seconds, unless the machine stands still. */
enum { patience_ms = 120000 };

enum { most = 512, drops_connection = 1 };

struct scene {
	struct loop *loop;
	struct http_server *server;
	struct webhook *webhook;
	char url[64];
	uint64_t last_seq;
	/* What the receiver does, and saw. */
	unsigned answers[16]; /* to the next requests; 0: well again. drops_connection: none */
	size_t n_answers;
	const char *poison; /* the id that is always refused with 500 */
	const char *const *headers;
	struct http_exchange *held[most];
	bool holds;
	unsigned n_held, n_requests;
	uint64_t came_ms[most]; /* the requests */
	char ids[most][16];     /* accepted, in order */
	unsigned n_accepted;
	int64_t began_wall_ms;
	bool is_badly_signed;
	char last_content_type[64], last_own_header[64];
	/* What the hooks said. */
	uint64_t accepted[most];
	unsigned n_told, n_postponed, last_attempts;
	uint64_t postponed_ms[most];
	int64_t waits_ms[most]; /* from then to the next try */
	enum webhook_state states[16];
	unsigned n_states;
	char why[256];
};

static struct scene s;

static void check_signature(struct http_exchange *x)
{
	const char *timestamp = http_exchange_header(x, "webhook-timestamp");
	const char *signature = http_exchange_header(x, "webhook-signature");
	const char *id = http_exchange_header(x, "webhook-id");
	const long long at = timestamp ? atoll(timestamp) : 0;
	struct webhook_key key;

	check_eq(webhook_key_parse(secret, &key, NULL), 0);
	if (!timestamp || !signature || !id ||
	    !webhook_verify(&key, id, at, http_exchange_body(x), http_exchange_body_len(x),
	                    signature) ||
	    at < s.began_wall_ms / 1000 || at > loop_wall_ms(s.loop) / 1000)
		s.is_badly_signed = true;
	webhook_key_deinit(&key);
}

static unsigned next_answer(struct http_exchange *x)
{
	const char *id = http_exchange_header(x, "webhook-id");
	unsigned status = 0;

	if (s.poison && !strcmp(id, s.poison))
		return 500;
	if (s.n_answers) {
		status = s.answers[0];
		memmove(s.answers, s.answers + 1, sizeof(s.answers) - sizeof(*s.answers));
		s.n_answers--;
	}
	return status ? status : 204;
}

static void copy_header(struct http_exchange *x, const char *name, char *to, size_t size)
{
	const char *value = http_exchange_header(x, name);

	(void)snprintf(to, size, "%s", value ? value : "");
}

static void receive(void *arg, struct http_exchange *x)
{
	const unsigned status = next_answer(x);

	(void)arg;
	s.came_ms[s.n_requests++ % most] = loop_now_ms(s.loop);
	check_signature(x);
	copy_header(x, "content-type", s.last_content_type, sizeof(s.last_content_type));
	copy_header(x, "x-own", s.last_own_header, sizeof(s.last_own_header));
	if (status >= 200 && status < 300 && !s.holds)
		(void)snprintf(s.ids[s.n_accepted++], sizeof(s.ids[0]), "%s",
		               http_exchange_header(x, "webhook-id"));
	if (s.holds) {
		s.held[s.n_held++] = x;
		return;
	}
	if (status == drops_connection)
		(void)shutdown(http_exchange_fd(x), SHUT_RDWR);
	http_reply(x, status == drops_connection ? 200 : status, s.headers, NULL, 0);
}

static void told_accepted(void *arg, uint64_t seq, size_t body_len)
{
	(void)arg;
	check(body_len > 0);
	s.accepted[s.n_told++] = seq;
}

static void told_postponed(void *arg, uint64_t seq, unsigned attempts, int64_t next_try_wall_ms)
{
	(void)arg;
	(void)seq;
	s.postponed_ms[s.n_postponed % most] = loop_now_ms(s.loop);
	s.waits_ms[s.n_postponed++ % most] = next_try_wall_ms - loop_wall_ms(s.loop);
	s.last_attempts = attempts;
}

static void told_changed(void *arg, enum webhook_state state, const char *why)
{
	(void)arg;
	s.states[s.n_states++] = state;
	(void)snprintf(s.why, sizeof(s.why), "%s", why);
}

static const struct webhook_hooks hooks = {
	.accepted = told_accepted, .postponed = told_postponed, .changed = told_changed};

/* A socket on a free port of loopback, which the URL names; nobody listens there yet. */
static int take_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(address);

	check(fd >= 0);
	check_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	check_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	(void)snprintf(s.url, sizeof(s.url), "http://127.0.0.1:%u/hook", ntohs(address.sin_port));
	return fd;
}

static void begin_to_receive(int fd)
{
	const struct http_server_config config = {
		.listen_fd = fd, .max_body = 65536, .max_connections = 64, .handler = receive};

	check_eq(listen(fd, 64), 0);
	check_eq(http_server_new(s.loop, &config, &s.server, NULL), 0);
}

static void open_webhook(void)
{
	static const char *const own[] = {"X-Own: yes", NULL};
	const struct webhook_config config = {
		.url = s.url,
		.secrets = {"another secret of 24 bytes or more", secret},
		.headers = own,
		.timeout_ms = patience_ms,
		.hooks = hooks,
	};

	check_eq(webhook_new(s.loop, &config, &s.webhook, NULL), 0);
}

static int set_up(void **state)
{
	(void)state;
	s = (struct scene){.loop = loop_new()};
	s.began_wall_ms = loop_wall_ms(s.loop);
	begin_to_receive(take_port());
	open_webhook();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	webhook_free(s.webhook);
	for (unsigned i = 0; i < s.n_held; i++)
		if (s.held[i])
			http_reply(s.held[i], 200, NULL, NULL, 0);
	http_server_free(s.server);
	loop_free(s.loop);
	return 0;
}

static struct event *event_of(const char *lane)
{
	struct event *event = mem_alloc(sizeof(*event));

	event->seq = ++s.last_seq;
	event->id = mem_printf("clo_%llu", (unsigned long long)event->seq);
	event->lane = mem_strdup(lane);
	event->body = mem_printf("{\"n\":%llu}", (unsigned long long)event->seq);
	event->body_len = strlen(event->body);
	return event;
}

static void offer(const char *lane)
{
	webhook_offer(s.webhook, event_of(lane));
}

/* Turns the loop until @count, of the scene, is at least @wanted. */
static void turn_until(const unsigned *count, unsigned wanted)
{
	const uint64_t end_ms = loop_now_ms(s.loop) + patience_ms;

	while (*count < wanted && loop_now_ms(s.loop) < end_ms)
		loop_turn(s.loop, 100);
	check(*count >= wanted);
}

static void turn_for(unsigned ms)
{
	const uint64_t end_ms = loop_now_ms(s.loop) + ms;

	while (loop_now_ms(s.loop) < end_ms)
		loop_turn(s.loop, (int)(end_ms - loop_now_ms(s.loop)));
}

static void an_event_is_posted_signed_and_told_accepted(void **state)
{
	(void)state;
	offer("a");
	check_eq(webhook_pending(s.webhook), 1);
	turn_until(&s.n_told, 1);
	check_eq(s.accepted[0], 1);
	check_text(s.ids[0], "clo_1");
	check(!s.is_badly_signed);
	check_text(s.last_content_type, "application/cloudevents+json");
	check_text(s.last_own_header, "yes");
	check_eq(webhook_pending(s.webhook), 0);
	check_eq(s.n_postponed, 0);
	check_eq(webhook_state(s.webhook), WEBHOOK_FLOWING);
}

static void a_lane_keeps_its_order_and_other_lanes_go_on(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		offer("a");
		offer("b");
		offer("c");
	}
	turn_until(&s.n_told, 300);
	check_eq(s.n_requests, 300);
	for (unsigned lane = 1; lane <= 3; lane++) {
		unsigned expected = lane;

		for (unsigned i = 0; i < s.n_accepted; i++)
			if ((unsigned)atoi(s.ids[i] + 4) % 3 == lane % 3) {
				check_eq(atoi(s.ids[i] + 4), expected);
				expected += 3;
			}
	}
}

static void at_most_sixteen_events_are_out_and_one_of_a_lane(void **state)
{
	char lane[16];

	(void)state;
	s.holds = true;
	for (int i = 0; i < 40; i++) {
		(void)snprintf(lane, sizeof(lane), "lane %d", i % 30);
		offer(lane);
	}
	turn_until(&s.n_held, 16);
	turn_for(50);
	check_eq(s.n_held, 16);
	check_eq(s.n_told, 0);
	s.holds = false;
	for (unsigned i = 0; i < 16; i++) {
		http_reply(s.held[i], 200, NULL, NULL, 0);
		s.held[i] = NULL;
	}
	turn_until(&s.n_told, 40);
}

static void a_failed_event_is_tried_again_under_the_same_id(void **state)
{
	(void)state;
	s.answers[0] = 500;
	s.n_answers = 1;
	offer("a");
	offer("a");
	turn_until(&s.n_postponed, 1);
	check_eq(s.last_attempts, 1);
	check(s.waits_ms[0] > 0);
	check_text(webhook_trouble(s.webhook), "the receiver answered 500");
	turn_until(&s.n_told, 2);
	check_text(webhook_trouble(s.webhook), "");
	check_eq(s.n_requests, 3);
	check_text(s.ids[0], "clo_1");
	check_text(s.ids[1], "clo_2");
	check(!s.is_badly_signed);
	check_eq(s.n_states, 0);
}

static void a_redirect_is_a_failure_and_not_followed(void **state)
{
	static const char *const headers[] = {"Location: /elsewhere", NULL};

	(void)state;
	s.headers = headers;
	s.answers[0] = 307;
	s.n_answers = 1;
	offer("a");
	turn_until(&s.n_told, 1);
	check_eq(s.n_requests, 2);
	check_eq(s.n_postponed, 1);
}

static void an_event_that_is_always_refused_holds_only_its_lane(void **state)
{
	(void)state;
	s.poison = "clo_1";
	offer("bad");
	offer("bad");
	turn_until(&s.n_postponed, 1);
	for (int i = 0; i < 100; i++)
		offer("good");
	turn_until(&s.n_told, 100);
	/* Its trouble is its own when others were taken since: it waits 5 s, and nobody else does.
	 */
	if (s.waits_ms[s.n_postponed - 1] <= 3000)
		turn_until(&s.n_postponed, s.n_postponed + 1);
	check(s.waits_ms[s.n_postponed - 1] > 3000);
	check_eq(s.n_told, 100);
	check_eq(webhook_pending(s.webhook), 2);
	check_eq(s.n_states, 0);
}

static void when_the_receiver_is_back_everything_goes_at_once(void **state)
{
	char lane[16];
	int fd;

	(void)state;
	webhook_free(s.webhook);
	http_server_free(s.server);
	s.server = NULL;
	fd = take_port();
	open_webhook();
	for (int i = 0; i < 30; i++) {
		(void)snprintf(lane, sizeof(lane), "lane %d", i);
		offer(lane);
	}
	turn_until(&s.n_states, 1);
	check_eq(s.states[0], WEBHOOK_DOWN);
	check_eq(webhook_state(s.webhook), WEBHOOK_DOWN);
	check(strlen(s.why) > 10);
	turn_for(100);
	/* Five failures, what was still out beside them, and since then one trial after another. */
	check(s.n_postponed <= 5 + 15 + 10);

	begin_to_receive(fd);
	turn_until(&s.n_told, 30);
	check_eq(s.n_accepted, 30);
	check_eq(s.n_states, 2);
	check_eq(s.states[1], WEBHOOK_FLOWING);
}

static void a_busy_receiver_is_left_alone_as_long_as_it_says(void **state)
{
	static const char *const headers[] = {"Retry-After: 1", NULL};

	(void)state;
	s.headers = headers;
	s.answers[0] = 429;
	s.n_answers = 1;
	offer("a");
	turn_until(&s.n_postponed, 1);
	offer("b");
	turn_until(&s.n_told, 2);
	check_eq(s.n_requests, 3);
	check(s.came_ms[1] >= s.postponed_ms[0] + 950);
}

static void after_410_nothing_more_is_sent(void **state)
{
	(void)state;
	s.answers[0] = 410;
	s.n_answers = 1;
	offer("a");
	turn_until(&s.n_states, 1);
	check_eq(s.states[0], WEBHOOK_GONE);
	check(strstr(s.why, "410"));
	check(!webhook_has_room(s.webhook));
	offer("b");
	turn_for(700);
	check_eq(s.n_requests, 1);
	check_eq(webhook_pending(s.webhook), 2);
	check_eq(webhook_state(s.webhook), WEBHOOK_GONE);
}

static void who_asks_for_it_now_waits_for_no_back_off(void **state)
{
	struct event *event = event_of("a");

	(void)state;
	event->attempts = 4; /* of an earlier process, and of its own trouble */
	event->next_try_wall_ms = loop_wall_ms(s.loop) + 3600 * 1000;
	webhook_offer(s.webhook, event);
	turn_for(100);
	check_eq(s.n_requests, 0);
	webhook_try_now(s.webhook);
	turn_until(&s.n_told, 1);

	for (unsigned i = 0; i < 16; i++)
		s.answers[i] = 503;
	s.n_answers = 16;
	for (unsigned i = 0; i < 5; i++)
		offer("b");
	turn_until(&s.n_states, 1);
	check_eq(webhook_state(s.webhook), WEBHOOK_DOWN);
	s.n_answers = 0;
	webhook_try_now(s.webhook);
	turn_until(&s.n_told, 6);
	check_eq(webhook_state(s.webhook), WEBHOOK_FLOWING);
}

static void a_receiver_that_was_gone_is_asked_again_when_a_person_says_so(void **state)
{
	(void)state;
	s.answers[0] = 410;
	s.n_answers = 1;
	offer("a");
	offer("a");
	turn_until(&s.n_states, 1);
	webhook_try_now(s.webhook);
	check_eq(webhook_state(s.webhook), WEBHOOK_FLOWING);
	check(webhook_has_room(s.webhook));
	offer("b");
	turn_until(&s.n_told, 3);
	check_eq(webhook_pending(s.webhook), 0);
}

static void a_stale_connection_is_no_failure(void **state)
{
	(void)state;
	offer("a");
	turn_until(&s.n_told, 1);
	s.answers[0] = drops_connection;
	s.n_answers = 1;
	offer("a");
	turn_until(&s.n_told, 2);
	check_eq(s.n_requests, 3);
	check_eq(s.n_postponed, 0);
}

static void offer_from_before(const char *lane, unsigned attempts, int64_t wait_ms)
{
	struct event *event = event_of(lane);

	event->attempts = attempts;
	event->next_try_wall_ms = loop_wall_ms(s.loop) + wait_ms;
	webhook_offer(s.webhook, event);
}

static void after_a_restart_only_a_long_wait_goes_on(void **state)
{
	(void)state;
	s.answers[0] = 500;
	s.n_answers = 1;
	offer_from_before("long", 3, 90000);
	offer_from_before("short", 7, 50000);
	turn_until(&s.n_postponed, 1);
	check_eq(s.last_attempts, 8);
	turn_until(&s.n_told, 1);
	check_text(s.ids[0], "clo_2");
	turn_for(100);
	check_eq(s.n_requests, 2);
	check_eq(webhook_pending(s.webhook), 1);
}

static void room_ends_where_memory_would(void **state)
{
	struct event *event = event_of("big");

	(void)state;
	s.holds = true;
	check(webhook_has_room(s.webhook));
	free(event->body);
	event->body = mem_alloc(webhook_pending_bytes);
	memset(event->body, 'x', webhook_pending_bytes);
	event->body_len = webhook_pending_bytes;
	webhook_offer(s.webhook, event);
	check(!webhook_has_room(s.webhook));
}

static void what_cannot_be_used_is_refused_with_a_sentence(void **state)
{
	struct webhook_config config = {.url = s.url, .secrets = {"short", NULL}, .hooks = hooks};
	struct webhook *webhook = NULL;
	struct err err = {0};

	(void)state;
	check_eq(webhook_new(s.loop, &config, &webhook, &err), -EINVAL);
	check_null(webhook);
	check(strstr(err.text, "responses.webhook.secret: "));
	check_null(strstr(err.text, "short"));
}

static void a_private_address_is_not_connected_to(void **state)
{
	struct webhook_config config = {
		.url = "https://10.255.255.1:9/hook", .secrets = {secret, NULL}, .hooks = hooks};

	(void)state;
	webhook_free(s.webhook);
	s.webhook = NULL;
	check_eq(webhook_new(s.loop, &config, &s.webhook, NULL), 0);
	offer("a");
	turn_until(&s.n_postponed, 1);
	check_eq(s.n_told, 0);
}

#define scenario(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(an_event_is_posted_signed_and_told_accepted),
		scenario(a_lane_keeps_its_order_and_other_lanes_go_on),
		scenario(at_most_sixteen_events_are_out_and_one_of_a_lane),
		scenario(a_failed_event_is_tried_again_under_the_same_id),
		scenario(a_redirect_is_a_failure_and_not_followed),
		scenario(an_event_that_is_always_refused_holds_only_its_lane),
		scenario(when_the_receiver_is_back_everything_goes_at_once),
		scenario(a_busy_receiver_is_left_alone_as_long_as_it_says),
		scenario(after_410_nothing_more_is_sent),
		scenario(who_asks_for_it_now_waits_for_no_back_off),
		scenario(a_receiver_that_was_gone_is_asked_again_when_a_person_says_so),
		scenario(a_stale_connection_is_no_failure),
		scenario(after_a_restart_only_a_long_wait_goes_on),
		scenario(room_ends_where_memory_would),
		scenario(what_cannot_be_used_is_refused_with_a_sentence),
		scenario(a_private_address_is_not_connected_to),
	};
	int failed;

	http_global_init();
	failed = run_sentences(tests);
	http_global_deinit();
	return failed;
}
