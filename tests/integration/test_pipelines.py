"""Every example in pipelines/ does what its expected.json says, in the sandbox or on another host.

A folder has pipeline.yaml and its input, README.md, expected.json, and where they help given.json
(what is there already), host.json (what another host refuses), topics.json and messages.txt (what is
in topics of a Kafka broker) and test.yaml. Names such as
lead_Acme stand for ids: the objects are made before, and what came is told by their names again.

expected.json:
  warnings  what `check` warns of: a part of each message, in order
  summary   the counts of `run`; those that are not named are 0
  requests  what `preview` shows, in order, and what arrives: call, body (text: byte for byte),
            headers that matter (null: there is none), its records, its answer where it is not 200;
            sent: false where only `preview`, which knows of no state, has it
  preview   what `preview` shows first, where that is not what arrives, since ids are looked up
            later
  made      [path, some fields] of objects that the run makes, by the names they have further down
  halves    what arrives besides, since a call was refused as a whole and cut
  rejects   [record, class, a part of the reason], in the order of the records
  objects   what Close has afterwards, all of a kind; of each object the fields that are named
  told      the outcomes of the events in a topic
"""

import collections
import fnmatch
import importlib
import json
import pathlib
import sys

import pytest

from harness import HOOK_SECRET, KEY, Program
from receiver import Server

PIPELINES = pathlib.Path(__file__).parents[2] / "pipelines"
QUICKSTART = PIPELINES / "quickstart"  # its requests are too many to write down
EXAMPLES = sorted(path for path in PIPELINES.iterdir()
                  if path.is_dir() and path != QUICKSTART and path.name != "__pycache__")
SUMMARY = ("read", "delivered", "filtered", "skipped", "rejected", "held", "open")

sys.path.insert(0, str(PIPELINES))
examples = importlib.import_module("try")  # what people try them with


def exact(text):
    """JSON whose numbers are what was written."""
    return json.loads(text, parse_int=lambda n: ("number", n), parse_float=lambda n: ("number", n))


