#include "connector/engine/lag.h"
#include "connector/engine/private.h"
#include "lib/json.h"
#include "lib/template.h"
#include "tests/unit/journal_case.h"

/* What becomes of a record with a key, where no route sends anything: the rest is up to others. */

static struct engine engine;
static struct pipeline pipeline;
static struct stream *streams[1];

static int begin_engine(void **state)
{
	const int r = begin(state);

	pipeline = (struct pipeline){.routes = {.skip_unrouted = true}};
	check_eq(template_compile("{id}", NULL, NULL, &pipeline.routes.key, NULL), 0);
	streams[0] = stream;
	engine = (struct engine){.journal = journal,
	                         .pipeline = &pipeline,
	                         .routes = pipeline.routes,
	                         .loop = loop_new(),
	                         .redact = redact_new(),
	                         .seen = seen_new(),
	                         .naming = naming_new(),
	                         .resolve = resolve_new(),
	                         .parents = parents_new(),
	                         .parking = parking_new(),
	                         .streams = streams,
	                         .n_streams = 1};
	engine.desk = desk_new(&engine);
	engine.lag = lag_new(&engine);
	return r;
}

static int end_engine(void **state)
{
	lag_free(engine.lag);
	desk_free(engine.desk);
	resolve_free(engine.resolve);
	parking_free(engine.parking);
	parents_free(engine.parents);
	naming_free(engine.naming);
	seen_free(engine.seen);
	redact_free(engine.redact);
	loop_free(engine.loop);
	template_free(pipeline.routes.key);
	return end(state);
}

static struct record *record_saying(uint64_t pos, const char *text)
{
	struct record *r = record_at(pos);

	free(r->raw);
	r->raw = mem_strdup(text);
	r->len = strlen(text);
	check_eq(json_parse(text, strlen(text), 0, &r->value, NULL, NULL), 0);
	engine.n_unsettled++;
	return r;
}

/* As it was read: with a reference that the reader drops. */
static void take(uint64_t pos, const char *text)
{
	struct record *r = record_saying(pos, text);

	seen_take(&engine, r);
	record_unref(r);
}

static uint64_t n_seen_keys(void)
{
	return number("SELECT count(*) FROM seen_key");
}

static void a_key_that_is_not_known_is_taken_and_then_known(void **state)
{
	(void)state;
	take(0, "{\"id\":1,\"n\":1}");
	check_eq(engine.run.counts.skipped, 1); /* no route takes it */
	check_eq(n_seen_keys(), 0);
	commit();
	check_eq(n_seen_keys(), 1);
	take(8, "{\"n\":2,\"id\":1}");
	check_eq(engine.run.counts.skipped, 2);
	check_eq(engine.n_unsettled, 0);
	check(stream_is_settled(stream, 8));
	commit();
	check_eq(n_seen_keys(), 1);
}

static void what_a_key_is_made_of_is_the_value_and_not_its_type(void **state)
{
	(void)state;
	take(0, "{\"id\":1}");
	take(8, "{\"id\":1.0}");
	take(16, "{\"id\":\"a\"}");
	commit();
	check_eq(n_seen_keys(), 3);
	take(24, "{\"id\":\"1\"}"); /* a file may write it with quotes, the next one without */
	commit();
	check_eq(n_seen_keys(), 3);
}

static void a_record_waits_while_its_key_is_open(void **state)
{
	struct record *first = record_saying(0, "{\"id\":7}"), *second, *other;

	(void)state;
	seen_take(&engine, first);
	check(!first->value);
	second = record_saying(8, "{\"id\":7}");
	seen_take(&engine, second); /* what became of the first is not durable */
	check_eq(second->refs, 2);
	check_null(second->value);
	check_eq(engine.n_unsettled, 1);
	other = record_saying(16, "{\"id\":8}");
	seen_take(&engine, other);
	check_eq(engine.n_unsettled, 1);
	check(stream_is_settled(stream, 16) && !stream_is_settled(stream, 8));
	engine.input_goes_on = false;
	commit();
	check(engine.input_goes_on); /* it can be looked up in the next turn */
	record_unref(first);
	record_unref(second);
	record_unref(other);
}

