#pragma once

/*
 * What the tables of fields are written with, and their names: kinds.c has a row for each kind of
 * object, table_*.c say what it is made of.
 */

#include "connector/sandbox/kinds.h"

#define CHOICES(...)                                                                               \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

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
#define CHOICE(name_, otherwise_, ...)                                                             \
	{                                                                                          \
		.name = (name_), .type = BOX_CHOICE, .choices = CHOICES(__VA_ARGS__),              \
		.otherwise = (otherwise_)                                                          \
	}
#define REFERENCE(name_, ref_)                                                                     \
	{                                                                                          \
		.name = (name_), .type = BOX_REFERENCE, .ref = (ref_), .otherwise = "null"         \
	}
#define REFERENCES(name_, ref_)                                                                    \
	{                                                                                          \
		.name = (name_), .type = BOX_REFERENCES, .ref = (ref_), .otherwise = "[]"          \
	}
#define TEXT(name_)                                                                                \
	{                                                                                          \
		.name = (name_), .type = BOX_TEXT, .otherwise = "null"                             \
	}
#define BOOLEAN(name_, otherwise_)                                                                 \
	{                                                                                          \
		.name = (name_), .type = BOX_BOOLEAN, .otherwise = (otherwise_)                    \
	}
#define NEEDED(name_, type_)                                                                       \
	{                                                                                          \
		.name = (name_), .type = (type_), .flags = BOX_REQUIRED                            \
	}
#define NEEDED_CHOICE(name_, ...)                                                                  \
	{                                                                                          \
		.name = (name_), .type = BOX_CHOICE, .flags = BOX_REQUIRED,                        \
		.choices = CHOICES(__VA_ARGS__)                                                    \
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
		.name = "attachments", .type = BOX_LIST, .items = box_attachments,                 \
		.otherwise = "[]"                                                                  \
	}

extern const struct box_field box_attachments[]; /* of e-mails, notes and templates */
extern const struct box_field box_lead_fields[];
extern const struct box_field box_contact_fields[];
extern const struct box_field box_opportunity_fields[];
extern const struct box_field box_task_fields[];
extern const struct box_field box_custom_object_fields[];
extern const struct box_field box_note_fields[];
extern const struct box_field box_call_fields[];
extern const struct box_field box_email_fields[];
extern const struct box_field box_custom_activity_fields[];
extern const struct box_field box_sms_fields[];
extern const struct box_field box_whatsapp_fields[];
extern const struct box_field box_email_thread_fields[];
extern const struct box_field box_meeting_fields[];
extern const struct box_field box_form_submission_fields[];
extern const struct box_field box_status_change_lead_fields[];
extern const struct box_field box_status_change_opportunity_fields[];
extern const struct box_field box_task_completed_fields[];
extern const struct box_field box_lead_merge_fields[];
extern const struct box_field box_lead_status_fields[];
extern const struct box_field box_opportunity_status_fields[];
extern const struct box_field box_pipeline_fields[];
extern const struct box_field box_own_field_fields[];
extern const struct box_field box_activity_field_fields[];
extern const struct box_field box_object_field_fields[];
extern const struct box_field box_shared_field_fields[];
extern const struct box_field box_activity_type_fields[];
extern const struct box_field box_object_type_fields[];
extern const struct box_field box_email_template_fields[];
extern const struct box_field box_sms_template_fields[];
extern const struct box_field box_sequence_fields[];
extern const struct box_field box_outcome_fields[];
extern const struct box_field box_playbook_fields[];
extern const struct box_field box_integration_link_fields[];
extern const struct box_field box_webhook_fields[];
extern const struct box_field box_smart_view_fields[];
extern const struct box_field box_scheduling_link_fields[];
extern const struct box_field box_shared_link_fields[];
extern const struct box_field box_shared_link_use_fields[];
extern const struct box_field box_user_fields[];
extern const struct box_field box_group_fields[];
extern const struct box_field box_role_fields[];
extern const struct box_field box_organization_fields[];
extern const struct box_field box_membership_fields[];
extern const struct box_field box_send_as_fields[];
extern const struct box_field box_phone_number_fields[];
extern const struct box_field box_blocked_number_fields[];
extern const struct box_field box_unsubscribed_fields[];
extern const struct box_field box_comment_fields[];
extern const struct box_field box_comment_thread_fields[];
extern const struct box_field box_subscription_fields[];
extern const struct box_field box_bulk_edit_fields[];
extern const struct box_field box_bulk_delete_fields[];
extern const struct box_field box_bulk_email_fields[];
extern const struct box_field box_bulk_subscription_fields[];
extern const struct box_field box_lead_export_fields[];
extern const struct box_field box_opportunity_export_fields[];
