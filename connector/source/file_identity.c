#include "connector/source/file_identity.h"

#include "lib/mem.h"

#include <assert.h>
#include <string.h>

void identity_init(struct identity *id, enum stream_kind kind)
{
	*id = (struct identity){.head_max = kind == STREAM_STDIN ? identity_stdin_head
	                                                         : identity_block};
}

void identity_deinit(struct identity *id)
{
	buf_deinit(&id->head);
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
		id->chained_to = identity_whole_blocks(stream->hashed_to);
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

	assert(id->chained_to == identity_whole_blocks(to));
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

	if (!stream->hashed_to || id->chained_to != identity_whole_blocks(stream->hashed_to))
		return false;
	crypto_hex(id->chain, sha256_bytes, hex);
	return strcmp(hex, stream->whole_hash) != 0;
}
