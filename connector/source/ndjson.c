#include "connector/source/ndjson.h"

#include "connector/source/ndjson_private.h"
#include "connector/source/packing.h"
#include "connector/source/rotation.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { steps_per_call = 64 }; /* files passed over, and the like; then the loop gets its turn */

static struct ndjson *ndjson_of(const struct source *source)
{
	union {
		const struct source *in;
		struct ndjson *out;
	} both = {.in = source};

	return both.out;
}

/* Which files there are */

static void file_is_gone(void *arg, struct file_entry *entry)
{
	struct ndjson *n = arg;

	if (entry->known)
		entry->known->is_taken = false;
	if (n->entry == entry)
		n->entry = NULL; /* its reader has it open and reads on */
	else if (!entry->is_read && !entry->known && entry->size &&
	         n->reading.set.kind != FILE_SET_FILE) /* its rotated files are looked for */
		reading_tell(&n->reading, "%s disappeared before it was read", entry->name);
}

/* The streams bear the names of their files, in the state too. */
static void note_names(struct ndjson *n)
{
	const struct file_set *set = &n->reading.set;
	const struct source_host *host = n->reading.host;

	for (size_t i = 0; i < set->n; i++) {
		const struct file_entry *entry = set->entries[i];

		if (!entry->known || strcmp(entry->known->stream->name, entry->name) == 0)
			continue;
		known_rename(&n->reading.known, entry->known, entry->name);
		host->store(host->arg, entry->known->stream);
	}
}

static int list(struct ndjson *n, struct err *err)
{
	struct file_set *set = &n->reading.set;
	int r = file_set_list(set, n->reading.is_follow, file_is_gone, n, err);

	if (r < 0)
		return r;
	n->is_listed = true;
	note_names(n);
	n->next_entry = 0;
	n->read_bytes = n->total_bytes = 0;
	for (size_t i = 0; i < set->n; i++) {
		n->total_bytes += set->entries[i]->size;
		if (set->entries[i]->is_read)
			n->read_bytes += set->entries[i]->size;
	}
	if (n->reading.is_follow)
		file_watch_add_set(&n->watch, set);
	return 0;
}

static bool wants_reading(const struct ndjson *n, struct file_entry *entry)
{
	if (entry->is_read)
		return false;
	if (!n->reading.is_follow)
		return true;
	/* An empty file of those that grow says nothing yet, not even which it is. */
	return (entry->size || entry->known) &&
	       !packing_goes_on(&n->reading.set, entry, n->watch.n_seconds);
}

static struct file_entry *next_unread(struct ndjson *n)
{
	const struct file_set *set = &n->reading.set;

	for (; n->next_entry < set->n; n->next_entry++)
		if (wants_reading(n, set->entries[n->next_entry]))
			return set->entries[n->next_entry];
	return NULL;
}

static void say_nothing(const struct file_set *set, struct err *ret_text)
{
	const char *before = "", *behind = " does not exist";

	switch (set->kind) {
	case FILE_SET_FOLDER:
		behind = " holds no file to read";
		break;
	case FILE_SET_PATTERN:
		before = "no file matches ";
		behind = "";
		break;
	case FILE_SET_MISSING:
	case FILE_SET_FILE:
		break;
	}
	(void)err_set(ret_text, 0, "%s%s%s", before, set->name, behind);
}

static int fail_nothing(const struct file_set *set, struct err *err)
{
	struct err what;

	say_nothing(set, &what);
	if (set->kind == FILE_SET_FOLDER)
		return err_set(err, -ENOENT,
		               "%s: of a folder those are read that end in .ndjson, .jsonl or "
		               ".json, also with .gz or .zst behind it",
		               what.text);
	return err_set(err, -ENOENT,
	               "%s: check path below source.ndjson (it is relative to the folder of the "
	               "pipeline file)",
	               what.text);
}

static void tell_waiting(struct ndjson *n)
{
	struct err err;

	if (n->reader || n->told_waiting || n->reading.set.n)
		return;
	n->told_waiting = true;
	say_nothing(&n->reading.set, &err);
	reading_tell(&n->reading, "%s yet; waits for it", err.text);
}

/* One after another */

static void note_known(struct ndjson *n)
{
	struct known_stream *item = n->reader->item;

	if (!n->entry || !item || n->entry->known == item)
		return;
	if (n->entry->known)
		n->entry->known->is_taken = false; /* it was truncated, or replaced */
	n->entry->known = item;
}

/* The file stands in the set as it was when its end was reached. */
static void note_read(struct ndjson *n)
{
	struct file_entry *entry = n->entry;
	const struct window *w = &n->reader->window;

	n->line = n->reader->line;
	if (!entry)
		return;
	note_known(n);
	n->total_bytes += w->size - entry->size;
	if (entry->is_read)
		n->read_bytes -= entry->size;
	n->read_bytes += w->size;
	entry->size = entry->read_size = w->size;
	entry->mtime_ns = entry->read_mtime_ns = w->mtime_ns;
	entry->is_read = true;
}

