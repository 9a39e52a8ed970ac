#include "connector/sandbox/webhook_rules.h"

#include "connector/sandbox/item.h"
#include "connector/sandbox/webhook_filter.h"
#include "lib/json.h"
#include "lib/net.h"

#include <stdio.h>

enum { max_subscriptions = 40 };

/* 64 hexadecimal digits, the same again with the same --seed. */
static void make_key(struct box_write *write)
{
	char halves[2][33], key[65];

	box_store_make_trace(write->org->store, halves[0]);
	box_store_make_trace(write->org->store, halves[1]);
	(void)snprintf(key, sizeof(key), "%s%s", halves[0], halves[1]);
	box_write_set(write, "signature_key", key);
}

static void check_filter(struct box_write *write, const char *name, struct json_object *filter)
{
	struct err err;

	if (filter && box_webhook_filter_check(filter, &err) < 0)
		box_write_blame_text(write, name, err.text);
}

void box_finish_webhook(struct box_write *write)
{
	const char *url = json_get_string(write->data, "url");
	struct json_object *events = json_get(write->data, "events");

	if (!write->old && box_store_count(write->org->store, write->kind) >= max_subscriptions)
		box_write_object(write, "An organization has at most 40 webhook subscriptions.");
	if (url && !net_url_is_loopback(url))
		box_write_blame_text(write, "url",
		                     "The sandbox calls nobody but this machine: the URL must "
		                     "begin with http://127.0.0.1, http://localhost or "
		                     "http://[::1].");
	for (size_t i = 0; events && i < json_object_array_length(events); i++)
		check_filter(write, "events",
		             json_get(json_object_array_get_idx(events, i), "extra_filter"));
	check_filter(write, "event_filter", json_get(write->data, "event_filter"));
	if (write->old)
		return;
	box_write_set(write, "status", "active");
	make_key(write);
}

void box_render_webhook(struct box_org *org, struct json_object *data, struct json_object *out)
{
	(void)org;
	(void)data;
	json_object_object_del(out, "signature_key");
}

void box_page_subscribe(struct box_visit *v)
{
	const struct box_kind *kind = &box_kinds[BOX_WEBHOOK];
	const struct box_object *object;

	box_item_write(v, kind, NULL);
	if (!v->call->is_applied)
		return;
	object = box_store_find(v->api->org->store, kind, v->call->object_id);
	box_set(v->answer->json, "signature_key",
	        json_object_get(json_get(object->data, "signature_key")));
}
