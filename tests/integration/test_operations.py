"""Each operation of the catalogue: rendered, refused where something is missing or not allowed,
sent by a real run, and read back from the sandbox."""

import json
import urllib.parse

import pytest

from catalogue import LEFT_OUT, OPERATIONS, World, told
from harness import OAUTH, Pipelines, Program, Sandbox, environment

pytestmark = pytest.mark.xdist_group("operations")  # they share one sandbox and one run

NAMES = sorted(OPERATIONS)
OAUTH_ONLY = {name for name in NAMES if OPERATIONS[name]["auth"] == "oauth"}

# What no call makes.
GIVEN = [
    {"kind": "lead", "id": "lead_Given", "name": "Given"},
    *({"kind": "activity.meeting", "id": f"acti_Meeting{n}", "lead_id": "lead_Given"}
      for n in range(3)),
    {"kind": "activity.form_submission", "id": "acti_Form", "lead_id": "lead_Given"},
]

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
        self.pipelines, self.taken = Pipelines(program.folder, sandbox), set()
        sandbox.post("/_sandbox/settings", {"job_ms": 0, "oauth_only": "accepted"})
        me = sandbox.get("/me/")
        organization = me["organizations"][0]["id"]
        self.world = World(
            self.make, user=me["id"], organization=organization,
            membership=self.membership(organization), new_user=self.new_user, given=self.given)
        self.rows = {name: self.world.row(name) for name in NAMES}
        sandbox.post("/_sandbox/settings", {"oauth_only": "refused"})

    def make(self, operation, path, body):
        made = self.sandbox.ask(operation["method"], path, body)
        assert made[0] // 100 == 2, (operation["name"], body, made)
        return (made[1] or {}).get("id")

    def membership(self, organization):
        return self.sandbox.get(f"/organization/{organization}/")["memberships"][0]["id"]

    def new_user(self):
        self.n_users = getattr(self, "n_users", 0) + 1
        return self.sandbox.ask("POST", "/_sandbox/users", {
            "email": f"user{self.n_users}@sandbox.example", "first_name": "U",
            "last_name": str(self.n_users)})[1]["id"]

    def given(self, kind):
        """Something that no call makes: it comes with other things, or was there before."""
        if kind == "number":
            number = self.world["phone_number.request_internal"]
            return self.sandbox.get(f"/phone_number/{number}/")["number"]
        if kind == "activity.task_completed":
            self.world.fresh("task.create", is_complete=True)
        if kind == "activity.emailthread":
            self.world.fresh("activity.email.create", status="sent")
        page = self.sandbox.get("/" + kind.replace(".", "/") + "/")["data"]
        return next(one["id"] for one in page if one["id"] not in self.taken
                    and not self.taken.add(one["id"]))

    def pipeline(self, name, records, routes, **more):
        more = {"login": OAUTH.format(self.sandbox.origin), **more}
        return self.pipelines(
            records, name=name, routes="\n".join(routes), responses=f"file: {name}.events",
            delivery="quarantine: 1s\nmax_rejects: none", **more)

    def preview(self, name, records, routes):
        """What `preview` says of each record, in their order."""
        result = self.program("preview", self.pipeline(name, records, routes), "--all", "--json")
        shown = {line["records"][0]["line"]: line for line in result.lines}
        return [shown[n] for n in range(1, len(records) + 1)]

    def run(self, name, rows):
        """The events of a run, by operation."""
        path = self.pipeline(name, [row.record for row in rows], [row.route() for row in rows])
        result = self.program("run", path, "--json")
        text = (self.program.folder / f"{name}.events").read_text(encoding="utf-8")
        events = [json.loads(line) for line in text.splitlines()]
        assert result.summary["read"] == len(rows), result.err
        return {event["data"]["route"]: event["data"] for event in events}


@pytest.fixture(scope="module")
def case(binary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("operations")
    program = Program(binary, folder, environment(folder))
    (folder / "given.json").write_text(json.dumps(GIVEN), encoding="utf-8")
    sandbox = Sandbox(program, "--no-rate-limit", "--lag", "0", "--data", folder / "given.json")
    try:
        app = sandbox.get("/_sandbox/oauth")
        program.env.update(OAUTH_SECRET=app["client_secret"], OAUTH_TOKEN=app["refresh_token"])
        yield Case(program, sandbox)
    finally:
        sandbox.stop()


# What is known without Close


@pytest.fixture(scope="module")
def previews(case):
    """What is shown of the whole record, and of those that lack something."""
    rows = list(case.rows.values())
    poor = [(row.name, what, record) for row in rows for what, record in lacks(row)]
    shown = case.preview("all", [row.record for row in rows] + [record for *_, record in poor],
                         [row.route() for row in rows])
    whole = dict(zip((row.name for row in rows), shown))
    return whole, {(name, what): line for (name, what, _), line in zip(poor, shown[len(rows):])}


@pytest.mark.parametrize("name", NAMES)
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
    (name, field) for name in NAMES for field in
    OPERATIONS[name]["required_body_fields"] + OPERATIONS[name]["path_params"]])
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
    rows = list(case.rows.values())
    result = case.program("check", case.pipeline("without", [{}], [row.route([]) for row in rows]))
    lines = [line for line in result.err.splitlines() if "error:" in line]
    assert (result.code == 78) == bool(lines)
    return {row.name: [line for line in lines if f"routes[{i}].operation: {row.name} " in line]
            for i, row in enumerate(rows)}


