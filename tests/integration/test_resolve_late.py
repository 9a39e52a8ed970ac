"""Answers that are older than what was written while they were on their way."""

import pytest
from scenarios import LEAD_OF_EMAIL, answer_slowly, counts, field, run, set_lag

CLEARS = """
- when: .clear
  operation: lead.update
  params: {id: "{clear}"}
  body: {custom.Account ID: null}
- operation: lead.upsert
  match: {custom.Account ID: "{account}"}
  body: {name: "{name}"}
"""

MOVES = """
- when: .moves
  operation: contact.update
  params: {id: "{moves}"}
  body: {emails: []}
- operation: lead.upsert
""" + LEAD_OF_EMAIL + """\
  body: {name: "{name}"}
"""


@pytest.fixture(name="sandbox")
def _sandbox(start_sandbox):
    return start_sandbox("--lag", "0", "--speed", "1000")


def search_slowly(sandbox):
    """By what was there before, and when all that was sent beside the question has ended."""
    set_lag(sandbox, 60000)
    answer_slowly(sandbox, "/data/search/")


def cleared_meanwhile(sandbox, account):
    """The records of CLEARS, and a sandbox in which the search for the second is slow."""
    old = sandbox.post("/lead/", {"name": "Old", account: "A-1"})["id"]
    search_slowly(sandbox)
    return [{"clear": old}, {"account": "A-1", "name": "New"}]


def test_a_search_on_its_way_does_not_find_what_was_cleared_meanwhile(
        closefeed, pipeline, sandbox, account):
    path = pipeline(cleared_meanwhile(sandbox, account), routes=CLEARS)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    assert sorted((lead["name"], lead.get(account)) for lead in sandbox.objects("lead")) == [
        ("New", "A-1"), ("Old", None)]


def test_a_search_on_its_way_does_not_find_a_lead_by_what_its_contact_has_lost(
        closefeed, pipeline, sandbox):
    old = sandbox.post("/lead/", {"name": "Old", "contacts": [
        {"name": "Ana", "emails": [{"email": "a@x.example"}]}]})
    search_slowly(sandbox)
    path = pipeline([{"moves": old["contacts"][0]["id"]}, {"email": "a@x.example", "name": "New"}],
                    routes=MOVES)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    assert sorted(lead["name"] for lead in sandbox.objects("lead")) == ["New", "Old"]


OVERTAKEN = """
- when: .parent
  operation: lead.create
  body: {name: "{parent}"}
- when: .of
  operation: lead.upsert
  match: {custom.Account ID: "{account}"}
  link: {custom.Parent: {lead: {name: "{of}"}}}
  body: {name: "{name}"}
- when: .id
  operation: lead.update
  body: {name: "{becomes}"}
- operation: lead.update
  match: {name: "{clear}"}
  body: {custom.Account ID: null}
"""


def found_too_early(sandbox, account):
    """The records of OVERTAKEN, and a sandbox in which the third still waits for the name it goes by
    when the last has found its object."""
    field(sandbox, "Parent")
    old = sandbox.post("/lead/", {"name": "Old", account: "A-1"})["id"]
    set_lag(sandbox, 60000)
    sandbox.add_fault("slow_body", method="PUT", path="/lead/", n=1, bytes=200, ms=80)
    sandbox.add_fault("slow_body", method="POST", path="/lead/", n=1, bytes=40, ms=80)
    return [{"parent": "P-1"}, {"id": old, "becomes": "Older"}, {"clear": "Older"},
            {"account": "A-1", "of": "P-1", "name": "New"}]


def test_who_stands_aside_does_not_keep_an_object_that_an_earlier_record_took_its_key_from(
        closefeed, pipeline, sandbox, account):
    path = pipeline(found_too_early(sandbox, account), routes=OVERTAKEN)
    assert counts(run(closefeed, path)) == {"read": 4, "delivered": 4}
    assert sorted((lead["name"], lead.get(account)) for lead in sandbox.objects("lead")) == [
        ("New", "A-1"), ("Older", None), ("P-1", None)]
