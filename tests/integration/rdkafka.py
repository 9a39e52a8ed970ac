"""What tests need of librdkafka, called in this process: no start of a program per question.

A client lives for one call of kafka.py and is destroyed by it. Failures are KafkaError, also those
that librdkafka only reports and then tries again for ever (a wrong password, a wrong certificate).
"""

import ctypes
import dataclasses
import time
import types

POINTER, TEXT, INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
INT32, INT64, SIZE = ctypes.c_int32, ctypes.c_int64, ctypes.c_size_t

PRODUCER, CONSUMER = 0, 1
FIRST, END = -2, -1  # instead of a time
UNKNOWN_OFFSET = -1001
PARTITION_EOF, QUEUE_FULL = -191, -184
FATAL, AUTHENTICATION, SSL = -150, -169, -181
HOPELESS = {FATAL, AUTHENTICATION, SSL}
# rd_kafka_vtype_t
TOPIC, PARTITION, VALUE, KEY, MSGFLAGS, TIMESTAMP, HEADERS = 1, 3, 4, 5, 7, 8, 10
COPY = 2


class TopicPartition(ctypes.Structure):
    _fields_ = [
        ("topic", TEXT), ("partition", INT32), ("offset", INT64), ("metadata", POINTER),
        ("metadata_size", SIZE), ("opaque", POINTER), ("err", INT), ("_private", POINTER),
    ]


class TopicPartitions(ctypes.Structure):
    _fields_ = [("cnt", INT), ("size", INT), ("elems", ctypes.POINTER(TopicPartition))]


class Message(ctypes.Structure):
    _fields_ = [
        ("err", INT), ("rkt", POINTER), ("partition", INT32), ("payload", POINTER), ("len", SIZE),
        ("key", POINTER), ("key_len", SIZE), ("offset", INT64), ("_private", POINTER),
    ]


class PartitionInfo(ctypes.Structure):
    _fields_ = [
        ("id", INT32), ("err", INT), ("leader", INT32), ("replica_cnt", INT), ("replicas", POINTER),
        ("isr_cnt", INT), ("isrs", POINTER),
    ]


class TopicInfo(ctypes.Structure):
    _fields_ = [
        ("topic", TEXT), ("partition_cnt", INT), ("partitions", ctypes.POINTER(PartitionInfo)),
        ("err", INT),
    ]


class Metadata(ctypes.Structure):
    _fields_ = [
        ("broker_cnt", INT), ("brokers", POINTER), ("topic_cnt", INT),
        ("topics", ctypes.POINTER(TopicInfo)), ("orig_broker_id", INT32),
        ("orig_broker_name", TEXT),
    ]


class Memory(ctypes.Structure):
    _fields_ = [("ptr", TEXT), ("size", SIZE)]


class Argument(ctypes.Union):
    _fields_ = [
        ("cstr", TEXT), ("i", INT), ("i32", INT32), ("i64", INT64), ("mem", Memory),
        ("headers", POINTER), ("room", ctypes.c_char * 64),
    ]


class TypedArgument(ctypes.Structure):
    _fields_ = [("vtype", INT), ("u", Argument)]


PARTITIONS = ctypes.POINTER(TopicPartitions)
OBJECTS = ctypes.POINTER(POINTER)
ERROR_CALL = ctypes.CFUNCTYPE(None, POINTER, INT, TEXT, POINTER)
DELIVERY_CALL = ctypes.CFUNCTYPE(None, POINTER, ctypes.POINTER(Message), POINTER)

