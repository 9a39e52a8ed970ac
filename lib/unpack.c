#include "lib/unpack.h"

#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* or its input would be no const */
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

struct unpack {
	enum unpack_kind kind;
	uint64_t taken;
	uint64_t whole_to; /* so many of them are whole members or frames */
	bool may_hold;     /* something that did not fit into the last output */
	int error;         /* after which nothing more is unpacked */
	struct err why;
	z_stream gzip;      /* UNPACK_GZIP */
	ZSTD_DStream *zstd; /* UNPACK_ZSTD */
};

static const struct {
	enum unpack_kind kind;
	const char *name, *end, *magic;
	size_t magic_len;
} kinds[] = {
	{UNPACK_GZIP, "gzip", ".gz", "\x1f\x8b", 2},
	{UNPACK_ZSTD, "zstd", ".zst", "\x28\xb5\x2f\xfd", 4},
};

enum { n_kinds = sizeof(kinds) / sizeof(kinds[0]) };

enum unpack_kind unpack_kind_of(const void *bytes, size_t len)
{
	for (size_t i = 0; i < n_kinds; i++)
		if (len >= kinds[i].magic_len &&
		    memcmp(bytes, kinds[i].magic, kinds[i].magic_len) == 0)
			return kinds[i].kind;
	return UNPACK_NONE;
}

bool unpack_may_be(const void *bytes, size_t len)
{
	for (size_t i = 0; i < n_kinds; i++)
		if (!len || (len < kinds[i].magic_len && memcmp(bytes, kinds[i].magic, len) == 0))
			return true;
	return false;
}

enum unpack_kind unpack_kind_of_name(const char *name)
{
	const size_t len = strlen(name);

	for (size_t i = 0; i < n_kinds; i++) {
		const size_t end_len = strlen(kinds[i].end);

		if (len > end_len && strcmp(name + len - end_len, kinds[i].end) == 0)
			return kinds[i].kind;
	}
	return UNPACK_NONE;
}

const char *unpack_kind_name(enum unpack_kind kind)
{
	for (size_t i = 0; i < n_kinds; i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "";
}

struct unpack *unpack_new(enum unpack_kind kind)
{
	struct unpack *u = mem_alloc(sizeof(*u));

	assert(kind != UNPACK_NONE);
	u->kind = kind;
	if (kind == UNPACK_GZIP) {
		if (inflateInit2(&u->gzip, MAX_WBITS + 16) != Z_OK) /* 16: a gzip header */
			mem_exhausted();
		return u;
	}
	u->zstd = ZSTD_createDStream();
	if (!u->zstd)
		mem_exhausted();
	(void)ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, unpack_window_log);
	return u;
}

void unpack_free(struct unpack *u)
{
	if (!u)
		return;
	if (u->kind == UNPACK_GZIP)
		(void)inflateEnd(&u->gzip);
	(void)ZSTD_freeDStream(u->zstd);
	free(u);
}

void unpack_reset(struct unpack *u)
{
	if (u->kind == UNPACK_GZIP)
		(void)inflateReset(&u->gzip);
	else
		(void)ZSTD_DCtx_reset(u->zstd, ZSTD_reset_session_only);
	u->taken = 0;
	u->whole_to = 0;
	u->may_hold = false;
	u->error = 0;
}

static int fail_damaged(const struct unpack *u, const char *why, struct err *err)
{
	return err_set(err, -EBADMSG, "is damaged at byte %" PRIu64 " of the packed file: %s",
	               u->taken, why);
}

static int fail_behind(const struct unpack *u, struct err *err)
{
	return err_set(err, -EBADMSG,
	               "has something behind the end of its packed text, at byte %" PRIu64
	               " of the packed file, that is no %s",
	               u->whole_to, unpack_kind_name(u->kind));
}

/* Whether what failed are the first bytes of something behind a whole member or frame. */
static bool is_behind(const struct unpack *u)
{
	return u->whole_to && u->taken - u->whole_to <= unpack_magic_bytes;
}

