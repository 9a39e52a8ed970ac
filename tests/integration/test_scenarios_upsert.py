"""Find or create: the same thing in any spelling, in any order, in any run, is made once.

The search of the sandbox is a minute behind, where a test does not say otherwise: what was just
made cannot be found there, as at Close.
"""

import json
import signal

import pytest
from harness import Pipelines, measure
from scenarios import (counts, emails, feed, field, rejects, run, searches, set_lag, writes)

COMPANIES = """
- operation: lead.upsert
  match: {name: "{company}"}
  body: {name: "{company}", description: "{about}"}
"""

PEOPLE = """
- name: company
  continue: true
  operation: lead.upsert
  match: {name: "{company}"}
  on_match: skip
  body: {name: "{company}"}
- name: person
  operation: contact.upsert
  match: {email: "{email}"}
  link: {lead_id: {lead: {name: "{company}"}}}
  body: {name: "{name}", emails: [{email: "{email}"}]}
"""


@pytest.fixture(name="sandbox")
def _sandbox(start_sandbox):
    return start_sandbox("--lag", "1m", "--no-rate-limit")


def exists(sandbox, path, body):
    """An object that search knows of."""
    set_lag(sandbox, 0)
    made = sandbox.post(path, body)
    return made


def test_what_is_not_there_is_made_and_what_is_there_is_updated(closefeed, pipeline, sandbox):
    old = exists(sandbox, "/lead/", {"name": "Acme", "description": "old"})
    path = pipeline([{"company": "Acme", "about": "new"}, {"company": "Bolt", "about": "made"}],
                    routes=COMPANIES)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    leads = {lead["name"]: lead for lead in sandbox.objects("lead")}
    assert set(leads) == {"Acme", "Bolt"}
    assert (leads["Acme"]["id"], leads["Acme"]["description"]) == (old["id"], "new")
    assert leads["Bolt"]["description"] == "made"


def test_the_same_records_again_make_nothing_and_ask_nothing(closefeed, pipeline, sandbox):
    records = [{"company": f"Company {i}", "about": "first"} for i in range(40)]
    path = pipeline(records, routes=COMPANIES)
    assert counts(run(closefeed, path)) == {"read": 40, "delivered": 40}
    asked = len(searches(sandbox))
    assert 1 <= asked <= 4  # many keys in one question
    feed(path, *[{**record, "about": "second"} for record in records])
    assert counts(run(closefeed, path)) == {"read": 40, "delivered": 40}
    assert len(searches(sandbox)) == asked  # the state remembers them, across a restart
    assert sorted(lead["name"] for lead in sandbox.objects("lead")) == sorted(
        record["company"] for record in records)
    assert {lead["description"] for lead in sandbox.objects("lead")} == {"second"}


def test_a_new_state_finds_by_search_what_another_one_made(closefeed, pipeline, sandbox):
    set_lag(sandbox, 0)
    path = pipeline([{"company": f"Company {i}", "about": "first"} for i in range(40)],
                    routes=COMPANIES)
    run(closefeed, path)
    assert counts(run(closefeed, path, 0, "--new-state")) == {"read": 40, "delivered": 40}
    assert len(sandbox.objects("lead")) == 40
    assert len([call for call in writes(sandbox, "/lead/") if call[0] == "POST"]) == 40


def test_an_email_in_three_spellings_is_one_contact(closefeed, pipeline, sandbox):
    path = pipeline([
        {"company": "Acme", "name": "Ana", "email": "ana.bell@acme.example"},
        {"company": "Acme", "name": "Ana B", "email": "Ana.Bell@Acme.Example"},
        {"company": "Acme ", "name": "Ana Bell", "email": "  ANA.BELL@acme.example "},
    ], routes=PEOPLE)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    contact, = sandbox.objects("contact")
    assert contact["name"] == "Ana Bell"
    assert len(sandbox.objects("lead")) == 1


@pytest.mark.parametrize("mind_case", ["folded", "case"])
def test_an_email_is_found_in_any_spelling_whatever_search_minds(
        closefeed, pipeline, sandbox, mind_case):
    sandbox.post("/_sandbox/settings", {"exact_value": mind_case})
    lead = exists(sandbox, "/lead/", {"name": "Acme"})
    made = sandbox.post("/contact/", {"lead_id": lead["id"], "name": "Ana",
                                      "emails": [{"email": "ana@acme.example"}]})
    path = pipeline([{"company": "Acme", "name": "Ana Bell", "email": "Ana@ACME.example"}],
                    routes=PEOPLE)
    run(closefeed, path)
    contact, = sandbox.objects("contact")
    assert (contact["id"], contact["name"]) == (made["id"], "Ana Bell")


