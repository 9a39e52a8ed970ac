#include "lib/jq_guard.h"

#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* glibc 2.36 has the kernel's field, not yet its public name. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { tick_ms = 20, tick_signal = SIGVTALRM };

struct jq_limits jq_limits = {.ms = UINT64_C(1000) * jq_seconds, .bytes = jq_bytes};

/* Written by the thread that runs programs, read by the handlers, which interrupt that thread. */
static struct {
	volatile sig_atomic_t is_inside;
	volatile uint64_t
		run; /* counts, so that a tick knows whether it has seen this one before */
	const char *volatile label;
	const struct jq_where *volatile where;
} now;

/* Of the handler alone: the run it saw last, and what it found when it saw it first. */
static struct {
	uint64_t run, began_ms, resident;
} seen;

static bool is_armed;
static int exit_code = 70;
static size_t page_bytes;
static char handler_stack[64 * 1024]; /* a stack that ran over cannot say so on itself */

void jq_set_exit_code(int code)
{
	exit_code = code;
}

/* A sentence made of pieces, without anything a signal handler must not call. */
struct sentence {
	char text[1024];
	size_t len;
};

static void say(struct sentence *s, const char *text)
{
	for (; *text && s->len < sizeof(s->text) - 1; text++)
		s->text[s->len++] = (char)((unsigned char)*text < ' ' ? '?' : *text);
}

static void say_number(struct sentence *s, uint64_t number)
{
	char digits[21];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	say(s, digits + at);
}

static void say_time(struct sentence *s)
{
	const bool is_whole = jq_limits.ms % 1000 == 0;

	say_number(s, is_whole ? jq_limits.ms / 1000 : jq_limits.ms);
	say(s, is_whole ? " s" : " ms");
}

static void say_bytes(struct sentence *s)
{
	const bool is_whole = jq_limits.bytes % (1 << 30) == 0;

	say_number(s, jq_limits.bytes >> (is_whole ? 30 : 20));
	say(s, is_whole ? " GiB" : " MiB");
}

static void say_who(struct sentence *s)
{
	say(s, "closefeed: the jq program");
	if (now.label) {
		say(s, " ");
		say(s, now.label);
	} else {
		say(s, "s of this file, being compiled,");
	}
}

static void say_where(struct sentence *s)
{
	const struct jq_where *where = now.where;

	if (where && where->name) {
		say(s, " on ");
		say(s, where->name);
		say(s, " ");
		say(s, where->unit);
		say(s, " ");
		say_number(s, where->number);
		say(s, "; nothing of this record was sent");
	}
	say(s, ". Mend the program, then run again");
}

static void __attribute__((noreturn)) stop(struct sentence *s)
{
	say_where(s);
	s->text[s->len++] = '\n';
	(void)!write(STDERR_FILENO, s->text, s->len);
	_exit(exit_code);
}

static uint64_t processor_ms(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The second number of statm, in bytes; 0 where it cannot be read. */
static uint64_t resident_bytes(void)
{
	const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	uint64_t pages = 0;
	char text[64];
	ssize_t n, i = 0;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	while (i < n && text[i] != ' ')
		i++;
	for (i++; i < n && text[i] >= '0' && text[i] <= '9'; i++)
		pages = pages * 10 + (uint64_t)(text[i] - '0');
	return pages * page_bytes;
}

static void look(void)
{
	struct sentence s = {.len = 0};

	if (seen.run != now.run) {
		seen.run = now.run;
		seen.began_ms = processor_ms();
		seen.resident = resident_bytes();
		return;
	}
	if (processor_ms() - seen.began_ms >= jq_limits.ms) {
		say_who(&s);
		say(&s, " did not end within ");
		say_time(&s);
		stop(&s);
	}
	if (resident_bytes() > seen.resident + jq_limits.bytes) {
		say_who(&s);
		say(&s, " took more than ");
		say_bytes(&s);
		say(&s, " of memory");
		stop(&s);
	}
}

static void on_tick(int signal)
{
	const int kept = errno;

	(void)signal;
	if (now.is_inside)
		look();
	errno = kept;
}

/* What libjq can do to the process, and what was to happen then before we came. */
static struct {
	int signal;
	struct sigaction former;
} crashes[] = {{SIGSEGV}, {SIGBUS}, {SIGFPE}, {SIGABRT}};

enum { n_crashes = sizeof(crashes) / sizeof(*crashes) };

static void on_crash(int signal)
{
	struct sentence s = {.len = 0};

	if (!now.is_inside) {
		/* Not libjq's: let it happen again, without us. */
		for (size_t i = 0; i < n_crashes; i++)
			if (crashes[i].signal == signal)
				(void)sigaction(signal, &crashes[i].former, NULL);
		(void)raise(signal);
		return;
	}
	say_who(&s);
	say(&s, signal == SIGABRT ? " broke libjq's own assumptions"
	                          : " made libjq crash, by nesting too deep or a number too large");
	stop(&s);
}

void jq_guard_no_memory(void *unused)
{
	struct sentence s = {.len = 0};

	(void)unused;
	say_who(&s);
	say(&s, " needed more memory than there is");
	stop(&s);
}

static void handle_signals(void)
{
	struct sigaction tick = {.sa_handler = on_tick, .sa_flags = SA_RESTART | SA_ONSTACK};
	struct sigaction crash = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK};

	(void)sigaction(tick_signal, &tick, NULL);
	for (size_t i = 0; i < n_crashes; i++)
		(void)sigaction(crashes[i].signal, &crash, &crashes[i].former);
}

/* Timers do not survive a fork. */
static void disarm(void)
{
	is_armed = false;
	now.is_inside = false;
}

static void use_stack(void)
{
	stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof(handler_stack)}, used;

	if (sigaltstack(NULL, &used) < 0 || used.ss_flags & SS_DISABLE)
		(void)sigaltstack(&stack, NULL);
}

static void arm(void)
{
	const struct timespec tick = {.tv_nsec = tick_ms * 1000000L};
	const struct itimerspec every = {tick, tick};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = tick_signal};
	static bool is_prepared;
	timer_t timer;

	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	if (!is_prepared) {
		use_stack();
		handle_signals();
		(void)pthread_atfork(NULL, NULL, disarm);
		is_prepared = true;
	}
	event.sigev_notify_thread_id = gettid();
	if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) < 0 ||
	    timer_settime(timer, 0, &every, NULL) < 0)
		mem_exhausted(); /* the kernel has no memory for a timer; there is no other reason
		                  */
	is_armed = true;
}

void jq_guard_enter(const char *label, const struct jq_where *where)
{
	assert(!now.is_inside);
	if (!is_armed)
		arm();
	now.label = label;
	now.where = where;
	now.run++;
	atomic_signal_fence(memory_order_seq_cst);
	now.is_inside = true;
}

void jq_guard_leave(void)
{
	now.is_inside = false;
	atomic_signal_fence(memory_order_seq_cst);
	now.label = NULL;
	now.where = NULL;
}
