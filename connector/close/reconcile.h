#pragma once

/*
 * Proof: asks search, the list of a lead and the event log which of our identities are on objects,
 * or which objects have the contents of what was sent, and whether they have caught up (the
 * canary). Pure builders and readers; sending, waiting, counting and deciding are others'.
 *
 * Search is not in Close's published contract; its body follows the documentation, and the mode
 * "exact_value" what Close's own filter builder makes. So equality is checked again on what comes
 * back. Search reads only, lags behind writes, and counts in the group "search".
 */

#include "connector/close/group.h"
#include "connector/model/operation.h"
#include "lib/err.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	crm_search_values = 100, /* identities in one question at most */
	crm_search_matches = 10, /* objects kept of one identity; the oldest */
};

extern const char crm_search_path[]; /* "/data/search/"; POST */

/* Whether objects of kind @object ("lead", "activity.custom", …) can be found by a custom field. */
bool crm_search_knows(const char *object);

/*
 * The body that asks for the objects of kind @object whose custom field @field ("custom.cf_…")
 * holds one of @values, oldest first; whoever gathers them minds how long they are together.
 * @cursor: of the page before, NULL for the first. To free().
 */
char *crm_search_body(const char *object, const char *field, const char *const *values,
                      size_t n_values, const char *cursor);

/*
 * A create without an identity is recognised by its contents: how an object compares to what was
 * sent. Unclear: what Close may do to values could explain the difference.
 */
struct crm_print {
	enum delivery_class class;
	const struct operation
		*op;              /* other keys than its own Close ignores; NULL: any may be its */
	struct json_object *sent; /* an object */
	const char *user;         /* whose key sends; NULL: not known */
};
enum crm_likeness { CRM_DIFFERENT, CRM_UNCLEAR, CRM_SAME };
enum crm_likeness crm_likeness(const struct crm_print *print, struct json_object *shown);
/* Whether what is sent says more than that there is an object. */
bool crm_print_is_enough(const struct crm_print *print);
/*
 * It may set its object's date_created (of an activity, Close may take it from activity_at): that
 * does not tell when it was made. *@ret_ms: the earliest of them.
 */
bool crm_print_own_time(const struct crm_print *print, int64_t *ret_ms);
/* Whether what @op (may be NULL) makes is in a list or in the log to be compared. */
bool crm_content_knows(const struct operation *op);

/* What is looked for: creates of one kind, all by one field or all by their contents. */
struct crm_sought {
	const char *object;
	const char *field;              /* of their identities; NULL: by contents */
	const char *const *values;      /* of the field */
	const struct crm_print *prints; /* or the contents */
	size_t n;
};

struct crm_match {
	size_t value; /* index of the identity, or of the contents */
	char *id;
	/* As Close wrote it; "" where it did not. Where it was sent, the last change instead. */
	char *date_created;
	bool is_unclear; /* it may be the one, or not */
};

struct crm_matches {
	struct crm_match *items; /* in the order of the answer: oldest first */
	size_t n;
	char *cursor; /* ask again with it, within 30 s; NULL: that was all */
};

/*
 * Adds what @answer (a page; parsed) shows to @matches and replaces its cursor. Equal is text that
 * is the same after trimming, the same number, or one item of a list. -EBADMSG with a sentence if
 * it is no search answer; then @matches is as before.
 */
int crm_search_read(struct json_object *answer, const struct crm_sought *sought,
                    struct crm_matches *matches, struct err *err);

void crm_matches_deinit(struct crm_matches *matches);

/* The body that asks for the newest object of kind @object that search can see. To free(). */
char *crm_canary_body(const char *object);

/*
 * Reads the answer to that: 1 with the object's creation time, 0 if there is no object of that
 * kind, -EBADMSG with a sentence if it cannot be read.
 */
int crm_canary_read(struct json_object *answer, int64_t *ret_created_ms, struct err *err);

/*
 * The list of objects of a kind, which shows what was made without delay: of contacts,
 * opportunities, activities, tasks … those below one lead, of comments those on one object, of
 * named things all. Of leads it is not asked. crm_list_key(): the key of what was sent that the
 * list is cut by; NULL: all. crm_list_path(): of what that key says (not looked at where there is
 * none), made since @from_ms where the list can be asked so (0: ever), from number @skip on; to
 * free(); NULL: there is no list. crm_list_group(): what the GET counts in; writes and returns
 * @name.
 */
bool crm_has_list(const char *object);
const char *crm_list_key(const char *object);
char *crm_list_path(const char *object, const char *of, int64_t from_ms, size_t skip);
const char *crm_list_group(const char *object, char name[crm_group_name_size]);
/* Class B: what another system calls it, and the list cut to that; to free(). */
extern const char crm_external_key[];
char *crm_external_path(const char *object, const char *id);

struct crm_list_page {
	size_t n;          /* objects in it */
	bool has_more;     /* there is another page */
	int64_t newest_ms; /* the last change, on Close's clock; 0: none is told */
};
/* Adds what @answer (a page) shows to @matches, as crm_search_read() does. */
int crm_list_read(struct json_object *answer, const struct crm_sought *sought,
                  struct crm_matches *matches, struct crm_list_page *ret_page, struct err *err);

/*
 * The event log, newest first, in pages of fifty: what objects of a kind were made, by whomever,
 * with their data as they were then; so it knows also those that were deleted since. Filters may
 * only stand together as Close allows it: these do. It is not asked for one user's events, since a
 * record may name another as the one who created the object.
 */
extern const char crm_event_group[];                           /* what a GET of it counts in */
extern const char crm_newest_event_path[];                     /* the newest event of all */
char *crm_events_path(const char *object, const char *cursor); /* to free() */

struct crm_events {
	int64_t from_ms;  /* set it: what is older, on Close's clock, proves nothing */
	bool is_complete; /* it was read back to there, or to the log's beginning */
	bool shows_field; /* somebody's data has the custom field: the log tells such fields */
	char **unclear;   /* objects made since then whose data are not told */
	char **fieldless; /* … and those whose data have no such field */
	char *cursor;     /* ask again with it; NULL: that was all */
};
/*
 * Adds what @answer (a page) shows to @events and @matches. -EBADMSG with a sentence if it is no
 * page of the event log.
 */
int crm_events_read(struct json_object *answer, const struct crm_sought *sought,
                    struct crm_events *events, struct crm_matches *matches, struct err *err);
void crm_events_deinit(struct crm_events *events);

/*
 * Reads the first event of a page: 1 with its place in the log and its object's id (NULL: it has
 * none; borrowed from @answer), 0 if there is none, or -EBADMSG with a sentence. The place is when
 * the last of what it tells happened: Close makes one event of changes that come close together.
 */
int crm_newest_event_read(struct json_object *answer, int64_t *ret_place_ms,
                          const char **ret_object_id, struct err *err);

/*
 * The lead named by delivery.canary may be touched: crm_touch_path() and crm_touch_body() make a
 * PUT that changes its description (a change search must show), crm_touched_body() asks search for
 * it. All to free(). crm_touched_read() gives the time of the last change in the PUT's own answer
 * or in the search's: 1, 0 where search does not show the lead, or -EBADMSG with a sentence.
 */
char *crm_touch_path(const char *lead_id);
char *crm_touch_body(int64_t wall_ms);
char *crm_touched_body(const char *lead_id);
int crm_touched_read(struct json_object *answer, int64_t *ret_updated_ms, struct err *err);

/*
 * The time Close wrote as "2022-02-01T18:23:34.666000+00:00", with "Z" or (UTC as well) without an
 * offset.
 */
bool crm_time_parse(const char *text, int64_t *ret_wall_ms);
