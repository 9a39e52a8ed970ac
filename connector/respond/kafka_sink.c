#include "connector/respond/kafka_sink.h"

#include "lib/backoff.h"
#include "lib/kafka_producer.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

/*
 * The window is a ring of what was offered: message number n is its place n % kafka_sink_window.
 * Its front moves as far as everything is in the topic.
 *
 * A failure (no such topic, no right, too large, the producer itself) ends the producer: what still
 * waits in it is taken back, what is on the wire gets a while to end, and after a back-off a new
 * producer begins where the front is. So order is kept, and what comes twice has its id.
 */

enum {
	settle_ms = 5000, /* how long what is on the wire may take to end */
	tick_ms = 1000,   /* a look at the producer that does not depend on its descriptor */
	close_ms = 1000,
};

static const char content_type[] = "application/cloudevents+json; charset=UTF-8";

struct sent {
	uint64_t seq;
	size_t bytes;
	bool is_taken;
};

struct kafka_sink {
	struct loop *loop;
	struct kafka_conf conf;
	char *topic;
	struct kafka_sink_hooks hooks;
	struct kafka_producer *producer; /* NULL: could not be made again */
	struct loop_watch *watch;
	struct loop_timer tick;

	struct sent ring[kafka_sink_window];
	uint64_t n_accepted, n_offered; /* numbers: of the front, of the next */
	size_t bytes;                   /* in the window */
	size_t n_untold;                /* with the producer */

	enum {
		SINK_FLOWING,
		SINK_FAILED,  /* until the producer has told of all it has */
		SINK_WAITING, /* until the back-off is over */
	} state;
	struct backoff backoff;
	struct loop_timer again;
	uint64_t settle_until_ms;
	bool is_down; /* and that was told */
	struct err trouble;
};

static void told(void *arg, uint64_t number, bool is_taken)
{
	struct kafka_sink *s = arg;

	if (s->n_untold)
		s->n_untold--;
	s->ring[number % kafka_sink_window].is_taken |= is_taken;
	if (is_taken || s->state != SINK_FLOWING)
		return;
	s->state = SINK_FAILED;
	(void)err_set(&s->trouble, 0, "%s", kafka_producer_trouble(s->producer));
}

/* Says what the topic has, as far as it has all. */
static void move_front(struct kafka_sink *s)
{
	uint64_t from = 0, to = 0, n = 0, bytes = 0;

	while (s->n_accepted < s->n_offered) {
		const struct sent *sent = &s->ring[s->n_accepted % kafka_sink_window];

		if (!sent->is_taken)
			break;
		from = from ? from : sent->seq;
		to = sent->seq;
		bytes += sent->bytes;
		n++;
		s->n_accepted++;
	}
	if (!n)
		return;
	s->bytes -= bytes;
	backoff_init(&s->backoff, (uint64_t)(uintptr_t)s);
	s->hooks.accepted(s->hooks.arg, from, to, n, bytes);
}

static void tell_change(struct kafka_sink *s)
{
	const bool is_down =
		s->state != SINK_FLOWING || (s->n_untold && kafka_producer_is_down(s->producer));

	/* A new try is not yet a recovery. */
	if (is_down == s->is_down || (!is_down && s->trouble.text[0]))
		return;
	s->is_down = is_down;
	s->hooks.changed(s->hooks.arg, is_down, kafka_sink_trouble(s));
}

static void look(struct kafka_sink *s);

static void on_producer(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	look(arg);
}

static void on_tick(void *arg)
{
	look(arg);
}

static int make_producer(struct kafka_sink *s, struct err *err)
{
	const struct kafka_producer_hooks hooks = {.told = told, .arg = s};
	const int r = kafka_producer_new(&s->conf, s->topic, &hooks, &s->producer, err);

	if (r < 0)
		return r;
	s->watch = loop_watch(s->loop, kafka_producer_fd(s->producer), EPOLLIN, on_producer, s);
	s->n_accepted = s->n_offered = s->bytes = s->n_untold = 0;
	return 0;
}

static void end_producer(struct kafka_sink *s, unsigned max_ms)
{
	loop_unwatch(s->loop, s->watch);
	s->watch = NULL;
	kafka_producer_free(s->producer, max_ms);
	s->producer = NULL;
}

