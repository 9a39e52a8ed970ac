"""`closefeed send`: one record for real, after showing it; `run` then leaves it alone."""

import json
import os
import pty
import subprocess

import pytest

from harness import HOOK_SECRET, KEY, Pipelines, ndjson, wait_until
from receiver import Server, close_that
from scenarios import SEND_POINTS, canary_and_key, events_of_delivered, field, set_lag

BAD = {"name": "Bad", "url": 7}


def leads(n, first=1):
    return [{"name": f"N{i}"} for i in range(first, first + n)]


def names(sandbox):
    return sorted(lead["name"] for lead in sandbox.objects("lead"))


def lines_told(sandbox):
    return sorted(e["data"]["records"][0]["line"] for e in sandbox.hook_events())


@pytest.fixture
def slow_pipeline(pipeline, slow):
    def make(records, **how):
        path = pipeline(records, **{"close": "concurrency: 1\ntimeout: 10m", **how})
        return slow.stand_in(path, pipeline.sandbox)

    return make


class Owner:
    """A run that waits in its first create, and has read what it may."""

    def __init__(self, closefeed, slow, path, **how):
        self.closefeed, self.path = closefeed, path
        self.process = closefeed.start("run", path, **how)
        wait_until(lambda: (not slow or slow.names) and 10 < self.n_open())
        self.n_read = self.n_open()

    def n_open(self):
        return self.closefeed("status", self.path, "--json").json["counts"]["open"]

    def wait_for_another(self):
        """That it got a record from somebody, which waits for its turn: there is one connection."""
        wait_until(lambda: self.n_open() == self.n_read + 1)

    def end(self):
        """Its exit code."""
        _, err = self.process.communicate(timeout=180)
        assert b"Sanitizer" not in err, err.decode()
        return self.process.returncode


@pytest.fixture
def owner(closefeed, slow):
    """Begins such a run; it is ended."""
    begun = []

    def begin(path, **how):
        begun.append(Owner(closefeed, slow, path, **how))
        return begun[-1]

    yield begin
    slow.gate.set()
    for one in begun:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


# With nobody running


def test_a_record_is_shown_sent_and_left_alone_by_the_run(closefeed, pipeline, sandbox):
    path = pipeline(leads(3))
    sent = closefeed("send", path, "--record", "2", "--yes")
    assert sent.code == 0, sent.err
    [lead] = sandbox.objects("lead")
    assert lead["name"] == "N2"
    for piece in ("signups.ndjson:2", "POST " + sandbox.base_url + "/lead/", '"name": "N2"',
                  "delivered " + lead["id"], "(200,", '"status_label"'):
        assert piece in sent.out, piece
    assert KEY not in sent.out + sent.err
    status = closefeed("status", path, "--json").json
    assert status["counts"]["read"] == status["counts"]["delivered"] == 1
    [run] = closefeed("runs", path, "--json").json["runs"]
    assert run["reason"] == "done by hand"

    assert closefeed("run", path).code == 0
    assert names(sandbox) == ["N1", "N2", "N3"] and lines_told(sandbox) == [1, 2, 3]
    assert closefeed("status", path, "--json").json["counts"]["read"] == 2


def test_the_answer_is_one_object_for_a_program(closefeed, pipeline, sandbox):
    path = pipeline(leads(1))
    sent = closefeed("send", path, "--yes", "--json")
    [result] = sent.json["results"]
    lead = sandbox.objects("lead")[0]["id"]
    assert result["outcome"] == "delivered" and result["object_id"] == lead
    assert result["status"] == 200 and result["response"]["id"] == lead
    assert result["route"] == "lead.create"


def test_what_close_refuses_is_kept_as_a_reject(closefeed, pipeline, sandbox):
    path = pipeline([{"name": "A"}, BAD])
    sent = closefeed("send", path, "--record", "2", "--yes")
    assert sent.code == 1 and "rejected" in sent.out and "Value must be of str type" in sent.out
    [reject] = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert reject["class"] == "validation" and reject["records"][0]["line"] == 2
    again = closefeed("send", path, "--record", "2", "--yes")
    assert again.code == 2 and f"rejects retry {path} {reject['id']}" in again.err
    assert closefeed("send", path, "--record", "2", "--yes", "--again").code == 2
    assert closefeed("run", path).code == 0
    assert names(sandbox) == ["A"] and len(sandbox.requests("POST", "/lead/")) == 2


