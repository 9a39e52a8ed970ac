"""Links: whose id a record means, in its body and in its URL, and who waits for whom."""

import pytest
from scenarios import counts, feed, field, rejects, run, set_lag, writes

FAMILY = """
- name: lead
  when: .kind == "lead"
  operation: lead.create
  body: {name: "{company}", url: "{url}"}
- name: contact
  when: .kind == "contact"
  operation: contact.create
  link: {lead_id: {lead: {name: "{company}"}}}
  body: {name: "{name}", emails: [{email: "{email}"}]}
- name: note
  when: .kind == "note"
  operation: activity.note.create
  link:
    lead_id: {contact: {email: "{email}"}}
    contact_id: {contact: {email: "{email}"}}
  body: {note: "{text}"}
"""

NOTE = """
- operation: activity.note.create
  link:
    lead_id: {lead: {name: "{company}"}}
    %s
  body: {note: "{text}"}
"""


@pytest.fixture(name="sandbox")
def _sandbox(start_sandbox):
    return start_sandbox("--lag", "1m", "--no-rate-limit")


def lead_of(sandbox, name="Acme"):
    """A lead that search knows."""
    set_lag(sandbox, 0)
    return sandbox.post("/lead/", {"name": name})["id"]


def family(company, url="https://example.com"):
    email = f"ana@{company.lower()}.example"
    return [{"kind": "lead", "company": company, "url": url},
            {"kind": "contact", "company": company, "name": "Ana", "email": email},
            {"kind": "note", "email": email.upper(), "text": f"about {company}"}]


def test_children_wait_for_the_parents_before_them(closefeed, pipeline, sandbox):
    records = [record for i in range(20) for record in family(f"Company{i}")]
    path = pipeline(records, routes=FAMILY)
    assert counts(run(closefeed, path)) == {"read": 60, "delivered": 60}
    leads = {lead["id"]: lead["name"] for lead in sandbox.objects("lead")}
    people = {contact["id"]: contact["lead_id"] for contact in sandbox.objects("contact")}
    assert len(leads) == len(people) == 20
    for note in sandbox.objects("activity/note"):
        assert note["note"] == f"about {leads[note['lead_id']]}"
        assert people[note["contact_id"]] == note["lead_id"]


def test_children_of_a_rejected_parent_are_rejected_and_retried_with_it(
        closefeed, pipeline, sandbox):
    path = pipeline([*family("Acme", url=7), *family("Bolt")], routes=FAMILY)
    assert counts(run(closefeed, path, 1)) == {"read": 6, "delivered": 3, "rejected": 3}
    listed = rejects(closefeed, path)
    assert [(line, what) for line, what, _ in listed] == [
        (1, "validation"), (2, "parent_rejected"), (3, "parent_rejected")]
    assert "reject 1" in listed[1][2] and "Acme" in listed[1][2]
    assert [lead["name"] for lead in sandbox.objects("lead")] == ["Bolt"]
    path.write_text(path.read_text().replace('url: "{url}"', 'url: "https://{company}.example"'))
    again = closefeed("rejects", "retry", path, "--all")
    assert again.code == 0, again.out + again.err
    lead = next(lead for lead in sandbox.objects("lead") if lead["name"] == "Acme")
    contact = next(one for one in sandbox.objects("contact") if one["lead_id"] == lead["id"])
    note = next(one for one in sandbox.objects("activity/note") if one["note"] == "about Acme")
    assert (note["lead_id"], note["contact_id"]) == (lead["id"], contact["id"])
    assert len(sandbox.objects("lead")) == len(sandbox.objects("contact")) == 2
    assert rejects(closefeed, path) == []


def test_a_child_that_comes_in_a_later_run_still_knows_of_the_rejected_parent(
        closefeed, pipeline, sandbox):
    records = family("Acme", url=7)
    path = pipeline(records[:1], routes=FAMILY)
    run(closefeed, path, 1)
    feed(path, records[1])
    assert counts(run(closefeed, path, 1)) == {"read": 1, "rejected": 1}
    assert [what for _, what, _ in rejects(closefeed, path)] == ["validation", "parent_rejected"]
    feed(path, {**records[0], "url": "https://acme.example"}, records[1])
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}


