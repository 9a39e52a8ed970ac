"""`tap`: the calls of a run as they end, for whoever watches, and at nobody else's cost."""

import json
import os
import pty
import signal
import subprocess
import threading

import pytest

from harness import Pipelines, ndjson, wait_until
from receiver import ME, Server
from test_redaction import ENV, KEY, answer, hits, responses

STDIN = 'ndjson: {path: "-"}'


class Running:
    """A run over standard input, which goes on until end()."""

    def __init__(self, closefeed, path):
        self.path, self.process = path, closefeed.start("run", path, stdin=subprocess.PIPE)

    def send(self, *records):
        self.process.stdin.write(ndjson(records).encode())
        self.process.stdin.flush()

    def end(self):
        _, err = self.process.communicate(timeout=180)
        assert b"Sanitizer" not in err, err.decode()
        return self.process.returncode


class Watching:
    """`closefeed tap`, which has said that it watches."""

    def __init__(self, closefeed, path, *flags, stdout=subprocess.PIPE):
        self.process = subprocess.Popen(
            [closefeed.binary, "tap", str(path), *flags], cwd=closefeed.folder, env=closefeed.env,
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE)
        self.hint = self.process.stderr.readline().decode()
        assert "watching the calls of signups" in self.hint, self.hint

    def line(self):
        return self.process.stdout.readline().decode()

    def exchange(self, kind="call"):
        """The next of this kind."""
        while True:
            exchange = json.loads(self.line())
            if exchange["kind"] == kind:
                return exchange

    def end(self):
        out, err = self.process.communicate(timeout=180)
        assert b"Sanitizer" not in err, err.decode()
        return self.process.returncode, (out or b"").decode(), err.decode()


@pytest.fixture
def running(closefeed, pipeline, sandbox):
    """Begins a run whose organization is known: running(routes=...)."""
    runs = []

    def start(**how):
        runs.append(Running(closefeed, pipeline(**{"source": STDIN, **how})))
        wait_until(lambda: sandbox.requests(path="/me/"))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.end()


def test_each_call_is_shown_with_what_was_sent_and_answered(closefeed, sandbox, running):
    run = running(close="concurrency: 1")  # so that the second record is the second call
    sandbox.add_fault("status", status=400, body={"error": "no such thing"}, path="/lead/", n=2)
    tap = Watching(closefeed, run.path, "--json")
    run.send({"name": "Acme"}, {"name": "Bad"})
    shown = {e["request"]["body"]["name"]: e for e in (tap.exchange(), tap.exchange())}
    acme, bad = shown["Acme"], shown["Bad"]

    assert (acme["request"]["method"], acme["request"]["path"]) == ("POST", "/lead/")
    assert acme["response"]["status"] == 200
    assert acme["response"]["body"]["id"] == sandbox.objects("lead")[0]["id"]
    assert (acme["operation"], acme["route"]) == ("lead.create", "lead.create")
    assert acme["records"][0]["line"] == 1 and acme["n_records"] == 1
    assert acme["duration_ms"] >= 0 and acme["at"].endswith("Z")
    assert bad["response"]["status"] == 400 and bad["records"][0]["line"] == 2
    assert run.end() == 1
    code, _, err = tap.end()
    assert (code, err[:17]) == (0, "the run has ended")


def test_lines_for_people_say_who_what_and_what_for(closefeed, running):
    run = running()
    tap = Watching(closefeed, run.path, "-n", "1")
    run.send({"name": "Acme"})
    first, sent, came = tap.line(), tap.line(), tap.line()
    assert " POST /lead/ 200 in " in first and first.endswith(", lead.create of -:1\n")
    assert sent == '    > {"name":"Acme"}\n'
    assert came.startswith("    < {") and '"id":"lead_' in came
    assert tap.end()[0] == 0  # while the run goes on
    assert run.process.poll() is None


def test_lookups_are_shown_too(closefeed, running):
    run = running(routes="- operation: lead.upsert\n  match: {name: \"{name}\"}")
    tap = Watching(closefeed, run.path, "--json")
    run.send({"name": "Acme"})
    lookup = tap.exchange("lookup")
    assert lookup["request"]["path"].endswith("/data/search/")
    assert lookup["response"]["status"] == 200 and "records" not in lookup
    assert tap.exchange()["operation"] == "lead.create"
    run.end()
    tap.end()


def test_what_the_receiver_is_told_is_shown_on_demand(closefeed, running):
    run = running()
    both, calls = (Watching(closefeed, run.path, "--json", *flags)
                   for flags in (["--responses"], []))
    run.send({"name": "Acme"})
    event = both.exchange("event")
    assert event["event"].startswith("clo_") and event["response"]["status"] // 100 == 2
    assert event["request"]["body"]["id"] == event["event"]
    run.end()
    assert "event" not in {json.loads(line)["kind"] for line in calls.end()[1].splitlines()}
    both.end()


