#!/usr/bin/env python3
"""Torture of all that looks up, links, merges and nests, by hand: random feeds of few leads and
people through random pipelines, under random faults and kills; then Close is compared with what a
plain reading of the feed comes to (wanted.py).

    CLOSEFEED_BIN=build-test/connector/closefeed tests/faults/torture.py --seed 1 --rounds 200

It ends after so many rounds with a line of what was done. A round that is complained about keeps
its folder, with its story and all calls; --seed N --rounds 1 plays its pipeline, feed and schedule
again (how far a run gets before its kill also depends on the machine). The exit code is 1 if there
was one. --without NAME plays without one of the defences in README.md, which must be noticed.
test_torture.py is the short form.
"""

import argparse
import os
import pathlib
import random
import re
import shutil
import sys
import tempfile
import time

from drill import run_for
from trial import Trial
from wanted import Oracle, Wanted

from harness import ndjson  # after trial, which makes its folder known

# The types of records that a feed may have, and how often.
TYPES = {"lead": 4, "update": 5, "person": 4, "pair": 3, "row": 4}

# What happens to a call; which one, and how often, is left to the dice.
FAULTS = ("status", "status_after_apply", "reset_before", "reset_after", "close_before",
          "close_after", "half_status_line_after", "torn_after", "html_after_apply", "body_cut")

LEAD = 'name: "Lead {key}", custom.Key: "{key}", description: "{text}"'
PERSON = 'name: "P {email}", title: "{text}", emails: [{email: "{email}"}]'

# Words in <> are left to the dice: see Plan.routes().
ROUTES = f"""
- name: lead
  when: .type == "lead"
  operation: lead.upsert
  match: <match>
  skip_unchanged: <skip_unchanged>
  body: {{{LEAD}}}
- name: update
  when: .type == "update"
  operation: lead.update
  match: <match>
  on_none: skip
  <merge>
  body: {{description: "{{text}}", custom.Tags.add: "{{tag}}", custom.Tags.remove: "{{untag}}"}}
- name: person
  when: .type == "person"
  operation: contact.upsert
  match: {{email: "{{email}}"}}
  link: {{lead_id: {{lead: <match>}}}}
  <append>
  body: {{{PERSON}}}
- name: company of a pair
  when: .type == "pair"
  continue: true
  operation: lead.upsert
  match: <match>
  on_match: skip
  body: {{{LEAD}}}
- name: person of a pair
  when: .type == "pair"
  operation: contact.upsert
  match: {{email: "{{email}}"}}
  link: {{lead_id: {{lead: <match>}}}}
  body: {{{PERSON}}}
- name: row
  when: .type == "row"
  operation: lead.upsert
  match: {{custom.Key: "{{key}}"}}
  batch:
    algorithm: nest
    by: "{{key}}"
    into: contacts
    size: <size>
    wait: <wait>
    child: {{name: "P {{email}}", emails: [{{email: "{{email}}"}}]}}
  body: {{name: "Rows {{key}}", custom.Key: "{{key}}"}}
"""


def points_of(readme):
    """Where a run may die: what README.md lists from a commit to the doubt about an answer."""
    listed = readme.split("### One commit")[1].split("### Telling")[0]
    return re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE)


POINTS = points_of((pathlib.Path(__file__).parent / "README.md").read_text(encoding="utf-8"))


