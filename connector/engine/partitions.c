#include "connector/engine/partitions.h"

#include "connector/close/group.h"
#include "connector/engine/repeats.h"
#include "connector/source/kafka.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/*
 * A source whose partitions come and go. What an earlier assignment left open is read from the
 * state when the group has shared out its partitions, and only what is ours then; the engine lives
 * as long as one assignment, and is opened anew for the next (engine_reopen()), so that nothing of
 * one can leak into another.
 */

enum { minute_ms = 60000, give_back_ms = 5000 };

/* What was settled of a partition before its assignment began. */
struct before {
	const struct stream *stream;
	struct stream *was;
};

struct partitions {
	struct before *before;
	size_t n_before;
	bool is_restored;
	/* Where nothing is read: the group has something to say. */
	struct loop *loop;
	struct loop_watch *watch;
	uint64_t doubt_until_ms; /* what an earlier owner made may not be found before */
};

bool partitions_are_read(const struct engine *e)
{
	return e->pipeline->kafka.topics != NULL;
}

struct partitions *partitions_new(void)
{
	return mem_alloc(sizeof(struct partitions));
}

void partitions_free(struct partitions *partitions)
{
	if (!partitions)
		return;
	for (size_t i = 0; i < partitions->n_before; i++)
		stream_free(partitions->before[i].was);
	free(partitions->before);
	loop_unwatch(partitions->loop, partitions->watch);
	free(partitions);
}

/* Opening */

/* What the quota of a minute can send: so much a new owner may have to prove. */
static uint64_t ahead(const struct pipeline *p)
{
	const struct crm_group *g = crm_group_find("write");
	uint64_t n = (uint64_t)g->limit * minute_ms / g->window_ms * p->share_pct / 100;

	if (p->rate_n && p->rate_n * minute_ms / p->rate_per_ms < n)
		n = p->rate_n * minute_ms / p->rate_per_ms;
	return n < 1 ? 1 : n > kafka_ahead_max ? kafka_ahead_max : n;
}

static enum exit_code code_of(int r)
{
	switch (r) {
	case -ESTALE:
	case -EBUSY:
		return EXIT_AGAIN;
	case -EACCES:
		return EXIT_REFUSED;
	case -ENOENT:
	case -EINVAL:
		return EXIT_PIPELINE;
	default:
		return EXIT_UNREACHABLE;
	}
}

/* The turn that it begins is all that is wanted. */
static void is_there(void *arg, int fd, uint32_t events)
{
	(void)arg;
	(void)fd;
	(void)events;
}

static void watch(struct engine *e)
{
	e->partitions->loop = e->loop;
	e->partitions->watch = loop_watch(e->loop, source_fd(e->source), EPOLLIN, is_there, NULL);
}

int partitions_open(struct engine *e, enum exit_code *ret_code, struct err *err)
{
	const struct pipeline *p = e->pipeline;
	const struct pipeline_source_kafka *from = &p->kafka;
	const struct kafka_options options = {
		.conf = &from->conf,
		.topics = from->topics,
		.group = from->group,
		.instance = journal_id(e->journal),
		.journal = journal_id(e->journal),
		.format = {.tombstones = from->tombstones,
	                   .is_framed = from->is_framed,
	                   .max_record = p->max_record},
		.start = from->start,
		.start_ms = from->start_ms,
		.session_ms = from->session_ms,
		/* Who reads nothing asks for the records it sends, each by itself. */
		.ahead = e->options.reads_source ? ahead(p) : 1,
		.is_only_owner = !e->options.reads_source,
		.accepts_offsets = e->options.accepts_offsets,
		.until_end = e->options.until_end,
		.known = e->known,
		.n_known = e->n_streams,
		.host = &e->host,
		.tell = engine_tell,
		.tell_arg = e,
	};
	int r;

	r = e->source ? kafka_go_on(e->source, &options, err)
	              : kafka_open(&options, &e->source, err);
	if (r >= 0 && !e->options.reads_source)
		watch(e);
	*ret_code = code_of(r);
	return r;
}

/* An assignment begins */

/* Not yet said by the stream: what the one who had it meanwhile has settled. */
void partitions_begin(struct engine *e, const struct stream *stream)
{
	struct partitions *ps = e->partitions;
	struct stream *was = stream_new(stream->kind, stream->name);

	was->settled_to = stream->settled_to;
	was->ranges = mem_array(stream->n_ranges, sizeof(*was->ranges));
	was->n_ranges = was->cap_ranges = stream->n_ranges;
	if (was->n_ranges)
		memcpy(was->ranges, stream->ranges, was->n_ranges * sizeof(*was->ranges));
	ps->before = mem_resize(ps->before, ps->n_before + 1, sizeof(*ps->before));
	ps->before[ps->n_before++] = (struct before){.stream = stream, .was = was};
}

