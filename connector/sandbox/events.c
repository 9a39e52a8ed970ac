#include "connector/sandbox/events.h"

#include "connector/sandbox/list.h"
#include "connector/sandbox/org.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/moment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A ring in the order of what happened. An entry keeps references to the object's data as it was;
 * what Close computes is added when somebody asks. A cursor is the number of the event at the edge
 * of a page, so it stays good while new events come in.
 */

enum { max_events = 100000, max_page = 50 };

struct entry {
	uint64_t seq;
	char id[box_id_bytes];
	const struct box_object *object;
	const char *action;
	struct json_object *data, *previous;
	char *request_id, *key_id, *method, *path;
	int64_t began_ms, wall_ms;
	bool is_told_later; /* as part of a later entry */
};

struct box_events {
	struct entry *entries; /* entry n stands at n % max_events */
	uint64_t n_ever, consolidation_ms;
	size_t n_allocated;
	box_events_fn listener;
	void *listener_arg;
};

struct box_events *box_events_new(void)
{
	return mem_alloc(sizeof(struct box_events));
}

static void entry_deinit(struct entry *e)
{
	json_object_put(e->data);
	json_object_put(e->previous);
	free(e->request_id);
	free(e->key_id);
	free(e->method);
	free(e->path);
}

static size_t n_kept(const struct box_events *events)
{
	return events->n_ever < max_events ? (size_t)events->n_ever : max_events;
}

void box_events_free(struct box_events *events)
{
	if (!events)
		return;
	for (size_t i = 0; i < n_kept(events); i++)
		entry_deinit(&events->entries[i]);
	free(events->entries);
	free(events);
}

void box_events_listen(struct box_events *events, box_events_fn fn, void *arg)
{
	events->listener = fn;
	events->listener_arg = arg;
}

void box_events_set_consolidation(struct box_events *events, uint64_t ms)
{
	events->consolidation_ms = ms;
}

uint64_t box_events_consolidation(const struct box_events *events)
{
	return events->consolidation_ms;
}

static const char *event_type(const struct entry *e)
{
	if (e->object->kind != &box_kinds[BOX_TASK])
		return e->object->kind->name;
	return box_is_same(json_get_string(e->data, "_type"), "outgoing_call")
	               ? "task.outgoing_call"
	               : "task.lead";
}

static bool is_update(const struct entry *e)
{
	return strcmp(e->action, "updated") == 0;
}

static bool goes_on_with(const struct box_events *events, const struct entry *older,
                         const struct entry *e)
{
	return is_update(older) &&
	       e->wall_ms < older->began_ms + (int64_t)events->consolidation_ms &&
	       box_is_same(json_get_string(e->data, "updated_by"),
	                   json_get_string(older->data, "updated_by"));
}

/* The entry that @e, an update, goes on with, or NULL. */
static struct entry *part_of(const struct box_events *events, const struct entry *e)
{
	const int64_t since_ms = e->wall_ms - (int64_t)events->consolidation_ms;

	for (uint64_t n = 1; n < n_kept(events); n++) {
		struct entry *older = &events->entries[(e->seq - n) % max_events];

		if (older->wall_ms <= since_ms)
			return NULL;
		if (older->object == e->object)
			return goes_on_with(events, older, e) ? older : NULL;
	}
	return NULL;
}

/* What was before both: of what both have changed, the older value. */
static struct json_object *before_both(struct json_object *older, struct json_object *newer)
{
	struct json_object *both = newer ? box_shallow(newer) : json_object_new_object();

	if (older) {
		json_object_object_foreach(older, key, value)
		{
			box_set(both, key, json_object_get(value));
		}
	}
	return both;
}

static void consolidate(const struct box_events *events, struct entry *e)
{
	struct entry *older = is_update(e) ? part_of(events, e) : NULL;
	struct json_object *previous;

	if (!older)
		return;
	previous = before_both(older->previous, e->previous);
	json_object_put(e->previous);
	e->previous = previous;
	memcpy(e->id, older->id, sizeof(e->id));
	e->began_ms = older->began_ms;
	older->is_told_later = true;
}

