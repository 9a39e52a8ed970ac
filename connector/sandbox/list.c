#include "connector/sandbox/list.h"

#include "connector/sandbox/validate.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/moment.h"

#include <stdlib.h>
#include <string.h>

enum { default_page = 100, max_conditions = 32, max_skip = 250000, max_lead_skip = 35000 };

enum relation { IS, IN, GT, GTE, LT, LTE };

static const struct {
	const char *suffix;
	enum relation relation;
} relations[] = {
	{"", IS}, {"__in", IN}, {"__gt", GT}, {"__gte", GTE}, {"__lt", LT}, {"__lte", LTE},
};

struct condition {
	const char *field, *value;
	enum relation relation;
};

struct query {
	struct box_org *org;
	const struct box_kind *kind;
	struct condition conditions[max_conditions + 1]; /* and the usual type */
	size_t n_conditions;
	bool needs_render; /* a condition is about something computed */
	const char *order; /* a field; NULL: as they were created */
	bool is_descending;
	struct box_list_page page;
};

/* A kind without objects of its own: what is below its path is of one of the kinds that are. */
static const struct box_kind activities = {
	.name = "activity",
	.class_name = "Activity",
	.path = "/activity/",
	.methods = BOX_CAN_GET,
	.fields = (const struct box_field[]){{.name = "lead_id"},
                                             {.name = "contact_id"},
                                             {.name = "user_id"},
                                             {.name = "activity_at"},
                                             {NULL}},
	.filters = (const char *const[]){"lead_id", "contact_id", "user_id", "id", "_type",
                                         "date_created", "activity_at", NULL},
	.max_limit = default_page,
	.custom = BOX_N_KINDS,
};

static bool is_of(const struct box_kind *list, const struct box_kind *kind)
{
	return list == kind || (list == &activities &&
	                        strncmp(kind->path, activities.path, strlen(activities.path)) == 0);
}

static bool is_among(const char *list, const char *value)
{
	const size_t len = strlen(value);

	for (const char *at = list; *at;) {
		const size_t word = strcspn(at, ",");

		if (word == len && strncmp(at, value, len) == 0)
			return true;
		at += word + (at[word] == ',');
	}
	return false;
}

/* Moments by what they mean, whatever their zone; everything else as texts. */
static int compare(const char *text, const char *wanted)
{
	int64_t a, b;

	if (!moment_parse(text, &a, NULL) || !moment_parse(wanted, &b, NULL))
		return strcmp(text, wanted);
	return a < b ? -1 : a > b;
}

static bool holds(const struct condition *c, struct json_object *data)
{
	struct json_object *value = json_get(data, c->field);
	const char *text;
	int order;

	if (!value)
		return false;
	text = json_object_get_string(value);
	order = compare(text, c->value);
	switch (c->relation) {
	case IS:
		return order == 0;
	case IN:
		return is_among(c->value, text);
	case GT:
		return order > 0;
	case GTE:
		return order >= 0;
	case LT:
		return order < 0;
	case LTE:
		return order <= 0;
	}
	return false;
}

static bool fits(const struct query *q, const struct box_object *object)
{
	struct json_object *data;
	bool all = true;

	if (object->is_deleted || !is_of(q->kind, object->kind))
		return false;
	data = q->needs_render ? box_org_render(q->org, object->kind, object->data)
	                       : json_object_get(object->data);
	for (size_t i = 0; i < q->n_conditions && all; i++)
		all = holds(&q->conditions[i], data);
	json_object_put(data);
	return all;
}

static void read_filter(struct query *q, const char *filter, struct json_object *params)
{
	for (size_t r = 0; r < sizeof(relations) / sizeof(relations[0]); r++) {
		char *name = mem_printf("%s%s", filter, relations[r].suffix);
		const char *value = json_get_string(params, name);

		free(name);
		if (!value || q->n_conditions == max_conditions ||
		    (strcmp(filter, "_type") == 0 && strcmp(value, "all") == 0))
			continue;
		q->conditions[q->n_conditions++] =
			(struct condition){filter, value, relations[r].relation};
		q->needs_render |= !box_kind_field(q->kind, filter) && strcmp(filter, "id") != 0 &&
		                   strncmp(filter, "date_", strlen("date_")) != 0;
	}
}

