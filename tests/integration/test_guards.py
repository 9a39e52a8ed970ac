"""Guards: what sends, costs, changes much, destroys or makes leads nobody asked for needs a word."""

import json

import pytest

from harness import Pipelines, Program, Sandbox, environment

DELETE = "- operation: lead.delete\n  allow: [destroys]"
MERGE = "- operation: lead.merge\n  allow: [destroys]"
ONE = {"type": "id", "value": "lead_A1"}
LEADS = {"type": "object_type", "object_type": "lead"}


def leads(sandbox, n):
    return [sandbox.post("/lead/", {"name": f"Lead {i}"})["id"] for i in range(n)]


def writes(sandbox):
    return [call for call in sandbox.requests() if call["method"] in ("POST", "PUT", "DELETE")
            and not call["path"].endswith("/data/search/")]


def previewed(closefeed, path):
    result = closefeed("preview", path, "--json")
    return [json.loads(line) for line in result.out.splitlines()]


def refused(closefeed, path, n_before, sandbox):
    """What run rejects, and preview shows before it; nothing was sent."""
    shown = [line["rejected"] for line in previewed(closefeed, path)]
    result = closefeed("run", path, "--json")
    assert result.code == 1, result.err
    kept = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert [one["class"] for one in kept] == [one["class"] for one in shown]
    assert [one["message"] for one in kept] == [one["message"] for one in shown]
    assert len(writes(sandbox)) == n_before
    return kept


# What depends on the record


@pytest.mark.parametrize("operation, record, field, says", [
    ("contact.create", {"name": "Ana"}, "lead_id", "the contact names no lead"),
    ("contact.create", {"name": "Ana", "lead_id": " "}, "lead_id", "allow: [orphans]"),
    ("opportunity.create", {"value": 5}, "lead_id", "the opportunity names no lead"),
    ("activity.email.create", {"lead_id": "lead_A1", "status": "outbox"}, "status",
     'status "outbox": with it Close really sends the e-mail'),
    ("activity.email.create",
     {"lead_id": "lead_A1", "status": "sent", "followup_sequence_id": "seq_1"},
     "followup_sequence_id", 'followup_sequence_id "seq_1": it puts the contact into a sequence'),
    ("activity.email.update", {"id": "acti_1", "status": "scheduled"}, "status",
     'status "scheduled": with it Close really sends'),
    ("activity.sms.create", {"status": "outbox", "text": "x"}, "status", "the text message"),
    ("activity.sms.update", {"id": "acti_1", "status": "outbox"}, "status", "allow: [sends]"),
    ("sequence.update", {"id": "seq_1", "status": "active"}, "status", "the sequence sends"),
    ("sequence.update", {"id": "seq_1", "steps": []}, "steps", "other steps send other mail"),
    ("sequence_subscription.update", {"id": "sub_1", "status": "active"}, "status",
     "goes on sending"),
])
def test_a_record_that_would_do_it_is_rejected_before_it_is_sent(
        closefeed, pipeline, sandbox, operation, record, field, says):
    path = pipeline([record], routes=f"- operation: {operation}")
    assert closefeed("check", path).code == 0
    [reject] = refused(closefeed, path, 0, sandbox)
    assert reject["class"] == "guard" and reject["field"] == field and says in reject["message"]


def test_a_path_of_the_catalogue_is_guarded_as_its_operation(closefeed, pipeline, sandbox):
    path = pipeline([{"id": "acti_1", "status": "outbox"}],
                    routes='- method: PATCH\n  url: "/activity/email/{id}"')
    [reject] = refused(closefeed, path, 0, sandbox)
    assert reject["class"] == "guard" and reject["field"] == "status"
    path = pipeline([{"id": "lead_A1"}], routes='- method: DELETE\n  url: "/lead/{id}"')
    result = closefeed("check", path)
    assert result.code == 78 and "lead.delete needs allow: [destroys]" in result.err


OPEN = """- method: POST
  url: "/{type}/{verb}/"
  exclude: [also]"""


@pytest.mark.parametrize("record, says", [
    ({"type": "activity", "verb": "email", "lead_id": "lead_A1", "status": "outbox"}, 'status "outbox"'),
    ({"type": "lead", "verb": "merge", "source": "lead_A1", "destination": "lead_A2"},
     "POST /lead/merge/, lead.merge, which needs allow: [destroys]"),
    ({"type": "bulk_action", "verb": "delete"},
     "bulk_action.delete.create, which needs allow: [mass, destroys]"),
    ({"type": "bulk_action", "verb": "tomorrow"}, "which needs allow: [mass]"),
])
def test_what_the_record_makes_of_a_url_is_guarded_as_that_operation(
        closefeed, pipeline, sandbox, record, says):
    path = pipeline([record], routes=OPEN)
    checked = closefeed("check", path)
    assert checked.code == 0 and "is seen record by record" in checked.err
    [reject] = refused(closefeed, path, 0, sandbox)
    assert reject["class"] == "guard" and says in reject["message"]
    again = closefeed("rejects", "retry", path, "--all")
    assert again.code == 1 and not writes(sandbox)