def test_a_call_without_an_answer_says_so(closefeed, sandbox, running):
    run = running()
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=1)
    tap = Watching(closefeed, run.path, "--json")
    run.send({"name": "Acme"})
    lost = tap.exchange()
    assert "response" not in lost and lost["error"]
    run.end()
    tap.end()


def test_long_bodies_are_cut(closefeed, running):
    run = running()
    tap = Watching(closefeed, run.path, "--json")
    run.send({"name": "Acme", "description": "ü" * 9000})
    body = tap.exchange()["request"]
    assert body["is_cut"] and 4000 < len(body["body"].encode()) <= 4096
    assert body["bytes"] > 18000 and body["body"].startswith('{"name":"Acme"')
    run.end()
    tap.end()


def test_a_reader_that_does_not_read_holds_up_nothing_and_is_told(closefeed, sandbox, running):
    n = 240  # each of 8 KiB: more than the run keeps for a reader
    run = running(close="rate: 100000/s", responses="file: events.ndjson")
    tap = Watching(closefeed, run.path, "--json")
    tap.process.send_signal(signal.SIGSTOP)
    run.send(*({"name": f"Lead {i}", "description": "x" * 4000} for i in range(n)))
    wait_until(lambda: len(sandbox.objects("lead")) == n, timeout=180)
    tap.process.send_signal(signal.SIGCONT)
    shown = missed = 0
    while shown + missed < n:
        exchange = json.loads(tap.line())
        shown += exchange["kind"] == "call"
        missed += exchange.get("n", 0)
    assert missed and shown and shown < 200, (shown, missed)
    run.send({"name": "Last"})
    assert tap.exchange()["request"]["body"] == {"name": "Last"}
    assert run.end() == 0
    tap.end()


def test_nobody_who_watches_is_asked_to_stay(closefeed, sandbox, running):
    """A watcher that is killed while it waits leaves the run as it was."""
    run = running()
    for _ in range(12):  # more than may watch at the same time
        tap = Watching(closefeed, run.path)
        tap.process.kill()
        tap.end()
    run.send({"name": "Acme"})
    assert run.end() == 0
    assert len(sandbox.objects("lead")) == 1


def test_ctrl_c_ends_it_and_not_the_run(closefeed, running):
    run = running()
    tap = Watching(closefeed, run.path)
    tap.process.send_signal(signal.SIGINT)
    assert tap.end()[0] == -signal.SIGINT
    run.send({"name": "Acme"})
    assert run.end() == 0


def test_with_nobody_running_it_says_how_to_start(closefeed, pipeline):
    path = pipeline([{"name": "Acme"}])
    for _ in range(2):  # before there is a state, and after a run
        result = closefeed("tap", path)
        assert result.code == 75 and result.out == ""
        assert result.err == (f"closefeed: signups is not running: start it with "
                              f"`closefeed run {path}`\n")
        assert closefeed("run", path).code == 0


def test_no_lead_can_steer_the_terminal(closefeed, running):
    run = running()
    head, tail = pty.openpty()
    tap = Watching(closefeed, run.path, "-n", "1", stdout=tail)
    os.close(tail)
    run.send({"name": "\x1b]0;gotcha\x07 \u202etxt"})
    assert tap.end()[0] == 0
    shown = os.read(head, 65536).decode()
    os.close(head)
    assert "POST /lead/" in shown and "gotcha" in shown
    assert "\x1b" not in shown and "\x07" not in shown and "\u202e" not in shown


def test_no_secret_is_shown(closefeed, tmp_path):
    closefeed.env.update(ENV)
    cases = [f"{case} {n}" for case in ("delivered", "rejected", "text", "long", "escaped")
             for n in range(8)]
    seen = threading.Event()

    def close_answer(call):
        if call.path.endswith("/me/"):
            seen.set()
            return 200, ME
        return answer(call)

    with Server(close_answer) as close, Server(lambda call: (200, {"echo": KEY})) as hook:
        close.base_url, close.hook_url = close.origin + "/api/v1", hook.url
        path = Pipelines(tmp_path, close)(
            source=STDIN, responses=responses(hook), delivery="max_rejects: none\ndrain: 5s")
        run = Running(closefeed, path)
        assert seen.wait(180)
        taps = [Watching(closefeed, path, "--responses", *flags) for flags in ([], ["--json"])]
        run.send(*({"name": case} for case in cases))
        wait_until(lambda: len(hook.calls) == len(cases))
        assert run.end() == 1
        shown = [tap.end() for tap in taps]
    for code, out, err in shown:
        assert code == 0 and hits(out + err) == [], out[:2000]
    lines = [json.loads(line) for line in shown[1][1].splitlines()]
    assert {line["kind"] for line in lines} >= {"call", "event"}
    assert all("***" in json.dumps(line) for line in lines if line["kind"] == "call")
