#pragma once

/*
 * What stands in the way of reading topics, if anything: brokers, login, topics, rights, the
 * group's offsets. Nobody joins the group, and nothing is read but where partitions end.
 */

#include "lib/err.h"
#include "lib/kafka.h"

#include <stddef.h>

/* An entry of source.kafka.topics. */
struct kafka_topic_survey {
	char *written;
	int n_topics; /* 1, or how many a pattern fits; or a negative errno: why says more */
	size_t n_partitions;
	char *widest; /* a topic with several partitions; NULL: there is none */
	struct err why;
};

struct kafka_survey {
	struct kafka_topic_survey *topics; /* in the order in which they are written */
	size_t n;
	size_t n_partitions, n_committed; /* of all; of those the group has committed */
	int group;                        /* 0, or a negative errno: group_why says more */
	struct err group_why;
};

/*
 * Waits for brokers, at most @patience_ms for each answer. Fails only where nothing else can be
 * asked: -EACCES (login), -EINVAL (a property), any other: brokers cannot be reached.
 * To kafka_survey_deinit().
 */
int kafka_survey(const struct kafka_conf *conf, char *const *topics, const char *group,
                 unsigned patience_ms, struct kafka_survey *ret_survey, struct err *err);
void kafka_survey_deinit(struct kafka_survey *survey);
