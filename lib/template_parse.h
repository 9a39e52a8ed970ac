#pragma once

/*
 * Inside of lib/template: the segments a text is compiled to. Only template.c, template_parse.c and
 * template_tree.c include it.
 */

#include "lib/err.h"
#include "lib/filter.h"
#include "lib/path.h"
#include "lib/template.h"

#include <json-c/json_object.h>
#include <stddef.h>

/* One step of a placeholder's path with all it may mean. */
struct place_step {
	enum path_kind kind;
	size_t index;
	/*
	 * PATH_NAME: keys[i] joins this name and the i names behind it with dots, since a key with
	 * a dot in its name is tried before the nested path.
	 */
	char **keys;
	size_t n_keys;
};

enum segment_kind { SEGMENT_TEXT, SEGMENT_PLACE, SEGMENT_ORIGIN };

struct segment {
	enum segment_kind kind;
	char *text; /* the literal; of a placeholder all that stands between the braces */
	size_t len;
	struct place_step *steps; /* SEGMENT_PLACE */
	size_t n_steps;
	char *name;                 /* SEGMENT_ORIGIN: without "@" */
	struct filter_use *filters; /* from left to right */
	size_t n_filters;
};

struct template
{
	char *text;
	struct segment *segments;
	size_t n;
	struct json_object *constant; /* the whole value where there is no placeholder */
};

/* Fills @t->segments from @t->text. -EINVAL with a sentence; what was added is freed with @t. */
int template_parse(struct template *t, template_origin_fn is_origin, void *arg, struct err *err);
