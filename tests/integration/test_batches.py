"""Several records in one call: what shares a call, when it goes, and what becomes of each record."""

import collections
import json
import signal
import subprocess
import threading

import pytest
from bulk import Bulk, adds_up, bulk_pipeline, events, lines_of, refuses
from harness import ndjson, wait_until

BATCHED = "- method: POST\n  url: /bulk/\n  batch: {batch}\n"


def numbered(n, first=0, **more):
    return [{"id": i, **more} for i in range(first, first + n)]


def test_a_thousand_records_are_ten_calls(closefeed, tmp_path):
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, numbered(1000))
        result = closefeed("run", path, "--json")
    assert result.code == 0, result.err
    assert result.summary["read"] == result.summary["delivered"] == 1000
    assert [call.json for call in host.writes()] == [
        numbered(100, first) for first in range(0, 1000, 100)]
    told = events(tmp_path)
    assert [lines_of(event) for event in told] == [
        list(range(first, first + 100)) for first in range(1, 1001, 100)]
    assert {event["data"]["outcome"] for event in told} == {"delivered"}


def test_calls_of_one_url_go_one_after_another(closefeed, tmp_path):
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, [{"id": i, "list": i % 3} for i in range(120)], routes="""
            - method: POST
              url: "/lists/{list}/"
              batch: {size: 5, algorithm: array}
            """)
        assert closefeed("run", path).code == 0
    for name in range(3):
        calls = host.writes(f"/lists/{name}/")
        assert [record["id"] for call in calls for record in call.json] == list(range(name, 120, 3))
        assert all(one.left <= other.came for one, other in zip(calls, calls[1:]))


def test_one_bad_record_in_each_hundred_is_rejected_alone(closefeed, tmp_path):
    records = numbered(1000)
    with Bulk(refuses(lambda record: record["id"] % 100 == 37)) as host:
        path = bulk_pipeline(tmp_path, host, records)
        result = closefeed("run", path, "--json")
        listed = closefeed("rejects", "list", path, "--json").json["rejects"]
    good = [record for record in records if record["id"] % 100 != 37]
    assert result.code == 1 and adds_up(result.summary)
    assert (result.summary["delivered"], result.summary["rejected"]) == (990, 10)
    assert host.arrived() == good  # each once, and in the order of the file
    assert [item["records"][0]["line"] for item in listed] == list(range(38, 1001, 100))
    assert {item["class"] for item in listed} == {"validation"}
    told = events(tmp_path)
    assert [lines_of(event) for event in told if event["data"]["outcome"] == "rejected"] == [
        [line] for line in range(38, 1001, 100)]
    # A whole that was refused tells nothing: every record is told once.
    assert sorted(line for event in told for line in lines_of(event)) == list(range(1, 1001))
    calls = host.writes()
    assert all(one.left <= other.came for one, other in zip(calls, calls[1:]))


def test_a_call_that_is_refused_for_another_reason_is_not_halved(closefeed, tmp_path):
    with Bulk(lambda call: (404, {"error": "no such list"})) as host:
        path = bulk_pipeline(tmp_path, host, numbered(20))
        result = closefeed("run", path, "--json")
    assert len(host.writes()) == 1 and result.summary["rejected"] == 20
    told = events(tmp_path)
    assert [lines_of(event) for event in told] == [list(range(1, 21))]
    assert told[0]["data"]["error"]["class"] == "not_found"


def test_too_large_a_call_is_halved_until_it_fits(closefeed, tmp_path):
    with Bulk(lambda call: (413, {}) if len(call.json) > 7 else (200, {})) as host:
        path = bulk_pipeline(tmp_path, host, numbered(60))
        assert closefeed("run", path).code == 0
    assert host.arrived() == numbered(60)
    assert all(len(call.json) <= 7 for call in host.accepted())


def test_records_with_other_addresses_or_headers_share_no_call(closefeed, tmp_path):
    records = [{"id": i, "list": i % 2, "tenant": i // 2 % 2} for i in range(16)]
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, records, routes="""
            - method: POST
              url: "/lists/{list}/"
              headers: {x-tenant: "{tenant}"}
              body: {id: "{id}", list: "{list}", tenant: "{tenant}"}
              batch: {size: 100, algorithm: array}
            """)
        assert closefeed("run", path).code == 0
    calls = {(call.path, call.headers["x-tenant"]): call.json for call in host.writes()}
    assert len(calls) == len(host.writes()) == 4
    for (url, tenant), batch in calls.items():
        assert {(f'/lists/{r["list"]}/', str(r["tenant"])) for r in batch} == {(url, tenant)}
        assert [record["id"] for record in batch] == sorted(record["id"] for record in batch)


def test_a_keyed_array_stands_under_its_key(closefeed, tmp_path):
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, numbered(3, kind="a") + numbered(2, 3, kind="b"), routes="""
            - method: POST
              url: /bulk/
              exclude: [kind]
              batch:
                algorithm: keyed_array
                key: items
                with: {source: "{kind}"}
                each: {via: feed}
            """)
        assert closefeed("run", path).code == 0
    assert [call.json for call in host.writes()] == [
        {"source": "a", "items": numbered(3, via="feed")},
        {"source": "b", "items": numbered(2, 3, via="feed")}]


