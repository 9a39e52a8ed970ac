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

/* What every kind of activity has in common. */
void box_finish_activity(struct box_write *write);

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
