#include "connector/source/file_identity.h"

#include "lib/cleanup.h"
#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void identity_init(struct identity *id, enum stream_kind kind)
{
	*id = (struct identity){.head_max = kind == STREAM_STDIN ? identity_stdin_head
	                                                         : identity_block};
}

void identity_deinit(struct identity *id)
{
	buf_deinit(&id->head);
}

static uint64_t whole_blocks(uint64_t pos)
{
	return pos - pos % identity_block;
}

static bool unhex(const char *hex, uint8_t ret_hash[static sha256_bytes])
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(hex) != sha256_hex - 1 || strspn(hex, digits) != sha256_hex - 1)
		return false;
	for (size_t i = 0; i < sha256_bytes; i++)
		ret_hash[i] = (uint8_t)((strchr(digits, hex[2 * i]) - digits) << 4 |
		                        (strchr(digits, hex[2 * i + 1]) - digits));
	return true;
}

void identity_resume(struct identity *id, const struct stream *stream, const void *head,
                     size_t head_len)
{
	buf_clear(&id->head);
	identity_see(id, 0, head, head_len);
	if (unhex(stream->whole_hash, id->chain))
		id->chained_to = whole_blocks(stream->hashed_to);
}

void identity_see(struct identity *id, uint64_t pos, const void *bytes, size_t len)
{
	size_t skip;

	if (id->head.len == id->head_max || pos + len <= id->head.len)
		return;
	assert(pos <= id->head.len);
	skip = id->head.len - (size_t)pos;
	len -= skip;
	if (len > id->head_max - id->head.len)
		len = id->head_max - id->head.len;
	buf_add(&id->head, (const char *)bytes + skip, len);
}

static void chain(uint8_t link[static sha256_bytes], const void *block)
{
	uint8_t both[sha256_bytes + identity_block];

	memcpy(both, link, sha256_bytes);
	memcpy(both + sha256_bytes, block, identity_block);
	crypto_sha256(both, sizeof(both), link);
}

void identity_add_block(struct identity *id, const void *block)
{
	chain(id->chain, block);
	id->chained_to += identity_block;
}

void identity_mark(const struct identity *id, uint64_t to, const void *tail, size_t tail_len,
                   struct stream *stream)
{
	const size_t head_len = to < id->head.len ? (size_t)to : id->head.len;

	assert(id->chained_to == whole_blocks(to));
	if (head_len != stream->head_len) {
		crypto_sha256_hex(buf_text(&id->head), head_len, stream->head_hash);
		stream->head_len = head_len;
	}
	crypto_sha256_hex(tail, tail_len, stream->tail_hash);
	stream->tail_len = tail_len;
	crypto_hex(id->chain, sha256_bytes, stream->whole_hash);
	stream->hashed_to = to;
}

bool identity_contradicts(const struct identity *id, const struct stream *stream)
{
	char hex[sha256_hex];

	if (!stream->hashed_to || id->chained_to != whole_blocks(stream->hashed_to))
		return false;
	crypto_hex(id->chain, sha256_bytes, hex);
	return strcmp(hex, stream->whole_hash) != 0;
}

/* Reads all of [@pos, @pos + @len); -ESTALE where the file ends before. */
static int read_at(int fd, uint64_t pos, void *bytes, size_t len, struct err *err)
{
	while (len) {
		const ssize_t n = pread(fd, bytes, len, (off_t)pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, -errno, "cannot be read at byte %" PRIu64 ": %s", pos,
			               strerror(errno));
		if (n == 0)
			return err_set(err, -ESTALE, "it became shorter while it was looked at");
		pos += (uint64_t)n;
		len -= (size_t)n;
		bytes = (char *)bytes + n;
	}
	return 0;
}

/* 1 where [@pos, @pos + @len) hashes to @hex, 0 where not. */
static int agrees(int fd, uint64_t pos, uint64_t len, const char *hex, struct err *err)
{
	uint8_t bytes[identity_block];
	char found[sha256_hex];
	int r;

	if (len > sizeof(bytes))
		return 0;
	r = read_at(fd, pos, bytes, (size_t)len, err);
	if (r < 0)
		return r;
	crypto_sha256_hex(bytes, (size_t)len, found);
	return strcmp(found, hex) == 0;
}

static int whole_agrees(int fd, const struct stream *s, struct err *err)
{
	enum { n_bytes = 256 * identity_block };
	cleanup_(freep) char *bytes = mem_alloc(n_bytes);
	const uint64_t end = whole_blocks(s->hashed_to);
	uint8_t link[sha256_bytes] = {0};
	char found[sha256_hex];

	for (uint64_t pos = 0; pos < end;) {
		const size_t len = end - pos < n_bytes ? (size_t)(end - pos) : n_bytes;
		int r = read_at(fd, pos, bytes, len, err);

		if (r < 0)
			return r;
		for (size_t i = 0; i < len; i += identity_block)
			chain(link, bytes + i);
		pos += len;
	}
	crypto_hex(link, sizeof(link), found);
	return strcmp(found, s->whole_hash) == 0;
}

