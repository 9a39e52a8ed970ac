#include "connector/shape/steps.h"
#include "lib/cleanup.h"
#include "lib/decimal.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * Which object a record means: the rules of match and link, rendered. A value that is missing never
 * means "no such object": its map is passed over, and a record for which all are is rejected.
 */

struct asking {
	struct shaping *shaping;
	const struct lookup_rule *rule;
	const char *link; /* the field that is linked; NULL: it is match */
	/* Of the maps that were passed over. */
	const struct lookup_field_rule *gone; /* in the first one */
	const char *gone_how;
	struct buf all_gone; /* "custom.Account (\"{account}\") is null, email …" */
};

enum rendered { RENDERED, GONE, REFUSED };

/* "match by email (\"{mail}\")", "link of lead_id by email (\"{mail}\")" */
static char *place_of(const struct asking *a, const struct lookup_field_rule *field)
{
	return mem_printf("%s%s by %s (\"%s\")", a->link ? "link of " : "match",
	                  a->link ? a->link : "", field->name, template_text(field->value));
}

static enum rendered refuse(struct asking *a, const struct lookup_field_rule *field,
                            const char *why)
{
	char *place = place_of(a, field);

	rejection_set(a->shaping->rejection, a->link ? REJECT_LINK : REJECT_MATCH,
	              a->link ? a->link : field->name, "%s: %s", place, why);
	free(place);
	return REFUSED;
}

static enum rendered pass_over(struct asking *a, const struct lookup_field_rule *field,
                               const char *how)
{
	if (!a->gone) {
		a->gone = field;
		a->gone_how = how;
	}
	if (a->rule->n_keys > 1)
		buf_addf(&a->all_gone, "%s%s (\"%s\") is %s", a->all_gone.len ? ", " : "",
		         field->name, template_text(field->value), how);
	return GONE;
}

static enum rendered check_text(struct asking *a, const struct lookup_field_rule *field,
                                struct json_object *value)
{
	const char *text = json_object_get_string(value);

	if (strlen(text) != (size_t)json_object_get_string_len(value))
		return refuse(a, field, "the value holds a NUL character");
	return text[strspn(text, " \t\r\n")] ? RENDERED : pass_over(a, field, "empty");
}

/* Whether anything can be looked up by @value. */
static enum rendered check_value(struct asking *a, const struct lookup_field_rule *field,
                                 struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return pass_over(a, field, "null");
	case json_type_object:
		return refuse(a, field, "the value is an object, and a text or number is needed");
	case json_type_array:
		return refuse(a, field, "the value is a list, and a text or number is needed");
	case json_type_string:
		return check_text(a, field, value);
	case json_type_boolean:
	case json_type_double:
	case json_type_int:
		break;
	}
	return RENDERED;
}

static enum rendered render(struct asking *a, const struct lookup_field_rule *field,
                            struct json_object **ret_value)
{
	struct err err;

	switch (template_render(field->value, &a->shaping->scope, ret_value, &err)) {
	case TEMPLATE_VALUE:
		return check_value(a, field, *ret_value);
	case TEMPLATE_MISSING:
		return pass_over(a, field, "missing");
	case TEMPLATE_REFUSED:
		rejection_set(a->shaping->rejection, REJECT_TEMPLATE,
		              a->link ? a->link : field->name, "%s", err.text);
		break;
	}
	return REFUSED;
}

static char *text_of(struct json_object *value)
{
	return json_object_is_type(value, json_type_string)
	               ? mem_strdup(json_object_get_string(value))
	               : json_text(value);
}

/* A value that could never be one of the field is a mistake, and no reason to make an object. */
static enum rendered check_like(struct asking *a, const struct lookup_field_rule *field,
                                const struct lookup_field *is_now)
{
	const char *prefix = lookup_id_prefix(a->rule->kind);
	struct decimal number;
	char *why;

	if (is_now->like == LIKE_NUMBER &&
	    decimal_read(is_now->value, strlen(is_now->value), &number) < 0)
		why = mem_printf("\"%.60s\" is no number, and the field holds numbers",
		                 is_now->value);
	else if (is_now->like == LIKE_ID && strncmp(is_now->value, prefix, strlen(prefix)) != 0)
		why = mem_printf("\"%.60s\" is no id of a %s (\"%s…\")", is_now->value,
		                 a->rule->kind, prefix);
	else
		return RENDERED;
	(void)refuse(a, field, why);
	free(why);
	return REFUSED;
}

