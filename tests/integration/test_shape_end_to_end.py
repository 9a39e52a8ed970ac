"""What a pipeline makes of records, as a server receives it: and preview shows the same, offline."""

import json
import urllib.parse

import pytest

from harness import Pipelines
from receiver import Server, close_that


def exact(text):
    """JSON with its numbers as they were written."""
    return text and json.loads(text, parse_int=lambda n: ("number", n), parse_float=lambda n: ("number", n))


@pytest.fixture
def close():
    with Server(close_that(lambda call: (200, {"id": "lead_made"}))) as server:
        yield server


@pytest.fixture
def write(tmp_path, close):
    """Writes a pipeline to @close that tells nobody."""
    close.base_url = close.origin + "/api/v1"

    def make(records, **how):
        return Pipelines(tmp_path, close)(
            records, **{"responses": "", "delivery": "max_rejects: none", **how})

    return make


def sent(close):
    return [call for call in close.calls if not call.path.endswith("/me/")]


def both_ways(closefeed, close, path, code=0):
    """Previews, runs, compares; returns the calls as they came."""
    result = closefeed("preview", path, "--all", "--json")
    assert sent(close) == [] and result.code == code, result.err
    run = closefeed("run", path)
    assert run.code == code, run.err
    calls = sent(close)
    raw = [line for line in result.out.split("\n") if line and '"rejected"' not in line[:12]]
    assert len(raw) == len(calls)
    unseen = list(calls)
    for line in raw:
        shown = json.loads(line)
        call = next(c for c in unseen
                    if (c.method, close.origin + c.path) == (shown["method"], shown["url"])
                    and (f'"body":{c.body.decode()},' if c.body else '"body":null,') in line)
        unseen.remove(call)
        for name, value in shown["headers"].items():
            if name != "Authorization":
                assert call.headers[name.lower()] == value
        assert shown["headers"]["Authorization"] == "***"
        assert ("content-type" in call.headers) == bool(call.body)
    return calls


