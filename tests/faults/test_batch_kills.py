"""kill -9 while calls carry several records and records make several calls.

Another host behind `base_url` takes the calls; it knows what came, and how often. Of a POST there
nothing can be proven, so what was under way when the program died is held: as many records as the
call had. Everything else arrives exactly once, in order, and the counts add up.
"""

import collections
import contextlib
import signal
import sqlite3
import subprocess
import textwrap
import threading
import time

import pytest

from bulk import Bulk, bulk_pipeline, events, lines_of, refuses
from harness import Program, environment, ndjson, wait_until
from trial import Kills, seed

LISTS = """
- name: lists
  method: POST
  url: "/lists/{list}/"
  body: {id: "{id}", list: "{list}"}
  batch: {size: 10, wait: 1h, algorithm: array}
"""
BOTH = """
- name: single
  method: PUT
  url: "/people/{id}/"
  body: {id: "{id}"}
  continue: true
- name: list
  method: POST
  url: /bulk/
  body: {id: "{id}"}
  batch: {size: 10, wait: 1h, algorithm: array}
"""
POINTS = {
    "turn_begins": 8, "record_read": 60, "batch_taken": 6, "commit_asked": 8, "commit_applied": 8,
    "commit_durable": 8, "intent_asked": 6, "intent_durable": 6, "sending_begins": 6,
    "answer_begins": 6, "answer_came": 6, "record_settled": 40, "outcome_asked": 6,
    "outcome_durable": 6, "run_ends": 1,
}


class ListTrial:
    """A pipeline to another host, its runs that die, and what is wrong in the end."""

    def __init__(self, binary, folder, host, records, routes, without="", **how):
        self.folder, self.host, self.records, self.without = folder, host, records, without
        self.program = Program(binary, folder, environment(folder))
        self.path = bulk_pipeline(folder, host, records, routes=routes, **how)
        self.kills, self.summaries = collections.Counter(), []
        self.is_piped = "source" in how

    def run(self, *flags, kill_at=None):
        env = {"CLOSEFEED_WITHOUT": self.without} if self.without else {}
        if kill_at:
            env["CLOSEFEED_KILL_AT"] = kill_at
        result = self.program("run", self.path, "--json", *flags, env=env,
                              input=ndjson(self.records) if self.is_piped else None)
        if result.code == -signal.SIGKILL:
            self.kills[kill_at.split(":")[0]] += 1
        else:
            assert result.code in (0, 1), (kill_at, result)
            self.summaries.append(result.summary)
        return result

    def was_killed(self, kill_at):
        return self.run(kill_at=kill_at).code == -signal.SIGKILL

    def held(self):
        """(line, route) of what is held."""
        listed = self.program("held", "list", self.path, "--json").json["held"]
        return {(item["records"][0]["line"], item["route"]) for item in listed}

    def rejected(self):
        listed = self.program("rejects", "list", self.path, "--json").json["rejects"]
        return [item["records"][0]["line"] for item in listed]

    # The oracle

    def arrivals(self, path):
        """Ids of accepted lists under @path, in the order they came."""
        return [record["id"] for call in self.host.accepted() if call.path.startswith(path)
                for record in call.json]

    def complaints(self, path, route, is_bad=lambda record: False):
        ids, held = self.arrivals(path), {line for line, of in self.held() if of == route}
        n = collections.Counter(ids)
        wrong = [f"{i} arrived {times} times" for i, times in n.items() if times > 1]
        for line, record in enumerate(self.records, 1):
            if record["id"] not in n and line not in held and not is_bad(record):
                wrong.append(f"{record['id']} is lost")
        return wrong + self.miscounts()

    def disorder(self, path):
        """Lists of one address in another order than the file's."""
        ids = self.arrivals(path)
        return [f"{one} came before {other}" for one, other in zip(ids, ids[1:]) if other < one]

    def miscounts(self):
        wrong = [f"a summary does not add up: {s}" for s in self.summaries
                 if s["read"] != sum(s[key] for key in ("delivered", "filtered", "skipped",
                                                        "rejected", "held", "open"))]
        status = self.program("status", self.path, "--json").json
        if status["open"] or status["source"]["line"] != len(self.records):
            wrong.append(f"at the end the status is {status}")
        return wrong

    def mistold(self, n_routes=1):
        """Each record has one event of each route, under one id."""
        told = collections.defaultdict(set)
        for event in events(self.folder):
            for line in lines_of(event):
                told[line].add(event["id"])
        return [f"line {line} has {len(told[line])} events" for line in range(1, len(self.records) + 1)
                if len(told[line]) != n_routes]