def test_two_records_of_a_new_company_make_one_lead(closefeed, pipeline, sandbox):
    path = pipeline([{"company": "Acme", "about": str(i)} for i in range(6)], routes=COMPANIES)
    assert counts(run(closefeed, path)) == {"read": 6, "delivered": 6}
    lead, = sandbox.objects("lead")
    assert lead["description"] == "5"
    assert [(method, body["description"]) for method, _, body in writes(sandbox, "/lead/")] == [
        ("POST", "0"), ("PUT", "1"), ("PUT", "2"), ("PUT", "3"), ("PUT", "4"), ("PUT", "5")]


def test_updates_of_one_lead_keep_the_order_of_the_records(closefeed, pipeline, sandbox):
    ids = [exists(sandbox, "/lead/", {"name": f"Company {i}"})["id"] for i in range(5)]
    n = len(writes(sandbox))
    path = pipeline([{"company": f"Company {i}", "about": f"{i}-{turn}"}
                     for turn in range(3) for i in range(5)], routes=COMPANIES)
    assert counts(run(closefeed, path)) == {"read": 15, "delivered": 15}
    puts = writes(sandbox)[n:]
    for i, id_ in enumerate(ids):
        assert [body["description"] for method, path, body in puts if id_ in path] == [
            f"{i}-0", f"{i}-1", f"{i}-2"]


def test_a_lead_is_found_by_an_email_of_its_contact(closefeed, pipeline, sandbox):
    lead = exists(sandbox, "/lead/", {"name": "Acme", "contacts": [
        {"name": "Ana", "emails": [{"email": "ana@acme.example"}, {"email": "a@acme.example"}]}]})
    path = pipeline([{"email": "A@acme.example", "about": "found"},
                     {"email": "bo@bolt.example", "about": "made"},
                     {"email": "BO@bolt.example", "about": "found, too"}], routes="""
        - operation: lead.upsert
          match: {email: "{email}"}
          body:
            description: "{about}"
          on_create: {name: "{email}", contacts: [{emails: [{email: "{email}"}]}]}
        """)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    leads = {lead["id"]: lead["description"] for lead in sandbox.objects("lead")}
    assert leads.pop(lead["id"]) == "found"
    assert list(leads.values()) == ["found, too"]


@pytest.mark.parametrize("by, first, again", [
    ("phone", "+49 (30) 123-456", "+4930123456"),
    ("url", "https://www.Acme.example/", "acme.example"),
    ("name", "Ana Bell", " Ana Bell "),
])
def test_contacts_are_the_same_by_what_they_are_matched_by(
        closefeed, pipeline, sandbox, by, first, again):
    lead = sandbox.post("/lead/", {"name": "Acme"})
    body = {"phone": 'phones: [{phone: "{x}"}]', "url": 'urls: [{url: "{x}"}]',
            "name": 'name: "{x}"'}[by]
    path = pipeline([{"lead": lead["id"], "x": first, "t": "one"},
                     {"lead": lead["id"], "x": again, "t": "two"}], routes=f"""
        - operation: contact.upsert
          match: {{{by}: "{{x}}"}}
          body: {{lead_id: "{{lead}}", title: "{{t}}", {body}}}
        """)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    contact, = sandbox.objects("contact")
    assert contact["title"] == "two"


def test_names_differ_by_case_and_fields_of_one_map_must_all_fit(closefeed, pipeline, sandbox):
    set_lag(sandbox, 0)
    key = field(sandbox, "Region")
    exists(sandbox, "/lead/", {"name": "Acme", key: "EMEA"})
    path = pipeline([{"company": "ACME", "region": "EMEA"}, {"company": "Acme", "region": "APAC"},
                     {"company": "Acme", "region": "EMEA"}], routes="""
        - operation: lead.upsert
          match: {name: "{company}", custom.Region: "{region}"}
          body: {name: "{company}", description: "seen"}
        """)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    assert sorted((lead["name"], lead[key], lead["description"])
                  for lead in sandbox.objects("lead")) == [
        ("ACME", "EMEA", "seen"), ("Acme", "APAC", "seen"), ("Acme", "EMEA", "seen")]


