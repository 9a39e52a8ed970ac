"""preview, check --online and doctor of a pipeline that reads topics of a real broker: what they
tell, and that the group notices nothing."""

import json

import pytest

from harness import wait_until
from rdkafka import Record
from test_kafka_source import start  # noqa: F401 (a fixture)


@pytest.fixture
def group(tmp_path):
    return f"group.{tmp_path.name}"


@pytest.fixture
def reading(pipeline, group):
    """Writes a pipeline that reads topics; returns its path."""
    def write(*topics, brokers, source="", properties=None, **more):
        return pipeline(source="kafka:\n" + "".join(f"  {line}\n" for line in [
            f"brokers: [\"{brokers}\"]", f"topics: {json.dumps(topics)}", f"group: {group}",
            f"properties: {json.dumps(properties or {})}", *source.splitlines()]), **more)
    return write


def login(broker):
    """Properties as a pipeline has them; the password is a reference."""
    given = broker.login()
    brokers = given.pop("bootstrap.servers")
    given["sasl.password"] = {"env": "KAFKA_PASSWORD"}
    return {"brokers": brokers, "properties": given}


def numbers(count):
    return [{"name": f"N{n}"} for n in range(count)]


def places(result):
    found = [json.loads(line)["records"] for line in result.out.splitlines()]
    return [(r["partition"], r["offset"]) for records in found for r in records]


def test_shows_the_first_records_and_the_group_notices_nothing(
        closefeed, kafka, reading, sandbox, group):
    topic = kafka.topic("signups", partitions=2)
    kafka.produce(topic, [Record(json.dumps(record), key=f"k{n}", partition=0)
                          for n, record in enumerate(numbers(4))])
    path = reading(topic, brokers=kafka.bootstrap)
    result = closefeed("preview", path, "-n", "3", "--json")
    assert result.code == 0, result.err
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line["body"] for line in lines] == numbers(3)
    assert lines[1]["records"] == [
        {"topic": topic, "partition": 0, "offset": 1, "key": "k1"}]
    assert kafka.members(group) == []
    assert kafka.committed(group, topic) == {}
    assert not (path.parent / "state").exists() and sandbox.requests() == []
    # The same for people, and once more.
    result = closefeed("preview", path, "-n", "1")
    assert result.code == 0 and f"{topic}/0:0  lead.create" in result.out, result.out
    assert "1 record, 0 rejected; nothing was sent" in result.err


def test_goes_on_where_the_group_is(closefeed, kafka, reading, group):
    topic = kafka.topic("signups")
    kafka.produce(topic, numbers(5))
    kafka.commit(group, topic, {0: (3, "mine")})
    result = closefeed("preview", reading(topic, brokers=kafka.bootstrap), "--all", "--json")
    assert result.code == 0 and places(result) == [(0, 3), (0, 4)], result.err
    assert kafka.committed(group, topic) == {0: (3, b"mine")}
    assert kafka.group_state(group) == "Empty"


def test_a_member_that_reads_goes_on_undisturbed(closefeed, kafka, reading, group, start):
    topic = kafka.topic("signups", partitions=2)
    kafka.produce(topic, [Record("{}", partition=n % 2) for n in range(20)])
    member = start(kafka, group, topic, "static")
    for _ in range(20):
        member.until("record ")
    before, path = kafka.members(group), reading(topic, brokers=kafka.bootstrap)
    for words in (("preview", path), ("check", path, "--online"), ("doctor", path)):
        assert closefeed(*words).code == 0
    assert kafka.members(group) == before and kafka.group_state(group) == "Stable"
    kafka.produce(topic, [Record("{}", partition=n % 2) for n in range(20)])
    for _ in range(20):
        member.until("record ")
    said = [line.split()[0] for line in member.stop().lines]
    assert said.count("owns") == 1 and not {"lost", "failed", "doubtful"} & set(said)
    assert sorted(member.places()) == [(n, offset) for n in range(2) for offset in range(20)]


