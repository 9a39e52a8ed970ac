"""What receivers are told: every outcome, once or more often, signed, in order, in full."""

import collections
import json
import pathlib
import re
import subprocess
import threading
import time

import pytest

from harness import HOOK_SECRET, ndjson, run_until, take_time, wait_until
from receiver import Server, close_that, is_signed

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = pathlib.Path(__file__).parents[2] / "schemas" / "event.schema.json"
OLD_SECRET = "the one before it, 30 bytes"


@pytest.fixture
def hook():
    """A receiver that accepts everything, unless the test gives it another answer."""
    with Server() as server:
        yield server


def to(url, more=""):
    return f'webhook: {{url: "{url}", secret: {{env: HOOK_SECRET}}{more}}}'


def leads(n):
    return [{"name": f"N{i}"} for i in range(n)]


def assert_event(event):
    """All of design section 4, by the schema, or by hand where it is not installed."""
    if jsonschema:
        jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(event)
    data = event["data"]
    assert event["specversion"] == "1.0" and re.fullmatch("clo_[a-z2-7]{52}", event["id"])
    assert event["type"] == "closefeed." + data["outcome"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
    assert {"run", "route", "operation", "outcome", "records", "attempts", "duration_ms",
            "found_by_lookup", "notes"} <= set(data)
    assert all(set(record) == {"file", "line", "bytes"} for record in data["records"])
    assert ("error" in data) == (data["outcome"] in ("rejected", "held"))
    if "error" in data:
        assert set(data["error"]) == {"class", "message", "fields"}
    assert event.get("subject") == data.get("object_id")


# What an event says


def test_an_event_of_each_outcome_is_whole(closefeed, pipeline, sandbox, hook):
    records = [{"name": "Fine", "x": 1}, {"name": "Bad", "url": 7}, "{", {"name": "Lost"}, "[]"]
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=3)
    path = pipeline(records, responses=to(hook.url), close="concurrency: 1",
                    delivery="on_unknown: hold")
    run = closefeed("run", path, "--json")
    assert run.code == 1
    events = {e["data"]["records"][0]["line"]: e for e in hook.events()}
    assert len(events) == len(hook.calls) == 5
    for event in events.values():
        assert_event(event)
    assert [events[n]["data"]["outcome"] for n in range(1, 6)] == [
        "delivered", "rejected", "rejected", "held", "rejected"]
    assert len({e["data"]["run"] for e in events.values()}) == 1
    assert {e["source"] for e in events.values()} == {"closefeed/signups"}

    fine, lead = events[1], next(o for o in sandbox.objects("lead") if o["name"] == "Fine")
    data = fine["data"]
    assert fine["subject"] == data["object_id"] == data["response"]["body"]["id"] == lead["id"]
    assert data["route"] == data["operation"] == "lead.create" and data["attempts"] == 1
    assert data["request"] == {"method": "POST", "url": sandbox.base_url + "/lead/"}
    assert data["response"]["status"] == 200 and "trace-id" in data["response"]["headers"]
    line = json.dumps(records[0])
    assert data["records"] == [{"file": "signups.ndjson", "line": 1, "bytes": [0, len(line)]}]
    assert any("x" in note for note in data["notes"])  # a field Close does not know

    bad = events[2]["data"]
    assert bad["response"]["status"] == 400 and "subject" not in events[2]
    assert bad["error"]["class"] == "validation" and list(bad["error"]["fields"]) == ["url"]
    assert "request" not in events[3]["data"] and events[3]["data"]["attempts"] == 0
    assert "response" not in events[4]["data"] and events[4]["data"]["error"]["class"] == "unknown"


def test_an_event_of_a_delete_names_what_was_deleted(closefeed, pipeline, sandbox, hook):
    lead = sandbox.post("/lead/", {"name": "Gone"})["id"]
    path = pipeline([{"id": lead}, {"id": lead}], responses=to(hook.url),
                    routes="- operation: lead.delete\n  allow: [destroys]")
    assert closefeed("run", path).code == 1
    gone, missing = hook.events()
    assert_event(gone)
    assert gone["data"]["outcome"] == "delivered" and gone["subject"] == lead
    assert missing["data"]["error"]["class"] == "not_found" and "subject" not in missing