def test_whom_nobody_knows_is_the_default_a_skip_or_a_reject(closefeed, pipeline, sandbox):
    lead_of(sandbox)
    me, = sandbox.get("/user/")["data"]
    ben = sandbox.post("/_sandbox/users", {"email": "ben@sandbox.example", "first_name": "Ben",
                                           "last_name": "Okri"})["id"]
    records = [{"company": "Acme", "text": "Ben's", "owner": "BEN@sandbox.example"},
               {"company": "Acme", "text": "Zoe's", "owner": "zoe@sandbox.example"}]
    link = "user_id: {user: {email: \"{owner}\"}%s}"
    for name, more, code, left in (
            ("default", f", default: {me['id']}", 0, {"Ben's": ben, "Zoe's": me["id"]}),
            ("skip", ", on_none: skip", 0, {"Ben's": ben}),
            ("reject", "", 1, {"Ben's": ben})):
        n = len(sandbox.objects("activity/note"))
        path = pipeline(records, name=name, routes=NOTE % (link % more))
        summary = run(closefeed, path, code)
        assert summary["delivered"] == len(left) and summary["read"] == 2
        assert {note["note"]: note["user_id"]
                for note in sandbox.objects("activity/note")[n:]} == left
    (_, what, message), = rejects(closefeed, path)
    assert what == "link" and "zoe@sandbox.example" in message


def test_a_link_with_several_answers_or_without_a_value_is_rejected(closefeed, pipeline, sandbox):
    lead_of(sandbox)
    sandbox.post("/lead/", {"name": "Acme"})
    path = pipeline([{"company": "Acme", "text": "which?"}, {"company": " ", "text": "whose?"},
                     {"text": "whose?"}], routes=NOTE % "")
    assert counts(run(closefeed, path, 1)) == {"read": 3, "rejected": 3}
    listed = rejects(closefeed, path)
    assert [(line, what) for line, what, _ in listed] == [(1, "link"), (2, "link"), (3, "link")]
    assert "2" in listed[0][2]
    assert sandbox.objects("activity/note") == []


def test_things_with_names_are_linked_by_them(closefeed, pipeline, sandbox):
    set_lag(sandbox, 0)
    lead = sandbox.post("/lead/", {"name": "Acme"})["id"]
    sales = sandbox.post("/pipeline/", {"name": "Renewals", "statuses": [
        {"label": "Due", "type": "active"}]})
    visit = sandbox.post("/custom_activity/", {"name": "Site visit"})["id"]
    path = pipeline([{"company": "Acme", "stage": "Due", "pipe": "Renewals", "visit": "Site visit",
                      "status": "Qualified"}], routes="""
        - name: deal
          continue: true
          operation: opportunity.create
          link:
            lead_id: {lead: {name: "{company}"}}
            pipeline_id: {pipeline: {name: "{pipe}"}}
            status_id: {status.opportunity: {label: "{stage}"}}
          body: {value: 100}
        - name: visit
          continue: true
          operation: activity.custom.create
          link:
            lead_id: {lead: {name: "{company}"}}
            custom_activity_type_id: {custom_activity_type: {name: "{visit}"}}
          body: {status: draft}
        - name: status
          operation: lead.update
          link:
            id: {lead: {name: "{company}"}}
            status_id: {status.lead: {label: "{status}"}}
          body: {description: "{visit}"}
        """)
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    deal, = sandbox.objects("opportunity")
    assert (deal["lead_id"], deal["pipeline_id"], deal["status_id"]) == (
        lead, sales["id"], sales["statuses"][0]["id"])
    done, = sandbox.objects("activity/custom")
    assert (done["lead_id"], done["custom_activity_type_id"]) == (lead, visit)
    assert sandbox.get(f"/lead/{lead}/")["status_label"] == "Qualified"


