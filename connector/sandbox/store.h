#pragma once

/*
 * The objects of the stand-in organization, in memory. What an object is made of (`data`) is never
 * changed in place but replaced, so events, the search index and answers may keep references to
 * what was. Deleted objects stay allocated until the store goes, so a pointer to one never dangles.
 */

#include "connector/sandbox/kinds.h"

struct box_object {
	const struct box_kind *kind;
	char *id;
	uint64_t seq;                /* order of creation, over all kinds */
	struct json_object *data;    /* everything stored, with "id" */
	struct json_object *indexed; /* what search sees; NULL: nothing yet, or no longer */
	bool is_deleted;
	bool was_looked_at; /* since it was deleted */
};

struct box_list {
	struct box_object **items; /* in the order of creation */
	size_t n, cap;
};

void box_list_add(struct box_list *list, struct box_object *object);
void box_list_remove(struct box_list *list, const struct box_object *object);

/* Text → objects. A missing text has an empty list. */
struct box_index;
struct box_index *box_index_new(void);
void box_index_free(struct box_index *index);
void box_index_add(struct box_index *index, const char *text, struct box_object *object);
void box_index_remove(struct box_index *index, const char *text, const struct box_object *object);
const struct box_list *box_index_find(const struct box_index *index, const char *text);

enum { box_id_bytes = 64, box_id_random = 43, box_max_objects = 4000000 };

struct box_store;

/* The same @seed gives the same ids in the same order. */
struct box_store *box_store_new(uint64_t seed);
void box_store_free(struct box_store *store);

/* "lead_" and 43 characters of base 62. */
void box_store_make_id(struct box_store *store, const char *prefix,
                       char ret_id[static box_id_bytes]);
/* 32 hexadecimal digits. */
void box_store_make_trace(struct box_store *store, char ret_trace[static 33]);

bool box_store_is_full(const struct box_store *store);

/* Takes @data, and puts a new id into it unless it has one. */
struct box_object *box_store_add(struct box_store *store, const struct box_kind *kind,
                                 struct json_object *data);
/* Takes @data, a changed copy of the object's. */
void box_store_replace(struct box_store *store, struct box_object *object,
                       struct json_object *data);
void box_store_remove(struct box_store *store, struct box_object *object);

/* The living object of @kind (NULL: of any) called @id, or NULL. */
struct box_object *box_store_find(const struct box_store *store, const struct box_kind *kind,
                                  const char *id);
/* What was deleted and nobody has asked for since; once, then NULL. */
struct box_object *box_store_last_look(const struct box_store *store, const struct box_kind *kind,
                                       const char *id);
/* All of a kind, deleted ones too, in the order of creation; and how many of them live. */
const struct box_list *box_store_all(const struct box_store *store, const struct box_kind *kind);
size_t box_store_count(const struct box_store *store, const struct box_kind *kind);
/* The living objects whose lead_id is @lead_id, of all kinds. */
const struct box_list *box_store_below(const struct box_store *store, const char *lead_id);

/* NULL is like nothing, not even NULL. */
bool box_is_same(const char *a, const char *b);

/* A copy that shares its values with @object. */
struct json_object *box_shallow(struct json_object *object);

/* Adds or replaces a member whose name is static text; takes @value. */
void box_set(struct json_object *object, const char *name, struct json_object *value);