@pytest.mark.parametrize("text", ["lead/merge", "lead%2Fmerge", "x/../lead/merge", "Lead/merge",
                                  "api/v1/lead/merge"])
def test_no_value_hides_which_operation_a_url_is(closefeed, pipeline, sandbox, text):
    path = pipeline([{"to": text, "source": "lead_A1", "destination": "lead_A2"}],
                    routes='- method: POST\n  url: "/{to}/"')
    [reject] = refused(closefeed, path, 0, sandbox)
    assert reject["class"] == "template" and "the finished URL" in reject["message"]
    path = pipeline([{"id": f"group_1/../../{text}"}], name="id",
                    routes="- operation: group.update\n  body: {name: x}")
    [reject] = refused(closefeed, path, 0, sandbox)
    assert reject["class"] == "template" and "leads elsewhere" in reject["message"]


@pytest.mark.parametrize("url", ["/lead%2Fmerge/", "/bulk%5Faction/delete/", "/LEAD/merge"])
def test_a_path_is_not_written_so_that_close_reads_another(closefeed, pipeline, url):
    path = pipeline([{}], routes=f"- method: POST\n  url: {url}\n  allow: [mass, destroys]")
    result = closefeed("check", path)
    assert result.code == 78 and "which Close may read as" in result.err


def test_an_open_url_is_its_operation_where_that_is_allowed(closefeed, pipeline, sandbox):
    lead = sandbox.post("/lead/", {"name": "Acme"})["id"]
    before = len(writes(sandbox))
    records = [{"type": "activity", "verb": "note", "lead_id": lead, "note": "n"},
               {"type": "lead", "verb": "merge", "source": "lead_0", "destination": lead},
               {"type": "lead", "verb": "merge", "source": "lead_0", "destination": lead}]
    path = pipeline(records, routes=OPEN + "\n  allow: [destroys]",
                    delivery="max_destroys: 0")
    result = closefeed("run", path, "--json")
    assert result.code == 75 and "max_destroys" in result.out
    assert [call["path"] for call in writes(sandbox)[before:]] == ["/activity/note/"]


def test_a_batch_of_an_open_url_is_guarded_as_its_operation(closefeed, pipeline, sandbox):
    path = pipeline([{"kind": "email", "lead_id": "lead_A1", "status": "draft"}] * 2,
                    routes="""- method: POST
  url: "/activity/{kind}/"
  batch: {algorithm: expression, program: '.[0] | .status = "outbox"'}""")
    assert closefeed("run", path).code == 1 and not writes(sandbox)
    kept = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert [one["class"] for one in kept] == ["guard"] * 2


def test_what_is_allowed_is_sent(closefeed, pipeline, sandbox):
    path = pipeline([{"name": "Ana"}], routes="- operation: contact.create\n  allow: [orphans]")
    assert closefeed("run", path).code == 0
    assert [lead["name"] for lead in sandbox.objects("lead")] == ["Ana"]
    lead = sandbox.post("/lead/", {"name": "A"})["id"]
    record = {"lead_id": lead, "status": "outbox", "sender": "me@example.com", "to": ["a@example.com"]}
    path = pipeline([record], name="mail",
                    routes="- operation: activity.email.create\n  allow: [sends]")
    [line] = previewed(closefeed, path)
    assert line["body"]["status"] == "outbox"


def test_a_reject_goes_when_the_route_has_the_word(closefeed, pipeline, sandbox):
    path = pipeline([{"name": "Ana"}], routes="- operation: contact.create")
    assert closefeed("run", path).code == 1 and not writes(sandbox)
    [reject] = closefeed("rejects", "list", path, "--json").json["rejects"]
    path.write_text(path.read_text().replace("contact.create", "contact.create\n    allow: [orphans]"))
    result = closefeed("rejects", "retry", path, "--all")
    assert result.code == 0, result.err
    assert [lead["name"] for lead in sandbox.objects("lead")] == ["Ana"]


