#include "lib/kafka_consumer.h"

#include "lib/clock.h"
#include "lib/kafka_private.h"
#include "lib/mem.h"

#include <errno.h>
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

/* A partition that is assigned. */
struct owned {
	char *topic;
	int32_t partition;
	bool is_paused;
};

struct kafka_consumer {
	rd_kafka_t *rk;
	char *brokers;             /* for sentences */
	rd_kafka_queue_t *queue;   /* what is polled */
	rd_kafka_queue_t *commits; /* results of commits */
	int fd;
	struct pending *first, *last;
	struct pending *current;     /* the caller has it */
	rd_kafka_message_t *message; /* the caller has it */
	rd_kafka_message_t *behind;  /* came behind what is pending */
	struct kafka_header *headers;
	size_t cap_headers;
	struct owned *owned;
	size_t n_owned;
	bool is_assigned; /* what is committed is ours */
	bool is_fatal, is_closing;
};

struct setting {
	const char *name, *value;
};

/* For who says nothing else. */
static const struct setting defaults[] = {
	{"check.crcs", "true"},
	{"session.timeout.ms", "60000"},
	{"max.poll.interval.ms", "300000"},
	/* As much is read ahead: 16 MiB; librdkafka's own would be 64. */
	{"queued.max.messages.kbytes", "16384"},
	{"queued.min.messages", "1000"},
	{"fetch.max.bytes", "8388608"},
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

static void places_take(struct kafka_places *places, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; list && i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *from = &list->elems[i];
		struct kafka_place *to =
			kafka_places_add(places, from->topic, from->partition,
		                         from->offset < 0 ? kafka_no_offset : from->offset);

		to->code = from->err;
		to->trouble = kafka_trouble_of(from->err);
		if (from->metadata && from->metadata_size)
			to->metadata = mem_dup(from->metadata, from->metadata_size);
	}
}

static rd_kafka_topic_partition_list_t *places_list(const struct kafka_places *places)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)places->n + 1);

	for (size_t i = 0; i < places->n; i++) {
		const struct kafka_place *from = &places->items[i];
		rd_kafka_topic_partition_t *to =
			rd_kafka_topic_partition_list_add(list, from->topic, from->partition);

		to->offset = from->offset;
		if (from->metadata) {
			to->metadata = mem_strdup(from->metadata);
			to->metadata_size = strlen(from->metadata);
		}
	}
	return list;
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
	if (p)
		(void)kafka_fail(&p->sentence, code, "Kafka");
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct kafka_consumer *c = opaque;
	struct pending *p;

	(void)rk;
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
		places_take(&leave(c, KAFKA_ASSIGN)->places, list);
	} else {
		const bool is_lost = rd_kafka_assignment_lost(rk);

		places_take(&leave(c, is_lost ? KAFKA_LOST : KAFKA_REVOKE)->places, list);
	}
}

/* Opening */

static int subscribe(struct kafka_consumer *c, char *const *topics, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
	rd_kafka_resp_err_t code;

	for (; *topics; topics++)
		rd_kafka_topic_partition_list_add(list, *topics, RD_KAFKA_PARTITION_UA);
	code = rd_kafka_subscribe(c->rk, list);
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
	c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->fd < 0)
		mem_exhausted();
	(void)rd_kafka_poll_set_consumer(c->rk);
	c->queue = rd_kafka_queue_get_consumer(c->rk);
	c->commits = rd_kafka_queue_new(c->rk);
	rd_kafka_queue_io_event_enable(c->queue, c->fd, &one, sizeof(one));
	rd_kafka_queue_io_event_enable(c->commits, c->fd, &one, sizeof(one));
	if (config->topics)
		r = subscribe(c, config->topics, err);
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
			places_take(&p->places, rd_kafka_event_topic_partition_list(event));
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
		(void)snprintf(doing, sizeof(doing),
		               m->partition < 0 ? "topic %s" : "topic %s, partition %d", topic,
		               m->partition);
		(void)kafka_fail(&p->sentence, m->err, doing);
	} else {
		struct pending *p = leave_trouble(c, m->err);

		if (p)
			(void)kafka_fail(&p->sentence, m->err, "Kafka");
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

/* What is owned */

static struct owned *find_owned(const struct kafka_consumer *c, const char *topic,
                                int32_t partition)
{
	for (size_t i = 0; i < c->n_owned; i++)
		if (c->owned[i].partition == partition && strcmp(c->owned[i].topic, topic) == 0)
			return &c->owned[i];
	return NULL;
}

static void set_paused(struct kafka_consumer *c, struct owned *o, bool is_paused)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, o->topic, o->partition);
	(void)(is_paused ? rd_kafka_pause_partitions(c->rk, list)
	                 : rd_kafka_resume_partitions(c->rk, list));
	rd_kafka_topic_partition_list_destroy(list);
	o->is_paused = is_paused;
}

void kafka_consumer_pause(struct kafka_consumer *consumer, const char *topic, int32_t partition,
                          bool is_paused)
{
	struct owned *o = find_owned(consumer, topic, partition);

	if (o && o->is_paused != is_paused)
		set_paused(consumer, o, is_paused);
}

static void forget_owned(struct kafka_consumer *c)
{
	for (size_t i = 0; i < c->n_owned; i++) {
		/* librdkafka would go on pausing it when it comes back. */
		if (c->owned[i].is_paused)
			set_paused(c, &c->owned[i], false);
		free(c->owned[i].topic);
	}
	free(c->owned);
	c->owned = NULL;
	c->n_owned = 0;
	c->is_assigned = false;
}

