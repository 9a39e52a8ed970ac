#include "connector/shape/steps.h"

#include "lib/cleanup.h"
#include "lib/json.h"

#include <json-c/linkhash.h>
#include <string.h>

/* What a batch does to each of its records before they share a call. */

static bool refuse_tree(struct shaping *s, const char *key, const struct err *err)
{
	rejection_set(s->rejection, REJECT_TEMPLATE, NULL, "batch.%s: %s", key, err->text);
	return false;
}

bool shape_each(struct shaping *s)
{
	const struct batch *batch = s->route->batch;
	cleanup_(json_freep) struct json_object *each = NULL;
	struct err err;

	if (!batch || !batch->each)
		return true;
	if (!json_object_is_type(s->draft->body, json_type_object)) {
		rejection_set(s->rejection, REJECT_TEMPLATE, NULL,
		              "batch.each is laid over the body of each record, and the body of "
		              "this one is no object");
		return false;
	}
	switch (template_tree_render(batch->each, &s->scope, &each, &err)) {
	case TEMPLATE_VALUE:
		break;
	case TEMPLATE_MISSING:
		return true;
	case TEMPLATE_REFUSED:
		return refuse_tree(s, "each", &err);
	}
	shape_own_body(s);
	json_object_object_foreach(each, key, value)(void)
		json_object_object_add(s->draft->body, key, json_object_get(value));
	return true;
}

bool shape_with(struct shaping *s)
{
	const struct batch *batch = s->route->batch;
	struct err err;

	if (!batch || !batch->with)
		return true;
	switch (template_tree_render(batch->with, &s->scope, &s->draft->with, &err)) {
	case TEMPLATE_VALUE:
	case TEMPLATE_MISSING:
		break;
	case TEMPLATE_REFUSED:
		return refuse_tree(s, "with", &err);
	}
	shape_exclude_with(s);
	return true;
}

bool shape_keeps_numbers(struct shaping *s)
{
	const struct batch *batch = s->route->batch;
	struct err err;

	if (!batch || batch->algorithm != BATCH_EXPRESSION ||
	    jq_keeps_numbers(s->draft->body, &err))
		return true;
	reject_number(s->rejection, "the batch's program", &err);
	return false;
}

/* What the records of one call have in common: without it, it would be anybody's. */
static bool render_by(struct shaping *s)
{
	const struct template *by = s->route->batch->by;
	struct buf text = BUF_INIT;
	struct err err;

	switch (template_render_text(by, &s->scope, &text, &err)) {
	case TEMPLATE_VALUE:
		break;
	case TEMPLATE_MISSING:
	case TEMPLATE_REFUSED:
		buf_deinit(&text);
		return refuse_tree(s, "by", &err);
	}
	s->draft->by = buf_take(&text);
	if (s->draft->by[strspn(s->draft->by, " \t\r\n")])
		return true;
	rejection_set(s->rejection, REJECT_TEMPLATE, NULL,
	              "batch.by: \"%s\" is empty in this record, so nobody can say what it "
	              "belongs to",
	              template_text(by));
	return false;
}

static bool render_child(struct shaping *s)
{
	struct template_scope scope = s->scope;
	cleanup_(json_freep) struct json_object *child = NULL, *left = NULL;
	struct err err;

	scope.null_is_missing = s->route->nulls == NULLS_OMIT;
	scope.blank_is_missing = s->route->blanks == NULLS_OMIT;
	switch (template_tree_render(s->route->batch->child, &scope, &child, &err)) {
	case TEMPLATE_VALUE:
		break;
	case TEMPLATE_MISSING:
		return true; /* a row of the parent alone */
	case TEMPLATE_REFUSED:
		return refuse_tree(s, "child", &err);
	}
	if (json_object_is_type(child, json_type_object)) {
		left = shape_exclude_child(s, child);
		return !left || shape_contact(s, left, &s->draft->child);
	}
	rejection_set(s->rejection, REJECT_TEMPLATE, NULL,
	              "batch.child is no object in this record, and a list such as \"%s\" is made "
	              "of objects",
	              s->route->batch->into);
	return false;
}

bool shape_nest(struct shaping *s)
{
	const struct batch *batch = s->route->batch;

	s->is_nested = true;
	return !batch || ((!batch->by || render_by(s)) && (!batch->child || render_child(s)));
}
