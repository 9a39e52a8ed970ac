"""Records that make several calls: `continue`, transforms with several results, and their account."""

import collections
import json

import pytest
from bulk import Bulk, adds_up, bulk_pipeline, events, lines_of
from harness import NOTE_AND_TASK, wait_until

def leads(sandbox, n):
    return [sandbox.post("/lead/", {"name": f"Lead {i}"})["id"] for i in range(n)]


def for_leads(ids, due="2026-12-01"):
    return [{"lead": lead, "text": f"T-{i}", "due": due} for i, lead in enumerate(ids, 1)]


def test_one_record_makes_a_note_and_a_task_in_the_order_of_the_routes(
        closefeed, pipeline, sandbox):
    ids = leads(sandbox, 10)
    result = closefeed("run", pipeline(for_leads(ids), routes=NOTE_AND_TASK), "--json")
    assert result.code == 0, result.err
    assert result.summary["read"] == result.summary["delivered"] == 10
    assert {(note["lead_id"], note["note"]) for note in sandbox.objects("activity/note")} == {
        (lead, f"T-{i}") for i, lead in enumerate(ids, 1)}
    assert collections.Counter(task["lead_id"] for task in sandbox.objects("task")) == (
        collections.Counter(ids))
    told = collections.defaultdict(list)
    for event in sandbox.hook_events():
        told[event["data"]["records"][0]["line"]].append(event["data"]["route"])
    assert {line: sorted(routes) for line, routes in told.items()} == {
        line: ["note", "task"] for line in range(1, 11)}


def test_calls_about_one_object_are_made_in_the_order_of_the_routes(closefeed, pipeline, sandbox):
    lead, = leads(sandbox, 1)
    routes = """
        - name: first
          operation: lead.update
          params: {id: "{lead}"}
          body: {description: "{n} first"}
          continue: true
        - name: second
          operation: lead.update
          params: {id: "{lead}"}
          body: {description: "{n} second"}
        """
    path = pipeline([{"lead": lead, "n": n} for n in range(8)], routes=routes)
    assert closefeed("run", path).code == 0
    assert [json.loads(call["body"])["description"] for call in sandbox.requests("PUT")] == [
        f"{n} {which}" for n in range(8) for which in ("first", "second")]


def test_the_worst_output_is_the_outcome_of_its_record(closefeed, pipeline, sandbox):
    ids = leads(sandbox, 3)
    records = for_leads(ids)
    records[1]["due"] = "no day at all"
    path = pipeline(records, routes=NOTE_AND_TASK)
    result = closefeed("run", path, "--json")
    assert result.code == 1 and adds_up(result.summary)
    assert (result.summary["read"], result.summary["delivered"], result.summary["rejected"]) == (
        3, 2, 1)
    assert len(sandbox.objects("activity/note")) == 3 and len(sandbox.objects("task")) == 2
    reject, = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert (reject["route"], reject["records"][0]["line"]) == ("task", 2)


def test_only_what_was_rejected_is_taken_up_again(closefeed, pipeline, sandbox):
    records = for_leads(leads(sandbox, 2))
    records[0]["due"] = "no day at all"
    path = pipeline(records, routes=NOTE_AND_TASK)
    assert closefeed("run", path).code == 1
    pipeline(routes=NOTE_AND_TASK.replace('due_date: "{due}"', 'due_date: "2026-12-02"'))
    assert closefeed("rejects", "retry", path, "--all", timeout=180).code == 0
    assert len(sandbox.objects("activity/note")) == 2 and len(sandbox.objects("task")) == 2
    assert closefeed("run", path, "--json").summary["read"] == 0
    assert closefeed("rejects", "list", path, "--json").json["rejects"] == []


def test_an_output_that_is_rejected_here_does_not_hold_the_others_back(
        closefeed, pipeline, sandbox):
    records = for_leads(leads(sandbox, 3))
    records[2]["due"] = "soon"
    result = closefeed("run", pipeline(records, routes=NOTE_AND_TASK.replace(
        '"{due}"', '"{due|date}"')), "--json")
    assert result.code == 1 and adds_up(result.summary)
    assert (result.summary["delivered"], result.summary["rejected"]) == (2, 1)
    assert len(sandbox.objects("activity/note")) == 3 and len(sandbox.objects("task")) == 2


