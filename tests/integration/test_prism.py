"""An independent judge: Prism holds what closefeed sends against the OpenAPI document of Close.

The document is not ours and not in the tree: $CLOSE_OPENAPI names it, or it lies beside the project.
Without it nothing is judged, which the end of a test run says. Prism answers with examples of its
own; only what it says of the requests counts.
"""

import http.client
import json
import os
import pathlib
import re
import subprocess
import time
import types
import urllib.parse

import pytest
import yaml

from catalogue import OPERATIONS, World
from harness import OAUTH, Pipelines, Program, environment
from receiver import Server, close_that

pytestmark = pytest.mark.xdist_group("prism")  # one judge for all

ROOT = pathlib.Path(__file__).parents[2]
DOCUMENT = pathlib.Path(os.environ.get("CLOSE_OPENAPI") or ROOT / "../shared/close-openapi.yml")
PRISM = pathlib.Path(os.environ.get("PRISM_BIN") or ROOT / "build-test/prism/node_modules/.bin/prism")

NAMES = sorted(OPERATIONS)
PREFIXES = {"custom_activity_type": "actitype", "custom_field": "cf", "custom_object_type": "cotype",
            "pipeline": "pipe", "status": "stat"}  # of ids; what begins otherwise is a name

TOKENS = {"token_type": "Bearer", "access_token": "an.access.token", "expires_in": 3600,
          "refresh_token": "the.next.refresh.token"}

HAS_DOCUMENT = DOCUMENT.exists()
needs_document = pytest.mark.skipif(not HAS_DOCUMENT, reason=(
    "no request was judged by the OpenAPI document of Close: there is none at $CLOSE_OPENAPI or "
    "../shared/close-openapi.yml"))


def each(names):
    return pytest.mark.parametrize("name", names if HAS_DOCUMENT else ["all of them"])


class Prism:
    """`prism mock` on a free port: it answers what fits its document with an example."""

    def __init__(self, folder):
        assert PRISM.exists(), f"there is no Prism: sh tests/prism/prism.sh {PRISM.parents[2]}"
        self.log = folder / "prism.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [PRISM, "mock", "--host", "127.0.0.1", "--port", "0", DOCUMENT],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "NO_COLOR": "1"})
        self.port = self.read_port()

    def read_port(self):
        end = time.monotonic() + 120
        while time.monotonic() < end and self.process.poll() is None:
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", self.log.read_text("utf-8"))
            if found:
                return int(found[1])
            time.sleep(0.1)
        raise AssertionError("Prism does not listen: " + self.log.read_text("utf-8")[-2000:])

    def judge(self, call):
        """Its answer to a call, and what it says of it: none is fine."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        kept = {name: value for name, value in call.headers.items()
                if name in ("authorization", "content-type", "accept")}
        try:
            connection.request(call.method, call.path.removeprefix("/api/v1"), call.body, kept)
            answer = connection.getresponse()
            text = answer.read()
            said = json.loads(answer.getheader("sl-violations") or "[]")
        finally:
            connection.close()
        wrong = [one for one in said if one["location"][0] == "request"]
        return answer.status, text, wrong or ([text.decode()] if answer.status // 100 != 2 else [])

    def stop(self):
        self.process.kill()
        self.process.wait()


class Court:
    """One run of all operations against Prism, and what it said of each."""

    def __init__(self, program, prism):
        self.prism, self.said = prism, {}
        self.numbers = iter(range(10**6))
        world = World(
            self.make, user="user_Ana", organization="orga_Ours", membership="memb_Ana",
            new_user=lambda: f"user_{next(self.numbers)}", given=lambda kind: f"given_{kind}")
        self.rows = [world.row(name) for name in NAMES]
        with Server(close_that(self.answer)) as server:
            self.run(program, server)

    def make(self, operation, path, body):
        kind = operation["object"].split(".")[0]
        return f"{PREFIXES.get(kind, kind)}_{next(self.numbers):022}"

    def answer(self, call):
        if call.path == "/oauth2/token/":
            return 200, TOKENS
        status, text, wrong = self.prism.judge(call)
        self.said[call.method, urllib.parse.unquote(call.path.split("?")[0])] = wrong
        return status, text, {"content-type": "application/json"}

    def run(self, program, server):
        close = types.SimpleNamespace(base_url=server.origin + "/api/v1")
        program.env.update(OAUTH_SECRET="a.client.secret", OAUTH_TOKEN="a.refresh.token")
        path = Pipelines(program.folder, close)(
            [row.record for row in self.rows], name="court", login=OAUTH.format(server.origin),
            routes="\n".join(row.route() for row in self.rows),
            delivery="quarantine: 1s\nmax_rejects: none", responses="file: court.events")
        result = program("run", path, "--json")
        assert result.summary["read"] == len(self.rows), result.out

    def verdict(self, name):
        [row] = [row for row in self.rows if row.name == name]
        return self.said[row.operation["method"], "/api/v1" + row.path]


@pytest.fixture(scope="module", name="court")
def _court(binary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prism")
    prism = Prism(folder)
    try:
        yield Court(Program(binary, folder, environment(folder)), prism)
    finally:
        prism.stop()


@needs_document
@each(NAMES)
def test_the_document_of_close_accepts_what_is_sent(court, name):
    assert court.verdict(name) == []


@needs_document
def test_it_refuses_what_breaks_the_document(court):
    def call(method, path, body):
        return types.SimpleNamespace(
            method=method, path="/api/v1" + path, body=body,
            headers={"content-type": "application/json", "authorization": "Basic YXBpX3g6"})

    _, _, wrong = court.prism.judge(call("POST", "/activity/note/", b'{"lead_id": 5}'))
    assert ["lead_id" in one["message"] for one in wrong] == [True]
    _, _, wrong = court.prism.judge(call("POST", "/activity/note/", b'{"note": "x"}'))
    assert "required" in wrong[0]["message"]
    _, _, wrong = court.prism.judge(call("PATCH", "/lead/lead_1/", b"{}"))
    assert "METHOD" in wrong[0]


@pytest.fixture(scope="module", name="document")
def _document():
    return yaml.load(DOCUMENT.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def resolved(document, value):
    while "$ref" in value:
        path, value = value["$ref"].split("/")[1:], document
        for name in path:
            value = value[name]
    return value


@needs_document
@each(NAMES)
def test_the_catalogue_says_what_the_document_says(document, name):
    ours = OPERATIONS[name]
    theirs = document["paths"][ours["path"]][ours["method"].lower()]

    def parameters(place):
        return sorted(one["name"] for one in theirs["parameters"] if one["in"] == place)

    assert parameters("path") == sorted(ours["path_params"])
    assert parameters("query") == sorted(ours["query_params"])
    assert str(ours["success_status"]) in theirs["responses"]
    body = theirs.get("requestBody", {"content": {"application/json": {"schema": {}}}})
    typed = resolved(document, body["content"]["application/json"]["schema"])
    if "properties" in typed:
        assert set(typed["properties"]) <= set(ours["body_fields"])
        assert set(typed.get("required", ())) <= set(ours["required_body_fields"])
    assert ("requestBody" in theirs) == (ours["body_source"] != "none")


@needs_document
def test_no_write_of_the_document_is_missing_in_the_catalogue(document):
    writes = {(method.upper(), path) for path, item in document["paths"].items()
              for method in item if method in ("post", "put", "patch", "delete")}
    assert writes == {(one["method"], one["path"]) for one in OPERATIONS.values()}
