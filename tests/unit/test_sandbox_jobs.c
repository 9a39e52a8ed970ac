#include "connector/sandbox/jobs.h"
#include "connector/sandbox/sent.h"
#include "lib/mem.h"
#include "tests/unit/box.h"

#include <stdlib.h>

/* A step of a job later; wall clock and loop go on alike. */
static void pass(struct box *b, uint64_t ms)
{
	b->actor.now_ms += ms;
	b->actor.wall_ms += (int64_t)ms;
	box_jobs_run(b->org, b->actor.now_ms, b->actor.wall_ms);
}

/* An e-mail of a new lead, with @more members. */
static const struct box_object *put_email(struct box *b, const char *more)
{
	const char *lead = box_put(b, BOX_LEAD, NULL, "{}")->id;
	char *body = mem_printf("{\"lead_id\":\"%s\",\"sender\":\"a@b.example\","
	                        "\"to\":[\"c@d.example\"],%s}",
	                        lead, more);
	const struct box_object *email = box_put(b, BOX_EMAIL, NULL, body);

	free(body);
	return email;
}

static void a_bulk_action_is_created_then_processing_then_done(void **state)
{
	const struct box_object *action;
	struct box b;

	(void)state;
	box_open(&b, 0);
	(void)box_put(&b, BOX_LEAD, NULL, "{\"name\":\"One\"}");
	action = box_put(&b, BOX_BULK_DELETE, NULL, "{}");
	check_text(box_text(action, "status"), "created");
	pass(&b, box_job_usual_ms / 2 - 1);
	check_text(box_text(action, "status"), "created");
	pass(&b, 1);
	check_text(box_text(action, "status"), "processing");
	check_eq(json_get_int(action->data, "n_leads", -1), 1);
	check_eq(json_get_int(action->data, "n_leads_processed", -1), 0);
	check_eq(box_store_count(b.org->store, &box_kinds[BOX_LEAD]), 1);
	pass(&b, box_job_usual_ms / 2);
	check_text(box_text(action, "status"), "done");
	check_eq(json_get_int(action->data, "n_leads_processed", -1), 1);
	check_eq(box_store_count(b.org->store, &box_kinds[BOX_LEAD]), 0);
	box_close(&b);
}

static void a_late_look_finds_everything_done_in_its_order(void **state)
{
	const struct box_object *first, *second;
	struct box b;

	(void)state;
	box_open(&b, 0);
	(void)box_put(&b, BOX_LEAD, NULL, "{\"name\":\"One\"}");
	first = box_put(&b, BOX_BULK_DELETE, NULL, "{}");
	b.actor.now_ms += 1;
	second = box_put(&b, BOX_BULK_DELETE, NULL, "{}");
	pass(&b, UINT64_C(60) * box_job_usual_ms);
	check_eq(json_get_int(first->data, "n_objects_processed", -1), 1);
	check_eq(json_get_int(second->data, "n_objects_processed", -1), 0);
	box_close(&b);
}

static void the_time_of_jobs_holds_for_those_under_way_too(void **state)
{
	const struct box_object *action;
	uint64_t at_ms = 0;
	struct box b;

	(void)state;
	box_open(&b, 0);
	check(!box_jobs_next(b.org->jobs, &at_ms));
	action = box_put(&b, BOX_BULK_DELETE, NULL, "{}");
	check(box_jobs_next(b.org->jobs, &at_ms));
	check_eq(at_ms, b.actor.now_ms + box_job_usual_ms / 2);
	box_jobs_set_time(b.org->jobs, 0);
	check(box_jobs_next(b.org->jobs, &at_ms));
	check_eq(at_ms, b.actor.now_ms);
	pass(&b, 0);
	check_text(box_text(action, "status"), "done");
	check(!box_jobs_next(b.org->jobs, &at_ms));
	box_close(&b);
}

static int64_t n_sent(const struct box *b)
{
	struct json_object *sent = box_sent_list(b->org->sent);
	const int64_t n = json_get_int(sent, "count", -1);

	json_object_put(sent);
	return n;
}

static void what_was_deleted_has_nothing_done_to_it(void **state)
{
	const struct box_object *email;
	struct box b;

	(void)state;
	box_open(&b, 0);
	email = put_email(&b, "\"status\":\"outbox\"");
	check_null(box_delete(b.org, &b.actor, box_store_find(b.org->store, NULL, email->id)));
	pass(&b, box_job_usual_ms);
	check_eq(n_sent(&b), 0);
	box_close(&b);
}

static void what_is_scheduled_goes_out_at_its_time(void **state)
{
	const struct box_object *email;
	struct box b;

	(void)state;
	box_open(&b, 0); /* at noon of 2026-03-08 */
	email = put_email(&b, "\"status\":\"scheduled\","
	                      "\"date_scheduled\":\"2026-03-08T12:01:00Z\"");
	box_jobs_set_time(b.org->jobs, 0);
	pass(&b, 59999);
	check_text(box_text(email, "status"), "scheduled");
	pass(&b, 1);
	check_text(box_text(email, "status"), "sent");
	check_eq(n_sent(&b), 1);
	box_close(&b);
}

static void the_count_of_what_was_sent_goes_on_when_the_oldest_is_forgotten(void **state)
{
	const struct box_object *lead;
	struct json_object *list;
	struct box b;

	(void)state;
	box_open(&b, 0);
	lead = box_put(&b, BOX_LEAD, NULL, "{}");
	for (size_t i = 0; i < 1001; i++)
		box_sent_note(b.org->sent, lead, i ? NULL : "first");
	list = box_sent_list(b.org->sent);
	check_eq(json_get_int(list, "count", -1), 1001);
	check_eq(json_object_array_length(json_get(list, "data")), 1000);
	check_null(json_get(json_object_array_get_idx(json_get(list, "data"), 0), "to"));
	json_object_put(list);
	box_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_bulk_action_is_created_then_processing_then_done),
		sentence(a_late_look_finds_everything_done_in_its_order),
		sentence(the_time_of_jobs_holds_for_those_under_way_too),
		sentence(what_was_deleted_has_nothing_done_to_it),
		sentence(what_is_scheduled_goes_out_at_its_time),
		sentence(the_count_of_what_was_sent_goes_on_when_the_oldest_is_forgotten),
	};

	return run_sentences(tests);
}
