"""The state folder: unwritable, full, taken, somebody else's; and runs that are told to stop."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import time

import pytest
from harness import KEY, ndjson, take_time, wait_until
from trouble import (
    Relay, adds_up, companies, identity_route, lead_names, make_fast, names, on_terminal)

STDIN = 'ndjson: {path: "-"}'
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a file system needs root")


@pytest.fixture
def fast(sandbox):
    return make_fast(sandbox)


@pytest.fixture
def mount(tmp_path):
    """Mounts small file systems of memory; they are gone after the test."""
    mounted = []

    def mount(options):
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
                          check=False).returncode:
            pytest.skip("root may not mount here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)


def state_folder(tmp_path, name="signups"):
    return tmp_path / "state" / "closefeed" / name


def said(result):
    return result.out + result.err


# A folder that cannot be used


@needs_root
def test_a_state_folder_that_is_read_only_is_named_before_anything_is_sent(
        closefeed, pipeline, fast, mount):
    folder = mount("size=1m,ro,mode=0700")
    path = pipeline(companies(2), more=f'state: "{folder}"')
    result = closefeed("run", path)
    assert result.code == 74
    assert str(folder) in result.err and "Read-only file system" in result.err
    path.write_text(path.read_text().replace(str(folder), f"{folder}/deeper"))
    result = closefeed("run", path)
    assert result.code == 74 and "name another with `state`" in result.err
    assert fast.requests() == []


def test_a_state_folder_others_may_write_or_that_is_none_is_refused(
        closefeed, pipeline, fast, tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    path = pipeline(companies(2), more="state: open")
    result = closefeed("run", path)
    assert result.code == 74 and "written by others" in result.err and "chmod" in result.err
    folder.chmod(0o700)
    folder.rmdir()
    folder.write_text("")
    result = closefeed("run", path)
    assert result.code == 74 and str(folder) in result.err
    assert fast.requests() == []


def test_a_state_that_is_damaged_is_said_and_a_new_one_keeps_the_old_file(
        closefeed, pipeline, fast, tmp_path):
    path = pipeline(companies(3))
    assert closefeed("run", path).code == 0
    journal = state_folder(tmp_path) / "journal.db"
    (state_folder(tmp_path) / "journal.db-wal").unlink(missing_ok=True)
    journal.write_bytes(b"no database at all\n" * 1000)
    result = closefeed("run", path)
    assert result.code == 74 and "journal.db" in result.err
    assert lead_names(fast) == names(3)
    result = closefeed("run", path, "--new-state", "--limit", "1")
    assert result.code == 0 and "the old state is kept as" in result.err
    kept = list(state_folder(tmp_path).glob("old-*.db"))
    assert [file.read_bytes()[:18] for file in kept] == [b"no database at all"]


# A disk that is full


def fill(folder):
    """Takes what is left of a file system; what it used is the returned file."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 65536)
    with contextlib.suppress(OSError), open(ballast, "ab", buffering=0) as file:
        while True:
            file.write(b"x" * 512)
    return ballast


def is_full(closefeed, path):
    """Whether `status` says that the disk is what the run waits for."""
    return re.search("the disk of .* is (nearly )?full", closefeed("status", path).out)


@needs_root
def test_a_disk_that_fills_up_pauses_the_run_and_freed_space_lets_it_go_on(
        closefeed, pipeline, fast, mount):
    disk = mount("size=40m,mode=0700")
    path = pipeline(source=STDIN, more=f'state: "{disk}/state"')
    process = closefeed.start("run", path, "--json", stdin=subprocess.PIPE)
    try:
        process.stdin.write(ndjson(companies(100)).encode())
        process.stdin.flush()
        wait_until(lambda: len(fast.objects("lead")) >= 60)
        ballast = fill(disk)
        process.stdin.write(ndjson(companies(500, first=101)).encode())
        process.stdin.flush()
        wait_until(lambda: is_full(closefeed, path))

        def calls():
            return len(fast.requests("POST"))

        # What was on its way has ended and its outcome is kept; nothing else begins.
        wait_until(lambda: (n := calls(), time.sleep(0.3)) and n == calls())
        n_before = calls()
        told = {e["id"] for e in fast.hook_events()}
        assert n_before < 600 and len(told) <= n_before
        assert is_full(closefeed, path) and process.poll() is None
        ballast.unlink()
        out, err = process.communicate(timeout=180)
    finally:
        process.kill()
    assert process.returncode == 0, out.decode() + err.decode()
    summary = json.loads(out.splitlines()[-1])
    assert adds_up(summary) and summary["delivered"] == 600
    assert lead_names(fast) == names(600)
    events = fast.hook_events()
    assert len({e["id"] for e in events}) == 600


