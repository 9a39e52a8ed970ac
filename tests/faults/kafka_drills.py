#!/usr/bin/env python3
"""The long form of test_kafka_drills.py, by hand: rounds of three members over a topic that is
filled meanwhile. They go and come back, are killed and frozen (also past their session), lose their
disks, and the broker is killed and stopped under them.

    CLOSEFEED_BIN=build-test/connector/closefeed tests/faults/kafka_drills.py --rebalances 100

It ends after so many rebalances or so many seconds, whichever is first, with a line of what was
done. A round that is complained about ends it with exit code 1, names its seed (--seed N --rounds 1
repeats its schedule) and keeps its folder. It needs what the tests with a broker need.
"""

import collections
import json
import pathlib
import random
import sys
import tempfile
import time

from drill import options_of_a_drill, play_rounds
from kafka_trial import LEASE_S, SESSION_S, KafkaTrial

# After kafka_trial, which makes the folder of the integration tests known.
from kafka import Broker

NAMES = "abc"
API_FAULTS = ("reset_before", "reset_after", "close_after", "half_status_line_after", "torn_after",
              "body_cut", "429", "status_after_apply")


class Round:
    """One trial, and what happens to it."""

    def __init__(self, binary, folder, broker, seed):
        self.dice, self.broker = random.Random(seed), broker
        self.done, self.n_rebalances, self.gone = collections.Counter(), 0, []
        self.trial = KafkaTrial(
            binary, folder, broker, partitions=self.dice.choice((3, 4, 8)),
            n_keys=self.dice.choice((6, 24, 60)), lag=self.dice.choice(("0", "200ms")),
            has_identity=self.dice.random() < 0.8,
            close=f"concurrency: {self.dice.choice((2, 8, 24))}\ntimeout: 2s")
        self.members = [self.trial.member(name) for name in NAMES]

    def revive(self):
        """As a service manager does. A broker that comes back may have heard a member's first
        question and lost the answer: then it takes the second for another process."""
        for member in self.members:
            if member.process and not member.is_running and member.process.returncode == 75 \
                    and member not in self.gone:
                member.start()
                self.done["started again"] += 1

    def settle(self, count):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            self.revive()
            try:
                self.trial.wait_for_owners(count, timeout=5)
                break
            except AssertionError:
                continue
        self.trial.wait_for_owners(count, timeout=1)
        self.n_rebalances += 1
        time.sleep(self.dice.uniform(0, 1.2))

    # What may happen

    def come_and_go(self):
        """3 -> 1 -> 3."""
        stays, *go = self.dice.sample(self.members, 3)
        self.gone = go
        for member in go:
            if self.dice.random() < 0.5:
                member.kill()
            else:
                member.stop()
        self.trial.remove(*go)
        self.settle(1)
        self.gone = []
        for member in go:
            if self.trial.has_identity and self.dice.random() < 0.15:
                member.lose_disk()
                self.done["lost disks"] += 1
            member.start()
            if self.dice.random() < 0.3:  # in the middle of what the other's coming does
                stays.kill()
                stays.start()
                self.done["kills in a hand-over"] += 1
        self.settle(3)

    def kill(self):
        """It is back at once."""
        for member in self.dice.sample(self.members, self.dice.randint(1, 3)):
            member.kill()
            time.sleep(self.dice.uniform(0, 0.3))
            member.start()

    def stand_still(self):
        member = self.dice.choice(self.members)
        member.freeze()
        time.sleep(self.dice.uniform(0.2, 3))
        member.thaw()

    def stand_still_for_long(self):
        """Past its session: the others have its partitions when it wakes."""
        member = self.dice.choice(self.members)
        member.freeze()
        time.sleep(SESSION_S + 2)
        self.n_rebalances += 1
        time.sleep(self.dice.uniform(0, 2))
        member.thaw()
        self.settle(3)

    def lose_broker(self):
        self.broker.kill()
        time.sleep(self.dice.uniform(0, 2))
        self.broker.restart()

    def lose_broker_for_long(self):
        """Past the lease: nothing may be sent meanwhile."""
        self.broker.stop()
        time.sleep(LEASE_S + 1)
        n = self.trial.n_applied()
        time.sleep(2)
        # What was on the wire may still be answered, or made up for: no new record is begun.
        self.done["calls without a lease"] += self.trial.n_applied() - n
        self.broker.restart()

    ACTIONS = (("come_and_go", 10), ("kill", 4), ("stand_still", 4), ("stand_still_for_long", 1),
               ("lose_broker", 2), ("lose_broker_for_long", 0.7))

    def play(self, n_actions, until):
        names, weights = zip(*self.ACTIONS)
        for member in self.members:
            member.start()
        self.trial.feed(self.dice.choice((60, 150, 300)))
        self.settle(3)
        for fault in self.dice.sample(API_FAULTS, self.dice.randint(0, 2)):
            self.trial.sandbox.add_fault(fault, path="/lead/", every=self.dice.randint(40, 200),
                                         **({"status": 503} if "status" in fault else {}))
        for _ in range(n_actions):
            if time.monotonic() > until:
                break
            action, = self.dice.choices(names, weights)
            getattr(self, action)()
            self.done[action] += 1
        self.trial.rest()
        self.trial.sandbox.clear_faults()
        end = time.monotonic() + 180
        while self.trial.lag and time.monotonic() < end:
            self.revive()
            time.sleep(0.5)
        self.trial.finish(timeout=1)
        return self.trial.complaints()


def play(binary, broker, seed, until):
    """One round. What was done, the complaints, and its folder."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="closefeed-kafka-drill-"))
    a_round = Round(binary, folder, broker, seed)
    trial = a_round.trial
    print(f"seed {seed}: {trial.topic}, {'an' if trial.has_identity else 'no'} identity, "
          f"{trial.close.splitlines()[0]}, in {folder}", flush=True)
    try:
        complaints = a_round.play(12, until)
        n_held = trial.n_held()
        if complaints:
            (folder / "requests.json").write_text(json.dumps(trial.sandbox.requests()))
    except Exception as error:
        complaints, n_held = [repr(error)], 0
    finally:
        trial.stop()
    a_round.done["records"] += trial.n_sent
    a_round.done["held"] += n_held
    a_round.done["rebalances"] += a_round.n_rebalances
    print(f"seed {seed}: {trial.n_sent} records, {a_round.n_rebalances} rebalances, {n_held} held, "
          f"{len(complaints)} complaints", flush=True)
    return a_round.done, complaints, folder


def main():
    options = options_of_a_drill(__doc__, "rebalances", 100)
    broker = Broker(pathlib.Path(tempfile.mkdtemp(prefix="closefeed-kafka-")) / "broker")
    try:
        played = play_rounds(
            options, lambda binary, seed, until: play(binary, broker, seed, until),
            lambda done: done["rebalances"] >= options.rebalances)
    finally:
        broker.end()
    if not played:
        return 1
    n_rounds, done = played
    print(f"{n_rounds} rounds, {done['rebalances']} rebalances, {done['records']} records: none "
          "lost, none twice, each key in its order")
    for what, n in done.most_common():
        print(f"{n:8} {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
