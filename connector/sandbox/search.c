#include "connector/sandbox/search.h"

#include "connector/sandbox/org.h"
#include "connector/sandbox/query.h"
#include "connector/sandbox/query_fold.h"
#include "connector/sandbox/validate.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Writes wait in a queue with the data they left behind; what has waited for the lag goes into the
 * index, in order. Each object has one snapshot in the index, `indexed`, and its searchable values
 * are entries "kind field=value" of one hash.
 */

enum { default_page = 100, max_page = 200, max_chain = 10000 };

struct pending {
	struct box_object *object;
	struct json_object *data; /* NULL: deleted */
	uint64_t due_ms;
};

struct box_search {
	struct box_store *store;
	uint64_t lag_ms, cursor_life_ms;
	struct box_index *index;
	struct pending *queue;
	size_t n, cap, first;
	struct buf key;
};

struct box_search *box_search_new(struct box_store *store, uint64_t lag_ms)
{
	struct box_search *search = mem_alloc(sizeof(*search));

	search->store = store;
	search->lag_ms = lag_ms;
	search->cursor_life_ms = box_cursor_life_ms;
	search->index = box_index_new();
	return search;
}

void box_search_free(struct box_search *search)
{
	if (!search)
		return;
	for (size_t i = search->first; i < search->n; i++)
		json_object_put(search->queue[i].data);
	free(search->queue);
	box_index_free(search->index);
	buf_deinit(&search->key);
	free(search);
}

void box_search_set_lag(struct box_search *search, uint64_t lag_ms)
{
	search->lag_ms = lag_ms;
}

void box_search_set_cursor_life(struct box_search *search, uint64_t life_ms)
{
	search->cursor_life_ms = life_ms;
}

static const char *make_key(struct buf *key, const struct box_kind *kind, const char *related,
                            const char *field, const char *value)
{
	buf_clear(key);
	buf_adds(key, kind->name);
	buf_addc(key, ' ');
	if (related)
		buf_adds(key, related);
	buf_addc(key, '.');
	buf_adds(key, field);
	buf_addc(key, '=');
	for (; *value; value++)
		buf_addc(key, (char)tolower((unsigned char)*value));
	return buf_text(key);
}

/* Adds or removes one searchable value. */
static void turn_value(struct box_search *search, struct box_object *object, const char *related,
                       const char *field, struct json_object *value, bool is_in)
{
	const char *key;

	if (!value || json_object_is_type(value, json_type_object))
		return;
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			turn_value(search, object, related, field,
			           json_object_array_get_idx(value, i), is_in);
		return;
	}
	key = make_key(&search->key, object->kind, related, field, json_object_get_string(value));
	if (is_in)
		box_index_add(search->index, key, object);
	else
		box_index_remove(search->index, key, object);
}

static void turn_items(struct box_search *search, struct box_object *object,
                       const struct box_field *list, struct json_object *items, bool is_in)
{
	for (size_t i = 0; items && i < json_object_array_length(items); i++)
		for (const struct box_field *f = list->items; f->name; f++)
			if (f->flags & BOX_INDEXED)
				turn_value(search, object, list->related, f->name,
				           json_get(json_object_array_get_idx(items, i), f->name),
				           is_in);
}

/* Adds or removes all searchable values of the object's snapshot. */
static void turn(struct box_search *search, struct box_object *object, bool is_in)
{
	for (const struct box_field *f = object->kind->fields; f->name; f++) {
		struct json_object *value = json_get(object->indexed, f->name);

		if (f->flags & BOX_INDEXED)
			turn_value(search, object, NULL, f->name, value, is_in);
		else if (f->type == BOX_LIST && f->related)
			turn_items(search, object, f, value, is_in);
	}
	json_object_object_foreach(object->indexed, key, custom)
	{
		if (strncmp(key, "custom.", strlen("custom.")) == 0)
			turn_value(search, object, NULL, key, custom, is_in);
	}
}

static void apply(struct box_search *search, const struct pending *p)
{
	if (p->object->indexed) {
		turn(search, p->object, false);
		json_object_put(p->object->indexed);
	}
	p->object->indexed = p->data;
	if (p->data)
		turn(search, p->object, true);
}

static void catch_up(struct box_search *search, uint64_t now_ms)
{
	while (search->first < search->n && search->queue[search->first].due_ms <= now_ms)
		apply(search, &search->queue[search->first++]);
	if (search->first <= search->n / 2)
		return;
	memmove(search->queue, search->queue + search->first,
	        (search->n - search->first) * sizeof(*search->queue));
	search->n -= search->first;
	search->first = 0;
}

void box_search_note(struct box_search *search, struct box_object *object, uint64_t now_ms)
{
	struct json_object *data = object->is_deleted ? NULL : json_object_get(object->data);

	search->queue = mem_grow(search->queue, search->n, &search->cap, sizeof(*search->queue));
	search->queue[search->n++] = (struct pending){object, data, now_ms + search->lag_ms};
	catch_up(search, now_ms);
}