def test_what_a_transform_drops_is_filtered_and_counted(closefeed, pipeline, sandbox):
    records = [{"name": f"Company {i}", "keep": i % 3 == 0} for i in range(30)]
    path = pipeline(records, routes="""
        - operation: lead.create
          transform: if .keep then {name} else empty end
        """)
    result = closefeed("run", path, "--json")
    assert result.code == 0 and adds_up(result.summary)
    assert (result.summary["read"], result.summary["delivered"], result.summary["filtered"]) == (
        30, 10, 20)
    assert len(sandbox.objects("lead")) == 10 and len(sandbox.hook_events()) == 10
    assert "20 filtered" in closefeed("run", path, "--new-state").err
    assert closefeed("run", path, "--json").summary["read"] == 0


def test_several_results_of_a_transform_are_one_record(closefeed, pipeline, sandbox):
    records = [{"who": ["A", "B", "C"]}, {"who": []}, {"who": ["D"]}, {"who": ["E", ""]}]
    result = closefeed("run", pipeline(records, routes="""
        - operation: lead.create
          transform: .who[] | if . == "" then empty else {name:.} end
        """), "--json")
    assert result.code == 0 and adds_up(result.summary)
    assert (result.summary["read"], result.summary["delivered"], result.summary["filtered"]) == (
        4, 3, 1)
    assert sorted(lead["name"] for lead in sandbox.objects("lead")) == list("ABCDE")


def test_one_record_goes_alone_and_with_others(closefeed, tmp_path):
    """Each record makes a call of its own and stands in a list, too: 50 records, 50 + 5 calls."""
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, [{"id": i} for i in range(50)], routes="""
            - name: single
              method: PUT
              url: "/people/{id}/"
              body: {n: "{id}"}
              continue: true
            - name: list
              method: POST
              url: /bulk/
              batch: {size: 10, algorithm: array}
            """)
        result = closefeed("run", path, "--json")
    assert result.code == 0, result.err
    assert result.summary["read"] == result.summary["delivered"] == 50
    assert len([call for call in host.writes() if call.path.startswith("/people/")]) == 50
    assert [len(call.json) for call in host.writes("/bulk/")] == [10] * 5
    told = collections.Counter(line for event in events(tmp_path) for line in lines_of(event))
    assert told == collections.Counter({line: 2 for line in range(1, 51)})


def test_a_record_half_of_which_waits_is_open(closefeed, tmp_path):
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, source="{ndjson: {path: '-'}}", routes="""
            - method: PUT
              url: "/people/{id}/"
              body: {n: "{id}"}
              continue: true
            - method: POST
              url: /bulk/
              batch: {size: 10, wait: 1h, algorithm: array}
            """)
        run = closefeed.start("run", path, "--json", stdin=-1)
        run.stdin.write(b'{"id":1}\n{"id":2}\n')
        run.stdin.flush()
        wait_until(lambda: len(events(tmp_path)) == 2)
        assert closefeed("status", path, "--json").json["open"] == 2
        assert host.writes("/bulk/") == []
        run.communicate(timeout=180)
    assert run.returncode == 0
    assert [call.json for call in host.writes("/bulk/")] == [[{"id": 1}, {"id": 2}]]


# Rejects that stand for more than one call

def made(sandbox):
    return (sorted(note["note"] for note in sandbox.objects("activity/note")),
            sorted(task["text"] for task in sandbox.objects("task")))


TWO = """
- name: note
  operation: activity.note.create
  body: {lead_id: "{lead}", note: "{text}"}
  continue: true
- name: task
  operation: task.create
  body: {lead_id: "{lead}", text: "{text}"}
"""


def retry_all(closefeed, path):
    return closefeed("rejects", "retry", path, "--all", timeout=180).code