static void close_reader(struct ndjson *n)
{
	struct reader *reader = n->reader;

	note_known(n);
	n->reader = NULL;
	n->entry = NULL;
	reader_close(reader);
}

/* With follow: what was rotated away and not read to its end comes before @entry. True: it does. */
static bool open_left(struct ndjson *n, struct file_entry *entry)
{
	struct rotation_left left;

	if (!n->reading.is_follow || !n->reading.host || entry->known)
		return false;
	while (rotation_next(&n->reading, entry, &left)) {
		cleanup_(freep) char *name = left.name;
		cleanup_(freep) char *path = file_set_path(&n->reading.set, name);
		struct err err;

		if (reader_open(&n->reading, path, name, &n->reader, &err) == 0) {
			n->reader->is_left = true;
			n->reader->only_rest = left.is_known;
			n->reader->search->is_rotated_away = true;
			reader_finish(n->reader);
			return true;
		}
		reading_tell(&n->reading, "%s", err.text);
	}
	return false;
}

/* What was there a moment ago may be gone or another: 0 then. */
static int open_entry(struct ndjson *n, struct file_entry *entry, struct err *err)
{
	cleanup_(freep) char *path = file_set_path(&n->reading.set, entry->name);
	int r;

	if (open_left(n, entry))
		return 1;
	r = reader_open(&n->reading, path, entry->name, &n->reader, err);

	if (r == -ENOENT) {
		if (!entry->known)
			reading_tell(&n->reading, "%s disappeared before it was read", entry->name);
		entry->is_read = true;
		return 0;
	}
	if (r < 0)
		return r;
	n->is_listed = false;
	if (n->reader->ino != entry->ino || n->reader->dev != entry->dev) {
		reader_free(n->reader); /* it was rotated just now */
		n->reader = NULL;
		return list(n, err);
	}
	n->reader->search->mine = entry->known;
	entry->is_opened = true;
	n->entry = entry;
	return 1;
}

/* Opens the next file. 1; 0: there is none; or a negative errno. */
static int open_next(struct ndjson *n, struct err *err)
{
	for (;;) {
		struct file_entry *entry = next_unread(n);
		int r;

		if (entry) {
			r = open_entry(n, entry, err);
			if (r)
				return r;
			continue;
		}
		if (n->is_listed)
			return 0;
		r = list(n, err);
		if (r < 0)
			return r;
	}
}

/* A file that is none of the set any more, at its end. True: it goes on. */
static bool end_lost(struct ndjson *n)
{
	const struct file_entry *heir = file_set_find(&n->reading.set, n->reader->name);
	const bool is_one =
		n->reading.set.kind == FILE_SET_FILE || n->reading.set.kind == FILE_SET_MISSING;
	struct stat st;

	/* Who writes to the new file has written all to the old one. */
	if ((heir && heir->size) ||
	    (!is_one && fstat(n->reader->window.fd, &st) == 0 && !st.st_nlink)) {
		reader_finish(n->reader);
		return true;
	}
	if (!next_unread(n))
		return false;
	close_reader(n);
	return true;
}

static void tell_rest(struct ndjson *n)
{
	const struct reader *reader = n->reader;

	if (!n->entry || n->entry->was_told || !(reader->is_cut || reader_has_rest(reader)))
		return;
	n->entry->was_told = true;
	reading_tell(&n->reading,
	             reader->is_cut
	                     ? "%s ends in the middle of its packed text; waits for the rest"
	                     : "%s ends without a line end; what stands there is read when the "
	                       "line is whole",
	             reader->name);
}

/*
 * With follow: the file has nothing more at the moment. 1: look again; 0: wait. A folder of
 * thousands is listed again when all that is known of it is read, not after each file.
 */
static int after_idle(struct ndjson *n, struct err *err)
{
	struct file_entry *next;

	note_read(n);
	next = n->entry ? next_unread(n) : NULL;
	if (!next && !n->is_listed) {
		int r = list(n, err);

		if (r < 0)
			return r;
		next = n->entry ? next_unread(n) : NULL;
	}
	if (!n->entry)
		return end_lost(n);
	if (!next)
		return 0;
	if (next != n->entry) {
		tell_rest(n);
		close_reader(n);
	}
	return 1;
}

/* With follow a file may become shorter, or another under its name: it is opened anew. */
static bool begins_anew(struct ndjson *n, int error)
{
	const struct window *w = &n->reader->window;

	if (error != -ESTALE || !n->reading.is_follow ||
	    !(w->became_shorter || (w->was_rewritten && n->reading.starts_anew_on_change)))
		return false;
	if (n->entry) {
		if (n->entry->is_read)
			n->read_bytes -= n->entry->size;
		n->entry->is_read = false;
		n->next_entry = 0;
	}
	close_reader(n);
	return true;
}

static int wait(struct ndjson *n)
{
	tell_waiting(n);
	n->is_waiting = true;
	return SOURCE_LATER;
}

/* One step: an enum source_next, a negative errno, or: look again. */
enum { GOES_ON = SOURCE_LATER + 1 };

