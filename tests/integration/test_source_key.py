"""source.key: files that are copied, mended, exported anew, and records that come twice."""

import collections
import shutil
import signal

import pytest
from bulk import Bulk, bulk_pipeline
from harness import NOTE_AND_TASK, ndjson

LEADS = """
- name: leads
  operation: lead.create
  exclude: [id]
"""


def with_identity(sandbox):
    field = sandbox.post("/custom_field/lead/", {"name": "Feed Key", "type": "text"})["id"]
    return LEADS + f'  identity: {{custom.{field}: "{{id}}"}}\n'


def companies(n, first=0):
    return [{"id": i, "name": f"Company {i}"} for i in range(first, first + n)]


def source_of(path="signups.ndjson", key="{id}", more=""):
    return f'ndjson: {{path: "{path}"{more}}}\nkey: "{key}"'


def names(sandbox):
    return collections.Counter(lead["name"] for lead in sandbox.objects("lead"))


def once_each(sandbox, n):
    assert names(sandbox) == collections.Counter(f"Company {i}" for i in range(n))
    return True


def nothing_is_wrong(closefeed, sandbox, path, n):
    """No twins; and what is not there is held, because nobody can know."""
    there = names(sandbox)
    held = closefeed("held", "list", path, "--json").json["held"]
    assert not [name for name, times in there.items() if times > 1]
    assert len(there) <= n <= len(there) + len(held)
    return True


def counts(result):
    """The outcomes of a run that are not 0."""
    summary = result.summary
    kinds = ("delivered", "filtered", "skipped", "rejected", "held", "open")
    assert summary["read"] == sum(summary[kind] for kind in kinds), summary
    return {kind: summary[kind] for kind in kinds if summary[kind]}


def run(closefeed, path, *flags, env=None):
    result = closefeed("run", path, "--json", *flags, env=env)
    assert result.code in (0, 1), result.err
    return counts(result)


def rejects(closefeed, path):
    return closefeed("rejects", "list", path, "--json").json["rejects"]


def write(tmp_path, name, records):
    (tmp_path / name).write_text(ndjson(records), encoding="utf-8")


# Files that come again

