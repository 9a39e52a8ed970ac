"""What integration tests are written with: the real program, the sandbox, and pipelines to run.

Nothing here asserts what closefeed should do; it starts, asks and collects. Times are limits, not
waits: everything returns as soon as there is an answer.
"""

import base64
import dataclasses
import http.client
import json
import os
import re
import signal
import subprocess
import textwrap
import time
import urllib.parse

HOOK_SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes, ok").decode()
KEY = "api_sandbox.key"

# Two calls a record; the second one is refused where `due` is no day.
NOTE_AND_TASK = """
- name: note
  operation: activity.note.create
  body: {lead_id: "{lead}", note: "{text}"}
  continue: true
- name: task
  operation: task.create
  body: {lead_id: "{lead}", text: "{text}", due_date: "{due}"}
"""


# Instead of an API key; the secrets are in the environment.
OAUTH = ("oauth: {{client_id: oa2client_sandbox, client_secret: {{env: OAUTH_SECRET}}, "
         "refresh_token: {{env: OAUTH_TOKEN}}, token_url: \"{}/oauth2/token/\"}}")


@dataclasses.dataclass
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self):
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.split("\n") if line]

    @property
    def json(self):
        """The one JSON value on standard output."""
        return json.loads(self.out)

    @property
    def summary(self):
        """The summary of a `run --json`."""
        last = self.lines[-1]
        assert last["type"] == "summary", last
        return last