# What to write, a record, and what the server gets: method, path, body as exact JSON text or None.
CASES = {
    "the record is the body": (
        "- operation: lead.create", "", '{"name": "A", "description": "x"}',
        "POST", "/lead/", '{"name": "A", "description": "x"}'),
    "an id fills the path and leaves the body": (
        "- operation: lead.update", "", '{"id": "lead_1", "name": "A"}',
        "PUT", "/lead/lead_1/", '{"name": "A"}'),
    "a parameter from another field": (
        '- operation: lead.update\n  params: {id: "{key}"}', "",
        '{"key": "lead_1", "id": "mine", "name": "A"}',
        "PUT", "/lead/lead_1/", '{"id": "mine", "name": "A"}'),
    "a parameter from a nested field stays in the body": (
        '- operation: lead.update\n  params: {id: "{ref.id}"}\n  exclude: [ref]', "",
        '{"ref": {"id": "lead_1"}, "name": "A"}', "PUT", "/lead/lead_1/", '{"name": "A"}'),
    "an operation without a body sends none": (
        "- operation: playbook.archive", "", '{"id": "pb_1", "note": "x"}',
        "POST", "/playbook/pb_1/archive/", b""),
    "the free form is the operation of its path": (
        '- method: PUT\n  url: "/lead/{lead_id}/"', "", '{"lead_id": "lead_1", "name": "A"}',
        "PUT", "/lead/lead_1/", '{"name": "A"}'),
    "a path gets its last slash": (
        '- method: POST\n  url: "/lead"', "", '{"name": "A"}', "POST", "/lead/", '{"name": "A"}'),
    "PATCH goes as PUT": (
        '- method: PATCH\n  url: "/lead/{id}/"', "", '{"id": "lead_1", "name": "A"}',
        "PUT", "/lead/lead_1/", '{"name": "A"}'),
    "Close's own address means base_url": (
        '- method: POST\n  url: "https://api.close.com/api/v1/lead/"', "", '{"name": "A"}',
        "POST", "/lead/", '{"name": "A"}'),
    "Nexla's record prefix": (
        '- method: PUT\n  url: "/lead/{record.lead_id}/"', "", '{"lead_id": "lead_1", "name": "A"}',
        "PUT", "/lead/lead_1/", '{"name": "A"}'),
    "a path outside the catalogue": (
        '- method: POST\n  url: "/some_new/{id}/thing/"', "", '{"id": "x y", "a": [1, null]}',
        "POST", "/some_new/x%20y/thing/", '{"a": [1, null]}'),
    "exclude at the top, in the route, nested, by star, in lists and in quotes": (
        '- operation: lead.create\n  exclude: [meta.ip, "\\"a.b\\""]',
        'exclude: ["_*", "lines[].internal_*", ingested_at]',
        '{"name": "A", "_x": 1, "__y": 2, "ingested_at": 3, "a.b": 4, "a": {"b": 5},'
        ' "meta": {"ip": "1", "ua": "2"}, "lines": [{"internal_id": 1, "sku": "s"}, {"sku": "t"}]}',
        "POST", "/lead/",
        '{"name": "A", "a": {"b": 5}, "meta": {"ua": "2"}, "lines": [{"sku": "s"}, {"sku": "t"}]}'),
    "exclude acts on a written body, templates see the record whole": (
        '- operation: lead.create\n  exclude: [description, secret]\n'
        '  body: {name: "{secret}", description: "gone"}', "",
        '{"secret": "seen"}', "POST", "/lead/", '{"name": "seen"}'),
    "a written body takes types and drops what is missing": (
        "- operation: lead.create\n  unknown_keys: warn\n  body:\n"
        '    name: "{first} {last}"\n    description: "{missing}"\n    url: "{site}"\n'
        '    contacts:\n      - {name: "{first}", emails: [{email: "{mails[0].email}"}]}\n'
        '      - {name: "{other}", emails: [{email: "{mails[1].email}"}]}\n'
        '    addresses: [{city: "{nowhere}"}]', "",
        '{"first": "Ana", "last": "Ruiz", "site": null, "mails": [{"email": "a@example.com"}]}',
        "POST", "/lead/",
        '{"name": "Ana Ruiz", "url": null,'
        ' "contacts": [{"name": "Ana", "emails": [{"email": "a@example.com"}]}]}'),
    "braces, constants and origins": (
        "- operation: lead.create\n  body:\n"
        '    name: "{{{name}}} {@file}:{@line}"\n    description: "a constant, {{not}} a name"', "",
        '{"name": "A"}', "POST", "/lead/",
        '{"name": "{A} signups.ndjson:1", "description": "a constant, {not} a name"}'),
    "a key with a dot goes before the nested path": (
        '- operation: lead.create\n  body: {name: "{a.b}", description: "{c.d}"}', "",
        '{"a.b": "whole", "a": {"b": "nested"}, "c": {"d": "deep"}}',
        "POST", "/lead/", '{"name": "whole", "description": "deep"}'),
    "dotted custom fields pass, nested ones are flattened": (
        "- operation: lead.create", "",
        '{"name": "A", "custom.cf_a": 1, "custom": {"cf_b": [2], "cf_c": null}}', "POST", "/lead/",
        '{"name": "A", "custom.cf_a": 1, "custom.cf_b": [2], "custom.cf_c": null}'),
    "adding and removing pass": (
        "- operation: lead.update", "",
        '{"id": "lead_1", "custom.cf_a.add": "x", "custom.cf_b.remove": ["y"]}', "PUT",
        "/lead/lead_1/", '{"custom.cf_a.add": "x", "custom.cf_b.remove": ["y"]}'),
    "nulls are sent": (
        "- operation: lead.update", "", '{"id": "lead_1", "url": null, "name": ""}',
        "PUT", "/lead/lead_1/", '{"url": null, "name": ""}'),
    "nulls are omitted at any depth": (
        "- operation: lead.create\n  nulls: omit", "",
        '{"name": "A", "url": null, "contacts": [{"name": null, "title": "T"}, {"name": "B"}]}',
        "POST", "/lead/", '{"name": "A", "contacts": [{"title": "T"}, {"name": "B"}]}'),
    "unknown keys are dropped": (
        "- operation: lead.create\n  unknown_keys: drop", "",
        '{"name": "A", "nmae": "B", "custom.cf_1": "x"}', "POST", "/lead/",
        '{"name": "A", "custom.cf_1": "x"}'),
    "unknown keys inside objects are dropped": (
        "- operation: lead.create\n  unknown_keys: drop", "",
        '{"name": "A", "contacts": [{"nam": "B", "name": "C", "custom.cf_1": 1.50,'
        ' "emails": [{"email": "c@x.example", "typ": "x"}]}]}', "POST", "/lead/",
        '{"name": "A", "contacts": [{"name": "C", "custom.cf_1": 1.50,'
        ' "emails": [{"email": "c@x.example"}]}]}'),
    "unknown keys of a list from a placeholder are dropped": (
        '- operation: contact.update\n  unknown_keys: drop\n  body: {phones: "{tel}"}', "",
        '{"id": "cont_1", "tel": [{"phone": "+1", "kind": "x"}]}', "PUT", "/contact/cont_1/",
        '{"phones": [{"phone": "+1"}]}'),
    "unknown keys are sent with a note": (
        "- operation: lead.create", "", '{"name": "A", "nmae": "B"}', "POST", "/lead/",
        '{"name": "A", "nmae": "B"}'),
    "numbers keep every digit": (
        "- operation: lead.create", "",
        '{"name": "A", "a": 9007199254740993, "b": 123456789012345678901234567890, "c": 19.90,'
        ' "d": -0.0, "e": 1E400, "f": 0.1000000000000000055511151231257827, "g": -0, "h": 1e-7,'
        ' "i": [18446744073709551616, 3.14159265358979323846]}', "POST", "/lead/",
        '{"name": "A", "a": 9007199254740993, "b": 123456789012345678901234567890, "c": 19.90,'
        ' "d": -0.0, "e": 1E400, "f": 0.1000000000000000055511151231257827, "g": -0, "h": 1e-7,'
        ' "i": [18446744073709551616, 3.14159265358979323846]}'),
    "numbers keep every digit in templates and URLs": (
        '- operation: lead.update\n  params: {id: "{n}"}\n'
        '  body: {name: "no {n} of {d}", description: "{d}"}', "",
        '{"n": 9007199254740993, "d": 19.900}', "PUT", "/lead/9007199254740993/",
        '{"name": "no 9007199254740993 of 19.900", "description": 19.900}'),
    "text of all languages and odd characters": (
        "- operation: lead.create", "",
        json.dumps({"name": "Ünïcödé 北京 🦄 \u202e", "description": "tab\t nl\n q\" b\\ s/ \u2028"},
                   ensure_ascii=False), "POST", "/lead/",
        json.dumps({"name": "Ünïcödé 北京 🦄 \u202e", "description": "tab\t nl\n q\" b\\ s/ \u2028"})),
    "escapes mean what they mean": (
        "- operation: lead.create", "", r'{"name": "\u00e9\ud83e\udd84\/\b\f\u0001"}',
        "POST", "/lead/", r'{"name": "\u00e9\ud83e\udd84/\b\f\u0001"}'),
    "a value in a URL is one segment": (
        '- method: POST\n  url: "/some_new/{a}/"\n  body: {x: 1}', "",
        '{"a": "ö/../?#%00&=+ \\r\\n\\u0000x"}', "POST",
        "/some_new/%C3%B6%2F..%2F%3F%23%2500%26%3D%2B%20%0D%0A%00x/", '{"x": 1}'),
    "query values are encoded, missing ones left out": (
        '- operation: lead.update\n  query: {_fields: "{f}", "a b": "x&{n}", gone: "{missing}"}', "",
        '{"id": "lead_1", "f": "id,name", "n": 5}', "PUT",
        "/lead/lead_1/?_fields=id%2Cname&a%20b=x%265", '{"f": "id,name", "n": 5}'),
    "a contact is not moved by accident": (
        "- operation: contact.update", "", '{"id": "cont_1", "lead_id": "lead_2", "name": "B"}',
        "PUT", "/contact/cont_1/", '{"name": "B"}'),
    "a contact is moved on purpose": (
        '- operation: contact.update\n  body: {lead_id: "{to}"}', "",
        '{"id": "cont_1", "to": "lead_2"}', "PUT", "/contact/cont_1/", '{"lead_id": "lead_2"}'),
    "an identity is written into the body as text": (
        '- operation: lead.create\n  exclude: [id]\n  identity: {custom.cf_key: "{id}"}', "",
        '{"id": 7.50, "name": "A"}', "POST", "/lead/", '{"name": "A", "custom.cf_key": "7.50"}'),
}