@pytest.fixture
def start_lists(binary, tmp_path):
    hosts = []

    def start(records, routes, answer=None, **how):
        folder = tmp_path / str(len(hosts))
        folder.mkdir()
        hosts.append(Bulk(answer) if answer else Bulk())
        hosts[-1].__enter__()
        return ListTrial(binary, folder, hosts[-1], records, routes, **how)

    yield start
    for host in hosts:
        host.__exit__()


def numbered(n, n_lists=1):
    return [{"id": i, "list": i % n_lists} for i in range(n)]


def kill(trial, points, n, number, limit=60):
    kills = Kills(number, points)
    for _ in range(n):
        trial.run("--limit", limit, kill_at=kills.next())


def test_no_record_of_a_list_is_lost_or_sent_twice(start_lists):
    trial = start_lists(numbered(600, 3), LISTS)
    kill(trial, POINTS, 15, seed())
    assert trial.run().code in (0, 1)
    assert trial.complaints("/lists/", "lists") == [] and trial.mistold() == []
    for name in range(3):
        assert trial.disorder(f"/lists/{name}/") == []
    # What was under way is in doubt, and only that: ten records of each of three addresses.
    assert sum(trial.kills.values()) >= 8 and len(trial.held()) <= 30 * sum(trial.kills.values())


def test_what_waits_and_was_never_journaled_is_read_again(start_lists):
    trial = start_lists(numbered(40), LISTS)
    assert trial.was_killed("batch_taken:3")
    assert trial.arrivals("/lists/") == []
    assert trial.run().summary["read"] == 40
    assert trial.arrivals("/lists/") == list(range(40)) and trial.complaints("/lists/", "lists") == []


def test_halves_are_finished_as_halves(start_lists):
    def is_bad(record):
        return record["id"] % 10 == 3

    points = {"halved": 6, "halves_durable": 6, "intent_durable": 12, "answer_came": 12,
              "outcome_durable": 8, "commit_applied": 12, "commit_durable": 12}
    trial = start_lists(numbered(120), LISTS, refuses(is_bad))
    kill(trial, points, 14, seed())
    for n in range(8):  # where a slow machine has not come to as many
        if sum(trial.kills.values()) < 8:
            kill(trial, points, 1, seed() + n + 1)
    trial.run()
    assert trial.complaints("/lists/", "lists", is_bad) == [] and trial.mistold() == []
    assert trial.disorder("/lists/") == []
    bad = [line for line, record in enumerate(trial.records, 1) if is_bad(record)]
    in_doubt = {line for line, _ in trial.held()}
    assert sorted({*trial.rejected(), *in_doubt} & {*bad}) == bad
    assert not {*trial.rejected()} - {*bad}
    assert sum(trial.kills.values()) >= 8


def test_both_calls_of_a_record_are_made_through_kills(start_lists):
    trial = start_lists(numbered(240), BOTH)
    kill(trial, {**POINTS, "outputs_asked": 20, "outputs_durable": 20}, 14, seed(), limit=20)
    trial.run()
    assert trial.complaints("/bulk/", "list") == [] and trial.mistold(2) == []
    assert trial.disorder("/bulk/") == []
    # A PUT may be repeated; none is missing.
    puts = {call.path for call in trial.host.writes() if call.path.startswith("/people/")}
    assert len(puts) == 240 and sum(trial.kills.values()) >= 8


NOTE_AND_TASK = """
- operation: activity.note.create
  body: {lead_id: "{lead}", note: "{text}"}
  continue: true
- operation: task.create
  body: {lead_id: "{lead}", text: "{text}"}
"""


