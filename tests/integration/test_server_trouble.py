"""Servers, networks and receivers that fail in every usual way: nothing is lost, nothing is twice.

Each test brings the trouble, looks at what was said and sent, ends the trouble and runs again.
"""

import collections
import datetime
import json
import re
import signal
import threading
import time

import pytest
from harness import measure, run_until, take_time, wait_until
from trouble import (
    Proxy, Receiver, Relay, Reserved, Server, adds_up, companies, identity_route, lead_names,
    make_fast, names, self_signed)

NO_TIME = "retry_for: 1s\nquarantine: 1s\ndrain: 1s"
PROVES = "quarantine: 1s"
ONE = "concurrency: 1"


@pytest.fixture
def fast(sandbox):
    return make_fast(sandbox)


@pytest.fixture
def until_end():
    """Closes what a test started."""
    started = []

    def keep(thing):
        started.append(thing)
        return thing

    yield keep
    for thing in started:
        thing.close()


def at(pipeline, base_url, *args, **kwargs):
    """A pipeline whose Close is at another address."""
    path = pipeline(*args, **kwargs)
    path.write_text(re.sub(r"base_url: .*", f"base_url: {base_url}", path.read_text()))
    return path


def said(result):
    return result.out + result.err


def rejects(closefeed, path):
    return closefeed("rejects", "list", path, "--json").json["rejects"]


def held(closefeed, path):
    return closefeed("held", "list", path, "--json").json["held"]


def posts(sandbox, path="/lead/"):
    return [call for call in sandbox.requests("POST") if call["path"] == path]


# No way to the server


def test_a_server_that_is_down_ends_the_run_and_the_next_one_finishes(
        closefeed, pipeline, fast, until_end):
    there = until_end(Reserved())
    path = at(pipeline, f"http://127.0.0.1:{there.port}/api/v1", companies(5), delivery=NO_TIME)
    result = closefeed("run", path)
    assert result.code == 69
    assert "connect" in result.err and "delivery.retry_for" in result.err
    assert "Nothing is lost" in result.err and "run again" in result.err
    until_end(Relay(fast.origin, at=there))
    result = closefeed("run", take_time(path), "--json")
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(5) and len(fast.hook_events()) == 5


def test_a_server_that_vanishes_in_the_middle_is_waited_for(closefeed, pipeline, fast):
    fast.add_fault("vanish_before", method="POST", path="/lead/", n=5, ms=300)
    result = closefeed("run", pipeline(companies(12), routes=identity_route(fast),
                                       delivery="quarantine: 2500ms", close=ONE), "--json")
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(12)


def test_a_server_that_goes_away_for_good_leaves_a_state_to_go_on_from(
        closefeed, pipeline, fast, until_end):
    relay = until_end(Relay(fast.origin))
    # A new connection for each call would be needed to refuse it; so the answers are reset, too.
    path = at(pipeline, relay.base_url, companies(8), routes=identity_route(fast),
              delivery=NO_TIME, close=ONE)
    fast.add_fault("reset_before", method="POST", path="/lead/", every=4)
    fast.add_fault("status", method="GET", status=503)
    fast.add_fault("status", method="POST", path="/data/search/", status=503)
    first = closefeed("run", path, "--json")
    assert first.code == 69, said(first)
    fast.clear_faults()
    second = closefeed("run", take_time(path), "--json")
    assert second.code == 0, said(second)
    assert lead_names(fast) == names(8)


def test_a_name_that_is_not_known_may_be_mended(closefeed, pipeline, fast):
    path = at(pipeline, "https://name.invalid/api/v1", companies(3), delivery=NO_TIME)
    result = closefeed("run", path)
    assert result.code == 69 and "name.invalid" in result.err
    path = pipeline(companies(3))
    result = closefeed("run", path)
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(3)