@pytest.mark.parametrize("routes, more, record, method, path, body", CASES.values(), ids=CASES)
def test_preview_shows_what_run_sends(
        closefeed, close, write, routes, more, record, method, path, body):
    [call] = both_ways(closefeed, close, write([record], routes=routes, more=more))
    assert (call.method, call.path) == (method, "/api/v1" + path)
    assert exact(call.body) == exact(body)


def test_headers_of_a_map_and_of_nexla(closefeed, close, write):
    record = {"name": "A", "tag": "t1", "none": None, "empty": ""}
    for name, headers in [
        ("map", '{X-Tag: "{tag}", x-fixed: "a, b", X-None: "{none}", X-Gone: "{gone}",'
                ' X-Empty: "{empty}"}'),
        ("nexla", '"X-Tag:{tag},x-fixed: a, b"'),
    ]:
        close.calls.clear()
        path = write([record], name=name, routes=f"- operation: lead.create\n  headers: {headers}")
        [call] = both_ways(closefeed, close, path)
        assert call.headers["x-tag"] == "t1" and call.headers["x-fixed"] == "a, b"
        assert not {"x-none", "x-gone", "x-empty"} & set(call.headers)
        assert call.headers["content-type"] == "application/json"
        assert call.headers["accept"] == "application/json"