# name without "rd_kafka_": result, arguments
FUNCTIONS = {
    "conf_new": (POINTER,),
    "conf_set": (INT, POINTER, TEXT, TEXT, TEXT, SIZE),
    "conf_set_error_cb": (None, POINTER, ERROR_CALL),
    "conf_set_dr_msg_cb": (None, POINTER, DELIVERY_CALL),
    "new": (POINTER, INT, POINTER, TEXT, SIZE),
    "destroy": (None, POINTER),
    "poll": (INT, POINTER, INT),
    "err2str": (TEXT, INT),
    "error_code": (INT, POINTER),
    "error_string": (TEXT, POINTER),
    "error_destroy": (None, POINTER),
    "produceva": (POINTER, POINTER, ctypes.POINTER(TypedArgument), SIZE),
    "flush": (INT, POINTER, INT),
    "init_transactions": (POINTER, POINTER, INT),
    "begin_transaction": (POINTER, POINTER),
    "commit_transaction": (POINTER, POINTER, INT),
    "abort_transaction": (POINTER, POINTER, INT),
    "headers_new": (POINTER, SIZE),
    "header_add": (INT, POINTER, TEXT, ctypes.c_ssize_t, TEXT, ctypes.c_ssize_t),
    "message_headers": (INT, ctypes.POINTER(Message), ctypes.POINTER(POINTER)),
    "header_get_all": (INT, POINTER, SIZE, ctypes.POINTER(TEXT), ctypes.POINTER(POINTER),
                       ctypes.POINTER(SIZE)),
    "message_timestamp": (INT64, ctypes.POINTER(Message), ctypes.POINTER(INT)),
    "message_destroy": (None, ctypes.POINTER(Message)),
    "topic_partition_list_new": (PARTITIONS, INT),
    "topic_partition_list_add": (ctypes.POINTER(TopicPartition), PARTITIONS, TEXT, INT32),
    "topic_partition_list_destroy": (None, PARTITIONS),
    "assign": (INT, POINTER, PARTITIONS),
    "poll_set_consumer": (INT, POINTER),
    "consumer_poll": (ctypes.POINTER(Message), POINTER, INT),
    "consumer_close": (INT, POINTER),
    "committed": (INT, POINTER, PARTITIONS, INT),
    "commit": (INT, POINTER, PARTITIONS, INT),
    "offsets_for_times": (INT, POINTER, PARTITIONS, INT),
    "metadata": (INT, POINTER, INT, POINTER, ctypes.POINTER(ctypes.POINTER(Metadata)), INT),
    "metadata_destroy": (None, ctypes.POINTER(Metadata)),
    "queue_new": (POINTER, POINTER),
    "queue_destroy": (None, POINTER),
    "queue_poll": (POINTER, POINTER, INT),
    "event_error": (INT, POINTER),
    "event_error_string": (TEXT, POINTER),
    "event_destroy": (None, POINTER),
    "NewTopic_new": (POINTER, TEXT, INT, INT, TEXT, SIZE),
    "NewTopic_set_config": (INT, POINTER, TEXT, TEXT),
    "NewTopic_destroy": (None, POINTER),
    "event_CreateTopics_result": (POINTER, POINTER),
    "CreateTopics": (None, POINTER, OBJECTS, SIZE, POINTER, POINTER),
    "CreateTopics_result_topics": (OBJECTS, POINTER, ctypes.POINTER(SIZE)),
    "DeleteTopic_new": (POINTER, TEXT),
    "DeleteTopic_destroy": (None, POINTER),
    "event_DeleteTopics_result": (POINTER, POINTER),
    "DeleteTopics": (None, POINTER, OBJECTS, SIZE, POINTER, POINTER),
    "DeleteTopics_result_topics": (OBJECTS, POINTER, ctypes.POINTER(SIZE)),
    "topic_result_error": (INT, POINTER),
    "topic_result_error_string": (TEXT, POINTER),
    "DeleteRecords_new": (POINTER, PARTITIONS),
    "DeleteRecords_destroy": (None, POINTER),
    "event_DeleteRecords_result": (POINTER, POINTER),
    "DeleteRecords": (None, POINTER, OBJECTS, SIZE, POINTER, POINTER),
    "DeleteRecords_result_offsets": (PARTITIONS, POINTER),
    "DeleteConsumerGroupOffsets_new": (POINTER, TEXT, PARTITIONS),
    "DeleteConsumerGroupOffsets_destroy": (None, POINTER),
    "event_DeleteConsumerGroupOffsets_result": (POINTER, POINTER),
    "DeleteConsumerGroupOffsets": (None, POINTER, OBJECTS, SIZE, POINTER, POINTER),
    "DeleteConsumerGroupOffsets_result_groups": (OBJECTS, POINTER, ctypes.POINTER(SIZE)),
    "group_result_error": (POINTER, POINTER),
    "group_result_partitions": (PARTITIONS, POINTER),
    "event_DescribeConsumerGroups_result": (POINTER, POINTER),
    "DescribeConsumerGroups": (None, POINTER, ctypes.POINTER(TEXT), SIZE, POINTER, POINTER),
    "DescribeConsumerGroups_result_groups": (OBJECTS, POINTER, ctypes.POINTER(SIZE)),
    "ConsumerGroupDescription_error": (POINTER, POINTER),
    "ConsumerGroupDescription_state": (INT, POINTER),
    "consumer_group_state_name": (TEXT, INT),
    "ConsumerGroupDescription_member_count": (SIZE, POINTER),
    "ConsumerGroupDescription_member": (POINTER, POINTER, SIZE),
    "MemberDescription_client_id": (TEXT, POINTER),
    "MemberDescription_group_instance_id": (TEXT, POINTER),
    "MemberDescription_assignment": (POINTER, POINTER),
    "MemberAssignment_partitions": (PARTITIONS, POINTER),
}


