#include "connector/cli/start.h"
#include "connector/cli/cli.h"
#include "lib/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* Sanitizers and debuggers must look into the process. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(IS_SANITIZED)
#define IS_SANITIZED 1
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

/* Variables libraries may go on reading; a name ending in _ stands for all that begin so. */
static const char *const harmless[] = {
	"PATH",
	"HOME",
	"LANG",
	"LC_",
	"TZ",
	"TERM",
	"COLUMNS",
	"TMPDIR",
	"NO_COLOR",
	"XDG_STATE_HOME",
	"STATE_DIRECTORY",
	"CREDENTIALS_DIRECTORY",
	"CLOSEFEED_",
	NULL,
};

static char **born_with; /* "NAME=value", ends with NULL */

static bool is_harmless(const char *variable)
{
	const size_t name_len = strcspn(variable, "=");

	for (const char *const *h = harmless; *h; h++) {
		const size_t len = strlen(*h);

		if (strncmp(variable, *h, len) == 0 && (len == name_len || (*h)[len - 1] == '_'))
			return true;
	}
	return false;
}

/* The old strings are overwritten: /proc/PID/environ shows them for as long as we live. */
static void move_environment(void)
{
	size_t n = 0;

	while (environ[n])
		n++;
	born_with = mem_array(n + 1, sizeof(*born_with));
	for (size_t i = 0; i < n; i++) {
		born_with[i] = mem_strdup(environ[i]);
		explicit_bzero(environ[i], strlen(environ[i]));
	}
	(void)clearenv();
	for (size_t i = 0; i < n; i++)
		if (is_harmless(born_with[i]))
			(void)putenv(born_with[i]);
}

const char *cli_getenv(void *arg, const char *name)
{
	const size_t len = strlen(name);

	(void)arg;
	for (char **v = born_with; v && *v; v++)
		if (strncmp(*v, name, len) == 0 && (*v)[len] == '=')
			return *v + len + 1;
	return NULL;
}

/* A shell hands `closefeed check <(make-pipeline)` over as /dev/fd/63. */
static bool is_named(char **argv, int fd)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	for (; *argv; argv++)
		if (strcmp(*argv, path) == 0)
			return true;
	return false;
}

static void close_strays(char **argv)
{
	struct dirent *entry;
	DIR *dir;

	dir = opendir("/proc/self/fd");
	while (dir && (entry = readdir(dir))) {
		const int fd = atoi(entry->d_name);

		if (fd > STDERR_FILENO && fd != dirfd(dir) && !is_named(argv, fd))
			(void)close(fd);
	}
	if (dir)
		(void)closedir(dir);
}

static void fill_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}

static void stay_private(void)
{
	const struct rlimit none = {0, 0};

	(void)umask(077);
	if (CLOSEFEED_TEST_HOOKS || IS_SANITIZED)
		return;
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void start_clean(char **argv)
{
	fill_standard_descriptors();
	close_strays(argv);
	stay_private();
	move_environment();
	(void)signal(SIGPIPE, SIG_IGN);
}
