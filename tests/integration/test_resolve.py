"""Resolve at work: how often search is asked, in which order calls are made, and what a kill leaves.

The search of the sandbox is a minute behind, so what a run makes it must remember by itself.
"""

import pytest
from harness import Pipelines, measure
from scenarios import (
    LEAD_OF_EMAIL, answer_slowly, counts, feed, field, run, searches, set_lag, writes)

UPSERT = """
- operation: lead.upsert
  match: {custom.Account ID: "{account}"}
  body: {name: "{name}"}
"""

BY_EMAIL = """
- name: lead
  continue: true
  operation: lead.upsert
""" + LEAD_OF_EMAIL + """\
  body: {name: "{company}"}
- name: note
  operation: activity.note.create
  link: {lead_id: {lead: {email: "{email}"}}}
  body: {note: "{note}"}
"""


PLAIN = """
- when: .lead
  name: plain
  operation: lead.update
  params: {id: "{lead}"}
  body: {name: "{name}"}
"""


@pytest.fixture(name="sandbox")
def _sandbox(start_sandbox):
    return start_sandbox("--lag", "1m", "--speed", "1000")


def accounts(n):
    return [{"account": f"A-{i}", "name": f"Company {i}"} for i in range(n)]


def test_ten_thousand_new_keys_need_a_question_for_each_250(
        closefeed, pipeline, sandbox, account):
    def records(n, **more):
        return [{**one, "account": f"{n}-{one['account']}", **more} for one in accounts(10000)]

    def make_new_ones(n):
        """Where reading stands still for a moment a question goes with fewer keys than it holds."""
        path = pipeline(records(n), name=f"new-{n}", routes=UPSERT,
                        responses=f"file: told-{n}.ndjson")
        before = len(searches(sandbox))
        made = closefeed("run", path, "--json", timeout=300)
        assert made.code == 0 and made.summary["delivered"] == 10000, made.err
        asked = len(searches(sandbox)) - before
        assert asked >= 40
        tries.append(path)
        return asked if asked > 60 else None

    tries = []
    measure(make_new_ones, times=3)
    # What the first run made is known to the second, which has all of them again.
    asked = len(searches(sandbox))
    feed(tries[-1], *records(len(tries) - 1, name="again"))
    assert closefeed("run", tries[-1], "--json", timeout=300).summary["delivered"] == 10000
    assert len(searches(sandbox)) == asked
    assert len(sandbox.objects("lead")) == 10000 * len(tries)


def test_twins_in_one_file_are_one_object_and_each_change_comes_in_order(
        closefeed, pipeline, sandbox, account):
    records = [{"account": f"A-{i % 7}", "name": f"{i % 7}-{i // 7}"} for i in range(70)]
    assert counts(run(closefeed, pipeline(records, routes=UPSERT))) == {
        "read": 70, "delivered": 70}
    leads = sandbox.objects("lead")
    assert sorted(lead["name"] for lead in leads) == [f"{i}-9" for i in range(7)]
    for lead in leads:
        names = [body["name"] for method, path, body in writes(sandbox)
                 if method == "PUT" and lead["id"] in path]
        assert names == [f"{lead['name'][0]}-{turn}" for turn in range(1, 10)]


def test_a_lead_and_its_note_by_email_in_one_run_and_again(closefeed, pipeline, sandbox):
    def records(n, **more):
        return [{"email": f"ana{i}@x{n}.example", "name": f"Ana {i}", "company": f"Company {n}-{i}",
                 "note": f"note {n}-{i}", **more} for i in range(200)]

    def make_new_ones(n):
        path = pipeline(records(n), name=f"new-{n}", routes=BY_EMAIL)
        before = len(searches(sandbox))
        assert counts(run(closefeed, path)) == {"read": 200, "delivered": 200}
        tries.append(path)
        asked = len(searches(sandbox)) - before
        return asked if asked > 4 else None

    tries = []
    measure(make_new_ones)
    asked = len(searches(sandbox))
    leads = {lead["id"]: lead["name"] for lead in sandbox.objects("lead")}
    assert sorted(leads.values()) == sorted(
        record["company"] for n in range(len(tries)) for record in records(n))
    for note in sandbox.objects("activity/note"):
        assert leads[note["lead_id"]] == note["note"].replace("note", "Company")
    feed(tries[-1], *[{**record, "email": record["email"].upper()}
                      for record in records(len(tries) - 1, note="again")])
    assert counts(run(closefeed, tries[-1])) == {"read": 200, "delivered": 200}
    assert len(sandbox.objects("lead")) == 200 * len(tries)
    assert len(searches(sandbox)) == asked


