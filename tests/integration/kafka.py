"""A real Kafka broker for tests, and what tests ask of it.

A broker runs under a guard, a process that removes it when its standard input ends: so nothing
stays behind, however the tests end. The fixtures at the end are imported by the conftest.py files.
"""

import functools
import itertools
import json
import os
import pathlib
import subprocess
import time

import pytest

from rdkafka import (
    Admin, Client, Consumer, CONSUMER, KafkaError, Producer, Record)

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "kafka" / "kafka.sh"
# Ends with its input, also in the middle of a start. What it starts has a process group of its own
# (from a moment after its start on), which ends whole: a java whose pid is not written yet, too. The
# group's first process stays until then, also when its broker was killed or restarted elsewhere:
# otherwise its number might meanwhile belong to a stranger.
GUARD = """
setsid sh -c 'sh "$0" "$@" || echo failed; exec sleep infinity >/dev/null 2>&1' "$0" "$@" &
cat >/dev/null
until kill -s KILL -- -$!; do sleep 0.1; done 2>/dev/null
sh "$0" clean "$2"
"""
START_S = 300


def patiently(ask, seconds=180):
    """What a broker refuses for a while that came back just now, or that stood still: then it leads
    no partition until it is registered again."""
    end = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except KafkaError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


class Broker:
    """One broker process. settings: its own properties, as "key=value"; join: a broker whose
    cluster it becomes part of, secure: with TLS and SASL listeners besides the plain one."""

    numbers = itertools.count(1)

    def __init__(self, folder, *settings, secure=False, join=None, node=2):
        self.folder = folder
        if join:
            settings = (f"join={join.folder}", f"node.id={node}", *settings)
        self.guard = subprocess.Popen(
            ["sh", "-c", GUARD, SCRIPT, "start-secure" if secure else "start", folder, *settings],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)  # Ctrl-C is for the tests; the guard sees them end
        line = self.guard.stdout.readline().decode()
        if "pid=" not in line:
            self.guard.stdin.close()
            raise AssertionError("no Kafka broker: " + self.guard.stderr.read().decode())
        self._heed(line)
        self.bootstrap = self.said["bootstrap"]

    def _heed(self, line):
        self.said = dict(word.split("=", 1) for word in line.split())

    def script(self, verb, *words):
        """What kafka.sh prints for a verb of this broker."""
        done = subprocess.run(
            [SCRIPT, verb, self.folder, *map(str, words)], capture_output=True, text=True,
            timeout=START_S, check=False)
        if done.returncode:
            raise KafkaError(f"kafka.sh {verb}: {done.stderr}{done.stdout}")
        return done.stdout

    # The process

    @property
    def alive(self):
        """As kafka.sh sees it: a process that is ending has no command line any more."""
        try:
            words = pathlib.Path(f"/proc/{self.said['pid']}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return str(pathlib.Path(self.folder) / "server.properties").encode() in words

    @property
    def is_frozen(self):
        text = pathlib.Path(f"/proc/{self.said['pid']}/stat").read_text(encoding="utf-8")
        return text.rpartition(")")[2].split()[0] == "T"

    def kill(self):
        self.script("kill")

    def stop(self):
        """In order; restart() brings it back."""
        self.script("stop")

    def restart(self, *settings):
        self._heed(self.script("restart", *settings))

    def freeze(self):
        self.script("freeze")

    def thaw(self):
        self.script("thaw")

    def heal(self):
        """As it should be for the next test, whatever the last one did to it."""
        if not self.alive:
            self.restart()
        elif self.is_frozen:
            self.thaw()
            time.sleep(1)  # it learns only now that it leads nothing any more
            patiently(self._leads_all)

    def _leads_all(self):
        with self.admin() as admin:
            if any(leader < 0 for places in admin.topics().values() for _, leader in places):
                raise KafkaError("not all partitions have a leader")

    def end(self):
        """For ever, with all its data."""
        if not self.guard.stdin.closed:
            self.guard.stdin.close()
        self.guard.wait(START_S)

    # Clients

    def settings(self, more=None):
        return {"bootstrap.servers": self.bootstrap, **(more or {})}

    def tls(self, **more):
        """Properties of a client that comes by TLS, without SASL."""
        return {"bootstrap.servers": self.said["ssl"], "security.protocol": "SSL",
                "ssl.ca.location": self.said["ca"], **more}

    def login(self, password=None, **more):
        """Properties of a client that logs in: with the right password unless told otherwise."""
        return self.tls(**{
            "bootstrap.servers": self.said["sasl_ssl"], "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": self.said["user"],
            "sasl.password": password or self.said["password"], **more})

    def admin(self):
        return Admin(self.settings())

    def reader(self, group="tests", more=None):
        return Consumer({**self.settings(more), "group.id": group})

    # Topics

    def unique(self, name):
        """A name that no other test has: of a topic, a group, a transaction."""
        return f"{name}.{next(self.numbers)}"

    def topics(self, *names, partitions=1, configs=None):
        """New topics, in one request; returns their unique names."""
        names = [self.unique(name) for name in names]
        with self.admin() as admin:
            self._create(admin, names, partitions, configs or {})
        return names

    def topic(self, name="topic", partitions=1, configs=None):
        return self.topics(name, partitions=partitions, configs=configs)[0]

    def _create(self, admin, names, partitions, configs):
        def make():
            try:
                admin.create_topics({name: (partitions, configs) for name in names})
            except KafkaError as error:  # by an earlier try, of whose answer we know nothing
                if "already exists" not in str(error):
                    raise

        patiently(make)
        end = time.monotonic() + START_S
        while True:
            there = patiently(admin.topics)
            if all(sum(leader >= 0 for _, leader in there.get(name, [])) == partitions
                   for name in names):
                return
            assert time.monotonic() < end, f"no leaders: {names}"
            time.sleep(0.01)

    def recreate(self, topic, partitions=1):
        """Deletes a topic and makes a new one of the same name."""
        with self.admin() as admin:
            admin.delete_topic(topic)
            while topic in patiently(admin.topics):
                time.sleep(0.01)
            self._create(admin, [topic], partitions, {})

    def delete_topic(self, topic):
        with self.admin() as admin:
            admin.delete_topic(topic)

    def delete_records(self, topic, before):
        """@before: {partition: first offset that stays}"""
        with self.admin() as admin:
            admin.delete_records({(topic, number): offset for number, offset in before.items()})

    def leaders(self, topic):
        """The numbers of the brokers (node.id) that lead partitions of it."""
        with self.admin() as admin:
            return {leader for _, leader in patiently(admin.topics).get(topic, [])}

    def watermarks(self, topic):
        """{partition: (first offset, end)}"""
        with Client(CONSUMER, self.settings()) as client:
            return patiently(lambda: client.watermarks(topic))

    def ends(self, topic):
        return {number: end for number, (_, end) in self.watermarks(topic).items()}

    # Records

    def producer(self, more=None):
        return Producer(self.settings(more))

    def produce(self, topic, records, *, compression="none", more=None):
        """Sends and waits until the broker has them. A record is a Record, or only its value: text,
        bytes, or a dict, which becomes JSON."""
        with self.producer({"compression.codec": compression, **(more or {})}) as producer:
            for record in records:
                producer.send(topic, as_record(record))
            producer.flush()

    def transaction(self, topic, records, *, end="commit", more=None):
        """Sends within a transaction that is committed, or aborted (end="abort")."""
        with self.open_transaction(topic, records, more) as producer:
            getattr(producer, end)()

    def open_transaction(self, topic, records, more=None):
        """A producer that has sent these and not ended its transaction: commit() or abort() it.
        Left alone, the broker aborts it after transaction.timeout.ms."""
        name = self.unique("transaction")
        producer = self.producer({"transactional.id": name, **(more or {})})
        producer.begin()
        for record in records:
            producer.send(topic, as_record(record))
        producer.flush()
        return producer

    def consume(self, topic, count=0, *, timeout=90, more=None):
        """All records of a topic, by partition and offset; waits until there are @count."""
        found = []
        with self.reader(more={"isolation.level": "read_committed", **(more or {})}) as reader:
            self._wait_for_partitions(reader, topic, time.monotonic() + 90)
            marks = patiently(lambda: reader.watermarks(topic))
            starts = {number: first for number, (first, _) in marks.items()}
            reader.assign({(topic, number): first for number, first in starts.items()})
            unread, end = dict.fromkeys(starts, True), time.monotonic() + timeout
            while any(unread.values()) or len(found) < count:
                left = reader.until(end, f"{topic}: {len(found)} records of {count}")
                record = reader.next(left)
                if isinstance(record, Record):
                    record.topic, unread[record.partition] = topic, True
                    found.append(record)
                elif record is not None:
                    unread[record] = False
        return sorted(found, key=lambda record: (record.partition, record.offset))

    @staticmethod
    def _wait_for_partitions(reader, topic, end):
        while True:
            reader.until(end, f"the partitions of {topic}")
            try:
                if reader.partitions(topic, 500):
                    return
            except KafkaError:
                pass  # no connection yet: until() knows whether there can be one

    # Groups

    def committed(self, group, topic):
        """{partition: (offset, metadata)} of the partitions that the group has committed."""
        with self.reader(group) as reader:
            def ask():
                places = [(topic, number) for number in reader.led_partitions(topic)]
                return {number: kept for (_, number), kept in reader.committed(places).items()}
            return patiently(ask)

    def commit(self, group, topic, offsets):
        """As an operator does by hand, while the group is empty. @offsets: {partition: offset or
        (offset, metadata)}"""
        with self.reader(group) as reader:
            reader.commit({(topic, number): kept for number, kept in offsets.items()})

    def lag(self, group, topic):
        """Records (and transaction markers) of a topic that the group has not committed."""
        committed = self.committed(group, topic)
        return sum(
            end - committed.get(number, (first,))[0]
            for number, (first, end) in self.watermarks(topic).items())

    def delete_offsets(self, group, topic):
        with self.admin() as admin:
            admin.delete_offsets(group, [(topic, number) for number in admin.led_partitions(topic)])

    def members(self, group):
        with self.admin() as admin:
            return patiently(lambda: admin.group(group)[1])

    def group_state(self, group):
        """"Stable", "Empty", "PreparingRebalance", ..."""
        with self.admin() as admin:
            return patiently(lambda: admin.group(group)[0])


def as_record(record):
    if isinstance(record, Record):
        return record
    if isinstance(record, dict):
        record = json.dumps(record, ensure_ascii=False)
    return Record(record)


class Shared:
    """The brokers that a whole session of tests shares: started by the first test that asks, and a
    failure is remembered, so that it costs its time once."""

    def __init__(self):
        self.started = []

    @functools.cache
    def _start(self, folder, secure):
        try:
            self.started.append(Broker(folder, secure=secure))
            return self.started[-1], None
        except AssertionError as error:
            return None, str(error)

    def get(self, factory, secure):
        name = "kafka-secure" if secure else "kafka"
        broker, trouble = self._start(factory.getbasetemp() / name, secure)
        assert broker, trouble
        return broker

    def end(self):
        for broker in self.started:
            broker.end()
        self.started.clear()
        self._start.cache_clear()


SHARED = Shared()


def keep_together(items):
    """When tests run side by side, those of a file that share a broker stay in one process."""
    for item in items:
        if {"kafka", "secure_kafka"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session")
def brokers(tmp_path_factory):
    yield lambda secure: SHARED.get(tmp_path_factory, secure)
    SHARED.end()


@pytest.fixture
def kafka(brokers):
    """The session's broker. A test may kill or freeze it: it is healed for the next."""
    broker = brokers(secure=False)
    broker.heal()
    return broker


@pytest.fixture
def secure_kafka(brokers):
    """The session's broker with TLS and SASL listeners: see login() and tls()."""
    broker = brokers(secure=True)
    broker.heal()
    return broker


@pytest.fixture
def start_kafka(tmp_path):
    """Starts brokers of the test's own: with other settings, or several in a cluster (join=)."""
    started = []

    def start(*settings, **how):
        started.append(Broker(tmp_path / f"kafka-{len(started)}", *settings, **how))
        return started[-1]

    yield start
    for broker in reversed(started):
        broker.end()
