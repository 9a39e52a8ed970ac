#pragma once

/*
 * The steps of connector/shape, in the order a record takes them. Each works on one shaping and
 * returns false where the output is rejected; the rejection is then set. Only shape/ includes this.
 */

#include "connector/model/draft.h"
#include "connector/model/record.h"
#include "connector/model/route.h"
#include "lib/template.h"

#include <json-c/json_object.h>
#include <stdbool.h>

struct shaping {
	const struct route_set *routes;
	const struct route *route;
	struct record *record;
	struct template_scope scope;
	struct draft *draft;
	/*
	 * The body's own members may be changed. Else it is the record's or a part of it; what lies
	 * deeper is always shared.
	 */
	bool owns_body;
	struct rejection *rejection;
	unsigned unknown_keys;
};

/* origin.c: a template_scope over the record; it borrows @shaping. */
struct template_scope shape_scope(struct shaping *shaping);

/* address.c */
bool shape_url(struct shaping *shaping);
bool shape_headers(struct shaping *shaping);

/* identity.c: shape_identity() renders it, shape_put_identity() stores it in the body. */
bool shape_identity(struct shaping *shaping);
void shape_put_identity(struct shaping *shaping);

/* body.c: default or written, without what is excluded and what `nulls` leaves out. */
bool shape_body(struct shaping *shaping);
/* Makes the members of the body our own, once. The body is an object. */
void shape_own_body(struct shaping *shaping);

/* custom.c: nested custom objects become keys, and keys name fields by id. */
bool shape_custom(struct shaping *shaping);

/* keys.c: keys that Close would ignore, and keys it needs. */
bool shape_known_keys(struct shaping *shaping);
bool shape_required(struct shaping *shaping);

/* guard.c: effects that depend on the record and that the route does not allow. */
bool shape_guard(struct shaping *shaping);
