"""Each way in which an object can be meant: the question search is asked, and what it answers."""

import pytest

OTHER = "Other company"


@pytest.fixture
def sandbox(start_sandbox):
    return start_sandbox("--lag", "0")


def run(closefeed, path, code=0):
    result = closefeed("run", "--json", path)
    assert result.code == code, result.err + result.out
    return result.summary


def custom(sandbox, name, type, **more):
    """The key of a new custom field of leads."""
    return "custom." + sandbox.post(
        "/custom_field/lead/", {"name": name, "type": type, **more})["id"]


# What a lead is given, what is sought by which field, and a near miss that must not be taken.
CUSTOM = [
    ("text", "N-104", "N-104", "N-1045"),
    ("hidden", "a b", " a b ", "a  b"),
    ("number", 77.5, "77.50", 77.51),
    ("number", -0.1, "-0.10", 0.1),
    ("choices", "Gold", "Gold", "Old Gold"),
    ("date", "2026-03-09", "2026-03-09", "2026-03-10"),
    ("datetime", "2026-03-09T14:00:00+01:00", "2026-03-09T13:00:00Z", "2026-03-09T14:00:00Z"),
    ("user", None, "ana@sandbox.example", "Bo"),
]


@pytest.mark.parametrize("type, stored, sought, near", CUSTOM)
def test_a_lead_is_found_by_a_custom_field_of_any_type(
        closefeed, sandbox, pipeline, type, stored, sought, near):
    more = {"choices": ["Gold", "Old Gold"]} if type == "choices" else {}
    key = custom(sandbox, "Key", type, **more)
    if type == "user":
        stored = sandbox.get("/user/")["data"][0]["id"]
    else:
        sandbox.post("/lead/", {"name": OTHER, key: near})
    lead = sandbox.post("/lead/", {"name": "Acme", key: stored})
    path = pipeline([{"key": sought, "name": "Acme Ltd"}], routes="""
- operation: lead.upsert
  match: {custom.Key: "{key}"}
  body: {name: "{name}"}
""")
    assert run(closefeed, path)["delivered"] == 1
    assert len(sandbox.requests("POST", "/data/search/")) == 1
    names = {o["id"]: o["name"] for o in sandbox.objects("lead")}
    assert names.pop(lead["id"]) == "Acme Ltd"
    assert list(names.values()) == [OTHER] * (type != "user")


@pytest.mark.parametrize("kind", ["lead", "contact"])
@pytest.mark.parametrize("field, sought", [
    ("email", "ANA@X.Example"), ("phone", "+1 (800) 444-5555"), ("url", "www.ana.example/me/")])
def test_leads_and_contacts_are_found_by_what_a_contact_has(
        closefeed, sandbox, pipeline, kind, field, sought):
    lead = sandbox.post("/lead/", {"name": "Acme", "contacts": [{
        "name": "Ana", "emails": [{"email": "Ana@x.example"}],
        "phones": [{"phone": "+18004445555"}], "urls": [{"url": "http://ana.example/me"}]}]})
    sandbox.post("/lead/", {"name": OTHER, "contacts": [{
        "name": "Bo", "emails": [{"email": "b.ana@x.example"}],
        "phones": [{"phone": "+18004445556"}], "urls": [{"url": "http://ana.example/me/too"}]}]})
    path = pipeline([{"key": sought, "text": "x"}], routes=f"""
- operation: activity.note.create
  link: {{lead_id: {{{kind}: {{{field}: "{{key}}"}}}}}}
  body: {{note: "{{text}}"}}
""")
    assert run(closefeed, path)["delivered"] == 1
    assert [n["lead_id"] for n in sandbox.objects("activity/note")] == [lead["id"]]


def test_all_fields_of_a_key_must_fit(closefeed, sandbox, pipeline):
    number = custom(sandbox, "Number", "number")
    for name, value in (("Acme", 1), ("Acme", 2), (OTHER, 2)):
        sandbox.post("/lead/", {"name": name, number: value, "url": "https://www.acme.example/"})
    path = pipeline([{"name": "Acme", "number": "2.0", "url": "acme.example"}], routes="""
- operation: lead.upsert
  match: {name: "{name}", custom.Number: "{number}", url: "{url}"}
  body: {description: found}
""")
    assert run(closefeed, path)["delivered"] == 1
    assert [(o["name"], o[number]) for o in sandbox.objects("lead")
            if o["description"] == "found"] == [("Acme", 2)]


def test_things_with_a_name_are_found_in_their_lists(closefeed, sandbox, pipeline):
    lead = sandbox.post("/lead/", {"name": "Acme"})
    templates = [sandbox.post("/email_template/", {"name": f"T{i}", "subject": "s", "body": "b"})
                 for i in range(120)]
    shared = sandbox.post("/custom_field/shared/", {"name": "Tier", "type": "text"})
    visit = sandbox.post("/custom_activity/", {"name": "Visit"})
    path = pipeline([{"lead": lead["id"], "template": "T119", "field": "Tier", "type": "Visit"}],
                    routes="""
- operation: activity.email.create
  continue: true
  link: {template_id: {template: {name: "{template}"}}}
  body: {lead_id: "{lead}", status: draft}
- operation: custom_field.shared.associate
  continue: true
  link: {scf_id: {custom_field.shared: {name: "{field}"}}}
  body: {object_type: lead}
- operation: activity.custom.create
  link: {custom_activity_type_id: {custom_activity_type: {name: "{type}"}}}
  body: {lead_id: "{lead}"}
""")
    assert run(closefeed, path)["delivered"] == 1
    assert [m["template_id"] for m in sandbox.objects("activity/email")] == [templates[119]["id"]]
    fields = sandbox.get("/custom_field_schema/lead/")["fields"]
    assert shared["id"] in [f["id"] for f in fields]
    assert [a["custom_activity_type_id"] for a in
            sandbox.objects("activity/custom_activity")] == [visit["id"]]
    assert len(sandbox.requests("GET", "/email_template/")) == 2
    assert sandbox.requests("POST", "/data/search/") == []


def test_a_name_of_several_or_of_none_is_refused(closefeed, sandbox, pipeline):
    for _ in range(2):
        sandbox.post("/sms_template/", {"name": "Hello", "text": "x"})
    path = pipeline([{"name": "Hello"}, {"name": "Helo"}], routes="""
- operation: sms_template.update
  link: {id: {sms_template: {name: "{name}"}}}
  body: {text: hi}
""")
    run(closefeed, path, code=1)
    twice, none = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert twice["class"] == none["class"] == "link"
    assert "Hello" in twice["message"] and "Helo" in none["message"]
    assert sandbox.requests("PUT") == []
