"""`closefeed send` of a record before its turn, which may be given back or wait for others."""

import json
import threading

import pytest

from harness import wait_until
from receiver import HeldBack
from test_send import Owner, account_field

FAMILY = """
- operation: lead.create
  when: .company
  identity: {custom.Account ID: "{account}"}
  body: {name: "{company}"}
- operation: contact.create
  link: {lead_id: {lead: {custom.Account ID: "{account}"}}}
  body: {name: "{name}"}
"""


def test_a_link_to_a_record_that_was_not_read_yet_sends_and_keeps_nothing(
        closefeed, pipeline, sandbox):
    account_field(sandbox)
    path = pipeline([{"account": "A-1", "company": "Acme"}, {"account": "A-1", "name": "Ana"}],
                    routes=FAMILY)
    early = closefeed("send", path, "--record", "2", "--yes")
    assert early.code == 75 and "was not read yet" in early.err, early.out + early.err
    assert sandbox.objects("contact") == []
    assert closefeed("rejects", "list", path, "--json").json["rejects"] == []
    assert closefeed("run", path, "--json").summary["delivered"] == 2
    assert [one["name"] for one in sandbox.objects("contact")] == ["Ana"]


def test_with_several_calls_none_of_them_is_sent(closefeed, pipeline, sandbox):
    account_field(sandbox)
    path = pipeline([{"account": "A-1", "company": "Acme"}, {"account": "A-1", "name": "Ana"}],
                    routes=FAMILY.replace("- operation: contact.create", """
- operation: activity.note.create
  continue: true
  link: {lead_id: {lead: {custom.Account ID: "{account}"}}}
  body: {note: "{name}"}
- operation: contact.create"""))
    early = closefeed("send", path, "--record", "2", "--yes")
    assert early.code == 75 and "was not read yet" in early.err, early.out + early.err
    assert sandbox.objects("contact") == sandbox.objects("activity/note") == []
    assert closefeed("run", path, "--json").summary["delivered"] == 2
    assert len(sandbox.objects("contact")) == len(sandbox.objects("activity/note")) == 1


@pytest.mark.parametrize("first", ["its parent", "its lists"])
def test_a_record_that_was_sent_too_early_leaves_whatever_it_waited_for(
        closefeed, pipeline, sandbox, first):
    """Its first output waits for an answer that comes when the record is long given back."""
    account_field(sandbox)
    lead = sandbox.post("/lead/", {"name": "Old", "contacts": [
        {"name": "Ana", "emails": [{"email": "ana@x.example"}]}]})
    path = pipeline([{"account": "A-1", "company": "Acme"}, {"account": "A-2", "company": "Bolt"},
                     {"account": "A-2", "name": "Ana", "email": "ana@x.example"}],
                    routes=FAMILY.replace("- operation: contact.create", {
                        "its parent": """
- operation: activity.note.create
  continue: true
  link: {lead_id: {lead: {custom.Account ID: A-1}}}
  body: {note: "{name}"}
- operation: contact.create""",
                        "its lists": """
- operation: contact.update
  continue: true
  match: {email: "{email}"}
  lists: {phones: append}
  body: {phones: [{phone: "+16505550100"}]}
- operation: contact.create"""}[first]))
    for method, slow in (("POST", "/lead/"), ("GET", f"/contact/{lead['contacts'][0]['id']}/")):
        sandbox.add_fault("slow_body", method=method, path=slow, n=1, bytes=10, ms=40)
    owner = closefeed.start("run", path, "--limit", "1")
    wait_until(lambda: sandbox.requests("POST", "/lead/")[2:])  # one of them made the field
    early = closefeed("send", path, "--record", "3", "--yes")
    assert early.code == 75 and "was not read yet" in early.err, early.out + early.err
    _, err = owner.communicate()
    assert owner.returncode == 0, err.decode()
    assert closefeed("run", path, "--json").summary["delivered"] == 2
    assert len(sandbox.objects("contact")) == 2