def test_what_is_said_of_a_request_is_told_in_its_notes(closefeed, write):
    path = write(
        ['{"id": "lead_1", "nmae": "B", "custom": {"cf_a": 1}}'],
        routes='- method: PATCH\n  url: "/lead/{id}/"\n  unknown_keys: drop')
    [shown] = closefeed("preview", path, "--json").lines
    notes = " ".join(shown["notes"])
    assert "PATCH is sent as PUT" in notes and "nmae" in notes and "custom" in notes
    assert shown["operation"] == "lead.update" and shown["body"] == {"custom.cf_a": 1}
    told = closefeed("check", path)
    assert told.code == 0 and "PATCH" in told.out + told.err


HOSTILE = ["..", ".", "", None, {"a": 1}, [1], [], {}]


@pytest.mark.parametrize("routes", [
    "- operation: lead.update", '- method: PUT\n  url: "/lead/{id}/"',
    '- method: PUT\n  url: "/some_new/{id}/"'])
def test_no_value_leads_a_url_elsewhere(closefeed, close, write, routes):
    """Nor into the collection: by name, by path, and where the catalogue knows nothing."""
    path = write([{"id": value, "name": "A"} for value in HOSTILE] + [{"name": "none"}],
                 routes=routes)
    assert both_ways(closefeed, close, path, code=1) == []
    shown = closefeed("preview", path, "--all", "--json").lines
    assert [s["rejected"]["class"] for s in shown] == ["template"] * (len(HOSTILE) + 1)
    assert all("id" in s["rejected"]["message"] for s in shown)
    listed = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert [r["message"] for r in listed] == [s["rejected"]["message"] for s in shown]


SEGMENTS = ["a/b", "../lead_2", "lead_1/../lead_2", "x?_fields=id", "x#y", "%2e%2e", "%00", "x%2fy",
            "a\r\nHost: evil", "a\0b", "a b", "é", "\u202e", "\\..\\", ";a=b", "a&b=c", "//evil", "@",
            "http://evil.example.com/", "..;/", "a\tb", "+", "~", "merge"]


def test_a_value_in_a_url_stays_one_segment(closefeed, close, write):
    """The server sees the value again when it takes the path apart, and nothing else of it."""
    path = write([{"id": text, "name": "A"} for text in SEGMENTS],
                 routes='- method: PUT\n  url: "/some_new/{id}/x/"', close="concurrency: 1")
    calls = both_ways(closefeed, close, path)
    assert len(calls) == len(SEGMENTS)
    seen = []
    for call in calls:
        assert call.path.isascii() and call.path.isprintable() and " " not in call.path
        parts = call.path.split("/")
        assert parts[:4] == ["", "api", "v1", "some_new"] and parts[5:] == ["x", ""]
        seen.append(urllib.parse.unquote(parts[4], errors="strict"))
    assert sorted(seen) == sorted(SEGMENTS)


def test_a_finished_url_must_still_be_the_operations_path(closefeed, close, write):
    """With "settings" as its id, a blocked number would be the settings of all of them."""
    path = write([{"id": "settings", "reason": "A"}, {"id": "bpnu_1", "reason": "B"}],
                 routes="- operation: blocked_phone_number.update")
    [call] = both_ways(closefeed, close, path, code=1)
    assert call.path == "/api/v1/blocked_phone_number/bpnu_1/"
    [listed] = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert listed["class"] == "template" and listed["records"][0]["line"] == 1
    assert "blocked_phone_number.settings.update" in listed["message"]


HEADERS = ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "\x7f", "é", "\t", "\u2028", "a\x1bb"]