bool box_search_has_index(const struct box_kind *kind, const char *related, const char *field)
{
	const struct box_field *fields = kind->fields;

	for (const struct box_field *f = kind->fields; related && f->name; f++)
		if (f->related && strcmp(f->related, related) == 0)
			fields = f->items;
	for (const struct box_field *f = fields; f->name; f++)
		if (strcmp(f->name, field) == 0)
			return f->flags & BOX_INDEXED;
	return strncmp(field, "custom.", strlen("custom.")) == 0;
}

const struct box_list *box_search_equal(const struct box_search *search,
                                        const struct box_kind *kind, const char *related,
                                        const char *field, const char *value)
{
	struct buf key = BUF_INIT;
	const struct box_list *found =
		box_index_find(search->index, make_key(&key, kind, related, field, value));

	buf_deinit(&key);
	return found;
}

/* One search under way. */
struct page {
	struct box_search *search;
	struct box_org *org;
	struct json_object *body;
	const struct box_kind *kind;
	struct box_list found;
	size_t offset, limit, results_limit;
	uint32_t query_hash;
};

static struct json_object *blame(const char *field, const char *text)
{
	struct json_object *errors = json_object_new_object();

	json_object_object_add(errors, field, json_object_new_string(text));
	return box_complaint(NULL, errors);
}

