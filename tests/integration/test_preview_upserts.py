"""What `preview` shows of requests whose ids are looked up when the pipeline runs."""

import types

import pytest

from harness import Pipelines

BASE = "http://127.0.0.1:1/api/v1"


@pytest.fixture
def write(tmp_path):
    pipelines = Pipelines(tmp_path, types.SimpleNamespace(base_url=BASE))
    return lambda records, routes, **how: pipelines(
        records, routes=routes, **{"delivery": None, "responses": "", **how})


@pytest.fixture
def preview(closefeed, write):
    def run(records, routes, code=0, **how):
        result = closefeed("preview", write(records, routes, **how), "--all", "--json")
        assert result.code == code, result.err
        return result.lines

    return run


def calls(lines):
    return [f"{line['method']} {line['url'].removeprefix(BASE)}" for line in lines]


def test_an_upsert_is_a_create_and_an_update(preview):
    create, update = preview([{"id": 77, "name": "Acme", "tier": "Gold"}], """
        - operation: lead.upsert
          match: {custom.cf_K: "{id}"}
          body: {name: "{name}", custom.cf_T: "{tier}"}
          on_create: {description: "from the feed"}
          omit_on_update: [name]
        """)
    assert calls([create, update]) == ["POST /lead/", "PUT /lead/<lead where custom.cf_K = 77>/"]
    assert create["operation"] == "lead.create" and update["operation"] == "lead.update"
    assert create["route"] == update["route"] == "lead.upsert"
    assert create["body"] == {
        "name": "Acme", "custom.cf_T": "Gold", "description": "from the feed", "custom.cf_K": "77"}
    assert update["body"] == {"custom.cf_T": "Gold"}
    assert create["notes"] == ["when no lead has custom.cf_K = 77"]
    assert update["notes"] == ["when a lead has custom.cf_K = 77"]
    assert create["records"] == update["records"]


def test_what_only_a_create_takes_is_noted(preview):
    _, update = preview([{"name": "Acme", "contacts": [{"name": "Ana"}]}], """
        - operation: lead.upsert
          match: {name: "{name}"}
        """)
    assert update["body"] == {"name": "Acme"}
    assert "left out of the update, since only a create takes it: contacts" in update["notes"]


@pytest.mark.parametrize("how, shown, notes", [
    ("on_match: skip", ["POST"], ["when no lead has name = A; skipped when one has"]),
    ("on_none: skip", ["PUT"], ["when a lead has name = A; skipped when none has"]),
    ("on_none: reject", ["PUT"], ["when a lead has name = A; rejected when none has"]),
    ("on_many: oldest", ["POST", "PUT"],
     ["when no lead has name = A", "when a lead has name = A (the oldest that has)"]),
])
def test_what_else_may_become_of_it_is_noted(preview, how, shown, notes):
    lines = preview([{"name": "A"}], f"""
        - operation: lead.upsert
          match: {{name: "{{name}}"}}
          {how}
        """)
    assert [line["method"] for line in lines] == shown
    assert [line["notes"] for line in lines] == [[note] for note in notes]


def test_an_update_names_what_it_is_about(preview):
    lines = preview([{"mail": 'Ana "A" <a/b>@x.example', "gone": True}, {"mail": "b@x.example"}], """
        - operation: contact.update
          when: .gone
          match: {email: "{mail}"}
          on_none: skip
          body: {title: "gone, says {mail}"}
        - operation: contact.update
          match: [{email: "{mail}", name: "{who}"}, {email: "{mail}"}]
          lists: {emails: append}
          skip_unchanged: true
          body: {emails: [{email: "{mail}"}]}
        """)
    assert calls(lines) == ['PUT /contact/<contact where email = Ana "A" <a/b>@x.example>/',
                            "PUT /contact/<contact where email = b@x.example>/"]
    assert lines[0]["notes"] == [
        'when a contact has email = Ana "A" <a/b>@x.example; skipped when none has']
    assert lines[1]["notes"] == [
        "when a contact has email = b@x.example; rejected when none has",
        "added to what is there, and sent only if something is new: emails",
        "skipped when it would change nothing"]


