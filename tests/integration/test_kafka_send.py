"""`send` of a message of a real broker: by the owner of its partition, and never twice."""

import json
import signal

import pytest

from feed import Topic, counts, leads, names
from harness import Pipelines, wait_until
from rdkafka import Record
from scenarios import SEND_POINTS, canary_and_key, events_of_delivered


def send(t, path, *flags, code=0, env=None):
    result = t.closefeed("send", path, "--yes", *flags, env=env, timeout=180)
    assert result.code == code, result
    return result


def at(event):
    record = event["data"]["records"][0]
    return record["partition"], record["offset"]


# With nobody running


def test_a_message_is_shown_sent_and_passed_by_the_run(topic, sandbox):
    t = topic()
    t.put(*leads(4))
    path = t.file()
    result = send(t, path, "--record", 2)
    assert f"{t.name}/0:1" in result.out and "delivered lead_" in result.out
    assert f"joins group {t.group}" in result.err
    assert names(sandbox) == ["Lead 1"]
    assert [at(event) for event in sandbox.hook_events()] == [(0, 1)]
    preview = t.closefeed("preview", path).out
    assert '"Lead 0"' in preview and '"Lead 1"' not in preview
    assert counts(t.run(path).summary) == {"read": 3, "delivered": 3}
    assert names(sandbox) == [f"Lead {n}" for n in range(4)]
    assert t.lag == 0


def test_it_knows_what_a_message_carries(topic, sandbox):
    t = topic()
    t.put(Record('{"name": "Acme"}', key='{"id": 7}', headers=[("trace", b"abc")],
                 timestamp=1_700_000_000_123))
    path = t.file(routes="""
        - operation: lead.create
          body:
            name: "{name} {@key.id}"
            description: "{@topic} {@partition} {@offset} {@headers.trace} {@timestamp}"
        """)
    result = send(t, path, "--json")
    [answer] = result.json["results"]
    assert answer["outcome"] == "delivered" and answer["object_id"].startswith("lead_")
    [lead] = sandbox.objects("lead")
    assert lead["name"] == "Acme 7"
    assert lead["description"] == f"{t.name} 0 0 abc 2023-11-14T22:13:20.123Z"
    [event] = sandbox.hook_events()
    assert event["data"]["records"][0]["key"] == {"id": 7}
    assert counts(t.run(path).summary) == {}


def test_a_group_that_has_come_further_counts_from_there(topic, sandbox):
    t = topic()
    t.put(*leads(3))
    path = t.file()
    t.run(path)
    refused = send(t, path, code=2)
    assert f"0 records of topic {t.name} were not read yet: there is no record 1" in refused.err
    t.put(*leads(2, first=3))
    send(t, path, "--record", 2)
    assert names(sandbox) == ["Lead 0", "Lead 1", "Lead 2", "Lead 4"]
    assert counts(t.run(path).summary) == {"read": 1, "delivered": 1}


def test_of_several_partitions_each_is_found(topic, sandbox):
    t = topic(partitions=3)
    t.put(*leads(30))
    path = t.file()
    send(t, path, "--record", 30)
    send(t, path, "--record", 1)
    refused = send(t, path, "--record", 29, code=2)  # what was sent is counted no more
    assert "28 records" in refused.err and "there is no record 29" in refused.err
    assert len(names(sandbox)) == 2
    assert counts(t.run(path).summary) == {"read": 28, "delivered": 28}
    assert len(set(names(sandbox))) == 30 == len(names(sandbox))


def test_what_close_refuses_is_kept_and_mended_without_the_group(topic, sandbox, editor):
    t = topic()
    t.put(Record('{"name": "Bad", "url": 7}', key="k"), *leads(1))
    path = t.file()
    assert "rejected" in send(t, path, code=1).out
    [reject] = t.rejects(path)
    assert reject["records"] == [{"topic": t.name, "partition": 0, "offset": 0, "key": "k"}]
    assert t.closefeed("rejects", "export", path, "--all").out == '{"name": "Bad", "url": 7}\n'
    assert "Lead 0" in send(t, path).out  # the next one is the first now
    edited = t.closefeed("rejects", "edit", path, reject["id"],
                         env=editor("text = text.replace('7', '\"https://x.example.com\"')"))
    assert edited.code == 0, edited
    assert "joins" not in edited.err
    assert names(sandbox) == ["Bad", "Lead 0"]
    assert counts(t.run(path).summary) == {}


