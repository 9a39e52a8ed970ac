#include "connector/source/kafka.h"

#include "connector/source/kafka_private.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	steps_per_call = 64, /* events that are no record; then the loop gets its turn */
	patience_ms = 1000,  /* it must be polled at least so often */
	closing_ms = 5000,
};

struct kafka *kafka_of(const struct source *source)
{
	union {
		const struct source *in;
		struct kafka *out;
	} both = {.in = source};

	return both.out;
}

/* What else comes */

/* Taken back before it was begun: nothing is on its way. */
static void lose(struct kafka *k, enum kafka_claim claim)
{
	k->lease_until_ms = 0;
	if (k->claim == KAFKA_WAITS) {
		k->is_wanted = false;
		(void)kafka_consumer_unassign(k->consumer, NULL);
	} else {
		k->claim = claim;
	}
}

static void take_end(struct kafka *k, const struct kafka_place *place)
{
	struct kafka_part *p = kafka_find(k, place->topic, place->partition);

	if (!p || place->offset < 0)
		return;
	p->is_checked = true; /* what was to be looked at is gone */
	kafka_pass(k, p, (uint64_t)place->offset);
	if (p->end < p->at)
		p->end = p->at;
}

bool kafka_is_pattern(const struct kafka *k, const char *topic)
{
	if (*topic == '^') /* itself: it fits nothing yet */
		return true;
	for (char **t = k->topics; *t; t++)
		if (strcmp(*t, topic) == 0)
			return false;
	return true;
}

static void take_trouble(struct kafka *k, const struct kafka_event *event)
{
	switch (event->trouble) {
	case KAFKA_FENCED:
		lose(k, KAFKA_HAS_LOST);
		if (!kafka_is_fenced(k, event->sentence))
			k->claim = KAFKA_HAS_LOST; /* whatever it had: all begins anew */
		return;
	case KAFKA_REFUSED:
		k->failed = err_set(&k->failure, -EACCES, "%s", event->sentence);
		return;
	case KAFKA_NO_OFFSET:
		k->failed = err_set(&k->failure, -ESTALE, "%s", event->sentence);
		return;
	case KAFKA_NO_TOPIC:
		/* A pattern goes on with what there is. */
		if (!event->places.n)
			return;
		if (!kafka_is_pattern(k, event->places.items[0].topic))
			k->failed = err_set(&k->failure, -ENOENT, "%s", event->sentence);
		else if (*event->places.items[0].topic == '^')
			kafka_fits_none(k, event->places.items[0].topic);
		return;
	case KAFKA_UNREACHABLE:
		if (!k->unreachable_ms)
			k->unreachable_ms = k->now_ms;
		(void)err_set(&k->unreachable, 0, "%s", event->sentence);
		return;
	case KAFKA_FINE:
	case KAFKA_LATER:
	case KAFKA_NOT_OURS: /* that they are lost is told, too */
	case KAFKA_DAMAGED:  /* it is fetched again */
	case KAFKA_OTHER:
		return;
	}
}

static void take_event(struct kafka *k, const struct kafka_event *event)
{
	switch (event->kind) {
	case KAFKA_END:
		take_end(k, &event->places.items[0]);
		return;
	case KAFKA_ASSIGN:
		kafka_take_assignment(k, &event->places);
		return;
	case KAFKA_REVOKE:
		lose(k, KAFKA_HANDS_OVER);
		return;
	case KAFKA_LOST:
		lose(k, KAFKA_HAS_LOST);
		return;
	case KAFKA_COMMITTED:
		kafka_committed(k, event);
		return;
	case KAFKA_TROUBLE:
		take_trouble(k, event);
		return;
	case KAFKA_MESSAGE:
	case KAFKA_NOTHING:
		return;
	}
}

static int fail(struct kafka *k, struct err *err)
{
	return err_set(err, k->failed, "%s", k->failure.text);
}

/* Reading */

bool kafka_fits_nothing(const struct source *source)
{
	const struct kafka *k = kafka_of(source);

	return k->claim == KAFKA_WAITS && !k->is_wanted && !k->has_begun &&
	       strlist_len(k->unfit) == strlist_len(k->topics);
}

static bool is_at_end(const struct kafka *k)
{
	if (!k->options.until_end || k->n_held || k->is_rejoining)
		return false;
	if (k->claim != KAFKA_OWNS)
		return kafka_fits_nothing(&k->source);
	for (size_t i = 0; i < k->n_parts; i++)
		if (!k->parts[i].is_checked || k->parts[i].at < k->parts[i].end_at_start)
			return false;
	return true;
}

static void poll_consumer(struct kafka *k, struct kafka_event *ret_event)
{
	kafka_consumer_poll(k->consumer, ret_event);
	/* What else there is comes before any message. */
	if (ret_event->kind == KAFKA_MESSAGE || ret_event->kind == KAFKA_NOTHING)
		k->heard_ms = k->now_ms;
}

