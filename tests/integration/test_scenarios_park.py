"""delivery.on_reject: park. Behind a rejected change of an object its later ones wait, in order."""

import json

import pytest
from scenarios import counts, feed, rejects, run

CHANGES = """
- operation: lead.update
  params: {id: "{lead}"}
  body: {description: "{text}", url: "{url}"}
"""

PARK = "on_reject: park\nquarantine: 2s"


@pytest.fixture(name="sandbox")
def _sandbox(start_sandbox):
    return start_sandbox("--lag", "0", "--no-rate-limit")


@pytest.fixture(name="leads")
def _leads(sandbox):
    return [sandbox.post("/lead/", {"name": name})["id"] for name in ("Acme", "Bolt")]


def changes(leads, bad=7):
    """Acme's second change is refused; two more come behind it."""
    acme, bolt = leads
    return [{"lead": acme, "text": "a1"}, {"lead": acme, "text": "a2", "url": bad},
            {"lead": bolt, "text": "b1"}, {"lead": acme, "text": "a3"},
            {"lead": bolt, "text": "b2"}, {"lead": acme, "text": "a4"}]


def texts(sandbox, lead):
    """What was written to a lead, and taken, in its order."""
    return [json.loads(call["body"])["description"] for call in sandbox.requests("PUT")
            if lead in call["path"] and call["status"] == 200]


def test_later_changes_of_the_object_wait_and_others_go_on(closefeed, pipeline, sandbox, leads):
    path = pipeline(changes(leads), routes=CHANGES, delivery=PARK)
    assert counts(run(closefeed, path, 1)) == {
        "read": 6, "delivered": 3, "rejected": 1, "open": 2}
    assert [texts(sandbox, lead) for lead in leads] == [["a1"], ["b1", "b2"]]


def test_status_says_what_waits_for_what(closefeed, pipeline, sandbox, leads):
    path = pipeline(changes(leads), routes=CHANGES, delivery=PARK)
    run(closefeed, path, 1)
    said = closefeed("status", path)
    assert "2 records wait" in said.out and "line 2" in said.out, said.out


def test_a_retry_releases_them_in_order(closefeed, pipeline, sandbox, leads):
    path = pipeline(changes(leads), routes=CHANGES, delivery=PARK)
    run(closefeed, path, 1)
    path.write_text(path.read_text().replace(', url: "{url}"', ""))
    again = closefeed("rejects", "retry", path, "--all")
    assert again.code == 0, again.out + again.err
    assert counts(run(closefeed, path)).get("open") is None
    assert [texts(sandbox, lead) for lead in leads] == [["a1", "a2", "a3", "a4"], ["b1", "b2"]]
    assert rejects(closefeed, path) == []


def test_a_retry_that_is_refused_again_releases_nothing(closefeed, pipeline, sandbox, leads):
    path = pipeline(changes(leads), routes=CHANGES, delivery=PARK)
    run(closefeed, path, 1)
    assert closefeed("rejects", "retry", path, "--all").code == 1
    run(closefeed, path, 1)
    assert texts(sandbox, leads[0]) == ["a1"]


def test_a_drop_releases_them_too(closefeed, pipeline, sandbox, leads):
    path = pipeline(changes(leads), routes=CHANGES, delivery=PARK)
    run(closefeed, path, 1)
    assert closefeed("rejects", "drop", path, "--all").code == 0
    run(closefeed, path)
    assert texts(sandbox, leads[0]) == ["a1", "a3", "a4"]


def test_records_of_a_later_run_wait_behind_them(closefeed, pipeline, sandbox, leads):
    path = pipeline(changes(leads), routes=CHANGES, delivery=PARK)
    run(closefeed, path, 1)
    feed(path, {"lead": leads[0], "text": "a5"}, {"lead": leads[1], "text": "b3"})
    summary = run(closefeed, path, 1)
    assert (summary["delivered"], summary["open"]) == (1, 3)
    path.write_text(path.read_text().replace(', url: "{url}"', ""))
    closefeed("rejects", "retry", path, "--all")
    run(closefeed, path)
    assert [texts(sandbox, lead) for lead in leads] == [
        ["a1", "a2", "a3", "a4", "a5"], ["b1", "b2", "b3"]]


