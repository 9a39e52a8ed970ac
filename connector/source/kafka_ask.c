#include "connector/source/kafka_ask.h"

#include "lib/clock.h"
#include "lib/kafka_topics.h"

#include <errno.h>
#include <poll.h>

enum {
	slice_ms = 1000, /* between looks whether there is any hope */
	moment_ms = 100,
	closing_ms = 1000,
};

int kafka_asking_init(struct kafka_asking *asking, const struct kafka_conf *conf, const char *group,
                      unsigned patience_ms, struct err *err)
{
	const struct kafka_consumer_config config = {.conf = conf, .group = group};

	*asking = (struct kafka_asking){.until_ms = clock_monotonic_ms() + patience_ms};
	return kafka_consumer_open(&config, &asking->consumer, err);
}

void kafka_asking_deinit(struct kafka_asking *asking)
{
	kafka_consumer_close_within(asking->consumer, closing_ms);
	asking->consumer = NULL;
}

void kafka_asking_wait(const struct kafka_asking *asking)
{
	struct pollfd fd = {.fd = kafka_consumer_fd(asking->consumer), .events = POLLIN};

	(void)poll(&fd, 1, moment_ms);
}

void kafka_asking_remember(struct kafka_asking *asking, const char *sentence)
{
	if (!*asking->trouble.text)
		(void)err_set(&asking->trouble, 0, "%s", sentence);
}

/* What librdkafka has to say of connections and logins; nothing is read here. */
static void hear(struct kafka_asking *a)
{
	struct kafka_event event;

	for (kafka_consumer_poll(a->consumer, &event); event.kind != KAFKA_NOTHING;
	     kafka_consumer_poll(a->consumer, &event)) {
		if (event.kind != KAFKA_TROUBLE || event.places.n || a->is_refused)
			continue;
		a->is_refused = event.trouble == KAFKA_REFUSED;
		if (a->is_refused)
			(void)err_set(&a->trouble, 0, "%s", event.sentence);
		else if (event.trouble == KAFKA_UNREACHABLE)
			kafka_asking_remember(a, event.sentence);
	}
}

/* Whether to ask once more; else *@r is the answer. */
static bool asks_again(struct kafka_asking *a, int *r, struct err *err)
{
	if (*r >= 0 || *r == -EACCES || *r == -ENOENT || *r == -EINVAL)
		return false;
	hear(a);
	if (a->is_refused) {
		*r = err_set(err, -EACCES, "%s", a->trouble.text);
		return false;
	}
	if (clock_monotonic_ms() < a->until_ms) {
		kafka_asking_wait(a);
		return true;
	}
	if (*a->trouble.text)
		(void)err_set(err, 0, "%s", a->trouble.text);
	return false;
}

int kafka_ask_topics(struct kafka_asking *asking, const char *topic, struct kafka_places *places,
                     struct err *err)
{
	int r;

	do
		r = kafka_topics_within(asking->consumer, topic, slice_ms, places, err);
	while (asks_again(asking, &r, err));
	return r;
}

int kafka_ask_committed(struct kafka_asking *asking, struct kafka_places *places, struct err *err)
{
	int r;

	do
		r = kafka_consumer_committed_within(asking->consumer, places, slice_ms, err);
	while (asks_again(asking, &r, err));
	return r;
}

int kafka_ask_offsets(struct kafka_asking *asking, struct kafka_places *places, struct err *err)
{
	int r;

	do
		r = kafka_consumer_look_up_within(asking->consumer, places, slice_ms, err);
	while (asks_again(asking, &r, err));
	return r;
}
