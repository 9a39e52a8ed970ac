"""The sandbox itself: what it answers over real connections, and the faults it can be told."""

import base64
import hashlib
import hmac
import http.client
import json
import re
import socket
import time
import urllib.parse

import pytest

from harness import HOOK_SECRET, KEY, measure, wait_until

LOGIN = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()


@pytest.fixture
def box(start_sandbox):
    return start_sandbox("--no-rate-limit", "--lag", "0")


def port_of(box):
    return urllib.parse.urlsplit(box.origin).port


def raw(box, method="POST", path="/api/v1/lead/", body=b"{}", headers=(), is_silent=False):
    """Sends one request on a connection of its own: (bytes that came, how it ended). Where nothing is
    to come it is not waited for longer than until the request has arrived, and a little."""
    lines = [f"{method} {path} HTTP/1.1", "Host: sandbox", f"Authorization: {LOGIN}",
             "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    with socket.create_connection(("127.0.0.1", port_of(box)), timeout=60) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        if is_silent:
            wait_until(box.requests)
            connection.settimeout(0.5)
        came = b""
        while True:
            try:
                more = connection.recv(65536)
            except ConnectionResetError:
                return came, "reset"
            except TimeoutError:
                return came, "open"
            if not more:
                return came, "closed"
            came += more
            if len(came) > 1_000_000:
                return came, "endless"


def full(box, method, path, body=None, headers=None):
    """One call, with its headers: (status, headers, JSON value or text)."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(box), timeout=60)
    given = {"Authorization": LOGIN, "Content-Type": "application/json"}
    given.update(headers or {})
    connection.request(method, path, body, {k: v for k, v in given.items() if v is not None})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.headers.get("Content-Type") == "application/json":
        return answer.status, answer.headers, json.loads(text)
    return answer.status, answer.headers, text


def test_it_says_where_it_listens_and_ends_on_sigterm(closefeed):
    process = closefeed.start("sandbox")
    said = process.stdout.readline().decode()
    assert re.fullmatch(
        r"ready base_url=http://127\.0\.0\.1:\d+/api/v1 key=api_sandbox\.key\n", said)
    process.terminate()
    assert process.communicate(timeout=180) == (b"", b"") and process.returncode == 0


def test_it_ends_by_itself_when_idle(closefeed):
    assert closefeed("sandbox", "--idle-exit", "1").code == 0


def test_a_port_in_use_is_a_sentence(closefeed, box):
    result = closefeed("sandbox", "--port", port_of(box))
    assert result.code == 2 and "choose another port" in result.err


@pytest.mark.parametrize("flags, says", [
    (["--lag", "soon"], "must be a duration"),
    (["--fault", "explode"], 'no fault "explode"'),
    (["--port", "70000"], "--port 70000"),
])
def test_wrong_flags_are_sentences(closefeed, flags, says):
    result = closefeed("sandbox", *flags)
    assert result.code == 2 and says in result.err and result.out == ""


def test_only_known_keys_are_let_in(box):
    status, headers, body = full(box, "GET", "/api/v1/me/")
    assert status == 200 and body["organizations"][0]["id"].startswith("orga_")
    assert len(headers["trace-id"]) == 32
    for login in (None, "Basic nonsense", "Bearer " + KEY,
                  "Basic " + base64.b64encode(b"api_other.key:").decode()):
        status, _, body = full(box, "GET", "/api/v1/me/", headers={"Authorization": login})
        assert (status, body) == (401, {"error": "Unauthorized"})


def test_every_kind_is_made_read_listed_changed_and_deleted(box):
    lead = box.post("/lead/", {"name": "Northwind"})
    bodies = {
        "/contact/": {"name": "Ana"}, "/opportunity/": {"value": 100}, "/task/": {"text": "call"},
        "/activity/note/": {"note": "x"}, "/activity/call/": {"duration": 3},
        "/activity/email/": {"status": "draft"},
    }
    for path, body in bodies.items():
        made = box.post(path, {**body, "lead_id": lead["id"]})
        item = f"{path}{made['id']}/"
        assert body.items() <= box.get(item).items()
        listed = box.get(f"{path}?lead_id={lead['id']}")
        assert [o["id"] for o in listed["data"]] == [made["id"]] and not listed["has_more"]
        assert box.ask("PUT", item, {})[0] == 200
        assert box.ask("DELETE", item) == (200, {})
        status, gone = box.ask("DELETE", item)
        assert status == 404 and "matching query does not exist." in gone["error"]
    for path, body in {"/status/lead/": {"label": "New"},
                       "/status/opportunity/": {"label": "New", "type": "active"},
                       "/custom_field/lead/": {"name": "F", "type": "text"},
                       "/custom_field/contact/": {"name": "F", "type": "text"},
                       "/custom_field/opportunity/": {"name": "F", "type": "text"}}.items():
        made = box.post(path, body)
        assert made["id"] in [o["id"] for o in box.get(path)["data"]]
        assert box.ask("DELETE", f"{path}{made['id']}/")[0] == 200


def test_what_links_name_is_made_and_listed(box):
    for path, prefix, body in [
            ("/email_template/", "tmpl_", {"name": "N", "subject": "s", "body": "b"}),
            ("/sms_template/", "smstmpl_", {"name": "N", "text": "t"}),
            ("/sequence/", "seq_", {"name": "N", "timezone": "UTC", "steps": []}),
            ("/group/", "group_", {"name": "N"}),
            ("/role/", "role_", {"name": "N", "permissions": []}),
            ("/custom_activity/", "actitype_", {"name": "N"}),
            ("/custom_object_type/", "cotype_", {"name": "N", "name_plural": "Ns"}),
            ("/custom_field/shared/", "cf_", {"name": "N", "type": "text"})]:
        made = box.post(path, body)
        listed = box.get(f"{path}?_limit=100&_skip=0")
        assert made["id"].startswith(prefix)
        assert [(o["id"], o["name"]) for o in listed["data"]] == [(made["id"], "N")], path
        assert not listed["has_more"]
        status, refused = box.ask("POST", path, {})
        assert status == 400 and "name" in refused["field-errors"], path


def test_lists_come_in_pages(box):
    for i in range(5):
        box.post("/lead/", {"name": str(i)})
    page = box.get("/lead/?_limit=2&_skip=2&_fields=name")
    assert page == {"data": [{"name": "2"}, {"name": "3"}], "has_more": True}
    assert [o["name"] for o in box.get("/lead/?_order_by=-date_created&limit=1")["data"]][-1] in "01234"
    status, refused = box.ask("GET", "/lead/?_limit=201")
    assert status == 400 and refused["field-errors"]["_limit"].endswith("equal to 200")
    status, refused = box.ask("GET", "/contact/?_limit=101")
    assert status == 400 and "max_limit = 100" in refused["error"]


@pytest.mark.parametrize("path, body, headers, status, says", [
    ("/api/v1/lead/", "{}", {"Content-Type": "text/plain"}, 400, "Content-Type: application/json"),
    ("/api/v1/lead/", "[{}]", {}, 400, "JSON data must be a dict."),
    ("/api/v1/lead/", "{", {}, 400, "invalid JSON"),
    ("/api/v1/lead/", '{"a":NaN}', {}, 400, "invalid JSON"),
    ("/api/v1/lead/lead_x/", "{}", {}, 405, "not allowed"),
    ("/api/v1/bulk_action/edit/", "{", {}, 400, "invalid JSON"),
    ("/api/v1/scheduling_link/integration/", "{}", {}, 403, "OAuth"),
    ("/api/v1/nowhere/", "{}", {}, 404, "not found"),
    ("/elsewhere", "{}", {}, 404, "/api/v1"),
])
def test_bad_requests_are_refused_as_close_does(box, path, body, headers, status, says):
    told = full(box, "POST", path, body, headers)
    assert told[0] == status and says in told[2]["error"]
    assert box.objects("lead") == []


def test_a_merge_moves_what_is_below_and_removes_the_source(box):
    one, two = (box.post("/lead/", {"name": name})["id"] for name in ("One", "Two"))
    contact = box.post("/contact/", {"lead_id": one, "name": "Ana"})["id"]
    note = box.post("/activity/note/", {"lead_id": one, "note": "n"})["id"]
    for body, status, says in [
            ({"destination": two}, 400, "source"), ({"source": one}, 400, "destination"),
            ({"source": "lead_none", "destination": two}, 404, "Source lead does not exist."),
            ({"source": one, "destination": "lead_none"}, 404, "Destination lead does not exist."),
            ({"source": one, "destination": one}, 400, "itself")]:
        told, answer = box.ask("POST", "/lead/merge/", body)
        assert told == status and says in json.dumps(answer)
    assert box.ask("GET", "/lead/merge/")[0] == 405
    assert [lead["id"] for lead in box.objects("lead")] == [one, two]

    assert box.ask("POST", "/lead/merge/", {"source": one, "destination": two}) == (
        200, {"status": "ok"})
    assert box.ask("GET", f"/lead/{one}/")[0] == 404
    assert box.get(f"/contact/{contact}/")["lead_id"] == two
    assert box.get(f"/activity/note/{note}/")["lead_id"] == two
    assert box.get(f"/lead/{two}/")["contact_ids"] == [contact]


def test_a_chunked_body_is_refused(box):
    connection = http.client.HTTPConnection("127.0.0.1", port_of(box), timeout=60)
    connection.request("POST", "/api/v1/lead/", iter([b"{}"]),
                       {"Authorization": LOGIN, "Content-Type": "application/json"},
                       encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 400 and b"Chunked" in answer.read()


def test_a_missing_slash_redirects(box):
    status, headers, _ = full(box, "POST", "/api/v1/lead?a=b", "{}")
    assert status == 308 and headers["Location"] == "/api/v1/lead/?a=b"
    assert box.objects("lead") == []


def test_ids_repeat_with_the_seed(start_sandbox):
    one, two, other = (start_sandbox("--seed", n) for n in ("7", "7", "8"))
    ids = [b.post("/lead/", {})["id"] for b in (one, two, other)]
    assert ids[0] == ids[1] != ids[2]


def test_search_lags_and_then_finds(start_sandbox):
    def look_up(lag):
        """A question for a lead that was just made, and what is to be found."""
        box = start_sandbox("--no-rate-limit", "--lag", lag)
        field = box.post("/custom_field/lead/", {"name": "Ext", "type": "text"})["id"]
        lead = box.post("/lead/", {"name": "A", f"custom.{field}": "N-104"})
        query = {"type": "and", "queries": [
            {"type": "object_type", "object_type": "lead"},
            {"type": "field_condition",
             "field": {"type": "custom_field", "custom_field_id": field},
             "condition": {"type": "text", "mode": "exact_value", "value": "N-104"}}]}
        body = {"query": query, "_fields": {"lead": ["id", f"custom.{field}"]}}
        return lambda: box.post("/data/search/", body), {
            "__object_type": "lead", "id": lead["id"], f"custom.{field}": "N-104"}

    ask, _ = look_up("60m")
    assert ask() == {"data": [], "cursor": None}
    ask, found = look_up("300ms")
    assert wait_until(lambda: ask()["data"]) == [found]


@pytest.mark.parametrize("form, reset", [
    ("whole", "RateLimit: limit=16, remaining=0, reset=8"),
    ("semicolon", "RateLimit: limit=16; remaining=0; reset=8"),
])
def test_the_seventeenth_search_is_refused(start_sandbox, form, reset):
    body = json.dumps({"query": {"type": "object_type", "object_type": "lead"}})

    def wrong(_):
        """Unless all of them come within one window of eight seconds."""
        box = start_sandbox("--lag", "0")
        box.post("/_sandbox/settings", {"rate_form": form})
        *taken, last = (full(box, "POST", "/api/v1/data/search/", body) for _ in range(17))
        left = [int(re.search(r"remaining=(\d+)", headers["RateLimit"])[1])
                for status, headers, _ in taken if status == 200]
        if left != list(range(15, -1, -1)) or last[0] != 429:
            return left, last
        assert last[2] == {"error": "Rate limit exceeded"}
        assert last[1]["RateLimit"].startswith(reset.split(": ", 1)[1][:-1])
        assert 1 <= int(last[1]["retry-after"]) <= 8
        assert full(box, "GET", "/api/v1/me/")[0] == 200

    measure(wrong)


def test_speed_shortens_the_windows(start_sandbox):
    box = start_sandbox("--speed", "80")
    box.post("/_sandbox/settings", {"rate": {"write": 1}})
    headers = wait_until(lambda: (told := full(box, "POST", "/api/v1/lead/", "{}"))[0] == 429
                         and told[1], every=0)
    assert float(headers["RateLimit"].split("reset=")[1]) <= 0.1
    time.sleep(0.11)
    assert box.ask("POST", "/lead/", {})[0] == 200


def test_the_log_tells_what_arrived_without_the_key(box):
    lead = box.post("/lead/?_fields=id", {"name": "A"})
    box.ask("POST", "/lead/", {"name": 1})
    made, refused = box.get("/_sandbox/requests")["data"]
    assert made["method"] == "POST" and made["path"] == "/lead/" and made["query"] == {
        "_fields": "id"}
    assert made["status"] == 200 and made["applied"] and made["object_id"] == lead["id"]
    assert json.loads(made["body"]) == {"name": "A"}
    assert made["headers"]["content-type"] == "application/json"
    assert "authorization" not in made["headers"] and KEY not in json.dumps(made)
    assert refused["status"] == 400 and not refused["applied"]
    assert box.get("/_sandbox/requests?after=1")["data"] == [refused]


def test_reset_forgets_everything(box):
    box.post("/lead/", {})
    box.add_fault(fault="status", status=500)
    assert box.ask("POST", "/lead/", {})[0] == 500
    box.post("/_sandbox/reset", {})
    assert box.objects("lead") == [] and box.get("/_sandbox/requests")["data"] == []
    assert box.ask("POST", "/lead/", {})[0] == 200


def test_a_reset_keeps_the_settings(start_sandbox):
    box = start_sandbox("--no-rate-limit")
    set_by_test = {"rate": {"write": 7, "search": 3}, "lag_ms": 5, "job_ms": 6, "slash": "301",
                   "rate_form": "old", "webhook_retry_ms": 9, "consolidate_ms": 4}
    before = box.post("/_sandbox/settings", set_by_test)
    assert before["rate"]["write"] == 7
    box.post("/_sandbox/reset", {})
    assert box.get("/_sandbox/settings") == before


def test_a_write_that_a_reset_overtakes_never_comes(box):
    for name in (b"before", b"after"):
        box.post("/_sandbox/reset", {})
        box.add_fault(fault="late_apply", n=1, ms=500)
        raw(box, body=b'{"name": "%s"}' % name)
    # What was to come first was due first.
    wait_until(lambda: box.objects("lead"))
    assert [lead["name"] for lead in box.objects("lead")] == ["after"]


def test_latency_waits_before_the_answer(start_sandbox):
    box = start_sandbox("--latency", "200")
    began = time.monotonic()
    assert box.ask("GET", "/me/")[0] == 200
    assert time.monotonic() - began >= 0.2


# What came, how the connection ended, and whether the lead was made.
FAULTS = {
    "timeout_before": (b"", "open", False),
    "timeout_after": (b"", "open", True),
    "reset_before": (b"", "reset", False),
    "reset_after": (b"", "reset", True),
    "close_before": (b"", "closed", False),
    "close_after": (b"", "closed", True),
    "half_status_line_before": (b"HTTP/1.1 20", "closed", False),
    "half_status_line_after": (b"HTTP/1.1 20", "closed", True),
    "vanish_before": (b"", "reset", False),
    "vanish_after": (b"", "reset", True),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_connection_dies_as_ordered(box, fault):
    came, ended, is_made = FAULTS[fault]
    box.add_fault(fault=fault, path="/lead/", n=1, ms=200)
    assert raw(box, is_silent=ended == "open") == (came, ended)
    wait_until(lambda: can_connect(box))
    assert len(box.objects("lead")) == is_made
    seen = box.get("/_sandbox/requests")["data"][0]
    assert seen["fault"] == fault and seen["applied"] == is_made and seen["status"] == 0
    assert box.ask("POST", "/lead/", {})[0] == 200


def can_connect(box):
    try:
        socket.create_connection(("127.0.0.1", port_of(box)), timeout=60).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_server_that_vanishes_refuses_connections(box):
    box.add_fault(fault="vanish_after", n=1, ms=3600000)  # that it comes back is seen elsewhere
    with socket.create_connection(("127.0.0.1", port_of(box)), timeout=60) as idle:
        assert raw(box)[1] == "reset"
        assert not can_connect(box)
        with pytest.raises(ConnectionResetError):
            idle.recv(1)


@pytest.mark.parametrize("fault, is_made", [("torn_before", False), ("torn_after", True)])
def test_an_answer_is_torn_in_its_head(box, fault, is_made):
    box.add_fault(fault=fault, n=1, bytes=30)
    came, ended = raw(box)
    assert ended == "reset" and len(came) <= 30 and b"\r\n\r\n" not in came
    assert len(box.objects("lead")) == is_made


def test_a_body_is_cut_short(box):
    box.add_fault(fault="body_cut", n=1, bytes=5)
    came, ended = raw(box)
    head, body = came.split(b"\r\n\r\n")
    assert ended == "closed" and head.startswith(b"HTTP/1.1 200 OK") and body == b'{"id"'
    assert len(box.objects("lead")) == 1


def test_a_body_drips(box):
    box.add_fault(fault="slow_body", n=1, bytes=200, ms=50)
    began = time.monotonic()
    lead = box.post("/lead/", {"name": "A"})
    assert time.monotonic() - began >= 0.15 and lead["name"] == "A"
    assert box.ask("GET", "/me/")[0] == 200


def test_a_body_never_ends(box):
    box.add_fault(fault="endless_body", n=1)
    came, ended = raw(box)
    assert ended == "endless" and came.startswith(b"HTTP/1.1 200 OK")
    assert box.ask("GET", "/me/")[0] == 200


def test_a_head_is_malformed(box):
    box.add_fault(fault="malformed_headers", n=1)
    came, ended = raw(box)
    assert ended == "closed" and b"Content-Length: minus five" in came
    assert len(box.objects("lead")) == 1


def test_an_apply_comes_late(box):
    def early(attempt):
        box.post("/_sandbox/reset", {})
        box.add_fault(fault="late_apply", n=1, ms=300 << 2 * attempt)
        assert raw(box) == (b"", "reset")
        before = box.objects("lead")
        wait_until(lambda: len(box.objects("lead")) == 1, timeout=600)
        assert box.get("/_sandbox/requests")["data"][0]["applied"]
        return before

    measure(early)


@pytest.mark.parametrize("fault, status, is_made", [
    ({"fault": "status", "status": 503}, 503, False),
    ({"fault": "status_after_apply", "status": 502}, 502, True),
    ({"fault": "status", "status": 400, "body": {"errors": [], "field-errors": {}}}, 400, False),
])
def test_a_status_is_ordered(box, fault, status, is_made):
    box.add_fault(**fault, method="POST", path="/lead/", every=2, times=1)
    assert [box.ask("POST", "/lead/", {})[0] for _ in range(4)] == [200, status, 200, 200]
    assert len(box.objects("lead")) == 3 + is_made


def test_html_and_redirects_and_headers_are_ordered(box):
    box.add_fault(fault="html", n=1)
    status, headers, text = full(box, "POST", "/api/v1/lead/", "{}")
    assert status == 200 and headers["Content-Type"].startswith("text/html") and "<h1>" in text
    box.ask("DELETE", "/_sandbox/faults")
    box.add_fault(fault="redirect", body="https://x.example/", headers={"X-Told": "yes"})
    status, headers, _ = full(box, "POST", "/api/v1/lead/", "{}")
    assert (status, headers["Location"], headers["X-Told"]) == (302, "https://x.example/", "yes")
    assert box.objects("lead") == []


@pytest.mark.parametrize("form, header, value", [
    ("ratelimit", "RateLimit", "limit=160, remaining=0, reset=3"),
    ("semicolon", "RateLimit", "limit=160; remaining=0; reset=3"),
    ("decimal", "RateLimit", "limit=160, remaining=0, reset=3.000000"),
    ("old", "x-rate-limit-reset", "3.000000"),
    ("retry-after", "retry-after", "3"),
    ("malformed", "RateLimit", "limit=; reset=soon"),
    ("none", "RateLimit", None),
])
def test_a_429_is_told_in_any_form(box, form, header, value):
    box.add_fault(fault="429", form=form, seconds=3)
    status, headers, _ = full(box, "POST", "/api/v1/lead/", "{}")
    assert status == 429 and headers[header] == value


def test_faults_by_flag(start_sandbox):
    box = start_sandbox("--no-rate-limit", "--fault", "status every=2 path=/lead/ status=500")
    assert [box.ask("POST", "/lead/", {})[0] for _ in range(4)] == [200, 500, 200, 500]
    assert box.get("/_sandbox/faults")[0] == {
        "fault": "status", "method": None, "path": "/lead/", "matched": 4, "fired": 2}


def deliver(box, id="msg_1", body=b'{"type":"x"}', secret=HOOK_SECRET, at=None):
    at = str(int(at if at is not None else time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    return full(box, "POST", "/_sandbox/hook", body, {
        "Authorization": None, "webhook-id": id, "webhook-timestamp": at,
        "webhook-signature": "v1," + base64.b64encode(mac).decode()})[0]


def test_the_hook_checks_signatures_and_counts(box):
    assert deliver(box) == 200 and deliver(box) == 200 and deliver(box, "msg_2") == 200
    assert deliver(box, secret="whsec_AAAA") == 401
    assert deliver(box, at=time.time() - 400) == 401
    told = box.get("/_sandbox/hook")
    assert [d["id"] for d in told["data"]] == ["msg_1", "msg_1", "msg_2"]
    assert box.hook_events()[0] == {"type": "x"}
    assert (told["count"], told["attempts"], told["refused"]) == (2, 5, 2)
    assert box.get("/_sandbox/requests")["data"] == []


def test_the_hook_can_be_told_to_fail(box):
    box.add_fault(fault="status", status=410, path="/_sandbox/hook", n=1)
    assert deliver(box) == 410 and deliver(box) == 200
    told = box.get("/_sandbox/hook")
    assert told["events"] == [{"id": "msg_1", "attempts": 2, "accepted": 1}]
    assert len(told["data"]) == 1


def test_many_records_are_quick_and_kept_apart(box):
    """Two thousand leads on one connection; a lookup does not look at each of them."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(box), timeout=30)
    headers = {"Authorization": LOGIN, "Content-Type": "application/json"}
    ids = set()
    for i in range(2000):
        connection.request("POST", "/api/v1/lead/", json.dumps({"name": f"Company {i}"}), headers)
        ids.add(json.loads(connection.getresponse().read())["id"])
    connection.close()
    assert len(ids) == 2000 and len(box.objects("lead")) == 2000
    assert len(box.get("/_sandbox/requests?limit=50")["data"]) == 50
