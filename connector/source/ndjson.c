#include "connector/source/ndjson.h"

#include "connector/source/ndjson_private.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { fills_per_call = 64 }; /* 8 MiB or so; then the loop gets its turn */

static struct ndjson *ndjson_of(const struct source *source)
{
	union {
		const struct source *in;
		struct ndjson *out;
	} both = {.in = source};

	return both.out;
}

int ndjson_check_first_bytes(const struct ndjson *n, const char *bytes, size_t len, struct err *err)
{
	static const struct {
		const char *bytes;
		size_t len;
		int code;
		const char *sentence;
	} rows[] = {
		{"\xff\xfe", 2, -EILSEQ, "is UTF-16: write it as UTF-8"},
		{"\xfe\xff", 2, -EILSEQ, "is UTF-16: write it as UTF-8"},
		{"\x1f\x8b", 2, -ENOTSUP,
	         "is compressed with gzip, which is not available yet: unpack it, or pipe it in "
	         "with gunzip -c and path: \"-\""},
		{"\x28\xb5\x2f\xfd", 4, -ENOTSUP,
	         "is compressed with zstd, which is not available yet: unpack it, or pipe it in "
	         "with zstd -dc and path: \"-\""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (len >= rows[i].len && memcmp(bytes, rows[i].bytes, rows[i].len) == 0)
			return err_set(err, rows[i].code, "%s %s", n->shown, rows[i].sentence);
	return 0;
}

/* What is settled of @n's stream, with all before settled_to as a range of its own. */
static void note_earlier(struct ndjson *n)
{
	const struct stream *s = n->stream;

	n->earlier = mem_array(s->n_ranges + 1, sizeof(*n->earlier));
	if (s->settled_to)
		n->earlier[n->n_earlier++] =
			(struct stream_range){0, s->settled_to, s->settled_line};
	for (size_t i = 0; i < s->n_ranges; i++)
		n->earlier[n->n_earlier++] = s->ranges[i];
}

static void begin(struct ndjson *n, struct stream *stream, bool is_new)
{
	n->stream = stream;
	note_earlier(n);
	if (n->host)
		n->host->begin(n->host->arg, stream, is_new);
}

/* Finds out which standard input this is, as soon as enough of it is there. */
static int identify_stdin(struct ndjson *n)
{
	const size_t wants = identity_stdin_wants(n->known, n->n_known);
	struct stream *stream;

	if (n->window.len < wants && !n->window.is_end)
		return STEP_WANTS_MORE;
	stream = identity_find_stdin(n->known, n->n_known, n->window.data, n->window.len);
	begin(n, stream ? stream : stream_new(STREAM_STDIN, n->name), !stream);
	return STEP_PASSED;
}

/* Reads on. 1: look again; 0: nothing is there at the moment. */
static int fill(struct ndjson *n, struct err *err)
{
	const uint64_t end = window_end(&n->window);
	int r = window_fill(&n->window, n->at, err);

	if (r > 0 && n->host)
		identity_see(&n->identity, end, window_at(&n->window, end),
		             (size_t)(window_end(&n->window) - end));
	return r;
}

static int ndjson_next(struct source *source, struct record **ret_record, struct err *err)
{
	struct ndjson *n = ndjson_of(source);
	unsigned n_fills = 0;
	int r;

	for (;;) {
		r = n->stream ? ndjson_look(n, ret_record, err) : identify_stdin(n);
		if (r < 0)
			return r;
		if (r == STEP_RECORD)
			return SOURCE_RECORD;
		if (r == STEP_END)
			return SOURCE_END;
		if (r == STEP_PASSED)
			continue;
		if (n_fills++ == fills_per_call)
			return SOURCE_LATER;
		r = fill(n, err);
		if (r <= 0)
			return r < 0 ? r : SOURCE_LATER;
	}
}

static int ndjson_fd(const struct source *source)
{
	return ndjson_of(source)->fd;
}

static void ndjson_mark(struct source *source)
{
	struct ndjson *n = ndjson_of(source);
	const size_t tail_len = n->at < window_history ? (size_t)n->at : window_history;

	/* Inside a long line the hashes are ahead of what was handed out. */
	if (!n->host || !n->stream || n->is_in_long || n->at <= n->stream->hashed_to)
		return;
	identity_mark(&n->identity, n->at, window_at(&n->window, n->at - tail_len), tail_len,
	              n->stream);
}

static struct source_position ndjson_position(const struct source *source)
{
	const struct ndjson *n = ndjson_of(source);

	return (struct source_position){.bytes = n->at, .size = n->window.size, .line = n->line};
}

static void ndjson_free(struct source *source)
{
	struct ndjson *n = ndjson_of(source);

	if (!n->host)
		stream_free(n->stream);
	if (!n->window.is_file)
		n->window.fd = -1; /* borrowed */
	window_deinit(&n->window);
	identity_deinit(&n->identity);
	free(n->earlier);
	free(n->name);
	free(n);
}

static const struct source_type ndjson_source = {
	.name = "ndjson",
	.next = ndjson_next,
	.fd = ndjson_fd,
	.mark = ndjson_mark,
	.position = ndjson_position,
	.free = ndjson_free,
};

static struct ndjson *ndjson_new(const struct ndjson_options *options, enum stream_kind kind)
{
	struct ndjson *n = mem_alloc(sizeof(*n));

	n->source.type = &ndjson_source;
	n->name = mem_strdup(options->name);
	n->shown = kind == STREAM_STDIN ? "standard input" : n->name;
	n->fd = -1;
	n->max_record = options->max_record;
	n->starts_anew_on_change = options->starts_anew_on_change;
	n->known = options->known;
	n->n_known = options->host ? options->n_known : 0;
	n->host = options->host;
	n->window.fd = -1;
	identity_init(&n->identity, kind);
	return n;
}

static int open_stdin(struct ndjson *n, int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "standard input cannot be read: %s", strerror(errno));
	window_init(&n->window, fd, n->shown, NULL);
	/* Everything else is always ready, and epoll refuses it. */
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(fd))
		n->fd = fd;
	return 0;
}

