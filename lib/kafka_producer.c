#include "lib/kafka_producer.h"
#include "lib/kafka_private.h"

#include "lib/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct kafka_producer {
	struct kafka_producer_hooks hooks;
	char *brokers, *topic_name;
	int fd; /* librdkafka adds to it when its queue is no longer empty */
	rd_kafka_t *client;
	rd_kafka_topic_t *topic;
	rd_kafka_queue_t *queue;
	bool is_down;
	struct err trouble;
};

const char *const kafka_producer_own[] = {
	"enable.idempotence",
	"acks",
	"request.required.acks",
	"message.timeout.ms",
	"delivery.timeout.ms",
	"retries",
	"message.send.max.retries",
	"max.in.flight",
	"max.in.flight.requests.per.connection",
	"queuing.strategy",
	"delivery.report.only.error",
	"enable.gapless.guarantee",
	"transactional.id",
	"allow.auto.create.topics",
	NULL,
};

static const struct {
	const char *name, *value;
} promises[] = {
	{"enable.idempotence", "true"}, /* acks=all, order and no twins over its own retries */
	/* A message given up by time could leave a gap that later ones close. */
	{"message.timeout.ms", "0"},
};

/* People may have others. */
static const struct {
	const char *name, *value;
} defaults[] = {
	{"compression.type", "lz4"},
	/* Java's: so that streams made by other tools have the same keys in the same partitions. */
	{"partitioner", "murmur2_random"},
	/* What is too large for the topic its broker says; it looks at the compressed size. */
	{"message.max.bytes", "16000000"},
	{"queue.buffering.max.messages", "20000"},
	{"queue.buffering.max.kbytes", "65536"},
	/* How long a topic made a moment ago may be unknown. */
	{"topic.metadata.propagation.max.ms", "5000"},
};

static void report(rd_kafka_t *client, const rd_kafka_message_t *message, void *arg)
{
	struct kafka_producer *p = arg;
	const bool is_taken = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;

	(void)client;
	if (is_taken) {
		p->is_down = false;
		p->trouble.text[0] = '\0';
	} else if (message->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE) {
		p->is_down = true;
		(void)kafka_explain(message->err, NULL, p->brokers, p->topic_name, &p->trouble);
	}
	p->hooks.told(p->hooks.arg, (uint64_t)(uintptr_t)message->_private, is_taken);
}

static void failed(rd_kafka_t *client, int code, const char *reason, void *arg)
{
	const bool is_fatal = code == RD_KAFKA_RESP_ERR__FATAL;
	struct kafka_producer *p = arg;
	char why[256];

	if (is_fatal) {
		code = (int)rd_kafka_fatal_error(client, why, sizeof(why));
		reason = why;
	}
	/* That all are down was preceded by why. */
	if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || !p->trouble.text[0])
		(void)kafka_explain((rd_kafka_resp_err_t)code, reason, p->brokers, p->topic_name,
		                    &p->trouble);
	/* One broker of several that ends a connection is no trouble yet. */
	p->is_down |= is_fatal || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
	              code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL;
}

