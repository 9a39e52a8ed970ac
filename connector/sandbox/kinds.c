#include "connector/sandbox/kinds.h"

#include "connector/sandbox/rules.h"

#include <string.h>

#define CHOICES(...)                                                                               \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

enum {
	all_methods = BOX_CAN_GET | BOX_CAN_POST | BOX_CAN_PUT | BOX_CAN_DELETE,
	usual_page = 100,
	lead_page = 200,
};

/* Columns that stand in several tables. */
#define LEAD_ID(flags_)                                                                            \
	{                                                                                          \
		.name = "lead_id", .type = BOX_REFERENCE, .ref = BOX_LEAD, .flags = (flags_)       \
	}
#define CONTACT_ID                                                                                 \
	{                                                                                          \
		.name = "contact_id", .type = BOX_REFERENCE, .ref = BOX_CONTACT,                   \
		.otherwise = "null"                                                                \
	}
#define USER(name_)                                                                                \
	{                                                                                          \
		.name = (name_), .type = BOX_REFERENCE, .ref = BOX_USER                            \
	}
#define TYPE_ID(name_, ref_)                                                                       \
	{                                                                                          \
		.name = (name_), .type = BOX_REFERENCE, .ref = (ref_),                             \
		.flags = BOX_REQUIRED | BOX_CREATE_ONLY                                            \
	}
#define CREATED                                                                                    \
	{.name = "date_created", .type = BOX_MOMENT, .flags = BOX_CREATE_ONLY},                    \
	{                                                                                          \
		.name = "created_by", .type = BOX_REFERENCE, .ref = BOX_USER,                      \
		.flags = BOX_CREATE_ONLY                                                           \
	}
#define ACTIVITY                                                                                   \
	CONTACT_ID, USER("user_id"),                                                               \
		{.name = "created_by_id",                                                          \
	         .type = BOX_REFERENCE,                                                            \
	         .ref = BOX_USER,                                                                  \
	         .flags = BOX_CREATE_ONLY},                                                        \
		{.name = "activity_at", .type = BOX_MOMENT},                                       \
		{.name = "date_created", .type = BOX_MOMENT, .flags = BOX_CREATE_ONLY},            \
	{                                                                                          \
		.name = "attachments", .type = BOX_LIST, .items = attachments, .otherwise = "[]"   \
	}

static const struct box_field emails[] = {
	{.name = "email", .type = BOX_EMAIL_TEXT, .flags = BOX_REQUIRED | BOX_INDEXED},
	{.name = "type", .type = BOX_TEXT, .otherwise = "\"office\""},
	{.name = "is_unsubscribed", .type = BOX_BOOLEAN, .otherwise = "false"},
	{NULL},
};

static const struct box_field phones[] = {
	{.name = "phone", .type = BOX_PHONE, .flags = BOX_REQUIRED | BOX_INDEXED},
	{.name = "type", .type = BOX_TEXT, .otherwise = "\"office\""},
	{NULL},
};

static const struct box_field urls[] = {
	{.name = "url", .type = BOX_URL, .flags = BOX_REQUIRED | BOX_INDEXED},
	{.name = "type", .type = BOX_TEXT, .otherwise = "\"url\""},
	{NULL},
};

static const struct box_field addresses[] = {
	{.name = "label",
         .type = BOX_CHOICE,
         .choices = CHOICES("business", "mailing", "other"),
         .otherwise = "\"business\""},
	{.name = "address_1", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "address_2", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "city", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "state", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "zipcode", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "country", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{NULL},
};

static const struct box_field attachments[] = {
	{.name = "url", .type = BOX_URL, .flags = BOX_REQUIRED},
	{.name = "filename", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "content_type", .type = BOX_TEXT},
	{.name = "size", .type = BOX_INTEGER},
	{NULL},
};

static const struct box_field lead_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_EMPTY | BOX_INDEXED, .otherwise = "\"\""},
	{.name = "description", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "url", .type = BOX_URL, .flags = BOX_INDEXED, .otherwise = "null"},
	{.name = "status_id", .type = BOX_REFERENCE, .ref = BOX_LEAD_STATUS},
	{.name = "addresses",
         .type = BOX_LIST,
         .items = addresses,
         .related = "address",
         .otherwise = "[]"},
	CREATED,
	{NULL},
};