def test_maps_are_tried_in_their_order_and_one_without_a_value_is_passed_over(
        closefeed, pipeline, sandbox):
    set_lag(sandbox, 0)
    key = field(sandbox, "Account ID")
    by_key = exists(sandbox, "/lead/", {"name": "Acme", key: "A-1"})
    by_name = sandbox.post("/lead/", {"name": "Bolt"})
    path = pipeline([{"account": "A-1", "company": "Bolt", "about": "by its number"},
                     {"account": None, "company": "Bolt", "about": "by its name"},
                     {"account": "", "company": "  "}, {"other": 1}], routes="""
        - operation: lead.upsert
          match:
            - {custom.Account ID: "{account}"}
            - {name: "{company}"}
          body: {description: "{about}"}
        """)
    assert counts(run(closefeed, path, 1)) == {"read": 4, "delivered": 2, "rejected": 2}
    leads = {lead["id"]: lead["description"] for lead in sandbox.objects("lead")}
    assert leads == {by_key["id"]: "by its number", by_name["id"]: "by its name"}
    assert [(line, what) for line, what, _ in rejects(closefeed, path)] == [
        (3, "match"), (4, "match")]


def test_several_that_fit_are_a_reject_or_the_oldest(closefeed, pipeline, sandbox):
    older = exists(sandbox, "/lead/", {"name": "Acme"})
    newer = sandbox.post("/lead/", {"name": "Acme"})
    path = pipeline([{"company": "Acme", "about": "x"}], routes=COMPANIES)
    assert counts(run(closefeed, path, 1)) == {"read": 1, "rejected": 1}
    (_, what, message), = rejects(closefeed, path)
    assert what == "match" and "2" in message and "Acme" in message
    path = pipeline([{"company": "Acme", "about": "x"}], name="oldest",
                    routes=COMPANIES + "  on_many: oldest\n")
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    assert [lead["description"] for lead in (sandbox.get(f"/lead/{older['id']}/"),
                                             sandbox.get(f"/lead/{newer['id']}/"))] == ["x", ""]


def test_on_match_skip_leaves_what_is_there_alone_and_says_so(closefeed, pipeline, sandbox):
    exists(sandbox, "/lead/", {"name": "Acme", "description": "ours"})
    n = len(writes(sandbox))
    path = pipeline([{"company": "Acme", "about": "x"}, {"company": "Bolt", "about": "y"},
                     {"company": "Bolt", "about": "z"}],
                    routes=COMPANIES + "  on_match: skip\n")
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 1, "skipped": 2}
    assert [(method, body["name"]) for method, _, body in writes(sandbox)[n:]
            if body and "name" in body] == [("POST", "Bolt")]
    told = {event["data"]["records"][0]["line"]: event for event in sandbox.hook_events()}
    assert {line: event["type"] for line, event in told.items()} == {
        1: "closefeed.skipped", 2: "closefeed.delivered", 3: "closefeed.skipped"}


@pytest.mark.parametrize("on_none, wanted, code", [
    ("reject", {"read": 2, "delivered": 1, "rejected": 1}, 1),
    ("skip", {"read": 2, "delivered": 1, "skipped": 1}, 0),
])
def test_an_update_by_match_says_what_happens_to_whom_nobody_knows(
        closefeed, pipeline, sandbox, on_none, wanted, code):
    exists(sandbox, "/lead/", {"name": "Acme"})
    path = pipeline([{"company": "Acme", "about": "x"}, {"company": "Bolt", "about": "y"}],
                    routes=f"""
        - operation: lead.update
          match: {{name: "{{company}}"}}
          on_none: {on_none}
          body: {{description: "{{about}}"}}
        """)
    assert counts(run(closefeed, path, code)) == wanted
    lead, = sandbox.objects("lead")
    assert lead["description"] == "x"
    assert [what for _, what, _ in rejects(closefeed, path)] == ["match"] * code


def test_what_only_a_create_or_only_an_update_brings(closefeed, pipeline, sandbox):
    old = exists(sandbox, "/lead/", {"name": "Acme", "url": "https://old.example"})
    n = len(writes(sandbox))
    path = pipeline([{"company": "Acme"}, {"company": "Bolt"}], routes="""
        - operation: lead.upsert
          match: {name: "{company}"}
          body: {name: "{company}", url: "https://new.example", date_created: "2020-01-02",
                 contacts: [{name: "Ana"}]}
          on_create: {description: "made by the feed"}
          on_update: {description: "seen again"}
          omit_on_update: [url]
        """)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    bodies = {method: body for method, _, body in writes(sandbox, "/lead/")[n:]}
    assert bodies["PUT"] == {"name": "Acme", "description": "seen again"}
    assert bodies["POST"] == {
        "name": "Bolt", "url": "https://new.example", "date_created": "2020-01-02",
        "contacts": [{"name": "Ana"}], "description": "made by the feed"}
    assert sandbox.get(f"/lead/{old['id']}/")["url"] == "https://old.example"


