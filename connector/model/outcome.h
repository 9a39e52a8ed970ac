#pragma once

/* How a record, or one output of it, ended; and the closed list of reasons. */

enum outcome {
	OUTCOME_OPEN,
	OUTCOME_FILTERED,
	OUTCOME_SKIPPED,
	OUTCOME_DELIVERED,
	OUTCOME_REJECTED,
	OUTCOME_HELD, /* worst last: a record's outcome is the largest of its outputs' */
};

enum reject_class {
	REJECT_NONE,
	REJECT_JSON,
	REJECT_TOO_LONG,
	REJECT_TOMBSTONE,
	REJECT_TRANSFORM,
	REJECT_NUMBER,
	REJECT_TEMPLATE,
	REJECT_UNROUTED,
	REJECT_GUARD,
	REJECT_FIELD,
	REJECT_MATCH,
	REJECT_LINK,
	REJECT_PARENT_REJECTED,
	REJECT_DUPLICATE_IDENTITY,
	REJECT_REQUIRED,
	REJECT_VALIDATION,
	REJECT_NOT_FOUND,
	REJECT_PERMISSION,
	REJECT_TOO_LARGE,
	REJECT_UNEXPECTED_ANSWER,
	REJECT_SERVER, /* also of held items: tried its number of times */
	REJECT_GIVEN_UP,
	REJECT_UNKNOWN, /* held only: it cannot be proven whether it happened */
	n_reject_classes,
};

const char *outcome_name(enum outcome outcome);            /* "delivered" */
const char *reject_class_name(enum reject_class class);    /* "json"; "" for REJECT_NONE */
const char *reject_class_meaning(enum reject_class class); /* a sentence: what happened */
const char *reject_class_advice(enum reject_class class);  /* a sentence: what to do */
/* The class called @name, or REJECT_NONE. */
enum reject_class reject_class_find(const char *name);
enum outcome outcome_find(const char *name); /* OUTCOME_OPEN where there is none */
