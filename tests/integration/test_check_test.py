"""check --test: what records should become, written down, and held against the pipeline."""

import pytest

PIPELINE = """\
version: 1
name: tested
source: {ndjson: {path: input.ndjson}}
close: {base_url: "http://127.0.0.1:9/api/v1", api_key: {env: CLOSE_API_KEY}}
routes:
  - operation: lead.update
    when: .lead_id != null
    params: {id: "{lead_id}"}
    exclude: [lead_id]
  - operation: lead.create
    transform: if .drop then empty else . end
    headers: {X-Source: "{@file}:{@line}"}
    body:
      name: "{company}"
      description: "seen {@now}"
      contacts: [{name: "{person}", emails: [{email: "{email}"}]}]
"""

AGREES = """\
- name: a company with a person
  record: {company: Acme, person: Ana, email: ana@acme.example}
  requests:
    - method: POST
      url: /lead/
      body:
        name: Acme
        description: seen 2000-01-01T00:00:00.000Z
        contacts: [{name: Ana, emails: [{email: ana@acme.example}]}]
- record: {company: Acme}
  requests:
    - method: POST
      url: https://api.close.com/api/v1/lead/
      headers: {X-Source: "input.ndjson:2"}
- name: an id of Close
  record: {lead_id: lead_A1, value: 19.90}
  requests: [{method: PUT, url: "http://127.0.0.1:9/api/v1/lead/lead_A1/", body: {value: 19.9}}]
- name: nothing is sent
  record: {drop: true}
  requests: []
- name: not even JSON
  record: '{"company":"Acme",}'
  rejected: json
- name: an id that leads elsewhere
  record: {lead_id: ".."}
  rejected: template
"""


@pytest.fixture(name="check")
def _check(closefeed):
    (closefeed.folder / "tested.yaml").write_text(PIPELINE)

    def check(tests, *flags):
        (closefeed.folder / "tests.yaml").write_text(tests)
        return closefeed("check", "tested.yaml", "--test", "tests.yaml", *flags)

    return check


def test_all_agree(check):
    result = check(AGREES)
    assert result.code == 0, result.out + result.err
    assert "6 of 6 agree" in result.out and "a company with a person" in result.out


def test_as_json(check):
    result = check(AGREES, "--json")
    assert result.code == 0 and result.json["ok"]
    assert [test["ok"] for test in result.json["tests"]] == [True] * 6
    assert result.json["tests"][0]["name"] == "a company with a person"
    assert result.json["tests"][1]["line"] == 10


@pytest.mark.parametrize("before, after, said", [
    ("name: Acme\n", "name: ACME\n", 'requests[0].body.name: expected "ACME", got "Acme"'),
    ("        name: Acme\n", "", 'requests[0].body.name: expected nothing, got "Acme"'),
    ("email: ana@acme.example}]}]", "email: eva@acme.example, type: office}]}]",
     'requests[0].body.contacts[0].emails[0].email: expected "eva@acme.example", got '
     '"ana@acme.example"'),
    ("emails: [{email: ana@acme.example}]", "emails: [{email: ana@acme.example}, {email: x}]",
     'requests[0].body.contacts[0].emails[1]: expected {"email":"x"}, got nothing'),
    ("value: 19.9}", "value: 19.91}", "requests[0].body.value: expected 19.91, got 19.90"),
    ("method: PUT", "method: POST", 'requests[0].method: expected "POST", got "PUT"'),
    ("lead_A1/", "lead_A2/", "requests[0].url: expected \"/lead/lead_A2/\""),
    ("  requests: []", "  rejected: number", "rejected: expected number, got nothing"),
    ("  rejected: json", "  rejected: number", "rejected: expected number, got json"),
    ("  requests: []", "  requests: [{method: DELETE, url: /x/}]",
     "requests[0]: expected DELETE /x/, got nothing"),
    ("record: {drop: true}", "record: {drop: false, company: B}",
     "requests[0]: expected nothing, got POST /lead/"),
    ("  rejected: template", "  requests: []", "rejected: expected nothing, got template ("),
])
def test_each_difference_is_told_at_its_place(check, before, after, said):
    assert before in AGREES
    result = check(AGREES.replace(before, after, 1))
    assert result.code == 1 and said in result.out, result.out
    assert "5 of 6 agree" in result.out
    assert result.out.count("wrong") == 1 and "(tests.yaml:" in result.out