def test_skip_unchanged_writes_only_what_is_new(closefeed, pipeline, sandbox):
    routes = COMPANIES + "  skip_unchanged: true\n"
    path = pipeline([{"company": f"Company {i}", "about": "same"} for i in range(10)],
                    routes=routes)
    run(closefeed, path)
    n = len(writes(sandbox))
    feed(path, *[{"company": f"Company {i}", "about": "same"} for i in range(10)])
    assert counts(run(closefeed, path)) == {"read": 10, "skipped": 10}
    assert writes(sandbox)[n:] == []
    feed(path, *[{"company": "Company 3", "about": about} for about in ("other", "other", "same")])
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 2, "skipped": 1}
    assert [body["description"] for _, _, body in writes(sandbox)[n:]] == ["other", "same"]


def test_a_lead_that_was_deleted_is_made_again_once(closefeed, pipeline, sandbox):
    set_lag(sandbox, 0)
    path = pipeline([{"company": "Acme", "about": "first"}], routes=COMPANIES)
    run(closefeed, path)
    first, = sandbox.objects("lead")
    assert sandbox.ask("DELETE", f"/lead/{first['id']}/")[0] in (200, 204)
    feed(path, *[{"company": "Acme", "about": text} for text in ("second", "third", "fourth")])
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    lead, = sandbox.objects("lead")
    assert lead["id"] != first["id"] and lead["description"] == "fourth"
    assert len([call for call in writes(sandbox, "/lead/") if call[0] == "POST"]) == 2
    feed(path, {"company": "Acme", "about": "fifth"})
    run(closefeed, path)
    assert [lead["description"] for lead in sandbox.objects("lead")] == ["fifth"]


def test_a_custom_field_that_is_matched_is_written_by_the_create(closefeed, pipeline, sandbox):
    key = field(sandbox, "Account ID")
    routes = """
        - operation: lead.upsert
          match: {custom.Account ID: "{account}"}
          body: {name: "{company}"}
        """
    path = pipeline([{"account": "A-1", "company": "Acme"}], routes=routes)
    run(closefeed, path)
    lead, = sandbox.objects("lead")
    assert (lead["name"], lead[key]) == ("Acme", "A-1")
    set_lag(sandbox, 0)
    feed(path, {"account": "A-1", "company": "Acme GmbH"})
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    assert [lead["name"] for lead in sandbox.objects("lead")] == ["Acme GmbH"]


def test_a_create_by_match_whose_answer_is_lost_is_proven_and_not_repeated(
        closefeed, pipeline, sandbox):
    """The match on a custom field is the identity: no second key is needed."""
    key = field(sandbox, "Account ID")
    set_lag(sandbox, 0)
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=1)
    path = pipeline([{"account": f"A-{i}", "company": f"Company {i}"} for i in range(4)], routes="""
        - operation: lead.upsert
          match: {custom.Account ID: "{account}"}
          body: {name: "{company}"}
        """)
    assert counts(run(closefeed, path)) == {"read": 4, "delivered": 4}
    assert sorted(lead[key] for lead in sandbox.objects("lead")) == ["A-0", "A-1", "A-2", "A-3"]


def test_people_of_a_new_lead_are_known_without_search(closefeed, pipeline, sandbox):
    """A lead's answer brings its contacts: they are remembered, too."""
    path = pipeline([
        {"kind": "lead", "company": "Acme", "email": "ana@acme.example"},
        {"kind": "person", "email": "Ana@acme.example", "title": "Buyer"},
    ], routes="""
        - when: .kind == "lead"
          operation: lead.create
          body: {name: "{company}", contacts: [{emails: [{email: "{email}"}]}]}
        - operation: contact.upsert
          match: {email: "{email}"}
          body: {title: "{title}"}
          on_create: {emails: [{email: "{email}"}]}
        """)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    contact, = sandbox.objects("contact")
    assert (contact["title"], emails(contact)) == ("Buyer", ["ana@acme.example"])
    assert len(sandbox.objects("lead")) == 1


