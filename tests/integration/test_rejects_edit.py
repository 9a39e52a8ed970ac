"""`closefeed rejects edit` and `export`: records mended by hand, or taken out as they came."""

import json
import os
import pty
import stat
import subprocess
import sys
import time

import pytest

from harness import HOOK_SECRET, KEY, ndjson, wait_until
from test_desk import BAD, STDIN, begin, desk, names  # noqa: F401 (fixtures)

GOOD = {"name": "Bad mail", "contacts": [{"name": "A", "emails": [{"email": "a@example.com"}]}]}


def decisions(path_of_state):
    import sqlite3

    with sqlite3.connect(f"file:{path_of_state}/journal.db?mode=ro", uri=True) as db:
        return db.execute("SELECT what, subject, choice FROM decision").fetchall()


# edit


@pytest.mark.parametrize("name", ["VISUAL", "EDITOR"])
def test_an_edited_record_is_sent_in_the_place_of_the_old(desk, begin, sandbox, editor, name):
    path = begin([{"name": "Fine"}, BAD])
    [reject] = desk.rejects()
    env = editor("text = text.replace('nobody', 'a@example.com')", name)
    code, answer = desk.ask("rejects", "edit", reject["id"], env=env)
    assert code == 0, answer
    lead = next(o for o in sandbox.objects("lead") if o["name"] == "Bad mail")
    assert answer["results"] == [
        {"id": reject["id"], "outcome": "delivered", "object_id": lead["id"]}]
    contacts = [r["body"] for r in sandbox.requests("POST", "/lead/")][-1]
    assert "a@example.com" in str(contacts)
    assert desk.rejects() == []
    event = wait_until(lambda: [e for e in sandbox.hook_events()
                                if e["data"]["outcome"] == "delivered"
                                and e.get("subject") == lead["id"]])[0]
    # The event still names the place in the input, which nobody edited.
    assert event["data"]["records"] == reject["records"]
    assert desk.end() in (None, 0, 1)
    assert ("reject", reject["id"], "edit") in decisions(
        path.parent / "state" / "closefeed" / "signups")


def test_what_is_edited_is_kept_when_it_is_refused_again(desk, begin, sandbox, editor):
    begin([BAD])
    [reject] = desk.rejects()
    code, answer = desk.ask("rejects", "edit", reject["id"],
                            env=editor("text = text.replace('nobody', 'somebody')"))
    assert code == 1 and answer["results"][0]["outcome"] == "rejected"
    [again] = desk.ask("rejects", "show", reject["id"])[1]["rejects"]
    assert json.loads(again["record"])["contacts"][0]["emails"][0]["email"] == "somebody"
    assert "\n" not in again["record"] and again["records"] == reject["records"]
    code, _ = desk.ask("rejects", "edit", reject["id"],
                       env=editor("text = text.replace('somebody', 'a@example.com')"))
    assert code == 0 and names(sandbox) == ["Bad mail"]


def test_a_line_that_is_no_json_is_mended(desk, begin, sandbox, editor):
    begin(['{"name": "Cut'])
    [reject] = desk.rejects()
    code, answer = desk.ask("rejects", "edit", reject["id"],
                            env=editor("assert text == '{\"name\": \"Cut\\n'\ntext = '{\"name\": \"Whole\"}'"))
    assert code == 0, answer
    assert names(sandbox) == ["Whole"]


def test_numbers_keep_their_digits(desk, begin, sandbox, editor, tmp_path):
    """What is not edited stays as it was: in the editor, and at Close."""
    begin(['{"name": "A", "url": 7, "custom.cf_x": 12345678901234567890123, "n": 1.50}'])
    [reject] = desk.rejects()
    env = editor("pathlib.Path(sys.argv[0] + '.seen').write_text(text)\n"
                 "text = text.replace('7,', '8,', 1)")
    desk.ask("rejects", "edit", reject["id"], env=env)
    seen = (tmp_path / "editor.py.seen").read_text()
    assert "12345678901234567890123" in seen and "1.50" in seen and "\n  \"name\": \"A\"" in seen
    [again] = desk.ask("rejects", "show", reject["id"])[1]["rejects"]
    assert again["record"] == (
        '{"name":"A","url":8,"custom.cf_x":12345678901234567890123,"n":1.50}')


