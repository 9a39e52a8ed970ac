#include "connector/source/kafka_begin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PLACE       "partition %" PRId32 " of topic \"%s\""
#define PLACE_OF(f) (f)->partition, (f)->topic

static void say(struct kafka_beginning *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct kafka_beginning *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(b->sentence, sizeof(b->sentence), format, args);
	va_end(args);
}

/* Another owner had it since: what it told with its last commit. */
static void take_over(const struct kafka_place_facts *f, struct kafka_beginning *b)
{
	const uint64_t committed = (uint64_t)f->committed;
	/* What came after it had lost the partition it cannot have sent. */
	const uint64_t sent_to = b->note.ceiling < f->end ? b->note.ceiling : f->end;

	if (committed > b->offset) {
		b->offset = committed;
		b->settles_before = true;
	}
	if (sent_to > b->offset)
		b->doubtful_to = sent_to;
}

/* The state knows the partition. */
static void go_on(const struct kafka_place_facts *f, struct kafka_beginning *b)
{
	b->offset = f->stream->settled_to;
	if (f->committed < 0)
		return;
	if (b->has_note && strcmp(b->note.journal, f->journal) != 0) {
		take_over(f, b);
	} else if (b->has_note) {
		/* Our own, from after this state was copied or put back: nothing is unsettled
		 * there. One of what had the name before says nothing of this topic. */
		b->has_note = b->note.generation >= f->stream->generation;
		if (b->has_note && (uint64_t)f->committed > b->offset)
			take_over(f, b);
	} else if ((uint64_t)f->committed != b->offset) {
		say(b,
		    PLACE ": the group's offset was set to %" PRId64 " by somebody else; goes on "
		          "from offset %" PRIu64 ", where this state has come to (run --new-state "
		          "goes on from the group's)",
		    PLACE_OF(f), f->committed, b->offset);
	}
}

/* It does not. */
static void begin_new(const struct kafka_place_facts *f, struct kafka_beginning *b)
{
	b->settles_before = true;
	if (f->committed < 0) {
		b->offset = f->first;
		return;
	}
	b->offset = (uint64_t)f->committed;
	if (b->has_note)
		take_over(f, b);
}

static int fail(const struct kafka_place_facts *f, struct err *err, const char *what,
                uint64_t offset)
{
	return err_set(err, -ESTALE,
	               PLACE ": %s: to go on from is offset %" PRIu64
	                     ", and the broker has %" PRIu64 " to %" PRIu64
	                     ". Nothing was sent. If that is meant, "
	                     "`run --accept-offsets` goes on from what there is",
	               PLACE_OF(f), what, offset, f->low, f->end);
}

static int check_expired(const struct kafka_place_facts *f, struct kafka_beginning *b,
                         struct err *err)
{
	if (b->offset >= f->low)
		return 0;
	if (!f->accepts)
		return fail(f, err, "records expired before they were read", b->offset);
	say(b, PLACE ": %" PRIu64 " offsets from %" PRIu64 " on expired before they were read",
	    PLACE_OF(f), f->low - b->offset, b->offset);
	b->offset = f->low;
	b->settles_before = true;
	return 0;
}

static int check_truncated(const struct kafka_place_facts *f, struct kafka_beginning *b,
                           struct err *err)
{
	if (b->offset <= f->end)
		return 0;
	if (!f->accepts)
		return fail(f, err, "the topic was made anew, or its end is lost", b->offset);
	*b = (struct kafka_beginning){
		.offset = f->low, .settles_before = true, .is_new_stream = f->stream != NULL};
	say(b, PLACE ": it is another than before; reads it from offset %" PRIu64, PLACE_OF(f),
	    f->low);
	return 0;
}

int kafka_begin(const struct kafka_place_facts *facts, struct kafka_beginning *ret_beginning,
                struct err *err)
{
	struct kafka_beginning b = {0};
	int r;

	b.has_note = facts->committed >= 0 && kafka_note_parse(facts->note, &b.note);
	b.note.offset = b.has_note ? (uint64_t)facts->committed : 0;
	if (facts->stream)
		go_on(facts, &b);
	else
		begin_new(facts, &b);
	r = check_truncated(facts, &b, err);
	if (r >= 0)
		r = check_expired(facts, &b, err);
	if (r >= 0)
		*ret_beginning = b;
	return r;
}

void kafka_answers_deinit(struct kafka_answers *answers)
{
	kafka_places_deinit(&answers->committed);
	kafka_places_deinit(&answers->low);
	kafka_places_deinit(&answers->end);
	kafka_places_deinit(&answers->first);
}

uint64_t kafka_offset_of(const struct kafka_places *answer, const struct kafka_place *place,
                         uint64_t fallback)
{
	const struct kafka_place *found = kafka_places_find(answer, place->topic, place->partition);

	return found && found->offset >= 0 ? (uint64_t)found->offset : fallback;
}

int64_t kafka_start_at(enum kafka_start start, int64_t start_ms)
{
	switch (start) {
	case KAFKA_START_BEGINNING:
		return KAFKA_AT_BEGINNING;
	case KAFKA_START_END:
		return KAFKA_AT_END;
	case KAFKA_START_TIME:
		break;
	}
	return start_ms;
}