def test_opportunities_and_custom_objects_are_upserted_too(closefeed, pipeline, sandbox):
    lead = sandbox.post("/lead/", {"name": "Acme"})["id"]
    deal = field(sandbox, "Deal", kind="opportunity")
    machines = sandbox.post("/custom_object_type/", {"name": "Machine", "name_plural": "Machines"})
    type_ = machines["id"]
    serial = field(sandbox, "Serial", kind="custom_object_type", custom_object_type_id=type_)
    path = pipeline([{"kind": "deal", "key": "D-1", "n": 1}, {"kind": "deal", "key": "D-1", "n": 2},
                     {"kind": "machine", "key": "S-1", "n": 1},
                     {"kind": "machine", "key": "S-1", "n": 2}], routes=f"""
        - when: .kind == "deal"
          operation: opportunity.upsert
          match: {{custom.Deal: "{{key}}"}}
          body: {{lead_id: "{lead}", value: "{{n|cents}}"}}
        - operation: custom_object.upsert
          match: {{{serial}: "{{key}}"}}
          body: {{custom_object_type_id: "{type_}", lead_id: "{lead}", name: "Machine {{n}}"}}
        """)
    assert counts(run(closefeed, path)) == {"read": 4, "delivered": 4}
    opportunity, = sandbox.objects("opportunity")
    assert (opportunity["value"], opportunity[deal]) == (200, "D-1")
    machine, = sandbox.objects("custom_object")
    assert (machine["name"], machine[serial]) == ("Machine 2", "S-1")


def test_a_search_that_dies_between_its_pages_is_asked_anew(closefeed, start_sandbox, tmp_path):
    def searched(attempt):
        """Unless all records are read in time to be asked about in one question."""
        sandbox = start_sandbox("--lag", "0", "--no-rate-limit")
        for i in range(230):
            sandbox.post("/lead/", {"name": f"Company {i}"})
        sandbox.add_fault("status", path="/data/search/", n=2, status=400,
                          body=json.dumps({"field-errors": {"cursor": "Expired cursor"}}))
        path = Pipelines(tmp_path, sandbox)(
            [{"company": f"Company {i}", "about": "x"} for i in range(230)], routes=COMPANIES,
            name=f"n{attempt}")
        assert counts(run(closefeed, path)) == {"read": 230, "delivered": 230}
        assert len(sandbox.objects("lead")) == 230
        asked = len(searches(sandbox))
        return asked != 4 and asked  # two pages, the second of which died, twice

    measure(searched)


def test_a_key_that_an_update_brings_is_known_to_the_next_record(closefeed, pipeline, sandbox):
    """Renamed by one record, meant under the new name by the next: no twin."""
    exists(sandbox, "/lead/", {"name": "Acme"})
    path = pipeline([{"was": "Acme", "name": "Acme GmbH"}, {"was": "Acme GmbH", "name": "Acme AG"},
                     {"was": "Acme AG", "name": "Acme SE"}], routes="""
        - operation: lead.upsert
          match: {name: "{was}"}
          body: {name: "{name}"}
        """)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    assert [lead["name"] for lead in sandbox.objects("lead")] == ["Acme SE"]


def test_an_address_that_an_update_adds_is_known_to_the_next_record(closefeed, pipeline, sandbox):
    lead = exists(sandbox, "/lead/", {"name": "Acme"})["id"]
    sandbox.post("/contact/", {"lead_id": lead, "emails": [{"email": "ana@acme.example"}]})
    path = pipeline([{"email": "ana@acme.example", "also": "ana@home.example"},
                     {"email": "Ana@home.example", "also": "ana@acme.example"}], routes=f"""
        - operation: contact.upsert
          match: {{email: "{{email}}"}}
          lists: {{emails: append}}
          body: {{lead_id: "{lead}", emails: [{{email: "{{email}}"}}, {{email: "{{also}}"}}]}}
        """)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 1, "skipped": 1}
    contact, = sandbox.objects("contact")
    assert emails(contact) == ["ana@acme.example", "ana@home.example"]


def test_preview_shows_both_ways_of_an_upsert(closefeed, pipeline, sandbox):
    path = pipeline([{"company": "Acme", "about": "x"}],
                    routes=COMPANIES + "  omit_on_update: [name]\n")
    shown = closefeed("preview", path, "--json").lines
    assert [(line["method"], line["body"]) for line in shown] == [
        ("POST", {"name": "Acme", "description": "x"}), ("PUT", {"description": "x"})]
    assert "Acme" in shown[1]["url"] + json.dumps(shown[1]["notes"])
    assert sandbox.requests() == []


NUMBERED = """
- operation: contact.upsert
  match: [{%(no)s: "{no}"}, {email: "{email}"}]
  on_create: {lead_id: "%(lead)s"}
  body: {name: "{name}", %(no)s: "{no}", emails: [{email: "{email}"}]}
"""


