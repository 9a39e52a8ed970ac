#include "connector/sandbox/old_query_node.h"

#include "connector/sandbox/fields.h"
#include "connector/sandbox/old_query_date.h"
#include "connector/sandbox/validate.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/moment.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What a value is compared as. */
enum as { AS_TEXT, AS_EMAIL, AS_PHONE, AS_MOMENT, AS_NUMBER, AS_USER, AS_STATUS, AS_ID, AS_COUNT };

/* The keys, and where their values stand: in the lead, or in what belongs to it. */
static const struct key {
	const char *name;
	const char *related[2]; /* from the lead on; NULL: the lead itself */
	const char *field;      /* AS_COUNT: none */
	enum as as;
	enum box_kind_id status;
} keys[] = {
	{"id", {NULL}, "id", AS_ID, 0},
	{"lead_id", {NULL}, "id", AS_ID, 0},
	{"name", {NULL}, "name", AS_TEXT, 0},
	{"display_name", {NULL}, "name", AS_TEXT, 0},
	{"lead_name", {NULL}, "name", AS_TEXT, 0},
	{"company", {NULL}, "name", AS_TEXT, 0},
	{"description", {NULL}, "description", AS_TEXT, 0},
	{"url", {NULL}, "url", AS_TEXT, 0},
	{"status_id", {NULL}, "status_id", AS_TEXT, 0},
	{"lead_status_id", {NULL}, "status_id", AS_TEXT, 0},
	{"status", {NULL}, "status_id", AS_STATUS, BOX_LEAD_STATUS},
	{"lead_status", {NULL}, "status_id", AS_STATUS, BOX_LEAD_STATUS},
	{"created", {NULL}, "date_created", AS_MOMENT, 0},
	{"date_created", {NULL}, "date_created", AS_MOMENT, 0},
	{"updated", {NULL}, "date_updated", AS_MOMENT, 0},
	{"date_updated", {NULL}, "date_updated", AS_MOMENT, 0},
	{"created_by", {NULL}, "created_by", AS_USER, 0},
	{"updated_by", {NULL}, "updated_by", AS_USER, 0},
	{"contact", {"contact"}, "name", AS_TEXT, 0},
	{"contact_name", {"contact"}, "name", AS_TEXT, 0},
	{"contact_title", {"contact"}, "title", AS_TEXT, 0},
	{"title", {"contact"}, "title", AS_TEXT, 0},
	{"email", {"contact", "contact_email"}, "email", AS_EMAIL, 0},
	{"email_address", {"contact", "contact_email"}, "email", AS_EMAIL, 0},
	{"phone", {"contact", "contact_phone"}, "phone", AS_PHONE, 0},
	{"phone_number", {"contact", "contact_phone"}, "phone", AS_PHONE, 0},
	{"address", {"address"}, "address_1", AS_TEXT, 0},
	{"city", {"address"}, "city", AS_TEXT, 0},
	{"state", {"address"}, "state", AS_TEXT, 0},
	{"zip", {"address"}, "zipcode", AS_TEXT, 0},
	{"zipcode", {"address"}, "zipcode", AS_TEXT, 0},
	{"country", {"address"}, "country", AS_TEXT, 0},
	{"opportunity_status", {"opportunity"}, "status_id", AS_STATUS, BOX_OPPORTUNITY_STATUS},
	{"opportunity_value", {"opportunity"}, "value", AS_NUMBER, 0},
	{"opportunity_confidence", {"opportunity"}, "confidence", AS_NUMBER, 0},
	{"contacts", {"contact"}, NULL, AS_COUNT, 0},
	{"num_contacts", {"contact"}, NULL, AS_COUNT, 0},
	{"opportunities", {"opportunity"}, NULL, AS_COUNT, 0},
	{"num_opportunities", {"opportunity"}, NULL, AS_COUNT, 0},
	{"tasks", {"task.lead"}, NULL, AS_COUNT, 0},
	{"num_tasks", {"task.lead"}, NULL, AS_COUNT, 0},
};

/* An object of texts: name, value, …, NULL. Names are static. */
static struct json_object *object_of(const char *name, ...)
{
	struct json_object *o = json_object_new_object();
	va_list args;