static bool read_number(struct json_object *params, const char *name, size_t *to,
                        struct box_answer *answer)
{
	const char *text = json_get_string(params, name);
	char *end;

	if (!text)
		return true;
	*to = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end)
		return true;
	box_answer_error(answer, 400, "%s must be an integer (got \"%s\" instead).", name, text);
	return false;
}

static bool refuse_limit(const struct box_kind *kind, struct box_answer *answer)
{
	struct json_object *errors;
	char *text;

	if (!kind->has_typed_limits) {
		box_answer_error(answer, 400,
		                 "The limit you set is larger than the maximum limit for this "
		                 "resource (max_limit = %u).",
		                 kind->max_limit);
		return false;
	}
	errors = json_object_new_object();
	text = mem_printf("Input should be less than or equal to %u", kind->max_limit);
	json_object_object_add(errors, "_limit", json_object_new_string(text));
	free(text);
	box_answer_json(answer, 400, box_complaint(NULL, errors));
	return false;
}

static bool is_known_param(const struct box_kind *kind, const char *name)
{
	const char *suffix = strstr(name + (*name == '_'), "__");
	const size_t len = suffix ? (size_t)(suffix - name) : strlen(name);

	/* _limit, _fields and the like are everybody's. */
	if (*name == '_')
		return true;
	for (const char *const *f = kind->filters; f && *f; f++)
		if (strlen(*f) == len && strncmp(*f, name, len) == 0)
			return true;
	return false;
}

static bool refuse_unknown(const struct query *q, struct json_object *params,
                           struct box_answer *answer)
{
	struct json_object *errors = NULL;

	if (box_doubt_is(&q->org->doubts, DOUBT_LIST_PARAMS, "ignored"))
		return false;
	json_object_object_foreach(params, name, value)
	{
		(void)value;
		if (is_known_param(q->kind, name))
			continue;
		errors = errors ? errors : json_object_new_object();
		json_object_object_add(errors, name,
		                       json_object_new_string("Extra inputs are not permitted"));
	}
	if (errors)
		box_answer_json(answer, 400, box_complaint(NULL, errors));
	return errors != NULL;
}

/* Where a page would begin too far back, or with too much in it. */
static bool is_within(const struct box_org *org, const struct box_kind *kind,
                      struct box_list_page *page, struct box_answer *answer)
{
	const size_t last = kind == &box_kinds[BOX_LEAD] ? max_lead_skip : max_skip;

	if (page->limit > kind->max_limit &&
	    box_doubt_is(&org->doubts, DOUBT_PAGE_LIMITS, "refused"))
		return refuse_limit(kind, answer);
	if (page->limit > kind->max_limit)
		page->limit = kind->max_limit;
	if (page->skip <= last)
		return true;
	box_answer_error(answer, 400,
	                 "The skip you set is larger than the maximum skip for this resource "
	                 "(max_skip = %zu). Please refine your search query.",
	                 last);
	return false;
}

bool box_list_read_page(const struct box_org *org, const struct box_kind *kind,
                        struct json_object *params, struct box_list_page *ret_page,
                        struct box_answer *answer)
{
	*ret_page = (struct box_list_page){.limit = default_page,
	                                   .fields = json_get_string(params, "_fields")};
	return read_number(params, "_limit", &ret_page->limit, answer) &&
	       read_number(params, "_skip", &ret_page->skip, answer) &&
	       is_within(org, kind, ret_page, answer);
}

static bool read_query(struct query *q, struct json_object *params, struct box_answer *answer)
{
	const char *order = json_get_string(params, "_order_by");

	if (refuse_unknown(q, params, answer) ||
	    !box_list_read_page(q->org, q->kind, params, &q->page, answer))
		return false;
	for (const char *const *f = q->kind->filters; f && *f; f++)
		read_filter(q, *f, params);
	if (q->kind->usual_type && !json_get_string(params, "_type"))
		q->conditions[q->n_conditions++] =
			(struct condition){"_type", q->kind->usual_type, IS};
	q->is_descending = order && *order == '-';
	q->order = order ? order + q->is_descending : NULL;
	return true;
}

