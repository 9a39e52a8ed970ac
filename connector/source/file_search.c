#include "connector/source/file_search.h"

#include "lib/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum {
	fills_per_step = 64, /* 8 MiB or so */
	/* Answers of a comparison beside an error. */
	DIFFERS = 0,
	AGREES,
	GOES_ON,
};

void file_search_init(struct file_search *search, struct window *window, const struct stat *st,
                      const char *name)
{
	*search = (struct file_search){.window = window,
	                               .name = name,
	                               .dev = (uint64_t)st->st_dev,
	                               .ino = (uint64_t)st->st_ino,
	                               .size = (uint64_t)st->st_size,
	                               .mtime_ns = file_mtime_ns(st)};
}

void file_search_deinit(struct file_search *search)
{
	identity_deinit(&search->walk);
}

static bool is_inode(const struct file_search *f, const struct stream *s)
{
	return s->ino && s->ino == f->ino && s->dev == f->dev;
}

bool file_search_is_untouched(const struct file_search *search, const struct stream *stream)
{
	/* Of a packed file the size is known when its end was read (stream.h). */
	return is_inode(search, stream) && stream->mtime_ns == search->mtime_ns &&
	       (stream->size == search->size || (search->window->unpack && !stream->size));
}

bool file_search_is_settled(const struct file_search *search, const struct stream *stream)
{
	return search->window->unpack && stream->size && file_search_is_untouched(search, stream) &&
	       stream->settled_to == stream->hashed_to && !stream->n_ranges;
}

/* The candidates, the likeliest first */

enum pass { BY_NAME, BY_INODE, BY_CONTENT, BY_NAME_UNREAD, N_PASSES };

static const enum known_by ways[N_PASSES] = {
	[BY_NAME] = KNOWN_BY_NAME,
	[BY_INODE] = KNOWN_BY_INODE,
	[BY_CONTENT] = KNOWN_BY_HEAD,
	[BY_NAME_UNREAD] = KNOWN_BY_NAME,
};

/* Whether the file that @s speaks of stands among this run's files, and is not this one. */
static bool is_elsewhere(const struct file_search *f, const struct stream *s)
{
	const struct file_entry *entry = file_set_find_inode(f->set, s->dev, s->ino);

	return entry && strcmp(entry->name, f->name) != 0 && !is_inode(f, s);
}

/* Two names of one file are two files as long as both are there. */
static bool is_other_name(const struct file_search *f, const struct stream *s)
{
	const struct file_entry *entry = file_set_find(f->set, s->name);

	return entry && entry->ino == f->ino && entry->dev == f->dev;
}

static bool is_candidate(const struct file_search *f, const struct known_stream *item)
{
	const struct stream *s = item->stream;
	const bool is_name = strcmp(s->name, f->name) == 0;

	if (s->kind != STREAM_FILE || (item->is_taken && item != f->mine))
		return false;
	switch ((enum pass)f->pass) {
	case BY_NAME:
		return is_name && s->hashed_to;
	case BY_INODE:
		return !is_name && is_inode(f, s) && s->hashed_to && !is_other_name(f, s);
	case BY_CONTENT:
		return !is_name && !is_inode(f, s) && s->hashed_to >= identity_block &&
		       (f->is_rotated_away ||
		        (!file_set_find(f->set, s->name) && !is_elsewhere(f, s)));
	case BY_NAME_UNREAD:
		return is_name && !s->hashed_to;
	case N_PASSES:
		break;
	}
	return false;
}

static uint64_t key_of(const struct file_search *f)
{
	switch ((enum pass)f->pass) {
	case BY_INODE:
		return known_inode_key(f->dev, f->ino);
	case BY_CONTENT:
		return f->head_key;
	case BY_NAME:
	case BY_NAME_UNREAD:
	case N_PASSES:
		break;
	}
	return known_name_key(f->name);
}

/* False: there is none any more. */
static bool next_candidate(struct file_search *f)
{
	for (; f->pass < N_PASSES; f->pass++) {
		do
			f->candidate = known_find(f->known, ways[f->pass], key_of(f), f->candidate);
		while (f->candidate && !is_candidate(f, f->candidate));
		if (f->candidate)
			return true;
	}
	return false;
}

/* The content */

