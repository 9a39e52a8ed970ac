/* responses.kafka and rejects.kafka: topics to write to. */

#include "connector/pipeline/keys.h"
#include "lib/cleanup.h"
#include "lib/kafka_producer.h"
#include "lib/mem.h"
#include "lib/net.h"

#include <stdlib.h>
#include <string.h>

static struct pipeline_topic *topic_of(const struct key *key, void *target)
{
	return (struct pipeline_topic *)((char *)target + key->offset);
}

/* As Kafka has them. */
static void read_topic(struct loader *l, const struct key *key, const struct yaml_node *value,
                       void *target)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"._-";
	const char *topic = *(char **)((char *)target + key->offset);
	const size_t len = strlen(topic);

	if (strspn(topic, letters) != len)
		fail(l, value,
		     "has a character that no topic has: letters, digits, dots, underscores and "
		     "hyphens are allowed");
	else if (len > 249)
		fail(l, value, "is longer than 249 characters, which is as long as a topic may be");
	else if (strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0)
		fail(l, value, "cannot be the name of a topic");
}

static void read_brokers(struct loader *l, const struct key *key, const struct yaml_node *value,
                         void *target)
{
	struct buf list = BUF_INIT;
	bool is_fine = value->kind == YAML_LIST && value->n > 0;

	for (size_t i = 0; is_fine && i < value->n; i++) {
		const struct yaml_node *item = value->items[i];

		is_fine = item->kind == YAML_TEXT && *item->text && !strpbrk(item->text, ", \t");
		if (is_fine)
			buf_addf(&list, "%s%s", i ? "," : "", item->text);
	}
	if (is_fine)
		topic_of(key, target)->conf.brokers = buf_take(&list);
	else
		fail_kind(l, value, key->takes);
	buf_deinit(&list);
}

/* The value as librdkafka gets it, to free(); NULL: there is none, which was told where it matters.
 */
static char *property_value(struct loader *l, const char *name, const struct yaml_node *item)
{
	char *text = NULL, *path;

	if (kafka_property_is_secret(name)) {
		(void)resolve_secret(l, item, &text, NULL);
	} else if (is_reference(item)) {
		(void)resolve_setting(l, item, &text);
	} else if (item->kind == YAML_TEXT && !yaml_is_null(item)) {
		text = mem_strdup(item->text);
	} else {
		fail_kind(l, item, "text");
	}
	if (text && kafka_property_is_path(name) && strcmp(text, "probe") != 0) {
		path = load_path(l, text);
		free(text);
		text = path;
	}
	return text;
}

static void read_property(struct loader *l, const struct yaml_node *name,
                          const struct yaml_node *item, struct kafka_conf *conf)
{
	struct err err;
	char *value = NULL;

	/* First the name: of a property that is none, no value is read. */
	if (kafka_property_check(name->text, NULL, kafka_producer_own, &err) < 0) {
		fail(l, name, "%s", err.text);
		return;
	}
	value = property_value(l, name->text, item);
	if (value && kafka_property_check(name->text, value, kafka_producer_own, &err) < 0)
		fail(l, item, "%s", err.text);
	else if (value)
		kafka_conf_add(conf, name->text, value);
	if (value)
		explicit_bzero(value, strlen(value));
	free(value);
}

static void read_properties(struct loader *l, const struct key *key, const struct yaml_node *value,
                            void *target)
{
	if (value->kind != YAML_MAP) {
		fail_kind(l, value, key->takes);
		return;
	}
	if (fail_unquoted(l, value))
		return;
	for (size_t i = 0; i < value->n; i++) {
		const size_t mark = path_enter(l, value->keys[i]->text);

		read_property(l, value->keys[i], value->items[i], &topic_of(key, target)->conf);
		path_leave(l, mark);
	}
}

#define BROKERS_SCHEMA                                                                             \
	"{\"type\":\"array\",\"items\":{\"type\":\"string\",\"pattern\":\"^[^, \\t]+$\"},"         \
	"\"minItems\":1}"
