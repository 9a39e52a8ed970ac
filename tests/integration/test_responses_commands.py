"""`closefeed responses flush|resend|resume`: what a person can do about what receivers are told."""

import os
import subprocess
import time

import pytest

from harness import ndjson, take_time, wait_until
from receiver import Server

STDIN = 'ndjson: {path: "-"}'


@pytest.fixture
def hook():
    with Server() as server:
        yield server


def to(url, more=""):
    return f'webhook: {{url: "{url}", secret: {{env: HOOK_SECRET}}}}{more}'


def leads(n, first=0):
    return [{"name": f"N{i}"} for i in range(first, first + n)]


class Owner:
    """A run over standard input that waits for more, and so owns the state."""

    def __init__(self, closefeed, path, records):
        self.process = closefeed.start("run", path, stdin=subprocess.PIPE)
        self.more(records)

    def more(self, records):
        self.process.stdin.write(ndjson(records).encode())
        self.process.stdin.flush()

    def end(self):
        _, err = self.process.communicate(timeout=180)
        assert b"Sanitizer" not in err, err.decode()
        return self.process.returncode


@pytest.fixture
def run_owner(closefeed):
    owners = []

    def start(path, records):
        owners.append(Owner(closefeed, path, records))
        return owners[-1]

    yield start
    for owner in owners:
        if owner.process.poll() is None:
            owner.end()


def ids_of(events):
    return [event["id"] for event in events]


# flush


def test_flush_sends_what_waits_and_reads_nothing(closefeed, pipeline, sandbox, hook):
    hook.answer = lambda call: 503
    path = pipeline(leads(3), responses=to(hook.url), delivery="drain: 1s")
    assert closefeed("run", path).code == 75
    n_calls = len(sandbox.requests())
    (path.parent / "signups.ndjson").write_text(ndjson(leads(4)))

    def is_answered():
        flush = closefeed("responses", "flush", path)
        assert flush.code == 75 and "0 events told" in flush.out
        return "3 still wait: the receiver answered 503" in flush.out

    wait_until(is_answered)
    hook.answer = lambda call: 200
    flush = closefeed("responses", "flush", take_time(path))
    assert (flush.code, flush.out) == (0, "3 events told\n")
    assert len(set(ids_of(hook.accepted()))) == 3
    assert len(sandbox.requests()) == n_calls  # Close was not asked for anything
    assert closefeed("status", path, "--json").json["events_owed"] == 0
    assert closefeed("responses", "flush", path, "--json").json == {"told": 0, "waiting": 0}


def test_flush_waits_no_longer_than_drain(closefeed, pipeline, hook):
    hook.answer = lambda call: 503
    path = pipeline(leads(1), responses=to(hook.url), delivery="drain: 1s")
    closefeed("run", path)
    def is_quick():
        began = time.monotonic()
        assert closefeed("responses", "flush", path).code == 75
        assert 0.9 < time.monotonic() - began
        return time.monotonic() - began < 8

    wait_until(is_quick)  # not always, where the machine is busy


def test_a_running_owner_tries_at_once_when_it_is_asked_to(closefeed, pipeline, hook, run_owner):
    """Five failures lead to a back-off of seconds; nobody waits for it."""
    path = pipeline(source=STDIN, responses=to(hook.url), delivery="drain: 3s")
    owner, n = run_owner(path, []), 0

    def is_told_at_once():
        nonlocal n
        n_calls, n, hook.answer = len(hook.calls), n + 5, lambda call: 503
        owner.more(leads(5, first=n - 5))
        wait_until(lambda: len(hook.calls) >= n_calls + 6, timeout=180)
        hook.answer = lambda call: 200
        flush = closefeed("responses", "flush", path)
        assert flush.code in (0, 75) and "told" in flush.out
        return flush.code == 0  # 75: nobody answered in time

    wait_until(is_told_at_once)
    assert len(set(ids_of(hook.accepted()))) == n
    assert owner.end() == 0


def test_a_running_owner_says_why_events_still_wait(closefeed, pipeline, hook, run_owner):
    hook.answer = lambda call: 500
    path = pipeline(source=STDIN, responses=to(hook.url), delivery="drain: 1s")
    owner = run_owner(path, leads(2))
    wait_until(lambda: closefeed("status", path, "--json").json["events_owed"] == 2)

    def why():
        flush = closefeed("responses", "flush", path, "--json")
        assert flush.code == 75 and flush.json["waiting"] == 2
        return flush.json["why"]

    wait_until(lambda: why() == "the receiver answered 500")
    owner.more(leads(1, first=2))  # it goes on reading
    wait_until(lambda: closefeed("status", path, "--json").json["events_owed"] == 3)
    hook.answer = lambda call: 200
    wait_until(lambda: closefeed("responses", "flush", path).code == 0)
    assert owner.end() == 0


