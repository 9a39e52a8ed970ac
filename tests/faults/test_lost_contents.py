"""Creates without an identity whose answers are lost, among others that say the same: each is told
from them by its time, by who made what, and by how many there are. And with one of these defences
switched off something goes wrong: a harness that catches no mutant proves nothing.
"""

import collections
import json

import pytest

from trial import Pipelines, Program, Sandbox, environment
from harness import wait_until

NOTES = "/activity/note/"
WITH_CONTACTS = """
- operation: lead.create
  continue: true
  body: {name: "{company}", contacts: [{name: "{who}"}]}
- operation: contact.create
  link: {lead_id: {lead: {name: "{company}"}}}
  body: {name: "{who}"}
"""
LONG_AGO = "2020-01-01T00:00:00+00:00"


class Notes:
    """A pipeline that writes notes on one lead, and what came of them."""

    def __init__(self, binary, folder, texts, *, without="", quarantine="600ms",
                 touches_lead=False):
        self.texts, self.without = texts, without
        self.program = Program(binary, folder, environment(folder))
        self.sandbox = Sandbox(self.program, "--no-rate-limit", "--lag", "0")
        self.lead = self.sandbox.post("/lead/", {"name": "Acme"})["id"]
        self.path = Pipelines(folder, self.sandbox)(
            [{"lead_id": self.lead, "note": text} for text in texts], name="notes",
            routes="- operation: activity.note.create", close="concurrency: 1",
            delivery=f"quarantine: {quarantine}\nmax_rejects: none" + (
                f"\ncanary: {self.lead}" if touches_lead else ""),
            responses="file: events.ndjson")

    def lose(self, n, fault="close_before", **how):
        self.sandbox.add_fault(fault, method="POST", path=NOTES, n=n, **how)

    def write(self, text, **more):
        """Somebody else does, with the same key."""
        self.sandbox.post(NOTES, {"lead_id": self.lead, "note": text, **more})

    def start(self):
        env = {"CLOSEFEED_WITHOUT": self.without} if self.without else {}
        return self.program.start("run", self.path, "--json", env=env)

    def run(self):
        process = self.start()
        out, err = process.communicate(timeout=180)
        assert process.returncode in (0, 1), err
        return out

    def there(self):
        return collections.Counter(note["note"] for note in self.sandbox.objects("activity.note"))

    def held(self):
        return self.program("held", "list", self.path, "--json").json["held"]

    def open(self):
        return self.program("status", self.path, "--json").json["open"]

    def lost(self, others=0):
        """How many of its texts are missing, or there too often, that nobody was told of."""
        wanted = collections.Counter(self.texts)
        n = sum(self.there().values()) - others
        return sum(wanted.values()) - n - len(self.held())


@pytest.fixture
def start(binary, tmp_path):
    made = []

    def begin(texts, **how):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Notes(binary, folder, texts, **how))
        return made[-1]

    yield begin
    for notes in made:
        notes.sandbox.stop()


def among_those_that_others_made(start, without):
    """Two of the same, made by somebody else just behind an attempt that never arrived."""
    notes = start(["Called", "x"], without=without, quarantine="20s")
    notes.lose(1)
    notes.sandbox.add_fault("status", method="GET", path=NOTES, status=503)
    process = notes.start()
    wait_until(lambda: any(r["fault"] for r in notes.sandbox.requests("POST")))
    notes.write("Called")
    notes.write("Called")
    notes.sandbox.clear_faults()
    process.communicate(timeout=180)
    return notes.lost(others=2)


def long_after_one_that_says_the_same(start, without):
    notes = start(["Called", "x", "y"], without=without)
    notes.write("Called", date_created=LONG_AGO)
    notes.lose(1)
    notes.run()
    return notes.lost(others=1)


def right_behind_one_that_says_the_same(start, without):
    notes = start(["Called", "Called", "x", "y"], without=without)
    notes.lose(2)
    notes.run()
    return notes.lost()


