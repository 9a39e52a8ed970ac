#include "lib/mem.h"
#include "lib/test_hooks.h"
#include "tests/unit/check.h"
#include "tests/unit/fake_search.h"
#include "tests/unit/virtual_clock.h"
#include "tests/unit/world_batch.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 * Creates, updates and calls of several records over a few lanes against a server that does its
 * worst, with kills at random places: whatever happens, each create is applied at most once, each
 * lane keeps its order, every request ends, and of a call of several records only those are
 * rejected that are refused. A seed is a whole history; it is printed where one fails, and
 * CLOSEFEED_SEED=N (or N-M) runs that alone. The server keeps within what delivery promises under:
 * it applies nothing later, and search shows nothing later, than the quarantine.
 */

enum {
	n_seeds = 200,
	n_requests = 120,
	n_leads = 4,
	lane_bulk = n_leads, /* all calls of several records have one URL */
	n_lanes,
	quarantine_ms = 20000,
	latest_ms = 8000,      /* applied after the connection ended */
	longest_lag_ms = 6000, /* until search shows it */
	calm_after_ms = 90000,
	end_after_ms = 900000,
	refuses_each = 13, /* every so many requests is one that the server never accepts */
};

enum fate {
	FATE_NEW,
	FATE_OK,
	FATE_APPLIED_LOST,
	FATE_LOST,
	FATE_LATE,
	FATE_NOT_SENT,
	FATE_LIMITED,
	FATE_UNREADABLE,
	n_fates,
};

/* What a call carries: one request by its number, or the records of a batch. */
struct load {
	uint64_t first, last; /* 0: it is no request */
};

struct late {
	uint64_t at_ms;
	struct load load;
};

static struct world world;
static struct world *const w = &world;
static struct fake_close them;
static struct late late[1024];
static size_t n_late;
static uint64_t applied_last[n_lanes]; /* number of the last update in each lane */
static unsigned n_applied[n_requests + 1];
static char made[n_requests + 1][24]; /* ids of the objects of creates */
static uint64_t random_state, began_ms, stall_from_ms, stall_to_ms, next_other_ms;
static bool with_late, with_others;
static unsigned chance[n_fates], chance_of_kill;
static char broken[200]; /* the first promise that was broken */
static struct {
	unsigned long kills, calls, delivered, found, rejected, held;
} seen;

static uint64_t draw(uint64_t n)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % n;
}

static void breaks(const char *promise, uint64_t number)
{
	if (!*broken)
		(void)snprintf(broken, sizeof(broken), "request %llu: %s",
		               (unsigned long long)number, promise);
}

static uint64_t now(void)
{
	return loop_now_ms(w->engine.loop);
}

static bool is_calm(void)
{
	return now() > began_ms + calm_after_ms;
}

/* What is sent: a fixed plan, so that a record read again becomes the same request. */

/* 11 to 17 of each twenty go in one call. */
static bool is_in_batch(uint64_t number)
{
	return number % 20 >= 11 && number % 20 <= 17;
}

static bool is_same_batch(uint64_t a, uint64_t b)
{
	return is_in_batch(a) && is_in_batch(b) && a / 20 == b / 20;
}

static bool is_create(uint64_t number)
{
	return !is_in_batch(number) && number * 2654435761u % 5 < 3;
}

static uint64_t lane_of(uint64_t number)
{
	return is_in_batch(number) ? lane_bulk : number * 40503 % 7 % n_leads;
}

static bool is_refused(uint64_t number)
{
	return number % refuses_each == 0;
}

static struct load load_of(const struct http_transfer *t)
{
	uint64_t numbers[8];
	const size_t n = world_numbers(t, numbers, 8);

	if (!n)
		return (struct load){world_number(t), world_number(t)};
	return (struct load){numbers[0], numbers[n - 1]};
}

static bool is_any_refused(struct load load)
{
	for (uint64_t n = load.first; n <= load.last; n++)
		if (is_refused(n))
			return true;
	return false;
}

static struct request *plan(uint64_t number)
{
	static const char *const leads[n_leads] = {"lead_A", "lead_B", "lead_C", "lead_D"};
	char identity[16];
	struct sketch s = {.method = METHOD_PUT, .class = CLASS_U, .owns = leads[lane_of(number)]};

