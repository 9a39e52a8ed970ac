#include "connector/sandbox/fields.h"
#include "connector/sandbox/org.h"
#include "connector/sandbox/rules.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The render hooks, kind by kind: what an answer shows besides what is stored. */

static void add_text(struct json_object *out, const char *key, const char *text)
{
	box_set(out, key, json_string(text));
}

static void add_list(struct json_object *out, const char *key)
{
	box_set(out, key, json_object_new_array());
}

/* Adds "created_by_name" for "created_by", and so on. */
static void add_user_name(const struct box_org *org, struct json_object *out, const char *id_key,
                          const char *name_key)
{
	char name[256];

	add_text(out, name_key,
	         box_org_user_name(org, json_get_string(out, id_key), name, sizeof(name)));
}

static void add_names(const struct box_org *org, struct json_object *out)
{
	add_user_name(org, out, "created_by", "created_by_name");
	add_user_name(org, out, "updated_by", "updated_by_name");
}

/* A member of the object that @id_key refers to. */
static const char *looked_up(const struct box_org *org, struct json_object *data,
                             const char *id_key, const char *member)
{
	const char *id = json_get_string(data, id_key);
	const struct box_object *object = id ? box_store_find(org->store, NULL, id) : NULL;

	return object ? json_get_string(object->data, member) : NULL;
}

static bool is_incomplete(const struct box_object *task)
{
	return !json_get_bool(task->data, "is_complete", false);
}

static void add_below(struct box_org *org, struct json_object *data, struct json_object *out)
{
	const struct box_list *below = box_store_below(org->store, json_get_string(data, "id"));
	struct json_object *ids = json_object_new_array(), *contacts = json_object_new_array(),
			   *opportunities = json_object_new_array(),
			   *tasks = json_object_new_array();

	for (size_t i = 0; i < below->n; i++) {
		const struct box_object *o = below->items[i];

		if (o->kind == &box_kinds[BOX_CONTACT]) {
			json_object_array_add(ids, json_object_new_string(o->id));
			json_object_array_add(contacts, box_org_render(org, o->kind, o->data));
		} else if (o->kind == &box_kinds[BOX_OPPORTUNITY]) {
			json_object_array_add(opportunities, box_org_render(org, o->kind, o->data));
		} else if (o->kind == &box_kinds[BOX_TASK] && is_incomplete(o)) {
			json_object_array_add(tasks, box_org_render(org, o->kind, o->data));
		}
	}
	box_set(out, "contact_ids", ids);
	box_set(out, "contacts", contacts);
	box_set(out, "opportunities", opportunities);
	box_set(out, "tasks", tasks);
}

/* The old way to show custom fields: by name, in an object. */
static void add_custom(const struct box_org *org, struct json_object *data, struct json_object *out)
{
	static const char prefix[] = "custom.";
	struct json_object *custom;

	if (!box_doubt_is(&org->doubts, DOUBT_CUSTOM_ANSWER, "shown"))
		return;
	custom = json_object_new_object();
	json_object_object_foreach(data, key, value)
	{
		const char *id = strncmp(key, prefix, strlen(prefix)) ? "" : key + strlen(prefix);
		const struct box_object *field = box_store_find(org->store, NULL, id);

		if (field)
			json_object_object_add(custom, json_get_string(field->data, "name"),
			                       json_object_get(value));
	}
	box_set(out, "custom", custom);
}

void box_render_lead(struct box_org *org, struct json_object *data, struct json_object *out)
{
	const char *name = json_get_string(data, "name");
	char url[128];

	(void)snprintf(url, sizeof(url), "https://app.close.com/lead/%s/",
	               json_get_string(data, "id"));
	add_text(out, "display_name", name && *name ? name : "Untitled");
	add_text(out, "html_url", url);
	add_text(out, "status_label", looked_up(org, data, "status_id", "label"));
	add_below(org, data, out);
	add_custom(org, data, out);
	add_list(out, "integration_links");
	add_names(org, out);
}

void box_render_contact(struct box_org *org, struct json_object *data, struct json_object *out)
{
	static const struct {
		const char *list, *key;
	} fall_back[] = {{"emails", "email"}, {"phones", "phone"}};
	const char *name = json_get_string(data, "name");

	for (size_t i = 0; i < 2 && (!name || !*name); i++) {
		struct json_object *items = json_get(data, fall_back[i].list);

		if (items && json_object_array_length(items))
			name = json_get_string(json_object_array_get_idx(items, 0),
			                       fall_back[i].key);
	}
	add_text(out, "display_name", name ? name : "");
	add_list(out, "integration_links");
	add_list(out, "subscriptions");
	add_names(org, out);
}