@pytest.mark.parametrize("include, request_body, response_body", [
    ("[]", False, False), ("[response]", False, True), ("[request]", True, False),
    ("[request, response]", True, True), ("[response, request]", True, True),
])
def test_bodies_are_told_as_far_as_include_says(
        closefeed, pipeline, sandbox, hook, include, request_body, response_body):
    record = {"name": "A", "description": "é\u2028\"\\", "custom": {"cf_x": 1}}
    path = pipeline([record, {"name": 1, "url": 2}],
                    responses=to(hook.url) + f"\ninclude: {include}")
    closefeed("run", path)
    assert len(hook.events()) == 2
    for event in hook.events():
        assert_event(event)
        data = event["data"]
        assert ("body" in data["request"]) == request_body
        assert ("body" in data["response"]) == response_body
        assert data["request"]["method"] == "POST" and data["response"]["headers"]
    if request_body:
        bodies = [e["data"]["request"]["body"] for e in hook.events()]
        assert {"name": "A", "description": record["description"], "custom.cf_x": 1} in bodies


def test_numbers_of_an_answer_keep_their_digits(closefeed, pipeline, hook):
    body = b'{"id": "lead_1", "big": 12345678901234567890123, "exact": 19.9000, "tiny": 1E-400}'
    with Server(close_that(lambda call: (200, body))) as close:
        path = pipeline([{"name": "A"}], responses=to(hook.url))
        path.write_text(path.read_text().replace(pipeline.sandbox.base_url, close.origin))
        assert closefeed("run", path).code == 0
    for digits in (b"12345678901234567890123", b"19.9000", b"1E-400"):
        assert digits in hook.calls[0].body


def test_a_long_answer_is_cut_and_says_so(closefeed, pipeline, hook):
    body = json.dumps({"id": "lead_1", "text": "é" * 200_000}, ensure_ascii=False).encode()
    with Server(close_that(lambda call: (200, body))) as close:
        path = pipeline([{"name": "A"}], responses=to(hook.url))
        path.write_text(path.read_text().replace(pipeline.sandbox.base_url, close.origin))
        assert closefeed("run", path).code == 0
    [event] = hook.events()
    assert_event(event)
    assert isinstance(event["data"]["response"]["body"], str) and event["subject"] == "lead_1"
    assert len(hook.calls[0].body) < 300_000
    assert any("cut" in note for note in event["data"]["notes"])


def test_errors_name_the_fields_as_the_user_wrote_them(closefeed, pipeline, sandbox, hook):
    path = pipeline(
        [{"company": "A", "people": [{"mail": "a@example.com"}, {"mail": "nobody"}], "site": 7}],
        responses=to(hook.url),
        routes="""
        - operation: lead.create
          body:
            name: "{company}"
            url: "{site}"
            contacts:
              - {name: "One", emails: [{email: "{people[0].mail}"}]}
              - {name: "Two", emails: [{email: "{people[1].mail}"}]}
        """)
    closefeed("run", path)
    [event] = hook.events()
    error = event["data"]["error"]
    assert set(error["fields"]) == {"url", "contacts[1].emails[0].email"}
    assert all(isinstance(text, str) and text for text in error["fields"].values())
    assert "contacts[1].emails[0].email" in error["message"] or "url" in error["message"]


# Signatures


def test_a_delivery_is_signed_by_the_rules_of_standard_webhooks(closefeed, pipeline, hook):
    path = pipeline([{"name": "A"}], responses=to(hook.url, ', headers: {X-Team: "feeds"}'))
    assert closefeed("run", path).code == 0
    [call] = hook.calls
    assert call.method == "POST" and call.path == "/hook"
    assert call.headers["webhook-id"] == call.json["id"]
    assert abs(int(call.headers["webhook-timestamp"]) - time.time()) < 60
    assert call.headers["content-type"].startswith("application/cloudevents+json")
    assert call.headers["x-team"] == "feeds"
    assert is_signed(call, HOOK_SECRET) and not is_signed(call, OLD_SECRET)
    call.body += b" "
    assert not is_signed(call, HOOK_SECRET)


def test_while_a_secret_rotates_both_verify(closefeed, pipeline, hook):
    path = pipeline([{"name": "A"}], responses=(
        f'webhook: {{url: "{hook.url}", secret: [{{env: HOOK_SECRET}}, {{env: OLD_SECRET}}]}}'))
    assert closefeed("run", path, env={"OLD_SECRET": OLD_SECRET}).code == 0
    [call] = hook.calls
    assert is_signed(call, HOOK_SECRET) and is_signed(call, OLD_SECRET)
    assert len(call.headers["webhook-signature"].split(" ")) == 2


