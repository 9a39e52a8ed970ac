#include "connector/source/kafka_private.h"

#include "lib/kafka_topics.h"

#include <inttypes.h>
#include <stdio.h>

/*
 * Partitions that were added to a topic while no member was there. A static member that comes back
 * gets what it had without a rebalance, and its client takes the new number for the old one: so
 * nobody would ever read them. Every owner commits where it begins, so a partition without a commit
 * has no owner; and a leader that joins once more makes the group share out anew.
 */

enum { patience_ms = 1000, look_after_ms = 10000 };

/* The first partition of our topics that nobody has; false: there is none, or no answer. */
static bool find_unread(struct kafka *k, char *name, size_t size)
{
	struct kafka_places all = {0}, others = {0};
	bool is_found = false;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < k->n_parts; i++)
		if (!kafka_places_find(&all, k->parts[i].topic, k->parts[i].partition))
			r = kafka_topics_within(k->consumer, k->parts[i].topic, patience_ms, &all,
			                        NULL);
	for (size_t i = 0; i < all.n; i++)
		if (!kafka_find(k, all.items[i].topic, all.items[i].partition))
			(void)kafka_places_add(&others, all.items[i].topic, all.items[i].partition,
			                       kafka_no_offset);
	if (r >= 0 && others.n)
		r = kafka_consumer_committed_within(k->consumer, &others, patience_ms, NULL);
	for (size_t i = 0; r >= 0 && !is_found && i < others.n; i++) {
		is_found = others.items[i].offset < 0;
		(void)snprintf(name, size, "%s/%" PRId32, others.items[i].topic,
		               others.items[i].partition);
	}
	kafka_places_deinit(&all);
	kafka_places_deinit(&others);
	return is_found;
}

bool kafka_looks_around(struct kafka *k)
{
	char name[300], sentence[600];

	k->look_at_ms = 0;
	if (!find_unread(k, name, sizeof(name)))
		return false;
	if (!k->has_rejoined) {
		k->has_rejoined = true;
		return kafka_rejoin(k);
	}
	(void)snprintf(sentence, sizeof(sentence),
	               "partition %s is read by nobody yet: the group shares it out when it looks "
	               "at its topics again (topic.metadata.refresh.interval.ms)",
	               name);
	kafka_say(k, sentence);
	return false;
}

void kafka_look_later(struct kafka *k)
{
	if (!k->has_rejoined)
		k->look_at_ms = k->now_ms + look_after_ms;
}
