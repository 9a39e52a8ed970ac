"""Each operation the sandbox behaves for, through a real run; and what becomes of all others."""

import json
import pathlib

import pytest

OPERATIONS = json.loads((pathlib.Path(__file__).parents[2] / "schemas" / "close" /
                         "operations.json").read_text(encoding="utf-8"))
NAMES = sorted({operation["name"] for operation in OPERATIONS})

# Operation prefix, path, a record that creates, a record that changes (without its id), and what
# the object must be after the one and after the other. PARENT stands for a lead's id.
PARENT = "PARENT"
KINDS = {
    "lead": ("/lead/", {"name": "Acme", "url": "https://acme.example.com", "description": "d",
                        "contacts": [{"name": "Ana", "title": "CTO",
                                      "emails": [{"email": "ana@example.com", "type": "office"}],
                                      "phones": [{"phone": "+16505550123", "type": "mobile"}]}],
                        "addresses": [{"city": "Berlin", "country": "DE"}]},
             {"description": "changed", "url": None},
             {"name": "Acme", "description": "d", "url": "https://acme.example.com"},
             {"name": "Acme", "description": "changed", "url": None}),
    "contact": ("/contact/", {"lead_id": PARENT, "name": "Ben",
                              "emails": [{"email": "ben@example.com", "type": "office"}]},
                {"title": "CFO", "emails": [{"email": "b@example.com", "type": "home"}]},
                {"lead_id": PARENT, "name": "Ben", "title": ""},
                {"lead_id": PARENT, "name": "Ben", "title": "CFO"}),
    "opportunity": ("/opportunity/", {"lead_id": PARENT, "value": 150000, "value_period": "annual",
                                      "confidence": 30, "note": "first"},
                    {"confidence": 80, "note": None},
                    {"lead_id": PARENT, "value": 150000, "value_period": "annual",
                     "confidence": 30},
                    {"value": 150000, "confidence": 80}),
    "task": ("/task/", {"lead_id": PARENT, "text": "call", "date": "2026-01-02"},
             {"is_complete": True}, {"text": "call", "is_complete": False, "date": "2026-01-02"},
             {"text": "call", "is_complete": True}),
    "activity.note": ("/activity/note/", {"lead_id": PARENT, "note": "line 1\nline 2"},
                      {"note": "changed"}, {"note": "line 1\nline 2"}, {"note": "changed"}),
    "activity.call": ("/activity/call/", {"lead_id": PARENT, "direction": "outbound",
                                          "duration": 61, "note": "n", "phone": "+16505550123"},
                      {"duration": 75}, {"direction": "outbound", "duration": 61},
                      {"direction": "outbound", "duration": 75}),
    "activity.email": ("/activity/email/", {"lead_id": PARENT, "status": "draft", "subject": "Hello",
                                            "sender": "me@example.com", "to": ["a@example.com"],
                                            "body_text": "text"},
                       {"subject": "Changed"}, {"status": "draft", "subject": "Hello"},
                       {"status": "draft", "subject": "Changed"}),
    "status.lead": ("/status/lead/", {"label": "Nurturing"}, {"label": "Nurtured"},
                    {"label": "Nurturing"}, {"label": "Nurtured"}),
    "status.opportunity": ("/status/opportunity/", {"label": "Demo", "type": "active"},
                           {"label": "Demo done"}, {"label": "Demo", "type": "active"},
                           {"label": "Demo done", "type": "active"}),
    **{f"custom_field.{kind}": (f"/custom_field/{kind}/", {"name": "Size", "type": "number"},
                                {"name": "Team size"}, {"name": "Size", "type": "number"},
                                {"name": "Team size", "type": "number"})
       for kind in ("lead", "contact", "opportunity")},
}


# What every call does; the rest of the effects depends on the record, and a guard looks at each.
ALWAYS = {operation["name"]: [effect for effect in operation["effects"]
                              if effect not in operation.get("depends", [])]
          for operation in OPERATIONS}


