#pragma once

/*
 * One output of one record: what should be sent, before it is known which request carries it.
 * shape/ makes drafts, resolve fills in what needs lookups, gather/ makes requests of them.
 */

#include "connector/model/lookup.h"
#include "connector/model/outcome.h"
#include "connector/model/record.h"
#include "connector/model/route.h"
#include "lib/err.h"

#include <json-c/json_object.h>
#include <stddef.h>
#include <stdint.h>

struct part;
struct waiting_lanes;

/* Why a record (or an output of it) cannot be sent. */
struct rejection {
	enum reject_class class;
	char *message; /* what, where, why, what to do */
	char *field;   /* the user's name of the field; NULL: none in particular */
	/* The engine's: lanes of what it is about; NULL-terminated or NULL. */
	char **lanes;
};

struct draft {
	struct record *record;
	unsigned ordinal; /* which output of the record, from 0 */
	const struct route *route;
	/* What it calls: the route's, or where that leaves it to the record, what url is; or NULL.
	 */
	const struct operation *op;
	char *url;                /* path and query below base_url */
	char **headers;           /* "Name: value", NULL-terminated; NULL: none */
	struct json_object *body; /* NULL: none */
	struct json_object *with; /* keyed_array: what stands beside the list; NULL: nothing */
	char *identity_field;     /* as it stands in the body: "custom.cf_…"; NULL: none */
	char *identity_value;
	struct json_object *written; /* names its keys stand for, see name_written(); NULL: none */
	char **notes;        /* sentences for preview and the event; NULL-terminated or NULL */
	char **excluded;     /* paths whose members were left out; NULL-terminated or NULL */
	uint64_t part;       /* row of the part it has already; 0: none */
	unsigned generation; /* of that part */
	uint64_t number;     /* the engine's: see part.number */
	/*
	 * What has to be known before it can be sent; resolve answers it, and then it is gone. The
	 * id that match finds fills "{id}" of the url, a link its own placeholder or key.
	 */
	struct lookup *match;     /* NULL: it is known what it is about */
	struct draft_link *links; /* n_links of them */
	size_t n_links;
	/*
	 * Of an upsert, which is a create until resolve knows better: the update of the object that
	 * match finds, with a route of its own (route->update) and links of its own, but no match.
	 */
	struct draft *update;
	/*
	 * Of an upsert: why the create may not be sent (something it needs is missing, or a guard
	 * holds it back). An object that is found is updated; where there is none, this is what the
	 * record is rejected for. NULL: it may.
	 */
	struct rejection *refused;
	bool is_settled_on; /* lists are added to and what is unchanged was looked at: it may go */
	char *by; /* merge and nest: what those that share a call have in common; NULL: the url */
	/* nest: what this row puts into the parent's list; NULL: nothing. */
	struct json_object *child;
	/* nest: the rows that gather_nest() folded into this one, in their order; n_rows, owned. */
	struct draft **rows;
	size_t n_rows;
	char *packed; /* see draft_pack(); NULL: it is not */
	/*
	 * Resolved by what is remembered: draft_text() of what it was before, so that it can be
	 * resolved anew if Close says that such an object is not there (any more). NULL: by an
	 * answer of Close that is as new as can be.
	 */
	char *unresolved;
	/* The engine's: whom it must not be overtaken by while it waits for others. */
	struct waiting_lanes *lanes;
};

struct draft *draft_new(struct record *record, const struct route *route, unsigned ordinal);
void draft_free(struct draft *draft); /* NULL is ignored */
void draft_note(struct draft *draft, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The output that it is, as it is known by now: a new one, to part_deinit() and free(). */
struct part *draft_part(const struct draft *draft);

/* "lead.create"; "" of a path that the catalogue does not have. */
const char *draft_operation(const struct draft *draft);

/* Whether resolve has something to do with it. */
bool draft_is_open(const struct draft *draft);

/*
 * While it waits for long: body, written and child (and those of `update`) as text, in a fraction
 * of the room. draft_text() is the same; whoever looks at them calls draft_unpack() before.
 */
void draft_pack(struct draft *draft);
void draft_unpack(struct draft *draft);

/*
 * The draft as text that outlives the process: JSON with the number of its route in the file and
 * all that was rendered. To free(). draft_parse() makes the draft again, for @record and a route of
 * @routes, which must come from the same version of the pipeline; -EUCLEAN with a sentence where
 * the text is damaged or there is no such route.
 */
char *draft_text(const struct draft *draft);
int draft_parse(const char *text, struct record *record, unsigned ordinal,
                const struct route_set *routes, struct draft **ret_draft, struct err *err);

void rejection_deinit(struct rejection *rejection);
void rejection_set(struct rejection *rejection, enum reject_class class, const char *field,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