static const struct box_field contact_fields[] = {
	LEAD_ID(0),
	{.name = "name",
         .type = BOX_TEXT,
         .flags = BOX_EMPTY | BOX_INDEXED,
         .otherwise = "\"\"",
         .max = 1000},
	{.name = "title", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\"", .max = 1000},
	{.name = "emails",
         .type = BOX_LIST,
         .items = emails,
         .related = "contact_email",
         .otherwise = "[]",
         .max = 100},
	{.name = "phones",
         .type = BOX_LIST,
         .items = phones,
         .related = "contact_phone",
         .otherwise = "[]",
         .max = 100},
	{.name = "urls",
         .type = BOX_LIST,
         .items = urls,
         .related = "contact_url",
         .otherwise = "[]",
         .max = 100},
	{.name = "timezone", .type = BOX_TEXT, .otherwise = "null"},
	CREATED,
	{NULL},
};

static const struct box_field opportunity_fields[] = {
	LEAD_ID(BOX_LOCKED),
	{.name = "status_id", .type = BOX_REFERENCE, .ref = BOX_OPPORTUNITY_STATUS},
	{.name = "pipeline_id", .type = BOX_REFERENCE, .ref = BOX_PIPELINE},
	{.name = "value", .type = BOX_INTEGER, .otherwise = "null"},
	{.name = "value_period",
         .type = BOX_CHOICE,
         .choices = CHOICES("one_time", "monthly", "annual"),
         .otherwise = "\"one_time\""},
	{.name = "confidence", .type = BOX_INTEGER, .otherwise = "50", .max = 100},
	{.name = "date_won", .type = BOX_DAY, .otherwise = "null"},
	CONTACT_ID,
	USER("user_id"),
	{.name = "note", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "note_html", .type = BOX_TEXT, .otherwise = "null"},
	{.name = "attachments", .type = BOX_LIST, .items = attachments, .otherwise = "[]"},
	CREATED,
	{NULL},
};

static const struct box_field task_fields[] = {
	{.name = "_type",
         .type = BOX_CHOICE,
         .choices = CHOICES("lead", "outgoing_call"),
         .flags = BOX_CREATE_ONLY,
         .otherwise = "\"lead\""},
	LEAD_ID(BOX_REQUIRED),
	CONTACT_ID,
	{.name = "text", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "date", .type = BOX_DAY},
	{.name = "due_date", .type = BOX_DAY},
	{.name = "is_dateless", .type = BOX_BOOLEAN, .otherwise = "false"},
	USER("assigned_to"),
	{.name = "is_complete", .type = BOX_BOOLEAN, .otherwise = "false"},
	{.name = "priority", .type = BOX_CHOICE, .choices = CHOICES("high", "medium")},
	{.name = "resolution", .type = BOX_CHOICE, .choices = CHOICES("abandoned", "skipped")},
	CREATED,
	{NULL},
};

static const struct box_field note_fields[] = {
	LEAD_ID(BOX_REQUIRED | BOX_CREATE_ONLY),
	{.name = "note", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "note_html", .type = BOX_TEXT, .otherwise = "null"},
	{.name = "title", .type = BOX_TEXT, .otherwise = "null"},
	{.name = "pinned", .type = BOX_BOOLEAN, .otherwise = "false"},
	ACTIVITY,
	{NULL},
};