def test_nothing_changed_sends_nothing(desk, begin, sandbox, editor):
    begin([BAD])
    n = len(sandbox.requests("POST"))
    code, err = desk.ask("rejects", "edit", desk.rejects()[0]["id"], env=editor("pass"))
    assert code == 1 and "nothing was changed" in err and len(sandbox.requests("POST")) == n


@pytest.mark.parametrize("lines, code, says", [
    ("sys.exit(3)", 1, "the editor ended with 3"),
    ("text = ''", 1, "the file is empty"),
    ("text = '[1]'", 65, "must be a JSON object"),
    ("text = '{\\n  \"a\": 1,\\n  \"a\": 2\\n}'", 65, "line 3, column 3"),
    ("text = '{\"name\": \"' + 'x' * 2000000 + '\"}'", 65, "max_record"),
    ("os.kill(os.getpid(), 9)", 1, "the editor"),
])
def test_what_comes_back_wrong_is_not_sent(desk, begin, sandbox, editor, lines, code, says):
    begin([BAD])
    [reject] = desk.rejects()
    n = len(sandbox.requests("POST"))
    told = desk.ask("rejects", "edit", reject["id"], env=editor(lines))
    assert told[0] == code and says in told[1], told
    assert len(sandbox.requests("POST")) == n and desk.rejects() == [reject]


def test_without_an_editor_it_says_so(desk, begin):
    begin([BAD])
    code, err = desk.ask("rejects", "edit", desk.rejects()[0]["id"],
                         env={"EDITOR": "no-such-editor-here"})
    assert code == 74 and "no-such-editor-here" in err and "EDITOR" in err


def test_the_file_is_private_and_gone_afterwards(desk, begin, editor, tmp_path):
    begin([BAD])
    env = editor(
        "folder = path.parent\n"
        "seen = [oct(stat.S_IMODE(p.stat().st_mode)) for p in (folder, path)]\n"
        "(folder / '.record.json.swp').write_text('copy')\n"
        "pathlib.Path(sys.argv[0] + '.seen').write_text(json.dumps("
        "[seen, str(folder), dict(os.environ)]))\n"
        "text = text.replace('nobody', 'a@example.com')", "VISUAL")
    assert desk.ask("rejects", "edit", desk.rejects()[0]["id"], env=env)[0] == 0
    modes, folder, environ = json.loads((tmp_path / "editor.py.seen").read_text())
    assert modes == ["0o700", "0o600"] and folder.startswith(str(tmp_path))
    assert not os.path.exists(folder)
    assert KEY not in str(environ) and HOOK_SECRET not in str(environ)
    assert environ["VISUAL"] == env["VISUAL"]


def test_who_is_stopped_in_the_editor_leaves_no_file(closefeed, pipeline, editor, tmp_path):
    path = pipeline([BAD], delivery="max_rejects: none")
    closefeed("run", path)
    env = editor("pathlib.Path(sys.argv[0] + '.seen').write_text(str(path.parent))\ntime.sleep(60)")
    process = closefeed.start("rejects", "edit", path, "1", env=env)
    seen = tmp_path / "editor.py.seen"
    wait_until(lambda: seen.exists() and seen.read_text())
    process.terminate()
    _, err = process.communicate(timeout=180)
    assert process.returncode == 1 and b"stopped" in err
    assert not os.path.exists(seen.read_text())


def test_at_a_terminal_a_wrong_record_is_offered_again(closefeed, pipeline, sandbox, editor,
                                                       tmp_path):
    path = pipeline([BAD], delivery="max_rejects: none")
    closefeed("run", path)
    env = editor("n = pathlib.Path(sys.argv[0] + '.n')\n"
                 "first = not n.exists()\nn.touch()\n"
                 "text = text.replace('nobody', 'a@example.com')\n"
                 "text = text.rstrip()[:-1] if first else text + '}'")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [closefeed.binary, "rejects", "edit", str(path), "1"], cwd=tmp_path, stdin=theirs,
        stdout=subprocess.PIPE, stderr=theirs, env={**closefeed.env, **env})
    os.close(theirs)
    said = b""
    while b"Edit it again?" not in said:
        said += os.read(ours, 1000)
    assert b"line " in said
    os.write(ours, b"\n")
    out, _ = process.communicate(timeout=180)
    os.close(ours)
    assert process.returncode == 0 and b"delivered" in out
    assert names(sandbox) == ["Bad mail"]


