#pragma once

/*
 * One line for one event: "2026-11-21T10:42:07.123Z warn receiver down status=503 url=\"…\"". Text
 * values are JSON strings in which control characters, line separators and marks that turn a line
 * around are escaped, so nothing that came from outside can forge a line. Every line goes through
 * the redactor. lib/ itself never logs: whoever handles a failure does.
 */

#include "lib/loop.h"
#include "lib/redact.h"

#include <stdint.h>

enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR };

enum {
	log_value_bytes = 1024, /* of one text value; what is longer is cut and ends in "…" */
	log_line_bytes = 8192,  /* of one line; fields that do not fit are left out, and said so */
};

/* A key and its value: text, or a number where @text is NULL. Made by the functions below. */
struct log_field {
	const char *key;
	const char *text;
	int64_t number;
};

struct log;

/* Lines of @level and above go to @fd, which stays the caller's, as do @loop and @redact. */
struct log *log_new(struct loop *loop, const struct redact *redact, int fd, enum log_level level);
void log_free(struct log *log); /* NULL is ignored */

/* The level called @name ("debug", "info", "warn", "error"), or -1. */
int log_level_find(const char *name);

static inline struct log_field log_text(const char *key, const char *text)
{
	return (struct log_field){.key = key, .text = text ? text : ""};
}

static inline struct log_field log_number(const char *key, int64_t number)
{
	return (struct log_field){.key = key, .number = number};
}

/*
 * log_line(log, LEVEL_WARN, "receiver down", log_text("url", url), log_number("status", 503));
 * @message is a fixed phrase: what differs from line to line belongs into fields.
 */
#define log_line(log, level, message, ...)                                                         \
	log_write(log, level, message, (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})

/* @fields ends with a NULL key. */
void log_write(struct log *log, enum log_level level, const char *message,
               const struct log_field *fields);