def test_an_expression_makes_the_body_of_the_list(closefeed, tmp_path):
    program = "{program: '{ids: map(.id), n: length}', algorithm: expression, size: 4}"
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, numbered(6), batch=program)
        assert closefeed("run", path).code == 0
    assert [call.json for call in host.writes()] == [
        {"ids": [0, 1, 2, 3], "n": 4}, {"ids": [4, 5], "n": 2}]


def test_a_list_that_the_expression_cannot_take_is_rejected_whole(closefeed, tmp_path):
    program = "{program: 'map(.id + 1)', algorithm: expression, size: 4}"
    records = numbered(4) + [{"id": 4}, {"id": "five"}] + numbered(2, 6) + numbered(2, 8)
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, records, batch=program)
        result = closefeed("run", path, "--json")
    assert [call.json for call in host.writes()] == [[1, 2, 3, 4], [9, 10]]
    assert (result.summary["delivered"], result.summary["rejected"]) == (6, 4)
    rejected = [event for event in events(tmp_path) if event["data"]["outcome"] == "rejected"]
    assert sorted(line for event in rejected for line in lines_of(event)) == [5, 6, 7, 8]
    assert {event["data"]["error"]["class"] for event in rejected} == {"transform"}


# When a call goes

class Slow:
    """A run over a standard input that the test writes as slowly as it likes."""

    def __init__(self, closefeed, path):
        self.process = closefeed.start("run", path, "--json", stdin=subprocess.PIPE)

    def say(self, records):
        self.process.stdin.write(ndjson(records).encode())
        self.process.stdin.flush()

    def end(self):
        out, err = self.process.communicate(timeout=180)
        assert b"Sanitizer" not in err, err.decode()
        return self.process.returncode, json.loads(out.decode().splitlines()[-1])


STDIN = "{ndjson: {path: '-'}}"


def test_a_slow_input_waits_no_longer_than_it_is_told(closefeed, tmp_path):
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, source=STDIN,
                             batch="{size: 100, wait: 300ms, algorithm: array}")
        run = Slow(closefeed, path)
        run.say(numbered(3))
        wait_until(lambda: len(host.writes()) == 1)
        run.say(numbered(2, 3))
        wait_until(lambda: len(host.writes()) == 2)
        code, summary = run.end()
    assert code == 0 and summary["delivered"] == 5
    assert [call.json for call in host.writes()] == [numbered(3), numbered(2, 3)]


def test_a_file_that_is_followed_waits_no_longer_than_it_is_told(closefeed, tmp_path):
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, numbered(3),
                             source="{ndjson: {path: feed.ndjson, follow: true}}",
                             batch="{size: 4, wait: 300ms, algorithm: array}")
        run = Slow(closefeed, path)
        wait_until(lambda: len(host.writes()) == 1)
        with open(tmp_path / "feed.ndjson", "a", encoding="utf-8") as file:
            file.write(ndjson(numbered(5, 3)))
        wait_until(lambda: len(host.writes()) == 3)
        run.process.send_signal(signal.SIGTERM)
        run.process.wait(180)
        run.end()
    assert [call.json for call in host.writes()] == [numbered(3), numbered(4, 3), numbered(1, 7)]


def test_the_end_of_the_input_waits_for_nobody(closefeed, tmp_path):
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, numbered(5),
                             batch="{size: 100, wait: 1h, algorithm: array}")
        result = closefeed("run", path, "--json", timeout=180)
        assert result.code == 0 and [call.json for call in host.writes()] == [numbered(5)]


def test_a_limit_is_an_end_of_the_input_too(closefeed, tmp_path):
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, numbered(9),
                             batch="{size: 4, wait: 1h, algorithm: array}")
        result = closefeed("run", path, "--limit", 6, "--json", timeout=180)
        assert result.code == 0 and result.summary["delivered"] == 6
        assert [call.json for call in host.writes()] == [numbered(4), numbered(2, 4)]
        assert closefeed("run", path).code == 0
    assert host.arrived() == numbered(9)