static void begin_again(void *arg)
{
	struct kafka_sink *s = arg;

	end_producer(s, 0);
	if (make_producer(s, &s->trouble) < 0) {
		loop_timer_set(s->loop, &s->again, loop_now_ms(s->loop) + backoff_next(&s->backoff),
		               begin_again, s);
		return;
	}
	s->state = SINK_FLOWING;
	s->hooks.rewound(s->hooks.arg);
}

static void wait_out(struct kafka_sink *s)
{
	const uint64_t now = loop_now_ms(s->loop);

	if (!s->settle_until_ms) {
		kafka_producer_give_back(s->producer);
		s->settle_until_ms = now + settle_ms;
	}
	if (s->n_untold && now < s->settle_until_ms)
		return;
	s->settle_until_ms = 0;
	s->state = SINK_WAITING;
	loop_timer_set(s->loop, &s->again, now + backoff_next(&s->backoff), begin_again, s);
}

static void look(struct kafka_sink *s)
{
	const uint64_t front = s->n_accepted;

	loop_timer_set(s->loop, &s->tick, loop_now_ms(s->loop) + tick_ms, on_tick, s);
	if (!s->producer)
		return;
	kafka_producer_poll(s->producer);
	move_front(s);
	if (s->n_accepted != front && s->state == SINK_FLOWING)
		s->trouble.text[0] = '\0';
	if (s->state == SINK_FAILED)
		wait_out(s);
	tell_change(s);
}

int kafka_sink_new(struct loop *loop, const struct kafka_conf *conf, const char *topic,
                   const struct kafka_sink_hooks *hooks, struct kafka_sink **ret_sink,
                   struct err *err)
{
	struct kafka_sink *s = mem_alloc(sizeof(*s));
	int r;

	s->loop = loop;
	s->conf.brokers = mem_strdup(conf->brokers);
	for (size_t i = 0; i < conf->n_properties; i++)
		kafka_conf_add(&s->conf, conf->properties[i].name, conf->properties[i].value);
	s->topic = mem_strdup(topic);
	s->hooks = *hooks;
	backoff_init(&s->backoff, (uint64_t)(uintptr_t)s);
	r = make_producer(s, err);
	if (r < 0) {
		kafka_sink_free(s);
		return r;
	}
	loop_timer_set(loop, &s->tick, loop_now_ms(loop) + tick_ms, on_tick, s);
	*ret_sink = s;
	return 0;
}

void kafka_sink_free(struct kafka_sink *sink)
{
	if (!sink)
		return;
	loop_timer_unset(sink->loop, &sink->tick);
	loop_timer_unset(sink->loop, &sink->again);
	end_producer(sink, close_ms);
	kafka_conf_deinit(&sink->conf);
	free(sink->topic);
	free(sink);
}

bool kafka_sink_has_room(const struct kafka_sink *sink)
{
	return sink->state == SINK_FLOWING &&
	       sink->n_offered - sink->n_accepted < kafka_sink_window &&
	       sink->bytes < kafka_sink_window_bytes;
}

void kafka_sink_offer(struct kafka_sink *sink, const struct event *event)
{
	struct kafka_sink *s = sink;
	const struct kafka_message message = {
		.number = s->n_offered,
		.key = event->key,
		.value = event->body,
		.value_len = event->body_len,
		.content_type = content_type,
	};
	struct err err = {{0}};
	const int r = kafka_producer_send(s->producer, &message, &err);

	s->ring[s->n_offered++ % kafka_sink_window] =
		(struct sent){.seq = event->seq, .bytes = event->body_len};
	s->bytes += event->body_len;
	if (r == 0) {
		s->n_untold++;
		if (hook_without("kafka_report"))
			s->ring[message.number % kafka_sink_window].is_taken = true;
		return;
	}
	/* A queue that people made smaller than the window is full: that is over in a moment. */
	s->state = SINK_FAILED;
	if (r != -EAGAIN)
		s->trouble = err;
	loop_timer_set(s->loop, &s->tick, loop_now_ms(s->loop), on_tick, s);
}

void kafka_sink_try_now(struct kafka_sink *sink)
{
	if (sink->state == SINK_WAITING)
		loop_timer_set(sink->loop, &sink->again, loop_now_ms(sink->loop), begin_again,
		               sink);
}

const char *kafka_sink_trouble(const struct kafka_sink *sink)
{
	if (sink->trouble.text[0] || !sink->producer)
		return sink->trouble.text;
	return kafka_producer_trouble(sink->producer);
}
