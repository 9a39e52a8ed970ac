#include "connector/source/kafka_private.h"

#include "lib/kafka_topics.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <errno.h>
#include <stdio.h>

/*
 * The place in the group. When a broker goes away with the answer to it, librdkafka asks once more
 * to join; Kafka has a new member for that already, and takes the old one for another process with
 * the same id. So a place that was taken is taken back once, by a new member. Where it was another
 * process, which holds a copy of the state, that one takes it once more, and this one ends.
 */

enum { again_ms = 60000 };

void kafka_fits_none(struct kafka *k, const char *pattern)
{
	char sentence[700];

	if (strlist_has(k->unfit, pattern))
		return;
	strlist_add(&k->unfit, mem_strdup(pattern));
	(void)snprintf(sentence, sizeof(sentence),
	               "no topic fits the pattern \"%.300s\": is it right, and may this user "
	               "describe the topic? Topics are looked for again every "
	               "topic.metadata.refresh.interval.ms (30 seconds)",
	               pattern);
	kafka_say(k, sentence);
}

int kafka_connect(struct kafka *k, struct err *err)
{
	const struct kafka_consumer_config config = {
		.conf = k->options.conf, .group = k->group, .instance = k->instance};

	k->has_joined = false;
	return kafka_consumer_open(&config, &k->consumer, err);
}

int kafka_join(struct kafka *k, struct err *err)
{
	if (k->has_joined)
		return 0;
	k->has_joined = true;
	return kafka_consumer_subscribe(k->consumer, k->topics, err);
}

static bool is_asked_for(const struct kafka *k, const char *topic)
{
	for (char **t = k->topics; *t; t++)
		if (kafka_topic_fits(k->consumer, *t, topic))
			return true;
	return false;
}

bool kafka_rejoin(struct kafka *k)
{
	k->is_rejoining = kafka_consumer_subscribe(k->consumer, k->topics, NULL) >= 0;
	return k->is_rejoining;
}

/*
 * A static member that comes back gets what it had, also where it asks for other topics than then.
 * Who joins once more gets what it asks for.
 */
static void ask_again(struct kafka *k, const char *topic)
{
	char sentence[500];

	if (!k->has_asked_again) {
		k->has_asked_again = true;
		(void)kafka_rejoin(k);
		return;
	}
	(void)snprintf(
		sentence, sizeof(sentence),
		"the group goes on giving this process partitions of topic \"%.250s\", which "
		"it does not read: nobody reads them until the group shares out anew",
		topic);
	kafka_say(k, sentence);
}

void kafka_take_assignment(struct kafka *k, const struct kafka_places *places)
{
	const char *strange = NULL;

	kafka_places_deinit(&k->wanted);
	for (size_t i = 0; i < places->n; i++) {
		const struct kafka_place *place = &places->items[i];

		if (is_asked_for(k, place->topic))
			(void)kafka_places_add(&k->wanted, place->topic, place->partition,
			                       kafka_no_offset);
		else
			strange = place->topic;
	}
	k->is_wanted = true;
	k->try_at_ms = 0;
	k->is_rejoining = false;
	if (strange)
		ask_again(k, strange);
}

bool kafka_is_fenced(struct kafka *k, const char *sentence)
{
	const bool is_again = k->fenced_ms && k->now_ms < k->fenced_ms + again_ms;

	/* Who only sends a record by hand has nobody who begins anew for it. */
	if (is_again || k->options.is_only_owner) {
		k->failed = err_set(&k->failure, -EBUSY, "%s", sentence);
		return true;
	}
	k->fenced_ms = k->now_ms;
	k->joins_again = true;
	kafka_say(k, "Kafka has given this process's place in the consumer group to somebody with "
	             "the same state: it takes it back once, and ends if that happens again "
	             "within a minute");
	return false;
}

int kafka_join_again(struct kafka *k, struct err *err)
{
	enum { closing_ms = 5000 };

	if (!k->joins_again)
		return 0;
	k->joins_again = false;
	kafka_consumer_close_within(k->consumer, closing_ms);
	k->consumer = NULL;
	return kafka_connect(k, err);
}
