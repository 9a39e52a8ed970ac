"""A harness that catches no mutant proves nothing: each trial here is run twice, as the program is
and with one of its defences switched off (CLOSEFEED_WITHOUT, test builds only). The first must be
without complaint, the second must not.

What each defence is for: the table in README.md.
"""

import re

import pytest

from harness import wait_until
from trial import companies


def twin(trial, kill_at=None):
    """Runs it to its end, dying once on the way, and waits for what the server does late."""
    if kill_at:
        assert trial.was_killed(kill_at=kill_at), f"{kill_at} was not passed"
    trial.finish()
    wait_until(lambda: all(r["applied"] for r in trial.sandbox.requests()
                           if r["fault"] == "late_apply"))
    return trial.complaints()


def with_lost_answers(start, without):
    trial = start(records=companies(30), has_webhook=False, without=without)
    trial.sandbox.add_fault("close_after", method="POST", path="/lead/", every=7)
    return twin(trial)


def killed_on_the_wire(start, without):
    trial = start(records=companies(40), has_identity=False, without=without)
    return twin(trial, kill_at="answer_came:20")


def applied_late(start, without):
    trial = start(records=companies(24), close="concurrency: 2", quarantine="20s",
                  has_webhook=False, without=without)
    trial.sandbox.add_fault("late_apply", method="POST", path="/lead/", n=5, ms=1500)
    return twin(trial)


def behind_a_search_that_stands_still(start, without):
    trial = start(records=companies(24), close="concurrency: 2", quarantine="400ms", lag="10s",
                  has_webhook=False, without=without)
    trial.sandbox.post("/_sandbox/settings", {"event_data": "none"})  # which would find it
    trial.sandbox.add_fault("close_after", method="POST", path="/lead/", n=5)
    return twin(trial)


def updated_while_one_is_slow(start, without):
    trial = start(n_leads=2, n_updates=8, close="concurrency: 8", quarantine="8s",
                  has_webhook=False, without=without)
    # Later than the back-off and all that comes after it take, and within the quarantine.
    trial.sandbox.add_fault("late_apply", method="PUT", n=3, ms=2000)
    return twin(trial)


def killed_ahead_of_the_outcomes(start, without):
    trial = start(records=companies(60), has_identity=False, without=without,
                  close="concurrency: 2")
    return twin(trial, kill_at="outcome_durable:5")


def killed_before_it_told(start, without):
    trial = start(records=companies(40), has_webhook=False, without=without)
    return twin(trial, kill_at="outcome_durable:20")


def exported_again(start, without):
    trial = start(records=companies(30), has_identity=False, has_webhook=False, key="{id}",
                  without=without)
    assert trial.was_killed(kill_at="outcome_durable:12")
    trial.finish()
    trial.export_again()
    return twin(trial, kill_at="key_known:9" if not without else None)


MUTANTS = {
    "resend_guard": (with_lost_answers, r"is there \d times"),
    "proof": (with_lost_answers, r"is there \d times"),
    "journal": (killed_on_the_wire, r"is there \d times"),
    "parts": (killed_on_the_wire, r"is there \d times"),
    "quarantine": (applied_late, r"is there \d times"),
    "canary": (behind_a_search_that_stands_still, r"is there \d times"),
    "lanes": (updated_while_one_is_slow, r"went back"),
    "linger": (updated_while_one_is_slow, r"ended as|went back"),
    "settle": (killed_ahead_of_the_outcomes, r"is lost"),
    "seen": (exported_again, r"is there \d times"),
    "outbox": (killed_before_it_told, r"was told 0 outcomes"),
}


@pytest.mark.parametrize("trial_of", dict.fromkeys(trial for trial, _ in MUTANTS.values()),
                         ids=lambda trial: trial.__name__)
def test_with_all_defences_there_is_nothing_to_complain_about(start_trial, trial_of):
    assert trial_of(start_trial, "") == []


@pytest.mark.parametrize("without", MUTANTS)
def test_without_one_defence_the_oracle_complains(start_trial, without):
    """It need not go wrong each time: a machine that stands still in the wrong moment may hide it."""
    trial_of, wanted = MUTANTS[without]
    for _ in range(3):
        complaints = trial_of(start_trial, without)
        if any(re.search(wanted, complaint) for complaint in complaints):
            return
    raise AssertionError(complaints)
