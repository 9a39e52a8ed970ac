"""What becomes of calls in a real run: in which order they go, and what Close's refusals lead to.

tests/integration/test_operations.py has each operation of the catalogue.
"""

import json

import pytest

from catalogue import OPERATIONS
from harness import measure


def test_a_lead_comes_with_its_contacts(closefeed, pipeline, sandbox):
    path = pipeline([{"name": "Acme", "addresses": [{"city": "Berlin", "country": "DE"}],
                      "contacts": [{"name": "Ana", "emails": [{"email": "ana@example.com"}]}]}])
    assert closefeed("run", path).code == 0
    [lead], [contact] = sandbox.objects("lead"), sandbox.objects("contact")
    assert contact["lead_id"] == lead["id"] and contact["name"] == "Ana"
    assert contact["emails"] == [{"email": "ana@example.com", "type": "office",
                                  "is_unsubscribed": False}]
    assert lead["addresses"][0]["city"] == "Berlin"


def test_a_custom_field_is_set_changed_and_unset(closefeed, pipeline, sandbox):
    field = "custom." + sandbox.post("/custom_field/lead/", {"name": "Tier", "type": "text"})["id"]
    lead = sandbox.post("/lead/", {"name": "A"})["id"]
    path = pipeline([{"id": lead, field: "gold"}, {"id": lead, field: "silver"},
                     {"id": lead, "name": "B"}, {"id": lead, field: None}],
                    routes="- operation: lead.update")
    assert closefeed("run", path).code == 0
    assert [json.loads(r["body"]) for r in sandbox.requests("PUT")] == [
        {field: "gold"}, {field: "silver"}, {"name": "B"}, {field: None}]
    after = sandbox.get(f"/lead/{lead}/")
    assert after["name"] == "B" and field not in after


def test_changes_of_one_object_keep_their_order_among_many(closefeed, pipeline, sandbox):
    ids = [sandbox.post("/lead/", {"name": "start"})["id"] for _ in range(4)]
    records = [{"id": ids[i % 4], "name": f"{i}"} for i in range(24)]
    path = pipeline(records, routes="- operation: lead.update", close="concurrency: 16")
    assert closefeed("run", path).code == 0
    seen = {lead: [json.loads(r["body"])["name"] for r in sandbox.requests("PUT")
                   if lead in r["path"]] for lead in ids}
    assert seen == {lead: [f"{n}" for n in range(i, 24, 4)] for i, lead in enumerate(ids)}


@pytest.mark.parametrize("operation, record, reject_class, status", [
    ("lead.update", {"id": "lead_none", "name": "A"}, "not_found", 404),
    ("contact.update", {"id": "cont_none", "name": "A"}, "not_found", 404),
    ("lead.create", {"name": "A", "status_id": "stat_none"}, "validation", 400),
    ("opportunity.create", {"lead_id": "lead_none", "value": "much"}, "validation", 400),
    ("contact.create", {"lead_id": "lead_none", "name": "A"}, "validation", 400),
    ("task.create", {"lead_id": "lead_none", "text": "x"}, "validation", 400),
    ("status.opportunity.create", {"label": "x", "type": "maybe"}, "validation", 400),
])
def test_what_close_refuses_is_rejected_with_its_class(
        closefeed, pipeline, sandbox, operation, record, reject_class, status):
    path = pipeline([record], routes=f"- operation: {operation}")
    assert closefeed("run", path).code == 1
    [listed] = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert (listed["class"], listed["status"], listed["operation"]) == (
        reject_class, status, operation)
    [event] = sandbox.hook_events()
    assert event["data"]["error"]["class"] == reject_class and event["data"]["attempts"] == 1


# What answers leave open


def refuse(sandbox, operation, record):
    """Every call of the operation is answered 501, which is no answer of Close."""
    called = OPERATIONS[operation]
    sandbox.add_fault("status", method=called["method"], path=called["path"].format(**record),
                      status=501)


@pytest.mark.parametrize("operation, record, allow", [
    ("enrich_field.create", {"organization_id": "orga_1", "object_type": "lead",
                             "object_id": "lead_1", "field_id": "cf_1"}, ["costs"]),
    ("lead.merge", {"source": "lead_1", "destination": "lead_2"}, ["destroys"]),
    ("sequence_subscription.create", {"sequence_id": "seq_1", "contact_id": "cont_1"}, ["sends"]),
    ("shared_scheduling_link.map", {"shared_scheduling_link_id": "s_1"}, []),
])
def test_what_cannot_be_looked_up_is_held_when_its_answer_proves_nothing(
        closefeed, pipeline, sandbox, operation, record, allow):
    refuse(sandbox, operation, record)
    path = pipeline([record], delivery="quarantine: 200ms",
                    routes=f"- operation: {operation}\n  allow: [{', '.join(allow)}]")
    result = closefeed("run", path, "--json")
    assert result.code == 1 and result.summary["held"] == 1, result.err
    [item] = closefeed("held", "list", path, "--json").json["held"]
    assert item["class"] == "unknown" and item["operation"] == operation and "501" in item["known"]
    assert len([r for r in sandbox.requests("POST")]) == 1
    [event] = sandbox.hook_events()
    assert event["data"]["outcome"] == "held" and event["data"]["response"]["status"] == 501


@pytest.mark.parametrize("operation, record", [
    ("outcome.update", {"id": "outc_1", "name": "x"}),
    ("report.activity.get", {"metrics": ["x"], "type": "overview"}),
    ("group.member.add", {"group_id": "group_1", "user_id": "user_1"}),
])
def test_what_may_be_repeated_is_until_the_server_is_given_up(
        closefeed, pipeline, sandbox, operation, record):
    refuse(sandbox, operation, record)

    def made(attempt):
        """Unless the second comes too late: a second is little time."""
        path = pipeline([record], routes=f"- operation: {operation}", name=f"n{attempt}",
                        delivery="retry_for: 1s")
        before = len(sandbox.requests())
        result = closefeed("run", path, "--json")
        assert result.code == 69 and "501" in result.summary["reason"], result.err
        status = closefeed("status", path, "--json").json
        assert status["open"] == 1 and status["rejected"] == status["held"] == 0
        calls = [r for r in sandbox.requests()[before:] if not r["path"].endswith("/me/")]
        assert len({(c["method"], c["path"], c["body"]) for c in calls}) == 1
        return len(calls) < 2 and calls

    measure(made)


@pytest.mark.parametrize("status, made", [
    ("sent", True), ("inbox", True), ("draft", True), ("outbox", False), ("scheduled", False),
    (" Outbox ", False)])
def test_mail_is_recorded_and_never_sent(closefeed, pipeline, sandbox, status, made):
    lead = sandbox.post("/lead/", {"name": "A"})["id"]
    path = pipeline([{"lead_id": lead, "status": status, "subject": "x", "sender": "a@example.com"}],
                    routes="- operation: activity.email.create")
    assert closefeed("run", path).code == (0 if made else 1)
    assert len(sandbox.objects("activity/email")) == made
    if not made:
        [listed] = closefeed("rejects", "list", path, "--json").json["rejects"]
        assert (listed["class"], listed["field"]) == ("guard", "status")
        assert sandbox.requests("POST", "/activity/email/") == []
