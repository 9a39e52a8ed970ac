#pragma once

/*
 * nest: rows of one company wait in gather, are folded into their lead and go through resolve with
 * it. Where the lead is made they are its contacts. Where it is there already, what they say of it
 * is one update, and each row's contact is made or changed by a call of its own. A lead that a
 * route has made is known by what its rows had in common, so there is no second one.
 */

#include "connector/engine/resolve_private.h"

/* nest.c */

/* One of the rows, not folded yet. */
bool nest_is_row(const struct draft *draft);
/*
 * "lead nest companies=acme.example", which the lead of rows is offered by, by each of them as by
 * itself; NULL: it is neither. To free().
 */
char *nest_text(const struct draft *draft);
/* The same of the row that a part of a request is; NULL: it is none. To free(). */
char *nest_text_of_part(const struct request *request, size_t i);
/* With which what nest_text() gives begins. */
extern const char nest_offers[];
/* Some route folds rows. */
bool nest_is_used(const struct route_set *routes);
/* The lead of the rows, with what it is known by behind what it is matched by. */
struct draft *nest_fold(struct draft **takes_rows, size_t n);
struct draft *nest_alone(struct draft *takes_row);
/* Takes rows that left gather. */
void nest_send(struct engine *e, struct draft **takes_rows, size_t n);
/* What this key finds is not in Close: only the state knows it. */
bool nest_is_key(const struct lookup_key *key);
enum look nest_look(struct engine *e, const struct lookup_key *key, struct looked *ret);
/* A lead was made: the state shall know. */
void nest_remember(struct engine *e, const struct request *request);
/*
 * The lead of the rows of r->draft is there. What the rows say of it goes on as the update, with
 * the rows that say no more, and the others come again behind it. True: there is nothing (more) to
 * say of it, and r->nest_lead is set.
 */
bool nest_divide(struct engine *e, struct resolving *r, const char *lead_id);

/*
 * The update of a lead would change nothing: where its row has a contact, it goes on with that, and
 * is out of r->draft. False: it has none.
 */
bool nest_skips_update(struct engine *e, struct resolving *r);

/* nest_children.c: each row's contact is made, or changed; STEP_GONE when all are on their way. */
enum step nest_add_children(struct engine *e, struct resolving *r);

/*
 * Takes those out of @rows between which and the first somebody else came who may make or change
 * their contact; gives how many.
 */
size_t nest_part_between(const struct engine *e, struct draft **rows, size_t n,
                         struct draft ***ret_behind);

/* nest_judge.c */

/*
 * Errors about single contacts and about nothing else, by their numbers; NULL: others. Close nests
 * them: {"field-errors": {"contacts": {"errors": {"1": {"errors": [], "field-errors": {…}}}}}}
 */
struct json_object *nest_errors_of_contacts(struct json_object *answer);

/*
 * Whether the rows of @request go anew: Close refused some of the contacts alone, or its update is
 * applied and its row has a contact as well.
 */
bool nest_goes_anew(const struct request *request, struct json_object *answer, bool is_applied);

/* nest_again.c */

/* What becomes of the drafts of such a request before they are kept as rows. */
void nest_settle_on(const struct request *request, struct draft *const *drafts);
/* Rejects the rows whose contacts were refused, and takes them out of @drafts. */
void nest_reject_refused(struct engine *e, const struct request *request, struct draft **drafts);
