"""`closefeed sandbox --data FILE`: what is there from the start."""

import json

import pytest

from harness import ndjson

ORGANIZATION = [
    # Objects may stand before those they name.
    {"kind": "contact", "id": "cont_ana", "lead_id": "lead_north", "name": "Ana",
     "emails": [{"email": "ana@north.example"}]},
    {"kind": "activity.note", "lead_id": "lead_north", "note": "met", "contact_id": "cont_ana"},
    {"kind": "lead", "id": "lead_north", "name": "Northwind", "status_id": "stat_new",
     "custom.cf_score": 7, "date_created": "2025-03-09T14:00:00Z",
     "date_updated": "2025-04-01T00:00:00Z"},
    {"kind": "opportunity", "id": "oppo_1", "lead_id": "lead_north", "status_id": "stat_open"},
    {"kind": "lead", "name": "Southbank", "contacts": [{"name": "Ben"}]},
    {"kind": "custom_fields.lead", "id": "cf_score", "name": "Score", "type": "number"},
    {"kind": "status.lead", "id": "stat_new", "label": "New"},
    {"kind": "status.lead", "id": "stat_old", "label": "Old"},
    {"kind": "pipeline", "id": "pipe_main", "name": "Main", "statuses": [
        {"id": "stat_open", "label": "Open", "type": "active"}]},
    {"kind": "user", "id": "user_eve", "email": "eve@north.example", "first_name": "Eve",
     "last_name": "Low"},
]


def names(box, path, key="name"):
    return sorted(o[key] for o in box.get(path)["data"])


@pytest.mark.parametrize("form", ["lines", "list"])
def test_an_organization_comes_out_of_a_file(start_sandbox, tmp_path, form):
    text = ndjson(ORGANIZATION) if form == "lines" else json.dumps(ORGANIZATION, indent=1)
    (tmp_path / "acme.data").write_text("\n" + text)
    box = start_sandbox("--data", "acme.data")
    for _ in range(2):
        lead = box.get("/lead/lead_north/")
        assert lead["status_label"] == "New" and lead["custom.cf_score"] == 7
        assert lead["date_created"] == "2025-03-09T14:00:00.000000+00:00"
        assert lead["date_updated"] == "2025-04-01T00:00:00.000000+00:00"
        assert [c["id"] for c in lead["contacts"]] == ["cont_ana"]
        assert box.get("/activity/note/")["data"][0]["contact_id"] == "cont_ana"
        assert names(box, "/contact/") == ["Ana", "Ben"]
        assert names(box, "/status/lead/", "label") == ["New", "Old"]
        assert names(box, "/status/opportunity/", "label") == ["Open"]
        assert names(box, "/pipeline/") == ["Main"]
        assert box.get("/opportunity/oppo_1/")["pipeline_name"] == "Main"
        assert names(box, "/user/", "email") == ["eve@north.example"]
        me = box.get("/me/")
        assert me["id"] == "user_eve"
        organization = box.get(f"/organization/{me['organizations'][0]['id']}/")
        assert [m["user_id"] for m in organization["memberships"]] == ["user_eve"]
        # It was there before: search knows it, and the log has nothing of it.
        assert [o["name"] for o in box.get("/lead/?query=custom.Score:7")["data"]] == ["Northwind"]
        assert box.get("/event/")["data"] == []
        made = box.post("/lead/", {"name": "New"})
        assert made["status_label"] == "New" and made["created_by_name"] == "Eve Low"
        assert box.ask("DELETE", "/lead/lead_north/")[0] == 200
        # And it is all there again.
        assert box.ask("POST", "/_sandbox/reset")[0] == 200


def test_what_the_file_does_not_have_is_as_usual(start_sandbox, tmp_path):
    (tmp_path / "leads.ndjson").write_text('{"kind": "lead", "name": "A"}\n\n{"kind": "lead"}')
    box = start_sandbox("--data", "leads.ndjson")
    assert names(box, "/lead/") == ["", "A"]
    assert names(box, "/pipeline/") == ["Sales"] and len(box.get("/status/lead/")["data"]) == 4


def test_answers_of_the_interface_are_a_file_for_it(start_sandbox, tmp_path):
    first = start_sandbox()
    made = first.post("/lead/", {"name": "Northwind", "contacts": [{"name": "Ana"}]})
    first.post("/opportunity/", {"lead_id": made["id"], "value": 100})
    first.post("/task/", {"lead_id": made["id"], "text": "call"})
    lists = [("user", "/user/"), ("status.lead", "/status/lead/"), ("pipeline", "/pipeline/"),
             ("lead", "/lead/")]
    (tmp_path / "copy.ndjson").write_text(ndjson(
        {"kind": kind, **o} for kind, path in lists for o in first.get(path)["data"]))
    second = start_sandbox("--data", "copy.ndjson", "--seed", "2")
    for kind, path in lists:
        for a, b in zip(first.get(path)["data"], second.get(path)["data"], strict=True):
            assert a.keys() <= b.keys()
            different = {key for key in a if a[key] != b[key]}
            assert different <= {"organization_id", "organizations", "created_by", "updated_by",
                                 "opportunities", "tasks", "contacts", "statuses"}, (kind, different)
    assert ([s["id"] for s in first.get("/pipeline/")["data"][0]["statuses"]]
            == [s["id"] for s in second.get("/pipeline/")["data"][0]["statuses"]])
    copied = second.get(f"/lead/{made['id']}/")
    assert [c["id"] for c in copied["contacts"]] == made["contact_ids"]
    assert copied["opportunities"][0]["value"] == 100 and copied["tasks"][0]["text"] == "call"


@pytest.mark.parametrize("text, says", [
    ('{"kind": "lead"}\n{"kind": "lead"', "data: line 2: byte 16: "),
    ('{"kind": "lead"}\n\n{"name": "A"}', 'data: line 3: "kind" is missing'),
    ('{"kind": "leads"}', 'data: line 1: there is no kind "leads"'),
    ('{"kind": "lead", "contacts": ["Ana"]}', "data: line 1: contacts, opportunities, tasks"),
    ('{"kind": "membership", "user_id": "user_1"}', "data: line 1: there is one organization"),
    ("[1]", "data: item 1: must be an object, {…}, not a number"),
    ('[{"kind": "lead"}, {"kind": "lead", "id": 7}]', 'data: item 2: "id" must be a text'),
    ('{"kind": "contact", "lead_id": "lead_x"}', "data: line 1: lead: Object does not exist."),
    ('{"kind": "lead", "contacts": [{"emails": [{"email": "a"}]}]}',
     "data: line 1: contacts[0].emails[0].email: Invalid email address."),
    ('{"kind": "lead", "custom.cf_x": 1}', "data: line 1: custom.cf_x: The Custom Field"),
    ('{"kind": "lead", "id": "lead_1"}\n' * 2, 'data: line 2: the id "lead_1" stands in the file twice'),
    ('{"kind": "lead", "id": "lead_1", "date_updated": "soon"}', '"date_updated" must be'),
    ('[{"kind": "lead"}', "data: byte "),
])
def test_what_is_wrong_with_a_file_is_said_with_its_line(closefeed, tmp_path, text, says):
    (tmp_path / "data").write_text(text)
    result = closefeed("sandbox", "--data", "data", "--idle-exit", "1")
    assert result.code == 2 and says in result.err and result.out == "", result.err


def test_a_file_that_is_not_there_is_a_sentence(closefeed):
    result = closefeed("sandbox", "--data", "nowhere.ndjson")
    assert result.code == 2 and "nowhere.ndjson: No such file" in result.err