def test_what_waits_when_the_run_is_stopped_is_read_again(closefeed, tmp_path):
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, source=STDIN,
                             batch="{size: 4, wait: 1h, algorithm: array}")
        run = Slow(closefeed, path)
        run.say(numbered(6))
        wait_until(lambda: len(host.writes()) == 1)
        wait_until(lambda: closefeed("status", path, "--json").json["open"] == 0)
        assert "2 records wait for others to share their call" in closefeed("status", path).out
        run.process.send_signal(signal.SIGTERM)
        run.process.wait(180)
        code, summary = run.end()
        assert code == 75 and summary["read"] == summary["delivered"] == 4, summary
        assert len(host.writes()) == 1
        result = closefeed("run", path, "--json", input=ndjson(numbered(6)))
    assert result.code == 0 and result.summary["read"] == 2
    assert host.arrived() == numbered(6)


def test_more_than_may_wait_goes_before_its_time(closefeed, tmp_path):
    """16 MiB of drafts wait at most, however long they may and however few they are."""
    records = [{"id": i, "list": i, "text": "x" * 900_000} for i in range(40)]
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, source=STDIN, routes="""
            - method: POST
              url: "/lists/{list}/"
              batch: {size: 100, wait: 1h, algorithm: array}
            """)
        run = Slow(closefeed, path)
        run.say(records)
        wait_until(lambda: len(host.writes()) > 10)
        assert run.end()[0] == 0
    assert sorted(record["id"] for record in host.arrived()) == list(range(40))


# Order among calls about one object

def test_a_call_does_not_overtake_a_waiting_one_about_its_object(closefeed, tmp_path):
    routes = """
        - when: .kind == "tag"
          method: POST
          url: /tags/
          batch: {size: 100, wait: 1h, algorithm: array}
        - method: PUT
          url: "/lead/{id}/"
        """
    records = [{"kind": "tag", "lead_id": "lead_A1"}, {"kind": "tag", "lead_id": "lead_B2"},
               {"kind": "put", "id": "lead_C3", "n": 1}, {"kind": "put", "id": "lead_B2", "n": 2},
               {"kind": "tag", "lead_id": "lead_B2"}]
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, records, routes=routes)
        assert closefeed("run", path).code == 0
    about_b = [call.path for call in host.writes()
               if call.path == "/lead/lead_B2/" or b"lead_B2" in call.body]
    assert about_b == ["/tags/", "/lead/lead_B2/", "/tags/"]
    assert [len(call.json) for call in host.writes("/tags/")] == [2, 1]


def test_waiting_calls_of_two_routes_keep_the_order_of_their_object(closefeed, tmp_path):
    routes = """
        - when: .kind == "owner"
          method: PUT
          url: "/people/{id}/"
          body: {n: "{n}"}
          batch: {size: 100, wait: 1h, algorithm: array}
        - method: POST
          url: /tags/
          batch: {size: 100, wait: 1h, algorithm: array}
        """
    records = [{"n": n, "kind": "owner", "id": "lead_A1"} if n % 2 else
               {"n": n, "kind": "tag", "lead_id": "lead_A1"} for n in range(8)]
    with Bulk() as host:
        path = bulk_pipeline(tmp_path, host, records, routes=routes)
        assert closefeed("run", path).code == 0
    assert [record["n"] for record in host.arrived()] == list(range(8))


# What becomes of them

def test_a_rejected_record_is_tried_again_as_a_list_of_one(closefeed, tmp_path):
    mended = []
    with Bulk(lambda call: refuses(lambda r: r["id"] == 7 and not mended)(call)) as host:
        path = bulk_pipeline(tmp_path, host, numbered(20))
        assert closefeed("run", path).code == 1
        mended.append(True)
        n = len(host.writes())
        assert closefeed("rejects", "retry", path, "--all", timeout=180).code == 0
        assert [call.json for call in host.writes()[n:]] == [[{"id": 7}]]
        assert closefeed("rejects", "list", path, "--json").json["rejects"] == []
    assert collections.Counter(r["id"] for r in host.arrived()) == collections.Counter(range(20))


