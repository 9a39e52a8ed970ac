/* What stands behind one key: checked against its row, and kept where the row says. */

#include "connector/pipeline/keys.h"
#include "connector/pipeline/units.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/near.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static void store_number(const struct key *key, uint64_t value, void *target)
{
	char *at = (char *)target + key->offset;

	switch (key->size) {
	case 0:
		break;
	case sizeof(bool):
		*(bool *)at = value != 0;
		break;
	case sizeof(unsigned):
		*(unsigned *)(void *)at = (unsigned)value;
		break;
	default:
		assert(key->size == sizeof(uint64_t));
		*(uint64_t *)(void *)at = value;
	}
}

static void store_text(const struct key *key, const char *text, void *target)
{
	char **at = (char **)(void *)((char *)target + key->offset);

	if (key->size == 0)
		return;
	free(*at);
	*at = mem_strdup(text);
}

static void store_node(const struct key *key, const struct yaml_node *node, void *target)
{
	if (key->size)
		*(const struct yaml_node **)(void *)((char *)target + key->offset) = node;
}

static int parse_number(const struct key *key, const char *text, uint64_t *ret_value)
{
	uint64_t value;
	int r;

	if (key->type == VALUE_COUNT)
		r = units_count(text, &value);
	else if (key->type == VALUE_DURATION)
		r = units_duration(text, &value);
	else if (key->type == VALUE_SIZE)
		r = units_size(text, &value);
	else
		r = units_share(text, &value);
	if (r < 0 || value < key->min || value > key->max)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

static int choice_of(const struct key *key, const char *text, size_t *ret_index)
{
	for (size_t i = 0; key->choices[i]; i++) {
		if (strcmp(text, key->choices[i]) != 0)
			continue;
		*ret_index = i;
		return 0;
	}
	return -EINVAL;
}

static int parse_rate(const struct key *key, const char *text, void *target)
{
	uint64_t rate[2];

	if (units_rate(text, &rate[0], &rate[1]) < 0)
		return -EINVAL;
	if (key->size)
		memcpy((char *)target + key->offset, rate, sizeof(rate));
	return 0;
}

int key_parse(const struct key *key, const char *text, void *target)
{
	uint64_t value = 0;
	size_t choice;
	int r = 0;

	switch (key->type) {
	case VALUE_PROGRAM: /* kept by who knows where it stands */
		return *text ? 0 : -EINVAL;
	case VALUE_TEXT:
	case VALUE_OPERATION:
		store_text(key, text, target);
		return *text ? 0 : -EINVAL;
	case VALUE_BOOL:
		value = strcmp(text, "true") == 0;
		if (!value && strcmp(text, "false") != 0)
			r = -EINVAL;
		break;
	case VALUE_COUNT:
	case VALUE_DURATION:
	case VALUE_SIZE:
	case VALUE_SHARE:
		r = parse_number(key, text, &value);
		break;
	case VALUE_RATE:
		return parse_rate(key, text, target);
	case VALUE_CHOICE:
		r = choice_of(key, text, &choice);
		value = r < 0 ? 0 : choice;
		break;
	case VALUE_SECRET:
	case VALUE_CHOICES:
	case VALUE_TEXTS:
	case VALUE_TEMPLATE:
	case VALUE_TEMPLATES:
	case VALUE_TREE:
	case VALUE_MAP:
	case VALUE_SECTION:
	case VALUE_SECTIONS:
	case VALUE_OTHER:
		return -EINVAL;
	}
	if (r == 0)
		store_number(key, value, target);
	return r;
}

bool fail_unquoted(struct loader *l, const struct yaml_node *value)
{
	if (value->kind != YAML_MAP || !value->is_flow)
		return false;
	for (size_t i = 0; i < value->n; i++) {
		if (!yaml_is_null(value->items[i]) || *value->items[i]->text)
			continue;
		fail(l, value,
		     "{%.40s} without quotes is a YAML map with a key and no value: put it in "
		     "quotes, \"{%.40s}\"",
		     value->keys[i]->text, value->keys[i]->text);
		return true;
	}
	return false;
}

/* A sentence about the mistake people make most with such a value. */
static const char *hint_for(const struct yaml_node *value, const char *takes)
{
	static const struct {
		const char *written;
		bool meant;
	} truths[] = {
		{"yes", true},  {"no", false},  {"on", true},
		{"off", false}, {"true", true}, {"false", false},
	};

	uint64_t size;

	if (strcmp(takes, "a jq program as text") == 0)
		return ": put it in quotes, or on lines of its own behind |";
	if (value->kind != YAML_TEXT)
		return "";
	if (strcmp(takes, "true or false") == 0) {
		for (size_t i = 0; i < sizeof(truths) / sizeof(*truths); i++)
			if (strcasecmp(value->text, truths[i].written) == 0)
				return truths[i].meant ? ": write true, without quotes"
				                       : ": write false, without quotes";
		return "";
	}
	if (strncmp(takes, "a duration", 10) == 0 && yaml_is_number(value))
		return ": add a unit";
	if (strncmp(takes, "a size", 6) == 0 && units_size(value->text, &size) < 0)
		return ": the units are B, KiB, MiB and GiB";
	if (strncmp(takes, "a whole number", 14) == 0 && !value->is_plain)
		return ": write it without quotes";
	if (strcmp(takes, "text") == 0 && *value->text)
		return ": put it in quotes";
	return "";
}

/* One text in the place of a list of them. */
static bool is_unlisted(const struct yaml_node *value, const char *takes)
{
	return value->kind == YAML_TEXT && *value->text && !strchr(value->text, '[') &&
	       strncmp(takes, "a list of ", 10) == 0 && strcmp(takes, "a list of routes") != 0;
}

void fail_kind(struct loader *l, const struct yaml_node *value, const char *takes)
{
	const char *described, *hint = hint_for(value, takes);
	char room[80];

	if (value->is_faulty || fail_unquoted(l, value))
		return;
	described = yaml_describe(value, room, sizeof(room));
	if (is_unlisted(value, takes))
		fail(l, value, "must be %s, not %s: write [%.40s]", takes, described, value->text);
	else
		fail(l, value, "must be %s, not %s%s", takes, described, hint);
}

static bool is_direct(const struct key *key, const struct yaml_node *value)
{
	bool truth;

	if (value->kind != YAML_TEXT)
		return false;
	if (key->type == VALUE_COUNT)
		return yaml_is_number(value);
	if (key->type == VALUE_BOOL)
		return yaml_is_bool(value, &truth);
	return !yaml_is_number(value) && !yaml_is_bool(value, &truth) && !yaml_is_null(value);
}

static void fail_value(struct loader *l, const struct key *key, const struct yaml_node *value)
{
	cleanup_(freep) char *takes = key_takes(key);
	const char *near = NULL;

	if (key->type == VALUE_CHOICE && value->kind == YAML_TEXT)
		near = near_name(value->text, key->choices);
	if (near)
		fail(l, value, "must be %s, not \"%.40s\": did you mean \"%s\"?", takes,
		     value->text, near);
	else
		fail_kind(l, value, takes);
}

/* Whether what was read asks for something that is not built: any value but the default. */
static bool is_for_later(const struct key *key, const char *text)
{
	return key->is_later && (!key->fallback || strcmp(text, key->fallback) != 0);
}

static void read_setting(struct loader *l, const struct key *key, const struct yaml_node *value,
                         void *target)
{
	cleanup_(freep) char *resolved = NULL;
	const size_t n_errors = l->pipeline->n_errors;
	const char *text = value->text;

	if (is_reference(value)) {
		if (resolve_setting(l, value, &resolved) <= 0) {
			if (key->is_later)
				fail_later(l, value);
			else if (key->type == VALUE_PROGRAM && l->pipeline->n_errors == n_errors)
				fail(l, value, "records would be treated otherwise without it");
			return;
		}
		text = resolved;
	} else if (!is_direct(key, value)) {
		fail_value(l, key, value);
		return;
	}
	assert(text);
	if (key_parse(key, text, target) < 0) {
		cleanup_(freep) char *takes = key_takes(key);

		/* What came from outside is not repeated: it may be a secret put in the wrong
		 * place. */
		if (resolved)
			fail(l, value, "the value from outside must be %s", takes);
		else if (!*text)
			fail(l, value, "must not be empty");
		else
			fail_value(l, key, value);
		return;
	}
	if (is_for_later(key, text))
		fail(l, value, "not available yet in this version: %s%s",
		     key->fallback ? "leave it at " : "take it out",
		     key->fallback ? key->fallback : "");
	else if (key->type == VALUE_PROGRAM)
		store_number(key, program_add(l, value, text), target);
	else if (key->read)
		key->read(l, key, value, target);
}

static void read_choices(struct loader *l, const struct key *key, const struct yaml_node *value,
                         void *target)
{
	uint64_t mask = 0;
	size_t choice;

	if (value->kind != YAML_LIST) {
		fail_value(l, key, value);
		return;
	}
	for (size_t i = 0; i < value->n; i++) {
		const struct yaml_node *item = value->items[i];

		if (item->kind == YAML_TEXT && choice_of(key, item->text, &choice) == 0) {
			mask |= UINT64_C(1) << choice;
		} else {
			const struct key one = {.type = VALUE_CHOICE, .choices = key->choices};

			fail_value(l, &one, item);
		}
	}
	if (key->is_later)
		fail_later(l, value);
	store_number(key, mask, target);
}

static void read_texts(struct loader *l, const struct key *key, const struct yaml_node *value,
                       void *target)
{
	if (value->kind != YAML_LIST) {
		fail_value(l, key, value);
		return;
	}
	for (size_t i = 0; i < value->n; i++) {
		const size_t mark = path_enter_item(l, i);
		const struct yaml_node *item = value->items[i];

		if (item->kind != YAML_TEXT)
			fail_kind(l, item, "text");
		else if (!*item->text && !item->is_faulty)
			fail(l, item, "must not be empty");
		path_leave(l, mark);
	}
	store_node(key, value, target);
}

static void read_templates(struct loader *l, const struct key *key, const struct yaml_node *value,
                           void *target)
{
	const bool is_map = value->kind == YAML_MAP, is_text = value->kind == YAML_TEXT;
	const bool is_tree = key->type == VALUE_TREE || key->type == VALUE_MAP;

	if (fail_unquoted(l, value))
		return;
	if ((key->type == VALUE_TEMPLATE && !is_text) ||
	    ((key->type == VALUE_TEMPLATES || key->type == VALUE_MAP) && !is_map) ||
	    yaml_is_null(value) ||
	    (key->type == VALUE_TREE && is_text && !strchr(value->text, '{'))) {
		fail_value(l, key, value);
		return;
	}
	/* A body with a slip in it is looked through all the same, for the rest of its mistakes. */
	if (check_tree(l, value) || is_tree)
		store_node(key, value, target);
}

void key_read(struct loader *l, const struct key *key, const struct yaml_node *value, void *target)
{
	const size_t n_errors = l->pipeline->n_errors;

	if (value->is_faulty)
		return;
	switch (key->type) {
	case VALUE_TEXT:
	case VALUE_PROGRAM:
	case VALUE_OPERATION:
	case VALUE_BOOL:
	case VALUE_COUNT:
	case VALUE_DURATION:
	case VALUE_SIZE:
	case VALUE_RATE:
	case VALUE_SHARE:
	case VALUE_CHOICE:
		read_setting(l, key, value, target);
		return; /* it knows what is for later */
	case VALUE_CHOICES:
		read_choices(l, key, value, target);
		return;
	case VALUE_SECRET:
	case VALUE_OTHER:
	case VALUE_SECTIONS:
		key->read(l, key, value, target);
		break;
	case VALUE_TEXTS:
		read_texts(l, key, value, target);
		break;
	case VALUE_TEMPLATE:
	case VALUE_TEMPLATES:
	case VALUE_TREE:
	case VALUE_MAP:
		read_templates(l, key, value, target);
		break;
	case VALUE_SECTION:
		if (value->kind == YAML_MAP)
			section_read(l, key->section, value, target);
		else
			fail_value(l, key, value);
		break;
	}
	/* One thing at a time; a map may well have more than one mistake in it. */
	if (key->is_later && (key->section || l->pipeline->n_errors == n_errors))
		fail_later(l, value);
}