# Records that fill what may be open, and wait to be looked up; then a company.
FILLERS = """\
- operation: contact.create
  when: .pad
  link: {lead_id: {lead: {custom.Account ID: "{account}"}, on_none: skip}}
  body: {name: "{pad}"}
- operation: lead.create
  when: .company
  body: {name: "{company}"}
"""


@pytest.fixture
def held_back(sandbox):
    """Makes such a Close; its gate opens at the end."""
    made = []

    def make(holds):
        made.append(HeldBack(sandbox, holds))
        made[-1].server.__enter__()
        return made[-1]

    yield make
    for one in made:
        one.gate.set()
        one.server.__exit__()


def test_when_the_run_comes_to_its_place_meanwhile_it_waits_for_who_is_before_it(
        closefeed, pipeline, sandbox, held_back):
    """Its parent is read, and later than it was sent: it is in its place all the same."""
    account_field(sandbox)
    path = pipeline([{"account": f"A-{i}", "company": f"C{i}"} for i in range(100)]
                    + [{"account": "A-99", "name": "Ana"}], routes=FAMILY, close="concurrency: 1")
    close = held_back(lambda call: call.method == "POST" and call.path.endswith("/lead/"))
    run = Owner(closefeed, None, close.stand_in(path))
    early = closefeed.start("send", path, "--record", "101", "--yes")
    run.wait_for_another()
    close.gate.set()
    out, err = early.communicate(timeout=180)
    assert early.returncode == 0, (out + err).decode()
    assert run.end() == 0
    [ana] = sandbox.objects("contact")
    [lead] = [lead for lead in sandbox.objects("lead") if lead["name"] == "C99"]
    assert ana["lead_id"] == lead["id"]
    assert closefeed("status", path, "--json").json["counts"]["delivered"] == 101


def test_a_record_that_is_given_back_takes_no_room_from_the_run(
        closefeed, pipeline, sandbox, held_back):
    """What an earlier run left open ends meanwhile; as much is read as may be, and then the rest."""
    account_field(sandbox)
    lead, big = sandbox.post("/lead/", {"name": "Old"})["id"], "x" * 900000
    path = pipeline([{"lead": lead, "text": "new", "more": big}]
                    + [{"account": "none", "pad": big}] * 5
                    + [{"company": "Acme"}, {"of": "Acme", "name": "Ana"}], routes="""
- operation: lead.update
  when: .lead
  params: {id: "{lead}"}
  body: {description: "{text}"}
""" + FILLERS + """\
- operation: contact.create
  link: {lead_id: {lead: {name: "{of}"}}}
  body: {name: "{name}"}
""")
    searches = lambda: [call for call in close.server.calls if call.path.endswith("/search/")]
    puts = lambda: [call for call in close.server.calls if call.method == "PUT"]
    close = held_back(lambda call: call in puts()[:1] + searches()[:1])
    first = closefeed.start("run", close.stand_in(path), "--limit", "1")
    wait_until(puts)
    first.kill()
    first.communicate()

    run = closefeed.start("run", path, "--json")
    wait_until(lambda: searches() and puts()[1:] and puts()[1].left)
    early = closefeed.start("send", path, "--record", "8", "--yes")
    wait_until(lambda: searches()[1:] and searches()[1].left)
    close.gate.set()
    out, err = early.communicate(timeout=180)
    assert early.returncode == 75 and b"was not read yet" in err, (out + err).decode()
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, (out + err).decode()
    assert json.loads(out.splitlines()[-1])["delivered"] == 3
    assert [contact["name"] for contact in sandbox.objects("contact")] == ["Ana"]


