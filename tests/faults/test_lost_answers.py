"""Every way in which an answer is lost, end to end: one object each, never two.

The server may have applied what it never answered, or not; the program cannot see the difference
at once. Each row says which fault, and what is true at the server.
"""

import json
import re

import pytest

from harness import wait_until
from trial import companies

# fault, more about it, was it applied
NO_STATUS = [
    ("close_before", {}, False),
    ("close_after", {}, True),
    ("reset_before", {}, False),
    ("reset_after", {}, True),
    ("half_status_line_before", {}, False),
    ("half_status_line_after", {}, True),
    ("timeout_before", {}, False),
    ("timeout_after", {}, True),
    ("vanish_before", {"ms": 200}, False),
    ("vanish_after", {"ms": 200}, True),
    ("late_apply", {"ms": 400}, True),
]
UNCLEAR = [
    ("status", {"status": 500}, False),
    ("status_after_apply", {"status": 500}, True),
    ("status", {"status": 502}, False),
    ("status_after_apply", {"status": 503}, True),
    ("status_after_apply", {"status": 504}, True),
    ("status_after_apply", {"status": 408}, True),
    ("status", {"status": 425}, False),
    ("html", {}, False),
    ("html_after_apply", {}, True),
]
# A status line says it was applied; only the id is missing.
NO_ID = [
    ("torn_after", {"bytes": 60}, True),
    ("body_cut", {}, True),
    ("body_cut", {"bytes": 0}, True),
    ("endless_body", {}, True),
]


def name_of(row):
    fault, how, _ = row
    return "-".join([fault, *(str(value) for value in how.values())])


def rows(*tables):
    return [pytest.param(*row, id=name_of(row)) for table in tables for row in table]


def posts_of_the_faulted(trial):
    """How often the record that met the fault was sent, and its line."""
    posts = trial.sandbox.requests("POST", "/lead/")
    bodies = [json.loads(r["body"])["name"] if isinstance(r["body"], str) else r["body"]["name"]
              for r in posts]
    [name] = {body for body, r in zip(bodies, posts) if r["fault"]}
    return bodies.count(name), 1 + [c["name"] for c in trial.records].index(name)


def event_of(trial, line):
    [event] = {e["id"]: e for e in trial.file_events()
               if e["data"]["records"][0]["line"] == line}.values()
    return event["data"]


def patience(fault, n=2):
    """How a trial of @n calls at a time is set up: only what is never answered may end by its
    time-out, and what comes late must come within the quarantine, however slow the machine is."""
    waits = "2s" if fault.startswith("timeout") or fault == "endless_body" else "60s"
    how = {"close": f"concurrency: {n}\ntimeout: {waits}"}
    if fault == "late_apply":
        how["quarantine"] = "12s"
    return how


def check_found_or_sent_again(trial, fault, how, is_applied):
    trial.sandbox.add_fault(fault, method="POST", path="/lead/", n=5, **how)
    if fault.startswith("timeout"):  # others must come after it, to prove how far search is
        trial.sandbox.post("/_sandbox/settings", {"latency_ms": 200})
    result = trial.finish()
    assert trial.complaints() == [] and result.code == 0, result
    assert trial.leads() == {record["name"]: 1 for record in trial.records}
    n_sent, line = posts_of_the_faulted(trial)
    assert n_sent == (1 if is_applied else 2)
    assert event_of(trial, line)["found_by_lookup"] == is_applied


@pytest.mark.parametrize("fault, how, is_applied", rows(NO_STATUS, UNCLEAR, NO_ID))
def test_with_an_identity_it_is_found_or_sent_again(start_trial, fault, how, is_applied):
    trial = start_trial(records=companies(24), **patience(fault))
    check_found_or_sent_again(trial, fault, how, is_applied)


@pytest.mark.parametrize("fault, how, is_applied", rows(NO_STATUS, UNCLEAR[:2]))
def test_without_an_identity_it_is_found_by_what_it_says(start_trial, fault, how, is_applied):
    trial = start_trial(records=companies(24), has_identity=False, has_webhook=False,
                        **{"quarantine": "1200ms", **patience(fault)})
    check_found_or_sent_again(trial, fault, how, is_applied)


@pytest.mark.parametrize("fault, how, is_applied", rows(NO_STATUS, UNCLEAR[:2]))
def test_where_nothing_can_be_found_it_is_held_and_sent_once(start_trial, fault, how, is_applied):
    trial = start_trial(records=companies(12), has_identity=False, delivery="on_unknown: hold",
                        has_webhook=False, **patience(fault, 1))
    trial.sandbox.add_fault(fault, method="POST", path="/lead/", n=5, **how)
    result = trial.finish()
    assert trial.complaints() == [] and result.code == 1, result
    n_sent, line = posts_of_the_faulted(trial)
    assert n_sent == 1 and trial.held_lines() == [line]
    if fault != "late_apply":
        assert trial.leads()[trial.records[line - 1]["name"]] == is_applied


@pytest.mark.parametrize("fault, how, is_applied", rows(NO_STATUS, UNCLEAR[:2]))
def test_a_change_is_repeated_and_never_undone(start_trial, fault, how, is_applied):
    trial = start_trial(n_leads=3, n_updates=6, has_webhook=False, **patience(fault, 3))
    trial.sandbox.add_fault(fault, method="PUT", n=5, **how)
    assert trial.finish().code == 0
    assert trial.complaints() == [] and trial.held_lines() == []
    values = list(trial.applied().values())
    # The one that was applied and not answered was applied again, with the same value; a server
    # that vanishes takes the answers of the others along.
    n_applied = sum(map(len, values))
    assert n_applied == 18 + is_applied or fault.startswith("vanish") and n_applied <= 21
    assert all(sorted(set(v)) == [1, 2, 3, 4, 5, 6] for v in values)


def test_of_a_change_that_is_repeated_nobody_is_told_to_wait_for_a_proof(start_trial):
    trial = start_trial(n_leads=500, n_updates=1, close="concurrency: 1", has_webhook=False)
    trial.sandbox.post("/_sandbox/settings", {"latency_ms": 400})  # long enough to be looked at
    trial.sandbox.add_fault("close_before", method="PUT", every=5)
    process = trial.program.start("run", trial.path)
    told = []

    def is_unknown():
        told.append(trial.program("status", trial.path).out)
        return re.search(r"\d+ outcomes? unknown, .*", told[-1])

    try:
        said = wait_until(is_unknown)
    except AssertionError as error:
        raise AssertionError(told[-3:], process.poll()) from error
    finally:
        process.kill()
        process.communicate()
    assert "to be sent again soon" in said[0] and "proof" not in said[0]


def test_what_never_left_is_sent_once_when_the_server_is_back(start_trial):
    trial = start_trial(records=companies(10), has_identity=False, has_webhook=False)
    trial.sandbox.add_fault("vanish_before", method="GET", path="/me/", n=1, ms=300)
    assert trial.finish().code == 0
    assert trial.complaints() == []
    assert len(trial.sandbox.requests("POST", "/lead/")) == 10


def test_it_is_looked_up_at_once(start_trial):
    trial = start_trial(records=companies(9), close="concurrency: 1", has_webhook=False, lag="0",
                        quarantine="1h")  # of which nothing is waited for
    trial.sandbox.add_fault("close_after", method="POST", path="/lead/", n=9)
    assert trial.finish().code == 0 and trial.complaints() == []
    assert len(trial.sandbox.requests("POST", "/data/search/")) == 1
