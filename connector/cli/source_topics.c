#include "connector/cli/source_topics.h"

#include "connector/cli/term.h"
#include "connector/source/kafka_peek.h"
#include "connector/source/kafka_survey.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/plural.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { patience_ms = 10000 };

enum exit_code source_topics_exit_code(int r)
{
	switch (-r) {
	case EACCES:
		return EXIT_REFUSED;
	case ENOENT:
	case EINVAL:
		return EXIT_PIPELINE;
	case ESTALE:
		return EXIT_AGAIN;
	default:
		return EXIT_UNREACHABLE;
	}
}

static void tell_note(void *arg, const char *sentence)
{
	(void)arg;
	(void)fputs("note: ", stderr);
	term_print(stderr, sentence);
	(void)fputc('\n', stderr);
}

int source_topics_open(const struct pipeline *pipeline, struct source **ret_source, struct err *err)
{
	const struct pipeline_source_kafka *kafka = &pipeline->kafka;
	const struct kafka_peek_options options = {
		.conf = &kafka->conf,
		.topics = kafka->topics,
		.group = kafka->group,
		.format = {.tombstones = kafka->tombstones,
	                   .is_framed = kafka->is_framed,
	                   .max_record = pipeline->max_record},
		.start = kafka->start,
		.start_ms = kafka->start_ms,
		.tell = tell_note,
	};

	return kafka_peek_open(&options, ret_source, err);
}

void source_topics_wait(const struct source *source)
{
	enum { one_second_ms = 1000 };
	struct pollfd in = {.fd = source_fd(source), .events = POLLIN};

	if (in.fd >= 0)
		(void)poll(&in, 1, one_second_ms);
}

struct telling {
	const struct pipeline *pipeline;
	source_topics_tell *tell;
	void *arg;
	enum exit_code code; /* of the first trouble */
};

/* Takes @what. */
static void tell(struct telling *t, const char *name, int r, struct buf *what)
{
	t->tell(t->arg, name, r >= 0, buf_text(what));
	buf_deinit(what);
	if (r < 0 && t->code == EXIT_DONE)
		t->code = source_topics_exit_code(r);
}

static void tell_topic(struct telling *t, const struct kafka_topic_survey *topic)
{
	struct buf what = BUF_INIT;

	if (topic->n_topics < 0)
		buf_addf(&what, "%s: %s", topic->written, topic->why.text);
	else if (topic->n_topics == 0)
		buf_addf(&what, "%s fits no topic yet", topic->written);
	else if (*topic->written == '^')
		buf_addf(&what, "%s fits %d topic%s with %zu partition%s, which may be read",
		         topic->written, topic->n_topics, plural(topic->n_topics, "", "s"),
		         topic->n_partitions, plural(topic->n_partitions, "", "s"));
	else
		buf_addf(&what, "%s may be read, %zu partition%s", topic->written,
		         topic->n_partitions, plural(topic->n_partitions, "", "s"));
	tell(t, "topic", topic->n_topics, &what);
}

static void add_start(const struct pipeline_source_kafka *kafka, struct buf *out)
{
	char text[32];

	switch (kafka->start) {
	case KAFKA_START_BEGINNING:
		buf_adds(out, "the beginning");
		return;
	case KAFKA_START_END:
		buf_adds(out, "the end");
		return;
	case KAFKA_START_TIME:
		buf_adds(out, clock_rfc3339(kafka->start_ms, text));
		return;
	}
}

static void tell_group(struct telling *t, const struct kafka_survey *survey)
{
	const struct pipeline_source_kafka *kafka = &t->pipeline->kafka;
	struct buf what = BUF_INIT;

	buf_addf(&what, "%s: ", kafka->group);
	if (survey->group < 0) {
		buf_adds(&what, survey->group_why.text);
	} else if (survey->n_committed) {
		buf_addf(&what, "has offsets of %zu of %zu partition%s", survey->n_committed,
		         survey->n_partitions, plural(survey->n_partitions, "", "s"));
	} else {
		buf_adds(&what, "has no offsets yet, so a run begins at ");
		add_start(kafka, &what);
	}
	tell(t, "group", survey->group, &what);
}

/* "email, or name and phone" */
static void add_match(const struct lookup_rule *match, struct buf *out)
{
	for (size_t i = 0; i < match->n_keys; i++)
		for (size_t k = 0; k < match->keys[i].n; k++)
			buf_addf(out, "%s%s",
			         k   ? " and "
			         : i ? ", or "
			             : "",
			         match->keys[i].fields[k].name);
}

/* Which object a record is about is told by its match; who reads it, by its partition. */
static void tell_order(struct telling *t, const struct kafka_survey *survey)
{
	const struct route_set *routes = &t->pipeline->routes;
	const char *widest = NULL;

	for (size_t i = 0; !widest && i < survey->n; i++)
		widest = survey->topics[i].widest;
	for (size_t i = 0; widest && i < routes->n; i++) {
		const struct route *route = &routes->items[i];
		struct buf what = BUF_INIT;

		if (!route->match.n_keys)
			continue;
		buf_addf(&what, "route %s matches by ", route->name);
		add_match(&route->match, &what);
		buf_addf(&what,
		         ": where several processes read %s, messages about one object must be in "
		         "one partition, so key them by that; else two processes may make the "
		         "object, or write to it in another order",
		         widest);
		tell(t, "order", 0, &what);
	}
}

enum exit_code source_topics_check(const struct pipeline *pipeline, source_topics_tell *tell_fn,
                                   void *arg)
{
	const struct pipeline_source_kafka *kafka = &pipeline->kafka;
	struct telling t = {.pipeline = pipeline, .tell = tell_fn, .arg = arg};
	struct buf what = BUF_INIT;
	struct kafka_survey survey;
	struct err err;
	const int r =
		kafka_survey(&kafka->conf, kafka->topics, kafka->group, patience_ms, &survey, &err);

	buf_adds(&what, r < 0 ? err.text : kafka->conf.brokers);
	tell(&t, "broker", r, &what);
	if (r < 0)
		return t.code;
	for (size_t i = 0; i < survey.n; i++)
		tell_topic(&t, &survey.topics[i]);
	if (survey.n_partitions)
		tell_group(&t, &survey);
	tell_order(&t, &survey);
	kafka_survey_deinit(&survey);
	return t.code;
}
