#include "connector/source/kafka_note.h"

#include "lib/buf.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char mark[] = "closefeed1 ";

/* A note that is being written. */
struct writing {
	struct buf text;
	uint64_t end; /* of the last range */
	bool is_full; /* nothing more fits; what stands behind is left out, too */
};

static void add_range(struct writing *w, uint64_t from, uint64_t to)
{
	const size_t before = w->text.len;

	if (w->is_full || from >= to)
		return;
	buf_addf(&w->text, " %" PRIu64 "+%" PRIu64, from - w->end, to - from);
	w->is_full = w->text.len > kafka_note_max;
	if (w->is_full) {
		w->text.len = before;
		w->text.data[before] = '\0';
	}
	w->end = to;
}

char *kafka_note_text(const char *journal, const struct stream *stream, uint64_t ceiling,
                      const struct stream_range *untold, size_t n_untold)
{
	struct writing w = {.text = BUF_INIT, .end = stream->settled_to};
	size_t next = 0;

	buf_addf(&w.text, "%s%s %" PRIu64 " %" PRIu64, mark, journal, stream->generation, ceiling);
	/* The first are the ones that are asked for first. */
	for (size_t i = 0; i < stream->n_ranges && !w.is_full; i++) {
		const struct stream_range *range = &stream->ranges[i];
		uint64_t from = range->from;

		while (next < n_untold && untold[next].to <= from)
			next++;
		for (size_t k = next; k < n_untold && untold[k].from < range->to; k++) {
			add_range(&w, from, untold[k].from);
			from = untold[k].to;
		}
		add_range(&w, from, range->to);
	}
	return buf_take(&w.text);
}

static bool read_number(const char **text, uint64_t *ret_number)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	errno = 0;
	*ret_number = strtoull(*text, &end, 10);
	*text = end;
	return !errno;
}

/* One "gap+length"; false: there is none, or it is no such thing. */
static bool read_range(const char **text, uint64_t end, struct stream_range *ret_range)
{
	uint64_t gap, len;

	if (**text != ' ')
		return false;
	++*text;
	if (!read_number(text, &gap) || *(*text)++ != '+' || !read_number(text, &len))
		return false;
	return gap && len && !__builtin_add_overflow(end, gap, &ret_range->from) &&
	       !__builtin_add_overflow(ret_range->from, len, &ret_range->to);
}

static bool ranges_are_whole(const char *text)
{
	struct stream_range range = {0};

	while (*text)
		if (!read_range(&text, range.to, &range))
			return false;
	return true;
}

bool kafka_note_parse(const char *text, struct kafka_note *ret_note)
{
	size_t len;

	if (!text || strncmp(text, mark, strlen(mark)) != 0)
		return false;
	text += strlen(mark);
	len = strcspn(text, " ");
	if (!len || len >= sizeof(ret_note->journal) || text[len] != ' ')
		return false;
	memcpy(ret_note->journal, text, len);
	ret_note->journal[len] = '\0';
	text += len + 1;
	if (!read_number(&text, &ret_note->generation) || *text++ != ' ' ||
	    !read_number(&text, &ret_note->ceiling) || !ranges_are_whole(text))
		return false;
	ret_note->ranges = text;
	return true;
}

void kafka_settle_gap(struct stream *stream, uint64_t from, uint64_t to)
{
	while (from < to) {
		const struct stream_range *in = stream_range_at(stream, from);
		uint64_t end = to;

		if (in || from < stream->settled_to) {
			from = in ? in->to : stream->settled_to;
			continue;
		}
		for (size_t i = 0; i < stream->n_ranges; i++)
			if (stream->ranges[i].from > from) {
				end = stream->ranges[i].from < to ? stream->ranges[i].from : to;
				break;
			}
		stream_settle(stream, from, end, 0);
		from = end;
	}
}

void kafka_note_settle(const struct kafka_note *note, struct stream *stream)
{
	const char *text = note->ranges;
	struct stream_range range = {.to = note->offset};

	while (read_range(&text, range.to, &range))
		kafka_settle_gap(stream, range.from, range.to);
}