void box_events_add(struct box_events *events, struct box_store *store,
                    const struct box_event *event)
{
	const size_t at = (size_t)(events->n_ever % max_events);
	struct entry *e;

	if (events->n_ever < max_events)
		events->entries = mem_grow(events->entries, at, &events->n_allocated,
		                           sizeof(*events->entries));
	else
		entry_deinit(&events->entries[at]);
	e = &events->entries[at];
	*e = (struct entry){
		.seq = events->n_ever++,
		.object = event->object,
		.action = event->action,
		.data = json_object_get(event->data),
		.previous = json_object_get(event->previous),
		.request_id = mem_strdup(event->request_id),
		.key_id = mem_strdup(event->key_id),
		.method = mem_strdup(event->method),
		.path = mem_strdup(event->path),
		.began_ms = event->wall_ms,
		.wall_ms = event->wall_ms,
	};
	box_store_make_id(store, "ev", e->id);
	consolidate(events, e);
	if (events->listener)
		events->listener(events->listener_arg, e->seq, event_type(e), e->action);
}

enum filter {
	BY_TYPE = 1,
	BY_OBJECT = 2,
	BY_LEAD = 4,
	BY_ACTION = 8,
	BY_USER = 16,
	BY_REQUEST = 32
};

static const struct {
	const char *name;
	enum filter bit;
} filters[] = {
	{"object_type", BY_TYPE}, {"object_id", BY_OBJECT}, {"lead_id", BY_LEAD},
	{"action", BY_ACTION},    {"user_id", BY_USER},     {"request_id", BY_REQUEST},
};

/* The combinations Close's documentation allows, and none at all. */
static const unsigned allowed[] = {
	0,
	BY_TYPE | BY_OBJECT,
	BY_TYPE | BY_ACTION,
	BY_OBJECT | BY_ACTION,
	BY_LEAD | BY_TYPE,
	BY_LEAD | BY_TYPE | BY_ACTION,
	BY_LEAD | BY_USER | BY_TYPE,
	BY_LEAD | BY_USER | BY_TYPE | BY_ACTION,
	BY_LEAD | BY_USER,
	BY_USER | BY_OBJECT,
	BY_USER | BY_OBJECT | BY_ACTION,
	BY_USER | BY_TYPE,
	BY_USER | BY_TYPE | BY_ACTION,
	BY_LEAD,
	BY_USER,
	BY_REQUEST,
};

static const char *lead_of(const struct entry *e)
{
	if (e->object->kind == &box_kinds[BOX_LEAD])
		return e->object->id;
	return json_get_string(e->data, "lead_id");
}

static const char *value_of(const struct entry *e, enum filter filter)
{
	switch (filter) {
	case BY_TYPE:
		return event_type(e);
	case BY_OBJECT:
		return e->object->id;
	case BY_LEAD:
		return lead_of(e);
	case BY_ACTION:
		return e->action;
	case BY_USER:
		return json_get_string(e->data, "updated_by");
	case BY_REQUEST:
		return e->request_id;
	}
	return NULL;
}

struct ask {
	const char *wanted[sizeof(filters) / sizeof(filters[0])]; /* NULL: any */
	int64_t from_us, to_us;                                   /* half open */
	size_t limit;
	uint64_t before, after; /* event numbers, both exclusive */
	bool is_forward;
};

static bool fits(const struct ask *ask, const struct entry *e)
{
	const int64_t at_us = e->wall_ms * 1000;

	if (e->is_told_later || at_us < ask->from_us || at_us >= ask->to_us)
		return false;
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		const char *value = ask->wanted[i] ? value_of(e, filters[i].bit) : NULL;

		if (ask->wanted[i] && (!value || strcmp(value, ask->wanted[i]) != 0))
			return false;
	}
	return true;
}