static int step(struct ndjson *n, struct record **ret_record, struct err *err)
{
	int r;

	if (!n->reader) {
		r = open_next(n, err);
		if (r < 0)
			return r;
		if (r == 0)
			return n->reading.is_follow ? wait(n) : SOURCE_END;
	}
	r = reader_next(n->reader, ret_record, err);
	if (r < 0)
		return begins_anew(n, r) ? GOES_ON : r;
	switch ((enum reader_next)r) {
	case READER_RECORD:
		return SOURCE_RECORD;
	case READER_LATER:
		return SOURCE_LATER;
	case READER_IDLE:
		r = n->is_stdin ? 0 : after_idle(n, err);
		return r < 0 ? r : r == 0 ? wait(n) : GOES_ON;
	case READER_END:
		break;
	}
	if (n->is_stdin)
		return SOURCE_END;
	note_read(n);
	tell_rest(n);
	close_reader(n);
	return GOES_ON;
}

static int ndjson_next(struct source *source, struct record **ret_record, struct err *err)
{
	struct ndjson *n = ndjson_of(source);

	if (n->is_waiting && !n->is_stdin && file_watch_take(&n->watch))
		n->is_listed = false;
	n->is_waiting = false;
	for (int i = 0; i < steps_per_call; i++) {
		int r = step(n, ret_record, err);

		if (r != GOES_ON)
			return r;
	}
	return SOURCE_LATER;
}

static int ndjson_fd(const struct source *source)
{
	const struct ndjson *n = ndjson_of(source);

	if (!n->is_waiting)
		return -1;
	return n->is_stdin ? n->reader->fd : n->watch.epoll_fd;
}

static void ndjson_mark(struct source *source)
{
	struct ndjson *n = ndjson_of(source);

	if (n->reader)
		reader_mark(n->reader);
}

static struct source_position ndjson_position(const struct source *source)
{
	const struct ndjson *n = ndjson_of(source);
	struct source_position at = {
		.bytes = n->read_bytes, .size = n->total_bytes, .line = n->line};

	if (!n->reader)
		return at;
	at.line = n->reader->line;
	if (!n->entry || !n->entry->is_read)
		at.bytes += reader_file_bytes(n->reader);
	if (n->entry && n->reader->window.size > n->entry->size)
		at.size += n->reader->window.size - n->entry->size;
	return at;
}

static void ndjson_free(struct source *source)
{
	struct ndjson *n = ndjson_of(source);

	reader_free(n->reader);
	if (n->reading.is_follow)
		file_watch_deinit(&n->watch);
	if (!n->is_stdin)
		file_set_deinit(&n->reading.set);
	if (n->reading.host)
		known_deinit(&n->reading.known);
	free(n);
}

static bool ndjson_know(struct source *source, struct stream *stream)
{
	struct ndjson *n = ndjson_of(source);

	if (n->reader && !n->reader->stream)
		return false;
	(void)known_add(&n->reading.known, stream);
	return true;
}

static const struct source_type ndjson_source = {
	.name = "ndjson",
	.next = ndjson_next,
	.fd = ndjson_fd,
	.mark = ndjson_mark,
	.know = ndjson_know,
	.position = ndjson_position,
	.free = ndjson_free,
};

static struct ndjson *ndjson_new(const struct ndjson_options *options)
{
	struct ndjson *n = mem_alloc(sizeof(*n));

	n->source.type = &ndjson_source;
	n->is_stdin = strcmp(options->path, "-") == 0;
	n->reading = (struct reading){
		.max_record = options->max_record,
		.starts_anew_on_change = options->starts_anew_on_change,
		.is_follow = options->is_follow && !n->is_stdin,
		.host = options->host,
		.tell = options->tell,
		.tell_arg = options->tell_arg,
	};
	if (options->host)
		known_init(&n->reading.known, options->known, options->n_known);
	if (!n->is_stdin)
		file_set_init(&n->reading.set, options->path, options->name);
	return n;
}

/* Which the first file is, is decided before anything else begins. */
static int open_first(struct ndjson *n, struct err *err)
{
	int r = 0;

	if (n->reading.is_follow) {
		r = file_watch_init(&n->watch, err);
		if (r < 0)
			return r;
	}
	r = open_next(n, err);
	if (r == 0 && !n->reading.set.n && !n->reading.is_follow)
		return fail_nothing(&n->reading.set, err);
	if (r <= 0)
		return r;
	do
		r = reader_decide(n->reader, err);
	while (r == READER_UNDECIDED);
	return r < 0 ? r : 0;
}

int ndjson_open(const struct ndjson_options *options, struct source **ret_source, struct err *err)
{
	struct ndjson *n = ndjson_new(options);
	int r;

	if (n->is_stdin)
		r = reader_open_stdin(&n->reading, options->stdin_fd, &n->reader, err);
	else
		r = open_first(n, err);
	n->is_waiting = n->is_stdin;
	if (r < 0) {
		ndjson_free(&n->source);
		return r;
	}
	*ret_source = &n->source;
	return 0;
}
