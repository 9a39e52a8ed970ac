#pragma once

/*
 * The stand-in organization: its objects, the search index over them and the log of what happened,
 * with the one user everything is attributed to.
 */

#include "connector/sandbox/doubts.h"
#include "connector/sandbox/events.h"
#include "connector/sandbox/search.h"
#include "connector/sandbox/store.h"

struct box_jobs;
struct box_sent;

struct box_org {
	struct box_store *store;
	struct box_search *search;
	struct box_events *events;
	struct box_doubts doubts;
	char id[box_id_bytes];
	struct json_object *id_text;   /* the same, to be shared by all objects */
	const struct box_object *user; /* who owns the key */
	struct box_jobs *jobs;         /* what is still to be done */
	struct box_sent *sent;         /* what would have gone out to people */
	bool rejects_anonymous_calls;
	struct json_object *orders; /* of statuses and fields: name → ids, as people put them */
};

/* With one user, one pipeline and a few statuses. The same @seed gives the same ids. */
struct box_org *box_org_new(uint64_t seed, uint64_t lag_ms, int64_t wall_ms);
void box_org_free(struct box_org *org);

/* The object as Close answers with it: what is stored and what is computed. The caller's. */
struct json_object *box_org_render(struct box_org *org, const struct box_kind *kind,
                                   struct json_object *data);

/* Keeps the order of [{"id": …}, …] under @name. */
void box_org_order(struct box_org *org, const char *name, struct json_object *wanted);
/* Puts the objects into the order kept under @name; those it lacks follow as they stand. */
void box_org_sort(const struct box_org *org, const char *name, struct box_list *list);

/* The living statuses of the pipeline, in its order. */
void box_org_statuses(const struct box_org *org, const char *pipeline_id,
                      struct box_list *ret_list);

/* The living statuses of leads, in the organization's order. */
void box_org_lead_statuses(const struct box_org *org, struct box_list *ret_list);

/* A user who is no member yet. */
const struct box_object *box_org_add_person(struct box_org *org, const char *email,
                                            const char *first, const char *last, int64_t wall_ms);
/* Everybody in the organization is in it by a membership. */
void box_org_enlist(struct box_org *org, const struct box_object *user, int64_t wall_ms);
/* Another user of the organization, with a membership. */
const struct box_object *box_org_add_user(struct box_org *org, const char *email, const char *first,
                                          const char *last, int64_t wall_ms);

/* The oldest living object of @kind, or NULL. */
struct box_object *box_org_first(const struct box_org *org, enum box_kind_id kind);

/* The oldest living object of @kind whose @key is @text, or NULL. */
struct box_object *box_org_find(const struct box_org *org, enum box_kind_id kind, const char *key,
                                const char *text);

/* "Ana Ruiz"; of the user with @user_id where there is one, else NULL. */
const char *box_org_user_name(const struct box_org *org, const char *user_id, char *buffer,
                              size_t bytes);