static int read_filters(struct json_object *params, struct ask *ask, struct err *err)
{
	unsigned bits = 0;

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		ask->wanted[i] = json_get_string(params, filters[i].name);
		bits |= ask->wanted[i] ? filters[i].bit : 0U;
	}
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (allowed[i] == bits)
			return 0;
	return err_set(err, -EINVAL, "This combination of filters is not supported.");
}

static int read_dates(struct json_object *params, struct ask *ask, struct err *err)
{
	static const struct {
		const char *name;
		bool is_upper;
		int64_t more_us;
	} bounds[] = {
		{"date_updated__gt", false, 1},
		{"date_updated__gte", false, 0},
		{"date_updated__lt", true, 0},
		{"date_updated__lte", true, 1},
	};

	ask->from_us = INT64_MIN;
	ask->to_us = INT64_MAX;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		const char *text = json_get_string(params, bounds[i].name);
		int64_t us;

		if (!text)
			continue;
		if (!moment_parse(text, &us, NULL))
			return err_set(err, -EINVAL, "%s must be an ISO 8601 date and time.",
			               bounds[i].name);
		*(bounds[i].is_upper ? &ask->to_us : &ask->from_us) = us + bounds[i].more_us;
	}
	return 0;
}

/* "n17": what is older than event 17; "p17": what is newer. */
static int read_page(const struct box_events *events, struct json_object *params, struct ask *ask,
                     struct err *err)
{
	const char *limit = json_get_string(params, "_limit");
	const char *cursor = json_get_string(params, "_cursor");
	char *end = NULL;
	uint64_t edge;

	ask->limit = limit ? strtoul(limit, &end, 10) : max_page;
	if (limit && (*end || !*limit || ask->limit < 1 || ask->limit > max_page))
		return err_set(err, -EINVAL,
		               "_limit must be an integer from 1 to %d (got \"%s\" "
		               "instead).",
		               max_page, limit);
	ask->before = events->n_ever;
	ask->after = UINT64_MAX;
	if (!cursor)
		return 0;
	edge = strtoull(*cursor ? cursor + 1 : cursor, &end, 10);
	if ((*cursor != 'n' && *cursor != 'p') || *end || edge >= events->n_ever)
		return err_set(err, -EINVAL, "Invalid cursor.");
	ask->is_forward = *cursor == 'p';
	*(ask->is_forward ? &ask->after : &ask->before) = edge;
	return 0;
}

static struct json_object *meta(const struct entry *e)
{
	struct json_object *o = json_object_new_object();

	box_set(o, "request_method", json_string(e->method));
	box_set(o, "request_path", json_string(e->path));
	return o;
}

static struct json_object *changed_fields(const struct entry *e)
{
	struct json_object *names = json_object_new_array();

	if (!e->previous || !is_update(e))
		return names;
	json_object_object_foreach(e->previous, key, value)
	{
		(void)value;
		json_object_array_add(names, json_object_new_string(key));
	}
	return names;
}

/* What is told of the object: to some nothing, and perhaps no custom fields. */
static struct json_object *told_data(const struct entry *e, struct box_org *org)
{
	struct json_object *whole, *told;

	if (strcmp(e->action, "deleted") == 0 ||
	    box_doubt_is(&org->doubts, DOUBT_EVENT_DATA, "none"))
		return json_object_new_object();
	whole = box_org_render(org, e->object->kind, e->data);
	if (!box_doubt_is(&org->doubts, DOUBT_EVENT_DATA, "without_custom"))
		return whole;
	told = json_object_new_object();
	json_object_object_foreach(whole, key, value)
	{
		if (strncmp(key, "custom", strlen("custom")) != 0)
			json_object_object_add(told, key, json_object_get(value));
	}
	json_object_put(whole);
	return told;
}

static struct json_object *render(const struct entry *e, struct box_org *org)
{
	const bool is_app = strncmp(e->key_id, "oa2client_", strlen("oa2client_")) == 0;
	struct json_object *o = json_object_new_object();
	char began[moment_bytes], at[moment_bytes];

