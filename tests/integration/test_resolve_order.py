"""Whoever was read first comes first, also where lookups, links and objects that are gone get in
between: no twins, and no value that goes back.
"""

import json

import pytest
from scenarios import answer_slowly, counts, feed, field, run, set_lag


@pytest.fixture(name="sandbox")
def _sandbox(start_sandbox):
    sandbox = start_sandbox("--lag", "1m", "--speed", "1000", "--no-rate-limit")
    set_lag(sandbox, 0)
    return sandbox


def changes(sandbox):
    """Of each object the descriptions in the order in which Close took them."""
    taken = {}
    for call in sandbox.requests():
        if call["method"] == "PUT" and call["applied"]:
            taken.setdefault(call["path"], []).append(json.loads(call["body"]).get("description"))
    return taken


@pytest.mark.parametrize("match", ['{name: "{k}"}', '{custom.Account ID: "{k}"}'])
@pytest.mark.parametrize("more", ["", "skip_unchanged: true"])
def test_what_was_sent_for_an_object_that_is_gone_keeps_its_place(
        closefeed, pipeline, sandbox, account, match, more):
    """Some calls for it are on their way when the first hears that it is gone, others wait."""
    path = pipeline([{"k": f"K{i}", "v": "made"} for i in range(3)], routes=f"""
        - operation: lead.upsert
          match: {match}
          body: {{name: "{{k}}", custom.Account ID: "{{k}}", description: "{{v}}"}}
          {more}
        """, close="concurrency: 4")
    run(closefeed, path)
    for turn in range(6):
        sandbox.post("/_sandbox/settings", {"latency_ms": (0, 5, 20)[turn % 3]})
        for lead in sandbox.objects("lead"):
            sandbox.ask("DELETE", f"/lead/{lead['id']}/")
        feed(path, *[{"k": f"K{i * i % 7 % 3}", "v": f"{turn}{i:03}"} for i in range(40)])
        summary = run(closefeed, path)
        assert summary["delivered"] == summary["read"] == 40, summary
        assert sorted((lead["name"], lead["description"]) for lead in sandbox.objects("lead")) == [
            ("K0", f"{turn}035"), ("K1", f"{turn}037"), ("K2", f"{turn}039")]
        for taken in changes(sandbox).values():
            assert taken == sorted(taken)


BRINGS = {
    "update by match": """
        - when: .was
          operation: lead.update
          match: {name: "{was}"}
          body: {name: "{new}"}
        """,
    "update by id": """
        - when: .was
          operation: lead.update
          body: {name: "{new}"}
        """,
    "upsert with on_update": """
        - when: .was
          operation: lead.upsert
          match: {name: "{was}"}
          body: {name: "{was}"}
          on_update: {name: "{new}"}
        """,
}

FINDS = """
        - operation: lead.upsert
          match: {name: "{new}"}
          body: {name: "{new}", description: "{about}"}
        """


@pytest.mark.parametrize("how", BRINGS)
def test_an_update_brings_the_key_that_a_later_record_is_found_by(
        closefeed, pipeline, sandbox, how):
    """Both were asked about in one question, which says that nobody has the new name yet."""
    lead = sandbox.post("/lead/", {"name": "Acme"})["id"]
    path = pipeline([{"was": "Acme", "id": lead, "new": "Acme GmbH"},
                     {"new": "Acme GmbH", "about": "found"}], routes=BRINGS[how] + FINDS)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    assert [(one["id"], one["name"], one["description"]) for one in sandbox.objects("lead")] == [
        (lead, "Acme GmbH", "found")]


CHILD = """
        - when: .parent
          operation: lead.create
          body: {name: "{parent}", custom.Account ID: "{parent}"}
        - when: .was
          operation: lead.update
          match: {name: "{was}"}
          link: {custom.Parent: {lead: {custom.Account ID: "{of}"}}}
          body: """


def child_of_a_slow_parent(sandbox, **more):
    """A lead that is to be linked to one which takes its time to make."""
    field(sandbox, "Parent")
    lead = sandbox.post("/lead/", {"name": "Acme", **more})["id"]
    answer_slowly(sandbox, "/lead/")
    return lead


def test_an_update_that_stands_aside_brings_its_key_all_the_same(
        closefeed, pipeline, sandbox, account):
    """It waits for its parent, which is slow, when the later record is looked up."""
    lead = child_of_a_slow_parent(sandbox)
    path = pipeline([{"parent": "P-1"}, {"was": "Acme", "of": "P-1", "new": "Acme GmbH"},
                     {"new": "Acme GmbH", "about": "found"}],
                    routes=CHILD + '{name: "{new}"}' + FINDS)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    assert sorted((one["name"], one["description"]) for one in sandbox.objects("lead")) == [
        ("Acme GmbH", "found"), ("P-1", "")]
    assert sandbox.get(f"/lead/{lead}/")["description"] == "found"


