#include "connector/source/kafka_peek.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "tests/unit/check.h"
#include "tests/unit/kafka_mock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static char *const topic_t[] = {(char[]){"t"}, NULL};

/* What was told goes to a buffer. */
static void tell(void *arg, const char *sentence)
{
	buf_adds(arg, sentence);
}

static struct kafka_peek_options options_of(const struct mock_kafka *mock, struct buf *told)
{
	return (struct kafka_peek_options){
		.conf = mock_kafka_conf(mock),
		.topics = topic_t,
		.group = "g",
		.format = {.tombstones = KAFKA_TOMBSTONES_IGNORE, .max_record = 1 << 20},
		.patience_ms = mock_kafka_ms,
		.tell = tell,
		.tell_arg = told,
	};
}

static void produce(struct mock_kafka *mock, const char *topic, int32_t partition, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		mock_kafka_produce(mock, topic, partition,
		                   &(struct mock_message){.key = "k", .value = "{\"a\":1}"});
}

/* At most @limit places (0: all), "t/0:0 t/1:0 …", and "end", or the error. */
static char *places(const struct kafka_peek_options *options, unsigned limit)
{
	struct source *source = NULL;
	struct record *record;
	struct buf out = BUF_INIT;
	struct err err = {""};
	int r = kafka_peek_open(options, &source, &err);
	unsigned n = 0;

	while (r >= 0 && (!limit || n < limit)) {
		r = source_next(source, &record, &err);
		if (r == SOURCE_END) {
			buf_adds(&out, "end");
			break;
		}
		if (r == SOURCE_LATER) {
			struct pollfd fd = {.fd = source_fd(source), .events = POLLIN};

			(void)poll(&fd, 1, 1000);
		} else if (r == SOURCE_RECORD) {
			buf_addf(&out, "%s/%" PRId32 ":%" PRIu64 " ", record->source_name,
			         record->partition, record->pos);
			record_unref(record);
			n++;
		}
	}
	if (r < 0)
		buf_addf(&out, "%d %s", r, err.text);
	source_free(source);
	return out.len ? buf_take(&out) : mem_strdup("");
}

static void check_places(const struct kafka_peek_options *options, unsigned limit,
                         const char *expected)
{
	cleanup_(freep) char *text = places(options, limit);

	check_text(text, expected);
}

static void partitions_come_in_turns_and_each_in_its_order(void **state)
{
	struct mock_kafka *mock = mock_kafka_new();
	cleanup_(buf_deinit) struct buf told = BUF_INIT;
	const struct kafka_peek_options options = options_of(mock, &told);

	(void)state;
	mock_kafka_topic(mock, "t", 3);
	produce(mock, "t", 0, 3);
	produce(mock, "t", 2, 2);
	check_places(&options, 0, "t/0:0 t/2:0 t/0:1 t/2:1 t/0:2 end");
	check_places(&options, 2, "t/0:0 t/2:0 ");
	/* Nothing is committed, so it is the same again. */
	check_eq(mock_kafka_committed(mock, "g", "t", 0, NULL), kafka_no_offset);
	check_places(&options, 1, "t/0:0 ");
	check_eq(told.len, 0);
	mock_kafka_free(mock);
}

static void an_empty_topic_ends_at_once(void **state)
{
	struct mock_kafka *mock = mock_kafka_new();
	struct kafka_peek_options options = options_of(mock, NULL);

	(void)state;
	mock_kafka_topic(mock, "t", 4);
	check_places(&options, 0, "end");
	produce(mock, "t", 1, 2);
	options.start = KAFKA_START_END;
	check_places(&options, 0, "end");
	mock_kafka_free(mock);
}

static void it_begins_where_a_member_would(void **state)
{
	struct mock_kafka *mock = mock_kafka_new();
	struct kafka_peek_options options = options_of(mock, NULL);

	(void)state;
	mock_kafka_topic(mock, "t", 2);
	produce(mock, "t", 0, 6);
	produce(mock, "t", 1, 1);
	/* Of offset 2 on, 3 and 4 are settled; the other partition has nothing committed. */
	mock_kafka_commit(mock, "g", "t", 2, "closefeed1 theirs 0 6 1+2");
	check_places(&options, 0, "t/0:2 t/1:0 t/0:5 end");
	options.start = KAFKA_START_END;
	check_places(&options, 0, "t/0:2 t/0:5 end");
	check_eq(mock_kafka_committed(mock, "g", "t", 0, NULL), 2);
	mock_kafka_free(mock);
}

