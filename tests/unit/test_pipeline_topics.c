/* responses.kafka and rejects.kafka: what the program gets of them. */

#include "tests/unit/pipeline_case.h"

#include "lib/mem.h"

#define PROPERTIES                                                                                 \
	"    properties:\n"                                                                        \
	"      security.protocol: sasl_ssl\n"                                                      \
	"      sasl.mechanisms: PLAIN\n"                                                           \
	"      sasl.password: {env: HOOK}\n"                                                       \
	"      ssl.ca.location: tls/ca.pem\n"                                                      \
	"      client.rack: {env: REGION}\n"                                                       \
	"      linger.ms: 20\n"                                                                    \
	"      socket.nagle.disable: true\n"
#define RESPONSES                                                                                  \
	"responses:\n  kafka:\n    topic: told\n    brokers: [\"b1:9093\", \"b2:9093\"]\n" PROPERTIES

static void brokers_and_properties_are_as_the_library_takes_them(void **state)
{
	static const struct {
		const char *name, *value;
	} wanted[] = {
		{"security.protocol", "sasl_ssl"},
		{"sasl.mechanisms", "PLAIN"},
		{"sasl.password", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
		{"ssl.ca.location", "feeds/tls/ca.pem"}, /* relative to the file */
		{"client.rack", "north"},
		{"linger.ms", "20"},
		{"socket.nagle.disable", "true"},
	};
	struct pipeline *p = case_good(V S C R RESPONSES);

	(void)state;
	check_text(p->responses_kafka.topic, "told");
	check_text(p->responses_kafka.conf.brokers, "b1:9093,b2:9093");
	check_eq(p->responses_kafka.conf.n_properties, sizeof(wanted) / sizeof(*wanted));
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		check_text(kafka_conf_get(&p->responses_kafka.conf, wanted[i].name),
		           wanted[i].value);
	check_null(p->rejects_kafka.topic);
	pipeline_free(p);
}

static void each_topic_has_settings_of_its_own(void **state)
{
	struct pipeline *p = case_good(
		V S C R RESPONSES
		"rejects: {kafka: {topic: back, brokers: [\"127.0.0.1:9092\", \"localhost:9092\"]}}\n");

	(void)state;
	check_text(p->responses_kafka.topic, "told");
	check_text(p->rejects_kafka.topic, "back");
	check_text(p->rejects_kafka.conf.brokers, "127.0.0.1:9092,localhost:9092");
	check_eq(p->rejects_kafka.conf.n_properties, 0);
	pipeline_free(p);
}

static void without_secrets_a_file_is_judged_all_the_same(void **state)
{
	struct pipeline *p = case_load_as(
		"p.yaml",
		V S C R "responses: {kafka: {topic: t, brokers: [\"127.0.0.1:1\"], properties: "
			"{sasl.password: {env: NOBODY}, security.protocol: {env: NOBODY}}}}\n",
		false);

	(void)state;
	check_eq(p->n_errors, 0);
	check_null(kafka_conf_get(&p->responses_kafka.conf, "sasl.password"));
	pipeline_free(p);
}

static void a_value_is_never_repeated(void **state)
{
	static const char *const values[] = {
		"linger.ms: hunter2",     "sasl.password: hunter2",
		"ssl.key.pem: hunter2",   "security.protocol: hunter2",
		"acks: hunter2",          "bootstrap.servers: \"user:hunter2@b\"",
		"sasl.passwrod: hunter2",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		char *text = mem_printf(V S C R
		                        "responses: {kafka: {topic: t, brokers: [\"127.0.0.1:1\"], "
		                        "properties: {%s}}}\n",
		                        values[i]);
		struct pipeline *p = case_load(text);
		char *notes = case_notes(p);

		check(p->n_errors > 0);
		check_null(strstr(notes, "hunter2"));
		free(notes);
		pipeline_free(p);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(brokers_and_properties_are_as_the_library_takes_them),
		sentence(each_topic_has_settings_of_its_own),
		sentence(without_secrets_a_file_is_judged_all_the_same),
		sentence(a_value_is_never_repeated),
	};

	return run_sentences(sentences);
}
