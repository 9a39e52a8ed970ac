#pragma once

/* Where a record comes from, as jq programs, their sentences, events and previews tell it. */

#include "connector/model/record.h"
#include "lib/buf.h"
#include "lib/jq.h"

#include <json-c/json_object.h>

/* A new object: $source of the programs that look at @record. */
struct json_object *origin_source(const struct record *record);

/* When a message was produced, RFC 3339 in UTC; NULL: nobody said. */
struct json_object *origin_timestamp(const struct record *record);

/* Adds its place as a member of `records` in events and previews: {"file", "line", "bytes"}, or
 * {"topic", "partition", "offset", "key"}. */
void origin_print(const struct record *record, struct buf *out);

/* The same for people: "in.ndjson:3", "topic/partition:offset"; to free(). */
char *origin_place(const struct record *record);

/* The same for the sentence of a program that has to be stopped; borrows from @record. */
struct jq_where origin_where(const struct record *record);
