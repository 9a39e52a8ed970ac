#include "lib/loop.h"

#include "lib/clock.h"
#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/*
 * Watches that are removed while events are being handed out stay allocated, marked dead, until the
 * turn is over: the kernel may already have given us an event that points at them.
 */

enum { max_events = 256 };

struct loop_watch {
	int fd;
	bool is_dead;
	loop_fd_fn fn;
	void *arg;
	struct loop_watch *next_dead;
};

struct loop {
	int epoll_fd;
	uint64_t now_ms;
	int64_t wall_ms;
	struct loop_timer **heap; /* earliest first */
	size_t n_timers, cap_timers;
	struct loop_watch *dead;
};

static void read_clock(struct loop *loop)
{
	loop->now_ms = clock_monotonic_ms();
	loop->wall_ms = clock_wall_ms();
}

struct loop *loop_new(void)
{
	struct loop *loop = mem_alloc(sizeof(*loop));

	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		mem_exhausted(); /* the only cause left is a machine without memory or descriptors
		                  */
	read_clock(loop);
	return loop;
}

static void bury(struct loop *loop)
{
	while (loop->dead) {
		struct loop_watch *w = loop->dead;

		loop->dead = w->next_dead;
		free(w);
	}
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	bury(loop);
	(void)close(loop->epoll_fd);
	free(loop->heap);
	free(loop);
}

uint64_t loop_now_ms(const struct loop *loop)
{
	return loop->now_ms;
}

int64_t loop_wall_ms(const struct loop *loop)
{
	return loop->wall_ms;
}

struct loop_watch *loop_watch(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *arg)
{
	struct loop_watch *w = mem_alloc(sizeof(*w));
	struct epoll_event ev = {.events = events, .data.ptr = w};
	int r;

	*w = (struct loop_watch){.fd = fd, .fn = fn, .arg = arg};
	r = epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
	if (r < 0 && errno == ENOMEM)
		mem_exhausted();
	assert(r == 0);
	return w;
}

void loop_watch_change(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = watch};
	int r = epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &ev);

	assert(r == 0);
}

void loop_unwatch(struct loop *loop, struct loop_watch *watch)
{
	if (!watch)
		return;
	/* The descriptor may have been closed already by a library; then the kernel has dropped it.
	 */
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->is_dead = true;
	watch->next_dead = loop->dead;
	loop->dead = watch;
}

static void heap_put(struct loop *loop, size_t at, struct loop_timer *timer)
{
	loop->heap[at] = timer;
	timer->heap_at = at + 1;
}

static void heap_up(struct loop *loop, size_t at)
{
	struct loop_timer *timer = loop->heap[at];

	while (at > 0 && loop->heap[(at - 1) / 2]->at_ms > timer->at_ms) {
		heap_put(loop, at, loop->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(loop, at, timer);
}

static void heap_down(struct loop *loop, size_t at)
{
	struct loop_timer *timer = loop->heap[at];

	for (;;) {
		size_t child = at * 2 + 1;

		if (child >= loop->n_timers)
			break;
		if (child + 1 < loop->n_timers &&
		    loop->heap[child + 1]->at_ms < loop->heap[child]->at_ms)
			child++;
		if (loop->heap[child]->at_ms >= timer->at_ms)
			break;
		heap_put(loop, at, loop->heap[child]);
		at = child;
	}
	heap_put(loop, at, timer);
}

void loop_timer_unset(struct loop *loop, struct loop_timer *timer)
{
	size_t at;
	struct loop_timer *last;

	if (!timer->heap_at)
		return;
	at = timer->heap_at - 1;
	timer->heap_at = 0;
	last = loop->heap[--loop->n_timers];
	if (last == timer)
		return;
	heap_put(loop, at, last);
	heap_up(loop, at);
	heap_down(loop, last->heap_at - 1);
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at_ms, loop_fn fn,
                    void *arg)
{
	loop_timer_unset(loop, timer);
	timer->fn = fn;
	timer->arg = arg;
	timer->at_ms = at_ms;
	loop->heap = mem_grow(loop->heap, loop->n_timers, &loop->cap_timers,
	                      sizeof(struct loop_timer *));
	heap_put(loop, loop->n_timers++, timer);
	heap_up(loop, loop->n_timers - 1);
}

bool loop_timer_is_set(const struct loop_timer *timer)
{
	return timer->heap_at != 0;
}

static int wait_ms(const struct loop *loop, int max_wait_ms)
{
	uint64_t wait;

	if (!loop->n_timers)
		return max_wait_ms;
	if (loop->heap[0]->at_ms <= loop->now_ms)
		return 0;
	wait = loop->heap[0]->at_ms - loop->now_ms;
	if (wait > INT_MAX)
		wait = INT_MAX;
	return max_wait_ms >= 0 && wait > (uint64_t)max_wait_ms ? max_wait_ms : (int)wait;
}

void loop_turn(struct loop *loop, int max_wait_ms)
{
	struct epoll_event events[max_events];
	size_t due = loop->n_timers; /* a timer that sets itself again waits for the next turn */
	int n;

	read_clock(loop);
	n = epoll_wait(loop->epoll_fd, events, max_events, wait_ms(loop, max_wait_ms));
	assert(n >= 0 || errno == EINTR);
	read_clock(loop);

	for (int i = 0; i < n; i++) {
		struct loop_watch *w = events[i].data.ptr;

		if (!w->is_dead)
			w->fn(w->arg, w->fd, events[i].events);
	}
	while (due-- > 0 && loop->n_timers && loop->heap[0]->at_ms <= loop->now_ms) {
		struct loop_timer *timer = loop->heap[0];

		loop_timer_unset(loop, timer);
		timer->fn(timer->arg);
	}
	bury(loop);
}
