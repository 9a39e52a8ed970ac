/* responses.kafka and rejects.kafka: topics to write to. */

#include "connector/pipeline/kafka_keys.h"
#include "lib/kafka_producer.h"
#include "lib/mem.h"

#include <string.h>

static void read_topic(struct loader *l, const struct key *key, const struct yaml_node *value,
                       void *target)
{
	const char *fault = kafka_topic_fault(*(char **)((char *)target + key->offset));

	if (fault)
		fail(l, value, "%s", fault);
}

static void read_properties(struct loader *l, const struct key *key, const struct yaml_node *value,
                            void *target)
{
	kafka_read_properties(l, key, value, kafka_producer_own,
	                      (struct kafka_conf *)(void *)((char *)target + key->offset));
}

/* Both have the same keys, each into its own member of struct pipeline. */
#define TOPIC_KEYS(member_)                                                                             \
	{                                                                                               \
		{.name = "topic",                                                                       \
		 .type = VALUE_TEXT,                                                                    \
		 IN(struct pipeline, member_.topic),                                                    \
		 .read = read_topic,                                                                    \
		 .pattern = "^[A-Za-z0-9._-]{1,249}$",                                                  \
		 .is_required = true,                                                                   \
		 .example = "\"close-responses\"",                                                      \
		 .help = "the topic to write to; it must be there"},                                    \
			{.name = "brokers",                                                             \
		         .type = VALUE_OTHER,                                                           \
		         .offset = offsetof(struct pipeline, member_.conf),                             \
		         .read = kafka_read_brokers,                                                    \
		         .takes = kafka_brokers_takes,                                                  \
		         .schema = kafka_brokers_schema,                                                \
		         .example = "[\"broker1:9092\"]",                                               \
		         .help = "the brokers to begin with, host:port; default: those of the source"}, \
			{.name = "properties",                                                          \
		         .type = VALUE_OTHER,                                                           \
		         .offset = offsetof(struct pipeline, member_.conf),                             \
		         .read = read_properties,                                                       \
		         .takes = kafka_properties_takes,                                               \
		         .schema = kafka_properties_schema,                                             \
		         .help = "any property of librdkafka for producers but those closefeed sets "   \
		                 "itself; sasl.password and the like only by reference; where "         \
		                 "brokers are those of the source, so are properties that do not "      \
		                 "stand here"},                                                         \
			{0},                                                                            \
	}

static const struct key responses_keys[] = TOPIC_KEYS(responses_kafka);
static const struct key rejects_keys[] = TOPIC_KEYS(rejects_kafka);

/*
 * What a sink does not say is the source's: its brokers, and then its properties, too, but for
 * those it has of its own. Other brokers are somebody else's, who must not be shown the password.
 */
static void inherit(const struct loader *l, const struct yaml_node *map, struct kafka_conf *conf)
{
	const struct kafka_conf *from = &l->pipeline->kafka.conf;
	struct kafka_conf own = *conf;

	if (!l->is_kafka || yaml_get(map, "brokers"))
		return;
	*conf = (struct kafka_conf){.brokers = mem_strdup(from->brokers)};
	for (size_t i = 0; i < from->n_properties; i++) {
		const struct kafka_property *p = &from->properties[i];

		/* What is not to be read may well be written. */
		if (strcmp(p->name, "topic.blacklist") != 0 && !kafka_conf_get(&own, p->name) &&
		    kafka_property_check(p->name, NULL, kafka_producer_own, NULL) == 0)
			kafka_conf_add(conf, p->name, p->value);
	}
	/* Last, since some have a second name, and the last counts. */
	for (size_t i = 0; i < own.n_properties; i++)
		kafka_conf_add(conf, own.properties[i].name, own.properties[i].value);
	kafka_conf_deinit(&own);
}

/* An event that is read as a record makes another one, and so on. */
static void check_loop(struct loader *l, const struct yaml_node *map,
                       const struct pipeline_topic *topic)
{
	const char *by =
		topic->topic ? kafka_source_reads(&l->pipeline->kafka, topic->topic, &topic->conf)
			     : NULL;

	const size_t mark = path_enter(l, "topic");

	if (by)
		fail(l, yaml_get(map, "topic"),
		     "the source reads it, too (%.80s): every event would come back as a record, "
		     "without end; name a topic that the source does not read",
		     by);
	path_leave(l, mark);
}

static void check_topic(struct loader *l, const struct yaml_node *file, const char *section,
                        struct pipeline_topic *topic)
{
	const struct yaml_node *map = yaml_get(yaml_get(file, section), "kafka");
	const size_t outer = path_enter(l, section), inner = path_enter(l, "kafka");

	if (map && map->kind == YAML_MAP) {
		if (!yaml_get(map, "brokers") && !yaml_get(yaml_get(file, "source"), "kafka"))
			fail(l, map,
			     "brokers is missing: the source is no Kafka whose brokers it could be");
		inherit(l, map, &topic->conf);
		/* What is the source's was judged there. */
		if (yaml_get(map, "brokers") || yaml_get(map, "properties"))
			kafka_check_conf(l, map, &topic->conf);
		check_loop(l, map, topic);
	}
	path_leave(l, inner);
	path_leave(l, outer);
}

void topics_check(struct loader *l, const struct yaml_node *file)
{
	struct pipeline_topic *a = &l->pipeline->responses_kafka;
	struct pipeline_topic *b = &l->pipeline->rejects_kafka;

	check_topic(l, file, "responses", a);
	check_topic(l, file, "rejects", b);
	if (a->topic && b->topic && strcmp(a->topic, b->topic) == 0 &&
	    kafka_shares_broker(&a->conf, &b->conf))
		fail(l, yaml_get(yaml_get(yaml_get(file, "rejects"), "kafka"), "topic"),
		     "rejects.kafka.topic: is the topic of responses.kafka, too: a reject would be "
		     "there twice under one id; name another");
}

const struct section responses_kafka_section = {
	.name = "responses.kafka",
	.help = "Every event to a topic of Kafka, its key the object's id, else that of the record; "
		"the same keys as in `rejects.kafka`.",
	.keys = responses_keys,
};

const struct section rejects_kafka_section = {
	.name = "rejects.kafka",
	.help = "Events of rejects and held items, with the record, to a topic of Kafka.",
	.keys = rejects_keys,
};
