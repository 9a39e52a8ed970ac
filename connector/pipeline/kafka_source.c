/* source.kafka: topics to read from. */

#include "connector/pipeline/kafka_keys.h"
#include "lib/buf.h"
#include "lib/kafka_consumer.h"
#include "lib/mem.h"
#include "lib/moment.h"
#include "lib/strlist.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum {
	session_min_ms = 15000, /* shorter, and a pause of the network costs the partitions */
	patience_ms = 300000,   /* max.poll.interval.ms of librdkafka */
	beats_per_session = 3,  /* so that one that is lost costs nothing */
	group_max = 249,
	pattern_max = 1000, /* characters, and copies that its repetitions make */
};

static const char *const tombstones[] = {"reject", "ignore", "route", NULL};
static const char *const framings[] = {"none", "confluent", NULL};

/* Patterns, as librdkafka reads them: extended regular expressions of POSIX. */

/* {n} and {n,m} are copies for regcomp(), which would fill the memory with them. */
static bool is_too_large(const char *pattern)
{
	unsigned long copies = 1;

	if (strlen(pattern) > pattern_max)
		return true;
	for (const char *c = pattern; (c = strchr(c, '{')); c++) {
		char *end;
		unsigned long n = strtoul(c + 1, &end, 10);

		if (*end == ',')
			n = end[1] == '}' ? n + 1 : strtoul(end + 1, NULL, 10);
		copies *= n > pattern_max ? pattern_max + 1 : n ? n : 1;
		if (copies > pattern_max)
			return true;
	}
	return false;
}

static void check_pattern(struct loader *l, const struct yaml_node *at, const char *pattern)
{
	regex_t regex;
	char why[100];
	int r;

	if (is_too_large(pattern)) {
		fail(l, at,
		     "is too large a pattern: more than %d characters, or as many repetitions",
		     pattern_max);
		return;
	}
	r = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (r == 0) {
		regfree(&regex);
		return;
	}
	(void)regerror(r, &regex, why, sizeof(why));
	fail(l, at, "cannot be a pattern (an extended regular expression of POSIX): %s", why);
}

