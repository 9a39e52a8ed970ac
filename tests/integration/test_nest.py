"""batch: nest. Rows of one company become one lead with its contacts."""

import json
import re
import shutil
import time

import pytest
from scenarios import counts, emails, feed, field, rejects, run, set_lag, writes

CREATE = """
- operation: lead.create
  body: {name: "{company}", url: "{url}"}
  batch:
    algorithm: nest
    by: "{company}"
    into: contacts
    wait: 10s
    child: {name: "{name}", title: "{title}", emails: [{email: "{email}", type: office}]}
"""

UPSERT = CREATE.replace("lead.create", "lead.upsert\n  match: {name: \"{company}\"}")


@pytest.fixture(name="sandbox")
def _sandbox(start_sandbox):
    return start_sandbox("--lag", "0", "--no-rate-limit")


def row(company, name, **more):
    return {"company": company, "name": name,
            "email": f"{name}@{company}.example".lower().replace(" ", "."), **more}


def contacts(sandbox, company):
    """Names of the contacts of the one lead with that name, in the order they were made."""
    lead, = [lead for lead in sandbox.objects("lead") if lead["name"] == company]
    return [one["name"] for one in sandbox.get(f"/lead/{lead['id']}/")["contacts"]]


def posts(sandbox, path):
    return [body for method, where, body in writes(sandbox) if (method, where) == ("POST", path)]


@pytest.mark.parametrize("routes", [CREATE, UPSERT], ids=["create", "upsert"])
def test_rows_become_one_lead_with_its_contacts(closefeed, pipeline, sandbox, routes):
    path = pipeline([row("Acme", "Ana"), row("Bolt", "Cy"), row("Acme", "Bo", url="acme.example"),
                     {"company": "Acme"}], routes=routes)
    assert counts(run(closefeed, path)) == {"read": 4, "delivered": 4}
    acme, bolt = posts(sandbox, "/lead/")
    assert (acme["name"], acme["url"]) == ("Acme", "acme.example")
    assert [one["name"] for one in acme["contacts"]] == ["Ana", "Bo"]
    assert bolt["name"] == "Bolt" and contacts(sandbox, "Bolt") == ["Cy"]
    assert posts(sandbox, "/contact/") == []


def test_rows_with_nothing_but_a_contact_are_taken(closefeed, pipeline, sandbox):
    routes = """
- operation: lead.upsert
  match: {name: "{company}"}
  body: {url: "{url}"}
  on_create: {name: "{company}"}
  batch:
    algorithm: nest
    by: "{company}"
    into: contacts
    child: {name: "{name}", emails: [{email: "{email}"}]}
"""
    path = pipeline([row("Acme", "Ana", url="acme.example"), row("Acme", "Bo"),
                     {"company": "Acme"}], routes=routes)
    assert counts(run(closefeed, path, 1)) == {"read": 3, "delivered": 2, "rejected": 1}
    lead, = posts(sandbox, "/lead/")
    assert [one["name"] for one in lead["contacts"]] == ["Ana", "Bo"]
    (line, kind, message), = rejects(closefeed, path)
    assert (line, kind) == (3, "template")
    assert "no placeholder of the body or of batch.child has a value" in message
    feed(path, row("Acme", "Cy"), row("Acme", "Di"))
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    assert [method for method, _, _ in writes(sandbox)] == ["POST", "POST", "POST"]
    assert contacts(sandbox, "Acme") == ["Ana", "Bo", "Cy", "Di"]


def test_the_first_row_says_what_the_lead_is(closefeed, pipeline, sandbox):
    path = pipeline([row("Acme", "Ana", url="first.example"), row("Acme", "Bo", url="no.example")],
                    routes=CREATE)
    run(closefeed, path)
    lead, = posts(sandbox, "/lead/")
    assert lead["url"] == "first.example"


def test_later_rows_of_a_company_become_contacts_of_its_lead(closefeed, pipeline, sandbox):
    rows = [row("Acme", f"Person {i}") for i in range(7)]
    path = pipeline(rows, routes=CREATE.replace("wait: 10s", "wait: 10s\n    size: 3"))
    assert counts(run(closefeed, path)) == {"read": 7, "delivered": 7}
    assert len(posts(sandbox, "/lead/")) == 1
    assert sorted(contacts(sandbox, "Acme")) == [one["name"] for one in rows]