def test_no_value_adds_a_header(closefeed, close, write):
    path = write([{"name": "A", "v": text} for text in HEADERS] + [{"name": "Z", "v": "fine ~ !"}],
                 routes='- operation: lead.create\n  headers: {X-V: "{v}"}')
    [call] = both_ways(closefeed, close, path, code=1)
    assert call.headers["x-v"] == "fine ~ !" and call.json["name"] == "Z"
    rejected = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert [r["class"] for r in rejected] == ["template"] * len(HEADERS)
    assert {r["field"] for r in rejected} == {"X-V"}


REJECTED = {
    "an unknown key": ("- operation: lead.create\n  unknown_keys: reject",
                       {"name": "A", "nmae": "B"}, "field", "nmae"),
    "a required field is missing": ("- operation: task.create", {"text": "x"}, "required",
                                    "lead_id"),
    "a required field is null": ("- operation: task.create", {"lead_id": None, "text": "x"},
                                 "required", "lead_id"),
    "a contact without a lead": ("- operation: contact.create", {"name": "A"}, "guard", "lead_id"),
    "an e-mail that would be sent": ("- operation: activity.email.create",
                                     {"lead_id": "lead_1", "status": "outbox"}, "guard", "status"),
    "a custom field twice": ("- operation: lead.create",
                             {"custom.cf_1": 1, "custom": {"cf_1": 2}}, "field", "custom.cf_1"),
    "an identity that is missing": ('- operation: lead.create\n  identity: {custom.cf_k: "{id}"}',
                                    {"name": "A"}, "match", "custom.cf_k"),
    "an identity that is null": ('- operation: lead.create\n  identity: {custom.cf_k: "{id}"}',
                                 {"name": "A", "id": None}, "match", "custom.cf_k"),
    "a body of nothing": ('- operation: lead.create\n  body: {name: "{gone}"}', {"x": 1}, "template",
                          None),
    "a body that is a list": ('- operation: lead.create\n  body: "{list}"', {"list": [1]}, "template",
                              None),
}


@pytest.mark.parametrize("routes, record, reject_class, field", REJECTED.values(), ids=REJECTED)
def test_what_cannot_be_sent_is_rejected_offline_and_sent_nowhere(
        closefeed, close, write, routes, record, reject_class, field):
    path = write([record], routes=routes)
    assert both_ways(closefeed, close, path, code=1) == []
    [shown] = closefeed("preview", path, "--json").lines
    assert shown["rejected"]["class"] == reject_class and shown["rejected"]["field"] == field
    assert shown["records"][0]["line"] == 1
    [listed] = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert (listed["class"], listed.get("field")) == (reject_class, field)
    assert listed["message"] == shown["rejected"]["message"]


def test_a_body_holds_no_references_to_the_environment(closefeed, close, write):
    """vars are for values from outside; in a body they would look like an object to be sent."""
    path = write([{"x": "A"}], routes='- operation: lead.create\n  body: {name: {env: HOME}}')
    refused = closefeed("run", path)
    assert refused.code == 78 and "{@var." in refused.err and close.calls == []


def test_vars_come_from_outside_and_keep_out_of_the_record(closefeed, close, write):
    path = write([{"name": "A", "region": "mine"}], more="vars: {region: {env: REGION}, team: feeds}",
                 routes='- operation: lead.create\n  body: {name: "{name} {@var.region} '
                        '{@var.team} {region}"}')
    closefeed.env["REGION"] = 'EU "1"\\'
    [call] = both_ways(closefeed, close, path)
    assert call.json == {"name": 'A EU "1"\\ feeds mine'}


def test_five_records_are_shown_unless_more_are_asked_for(closefeed, write):
    path = write([{"name": f"N{i}"} for i in range(9)])
    assert len(closefeed("preview", path, "--json").lines) == 5
    assert len(closefeed("preview", path, "-n", "7", "--json").lines) == 7
    assert len(closefeed("preview", path, "--all", "--json").lines) == 9


def test_what_is_excluded_is_in_no_frame_of_a_batch(closefeed, pipeline, sandbox):
    path = pipeline([{"a": 1, "b": {"c": 2, "d": 3}}], routes="""- method: POST
  url: /some_new/
  exclude: [src, "items[].x", "items[].b.c", "of.secret"]
  batch:
    algorithm: keyed_array
    key: items
    with: {src: s, of: {secret: 1, open: 2}, kept: q}
    each: {x: 1, y: 1}""")
    [shown] = [json.loads(line) for line in closefeed("preview", path, "--json").out.splitlines()]
    assert shown["body"] == {"items": [{"a": 1, "b": {"d": 3}, "y": 1}], "of": {"open": 2}, "kept": "q"}
