"""lists: append. A contact gets the addresses it does not have, and keeps the others."""

import pytest
from scenarios import counts, emails, feed, rejects, run, set_lag, writes

PEOPLE = """
- operation: contact.upsert
  match: {name: "{name}"}
  lists: {emails: append, phones: append, urls: append}
  link: {lead_id: {lead: {name: "Acme"}}}
  blanks: omit
  on_create: {name: "{name}"}
  body:
    title: "{title}"
    emails: [{email: "{email}", type: home}]
    phones: [{phone: "{phone}", type: mobile}]
    urls: [{url: "{url}"}]
"""


@pytest.fixture(name="sandbox")
def _sandbox(start_sandbox):
    return start_sandbox("--lag", "0", "--no-rate-limit")


@pytest.fixture(name="ana")
def _ana(sandbox):
    lead = sandbox.post("/lead/", {"name": "Acme"})["id"]
    return sandbox.post("/contact/", {
        "lead_id": lead, "name": "Ana", "title": "Buyer",
        "emails": [{"email": "ana@acme.example", "type": "office"}],
        "phones": [{"phone": "+4930123456", "type": "office"}],
        "urls": [{"url": "https://ana.example", "type": "url"}]})["id"]


def puts(sandbox):
    return [body for method, _, body in writes(sandbox) if method == "PUT"]


def test_what_is_new_is_added_behind_what_is_there(closefeed, pipeline, sandbox, ana):
    path = pipeline([{"name": "Ana", "email": "ana.bell@home.example", "phone": "+49 170 55"}],
                    routes=PEOPLE)
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    contact = sandbox.get(f"/contact/{ana}/")
    assert [(item["email"], item["type"]) for item in contact["emails"]] == [
        ("ana@acme.example", "office"), ("ana.bell@home.example", "home")]
    assert [item["phone"] for item in contact["phones"]] == ["+4930123456", "+4917055"]
    assert contact["title"] == "Buyer" and len(contact["urls"]) == 1


@pytest.mark.parametrize("record", [
    {"email": "ANA@Acme.Example"}, {"email": " ana@acme.example "}, {"phone": "+49 (30) 12 34-56"},
    {"url": "http://www.ana.example/"},
    {"email": "Ana@acme.example", "phone": "+49 30 123456", "url": "ana.example"},
])
def test_what_is_there_in_another_spelling_is_not_written(
        closefeed, pipeline, sandbox, ana, record):
    path = pipeline([{"name": "Ana", **record}], routes=PEOPLE)
    assert counts(run(closefeed, path)) == {"read": 1, "skipped": 1}
    assert puts(sandbox) == []
    event, = sandbox.hook_events()
    assert event["type"] == "closefeed.skipped"
    assert len(sandbox.get(f"/contact/{ana}/")["emails"]) == 1


def test_other_fields_are_written_without_the_lists_that_stay(closefeed, pipeline, sandbox, ana):
    path = pipeline([{"name": "Ana", "email": "ANA@acme.example", "title": "Head of buying"}],
                    routes=PEOPLE)
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    assert puts(sandbox) == [{"title": "Head of buying"}]


def test_several_records_of_one_contact_lose_nothing(closefeed, pipeline, sandbox, ana):
    """Each reads what the one before has written, however many are on their way."""
    sandbox.post("/_sandbox/settings", {"latency_ms": 5})
    records = [{"name": "Ana", "email": f"ana{i}@acme.example"} for i in range(12)]
    path = pipeline(records, routes=PEOPLE, close="concurrency: 16")
    assert counts(run(closefeed, path)) == {"read": 12, "delivered": 12}
    assert emails(sandbox.get(f"/contact/{ana}/")) == [
        "ana@acme.example", *[record["email"] for record in records]]


def test_a_new_contact_is_made_with_its_lists_and_added_to_in_the_same_run(
        closefeed, pipeline, sandbox, ana):
    set_lag(sandbox, 60000)
    path = pipeline([{"name": "Bo", "email": "bo@acme.example"},
                     {"name": "Bo", "email": "BO@acme.example"},
                     {"name": "Bo", "email": "bo@home.example"}], routes=PEOPLE)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 2, "skipped": 1}
    contact = next(one for one in sandbox.objects("contact") if one["id"] != ana)
    assert emails(contact) == ["bo@acme.example", "bo@home.example"]


