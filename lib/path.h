#pragma once

/*
 * A place inside a JSON value as people write it: profile.first, emails[0].email, lines[].id,
 * "a.b".c. What the steps mean is up to those who walk them (lib/template, lib/exclude).
 */

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { path_max_steps = 16 };

enum path_kind {
	PATH_NAME,  /* a member */
	PATH_INDEX, /* [3] */
	PATH_EACH,  /* [] */
};

struct path_step {
	enum path_kind kind;
	char *name;     /* PATH_NAME */
	bool is_quoted; /* the name stood in quotes: it is meant letter by letter */
	size_t index;   /* PATH_INDEX */
};

struct path {
	struct path_step *steps;
	size_t n; /* at least one; the first is a name */
};

/*
 * Reads the @len bytes of @text. -EINVAL with a sentence that quotes nothing; the caller says which
 * text it was. In a quoted name \" and \\ stand for " and \.
 */
int path_parse(const char *text, size_t len, struct path *ret_path, struct err *err);
void path_deinit(struct path *path);