static int connect_to(struct kafka_producer *p, const struct kafka_conf *from, struct err *err)
{
	static const uint64_t one = 1;
	rd_kafka_conf_t *conf;
	int r = kafka_make_conf(from, RD_KAFKA_PRODUCER, &conf, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		if (!kafka_conf_get(from, defaults[i].name))
			kafka_set(conf, defaults[i].name, defaults[i].value);
	for (size_t i = 0; i < sizeof(promises) / sizeof(*promises); i++)
		kafka_set(conf, promises[i].name, promises[i].value);
	rd_kafka_conf_set_opaque(conf, p);
	rd_kafka_conf_set_dr_msg_cb(conf, report);
	rd_kafka_conf_set_error_cb(conf, failed);
	r = kafka_make_client(RD_KAFKA_PRODUCER, conf, &p->client, err);
	if (r < 0)
		return r;
	p->topic = rd_kafka_topic_new(p->client, p->topic_name, NULL);
	if (!p->topic)
		return err_set(err, -EINVAL, "\"%.200s\" cannot be the name of a topic",
		               p->topic_name);
	p->queue = rd_kafka_queue_get_main(p->client);
	rd_kafka_queue_io_event_enable(p->queue, p->fd, &one, sizeof(one));
	/* What came before that (a refused connection) is told by no descriptor, nor is what comes
	 * behind it. */
	if (write(p->fd, &one, sizeof(one)) != sizeof(one))
		return err_set(err, -EIO, "no descriptor for Kafka: %s", strerror(errno));
	return 0;
}

int kafka_producer_new(const struct kafka_conf *conf, const char *topic,
                       const struct kafka_producer_hooks *hooks,
                       struct kafka_producer **ret_producer, struct err *err)
{
	struct kafka_producer *p = mem_alloc(sizeof(*p));
	int r;

	p->hooks = *hooks;
	p->brokers = mem_strdup(conf->brokers);
	p->topic_name = mem_strdup(topic);
	p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = p->fd < 0 ? err_set(err, -errno, "no descriptor for Kafka: %s", strerror(errno))
	              : connect_to(p, conf, err);
	if (r < 0) {
		kafka_producer_free(p, 0);
		return r;
	}
	*ret_producer = p;
	return 0;
}

void kafka_producer_free(struct kafka_producer *producer, unsigned max_ms)
{
	struct kafka_producer *p = producer;

	if (!p)
		return;
	if (p->queue) {
		rd_kafka_queue_io_event_enable(p->queue, -1, NULL, 0);
		rd_kafka_queue_destroy(p->queue);
	}
	if (p->topic)
		rd_kafka_topic_destroy(p->topic);
	if (p->client) {
		(void)rd_kafka_purge(p->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
		                                        RD_KAFKA_PURGE_F_NON_BLOCKING);
		kafka_end_client(p->client, max_ms, NULL);
	}
	if (p->fd >= 0)
		(void)close(p->fd);
	free(p->brokers);
	free(p->topic_name);
	free(p);
}

int kafka_producer_fd(const struct kafka_producer *producer)
{
	return producer->fd;
}

void kafka_producer_poll(struct kafka_producer *producer)
{
	uint64_t n;

	/* First: it is written to again only when the queue was empty before. */
	while (read(producer->fd, &n, sizeof(n)) == sizeof(n))
		;
	while (rd_kafka_poll(producer->client, 0) > 0)
		;
}

/* librdkafka does not write to what it takes as void *. */
static void *unconst(const void *bytes)
{
	void *same;

	memcpy(&same, &bytes, sizeof(same));
	return same;
}

int kafka_producer_send(struct kafka_producer *producer, const struct kafka_message *message,
                        struct err *err)
{
	const struct kafka_message *m = message;
	/* A number that comes back as it is. NOLINTNEXTLINE(performance-no-int-to-ptr) */
	void *const number = (void *)(uintptr_t)m->number;
	rd_kafka_vu_t with[] = {
		{.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = producer->topic},
		{.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
		{.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = number},
		{.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {unconst(m->value), m->value_len}},
		{.vtype = RD_KAFKA_VTYPE_KEY,
	         .u.mem = {unconst(m->key), m->key ? strlen(m->key) : 0}},
		{.vtype = RD_KAFKA_VTYPE_HEADER,
	         .u.header = {"content-type", m->content_type, (ssize_t)strlen(m->content_type)}},
	};
	rd_kafka_error_t *error =
		rd_kafka_produceva(producer->client, with, sizeof(with) / sizeof(*with));
	rd_kafka_resp_err_t code;

	if (!error)
		return 0;
	code = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return -EAGAIN;
	if (code == RD_KAFKA_RESP_ERR__FATAL)
		return err_set(err, -EIO, "%s", producer->trouble.text);
	return kafka_explain(code, NULL, producer->brokers, producer->topic_name, err);
}

void kafka_producer_give_back(struct kafka_producer *producer)
{
	(void)rd_kafka_purge(producer->client,
	                     RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

bool kafka_producer_is_down(const struct kafka_producer *producer)
{
	return producer->is_down;
}

const char *kafka_producer_trouble(const struct kafka_producer *producer)
{
	return producer->trouble.text;
}
