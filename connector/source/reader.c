#include "connector/source/reader.h"

#include "connector/source/reader_private.h"
#include "lib/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { fills_per_call = 64 }; /* 8 MiB or so; then the loop gets its turn */

void reader_free(struct reader *reader)
{
	struct reader *n = reader;

	if (!n)
		return;
	if (!n->reading->host)
		stream_free(n->stream);
	if (!n->window.is_file)
		n->window.fd = -1; /* borrowed */
	if (n->search)
		file_search_deinit(n->search);
	free(n->search);
	window_deinit(&n->window);
	identity_deinit(&n->identity);
	free(n->earlier);
	free(n->name);
	free(n);
}

struct reader *reader_new(struct reading *reading, const char *name, enum stream_kind kind)
{
	struct reader *n = mem_alloc(sizeof(*n));

	n->reading = reading;
	n->name = mem_strdup(name);
	n->shown = kind == STREAM_STDIN ? "standard input" : n->name;
	n->fd = -1;
	n->window.fd = -1;
	identity_init(&n->identity, kind);
	return n;
}

/* What is settled of @s, with all before settled_to as a range of its own. */
static void note_earlier(struct reader *n, const struct stream *s)
{
	n->earlier = mem_array(s->n_ranges + 1, sizeof(*n->earlier));
	if (s->settled_to)
		n->earlier[n->n_earlier++] =
			(struct stream_range){0, s->settled_to, s->settled_line};
	for (size_t i = 0; i < s->n_ranges; i++)
		n->earlier[n->n_earlier++] = s->ranges[i];
}

/* The same for what this run has read of it already. */
static void note_handed_out(struct reader *n, const struct known_stream *item)
{
	n->earlier = mem_array(item->n_earlier + 1, sizeof(*n->earlier));
	if (item->at)
		n->earlier[n->n_earlier++] = (struct stream_range){0, item->at, item->line};
	for (size_t i = 0; i < item->n_earlier; i++)
		n->earlier[n->n_earlier++] = item->earlier[i];
}

void reader_begin(struct reader *reader, struct stream *stream, bool is_new)
{
	struct reader *n = reader;

	n->stream = stream;
	if (n->item && n->item->is_begun)
		note_handed_out(n, n->item);
	else
		note_earlier(n, stream);
	if (n->reading->host)
		n->reading->host->begin(n->reading->host->arg, stream, is_new);
}

/* Opening a file */

static int fail_open(const char *name, int code, struct err *err)
{
	switch (code) {
	case -ENOENT:
		return err_set(err, code,
		               "%s does not exist: check path below source.ndjson (it is relative "
		               "to the folder of the pipeline file)",
		               name);
	case -EACCES:
		return err_set(err, code,
		               "%s must not be read by this user: permit it (chmod, chown), or run "
		               "as somebody who may",
		               name);
	case -ESPIPE:
		return err_set(err, code, "%s is not a regular file: pipe it in, with path: \"-\"",
		               name);
	default:
		return err_set(err, code, "%s cannot be opened: %s", name, strerror(-code));
	}
}

