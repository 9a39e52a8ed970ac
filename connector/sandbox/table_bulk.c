#include "connector/sandbox/table.h"

/* What is done to many leads at once, and what of it lasts: subscriptions and exports. */

static const struct box_field sort_keys[] = {
	CHOICE("direction", "\"asc\"", "asc", "desc"),
	{.name = "field", .type = BOX_MAP},
	{NULL},
};

/* Which leads it is about; nothing of it means all. */
#define SELECTION                                                                                  \
	{.name = "s_query", .type = BOX_MAP, .otherwise = "null"},                                 \
		{.name = "results_limit", .type = BOX_INTEGER, .otherwise = "null"},               \
		{.name = "sort", .type = BOX_LIST, .items = sort_keys, .otherwise = "[]"},         \
		TEXT("query"), BOOLEAN("send_done_email", "true")

const struct box_field box_bulk_edit_fields[] = {
	SELECTION,
	NEEDED_CHOICE("type", "set_lead_status", "clear_custom_field", "set_custom_field"),
	REFERENCE("lead_status_id", BOX_LEAD_STATUS),
	TEXT("custom_field_id"),
	TEXT("custom_field_name"),
	{.name = "custom_field_value", .type = BOX_ANYTHING, .otherwise = "null"},
	{.name = "custom_field_values", .type = BOX_ANYTHING, .otherwise = "null"},
	CHOICE("custom_field_operation", "\"replace\"", "replace", "add", "remove"),
	{NULL},
};

const struct box_field box_bulk_delete_fields[] = {
	SELECTION,
	{NULL},
};

const struct box_field box_bulk_email_fields[] = {
	SELECTION,
	{.name = "template_id",
         .type = BOX_REFERENCE,
         .ref = BOX_EMAIL_TEMPLATE,
         .flags = BOX_REQUIRED},
	TEXT("sender"),
	TEXT("email_account_id"),
	CHOICE("contact_preference", "\"lead\"", "lead", "contact"),
	{NULL},
};

#define SENDER                                                                                     \
	TEXT("sender_account_id"), TEXT("sender_name"),                                            \
		{.name = "sender_email", .type = BOX_EMAIL_TEXT, .otherwise = "null"},             \
	{                                                                                          \
		.name = "calls_assigned_to", .type = BOX_TEXTS, .otherwise = "null"                \
	}

const struct box_field box_bulk_subscription_fields[] = {
	SELECTION,
	NEEDED_CHOICE("action_type", "subscribe", "resume", "resume_finished", "pause"),
	REFERENCE("sequence_id", BOX_SEQUENCE),
	SENDER,
	CHOICE("contact_preference", "\"lead\"", "lead", "contact"),
	TEXT("from_phone_number_id"),
	{NULL},
};

const struct box_field box_subscription_fields[] = {
	{.name = "sequence_id",
         .type = BOX_REFERENCE,
         .ref = BOX_SEQUENCE,
         .flags = BOX_REQUIRED | BOX_CREATE_ONLY},
	{.name = "contact_id",
         .type = BOX_REFERENCE,
         .ref = BOX_CONTACT,
         .flags = BOX_REQUIRED | BOX_CREATE_ONLY},
	{.name = "contact_email",
         .type = BOX_EMAIL_TEXT,
         .flags = BOX_CREATE_ONLY,
         .otherwise = "null"},
	SENDER,
	CHOICE("status", "\"active\"", "active", "paused"),
	{NULL},
};

#define FORMAT                                                                                     \
	CHOICE("format", "\"csv\"", "csv", "json"),                                                \
		CHOICE("date_format", "\"original\"", "original", "iso8601", "excel"),             \
		{.name = "fields", .type = BOX_TEXTS, .otherwise = "null"},                        \
		BOOLEAN("send_done_email", "true"), BOOLEAN("include_activities", "false"),        \
		BOOLEAN("include_addresses", "false"), BOOLEAN("include_custom_objects", "false"), \
		BOOLEAN("include_smart_fields", "false")

const struct box_field box_lead_export_fields[] = {
	FORMAT,
	CHOICE("type", "\"leads\"", "leads", "contacts", "lead_opps"),
	{.name = "s_query", .type = BOX_MAP, .otherwise = "null"},
	{.name = "results_limit", .type = BOX_INTEGER, .otherwise = "null"},
	{.name = "sort", .type = BOX_LIST, .items = sort_keys, .otherwise = "[]"},
	{NULL},
};

const struct box_field box_opportunity_export_fields[] = {
	FORMAT,
	{.name = "params", .type = BOX_MAP, .otherwise = "null"},
	{NULL},
};
