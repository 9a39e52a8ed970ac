#include "connector/source/file_compare.h"

#include "connector/source/file_set.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { fills_per_step = 64 }; /* 8 MiB or so */

void file_compare_init(struct file_compare *compare, struct window *window, const struct stat *st,
                       const char *name)
{
	*compare = (struct file_compare){.window = window,
	                                 .name = name,
	                                 .dev = (uint64_t)st->st_dev,
	                                 .ino = (uint64_t)st->st_ino,
	                                 .size = (uint64_t)st->st_size,
	                                 .mtime_ns = file_mtime_ns(st)};
}

void file_compare_deinit(struct file_compare *compare)
{
	identity_deinit(&compare->walk);
}

bool file_compare_is_inode(const struct file_compare *compare, const struct stream *stream)
{
	return stream->ino && stream->ino == compare->ino && stream->dev == compare->dev;
}

bool file_compare_is_untouched(const struct file_compare *compare, const struct stream *stream)
{
	/* Of a packed file the size is known when its end was read (stream.h). */
	return file_compare_is_inode(compare, stream) && stream->mtime_ns == compare->mtime_ns &&
	       (stream->size == compare->size || (compare->window->unpack && !stream->size));
}

bool file_compare_is_settled(const struct file_compare *compare, const struct stream *stream)
{
	return compare->window->unpack && stream->size &&
	       file_compare_is_untouched(compare, stream) &&
	       stream->settled_to == stream->hashed_to && !stream->n_ranges;
}

static int differs_shorter(struct file_compare *f, uint64_t len, uint64_t end)
{
	f->difference_is_length = true;
	return err_set(&f->difference, FILE_DIFFERS,
	               "it is shorter (%" PRIu64 " bytes) than the part already read (%" PRIu64
	               " bytes)",
	               len, end);
}

static bool hashes_to(const void *bytes, size_t len, const char *hex)
{
	char found[sha256_hex];

	crypto_sha256_hex(bytes, len, found);
	return strcmp(found, hex) == 0;
}

/* Reads all of [@pos, @pos + @len); -ESTALE where the file ends before. */
static int read_at(const struct file_compare *f, uint64_t pos, void *bytes, size_t len,
                   struct err *err)
{
	while (len) {
		const ssize_t n = pread(f->window->fd, bytes, len, (off_t)pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, -errno, "%s cannot be read at byte %" PRIu64 ": %s",
			               f->name, pos, strerror(errno));
		if (n == 0)
			return err_set(err, -ESTALE, "%s became shorter while it was looked at",
			               f->name);
		pos += (uint64_t)n;
		len -= (size_t)n;
		bytes = (char *)bytes + n;
	}
	return 0;
}

static int compare_head(struct file_compare *f, const struct stream *s)
{
	if (s->head_len > f->head_len)
		return differs_shorter(f, f->head_len, s->hashed_to);
	if (hashes_to(f->head, (size_t)s->head_len, s->head_hash))
		return FILE_AGREES;
	return err_set(&f->difference, FILE_DIFFERS,
	               "its first %" PRIu64 " bytes are not those that were read", s->head_len);
}

static int differs_in_tail(struct file_compare *f, const struct stream *s)
{
	return err_set(&f->difference, FILE_DIFFERS,
	               "bytes %" PRIu64 " to %" PRIu64 " are not those that were read last",
	               s->hashed_to - s->tail_len, s->hashed_to - 1);
}

static int compare_tail(struct file_compare *f, const struct stream *s, struct err *err)
{
	uint8_t bytes[identity_block];
	int r;

	if (s->tail_len > sizeof(bytes))
		return differs_in_tail(f, s);
	r = read_at(f, s->hashed_to - s->tail_len, bytes, (size_t)s->tail_len, err);
	if (r < 0)
		return r;
	return hashes_to(bytes, (size_t)s->tail_len, s->tail_hash) ? FILE_AGREES
	                                                           : differs_in_tail(f, s);
}