/* Another topic has its name now: nobody reads it any more, so nobody else finishes it. */
static bool is_past(const struct engine *e, const struct stream *stream)
{
	for (size_t i = e->n_streams; i-- > 0 && e->streams[i] != stream;)
		if (e->streams[i]->kind == STREAM_PARTITION &&
		    strcmp(e->streams[i]->name, stream->name) == 0)
			return true;
	return false;
}

static bool is_ours(const struct engine *e, const struct stream *stream)
{
	if (!e->source)
		return false;
	return kafka_has(e->source, stream->id) ||
	       (kafka_claim(e->source) == KAFKA_OWNS && is_past(e, stream));
}

enum left_open partitions_look(const struct engine *e, const struct record *record)
{
	const struct stream *stream = settle_stream(e, record->stream), *was = stream;

	if (!stream || stream->kind != STREAM_PARTITION || !partitions_are_read(e))
		return LEFT_TO_US;
	for (size_t i = 0; i < e->partitions->n_before; i++)
		if (e->partitions->before[i].stream == stream)
			was = e->partitions->before[i].was;
	if (stream_is_settled(was, record->pos))
		return LEFT_TO_US; /* a person had it taken up again: it is this state's alone */
	if (!is_ours(e, stream))
		return LEFT_FROZEN;
	return stream_is_settled(stream, record->pos) && !hook_without("let_go") ? LEFT_TO_OTHERS
	                                                                         : LEFT_TO_US;
}

/* What others have settled they may have sent: it says more than this state has seen. */
static bool others_have_written(const struct partitions *ps)
{
	for (size_t i = 0; i < ps->n_before; i++) {
		const struct stream *was = ps->before[i].was, *is = ps->before[i].stream;

		if (was->settled_to != is->settled_to || was->n_ranges != is->n_ranges ||
		    (was->n_ranges &&
		     memcmp(was->ranges, is->ranges, was->n_ranges * sizeof(*was->ranges)) != 0))
			return true;
	}
	return false;
}

/* In the turn that began it: what others have settled goes in the commit that says so. */
static void restore(struct engine *e)
{
	struct partitions *ps = e->partitions;
	const char *cluster = kafka_cluster(e->source);
	struct err err;

	hook_point("assignment_begins");
	ps->is_restored = true;
	ps->doubt_until_ms = loop_now_ms(e->loop) + e->pipeline->quarantine_ms;
	if (journal_set_meta(e->journal, "kafka_cluster", cluster, &err) < 0 ||
	    (others_have_written(ps) && remember_no_more(e, &err) < 0) ||
	    restore_load(e, &err) < 0) {
		delivery_stop(e->delivery, EXIT_LOCAL, err.text);
		return;
	}
	e->routes.partition_seed = cluster;
	if (e->n_handed_over)
		engine_greet(e,
		             "%llu record%s, open since an earlier run, were handed over: another "
		             "process has settled them",
		             (unsigned long long)e->n_handed_over,
		             e->n_handed_over == 1 ? "" : "s");
}

/* It ends, or something else does */

static void hand_over(struct engine *e)
{
	if (e->is_stopping)
		return; /* it ends anyway, and the source gives back what it has */
	hook_point("hand_over_begins");
	settle_stop(e, EXIT_AGAIN, "hands its partitions over");
	e->hands_over = true;
	if (!hook_without("closing"))
		delivery_wind_down(e->delivery);
	/* What is on the wire may be applied: its answers are waited for. Nothing new is sent. */
	if (kafka_claim(e->source) == KAFKA_HAS_LOST)
		kafka_hand_over(e->source, 0);
}

static void check_reach(struct engine *e)
{
	const char *why;
	const uint64_t since = kafka_unreachable_since(e->source, &why);
	char sentence[800];

	if (!since || loop_now_ms(e->loop) < since + e->pipeline->retry_for_ms)
		return;
	(void)snprintf(
		sentence, sizeof(sentence),
		"no Kafka broker was reached for %llu s (delivery.retry_for): %s. Nothing is "
		"lost: run again when they can be reached",
		(unsigned long long)e->pipeline->retry_for_ms / 1000, why);
	delivery_stop(e->delivery, EXIT_UNREACHABLE, sentence);
}

