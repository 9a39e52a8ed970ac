"""Names that an earlier record of the same run makes: types, and fields of types."""

import pytest
from scenarios import counts, field, run

ROUTES = """
- when: .kind == "type"
  operation: custom_activity.create
  body: {name: "{name}"}
- when: .kind == "field"
  operation: custom_field.activity.create
  link: {custom_activity_type_id: {custom_activity_type: {name: "{of}"}}}
  body: {name: "{name}", type: text}
- when: .kind == "own"
  operation: custom_field.lead.create
  body: {name: "{name}", type: text}
- when: .kind == "lead" and .old
  operation: lead.update
  body: {custom.Old: "{old}"}
- when: .kind == "lead"
  operation: lead.update
  body: {custom.New: "{new}"}
- operation: activity.custom.create
  link: {custom_activity_type_id: {custom_activity_type: {name: "{of}"}}}
  body: {lead_id: "{lead}", custom.Result: "{result}"}
"""


@pytest.fixture(name="sandbox")
def _sandbox(start_sandbox):
    return start_sandbox("--lag", "0", "--no-rate-limit")


@pytest.fixture(name="lead")
def _lead(sandbox):
    return sandbox.post("/lead/", {"name": "One"})["id"]


def books(sandbox, path):
    return [call for call in sandbox.requests("GET") if path in call["path"]]


def test_a_type_its_field_and_an_activity_come_in_one_run(closefeed, pipeline, sandbox, lead):
    path = pipeline([{"kind": "type", "name": "Visit"},
                     {"kind": "field", "of": "Visit", "name": "Result"},
                     {"of": "Visit", "lead": lead, "result": "met"}], routes=ROUTES)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    visit, = sandbox.objects("activity/custom_activity")
    assert "met" in visit.values()


def test_a_field_made_after_its_names_were_read_is_asked_for_once_more(
        closefeed, pipeline, sandbox, lead):
    old = field(sandbox, "Old")
    asked = len(books(sandbox, "/custom_field_schema/lead/"))
    path = pipeline([{"kind": "lead", "id": lead, "old": "1"}, {"kind": "own", "name": "New"},
                     *({"kind": "lead", "id": lead, "new": f"{i}"} for i in range(9))],
                    routes=ROUTES)
    assert counts(run(closefeed, path)) == {"read": 11, "delivered": 11}
    one, = sandbox.objects("lead")
    assert one[old] == "1" and "8" in one.values()
    assert len(books(sandbox, "/custom_field_schema/lead/")) - asked == 2


def test_who_names_what_nobody_makes_is_rejected_after_one_more_look(
        closefeed, pipeline, sandbox, lead):
    path = pipeline([{"kind": "type", "name": "Visit"}, {"of": "Vist", "lead": lead, "result": "x"},
                     {"of": "Vist", "lead": lead, "result": "y"}], routes=ROUTES)
    assert counts(run(closefeed, path, 1)) == {"read": 3, "delivered": 1, "rejected": 2}
    assert len(books(sandbox, "/custom_activity/")) <= 2
