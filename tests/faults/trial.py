"""A trial: one pipeline over one file against one sandbox, killed and resumed as often as wanted,
and the oracle that says afterwards what is wrong. The oracle knows only what was in the file, what
the sandbox has, and what the receivers of events got; it asks closefeed for nothing but the list of
what is held.

Every complaint is a sentence, so that a test reads `assert trial.complaints() == []`, and a test of
a mutant reads which complaint it must hear.
"""

import collections
import json
import os
import pathlib
import random
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import Pipelines, Program, Sandbox, environment  # noqa: E402 (the path comes first)

# The room of a kill: points that every run over a file of creates passes, and how often they are
# passed at most before they strike. tests/faults/README.md says where each stands.
PER_RECORD = 60
PER_TURN = 30
ONCE = 1
POINTS = {
    "turn_begins": PER_TURN, "record_read": PER_RECORD, "intent_asked": PER_RECORD,
    "commit_asked": PER_TURN, "commit_applied": PER_TURN, "commit_durable": PER_TURN,
    "intent_durable": PER_RECORD, "wire_entered": PER_RECORD, "sending_begins": PER_RECORD,
    "answer_begins": PER_RECORD, "answer_came": PER_RECORD, "answer_judged": PER_RECORD,
    "record_settled": PER_RECORD, "outcome_asked": PER_RECORD, "outcome_durable": PER_RECORD,
    "file_appended": PER_RECORD, "file_written": PER_TURN // 6, "file_synced": PER_TURN // 6,
    "webhook_accepted": PER_RECORD, "webhook_postponed": ONCE, "bound": ONCE,
}
# Those that a run passes only while it makes up for an earlier death.
RECOVERY = {
    "resume_begins": 4, "resume_noted": 4, "bound": ONCE, "commit_asked": 3, "commit_applied": 3,
    "commit_durable": 3, "search_answered": 2, "canary_answered": ONCE, "proven_applied": 2,
    "proven_absent": ONCE, "unknown_noted": ONCE, "turn_begins": 6,
}
# Those of the first start, when the state comes into being.
BIRTH = ("state_reserved", "state_made", "state_named", "stream_begins")

ROUTE = """
- name: companies
  operation: lead.create
  exclude: [id]
"""


def companies(n):
    return [{"id": f"C-{i}", "name": f"Company {i}"} for i in range(n)]


def seed():
    """The one number a run of these tests depends on; CLOSEFEED_FAULT_SEED repeats another."""
    number = int(os.environ.get("CLOSEFEED_FAULT_SEED", "1"))
    print(f"CLOSEFEED_FAULT_SEED={number}")
    return number


class Kills:
    """Where the next runs die: seeded, each point once before any comes twice."""

    def __init__(self, number, points):
        self.random, self.points, self.left = random.Random(number), points, []

    def next(self):
        if not self.left:
            self.left = sorted(self.points)
            self.random.shuffle(self.left)
        point = self.left.pop()
        return f"{point}:{self.random.randint(1, self.points[point])}"