	va_start(args, name);
	for (; name; name = va_arg(args, const char *))
		box_set(o, name, json_string(va_arg(args, const char *)));
	va_end(args);
	return o;
}

struct json_object *box_old_everything(void)
{
	return object_of("type", "match_all", NULL);
}

struct json_object *box_old_group(const char *type, struct json_object *parts)
{
	struct json_object *node;

	if (json_object_array_length(parts) == 1) {
		node = json_object_get(json_object_array_get_idx(parts, 0));
		json_object_put(parts);
		return node;
	}
	node = object_of("type", type, NULL);
	box_set(node, "queries", parts);
	return node;
}

static struct json_object *pair(const char *type, struct json_object *a, struct json_object *b)
{
	struct json_object *parts = json_object_new_array();

	json_object_array_add(parts, a);
	json_object_array_add(parts, b);
	return box_old_group(type, parts);
}

void box_old_negate(struct json_object *node)
{
	box_set(node, "negate", json_object_new_boolean(!json_get_bool(node, "negate", false)));
}

static struct json_object *related(const char *this, const char *other, struct json_object *inner)
{
	struct json_object *node = object_of("type", "has_related", "this_object_type", this,
	                                     "related_object_type", other, NULL);

	box_set(node, "related_query", inner);
	return node;
}

struct json_object *box_old_word(const char *word)
{
	struct json_object *lead = object_of("type", "text", "mode", "phrase", "value", word, NULL);
	struct json_object *contact = json_object_get(lead);

	return pair("or", lead, related("lead", "contact", contact));
}

/* A field_condition on @field, and the way to it from the lead. */
static struct json_object *on_field(const struct key *key, struct json_object *condition)
{
	const char *way[] = {"lead", key->related[0], key->related[1]};
	const size_t n = !way[1] ? 0 : way[2] ? 2 : 1;
	struct json_object *node = object_of("type", "field_condition", NULL);

	box_set(node, "field",
	        object_of("type", "regular_field", "object_type", way[n], "field_name", key->field,
	                  NULL));
	box_set(node, "condition", condition);
	for (size_t i = n; i > 0; i--)
		node = related(way[i - 1], way[i], node);
	return node;
}

static struct json_object *on_custom(const char *id, struct json_object *condition)
{
	struct json_object *node = object_of("type", "field_condition", NULL);

	box_set(node, "field", object_of("type", "custom_field", "custom_field_id", id, NULL));
	box_set(node, "condition", condition);
	return node;
}

static struct json_object *text_of(const char *mode, const char *value)
{
	return object_of("type", "text", "mode", mode, "value", value, NULL);
}

/* "North*" is the beginning of a word. */
static struct json_object *text_condition(const struct old_condition *c)
{
	const size_t len = strlen(c->value);
	struct json_object *condition;
	char *begin;

	if (c->sign != OLD_HAS)
		return text_of("exact_value", c->value);
	if (!len || c->value[len - 1] != '*')
		return text_of("phrase", c->value);
	begin = mem_dup(c->value, len - 1);
	condition = text_of("beginning_of_words", begin);
	free(begin);
	return condition;
}

static struct json_object *email_condition(const struct old_condition *c)
{
	const char *at = strchr(c->value, '@');

	return at && at != c->value ? text_of("exact_value", c->value) : text_condition(c);
}

/* As it is stored: with a plus sign, and nothing but digits. */
static struct json_object *phone_condition(const struct old_condition *c)
{
	static const struct box_field phone = {.name = "phone", .type = BOX_PHONE};
	const struct box_check check = {0};
	struct json_object *text = json_object_new_string(c->value), *clean = NULL, *error = NULL;
	struct json_object *condition;

	if (box_validate(&phone, text, &check, &clean, &error))
		condition = text_of("exact_value", json_object_get_string(clean));
	else
		condition = text_condition(c);
	json_object_put(clean);
	json_object_put(error);
	json_object_put(text);
	return condition;
}

static void set_bound(struct json_object *condition, const char *name, int64_t us)
{
	char text[moment_bytes];

	box_set(condition, name,
	        object_of("type", "fixed_utc", "value", moment_text(us, text), NULL));
}

