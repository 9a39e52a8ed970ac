"""What people ask about the state and decide about it, while a run works and when nothing runs."""

import collections
import json
import pathlib
import subprocess
import threading

import pytest

from harness import ndjson, take_time, wait_until
from receiver import Server, close_that

STDIN = 'ndjson: {path: "-"}'
BAD = {"name": "Bad mail", "contacts": [{"name": "A", "emails": [{"email": "nobody"}]}]}


class Desk:
    """A pipeline over standard input: its run has ended, or goes on and owns the state."""

    def __init__(self, closefeed, mode):
        self.closefeed, self.is_running, self.process, self.path = (
            closefeed, mode == "running", None, None)

    def begin(self, path, records, told):
        """Runs it over @records until told() events were received; returns the path."""
        self.path = path
        if not self.is_running:
            self.closefeed("run", path, input=ndjson(records))
            return path
        self.process = self.closefeed.start("run", path, stdin=subprocess.PIPE)
        self.more(records)
        wait_until(told)
        return path

    def more(self, records):
        self.process.stdin.write(ndjson(records).encode())
        self.process.stdin.flush()

    def end(self):
        """The input ends; returns how the run did."""
        if not self.process:
            return None
        _, err = self.process.communicate(timeout=180)
        assert b"Sanitizer" not in err, err.decode()
        code, self.process = self.process.returncode, None
        return code

    def ask(self, *words, **how):
        """`VERB ACTION PIPELINE ...` as JSON; the exit code beside it."""
        verb, *rest = words
        action, rest = (rest[:1], rest[1:]) if verb != "status" else ([], rest)
        result = self.closefeed(verb, *action, self.path, *rest, "--json", **how)
        return result.code, json.loads(result.out) if result.out else result.err

    def rejects(self):
        return self.ask("rejects", "list")[1]["rejects"]

    def held(self):
        return self.ask("held", "list")[1]["held"]


@pytest.fixture(params=["alone", "running"])
def desk(request, closefeed):
    made = Desk(closefeed, request.param)
    yield made
    made.end()


# So that a lost answer needs no time to become a question for people.
HELD_AT_ONCE = "max_rejects: none\nquarantine: 1s\non_unknown: hold"


@pytest.fixture
def begin(desk, pipeline, sandbox):
    """Begins the desk's work over records: begin([...], routes=...) returns the pipeline's path."""
    def start(records, n_events=None, **how):
        n = len(records) if n_events is None else n_events
        path = pipeline(**{"source": STDIN, "delivery": HELD_AT_ONCE, **how})
        return desk.begin(path, records, lambda: sandbox.hook_log()["count"] >= n)

    return start


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def names(sandbox):
    return sorted(lead["name"] for lead in sandbox.objects("lead"))


def outcomes(events):
    return [event["data"]["outcome"] for event in events]


def with_identity(sandbox, more=""):
    field = sandbox.post("/custom_field/lead/", {"name": "Feed Key", "type": "text"})["id"]
    return (f'- operation: lead.create\n  exclude: [id]\n  identity: {{custom.{field}: "{{id}}"}}'
            + more)


def run_more(desk, sandbox, record):
    """One more record through the pipeline, whoever runs it; returns its event."""
    wait_until(lambda: desk.ask("status")[1]["events_owed"] == 0)  # all of before are told
    n = sandbox.hook_log()["count"]
    if desk.is_running:
        desk.more([record])
    else:
        desk.closefeed("run", desk.path, input=ndjson([record]))
    wait_until(lambda: sandbox.hook_log()["count"] > n)
    return sandbox.hook_events()[-1]


# The same answer either way


def test_every_question_has_the_same_answer_while_it_runs_and_after(closefeed, pipeline, sandbox):
    """One state, asked in a run that waits for more input, and asked again when it has ended."""
    desk = Desk(closefeed, "running")
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=2)
    desk.begin(pipeline(source=STDIN, close="concurrency: 1",  # so that it is B whose answer is lost
                        delivery="max_rejects: none\non_unknown: hold"),
               [{"name": "A"}, {"name": "B"}, BAD, '{"name": ', {"name": "x" * 3000}, "[]"],
               lambda: sandbox.hook_log()["count"] >= 6)
    wait_until(lambda: desk.ask("status")[1]["events_owed"] == 0)

    rejected, held = desk.rejects(), desk.held()
    assert len(rejected) == 3 and len(held) == 1
    ids = [str(item["id"]) for item in rejected]
    questions = [
        ["status"], ["rejects", "list"], ["rejects", "list", "--class", "json"],
        ["rejects", "list", "--class", "guard"], ["rejects", "list", "--all"],
        ["rejects", "list", ids[0], ids[2]], ["rejects", "list", "999"],
        ["rejects", "show", *ids], ["rejects", "show", "--all"], ["rejects", "show", ids[1]],
        ["rejects", "show", "999"], ["rejects", "show", "--class", "validation"],
        ["rejects", "retry", "999"], ["rejects", "drop", "999"],
        ["held", "list"], ["held", "list", "999"], ["held", "show", held[0]["id"]],
        ["held", "show", "999"], ["held", "resolve", "999", "--give-up"],
        ["held", "resolve", ids[0], "--give-up"],
    ]
    during = [desk.ask(*question) for question in questions]
    pid = desk.process.pid
    assert desk.end() == 1
    after = [desk.ask(*question) for question in questions]

    assert during[0][1]["running"] is True and after[0][1]["running"] is False
    assert during[0][1]["pid"] == pid and "pid" not in after[0][1]
    for _, status in (during[0], after[0]):
        for key in ("running", "pid", "counts", "run", "sentences", "lag"):
            status.pop(key, None)
    assert dict(zip(map(str, questions), during)) == dict(zip(map(str, questions), after))


