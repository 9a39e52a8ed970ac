"""The source of topics by itself (tests/kafka/source_probe.c) on a real broker: what is read, what
the group is told, and what happens when members, disks and topics go."""

import functools
import os
import pathlib
import queue
import signal
import subprocess
import threading
import time

import pytest

QUICK = ("session.timeout.ms=6000", "heartbeat.interval.ms=500")


class Probe:
    """One member. Its lines arrive as they are printed."""

    def __init__(self, binary, state, broker, group, topic, *words):
        words = {**dict(word.partition("=")[::2] for word in (*QUICK, *words))}
        brokers = words.pop("bootstrap.servers", broker.bootstrap)
        words = [f"{name}={value}" if value else name for name, value in words.items()]
        program = pathlib.Path(binary).resolve().parents[1] / "tests/kafka/source_probe"
        self.process = subprocess.Popen(
            [program, state, brokers, group, topic, *words],
            stdout=subprocess.PIPE, text=True)
        self.lines, self.fresh = [], queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            if line.endswith("\n"):  # else a kill cut it
                self.fresh.put(line.rstrip("\n"))
        self.fresh.put(None)

    def until(self, wanted, timeout=180):
        """Reads lines until one begins with @wanted, and returns it."""
        end = time.monotonic() + timeout
        while True:
            try:
                line = self.fresh.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {wanted!r} in time: {self.lines[-5:]}") from None
            assert line is not None, f"ended without {wanted!r}: {self.lines[-5:]}"
            self.lines.append(line)
            if line.startswith(wanted):
                return line

    def drain(self):
        """All lines until its end."""
        while (line := self.fresh.get(timeout=180)) is not None:
            self.lines.append(line)
        self.process.wait(180)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.drain()
        return self

    def kill(self):
        self.process.kill()
        self.drain()
        return self

    def places(self, kind="record"):
        """[(partition, offset)] in the order they were sent."""
        words = [line.split() for line in self.lines if line.startswith(kind + " ")]
        return [(int(partition), int(offset)) for _, partition, offset in words]


@pytest.fixture
def start(binary, tmp_path):
    started = []

    def start_one(broker, group, topic, *words, state="state"):
        started.append(Probe(binary, tmp_path / state, broker, group, topic, *words))
        return started[-1]

    yield start_one
    for probe in started:
        if probe.process.poll() is None:
            probe.process.send_signal(signal.SIGCONT)
            probe.process.kill()
            probe.process.wait()


@pytest.fixture
def join(start, kafka):
    """Starts members; @state is the name of their disk."""
    return functools.partial(start, kafka)


def numbers(count):
    return [{"n": number} for number in range(count)]


def test_reads_what_was_committed_and_leaves_no_lag(kafka, join):
    topic = kafka.topic()
    kafka.transaction(topic, numbers(10))
    kafka.transaction(topic, numbers(10), end="abort")
    kafka.transaction(topic, numbers(5))
    probe = join("markers", topic, "until-end")
    probe.drain()
    assert len(probe.places()) == 15
    assert "end" in probe.lines and probe.lines[-1] == "bye"
    assert kafka.lag("markers", topic) == 0


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_reads_every_compression(kafka, join, codec):
    topic = kafka.topic()
    kafka.produce(topic, numbers(100), compression=codec)
    probe = join(f"codec-{codec}", topic, "until-end")
    probe.drain()
    assert probe.places() == [(0, offset) for offset in range(100)]


def test_a_new_group_begins_at_the_end_where_it_is_told_to(kafka, join):
    topic, group = kafka.topic(), kafka.unique("end")
    kafka.produce(topic, numbers(10))
    join(group, topic, "until-end", "end").drain()
    assert kafka.committed(group, topic)[0][0] == 10
    kafka.produce(topic, numbers(3))
    probe = join(group, topic, "until-end", "end")
    probe.drain()
    assert probe.places() == [(0, 10), (0, 11), (0, 12)]