void partitions_turn(struct engine *e)
{
	struct err err;
	int r;

	if (!partitions_are_read(e) || !e->source || !e->is_bound || e->hands_over)
		return;
	r = kafka_turn(e->source, loop_now_ms(e->loop), &err);
	if (r < 0) {
		if (!e->is_stopping)
			delivery_stop(e->delivery, code_of(r), err.text);
		return;
	}
	switch (kafka_claim(e->source)) {
	case KAFKA_WAITS:
		break;
	case KAFKA_OWNS:
		if (!e->partitions->is_restored)
			restore(e);
		break;
	case KAFKA_HANDS_OVER:
	case KAFKA_HAS_LOST:
		hand_over(e);
		return;
	}
	if (!e->is_stopping)
		check_reach(e);
}

void partitions_tell(struct engine *e)
{
	if (partitions_are_read(e) && e->source && e->is_bound && !e->hands_over)
		kafka_tell(e->source);
}

enum exit_code partitions_code(const struct engine *e, int r)
{
	return partitions_are_read(e) ? code_of(r) : r == -ESTALE ? EXIT_AGAIN : EXIT_INPUT;
}

/* What has a row had an INTENT, or goes with an output that had one. */
uint64_t partitions_sent_to(void *arg, const struct stream *stream)
{
	const struct engine *e = arg;
	const uint64_t to = journal_sent_to(e->journal, stream->id);

	/* Where the state cannot say, rather too much. */
	return to != UINT64_MAX ? to : stream->settled_to + kafka_ahead_max;
}

size_t partitions_untold(void *arg, const struct stream *stream,
                         const struct stream_range **ret_ranges)
{
	const struct engine *e = arg;

	return hook_without("untold") ? 0 : repeats_ranges(e->repeats, stream, ret_ranges);
}

bool partitions_are_durable(void *arg)
{
	const struct engine *e = arg;

	return !journal_has_changes(e->journal);
}

/* The engine has drained: all that ended is durable. */
void partitions_give_back(struct engine *e)
{
	hook_point("drained");
	kafka_hand_over(e->source, give_back_ms);
	hook_point("handed_over");
}

static const char *wait_to_send(const struct engine *e)
{
	switch (kafka_claim(e->source)) {
	case KAFKA_WAITS:
		if (kafka_fits_nothing(e->source))
			return "no topic fits the patterns of source.kafka.topics yet";
		return "waiting until the group has shared out its partitions";
	case KAFKA_OWNS:
		if (!kafka_n_partitions(e->source))
			return "the group has no partition left for this process";
		return kafka_has_lease(e->source, loop_now_ms(e->loop))
		               ? NULL
		               : "nothing is sent until Kafka has taken a commit";
	case KAFKA_HANDS_OVER:
	case KAFKA_HAS_LOST:
		break;
	}
	return "hands its partitions over";
}

bool partitions_wait(const struct engine *e, char *text, size_t size)
{
	const char *what, *why;

	if (!partitions_are_read(e) || !e->source || !e->is_bound)
		return false;
	what = wait_to_send(e);
	if (!what)
		return false;
	if (kafka_unreachable_since(e->source, &why))
		(void)snprintf(text, size, "%s: %s", what, why);
	else
		(void)snprintf(text, size, "%s", what);
	return true;
}

/* What may be sent */

bool partitions_may_send(void *arg, const struct request *request)
{
	const struct engine *e = arg;

	if (!partitions_are_read(e) || (e->hands_over && hook_without("closing")))
		return true;
	for (size_t i = 0; i < request->n_parts; i++) {
		const struct record *record = request->parts[i].record;
		const struct stream *stream;

		if (record->kind != STREAM_PARTITION || record->is_settled)
			continue;
		stream = settle_stream(e, record->stream);
		if (!e->source || !stream || !is_ours(e, stream))
			return false;
		/* The clock itself: this process may have been stopped since the turn began. */
		if (kafka_has(e->source, stream->id) &&
		    (!kafka_may_send(e->source, stream->id, clock_monotonic_ms()) ||
		     !kafka_covers(e->source, stream->id, record->pos)))
			return false;
	}
	return true;
}

uint64_t partitions_doubt(void *arg, const struct request *request)
{
	const struct engine *e = arg;
	uint64_t until = 0;

	for (size_t i = 0; !until && i < request->n_parts; i++)
		until = partitions_doubt_until_ms(e, request->parts[i].record);
	return until;
}

uint64_t partitions_doubt_until_ms(const struct engine *e, const struct record *record)
{
	if (!partitions_are_read(e) || !e->source || record->kind != STREAM_PARTITION ||
	    record->is_settled || !kafka_is_doubtful(e->source, record->stream, record->pos))
		return 0;
	return e->partitions->doubt_until_ms;
}
