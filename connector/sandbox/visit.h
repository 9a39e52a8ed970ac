#pragma once

/* One request on its way through the interface, and what all pages need of it. */

#include "connector/sandbox/api.h"
#include "connector/sandbox/write.h"

struct box_visit {
	struct box_api *api;
	struct box_call *call;
	struct box_answer *answer;
	struct json_object *body; /* NULL: none was needed */
	char *part[2]; /* what stands for the "{}"s of the page's path, in order; or NULL */
};

bool box_visit_is(const struct box_visit *v, const char *method);
bool box_visit_so(const struct box_visit *v, enum box_doubt doubt, const char *value);

/* Checks the body by @fields; false: it has answered what is wrong with it. */
bool box_visit_check(struct box_visit *v, const struct box_field *fields);

/* Whether OAuth has let the caller in, not a key. */
bool box_visit_is_oauth(const struct box_visit *v);

/* Reads the body as an object, unless it has been; false: it has answered why not. */
bool box_visit_read(struct box_visit *v);

/* Texts are the call's. */
struct box_actor box_visit_actor(const struct box_visit *v);

/* The write operation of Close at the visit's path, or NULL. */
const struct operation *box_visit_operation(const struct box_visit *v, enum http_method method);
/* What Close answers with: 200 mostly, 201 or 204 from newer resources. */
unsigned box_visit_good_status(const struct box_visit *v, enum http_method method);

/* In the call's log: something was done to @object. */
void box_visit_note(struct box_visit *v, const struct box_object *object);

void box_visit_send(struct box_visit *v, const struct box_object *object, unsigned status);
/* {"data": [...], "has_more": false} of all in @list. */
void box_visit_send_all(struct box_visit *v, const struct box_list *list);
/* {"errors": [], "field-errors": {@name: @text}} */
void box_visit_blame(struct box_visit *v, const char *name, const char *text);
void box_visit_not_allowed(struct box_visit *v);
/* 404: there is no such @class_name. */
void box_visit_not_there(struct box_visit *v, const char *class_name);
/* What a DELETE answers that went well. */
void box_visit_deleted(struct box_visit *v);
