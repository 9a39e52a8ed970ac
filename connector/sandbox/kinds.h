#pragma once

/*
 * What the stand-in knows of each kind of object, as data: where it lives, what its fields are, and
 * the two hooks for what a table cannot say. Another kind is another row.
 */

#include <json-c/json_object.h>
#include <json-c/linkhash.h> /* json_object_object_foreach() needs it */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct box_actor;
struct box_object;
struct box_org;
struct box_write;

enum box_kind_id {
	BOX_LEAD,
	BOX_CONTACT,
	BOX_OPPORTUNITY,
	BOX_TASK,
	BOX_NOTE,
	BOX_CALL,
	BOX_EMAIL,
	BOX_CUSTOM_ACTIVITY,
	BOX_CUSTOM_OBJECT,
	BOX_LEAD_STATUS,
	BOX_OPPORTUNITY_STATUS,
	BOX_PIPELINE,
	BOX_USER,
	BOX_LEAD_FIELD,
	BOX_CONTACT_FIELD,
	BOX_OPPORTUNITY_FIELD,
	BOX_ACTIVITY_FIELD,
	BOX_OBJECT_FIELD,
	BOX_SHARED_FIELD,
	BOX_ACTIVITY_TYPE,
	BOX_OBJECT_TYPE,
	BOX_EMAIL_TEMPLATE,
	BOX_SMS_TEMPLATE,
	BOX_SEQUENCE,
	BOX_GROUP,
	BOX_ROLE,
	BOX_SMS,
	BOX_WHATSAPP,
	BOX_EMAIL_THREAD,
	BOX_MEETING,
	BOX_FORM_SUBMISSION,
	BOX_LEAD_STATUS_CHANGE,
	BOX_OPPORTUNITY_STATUS_CHANGE,
	BOX_TASK_COMPLETED,
	BOX_LEAD_MERGE,
	BOX_COMMENT,
	BOX_COMMENT_THREAD,
	BOX_ORGANIZATION,
	BOX_MEMBERSHIP,
	BOX_SEND_AS,
	BOX_PHONE_NUMBER,
	BOX_BLOCKED_NUMBER,
	BOX_UNSUBSCRIBED,
	BOX_OUTCOME,
	BOX_PLAYBOOK,
	BOX_INTEGRATION_LINK,
	BOX_WEBHOOK,
	BOX_SMART_VIEW,
	BOX_SCHEDULING_LINK,
	BOX_SHARED_LINK,
	BOX_SHARED_LINK_USE,
	BOX_SUBSCRIPTION,
	BOX_BULK_EDIT,
	BOX_BULK_DELETE,
	BOX_BULK_EMAIL,
	BOX_BULK_SUBSCRIPTION,
	BOX_LEAD_EXPORT,
	BOX_OPPORTUNITY_EXPORT,
	BOX_N_KINDS,
};

enum box_type {
	BOX_TEXT,
	BOX_INTEGER,
	BOX_BOOLEAN,
	BOX_MOMENT,     /* stored in UTC with microseconds */
	BOX_DAY,        /* a date, or a moment, stored as it is meant */
	BOX_EMAIL_TEXT, /* trimmed */
	BOX_PHONE,      /* stored as E.164 */
	BOX_URL,        /* scheme added where missing */
	BOX_CHOICE,     /* one of .choices */
	BOX_REFERENCE,  /* id of an object of kind .ref; BOX_N_KINDS: of any kind */
	BOX_REFERENCES, /* list of such ids */
	BOX_TEXTS,      /* list of texts, of .choices where there are some */
	BOX_MAP,        /* an object, as it is */
	BOX_LIST,       /* list of objects with .items */
	BOX_ANYTHING,
};

enum box_field_flag {
	BOX_REQUIRED = 1,
	BOX_CREATE_ONLY = 2, /* ignored by PUT */
	BOX_LOCKED = 4,      /* a PUT that changes it is refused */
	BOX_EMPTY = 8,       /* null is stored as "" */
	BOX_NEEDED = 32,     /* required of a PUT, too */
	BOX_INDEXED = 16,    /* search finds equal values without looking at every object */
};

struct box_field {
	const char *name; /* NULL ends a table */
	enum box_type type;
	unsigned flags; /* enum box_field_flag, or'ed */
	const char
		*otherwise; /* JSON text of the value where a create does not give one; or NULL */
	const char *const *choices;
	const struct box_field *items;
	enum box_kind_id ref;
	const char *related; /* BOX_LIST: what has_related in a search calls an item */
	int64_t min, max;    /* of a number; max alone: of a text's length or a list; 0: none */
};

enum box_method { BOX_CAN_GET = 1, BOX_CAN_POST = 2, BOX_CAN_PUT = 4, BOX_CAN_DELETE = 8 };

struct box_kind {
	const char *name;       /* "activity.note": in events, searches and /_sandbox/objects */
	const char *class_name; /* "Note": in the sentences of a 404 */
	const char *prefix;     /* of ids: "acti" */
	const char *path;       /* of the collection, below /api/v1 */
	unsigned methods;       /* enum box_method, or'ed */
	const struct box_field *fields;
	const char *const *filters; /* query parameters of the list, with __in, __gte and so on */
	const char *const *needs;   /* one of these the list must be asked for by; or NULL */
	const char *usual_type;     /* the `_type` a list shows when none is asked for; or NULL */
	unsigned max_limit;         /* of a list's page */
	bool has_typed_limits;      /* a page too large is told in the newer shape */
	enum box_kind_id custom;    /* the kind of its custom fields; BOX_N_KINDS: has none */
	const char *type_key;       /* the member that says which type it is of, each type having
	                               fields of its own: "custom_activity_type_id"; or NULL */
	/* Checks and fills in what depends on several fields; reports by box_write_blame(). */
	void (*finish)(struct box_write *write);
	/* What else happens once it is stored; @before: its data until then, NULL where it is new.
	 */
	void (*after)(struct box_org *org, const struct box_actor *actor, struct box_object *object,
	              struct json_object *before);
	/* Adds what Close computes to @out, which already has everything stored. */
	void (*render)(struct box_org *org, struct json_object *data, struct json_object *out);
};

extern const struct box_kind box_kinds[BOX_N_KINDS];

/*
 * The kind called @name, or NULL: by its name or, dots for slashes, by its path
 * ("activity.status_change.lead"). "task.lead" is a task, too.
 */
const struct box_kind *box_kind_find(const char *name);

/*
 * The kind whose collection or item @path names ("/lead/", "/lead/lead_A1/"), or NULL. @ret_id is
 * where the id begins (it ends at the slash), NULL for the collection. "/custom_fields/…" is what
 * "/custom_field/…" was called.
 */
const struct box_kind *box_kind_of_path(const char *path, const char **ret_id);

const struct box_field *box_kind_field(const struct box_kind *kind, const char *name);
