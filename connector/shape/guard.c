#include "connector/model/effects.h"
#include "connector/shape/steps.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <stdlib.h>
#include <string.h>

/*
 * Effects of an operation that show only in the record. What an operation always does is refused
 * when the pipeline is checked.
 */

/* Of one path of the catalogue that was told when the pipeline was checked. */
bool shape_effects(struct shaping *s, const char *url, const char *plain)
{
	const struct operation *op = s->draft->op;
	const unsigned always = effects_always(op, s->route->method, plain);
	const unsigned missing = always & ~s->route->allow;
	cleanup_(freep) char *names = NULL, *cautions = NULL;

	if (s->route->op || !missing || hook_without("guards"))
		return true;
	names = effect_names(always);
	cautions = effect_cautions(missing);
	rejection_set(s->rejection, REJECT_GUARD, NULL,
	              "the URL of this record makes it %s %.100s%s%s, which needs allow: [%s]: %s",
	              http_method_name(s->route->method), url, op ? ", " : "", op ? op->name : "",
	              names, cautions);
	return false;
}

bool shape_guard(struct shaping *s)
{
	const struct route *route = s->route;

	if (hook_without("guards"))
		return true;
	for (const struct effect_rule *r = NULL; (r = effect_rule_next(s->draft->op, r));) {
		cleanup_(freep) char *why = NULL;

		if ((route->allow & r->effect) || shape_is_linked(s, r->field) ||
		    !r->shows(s->draft->body))
			continue;
		why = effect_rule_text(r, s->draft->body);
		rejection_set(s->rejection, REJECT_GUARD, r->field, "%s", why);
		return false;
	}
	return true;
}

/* A text of the selection that comes to nothing: without it more would be found than was meant. */
static bool has_hole(struct shaping *s, const struct named_template *part)
{
	cleanup_(json_freep) struct json_object *value = NULL;
	struct err err;

	switch (template_render(part->value, &s->scope, &value, &err)) {
	case TEMPLATE_VALUE:
		if (!value)
			(void)err_set(&err, 0, "%s is null", template_text(part->value));
		else if (json_object_is_type(value, json_type_string) &&
		         !*json_object_get_string(value))
			(void)err_set(&err, 0, "%s is empty", template_text(part->value));
		else
			return false;
		break;
	case TEMPLATE_MISSING:
	case TEMPLATE_REFUSED:
		break;
	}
	rejection_set(s->rejection, REJECT_GUARD, part->name,
	              "%s: without this part of the selection the call would change more than was "
	              "meant",
	              err.text);
	return true;
}

bool shape_selects(struct shaping *s)
{
	const struct route *route = s->route;
	cleanup_(freep) char *field = NULL;
	cleanup_(freep) char *why = NULL;

	if (!effects_select(s->draft->op) || hook_without("guards"))
		return true;
	for (size_t i = 0; i < route->n_query; i++)
		if (has_hole(s, &route->query[i]))
			return false;
	for (size_t i = 0; i < route->n_selection; i++)
		if (has_hole(s, &route->selection[i]))
			return false;
	why = effects_unselected(s->draft->op, s->draft->url, s->draft->body, &field);
	if (why)
		rejection_set(s->rejection, REJECT_GUARD, field, "%s", why);
	return !why;
}
