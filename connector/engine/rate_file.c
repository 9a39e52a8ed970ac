#include "connector/engine/rate_file.h"

#include "lib/cleanup.h"
#include "lib/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A time for each slot, as the clock on the wall says: it goes on over a restart of the host. */
struct rate_file {
	int fd;
	const struct loop *loop;
};

enum { max_slots = 100000 };

int rate_file_open(const char *folder, const struct loop *loop, struct rate_file **ret,
                   struct err *err)
{
	cleanup_(freep) char *path = mem_printf("%s/rate", folder);
	const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set(err, -errno, "cannot write %s: %s", path, strerror(errno));
	*ret = mem_alloc(sizeof(**ret));
	**ret = (struct rate_file){.fd = fd, .loop = loop};
	return 0;
}

void rate_file_free(struct rate_file *file)
{
	if (!file)
		return;
	(void)close(file->fd);
	free(file);
}

static int compare_times(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Returns how many there are; whatever cannot be read was never written whole. */
static size_t read_times(const struct rate_file *file, int64_t *times)
{
	const ssize_t len = pread(file->fd, times, max_slots * sizeof(*times), 0);
	const int64_t wall_ms = loop_wall_ms(file->loop);
	const size_t n = len > 0 ? (size_t)len / sizeof(*times) : 0;

	for (size_t i = 0; i < n; i++)
		if (times[i] > wall_ms) /* the clock was set back */
			times[i] = wall_ms;
	qsort(times, n, sizeof(*times), compare_times);
	return n;
}

/* A full disk only means that the next process knows less. */
static void write_times(const struct rate_file *file, const int64_t *times, size_t n, off_t slot)
{
	(void)!pwrite(file->fd, times, n * sizeof(*times), slot * (off_t)sizeof(*times));
}

static void keep(void *arg, uint64_t slot)
{
	const struct rate_file *file = arg;
	const int64_t wall_ms = loop_wall_ms(file->loop);

	write_times(file, &wall_ms, 1, (off_t)slot);
}

void rate_file_attach(struct rate_file *file, struct pace *pace, uint64_t rate_n)
{
	const int64_t wall_ms = loop_wall_ms(file->loop), now_ms = (int64_t)loop_now_ms(file->loop);
	cleanup_(freep) int64_t *times = mem_array(max_slots, sizeof(*times));
	size_t n = read_times(file, times);
	const int64_t *newest = times;

	if (n > rate_n) {
		newest += n - rate_n;
		n = (size_t)rate_n;
	}
	for (size_t i = 0; i < n; i++) {
		const int64_t at_ms = now_ms - (wall_ms - newest[i]);

		pace_was_taken(pace, at_ms > 0 ? (uint64_t)at_ms : 0);
	}
	write_times(file, newest, n, 0);
	(void)!ftruncate(file->fd, (off_t)(n * sizeof(*times)));
	pace_keep(pace, keep, file);
}