/*
 * What is held can last for minutes, as slowly as Close's quota lets it go. But the whole group
 * waits until its word is heard, and what a commit was answered is the lease.
 */
static bool is_deaf(const struct kafka *k)
{
	return k->now_ms >= k->heard_ms + patience_ms && !hook_without("hearing");
}

static int kafka_next(struct source *source, struct record **ret_record, struct err *err)
{
	struct kafka *k = kafka_of(source);
	struct kafka_event event;

	k->polled_ms = k->now_ms;
	k->is_awaited = true;
	if (k->is_paused)
		kafka_pause_all(k, false);
	for (int i = 0; i < steps_per_call; i++) {
		*ret_record = k->claim == KAFKA_OWNS && !is_deaf(k) ? kafka_take_held(k) : NULL;
		if (*ret_record)
			return SOURCE_RECORD;
		poll_consumer(k, &event);
		if (event.kind == KAFKA_MESSAGE)
			*ret_record = kafka_take_message(k, &event.message);
		else
			take_event(k, &event);
		if (k->failed)
			return fail(k, err);
		if (*ret_record)
			return SOURCE_RECORD;
		if (is_at_end(k))
			return kafka_looks_around(k) ? SOURCE_LATER : SOURCE_END;
		if (event.kind == KAFKA_NOTHING)
			return SOURCE_LATER;
	}
	return SOURCE_LATER;
}

/*
 * Nobody reads: what comes is events, and the odd message that was on its way. Whoever reads may
 * only have had nothing to read for a while, and is asked first: what is paused comes late.
 */
static void keep_alive(struct kafka *k)
{
	struct kafka_event event;

	if (k->now_ms < k->polled_ms + patience_ms && !k->options.is_only_owner)
		return;
	k->polled_ms = k->now_ms;
	if (k->is_awaited) {
		k->is_awaited = false;
		kafka_consumer_wake(k->consumer);
		return;
	}
	if (!k->is_paused)
		kafka_pause_all(k, true);
	for (int i = 0; i < steps_per_call && !k->failed; i++) {
		poll_consumer(k, &event);
		if (event.kind == KAFKA_NOTHING)
			return;
		if (event.kind == KAFKA_MESSAGE)
			(void)kafka_take_message(k, &event.message);
		else
			take_event(k, &event);
	}
}

int kafka_turn(struct source *source, uint64_t now_ms, struct err *err)
{
	struct kafka *k = kafka_of(source);
	int r;

	k->now_ms = now_ms;
	r = kafka_join(k, err);
	if (r >= 0 && k->is_wanted && k->claim == KAFKA_WAITS && !k->failed)
		r = kafka_try_to_begin(k, err);
	if (r < 0)
		return k->failed = r;
	if (r > 0)
		return 0; /* nothing is said of it before the state knows it */
	if (k->look_at_ms && k->now_ms >= k->look_at_ms && k->claim == KAFKA_OWNS)
		(void)kafka_looks_around(k);
	if (k->claim == KAFKA_OWNS && kafka_consumer_is_lost(k->consumer))
		k->lease_until_ms = 0;
	keep_alive(k);
	kafka_commit_turn(k);
	return k->failed ? fail(k, err) : 0;
}

void kafka_tell(struct source *source)
{
	struct kafka *k = kafka_of(source);

	if (!k->failed)
		kafka_commit_turn(k);
}

static int kafka_fd(const struct source *source)
{
	return kafka_consumer_fd(kafka_of(source)->consumer);
}

static void kafka_mark(struct source *source)
{
	struct kafka *k = kafka_of(source);

	for (size_t i = 0; i < k->n_parts; i++)
		kafka_mark_part(&k->parts[i]);
}

static bool kafka_know(struct source *source, struct stream *stream)
{
	(void)source;
	(void)stream;
	return false; /* partitions are the group's to share out */
}

static struct source_position kafka_position(const struct source *source)
{
	(void)source;
	return (struct source_position){0}; /* kafka_lag() tells */
}

/* The group */

enum kafka_claim kafka_claim(const struct source *source)
{
	return kafka_of(source)->claim;
}

static struct kafka_part *part_of(const struct kafka *k, uint64_t stream)
{
	for (size_t i = 0; i < k->n_parts; i++)
		if (k->parts[i].stream->id == stream)
			return &k->parts[i];
	return NULL;
}

bool kafka_has(const struct source *source, uint64_t stream)
{
	const struct kafka *k = kafka_of(source);

	return k->claim == KAFKA_OWNS && part_of(k, stream);
}

const char *kafka_cluster(const struct source *source)
{
	return kafka_of(source)->cluster;
}

bool kafka_has_lease(const struct source *source, uint64_t now_ms)
{
	const struct kafka *k = kafka_of(source);

	return now_ms < k->lease_until_ms && !kafka_consumer_is_lost(k->consumer);
}

