#pragma once

/*
 * One thread, one loop, one clock. The loop waits in epoll_wait(2) for descriptors and timers; it
 * reads the clock once a turn and everything below it takes the time from loop_now_ms(). Each
 * library with descriptors of its own (libcurl's multi handle, libmicrohttpd) hangs its sockets or
 * its epoll descriptor in here, so no library waits by itself and cost does not grow with idle
 * connections.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct loop_watch;

/* @events are EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP as epoll reported them. */
typedef void (*loop_fd_fn)(void *arg, int fd, uint32_t events);
typedef void (*loop_fn)(void *arg);

/* A timer in the caller's storage. Zeroed is a valid, unset timer; unset it before it goes away. */
struct loop_timer {
	loop_fn fn;
	void *arg;
	uint64_t at_ms; /* monotonic */
	size_t heap_at; /* place in the loop's heap + 1; 0 = not set */
};

/* NULL never; exits where epoll cannot be had. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* The time this turn began. */
uint64_t loop_now_ms(const struct loop *loop);
int64_t loop_wall_ms(const struct loop *loop);

/*
 * Watches @fd for @events (EPOLLIN | EPOLLOUT). The watch is the loop's until loop_unwatch(). The
 * descriptor stays the caller's, to be closed after loop_unwatch(). An fd is watched once at a
 * time.
 */
struct loop_watch *loop_watch(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *arg);
void loop_watch_change(struct loop *loop, struct loop_watch *watch, uint32_t events);
/* Safe inside any callback, also for the watch being called. NULL is ignored. */
void loop_unwatch(struct loop *loop, struct loop_watch *watch);

/* Calls @fn(@arg) once, in the first turn at or after @at_ms. Setting again moves it. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at_ms, loop_fn fn,
                    void *arg);
void loop_timer_unset(struct loop *loop, struct loop_timer *timer);
bool loop_timer_is_set(const struct loop_timer *timer);

/*
 * One turn: waits until something happens, a timer is due or @max_wait_ms is over (-1: no limit;
 * a signal ends the wait too), then calls what is due.
 */
void loop_turn(struct loop *loop, int max_wait_ms);
