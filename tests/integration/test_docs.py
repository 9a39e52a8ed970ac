"""Every example in docs/ is true: files are written, pipelines checked, commands run and compared.

What stands behind the three backticks says what a block is:
  yaml file=NAME, json file=NAME, text file=NAME   a file, written into the folder of the page;
                                                   a pipeline among them must pass `check`
  yaml                                             a whole pipeline (it has a version), checked
  yaml route, yaml routes, yaml top                a part of one: keys of a route, a list of routes,
                                                   keys of the file; checked inside a small pipeline
  json                                             JSON, or a line of it each
  console                                          commands behind "$ ", then what they print:
                                                   … stands for anything in a line, a line of … for
                                                   any lines
  sh                                               commands that are only shown; verbs and flags in
                                                   them must exist
  text                                             no example
The blocks of a page are one story in one folder, with a sandbox of its own: CLOSE_BASE_URL,
CLOSE_API_KEY, HOOK_URL and HOOK_SECRET are set; so are CLOSE_CLIENT_ID, CLOSE_CLIENT_SECRET and
CLOSE_TOKEN_URL, and CLOSE_CODE is what a browser brings back from the sandbox's OAuth. A page that names KAFKA_BROKERS has a broker there, and
Kafka's own tools on its PATH.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import textwrap
import urllib.request

import pytest

import harness
import kafka as kafka_local

DOCS = pathlib.Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
KAFKA_PAGES = [path for path in PAGES if "KAFKA_BROKERS" in path.read_text(encoding="utf-8")]
# What Kafka's scripts are called, and their classes.
KAFKA_TOOLS = {
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-consumer-groups.sh": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
}

SKELETON = {
    "version": "version: 1", "name": "name: example",
    "source": "source: {ndjson: {path: example.ndjson}}",
    "close": "close: {api_key: {env: CLOSE_API_KEY}}",
    "routes": "routes:\n  - operation: lead.create",
    "responses": "responses: {file: responses.ndjson}",
}


def blocks_of(path):
    """(line, info, text) of each fenced block."""
    found, begin, info, lines = [], None, None, []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fence = re.match(r"\s*```(.*)$", line)
        if fence and begin is None:
            begin, info, lines = number, fence[1].strip(), []
        elif fence:
            found.append((begin, info, textwrap.dedent("\n".join(lines)) + "\n"))
            begin = None
        elif begin is not None:
            lines.append(line)
    assert begin is None, f"{path.name}:{begin}: the block has no end"
    return found


def whole(kind, text):
    """A pipeline around a part of one."""
    parts = dict(SKELETON)
    if kind == "routes":
        parts["routes"] = "routes:\n" + textwrap.indent(text, "  ")
    elif kind == "route":
        if not re.search(r"^(operation|url):", text, re.M):
            text = "operation: lead.create\n" + text
        parts["routes"] = "routes:\n  -\n" + textwrap.indent(text, "    ")
    else:
        for key in re.findall(r"^(\w+):", text, re.M):
            parts.pop(key, None)
        parts["top"] = text
    return "\n".join(parts.values()) + "\n"


def pattern_of(expected):
    """A regular expression: … stands for anything in its line, alone in a line for any lines."""
    lines = []
    for line in expected:
        if line.strip() == "…":
            lines.append(r"(?:[^\n]*\n)*?")
        else:
            lines.append("[^\\n]*".join(re.escape(part) for part in line.split("…")) + r"\n")
    return "".join(lines)


class Page:
    """One page, told from top to bottom."""

    def __init__(self, path, closefeed, sandbox):
        self.path, self.closefeed, self.folder = path, closefeed, closefeed.folder
        tools = self.folder / ".bin"
        tools.mkdir()
        (tools / "closefeed").symlink_to(closefeed.binary)
        self.env = {
            **closefeed.env, "PATH": f"{tools}:{closefeed.env['PATH']}", "NO_COLOR": "1",
            "CLOSE_BASE_URL": sandbox.base_url, "HOOK_URL": sandbox.hook_url,
            "CLOSE_API_KEY": harness.KEY, "HOOK_SECRET": harness.HOOK_SECRET,
            "KAFKA_PASSWORD": "what the brokers know",
            "CLOSE_CLIENT_ID": "oa2client_sandbox", "CLOSE_CLIENT_SECRET": "sandbox.client.secret",
            "CLOSE_TOKEN_URL": sandbox.origin + "/oauth2/token/",
        }
        if "CLOSE_CODE" in path.read_text(encoding="utf-8"):
            with urllib.request.urlopen(
                    f"{sandbox.origin}/oauth2/authorize/?client_id=oa2client_sandbox"
                    "&response_type=code") as page:
                self.env["CLOSE_CODE"] = page.read().decode()
        self.code = 0

    def use_kafka(self, broker):
        self.env["KAFKA_BROKERS"] = broker.bootstrap
        for name, tool in KAFKA_TOOLS.items():
            script = self.folder / ".bin" / name
            script.write_text(  # kafka.sh says itself which broker it is
                f'#!/bin/sh\nshift 2\nexec "{kafka_local.SCRIPT}" tool "{broker.folder}" {tool} "$@"\n',
                encoding="ascii")
            script.chmod(0o755)

    def end(self):
        """What the page left running says so in NAME.pid."""
        for file in self.folder.glob("*.pid"):
            pid = int(file.read_text(encoding="ascii"))
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{pid}/cwd").readlink() == self.folder:
                    os.kill(pid, signal.SIGKILL)

    def check(self, file, where):
        done = self.closefeed("check", file, env=self.env)
        assert done.code == 0, f"{where}: {done.err}"

    def write(self, name, text, where):
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        if re.search(r"^version:", text, re.M) and name.endswith((".yaml", ".yml")):
            self.check(name, where)

    def run(self, command):
        """Standard output and error of one command, in the order they came."""
        done = subprocess.run(
            ["bash", "-c", f"(exit {self.code}); {command}"], cwd=self.folder, env=self.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=300, check=False)
        self.code = done.returncode
        return done.stdout

    def console(self, text, where):
        command, expected = None, []
        for line in [*text.splitlines(), "$ "]:
            if not line.startswith("$ "):
                assert command is not None, f"{where}: begins with no command"
                expected.append(line)
                continue
            if command is not None:
                said = self.run(command)
                wanted = [line.rstrip() for line in expected]
                got = "".join(line.rstrip() + "\n" for line in said.splitlines())
                assert re.fullmatch(pattern_of(wanted), got), (
                    f"{where}: $ {command}\nexpected:\n" + "\n".join(wanted) + f"\ngot:\n{got}")
            command, expected = line[2:], []

    def shown(self, text, where):
        for command in re.findall(r"\bclosefeed ([a-z]+)([^\n|;#&>]*)", text):
            said = self.closefeed("help", command[0])
            assert said.code == 0, f"{where}: closefeed {command[0]}"
            for flag in re.findall(r"(?<!\S)(--[a-z-]+)", command[1]):
                assert f"{flag} " in said.out + " ", f"{where}: closefeed {command[0]} {flag}"

    def tell(self, where, info, text):
        kind, _, role = info.partition(" ")
        if role.startswith("file="):
            self.write(role[5:], text, where)
        elif kind == "console":
            self.console(text, where)
        elif kind == "sh":
            self.shown(text, where)
        elif kind == "json":
            try:
                json.loads(text)
            except ValueError:
                for line in text.splitlines():
                    json.loads(line)
        elif kind == "yaml":
            assert role in ("", "route", "routes", "top"), f"{where}: yaml {role}?"
            (self.folder / "example.yaml").write_text(
                whole(role, text) if role else text, encoding="utf-8")
            self.check("example.yaml", where)
        else:
            assert kind == "text", f"{where}: say what the block is, not \"{info}\""


def tell_all(page):
    for line, info, text in blocks_of(page.path):
        page.tell(f"{page.path.name}:{line}", info, text)


@pytest.mark.parametrize(
    "path", [path for path in PAGES if path not in KAFKA_PAGES], ids=lambda path: path.stem)
def test_what_the_page_shows_is_true(path, closefeed, sandbox):
    tell_all(Page(path, closefeed, sandbox))


@pytest.mark.parametrize("path", KAFKA_PAGES, ids=lambda path: path.stem)
def test_what_the_page_shows_is_true_of_kafka(path, closefeed, sandbox, kafka):
    page = Page(path, closefeed, sandbox)
    page.use_kafka(kafka)
    try:
        tell_all(page)
    finally:
        page.end()


def test_the_rights_that_the_page_of_kafka_names_are_enough(
        start_kafka, closefeed, pipeline, sandbox):
    broker = start_kafka(
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users=User:ANONYMOUS", secure=True)
    for topic in ("signups", "close.responses"):
        broker.script("topic", topic, 1)
    broker.produce("signups", [{"name": "Acme"}])
    login = broker.login()
    path = pipeline(name="signups", responses="kafka: {topic: close.responses}", source=f"""
        kafka:
          brokers: ["{login['bootstrap.servers']}"]
          topics: [signups]
          properties:
            security.protocol: sasl_ssl
            sasl.mechanisms: SCRAM-SHA-512
            sasl.username: {login['sasl.username']}
            sasl.password: {{env: KAFKA_PASSWORD}}
            ssl.ca.location: "{login['ssl.ca.location']}"
        """)
    closefeed.env["KAFKA_PASSWORD"] = login["sasl.password"]
    assert closefeed("check", path, "--online").code == 77
    page = (DOCS / "kafka.md").read_text(encoding="utf-8")
    given = re.findall(r"^kafka-acls.sh (.*) …$", page.replace("User:closefeed", "User:test"), re.M)
    assert len(given) == 3
    for words in given:
        broker.script("tool", "kafka.admin.AclCommand", *words.split())
    for words in (["check", path, "--online"], ["preview", path], ["run", path, "--until-end"]):
        result = closefeed(*words)
        assert result.code == 0, result.err
    assert [lead["name"] for lead in sandbox.objects("lead")] == ["Acme"]
    assert len(broker.consume("close.responses", 1)) == 1


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("https://", "http://")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_comparison_can_fail():
    assert re.fullmatch(pattern_of(["a … c", "…", "z"]), "a b c\nx\ny\nz\n")
    assert not re.fullmatch(pattern_of(["a … c"]), "a b d\n")
    assert not re.fullmatch(pattern_of(["a"]), "a\nb\n")
