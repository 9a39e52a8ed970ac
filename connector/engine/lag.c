#include "connector/engine/lag.h"

#include "connector/source/kafka.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/minute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * When records were made is remembered at a few places of each stream, a second apart and wider
 * when there would be too many: the last of them that is settled says how old what comes behind it
 * is, in a few bytes whatever is open.
 */

enum { marks_max = 32, mark_gap_ms = 1000 };

struct mark {
	uint64_t pos;
	int64_t ms; /* since 1970 */
};

struct marked {
	uint64_t stream, last_pos; /* of the record that was read last */
	struct mark marks[marks_max];
	size_t n;
	int64_t gap_ms;
};

struct lag {
	struct marked *streams;
	size_t n, cap;
	struct minute records, bytes;
	uint64_t bytes_at, looked_ms;
};

struct lag *lag_new(struct engine *e)
{
	struct lag *lag = mem_alloc(sizeof(*lag));

	minute_begin(&lag->records, loop_now_ms(e->loop));
	lag->bytes = lag->records;
	return lag;
}

void lag_free(struct lag *lag)
{
	if (!lag)
		return;
	free(lag->streams);
	free(lag);
}

void lag_go_on(struct engine *e, const struct engine *before)
{
	e->lag->records = before->lag->records;
}

/* Ages */

/* Marks that others stand behind and that are settled say nothing any more. */
static void forget_settled(struct marked *m, uint64_t settled_to)
{
	size_t n_past = 0;

	while (n_past + 1 < m->n && m->marks[n_past + 1].pos <= settled_to)
		n_past++;
	if (m->last_pos < settled_to)
		n_past = m->n;
	if (!n_past)
		return;
	m->n -= n_past;
	memmove(m->marks, m->marks + n_past, m->n * sizeof(*m->marks));
	if (!m->n)
		m->gap_ms = mark_gap_ms;
}

/* One whose records are all settled gives its place to another: there are as many as are open. */
static struct marked *unused(struct engine *e)
{
	struct lag *lag = e->lag;

	for (size_t i = 0; i < lag->n; i++) {
		const struct stream *stream = settle_stream(e, lag->streams[i].stream);

		forget_settled(&lag->streams[i], stream ? stream->settled_to : UINT64_MAX);
		if (!lag->streams[i].n)
			return &lag->streams[i];
	}
	lag->streams = mem_grow(lag->streams, lag->n, &lag->cap, sizeof(*lag->streams));
	return &lag->streams[lag->n++];
}

static struct marked *marked_of(struct engine *e, uint64_t stream)
{
	struct lag *lag = e->lag;
	struct marked *m;

	for (size_t i = lag->n; i > 0; i--)
		if (lag->streams[i - 1].stream == stream)
			return &lag->streams[i - 1];
	m = unused(e);
	*m = (struct marked){.stream = stream, .gap_ms = mark_gap_ms};
	return m;
}

static void thin_out(struct marked *m)
{
	for (size_t i = 0; i < marks_max / 2; i++)
		m->marks[i] = m->marks[2 * i];
	m->n = marks_max / 2;
	m->gap_ms *= 2;
}

void lag_read(struct engine *e, const struct record *record)
{
	const int64_t ms = record->timestamp_ms >= 0 && record->kind == STREAM_PARTITION
	                           ? record->timestamp_ms
	                           : record->read_wall_ms;
	const struct stream *stream = settle_stream(e, record->stream);
	struct marked *m = marked_of(e, record->stream);

	if (m->n)
		forget_settled(m, stream ? stream->settled_to : 0);
	if (record->pos > m->last_pos)
		m->last_pos = record->pos;
	if (m->n && ms < m->marks[m->n - 1].ms + m->gap_ms)
		return;
	if (m->n == marks_max)
		thin_out(m);
	m->marks[m->n++] = (struct mark){.pos = record->pos, .ms = ms};
}

static int64_t oldest_ms(const struct engine *e)
{
	const struct lag *lag = e->lag;
	int64_t oldest = INT64_MAX;

	for (size_t i = 0; i < lag->n; i++) {
		struct marked m = lag->streams[i];
		const struct stream *stream = settle_stream(e, m.stream);

		forget_settled(&m, stream ? stream->settled_to : 0);
		if (m.n && m.marks[0].ms < oldest)
			oldest = m.marks[0].ms;
	}
	if (oldest == INT64_MAX)
		return -1;
	return oldest < loop_wall_ms(e->loop) ? loop_wall_ms(e->loop) - oldest : 0;
}

/* Paces */

void lag_settled(struct engine *e, const struct record *record)
{
	struct lag *lag = e->lag;
	const uint64_t now = loop_now_ms(e->loop);
	uint64_t bytes;

	minute_add(&lag->records, 1, now);
	if (record->kind == STREAM_PARTITION || !e->source || lag->looked_ms == now)
		return;
	bytes = source_position(e->source).bytes;
	if (lag->looked_ms && bytes > lag->bytes_at)
		minute_add(&lag->bytes, bytes - lag->bytes_at, now);
	lag->bytes_at = bytes;
	lag->looked_ms = now;
}

static uint64_t left_of(const struct kafka_lag *at)
{
	return at->end > at->position ? at->end - at->position : 0;
}

