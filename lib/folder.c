#include "lib/folder.h"

#include "lib/cleanup.h"
#include "lib/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int folder_sync(const char *path)
{
	cleanup_(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || (fsync(fd) < 0 && errno != EINVAL) ? -errno : 0;
}

/* 0 also where it was there. */
static int make_one(const char *path)
{
	cleanup_(freep) char *copy = NULL;

	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	copy = mem_strdup(path);
	(void)folder_sync(dirname(copy)); /* a parent that may not be read is no reason to stop */
	return 0;
}

int folder_make(const char *path, const char *what, const char *advice, struct err *err)
{
	cleanup_(freep) char *part = mem_strdup(path);

	for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
		int r;

		if (slash)
			*slash = '\0';
		r = make_one(part);
		if (r < 0)
			return err_set(err, r, "cannot make the %s %s: %s%s", what, part,
			               strerror(-r), advice);
		if (!slash)
			return 0;
		*slash = '/';
	}
}
