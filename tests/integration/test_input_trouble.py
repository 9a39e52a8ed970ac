"""Input that is missing, broken, or not what it was: a clear error, and nothing is lost."""

import os
import shutil
import signal
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from harness import Pipelines, Program, environment, ndjson, wait_until
from trouble import adds_up, companies, identity_route, lead_names, make_fast, names, on_terminal

STDIN = 'ndjson: {path: "-"}'


@pytest.fixture
def fast(sandbox):
    return make_fast(sandbox)


def write(path, records):
    path.write_text(ndjson(records), encoding="utf-8")


def large(n, first=1):
    """Records of 30 KB, so that a file of them is not read at once."""
    return companies(n, first, pad="x" * 30000)


LARGE_ROUTE = "- operation: lead.create\n  exclude: [id, pad]"


def test_a_missing_file_is_named_and_nothing_is_asked(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline()
    result = closefeed("run", path)
    assert result.code == 65
    assert "signups.ndjson does not exist" in result.err and "source.ndjson" in result.err
    assert sandbox.requests() == []
    write(tmp_path / "signups.ndjson", companies(3))
    assert closefeed("run", path).code == 0
    assert lead_names(sandbox) == names(3)


@pytest.fixture
def as_other_user(binary, sandbox):
    """A program run by another user where we are root, in a folder that user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="closefeed-", dir="/tmp"))  # $TMPDIR may be closed to it
    try:
        program = Program(binary, folder, environment(folder))
        if os.geteuid() == 0:
            program.binary = str(folder / "closefeed")
            shutil.copy(binary, program.binary)
            nobody = 65534
            (folder / "state").mkdir()
            os.chown(folder / "state", nobody, nobody)
            folder.chmod(0o755)

            def start(*args, env=None, stdin=subprocess.DEVNULL):
                return subprocess.Popen(
                    [program.binary, *map(str, args)], cwd=folder,
                    env={**program.env, **(env or {})}, stdin=stdin, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, user=nobody, group=nobody, extra_groups=[])

            program.start = start
        yield program, Pipelines(folder, sandbox), folder
    finally:
        shutil.rmtree(folder)


def test_an_unreadable_file_is_named_with_what_to_do(as_other_user, sandbox):
    program, pipeline, folder = as_other_user
    path = pipeline(companies(2))
    path.chmod(0o644)
    (folder / "signups.ndjson").chmod(0o000)
    result = program("run", path)
    assert result.code == 65
    assert "signups.ndjson must not be read by this user" in result.err and "chmod" in result.err
    assert sandbox.requests() == []
    (folder / "signups.ndjson").chmod(0o644)
    assert program("run", path).code == 0
    assert lead_names(sandbox) == names(2)


@pytest.mark.parametrize("content, code, said", [
    (b"\xff\xfe{\x00}\x00", 65, "UTF-16"),
    (b"\xfe\xff\x00{\x00}", 65, "UTF-16"),
], ids=["little-endian", "big-endian"])
def test_a_file_of_another_kind_is_refused_before_anything_is_sent(
        closefeed, pipeline, sandbox, tmp_path, content, code, said):
    (tmp_path / "signups.ndjson").write_bytes(content)
    result = closefeed("run", pipeline())
    assert result.code == code and said in result.err
    assert sandbox.requests("POST") == []


def test_an_empty_folder_and_a_pipe_are_no_files(closefeed, pipeline, sandbox, tmp_path):
    (tmp_path / "signups.ndjson").mkdir()
    result = closefeed("run", pipeline())
    assert result.code == 65 and "holds no file to read" in result.err
    (tmp_path / "signups.ndjson").rmdir()
    os.mkfifo(tmp_path / "signups.ndjson")
    result = closefeed("run", pipeline())
    assert result.code == 65 and "not a regular file" in result.err
    assert sandbox.requests("POST") == []


def test_an_empty_file_is_done_at_once_and_what_comes_later_is_read(
        closefeed, pipeline, fast, tmp_path):
    path = pipeline([])
    for content in (b"", b"\n  \r\n\n"):
        (tmp_path / "signups.ndjson").write_bytes(content)
        result = closefeed("run", path, "--json")
        assert result.code == 0 and result.summary["read"] == 0
    with open(tmp_path / "signups.ndjson", "a", encoding="utf-8") as more:
        more.write(ndjson(companies(2)))
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(2)


def test_every_odd_line_ends_somewhere_and_the_counts_add_up(
        closefeed, pipeline, fast, tmp_path):
    (tmp_path / "signups.ndjson").write_bytes(
        b'\xef\xbb\xbf{"name": "Company 1"}\r\n'
        b"\n"
        b'{"name": "Company\x00 2"}\n'
        b'{"name": "' + b"x" * 300 + b'"}\n'
        b'{"name": "\xff"}\n'
        b"null\n"
        b'{"name": "Company 7"}')
    path = pipeline(source="ndjson: {path: signups.ndjson}\nmax_record: 200B")
    result = closefeed("run", path, "--json")
    assert result.code == 1 and adds_up(result.summary)
    assert result.summary["read"] == 6 and result.summary["delivered"] == 2
    assert lead_names(fast) == ["Company 1", "Company 7"]
    rejects = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert [(r["class"], r["records"][0]["line"]) for r in rejects] == [
        ("json", 3), ("too_long", 4), ("json", 5), ("json", 6)]
    again = closefeed("run", path, "--json")
    assert again.code == 0 and again.summary["read"] == 0


def test_a_file_that_became_shorter_stops_and_goes_on_when_it_is_back(
        closefeed, pipeline, fast, tmp_path):
    file = tmp_path / "signups.ndjson"
    path = pipeline(companies(6))
    assert closefeed("run", path, "--limit", "4").code == 0
    whole = file.read_bytes()
    file.write_bytes(whole[:60])
    result = closefeed("run", path)
    assert result.code == 75
    assert "shorter (60 bytes)" in result.err and "Nothing of it was sent" in result.err
    assert "on_change: new" in result.err and "--new-state" in result.err
    assert lead_names(fast) == names(4)
    file.write_bytes(whole)
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(6)


def interrupt_reading(closefeed, path, fast, change):
    """Starts a run, changes its file once some of it was sent, and returns how it ended."""
    fast.post("/_sandbox/settings", {"latency_ms": 2000})  # most of it is not read for a while
    process = closefeed.start("run", path, "--json")
    try:
        wait_until(lambda: fast.requests("POST", "/lead/"))
        change()
        fast.post("/_sandbox/settings", {"latency_ms": 0})
        out, err = process.communicate(timeout=180)
    finally:
        process.kill()
    assert b"Sanitizer" not in err, err.decode()
    return process.returncode, out.decode(), err.decode()


def test_a_file_that_shrinks_while_it_is_read_stops_and_loses_nothing(
        closefeed, pipeline, fast, tmp_path):
    file = tmp_path / "signups.ndjson"
    path = pipeline(large(80), routes=LARGE_ROUTE, close="concurrency: 1")
    whole = file.read_bytes()
    code, out, err = interrupt_reading(closefeed, path, fast, lambda: os.truncate(file, 1000))
    assert code == 75 and "became shorter while it was read" in out + err
    assert "run again" in out + err
    done = lead_names(fast)
    assert done == names(len(done)) and len(done) < 80
    result = closefeed("run", path)
    assert result.code == 75 and "shorter" in result.err and lead_names(fast) == done
    file.write_bytes(whole)
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(80)


def test_a_file_rewritten_while_it_is_read_stops_and_loses_nothing(
        closefeed, pipeline, fast, tmp_path):
    file = tmp_path / "signups.ndjson"
    path = pipeline(large(80), routes=LARGE_ROUTE, close="concurrency: 1")
    whole = file.read_bytes()

    def rewrite():
        with open(file, "r+b") as other:
            other.write(whole.replace(b"x", b"y"))

    code, out, err = interrupt_reading(closefeed, path, fast, rewrite)
    assert code == 75 and "was rewritten while it was read" in out + err
    done = lead_names(fast)
    assert done == names(len(done)) and len(done) < 80
    file.write_bytes(whole)
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(80)


def test_lines_added_while_it_is_read_are_read_too(closefeed, pipeline, fast, tmp_path):
    path = pipeline(large(40), routes=LARGE_ROUTE, close="concurrency: 1")

    def append():
        with open(tmp_path / "signups.ndjson", "a", encoding="utf-8") as more:
            more.write(ndjson(companies(3, first=41)))

    code, _, err = interrupt_reading(closefeed, path, fast, append)
    assert code == 0, err
    assert lead_names(fast) == names(43)


def test_a_mended_line_that_was_read_stops_and_one_that_was_not_does_no_harm(
        closefeed, pipeline, fast, tmp_path):
    file = tmp_path / "signups.ndjson"
    records = companies(6)
    path = pipeline(records)
    assert closefeed("run", path, "--limit", "3").code == 0
    write(file, records[:4] + [{**records[4], "description": "mended"}] + records[5:])
    assert closefeed("run", path, "--limit", "2").code == 0
    assert [lead["name"] for lead in fast.objects("lead")
            if lead["description"] == "mended"] == ["Company 5"]
    before = file.read_bytes()
    write(file, [records[0], {**records[1], "description": "mended"}, *records[2:]])
    result = closefeed("run", path)
    assert result.code == 75 and "not what was read before" in result.err
    assert lead_names(fast) == names(5)
    file.write_bytes(before)
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(6)


def test_a_change_deep_inside_what_was_read_is_noticed(closefeed, pipeline, fast, tmp_path):
    file = tmp_path / "signups.ndjson"
    path = pipeline(companies(30, pad="x" * 1000), routes=LARGE_ROUTE)
    assert closefeed("run", path).code == 0
    with open(file, "r+b") as other:
        other.seek(15000)
        other.write(b"y")
    result = closefeed("run", path)
    assert result.code == 75 and "has changed somewhere" in result.err
    assert lead_names(fast) == names(30)


def test_a_replaced_file_is_read_from_its_start_where_on_change_says_new(
        closefeed, pipeline, fast, tmp_path):
    path = pipeline(companies(3), source="ndjson: {path: signups.ndjson, on_change: new}")
    assert closefeed("run", path).code == 0
    write(tmp_path / "signups.ndjson", companies(4, first=4))
    result = closefeed("run", path, "--json")
    assert result.code == 0 and result.summary["delivered"] == 4
    assert ('"signups" has not read this before: reads signups.ndjson from line 1, 4 lines'
            in result.err and "no state" not in result.err)
    assert closefeed("run", path, "--json").summary["read"] == 0
    assert lead_names(fast) == names(7)


def test_a_replaced_file_stops_until_a_new_state_is_asked_for(
        closefeed, pipeline, fast, tmp_path):
    path = pipeline(companies(3))
    assert closefeed("run", path).code == 0
    write(tmp_path / "signups.ndjson", companies(4, first=4))
    assert closefeed("run", path).code == 75
    assert lead_names(fast) == names(3)
    result = closefeed("run", path, "--new-state")
    assert result.code == 0 and "the old state is kept as" in result.err
    assert lead_names(fast) == names(7)


def renamed(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def test_a_renamed_file_goes_on_where_it_was(closefeed, pipeline, fast, tmp_path):
    path = pipeline(companies(6))
    assert closefeed("run", path, "--limit", "4").code == 0
    (tmp_path / "signups.ndjson").rename(tmp_path / "done.ndjson")
    renamed(path, "signups.ndjson", "done.ndjson")
    result = closefeed("run", path, "--json")
    assert result.code == 0 and result.summary["delivered"] == 2
    assert lead_names(fast) == names(6)


def test_a_copy_goes_on_where_4_kib_of_it_were_read_and_is_new_where_not(
        closefeed, pipeline, fast, tmp_path):
    path = pipeline(companies(8, pad="x" * 1000), routes=LARGE_ROUTE)
    assert closefeed("run", path, "--limit", "6").code == 0
    shutil.copy(tmp_path / "signups.ndjson", tmp_path / "copy.ndjson")
    renamed(path, "signups.ndjson", "copy.ndjson")
    result = closefeed("run", path, "--json")
    assert result.code == 0 and result.summary["delivered"] == 2
    assert lead_names(fast) == names(8)

    short = pipeline(companies(3, first=9), name="short")
    assert closefeed("run", short).code == 0
    shutil.copy(tmp_path / "short.ndjson", tmp_path / "other.ndjson")
    renamed(short, "short.ndjson", "other.ndjson")
    result = closefeed("run", short, "--json")
    assert result.summary["delivered"] == 3
    assert '"short" has not read this before: reads other.ndjson' in result.err


def test_an_identity_keeps_a_copied_file_from_making_twins(closefeed, pipeline, fast, tmp_path):
    path = pipeline(companies(3), routes=identity_route(fast))
    assert closefeed("run", path).code == 0
    shutil.copy(tmp_path / "signups.ndjson", tmp_path / "copy.ndjson")
    renamed(path, "signups.ndjson", "copy.ndjson")
    result = closefeed("run", path, "--json")
    assert result.code == 1 and result.summary["rejected"] == 3
    assert {r["class"] for r in closefeed("rejects", "list", path, "--json").json["rejects"]} == {
        "duplicate_identity"}
    assert lead_names(fast) == names(3)


def test_a_last_line_that_was_cut_is_not_taken_for_a_record_of_its_own(
        closefeed, pipeline, fast, tmp_path):
    file = tmp_path / "signups.ndjson"
    path = pipeline()
    file.write_text(ndjson(companies(2)) + '{"name": "Company 3"}')
    assert closefeed("run", path).code == 0
    with open(file, "a", encoding="utf-8") as more:
        more.write("\n" + ndjson(companies(1, first=4)))
    assert closefeed("run", path).code == 0
    assert lead_names(fast) == names(4)
    file.write_text(file.read_text() + '{"name": "Company 5"}')
    assert closefeed("run", path).code == 0
    with open(file, "a", encoding="utf-8") as more:
        more.write(', "more": 1}\n')
    result = closefeed("run", path)
    assert result.code == 75 and "has grown" in result.out + result.err
    assert lead_names(fast) == names(5)


def test_standard_input_that_was_interrupted_is_fed_again_and_goes_on(closefeed, pipeline, fast):
    path = pipeline(source=STDIN)
    process = closefeed.start("run", path, stdin=subprocess.PIPE)
    try:
        process.stdin.write(ndjson(companies(5)).encode())
        process.stdin.flush()
        wait_until(lambda: len(fast.objects("lead")) == 5)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=180)
    finally:
        process.kill()
    assert process.returncode == 75 and b"run again" in err
    result = closefeed("run", path, "--json", input=ndjson(companies(9)))
    assert result.code == 0 and result.summary["delivered"] == 4
    assert lead_names(fast) == names(9)


def test_a_longer_standard_input_continues_and_any_other_is_new(closefeed, pipeline, fast):
    path = pipeline(source=STDIN)
    assert closefeed("run", path, input=ndjson(companies(3))).code == 0
    longer = closefeed("run", path, "--json", input=ndjson(companies(5)))
    assert longer.code == 0 and longer.summary["read"] == 2
    other = closefeed("run", path, "--json", input=ndjson(companies(2, first=6)))
    assert other.code == 0 and other.summary["read"] == 2
    assert lead_names(fast) == names(7)


def test_standard_input_is_taken_as_it_comes(closefeed, pipeline, fast):
    process = closefeed.start("run", pipeline(source=STDIN), stdin=subprocess.PIPE)
    try:
        for n in (1, 2, 3):
            process.stdin.write(ndjson(companies(1, first=n)).encode())
            process.stdin.flush()
            wait_until(lambda n=n: len(fast.objects("lead")) == n)
        _, err = process.communicate(timeout=180)
    finally:
        process.kill()
    assert process.returncode == 0, err.decode()


def test_control_characters_of_records_and_names_do_not_reach_a_terminal(
        closefeed, pipeline, sandbox, tmp_path):
    path = pipeline([{"name": "\x1b[31mred\u202e", "contacts": "no list"}])
    assert closefeed("run", path).code == 1
    plain = {"NO_COLOR": "1"}
    shown = on_terminal(closefeed, "rejects", "show", path, "1", env=plain)
    assert "red" in shown
    for text in (shown, on_terminal(closefeed, "rejects", "list", path, env=plain)):
        assert "\x1b" not in text and "\u202e" not in text
    path.write_text(path.read_text().replace("signups.ndjson", '"\\e]0;red.ndjson"'))
    said = on_terminal(closefeed, "run", path, env=plain)
    assert "red.ndjson does not exist" in said and "\x1b" not in said


def test_the_state_is_for_its_owner_alone_whatever_the_umask(closefeed, pipeline, tmp_path):
    old = os.umask(0)
    try:
        assert closefeed("run", pipeline(companies(1))).code == 0
    finally:
        os.umask(old)
    kept = [file for file in (tmp_path / "state").rglob("*") if not file.is_symlink()]
    assert kept and all(stat.S_IMODE(file.stat().st_mode) & 0o077 == 0 for file in kept)
