#include "lib/kafka_consumer.h"

#include "lib/clock.h"
#include "lib/kafka_consumer_private.h"
#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What a callback of librdkafka left for the next poll. */
struct pending {
	struct pending *next;
	enum kafka_event_kind kind;
	struct kafka_places places;
	uint64_t ticket;
	enum kafka_trouble trouble;
	int code;
	struct err sentence;
};

const char *const kafka_consumer_own[] = {
	"enable.auto.commit",
	"auto.commit.enable",
	"enable.auto.offset.store",
	"auto.offset.reset",
	"isolation.level",
	"group.id",
	"group.instance.id",
	"partition.assignment.strategy",
	"enable.partition.eof",
	"allow.auto.create.topics",
	NULL,
};

struct setting {
	const char *name, *value;
};

/* For who says nothing else. */
static const struct setting defaults[] = {
	{"check.crcs", "true"},
	{"session.timeout.ms", "60000"},
	{"max.poll.interval.ms", "300000"},
	/*
         * As much is read ahead: 4 MiB; librdkafka's own would be 64. A small bound on messages
         * would cost speed, since 2.0.2 looks only once a second whether they have become fewer.
         */
	{"queued.max.messages.kbytes", "4096"},
	{"fetch.max.bytes", "4194304"},
	/* Compressed, of each partition: unpacked it may be twenty times as much, all at once. */
	{"max.partition.fetch.bytes", "65536"},
	/* How soon new topics and partitions are heard of, and that a pattern fits none. */
	{"topic.metadata.refresh.interval.ms", "30000"},
};

/* What promises rest on. */
static const struct setting fixed[] = {
	{"enable.auto.commit", "false"},
	{"enable.auto.offset.store", "false"},
	{"auto.offset.reset", "error"},
	{"isolation.level", "read_committed"},
	{"partition.assignment.strategy", "range"},
	{"enable.partition.eof", "true"},
	{"allow.auto.create.topics", "false"},
};

/* What callbacks leave */

static struct pending *leave(struct kafka_consumer *c, enum kafka_event_kind kind)
{
	struct pending *p = mem_alloc(sizeof(*p));

	p->kind = kind;
	*(c->last ? &c->last->next : &c->first) = p;
	c->last = p;
	return p;
}

static void pending_free(struct pending *p)
{
	if (!p)
		return;
	kafka_places_deinit(&p->places);
	free(p);
}

/* The same again and again is told once, as long as nobody has taken it. NULL: it is there. */
static struct pending *leave_trouble(struct kafka_consumer *c, int code)
{
	struct pending *p;

	for (p = c->first; p; p = p->next)
		if (p->kind == KAFKA_TROUBLE && p->code == code)
			return NULL;
	p = leave(c, KAFKA_TROUBLE);
	p->code = code;
	p->trouble = kafka_trouble_of(code);
	return p;
}

/* No callback tells of the partitions: they are all gone. */
static void leave_fatal(struct kafka_consumer *c)
{
	char reason[256];
	const rd_kafka_resp_err_t code = rd_kafka_fatal_error(c->rk, reason, sizeof(reason));
	struct pending *p = c->is_fatal ? NULL : leave_trouble(c, code);

	c->is_fatal = true;
	c->is_assigned = false;
	if (p) {
		(void)snprintf(reason, sizeof(reason), "group %.200s", c->group);
		(void)kafka_fail(&p->sentence, code, reason);
	}
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct kafka_consumer *c = opaque;
	struct pending *p;

	(void)rk;
	if (c->is_closing) /* nobody takes it any more, and little of the consumer may be left */
		return;
	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		leave_fatal(c);
		return;
	}
	p = leave_trouble(c, code);
	if (p)
		(void)kafka_explain((rd_kafka_resp_err_t)code, reason, c->brokers, NULL,
		                    &p->sentence);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct kafka_consumer *c = opaque;

	if (c->is_closing) {
		(void)rd_kafka_assign(rk, NULL);
	} else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		kafka_places_take(&leave(c, KAFKA_ASSIGN)->places, list);
	} else {
		const bool is_lost = rd_kafka_assignment_lost(rk);

		kafka_places_take(&leave(c, is_lost ? KAFKA_LOST : KAFKA_REVOKE)->places, list);
	}
}

/* Opening */

int kafka_consumer_subscribe(struct kafka_consumer *consumer, char *const *topics, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
	rd_kafka_resp_err_t code;

	for (; *topics; topics++)
		rd_kafka_topic_partition_list_add(list, *topics, RD_KAFKA_PARTITION_UA);
	code = rd_kafka_subscribe(consumer->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return code ? kafka_fail(err, code, "cannot subscribe to the topics") : 0;
}

static bool is_set(const struct kafka_conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_properties; i++)
		if (strcmp(conf->properties[i].name, name) == 0)
			return true;
	return false;
}

