"""Events and copies of rejects in topics of a real broker: once, in order, under their ids; and
what becomes of them while the broker is away, refuses, or closefeed dies."""

import base64
import contextlib
import json
import sqlite3
import time

import pytest

from harness import wait_until
from test_responses import assert_event

QUICK = {"reconnect.backoff.max.ms": "200", "topic.metadata.propagation.max.ms": "300"}


def leads(n, start=0):
    return [{"name": f"N{i}"} for i in range(start, start + n)]


def sink(broker, topic, brokers=None, **properties):
    """The value of responses.kafka or rejects.kafka."""
    return json.dumps({"topic": topic, "brokers": [brokers or broker.bootstrap],
                       "properties": {**QUICK, **properties}})


def to_topic(*args, **more):
    return "kafka: " + sink(*args, **more)


def told(broker, topic, count=0):
    """The events in a topic, each with its key; they are whole."""
    records = broker.consume(topic, count)
    for record in records:
        assert dict(record.headers) == {
            "content-type": b"application/cloudevents+json; charset=UTF-8"}
    return [(record.key and record.key.decode(), json.loads(record.value)) for record in records]


def lines(events):
    return [event["data"]["records"][0]["line"] for _, event in events]


def test_every_event_is_in_the_topic_once_in_order_with_its_object_as_key(
        closefeed, pipeline, kafka):
    topic = kafka.topic("responses")
    records = [*leads(3), {"name": "Bad", "url": 7}, "{", *leads(200, 10)]
    path = pipeline(records, close="concurrency: 1", responses=to_topic(kafka, topic))
    run = closefeed("run", path, "--json")
    assert run.code == 1, run.err
    events = told(kafka, topic, 205)
    assert sorted(lines(events)) == list(range(1, 206))
    sent = [event for _, event in events if event["data"]["attempts"]]
    assert [e["data"]["records"][0]["line"] for e in sent] == [*range(1, 5), *range(6, 206)]
    for key, event in events:
        assert_event(event)
        assert key == event.get("subject")
    assert sum(key is not None for key, _ in events) == 203
    assert closefeed("status", path, "--json").json["events_owed"] == 0


def test_events_of_one_object_keep_their_order_over_partitions(closefeed, pipeline, kafka, sandbox):
    topic = kafka.topic("responses", partitions=4)
    made = [sandbox.post("/lead/", {"name": f"L{i}"})["id"] for i in range(8)]
    records = [{"id": made[i % 8], "name": f"v{i:03}"} for i in range(160)]
    path = pipeline(records, routes="- operation: lead.update", responses=to_topic(kafka, topic))
    assert closefeed("run", path).code == 0
    found = kafka.consume(topic, 160)
    assert len({record.partition for record in found}) > 1
    for lead in made:
        own = [record for record in found if record.key.decode() == lead]
        assert len({record.partition for record in own}) == 1
        places = [json.loads(r.value)["data"]["records"][0]["line"] for r in own]
        assert len(places) == 20 and places == sorted(places)


def test_a_topic_stands_beside_webhook_and_file(closefeed, pipeline, kafka, sandbox, tmp_path):
    topic = kafka.topic("responses")
    path = pipeline(leads(20), responses=(
        f'webhook: {{url: "{sandbox.hook_url}", secret: {{env: HOOK_SECRET}}}}\n'
        f"file: told.ndjson\n" + to_topic(kafka, topic)))
    assert closefeed("run", path).code == 0
    ids = {event["id"] for _, event in told(kafka, topic, 20)}
    assert len(ids) == 20
    assert {event["id"] for event in sandbox.hook_events()} == ids
    written = (tmp_path / "told.ndjson").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["id"] for line in written} == ids
    again = closefeed("responses", "resend", path, "--since", "1h")
    assert again.code == 0 and "20 events told again" in again.out
    assert len(kafka.consume(topic, 20)) == 20  # the webhook gets them


def test_accepted_events_are_written_again_on_request(closefeed, pipeline, kafka):
    topic = kafka.topic("responses")
    path = pipeline(leads(5), responses=to_topic(kafka, topic))
    assert closefeed("run", path).code == 0
    again = closefeed("responses", "resend", path, "--run", "1")
    assert again.code == 0 and "5 events told again" in again.out, again.out + again.err
    ids = [event["id"] for _, event in told(kafka, topic, 10)]
    assert ids[:5] == ids[5:]


@pytest.mark.parametrize("point", [
    "outcome_durable:8", "kafka_offered:8", "kafka_accepted:1", "run_ends:1"])
