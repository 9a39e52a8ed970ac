"""The main job end to end: records become objects, once each, and every answer is told."""

import collections
import json
import signal

from harness import ndjson, wait_until

IDENTITY_ROUTE = """
- name: companies
  operation: lead.create
  exclude: [id]
  identity: {{custom.{field}: "{{id}}"}}
"""


def companies(n, first=1):
    return [{"id": f"C-{i}", "name": f"Company {i}"} for i in range(first, first + n)]


def with_identity(sandbox):
    """A route with an identity, and the name of its field on objects."""
    field = sandbox.post("/custom_field/lead/", {"name": "Feed Key", "type": "text"})["id"]
    return IDENTITY_ROUTE.format(field=field), f"custom.{field}"


def adds_up(summary):
    return summary["read"] == sum(
        summary[key] for key in ("delivered", "filtered", "skipped", "rejected", "held", "open"))


def by_outcome(events):
    distinct = {event["id"]: event for event in events}
    return collections.Counter(event["data"]["outcome"] for event in distinct.values())


def test_every_record_becomes_a_lead_and_an_event(closefeed, pipeline, sandbox):
    result = closefeed("run", pipeline(companies(40)), "--json")
    assert result.code == 0, result.err
    assert result.summary["read"] == result.summary["delivered"] == 40 and adds_up(result.summary)
    assert sorted(lead["name"] for lead in sandbox.objects("lead")) == sorted(
        company["name"] for company in companies(40))
    events = sandbox.hook_events()
    assert len(events) == len({event["id"] for event in events}) == 40
    assert {event["subject"] for event in events} == {lead["id"] for lead in sandbox.objects("lead")}
    assert sorted(event["data"]["records"][0]["line"] for event in events) == list(range(1, 41))


def test_a_second_run_sends_nothing(closefeed, pipeline, sandbox):
    path = pipeline(companies(5))
    assert closefeed("run", path).code == 0
    result = closefeed("run", path, "--json")
    assert result.code == 0 and result.summary["read"] == 0
    assert len(sandbox.objects("lead")) == 5 and len(sandbox.hook_events()) == 5


def test_a_file_that_grew_goes_on_where_it_was(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline(companies(5))
    assert closefeed("run", path).code == 0
    with open(tmp_path / "signups.ndjson", "a", encoding="utf-8") as more:
        more.write(ndjson(companies(3, first=6)))
    result = closefeed("run", path, "--json")
    assert result.code == 0 and result.summary["delivered"] == 3
    assert len(sandbox.objects("lead")) == 8


def test_a_limit_stops_early_and_the_next_run_goes_on(closefeed, pipeline, sandbox):
    path = pipeline(companies(9))
    first = closefeed("run", path, "--limit", "4", "--json")
    assert first.code == 0 and first.summary["delivered"] == 4
    second = closefeed("run", path, "--json")
    assert second.code == 0 and second.summary["delivered"] == 5
    assert len(sandbox.objects("lead")) == 9


def test_standard_input_is_a_source(closefeed, pipeline, sandbox):
    path = pipeline(source='ndjson: {path: "-"}')
    result = closefeed("run", path, "--json", input=ndjson(companies(6)))
    assert result.code == 0, result.err
    assert result.summary["delivered"] == 6 and len(sandbox.objects("lead")) == 6


def test_what_is_wrong_with_a_record_is_told_and_kept(closefeed, pipeline, sandbox):
    path = pipeline([
        {"name": "Good"},
        '{"name": "Cut',
        '{"name": "Twice", "name": "Again"}',
        "[1, 2]",
        {"name": "Bad mail", "contacts": [{"name": "A", "emails": [{"email": "not an address"}]}]},
    ], delivery="max_rejects: none")
    result = closefeed("run", path, "--json")
    assert result.code == 1 and adds_up(result.summary)
    assert result.summary["delivered"] == 1 and result.summary["rejected"] == 4
    assert by_outcome(sandbox.hook_events()) == {"delivered": 1, "rejected": 4}

    listed = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert [(r["class"], r["records"][0]["line"]) for r in listed] == [
        ("json", 2), ("json", 3), ("json", 4), ("validation", 5)]
    assert "contacts[0].emails[0].email" in listed[3]["fields"]
    shown = closefeed("rejects", "show", path, listed[3]["id"], "--json").json["rejects"][0]
    assert json.loads(shown["record"])["name"] == "Bad mail"
    assert shown["request"]["method"] == "POST" and shown["response"]["status"] == 400
    assert "Bad mail" in closefeed("rejects", "show", path, listed[3]["id"]).out
    only = closefeed("rejects", "list", path, "--class", "validation", "--json").json["rejects"]
    assert [r["id"] for r in only] == [listed[3]["id"]]


def test_a_reject_is_shaped_again_by_the_mended_pipeline(closefeed, pipeline, sandbox):
    path = pipeline([{"name": "A", "contacts": "none"}])
    assert closefeed("run", path).code == 1
    assert closefeed("rejects", "retry", path, "--all").code == 1
    path.write_text(path.read_text().replace("lead.create", "lead.create\n    exclude: [contacts]"))
    result = closefeed("rejects", "retry", path, "--all", "--json")
    assert result.code == 0, result.out + result.err
    assert [r["outcome"] for r in result.json["results"]] == ["delivered"]
    assert [lead["name"] for lead in sandbox.objects("lead")] == ["A"]
    assert closefeed("rejects", "list", path, "--json").json["rejects"] == []
    outcomes = [e["data"]["outcome"] for e in sandbox.hook_events()]
    assert outcomes[0] == "rejected" and outcomes[-1] == "delivered"


def test_dropped_rejects_are_gone(closefeed, pipeline):
    path = pipeline(["{", "[", '{"name": "x"}'])
    assert closefeed("run", path).code == 1
    assert closefeed("rejects", "drop", path, "--all", "--json").json == {"dropped": 2}
    assert closefeed("rejects", "list", path).out == "Nothing is rejected.\n"


def test_status_is_the_same_question_while_it_runs_and_after(
        closefeed, pipeline, sandbox, tmp_path):
    sandbox.post("/_sandbox/settings", {"latency_ms": 200})
    path = pipeline(companies(400), close="concurrency: 2")
    process = closefeed.start("run", path)
    try:
        wait_until((tmp_path / "state/closefeed/signups/control.sock").exists)
        during = wait_until(lambda: (s := closefeed("status", path, "--json").json)["running"]
                            and s)
        assert during["pid"] == process.pid and during["pipeline"] == "signups"
        other = closefeed("run", path)
        assert other.code == 75 and str(process.pid) in other.err
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=180)
        assert process.returncode == 75, err.decode()
    finally:
        process.kill()
    after = closefeed("status", path, "--json").json
    assert after["running"] is False and set(during) - {"pid"} == set(after)
    assert "not running" in closefeed("status", path).out


