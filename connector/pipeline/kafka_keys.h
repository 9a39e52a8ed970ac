#pragma once

/* Keys of Kafka that are written alike wherever topics are read or written. */

#include "connector/pipeline/keys.h"

/* Rows of VALUE_OTHER: the offset is that of a struct kafka_conf. */
extern const char kafka_brokers_takes[], kafka_brokers_schema[];
extern const char kafka_properties_takes[], kafka_properties_schema[];
void kafka_read_brokers(struct loader *l, const struct key *key, const struct yaml_node *value,
                        void *target);
/* @own: names that people may not set. */
void kafka_read_properties(struct loader *l, const struct key *key, const struct yaml_node *value,
                           const char *const *own, struct kafka_conf *conf);

/* What is wrong with the name of a topic, for a sentence; NULL: nothing. */
const char *kafka_topic_fault(const char *topic);

/* What properties mean together, and whether all the world may listen; @map is the section. */
void kafka_check_conf(struct loader *l, const struct yaml_node *map, const struct kafka_conf *conf);

/* They have a broker in common, so they are of one cluster. */
bool kafka_shares_broker(const struct kafka_conf *a, const struct kafka_conf *b);

/*
 * kafka_source.c: the topic or pattern, as written, by which the source reads @topic of the brokers
 * of @conf; NULL: it does not.
 */
const char *kafka_source_reads(const struct pipeline_source_kafka *source, const char *topic,
                               const struct kafka_conf *conf);
