#include "connector/source/kafka_private.h"

#include <errno.h>
#include <inttypes.h>

/*
 * One commit is on its way at a time. Each says of all partitions what is so now, or, where nothing
 * moves, of one of them what was; and each that Kafka takes is the lease for two thirds of the
 * session time-out from the moment it was sent, since Kafka may have given the partitions away any
 * time after.
 */

enum { commit_every_ms = 1000, commit_every = 500, again_ms = 500 };

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t sent_to(const struct kafka *k, const struct kafka_part *p)
{
	const struct source_host *host = k->options.host;

	return host->sent_to ? host->sent_to(host->arg, p->stream) : p->handed_to;
}

/* Where the next record is handed out, as far as is known: offsets have gaps. */
static uint64_t next_to_hand_out(const struct kafka_part *p)
{
	const uint64_t handed = max(p->handed_to, p->stream->settled_to);

	return p->n_held ? max(handed, p->held[0]->pos) : handed;
}

/* What is ahead is what a new owner has to prove beside what was handed out: all partitions share
 * it. */
static uint64_t wanted_ceiling(const struct kafka *k, const struct kafka_part *p)
{
	const uint64_t ahead = max(k->options.ahead / k->n_parts, 1), next = next_to_hand_out(p);
	uint64_t ceiling = max(max(p->ceiling, p->reach), p->stream->doubtful_to);

	/* What was sent in an earlier assignment may be far behind where this one reads. */
	if (!p->is_committed)
		ceiling = max(ceiling, sent_to(k, p));
	/* Moved in large steps: half of it is left while the commit is on its way. */
	if (p->is_committed && next + ahead / 2 < p->ceiling)
		return ceiling;
	return max(ceiling, next + ahead);
}

static void add_place(const struct kafka *k, struct kafka_part *p, uint64_t ceiling,
                      struct kafka_places *places)
{
	const struct source_host *host = k->options.host;
	const struct stream_range *untold = NULL;
	const size_t n = host->untold ? host->untold(host->arg, p->stream, &untold) : 0;

	p->asked = ceiling;
	p->sent_to = p->stream->settled_to;
	kafka_places_add(places, p->topic, p->partition, (int64_t)p->sent_to)->metadata =
		kafka_note_text(k->journal, p->stream, ceiling, untold, n);
}

/* Nothing more is sent: who is next needs to prove no more than what was. */
static uint64_t last_ceiling(const struct kafka *k, const struct kafka_part *p)
{
	return max(max(sent_to(k, p), p->stream->settled_to), p->stream->doubtful_to);
}

void kafka_commit_places(struct kafka *k, bool is_last, struct kafka_places *places)
{
	for (size_t i = 0; i < k->n_parts; i++) {
		struct kafka_part *p = &k->parts[i];

		add_place(k, p, is_last ? last_ceiling(k, p) : wanted_ceiling(k, p), places);
	}
}

static bool is_due(const struct kafka *k, bool *ret_all)
{
	uint64_t n_settled = 0;
	bool must_rise = false;

	for (size_t i = 0; i < k->n_parts; i++) {
		const struct kafka_part *p = &k->parts[i];

		must_rise |= !p->is_committed || wanted_ceiling(k, p) > p->ceiling;
		n_settled += p->stream->settled_to - p->committed_to;
	}
	*ret_all = must_rise || n_settled;
	return must_rise || n_settled >= commit_every ||
	       (n_settled && k->now_ms >= k->committed_ms + commit_every_ms) ||
	       k->now_ms >= k->sent_ms + k->options.session_ms / 3;
}

/* What Kafka says is settled, no state takes up again: a kill must not leave it in none. */
bool kafka_is_durable(const struct kafka *k)
{
	const struct source_host *host = k->options.host;

	return !host->is_durable || host->is_durable(host->arg);
}

void kafka_commit_turn(struct kafka *k)
{
	struct kafka_places places = {0};
	bool all;

	if (k->claim != KAFKA_OWNS || k->ticket || !k->n_parts || k->now_ms < k->commit_at_ms ||
	    !is_due(k, &all) || !kafka_is_durable(k))
		return;
	if (all)
		kafka_commit_places(k, false, &places);
	else
		add_place(k, &k->parts[0], k->parts[0].ceiling, &places);
	if (kafka_consumer_commit(k->consumer, &places, ++k->last_ticket, NULL) >= 0) {
		k->ticket = k->last_ticket;
		k->sent_ms = k->now_ms;
	}
	k->commit_at_ms = k->now_ms + again_ms;
	kafka_places_deinit(&places);
}

static void take_place(struct kafka *k, const struct kafka_place *place)
{
	struct kafka_part *p = kafka_find(k, place->topic, place->partition);

	if (!p)
		return;
	p->is_committed = true;
	p->committed_to = p->sent_to;
	p->ceiling = max(p->ceiling, p->asked);
}

/* Which was there when it was committed before; of a pattern's topics the group gives it up. */
static void fail_deleted(struct kafka *k, const struct kafka_event *event)
{
	for (size_t i = 0; i < event->places.n; i++) {
		const struct kafka_place *place = &event->places.items[i];
		const struct kafka_part *p = kafka_find(k, place->topic, place->partition);

		if (place->trouble == KAFKA_NO_TOPIC && p && p->is_committed &&
		    !kafka_is_pattern(k, place->topic))
			k->failed =
				err_set(&k->failure, -ENOENT,
			                "partition %" PRId32 " of topic \"%s\" is gone: was the "
			                "topic deleted?",
			                place->partition, place->topic);
	}
}

static enum kafka_trouble trouble_of(const struct kafka_event *event, int *ret_code)
{
	if (event->trouble != KAFKA_FINE)
		return event->trouble;
	for (size_t i = 0; i < event->places.n; i++)
		if (event->places.items[i].trouble != KAFKA_FINE) {
			*ret_code = event->places.items[i].code;
			return event->places.items[i].trouble;
		}
	return KAFKA_FINE;
}

void kafka_committed(struct kafka *k, const struct kafka_event *event)
{
	enum kafka_trouble trouble;
	int code = 0;

	if (event->ticket != k->ticket)
		return; /* of an assignment that is over */
	k->ticket = 0;
	trouble = trouble_of(event, &code);
	switch (trouble) {
	case KAFKA_FINE:
		k->committed_ms = k->now_ms;
		k->commit_at_ms = k->now_ms;
		k->unreachable_ms = 0;
		k->lease_until_ms = k->sent_ms + k->options.session_ms / 3 * 2;
		for (size_t i = 0; i < event->places.n; i++)
			take_place(k, &event->places.items[i]);
		return;
	case KAFKA_NOT_OURS:
	case KAFKA_FENCED:
		k->lease_until_ms = 0; /* that they are lost is told, too */
		return;
	case KAFKA_REFUSED:
		k->failed = code ? kafka_fail(&k->failure, code, "the commit of offsets") : -EACCES;
		if (!code)
			(void)err_set(&k->failure, -EACCES, "%s", event->sentence);
		return;
	case KAFKA_NO_TOPIC:
		fail_deleted(k, event);
		return;
	case KAFKA_UNREACHABLE:
	case KAFKA_LATER:
	case KAFKA_NO_OFFSET:
	case KAFKA_DAMAGED:
	case KAFKA_OTHER:
		return; /* again, soon; the lease tells how long that may go on */
	}
}