static int differs_shorter(struct file_search *f, uint64_t len, uint64_t end)
{
	f->difference_is_length = true;
	return err_set(&f->difference, DIFFERS,
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
static int read_at(const struct file_search *f, uint64_t pos, void *bytes, size_t len,
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

static int compare_head(struct file_search *f, const struct stream *s)
{
	if (s->head_len > f->head_len)
		return differs_shorter(f, f->head_len, s->hashed_to);
	if (hashes_to(f->head, (size_t)s->head_len, s->head_hash))
		return AGREES;
	return err_set(&f->difference, DIFFERS,
	               "its first %" PRIu64 " bytes are not those that were read", s->head_len);
}

static int differs_in_tail(struct file_search *f, const struct stream *s)
{
	return err_set(&f->difference, DIFFERS,
	               "bytes %" PRIu64 " to %" PRIu64 " are not those that were read last",
	               s->hashed_to - s->tail_len, s->hashed_to - 1);
}

static int compare_tail(struct file_search *f, const struct stream *s, struct err *err)
{
	uint8_t bytes[identity_block];
	int r;

	if (s->tail_len > sizeof(bytes))
		return differs_in_tail(f, s);
	r = read_at(f, s->hashed_to - s->tail_len, bytes, (size_t)s->tail_len, err);
	if (r < 0)
		return r;
	return hashes_to(bytes, (size_t)s->tail_len, s->tail_hash) ? AGREES : differs_in_tail(f, s);
}

/* Of a packed file: the window has walked to the end of the part read. */
static int compare_walked_tail(struct file_search *f, const struct stream *s)
{
	if (s->tail_len <= identity_block &&
	    hashes_to(window_at(f->window, s->hashed_to - s->tail_len), (size_t)s->tail_len,
	              s->tail_hash))
		return AGREES;
	return differs_in_tail(f, s);
}

static int finish_walk(struct file_search *f, const struct stream *s)
{
	if (identity_contradicts(&f->walk, s))
		return err_set(&f->difference, DIFFERS,
		               "the part already read (its first %" PRIu64
		               " bytes) has changed somewhere between its beginning and its end",
		               s->hashed_to);
	return f->window->unpack ? compare_walked_tail(f, s) : AGREES;
}

/* Compares all of the part read, as far as one step goes. */
static int walk(struct file_search *f, const struct stream *s, struct err *err)
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
			return GOES_ON;
		r = window_fill(w, f->walk.chained_to, err);
		if (r < 0 && r != -ENODATA)
			return r;
		if (r <= 0 || (w->is_end && window_end(w) == before))
			return differs_shorter(f, window_end(w), s->hashed_to);
	}
}

static void begin_walk(struct file_search *f)
{
	window_seek(f->window, 0);
	identity_deinit(&f->walk);
	identity_init(&f->walk, STREAM_FILE);
	f->is_walking = true;
}

static int compare(struct file_search *f, const struct stream *s, struct err *err)
{
	const uint64_t settled_end = stream_settled_end(s);
	const uint64_t end = s->hashed_to > settled_end ? s->hashed_to : settled_end;
	int r;

	f->difference_is_length = false;
	if (!f->window->unpack && f->size < end)
		return differs_shorter(f, f->size, end);
	if (!s->hashed_to)
		return AGREES;
	r = compare_head(f, s);
	if (r == AGREES && !f->window->unpack)
		r = compare_tail(f, s, err);
	if (r != AGREES || file_search_is_untouched(f, s))
		return r;
	begin_walk(f);
	return GOES_ON;
}

/* Fills the window until it has what the candidates are compared by first. */
static int take_head(struct file_search *f, struct err *err)
{
	struct window *w = f->window;
	char hex[sha256_hex];

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
	crypto_sha256_hex(f->head, f->head_len, hex);
	f->head_key = known_head_key(hex);
	f->has_head = true;
	return 0;
}

static int decide(struct file_search *f, enum file_verdict verdict)
{
	if (f->window->base > 0)
		window_seek(f->window, 0);
	return verdict;
}

/* The candidate is another. Whether that is told depends on how it was known. */
static void reject(struct file_search *f)
{
	if (f->pass == BY_NAME && !f->found && !is_elsewhere(f, f->candidate->stream)) {
		f->found = f->candidate;
		f->why = f->difference;
		f->is_shorter = f->difference_is_length;
	}
}

/* A packed file of which all is settled need not be unpacked to be known. */
static struct known_stream *find_settled(struct file_search *f)
{
	struct known_stream *found = NULL;

	for (f->pass = BY_NAME; !found && f->pass <= BY_INODE; f->pass++) {
		do
			found = known_find(f->known, ways[f->pass], key_of(f), found);
		while (found &&
		       !(is_candidate(f, found) && file_search_is_settled(f, found->stream)));
	}
	f->pass = BY_NAME;
	return found;
}

int file_search_step(struct file_search *search, struct err *err)
{
	struct file_search *f = search;
	int r;

	if (!f->has_head) {
		f->found = find_settled(f);
		if (f->found)
			return FILE_SAME;
		r = take_head(f, err);
		if (r < 0 || !f->has_head)
			return r < 0 ? r : FILE_UNDECIDED;
	}
	for (;;) {
		if (!f->is_walking && !next_candidate(f))
			return decide(f, f->found ? FILE_CHANGED : FILE_NEW);
		r = f->is_walking ? walk(f, f->candidate->stream, err)
		                  : compare(f, f->candidate->stream, err);
		if (r < 0)
			return r;
		if (r == GOES_ON)
			return FILE_UNDECIDED;
		f->is_walking = false;
		if (r == AGREES) {
			f->found = f->candidate;
			return decide(f, FILE_SAME);
		}
		reject(f);
	}
}
