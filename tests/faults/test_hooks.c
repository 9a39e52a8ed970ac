/* The hooks themselves, in builds that have them. */

#include "lib/test_hooks.h"
#include "tests/unit/check.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void only_defences_that_are_named_are_off(void **state)
{
	(void)state;
	check_eq(unsetenv("CLOSEFEED_WITHOUT"), 0);
	check(!hook_without("journal"));
	check_eq(setenv("CLOSEFEED_WITHOUT", "resend_guard,,quarantine", 1), 0);
	check(hook_without("resend_guard"));
	check(hook_without("quarantine"));
	check(!hook_without("resend"));
	check(!hook_without("resend_guard_too"));
	check(!hook_without(""));
	check_eq(unsetenv("CLOSEFEED_WITHOUT"), 0);
}

/* How a child ends that passes "intent" twice and "settle" once: its exit code, or minus a signal.
 */
static int child(const char *where)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)setenv("CLOSEFEED_KILL_AT", where, 1);
		hook_point("intent");
		hook_point("settle");
		hook_point("intent");
		_exit(7);
	}
	check(pid > 0);
	check_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void the_named_point_kills_the_time_it_is_told_to(void **state)
{
	(void)state;
	check_eq(child("intent:1"), -SIGKILL);
	check_eq(child("intent:2"), -SIGKILL);
	check_eq(child("intent:3"), 7);
	check_eq(child("settle:1"), -SIGKILL);
	check_eq(child("settle:2"), 7);
	check_eq(child("sett:1"), 7);
	check_eq(child("settle"), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(only_defences_that_are_named_are_off),
		sentence(the_named_point_kills_the_time_it_is_told_to),
	};

	return run_sentences(tests);
}