def behind_nothing_newer(start, without):
    """The last of all is applied after its quarantine: nothing has shown that it may be absent."""
    notes = start(["x", "Called"], without=without, quarantine="300ms")
    notes.lose(2, "late_apply", ms=1500)
    notes.run()
    wait_until(lambda: all(r["applied"] for r in notes.sandbox.requests("POST", NOTES)))
    return notes.there()["Called"] - 1


def by_somebody_elses_key(start, without):
    """Who logs in between two runs is another user, so what is there is not by us."""
    notes = start(["Called", "x"], without=without, quarantine="3s", touches_lead=True)
    process = notes.program.start("run", notes.path, env={"CLOSEFEED_KILL_AT": "answer_came:1"})
    process.communicate(timeout=180)
    me = notes.sandbox.get("/me/")
    notes.sandbox.add_fault("status", method="GET", path="/me/", status=200,
                            body=json.dumps({**me, "id": "user_other"}))
    notes.run()
    return notes.there()["Called"] - 1


def beside_one_that_its_lead_was_made_with(start, without):
    notes = start([], without=without)
    notes.path = Pipelines(notes.program.folder, notes.sandbox)(
        [{"company": name, "who": "Ana"} for name in ("Bolt", "Cosy")], name="contacts",
        routes=WITH_CONTACTS, close="concurrency: 1",
        delivery="quarantine: 600ms\nmax_rejects: none")
    notes.sandbox.add_fault("close_before", method="POST", path="/contact/", n=1)
    notes.run()
    return 4 - len(notes.sandbox.objects("contact")) - len(notes.held())


MUTANTS = {
    "users": by_somebody_elses_key,
    "nested": beside_one_that_its_lead_was_made_with,
    "counting": among_those_that_others_made,
    "window": long_after_one_that_says_the_same,
    "others": right_behind_one_that_says_the_same,
    "canary": behind_nothing_newer,
}


@pytest.mark.parametrize("defence", MUTANTS)
def test_with_all_defences_nothing_is_lost_or_twice(start, defence):
    assert MUTANTS[defence](start, "") == 0


@pytest.mark.parametrize("defence", MUTANTS)
def test_without_one_of_them_something_is(start, defence):
    assert any(MUTANTS[defence](start, defence) != 0 for _ in range(3))


@pytest.mark.parametrize("fault, n_sent", [("close_before", 6), ("close_after", 5)])
def test_of_several_that_say_the_same_each_is_there_once(start, fault, n_sent):
    notes = start(["Called"] * 4 + ["x"])
    notes.lose(2, fault)
    notes.run()
    assert notes.there() == {"Called": 4, "x": 1} and notes.held() == []
    assert len(notes.sandbox.requests("POST", NOTES)) == n_sent


def test_one_that_may_be_it_or_not_is_named_to_a_person(start):
    notes = start(["<b>Called</b>", "x"], quarantine="20s")
    notes.sandbox.post("/_sandbox/settings", {"event_data": "none"})  # which still has it as it was
    notes.lose(1, "status_after_apply", status=500)
    notes.sandbox.add_fault("status", method="GET", path=NOTES, status=503)
    process = notes.start()
    [note] = wait_until(lambda: [o for o in notes.sandbox.objects("activity.note")
                                 if "Called" in o["note"]])
    wait_until(lambda: notes.there()["x"] and notes.open() == 1)  # the other one is settled
    status, _ = notes.sandbox.ask("PUT", f"{NOTES}{note['id']}/", {"note": "Called"})
    assert status == 200
    notes.sandbox.clear_faults()
    process.kill()
    process.communicate()
    path = notes.path.read_text(encoding="utf-8")
    notes.path.write_text(path.replace("20s", "300ms"), encoding="utf-8")
    notes.run()
    [held] = notes.held()
    assert note["id"] in held["known"] and "held resolve" in held["known"]
    assert notes.there()["Called"] == 1


def test_after_a_kill_it_is_found_by_what_it_says(start):
    notes = start(["a", "Called", "x"])
    process = notes.program.start("run", notes.path, env={"CLOSEFEED_KILL_AT": "answer_came:3"})
    process.communicate(timeout=180)
    notes.run()
    assert notes.there() == {"a": 1, "Called": 1, "x": 1} and notes.held() == []