def test_flush_brings_a_file_up_to_date(closefeed, pipeline, tmp_path):
    events = tmp_path / "events.ndjson"
    path = pipeline(leads(4), responses=f"file: {events}")
    env = {"CLOSEFEED_KILL_AT": "file_appended:3"}
    assert closefeed("run", path, env=env).code == -9
    before = events.read_text().count("\n")
    flush = closefeed("responses", "flush", path, "--json")
    assert flush.code == 0 and flush.json["waiting"] == 0
    assert events.read_text().count("\n") >= before + flush.json["told"] > before
    # What had no outcome yet was not begun by it; a create that was on its way is held.
    assert closefeed("run", path).code in (0, 1)
    assert len({line for line in events.read_text().splitlines()}) == 4


# resend


def test_accepted_events_are_sent_again_under_the_same_id(closefeed, pipeline, hook):
    path = pipeline(leads(3), responses=to(hook.url))
    assert closefeed("run", path).code == 0
    (path.parent / "signups.ndjson").write_text(ndjson(leads(5)))
    assert closefeed("run", path).code == 0
    first = hook.events()
    assert len(first) == 5

    again = closefeed("responses", "resend", path, "--run", "1")
    assert (again.code, again.out) == (0, "3 events told again\n")
    assert sorted(ids_of(hook.events()[5:])) == sorted(ids_of(first[:3]))
    assert {e["id"]: e for e in hook.events()[5:]} == {e["id"]: e for e in first[:3]}

    again = closefeed("responses", "resend", path, first[4]["id"], "clo_gone")
    assert again.code == 0 and again.out == "1 event told again\n"
    assert "1 of them is not kept" in again.err
    assert hook.events()[8:] == [first[4]]

    assert closefeed("responses", "resend", path, "--since", "1h", "--json").json["resent"] == 5
    assert closefeed("responses", "resend", path, "--since", "2038-01-01T00:00:00Z",
                     "--json").json["resent"] == 0
    assert closefeed("responses", "resend", path, "--run", "2", "--since", "1h",
                     "--json").json["resent"] == 2
    assert closefeed("status", path, "--json").json["events_owed"] == 0


def test_a_running_owner_sends_again_and_goes_on(closefeed, pipeline, hook, run_owner):
    path = pipeline(source=STDIN, responses=to(hook.url))
    owner = run_owner(path, leads(20))
    wait_until(lambda: len(hook.accepted()) == 20)
    told = [closefeed.start("responses", "resend", path, "--run", "1", "--json")
            for _ in range(2)]  # two people at once: nothing is lost, nothing waits for ever
    owner.more(leads(20, first=20))
    for process in told:
        out, err = process.communicate(timeout=180)
        assert process.returncode == 0, err.decode()
    assert owner.end() == 0
    ids = ids_of(hook.accepted())
    assert len(set(ids)) == 40 and len(ids) >= 60


def test_resend_keeps_the_order_of_a_lane(closefeed, pipeline, sandbox, hook):
    lead = sandbox.post("/lead/", {"name": "Old"})["id"]
    path = pipeline([{"id": lead, "name": f"N{i}"} for i in range(6)], responses=to(hook.url),
                    routes="- operation: lead.update")
    assert closefeed("run", path).code == 0
    lines = [e["data"]["records"][0]["line"] for e in hook.events()]
    assert lines == [1, 2, 3, 4, 5, 6]
    assert closefeed("responses", "resend", path, "--run", "1").code == 0
    assert [e["data"]["records"][0]["line"] for e in hook.events()] == lines * 2


def test_a_kill_while_it_sends_again_loses_nothing(closefeed, pipeline, hook):
    path = pipeline(leads(5), responses=to(hook.url))
    assert closefeed("run", path).code == 0
    for point in ("commit_applied:1", "resend_durable:1", "webhook_accepted:3"):
        n = len(hook.events())
        killed = closefeed("responses", "resend", path, "--run", "1",
                           env={"CLOSEFEED_KILL_AT": point})
        assert killed.code == -9, point
        assert closefeed("responses", "flush", path).code == 0
        assert closefeed("responses", "resend", path, "--run", "1", "--json").json["resent"] == 5
        assert set(ids_of(hook.events()[n:])) == set(ids_of(hook.events()[:5]))


def test_without_a_webhook_the_file_gets_them_again(closefeed, pipeline, tmp_path, run_owner):
    events = tmp_path / "events.ndjson"
    path = pipeline(source=STDIN, responses=f"file: {events}")
    owner = run_owner(path, leads(3))
    wait_until(lambda: events.exists() and events.read_text().count("\n") == 3)
    again = closefeed("responses", "resend", path, "--since", "1h")
    assert (again.code, again.out) == (0, "3 events told again\n")
    owner.more(leads(2, first=3))
    assert owner.end() == 0
    lines = events.read_text().splitlines()
    assert len(lines) == 8 and len(set(lines)) == 5
    assert closefeed("responses", "resend", path, "--since", "1h", "--json").json["resent"] == 5
    assert events.read_text().count("\n") == 13


