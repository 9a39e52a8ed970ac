"""`closefeed runs`: what ran, when, with which pipeline, and what came of it."""

import hashlib
import subprocess

from harness import ndjson, wait_until

BAD = {"name": "Bad", "url": 7}


def test_each_run_is_a_row_newest_first(closefeed, pipeline, tmp_path):
    path = pipeline([{"name": "A"}, BAD], delivery="max_rejects: none")
    first = hashlib.sha256(path.read_bytes()).hexdigest()
    assert closefeed("run", path).code == 1
    path.write_text(path.read_text() + "# edited\n")
    (tmp_path / "signups.ndjson").write_text(ndjson([{"name": "A"}, BAD, {"name": "B"}]))
    assert closefeed("run", path).code == 0

    second, first_run = closefeed("runs", path, "--json").json["runs"]
    assert (first_run["run"], second["run"]) == (1, 2)
    assert first_run["pipeline"] == first != second["pipeline"]
    assert second["pipeline"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert first_run["counts"] == {"read": 2, "delivered": 1, "filtered": 0, "skipped": 0,
                                   "rejected": 1, "held": 0, "open": 0}
    assert second["counts"]["read"] == second["counts"]["delivered"] == 1
    for run in (first_run, second):
        assert run["state"] == "ended" and run["reason"] == "end of input"
        assert run["began"] < run["ended"] and run["duration_ms"] > 0 and len(run["id"]) == 26
    assert first_run["ended"] <= second["began"]

    shown = closefeed("runs", path).out.splitlines()
    assert shown[0].split() == ["RUN", "BEGAN", "TOOK", "READ", "DELIVERED", "REJECTED",
                                "PIPELINE", "ENDED"]
    assert [line.split()[0] for line in shown[1:]] == ["2", "1"]
    assert shown[2].rstrip().endswith("end of input") and first[:8] in shown[2]
    assert [r["run"] for r in closefeed("runs", path, "-n", "1", "--json").json["runs"]] == [2]


def test_a_run_that_was_killed_or_stopped_says_so(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline([{"name": f"N{i}"} for i in range(5)])
    assert closefeed("run", path, env={"CLOSEFEED_KILL_AT": "outcome_durable:2"}).code == -9
    [killed] = closefeed("runs", path, "--json").json["runs"]
    assert killed["state"] == "killed" and "counts" not in killed and "ended" not in killed
    assert "killed" in closefeed("runs", path).out
    sandbox.add_fault("status", method="POST", path="/lead/", status=401)
    (tmp_path / "signups.ndjson").write_text(ndjson([{"name": f"N{i}"} for i in range(6)]))
    assert closefeed("run", path).code == 77
    stopped = closefeed("runs", path, "--json").json["runs"][0]
    assert stopped["state"] == "ended" and "401" in stopped["reason"]


def test_why_a_run_stopped_is_kept_whole(closefeed, pipeline):
    path = pipeline([BAD] * 2, delivery="max_rejects: 1")
    ended = closefeed("run", path, "--json")
    assert ended.code == 75
    reason = ended.summary["reason"]
    assert len(reason) > 160 and "Last: " in reason
    assert closefeed("runs", path, "--json").json["runs"][0]["reason"] == reason
    assert reason in closefeed("status", path).out.replace("\n", " ")


def test_the_run_that_works_now_counts_up_to_now(closefeed, pipeline, sandbox):
    path = pipeline(source='ndjson: {path: "-"}')
    process = closefeed.start("run", path, stdin=subprocess.PIPE)
    process.stdin.write(ndjson([{"name": "A"}, {"name": "B"}]).encode())
    process.stdin.flush()
    wait_until(lambda: sandbox.hook_log()["count"] == 2)
    [run] = closefeed("runs", path, "--json").json["runs"]
    assert run["state"] == "running" and run["counts"]["delivered"] == 2
    assert "ended" not in run and run["duration_ms"] >= 0
    process.communicate(timeout=180)
    assert closefeed("runs", path, "--json").json["runs"][0]["state"] == "ended"


def test_what_never_ran_has_no_history(closefeed, pipeline, tmp_path):
    path = pipeline([{"name": "A"}])
    assert closefeed("runs", path).out == "It has never run.\n"
    assert closefeed("runs", path, "--json").json == {"runs": []}
    assert not (tmp_path / "state").exists()
    for words in (["-n", "0"], ["-n", "x"], ["1"]):
        assert closefeed("runs", path, *words).code == 2
