/*
 * The source of topics by itself, with a state, on a real broker: reads what it is given, "sends"
 * each record that may be sent by printing it, and settles it. For tests/integration/
 * test_kafka_source.py. It prints a line for whatever happens:
 *
 *   owns N             N partitions are read
 *   record P OFFSET    sent; "doubtful P OFFSET" where another owner may have sent it
 *   handed over, lost  partitions went
 *   says SENTENCE      for a person
 *   end                until-end was given, and it is
 *   failed R SENTENCE  and it ends
 *
 *   source_probe STATE BROKERS GROUP TOPIC [until-end] [accept] [end] [static]
 *                [ahead=N: offsets a ceiling is set ahead]
 *                [settle=N: of each N records the first is never settled] [name=value: property]
 */

#include "connector/delivery/journal.h"
#include "connector/source/kafka.h"
#include "lib/clock.h"
#include "lib/mem.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct probe {
	struct kafka_options options;
	struct kafka_conf conf;
	struct source_host host;
	struct journal *journal;
	struct source *source;
	struct stream **streams;
	size_t n_streams;
	struct record *waiting; /* may not be sent yet */
	uint64_t settle, n_sent;
	enum kafka_claim claim;
	bool is_ended;
	bool goes_on; /* there is more at once */
};

static volatile sig_atomic_t is_stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	is_stopped = 1;
}

static void take_stream(void *arg, struct stream *takes_stream)
{
	struct probe *p = arg;

	p->streams = mem_resize(p->streams, p->n_streams + 1, sizeof(struct stream *));
	p->streams[p->n_streams++] = takes_stream;
}

static void begin(void *arg, struct stream *stream, bool is_new)
{
	struct probe *p = arg;

	if (!is_new)
		return;
	stream->id = journal_next_stream(p->journal);
	take_stream(p, stream);
}

static void store(void *arg, struct stream *stream)
{
	struct probe *p = arg;

	journal_put_stream(p->journal, stream);
}

static void tell(void *arg, const char *sentence)
{
	(void)arg;
	printf("says %s\n", sentence);
}

static int fail(int r, const struct err *err)
{
	printf("failed %d %s\n", r, err->text);
	return 1;
}

static struct stream *stream_of(const struct probe *p, const struct record *record)
{
	for (size_t i = 0; i < p->n_streams; i++)
		if (p->streams[i]->id == record->stream)
			return p->streams[i];
	abort();
}

static void send_waiting(struct probe *p)
{
	struct record *r = p->waiting;
	struct stream *stream;

	if (!r || !kafka_may_send(p->source, r->stream, clock_monotonic_ms()))
		return;
	p->waiting = NULL;
	stream = stream_of(p, r);
	printf("%s %d %" PRIu64 "\n",
	       kafka_is_doubtful(p->source, r->stream, r->pos) ? "doubtful" : "record",
	       r->partition, r->pos);
	if (!p->settle || p->n_sent++ % p->settle) {
		stream_settle(stream, r->pos, r->next_pos, 0);
		journal_put_stream(p->journal, stream);
	}
	record_unref(r);
}

static void follow_group(struct probe *p)
{
	const enum kafka_claim claim = kafka_claim(p->source);

	if (claim == KAFKA_HANDS_OVER || claim == KAFKA_HAS_LOST) {
		record_unref(p->waiting);
		p->waiting = NULL;
		kafka_hand_over(p->source, 5000);
		printf("%s\n", claim == KAFKA_HANDS_OVER ? "handed over" : "lost");
		p->options.known = p->streams;
		p->options.n_known = p->n_streams;
		if (kafka_go_on(p->source, &p->options, NULL) < 0)
			abort();
	} else if (claim != p->claim && claim == KAFKA_OWNS) {
		printf("owns %zu\n", kafka_n_partitions(p->source));
	}
	p->claim = kafka_claim(p->source);
}

