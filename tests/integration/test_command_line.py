"""What needs no pipeline: usage, help, versions, look-ups."""

import os
import pty
import re
import subprocess

import pytest


def test_without_a_verb_it_says_where_help_is(closefeed):
    result = closefeed()
    assert result.code == 2 and result.out == "" and "closefeed help" in result.err


def test_an_unknown_verb_names_the_near_one(closefeed):
    result = closefeed("operatoins")
    assert result.code == 2 and 'did you mean "operations"?' in result.err


def test_an_unknown_flag_names_the_near_one(closefeed):
    result = closefeed("version", "--jsno")
    assert result.code == 2 and "did you mean --json?" in result.err


def test_help_of_every_verb_begins_with_an_example(closefeed):
    verbs = [
        line.split()[0] for line in closefeed("help").out.splitlines()
        if line.startswith("  ") and not line.startswith("  $")
    ]
    assert {"operations", "version", "help"} <= set(verbs)
    for verb in verbs:
        told, asked = closefeed(verb, "--help"), closefeed("help", verb)
        assert told.code == 0 and told.out == asked.out
        assert told.out.startswith(f"  $ closefeed {verb}"), verb


def test_version_names_the_libraries(closefeed):
    said = closefeed("version", "--json").json
    assert {"closefeed", "libcurl", "json-c", "libyaml", "sqlite", "openssl", "zlib", "zstd"} <= set(said)
    assert closefeed("--version").out.split()[:2] == ["closefeed", said["closefeed"]]


def test_all_operations_are_listed_and_shown(closefeed):
    rows = closefeed("operations", "--json").json
    assert len(rows) == 164  # those of Close, and four upserts
    lead = closefeed("operations", "lead.create", "--json").json
    assert lead in rows and lead["method"] == "POST" and lead["path"] == "/lead/"
    assert "POST /lead/" in closefeed("operations", "lead.create").out


def test_an_upsert_is_shown_with_both_its_calls(closefeed):
    upsert = closefeed("operations", "contact.upsert", "--json").json
    assert upsert in closefeed("operations", "--json").json
    assert (upsert["creates_by"], upsert["updates_by"]) == ("contact.create", "contact.update")
    said = closefeed("operations", "contact.upsert").out
    assert "POST /contact/, or PUT /contact/{id}/" in said
    assert re.search(r"lead_id +string +only to create", said)
    assert "contact.upsert" in closefeed("operations", "contact.upsret").err


def test_a_mistyped_operation_names_the_near_one(closefeed):
    result = closefeed("operations", "lead.crate")
    assert result.code == 2 and '"lead.create"' in result.err


def test_colour_and_redrawing_only_on_a_terminal(closefeed):
    assert "\033" not in closefeed("help").out


def test_a_reader_that_leaves_early_is_no_trouble(closefeed):
    process = closefeed.start("operations")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(180) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_full_disk_under_the_output_is_no_success(closefeed):
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([closefeed.binary, "version"], env=closefeed.env, stdout=full,
                              stderr=subprocess.PIPE)
    assert done.returncode == 74 and b"could not be written" in done.stderr


def test_the_environment_is_moved_out_of_sight(closefeed, tmp_path):
    """A library would write TLS secrets to the file SSLKEYLOGFILE names; others can see environ."""
    key_log = tmp_path / "keys"
    process = closefeed.start(
        "sandbox", "--port", "0", env={"SSLKEYLOGFILE": str(key_log), "MY_SECRET": "s3cret-canary"})
    try:
        assert process.stdout.readline().startswith(b"ready ")
        with open(f"/proc/{process.pid}/environ", "rb") as environ:
            assert b"s3cret-canary" not in environ.read()
        assert not key_log.exists()
    finally:
        process.terminate()
        process.communicate(timeout=180)


def test_a_table_on_a_terminal_carries_no_control_characters(closefeed):
    leader, follower = pty.openpty()
    process = subprocess.Popen([closefeed.binary, "operations", "lead.create"], env=closefeed.env,
                               stdout=follower, stderr=follower, stdin=subprocess.DEVNULL)
    os.close(follower)
    text = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.close(leader)
    assert process.wait(180) == 0
    assert b"POST /lead/" in text and b"\033" not in text


def test_stray_descriptors_are_closed_and_missing_ones_filled(closefeed, tmp_path):
    """A descriptor a parent forgot could be written to; a missing one would be the database's."""
    with open(tmp_path / "forgotten", "wb") as forgotten:
        process = subprocess.Popen(
            [closefeed.binary, "sandbox", "--port", "0"], env=closefeed.env,
            pass_fds=[forgotten.fileno()], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=lambda: os.close(0))
    try:
        assert process.stdout.readline().startswith(b"ready ")
        folder = f"/proc/{process.pid}/fd"
        open_files = {fd: os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)}
        assert open_files["0"] == "/dev/null"
        assert not [path for path in open_files.values() if path.endswith("forgotten")]
    finally:
        process.terminate()
        process.communicate(timeout=180)


def test_a_pipeline_may_come_through_a_descriptor_of_the_shell(closefeed, pipeline):
    command = f'exec 9<"{pipeline([])}"; exec {closefeed.binary} check /dev/fd/9'
    done = subprocess.run(["sh", "-c", command], env=closefeed.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
