#include "lib/kafka_topics.h"

#include "lib/kafka_consumer_private.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

static void add_partitions(const rd_kafka_metadata_topic_t *topic, struct kafka_places *places)
{
	/* Two patterns may fit one topic; then all its partitions are there. */
	if (topic->partition_cnt &&
	    kafka_places_find(places, topic->topic, topic->partitions[0].id))
		return;
	for (int i = 0; i < topic->partition_cnt; i++)
		(void)kafka_places_add(places, topic->topic, topic->partitions[i].id,
		                       kafka_no_offset);
}

static int ask_one(struct kafka_consumer *c, const char *name, unsigned timeout_ms,
                   struct kafka_places *places, struct err *err)
{
	const struct rd_kafka_metadata *answer = NULL;
	rd_kafka_topic_t *topic = rd_kafka_topic_new(c->rk, name, NULL);
	rd_kafka_resp_err_t code;
	int r = 1;

	if (!topic)
		return err_set(err, -EINVAL, "\"%.200s\" cannot be the name of a topic", name);
	code = rd_kafka_metadata(c->rk, 0, topic, &answer, (int)timeout_ms);
	rd_kafka_topic_destroy(topic);
	if (code)
		return kafka_fail(err, code, "cannot ask for topics");
	code = answer->topic_cnt == 1 ? answer->topics[0].err
	                              : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	if (code)
		r = kafka_explain(code, NULL, c->brokers, name, err);
	else
		add_partitions(&answer->topics[0], places);
	rd_kafka_metadata_destroy(answer);
	return r;
}

/* As librdkafka itself does: POSIX extended, anywhere in the name. */
static bool fits(const char *pattern, const char *topic)
{
	regex_t compiled;
	bool is_match;

	if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	is_match = regexec(&compiled, topic, 0, NULL, 0) == 0;
	regfree(&compiled);
	return is_match;
}

/* topic.blacklist: a list of patterns; for a subscription there are no such topics. */
static bool is_blacklisted(const struct kafka_consumer *c, const char *topic)
{
	char list[4096], *rest = list, *pattern;
	size_t size = sizeof(list);

	if (rd_kafka_conf_get(rd_kafka_conf(c->rk), "topic.blacklist", list, &size))
		return false;
	while ((pattern = strsep(&rest, ",")))
		if (*pattern && fits(pattern, topic))
			return true;
	return false;
}

bool kafka_topic_fits(const struct kafka_consumer *consumer, const char *wanted, const char *topic)
{
	return (*wanted == '^' ? fits(wanted, topic) : strcmp(wanted, topic) == 0) &&
	       !is_blacklisted(consumer, topic);
}

static int ask_for_pattern(struct kafka_consumer *c, const char *pattern, unsigned timeout_ms,
                           struct kafka_places *places, struct err *err)
{
	const struct rd_kafka_metadata *answer = NULL;
	const rd_kafka_resp_err_t code =
		rd_kafka_metadata(c->rk, 1, NULL, &answer, (int)timeout_ms);
	int n = 0;

	if (code)
		return kafka_fail(err, code, "cannot ask for topics");
	for (int i = 0; i < answer->topic_cnt; i++) {
		const rd_kafka_metadata_topic_t *topic = &answer->topics[i];

		if (topic->err || !kafka_topic_fits(c, pattern, topic->topic))
			continue;
		add_partitions(topic, places);
		n++;
	}
	rd_kafka_metadata_destroy(answer);
	return n;
}

int kafka_topics_within(struct kafka_consumer *consumer, const char *topic, unsigned timeout_ms,
                        struct kafka_places *places, struct err *err)
{
	return *topic == '^' ? ask_for_pattern(consumer, topic, timeout_ms, places, err)
	                     : ask_one(consumer, topic, timeout_ms, places, err);
}
