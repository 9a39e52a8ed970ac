"""kill -9 at named points, over and over: nothing is lost, nothing is twice, everything is told.

The points and what stands between them: README.md in this folder. CLOSEFEED_FAULT_SEED=N repeats
the schedule of another seed; drill.py is the long form.
"""

import collections
import json
import pathlib
import re
import signal
import sqlite3

import pytest

from trial import BIRTH, POINTS, RECOVERY, Kills, companies, seed

ROOT = pathlib.Path(__file__).resolve().parents[2]


def kill_until(trial, kills, n):
    """Runs that die, until @n did; a run whose point does not come ends after some records."""
    for _ in range(3 * n):
        if trial.n_killed >= n:
            return
        trial.run("--limit", "60", kill_at=kills.next())
    raise AssertionError(f"only {trial.n_killed} of {n} kills struck: {trial.kills}")


def test_fifty_kills_lose_nothing_and_make_no_twin(start_trial):
    trial = start_trial(records=companies(2000))
    # Trouble on the way, so that the ways of making up for it are killed, too.
    trial.sandbox.add_fault("reset_before", method="POST", path="/lead/", every=71)
    trial.sandbox.add_fault("reset_after", method="POST", path="/lead/", every=73)
    trial.sandbox.add_fault("status", status=503, method="POST", path="/_sandbox/hook", every=97)
    for point in BIRTH:
        assert trial.was_killed(kill_at=f"{point}:1"), f"{point} was not passed"
    kill_until(trial, Kills(seed(), POINTS), 50)
    trial.sandbox.clear_faults()
    result = trial.finish()
    assert trial.complaints() == []
    assert len(trial.kills) >= 20, trial.kills
    # What is held is what had nobody after it to prove that search has come so far.
    assert len(trial.held_lines()) <= 100 and result.code in (0, 1)


def test_a_kill_while_making_up_for_a_kill_is_made_up_for(start_trial):
    trial = start_trial(records=companies(900), close="concurrency: 16")
    trial.sandbox.add_fault("reset_before", method="POST", path="/lead/", every=31)
    trial.sandbox.add_fault("reset_after", method="POST", path="/lead/", every=37)
    first, again = Kills(seed(), POINTS), Kills(seed() + 1, RECOVERY)
    for n in range(14):  # the last rounds where a slow machine has not come to as many kills
        if n >= 10 and trial.n_killed >= 20 and len(trial.kills) >= 12:
            break
        trial.run("--limit", "60", kill_at=first.next())
        trial.run("--limit", "1", kill_at=again.next())
        trial.run("--limit", "1", kill_at=again.next())
    trial.sandbox.clear_faults()
    trial.finish()
    assert trial.complaints() == []
    assert trial.n_killed >= 20 and len(trial.kills) >= 12, trial.kills


def test_without_an_identity_what_is_in_doubt_is_found_and_never_sent_twice(start_trial):
    trial = start_trial(records=companies(800), has_identity=False)
    kills = Kills(seed(), {point: n for point, n in POINTS.items()
                           if point not in ("webhook_postponed",)})
    for _ in range(20):
        trial.run("--limit", "60", kill_at=kills.next())
    trial.finish()
    assert trial.complaints() == []
    assert len(trial.held_lines()) <= 8 * trial.n_killed and trial.n_killed >= 15
    assert any(event["data"]["found_by_lookup"] for event in trial.file_events())


def test_updates_keep_their_order_through_kills(start_trial):
    trial = start_trial(n_leads=50, n_updates=40, close="concurrency: 16", quarantine="300ms",
                        seed_number=seed())
    trial.sandbox.add_fault("reset_before", method="PUT", every=151)
    trial.sandbox.add_fault("reset_after", method="PUT", every=157)
    points = {**{point: n for point, n in POINTS.items() if point != "webhook_postponed"},
              "resume_begins": 4, "resume_noted": 4, "lane_closes": 2, "lane_opens": 2,
              "unknown_noted": 1}
    kill_until(trial, Kills(seed(), points), 30)
    for _ in range(10):  # what it was about to do at another death, it does in the next run
        if "lane_closes" not in trial.kills:
            trial.run("--limit", "60", kill_at="lane_closes:1")
    trial.sandbox.clear_faults()
    trial.finish()
    assert trial.complaints() == []
    assert "lane_closes" in trial.kills, trial.kills