@pytest.mark.parametrize("routes", [CREATE, UPSERT], ids=["create", "upsert"])
def test_a_second_file_makes_no_second_lead_and_no_second_contact(
        closefeed, pipeline, sandbox, routes):
    set_lag(sandbox, 600000)
    path = pipeline([row("Acme", "Ana"), row("Acme", "Bo")], routes=routes,
                    source="ndjson: {path: '*.ndjson'}")
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    second = path.with_name("second.ndjson")
    second.write_text("".join(json.dumps(one) + "\n" for one in (
        row("Acme", "Ana"), row("Acme", "Cy"),
        {**row("Acme", "Bo"), "email": "BO@acme.example", "title": "Buyer"})))
    summary = run(closefeed, path)
    assert summary["rejected"] == 0 and summary["read"] == 3
    assert len(posts(sandbox, "/lead/")) == 1
    assert [body["name"] for body in posts(sandbox, "/contact/")] == ["Cy"]
    assert sorted(contacts(sandbox, "Acme")) == ["Ana", "Bo", "Cy"]
    assert [body for method, where, body in writes(sandbox, "/contact/") if method == "PUT"] == [
        {"title": "Buyer"}]


@pytest.mark.parametrize("excluded", ['"contacts[].title"', "title", '"t*"'])
def test_what_is_excluded_is_in_no_contact(closefeed, pipeline, sandbox, excluded):
    routes = UPSERT + f"  exclude: [{excluded}]\n"
    path = pipeline([row("Acme", "Ana", title="secret")], routes=routes)
    shown = [json.loads(line) for line in closefeed("preview", path, "--json").out.splitlines()]
    assert shown and "secret" not in json.dumps([call["body"] for call in shown])
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    # To a lead that is there they come by calls of their own.
    feed(path, row("Acme", "Bo", title="secret"), row("Acme", "Ana", title="secret"))
    run(closefeed, path)
    assert contacts(sandbox, "Acme") == ["Ana", "Bo"]
    sent = [call for call in writes(sandbox) if call[0] in ("POST", "PUT")]
    assert len(sent) >= 2 and "secret" not in json.dumps(sent)
    assert "office" in json.dumps(sent)


def test_one_bad_contact_is_rejected_alone(closefeed, pipeline, sandbox):
    path = pipeline([row("Acme", "Ana"), {**row("Acme", "Bo"), "email": "nonsense"},
                     {"company": "Acme"}, row("Acme", "Cy"), {**row("Acme", "Di"), "email": "no"}],
                    routes=CREATE)
    assert counts(run(closefeed, path, 1)) == {"read": 5, "delivered": 3, "rejected": 2}
    assert contacts(sandbox, "Acme") == ["Ana", "Cy"]
    assert [(line, kind) for line, kind, _ in rejects(closefeed, path)] == [
        (2, "validation"), (5, "validation")]
    listed = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert all("emails[0]" in json.dumps(item) and "contacts" not in json.dumps(item["message"])
               for item in listed)
    assert len([call for call in sandbox.requests("POST", "/lead/") if call["status"] < 300]) == 1


@pytest.mark.parametrize("routes", [CREATE, UPSERT], ids=["create", "upsert"])
def test_a_row_that_is_retried_finds_its_lead(closefeed, pipeline, sandbox, routes):
    path = pipeline([row("Acme", "Ana"), {**row("Acme", "Bo"), "email": "nonsense"}],
                    routes=routes)
    run(closefeed, path, 1)
    mended = path.with_name("mended.yaml")
    mended.write_text(path.read_text().replace('"{email}"', '"bo@acme.example"'))
    path.write_text(mended.read_text())
    assert closefeed("rejects", "retry", path, "--all").code == 0
    assert contacts(sandbox, "Acme") == ["Ana", "Bo"]