# Tried again


def test_refused_events_come_again_with_the_same_id_and_bytes(closefeed, pipeline, hook):
    n = collections.Counter()

    def refuse_twice(call):
        n[call.headers["webhook-id"]] += 1
        return (500, 429, 204)[min(n[call.headers["webhook-id"]], 3) - 1]

    hook.answer = refuse_twice
    assert closefeed("run", pipeline(leads(3), responses=to(hook.url))).code == 0
    tries = collections.defaultdict(list)
    for call in hook.calls:
        tries[call.headers["webhook-id"]].append(call)
        assert is_signed(call, HOOK_SECRET)
    assert len(tries) == 3
    for calls in tries.values():
        assert len(calls) == 3 and len({call.body for call in calls}) == 1


def test_ids_are_the_same_after_a_restart(closefeed, pipeline, hook):
    hook.answer = lambda call: 503
    path = pipeline(leads(3) + ["{"], responses=to(hook.url), delivery="drain: 300ms")
    run_until(closefeed, path, "answered 503")
    assert "they are kept" in closefeed("run", path).err
    assert closefeed("status", path, "--json").json["events_owed"] == 4
    refused = {call.headers["webhook-id"]: call.body for call in hook.calls}
    assert 1 <= len(refused) <= 4
    hook.answer = lambda call: 200
    assert closefeed("run", take_time(path)).code == 0
    accepted = {call.headers["webhook-id"]: call.body for call in hook.calls if call.status == 200}
    assert len(accepted) == 4 and refused.items() <= accepted.items()
    assert closefeed("status", path, "--json").json["events_owed"] == 0


def test_killed_before_the_acceptance_is_kept_an_event_comes_again_the_same(
        closefeed, pipeline, hook):
    path = pipeline(leads(2), responses=to(hook.url), close="concurrency: 1")
    process = closefeed.start("run", path, env={"CLOSEFEED_KILL_AT": "webhook_accepted:1"})
    process.communicate(timeout=180)
    assert process.returncode == -9
    closefeed("run", path)
    bodies = collections.defaultdict(set)
    for call in hook.calls:
        bodies[call.headers["webhook-id"]].add(call.body)
    delivered = {i for i, b in bodies.items() if json.loads(next(iter(b)))["data"]["outcome"] in (
        "delivered", "held")}
    assert len(delivered) == 2 and all(len(b) == 1 for b in bodies.values())
    assert len(hook.calls) > len(bodies)


def test_events_of_one_object_come_in_order_though_the_receiver_stumbles(closefeed, pipeline, hook):
    """Three leads, five changes each; some deliveries fail."""
    records = [{"id": f"lead_{i % 3}", "name": str(i)} for i in range(15)]
    hook.answer = lambda call: 500 if call.n in (0, 2, 7) else 200
    with Server(close_that(lambda call: (200, {"id": call.path.split("/")[-2]}))) as close:
        path = pipeline(records, routes="- operation: lead.update", responses=to(hook.url)
                        + "\ninclude: [request]")
        path.write_text(path.read_text().replace(pipeline.sandbox.base_url, close.origin))
        assert closefeed("run", path).code == 0
    assert len(hook.calls) == 18
    told = collections.defaultdict(list)
    for event in hook.accepted():
        told[event["subject"]].append(int(event["data"]["request"]["body"]["name"]))
    assert dict(told) == {f"lead_{i}": list(range(i, 15, 3)) for i in range(3)}
    # A later event of an object is never even tried while an earlier one is not accepted.
    waiting = {}
    for call in hook.calls:
        assert waiting.setdefault(call.json["subject"], call.json["id"]) == call.json["id"]
        if call.status == 200:
            del waiting[call.json["subject"]]


def test_creates_do_not_wait_for_each_other(closefeed, pipeline, hook):
    """One event is never accepted; all others are, since each create has a lane of its own."""
    hook.answer = lambda call: 500 if b'"name":"N1"' in call.body else 200
    path = pipeline(leads(6), responses=to(hook.url) + "\ninclude: [request]",
                    delivery="drain: 1s")

    def all_others_are_told():
        assert closefeed("run", path).code == 75
        return len({e["id"] for e in hook.accepted()}) == 5

    wait_until(all_others_are_told)
    assert closefeed("status", path, "--json").json["events_owed"] == 1


