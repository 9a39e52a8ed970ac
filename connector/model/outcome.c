#include "connector/model/outcome.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const char *const outcome_names[] = {
	[OUTCOME_OPEN] = "open",         [OUTCOME_FILTERED] = "filtered",
	[OUTCOME_SKIPPED] = "skipped",   [OUTCOME_DELIVERED] = "delivered",
	[OUTCOME_REJECTED] = "rejected", [OUTCOME_HELD] = "held",
};

enum { n_outcomes = sizeof(outcome_names) / sizeof(outcome_names[0]) };

static const struct {
	const char *name, *meaning, *advice;
} classes[] = {
	[REJECT_NONE] = {"", "", ""},
	[REJECT_JSON] =
		{
			"json",
			"The record is not a JSON object that can be read without guessing.",
			"Mend the line at the place named in the message and run again; the program that wrote the file is the usual cause.",
		},
	[REJECT_TOO_LONG] =
		{
			"too_long",
			"The record is longer than source.max_record allows, so it was not read.",
			"Raise source.max_record if records may be that long, else split the record.",
		},
	[REJECT_TOMBSTONE] =
		{
			"tombstone",
			"The message has a key and no value: in Kafka, a sign that something was deleted.",
			"Set kafka.tombstones to ignore them, or to route them to a route that deletes.",
		},
	[REJECT_TRANSFORM] =
		{
			"transform",
			"The jq program failed on this record.",
			"Try the record with closefeed preview and make the program accept what it holds, for instance with // or ?.",
		},
	[REJECT_NUMBER] =
		{
			"number",
			"The record holds a number that jq would change, so it was not sent changed.",
			"Write the number as text at the source, or leave it out of what the transform touches.",
		},
	[REJECT_TEMPLATE] =
		{
			"template",
			"A URL, header or body could not be filled from this record.",
			"Give the field named in the message a usable value, or give the template a default.",
		},
	[REJECT_UNROUTED] =
		{
			"unrouted",
			"No route takes this record.",
			"Add a route for such records, or set unrouted: skip if they are not meant for Close.",
		},
	[REJECT_GUARD] =
		{
			"guard",
			"The call would send something, or make a lead nobody asked for, and its route does not allow that; or it names no object that it is about, and would change all there are.",
			"If you mean it, write the word of the message in the route's allow list; else mend the record. What would change everything is never sent: give it a filter.",
		},
	[REJECT_FIELD] =
		{
			"field",
			"A field of the body is not one that Close knows for this operation, or its name is ambiguous.",
			"Correct the name, leave the field out with exclude, or set unknown_keys: drop.",
		},
	[REJECT_MATCH] =
		{
			"match",
			"The object to change could not be told: the match value is missing, or finds none or several.",
			"Give the record its match value; for several objects merge them in Close or set on_many.",
		},
	[REJECT_LINK] =
		{
			"link",
			"The object this record refers to was not found, or its value is missing.",
			"See that the object exists or comes earlier in the source; set default or on_none if it may be absent.",
		},
	[REJECT_PARENT_REJECTED] =
		{
			"parent_rejected",
			"The object this record belongs to was itself rejected.",
			"Mend and retry the parent first, then retry this one.",
		},
	[REJECT_DUPLICATE_IDENTITY] =
		{
			"duplicate_identity",
			"Another record has already created, or is creating, an object with the same identity.",
			"Make identity differ for every record that creates, or use match to change the one there is.",
		},
	[REJECT_REQUIRED] =
		{
			"required",
			"A field that this operation requires is missing.",
			"Add the field to the record or to the route's body.",
		},
	[REJECT_VALIDATION] =
		{
			"validation",
			"Close refused the request because of its content. Nothing was changed.",
			"Mend the fields named in the message, then retry; closefeed rejects edit changes the kept record.",
		},
	[REJECT_NOT_FOUND] =
		{
			"not_found",
			"Close knows no such object or path, or the key's user may not see it.",
			"Check the id; it may have been deleted or merged, or belong to another organization.",
		},
	[REJECT_PERMISSION] =
		{
			"permission",
			"The key's user is not allowed to do this.",
			"Give the user's role the permission in Close, or use another user's key, then retry.",
		},
	[REJECT_TOO_LARGE] =
		{
			"too_large",
			"Close or a proxy refused the request because of its size.",
			"Send less in one request: a smaller batch, or fewer and shorter fields.",
		},
	[REJECT_UNEXPECTED_ANSWER] =
		{
			"unexpected_answer",
			"The request was refused by an answer that does not look like one of Close's.",
			"See whether base_url is right and whether a proxy or firewall answers in Close's place.",
		},
	[REJECT_SERVER] =
		{
			"server",
			"The call kept failing while others succeeded, so it was set aside.",
			"Look at the answer kept with it; when Close has recovered, send it again or give it up.",
		},
	[REJECT_GIVEN_UP] =
		{
			"given_up",
			"A person decided not to send this request any more.",
			"Nothing needs to be done; retry it if the decision changes.",
		},
	[REJECT_UNKNOWN] =
		{
			"unknown",
			"The answer was lost, and it cannot be proven whether Close did it.",
			"Look in Close, then say so with closefeed held resolve: --applied ID, --send or --give-up.",
		},
};

static_assert(sizeof(classes) / sizeof(classes[0]) == n_reject_classes, "a class without a row");

const char *outcome_name(enum outcome outcome)
{
	assert((size_t)outcome < n_outcomes);
	return outcome_names[outcome];
}

enum outcome outcome_find(const char *name)
{
	for (size_t i = 0; i < n_outcomes; i++)
		if (strcmp(outcome_names[i], name) == 0)
			return (enum outcome)i;
	return OUTCOME_OPEN;
}

const char *reject_class_name(enum reject_class class)
{
	assert((size_t) class < n_reject_classes);
	return classes[class].name;
}

const char *reject_class_meaning(enum reject_class class)
{
	assert((size_t) class < n_reject_classes);
	return classes[class].meaning;
}

const char *reject_class_advice(enum reject_class class)
{
	assert((size_t) class < n_reject_classes);
	return classes[class].advice;
}

enum reject_class reject_class_find(const char *name)
{
	for (size_t i = REJECT_NONE + 1; i < n_reject_classes; i++)
		if (strcmp(classes[i].name, name) == 0)
			return (enum reject_class)i;
	return REJECT_NONE;
}