def test_a_list_that_is_not_named_is_replaced_as_close_does(closefeed, pipeline, sandbox, ana):
    path = pipeline([{"name": "Ana", "email": "new@acme.example"}],
                    routes=PEOPLE.replace("emails: append, ", ""))
    run(closefeed, path)
    assert emails(sandbox.get(f"/contact/{ana}/")) == ["new@acme.example"]


def test_addresses_of_a_lead_are_added_to(closefeed, pipeline, sandbox):
    lead = sandbox.post("/lead/", {"name": "Acme", "addresses": [
        {"label": "business", "city": "Oslo", "country": "NO"}]})["id"]
    path = pipeline([{"company": "Acme", "city": "Bergen"}, {"company": "Acme", "city": "Oslo"}],
                    routes="""
        - operation: lead.upsert
          match: {name: "{company}"}
          lists: {addresses: append}
          on_create: {name: "{company}"}
          body: {addresses: [{label: business, city: "{city}", country: "NO"}]}
        """)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 1, "skipped": 1}
    assert [one["city"] for one in sandbox.get(f"/lead/{lead}/")["addresses"]] == [
        "Oslo", "Bergen"]


def test_what_a_person_added_between_two_runs_stays(closefeed, pipeline, sandbox, ana):
    path = pipeline([{"name": "Ana", "email": "one@acme.example"}], routes=PEOPLE)
    run(closefeed, path)
    contact = sandbox.get(f"/contact/{ana}/")
    sandbox.ask("PUT", f"/contact/{ana}/", {
        "emails": [*contact["emails"], {"email": "person@acme.example", "type": "home"}]})
    feed(path, {"name": "Ana", "email": "two@acme.example"})
    run(closefeed, path)
    assert emails(sandbox.get(f"/contact/{ana}/")) == [
        "ana@acme.example", "one@acme.example", "person@acme.example", "two@acme.example"]


def test_an_error_names_the_place_in_the_record(closefeed, pipeline, sandbox, ana):
    routes = PEOPLE.replace('[{email: "{email}", type: home}]', '"{emails}"')
    path = pipeline([{"name": "Ana", "emails": [{"email": "no address"},
                                                {"email": "ana@acme.example"}]}], routes=routes)
    run(closefeed, path, 1)
    (_, kind, message), = rejects(closefeed, path)
    assert ana and kind == "validation" and message.startswith("emails[0].email: ")


def test_what_is_made_has_nothing_twice(closefeed, pipeline, sandbox):
    lead = sandbox.post("/lead/", {"name": "Base"})["id"]
    path = pipeline([{"e": "n@x.example",
                      "emails": [{"email": "n@x.example"}, {"email": "N@x.example"}],
                      "phones": [{"phone": "+49 30 123456"}, {"phone": "+4930123456"}]}], routes=f"""
        - operation: contact.upsert
          match: {{email: "{{e}}"}}
          lists: {{emails: append, phones: append}}
          on_create: {{lead_id: {lead}}}
          body: {{emails: "{{emails}}", phones: "{{phones}}"}}
        """)
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    contact, = sandbox.objects("contact")
    assert emails(contact) == ["n@x.example"] and len(contact["phones"]) == 1


def test_a_number_without_its_country_is_added_once(closefeed, pipeline, sandbox, ana):
    """Close shows "+16505550177" for what was written."""
    path = pipeline([{"name": "Ana", "phone": "650-555-0177"},
                     {"name": "Ana", "phone": "(650) 555-0177"}], routes=PEOPLE)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 1, "skipped": 1}
    for phone in ["650-555-0177", "650.555.0177", "+1 650 555 0177"]:
        feed(path, {"name": "Ana", "phone": phone})
        assert counts(run(closefeed, path)) == {"read": 1, "skipped": 1}
    feed(path, {"name": "Ana", "phone": "415-555-0177"})
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    assert [item["phone"] for item in sandbox.get(f"/contact/{ana}/")["phones"]] == [
        "+4930123456", "+16505550177", "+14155550177"]


def test_a_number_is_added_once_where_nobody_is_looked_for(closefeed, pipeline, sandbox, ana):
    record = {"id": ana, "phones": [{"phone": "650-555-0177"}]}
    path = pipeline([record, record], routes="""
- operation: contact.update
  lists: {phones: append}
""")
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 1, "skipped": 1}
    feed(path, record)
    assert counts(run(closefeed, path)) == {"read": 1, "skipped": 1}
    assert len(sandbox.get(f"/contact/{ana}/")["phones"]) == 2
