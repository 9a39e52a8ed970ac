"""Members of a group that come, go, die and stand still under load: nothing lost, nothing twice, in
order. The long form is kafka_drills.py."""

import time

from harness import wait_until
from kafka_trial import LEASE_S, SESSION_S


def test_three_members_become_one_and_three_again(start_group):
    trial = start_group()
    a, b, c = (trial.member(name).start() for name in "abc")
    trial.feed(200)
    trial.wait_for_owners(3)
    time.sleep(1)
    for member in (b, c):
        member.stop()
    trial.remove(b, c)
    trial.wait_for_owners(1)
    time.sleep(1)
    b.start(), c.start()
    trial.wait_for_owners(3)
    time.sleep(1)
    trial.rest()
    trial.finish()
    assert trial.complaints() == []


def test_a_member_that_was_killed_gets_its_partitions_back(start_group):
    trial = start_group()
    a, b = trial.member("a").start(), trial.member("b").start()
    trial.feed(200)
    trial.wait_for_owners(2)
    for _ in range(3):
        time.sleep(0.7)
        a.kill()
        a.start()
    trial.rest()
    trial.finish()
    assert trial.complaints() == []


def test_others_go_on_for_a_member_that_was_killed(start_group):
    trial = start_group()
    a, b = trial.member("a").start(), trial.member("b").start()
    trial.feed(200)
    trial.wait_for_owners(2)
    time.sleep(1)
    a.kill()
    trial.remove(a)
    trial.wait_for_owners(1)
    time.sleep(1)
    a.start()
    trial.rest()
    trial.finish()
    assert trial.complaints() == []


# Who may send


def pace(trial, per_second):
    """What the server lets through; those who send learn it from its answers."""
    trial.sandbox.post("/_sandbox/settings", {"rate": {
        group: per_second * 8 for group in ("write", "read", "search", "delete")}})


def stood_still(trial):
    """One of two members is frozen past its session, with much in hand, and the other does it
    all; then it wakes. The calls it makes after that."""
    pace(trial, 25)
    a, b = trial.member("a").start(), trial.member("b").start()
    trial.wait_for_owners(2)
    trial.put(1200)
    wait_until(lambda: {"a", "b"} <= trial.writers())
    time.sleep(1)
    a.freeze()
    pace(trial, 100_000)
    wait_until(lambda: trial.lag == 0, timeout=180, every=0.25)
    n = len(trial.applied())
    a.thaw()
    trial.wait_for_owners(2)
    time.sleep(1)
    trial.finish()
    return [call for call in trial.applied()[n:] if trial.writer(call) == "a"]


def test_who_stood_still_past_its_session_sends_nothing_more(start_group):
    trial = start_group(close="concurrency: 24")
    assert stood_still(trial) == []
    assert trial.complaints() == []


SLOW = "concurrency: 8\nrate: 15/s"


def hold_the_broker(trial):
    """A member with much to send whose lease is over, since no broker can renew it."""
    a = trial.member("a").start()
    trial.wait_for_owners(1)
    trial.put(300)
    wait_until(lambda: trial.n_applied() > 10)
    trial.broker.freeze()
    time.sleep(LEASE_S + 2)  # what went out before has come by then
    assert trial.n_applied() < trial.n_sent  # else nothing would be sent anyway
    return a


def test_nothing_is_sent_without_a_lease(start_group):
    trial = start_group(close=SLOW)
    a = hold_the_broker(trial)
    n = trial.n_applied()
    time.sleep(2)
    assert trial.n_applied() == n
    assert a.sentences
    trial.broker.thaw()
    trial.finish()
    assert trial.complaints() == []


# Brokers and disks


def test_a_broker_that_is_killed_and_comes_back(start_group):
    trial = start_group()
    trial.member("a").start(), trial.member("b").start()
    trial.wait_for_owners(2)
    trial.feed(150)
    wait_until(lambda: trial.n_applied() > 50)
    trial.broker.kill()
    trial.broker.restart()
    time.sleep(2)
    trial.rest()
    trial.finish()
    assert trial.complaints() == []


def test_a_broker_that_is_away_for_longer_than_a_session(start_group):
    trial = start_group(close=SLOW)
    a, b = trial.member("a").start(), trial.member("b").start()
    trial.wait_for_owners(2)
    trial.put(600)
    wait_until(lambda: {"a", "b"} <= trial.writers())
    trial.broker.stop()
    time.sleep(LEASE_S + 3)
    n = trial.n_applied()
    time.sleep(SESSION_S - LEASE_S)
    assert trial.n_applied() == n
    assert a.sentences and b.sentences
    trial.broker.restart()
    trial.finish()
    assert trial.complaints() == []


def lose_a_disk(trial):
    """One member, under load. What was in doubt then."""
    a = trial.member("a").start()
    trial.wait_for_owners(1)
    trial.put(3000)
    wait_until(lambda: trial.n_applied() > 60)
    return trial.lose_disk_of(a)


def test_who_loses_its_disk_proves_what_may_have_been_sent_and_no_more(start_group):
    trial = start_group(partitions=2)
    pace(trial, 30)
    doubtful = lose_a_disk(trial)
    wait_until(lambda: len(trial.asked_for()) > 10, timeout=180)
    pace(trial, 100_000)
    trial.finish()
    assert trial.place_of(trial.asked_for()) <= doubtful
    assert trial.complaints() == []


def test_without_an_identity_what_may_have_been_sent_is_held(start_group):
    trial = start_group(has_identity=False, partitions=2, n_keys=6)
    pace(trial, 30)
    doubtful = lose_a_disk(trial)
    pace(trial, 100_000)
    trial.finish()
    assert trial.held_offsets() <= doubtful and len(trial.held_offsets()) > 10
    assert trial.complaints() == []


# What each defence is for


def test_without_takeover_the_oracle_complains(start_group):
    """What the lost disk knew to be done is done again."""
    trial = start_group(without="takeover", partitions=2)
    pace(trial, 30)
    lose_a_disk(trial)
    pace(trial, 100_000)
    trial.finish()
    assert trial.twins()


def test_without_a_lease_calls_go_on(start_group):
    trial = start_group(without="lease", close=SLOW)
    hold_the_broker(trial)
    n = trial.n_applied()
    wait_until(lambda: trial.n_applied() > n)
    trial.broker.thaw()
