#include "connector/source/kafka_private.h"

#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The beginning of an assignment. The group waits for the answer meanwhile, its members do not
 * lose their place; and nothing of ours is on its way, so that a few seconds of waiting for the
 * broker here hold nobody up. What cannot be had now is asked for again.
 */

enum { patience_ms = 3000, again_ms = 500 };

static void ask_for(const struct kafka *k, int64_t offset, struct kafka_places *places)
{
	for (size_t i = 0; i < k->wanted.n; i++)
		(void)kafka_places_add(places, k->wanted.items[i].topic,
		                       k->wanted.items[i].partition, offset);
}

static int look_up(struct kafka *k, int64_t at, struct kafka_places *places, struct err *err)
{
	if (!k->wanted.n) /* others have them all, and nothing is no question */
		return 0;
	ask_for(k, at, places);
	return kafka_consumer_look_up_within(k->consumer, places, patience_ms, err);
}

static int ask(struct kafka *k, struct kafka_answers *a, struct err *err)
{
	int r = 0;

	if (!k->cluster) {
		cleanup_(freep) char *id = kafka_consumer_cluster_within(k->consumer, patience_ms);

		if (!id)
			return err_set(err, -EAGAIN, "no broker says which cluster it is of");
		k->cluster = mem_alloc(sha256_hex);
		crypto_sha256_hex(id, strlen(id), k->cluster);
	}
	ask_for(k, kafka_no_offset, &a->committed);
	r = kafka_consumer_committed_within(k->consumer, &a->committed, patience_ms, err);
	if (r >= 0)
		r = look_up(k, KAFKA_AT_BEGINNING, &a->low, err);
	if (r >= 0)
		r = look_up(k, KAFKA_AT_END, &a->end, err);
	if (r >= 0)
		r = look_up(k, kafka_start_at(k->options.start, k->options.start_ms), &a->first,
		            err);
	return r;
}

/* The newest of this name: what it was before stays for its rejects. */
static struct stream *find_stream(const struct kafka *k, const char *name)
{
	for (size_t i = k->n_streams; i-- > 0;)
		if (k->streams[i]->kind == STREAM_PARTITION &&
		    strcmp(k->streams[i]->name, name) == 0)
			return k->streams[i];
	return NULL;
}

static struct stream *new_stream(struct kafka *k, const char *name, const struct stream *before)
{
	struct stream *s = stream_new(STREAM_PARTITION, name);

	s->generation = before ? before->generation + 1 : 0;
	k->streams = mem_resize(k->streams, k->n_streams + 1, sizeof(struct stream *));
	k->streams[k->n_streams++] = s;
	return s;
}

void kafka_say(const struct kafka *k, const char *sentence)
{
	if (*sentence && k->options.tell)
		k->options.tell(k->options.tell_arg, sentence);
}

static void begin_stream(struct kafka *k, struct kafka_part *p, const struct kafka_beginning *b,
                         struct stream *known)
{
	const struct source_host *host = k->options.host;
	const bool is_new = !known || b->is_new_stream;
	cleanup_(freep) char *name = mem_printf("%s/%" PRId32, p->topic, p->partition);

	p->stream = is_new ? new_stream(k, name, find_stream(k, name)) : known;
	(void)memccpy(p->stream->head_hash, k->cluster, '\0', sizeof(p->stream->head_hash));
	host->begin(host->arg, p->stream, is_new);
	/* Settled ranges first: what is settled before the offset may be among them. */
	if (b->has_note)
		kafka_note_settle(&b->note, p->stream);
	if (b->settles_before)
		kafka_settle_gap(p->stream, 0, b->offset);
	if (b->doubtful_to > p->stream->doubtful_to)
		p->stream->doubtful_to = b->doubtful_to;
	host->store(host->arg, p->stream);
}

/* Whether the record before the position can be looked at once more, to know the topic by it. */
static void begin_check(struct kafka_part *p, const struct kafka_beginning *b, uint64_t low)
{
	const struct stream *s = p->stream;

	p->check_at = s->hashed_to - s->tail_len;
	p->is_checked = !*s->tail_hash || s->hashed_to > s->settled_to || p->check_at < low ||
	                b->settles_before;
}