static int start(struct kafka_consumer *c, const struct kafka_consumer_config *config,
                 struct err *err)
{
	rd_kafka_conf_t *conf;
	int r = kafka_make_conf(config->conf, RD_KAFKA_CONSUMER, &conf, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		if (!is_set(config->conf, defaults[i].name))
			kafka_set(conf, defaults[i].name, defaults[i].value);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		kafka_set(conf, fixed[i].name, fixed[i].value);
	kafka_set(conf, "group.id", config->group);
	if (config->instance)
		kafka_set(conf, "group.instance.id", config->instance);
	rd_kafka_conf_set_opaque(conf, c);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	return kafka_make_client(RD_KAFKA_CONSUMER, conf, &c->rk, err);
}

int kafka_consumer_open(const struct kafka_consumer_config *config,
                        struct kafka_consumer **ret_consumer, struct err *err)
{
	static const uint64_t one = 1;
	struct kafka_consumer *c = mem_alloc(sizeof(*c));
	int r = start(c, config, err);

	if (r < 0) {
		free(c);
		return r;
	}
	c->brokers = mem_strdup(config->conf->brokers);
	c->group = mem_strdup(config->group);
	c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->fd < 0)
		mem_exhausted();
	(void)rd_kafka_poll_set_consumer(c->rk);
	c->queue = rd_kafka_queue_get_consumer(c->rk);
	c->commits = rd_kafka_queue_new(c->rk);
	rd_kafka_queue_io_event_enable(c->queue, c->fd, &one, sizeof(one));
	rd_kafka_queue_io_event_enable(c->commits, c->fd, &one, sizeof(one));
	if (config->topics)
		r = kafka_consumer_subscribe(c, config->topics, err);
	if (r < 0) {
		kafka_consumer_close_within(c, 5000);
		return r;
	}
	*ret_consumer = c;
	return 0;
}

/* Polling */

int kafka_consumer_fd(const struct kafka_consumer *consumer)
{
	return consumer->fd;
}

void kafka_consumer_wake(struct kafka_consumer *consumer)
{
	static const uint64_t one = 1;

	(void)!write(consumer->fd, &one, sizeof(one));
}

static void forget_current(struct kafka_consumer *c)
{
	pending_free(c->current);
	c->current = NULL;
	if (c->message)
		rd_kafka_message_destroy(c->message);
	c->message = NULL;
}

static bool take_pending(struct kafka_consumer *c, struct kafka_event *ret_event)
{
	struct pending *p = c->first;

	if (!p)
		return false;
	c->first = p->next;
	if (!c->first)
		c->last = NULL;
	c->current = p;
	*ret_event = (struct kafka_event){.kind = p->kind,
	                                  .places = p->places,
	                                  .ticket = p->ticket,
	                                  .trouble = p->trouble,
	                                  .sentence = p->sentence.text};
	return true;
}

static void take_results(struct kafka_consumer *c)
{
	rd_kafka_event_t *event;

	while ((event = rd_kafka_queue_poll(c->commits, 0))) {
		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT) {
			const rd_kafka_resp_err_t code = rd_kafka_event_error(event);
			struct pending *p = leave(c, KAFKA_COMMITTED);

			p->ticket = (uint64_t)(uintptr_t)rd_kafka_event_opaque(event);
			p->code = code;
			p->trouble = kafka_trouble_of(code);
			(void)kafka_fail(&p->sentence, code, "the commit of offsets");
			kafka_places_take(&p->places, rd_kafka_event_topic_partition_list(event));
		}
		rd_kafka_event_destroy(event);
	}
}

static void read_headers(struct kafka_consumer *c, struct kafka_message *m)
{
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t len;

	if (rd_kafka_message_headers(c->message, &headers))
		return;
	while (!rd_kafka_header_get_all(headers, m->n_headers, &name, &value, &len)) {
		c->headers =
			mem_grow(c->headers, m->n_headers, &c->cap_headers, sizeof(*c->headers));
		c->headers[m->n_headers++] =
			(struct kafka_header){.name = name, .value = value, .len = len};
	}
	m->headers = c->headers;
}

static void show_message(struct kafka_consumer *c, struct kafka_event *ret_event)
{
	const rd_kafka_message_t *from = c->message;
	rd_kafka_timestamp_type_t kind;

	*ret_event = (struct kafka_event){
		.kind = KAFKA_MESSAGE,
		.message = {.topic = rd_kafka_topic_name(from->rkt),
	                    .partition = from->partition,
	                    .offset = from->offset,
	                    .key = from->key,
	                    .key_len = from->key_len,
	                    .value = from->payload,
	                    .value_len = from->len,
	                    .timestamp_ms = rd_kafka_message_timestamp(from, &kind)}};
	read_headers(c, &ret_event->message);
}