class Trial:
    """Everything a trial stands on; stop() ends it."""

    def __init__(self, binary, folder, *, records, route=None, has_identity=True, quarantine="600ms",
                 close="concurrency: 8", lag="200ms", without="", has_webhook=True, delivery="",
                 is_piped=False, key=None):
        self.folder, self.records, self.without = pathlib.Path(folder), records, without
        self.program = Program(binary, self.folder, environment(self.folder))
        self.sandbox = Sandbox(self.program, "--lag", lag)
        self.sandbox.post("/_sandbox/settings", {"rate": {
            group: 10_000_000 for group in ("write", "read", "search", "delete")}})
        self.runs, self.kills = [], collections.Counter()
        route = route or ROUTE
        if has_identity:
            field = self.sandbox.post(
                "/custom_field/lead/", {"name": "Feed Key", "type": "text"})["id"]
            route += f'  identity: {{custom.{field}: "{{id}}"}}\n'
        hook = f'webhook: {{url: "{self.sandbox.hook_url}", secret: {{env: HOOK_SECRET}}}}\n'
        self.has_webhook = has_webhook
        self.is_piped, self.has_identity = is_piped, has_identity
        self.path = Pipelines(self.folder, self.sandbox)(
            records, name="trial", routes=route, close=close,
            source='ndjson: {path: "-"}' if is_piped else
            f'ndjson: {{path: trial.ndjson}}\nkey: "{key}"' if key else None,
            delivery=f"quarantine: {quarantine}\nmax_rejects: none\n{delivery}",
            responses=(hook if has_webhook else "") + "file: events.ndjson")

    def stop(self):
        self.sandbox.stop()

    def export_again(self):
        """The same records in another order, under the same name."""
        (self.folder / "trial.ndjson").write_text(
            "".join(json.dumps(record) + "\n" for record in reversed(self.records)),
            encoding="utf-8")

    def run(self, *flags, kill_at=None, timeout=180):
        """One run; with @kill_at ("point:count") it dies there if it gets there. Its Result."""
        env = {"CLOSEFEED_WITHOUT": self.without} if self.without else {}
        if kill_at:
            env["CLOSEFEED_KILL_AT"] = kill_at
        piped = (self.folder / "trial.ndjson").read_text() if self.is_piped else None
        result = self.program("run", self.path, "--json", *flags, env=env, timeout=timeout,
                              input=piped)
        self.runs.append((kill_at, result))
        if result.code == -signal.SIGKILL:
            self.kills[kill_at.split(":")[0]] += 1
        else:
            assert result.code in (0, 1, 75), (kill_at, result)
        return result

    @property
    def n_killed(self):
        return self.kills.total()

    def was_killed(self, *flags, kill_at):
        return self.run(*flags, kill_at=kill_at).code == -signal.SIGKILL

    def finish(self):
        """Runs it to the end of the file and of all events. Its Result."""
        for _ in range(4):
            result = self.run(timeout=120)
            if result.code != 75:
                return result
        raise AssertionError(f"it does not come to an end: {result}")

    # What there is to see

    def leads(self):
        """Company names at the server, counted."""
        return collections.Counter(lead["name"] for lead in self.sandbox.objects("lead"))

    def held_lines(self):
        listed = self.program("held", "list", self.path, "--json").json["held"]
        return [item["records"][0]["line"] for item in listed]

    def hook_events(self):
        return self.sandbox.hook_events() if self.has_webhook else self.file_events()

    def file_events(self):
        text = (self.folder / "events.ndjson").read_text(encoding="utf-8")
        assert text.endswith("\n") or not text
        return [json.loads(line) for line in text.splitlines()]

    # The oracle

    def complaints(self):
        """All that is wrong with a trial of creates that has come to its end."""
        return self.twins() + self.losses() + self.untold() + self.miscounts()

    def twins(self):
        return [f"{name} is there {n} times" for name, n in self.leads().items() if n > 1]

    def losses(self):
        there, held = self.leads(), set(self.held_lines())
        return [f"{record['name']} is lost" for line, record in enumerate(self.records, 1)
                if not there[record["name"]] and line not in held]

    def untold(self):
        """Each record has one event under one id, at both receivers, and it says what is true."""
        complaints = []
        hook, file = self.hook_events(), self.file_events()
        for name, events in (("the webhook", hook), ("the file", file)):
            complaints += self.unclear(name, events)
        if {event["id"] for event in hook} != {event["id"] for event in file}:
            complaints.append("the webhook and the file were told different events")
        return complaints + self.untrue(file)

    def unclear(self, receiver, events):
        complaints, bodies, ids = [], {}, collections.defaultdict(set)
        for event in events:
            line = event["data"]["records"][0]["line"]
            if bodies.setdefault(event["id"], event) != event:
                complaints.append(f"{receiver} was told two things as {event['id']}")
            ids[line].add(event["id"])
        for line in range(1, len(self.records) + 1):
            if len(ids[line]) != 1:
                complaints.append(f"{receiver} was told {len(ids[line])} outcomes of line {line}")
        return complaints

    def untrue(self, events):
        """What events say against what the server has."""
        names = {lead["id"]: lead["name"] for lead in self.sandbox.objects("lead")}
        held, complaints = set(self.held_lines()), []
        for event in {event["id"]: event for event in events}.values():
            line, outcome = event["data"]["records"][0]["line"], event["data"]["outcome"]
            name, subject = self.records[line - 1]["name"], event.get("subject")
            # Where the id was cut off with its answer, only an identity can find it out.
            knows_id = subject is not None or self.has_identity
            if outcome == "delivered" and knows_id and names.get(subject) != name:
                complaints.append(f"line {line} was told delivered as {subject}, "
                                  f"which is {names.get(subject)}")
            if (outcome == "held") != (line in held):
                complaints.append(f"line {line} was told {outcome}, but held are {sorted(held)}")
        return complaints

    def miscounts(self):
        """The summaries of runs that came to an end add up, and so do their totals."""
        complaints = []
        for kill_at, result in self.runs:
            if result.code == -signal.SIGKILL:
                continue
            s = result.summary
            if s["read"] != sum(s[k] for k in ("delivered", "filtered", "skipped", "rejected",
                                               "held", "open")):
                complaints.append(f"a summary does not add up: {s}")
        status = self.program("status", self.path, "--json").json
        if status["open"] or status["events_owed"] or status["held"] != len(self.held_lines()):
            complaints.append(f"at the end the status is {status}")
        if status["source"]["line"] != len(self.records):
            complaints.append(f"the position is {status['source']}")
        return complaints