def test_ends_where_topics_end(closefeed, kafka, reading):
    empty, topic = kafka.topics("sign-empty", "sign-some", partitions=3)
    kafka.transaction(topic, numbers(2))
    kafka.transaction(topic, numbers(7), end="abort")
    path = reading("^sign-", brokers=kafka.bootstrap)
    result = closefeed("preview", path, "--all", "--json")
    assert result.code == 0, result.err
    assert len(result.out.splitlines()) == 2
    path = reading(empty, brokers=kafka.bootstrap)
    result = closefeed("preview", path)
    assert result.code == 0 and "0 records" in result.err


def test_calls_of_several_records_never_mix_partitions(closefeed, kafka, reading):
    one, two = kafka.topics("one", "two", partitions=2)
    for topic, partition in ((one, 0), (one, 1), (two, 0)):
        kafka.produce(topic, [Record('{"n": 1}', partition=partition) for _ in range(3)])
    result = closefeed("preview", reading(
        one, two, brokers=kafka.bootstrap,
        routes="- method: POST\n  url: /bulk/\n  batch: {size: 10, algorithm: array}"), "-n", "0")
    assert result.code == 0, result.err
    heads = [line for line in result.out.splitlines() if line.endswith("POST /bulk/")]
    assert sorted(heads) == sorted(
        f"{place}:0-2 (3 records)  POST /bulk/" for place in (f"{one}/0", f"{one}/1", f"{two}/0"))


def test_what_is_no_record_is_shown_as_a_run_would_take_it(closefeed, kafka, reading):
    topic = kafka.topic("signups")
    kafka.produce(topic, ["{", Record(None, key="gone"), {"name": "N"}])
    result = closefeed("preview", reading(topic, brokers=kafka.bootstrap), "--json")
    assert result.code == 1
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line.get("rejected", {}).get("class") for line in lines] == ["json", "tombstone", None]
    path = reading(topic, brokers=kafka.bootstrap, source="tombstones: ignore")
    result = closefeed("preview", path)
    assert "1 filtered, 1 rejected" in result.err and "`tombstones` says ignore" in result.out


def test_what_cannot_be_read_says_why(closefeed, kafka, reading):
    path = reading("not.there", brokers=kafka.bootstrap)
    result = closefeed("preview", path)
    assert result.code == 78 and 'there is no topic "not.there"' in result.err
    path = reading("t", brokers="127.0.0.1:9")
    result = closefeed("preview", path, timeout=180)
    assert result.code == 69, result.err
    assert "no broker can be reached (Connect to" in result.err, result.err


def test_a_login_is_asked_for_and_a_wrong_one_ends_with_77(closefeed, secure_kafka, reading):
    topic = secure_kafka.topic("signups")
    secure_kafka.produce(topic, numbers(1))
    path = reading(topic, **login(secure_kafka))
    good = {"KAFKA_PASSWORD": secure_kafka.said["password"]}
    result = closefeed("preview", path, env={**good, "CLOSE_API_KEY": ""})
    assert result.code == 0, result.err
    for words in (("preview", path), ("check", path, "--online"), ("doctor", path)):
        result = closefeed(*words, env={"KAFKA_PASSWORD": "canary"})
        assert result.code == 77, result.out + result.err
        assert "sasl.password" in result.out + result.err
        assert "canary" not in result.out + result.err


def layers(result):
    return [(layer["name"], layer["ok"]) for layer in result.json["layers"]][5:]


def test_check_tells_of_brokers_topics_and_group(closefeed, kafka, reading, group):
    one, wide = kafka.topic("one"), kafka.topic("wide", partitions=4)
    path = reading(one, brokers=kafka.bootstrap)
    result = closefeed("check", path, "--online")
    assert result.code == 0, result.out + result.err
    assert f"broker   ok  {kafka.bootstrap}" in result.out
    assert f"topic    ok  {one} may be read, 1 partition\n" in result.out
    assert f"{group}: has no offsets yet, so a run begins at the beginning" in result.out
    assert "order" not in result.out
    kafka.commit(group, wide, {0: 0})
    path = reading(wide, "gone", f"^{wide}$", brokers=kafka.bootstrap)
    result = closefeed("check", path, "--online", "--json")
    assert result.code == 78
    assert layers(result) == [
        ("broker", True), ("topic", True), ("topic", False), ("topic", True), ("group", True)]
    text = json.dumps(result.json["layers"])
    assert "has offsets of 1 of 4 partitions" in text and 'there is no topic \\"gone\\"' in text
    assert kafka.members(group) == []