def test_status_says_what_is_waited_for(closefeed, pipeline, sandbox):
    sandbox.add_fault("429", method="POST", path="/lead/", n=1, seconds=30)
    desk = Desk(closefeed, "running")
    desk.begin(pipeline(source=STDIN), [{"name": "A"}], lambda: sandbox.requests("POST"))
    said = wait_until(lambda: [s for s in desk.ask("status")[1]["sentences"]
                               if s.startswith("waiting for quota until ")])
    assert len(said) == 1
    desk.process.terminate()
    assert desk.end() == 75


def test_a_state_that_never_was_is_empty_and_stays_so(closefeed, pipeline, tmp_path):
    desk = Desk(closefeed, "alone")
    desk.path = pipeline([{"name": "A"}])
    assert desk.rejects() == [] and desk.held() == []
    code, status = desk.ask("status")
    assert code == 0 and status["running"] is False and "never run" in status["sentences"][0]
    assert desk.ask("rejects", "retry", "--all") == (0, {"results": []})
    assert desk.ask("rejects", "drop", "--all") == (0, {"dropped": 0})
    assert desk.ask("held", "resolve", "1", "--give-up")[0] == 2
    assert not (tmp_path / "state").exists()


def test_words_that_make_no_sense_are_refused_before_anything_happens(desk, begin, sandbox):
    begin([BAD])
    for words, says in [
        (["rejects", "retry"], "give ids, --all or --class"),
        (["rejects", "drop"], "give ids, --all or --class"),
        (["rejects", "show"], "give ids, --all or --class"),
        (["rejects", "list", "--class", "validaton"], '"validaton"'),
        (["rejects", "retry", "1", "--all"], "one of them"),
        (["rejects", "mend", "1"], 'cannot "mend"'),
        (["held", "show"], "give ids"),
        (["held", "resolve", "1"], "--applied OBJECT_ID"),
        (["held", "resolve", "1", "--send", "--give-up"], "--applied OBJECT_ID"),
        (["held", "list", "--send"], "belongs to"),
        (["held", "resolve", "1", "2", "--give-up"], "one id"),
        (["held", "resolve", "one", "--give-up"], "one"),
        (["rejects", "retry", "-1"], "-1"),
        (["rejects", "retry", "1x"], "1x"),
    ]:
        code, err = desk.ask(*words)
        assert code == 2 and says in err, (words, err)
    assert len(desk.rejects()) == 1


# What is kept of a reject


def test_a_reject_has_all_that_is_known_of_it(desk, begin, sandbox):
    begin([{"name": "Fine"}, BAD])
    [listed] = desk.rejects()
    assert {"id", "class", "message", "field", "fields", "records", "route", "operation", "at",
            "advice", "attempts", "status"} == set(listed)
    assert listed["class"] == "validation" and listed["status"] == 400 and listed["attempts"] == 1
    assert listed["route"] == listed["operation"] == "lead.create" and listed["advice"]
    assert list(listed["fields"]) == ["contacts[0].emails[0].email"]
    line = json.dumps(BAD)
    assert listed["records"] == [
        {"file": "-", "line": 2, "bytes": [len('{"name": "Fine"}\n'), len(line)]}]

    [shown] = desk.ask("rejects", "show", listed["id"])[1]["rejects"]
    assert listed.items() <= shown.items()
    assert shown["record"] == line
    assert shown["request"]["method"] == "POST" and shown["request"]["body"] == BAD
    assert shown["request"]["url"] == sandbox.base_url + "/lead/"
    assert shown["response"]["status"] == 400 and "field-errors" in shown["response"]["body"]
    assert len(shown["response"]["headers"]["trace-id"]) == 32
    told = desk.closefeed("rejects", "show", desk.path, listed["id"]).out
    for piece in ("Bad mail", "POST " + sandbox.base_url, "contacts[0].emails[0].email",
                  listed["advice"], "-:2"):
        assert piece in told, piece


