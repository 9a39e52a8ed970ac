#include "lib/kafka_private.h"
#include "lib/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *kafka_version(void)
{
	return rd_kafka_version_str();
}

/*
 * "sasl_ssl://host:9093/bootstrap: SSL handshake failed: … (after 3ms in state CONNECT)": the name
 * in front is librdkafka's own, and who reads the time behind it thinks of other things.
 */
static void trim_reason(const char *reason, char *text, size_t size)
{
	const char *colon = strstr(reason, ": ");
	char *end;

	/* A name has a slash and no blank. */
	if (colon && (!memchr(reason, '/', (size_t)(colon - reason)) ||
	              memchr(reason, ' ', (size_t)(colon - reason))))
		colon = NULL;
	(void)snprintf(text, size, "%.300s", colon ? colon + 2 : reason);
	end = strstr(text, " (after ");
	if (end)
		*end = '\0';
	while (*text && strchr(":. \n", text[strlen(text) - 1]))
		text[strlen(text) - 1] = '\0';
}

static int explain_credentials(const char *why, const char *brokers, struct err *err)
{
	if (strstr(why, "nsupported SASL mechanism") || strstr(why, "mechanism handshake"))
		return err_set(err, -EACCES,
		               "%.100s: the broker wants another sasl.mechanisms (%s)", brokers,
		               why);
	return err_set(err, -EACCES,
	               "%.100s: the broker refuses the user or the password: look at "
	               "sasl.username and sasl.password (%s)",
	               brokers, why);
}

static int explain_tls(const char *why, const char *brokers, struct err *err)
{
	if (strstr(why, "certificate verify failed") || strstr(why, "hostname"))
		return err_set(err, -EACCES,
		               "%.100s: the broker's certificate is not trusted: does "
		               "ssl.ca.location name its CA, and does the certificate name this "
		               "host? (%s)",
		               brokers, why);
	return err_set(err, -EIO,
	               "%.100s: no TLS with the broker: is security.protocol right for this port? "
	               "(%s)",
	               brokers, why);
}

static int explain_away(const char *why, const char *brokers, struct err *err)
{
	const bool is_cut = strstr(why, "ApiVersion") != NULL;

	/* "2/2 brokers are down" says no more than we do. */
	if (strstr(why, "brokers are down"))
		why = "";
	return err_set(err, -EIO, "%.100s: no broker can be reached%s%s%s: %s", brokers,
	               *why ? " (" : "", why, *why ? ")" : "",
	               is_cut ? "is security.protocol right for this port?"
	                      : "check brokers, and that no firewall stands between");
}

int kafka_explain(rd_kafka_resp_err_t code, const char *reason, const char *brokers,
                  const char *topic, struct err *err)
{
	char why[160];

	if (!topic)
		topic = "?";
	trim_reason(reason ? reason : "", why, sizeof(why));
	switch ((int)code) {
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
	case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
		return explain_credentials(why, brokers, err);
	case RD_KAFKA_RESP_ERR__SSL:
		return explain_tls(why, brokers, err);
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
		/* What TLS has refused may also be told as a connection that ended. */
		return strstr(why, "SSL routines") ? explain_tls(why, brokers, err)
		                                   : explain_away(why, brokers, err);
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		return err_set(err, -ENOENT,
		               "%.100s: there is no topic \"%.200s\": create it, or is its name "
		               "another?",
		               brokers, topic);
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		return err_set(err, -EACCES,
		               "%.100s: this user has no right to topic \"%.200s\": to write to it "
		               "needs WRITE, to read it READ",
		               brokers, topic);
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
		return err_set(
			err, -EACCES,
			"%.100s: this user has no right to write exactly once: give it WRITE "
			"on the topic, and before Kafka 2.8 IDEMPOTENT_WRITE on the cluster",
			brokers);
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
		return err_set(err, -EMSGSIZE,
		               "%.100s: topic \"%.200s\" takes nothing that large: raise its "
		               "max.message.bytes",
		               brokers, topic);
	default:
		return err_set(err, -EIO, "%.100s: %s%s%s%s", brokers, rd_kafka_err2str(code),
		               *why ? " (" : "", why, *why ? ")" : "");
	}
}

int kafka_make_client(rd_kafka_type_t type, rd_kafka_conf_t *takes_conf, rd_kafka_t **ret_client,
                      struct err *err)
{
	char why[256] = "";
	rd_kafka_t *client = rd_kafka_new(type, takes_conf, why, sizeof(why));