def test_an_email_that_an_earlier_record_takes_away_finds_nobody(closefeed, pipeline, sandbox):
    """Else the record of another person would be written over the first one's."""
    names = {"no": field(sandbox, "No", "contact"),
             "lead": sandbox.post("/lead/", {"name": "Base"})["id"]}
    path = pipeline([{"no": "1", "name": "Ana", "email": "sales@x.example"},
                     {"no": "1", "name": "Ana", "email": "ana@x.example"},
                     {"no": "2", "name": "Bo", "email": "sales@x.example"}],
                    routes=NUMBERED % names)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    assert [(contact["name"], emails(contact)) for contact in sandbox.objects("contact")] == [
        ("Ana", ["ana@x.example"]), ("Bo", ["sales@x.example"])]


RENAMED = """
- when: .text == null
  operation: lead.upsert
  match: {name: "{was}"}
  body: {name: "{name}", description: "{about}"}
- operation: activity.note.create
  link: {lead_id: {lead: {name: "{name}"}}}
  body: {note: "{text}"}
"""


def test_a_name_that_an_earlier_record_takes_away_finds_nobody(closefeed, pipeline, sandbox):
    path = pipeline([{"was": "One", "name": "One", "about": "the old one"},
                     {"was": "One", "name": "Uno", "about": "renamed"},
                     {"was": "One", "name": "One", "about": "another"},
                     {"name": "One", "text": "to another"},
                     {"name": "Uno", "text": "to the old one"}], routes=RENAMED)
    assert counts(run(closefeed, path)) == {"read": 5, "delivered": 5}
    leads = {lead["name"]: (lead["description"], lead["id"]) for lead in sandbox.objects("lead")}
    assert {name: about for name, (about, _) in leads.items()} == {
        "Uno": "renamed", "One": "another"}
    assert {(note["note"], note["lead_id"]) for note in sandbox.objects("activity/note")} == {
        ("to another", leads["One"][1]), ("to the old one", leads["Uno"][1])}


def test_a_link_by_a_name_that_is_taken_away_is_rejected(closefeed, pipeline, sandbox):
    path = pipeline([{"was": "One", "name": "One"}], routes=RENAMED)
    run(closefeed, path)
    feed(path, {"was": "One", "name": "Uno"}, {"name": "One", "text": "to nobody"},
         {"name": "Uno", "text": "to Uno"})
    assert counts(run(closefeed, path, 1)) == {"read": 3, "delivered": 2, "rejected": 1}
    assert [(line, kind) for line, kind, _ in rejects(closefeed, path)] == [(3, "link")]
    assert [note["note"] for note in sandbox.objects("activity/note")] == ["to Uno"]


LEADS_BY_EMAIL = """
- when: .no != null
  operation: contact.update
  match: {%s: "{no}"}
  body: {emails: [{email: "{email}"}]}
- operation: lead.update
  match: {email: "{email}"}
  on_none: skip
  body: {description: "{about}"}
"""


def test_a_lead_is_not_found_by_an_email_its_contact_loses(closefeed, pipeline, sandbox):
    set_lag(sandbox, 0)
    number = field(sandbox, "No", "contact")
    lead = exists(sandbox, "/lead/", {"name": "Acme"})["id"]
    exists(sandbox, "/contact/", {"lead_id": lead, "name": "Ana", number: "1",
                                  "emails": [{"email": "old@x.example"}]})
    path = pipeline([{"email": "old@x.example", "about": "before"}],
                    routes=LEADS_BY_EMAIL % number)
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    feed(path, {"no": "1", "email": "new@x.example"}, {"email": "old@x.example", "about": "lost"})
    summary = counts(closefeed("run", path, "--json").summary)
    assert summary == {"read": 2, "delivered": 1, "skipped": 1}, rejects(closefeed, path)
    assert sandbox.objects("lead")[0]["description"] == "before"


MERGED = """
- operation: contact.upsert
  match: {email: "{email}"}
  batch: {algorithm: merge, wait: 10s}
  on_create: {lead_id: "%s"}
  body: {title: "{title}", emails: [{email: "{email}"}]}
"""


def test_changes_that_keep_what_they_are_found_by_still_fold(closefeed, pipeline, sandbox):
    lead = sandbox.post("/lead/", {"name": "Base"})["id"]
    path = pipeline([{"email": "a@x.example", "title": "0"}], routes=MERGED % lead)
    run(closefeed, path)
    sent = len(writes(sandbox))
    feed(path, *[{"email": "A@x.example", "title": str(i)} for i in range(1, 30)])
    assert counts(run(closefeed, path)) == {"read": 29, "delivered": 29}
    assert len(writes(sandbox)) == sent + 1
    assert sandbox.objects("contact")[0]["title"] == "29"


