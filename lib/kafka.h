#pragma once

/*
 * The one door to Kafka: what a producer and a consumer need of librdkafka (2.0.2 and later). Its
 * names for settings are librdkafka's own. Only lib/kafka*.c include its header.
 *
 * It logs nothing by itself, and no message of ours repeats the value of a property.
 */

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>

struct kafka_property {
	char *name, *value; /* value: "" where only its name is known yet */
};

/* Whom to talk to, and how. Zeroed is empty. */
struct kafka_conf {
	char *brokers; /* "host:port,host:port" */
	struct kafka_property *properties;
	size_t n_properties, cap_properties;
};

void kafka_conf_add(struct kafka_conf *conf, const char *name, const char *value);
void kafka_conf_deinit(struct kafka_conf *conf); /* wipes the values */

/*
 * May people set @name, to @value (NULL: not known yet)? @own: names that are ours to set,
 * NULL-terminated. -EINVAL with a sentence (and the near name) if not.
 */
int kafka_property_check(const char *name, const char *value, const char *const *own,
                         struct err *err);
/* A credential: it must come from outside the pipeline file. */
bool kafka_property_is_secret(const char *name);
/* The name of a file. */
bool kafka_property_is_path(const char *name);
/* The value of property @name; NULL: it is not set. */
const char *kafka_conf_get(const struct kafka_conf *conf, const char *name);
/* What is sent is encrypted. */
bool kafka_conf_is_encrypted(const struct kafka_conf *conf);
/* What properties mean together: -EINVAL with a sentence. */
int kafka_conf_check(const struct kafka_conf *conf, struct err *err);

/*
 * Asks the brokers for @topic and waits for it, at most @max_ms: not for the loop. Returns how many
 * partitions it has, or -ENOENT, -EACCES (wrong password, no right), -EIO with a sentence.
 */
int kafka_probe_topic(const struct kafka_conf *from, const char *topic, int max_ms,
                      struct err *err);

/* The version of the library. */
const char *kafka_version(void);