def test_a_certificate_nobody_vouches_for_is_refused_and_ca_file_trusts_it(
        closefeed, pipeline, fast, tmp_path, until_end):
    certificate, key = self_signed(tmp_path)
    relay = until_end(Relay(fast.origin, tls=(certificate, key)))
    path = at(pipeline, relay.base_url, companies(3), delivery=NO_TIME)
    result = closefeed("run", path)
    assert result.code == 69
    assert "certificate is not trusted" in result.err and "CA file" in result.err
    assert fast.requests() == []
    path = at(pipeline, relay.base_url, companies(3), close=f"ca_file: {certificate.name}")
    result = closefeed("run", path)
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(3)


def test_a_proxy_is_used_where_the_pipeline_names_one(closefeed, pipeline, fast, until_end):
    proxy = until_end(Proxy())
    path = pipeline(companies(3), close=f'proxy: "{proxy.url}"')
    result = closefeed("run", path)
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(3)
    assert [call["path"] for call in proxy.calls] == [
        fast.base_url + "/me/", *[fast.base_url + "/lead/"] * 3]
    assert not any("Proxy-Authorization" in call["headers"] for call in proxy.calls)


def test_the_proxies_of_the_environment_are_ignored(closefeed, pipeline, fast, until_end):
    trap = until_end(Server(lambda call: (502, {}, "")))
    env = {name: trap.url for name in (
        "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")}
    result = closefeed("run", pipeline(companies(2)), env=env)
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(2) and trap.calls == []


def test_a_proxy_that_is_down_is_named_as_the_trouble(closefeed, pipeline, fast, until_end):
    path = pipeline(companies(1), close=f'proxy: "http://127.0.0.1:{until_end(Reserved()).port}"',
                    delivery=NO_TIME)
    result = closefeed("run", path)
    assert result.code == 69 and "no connection to the proxy" in result.err
    assert fast.requests() == []


# Credentials, plan, permission


def test_a_wrong_key_stops_with_77_and_rejects_nothing(closefeed, pipeline, fast):
    path = pipeline(companies(4))
    result = closefeed("run", path, "--json", env={"CLOSE_API_KEY": "api_wrong.key"})
    assert result.code == 77 and "401" in said(result) and "api_wrong" not in said(result)
    assert result.summary["rejected"] == 0 and rejects(closefeed, path) == []
    assert posts(fast) == []
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(4)


@pytest.mark.parametrize("status, word", [(401, "key"), (402, "plan")])
def test_a_key_or_plan_refused_in_the_middle_stops_with_77_and_rejects_nothing(
        closefeed, pipeline, fast, status, word):
    fast.add_fault("status", method="POST", path="/lead/", n=4, status=status)
    path = pipeline(companies(8), close=ONE)
    result = closefeed("run", path, "--json")
    assert result.code == 77 and str(status) in said(result) and word in said(result)
    assert adds_up(result.summary) and result.summary["delivered"] == 3
    assert result.summary["rejected"] == 0 and rejects(closefeed, path) == []
    assert len(posts(fast)) == 4
    result = closefeed("run", path, "--json")
    assert result.code == 0 and result.summary["delivered"] == 5
    assert lead_names(fast) == names(8)


def test_five_times_forbidden_in_a_row_stops_with_77(closefeed, pipeline, fast):
    fast.add_fault("status", method="POST", path="/lead/", status=403)
    path = pipeline(companies(9), close=ONE)
    result = closefeed("run", path, "--json")
    assert result.code == 77 and "403" in said(result) and "five times" in said(result)
    assert [r["class"] for r in rejects(closefeed, path)] == ["permission"] * 5
    assert len(posts(fast)) == 5
    fast.clear_faults()
    assert closefeed("run", path).code == 0
    assert closefeed("rejects", "retry", path, "--all").code == 0
    assert lead_names(fast) == names(9)


def test_forbidden_now_and_then_is_a_reject_of_its_own(closefeed, pipeline, fast):
    fast.add_fault("status", method="POST", path="/lead/", every=3, status=403)
    path = pipeline(companies(15), close=ONE)
    result = closefeed("run", path, "--json")
    assert result.code == 1 and result.summary["rejected"] == 5
    assert len(lead_names(fast)) == 10


# Answers that are not Close's