def test_links_stand_as_text_in_body_and_url(preview):
    lines = preview([{"mail": "a@x.example", "owner": "Ana"}], """
        - operation: opportunity.create
          continue: true
          link:
            lead_id: {contact: {email: "{mail}"}}
            contact_id: {contact: {email: "{mail}"}}
            user_id: {user: {name: "{owner}"}, default: user_1}
          body: {note: "x"}
        - operation: lead.update
          link: {id: {lead: [{name: "{owner}", email: "{mail}"}, {phone: "{gone}"}, {url: "{owner}"}]}}
          body: {description: "x"}
        """)
    assert lines[0]["body"] == {
        "note": "x",
        "lead_id": "<lead of the contact where email = a@x.example>",
        "contact_id": "<contact where email = a@x.example>",
        "user_id": "<user where name = Ana, else user_1>",
    }
    assert calls(lines)[1] == (
        "PUT /lead/<lead where name = Ana and email = a@x.example, or url = Ana>/")


def test_an_id_that_the_record_has_is_shown_as_it_is(preview):
    lines = preview([{"lead": "lead_7"}], """
        - operation: lead.update
          match: {id: "{lead}"}
          body: {description: "{lead}"}
        """)
    assert calls(lines) == ["PUT /lead/lead_7/"]


@pytest.mark.parametrize("match, record, class_", [
    ('{email: "{mail}"}', {}, "match"),
    ('{email: "{mail}"}', {"mail": None}, "match"),
    ('{email: "{mail}"}', {"mail": " "}, "match"),
    ('{id: "{mail}"}', {"mail": "cont_1"}, "match"),
])
def test_a_record_that_names_nobody_is_rejected(preview, match, record, class_):
    line, = preview([record], f"- {{operation: lead.update, match: {match}}}", code=1)
    assert line["rejected"]["class"] == class_
    assert "{mail}" in line["rejected"]["message"]


def test_a_link_without_a_value_is_rejected_and_names_its_place(preview):
    line, = preview([{"text": "x"}], """
        - operation: activity.note.create
          link: {lead_id: {lead: {email: "{mail}"}}}
          body: {note: "{text}"}
        """, code=1)
    assert line["rejected"]["class"] == "link" and line["rejected"]["field"] == "lead_id"
    assert '"{mail}"' in line["rejected"]["message"]


def test_a_create_that_a_guard_holds_back_is_told_at_the_update(preview):
    line, = preview([{"mail": "a@x.example"}], """
        - operation: contact.upsert
          match: {email: "{mail}"}
          body: {emails: [{email: "{mail}"}]}
        """)
    assert line["method"] == "PUT"
    assert "when none has, the record is rejected (guard)" in line["notes"][1]


def test_a_key_of_closefeeds_own_has_no_value_yet(preview):
    line, = preview([{"name": "A"}], "- {operation: lead.create, identity: custom.cf_K}")
    assert line["body"] == {"name": "A", "custom.cf_K": "<key of closefeed's own>"}


def test_rows_of_a_company_are_one_request_of_each_form(preview):
    rows = [{"c": "Acme", "n": "Ana"}, {"c": "Borealis", "n": "Eva"}, {"c": "Acme", "n": "Bo", "u": "a.example"}]
    lines = preview(rows, """
        - operation: lead.upsert
          match: {name: "{c}"}
          body: {name: "{c}", url: "{u}"}
          batch: {algorithm: nest, by: "{c}", into: contacts, child: {name: "{n}"}}
        """)
    assert calls(lines) == ["POST /lead/", "PUT /lead/<lead where name = Acme>/",
                            "POST /lead/", "PUT /lead/<lead where name = Borealis>/"]
    assert lines[0]["body"] == {
        "name": "Acme", "url": "a.example", "contacts": [{"name": "Ana"}, {"name": "Bo"}]}
    assert lines[1]["body"] == {"name": "Acme", "url": "a.example"}
    assert [[r["line"] for r in line["records"]] for line in lines] == [[1, 3], [1, 3], [2], [2]]
    assert any("contact.create" in note for note in lines[1]["notes"])


def test_changes_of_one_object_are_one_request(preview):
    rows = [{"m": "a@x", "v": 1}, {"m": "b@x", "v": 2}, {"m": "a@x", "v": 3}]
    lines = preview(rows, """
        - operation: lead.update
          match: {email: "{m}"}
          body: {custom.cf_V: "{v}"}
          batch: {algorithm: merge}
        """)
    assert calls(lines) == ["PUT /lead/<lead where email = a@x>/", "PUT /lead/<lead where email = b@x>/"]
    assert [line["body"] for line in lines] == [{"custom.cf_V": 3}, {"custom.cf_V": 2}]
    assert [[r["line"] for r in line["records"]] for line in lines] == [[1, 3], [2]]