@pytest.mark.parametrize("name", NAMES)
def test_what_every_call_does_needs_its_words_before_anything_is_read(mistakes, name):
    words = effects_of(name, always=True)
    assert len(mistakes[name]) == bool(words)
    for mistake in mistakes[name]:
        assert f"needs allow: [{', '.join(words)}]" in mistake


def test_what_takes_oauth_only_is_told_to_those_who_have_a_key(case):
    rows = list(case.rows.values())
    result = case.program("check", case.pipeline(
        "key", [{}], [row.route() for row in rows], login="api_key: {env: CLOSE_API_KEY}"))
    told_of = {row.name for i, row in enumerate(rows)
               if f"routes[{i}].operation: {row.name} takes OAuth only" in result.err}
    assert result.code == 78 and told_of == OAUTH_ONLY


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


# What arrives, and what is kept of it

# Fields that no answer has as they were sent, and why.
NOT_TOLD = {
    "activity": {"custom_fields": "what it means is not known"},
    "membership.bulk_update": {"_params": "says which"},
    "opportunity": {"custom_fields": "what it means is not known"},
    "task.bulk_update": {"_params": "says which"},
}

# Fields that answers call by another name.
CALLED = {"created_by_id": "created_by"}


def is_kept(sent, got):
    """Whether what was sent is there; objects may have more."""
    if isinstance(sent, dict) and isinstance(got, dict):
        return all(is_kept(value, got.get(key)) for key, value in sent.items())
    if isinstance(sent, list) and isinstance(got, list):
        return len(sent) == len(got) and all(is_kept(*pair) for pair in zip(sent, got))
    if isinstance(sent, str) and isinstance(got, str) and sent[:4].isdigit():
        return got[:10] == sent[:10]  # a time may be written in another way, or cut to its day
    return sent == got


class Kept:
    """What is read back after a call, by ways of its own for what is no plain object."""

    def __init__(self, case, row, event):
        self.sandbox, self.row, self.event = case.sandbox, row, event
        self.params, self.body, self.id = row.params, row.body, event.get("object_id")

    def get(self, path):
        return self.sandbox.get(path)

    def all_of(self, path):
        return self.get(path)["data"]

    def is_gone(self, path):
        return self.sandbox.ask("GET", path)[0] == 404

    def fits(self, got):
        sent = {key: value for key, value in self.body.items()
                if not told(NOT_TOLD, self.row.operation, key)[0]}
        shown = {key: got.get(key, got.get(CALLED.get(key))) for key in sent}
        assert {key: (value, shown[key]) for key, value in sent.items()
                if not is_kept(value, shown[key])} == {}

    def begins(self, key):
        """What was sent stands first in a list; the others are behind it."""
        got = self.get(self.row.path)
        self.fits({**got, key: got[key][:len(self.body[key])]})

    def is_plain(self):
        """It is as it was sent, or gone."""
        if self.row.operation["method"] == "DELETE":
            assert self.is_gone(self.row.path)
        else:
            self.fits(self.get(self.row.path + ("" if self.params else self.id + "/")))

    def is_done(self):
        """A bulk action, and what became of the lead it was about."""
        self.is_plain()
        lead = self.body["s_query"]["query"]["queries"][1]["value"]
        if "delete" in self.row.name:
            assert self.is_gone(f"/lead/{lead}/")
        if "edit" in self.row.name:
            assert self.get(f"/lead/{lead}/")[f"custom.{self.body['custom_field_id']}"] == ["Large"]

    def is_associated(self):
        path = f"/custom_field/shared/{self.params['scf_id']}/association/lead/"
        if self.row.operation["method"] == "DELETE":
            assert self.is_gone(path)
        else:
            self.fits(self.get(path))

    def has_member(self, is_in):
        members = self.get(f"/group/{self.params['group_id']}/")["members"]
        user = self.params.get("user_id") or self.body["user_id"]
        assert (user in [one["user_id"] for one in members]) is is_in

    def is_merged(self):
        assert self.is_gone(f"/lead/{self.body['source']}/")
        assert len(self.get(f"/lead/{self.body['destination']}/")["contacts"]) == 2

    def has_membership(self, id_):
        [organization] = [one["id"] for one in self.get("/me/")["organizations"]]
        found = self.get(f"/organization/{organization}/")["memberships"]
        self.fits(next(one for one in found if one["id"] == id_))

    def is_enriched(self):
        assert f"custom.{self.body['field_id']}" in self.get(f"/lead/{self.body['object_id']}/")

    def may_send(self, user, is_in):
        allowed = [one["allowed_user_id"] for one in self.all_of("/send_as/?_limit=100")]
        assert (user in allowed) is is_in

    def is_unsubscribed(self, email, is_in):
        emails = [one["email"] for one in self.all_of("/unsubscribe/email/")]
        assert (email in emails) is is_in

    def is_linked(self, is_in):
        links = self.all_of("/scheduling_link/?_limit=100")
        source = self.params.get("source_id") or self.body["source_id"]
        found = [one for one in links if one["source_id"] == source]
        assert len(found) == is_in
        if is_in:
            self.fits(found[0])

    def is_mapped(self, is_in):
        link = self.get(f"/shared_scheduling_link/{self.body['shared_scheduling_link_id']}/")
        assert bool(link["associations"]) is is_in


