#pragma once

/* The hooks of the kinds: what depends on several fields, and what Close computes for its answers.
 */

#include <json-c/json_object.h>

struct box_org;
struct box_write;

void box_finish_lead(struct box_write *write);
void box_finish_contact(struct box_write *write);
void box_finish_opportunity(struct box_write *write);
void box_finish_task(struct box_write *write);
void box_finish_note(struct box_write *write);
void box_finish_call(struct box_write *write);
void box_finish_email(struct box_write *write);
void box_finish_opportunity_status(struct box_write *write);
void box_finish_pipeline(struct box_write *write);
void box_finish_custom_field(struct box_write *write);
void box_finish_type(struct box_write *write);
void box_finish_custom_activity(struct box_write *write);
void box_finish_custom_object(struct box_write *write);

void box_finish_sms(struct box_write *write);
void box_finish_status_change(struct box_write *write);
void box_finish_comment(struct box_write *write);
void box_finish_sequence(struct box_write *write);
void box_finish_subscription(struct box_write *write);
void box_finish_shared_link_use(struct box_write *write);
void box_finish_group(struct box_write *write);
void box_finish_organization(struct box_write *write);
void box_finish_membership(struct box_write *write);
void box_finish_send_as(struct box_write *write);
void box_finish_phone_number(struct box_write *write);
void box_finish_bulk(struct box_write *write);
void box_finish_export(struct box_write *write);

/* What every kind of activity has in common. */
void box_finish_activity(struct box_write *write);

/* @key of the first item of the list @list, or NULL. */
const char *box_first_of(struct json_object *data, const char *list, const char *key);
/* The lead one of whose contacts has this number, or NULL. */
const char *box_lead_by_phone(const struct box_org *org, const char *phone);
/* Only drafts can be changed, and what is to be sent later needs to say when. */
void box_check_message(struct box_write *write);

void box_render_lead(struct box_org *org, struct json_object *data, struct json_object *out);
void box_render_contact(struct box_org *org, struct json_object *data, struct json_object *out);
void box_render_opportunity(struct box_org *org, struct json_object *data, struct json_object *out);
void box_render_task(struct box_org *org, struct json_object *data, struct json_object *out);
void box_render_activity(struct box_org *org, struct json_object *data, struct json_object *out);
void box_render_opportunity_status(struct box_org *org, struct json_object *data,
                                   struct json_object *out);
void box_render_pipeline(struct box_org *org, struct json_object *data, struct json_object *out);
void box_render_user(struct box_org *org, struct json_object *data, struct json_object *out);
void box_render_type(struct box_org *org, struct json_object *data, struct json_object *out);
void box_render_custom_field(struct box_org *org, struct json_object *data,
                             struct json_object *out);
void box_render_thread(struct box_org *org, struct json_object *data, struct json_object *out);
void box_render_comment_thread(struct box_org *org, struct json_object *data,
                               struct json_object *out);
void box_render_organization(struct box_org *org, struct json_object *data,
                             struct json_object *out);
void box_render_membership(struct box_org *org, struct json_object *data, struct json_object *out);
void box_render_playbook(struct box_org *org, struct json_object *data, struct json_object *out);
void box_render_smart_view(struct box_org *org, struct json_object *data, struct json_object *out);
void box_render_shared_link(struct box_org *org, struct json_object *data, struct json_object *out);