def test_killed_half_way_it_goes_on_and_nothing_is_twice(closefeed, pipeline, sandbox):
    routes, field = with_identity(sandbox)
    sandbox.post("/_sandbox/settings", {"latency_ms": 30, "rate_limit": False})
    path = pipeline(companies(120), routes=routes)
    process = closefeed.start("run", path)
    wait_until(lambda: len(sandbox.objects("lead")) >= 40, every=0.005)
    process.kill()
    process.communicate()
    result = closefeed("run", path, "--json")
    assert result.code == 0, result.out + result.err
    assert adds_up(result.summary) and result.summary["rejected"] == 0
    keys = collections.Counter(lead[field] for lead in sandbox.objects("lead"))
    assert len(keys) == 120 and set(keys.values()) == {1}
    assert by_outcome(sandbox.hook_events()) == {"delivered": 120}


def test_a_lost_answer_is_looked_up_by_identity(closefeed, pipeline, sandbox):
    routes, field = with_identity(sandbox)
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=3)
    result = closefeed("run", pipeline(companies(8), routes=routes), "--json")
    assert result.code == 0, result.out + result.err
    assert sorted(lead[field] for lead in sandbox.objects("lead")) == [
        f"C-{i}" for i in range(1, 9)]
    found = [e for e in sandbox.hook_events() if e["data"]["found_by_lookup"]]
    assert len(found) == 1 and by_outcome(sandbox.hook_events()) == {"delivered": 8}


def test_a_create_that_never_arrived_is_sent_again_after_the_quarantine(
        closefeed, pipeline, sandbox):
    routes, field = with_identity(sandbox)
    sandbox.add_fault("reset_before", method="POST", path="/lead/", n=3)
    # One at a time, so that leads made later prove that the search has come so far.
    path = pipeline(companies(8), routes=routes, close="concurrency: 1")
    result = closefeed("run", path, "--json")
    assert result.code == 0, result.out + result.err
    keys = collections.Counter(lead[field] for lead in sandbox.objects("lead"))
    assert len(keys) == 8 and set(keys.values()) == {1}


