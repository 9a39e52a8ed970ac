"""Children of a parent that was rejected, where another object of the same name is remembered."""

import pytest
from scenarios import counts, feed, rejects, run

ROUTES = """
- when: .name
  operation: lead.create
  body: {name: "{name}", description: "{about}"}
- operation: activity.note.create
  link: {lead_id: {lead: {name: "{of}"}}}
  body: {note: "{note}"}
"""


@pytest.fixture(name="sandbox")
def _sandbox(start_sandbox):
    return start_sandbox("--lag", "0", "--no-rate-limit")


@pytest.fixture(name="path")
def _path(closefeed, pipeline, sandbox):
    """The first Acme is there; another one was refused, and so was what was to be its note."""
    path = pipeline([{"name": "Acme", "about": "first"}], routes=ROUTES)
    run(closefeed, path)
    sandbox.add_fault("status", method="POST", path="/lead/", n=1, status=400)
    feed(path, {"name": "Acme", "about": "second"}, {"of": "Acme", "note": "of the second"})
    assert counts(run(closefeed, path, 1)) == {"read": 2, "rejected": 2}
    return path


def test_a_child_that_is_retried_does_not_go_to_another_of_the_name(closefeed, sandbox, path):
    child = closefeed("rejects", "list", path, "--class", "parent_rejected", "--json").json
    closefeed("rejects", "retry", path, str(child["rejects"][0]["id"]))
    assert [kind for _, kind, _ in rejects(closefeed, path)][1:] == ["parent_rejected"]
    assert sandbox.objects("activity/note") == []


def test_a_child_that_comes_in_a_later_run_does_not_either(closefeed, sandbox, path):
    feed(path, {"of": "Acme", "note": "of the second, too"})
    assert counts(run(closefeed, path, 1)) == {"read": 1, "rejected": 1}
    assert [kind for _, kind, _ in rejects(closefeed, path)][1:] == ["parent_rejected"] * 2
    assert sandbox.objects("activity/note") == []


def test_one_that_was_made_after_the_reject_is_its_parent(closefeed, sandbox, path):
    feed(path, {"name": "Acme", "about": "third"})
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    feed(path, {"of": "Acme", "note": "of which"})
    assert counts(run(closefeed, path, 1)) == {"read": 1, "rejected": 1}
    assert rejects(closefeed, path)[-1][1] == "link"


def test_once_the_reject_is_dropped_the_other_is_meant(closefeed, sandbox, path):
    first = closefeed("rejects", "list", path, "--json").json["rejects"][0]["id"]
    assert closefeed("rejects", "drop", path, str(first)).code == 0
    closefeed("rejects", "retry", path, "--all")
    note, = sandbox.objects("activity/note")
    lead, = sandbox.objects("lead")
    assert note["lead_id"] == lead["id"]