static int64_t mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static bool is_inode(const struct stat *st, const struct stream *s)
{
	return s->ino && s->ino == (uint64_t)st->st_ino && s->dev == (uint64_t)st->st_dev;
}

static bool is_untouched(const struct stat *st, const struct stream *s)
{
	return is_inode(st, s) && s->size == (uint64_t)st->st_size && s->mtime_ns == mtime_ns(st);
}

/* 1 where the content agrees with what @s knows, 0 with what differs in @err. */
static int content_agrees(int fd, const struct stat *st, const struct stream *s, struct err *err)
{
	const uint64_t settled_end = stream_settled_end(s);
	const uint64_t end = s->hashed_to > settled_end ? s->hashed_to : settled_end;
	int r;

	if ((uint64_t)st->st_size < end)
		return err_set(err, 0,
		               "it is shorter (%" PRIu64 " bytes) than the part already read "
		               "(%" PRIu64 " bytes)",
		               (uint64_t)st->st_size, end);
	if (!s->hashed_to)
		return 1;

	r = agrees(fd, 0, s->head_len, s->head_hash, err);
	if (r <= 0)
		return r < 0 ? r
		             : err_set(err, 0,
		                       "its first %" PRIu64 " bytes are not those that were read",
		                       s->head_len);
	r = agrees(fd, s->hashed_to - s->tail_len, s->tail_len, s->tail_hash, err);
	if (r <= 0)
		return r < 0 ? r
		             : err_set(err, 0,
		                       "bytes %" PRIu64 " to %" PRIu64
		                       " are not those that were read last",
		                       s->hashed_to - s->tail_len, s->hashed_to - 1);
	if (is_untouched(st, s))
		return 1;
	r = whole_agrees(fd, s, err);
	if (r == 0)
		return err_set(err, 0,
		               "the part already read (its first %" PRIu64
		               " bytes) has changed somewhere between its beginning and its end",
		               s->hashed_to);
	return r;
}

/* How well the file is known: 3 by its name, 2 by its inode, 1 by its content alone, 0 not. */
static int rank(const struct stat *st, const char *name, const struct stream *s)
{
	if (s->kind != STREAM_FILE)
		return 0;
	if (strcmp(s->name, name) == 0)
		return 3;
	if (is_inode(st, s) && s->hashed_to)
		return 2;
	return s->hashed_to >= identity_block;
}

static void adopt(struct stream *s, const struct stat *st, const char *name)
{
	if (strcmp(s->name, name) != 0) {
		free(s->name);
		s->name = mem_strdup(name);
	}
	s->dev = (uint64_t)st->st_dev;
	s->ino = (uint64_t)st->st_ino;
	s->size = (uint64_t)st->st_size;
	s->mtime_ns = mtime_ns(st);
}

int identity_find_file(int fd, const struct stat *st, const char *name, struct stream *const *known,
                       size_t n_known, struct stream **ret_stream, struct err *err)
{
	struct stream *changed = NULL;
	struct err difference = {""}, first = {""};

	/* Newest first: an old content under a name may come back, but rarely does. */
	for (int wanted = 3; wanted > 0; wanted--) {
		for (size_t i = n_known; i-- > 0;) {
			int r;

			if (rank(st, name, known[i]) != wanted)
				continue;
			r = content_agrees(fd, st, known[i], &difference);
			if (r < 0)
				return err_set(err, r, "%s: %s", name, difference.text);
			if (r) {
				adopt(known[i], st, name);
				*ret_stream = known[i];
				return IDENTITY_SAME;
			}
			if (wanted == 3 && !changed) {
				changed = known[i];
				first = difference;
			}
		}
	}
	*ret_stream = changed;
	if (!changed)
		return IDENTITY_NEW;
	return err_set(err, IDENTITY_CHANGED, "%s", first.text);
}

size_t identity_stdin_wants(struct stream *const *known, size_t n_known)
{
	size_t wants = 0;

	for (size_t i = 0; i < n_known; i++)
		if (known[i]->kind == STREAM_STDIN && known[i]->head_len > wants)
			wants = (size_t)known[i]->head_len;
	return wants;
}

struct stream *identity_find_stdin(struct stream *const *known, size_t n_known, const void *head,
                                   size_t head_len)
{
	struct stream *found = NULL;

	for (size_t i = 0; i < n_known; i++) {
		struct stream *s = known[i];
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