#define PROPERTIES_SCHEMA                                                                          \
	"{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":[{\"type\":[\"string\","         \
	"\"number\",\"boolean\"]},{\"$ref\":\"#/$defs/reference\"}]}}"

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
		         .offset = offsetof(struct pipeline, member_),                                  \
		         .read = read_brokers,                                                          \
		         .takes = "a list of host:port",                                                \
		         .schema = BROKERS_SCHEMA,                                                      \
		         .example = "[\"broker1:9092\"]",                                               \
		         .help = "the brokers to begin with, host:port; default: those of the source"}, \
			{.name = "properties",                                                          \
		         .type = VALUE_OTHER,                                                           \
		         .offset = offsetof(struct pipeline, member_),                                  \
		         .read = read_properties,                                                       \
		         .takes = "a map of librdkafka's properties",                                   \
		         .schema = PROPERTIES_SCHEMA,                                                   \
		         .help = "any property of librdkafka for producers but those closefeed sets "   \
		                 "itself; sasl.password and the like only by reference"},               \
			{0},                                                                            \
	}

static const struct key responses_keys[] = TOPIC_KEYS(responses_kafka);
static const struct key rejects_keys[] = TOPIC_KEYS(rejects_kafka);

/* "host:9092", "[::1]:9092" */
static bool is_loopback(const char *brokers)
{
	bool is_all = true;
	char *copy = mem_strdup(brokers), *rest = copy, *broker;

	while ((broker = strsep(&rest, ","))) {
		char *url = mem_printf("http://%s/", broker);

		is_all = is_all && net_url_is_loopback(url);
		free(url);
	}
	free(copy);
	return is_all;
}

static void check_topic(struct loader *l, const struct yaml_node *file, const char *section,
                        const struct pipeline_topic *topic)
{
	const struct yaml_node *map = yaml_get(yaml_get(file, section), "kafka");
	const size_t outer = path_enter(l, section), inner = path_enter(l, "kafka");
	struct err err;

	if (map && map->kind == YAML_MAP && !yaml_get(map, "brokers") && !l->is_kafka)
		fail(l, map,
		     "brokers is missing: the source is no Kafka whose brokers it could be");
	if (l->options->with_secrets && map && kafka_conf_check(&topic->conf, &err) < 0)
		fail(l, yaml_get(map, "properties"), "%s", err.text);
	if (topic->conf.brokers && !kafka_conf_is_encrypted(&topic->conf) &&
	    !is_loopback(topic->conf.brokers))
		warn(l, yaml_get(map, "brokers"),
		     "what is sent to these brokers can be read and changed on its way: set "
		     "security.protocol to ssl or sasl_ssl under properties");
	path_leave(l, inner);
	path_leave(l, outer);
}

void topics_check(struct loader *l, const struct yaml_node *file)
{
	const struct pipeline_topic *a = &l->pipeline->responses_kafka;
	const struct pipeline_topic *b = &l->pipeline->rejects_kafka;

	check_topic(l, file, "responses", a);
	check_topic(l, file, "rejects", b);
	if (a->topic && b->topic && a->conf.brokers && b->conf.brokers &&
	    strcmp(a->topic, b->topic) == 0 && strcmp(a->conf.brokers, b->conf.brokers) == 0)
		fail(l, yaml_get(yaml_get(yaml_get(file, "rejects"), "kafka"), "topic"),
		     "rejects.kafka.topic: is the topic of responses.kafka, too: a reject would be "
		     "there twice under one id; name another");
}

const struct section responses_kafka_section = {
	.name = "responses.kafka",
	.help = "Every event to a topic of Kafka, its key the object's id; the same keys as in "
		"`rejects.kafka`.",
	.keys = responses_keys,
};

const struct section rejects_kafka_section = {
	.name = "rejects.kafka",
	.help = "Events of rejects and held items, with the record, to a topic of Kafka.",
	.keys = rejects_keys,
};