def test_what_is_made_without_what_it_is_looked_for_by_is_found_again(
        closefeed, pipeline, sandbox):
    """The body writes no e-mail: the state remembers whom it made for which."""
    lead = sandbox.post("/lead/", {"name": "Acme"})["id"]
    records = [{"email": "ana@x.example", "name": "Ana", "lead": lead},
               {"email": "ANA@x.example", "name": "Ana B", "lead": lead}]
    path = pipeline(records, routes="""
- operation: contact.upsert
  match: {email: "{email}"}
  on_create: {lead_id: "{lead}"}
  body: {name: "{name}"}
""")
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    feed(path, {"email": "ana@x.example", "name": "Ana C", "lead": lead})
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    assert [contact["name"] for contact in sandbox.objects("contact")] == ["Ana C"]


BY_PHONE = """
- operation: contact.upsert
  match: {phone: "{phone}"}
  body: {lead_id: "{lead}", name: "{name}", phones: [{phone: "{phone}"}]}
"""


def phones(contact):
    return [item["phone"] for item in contact["phones"]]


def test_a_number_without_its_country_is_one_contact_in_a_file_and_in_later_runs(
        closefeed, pipeline, sandbox):
    """Close shows "+16505551234" for it, and its search will not find what was written."""
    lead = exists(sandbox, "/lead/", {"name": "Acme"})["id"]
    set_lag(sandbox, 60000)
    path = pipeline([{"lead": lead, "phone": phone, "name": str(i)} for i, phone in enumerate(
        ["650-555-1234", "(650) 555-1234", "650.555.1234"])], routes=BY_PHONE)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    contact, = sandbox.objects("contact")
    assert (contact["name"], phones(contact)) == ("2", ["+16505551234"])
    for i, phone in enumerate(["650-555-1234", "6505551234", "+1 (650) 555-1234"]):
        feed(path, {"lead": lead, "phone": phone, "name": f"again {i}"})
        assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
        contact, = sandbox.objects("contact")
        assert contact["name"] == f"again {i}"


def test_of_what_close_ignores_nothing_is_learned(closefeed, pipeline, sandbox):
    """It answers the update of a lead with the contacts that are there, whatever was sent."""
    lead = exists(sandbox, "/lead/", {"name": "Acme", "contacts": [
        {"name": "Ana", "phones": [{"phone": "+16505551234"}]}]})["id"]
    path = pipeline([{"lead": lead, "phone": "555-1234", "name": "Bo"}], routes=f"""
- operation: lead.update
  continue: true
  params: {{id: "{{lead}}"}}
  body: {{description: x, contacts: [{{name: Bo, phones: [{{phone: "{{phone}}"}}]}}]}}
{BY_PHONE.strip()}""")
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    assert sorted((one["name"], *phones(one)) for one in sandbox.objects("contact")) == [
        ("Ana", "+16505551234"), ("Bo", "+15551234")]


def test_numbers_that_only_end_alike_are_other_contacts(closefeed, pipeline, sandbox):
    lead = exists(sandbox, "/lead/", {"name": "Acme"})["id"]
    numbers = ["650-555-1234", "415-555-1234", "+44 650 555 1234", "555-1234", "+49 555 1234"]
    records = [{"lead": lead, "phone": phone, "name": phone} for phone in numbers]
    path = pipeline(records, routes=BY_PHONE)
    assert counts(run(closefeed, path)) == {"read": 5, "delivered": 5}
    feed(path, *records)
    assert counts(run(closefeed, path)) == {"read": 5, "delivered": 5}
    assert sorted((one["name"], *phones(one)) for one in sandbox.objects("contact")) == sorted([
        ("650-555-1234", "+16505551234"), ("415-555-1234", "+14155551234"),
        ("+44 650 555 1234", "+446505551234"), ("555-1234", "+15551234"),
        ("+49 555 1234", "+495551234")])


def test_a_number_without_its_country_is_searched_for_as_close_has_shown_it(
        closefeed, pipeline, sandbox):
    set_lag(sandbox, 0)
    lead = sandbox.post("/lead/", {"name": "Acme"})["id"]
    path = pipeline([{"lead": lead, "phone": "650-555-1234", "name": "Ana"}], routes=BY_PHONE)
    run(closefeed, path)
    sandbox.ask("DELETE", f"/contact/{sandbox.objects('contact')[0]['id']}/")
    other = sandbox.post("/contact/", {"lead_id": lead, "name": "Her colleague",
                                       "phones": [{"phone": "+16505551234"}]})["id"]
    feed(path, {"lead": lead, "phone": "(650) 555 1234", "name": "Ana Bell"})
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    contact, = sandbox.objects("contact")
    assert (contact["id"], contact["name"]) == (other, "Ana Bell")


