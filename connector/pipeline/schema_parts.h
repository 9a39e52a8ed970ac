#pragma once

/* Pieces of a JSON Schema, for the files that write ours. All return new references. */

#include "connector/model/operation.h"

#include <json-c/json_object.h>

/* A constant of ours as JSON: what cannot be parsed is a bug. */
struct json_object *schema_constant(const char *text);
/* Takes @value. */
void schema_add(struct json_object *object, const char *key, struct json_object *value);
/* {@key: @value}; takes @value. */
struct json_object *schema_one(const char *key, struct json_object *value);
/* {"type": @type} */
struct json_object *schema_typed(const char *type);
/* ["a", "b"] of a NULL-terminated list. */
struct json_object *schema_texts(const char *const *texts);
/* {"if": {@key is @value}, "then": @then}; takes @then. */
struct json_object *schema_when(const char *key, const char *value, struct json_object *then);

/* schema_operations.c: the names of operations, each with what it does. */
struct json_object *schema_operation_names(const struct operation_set *operations);
/* Adds to @rules what the operation of a route says of its body, params and identity. */
void schema_add_operations(struct json_object *rules, const struct operation_set *operations);
/* schema_lookups.c: what rules of match and link refer to as "#/$defs/match" and "…/link". */
void schema_add_lookups(struct json_object *defs);
/* Which fields match may have beside an operation that takes it. */
struct json_object *schema_match_of(const struct operation *op, bool is_upsert);
/* The bodies that those rules refer to as "#/$defs/bodies/…". */
struct json_object *schema_bodies(const struct operation_set *operations);