def test_a_web_page_instead_of_json_stops_the_run_and_nothing_is_taken_as_done(
        closefeed, pipeline, fast):
    fast.add_fault("html", method="POST", path="/lead/")
    path = pipeline(companies(9), routes=identity_route(fast), delivery=PROVES, close=ONE)
    result = closefeed("run", path, "--json")
    assert result.code == 69 and "JSON" in said(result)
    assert "five times in a row" in said(result) and "run again" in said(result)
    assert result.summary["delivered"] == 0 and adds_up(result.summary)
    fast.clear_faults()
    result = closefeed("run", path, "--json")
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(9)


def test_a_web_page_behind_which_the_create_was_made_is_found_out(closefeed, pipeline, fast):
    fast.add_fault("html_after_apply", method="POST", path="/lead/", n=3)
    result = closefeed("run", pipeline(companies(6), routes=identity_route(fast),
                                       delivery=PROVES, close=ONE), "--json")
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(6)


def test_a_web_page_from_the_very_first_call_ends_as_unreachable(
        closefeed, pipeline, fast, until_end):
    portal = until_end(Server(lambda call: (200, {"Content-Type": "text/html"}, "<html>Log in")))
    path = at(pipeline, portal.url + "/api/v1", companies(2))
    result = closefeed("run", path)
    assert result.code == 69 and "JSON" in result.err and "base_url" in result.err
    assert [call["method"] for call in portal.calls] == ["GET"] * 5
    result = closefeed("run", pipeline(companies(2)))
    assert result.code == 0 and lead_names(fast) == names(2)


def test_a_server_without_me_is_bound_by_its_url_and_says_so(closefeed, pipeline, until_end):
    def answer(call):
        if call["path"].endswith("/me/"):
            return 404, {}, '{"error": "Not Found"}'
        return 200, {"Content-Type": "application/json"}, '{"id": "thing_1"}'

    other = until_end(Server(answer))
    path = at(pipeline, other.url + "/api", [{"name": "A"}, {"name": "B"}], responses="",
              routes='- method: POST\n  url: /things/')
    result = closefeed("run", path)
    assert result.code == 0, result.err
    assert "no /me/: its state is bound to this base_url alone" in result.err
    assert [call["path"] for call in other.calls] == ["/api/me/", "/api/things/", "/api/things/"]


def test_each_refusal_is_a_reject_with_its_class_and_what_was_answered(
        closefeed, pipeline, fast):
    refusals = [(400, "validation"), (404, "not_found"), (405, "validation"),
                (409, "validation"), (410, "not_found"), (413, "too_large"),
                (415, "validation"), (422, "validation")]
    for i, (status, _) in enumerate(refusals):
        fast.add_fault("status", method="POST", path="/lead/", n=i + 1, status=status)
    fast.add_fault("html", method="POST", path="/lead/", n=9, status=400)
    path = pipeline(companies(12), close=ONE)
    result = closefeed("run", path, "--json")
    assert result.code == 1 and adds_up(result.summary), said(result)
    assert result.summary["rejected"] == 9 and result.summary["delivered"] == 3
    listed = rejects(closefeed, path)
    assert [r["class"] for r in listed] == [name for _, name in refusals] + ["unexpected_answer"]
    shown = closefeed("rejects", "show", path, listed[-1]["id"], "--json").json["rejects"][0]
    assert shown["response"]["status"] == 400 and "Please sign in" in str(shown)
    assert closefeed("rejects", "retry", path, "--all").code == 0
    assert lead_names(fast) == names(12)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_never_followed_and_stops_with_78(
        closefeed, pipeline, fast, until_end, status):
    trap = until_end(Server(lambda call: (200, {}, "{}")))
    fast.add_fault("redirect", method="POST", path="/lead/", n=3, status=status, body=trap.url)
    path = pipeline(companies(6), close=ONE)
    result = closefeed("run", path, "--json")
    assert result.code == 78 and str(status) in said(result) and "redirect" in said(result)
    assert result.summary["rejected"] == 0 and trap.calls == []
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(6)