def test_what_is_behind_one_that_is_looked_up_does_not_overtake_it(
        closefeed, start_sandbox, tmp_path):
    """The second record names the object by its id, and its change must come second."""
    sandbox = start_sandbox("--lag", "0", "--no-rate-limit")
    pipeline, account = Pipelines(tmp_path, sandbox), field(sandbox, "Account ID")
    lead = sandbox.post("/lead/", {"name": "old", account: "A-1"})["id"]
    path = pipeline([{"account": "A-1", "name": "first"}, {"lead": lead, "name": "second"}],
                    routes=PLAIN + UPSERT)
    sandbox.add_fault("slow_body", method="POST", path="/data/search/", bytes=20, ms=30)
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    assert [body["name"] for method, _, body in writes(sandbox, "/lead/lead_")] == [
        "first", "second"]


def test_only_who_is_about_the_same_waits_for_a_parent_on_its_way(
        closefeed, pipeline, sandbox, account):
    """The child of a slow create stands aside; who comes behind it and is another's goes on."""
    old = sandbox.post("/lead/", {"name": "Old"})["id"]
    answer_slowly(sandbox, "/lead/")
    path = pipeline([
        {"step": "lead", "account": "A-1"}, {"step": "note", "account": "A-1", "note": "child"},
        {"step": "other", "lead": old}], routes="""
        - when: .step == "lead"
          operation: lead.create
          body: {name: "{account}", custom.Account ID: "{account}"}
        - when: .step == "note"
          operation: activity.note.create
          link: {lead_id: {lead: {custom.Account ID: "{account}"}}}
          body: {note: "{note}"}
        - operation: task.create
          body: {lead_id: "{lead}", text: other}
        """)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    note, = sandbox.objects("activity/note")
    assert {lead["id"]: lead["name"] for lead in sandbox.objects("lead")}[
        note["lead_id"]] == "A-1"
    done = [event["data"]["records"][0]["line"] for event in sandbox.hook_events()]
    assert done.index(3) < done.index(2)


def test_nobody_overtakes_who_stands_aside_about_the_same_object(
        closefeed, pipeline, sandbox, account):
    parent = field(sandbox, "Parent")
    lead = sandbox.post("/lead/", {"name": "Child"})["id"]
    sandbox.add_fault("slow_body", method="POST", path="/lead/", n=1, bytes=50, ms=40)
    path = pipeline([{"step": "lead", "account": "A-1"},
                     {"step": "linked", "lead": lead, "account": "A-1", "text": "one"},
                     {"step": "plain", "lead": lead, "text": "two"}], routes="""
        - when: .step == "lead"
          operation: lead.create
          body: {name: "{account}", custom.Account ID: "{account}"}
        - when: .step == "linked"
          name: linked
          operation: lead.update
          params: {id: "{lead}"}
          link: {custom.Parent: {lead: {custom.Account ID: "{account}"}}}
          body: {description: "{text}"}
        - operation: lead.update
          params: {id: "{lead}"}
          body: {description: "{text}"}
        """)
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    assert [body["description"] for method, _, body in writes(sandbox) if method == "PUT"] == [
        "one", "two"]
    made = next(one for one in sandbox.objects("lead") if one["name"] == "A-1")
    assert sandbox.get(f"/lead/{lead}/")[parent] == made["id"]


@pytest.mark.parametrize("point", [
    "draft_resolving", "lookup_asked", "lookup_answered", "draft_resolved", "outcome_asked",
    "outcome_durable"])
def test_a_kill_at_any_point_makes_no_twin_and_loses_nothing(
        closefeed, pipeline, sandbox, account, point):
    records = [{"account": f"A-{i % 20}", "name": f"{i}"} for i in range(60)]
    path = pipeline(records, routes=UPSERT)
    for nth in (1, 7, 31):
        killed = closefeed("run", path, env={"CLOSEFEED_KILL_AT": f"{point}:{nth}"})
        assert killed.code in (0, -9), killed.err
    assert run(closefeed, path)["rejected"] == 0
    leads = sandbox.objects("lead")
    assert sorted(int(lead["name"]) for lead in leads) == list(range(40, 60))


