"""Records of topics that are rejected, held, sent again, sent together, looked up and linked."""

import collections
import json
import signal

import pytest

from feed import counts, leads, names
from harness import wait_until
from rdkafka import Record

BAD = {"name": "Bad mail", "contacts": [{"name": "A", "emails": [{"email": "nobody"}]}]}


def objects(*values, key=None):
    return [Record(json.dumps(value), key=key) for value in values]


@pytest.fixture(params=["running", "nobody"])
def working(request, closefeed):
    """Runs a pipeline to its end, and goes on reading where the state is to have an owner."""
    started = []

    def run(topic, path, code):
        topic.run(path, code=code)
        if request.param == "running":
            started.append(closefeed.start("run", path, "--json"))
            wait_until(lambda: closefeed("status", path, "--json").json.get("running"))

    yield run
    for process in started:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=180)
        assert process.returncode == 75 and b"Sanitizer" not in err, (out, err)


# Rejects and held items


def test_a_reject_is_sent_again(topic, closefeed, sandbox, working):
    t = topic()
    t.put(*objects({"name": "Fine"}, BAD, {"name": "Last"}))
    path = t.file()
    working(t, path, 1)
    assert [reject["class"] for reject in t.rejects(path)] == ["validation"]
    result = closefeed("rejects", "retry", path, "--all", "--json")
    assert result.code == 1 and result.json["results"][0]["outcome"] == "rejected"
    text = path.read_text()
    path.write_text(text.replace("lead.create", "lead.create\n    exclude: [contacts]"))
    result = closefeed("rejects", "retry", path, "--all", "--json")
    assert result.code == 0, result
    assert [r["outcome"] for r in result.json["results"]] == ["delivered"]
    assert t.rejects(path) == []
    assert names(sandbox) == ["Bad mail", "Fine", "Last"]
    path.write_text(text)


def test_a_held_record_is_decided_about(topic, closefeed, sandbox, working):
    t = topic()
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=2)
    t.put(*leads(4))
    path = t.file(delivery="quarantine: 1s\non_unknown: hold")
    working(t, path, 1)
    held = closefeed("held", "list", path, "--json").json["held"]
    assert len(held) == 1 and held[0]["records"][0]["topic"] == t.name
    number = held[0]["records"][0]["offset"]
    lead = next(lead for lead in sandbox.objects("lead") if lead["name"] == f"Lead {number}")
    result = closefeed("held", "resolve", path, held[0]["id"], "--applied", lead["id"], "--json")
    assert result.code == 0, result
    assert closefeed("held", "list", path, "--json").json["held"] == []
    assert names(sandbox) == [f"Lead {n}" for n in range(4)]
    assert t.lag == 0


def test_what_a_retry_left_open_is_finished_by_the_next_run(topic, closefeed, sandbox):
    t = topic()
    t.put(*objects(BAD, {"name": "Fine"}))
    path = t.file()
    t.run(path, code=1)
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=1)
    text = path.read_text()
    path.write_text(text.replace("lead.create", "lead.create\n    exclude: [contacts]"))
    process = closefeed.start("rejects", "retry", path, "--all")
    wait_until(lambda: "Bad mail" in names(sandbox))
    process.kill()
    process.communicate()
    t.run(path, code=None)
    assert names(sandbox) == ["Bad mail", "Fine"]
    assert closefeed("status", path, "--json").json["open"] == 0


# Several records in one call


def test_a_call_is_of_one_partition(topic, sandbox):
    t = topic(partitions=3)
    t.put(*[Record(json.dumps({"n": n}), key=f"k{n}") for n in range(90)])
    path = t.file(routes="""
        - method: POST
          url: /imports/
          batch: {algorithm: keyed_array, key: items, size: 8, wait: 200ms}
        """, delivery="max_rejects: none")
    t.run(path, code=1)
    told = [event["data"]["records"] for event in sandbox.hook_events()]
    assert sum(map(len, told)) == 90 and max(map(len, told)) == 8
    assert all(len({record["partition"] for record in records}) == 1 for records in told)
    for records in told:
        offsets = [record["offset"] for record in records]
        assert offsets == sorted(offsets)


# What exists already


def test_upserts_of_one_key_make_one_object_and_end_as_the_last(topic, sandbox):
    t = topic(partitions=3)
    t.put(*[Record(json.dumps({"name": f"Acme {n % 5}", "n": n}), key=f"k{n % 5}")
            for n in range(60)])
    path = t.file(routes="""
        - operation: lead.upsert
          match: {name: "{name}"}
          body: {name: "{name}", description: "is {n}"}
        """, delivery="quarantine: 3s")
    t.run(path)
    found = {lead["name"]: lead["description"] for lead in sandbox.objects("lead")}
    assert found == {f"Acme {n}": f"is {55 + n}" for n in range(5)}
    assert len(sandbox.objects("lead")) == 5
    assert t.lag == 0


def test_a_record_links_to_what_another_of_its_partition_makes(topic, sandbox):
    t = topic(partitions=2)
    records = []
    for n in range(6):
        records += objects({"company": f"C{n}"}, {"person": f"P{n}", "of": f"C{n}"}, key=f"k{n}")
    t.put(*records)
    path = t.file(routes="""
        - operation: lead.create
          when: .company != null
          body: {name: "{company}"}
        - operation: contact.create
          body: {name: "{person}"}
          link: {lead_id: {lead: {name: "{of}"}}}
        """)
    t.run(path)
    companies = {lead["id"]: lead["name"] for lead in sandbox.objects("lead")}
    people = {person["name"]: companies[person["lead_id"]]
              for person in sandbox.objects("contact")}
    assert people == {f"P{n}": f"C{n}" for n in range(6)}


# Identities


def test_an_identity_of_closefeed_s_own_is_the_same_for_another_owner(topic, sandbox, tmp_path):
    t = topic(partitions=2)
    t.put(*leads(12))
    field = sandbox.post("/custom_field/lead/", {"name": "Feed Key", "type": "text"})["id"]
    routes = f"- operation: lead.create\n  identity: custom.{field}"
    t.run(t.file(name="one", routes=routes))
    t.group = t.broker.unique("other")
    t.run(t.file(name="two", routes=routes))
    keys = collections.defaultdict(set)
    for lead in sandbox.objects("lead"):
        keys[lead["name"]].add(lead["custom"][field] if "custom" in lead
                               else lead[f"custom.{field}"])
    assert len(sandbox.objects("lead")) == 24 and len(keys) == 12
    assert all(len(found) == 1 and found != {None} for found in keys.values()), keys
    assert len(set().union(*keys.values())) == 12