static const struct box_field call_fields[] = {
	LEAD_ID(BOX_CREATE_ONLY),
	{.name = "direction",
         .type = BOX_CHOICE,
         .choices = CHOICES("inbound", "outbound"),
         .otherwise = "\"outbound\""},
	{.name = "status",
         .type = BOX_CHOICE,
         .choices = CHOICES("created", "in-progress", "completed", "cancel", "no-answer", "busy",
                            "failed", "timeout"),
         .otherwise = "\"completed\""},
	{.name = "disposition",
         .type = BOX_CHOICE,
         .choices = CHOICES("answered", "no-answer", "vm-answer", "vm-left", "busy", "blocked",
                            "error", "abandoned")},
	{.name = "source",
         .type = BOX_CHOICE,
         .choices = CHOICES("Close.io", "External"),
         .otherwise = "\"External\""},
	{.name = "duration", .type = BOX_INTEGER, .otherwise = "0", .max = 10000000},
	{.name = "phone", .type = BOX_PHONE, .otherwise = "null"},
	{.name = "note", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "note_html", .type = BOX_TEXT, .otherwise = "null"},
	{.name = "recording_url", .type = BOX_URL, .otherwise = "null"},
	{.name = "voicemail_url", .type = BOX_URL, .otherwise = "null"},
	{.name = "outcome_id", .type = BOX_TEXT, .otherwise = "null"},
	ACTIVITY,
	{NULL},
};

static const struct box_field email_fields[] = {
	LEAD_ID(BOX_REQUIRED | BOX_CREATE_ONLY),
	{.name = "status",
         .type = BOX_CHOICE,
         .flags = BOX_REQUIRED,
         .choices = CHOICES("inbox", "draft", "scheduled", "outbox", "sent", "error")},
	{.name = "sender", .type = BOX_TEXT, .otherwise = "null"},
	{.name = "to", .type = BOX_TEXTS, .otherwise = "[]"},
	{.name = "cc", .type = BOX_TEXTS, .otherwise = "[]"},
	{.name = "bcc", .type = BOX_TEXTS, .otherwise = "[]"},
	{.name = "subject", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "body_text", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "body_html", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "template_id", .type = BOX_TEXT, .otherwise = "null"},
	{.name = "in_reply_to_id", .type = BOX_TEXT, .otherwise = "null"},
	{.name = "followup_date", .type = BOX_MOMENT, .otherwise = "null"},
	{.name = "date_scheduled", .type = BOX_MOMENT, .otherwise = "null"},
	{.name = "send_in", .type = BOX_INTEGER, .max = 60},
	ACTIVITY,
	{NULL},
};

static const struct box_field custom_activity_fields[] = {
	TYPE_ID("custom_activity_type_id", BOX_ACTIVITY_TYPE),
	LEAD_ID(BOX_REQUIRED | BOX_CREATE_ONLY),
	{.name = "status",
         .type = BOX_CHOICE,
         .choices = CHOICES("draft", "published"),
         .otherwise = "\"published\""},
	{.name = "pinned", .type = BOX_BOOLEAN, .otherwise = "false"},
	ACTIVITY,
	{NULL},
};

static const struct box_field custom_object_fields[] = {
	TYPE_ID("custom_object_type_id", BOX_OBJECT_TYPE),
	LEAD_ID(BOX_REQUIRED | BOX_CREATE_ONLY),
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED | BOX_INDEXED},
	{NULL},
};

static const struct box_field lead_status_fields[] = {
	{.name = "label", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "color", .type = BOX_TEXT},
	{NULL},
};

static const struct box_field opportunity_status_fields[] = {
	{.name = "label", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "type",
         .type = BOX_CHOICE,
         .flags = BOX_REQUIRED | BOX_CREATE_ONLY,
         .choices = CHOICES("active", "won", "lost")},
	{.name = "pipeline_id",
         .type = BOX_REFERENCE,
         .ref = BOX_PIPELINE,
         .flags = BOX_CREATE_ONLY},
	{NULL},
};

static const struct box_field pipeline_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{NULL},
};

static const struct box_field user_fields[] = {
	{.name = "email", .type = BOX_EMAIL_TEXT},
	{.name = "first_name", .type = BOX_TEXT},
	{.name = "last_name", .type = BOX_TEXT},
	{NULL},
};