static int by_age(const void *a, const void *b)
{
	const struct box_object *x = *(struct box_object *const *)a;
	const struct box_object *y = *(struct box_object *const *)b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void look(const struct query *q, const struct box_list *all, struct box_list *found)
{
	for (size_t i = 0; i < all->n; i++)
		if (fits(q, all->items[i]))
			box_list_add(found, all->items[i]);
}

/* Among the children of one lead where the query names it, else among all of the kind. */
static void find(const struct query *q, struct json_object *params, struct box_list *found)
{
	const char *lead_id = json_get_string(params, "lead_id");

	for (const char *const *f = q->kind->filters; f && *f && lead_id; f++) {
		if (strcmp(*f, "lead_id") != 0)
			continue;
		look(q, box_store_below(q->org->store, lead_id), found);
		return;
	}
	for (size_t k = 0; k < BOX_N_KINDS; k++)
		if (is_of(q->kind, &box_kinds[k]))
			look(q, box_store_all(q->org->store, &box_kinds[k]), found);
	if (q->kind == &activities && found->n)
		qsort(found->items, found->n, sizeof(struct box_object *), by_age);
}

static int in_order(const void *a, const void *b, void *arg)
{
	const struct box_object *x = *(struct box_object *const *)a;
	const struct box_object *y = *(struct box_object *const *)b;
	const struct query *q = arg;
	const char *left = json_get_string(x->data, q->order);
	const char *right = json_get_string(y->data, q->order);
	const int r = strcmp(left ? left : "", right ? right : "");

	if (r)
		return q->is_descending ? -r : r;
	return by_age(a, b);
}

struct json_object *box_pick(struct json_object *object, const char *fields)
{
	struct json_object *out;

	if (!fields || is_among(fields, "_all"))
		return object;
	out = json_object_new_object();
	json_object_object_foreach(object, key, value)
	{
		if (is_among(fields, key) ||
		    (strncmp(key, "custom.", strlen("custom.")) == 0 && is_among(fields, "custom")))
			json_object_object_add(out, key, json_object_get(value));
	}
	json_object_put(object);
	return out;
}

void box_list_send_page(struct box_org *org, const struct box_list *found,
                        const struct box_list_page *page, struct box_answer *answer)
{
	struct json_object *out = json_object_new_object(), *data = json_object_new_array();
	size_t i = page->skip;

	for (; i < found->n && i < page->skip + page->limit; i++)
		json_object_array_add(data, box_pick(box_org_render(org, found->items[i]->kind,
		                                                    found->items[i]->data),
		                                     page->fields));
	json_object_object_add(out, "data", data);
	json_object_object_add(out, "has_more", json_object_new_boolean(i < found->n));
	if (page->has_total)
		json_object_object_add(out, "total_results",
		                       json_object_new_int64((int64_t)found->n));
	box_answer_json(answer, 200, out);
}

bool box_list_find(struct box_org *org, const struct box_kind *kind, struct json_object *params,
                   struct box_answer *answer, struct box_list *ret_found)
{
	struct query q = {.org = org, .kind = kind};

	if (!read_query(&q, params, answer))
		return false;
	find(&q, params, ret_found);
	return true;
}

void box_list_answer(struct box_org *org, const struct box_kind *kind, const struct box_call *call,
                     struct box_answer *answer)
{
	struct query q = {.org = org, .kind = kind};
	struct box_list found = {0};

	if (!read_query(&q, call->params, answer))
		return;
	find(&q, call->params, &found);
	if (q.order && found.n)
		qsort_r(found.items, found.n, sizeof(struct box_object *), in_order, &q);
	box_list_send_page(org, &found, &q.page, answer);
	free(found.items);
}

void box_list_activities(struct box_org *org, const struct box_call *call,
                         struct box_answer *answer)
{
	box_list_answer(org, &activities, call, answer);
}
