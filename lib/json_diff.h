#pragma once

/* Where two JSON values differ, place by place, for people who compare what came with a wish. */

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Calls @take for each place at which @got is not @expected: "body.emails[0].email". Objects are
 * compared by members, whatever their order; lists by place; numbers by their decimal value. A side
 * that has nothing there is told as such (is_there false; a JSON null is there and NULL). Returns
 * how many places there are, also where @take is NULL.
 */
struct json_difference {
	const char *place; /* "" for the whole value */
	struct json_object *expected, *got;
	bool expected_is_there, got_is_there;
};
size_t json_diff(struct json_object *expected, struct json_object *got, const char *place,
                 void (*take)(void *arg, const struct json_difference *difference), void *arg);
