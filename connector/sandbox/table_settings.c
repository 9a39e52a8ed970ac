#include "connector/sandbox/table.h"

const struct box_field box_lead_status_fields[] = {
	{.name = "label", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "color", .type = BOX_TEXT},
	{NULL},
};

const struct box_field box_opportunity_status_fields[] = {
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

const struct box_field box_pipeline_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
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

const struct box_field box_own_field_fields[] = {
	CUSTOM_FIELD(0),
	{NULL},
};

const struct box_field box_activity_field_fields[] = {
	CUSTOM_FIELD(BOX_LOCKED),
	TYPE_ID("custom_activity_type_id", BOX_ACTIVITY_TYPE),
	{.name = "required", .type = BOX_BOOLEAN, .otherwise = "false"},
	{NULL},
};

const struct box_field box_object_field_fields[] = {
	CUSTOM_FIELD(BOX_LOCKED),
	TYPE_ID("custom_object_type_id", BOX_OBJECT_TYPE),
	{.name = "required", .type = BOX_BOOLEAN, .otherwise = "false"},
	{NULL},
};

const struct box_field box_shared_field_fields[] = {
	CUSTOM_FIELD(BOX_LOCKED),
	{NULL},
};

const struct box_field box_activity_type_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "description", .type = BOX_TEXT, .otherwise = "null"},
	{.name = "api_create_only", .type = BOX_BOOLEAN, .otherwise = "false"},
	{.name = "editable_with_roles", .type = BOX_TEXTS, .otherwise = "[]"},
	{.name = "is_archived", .type = BOX_BOOLEAN, .otherwise = "false"},
	{NULL},
};

const struct box_field box_object_type_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "name_plural", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "description", .type = BOX_TEXT, .otherwise = "null"},
	{.name = "api_create_only", .type = BOX_BOOLEAN, .otherwise = "false"},
	{.name = "editable_with_roles", .type = BOX_TEXTS, .otherwise = "[]"},
	{.name = "is_archived", .type = BOX_BOOLEAN, .otherwise = "false"},
	{NULL},
};

const struct box_field box_email_template_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "subject", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "body", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "is_shared", .type = BOX_BOOLEAN, .otherwise = "false"},
	BOOLEAN("is_archived", "false"),
	{.name = "attachments", .type = BOX_LIST, .items = box_attachments, .otherwise = "[]"},
	{NULL},
};

const struct box_field box_sms_template_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "text", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "is_shared", .type = BOX_BOOLEAN, .otherwise = "false"},
	{.name = "status",
         .type = BOX_CHOICE,
         .choices = CHOICES("active", "archived"),
         .otherwise = "\"active\""},
	{.name = "attachments", .type = BOX_LIST, .items = box_attachments, .otherwise = "[]"},
	{NULL},
};

static const struct box_field steps[] = {
	NEEDED_CHOICE("step_type", "email", "sms", "call"),
	NEEDED("delay", BOX_INTEGER),
	{.name = "email_template_id", .type = BOX_REFERENCE, .ref = BOX_EMAIL_TEMPLATE},
	{.name = "sms_template_id", .type = BOX_REFERENCE, .ref = BOX_SMS_TEMPLATE},
	CHOICE("threading", NULL, "new_thread", "old_thread"),
	{.name = "required", .type = BOX_BOOLEAN},
	{.name = "id", .type = BOX_TEXT},
	{NULL},
};

const struct box_field box_sequence_fields[] = {
	NEEDED("name", BOX_TEXT),
	NEEDED("timezone", BOX_TEXT),
	{.name = "schedule", .type = BOX_MAP, .otherwise = "null"},
	CHOICE("status", "\"active\"", "active", "paused", "draft"),
	{.name = "steps", .type = BOX_LIST, .items = steps, .flags = BOX_REQUIRED},
	{NULL},
};

const struct box_field box_outcome_fields[] = {
	NEEDED("name", BOX_TEXT),
	TEXT("description"),
	CHOICE("type", "\"custom\"", "vm-dropped", "custom"),
	{.name = "applies_to",
         .type = BOX_TEXTS,
         .choices = CHOICES("calls", "meetings"),
         .otherwise = "[\"calls\",\"meetings\"]"},
	{NULL},
};

const struct box_field box_playbook_fields[] = {
	NEEDED("name", BOX_TEXT),
	TEXT("description"),
	TEXT("summary_guidance"),
	REFERENCES("custom_field_ids", BOX_N_KINDS),
	REFERENCES("outcome_ids", BOX_OUTCOME),
	{NULL},
};

/* The url is a template, so it need not be one yet. */
const struct box_field box_integration_link_fields[] = {
	NEEDED("name", BOX_TEXT),
	NEEDED_CHOICE("type", "lead", "contact", "opportunity"),
	NEEDED("url", BOX_TEXT),
	{NULL},
};

static const struct box_field webhook_events[] = {
	NEEDED("object_type", BOX_TEXT),
	NEEDED("action", BOX_TEXT),
	{.name = "extra_filter", .type = BOX_MAP},
	{NULL},
};

const struct box_field box_webhook_fields[] = {
	NEEDED("url", BOX_URL),
	{.name = "events", .type = BOX_LIST, .items = webhook_events, .flags = BOX_REQUIRED},
	{.name = "event_filter", .type = BOX_MAP, .otherwise = "null"},
	BOOLEAN("verify_ssl", "true"),
	CHOICE("status", "\"active\"", "active", "paused"),
	{NULL},
};

const struct box_field box_smart_view_fields[] = {
	NEEDED("name", BOX_TEXT),
	{.name = "type",
         .type = BOX_CHOICE,
         .choices = CHOICES("lead", "contact"),
         .flags = BOX_CREATE_ONLY,
         .otherwise = "\"lead\""},
	{.name = "s_query", .type = BOX_MAP, .otherwise = "null"},
	TEXT("query"),
	TEXT("description"),
	{.name = "selected_fields", .type = BOX_ANYTHING, .otherwise = "null"},
	{.name = "sharing_settings", .type = BOX_MAP, .otherwise = "null"},
	{NULL},
};

/* The last three come from the integrations that make links for people. */
const struct box_field box_scheduling_link_fields[] = {
	NEEDED("name", BOX_TEXT),
	NEEDED("url", BOX_URL),
	TEXT("description"),
	TEXT("source_id"),
	TEXT("source_type"),
	{.name = "duration_in_minutes", .type = BOX_INTEGER, .otherwise = "null"},
	{NULL},
};

const struct box_field box_shared_link_fields[] = {
	NEEDED("name", BOX_TEXT),
	TEXT("description"),
	{NULL},
};

const struct box_field box_shared_link_use_fields[] = {
	{.name = "shared_scheduling_link_id",
         .type = BOX_REFERENCE,
         .ref = BOX_SHARED_LINK,
         .flags = BOX_REQUIRED},
	REFERENCE("user_scheduling_link_id", BOX_SCHEDULING_LINK),
	{.name = "url", .type = BOX_URL, .otherwise = "null"},
	{NULL},
};