static void look_at_partitions(const struct engine *e, struct lag_view *v)
{
	const size_t n = kafka_n_partitions(e->source);
	const int64_t wall = loop_wall_ms(e->loop);
	bool is_unknown = false;

	v->is_known = kafka_claim(e->source) == KAFKA_OWNS;
	v->behind_ms = v->is_known ? 0 : -1;
	for (size_t i = 0; v->is_known && i < n; i++) {
		const struct kafka_lag at = kafka_lag(e->source, i);

		v->left += left_of(&at);
		if (!left_of(&at))
			continue;
		is_unknown |= at.read_ms < 0;
		if (wall - at.read_ms > v->behind_ms)
			v->behind_ms = wall - at.read_ms;
	}
	if (is_unknown)
		v->behind_ms = -1;
}

void lag_look(const struct engine *e, struct lag_view *ret_view)
{
	const uint64_t now = loop_now_ms(e->loop);
	struct lag_view v = {.behind_ms = -1, .drained_ms = -1, .oldest_ms = oldest_ms(e)};
	struct source_position at;

	v.per_minute = minute_rate(&e->lag->records, now);
	if (e->source && e->pipeline->kafka.topics) {
		look_at_partitions(e, &v);
		if (v.is_known)
			v.drained_ms = minute_forecast_ms(v.left, v.per_minute);
	} else if (e->source) {
		at = source_position(e->source);
		v.is_known = at.size != 0;
		v.is_bytes = true;
		v.left = at.size > at.bytes ? at.size - at.bytes : 0;
		if (v.is_known)
			v.drained_ms = minute_forecast_ms(v.left, minute_rate(&e->lag->bytes, now));
	}
	*ret_view = v;
}

bool lag_waits(const struct engine *e, char *text, size_t size)
{
	const char *why;
	uint64_t since;
	int64_t wall;
	char at[16];

	if (!e->source || !e->pipeline->kafka.topics)
		return false;
	since = kafka_unreachable_since(e->source, &why);
	if (!since)
		return false;
	wall = loop_wall_ms(e->loop) - (int64_t)(loop_now_ms(e->loop) - since);
	(void)snprintf(text, size, "no Kafka broker is reached since %s: %s",
	               clock_local_hms(wall, at), why);
	return true;
}

/* Telling it */

static void set_or_null(struct json_object *o, const char *key, bool is_known, uint64_t n)
{
	(void)json_object_object_add(o, key, is_known ? json_object_new_uint64(n) : NULL);
}

static void set_seconds(struct json_object *o, const char *key, int64_t ms)
{
	set_or_null(o, key, ms >= 0, (uint64_t)ms / 1000);
}

static void add_partition(struct json_object *list, const char *topic, int64_t partition,
                          uint64_t position, const struct kafka_lag *at)
{
	struct json_object *o = json_object_new_object();

	(void)json_object_object_add(o, "topic", json_string(topic));
	(void)json_object_object_add(o, "partition", json_object_new_int64(partition));
	(void)json_object_object_add(o, "position", json_object_new_uint64(position));
	set_or_null(o, "end", at != NULL, at ? at->end : 0);
	set_or_null(o, "lag", at != NULL, at ? left_of(at) : 0);
	(void)json_object_array_add(list, o);
}

/* Of the same partition the stream that was made last counts: its topic may have been made anew. */
static void drop_earlier(struct json_object *list, const char *topic, int64_t partition)
{
	for (size_t i = json_object_array_length(list); i-- > 0;) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (json_get_int(o, "partition", -1) == partition &&
		    !strcmp(json_get_string(o, "topic"), topic))
			(void)json_object_array_del_idx(list, i, 1);
	}
}

static void add_known(void *arg, struct stream *takes_stream)
{
	struct json_object *list = arg;
	char *slash = strrchr(takes_stream->name, '/');

	if (takes_stream->kind == STREAM_PARTITION && slash) {
		const int64_t partition = strtol(slash + 1, NULL, 10);

		*slash = '\0';
		drop_earlier(list, takes_stream->name, partition);
		add_partition(list, takes_stream->name, partition, takes_stream->settled_to, NULL);
	}
	stream_free(takes_stream);
}

static struct json_object *partitions(struct journal *journal, const struct engine *e)
{
	struct json_object *list = json_object_new_array();

	if (!e || !e->source) {
		if (journal)
			(void)journal_each_stream(journal, add_known, list, NULL);
		return list;
	}
	for (size_t i = 0; i < kafka_n_partitions(e->source); i++) {
		const struct kafka_lag at = kafka_lag(e->source, i);

		add_partition(list, at.topic, at.partition, at.position, &at);
	}
	return list;
}

void lag_print(struct json_object *o, struct json_object *sentences, struct journal *journal,
               const struct engine *e, const struct pipeline *pipeline)
{
	struct json_object *lag = json_object_new_object();
	struct lag_view v = {.behind_ms = -1, .oldest_ms = -1, .drained_ms = -1};

	if (e)
		lag_look(e, &v);
	set_or_null(lag, "records", v.is_known && !v.is_bytes, v.left);
	set_or_null(lag, "bytes", v.is_known && v.is_bytes, v.left);
	set_seconds(lag, "seconds", v.behind_ms);
	set_seconds(lag, "oldest_unsent_seconds", v.oldest_ms);
	set_or_null(lag, "settled_per_minute", e != NULL, v.per_minute);
	set_seconds(lag, "drained_in_seconds", v.drained_ms);
	(void)json_object_object_add(o, "lag", lag);
	if (!pipeline->kafka.topics)
		return;
	(void)json_object_object_add(o, "partitions", partitions(journal, e));
	if (!e && journal)
		(void)json_object_array_add(
			sentences, json_string("how much is left in the topics is known while it "
		                               "runs"));
}