def test_a_link_fills_the_url_and_waits_for_what_an_earlier_record_makes(
        closefeed, pipeline, sandbox):
    path = pipeline([
        {"step": "status", "label": "Imported"}, {"step": "lead", "company": "Acme"},
        {"step": "field", "name": "Feed key"},
        {"step": "change", "company": "Acme", "to": "Imported"},
        {"step": "rename", "name": "Feed key", "to": "Key of the feed"}], routes="""
        - when: .step == "status"
          operation: status.lead.create
          body: {label: "{label}"}
        - when: .step == "lead"
          operation: lead.create
          body: {name: "{company}"}
        - when: .step == "field"
          operation: custom_field.lead.create
          body: {name: "{name}", type: text}
        - when: .step == "change"
          operation: lead.update
          link:
            id: {lead: {name: "{company}"}}
            status_id: {status.lead: {label: "{to}"}}
          body: {description: "{to}"}
        - when: .step == "rename"
          operation: custom_field.lead.update
          link: {id: {custom_field.lead: {name: "{name}"}}}
          body: {name: "{to}"}
        """)
    assert counts(run(closefeed, path)) == {"read": 5, "delivered": 5}
    lead, = sandbox.objects("lead")
    assert sandbox.get(f"/lead/{lead['id']}/")["status_label"] == "Imported"
    assert [one["name"] for one in sandbox.get("/custom_field/lead/")["data"]] == [
        "Key of the feed"]


def test_a_value_never_makes_another_url(closefeed, pipeline, sandbox):
    """Braces, slashes and dots of a record are values, not places."""
    lead = lead_of(sandbox, "{id}/../")
    path = pipeline([{"company": "{id}/../", "text": "{id}"}], routes="""
        - operation: lead.update
          match: {name: "{company}"}
          body: {description: "{text}"}
        """)
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    assert sandbox.get(f"/lead/{lead}/")["description"] == "{id}"
    assert writes(sandbox)[-1][1] == f"/lead/{lead}/"


def test_ids_of_the_wrong_kind_are_no_links(closefeed, pipeline, sandbox):
    lead = lead_of(sandbox)
    path = pipeline([{"lead": lead, "text": "fits"}, {"lead": "cont_123", "text": "does not"}],
                    routes="""
        - operation: activity.note.create
          link: {lead_id: {lead: {id: "{lead}"}}}
          body: {note: "{text}"}
        """)
    assert counts(run(closefeed, path, 1)) == {"read": 2, "delivered": 1, "rejected": 1}
    assert [note["note"] for note in sandbox.objects("activity/note")] == ["fits"]


def test_a_link_by_a_custom_field_finds_the_text_as_it_is(closefeed, pipeline, sandbox):
    set_lag(sandbox, 0)
    key = field(sandbox, "Account ID")
    ids = {text: sandbox.post("/lead/", {"name": text, key: text})["id"]
           for text in ("00123", "123")}
    path = pipeline([{"account": "00123"}, {"account": "123"}, {"account": 123}], routes="""
        - operation: activity.note.create
          link: {lead_id: {lead: {custom.Account ID: "{account}"}}}
          body: {note: "{account|text}"}
        """)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    assert sorted(note["lead_id"] for note in sandbox.objects("activity/note")) == sorted(
        [ids["00123"], ids["123"], ids["123"]])


def test_a_killed_run_finishes_with_each_child_at_its_parent(closefeed, pipeline, sandbox):
    """What waits for a parent is read again, or taken from the state, and is sent once."""
    records = [record for i in range(30) for record in family(f"Company{i}")]
    path = pipeline(records, routes=FAMILY, close="concurrency: 2")
    sandbox.post("/_sandbox/settings", {"latency_ms": 15})
    process = closefeed.start("run", path)
    for seen in range(10):
        while len(writes(sandbox)) < 5 * (seen + 1) and process.poll() is None:
            pass
        process.kill()
        process.communicate()
        process = closefeed.start("run", path)
    process.communicate(timeout=300)
    assert process.returncode in (0, 1)
    leads = {lead["id"]: lead["name"] for lead in sandbox.objects("lead")}
    assert len(set(leads.values())) == len(leads)
    for note in sandbox.objects("activity/note"):
        assert note["note"] == f"about {leads[note['lead_id']]}"
    texts = [note["note"] for note in sandbox.objects("activity/note")]
    assert len(set(texts)) == len(texts)