	if (!client) {
		rd_kafka_conf_destroy(takes_conf);
		return err_set(err, -EINVAL, "librdkafka does not start: %s", why);
	}
	*ret_client = client;
	return 0;
}

struct ending {
	rd_kafka_t *client;
	void *opaque;
};

static void *destroy(void *arg)
{
	struct ending *ending = arg;

	rd_kafka_destroy(ending->client);
	free(ending->opaque);
	free(ending);
	return NULL;
}

void kafka_end_client(rd_kafka_t *takes_client, unsigned max_ms, void *takes_opaque)
{
	struct ending *ending = mem_alloc(sizeof(*ending));
	struct timespec until;
	sigset_t all, before;
	pthread_t thread;
	int r;

	*ending = (struct ending){.client = takes_client, .opaque = takes_opaque};
	/* Signals are the loop's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, NULL, destroy, ending);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += max_ms / 1000;
	until.tv_nsec += (long)(max_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) != 0)
		(void)pthread_detach(thread);
}

/* Probing */

struct probe {
	const char *brokers, *topic;
	int r;
	struct err err;
	bool is_certain; /* waiting changes nothing */
};

static void probe_failed(rd_kafka_t *client, int code, const char *reason, void *arg)
{
	struct probe *p = arg;

	(void)client;
	/* What stands behind "all brokers are down" was said before. */
	if (p->is_certain || (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && p->r))
		return;
	p->r = kafka_explain((rd_kafka_resp_err_t)code, reason, p->brokers, p->topic, &p->err);
	p->is_certain = p->r == -EACCES;
}

/* 0: no answer yet. */
static int ask_for_topic(rd_kafka_t *client, rd_kafka_topic_t *topic, struct probe *p)
{
	enum { one_try_ms = 500 };
	const struct rd_kafka_metadata *answer = NULL;
	int n = 0;

	if (rd_kafka_metadata(client, 0, topic, &answer, one_try_ms) != 0)
		return 0;
	if (answer->topic_cnt == 1 && !answer->topics[0].err)
		n = answer->topics[0].partition_cnt;
	else if (answer->topic_cnt == 1)
		n = kafka_explain(answer->topics[0].err, NULL, p->brokers, p->topic, &p->err);
	rd_kafka_metadata_destroy(answer);
	return n;
}

/* Until there is an answer, or no hope of one. */
static int probe(rd_kafka_t *client, rd_kafka_topic_t *topic, int max_ms, struct probe *p)
{
	struct timespec begin, now;
	int n, waited_ms;

	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		n = ask_for_topic(client, topic, p);
		(void)rd_kafka_poll(client, 0);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		waited_ms = (int)((now.tv_sec - begin.tv_sec) * 1000 +
		                  (now.tv_nsec - begin.tv_nsec) / 1000000);
	} while (n == 0 && !p->is_certain && waited_ms < max_ms);
	if (n == 0 && !p->r)
		p->r = kafka_explain(RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, p->brokers, p->topic,
		                     &p->err);
	return n ? n : p->r;
}

int kafka_probe_topic(const struct kafka_conf *from, const char *topic, int max_ms, struct err *err)
{
	enum { end_ms = 2000 };
	struct probe p = {.brokers = from->brokers, .topic = topic};
	rd_kafka_conf_t *conf;
	rd_kafka_t *client = NULL;
	rd_kafka_topic_t *handle;
	int r = kafka_make_conf(from, RD_KAFKA_PRODUCER, &conf, err);

	if (r < 0)
		return r;
	rd_kafka_conf_set_error_cb(conf, probe_failed);
	rd_kafka_conf_set_opaque(conf, &p);
	r = kafka_make_client(RD_KAFKA_PRODUCER, conf, &client, err);
	if (r < 0)
		return r;
	handle = rd_kafka_topic_new(client, topic, NULL);
	if (!handle) {
		kafka_end_client(client, end_ms, NULL);
		return err_set(err, -EINVAL, "\"%.200s\" cannot be the name of a topic", topic);
	}
	r = probe(client, handle, max_ms, &p);
	rd_kafka_topic_destroy(handle);
	kafka_end_client(client, end_ms, NULL);
	if (r < 0 && err)
		*err = p.err;
	return r;
}