static void a_record_without_a_key_is_rejected(void **state)
{
	static const char *const texts[] = {"{\"x\":1}", "{\"id\":null}", "{\"id\":\" \"}",
	                                    "{\"id\":{}}"};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		take(8 * i, texts[i]);
	commit();
	check_eq(engine.run.counts.rejected, 4);
	check_eq(n_parts(), 4);
	check_eq(number("SELECT count(*) FROM part WHERE takes_rest"), 4);
	check_eq(number("SELECT count(*) FROM record WHERE user_key IS NULL"), 4);
	check_eq(n_seen_keys(), 0);
}

static struct record *keyed(uint64_t pos, char key)
{
	struct record *r = record_at(pos);

	r->has_key = true;
	memset(r->key, key, sizeof(r->key));
	return r;
}

static void a_person_waits_for_another_record_with_the_key(void **state)
{
	struct record *mine = keyed(0, 'k'), *again = keyed(0, 'k'), *other = keyed(8, 'k');
	struct err err = {{0}};

	(void)state;
	check(seen_admits(&engine, mine, &err));
	seen_hold(&engine, mine);
	check(seen_admits(&engine, again, &err)); /* another output of the same record */
	check(!seen_admits(&engine, other, &err));
	check(strstr(err.text, "source.key"));
	seen_hold(&engine, again);
	seen_end(&engine, mine);
	commit();
	check(!seen_admits(&engine, other, &err)); /* one of the two is still open */
	seen_end(&engine, again);
	check(!seen_admits(&engine, other, &err));
	commit();
	check(seen_admits(&engine, other, &err));
	record_unref(mine);
	record_unref(again);
	record_unref(other);
}

static void what_was_left_open_without_a_key_gets_one(void **state)
{
	struct request *r = request_at(8);
	struct record *record = r->parts[0].record, *twin;

	(void)state;
	free(record->raw);
	record->raw = mem_strdup("{\"id\":5}");
	record->len = 8;
	put_intent(r);
	seen_hold_left_open(&engine, record);
	check(record->has_key && !record->value);
	commit();
	check_eq(number("SELECT count(*) FROM record WHERE user_key IS NOT NULL"), 1);
	twin = record_saying(80, "{\"id\":5}");
	seen_take(&engine, twin);
	check_eq(twin->refs, 2);
	record_unref(twin);
	request_free(r);
}

static bool admits(const char *text, bool is_again)
{
	struct record *r = record_saying(800, text);
	struct err err;
	const bool admits = seen_admits_new(&engine, &pipeline.routes, r, is_again, &err);

	check_eq(r->has_key, strstr(text, "id") != NULL);
	record_unref(r);
	return admits;
}

static void a_record_may_be_sent_by_a_person_unless_its_key_says_no(void **state)
{
	(void)state;
	check(admits("{\"id\":1}", false));
	check(!admits("{\"x\":1}", false) && !admits("{\"x\":1}", true));
	take(8, "{\"id\":2}");
	check(!admits("{\"id\":2}", false) && !admits("{\"id\":2}", true)); /* it is open */
	commit();
	check(!admits("{\"id\":2}", false));
	check(admits("{\"id\":2}", true));
}

#define in_an_engine(fn) cmocka_unit_test_setup_teardown(fn, begin_engine, end_engine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_an_engine(a_key_that_is_not_known_is_taken_and_then_known),
		in_an_engine(what_a_key_is_made_of_is_the_value_and_not_its_type),
		in_an_engine(a_record_waits_while_its_key_is_open),
		in_an_engine(a_record_without_a_key_is_rejected),
		in_an_engine(a_person_waits_for_another_record_with_the_key),
		in_an_engine(what_was_left_open_without_a_key_gets_one),
		in_an_engine(a_record_may_be_sent_by_a_person_unless_its_key_says_no),
	};

	return run_sentences(tests);
}
