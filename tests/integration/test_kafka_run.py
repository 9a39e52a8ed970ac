"""`run` from topics of a real broker: what is read, what becomes of it, where it ends."""

import json
import signal

import pytest

from feed import QUICK, counts, leads, names
from harness import wait_until
from rdkafka import Record

# What a record is


def test_templates_know_where_a_record_came_from(topic, sandbox):
    t = topic(partitions=1)
    t.put(Record('{"name": "Acme"}', key='{"id": {"part": 7}, "a.b": "dot"}',
                 headers=[("trace", b"abc"), ("empty", None)], timestamp=1_700_000_000_123))
    t.put(Record('{"name": "Bolt"}', key="plain"))
    path = t.file(routes="""
        - name: one
          operation: lead.create
          when: .name == "Acme"
          body:
            name: "{@topic} {@partition} {@offset}"
            description: "{@key.id.part} {@key.a.b} {@headers.trace} {@timestamp}"
        - name: two
          operation: lead.create
          body: {name: "{@key}", description: "{@offset} {@headers.trace|default:-}"}
        """)
    t.run(path)
    found = {lead["name"]: lead["description"] for lead in sandbox.objects("lead")}
    assert found == {f"{t.name} 0 0": "7 dot abc 2023-11-14T22:13:20.123Z", "plain": "1 -"}


@pytest.mark.parametrize("policy, wanted", [
    ("ignore", {"read": 2, "delivered": 1, "filtered": 1}),
    ("reject", {"read": 2, "delivered": 1, "rejected": 1}),
    ("route", {"read": 2, "delivered": 2}),
])
def test_tombstones_are_what_the_pipeline_says(topic, sandbox, policy, wanted):
    t = topic()
    t.put(Record(None, key="gone"), Record('{"name": "Acme"}', key="kept"))
    path = t.file(more=f"tombstones: {policy}", routes="""
        - operation: lead.create
          body: {name: "{name|default:deleted} {@key}"}
        """)
    result = t.run(path, code=1 if policy == "reject" else 0)
    assert counts(result.summary) == wanted
    assert "Acme kept" in names(sandbox)
    assert ("deleted gone" in names(sandbox)) == (policy == "route")
    assert t.lag == 0
    if policy == "reject":
        assert [reject["class"] for reject in t.rejects(path)] == ["tombstone"]


def test_what_a_schema_registry_frames_is_read(topic, sandbox):
    t = topic()
    t.put(Record(b"\x00\x00\x00\x00\x07" + b'{"name": "Framed"}'), Record('{"name": "Bare"}'))
    result = t.run(t.file(more="framing: confluent"), code=1)
    assert counts(result.summary) == {"read": 2, "delivered": 1, "rejected": 1}
    assert names(sandbox) == ["Framed"]


def test_a_record_that_is_no_json_is_rejected_with_its_place(topic, sandbox):
    t = topic()
    t.put(Record('{"name": "Acme"}'), Record('{"name": ', key="bad"), Record("[1]"),
          Record('{"name": "Bolt"}'))
    path = t.file()
    t.run(path, code=1)
    assert names(sandbox) == ["Acme", "Bolt"]
    assert t.lag == 0
    rejects = t.rejects(path)
    assert [reject["class"] for reject in rejects] == ["json", "json"]
    where = {"topic": t.name, "partition": 0}
    assert [reject["records"] for reject in rejects] == [
        [{**where, "offset": 1, "key": "bad"}], [{**where, "offset": 2}]]
    told = [event["data"]["records"][0] for event in sandbox.hook_events()
            if event["data"]["outcome"] == "rejected"]
    assert sorted(record["offset"] for record in told) == [1, 2]
    shown = t.closefeed("rejects", "list", path).out
    assert f"{t.name}/0:1" in shown


def test_a_key_says_which_records_are_the_same(topic, sandbox):
    t = topic(partitions=1)
    t.put(*[Record(json.dumps({"name": f"Lead {number % 3}", "id": number % 3}))
            for number in range(9)])
    path = t.file(key='\nkey: "{id}"')
    result = t.run(path)
    assert result.summary["delivered"] == 3 and result.summary["skipped"] == 6
    assert names(sandbox) == ["Lead 0", "Lead 1", "Lead 2"]