def test_children_of_a_held_parent_wait_until_a_person_says_what_it_is(
        closefeed, pipeline, sandbox):
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=1)
    path = pipeline([*family("Acme"), *family("Bolt")], routes=FAMILY,
                    delivery="on_unknown: hold\nquarantine: 2s", close="concurrency: 1")
    summary = run(closefeed, path, 1)
    assert (summary["delivered"], summary["held"], summary["open"]) == (3, 1, 2)
    said = closefeed("status", path)
    assert "2 records wait" in said.out and "line 1" in said.out, said.out
    assert run(closefeed, path, 1)["open"] == 2  # and they still do after a restart
    id_ = closefeed("held", "list", path, "--json").json["held"][0]["id"]
    acme = next(lead for lead in sandbox.objects("lead") if lead["name"] == "Acme")["id"]
    done = closefeed("held", "resolve", path, id_, "--applied", acme)
    assert done.code == 0, done.err
    run(closefeed, path)
    assert len(sandbox.objects("lead")) == 2
    contact = next(one for one in sandbox.objects("contact") if one["lead_id"] == acme)
    assert [note["contact_id"] for note in sandbox.objects("activity/note")
            if note["lead_id"] == acme] == [contact["id"]]


TWO_NOTES = """
- when: .name
  operation: lead.create
  body: {name: "{name}"}
- continue: true
  operation: activity.note.create
  link: {lead_id: {lead: {name: "{of}"}}}
  body: {note: "{note}"}
- operation: activity.note.create
  link: {lead_id: {lead: {name: "{of}"}}}
  body: {note: "{note}, too"}
"""


def test_records_that_wait_are_counted_not_their_outputs(closefeed, pipeline, sandbox):
    for n in (1, 2):
        sandbox.add_fault("reset_after", method="POST", path="/lead/", n=n)
    path = pipeline([{"name": "Acme"}, {"of": "Acme", "note": "a"}, {"name": "Bolt"},
                     {"of": "Bolt", "note": "b"}, {"of": "Bolt", "note": "c"}],
                    routes=TWO_NOTES, delivery="on_unknown: hold", close="concurrency: 1")
    run(closefeed, path, 1)
    assert ("3 records wait for held lead.create of signups.ndjson line 1 and others"
            in closefeed("status", path).out)


OWN_PARENT = """
- name: lead
  continue: true
  operation: lead.upsert
  match: {name: "{company}"}
  body: {name: "{company}"}
- name: note
  operation: activity.note.create
  link: {lead_id: {lead: {name: "{company}"}}}
  body: {note: "{text}"}
"""


@pytest.mark.parametrize("decision", ["applied", "send", "give-up"])
def test_what_a_person_said_of_a_records_own_parent_is_how_it_ended(
        closefeed, pipeline, sandbox, decision):
    sandbox.add_fault("reset_after" if decision == "applied" else "reset_before", method="POST",
                      path="/lead/", n=1)
    path = pipeline([{"company": "Acme", "text": "Hello"}], delivery="on_unknown: hold",
                    routes=OWN_PARENT)
    assert counts(run(closefeed, path, 1)) == {"read": 1, "open": 1}
    id_ = closefeed("held", "list", path, "--json").json["held"][0]["id"]
    given = [sandbox.objects("lead")[0]["id"]] if decision == "applied" else []
    closefeed("held", "resolve", path, id_, f"--{decision}", *given)
    if decision == "give-up":
        assert counts(run(closefeed, path, 1)) == {"read": 1, "rejected": 1}
        assert len(rejects(closefeed, path)) == 2
        return
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    assert [note["note"] for note in sandbox.objects("activity/note")] == ["Hello"]


def test_children_of_a_parent_that_is_given_up_are_rejected(closefeed, pipeline, sandbox):
    sandbox.add_fault("reset_before", method="POST", path="/lead/", n=1)
    path = pipeline(family("Acme"), routes=FAMILY, delivery="on_unknown: hold\nquarantine: 2s")
    assert counts(run(closefeed, path, 1)) == {"read": 3, "held": 1, "open": 2}
    id_ = closefeed("held", "list", path, "--json").json["held"][0]["id"]
    closefeed("held", "resolve", path, id_, "--give-up")
    run(closefeed, path, 1)
    assert [what for _, what, _ in rejects(closefeed, path)] == [
        "given_up", "parent_rejected", "parent_rejected"]


