"""kill -9 while exports come again and again: half-rejected records are mended, keys come twice in a
file, in another order every time. A record makes two calls; neither is ever made twice, and in the
end both were made, or a person is asked."""

import collections
import random
import signal

import pytest
from harness import NOTE_AND_TASK, Pipelines, Program, Sandbox, environment, ndjson
from trial import seed

POINTS = {
    "key_asked": 8, "key_known": 10, "key_waits": 4, "key_again": 4, "record_read": 18,
    "outputs_durable": 4, "intent_durable": 6, "answer_came": 6, "outcome_asked": 6,
    "outcome_durable": 6, "commit_applied": 6, "commit_durable": 6, "bound": 1,
}
N_KEYS, N_ROUNDS = 14, 6


class Exports:
    def __init__(self, binary, folder, number):
        self.random, self.folder = random.Random(number), folder
        self.program = Program(binary, folder, environment(folder))
        self.sandbox = Sandbox(self.program)
        self.lead = self.sandbox.post("/lead/", {"name": "Lead"})["id"]
        self.path = Pipelines(folder, self.sandbox)(
            [], name="feed", routes=NOTE_AND_TASK, close="concurrency: 4",
            source='ndjson: {path: feed.ndjson}\nkey: "{id}"', responses="file: events.ndjson",
            delivery="quarantine: 300ms\nmax_rejects: none")
        self.n_killed = 0

    def write(self, is_good):
        records = [{"id": f"K-{i}", "text": f"K-{i}", "lead": self.lead, "n": self.random.random(),
                    "due": "2026-12-01" if is_good or self.random.random() < 0.5 else "no day"}
                   for i in range(N_KEYS)]
        records += self.random.choices(records, k=4)
        self.random.shuffle(records)
        (self.folder / "feed.ndjson").write_text(ndjson(records))

    def run(self, kill_at=None):
        env = {"CLOSEFEED_KILL_AT": kill_at} if kill_at else None
        result = self.program("run", self.path, "--json", env=env)
        self.n_killed += result.code == -signal.SIGKILL
        assert result.code in (0, 1, -signal.SIGKILL), (kill_at, result)
        return result

    def kill_somewhere(self):
        point = self.random.choice(sorted(POINTS))
        self.run(f"{point}:{self.random.randint(1, POINTS[point])}")

    def listed(self, verb):
        return self.program(verb, "list", self.path, "--json").json[verb]

    def made(self):
        return (collections.Counter(note["note"] for note in self.sandbox.objects("activity/note")),
                collections.Counter(task["text"] for task in self.sandbox.objects("task")))


@pytest.mark.parametrize("number", range(8))
def test_no_call_is_made_twice_and_none_is_lost(binary, tmp_path, number):
    exports = Exports(binary, tmp_path, f"{seed()} {number}")
    try:
        for round_number in range(N_ROUNDS):
            exports.write(is_good=round_number == N_ROUNDS - 1)
            exports.kill_somewhere()
            exports.kill_somewhere()
            exports.run()
        exports.write(is_good=True)
        last = exports.run().summary
        notes, tasks = exports.made()
        held, rejects = exports.listed("held"), exports.listed("rejects")
        assert max([*notes.values(), *tasks.values()]) == 1
        assert (last["skipped"], last["read"]) == (N_KEYS + 4, N_KEYS + 4)
        # A held record is settled, so what of it was rejected stays for a person, too.
        assert len(notes) + len(tasks) + len(held) + len(rejects) >= 2 * N_KEYS
        assert len(rejects) <= len({item["records"][0]["line"] for item in held})
        assert exports.n_killed >= 3
    finally:
        exports.sandbox.stop()
