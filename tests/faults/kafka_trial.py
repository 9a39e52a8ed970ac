"""A trial of several members of one group: processes with a state each, over one topic of a real
broker and one sandbox. They are stopped, killed and frozen while records come, and the oracle says
afterwards what is lost, there twice, or out of order. It knows what was produced, what the sandbox
has, and what closefeed lists as held; every complaint is a sentence.

Half of the records make a lead each, the others change one lead a key, in the order of their key.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import Pipelines, Program, Sandbox, environment, wait_until  # noqa: E402
from kafka import patiently  # noqa: E402
from rdkafka import KafkaError, Record  # noqa: E402

SESSION_S = 15  # the least that a pipeline may say
LEASE_S = SESSION_S * 2 / 3
# Of all partitions of a process: what the quota of a minute can send, and what is in hand.
CEILING, READ_AHEAD = 1080, 1100

ROUTES = """
- name: changes
  method: PUT
  url: "/lead/{{lead}}/"
  when: .lead != null
  body: {{description: "{{n}} {{@var.who}}"}}
- name: creates
  operation: lead.create
  body: {{name: "{{name}}", description: "{{n}} {{@var.who}}"}}
{identity}
"""


class Member:
    """A process of the group, and its disk."""

    def __init__(self, trial, name):
        self.trial, self.name, self.process = trial, name, None
        self.is_wanted = False  # nobody has stopped it
        self.state = trial.folder / f"state-{name}"
        self.path = trial.pipelines(
            name=f"trial-{name}", routes=trial.routes,
            responses=f"file: events-{name}.ndjson",
            source=f'kafka: {{brokers: ["{trial.broker.bootstrap}"], topics: [{trial.topic}], '
            f"group: {trial.group}, properties: {{session.timeout.ms: {SESSION_S * 1000}, "
            "heartbeat.interval.ms: 500}}",
            close=trial.close, delivery=trial.delivery,
            more=f"state: {self.state}\nvars: {{who: {name}}}")
        self.log = open(trial.folder / f"{name}.log", "ab")
        self.runs = []

    def start(self, *flags, kill_at=None):
        env = {**self.trial.program.env, "CLOSEFEED_WITHOUT": self.trial.without}
        if kill_at:
            env["CLOSEFEED_KILL_AT"] = kill_at
        self.is_wanted = True
        self.process = subprocess.Popen(
            [self.trial.program.binary, "run", self.path, "--json", *flags], cwd=self.trial.folder,
            env=env, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        return self

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout=180):
        """In order, as a person does it."""
        self.is_wanted = False
        if self.is_running:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        return self.wait(timeout)

    def wait(self, timeout=180):
        code = self.process.wait(timeout)
        assert code in (0, 1, 75, -signal.SIGKILL, -signal.SIGTERM), (code, self.said()[-2000:])
        assert "Sanitizer" not in self.said(), self.said()[-4000:]
        return code

    def kill(self):
        self.is_wanted = False
        self.process.kill()
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def events(self):
        """What it told, in its order."""
        file = self.trial.folder / f"events-{self.name}.ndjson"
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def said(self):
        return pathlib.Path(self.log.name).read_text(encoding="utf-8", errors="replace")

    def ask(self, *words):
        return self.trial.program(*words, self.path, "--json")

    @property
    def status(self):
        return self.ask("status").json

    def held(self):
        return self.ask("held", "list").json["held"]

    def rejects(self):
        return self.ask("rejects", "list").json["rejects"]

    def lose_disk(self):
        """It must not run. Its place in the group goes with it."""
        instance = self.instance
        shutil.rmtree(self.state)
        patiently(lambda: self.trial.leave([instance]))

    def files(self):
        """Descriptors that it has open, but for connections, which come and go."""
        names = collections.Counter()
        for file in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                names[re.sub(r"\d+", "", os.readlink(file))] += 1
            except FileNotFoundError:
                pass  # it was just closed
        return {name: n for name, n in names.items() if not name.startswith("socket:")}

    @property
    def sentences(self):
        """What it says that it waits for."""
        return self.status["sentences"]

    @property
    def instance(self):
        """Its static place in the group, from a copy of its state: it must not run."""
        assert not self.is_running
        with tempfile.TemporaryDirectory() as copy:
            for file in self.state.glob("journal.db*"):
                shutil.copy(file, copy)
            with sqlite3.connect(f"{copy}/journal.db") as db:
                return db.execute("SELECT v FROM meta WHERE k = 'id'").fetchone()[0]


class KafkaTrial:
    """Everything a trial stands on; stop() ends it."""

    def __init__(self, binary, folder, broker, *, partitions=4, n_keys=24, has_identity=True,
                 without="", quarantine="1s", close="concurrency: 8", drain="5s", lag="200ms"):
        self.folder, self.broker, self.without = pathlib.Path(folder), broker, without
        self.program = Program(binary, self.folder, environment(self.folder))
        self.sandbox = Sandbox(self.program, "--lag", lag)
        self.sandbox.post("/_sandbox/settings", {"rate": {
            group: 10_000_000 for group in ("write", "read", "search", "delete")}})
        self.topic = broker.topic("trial", partitions)
        self.group = broker.unique("trial-group")
        self.has_identity = has_identity
        self.delivery = f"quarantine: {quarantine}\nmax_rejects: none\ndrain: {drain}\n"
        identity = ""
        if has_identity:
            # After the last record nothing newer comes by itself.
            touched = self.sandbox.post("/lead/", {"name": "Touch me"})["id"]
            self.delivery += f"canary: {touched}\n"
            field = self.sandbox.post(
                "/custom_field/lead/", {"name": "Feed Key", "type": "text"})["id"]
            identity = f'  identity: {{custom.{field}: "{{name}}"}}'
        self.routes = ROUTES.format(identity=identity)
        self.close = close
        self.pipelines = Pipelines(self.folder, self.sandbox)
        self.leads = [self.sandbox.post("/lead/", {"name": f"key {i}"})["id"]
                      for i in range(n_keys)]
        self.members, self.n_sent = {}, 0
        self.feeder, self.feeding = None, threading.Event()

    def member(self, name):
        if name not in self.members:
            self.members[name] = Member(self, name)
        return self.members[name]

    def stop(self):
        self.rest()
        for member in self.members.values():
            if member.is_running:
                member.thaw()
                member.kill()
            member.log.close()
        self.sandbox.stop()

    # Records

    def record(self, n):
        key = n // 2 % len(self.leads)
        value = {"n": n, "name": f"R{n}"}
        if n % 2:
            value["lead"] = self.leads[key]
        return Record(json.dumps(value), key=f"k{key}")

    def put(self, count, producer=None):
        records = [self.record(n) for n in range(self.n_sent, self.n_sent + count)]
        self.n_sent += count
        if not producer:
            self.broker.produce(self.topic, records)
            return
        for record in records:
            producer.send(self.topic, record)
        patiently(producer.flush)

    def feed(self, per_second):
        """Goes on producing until rest()."""
        def work():
            with self.broker.producer({"enable.idempotence": "true"}) as producer:
                while self.feeding.is_set():
                    self.put(max(1, per_second // 10), producer)
                    time.sleep(0.1)
                patiently(producer.flush)
        self.feeding.set()
        self.feeder = threading.Thread(target=work, daemon=True)
        self.feeder.start()

    def rest(self):
        self.feeding.clear()
        if self.feeder:
            self.feeder.join()

    # The group

    def remove(self, *members):
        """As an administrator does with members that are gone for good: their partitions need not
        wait for the end of their session. (LeaveGroup of the protocol, version 3.)"""
        patiently(lambda: self.leave([m.instance for m in members]))

    def leave(self, instances):
        def text(value):
            return struct.pack(">h", len(value)) + value.encode()
        body = struct.pack(">hhi", 13, 3, 1) + text("tests") + text(self.group)
        body += struct.pack(">i", len(instances))
        body += b"".join(text("") + text(instance) for instance in instances)
        host, port = self.broker.bootstrap.split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            answer = connection.makefile("rb")
            size, = struct.unpack(">i", answer.read(4))
            error, = struct.unpack(">h", answer.read(size)[8:10])
        if error:
            raise KafkaError(f"LeaveGroup: error {error}")

    def are_owners(self, count):
        """So many members share the partitions."""
        owners = self.broker.members(self.group)
        return len(owners) == count and all(m.partitions for m in owners)

    def wait_for_owners(self, count, timeout=180):
        wait_until(lambda: self.are_owners(count), timeout, every=0.1)

    def revive(self):
        """As a service manager does. A broker that comes back may have heard a member's first
        question and lost the answer: then it takes the second for another process."""
        ended = [member for member in self.members.values()
                 if member.is_wanted and not member.is_running and member.process.returncode == 75]
        for member in ended:
            member.start()
        return len(ended)

    @property
    def lag(self):
        return self.broker.lag(self.group, self.topic)

    def applied(self):
        """The calls of records."""
        return [r for r in self.sandbox.requests() if r["applied"] and self.writer(r)]

    def n_applied(self):
        return len(self.applied())

    @staticmethod
    def lead_of(call):
        return call["path"].split("/lead/")[1].strip("/")

    @staticmethod
    def writer(call):
        """The member that made a call of a record, None: it is none."""
        body = call["body"] or {}
        body = json.loads(body) if isinstance(body, str) else body
        who = body.get("description", "").partition(" ")[2]
        return who if len(who) == 1 else None

    def writers(self):
        return {self.writer(call) for call in self.applied()}

    def place_of(self, names):
        """{(partition, offset)} of the creates that make objects of these names."""
        there = {json.loads(record.value)["name"]: (record.partition, record.offset)
                 for record in self.broker.consume(self.topic, self.n_sent)}
        return {there[name] for name in names}

    def asked_for(self):
        """Names of the creates that search was asked for."""
        names = set()
        for call in self.sandbox.requests("POST", "/data/search/"):
            body = call["body"] if isinstance(call["body"], str) else json.dumps(call["body"])
            names |= set(re.findall(r'"(R\d+)"', body))
        return names

    def finish(self, timeout=180):
        """Waits until all is settled, and stops everybody."""
        wait_until(lambda: not self.revive() and self.lag == 0, timeout, every=0.25)
        for member in self.members.values():
            if member.process:
                member.stop()

    # The oracle

    def complaints(self):
        return self.twins() + self.losses() + self.disorder() + self.holds()

    def creates(self):
        return collections.Counter(lead["name"] for lead in self.sandbox.objects("lead")
                                   if lead["name"].startswith("R"))

    def twins(self):
        return [f"{name} is there {n} times" for name, n in self.creates().items() if n > 1]

    def held_offsets(self):
        """Places of held records: (partition, offset)."""
        return {(place["partition"], place["offset"]) for member in self.members.values()
                for item in member.held() for place in item["records"]}

    def n_held(self):
        """Of records told held and nothing else, also by a state whose disk is gone since."""
        told = collections.defaultdict(set)
        for member in self.members.values():
            for event in member.events():
                for place in event["data"]["records"]:
                    told[place["partition"], place["offset"]].add(event["data"]["outcome"])
        return sum(outcomes == {"held"} for outcomes in told.values())

    def losses(self):
        """Without an identity as many may be missing as are held."""
        there = self.creates()
        lost = [n for n in range(0, self.n_sent, 2) if not there[f"R{n}"]]
        if len(lost) <= self.n_held():
            return []
        return [f"R{n} is lost" for n in lost]

    def holds(self):
        """What has an identity is found out, whoever had its partition."""
        n = self.n_held() if self.has_identity else 0
        return [f"{n} records with an identity are held"] if n else []

    def in_doubt(self, member):
        """What a dead member's last commits say that it may have sent: {(partition, offset)}."""
        places = set()
        for number, (offset, note) in self.broker.committed(self.group, self.topic).items():
            _, journal, _, ceiling, *ranges = note.decode().split()
            if journal != member.instance:
                continue
            doubtful, at = set(range(offset, int(ceiling))), offset
            for gap, length in (text.split("+") for text in ranges):
                at += int(gap)
                doubtful -= set(range(at, at + int(length)))
                at += int(length)
            places |= {(number, offset) for offset in doubtful}
        return places

    def lose_disk_of(self, member):
        """It is killed under load, and comes back with nothing. What was in doubt then."""
        member.kill()
        doubtful = self.in_doubt(member)
        assert len(doubtful) <= CEILING + READ_AHEAD, len(doubtful)
        member.lose_disk()
        member.start()
        return doubtful

    def changes(self):
        """Values in the order in which each lead got them."""
        values = collections.defaultdict(list)
        for call in self.applied():
            if call["method"] == "PUT":
                body = call["body"]
                body = json.loads(body) if isinstance(body, str) else body
                values[self.lead_of(call)].append(int(body["description"].split()[0]))
        return values

    def disorder(self):
        """A takeover may repeat a change; first arrivals and the final value keep their order."""
        complaints, changes = [], self.changes()
        now = {lead["id"]: lead["description"] for lead in self.sandbox.objects("lead")}
        for key, lead in enumerate(self.leads):
            wanted = [n for n in range(1, self.n_sent, 2) if n // 2 % len(self.leads) == key]
            first = list(dict.fromkeys(changes[lead]))
            if first != wanted:
                complaints.append(f"key {key} got {first}, not {wanted}")
            elif wanted and int(now[lead].split()[0]) != wanted[-1]:
                complaints.append(f"key {key} ended as {now[lead]}, not {wanted[-1]}")
        return complaints
