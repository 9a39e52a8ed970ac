#include "tests/unit/box.h"

#include "lib/mem.h"

static struct json_object *page(struct box *b, const char *params)
{
	struct json_object *asked = from_json(params), *told;
	struct err err;

	told = box_events_page(b->org->events, b->org, asked, &err);
	json_object_put(asked);
	if (!told)
		check_text(err.text, "");
	return told;
}

static struct json_object *event(struct json_object *told, size_t at)
{
	return json_object_array_get_idx(json_get(told, "data"), at);
}

static size_t n_events(struct json_object *told)
{
	return json_object_array_length(json_get(told, "data"));
}

static void every_change_is_told_newest_first(void **state)
{
	const struct box_object *lead;
	struct json_object *told;
	struct box b;

	(void)state;
	box_open(&b, 0);
	lead = box_put(&b, BOX_LEAD, NULL, "{\"name\":\"A\"}");
	(void)box_put(&b, BOX_LEAD, lead, "{\"name\":\"B\"}");
	(void)box_put(&b, BOX_LEAD, lead, "{\"name\":\"B\"}"); /* changes nothing */
	(void)box_delete(b.org, &b.actor, box_store_find(b.org->store, NULL, lead->id));
	told = page(&b, "{}");
	check_eq(n_events(told), 3);
	check_text(json_get_string(event(told, 0), "action"), "deleted");
	check_text(json_get_string(event(told, 1), "action"), "updated");
	check_text(json_get_string(json_get(event(told, 1), "previous_data"), "name"), "A");
	check_text(json_get_string(json_get(event(told, 1), "data"), "name"), "B");
	check_text(json_get_string(event(told, 2), "action"), "created");
	check_text(json_get_string(json_get(event(told, 2), "data"), "name"), "A");
	check_text(json_get_string(event(told, 2), "object_id"), lead->id);
	check_text(json_get_string(event(told, 2), "request_id"), "req_1");
	check_text(json_get_string(json_get(event(told, 2), "meta"), "request_method"), "POST");
	json_object_put(told);
	box_close(&b);
}

static void a_leads_events_include_those_below_it(void **state)
{
	const struct box_object *lead;
	struct json_object *told;
	struct box b;
	char *params;

	(void)state;
	box_open(&b, 0);
	lead = box_put(&b, BOX_LEAD, NULL, "{\"contacts\":[{}]}");
	(void)box_put(&b, BOX_LEAD, NULL, "{}");
	params = mem_printf("{\"lead_id\":\"%s\"}", lead->id);
	told = page(&b, params);
	check_eq(n_events(told), 2);
	check_text(json_get_string(event(told, 0), "object_type"), "contact");
	check_text(json_get_string(event(told, 1), "object_type"), "lead");
	json_object_put(told);
	free(params);
	told = page(&b, "{\"object_type\":\"lead\",\"action\":\"created\"}");
	check_eq(n_events(told), 2);
	json_object_put(told);
	box_close(&b);
}

static void cursors_go_back_and_forth(void **state)
{
	struct json_object *newest, *older, *newer;
	struct box b;
	char *params;

	(void)state;
	box_open(&b, 0);
	for (int i = 0; i < 5; i++)
		(void)box_put(&b, BOX_LEAD, NULL, "{}");
	newest = page(&b, "{\"_limit\":\"2\"}");
	params = mem_printf("{\"_limit\":\"3\",\"_cursor\":\"%s\"}",
	                    json_get_string(newest, "cursor_next"));
	older = page(&b, params);
	free(params);
	check_eq(n_events(older), 3);
	check_null(json_get(older, "cursor_next"));
	params = mem_printf("{\"_limit\":\"2\",\"_cursor\":\"%s\"}",
	                    json_get_string(older, "cursor_previous"));
	newer = page(&b, params);
	free(params);
	check_eq(n_events(newer), 2);
	check_text(json_get_string(event(newer, 0), "id"), json_get_string(event(newest, 0), "id"));
	check_text(json_get_string(event(newer, 1), "id"), json_get_string(event(newest, 1), "id"));
	json_object_put(newest);
	json_object_put(older);
	json_object_put(newer);
	box_close(&b);
}

static void dates_bound_what_is_told(void **state)
{
	struct json_object *told;
	struct box b;

	(void)state;
	box_open(&b, 0);
	(void)box_put(&b, BOX_LEAD, NULL, "{}"); /* at noon */
	b.actor.wall_ms += 3600000;
	(void)box_put(&b, BOX_LEAD, NULL, "{}");
	told = page(&b, "{\"date_updated__gt\":\"2026-03-08T12:00:00Z\"}");
	check_eq(n_events(told), 1);
	json_object_put(told);
	told = page(&b, "{\"date_updated__gte\":\"2026-03-08T12:00:00Z\"}");
	check_eq(n_events(told), 2);
	json_object_put(told);
	told = page(&b, "{\"date_updated__lt\":\"2026-03-08T13:00:00Z\"}");
	check_eq(n_events(told), 1);
	json_object_put(told);
	box_close(&b);
}

static void what_close_does_not_offer_is_refused(void **state)
{
	static const char *const bad[] = {
		"{\"action\":\"created\"}",
		"{\"object_type\":\"lead\"}",
		"{\"_limit\":\"51\"}",
		"{\"_limit\":\"x\"}",
		"{\"_cursor\":\"nonsense\"}",
		"{\"_cursor\":\"n9\"}",
		"{\"date_updated__gt\":\"now\"}",
	};
	struct box b;

	(void)state;
	box_open(&b, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct json_object *asked = from_json(bad[i]);

		check_null(box_events_page(b.org->events, b.org, asked, NULL));
		json_object_put(asked);
	}
	box_close(&b);
}

static void the_log_may_tell_less_of_an_object(void **state)
{
	struct json_object *told;
	struct err err;
	struct box b;

	(void)state;
	box_open(&b, 0);
	(void)box_put(&b, BOX_LEAD, NULL, "{\"name\":\"A\"}");
	check_eq(box_doubts_set(&b.org->doubts, "event_data", "without_custom", &err), 0);
	told = page(&b, "{}");
	check_text(json_get_string(json_get(event(told, 0), "data"), "name"), "A");
	check_null(json_get(json_get(event(told, 0), "data"), "custom"));
	json_object_put(told);
	check_eq(box_doubts_set(&b.org->doubts, "event_data", "none", &err), 0);
	told = page(&b, "{}");
	check_eq(json_object_object_length(json_get(event(told, 0), "data")), 0);
	json_object_put(told);
	box_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(every_change_is_told_newest_first),
		sentence(the_log_may_tell_less_of_an_object),
		sentence(a_leads_events_include_those_below_it),
		sentence(cursors_go_back_and_forth),
		sentence(dates_bound_what_is_told),
		sentence(what_close_does_not_offer_is_refused),
	};

	return run_sentences(tests);
}
