"""doctor: what is wrong around a pipeline, before it hurts."""

import json
import os
import resource
import sqlite3
import subprocess

from harness import KEY, wait_until

PIPELINE = """\
version: 1
name: patient
source: {ndjson: {path: input.ndjson}}
close: {base_url: "http://127.0.0.1:9/api/v1", api_key: {env: CLOSE_API_KEY}}
routes: [{operation: lead.create}]
responses: {file: responses.ndjson}
state: state
"""

ENV = {"CLOSE_API_KEY": KEY}


def write(closefeed, pipeline=PIPELINE, records=1):
    (closefeed.folder / "patient.yaml").write_text(pipeline)
    (closefeed.folder / "input.ndjson").write_text('{"name":"Acme"}\n' * records)


def findings(result):
    return {row["what"]: row for row in result.json["findings"]}


def test_a_healthy_machine(closefeed):
    result = closefeed("doctor", "--json")
    assert result.code == 0 and result.json["ok"]
    rows = findings(result)
    assert "libcurl" in rows["libraries"]["text"]
    assert {row["kind"] for row in rows.values()} == {"good"}


def test_a_pipeline_that_never_ran(closefeed):
    write(closefeed)
    result = closefeed("doctor", "patient.yaml", "--json", env=ENV)
    assert result.code == 0, result.out
    rows = findings(result)
    assert "never run" in rows["state folder"]["text"] and rows["input"]["kind"] == "good"
    assert not (closefeed.folder / "state").exists()


def test_a_wrong_pipeline_is_told_and_exits_as_check_does(closefeed):
    write(closefeed, PIPELINE.replace("lead.create", "lead.creat"))
    result = closefeed("doctor", "patient.yaml", "--json", env=ENV)
    assert result.code == 78 and "closefeed check" in findings(result)["pipeline"]["text"]


def test_an_input_that_is_not_there(closefeed):
    write(closefeed)
    (closefeed.folder / "input.ndjson").unlink()
    result = closefeed("doctor", "patient.yaml", "--json", env=ENV)
    assert result.code == 74 and findings(result)["input"]["kind"] == "bad"
    assert "input.ndjson" in findings(result)["input"]["text"]


def test_a_followed_input_may_come_later(closefeed):
    write(closefeed, PIPELINE.replace("input.ndjson}", "input.ndjson, follow: true}"))
    (closefeed.folder / "input.ndjson").unlink()
    result = closefeed("doctor", "patient.yaml", "--json", env=ENV)
    assert result.code == 0 and findings(result)["input"]["kind"] == "good"


def test_too_few_descriptors(closefeed):
    write(closefeed, PIPELINE.replace("close: {", "close: {concurrency: 256, "))
    done = subprocess.run(
        [closefeed.binary, "doctor", "patient.yaml", "--json"], cwd=closefeed.folder,
        env={**closefeed.env, **ENV}, capture_output=True, text=True, check=False, timeout=180,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128)))
    rows = {row["what"]: row for row in json.loads(done.stdout)["findings"]}
    assert done.returncode == 74 and "ulimit" in rows["descriptors"]["text"]


def test_a_folder_others_can_write(closefeed):
    write(closefeed)
    (closefeed.folder / "state").mkdir()
    os.chmod(closefeed.folder / "state", 0o777)
    result = closefeed("doctor", "patient.yaml", "--json", env=ENV)
    assert result.code == 74 and "chmod" in findings(result)["state folder"]["text"]


def test_rejects_and_what_is_untold_are_told(closefeed, sandbox, pipeline):
    run = pipeline([{"name": "Acme"}, "no object"], delivery="drain: 1s")
    sandbox.add_fault("status", path="/_sandbox/hook", status=503)
    assert closefeed("run", run).code == 75
    result = closefeed("doctor", run, "--json")
    rows = findings(result)
    assert result.code == 0 and rows["journal"]["text"].startswith("whole")
    assert rows["rejected"]["kind"] == "warning" and "rejects list" in rows["rejected"]["text"]
    assert "responses flush" in rows["untold"]["text"]


def test_a_damaged_journal(closefeed):
    write(closefeed)
    state = closefeed.folder / "state"
    state.mkdir(mode=0o700)
    (state / "journal.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)
    result = closefeed("doctor", "patient.yaml", "--json", env=ENV)
    assert result.code == 74 and findings(result)["journal"]["kind"] == "bad"


def test_a_torn_page_is_found_where_opening_is_not_enough(closefeed):
    write(closefeed, records=1)
    # Nobody listens at the port: the run ends with 69 or is stopped, and leaves a journal.
    state = closefeed.folder / "state"
    closefeed("status", "patient.yaml", env=ENV)
    process = closefeed.start("run", "patient.yaml", env=ENV)
    try:
        def is_owned():
            owned = closefeed("doctor", "patient.yaml", "--json", env=ENV)
            return f"process {process.pid}" in findings(owned)["journal"]["text"]

        wait_until(lambda: (state / "control.sock").exists())
        wait_until(is_owned)  # it listens a moment later
    finally:
        process.kill()
        process.communicate()
    with sqlite3.connect(state / "journal.db") as db:
        db.execute("pragma locking_mode=normal")
        root = db.execute("select rootpage from sqlite_master where name = 'config'").fetchone()[0]
        size = db.execute("pragma page_size").fetchone()[0]
        db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    with open(state / "journal.db", "r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\x0d\xff\xff\xff\xff\xff\xff\xff")
    result = closefeed("doctor", "patient.yaml", "--json", env=ENV)
    assert result.code == 74, result.out
    assert "--new-state" in findings(result)["journal"]["text"]