def test_an_edit_survives_a_kill(closefeed, pipeline, sandbox, editor):
    """Killed before the commit the reject is as it was; after it, it is edited and still there."""
    path = pipeline([BAD], delivery="max_rejects: none\nquarantine: 1s")
    closefeed("run", path)
    env = editor("text = text.replace('nobody', 'a@example.com')")
    killed = closefeed("rejects", "edit", path, "1",
                       env={**env, "CLOSEFEED_KILL_AT": "record_edited:1"})
    assert killed.code == -9
    assert "nobody" in closefeed("rejects", "show", path, "1").out
    killed = closefeed("rejects", "edit", path, "1",
                       env={**env, "CLOSEFEED_KILL_AT": "intent_durable:1"})
    assert killed.code == -9
    closefeed("run", path)  # finds the INTENT of the edited record, and finishes it
    left = closefeed("held", "list", path, "--json").json["held"]
    for item in left:
        shown = closefeed("held", "show", path, item["id"], "--json").json["held"][0]
        assert "a@example.com" in shown["record"]
    assert len(left) + len(sandbox.objects("lead")) == 1


# What a retry sends


def posts(sandbox):
    return [json.loads(call["body"]) for call in sandbox.requests("POST", "/lead/")]


def test_of_several_outputs_only_the_rejected_one_is_taken_up_again(
        desk, begin, sandbox, editor):
    """By retry, as it was sent, and edited."""
    begin([{"name": "A", "url": 7}], n_events=2, routes="""
        - {name: fine, operation: lead.create, continue: true, exclude: [url]}
        - {name: wrong, operation: lead.create}
        """)
    [reject] = desk.rejects()
    assert reject["route"] == "wrong" and names(sandbox) == ["A"]
    for words in (["retry", reject["id"]], ["retry", reject["id"], "--as-sent"]):
        code, answer = desk.ask("rejects", *words)
        assert code == 1 and len(answer["results"]) == 1, answer
    assert len(posts(sandbox)) == 4 and names(sandbox) == ["A"]
    code, answer = desk.ask("rejects", "edit", reject["id"],
                            env=editor("text = text.replace('7', 'null')"))
    assert code == 0 and len(answer["results"]) == 1
    assert names(sandbox) == ["A", "A"] and desk.rejects() == []


def test_as_sent_is_the_kept_request_whatever_the_record_says_now(desk, begin, sandbox, editor):
    begin([{"name": "A", "url": 7}])
    [reject] = desk.rejects()
    code, _ = desk.ask("rejects", "edit", reject["id"],
                       env=editor("text = text.replace('7', '8').replace('A', 'B')"))
    assert code == 1
    assert desk.ask("rejects", "retry", reject["id"], "--as-sent")[0] == 1
    assert desk.ask("rejects", "retry", reject["id"])[0] == 1
    sent = posts(sandbox)
    assert [str(body["url"]) for body in sent] == ["7", "8", "8", "8"]
    assert [body["name"] for body in sent] == ["A", "B", "B", "B"]


# export


def lines_of(path):
    return path.read_bytes().split(b"\n")[:-1]


def test_export_gives_the_bytes_as_they_came_once_each_in_their_order(
        desk, begin, sandbox, tmp_path):
    lines = [json.dumps(BAD), '{"name": 1, "name": 2}', '{"n":  1.50, "url": 7, "name": "Ü"}',
             '{"name": "Fine"}', "[1, 2]"]
    begin(lines)
    out = desk.closefeed("rejects", "export", desk.path, "--all")
    assert out.code == 0 and out.out == "".join(lines[i] + "\n" for i in (0, 1, 2, 4))
    only = desk.closefeed("rejects", "export", desk.path, "--class", "json")
    assert only.out == lines[1] + "\n" + lines[4] + "\n"
    by_line = {r["records"][0]["line"]: r["id"] for r in desk.rejects()}
    ids = [by_line[n] for n in (1, 2, 3, 5)]
    some = desk.closefeed("rejects", "export", desk.path, ids[2], ids[0], ids[2],
                          "--output", "some.ndjson")
    assert some.code == 0 and "2 records in some.ndjson" in some.err and some.out == ""
    assert lines_of(tmp_path / "some.ndjson") == [lines[2].encode(), lines[0].encode()]
    assert stat.S_IMODE(os.stat(tmp_path / "some.ndjson").st_mode) == 0o600


