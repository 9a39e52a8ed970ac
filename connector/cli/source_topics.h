#pragma once

/* Topics as a source, for commands that look at them beside a run. */

#include "connector/model/exit_code.h"
#include "connector/pipeline/pipeline.h"
#include "connector/source/source.h"

#include <stdbool.h>

/* How to end after a negative errno of connector/source/kafka_peek.h or kafka_survey.h. */
enum exit_code source_topics_exit_code(int r);

/*
 * Opens the topics of @pipeline (with the secrets of its source) to look at; what a person should
 * know goes to standard error. Errors as kafka_peek_open().
 */
int source_topics_open(const struct pipeline *pipeline, struct source **ret_source,
                       struct err *err);

/*
 * Waits until @source, of whatever kind, has more, but a second at most: topics have a patience of
 * their own.
 */
void source_topics_wait(const struct source *source);

/* Takes a line of the report: what was looked at, and whether it is as it should be. */
typedef void source_topics_tell(void *arg, const char *name, bool is_ok, const char *what);

/*
 * Looks whether @pipeline, whose source is Kafka, can read: "broker", each "topic", "group"; and
 * where routes look for objects by a match, what that asks of the "order" of partitions. Returns
 * EXIT_DONE, or the exit code that goes with the first trouble.
 */
enum exit_code source_topics_check(const struct pipeline *pipeline, source_topics_tell *tell,
                                   void *arg);
