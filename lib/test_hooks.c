#include "lib/test_hooks.h"

#if CLOSEFEED_TEST_HOOKS

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool names(const char *list, const char *name)
{
	const size_t len = strlen(name);

	for (const char *at = list; at && *at; at += strcspn(at, ",")) {
		at += strspn(at, ",");
		if (strcspn(at, ",") == len && !strncmp(at, name, len))
			return true;
	}
	return false;
}

bool hook_without(const char *defence)
{
	return names(getenv("CLOSEFEED_WITHOUT"), defence);
}

void hook_point(const char *name)
{
	static unsigned long n_passed; /* only the one name of the variable is counted */
	const char *where = getenv("CLOSEFEED_KILL_AT");
	const size_t len = strlen(name);

	if (!where || strncmp(where, name, len) != 0 || where[len] != ':')
		return;
	if (++n_passed == strtoul(where + len + 1, NULL, 10))
		(void)kill(getpid(), SIGKILL);
}

#endif