def stores_nothing(kept):
    """The log of requests, which has been looked at, must do."""
    assert kept.event["response"]["body"]


READ = {
    "activity.meeting.integration.upsert": lambda kept: kept.get(
        f"/activity/meeting/{kept.params['id']}/")["integrations"] == [kept.body],
    "blocked_phone_number.settings.update": lambda kept: kept.fits(kept.get(kept.row.path)),
    "bulk_action": Kept.is_done,
    "comment.delete": lambda kept: kept.get(kept.row.path)["body"] == "",
    "custom_field.shared.associate": Kept.is_associated,
    "custom_field.shared.disassociate": Kept.is_associated,
    "custom_field.shared.update_association": Kept.is_associated,
    "custom_field_schema.update": lambda kept: kept.begins("fields"),
    "enrich_field.create": Kept.is_enriched,
    "export": lambda kept: kept.fits(kept.get(f"/export/{kept.id}/")),
    "file.upload": stores_nothing,
    "group.member.add": lambda kept: kept.has_member(True),
    "group.member.remove": lambda kept: kept.has_member(False),
    "lead.merge": Kept.is_merged,
    "membership.bulk_update": lambda kept: kept.has_membership(kept.body["_params"]["id__in"]),
    "membership.create": lambda kept: kept.has_membership(kept.id),
    "membership.update": lambda kept: kept.has_membership(kept.params["id"]),
    "membership.pinned_views.update": lambda kept: [
        one["id"] for one in kept.all_of(kept.row.path)] == kept.body["saved_view_ids"],
    "organization.update": lambda kept: kept.begins("lead_statuses"),
    "phone_number.request_internal": lambda kept: kept.fits(kept.get(f"/phone_number/{kept.id}/")),
    "pipeline.update": lambda kept: kept.begins("statuses"),
    "playbook.archive": lambda kept: kept.get(
        f"/playbook/{kept.params['id']}/")["archived_at"] is not None,
    "playbook.unarchive": lambda kept: not kept.get(
        f"/playbook/{kept.params['id']}/").get("archived_at"),
    "report": stores_nothing,
    "scheduling_link.integration.delete": lambda kept: kept.is_linked(False),
    "scheduling_link.integration.upsert": lambda kept: kept.is_linked(True),
    "send_as.bulk_update": lambda kept: kept.may_send(kept.body["allowed_user_ids"][0], True),
    "send_as.create": lambda kept: kept.may_send(kept.body["allowed_user_id"], True),
    "send_as.delete_by_user": lambda kept: kept.may_send(kept.row.query["allowed_user_id"], False),
    "shared_scheduling_link.map": lambda kept: kept.is_mapped(True),
    "shared_scheduling_link.unmap": lambda kept: kept.is_mapped(False),
    "task.bulk_update": lambda kept: kept.fits(
        kept.get(f"/task/{kept.body['_params']['id__in']}/")),
    "unsubscribe.email.create": lambda kept: kept.is_unsubscribed(kept.body["email"], True),
    "unsubscribe.email.delete": lambda kept: kept.is_unsubscribed(
        kept.params["email_address"], False),
}


@pytest.fixture(scope="module")
def done(case):
    """The events of one run of all operations, and the requests that came, both by operation."""
    rows = list(case.rows.values())
    n_before = len(case.sandbox.requests())
    events = case.run("run", rows)
    calls = [call for call in case.sandbox.requests()[n_before:]
             if call["method"] != "GET" and call["path"] != "/data/search/"]
    return events, calls


@pytest.mark.parametrize("name", NAMES)
def test_it_arrives_once_and_is_kept(case, done, name):
    row, (events, calls) = case.rows[name], done
    event = events[name]
    assert event["outcome"] == "delivered", event
    assert event["response"]["status"] == row.operation["success_status"]
    mine = [call for call in calls if call["method"] == row.operation["method"]
            and urllib.parse.unquote(call["path"].split("?")[0]) == row.path
            and json.loads(call["body"] or "{}") == row.body]
    assert len(mine) == 1 and mine[0]["query"] == row.query
    if "id" in row.params and "object_id" in event:
        assert event["object_id"] == row.params["id"]
    ways = [way for key, way in READ.items() if name == key or name.startswith(key + ".")]
    for read in ways or [Kept.is_plain]:
        assert read(Kept(case, row, event)) in (None, True)