def fill(record, lead_id):
    return {key: lead_id if value == PARENT else value for key, value in record.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_made_and_changed(closefeed, pipeline, sandbox, kind):
    path, creates, changes, made, changed = KINDS[kind]
    lead_id = sandbox.post("/lead/", {"name": "Parent"})["id"]
    create = pipeline([fill(creates, lead_id)], name="create", routes=f"- operation: {kind}.create")
    result = closefeed("run", create, "--json")
    assert result.code == 0 and result.summary["delivered"] == 1, result.err
    [event] = sandbox.hook_events()
    assert event["data"]["operation"] == f"{kind}.create"
    assert event["data"]["response"]["status"] == 200
    item = f"{path}{event['subject']}/"
    assert fill(made, lead_id).items() <= sandbox.get(item).items()

    update = pipeline([{"id": event["subject"], **changes}], name="update",
                      routes=f"- operation: {kind}.update")
    result = closefeed("run", update, "--json")
    assert result.code == 0 and result.summary["delivered"] == 1, result.err
    [call] = sandbox.requests("PUT")
    assert call["path"] == item and json.loads(call["body"]) == changes
    assert fill(changed, lead_id).items() <= sandbox.get(item).items()
    event = sandbox.hook_events()[-1]
    assert event["data"]["operation"] == f"{kind}.update"
    assert event["subject"] == event["data"]["object_id"] == call["path"].split("/")[-2]


def test_a_lead_comes_with_its_contacts(closefeed, pipeline, sandbox):
    path = pipeline([KINDS["lead"][1]])
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


# All the others


def all_routes(pipeline, names):
    return pipeline([{"id": "x"}], routes="\n".join(f"- operation: {name}" for name in names))


def is_oauth_only(name):
    return next(o["auth"] for o in OPERATIONS if o["name"] == name) not in ("any", "api_key")


def test_every_operation_is_known_and_what_has_effects_needs_allow(closefeed, pipeline):
    assert len(NAMES) == len(OPERATIONS) == 160
    guarded = [name for name in NAMES if ALWAYS[name] or is_oauth_only(name)]
    result = closefeed("check", all_routes(pipeline, [n for n in NAMES if n not in guarded]))
    assert result.code == 0, result.err

    result = closefeed("check", all_routes(pipeline, guarded))
    assert result.code == 78
    errors = [line for line in (result.out + result.err).splitlines() if "error:" in line]
    for i, name in enumerate(guarded):
        mine = "".join(error for error in errors if f"routes[{i}].operation: {name} " in error)
        assert not ALWAYS[name] or f"needs allow: [{', '.join(ALWAYS[name])}]" in mine, name
        assert ("OAuth" in mine) == is_oauth_only(name), name
    assert closefeed("run", all_routes(pipeline, guarded)).code == 78


def test_what_is_allowed_is_no_mistake(closefeed, pipeline):
    routes = [f"- operation: {name}\n  allow: [{', '.join(ALWAYS[name])}]" for name in NAMES
              if ALWAYS[name] and not is_oauth_only(name) and name != "send_as.delete_by_user"]
    result = closefeed("check", pipeline([{"id": "x"}], routes="\n".join(routes)))
    assert result.code == 0 and "].allow" not in result.err, result.err


@pytest.mark.parametrize("operation, record", [
    ("comment.create", {"object_id": "acti_1", "body": "x"}),
    ("outcome.create", {"name": "x", "type": "custom"}),
    ("playbook.create", {"name": "x"}),
    ("activity.sms.create", {"lead_id": "lead_1", "status": "draft", "text": "x"}),
    ("activity.whatsapp_message.create", {"lead_id": "lead_1", "contact_id": "cont_1",
                                          "direction": "inbound", "message_markdown": "x",
                                          "local_phone": "+16505550123",
                                          "remote_phone": "+16505550124",
                                          "activity_at": "2026-01-02T03:04:05Z",
                                          "external_whatsapp_message_id": "w1"}),
])
def test_a_create_whose_answer_proves_nothing_is_held(
        closefeed, pipeline, sandbox, operation, record):
    """The sandbox answers 501: no answer of Close, so nobody can say whether it was done."""
    path = pipeline([record], routes=f"- operation: {operation}", delivery="on_unknown: hold")
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
    path = pipeline([record], routes=f"- operation: {operation}", delivery="retry_for: 1s")
    result = closefeed("run", path, "--json", timeout=60)
    assert result.code == 69 and "501" in result.summary["reason"], result.err
    status = closefeed("status", path, "--json").json
    assert status["open"] == 1 and status["rejected"] == status["held"] == 0
    calls = [r for r in sandbox.requests() if not r["path"].endswith("/me/")]
    assert len(calls) >= 2 and len({(c["method"], c["path"], c["body"]) for c in calls}) == 1


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