/* Of a packed file: the window has walked to the end of the part read. */
static int compare_walked_tail(struct file_compare *f, const struct stream *s)
{
	if (s->tail_len <= identity_block &&
	    hashes_to(window_at(f->window, s->hashed_to - s->tail_len), (size_t)s->tail_len,
	              s->tail_hash))
		return FILE_AGREES;
	return differs_in_tail(f, s);
}

static int finish_walk(struct file_compare *f, const struct stream *s)
{
	if (identity_contradicts(&f->walk, s))
		return err_set(&f->difference, FILE_DIFFERS,
		               "the part already read (its first %" PRIu64
		               " bytes) has changed somewhere between its beginning and its end",
		               s->hashed_to);
	return f->window->unpack ? compare_walked_tail(f, s) : FILE_AGREES;
}

/* Compares all of the part read, as far as one step goes. */
static int walk(struct file_compare *f, const struct stream *s, struct err *err)
{
	const uint64_t last = identity_whole_blocks(s->hashed_to);
	const uint64_t end = f->window->unpack ? s->hashed_to : last;
	struct window *w = f->window;

	for (unsigned n_fills = 0;; n_fills++) {
		const uint64_t before = window_end(w);
		int r;

		while (f->walk.chained_to < last &&
		       f->walk.chained_to + identity_block <= window_end(w))
			identity_add_block(&f->walk, window_at(w, f->walk.chained_to));
		if (window_end(w) >= end)
			return finish_walk(f, s);
		if (n_fills == fills_per_step)
			return FILE_COMPARING;
		r = window_fill(w, f->walk.chained_to, err);
		if (r < 0 && r != -ENODATA)
			return r;
		if (r == -ENODATA) {
			(void)differs_shorter(f, window_end(w), s->hashed_to);
			return FILE_IS_CUT;
		}
		if (r == 0 || (w->is_end && window_end(w) == before))
			return differs_shorter(f, window_end(w), s->hashed_to);
	}
}

static void begin_walk(struct file_compare *f)
{
	window_seek(f->window, 0);
	identity_deinit(&f->walk);
	identity_init(&f->walk, STREAM_FILE);
	f->is_walking = true;
}

static int begin(struct file_compare *f, const struct stream *s, struct err *err)
{
	const uint64_t settled_end = stream_settled_end(s);
	const uint64_t end = s->hashed_to > settled_end ? s->hashed_to : settled_end;
	int r;

	f->difference_is_length = false;
	if (!f->window->unpack && f->size < end)
		return differs_shorter(f, f->size, end);
	if (!s->hashed_to)
		return FILE_AGREES;
	r = compare_head(f, s);
	if (r == FILE_AGREES && !f->window->unpack)
		r = compare_tail(f, s, err);
	if (r != FILE_AGREES || file_compare_is_untouched(f, s))
		return r;
	begin_walk(f);
	return FILE_COMPARING;
}

int file_compare_step(struct file_compare *compare, const struct stream *stream, struct err *err)
{
	int r = compare->is_walking ? walk(compare, stream, err) : begin(compare, stream, err);

	if (r != FILE_COMPARING)
		compare->is_walking = false;
	return r;
}

int file_compare_take_head(struct file_compare *compare, struct err *err)
{
	struct file_compare *f = compare;
	struct window *w = f->window;

	for (unsigned n_fills = 0; w->len < sizeof(f->head); n_fills++) {
		int r;

		if (n_fills == fills_per_step)
			return 0;
		r = window_fill(w, 0, err);
		/* What is cut or damaged still has a beginning; it is told when that was read. */
		if (r < 0 && r != -ENODATA && !(w->unpack && w->len))
			return r;
		if (r <= 0 || w->is_end)
			break;
	}
	f->head_len = w->len < sizeof(f->head) ? w->len : sizeof(f->head);
	if (f->head_len)
		memcpy(f->head, w->data, f->head_len);
	f->has_head = true;
	return 1;
}
