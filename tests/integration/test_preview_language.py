"""The pipeline language as `preview` shows it: nobody is asked, nothing is sent."""

import json
import types

import pytest

from harness import Pipelines

BASE = "http://127.0.0.1:1/api/v1"


@pytest.fixture
def write(tmp_path):
    """Writes a pipeline whose Close is nowhere."""
    pipelines = Pipelines(tmp_path, types.SimpleNamespace(base_url=BASE))

    def make(records, routes, **how):
        return pipelines(records, routes=routes, **{"delivery": None, "responses": "", **how})

    return make


@pytest.fixture
def preview(closefeed, write):
    """The lines of `preview --all --json`, and whether some record was rejected."""

    def run(records, routes, code=0, flags=("--all",), **how):
        result = closefeed("preview", write(records, routes, **how), "--json", *flags)
        assert result.code == code, result.err
        return result.lines

    return run


def shown(lines):
    """[(route, body, lines of the records)], or ("!class", None, lines) for what is rejected."""
    return [("!" + line["rejected"]["class"], None, [r["line"] for r in line["records"]])
            if "rejected" in line else
            (line["route"], line["body"], [r["line"] for r in line["records"]])
            for line in lines]


FREE = "method: POST, url: /x"


def test_a_transform_shapes_filters_and_multiplies(preview):
    lines = preview(
        [{"rows": [{"n": 1}, {"n": 2}]}, {"rows": []}, {"rows": [{"n": 3}]}],
        f"- {{name: a, {FREE}}}", more="transform: .rows[]")
    assert shown(lines) == [("a", {"n": 1}, [1]), ("a", {"n": 2}, [1]), ("a", {"n": 3}, [3])]


def test_a_transform_that_fails_sends_nothing_of_that_record(preview):
    lines = preview(
        [{"rows": [{"n": "1"}, {"n": "2"}, {"n": None}]}, {"rows": [{"n": "4"}]}],
        f"- {{name: a, {FREE}}}", code=1, more="transform: '.rows[] | {n: (.n | tonumber)}'")
    assert shown(lines) == [("!transform", None, [1]), ("a", {"n": 4}, [2])]
    assert "null" in lines[0]["rejected"]["message"]


def test_one_record_of_a_thousand_that_fails_is_one_reject(preview):
    records = [{"n": "x" if i == 500 else str(i)} for i in range(1000)]
    lines = preview(records, f"- {{name: a, {FREE}}}", code=1, more="transform: '{n: (.n | tonumber)}'")
    assert len(lines) == 1000
    assert [line["records"][0]["line"] for line in lines if "rejected" in line] == [501]


def test_a_transform_makes_records_which_are_objects(preview):
    lines = preview([{"v": [1]}, {"v": {}}, {"v": 3}], f"- {{name: a, {FREE}}}", code=1, more="transform: .v")
    assert shown(lines) == [("!transform", None, [1]), ("a", {}, [2]), ("!transform", None, [3])]
    assert "list" in lines[0]["rejected"]["message"]
    assert "number" in lines[2]["rejected"]["message"]


def test_numbers_are_refused_rather_than_changed(closefeed, write):
    path = write(['{"t":1,"total":9007199254740993}', '{"t":0,"total":9007199254740993}', '{"t":1,"total":19.90}'], f"""
        - {{name: shaped, {FREE}, when: .t == 1, transform: .}}
        - {{name: passed, {FREE}}}
        """)
    result = closefeed("preview", path, "--json")
    assert result.code == 1
    first, second, third = result.out.splitlines()
    assert json.loads(first)["rejected"]["class"] == "number"
    assert json.loads(first)["rejected"]["field"] == "total"
    assert '"total":9007199254740993' in second
    assert '"total":19.9' in third


def test_when_and_continue_lead_a_record_to_several_routes(preview):
    lines = preview(
        [{"id": "lead_1", "text": "hi", "task": "call"}, {"id": "lead_2", "text": "hi"}, {"id": "lead_3"}],
        """
        - operation: activity.note.create
          when: .text
          continue: true
          body: {lead_id: "{id}", note: "{text}"}
        - operation: task.create
          when: .task
          body: {lead_id: "{id}", text: "{task}", _type: lead}
        """, more="unrouted: skip")
    assert shown(lines) == [
        ("activity.note.create", {"lead_id": "lead_1", "note": "hi"}, [1]),
        ("task.create", {"lead_id": "lead_1", "text": "call", "_type": "lead"}, [1]),
        ("activity.note.create", {"lead_id": "lead_2", "note": "hi"}, [2])]


