"""Folding as people see it: rows again, mended, previewed, told; see test_nest and test_merge."""

import json

import pytest
from scenarios import counts, emails, feed, field, rejects, run

ROWS = """
- operation: lead.upsert
  match: {custom.Domain: "{domain}"}
  batch:
    algorithm: nest
    by: "{domain}"
    into: contacts
    child: {name: "{name}", emails: [{email: "{email}"}]}
  body: {name: "{company}", url: "{site}"}
"""

CHANGES = """
- operation: lead.update
  match: {name: "{company}"}
  batch: {algorithm: merge, wait: 3s}
  body: {description: "{text}"}
"""


@pytest.fixture(name="sandbox")
def _sandbox(start_sandbox):
    return start_sandbox("--lag", "0", "--no-rate-limit")


@pytest.fixture(name="domain")
def _domain(sandbox):
    return field(sandbox, "Domain")


def row(company, name, **more):
    domain = f"{company.lower()}.example"
    return {"domain": domain, "company": company, "name": name,
            "email": f"{name.lower()}@{domain}", **more}


def people(sandbox):
    """{company: names of its people}"""
    names = {lead["id"]: lead["name"] for lead in sandbox.objects("lead")}
    assert len(set(names.values())) == len(names)
    found = {name: [] for name in names.values()}
    for contact in sandbox.objects("contact"):
        found[names[contact["lead_id"]]].append(contact["name"])
    return found


def test_the_same_rows_again_make_no_lead_and_no_person(closefeed, pipeline, sandbox, domain):
    rows = [row(company, name) for name in ("Ana", "Bo") for company in ("Acme", "Bolt")]
    path = pipeline(rows, routes=ROWS)
    run(closefeed, path)
    feed(path, *rows, row("Acme", "Dee"))
    summary = run(closefeed, path)
    assert summary["delivered"] + summary["skipped"] == summary["read"] == 5
    assert people(sandbox) == {"Acme": ["Ana", "Bo", "Dee"], "Bolt": ["Ana", "Bo"]}
    run(closefeed, path, 0, "--new-state")  # found by search instead of memory
    assert people(sandbox) == {"Acme": ["Ana", "Bo", "Dee"], "Bolt": ["Ana", "Bo"]}


def test_one_bad_row_is_rejected_alone(closefeed, pipeline, sandbox, domain):
    rows = [row("Acme", name) for name in ("Ana", "Bo", "Cyd")]
    rows[1]["email"] = "bo at acme"
    path = pipeline(rows, routes=ROWS)
    assert counts(run(closefeed, path, 1)) == {"read": 3, "delivered": 2, "rejected": 1}
    assert people(sandbox) == {"Acme": ["Ana", "Cyd"]}
    (line, what, message), = rejects(closefeed, path)
    assert (line, what) == (2, "validation") and "emails[0].email" in message
    id_ = closefeed("rejects", "list", path, "--json").json["rejects"][0]["id"]
    mended = closefeed("rejects", "edit", path, id_,
                       env={"EDITOR": "sed -i 's/bo at acme/bo@acme.example/'"})
    assert mended.code == 0, mended.err
    assert sorted(people(sandbox)["Acme"]) == ["Ana", "Bo", "Cyd"]
    assert len(sandbox.objects("lead")) == 1


def test_rows_that_come_after_their_company_went_are_made_behind_it(
        closefeed, pipeline, sandbox, domain):
    rows = [row("Acme", name) for name in ("Ana", "Bo", "Cyd", "Dee", "Eva")]
    for name, operation in (("upsert", "lead.upsert"), ("create", "lead.create")):
        routes = ROWS.replace("lead.upsert", operation).replace("nest", "nest\n    size: 2")
        if operation == "lead.create":
            routes = routes.replace('  match: {custom.Domain: "{domain}"}\n', "")
            rows = [{**one, "domain": "other", "company": "Other"} for one in rows]
        path = pipeline(rows, name=name, routes=routes)
        assert counts(run(closefeed, path)) == {"read": 5, "delivered": 5}
    assert {company: sorted(names) for company, names in people(sandbox).items()} == {
        "Acme": ["Ana", "Bo", "Cyd", "Dee", "Eva"], "Other": ["Ana", "Bo", "Cyd", "Dee", "Eva"]}


def test_people_of_a_lead_that_is_there_are_added_to_or_made(closefeed, pipeline, sandbox, domain):
    lead = sandbox.post("/lead/", {"name": "Acme", domain: "acme.example", "contacts": [
        {"name": "Ana", "emails": [{"email": "ANA@acme.example"}]}]})
    rows = [{**row("Acme", "Ana"), "phone": "+4930123456"}, row("Acme", "Bo")]
    path = pipeline(rows, routes=ROWS.replace(
        "child: {", "child: {phones: [{phone: \"{phone}\"}], "))
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    assert [one["id"] for one in sandbox.objects("lead")] == [lead["id"]]
    ana, bo = sandbox.objects("contact")
    assert (emails(ana), [phone["phone"] for phone in ana["phones"]]) == (
        ["ANA@acme.example"], ["+4930123456"])
    assert bo["name"] == "Bo"


def test_preview_shows_a_group_as_one_request(closefeed, pipeline, sandbox, domain):
    path = pipeline([row("Acme", "Ana"), row("Bolt", "Bo"), row("Acme", "Cyd")], routes=ROWS)
    n = len(sandbox.requests())
    lines = closefeed("preview", path, "--json").lines
    shown = [line for line in lines if line["method"] == "POST"]
    assert [([record["line"] for record in line["records"]],
             [one["name"] for one in line["body"]["contacts"]]) for line in shown] == [
        ([1, 3], ["Ana", "Cyd"]), ([2], ["Bo"])]
    assert len(sandbox.requests()) == n


def test_the_events_of_a_folded_call_name_all_its_records(closefeed, pipeline, sandbox):
    sandbox.post("/lead/", {"name": "Acme"})
    path = pipeline([{"company": "Acme", "text": str(i)} for i in range(3)], routes=CHANGES)
    run(closefeed, path)
    event, = sandbox.hook_events()
    assert [record["line"] for record in event["data"]["records"]] == [1, 2, 3]
    assert json.dumps(event).count("closefeed.delivered") == 1
