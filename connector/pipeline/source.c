/* source: where records come from. */

#include "connector/pipeline/keys.h"
#include "lib/mem.h"
#include "lib/near.h"

#include <stdlib.h>
#include <string.h>

static const char *const on_changes[] = {"stop", "new", NULL};
static const char *const tombstones[] = {"ignore", "reject", "route", NULL};
static const char *const framings[] = {"none", "confluent", NULL};

static void read_path(struct loader *l, const struct key *key, const struct yaml_node *value,
                      void *target)
{
	struct pipeline *p = target;

	(void)key;
	(void)value;
	free(p->ndjson_path);
	p->ndjson_path = strcmp(p->ndjson_written, "-") == 0 ? mem_strdup("-")
	                                                     : load_path(l, p->ndjson_written);
}

static const struct key ndjson_keys[] = {
	{.name = "path",
         .type = VALUE_TEXT,
         IN(struct pipeline, ndjson_written),
         .read = read_path,
         .is_required = true,
         .example = "\"signups.ndjson\"",
         .help = "what to read, relative to this file: a file, a folder (its .ndjson, .jsonl and "
                 ".json files), a pattern as *.ndjson, or - for standard input; .gz and .zst are "
                 "read as they are"},
	{.name = "follow",
         .type = VALUE_BOOL,
         IN(struct pipeline, ndjson_follow),
         .fallback = "false",
         .help = "false: stop at the end; true: keep reading as files grow, come and are rotated"},
	{.name = "on_change",
         .type = VALUE_CHOICE,
         IN(struct pipeline, start_anew_on_change),
         .choices = on_changes,
         .choice_help =
                 (const char *const[]){"stop with exit code 75, say what differs and what to do",
                                       "read the file from its start"},
         .fallback = "stop",
         .help = "when the part already read is no longer the same"},
	{0},
};

static void check_ndjson(struct loader *l, const struct yaml_node *map, void *target)
{
	const struct pipeline *p = target;

	if (p->ndjson_follow && p->ndjson_written && strcmp(p->ndjson_written, "-") == 0)
		fail(l, yaml_get(map, "follow"),
		     "standard input is read until its writer ends it: take follow out");
}

static const struct section ndjson_section = {
	.name = "source.ndjson",
	.help = "Newline-delimited JSON: one object a line.",
	.keys = ndjson_keys,
	.rules =
		"[{\"not\":{\"properties\":{\"path\":{\"const\":\"-\"},\"follow\":{\"const\":true}},"
		"\"required\":[\"path\",\"follow\"]}}]",
	.check = check_ndjson,
};

/* Settings of librdkafka that closefeed makes itself, because its promises rest on them. */
static const char *const own_properties[] = {
	"enable.auto.commit",
	"enable.auto.offset.store",
	"auto.offset.reset",
	"isolation.level",
	"bootstrap.servers",
	"group.id",
	"group.instance.id",
	"partition.assignment.strategy",
	NULL,
};
static const char *const secret_properties[] = {"sasl.password", "ssl.key.password", NULL};

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static void read_properties(struct loader *l, const struct key *key, const struct yaml_node *value,
                            void *target)
{
	(void)key;
	(void)target;
	if (value->kind != YAML_MAP) {
		fail_kind(l, value, "a map of librdkafka's properties");
		return;
	}
	for (size_t i = 0; i < value->n; i++) {
		const char *name = value->keys[i]->text;
		const struct yaml_node *item = value->items[i];
		const size_t mark = path_enter(l, name);

		if (is_one_of(name, own_properties))
			fail(l, value->keys[i], "closefeed sets this property itself: take it out");
		else if (is_one_of(name, secret_properties))
			(void)resolve_secret(l, item, &(char *){NULL}, NULL);
		else if (item->kind != YAML_TEXT && !is_reference(item))
			fail_kind(l, item, "text");
		path_leave(l, mark);
	}
}

static const char properties_schema[] =
	"{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":[{\"type\":[\"string\",\"number\","
	"\"boolean\"]},{\"$ref\":\"#/$defs/reference\"}]}}";

static const struct key kafka_keys[] = {
	{.name = "brokers",
         .type = VALUE_TEXTS,
         .is_required = true,
         .is_later = false,
         .example = "[\"broker1:9092\"]",
         .help = "the brokers to begin with, host:port"},
	{.name = "topics",
         .type = VALUE_TEXTS,
         .is_required = true,
         .example = "[\"signups\"]",
         .help = "topics to read; one that begins with ^ is a pattern"},
	{.name = "group",
         .type = VALUE_TEXT,
         .help = "the consumer group; default closefeed.<name>"},
	{.name = "start",
         .type = VALUE_TEXT,
         .fallback = "beginning",
         .help = "where a group without offsets begins: beginning, end or an RFC 3339 time"},
	{.name = "tombstones",
         .type = VALUE_CHOICE,
         .choices = tombstones,
         .choice_help = (const char *const[]){"counted as filtered", "rejected (tombstone)",
                                              "the record is {}, and {@key} is there"},
         .fallback = "reject",
         .help = "what a null value is"},
	{.name = "properties",
         .type = VALUE_OTHER,
         .read = read_properties,
         .takes = "a map of librdkafka's properties",
         .schema = properties_schema,
         .help = "any property of librdkafka but those closefeed sets itself"},
	{.name = "framing",
         .type = VALUE_CHOICE,
         .choices = framings,
         .choice_help =
                 (const char *const[]){
			 "the value is JSON",
			 "a schema-registry header of five bytes stands before the JSON"},
         .fallback = "none",
         .help = "what stands before the JSON of a value"},
	{0},
};

static const struct section kafka_section = {
	.name = "source.kafka",
	.help = "Topics of Kafka whose values are JSON objects.",
	.keys = kafka_keys,
};

static const struct key source_keys[] = {
	{.name = "ndjson",
         .type = VALUE_SECTION,
         .elsewhere = (const char *const[]){"file", "jsonl", NULL},
         .section = &ndjson_section,
         .help = "read newline-delimited JSON"},
	{.name = "kafka",
         .type = VALUE_SECTION,
         .section = &kafka_section,
         .is_later = true,
         .help = "read topics of Kafka"},
	{.name = "key",
         .type = VALUE_TEMPLATE,
         .pattern = "\\{",
         .example = "\"{id}\"",
         .help = "the record's own key: a record whose key is settled is skipped, wherever it comes "
                 "from; with it on_change is new unless it is written"},
	{.name = "max_record",
         .type = VALUE_SIZE,
         IN(struct pipeline, max_record),
         .min = 64,
         .max = 16 << 20,
         .fallback = "1MiB",
         .help = "a longer record is rejected with its position and length, never read whole"},
	{0},
};

static void check_source(struct loader *l, const struct yaml_node *map, void *target)
{
	struct pipeline *p = target;
	const struct yaml_node *ndjson = yaml_get(map, "ndjson");

	l->is_kafka = yaml_get(map, "kafka") && !ndjson;
	l->source_key = yaml_get(map, "key");
	/* The key tells what was sent, so nothing is lost or sent twice by reading all again. */
	if (l->source_key && !yaml_get(ndjson, "on_change"))
		p->start_anew_on_change = p->is_anew_for_key = true;
}

const struct section source_section = {
	.name = "source",
	.help = "Where records come from: exactly one of ndjson and kafka. A record is a JSON "
		"object; anything else is rejected with its position, and the run goes on.",
	.keys = source_keys,
	.excluding = (const struct key_pair[]){{"ndjson", "kafka"}, {0}},
	.one_of = (const char *const[]){"ndjson", "kafka", NULL},
	.check = check_source,
};
