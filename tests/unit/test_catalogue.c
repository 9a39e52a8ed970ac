#include "connector/close/catalogue.h"
#include "connector/model/effects.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

static const struct operation_set *set;
static const struct operation *end;

static bool is_in(const char *const *list, const char *text)
{
	for (; *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

static void there_are_160_operations_sorted_by_unique_names(void **state)
{
	(void)state;
	check_eq(set->n, 160);
	for (size_t i = 1; i < set->n; i++)
		check(strcmp(set->items[i - 1].name, set->items[i].name) < 0);
}

static void no_two_operations_share_method_and_path(void **state)
{
	(void)state;
	for (const struct operation *a = set->items; a < end; a++)
		for (const struct operation *b = set->items; b < a; b++)
			check(a->method != b->method || strcmp(a->path, b->path) != 0);
}

static void every_path_stands_between_slashes_and_holds_just_its_parameters(void **state)
{
	char braced[64];

	(void)state;
	for (const struct operation *op = set->items; op < end; op++) {
		size_t n_params = 0, n_braces = 0;

		check(op->path[0] == '/' && op->path[strlen(op->path) - 1] == '/');
		for (const char *const *param = op->path_params; *param; param++, n_params++) {
			(void)snprintf(braced, sizeof(braced), "/{%s}/", *param);
			check(strstr(op->path, braced) != NULL);
		}
		for (const char *c = op->path; *c; c++)
			n_braces += *c == '{';
		check_eq(n_params, n_braces);
	}
}

static void every_required_field_is_a_field_and_no_field_stands_twice(void **state)
{
	(void)state;
	for (const struct operation *op = set->items; op < end; op++) {
		for (const char *const *name = op->required; *name; name++)
			check(operation_field(op, *name) != NULL);
		for (const struct operation_field *field = op->body_fields; field->name; field++) {
			check(field->type[0] != '\0');
			check(operation_field(op, field->name) == field);
		}
	}
}

static void an_operation_without_a_body_has_no_fields_and_a_delete_has_no_body(void **state)
{
	(void)state;
	for (const struct operation *op = set->items; op < end; op++) {
		if (op->body_source == BODY_NONE)
			check(!op->body_fields->name && !*op->required);
		if (op->method == METHOD_DELETE)
			check_eq(op->body_source, BODY_NONE);
	}
}

static void only_the_five_known_effects_exist_and_every_delete_destroys(void **state)
{
	const unsigned all =
		EFFECT_SENDS | EFFECT_COSTS | EFFECT_MASS | EFFECT_DESTROYS | EFFECT_ORPHANS;

	(void)state;
	for (const struct operation *op = set->items; op < end; op++) {
		check_eq(op->effects & ~all, 0);
		if (op->method == METHOD_DELETE)
			check(op->effects & EFFECT_DESTROYS);
	}
}

static void what_depends_on_the_body_has_a_rule_that_says_how(void **state)
{
	(void)state;
	for (const struct operation *op = set->items; op < end; op++) {
		unsigned ruled = 0;

		for (const struct effect_rule *r = NULL; (r = effect_rule_next(op, r));) {
			ruled |= r->effect;
			check(operation_field(op, r->field));
		}
		check_eq(op->depends & ~op->effects, 0);
		check_eq(op->depends, ruled);
	}
}

static void a_call_that_selects_is_mass_or_destroys(void **state)
{
	(void)state;
	for (const struct operation *op = set->items; op < end; op++) {
		check_eq(effects_select(op), (op->effects & EFFECT_MASS) ||
		                                     !strcmp(op->name, "send_as.delete_by_user"));
		for (const char *const *key = effects_selectors(op); *key; key++)
			check(operation_field(op, *key));
	}
}

static void a_post_is_never_class_u_and_a_put_or_delete_is_u_or_d(void **state)
{
	const unsigned grave = EFFECT_SENDS | EFFECT_COSTS | EFFECT_MASS;

	(void)state;
	for (const struct operation *op = set->items; op < end; op++) {
		if (op->method == METHOD_POST)
			check(op->class != CLASS_U);
		else if (op->method == METHOD_PUT && (op->effects & grave))
			check_eq(op->class, CLASS_D);
		else
			check_eq(op->class, CLASS_U);
	}
}

static void a_call_that_may_be_repeated_neither_sends_nor_costs_nor_destroys(void **state)
{
	(void)state;
	for (const struct operation *op = set->items; op < end; op++)
		if (op->class == CLASS_R)
			check_eq(op->effects, 0);
}

static void every_create_that_can_be_found_again_says_how(void **state)
{
	static const char *const lookups[] = {
		[CLASS_A] = "search", [CLASS_B] = "external_id",
		[CLASS_C] = "list",   [CLASS_N] = "name",
		[CLASS_R] = "",       [CLASS_D] = "",
		[CLASS_U] = "",
	};

	(void)state;
	for (const struct operation *op = set->items; op < end; op++)
		check_text(op->lookup, lookups[op->class]);
}

static void every_class_a_create_takes_custom_fields(void **state)
{
	static const char *const kinds[] = {
		"lead", "contact", "opportunity", "activity.custom", "custom_object", NULL};
	size_t n = 0;

	(void)state;
	for (const struct operation *op = set->items; op < end; op++) {
		if (op->class != CLASS_A)
			continue;
		n++;
		check(is_in(kinds, op->object));
		check(operation_field(op, "custom.cf_1") != NULL);
	}
	check_eq(n, 5);
}

static void every_operation_has_a_kind_a_sentence_and_a_good_status(void **state)
{
	(void)state;
	for (const struct operation *op = set->items; op < end; op++) {
		check(op->object[0] != '\0');
		check(strlen(op->summary) > 10 && op->summary[strlen(op->summary) - 1] == '.');
		check(op->success_status == 200 || op->success_status == 201 ||
		      op->success_status == 204);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(there_are_160_operations_sorted_by_unique_names),
		sentence(no_two_operations_share_method_and_path),
		sentence(every_path_stands_between_slashes_and_holds_just_its_parameters),
		sentence(every_required_field_is_a_field_and_no_field_stands_twice),
		sentence(an_operation_without_a_body_has_no_fields_and_a_delete_has_no_body),
		sentence(only_the_five_known_effects_exist_and_every_delete_destroys),
		sentence(what_depends_on_the_body_has_a_rule_that_says_how),
		sentence(a_call_that_selects_is_mass_or_destroys),
		sentence(a_post_is_never_class_u_and_a_put_or_delete_is_u_or_d),
		sentence(a_call_that_may_be_repeated_neither_sends_nor_costs_nor_destroys),
		sentence(every_create_that_can_be_found_again_says_how),
		sentence(every_class_a_create_takes_custom_fields),
		sentence(every_operation_has_a_kind_a_sentence_and_a_good_status),
	};

	set = crm_catalogue();
	end = set->items + set->n;
	return run_sentences(tests);
}
