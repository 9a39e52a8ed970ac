#pragma once

/*
 * What the tests of the Kafka source stand on: a mock cluster with a topic "t", a host that keeps
 * streams the way a state would, and a loop that is turned by hand. Its clock goes on by a moment a
 * turn at most, so that a machine that stands still for a while is not taken for a broker that
 * does.
 */

#include "connector/source/kafka.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "tests/unit/check.h"
#include "tests/unit/kafka_mock.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

/* Who runs the source: keeps its streams over restarts, and settles what it is told to. */
struct world {
	struct mock_kafka *mock;
	struct kafka_options options;
	struct source_host host;
	struct source *source;
	struct stream *streams[8];
	size_t n_streams;
	char told[1024];
	uint64_t now_ms, looked_ms; /* its clock, and the machine's when that was looked at */
	uint64_t moment_ms;         /* the longest step of its clock */
	uint64_t longest_pause_ms;  /* of the machine's, between two looks */
};

static char *const topics[] = {(char[]){"t"}, NULL};

static inline void world_begin(void *arg, struct stream *stream, bool is_new)
{
	struct world *w = arg;

	if (!is_new)
		return;
	stream->id = w->n_streams + 1;
	w->streams[w->n_streams++] = stream;
}

static inline void world_store(void *arg, struct stream *stream)
{
	(void)arg;
	check(stream->id);
}

static inline void world_tell(void *arg, const char *sentence)
{
	struct world *w = arg;

	(void)snprintf(w->told, sizeof(w->told), "%s", sentence);
}

static inline uint64_t world_now(struct world *w)
{
	const uint64_t ms = clock_monotonic_ms(), passed = ms - w->looked_ms;

	w->looked_ms = ms;
	if (passed > w->longest_pause_ms)
		w->longest_pause_ms = passed;
	return w->now_ms += passed < w->moment_ms ? passed : w->moment_ms;
}

static inline void start(struct world *w)
{
	w->options.known = w->streams;
	w->options.n_known = w->n_streams;
	check_eq(kafka_open(&w->options, &w->source, NULL), 0);
}

static inline struct world *world_new(int n_partitions)
{
	struct world *w = mem_alloc(sizeof(*w));

	w->mock = mock_kafka_new();
	w->now_ms = w->looked_ms = clock_monotonic_ms();
	w->moment_ms = 100;
	mock_kafka_topic(w->mock, "t", n_partitions);
	w->host = (struct source_host){.begin = world_begin, .store = world_store, .arg = w};
	w->options = (struct kafka_options){
		.conf = mock_kafka_conf(w->mock),
		.topics = topics,
		.group = "g",
		.journal = "mine",
		.format = {.tombstones = KAFKA_TOMBSTONES_REJECT, .max_record = 1000},
		.session_ms = 3000,
		.ahead = 100,
		.host = &w->host,
		.tell = world_tell,
		.tell_arg = w,
	};
	return w;
}

static inline void stop(struct world *w)
{
	source_free(w->source);
	w->source = NULL;
}

static inline void world_free(struct world *w)
{
	stop(w);
	for (size_t i = 0; i < w->n_streams; i++)
		stream_free(w->streams[i]);
	mock_kafka_free(w->mock);
	free(w);
}

static inline void produce(struct world *w, int32_t partition, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		mock_kafka_produce(w->mock, "t", partition,
		                   &(struct mock_message){.value = "{}", .timestamp_ms = 1000 + i});
}

/* One turn of a loop: a record, NULL, or the error in *@ret_r. */
static inline struct record *turn(struct world *w, int *ret_r, struct err *err)
{
	struct record *record = NULL;
	int r = kafka_turn(w->source, world_now(w), err);

	if (r >= 0)
		r = source_next(w->source, &record, err);
	if (r == SOURCE_LATER) {
		struct pollfd fd = {.fd = source_fd(w->source), .events = POLLIN};

		(void)poll(&fd, 1, 50);
	}
	*ret_r = r;
	return r == SOURCE_RECORD ? record : NULL;
}

static inline struct record *next(struct world *w)
{
	const uint64_t until_ms = world_now(w) + mock_kafka_ms;
	struct record *record;
	struct err err = {""};
	int r;

	do {
		record = turn(w, &r, &err);
		if (r < 0)
			fail_msg("%s", err.text);
	} while (!record && world_now(w) < until_ms);
	check(record);
	return record;
}

/* Turns for a while, in which no record must come. */
static inline void rest(struct world *w, unsigned ms)
{
	const uint64_t until_ms = world_now(w) + ms;
	int r;

	while (world_now(w) < until_ms) {
		check_null(turn(w, &r, NULL));
		check(r >= 0);
	}
}

static inline void settle(struct world *w, struct record *takes_record)
{
	stream_settle(w->streams[takes_record->stream - 1], takes_record->pos,
	              takes_record->next_pos, 0);
	source_mark(w->source);
	record_unref(takes_record);
}

/* What the group has committed for a partition; its note in *@ret_note, to free(). */
static inline int64_t committed(struct world *w, int32_t partition, char **ret_note)
{
	return mock_kafka_committed(w->mock, "g", "t", partition, ret_note);
}

/* Turns until it has committed this; no record must come. */
static inline void await_committed(struct world *w, int32_t partition, int64_t offset,
                                   char **ret_note)
{
	const uint64_t until_ms = world_now(w) + mock_kafka_ms;
	int64_t is_at;

	do {
		rest(w, 200);
		free(steal(ret_note));
		is_at = committed(w, partition, ret_note);
	} while (is_at != offset && world_now(w) < until_ms);
	check_eq(is_at, offset);
}
