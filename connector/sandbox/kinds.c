#include "connector/sandbox/kinds.h"

#include "connector/sandbox/after.h"
#include "connector/sandbox/rules.h"
#include "connector/sandbox/table.h"
#include "connector/sandbox/webhook_rules.h"

#include <string.h>

enum {
	all_methods = BOX_CAN_GET | BOX_CAN_POST | BOX_CAN_PUT | BOX_CAN_DELETE,
	read_delete = BOX_CAN_GET | BOX_CAN_DELETE,
	usual_page = 100,
	lead_page = 200,
};

#define ACTIVITY_FILTERS                                                                           \
	CHOICES("lead_id", "contact_id", "user_id", "id", "_type", "date_created", "activity_at")
#define KIND(name_, class_, prefix_, path_, fields_, ...)                                          \
	{                                                                                          \
		.name = (name_), .class_name = (class_), .prefix = (prefix_), .path = (path_),     \
		.fields = (fields_), .max_limit = usual_page, .custom = BOX_N_KINDS, __VA_ARGS__   \
	}
#define BULK_KIND(name_, class_, prefix_, path_, fields_)                                          \
	KIND(name_, class_, prefix_, path_, fields_, .methods = BOX_CAN_GET | BOX_CAN_POST,        \
	     .finish = box_finish_bulk, .after = box_after_bulk)
#define FIELD_KIND(name_, class_, path_, fields_)                                                  \
	KIND(name_, class_, "cf", path_, fields_, .methods = all_methods,                          \
	     .finish = box_finish_custom_field, .render = box_render_custom_field)
/* An activity that can be made; what others make has its methods beside. */
#define ACTIVITY_KIND(name_, class_, path_, fields_, ...)                                          \
	KIND(name_, class_, "acti", path_, fields_, .render = box_render_activity, __VA_ARGS__)