/* A day, a minute or a second is a stretch of time: "after it" begins where it ends. */
static struct json_object *moment_condition(const struct old_condition *c, struct err *err)
{
	struct json_object *condition;
	int64_t from_us, to_us;

	if (!box_old_date(c->clock, c->value, &from_us, &to_us)) {
		(void)err_set(err, -EINVAL, "Invalid query: %s: \"%s\" is no date.", c->key,
		              c->value);
		return NULL;
	}
	condition = object_of("type", "moment_range", NULL);
	if (c->sign == OLD_GT)
		set_bound(condition, "on_or_after", to_us);
	else if (c->sign != OLD_LT && c->sign != OLD_LTE)
		set_bound(condition, "on_or_after", from_us);
	if (c->sign == OLD_LT)
		set_bound(condition, "before", from_us);
	else if (c->sign != OLD_GT && c->sign != OLD_GTE)
		set_bound(condition, "before", to_us);
	return condition;
}

static struct json_object *number_condition(const struct old_condition *c, struct err *err)
{
	static const char *const bounds[] = {
		[OLD_GT] = "gt", [OLD_GTE] = "gte", [OLD_LT] = "lt", [OLD_LTE] = "lte"};
	const bool is_equal = c->sign == OLD_IS || c->sign == OLD_IS_NOT || c->sign == OLD_HAS;
	struct json_object *condition;
	char *end;
	const double n = strtod(c->value, &end);

	if (!*c->value || *end) {
		(void)err_set(err, -EINVAL, "Invalid query: %s: \"%s\" is no number.", c->key,
		              c->value);
		return NULL;
	}
	condition = object_of("type", "number_range", NULL);
	box_set(condition, is_equal ? "gte" : bounds[c->sign], json_object_new_double(n));
	if (is_equal)
		box_set(condition, "lte", json_object_new_double(n));
	return condition;
}

static struct json_object *term_of(struct json_object *values)
{
	struct json_object *condition = object_of("type", "term", NULL);

	box_set(condition, "values", values);
	return condition;
}

/* By label, letter case aside; what no status is called finds nothing. */
static struct json_object *status_condition(const struct old_condition *c, enum box_kind_id kind)
{
	const struct box_list *all = box_store_all(c->org->store, &box_kinds[kind]);
	struct json_object *ids = json_object_new_array();

	for (size_t i = 0; i < all->n; i++)
		if (!all->items[i]->is_deleted &&
		    strcasecmp(json_get_string(all->items[i]->data, "label"), c->value) == 0)
			json_object_array_add(ids, json_object_new_string(all->items[i]->id));
	return term_of(ids);
}

/* "me", an id, a full name or an e-mail address. */
static struct json_object *user_condition(const struct old_condition *c)
{
	const struct box_list *all = box_store_all(c->org->store, &box_kinds[BOX_USER]);
	struct json_object *ids = json_object_new_array();
	char name[256];

	for (size_t i = 0; i < all->n; i++) {
		const struct box_object *user = all->items[i];
		const char *email = json_get_string(user->data, "email");

		if ((user == c->org->user && strcasecmp(c->value, "me") == 0) ||
		    box_is_same(c->value, user->id) ||
		    (email && strcasecmp(c->value, email) == 0) ||
		    strcasecmp(c->value, box_org_user_name(c->org, user->id, name, sizeof(name))) ==
		            0)
			json_object_array_add(ids, json_object_new_string(user->id));
	}
	return term_of(ids);
}

static struct json_object *condition_of(const struct old_condition *c, enum as as,
                                        enum box_kind_id status, struct err *err)
{
	switch (as) {
	case AS_TEXT:
	case AS_ID:
		return text_condition(c);
	case AS_EMAIL:
		return email_condition(c);
	case AS_PHONE:
		return phone_condition(c);
	case AS_MOMENT:
		return moment_condition(c, err);
	case AS_NUMBER:
	case AS_COUNT:
		return number_condition(c, err);
	case AS_USER:
		return user_condition(c);
	case AS_STATUS:
		return status_condition(c, status);
	}
	return NULL;
}

/* How many of a kind a lead has; @condition NULL: any. */
static struct json_object *count_node(const struct key *key, struct json_object *condition)
{
	struct json_object *node;

