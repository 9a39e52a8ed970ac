"""No secret is in anything that is stored, sent to a receiver or shown, whoever echoes it."""

import base64
import json
import re
import subprocess
import urllib.parse

import pytest

from harness import Pipelines, wait_until
from receiver import ME, Server

KEY = "api_4SbPuWQ0pKXl.4ShGcCFNdQjI8wFcdL"
SECRET = "whsec_" + base64.b64encode(bytes(range(200, 240))).decode()
OTHER_SECRET = "an older secret & of 30 bytes+"
ENV = {"CLOSE_API_KEY": KEY, "HOOK_SECRET": SECRET, "OLD_SECRET": OTHER_SECRET}
KEPT_HEADERS = ["x-request-id", "trace-id", "location", "retry-after", "ratelimit", "content-type",
                "x-envoy-upstream-service-time"]


def forms(secret):
    """What people would recognize the secret by: as it is, in base64 at each place, in URLs."""
    yield secret
    yield urllib.parse.quote(secret, safe="")
    yield re.sub("%..", lambda code: code[0].lower(), urllib.parse.quote(secret, safe=""))
    yield base64.b64encode(f"{secret}:".encode()).decode()
    yield base64.urlsafe_b64encode(f"{secret}:".encode()).decode()
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + secret.encode()).decode().rstrip("=")
        yield coded[(before * 8 + 5) // 6:(before + len(secret)) * 8 // 6]


FORMS = sorted({form for secret in (KEY, SECRET, SECRET[6:], OTHER_SECRET) for form in forms(secret)},
               key=len, reverse=True)
NEEDLES = [form.encode() for form in FORMS]


def hits(data):
    """The forms of secrets in @data, also as JSON escapes them."""
    data = data if isinstance(data, bytes) else data.encode()
    return [n for n in NEEDLES if n in data or n.replace(b"/", b"\\/") in data]


def echo(n):
    """A text with one form of one secret, another for each number."""
    return f"<< {FORMS[n % len(FORMS)]} >>"


def everything():
    return {"all": FORMS, "nested": {form: form for form in FORMS},
            "text": json.dumps({"Authorization": f"Basic {FORMS[0]}"})}


def answer(call):
    """Close, if it were careless: each case tells every secret in another place."""
    if call.path.endswith("/me/"):
        return 200, {**ME, "first_name": KEY, "email": echo(1)}, {"x-request-id": KEY}
    case, n = call.json["name"].split(" ")
    n = int(n)
    headers = {KEPT_HEADERS[n % len(KEPT_HEADERS)]: FORMS[n % len(FORMS)]}
    if case == "delivered":
        return 200, {"id": f"lead_{n}", "name": echo(n), **everything()}, headers
    if case == "rejected":
        return 400, {"error": echo(n), "errors": [echo(n + 1)],
                     "field-errors": {"name": echo(n + 2), FORMS[n % len(FORMS)]: "is unknown",
                                      "contacts": {"errors": {"0": {"emails": echo(n)}}}},
                     **everything()}, headers
    if case == "text":
        return 404, echo(n).encode() + json.dumps(everything()).encode(), headers
    if case == "lost":
        return 500, {"error": echo(n), **everything()}, headers
    if case == "long":
        # A secret stands across each place where somebody might cut.
        text = "".join("x" * (4096 - len(form) // 2) + form for form in FORMS * 8)
        return 422, {"error": text}, headers
    if case == "escaped":
        text = "".join(f"\\u{ord(c):04x}" for c in KEY)
        return 400, f'{{"error": "{text}", "field-errors": {{"name": "{text}"}}}}'.encode()
    return int(case), {"error": echo(n), **everything()}, {**headers, "location": f"/{KEY}"}


@pytest.fixture
def place(closefeed, tmp_path):
    """(program, pipelines, Close, receiver): both servers tell every secret they can."""
    closefeed.env.update(ENV)
    with Server(answer) as close, Server(lambda call: (200, everything())) as hook:
        close.base_url, close.hook_url = close.origin + "/api/v1", hook.url
        yield closefeed, Pipelines(tmp_path, close), close, hook


def responses(hook):
    return (f'webhook: {{url: "{hook.url}", secret: [{{env: HOOK_SECRET}}, {{env: OLD_SECRET}}]}}\n'
            'file: events.ndjson\ninclude: [request, response]')


def assert_clean(*texts, folder=None):
    for text in texts:
        assert hits(text) == [], text[:2000]
    for file in folder.rglob("*") if folder else []:
        if file.is_file() and file.suffix not in (".yaml",):
            assert hits(file.read_bytes()) == [], file


CASES = [f"{case} {n}" for case in ("delivered", "rejected", "text", "lost", "long", "escaped")
         for n in range(8)]


def test_a_server_that_echoes_secrets_leaves_none_behind(place, tmp_path):
    closefeed, pipelines, close, hook = place
    path = pipelines([{"name": case} for case in CASES], responses=responses(hook),
                     delivery="max_rejects: none\non_unknown: hold")
    run = closefeed("run", path, "--json")
    assert run.code == 1, run.err
    assert run.summary["delivered"] == 8 and run.summary["held"] == 8
    assert run.summary["rejected"] == 32

    shown = [closefeed(*words, *flags) for flags in ([], ["--json"]) for words in [
        ["status", path], ["rejects", "list", path], ["rejects", "show", path, "--all"],
        ["held", "list", path], ["check", path], ["preview", path, "--all"],
        *(["held", "show", path, str(item)] for item in
          [i["id"] for i in closefeed("held", "list", path, "--json").json["held"]][:2])]]
    assert all(result.code in (0, 1) for result in shown)
    assert sum("***" in result.out for result in shown) >= 6  # there was something to mask
    sent = [call.body for call in hook.calls]
    assert len(sent) == len(CASES) and all(b"***" in body for body in sent[:8])
    assert b"lead_1" in b"".join(f.read_bytes() for f in tmp_path.rglob("events.ndjson"))
    assert any(b"***" in f.read_bytes() for f in tmp_path.rglob("journal.db*"))
    assert_clean(run.out, run.err, *(r.out + r.err for r in shown), *sent, folder=tmp_path)
    # What it did get: the key, where it belongs, and nowhere else.
    login = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
    assert all(call.headers["authorization"] == login for call in close.calls)
    assert all(hits(call.path) == [] and hits(call.body) == [] for call in close.calls)


@pytest.mark.parametrize("status, code", [(401, 77), (402, 77), (302, 78), (307, 78)])
def test_what_stops_a_run_is_told_without_secrets(place, tmp_path, status, code):
    closefeed, pipelines, _, hook = place
    path = pipelines([{"name": f"{status} {n}"} for n in range(3)], responses=responses(hook),
                     close="concurrency: 1")
    run = closefeed("run", path)
    assert run.code == code
    status_of = closefeed("status", path)
    assert_clean(run.out, run.err, status_of.out, folder=tmp_path)


def test_a_retry_keeps_and_shows_no_secret_either(place, tmp_path):
    closefeed, pipelines, _, hook = place
    path = pipelines([{"name": "rejected 1"}, {"name": "text 2"}, {"name": "lost 3"}],
                     responses=responses(hook), delivery="on_unknown: hold")
    closefeed("run", path)
    retried = closefeed("rejects", "retry", path, "--all", "--as-sent")
    again = closefeed("rejects", "retry", path, "--all", "--json")
    assert [r["outcome"] for r in again.json["results"]] == ["rejected"] * 2
    held = closefeed("held", "list", path, "--json").json["held"][0]["id"]
    sent = closefeed("held", "resolve", path, held, "--send", "--json")
    assert sent.json["results"][0]["outcome"] == "held"
    assert_clean(retried.out, again.out, sent.out, *(call.body for call in hook.calls),
                 folder=tmp_path)


def test_neither_environment_nor_command_line_of_a_run_holds_a_secret(place):
    closefeed, pipelines, close, hook = place
    path = pipelines(source='ndjson: {path: "-"}', responses=responses(hook))
    process = closefeed.start("run", path, stdin=subprocess.PIPE)
    try:
        process.stdin.write(b'{"name": "delivered 1"}\n')
        process.stdin.flush()
        wait_until(lambda: hook.calls)  # all that is read from outside has been read
        for what in ("environ", "cmdline"):
            with open(f"/proc/{process.pid}/{what}", "rb") as file:
                data = file.read()
            assert hits(data) == [] and (what == "environ" or b"run" in data)
    finally:
        out, err = process.communicate(timeout=180)
    assert process.returncode == 0
    assert_clean(out, err)


def test_a_secret_literally_in_the_file_is_refused_and_not_repeated(place):
    closefeed, pipelines, close, hook = place
    path = pipelines([{"name": "delivered 1"}])
    for old, new in [("{env: CLOSE_API_KEY}", KEY), ("{env: HOOK_SECRET}", f'"{SECRET}"')]:
        text = path.read_text(encoding="utf-8")
        bad = path.with_name("bad.yaml")
        bad.write_text(text.replace(old, new), encoding="utf-8")
        for verb in ("check", "run", "status"):
            result = closefeed(verb, bad)
            assert result.code == 78 and hits(result.out + result.err) == []
            assert "env" in result.err
    assert close.calls == []


def test_a_secret_that_is_misspelt_is_not_repeated(place):
    closefeed, pipelines, close, _ = place
    path = pipelines([{"name": "delivered 1"}])
    for name, value in [("CLOSE_API_KEY", KEY + " x"), ("CLOSE_API_KEY", KEY + "\r\nX: y"),
                        ("HOOK_SECRET", "whsec_!" + SECRET), ("HOOK_SECRET", SECRET[6:20])]:
        result = closefeed("run", path, env={name: value})
        assert result.code == 78, result.err
        assert KEY not in result.err and SECRET[6:20] not in result.err
    assert close.calls == []
