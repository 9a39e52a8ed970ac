"""The Kafka broker of the tests itself: what other tests rely on when they use it."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from harness import wait_until
from rdkafka import KafkaError, Record


def values(records):
    return [record.value for record in records]


def test_records_come_back_as_they_were_sent(kafka):
    topic = kafka.topic("round-trip")
    kafka.produce(topic, [
        Record("v", "k", [("trace", "1"), ("trace", "2"), ("none", None), ("empty", "")],
               timestamp=1_700_000_000_123),
        Record(None, "k"),
        Record(b"", b""),
        {"name": "Zoë"},
    ])
    first, tombstone, empty, plain = kafka.consume(topic)
    assert (first.value, first.key, first.timestamp) == (b"v", b"k", 1_700_000_000_123)
    assert first.headers == [("trace", b"1"), ("trace", b"2"), ("none", None), ("empty", b"")]
    assert (tombstone.value, tombstone.key) == (None, b"k")
    assert (empty.value, empty.key, empty.headers) == (b"", b"", [])
    assert (plain.value, plain.key) == ('{"name": "Zoë"}'.encode(), None)
    assert [r.offset for r in (first, tombstone, empty, plain)] == [0, 1, 2, 3]


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_records_are_read(kafka, compression):
    topic = kafka.topic(compression)
    kafka.produce(topic, ["again and again " * 100] * 10, compression=compression)
    assert values(kafka.consume(topic)) == [b"again and again " * 100] * 10


def test_a_record_goes_to_the_partition_it_names(kafka):
    one, other = kafka.topics("one", "other", partitions=3)
    kafka.produce(one, [Record(str(i), partition=i % 3) for i in range(6)])
    assert values(kafka.consume(one)) == [b"0", b"3", b"1", b"4", b"2", b"5"]
    assert kafka.ends(one) == {0: 2, 1: 2, 2: 2}
    assert kafka.consume(other) == []


def test_reading_waits_for_as_many_records_as_it_was_told(kafka):
    topic = kafka.topic()
    kafka.produce(topic, ["a"])
    with pytest.raises(KafkaError, match="[01] records of 2"):
        kafka.consume(topic, 2, timeout=0.5)


def test_a_transaction_is_read_when_it_is_committed(kafka):
    topic = kafka.topic()
    uncommitted = {"isolation.level": "read_uncommitted"}
    kafka.transaction(topic, ["aborted"], end="abort")
    with kafka.open_transaction(topic, ["committed"]) as producer:
        kafka.produce(topic, ["behind it"])
        assert kafka.consume(topic) == []
        assert values(kafka.consume(topic, more=uncommitted)) == [
            b"aborted", b"committed", b"behind it"]
        producer.commit()
    assert values(kafka.consume(topic, 2)) == [b"committed", b"behind it"]


def test_commits_of_a_group_keep_their_metadata(kafka):
    topic, group = kafka.topic(partitions=2), kafka.unique("group")
    kafka.produce(topic, [Record(str(i), partition=i % 2) for i in range(10)])
    assert kafka.committed(group, topic) == {}
    assert kafka.lag(group, topic) == 10
    kafka.commit(group, topic, {0: (3, "up to there"), 1: 5})
    assert kafka.committed(group, topic) == {0: (3, b"up to there"), 1: (5, None)}
    assert kafka.lag(group, topic) == 2
    kafka.delete_offsets(group, topic)
    assert kafka.committed(group, topic) == {}


def test_members_of_a_group_are_seen_with_what_they_have(kafka):
    topic, group = kafka.topic(partitions=2), kafka.unique("group")
    member = subprocess.Popen(
        ["kcat", "-q", "-b", kafka.bootstrap, "-X", "client.id=reader", "-G", group, topic],
        stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: kafka.group_state(group) == "Stable")
        only, = kafka.members(group)
        assert (only.client_id, only.instance_id) == ("reader", None)
        assert only.partitions == {(topic, 0), (topic, 1)}
    finally:
        member.terminate()
        member.wait()
    wait_until(lambda: kafka.group_state(group) == "Empty")


def test_deleted_records_are_gone(kafka):
    topic = kafka.topic()
    kafka.produce(topic, "abcd")
    kafka.delete_records(topic, {0: 3})
    assert kafka.watermarks(topic) == {0: (3, 4)}
    assert values(kafka.consume(topic)) == [b"d"]


def test_a_topic_made_anew_is_empty(kafka):
    topic = kafka.topic()
    kafka.produce(topic, ["old"])
    kafka.recreate(topic)
    assert kafka.consume(topic) == []


def test_a_killed_broker_comes_back_with_what_it_had(kafka):
    topic = kafka.topic()
    kafka.produce(topic, [str(i) for i in range(100)])
    address = kafka.bootstrap
    kafka.kill()
    assert not kafka.alive
    kafka.restart()
    assert kafka.alive and kafka.bootstrap == address
    assert len(kafka.consume(topic)) == 100


def test_a_frozen_broker_answers_when_it_is_thawed(kafka):
    topic = kafka.topic()
    kafka.freeze()
    with pytest.raises(KafkaError):
        kafka.produce(topic, ["a"], more={"message.timeout.ms": 500})
    kafka.thaw()
    kafka.produce(topic, ["b"])
    assert values(kafka.consume(topic))[-1:] == [b"b"]


def test_what_a_test_did_to_the_broker_is_healed(kafka):
    kafka.freeze()
    kafka.heal()
    kafka.topic()
    kafka.kill()
    kafka.heal()
    kafka.topic()


def test_a_second_broker_takes_over_from_a_dead_one(start_kafka):
    first = start_kafka("default.replication.factor=2", "min.insync.replicas=1")
    second = start_kafka(join=first)
    topic = first.topic(partitions=4)
    first.produce(topic, [Record(str(i), partition=i % 4) for i in range(40)], more={"acks": "all"})
    second.kill()
    wait_until(lambda: first.leaders(topic) == {1})
    assert len(first.consume(topic)) == 40


def test_who_logs_in_may_read_and_write(secure_kafka):
    topic = secure_kafka.topic()
    secure_kafka.produce(topic, ["by tls"], more=secure_kafka.tls())
    secure_kafka.produce(topic, ["by password"], more=secure_kafka.login())
    assert values(secure_kafka.consume(topic, more=secure_kafka.login())) == [
        b"by tls", b"by password"]


@pytest.mark.parametrize("change, said", [
    ({"sasl.password": "wrong"}, "invalid credentials"),
    ({"sasl.mechanism": "PLAIN"}, "Unsupported SASL mechanism"),
    ({"ssl.ca.location": "other-ca.pem"}, "certificate verify failed"),
    ({"bootstrap.servers": "localhost"}, "certificate verify failed"),
])
def test_a_secure_broker_lets_nobody_else_in(secure_kafka, change, said):
    right = secure_kafka.login()
    if "ssl.ca.location" in change:  # the stranger's, beside the right one
        stranger = pathlib.Path(right["ssl.ca.location"]).with_name("other-ca.pem")
        change = {"ssl.ca.location": stranger}
    if "bootstrap.servers" in change:  # a name that is not in the certificate
        change = {"bootstrap.servers": right["bootstrap.servers"].replace("127.0.0.1", "localhost")}
    with pytest.raises(KafkaError, match=said):
        secure_kafka.produce("any", ["a"], more={**right, **change})
    with pytest.raises(KafkaError, match=said):
        secure_kafka.consume("any", more={**right, **change})


def brokers_of(folder):
    """The processes that run with a folder's settings; a grep that looks for them names them too."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"java") and str(folder / "server.properties").encode() in words:
                found.append(process.name)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it ended meanwhile
    return found


@pytest.mark.parametrize("moment, more", [
    ("starting", ""), ("running", ""), ("restarted", "broker.kill(); broker.restart()")])
def test_no_broker_outlives_the_tests(tmp_path, moment, more):
    folder = tmp_path / "kafka"
    program = (
        "import pathlib, sys, time; from kafka import Broker\n"
        f"broker = Broker(pathlib.Path(sys.argv[1])); {more}\nprint(flush=True); time.sleep(600)")
    tests = subprocess.Popen(
        [sys.executable, "-c", program, folder], stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.path.dirname(__file__)})
    if moment == "starting":  # and it would for long: a start that hangs ends too
        wait_until((folder / "out.log").exists)
        [pid] = wait_until(lambda: brokers_of(folder))
        os.kill(int(pid), signal.SIGSTOP)
    else:
        assert tests.stdout.readline()
        wait_until(lambda: brokers_of(folder))
    tests.kill()
    tests.communicate()
    wait_until(lambda: not folder.exists() and not brokers_of(folder))


def test_a_broker_that_does_not_start_says_why(start_kafka):
    with pytest.raises(AssertionError, match="no Kafka broker: .*no.such.level"):
        start_kafka("log.message.format.version=no.such.level")