def test_without_an_identity_it_is_looked_up_by_what_close_keeps_of_it(
        closefeed, pipeline, sandbox):
    """Its `id` is not Close's."""
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=3)
    result = closefeed("run", pipeline(companies(8)), "--json")
    assert result.code == 0, result.out + result.err
    assert len(sandbox.objects("lead")) == len(sandbox.requests("POST", "/lead/")) == 8
    assert len([e for e in sandbox.hook_events() if e["data"]["found_by_lookup"]]) == 1


def test_a_lost_answer_that_is_not_looked_up_is_held_for_a_person(closefeed, pipeline, sandbox):
    path = pipeline(companies(6), delivery="on_unknown: hold")
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=2)
    sandbox.add_fault("reset_after", method="POST", path="/lead/", n=4)
    result = closefeed("run", path, "--json")
    assert result.code == 1 and result.summary["held"] == 2 and adds_up(result.summary)
    assert len(sandbox.objects("lead")) == 6

    held = closefeed("held", "list", path, "--json").json["held"]
    assert [item["class"] for item in held] == ["unknown", "unknown"] and held[0]["known"]
    lead = next(lead for lead in sandbox.objects("lead")
                if lead["name"] == json.loads(
                    closefeed("held", "show", path, held[0]["id"], "--json").json["held"][0][
                        "record"])["name"])
    assert closefeed("held", "resolve", path, held[0]["id"]).code == 2
    assert closefeed("held", "resolve", path, held[0]["id"], "--applied", lead["id"]).code == 0
    closefeed("held", "resolve", path, held[1]["id"], "--give-up")
    assert closefeed("held", "list", path).out == "Nothing is held.\n"
    assert len(sandbox.objects("lead")) == 6
    outcomes = by_outcome(sandbox.hook_events())
    assert outcomes["held"] == 2 and outcomes["delivered"] == 5 and outcomes["rejected"] == 1


def test_rate_limits_are_obeyed_and_nothing_is_lost(closefeed, pipeline, sandbox):
    sandbox.post("/_sandbox/settings", {"rate": {"write": 20}})
    sandbox.add_fault("429", method="POST", path="/lead/", n=5, seconds=1)
    result = closefeed("run", pipeline(companies(40)), "--json", timeout=120)
    assert result.code == 0, result.out + result.err
    assert len(sandbox.objects("lead")) == 40


def test_excluded_paths_are_in_no_request(closefeed, pipeline, sandbox):
    path = pipeline(
        [{"name": "A", "id": "secret-id", "meta": {"ip": "secret-ip"}, "_x": "secret-x",
          "contacts": [{"name": "B", "score": "secret-score"}]}],
        more='exclude: [id, meta.ip, "_*", "contacts[].score"]')
    assert closefeed("run", path).code == 0
    assert all("secret" not in str(r["body"]) for r in sandbox.requests())


def test_the_key_is_in_no_output_file_or_event(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline(companies(3) + ["{"])
    result = closefeed("run", path, "--json")
    assert result.code == 1
    for kept in [result.out, result.err, json.dumps(sandbox.hook_events())]:
        assert sandbox.key not in kept
    for file in (tmp_path / "state").rglob("*"):
        if file.is_file():
            assert sandbox.key.encode() not in file.read_bytes(), file
            assert file.stat().st_mode & 0o077 == 0, file


def test_live_progress_and_summary_add_up_for_people(closefeed, pipeline):
    result = closefeed("run", pipeline(companies(3)))
    assert result.code == 0 and result.out == ""
    rows = dict(reversed(line.split()[:2]) for line in result.err.splitlines()
                if line.startswith("    "))
    assert rows["read"] == rows["delivered"] == "3"


def test_json_ends_with_a_summary_also_where_nothing_could_begin(closefeed, pipeline):
    path = pipeline([{"name": "Acme"}])
    (closefeed.folder / "signups.ndjson").unlink()
    result = closefeed("run", path, "--json")
    assert result.code == 65 and "signups.ndjson" in result.err
    assert result.summary["read"] == 0 and "signups.ndjson" in result.summary["reason"]


def test_the_summary_counts_the_keys_that_close_ignores(closefeed, pipeline):
    path = pipeline([{"name": "A", "colour": 1, "_row": 1}, {"name": "B", "_row": 2}, {"name": "C"}])
    told = closefeed("run", path, "--json")
    assert told.code == 0 and told.summary["unknown_keys"] == 3
    path = pipeline([{"name": "D", "_row": 4}], name="people")
    said = closefeed("run", path)
    assert said.code == 0 and "1 key that Close does not know" in said.err
