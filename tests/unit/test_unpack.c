#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/unpack.h"
#include "tests/unit/pack.h"

#include <errno.h>
#include <string.h>

static const enum unpack_kind kinds[] = {UNPACK_GZIP, UNPACK_ZSTD};

static const char text[] =
	"{\"id\":1,\"name\":\"Ada\"}\n{\"id\":2,\"name\":\"Grace\"}\n{\"id\":3,\"name\":\"Edsger\"}\n";

/* Unpacks @packed in pieces of @in_piece and @out_piece bytes; what came stays also on failure. */
static int unpack_all(struct unpack *u, const struct buf *packed, size_t in_piece, size_t out_piece,
                      struct buf *out, struct err *err)
{
	size_t at = 0;

	for (;;) {
		const size_t there = packed->len - at < in_piece ? packed->len - at : in_piece;
		size_t taken, made;
		int r = unpack_run(u, packed->data + at, there, buf_room(out, out_piece), out_piece,
		                   &taken, &made, err);

		at += taken;
		out->len += made;
		out->data[out->len] = '\0';
		if (r < 0 || (at == packed->len && made < out_piece))
			return r;
	}
}

static void check_unpacks(enum unpack_kind kind, const struct buf *packed, const char *expected)
{
	static const size_t pieces[] = {1, 2, 3, 7, 4096};
	struct unpack *u = unpack_new(kind);
	struct err err = {""};

	for (size_t i = 0; i < 5; i++) {
		for (size_t k = 0; k < 5; k++) {
			struct buf out = BUF_INIT;

			unpack_reset(u);
			if (unpack_all(u, packed, pieces[i], pieces[k], &out, &err) < 0)
				fail_msg("%s", err.text);
			check_text(buf_text(&out), expected);
			check(unpack_is_whole(u));
			check_eq(unpack_bytes_taken(u), packed->len);
			buf_deinit(&out);
		}
	}
	unpack_free(u);
}

static void a_kind_is_known_by_its_first_bytes_and_by_its_name(void **state)
{
	(void)state;
	check_eq(unpack_kind_of("\x1f\x8b\x08\x00", 4), UNPACK_GZIP);
	check_eq(unpack_kind_of("\x1f\x8b", 2), UNPACK_GZIP);
	check_eq(unpack_kind_of("\x1f", 1), UNPACK_NONE);
	check_eq(unpack_kind_of("\x28\xb5\x2f\xfd", 4), UNPACK_ZSTD);
	check_eq(unpack_kind_of("\x28\xb5\x2f", 3), UNPACK_NONE);
	check_eq(unpack_kind_of("{\"a\"", 4), UNPACK_NONE);
	check_eq(unpack_kind_of_name("a.ndjson.gz"), UNPACK_GZIP);
	check_eq(unpack_kind_of_name("a.zst"), UNPACK_ZSTD);
	check_eq(unpack_kind_of_name("a.gz.ndjson"), UNPACK_NONE);
	check_eq(unpack_kind_of_name(".gz"), UNPACK_NONE);
	check_text(unpack_kind_name(UNPACK_ZSTD), "zstd");
	check_text(unpack_kind_name(UNPACK_NONE), "");
}

static void members_and_frames_one_after_another_are_one_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf packed = BUF_INIT;

		pack_one(&packed, kinds[i], text, 30);
		check_unpacks(kinds[i], &packed, "{\"id\":1,\"name\":\"Ada\"}\n{\"id\":2,");
		pack_one(&packed, kinds[i], "", 0);
		pack_one(&packed, kinds[i], text + 30, 1);
		pack_one(&packed, kinds[i], text + 31, sizeof(text) - 1 - 31);
		check_unpacks(kinds[i], &packed, text);
		buf_deinit(&packed);
	}
}

static void frames_to_be_skipped_are_skipped(void **state)
{
	struct buf packed = BUF_INIT;

	(void)state;
	pack_one(&packed, UNPACK_ZSTD, text, 30);
	buf_add(&packed, "\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
	pack_one(&packed, UNPACK_ZSTD, text + 30, sizeof(text) - 1 - 30);
	check_unpacks(UNPACK_ZSTD, &packed, text);
	buf_deinit(&packed);
}

static void a_text_cut_anywhere_gives_its_beginning_and_is_not_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct unpack *u = unpack_new(kinds[i]);
		struct buf packed = BUF_INIT;
		size_t first;

		pack_one(&packed, kinds[i], text, 30);
		first = packed.len;
		pack_one(&packed, kinds[i], text + 30, sizeof(text) - 1 - 30);
		for (size_t len = 0; len < packed.len; len++) {
			const struct buf cut = {.data = packed.data, .len = len};
			struct buf out = BUF_INIT;
			struct err err;

			unpack_reset(u);
			check_eq(unpack_all(u, &cut, 64, 64, &out, &err), 0);
			check_eq(strncmp(text, buf_text(&out), out.len), 0);
			check_eq(unpack_is_whole(u), len == first);
			if (len >= first)
				check(out.len >= 30);
			buf_deinit(&out);
		}
		buf_deinit(&packed);
		unpack_free(u);
	}
}

static void flip(struct buf *b, size_t bit)
{
	unsigned char *byte = (unsigned char *)b->data + bit / 8;

	*byte = (unsigned char)(*byte ^ 1u << bit % 8);
}

