#include "connector/close/reconcile_private.h"

#include "connector/close/catalogue.h"

#include <string.h>

/* What the log, and search, call a kind by another name than the catalogue. */
static const struct {
	const char *object, *type;
} other_names[] = {
	{"activity.custom", "activity.custom_activity"},
	{"activity.status_change.lead", "activity.lead_status_change"},
	{"activity.status_change.opportunity", "activity.opportunity_status_change"},
	{"task", "task.lead"},
	{"custom_field.lead", "custom_fields.lead"},
	{"custom_field.contact", "custom_fields.contact"},
	{"custom_field.opportunity", "custom_fields.opportunity"},
	{"custom_field.activity", "custom_fields.activity"},
	{"custom_field.custom_object_type", "custom_fields.custom_object"},
	{"custom_field.shared", "custom_fields.shared"},
};

/*
 * Lists that take no _limit and _skip: they are told whole. That of custom objects ignores them.
 */
static const char *const whole[] = {
	"comment",     "custom_activity_type", "custom_field.custom_object_type",
	"pipeline",    "custom_field.shared",  "custom_object_type",
	"group",       "integration_link",     "role",
	"send_as",     "scheduling_link",      "shared_scheduling_link",
	"status.lead", "status.opportunity",   "webhook",
};

const char *crm_type_of(const char *object)
{
	for (size_t i = 0; i < sizeof(other_names) / sizeof(other_names[0]); i++)
		if (strcmp(other_names[i].object, object) == 0)
			return other_names[i].type;
	return object;
}

static bool ends_with(const char *text, const char *end)
{
	const size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* What is posted to the list it is then in, and can be found there. */
static bool is_maker(const struct operation *op)
{
	return op->method == METHOD_POST && *op->lookup && ends_with(op->name, ".create") &&
	       !strchr(op->path, '{');
}

static const struct operation *maker_of(const char *object)
{
	const struct operation_set *set = crm_catalogue();

	for (size_t i = 0; i < set->n; i++)
		if (is_maker(&set->items[i]) && strcmp(set->items[i].object, object) == 0)
			return &set->items[i];
	return NULL;
}

static bool is_whole(const char *object)
{
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (strcmp(whole[i], object) == 0)
			return true;
	return false;
}

/* Which key of what was sent its list can be cut to. */
static const char *cut_by(const struct operation *op)
{
	if (strcmp(op->object, "comment") == 0)
		return "object_id";
	return strcmp(op->lookup, "name") == 0 ? NULL : "lead_id";
}

bool crm_place_of(const char *object, struct crm_place *ret)
{
	const struct operation *op = maker_of(object);

	/* Of all leads there is no list that is short. */
	if (!op || strcmp(object, "lead") == 0)
		return false;
	*ret = (struct crm_place){
		.path = op->path,
		.by = cut_by(op),
		.has_dates = strncmp(object, "activity.", strlen("activity.")) == 0 ||
	                     strcmp(object, "task") == 0,
		.has_pages = !is_whole(object),
		.more = strcmp(object, "task") == 0 ? "&_type=all" : "",
	};
	return true;
}

bool crm_content_knows(const struct operation *op)
{
	return op && is_maker(op);
}

const char *crm_list_key(const char *object)
{
	struct crm_place place;

	return crm_place_of(object, &place) ? place.by : NULL;
}

bool crm_has_list(const char *object)
{
	struct crm_place place;

	return crm_place_of(object, &place);
}
