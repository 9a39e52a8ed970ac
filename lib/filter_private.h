#pragma once

/*
 * The functions behind the table of lib/filter.c (struct filter.apply), and what they share. Only
 * lib/filter*.c include it.
 */

#include "lib/buf.h"

#include <json-c/json_object.h>
#include <stdbool.h>

bool filter_is_text(struct json_object *value);
bool filter_is_number(struct json_object *value);

/* Adds a text or the digits of a number, without spaces around it. */
void filter_plain_text(struct json_object *value, struct buf *out);

const char *filter_lower(struct json_object *value, const char *argument,
                         struct json_object **ret_value);
const char *filter_upper(struct json_object *value, const char *argument,
                         struct json_object **ret_value);
const char *filter_trim(struct json_object *value, const char *argument,
                        struct json_object **ret_value);
const char *filter_text(struct json_object *value, const char *argument,
                        struct json_object **ret_value);
const char *filter_split(struct json_object *value, const char *argument,
                         struct json_object **ret_value);
const char *filter_fill(struct json_object *value, const char *argument,
                        struct json_object **ret_value);
const char *filter_number(struct json_object *value, const char *argument,
                          struct json_object **ret_value);
const char *filter_cents(struct json_object *value, const char *argument,
                         struct json_object **ret_value);
const char *filter_datetime(struct json_object *value, const char *argument,
                            struct json_object **ret_value);
const char *filter_date(struct json_object *value, const char *argument,
                        struct json_object **ret_value);