def test_a_base_url_that_redirects_may_be_mended(closefeed, pipeline, fast, until_end):
    wrong = until_end(Server(lambda call: (301, {"Location": fast.base_url + "/me/"}, "")))
    path = at(pipeline, wrong.url + "/api", companies(2))
    result = closefeed("run", path)
    assert result.code == 78 and "base_url" in result.err and len(wrong.calls) == 1
    assert fast.requests() == []
    result = closefeed("run", pipeline(companies(2)))
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(2)


def test_a_body_that_never_ends_or_is_cut_was_an_applied_create_all_the_same(
        closefeed, pipeline, fast):
    fast.add_fault("endless_body", method="POST", path="/lead/", n=2)
    fast.add_fault("body_cut", method="POST", path="/lead/", n=4)
    fast.add_fault("slow_body", method="POST", path="/lead/", n=6, ms=10, bytes=64)
    result = closefeed("run", pipeline(companies(8), routes=identity_route(fast), close=ONE,
                                       delivery=PROVES), "--json")
    assert result.code == 0, said(result)
    assert result.summary["delivered"] == 8
    assert lead_names(fast) == names(8)


def test_a_body_slower_than_the_timeout_was_an_applied_create_all_the_same(
        closefeed, pipeline, fast):
    fast.add_fault("slow_body", method="POST", path="/lead/", n=2, ms=400, bytes=8)
    result = closefeed("run", pipeline(companies(3), close="concurrency: 1\ntimeout: 2s"),
                       "--json")
    assert result.code == 0 and result.summary["delivered"] == 3, said(result)
    assert lead_names(fast) == names(3)


# Answers and silences that prove nothing

UNPROVEN = [408, 425, 500, 502, 503, 504, 520]


def order_statuses(sandbox, fault):
    """Each of them once, a good answer between; the breaker stays out of it."""
    for i, status in enumerate(UNPROVEN):
        sandbox.add_fault(fault, method="POST", path="/lead/", n=2 + 2 * i, status=status)


def test_a_server_error_on_a_create_is_held_where_nothing_is_looked_up(closefeed, pipeline, fast):
    order_statuses(fast, "status_after_apply")
    path = pipeline(companies(16), close=ONE, delivery="on_unknown: hold")
    result = closefeed("run", path, "--json")
    assert result.code == 1 and adds_up(result.summary), said(result)
    assert result.summary["held"] == len(UNPROVEN) and result.summary["delivered"] == 9
    assert lead_names(fast) == names(16)
    known = [item["known"] for item in held(closefeed, path)]
    assert all(str(status) in text for status, text in zip(UNPROVEN, known)), known
    assert all("held resolve" in text for text in known)
    outcomes = collections.Counter(e["data"]["outcome"] for e in fast.hook_events())
    assert outcomes == {"delivered": 9, "held": 7}


def test_a_create_that_was_made_behind_a_server_error_is_found_by_identity(
        closefeed, pipeline, fast):
    order_statuses(fast, "status_after_apply")
    path = pipeline(companies(16), routes=identity_route(fast), delivery=PROVES, close=ONE)
    result = closefeed("run", path, "--json")
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(16) and len(posts(fast)) == 16
    found = [e for e in fast.hook_events() if e["data"]["found_by_lookup"]]
    assert len(found) == len(UNPROVEN) and all(e["subject"] for e in found)


def test_a_create_that_was_not_made_is_sent_again_once_that_is_proven(
        closefeed, pipeline, fast):
    order_statuses(fast, "status")
    path = pipeline(companies(16), routes=identity_route(fast), delivery=PROVES, close=ONE)
    result = closefeed("run", path, "--json")
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(16) and len(posts(fast)) == 16 + len(UNPROVEN)