# Where it begins and ends


def test_all_is_delivered_once_and_a_second_run_reads_nothing(topic, sandbox):
    t = topic(partitions=3)
    t.put(*leads(60))
    path = t.file(more="", routes="- operation: lead.create")
    assert counts(t.run(path).summary) == {"read": 60, "delivered": 60}
    assert t.lag == 0
    assert counts(t.run(path).summary) == {}
    assert names(sandbox) == sorted(f"Lead {number}" for number in range(60))
    assert len({event["id"] for event in sandbox.hook_events()}) == 60


@pytest.mark.parametrize("start, wanted", [
    ("beginning", ["Lead 0", "Lead 1", "Lead 2"]),
    ("end", []),
    ('"2026-01-02T00:00:00Z"', ["Lead 1", "Lead 2"]),
])
def test_a_group_without_offsets_begins_where_it_is_told_to(topic, sandbox, start, wanted):
    t = topic()
    day = 86_400_000
    first = 1_767_225_600_000  # 2026-01-01T00:00:00Z
    t.put(*[Record(json.dumps({"name": f"Lead {number}"}), timestamp=first + number * day)
            for number in range(3)])
    path = t.file(more=f"start: {start}")
    t.run(path)
    assert names(sandbox) == wanted
    assert t.lag == 0
    t.put(*leads(1, first=7))
    t.run(path)
    assert names(sandbox) == [*wanted, "Lead 7"]


def test_what_transactions_leave_behind_is_passed(topic, kafka, sandbox):
    t = topic(partitions=2)
    kafka.transaction(t.name, leads(6))
    kafka.transaction(t.name, leads(6, first=10), end="abort")
    kafka.transaction(t.name, leads(2, first=20))
    path = t.file()
    assert counts(t.run(path).summary) == {"read": 8, "delivered": 8}
    assert names(sandbox) == sorted([f"Lead {n}" for n in (*range(6), 20, 21)])
    assert t.lag == 0
    kafka.transaction(t.name, leads(3, first=30), end="abort")
    assert counts(t.run(path).summary) == {}
    assert t.lag == 0


def test_an_empty_topic_ends_at_once(topic):
    t = topic(partitions=2)
    assert counts(t.run(t.file()).summary) == {}


def test_a_limit_leaves_the_rest_for_the_next_run(topic, sandbox):
    t = topic(partitions=1)
    t.put(*leads(10))
    path = t.file()
    assert counts(t.run(path, "--limit", 4).summary) == {"read": 4, "delivered": 4}
    assert names(sandbox) == [f"Lead {number}" for number in range(4)]
    assert counts(t.run(path).summary) == {"read": 6, "delivered": 6}
    assert names(sandbox) == [f"Lead {number}" for number in range(10)]


def test_it_goes_on_until_a_signal(topic, sandbox):
    t = topic(partitions=2)
    path = t.file()
    process = t.closefeed.start("run", path, "--json")
    t.put(*leads(5))
    wait_until(lambda: len(names(sandbox)) == 5, 180)
    t.put(*leads(5, first=5))
    wait_until(lambda: len(names(sandbox)) == 10, 180)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=180)
    assert process.returncode == 75, (out, err)
    assert counts(json.loads(out.splitlines()[-1])) == {"read": 10, "delivered": 10}
    assert t.lag == 0


def test_topics_that_were_edited_are_read_though_the_group_remembers_others(topic, sandbox):
    t = topic()
    t.put(*leads(1))
    t.run(t.file())
    other = t.broker.topic("other")
    t.broker.produce(other, leads(1, first=7))
    t.put(*leads(1, first=1))
    result = t.run(t.file(source=t.source(topics=other)))
    assert counts(result.summary) == {"read": 1, "delivered": 1}
    assert names(sandbox) == ["Lead 0", "Lead 7"]


# What goes wrong