int kafka_consumer_assign(struct kafka_consumer *consumer, const struct kafka_places *places,
                          struct err *err)
{
	struct kafka_consumer *c = consumer;
	rd_kafka_topic_partition_list_t *list = places_list(places);
	const rd_kafka_resp_err_t code = rd_kafka_assign(c->rk, list);

	rd_kafka_topic_partition_list_destroy(list);
	if (code)
		return kafka_fail(err, code, "cannot begin to read");
	forget_owned(c);
	c->owned = mem_array(places->n, sizeof(*c->owned));
	c->n_owned = places->n;
	for (size_t i = 0; i < places->n; i++)
		c->owned[i] = (struct owned){.topic = mem_strdup(places->items[i].topic),
		                             .partition = places->items[i].partition};
	c->is_assigned = !c->is_fatal;
	return 0;
}

int kafka_consumer_unassign(struct kafka_consumer *consumer, struct err *err)
{
	rd_kafka_resp_err_t code;

	forget_owned(consumer);
	code = rd_kafka_assign(consumer->rk, NULL);
	return code ? kafka_fail(err, code, "cannot give partitions back") : 0;
}

bool kafka_consumer_is_lost(const struct kafka_consumer *consumer)
{
	return !consumer->is_assigned || rd_kafka_assignment_lost(consumer->rk);
}

/* Committing */

static int commit_to(struct kafka_consumer *c, const struct kafka_places *places,
                     rd_kafka_queue_t *queue, uint64_t ticket, struct err *err)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t code;

	if (kafka_consumer_is_lost(c))
		return kafka_fail(err, RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, "the commit of offsets");
	for (size_t i = 0; i < places->n; i++)
		if (!find_owned(c, places->items[i].topic, places->items[i].partition))
			return kafka_fail(err, RD_KAFKA_RESP_ERR__STATE, "the commit of offsets");
	list = places_list(places);
	code = rd_kafka_commit_queue(c->rk, list, queue, NULL, (void *)(uintptr_t)ticket);
	rd_kafka_topic_partition_list_destroy(list);
	return code ? kafka_fail(err, code, "the commit of offsets") : 0;
}

int kafka_consumer_commit(struct kafka_consumer *consumer, const struct kafka_places *places,
                          uint64_t ticket, struct err *err)
{
	return commit_to(consumer, places, consumer->commits, ticket, err);
}

/* The first error of the commit, or of one of its partitions. */
static rd_kafka_resp_err_t result_of(rd_kafka_event_t *event)
{
	const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);

	for (int i = 0; !code && list && i < list->cnt; i++)
		code = list->elems[i].err;
	return code;
}

int kafka_consumer_commit_within(struct kafka_consumer *consumer, const struct kafka_places *places,
                                 unsigned timeout_ms, struct err *err)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->rk);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	rd_kafka_event_t *event;
	int r = commit_to(consumer, places, queue, 0, err);

	if (r >= 0) {
		event = rd_kafka_queue_poll(queue, (int)timeout_ms);
		if (event)
			code = result_of(event);
		rd_kafka_event_destroy(event);
		r = code ? kafka_fail(err, code, "the commit of offsets") : 0;
	}
	rd_kafka_queue_destroy(queue);
	return r;
}

/* Questions */

static int take_answer(rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t *list,
                       struct kafka_places *places, const char *doing, struct err *err)
{
	struct kafka_places answer = {0};

	for (int i = 0; !code && i < list->cnt; i++)
		code = list->elems[i].err;
	if (code)
		return kafka_fail(err, code, doing);
	places_take(&answer, list);
	kafka_places_deinit(places);
	*places = answer;
	return 0;
}

int kafka_consumer_committed_within(struct kafka_consumer *consumer, struct kafka_places *places,
                                    unsigned timeout_ms, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = places_list(places);
	const rd_kafka_resp_err_t code = rd_kafka_committed(consumer->rk, list, (int)timeout_ms);
	const int r =
		take_answer(code, list, places, "cannot ask what the group has committed", err);

	rd_kafka_topic_partition_list_destroy(list);
	return r;
}

int kafka_consumer_look_up_within(struct kafka_consumer *consumer, struct kafka_places *places,
                                  unsigned timeout_ms, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = places_list(places);
	const rd_kafka_resp_err_t code =
		rd_kafka_offsets_for_times(consumer->rk, list, (int)timeout_ms);
	const int r = take_answer(code, list, places, "cannot ask which records there are", err);

	rd_kafka_topic_partition_list_destroy(list);
	return r;
}

char *kafka_consumer_cluster_within(struct kafka_consumer *consumer, unsigned timeout_ms)
{
	char *id = rd_kafka_clusterid(consumer->rk, (int)timeout_ms);
	char *copy = mem_strdup(id);

	if (id)
		rd_kafka_mem_free(consumer->rk, id);
	return copy;
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
	forget_owned(c);
	rd_kafka_queue_io_event_enable(c->queue, -1, NULL, 0);
	rd_kafka_queue_io_event_enable(c->commits, -1, NULL, 0);
	leave_group(c, until_ms);
	rd_kafka_queue_destroy(c->commits);
	rd_kafka_queue_destroy(c->queue);
	now_ms = clock_monotonic_ms();
	kafka_end_client(c->rk, now_ms < until_ms ? (unsigned)(until_ms - now_ms) : 0);
	free(c->brokers);
	(void)close(c->fd);
	while (c->first) {
		struct pending *p = c->first;

		c->first = p->next;
		pending_free(p);
	}
	free(c->headers);
	free(c);
}