def test_silence_is_proven_either_way(closefeed, pipeline, fast):
    fast.add_fault("timeout_after", method="POST", path="/lead/", n=2)
    fast.add_fault("timeout_before", method="POST", path="/lead/", n=4)
    fast.add_fault("close_after", method="POST", path="/lead/", n=6)
    fast.add_fault("half_status_line_before", method="POST", path="/lead/", n=8)
    fast.add_fault("torn_after", method="POST", path="/lead/", n=10)
    fast.add_fault("malformed_headers", method="POST", path="/lead/", n=12)
    path = pipeline(companies(14), routes=identity_route(fast), delivery=PROVES,
                    close="concurrency: 1\ntimeout: 1s")
    result = closefeed("run", path, "--json")
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(14) and len(posts(fast)) == 16


def test_a_create_that_is_made_late_is_found_within_the_quarantine(closefeed, pipeline, fast):
    fast.add_fault("late_apply", method="POST", path="/lead/", n=3, ms=600)
    path = pipeline(companies(6), routes=identity_route(fast), delivery="quarantine: 60s",
                    close=ONE)
    result = closefeed("run", path, "--json")
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(6) and len(posts(fast)) == 6


def test_on_unknown_hold_asks_nobody(closefeed, pipeline, fast):
    fast.add_fault("reset_after", method="POST", path="/lead/", n=2)
    path = pipeline(companies(4), routes=identity_route(fast), delivery="on_unknown: hold")
    result = closefeed("run", path, "--json")
    assert result.code == 1 and result.summary["held"] == 1, said(result)
    assert posts(fast, "/data/search/") == [] and lead_names(fast) == names(4)
    assert "on_unknown" in held(closefeed, path)[0]["known"]


def test_updates_are_repeated(closefeed, pipeline, fast):
    leads = [fast.post("/lead/", {"name": f"Company {i}"})["id"] for i in range(1, 7)]
    for n, fault in enumerate(["reset_after", "status", "timeout_before"]):
        fast.add_fault(fault, method="PUT", n=1 + 2 * n)
    path = pipeline(
        [{"id": id, "description": "new"} for id in leads],
        routes='- operation: lead.update\n  params: {id: "{id}"}\n  exclude: [id]',
        close="concurrency: 1\ntimeout: 1s", delivery="quarantine: 100ms")
    result = closefeed("run", path, "--json")
    assert result.code == 0 and result.summary["delivered"] == 6, said(result)
    assert [lead["description"] for lead in fast.objects("lead")] == ["new"] * 6


def test_a_delete_that_finds_nothing_after_a_lost_answer_was_done(
        closefeed, pipeline, until_end):
    answers = iter([(204, {}, ""), (503, {}, "{}"), (404, {}, '{"error": "Not Found"}'),
                    (404, {}, '{"error": "Not Found"}')])

    def answer(call):
        return (404, {}, "{}") if call["method"] == "GET" else next(answers)

    other = until_end(Server(answer))
    path = at(pipeline, other.url + "/api", [{"id": "a"}, {"id": "b"}, {"id": "c"}], responses="",
              routes='- method: DELETE\n  url: "/things/{id}/"\n  allow: [destroys]', close=ONE,
              delivery="quarantine: 100ms")
    result = closefeed("run", path, "--json")
    assert result.code == 1, said(result)
    assert result.summary["delivered"] == 2 and result.summary["rejected"] == 1
    assert [r["class"] for r in rejects(closefeed, path)] == ["not_found"]
    sent = [call["path"] for call in other.calls if call["method"] == "DELETE"]
    assert sorted(sent) == [f"/api/things/{id}/" for id in "abbc"]


@pytest.fixture
def slow_puts(until_end):
    """A server that answers a PUT after a second; its calls say when they came."""

    def answer(call):
        call["at"] = time.time()
        if call["method"] == "GET":
            return 404, {}, "{}"
        time.sleep(1)
        return 200, {}, "{}"

    server = until_end(Server(answer))
    server.puts = lambda: [call for call in server.calls if call["method"] == "PUT"]
    return server


def put_to(server, pipeline, records, delivery):
    return at(pipeline, server.url, records, responses="", delivery=delivery,
              routes='- method: PUT\n  url: "/x/{id}"\n  exclude: [id]')