static void a_commit_that_fits_the_topic_no_more_is_told(void **state)
{
	struct mock_kafka *mock = mock_kafka_new();
	cleanup_(buf_deinit) struct buf told = BUF_INIT;
	const struct kafka_peek_options options = options_of(mock, &told);

	(void)state;
	mock_kafka_topic(mock, "t", 1);
	produce(mock, "t", 0, 2);
	mock_kafka_commit(mock, "g", "t", 9, NULL);
	check_places(&options, 0, "t/0:0 t/0:1 end");
	check_text(buf_text(&told), "partition 0 of topic \"t\": it is another than before; reads "
	                            "it from offset 0; run stops there, unless --accept-offsets");
	mock_kafka_free(mock);
}

static void a_pattern_reads_every_topic_that_fits(void **state)
{
	char *const pattern[] = {(char[]){"^t[0-9]$"}, (char[]){"t1"}, NULL};
	char *const none[] = {(char[]){"^nothing"}, NULL};
	struct mock_kafka *mock = mock_kafka_new();
	cleanup_(buf_deinit) struct buf told = BUF_INIT;
	struct kafka_peek_options options = options_of(mock, &told);
	struct kafka_conf some = {.brokers = mem_strdup(options.conf->brokers)};

	(void)state;
	mock_kafka_topic(mock, "t1", 1);
	mock_kafka_topic(mock, "t2", 1);
	mock_kafka_topic(mock, "t10", 1);
	produce(mock, "t1", 0, 1);
	produce(mock, "t2", 0, 2);
	produce(mock, "t10", 0, 1);
	options.topics = pattern;
	check_places(&options, 0, "t1/0:0 t2/0:0 t2/0:1 end");
	kafka_conf_add(&some, "topic.blacklist", "^x,2$");
	options.conf = &some;
	check_places(&options, 0, "t1/0:0 end");
	kafka_conf_deinit(&some);
	options.conf = mock_kafka_conf(mock);
	options.topics = none;
	check_places(&options, 0, "end");
	check_text(buf_text(&told), "no topic fits the pattern ^nothing yet");
	mock_kafka_free(mock);
}

static char *large_value(void)
{
	enum { size = 20000 };

	return mem_printf("{\"a\":\"%0*d\"}", size, 1);
}

static void a_partition_that_sends_much_waits_for_its_turn(void **state)
{
	enum { n = 60 };
	struct mock_kafka *mock = mock_kafka_new();
	const struct kafka_peek_options options = options_of(mock, NULL);
	char *value = large_value();
	cleanup_(freep) char *found = NULL;
	struct buf expected = BUF_INIT;

	(void)state;
	mock_kafka_topic(mock, "t", 2);
	for (int i = 0; i < n; i++) {
		mock_kafka_produce(mock, "t", 0, &(struct mock_message){.value = value});
		mock_kafka_produce(mock, "t", 1, &(struct mock_message){.value = value});
		buf_addf(&expected, "t/0:%d t/1:%d ", i, i);
	}
	buf_adds(&expected, "end");
	found = places(&options, 0);
	check_text(found, expected.data);
	buf_deinit(&expected);
	free(value);
	mock_kafka_free(mock);
}

static void what_comes_after_the_beginning_is_not_waited_for(void **state)
{
	struct mock_kafka *mock = mock_kafka_new();
	const struct kafka_peek_options options = options_of(mock, NULL);
	struct source *source;
	struct record *record;
	int r, records = 0;

	(void)state;
	mock_kafka_topic(mock, "t", 1);
	produce(mock, "t", 0, 3);
	check_eq(kafka_peek_open(&options, &source, NULL), 0);
	produce(mock, "t", 0, 3);
	while ((r = source_next(source, &record, NULL)) != SOURCE_END) {
		struct pollfd fd = {.fd = source_fd(source), .events = POLLIN};

		check(r >= 0);
		if (r == SOURCE_RECORD) {
			records++;
			record_unref(record);
		} else {
			(void)poll(&fd, 1, 1000);
		}
	}
	check_eq(records, 3);
	source_free(source);
	mock_kafka_free(mock);
}