def test_a_broker_that_is_not_there(topic):
    t = topic()
    path = t.file(source=t.source(brokers="127.0.0.1:1"),
                  delivery="quarantine: 2s\nretry_for: 2s")
    result = t.run(path, code=69)
    assert "127.0.0.1:1" in result.summary["reason"]
    assert "no Kafka broker was reached" in result.err + result.summary["reason"]


def test_a_topic_that_is_not_there(topic, kafka):
    t = topic()
    missing = kafka.unique("missing")
    result = t.run(t.file(source=t.source(topics=missing)), code=78)
    assert missing in result.summary["reason"]


def test_a_wrong_password(topic, secure_kafka, closefeed):
    t = topic()
    closefeed.env["KAFKA_PASSWORD"] = "wrong-password"
    login = secure_kafka.login()
    properties = ", ".join([
        QUICK, "security.protocol: SASL_SSL", "sasl.mechanism: SCRAM-SHA-512",
        f'sasl.username: {login["sasl.username"]}', "sasl.password: {env: KAFKA_PASSWORD}",
        f'ssl.ca.location: "{login["ssl.ca.location"]}"'])
    path = t.file(source=t.source(brokers=login["bootstrap.servers"], properties=properties))
    result = t.run(path, code=77)
    assert "wrong-password" not in result.out + result.err
    assert "authentication" in result.summary["reason"].lower()


def test_who_is_refused_by_close_leaves_no_member_for_others_to_wait_for(
        topic, closefeed, sandbox):
    t = topic()
    t.put(*leads(1))
    sandbox.post("/_sandbox/settings", {"latency_ms": 3000})  # time enough to join
    closefeed.env["CLOSE_API_KEY"] = "api_wrong.key"
    t.run(t.file(), code=77)
    assert t.broker.members(t.group) == []


def test_a_pattern_that_fits_nothing_is_said_to(topic):
    t = topic()
    path = t.file(source=t.source(topics='"^nothing[.]"'))
    result = t.run(path)
    assert counts(result.summary) == {}
    assert 'no topic fits the pattern "^nothing[.]"' in result.err
    process = t.closefeed.start("run", path, "--json")
    # Topics are looked for again every 30 s.
    wait_until(lambda: "no topic fits the patterns" in t.closefeed("status", path).out, 180)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=180)
    assert process.returncode == 75


def test_a_second_ctrl_c_counts_while_it_parts_from_brokers_that_do_not_answer(
        topic, kafka, sandbox):
    t = topic()
    t.put(*leads(1))
    process = t.closefeed.start("run", t.file(), "--json")
    wait_until(lambda: names(sandbox), 180)
    kafka.freeze()
    process.send_signal(signal.SIGINT)
    assert any(b'"summary"' in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=180)
    assert process.returncode == 130


def test_a_second_process_with_a_copy_of_the_state(topic, tmp_path, sandbox):
    t = topic()
    t.put(*leads(3))
    path = t.file(more="", name="feed")
    first = t.closefeed.start("run", path, "--json")
    wait_until(lambda: len(names(sandbox)) == 3 and t.lag == 0, 180)  # so all is in the state
    copy = tmp_path / "copied"
    state = next((tmp_path / "state").rglob("journal.db")).parent
    copy.mkdir(mode=0o700)
    for file in state.glob("journal.db*"):
        (copy / file.name).write_bytes(file.read_bytes())
    other = tmp_path / "other.yaml"
    other.write_text(path.read_text() + f"state: {copy}\n")
    second = t.closefeed.start("run", other, "--json")
    out, err = first.communicate(timeout=180)
    assert first.returncode == 75, (out, err)
    reason = json.loads(out.splitlines()[-1])["reason"]
    assert f"group {t.group}: another process with the same state" in reason, reason
    second.send_signal(signal.SIGTERM)
    assert second.communicate(timeout=180) and second.returncode == 75
    assert len(names(sandbox)) == 3


def test_a_file_has_no_end_offsets(pipeline, closefeed):
    path = pipeline([{"name": "Acme"}])
    for flag in ("--until-end", "--accept-offsets"):
        result = closefeed("run", path, flag)
        assert result.code == 2 and "Kafka" in result.err
