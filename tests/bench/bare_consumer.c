/*
 * What librdkafka alone can do: a member of a group of its own that reads messages and throws them
 * away. The yardstick that closefeed's reading is measured against; its queue is as large.
 *
 *   bare_consumer BROKERS TOPIC MESSAGES      prints one JSON object
 */

#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { patience_ms = 1000 };

static double seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[256];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK) {
		(void)fprintf(stderr, "%s: %s\n", name, why);
		exit(2);
	}
}

static rd_kafka_t *subscribe(const char *brokers, const char *topic)
{
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char group[64], why[256];
	rd_kafka_t *rk;

	(void)snprintf(group, sizeof(group), "bare.%ld", (long)getpid());
	set(conf, "bootstrap.servers", brokers);
	set(conf, "group.id", group);
	set(conf, "auto.offset.reset", "earliest");
	set(conf, "enable.auto.commit", "false");
	set(conf, "check.crcs", "true");
	set(conf, "queued.max.messages.kbytes", "8192");
	set(conf, "fetch.max.bytes", "4194304");
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (!rk)
		exit(2);
	(void)rd_kafka_poll_set_consumer(rk);
	(void)rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
	(void)rd_kafka_subscribe(rk, topics);
	rd_kafka_topic_partition_list_destroy(topics);
	return rk;
}

int main(int argc, char **argv)
{
	uint64_t n_wanted, n = 0, bytes = 0;
	double began, first = 0, took, cpu;
	struct rusage usage;
	rd_kafka_t *rk;

	if (argc != 4) {
		(void)fprintf(stderr, "usage: bare_consumer BROKERS TOPIC MESSAGES\n");
		return 2;
	}
	n_wanted = strtoull(argv[3], NULL, 10);
	began = seconds();
	rk = subscribe(argv[1], argv[2]);
	while (n < n_wanted) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, patience_ms);

		if (!m)
			continue;
		if (!m->err) {
			if (!n++)
				first = seconds();
			bytes += m->len;
		}
		rd_kafka_message_destroy(m);
	}
	took = seconds() - began;
	(void)getrusage(RUSAGE_SELF, &usage);
	cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	(void)printf("{\"messages\":%ju,\"bytes\":%ju,\"seconds\":%.4f,\"first_seconds\":%.4f,"
	             "\"cpu_seconds\":%.4f}\n",
	             (uintmax_t)n, (uintmax_t)bytes, took, first - began, cpu);
	(void)rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	return 0;
}
