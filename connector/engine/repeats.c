#include "connector/engine/repeats.h"

#include "connector/engine/resolve_private.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Beyond them nothing more is told: half a record that stays open for days must cost no memory. */
enum { max_marks = 8192, max_ranges = 1024 };

/* A lane of a record that would be done again. */
struct lane_mark {
	uint64_t pos;
	struct mark *mark;
	bool is_behind; /* the record is to be done again for what comes before it */
};

/* Of a stream. */
struct again {
	uint64_t stream;
	struct lane_mark *marks;
	size_t n_marks, cap_marks;
	struct stream_range *ranges; /* sorted; each a record */
	size_t n_ranges, cap_ranges;
	/* The first and the last record that keeps all behind it untold. */
	bool is_blind;
	uint64_t blind_from, blind_to;
};

struct repeats {
	struct marks *lanes; /* by stream and key; their number is a position */
	struct again **streams;
	size_t n_streams;
	struct stream_range *told; /* what repeats_ranges() gave last */
};

struct repeats *repeats_new(void)
{
	struct repeats *repeats = mem_alloc(sizeof(*repeats));

	repeats->lanes = marks_new();
	return repeats;
}

void repeats_free(struct repeats *repeats)
{
	if (!repeats)
		return;
	marks_free(repeats->lanes);
	for (size_t i = 0; i < repeats->n_streams; i++) {
		free(repeats->streams[i]->marks);
		free(repeats->streams[i]->ranges);
		free(repeats->streams[i]);
	}
	free(repeats->streams);
	free(repeats->told);
	free(repeats);
}

static struct again *find(const struct repeats *repeats, uint64_t stream)
{
	for (size_t i = 0; i < repeats->n_streams; i++)
		if (repeats->streams[i]->stream == stream)
			return repeats->streams[i];
	return NULL;
}

static struct again *need(struct repeats *repeats, uint64_t stream)
{
	struct again *again = find(repeats, stream);

	if (again)
		return again;
	again = mem_alloc(sizeof(*again));
	again->stream = stream;
	repeats->streams =
		mem_resize(repeats->streams, repeats->n_streams + 1, sizeof(struct again *));
	return repeats->streams[repeats->n_streams++] = again;
}

static void be_blind(struct again *again, uint64_t pos)
{
	if (!again->is_blind || pos < again->blind_from)
		again->blind_from = pos;
	if (!again->is_blind || pos > again->blind_to)
		again->blind_to = pos;
	again->is_blind = true;
}

/* Also for other streams the same object has the same lane, but no order. */
static char *mark_text(const struct record *record, const char *lane)
{
	return mem_printf("%" PRIu64 " %s", record->stream, lane);
}

static void mark_lane(struct repeats *repeats, struct again *again, const struct record *record,
                      const char *lane, bool is_owner)
{
	cleanup_(freep) char *text = mark_text(record, lane);
	const bool is_behind = marks_ahead(repeats->lanes, text, record->pos, is_owner) != NULL;
	struct mark *mark = marks_add(repeats->lanes, text, again, record->pos, is_owner);

	again->marks =
		mem_grow(again->marks, again->n_marks, &again->cap_marks, sizeof(*again->marks));
	again->marks[again->n_marks++] =
		(struct lane_mark){.pos = record->pos, .mark = mark, .is_behind = is_behind};
}

/* @record would be done again, and @request has ended as an output of it. */
static void mark(struct repeats *repeats, const struct record *record, const struct request *r)
{
	struct again *again = need(repeats, record->stream);

	if (again->n_marks + r->n_lanes >= max_marks) {
		be_blind(again, record->pos);
		return;
	}
	for (size_t i = 0; i < r->n_lanes; i++)
		mark_lane(repeats, again, record, r->lanes[i].key, r->lanes[i].is_owner);
	/* What it has made is known by its id to those behind it. */
	if (r->object_id)
		mark_lane(repeats, again, record, r->object_id, true);
}

