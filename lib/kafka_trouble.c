#include "lib/kafka_trouble.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>

/* Codes that mean something else than "other". */
static const struct {
	rd_kafka_resp_err_t code;
	enum kafka_trouble trouble;
	int error;
	const char *sentence; /* NULL: librdkafka's own words */
} troubles[] = {
	{RD_KAFKA_RESP_ERR_NO_ERROR, KAFKA_FINE, 0, "all is well"},
	{RD_KAFKA_RESP_ERR__TRANSPORT, KAFKA_UNREACHABLE, -ENOTCONN,
         "the connection to a broker failed"},
	{RD_KAFKA_RESP_ERR__RESOLVE, KAFKA_UNREACHABLE, -ENOTCONN,
         "the name of a broker is not known; check brokers"},
	{RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, KAFKA_UNREACHABLE, -ENOTCONN,
         "no broker can be reached; check brokers, and whether security.protocol is the one they "
         "speak"},
	{RD_KAFKA_RESP_ERR__TIMED_OUT, KAFKA_LATER, -ETIMEDOUT, "no broker answered in time"},
	{RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, KAFKA_LATER, -ETIMEDOUT, "no broker answered in time"},
	{RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, KAFKA_LATER, -ETIMEDOUT, NULL},
	{RD_KAFKA_RESP_ERR__WAIT_COORD, KAFKA_LATER, -EAGAIN, NULL},
	{RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, KAFKA_LATER, -EAGAIN, NULL},
	{RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, KAFKA_LATER, -EAGAIN, NULL},
	{RD_KAFKA_RESP_ERR_NOT_COORDINATOR, KAFKA_LATER, -EAGAIN, NULL},
	{RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, KAFKA_LATER, -EAGAIN, NULL},
	{RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, KAFKA_LATER, -EAGAIN, NULL},
	{RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, KAFKA_LATER, -EAGAIN,
         "the group is just sharing out its partitions anew"},
	{RD_KAFKA_RESP_ERR__AUTHENTICATION, KAFKA_REFUSED, -EACCES,
         "a broker refused the login; check sasl.mechanisms, sasl.username and sasl.password"},
	{RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, KAFKA_REFUSED, -EACCES,
         "a broker refused the login; check sasl.mechanisms, sasl.username and sasl.password"},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, KAFKA_REFUSED, -EACCES,
         "a broker does not know this sasl.mechanisms"},
	{RD_KAFKA_RESP_ERR__SSL, KAFKA_REFUSED, -EACCES,
         "TLS with a broker failed: its certificate is not one of ssl.ca.location, its name is "
         "another, or it speaks no TLS"},
	{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, KAFKA_REFUSED, -EACCES,
         "this user may not read the topic (READ)"},
	{RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, KAFKA_REFUSED, -EACCES,
         "this user may not use the consumer group (READ)"},
	{RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, KAFKA_REFUSED, -EACCES,
         "this user lacks rights on the cluster"},
	{RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, KAFKA_NO_TOPIC, -ENOENT,
         "there is no such topic or partition: create it, or is its name another?"},
	{RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, KAFKA_NO_TOPIC, -ENOENT,
         "there is no such topic: create it, or is its name another?"},
	{RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, KAFKA_NO_TOPIC, -ENOENT,
         "there is no such partition"},
	{RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, KAFKA_NO_TOPIC, -ENOENT, "this is no name of a topic"},
	{RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, KAFKA_NO_OFFSET, -ERANGE,
         "the records to go on with are not there"},
	{RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, KAFKA_NO_OFFSET, -ERANGE,
         "the records to go on with are not there"},
	{RD_KAFKA_RESP_ERR__NO_OFFSET, KAFKA_NO_OFFSET, -ERANGE, NULL},
	{RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, KAFKA_NOT_OURS, -ESTALE,
         "the group has shared out its partitions anew meanwhile"},
	{RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, KAFKA_NOT_OURS, -ESTALE,
         "the group has given this process up"},
	{RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, KAFKA_NOT_OURS, -ESTALE,
         "the group has given this process up"},
	{RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED, KAFKA_NOT_OURS, -ESTALE,
         "this process stood still for longer than max.poll.interval.ms"},
	{RD_KAFKA_RESP_ERR__STATE, KAFKA_NOT_OURS, -ESTALE, "this process owns no partition now"},
	{RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, KAFKA_FENCED, -EBUSY,
         "another process with the same state has taken this one's place in the consumer group; "
         "two must never share a copy of it"},
	{RD_KAFKA_RESP_ERR__BAD_MSG, KAFKA_DAMAGED, -EBADMSG, "a message is damaged"},
	{RD_KAFKA_RESP_ERR_INVALID_MSG, KAFKA_DAMAGED, -EBADMSG, "a message is damaged"},
};

static size_t find(int code)
{
	size_t i = 0;

	while (i < sizeof(troubles) / sizeof(*troubles) && (int)troubles[i].code != code)
		i++;
	return i;
}

enum kafka_trouble kafka_trouble_of(int code)
{
	const size_t i = find(code);

	return i < sizeof(troubles) / sizeof(*troubles) ? troubles[i].trouble : KAFKA_OTHER;
}

int kafka_fail(struct err *err, int code, const char *doing)
{
	const size_t i = find(code);
	const char *sentence = rd_kafka_err2str((rd_kafka_resp_err_t)code);

	if (i == sizeof(troubles) / sizeof(*troubles))
		return err_set(err, -EIO, "%s: %s", doing, sentence);
	return err_set(err, troubles[i].error, "%s: %s", doing,
	               troubles[i].sentence ? troubles[i].sentence : sentence);
}
