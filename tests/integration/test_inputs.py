"""Every form of input: folders, patterns, packed files, and files that grow and are rotated."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest
from harness import ndjson, wait_until
from trouble import adds_up, companies, identity_route, lead_names, make_fast, names

FOLLOW = "ndjson: {{path: {path}, follow: true}}"
CREATE = "- operation: lead.create\n  exclude: [id]"


@pytest.fixture
def fast(sandbox):
    return make_fast(sandbox)


def packed(text, kind):
    if kind == ".gz":
        return gzip.compress(text.encode(), mtime=0)
    if kind == ".zst":
        return subprocess.run(["zstd", "-c", "-q"], input=text.encode(), check=True,
                              capture_output=True).stdout
    return text.encode()


def put(path, records, kind=""):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(packed(ndjson(records), kind))


def append(path, records):
    with open(path, "a", encoding="utf-8") as file:
        file.write(ndjson(records))


def arrived(sandbox):
    """The names of the creates in the order in which they came."""
    return [json.loads(r["body"])["name"] if isinstance(r["body"], str) else r["body"]["name"]
            for r in sandbox.requests("POST", "/lead/")]


@pytest.fixture
def start(closefeed):
    """Starts runs that would not end; they are ended after the test."""
    started = []

    def begin(*args, env=None):
        started.append(closefeed.start("run", *args, env=env))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        _, err = process.communicate()
        assert b"Sanitizer" not in err, err.decode()


def stop(process, how=signal.SIGTERM):
    process.send_signal(how)
    out, err = process.communicate(timeout=180)
    assert b"Sanitizer" not in err, err.decode()
    return process.returncode, out.decode(), err.decode()


def test_a_folder_of_all_packings_arrives_in_the_order_of_its_numbers(
        closefeed, pipeline, fast, tmp_path):
    kinds = ["", ".gz", ".zst"]
    for part in range(11, 0, -1):
        put(tmp_path / "exports" / f"part-{part}.ndjson{kinds[part % 3]}",
            companies(3, first=part * 3 - 2), kinds[part % 3])
    (tmp_path / "exports" / "part-12.ndjson.tmp").write_text("{")
    (tmp_path / "exports" / ".part-13.ndjson").write_text("{")
    path = pipeline(source="ndjson: {path: exports}", routes=CREATE, close="concurrency: 1")
    result = closefeed("run", path, "--json")
    assert result.code == 0, result.err
    assert 'no state for "signups": reads 11 files of exports' in result.err
    assert arrived(fast) == names(33)
    again = closefeed("run", path, "--json")
    assert again.code == 0 and again.summary["read"] == 0
    assert len(arrived(fast)) == 33


def test_a_pattern_reads_what_it_matches_and_a_record_knows_its_file(
        closefeed, pipeline, fast, tmp_path):
    for day in (9, 10):
        put(tmp_path / f"2024-{day}" / "leads.ndjson", companies(1, first=day))
    put(tmp_path / "2024-11" / "other.ndjson", companies(1, first=11))
    path = pipeline(
        source='ndjson: {path: "2024-*/leads.ndjson"}', close="concurrency: 1",
        routes='- operation: lead.create\n  body: {name: "{name}", description: "{@file}:{@line}"}')
    assert closefeed("run", path).code == 0
    assert [lead["description"] for lead in fast.objects("lead")] == [
        "2024-9/leads.ndjson:1", "2024-10/leads.ndjson:1"]
    events = wait_until(lambda: fast.hook_events())
    assert {r["file"] for e in events for r in e["data"]["records"]} == {
        "2024-9/leads.ndjson", "2024-10/leads.ndjson"}


@pytest.mark.parametrize("kind", [".gz", ".zst"])
def test_a_kill_inside_a_packed_file_loses_and_repeats_nothing(
        closefeed, start, pipeline, fast, tmp_path, kind):
    put(tmp_path / f"in.ndjson{kind}", companies(300), kind)
    path = pipeline(source=f"ndjson: {{path: in.ndjson{kind}}}", routes=identity_route(fast),
                    close="concurrency: 4")
    fast.post("/_sandbox/settings", {"latency_ms": 5})
    for reached in (40, 120):
        process = start(path)
        wait_until(lambda n=reached: len(fast.objects("lead")) >= n)
        process.kill()
        process.communicate()
    fast.post("/_sandbox/settings", {"latency_ms": 0})
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(300)


@pytest.mark.parametrize("kind", [".gz", ".zst"])
def test_a_cut_file_is_delivered_as_far_as_it_is_whole_and_goes_on_when_mended(
        closefeed, pipeline, fast, tmp_path, kind):
    file = tmp_path / f"in.ndjson{kind}"
    whole = b"".join(packed(ndjson(companies(10, first=1 + 10 * i)), kind) for i in range(6))
    path = pipeline(source=f"ndjson: {{path: {file.name}}}", routes=CREATE)
    done = 0
    for share in (2, 3):
        cut = len(whole) * share // 4 + 5
        file.write_bytes(whole[:cut])
        result = closefeed("run", path, "--json")
        assert result.code == 65
        assert f"{file.name} ends in the middle of its packed text, behind byte {cut} " in result.out
        done = len(lead_names(fast))
        assert lead_names(fast) == names(done) and done >= 10 * (share * 6 // 4 - 1)
        again = closefeed("run", path, "--json")
        assert again.code == 65 and again.summary["read"] == 0
    assert done < 60
    file.write_bytes(whole)
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(60)


def test_damage_and_garbage_are_told_behind_what_was_sound(closefeed, pipeline, fast, tmp_path):
    file = tmp_path / "in.ndjson.gz"
    put(file, companies(5), ".gz")
    with open(file, "ab") as more:
        more.write(b"no gzip")
    path = pipeline(source="ndjson: {path: in.ndjson.gz}", routes=CREATE)
    result = closefeed("run", path)
    assert result.code == 65 and "has something behind the end of its packed text" in result.err
    assert lead_names(fast) == names(5)


def test_a_folder_that_gains_files_while_it_is_read_is_read_to_the_last(
        closefeed, start, pipeline, fast, tmp_path):
    folder = tmp_path / "in"
    put(folder / "5.ndjson", companies(20))
    path = pipeline(source="ndjson: {path: in}", routes=CREATE, close="concurrency: 1")
    fast.post("/_sandbox/settings", {"latency_ms": 2000})
    process = start(path, "--json")
    wait_until(lambda: fast.requests("POST", "/lead/"))
    put(tmp_path / "aside" / "x", companies(2, first=21))
    os.rename(tmp_path / "aside" / "x", folder / "1.ndjson")
    os.rename(shutil.copy(folder / "1.ndjson", tmp_path / "aside" / "y"), folder / "9.ndjson")
    fast.post("/_sandbox/settings", {"latency_ms": 0})
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err.decode()
    assert arrived(fast) == names(22) + names(2, first=21)
    assert b"Sanitizer" not in err


def test_a_file_that_disappears_before_its_turn_is_a_warning(
        closefeed, start, pipeline, fast, tmp_path):
    records = companies(300, pad="x" * 20000)
    put(tmp_path / "in" / "1.ndjson", records)
    put(tmp_path / "in" / "2.ndjson", companies(1, first=5000))
    path = pipeline(source="ndjson: {path: in}", routes="- operation: lead.create\n  exclude: [id, pad]",
                    close="concurrency: 1")
    fast.post("/_sandbox/settings", {"latency_ms": 2000})
    process = start(path)
    wait_until(lambda: fast.requests("POST", "/lead/"))
    (tmp_path / "in" / "2.ndjson").unlink()
    fast.post("/_sandbox/settings", {"latency_ms": 0})
    _, err = process.communicate(timeout=180)
    assert process.returncode == 0
    assert b"in/2.ndjson disappeared before it was read" in err


def test_a_file_of_a_folder_renamed_between_runs_goes_on(closefeed, pipeline, fast, tmp_path):
    put(tmp_path / "in" / "today.ndjson", companies(3))
    path = pipeline(source="ndjson: {path: in}", routes=CREATE)
    assert closefeed("run", path).code == 0
    os.rename(tmp_path / "in" / "today.ndjson", tmp_path / "in" / "yesterday.ndjson")
    append(tmp_path / "in" / "yesterday.ndjson", companies(1, first=4))
    put(tmp_path / "in" / "today.ndjson", companies(2, first=5))
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(6)


def test_a_file_of_a_folder_that_changed_stops_there_or_is_read_anew(
        closefeed, pipeline, fast, tmp_path):
    for part in (1, 2, 3):
        put(tmp_path / "in" / f"{part}.ndjson", companies(1, first=part))
    path = pipeline(source="ndjson: {path: in}", routes=CREATE)
    assert closefeed("run", path).code == 0
    append(tmp_path / "in" / "1.ndjson", companies(1, first=4))
    put(tmp_path / "in" / "2.ndjson", companies(1, first=5))
    result = closefeed("run", path)
    assert result.code == 75 and "in/2.ndjson is not what was read before" in result.err
    assert lead_names(fast) == names(4)
    path = pipeline(source="ndjson: {path: in, on_change: new}", routes=CREATE)
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(5)


@pytest.mark.parametrize("env", [None, {"CLOSEFEED_WITHOUT": "inotify"}], ids=["inotify", "polling"])
def test_a_growing_file_is_followed_and_a_stop_drains(
        closefeed, start, pipeline, fast, tmp_path, env):
    file = tmp_path / "app.ndjson"
    put(file, companies(2))
    path = pipeline(source=FOLLOW.format(path="app.ndjson"), routes=CREATE)
    process = start(path, env=env)
    wait_until(lambda: lead_names(fast) == names(2))
    append(file, companies(3, first=3))
    wait_until(lambda: lead_names(fast) == names(5))
    with open(file, "a", encoding="utf-8") as half:
        half.write('{"name": "Comp')
    code, _, err = stop(process)
    assert code == 75 and "stopped by a signal" in err
    with open(file, "a", encoding="utf-8") as half:
        half.write('any 6"}\n')
    process = start(path, env=env)
    wait_until(lambda: lead_names(fast) == names(6))
    assert stop(process)[0] == 75
    assert len(arrived(fast)) == 6


def test_a_file_that_comes_later_is_waited_for(closefeed, start, pipeline, fast, tmp_path):
    process = start(pipeline(source=FOLLOW.format(path='"in/*.ndjson"'), routes=CREATE))
    line = process.stderr.readline()
    while b"waits" not in line:
        assert line
        line = process.stderr.readline()
    assert line == b"no file matches in/*.ndjson yet; waits for it\n"
    put(tmp_path / "in" / "1.ndjson", companies(1))
    wait_until(lambda: lead_names(fast) == names(1))
    put(tmp_path / "in" / "2.ndjson", companies(1, first=2))
    wait_until(lambda: lead_names(fast) == names(2))
    assert stop(process)[0] == 75


def write_and_rotate(file, first, last, every):
    """A program that writes a log of its own and rotates it, sometimes in half lines."""
    out = open(file, "a", encoding="utf-8", buffering=1)
    for i in range(first, last + 1):
        line = json.dumps({"name": f"Company {i}"}) + "\n"
        middle = len(line) // 2 if i % 7 == 0 else len(line)
        os.write(out.fileno(), line[:middle].encode())
        os.write(out.fileno(), line[middle:].encode())
        if i % every == 0:
            out.close()
            os.rename(file, f"{file}.{i // every}")
            out = open(file, "a", encoding="utf-8", buffering=1)
            time.sleep(0.1)
    out.close()


def test_rotation_under_load_loses_repeats_and_reorders_nothing(
        closefeed, start, pipeline, fast, tmp_path):
    file = tmp_path / "app.ndjson"
    put(file, companies(1))
    process = start(pipeline(source=FOLLOW.format(path="app.ndjson"), routes=CREATE,
                             close="concurrency: 1"))
    wait_until(lambda: lead_names(fast) == names(1))
    writer = threading.Thread(target=write_and_rotate, args=(file, 2, 1500, 200))
    writer.start()
    writer.join()
    wait_until(lambda: len(fast.objects("lead")) >= 1500)
    assert stop(process)[0] == 75
    assert arrived(fast) == names(1500)


def test_rotation_while_nothing_runs_loses_nothing(closefeed, start, pipeline, fast, tmp_path):
    file = tmp_path / "app.ndjson"
    put(file, companies(3))
    path = pipeline(source=FOLLOW.format(path="app.ndjson"), routes=CREATE, close="concurrency: 1")
    process = start(path)
    wait_until(lambda: lead_names(fast) == names(3))
    assert stop(process)[0] == 75
    append(file, companies(2, first=4))
    os.rename(file, tmp_path / "app.ndjson.1")
    put(file, companies(2, first=6))
    process = start(path)
    wait_until(lambda: lead_names(fast) == names(7))
    assert stop(process)[0] == 75
    assert arrived(fast) == names(7)


def rotate(folder):
    os.rename(folder / "a.ndjson", folder / "a.ndjson.1")
    put(folder / "a.ndjson", companies(1, first=301))


def gzip_it(folder):
    subprocess.run(["gzip", folder / "a.ndjson.1"], check=True)


# What happens to a log, and where in it the program is ended ("-") or killed ("!") and started anew.
@pytest.mark.parametrize("steps", [
    [rotate, gzip_it],
    ["-", rotate, gzip_it],
    [rotate, "-", gzip_it],
    [rotate, gzip_it, "-"],
    ["!", rotate, gzip_it],
    [rotate, "!", gzip_it],
    [rotate, gzip_it, "!"],
    ["stop", rotate, gzip_it, "start"],
    ["stop", rotate, "start", gzip_it],
    [rotate, "stop", gzip_it, "start"],
    [rotate, "kill", gzip_it, "start"],
], ids=lambda steps: " ".join(getattr(step, "__name__", step) for step in steps))
def test_a_rotated_log_that_is_packed_is_not_sent_again(
        closefeed, start, pipeline, fast, tmp_path, steps):
    folder = tmp_path / "fd"
    put(folder / "a.ndjson", companies(300))
    path = pipeline(source=FOLLOW.format(path='"fd/*.ndjson*"'), routes=CREATE)
    process, n = start(path), 300

    def is_settled():
        return len(arrived(fast)) >= n and closefeed("status", path, "--json").json["open"] == 0

    for step in steps:
        if process:
            wait_until(is_settled)
        if step in ("-", "stop"):
            assert stop(process)[0] == 75
        if step in ("!", "kill"):
            stop(process, signal.SIGKILL)
        if step in ("-", "!", "start"):
            process = start(path)
        if step in ("stop", "kill"):
            process = None
        if callable(step):
            step(folder)
        if step == rotate:
            n += 1
    # Files come in order: when this one has arrived, those before it were looked at.
    put(folder / "z.ndjson", companies(1, first=302))
    n += 1
    wait_until(is_settled)
    assert stop(process)[0] == 75
    assert lead_names(fast) == names(302)
    assert len(arrived(fast)) == 302


def test_what_is_packed_slowly_is_not_sent_again(closefeed, start, pipeline, fast, tmp_path):
    folder = tmp_path / "fd"
    put(folder / "a.ndjson", companies(300))
    process = start(pipeline(source=FOLLOW.format(path='"fd/*.ndjson*"'), routes=CREATE))
    wait_until(lambda: lead_names(fast) == names(300))
    whole = packed(ndjson(companies(300)), ".gz")
    for i, part in enumerate((whole[:500], whole, None), start=1):
        if part:
            (folder / "a.ndjson.gz").write_bytes(part)
        else:
            (folder / "a.ndjson").unlink()
        put(folder / f"z{i}.ndjson", companies(1, first=300 + i))
        wait_until(lambda n=300 + i: len(arrived(fast)) >= n)
    assert stop(process)[0] == 75
    assert lead_names(fast) == names(303)
    assert len(arrived(fast)) == 303


def test_a_truncated_log_goes_on_at_its_start(closefeed, start, pipeline, fast, tmp_path):
    file = tmp_path / "app.ndjson"
    put(file, companies(3))
    process = start(pipeline(source=FOLLOW.format(path="app.ndjson"), routes=CREATE))
    wait_until(lambda: lead_names(fast) == names(3))
    shutil.copy(file, tmp_path / "app.ndjson.1")
    os.truncate(file, 0)
    append(file, companies(2, first=4))
    wait_until(lambda: lead_names(fast) == names(5))
    code, _, err = stop(process)
    assert code == 75 and "app.ndjson became shorter (it was truncated)" in err


def test_a_kill_of_one_that_follows_loses_and_repeats_nothing(
        closefeed, start, pipeline, fast, tmp_path):
    file = tmp_path / "app.ndjson"
    put(file, companies(100))
    path = pipeline(source=FOLLOW.format(path="app.ndjson"), routes=identity_route(fast))
    fast.post("/_sandbox/settings", {"latency_ms": 5})
    process = start(path)
    wait_until(lambda: len(fast.objects("lead")) >= 30)
    process.kill()
    process.communicate()
    os.rename(file, tmp_path / "app.ndjson.1")
    put(file, companies(50, first=101))
    fast.post("/_sandbox/settings", {"latency_ms": 0})
    process = start(path)
    wait_until(lambda: len(fast.objects("lead")) >= 150)
    assert stop(process)[0] == 75
    assert lead_names(fast) == names(150)


def test_standard_input_may_be_packed(closefeed, pipeline, fast):
    path = pipeline(source='ndjson: {path: "-"}', routes=CREATE)
    text = ndjson(companies(4))
    assert closefeed("run", path, input=packed(ndjson(companies(2)), ".zst")).code == 0
    assert closefeed("run", path, input=packed(text, ".gz")).code == 0
    assert closefeed("run", path, input=text).code == 0
    assert lead_names(fast) == names(4)


def test_max_record_is_measured_on_the_text(closefeed, pipeline, fast, tmp_path):
    put(tmp_path / "in" / "1.ndjson.gz", [{"name": "x" * 5000}, *companies(1)], ".gz")
    result = closefeed("run", pipeline(source="ndjson: {path: in}\nmax_record: 1KiB", routes=CREATE),
                       "--json")
    assert result.code == 1 and adds_up(result.summary) and result.summary["rejected"] == 1
    assert lead_names(fast) == names(1)


def make_folder(path):
    path.mkdir()


def make_text(path):
    path.write_text("{}\n")


WRONG = {
    "missing": ("in", None, "in does not exist: check path below source.ndjson"),
    "empty-folder": ("in", make_folder, "in holds no file to read: of a folder those are read"),
    "no-match": ('"in/*.ndjson"', None, "no file matches in/*.ndjson: check path"),
    "pipe": ("in", os.mkfifo, "in is not a regular file: pipe it in, with path: \"-\""),
    "no-gzip": ("in.gz", make_text, "in.gz is named like a file packed with gzip and is none"),
    "no-zstd": ("in.zst", make_text, "in.zst is named like a file packed with zstd and is none"),
}


@pytest.mark.parametrize("path, make, said", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_input_is_65_and_says_what_to_do(
        closefeed, pipeline, sandbox, tmp_path, path, make, said):
    if make:
        make(tmp_path / path)
    yaml = pipeline(source=f"ndjson: {{path: {path}}}", routes=CREATE)
    assert closefeed("check", yaml).code == 0  # what is there is a matter of the run
    for verb in ("run", "preview"):
        result = closefeed(verb, yaml)
        assert result.code == 65 and said in result.err, result.err
    assert sandbox.requests() == []


def test_preview_reads_all_forms_and_never_waits(closefeed, pipeline, sandbox, tmp_path):
    put(tmp_path / "in" / "1.ndjson.gz", companies(1), ".gz")
    put(tmp_path / "in" / "2.ndjson", companies(1, first=2))
    path = pipeline(source=FOLLOW.format(path="in"), routes=CREATE)
    result = closefeed("preview", path)
    assert result.code == 0 and "Company 1" in result.out and "Company 2" in result.out
    assert sandbox.requests() == []