def test_a_kill_leaves_no_gap_and_no_other_ids(closefeed, pipeline, kafka, point):
    topic = kafka.topic("responses")
    path = pipeline(leads(30), close="concurrency: 1", responses=to_topic(kafka, topic))
    assert closefeed("run", path, env={"CLOSEFEED_KILL_AT": point}).code == -9
    assert closefeed("run", path).code in (0, 1)
    events = told(kafka, topic, 30)
    ids = {}
    for _, event in events:
        ids.setdefault(event["data"]["records"][0]["line"], set()).add(event["id"])
    assert sorted(ids) == list(range(1, 31))
    assert all(len(several) == 1 for several in ids.values())


def owed(closefeed, path):
    return closefeed("status", path, "--json").json.get("events_owed", 0)  # no state yet: none


def test_a_broker_that_is_away_gets_everything_when_it_is_back(closefeed, pipeline, kafka):
    topic = kafka.topic("responses")
    path = pipeline(leads(50), responses=to_topic(kafka, topic), delivery="drain: 3s")
    kafka.kill()
    run = closefeed("run", path, "--json")
    assert run.code == 75
    assert f"topic {topic} did not take all events within delivery.drain" in run.err + run.out
    assert "no broker can be reached" in run.err + run.out
    assert run.summary["delivered"] == 50 and owed(closefeed, path) == 50
    flush = closefeed("responses", "flush", path)
    assert flush.code == 75 and "no broker can be reached" in flush.out
    doctor = closefeed("doctor", path)
    assert "50 topics have not taken yet" in doctor.out
    kafka.restart()
    wait_until(lambda: closefeed("responses", "flush", path).code == 0, timeout=180)
    events = told(kafka, topic, 50)  # one that is accepted too late is told again
    assert sorted(set(lines(events))) == list(range(1, 51))
    assert len({event["id"] for _, event in events}) == 50


def test_a_broker_that_dies_under_way_and_comes_back_is_told_the_rest(
        closefeed, pipeline, kafka, tmp_path):
    topic = kafka.topic("responses", partitions=2)
    path = pipeline(leads(20), source="ndjson: {path: signups.ndjson, follow: true}",
                    responses=to_topic(kafka, topic), delivery="drain: 60s")
    source = tmp_path / "signups.ndjson"
    process = closefeed.start("run", path)
    told(kafka, topic, 20)
    wait_until(lambda: owed(closefeed, path) == 0)
    kafka.kill()
    with source.open("a", encoding="utf-8") as more:
        more.writelines(json.dumps(lead) + "\n" for lead in leads(40, 20))
    wait_until(lambda: owed(closefeed, path) == 40)
    said = wait_until(lambda: [s for s in closefeed("status", path, "--json").json["sentences"]
                               if "takes no events" in s])
    assert f"topic {topic}" in said[0] and "40 events wait" in said[0]
    kafka.restart()
    events = told(kafka, topic, 60)
    assert sorted(set(lines(events))) == list(range(1, 61))
    assert len({event["id"] for _, event in events}) == 60 == len(events)
    wait_until(lambda: owed(closefeed, path) == 0)
    process.terminate()
    _, err = process.communicate(timeout=180)
    assert process.returncode == 75 and b"Sanitizer" not in err, err.decode()


def test_a_kill_while_the_broker_is_away_loses_nothing(closefeed, pipeline, kafka):
    topic = kafka.topic("responses", partitions=3)
    path = pipeline(leads(60), source="ndjson: {path: signups.ndjson, follow: true}",
                    responses=to_topic(kafka, topic))
    kafka.kill()
    process = closefeed.start("run", path)
    wait_until(lambda: owed(closefeed, path) == 60)
    process.kill()
    process.communicate()
    ids = kept_ids(path)
    kafka.restart()
    process = closefeed.start("run", path)
    events = told(kafka, topic, 60)
    process.terminate()
    process.communicate(timeout=180)
    assert {event["id"] for _, event in events} == ids and len(ids) == 60
    assert sorted(set(lines(events))) == list(range(1, 61))


def kept_ids(path):
    """The ids of the events that the state keeps."""
    journal = path.parent / "state" / "closefeed" / "signups" / "journal.db"
    with contextlib.closing(sqlite3.connect(journal)) as state:
        return {row[0] for row in state.execute("SELECT id FROM event")}


def test_an_unknown_topic_is_named_and_gets_all_when_it_is_made(closefeed, pipeline, kafka):
    topic = kafka.unique("to-be-made")
    path = pipeline(leads(5), responses=to_topic(kafka, topic), delivery="drain: 10s")
    run = closefeed("run", path)
    assert run.code == 75 and f'there is no topic "{topic}"' in run.err, run.err
    with kafka.admin() as admin:
        assert topic not in admin.topics()  # asking for it made none
        admin.create_topics({topic: (1, {})})
    wait_until(lambda: closefeed("responses", "flush", path).code == 0, timeout=180)
    assert sorted(set(lines(told(kafka, topic, 5)))) == [1, 2, 3, 4, 5]