def test_the_edited_message_is_sent_in_its_place(topic, sandbox, editor):
    t = topic()
    t.put(*leads(2))
    path = t.file()
    send(t, path, "--edit", env=editor("text = text.replace('Lead', 'Better')"))
    assert names(sandbox) == ["Better 0"]
    assert counts(t.run(path).summary) == {"read": 1, "delivered": 1}
    assert names(sandbox) == ["Better 0", "Lead 1"]


def test_a_broken_message_is_mended_in_the_editor(topic, sandbox, editor):
    t = topic()
    t.put(Record('{"name": "Cut'), *leads(1))
    path = t.file()
    assert "nothing was sent" in send(t, path, code=1).err
    send(t, path, "--edit", env=editor("text = text.strip() + '\"}'"))
    assert counts(t.run(path).summary) == {"read": 1, "delivered": 1}
    assert names(sandbox) == ["Cut", "Lead 0"]


def test_what_means_nothing_is_not_sent(topic, sandbox):
    t = topic()
    t.put(Record(None, key="gone"), *leads(1))
    path = t.file(more="tombstones: ignore")
    result = send(t, path)
    assert "`tombstones` says ignore" in result.out
    assert "there is nothing to send of it" in result.err
    assert sandbox.requests("POST") == []
    assert counts(t.run(path).summary) == {"read": 2, "filtered": 1, "delivered": 1}


def test_again_is_refused_since_it_would_be_another_record(topic, sandbox):
    t = topic()
    t.put(*leads(2))
    path = t.file()
    send(t, path)
    assert "--again is for files" in send(t, path, "--again", code=2).err
    assert names(sandbox) == ["Lead 0"]


def test_a_message_far_ahead_waits_until_a_run_has_come_nearer(topic, sandbox):
    t = topic()
    t.put(*leads(4200))
    path = t.file()
    refused = send(t, path, "--record", 4200, code=75)
    assert "4096 or more ahead" in refused.err and "run it" in refused.err
    assert sandbox.requests("POST") == []
    send(t, path, "--record", 4096)
    assert names(sandbox) == ["Lead 4095"]


def test_a_topic_that_was_made_anew_is_told_and_nothing_sent(topic, kafka, sandbox):
    t = topic()
    t.put(*leads(3))
    path = t.file()
    t.run(path)
    kafka.recreate(t.name)
    t.put(*leads(5, first=10))
    refused = send(t, path, "--record", 5, code=75)
    assert "made anew" in refused.err and "--accept-offsets" in refused.err
    assert names(sandbox) == ["Lead 0", "Lead 1", "Lead 2"]


@pytest.mark.parametrize("point", SEND_POINTS)
def test_killed_anywhere_it_is_sent_once_by_whoever_comes_next(
        topic, start_sandbox, tmp_path, closefeed, kafka, point):
    sandbox = start_sandbox("--lag", "0")
    t = Topic(kafka, Pipelines(tmp_path, sandbox), closefeed, "killed")
    canary, key = canary_and_key(sandbox)
    t.put(*leads(3))
    path = t.file(
        responses="file: events.ndjson", delivery=f"quarantine: 1s\ncanary: {canary}",
        routes="- operation: lead.create\n  body: {name: \"{name}\"}\n"
               f'  identity: {{{key}: "{{@key}}"}}')
    send(t, path, "--record", 2, code=-9, env={"CLOSEFEED_KILL_AT": point})
    t.run(path)
    assert names(sandbox) == ["Canary", "Lead 0", "Lead 1", "Lead 2"]
    assert t.lag == 0
    events = events_of_delivered(tmp_path / "events.ndjson", 3)
    assert {at(event) for event in events} == {(0, 0), (0, 1), (0, 2)}


def test_a_state_that_is_lost_with_it_leaves_a_proof_to_whoever_owns_the_partition_next(
        topic, start_sandbox, tmp_path, closefeed, kafka):
    """The ceiling is committed before the record goes: another state looks for it, and finds it."""
    sandbox = start_sandbox("--lag", "0")
    t = Topic(kafka, Pipelines(tmp_path, sandbox), closefeed, "lost")
    canary, key = canary_and_key(sandbox)
    t.put(*leads(3))
    how = dict(delivery=f"quarantine: 4s\ncanary: {canary}",
               routes="- operation: lead.create\n  body: {name: \"{name}\"}\n"
                      f'  identity: {{{key}: "{{@key}}"}}')
    send(t, t.file(**how), "--record", 2, code=-9, env={"CLOSEFEED_KILL_AT": "answer_came:1"})
    assert names(sandbox) == ["Canary", "Lead 1"]
    t.run(t.file(more="", name="other", **how))
    assert names(sandbox) == ["Canary", "Lead 0", "Lead 1", "Lead 2"]