def test_lines_that_are_no_records_are_kept_as_they_came(desk, begin, sandbox):
    lines = ['{"name": "Cut', '{"name": 1, "name": 2}', "[1, 2]", '"text"', '{"a": "\x01"}',
             '{"x":' * 40 + "1" + "}" * 40]
    begin(lines)
    rejected = desk.rejects()
    assert [r["class"] for r in rejected] == ["json"] * len(lines)
    assert [r["records"][0]["line"] for r in rejected] == list(range(1, len(lines) + 1))
    shown = desk.ask("rejects", "show", "--all")[1]["rejects"]
    assert [r["record"] for r in shown] == lines
    assert all("request" not in r and r["route"] == "" for r in shown)
    assert sandbox.requests("POST") == []
    # The same line reads the same: asked to try again it is refused again, for the same reason.
    code, answer = desk.ask("rejects", "retry", rejected[0]["id"])
    assert code == 1 and answer["results"][0]["outcome"] == "rejected"
    again = next(r for r in desk.rejects() if r["id"] == rejected[0]["id"])
    assert again["class"] == "json" and again["records"] == rejected[0]["records"]


def test_of_a_line_too_long_position_and_length_are_kept_and_the_next_is_read(
        desk, begin, sandbox):
    begin([{"name": "x" * 5000}, {"name": "After"}], source=STDIN + "\nmax_record: 4KiB")
    [listed] = desk.rejects()
    length = len(json.dumps({"name": "x" * 5000}))
    assert listed["class"] == "too_long"
    assert listed["records"] == [{"file": "-", "line": 1, "bytes": [0, length]}]
    assert "record" not in desk.ask("rejects", "show", listed["id"])[1]["rejects"][0]
    assert names(sandbox) == ["After"]
    code, answer = desk.ask("rejects", "retry", listed["id"])
    assert code == 1 and "too long" in answer["results"][0]["message"]
    assert [r["class"] for r in desk.rejects()] == ["too_long"]


def test_a_record_without_what_the_url_needs_is_taken_up_when_the_url_is_mended(
        desk, begin, sandbox):
    lead = sandbox.post("/lead/", {"name": "Old"})
    path = begin([{"key": lead["id"], "name": "New"}],
                 routes="- operation: lead.update\n  exclude: [key]")
    [listed] = desk.rejects()
    assert listed["class"] == "template" and "id" in listed["message"]
    assert sandbox.requests("PUT") == []
    edit(path, "lead.update", 'lead.update\n    params: {id: "{key}"}')
    code, answer = desk.ask("rejects", "retry", "--class", "template")
    assert code == 0 and answer["results"] == [
        {"id": listed["id"], "outcome": "delivered", "object_id": lead["id"]}]
    assert names(sandbox) == ["New"] and desk.rejects() == []


def test_one_identity_twice_is_a_reject_that_names_the_object(desk, begin, sandbox):
    path = begin([{"id": "1", "name": "A"}, {"id": "1", "name": "B"}], routes=with_identity(sandbox))
    [listed] = desk.rejects()
    assert listed["class"] == "duplicate_identity" and names(sandbox) == ["A"]
    lead = sandbox.objects("lead")[0]["id"]
    code, answer = desk.ask("rejects", "retry", "--all")
    assert code == 1 and lead in answer["results"][0]["message"]
    assert desk.rejects()[0]["class"] == "duplicate_identity" and names(sandbox) == ["A"]
    edit(path, '"{id}"', '"{name}"')
    assert desk.ask("rejects", "retry", "--all")[0] == 0
    assert names(sandbox) == ["A", "B"]


# Retry


def test_a_retry_shapes_the_record_by_the_pipeline_as_it_is_now(desk, begin, sandbox):
    path = begin([{"name": "A", "contacts": "none"}, BAD, {"name": "C", "contacts": 7}])
    before = {r["id"]: r for r in desk.rejects()}
    first = {e["data"]["records"][0]["line"]: e["id"] for e in sandbox.hook_events()}
    edit(path, "lead.create", "lead.create\n    exclude: [contacts]\n    name: mended")
    # A route's name is how a reject finds it again.
    assert [r["outcome"] for r in desk.ask("rejects", "retry", "--all")[1]["results"]] == [
        "rejected"] * 3
    assert {r["id"]: r for r in desk.rejects()} == before
    edit(path, "\n    name: mended", "")

    ids = sorted(before)
    code, answer = desk.ask("rejects", "retry", *ids[:2])
    assert code == 0 and sorted((r["id"], r["outcome"]) for r in answer["results"]) == [
        (ids[0], "delivered"), (ids[1], "delivered")]
    assert names(sandbox) == ["A", "Bad mail"]
    assert all("contacts" not in json.loads(r["body"]) for r in sandbox.requests("POST")[3:])
    assert [r["id"] for r in desk.rejects()] == ids[2:]

    events = wait_until(lambda: len(e := sandbox.hook_events()) == 5 and e)
    assert outcomes(events[3:]) == ["delivered"] * 2
    second = {e["data"]["records"][0]["line"]: e["id"] for e in events[3:]}
    assert set(second) == {1, 2} and not set(second.values()) & set(first.values())
    assert {e["subject"] for e in events[3:]} == {r["object_id"] for r in answer["results"]}