def test_a_restart_goes_on_where_the_state_is(kafka, join):
    topic, group = kafka.topic(partitions=2), kafka.unique("restart")
    kafka.produce(topic, numbers(2000))
    first = join(group, topic, "static")
    first.until("record 1 ")
    first.kill()
    second = join(group, topic, "static", "until-end")
    second.drain()
    assert not second.places("doubtful")
    sent = first.places() + second.places()
    assert len(set(sent)) == 2000
    # What was printed in the turn that the kill ended is not in the state.
    assert len(sent) - len(set(sent)) <= 200


def test_records_that_are_not_settled_come_again(kafka, join):
    topic, group = kafka.topic(), kafka.unique("again")
    kafka.produce(topic, numbers(100))
    first = join(group, topic, "static", "settle=10")
    first.until("record 0 99")
    first.stop()
    assert kafka.committed(group, topic)[0][0] == 0
    second = join(group, topic, "static", "until-end")
    second.drain()
    assert second.places() == [(0, offset) for offset in range(0, 100, 10)]
    assert kafka.lag(group, topic) == 0


def test_a_member_that_loses_its_disk_leaves_doubt_and_nothing_else(kafka, join):
    topic, group = kafka.topic(), kafka.unique("disk")
    kafka.produce(topic, numbers(20000))
    first = join(group, topic, "settle=7")
    first.until("record 0 3")
    first.until("record 0 4000")
    first.kill()
    second = join(group, topic, "until-end", state="new")
    second.drain()
    again = set(first.places()) & set(second.places())
    assert not again  # nothing that may have been sent is sent without proof
    sent = set(first.places()) | set(second.places()) | set(second.places("doubtful"))
    assert len(sent) == 20000
    # From what was committed on, at most the way of one ceiling after what was sent.
    assert max(second.places("doubtful"))[1] <= max(first.places())[1] + 1500


def test_clean_hand_overs_leave_no_doubt_and_lose_nothing(kafka, join):
    topic, group = kafka.topic(partitions=4), kafka.unique("hand-over")
    kafka.produce(topic, numbers(1000))
    long = "session.timeout.ms=60000"  # what stands still for a moment is no clean hand-over
    members = [join(group, topic, long, state="a")]
    members[0].until("owns 4")
    for name in "bc":
        kafka.produce(topic, numbers(1000))
        members.append(join(group, topic, long, state=name))
        members[-1].until("owns ")
    kafka.produce(topic, numbers(1000))
    time.sleep(2)
    for member in members:
        member.stop()
    last = join(group, topic, long, "until-end", state="d")
    last.drain()
    members.append(last)
    sent = [place for member in members for place in member.places()]
    assert not [place for member in members for place in member.places("doubtful")]
    assert len(sent) == len(set(sent)) == 4000
    assert kafka.lag(group, topic) == 0


def test_a_member_that_stood_still_sends_nothing_when_it_wakes(kafka, join):
    topic, group = kafka.topic(partitions=2), kafka.unique("still")
    kafka.produce(topic, numbers(10))
    first = join(group, topic, state="a")
    first.until("owns 2")
    for _ in range(10):
        first.until("record ")
    first.process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    second = join(group, topic, state="b")
    second.until("owns 2")
    kafka.produce(topic, numbers(500))
    for _ in range(500):
        second.until(("record", "doubtful"))
    first.process.send_signal(signal.SIGCONT)
    first.until("lost")
    second.stop()
    first.stop()
    assert not set(first.places()) & set(second.places())
    assert len(first.places()) == 10


def test_a_copy_of_the_state_puts_the_first_process_out(kafka, join):
    topic, group = kafka.topic(), kafka.unique("copy")
    first = join(group, topic, "static", "group.instance.id=same", state="a")
    first.until("owns 1")
    os.system(f"cp -r {first.process.args[1]} {first.process.args[1]}-copy")
    second = join(group, topic, "static", state="a-copy")
    first.drain()
    assert [line for line in first.lines if line.startswith("failed -16 ")], first.lines
    second.until("owns 1")
    second.stop()