/* What nothing is left of, as objects are compared by it; NULL: something is. */
static const char *what_is_none(const struct lookup_field *field)
{
	const char *address = strstr(field->value, "://");

	address = address ? address + strlen("://") : field->value;
	if (field->like == LIKE_PHONE && !strpbrk(field->value, "0123456789"))
		return "no phone number";
	if (field->like == LIKE_URL && !address[strspn(address, "/. ")])
		return "no address";
	return NULL;
}

static enum rendered add_field(struct asking *a, const struct lookup_field_rule *field,
                               struct lookup_key *key, bool *ret_is_text)
{
	cleanup_(json_freep) struct json_object *value = NULL;
	struct shape_field known = {.like = lookup_like_of(field->name)};
	enum rendered r = render(a, field, &value);
	const char *none;
	char *text;

	if (r != RENDERED)
		return r;
	if (!shape_looked_up_field(a->shaping, a->rule->kind, field->name, &known, &value)) {
		free(known.name);
		return REFUSED;
	}
	text = text_of(value);
	lookup_add_field(key, known.name ? known.name : field->name, text, known.like);
	free(text);
	free(known.name);
	*ret_is_text = known.is_text;
	none = what_is_none(&key->fields[key->n - 1]);
	if (none)
		return pass_over(a, field, none);
	return check_like(a, field, &key->fields[key->n - 1]);
}

/* The key of one map; where a value is missing it is as if it had not been written. */
static enum rendered add_key(struct asking *a, const struct lookup_key_rule *rule,
                             struct lookup *lookup, bool *ret_is_text)
{
	struct lookup_key key = {0};
	enum rendered r = RENDERED;

	for (size_t i = 0; i < rule->n && r == RENDERED; i++)
		r = add_field(a, &rule->fields[i], &key, ret_is_text);
	*ret_is_text &= key.n == 1;
	/* What is not whole goes with the lookup, too: it is the last one then. */
	*lookup_add_key(lookup) = key;
	return r;
}

static void drop_last_key(struct lookup *lookup)
{
	struct lookup last = {.keys = mem_array(1, sizeof(struct lookup_key)), .n_keys = 1};

	last.keys[0] = lookup->keys[--lookup->n_keys];
	lookup_deinit(&last);
}

static void refuse_all(struct asking *a)
{
	char *why;

	assert(a->gone); /* else there is a key */
	if (a->rule->n_keys > 1) {
		rejection_set(a->shaping->rejection, a->link ? REJECT_LINK : REJECT_MATCH,
		              a->link ? a->link : a->gone->name,
		              "%s%s: in this record %s, so nobody can say which %s is meant",
		              a->link ? "link of " : "match", a->link ? a->link : "",
		              buf_text(&a->all_gone), a->rule->kind);
		return;
	}
	why = mem_printf("the value is %s in this record, so nobody can say which %s is "
	                 "meant",
	                 a->gone_how, a->rule->kind);
	(void)refuse(a, a->gone, why);
	free(why);
}

/* Adds the keys of all maps that are whole; false: the record is refused. */
static bool add_keys(struct asking *a, struct lookup *lookup, size_t *identity)
{
	for (size_t i = 0; i < a->rule->n_keys; i++) {
		bool is_text = false;

		switch (add_key(a, &a->rule->keys[i], lookup, &is_text)) {
		case RENDERED:
			if (is_text && *identity == SIZE_MAX)
				*identity = lookup->n_keys - 1;
			break;
		case GONE:
			drop_last_key(lookup);
			break;
		case REFUSED:
			return false;
		}
	}
	if (!lookup->n_keys)
		refuse_all(a);
	return lookup->n_keys > 0;
}

/*
 * Renders the rule into @lookup, which is to be freed in any case. *@ret_identity: the key that is
 * a single custom field of text, from 0; n_keys: none is.
 */
static bool ask(struct asking *a, struct lookup *lookup, size_t *ret_identity)
{
	size_t identity = SIZE_MAX;
	bool is_whole;

	lookup->kind = mem_strdup(a->rule->kind);
	is_whole = add_keys(a, lookup, &identity);
	buf_deinit(&a->all_gone);
	if (is_whole)
		*ret_identity = identity == SIZE_MAX ? lookup->n_keys : identity;
	return is_whole;
}

/* Match */

/* What it is found by proves its create as well, unless the route has a key for that. */
static void identify(struct shaping *s, const struct lookup *match, size_t at)
{
	struct draft *draft = s->draft;

	if (at == match->n_keys || s->route->identity_field)
		return;
	draft->identity_field = mem_strdup(match->keys[at].fields[0].name);
	draft->identity_value = mem_strdup(match->keys[at].fields[0].value);
}

static struct json_object *value_of(const struct lookup_field *field)
{
	struct json_object *value;