def test_a_row_that_is_sent_by_hand_finds_its_lead(closefeed, pipeline, sandbox):
    path = pipeline([row("Acme", "Ana"), row("Acme", "Bo")], routes=CREATE)
    run(closefeed, path, 0, "--limit", "1")
    sent = closefeed("send", path, "--record", "2", "--yes")
    assert sent.code == 0, sent.out + sent.err
    assert contacts(sandbox, "Acme") == ["Ana", "Bo"]
    assert counts(run(closefeed, path)) == {}


def test_where_all_contacts_are_bad_no_lead_is_made(closefeed, pipeline, sandbox):
    path = pipeline([{**row("Acme", "Bo"), "email": "nonsense"}, row("Bolt", "Cy")], routes=CREATE)
    assert counts(run(closefeed, path, 1)) == {"read": 2, "delivered": 1, "rejected": 1}
    assert [lead["name"] for lead in sandbox.objects("lead")] == ["Bolt"]


def test_a_bad_lead_is_rejected_with_all_its_rows(closefeed, pipeline, sandbox):
    path = pipeline([row("Acme", "Ana", url=7), row("Acme", "Bo")], routes=CREATE)
    assert counts(run(closefeed, path, 1)) == {"read": 2, "rejected": 2}
    assert sandbox.objects("lead") == []


def test_an_existing_lead_is_updated_and_its_contacts_are_matched(closefeed, pipeline, sandbox):
    lead = sandbox.post("/lead/", {"name": "Acme", "contacts": [
        {"name": "Ana", "emails": [{"email": "Ana@Acme.Example"}]}]})["id"]
    path = pipeline([{**row("Acme", "Ana"), "title": "Boss", "url": "acme.example"},
                     row("Acme", "Bo")], routes=UPSERT)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    now = sandbox.get(f"/lead/{lead}/")
    assert now["url"] and len(sandbox.objects("lead")) == 1
    assert [(one["name"], one["title"]) for one in now["contacts"]][0] == ("Ana", "Boss")
    assert [one["name"] for one in now["contacts"]] == ["Ana", "Bo"]
    assert emails(now["contacts"][0]) == ["Ana@Acme.Example"]


def test_rows_that_mean_one_contact_make_it_once(closefeed, pipeline, sandbox):
    sandbox.post("/lead/", {"name": "Acme"})
    path = pipeline([row("Acme", "Ana"), {**row("Acme", "Ana"), "title": "Boss"}], routes=UPSERT)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    contact, = sandbox.objects("contact")
    assert contact["title"] == "Boss"


@pytest.mark.parametrize("routes", [CREATE, UPSERT], ids=["create", "upsert"])
def test_rows_of_a_new_company_that_mean_one_contact_are_one(closefeed, pipeline, sandbox, routes):
    path = pipeline([row("Acme", "Ana"), row("Acme", "Bo"),
                     {**row("Acme", "Ana Bell"), "email": "ANA@acme.example", "title": "Boss"}],
                    routes=routes)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    assert len(writes(sandbox)) == 1
    assert contacts(sandbox, "Acme") == ["Ana Bell", "Bo"]
    ana, = [one for one in sandbox.objects("contact") if one["name"] == "Ana Bell"]
    assert ana["title"] == "Boss" and emails(ana) == ["ana@acme.example"]


def test_of_rows_that_are_one_contact_only_the_one_at_fault_is_rejected(
        closefeed, pipeline, sandbox):
    child = 'child: {name: "{name}", emails: "{emails}"}'
    path = pipeline([
        {"company": "Acme", "name": "Ana", "emails": [{"email": "ana@acme.example"}]},
        {"company": "Acme", "name": "Bo", "emails": [{"email": "bo@acme.example"}]},
        {"company": "Acme", "name": "Ana Bell",
         "emails": [{"email": "no address"}, {"email": "Ana@acme.example"}]}],
        routes=re.sub("child: .*", child, CREATE))
    assert counts(run(closefeed, path, 1)) == {"read": 3, "delivered": 2, "rejected": 1}
    assert [(line, kind) for line, kind, _ in rejects(closefeed, path)] == [(3, "validation")]
    item, = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert "emails[0]" in item["message"]
    assert contacts(sandbox, "Acme") == ["Ana", "Bo"]