def test_a_topic_that_was_made_anew_is_not_read(kafka, join):
    topic, group = kafka.topic(), kafka.unique("anew")
    kafka.produce(topic, numbers(50))
    join(group, topic, "until-end").drain()
    kafka.recreate(topic)
    kafka.produce(topic, numbers(60))
    probe = join(group, topic, "until-end")
    probe.drain()
    assert not probe.places() and not probe.places("doubtful")
    assert [line for line in probe.lines if line.startswith("failed -116 ") and topic in line
            and "another record is at offset 49" in line], probe.lines
    accepting = join(group, topic, "until-end", "accept")
    accepting.drain()
    assert accepting.places()


def test_a_topic_deleted_under_a_member_ends_it_soon(kafka, join):
    topic, group = kafka.topic(), kafka.unique("deleted")
    kafka.produce(topic, numbers(5))
    probe = join(group, topic)
    probe.until("record 0 4")
    time.sleep(1)
    kafka.delete_topic(topic)
    began = time.monotonic()
    probe.until("failed -2 ", timeout=180)
    probe.drain()
    assert probe.lines[-1] == "bye"
    assert time.monotonic() - began < 120


def test_expired_records_are_told_and_accepted_by_a_person_alone(kafka, join):
    topic, group = kafka.topic(), kafka.unique("expired")
    kafka.produce(topic, numbers(20))
    join(group, topic, "until-end").drain()
    kafka.produce(topic, numbers(20))
    kafka.delete_records(topic, {0: 30})
    probe = join(group, topic, "until-end")
    probe.drain()
    assert not probe.places()
    assert [line for line in probe.lines if line.startswith("failed -116 ")
            and "to go on from is offset 20, and the broker has 30 to 40" in line], probe.lines
    accepting = join(group, topic, "until-end", "accept")
    accepting.drain()
    assert accepting.places() == [(0, offset) for offset in range(30, 40)]


def test_offsets_set_by_hand_do_not_count(kafka, join):
    topic, group = kafka.topic(), kafka.unique("by-hand")
    kafka.produce(topic, numbers(20))
    join(group, topic, "until-end").drain()
    kafka.produce(topic, numbers(5))
    kafka.commit(group, topic, {0: 3})
    probe = join(group, topic, "until-end")
    probe.drain()
    assert probe.places() == [(0, offset) for offset in range(20, 25)]
    assert [line for line in probe.lines if line.startswith("says ") and "set to 3" in line]
    assert kafka.lag(group, topic) == 0


def test_offsets_that_expired_do_not_matter_to_a_state(kafka, join):
    topic, group = kafka.topic(), kafka.unique("lapsed")
    kafka.produce(topic, numbers(20))
    join(group, topic, "until-end").drain()
    kafka.delete_offsets(group, topic)
    kafka.produce(topic, numbers(5))
    probe = join(group, topic, "until-end")
    probe.drain()
    assert probe.places() == [(0, offset) for offset in range(20, 25)]


def test_a_broker_that_comes_back_finds_its_members(kafka, join):
    topic, group = kafka.topic(), kafka.unique("broker")
    kafka.produce(topic, numbers(100))
    probe = join(group, topic)
    probe.until("record 0 99")
    kafka.kill()
    time.sleep(2)
    kafka.restart()
    kafka.produce(topic, numbers(100))
    probe.until("record 0 199")
    probe.stop()
    assert probe.places() == [(0, offset) for offset in range(200)]
    assert kafka.lag(group, topic) == 0


def test_reads_by_tls_with_a_login(start, secure_kafka):
    topic = secure_kafka.topic()
    secure_kafka.produce(topic, numbers(10))
    settings = [f"{name}={value}" for name, value in secure_kafka.login().items()]
    probe = start(secure_kafka, "login", topic, "until-end", *settings)
    probe.drain()
    assert len(probe.places()) == 10


def test_a_wrong_password_ends_it_and_is_not_repeated(start, secure_kafka):
    topic = secure_kafka.topic()
    settings = [f"{name}={value}" for name, value in secure_kafka.login("geheim").items()]
    probe = start(secure_kafka, "wrong", topic, *settings)
    line = probe.until("failed -13 ")
    probe.drain()
    assert "sasl.password" in line
    assert "geheim" not in "".join(probe.lines)