static int fail_open(const char *path, int code, struct err *err)
{
	switch (code) {
	case -ENOENT:
		return err_set(err, code,
		               "%s does not exist: check path below source.ndjson (it is relative "
		               "to the folder of the pipeline file)",
		               path);
	case -EACCES:
		return err_set(err, code,
		               "%s must not be read by this user: permit it (chmod, chown), or run "
		               "as somebody who may",
		               path);
	case -EISDIR:
		return err_set(err, code,
		               "%s is a folder, and reading all files of a folder is not available "
		               "yet: name one file",
		               path);
	case -ESPIPE:
		return err_set(err, code, "%s is not a regular file: pipe it in, with path: \"-\"",
		               path);
	default:
		return err_set(err, code, "%s cannot be opened: %s", path, strerror(-code));
	}
}

/* Whether @fd is a file we can read from any place. */
static int check_kind(int fd, struct stat *ret_st)
{
	if (fstat(fd, ret_st) < 0)
		return -errno;
	if (S_ISDIR(ret_st->st_mode))
		return -EISDIR;
	return S_ISREG(ret_st->st_mode) ? 0 : -ESPIPE;
}

static int open_file(const char *path, int *ret_fd, struct stat *ret_st, struct err *err)
{
	/* O_NONBLOCK: a named pipe without a writer would hold us here. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int r;

	if (fd < 0)
		return fail_open(path, -errno, err);
	r = check_kind(fd, ret_st);
	if (r < 0) {
		(void)close(fd);
		return fail_open(path, r, err);
	}
	*ret_fd = fd;
	return 0;
}

static int fail_changed(const struct ndjson *n, const struct stream *stream, struct err *difference,
                        struct err *err)
{
	return err_set(err, -ESTALE,
	               "%s is not what was read before: %s. Nothing was sent. Put the old content "
	               "back to go on at line %" PRIu64
	               ", or begin anew: ndjson.on_change: new, or "
	               "run --new-state",
	               n->shown, difference->text, stream->settled_line + 1);
}

static struct stream *new_file_stream(const struct ndjson *n, const struct stat *st,
                                      const struct stream *changed)
{
	struct stream *stream = stream_new(STREAM_FILE, n->name);

	stream->dev = (uint64_t)st->st_dev;
	stream->ino = (uint64_t)st->st_ino;
	stream->size = n->window.size;
	stream->mtime_ns = n->window.mtime_ns;
	stream->generation = changed ? changed->generation + 1 : 0;
	return stream;
}

/* Which file it is, and where to go on in it. */
static int identify_file(struct ndjson *n, const struct stat *st, struct err *err)
{
	struct stream *stream = NULL;
	struct err difference = {""};
	int r = identity_find_file(n->window.fd, st, n->name, n->known, n->n_known, &stream,
	                           &difference);

	if (r < 0)
		return err_set(err, r, "%s", difference.text);
	if (r == IDENTITY_CHANGED && !n->starts_anew_on_change)
		return fail_changed(n, stream, &difference, err);
	if (r == IDENTITY_SAME)
		begin(n, stream, false);
	else
		begin(n, new_file_stream(n, st, stream), true);
	return 0;
}

static int begin_file(struct ndjson *n, const char *path, struct err *err)
{
	char head[identity_block];
	struct stat st = {0};
	ssize_t len;
	int fd = -1;
	int r;

	r = open_file(path, &fd, &st, err);
	if (r < 0)
		return r;
	window_init(&n->window, fd, n->shown, &st);
	len = pread(fd, head, sizeof(head), 0);
	if (len < 0)
		return fail_open(path, -errno, err);
	r = ndjson_check_first_bytes(n, head, (size_t)len, err);
	if (r >= 0)
		r = identify_file(n, &st, err);
	if (r < 0)
		return r;
	if (n->host)
		identity_resume(&n->identity, n->stream, head, (size_t)len);
	return 0;
}

int ndjson_open(const struct ndjson_options *options, struct source **ret_source, struct err *err)
{
	const bool is_stdin = strcmp(options->path, "-") == 0;
	struct ndjson *n = ndjson_new(options, is_stdin ? STREAM_STDIN : STREAM_FILE);
	int r = is_stdin ? open_stdin(n, options->stdin_fd, err)
	                 : begin_file(n, options->path, err);

	if (r < 0) {
		ndjson_free(&n->source);
		return r;
	}
	*ret_source = &n->source;
	return 0;
}

int ndjson_count_lines(const char *path, uint64_t *ret_n_lines, struct err *err)
{
	cleanup_(freep) char *bytes = mem_alloc(window_chunk);
	cleanup_(closep) int fd = -1;
	uint64_t n_lines = 0;
	char last = '\n';
	struct stat st;
	ssize_t n;
	int r;

	if (strcmp(path, "-") != 0) {
		r = open_file(path, &fd, &st, err);
		if (r < 0)
			return r;
		while ((n = read(fd, bytes, window_chunk)) > 0) {
			const char *end = bytes + n;

			for (const char *p = bytes; (p = memchr(p, '\n', (size_t)(end - p))); p++)
				n_lines++;
			last = end[-1];
		}
		if (n < 0)
			return fail_open(path, -errno, err);
	}
	*ret_n_lines = n_lines + (last != '\n');
	return 0;
}
