/* source: where records come from. */

#include "connector/pipeline/keys.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

static const char *const on_changes[] = {"stop", "new", NULL};

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

static const struct key source_keys[] = {
	{.name = "ndjson",
         .type = VALUE_SECTION,
         .elsewhere = (const char *const[]){"file", "jsonl", NULL},
         .section = &ndjson_section,
         .help = "read newline-delimited JSON"},
	{.name = "kafka",
         .type = VALUE_SECTION,
         .section = &source_kafka_section,
         .help = "read topics of Kafka"},
	{.name = "key",
         .type = VALUE_TEMPLATE,
         .pattern = "\\{",
         .example = "\"{id}\"",
         .help = "the record's own key: a record whose key is settled is skipped, wherever it comes "
                 "from; with it ndjson's on_change is new unless it is written"},
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
	if (l->source_key && ndjson && !yaml_get(ndjson, "on_change"))
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