@pytest.mark.parametrize("how", [(), ("--as-sent",)])
def test_of_a_list_that_was_rejected_whole_one_is_tried_again_alone(closefeed, tmp_path, how):
    mended = []
    with Bulk(lambda call: (200, {}) if mended else (404, {})) as host:
        path = bulk_pipeline(tmp_path, host, numbered(5))
        assert closefeed("run", path).code == 1
        mended.append(True)
        listed = closefeed("rejects", "list", path, "--json").json["rejects"]
        third = [item["id"] for item in listed if item["records"][0]["line"] == 3]
        assert closefeed("rejects", "retry", path, *third, *how, timeout=180).code == 0
        assert host.arrived() == [{"id": 2}]
        others = [item["id"] for item in listed if item["records"][0]["line"] in (1, 2, 4)]
        assert closefeed("rejects", "drop", path, *others).code == 0
        fifth = [item["id"] for item in listed if item["records"][0]["line"] == 5]
        assert closefeed("rejects", "retry", path, *fifth, *how, timeout=180).code == 0
        assert host.arrived() == [{"id": 2}, {"id": 4}]
        left = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert left == []


def test_a_list_whose_outcome_is_unknown_is_never_halved(closefeed, tmp_path):
    """Of a POST outside the catalogue nothing can be proven: all its records are held."""
    def cut(call):
        return (500, {"error": "who knows"}) if call.json[0]["id"] == 4 else (200, {})
    with Bulk(cut) as host:
        path = bulk_pipeline(tmp_path, host, numbered(12), batch="{size: 4, algorithm: array}")
        result = closefeed("run", path, "--json")
        assert result.code == 1 and adds_up(result.summary)
        assert (result.summary["delivered"], result.summary["held"]) == (8, 4)
        held = closefeed("held", "list", path, "--json").json["held"]
    assert [item["records"][0]["line"] for item in held] == [5, 6, 7, 8]
    assert len(host.writes()) == 3
    assert [lines_of(event) for event in events(tmp_path) if event["data"]["outcome"] == "held"] == [
        [5, 6, 7, 8]]


def test_a_decision_about_one_record_of_a_held_call_says_that_it_is_about_all(closefeed, tmp_path):
    with Bulk(lambda call: (500, {"error": "who knows"})) as host:
        path = bulk_pipeline(tmp_path, host, numbered(5), batch="{size: 4, algorithm: array}")
        assert closefeed("run", path, "--json").summary["held"] == 5
        first, *_, last = closefeed("held", "list", path, "--json").json["held"]
        assert (first["shared_by"], "shared_by" in last) == (4, False)
        said = closefeed("held", "show", path, str(first["id"])).out
        assert "with 3 other records: `held resolve` of one decides about the whole call" in said
        assert "shared" not in closefeed("held", "show", path, str(last["id"])).out
        done = closefeed("held", "resolve", path, str(first["id"]), "--applied", "thing_1")
        assert done.out == f"{first['id']}  delivered thing_1; decided for all 4 records of its call\n"
        done = closefeed("held", "resolve", path, str(last["id"]), "--give-up", "--json")
        assert "shared_by" not in done.json["results"][0]
        assert closefeed("held", "list", path, "--json").json["held"] == []


def test_a_held_call_is_sent_again_once_however_many_of_its_records_are_named(closefeed, tmp_path):
    """Both decisions wait until /me/ has answered, and would begin together."""
    may_answer = threading.Event()
    follows = "{ndjson: {path: feed.ndjson, follow: true}}"

    def answer(call):
        if call.path.endswith("/me/"):
            may_answer.wait(timeout=180)
            return 404
        return (500, {"error": "who knows"}) if len(host.writes()) == 1 else (200, {})

    with Bulk() as host:
        host.answer = answer
        path = bulk_pipeline(tmp_path, host, numbered(2), source=follows,
                             delivery="quarantine: 600ms\non_unknown: hold")
        may_answer.set()
        first = closefeed.start("run", path, "--json")
        wait_until(lambda: events(tmp_path))
        first.terminate()
        first.communicate(timeout=180)
        ids = [item["id"] for item in closefeed("held", "list", path, "--json").json["held"]]
        assert len(ids) == 2
        may_answer.clear()
        run = closefeed.start("run", path, "--json")
        wait_until(lambda: closefeed("status", path, "--json").json["running"])
        asking = [closefeed.start("held", "resolve", path, str(item), "--send") for item in ids]
        wait_until(lambda: any(process.poll() is not None for process in asking))
        may_answer.set()
        for process in asking:
            process.communicate(timeout=180)
        wait_until(lambda: len(events(tmp_path)) >= 2)
        run.terminate()
        run.communicate(timeout=180)
    assert sorted(process.returncode for process in asking) == [0, 75]
    assert len(host.writes()) == 2
    assert [event["data"]["outcome"] for event in events(tmp_path)] == ["held", "delivered"]
