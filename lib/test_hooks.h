#pragma once

/*
 * Places where tests may hurt the program: named points at which it kills itself, and switches that
 * turn one defence off, so that a test can show that it would notice the defence missing. Outside
 * builds with -Dtest_hooks=true both are nothing, and the compiler removes them.
 *
 *   CLOSEFEED_KILL_AT=settle:3          kill -9 of ourselves the third time hook_point("settle")
 *   CLOSEFEED_WITHOUT=resend_guard,…    hook_without("resend_guard") is true
 */

#include <stdbool.h>

#if CLOSEFEED_TEST_HOOKS

bool hook_without(const char *defence);
void hook_point(const char *name);

#else

static inline __attribute__((unused)) bool hook_without(const char *defence)
{
	(void)defence;
	return false;
}

static inline __attribute__((unused)) void hook_point(const char *name)
{
	(void)name;
}

#endif