/* What all custom fields have; @type_flags: whether their type may be changed. */
#define CUSTOM_FIELD(type_flags)                                                                   \
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},                                 \
		{.name = "type",                                                                   \
	         .type = BOX_CHOICE,                                                               \
	         .flags = BOX_REQUIRED | (type_flags),                                             \
	         .choices = CHOICES("text", "number", "date", "datetime", "choices", "user",       \
	                            "contact", "custom_object", "textarea", "hidden")},            \
		{.name = "description", .type = BOX_TEXT, .otherwise = "null", .max = 280},        \
		{.name = "choices", .type = BOX_TEXTS},                                            \
		{.name = "accepts_multiple_values", .type = BOX_BOOLEAN, .otherwise = "false"},    \
		{.name = "editable_with_roles", .type = BOX_TEXTS, .otherwise = "[]"},             \
		{.name = "referenced_custom_type_id",                                              \
	         .type = BOX_REFERENCE,                                                            \
	         .ref = BOX_OBJECT_TYPE},                                                          \
	{                                                                                          \
		.name = "back_reference_is_visible", .type = BOX_BOOLEAN                           \
	}

static const struct box_field own_field_fields[] = {
	CUSTOM_FIELD(0),
	{NULL},
};

static const struct box_field activity_field_fields[] = {
	CUSTOM_FIELD(BOX_LOCKED),
	TYPE_ID("custom_activity_type_id", BOX_ACTIVITY_TYPE),
	{.name = "required", .type = BOX_BOOLEAN, .otherwise = "false"},
	{NULL},
};

static const struct box_field object_field_fields[] = {
	CUSTOM_FIELD(BOX_LOCKED),
	TYPE_ID("custom_object_type_id", BOX_OBJECT_TYPE),
	{.name = "required", .type = BOX_BOOLEAN, .otherwise = "false"},
	{NULL},
};

static const struct box_field shared_field_fields[] = {
	CUSTOM_FIELD(BOX_LOCKED),
	{NULL},
};

static const struct box_field activity_type_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "description", .type = BOX_TEXT, .otherwise = "null"},
	{.name = "api_create_only", .type = BOX_BOOLEAN, .otherwise = "false"},
	{.name = "editable_with_roles", .type = BOX_TEXTS, .otherwise = "[]"},
	{.name = "is_archived", .type = BOX_BOOLEAN, .otherwise = "false"},
	{NULL},
};

static const struct box_field object_type_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "name_plural", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "description", .type = BOX_TEXT, .otherwise = "null"},
	{.name = "api_create_only", .type = BOX_BOOLEAN, .otherwise = "false"},
	{.name = "editable_with_roles", .type = BOX_TEXTS, .otherwise = "[]"},
	{.name = "is_archived", .type = BOX_BOOLEAN, .otherwise = "false"},
	{NULL},
};

static const struct box_field email_template_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "subject", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "body", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "is_shared", .type = BOX_BOOLEAN, .otherwise = "false"},
	{.name = "attachments", .type = BOX_LIST, .items = attachments, .otherwise = "[]"},
	{NULL},
};

static const struct box_field sms_template_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "text", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "is_shared", .type = BOX_BOOLEAN, .otherwise = "false"},
	{.name = "status",
         .type = BOX_CHOICE,
         .choices = CHOICES("active", "archived"),
         .otherwise = "\"active\""},
	{.name = "attachments", .type = BOX_LIST, .items = attachments, .otherwise = "[]"},
	{NULL},
};

static const struct box_field sequence_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "timezone", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "status", .type = BOX_TEXT, .otherwise = "\"active\""},
	{.name = "steps", .type = BOX_ANYTHING, .flags = BOX_REQUIRED},
	{NULL},
};

static const struct box_field group_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{NULL},
};