def load():
    library, found = ctypes.CDLL("librdkafka.so.1"), {}
    for name, (result, *arguments) in FUNCTIONS.items():
        found[name] = getattr(library, "rd_kafka_" + name)
        found[name].restype, found[name].argtypes = result, arguments
    return types.SimpleNamespace(**found)


rd = load()


class KafkaError(Exception):
    """What the client or the broker said."""


def check(code, what):
    if code:
        raise KafkaError(f"{what}: {rd.err2str(code).decode()}")


def check_error(error, what):
    """Of an rd_kafka_error_t that is ours to destroy."""
    if error:
        text = rd.error_string(error).decode()
        rd.error_destroy(error)
        raise KafkaError(f"{what}: {text}")


def as_bytes(value):
    return value.encode() if isinstance(value, str) else value


def copied(pointer, size):
    return ctypes.string_at(pointer, size) if pointer else None


@dataclasses.dataclass
class Record:
    """To be produced (text is taken as UTF-8) or as it was consumed (bytes). A value of None is a
    tombstone; partition and timestamp (ms) of None are left to the client."""

    value: bytes | str | None = None
    key: bytes | str | None = None
    headers: list = dataclasses.field(default_factory=list)
    timestamp: int | None = None
    partition: int | None = None
    offset: int | None = None
    topic: str | None = None


@dataclasses.dataclass
class Member:
    """Of a consumer group: what it has is a set of (topic, partition)."""

    client_id: str
    instance_id: str | None
    partitions: set