def test_another_word_does_not_help(closefeed, pipeline, sandbox):
    path = pipeline([{"name": "Ana"}], routes="- operation: contact.create\n  allow: [sends]")
    assert "no call of contact.create needs it: take sends out" in closefeed("check", path).err
    assert closefeed("run", path).code == 1 and not writes(sandbox)


def test_a_link_gives_the_lead_that_a_contact_needs(closefeed, pipeline, sandbox):
    sandbox.post("/_sandbox/settings", {"lag_ms": 0})
    lead = sandbox.post("/lead/", {"name": "Acme"})["id"]
    path = pipeline([{"name": "Ana", "company": "Acme"}], routes="""- operation: contact.create
  link: {lead_id: {lead: {name: "{company}"}}}
  body: {name: "{name}"}""")
    assert closefeed("run", path).code == 0
    assert [c["lead_id"] for c in sandbox.objects("contact")] == [lead]


def test_what_a_batch_makes_of_its_records_is_guarded_too(closefeed, pipeline, sandbox):
    path = pipeline([{"lead_id": "lead_A1", "status": "draft"}] * 2, routes="""- operation: activity.email.create
  batch: {algorithm: expression, program: '.[0] | .status = "outbox"'}""")
    assert closefeed("run", path, "--json").summary["rejected"] == 2
    kept = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert {(one["class"], one["field"]) for one in kept} == {("guard", "status")}
    assert not writes(sandbox)


# What would change everything there is


@pytest.mark.parametrize("query, record, field, says", [
    ('{lead_id: "{lead}", is_complete: "false"}', {}, "lead_id", "{lead} has no value"),
    ('{lead_id: "{lead}", is_complete: "false"}', {"lead": ""}, "lead_id", "is empty"),
    ('{lead_id: "{lead}", is_complete: "false"}', {"lead": None}, "lead_id", "null"),
    ('{id__in: "{ids}"}', {"ids": " , "}, "id__in", "the filter id__in has no value"),
])
def test_tasks_are_changed_by_a_filter_or_not_at_all(
        closefeed, pipeline, sandbox, query, record, field, says):
    path = pipeline([record], routes=f"""- operation: task.bulk_update
  allow: [mass]
  query: {query}
  body: {{is_complete: true}}""")
    [reject] = refused(closefeed, path, 0, sandbox)
    assert reject["class"] == "guard" and reject["field"] == field and says in reject["message"]


def test_a_record_without_a_filter_never_changes_all_tasks(closefeed, pipeline, sandbox):
    path = pipeline([{"is_complete": True}, {"is_complete": True, "_params": {}}],
                    routes="- operation: task.bulk_update\n  allow: [mass]")
    kept = refused(closefeed, path, 0, sandbox)
    assert {one["class"] for one in kept} == {"guard"}
    assert all("every task there is" in one["message"] for one in kept)


def test_tasks_with_a_filter_are_changed(closefeed, pipeline):
    path = pipeline([{"lead": "lead_A1"}], routes="""- operation: task.bulk_update
  allow: [mass]
  query: {lead_id: "{lead}"}
  body: {is_complete: true}""")
    [line] = previewed(closefeed, path)
    assert line["url"].endswith("/task/?lead_id=lead_A1") and line["body"] == {"is_complete": True}


@pytest.mark.parametrize("record", [
    {}, {"s_query": {}}, {"s_query": {"query": LEADS}}, {"query": " "},
    {"s_query": {"query": {"type": "and", "queries": [LEADS]}}, "results_limit": 5},
])
def test_a_bulk_action_that_selects_nothing_is_never_sent(closefeed, pipeline, sandbox, record):
    path = pipeline([{"send_done_email": False, **record}],
                    routes="- operation: bulk_action.delete.create\n  allow: [mass, destroys]")
    [reject] = refused(closefeed, path, 0, sandbox)
    assert reject["class"] == "guard" and reject["field"] == "s_query"
    assert "every lead there is" in reject["message"]


def test_a_part_of_a_search_that_is_missing_does_not_make_it_wider(closefeed, pipeline, sandbox):
    routes = """- operation: bulk_action.delete.create
  allow: [mass, destroys]
  body:
    s_query:
      query:
        type: and
        queries:
          - {type: object_type, object_type: lead}
          - {type: id, value: "{lead}"}
          - {type: id, value: "{other}"}"""
    path = pipeline([{"lead": "lead_A1"}], routes=routes)
    [reject] = refused(closefeed, path, 0, sandbox)
    assert reject["class"] == "guard" and "{other} has no value" in reject["message"]
    path = pipeline([{"lead": "lead_A1", "other": "lead_A2"}], name="both", routes=routes)
    [line] = previewed(closefeed, path)
    assert len(line["body"]["s_query"]["query"]["queries"]) == 3


