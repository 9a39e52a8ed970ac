#include "connector/source/kafka_peek.h"

#include "connector/source/kafka_ask.h"
#include "connector/source/kafka_begin.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * The partition whose turn it is is waited for; what others send meanwhile is held, and who sends
 * too much is paused until its turn. So memory is bounded, however many partitions there are.
 */
enum { held_max = 128 << 10, held_max_all = 2 << 20 };

struct part {
	char *topic;
	int32_t partition;
	uint64_t at, end; /* the next offset to come; where it ended */
	/* What the note of the group's commit says is settled: a member would not read it. */
	struct stream *settled;
	struct record **held; /* in their order; from first_held on */
	size_t first_held, n_held, cap_held;
	uint64_t held_bytes;
	bool is_paused, has_ended;
};

struct peek {
	struct source source;
	struct kafka_asking asking;
	struct kafka_peek_options options;
	struct part *parts;
	size_t n_parts, turn;
	uint64_t held_bytes;
	uint64_t patience_ms, waits_since_ms;
};

static struct peek *peek_of(const struct source *source)
{
	union {
		const struct source *in;
		struct peek *out;
	} both = {.in = source};

	return both.out;
}

/* Beginning */

static void copy_places(const struct kafka_places *from, int64_t offset, struct kafka_places *to)
{
	for (size_t i = 0; i < from->n; i++)
		(void)kafka_places_add(to, from->items[i].topic, from->items[i].partition, offset);
}

static int look_up(struct peek *p, const struct kafka_places *wanted, int64_t at,
                   struct kafka_places *places, struct err *err)
{
	copy_places(wanted, at, places);
	return kafka_ask_offsets(&p->asking, places, err);
}

static int ask(struct peek *p, const struct kafka_places *wanted, struct kafka_answers *a,
               struct err *err)
{
	int r;

	copy_places(wanted, kafka_no_offset, &a->committed);
	r = kafka_ask_committed(&p->asking, &a->committed, err);
	if (r >= 0)
		r = look_up(p, wanted, KAFKA_AT_BEGINNING, &a->low, err);
	if (r >= 0)
		r = look_up(p, wanted, KAFKA_AT_END, &a->end, err);
	if (r >= 0)
		r = look_up(p, wanted, kafka_start_at(p->options.start, p->options.start_ms),
		            &a->first, err);
	return r;
}

static void tell(const struct peek *p, const char *sentence)
{
	if (p->options.tell)
		p->options.tell(p->options.tell_arg, sentence);
}

static void begin_part(struct peek *p, const struct kafka_place *place,
                       const struct kafka_answers *a)
{
	const struct kafka_place *committed =
		kafka_places_find(&a->committed, place->topic, place->partition);
	struct part *part = &p->parts[p->n_parts++];
	struct kafka_place_facts facts = {
		.topic = place->topic,
		.partition = place->partition,
		.journal = "",
		.committed = committed ? committed->offset : -1,
		.note = committed ? committed->metadata : NULL,
		.low = kafka_offset_of(&a->low, place, 0),
		.end = kafka_offset_of(&a->end, place, 0),
		.accepts = true,
	};
	struct kafka_beginning b;

	facts.first = kafka_offset_of(&a->first, place, facts.end);
	(void)kafka_begin(&facts, &b, NULL); /* what is accepted does not fail */
	if (*b.sentence) {
		cleanup_(freep) char *text =
			mem_printf("%s; run stops there, unless --accept-offsets", b.sentence);

		tell(p, text);
	}
	*part = (struct part){.topic = mem_strdup(place->topic),
	                      .partition = place->partition,
	                      .at = b.offset,
	                      .end = facts.end,
	                      .settled = stream_new(STREAM_PARTITION, place->topic),
	                      .has_ended = b.offset >= facts.end};
	if (b.has_note)
		kafka_note_settle(&b.note, part->settled);
}

/* Which partitions there are, by the names of their topics. */
static int compare(const char *topic, int32_t partition, const char *other, int32_t than)
{
	const int order = strcmp(topic, other);

	return order ? order : (partition > than) - (partition < than);
}

static int compare_places(const void *a, const void *b)
{
	const struct kafka_place *x = a, *y = b;

	return compare(x->topic, x->partition, y->topic, y->partition);
}

static int find_partitions(struct peek *p, struct kafka_places *places, struct err *err)
{
	for (char *const *topic = p->options.topics; *topic; topic++) {
		const int r = kafka_ask_topics(&p->asking, *topic, places, err);

		if (r < 0)
			return r;
		if (r == 0) {
			cleanup_(freep) char *text =
				mem_printf("no topic fits the pattern %s yet", *topic);

			tell(p, text);
		}
	}
	if (places->n)
		qsort(places->items, places->n, sizeof(*places->items), compare_places);
	return 0;
}