static void no_flipped_bit_goes_unnoticed_or_does_harm(void **state)
{
	/* Of gzip's header: time, extra flags, system. They say nothing of the text. */
	static const struct {
		size_t from, to;
	} ignored[] = {{4, 10}, {0, 0}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct unpack *u = unpack_new(kinds[i]);
		struct buf packed = BUF_INIT;

		pack_one(&packed, kinds[i], text, sizeof(text) - 1);
		for (size_t bit = 0; bit < packed.len * 8; bit++) {
			struct buf out = BUF_INIT;
			struct err err = {""};
			int r;

			flip(&packed, bit);
			unpack_reset(u);
			r = unpack_all(u, &packed, 64, 64, &out, &err);
			if (bit / 8 >= ignored[i].from && bit / 8 < ignored[i].to)
				check_eq(r, 0);
			else if (r == 0 && unpack_is_whole(u) && strcmp(buf_text(&out), text) != 0)
				fail_msg("bit %zu went unnoticed", bit);
			if (r < 0)
				check(err.text[0] != '\0');
			flip(&packed, bit);
			buf_deinit(&out);
		}
		check_unpacks(kinds[i], &packed, text);
		buf_deinit(&packed);
		unpack_free(u);
	}
}

static void something_behind_the_last_member_is_told_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cleanup_(freep) char *words = NULL;
		struct unpack *u = unpack_new(kinds[i]);
		struct buf packed = BUF_INIT, out = BUF_INIT;
		struct err err = {""};

		pack_one(&packed, kinds[i], text, sizeof(text) - 1);
		words = mem_printf("at byte %zu of the packed file, that is no %s", packed.len,
		                   unpack_kind_name(kinds[i]));
		buf_adds(&packed, "{\"id\":4}\n");
		check_eq(unpack_all(u, &packed, 3, 64, &out, &err), -EBADMSG);
		check_text(buf_text(&out), text);
		if (!strstr(err.text, words))
			fail_msg("%s", err.text);
		buf_deinit(&packed);
		buf_deinit(&out);
		unpack_free(u);
	}
}

static void what_is_none_from_the_start_is_damaged(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct unpack *u = unpack_new(kinds[i]);
		struct buf plain = BUF_INIT, out = BUF_INIT;
		struct err err = {""};

		buf_adds(&plain, text);
		check_eq(unpack_all(u, &plain, 64, 64, &out, &err), -EBADMSG);
		check(strstr(err.text, "is damaged at byte ") != NULL);
		check_eq(out.len, 0);
		buf_deinit(&plain);
		buf_deinit(&out);
		unpack_free(u);
	}
}

static void a_zstd_window_beyond_the_bound_is_told(void **state)
{
	enum { n = 32 << 20 };
	cleanup_(freep) char *bytes = mem_alloc(n);

	(void)state;
	for (int window_log = unpack_window_log; window_log < unpack_window_log + 2; window_log++) {
		struct unpack *u = unpack_new(UNPACK_ZSTD);
		struct buf packed = BUF_INIT, out = BUF_INIT;
		struct err err = {""};
		int r;

		pack_zstd(&packed, bytes, n, window_log);
		r = unpack_all(u, &packed, 1 << 16, 1 << 16, &out, &err);
		check_eq(r, window_log > unpack_window_log ? -EFBIG : 0);
		check_eq(strstr(err.text, "window larger than 8 MiB") != NULL, r < 0);
		buf_deinit(&packed);
		buf_deinit(&out);
		unpack_free(u);
	}
}

static void asking_again_and_again_where_nothing_comes_is_no_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct unpack *u = unpack_new(kinds[i]);
		struct buf packed = BUF_INIT, out = BUF_INIT;
		struct err err;

		pack_one(&packed, kinds[i], text, sizeof(text) - 1);
		packed.len -= 3;
		for (int n = 0; n < 100; n++) {
			size_t taken, made;
			const size_t len = n ? 0 : packed.len;

			check_eq(unpack_run(u, packed.data, len, buf_room(&out, 4096), 4096, &taken,
			                    &made, &err),
			         0);
			check_eq(taken, len);
			out.len += made;
		}
		packed.len += 3;
		check_eq(unpack_all(u,
		                    &(struct buf){.data = packed.data + packed.len - 3, .len = 3},
		                    3, 64, &out, &err),
		         0);
		check_text(buf_text(&out), text);
		check(unpack_is_whole(u));
		buf_deinit(&packed);
		buf_deinit(&out);
		unpack_free(u);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_kind_is_known_by_its_first_bytes_and_by_its_name),
		sentence(members_and_frames_one_after_another_are_one_text),
		sentence(frames_to_be_skipped_are_skipped),
		sentence(a_text_cut_anywhere_gives_its_beginning_and_is_not_whole),
		sentence(no_flipped_bit_goes_unnoticed_or_does_harm),
		sentence(something_behind_the_last_member_is_told_with_its_place),
		sentence(what_is_none_from_the_start_is_damaged),
		sentence(a_zstd_window_beyond_the_bound_is_told),
		sentence(asking_again_and_again_where_nothing_comes_is_no_error),
	};

	return run_sentences(tests);
}
