"""What guards count goes on where a run begins anew with other partitions."""

import json

from rdkafka import Record
from test_kafka_status import member  # noqa: F401 (a fixture)

DELETES = {"routes": "- operation: lead.delete\n  allow: [destroys]",
           "delivery": "quarantine: 2s\nmax_destroys: 3"}


def deletes(ids, partition):
    return [Record(json.dumps({"id": lead}), partition=partition) for lead in ids]


def test_partitions_that_go_begin_no_new_count_of_deletes(kafka, member, sandbox):  # noqa: F811
    ids = [sandbox.post("/lead/", {"name": f"Lead {i}"})["id"] for i in range(6)]
    topic, group = kafka.topic("goners", partitions=2), kafka.unique("group")
    kafka.produce(topic, deletes(ids[:2], 0))
    first = member(topic, name="first", group=group, **DELETES)
    first.wait_for(lambda s: s["counts"]["delivered"] == 2)
    member(topic, name="second", group=group, **DELETES)
    [left] = first.wait_for(lambda s: len(s["partitions"]) == 1, timeout=180)["partitions"]

    kafka.produce(topic, deletes(ids[2:], left["partition"]))
    out, err = first.process.communicate(timeout=180)
    assert first.process.returncode == 75, err
    summary = json.loads(out.splitlines()[-1])
    assert "3 deletes and merges" in summary["reason"] and summary["delivered"] == 3


def refused(count, partition):
    return [Record(json.dumps({"name": f"No {i}"}), partition=partition) for i in range(count)]


def test_partitions_that_go_begin_no_new_count_of_rejects(kafka, member, sandbox):  # noqa: F811
    sandbox.add_fault("status", method="POST", path="/lead/", status=400)
    how = {"delivery": "max_rejects: 3"}
    topic, group = kafka.topic("refused", partitions=2), kafka.unique("group")
    kafka.produce(topic, refused(2, 0))
    first = member(topic, name="first", group=group, **how)
    first.wait_for(lambda s: s["rejected"] == 2)
    member(topic, name="second", group=group, **how)
    [left] = first.wait_for(lambda s: len(s["partitions"]) == 1, timeout=180)["partitions"]

    kafka.produce(topic, refused(3, left["partition"]))
    out, err = first.process.communicate(timeout=180)
    assert first.process.returncode == 75, err
    assert "Close rejected 4 calls" in json.loads(out.splitlines()[-1])["reason"]


def test_a_refused_key_ends_also_who_is_handing_over(kafka, member, sandbox):  # noqa: F811
    topic, group = kafka.topic("keyless", partitions=2), kafka.unique("group")
    first = member(topic, name="first", group=group)
    first.wait_for(lambda s: len(s["partitions"]) == 2, timeout=180)
    sandbox.add_fault("status", method="POST", path="/lead/", times=1, status=401)
    sandbox.post("/_sandbox/settings", {"latency_ms": 8000})
    kafka.produce(topic, refused(1, 0))
    first.wait_for(lambda s: s["open"] == 1)
    sandbox.post("/_sandbox/settings", {"latency_ms": 0})
    member(topic, name="second", group=group)

    out, err = first.process.communicate(timeout=180)
    assert first.process.returncode == 77, err
    assert "401" in json.loads(out.splitlines()[-1])["reason"]