def test_who_is_given_back_leaves_its_place_to_the_run_at_once(
        closefeed, pipeline, sandbox, held_back):
    """The run reads the record while an answer is on its way to what was given back of it."""
    account_field(sandbox)
    path = pipeline([{"account": "none", "pad": "x" * 900000}] * 5
                    + [{"company": "Acme"}, {"of": "Acme", "email": "ana@x.example"},
                       {"email": "ana@x.example", "title": "Buyer"}], routes=FILLERS + """\
- operation: activity.note.create
  when: .of
  continue: true
  link: {lead_id: {lead: {name: "{of}"}}}
  body: {note: "of {email}"}
- operation: contact.upsert
  when: .of
  match: {email: "{email}"}
  link: {lead_id: {lead: {name: "{of}"}}}
  body: {emails: [{email: "{email}"}]}
- operation: contact.update
  match: {email: "{email}"}
  body: {title: "{title}"}
""")
    fillers, contact, creates = gates = [threading.Event() for _ in range(3)]

    def that_look_for(text):
        return [call for call in close.server.calls
                if call.path.endswith("/search/") and text in call.body]

    def posts():
        return [call for call in close.server.calls if call.path.endswith("/contact/")]

    def hold(call):
        for gate, held in zip(gates, (that_look_for(b'"none"'), that_look_for(b"ana@"), posts())):
            if call in held:
                gate.wait(180)

    close = held_back(hold)
    run = closefeed.start("run", close.stand_in(path), "--json")
    wait_until(lambda: that_look_for(b'"none"'))
    early = closefeed.start("send", path, "--record", "7", "--yes")
    wait_until(lambda: that_look_for(b"ana@") and [1 for call in that_look_for(b"Acme") if call.left])
    fillers.set()
    out, err = early.communicate(timeout=180)
    assert early.returncode == 75, (out + err).decode()
    wait_until(lambda: closefeed("status", path, "--json").json["counts"]["open"] == 3)
    contact.set()
    wait_until(posts)
    for _ in range(3):
        assert closefeed("status", path, "--json").json["counts"]["rejected"] == 0
    creates.set()
    out, err = run.communicate(timeout=180)
    assert run.returncode == 0, (out + err).decode()
    [ana] = sandbox.objects("contact")
    assert ana["title"] == "Buyer"


def test_who_waits_for_a_held_call_is_told_so_and_sent_when_that_is_settled(
        closefeed, pipeline, sandbox):
    account_field(sandbox)
    path = pipeline([{"account": "A-1", "company": "Acme"}, {"account": "A-1", "name": "Ana"}],
                    routes=FAMILY, delivery="on_unknown: hold")
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=1)
    assert closefeed("run", path, "--limit", "1").code == 1
    sent = closefeed("send", path, "--record", "2", "--yes")
    assert sent.code == 75, sent.out + sent.err
    assert "it waits for the held lead.create of signups.ndjson line 1" in sent.out
    [held] = closefeed("held", "list", path, "--json").json["held"]
    [lead] = sandbox.objects("lead")
    resolved = closefeed("held", "resolve", path, held["id"], "--applied", lead["id"])
    assert resolved.code == 0, resolved.err
    assert closefeed("run", path).code == 0
    assert [contact["lead_id"] for contact in sandbox.objects("contact")] == [lead["id"]]


def test_a_retry_that_comes_behind_who_waits_for_a_person_is_told_so(
        closefeed, pipeline, sandbox):
    account_field(sandbox)
    path = pipeline([{"account": "A-0", "email": "ana@x.example"},
                     {"account": "A-1", "company": "Acme"},
                     {"account": "A-1", "email": "ana@x.example"}],
                    routes=FAMILY.replace("contact.create", "contact.upsert", 1).replace(
                        "body: {name: \"{name}\"}",
                        "match: {email: \"{email}\"}\n  body: {emails: [{email: \"{email}\"}]}"),
                    source="ndjson: {path: signups.ndjson, follow: true}",
                    delivery="on_unknown: hold")
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=1)
    owner = closefeed.start("run", path)
    wait_until(lambda: {"rejected", "held", "open"} <= {
        key for key, n in closefeed("status", path, "--json").json["counts"].items() if n == 1})
    again = closefeed("rejects", "retry", path, "--all", "--json", timeout=60)
    [result] = again.json["results"]
    assert result["outcome"] == "rejected", again.out
    assert "waits for the held lead.create of signups.ndjson line 2" in result["message"]
    owner.terminate()
    owner.communicate(timeout=180)