def test_an_object_that_is_gone_is_looked_up_again_once(closefeed, pipeline, sandbox, account):
    set_lag(sandbox, 0)
    path = pipeline(accounts(3), routes=UPSERT)
    run(closefeed, path)
    gone = next(lead for lead in sandbox.objects("lead") if lead["name"] == "Company 1")
    sandbox.ask("DELETE", f"/lead/{gone['id']}/")
    feed(path, *accounts(3))
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    calls = [(method, path) for method, path, _ in writes(sandbox, "/lead/")][3:]
    assert [method for method, path in calls if gone["id"] in path] == ["DELETE", "PUT"]
    assert sorted(lead["name"] for lead in sandbox.objects("lead")) == [
        f"Company {i}" for i in range(3)]


def test_a_search_that_may_not_be_made_stops_the_run(closefeed, pipeline, sandbox, account):
    sandbox.add_fault("status", path="/data/search/", status=403, body="{}")
    path = pipeline(accounts(3), routes=UPSERT)
    result = closefeed("run", path)
    assert result.code == 77, result.err
    assert "search answered 403" in result.err
    assert sandbox.objects("lead") == []


def test_a_question_that_is_refused_is_asked_in_halves(closefeed, pipeline, sandbox, account):
    """One key that search cannot take rejects its own record and no other."""
    sandbox.add_fault("status", path="/data/search/", status=400, body="{}", times=4)
    path = pipeline(accounts(8), routes=UPSERT)
    summary = run(closefeed, path, 1)
    assert (summary["delivered"], summary["rejected"]) == (7, 1)
    assert len(searches(sandbox)) >= 5


def test_who_waits_for_a_lane_is_woken_when_it_opens_by_time(closefeed, pipeline, sandbox):
    """Behind a repeated update the object's lane stays shut for a while, and then no call ends."""
    set_lag(sandbox, 0)
    path = pipeline([{"k": "Acme", "v": "0"}], delivery="quarantine: 1s", routes="""
- operation: lead.upsert
  match: {name: "{k}"}
  skip_unchanged: true
  body: {name: "{k}", description: "{v}"}
""")
    run(closefeed, path)
    sandbox.add_fault("reset_after", method="PUT", path="/lead/", times=1)
    feed(path, {"k": "Acme", "v": "1"}, {"k": "Acme", "v": "2"})
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    assert [lead["description"] for lead in sandbox.objects("lead")] == ["2"]


CHILDREN = """
- when: .lead
  operation: lead.upsert
  match: {name: "{k}"}
  body: {name: "{k}"}
- operation: contact.create
  link: {lead_id: {lead: {name: "{k}"}}}
  body: {name: "{v}"}
"""


def family(n):
    return [{"k": "Acme", "lead": True}] + [{"k": "Acme", "v": f"{i}"} for i in range(n)]


def test_more_children_of_one_parent_than_may_wait_do_not_end_the_run(
        closefeed, pipeline, sandbox):
    path = pipeline(family(2100), routes=CHILDREN, responses="file: told.ndjson")
    assert counts(run(closefeed, path)) == {"read": 2101, "delivered": 2101}


def test_who_waits_for_a_call_that_is_being_written_down_is_not_written_down(
        closefeed, pipeline, sandbox):
    path = pipeline(family(1500), routes=CHILDREN, close="concurrency: 2")
    killed = closefeed("run", path, env={"CLOSEFEED_KILL_AT": "record_settled:2"})
    assert killed.code == -9, killed.err
    assert closefeed("status", path, "--json").json["open"] < 20


TWICE = """
- operation: lead.upsert
  match: {name: "{k}"}
  body: {name: "{k}", description: "{v}"}
"""


@pytest.mark.parametrize("kill_at", [None, "trace_answered:2"])
def test_a_create_whose_id_was_cut_off_keeps_its_key_until_search_shows_it(
        closefeed, pipeline, sandbox, kill_at):
    """Also over a kill: Close has said that it was made, so it is not sent again."""
    set_lag(sandbox, 1500)

    def was_found_before_the_kill(n):
        sandbox.add_fault("body_cut", method="POST", path="/lead/", times=1)
        path = pipeline([{"k": f"Acme {n}", "v": "1"}, {"k": f"Acme {n}", "v": "2"}], routes=TWICE,
                        delivery="quarantine: 10s", name=f"n{n}")
        if kill_at:
            killed = closefeed("run", path, env={"CLOSEFEED_KILL_AT": kill_at})
            assert killed.code in (-9, 0), killed.err
            if not killed.code:
                return killed.err
        assert run(closefeed, path)["rejected"] == 0
        assert [lead["description"] for lead in sandbox.objects("lead")
                if lead["name"] == f"Acme {n}"] == ["2"]

    measure(was_found_before_the_kill)
