#include "lib/kafka_private.h"
#include "lib/kafka_producer.h"
#include "tests/unit/kafka_cluster.h"

#include <errno.h>

static void a_property_is_judged_by_its_name_and_value(void **state)
{
	static const struct {
		const char *name, *value;
		const char *says; /* NULL: it is fine */
	} cases[] = {
		{"linger.ms", "20", NULL},
		{"security.protocol", "sasl_ssl", NULL},
		{"session.timeout.ms", "60000", NULL},
		{"sasl.password", NULL, NULL},
		{"compression.type", "zstd", NULL},
		{"linger.msec", "20", "did you mean \"linger.ms\"?"},
		{"zebra.crossing", "20", "has no such property"},
		{"linger.ms", "a while", "does not take this value: it takes 0 .. 900000"},
		{"security.protocol", "tls", "it takes plaintext, ssl, sasl_plaintext, sasl_ssl"},
		{"bootstrap.servers", "x:1", "write the brokers under `brokers`"},
		{"acks", "1", "closefeed sets this property itself"},
		{"enable.idempotence", "false", "closefeed sets this property itself"},
		{"message.timeout.ms", "1", "closefeed sets this property itself"},
		{"enable.ssl.certificate.verification", "false", "must stay true"},
		{"enable.ssl.certificate.verification", "true", NULL},
		{"ssl.endpoint.identification.algorithm", "None", "must stay https"},
		{"plugin.library.paths", "/tmp/x.so", "would load other programs"},
		{"ssl.engine.location", "/tmp/x.so", "would load other programs"},
		{"sasl.kerberos.kinit.cmd", "rm -r /", "would run other programs"},
		{"sasl.mechanisms", "GSSAPI", "use SCRAM-SHA-512"},
		{"sasl.mechanisms", "SCRAM-SHA-512", NULL},
		{"log.queue", "true", "would gather what nobody reads"},
		{"dr_msg_cb", "x", "is for programs only"},
		{"test.mock.num.brokers", "3", "has no such property"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = {0};
		const int r = kafka_property_check(cases[i].name, cases[i].value,
		                                   kafka_producer_own, &err);

		if (r != (cases[i].says ? -EINVAL : 0) || (r && !strstr(err.text, cases[i].says)))
			fail_msg("%s: %d %s", cases[i].name, r, err.text);
	}
}

static void a_message_never_repeats_a_value(void **state)
{
	static const char *const names[] = {"linger.ms", "security.protocol", "sasl.mechanisms",
	                                    "acks", "ssl.key.password.x"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct err err = {0};

		(void)kafka_property_check(names[i], "hunter2hunter2", kafka_producer_own, &err);
		check_null(strstr(err.text, "hunter2"));
	}
}

static void credentials_files_and_encryption_are_known(void **state)
{
	struct kafka_conf conf = {0};

	(void)state;
	check(kafka_property_is_secret("sasl.password"));
	check(kafka_property_is_secret("ssl.key.password"));
	check(kafka_property_is_secret("ssl.key.pem"));
	check(!kafka_property_is_secret("sasl.username"));
	check(kafka_property_is_path("ssl.ca.location"));
	check(!kafka_property_is_path(".location"));
	check(!kafka_property_is_path("client.id"));
	check(!kafka_conf_is_encrypted(&conf));
	kafka_conf_add(&conf, "security.protocol", "sasl_plaintext");
	check(!kafka_conf_is_encrypted(&conf));
	kafka_conf_deinit(&conf);
	kafka_conf_add(&conf, "security.protocol", "SASL_SSL");
	check(kafka_conf_is_encrypted(&conf));
	kafka_conf_deinit(&conf);
}

static void a_login_needs_its_mechanism_and_a_protocol_that_has_logins(void **state)
{
	struct kafka_conf conf = {0};
	struct err err;

	(void)state;
	check_eq(kafka_conf_check(&conf, &err), 0);
	kafka_conf_add(&conf, "security.protocol", "SASL_SSL");
	check_eq(kafka_conf_check(&conf, &err), -EINVAL);
	check(strstr(err.text, "needs sasl.mechanisms beside it: SCRAM-SHA-512"));
	kafka_conf_add(&conf, "sasl.mechanism", "PLAIN");
	check_eq(kafka_conf_check(&conf, &err), 0);
	kafka_conf_deinit(&conf);
	kafka_conf_add(&conf, "sasl.mechanisms", "PLAIN");
	check_eq(kafka_conf_check(&conf, &err), -EINVAL);
	check(strstr(err.text, "or nobody logs in"));
	kafka_conf_deinit(&conf);
}

static void what_tls_refuses_is_told_so_also_as_a_connection_that_ended(void **state)
{
	struct err err;

	(void)state;
	check_eq(kafka_explain(RD_KAFKA_RESP_ERR__TRANSPORT,
	                       "error:0A000086:SSL routines::certificate verify failed",
	                       "127.0.0.1:9", "t", &err),
	         -EACCES);
	check(strstr(err.text, "certificate is not trusted"));
	check_eq(kafka_explain(RD_KAFKA_RESP_ERR__TRANSPORT, "Connection refused", "127.0.0.1:9",
	                       "t", &err),
	         -EIO);
	check(strstr(err.text, "no broker can be reached"));
}

static void a_topic_can_be_asked_for(void **state)
{
	struct cluster c = {0};
	struct err err = {0};

	(void)state;
	cluster_open(&c, 3);
	check_eq(kafka_probe_topic(&c.conf, "out", 20000, &err), 3);
	rd_kafka_mock_topic_set_error(c.mock, "nowhere", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	check_eq(kafka_probe_topic(&c.conf, "nowhere", 20000, &err), -ENOENT);
	check(strstr(err.text, "there is no topic \"nowhere\""));
	rd_kafka_mock_broker_set_down(c.mock, 1);
	check_eq(kafka_probe_topic(&c.conf, "out", 700, &err), -EIO);
	check(strstr(err.text, "no broker can be reached"));
	cluster_close(&c);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(a_property_is_judged_by_its_name_and_value),
		sentence(a_message_never_repeats_a_value),
		sentence(credentials_files_and_encryption_are_known),
		sentence(a_login_needs_its_mechanism_and_a_protocol_that_has_logins),
		sentence(what_tls_refuses_is_told_so_also_as_a_connection_that_ended),
		sentence(a_topic_can_be_asked_for),
	};

	return run_sentences(sentences);
}
