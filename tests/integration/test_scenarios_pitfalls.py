"""What real integrations with Close stumbled over, one by one, and what closefeed does about it."""

import pytest
from scenarios import counts, emails, feed, field, rejects, run, set_lag, writes


@pytest.fixture(name="sandbox")
def _sandbox(start_sandbox):
    return start_sandbox("--lag", "0", "--no-rate-limit")


def by_name(sandbox, kind="lead"):
    return {one["name"]: one for one in sandbox.objects(kind)}


def test_no_orphan_lead_is_made_of_a_contact_that_nobody_knows(closefeed, pipeline, sandbox):
    """Close makes a lead of its own for a contact without one, and says 200."""
    lead = sandbox.post("/lead/", {"name": "Acme"})["id"]
    sandbox.post("/contact/", {"lead_id": lead, "name": "Ana",
                               "emails": [{"email": "ana@acme.example"}]})
    path = pipeline([{"email": "ana@acme.example", "title": "Buyer"},
                     {"email": "bo@acme.example", "title": "Seller"}], routes="""
        - operation: contact.upsert
          match: {email: "{email}"}
          body: {title: "{title}", emails: [{email: "{email}"}]}
        """)
    assert counts(run(closefeed, path, 1)) == {"read": 2, "delivered": 1, "rejected": 1}
    assert [(line, what) for line, what, _ in rejects(closefeed, path)] == [(2, "guard")]
    assert [one["title"] for one in sandbox.objects("contact")] == ["Buyer"]
    assert list(by_name(sandbox)) == ["Acme"]


def test_nested_custom_fields_erase_no_others(closefeed, pipeline, sandbox):
    """`custom: {…}` in a PUT makes Close forget every field it does not list."""
    score, region = field(sandbox, "Score", type="number"), field(sandbox, "Region")
    sandbox.post("/lead/", {"name": "Acme", score: 1, region: "EMEA"})
    path = pipeline([{"name": "Acme", "custom": {"Score": 2}}], routes="""
        - operation: lead.upsert
          match: {name: "{name}"}
        """)
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    acme = by_name(sandbox)["Acme"]
    assert (acme[score], acme[region]) == (2, "EMEA")


def test_addresses_are_added_not_replaced(closefeed, pipeline, sandbox):
    lead = sandbox.post("/lead/", {"name": "Acme"})["id"]
    contact = sandbox.post("/contact/", {"lead_id": lead, "name": "Ana", "emails": [
        {"email": "ana@acme.example"}]})["id"]
    path = pipeline([{"id": contact, "email": "ana@home.example"}], routes="""
        - operation: contact.update
          lists: {emails: append}
          body: {emails: [{email: "{email}"}]}
        """)
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    assert emails(sandbox.get(f"/contact/{contact}/")) == ["ana@acme.example", "ana@home.example"]


def test_a_renamed_status_goes_on_under_both_names(closefeed, pipeline, sandbox):
    """Labels are looked up, ids are sent: renaming one breaks no feed that runs."""
    status = sandbox.post("/status/lead/", {"label": "Inbound"})["id"]
    path = pipeline([{"company": "Acme", "status": "Inbound"}], routes="""
        - operation: lead.upsert
          match: {name: "{company}"}
          body: {name: "{company}", status: "{status}"}
        """)
    run(closefeed, path)
    sandbox.ask("PUT", f"/status/lead/{status}/", {"label": "Incoming"})
    feed(path, {"company": "Bolt", "status": "Incoming"})
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    assert {lead["status_id"] for lead in sandbox.objects("lead")} == {status}
    bodies = [body for _, where, body in writes(sandbox, "/lead/")]
    assert [body.get("status") for body in bodies] == [None, None]


@pytest.mark.parametrize("lag", ["0", "1m"])
def test_a_company_that_comes_twice_is_one_lead(closefeed, pipeline, sandbox, lag):
    """Search shows a new lead seconds later, so it cannot be asked about what was just made."""
    set_lag(sandbox, 0 if lag == "0" else 60000)
    path = pipeline([{"company": name} for name in ("Acme", "Bolt", "Acme", "Bolt", "Acme ")],
                    routes="""
        - operation: lead.upsert
          match: {name: "{company}"}
          body: {name: "{company|trim}"}
        """, close="concurrency: 8")
    assert counts(run(closefeed, path)) == {"read": 5, "delivered": 5}
    assert sorted(lead["name"] for lead in sandbox.objects("lead")) == ["Acme", "Bolt"]


def test_contacts_are_not_written_through_their_lead(closefeed, pipeline, sandbox):
    """Close ignores contacts in the PUT of a lead: closefeed leaves them out and says so."""
    sandbox.post("/_sandbox/settings", {"lead_contacts": "refused"})
    sandbox.post("/lead/", {"name": "Acme"})
    path = pipeline([{"name": "Acme", "contacts": [{"name": "Ana"}]},
                     {"name": "Bolt", "contacts": [{"name": "Bo"}]}], routes="""
        - operation: lead.upsert
          match: {name: "{name}"}
        """)
    shown = closefeed("preview", path, "--json").lines
    update = next(line for line in shown if line.get("method") == "PUT")
    assert "contacts" not in update["body"]
    assert any("contacts" in note for note in update["notes"])
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    assert [one["name"] for one in sandbox.objects("contact")] == ["Bo"]