/* FNV-1a over the query, so that a cursor fits only the search it came from. */
static uint32_t hash_query(struct json_object *body)
{
	char *text = json_text(json_get(body, "query"));
	uint32_t hash = 2166136261U;

	for (const char *c = text; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619U;
	free(text);
	return hash;
}

/* "issued.offset.hash" */
static struct json_object *read_cursor(struct page *page, uint64_t now_ms)
{
	const char *text = json_get_string(page->body, "cursor");
	unsigned long long issued_ms, offset;
	unsigned hash;
	char more;

	if (!text)
		return NULL;
	if (sscanf(text, "%llu.%llu.%x%c", &issued_ms, &offset, &hash, &more) != 3 ||
	    hash != page->query_hash)
		return blame("cursor", "Invalid cursor");
	if (issued_ms + page->search->cursor_life_ms <= now_ms)
		return blame("cursor", "Expired cursor");
	page->offset = (size_t)offset;
	return NULL;
}

static struct json_object *read_body(struct page *page, uint64_t now_ms)
{
	const int64_t limit = json_get_int(page->body, "_limit", default_page);
	const bool is_lenient = box_doubt_is(&page->org->doubts, DOUBT_SEARCH_FIELD, "nothing");
	struct json_object *query = json_get(page->body, "query");
	struct err err;

	if (!query)
		return blame("query", "This field is required.");
	if (box_query_check(query, is_lenient ? NULL : page->search->store, &err) < 0)
		return blame("query", err.text);
	page->kind = box_query_kind(query);
	if (!page->kind)
		return blame("query", "The query must pin an object type.");
	if (limit < 1 || limit > max_page)
		return blame("_limit", "Input should be less than or equal to 200");
	page->limit = (size_t)limit;
	page->results_limit = (size_t)json_get_int(page->body, "results_limit", max_chain);
	if (page->results_limit > max_chain)
		page->results_limit = max_chain;
	page->query_hash = hash_query(page->body);
	return read_cursor(page, now_ms);
}

static int by_seq(const void *a, const void *b)
{
	const struct box_object *x = *(struct box_object *const *)a;
	const struct box_object *y = *(struct box_object *const *)b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void find(struct page *page)
{
	const struct box_query query = {
		page->search,
		page->search->store,
		{page->org->user->id, box_doubt_is(&page->org->doubts, DOUBT_EXACT_VALUE, "case")},
	};
	struct json_object *node =
		box_query_fold(json_get(page->body, "query"), query.viewer.minds_case);
	struct box_list narrowed = {0};
	const struct box_list *list = &narrowed;
	const struct box_object *last = NULL;

	if (!box_query_candidates(&query, node, page->kind, &narrowed))
		list = box_store_all(page->search->store, page->kind);
	else if (narrowed.n)
		qsort(narrowed.items, narrowed.n, sizeof(struct box_object *), by_seq);
	for (size_t i = 0; i < list->n; i++) {
		struct box_object *o = list->items[i];

		if (o != last && o->indexed && o->kind == page->kind &&
		    box_query_matches(&query, node, o))
			box_list_add(&page->found, o);
		last = o;
	}
	json_object_put(node);
	free(narrowed.items);
}

/* What a search is sorted by: the first key that tells two objects apart. */
struct order {
	size_t n;
	struct order_key {
		char name[128];
		int sign;
	} keys[4];
};

static int compare_values(struct json_object *x, struct json_object *y)
{
	if (!x || !y)
		return !x - !y; /* what has no value comes last */
	if (json_object_is_type(x, json_type_string))
		return strcmp(json_object_get_string(x), json_object_get_string(y));
	return (json_object_get_double(x) > json_object_get_double(y)) -
	       (json_object_get_double(x) < json_object_get_double(y));
}

static int in_order(const void *a, const void *b, void *arg)
{
	const struct box_object *x = *(struct box_object *const *)a;
	const struct box_object *y = *(struct box_object *const *)b;
	const struct order *order = arg;

	for (size_t i = 0; i < order->n; i++) {
		const struct order_key *key = &order->keys[i];
		const int r = compare_values(json_get(x->indexed, key->name),
		                             json_get(y->indexed, key->name));

		if (r)
			return key->sign * r;
	}
	return by_seq(a, b) * (order->n ? order->keys[0].sign : 1);
}

static void add_order(struct order *order, struct json_object *by)
{
	const char *direction = json_get_string(by, "direction");
	const char *custom = json_get_string(json_get(by, "field"), "custom_field_id");
	const char *name = json_get_string(json_get(by, "field"), "field_name");
	struct order_key *key = &order->keys[order->n];

	if (order->n == sizeof(order->keys) / sizeof(order->keys[0]) || (!custom && !name))
		return;
	(void)snprintf(key->name, sizeof(key->name), "%s%s", custom ? "custom." : "",
	               custom ? custom : name);
	key->sign = direction && strcmp(direction, "desc") == 0 ? -1 : 1;
	order->n++;
}

static void sort(struct page *page)
{
	struct json_object *sort = json_get(page->body, "sort");
	struct order order = {0};

	if (!json_object_is_type(sort, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(sort); i++)
		add_order(&order, json_object_array_get_idx(sort, i));
	if (order.n && page->found.n)
		qsort_r(page->found.items, page->found.n, sizeof(struct box_object *), in_order,
		        &order);
}

void box_search_list(struct box_search *search, struct box_org *org, const struct box_kind *kind,
                     struct json_object *body, uint64_t now_ms, struct box_list *ret_found)
{
	struct page page = {.search = search, .org = org, .body = body, .kind = kind};

	catch_up(search, now_ms);
	find(&page);
	sort(&page);
	*ret_found = page.found;
}

static struct json_object *row(const struct page *page, const struct box_object *object)
{
	struct json_object *out = json_object_new_object();
	struct json_object *wanted = json_get(json_get(page->body, "_fields"), page->kind->name);
	struct json_object *whole;

	json_object_object_add(out, "__object_type", json_object_new_string(page->kind->name));
	json_object_object_add(out, "id", json_object_new_string(object->id));
	if (!json_object_is_type(wanted, json_type_array))
		return out;
	whole = box_org_render(page->org, page->kind, object->indexed);
	for (size_t i = 0; i < json_object_array_length(wanted); i++) {
		const char *key = json_object_get_string(json_object_array_get_idx(wanted, i));
		struct json_object *value;

		if (key && json_object_object_get_ex(whole, key, &value))
			json_object_object_add(out, key, json_object_get(value));
	}
	json_object_put(whole);
	return out;
}

static struct json_object *counts(const struct page *page)
{
	struct json_object *count = json_object_new_object();
	const size_t total = page->found.n;
	const size_t limited = total < page->results_limit ? total : page->results_limit;

	json_object_object_add(count, "limited", json_object_new_int64((int64_t)limited));
	json_object_object_add(count, "total", json_object_new_int64((int64_t)total));
	return count;
}

static struct json_object *answer(const struct page *page, uint64_t now_ms)
{
	struct json_object *out = json_object_new_object(), *data = json_object_new_array();
	const size_t end =
		page->found.n < page->results_limit ? page->found.n : page->results_limit;
	size_t i;
	char cursor[64];

	for (i = page->offset; i < end && i < page->offset + page->limit; i++)
		json_object_array_add(data, row(page, page->found.items[i]));
	(void)snprintf(cursor, sizeof(cursor), "%llu.%zu.%x", (unsigned long long)now_ms, i,
	               page->query_hash);
	json_object_object_add(out, "data", data);
	json_object_object_add(out, "cursor", i < end ? json_object_new_string(cursor) : NULL);
	if (json_get_bool(page->body, "include_counts", false))
		json_object_object_add(out, "count", counts(page));
	return out;
}

struct json_object *box_search_answer(struct box_search *search, struct box_org *org,
                                      struct json_object *body, uint64_t now_ms,
                                      struct json_object **ret_complaint)
{
	struct page page = {.search = search, .org = org, .body = body};
	struct json_object *out;

	catch_up(search, now_ms);
	*ret_complaint = read_body(&page, now_ms);
	if (*ret_complaint)
		return NULL;
	find(&page);
	sort(&page);
	out = answer(&page, now_ms);
	free(page.found.items);
	return out;
}
