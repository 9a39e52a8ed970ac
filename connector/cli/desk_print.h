#pragma once

/* Answers about state, for people. The answers are those of "status", "rejects.*" and "held.*". */

#include <json-c/json_object.h>
#include <stdio.h>

void desk_print_status(FILE *out, struct json_object *answer);

/* A row an item: rejects, or held items. @what names them where there is none: "rejected". */
void desk_print_list(FILE *out, struct json_object *items, const char *what);

/* All that is kept of each item: record, request, answer, reason, advice. */
void desk_print_items(FILE *out, struct json_object *items);

/* The history of runs, a row each; counts that are nought in all of them are left out. */
void desk_print_runs(FILE *out, struct json_object *runs);

/* What a retry or a resolution came to, a line each. */
void desk_print_results(FILE *out, struct json_object *results);
