"""Close's own webhooks, delivered by the sandbox: signed, filtered, tried again, paused."""

import hashlib
import hmac
import http.server
import json
import socket
import threading

import pytest

from harness import wait_until


class Receiver(http.server.ThreadingHTTPServer):
    """Takes deliveries; `answers` are the statuses of the next ones, then 200."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got, self.answers, self.always = [], [], None
        self.url = f"http://127.0.0.1:{self.server_port}/close"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def events(self):
        return [event["event"] for event, *_ in self.got]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.always or (self.server.answers.pop(0) if self.server.answers else 200)
        self.server.got.append((json.loads(body), body, dict(self.headers), status))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    with Receiver() as server:
        yield server
        server.shutdown()


@pytest.fixture
def box(start_sandbox):
    return start_sandbox("--no-rate-limit", "--lag", "0")


def subscribe(box, receiver, *events, **more):
    """Subscribes to ("lead", "created"), or with a filter as the third."""
    wanted = [dict(zip(("object_type", "action", "extra_filter"), event)) for event in events]
    return box.post("/webhook/", {"url": receiver.url, "events": wanted, **more})


def test_what_happens_is_delivered_and_signed(box, receiver):
    made = subscribe(box, receiver, ("lead", "created"), ("lead", "updated"))
    lead = box.post("/lead/", {"name": "Northwind", "contacts": [{"name": "Ana"}]})
    box.ask("PUT", f"/lead/{lead['id']}/", {"name": "Northwind Ltd"})
    box.ask("DELETE", f"/lead/{lead['id']}/")
    box.post("/lead/", {"name": "Southbank"})
    wait_until(lambda: len(receiver.got) == 3)
    created, updated, other = receiver.events()
    assert [e["action"] for e in receiver.events()] == ["created", "updated", "created"]
    assert created["object_id"] == lead["id"] and created["data"]["contacts"][0]["name"] == "Ana"
    assert updated["changed_fields"] == ["name"] and updated["previous_data"] == {"name": "Northwind"}
    assert other["data"]["name"] == "Southbank"
    # The log has the same events, by the same ids.
    logged = {e["id"]: e for e in box.get("/event/?_limit=50")["data"]}
    assert all(logged[e["id"]]["request_id"] == e["request_id"] for e in receiver.events())
    for event, body, headers, _ in receiver.got:
        assert event["subscription_id"] == made["id"]
        text = headers["close-sig-timestamp"].encode() + body
        key = bytes.fromhex(made["signature_key"])
        assert headers["close-sig-hash"] == hmac.new(key, text, hashlib.sha256).hexdigest()


def test_updates_that_come_close_together_are_told_as_one(box, receiver):
    subscribe(box, receiver, ("lead", "created"), ("lead", "updated"))
    box.post("/_sandbox/settings", {"consolidate_ms": 3600000})
    one, other = (box.post("/lead/", {"name": name})["id"] for name in ("North", "South"))
    for lead, change in [(one, {"name": "Northwind"}), (other, {"name": "Southbank"}),
                         (one, {"url": "a.example"}), (one, {"name": "Northgate"})]:
        box.ask("PUT", f"/lead/{lead}/", change)
    assert receiver.got == []  # each may still be part of a later one
    box.post("/_sandbox/settings", {"consolidate_ms": 0})
    box.ask("PUT", f"/lead/{one}/", {"name": "Northend"})
    wait_until(lambda: len(receiver.got) == 5)
    told = receiver.events()
    assert [(e["object_id"], e["action"]) for e in told] == [
        (one, "created"), (other, "created"), (other, "updated"), (one, "updated"), (one, "updated")]
    whole, after = told[3:]
    assert sorted(whole["changed_fields"]) == ["name", "url"]
    assert whole["previous_data"]["name"] == "North" and whole["data"]["name"] == "Northgate"
    assert whole["date_created"] <= whole["date_updated"] and after["id"] != whole["id"]
    assert after["previous_data"] == {"name": "Northgate"}
    # The log tells it where it ended: behind what another lead has gone through meanwhile.
    logged = box.get("/event/?object_type=lead&action=updated")["data"]
    assert [e["id"] for e in logged] == [e["id"] for e in (after, whole, told[2])]


def test_the_key_is_shown_once(box, receiver):
    made = subscribe(box, receiver, ("lead", "created"))
    assert len(made["signature_key"]) == 64 and made["status"] == "active"
    item = f"/webhook/{made['id']}/"
    assert "signature_key" not in box.get(item) and "signature_key" not in box.get("/webhook/")["data"][0]
    status, changed = box.ask("PUT", item, {"status": "paused", "signature_key": "0" * 64})
    assert status == 200 and changed["status"] == "paused" and "signature_key" not in changed
    assert subscribe(box, receiver, ("lead", "created"))["signature_key"] != made["signature_key"]


def at(*fields, **inner):
    """A filter on what these fields lead to."""
    for field in reversed(fields):
        inner = {"type": "field_accessor", "field": field, "filter": inner}
    return inner


FILTERS = [
    (at("data", "name", type="equals", value="Northwind"), "N"),
    (at("data", "name", type="not_equals", value="Northwind"), "SE"),
    (at("data", "url", type="is_null"), "SE"), (at("data", "url", type="non_null"), "N"),
    (at("data", "name", type="contains", value="th"), "NS"),
    (at("data", "contact_ids", type="contains", value="nobody"), ""),
    ({"type": "not", "filter": at("data", "name", type="contains", value="th")}, "E"),
    ({"type": "and", "filters": [at("data", "name", type="contains", value="th"),
                                 at("data", "url", type="is_null")]}, "S"),
    ({"type": "or", "filters": [at("data", "name", type="contains", value="East"),
                                at("data", "url", type="non_null")]}, "NE"),
    (at("data", "contacts", type="any_array_value",
        filter=at("name", type="equals", value="Ana")), "N"),
    (at("nothing", "there", type="is_null"), "NSE"),
]


def test_filters_decide(box, receiver):
    subscriptions = [subscribe(box, receiver, ("lead", "created", extra))["id"] for extra, _ in FILTERS]
    both = subscribe(box, receiver, ("lead", "created", FILTERS[4][0]), event_filter=FILTERS[2][0])["id"]
    for lead in ({"name": "Northwind", "url": "a.example", "contacts": [{"name": "Ana"}]},
                 {"name": "Southbank"}, {"name": "Eastgate"}):
        box.post("/lead/", lead)
    wanted = {key: initials for key, (_, initials) in zip(subscriptions, FILTERS)} | {both: "S"}
    wait_until(lambda: len(receiver.got) == sum(map(len, wanted.values())))
    found = dict.fromkeys(wanted, "")
    for event, *_ in receiver.got:
        found[event["subscription_id"]] += event["event"]["data"]["name"][0]
    assert found == wanted


@pytest.mark.parametrize("more, where, says", [
    ({"url": "https://hooks.example/close"}, "url", "calls nobody but this machine"),
    ({"url": "http://10.0.0.1/"}, "url", "calls nobody but this machine"),
    ({"events": [{"object_type": "lead"}]}, "events", "This field is required."),
    ({"events": [{"object_type": "lead", "action": "created", "extra_filter": {"type": "like"}}]},
     "events", 'no filter of type \\"like\\"'),
    ({"event_filter": {"type": "field_accessor", "filter": {"type": "is_null"}}}, "event_filter",
     "needs a field"),
    ({"event_filter": {"type": "not"}}, "event_filter", "no filter of type"),
    ({"event_filter": {"type": "or"}}, "event_filter", "needs a list of filters"),
    ({"event_filter": {"type": "equals"}}, "event_filter", "needs a value"),
    ({"url": None}, "url", ""),
])
def test_what_cannot_be_subscribed_to_is_refused(box, receiver, more, where, says):
    body = {"url": receiver.url, "events": [{"object_type": "lead", "action": "created"}], **more}
    status, answer = box.ask("POST", "/webhook/", body)
    assert status == 400 and says in json.dumps(answer["field-errors"][where]), answer
    assert box.get("/webhook/")["data"] == []


def test_forty_are_enough(box, receiver):
    for _ in range(40):
        last = subscribe(box, receiver, ("lead", "created"))
    body = {"url": receiver.url, "events": []}
    status, answer = box.ask("POST", "/webhook/", body)
    assert status == 400 and "at most 40" in answer["errors"][0]
    assert box.ask("DELETE", f"/webhook/{last['id']}/")[0] == 200
    assert box.ask("POST", "/webhook/", body)[0] == 201


def test_what_is_not_taken_is_tried_again_and_holds_up_what_follows(box, receiver):
    box.post("/_sandbox/settings", {"webhook_retry_ms": 5})
    made = subscribe(box, receiver, ("lead", "created"))
    receiver.answers = [500, 404, 301]
    for name in "ab":
        box.post("/lead/", {"name": name})
    wait_until(lambda: len(receiver.got) == 5)
    assert [e["data"]["name"] for e in receiver.events()] == ["a", "a", "a", "a", "b"]
    assert len({e["id"] for e in receiver.events()}) == 2
    state = wait_until(lambda: (s := box.get("/_sandbox/webhooks"))["delivered"] == 2 and s)
    assert state["failed"] == 3 and state["data"] == [
        {"subscription_id": made["id"], "waiting": 0, "attempts": 0, "last_status": 200,
         "last_error": None}]


def test_failure_pauses_a_subscription_and_an_update_wakes_it(box, receiver):
    box.post("/_sandbox/settings", {"webhook_retry_ms": 1, "webhook_give_up_ms": 20})
    made = subscribe(box, receiver, ("lead", "created"))
    item, receiver.always = f"/webhook/{made['id']}/", 503
    box.post("/lead/", {"name": "lost"})
    wait_until(lambda: box.get(item)["status"] == "paused")
    assert len(receiver.got) > 1
    box.post("/lead/", {"name": "unheard"})
    receiver.always = None
    assert box.ask("PUT", item, {"status": "active"})[0] == 200
    box.post("/lead/", {"name": "heard"})
    wait_until(lambda: receiver.got[-1][3] == 200)
    assert [e["data"]["name"] for e, _, _, s in
            ((g[0]["event"], *g[1:]) for g in receiver.got) if s == 200] == ["heard"]


def test_too_many_events_that_wait_pause_a_subscription(box, receiver):
    box.post("/_sandbox/settings", {"webhook_queue": 3})
    made = subscribe(box, receiver, ("lead", "created"))
    receiver.always = 500
    for i in range(3):
        box.post("/lead/", {"name": f"{i}"})
    assert box.get(f"/webhook/{made['id']}/")["status"] == "active"
    for i in range(3):
        box.post("/lead/", {"name": f"{i}"})
    wait_until(lambda: box.get(f"/webhook/{made['id']}/")["status"] == "paused")


def test_whoever_left_hears_nothing_more(box, receiver):
    box.post("/_sandbox/settings", {"webhook_retry_ms": 5})
    gone, stays = (subscribe(box, receiver, ("lead", "created"))["id"] for _ in range(2))
    receiver.always = 500
    box.post("/lead/", {"name": "a"})
    wait_until(lambda: len(receiver.got) > 3)
    assert box.ask("DELETE", f"/webhook/{gone}/")[0] == 200
    receiver.always = None
    box.post("/lead/", {"name": "b"})

    def heard(subscription):
        return [g[0]["event"]["data"]["name"] for g in receiver.got
                if g[3] == 200 and g[0]["subscription_id"] == subscription]

    wait_until(lambda: heard(stays) == ["a", "b"])
    assert "b" not in heard(gone)
    # A reset takes all of them.
    box.ask("POST", "/_sandbox/reset")
    box.post("/lead/", {"name": "c"})
    assert box.get("/_sandbox/webhooks") == {"data": [], "delivered": 0, "failed": 0}


def test_an_event_may_come_twice(start_sandbox, receiver):
    box = start_sandbox("--set", "webhook_repeat=twice")
    subscribe(box, receiver, ("lead", "created"))
    box.post("/lead/", {"name": "a"})
    wait_until(lambda: len(receiver.got) == 2)
    assert receiver.got[0][1] == receiver.got[1][1]


def test_nobody_waits_for_a_slow_receiver(box):
    """One that accepts and never answers: the sandbox goes on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        box.post("/webhook/", {"url": f"http://127.0.0.1:{server.getsockname()[1]}/",
                               "events": [{"object_type": "lead", "action": "created"}]})
        for i in range(20):
            box.post("/lead/", {"name": f"{i}"})
        wait_until(lambda: box.get("/_sandbox/webhooks")["data"][0]["waiting"] == 20)