def test_without_park_they_go_on(closefeed, pipeline, sandbox, leads):
    path = pipeline(changes(leads), routes=CHANGES)
    assert counts(run(closefeed, path, 1)) == {"read": 6, "delivered": 5, "rejected": 1}
    assert texts(sandbox, leads[0]) == ["a1", "a3", "a4"]


def test_a_reject_without_a_target_parks_nothing(closefeed, pipeline, sandbox):
    path = pipeline([{"name": "Acme", "url": 7}, {"name": "Bolt"}, "no json"], delivery=PARK)
    assert counts(run(closefeed, path, 1)) == {"read": 3, "delivered": 1, "rejected": 2}


def test_the_same_by_match(closefeed, pipeline, sandbox, leads):
    path = pipeline([{"company": "Acme", "text": "a1", "url": 7}, {"company": "Bolt", "text": "b1"},
                     {"company": "Acme", "text": "a2"}, {"company": "New", "text": "n1", "url": 7},
                     {"company": "New", "text": "n2"}], delivery=PARK, routes="""
        - operation: lead.upsert
          match: {name: "{company}"}
          body: {name: "{company}", description: "{text}", url: "{url}"}
        """)
    assert counts(run(closefeed, path, 1)) == {
        "read": 5, "delivered": 1, "rejected": 2, "open": 2}
    path.write_text(path.read_text().replace(', url: "{url}"', ""))
    assert closefeed("rejects", "retry", path, "--all").code == 0
    run(closefeed, path)
    new = next(lead for lead in sandbox.objects("lead") if lead["name"] == "New")
    assert texts(sandbox, leads[0]) == ["a1", "a2"] and texts(sandbox, new["id"]) == ["n2"]
    assert len(sandbox.objects("lead")) == 3


def test_what_closefeed_rejects_itself_parks_too_where_it_is_known_whom_it_is_about(
        closefeed, pipeline, sandbox, leads):
    """By match and by id; the records before it are not held up by it."""
    acme, bolt = leads
    records = [{"company": "Acme", "text": "a1"},
               {"company": "Acme", "text": "a2", "status": "Nowhere"},
               {"company": "Acme", "text": "a3"},
               {"lead": bolt, "text": "b1"}, {"lead": bolt, "text": {"no": "text"}},
               {"lead": bolt, "text": "b2"}]
    path = pipeline(records, delivery=PARK, routes="""
        - operation: lead.upsert
          when: .company
          match: {name: "{company}"}
          body: {description: "{text}", status: "{status}"}
        - operation: lead.update
          params: {id: "{lead}"}
          body: {description: "{text|upper}"}
        """)
    assert counts(run(closefeed, path, 1)) == {
        "read": 6, "delivered": 2, "rejected": 2, "open": 2}
    assert [(line, what) for line, what, _ in rejects(closefeed, path)] == [
        (2, "field"), (5, "template")]
    assert [texts(sandbox, lead) for lead in leads] == [["a1"], ["B1"]]
    assert "2 records wait" in closefeed("status", path).out
    assert counts(run(closefeed, path, 1)) == {"read": 2, "open": 2}
    path.write_text(path.read_text().replace(', status: "{status}"', "").replace(
        "{text|upper}", "{lead}"))
    assert closefeed("rejects", "retry", path, "--all").code == 0
    run(closefeed, path)
    assert texts(sandbox, acme) == ["a1", "a2", "a3"]
    assert texts(sandbox, bolt) == ["B1", bolt, "B2"]


@pytest.mark.parametrize("size", [2, 3, 10])
def test_changes_that_share_calls_do_not_overtake(closefeed, pipeline, sandbox, leads, size):
    """A refused call of several changes is taken apart; those behind the bad one wait."""
    path = pipeline(changes(leads), routes=CHANGES + f"""
  batch: {{algorithm: merge, size: {size}, wait: 100ms}}
""", delivery=PARK)
    sandbox.add_fault("slow_body", path="/lead/", method="PUT", bytes=50, ms=20)
    summary = counts(run(closefeed, path, 1))
    assert summary == {"read": 6, "delivered": 3, "rejected": 1, "open": 2}
    sent = texts(sandbox, leads[0])
    assert sent[-1:] == ["a1"] and "a3" not in sent and "a4" not in sent
    path.write_text(path.read_text().replace(', url: "{url}"', ""))
    assert closefeed("rejects", "retry", path, "--all").code == 0
    run(closefeed, path)
    assert [sandbox.get(f"/lead/{lead}/")["description"] for lead in leads] == ["a4", "b2"]
