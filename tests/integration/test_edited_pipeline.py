"""The pipeline file is edited between two runs: what was begun is finished as it was rendered."""

import json
import re
import signal

import pytest
from harness import wait_until
from trouble import Receiver, companies, lead_names, make_fast, names

BEFORE, AFTER = "written before", "written after"

ROUTE = """
- operation: lead.create
  body: {{name: "{{name}}", description: "{text}", custom.{field}: "{{id}}"}}
  identity: {{custom.{field}: "{{id}}"}}
"""


@pytest.fixture
def fast(sandbox):
    return make_fast(sandbox)


@pytest.fixture
def edited(fast, pipeline):
    """Writes the pipeline with one description or another: edited(BEFORE, records)."""
    field = fast.post("/custom_field/lead/", {"name": "Feed Key", "type": "text"})["id"]

    def write(text, records=None, **how):
        how = {"delivery": "quarantine: 700ms", "close": "concurrency: 3", **how}
        return pipeline(records, routes=ROUTE.format(text=text, field=field), **how)

    return write


def descriptions(sandbox):
    """Company number → description."""
    return {int(lead["name"].split()[-1]): lead["description"] for lead in sandbox.objects("lead")}


def kill_at(closefeed, path, point):
    process = closefeed.start("run", path, env={"CLOSEFEED_KILL_AT": point})
    _, err = process.communicate(timeout=180)
    assert process.returncode == -signal.SIGKILL, err.decode()


def test_a_request_with_an_intent_is_sent_as_it_was_rendered_and_the_rest_as_it_is_now(
        closefeed, edited, fast):
    path = edited(BEFORE, companies(12))
    kill_at(closefeed, path, "intent_durable:1")
    assert fast.objects("lead") == []
    edited(AFTER)
    result = closefeed("run", path, "--json")
    assert result.code == 0, result.out + result.err
    # The first three had their INTENT in one commit before the kill; the others had none.
    assert descriptions(fast) == {n: BEFORE if n <= 3 else AFTER for n in range(1, 13)}
    assert lead_names(fast) == names(12)
    assert len({e["id"] for e in fast.hook_events()}) == 12


def test_a_create_that_arrived_before_the_kill_is_not_made_again_by_the_new_rules(
        closefeed, edited, fast):
    path = edited(BEFORE, companies(9))
    kill_at(closefeed, path, "answer_came:2")
    n_made = len(fast.objects("lead"))
    assert n_made >= 2
    edited(AFTER)
    result = closefeed("run", path, "--json")
    assert result.code == 0, result.out + result.err
    assert lead_names(fast) == names(9)
    texts = descriptions(fast)
    assert all(texts[n] == BEFORE for n in range(1, n_made + 1)) and texts[9] == AFTER


def test_what_was_refused_with_429_and_put_back_is_finished_as_rendered(
        closefeed, edited, fast):
    fast.add_fault("429", method="POST", path="/lead/", seconds=60)
    path = edited(BEFORE, companies(8), delivery="quarantine: 700ms\ndrain: 1s")
    process = closefeed.start("run", path, "--json")
    try:
        wait_until(lambda: any(r["status"] == 429 for r in fast.requests("POST", "/lead/")))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=180)
    finally:
        process.kill()
    assert process.returncode == 75, err.decode()
    n_begun = json.loads(out.splitlines()[-1])["open"]
    refused = len([r for r in fast.requests("POST", "/lead/") if r["status"] == 429])
    assert 1 <= refused <= n_begun
    fast.clear_faults()
    edited(AFTER)
    result = closefeed("run", path, "--json")
    assert result.code == 0, result.out + result.err
    texts = descriptions(fast)
    assert [n for n in sorted(texts) if texts[n] == BEFORE] == list(range(1, refused + 1))
    assert lead_names(fast) == names(8)


def test_events_that_wait_are_told_as_they_were_and_to_where_the_file_says_now(
        closefeed, edited, fast):
    away, receiver = Receiver(503), Receiver()

    def hooked(to):
        return (f'webhook: {{url: "{to.url}", secret: {{env: HOOK_SECRET}}}}\n'
                "include: [request, response]")

    try:
        path = edited(BEFORE, companies(3), responses=hooked(away),
                      delivery="quarantine: 700ms\ndrain: 200ms")
        assert closefeed("run", path).code == 75
        edited(AFTER, responses=hooked(receiver))
        result = closefeed("run", path)
        assert result.code == 0, result.err
        events = receiver.events()
        assert [e["data"]["request"]["body"]["description"] for e in events] == [BEFORE] * 3
        assert {e["id"] for e in events} >= set(away.ids())
    finally:
        away.close()
        receiver.close()


def test_a_held_create_is_sent_as_it_was_rendered(closefeed, edited, fast):
    fast.add_fault("reset_before", method="POST", path="/lead/", n=2)
    path = edited(BEFORE, companies(3), delivery="on_unknown: hold")
    assert closefeed("run", path).code == 1
    (item,) = closefeed("held", "list", path, "--json").json["held"]
    edited(AFTER)
    result = closefeed("held", "resolve", path, item["id"], "--send")
    assert result.code == 0, result.out + result.err
    assert set(descriptions(fast).values()) == {BEFORE} and lead_names(fast) == names(3)


def test_a_reject_is_retried_by_the_new_rules_or_as_it_was_sent(closefeed, edited, fast):
    fast.add_fault("status", method="POST", path="/lead/", status=422, times=2)
    path = edited(BEFORE, companies(2), close="concurrency: 1")
    assert closefeed("run", path).code == 1
    first, second = closefeed("rejects", "list", path, "--json").json["rejects"]
    edited(AFTER)
    assert closefeed("rejects", "retry", path, first["id"], "--as-sent").code == 0
    assert closefeed("rejects", "retry", path, second["id"]).code == 0
    assert descriptions(fast) == {1: BEFORE, 2: AFTER}


def test_a_reject_whose_route_is_gone_is_refused_and_kept(closefeed, pipeline, fast):
    path = pipeline([{"name": "A", "contacts": "none"}])
    assert closefeed("run", path).code == 1
    path.write_text(path.read_text().replace("lead.create", "contact.create\n    name: people"))
    result = closefeed("rejects", "retry", path, "--all")
    assert result.code != 0 and "lead.create" in result.out + result.err
    assert len(closefeed("rejects", "list", path, "--json").json["rejects"]) == 1
    assert fast.objects("contact") == []


def test_a_mistake_in_the_edited_file_costs_nothing(closefeed, edited, fast):
    path = edited(BEFORE, companies(6))
    assert closefeed("run", path, "--limit", "3").code == 0
    n_asked = len(fast.requests())
    path.write_text(path.read_text().replace("operation:", "operatoin:"))
    result = closefeed("run", path)
    assert result.code == 78 and 'did you mean "operation"' in result.err
    assert len(fast.requests()) == n_asked
    edited(AFTER)
    assert closefeed("run", path).code == 0
    assert descriptions(fast) == {n: BEFORE if n <= 3 else AFTER for n in range(1, 7)}


def test_another_name_is_another_state(closefeed, edited, fast, tmp_path):
    path = edited(BEFORE, companies(2))
    assert closefeed("run", path).code == 0
    path.write_text(path.read_text().replace("name: signups", "name: again", 1))
    result = closefeed("run", path)
    # Each state knows what it made itself; another one would make twins, and says that it is new.
    assert re.search('no state for "again": reads signups.ndjson from line 1, 2 lines', result.err)
    assert sorted(f.name for f in (tmp_path / "state" / "closefeed").iterdir()) == [
        "again", "signups"]