def test_a_receiver_that_hangs_is_timed_out_and_tried_again(closefeed, pipeline, hook):
    free = threading.Event()

    def hang_once(call):
        if call.n == 0:
            free.wait(180)
        return 200

    hook.answer = hang_once
    path = pipeline([{"name": "A"}], responses=to(hook.url, ", timeout: 1s"))
    assert closefeed("run", path).code == 0
    free.set()
    assert len(hook.calls) >= 2 and len({c.headers["webhook-id"] for c in hook.calls}) == 1


def test_a_redirect_is_not_followed(closefeed, pipeline, hook):
    with Server() as elsewhere:
        hook.answer = lambda call: (307, b"", {"location": elsewhere.url})
        path = pipeline([{"name": "A"}], responses=to(hook.url), delivery="drain: 500ms")
        run_until(closefeed, path, "307")
        assert elsewhere.calls == [] and hook.calls


def test_410_ends_it_and_events_are_kept(closefeed, pipeline, sandbox, hook):
    hook.answer = lambda call: 410
    path = pipeline(source='ndjson: {path: "-"}', responses=to(hook.url))
    process = closefeed.start("run", path, stdin=subprocess.PIPE)
    process.stdin.write(ndjson(leads(1)).encode())
    process.stdin.flush()
    wait_until(lambda: "responses_paused" in closefeed("status", path, "--json").json)
    _, err = process.communicate(ndjson(leads(5)[1:]).encode(), timeout=180)
    assert process.returncode == 75 and b"410" in err
    assert len(sandbox.objects("lead")) == 5  # what was read is done all the same
    assert len(hook.calls) == 1  # and nobody is asked again
    assert closefeed("status", path, "--json").json["events_owed"] == 5
    hook.answer = lambda call: 200
    assert closefeed("responses", "resume", path).code == 0
    assert closefeed("run", path, input=ndjson(leads(5))).code == 0
    assert len({e["id"] for e in hook.accepted()}) == 5 == len(sandbox.objects("lead"))


# Where they may go


@pytest.mark.parametrize("url", [
    "https://10.0.0.1/hook", "https://192.168.7.7/hook", "https://172.16.0.1/hook",
    "https://100.64.0.1/hook", "https://[fd00::1]/hook", "https://[::ffff:10.0.0.1]/hook",
    "https://169.254.169.254/latest/meta-data/", "https://[fe80::1]/hook",
    "https://0x0a000001/hook", "https://167772161/hook", "https://012.0.0.1/hook",
    "http://10.0.0.1/hook", "http://hooks.example.com/hook", "ftp://127.0.0.1/hook",
    "https://user:hidden@hooks.example.com/hook",
])
def test_an_address_it_must_not_go_to_is_refused(closefeed, pipeline, sandbox, url):
    """Before the run, or when connecting: then it does its work, keeps its events and says why."""
    path = pipeline([{"name": "A"}], responses=to(url), delivery="drain: 100ms")
    run = closefeed("run", path)
    if run.code == 78:
        assert "webhook" in run.err and sandbox.requests("POST") == []
    else:
        run_until(closefeed, path, "not connected, since its address")
        assert closefeed("status", path, "--json").json["events_owed"] == 1
    assert "user:hidden" not in run.err


def test_private_addresses_are_tried_where_they_are_allowed_and_link_local_never_is(
        closefeed, pipeline):
    refusal = "not connected, since its address"
    for name, host, is_allowed in [("private", "10.255.255.1", True), ("shared", "100.64.0.1", True),
                                   ("local", "169.254.169.254", False),
                                   ("local-v6", "[fe80::1]", False),
                                   ("mapped", "[::ffff:169.254.1.1]", False)]:
        path = pipeline([{"name": "A"}], name=name, delivery="drain: 100ms",
                        responses=to(f"https://{host}/x", ", allow: [private], timeout: 100ms"))
        run = closefeed("run", path)
        if run.code == 78:
            assert not is_allowed and "link-local" in run.err
        elif is_allowed:
            assert run.code == 75 and refusal not in run.err
        else:
            run_until(closefeed, path, refusal)


def test_loopback_is_allowed_only_where_the_url_names_it(closefeed, pipeline, hook):
    port = hook.origin.rsplit(":", 1)[1]
    for host in ("127.0.0.1", "localhost"):
        path = pipeline([{"name": "A"}], name=host.replace(".", "-"),
                        responses=to(f"http://{host}:{port}/hook"))
        assert closefeed("run", path).code == 0
    assert len(hook.calls) == 2
    path = pipeline([{"name": "A"}], responses=to(f"https://0.0.0.0:{port}/hook"),
                    delivery="drain: 100ms")
    assert closefeed("run", path).code in (75, 78) and len(hook.calls) == 2