def test_a_refused_change_takes_nobody_away_from_others(closefeed, pipeline, sandbox):
    """Ana was to get an address that is Bo's already: what links to that address means Bo."""
    lead = lead_of(sandbox)
    sandbox.post("/contact/", {"lead_id": lead, "emails": [{"email": "ana@acme.example"}]})
    bo = sandbox.post("/contact/", {"lead_id": lead, "emails": [{"email": "bo@acme.example"}]})
    path = pipeline([{"email": "ana@acme.example", "also": "bo@acme.example", "site": "none"},
                     {"email": "bo@acme.example", "text": "for Bo"}], routes=f"""
        - when: .also
          operation: contact.upsert
          match: {{email: "{{email}}"}}
          body:
            lead_id: "{lead}"
            emails: [{{email: "{{email}}"}}, {{email: "{{also}}"}}]
            urls: [{{url: "{{site}}"}}]
        - operation: activity.note.create
          link:
            lead_id: {{contact: {{email: "{{email}}"}}}}
            contact_id: {{contact: {{email: "{{email}}"}}}}
          body: {{note: "{{text}}"}}
        """)
    assert counts(run(closefeed, path, 1)) == {"read": 2, "delivered": 1, "rejected": 1}
    assert [(line, what) for line, what, _ in rejects(closefeed, path)] == [(1, "validation")]
    note, = sandbox.objects("activity/note")
    assert note["contact_id"] == bo["id"]


def test_sentences_name_fields_and_things_as_people_wrote_them(closefeed, pipeline, sandbox):
    """Not by ids and kinds of closefeed's own, and what is misspelt is told with what is near."""
    field(sandbox, "Account ID")
    field(sandbox, "Segment", kind="shared")
    records = [{"kind": "lead", "account": "A-1", "text": "bad"},
               {"kind": "note", "account": "A-1"},
               {"kind": "note", "account": "A-2"},
               {"kind": "status", "text": "Potentiel"},
               {"kind": "change", "account": "A-9"},
               {"kind": "made", "account": "A-5"},
               {"kind": "made", "account": "A-5"},
               {"kind": "shared", "text": "Segmnet"}]
    path = pipeline(records, routes="""
        - operation: lead.create
          when: .kind == "lead"
          body: {name: "x", custom.Account ID: "{account}", date_created: "{text}"}
        - operation: activity.note.create
          when: .kind == "note"
          link: {lead_id: {lead: {custom.Account ID: "{account}"}}}
          body: {note: "x"}
        - operation: lead.create
          when: .kind == "status"
          link: {status_id: {status.lead: {label: "{text}"}}}
          body: {name: "x"}
        - operation: lead.update
          when: .kind == "change"
          match: {custom.Account ID: "{account}"}
          body: {name: "x"}
        - operation: lead.create
          when: .kind == "made"
          identity: {custom.Account ID: "{account}"}
          body: {name: "x"}
        - operation: custom_field.shared.update
          when: .kind == "shared"
          link: {id: {custom_field.shared: {name: "{text}"}}}
          body: {name: "x"}
        """)
    run(closefeed, path, 1)
    told = {line: message for line, _, message in rejects(closefeed, path)}
    assert sorted(told) == [1, 2, 3, 4, 5, 7, 8]
    assert told[2].startswith("the lead with custom.Account ID = A-1 was to be made by the record "
                              f"of {path.stem}.ndjson line 1, which was rejected (reject 1)")
    assert told[3] == "there is no lead with custom.Account ID = A-2"
    assert told[4] == 'there is no lead status called "Potentiel": did you mean "Potential"?'
    assert told[5] == "there is no lead with custom.Account ID = A-9"
    assert told[7].startswith("custom.Account ID = A-5 is already the identity of ")
    assert told[8] == 'there is no shared custom field called "Segmnet": did you mean "Segment"?'
    assert "cf_" not in closefeed("rejects", "list", path, "--json").out


