"""Forms and XML for other hosts behind base_url: what arrives there, byte for byte."""

import json
import urllib.parse
import xml.etree.ElementTree

import pytest

from harness import indented, ndjson
from receiver import Server

FORM, XML = "application/x-www-form-urlencoded", "application/xml"


class Host(Server):
    """Another host: it knows nothing of Close, and takes what it gets."""

    def __init__(self, answer=(200, {"ok": True})):
        super().__init__(lambda call: 404 if call.path.endswith("/me/") else answer)

    def posts(self):
        return [call for call in self.calls if call.method == "POST"]


def write_pipeline(folder, host, records, route, include=""):
    (folder / "feed.ndjson").write_text(ndjson(records), encoding="utf-8")
    (folder / "feed.yaml").write_text("\n".join([
        "version: 1", "name: feed", "source: {ndjson: {path: feed.ndjson}}",
        f"close: {{base_url: {host.origin}, api_key: {{env: CLOSE_API_KEY}}}}",
        "routes:", "  - method: POST", indented(route, 4),
        f"responses: {{file: events.ndjson{include}}}"]) + "\n", encoding="utf-8")
    return "feed.yaml"


def events_of(folder):
    text = (folder / "events.ndjson").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_forms_arrive_byte_for_byte(closefeed, tmp_path):
    records = [
        {"id": 1, "name": "Ana & Co", "sum": 19.9, "tags": ["a b", "ö/+"], "ok": True},
        {"id": 12345678901234567890, "name": "", "note": None, "text": "one\r\ntwo=%&\u0000"},
        '{"id":3,"sum":19.90,"none":[]}',
    ]
    with Host() as host:
        path = write_pipeline(tmp_path, host, records, """
            url: '/hooks/{id}'
            content_format: form
            headers: {X-Name: "{name|default:nobody}"}
            query: {day: "2026-03-09 {id}"}
            """)
        result = closefeed("run", path, "--json")
    assert result.code == 0, result.err
    came = {(call.path, call.headers["content-type"], call.body) for call in host.posts()}
    assert came == {
        ("/hooks/1?day=2026-03-09%201", FORM,
         b"name=Ana+%26+Co&sum=19.9&tags=a+b&tags=%C3%B6%2F%2B&ok=true"),
        ("/hooks/12345678901234567890?day=2026-03-09%2012345678901234567890", FORM,
         b"name=&note=&text=one%0D%0Atwo%3D%25%26%00"),
        ("/hooks/3?day=2026-03-09%203", FORM, b"sum=19.90"),
    }
    names = {call.path.split("?")[0]: call.headers.get("x-name") for call in host.posts()}
    assert names == {"/hooks/1": "Ana & Co", "/hooks/12345678901234567890": None,
                     "/hooks/3": "nobody"}


def test_a_form_says_what_other_programs_read_in_it(closefeed, tmp_path):
    text = "".join(chr(c) for c in (*range(1, 0x180), 0x20ac, 0x1f600))
    with Host() as host:
        path = write_pipeline(tmp_path, host, [{text: [text, "x"]}], """
            url: /hooks
            content_format: form
            """)
        assert closefeed("run", path).code == 0
    body = host.posts()[0].body.decode("ascii")
    assert urllib.parse.parse_qsl(body, keep_blank_values=True) == [(text, text), (text, "x")]
    assert body == urllib.parse.urlencode([(text, text), (text, "x")])


def test_blanks_and_nulls_that_are_omitted_are_in_no_form(closefeed, tmp_path):
    with Host() as host:
        path = write_pipeline(tmp_path, host, [{"a": "", "b": None, "c": " ", "d": 0}], """
            url: /hooks
            content_format: form
            blanks: omit
            nulls: omit
            """)
        assert closefeed("run", path).code == 0
    assert [call.body for call in host.posts()] == [b"c=+&d=0"]


def test_what_a_form_cannot_carry_is_rejected_by_its_name_and_the_rest_goes_on(closefeed, tmp_path):
    records = [{"id": 1}, {"id": 2, "address": {"city": "Köln"}}, {"id": 3}]
    with Host() as host:
        path = write_pipeline(tmp_path, host, records, "url: /hooks\ncontent_format: form",
                              include=", include: [request]")
        result = closefeed("run", path, "--json")
    assert result.code == 1
    assert (result.summary["delivered"], result.summary["rejected"]) == (2, 1)
    assert sorted(call.body for call in host.posts()) == [b"id=1", b"id=3"]
    told = events_of(tmp_path)
    rejected = [event["data"] for event in told if event["data"]["outcome"] == "rejected"]
    assert [(d["records"][0]["line"], d["error"]["class"], list(d["error"]["fields"]))
            for d in rejected] == [(2, "template", ["address"])]
    assert sorted(event["data"]["request"]["body"] for event in told
                  if event["data"]["outcome"] == "delivered") == ["id=1", "id=3"]