def as_text(value):
    """The same text only for the same digits, types and order."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def body_of(text):
    try:
        return as_text(exact(text)) if text else None
    except ValueError:
        return text


def has(one, some):
    return all(one.get(key) == value for key, value in some.items())


class Call:
    """A request that is expected, previewed or received."""

    def __init__(self, call, body, headers, answer=200, records=(), is_sent=True):
        self.call, self.body, self.answer, self.records = call, body, answer, list(records)
        self.is_sent = is_sent
        self.headers = {name.lower(): value for name, value in headers.items()}

    @property
    def key(self):
        return self.call, self.body or "", self.answer

    def has_headers_of(self, wanted):
        return {name: self.headers.get(name) for name in wanted.headers} == wanted.headers


class Example:
    """A folder, copied aside, and what it should do."""

    def __init__(self, folder, closefeed, sandbox, host, kafka):
        self.sandbox, self.host, self.kafka = sandbox, host, kafka
        text = (folder / "expected.json").read_text(encoding="utf-8")
        self.wanted, self.wanted_exact = json.loads(text), exact(text)
        self.ids = examples.make(folder, sandbox.post)
        examples.place(folder, closefeed.folder / folder.name, self.ids)
        self.n_made = len(sandbox.requests())
        self.program = Program(closefeed.binary, closefeed.folder / folder.name, {
            **closefeed.env, "CLOSE_BASE_URL": sandbox.base_url, "CLOSE_API_KEY": KEY,
            "HOOK_URL": sandbox.hook_url, "HOOK_SECRET": HOOK_SECRET,
            "HOST_URL": host.origin, "HOST_KEY": "key_of_another_host",
            **({"KAFKA_BROKERS": kafka.bootstrap} if kafka else {})})
        if kafka:
            for name, partitions in examples.read(folder, "topics.json")["topics"].items():
                kafka.script("topic", name, partitions)
            examples.produce(folder, kafka.bootstrap)

    def named(self, text):
        return examples.with_names(text, self.ids)

    def listed(self, path):
        page = json.loads(self.named(json.dumps(self.sandbox.get(f"{path}?_limit=100"))))
        assert not page["has_more"]
        return page["data"]

    def name_what_was_made(self):
        for name, (path, some) in self.wanted.get("made", {}).items():
            fits = [one for one in self.listed(path) if has(one, some)]
            assert len(fits) == 1, (name, fits)
            self.ids[name] = fits[0]["id"]

    def run(self, verb, *flags):
        if verb == "run" and self.kafka:
            flags = ("--until-end", *flags)
        return self.program(verb, "pipeline.yaml", "--json", *flags)

    def expected(self, *kinds):
        return [
            Call(request["call"], as_text(request["body"]) if "body" in request else None,
                 request.get("headers", {}), int(request.get("answer", (0, 200))[1]),
                 request.get("records", ()), request.get("sent", True))
            for kind in kinds for request in self.wanted_exact.get(kind, [])]

    def received(self):
        """Every write that the sandbox or the other host got."""
        got = [(call["method"], call["path"], call["body"], call["headers"], call["status"])
               for call in self.sandbox.requests()[self.n_made:]]
        got += [(call.method, call.path, call.body.decode(), call.headers, call.status)
                for call in self.host.calls]
        return [Call(self.named(f"{method} {path}"), body_of(self.named(body)), headers, status)
                for method, path, body, headers, status in got
                if method != "GET" and path != "/data/search/"]


@pytest.fixture(name="example", params=EXAMPLES, ids=lambda folder: folder.name)
def _example(request, closefeed, sandbox):
    folder = request.param
    assert {"pipeline.yaml", "README.md", "expected.json"} <= {p.name for p in folder.iterdir()}
    answer = examples.refusal(folder)
    kafka = request.getfixturevalue("kafka") if (folder / "topics.json").exists() else None
    with Server(lambda call: answer(call.path, call.body.decode())) as host:
        yield Example(folder, closefeed, sandbox, host, kafka)


def place_of(record):
    """What expected.json calls a record, of an event or of a preview with exact() numbers."""
    def number(value):
        return value[1] if isinstance(value, (list, tuple)) else value

    if "topic" in record:
        return f'{record["topic"]}/{number(record["partition"])}:{number(record["offset"])}'
    return f'{record["file"].split("/")[-1]}:{number(record["line"])}'


def check(example):
    result = example.run("check")
    warnings = [note["text"] for note in result.json["notes"] if note["severity"] == "warning"]
    assert result.code == 0, result.err
    wanted = example.wanted.get("warnings", [])
    assert len(warnings) == len(wanted), warnings
    for part, warning in zip(wanted, warnings):
        assert part in warning
    if (example.program.folder / "test.yaml").exists():
        result = example.run("check", "--test", "test.yaml")
        assert result.code == 0, result.out


def preview(example):
    """Shows the calls in the order of the records, and rejects what no answer is needed for."""
    result = example.run("preview", "--all")
    lines = [exact(example.named(line)) for line in result.out.splitlines()]
    shown = [line for line in lines if "rejected" not in line]
    wanted = example.expected("preview") or example.expected("requests")
    roots = (example.sandbox.base_url, example.host.origin)
    got = []
    for line in shown:
        path = line["url"].removeprefix(roots[0]).removeprefix(roots[1])
        body = None if line["body"] is None else as_text(line["body"])
        got.append(Call(f'{line["method"]} {path}', body, line["headers"],
                        records=[place_of(record) for record in line["records"]]))
    if example.kafka:  # partitions come side by side
        got.sort(key=lambda call: call.records)
    if "preview" in example.wanted:
        got = got[:len(wanted)]
    assert [(c.records, c.call, c.body) for c in got] == [
        (c.records, c.call, c.body) for c in wanted]
    for call, other in zip(got, wanted):
        assert call.has_headers_of(other), (call.headers, other.headers)


def arrived(example):
    """What was received is what is expected, each once."""
    got = sorted(example.received(), key=lambda call: call.key)
    wanted = sorted((call for call in example.expected("requests", "halves") if call.is_sent),
                    key=lambda call: call.key)
    assert [call.key for call in got] == [call.key for call in wanted]
    for call, other in zip(got, wanted):
        assert call.has_headers_of(other), (call.headers, other.headers)


def rejects(example):
    result = example.program("rejects", "list", "pipeline.yaml", "--json")
    listed = json.loads(example.named(result.out))["rejects"]
    got = sorted((place_of(item["records"][0]), item["class"], item["message"]) for item in listed)
    wanted = sorted(example.wanted.get("rejects", []))
    assert [reject[:2] for reject in got] == [(place, class_) for place, class_, _ in wanted], got
    for (_, _, message), (_, _, reason) in zip(got, wanted):
        assert reason in message


def objects(example):
    for path, wanted in example.wanted.get("objects", {}).items():
        left = example.listed(path)
        for some in wanted:
            fits = [one for one in left if has(one, some)]
            assert fits, (some, left)
            left.remove(fits[0])
        assert left == []


def told(example):
    """Each outcome in the topics, once."""
    for topic, wanted in example.wanted.get("told", {}).items():
        events = [json.loads(message.value) for message in example.kafka.consume(topic)]
        outcomes = collections.Counter(event["data"]["outcome"] for event in events)
        assert outcomes == wanted, events


def test_the_example_does_what_it_says(example):
    check(example)
    preview(example)
    assert example.received() == []
    result = example.run("run")
    wanted = {**dict.fromkeys(SUMMARY, 0), **example.wanted["summary"]}
    assert {key: result.summary[key] for key in SUMMARY} == wanted, result.err
    assert result.code == (1 if wanted["rejected"] else 0)
    example.name_what_was_made()
    arrived(example)
    rejects(example)
    objects(example)
    told(example)
    again = example.run("run")
    assert again.code == 0 and again.summary["read"] == 0
    arrived(example)  # and nothing else
    told(example)


def test_each_example_is_in_the_list():
    listed = (PIPELINES / "README.md").read_text(encoding="utf-8")
    for folder in [QUICKSTART, *EXAMPLES]:
        assert f"]({folder.name})" in listed


def quickstart_body(record, field):
    """What pipeline.yaml of the quickstart says in words of its own."""
    body = {key: value for key, value in record.items()
            if key not in ("id", "meta") and not fnmatch.fnmatch(key, "_*")}
    if isinstance(body.get("contacts"), list):
        body["contacts"] = [{key: value for key, value in contact.items() if key != "score"}
                            for contact in body["contacts"]]
    return {**body, f"custom.{field}": record["id"]}


def test_the_quickstart_makes_each_lead_once(closefeed, start_sandbox):
    sandbox = start_sandbox("--speed", "20")
    ids, folder = examples.make(QUICKSTART, sandbox.post), closefeed.folder / "quickstart"
    examples.place(QUICKSTART, folder, ids)
    program = Program(closefeed.binary, folder, {
        **closefeed.env, "CLOSE_BASE_URL": sandbox.base_url, "HOOK_URL": sandbox.hook_url})
    assert program("check", "pipeline.yaml").err == ""
    result = program("run", "pipeline.yaml", "--json")
    assert (result.code, result.summary["delivered"], result.summary["rejected"]) == (1, 191, 9)
    listed = program("rejects", "list", "pipeline.yaml", "--json").json["rejects"]
    bad = {item["records"][0]["line"]: item["class"] for item in listed}
    assert bad == {17: "json", 42: "validation", 59: "json", 78: "match", 122: "json",
                   141: "duplicate_identity", 158: "validation", 173: "validation", 190: "json"}
    lines = enumerate((QUICKSTART / "companies.ndjson").read_bytes().splitlines(), 1)
    field = ids["cf_QuickstartFeedKey"]
    wanted = [quickstart_body(json.loads(line), field) for number, line in lines
              if line.strip() and bad.get(number, "validation") == "validation"]
    n_made = len(sandbox.requests())
    got = [json.loads(call["body"]) for call in sandbox.requests("POST")
           if call["path"] == "/lead/"]
    assert sorted(got, key=json.dumps) == sorted(wanted, key=json.dumps)
    assert len(sandbox.objects("lead")) == 191
    assert program("run", "pipeline.yaml", "--json").summary["read"] == 0
    assert {call["method"] for call in sandbox.requests()[n_made:]} == {"GET"}
