#include "connector/source/kafka_private.h"
#include "lib/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The partitions that are read, and what becomes of their messages: each is passed over, handed
 * out, or held until the ceiling is above it.
 */

enum {
	printed_bytes = 256,    /* of a value, to know it again */
	held_max = 256 << 10,   /* bytes in hand of a partition, and … */
	held_max_all = 2 << 20, /* … of all, before it is paused */
};

struct kafka_part *kafka_find(struct kafka *k, const char *topic, int32_t partition)
{
	struct kafka_part *p = k->last;

	/* They come in runs. */
	if (p && p->partition == partition && strcmp(p->topic, topic) == 0)
		return p;
	for (size_t i = 0; i < k->n_parts; i++) {
		p = &k->parts[i];
		if (p->partition == partition && strcmp(p->topic, topic) == 0)
			return k->last = p;
	}
	return NULL;
}

void kafka_parts_free(struct kafka *k)
{
	for (size_t i = 0; i < k->n_parts; i++) {
		struct kafka_part *p = &k->parts[i];

		for (size_t j = 0; j < p->n_held; j++)
			record_unref(p->held[j]);
		free(p->held);
		free(p->traces);
		free(p->topic);
	}
	free(k->parts);
	k->parts = k->last = NULL;
	k->n_parts = k->n_held = 0;
	k->held_bytes = 0;
}

/* Pausing */

static void pause_part(struct kafka *k, struct kafka_part *p, bool is_paused)
{
	kafka_consumer_pause(k->consumer, p->topic, p->partition, is_paused);
	p->is_paused = is_paused;
}

void kafka_pause_all(struct kafka *k, bool is_paused)
{
	k->is_paused = is_paused;
	for (size_t i = 0; i < k->n_parts; i++)
		pause_part(k, &k->parts[i],
		           (is_paused && k->parts[i].is_checked) || k->parts[i].n_held);
}

/* Messages */

/* FNV-1a of what differs between two records at the same offset. */
static uint64_t print_of(const struct kafka_message *m)
{
	const size_t n = m->value_len < printed_bytes ? m->value_len : printed_bytes;
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)m->value[i]) * 1099511628211u;
	h = (h ^ (uint64_t)m->timestamp_ms) * 1099511628211u;
	return (h ^ m->value_len) * 1099511628211u;
}

static void print_text(uint64_t print, char text[static 65])
{
	(void)snprintf(text, 65, "%016" PRIx64, print);
}

static void trace(struct kafka_part *p, uint64_t pos, uint64_t print)
{
	if (p->first_trace > 1024 && p->first_trace > p->n_traces / 2) {
		p->n_traces -= p->first_trace;
		memmove(p->traces, p->traces + p->first_trace, p->n_traces * sizeof(*p->traces));
		p->first_trace = 0;
	}
	p->traces = mem_grow(p->traces, p->n_traces, &p->cap_traces, sizeof(*p->traces));
	p->traces[p->n_traces++] = (struct kafka_trace){pos, print};
}

void kafka_mark_part(struct kafka_part *p)
{
	const struct kafka_trace *last = NULL;

	while (p->first_trace < p->n_traces &&
	       p->traces[p->first_trace].pos < p->stream->settled_to)
		last = &p->traces[p->first_trace++];
	if (!last)
		return;
	p->stream->hashed_to = last->pos + 1;
	p->stream->tail_len = 1;
	print_text(last->print, p->stream->tail_hash);
}

/* The record before the position, once more: is it the one that was there? */
static int check_identity(struct kafka *k, struct kafka_part *p, const struct kafka_message *m)
{
	char text[65];

	if (p->is_checked)
		return 0;
	p->is_checked = true;
	print_text(print_of(m), text);
	if ((uint64_t)m->offset != p->check_at || strcmp(text, p->stream->tail_hash) == 0)
		return 0; /* it may have been compacted away */
	if (k->options.accepts_offsets) {
		k->failed = kafka_begin_anew(k, p, &k->failure);
		return -ESTALE; /* this message comes again in its turn */
	}
	return k->failed = err_set(
		       &k->failure, -ESTALE,
		       "partition %" PRId32 " of topic \"%s\": another record is at offset %" PRIu64
		       " than the one that was read there: the topic was made anew. Nothing was "
		       "sent. If that is meant, `run --accept-offsets` goes on from what there is",
		       p->partition, p->topic, p->check_at);
}

void kafka_pass(struct kafka *k, struct kafka_part *p, uint64_t offset)
{
	if (offset <= p->at)
		return;
	kafka_settle_gap(p->stream, p->at, offset);
	p->at = offset;
	if (!p->n_held) /* what is held comes before it */
		p->stream->handed_to = offset;
	k->options.host->store(k->options.host->arg, p->stream);
}

/*
 * Pausing throws away what librdkafka has read ahead, so a ceiling that is about to rise is waited
 * for with a little in hand.
 */
static bool holds_enough(const struct kafka *k, const struct kafka_part *p)
{
	return p->held_bytes > held_max || k->held_bytes > held_max_all;
}

static void hold(struct kafka *k, struct kafka_part *p, struct record *takes_record)
{
	p->held = mem_grow(p->held, p->n_held, &p->cap_held, sizeof(struct record *));
	p->held[p->n_held++] = takes_record;
	p->held_bytes += takes_record->len + sizeof(*takes_record);
	k->n_held++;
	k->held_bytes += takes_record->len + sizeof(*takes_record);
	if (k->is_paused || holds_enough(k, p))
		pause_part(k, p, true);
}

struct record *kafka_take_message(struct kafka *k, const struct kafka_message *m)
{
	struct kafka_part *p = kafka_find(k, m->topic, m->partition);
	const uint64_t pos = (uint64_t)m->offset;
	struct record *record;

	k->unreachable_ms = 0;
	if (!p || k->claim != KAFKA_OWNS || check_identity(k, p, m) < 0 || pos < p->at)
		return NULL;
	if (pos > p->at)
		kafka_pass(k, p, pos);
	p->at = pos + 1;
	p->read_ms = m->timestamp_ms;
	if (p->end < p->at)
		p->end = p->at;
	trace(p, pos, print_of(m));
	if (stream_is_settled(p->stream, pos))
		return NULL;
	record = kafka_record(m, &k->options.format);
	record->stream = p->stream->id;
	if (pos < p->ceiling && !p->n_held && !k->is_paused) {
		p->handed_to = record->next_pos;
		return record;
	}
	hold(k, p, record);
	return NULL;
}

struct record *kafka_take_held(struct kafka *k)
{
	for (size_t i = 0; k->n_held && i < k->n_parts; i++) {
		struct kafka_part *p = &k->parts[i];
		struct record *record;

		if (!p->n_held || p->held[0]->pos >= p->ceiling)
			continue;
		record = p->held[0];
		p->n_held--;
		p->held_bytes -= record->len + sizeof(*record);
		k->n_held--;
		k->held_bytes -= record->len + sizeof(*record);
		memmove(p->held, p->held + 1, p->n_held * sizeof(struct record *));
		p->handed_to = record->next_pos;
		if (!p->n_held && p->is_paused)
			pause_part(k, p, false);
		return record;
	}
	return NULL;
}