	if (is_create(number)) {
		(void)snprintf(identity, sizeof(identity), "k%llu", (unsigned long long)number);
		s = (struct sketch){.class = CLASS_A, .identity = identity};
		if (number % 2)
			s.shares = leads[lane_of(number)];
	}
	return world_request_again(w, &s, number);
}

/* The server */

static uint64_t lag(void)
{
	if (now() >= stall_from_ms && now() < stall_to_ms)
		return stall_to_ms - now();
	return draw(longest_lag_ms);
}

static void apply_create(uint64_t number)
{
	char identity[16];

	(void)snprintf(identity, sizeof(identity), "k%llu", (unsigned long long)number);
	(void)snprintf(made[number], sizeof(made[number]), "%s",
	               fake_make(w, &them, "lead", identity, lag()));
	if (n_applied[number] > 1)
		breaks("applied twice", number);
}

static void apply(struct load load)
{
	uint64_t *last = &applied_last[lane_of(load.first)];

	for (uint64_t n = load.first; n <= load.last; n++)
		n_applied[n]++;
	if (is_create(load.first)) {
		apply_create(load.first);
		return;
	}
	if (*last > load.last)
		breaks("an older update came after a newer one", load.first);
	*last = load.last;
}

static void apply_later(struct load load)
{
	check(n_late < sizeof(late) / sizeof(*late));
	late[n_late++] = (struct late){now() + draw(latest_ms), load};
}

static void apply_late_ones(void)
{
	for (size_t i = 0; i < n_late;)
		if (late[i].at_ms <= now()) {
			const struct load load = late[i].load;

			late[i] = late[--n_late];
			apply(load);
		} else {
			i++;
		}
}

static enum fate draw_fate(void)
{
	uint64_t at = draw(100);

	if (is_calm())
		return FATE_OK;
	for (enum fate f = FATE_OK; f < n_fates; f++) {
		if (at < chance[f])
			return f;
		at -= chance[f];
	}
	return FATE_OK;
}

static void answer(struct http_transfer *t, enum fate fate, struct load load)
{
	static const struct fake_reply
		lost = {.n_sends = 1},
		bad_gateway = {.n_sends = 1, .status = 502}, not_sent,
		html = {.n_sends = 1, .status = 200, .body = "<html>"},
		limited = {.n_sends = 1,
	                   .status = 429,
	                   .headers = "RateLimit: limit=100, remaining=0, reset=1"};
	char body[64];
	struct fake_reply done = {.n_sends = 1, .status = 200, .body = body};

	switch (fate) {
	case FATE_NEW:
	case FATE_OK:
		(void)snprintf(body, sizeof(body), "{\"id\":\"%s\"}",
		               load.first && is_create(load.first) ? made[load.first] : "lead_A");
		done.status = load.first && is_any_refused(load) ? 400 : 200;
		fake_end(t, &done);
		return;
	case FATE_LATE:
		if (load.first && !is_any_refused(load))
			apply_later(load);
		fake_end(t, &lost);
		return;
	case FATE_APPLIED_LOST:
	case FATE_LOST:
		fake_end(t, draw(2) ? &lost : &bad_gateway);
		return;
	case FATE_NOT_SENT:
		fake_end(t, &not_sent);
		return;
	case FATE_LIMITED:
		fake_end(t, &limited);
		return;
	case FATE_UNREADABLE:
		fake_end(t, &html);
		return;
	case n_fates:
		return;
	}
}

/* The note of a transfer: when it is answered, and how. */
static void serve(struct world *of, struct http_transfer *t)
{
	const struct load load = load_of(t);
	enum fate fate = (enum fate)(*fake_note(t) % n_fates);

	if (fate == FATE_NEW) {
		fate = draw_fate();
		if (fate == FATE_LATE && !with_late)
			fate = FATE_LOST;
		*fake_note(t) = (now() + draw(300)) * n_fates + fate;
		if (load.first && !is_any_refused(load) &&
		    (fate == FATE_OK || fate == FATE_APPLIED_LOST || fate == FATE_UNREADABLE))
			apply(load);
	}
	if (*fake_note(t) / n_fates > now())
		return;
	if (fate == FATE_OK && fake_is_lookup(t))
		fake_lookup(of, &them, t);
	else
		answer(t, fate, load);
}

