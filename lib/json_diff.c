#include "lib/json_diff.h"

#include "lib/buf.h"
#include "lib/decimal.h"

#include <json-c/linkhash.h>
#include <stdbool.h>
#include <string.h>

struct walk {
	struct buf place;
	void (*take)(void *arg, const struct json_difference *difference);
	void *arg;
	size_t n;
};

static void differ(struct walk *w, struct json_object *expected, bool expected_is_there,
                   struct json_object *got, bool got_is_there)
{
	const struct json_difference d = {
		.place = buf_text(&w->place),
		.expected = expected,
		.got = got,
		.expected_is_there = expected_is_there,
		.got_is_there = got_is_there,
	};

	w->n++;
	if (w->take)
		w->take(w->arg, &d);
}

static bool is_number(struct json_object *value)
{
	return json_object_is_type(value, json_type_int) ||
	       json_object_is_type(value, json_type_double);
}

static bool same_scalar(struct json_object *a, struct json_object *b)
{
	if (is_number(a) && is_number(b))
		return decimal_equal(json_object_to_json_string(a), json_object_to_json_string(b));
	if (json_object_get_type(a) != json_object_get_type(b))
		return false;
	if (!json_object_is_type(a, json_type_string))
		return json_object_equal(a, b);
	return json_object_get_string_len(a) == json_object_get_string_len(b) &&
	       memcmp(json_object_get_string(a), json_object_get_string(b),
	              (size_t)json_object_get_string_len(a)) == 0;
}

static size_t go_to_member(struct walk *w, const char *name)
{
	const size_t mark = w->place.len;

	buf_addf(&w->place, "%s%s", mark ? "." : "", name);
	return mark;
}

static void go_back(struct walk *w, size_t mark)
{
	w->place.len = mark;
	if (w->place.data)
		w->place.data[mark] = '\0';
}

/* As deep as JSON from outside may be. NOLINTBEGIN(misc-no-recursion) */
static void compare(struct walk *w, struct json_object *expected, struct json_object *got);

static void compare_objects(struct walk *w, struct json_object *expected, struct json_object *got)
{
	struct json_object *other;

	json_object_object_foreach(expected, name, value)
	{
		const size_t mark = go_to_member(w, name);

		if (json_object_object_get_ex(got, name, &other))
			compare(w, value, other);
		else
			differ(w, value, true, NULL, false);
		go_back(w, mark);
	}
	json_object_object_foreach(got, extra, surplus)
	{
		const size_t mark = go_to_member(w, extra);

		if (!json_object_object_get_ex(expected, extra, NULL))
			differ(w, NULL, false, surplus, true);
		go_back(w, mark);
	}
}

static void compare_lists(struct walk *w, struct json_object *expected, struct json_object *got)
{
	const size_t n = json_object_array_length(expected), m = json_object_array_length(got);

	for (size_t i = 0; i < n || i < m; i++) {
		struct json_object *a = i < n ? json_object_array_get_idx(expected, i) : NULL;
		struct json_object *b = i < m ? json_object_array_get_idx(got, i) : NULL;
		const size_t mark = w->place.len;

		buf_addf(&w->place, "[%zu]", i);
		if (i < n && i < m)
			compare(w, a, b);
		else
			differ(w, a, i < n, b, i < m);
		go_back(w, mark);
	}
}

static void compare(struct walk *w, struct json_object *expected, struct json_object *got)
{
	if (json_object_is_type(expected, json_type_object) &&
	    json_object_is_type(got, json_type_object))
		compare_objects(w, expected, got);
	else if (json_object_is_type(expected, json_type_array) &&
	         json_object_is_type(got, json_type_array))
		compare_lists(w, expected, got);
	else if (!same_scalar(expected, got))
		differ(w, expected, true, got, true);
}
/* NOLINTEND(misc-no-recursion) */

size_t json_diff(struct json_object *expected, struct json_object *got, const char *place,
                 void (*take)(void *arg, const struct json_difference *difference), void *arg)
{
	struct walk w = {.take = take, .arg = arg};

	buf_adds(&w.place, place);
	compare(&w, expected, got);
	buf_deinit(&w.place);
	return w.n;
}