def test_a_retry_of_all_takes_parents_before_their_children(closefeed, pipeline, sandbox):
    """The child was rejected first, for it was never sent."""
    sandbox.add_fault("slow_body", path="/lead/", method="POST", bytes=20, ms=100)
    path = pipeline([{"company": "Acme", "url": ["no"]},
                     {"kind": "note", "company": "Acme", "text": {"no": "text"}}], routes="""
        - operation: lead.create
          when: .kind == null
          body: {name: "{company}", url: "{url}"}
        - operation: activity.note.create
          link: {lead_id: {lead: {name: "{company}"}}}
          body: {note: "{text|upper}"}
        """)
    assert counts(run(closefeed, path, 1)) == {"read": 2, "rejected": 2}
    path.write_text(path.read_text().replace(', url: "{url}"', "").replace("{text|upper}", "x"))
    assert closefeed("rejects", "retry", path, "--all").code == 0
    assert rejects(closefeed, path) == []
    assert [note["lead_id"] for note in sandbox.objects("activity/note")] == [
        sandbox.objects("lead")[0]["id"]]


def test_a_child_is_not_given_to_what_a_later_record_makes(closefeed, pipeline, sandbox):
    """Its own parent is rejected while one with the same name is made behind it."""
    account = field(sandbox, "Account")
    path = pipeline([{"account": "2", "about": 1}, {"account": "2", "about": 2},
                     {"account": "4", "about": "fine"}], routes=f"""
        - name: lead
          continue: true
          operation: lead.upsert
          match: {{{account}: "{{account}}"}}
          body: {{name: Two, description: "{{about}}"}}
        - name: note
          operation: activity.note.create
          link: {{lead_id: {{lead: {{name: Two}}}}}}
          body: {{note: "of {{account}}"}}
        """)
    run(closefeed, path, 1)
    assert [note["note"] for note in sandbox.objects("activity/note")] == ["of 4"]
    assert [(line, kind) for line, kind, _ in rejects(closefeed, path)] == [
        (1, "parent_rejected"), (1, "validation"), (2, "parent_rejected"), (2, "validation")]


def test_a_child_whose_first_parent_is_rejected_has_the_next_one(closefeed, pipeline, sandbox):
    """The second was made while the first, which Close refuses in the end, was on its way."""
    sandbox.add_fault("slow_body", path="/lead/", method="POST", n=1, bytes=20, ms=300)
    path = pipeline([{"company": "Two", "about": 1}, {"company": "Two", "about": "fine"},
                     {"company": "Two", "kind": "note"}], routes="""
        - operation: lead.create
          when: .kind == null
          body: {name: "{company}", description: "{about}"}
        - operation: activity.note.create
          link: {lead_id: {lead: {name: "{company}"}}}
          body: {note: x}
        """)
    assert counts(run(closefeed, path, 1)) == {"read": 3, "delivered": 2, "rejected": 1}
    assert [note["lead_id"] for note in sandbox.objects("activity/note")] == [
        lead["id"] for lead in sandbox.objects("lead")]


def test_a_lead_that_is_gone_is_looked_up_again_for_what_links_to_it(
        closefeed, pipeline, sandbox):
    """Found by memory, deleted at Close since: with and without a record that makes it anew."""
    path = pipeline([{"company": "Acme", "text": "first"}, {"company": "Bolt", "text": "first"}],
                    routes="""
- continue: true
  when: .text != "note"
  operation: lead.upsert
  match: {name: "{company}"}
  body: {name: "{company}"}
- operation: activity.note.create
  link: {lead_id: {lead: {name: "{company}"}}}
  body: {note: "{text}"}
""")
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    set_lag(sandbox, 0)
    for lead in sandbox.objects("lead"):
        sandbox.ask("DELETE", f"/lead/{lead['id']}/")
    feed(path, {"company": "Acme", "text": "made"}, {"company": "Acme", "text": "note"},
         {"company": "Bolt", "text": "note"})
    assert counts(run(closefeed, path, 1)) == {"read": 3, "delivered": 2, "rejected": 1}
    assert [(line, kind) for line, kind, _ in rejects(closefeed, path)] == [(5, "link")]
    acme, = sandbox.objects("lead")
    assert sorted(note["note"] for note in sandbox.objects("activity.note")
                  if note["lead_id"] == acme["id"]) == ["made", "note"]