def test_a_note_and_a_task_of_one_record_are_made_once_each(start_trial):
    trial = start_trial(records=[], route=NOTE_AND_TASK, has_identity=False, close="concurrency: 1",
                        has_webhook=False)
    lead = trial.sandbox.post("/lead/", {"name": "Company"})["id"]
    trial.records += [{"lead": lead, "text": f"T-{i}"} for i in range(12)]
    (trial.folder / "trial.ndjson").write_text(ndjson(trial.records))
    for n in (1, 2, 3, 4):  # between the two, and behind both
        assert trial.was_killed(kill_at=f"outcome_durable:{n}")
    trial.finish()
    held = trial.program("held", "list", trial.path, "--json").json["held"]
    assert len(held) <= 4  # whose INTENT was written when the other's outcome was
    for kind, key in (("activity/note", "note"), ("task", "text")):
        there = collections.Counter(item[key] for item in trial.sandbox.objects(kind))
        operation = f"{kind.replace('/', '.')}.create"
        in_doubt = {trial.records[item["records"][0]["line"] - 1]["text"] for item in held
                    if item["operation"] == operation}
        assert {*there} | in_doubt == {record["text"] for record in trial.records}
        assert {*there.values()} == {1}
    assert trial.miscounts() == []
    told = [(event["data"]["records"][0]["line"], event["data"]["operation"])
            for event in trial.file_events()]
    assert len({*told}) == len(told) == 24


@pytest.mark.parametrize("without, complaint", [("", None), ("companions", "is lost")])
def test_the_second_call_of_a_record_survives_a_death_after_the_first(
        start_lists, without, complaint):
    trial = start_lists(numbered(40), BOTH, without=without)
    assert trial.was_killed("outcome_durable:5")
    trial.run()
    wrong = trial.complaints("/bulk/", "list")
    assert any(complaint in one for one in wrong) if complaint else wrong == []


@pytest.mark.parametrize("without, in_doubt", [("", []), ("halves", [1, 2, 3, 4, 5, 6, 7, 8])])
def test_halves_that_were_not_sent_yet_are_in_no_doubt(start_lists, without, in_doubt):
    def is_bad(record):
        return record["id"] == 7

    trial = start_lists(numbered(8), LISTS, refuses(is_bad), without=without)
    assert trial.was_killed("halves_durable:1")
    trial.run()
    assert trial.complaints("/lists/", "lists", is_bad) == []
    assert sorted(line for line, _ in trial.held()) == in_doubt


# What was rendered is sent as it was rendered

def killed_with_lists_waiting(start_lists):
    """A trial some of whose records made their single call, and wait for the other one as rows."""
    trial = start_lists(numbered(40), BOTH.replace("size: 10", "size: 100"),
                        source="{ndjson: {path: '-'}}")
    # Its standard input stays open, so that the list waits for more.
    process = trial.program.start("run", trial.path, stdin=subprocess.PIPE,
                                  env={"CLOSEFEED_KILL_AT": "outcome_durable:5"})
    process.stdin.write(ndjson(trial.records).encode())
    process.stdin.flush()
    assert process.wait(180) == -signal.SIGKILL
    process.communicate()
    assert trial.arrivals("/bulk/") == []
    return trial


@contextlib.contextmanager
def state_of(trial):
    with contextlib.closing(sqlite3.connect(
            trial.folder / "state/closefeed/feed/journal.db", isolation_level=None)) as state:
        yield state


def waiting_lines(trial):
    with state_of(trial) as state:
        return {line for line, in state.execute(
            "SELECT r.line FROM part p JOIN record r ON r.id = p.record"
            " WHERE p.request = 0 AND p.outcome = 0")}


def edit(trial, was, now):
    text = trial.path.read_text()
    assert textwrap.indent(was, "  ") in text
    trial.path.write_text(text.replace(textwrap.indent(was, "  "), textwrap.indent(now, "  ")))


