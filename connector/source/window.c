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
	unpack_free(w->unpack);
	free(w->packed);
	free(w->data);
}

void window_unpack(struct window *w, enum unpack_kind kind)
{
	assert(w->base == 0 && w->len <= (size_t)2 * window_chunk && !w->unpack);
	w->unpack = unpack_new(kind);
	w->packed = mem_array(2, window_chunk);
	if (w->len)
		memcpy(w->packed, w->data, w->len);
	w->packed_len = w->len;
	w->len = 0;
	w->is_end = false;
}

void window_seek(struct window *w, uint64_t pos)
{
	assert(w->is_file && (!w->unpack || pos == 0));
	w->base = pos;
	w->len = 0;
	w->is_end = false;
	w->packed_at = w->packed_len = 0;
	if (w->unpack)
		unpack_reset(w->unpack);
}

uint64_t window_file_bytes(const struct window *w)
{
	return w->unpack ? unpack_bytes_taken(w->unpack) : window_end(w);
}

/* Where the next byte to read stands in the file. */
static uint64_t next_byte(const struct window *w)
{
	return w->unpack ? unpack_bytes_taken(w->unpack) + w->packed_len - w->packed_at
	                 : window_end(w);
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
	w->became_shorter = w->size < next_byte(w);
	if (w->became_shorter)
		return err_set(err, -ESTALE,
		               "%s became shorter while it was read: it has %" PRIu64
		               " bytes, and %" PRIu64 " were read already. Nothing more was read; "
		               "let the file be finished before it is read, and run again",
		               w->name, w->size, next_byte(w));
	/* What is packed vouches for itself. */
	w->was_rewritten = !w->unpack && !is_history_intact(w);
	if (w->was_rewritten)
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

/* Reads from where it stands. The number of bytes, 0 at the end, or -EAGAIN. */
static ssize_t read_on(struct window *w, void *bytes, struct err *err)
{
	const uint64_t pos = next_byte(w);
	ssize_t n;

	do
		n = w->is_file ? pread(w->fd, bytes, window_chunk, (off_t)pos)
		               : read(w->fd, bytes, window_chunk);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return -EAGAIN;
	return err_set(err, -errno, "%s cannot be read at byte %" PRIu64 ": %s", w->name, pos,
	               strerror(errno));
}

static int fail_cut(const struct window *w, struct err *err)
{
	if (!unpack_bytes_taken(w->unpack))
		return err_set(
			err, -ENODATA,
			"%s is empty, which no packed file is: it was cut short, or is still "
			"being written. Run again when it is whole",
			w->name);
	return err_set(
		err, -ENODATA,
		"%s ends in the middle of its packed text, behind byte %" PRIu64 " (byte %" PRIu64
		" unpacked): it was cut short, or is still being written. Every whole record "
		"before that was read; run again when the file is whole, and it goes on there",
		w->name, unpack_bytes_taken(w->unpack), window_end(w));
}

static int fail_damaged(const struct window *w, int code, const struct err *why, struct err *err)
{
	return err_set(err, code,
	               "%s %s. What came before (%" PRIu64
	               " bytes unpacked) was read; put a sound file in its place and run again",
	               w->name, why->text, window_end(w));
}

/* Like window_fill(); 1 may also mean that what was read made no text yet. */
static int fill_packed(struct window *w, struct err *err)
{
	struct err why = {""};

	w->is_end = false;
	for (bool has_read = false;; has_read = true) {
		size_t taken, made;
		int r = unpack_run(w->unpack, w->packed + w->packed_at,
		                   w->packed_len - w->packed_at, w->data + w->len, window_chunk,
		                   &taken, &made, &why);

		w->packed_at += taken;
		w->len += made;
		if (made)
			return 1; /* damage shows again when there is nothing before it */
		if (r < 0)
			return fail_damaged(w, r, &why, err);
		if (has_read)
			return 1;
		if (!w->is_file && !is_ready(w->fd))
			return 0;
		w->packed_at = w->packed_len = 0;
		r = (int)read_on(w, w->packed, err);
		if (r < 0)
			return r == -EAGAIN ? 0 : r;
		if (r == 0)
			break;
		w->packed_len = (size_t)r;
	}
	if (!unpack_is_whole(w->unpack))
		return fail_cut(w, err);
	w->is_end = true;
	return 1;
}

int window_fill(struct window *w, uint64_t pos, struct err *err)
{
	ssize_t n;

	if (w->is_file) {
		int r = check_unchanged(w, err);

		if (r < 0)
			return r;
	}
	make_room(w, pos);
	if (w->unpack)
		return fill_packed(w, err);
	if (!w->is_file && !is_ready(w->fd))
		return 0;
	n = read_on(w, w->data + w->len, err);
	if (n < 0)
		return n == -EAGAIN ? 0 : (int)n;
	w->len += (size_t)n;
	w->is_end = n == 0;
	return 1;
}