/* Reads what there is; false: it failed. */
static bool read_some(struct probe *p, struct err *err, int *ret_r)
{
	int r = SOURCE_RECORD;

	for (int i = 0; i < 200 && r == SOURCE_RECORD && !p->waiting && !p->is_ended; i++) {
		r = source_next(p->source, &p->waiting, err);
		if (r < 0) {
			*ret_r = r;
			return false;
		}
		if (r == SOURCE_END) {
			p->is_ended = true;
			printf("end\n");
		}
		send_waiting(p);
	}
	p->goes_on = r == SOURCE_RECORD && !p->waiting;
	return true;
}

static int run(struct probe *p)
{
	struct err err = {""};
	int r = 0;

	while (!is_stopped && !p->is_ended) {
		struct pollfd fd = {.fd = source_fd(p->source), .events = POLLIN};

		r = kafka_turn(p->source, clock_monotonic_ms(), &err);
		if (r < 0 || !read_some(p, &err, &r))
			return fail(r, &err);
		follow_group(p);
		send_waiting(p);
		source_mark(p->source);
		(void)fflush(stdout); /* it is sent before it is settled */
		if (journal_commit(p->journal, &err) < 0)
			return fail(-1, &err);
		(void)poll(&fd, 1, p->goes_on ? 0 : p->waiting ? 5 : 100);
	}
	return 0;
}

static void take_word(struct probe *p, const char *word)
{
	const char *equals = strchr(word, '=');
	char *name;

	if (strcmp(word, "until-end") == 0) {
		p->options.until_end = true;
	} else if (strcmp(word, "accept") == 0) {
		p->options.accepts_offsets = true;
	} else if (strcmp(word, "end") == 0) {
		p->options.start = KAFKA_START_END;
	} else if (strcmp(word, "static") == 0) {
		p->options.instance = journal_id(p->journal);
	} else if (strncmp(word, "settle=", 7) == 0) {
		p->settle = strtoull(word + 7, NULL, 10);
	} else if (strncmp(word, "ahead=", 6) == 0) {
		p->options.ahead = strtoull(word + 6, NULL, 10);
	} else if (equals) {
		name = mem_dup(word, (size_t)(equals - word));
		kafka_conf_add(&p->conf, name, equals + 1);
		if (strcmp(name, "session.timeout.ms") == 0)
			p->options.session_ms = strtoull(equals + 1, NULL, 10);
		free(name);
	}
}

int main(int argc, char **argv)
{
	struct probe p = {.host = {.begin = begin, .store = store}};
	char *topics[2] = {NULL, NULL};
	struct err err = {""};
	int r;

	if (argc < 5)
		return 2;
	(void)signal(SIGTERM, stop);
	(void)setvbuf(stdout, NULL, _IOFBF, 1 << 20);
	(void)mkdir(argv[1], 0700);
	if (journal_open(argv[1], &p.journal, &err) < 0 ||
	    journal_each_stream(p.journal, take_stream, &p, &err) < 0)
		return fail(-1, &err);
	topics[0] = argv[4];
	p.conf.brokers = mem_strdup(argv[2]);
	p.host.arg = &p;
	p.options = (struct kafka_options){.conf = &p.conf,
	                                   .topics = topics,
	                                   .group = argv[3],
	                                   .journal = journal_id(p.journal),
	                                   .format = {.max_record = 1 << 20},
	                                   .session_ms = 60000,
	                                   .ahead = 1000,
	                                   .known = p.streams,
	                                   .n_known = p.n_streams,
	                                   .host = &p.host,
	                                   .tell = tell};
	for (int i = 5; i < argc; i++)
		take_word(&p, argv[i]);
	r = kafka_open(&p.options, &p.source, &err);
	r = r < 0 ? fail(r, &err) : run(&p);
	(void)fflush(stdout);
	source_free(p.source);
	journal_close(p.journal);
	record_unref(p.waiting);
	for (size_t i = 0; i < p.n_streams; i++)
		stream_free(p.streams[i]);
	free(p.streams);
	kafka_conf_deinit(&p.conf);
	printf("bye\n");
	return r;
}
