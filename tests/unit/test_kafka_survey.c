#include "connector/source/kafka_survey.h"

#include "lib/clock.h"
#include "tests/unit/check.h"
#include "tests/unit/kafka_mock.h"

#include <errno.h>
#include <string.h>

static void topics_are_told_with_their_partitions(void **state)
{
	char *const topics[] = {(char[]){"one"}, (char[]){"^wide"}, (char[]){"^no"}, NULL};
	struct mock_kafka *mock = mock_kafka_new();
	struct kafka_survey s;

	(void)state;
	mock_kafka_topic(mock, "one", 1);
	mock_kafka_topic(mock, "wide1", 4);
	mock_kafka_topic(mock, "wide2", 3);
	mock_kafka_produce(mock, "one", 0, &(struct mock_message){.value = "{}"});
	check_eq(kafka_survey(mock_kafka_conf(mock), topics, "g", mock_kafka_ms, &s, NULL), 0);
	check_eq(s.n, 3);
	check_eq(s.topics[0].n_topics, 1);
	check_eq(s.topics[0].n_partitions, 1);
	check_null(s.topics[0].widest);
	check_eq(s.topics[1].n_topics, 2);
	check_eq(s.topics[1].n_partitions, 7);
	check(strncmp(s.topics[1].widest, "wide", 4) == 0);
	check_eq(s.topics[2].n_topics, 0);
	check_eq(s.n_partitions, 8);
	check_eq(s.n_committed, 0);
	check_eq(s.group, 0);
	kafka_survey_deinit(&s);
	mock_kafka_free(mock);
}

static void one_that_is_missing_or_refused_hides_no_other(void **state)
{
	enum { unknown_topic = 3, topic_authorization_failed = 29 };
	char *const topics[] = {(char[]){"gone"}, (char[]){"theirs"}, (char[]){"one"}, NULL};
	struct mock_kafka *mock = mock_kafka_new();
	struct kafka_survey s;

	(void)state;
	mock_kafka_topic(mock, "one", 2);
	mock_kafka_refuse_topic(mock, "gone", unknown_topic);
	mock_kafka_refuse_topic(mock, "theirs", topic_authorization_failed);
	check_eq(kafka_survey(mock_kafka_conf(mock), topics, "g", mock_kafka_ms, &s, NULL), 0);
	check_eq(s.topics[0].n_topics, -ENOENT);
	check(strstr(s.topics[0].why.text, "there is no topic \"gone\""));
	check_eq(s.topics[1].n_topics, -EACCES);
	check(strstr(s.topics[1].why.text, "no right to topic \"theirs\""));
	check_eq(s.topics[2].n_topics, 1);
	check_eq(s.topics[2].n_partitions, 2);
	kafka_survey_deinit(&s);
	mock_kafka_free(mock);
}

static void the_right_to_the_group_is_tried(void **state)
{
	enum { find_coordinator_api = 10, group_authorization_failed = 30 };
	char *const topics[] = {(char[]){"one"}, NULL};
	struct mock_kafka *mock = mock_kafka_new();
	struct kafka_survey s;

	(void)state;
	mock_kafka_topic(mock, "one", 1);
	for (int i = 0; i < 1000; i++)
		mock_kafka_refuse(mock, find_coordinator_api, group_authorization_failed);
	check_eq(kafka_survey(mock_kafka_conf(mock), topics, "g", mock_kafka_ms, &s, NULL), 0);
	check_eq(s.group, -EACCES);
	check(strstr(s.group_why.text, "group"));
	check_eq(s.topics[0].n_topics, 1);
	kafka_survey_deinit(&s);
	mock_kafka_free(mock);
}

static void brokers_that_are_away_end_it_in_time(void **state)
{
	char *const topics[] = {(char[]){"one"}, (char[]){"two"}, NULL};
	struct mock_kafka *mock = mock_kafka_new();
	bool is_in_time = false;

	(void)state;
	mock_kafka_set_down(mock, true);
	/* A machine that stands still says nothing of patience: then once more. */
	for (int tries = 0; !is_in_time && tries < 5; tries++) {
		const uint64_t began_ms = clock_monotonic_ms();
		struct kafka_survey s;
		struct err err;
		const int r = kafka_survey(mock_kafka_conf(mock), topics, "g", 1500, &s, &err);

		check(r < 0 && r != -EACCES);
		is_in_time = strstr(err.text, "no broker can be reached") &&
		             clock_monotonic_ms() < began_ms + 8000;
	}
	check(is_in_time);
	mock_kafka_free(mock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(topics_are_told_with_their_partitions),
		cmocka_unit_test(one_that_is_missing_or_refused_hides_no_other),
		cmocka_unit_test(the_right_to_the_group_is_tried),
		cmocka_unit_test(brokers_that_are_away_end_it_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