def left_over(closefeed, path):
    return (closefeed("rejects", "list", path, "--json").json["rejects"],
            closefeed("status", path, "--json").json["open"])


def test_a_record_that_no_transform_took_is_taken_up_with_all_its_calls(
        closefeed, pipeline, sandbox):
    lead, = leads(sandbox, 1)
    path = pipeline([{"lead": lead, "text": "A"}, {"lead": lead, "text": ["B"]}], routes=TWO,
                    more="transform: .text |= ascii_downcase")
    assert closefeed("run", path).code == 1
    assert made(sandbox) == (["a"], ["a"])
    path.write_text(path.read_text().replace("ascii_downcase", "(tostring | ascii_downcase)"))
    assert retry_all(closefeed, path) == 0
    closefeed("run", path)  # what the question did not wait for
    assert made(sandbox) == (['["b"]', "a"], ['["b"]', "a"])
    assert left_over(closefeed, path) == ([], 0)


def test_what_came_before_a_condition_that_failed_is_not_made_again(closefeed, pipeline, sandbox):
    lead, = leads(sandbox, 1)
    routes = TWO.replace("- name: task", "- name: task\n  when: (.n | test(\"x\")) or true") + (
        '  continue: true\n- name: last\n  operation: activity.note.create\n'
        '  body: {lead_id: "{lead}", note: "last {text}"}\n')
    path = pipeline([{"lead": lead, "text": "A", "n": 1}], routes=routes)
    assert closefeed("run", path).code == 1
    assert made(sandbox) == (["A"], [])
    path.write_text(path.read_text().replace('(.n | test("x")) or true', '.n == 1'))
    assert retry_all(closefeed, path) == 0
    closefeed("run", path)
    assert made(sandbox) == (["A", "last A"], ["A"])
    assert left_over(closefeed, path) == ([], 0)


def test_a_reject_follows_its_route_where_the_routes_were_moved(closefeed, pipeline, sandbox):
    lead, = leads(sandbox, 1)
    path = pipeline([{"lead": lead, "text": "A"}], routes="""
        - name: task
          operation: task.create
          body: {lead_id: "{lead}", text: "{text}", due_date: "no day"}
        """)
    assert closefeed("run", path).code == 1
    pipeline(routes=TWO)  # a note comes before it now
    assert retry_all(closefeed, path) == 0
    assert made(sandbox) == ([], ["A"])
    assert left_over(closefeed, path) == ([], 0)


def failing(host, folder, before):
    """A record that some routes sent, and whose last route's condition fails on it."""
    routes = "".join(
        f"- {{name: {name}, method: POST, url: /{name}/, continue: true}}\n" for name in before)
    return bulk_pipeline(folder, host, [{"id": 1, "x": "q"}], routes=routes +
                         "- {name: b, when: '(.x | tonumber) > 0', method: POST, url: /b/}\n")


def mended(host, folder, names):
    """The same file with routes that take every record."""
    *others, last = names
    return bulk_pipeline(folder, host, routes="".join(
        f"- {{name: {name}, method: POST, url: /{name}/, continue: true}}\n" for name in others) +
        f"- {{name: {last}, method: POST, url: /{last}/}}\n")


@pytest.mark.parametrize("before, now, sent", [
    (["a"], ["z", "a", "b"], ["/a/", "/b/"]),  # a route came in front: what a sent is not sent again
    (["a", "a2"], ["b", "c"], ["/a/", "/a2/", "/b/", "/c/"]),  # fewer outputs than there were
])
def test_a_retry_after_an_edit_sends_what_was_not_sent(closefeed, tmp_path, before, now, sent):
    with Bulk() as host:
        path = failing(host, tmp_path, before)
        assert closefeed("run", path).code == 1
        mended(host, tmp_path, now)
        result = closefeed("rejects", "retry", path, "--all", "--json")
        assert [row["outcome"] for row in result.json["results"]] == ["delivered"], result.err
    assert sorted(call.path for call in host.writes()) == sorted(sent)
    ids = [event["id"] for event in events(tmp_path)]
    assert len(set(ids)) == len(ids)