# delivery.max_destroys


def test_the_101st_delete_is_not_sent(closefeed, pipeline, sandbox):
    path = pipeline([{"id": lead} for lead in leads(sandbox, 103)], routes=DELETE)
    before = len(writes(sandbox))
    result = closefeed("run", path, "--json")
    assert result.code == 75 and result.summary["delivered"] == 100, result.err
    assert result.summary["rejected"] == 0
    assert "100 deletes and merges" in result.summary["reason"]
    assert "delivery.max_destroys" in result.summary["reason"]
    assert "run again" in result.summary["reason"]
    assert len(writes(sandbox)) == before + 100 and len(sandbox.objects("lead")) == 3

    result = closefeed("run", path, "--json")
    assert result.code == 0 and sandbox.objects("lead") == [], result.err
    assert len(writes(sandbox)) == before + 103


def test_deletes_and_merges_count_together(closefeed, pipeline, sandbox):
    ids = leads(sandbox, 6)
    routes = """- when: has("source")
  operation: lead.merge
  allow: [destroys]
- operation: lead.delete
  allow: [destroys]"""
    records = [{"source": ids[0], "destination": ids[1]}, {"id": ids[2]}, {"id": ids[3]}]
    path = pipeline(records, routes=routes, delivery="max_destroys: 2")
    result = closefeed("run", path, "--json")
    assert result.code == 75 and "2 deletes and merges" in result.summary["reason"]
    assert len(sandbox.objects("lead")) == 4
    assert closefeed("run", path).code == 0 and len(sandbox.objects("lead")) == 3


def test_other_calls_count_for_nothing(closefeed, pipeline, sandbox):
    ids = leads(sandbox, 5)
    path = pipeline([{"id": lead, "name": "x"} for lead in ids], delivery="max_destroys: 0",
                    routes="- operation: lead.update")
    assert closefeed("run", path).code == 0


def test_what_close_refuses_destroyed_nothing_and_does_not_count(closefeed, pipeline, sandbox):
    ids = leads(sandbox, 2)
    records = [{"id": "lead_none1"}, {"id": ids[0]}, {"id": "lead_none2"}, {"id": ids[1]}]
    path = pipeline(records, routes=DELETE, close="concurrency: 1", delivery="max_destroys: 2")
    result = closefeed("run", path, "--json")
    assert result.code == 1 and result.summary["delivered"] == 2, result.err
    assert sandbox.objects("lead") == []


def test_none_may_be_made_where_it_is_0(closefeed, pipeline, sandbox):
    path = pipeline([{"id": lead} for lead in leads(sandbox, 1)], routes=DELETE,
                    delivery="max_destroys: 0")
    assert closefeed("run", path).code == 75 and len(sandbox.objects("lead")) == 1


def test_a_call_that_is_sent_again_counts_once(closefeed, pipeline, sandbox):
    ids = leads(sandbox, 2)
    sandbox.add_fault("status", method="DELETE", n=1, status=429, headers={"retry-after": "1"})
    path = pipeline([{"id": lead} for lead in ids], routes=DELETE, delivery="max_destroys: 2")
    assert closefeed("run", path).code == 0 and sandbox.objects("lead") == []


# A program without them


@pytest.fixture
def without(binary, tmp_path):
    """A sandbox and a program that lacks a defence."""
    started = []

    def start(name):
        folder = tmp_path / (name or "whole")
        folder.mkdir()
        program = Program(binary, folder, environment(folder))
        started.append(Sandbox(program))
        env = {"CLOSEFEED_WITHOUT": name} if name else {}
        return (lambda *words: program(*words, env=env)), Pipelines(folder, started[-1]), started[-1]

    yield start
    for sandbox in started:
        sandbox.stop()


@pytest.mark.parametrize("name, n", [(None, 0), ("guards", 2)])
def test_without_guards_contacts_breed_leads(without, name, n):
    program, pipeline, sandbox = without(name)
    program("run", pipeline([{"name": "Ana"}, {"name": "Ben"}], routes="- operation: contact.create"))
    assert len(sandbox.objects("lead")) == n


@pytest.mark.parametrize("name, n", [(None, 2), ("max_destroys", 0)])
def test_without_max_destroys_a_wrong_list_deletes_all(without, name, n):
    program, pipeline, sandbox = without(name)
    path = pipeline([{"id": lead} for lead in leads(sandbox, 5)], routes=DELETE,
                    delivery="max_destroys: 3")
    program("run", path)
    assert len(sandbox.objects("lead")) == n