class Plan:
    """What a seed says before anything is played: kinds of records, and how they are delivered."""

    def __init__(self, seed):
        # One sequence for what is played and one for what hurts it: another kill point in
        # README.md must not make another feed of a seed.
        self.dice, self.hurt = random.Random(f"{seed} feed"), random.Random(f"{seed} hurt")
        self.has_deletes = self.dice.random() < 0.25  # somebody deletes leads while nothing runs
        self.types = self.some_types()
        self.lag = 0 if self.has_deletes else self.dice.choice((0, 0, 150, 300))
        self.parks, self.has_key = self.dice.random() < 0.25, self.dice.random() < 0.3
        self.by_name = self.dice.random() < 0.3 and "row" not in self.types
        self.records = self.some_records()

    def some_types(self):
        types = {name for name in TYPES if self.dice.random() < 0.5}
        if self.has_deletes:
            types -= {"person", "pair"}  # a link to what is deleted is rejected or not, by its time
        if types & {"update", "person"} or self.has_deletes or not types:
            types.add("lead")  # which the others are about
        return types

    def some_records(self):
        types = [name for name, often in TYPES.items() if name in self.types for _ in range(often)]
        n_keys = self.dice.choice((1, 2, 4, 10))
        return [self.record(self.dice.choice(types), n, n_keys)
                for n in range(1, self.dice.choice((5, 15, 40, 120)) + 1)]

    def record(self, kind, n, n_keys):
        dice, key = self.dice, self.dice.randrange(n_keys)
        record = {"type": kind, "key": f"K-{key}", "text": f"{n:06}"}
        if kind == "update":
            tag, untag = dice.choice("abcd"), dice.choice("abcd")
            record |= {"tag": tag} if dice.random() < 0.6 else {}
            record |= {"untag": untag} if untag != tag and dice.random() < 0.4 else {}
        if kind in ("person", "pair"):
            record["email"] = f"p{dice.randrange(2 * n_keys)}@people.example"
        if kind == "row":
            record |= {"key": f"R-{key}", "email": f"r{key}-{dice.randrange(6)}@rows.example"}
        return record

    def routes(self):
        merge = "batch: {algorithm: merge, wait: %dms}" % self.dice.choice((5, 60, 400))
        said = {
            "match": '{name: "Lead {key}"}' if self.by_name else '{custom.Key: "{key}"}',
            "skip_unchanged": self.dice.choice(("true", "false")),
            "merge": self.dice.choice((merge, "")),
            "append": self.dice.choice(("lists: {emails: append}", "")),
            "size": str(self.dice.choice((2, 5, 100))), "wait": self.dice.choice(("20ms", "300ms")),
        }
        return re.sub(r"<(\w+)>", lambda word: said[word[1]], ROUTES)

    def settings(self):
        return {"latency_ms": self.dice.choice((0, 0, 5, 20, 60)),
                "add_list": self.dice.choice(("accepted", "refused")),
                "event_data": self.dice.choice(("whole", "whole", "without_custom"))}

    def __str__(self):
        more = {"deletes": self.has_deletes, "parked": self.parks, "source.key": self.has_key,
                "by name": self.by_name}
        return ", ".join(sorted(self.types) + [word for word, holds in more.items() if holds])