def test_what_an_earlier_record_makes_is_only_changed_by_later_ones(preview):
    rows = [{"m": "Ana@x.example", "v": 1}, {"m": "b@x.example", "v": 2}, {"m": "ana@X.example", "v": 3}]
    route = """
        - operation: lead.upsert
          match: {email: "{m}"}
          body: {custom.cf_V: "{v}"}
          on_create: {contacts: [{emails: [{email: "{m}"}]}]}
          BATCH
        """
    merged = preview(rows, route.replace("BATCH", "batch: {algorithm: merge}"))
    assert [(line["method"], [r["line"] for r in line["records"]]) for line in merged] == [
        ("POST", [1]), ("POST", [2]), ("PUT", [1]), ("PUT", [2]), ("PUT", [3])]
    single = preview(rows, route.replace("BATCH", ""))
    assert [(line["method"], [r["line"] for r in line["records"]]) for line in single] == [
        ("POST", [1]), ("PUT", [1]), ("POST", [2]), ("PUT", [2]), ("PUT", [3])]
    for line in (merged[-1], single[-1]):
        assert [note for note in line["notes"] if "makes it" in note] == ["or signups.ndjson:1 makes it"]


def test_updates_are_not_folded_across_what_else_is_about_the_object(preview):
    rows = [{"k": "1", "v": 1}, {"k": "2", "v": 2}, {"k": "1", "gone": True}, {"k": "1", "v": 3},
            {"k": "1", "call": "Ana"}, {"k": "1", "v": 4}]
    lines = preview(rows, """
        - when: .gone
          operation: lead.delete
          match: {custom.cf_K: "{k}"}
          allow: [destroys]
        - when: .call
          operation: task.create
          link: {lead_id: {lead: {custom.cf_K: "{k}"}}}
          body: {_type: lead, text: "{call}"}
        - operation: lead.upsert
          match: {custom.cf_K: "{k}"}
          body: {custom.cf_V: "{v}"}
          batch: {algorithm: merge}
        """)
    assert [(line["method"], [r["line"] for r in line["records"]]) for line in lines] == [
        ("POST", [1]), ("POST", [2]), ("PUT", [1]), ("DELETE", [3]), ("POST", [4]), ("PUT", [2]),
        ("PUT", [4]), ("POST", [5]), ("PUT", [6])]


def test_rows_with_nothing_but_contacts_update_no_lead(preview):
    line, = preview([{"c": "Acme", "n": "Ana"}, {"c": "Acme", "n": "Bo"}], """
        - operation: lead.upsert
          match: {name: "{c}"}
          body: {url: "{url}"}
          on_create: {name: "{c}"}
          batch: {algorithm: nest, by: "{c}", into: contacts, child: {name: "{n}"}}
        """)
    assert line["body"] == {"name": "Acme", "contacts": [{"name": "Ana"}, {"name": "Bo"}]}
    assert any("goes to that lead by calls of its own" in note for note in line["notes"])


def test_files_share_no_call(closefeed, write):
    path = write([{"n": 1}, {"n": 2}], """
        - {method: POST, url: /my/things/, batch: {algorithm: array}}
        """, source="ndjson: {path: '*.ndjson'}")
    path.with_name("zz.ndjson").write_text('{"n": 3}\n', encoding="utf-8")
    lines = closefeed("preview", path, "--all", "--json").lines
    assert [line["body"] for line in lines] == [[{"n": 1}, {"n": 2}], [{"n": 3}]]


def test_people_see_the_same(closefeed, write):
    path = write([{"name": "Acme"}], '- {operation: lead.upsert, match: {name: "{name}"}}')
    result = closefeed("preview", path)
    assert result.code == 0
    assert f"PUT {BASE}/lead/<lead where name = Acme>/" in result.out
    assert "note: when a lead has name = Acme" in result.out
    assert "1 record, 0 rejected; nothing was sent" in result.err


def test_a_test_file_expects_what_is_shown(closefeed, write, tmp_path):
    path = write([], '- {operation: lead.upsert, match: {name: "{name}"}}')
    tests = tmp_path / "tests.yaml"
    tests.write_text("""
- record: {name: Acme}
  requests:
    - {method: POST, url: /lead/, body: {name: Acme}}
    - {method: PUT, url: "/lead/<lead where name = Acme>/", body: {name: Acme}}
- record: {}
  rejected: match
""", encoding="utf-8")
    assert closefeed("check", path, "--test", tests).code == 0
