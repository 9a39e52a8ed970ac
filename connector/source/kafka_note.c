#include "connector/source/kafka_note.h"

#include "lib/buf.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char mark[] = "closefeed1 ";

char *kafka_note_text(const char *journal, const struct stream *stream, uint64_t ceiling)
{
	struct buf text = BUF_INIT;
	uint64_t end = stream->settled_to;

	buf_addf(&text, "%s%s %" PRIu64 " %" PRIu64, mark, journal, stream->generation, ceiling);
	/* The first are the ones that are asked for first. */
	for (size_t i = 0; i < stream->n_ranges; i++) {
		const struct stream_range *range = &stream->ranges[i];
		const size_t before = text.len;

		buf_addf(&text, " %" PRIu64 "+%" PRIu64, range->from - end,
		         range->to - range->from);
		if (text.len > kafka_note_max) {
			text.len = before;
			text.data[before] = '\0';
			break;
		}
		end = range->to;
	}
	return buf_take(&text);
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
