#include "connector/model/stream.h"

#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct stream *stream_new(enum stream_kind kind, const char *name)
{
	struct stream *s = mem_alloc(sizeof(*s));

	s->kind = kind;
	s->name = mem_strdup(name);
	return s;
}

void stream_free(struct stream *stream)
{
	if (!stream)
		return;
	free(stream->name);
	free(stream->ranges);
	free(stream);
}

void stream_freep(struct stream **stream)
{
	stream_free(*stream);
}

/* Index of the first range that ends behind @pos. */
static size_t find(const struct stream *s, uint64_t pos)
{
	size_t low = 0, high = s->n_ranges;

	/* Records end in about the order they began, so the last range is the likely one. */
	if (high && s->ranges[high - 1].to <= pos)
		return high;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (s->ranges[middle].to <= pos)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void remove_ranges(struct stream *s, size_t at, size_t n)
{
	s->n_ranges -= n;
	memmove(s->ranges + at, s->ranges + at + n, (s->n_ranges - at) * sizeof(*s->ranges));
}

static void insert_range(struct stream *s, size_t at, struct stream_range range)
{
	s->ranges = mem_grow(s->ranges, s->n_ranges, &s->cap_ranges, sizeof(*s->ranges));
	memmove(s->ranges + at + 1, s->ranges + at, (s->n_ranges - at) * sizeof(*s->ranges));
	s->ranges[at] = range;
	s->n_ranges++;
}

static void advance(struct stream *s, uint64_t next_pos, uint64_t n_lines)
{
	s->settled_to = next_pos;
	s->settled_line += n_lines;
	if (!s->n_ranges || s->ranges[0].from != next_pos)
		return;
	s->settled_to = s->ranges[0].to;
	s->settled_line += s->ranges[0].n_lines;
	remove_ranges(s, 0, 1);
}

void stream_settle(struct stream *stream, uint64_t pos, uint64_t next_pos, uint64_t n_lines)
{
	struct stream_range *ranges;
	bool joins_before, joins_behind;
	size_t at;

	assert(pos <= next_pos);
	if (pos == next_pos || stream_is_settled(stream, pos))
		return;
	if (pos == stream->settled_to) {
		advance(stream, next_pos, n_lines);
		return;
	}

	ranges = stream->ranges;
	at = find(stream, pos);
	assert(at == stream->n_ranges || ranges[at].from >= next_pos);
	joins_before = at > 0 && ranges[at - 1].to == pos;
	joins_behind = at < stream->n_ranges && ranges[at].from == next_pos;
	if (joins_before) {
		ranges[at - 1].to = next_pos;
		ranges[at - 1].n_lines += n_lines;
		if (joins_behind) {
			ranges[at - 1].to = ranges[at].to;
			ranges[at - 1].n_lines += ranges[at].n_lines;
			remove_ranges(stream, at, 1);
		}
	} else if (joins_behind) {
		ranges[at].from = pos;
		ranges[at].n_lines += n_lines;
	} else {
		insert_range(stream, at, (struct stream_range){pos, next_pos, n_lines});
	}
}

const struct stream_range *stream_range_at(const struct stream *stream, uint64_t pos)
{
	const size_t at = find(stream, pos);

	if (at == stream->n_ranges || stream->ranges[at].from > pos)
		return NULL;
	return &stream->ranges[at];
}

bool stream_is_settled(const struct stream *stream, uint64_t pos)
{
	return pos < stream->settled_to || stream_range_at(stream, pos);
}

uint64_t stream_settled_end(const struct stream *stream)
{
	return stream->n_ranges ? stream->ranges[stream->n_ranges - 1].to : stream->settled_to;
}

void stream_ranges_text(const struct stream *stream, struct buf *out)
{
	uint64_t end = stream->settled_to;

	for (size_t i = 0; i < stream->n_ranges; i++) {
		const struct stream_range *range = &stream->ranges[i];

		buf_addf(out, "%s%" PRIu64 "+%" PRIu64 "/%" PRIu64, i ? " " : "", range->from - end,
		         range->to - range->from, range->n_lines);
		end = range->to;
	}
}

/* Digits up to @end, which is passed over too; false where there is something else. */
static bool read_number(const char **text, char end, uint64_t *ret_number)
{
	uint64_t number = 0;
	const char *p = *text;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*p - '0'), &number))
			return false;
	if (end && *p++ != end)
		return false;
	*text = p;
	*ret_number = number;
	return true;
}

/* One "gap+bytes/lines" behind @end. Ranges that touch would be one, so a gap is never 0. */
static bool read_range(const char **text, uint64_t end, struct stream_range *ret_range)
{
	uint64_t gap, bytes;

	return read_number(text, '+', &gap) && read_number(text, '/', &bytes) &&
	       read_number(text, '\0', &ret_range->n_lines) && gap && bytes &&
	       !__builtin_add_overflow(end, gap, &ret_range->from) &&
	       !__builtin_add_overflow(ret_range->from, bytes, &ret_range->to);
}

static int fail_ranges(struct stream *stream, struct err *err)
{
	stream->n_ranges = 0;
	return err_set(err, -EBADMSG, "the settled ranges of %s in the state cannot be read",
	               stream->name);
}

int stream_ranges_parse(struct stream *stream, const char *text, struct err *err)
{
	uint64_t end = stream->settled_to;
	struct stream_range range = {0};
	const char *p = text;

	stream->n_ranges = 0;
	if (!*p)
		return 0;
	while (read_range(&p, end, &range)) {
		insert_range(stream, stream->n_ranges, range);
		end = range.to;
		if (!*p)
			return 0;
		if (*p++ != ' ')
			break;
	}
	return fail_ranges(stream, err);
}