def next_time(clock, after):
    """When a clock shows HH:MM:SS next."""
    shown = list(map(int, clock.split(":")))
    began = time.localtime(after)[3:6]
    hours, minutes, seconds = (a - b for a, b in zip(shown, began))
    return int(after) + (hours * 3600 + minutes * 60 + seconds) % 86400


def kill_with_a_put_out(closefeed, path, server):
    process = closefeed.start("run", path)
    wait_until(server.puts)
    process.kill()
    process.communicate()


LOST_COPY = r"calls about path /x/1/ wait until (\d\d:\d\d:\d\d), when a lost earlier copy can"


def test_what_waits_for_a_lost_copy_is_told_until_when_and_no_restart_begins_that_anew(
        closefeed, pipeline, slow_puts):
    path = put_to(slow_puts, pipeline, [{"id": 1, "v": 1}, {"id": 1, "v": 2}], "quarantine: 1h")
    began = time.time()
    kill_with_a_put_out(closefeed, path, slow_puts)
    told = []
    for _ in range(2):
        process = closefeed.start("run", path, "--json")
        told.append(wait_until(lambda: re.search(LOST_COPY, closefeed("status", path).out))[1])
        assert re.search(LOST_COPY, str(closefeed("status", path, "--json").json["sentences"]))
        line = next(line for line in map(json.loads, process.stdout)
                    if line["type"] != "progress" or re.search(LOST_COPY, line["waiting"] or ""))
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=180)
        assert process.returncode == 75 and line["type"] == "progress", err
    assert told[0] == told[1]
    assert began + 3600 - 1 < next_time(told[0], began) < time.time() + 3600
    assert [json.loads(call["body"])["v"] for call in slow_puts.puts()] == [1, 1]


def test_what_waited_for_a_lost_copy_goes_when_its_time_has_come(closefeed, pipeline, slow_puts):
    path = put_to(slow_puts, pipeline, [{"id": 1, "v": 1}, {"id": 1, "v": 2}], "quarantine: 3s")
    began = time.time()
    kill_with_a_put_out(closefeed, path, slow_puts)
    result = closefeed("run", path)
    assert result.code == 0, said(result)
    assert [json.loads(call["body"])["v"] for call in slow_puts.puts()] == [1, 1, 2]
    assert slow_puts.puts()[2]["at"] > began + 3


def test_no_run_waits_for_a_lost_copy_that_nothing_comes_behind(closefeed, pipeline, slow_puts):
    path = put_to(slow_puts, pipeline, [{"id": 1, "v": 1}], "quarantine: 10m")
    kill_with_a_put_out(closefeed, path, slow_puts)
    for _ in range(2):
        result = closefeed("run", path)
        assert result.code == 0, said(result)
    assert len(slow_puts.puts()) == 2


def test_while_the_server_fails_it_is_tried_with_reads_and_not_with_records(
        closefeed, pipeline, fast):
    fast.add_fault("status", method="POST", path="/lead/", status=503)
    fast.add_fault("status", method="GET", path="/me/", status=503)
    path = pipeline(companies(40), routes=identity_route(fast), delivery="retry_for: 2s",
                    close=ONE)
    fast.clear_faults()
    fast.add_fault("status", method="POST", path="/lead/", status=503)
    result = closefeed("run", path, "--json")
    assert result.code == 69, said(result)
    # Five open the breaker; each good answer to /me/ lets one more go.
    trials = len(fast.requests("GET", "/me/")) - 1
    assert len(posts(fast)) <= 5 + trials
    fast.clear_faults()
    assert result.summary["delivered"] == 0 and adds_up(result.summary)


# Rate limits

FORMS = ["ratelimit", "semicolon", "decimal", "old", "retry-after", "date", "malformed", "none"]


def seconds(request):
    return datetime.datetime.fromisoformat(request["at"].replace("Z", "+00:00")).timestamp()