# resume


def test_after_410_nothing_is_sent_until_a_person_says_so(closefeed, pipeline, sandbox, hook):
    hook.answer = lambda call: 410
    path = pipeline(leads(2), responses=to(hook.url))
    assert closefeed("run", path).code == 75
    assert len(hook.calls) >= 1
    n_calls = len(hook.calls)
    hook.answer = lambda call: 200

    # It is the same in the next run, which reads on all the same.
    (path.parent / "signups.ndjson").write_text(ndjson(leads(3)))
    run = closefeed("run", path)
    assert run.code == 75 and "responses resume" in run.err
    assert len(sandbox.objects("lead")) == 3 and len(hook.calls) == n_calls
    status = closefeed("status", path)
    assert "410 Gone" in status.out and "closefeed responses resume" in status.out
    assert "3 events are kept" in status.out
    assert closefeed("status", path, "--json").json["responses_paused"].endswith("Z")
    for words in (["flush"], ["resend", "--since", "1h"]):
        refused = closefeed("responses", words[0], path, *words[1:])
        assert refused.code == 75 and "responses resume" in refused.err
    assert len(hook.calls) == n_calls

    resumed = closefeed("responses", "resume", path)
    assert resumed.code == 0 and "3 events wait for the next run" in resumed.out
    assert "410" not in closefeed("status", path).out
    assert "responses flush" in closefeed("status", path).out
    assert closefeed("responses", "flush", path).code == 0
    assert len(hook.accepted()) == 3
    assert closefeed("responses", "resume", path).out == "nothing was paused\n"


def test_another_receiver_is_not_meant_by_it(closefeed, pipeline, hook):
    hook.answer = lambda call: 410
    path = pipeline(leads(2), responses=to(hook.url))
    assert closefeed("run", path).code == 75
    with Server() as other:
        path.write_text(path.read_text().replace(hook.url, other.url))
        assert closefeed("run", path).code == 0
        assert len(other.accepted()) == 2


def test_a_running_owner_resumes_at_once(closefeed, pipeline, sandbox, hook, run_owner):
    hook.answer = lambda call: 410
    path = pipeline(source=STDIN, responses=to(hook.url))
    owner = run_owner(path, leads(1))
    wait_until(lambda: hook.calls and hook.calls[0].left)
    wait_until(lambda: "responses_paused" in closefeed("status", path, "--json").json)
    owner.more(leads(2, first=1))
    wait_until(lambda: len(sandbox.objects("lead")) == 3)
    hook.answer = lambda call: 200
    resumed = closefeed("responses", "resume", path)
    assert resumed.code == 0 and "the receiver is sent to again" in resumed.out
    wait_until(lambda: len(hook.accepted()) == 3)
    assert owner.end() == 0


def test_the_pause_holds_also_after_a_kill(closefeed, pipeline, hook):
    hook.answer = lambda call: 410
    path = pipeline(leads(1), responses=to(hook.url))
    assert closefeed("run", path, env={"CLOSEFEED_KILL_AT": "webhook_paused:1"}).code == -9
    n_calls = len(hook.calls)
    assert closefeed("run", path).code == 75 and len(hook.calls) == n_calls
    assert "responses_paused" in closefeed("status", path, "--json").json


# Words


def test_words_that_make_no_sense_are_refused(closefeed, pipeline, hook):
    path = pipeline(leads(1), responses=to(hook.url))
    for words, says in [
        (["mend", path], 'cannot "mend"'),
        (["resend", path], "which ones"),
        (["resend", path, "12"], "clo_"),
        (["resend", path, "--since", "yesterday"], "no time"),
        (["resend", path, "--since", "-2h"], "no time"),
        (["resend", path, "--run", "x"], "--run"),
        (["flush", path, "--run", "1"], "responses resend"),
        (["flush", path, "clo_a"], "responses resend"),
        (["resume", path, "--since", "1h"], "responses resend"),
        (["flush"], "responses flush|resend|resume PIPELINE"),
    ]:
        refused = closefeed("responses", *words)
        assert refused.code == 2 and says in refused.err, (words, refused.err)
    silent = pipeline(leads(1), name="silent", responses="file: x.ndjson")
    silent.write_text(silent.read_text().split("responses:")[0])
    assert "nobody is told" in closefeed("responses", "flush", silent).err


def test_a_state_that_never_was_has_nothing_to_tell(closefeed, pipeline, hook, tmp_path):
    path = pipeline(leads(1), responses=to(hook.url))
    assert closefeed("responses", "flush", path).out == "0 events told\n"
    assert closefeed("responses", "resend", path, "--run", "1").out == "0 events told again\n"
    assert closefeed("responses", "resume", path).out == "nothing was paused\n"
    assert not os.path.exists(tmp_path / "state") and hook.calls == []