ANA = """
- when: .name
  operation: contact.upsert
  match: {email: "{email}"}
  body: {lead_id: "{lead}", name: "{name}", emails: [{email: "{email}"}]}
- operation: %s
  link: {contact_id: {contact: {email: "{email}"}}}
  body: {lead_id: "{lead}", note: "{text}"}
"""


@pytest.mark.parametrize("child", ["activity.note.create", "opportunity.create"])
@pytest.mark.parametrize("together", [True, False])
def test_a_contact_that_may_not_be_linked_here_is_not_forgotten(
        closefeed, pipeline, sandbox, child, together):
    """Close says that it does not exist, for it is another lead's; search does not show it yet."""
    home, other = (sandbox.post("/lead/", {"name": name})["id"] for name in ("Home", "Other"))
    ana = {"email": "ana@x.example", "lead": home, "name": "Ana"}
    records = [ana, {"email": "ana@x.example", "lead": other, "text": "x"}, {**ana, "name": "Bea"}]
    path = pipeline(records if together else records[:1], routes=ANA % child)
    if together:
        assert counts(run(closefeed, path, 1)) == {"read": 3, "delivered": 2, "rejected": 1}
    else:
        run(closefeed, path)
        for code, record in enumerate(records[:0:-1]):
            feed(path, record)
            run(closefeed, path, code)
        feed(path, ana)
        run(closefeed, path)
    contact, = sandbox.objects("contact")
    assert contact["name"] == ("Bea" if together else "Ana")
    (_, reject, message), = rejects(closefeed, path)
    assert reject == "validation"
    assert message == (f"contact_id: Object does not exist. ({contact['id']} is there, and "
                       f"belongs to {home})")


def test_a_contact_that_is_gone_is_forgotten_when_close_says_so_of_itself(
        closefeed, pipeline, sandbox):
    """The note that meets it first makes room for another, and the next record makes one."""
    home = lead_of(sandbox, "Home")
    ana = {"email": "ana@x.example", "lead": home, "name": "Ana"}
    path = pipeline([ana], routes=ANA % "activity.note.create")
    run(closefeed, path)
    gone, = sandbox.objects("contact")
    sandbox.ask("DELETE", f"/contact/{gone['id']}/")
    feed(path, {**ana, "name": None, "text": "x"}, ana, {**ana, "name": None, "text": "y"})
    assert counts(run(closefeed, path, 1)) == {"read": 3, "delivered": 2, "rejected": 1}
    assert [(line, kind, message) for line, kind, message in rejects(closefeed, path)] == [
        (2, "link", "there is no contact with email = ana@x.example")]
    contact, = sandbox.objects("contact")
    assert contact["id"] != gone["id"]
    assert [note["contact_id"] for note in sandbox.objects("activity.note")] == [contact["id"]]


def test_a_merge_with_one_that_is_gone_does_not_forget_the_other(closefeed, pipeline, sandbox):
    """Close's 404 does not say which of the two it means."""
    path = pipeline([{"name": "Stays"}, {"name": "Goes"}], routes="""
- when: .name
  operation: lead.upsert
  match: {name: "{name}"}
  body: {name: "{name}"}
- operation: lead.merge
  allow: [mass, destroys]
  link: {source: {lead: {name: "{from}"}}, destination: {lead: {name: "{into}"}}}
  body: {}
""")
    run(closefeed, path)
    goes, = (lead["id"] for lead in sandbox.objects("lead") if lead["name"] == "Goes")
    sandbox.ask("DELETE", f"/lead/{goes}/")
    feed(path, {"from": "Goes", "into": "Stays"})
    run(closefeed, path, 1)
    assert [message for _, _, message in rejects(closefeed, path)] == [
        "there is no lead with name = Goes"]
    feed(path, {"name": "Stays"})
    run(closefeed, path)
    assert [lead["name"] for lead in sandbox.objects("lead")] == ["Stays"]
