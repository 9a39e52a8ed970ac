#include "lib/loop.h"
#include "tests/unit/check.h"

#include <sys/epoll.h>
#include <unistd.h>

static char order[16];
static size_t n_called;

static void note_a(void *arg)
{
	(void)arg;
	order[n_called++] = 'a';
}

static void note_b(void *arg)
{
	(void)arg;
	order[n_called++] = 'b';
}

static void timers_fire_in_order_and_unset_ones_never(void **state)
{
	struct loop *loop = loop_new();
	struct loop_timer a = {0}, b = {0}, c = {0};

	(void)state;
	n_called = 0;
	loop_timer_set(loop, &b, loop_now_ms(loop) + 2, note_b, NULL);
	loop_timer_set(loop, &a, loop_now_ms(loop) + 1, note_a, NULL);
	loop_timer_set(loop, &c, loop_now_ms(loop), note_b, NULL);
	loop_timer_unset(loop, &c);
	while (loop_timer_is_set(&a) || loop_timer_is_set(&b))
		loop_turn(loop, -1);
	check_eq(n_called, 2);
	check_eq(order[0], 'a');
	check_eq(order[1], 'b');
	loop_free(loop);
}

struct pair {
	struct loop *loop;
	struct loop_watch *mine, *other;
	unsigned calls;
};

static void remove_both(void *arg, int fd, uint32_t events)
{
	struct pair *p = arg;

	(void)fd;
	(void)events;
	p->calls++;
	loop_unwatch(p->loop, p->mine);
	loop_unwatch(p->loop, p->other);
}

static void a_watch_removed_in_the_same_turn_is_not_called(void **state)
{
	struct loop *loop = loop_new();
	struct pair p = {.loop = loop};
	int one[2], two[2];

	(void)state;
	check_eq(pipe(one), 0);
	check_eq(pipe(two), 0);
	p.mine = loop_watch(loop, one[0], EPOLLIN, remove_both, &p);
	p.other = loop_watch(loop, two[0], EPOLLIN, remove_both, &p);
	check_eq(write(one[1], "x", 1), 1);
	check_eq(write(two[1], "x", 1), 1);
	loop_turn(loop, 1000);
	check_eq(p.calls, 1);
	for (int i = 0; i < 2; i++) {
		(void)close(one[i]);
		(void)close(two[i]);
	}
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(timers_fire_in_order_and_unset_ones_never),
		sentence(a_watch_removed_in_the_same_turn_is_not_called),
	};

	return run_sentences(tests);
}
