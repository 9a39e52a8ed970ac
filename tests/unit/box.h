#pragma once

/* The stand-in organization without its server, for unit tests of what it does. */

#include "connector/sandbox/remove.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <string.h>

struct box {
	struct box_org *org;
	struct box_actor actor;
};

static inline struct json_object *from_json(const char *text)
{
	struct json_object *value = NULL;

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	return value;
}

static inline void box_open(struct box *b, uint64_t lag_ms)
{
	const int64_t noon = INT64_C(1772971200000); /* 2026-03-08T12:00:00Z */

	b->org = box_org_new(1, lag_ms, noon);
	b->actor = (struct box_actor){.request_id = "req_1",
	                              .key_id = "api_1",
	                              .method = "POST",
	                              .path = "/x/",
	                              .wall_ms = noon,
	                              .now_ms = 1000};
}

static inline void box_close(struct box *b)
{
	box_org_free(b->org);
}

/* A write that must succeed. */
static inline const struct box_object *box_put(struct box *b, enum box_kind_id kind,
                                               const struct box_object *old, const char *body)
{
	struct json_object *value = from_json(body), *complaint = NULL;
	const struct box_object *o = box_write(
		b->org, &b->actor, &box_kinds[kind],
		old ? box_store_find(b->org->store, NULL, old->id) : NULL, value, &complaint);

	json_object_put(value);
	if (complaint)
		check_text(json_object_to_json_string(complaint), "");
	check(o != NULL);
	return o;
}

/* A write that must be refused with @complaint. */
static inline void box_refuse(struct box *b, enum box_kind_id kind, const struct box_object *old,
                              const char *body, const char *complaint)
{
	struct json_object *value = from_json(body), *told = NULL;
	char *text;

	check_null(box_write(b->org, &b->actor, &box_kinds[kind],
	                     old ? box_store_find(b->org->store, NULL, old->id) : NULL, value,
	                     &told));
	text = json_text(told);
	check_text(text, complaint);
	free(text);
	json_object_put(told);
	json_object_put(value);
}

/* A stored text. */
static inline const char *box_text(const struct box_object *o, const char *key)
{
	return json_get_string(o->data, key);
}
