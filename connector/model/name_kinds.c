#include "connector/model/names.h"

#include <string.h>

/* What there is books of, and who names what stands in them. */

enum {
	FIELDS = 1, /* custom fields, out of a schema */
	TYPED = 2,  /* the id of a type follows behind a slash */
	LINKED = 4, /* only links look names up in it */
};

static const struct {
	const char *kind;
	unsigned flags;
	const char *text, *all, *prefix;
	const char *type_key;
} kinds[] = {
	{"lead", FIELDS, "custom field of leads", "custom fields of leads", "cf_", NULL},
	{"contact", FIELDS, "custom field of contacts", "custom fields of contacts", "cf_", NULL},
	{"opportunity", FIELDS, "custom field of opportunities", "custom fields of opportunities",
         "cf_", NULL},
	{"activity", FIELDS | TYPED, "custom field of activities of this type",
         "custom fields of activities of this type", "cf_", "custom_activity_type_id"},
	{"custom_object", FIELDS | TYPED, "custom field of custom objects of this type",
         "custom fields of custom objects of this type", "cf_", "custom_object_type_id"},
	{"status/lead", 0, "lead status", "lead statuses", "stat_", NULL},
	{"status/opportunity", 0, "opportunity status", "opportunity statuses", "stat_", NULL},
	{"pipeline", 0, "pipeline", "pipelines", "pipe_", NULL},
	{"user", 0, "user", "users", "user_", NULL},
	{"custom_field/shared", LINKED, "shared custom field", "shared custom fields", "cf_", NULL},
	{"custom_field/activity", LINKED, "custom field of activities",
         "custom fields of activities", "cf_", NULL},
	{"custom_field/custom_object_type", LINKED, "custom field of custom objects",
         "custom fields of custom objects", "cf_", NULL},
	{"custom_activity", LINKED, "custom activity type", "custom activity types", "actitype_",
         NULL},
	{"custom_object_type", LINKED, "custom object type", "custom object types", "cotype_",
         NULL},
	{"email_template", LINKED, "e-mail template", "e-mail templates", "tmpl_", NULL},
	{"sms_template", LINKED, "SMS template", "SMS templates", "smstmpl_", NULL},
	{"sequence", LINKED, "sequence", "sequences", "seq_", NULL},
	{"group", LINKED, "group", "groups", "group_", NULL},
	{"role", LINKED, "role", "roles", "role_", NULL},
};

enum { n_kinds = sizeof(kinds) / sizeof(kinds[0]) };

/* The row of @kind, with or without a type's id behind it; n_kinds: there is none. */
static size_t kind_row(const char *kind)
{
	size_t row = 0;

	for (; row < n_kinds; row++) {
		const size_t len = strlen(kinds[row].kind);

		if (strncmp(kind, kinds[row].kind, len) == 0 &&
		    (!kind[len] || ((kinds[row].flags & TYPED) && kind[len] == '/')))
			break;
	}
	return row;
}

bool name_kind_is_known(const char *kind)
{
	return kind_row(kind) < n_kinds;
}

const char *name_kind_text(const char *kind)
{
	const size_t row = kind_row(kind);

	return row < n_kinds ? kinds[row].text : kind;
}

const char *name_kind_all(const char *kind)
{
	const size_t row = kind_row(kind);

	return row < n_kinds ? kinds[row].all : kind;
}

const char *name_kind_prefix(const char *kind)
{
	const size_t row = kind_row(kind);

	return row < n_kinds ? kinds[row].prefix : "";
}

bool name_kind_is_fields(const char *kind)
{
	const size_t row = kind_row(kind);

	return row < n_kinds && (kinds[row].flags & FIELDS);
}

bool name_kind_is_fields_of(const char *kind, const char *object)
{
	const size_t len = strlen(object);

	return name_kind_is_fields(kind) && strncmp(kind, object, len) == 0 &&
	       (!kind[len] || kind[len] == '/');
}