@pytest.mark.parametrize("tests, place, said", [
    ("", "1:1", "must be a list of tests"),
    ("a: 1\n", "1:1", "must be a list of tests"),
    ("- {record: {}, request: []}\n", "1:16", 'unknown key "request": did you mean "requests"?'),
    ("- {requests: []}\n", "1:3", "record is missing"),
    ("- {record: {}}\n", "1:3", "requests (a list"),
    ("- {record: {}, rejected: valdation}\n", "1:26", "closefeed explain"),
    ("- {record: {}, requests: [{url: /lead/}]}\n", "1:27", "at least method and url"),
    ("- {record: {}, requests: {method: POST}}\n", "1:26", "must be a list of"),
    ("- [1\n", "2:1", ""),
    ("- &a {record: {}, requests: []}\n", "1:3", "anchor"),
])
def test_a_wrong_file_is_told_with_its_place(check, tests, place, said):
    result = check(tests)
    assert result.code == 78 and f"tests.yaml:{place}: error: " in result.err, result.err
    assert said in result.err


def test_a_file_that_is_not_there(closefeed, check):
    check(AGREES)
    result = closefeed("check", "tested.yaml", "--test", "nowhere.yaml")
    assert result.code == 78 and "nowhere.yaml" in result.err


def test_a_wrong_pipeline_comes_first(closefeed, check):
    check(AGREES)
    (closefeed.folder / "tested.yaml").write_text(PIPELINE.replace("lead.update", "lead.updat"))
    result = closefeed("check", "tested.yaml", "--test", "tests.yaml")
    assert result.code == 78 and "agree" not in result.out


def test_a_record_without_its_key_is_rejected_and_each_test_stands_alone(closefeed):
    path = closefeed.folder / "tests.yaml"
    (closefeed.folder / "keyed.yaml").write_text(PIPELINE.replace(
        "{path: input.ndjson}}", '{path: input.ndjson}, key: "{number}"}'))
    path.write_text("""\
- {record: {company: Acme}, rejected: template}
- {record: {company: Acme, number: ""}, rejected: template}
- {record: "[1]", rejected: json}
- record: {company: Acme, number: 7}
  requests: [{method: POST, url: /lead/, body: {name: Acme, description: seen 2000-01-01T00:00:00.000Z}}]
- record: {company: Bolt, number: 7}
  requests: [{method: POST, url: /lead/, body: {name: Bolt, description: seen 2000-01-01T00:00:00.000Z}}]
""")
    done = closefeed("check", "keyed.yaml", "--test", "tests.yaml")
    assert done.code == 0 and "5 of 5 agree" in done.out, done.out


KAFKA = """\
version: 1
name: topics
source:
  kafka: {brokers: ["127.0.0.1:9092"], topics: [people, "^more"], tombstones: %s}
close: {base_url: "http://127.0.0.1:9/api/v1", api_key: {env: CLOSE_API_KEY}}
routes:
  - operation: lead.create
    body:
      name: "{company|default:none}"
      description: "{@topic}/{@partition}@{@offset} {@timestamp} {@key} {@key.id|default:-}"
"""

KAFKA_AGREES = """\
- record: {company: Acme}
  key: k1
  requests:
    - method: POST
      url: /lead/
      body: {name: Acme, description: "people/0@1 2000-01-01T00:00:00.000Z k1 -"}
- record: {company: Borealis}
  key: {id: 7}
  requests:
    - method: POST
      url: /lead/
      body: {name: Borealis, description: "people/0@2 2000-01-01T00:00:00.000Z {\\"id\\":7} 7"}
- record: null
  key: k2
"""


@pytest.mark.parametrize("tombstones, rest", [
    ("reject", "  rejected: tombstone\n"), ("ignore", "  requests: []\n"),
    ("route", "  requests: [{method: POST, url: /lead/}]\n")])
def test_a_record_of_a_topic_has_its_origins_and_may_be_a_tombstone(closefeed, tombstones, rest):
    (closefeed.folder / "topics.yaml").write_text(KAFKA % tombstones)
    (closefeed.folder / "tests.yaml").write_text(KAFKA_AGREES + rest)
    result = closefeed("check", "topics.yaml", "--test", "tests.yaml")
    assert result.code == 0, result.out + result.err
    assert "3 of 3 agree" in result.out


def test_a_line_of_a_file_has_no_key(check):
    result = check("- record: {company: Acme}\n  key: k1\n  requests: []\n")
    assert result.code == 78 and "only messages of Kafka have a key" in result.err
