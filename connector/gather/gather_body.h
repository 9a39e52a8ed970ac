#pragma once

/* What the body of a batch looks like; only connector/gather includes this. */

#include "connector/model/draft.h"
#include "connector/model/route.h"

#include <stddef.h>

/* A new list of the bodies of @drafts. */
struct json_object *gather_list(struct draft *const *drafts, size_t n);

/* A new {key: @list, …@with}; takes the list. */
struct json_object *gather_keyed(const struct batch *batch, struct json_object *with,
                                 struct json_object *takes_list);

/* Bytes of @draft's body as it is sent, and of all that stands around the list in its batch. */
size_t gather_body_bytes(const struct draft *draft);
size_t gather_frame_bytes(const struct draft *draft);

/* merge: the update that @drafts are together. nest: the parent with the children of all. New. */
struct json_object *gather_fold(struct draft *const *drafts, size_t n);
struct json_object *gather_nested(struct draft *const *drafts, size_t n);

enum { gather_max_notes = 20 }; /* of a batch; each of its records may bring others */