static int open_file(struct reader *n, const char *path, struct stat *ret_st, struct err *err)
{
	/* O_NONBLOCK: a named pipe without a writer would hold us here. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return fail_open(n->shown, -errno, err);
	if (fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode)) {
		(void)close(fd);
		return fail_open(n->shown, -ESPIPE, err);
	}
	window_init(&n->window, fd, n->shown, ret_st);
	n->dev = (uint64_t)ret_st->st_dev;
	n->ino = (uint64_t)ret_st->st_ino;
	n->opened_size = n->window.size;
	n->opened_mtime_ns = n->window.mtime_ns;
	return 0;
}

/* By its first bytes; its name must not promise something else. */
static int choose_unpacking(struct reader *n, struct err *err)
{
	const enum unpack_kind promised = unpack_kind_of_name(n->name);
	char bytes[unpack_magic_bytes];
	const ssize_t len = pread(n->window.fd, bytes, sizeof(bytes), 0);
	enum unpack_kind kind;

	if (len < 0)
		return fail_open(n->shown, -errno, err);
	kind = unpack_kind_of(bytes, (size_t)len);
	/* So few bytes are the beginning of one. */
	if (kind == UNPACK_NONE && promised != UNPACK_NONE && unpack_may_be(bytes, (size_t)len))
		kind = promised;
	if (promised != UNPACK_NONE && kind != promised)
		return err_set(err, -EBADMSG,
		               "%s is named like a file packed with %s and is none: name it as "
		               "what it is, or pack it",
		               n->shown, unpack_kind_name(promised));
	if (kind == UNPACK_NONE) {
		int r = reader_check_start(n, bytes, (size_t)len, err);

		return r < 0 ? r : 0;
	}
	window_unpack(&n->window, kind);
	return 0;
}

int reader_open(struct reading *reading, const char *path, const char *name,
                struct reader **ret_reader, struct err *err)
{
	struct reader *n = reader_new(reading, name, STREAM_FILE);
	struct stat st = {0};
	int r = open_file(n, path, &st, err);

	if (r == 0)
		r = choose_unpacking(n, err);
	if (r < 0) {
		reader_free(n);
		return r;
	}
	n->search = mem_alloc(sizeof(*n->search));
	file_search_init(n->search, &n->window, &st, n->name);
	n->search->set = &reading->set;
	n->search->known = &reading->known;
	n->search->is_follow = reading->is_follow;
	*ret_reader = n;
	return 0;
}

/* Deciding which file it is */

void reading_tell(const struct reading *reading, const char *format, ...)
{
	struct err text;
	va_list args;

	if (!reading->tell)
		return;
	va_start(args, format);
	(void)err_vset(&text, 0, format, args);
	va_end(args);
	reading->tell(reading->tell_arg, text.text);
}

static int fail_changed(const struct reader *n, const struct file_search *search, struct err *err)
{
	return err_set(err, -ESTALE,
	               "%s is not what was read before: %s. Nothing of it was sent. Put the old "
	               "content back to go on at line %" PRIu64
	               ", or begin anew: ndjson.on_change: new, or "
	               "run --new-state",
	               n->shown, search->why.text, search->found->stream->settled_line + 1);
}

/* The content last known under this name, whatever became of it. */
static const struct stream *predecessor(const struct reader *n)
{
	const struct known_stream *item = NULL;

	do
		item = known_find(&n->reading->known, KNOWN_BY_NAME, known_name_key(n->name), item);
	while (item &&
	       (item->stream->kind != STREAM_FILE || strcmp(item->stream->name, n->name) != 0));
	return item ? item->stream : NULL;
}

static void begin_new(struct reader *n)
{
	struct stream *stream = stream_new(STREAM_FILE, n->name);

	stream->dev = n->dev;
	stream->ino = n->ino;
	stream->size = n->window.unpack ? 0 : n->opened_size;
	stream->mtime_ns = n->opened_mtime_ns;
	if (n->reading->host) {
		const struct stream *before = predecessor(n);

		stream->generation = before ? before->generation + 1 : 0;
		n->item = known_add(&n->reading->known, stream);
		n->item->is_taken = true;
	}
	reader_begin(n, stream, true);
}

/* A stream that goes on gets the name, inode, size and time. */
static void adopt(struct reader *n, struct stream *s, bool is_untouched)
{
	n->is_dirty = !is_untouched || (!n->only_rest && strcmp(s->name, n->name) != 0);
	if (!n->is_dirty)
		return;
	/* What was rotated away keeps the name of what it was. */
	if (!n->only_rest) {
		free(s->name);
		s->name = mem_strdup(n->name);
	}
	s->dev = n->dev;
	s->ino = n->ino;
	if (is_untouched)
		return;
	s->size = n->window.unpack ? 0 : n->opened_size;
	s->mtime_ns = n->opened_mtime_ns;
}

/* What was found here is not where this run had it before: that has changed since. */
static void leave_home(const struct reader *n, const struct known_stream *item)
{
	struct file_entry *entry = file_set_find(&n->reading->set, item->stream->name);

	if (entry && entry->known == item && strcmp(entry->name, n->name) != 0)
		entry->known = NULL;
}

static void go_on(struct reader *n, const struct file_search *search)
{
	struct stream *s = search->found->stream;
	const bool is_untouched = file_compare_is_untouched(&search->compare, s);

	n->is_complete = file_compare_is_settled(&search->compare, s);
	if (n->is_complete) {
		n->at = s->settled_to;
		n->line = s->settled_line;
	}
	n->item = search->found;
	n->item->is_taken = true;
	leave_home(n, n->item);
	adopt(n, s, is_untouched);
	known_update(&n->reading->known, n->item);
	reader_begin(n, s, false);
	if (!n->window.unpack)
		identity_resume(&n->identity, s, search->compare.head, search->compare.head_len);
}

static bool has_another_inode(const struct reader *n, const struct stream *s)
{
	return s->ino != n->ino || s->dev != n->dev;
}

/* The name is known, the content is another. */
static int take_changed(struct reader *n, const struct file_search *search, struct err *err)
{
	const struct stream *before = search->found->stream;
	const bool is_rotated = n->reading->is_follow && has_another_inode(n, before);

	if (!is_rotated && n->reading->is_follow && search->is_shorter)
		reading_tell(
			n->reading,
			"%s became shorter (it was truncated) and is read from its start; lines that "
			"stood behind byte %" PRIu64 " and were not read before are lost",
			n->shown, before->hashed_to);
	else if (!is_rotated && !n->reading->starts_anew_on_change)
		return fail_changed(n, search, err);
	begin_new(n);
	return READER_DECIDED;
}

/* With follow it is looked at again when it has grown. */
static int take_cut(struct reader *n, const struct file_search *search, struct err *err)
{
	n->is_cut = true;
	if (n->reading->is_follow)
		return READER_DECIDED;
	return err_set(
		err, -ENODATA,
		"%s ends in the middle of its packed text and begins like %s, which was read "
		"before: whether it is the same shows when it is whole. Nothing of it was "
		"sent; run again then",
		n->shown, search->found->stream->name);
}

static int take_verdict(struct reader *n, enum file_verdict verdict, struct err *err)
{
	struct file_search *search = n->search;

	switch (verdict) {
	case FILE_SAME:
		go_on(n, search);
		break;
	case FILE_CHANGED:
		if (!n->only_rest)
			return take_changed(n, search, err);
		break;
	case FILE_NEW:
		if (!n->only_rest)
			begin_new(n);
		break;
	case FILE_WAITS:
		return take_cut(n, search, err);
	case FILE_UNDECIDED:
		return READER_UNDECIDED;
	}
	return READER_DECIDED;
}

int reader_decide(struct reader *reader, struct err *err)
{
	struct reader *n = reader;
	int r;

	if (!n->reading->host) {
		begin_new(n);
		return READER_DECIDED;
	}
	r = file_search_step(n->search, err);
	if (r < 0)
		return r;
	r = take_verdict(n, (enum file_verdict)r, err);
	if (r != READER_DECIDED)
		return r;
	identity_see(&n->identity, 0, n->search->compare.head, n->search->compare.head_len);
	file_search_deinit(n->search);
	free(n->search);
	n->search = NULL;
	return READER_DECIDED;
}

/* Reading */

/* Reads on. 1: look again; 0: nothing is there at the moment. */
static int fill(struct reader *n, struct err *err)
{
	const bool waits = n->reading->is_follow && !n->is_final;
	const uint64_t end = window_end(&n->window);
	int r = window_fill(&n->window, n->at, err);

	n->is_cut = r == -ENODATA;
	if (n->is_cut && waits)
		return 0;
	if (r <= 0)
		return r;
	if (n->reading->host && window_end(&n->window) > end)
		identity_see(&n->identity, end, window_at(&n->window, end),
		             (size_t)(window_end(&n->window) - end));
	return !(waits && n->window.is_end);
}

/* The end was reached: a packed file is known by its size from now on, and need not be unpacked. */
static void note_end(struct reader *n)
{
	if (!n->window.unpack || !n->window.is_file || !n->reading->host || n->is_complete ||
	    !n->stream || n->window.size != n->opened_size ||
	    n->window.mtime_ns != n->opened_mtime_ns || n->stream->size == n->opened_size)
		return;
	n->stream->size = n->opened_size;
	n->is_dirty = true;
}

static int look(struct reader *n, struct record **ret_record, struct err *err)
{
	if (n->stream && !n->is_complete)
		return reader_look(n, ret_record, err);
	if (!n->stream && !n->window.is_file)
		return (int)reader_decide_stdin(n);
	return STEP_END; /* all is settled, or it is none that is known, or waits */
}

static int read_on(struct reader *n, struct record **ret_record, struct err *err)
{
	for (unsigned n_fills = 0;;) {
		int r = look(n, ret_record, err);

		if (r < 0)
			return r;
		if (r == STEP_RECORD)
			return READER_RECORD;
		if (r == STEP_PASSED)
			continue;
		if (r == STEP_END) {
			note_end(n);
			return READER_END;
		}
		if (n_fills++ == fills_per_call)
			return READER_LATER;
		r = fill(n, err);
		if (r <= 0)
			return r < 0 ? r : READER_IDLE;
	}
}

int reader_next(struct reader *reader, struct record **ret_record, struct err *err)
{
	if (!reader->stream && reader->search) {
		int r = reader_decide(reader, err);

		if (r < 0)
			return r;
		if (r == READER_UNDECIDED)
			return READER_LATER;
	}
	return read_on(reader, ret_record, err);
}

void reader_finish(struct reader *reader)
{
	reader->is_final = true;
	reader->window.is_end = false; /* it is looked for once more */
}

void reader_mark(struct reader *reader)
{
	struct reader *n = reader;
	const size_t tail_len = n->at < window_history ? (size_t)n->at : window_history;

	/* Inside a long line the hashes are ahead of what was handed out. */
	if (!n->reading->host || !n->stream || n->is_in_long || n->at <= n->stream->hashed_to)
		return;
	identity_mark(&n->identity, n->at, window_at(&n->window, n->at - tail_len), tail_len,
	              n->stream);
}

bool reader_has_rest(const struct reader *reader)
{
	return reader->stream && !reader->is_complete &&
	       (reader->is_in_long || window_end(&reader->window) > reader->at);
}

uint64_t reader_file_bytes(const struct reader *reader)
{
	return reader->window.unpack ? window_file_bytes(&reader->window) : reader->at;
}

/* Where it goes on if it is opened again in this run. */
static void note_place(const struct reader *n)
{
	struct known_stream *item = n->item;
	const size_t n_left = n->n_earlier - n->i_earlier;

	if (n->is_complete)
		return;
	item->is_begun = true;
	item->at = n->is_in_long ? n->long_pos : n->at;
	item->line = n->line;
	free(item->earlier);
	item->earlier = NULL;
	item->n_earlier = n_left;
	if (n_left) {
		item->earlier = mem_array(n_left, sizeof(*item->earlier));
		memcpy(item->earlier, n->earlier + n->i_earlier, n_left * sizeof(*item->earlier));
	}
}

void reader_close(struct reader *reader)
{
	struct reader *n = reader;

	if (!n)
		return;
	reader_mark(n);
	if (n->item && n->stream) {
		note_place(n);
		n->item->is_taken &= !n->is_left;
		known_update(&n->reading->known, n->item);
		if (n->is_dirty)
			n->reading->host->store(n->reading->host->arg, n->stream);
	}
	reader_free(n);
}