def test_bytes_that_are_no_text_are_exported_as_they_are(closefeed, pipeline, tmp_path):
    path = pipeline([], delivery="max_rejects: none")
    raw = [b'{"name": "\xff\xfe"}', b'{"name": "a\x00b"}', b"\xc3\x28"]
    (tmp_path / "signups.ndjson").write_bytes(b"\n".join(raw) + b"\n")
    assert closefeed("run", path).code == 1
    assert closefeed("rejects", "export", path, "--all", "--output", "x.ndjson").code == 0
    assert lines_of(tmp_path / "x.ndjson") == raw


def test_a_record_of_several_rejected_outputs_is_exported_once(closefeed, pipeline, tmp_path):
    path = pipeline([BAD, {"name": "B", "url": 7}], delivery="max_rejects: none", routes="""
        - {name: one, operation: lead.create, continue: true}
        - {name: two, operation: lead.create}
        """)
    assert closefeed("run", path).code == 1
    rejects = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert len(rejects) == 4
    out = closefeed("rejects", "export", path, "--all")
    assert out.out == ndjson([BAD, {"name": "B", "url": 7}])
    out = closefeed("rejects", "export", path, *[r["id"] for r in rejects])
    assert out.out == ndjson([BAD, {"name": "B", "url": 7}])


def test_what_is_not_kept_is_told_and_the_exit_code_says_so(desk, begin):
    begin([{"name": "x" * 5000}, BAD], source=STDIN + "\nmax_record: 4KiB")
    out = desk.closefeed("rejects", "export", desk.path, "--all")
    assert out.code == 1 and out.out == json.dumps(BAD) + "\n"
    assert "is not kept (too_long): it stands in -, line 1, bytes 0 to" in out.err
    out = desk.closefeed("rejects", "export", desk.path, "999")
    assert out.code == 1 and "no reject 999" in out.err


def test_an_existing_file_is_not_written_over(closefeed, pipeline, tmp_path):
    path = pipeline([BAD], delivery="max_rejects: none")
    closefeed("run", path)
    before = (tmp_path / "signups.ndjson").read_bytes()
    out = closefeed("rejects", "export", path, "--all", "--output", "signups.ndjson")
    assert out.code == 74 and "exists already" in out.err
    assert (tmp_path / "signups.ndjson").read_bytes() == before
    out = closefeed("rejects", "export", path, "--all", "--output", "no/such/folder")
    assert out.code == 74
    with open("/dev/full", "w", encoding="ascii") as full:
        process = subprocess.run([closefeed.binary, "rejects", "export", str(path), "--all"],
                                 cwd=tmp_path, env=closefeed.env, stdout=full, check=False,
                                 stderr=subprocess.PIPE)
    assert process.returncode == 74


def test_an_export_of_thousands_is_whole_and_can_be_run_again(closefeed, pipeline, tmp_path):
    """More than one answer of the owner holds; mended, the export is an input."""
    lines = [f'{{"name": "N{i}", "url": {i}, "pad": "{"x" * 9000}"}}' for i in range(2300)]
    path = pipeline(lines, delivery="max_rejects: none", responses="file: events.ndjson",
                    routes="- operation: lead.create\n  when: 'error(\"no\")'")
    assert closefeed("run", path).code == 1
    assert closefeed("rejects", "export", path, "--all", "--output", "out.ndjson").code == 0
    assert (tmp_path / "out.ndjson").read_bytes() == (tmp_path / "signups.ndjson").read_bytes()


def test_words_that_make_no_sense_are_refused(closefeed, pipeline):
    path = pipeline([BAD])
    for words, says in [
        (["edit", path], "which ones"),
        (["edit", path, "1", "2"], "one id"),
        (["edit", path, "--all"], "one id"),
        (["export", path], "which ones"),
        (["list", path, "--output", "x"], "--output belongs"),
        (["edit", path, "1", "--as-sent"], "--as-sent belongs"),
        (["edit", path, "7"], "no such item"),
    ]:
        refused = closefeed("rejects", *words)
        assert refused.code == 2 and says in refused.err, (words, refused.err)