def test_xml_arrives_byte_for_byte_and_others_can_read_it(closefeed, tmp_path):
    records = [{"name": "Ana & <Co>", "sum": 19.9, "tags": ["a", None, "b\r\n"], "größe": True,
                "contacts": [{"name": "Eva", "phones": []}]}]
    with Host() as host:
        path = write_pipeline(tmp_path, host, records, "url: /hooks\ncontent_format: xml")
        assert closefeed("run", path).code == 0
    call, = host.posts()
    assert call.headers["content-type"] == XML
    assert call.body.decode() == (
        "<record><name>Ana &amp; &lt;Co&gt;</name><sum>19.9</sum><tags>a</tags><tags/>"
        "<tags>b&#13;\n</tags><größe>true</größe><contacts><name>Eva</name></contacts></record>")
    root = xml.etree.ElementTree.fromstring(call.body)
    assert [child.text for child in root.iter("tags")] == ["a", None, "b\r\n"]
    assert root.findtext("contacts/name") == "Eva"


def test_records_share_a_list_in_xml(closefeed, tmp_path):
    records = [{"id": i, "name": f"<{i}>"} for i in range(5)]
    with Host() as host:
        path = write_pipeline(tmp_path, host, records, """
            url: /hooks
            content_format: xml
            batch: {algorithm: array, size: 3}
            """)
        assert closefeed("run", path).code == 0
    assert [call.body.decode() for call in host.posts()] == [
        "<records>" + "".join(f"<record><id>{i}</id><name>&lt;{i}&gt;</name></record>" for i in part)
        + "</records>" for part in ((0, 1, 2), (3, 4))]


def test_a_record_that_xml_cannot_carry_takes_no_other_with_it(closefeed, tmp_path):
    records = [{"id": 1}, {"id": 2, "ship to": "Porto"}, {"id": 3}, {"id": 4, "text": "\u0007"},
               {"id": 5}]
    with Host() as host:
        path = write_pipeline(tmp_path, host, records, """
            url: /hooks
            content_format: xml
            batch: {algorithm: array, size: 3}
            """)
        preview = closefeed("preview", path, "--json").lines
        result = closefeed("run", path, "--json")
    body = "<records>" + "".join(f"<record><id>{i}</id></record>" for i in (1, 3, 5)) + "</records>"
    assert [call.body.decode() for call in host.posts()] == [body]
    assert (result.summary["delivered"], result.summary["rejected"]) == (3, 2)
    rejected = [event["data"] for event in events_of(tmp_path)
                if event["data"]["outcome"] == "rejected"]
    assert [(d["records"][0]["line"], list(d["error"]["fields"])) for d in rejected] == [
        (2, ["ship to"]), (4, ["text"])]
    assert [line["body"] for line in preview if "body" in line] == [body]
    assert [[r["line"] for r in line["records"]] for line in preview if "rejected" in line] == [
        [2], [4]]


def test_a_field_that_is_no_element_of_xml_rejects_its_record(closefeed, tmp_path):
    records = [{"first name": 1}, {"ok": 2}, {"text": "bell \u0007"}]
    with Host() as host:
        path = write_pipeline(tmp_path, host, records, "url: /hooks\ncontent_format: xml")
        result = closefeed("run", path, "--json")
    assert (result.summary["delivered"], result.summary["rejected"]) == (1, 2)
    assert [call.body for call in host.posts()] == [b"<record><ok>2</ok></record>"]
    fields = [list(event["data"]["error"]["fields"]) for event in events_of(tmp_path)
              if event["data"]["outcome"] == "rejected"]
    assert sorted(fields) == [["first name"], ["text"]]


def test_a_header_value_with_a_line_end_makes_no_call(closefeed, tmp_path):
    bad = ["a\r\nX-Evil: 1", "a\nb", "a\u0000b", "Köln", "a\u007f"]
    records = [{"h": value} for value in [*bad, "fine"]]
    with Host() as host:
        path = write_pipeline(tmp_path, host, records, """
            url: /hooks
            body: {x: 1, h: "{h}"}
            headers: "X-One:1,X-Value:{h},X-Two:a, b"
            """)
        result = closefeed("run", path, "--json")
    assert (result.summary["delivered"], result.summary["rejected"]) == (1, len(bad))
    call, = host.posts()
    assert (call.headers["x-value"], call.headers["x-one"], call.headers["x-two"]) == (
        "fine", "1", "a, b")
    assert "x-evil" not in call.headers
    rejected = [event["data"]["error"] for event in events_of(tmp_path)
                if event["data"]["outcome"] == "rejected"]
    assert {(error["class"], *error["fields"]) for error in rejected} == {("template", "X-Value")}


def test_close_itself_takes_json_only(closefeed, pipeline):
    path = pipeline([{"name": "A"}], routes="- {operation: lead.create, content_format: form}")
    result = closefeed("check", path)
    assert result.code == 78
    assert "content_format: lead.create is an operation of Close, which takes JSON" in result.err


@pytest.mark.parametrize("answer, outcome", [
    ((200, b"ok"), "delivered"),
    ((201, b"<?xml version='1.0'?><done/>"), "delivered"),
    ((202, b""), "delivered"),
    ((200, b"<!DOCTYPE html><title>Please log in</title>"), "held"),
    ((422, b"no such list"), "rejected"),
])
def test_another_host_answers_as_it_likes_but_not_with_a_page(closefeed, tmp_path, answer, outcome):
    with Host(answer) as host:
        path = write_pipeline(tmp_path, host, [{"a": 1}], "url: /hooks")
        assert closefeed("run", path).code == (0 if outcome == "delivered" else 1)
    assert len(host.posts()) == 1
    assert [event["data"]["outcome"] for event in events_of(tmp_path)] == [outcome]