def test_check_says_by_what_an_upserts_topic_must_be_keyed(closefeed, kafka, reading):
    one, wide = kafka.topic("one"), kafka.topic("wide", partitions=4)
    routes = ("- operation: lead.upsert\n  name: people\n"
              "  match: [{email: \"{email}\"}]")
    result = closefeed("check", reading(wide, brokers=kafka.bootstrap, routes=routes), "--online")
    assert result.code == 0, result.out + result.err
    assert f"order    ok  route people matches by email: where several processes read {wide}," \
        in result.out
    result = closefeed("check", reading(one, brokers=kafka.bootstrap, routes=routes), "--online")
    assert result.code == 0 and "order" not in result.out


def allow(broker, operation, kind, name):
    broker.script("tool", "kafka.admin.AclCommand", "--add", "--allow-principal",
                  f"User:{broker.said['user']}", "--operation", operation, kind, name)


def test_check_tells_which_right_is_missing(closefeed, start_kafka, reading, group):
    broker = start_kafka(
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users=User:ANONYMOUS", secure=True)
    topic = broker.topic("signups")
    path = reading(topic, **login(broker))
    env = {"KAFKA_PASSWORD": broker.said["password"]}

    def ask():
        result = closefeed("check", path, "--online", "--json", env=env)
        return result.code, {layer["name"]: layer for layer in result.json["layers"]}

    def ask_until(claim):
        """A right counts a moment after it is given."""
        [answer] = wait_until(lambda: [one for one in [ask()] if claim(one[1])])
        return answer

    code, said = ask()
    assert code == 77 and said["broker"]["ok"] and not said["topic"]["ok"]
    assert topic in said["topic"]["what"] and "READ" in said["topic"]["what"]
    # Told of, and still not to be read.
    allow(broker, "Describe", "--topic", topic)
    code, said = ask_until(lambda said: "group" in said and "READ" in said["group"]["what"])
    assert code == 77 and not said["topic"]["ok"] and not said["group"]["ok"]
    assert "READ" in said["topic"]["what"] and "READ" in said["group"]["what"]
    allow(broker, "Read", "--topic", topic)
    code, said = ask_until(lambda said: said["topic"]["ok"])
    assert code == 77 and said["topic"]["ok"] and not said["group"]["ok"]
    assert group in said["group"]["what"]
    for verb in ("preview", "run"):
        result = closefeed(verb, path, env=env)
        assert result.code == 77 and group in result.err
    allow(broker, "Read", "--group", group)
    code, said = ask_until(lambda said: said["group"]["ok"])
    assert code == 0 and said["group"]["ok"], said


def test_doctor_tells_of_kafka(closefeed, kafka, reading):
    topic = kafka.topic("signups")
    result = closefeed("doctor", reading(topic, brokers=kafka.bootstrap), "--json")
    assert result.code == 0, result.out + result.err
    said = {finding["what"]: finding for finding in result.json["findings"]}
    assert "librdkafka" in said["libraries"]["text"]
    assert said["broker"]["kind"] == said["topic"]["kind"] == "good"
    assert said["session"]["text"].startswith("60 s")
    path = reading(topic, brokers=kafka.bootstrap,
                   properties={"session.timeout.ms": "2000000", "max.poll.interval.ms": "2000000"})
    result = closefeed("doctor", path)
    assert result.code == 0 and "group.max.session.timeout.ms" in result.out
    result = closefeed("doctor", reading("not.there", brokers=kafka.bootstrap))
    assert result.code == 78 and 'no topic "not.there"' in result.out