# Files


def lines_of(path):
    text = path.read_text(encoding="utf-8")
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_events_go_into_a_file_one_a_line(closefeed, pipeline, tmp_path):
    path = pipeline(leads(4) + ["{"], responses="file: events.ndjson")
    assert closefeed("run", path).code == 1
    events = lines_of(tmp_path / "events.ndjson")
    assert len(events) == 5
    for event in events:
        assert_event(event)
    assert (tmp_path / "events.ndjson").stat().st_mode & 0o777 == 0o600
    assert closefeed("status", path, "--json").json["events_owed"] == 0
    with open(tmp_path / "signups.ndjson", "a", encoding="utf-8") as more:
        more.write(ndjson([{"name": "More"}]))
    assert closefeed("run", path).code == 0
    assert lines_of(tmp_path / "events.ndjson")[:5] == events


def test_a_torn_last_line_is_cut_off_and_told_again(closefeed, pipeline, tmp_path):
    path = pipeline(leads(2), responses="file: events.ndjson", close="concurrency: 1")
    process = closefeed.start("run", path, env={"CLOSEFEED_KILL_AT": "file_written:1"})
    process.communicate(timeout=180)
    assert process.returncode == -9
    file = tmp_path / "events.ndjson"
    text = file.read_bytes()
    assert text.count(b"\n") >= 1
    file.write_bytes(text[:-20])  # the power went, and the end of the line with it
    closefeed("run", path)
    events = lines_of(file)
    assert len({e["id"] for e in events}) >= 2
    for event in events:
        assert_event(event)
    outcomes = {e["data"]["records"][0]["line"] for e in events}
    assert outcomes == {1, 2}


def test_a_file_that_ends_in_something_else_is_left_alone(closefeed, pipeline, sandbox, tmp_path):
    (tmp_path / "events.ndjson").write_text("my notes, no event")
    run = closefeed("run", pipeline(leads(1), responses="file: events.ndjson"))
    assert run.code == 74 and "events.ndjson" in run.err
    assert (tmp_path / "events.ndjson").read_text() == "my notes, no event"
    assert sandbox.requests("POST") == []


def test_both_sinks_are_told_the_same_bytes(closefeed, pipeline, hook, tmp_path):
    path = pipeline(leads(5) + ["["], responses=to(hook.url) + "\nfile: events.ndjson")
    assert closefeed("run", path).code == 1
    lines = (tmp_path / "events.ndjson").read_bytes().splitlines()
    assert sorted(lines) == sorted(call.body for call in hook.calls) and len(lines) == 6


def test_a_sink_that_is_away_does_not_hold_up_the_other(closefeed, pipeline, hook, tmp_path):
    hook.answer = lambda call: 503
    path = pipeline(leads(3), responses=to(hook.url) + "\nfile: events.ndjson",
                    delivery="drain: 200ms")
    run_until(closefeed, path, "answered 503")
    assert len(lines_of(tmp_path / "events.ndjson")) == 3
    hook.answer = lambda call: 200
    assert closefeed("run", take_time(path)).code == 0
    assert len({e["id"] for e in hook.accepted()}) == 3
    assert len(lines_of(tmp_path / "events.ndjson")) == 3


def test_nobody_to_tell_is_fine(closefeed, pipeline, sandbox):
    path = pipeline(leads(2) + ["{"], responses="")
    run = closefeed("run", path, "--json")
    assert run.code == 1 and run.summary["delivered"] == 2 and run.summary["rejected"] == 1
    assert closefeed("status", path, "--json").json["events_owed"] == 0


def test_a_receiver_is_told_while_the_run_goes_on(closefeed, pipeline, hook):
    path = pipeline(source='ndjson: {path: "-"}', responses=to(hook.url))
    process = closefeed.start("run", path, stdin=subprocess.PIPE)
    for i in range(3):
        process.stdin.write(ndjson([{"name": f"N{i}"}]).encode())
        process.stdin.flush()
        wait_until(lambda n=i + 1: len(hook.calls) == n)
    _, err = process.communicate(timeout=180)
    assert process.returncode == 0, err.decode()