@needs_root
def test_outcomes_are_kept_although_the_disk_is_full(closefeed, pipeline, fast, mount):
    disk = mount("size=40m,mode=0700")
    fast.post("/_sandbox/settings", {"latency_ms": 400})
    path = pipeline(companies(8), more=f'state: "{disk}/state"')
    process = closefeed.start("run", path, "--json")
    try:
        wait_until(lambda: len(fast.requests("POST", "/lead/")) == 8)
        fill(disk)
        wait_until(lambda: closefeed("status", path, "--json").json["counts"]["delivered"] == 8)
        process.kill()
        process.communicate()
    finally:
        process.kill()
    (disk / "ballast").unlink()
    fast.post("/_sandbox/settings", {"latency_ms": 0})
    result = closefeed("run", path, "--json")
    assert result.code == 0 and result.summary["delivered"] == 0, said(result)
    assert lead_names(fast) == names(8)
    assert len({e["id"] for e in fast.hook_events()}) == 8


@needs_root
def test_a_disk_that_is_full_from_the_start_sends_nothing(closefeed, pipeline, fast, mount):
    disk = mount("size=40m,mode=0700")
    ballast = fill(disk)
    path = pipeline(companies(2), more=f'state: "{disk}/state"')
    result = closefeed("run", path)
    assert result.code == 74 and str(disk) in result.err and "No space left" in result.err
    assert fast.requests() == []
    ballast.unlink()
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(2)