static int begin_part(struct kafka *k, const struct kafka_place *place,
                      const struct kafka_answers *a, struct kafka_part *p, struct err *err)
{
	cleanup_(freep) char *name = mem_printf("%s/%" PRId32, place->topic, place->partition);
	const struct kafka_place *committed =
		kafka_places_find(&a->committed, place->topic, place->partition);
	struct stream *known = find_stream(k, name);
	struct kafka_place_facts facts = {
		.topic = place->topic,
		.partition = place->partition,
		.stream = known,
		.journal = k->journal,
		.committed = committed ? committed->offset : -1,
		.note = committed ? committed->metadata : NULL,
		.low = kafka_offset_of(&a->low, place, 0),
		.end = kafka_offset_of(&a->end, place, 0),
		.accepts = k->options.accepts_offsets,
	};
	struct kafka_beginning b;
	int r;

	if (known && *known->head_hash && strcmp(known->head_hash, k->cluster) != 0) {
		if (!facts.accepts)
			return err_set(err, -ESTALE,
			               "partition %" PRId32 " of topic \"%s\" is in another Kafka "
			               "cluster than before. Nothing was sent. If that is meant, "
			               "`run --accept-offsets` goes on from what there is",
			               place->partition, place->topic);
		facts.stream = NULL;
	}
	facts.first = kafka_offset_of(&a->first, place, facts.end);
	r = kafka_begin(&facts, &b, err);
	if (r < 0)
		return r;
	b.is_new_stream |= !facts.stream;
	*p = (struct kafka_part){.topic = mem_strdup(place->topic),
	                         .partition = place->partition,
	                         .low = facts.low,
	                         .end = facts.end,
	                         .end_at_start = facts.end,
	                         .read_ms = -1};
	begin_stream(k, p, &b, known);
	begin_check(p, &b, facts.low);
	p->at = p->stream->settled_to;
	p->committed_to = p->at;
	kafka_say(k, b.sentence);
	return 0;
}

/* Begins to read where each one is; the record before is read again to be looked at. */
static int assign(struct kafka *k, struct err *err)
{
	struct kafka_places places = {0};
	int r;

	for (size_t i = 0; i < k->n_parts; i++) {
		const struct kafka_part *p = &k->parts[i];

		(void)kafka_places_add(&places, p->topic, p->partition,
		                       (int64_t)(p->is_checked ? p->at : p->check_at));
	}
	r = kafka_consumer_assign(k->consumer, &places, err);
	kafka_places_deinit(&places);
	return r;
}

/* Another topic has its name, and a person has said that it is meant. */
int kafka_begin_anew(struct kafka *k, struct kafka_part *p, struct err *err)
{
	const struct kafka_beginning b = {.offset = p->low, .settles_before = true};
	char sentence[400];
	int r;

	begin_stream(k, p, &b, NULL);
	p->at = p->committed_to = p->stream->settled_to;
	p->handed_to = p->ceiling = 0;
	p->is_committed = false;
	k->ticket = 0; /* what it says of the one before is not so any more */
	(void)snprintf(sentence, sizeof(sentence),
	               "partition %" PRId32 " of topic \"%s\": it is another than before; reads it "
	               "from offset %" PRIu64,
	               p->partition, p->topic, p->at);
	kafka_say(k, sentence);
	r = assign(k, err);
	for (size_t i = 0; r >= 0 && i < k->n_parts; i++)
		kafka_consumer_pause(k->consumer, k->parts[i].topic, k->parts[i].partition,
		                     k->parts[i].is_paused);
	return r;
}

static int begin_all(struct kafka *k, const struct kafka_answers *a, struct err *err)
{
	int r = 0;

	k->parts = mem_array(k->wanted.n, sizeof(*k->parts));
	for (size_t i = 0; r >= 0 && i < k->wanted.n; i++) {
		r = begin_part(k, &k->wanted.items[i], a, &k->parts[i], err);
		k->n_parts += r >= 0;
	}
	return r < 0 ? r : assign(k, err);
}

int kafka_try_to_begin(struct kafka *k, struct err *err)
{
	struct kafka_answers a = {0};
	struct err trouble = {""};
	int r;

	if (k->now_ms < k->try_at_ms)
		return 0;
	r = ask(k, &a, &trouble);
	if (r < 0) {
		kafka_answers_deinit(&a);
		if (r == -EACCES || r == -ENOENT)
			return err_set(err, r, "%s", trouble.text);
		if (!k->unreachable_ms)
			k->unreachable_ms = k->now_ms;
		k->unreachable = trouble;
		k->try_at_ms = k->now_ms + again_ms;
		return 0;
	}
	k->unreachable_ms = 0;
	r = begin_all(k, &a, err);
	kafka_answers_deinit(&a);
	if (r < 0) {
		kafka_parts_free(k);
		return r;
	}
	k->claim = KAFKA_OWNS;
	k->has_begun |= k->n_parts > 0;
	kafka_look_later(k);
	k->is_wanted = false;
	k->commit_at_ms = k->sent_ms = k->committed_ms = k->now_ms;
	k->polled_ms = k->now_ms;
	return 1;
}
