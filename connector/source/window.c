#include "connector/source/window.h"

#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void note(struct window *w, const struct stat *st)
{
	w->size = (uint64_t)st->st_size;
	w->mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

void window_init(struct window *w, int fd, const char *name, const struct stat *st)
{
	*w = (struct window){.fd = fd, .name = name, .is_file = st};
	if (st)
		note(w, st);
}

void window_deinit(struct window *w)
{
	if (w->fd >= 0)
		(void)close(w->fd);
	free(w->data);
}

void window_seek(struct window *w, uint64_t pos)
{
	assert(w->is_file);
	w->base = pos;
	w->len = 0;
	w->is_end = false;
}

/* Whether the last bytes read still stand in the file: appending leaves them, rewriting does not.
 */
static bool is_history_intact(const struct window *w)
{
	const size_t n = w->len < window_history ? w->len : window_history;
	char bytes[window_history];
	size_t got = 0;

	while (got < n) {
		const ssize_t r =
			pread(w->fd, bytes + got, n - got, (off_t)(window_end(w) - n + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		got += (size_t)r;
	}
	return n == 0 || memcmp(bytes, w->data + w->len - n, n) == 0;
}

static int check_unchanged(struct window *w, struct err *err)
{
	const uint64_t size = w->size;
	const int64_t mtime_ns = w->mtime_ns;
	struct stat st;

	if (fstat(w->fd, &st) < 0)
		return err_set(err, -errno, "%s cannot be looked at: %s", w->name, strerror(errno));
	note(w, &st);
	if (w->size == size && w->mtime_ns == mtime_ns)
		return 0;
	if (w->size < window_end(w))
		return err_set(err, -ESTALE,
		               "%s became shorter while it was read: it has %" PRIu64
		               " bytes, and %" PRIu64 " were read already. Nothing more was read; "
		               "let the file be finished before it is read, and run again",
		               w->name, w->size, window_end(w));
	if (!is_history_intact(w))
		return err_set(
			err, -ESTALE,
			"%s was rewritten while it was read: the bytes before byte %" PRIu64
			" are no longer those that were read. Nothing more was read; let the "
			"file be finished before it is read, and run again",
			w->name, window_end(w));
	return 0;
}

/* Room for a chunk behind what is kept. */
static void make_room(struct window *w, uint64_t pos)
{
	const uint64_t keep_from = pos > window_history ? pos - window_history : 0;

	if (w->data && w->cap - w->len >= window_chunk)
		return;
	if (w->data && keep_from > w->base) {
		const size_t n = keep_from < window_end(w) ? (size_t)(keep_from - w->base) : w->len;

		memmove(w->data, w->data + n, w->len - n);
		w->base += n;
		w->len -= n;
	}
	if (!w->data || w->cap - w->len < window_chunk) {
		w->cap = w->data ? w->cap * 2 : (size_t)2 * window_chunk;
		w->data = mem_resize(w->data, w->cap, 1);
	}
}

/* Whether a read would return at once. */
static bool is_ready(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) != 0;
}

int window_fill(struct window *w, uint64_t pos, struct err *err)
{
	ssize_t n;
	int r;

	if (w->is_file) {
		r = check_unchanged(w, err);
		if (r < 0)
			return r;
	} else if (!is_ready(w->fd)) {
		return 0;
	}

	make_room(w, pos);
	do
		n = w->is_file ? pread(w->fd, w->data + w->len, window_chunk, (off_t)window_end(w))
		               : read(w->fd, w->data + w->len, window_chunk);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n < 0)
		return err_set(err, -errno, "%s cannot be read at byte %" PRIu64 ": %s", w->name,
		               window_end(w), strerror(errno));
	w->len += (size_t)n;
	w->is_end = n == 0;
	return 1;
}