static const struct box_field role_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "permissions", .type = BOX_TEXTS, .flags = BOX_REQUIRED},
	{.name = "visibility_user_lcf_ids", .type = BOX_TEXTS, .otherwise = "[]"},
	{.name = "visibility_user_lcf_behavior",
         .type = BOX_CHOICE,
         .choices = CHOICES("require_assignment", "allow_unassigned")},
	{NULL},
};

#define ACTIVITY_FILTERS                                                                           \
	CHOICES("lead_id", "contact_id", "user_id", "id", "_type", "date_created", "activity_at")
#define FIELD_KIND(name_, class_, path_, fields_)                                                  \
	{                                                                                          \
		.name = (name_), .class_name = (class_), .prefix = "cf", .path = (path_),          \
		.methods = all_methods, .fields = (fields_), .max_limit = usual_page,              \
		.custom = BOX_N_KINDS, .finish = box_finish_custom_field,                          \
		.render = box_render_custom_field                                                  \
	}

/* What is only ever named by others. */
#define NAMED_KIND(name_, class_, prefix_, path_, fields_)                                         \
	{                                                                                          \
		.name = (name_), .class_name = (class_), .prefix = (prefix_), .path = (path_),     \
		.methods = all_methods, .fields = (fields_), .max_limit = usual_page,              \
		.custom = BOX_N_KINDS                                                              \
	}