/* What comes in the place of a message: the end of a partition, or a trouble. */
static void leave_error(struct kafka_consumer *c, rd_kafka_message_t *takes_message)
{
	const rd_kafka_message_t *m = takes_message;

	if (m->err == RD_KAFKA_RESP_ERR__FATAL) {
		leave_fatal(c);
	} else if (m->rkt) {
		const bool is_end = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
		struct pending *p = leave(c, is_end ? KAFKA_END : KAFKA_TROUBLE);
		const char *topic = rd_kafka_topic_name(m->rkt);
		char doing[300];

		p->code = m->err;
		p->trouble = kafka_trouble_of(m->err);
		(void)kafka_places_add(&p->places, topic, m->partition, m->offset);
		/* Of a topic as a whole librdkafka says partition 0, without an offset. */
		(void)snprintf(doing, sizeof(doing),
		               m->partition < 0 || m->offset == RD_KAFKA_OFFSET_INVALID
		                       ? "topic %s"
		                       : "topic %s, partition %d",
		               topic, m->partition);
		(void)kafka_fail(&p->sentence, m->err, doing);
	} else {
		struct pending *p = leave_trouble(c, m->err);
		char doing[300];

		(void)snprintf(doing, sizeof(doing), "group %s", c->group);
		if (p)
			(void)kafka_fail(&p->sentence, m->err, doing);
	}
	rd_kafka_message_destroy(takes_message);
}

/* Whether what came says that nothing read before it is ours any more. */
static bool has_revoke(const struct kafka_consumer *c)
{
	for (const struct pending *p = c->first; p; p = p->next)
		if (p->kind == KAFKA_REVOKE || p->kind == KAFKA_LOST)
			return true;
	return c->is_fatal;
}

static bool poll_once(struct kafka_consumer *c, struct kafka_event *ret_event)
{
	if (!c->behind)
		c->behind = rd_kafka_consumer_poll(c->rk, 0);
	if (c->behind && c->behind->err) {
		leave_error(c, c->behind);
		c->behind = NULL;
	}
	take_results(c);
	/* What a callback left came before the message. */
	if (c->first) {
		if (c->behind && has_revoke(c)) {
			rd_kafka_message_destroy(c->behind);
			c->behind = NULL;
		}
		return take_pending(c, ret_event);
	}
	if (!c->behind)
		return false;
	c->message = c->behind;
	c->behind = NULL;
	show_message(c, ret_event);
	return true;
}

void kafka_consumer_poll(struct kafka_consumer *consumer, struct kafka_event *ret_event)
{
	struct kafka_consumer *c = consumer;
	uint64_t n;

	forget_current(c);
	if (take_pending(c, ret_event) || poll_once(c, ret_event))
		return;
	/* Its queues write only when they were empty: look again after the descriptor is. */
	(void)!read(c->fd, &n, sizeof(n));
	if (!poll_once(c, ret_event))
		*ret_event = (struct kafka_event){.kind = KAFKA_NOTHING};
}

/* Closing */

static void leave_group(struct kafka_consumer *c, uint64_t until_ms)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);
	rd_kafka_error_t *error;

	c->is_closing = true;
	(void)rd_kafka_assign(c->rk, NULL);
	error = rd_kafka_consumer_close_queue(c->rk, queue);
	while (!error && !rd_kafka_consumer_closed(c->rk) && clock_monotonic_ms() < until_ms) {
		rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 20);

		if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
			(void)rd_kafka_assign(c->rk, NULL);
		rd_kafka_event_destroy(event);
	}
	if (error)
		rd_kafka_error_destroy(error);
	rd_kafka_queue_destroy(queue);
}

void kafka_consumer_close_within(struct kafka_consumer *consumer, unsigned timeout_ms)
{
	struct kafka_consumer *c = consumer;
	const uint64_t until_ms = clock_monotonic_ms() + timeout_ms;
	uint64_t now_ms;

	if (!c)
		return;
	forget_current(c);
	if (c->behind)
		rd_kafka_message_destroy(c->behind);
	kafka_forget_owned(c);
	rd_kafka_queue_io_event_enable(c->queue, -1, NULL, 0);
	rd_kafka_queue_io_event_enable(c->commits, -1, NULL, 0);
	leave_group(c, until_ms);
	rd_kafka_queue_destroy(c->commits);
	rd_kafka_queue_destroy(c->queue);
	free(c->brokers);
	free(c->group);
	(void)close(c->fd);
	while (c->first) {
		struct pending *p = c->first;

		c->first = p->next;
		pending_free(p);
	}
	free(c->headers);
	now_ms = clock_monotonic_ms();
	kafka_end_client(c->rk, now_ms < until_ms ? (unsigned)(until_ms - now_ms) : 0, c);
}