def test_what_no_route_takes_is_rejected_unless_told_otherwise(preview):
    lines = preview([{"a": 1}, {}], f"- {{name: a, {FREE}, when: .a}}", code=1)
    assert shown(lines) == [("a", {"a": 1}, [1]), ("!unrouted", None, [2])]


def test_a_condition_that_fails_names_its_route(preview):
    lines = preview([{"t": 1}], f"- {{name: mine, {FREE}, when: '.t | test(\"x\")'}}", code=1)
    message = lines[0]["rejected"]["message"]
    assert lines[0]["rejected"]["class"] == "transform"
    assert "mine" in message and "cannot be matched" in message


def test_programs_know_the_source_and_vars(preview):
    lines = preview(
        [{}, {}], f"- {{name: a, {FREE}, transform: '{{f: $source.file, l: $source.line, r: $vars.region}}'}}",
        more="vars: {region: EU}")
    assert [line["body"] for line in lines] == [
        {"f": "signups.ndjson", "l": 1, "r": "EU"}, {"f": "signups.ndjson", "l": 2, "r": "EU"}]


def test_names_with_dots_brackets_stars_and_quotes(preview):
    record = {"a.b": 1, "x[0]": 2, "*": 3, 'q"': 4, "{}": 5, "": 6}
    lines = preview([record], f"""
        - {{name: a, {FREE}, continue: true, exclude: ['"a.b"', '"*"']}}
        - {{name: b, {FREE}, transform: 'with_entries(.key |= "k." + .)'}}
        """)
    assert lines[0]["body"] == {k: v for k, v in record.items() if k not in ("a.b", "*")}
    assert lines[1]["body"] == {"k." + k: v for k, v in record.items()}


ROWS = [{"n": i} for i in range(1, 6)]


def test_a_batch_is_one_request_with_its_records(preview):
    lines = preview(ROWS, f"- {{name: a, {FREE}, batch: {{algorithm: array, size: 2, wait: 0s}}}}")
    assert shown(lines) == [
        ("a", [{"n": 1}, {"n": 2}], [1, 2]), ("a", [{"n": 3}, {"n": 4}], [3, 4]), ("a", [{"n": 5}], [5])]
    assert lines[0]["records"][1].keys() == {"file", "line", "bytes"}


def test_a_batch_holds_the_first_n_records_only(preview):
    lines = preview(ROWS, f"- {{name: a, {FREE}, batch: {{algorithm: array}}}}", flags=("-n", "3"))
    assert shown(lines) == [("a", [{"n": 1}, {"n": 2}, {"n": 3}], [1, 2, 3])]


def test_a_batch_is_no_longer_than_bytes_but_for_a_record_that_is(preview):
    records = [{"t": "x" * n} for n in (400, 400, 400, 3000, 10, 10)]
    lines = preview(records, f"- {{name: a, {FREE}, batch: {{algorithm: array, bytes: 1KiB}}}}")
    assert [[r["line"] for r in line["records"]] for line in lines] == [[1, 2], [3], [4], [5, 6]]
    assert all(len(json.dumps(line["body"], separators=(",", ":"))) <= 1024
               for line in lines if len(line["records"]) > 1)


def test_no_record_makes_no_batch(preview):
    assert preview([], f"- {{name: a, {FREE}, batch: {{algorithm: array}}}}") == []
    assert preview([{"a": []}], f"- {{name: a, {FREE}, transform: '.a[]', batch: {{algorithm: array}}}}") == []


def test_only_what_is_the_same_shares_a_call(preview):
    lines = preview(
        [{"to": "a", "of": 1}, {"to": "b", "of": 1}, {"to": "a", "of": 2}, {"to": "a", "of": 1}], """
        - name: r
          method: POST
          url: /x/{to}
          batch: {algorithm: keyed_array, key: items, with: {of: "{of}"}, each: {kind: row}}
        """)
    assert [(line["url"].removeprefix(BASE), line["body"]) for line in lines] == [
        ("/x/a", {"items": [{"of": 1, "kind": "row"}] * 2, "of": 1}),
        ("/x/b", {"items": [{"of": 1, "kind": "row"}], "of": 1}),
        ("/x/a", {"items": [{"of": 2, "kind": "row"}], "of": 2})]