def secure(broker, topic, password="{env: KAFKA_PASSWORD}", **more):
    properties = {**QUICK, "security.protocol": "sasl_ssl", "sasl.mechanisms": "SCRAM-SHA-512",
                  "sasl.username": broker.said["user"], "ssl.ca.location": broker.said["ca"], **more}
    listed = "".join(f'    {name}: "{value}"\n' for name, value in properties.items())
    return (f'kafka:\n  topic: {topic}\n  brokers: ["{broker.said["sasl_ssl"]}"]\n'
            f"  properties:\n{listed}    sasl.password: {password}\n")


def test_a_user_with_a_password_writes_over_tls(closefeed, pipeline, secure_kafka):
    topic = secure_kafka.topic("responses")
    path = pipeline(leads(5), responses=secure(secure_kafka, topic))
    env = {"KAFKA_PASSWORD": secure_kafka.said["password"]}
    run = closefeed("run", path, env=env)
    assert run.code == 0, run.err
    assert lines(told(secure_kafka, topic, 5)) == [1, 2, 3, 4, 5]


def test_what_is_wrong_with_the_login_is_said_in_words(closefeed, pipeline, secure_kafka, tmp_path):
    topic = secure_kafka.topic("responses")
    password = secure_kafka.said["password"]
    cases = [
        ({}, "not-the-password-at-all", "refuses the user or the password"),
        ({"ssl.ca.location": secure_kafka.said["ca"].replace("ca.pem", "other-ca.pem")}, password,
         "certificate is not trusted"),
        ({"sasl.mechanisms": "PLAIN"}, password, "wants another sasl.mechanisms"),
    ]
    for more, word, says in cases:
        path = pipeline(leads(2), name=f"case-{len(says)}", delivery="drain: 15s",
                        responses=secure(secure_kafka, topic, **more))
        run = closefeed("run", path, env={"KAFKA_PASSWORD": word})
        assert run.code == 75 and says in run.err, run.err
        checked = closefeed("check", path, "--online", env={"KAFKA_PASSWORD": word})
        assert checked.code == 77 and says in checked.out, checked.out + checked.err
        everything = run.out + run.err + checked.out + checked.err
        assert word not in everything
        for file in (tmp_path / "state").rglob("*"):
            assert not file.is_file() or word.encode() not in file.read_bytes()


def test_the_right_to_write_is_needed_and_no_other(closefeed, pipeline, start_kafka):
    broker = start_kafka(
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users=User:ANONYMOUS", secure=True)
    topic = broker.topic("responses")
    path = pipeline(leads(5), responses=secure(broker, topic), delivery="drain: 10s")
    env = {"KAFKA_PASSWORD": broker.said["password"]}
    run = closefeed("run", path, env=env)
    assert run.code == 75 and f'no right to topic "{topic}"' in run.err, run.err
    assert closefeed("check", path, "--online", env=env).code == 77
    broker.script("tool", "kafka.admin.AclCommand", "--add", "--allow-principal",
                  f"User:{broker.said['user']}", "--operation", "Write", "--topic", topic)
    wait_until(lambda: closefeed("responses", "flush", path, env=env).code == 0)
    assert sorted(set(lines(told(broker, topic, 5)))) == [1, 2, 3, 4, 5]
    assert closefeed("check", path, "--online", env=env).code == 0


def test_an_event_that_the_topic_finds_too_large_waits_for_people(closefeed, pipeline, kafka):
    topic = kafka.topic("responses", configs={"max.message.bytes": "2000"})
    records = [{"name": "A"}, {"name": "B", "description": "x" * 5000}, {"name": "C"}]
    path = pipeline(records, close="concurrency: 1", delivery="drain: 10s", responses=(
        "include: [request]\n" + to_topic(kafka, topic, **{"compression.type": "none",
                                                           "linger.ms": "0"})))
    run = closefeed("run", path)
    assert run.code == 75 and "raise its max.message.bytes" in run.err, run.err
    kafka.script("tool", "kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics",
                 "--entity-name", topic, "--add-config", "max.message.bytes=100000")
    wait_until(lambda: closefeed("responses", "flush", path).code == 0)
    events = told(kafka, topic, 3)
    assert sorted(set(lines(events))) == [1, 2, 3] and len({e["id"] for _, e in events}) == 3
    assert lines(events)[-2:] == [2, 3]  # the last word is in order, whatever came twice


def test_check_online_asks_for_the_topics(closefeed, pipeline, kafka):
    topic, missing = kafka.topic("responses", partitions=3), kafka.unique("missing")
    path = pipeline(leads(1), responses=to_topic(kafka, topic),
                    more=f"rejects: {{kafka: {sink(kafka, missing)}}}")
    checked = closefeed("check", path, "--online")
    assert checked.code == 78
    assert f"{topic}, 3 partitions" in checked.out
    assert f'there is no topic "{missing}"' in checked.out
    with kafka.admin() as admin:
        assert missing not in admin.topics()


# Copies of rejects


def test_rejects_and_held_items_are_copied_with_their_records(closefeed, pipeline, kafka, sandbox):
    topic = kafka.topic("rejects")
    records = [{"name": "Fine"}, {"name": "Bäd", "url": 7}, '{"torn":', {"name": "Lost"}]
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=3)
    path = pipeline(records, close="concurrency: 1", responses="", delivery="on_unknown: hold",
                    more=f"rejects: {{kafka: {sink(kafka, topic)}}}")
    with open(path.parent / "signups.ndjson", "ab") as file:
        file.write(b'{"name":"\xff"}\n')
    run = closefeed("run", path)
    assert run.code == 1, run.err
    events = told(kafka, topic, 4)
    found = {event["data"]["records"][0]["line"]: event["data"] for _, event in events}
    assert sorted(found) == [2, 3, 4, 5]
    assert found[2]["records"][0]["text"] == '{"name": "Bäd", "url": 7}'
    assert found[2]["error"]["class"] == "validation"
    assert found[3]["records"][0]["text"] == '{"torn":'
    assert found[4]["outcome"] == "held"
    assert found[4]["records"][0]["text"] == '{"name": "Lost"}'
    assert base64.b64decode(found[5]["records"][0]["base64"]) == b'{"name":"\xff"}'
    again = closefeed("responses", "resend", path, "--run", "1")
    assert again.code == 2 and "rejects export" in again.err