const struct box_kind box_kinds[BOX_N_KINDS] = {
	[BOX_LEAD] = {.name = "lead",
                      .class_name = "Lead",
                      .prefix = "lead",
                      .path = "/lead/",
                      .methods = all_methods,
                      .fields = lead_fields,
                      .filters = CHOICES("id", "status_id", "date_created", "date_updated"),
                      .max_limit = lead_page,
                      .has_typed_limits = true,
                      .custom = BOX_LEAD_FIELD,
                      .finish = box_finish_lead,
                      .render = box_render_lead},
	[BOX_CONTACT] = {.name = "contact",
                         .class_name = "Contact",
                         .prefix = "cont",
                         .path = "/contact/",
                         .methods = all_methods,
                         .fields = contact_fields,
                         .filters = CHOICES("lead_id", "id", "date_created", "date_updated"),
                         .max_limit = usual_page,
                         .custom = BOX_CONTACT_FIELD,
                         .finish = box_finish_contact,
                         .render = box_render_contact},
	[BOX_OPPORTUNITY] = {.name = "opportunity",
                             .class_name = "Opportunity",
                             .prefix = "oppo",
                             .path = "/opportunity/",
                             .methods = all_methods,
                             .fields = opportunity_fields,
                             .filters = CHOICES("lead_id", "id", "user_id", "status_id",
                                                "status_type", "status_label", "value_period",
                                                "date_won", "date_created", "date_updated"),
                             .max_limit = usual_page,
                             .custom = BOX_OPPORTUNITY_FIELD,
                             .finish = box_finish_opportunity,
                             .render = box_render_opportunity},
	[BOX_TASK] = {.name = "task",
                      .class_name = "Task",
                      .prefix = "task",
                      .path = "/task/",
                      .methods = all_methods,
                      .fields = task_fields,
                      .filters =
                              CHOICES("_type", "lead_id", "id", "assigned_to", "is_complete",
                                      "view", "date", "due_date", "date_created", "date_updated"),
                      .usual_type = "lead",
                      .max_limit = usual_page,
                      .custom = BOX_N_KINDS,
                      .finish = box_finish_task,
                      .render = box_render_task},
	[BOX_NOTE] = {.name = "activity.note",
                      .class_name = "Note",
                      .prefix = "acti",
                      .path = "/activity/note/",
                      .methods = all_methods,
                      .fields = note_fields,
                      .filters = ACTIVITY_FILTERS,
                      .max_limit = usual_page,
                      .custom = BOX_N_KINDS,
                      .finish = box_finish_note,
                      .render = box_render_activity},
	[BOX_CALL] = {.name = "activity.call",
                      .class_name = "Call",
                      .prefix = "acti",
                      .path = "/activity/call/",
                      .methods = all_methods,
                      .fields = call_fields,
                      .filters = ACTIVITY_FILTERS,
                      .max_limit = usual_page,
                      .custom = BOX_N_KINDS,
                      .finish = box_finish_call,
                      .render = box_render_activity},
	[BOX_EMAIL] = {.name = "activity.email",
                       .class_name = "Email",
                       .prefix = "acti",
                       .path = "/activity/email/",
                       .methods = all_methods,
                       .fields = email_fields,
                       .filters = ACTIVITY_FILTERS,
                       .max_limit = usual_page,
                       .custom = BOX_N_KINDS,
                       .finish = box_finish_email,
                       .render = box_render_activity},
	[BOX_CUSTOM_ACTIVITY] = {.name = "activity.custom_activity",
                                 .class_name = "CustomActivity",
                                 .prefix = "acti",
                                 .path = "/activity/custom/",
                                 .methods = all_methods,
                                 .fields = custom_activity_fields,
                                 .filters = CHOICES("lead_id", "contact_id", "user_id", "id",
                                                    "_type", "custom_activity_type_id",
                                                    "date_created", "activity_at"),
                                 .max_limit = usual_page,
                                 .custom = BOX_ACTIVITY_FIELD,
                                 .type_key = "custom_activity_type_id",
                                 .finish = box_finish_custom_activity,
                                 .render = box_render_activity},
	[BOX_CUSTOM_OBJECT] = {.name = "custom_object",
                               .class_name = "CustomObject",
                               .prefix = "coi",
                               .path = "/custom_object/",
                               .methods = all_methods,
                               .fields = custom_object_fields,
                               .filters = CHOICES("lead_id", "id", "custom_object_type_id"),
                               .max_limit = usual_page,
                               .custom = BOX_OBJECT_FIELD,
                               .type_key = "custom_object_type_id",
                               .finish = box_finish_custom_object},
	[BOX_LEAD_STATUS] = {.name = "status.lead",
                             .class_name = "LeadStatus",
                             .prefix = "stat",
                             .path = "/status/lead/",
                             .methods = all_methods,
                             .fields = lead_status_fields,
                             .max_limit = usual_page,
                             .custom = BOX_N_KINDS},
	[BOX_OPPORTUNITY_STATUS] = {.name = "status.opportunity",
                                    .class_name = "OpportunityStatus",
                                    .prefix = "stat",
                                    .path = "/status/opportunity/",
                                    .methods = all_methods,
                                    .fields = opportunity_status_fields,
                                    .max_limit = usual_page,
                                    .custom = BOX_N_KINDS,
                                    .finish = box_finish_opportunity_status,
                                    .render = box_render_opportunity_status},
	[BOX_PIPELINE] = {.name = "pipeline",
                          .class_name = "Pipeline",
                          .prefix = "pipe",
                          .path = "/pipeline/",
                          .methods = all_methods,
                          .fields = pipeline_fields,
                          .max_limit = usual_page,
                          .custom = BOX_N_KINDS,
                          .finish = box_finish_pipeline,
                          .render = box_render_pipeline},
	[BOX_USER] = {.name = "user",
                      .class_name = "User",
                      .prefix = "user",
                      .path = "/user/",
                      .methods = BOX_CAN_GET,
                      .fields = user_fields,
                      .max_limit = usual_page,
                      .custom = BOX_N_KINDS,
                      .render = box_render_user},
	[BOX_LEAD_FIELD] = FIELD_KIND("custom_fields.lead", "LeadCustomField",
                                      "/custom_field/lead/", own_field_fields),
	[BOX_CONTACT_FIELD] = FIELD_KIND("custom_fields.contact", "ContactCustomField",
                                         "/custom_field/contact/", own_field_fields),
	[BOX_OPPORTUNITY_FIELD] = FIELD_KIND("custom_fields.opportunity", "OpportunityCustomField",
                                             "/custom_field/opportunity/", own_field_fields),
	[BOX_ACTIVITY_FIELD] = FIELD_KIND("custom_fields.activity", "ActivityCustomField",
                                          "/custom_field/activity/", activity_field_fields),
	[BOX_OBJECT_FIELD] = FIELD_KIND("custom_fields.custom_object", "CustomObjectCustomField",
                                        "/custom_field/custom_object_type/", object_field_fields),
	[BOX_SHARED_FIELD] = FIELD_KIND("custom_fields.shared", "SharedCustomField",
                                        "/custom_field/shared/", shared_field_fields),
	[BOX_ACTIVITY_TYPE] = {.name = "custom_activity_type",
                               .class_name = "CustomActivityType",
                               .prefix = "actitype",
                               .path = "/custom_activity/",
                               .methods = all_methods,
                               .fields = activity_type_fields,
                               .max_limit = usual_page,
                               .custom = BOX_N_KINDS,
                               .finish = box_finish_type,
                               .render = box_render_type},
	[BOX_OBJECT_TYPE] = {.name = "custom_object_type",
                             .class_name = "CustomObjectType",
                             .prefix = "cotype",
                             .path = "/custom_object_type/",
                             .methods = all_methods,
                             .fields = object_type_fields,
                             .max_limit = usual_page,
                             .custom = BOX_N_KINDS,
                             .finish = box_finish_type,
                             .render = box_render_type},
	[BOX_EMAIL_TEMPLATE] = NAMED_KIND("email_template", "EmailTemplate", "tmpl",
                                          "/email_template/", email_template_fields),
	[BOX_SMS_TEMPLATE] = NAMED_KIND("sms_template", "SMSTemplate", "smstmpl", "/sms_template/",
                                        sms_template_fields),
	[BOX_SEQUENCE] = NAMED_KIND("sequence", "Sequence", "seq", "/sequence/", sequence_fields),
	[BOX_GROUP] = NAMED_KIND("group", "Group", "group", "/group/", group_fields),
	[BOX_ROLE] = NAMED_KIND("role", "Role", "role", "/role/", role_fields),
};