bool kafka_may_send(const struct source *source, uint64_t stream, uint64_t now_ms)
{
	return kafka_has(source, stream) && kafka_has_lease(source, now_ms);
}

enum kafka_reach kafka_reach(struct source *source, uint64_t stream, uint64_t pos)
{
	struct kafka_part *p = part_of(kafka_of(source), stream);

	assert(p);
	if (pos >= p->at + kafka_ahead_max)
		return KAFKA_IS_FAR;
	if (p->reach <= pos)
		p->reach = pos + 1;
	return p->is_checked && pos < p->ceiling ? KAFKA_REACHES : KAFKA_RISES;
}

bool kafka_covers(struct source *source, uint64_t stream, uint64_t pos)
{
	struct kafka_part *p = part_of(kafka_of(source), stream);

	assert(p);
	if (p->reach <= pos)
		p->reach = pos + 1;
	return pos < p->ceiling;
}

bool kafka_is_doubtful(const struct source *source, uint64_t stream, uint64_t pos)
{
	const struct kafka_part *p = part_of(kafka_of(source), stream);

	return p && pos < p->stream->doubtful_to;
}

void kafka_hand_over(struct source *source, unsigned timeout_ms)
{
	struct kafka *k = kafka_of(source);
	struct kafka_places places = {0};

	if ((k->claim == KAFKA_HANDS_OVER || k->claim == KAFKA_OWNS) && k->n_parts &&
	    kafka_is_durable(k)) {
		kafka_commit_places(k, true, &places);
		/* Where it fails the next owner asks more questions, and that is all. */
		(void)kafka_consumer_commit_within(k->consumer, &places, timeout_ms, NULL);
		kafka_places_deinit(&places);
	}
	kafka_parts_free(k);
	k->claim = KAFKA_WAITS;
	k->ticket = 0;
	k->lease_until_ms = 0;
	(void)kafka_consumer_unassign(k->consumer, NULL);
}

uint64_t kafka_unreachable_since(const struct source *source, const char **ret_sentence)
{
	const struct kafka *k = kafka_of(source);

	*ret_sentence = k->unreachable.text;
	return k->unreachable_ms;
}

size_t kafka_n_partitions(const struct source *source)
{
	return kafka_of(source)->n_parts;
}

struct kafka_lag kafka_lag(const struct source *source, size_t i)
{
	const struct kafka_part *p = &kafka_of(source)->parts[i];

	return (struct kafka_lag){.topic = p->topic,
	                          .partition = p->partition,
	                          .position = p->stream->settled_to,
	                          /* What others have settled may be more than was seen. */
	                          .end = p->end > p->stream->settled_to ? p->end
	                                                                : p->stream->settled_to,
	                          .read_ms = p->read_ms};
}

/* Opening and closing */

static void kafka_free(struct source *source)
{
	struct kafka *k = kafka_of(source);

	if (k->claim != KAFKA_WAITS)
		kafka_hand_over(source, closing_ms);
	kafka_consumer_close_within(k->consumer, closing_ms);
	kafka_parts_free(k);
	kafka_places_deinit(&k->wanted);
	free(k->streams);
	strlist_free(k->topics);
	strlist_free(k->unfit);
	free(k->group);
	free(k->instance);
	free(k->journal);
	free(k->cluster);
	free(k);
}

static const struct source_type kafka_source = {
	.name = "kafka",
	.next = kafka_next,
	.fd = kafka_fd,
	.mark = kafka_mark,
	.know = kafka_know,
	.position = kafka_position,
	.free = kafka_free,
};

static void take_options(struct kafka *k, const struct kafka_options *options)
{
	assert(options->ahead && options->ahead <= kafka_ahead_max && options->session_ms);
	k->options = *options;
	k->streams = mem_resize(k->streams, options->n_known, sizeof(struct stream *));
	k->n_streams = options->n_known;
	for (size_t i = 0; i < k->n_streams; i++)
		k->streams[i] = options->known[i];
}

int kafka_go_on(struct source *source, const struct kafka_options *options, struct err *err)
{
	struct kafka *k = kafka_of(source);

	assert(!k->n_parts);
	take_options(k, options);
	/* What a person said was said of what there was when it was said. */
	k->options.accepts_offsets = options->accepts_offsets && !k->has_begun;
	return kafka_join_again(k, err);
}

int kafka_open(const struct kafka_options *options, struct source **ret_source, struct err *err)
{
	struct kafka *k = mem_alloc(sizeof(*k));
	int r;

	k->source.type = &kafka_source;
	take_options(k, options);
	k->topics = strlist_copy(options->topics);
	k->group = mem_strdup(options->group);
	k->instance = mem_strdup(options->instance);
	k->journal = mem_strdup(options->journal);
	r = kafka_connect(k, err);
	if (r < 0) {
		kafka_free(&k->source);
		return r;
	}
	*ret_source = &k->source;
	return 0;
}