def events_in(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_responses_file_that_cannot_be_written_is_named_before_anything_is_sent(
        closefeed, pipeline, fast, tmp_path):
    path = pipeline(companies(2), responses="file: missing/events.ndjson")
    result = closefeed("run", path)
    assert result.code == 74 and "missing/events.ndjson" in result.err
    assert "responses.file" in result.err and fast.requests() == []
    (tmp_path / "missing").mkdir()
    assert closefeed("run", path).code == 0
    assert len(events_in(tmp_path / "missing" / "events.ndjson")) == 2


@needs_root
def test_a_full_disk_under_the_responses_file_owes_the_events_to_the_next_run(
        closefeed, pipeline, fast, mount):
    disk = mount("size=1m,mode=0700")
    file = disk / "events.ndjson"
    ballast = fill(disk)
    os.truncate(ballast, ballast.stat().st_size - 40960)
    path = pipeline(companies(200), responses=f'file: "{file}"', close="concurrency: 4")
    assert closefeed("run", path, "--limit", "10").code == 0 and len(events_in(file)) == 10
    result = closefeed("run", path)
    assert result.code == 74
    assert str(file) in said(result) and "No space left" in said(result)
    ballast.unlink()
    result = closefeed("run", path, "--json")
    # What was on its way when the disk was found full has ended all the same.
    assert result.code == 0 and result.summary["held"] == 0, said(result)
    events = events_in(file)
    assert len(events) == len({event["id"] for event in events}) == 200
    assert {event["subject"] for event in events} == {
        lead["id"] for lead in fast.objects("lead")}
    assert lead_names(fast) == names(200)


# Somebody else's state


def test_a_second_process_names_the_first_and_does_not_disturb_it(closefeed, pipeline, fast):
    path = pipeline(source=STDIN)
    first = closefeed.start("run", path, "--json", stdin=subprocess.PIPE)
    try:
        first.stdin.write(ndjson(companies(60)).encode())
        first.stdin.flush()
        wait_until(lambda: fast.objects("lead"))
        for args in (["run", path], ["run", path, "--new-state"]):
            second = closefeed(*args)
            assert second.code == 75
            assert f"process {first.pid} runs pipeline \"signups\" already" in second.err
            assert "closefeed status" in second.err
        out, err = first.communicate(timeout=180)
    finally:
        first.kill()
    assert first.returncode == 0, err.decode()
    assert json.loads(out.splitlines()[-1])["delivered"] == 60
    assert lead_names(fast) == names(60)


def test_the_lock_of_a_process_that_was_killed_is_in_nobodys_way(closefeed, pipeline, fast):
    path = pipeline(companies(9), routes=identity_route(fast), close="concurrency: 1",
                    delivery="quarantine: 500ms")
    process = closefeed.start("run", path, env={"CLOSEFEED_KILL_AT": "intent_durable:3"})
    process.communicate(timeout=180)
    assert process.returncode == -signal.SIGKILL
    assert closefeed("status", path, "--json").json["running"] is False
    result = closefeed("run", path)
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(9)


def test_state_of_another_organization_is_refused_with_ways_out_that_work(
        closefeed, pipeline, start_sandbox, fast, tmp_path):
    other = start_sandbox("--seed", "7", "--no-rate-limit")
    relay = Relay(fast.origin)
    try:
        path = pipeline(companies(3))
        path.write_text(re.sub("base_url: .*", f"base_url: {relay.base_url}", path.read_text()))
        assert closefeed("run", path).code == 0
        with open(tmp_path / "signups.ndjson", "a", encoding="utf-8") as more:
            more.write(ndjson(companies(2, first=4)))
        relay.lead_to(other.origin)
        result = closefeed("run", path)
        assert result.code == 78
        assert "belongs to the organization orga_" in result.err
        for way_out in ("--new-state", "another `name`", "another `state`"):
            assert way_out in result.err
        assert other.requests("POST") == [] and lead_names(fast) == names(3)

        named = tmp_path / "named.yaml"
        named.write_text(path.read_text().replace("name: signups", "name: other"))
        assert closefeed("run", named).code == 0
        assert lead_names(other) == names(5)

        result = closefeed("run", path, "--new-state", "--json")
        assert result.code == 0 and result.summary["delivered"] == 5
        old = list(state_folder(tmp_path).glob("old-*.db"))
        assert len(old) == 1 and str(old[0]) in result.err
        with contextlib.closing(sqlite3.connect(old[0])) as database:
            ids = database.execute("SELECT v FROM meta WHERE k = 'organization_id'").fetchall()
        assert ids == [(fast.get("/me/")["organizations"][0]["id"],)]
        relay.lead_to(fast.origin)
        assert closefeed("run", path).code == 78
        assert lead_names(fast) == names(3)
    finally:
        relay.close()


def test_state_of_another_base_url_is_refused_before_anybody_is_asked(
        closefeed, pipeline, start_sandbox, fast):
    other = start_sandbox()
    path = pipeline(companies(3))
    assert closefeed("run", path, "--limit", "2").code == 0
    path.write_text(path.read_text().replace(fast.base_url, other.base_url))
    result = closefeed("run", path)
    assert result.code == 78
    assert fast.base_url in result.err and other.base_url in result.err
    assert "--new-state" in result.err and "Nothing was sent" in result.err
    assert other.requests() == []
    path.write_text(path.read_text().replace(other.base_url, fast.base_url))
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(3)


# Secrets


def test_a_secret_in_the_pipeline_file_is_refused_without_repeating_it(
        closefeed, pipeline, fast, tmp_path):
    secret = "api_5uper.s3cretvalue"
    path = pipeline(companies(1))
    path.write_text(path.read_text().replace("{env: CLOSE_API_KEY}", f'"{secret}"')
                    .replace("{env: HOOK_SECRET}", "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"))
    for verb in ("check", "run", "preview"):
        result = closefeed(verb, path)
        assert result.code == 78, (verb, said(result))
        assert "api_key" in said(result) and "{env:" in said(result)
        assert "responses.webhook.secret" in said(result)
        for part in (secret, "5uper", "s3cret", "c2VjcmV0"):
            assert part not in said(result), verb
    assert fast.requests() == [] and not (tmp_path / "state").exists()


def test_a_secret_file_others_may_write_is_refused_and_a_good_one_works(
        closefeed, pipeline, fast, tmp_path):
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    file.chmod(0o666)
    path = pipeline(companies(1))
    path.write_text(path.read_text().replace("{env: CLOSE_API_KEY}", "{file: key}"))
    result = closefeed("run", path)
    assert result.code == 78 and "writable by others" in said(result) and KEY not in said(result)
    file.chmod(0o600)
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(1)


# Told to stop


def stopped(closefeed, path, *signals, when):
    """Runs until @when, sends the signals, and returns (code, summary, everything said)."""
    process = closefeed.start("run", path, "--json")
    try:
        wait_until(when)
        for i, number in enumerate(signals, start=1):
            process.send_signal(number)
            if i < len(signals):  # it has heard of this one before the next comes
                wait_until(lambda: "stopping: " in closefeed("status", path).out)
        out, err = process.communicate(timeout=180)
    finally:
        process.kill()
    assert b"Sanitizer" not in err, err.decode()
    lines = out.decode().splitlines()
    return process.returncode, json.loads(lines[-1]), out.decode() + err.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_lets_what_is_in_flight_end_and_the_next_run_goes_on(
        closefeed, pipeline, fast, number):
    # So slow that it cannot end by itself.
    fast.post("/_sandbox/settings", {"latency_ms": 1500})
    path = pipeline(companies(100), close="concurrency: 4")
    code, summary, text = stopped(closefeed, path, number, when=lambda: fast.objects("lead"))
    assert code == 75 and "stopped by a signal; run again to go on" in text
    assert adds_up(summary) and summary["held"] == summary["open"] == 0
    assert summary["delivered"] == len(fast.objects("lead")) < 100
    fast.post("/_sandbox/settings", {"latency_ms": 0})
    result = closefeed("run", path, "--json")
    assert result.code == 0, said(result)
    assert result.summary["delivered"] == 100 - summary["delivered"]
    # An event that was on its way when the first run ended may be told again, under its id.
    assert lead_names(fast) == names(100)
    assert len({event["id"] for event in fast.hook_events()}) == 100


def test_what_does_not_end_within_drain_is_kept_and_cleared_up_by_the_next_run(
        closefeed, pipeline, fast):
    fast.add_fault("timeout_after", method="POST", path="/lead/", n=2)
    path = pipeline(companies(6), routes=identity_route(fast), close="concurrency: 1",
                    delivery="drain: 300ms\nquarantine: 1s")
    code, summary, _ = stopped(
        closefeed, path, signal.SIGTERM, when=lambda: len(fast.objects("lead")) == 2)
    assert code == 75 and adds_up(summary) and summary["open"] == 1
    result = closefeed("run", take_time(path), "--json")
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(6)


def test_a_second_ctrl_c_ends_at_once_and_nothing_is_lost_or_twice(closefeed, pipeline, fast):
    fast.add_fault("timeout_after", method="POST", path="/lead/", n=2)
    path = pipeline(companies(6), routes=identity_route(fast), close="concurrency: 1",
                    delivery="quarantine: 1s\ndrain: 1h")
    code, _, _ = stopped(closefeed, path, signal.SIGINT, signal.SIGINT,
                         when=lambda: len(fast.objects("lead")) == 2)
    assert code == 130
    result = closefeed("run", path, "--json")
    assert result.code == 0, said(result)
    assert lead_names(fast) == names(6)


def test_a_limit_counts_records_and_the_json_lines_add_up(closefeed, pipeline, fast):
    records = companies(4) + ["{", "[1]"] + companies(4, first=5)
    path = pipeline(records, delivery="max_rejects: none")
    totals = {"read": 0, "delivered": 0, "rejected": 0}
    for limit, code in ((3, 0), (3, 1), (100, 0)):
        result = closefeed("run", path, "--json", "--limit", limit)
        assert result.code == code, said(result)
        assert all(line["type"] == "progress" for line in result.lines[:-1])
        assert all(adds_up(line) for line in result.lines)
        assert result.summary["read"] == min(limit, 10 - totals["read"])
        assert result.summary["exit"] == code
        for key in totals:
            totals[key] += result.summary[key]
    assert totals == {"read": 10, "delivered": 8, "rejected": 2}
    assert lead_names(fast) == names(8)


def test_no_color_means_no_color_and_a_terminal_shows_the_work(closefeed, pipeline, fast):
    fast.post("/_sandbox/settings", {"latency_ms": 60})
    colour = re.compile("\x1b\\[[0-9;]*m")
    path = pipeline(companies(12), close="concurrency: 1")
    shown = on_terminal(closefeed, "run", path, "--limit", "6", env={"TERM": "xterm"})
    assert colour.search(shown) and "records/s" in shown
    shown = on_terminal(closefeed, "run", path, env={"TERM": "xterm", "NO_COLOR": "1"})
    assert not colour.search(shown) and "6 delivered" in re.sub("\x1b\\[[0-9;]*[A-Z]", "", shown)


def test_rejects_are_kept_for_as_long_as_keep_says(closefeed, pipeline, fast):
    path = pipeline([{"name": "A", "contacts": "none"}], more="keep: 1s")
    assert closefeed("run", path).code == 1
    (reject,) = closefeed("rejects", "list", path, "--json").json["rejects"]
    shown = closefeed("rejects", "show", path, reject["id"], "--json").json["rejects"][0]
    assert shown["record"] and shown["request"]["body"]

    def is_let_go():
        assert closefeed("run", path).code == 0
        listed = closefeed("rejects", "list", path, "--json").json["rejects"]
        if not listed:
            return True
        row = closefeed("rejects", "show", path, listed[0]["id"], "--json").json["rejects"][0]
        return not row.get("record")

    wait_until(is_let_go)