static void a_topic_that_is_not_there_is_named(void **state)
{
	enum { unknown_topic = 3 };
	struct mock_kafka *mock = mock_kafka_new();
	const struct kafka_peek_options options = options_of(mock, NULL);
	struct source *source;
	struct err err;

	(void)state;
	mock_kafka_refuse_topic(mock, "t", unknown_topic);
	check_eq(kafka_peek_open(&options, &source, &err), -ENOENT);
	check(strstr(err.text, "there is no topic \"t\""));
	mock_kafka_free(mock);
}

static void brokers_that_are_away_end_it_in_time(void **state)
{
	struct mock_kafka *mock = mock_kafka_new();
	struct kafka_peek_options options = options_of(mock, NULL);
	bool is_in_time = false;

	(void)state;
	mock_kafka_topic(mock, "t", 1);
	mock_kafka_set_down(mock, true);
	options.patience_ms = 1500;
	/* A machine that stands still says nothing of patience: then once more. */
	for (int tries = 0; !is_in_time && tries < 5; tries++) {
		const uint64_t began_ms = clock_monotonic_ms();
		struct source *source;
		struct err err;
		const int r = kafka_peek_open(&options, &source, &err);

		check(r < 0 && r != -EACCES && r != -ENOENT);
		is_in_time = strstr(err.text, "no broker can be reached") &&
		             clock_monotonic_ms() < began_ms + 8000;
	}
	check(is_in_time);
	mock_kafka_free(mock);
}

/* Only some of the records can be there when the broker goes: 1 MiB is fetched at once. */
static void brokers_that_go_away_end_it_in_time(void **state)
{
	struct mock_kafka *mock = mock_kafka_new();
	struct kafka_peek_options options = options_of(mock, NULL);
	struct kafka_conf small = {.brokers = mem_strdup(options.conf->brokers)};
	char *value = large_value();
	struct source *source;
	struct record *record;
	struct err err = {""};
	int r = -1, records = 0;

	(void)state;
	mock_kafka_topic(mock, "t", 1);
	for (int i = 0; i < 100; i++)
		mock_kafka_produce(mock, "t", 0, &(struct mock_message){.value = value});
	kafka_conf_add(&small, "queued.max.messages.kbytes", "1");
	options.conf = &small;
	options.patience_ms = 2000;
	for (int tries = 0; r < 0 && tries < 5; tries++) /* as long, it may stand still */
		r = kafka_peek_open(&options, &source, NULL);
	check_eq(r, 0);
	mock_kafka_set_down(mock, true);
	while ((r = source_next(source, &record, &err)) >= 0 && r != SOURCE_END) {
		if (r == SOURCE_RECORD) {
			records++;
			record_unref(record);
		} else {
			(void)poll(NULL, 0, 20);
		}
	}
	check_eq(r, -ETIMEDOUT);
	check(records < 100);
	check(strstr(err.text, "nothing came of partition 0 of topic \"t\" for 2 seconds"));
	source_free(source);
	free(value);
	kafka_conf_deinit(&small);
	mock_kafka_free(mock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partitions_come_in_turns_and_each_in_its_order),
		cmocka_unit_test(an_empty_topic_ends_at_once),
		cmocka_unit_test(it_begins_where_a_member_would),
		cmocka_unit_test(a_commit_that_fits_the_topic_no_more_is_told),
		cmocka_unit_test(a_pattern_reads_every_topic_that_fits),
		cmocka_unit_test(a_partition_that_sends_much_waits_for_its_turn),
		cmocka_unit_test(what_comes_after_the_beginning_is_not_waited_for),
		cmocka_unit_test(a_topic_that_is_not_there_is_named),
		cmocka_unit_test(brokers_that_are_away_end_it_in_time),
		cmocka_unit_test(brokers_that_go_away_end_it_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