/* Promises that can be seen while it runs */

static bool same_lane(uint64_t a, uint64_t b)
{
	return a && b && (a == b || (!is_create(a) && !is_create(b) && lane_of(a) == lane_of(b)));
}

static void started(void *arg, struct http_transfer *t)
{
	const uint64_t number = load_of(t).first;
	struct http_transfer *other;
	unsigned n_flying = 0;

	(void)arg;
	seen.calls++;
	for (unsigned at = 0; (other = fake_in_flight(w->engine.http, at)); at++) {
		n_flying += load_of(other).first != 0;
		if (other != t && same_lane(load_of(other).first, number))
			breaks("two calls of one lane at the same time", number);
	}
	if (n_flying > w->config.concurrency)
		breaks("more calls than concurrency", number);
}

/* History */

/* Submits record @number, with those behind it that go in the same call and wait for it, too. */
static uint64_t read_from(uint64_t number, uint64_t last)
{
	uint64_t end = number;

	if (!is_in_batch(number)) {
		delivery_submit(w->engine.delivery, plan(number));
		return number;
	}
	while (end < last && is_same_batch(number, end + 1) && !w->live[end + 1] &&
	       !w->endings[end + 1].n_times)
		end++;
	delivery_submit(w->engine.delivery, world_batch(w, CLASS_U, number, end));
	return end;
}

static void kill_and_start(void)
{
	struct http_transfer *t;

	seen.kills++;
	for (unsigned at = 0; (t = fake_in_flight(w->engine.http, at)); at++)
		if (*fake_note(t) % n_fates == FATE_LATE && load_of(t).first &&
		    !is_any_refused(load_of(t)))
			apply_later(load_of(t));
	world_restart(w);
	fake_http_watch(w->engine.http, started, NULL);
	w->n_stops = 0;
	for (uint64_t n = 1; n <= w->n_made; n++)
		if (!w->live[n] && !w->endings[n].n_times)
			n = read_from(n, w->n_made);
}

static bool is_killed(void)
{
	if (is_calm() || draw(1000) >= chance_of_kill)
		return false;
	kill_and_start();
	return true;
}

static void read_on(void)
{
	while (w->n_made < n_requests && world_n_open(w) < 40 && draw(3))
		w->n_made = read_from(w->n_made + 1, n_requests);
}

static void others_make_something(void)
{
	if (!with_others || now() < next_other_ms)
		return;
	next_other_ms = now() + draw(6000);
	(void)fake_make(w, &them, "lead", "somebody else's",
	                now() >= stall_from_ms && now() < stall_to_ms ? stall_to_ms - now() : 0);
}

/* A turn of the engine that may be cut off between any two of its steps. */
static void model_turn(void)
{
	struct http_transfer *t;

	virtual_clock_pass(1 + draw(is_calm() ? 1000 : 150));
	loop_turn(w->engine.loop, 0);
	apply_late_ones();
	others_make_something();
	read_on();
	proof_turn(w->engine.proof);
	if (is_killed())
		return;
	delivery_turn(w->engine.delivery);
	if (is_killed())
		return;
	world_commit(w);
	if (is_killed())
		return;
	for (unsigned at = 0; (t = fake_in_flight(w->engine.http, at));) {
		serve(w, t);
		at += fake_in_flight(w->engine.http, at) == t;
	}
	if (w->n_stops && delivery_is_quiet(w->engine.delivery)) {
		world_commit(w);
		kill_and_start();
	}
}

static void check_end(uint64_t number)
{
	const struct ending *e = &w->endings[number];

	if (e->n_times != 1 || !e->is_durable)
		breaks(e->n_times ? "ended twice" : "lost", number);
	else if (e->outcome == OUTCOME_DELIVERED && !n_applied[number])
		breaks("said to be delivered, and was not", number);
	else if (e->outcome == OUTCOME_REJECTED && n_applied[number])
		breaks("said to be rejected, and was applied", number);
	else if (e->outcome == OUTCOME_REJECTED && !is_refused(number))
		breaks("is good, and was rejected", number);
	else if (!is_create(number) && e->outcome == OUTCOME_HELD &&
	         !strstr(e->known, "was ended three times"))
		breaks("an update is held", number);
	seen.delivered += e->outcome == OUTCOME_DELIVERED;
	seen.found += e->found_by_lookup;
	seen.rejected += e->outcome == OUTCOME_REJECTED;
	seen.held += e->outcome == OUTCOME_HELD;
}