@pytest.mark.parametrize("was, now", [
    ('  url: /bulk/\n  body: {id: "{id}"}', '  url: /bulk/\n  body: {id: "{id}", v: 2}'),
    ("- name: single", '- name: new\n  when: .id < 0\n  method: POST\n  url: /new/\n- name: single'),
])
def test_what_waited_is_sent_as_the_pipeline_was(start_lists, was, now):
    trial = killed_with_lists_waiting(start_lists)
    waited = waiting_lines(trial)
    edit(trial, was, now)
    assert 0 < len(waited) < 40 and trial.run().code in (0, 1)
    assert trial.complaints("/bulk/", "list") == []
    assert {record["id"] + 1 for call in trial.host.accepted("/bulk/") for record in call.json
            if "v" not in record} >= waited
    changed = [record for call in trial.host.accepted("/bulk/") for record in call.json
               if "v" in record]
    assert len(changed) == (40 - len(waited) if "v: 2" in now else 0)


def test_what_waited_is_rejected_where_nobody_knows_any_more_how_it_was_made(start_lists):
    trial = killed_with_lists_waiting(start_lists)
    waited = waiting_lines(trial)
    with state_of(trial) as state:
        state.execute("UPDATE config SET text = 'version: 99', sha256 = 'of another'")
    assert trial.run().code == 1
    rejects = trial.program("rejects", "list", trial.path, "--json").json["rejects"]
    assert {item["records"][0]["line"] for item in rejects} == waited
    assert {item["class"] for item in rejects} == {"unrouted"}
    assert trial.miscounts() == []
    assert trial.program("rejects", "retry", trial.path, "--all").code == 0
    assert trial.complaints("/bulk/", "list") == []


def test_halves_are_cut_as_the_pipeline_was(start_lists):
    """The whole is refused after the file was edited: its halves are those of the old body."""
    answers = [(503, {})]

    def answer(call):
        if answers and call.path == "/bulk/":
            return answers[0]
        return (413, {}) if len(call.json) > 4 else (200, {})

    trial = start_lists(numbered(8), BOTH.replace("POST", "PUT"), answer)
    assert trial.was_killed("unknown_noted:1")
    answers.clear()
    edit(trial, '  url: /bulk/\n  body: {id: "{id}"}', '  url: /bulk/\n  body: {id: "{id}", v: 2}')
    assert trial.run().code == 0
    assert trial.arrivals("/bulk/") == list(range(8))
    assert [len(call.json) for call in trial.host.accepted("/bulk/")] == [4, 4]
    assert not any("v" in record for call in trial.host.accepted("/bulk/") for record in call.json)


# In which order

PLACES = """
- name: early
  when: .id < 2
  method: PUT
  url: "/lead/{lead}/"
  body: {id: "{id}"}
- name: own
  method: PUT
  url: "/people/{id}/"
  body: {id: "{id}"}
  continue: true
- name: late
  method: PUT
  url: "/lead/{lead}/"
  body: {id: "{id}"}
"""


@pytest.mark.parametrize("without, order", [("", [0, 1, 2, 3]), ("places", [0, 2, 3, 1])])
def test_what_is_read_again_is_not_overtaken_by_what_was_stored_along(start_lists, without, order):
    """The lead's calls of records 2 and 3 are stored with their first ones, that of 1 is not."""
    trial = start_lists([{"id": i, "lead": "lead_A1"} for i in range(4)], PLACES, without=without)
    assert trial.was_killed("intent_durable:2")
    trial.run()
    ids = [call.json["id"] for call in trial.host.writes("/lead/lead_A1/")]
    assert list(dict.fromkeys(ids)) == order


WAY = """
- name: list
  when: .id % 2 == 0
  method: POST
  url: /bulk/
  body: {id: "{id}", lead_id: "{lead}"}
  batch: {size: 10, wait: 1h, algorithm: array}
- name: single
  method: PUT
  url: "/lead/{lead}/"
  body: {id: "{id}"}
"""


@pytest.mark.parametrize("without, order", [("", [0, 1, 2, 3]), ("way", [1, 3, 0, 2])])
def test_what_waits_for_others_is_not_overtaken(start_lists, without, order):
    trial = start_lists([{"id": i, "lead": "lead_A1"} for i in range(4)], WAY, without=without)
    trial.run()
    bodies = [call.json for call in trial.host.writes()]
    ids = [record["id"] for body in bodies for record in (body if isinstance(body, list) else [body])]
    assert ids == order


