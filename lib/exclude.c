#include "lib/exclude.h"

#include "lib/mem.h"
#include "lib/path.h"

#include <assert.h>
#include <errno.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

struct exclude {
	char *text;
	struct path path;
	struct path_step dotted; /* the whole path as one name; no name where it cannot be one */
};

static bool glob_matches(const char *pattern, const char *name)
{
	const char *star = NULL, *resume = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = pattern++;
			resume = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star + 1;
			name = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool is_glob(const struct path_step *step)
{
	return !step->is_quoted && strchr(step->name, '*');
}

static bool name_matches(const struct path_step *step, const char *name)
{
	return is_glob(step) ? glob_matches(step->name, name) : strcmp(step->name, name) == 0;
}

/* Whether the text may stand for one name with dots in it: "custom.cf_*". */
static bool is_dotted(const struct path *path)
{
	for (size_t i = 0; i < path->n; i++)
		if (path->steps[i].kind != PATH_NAME || path->steps[i].is_quoted)
			return false;
	return path->n > 1;
}

int exclude_compile(const char *path, struct exclude **ret_exclude, struct err *err)
{
	struct exclude *e;
	struct path steps;
	int r;

	r = path_parse(path, strlen(path), &steps, err);
	if (r < 0)
		return err_prefix(err, r, "\"%s\" is no path to exclude", path);
	if (steps.steps[steps.n - 1].kind == PATH_EACH) {
		/* An empty list would stay behind, and a PUT with one empties the list at its
		 * target. */
		path_deinit(&steps);
		return err_set(
			err, -EINVAL,
			"\"%s\" is no path to exclude: to leave out the whole list, write it "
			"without the last []",
			path);
	}
	e = mem_alloc(sizeof(*e));
	e->text = mem_strdup(path);
	e->path = steps;
	if (is_dotted(&steps))
		e->dotted.name = mem_strdup(path);
	*ret_exclude = e;
	return 0;
}

void exclude_free(struct exclude *e)
{
	if (!e)
		return;
	free(e->text);
	free(e->dotted.name);
	path_deinit(&e->path);
	free(e);
}

const char *exclude_text(const struct exclude *e)
{
	return e->text;
}

enum exclude_effect exclude_effect(const struct exclude *e, const char *name)
{
	if (e->dotted.name && name_matches(&e->dotted, name))
		return EXCLUDE_WHOLE;
	if (!name_matches(&e->path.steps[0], name))
		return EXCLUDE_NOTHING;
	return e->path.n == 1 ? EXCLUDE_WHOLE : EXCLUDE_INSIDE;
}

/* As deep as the path has steps: path_max_steps at most. NOLINTBEGIN(misc-no-recursion) */
static unsigned remove_at(const struct path_step *step, size_t n, struct json_object *value);

static unsigned remove_members(const struct path_step *step, size_t n, struct json_object *object)
{
	unsigned removed = 0;

	/* json-c lets the current member be deleted while one iterates. */
	json_object_object_foreach(object, name, member)
	{
		if (!name_matches(step, name))
			continue;
		if (n > 1) {
			removed += remove_at(step + 1, n - 1, member);
			continue;
		}
		json_object_object_del(object, name);
		removed++;
	}
	return removed;
}

static unsigned remove_member(const struct path_step *step, size_t n, struct json_object *object)
{
	struct json_object *member;

	if (!json_object_object_get_ex(object, step->name, &member))
		return 0;
	if (n > 1)
		return remove_at(step + 1, n - 1, member);
	json_object_object_del(object, step->name);
	return 1;
}

static unsigned remove_items(const struct path_step *step, size_t n, struct json_object *list)
{
	const size_t length = json_object_array_length(list);
	const size_t first = step->kind == PATH_EACH ? 0 : step->index;
	const size_t count = step->kind == PATH_EACH ? length : 1;
	unsigned removed = 0;

	if (first >= length)
		return 0;
	if (n == 1) {
		(void)json_object_array_del_idx(list, first, count);
		return (unsigned)count;
	}
	for (size_t i = first; i < first + count; i++)
		removed += remove_at(step + 1, n - 1, json_object_array_get_idx(list, i));
	return removed;
}

static unsigned remove_at(const struct path_step *step, size_t n, struct json_object *value)
{
	if (step->kind != PATH_NAME)
		return json_object_is_type(value, json_type_array) ? remove_items(step, n, value)
		                                                   : 0;
	if (!json_object_is_type(value, json_type_object))
		return 0;
	return is_glob(step) ? remove_members(step, n, value) : remove_member(step, n, value);
}

/* NOLINTEND(misc-no-recursion) */

unsigned exclude_apply(const struct exclude *e, struct json_object *value)
{
	unsigned removed = 0;

	assert(json_object_is_type(value, json_type_object));
	if (e->dotted.name)
		removed = remove_at(&e->dotted, 1, value);
	return removed + remove_at(e->path.steps, e->path.n, value);
}