def test_an_expression_makes_one_body_of_the_list(preview):
    def of(program, code=0):
        return preview(ROWS[:3], f"""
            - name: a
              method: POST
              url: /x
              batch: {{algorithm: expression, program: '{program}'}}
            """, code=code)

    assert shown(of("{sum: (map(.n) | add), from: $source.line}")) == [("a", {"sum": 6, "from": 1}, [1, 2, 3])]
    assert shown(of("empty", 1)) == [("!transform", None, [1, 2, 3])]
    assert "gave nothing" in of("empty", 1)[0]["rejected"]["message"]
    assert "more than one" in of(".[]", 1)[0]["rejected"]["message"]
    assert "boom" in of('error("boom")', 1)[0]["rejected"]["message"]


def test_a_number_that_a_batch_program_would_change_stays_out_of_the_batch(preview):
    lines = preview(['{"n":1}', '{"n":9007199254740993}', '{"n":2}'], f"""
        - {{name: a, {FREE}, batch: {{algorithm: expression, program: .}}}}
        """, code=1)
    assert shown(lines) == [("!number", None, [2]), ("a", [{"n": 1}, {"n": 2}], [1, 3])]


def test_a_form_is_shown_as_it_is_sent(preview):
    lines = preview(
        [{"name": "A & B", "tags": ["x", "y"], "none": None}, {"o": {"deep": 1}}],
        f"- {{name: a, {FREE}, content_format: form}}", code=1)
    assert lines[0]["body"] == "name=A+%26+B&tags=x&tags=y&none="
    assert lines[0]["headers"]["Content-Type"] == "application/x-www-form-urlencoded"
    assert "rejected" in lines[1]


def test_xml_is_shown_as_it_is_sent(preview):
    lines = preview([{"name": "A & B"}], f"- {{name: a, {FREE}, content_format: xml}}")
    assert "<record><name>A &amp; B</name></record>" in lines[0]["body"]
    assert lines[0]["headers"]["Content-Type"].startswith("application/xml")


def test_people_are_told_what_gives_nothing(closefeed, write):
    path = write([{"a": 1}, {"a": 2}, {"a": 3}, {}, {"a": 5}], f"""
        - {{name: batched, {FREE}, when: .a and .a != 2, batch: {{algorithm: array}}}}
        - {{name: dropped, {FREE}, when: .a, transform: empty}}
        """, more="unrouted: skip")
    result = closefeed("preview", path)
    assert result.code == 0
    assert "signups.ndjson:2  filtered\n" in result.out
    assert "signups.ndjson:4  skipped\n" in result.out
    assert "signups.ndjson:1,3,5 (3 records)  batched\n" in result.out
    assert "5 records, 1 filtered, 1 skipped, 0 rejected; nothing was sent\n" in result.err
    assert closefeed("preview", path, "--json").out.count("\n") == 1


def test_a_record_without_the_key_of_the_source_is_rejected(preview):
    records = [{"id": 1, "a": 1}, {"a": 2}, "[3]", {"id": {}, "a": 4}, {"id": "", "a": 5}]
    lines = preview(records, f"- {{{FREE}, exclude: [id]}}", code=1,
                    source='ndjson: {path: signups.ndjson}\nkey: "{id}"')
    assert shown(lines) == [("POST /x", {"a": 1}, [1]), ("!template", None, [2]),
                            ("!json", None, [3]),
                            ("!template", None, [4]), ("!template", None, [5])]
    assert 'source.key ("{id}") is missing' in lines[1]["rejected"]["message"]


def test_keys_that_close_does_not_know_are_counted(closefeed, write):
    for records, said in (
            ([{"name": "A", "nmae": "B"}, {"name": "C"}], "1 key that Close does not know"),
            ([{"name": "A", "nmae": "B", "x": 1}, {"y": 2}], "3 keys that Close does not know"),
            ([{"name": "A"}], None)):
        err = closefeed("preview", write(records, "- operation: lead.create")).err
        assert said in err if said else "does not know" not in err


def test_a_transform_with_more_outputs_than_may_be_is_rejected(preview):
    routes = f"- {{name: a, {FREE}}}"
    assert len(preview([{"n": 1000}], routes, more="transform: 'range(.n) | {n: .}'")) == 1000
    lines = preview([{"n": 1001}, {"n": 1e9}, {"n": 1}], routes, code=1, more="transform: 'range(.n) | {n: .}'")
    assert shown(lines) == [("!transform", None, [1]), ("!transform", None, [2]), ("a", {"n": 0}, [3])]


def test_a_program_without_an_end_ends_the_preview_and_names_the_record(closefeed, write):
    path = write([{"n": 1}, {"n": 2}],
                 f"- {{name: a, {FREE}, transform: 'if .n == 2 then last(range(1e15)) else . end'}}")
    result = closefeed("preview", path, "--json")
    assert result.code == 78
    assert "signups.ndjson" in result.err and "line 2" in result.err