def test_as_sent_sends_the_kept_request_again(desk, begin, sandbox):
    sandbox.add_fault("status", method="POST", path="/lead/", n=1, status=400,
                      body='{"error": "not today"}')
    path = begin([{"name": "A", "description": "kept"}])
    edit(path, "lead.create", "lead.create\n    exclude: [description]")
    [listed] = desk.rejects()
    code, answer = desk.ask("rejects", "retry", listed["id"], "--as-sent")
    assert code == 0 and answer["results"][0]["outcome"] == "delivered"
    [first, second] = sandbox.requests("POST", "/lead/")
    assert first["body"] == second["body"] and "kept" in second["body"]
    events = wait_until(lambda: len(e := sandbox.hook_events()) == 2 and e)
    assert outcomes(events) == ["rejected", "delivered"] and events[0]["id"] != events[1]["id"]


def test_as_sent_needs_a_request_and_leaves_the_reject_as_it_was(desk, begin):
    begin(['{"name": "Cut'])
    [before] = desk.rejects()
    code, answer = desk.ask("rejects", "retry", before["id"], "--as-sent")
    assert code == 1 and "no request" in answer["results"][0]["message"]
    assert desk.rejects() == [before]


def test_as_sent_makes_no_twin_of_what_was_made_since(desk, begin, sandbox):
    sandbox.add_fault("status", method="POST", path="/lead/", n=1, status=400, body="{}")
    begin([{"id": "7", "name": "First"}], routes=with_identity(sandbox))
    assert run_more(desk, sandbox, {"id": "7", "name": "Second"})["data"]["outcome"] == "delivered"
    code, answer = desk.ask("rejects", "retry", "--all", "--as-sent")
    assert code == 1 and "identity" in answer["results"][0]["message"]
    assert names(sandbox) == ["Second"] and len(desk.rejects()) == 1


def test_refused_again_it_stays_with_the_new_reason(desk, begin, sandbox):
    path = begin([{"name": "A", "contacts": "none"}])
    [before] = desk.rejects()
    edit(path, "lead.create", 'lead.create\n    body: {url: "no url", name: "{name}"}')
    code, answer = desk.ask("rejects", "retry", before["id"])
    assert code == 1 and answer["results"][0]["outcome"] == "rejected"
    [after] = desk.rejects()
    assert after["id"] == before["id"] and list(after["fields"]) == ["url"] != list(before["fields"])
    shown = desk.ask("rejects", "show", before["id"])[1]["rejects"][0]
    assert shown["request"]["body"] == {"url": "no url", "name": "A"}
    assert desk.ask("status")[1]["rejected"] == 1
    events = wait_until(lambda: len(e := sandbox.hook_events()) == 2 and e)
    assert outcomes(events) == ["rejected", "rejected"] and events[0]["id"] != events[1]["id"]


def test_unknown_ids_are_answered_one_by_one(desk, begin, sandbox):
    path = begin([BAD])
    [listed] = desk.rejects()
    edit(path, "lead.create", "lead.create\n    exclude: [contacts]")
    code, answer = desk.ask("rejects", "retry", "999", listed["id"])
    results = {r["id"]: r for r in answer["results"]}
    assert code == 1 and results[listed["id"]]["outcome"] == "delivered"
    assert "no reject with this id" in results[999]["message"]
    assert desk.ask("rejects", "list", "999") == (0, {"rejects": []})


@pytest.mark.parametrize("words", [
    ("rejects", "show"), ("rejects", "retry"), ("rejects", "retry", "--as-sent"),
    ("rejects", "drop"), ("held", "show"), ("held", "resolve", "--give-up")])
def test_ids_that_are_not_there_are_wrong_usage(desk, begin, sandbox, words):
    verb, action, *flags = words
    begin([BAD])
    n_asked = len(sandbox.requests())
    for ids in (["999"],) if action == "resolve" else (["999"], ["998", "999"]):
        out = desk.closefeed(verb, action, desk.path, *ids, *flags)
        assert out.code == 2 and out.out == "", out
        assert "no " in out.err and f"`{verb} list` shows them" in out.err, out.err
    assert len(desk.rejects()) == 1 and len(sandbox.requests()) == n_asked


def test_an_id_given_twice_is_taken_up_once(desk, begin, sandbox):
    path = begin([BAD])
    [listed] = desk.rejects()
    edit(path, "lead.create", "lead.create\n    exclude: [contacts]")
    code, answer = desk.ask("rejects", "retry", listed["id"], listed["id"])
    assert code == 0 and [r["outcome"] for r in answer["results"]] == ["delivered"]
    assert names(sandbox) == ["Bad mail"] and desk.rejects() == []


def test_a_pipeline_with_mistakes_retries_nothing(desk, begin, sandbox):
    path = begin([BAD])
    edit(path, "lead.create", "lead.crate")
    code, err = desk.ask("rejects", "retry", "--all")
    assert code == 78 and "lead.create" in err
    edit(path, "lead.crate", "lead.create")
    assert len(desk.rejects()) == 1 and len(sandbox.requests("POST")) == 1


