/*
 * Standard input is known by all that was read of it, at most 64 KiB: a longer input that begins so
 * goes on, anything else is new. What follows is compared as it passes by.
 */

#include "connector/source/reader_private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int reader_open_stdin(struct reading *reading, int fd, struct reader **ret_reader, struct err *err)
{
	struct reader *n;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "standard input cannot be read: %s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_set(err, -EISDIR, "standard input is a folder");
	n = reader_new(reading, "-", STREAM_STDIN);
	window_init(&n->window, fd, n->shown, NULL);
	/* Everything else is always ready, and epoll refuses it. */
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(fd))
		n->fd = fd;
	*ret_reader = n;
	return 0;
}

/* How many first bytes must be there to decide; 0: none. */
static size_t head_wanted(const struct known *known)
{
	size_t wants = 0;

	for (size_t i = 0; i < known->n; i++) {
		const struct stream *s = known->items[i]->stream;

		if (s->kind == STREAM_STDIN && s->head_len > wants)
			wants = (size_t)s->head_len;
	}
	return wants;
}

/* The known standard input that began like this one: the longest such beginning; NULL: it is new.
 */
static struct stream *find_stdin(const struct known *known, const void *head, size_t head_len)
{
	struct stream *found = NULL;

	for (size_t i = 0; i < known->n; i++) {
		struct stream *s = known->items[i]->stream;
		char hex[sha256_hex];

		if (s->kind != STREAM_STDIN || s->head_len > head_len ||
		    (found && found->head_len > s->head_len))
			continue;
		if (s->head_len) {
			crypto_sha256_hex(head, (size_t)s->head_len, hex);
			if (strcmp(hex, s->head_hash) != 0)
				continue;
		}
		found = s;
	}
	return found;
}

/* What is packed is seen from its first bytes; STEP_NOTHING: it is known whether it is. */
static enum step choose_unpacking(struct reader *n)
{
	enum unpack_kind kind;

	if (n->is_kind_known)
		return STEP_NOTHING;
	kind = unpack_kind_of(n->window.data, n->window.len);
	if (kind == UNPACK_NONE && !n->window.is_end &&
	    unpack_may_be(n->window.data, n->window.len))
		return STEP_WANTS_MORE;
	n->is_kind_known = true;
	if (kind == UNPACK_NONE)
		return STEP_NOTHING;
	window_unpack(&n->window, kind);
	identity_deinit(&n->identity);
	identity_init(&n->identity, STREAM_STDIN);
	return STEP_PASSED;
}

enum step reader_decide_stdin(struct reader *reader)
{
	struct reader *n = reader;
	struct stream *stream = NULL;
	const enum step step = choose_unpacking(n);

	if (step != STEP_NOTHING)
		return step;
	if (n->reading->host) {
		if (n->window.len < head_wanted(&n->reading->known) && !n->window.is_end)
			return STEP_WANTS_MORE;
		stream = find_stdin(&n->reading->known, n->window.data, n->window.len);
	}
	reader_begin(n, stream ? stream : stream_new(STREAM_STDIN, n->name), !stream);
	return STEP_PASSED;
}