static int assign(struct peek *p, struct err *err)
{
	struct kafka_places places = {0};
	int r = 0;

	for (size_t i = 0; i < p->n_parts; i++)
		if (!p->parts[i].has_ended)
			(void)kafka_places_add(&places, p->parts[i].topic, p->parts[i].partition,
			                       (int64_t)p->parts[i].at);
	if (places.n)
		r = kafka_consumer_assign(p->asking.consumer, &places, err);
	kafka_places_deinit(&places);
	return r;
}

static int begin(struct peek *p, struct err *err)
{
	struct kafka_places wanted = {0};
	struct kafka_answers a = {0};
	int r = find_partitions(p, &wanted, err);

	if (r >= 0 && wanted.n)
		r = ask(p, &wanted, &a, err);
	if (r >= 0) {
		p->parts = mem_array(wanted.n, sizeof(*p->parts));
		for (size_t i = 0; i < wanted.n; i++)
			begin_part(p, &wanted.items[i], &a);
		r = assign(p, err);
	}
	kafka_answers_deinit(&a);
	kafka_places_deinit(&wanted);
	return r;
}

/* Reading */

static void pause_part(struct peek *p, struct part *part, bool is_paused)
{
	if (part->is_paused == is_paused)
		return;
	kafka_consumer_pause(p->asking.consumer, part->topic, part->partition, is_paused);
	part->is_paused = is_paused;
}

static void end_part(struct peek *p, struct part *part)
{
	part->has_ended = true;
	pause_part(p, part, true);
}

static struct part *find_part(const struct peek *p, const char *topic, int32_t partition)
{
	size_t low = 0, high = p->n_parts;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		struct part *part = &p->parts[middle];
		const int order = compare(topic, partition, part->topic, part->partition);

		if (!order)
			return part;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static void hold(struct peek *p, struct part *part, const struct kafka_message *message)
{
	struct record *record = kafka_record(message, &p->options.format);
	const uint64_t bytes = sizeof(*record) + record_raw_len(record);

	record->stream = (uint64_t)(part - p->parts) + 1;
	part->held = mem_grow(part->held, part->n_held, &part->cap_held, sizeof(struct record *));
	part->held[part->n_held++] = record;
	part->held_bytes += bytes;
	p->held_bytes += bytes;
	if (part->held_bytes > held_max)
		pause_part(p, part, true);
	for (size_t i = 0; p->held_bytes > held_max_all && i < p->n_parts; i++)
		if (i != p->turn)
			pause_part(p, &p->parts[i], true);
}

static struct record *take_held(struct peek *p, struct part *part)
{
	struct record *record = part->held[part->first_held++];
	const uint64_t bytes = sizeof(*record) + record_raw_len(record);

