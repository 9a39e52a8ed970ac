"""What `status` and the progress of `run` say of topics: how far behind they are, how old what waits
is, when it will be done; and what is waited for, in words."""

import json
import select
import signal
import subprocess

import pytest

from harness import wait_until

QUICK = {"heartbeat.interval.ms": "500",
         "reconnect.backoff.max.ms": "200", "topic.metadata.propagation.max.ms": "300"}


def leads(n, start=0):
    return [{"name": f"N{i}"} for i in range(start, start + n)]


class Member:
    """A run over a topic, and what status says of it."""

    def __init__(self, closefeed, path, *flags):
        self.closefeed, self.path = closefeed, path
        self.process = closefeed.start("run", path, "--json", *flags)

    def status(self):
        result = self.closefeed("status", self.path, "--json")
        assert result.code == 0, result.err
        return result.json

    def words(self):
        return self.closefeed("status", self.path).out

    def wait_for(self, claim, timeout=180):
        """The first status of which claim is true."""
        found = []

        def look():
            found[:] = [self.status()]
            return "partitions" in found[0] and claim(found[0])  # else there is no state yet

        try:
            wait_until(look, timeout=timeout, every=0.1)
        except AssertionError as error:
            raise AssertionError(f"last: {found}") from error
        return found[0]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=180)
        assert b"Sanitizer" not in err, err.decode()
        return [json.loads(line) for line in out.decode().splitlines()]


@pytest.fixture
def member(closefeed, pipeline, kafka):
    """Begins a run over a topic: member(topic, close="rate: 2/s")."""
    runs = []

    def start(topic, *flags, name="signups", group=None, brokers=None, **how):
        source = {"topics": [topic], "brokers": [brokers or kafka.bootstrap],
                  "group": group or kafka.unique("group"), "start": "beginning",
                  "properties": QUICK}
        path = pipeline(source="kafka: " + json.dumps(source), name=name,
                        **{"responses": f"file: {name}.told.ndjson", **how})
        runs.append(Member(closefeed, path, *flags))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.communicate()


def lag_of(status):
    return status["lag"]["records"]


def test_status_has_the_same_keys_before_and_while_it_runs(closefeed, kafka, pipeline, member):
    topic = kafka.topic("leads")
    run = member(topic)
    running = run.wait_for(lambda s: s["running"] and s["partitions"])
    path = pipeline(name="never", source="kafka: " + json.dumps(
        {"topics": [topic], "brokers": [kafka.bootstrap]}))
    never = closefeed("status", path, "--json").json
    assert set(running) - set(never) == {"pid"}
    assert set(never["counts"]) == set(running["counts"])
    assert never["run"] is None and set(never["counts"].values()) == {0}
    assert "no state yet: never run" in closefeed("status", path).out
    run.end()


def test_each_partition_tells_how_far_it_is(kafka, member):
    topic = kafka.topic("leads", partitions=2)
    kafka.produce(topic, leads(40))
    run = member(topic)
    status = run.wait_for(lambda s: lag_of(s) == 0 and s["counts"]["delivered"] == 40)
    ends = kafka.ends(topic)
    assert {p["partition"]: p for p in status["partitions"]} == {
        n: {"topic": topic, "partition": n, "position": ends[n], "end": ends[n], "lag": 0}
        for n in range(2)}
    assert status["lag"]["seconds"] == 0 and status["lag"]["drained_in_seconds"] == 0
    assert status["lag"]["oldest_unsent_seconds"] is None
    assert status["lag"]["settled_per_minute"] >= 40
    words = run.words()
    assert "nothing is left to read now" in words and topic in words
    run.end()

    # With nobody running: how far it is, and not how much there is.
    status = run.status()
    assert not status["running"]
    assert sorted(p["position"] for p in status["partitions"]) == sorted(ends.values())
    assert all(p["end"] is None and p["lag"] is None for p in status["partitions"])
    assert lag_of(status) is None
    assert "known while it runs" in " ".join(status["sentences"])


def test_a_backlog_has_an_age_and_a_forecast(kafka, member, sandbox):
    topic = kafka.topic("leads")
    kafka.produce(topic, leads(400))
    run = member(topic, close="rate: 2/s")
    status = run.wait_for(lambda s: s["counts"]["delivered"] >= 4)
    lag = status["lag"]
    assert 300 < lag["records"] < 400 and lag["records"] == status["partitions"][0]["lag"]
    assert 0 < lag["settled_per_minute"] < 400
    assert lag["drained_in_seconds"] == pytest.approx(
        lag["records"] * 60 / lag["settled_per_minute"], abs=2)
    assert 0 <= lag["oldest_unsent_seconds"] <= 60
    older = run.wait_for(lambda s: s["counts"]["delivered"] >= 10)["lag"]
    assert older["oldest_unsent_seconds"] >= lag["oldest_unsent_seconds"] + 1
    words = run.words()
    assert " records behind" in words and "drained in about " in words and " records/min" in words
    lines = run.end()
    progress = [line for line in lines if line["type"] == "progress"]
    assert any(line["lag"] and line["lag"] < 400 for line in progress)