def test_who_waits_for_its_parent_is_not_overtaken_by_another_key(
        closefeed, pipeline, sandbox, account):
    lead = child_of_a_slow_parent(sandbox, **{account: "A-1"})
    path = pipeline([{"parent": "P-1"}, {"was": "Acme", "of": "P-1", "about": "one"},
                     {"account": "A-1", "about": "two"}], routes=CHILD + """{description: "{about}"}
        - operation: lead.update
          match: {custom.Account ID: "{account}"}
          body: {description: "{about}"}
        """)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    assert list(changes(sandbox).values()) == [["one", "two"]]
    assert sandbox.get(f"/lead/{lead}/")["description"] == "two"


KEYS = """
        - when: .new
          operation: lead.update
          match: {name: "{name}"}
          body: {name: "{new}", description: "{about}"}
        - when: .note
          operation: activity.note.create
          link: {lead_id: {lead: {name: "{name}"}}}
          body: {note: "{note}"}
        - when: .name
          operation: lead.update
          match: {name: "{name}"}
          body: {description: "{about}"}
        - operation: lead.update
          match: {custom.Account ID: "{account}"}
          body: {description: "{about}"}
        """


def lead_with_two_keys(sandbox, account):
    sandbox.post("/_sandbox/settings", {"latency_ms": 30})
    return sandbox.post("/lead/", {"name": "N0", account: "A-1"})["id"]


@pytest.mark.parametrize("n", [1, 3])
def test_who_waits_for_its_key_is_not_overtaken_by_one_that_has_another(
        closefeed, pipeline, sandbox, account, n):
    """Each record gives the lead the name that the next one knows it by; the last has another."""
    lead = lead_with_two_keys(sandbox, account)
    chain = [{"name": f"N{i}", "new": f"N{i + 1}", "about": f"{i}"} for i in range(n)]
    path = pipeline([*chain, {"name": f"N{n}", "about": f"{n}"},
                     {"account": "A-1", "about": f"{n + 1}"}], routes=KEYS)
    assert counts(run(closefeed, path)) == {"read": n + 2, "delivered": n + 2}
    assert list(changes(sandbox).values()) == [[str(i) for i in range(n + 2)]]
    assert sandbox.get(f"/lead/{lead}/")["description"] == f"{n + 1}"


def test_a_link_that_waits_for_its_key_is_not_overtaken_either(
        closefeed, pipeline, sandbox, account):
    lead_with_two_keys(sandbox, account)
    path = pipeline([{"name": "N0", "new": "N1", "about": "first"}, {"name": "N1", "note": "then"},
                     {"account": "A-1", "about": "last"}], routes=KEYS)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    assert [call["method"] for call in sandbox.requests() if call["applied"]
            and call["method"] in ("POST", "PUT") and "search" not in call["path"]][-3:] == [
                "PUT", "POST", "PUT"]


def test_a_contact_that_brings_its_lead_a_key_holds_up_others_about_that_lead(
        closefeed, pipeline, sandbox, account):
    lead = lead_with_two_keys(sandbox, account)
    answer_slowly(sandbox, "/contact/")
    path = pipeline([{"lead": lead, "email": "new@x.example"},
                     {"of": "new@x.example", "about": "first"},
                     {"account": "A-1", "about": "last"}], routes="""
        - when: .lead
          operation: contact.create
          body: {lead_id: "{lead}", emails: [{email: "{email}"}]}
        - when: .of
          operation: lead.update
          match: {email: "{of}"}
          body: {description: "{about}"}
        """ + KEYS)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    assert list(changes(sandbox).values()) == [["first", "last"]]


TWO_OF_A_LEAD = """
- when: .company
  operation: lead.upsert
  match: {name: "{company}"}
  body: {description: "{about}"}
- when: .of
  operation: contact.upsert
  match: {email: "{of}"}
  link: {lead_id: {lead: {name: "{lead}"}}}
  body: {title: "{title}"}
- when: .email
  operation: contact.update
  params: {id: "{id}"}
  body: {emails: [{email: "{email}"}]}
- operation: contact.update
  params: {id: "{id}"}
  body: {title: "{title}"}
"""


def behind_their_lead(sandbox):
    """The first record is slow, the second waits for what it brings, the third for the second, which
    links to the same lead, and so does the fourth, whose contact the last one knows by its id."""
    one, two = sandbox.post("/lead/", {"name": "Acme", "contacts": [
        {"name": name, "emails": [{"email": f"{name}@x.example"}]} for name in ("one", "two")]})[
            "contacts"]
    sandbox.add_fault("slow_body", method="PUT", path=f"/contact/{two['id']}/", n=1, bytes=50, ms=80)
    return [{"id": two["id"], "email": "new@x.example"},
            {"of": "new@x.example", "lead": "Acme", "title": "of two"},
            {"company": "Acme", "about": "us"},
            {"of": "one@x.example", "lead": "Acme", "title": "first"},
            {"id": one["id"], "title": "last"}]


def titles(sandbox):
    return {contact["name"]: contact["title"] for contact in sandbox.objects("contact")}


def test_who_waits_behind_its_lead_is_not_overtaken_by_one_that_has_its_id(
        closefeed, pipeline, sandbox):
    path = pipeline(behind_their_lead(sandbox), routes=TWO_OF_A_LEAD)
    assert counts(run(closefeed, path)) == {"read": 5, "delivered": 5}
    assert titles(sandbox) == {"one": "last", "two": "of two"}