def test_a_copy_under_another_name_is_skipped_as_a_whole(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline(companies(30), routes=LEADS, source=source_of("*.ndjson"))
    assert run(closefeed, path) == {"delivered": 30}
    events = len(sandbox.hook_events())
    shutil.copy(tmp_path / "signups.ndjson", tmp_path / "copy.ndjson")
    assert run(closefeed, path) == {"skipped": 30}
    assert once_each(sandbox, 30)
    assert len(sandbox.hook_events()) == events  # they are only counted
    assert closefeed("run", path, "--json").summary["read"] == 0


def test_an_export_with_three_new_rows_among_a_thousand_makes_three_calls(
        closefeed, pipeline, sandbox, tmp_path):
    path = pipeline(companies(1000), routes=LEADS, source=source_of(), close="concurrency: 20")
    sandbox.post("/_sandbox/settings", {"rate": {"write": 1_000_000}})
    assert run(closefeed, path) == {"delivered": 1000}
    before = len(sandbox.requests("POST"))
    again = companies(1003)
    again[7], again[1001] = again[1001], again[7]
    write(tmp_path, "signups.ndjson", again)
    assert run(closefeed, path) == {"delivered": 3, "skipped": 1000}
    assert len(sandbox.requests("POST")) == before + 3
    assert once_each(sandbox, 1003)


def test_a_nightly_export_under_one_name_is_read_from_its_start(
        closefeed, pipeline, sandbox, tmp_path):
    path = pipeline(companies(10), routes=LEADS, source=source_of())
    for night in range(3):
        write(tmp_path, "signups.ndjson", companies(10 + night)[::-1])
        assert run(closefeed, path) == (
            {"delivered": 1, "skipped": 9 + night} if night else {"delivered": 10})
    assert once_each(sandbox, 12)


def test_on_change_stop_still_stops_where_it_is_written(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline(companies(3), routes=LEADS, source=source_of(more=", on_change: stop"))
    assert run(closefeed, path) == {"delivered": 3}
    write(tmp_path, "signups.ndjson", companies(4)[::-1])
    assert closefeed("run", path).code == 75
    assert once_each(sandbox, 3)


def test_the_bytes_of_a_record_can_be_its_key(closefeed, pipeline, sandbox, tmp_path):
    lines = ['{"name":"Company 0"}', '{"name": "Company 1"}']
    path = pipeline(lines, source=source_of(key="{@sha256}"))
    assert run(closefeed, path) == {"delivered": 2}
    write(tmp_path, "signups.ndjson", [lines[1], '{"name":"Company 2"}', lines[0]])
    assert run(closefeed, path) == {"delivered": 1, "skipped": 2}
    assert once_each(sandbox, 3)


def test_what_a_transform_drops_is_settled_too(closefeed, pipeline, sandbox, tmp_path):
    routes = LEADS + "  transform: if .id < 3 then . else empty end\n"
    path = pipeline(companies(6), routes=routes, source=source_of())
    assert run(closefeed, path) == {"delivered": 3, "filtered": 3}
    write(tmp_path, "signups.ndjson", companies(7)[::-1])
    assert run(closefeed, path) == {"filtered": 1, "skipped": 6}
    assert once_each(sandbox, 3)


# Twice in one file

def test_a_key_that_comes_twice_in_one_file_is_taken_once(closefeed, pipeline, sandbox):
    records = [record for record in companies(20) for _ in range(3)]
    path = pipeline(records, routes=LEADS, source=source_of(), close="concurrency: 8")
    assert run(closefeed, path) == {"delivered": 20, "skipped": 40}
    assert once_each(sandbox, 20)


def test_the_second_is_taken_where_the_first_is_rejected(closefeed, pipeline, sandbox):
    """Close refuses the first, the second waits for that, and the third for the second."""
    records = [{"id": 1, "name": "A", "url": 7}, {"id": 1, "name": "A"},
               {"id": 1, "name": "A"}]
    path = pipeline(records, routes=LEADS, source=source_of())
    assert run(closefeed, path) == {"rejected": 1, "delivered": 1, "skipped": 1}
    assert names(sandbox) == {"A": 1}
    assert rejects(closefeed, path) == []  # the second took its place


def test_all_rejected_the_last_stands(closefeed, pipeline, sandbox):
    records = [{"id": 1, "name": "A", "url": 7, "n": n} for n in range(5)]
    path = pipeline(records, routes=LEADS + "  unknown_keys: warn\n", source=source_of())
    assert run(closefeed, path) == {"rejected": 5}
    reject, = rejects(closefeed, path)
    assert reject["records"][0]["line"] == 5


def test_a_batch_is_not_kept_waiting_by_records_that_wait_for_it(closefeed, tmp_path):
    with Bulk() as host:
        records = [{"id": i % 10} for i in range(40)]
        path = bulk_pipeline(tmp_path, host, records, source=(
            "{ndjson: {path: feed.ndjson}, key: '{id}'}"), routes="""
            - method: POST
              url: /bulk/
              batch: {size: 100, wait: 1h, algorithm: array}
            """)
        assert run(closefeed, path) == {"delivered": 10, "skipped": 30}
    assert [len(call.json) for call in host.writes("/bulk/")] == [10]


def test_others_are_not_held_up_by_a_key_that_is_open(closefeed, pipeline, sandbox):
    """Line 1 is in doubt, line 2 has its key, lines 3 to 12 do not mind: it is not made first."""
    sandbox.add_fault("reset_before", method="POST", path="/lead/", n=1)
    records = [companies(1)[0], *companies(11)]
    path = pipeline(records, routes=with_identity(sandbox), source=source_of(),
                    close="concurrency: 1", delivery="quarantine: 2s")
    assert run(closefeed, path) == {"delivered": 11, "skipped": 1}
    assert once_each(sandbox, 11)
    assert sandbox.objects("lead")[0]["name"] != "Company 0"


# Rejects

def test_a_mended_reject_is_taken_again_and_is_gone(closefeed, pipeline, sandbox, tmp_path):
    records = companies(5)
    records[2]["url"] = 7
    path = pipeline(records, routes=LEADS, source=source_of())
    assert run(closefeed, path) == {"delivered": 4, "rejected": 1}
    old, = rejects(closefeed, path)
    del records[2]["url"]
    write(tmp_path, "signups.ndjson", records)
    assert run(closefeed, path) == {"delivered": 1, "skipped": 4}
    assert rejects(closefeed, path) == [] and once_each(sandbox, 5)
    assert closefeed("rejects", "show", path, old["id"]).code != 0
    assert run(closefeed, path) == {}


def test_rejected_again_the_new_one_stands(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline([{"id": 1, "name": "A", "url": 7}], routes=LEADS, source=source_of())
    assert run(closefeed, path) == {"rejected": 1}
    old, = rejects(closefeed, path)
    write(tmp_path, "signups.ndjson", [{"id": 1, "name": "A", "url": 8}])
    assert run(closefeed, path) == {"rejected": 1}
    new, = rejects(closefeed, path)
    assert new["id"] != old["id"]
    assert "8" in closefeed("rejects", "show", path, new["id"]).out


def made(sandbox):
    return (sorted(note["note"] for note in sandbox.objects("activity/note")),
            sorted(task["text"] for task in sandbox.objects("task")))


def test_only_what_was_rejected_of_a_mended_record_is_sent(closefeed, pipeline, sandbox, tmp_path):
    lead = sandbox.post("/lead/", {"name": "Lead"})["id"]
    records = [{"id": 1, "lead": lead, "text": "A", "due": "no day"},
               {"id": 2, "lead": lead, "text": "B", "due": "2026-12-01"}]
    path = pipeline(records, routes=NOTE_AND_TASK, source=source_of())
    assert run(closefeed, path) == {"delivered": 1, "rejected": 1}
    assert made(sandbox) == (["A", "B"], ["B"])
    for due, outcome in (("never", {"rejected": 1, "skipped": 1}),
                         ("2026-12-02", {"delivered": 1, "skipped": 1}), ("", {"skipped": 2})):
        records[0]["due"] = due
        write(tmp_path, "signups.ndjson", records)
        assert run(closefeed, path) == outcome
    assert made(sandbox) == (["A", "B"], ["A", "B"])
    assert rejects(closefeed, path) == []


def test_a_record_of_which_nothing_was_sent_goes_where_it_belongs_now(
        closefeed, pipeline, sandbox, tmp_path):
    """Mended, another route takes it."""
    routes = """
        - name: people
          when: .kind == "contact"
          operation: contact.create
          body: {lead_id: "{lead}", name: "{name}"}
        - name: companies
          operation: lead.create
          body: {name: "{name}"}
        """
    path = pipeline([{"id": 1, "kind": "contact", "name": "A", "lead": "lead_none"}],
                    routes=routes, source=source_of())
    assert run(closefeed, path) == {"rejected": 1}
    write(tmp_path, "signups.ndjson", [{"id": 1, "kind": "company", "name": "A"}])
    assert run(closefeed, path) == {"delivered": 1}
    assert names(sandbox) == {"A": 1} and rejects(closefeed, path) == []


def test_a_reject_that_is_retried_settles_its_key(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline([{"id": 1, "name": "A", "url": 7}], routes=LEADS, source=source_of())
    assert run(closefeed, path) == {"rejected": 1}
    pipeline(routes=LEADS.replace("[id]", "[id, url]"), source=source_of())
    assert closefeed("rejects", "retry", path, "--all").code == 0
    write(tmp_path, "signups.ndjson", [{"id": 1, "name": "B"}])
    assert run(closefeed, path) == {"skipped": 1}
    assert names(sandbox) == {"A": 1}


def test_a_reject_that_is_dropped_frees_its_key(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline([{"id": 1, "name": "A", "url": 7}], routes=LEADS, source=source_of())
    assert run(closefeed, path) == {"rejected": 1}
    assert closefeed("rejects", "drop", path, "--all").code == 0
    write(tmp_path, "signups.ndjson", [{"id": 1, "name": "A"}])
    assert run(closefeed, path) == {"delivered": 1}


def test_a_dropped_half_of_a_record_does_not_free_its_key(closefeed, pipeline, sandbox, tmp_path):
    lead = sandbox.post("/lead/", {"name": "Lead"})["id"]
    path = pipeline([{"id": 1, "lead": lead, "text": "A", "due": "no day"}], routes=NOTE_AND_TASK,
                    source=source_of())
    assert run(closefeed, path) == {"rejected": 1}
    assert closefeed("rejects", "drop", path, "--all").code == 0
    write(tmp_path, "signups.ndjson", [{"id": 1, "lead": lead, "text": "A", "due": "2026-12-01"}])
    assert run(closefeed, path) == {"skipped": 1}
    assert made(sandbox) == (["A"], [])


# Held items

def test_a_held_record_is_settled_whatever_a_person_says_later(
        closefeed, pipeline, sandbox, tmp_path):
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=1)
    path = pipeline(companies(1), routes=LEADS, source=source_of(),
                    delivery="quarantine: 2s\non_unknown: hold")
    assert run(closefeed, path) == {"held": 1}
    for copy in range(2):
        write(tmp_path, "signups.ndjson", [{"id": 0, "name": "Company 0", "copy": copy}])
        assert run(closefeed, path) == {"skipped": 1}
        if not copy:
            held, = closefeed("held", "list", path, "--json").json["held"]
            assert closefeed("held", "resolve", path, held["id"], "--give-up").code == 1
    assert once_each(sandbox, 1)


# Records without a key

def test_a_record_without_a_key_is_rejected(closefeed, pipeline, sandbox):
    records = [{"name": "A"}, {"id": None, "name": "B"}, {"id": "", "name": "C"}, {"id": [1]},
               {"id": 0, "name": "D"}, "no json", {"id": False, "name": "E"}]
    path = pipeline(records, routes=LEADS, source=source_of())
    assert run(closefeed, path) == {"delivered": 2, "rejected": 5}
    assert names(sandbox) == {"D": 1, "E": 1}
    assert collections.Counter(item["class"] for item in rejects(closefeed, path)) == {
        "template": 4, "json": 1}
    assert "source.key" in closefeed("rejects", "show", path, rejects(closefeed, path)[0]["id"]).out


def test_a_reject_gets_its_key_when_it_is_retried(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline([{"name": "A"}, {"name": "B"}], routes=LEADS, source=source_of())
    assert run(closefeed, path) == {"rejected": 2}
    assert closefeed("rejects", "retry", path, "--all").code == 1
    assert {item["class"] for item in rejects(closefeed, path)} == {"template"}
    pipeline(routes=LEADS, source=source_of(key="{name}", more=", on_change: new"))
    assert closefeed("rejects", "retry", path, "--all").code == 0
    write(tmp_path, "signups.ndjson", [{"name": "B", "n": 1}, {"name": "A"}])
    assert run(closefeed, path) == {"skipped": 2}
    assert names(sandbox) == {"A": 1, "B": 1}


def test_a_reject_whose_key_was_settled_by_another_record_is_not_sent(
        closefeed, pipeline, sandbox, tmp_path):
    path = pipeline([{"name": "A"}], routes=LEADS, source=source_of())
    assert run(closefeed, path) == {"rejected": 1}
    write(tmp_path, "signups.ndjson", [{"name": "A", "id": 7}])
    pipeline(routes=LEADS, source=source_of(key="{name}", more=", on_change: new"))
    assert run(closefeed, path) == {"delivered": 1}
    retry = closefeed("rejects", "retry", path, "--all", "--json")
    assert retry.code == 1 and "source.key" in retry.out
    assert names(sandbox) == {"A": 1}


# Sent by a person

def test_what_a_person_sends_settles_its_key(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline(companies(4), routes=LEADS, source=source_of("*.ndjson"))
    assert closefeed("send", path, "--record", "2", "--yes").code == 0
    assert closefeed("send", path, "--record", "3", "--yes", "--again").code == 0
    write(tmp_path, "a_copy.ndjson", companies(4))
    assert run(closefeed, path) == {"delivered": 2, "skipped": 4}
    assert once_each(sandbox, 4)


# A state that knows no keys yet

def test_records_from_before_there_was_a_key_are_not_known_by_it(
        closefeed, pipeline, sandbox, tmp_path):
    path = pipeline(companies(2), routes=LEADS, source='ndjson: {path: "*.ndjson"}')
    assert run(closefeed, path) == {"delivered": 2}
    pipeline(routes=LEADS, source=source_of("*.ndjson"))
    write(tmp_path, "more.ndjson", companies(4))
    assert run(closefeed, path) == {"delivered": 4}
    write(tmp_path, "again.ndjson", companies(4))
    assert run(closefeed, path) == {"skipped": 4}


def test_a_key_that_is_new_in_a_state_is_told_once(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline(companies(2), routes=LEADS)
    assert run(closefeed, path) == {"delivered": 2}
    for key, words in (("{id}", '"{id}" is new'), ("{name}", 'was "{id}" and is "{name}" now')):
        pipeline(routes=LEADS, source=source_of(key=key))
        assert words in closefeed("run", path).err
        assert words not in closefeed("run", path).err


def test_a_key_that_is_new_in_a_state_does_not_read_a_changed_file_anew_unasked(
        closefeed, pipeline, sandbox, tmp_path):
    """It would send all of it again: nothing of it is known by the key."""
    path = pipeline(companies(3), routes=LEADS)
    assert run(closefeed, path) == {"delivered": 3}
    write(tmp_path, "signups.ndjson", companies(4)[::-1])
    pipeline(routes=LEADS, source=source_of())
    stopped = closefeed("run", path)
    assert stopped.code == 75 and "on_change: new" in stopped.err
    pipeline(routes=LEADS, source=source_of(key="{name}"))
    assert closefeed("run", path).code == 75
    assert once_each(sandbox, 3)
    pipeline(routes=LEADS, source=source_of(more=", on_change: new"))
    assert run(closefeed, path) == {"delivered": 4}


def test_what_was_left_open_before_there_was_a_key_gets_one(closefeed, pipeline, sandbox, tmp_path):
    routes = with_identity(sandbox)
    path = pipeline(companies(4), routes=routes, source='ndjson: {path: "*.ndjson"}',
                    close="concurrency: 4")
    killed = closefeed("run", path, env={"CLOSEFEED_KILL_AT": "answer_came:1"})
    assert killed.code == -signal.SIGKILL
    pipeline(routes=routes, source=source_of("*.ndjson"))
    write(tmp_path, "copy.ndjson", companies(4))
    ended = run(closefeed, path)
    assert ended["skipped"] == 4 and ended.get("delivered", 0) + ended.get("held", 0) == 4
    assert nothing_is_wrong(closefeed, sandbox, path, 4)


# Killed in between

POINTS = ["key_asked:1", "key_asked:8", "key_known:1", "key_known:7", "key_waits:1", "key_waits:5",
          "key_again:1", "key_again:2", "commit_applied:4", "outcome_durable:9", "record_settled:20",
          "intent_durable:6", "answer_came:7", "commit_durable:5"]


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_in_between_makes_no_twin_and_loses_nothing(
        closefeed, pipeline, sandbox, tmp_path, point):
    """Rejects that are mended, copies, and new rows, in one run that dies and one that goes on."""
    records = companies(20)
    for i in (3, 11):
        records[i] = {**records[i], "url": 7}
    path = pipeline(records, routes=LEADS, source=source_of("*.ndjson"),
                    close="concurrency: 4", delivery="quarantine: 500ms\nmax_rejects: none")
    assert run(closefeed, path) == {"delivered": 18, "rejected": 2}
    write(tmp_path, "second.ndjson", [*companies(30), *companies(30)])
    killed = closefeed("run", path, env={"CLOSEFEED_KILL_AT": point})
    assert killed.code == -signal.SIGKILL, (point, killed.err)
    run(closefeed, path)
    assert nothing_is_wrong(closefeed, sandbox, path, 30)
    assert rejects(closefeed, path) == []
    write(tmp_path, "third.ndjson", companies(30))
    n_there = len(sandbox.objects("lead"))
    assert run(closefeed, path) == {"skipped": 30}
    assert len(sandbox.objects("lead")) == n_there


def test_the_first_run_may_die_as_well(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline(companies(60), routes=LEADS, source=source_of("*.ndjson"),
                    close="concurrency: 4", delivery="quarantine: 500ms")
    shutil.copy(tmp_path / "signups.ndjson", tmp_path / "a_copy.ndjson")
    for point in ("key_asked:3", "commit_durable:6", "answer_begins:5", "key_waits:4",
                  "outcome_durable:8", "key_known:3"):
        closefeed("run", path, env={"CLOSEFEED_KILL_AT": point})
    run(closefeed, path)
    assert nothing_is_wrong(closefeed, sandbox, path, 60)
    assert closefeed("run", path, "--json").summary["read"] == 0
