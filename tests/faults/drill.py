#!/usr/bin/env python3
"""The long form of test_kills.py, by hand: rounds of trials, killed at named points and at random
moments, also while they make up for the last kill, under all kinds of trouble.

    CLOSEFEED_BIN=build-test/connector/closefeed tests/faults/drill.py --kills 1500 --seconds 3600

It ends after so many kills or so many seconds, whichever is first, with a line of what was done. A
round that is complained about ends it with exit code 1, names its seed (--seed N --rounds 1 repeats
its schedule) and keeps its folder.
"""

import argparse
import collections
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from trial import BIRTH, POINTS, RECOVERY, Kills, Trial, UpdateTrial, companies

API_FAULTS = ("reset_before", "reset_after", "close_before", "close_after", "half_status_line_after",
              "torn_after", "body_cut", "timeout_after", "late_apply", "429", "html_after_apply")
HOOK_FAULTS = ("reset_before", "reset_after", "close_after", "timeout_after")


def start(binary, folder, kind, dice):
    """A trial of one of three kinds, with how it is set up left to the dice."""
    close = f"concurrency: {dice.choice((1, 4, 8, 16, 32))}\ntimeout: 500ms"
    how = {"close": close, "quarantine": "1200ms", "lag": dice.choice(("0", "100ms", "400ms"))}
    if kind == "updates":
        return UpdateTrial(binary, folder, n_leads=dice.choice((1, 5, 40)), n_updates=25,
                           seed_number=dice.random(), **how)
    return Trial(binary, folder, records=companies(dice.choice((200, 800, 2000))),
                 has_identity=kind == "identity", **how)


def make_trouble(trial, dice):
    """Faults for as long as there are kills: of the API, and of the receiver."""
    method = "PUT" if isinstance(trial, UpdateTrial) else "POST"
    for fault in dice.sample(API_FAULTS, dice.randint(0, 3)):
        trial.sandbox.add_fault(fault, method=method, path="/lead/", every=dice.randint(40, 200))
    for fault in dice.sample(HOOK_FAULTS, dice.randint(0, 2)):
        trial.sandbox.add_fault(fault, method="POST", path="/_sandbox/hook",
                                every=dice.randint(40, 200))


def run_for(trial, dice):
    """A run that is killed at a moment, wherever it is, some while it stops after a SIGTERM. True:
    it was still there."""
    process = trial.program.start("run", trial.path, "--json")
    for end_by in (dice.choice((None, signal.SIGTERM)), signal.SIGKILL):
        try:
            process.communicate(timeout=dice.uniform(0.03, 0.4))
            break
        except subprocess.TimeoutExpired:
            if end_by:
                process.send_signal(end_by)
    if process.poll() is None:
        process.communicate()
    if process.returncode in (-signal.SIGKILL, -signal.SIGTERM):  # TERM: before anything began
        return True
    assert process.returncode in (0, 1, 75), process.returncode
    return False


def hurt(trial, dice, n, until):
    """Kills it @n times; how often at which point."""
    done = collections.Counter()
    first, again = Kills(dice.random(), POINTS), Kills(dice.random(), RECOVERY)
    if dice.random() < 0.3:
        point = dice.choice(BIRTH)
        done[point] += trial.was_killed(kill_at=f"{point}:1")
    for _ in range(2 * n):
        if done.total() >= n or time.monotonic() > until:
            break
        if dice.random() < 0.3:
            done["a random moment"] += run_for(trial, dice)
            continue
        # Every other kill strikes while the last one is made up for.
        kill_at = (first if dice.random() < 0.5 else again).next()
        done[kill_at.split(":")[0]] += trial.was_killed("--limit", "80", kill_at=kill_at)
    return done


def play(binary, seed, until):
    """One round. What was killed where, the complaints, and its folder."""
    dice = random.Random(seed)
    kind = dice.choice(("identity", "identity", "no identity", "updates"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="closefeed-drill-"))
    trial = start(binary, folder, kind, dice)
    try:
        make_trouble(trial, dice)
        done = hurt(trial, dice, 40, until)
        trial.sandbox.clear_faults()
        trial.finish()
        complaints, n_held = trial.complaints(), len(trial.held_lines())
    finally:
        trial.stop()
    print(f"seed {seed}: {kind}, {len(trial.records)} records, {done.total()} kills, "
          f"{n_held} held, {len(complaints)} complaints", flush=True)
    return done, complaints, folder


def options_of_a_drill(doc, what, n, **more):
    """Those of the command line. It ends after so many of @what, @n if nothing is said; @more: other
    numbers, by their names."""
    parser = argparse.ArgumentParser(description=doc.split("\n\n")[0])
    parser.add_argument(f"--{what}", type=int, default=n, help="stop after so many")
    parser.add_argument("--seconds", type=int, default=3600, help="or after so long")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first round")
    parser.add_argument("--rounds", type=int, default=sys.maxsize, help="play at most so many")
    for name, number in more.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    return parser.parse_args()


def play_rounds(options, play_one, is_enough):
    """Rounds until what was done @is_enough, or the options end it. How many they were and what was
    done in them; nothing of it if one was complained about.

    @play_one takes the program, a seed and when to end; it returns what was done, the complaints
    and the folder, as play()."""
    binary = os.path.abspath(os.environ["CLOSEFEED_BIN"])
    until, done, n_rounds = time.monotonic() + options.seconds, collections.Counter(), 0
    while not is_enough(done) and time.monotonic() < until and n_rounds < options.rounds:
        did, complaints, folder = play_one(binary, options.seed + n_rounds, until)
        done, n_rounds = done + did, n_rounds + 1
        if complaints:
            print("\n".join(complaints[:20])[:4000], f"\nits folder is kept: {folder}")
            return None
        shutil.rmtree(folder)
    return n_rounds, done


def main():
    options = options_of_a_drill(__doc__, "kills", 1500)
    played = play_rounds(options, play, lambda done: done.total() >= options.kills)
    if not played:
        return 1
    n_rounds, done = played
    print(f"{n_rounds} rounds, {done.total()} kills at {len(done)} points, no complaint")
    for point, n in done.most_common():
        print(f"{n:6} {point}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