def slow_at_first():
    """An event, until which the lead's call of record 1 takes; and what answers so."""
    goes_on = threading.Event()

    def answer(call):
        if call.path == "/lead/lead_A1/" and call.json["id"] == 1:
            goes_on.wait(180)
        if call.path.startswith("/other/"):
            time.sleep(1)  # what would go beside it has the time to
        return (200, {})

    return goes_on, answer


OLD_AND_NEW = """
- name: other
  when: .kind == "other"
  method: PUT
  url: "/other/{missing}/"
- name: note
  when: .kind == "note"
  method: POST
  url: /notes/
  body: {id: "{id}"}
  continue: true
- name: lead
  method: PUT
  url: "/lead/lead_A1/"
  body: {id: "{id}"}
"""


@pytest.mark.parametrize("verb, without, order", [
    (("run", "--json", "--limit", "1"), "", [1, 2, 3, 4]),
    (("run", "--json", "--limit", "1"), "whole_input", [1, 2, 4, 3]),
    (("rejects", "retry", "--all"), "", [1, 2, 3, 4]),
])
def test_nothing_goes_before_its_place_where_not_all_is_read(start_lists, verb, without, order):
    """The note of record 4 has its row, and with it a call of the lead that stands behind others."""
    goes_on, answer = slow_at_first()
    records = [{"id": 0, "kind": "other"}, *({"id": i, "kind": "note" if i == 4 else ""}
                                             for i in range(1, 5))]
    trial = start_lists(records, OLD_AND_NEW, answer)
    assert trial.was_killed("outputs_durable:1")
    goes_on.set()
    switched = {"CLOSEFEED_WITHOUT": without} if without else {}
    if verb[0] == "rejects":
        edit(trial, '  url: "/other/{missing}/"', '  url: "/other/{id}/"')
        assert trial.program("rejects", "retry", trial.path, "--all").code == 0
    else:
        result = trial.program("run", trial.path, *verb[1:], env=switched)
        assert result.code == 1
        assert result.summary["open"] == (0 if without else 1)
        assert without or "were not read again" in result.summary["reason"]
    assert trial.run().code in (0, 1)
    ids = [call.json["id"] for call in trial.host.writes("/lead/lead_A1/")]
    assert list(dict.fromkeys(ids)) == order and trial.miscounts() == []


RETRIED = """
- name: one
  when: (.x|tonumber) > 0
  method: PUT
  url: "/a/{id}/"
  continue: true
- name: two
  method: PUT
  url: "/a/{id}/"
  body: {two: "{id}"}
"""


@pytest.mark.parametrize("without", ["", "retries"])
def test_what_a_retry_left_open_waits_for_no_new_input(start_lists, without):
    trial = start_lists([{"id": 1, "x": "no number"}, {"id": 2, "x": "1"}], RETRIED,
                        source="{ndjson: {path: feed.ndjson, follow: true}}")

    def follow(**how):
        return trial.program.start("run", trial.path, **how)

    def finish(process):
        process.terminate()
        process.communicate(timeout=180)

    first = follow()
    wait_until(lambda: len(trial.host.accepted("/a/2/")) == 2)
    wait_until(lambda: trial.rejected() == [1])
    finish(first)
    edit(trial, "when: (.x|tonumber) > 0\n  method", "method")
    killed = trial.program("rejects", "retry", trial.path, "--all",
                           env={"CLOSEFEED_KILL_AT": "outputs_durable:1"})
    assert killed.code == -signal.SIGKILL
    second = follow(env={"CLOSEFEED_WITHOUT": without} if without else None)
    try:
        if without:
            wait_until(lambda: trial.host.accepted("/a/1/"))
            with pytest.raises(AssertionError):
                wait_until(lambda: len(trial.host.accepted("/a/1/")) == 2, timeout=2)
        else:
            wait_until(lambda: len(trial.host.accepted("/a/1/")) == 2)
            assert trial.host.accepted("/a/1/")[1].json == {"two": 1}
    finally:
        finish(second)


