#pragma once

/* What the files behind lib/kafka.h share: the only header of ours that knows librdkafka's types.
 */

#include "lib/kafka.h"

#include <librdkafka/rdkafka.h>

/*
 * A configuration of @from with the defaults of ours that both kinds of clients have; properties
 * that a client of @type has no use for are left out. *@ret_conf is the caller's, to
 * rd_kafka_conf_destroy() or rd_kafka_new().
 */
int kafka_make_conf(const struct kafka_conf *from, rd_kafka_type_t type, rd_kafka_conf_t **ret_conf,
                    struct err *err);
/* One property more; every name and value is of this program. */
void kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value);

/* Makes the client, and takes @takes_conf in any case. */
int kafka_make_client(rd_kafka_type_t type, rd_kafka_conf_t *takes_conf, rd_kafka_t **ret_client,
                      struct err *err);

/*
 * What @code means for people: writes the sentence and returns a negative errno: -EACCES, -ENOENT,
 * -EMSGSIZE or -EIO. @reason is librdkafka's own text (may be NULL), @topic may be NULL.
 */
int kafka_explain(rd_kafka_resp_err_t code, const char *reason, const char *brokers,
                  const char *topic, struct err *err);

/*
 * Ends @takes_client, waiting at most @max_ms for its threads. rd_kafka_destroy() of 2.0.2 may
 * never return: what then remains ends with the process. Callbacks of a consumer may come as long
 * as it lasts: @takes_opaque (or NULL), which they are given, is freed when none comes any more.
 */
void kafka_end_client(rd_kafka_t *takes_client, unsigned max_ms, void *takes_opaque);
