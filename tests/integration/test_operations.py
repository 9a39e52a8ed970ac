"""Each operation of the catalogue: rendered, refused where something is missing or not allowed,
sent by a real run, and read back from the sandbox."""

import json
import urllib.parse

import pytest

from catalogue import LEFT_OUT, OPERATIONS, World, told
from harness import Pipelines, Program, Sandbox, environment, ndjson

pytestmark = pytest.mark.xdist_group("operations")  # they share one sandbox and one run

NAMES = sorted(OPERATIONS)
OAUTH = {name for name in NAMES if OPERATIONS[name]["auth"] == "oauth"}

# What makes a call have an effect that depends on the record: a record without it, and some with.
DEPENDS = {
    "activity.email.create": (
        {"status": "sent", "followup_sequence_id": None},
        [{"status": "outbox"}, {"status": "scheduled"}, {"followup_sequence_id": "seq_1"}]),
    "activity.email.update": (
        {"status": "draft", "followup_sequence_id": None},
        [{"status": "outbox"}, {"status": "scheduled"}, {"followup_sequence_id": "seq_1"}]),
    "activity.sms.create": ({"status": "inbox"}, [{"status": "outbox"}, {"status": "scheduled"}]),
    "activity.sms.update": ({"status": "draft"}, [{"status": "outbox"}, {"status": "scheduled"}]),
    "bulk_action.sequence_subscription.create": (
        {"action_type": "pause"},
        [{"action_type": word} for word in ("subscribe", "resume", "resume_finished")]),
    "contact.create": ({"lead_id": "lead_1"}, [{"lead_id": None}, {"lead_id": ""}]),
    "opportunity.create": ({"lead_id": "lead_1"}, [{"lead_id": None}, {"lead_id": " "}]),
    "sequence.update": ({"status": "paused"}, [{"status": "active"}, {"status": None}]),
    "sequence_subscription.update": ({"status": "paused"}, [{"status": "active"}]),
}


def effects_of(name, always):
    """Those that every call has, or those that depend on the record."""
    operation = OPERATIONS[name]
    return [effect for effect in operation["effects"]
            if (effect not in operation.get("depends", [])) == always]


def lacks(row):
    """(what is missing, the record without it): each required field and each part of the path."""
    for field in OPERATIONS[row.name]["required_body_fields"]:
        body = {key: value for key, value in row.body.items() if key != field}
        yield field, {**row.record, "body": body}
    for name in row.params:
        yield name, {key: value for key, value in row.record.items() if key != "p_" + name}


class Case:
    """The sandbox with all that calls refer to, and what became of one record of each operation."""

    def __init__(self, program, sandbox):
        self.program, self.sandbox = program, sandbox
        self.pipelines = Pipelines(program.folder, sandbox)
        me = sandbox.get("/me/")
        self.world = World(
            self.make, user=me["id"], organization=me["organizations"][0]["id"],
            membership=self.membership(), new_user=self.new_user, given=self.given)
        self.rows = {name: self.world.row(name) for name in NAMES}
        self.n_made = len(sandbox.requests())

    def make(self, operation, path, body):
        made = self.sandbox.ask(operation["method"], path, body)
        if made[0] == 501:
            return "none_1"  # the sandbox has no behaviour for it yet
        assert made[0] // 100 == 2, (operation["name"], body, made)
        return (made[1] or {}).get("id")

    def membership(self):
        return "memb_1"

    def new_user(self):
        self.n_users = getattr(self, "n_users", 0) + 1
        return self.sandbox.ask("POST", "/_sandbox/users", {
            "email": f"user{self.n_users}@sandbox.example", "first_name": "U",
            "last_name": str(self.n_users)})[1]["id"]

    def given(self, kind):
        return "none_1"

    def pipeline(self, name, records, routes):
        path = self.pipelines(records, name=name, routes="\n".join(routes), delivery=(
            "quarantine: 1s\nmax_rejects: none"), responses=f"file: {name}.events")
        return path

    def preview(self, name, records, routes):
        """What `preview` says of each record, in their order."""
        result = self.program("preview", self.pipeline(name, records, routes), "--all", "--json")
        shown = {line["records"][0]["line"]: line for line in result.lines}
        return [shown[n] for n in range(1, len(records) + 1)]


