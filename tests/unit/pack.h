#pragma once

/* What `gzip` and `zstd` make of a text, for tests of what reads it. */

#include "lib/buf.h"
#include "lib/unpack.h"
#include "tests/unit/check.h"

#define ZLIB_CONST /* or its input would be no const */
#include <zlib.h>
#include <zstd.h>

static inline void pack_gzip(struct buf *out, const void *bytes, size_t len)
{
	z_stream z = {0};

	check_eq(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.avail_out = (unsigned)deflateBound(&z, len) + 64;
	z.next_out = (Bytef *)buf_room(out, z.avail_out);
	z.next_in = bytes;
	z.avail_in = (unsigned)len;
	check_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len += z.total_out;
	check_eq(deflateEnd(&z), Z_OK);
}

/* With a checksum, as the zstd program does it. */
static inline void pack_zstd(struct buf *out, const void *bytes, size_t len, int window_log)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	const size_t room = ZSTD_compressBound(len);
	size_t n;

	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag,
	                             0); /* or small ones say no window */
	if (window_log)
		(void)ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, window_log);
	n = ZSTD_compress2(c, buf_room(out, room), room, bytes, len);
	check(!ZSTD_isError(n));
	out->len += n;
	(void)ZSTD_freeCCtx(c);
}

/* One member or frame behind @out. */
static inline void pack_one(struct buf *out, enum unpack_kind kind, const void *bytes, size_t len)
{
	if (kind == UNPACK_GZIP)
		pack_gzip(out, bytes, len);
	else
		pack_zstd(out, bytes, len, 0);
}