class Torture(Trial):
    """One feed, played part by part; stop() ends its sandbox."""

    def __init__(self, binary, folder, seed, without=""):
        self.plan, self.wanted = Plan(seed), Wanted()
        self.story, self.dropped = [], []  # what was done; rejects that a person let go of
        super().__init__(
            binary, folder, records=[], route=self.plan.routes(), has_identity=False,
            close=f"concurrency: {self.plan.dice.choice((1, 2, 4, 8))}", lag=f"{self.plan.lag}ms",
            quarantine="700ms", has_webhook=False, without=without,
            delivery="canary: CANARY" + "\non_reject: park" * self.plan.parks,
            key="{text}" if self.plan.has_key else None)
        self.sandbox.post("/_sandbox/settings", self.plan.settings())
        self.fields = {"key": self.field(name="Key", type="text"),
                       "tags": self.field(name="Tags", type="choices", choices=list("abcd"),
                                          accepts_multiple_values=True)}
        self.canary = self.sandbox.post("/lead/", {"name": "Canary"})["id"]  # known only now
        self.path.write_text(self.path.read_text().replace("CANARY", self.canary))

    def field(self, **how):
        return "custom." + self.sandbox.post("/custom_field/lead/", how)["id"]

    def run(self, *flags, **how):
        result = super().run(*flags, **how)
        self.story.append(("run", flags, how, result.code, result.lines[-1:]))
        return result

    # What hurts it

    def make_trouble(self):
        dice = self.plan.hurt
        for _ in range(dice.choice((0, 0, 1, 2, 3))):
            fault, how = dice.choice(FAULTS), {}
            if fault.startswith("status"):
                how = {"status": dice.choice((500, 502, 503, 504))}
            path = dice.choice((None, "/lead/", "/contact/", "/data/search/"))
            is_search = path == "/data/search/"
            method = "POST" if is_search else dice.choice((None, "POST", "PUT", "GET"))
            how |= {"every": dice.randint(1, 12), "times": dice.randint(1, 3)}
            self.sandbox.add_fault(fault, method=method, path=path, **how)
            self.story.append(("fault", fault, method, path, how))

    def hurt(self):
        """Some runs that die at a point or at a moment, if they get there."""
        dice = self.plan.hurt
        for _ in range(dice.choice((0, 4, 8, 12))):
            self.make_trouble()
            if dice.random() < 0.25:
                self.story.append(("killed at a moment", run_for(self, dice)))
                continue
            # So few records that the feed lasts for the kills that follow.
            limit = ("--limit", str(dice.randint(1, 20))) if dice.random() < 0.7 else ()
            passed = min(60, int(dice.paretovariate(0.9)))  # mostly early, sometimes late
            self.run(*limit, kill_at=f"{dice.choice(POINTS)}:{passed}")

    # The play

    def play(self):
        """Feeds all, part by part, each hurt and most delivered before the next. The complaints."""
        n, dice = len(self.plan.records), self.plan.dice
        n_cuts = dice.choice((1, 2, 3) if self.plan.has_deletes else (0, 1, 2))
        cuts = sorted({n, *(dice.randint(1, n) for _ in range(n_cuts))})
        for cut in cuts:
            self.feed(cut)
            self.hurt()
            if self.plan.has_deletes and cut != n:
                self.delete_some()
            elif dice.random() < 0.6:
                self.run()
        self.deliver()
        self.answer_all()
        return self.complaints()

    def feed(self, cut):
        part = self.plan.records[len(self.records):cut]
        with open(self.folder / "trial.ndjson", "a", encoding="utf-8") as feed:
            feed.write(ndjson(part))
        for record in part:
            self.records.append(record)
            self.wanted.take(len(self.records), record)

    def deliver(self):
        """All that was fed so far, without trouble."""
        self.sandbox.clear_faults()
        self.finish()

    def delete_some(self):
        """Somebody deletes leads in Close."""
        self.deliver()
        there = {lead.get(self.fields["key"]): lead["id"] for lead in self.sandbox.objects("lead")}
        for key in sorted(self.wanted.leads):
            if key in there and self.plan.dice.random() < 0.6:
                status, _ = self.sandbox.ask("DELETE", f"/lead/{there[key]}/")
                assert 200 <= status < 300, (key, status)
                self.wanted.leads.pop(key)
                self.story.append(("deleted", key))

    # A person

    def listed(self, verb):
        return self.program(verb, "list", self.path, "--json").json[verb]

    def answer_all(self):
        """What is held or parked has a person's answer, and what waited for it is delivered."""
        for _ in range(12):
            if not self.settle_held() and not self.drop_rejects():
                return
            self.finish()

    def settle_held(self):
        """Looks into Close for each held item, and says what there is to see. How many."""
        held = self.listed("held")
        for item in held:
            there = self.there(item["operation"], self.records[item["records"][0]["line"] - 1])
            word = ["--applied", there[0]] if there else ["--send"]
            done = self.program("held", "resolve", self.path, item["id"], *word)
            self.story.append(("held", item["message"], word, done.code, done.err))
        return len(held)

    def there(self, operation, record):
        """The ids of what the operation of a record would have made."""
        if operation.startswith("contact"):
            return [contact["id"] for contact in self.sandbox.objects("contact")
                    if record["email"] in [line["email"] for line in contact["emails"]]]
        return [lead["id"] for lead in self.sandbox.objects("lead")
                if lead.get(self.fields["key"]) == record["key"]]

    def drop_rejects(self):
        """Lets go of rejects that others are parked behind. How many."""
        status = self.program("status", self.path, "--json").json
        if not self.plan.parks or not status["open"]:
            return 0
        rejects = self.listed("rejects")
        self.dropped += rejects
        self.program("rejects", "drop", self.path, "--all")
        self.story.append(("dropped", len(rejects)))
        return len(rejects)

    # The oracle

    def complaints(self):
        oracle = Oracle(self.wanted, self.sandbox, self.fields, self.canary)
        return (oracle.complaints() + self.wrong_rejects() + self.miscounts() +
                [f"line {line} is held" for line in self.held_lines()])

    def wrong_rejects(self):
        told = {reject["records"][0]["line"]: reject["message"]
                for reject in self.listed("rejects") + self.dropped}
        return [f"line {line} is rejected: {told[line]}"
                for line in sorted(set(told) - self.wanted.rejected)] + [
                    f"line {line} should be rejected"
                    for line in sorted(self.wanted.rejected - set(told))]

    def keep(self):
        """Leaves in its folder what a person asks for next."""
        (self.folder / "story.txt").write_text("".join(f"{event}\n" for event in self.story))
        (self.folder / "requests.ndjson").write_text(ndjson(self.sandbox.requests()))


def torture(binary, folder, seed, without=""):
    """Plays the feed of a seed. The complaints, and a line of what was played."""
    feed = Torture(binary, folder, seed, without)
    try:
        complaints = feed.play()
    finally:
        feed.keep()
        feed.stop()
    return complaints, (f"{len(feed.records)} records, {feed.n_killed} kills at points, lag "
                        f"{feed.plan.lag} ms: {feed.plan}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first round")
    parser.add_argument("--rounds", type=int, default=100, help="play so many, one seed each")
    parser.add_argument("--without", default="", help="a defence to do without (README.md)")
    options = parser.parse_args()
    binary, n_bad = os.path.abspath(os.environ["CLOSEFEED_BIN"]), 0

    for seed in range(options.seed, options.seed + options.rounds):
        print(f"seed {seed}: ", end="", flush=True)
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"closefeed-torture-{seed}-"))
        try:
            complaints, told = torture(binary, folder, seed, options.without)
        except AssertionError as failed:
            complaints, told = [str(failed)], "it broke off"
        print(told, flush=True)
        if complaints:
            n_bad += 1
            print("\n".join(complaints[:20]), f"\nits folder is kept: {folder}", flush=True)
        else:
            shutil.rmtree(folder)
    print(f"{options.rounds} rounds, {n_bad} with complaints")
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