def test_a_record_one_of_whose_outputs_is_lost_goes_on_with_the_others(start_lists):
    routes = BOTH + "  continue: true\n" + textwrap.dedent("""
        - name: more
          method: POST
          url: /more/
          body: {id: "{id}"}
          batch: {size: 10, wait: 1h, algorithm: array}
        """).lstrip()

    def answer(call):
        if call.path == "/more/":
            raise ConnectionError  # nobody knows what became of it
        return (200, {})

    trial = start_lists([{"id": 1}], routes, answer, source="{ndjson: {path: '-'}}")
    process = trial.program.start("run", trial.path, stdin=subprocess.PIPE,
                                  env={"CLOSEFEED_KILL_AT": "outcome_durable:1"})
    process.stdin.write(ndjson(trial.records).encode())
    process.stdin.flush()
    assert process.wait(180) == -signal.SIGKILL
    process.communicate()
    with state_of(trial) as state:
        state.execute("UPDATE part SET draft = '{' WHERE id = "
                      "(SELECT min(id) FROM part WHERE request = 0 AND outcome = 0)")
    summary = trial.run().summary
    assert (summary["read"], summary["held"], summary["rejected"]) == (1, 1, 0)
    assert trial.held() == {(1, "more")} and trial.rejected() == [1]
    assert trial.miscounts() == []


KEPT_FOR = """
- name: note
  when: .note
  method: PUT
  url: "/notes/{id}/"
  body: {id: "{id}"}
  continue: true
- name: lead
  method: PUT
  url: "/lead/lead_A1/"
  body: {id: "{id}"}
"""


def test_what_all_that_was_read_waits_for_goes_and_nothing_behind_it(start_lists):
    """As much as may be is read, all with the key of record 2, which is stored further on."""
    goes_on, answer = slow_at_first()
    trial = start_lists([], KEPT_FOR, answer, source='{ndjson: {path: in}, key: "{id}"}')
    folder = trial.folder / "in"
    folder.mkdir()
    (folder / "2.ndjson").write_text(ndjson([{"id": i, "note": i in (2, 4)} for i in range(1, 5)]))
    assert trial.was_killed("outputs_durable:2")
    goes_on.set()
    line = ndjson([{"id": 2, "note": False, "more": "x" * 1_000_000}])
    (folder / "1.ndjson").write_text(line * 70)
    result = trial.program("run", trial.path, "--json")
    assert result.code == 0, result
    ids = [call.json["id"] for call in trial.host.writes("/lead/lead_A1/")]
    assert list(dict.fromkeys(ids)) == [1, 2, 3, 4]
    assert result.summary["skipped"] == 70 and result.summary["delivered"] == 4


def test_what_stands_in_a_missing_file_waits_for_an_earlier_one_that_is_missing_too(start_lists):
    goes_on, answer = slow_at_first()
    trial = start_lists([], KEPT_FOR, answer, source="{ndjson: {path: in}}")
    folder, away = trial.folder / "in", trial.folder / "away"
    folder.mkdir()
    away.mkdir()
    (folder / "1.ndjson").write_text(ndjson([{"id": i, "note": False} for i in (1, 2, 3)]))
    (folder / "2.ndjson").write_text(ndjson([{"id": 4, "note": True}]))
    assert trial.was_killed("outputs_durable:1")
    goes_on.set()
    for file in list(folder.iterdir()):
        file.rename(away / file.name)
    (folder / "3.ndjson").write_text("")
    result = trial.program("run", trial.path, "--json")
    assert (result.code, result.summary["open"]) == (1, 1), result
    assert "were not read again" in result.summary["reason"]
    for file in list(away.iterdir()):
        file.rename(folder / file.name)
    assert trial.program("run", trial.path, "--json").code == 0
    ids = [call.json["id"] for call in trial.host.writes("/lead/lead_A1/")]
    assert list(dict.fromkeys(ids)) == [1, 2, 3, 4]
