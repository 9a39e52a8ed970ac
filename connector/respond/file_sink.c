#include "connector/respond/file_sink.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	write_bytes = 256 * 1024, /* gathered before it is written ahead of the sync */
	keep_bytes = 1024 * 1024, /* storage kept from turn to turn */
};

struct file_sink {
	char *path;
	int fd;
	dev_t dev;
	ino_t ino;
	off_t good;         /* length of the file up to the last synced event */
	struct buf pending; /* appended, not yet written */
	bool has_written;   /* something behind `good` */
	int failed;         /* of a write ahead of the sync, with its sentence: told by the sync */
	struct err err;
};

/* All events begin so: a torn line that does not is somebody else's. */
static const char event_start[] = "{\"specversion\":\"1.0\",\"id\":\"clo_";

static int failure(struct err *err, const char *path, const char *what)
{
	const int code = errno;

	return err_set(err, -code, "%s: cannot %s: %s", path, what, strerror(code));
}

/* Makes the name of a new file durable, or a crash could lose the file with all its events. */
static int sync_folder(const char *path, struct err *err)
{
	cleanup_(freep) char *copy = mem_strdup(path);
	const char *folder = dirname(copy);
	cleanup_(closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		return failure(err, folder, "make the new file durable");
	return 0;
}

/* Opens the file, making it where it is new. */
static int open_file(struct file_sink *sink, struct err *err)
{
	const int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

	sink->fd = open(sink->path, flags);
	if (sink->fd < 0 && errno == ENOENT) {
		sink->fd = open(sink->path, flags | O_CREAT, 0600);
		if (sink->fd >= 0)
			return sync_folder(sink->path, err);
	}
	if (sink->fd < 0 && errno == ELOOP)
		return err_set(err, -EINVAL, "%s: is a symbolic link; name the file it points to",
		               sink->path);
	return sink->fd < 0 ? failure(err, sink->path, "open the file for events") : 0;
}

static int read_all(int fd, char *to, size_t len, off_t at)
{
	while (len) {
		const ssize_t n = pread(fd, to, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* it shrank under us */
		to += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Where the last line begins: behind the last line feed of the first @size bytes. */
static int last_line(int fd, off_t size, off_t *ret_begin)
{
	char block[4096];

	while (size > 0) {
		const size_t n = size < (off_t)sizeof(block) ? (size_t)size : sizeof(block);
		const int r = read_all(fd, block, n, size - (off_t)n);
		const char *end;

		if (r < 0)
			return r;
		end = memrchr(block, '\n', n);
		if (end) {
			*ret_begin = size - (off_t)n + (end - block) + 1;
			return 0;
		}
		size -= (off_t)n;
	}
	*ret_begin = 0;
	return 0;
}

/*
 * Is the torn line of @len bytes the beginning of an event? A crash may leave NUL bytes where data
 * never reached the disk.
 */
static int looks_torn(int fd, off_t begin, size_t len)
{
	char start[sizeof(event_start) - 1];
	const size_t n = len < sizeof(start) ? len : sizeof(start);
	const int r = read_all(fd, start, n, begin);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (start[i] != event_start[i] && start[i] != '\0')
			return 0;
	return 1;
}

static int cut_torn_line(struct file_sink *sink, struct err *err)
{
	off_t begin;
	int r = last_line(sink->fd, sink->good, &begin);

	if (r == 0 && begin == sink->good)
		return 0;
	if (r == 0)
		r = looks_torn(sink->fd, begin, (size_t)(sink->good - begin));
	if (r == 0)
		return err_set(err, -EINVAL,
		               "%s: its last line is no event and has no end; name another file",
		               sink->path);
	if (r < 0) {
		errno = -r;
		return failure(err, sink->path, "read its end");
	}
	if (ftruncate(sink->fd, begin) < 0 || fdatasync(sink->fd) < 0)
		return failure(err, sink->path, "cut off its torn last line");
	sink->good = begin;
	return 0;
}

static void close_file(struct file_sink *sink)
{
	closep(&sink->fd);
	sink->fd = -1;
}

static int lock_file(struct file_sink *sink, struct err *err)
{
	if (flock(sink->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return failure(err, sink->path, "lock the file for events");
	return err_set(err, -EBUSY, "%s: another process writes events to it; name another file",
	               sink->path);
}

/* Checks the file that was opened, and makes it end in a whole line. */
static int take_over(struct file_sink *sink, struct err *err)
{
	struct stat st;
	int r;

	if (fstat(sink->fd, &st) < 0)
		return failure(err, sink->path, "look at the file for events");
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s: is no regular file; name one for events",
		               sink->path);
	r = lock_file(sink, err);
	if (r < 0)
		return r;
	sink->dev = st.st_dev;
	sink->ino = st.st_ino;
	sink->good = st.st_size;
	return cut_torn_line(sink, err);
}

/* Opens what is now under the path in the place of what was open. */
static int start(struct file_sink *sink, struct err *err)
{
	int r;

	close_file(sink);
	r = open_file(sink, err);
	if (r == 0)
		r = take_over(sink, err);
	if (r < 0)
		close_file(sink);
	return r;
}

/* Back to where the last sync left the file. */
static void forget(struct file_sink *sink)
{
	/* Where that fails it stays torn: opening it again cuts the tear or says what is wrong. */
	if (sink->has_written && sink->fd >= 0 && ftruncate(sink->fd, sink->good) < 0)
		close_file(sink);
}

int file_sink_open(const char *path, struct file_sink **ret_sink, struct err *err)
{
	struct file_sink *sink = mem_alloc(sizeof(*sink));
	int r;

	sink->path = mem_strdup(path);
	sink->fd = -1;
	r = start(sink, err);
	if (r < 0) {
		file_sink_close(sink);
		return r;
	}
	*ret_sink = sink;
	return 0;
}

void file_sink_close(struct file_sink *sink)
{
	if (!sink)
		return;
	forget(sink);
	close_file(sink);
	buf_deinit(&sink->pending);
	free(sink->path);
	free(sink);
}

/* Before the first byte of a turn: is the name still our file, and how long is it? */
static int find_file(struct file_sink *sink, struct err *err)
{
	struct stat st;

	if (sink->fd < 0 || lstat(sink->path, &st) < 0 || st.st_dev != sink->dev ||
	    st.st_ino != sink->ino)
		return start(sink, err);
	sink->good = st.st_size; /* it may have been emptied from outside */
	return 0;
}

/* Writes what is gathered. */
static int write_pending(struct file_sink *sink, struct err *err)
{
	const char *at = sink->pending.data;
	size_t left = sink->pending.len;

	int r;

	if (!sink->has_written) {
		r = find_file(sink, err);
		if (r < 0)
			return r;
	}
	sink->has_written = true;
	while (left) {
		const ssize_t n = write(sink->fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failure(err, sink->path, "write events");
		at += n;
		left -= (size_t)n;
	}
	buf_clear(&sink->pending);
	return 0;
}

void file_sink_append(struct file_sink *sink, const char *event, size_t len)
{
	if (sink->failed < 0)
		return; /* forgotten already: the sync will say so */
	buf_add(&sink->pending, event, len);
	buf_addc(&sink->pending, '\n');
	if (sink->pending.len >= write_bytes)
		sink->failed = write_pending(sink, &sink->err);
}

int file_sink_sync(struct file_sink *sink, struct err *err)
{
	int r = sink->failed;

	if (r < 0 && err)
		*err = sink->err;
	if (r == 0 && sink->pending.len)
		r = write_pending(sink, err);
	hook_point("file_written");
	if (r == 0 && sink->has_written && fdatasync(sink->fd) < 0)
		r = failure(err, sink->path, "make events durable");
	if (r < 0)
		forget(sink);

	buf_clear(&sink->pending);
	if (sink->pending.cap > keep_bytes)
		buf_deinit(&sink->pending);
	sink->has_written = false;
	sink->failed = 0;
	return r;
}