const struct box_kind box_kinds[BOX_N_KINDS] = {
	[BOX_LEAD] = {.name = "lead",
                      .class_name = "Lead",
                      .prefix = "lead",
                      .path = "/lead/",
                      .methods = all_methods,
                      .fields = box_lead_fields,
                      .filters = CHOICES("id", "status_id", "date_created", "date_updated"),
                      .max_limit = lead_page,
                      .has_typed_limits = true,
                      .custom = BOX_LEAD_FIELD,
                      .finish = box_finish_lead,
                      .after = box_after_lead,
                      .render = box_render_lead},
	[BOX_CONTACT] = {.name = "contact",
                         .class_name = "Contact",
                         .prefix = "cont",
                         .path = "/contact/",
                         .methods = all_methods,
                         .fields = box_contact_fields,
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
                             .fields = box_opportunity_fields,
                             .filters = CHOICES("lead_id", "id", "user_id", "status_id",
                                                "status_type", "status_label", "value_period",
                                                "date_won", "date_created", "date_updated"),
                             .max_limit = usual_page,
                             .custom = BOX_OPPORTUNITY_FIELD,
                             .finish = box_finish_opportunity,
                             .after = box_after_opportunity,
                             .render = box_render_opportunity},
	[BOX_TASK] = {.name = "task",
                      .class_name = "Task",
                      .prefix = "task",
                      .path = "/task/",
                      .methods = all_methods,
                      .fields = box_task_fields,
                      .filters =
                              CHOICES("_type", "lead_id", "id", "assigned_to", "is_complete",
                                      "view", "date", "due_date", "date_created", "date_updated"),
                      .usual_type = "lead",
                      .max_limit = usual_page,
                      .custom = BOX_N_KINDS,
                      .finish = box_finish_task,
                      .after = box_after_task,
                      .render = box_render_task},
	[BOX_NOTE] = ACTIVITY_KIND("activity.note", "Note", "/activity/note/", box_note_fields,
                                   .methods = all_methods, .filters = ACTIVITY_FILTERS,
                                   .finish = box_finish_note),
	[BOX_CALL] = ACTIVITY_KIND("activity.call", "Call", "/activity/call/", box_call_fields,
                                   .methods = all_methods, .filters = ACTIVITY_FILTERS,
                                   .finish = box_finish_call),
	[BOX_EMAIL] = ACTIVITY_KIND("activity.email", "Email", "/activity/email/", box_email_fields,
                                    .methods = all_methods, .filters = ACTIVITY_FILTERS,
                                    .finish = box_finish_email, .after = box_after_email),
	[BOX_CUSTOM_ACTIVITY] = {.name = "activity.custom_activity",
                                 .class_name = "CustomActivity",
                                 .prefix = "acti",
                                 .path = "/activity/custom/",
                                 .methods = all_methods,
                                 .fields = box_custom_activity_fields,
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
                               .fields = box_custom_object_fields,
                               .filters = CHOICES("lead_id", "id", "custom_object_type_id"),
                               .needs = CHOICES("lead_id"),
                               .max_limit = usual_page,
                               .custom = BOX_OBJECT_FIELD,
                               .type_key = "custom_object_type_id",
                               .finish = box_finish_custom_object},
	[BOX_LEAD_STATUS] = KIND("status.lead", "LeadStatus", "stat", "/status/lead/",
                                 box_lead_status_fields, .methods = all_methods),
	[BOX_OPPORTUNITY_STATUS] = KIND(
		"status.opportunity", "OpportunityStatus", "stat", "/status/opportunity/",
		box_opportunity_status_fields, .methods = all_methods,
		.finish = box_finish_opportunity_status, .render = box_render_opportunity_status),
	[BOX_PIPELINE] = KIND("pipeline", "Pipeline", "pipe", "/pipeline/", box_pipeline_fields,
                              .methods = all_methods, .finish = box_finish_pipeline,
                              .render = box_render_pipeline),
	[BOX_USER] = KIND("user", "User", "user", "/user/", box_user_fields, .methods = BOX_CAN_GET,
                          .render = box_render_user),
	[BOX_LEAD_FIELD] = FIELD_KIND("custom_fields.lead", "LeadCustomField",
                                      "/custom_field/lead/", box_own_field_fields),
	[BOX_CONTACT_FIELD] = FIELD_KIND("custom_fields.contact", "ContactCustomField",
                                         "/custom_field/contact/", box_own_field_fields),
	[BOX_OPPORTUNITY_FIELD] = FIELD_KIND("custom_fields.opportunity", "OpportunityCustomField",
                                             "/custom_field/opportunity/", box_own_field_fields),
	[BOX_ACTIVITY_FIELD] = FIELD_KIND("custom_fields.activity", "ActivityCustomField",
                                          "/custom_field/activity/", box_activity_field_fields),
	[BOX_OBJECT_FIELD] =
		FIELD_KIND("custom_fields.custom_object", "CustomObjectCustomField",
                           "/custom_field/custom_object_type/", box_object_field_fields),
	[BOX_SHARED_FIELD] = FIELD_KIND("custom_fields.shared", "SharedCustomField",
                                        "/custom_field/shared/", box_shared_field_fields),
	[BOX_ACTIVITY_TYPE] =
		KIND("custom_activity_type", "CustomActivityType", "actitype", "/custom_activity/",
                     box_activity_type_fields, .methods = all_methods, .finish = box_finish_type,
                     .render = box_render_type),
	[BOX_OBJECT_TYPE] =
		KIND("custom_object_type", "CustomObjectType", "cotype", "/custom_object_type/",
                     box_object_type_fields, .methods = all_methods, .finish = box_finish_type,
                     .render = box_render_type),
	[BOX_EMAIL_TEMPLATE] = KIND("email_template", "EmailTemplate", "tmpl", "/email_template/",
                                    box_email_template_fields, .methods = all_methods),
	[BOX_SMS_TEMPLATE] = KIND("sms_template", "SMSTemplate", "smstmpl", "/sms_template/",
                                  box_sms_template_fields, .methods = all_methods),
	[BOX_SEQUENCE] = KIND("sequence", "Sequence", "seq", "/sequence/", box_sequence_fields,
                              .methods = all_methods, .finish = box_finish_sequence),
	[BOX_GROUP] = KIND("group", "Group", "group", "/group/", box_group_fields,
                           .methods = all_methods, .finish = box_finish_group),
	[BOX_ROLE] =
		KIND("role", "Role", "role", "/role/", box_role_fields, .methods = all_methods),
	[BOX_SMS] = ACTIVITY_KIND("activity.sms", "SMS", "/activity/sms/", box_sms_fields,
                                  .methods = all_methods, .filters = ACTIVITY_FILTERS,
                                  .finish = box_finish_sms, .after = box_after_message),
	[BOX_WHATSAPP] = ACTIVITY_KIND(
		"activity.whatsapp_message", "WhatsAppMessage", "/activity/whatsapp_message/",
		box_whatsapp_fields, .methods = all_methods,
		.filters = CHOICES("lead_id", "contact_id", "user_id", "id", "_type",
                                   "date_created", "activity_at", "external_whatsapp_message_id"),
		.finish = box_finish_activity),
	[BOX_EMAIL_THREAD] =
		KIND("activity.email_thread", "EmailThread", "acti", "/activity/emailthread/",
                     box_email_thread_fields, .methods = read_delete, .filters = ACTIVITY_FILTERS,
                     .finish = box_finish_activity, .render = box_render_thread),
	[BOX_MEETING] = ACTIVITY_KIND("activity.meeting", "Meeting", "/activity/meeting/",
                                      box_meeting_fields, .methods = read_delete | BOX_CAN_PUT,
                                      .filters = ACTIVITY_FILTERS, .finish = box_finish_activity),
	[BOX_FORM_SUBMISSION] = ACTIVITY_KIND(
		"activity.form_submission", "FormSubmission", "/activity/form_submission/",
		box_form_submission_fields, .methods = read_delete,
		.filters = CHOICES("lead_id", "contact_id", "user_id", "id", "_type",
                                   "date_created", "activity_at", "form_id"),
		.finish = box_finish_activity),
	[BOX_LEAD_STATUS_CHANGE] = ACTIVITY_KIND(
		"activity.lead_status_change", "LeadStatusChange", "/activity/status_change/lead/",
		box_status_change_lead_fields, .methods = read_delete | BOX_CAN_POST,
		.filters = ACTIVITY_FILTERS, .finish = box_finish_status_change),
	[BOX_OPPORTUNITY_STATUS_CHANGE] = ACTIVITY_KIND(
		"activity.opportunity_status_change", "OpportunityStatusChange",
		"/activity/status_change/opportunity/", box_status_change_opportunity_fields,
		.methods = read_delete | BOX_CAN_POST,
		.filters = CHOICES("lead_id", "contact_id", "user_id", "id", "_type",
                                   "date_created", "activity_at", "opportunity_id"),
		.finish = box_finish_status_change),
	[BOX_TASK_COMPLETED] = ACTIVITY_KIND("activity.task_completed", "TaskCompleted",
                                             "/activity/task_completed/", box_task_completed_fields,
                                             .methods = read_delete, .filters = ACTIVITY_FILTERS,
                                             .finish = box_finish_activity),
	[BOX_LEAD_MERGE] = ACTIVITY_KIND(
		"activity.lead_merge", "LeadMerge", "/activity/lead_merge/", box_lead_merge_fields,
		.methods = BOX_CAN_GET, .filters = ACTIVITY_FILTERS, .finish = box_finish_activity),
	[BOX_COMMENT] =
		KIND("comment", "Comment", "comm", "/comment/", box_comment_fields,
                     .methods = all_methods, .filters = CHOICES("object_id", "thread_id"),
                     .needs = CHOICES("object_id", "thread_id"), .finish = box_finish_comment),
	[BOX_COMMENT_THREAD] =
		KIND("comment_thread", "CommentThread", "commthread", "/comment_thread/",
                     box_comment_thread_fields, .methods = BOX_CAN_GET,
                     .filters = CHOICES("id", "object_id"), .render = box_render_comment_thread),
	[BOX_ORGANIZATION] =
		KIND("organization", "Organization", "orga", "/organization/",
                     box_organization_fields, .methods = BOX_CAN_GET | BOX_CAN_PUT,
                     .finish = box_finish_organization, .render = box_render_organization),
	[BOX_MEMBERSHIP] =
		KIND("membership", "Membership", "memb", "/membership/", box_membership_fields,
                     .methods = BOX_CAN_POST | BOX_CAN_PUT, .finish = box_finish_membership,
                     .after = box_after_membership, .render = box_render_membership),
	[BOX_SEND_AS] = KIND("send_as", "SendAs", "sdas", "/send_as/", box_send_as_fields,
                             .methods = read_delete | BOX_CAN_POST,
                             .filters = CHOICES("allowing_user_id", "allowed_user_id"),
                             .finish = box_finish_send_as),
	[BOX_PHONE_NUMBER] = KIND("phone_number", "PhoneNumber", "phon", "/phone_number/",
                                  box_phone_number_fields, .methods = read_delete | BOX_CAN_PUT,
                                  .filters = CHOICES("number", "user_id", "is_group_number"),
                                  .finish = box_finish_phone_number),
	[BOX_BLOCKED_NUMBER] =
		KIND("blocked_phone_number", "BlockedPhoneNumber", "blocked",
                     "/blocked_phone_number/", box_blocked_number_fields, .methods = all_methods),
	[BOX_UNSUBSCRIBED] =
		KIND("unsubscribed_email", "UnsubscribedEmail", "unsub", "/unsubscribe/email/",
                     box_unsubscribed_fields, .methods = BOX_CAN_GET | BOX_CAN_POST,
                     .after = box_after_unsubscribed),
	[BOX_OUTCOME] = KIND("outcome", "Outcome", "outcome", "/outcome/", box_outcome_fields,
                             .methods = all_methods),
	[BOX_PLAYBOOK] = KIND("playbook", "Playbook", "playbook", "/playbook/", box_playbook_fields,
                              .methods = all_methods, .render = box_render_playbook),
	[BOX_INTEGRATION_LINK] =
		KIND("integration_link", "IntegrationLink", "link", "/integration_link/",
                     box_integration_link_fields, .methods = all_methods),
	[BOX_WEBHOOK] = KIND("webhook", "WebhookSubscription", "whsub", "/webhook/",
                             box_webhook_fields, .methods = all_methods,
                             .finish = box_finish_webhook, .render = box_render_webhook),
	[BOX_SMART_VIEW] = KIND("saved_search", "SavedSearch", "save", "/saved_search/",
                                box_smart_view_fields, .methods = all_methods,
                                .filters = CHOICES("type"), .render = box_render_smart_view),
	[BOX_SCHEDULING_LINK] =
		KIND("scheduling_link", "SchedulingLink", "schedlink", "/scheduling_link/",
                     box_scheduling_link_fields, .methods = all_methods),
	[BOX_SHARED_LINK] = KIND("shared_scheduling_link", "SharedSchedulingLink", "sharedlink",
                                 "/shared_scheduling_link/", box_shared_link_fields,
                                 .methods = all_methods, .render = box_render_shared_link),
	[BOX_SHARED_LINK_USE] = KIND(
		"shared_scheduling_link_association", "SharedSchedulingLinkAssociation",
		"linkassoc", "/shared_scheduling_link_association/", box_shared_link_use_fields,
		.methods = BOX_CAN_POST, .finish = box_finish_shared_link_use),
	[BOX_SUBSCRIPTION] =
		KIND("sequence_subscription", "SequenceSubscription", "sub",
                     "/sequence_subscription/", box_subscription_fields, .methods = all_methods,
                     .filters = CHOICES("sequence_id", "contact_id", "lead_id"),
                     .needs = CHOICES("sequence_id", "contact_id", "lead_id"),
                     .finish = box_finish_subscription, .after = box_after_subscription),
	[BOX_BULK_EDIT] = BULK_KIND("bulk_action.edit", "BulkEdit", "bulkedit",
                                    "/bulk_action/edit/", box_bulk_edit_fields),
	[BOX_BULK_DELETE] = BULK_KIND("bulk_action.delete", "BulkDelete", "bulkdelete",
                                      "/bulk_action/delete/", box_bulk_delete_fields),
	[BOX_BULK_EMAIL] = BULK_KIND("bulk_action.email", "BulkEmail", "bulkemail",
                                     "/bulk_action/email/", box_bulk_email_fields),
	[BOX_BULK_SUBSCRIPTION] = BULK_KIND(
		"bulk_action.sequence_subscription", "BulkSequenceSubscription", "bulksub",
		"/bulk_action/sequence_subscription/", box_bulk_subscription_fields),
	[BOX_LEAD_EXPORT] = KIND("export.lead", "LeadExport", "exp", "/export/lead/",
                                 box_lead_export_fields, .methods = BOX_CAN_POST,
                                 .finish = box_finish_export, .after = box_after_export),
	[BOX_OPPORTUNITY_EXPORT] =
		KIND("export.opportunity", "OpportunityExport", "exp", "/export/opportunity/",
                     box_opportunity_export_fields, .methods = BOX_CAN_POST,
                     .finish = box_finish_export, .after = box_after_export),
};

/* "/activity/note/" is "activity.note". */
static bool is_path(const char *path, const char *name)
{
	for (path++; *path && *name; path++, name++)
		if (*path != *name && (*path != '/' || *name != '.'))
			return false;
	return !*name && strcmp(path, "/") == 0;
}

const struct box_kind *box_kind_find(const char *name)
{
	if (strcmp(name, "task.lead") == 0)
		return &box_kinds[BOX_TASK];
	for (size_t i = 0; i < BOX_N_KINDS; i++)
		if (strcmp(box_kinds[i].name, name) == 0 || is_path(box_kinds[i].path, name))
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
