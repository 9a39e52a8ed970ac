/* The engine: walks a map of the file along its table. */

#include "connector/pipeline/keys.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/near.h"

#include <assert.h>
#include <string.h>

void section_defaults(const struct section *section, void *target)
{
	for (const struct key *key = section->keys; key->name; key++) {
		int r = 0;

		if (key->type == VALUE_SECTION)
			section_defaults(key->section, target);
		else if (key->fallback && key->size)
			r = key_parse(key, key->fallback, target);
		assert(r == 0); /* a default that its own key would refuse */
	}
}

const struct key *section_key(const struct section *section, const char *name)
{
	for (const struct key *key = section->keys; key->name; key++)
		if (strcmp(key->name, name) == 0)
			return key;
	return NULL;
}

static bool is_among(const char *name, const char *const *names)
{
	for (; names && *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* The place of the file that has a key of this name, for one that was put into the wrong map. */
static const struct section *section_with(const struct section *in, const char *name)
{
	if (section_key(in, name))
		return in;
	for (const struct key *key = in->keys; key->name; key++) {
		const struct section *found =
			key->section && !key->is_later ? section_with(key->section, name) : NULL;

		if (found)
			return found;
	}
	return NULL;
}

/* The key of @section that other tools call @name, or NULL. */
static const struct key *key_called(const struct section *section, const char *name)
{
	for (const struct key *key = section->keys; key->name; key++)
		if (is_among(name, key->elsewhere))
			return key;
	return NULL;
}

static void fail_unknown(struct loader *l, const struct section *section,
                         const struct yaml_node *name)
{
	const struct key *called = key_called(section, name->text);
	const struct section *elsewhere;
	cleanup_(buf_deinit) struct buf list = BUF_INIT;
	const char *names[64], *near;
	size_t n = 0;

	for (const struct key *key = section->keys; key->name; key++) {
		assert(n < sizeof(names) / sizeof(*names) - 1);
		buf_addf(&list, "%s%s", n ? ", " : "", key->name);
		names[n++] = key->name;
	}
	names[n] = NULL;
	near = near_name(name->text, names);
	elsewhere = near ? NULL : section_with(&file_section, name->text);
	if (called)
		fail(l, name, "unknown key \"%.60s\": here it is called %s", name->text,
		     called->name);
	else if (near)
		fail(l, name, "unknown key \"%.60s\": did you mean \"%s\"?", name->text, near);
	else if (elsewhere)
		fail(l, name, "unknown key \"%.60s\" here: it belongs %s%s", name->text,
		     *elsewhere->name ? "under " : "at the top of the file", elsewhere->name);
	else
		fail(l, name, "unknown key \"%.60s\": the keys here are %s", name->text,
		     buf_text(&list));
}

static const struct yaml_node *key_node(const struct yaml_node *map, const char *name)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->keys[i]->text, name) == 0)
			return map->keys[i];
	return NULL;
}

static void check_pairs(struct loader *l, const struct section *section,
                        const struct yaml_node *map)
{
	for (const struct key_pair *pair = section->excluding; pair && pair->a; pair++) {
		const struct yaml_node *a = key_node(map, pair->a), *b = key_node(map, pair->b);

		if (a && b)
			fail(l, a->line > b->line ? a : b,
			     "%s (line %u) and %s (line %u) exclude each other: keep one of them",
			     pair->a, a->line, pair->b, b->line);
	}
}

/* There, or meant by a key that was told as unknown already: one mistake, one message. */
static bool is_there(const struct section *section, const struct yaml_node *map, const char *name)
{
	const char *const only[] = {name, NULL};

	for (size_t i = 0; i < map->n; i++) {
		const char *written = map->keys[i]->text;

		if (strcmp(written, name) == 0 ||
		    (!section_key(section, written) && near_name(written, only)))
			return true;
	}
	return false;
}

static void check_one_of(struct loader *l, const struct section *section,
                         const struct yaml_node *map)
{
	cleanup_(buf_deinit) struct buf list = BUF_INIT;

	if (!section->one_of)
		return;
	for (const char *const *name = section->one_of; *name; name++) {
		if (is_there(section, map, *name))
			return;
		buf_addf(&list, "%s%s", list.len ? " or " : "", *name);
	}
	fail(l, map, "%s is missing", buf_text(&list));
}

static void check_required(struct loader *l, const struct section *section,
                           const struct yaml_node *map)
{
	for (const struct key *key = section->keys; key->name; key++)
		if (key->is_required && !is_there(section, map, key->name))
			fail(l, map, "%s is missing: %s", key->name, key->help);
}

static void add_list(struct buf *out, const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		buf_addf(out, "%s%s", i ? " and " : "", names[i]);
}

void section_check_choice(struct loader *l, const struct section *section,
                          const struct yaml_node *map, const char *choice)
{
	if (!is_among(choice, section_key(section, section->selector)->choices))
		return; /* which was told */
	for (const struct key *key = section->keys; key->name; key++) {
		const struct yaml_node *at = key_node(map, key->name);
		cleanup_(buf_deinit) struct buf list = BUF_INIT;

		if (at && key->belongs_to && !is_among(choice, key->belongs_to)) {
			add_list(&list, key->belongs_to);
			fail(l, at, "%s belongs to %s, and %s is %s: take it out", key->name,
			     buf_text(&list), section->selector, choice);
		} else if (is_among(choice, key->needed_by) && !is_there(section, map, key->name)) {
			fail(l, map, "%s needs %s: %s", choice, key->name, key->help);
		}
	}
}

void section_read(struct loader *l, const struct section *section, const struct yaml_node *map,
                  void *target)
{
	const enum pipeline_layer outer = l->layer;

	if (fail_unquoted(l, map))
		return;
	l->layer = LAYER_KEYS;
	for (size_t i = 0; i < map->n; i++) {
		const struct key *key = section_key(section, map->keys[i]->text);
		size_t mark;

		if (!key) {
			fail_unknown(l, section, map->keys[i]);
			continue;
		}
		mark = path_enter(l, key->name);
		key_read(l, key, map->items[i], target);
		path_leave(l, mark);
	}
	check_pairs(l, section, map);
	check_one_of(l, section, map);
	check_required(l, section, map);
	l->layer = LAYER_MEANING;
	if (section->check)
		section->check(l, map, target);
	l->layer = outer;
}