def test_a_lead_that_was_deleted_is_made_again(closefeed, pipeline, sandbox):
    path = pipeline([row("Acme", "Ana")], routes=CREATE)
    run(closefeed, path)
    lead, = sandbox.objects("lead")
    sandbox.ask("DELETE", f"/lead/{lead['id']}/")
    feed(path, row("Acme", "Bo"))
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    assert contacts(sandbox, "Acme") == ["Bo"]


def test_a_link_waits_for_the_lead_of_rows(closefeed, pipeline, sandbox):
    set_lag(sandbox, 600000)
    path = pipeline([row("Acme", "Ana"), {"note": "hello", "of": "Acme"}], routes="""
- when: .note
  operation: activity.note.create
  body: {note: "{note}"}
  link: {lead_id: {lead: {name: "{of}"}}}
""" + CREATE)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    lead, = sandbox.objects("lead")
    note, = sandbox.objects("activity/note")
    assert note["lead_id"] == lead["id"]


def run_with_noise(closefeed, sandbox, path):
    """To its end, while the event log moves, so that a proof can end."""
    process = closefeed.start("run", path)
    while process.poll() is None:
        sandbox.post("/lead/", {"name": "Noise"})
        time.sleep(0.2)
    return process.returncode


@pytest.mark.parametrize("point", ["batch_taken", "draft_resolved", "intent_durable",
                                   "answer_came", "outcome_asked", "outcome_durable", "retaken"])
def test_killed_at_any_point_nothing_is_lost_and_nothing_made_twice(
        closefeed, pipeline, sandbox, point):
    key = field(sandbox, "Key")
    routes = CREATE.replace("  body: {", "  identity: {custom.Key: \"{company}\"}\n  body: {")
    rows = [row("Acme", "Ana"), {**row("Acme", "Bad"), "email": "no"}, row("Bolt", "Cy"),
            row("Acme", "Bo")]
    path = pipeline(rows, routes=routes)
    closefeed("run", path, env={"CLOSEFEED_KILL_AT": f"{point}:1"})
    # 0: it was rejected before the kill
    assert run_with_noise(closefeed, sandbox, path) in (0, 1)
    assert [line for line, _, _ in rejects(closefeed, path)] == [2]
    assert contacts(sandbox, "Acme") == ["Ana", "Bo"]
    assert contacts(sandbox, "Bolt") == ["Cy"]
    assert {lead.get(key) for lead in sandbox.objects("lead")} == {None, "Acme", "Bolt"}


@pytest.mark.parametrize("point", [
    "contacts_answered:1", "nest_children:1", "retaken:1", "intent_durable:1", "intent_durable:2",
    "answer_came:5", "answer_came:6", "outcome_asked:1", "outcome_durable:1"])
def test_killed_while_rows_join_a_lead_nothing_is_lost_and_nothing_made_twice(
        closefeed, pipeline, sandbox, point):
    lead = sandbox.post("/lead/", {"name": "Acme", "contacts": [
        {"name": "Ana", "emails": [{"email": "ana@acme.example"}]}]})["id"]
    path = pipeline([{**row("Acme", "Ana"), "title": "Boss", "url": "acme.example"},
                     row("Acme", "Bo"), {"company": "Acme"}, row("Acme", "Cy")], routes=UPSERT)
    closefeed("run", path, env={"CLOSEFEED_KILL_AT": point})
    run_with_noise(closefeed, sandbox, path)
    now = sandbox.get(f"/lead/{lead}/")
    assert now["url"] and now["contacts"][0]["title"] == "Boss"
    # A contact has no identity: one that was on its way is in doubt, and a person is asked.
    held = closefeed("held", "list", path, "--json").json["held"]
    missing = {"Ana", "Bo", "Cy"} - set(contacts(sandbox, "Acme"))
    assert len(missing) <= len(held) <= 2
    assert len(contacts(sandbox, "Acme")) == 3 - len(missing)
    assert held == [] or point in ("intent_durable:2", "answer_came:5", "answer_came:6")


