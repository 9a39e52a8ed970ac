#pragma once

/*
 * How far the source is behind: what is left of it, how fast it is settled, and how old the oldest
 * record is that is not sent yet. Everything is bounded, whatever there is to read.
 */

#include "connector/engine/private.h"

struct lag *lag_new(struct engine *e);
void lag_free(struct lag *lag); /* NULL is ignored */
/* @e goes on where the engine @before it was: at its pace. */
void lag_go_on(struct engine *e, const struct engine *before);

/* @record was just read, or an earlier run left it open. */
void lag_read(struct engine *e, const struct record *record);
/* All of it has an outcome. */
void lag_settled(struct engine *e, const struct record *record);

struct lag_view {
	bool is_known; /* what is left is known */
	bool is_bytes; /* of files; else records of partitions */
	uint64_t left;
	int64_t behind_ms; /* Kafka: since the last record that was read was produced, 0 if nothing
	                      is left; -1: not known */
	int64_t oldest_ms; /* age of the oldest record that is read and not settled; -1: none is */
	uint64_t per_minute; /* records that were settled in the last minute */
	int64_t drained_ms;  /* until nothing is left, at that pace; -1: not known */
};
void lag_look(const struct engine *e, struct lag_view *ret_view);

/* Kafka: that and since when no broker is reached, as a sentence; false: one is. */
bool lag_waits(const struct engine *e, char *text, size_t size);

/*
 * Adds "lag" and "partitions" to the status @o; @e is NULL when nobody runs: then only positions
 * are known, from the state; @journal is NULL where there is none.
 */
void lag_print(struct json_object *o, struct json_object *sentences, struct journal *journal,
               const struct engine *e, const struct pipeline *pipeline);