def test_many_rejects_are_taken_up_in_one_go(desk, begin, sandbox):
    sandbox.post("/_sandbox/settings", {"rate": {"write": 5000}})
    records = [{"id": i, "name": f"N{i}", "contacts": 1} for i in range(300)]
    path = begin(records)
    edit(path, "lead.create", "lead.create\n    exclude: [contacts]")
    code, answer = desk.ask("rejects", "retry", "--all")
    assert code == 0 and {r["outcome"] for r in answer["results"]} == {"delivered"}
    assert len(answer["results"]) == 300
    assert names(sandbox) == sorted(record["name"] for record in records)
    assert desk.rejects() == []


def test_the_position_in_the_source_is_not_moved(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline([BAD, {"name": "B"}, {"name": "C"}, {"name": "D"}])
    closefeed("run", path, "--limit", "2")
    before = closefeed("status", path, "--json").json
    edit(path, "lead.create", "lead.create\n    exclude: [contacts]")
    assert closefeed("rejects", "retry", path, "--all").code == 0
    after = closefeed("status", path, "--json").json
    assert before["source"] == after["source"] and after["source"]["line"] == 2
    # What the last run read and did is not hidden by what a person did since.
    assert before["counts"] == after["counts"] and before["run"] == after["run"]
    result = closefeed("run", path, "--json")
    assert result.code == 0 and result.summary["read"] == result.summary["delivered"] == 2
    assert names(sandbox) == ["B", "Bad mail", "C", "D"]


def test_a_receiver_that_is_away_does_not_keep_the_answer_back(closefeed, pipeline, sandbox):
    """The retry's outcome is known and durable; that its event waits is no failure of it."""
    path = pipeline([BAD], delivery="drain: 20s\nmax_rejects: none")
    closefeed("run", path)
    edit(path, "drain: 20s", "drain: 1s")
    edit(path, "lead.create", "lead.create\n    exclude: [contacts]")
    sandbox.add_fault("status", path="/_sandbox/hook", status=503)
    result = closefeed("rejects", "retry", path, "--all", "--json")
    assert result.code == 0 and result.json["results"][0]["outcome"] == "delivered"
    assert closefeed("status", path, "--json").json["events_owed"] == 1
    sandbox.clear_faults()
    assert closefeed("run", take_time(path)).code == 0
    assert outcomes(sandbox.hook_events()) == ["rejected", "delivered"]


def test_what_cannot_be_known_yet_ends_with_75(closefeed, pipeline, sandbox):
    """Close does not answer; the person who asked presses Ctrl-C."""
    path = pipeline([BAD])
    closefeed("run", path)
    edit(path, "lead.create", "lead.create\n    exclude: [contacts]")
    sandbox.add_fault("status", method="GET", path="/me/", status=500)
    process = closefeed.start("rejects", "retry", path, "--all")
    wait_until(lambda: len(sandbox.requests("GET", "/me/")) >= 2)
    process.terminate()
    process.communicate(timeout=180)
    assert process.returncode in (-15, 75)
    sandbox.clear_faults()
    assert closefeed("rejects", "retry", path, "--all").code == 0
    assert names(sandbox) == ["Bad mail"]


def test_the_owner_is_stopped_while_somebody_waits_for_a_retry(closefeed, pipeline, sandbox):
    desk = Desk(closefeed, "running")
    path = desk.begin(pipeline(source=STDIN, delivery="drain: 1s"), [BAD],
                      lambda: sandbox.hook_log()["count"])
    edit(path, "lead.create", "lead.create\n    exclude: [contacts]")
    sandbox.add_fault("429", method="POST", path="/lead/", seconds=60)
    asking = closefeed.start("rejects", "retry", path, "--all", "--json")
    wait_until(lambda: len(sandbox.requests("POST")) == 2)
    desk.process.terminate()
    out, err = asking.communicate(timeout=180)
    assert asking.returncode == 75, err.decode()
    assert json.loads(out)["results"][0]["outcome"] == "open"
    assert desk.end() == 75
    sandbox.clear_faults()
    assert closefeed("run", take_time(path), input="").code == 0
    assert names(sandbox) == ["Bad mail"] and desk.rejects() == []


# Lanes


def test_a_retry_waits_for_what_is_open_on_its_object(closefeed, pipeline):
    """Two leads; the first has a PUT on its way when rejects of both are retried."""
    may_answer, lock = threading.Event(), threading.Lock()
    seen = collections.Counter()
    at_once = collections.Counter()

    def answer(call):
        with lock:
            seen[call.path] += 1
            n = seen[call.path]
            at_once[call.path] += 1
            assert at_once[call.path] == 1, "two calls about one object at once"
        if call.path.endswith("/lead_1/") and n == 2:
            assert may_answer.wait(180)
        with lock:
            at_once[call.path] -= 1
        if n == 1:
            return 400, {"field-errors": {"name": "not this one"}}
        return 200, {"id": call.path.split("/")[-2]}

    with Server(close_that(answer)) as close, Server() as hook:
        desk = Desk(closefeed, "running")
        path = pipeline(source=STDIN, routes="- operation: lead.update",
                        responses=f'webhook: {{url: "{hook.url}", secret: {{env: HOOK_SECRET}}}}')
        edit(path, pipeline.sandbox.base_url, close.origin)
        desk.begin(path, [{"id": "lead_1", "name": "1"}, {"id": "lead_2", "name": "2"}],
                   lambda: len(hook.calls) == 2)
        desk.more([{"id": "lead_1", "name": "later"}])
        wait_until(lambda: seen["/lead/lead_1/"] == 2)
        asking = closefeed.start("rejects", "retry", path, "--all", "--json")
        wait_until(lambda: seen["/lead/lead_2/"] == 2)
        assert seen["/lead/lead_1/"] == 2
        may_answer.set()
        out, err = asking.communicate(timeout=180)
        assert asking.returncode == 0, err.decode()
        assert {r["outcome"] for r in json.loads(out)["results"]} == {"delivered"}
        assert desk.end() == 1  # in this run two were rejected first
        puts = [c.json["name"] for c in close.calls if c.path == "/lead/lead_1/"]
        assert puts == ["1", "later", "1"]


def connections(process):
    """How many are connected to the control socket of a running process. By number: the path of a
    socket is not always what it was asked for (a long one is reached through /proc/self/fd)."""
    folder = pathlib.Path(f"/proc/{process.pid}/fd")
    own = {str(fd.readlink()) for fd in folder.iterdir()}
    with open("/proc/net/unix", encoding="utf-8") as sockets:
        lines = [line.split() for line in sockets]
    return sum(len(words) == 8 and words[5] == "03" and f"socket:[{words[6]}]" in own
               for words in lines)


def test_two_people_retry_the_same_reject(closefeed, pipeline):
    """It is taken up once, and both learn what became of it."""
    may_answer = threading.Event()

    def answer(call):
        if call.n > 2:
            assert may_answer.wait(180)
        return (400, {"field-errors": {"name": "no"}}) if call.n == 1 else (200, {"id": "lead_1"})

    with Server(close_that(answer)) as close, Server() as hook:
        desk = Desk(closefeed, "running")
        path = pipeline(source=STDIN, close="concurrency: 1",
                        responses=f'webhook: {{url: "{hook.url}", secret: {{env: HOOK_SECRET}}}}')
        edit(path, pipeline.sandbox.base_url, close.origin)
        desk.begin(path, [{"name": "A"}, {"name": "B"}], lambda: len(hook.calls) == 2)
        desk.more([{"name": "C"}])  # takes the only connection, so the retry waits for it
        wait_until(lambda: len(close.calls) == 4)
        one = closefeed.start("rejects", "retry", path, "--all", "--json")
        other = closefeed.start("rejects", "retry", path, "--all", "--json")
        wait_until(lambda: connections(desk.process) == 2)
        assert [r["class"] for r in desk.rejects()] == ["validation"]  # asked after them
        may_answer.set()
        told = [json.loads(p.communicate(timeout=180)[0])["results"] for p in (one, other)]
        assert told[0] == told[1] and told[0][0]["outcome"] == "delivered"
        assert desk.end() == 1
        assert [c.json["name"] for c in close.calls if c.method == "POST"] == ["A", "B", "C", "A"]


def test_what_is_being_retried_cannot_be_dropped(closefeed, pipeline):
    may_answer = threading.Event()

    def answer(call):
        if call.n > 1:
            assert may_answer.wait(180)
        return (400, {"field-errors": {"name": "no"}}) if call.n == 1 else (200, {"id": "lead_1"})

    with Server(close_that(answer)) as close, Server() as hook:
        desk = Desk(closefeed, "running")
        path = pipeline(source=STDIN, close="concurrency: 1",
                        responses=f'webhook: {{url: "{hook.url}", secret: {{env: HOOK_SECRET}}}}')
        edit(path, pipeline.sandbox.base_url, close.origin)
        desk.begin(path, [{"name": "A"}], lambda: len(hook.calls) == 1)
        asking = closefeed.start("rejects", "retry", path, "--all", "--json")
        wait_until(lambda: len(close.calls) == 3)
        assert desk.ask("rejects", "drop", "1") == (0, {"dropped": 0})
        may_answer.set()
        assert json.loads(asking.communicate(timeout=180)[0])["results"][0]["outcome"] == "delivered"
        assert desk.end() == 1
        assert desk.rejects() == []


# Drop


def test_dropping_takes_ids_a_class_or_all(desk, begin, sandbox):
    begin(["{", "[", BAD, {"name": "D", "contacts": 1}, {"name": "E", "contacts": 2}])
    ids = [r["id"] for r in desk.rejects()]
    assert desk.ask("rejects", "drop", ids[0], "999") == (0, {"dropped": 1})
    assert [r["id"] for r in desk.rejects()] == ids[1:]
    assert desk.ask("rejects", "drop", "--class", "json") == (0, {"dropped": 1})
    assert [r["id"] for r in desk.rejects()] == ids[2:]
    assert desk.ask("rejects", "drop", ids[0])[0] == 2
    assert desk.ask("rejects", "drop", "--all") == (0, {"dropped": 3})
    assert desk.rejects() == [] and desk.ask("status")[1]["rejected"] == 0
    # Dropped is settled: nothing of it is read or sent again.
    n = len(sandbox.requests("POST"))
    if desk.is_running:
        desk.end()
    assert desk.closefeed("run", desk.path, input="").code == 0
    assert len(sandbox.requests("POST")) == n


# Held items


def lose_answers(sandbox, *numbers, fault="reset_after"):
    for n in numbers:
        sandbox.add_fault(fault, method="POST", path="/lead/", n=n)


def test_a_held_item_says_what_is_known(desk, begin, sandbox):
    lose_answers(sandbox, 1)
    begin([{"name": "A"}])
    [item] = desk.held()
    assert item["class"] == "unknown" and "held resolve" in item["known"]
    assert item["attempts"] == 1 and item["operation"] == "lead.create"
    [shown] = desk.ask("held", "show", item["id"])[1]["held"]
    assert json.loads(shown["record"]) == {"name": "A"}
    assert shown["request"]["body"] == {"name": "A"}
    assert desk.ask("rejects", "list")[1]["rejects"] == []
    assert desk.ask("status")[1]["held"] == 1
    [event] = sandbox.hook_events()
    assert event["data"]["outcome"] == "held" and event["data"]["error"]["class"] == "unknown"


def test_applied_gives_it_the_object_a_person_found(desk, begin, sandbox):
    lose_answers(sandbox, 1)
    begin([{"name": "A"}])
    [item] = desk.held()
    lead = sandbox.objects("lead")[0]["id"]
    code, answer = desk.ask("held", "resolve", item["id"], "--applied", lead)
    assert code == 0 and answer["results"] == [
        {"id": item["id"], "outcome": "delivered", "object_id": lead}]
    events = wait_until(lambda: len(e := sandbox.hook_events()) == 2 and e)
    assert outcomes(events) == ["held", "delivered"] and events[0]["id"] != events[1]["id"]
    assert events[1]["subject"] == events[1]["data"]["object_id"] == lead
    assert "error" not in events[1]["data"]
    assert desk.held() == [] and len(sandbox.requests("POST")) == 1
    assert desk.ask("held", "resolve", item["id"], "--give-up")[0] == 2


def test_an_id_of_another_kind_is_not_what_was_made(desk, begin, sandbox):
    lose_answers(sandbox, 1)
    begin([{"name": "A"}])
    [item] = desk.held()
    code, _ = desk.ask("held", "resolve", item["id"], "--applied", "cont_A1")
    assert code == 2 and [held["id"] for held in desk.held()] == [item["id"]]
    code, _ = desk.ask("held", "resolve", item["id"], "--applied", sandbox.objects("lead")[0]["id"])
    assert code == 0 and desk.held() == []


def test_send_sends_it_once_more(desk, begin, sandbox):
    lose_answers(sandbox, 1, fault="reset_before")
    begin([{"name": "A"}])
    [item] = desk.held()
    assert names(sandbox) == []
    code, answer = desk.ask("held", "resolve", item["id"], "--send")
    assert code == 0 and answer["results"][0]["outcome"] == "delivered"
    assert names(sandbox) == ["A"] and desk.held() == []
    events = wait_until(lambda: len(e := sandbox.hook_events()) == 2 and e)
    assert outcomes(events) == ["held", "delivered"] and events[0]["id"] != events[1]["id"]


def test_sent_again_and_lost_again_it_is_held_again(desk, begin, sandbox):
    lose_answers(sandbox, 1, 2, fault="reset_before")
    begin([{"name": "A"}])
    [item] = desk.held()
    code, answer = desk.ask("held", "resolve", item["id"], "--send")
    assert code == 1 and answer["results"][0]["outcome"] == "held"
    assert [i["id"] for i in desk.held()] == [item["id"]]
    events = wait_until(lambda: len(e := sandbox.hook_events()) == 2 and e)
    assert outcomes(events) == ["held", "held"] and events[0]["id"] != events[1]["id"]
    assert desk.ask("held", "resolve", item["id"], "--send")[0] == 0 and names(sandbox) == ["A"]


def test_given_up_it_is_told_and_kept_as_rejected(desk, begin, sandbox):
    lose_answers(sandbox, 1, fault="reset_before")
    begin([{"name": "A"}])
    [item] = desk.held()
    code, answer = desk.ask("held", "resolve", item["id"], "--give-up")
    assert answer["results"][0]["outcome"] == "rejected" and code == 1
    assert desk.held() == [] and [r["class"] for r in desk.rejects()] == ["given_up"]
    events = wait_until(lambda: len(e := sandbox.hook_events()) == 2 and e)
    assert outcomes(events) == ["held", "rejected"]
    assert events[1]["data"]["error"]["class"] == "given_up"
    assert desk.ask("rejects", "retry", "--class", "given_up")[0] == 0 and names(sandbox) == ["A"]


def test_what_was_given_up_is_looked_up_before_a_retry_sends_it(desk, begin, sandbox):
    sandbox.post("/_sandbox/settings", {"lag_ms": 0})
    lose_answers(sandbox, 1, fault="reset_after")
    for source in ("/data/search/", "/event/"):  # neither of them can tell
        sandbox.add_fault("status", path=source, status=400)
    begin([{"id": "1", "name": "A"}], routes=with_identity(sandbox),
          delivery="quarantine: 300ms\nmax_rejects: none")
    [item] = wait_until(desk.held)
    assert desk.ask("held", "resolve", item["id"], "--give-up")[0] == 1
    sandbox.clear_faults()
    code, answer = desk.ask("rejects", "retry", "--all")
    assert code == 0 and answer["results"][0]["outcome"] == "delivered"
    sent = [call for call in sandbox.requests("POST") if call["path"] == "/lead/"]
    assert names(sandbox) == ["A"] and len(sent) == 1


def hold_with_identity(desk, begin, sandbox):
    """A create with an identity whose answer was lost and which nobody may prove."""
    lose_answers(sandbox, 1, fault="reset_before")
    begin([{"id": "1", "name": "A"}], routes=with_identity(sandbox),
          delivery="on_unknown: hold\nmax_rejects: none")
    [item] = desk.held()
    return item


@pytest.mark.parametrize("decision, makes", [
    ([], "duplicate_identity"), (["--applied", "lead_A1"], "duplicate_identity"),
    (["--give-up"], "delivered"), (["--send"], "duplicate_identity"),
])
def test_an_identity_is_kept_while_held_and_freed_when_given_up(
        desk, begin, sandbox, decision, makes):
    item = hold_with_identity(desk, begin, sandbox)
    if decision:
        desk.ask("held", "resolve", item["id"], *decision)
    event = run_more(desk, sandbox, {"id": "1", "name": "Twin"})
    data = event["data"]
    assert makes == (data["outcome"] if data["outcome"] == "delivered" else data["error"]["class"])


# Killed in the middle

KILLS = ["bound:1", "retry_begins:1", "intent_asked:1", "intent_durable:1", "wire_entered:1",
         "answer_came:1", "answer_judged:1", "outcome_asked:1", "outcome_durable:1",
         "retry_ended:1", "commit_durable:1", "commit_asked:2", "commit_durable:2",
         "webhook_accepted:1", "run_ends:1"]


def test_killed_in_the_middle_of_a_retry_it_is_neither_lost_nor_twice(
        closefeed, pipeline, sandbox, tmp_path):
    """One reject for each point; each retry is killed there, then one run and one retry of all."""
    sandbox.post("/_sandbox/settings", {"lag_ms": 0})
    path = pipeline([{"id": str(i), "name": f"A{i}", "contacts": "none"} for i in range(len(KILLS))],
                    routes=with_identity(sandbox), close="concurrency: 1",
                    delivery="quarantine: 500ms")
    assert closefeed("run", path).code == 1
    ids = [r["id"] for r in closefeed("rejects", "list", path, "--json").json["rejects"]]
    assert len(ids) == len(KILLS)
    edit(path, "[id]", "[id, contacts]")
    for point, item in zip(KILLS, ids):
        process = closefeed.start("rejects", "retry", path, item, env={"CLOSEFEED_KILL_AT": point})
        _, err = process.communicate(timeout=180)
        assert process.returncode == -9, (point, err.decode())

    # Later creates of ours prove that search has come so far, where absence must be proven.
    with open(tmp_path / "signups.ndjson", "a", encoding="utf-8") as more:
        more.write(ndjson([{"id": f"later-{i}", "name": "Later"} for i in range(4)]))
    closefeed("run", path)
    left = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert {ids.index(r["id"]) for r in left} >= {0, 1, 2}  # killed before anything was durable
    assert closefeed("rejects", "retry", path, "--all").code == 0
    status = closefeed("status", path, "--json").json
    assert {status[key] for key in ("open", "unknown", "held", "rejected", "events_owed")} == {0}
    assert names(sandbox) == sorted([f"A{i}" for i in range(len(KILLS))] + ["Later"] * 4)
    told = {e["id"]: (e["data"]["records"][0]["line"], e["data"]["outcome"])
            for e in sandbox.hook_events()}
    assert sorted(told.values()) == sorted(
        [(line + 1, outcome) for line in range(len(KILLS)) for outcome in ("delivered", "rejected")]
        + [(len(KILLS) + 1 + i, "delivered") for i in range(4)])