class Program:
    """The binary, with an environment of its own."""

    def __init__(self, binary, folder, env):
        self.binary, self.folder, self.env = binary, folder, dict(env)

    def start(self, *args, env=None, stdin=subprocess.DEVNULL):
        """The process, running; standard output and error are pipes."""
        return subprocess.Popen(
            [self.binary, *map(str, args)], cwd=self.folder, env={**self.env, **(env or {})},
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )

    def __call__(self, *args, input=None, env=None, timeout=300):
        """Runs it to its end."""
        process = self.start(*args, env=env, stdin=subprocess.PIPE if input is not None
                             else subprocess.DEVNULL)
        if isinstance(input, str):
            input = input.encode()
        try:
            out, err = process.communicate(input, timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            out, err = process.communicate()
            raise AssertionError(
                f"{args} did not end in {timeout} s\n{out.decode()[-3000:]}\n"
                f"{err.decode()[-3000:]}") from None
        result = Result(process.returncode, out.decode(), err.decode())
        assert "Sanitizer" not in result.err, result.err
        return result


class Sandbox:
    """`closefeed sandbox` on a free port, and what it is asked by tests."""

    def __init__(self, program, *flags, env=None):
        self.program, self.flags, self.was_killed = program, flags, False
        self.process = program.start(
            "sandbox", "--port", "0", "--key", KEY, "--hook-secret", HOOK_SECRET, *flags, env=env)
        words = self.process.stdout.readline().decode().split()
        if not words or words[0] != "ready":
            self.process.kill()
            raise AssertionError("sandbox: " + self.process.communicate()[1].decode())
        said = dict(word.split("=", 1) for word in words[1:])
        self.base_url, self.key = said["base_url"], said["key"]
        self.origin = self.base_url.removesuffix("/api/v1")
        self.hook_url = self.origin + "/_sandbox/hook"

    def ask(self, method, path, body=None, key=None):
        """One call: (status, JSON value). Paths without /_sandbox stand under the base URL."""
        url = urllib.parse.urlsplit(self.origin)
        if not path.startswith("/_sandbox"):
            path = "/api/v1" + path
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
        login = base64.b64encode(f"{key or self.key}:".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def get(self, path):
        status, value = self.ask("GET", path)
        assert status == 200, (path, status, value)
        return value

    def post(self, path, body):
        status, value = self.ask("POST", path, body)
        assert 200 <= status < 300, (path, status, value)
        return value

    def requests(self, method=None, path=None):
        """What it received, oldest first: the calls of the API, not ours to /_sandbox."""
        return [
            r for r in self.get("/_sandbox/requests")["data"]
            if (method is None or r["method"] == method)
            and (path is None or r["path"].split("?")[0].endswith(path))
        ]

    def objects(self, kind):
        """All objects of a kind ("lead", "contact", "activity/note"), straight from its memory."""
        return self.get(f"/_sandbox/objects?kind={urllib.parse.quote(kind.replace('/', '.'))}")[
            "data"]

    def hook_events(self):
        """The events its webhook received, as they came, repeats included."""
        return [call["event"] for call in self.get("/_sandbox/hook")["data"]]

    def hook_log(self):
        """The whole account of the webhook: attempts, refusals, and each event's count."""
        return self.get("/_sandbox/hook")

    def add_fault(self, fault, *, method=None, path=None, n=None, every=None, times=None, **how):
        """Orders a fault ("reset_after", "status", ...) for the calls that match."""
        match = {"method": method, "path": path, "n": n, "every": every, "times": times}
        match = {key: value for key, value in match.items() if value is not None}
        return self.post("/_sandbox/faults", {"match": match, "fault": fault, **how})

    def clear_faults(self):
        status, _ = self.ask("DELETE", "/_sandbox/faults")
        assert status == 200

    def stop(self):
        """Ends it; it must still have been there, unless the test killed it itself."""
        if self.was_killed:
            return
        assert self.process.poll() is None, self.process.communicate()[1].decode()
        self.process.terminate()
        try:
            _, err = self.process.communicate(timeout=180)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, err = self.process.communicate()
        assert b"Sanitizer" not in err, err.decode()
        assert self.process.returncode == 0, err.decode()

    def kill(self):
        self.was_killed = True
        self.process.kill()
        self.process.communicate()


def wait_until(claim, timeout=180, every=0.02):
    """Returns the first true value of claim(); fails after the time."""
    end = time.monotonic() + timeout
    while True:
        value = claim()
        if value:
            return value
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(every)


def measure(attempt, times=6):
    """Measures what a machine that stands still for a moment disturbs, anew until it fits: attempt(n)
    returns what was not as it should be, or nothing. What holds on any machine it asserts."""
    for n in range(times):
        wrong = attempt(n)
        if not wrong:
            return
    raise AssertionError(f"not once in {times} attempts; the last one: {wrong}")


def take_time(path):
    """Gives a pipeline that was to be short of time enough of it, to drain and to be answered by its
    receiver: what is to succeed must not be in a hurry. Returns the path."""
    text = re.sub(r"drain: \w+", "drain: 60s", path.read_text(encoding="utf-8"))
    path.write_text(re.sub(r"(secret: .*), timeout: \w+", r"\1", text), encoding="utf-8")
    return path


def run_until(closefeed, path, says):
    """Runs a pipeline whose receiver does not take its events until the reason of a run is @says.

    Each ends with 75. The time it has is short, so on a busy machine the receiver may not have
    answered in it; what was delivered is only told by the next. Returns the results, oldest first.
    """
    results = []

    def said():
        results.append(closefeed("run", path, "--json"))
        assert results[-1].code == 75, results[-1].out + results[-1].err
        return says in results[-1].summary["reason"]

    wait_until(said)
    return results


def indented(text, by):
    return textwrap.indent(textwrap.dedent(text).strip("\n"), " " * by)


def ndjson(records):
    """Records as lines; text is taken as it is."""
    lines = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records]
    return "".join(line + "\n" for line in lines)


class Pipelines:
    """Writes pipeline files: readable YAML, with defaults for what a test does not care about."""

    def __init__(self, folder, sandbox):
        self.folder, self.sandbox = folder, sandbox

    def __call__(self, records=None, *, name="signups", routes="- operation: lead.create",
                 source=None, close="", delivery="quarantine: 2s", responses=None, more="",
                 login="api_key: {env: CLOSE_API_KEY}"):
        """Returns the path of a new pipeline file; @records go into NAME.ndjson beside it."""
        if records is not None:
            (self.folder / f"{name}.ndjson").write_text(ndjson(records), encoding="utf-8")
        if responses is None:
            responses = f'webhook: {{url: "{self.sandbox.hook_url}", secret: {{env: HOOK_SECRET}}}}'
        parts = [
            "version: 1", f"name: {name}",
            "source:", indented(source or f"ndjson: {{path: {name}.ndjson}}", 2),
            "close:", f"  base_url: {self.sandbox.base_url}", f"  {login}",
            indented(close, 2),
            "routes:", indented(routes, 2),
            *(["delivery:", indented(delivery, 2)] if delivery else []),
            *(["responses:", indented(responses, 2)] if responses else []),
            textwrap.dedent(more),
        ]
        path = self.folder / f"{name}.yaml"
        path.write_text("\n".join(part for part in parts if part.strip()) + "\n", encoding="utf-8")
        return path


def environment(folder):
    """A small environment; state goes into the test's own folder."""
    kept = {
        name: value for name, value in os.environ.items()
        if name in ("PATH", "LANG", "LC_ALL", "TMPDIR", "TZ") or name.endswith("SAN_OPTIONS")
    }
    return {
        **kept, "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"),
        "CLOSE_API_KEY": KEY, "HOOK_SECRET": HOOK_SECRET,
    }
