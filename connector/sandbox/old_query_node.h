#pragma once

/* Conditions of the old query language: a key, a sign and a value become a node of a query tree. */

#include "connector/sandbox/old_query.h"

enum old_sign { OLD_IS, OLD_IS_NOT, OLD_GT, OLD_GTE, OLD_LT, OLD_LTE, OLD_HAS };

struct old_condition {
	const struct box_org *org;
	const struct box_old_clock *clock;
	const char *key;
	enum old_sign sign;
	const char *value;
	bool is_any; /* the value is a plain `*` */
};

/* The node, which is the caller's; or NULL and what is not understood. */
struct json_object *box_old_node(const struct old_condition *condition, struct err *err);

/* A word without a key: it stands anywhere in a lead, or in a contact of it. */
struct json_object *box_old_word(const char *word);
struct json_object *box_old_everything(void);
/* "and" or "or" of what is in @parts, which it takes; a single part stays as it is. */
struct json_object *box_old_group(const char *type, struct json_object *parts);
/* Turns the node round; it may be so already. */
void box_old_negate(struct json_object *node);

/* The stored member that `sort:` calls @key, in a buffer of the caller's; NULL: there is none. */
const char *box_old_sort_field(const struct box_org *org, const char *key, bool *ret_is_custom);
