#include "connector/sandbox/table.h"

const struct box_field box_user_fields[] = {
	{.name = "email", .type = BOX_EMAIL_TEXT},
	{.name = "first_name", .type = BOX_TEXT},
	{.name = "last_name", .type = BOX_TEXT},
	{NULL},
};

const struct box_field box_group_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED | BOX_NEEDED},
	{NULL},
};

const struct box_field box_role_fields[] = {
	{.name = "name", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "permissions", .type = BOX_TEXTS, .flags = BOX_REQUIRED},
	{.name = "visibility_user_lcf_ids", .type = BOX_TEXTS, .otherwise = "[]"},
	{.name = "visibility_user_lcf_behavior",
         .type = BOX_CHOICE,
         .choices = CHOICES("require_assignment", "allow_unassigned")},
	{NULL},
};

const struct box_field box_organization_fields[] = {
	NEEDED("name", BOX_TEXT),
	NEEDED("currency", BOX_TEXT),
	{NULL},
};

/* A role is one of the organization's or a word for one that all have: see the hook. */
const struct box_field box_membership_fields[] = {
	{.name = "email", .type = BOX_EMAIL_TEXT, .flags = BOX_REQUIRED | BOX_CREATE_ONLY},
	NEEDED("role_id", BOX_TEXT),
	CHOICE("auto_record_calls", "\"unset\"", "unset", "disabled", "enabled"),
	{.name = "user_id", .type = BOX_REFERENCE, .ref = BOX_USER, .flags = BOX_CREATE_ONLY},
	{NULL},
};

const struct box_field box_send_as_fields[] = {
	{.name = "allowing_user_id", .type = BOX_REFERENCE, .ref = BOX_USER, .flags = BOX_REQUIRED},
	{.name = "allowed_user_id", .type = BOX_REFERENCE, .ref = BOX_USER, .flags = BOX_REQUIRED},
	{NULL},
};

const struct box_field box_phone_number_fields[] = {
	{.name = "country", .type = BOX_TEXT, .flags = BOX_REQUIRED | BOX_CREATE_ONLY},
	{.name = "sharing",
         .type = BOX_CHOICE,
         .choices = CHOICES("personal", "group"),
         .flags = BOX_REQUIRED | BOX_CREATE_ONLY},
	{.name = "carrier_type",
         .type = BOX_CHOICE,
         .choices = CHOICES("local", "national", "mobile", "tollfree"),
         .flags = BOX_CREATE_ONLY,
         .otherwise = "null"},
	{.name = "prefix", .type = BOX_TEXT, .flags = BOX_CREATE_ONLY, .otherwise = "null"},
	{.name = "bundle_id", .type = BOX_TEXT, .flags = BOX_CREATE_ONLY, .otherwise = "null"},
	{.name = "with_sms", .type = BOX_BOOLEAN, .flags = BOX_CREATE_ONLY, .otherwise = "true"},
	{.name = "with_mms", .type = BOX_BOOLEAN, .flags = BOX_CREATE_ONLY, .otherwise = "true"},
	TEXT("label"),
	{.name = "forward_to", .type = BOX_PHONE, .otherwise = "null"},
	BOOLEAN("forward_to_enabled", "false"),
	BOOLEAN("press_1_to_accept", "false"),
	{.name = "voicemail_greeting_url", .type = BOX_URL, .otherwise = "null"},
	REFERENCES("participants", BOX_USER),
	{.name = "phone_numbers", .type = BOX_TEXTS, .otherwise = "[]"},
	{NULL},
};

const struct box_field box_blocked_number_fields[] = {
	{.name = "phone", .type = BOX_PHONE, .flags = BOX_REQUIRED | BOX_CREATE_ONLY},
	{.name = "reason", .type = BOX_TEXT, .flags = BOX_REQUIRED | BOX_NEEDED},
	{NULL},
};

const struct box_field box_unsubscribed_fields[] = {
	NEEDED("email", BOX_EMAIL_TEXT),
	{NULL},
};