/* What else a kind is called. */
static const struct {
	const char *name, *means;
} other_names[] = {{"task.lead", "task"}, {"activity.custom", "activity.custom_activity"}};

const struct box_kind *box_kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof(other_names) / sizeof(other_names[0]); i++)
		if (strcmp(name, other_names[i].name) == 0)
			name = other_names[i].means;
	for (size_t i = 0; i < BOX_N_KINDS; i++)
		if (strcmp(box_kinds[i].name, name) == 0)
			return &box_kinds[i];
	return NULL;
}

/* What follows the kind's path in @path, or NULL. */
static const char *after(const char *path, const struct box_kind *kind)
{
	static const char old[] = "/custom_fields/", now[] = "/custom_field/";
	const char *expected = kind->path;

	if (strncmp(path, old, sizeof(old) - 1) == 0 &&
	    strncmp(expected, now, sizeof(now) - 1) == 0) {
		path += sizeof(old) - 1;
		expected += sizeof(now) - 1;
	}
	return strncmp(path, expected, strlen(expected)) == 0 ? path + strlen(expected) : NULL;
}

const struct box_kind *box_kind_of_path(const char *path, const char **ret_id)
{
	for (size_t i = 0; i < BOX_N_KINDS; i++) {
		const char *rest = after(path, &box_kinds[i]);

		if (!rest)
			continue;
		if (*rest && (rest[0] == '/' || rest[strcspn(rest, "/")] != '/' ||
		              rest[strcspn(rest, "/") + 1]))
			continue;
		*ret_id = *rest ? rest : NULL;
		return &box_kinds[i];
	}
	return NULL;
}

const struct box_field *box_kind_field(const struct box_kind *kind, const char *name)
{
	for (const struct box_field *f = kind->fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}