	if (field->like == LIKE_NUMBER &&
	    json_parse(field->folded, strlen(field->folded), 0, &value, NULL, NULL) == 0)
		return value;
	return json_string(field->value);
}

/* What is made is found again by the custom fields it was looked for by. */
static void keep_values(struct shaping *s, const struct lookup *match)
{
	for (size_t i = 0; i < match->n_keys; i++)
		for (size_t k = 0; k < match->keys[i].n; k++) {
			const struct lookup_field *field = &match->keys[i].fields[k];

			if (strncmp(field->name, "custom.", 7) != 0)
				continue;
			shape_own_body(s);
			(void)json_object_object_add(s->draft->body, field->name, value_of(field));
		}
}

bool shape_match(struct shaping *s)
{
	const struct route *route = s->route;
	struct asking a = {.shaping = s, .rule = &route->match};
	size_t identity;

	if (!route->match.n_keys)
		return true;
	s->draft->match = mem_alloc(sizeof(*s->draft->match));
	if (!ask(&a, s->draft->match, &identity))
		return false;
	s->is_match_known = true;
	if (route->update && route->on_none == NONE_CREATE) {
		keep_values(s, s->draft->match);
		identify(s, s->draft->match, identity);
	}
	return true;
}

bool shape_target(struct shaping *s)
{
	struct rejection unused = {0};
	struct shaping looking = *s;
	struct asking a = {.shaping = &looking, .rule = &s->route->match};
	size_t identity;

	if (!s->draft->url)
		return false;
	if (!s->draft->identity_value) /* rejected half-way */
		free(steal(&s->draft->identity_field));
	if (!s->route->match.n_keys || s->is_match_known)
		return true;
	if (s->draft->match) /* that is what it was rejected for */
		return false;
	s->draft->match = mem_alloc(sizeof(*s->draft->match));
	looking.rejection = &unused;
	s->is_match_known = ask(&a, s->draft->match, &identity);
	rejection_deinit(&unused);
	return s->is_match_known;
}

/* Links */

static bool render_fallback(struct shaping *s, const struct link_rule *rule,
                            struct draft_link *link)
{
	struct buf text = BUF_INIT;
	struct err err;

	if (!rule->fallback)
		return true;
	switch (template_render_text(rule->fallback, &s->scope, &text, &err)) {
	case TEMPLATE_VALUE:
		if (text.len)
			link->fallback = buf_take(&text);
		break;
	case TEMPLATE_MISSING:
		break;
	case TEMPLATE_REFUSED:
		buf_deinit(&text);
		rejection_set(s->rejection, REJECT_TEMPLATE, rule->field, "%s", err.text);
		return false;
	}
	buf_deinit(&text);
	return true;
}

static bool add_link(struct shaping *s, const struct link_rule *rule)
{
	struct asking a = {.shaping = s, .rule = &rule->rule, .link = rule->field};
	struct draft *draft = s->draft;
	struct draft_link *link = &draft->links[draft->n_links++];
	size_t identity;

	link->is_in_url = rule->is_in_url;
	link->takes_lead = rule->takes_lead;
	link->on_none = rule->on_none;
	if (rule->is_in_url)
		link->field = mem_strdup(rule->field);
	else if (!shape_identity_field(s, rule->field, &link->field))
		return false;
	return ask(&a, &link->lookup, &identity) && render_fallback(s, rule, link);
}

/* What is linked comes from the lookup, whatever the record says there. */
static bool make_room(struct shaping *s)
{
	const struct route *route = s->route;
	char **fields = mem_array(route->n_links + 1, sizeof(char *));
	size_t n = 0;

	for (size_t i = 0; i < route->n_links; i++)
		if (!route->links[i].is_in_url)
			fields[n++] = route->links[i].field;
	if (n && !json_object_is_type(s->draft->body, json_type_object))
		rejection_set(s->rejection, REJECT_LINK, fields[0],
		              "link puts \"%s\" into the body, and the body of this record is no "
		              "object",
		              fields[0]);
	else if (n)
		shape_leave_out(s, fields, NULL);
	free(fields);
	return s->rejection->class == REJECT_NONE;
}

bool shape_links(struct shaping *s)
{
	const struct route *route = s->route;

	if (!route->n_links)
		return true;
	s->draft->links = mem_array(route->n_links, sizeof(*s->draft->links));
	for (size_t i = 0; i < route->n_links; i++)
		if (!add_link(s, &route->links[i]))
			return false;
	return make_room(s);
}

bool shape_is_linked(const struct shaping *s, const char *key)
{
	for (size_t i = 0; i < s->draft->n_links; i++)
		if (!s->draft->links[i].is_in_url && strcmp(s->draft->links[i].field, key) == 0)
			return true;
	return false;
}