static bool matches(const char *pattern, const char *topic)
{
	regex_t regex;
	bool is_match;

	if (is_too_large(pattern) || regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	is_match = regexec(&regex, topic, 0, NULL, 0) == 0;
	regfree(&regex);
	return is_match;
}

/* As if there were no such topic. */
static bool is_blacklisted(const struct kafka_conf *conf, const char *topic)
{
	const char *list = kafka_conf_get(conf, "topic.blacklist");
	char *copy = mem_strdup(list), *rest = copy, *pattern;
	bool is_found = false;

	while (!is_found && (pattern = strsep(&rest, ",")))
		is_found = *pattern && matches(pattern, topic);
	free(copy);
	return is_found;
}

/* The topic or pattern, as written, that takes @topic; NULL: none. */
static const char *takes_topic(const struct pipeline_source_kafka *source, const char *topic)
{
	if (is_blacklisted(&source->conf, topic))
		return NULL;
	for (char **t = source->topics; t && *t; t++)
		if (**t == '^' ? matches(*t, topic) : strcmp(*t, topic) == 0)
			return *t;
	return NULL;
}

const char *kafka_source_reads(const struct pipeline_source_kafka *source, const char *topic,
                               const struct kafka_conf *conf)
{
	return kafka_shares_broker(&source->conf, conf) ? takes_topic(source, topic) : NULL;
}

/* Keys */

static void read_topic(struct loader *l, const struct yaml_node *item,
                       struct pipeline_source_kafka *kafka)
{
	const char *topic = item->text, *fault;

	if (item->is_faulty)
		return;
	if (item->kind != YAML_TEXT || yaml_is_null(item)) {
		fail_kind(l, item, "the name of a topic, or a pattern that begins with ^");
		return;
	}
	if (*topic == '^') {
		check_pattern(l, item, topic);
	} else {
		fault = *topic ? kafka_topic_fault(topic) : "must not be empty";
		if (fault)
			fail(l, item, "%s", fault);
	}
	if (strlist_has(kafka->topics, topic))
		fail(l, item, "stands twice");
	strlist_add(&kafka->topics, mem_strdup(topic));
}

static void read_topics(struct loader *l, const struct key *key, const struct yaml_node *value,
                        void *target)
{
	struct pipeline *p = target;
	struct buf written = BUF_INIT;

	if (value->kind != YAML_LIST) {
		fail_kind(l, value, key->takes);
		return;
	}
	if (value->n == 0)
		fail(l, value, "needs at least one topic");
	for (size_t i = 0; i < value->n; i++) {
		const size_t mark = path_enter_item(l, i);

		read_topic(l, value->items[i], &p->kafka);
		path_leave(l, mark);
	}
	buf_adds(&written, strlist_len(p->kafka.topics) == 1 ? "topic " : "topics ");
	for (char **t = p->kafka.topics; t && *t; t++)
		buf_addf(&written, "%s%s", t == p->kafka.topics ? "" : ", ", *t);
	p->kafka.written = buf_take(&written);
}

static void read_group(struct loader *l, const struct key *key, const struct yaml_node *value,
                       void *target)
{
	const struct pipeline *p = target;

	(void)key;
	if (strlen(p->kafka.group) > group_max)
		fail(l, value, "may be %d characters long at most", group_max);
}

/* With a zone, or everybody would read another time. Those before 1970 mean something else. */
static bool parse_time(const char *text, int64_t *ret_ms)
{
	const size_t len = strlen(text);
	bool is_date, has_zone;
	int64_t us;

	if (!moment_parse(text, &us, &is_date) || is_date || us < 0)
		return false;
	has_zone = strchr("Zz", text[len - 1]) ||
	           (len > 6 && strchr("+-", text[len - 6]) && text[len - 3] == ':');
	*ret_ms = us / 1000;
	return has_zone;
}

static bool parse_start(const char *text, struct pipeline_source_kafka *kafka)
{
	if (strcmp(text, "beginning") == 0)
		kafka->start = KAFKA_START_BEGINNING;
	else if (strcmp(text, "end") == 0)
		kafka->start = KAFKA_START_END;
	else if (parse_time(text, &kafka->start_ms))
		kafka->start = KAFKA_START_TIME;
	else
		return false;
	return true;
}

/* The word that Kafka has for it, or librdkafka. */
static const char *start_called(const char *text)
{
	static const struct {
		const char *called, *start;
	} words[] = {
		{"earliest", "beginning"},
		{"smallest", "beginning"},
		{"latest", "end"},
		{"largest", "end"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(text, words[i].called) == 0)
			return words[i].start;
	return NULL;
}

static void read_start(struct loader *l, const struct key *key, const struct yaml_node *value,
                       void *target)
{
	struct pipeline *p = target;
	char *text = NULL;

	if (is_reference(value)) {
		if (resolve_setting(l, value, &text) > 0 && !parse_start(text, &p->kafka))
			fail(l, value, "the value from outside must be %s", key->takes);
		free(text);
		return;
	}
	if (value->kind == YAML_TEXT && parse_start(value->text, &p->kafka))
		return;
	if (value->kind == YAML_TEXT && start_called(value->text))
		fail(l, value, "\"%s\" is called \"%s\" here", value->text,
		     start_called(value->text));
	else
		fail_kind(l, value, key->takes);
}

static void read_properties(struct loader *l, const struct key *key, const struct yaml_node *value,
                            void *target)
{
	struct pipeline *p = target;

	kafka_read_properties(l, key, value, kafka_consumer_own, &p->kafka.conf);
}

static const struct key source_kafka_keys[] = {
	{.name = "brokers",
         .type = VALUE_OTHER,
         .offset = offsetof(struct pipeline, kafka.conf),
         .read = kafka_read_brokers,
         .takes = kafka_brokers_takes,
         .schema = kafka_brokers_schema,
         .is_required = true,
         .elsewhere = (const char *const[]){"bootstrap.servers", "bootstrap_servers", NULL},
         .example = "[\"broker1:9092\"]",
         .help = "the brokers to begin with, host:port"},
	{.name = "topics",
         .type = VALUE_OTHER,
         .read = read_topics,
         .takes = "a list of topics",
         .schema = "{\"type\":\"array\",\"minItems\":1,\"uniqueItems\":true,\"items\":{\"type\":"
                   "[\"string\",\"number\",\"boolean\"],"
                   "\"pattern\":\"^(\\\\^|[A-Za-z0-9._-]{1,249}$)\"}}",
         .is_required = true,
         .example = "[\"signups\"]",
         .help = "topics to read; one that begins with ^ is a pattern, an extended regular "
                 "expression: ^sign takes all that begin so, ^sign$ no other"},
	{.name = "group",
         .type = VALUE_TEXT,
         IN(struct pipeline, kafka.group),
         .read = read_group,
         .elsewhere = (const char *const[]){"group.id", "group_id", NULL},
         .help = "the consumer group; default closefeed.<name>"},
	{.name = "start",
         .type = VALUE_OTHER,
         .read = read_start,
         .takes = "beginning, end or an RFC 3339 time such as 2026-03-09T13:00:00Z",
         .schema = "{\"anyOf\":[{\"enum\":[\"beginning\",\"end\"]},{\"type\":\"string\","
                   "\"pattern\":\"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ].*([Zz]|[+-][0-9]{2}:[0-9]{2})"
                   "$\"},{\"$ref\":\"#/$defs/reference\"}]}",
         .fallback = "\"beginning\"",
         .help = "where a group without offsets begins"},
	{.name = "tombstones",
         .type = VALUE_CHOICE,
         IN(struct pipeline, kafka.tombstones),
         .choices = tombstones,
         .choice_help = (const char *const[]){"rejected (tombstone)", "counted as filtered",
                                              "the record is {}, and {@key} is there"},
         .fallback = "reject",
         .help = "what a null value is"},
	{.name = "properties",
         .type = VALUE_OTHER,
         .read = read_properties,
         .takes = kafka_properties_takes,
         .schema = kafka_properties_schema,
         .help = "any property of librdkafka for consumers but those closefeed sets itself; "
                 "sasl.password and the like only by reference; session.timeout.ms from 15 s "
                 "(default 60 s)"},
	{.name = "framing",
         .type = VALUE_CHOICE,
         IN(struct pipeline, kafka.is_framed),
         .choices = framings,
         .choice_help =
                 (const char *const[]){
			 "the value is JSON",
			 "a schema-registry header of five bytes stands before the JSON"},
         .fallback = "none",
         .help = "what stands before the JSON of a value"},
	{0},
};

/* What keys mean together */

/* The number a property has, or would have; its range was checked. */
static uint64_t number_of(const struct kafka_conf *conf, const char *name, uint64_t fallback)
{
	const char *text = kafka_conf_get(conf, name);

	return text ? strtoull(text, NULL, 10) : fallback;
}

static void check_times(struct loader *l, const struct yaml_node *map,
                        struct pipeline_source_kafka *kafka)
{
	static const char session[] = "session.timeout.ms", beat[] = "heartbeat.interval.ms";
	const struct yaml_node *at = yaml_get(map, "properties");

	kafka->session_ms = number_of(&kafka->conf, session, kafka_consumer_session_ms);
	if (kafka->session_ms < session_min_ms)
		fail(l, at,
		     "%s must be %d or more: a shorter pause of the network would cost the "
		     "partitions",
		     session, session_min_ms);
	if (kafka->session_ms > number_of(&kafka->conf, "max.poll.interval.ms", patience_ms))
		fail(l, at, "%s must not be longer than max.poll.interval.ms (default %d)", session,
		     patience_ms);
	if (number_of(&kafka->conf, beat, 0) * beats_per_session > kafka->session_ms)
		fail(l, at,
		     "%s must be a third of %s at most, or the group takes this member for dead",
		     beat, session);
}

static void check_kafka(struct loader *l, const struct yaml_node *map, void *target)
{
	static const char offsets[] = "__consumer_offsets";
	struct pipeline *p = target;
	const char *by = takes_topic(&p->kafka, offsets);

	kafka_check_conf(l, map, &p->kafka.conf);
	check_times(l, map, &p->kafka);
	if (by)
		warn(l, yaml_get(map, "topics"),
		     "%.80s reads %s, too, where Kafka itself keeps what is no JSON: narrow it, or "
		     "set topic.blacklist to ^__ under properties",
		     by, offsets);
}

void source_kafka_defaults(struct pipeline *pipeline)
{
	if (pipeline->kafka.topics && !pipeline->kafka.group && pipeline->name)
		pipeline->kafka.group = mem_printf("closefeed.%s", pipeline->name);
}

const struct section source_kafka_section = {
	.name = "source.kafka",
	.help = "Topics of Kafka whose values are JSON objects.",
	.keys = source_kafka_keys,
	.check = check_kafka,
};
