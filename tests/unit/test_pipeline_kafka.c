/* source.kafka: what the program gets of it, and what sinks have of it. */

#include "tests/unit/pipeline_case.h"

#include "lib/mem.h"
#include "lib/strlist.h"

#define HEAD      "version: 1\n"
#define NAME      "name: signups\n"
#define LOCAL     "brokers: [\"127.0.0.1:9092\"]"
#define KAFKA(x_) "source: {kafka: {" LOCAL ", " x_ "}}\n"
#define SECURE                                                                                     \
	"source:\n  kafka:\n    brokers: [\"b1:9093\", \"b2:9093\"]\n    topics: [t]\n"            \
	"    properties: {security.protocol: sasl_ssl, sasl.mechanisms: PLAIN, sasl.password: "    \
	"{env: HOOK}, session.timeout.ms: 45000, acks: all, topic.blacklist: ^x, "                 \
	"ssl.ca.location: ca.pem}\n"

static void every_key_arrives(void **state)
{
	struct pipeline *p = case_good(
		V KAFKA("topics: [t, \"^u\"], group: g, start: end, tombstones: route, framing: "
	                "confluent, properties: {session.timeout.ms: 20000, ssl.ca.location: "
	                "ca.pem, sasl.password: {env: HOOK}}") C R);

	(void)state;
	check_eq(strlist_len(p->kafka.topics), 2);
	check_text(p->kafka.topics[0], "t");
	check_text(p->kafka.topics[1], "^u");
	check_text(p->kafka.written, "topics t, ^u");
	check_text(p->kafka.conf.brokers, "127.0.0.1:9092");
	check_text(kafka_conf_get(&p->kafka.conf, "ssl.ca.location"), "feeds/ca.pem");
	check_text(kafka_conf_get(&p->kafka.conf, "sasl.password"),
	           "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
	check_text(p->kafka.group, "g");
	check_eq(p->kafka.start, KAFKA_START_END);
	check_eq(p->kafka.tombstones, KAFKA_TOMBSTONES_ROUTE);
	check(p->kafka.is_framed);
	check_eq(p->kafka.session_ms, 20000);
	check_null(p->ndjson_path);
	check_null(p->ndjson_written);
	pipeline_free(p);
}

static void brokers_may_come_from_outside(void **state)
{
	static const char text[] = V "source: {kafka: {topics: [t], brokers: [\"127.0.0.1:1\", "
				     "{env: NOBODY, default: \"localhost:2,localhost:3\"}]}}\n" C R;
	struct pipeline *p = case_good(text);

	(void)state;
	check_text(p->kafka.conf.brokers, "127.0.0.1:1,localhost:2,localhost:3");
	pipeline_free(p);
	p = case_load_as("p.yaml",
	                 V "source: {kafka: {topics: [t], brokers: [{env: NOBODY}]}}\n" C R, false);
	check_eq(p->n_errors, 0);
	check_null(p->kafka.conf.brokers);
	pipeline_free(p);
	case_check_notes(V "source: {kafka: {topics: [t], brokers: [{env: NOBODY}]}}\n" C R,
	                 "3:47: error: source.kafka.brokers[0]: the environment variable\n");
}

static void what_is_not_written_is_as_the_reference_says(void **state)
{
	/* The group is named after the file, wherever its name stands. */
	struct pipeline *p = case_good(HEAD KAFKA("topics: [t]") C R NAME);

	(void)state;
	check_text(p->kafka.written, "topic t");
	check_text(p->kafka.group, "closefeed.signups");
	check_eq(p->kafka.start, KAFKA_START_BEGINNING);
	check_eq(p->kafka.tombstones, KAFKA_TOMBSTONES_REJECT);
	check(!p->kafka.is_framed);
	check_eq(p->kafka.session_ms, 60000);
	check_eq(p->max_record, 1 << 20);
	pipeline_free(p);
}

static void a_file_is_no_topic(void **state)
{
	struct pipeline *p = case_good(V S C R);

	(void)state;
	check_null(p->kafka.topics);
	check_null(p->kafka.group);
	pipeline_free(p);
}

static void a_start_is_a_word_or_a_time_with_a_zone(void **state)
{
	static const struct {
		const char *written;
		enum kafka_start start;
		int64_t ms; /* -1: refused */
	} cases[] = {
		{"beginning", KAFKA_START_BEGINNING, 0},
		{"2026-03-09T13:00:00Z", KAFKA_START_TIME, 1773061200000},
		{"\"2026-03-09T14:00:00.25+01:00\"", KAFKA_START_TIME, 1773061200250},
		{"1970-01-01T00:00:00Z", KAFKA_START_TIME, 0},
		/* Offsets below 0 are words for the broker. */
		{"1969-12-31T23:59:59.999Z", KAFKA_START_TIME, -1},
		{"2026-03-09T13:00:00", KAFKA_START_TIME, -1},
		{"2026-03-09", KAFKA_START_TIME, -1},
		{"2026-02-30T13:00:00Z", KAFKA_START_TIME, -1},
		{"1773061200", KAFKA_START_TIME, -1},
		{"{env: REGION}", KAFKA_START_TIME, -1},
		{"earliest", KAFKA_START_TIME, -1},
		{"[]", KAFKA_START_TIME, -1},
		{"\"\"", KAFKA_START_TIME, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = mem_printf(V KAFKA("topics: [t], start: %s") C R, cases[i].written);
		struct pipeline *p = case_load(text);

		if ((p->n_errors > 0) != (cases[i].ms < 0) ||
		    (!p->n_errors &&
		     (p->kafka.start != cases[i].start || p->kafka.start_ms != cases[i].ms)))
			fail_msg("%s: %d %lld", cases[i].written, (int)p->kafka.start,
			         (long long)p->kafka.start_ms);
		pipeline_free(p);
		free(text);
	}
}

static void a_sink_has_brokers_and_login_of_the_source(void **state)
{
	struct pipeline *p = case_good(V SECURE C R "responses: {kafka: {topic: told}}\n");
	const struct kafka_conf *conf = &p->responses_kafka.conf;

	(void)state;
	check_text(conf->brokers, "b1:9093,b2:9093");
	check_text(kafka_conf_get(conf, "security.protocol"), "sasl_ssl");
	check_text(kafka_conf_get(conf, "sasl.password"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
	check_text(kafka_conf_get(conf, "ssl.ca.location"), "feeds/ca.pem");
	/* What closefeed sets for producers, and what is only about reading. */
	check_null(kafka_conf_get(conf, "acks"));
	check_null(kafka_conf_get(conf, "topic.blacklist"));
	pipeline_free(p);
}

static void a_sink_goes_before_the_source_with_what_it_says(void **state)
{
	struct pipeline *p =
		case_good(V SECURE C R "rejects: {kafka: {topic: back, properties: "
	                               "{sasl.mechanisms: SCRAM-SHA-256, linger.ms: 5}}}\n");
	const struct kafka_conf *conf = &p->rejects_kafka.conf;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < conf->n_properties; i++)
		n += strcmp(conf->properties[i].name, "sasl.mechanisms") == 0;
	check_eq(n, 1);
	check_text(kafka_conf_get(conf, "sasl.mechanisms"), "SCRAM-SHA-256");
	check_text(kafka_conf_get(conf, "linger.ms"), "5");
	/* A second name of one of them counts where it comes later. */
	check_text(conf->properties[conf->n_properties - 1].name, "linger.ms");
	check_text(kafka_conf_get(conf, "security.protocol"), "sasl_ssl");
	check_text(kafka_conf_get(&p->kafka.conf, "sasl.mechanisms"), "PLAIN");
	pipeline_free(p);
}

static void other_brokers_are_not_shown_the_password(void **state)
{
	struct pipeline *p = case_good(
		V SECURE C R "responses: {kafka: {topic: told, brokers: [\"localhost:1\"]}}\n");

	(void)state;
	check_text(p->responses_kafka.conf.brokers, "localhost:1");
	check_eq(p->responses_kafka.conf.n_properties, 0);
	pipeline_free(p);
}

static void a_sink_that_the_source_reads_is_refused(void **state)
{
	static const struct {
		const char *source, *sink;
		bool is_loop;
	} cases[] = {
		{"topics: [in, out]", "topic: out", true},
		{"topics: [in]", "topic: out", false},
		{"topics: [\"^o\"]", "topic: out", true},
		{"topics: [\"^o$\"]", "topic: out", false},
		{"topics: [\"^(in|out)$\"]", "topic: out", true},
		{"topics: [\"^out\"]", "topic: Out", false},
		{"topics: [out]", "topic: out, brokers: [\"localhost:1\", \"127.0.0.1:9092\"]",
	         true},
		{"topics: [out]", "topic: out, brokers: [\"127.0.0.1:90921\"]", false},
		{"topics: [out]", "topic: out, brokers: [\"127.0.0.1:909\"]", false},
		/* As if it were not there. */
		{"topics: [\"^o\"], properties: {topic.blacklist: \"^x,^out$\"}", "topic: out",
	         false},
		{"topics: [\"^o\"], properties: {topic.blacklist: \"^x\"}", "topic: out", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = mem_printf(V KAFKA("%s") C R "rejects: {kafka: {%s}}\n",
		                        cases[i].source, cases[i].sink);
		struct pipeline *p = case_load(text);
		char *notes = case_notes(p);

		if (!strstr(notes, "rejects.kafka.topic: the source reads it, too") ==
		            cases[i].is_loop ||
		    p->n_errors != cases[i].is_loop)
			fail_msg("%s: %s", text, notes);
		free(notes);
		pipeline_free(p);
		free(text);
	}
}

static void what_the_world_can_read_is_warned_of_once(void **state)
{
	(void)state;
	case_check_notes(V "source: {kafka: {brokers: [\"b:9092\"], topics: [t]}}\n" C R
	                   "responses: {kafka: {topic: told}}\n",
	                 "3:27: warning: source.kafka: what is sent to these brokers\n");
	case_check_notes(V SECURE C R
	                 "responses: {kafka: {topic: told, properties: {security.protocol: "
	                 "sasl_plaintext}}}\n",
	                 "10:46: warning: responses.kafka: what is sent to these brokers\n");
}

static void patterns_are_judged_before_they_fill_the_memory(void **state)
{
	static const struct {
		const char *pattern;
		bool is_fine;
	} cases[] = {
		{"^a(b|c)*$", true},
		{"^[[:alpha:]]+", true},
		{"^a{2,3}", true},
		{"^a{1000}", true},
		{"^a{1001}", false},
		{"^a{2,}{400}", false},
		{"^(((a{99}){99}){99}){99}", false},
		{"^a{99999999999999999999}", false},
		{"^[a", false},
		{"^(a", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = mem_printf(V KAFKA("topics: [\"%s\"]") C R, cases[i].pattern);
		struct pipeline *p = case_load(text);

		if ((p->n_errors == 0) != cases[i].is_fine)
			fail_msg("%s", cases[i].pattern);
		pipeline_free(p);
		free(text);
	}
}

static void the_session_has_room_for_beats_and_polls(void **state)
{
	static const struct {
		const char *properties;
		bool is_fine;
	} cases[] = {
		{"session.timeout.ms: 15000", true},
		{"session.timeout.ms: 14999", false},
		{"session.timeout.ms: 300000", true},
		{"session.timeout.ms: 300001", false},
		{"session.timeout.ms: 300001, max.poll.interval.ms: 400000", true},
		{"max.poll.interval.ms: 59999", false},
		{"heartbeat.interval.ms: 20000", true},
		{"heartbeat.interval.ms: 20001", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = mem_printf(V KAFKA("topics: [t], properties: {%s}") C R,
		                        cases[i].properties);
		struct pipeline *p = case_load(text);

		if ((p->n_errors == 0) != cases[i].is_fine)
			fail_msg("%s", cases[i].properties);
		pipeline_free(p);
		free(text);
	}
}

static void what_promises_rest_on_is_nobodys_to_set(void **state)
{
	static const char *const names[] = {
		"enable.auto.commit",       "auto.commit.enable",
		"enable.auto.offset.store", "auto.offset.reset",
		"isolation.level",          "bootstrap.servers",
		"metadata.broker.list",     "group.id",
		"group.instance.id",        "partition.assignment.strategy",
		"enable.partition.eof",     "allow.auto.create.topics",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *text = mem_printf(V KAFKA("topics: [t], properties: {%s: x}") C R, names[i]);
		struct pipeline *p = case_load(text);
		char *notes = case_notes(p);

		if (p->n_errors != 1 || !strstr(notes, ": take it out"))
			fail_msg("%s: %s", names[i], notes);
		free(notes);
		pipeline_free(p);
		free(text);
	}
}

static void a_key_of_records_says_nothing_of_files(void **state)
{
	struct pipeline *p =
		case_good(V "source:\n  key: \"{@key}\"\n  kafka: {" LOCAL ", topics: [t]}\n" C R);

	(void)state;
	check(p->routes.key != NULL);
	check(!p->start_anew_on_change);
	check(!p->is_anew_for_key);
	pipeline_free(p);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(every_key_arrives),
		sentence(brokers_may_come_from_outside),
		sentence(what_is_not_written_is_as_the_reference_says),
		sentence(a_file_is_no_topic),
		sentence(a_start_is_a_word_or_a_time_with_a_zone),
		sentence(a_sink_has_brokers_and_login_of_the_source),
		sentence(a_sink_goes_before_the_source_with_what_it_says),
		sentence(other_brokers_are_not_shown_the_password),
		sentence(a_sink_that_the_source_reads_is_refused),
		sentence(what_the_world_can_read_is_warned_of_once),
		sentence(patterns_are_judged_before_they_fill_the_memory),
		sentence(the_session_has_room_for_beats_and_polls),
		sentence(what_promises_rest_on_is_nobodys_to_set),
		sentence(a_key_of_records_says_nothing_of_files),
	};

	return run_sentences(sentences);
}
