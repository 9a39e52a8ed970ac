#pragma once

/*
 * The door to zlib and libzstd: unpacks as the bytes come, in memory that does not grow with what
 * is packed (gzip 48 KiB; zstd 10 MiB at most, unpack_window_log). Several gzip members or zstd
 * frames one after another are one text, as they are for gunzip and zstd.
 */

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unpack_kind { UNPACK_NONE, UNPACK_GZIP, UNPACK_ZSTD };

enum {
	unpack_magic_bytes = 4, /* that many first bytes tell the kind */
	unpack_window_log = 23, /* of zstd: 8 MiB, what `zstd -19` needs */
};

/* What packed bytes begin so; UNPACK_NONE: none that we know. */
enum unpack_kind unpack_kind_of(const void *bytes, size_t len);

/* Whether so few bytes may yet become the first ones of a kind. */
bool unpack_may_be(const void *bytes, size_t len);

/* By the end of its name: .gz, .zst */
enum unpack_kind unpack_kind_of_name(const char *name);

const char *unpack_kind_name(enum unpack_kind kind); /* "gzip", "zstd"; "" for none */

struct unpack;

struct unpack *unpack_new(enum unpack_kind kind);
void unpack_free(struct unpack *u); /* NULL is ignored */

/* Begins anew: what comes next is the first packed byte. */
void unpack_reset(struct unpack *u);

/*
 * Unpacks from @in into @out until one of them is used up; says how much of each was. Returns 0; or
 * -EBADMSG where the packed bytes are damaged or no more of the kind, -EFBIG where a zstd frame
 * needs more memory than the bound, with a sentence that names the packed byte and begins with no
 * name. What was written to @out before stays good. The same error comes again until
 * unpack_reset().
 */
int unpack_run(struct unpack *u, const void *in, size_t in_len, void *out, size_t out_len,
               size_t *ret_taken, size_t *ret_made, struct err *err);

/* All packed bytes so far are whole members or frames, at least one: the text may end here. */
bool unpack_is_whole(const struct unpack *u);

uint64_t unpack_bytes_taken(const struct unpack *u); /* packed ones */