@pytest.fixture(scope="module")
def case(binary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("operations")
    program = Program(binary, folder, environment(folder))
    sandbox = Sandbox(program, "--no-rate-limit", "--lag", "0")
    try:
        yield Case(program, sandbox)
    finally:
        sandbox.stop()


# What is known without Close


@pytest.fixture(scope="module")
def previews(case):
    """What is shown of the whole record, and of those that lack something."""
    rows = [case.rows[name] for name in NAMES if name not in OAUTH]
    poor = [(row.name, what, record) for row in rows for what, record in lacks(row)]
    shown = case.preview("all", [row.record for row in rows] + [record for *_, record in poor],
                         [row.route() for row in rows])
    whole = dict(zip((row.name for row in rows), shown))
    return whole, {(name, what): line for (name, what, _), line in zip(poor, shown[len(rows):])}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OAUTH])
def test_it_is_rendered_with_every_field_of_the_catalogue(case, previews, name):
    row, shown = case.rows[name], previews[0][name]
    assert "rejected" not in shown, shown
    assert (shown["operation"], shown["method"]) == (name, row.operation["method"])
    path, _, query = shown["url"].removeprefix(case.sandbox.base_url).partition("?")
    assert urllib.parse.unquote(path) == row.path
    assert dict(urllib.parse.parse_qsl(query)) == row.query
    assert (shown["body"] or {}) == row.body
    named = {"custom.cf_*" if key.startswith("custom.cf_") else key for key in row.body}
    missing = set(row.operation["body_fields"]) - named
    assert missing == {field for field in missing if told(LEFT_OUT, row.operation, field)[0]}


@pytest.mark.parametrize("name, field", [
    (name, field) for name in NAMES if name not in OAUTH
    for field in OPERATIONS[name]["required_body_fields"] + OPERATIONS[name]["path_params"]])
def test_a_record_that_lacks_what_it_needs_is_rejected_and_told_so(previews, name, field):
    rejected = previews[1][name, field]["rejected"]
    if field in OPERATIONS[name]["required_body_fields"]:
        assert (rejected["class"], rejected["field"]) == ("required", field)
        assert f'{name} needs "{field}"' in rejected["message"]
    else:
        assert rejected["class"] == "template" and f"{{p_{field}}}" in rejected["message"]


@pytest.fixture(scope="module")
def mistakes(case):
    """The mistakes `check` finds in routes that allow nothing, by route."""
    rows = [row for row in case.rows.values() if row.name not in OAUTH]
    result = case.program("check", case.pipeline("without", [{}], [row.route([]) for row in rows]))
    lines = [line for line in result.err.splitlines() if "error:" in line]
    assert (result.code == 78) == bool(lines)
    return {row.name: [line for line in lines if f"routes[{i}].operation: {row.name} " in line]
            for i, row in enumerate(rows)}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OAUTH])
def test_what_every_call_does_needs_its_words_before_anything_is_read(mistakes, name):
    words = effects_of(name, always=True)
    assert len(mistakes[name]) == bool(words)
    for mistake in mistakes[name]:
        assert f"needs allow: [{', '.join(words)}]" in mistake


@pytest.fixture(scope="module")
def guarded(case):
    """What is shown of records by routes that allow only what every call does."""
    rows = [case.rows[name] for name in DEPENDS]
    records, wanted = [], []
    for row in rows:
        quiet, loud = DEPENDS[row.name]
        for change in [{}, *loud]:
            records.append({**row.record, "body": {**row.body, **quiet, **change}})
            wanted.append((row.name, change))
    shown = case.preview("guarded", records,
                         [row.route(effects_of(row.name, always=True)) for row in rows])
    return [(name, change, line.get("rejected")) for (name, change), line in zip(wanted, shown)]


@pytest.mark.parametrize("name", [name for name in NAMES if OPERATIONS[name].get("depends")])
def test_what_depends_on_the_record_is_looked_at_record_by_record(guarded, name):
    for _, change, rejected in [one for one in guarded if one[0] == name]:
        if not change:
            assert rejected is None
            continue
        [word] = effects_of(name, always=False)
        assert rejected["class"] == "guard" and word in rejected["message"], (change, rejected)