static void make_history(uint64_t seed)
{
	random_state = seed;
	/* Every other one has an event log, which is ahead of search. */
	them = (struct fake_close){.has_log = seed % 2, .log_has_field = true};
	n_late = 0;
	memset(applied_last, 0, sizeof(applied_last));
	memset(n_applied, 0, sizeof(n_applied));
	*broken = '\0';
	chance[FATE_OK] = 30 + (unsigned)draw(60);
	for (enum fate f = FATE_APPLIED_LOST; f < n_fates; f++)
		chance[f] = (unsigned)draw(f == FATE_UNREADABLE ? 3 : 15);
	chance_of_kill = (unsigned)draw(4);
	with_others = draw(5) != 0;
	with_late = draw(2);
	began_ms = now();
	next_other_ms = began_ms;
	/* Search that stands still shows nothing in time: then the canary must notice. */
	stall_from_ms = began_ms + draw(60000);
	stall_to_ms = with_late ? 0 : stall_from_ms + draw(2 * quarantine_ms);
}

/* Lives through the history of @seed; false: a promise was broken, and `broken` says which. */
static bool live_through(uint64_t seed)
{
	world_init(w);
	w->config.quarantine_ms = quarantine_ms;
	w->config.max_rejects = REJECTS_NONE;
	w->config.seed = seed;
	world_restart(w);
	fake_http_watch(w->engine.http, started, NULL);
	make_history(seed);
	while (!*broken && now() < began_ms + end_after_ms &&
	       (!is_calm() || w->n_made < n_requests || !delivery_is_idle(w->engine.delivery)))
		model_turn();
	world_commit(w);
	for (uint64_t n = 1; n <= n_requests && !*broken; n++)
		check_end(n);
	world_deinit(w);
	return !*broken;
}

static void every_history_keeps_every_promise(void **state)
{
	const char *only = getenv("CLOSEFEED_SEED");
	char *end = NULL;
	const uint64_t first = only ? strtoull(only, &end, 10) : 1;
	const uint64_t n = !only         ? n_seeds
	                   : *end == '-' ? strtoull(end + 1, NULL, 10) - first + 1
	                                 : 1;

	(void)state;
	for (uint64_t seed = first; seed < first + n; seed++)
		if (!live_through(seed))
			fail_msg("seed %llu: %s", (unsigned long long)seed, broken);
	print_message("seeds %llu to %llu: %lu kills, %lu calls; %lu delivered (%lu found by "
	              "look-up), %lu rejected, %lu held\n",
	              (unsigned long long)first, (unsigned long long)(first + n - 1), seen.kills,
	              seen.calls, seen.delivered, seen.found, seen.rejected, seen.held);
}

/*
 * Each defence is missed: without it, some history breaks the promise it is there for. (That of
 * halves has its own test in test_delivery_halves.c: most histories damage the state at once.)
 */
static void without_a_defence_some_history_breaks_a_promise(void **state)
{
	static const struct {
		const char *defence, *broken;
	} mutants[] = {
		{"proof", "applied twice"},
		{"quarantine", "applied twice"},
		{"canary", "applied twice"},
		{"journal", "applied twice"},
		{"lanes", "two calls of one lane"},
		{"linger", "an older update came after a newer one"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mutants) / sizeof(*mutants); i++) {
		uint64_t seed = 1;

		check_eq(setenv("CLOSEFEED_WITHOUT", mutants[i].defence, 1), 0);
		if (!hook_without(mutants[i].defence)) {
			print_message("this build has no test hooks (-Dtest_hooks=true)\n");
			check_eq(unsetenv("CLOSEFEED_WITHOUT"), 0);
			skip();
		}
		while (seed <= n_seeds && live_through(seed))
			seed++;
		check_eq(unsetenv("CLOSEFEED_WITHOUT"), 0);
		print_message("without %s: seed %llu, %s\n", mutants[i].defence,
		              (unsigned long long)seed, broken);
		check(strstr(broken, mutants[i].broken));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(every_history_keeps_every_promise),
		sentence(without_a_defence_some_history_breaks_a_promise),
	};

	return run_sentences(tests);
}
