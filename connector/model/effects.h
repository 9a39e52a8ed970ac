#pragma once

/*
 * What calls do to people, money and many objects, and which body makes them do it: the guards.
 * The catalogue says which effects an operation has (effects) and which of them only some bodies
 * bring about (depends); the rules here say which bodies. Pure.
 */

#include "connector/model/operation.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

enum { n_effects = 5 };

/* "sends", as `allow` writes it; @effect is one bit. */
const char *effect_name(unsigned effect);
/* What a person is to think of who allows it: "what is sent cannot be called back". */
const char *effect_caution(unsigned effect);
/* Of several: "…; …". To free(). */
char *effect_cautions(unsigned mask);
/* "sends, mass"; to free(). */
char *effect_names(unsigned mask);

/*
 * What every call of @op does. @op NULL: what is known of a call that the catalogue does not have,
 * with @path as it stands in the pipeline: a DELETE destroys.
 */
unsigned effects_always(const struct operation *op, enum http_method method, const char *path);

/* Deletes and merges, the calls that delivery.max_destroys counts. */
bool effects_destroy(const struct operation *op, enum http_method method);

/* One effect of one operation that depends on the body. */
struct effect_rule {
	const char *operation;
	unsigned effect;
	const char *field; /* that decides */
	bool (*shows)(struct json_object *body);
	const char *sentence;
};

/* The rule of @op behind @before (NULL: the first), or NULL. @op may be NULL. */
const struct effect_rule *effect_rule_next(const struct operation *op,
                                           const struct effect_rule *before);
/* Why the call may not go, with the field's value where that is a text; to free(). */
char *effect_rule_text(const struct effect_rule *rule, struct json_object *body);
/* What @body (may be NULL) makes a call of @op do, beside what it always does. */
unsigned effects_shown(const struct operation *op, struct json_object *body);

/*
 * Calls that change all that a selection finds. Without one that is everything there is: never
 * sent, whatever the route allows.
 */
bool effects_select(const struct operation *op);
/* The keys of its body that may select; NULL-terminated, maybe empty. @op NULL: of any. */
const char *const *effects_selectors(const struct operation *op);
/* Whether the query parameter @name narrows what a call of @op finds. */
bool effects_is_filter(const struct operation *op, const char *name);
/*
 * Why the call with @url (below base_url) and @body (may be NULL) selects nothing, as a sentence;
 * NULL: it does, or needs not. *@ret_field: the key it is about, or NULL. Both to free().
 */
char *effects_unselected(const struct operation *op, const char *url, struct json_object *body,
                         char **ret_field);