	(void)moment_text(e->began_ms * 1000, began);
	(void)moment_text(e->wall_ms * 1000, at);
	box_set(o, "id", json_object_new_string(e->id));
	box_set(o, "object_type", json_object_new_string(event_type(e)));
	box_set(o, "object_id", json_object_new_string(e->object->id));
	box_set(o, "lead_id", json_string(lead_of(e)));
	box_set(o, "action", json_object_new_string(e->action));
	box_set(o, "changed_fields", changed_fields(e));
	box_set(o, "data", told_data(e, org));
	box_set(o, "previous_data",
	        e->previous ? json_object_get(e->previous) : json_object_new_object());
	box_set(o, "meta", meta(e));
	box_set(o, "user_id", json_string(json_get_string(e->data, "updated_by")));
	box_set(o, is_app ? "oauth_client_id" : "api_key_id", json_string(e->key_id));
	box_set(o, is_app ? "api_key_id" : "oauth_client_id", NULL);
	box_set(o, "request_id", json_string(e->request_id));
	box_set(o, "organization_id", json_object_new_string(org->id));
	box_set(o, "date_created", json_object_new_string(began));
	box_set(o, "date_updated", json_object_new_string(at));
	return o;
}

struct json_object *box_events_render(const struct box_events *events, struct box_org *org,
                                      uint64_t seq)
{
	const struct entry *e = &events->entries[seq % max_events];

	return seq < events->n_ever - n_kept(events) || e->is_told_later ? NULL : render(e, org);
}

/* The events of the page, newest first, as numbers; returns how many. */
static size_t collect(const struct box_events *events, const struct ask *ask,
                      uint64_t ret_seqs[static max_page], bool *ret_has_more)
{
	const uint64_t oldest = events->n_ever - n_kept(events);
	const uint64_t first =
		ask->after == UINT64_MAX || ask->after < oldest ? oldest : ask->after + 1;
	size_t n = 0;

	*ret_has_more = false;
	for (uint64_t i = first; i < ask->before; i++) {
		const uint64_t seq = ask->is_forward ? i : ask->before - 1 - (i - first);

		if (!fits(ask, &events->entries[seq % max_events]))
			continue;
		if (n == ask->limit) {
			*ret_has_more = true;
			break;
		}
		ret_seqs[n++] = seq;
	}
	for (size_t i = 0; ask->is_forward && i < n / 2; i++) {
		const uint64_t swapped = ret_seqs[i];

		ret_seqs[i] = ret_seqs[n - 1 - i];
		ret_seqs[n - 1 - i] = swapped;
	}
	return n;
}

static struct json_object *cursor(char direction, uint64_t seq)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%c%llu", direction, (unsigned long long)seq);
	return json_object_new_string(text);
}

struct json_object *box_events_page(const struct box_events *events, struct box_org *org,
                                    struct json_object *params, struct err *err)
{
	struct json_object *page, *data;
	uint64_t seqs[max_page];
	struct ask ask = {0};
	bool has_more;
	size_t n;

	if (read_filters(params, &ask, err) < 0 || read_dates(params, &ask, err) < 0 ||
	    read_page(events, params, &ask, err) < 0)
		return NULL;
	n = collect(events, &ask, seqs, &has_more);
	data = json_object_new_array();
	for (size_t i = 0; i < n; i++)
		json_object_array_add(data,
		                      box_pick(render(&events->entries[seqs[i] % max_events], org),
		                               json_get_string(params, "_fields")));
	page = json_object_new_object();
	box_set(page, "data", data);
	/* Going back, there is a page behind unless this was the last; the other way is always
	 * open. */
	box_set(page, "cursor_next",
	        n && (has_more || ask.is_forward) ? cursor('n', seqs[n - 1]) : NULL);
	box_set(page, "cursor_previous", n ? cursor('p', seqs[0]) : NULL);
	return page;
}