class UpdateTrial(Trial):
    """The same with PUTs: some leads, each updated many times in the order of the file."""

    def __init__(self, binary, folder, *, n_leads, n_updates, seed_number=1, **how):
        self.n_updates = n_updates
        super().__init__(binary, folder, records=[], has_identity=False, route=(
            '- name: updates\n  method: PUT\n  url: "/lead/{id}/"\n'), **how)
        self.ids = [self.sandbox.post("/lead/", {"name": f"Lead {i}"})["id"]
                    for i in range(n_leads)]
        left = [lead for lead in self.ids for _ in range(n_updates)]
        random.Random(seed_number).shuffle(left)
        given = collections.Counter()
        for lead in left:
            given[lead] += 1
            self.records.append({"id": lead, "description": str(given[lead])})
        (self.folder / "trial.ndjson").write_text(
            "".join(json.dumps(record) + "\n" for record in self.records), encoding="utf-8")

    def applied(self):
        """Values in the order in which each lead got them."""
        values = collections.defaultdict(list)
        for call in self.sandbox.requests("PUT"):
            if call["applied"]:
                body = call["body"]
                body = json.loads(body) if isinstance(body, str) else body
                values[call["path"].split("/lead/")[1].strip("/")].append(int(body["description"]))
        return values

    def complaints(self):
        return self.disorder() + self.wrong_ends() + self.mistold() + self.miscounts()

    def held_values(self):
        held = collections.defaultdict(set)
        for line in self.held_lines():
            record = self.records[line - 1]
            held[record["id"]].add(int(record["description"]))
        return held

    def disorder(self):
        return [f"{lead} went back: {was} then {then}" for lead, values in self.applied().items()
                for was, then in zip(values, values[1:]) if then < was]

    def wrong_ends(self):
        complaints, held, applied = [], self.held_values(), self.applied()
        now = {lead["id"]: int(lead["description"] or 0) for lead in self.sandbox.objects("lead")}
        for lead in self.ids:
            wanted = set(range(1, self.n_updates + 1)) - held[lead]
            if not wanted <= set(applied[lead]):
                complaints.append(f"{lead} never got {sorted(wanted - set(applied[lead]))}")
            if now[lead] != self.n_updates and self.n_updates not in held[lead]:
                complaints.append(f"{lead} ended as {now[lead]}")
        return complaints

    def mistold(self):
        """Both receivers hear of each update, first news in the order of its lead."""
        complaints = []
        for name, events in (("the webhook", self.hook_events()), ("the file", self.file_events())):
            complaints += self.unclear(name, events)
            last = collections.defaultdict(int)
            for event in first_news(events):
                line = event["data"]["records"][0]["line"]
                record = self.records[line - 1]
                if line < last[record["id"]]:
                    complaints.append(f"{name} heard of line {line} after {last[record['id']]}")
                last[record["id"]] = line
        return complaints


def first_news(events):
    """Each event where it came first."""
    seen = set()
    for event in events:
        if event["id"] not in seen:
            seen.add(event["id"])
            yield event