/* What links look up, and the book it stands in; of custom fields, the one with the shared ones. */
static const struct {
	const char *looked_up, *kind;
} books[] = {
	{"user", "user"},
	{"status.lead", "status/lead"},
	{"status.opportunity", "status/opportunity"},
	{"pipeline", "pipeline"},
	{"custom_field.lead", "lead"},
	{"custom_field.contact", "contact"},
	{"custom_field.opportunity", "opportunity"},
	{"custom_field.shared", "custom_field/shared"},
	{"custom_field.activity", "custom_field/activity"},
	{"custom_field.custom_object_type", "custom_field/custom_object_type"},
	{"custom_activity_type", "custom_activity"},
	{"custom_object_type", "custom_object_type"},
	{"email_template", "email_template"},
	{"sms_template", "sms_template"},
	{"sequence", "sequence"},
	{"group", "group"},
	{"role", "role"},
};

const char *name_kind_of_lookup(const char *looked_up)
{
	for (size_t i = 0; i < sizeof(books) / sizeof(books[0]); i++)
		if (strcmp(books[i].looked_up, looked_up) == 0)
			return books[i].kind;
	return NULL;
}

bool name_kind_is_linked(const char *kind)
{
	const size_t row = kind_row(kind);

	return row < n_kinds && (kinds[row].flags & LINKED);
}

enum lookup_like name_like_of_type(enum field_type type)
{
	switch (type) {
	case FIELD_NUMBER:
		return LIKE_NUMBER;
	case FIELD_CHOICES:
	case FIELD_USER:
	case FIELD_CONTACT:
	case FIELD_CUSTOM_OBJECT:
		return LIKE_CHOICE;
	case FIELD_DATE:
		return LIKE_DAY;
	case FIELD_DATETIME:
		return LIKE_MOMENT;
	case FIELD_ANY:
	case FIELD_TEXT:
		break;
	}
	return LIKE_TEXT;
}

const char *name_type_key(const char *kind)
{
	const size_t row = kind_row(kind);

	return row < n_kinds ? kinds[row].type_key : NULL;
}

/* Fields that hold the id of something with a name; @object NULL: whatever the operation makes. */
static const struct {
	const char *field, *object, *kind;
} id_fields[] = {
	{"status_id", "lead", "status/lead"},
	{"status", "lead", "status/lead"},
	{"status_id", "opportunity", "status/opportunity"},
	{"pipeline_id", NULL, "pipeline"},
	{"user_id", NULL, "user"},
	{"assigned_to", NULL, "user"},
	{"created_by", NULL, "user"},
	{"created_by_id", NULL, "user"},
	{"calls_assigned_to", NULL, "user"},
	{"allowing_user_id", NULL, "user"},
	{"allowed_user_id", NULL, "user"},
	{"allowed_user_ids", NULL, "user"},
	{"disallowed_user_ids", NULL, "user"},
};

const char *name_kind_of_field(const struct operation *op, const char *field)
{
	for (size_t i = 0; op && i < sizeof(id_fields) / sizeof(id_fields[0]); i++)
		if (strcmp(id_fields[i].field, field) == 0 &&
		    (!id_fields[i].object ||
		     (op->object && strcmp(id_fields[i].object, op->object) == 0)) &&
		    operation_field(op, field))
			return id_fields[i].kind;
	return NULL;
}

const char *name_kind_of_object(const struct operation *op)
{
	static const struct {
		const char *object, *kind;
	} objects[] = {
		{"lead", "lead"},
		{"contact", "contact"},
		{"opportunity", "opportunity"},
		{"activity.custom", "activity"},
		{"custom_object", "custom_object"},
	};

	for (size_t i = 0; op && op->object && i < sizeof(objects) / sizeof(objects[0]); i++)
		if (strcmp(objects[i].object, op->object) == 0)
			return operation_field(op, "custom.cf_x") ? objects[i].kind : NULL;
	return NULL;
}