def test_what_stands_still_has_no_forecast(kafka, member, sandbox):
    topic = kafka.topic("leads")
    run = member(topic)
    run.wait_for(lambda s: len(s["partitions"]) == 1)
    sandbox.process.send_signal(signal.SIGSTOP)  # it answers no more
    kafka.produce(topic, leads(20))
    status = run.wait_for(lambda s: lag_of(s) == 20 and s["lag"]["oldest_unsent_seconds"])
    assert status["lag"]["settled_per_minute"] == 0
    assert status["lag"]["drained_in_seconds"] is None
    assert "20 records behind" in run.words() and "none was settled" in run.words()
    assert "up to line" not in run.words()  # it has none
    assert "source" not in status
    sandbox.process.send_signal(signal.SIGCONT)
    run.wait_for(lambda s: lag_of(s) == 0)
    assert run.end()[-1]["delivered"] == 20


def test_a_member_without_partitions_says_what_it_waits_for(kafka, member):
    topic, group = kafka.topic("leads"), kafka.unique("group")
    kafka.produce(topic, leads(3))
    first = member(topic, group=group, name="first")
    first.wait_for(lambda s: len(s["partitions"]) == 1)
    second = member(topic, group=group, name="second")
    waits = "the group has no partition left for this process"
    owner = []

    def one_waits():
        said = [(run, run.status()) for run in (first, second)]
        owner[:] = [run for run, s in said if s.get("partitions")]
        return any(waits in s["sentences"] for _, s in said) and len(owner) == 1

    try:
        wait_until(one_waits, timeout=180, every=0.2)
    except AssertionError as error:
        raise AssertionError([run.status() for run in (first, second)]) from error
    for run in (first, second):
        run.end()


def test_what_is_unknown_of_a_partition_that_is_not_ours_is_not_looked_up(kafka, member, sandbox):
    topic, other = kafka.topics("leads", "others")
    group, short = kafka.unique("group"), "drain: 300ms"
    kafka.produce(topic, leads(1))
    sandbox.add_fault("timeout_before", method="POST", path="/lead/")
    run = member(topic, group=group, delivery=short)
    wait_until(lambda: sandbox.requests("POST", "/lead/"), timeout=180)
    run.end()
    status = run.status()
    assert (status["unknown"], status["frozen"]) == (1, 0)
    assert "to be looked up or repeated by the next run" in run.words()

    # The same state, with another topic; the group would give it the one that it had.
    sandbox.clear_faults()
    kafka.produce(other, leads(1, start=7))
    run = member(other, group=group, delivery=short)
    status = run.wait_for(
        lambda s: s["frozen"] == 1 and s["counts"]["delivered"] == 1)
    assert status["unknown"] == 0 and status["open"] == 1
    assert [lead["name"] for lead in sandbox.objects("lead")] == ["N7"]
    assert "left as they are" in run.words()
    run.end()


def test_brokers_that_are_away_are_named_with_the_time(kafka, member):
    topic = kafka.topic("leads")
    run = member(topic)
    run.wait_for(lambda s: len(s["partitions"]) == 1)
    kafka.kill()
    try:
        status = run.wait_for(lambda s: any("no Kafka broker" in x for x in s["sentences"]))
        [sentence] = [x for x in status["sentences"] if "no Kafka broker" in x]
        assert "is reached since " in sentence and len(sentence.split(": ", 1)[1]) > 10
    finally:
        kafka.heal()
    run.wait_for(lambda s: not any("no Kafka broker" in x for x in s["sentences"]))
    run.end()


def test_tap_stays_over_a_rebalance(closefeed, kafka, member):
    topic, group = kafka.topic("leads", partitions=2), kafka.unique("group")
    first = member(topic, group=group, name="first")
    first.wait_for(lambda s: len(s["partitions"]) == 2)
    tap = subprocess.Popen(
        [closefeed.binary, "tap", str(first.path), "--json"], cwd=closefeed.folder,
        env=closefeed.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, bufsize=0)
    assert b"watching" in tap.stderr.readline()
    second = member(topic, group=group, name="second")
    first.wait_for(lambda s: len(s["partitions"]) == 1, timeout=180)

    # It watches again some time after, so there must be something to see then.
    def sees_a_call():
        kafka.produce(topic, leads(20))
        assert tap.poll() is None
        while select.select([tap.stdout], [], [], 0.5)[0]:
            exchange = json.loads(tap.stdout.readline())
            if exchange["kind"] == "call":
                return exchange
        return None

    [place] = wait_until(sees_a_call, timeout=180)["records"]
    assert place["topic"] == topic and place["offset"] >= 0
    second.end()
    first.end()
    _, err = tap.communicate(timeout=180)
    assert tap.returncode == 0 and b"the run has ended" in err, err