/* One step with what is there; sets *ret_ended where a member ended. */
static int run_gzip(struct unpack *u, const void *in, size_t *in_len, void *out, size_t *out_len,
                    bool *ret_ended, struct err *err)
{
	z_stream *z = &u->gzip;
	int r;

	z->next_in = in;
	z->avail_in = *in_len < UINT_MAX ? (unsigned)*in_len : UINT_MAX;
	z->next_out = out;
	z->avail_out = *out_len < UINT_MAX ? (unsigned)*out_len : UINT_MAX;
	*in_len = z->avail_in;
	*out_len = z->avail_out;
	r = inflate(z, Z_NO_FLUSH);
	*in_len -= z->avail_in;
	*out_len -= z->avail_out;
	u->taken += *in_len;
	*ret_ended = r == Z_STREAM_END;
	if (r == Z_MEM_ERROR)
		mem_exhausted();
	if (r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR)
		return 0;
	if (is_behind(u))
		return fail_behind(u, err);
	return fail_damaged(u, z->msg ? z->msg : "its bytes are no gzip", err);
}

static int fail_zstd(const struct unpack *u, size_t code, struct err *err)
{
	const ZSTD_ErrorCode error = ZSTD_getErrorCode(code);

	if (error == ZSTD_error_memory_allocation)
		mem_exhausted();
	if (error == ZSTD_error_frameParameter_windowTooLarge)
		return err_set(err, -EFBIG,
		               "was packed with a window larger than %u MiB (zstd --ultra or "
		               "--long): pack it with level 19 at most, or pipe it in with zstd "
		               "-dc and path: \"-\"",
		               1u << (unpack_window_log - 20));
	if (error == ZSTD_error_prefix_unknown && is_behind(u))
		return fail_behind(u, err);
	return fail_damaged(u, ZSTD_getErrorName(code), err);
}

static int run_zstd(struct unpack *u, const void *in, size_t *in_len, void *out, size_t *out_len,
                    bool *ret_ended, struct err *err)
{
	ZSTD_inBuffer from = {in, *in_len, 0};
	ZSTD_outBuffer to = {out, *out_len, 0};
	const size_t r = ZSTD_decompressStream(u->zstd, &to, &from);

	*in_len = from.pos;
	*out_len = to.pos;
	u->taken += from.pos;
	*ret_ended = r == 0;
	return ZSTD_isError(r) ? fail_zstd(u, r, err) : 0;
}

static int step(struct unpack *u, const void *in, size_t *in_len, void *out, size_t *out_len,
                bool *ret_ended, struct err *err)
{
	return u->kind == UNPACK_GZIP ? run_gzip(u, in, in_len, out, out_len, ret_ended, err)
	                              : run_zstd(u, in, in_len, out, out_len, ret_ended, err);
}

int unpack_run(struct unpack *u, const void *in, size_t in_len, void *out, size_t out_len,
               size_t *ret_taken, size_t *ret_made, struct err *err)
{
	size_t taken = 0, made = 0;

	/* zstd takes being asked again and again without input and without need for an error. */
	while (u->error == 0 && made < out_len && (taken < in_len || u->may_hold)) {
		size_t step_in = in_len - taken, step_out = out_len - made;
		bool has_ended = false;

		u->error = step(u, (const char *)in + taken, &step_in, (char *)out + made,
		                &step_out, &has_ended, &u->why);
		taken += step_in;
		made += step_out;
		u->may_hold = made == out_len && !has_ended;
		if (!has_ended)
			continue;
		u->whole_to = u->taken;
		if (u->kind == UNPACK_GZIP)
			(void)inflateReset(&u->gzip);
	}
	*ret_taken = taken;
	*ret_made = made;
	if (u->error < 0)
		return err_set(err, u->error, "%s", u->why.text);
	return 0;
}

bool unpack_is_whole(const struct unpack *u)
{
	return u->taken > 0 && u->whole_to == u->taken && !u->may_hold;
}

uint64_t unpack_bytes_taken(const struct unpack *u)
{
	return u->taken;
}
