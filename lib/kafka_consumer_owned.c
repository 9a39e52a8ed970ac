#include "lib/kafka_consumer_private.h"

#include "lib/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Partitions that are owned: pausing, committing, and questions about them. */

void kafka_places_take(struct kafka_places *places, const rd_kafka_topic_partition_list_t *list)
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

void kafka_forget_owned(struct kafka_consumer *c)
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
	kafka_forget_owned(c);
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

	kafka_forget_owned(consumer);
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
	/* A number that comes back as it is. NOLINTNEXTLINE(performance-no-int-to-ptr) */
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
	kafka_places_take(&answer, list);
	kafka_places_deinit(places);
	*places = answer;
	return 0;
}

int kafka_consumer_committed_within(struct kafka_consumer *consumer, struct kafka_places *places,
                                    unsigned timeout_ms, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = places_list(places);
	const rd_kafka_resp_err_t code = rd_kafka_committed(consumer->rk, list, (int)timeout_ms);
	char doing[300];
	int r;

	(void)snprintf(doing, sizeof(doing), "cannot ask what group %s has committed",
	               consumer->group);
	r = take_answer(code, list, places, doing, err);
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
