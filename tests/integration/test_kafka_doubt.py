"""What a new owner of a partition cannot know of the one before: its object map, and what search
does not show yet."""

import json

import pytest

from feed import names
from harness import wait_until
from rdkafka import KafkaError, Record
from scenarios import set_lag

UPSERT = """
    - operation: lead.upsert
      match: {name: "{name}"}
      body: {name: "{name}", description: "{description}"}
    """
LINKED = """
    - operation: activity.note.create
      link: {lead_id: {lead: {name: "{name}"}}}
      body: {note: "{description}"}
    """


@pytest.fixture
def sandbox(start_sandbox):
    return start_sandbox("--lag", "0")


@pytest.fixture
def taken_over(topic, sandbox):
    """Makes a topic of two records, the first of which another owner may have sent: what it made is
    there, and search does not show it for a while."""
    def make(lag_ms):
        t = topic()
        t.put(*[Record(json.dumps({"name": name, "description": "second"}))
                for name in ("Acme", "Bolt")])
        t.broker.commit(t.group, t.name, {0: (0, b"closefeed1 another 0 1")})
        sandbox.post("/lead/", {"name": "Bolt"})
        set_lag(sandbox, lag_ms)
        sandbox.post("/lead/", {"name": "Acme", "description": "first"})
        return t

    return make


# Without the defence it is taken for a create, which another owner may have sent: held for ever.
# The first look must come before search shows it; with the defence a second one comes behind that.
@pytest.mark.parametrize("without, lag_ms, quarantine, held, wanted", [
    ("", 12_000, "14s", 0, "second"), ("doubt", 3_600_000, "3s", 1, "first")])
def test_a_match_of_what_another_owner_had_waits_for_search(
        taken_over, sandbox, without, lag_ms, quarantine, held, wanted):
    t = taken_over(lag_ms)
    path = t.file(routes=UPSERT, delivery=f"quarantine: {quarantine}")
    run = t.closefeed("run", path, "--until-end", "--json", env={"CLOSEFEED_WITHOUT": without})
    assert run.code == held, run
    assert run.summary["held"] == held
    assert names(sandbox) == ["Acme", "Bolt"]
    found = {lead["name"]: lead.get("description") for lead in sandbox.objects("lead")}
    assert found == {"Acme": wanted, "Bolt": "second"}
    assert ("looked up again" in run.out) == (not without)


def test_a_link_to_what_another_owner_made_waits_for_search(taken_over, sandbox):
    t = taken_over(3000)
    path = t.file(routes=LINKED, delivery="quarantine: 5s")
    summary = t.run(path, code=1).summary
    # A note has no identity: the first one may have been made by the other, and is held.
    assert (summary["delivered"], summary["held"], summary["rejected"]) == (1, 1, 0)
    held = t.closefeed("held", "list", path, "--json").json["held"]
    assert [one["records"][0]["offset"] for one in held] == [0]


def commit_as_another(t, offset):
    """When the group has let its last member go."""
    def is_done():
        try:
            t.broker.commit(t.group, t.name, {0: (offset, f"closefeed1 another 0 {offset}".encode())})
        except KafkaError:
            return False
        return True
    wait_until(is_done, 180)


def test_what_another_owner_has_changed_is_not_unchanged(topic, sandbox):
    """The partition goes to another process, which changes the object, and comes back."""
    t = topic()
    path = t.file(routes=UPSERT.replace("body:", "skip_unchanged: true\n      body:"))

    def put(description):
        t.put(Record(json.dumps({"name": "Acme", "description": description})))

    put("first")
    t.run(path)
    put("second")
    sandbox.ask("PUT", f"/lead/{sandbox.objects('lead')[0]['id']}/", {"description": "second"})
    commit_as_another(t, 2)
    put("first")
    t.run(path)
    assert [lead["description"] for lead in sandbox.objects("lead")] == ["first"]
    put("first")
    assert t.run(path).summary["skipped"] == 1


HALF_DONE = """
    - operation: lead.upsert
      match: {name: "{name}"}
      continue: true
      body: {name: "{name}", description: "{description}"}
    - operation: lead.create
      when: .logs
      body: {name: "Log"}
    """


def note_of(t):
    """What the next owner is told: the offset, and the ranges that are settled above it."""
    offset, note = t.broker.committed(t.group, t.name).get(0, (0, b""))
    return offset, note, note.decode().split()[4:]


@pytest.mark.parametrize("without, told, wanted", [
    ("", ["2+1"], "second"),
    ("untold", ["1+2"], "first"),
])
def test_what_came_behind_half_a_record_comes_behind_it_with_the_next_owner(
        topic, sandbox, without, told, wanted):
    """Of the first record the update is done and the create is not answered, so its next owner does
    it as a whole. The second one's update came later, and must again."""
    t = topic()
    for name in ("Acme", "Bolt"):
        sandbox.post("/lead/", {"name": name})
    sandbox.add_fault("timeout_before", method="POST", path="/lead/")
    t.put(*[Record(json.dumps(record)) for record in (
        {"name": "Acme", "description": "first", "logs": True},
        {"name": "Acme", "description": "second"},
        {"name": "Bolt", "description": "third"})])
    first = t.closefeed.start(
        "run", t.file(name="one", routes=HALF_DONE, delivery="quarantine: 330s"),
        env={"CLOSEFEED_WITHOUT": without})
    wait_until(lambda: note_of(t)[2] == told, 110)  # and the create is not given up yet
    first.kill()
    first.communicate()
    sandbox.clear_faults()

    # The next owner knows no more than this; in another group it need not wait for the session.
    offset, note, _ = note_of(t)
    t.group += ".next"
    t.broker.commit(t.group, t.name, {0: (offset, note)})
    summary = t.run(t.file(name="two", routes=HALF_DONE), code=1).summary
    assert summary["held"] == 1
    found = {lead["name"]: lead["description"] for lead in sandbox.objects("lead")}
    assert found == {"Acme": wanted, "Bolt": "third"}