@pytest.fixture
def go_through(closefeed, start_sandbox, tmp_path):
    """Sends eight records to a Close whose fourth answer is a 429, a Close for each form of it, and
    returns how long it was held; go_through(forms)."""
    def begin(form, name):
        box = start_sandbox("--no-rate-limit")
        box.add_fault("429", method="POST", path="/lead/", n=4, form=form, seconds=1)
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"""
version: 1
name: {name}
source: {{ndjson: {{path: signups.ndjson}}}}
close: {{base_url: {box.base_url}, api_key: {{env: CLOSE_API_KEY}}, concurrency: 1}}
routes: [{{operation: lead.create}}]
""")
        return box, closefeed.start("run", path, "--json")

    def measure(form, box, process):
        out, err = process.communicate(timeout=180)
        assert process.returncode == 0, (form, out, err)
        assert lead_names(box) == names(8), form
        writes = posts(box)
        assert [w["status"] for w in writes] == [200] * 3 + [429] + [200] * 5, form
        refused, came = seconds(writes[3]), seconds(writes[4])
        # A date says whole seconds, so it may mean up to one less than it was told.
        assert came >= (int(refused) + 1 if form == "date" else refused + 1), (form, came - refused)
        return came - refused

    def send(forms, turn):
        (tmp_path / "signups.ndjson").write_text(
            "".join('{"name": "Company %d"}\n' % i for i in range(1, 9)))
        runs = {form: begin(form, f"{form}-{turn}") for form in forms}
        return {form: measure(form, *run) for form, run in runs.items()}

    return send


def test_a_429_holds_everybody_for_as_long_as_it_says_in_whatever_form(go_through):
    left = FORMS

    def held_for_longer(turn):
        nonlocal left
        held = go_through(left, turn)
        left = [form for form in left if held[form] >= 4]
        return {form: held[form] for form in left}

    measure(held_for_longer)


def test_a_storm_of_429_loses_nothing(closefeed, pipeline, fast):
    fast.add_fault("429", method="POST", path="/lead/", every=5, seconds=1, times=3)
    path = pipeline(companies(40))
    result = closefeed("run", path, "--json")
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(40)
    assert all(e["data"]["attempts"] >= 1 for e in fast.hook_events())


# Rejects that are too many


def broken(n):
    return [{"name": f"Company {i}", "contacts": "none"} for i in range(1, n + 1)]


def test_a_route_whose_first_25_calls_are_all_rejected_stops(closefeed, pipeline, fast):
    path = pipeline(broken(40), close=ONE)
    result = closefeed("run", path, "--json")
    assert result.code == 75 and "first 25 calls of route" in said(result)
    assert "rejects list" in said(result)
    assert result.summary["rejected"] == 25 and adds_up(result.summary)
    assert len(rejects(closefeed, path)) == 25 and len(posts(fast)) == 25
    path.write_text(path.read_text().replace("lead.create", "lead.create\n    exclude: [contacts]"))
    result = closefeed("run", path, "--json")
    assert result.code == 0 and result.summary["delivered"] == 15
    assert closefeed("rejects", "retry", path, "--all").code == 0
    assert lead_names(fast) == names(40)


@pytest.mark.parametrize("limit, good, bad, code, rejected", [
    ("none", 0, 30, 1, 30),
    ("3", 2, 10, 75, 4),
    ("4%", 98, 10, 75, 5),
    ("50%", 0, 30, 1, 30),
], ids=["none", "count", "share", "a share of few answers says nothing"])
def test_max_rejects(closefeed, pipeline, fast, limit, good, bad, code, rejected):
    path = pipeline(companies(good) + broken(bad), close=ONE, delivery=f"max_rejects: {limit}")
    result = closefeed("run", path, "--json")
    assert result.code == code, said(result)
    assert result.summary["rejected"] == rejected and adds_up(result.summary)
    if code == 75:
        assert f"delivery.max_rejects: {limit}" in said(result)


# The receiver of the responses


def hooked(receiver, more=""):
    return f'webhook: {{url: "{receiver.url}", secret: {{env: HOOK_SECRET}}{more}}}'