def test_blank_lines_and_a_byte_order_mark_are_no_records(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline([])
    (tmp_path / "signups.ndjson").write_bytes(
        b'\xef\xbb\xbf\n{"name":"A"}\r\n\n   \n{"name":"B"}\n\n{"name":"C"}')
    assert closefeed("send", path, "--record", "3", "--yes").code == 0
    assert closefeed("send", path, "--record", "2", "--yes").code == 0
    assert names(sandbox) == ["B", "C"]
    assert closefeed("run", path).code == 0
    assert names(sandbox) == ["A", "B", "C"] and lines_told(sandbox) == [2, 5, 7]
    beyond = closefeed("send", path, "--record", "4", "--yes")
    assert beyond.code == 2 and "3 records" in beyond.err


def test_records_are_counted_over_all_files_of_a_folder(closefeed, pipeline, sandbox, tmp_path):
    (tmp_path / "in").mkdir()
    for i, name in enumerate(("a1", "a2", "a10")):
        (tmp_path / "in" / f"{name}.ndjson").write_text(ndjson(leads(2, 10 * i)))
    path = pipeline(source="ndjson: {path: in/}")
    for number, name in ((5, "N20"), (1, "N0"), (4, "N11")):
        assert closefeed("send", path, "--record", number, "--yes").code == 0
        assert name in names(sandbox)
    assert len(names(sandbox)) == 3
    assert closefeed("run", path).code == 0
    assert names(sandbox) == sorted(["N0", "N1", "N10", "N11", "N20", "N21"])
    assert len(sandbox.requests("POST", "/lead/")) == 6


def test_a_packed_file_is_sent_from(closefeed, pipeline, sandbox, tmp_path):
    import gzip

    (tmp_path / "in.ndjson.gz").write_bytes(gzip.compress(ndjson(leads(3)).encode()))
    path = pipeline(source="ndjson: {path: in.ndjson.gz}")
    assert closefeed("send", path, "--record", "3", "--yes").code == 0
    assert closefeed("run", path).code == 0
    assert names(sandbox) == ["N1", "N2", "N3"]
    assert len(sandbox.requests("POST", "/lead/")) == 3


def test_after_a_run_the_rest_of_the_file_is_sent_from(closefeed, pipeline, sandbox, tmp_path):
    """The state knows the file; what was appended stands behind what is settled."""
    path = pipeline(leads(2))
    assert closefeed("run", path).code == 0
    with open(tmp_path / "signups.ndjson", "a", encoding="ascii") as file:
        file.write(ndjson(leads(3, 3)))
    assert closefeed("send", path, "--record", "4", "--yes").code == 0
    settled = closefeed("send", path, "--record", "1", "--yes")
    lead = next(o["id"] for o in sandbox.objects("lead") if o["name"] == "N1")
    assert settled.code == 2 and f"it was delivered as {lead}" in settled.err
    assert closefeed("run", path).code == 0
    assert names(sandbox) == ["N1", "N2", "N3", "N4", "N5"]
    assert len(sandbox.requests("POST", "/lead/")) == 5


def test_another_content_under_the_name_is_not_taken_for_the_one_sent_from(
        closefeed, pipeline, sandbox, tmp_path):
    """Only the hash of what was read vouches for the place that is settled."""
    path = pipeline(leads(3))
    assert closefeed("send", path, "--record", "2", "--yes").code == 0
    (tmp_path / "signups.ndjson").write_text(ndjson(leads(3, 4)))
    run = closefeed("run", path)
    assert run.code == 75 and "not what was read before" in run.err
    refused = closefeed("send", path, "--record", "1", "--yes")
    assert refused.code == 75 and names(sandbox) == ["N2"]
    path.write_text(path.read_text().replace("{path: signups.ndjson}",
                                             "{path: signups.ndjson, on_change: new}"))
    assert closefeed("send", path, "--record", "2", "--yes").code == 0
    assert closefeed("run", path).code == 0
    assert names(sandbox) == ["N2", "N4", "N5", "N6"]
    assert len(sandbox.requests("POST", "/lead/")) == 4


def test_a_renamed_file_is_the_one_it_was(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline(leads(3))
    assert closefeed("send", path, "--record", "2", "--yes").code == 0
    os.rename(tmp_path / "signups.ndjson", tmp_path / "other.ndjson")
    path.write_text(path.read_text().replace("signups.ndjson", "other.ndjson"))
    settled = closefeed("send", path, "--record", "2", "--yes")
    assert settled.code == 2 and "settled" in settled.err
    assert closefeed("run", path).code == 0
    assert names(sandbox) == ["N1", "N2", "N3"]


# Again


def test_again_sends_a_settled_record_once_more_and_counts_it_once(
        closefeed, pipeline, sandbox):
    path = pipeline(leads(1))
    assert closefeed("run", path).code == 0
    assert closefeed("send", path, "--yes").code == 2
    again = closefeed("send", path, "--yes", "--again")
    assert again.code == 0 and names(sandbox) == ["N1", "N1"]
    assert len({e["id"] for e in sandbox.hook_events()}) == 2
    assert [r["run"] for r in closefeed("runs", path, "--json").json["runs"]] == [1]
    assert closefeed("run", path).code == 0 and len(names(sandbox)) == 2


def test_again_of_a_record_nobody_has_read_is_its_first_time(
        closefeed, pipeline, sandbox, tmp_path):
    path = pipeline(leads(2))
    assert closefeed("send", path, "--record", "2", "--yes", "--again").code == 0
    assert closefeed("send", path, "--record", "2", "--yes").code == 2
    (tmp_path / "signups.ndjson").write_text(ndjson(leads(2, 5)))
    assert closefeed("run", path).code == 75  # what was read vouches for the place
    (tmp_path / "signups.ndjson").write_text(ndjson(leads(2)))
    assert closefeed("run", path).code == 0 and names(sandbox) == ["N1", "N2"]


def test_again_is_refused_where_the_identity_comes_from_the_record(
        closefeed, pipeline, sandbox):
    key = field(sandbox, "Key")
    path = pipeline([{"id": "1", "name": "A"}], routes=(
        f'- operation: lead.create\n  exclude: [id]\n  identity: {{{key}: "{{id}}"}}'))
    assert closefeed("send", path, "--yes").code == 0
    refused = closefeed("send", path, "--yes", "--again")
    assert refused.code == 2 and "identity" in refused.err
    assert names(sandbox) == ["A"]
    assert closefeed("rejects", "list", path, "--json").json["rejects"] == []


def test_a_key_of_closefeeds_own_is_made_when_it_is_sent(closefeed, pipeline, sandbox):
    key = field(sandbox, "Key")
    path = pipeline([{"name": "A"}], routes=f"- {{operation: lead.create, identity: {key}}}")
    sent = closefeed("send", path, "--yes")
    assert sent.code == 0, sent.err
    assert "<key of closefeed's own>" in sent.out
    lead, = sandbox.get("/lead/")["data"]
    assert len(lead[key]) == 32


def test_what_is_looked_up_is_shown_as_text_and_sent_as_an_id(closefeed, pipeline, sandbox):
    set_lag(sandbox, 0)
    there = sandbox.post("/lead/", {"name": "A"})["id"]
    path = pipeline([{"name": "A", "url": "https://a.example"}], routes="""
        - operation: lead.upsert
          match: {name: "{name}"}
        """)
    sent = closefeed("send", path, "--yes")
    assert sent.code == 0, sent.err
    assert "POST" in sent.out and "/lead/<lead where name = A>/" in sent.out
    lead, = sandbox.get("/lead/")["data"]
    assert (lead["id"], lead["url"]) == (there, "https://a.example")


# What cannot be sent


@pytest.mark.parametrize("record, more, says", [
    ('{"name": ', {}, "json"),
    ('{"name": "' + "x" * 3000 + '"}', {"source": "ndjson: {path: signups.ndjson}\nmax_record: 1KiB"},
     "too_long"),
    ({"name": "A"}, {"routes": '- operation: lead.update\n  params: {id: "{key}"}'}, "template"),
])
def test_what_cannot_be_shaped_is_shown_and_not_kept(
        closefeed, pipeline, sandbox, record, more, says):
    path = pipeline([record], **more)
    sent = closefeed("send", path, "--yes")
    assert sent.code == 1 and says in sent.out and "nothing was sent" in sent.err
    assert sandbox.requests("POST") == []
    assert closefeed("rejects", "list", path, "--json").json["rejects"] == []


@pytest.mark.parametrize("record, more, results", [
    ({"x": 1}, {"routes": "- operation: lead.create\n  when: .name"},
     [{"outcome": "rejected", "class": "unrouted", "message": "no route takes this record"}]),
    ({"x": 1}, {"routes": "- operation: lead.create\n  when: .name", "more": "unrouted: skip"}, []),
])
def test_a_program_is_told_why_nothing_was_sent(closefeed, pipeline, record, more, results):
    sent = closefeed("send", pipeline([record], **more), "--yes", "--json")
    assert sent.code == (1 if results else 0) and sent.json == {"results": results}


def test_a_record_that_gives_nothing_is_not_kept(closefeed, pipeline, sandbox):
    path = pipeline(leads(1), routes="- operation: lead.create\n  when: .x", more="unrouted: skip")
    sent = closefeed("send", path, "--yes")
    assert sent.code == 0 and "skipped" in sent.out and "nothing to send" in sent.err
    assert sandbox.requests() == []


def test_standard_input_is_refused(closefeed, pipeline):
    path = pipeline(source='ndjson: {path: "-"}')
    refused = closefeed("send", path, "--yes", input=ndjson(leads(1)))
    assert refused.code == 2 and "standard input" in refused.err


def test_an_unfinished_last_line_of_a_growing_file_is_not_sent(
        closefeed, pipeline, sandbox, tmp_path):
    path = pipeline([], source="ndjson: {path: signups.ndjson, follow: true}")
    (tmp_path / "signups.ndjson").write_text('{"name":"A"}\n{"name":"B"}')
    assert closefeed("send", path, "--record", "2", "--yes").code == 75
    assert closefeed("send", path, "--record", "1", "--yes").code == 0
    assert names(sandbox) == ["A"]


def test_wrong_words_and_a_missing_terminal_are_refused(closefeed, pipeline, sandbox):
    path = pipeline(leads(1))
    for words, says in [
        ([path], "no terminal"), ([path, "--json"], "--yes"), ([path, "--record", "0"], "--record"),
        ([path, "--record", "x", "--yes"], "--record"), ([], "send PIPELINE"),
        ([path, "2", "--yes"], "send PIPELINE"),
    ]:
        refused = closefeed("send", *words)
        assert refused.code == 2 and says in refused.err, (words, refused.err)
    assert sandbox.requests() == []


def test_refused_credentials_end_it_and_leave_the_record_unread(closefeed, pipeline, sandbox):
    path = pipeline(leads(1))
    assert closefeed("send", path, "--yes", env={"CLOSE_API_KEY": "wrong"}).code == 77
    assert names(sandbox) == []
    assert closefeed("run", path).code == 0 and names(sandbox) == ["N1"]


# Asking


class Terminal:
    """The program at a terminal of its own."""

    def __init__(self, closefeed, *words, env=None):
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [closefeed.binary, *map(str, words)], cwd=closefeed.folder, stdin=theirs,
            stdout=subprocess.PIPE, stderr=theirs, env={**closefeed.env, **(env or {})})
        os.close(theirs)

    def answer(self, question, words):
        said = b""
        while question not in said:
            said += os.read(self.ours, 4096)
        os.write(self.ours, words)
        return said.decode()

    def end(self):
        out, _ = self.process.communicate(timeout=180)
        os.close(self.ours)
        return self.process.returncode, out.decode()


def test_yes_sends_and_everything_else_does_not(closefeed, pipeline, sandbox):
    path = pipeline(leads(2))
    for words, code in ((b"\n", 1), (b"n\n", 1), (b"maybe\n", 1), (b"\x04", 1), (b"y\n", 0)):
        assert sandbox.requests("POST") == []
        terminal = Terminal(closefeed, "send", path)
        said = terminal.answer(b"Send this? [y/N] ", words)
        ended, out = terminal.end()
        assert ended == code and "signups.ndjson:1" in out, (words, said, out)
    assert names(sandbox) == ["N1"]


# Edit


def test_the_edited_record_is_sent_in_its_place(closefeed, pipeline, sandbox, editor):
    path = pipeline([BAD, {"name": "B"}])
    sent = closefeed("send", path, "--edit", "--yes", env=editor("text = text.replace('7', '\"https://x.example.com\"')"))
    assert sent.code == 0, sent.err
    assert '"url": "https://x.example.com"' in sent.out and names(sandbox) == ["Bad"]
    [event] = sandbox.hook_events()
    assert event["data"]["records"] == [
        {"file": "signups.ndjson", "line": 1, "bytes": [0, len(json.dumps(BAD))]}]
    assert closefeed("run", path).code == 0
    assert names(sandbox) == ["B", "Bad"] and len(sandbox.requests("POST", "/lead/")) == 2


def test_an_edited_record_that_is_refused_is_kept_as_it_was_edited(
        closefeed, pipeline, sandbox, editor):
    path = pipeline([{"name": "A"}])
    env = editor("text = '{\\n\"name\": \"A much longer name than before\",\\n\"url\": 12\\n}'")
    assert closefeed("send", path, "--edit", "--yes", env=env).code == 1
    [reject] = closefeed("rejects", "show", path, "--all", "--json").json["rejects"]
    assert reject["record"] == '{"name":"A much longer name than before","url":12}'
    assert reject["records"][0]["bytes"] == [0, len('{"name": "A"}')]
    assert closefeed("run", path).code == 0 and names(sandbox) == []


def test_a_broken_line_is_mended_in_the_editor(closefeed, pipeline, sandbox, editor):
    path = pipeline(['{"name": "Cut'])
    assert closefeed("send", path, "--edit", "--yes", env=editor("text = text.strip() + '\"}'")).code == 0
    assert names(sandbox) == ["Cut"]
    assert closefeed("run", path).code == 0


def test_a_settled_record_is_refused_before_anybody_edits_it(closefeed, pipeline, editor, tmp_path):
    path = pipeline(leads(1))
    assert closefeed("run", path).code == 0
    refused = closefeed("send", path, "--edit", "--yes",
                        env=editor("pathlib.Path(sys.argv[0] + '.seen').touch()"))
    assert refused.code == 2 and not (tmp_path / "editor.py.seen").exists()
    again = closefeed("send", path, "--edit", "--again", "--yes",
                      env=editor("text = text.replace('N1', 'Again')"))
    assert again.code == 0 and '"Again"' in again.out


@pytest.mark.parametrize("lines, code", [
    ("sys.exit(1)", 1), ("text = ''", 1), ("text = '{'", 65), ("text = '7'", 65)])
def test_what_the_editor_gives_back_wrong_is_not_sent(
        closefeed, pipeline, sandbox, editor, lines, code):
    path = pipeline(leads(1))
    assert closefeed("send", path, "--edit", "--yes", env=editor(lines)).code == code
    assert sandbox.requests("POST") == []


def test_no_secret_is_in_the_editor_or_on_its_command_line(closefeed, pipeline, editor, tmp_path):
    path = pipeline(leads(1))
    env = editor(
        "seen = [open(f'/proc/{pid}/cmdline').read() + open(f'/proc/{pid}/environ').read()\n"
        "        for pid in (os.getpid(), os.getppid())]\n"
        "pathlib.Path(sys.argv[0] + '.seen').write_text(text + ''.join(seen))")
    assert closefeed("send", path, "--edit", "--yes", env=env).code == 0
    seen = (tmp_path / "editor.py.seen").read_text()
    assert "N1" in seen and KEY not in seen and HOOK_SECRET not in seen
    assert not [p for p in tmp_path.iterdir() if p.name.startswith("closefeed-")]


# Several outputs, batches


def test_all_outputs_of_a_record_are_shown_and_sent(closefeed, pipeline, sandbox):
    lead = sandbox.post("/lead/", {"name": "Old"})["id"]
    path = pipeline([{"lead": lead, "text": "Hello"}, {"lead": lead, "text": "Later"}], routes="""
        - {operation: activity.note.create, continue: true, body: {lead_id: "{lead}", note: "{text}"}}
        - {operation: task.create, body: {lead_id: "{lead}", text: "{text}", _type: lead}}
        """)
    sent = closefeed("send", path, "--yes", "--json")
    assert sent.code == 0, sent.err
    assert [r["outcome"] for r in sent.json["results"]] == ["delivered", "delivered"]
    assert {r["route"] for r in sent.json["results"]} == {"activity.note.create", "task.create"}
    assert len(sandbox.objects("activity.note")) == len(sandbox.objects("task")) == 1
    assert closefeed("status", path, "--json").json["counts"]["read"] == 1
    shown = closefeed("send", path, "--record", "2", "--yes").out
    assert "/activity/note/" in shown and "/task/" in shown
    assert closefeed("run", path).code == 0
    assert len(sandbox.objects("activity.note")) == len(sandbox.objects("task")) == 2


def test_of_a_record_with_a_rejected_output_the_other_is_sent(closefeed, pipeline, sandbox):
    path = pipeline([BAD], routes="""
        - {name: fine, operation: lead.create, continue: true, exclude: [url]}
        - {name: wrong, operation: lead.create}
        """)
    sent = closefeed("send", path, "--yes", "--json")
    assert sent.code == 1
    assert sorted(r["outcome"] for r in sent.json["results"]) == ["delivered", "rejected"]
    counts = closefeed("status", path, "--json").json["counts"]
    assert counts["read"] == counts["rejected"] == 1
    assert closefeed("run", path).code == 0 and names(sandbox) == ["Bad"]


def test_on_a_batch_route_it_is_a_batch_of_one(closefeed, pipeline, slow_pipeline):
    got = []
    with Server(close_that(lambda call: (got.append(call.json), (200, {"ok": True}))[1])) as other:
        path = pipeline(leads(3), routes="""
            - method: POST
              url: /hooks/leads/
              batch: {algorithm: keyed_array, key: items}
            """)
        path.write_text(path.read_text().replace(pipeline.sandbox.base_url, other.origin))
        assert closefeed("send", path, "--record", "2", "--yes").code == 0
        assert got == [{"items": [{"name": "N2"}]}]
        assert closefeed("run", path).code == 0
        assert got[1:] == [{"items": [{"name": "N1"}, {"name": "N3"}]}]


# While somebody runs it


def test_it_goes_through_the_owner_which_reads_on_undisturbed(
        closefeed, slow, slow_pipeline, owner):
    """The owner waits in its first create with hundreds of records before it."""
    records = leads(300)
    records[249] = {"name": "Now"}
    path = slow_pipeline(records)
    run = owner(path)
    process = closefeed.start("send", path, "--record", "250", "--yes", "--json")
    run.wait_for_another()
    for record, code, says in ((1, 75, "is being sent"), (2, 75, "is being sent")):
        refused = closefeed("send", path, "--record", record, "--yes")
        assert refused.code == code and says in refused.err, refused.err
    slow.gate.set()
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err.decode()
    assert json.loads(out)["results"][0]["outcome"] == "delivered"
    assert run.end() == 0
    assert sorted(slow.names) == sorted(r["name"] for r in records)
    assert slow.names.index("Now") < 240  # and not when its turn had come
    counts = closefeed("status", path, "--json").json["counts"]
    assert counts["read"] == counts["delivered"] == 300


def test_the_owner_shapes_it_by_the_text_that_was_sent(closefeed, slow, slow_pipeline, owner):
    path = slow_pipeline(leads(200) + [{"name": "Now", "x": 1}])
    run = owner(path)
    path.write_text(path.read_text().replace("lead.create", 'lead.create\n    body: {name: "Edited {name}"}'))
    process = closefeed.start("send", path, "--record", "201", "--yes")
    run.wait_for_another()
    slow.gate.set()
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0 and b"Edited Now" in out, err
    assert run.end() == 0
    assert slow.names.count("Edited Now") == 1 and "Now" not in slow.names
    assert len(slow.names) == 201


def test_two_people_send_the_same_record_once(closefeed, slow, slow_pipeline, owner):
    path = slow_pipeline(leads(200) + [{"name": "Now"}])
    run = owner(path)
    processes = [closefeed.start("send", path, "--record", "201", "--yes") for _ in range(3)]
    run.wait_for_another()
    slow.gate.set()
    codes = sorted((p.communicate(timeout=180), p.returncode)[1] for p in processes)
    assert codes[0] == 0 and set(codes[1:]) <= {2, 75}
    run.end()
    assert slow.names.count("Now") == 1 and len(slow.names) == 201


def test_a_file_the_owner_has_not_come_to_is_sent_from(
        closefeed, slow, slow_pipeline, tmp_path, owner):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.ndjson").write_text(ndjson(leads(200)))
    (tmp_path / "in" / "b.ndjson").write_text(ndjson([{"name": "B1"}, {"name": "B2"}]))
    path = slow_pipeline(None, source="ndjson: {path: in/}")
    run = owner(path)
    process = closefeed.start("send", path, "--record", "202", "--yes")
    run.wait_for_another()
    slow.gate.set()
    _, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    assert run.end() == 0
    assert slow.names.count("B1") == slow.names.count("B2") == 1 and len(slow.names) == 202


def test_an_owner_that_follows_knows_what_is_settled(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline(leads(2), source="ndjson: {path: signups.ndjson, follow: true}")
    owner = closefeed.start("run", path)
    wait_until(lambda: len(sandbox.hook_events()) == 2)
    refused = closefeed("send", path, "--record", "1", "--yes")
    assert refused.code == 2 and "it was delivered as lead_" in refused.err
    again = closefeed("send", path, "--record", "1", "--yes", "--again")
    assert again.code == 0 and names(sandbox) == ["N1", "N1", "N2"]
    with open(tmp_path / "signups.ndjson", "a", encoding="ascii") as file:
        file.write(ndjson(leads(1, 3)))
    wait_until(lambda: "N3" in names(sandbox))
    owner.terminate()
    owner.communicate(timeout=180)
    assert names(sandbox) == ["N1", "N1", "N2", "N3"]


def test_an_owner_with_other_values_from_outside_does_not_send_what_was_not_shown(
        closefeed, slow, slow_pipeline, owner):
    path = slow_pipeline(
        leads(200) + [{"name": "Now"}], more='vars: {region: {env: REGION}}',
        routes='- operation: lead.create\n  body: {name: "{name}", description: "{@var.region}"}')
    closefeed.env["REGION"] = "us"
    run = owner(path)
    refused = closefeed("send", path, "--record", "201", "--yes", env={"REGION": "eu"})
    assert refused.code == 75 and "environment" in refused.err
    assert "Now" not in slow.names
    process = closefeed.start("send", path, "--record", "201", "--yes")
    run.wait_for_another()
    slow.gate.set()
    _, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    run.end()


def test_when_the_owner_stops_first_the_record_is_left_unread(
        closefeed, slow, slow_pipeline, owner):
    path = slow_pipeline(leads(200) + [{"name": "Now"}], delivery="drain: 1s")
    run = owner(path)
    process = closefeed.start("send", path, "--record", "201", "--yes")
    run.wait_for_another()
    run.process.terminate()
    run.end()
    process.communicate(timeout=180)
    assert process.returncode == 75 and "Now" not in slow.names


# Kills


@pytest.mark.parametrize("point", SEND_POINTS)
def test_killed_anywhere_it_is_sent_once_by_whoever_comes_next(
        closefeed, start_sandbox, tmp_path, point):
    sandbox = start_sandbox("--lag", "0")
    pipeline = Pipelines(tmp_path, sandbox)
    canary, key = canary_and_key(sandbox)
    path = pipeline(
        [{"id": str(i), "name": f"N{i}"} for i in range(1, 4)],
        responses="file: events.ndjson", delivery=f"quarantine: 1s\ncanary: {canary}",
        routes=f'- operation: lead.create\n  exclude: [id]\n  identity: {{{key}: "{{id}}"}}')
    killed = closefeed("send", path, "--record", "2", "--yes", env={"CLOSEFEED_KILL_AT": point})
    assert killed.code == -9
    assert closefeed("run", path).code == 0
    assert names(sandbox) == ["Canary", "N1", "N2", "N3"]
    events = events_of_delivered(tmp_path / "events.ndjson", 3)
    assert {e["data"]["records"][0]["line"] for e in events} == {1, 2, 3}


def test_killed_between_intent_and_answer_it_is_unknown_as_any_other(
        closefeed, pipeline, sandbox):
    """Nothing is looked up where that is said, so a person is asked."""
    path = pipeline(leads(3), delivery="quarantine: 1s\non_unknown: hold")
    killed = closefeed("send", path, "--record", "2", "--yes",
                       env={"CLOSEFEED_KILL_AT": "answer_came:1"})
    assert killed.code == -9 and names(sandbox) == ["N2"]
    refused = closefeed("send", path, "--record", "2", "--yes")
    assert refused.code == 75 and "not known yet" in refused.err
    assert closefeed("run", path).code == 1
    [held] = closefeed("held", "list", path, "--json").json["held"]
    assert held["records"][0]["line"] == 2 and names(sandbox) == ["N1", "N2", "N3"]
    refused = closefeed("send", path, "--record", "2", "--yes", "--again")
    assert refused.code == 2 and f"held show {path} {held['id']}" in refused.err
    counts = closefeed("status", path, "--json").json["counts"]
    assert counts["read"] == 3 and counts["held"] == 1


def test_a_kill_of_the_owner_keeps_what_it_had_begun(closefeed, slow, slow_pipeline):
    path = slow_pipeline(leads(100) + [{"name": "Now"}], delivery="quarantine: 1s")
    slow.gate.set()
    sent = closefeed("send", path, "--record", "101", "--yes",
                     env={"CLOSEFEED_KILL_AT": "outcome_durable:1"})
    assert sent.code == -9 and slow.names == ["Now"]
    assert closefeed("run", path).code == 0
    assert sorted(slow.names) == sorted(["Now"] + [r["name"] for r in leads(100)])


# source.key


def test_a_key_that_was_sent_is_settled_for_the_run(closefeed, pipeline, sandbox, tmp_path):
    path = pipeline([{"id": 1, "name": "A"}, {"id": 2, "name": "B"}, {"id": 2, "name": "B again"}],
                    source='ndjson: {path: signups.ndjson}\nkey: "{id}"',
                    routes="- operation: lead.create\n  exclude: [id]")
    assert closefeed("send", path, "--record", "2", "--yes").code == 0
    run = closefeed("run", path, "--json")
    assert run.code == 0 and run.summary["delivered"] == 1 and run.summary["skipped"] == 1
    assert names(sandbox) == ["A", "B"]


def test_a_record_whose_key_is_settled_is_not_sent_from_another_place(
        closefeed, pipeline, sandbox):
    path = pipeline([{"id": 2, "name": "B"}, {"id": 2, "name": "B again"}],
                    source='ndjson: {path: signups.ndjson}\nkey: "{id}"',
                    routes="- operation: lead.create\n  exclude: [id]")
    assert closefeed("send", path, "--record", "2", "--yes").code == 0
    sent = closefeed("send", path, "--record", "1", "--yes")
    assert sent.code == 2 and "key is settled already" in sent.err
    assert names(sandbox) == ["B again"]
    assert closefeed("send", path, "--record", "1", "--yes", "--again").code == 0
    assert names(sandbox) == ["B", "B again"]


def test_a_record_whose_key_was_rejected_is_mended_there(closefeed, pipeline, sandbox):
    path = pipeline([{"id": 2, "name": "B", "url": 7}, {"id": 2, "name": "B"}, {"name": "No key"}],
                    source='ndjson: {path: signups.ndjson}\nkey: "{id}"',
                    routes="- operation: lead.create\n  exclude: [id]")
    assert closefeed("send", path, "--record", "1", "--yes").code == 1
    sent = closefeed("send", path, "--record", "2", "--yes")
    assert sent.code == 2 and "rejects list" in sent.err
    sent = closefeed("send", path, "--record", "3", "--yes")
    assert sent.code == 2 and "id" in sent.err and names(sandbox) == []


def account_field(sandbox):
    set_lag(sandbox, 0)
    sandbox.post("/custom_field/lead/", {"name": "Account ID", "type": "text"})


def test_an_upsert_is_sent_again_by_what_it_is_matched_by(closefeed, pipeline, sandbox):
    account_field(sandbox)
    path = pipeline([{"account": "A-1", "company": "Acme"}], routes="""
- operation: lead.upsert
  match: {custom.Account ID: "{account}"}
  body: {name: "{company}"}
""")
    assert closefeed("run", path).code == 0
    again = closefeed("send", path, "--again", "--yes")
    assert again.code == 0, again.out + again.err
    assert names(sandbox) == ["Acme"]
    assert [call["method"] for call in sandbox.requests() if "/lead/" in call["path"]
            and "custom" not in call["path"]] == ["POST", "PUT"]