def test_absent_null_and_empty_are_three_things(closefeed, pipeline, sandbox):
    key = field(sandbox, "Region")
    before = {"url": "https://old.example", "description": "old", key: "EMEA"}
    for name in ("sent", "omitted"):
        sandbox.post("/lead/", {"name": name, **before})
    absent, cleared = {"name": "sent"}, {"name": "sent", "url": None, "custom.Region": None}
    routes = """
        - operation: lead.upsert
          match: {name: "{name}"}
        """
    path = pipeline([absent], routes=routes)
    run(closefeed, path)
    assert {by_name(sandbox)["sent"].get(name) for name in before} == set(before.values())
    feed(path, cleared)
    run(closefeed, path)
    lead = by_name(sandbox)["sent"]
    assert (lead["url"], lead["description"], lead.get(key)) == (None, "old", None)
    path = pipeline([{"name": "omitted", "url": None, "description": "", "custom.Region": ""}],
                    name="omitted", routes=routes.rstrip() + """
          nulls: omit
          blanks: omit
        """)
    run(closefeed, path)
    lead = by_name(sandbox)["omitted"]
    assert {name: lead.get(name) for name in before} == before


def test_ids_of_digits_stay_text(closefeed, pipeline, sandbox):
    custom = field(sandbox, "Account ID")
    companies = [("00123", "Zeros"), ("123", "None"), ("1e2", "Letter"), ("100", "Sum"),
                 ("00123", "Zeros again")]
    path = pipeline([{"account": key, "company": name} for key, name in companies], routes="""
        - operation: lead.upsert
          match: {custom.Account ID: "{account}"}
          body: {name: "{company}"}
        """)
    assert counts(run(closefeed, path)) == {"read": 5, "delivered": 5}
    assert {lead[custom]: lead["name"] for lead in sandbox.objects("lead")} == {
        "00123": "Zeros again", "123": "None", "1e2": "Letter", "100": "Sum"}


def make_anew(sandbox, key, name):
    """Deletes a custom field and makes one of the same name; its new key in a body."""
    sandbox.ask("DELETE", f"/custom_field/lead/{key.removeprefix('custom.')}/")
    return field(sandbox, name)


UPSERT_BY_ACCOUNT = """
        - operation: lead.upsert
          match: {custom.Account ID: "{account}"}
          body: {name: "{company}"}
        """


def test_a_field_that_was_deleted_and_made_anew_is_looked_up_by_its_new_id(closefeed, pipeline,
                                                                           sandbox):
    old = field(sandbox, "Account ID")
    path = pipeline([{"account": "A-1", "company": "Acme"}], routes=UPSERT_BY_ACCOUNT)
    run(closefeed, path)
    new = make_anew(sandbox, old, "Account ID")
    bolt = sandbox.post("/lead/", {"name": "Bolt", new: "A-2"})["id"]
    feed(path, *({"account": f"A-{i}", "company": name}
                 for i, name in ((2, "Bolt GmbH"), (3, "Cyan"), (2, "Bolt AG"))))
    before = len(sandbox.requests("GET"))
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    assert sandbox.get(f"/lead/{bolt}/")["name"] == "Bolt AG"
    assert sorted(lead["name"] for lead in sandbox.objects("lead")) == ["Acme", "Bolt AG", "Cyan"]
    assert by_name(sandbox)["Cyan"][new] == "A-3"
    assert [call["path"] for call in sandbox.requests("GET")[before:]
            if "custom" in call["path"]] == ["/custom_field_schema/lead/"]


def test_what_was_remembered_under_the_old_field_hides_no_object(closefeed, pipeline, sandbox):
    """Another lead has the value in the new field; that is the one that is meant."""
    old = field(sandbox, "Account ID")
    routes = UPSERT_BY_ACCOUNT.replace('"{company}"', '"{company}", custom.Account ID: "{account}"')
    path = pipeline([{"account": "A-1", "company": "Acme"}], routes=routes)
    run(closefeed, path)
    new = make_anew(sandbox, old, "Account ID")
    sandbox.post("/lead/", {"name": "Acme of now", new: "A-1"})
    feed(path, {"account": "A-1", "company": "Acme GmbH"})
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    assert sorted(by_name(sandbox)) == ["Acme", "Acme GmbH"]


def test_a_field_that_is_gone_is_told_in_close_s_words(closefeed, pipeline, sandbox):
    old = field(sandbox, "Account ID")
    path = pipeline([{"account": "A-1", "company": "Acme"}], routes=UPSERT_BY_ACCOUNT.replace(
        "Account ID", old.removeprefix("custom.")))
    run(closefeed, path)
    sandbox.ask("DELETE", f"/custom_field/lead/{old.removeprefix('custom.')}/")
    feed(path, {"account": "A-2", "company": "Bolt"})
    assert counts(run(closefeed, path, 1)) == {"read": 1, "rejected": 1}
    (_, what, message), = rejects(closefeed, path)
    assert what == "match"
    assert "does not exist" in message and "400" in message


def test_a_value_an_object_has_just_lost_does_not_find_it_any_more(closefeed, pipeline, sandbox):
    """Search shows the e-mail for a while; closefeed knows better, since it took it away."""
    lead = sandbox.post("/lead/", {"name": "Acme"})["id"]
    ana = sandbox.post("/contact/", {"lead_id": lead, "name": "Ana", "emails": [
        {"email": "office@acme.example"}]})["id"]
    set_lag(sandbox, 0)
    routes = """
        - operation: contact.update
          when: .id
          body: {emails: [{email: "{email}"}]}
        - operation: contact.upsert
          match: {email: "{email}"}
          body: {lead_id: "{lead}", name: "{name}", emails: [{email: "{email}"}]}
        """
    path = pipeline([{"id": ana, "email": "ana@acme.example"}], routes=routes)
    set_lag(sandbox, 60000)
    run(closefeed, path)
    feed(path, {"lead": lead, "name": "Bo", "email": "office@acme.example"})
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    assert {one["name"]: emails(one) for one in sandbox.objects("contact")} == {
        "Ana": ["ana@acme.example"], "Bo": ["office@acme.example"]}