def test_a_copy_has_the_id_of_its_event_which_carries_no_record(closefeed, pipeline, kafka):
    responses, rejects = kafka.topics("responses", "rejects")
    path = pipeline([{"name": "Fine"}, "{"], responses=to_topic(kafka, responses),
                    more=f"rejects: {{kafka: {sink(kafka, rejects)}}}")
    assert closefeed("run", path).code == 1
    events = {e["data"]["outcome"]: e for _, e in told(kafka, responses, 2)}
    (_, copy), = told(kafka, rejects, 1)
    assert copy["data"]["records"][0].pop("text") == "{"
    assert copy == events["rejected"]


@pytest.mark.parametrize("point", ["reject_durable:3", "kafka_offered:3", "kafka_accepted:1"])
def test_a_kill_loses_no_copy(closefeed, pipeline, kafka, point):
    topic = kafka.topic("rejects")
    path = pipeline([f"{{{i}" for i in range(12)], responses="",
                    more=f"rejects: {{kafka: {sink(kafka, topic)}}}")
    assert closefeed("run", path, env={"CLOSEFEED_KILL_AT": point}).code == -9
    assert closefeed("run", path).code in (0, 1)  # those of the first run are counted there
    events = told(kafka, topic, 12)
    assert sorted(set(lines(events))) == list(range(1, 13))
    assert len({event["id"] for _, event in events}) == 12


def test_reading_pauses_when_too_many_wait_and_goes_on_when_they_are_taken(
        closefeed, pipeline, kafka):
    topic = kafka.topic("rejects")
    path = pipeline([f"{{{i}" for i in range(26000)], responses="", delivery="drain: 10m\n"
                    "max_rejects: none", more=f"rejects: {{kafka: {sink(kafka, topic)}}}")
    kafka.kill()
    process = closefeed.start("run", path)
    wait_until(lambda: owed(closefeed, path) >= 20000, timeout=180)
    time.sleep(0.5)
    status = closefeed("status", path, "--json").json
    assert 20000 <= status["events_owed"] < 22000
    assert any(f"waiting for topic {topic}" in s for s in status["sentences"]), status["sentences"]
    kafka.restart()
    _, err = process.communicate(timeout=300)
    assert process.returncode == 1 and b"Sanitizer" not in err, err.decode()
    events = told(kafka, topic, 26000)
    assert lines(events) == list(range(1, 26001))
    assert len({event["id"] for _, event in events}) == 26000


# The mutant


@pytest.mark.parametrize("without", ["", "kafka_report"])
def test_an_event_is_accepted_by_the_brokers_word_alone(closefeed, pipeline, kafka, without):
    topic = kafka.topic("responses")
    path = pipeline(leads(10), responses=to_topic(kafka, topic), delivery="drain: 2500ms")
    kafka.kill()
    closefeed("run", path, env={"CLOSEFEED_WITHOUT": without})
    kafka.restart()
    wait_until(lambda: closefeed("responses", "flush", path).code == 0,
               timeout=0 if without else 180)
    ids = {event["id"] for _, event in told(kafka, topic, 0 if without else 10)}
    assert len(ids) == (0 if without else 10)
