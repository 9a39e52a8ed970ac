"""Members of a group that come, go, die and stand still under load: nothing lost, nothing twice, in
order. The long form is kafka_drills.py."""

import time

import pytest

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