/* Something about an object of @record, before it, would be done again. */
static bool comes_behind(const struct again *again, const struct record *record)
{
	for (size_t i = 0; i < again->n_marks; i++)
		if (again->marks[i].pos == record->pos && again->marks[i].is_behind)
			return true;
	return false;
}

/* Marks of records from @from on and before @to. */
static void drop_marks(struct repeats *repeats, struct again *again, uint64_t from, uint64_t to)
{
	size_t n = 0;

	for (size_t i = 0; i < again->n_marks; i++) {
		if (again->marks[i].pos >= from && again->marks[i].pos < to)
			marks_remove(repeats->lanes, again->marks[i].mark);
		else
			again->marks[n++] = again->marks[i];
	}
	again->n_marks = n;
}

/* It is settled, and is to be done again. */
static void keep_untold(struct again *again, const struct record *record)
{
	size_t at = again->n_ranges;

	if (again->n_ranges >= max_ranges) {
		be_blind(again, record->pos);
		return;
	}
	again->ranges = mem_grow(again->ranges, again->n_ranges, &again->cap_ranges,
	                         sizeof(*again->ranges));
	while (at > 0 && again->ranges[at - 1].from > record->pos)
		at--;
	if (at > 0 && again->ranges[at - 1].from == record->pos)
		return;
	memmove(again->ranges + at + 1, again->ranges + at,
	        (again->n_ranges - at) * sizeof(*again->ranges));
	again->ranges[at] = (struct stream_range){.from = record->pos, .to = record->next_pos};
	again->n_ranges++;
}

void repeats_take(struct repeats *repeats, const struct request *request)
{
	const struct request *r = request;

	/* Those that stay open first: others of the same call may come behind them. */
	for (size_t i = 0; i < r->n_parts; i++) {
		const struct record *record = r->parts[i].record;

		if (record->kind == STREAM_PARTITION && record->n_open && !record->is_settled)
			mark(repeats, record, r);
	}
	for (size_t i = 0; repeats->n_streams && i < r->n_parts; i++) {
		const struct record *record = r->parts[i].record;

		struct again *again = find(repeats, record->stream);

		if (!again || !again->n_marks || record->n_open)
			continue;
		mark(repeats, record, r);
		if (comes_behind(again, record))
			keep_untold(again, record);
		else
			drop_marks(repeats, again, record->pos, record->pos + 1);
	}
}

void repeats_take_blind(struct repeats *repeats, const struct record *record)
{
	if (record->kind == STREAM_PARTITION && record->n_open && !record->is_settled)
		be_blind(need(repeats, record->stream), record->pos);
}

/* What is before the position is nobody's to do again. */
static void forget_settled(struct repeats *repeats, struct again *again, uint64_t settled_to)
{
	size_t n = 0;

	drop_marks(repeats, again, 0, settled_to);
	while (n < again->n_ranges && again->ranges[n].from < settled_to)
		n++;
	again->n_ranges -= n;
	if (n)
		memmove(again->ranges, again->ranges + n, again->n_ranges * sizeof(*again->ranges));
	if (again->blind_to < settled_to)
		again->is_blind = false;
}

size_t repeats_ranges(struct repeats *repeats, const struct stream *stream,
                      const struct stream_range **ret_ranges)
{
	struct again *again = find(repeats, stream->id);
	uint64_t end = UINT64_MAX;
	size_t n = 0;

	if (!again)
		return 0;
	forget_settled(repeats, again, stream->settled_to);
	if (again->is_blind)
		end = again->blind_from > stream->settled_to ? again->blind_from
		                                             : stream->settled_to;
	repeats->told = mem_resize(repeats->told, again->n_ranges + 1, sizeof(*repeats->told));
	while (n < again->n_ranges && again->ranges[n].from < end) {
		repeats->told[n] = again->ranges[n];
		n++;
	}
	if (again->is_blind)
		repeats->told[n++] = (struct stream_range){.from = end, .to = UINT64_MAX};
	*ret_ranges = repeats->told;
	return n;
}