def test_a_file_that_grows_between_kills_is_read_to_its_end(start_trial):
    trial = start_trial(records=companies(900), has_webhook=False)
    text = (trial.folder / "trial.ndjson").read_text()
    kills = Kills(seed(), {point: n for point, n in POINTS.items() if "webhook" not in point})
    for i in range(1, 13):
        # Its last line has no end yet.
        (trial.folder / "trial.ndjson").write_text(text[:text.rindex("\n", 0, i * len(text) // 13)])
        trial.run("--limit", "70", kill_at=kills.next())
    (trial.folder / "trial.ndjson").write_text(text)
    trial.finish()
    assert trial.complaints() == [] and trial.n_killed >= 8


def test_standard_input_that_is_fed_again_after_each_kill_makes_no_twin(start_trial):
    trial = start_trial(records=companies(400), has_webhook=False, is_piped=True)
    kills = Kills(seed(), {point: n for point, n in POINTS.items() if "webhook" not in point})
    for _ in range(10):
        trial.run("--limit", "60", kill_at=kills.next())
    trial.finish()
    assert trial.complaints() == [] and trial.n_killed >= 6


def test_events_that_pile_up_through_kills_are_told_in_order_when_the_receiver_is_back(start_trial):
    trial = start_trial(n_leads=10, n_updates=60, close="concurrency: 16", quarantine="300ms",
                        delivery="drain: 100ms")
    trial.sandbox.add_fault("status", status=503, method="POST", path="/_sandbox/hook", every=1)
    kills = Kills(seed(), {point: n for point, n in POINTS.items() if "webhook" not in point})
    for _ in range(12):
        trial.run("--limit", "60", kill_at=kills.next())
    result = trial.run()
    assert result.code == 75 and result.summary["events_owed"] > 300, result
    assert trial.hook_events() == []
    trial.sandbox.clear_faults()
    trial.path.write_text(trial.path.read_text().replace("drain: 100ms", "drain: 10m"))
    trial.finish()
    assert trial.complaints() == []


def test_rejects_that_are_retried_through_kills_are_delivered_once(start_trial):
    trial = start_trial(records=[{**c, "contacts": "none"} for c in companies(10)])
    assert trial.run().code == 1
    trial.path.write_text(trial.path.read_text().replace("[id]", "[id, contacts]"))
    points = ("retry_begins:4", "intent_durable:1", "answer_came:2", "outcome_asked:2",
              "retry_ended:1", "outcome_durable:1", "commit_applied:2")
    n_killed = 0
    for kill_at in points:
        # Those under way when it dies are finished by the next run.
        died = trial.program("rejects", "retry", trial.path, "--all",
                             env={"CLOSEFEED_KILL_AT": kill_at})
        n_killed += died.code == -signal.SIGKILL
        trial.run()
    trial.program("rejects", "retry", trial.path, "--all")
    assert n_killed >= 3
    assert trial.twins() + trial.losses() + trial.miscounts() == []

    told = collections.defaultdict(set)
    for event in trial.file_events():
        told[event["data"]["records"][0]["line"]].add((event["id"], event["data"]["outcome"]))
    held = trial.held_lines()
    for line in range(1, 11):
        assert sorted(outcome for _, outcome in told[line]) == [
            "held" if line in held else "delivered", "rejected"], told[line]
    assert {e["id"] for e in trial.hook_events()} == {e["id"] for e in trial.file_events()}


@pytest.mark.parametrize("kill_at", ["resolve_asked:1", "commit_asked:2", "commit_applied:2",
                                     "commit_durable:2", "outcome_asked:1", "outcome_durable:1",
                                     "resolve_sends:1", "intent_durable:1", "answer_came:1"])
def test_a_persons_word_on_a_held_item_is_taken_once(start_trial, kill_at):
    trial = start_trial(records=companies(3), has_identity=False, close="concurrency: 1")
    # The last one: with anything newer behind it, it would be proven and sent again.
    trial.sandbox.add_fault("reset_before", method="POST", path="/lead/", n=3)
    assert trial.run().code == 1
    [item] = trial.program("held", "list", trial.path, "--json").json["held"]
    word = ["held", "resolve", trial.path, item["id"], "--send"]
    died = trial.program(*word, env={"CLOSEFEED_KILL_AT": kill_at})
    assert died.code == -signal.SIGKILL, died
    trial.finish()
    if trial.held_lines():  # the word was lost with the process, or is in doubt again
        name = trial.records[trial.held_lines()[0] - 1]["name"]
        [item] = trial.program("held", "list", trial.path, "--json").json["held"]
        there = {lead["name"]: lead["id"] for lead in trial.sandbox.objects("lead")}.get(name)
        word = ["--applied", there] if there else ["--send"]
        assert trial.program("held", "resolve", trial.path, item["id"], *word).code == 0
    assert trial.leads() == {record["name"]: 1 for record in trial.records}
    assert trial.held_lines() == [] and trial.miscounts() == []
    ids = collections.defaultdict(set)
    for event in trial.file_events():
        ids[event["id"]].add(json.dumps(event, sort_keys=True))
    assert {len(texts) for texts in ids.values()} == {1}
    assert {e["id"] for e in trial.hook_events()} == set(ids)


@pytest.mark.parametrize("kill_at, is_aside", [
    ("main_begins:1", False), ("state_aside:1", True), ("state_made:1", True),
    ("state_named:1", True)])
def test_an_old_state_is_set_aside_as_a_whole(start_trial, kill_at, is_aside):
    trial = start_trial(records=companies(50), has_identity=False)
    # A death leaves rows in the write-ahead log: without it the state would be an older one.
    assert trial.was_killed(kill_at="run_ends:1")
    assert trial.was_killed("--new-state", kill_at=kill_at)
    trial.finish()
    assert set(trial.leads().values()) == {2 if is_aside else 1}
    for old in (trial.folder / "state/closefeed/trial").glob("old-*.db"):
        assert is_aside
        with sqlite3.connect(old) as state:
            assert state.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert state.execute("SELECT settled_line FROM stream").fetchone() == (50,)


def test_every_point_of_the_sources_is_in_the_table():
    """README.md is what a person picks a point from; it must not grow old."""
    named = set()
    for source in [*(ROOT / "connector").rglob("*.c"), *(ROOT / "lib").rglob("*.c")]:
        for call in re.findall(r"hook_(?:point|without)\(([^)]*)\)", source.read_text()):
            named.update(re.findall(r'"(\w+)"', call))
    table = (pathlib.Path(__file__).parent / "README.md").read_text()
    assert named == set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))
    assert set(POINTS) | set(RECOVERY) | set(BIRTH) <= named
