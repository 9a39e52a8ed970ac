#pragma once

/* `GET` of a collection: filters, order, pages; and the choice of fields everywhere. */

#include "connector/sandbox/call.h"
#include "connector/sandbox/org.h"

/* What a list is to show of all that it found. */
struct box_list_page {
	size_t limit, skip;
	const char *fields; /* the call's; NULL: all */
	bool has_total;     /* says how many there are in all */
};

/* Reads `_limit`, `_skip` and `_fields`; false: it has answered why not. */
bool box_list_read_page(const struct box_org *org, const struct box_kind *kind,
                        struct json_object *params, struct box_list_page *ret_page,
                        struct box_answer *answer);
void box_list_send_page(struct box_org *org, const struct box_list *found,
                        const struct box_list_page *page, struct box_answer *answer);

/*
 * Puts everything into @ret_found that the filters of @params let through, on whatever page; false:
 * it has answered what is wrong with them.
 */
bool box_list_find(struct box_org *org, const struct box_kind *kind, struct json_object *params,
                   struct box_answer *answer, struct box_list *ret_found);

/* Answers the list of @kind as the call's query wants it. */
void box_list_answer(struct box_org *org, const struct box_kind *kind, const struct box_call *call,
                     struct box_answer *answer);

/* The same of all activities, whatever their kind. */
void box_list_activities(struct box_org *org, const struct box_call *call,
                         struct box_answer *answer);

/* Cuts @object down to the names in @fields ("id,name,custom"); NULL or "_all" leaves it whole. */
struct json_object *box_pick(struct json_object *object, const char *fields);