def test_ten_thousand_rows_of_2500_companies_make_2500_leads(
        closefeed, pipeline, start_sandbox):
    pipeline.sandbox = sandbox = start_sandbox("--lag", "0")
    sandbox.post("/_sandbox/settings", {"rate": {"write": 100000, "read": 100000}})
    rows = [row(f"Company{i * 7 % 2500}", f"Person{i}") for i in range(10000)]
    path = pipeline(rows, routes=CREATE, source="ndjson: {path: '*.ndjson'}",
                    close="concurrency: 16")
    assert counts(run(closefeed, path)) == {"read": 10000, "delivered": 10000}
    assert len(posts(sandbox, "/lead/")) == 2500
    assert len(sandbox.objects("contact")) == 10000
    shutil.copy(path.with_suffix(".ndjson"), path.with_name("copy.ndjson"))
    with open(path.with_name("copy.ndjson"), "a", encoding="utf-8") as file:
        file.write("\n")  # else it is the same file under another name
    assert counts(run(closefeed, path)) == {"read": 10000, "skipped": 10000}
    assert len(sandbox.objects("lead")) == 2500
    assert len(sandbox.objects("contact")) == 10000


TWO_WAYS = """
- when: .way == "alone"
  operation: contact.upsert
  match: {email: "{email}"}
  body: {lead_id: "{lead}", name: "{name}", title: "{title}", emails: [{email: "{email}"}]}
""" + UPSERT.replace("wait: 10s", "wait: 10s\n    size: 1").replace(
    '  body: {name: "{company}", url: "{url}"}',
    '  body: {url: "{url}"}\n  on_create: {name: "{company}"}')


def two_ways(sandbox, *ways):
    """Records of one person by these ways, whose titles say in which order; the lead is known. Who
    asks for a contact learns late what was there before, who makes one later yet that he did."""
    lead, = sandbox.objects("lead")
    set_lag(sandbox, 600000)
    for path, size in ("/data/search/", 1), ("/contact/", 10):
        sandbox.add_fault("slow_body", method="POST", path=path, n=1, bytes=size, ms=40)
    return [{**row("Acme", "Ana"), "way": way, "lead": lead["id"], "title": str(number)}
            for number, way in enumerate(ways)]


def titles(sandbox):
    """Of those who have one."""
    return [one["title"] for one in sandbox.objects("contact") if one["title"]]


@pytest.mark.parametrize("ways", [
    ("row", "alone"), ("alone", "row"), ("row", "alone", "row", "alone"), ("row", "row", "alone"),
    ("alone", "alone", "row")], ids=" ".join)
def test_a_contact_that_comes_two_ways_is_one_and_the_last_record_wins(
        closefeed, pipeline, sandbox, ways):
    path = pipeline([row("Acme", "Bo")], routes=TWO_WAYS)
    run(closefeed, path)
    feed(path, *two_ways(sandbox, *ways))
    assert counts(run(closefeed, path)) == {"read": len(ways), "delivered": len(ways)}
    assert titles(sandbox) == [str(len(ways) - 1)]


def test_a_row_waits_for_its_contact_also_where_another_file_makes_it(
        closefeed, pipeline, sandbox):
    path = pipeline([row("Acme", "Bo")], routes=TWO_WAYS, source="ndjson: {path: '*.ndjson'}")
    run(closefeed, path)
    alone, last = two_ways(sandbox, "alone", "row")
    feed(path, alone)
    feed(path.with_name("then.yaml"), last)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    assert titles(sandbox) == ["1"]


TAGGED = """
- when: .way == "id"
  operation: contact.update
  params: {id: "{id}"}
  body: {title: "{title}"}
- when: .way == "phone"
  operation: contact.upsert
  match: [{phone: "{phone}"}, {email: "{email}"}]
  body:
    lead_id: "{lead}"
    title: "{title}"
    emails: [{email: "{email}"}]
    phones: [{phone: "{phone}"}]
- when: .way == "deal"
  operation: opportunity.create
  link: {lead_id: {contact: {email: "{email}"}}, contact_id: {contact: {email: "{email}"}}}
  body: {note: "{title}", confidence: 50}
- when: .way == "note"
  operation: activity.note.create
  link: {lead_id: {lead: {name: "{company}"}}}
  body: {note: "{title}"}
""" + TWO_WAYS.replace("wait: 10s\n    size: 1", "wait: 10s").replace(
    "child: {", 'child: {phones: [{phone: "{phone}"}], ') + "  nulls: omit\n"


def ana(way, **more):
    return {**row("Acme", "Ana"), "way": way, **more}


