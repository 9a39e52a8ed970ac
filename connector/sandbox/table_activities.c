#include "connector/sandbox/table.h"

const struct box_field box_attachments[] = {
	{.name = "url", .type = BOX_URL, .flags = BOX_REQUIRED},
	{.name = "filename", .type = BOX_TEXT, .flags = BOX_REQUIRED},
	{.name = "content_type", .type = BOX_TEXT},
	{.name = "size", .type = BOX_INTEGER},
	{.name = "content_id", .type = BOX_TEXT},
	{.name = "inline_only", .type = BOX_BOOLEAN},
	{NULL},
};

const struct box_field box_note_fields[] = {
	LEAD_ID(BOX_REQUIRED | BOX_CREATE_ONLY),
	{.name = "note", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	{.name = "note_html", .type = BOX_TEXT, .otherwise = "null"},
	{.name = "title", .type = BOX_TEXT, .otherwise = "null"},
	{.name = "pinned", .type = BOX_BOOLEAN, .otherwise = "false"},
	ACTIVITY,
	{NULL},
};

const struct box_field box_call_fields[] = {
	LEAD_ID(0),
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
	REFERENCE("outcome_id", BOX_OUTCOME),
	REFERENCE("playbook_id", BOX_PLAYBOOK),
	TEXT("conversation_type_id"),
	TEXT("quality_info"),
	ACTIVITY,
	{NULL},
};

static const struct box_field opens[] = {
	NEEDED("opened_at", BOX_MOMENT),
	TEXT("opened_by"),
	TEXT("ip_address"),
	{NULL},
};

const struct box_field box_email_fields[] = {
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
	{.name = "send_in", .type = BOX_INTEGER, .max = 59},
	TEXT("account_id"),
	{.name = "opens", .type = BOX_LIST, .items = opens, .otherwise = "[]"},
	REFERENCE("followup_sequence_id", BOX_SEQUENCE),
	{.name = "followup_sequence_delay", .type = BOX_INTEGER, .otherwise = "null"},
	BOOLEAN("followup_sequence_add_cc_bcc", "null"),
	ACTIVITY,
	{NULL},
};

const struct box_field box_custom_activity_fields[] = {
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

const struct box_field box_email_thread_fields[] = {
	LEAD_ID(BOX_REQUIRED | BOX_CREATE_ONLY),
	{.name = "latest_normalized_subject", .type = BOX_TEXT, .otherwise = "\"\""},
	ACTIVITY,
	{NULL},
};

const struct box_field box_sms_fields[] = {
	LEAD_ID(0),
	NEEDED_CHOICE("status", "inbox", "draft", "scheduled", "outbox", "sent", "error"),
	CHOICE("direction", NULL, "inbound", "outbound"),
	CHOICE("source", "\"External\"", "Close.io", "External"),
	{.name = "local_phone", .type = BOX_PHONE, .otherwise = "null"},
	{.name = "remote_phone", .type = BOX_PHONE, .otherwise = "null"},
	{.name = "text", .type = BOX_TEXT, .flags = BOX_EMPTY, .otherwise = "\"\""},
	REFERENCE("template_id", BOX_SMS_TEMPLATE),
	{.name = "date_scheduled", .type = BOX_MOMENT, .otherwise = "null"},
	{.name = "send_in", .type = BOX_INTEGER, .max = 59},
	ACTIVITY,
	{NULL},
};

const struct box_field box_whatsapp_fields[] = {
	LEAD_ID(BOX_REQUIRED | BOX_CREATE_ONLY),
	{.name = "contact_id", .type = BOX_REFERENCE, .ref = BOX_CONTACT, .flags = BOX_REQUIRED},
	{.name = "external_whatsapp_message_id",
         .type = BOX_TEXT,
         .flags = BOX_REQUIRED | BOX_CREATE_ONLY},
	NEEDED("activity_at", BOX_MOMENT),
	NEEDED_CHOICE("direction", "incoming", "outgoing"),
	NEEDED("local_phone", BOX_PHONE),
	NEEDED("remote_phone", BOX_PHONE),
	NEEDED("message_markdown", BOX_TEXT),
	{.name = "integration_link", .type = BOX_URL, .otherwise = "null"},
	REFERENCE("response_to_id", BOX_WHATSAPP),
	USER("user_id"),
	{.name = "attachments", .type = BOX_LIST, .items = box_attachments, .otherwise = "[]"},
	{NULL},
};

const struct box_field box_meeting_fields[] = {
	LEAD_ID(BOX_REQUIRED | BOX_CREATE_ONLY),
	TEXT("title"),
	TEXT("user_note_html"),
	REFERENCE("outcome_id", BOX_OUTCOME),
	CHOICE("status", "\"upcoming\"", "upcoming", "in-progress", "completed", "canceled",
               "declined-by-lead", "declined-by-org"),
	{.name = "starts_at", .type = BOX_MOMENT, .otherwise = "null"},
	{.name = "ends_at", .type = BOX_MOMENT, .otherwise = "null"},
	ACTIVITY,
	{NULL},
};

const struct box_field box_form_submission_fields[] = {
	LEAD_ID(BOX_REQUIRED | BOX_CREATE_ONLY),
	TEXT("form_id"),
	TEXT("form_name"),
	{.name = "values", .type = BOX_MAP, .otherwise = "{}"},
	ACTIVITY,
	{NULL},
};

#define STATUS_CHANGE(ref_)                                                                        \
	LEAD_ID(BOX_REQUIRED | BOX_CREATE_ONLY), REFERENCE("old_status_id", ref_),                 \
		REFERENCE("new_status_id", ref_), TEXT("old_status_label"),                        \
		TEXT("new_status_label")

const struct box_field box_status_change_lead_fields[] = {
	STATUS_CHANGE(BOX_LEAD_STATUS),
	ACTIVITY,
	{NULL},
};

const struct box_field box_status_change_opportunity_fields[] = {
	STATUS_CHANGE(BOX_OPPORTUNITY_STATUS),
	{.name = "opportunity_id",
         .type = BOX_REFERENCE,
         .ref = BOX_OPPORTUNITY,
         .flags = BOX_REQUIRED},
	ACTIVITY,
	{NULL},
};

const struct box_field box_task_completed_fields[] = {
	LEAD_ID(BOX_REQUIRED | BOX_CREATE_ONLY),
	REFERENCE("task_id", BOX_TASK),
	TEXT("task_text"),
	REFERENCE("task_assigned_to", BOX_USER),
	ACTIVITY,
	{NULL},
};

const struct box_field box_lead_merge_fields[] = {
	LEAD_ID(BOX_REQUIRED | BOX_CREATE_ONLY),
	TEXT("source_lead_id"),
	TEXT("source_lead_name"),
	ACTIVITY,
	{NULL},
};

const struct box_field box_comment_fields[] = {
	{.name = "object_id",
         .type = BOX_REFERENCE,
         .ref = BOX_N_KINDS,
         .flags = BOX_REQUIRED | BOX_CREATE_ONLY},
	{.name = "body", .type = BOX_TEXT, .flags = BOX_REQUIRED | BOX_NEEDED},
	{NULL},
};

const struct box_field box_comment_thread_fields[] = {
	{.name = "object_id", .type = BOX_TEXT},
	{NULL},
};
