#include "connector/sandbox/table.h"

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

const struct box_field box_lead_fields[] = {
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

const struct box_field box_contact_fields[] = {
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

const struct box_field box_opportunity_fields[] = {
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
	{.name = "attachments", .type = BOX_LIST, .items = box_attachments, .otherwise = "[]"},
	CREATED,
	{NULL},
};

const struct box_field box_task_fields[] = {
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
	{.name = "agent_config_id", .type = BOX_TEXT},
	CREATED,
	{NULL},
};

const struct box_field box_custom_object_fields[] = {
	TYPE_ID("custom_object_type_id", BOX_OBJECT_TYPE),
	LEAD_ID(BOX_REQUIRED | BOX_CREATE_ONLY),
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED | BOX_INDEXED},
	{NULL},
};