	if (!condition)
		return related("lead", key->related[0], box_old_everything());
	node = object_of("type", "related_count", "related_object_type", key->related[0], NULL);
	box_set(node, "condition", condition);
	return node;
}

/* An empty text is no value, as it is to Close. */
static struct json_object *any_value(const struct key *key)
{
	struct json_object *empty = on_field(key, text_of("exact_value", ""));

	box_old_negate(empty);
	return pair("and", on_field(key, object_of("type", "exists", NULL)), empty);
}

static struct json_object *known_node(const struct old_condition *c, const struct key *key,
                                      struct err *err)
{
	struct json_object *condition = NULL;

	if (c->is_any && key->as != AS_COUNT)
		return any_value(key);
	if (!c->is_any) {
		condition = condition_of(c, key->as, key->status, err);
		if (!condition)
			return NULL;
	}
	if (key->as == AS_COUNT)
		return count_node(key, condition);
	if (key->as == AS_ID) {
		json_object_put(condition);
		return object_of("type", "id", "value", c->value, NULL);
	}
	return on_field(key, condition);
}

static const struct box_object *field_of(const struct box_org *org, const char *name)
{
	const struct box_target leads = {&box_kinds[BOX_LEAD], NULL};

	return box_fields_find(org, &leads, name);
}

static enum as as_of(const struct box_object *field)
{
	static const struct {
		const char *type;
		enum as as;
	} types[] = {{"number", AS_NUMBER},
	             {"date", AS_MOMENT},
	             {"datetime", AS_MOMENT},
	             {"user", AS_USER}};
	const char *type = json_get_string(field->data, "type");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (box_is_same(type, types[i].type))
			return types[i].as;
	return AS_TEXT;
}

static const char custom_prefix[] = "custom.";

static struct json_object *custom_node(const struct old_condition *c, struct err *err)
{
	const char *name = c->key + strlen(custom_prefix);
	const struct box_object *field = field_of(c->org, name);
	/* A date has no zone: only "today" depends on where the caller is. */
	const struct box_old_clock days = {c->clock->wall_ms + c->clock->offset_ms, 0};
	struct old_condition plain = *c;
	struct json_object *condition;

	if (field && box_is_same(json_get_string(field->data, "type"), "date"))
		plain.clock = &days;
	if (!field && box_doubt_is(&c->org->doubts, DOUBT_SEARCH_FIELD, "nothing")) {
		struct json_object *nothing = box_old_everything();

		box_old_negate(nothing);
		return nothing;
	}
	if (!field) {
		(void)err_set(err, -EINVAL,
		              "Invalid query: The Custom Field \"%s\" does not exist.", name);
		return NULL;
	}
	condition = c->is_any ? object_of("type", "exists", NULL)
	                      : condition_of(&plain, as_of(field), BOX_LEAD_STATUS, err);
	return condition ? on_custom(field->id, condition) : NULL;
}

struct json_object *box_old_node(const struct old_condition *condition, struct err *err)
{
	struct json_object *node = NULL;
	bool is_known = false;

	if (strncasecmp(condition->key, custom_prefix, strlen(custom_prefix)) == 0) {
		is_known = true;
		node = custom_node(condition, err);
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !is_known; i++) {
		if (strcasecmp(keys[i].name, condition->key) != 0)
			continue;
		is_known = true;
		node = known_node(condition, &keys[i], err);
	}
	if (!is_known)
		(void)err_set(err, -EINVAL,
		              "Invalid query: the sandbox does not know the key \"%s\".",
		              condition->key);
	if (node && condition->sign == OLD_IS_NOT)
		box_old_negate(node);
	return node;
}

const char *box_old_sort_field(const struct box_org *org, const char *key, bool *ret_is_custom)
{
	const struct box_object *field;

	if (strncasecmp(key, custom_prefix, strlen(custom_prefix)) == 0) {
		field = field_of(org, key + strlen(custom_prefix));
		*ret_is_custom = true;
		return field ? field->id : NULL;
	}
	*ret_is_custom = false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcasecmp(keys[i].name, key) == 0 && !keys[i].related[0])
			return keys[i].field;
	return NULL;
}