def test_a_receiver_that_is_down_gets_the_same_events_from_the_next_run(
        closefeed, pipeline, fast, until_end):
    there = until_end(Reserved())
    responses = (f'webhook: {{url: "http://127.0.0.1:{there.port}/hook", '
                 "secret: {env: HOOK_SECRET}}")
    path = pipeline(companies(6), responses=responses, delivery="drain: 500ms")
    result = closefeed("run", path, "--json")
    assert result.code == 75 and "receiver" in said(result) and "kept" in said(result)
    assert result.summary["delivered"] == 6 and result.summary["events_owed"] == 6
    assert closefeed("status", path, "--json").json["events_owed"] == 6
    receiver = until_end(Receiver(at=there))
    result = closefeed("run", take_time(path), "--json")
    assert result.code == 0 and result.summary["events_owed"] == 0, said(result)
    events = receiver.events()
    assert len(events) == len({e["id"] for e in events}) == 6
    assert {e["subject"] for e in events} == {lead["id"] for lead in fast.objects("lead")}
    assert lead_names(fast) == names(6)


@pytest.mark.parametrize("status", [302, 401, 404, 410, 429, 500, 503])
def test_a_receiver_that_refuses_gets_the_same_events_from_the_next_run(
        closefeed, pipeline, fast, until_end, status):
    receiver, trap = until_end(Receiver(status)), until_end(Receiver())
    receiver.headers = {"Location": trap.url}
    path = pipeline(companies(4), responses=hooked(receiver), delivery="drain: 300ms")
    results = run_until(closefeed, path, f"answered {status}")
    assert results[0].summary["delivered"] == 4
    assert {result.summary["events_owed"] for result in results} == {4}
    refused = set(receiver.ids())
    assert refused and trap.calls == []
    receiver.status = 200
    if status == 410:  # "never again", until a person says otherwise
        assert closefeed("run", path).code == 75 and receiver.events() == []
        assert closefeed("responses", "resume", path).code == 0
    result = closefeed("run", take_time(path), "--json")
    assert result.code == 0, said(result)
    accepted = [e["id"] for e in receiver.events()]
    assert sorted(accepted) == sorted(set(accepted)) and len(accepted) == 4
    assert refused <= set(accepted) and lead_names(fast) == names(4)


def test_after_a_410_nothing_more_is_sent_in_that_run(closefeed, pipeline, fast, until_end):
    receiver = until_end(Receiver(410))
    path = pipeline(companies(60), close=ONE, responses=hooked(receiver))
    result = closefeed("run", path, "--json")
    assert result.code == 75 and "410" in said(result)
    assert result.summary["delivered"] == 60 and result.summary["events_owed"] == 60
    assert len(receiver.calls) <= 8  # those that were with it already


def test_a_slow_receiver_gets_its_time_and_then_the_next_run(
        closefeed, pipeline, fast, until_end):
    receiver = until_end(Receiver())
    receiver.may_answer.clear()
    path = pipeline(companies(3), responses=hooked(receiver, ", timeout: 300ms"),
                    delivery="drain: 700ms")
    result = run_until(closefeed, path, "no answer within the time limit")[-1]
    assert result.summary["events_owed"] == 3, said(result)
    tried = set(receiver.ids())
    receiver.may_answer.set()
    wait_until(lambda: all("status" in call for call in receiver.calls))
    n_before = len(receiver.calls)
    result = closefeed("run", take_time(path), "--json")
    assert result.code == 0, said(result)
    later = receiver.ids()[n_before:]
    assert len(later) == len(set(later)) == 3 and tried <= set(later)


def test_a_receiver_that_comes_back_while_the_run_works_misses_nothing(
        closefeed, pipeline, fast, until_end):
    receiver = until_end(Receiver(503))
    fast.post("/_sandbox/settings", {"latency_ms": 30})
    path = pipeline(companies(40), close=ONE, responses=hooked(receiver))
    timer = threading.Timer(0.4, lambda: setattr(receiver, "status", 200))
    timer.start()
    result = closefeed("run", path, "--json")
    timer.join()
    assert result.code == 0, said(result)
    assert len({e["id"] for e in receiver.events()}) == 40