def test_what_comes_between_two_rows_of_a_contact_is_older_than_the_second(
        closefeed, pipeline, sandbox):
    set_lag(sandbox, 600000)
    other = sandbox.post("/lead/", {"name": "Other"})["id"]
    path = pipeline([ana("row", title="0"), ana("alone", title="1", lead=other), row("Acme", "Bo"),
                     ana("row", title="2"), {**ana("row", title="3"), "name": "Ana Bell"}],
                    routes=TWO_WAYS.replace("size: 1", "size: 9"))
    assert counts(run(closefeed, path)) == {"read": 5, "delivered": 5}
    assert contacts(sandbox, "Acme") == ["Ana Bell", "Bo"]
    assert titles(sandbox) == ["3"]


def back_to_old(sandbox):
    """The row says what its contact had before a call that is on its way."""
    set_lag(sandbox, 0)
    contact, = sandbox.post("/lead/", {"name": "Acme", "contacts": [
        {"name": "Ana", "title": "old", "emails": [{"email": "ana@acme.example"}]}]})["contacts"]
    sandbox.add_fault("slow_body", method="PUT", path=f"/contact/{contact['id']}/", n=1, bytes=50,
                      ms=80)
    return [{"way": "id", "id": contact["id"], "title": "old"},
            {"way": "id", "id": contact["id"], "title": "new"},
            row("Acme", "Bo", way="row"), ana("row", title="old")]


def test_a_row_looks_at_its_contact_when_calls_about_it_have_ended(closefeed, pipeline, sandbox):
    path = pipeline(back_to_old(sandbox), routes=TAGGED)
    assert counts(run(closefeed, path)) == {"read": 4, "delivered": 4}
    assert titles(sandbox) == ["old"]


def test_a_row_that_is_refused_is_no_parent_of_what_is_there(closefeed, pipeline, sandbox):
    lead = sandbox.post("/lead/", {"name": "Acme", "contacts": [
        {"name": "Ana", "emails": [{"email": "ana@acme.example"}]}]})
    path = pipeline([ana("row", phone="nonsense"), ana("deal", title="1"),
                     {"way": "note", "company": "Acme", "title": "2"}], routes=TAGGED)
    assert counts(run(closefeed, path, 1)) == {"read": 3, "delivered": 2, "rejected": 1}
    assert [line for line, _, _ in rejects(closefeed, path)] == [1]
    feed(path, ana("deal", title="3"), {"way": "note", "company": "Acme", "title": "4"})
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    assert {deal["contact_id"] for deal in sandbox.objects("opportunity")} == {
        lead["contacts"][0]["id"]}


def test_a_row_is_waited_for_by_its_phone_as_close_writes_it(closefeed, pipeline, sandbox):
    """What Close makes of the number is learned while the row is on its way."""
    lead = sandbox.post("/lead/", {"name": "Acme"})["id"]
    path = pipeline([ana("phone", lead=lead, title="0", phone="650-555-0100"),
                     ana("row", title="1", phone="(650) 555-0100"),
                     ana("phone", lead=lead, title="2", phone="+1 650 555 0100")], routes=TAGGED)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    assert titles(sandbox) == ["2"]


@pytest.mark.parametrize("is_there", [False, True], ids=["made", "there"])
def test_after_a_kill_rows_that_were_sent_are_still_waited_for(
        closefeed, pipeline, sandbox, is_there):
    if is_there:
        sandbox.post("/lead/", {"name": "Acme"})
    set_lag(sandbox, 2000)
    other = sandbox.post("/lead/", {"name": "Other"})["id"]
    sandbox.add_fault("slow_body", method="PUT", path="/lead/", n=9, bytes=10, ms=40)
    path = pipeline([row("Acme", "Bo"), ana("row", title="0"), ana("alone", title="1", lead=other)],
                    routes=TWO_WAYS.replace("size: 1", "size: 2"), delivery="quarantine: 1s")
    closefeed("run", path, env={"CLOSEFEED_KILL_AT": "intent_durable:1"})
    run_with_noise(closefeed, sandbox, path)
    assert titles(sandbox) == ["1"]
    assert len(sandbox.objects("contact")) == 2