def test_a_number_a_contact_has_no_more_does_not_find_it(closefeed, pipeline, sandbox):
    lead = exists(sandbox, "/lead/", {"name": "Acme"})["id"]
    path = pipeline([{"lead": lead, "phone": "650-555-1234", "name": "Ana"}], routes="""
- when: .now
  operation: contact.update
  match: {name: "{whose}"}
  body: {phones: [{phone: "{now}"}]}
""" + BY_PHONE.lstrip())
    run(closefeed, path)
    feed(path, {"whose": "Ana", "now": "415-555-0100"})
    feed(path, {"lead": lead, "phone": "650-555-1234", "name": "Bo"})
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    assert sorted((one["name"], *phones(one)) for one in sandbox.objects("contact")) == [
        ("Ana", "+14155550100"), ("Bo", "+16505551234")]


def test_what_links_by_a_number_finds_it_as_it_was_written(closefeed, pipeline, sandbox):
    lead = exists(sandbox, "/lead/", {"name": "Acme"})["id"]
    path = pipeline([{"lead": lead, "phone": "650-555-1234", "name": "Ana"},
                     {"of": "(650) 555-1234", "note": "called"}], routes="""
- when: .phone
  operation: contact.create
  body: {lead_id: "{lead}", name: "{name}", phones: [{phone: "{phone}"}]}
- operation: activity.note.create
  link: {contact_id: {contact: {phone: "{of}"}}, lead_id: {contact: {phone: "{of}"}}}
  body: {note: "{note}"}
""")
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    feed(path, {"of": "6505551234", "note": "again"})
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    contact, = sandbox.objects("contact")
    assert [note["contact_id"] for note in sandbox.objects("activity.note")] == [contact["id"]] * 2


def test_what_was_made_for_a_value_that_its_body_does_not_write_is_found_by_it(
        closefeed, pipeline, sandbox):
    lead = exists(sandbox, "/lead/", {"name": "Acme"})["id"]
    record = {"lead": lead, "email": "ana@home.example", "work": "ana@acme.example"}
    path = pipeline([record, record], routes="""
- operation: contact.upsert
  match: {email: "{email}"}
  body: {lead_id: "{lead}", emails: [{email: "{work}"}]}
""")
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    feed(path, record)
    run(closefeed, path)
    contact, = sandbox.objects("contact")
    assert emails(contact) == ["ana@acme.example"]


@pytest.mark.parametrize("point", ["answer_came:1", "outcome_durable:1", "answer_came:2"])
def test_a_number_without_its_country_is_one_contact_after_a_kill(
        closefeed, pipeline, sandbox, point):
    """The first record is a create that only memory can find: by its identity it is proven."""
    lead = exists(sandbox, "/lead/", {"name": "Acme"})["id"]
    key = field(sandbox, "Key", kind="contact")
    path = pipeline([{"lead": lead, "phone": "650-555-1234", "name": name, "id": name}
                     for name in ("Ana", "Ana Bell")], routes=BY_PHONE + f"""
  identity: {{{key}: "{{id}}"}}
""")
    process = closefeed.start("run", path, env={"CLOSEFEED_KILL_AT": point})
    _, err = process.communicate(timeout=180)
    assert process.returncode == -signal.SIGKILL, err.decode()
    set_lag(sandbox, 0)
    run(closefeed, path)
    contact, = sandbox.objects("contact")
    assert (contact["name"], phones(contact)) == ("Ana Bell", ["+16505551234"])


def test_two_contacts_with_the_number_that_is_meant_are_many(closefeed, pipeline, sandbox):
    lead = exists(sandbox, "/lead/", {"name": "Acme"})["id"]
    path = pipeline([{"lead": lead, "phone": "650-555-1234", "name": "Ana"},
                     {"lead": lead, "also": "+1 650 555 1234", "name": "Bo"}], routes="""
- when: .also
  operation: contact.create
  body: {lead_id: "{lead}", name: "{name}", phones: [{phone: "{also}"}]}
""" + BY_PHONE.lstrip())
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    feed(path, {"lead": lead, "phone": "650-555-1234", "name": "Who?"})
    assert counts(run(closefeed, path, 1)) == {"read": 1, "rejected": 1}
    (line, reject, message), = rejects(closefeed, path)
    assert (line, reject) == (3, "match") and "2 contacts" in message
    assert sorted(one["name"] for one in sandbox.objects("contact")) == ["Ana", "Bo"]