class Client:
    """One librdkafka client of either kind, with properties as librdkafka names them."""

    def __init__(self, kind, properties):
        self.errors, self.by_consumer = [], False
        self.calls = ERROR_CALL(self._on_error), DELIVERY_CALL(self._on_delivery)
        conf, text = rd.conf_new(), ctypes.create_string_buffer(512)
        for name, value in {"log_level": 0, **properties}.items():
            if rd.conf_set(conf, name.encode(), str(value).encode(), text, 512):
                raise KafkaError(text.value.decode())
        rd.conf_set_error_cb(conf, self.calls[0])
        if kind == PRODUCER:
            rd.conf_set_dr_msg_cb(conf, self.calls[1])
        self.handle = rd.new(kind, conf, text, 512)
        if not self.handle:
            raise KafkaError(text.value.decode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        rd.destroy(self.handle)

    def _on_error(self, _client, code, reason, _opaque):
        if code in HOPELESS:
            self.errors.append(reason.decode(errors="replace"))

    def _on_delivery(self, _client, message, _opaque):
        if message.contents.err:
            self.errors.append("not delivered: " + rd.err2str(message.contents.err).decode())

    def complain(self):
        if self.errors:
            raise KafkaError("; ".join(dict.fromkeys(self.errors)))

    def until(self, end, what):
        """Milliseconds left of a time limit, and a look at what was reported meanwhile."""
        if not self.by_consumer:
            rd.poll(self.handle, 0)
        self.complain()
        left = int((end - time.monotonic()) * 1000)
        if left <= 0:
            raise KafkaError(f"{what}: no end in time")
        return min(left, 100)

    def partitions(self, topic, milliseconds=10000):
        """The numbers of the partitions that have a leader; [] if there is no such topic."""
        found = self.topics(milliseconds).get(topic, [])
        return [number for number, leader in found if leader >= 0]

    def led_partitions(self, topic):
        """The numbers of all its partitions; fails while one has no leader."""
        found = self.topics().get(topic, [])
        if not found or any(leader < 0 for _, leader in found):
            raise KafkaError(f"{topic}: not all partitions have a leader")
        return [number for number, _ in found]

    def topics(self, milliseconds=10000):
        """{topic: [(partition, leader)]}"""
        answer = ctypes.POINTER(Metadata)()
        check(rd.metadata(self.handle, 1, None, ctypes.byref(answer), milliseconds), "metadata")
        try:
            data = answer.contents
            return {
                topic.topic.decode(): [
                    (p.id, p.leader) for p in topic.partitions[:topic.partition_cnt]]
                for topic in data.topics[:data.topic_cnt]
            }
        finally:
            rd.metadata_destroy(answer)

    def watermarks(self, topic):
        """{partition: (first offset, end)}. Asked for as times (the broker knows two special
        ones), since rd_kafka_query_watermark_offsets() waits for ever for a dead leader."""
        what, found = f"offsets of {topic}", {}
        for time_of in (FIRST, END):
            places = dict.fromkeys(((topic, n) for n in self.led_partitions(topic)), time_of)
            with PartitionList(places) as partitions:
                check(rd.offsets_for_times(self.handle, partitions, 10000), what)
                for _, number, offset, _ in listed(partitions, what):
                    found.setdefault(number, []).append(offset)
        return {number: tuple(pair) for number, pair in found.items()}


class PartitionList:
    """A list of librdkafka's own while a call needs it. @entries: {(topic, partition): offset or
    (offset, metadata)}."""

    def __init__(self, entries):
        self.entries, self.kept = entries, []

    def __enter__(self):
        self.list = rd.topic_partition_list_new(len(self.entries))
        for (topic, number), offset in self.entries.items():
            entry = rd.topic_partition_list_add(self.list, topic.encode(), number).contents
            entry.offset, metadata = offset if isinstance(offset, tuple) else (offset, None)
            if metadata is not None:
                self.kept.append(ctypes.create_string_buffer(as_bytes(metadata)))
                entry.metadata = ctypes.addressof(self.kept[-1])
                entry.metadata_size = len(self.kept[-1]) - 1
        return self.list

    def __exit__(self, *_):
        if self.kept:  # this memory is Python's: librdkafka must not free it
            for entry in self.list.contents.elems[:self.list.contents.cnt]:
                entry.metadata, entry.metadata_size = None, 0
        rd.topic_partition_list_destroy(self.list)


def listed(partitions, what):
    """The entries of a list as [(topic, partition, offset, metadata)]."""
    found = []
    for entry in partitions.contents.elems[:partitions.contents.cnt]:
        check(entry.err, f"{what}: {entry.topic.decode()} {entry.partition}")
        found.append((entry.topic.decode(), entry.partition, entry.offset,
                      copied(entry.metadata, entry.metadata_size)))
    return found


class Producer(Client):
    """Records are sent by flush() at the latest, or by commit() of a transaction."""

    def __init__(self, properties):
        super().__init__(PRODUCER, {
            "queue.buffering.max.messages": 1000000, "linger.ms": 5,
            "delivery.report.only.error": "true", **properties,
        })

    def send(self, topic, record):
        arguments = [(TOPIC, "cstr", topic.encode()), (MSGFLAGS, "i", COPY)]
        for kind, data in ((VALUE, record.value), (KEY, record.key)):
            data = as_bytes(data)
            if data is not None:
                arguments.append((kind, "mem", Memory(data, len(data))))
        if record.partition is not None:
            arguments.append((PARTITION, "i32", record.partition))
        if record.timestamp is not None:
            arguments.append((TIMESTAMP, "i64", record.timestamp))
        if record.headers:
            arguments.append((HEADERS, "headers", self._headers(record.headers)))
        typed = (TypedArgument * len(arguments))()
        for place, (kind, field, data) in zip(typed, arguments):
            place.vtype = kind
            setattr(place.u, field, data)
        check_error(rd.produceva(self.handle, typed, len(arguments)), "produce")

    @staticmethod
    def _headers(pairs):
        """Of the message's from here on."""
        headers = rd.headers_new(len(pairs))
        for name, value in pairs:
            value = as_bytes(value)
            rd.header_add(headers, name.encode(), -1, value, len(value) if value is not None else 0)
        return headers

    def flush(self, timeout=90):
        end = time.monotonic() + timeout
        while rd.flush(self.handle, self.until(end, "produce")):
            pass
        self.complain()

    def begin(self):
        check_error(rd.init_transactions(self.handle, 60000), "init transactions")
        check_error(rd.begin_transaction(self.handle), "begin a transaction")

    def commit(self):
        check_error(rd.commit_transaction(self.handle, 30000), "commit a transaction")

    def abort(self):
        check_error(rd.abort_transaction(self.handle, 30000), "abort a transaction")


class Consumer(Client):
    """Reads what it is told to, without joining a group."""

    def __init__(self, properties):
        super().__init__(CONSUMER, {
            "group.id": "tests", "enable.auto.commit": "false", "enable.partition.eof": "true",
            "auto.offset.reset": "error", "fetch.wait.max.ms": 20, **properties,
        })

    def __exit__(self, *_):
        rd.consumer_close(self.handle)
        super().__exit__()

    def assign(self, starts):
        """@starts: {(topic, partition): offset}; a real one, since librdkafka 2.0.2 takes half a
        second for "the beginning". From here on next() serves the callbacks."""
        rd.poll_set_consumer(self.handle)
        self.by_consumer = True
        with PartitionList(starts) as partitions:
            check(rd.assign(self.handle, partitions), "assign")

    def next(self, milliseconds):
        """A record, the number of a partition that has no more for now, or None."""
        message = rd.consumer_poll(self.handle, milliseconds)
        if not message:
            return None
        try:
            found = message.contents
            if found.err == PARTITION_EOF:
                return found.partition
            if found.err:
                text = copied(found.payload, found.len) or rd.err2str(found.err)
                raise KafkaError(text.decode(errors="replace"))
            return self._record(message)
        finally:
            rd.message_destroy(message)

    @staticmethod
    def _record(message):
        found, kind = message.contents, INT()
        return Record(
            copied(found.payload, found.len), copied(found.key, found.key_len),
            Consumer._headers(message), rd.message_timestamp(message, ctypes.byref(kind)),
            found.partition, found.offset)

    @staticmethod
    def _headers(message):
        headers, found = POINTER(), []
        if rd.message_headers(message, ctypes.byref(headers)):
            return found
        name, value, size = TEXT(), POINTER(), SIZE()
        while not rd.header_get_all(headers, len(found), ctypes.byref(name), ctypes.byref(value),
                                    ctypes.byref(size)):
            found.append((name.value.decode(), copied(value.value, size.value)))
        return found

    def committed(self, places):
        """{(topic, partition): (offset, metadata)} of those places that have a commit."""
        with PartitionList(dict.fromkeys(places, UNKNOWN_OFFSET)) as partitions:
            check(rd.committed(self.handle, partitions, 10000), "committed offsets")
            return {
                (topic, number): (offset, metadata)
                for topic, number, offset, metadata in listed(partitions, "committed offsets")
                if offset >= 0
            }

    def commit(self, offsets):
        """@offsets: {(topic, partition): offset or (offset, metadata)}"""
        with PartitionList(offsets) as partitions:
            check(rd.commit(self.handle, partitions, 0), "commit")
            listed(partitions, "commit")


class Admin(Client):
    """Administration: every call waits for the broker's answer and raises what it refused."""

    def __init__(self, properties):
        super().__init__(PRODUCER, properties)

    def ask(self, name, *arguments, read):
        """Calls the function of that name, and returns what read(result) makes of the answer."""
        queue = rd.queue_new(self.handle)
        getattr(rd, name)(self.handle, *arguments, None, queue)
        event = rd.queue_poll(queue, 30000)
        try:
            if not event:
                raise KafkaError("no answer from the broker in 30 s")
            if rd.event_error(event):
                raise KafkaError(rd.event_error_string(event).decode())
            return read(getattr(rd, f"event_{name}_result")(event))
        finally:
            if event:
                rd.event_destroy(event)
            rd.queue_destroy(queue)

    @staticmethod
    def _several(parts, result):
        count = SIZE()
        return parts(result, ctypes.byref(count))[:count.value]

    def _topics_done(self, parts):
        def read(result):
            for one in self._several(parts, result):
                if rd.topic_result_error(one):
                    text = rd.topic_result_error_string(one) or b"refused"
                    raise KafkaError(text.decode())
        return read

    def create_topics(self, topics):
        """@topics: {name: (partitions, {config: value})}; replicas as the broker has them."""
        new = []
        for name, (partitions, configs) in topics.items():
            new.append(rd.NewTopic_new(name.encode(), partitions, -1, None, 0))
            for config, value in configs.items():
                rd.NewTopic_set_config(new[-1], config.encode(), str(value).encode())
        try:
            self.ask("CreateTopics", (POINTER * len(new))(*new), len(new),
                     read=self._topics_done(rd.CreateTopics_result_topics))
        finally:
            for topic in new:
                rd.NewTopic_destroy(topic)

    def delete_topic(self, name):
        topic = rd.DeleteTopic_new(name.encode())
        try:
            self.ask("DeleteTopics", (POINTER * 1)(topic), 1,
                     read=self._topics_done(rd.DeleteTopics_result_topics))
        finally:
            rd.DeleteTopic_destroy(topic)

    def delete_records(self, before):
        """@before: {(topic, partition): first offset that stays}"""
        with PartitionList(before) as partitions:
            order = rd.DeleteRecords_new(partitions)
            try:
                self.ask(
                    "DeleteRecords", (POINTER * 1)(order), 1, read=lambda result: listed(
                        rd.DeleteRecords_result_offsets(result), "delete records"))
            finally:
                rd.DeleteRecords_destroy(order)

    def delete_offsets(self, group, places):
        with PartitionList(dict.fromkeys(places, UNKNOWN_OFFSET)) as partitions:
            order = rd.DeleteConsumerGroupOffsets_new(group.encode(), partitions)
            try:
                self.ask("DeleteConsumerGroupOffsets", (POINTER * 1)(order), 1,
                         read=self._offsets_deleted)
            finally:
                rd.DeleteConsumerGroupOffsets_destroy(order)

    def _offsets_deleted(self, result):
        for one in self._several(rd.DeleteConsumerGroupOffsets_result_groups, result):
            error = rd.group_result_error(one)
            if error:
                raise KafkaError(rd.error_string(error).decode())
            listed(rd.group_result_partitions(one), "delete offsets")

    def group(self, name):
        """(state, [Member])"""
        return self.ask("DescribeConsumerGroups", (TEXT * 1)(name.encode()), 1,
                        read=self._group_described)

    def _group_described(self, result):
        one, = self._several(rd.DescribeConsumerGroups_result_groups, result)
        error = rd.ConsumerGroupDescription_error(one)
        if error and rd.error_code(error):
            raise KafkaError(rd.error_string(error).decode())
        members = [
            rd.ConsumerGroupDescription_member(one, i)
            for i in range(rd.ConsumerGroupDescription_member_count(one))
        ]
        state = rd.consumer_group_state_name(rd.ConsumerGroupDescription_state(one)).decode()
        return state, [self._member(member) for member in members]

    @staticmethod
    def _member(member):
        instance = rd.MemberDescription_group_instance_id(member)
        has = rd.MemberAssignment_partitions(rd.MemberDescription_assignment(member))
        return Member(
            rd.MemberDescription_client_id(member).decode(),
            instance.decode() if instance else None,
            {(topic, number) for topic, number, _, _ in listed(has, "assignment")})