static void add_money(struct json_object *data, struct json_object *out)
{
	const char *period = json_get_string(data, "value_period");
	const int64_t cents = json_get_int(data, "value", 0);
	const int64_t confidence = json_get_int(data, "confidence", 0);
	const bool is_once = !period || strcmp(period, "one_time") == 0;
	const int64_t annual = period && strcmp(period, "monthly") == 0 ? cents * 12 : cents;
	char *text;

	text = cents % 100 ? mem_printf("$%lld.%02lld", (long long)cents / 100,
	                                (long long)llabs(cents % 100))
	                   : mem_printf("$%lld", (long long)cents / 100);
	if (!is_once) {
		char *with_period = mem_printf("%s %s", text, period);

		free(text);
		text = with_period;
	}
	add_text(out, "value_formatted", json_get(data, "value") ? text : NULL);
	free(text);
	add_text(out, "value_currency", "USD");
	box_set(out, "annualized_value", json_object_new_int64(annual));
	box_set(out, "expected_value", json_object_new_int64(cents * confidence / 100));
	box_set(out, "annualized_expected_value", json_object_new_int64(annual * confidence / 100));
}

void box_render_opportunity(struct box_org *org, struct json_object *data, struct json_object *out)
{
	const char *lead = looked_up(org, data, "lead_id", "name");

	add_text(out, "lead_name", lead && *lead ? lead : "Untitled");
	add_text(out, "status_label", looked_up(org, data, "status_id", "label"));
	add_text(out, "status_display_name", looked_up(org, data, "status_id", "label"));
	add_text(out, "status_type", looked_up(org, data, "status_id", "type"));
	/* A status may have moved to another pipeline since. */
	if (looked_up(org, data, "status_id", "pipeline_id"))
		add_text(out, "pipeline_id", looked_up(org, data, "status_id", "pipeline_id"));
	add_text(out, "pipeline_name", looked_up(org, out, "pipeline_id", "name"));
	add_text(out, "contact_name", looked_up(org, data, "contact_id", "name"));
	add_user_name(org, out, "user_id", "user_name");
	add_text(out, "date_lost", NULL);
	add_money(data, out);
	add_list(out, "integration_links");
	add_names(org, out);
}

void box_render_task(struct box_org *org, struct json_object *data, struct json_object *out)
{
	const char *date = json_get_string(data, "date"),
		   *now = json_get_string(data, "date_updated");
	const bool is_future = date && now && strncmp(date, now, strlen("2026-03-09")) > 0;

	add_text(out, "lead_name", looked_up(org, data, "lead_id", "name"));
	add_text(out, "contact_name", looked_up(org, data, "contact_id", "name"));
	add_user_name(org, out, "assigned_to", "assigned_to_name");
	add_text(out, "view",
	         json_get_bool(data, "is_complete", false) ? "archive"
	         : is_future                               ? "future"
	                                                   : "inbox");
	add_text(out, "object_type", NULL);
	add_text(out, "object_id", NULL);
	add_names(org, out);
}

void box_render_activity(struct box_org *org, struct json_object *data, struct json_object *out)
{
	const struct box_object *self =
		box_store_find(org->store, NULL, json_get_string(data, "id"));

	/* A deleted one is shown in the event log only, where its type stands beside it. */
	if (self)
		add_text(out, "_type", self->kind->class_name);
	add_user_name(org, out, "user_id", "user_name");
	add_names(org, out);
}

void box_render_opportunity_status(struct box_org *org, struct json_object *data,
                                   struct json_object *out)
{
	const char *name = box_doubt_value(&org->doubts, DOUBT_STATUS_TYPE);

	if (strcmp(name, "type") == 0)
		return;
	json_object_object_del(out, "type");
	add_text(out, name, json_get_string(data, "type"));
}

void box_render_pipeline(struct box_org *org, struct json_object *data, struct json_object *out)
{
	struct json_object *statuses = json_object_new_array();
	struct box_list all = {0};

	box_org_statuses(org, json_get_string(data, "id"), &all);
	for (size_t i = 0; i < all.n; i++)
		json_object_array_add(statuses,
		                      box_org_render(org, all.items[i]->kind, all.items[i]->data));
	free(all.items);
	box_set(out, "statuses", statuses);
}

void box_render_type(struct box_org *org, struct json_object *data, struct json_object *out)
{
	const struct box_object *type =
		box_store_find(org->store, NULL, json_get_string(data, "id"));
	const bool is_activity = type && type->kind == &box_kinds[BOX_ACTIVITY_TYPE];

	if (type) {
		const struct box_target target = {
			&box_kinds[is_activity ? BOX_CUSTOM_ACTIVITY : BOX_CUSTOM_OBJECT],
			type->id};

		box_set(out, "fields", box_fields_render(org, &target));
	}
}

void box_render_user(struct box_org *org, struct json_object *data, struct json_object *out)
{
	struct json_object *list = json_object_new_array(), *one = json_object_new_object();

	(void)data;
	add_text(one, "id", org->id);
	add_text(one, "name", "Sandbox");
	json_object_array_add(list, one);
	box_set(out, "organizations", list);
}

void box_render_custom_field(struct box_org *org, struct json_object *data, struct json_object *out)
{
	const struct box_object *field =
		box_store_find(org->store, NULL, json_get_string(data, "id"));
	const bool is_shared = field && field->kind == &box_kinds[BOX_SHARED_FIELD];

	box_set(out, "is_shared", json_object_new_boolean(is_shared));
	if (is_shared && !json_get(data, "associations"))
		add_list(out, "associations");
	if (!json_get(data, "choices"))
		json_object_object_del(out, "choices");
}
