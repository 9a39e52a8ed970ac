#include "connector/engine/desk_private.h"
#include "connector/engine/partitions.h"

#include "connector/source/kafka.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * A message of Kafka that a person wants to send is sent by the owner of its partition alone, and
 * not before the ceiling is above it: then whoever is owner next knows that it may have been sent.
 */

/* Beyond the session time-out, for which a group waits for a member that is away. */
enum { more_patience_ms = 30000 };

static bool is_named(const char *name, const char *topic, int32_t partition)
{
	char tail[16];
	const size_t len = strlen(topic);

	(void)snprintf(tail, sizeof(tail), "/%" PRId32, partition);
	return !strncmp(name, topic, len) && !strcmp(name + len, tail);
}

struct stream *desk_message_stream(struct stream *const *streams, size_t n,
                                   const struct desk_where *where)
{
	while (n-- > 0)
		if (streams[n]->kind == STREAM_PARTITION &&
		    is_named(streams[n]->name, where->name, where->partition))
			return streams[n];
	return NULL;
}

struct json_object *desk_other_source(const struct engine *e, const struct pipeline *pipeline,
                                      bool is_message)
{
	const struct pipeline_source_kafka *own = &e->pipeline->kafka, *asked = &pipeline->kafka;

	if (partitions_are_read(e) == is_message &&
	    (!is_message || (asked->topics && !strcmp(own->conf.brokers, asked->conf.brokers) &&
	                     !strcmp(own->group, asked->group))))
		return NULL;
	return desk_refusal(EXIT_AGAIN,
	                    "the process that runs the pipeline reads from another source than the "
	                    "file names now: stop it, and run it again. Nothing was sent");
}

static struct json_object *lose_patience(const struct engine *e, uint64_t waited_ms)
{
	const unsigned long long seconds = waited_ms / 1000;
	const char *why;

	if (kafka_unreachable_since(e->source, &why))
		return desk_refusal(EXIT_UNREACHABLE,
		                    "no Kafka broker was reached for %llu seconds: %s. Nothing was "
		                    "sent",
		                    seconds, why);
	if (kafka_claim(e->source) != KAFKA_OWNS)
		return desk_refusal(EXIT_AGAIN,
		                    "group \"%s\" has not shared out its partitions for %llu "
		                    "seconds: does it wait for a member that is away? Nothing was "
		                    "sent; try again",
		                    e->pipeline->kafka.group, seconds);
	return desk_refusal(EXIT_AGAIN,
	                    "Kafka has not taken a commit for %llu seconds, which comes before the "
	                    "record. Nothing was sent; try again",
	                    seconds);
}

static bool wait(const struct engine *e, struct desk_patience *patience,
                 struct json_object **ret_refusal)
{
	const uint64_t now = loop_now_ms(e->loop);
	const uint64_t most = e->pipeline->kafka.session_ms + more_patience_ms;

	patience->is_waiting = true;
	if (!patience->since_ms)
		patience->since_ms = now;
	else if (now > patience->since_ms + most)
		*ret_refusal = lose_patience(e, most);
	return false;
}

static struct json_object *refuse_others(const struct engine *e, const struct desk_where *where)
{
	return desk_refusal(EXIT_AGAIN,
	                    "partition %" PRId32 " of topic \"%s\" is read by another process of "
	                    "group \"%s\" now: send it where that runs, or stop that first. "
	                    "Nothing was sent",
	                    where->partition, where->name, e->pipeline->kafka.group);
}

static struct json_object *refuse_far(const struct desk_where *where)
{
	return desk_refusal(EXIT_AGAIN,
	                    "offset %" PRIu64 " of partition %" PRId32 " of topic \"%s\" is %d or "
	                    "more ahead of where the pipeline reads: run it, and send the record "
	                    "when it has come nearer. Nothing was sent",
	                    where->pos, where->partition, where->name, kafka_ahead_max);
}

bool desk_message_may_go(struct engine *e, const struct desk_where *where,
                         struct desk_patience *patience, struct json_object **ret_refusal)
{
	patience->is_waiting = false;
	if (!e->source) {
		*ret_refusal = desk_refusal(EXIT_AGAIN,
		                            "another command is at work with the state; try again "
		                            "when it has ended. Nothing was sent");
		return false;
	}
	if (kafka_claim(e->source) != KAFKA_OWNS)
		return wait(e, patience, ret_refusal);
	if (!where->stream || !kafka_has(e->source, where->stream)) {
		*ret_refusal = refuse_others(e, where);
		return false;
	}
	switch (kafka_reach(e->source, where->stream, where->pos)) {
	case KAFKA_REACHES:
		return true;
	case KAFKA_RISES:
		(void)wait(e, patience, ret_refusal);
		patience->is_waiting = patience->is_rising; /* the commit goes in the next turn */
		patience->is_rising = true;
		return false;
	case KAFKA_IS_FAR:
		*ret_refusal = refuse_far(where);
		return false;
	}
	return false;
}