# While somebody runs it


@pytest.fixture
def slow_file(pipeline, slow):
    """A pipeline of a topic with one connection to that Close."""
    def make(t, **how):
        path = t.file(**{"close": "concurrency: 1\ntimeout: 10m", "delivery": "on_unknown: hold", **how})
        return slow.stand_in(path, pipeline.sandbox)

    return make


def stop(process):
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=180)


def n_open(t, path):
    return t.closefeed("status", path, "--json").json["counts"]["open"]


@pytest.fixture
def busy(topic, slow, slow_file):
    """A run that has read what it may, and waits for the answer to its first call."""
    t = topic()
    t.put(*leads(80), Record('{"name": "Now"}'), *leads(20, first=80))
    path = slow_file(t)
    owner = t.closefeed.start("run", path, "--until-end", "--json")
    wait_until(lambda: slow.names and 10 < n_open(t, path) == n_open(t, path))
    yield t, path, owner
    if owner.poll() is None:
        owner.kill()
        owner.communicate()


def test_the_owner_sends_it_before_its_turn_and_passes_it_later(busy, slow):
    t, path, owner = busy
    refused = send(t, path, "--record", 1, code=75)
    assert f'offset 0 of partition 0 of topic "{t.name}" is being sent' in refused.err
    n = n_open(t, path)
    sender = t.closefeed.start("send", path, "--record", "81", "--yes", "--json")
    wait_until(lambda: n_open(t, path) == n + 1)
    refused = send(t, path, "--record", 81, code=75)
    assert "is being sent" in refused.err
    slow.gate.set()
    out, err = sender.communicate(timeout=180)
    assert sender.returncode == 0 and b"joins" not in err, err
    assert json.loads(out)["results"][0]["outcome"] == "delivered"
    out, err = owner.communicate(timeout=180)
    assert owner.returncode == 0, err
    assert counts(json.loads(out.splitlines()[-1])) == {"read": 101, "delivered": 101}
    assert sorted(slow.names) == sorted(["Now"] + [f"Lead {n}" for n in range(100)])
    assert slow.names.index("Now") < 70
    assert t.lag == 0


def test_when_the_owner_is_killed_the_next_one_finishes_it(busy, slow, pipeline):
    t, path, owner = busy
    n = n_open(t, path)
    sender = t.closefeed.start("send", path, "--record", "81", "--yes")
    wait_until(lambda: n_open(t, path) == n + 1)
    owner.kill()
    owner.communicate()
    sender.communicate(timeout=180)
    assert sender.returncode == 75
    slow.gate.set()
    t.run(path, code=None)
    assert slow.names.count("Now") == 1


def test_a_run_of_another_source_is_asked_nothing(topic, sandbox, pipeline):
    t = topic()
    path = t.file()
    owner = t.closefeed.start("run", path, "--json")
    t.put(*leads(1))
    wait_until(lambda: len(names(sandbox)) == 1)
    pipeline([{"name": "Line"}], name="feed")
    refused = send(t, path, code=75)
    assert "reads from another source than the file names now" in refused.err
    stop(owner)
    assert names(sandbox) == ["Lead 0"]


def test_a_partition_of_another_process_is_left_to_it(topic, sandbox, slow, slow_file):
    """Two processes of a group have a partition each; one reads, the other is there to send."""
    t = topic(partitions=2)
    owner = t.closefeed.start("run", slow_file(t, name="other", delivery="drain: 1s"), "--json")
    t.put(*[Record(f'{{"name": "Lead {n}"}}', partition=n % 2) for n in range(6)])
    wait_until(lambda: slow.names)
    path = t.file()
    results = []
    for partition in range(2):  # the last of each one
        shown = t.closefeed("preview", path, "--all", "--json").out.splitlines()
        records = [json.loads(line)["records"][0] for line in shown]
        places = [(record["partition"], record["offset"]) for record in records]
        number = places.index((partition, 2)) + 1
        results.append(t.closefeed("send", path, "--yes", "--record", number, timeout=180))
    slow.gate.set()
    stop(owner)
    assert sorted(result.code for result in results) == [0, 75], results
    [refused] = [result for result in results if result.code]
    assert f'is read by another process of group "{t.group}" now' in refused.err
    assert "Nothing was sent" in refused.err
    assert len(names(sandbox)) == 1 and names(sandbox)[0] not in slow.names