	part->held_bytes -= bytes;
	p->held_bytes -= bytes;
	if (part->first_held == part->n_held) {
		part->first_held = part->n_held = 0;
		if (!part->has_ended && p->held_bytes <= held_max_all)
			pause_part(p, part, false);
	}
	return record;
}

static void take_message(struct peek *p, const struct kafka_message *message)
{
	struct part *part = find_part(p, message->topic, message->partition);
	const uint64_t offset = (uint64_t)message->offset;

	if (!part || part->has_ended || offset < part->at)
		return;
	if (offset < part->end && !stream_is_settled(part->settled, offset))
		hold(p, part, message);
	part->at = offset + 1;
	if (part->at >= part->end)
		end_part(p, part);
}

static int take_trouble(struct peek *p, const struct kafka_event *event, struct err *err)
{
	switch (event->trouble) {
	case KAFKA_REFUSED:
		return err_set(err, -EACCES, "%s", event->sentence);
	case KAFKA_NO_TOPIC:
		return err_set(err, -ENOENT, "%s", event->sentence);
	case KAFKA_NO_OFFSET:
		return err_set(err, -ESTALE, "%s", event->sentence);
	case KAFKA_UNREACHABLE:
		kafka_asking_remember(&p->asking, event->sentence);
		return 0;
	case KAFKA_FINE:
	case KAFKA_LATER:
	case KAFKA_NOT_OURS:
	case KAFKA_FENCED:
	case KAFKA_DAMAGED: /* it is fetched again */
	case KAFKA_OTHER:
		return 0;
	}
	return 0;
}

static int take_event(struct peek *p, const struct kafka_event *event, struct err *err)
{
	struct part *part;

	switch (event->kind) {
	case KAFKA_MESSAGE:
		take_message(p, &event->message);
		return 0;
	case KAFKA_END: /* before the end where a transaction is open, or markers are last */
		part = find_part(p, event->places.items[0].topic, event->places.items[0].partition);
		if (part)
			end_part(p, part);
		return 0;
	case KAFKA_TROUBLE:
		return take_trouble(p, event, err);
	case KAFKA_NOTHING:
	case KAFKA_ASSIGN:
	case KAFKA_REVOKE:
	case KAFKA_LOST:
	case KAFKA_COMMITTED:
		return 0;
	}
	return 0;
}

/* Whose turn it is; NULL: nothing comes any more. */
static struct part *find_turn(struct peek *p)
{
	for (size_t i = 0; i < p->n_parts; i++) {
		struct part *part = &p->parts[p->turn];

		if (part->n_held || !part->has_ended)
			return part;
		p->turn = (p->turn + 1) % p->n_parts;
	}
	return NULL;
}

static int lose_patience(const struct peek *p, const struct part *part, struct err *err)
{
	return err_set(err, -ETIMEDOUT,
	               "nothing came of partition %" PRId32 " of topic \"%s\" for %" PRIu64
	               " seconds%s%s",
	               part->partition, part->topic, p->patience_ms / 1000,
	               *p->asking.trouble.text ? ": " : "", p->asking.trouble.text);
}

/* One event more. 1: there was one, 0: not now. */
static int read_more(struct peek *p, struct part *part, struct err *err)
{
	struct kafka_event event;
	int r;

	pause_part(p, part, false);
	kafka_consumer_poll(p->asking.consumer, &event);
	r = take_event(p, &event, err);
	if (r < 0)
		return r;
	if (event.kind == KAFKA_MESSAGE || event.kind == KAFKA_END)
		p->waits_since_ms = 0;
	if (event.kind != KAFKA_NOTHING)
		return 1;
	if (!p->waits_since_ms)
		p->waits_since_ms = clock_monotonic_ms();
	if (clock_monotonic_ms() > p->waits_since_ms + p->patience_ms)
		return lose_patience(p, part, err);
	return 0;
}

static int peek_next(struct source *source, struct record **ret_record, struct err *err)
{
	struct peek *p = peek_of(source);
	struct part *part;
	int r;

	while ((part = find_turn(p))) {
		if (part->n_held) {
			*ret_record = take_held(p, part);
			p->turn = (p->turn + 1) % p->n_parts;
			p->waits_since_ms = 0;
			return SOURCE_RECORD;
		}
		r = read_more(p, part, err);
		if (r <= 0)
			return r < 0 ? r : SOURCE_LATER;
	}
	return SOURCE_END;
}

static int peek_fd(const struct source *source)
{
	return kafka_consumer_fd(peek_of(source)->asking.consumer);
}

static void peek_mark(struct source *source)
{
	(void)source; /* nothing is stored */
}

static bool peek_know(struct source *source, struct stream *stream)
{
	(void)source;
	(void)stream;
	return false;
}

static struct source_position peek_position(const struct source *source)
{
	(void)source;
	return (struct source_position){0};
}

static void peek_free(struct source *source)
{
	struct peek *p = peek_of(source);

	for (size_t i = 0; i < p->n_parts; i++) {
		struct part *part = &p->parts[i];

		while (part->first_held < part->n_held)
			record_unref(part->held[part->first_held++]);
		free(part->held);
		stream_free(part->settled);
		free(part->topic);
	}
	free(p->parts);
	kafka_asking_deinit(&p->asking);
	free(p);
}

static const struct source_type peek_source = {
	.name = "kafka",
	.next = peek_next,
	.fd = peek_fd,
	.mark = peek_mark,
	.know = peek_know,
	.position = peek_position,
	.free = peek_free,
};

int kafka_peek_open(const struct kafka_peek_options *options, struct source **ret_source,
                    struct err *err)
{
	struct peek *p = mem_alloc(sizeof(*p));
	int r;

	p->source.type = &peek_source;
	p->options = *options;
	p->patience_ms = options->patience_ms ? options->patience_ms : kafka_patience_ms;
	r = kafka_asking_init(&p->asking, options->conf, options->group, (unsigned)p->patience_ms,
	                      err);
	if (r >= 0)
		r = begin(p, err);
	if (r < 0) {
		peek_free(&p->source);
		return r;
	}
	*ret_source = &p->source;
	return 0;
}
