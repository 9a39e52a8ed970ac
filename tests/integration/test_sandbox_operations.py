"""What the sandbox does for each operation of Close: it answers, keeps what was sent so that it can
be read back, asks for what is missing, and knows what is not there. No closefeed is in between."""

import base64
import datetime
import http.client
import json
import urllib.parse

import pytest

from catalogue import OPERATIONS, World
from harness import Program, Sandbox, environment

pytestmark = pytest.mark.xdist_group("sandbox_operations")  # they share one sandbox

NAMES = sorted(OPERATIONS)

# Fields that are not read back as they were sent, and why.
OTHERWISE = {
    "_params": "says which objects are meant",
    "created_by_id": "is shown as created_by",
    "custom_fields": "nobody knows what it means: it is ignored",
}

# Whatever is no object that a GET of its own shows: where its trace is looked for instead.
SEEN = {
    "activity.meeting.integration.upsert": lambda box, row, answer: box.get(
        f"/activity/meeting/{row.params['id']}/")["integrations"][0],
    "custom_field.shared.associate": lambda box, row, answer: box.get(
        f"/custom_field/shared/{row.params['scf_id']}/")["associations"][-1],
    "enrich_field.create": lambda box, row, answer: {
        **row.body, "set_new_value": ("custom." + row.body["field_id"]) in box.get(
            f"/lead/{row.body['object_id']}/")},
    "export.lead.create": lambda box, row, answer: box.get(f"/export/{answer['id']}/"),
    "export.opportunity.create": lambda box, row, answer: box.get(f"/export/{answer['id']}/"),
    "file.upload": lambda box, row, answer: {
        "content_type": answer["upload"]["fields"]["Content-Type"],
        "filename": answer["upload"]["fields"]["key"].rpartition("/")[2]},
    "group.member.add": lambda box, row, answer: box.get(
        f"/group/{row.params['group_id']}/")["members"][-1],
    "lead.merge": lambda box, row, answer: {
        "destination": box.get(f"/lead/{row.body['destination']}/")["id"],
        "source": row.body["source"] if box.ask(
            "GET", f"/lead/{row.body['source']}/")[0] == 404 else "still there"},
    "membership.bulk_update": lambda box, row, answer: box.membership(
        row.body["_params"]["id__in"]),
    "membership.create": lambda box, row, answer: box.membership(answer["id"]),
    "membership.pinned_views.update": lambda box, row, answer: {
        "saved_view_ids": [view["id"] for view in box.get(row.path)["data"]]},
    "membership.update": lambda box, row, answer: box.membership(row.params["id"]),
    "phone_number.request_internal": lambda box, row, answer: box.get(
        f"/phone_number/{answer['id']}/"),
    "playbook.archive": lambda box, row, answer: box.get(f"/playbook/{row.params['id']}/"),
    "playbook.unarchive": lambda box, row, answer: box.get(f"/playbook/{row.params['id']}/"),
    "scheduling_link.integration.upsert": lambda box, row, answer: box.get(
        f"/scheduling_link/{answer['id']}/"),
    "send_as.bulk_update": lambda box, row, answer: {
        "allowed_user_ids": [one["allowed_user_id"] for one in answer["data"]
                             if one["allowed_user_id"] in row.body["allowed_user_ids"]],
        "disallowed_user_ids": row.body["disallowed_user_ids"] if not [
            one for one in answer["data"]
            if one["allowed_user_id"] in row.body["disallowed_user_ids"]] else []},
    "shared_scheduling_link.map": lambda box, row, answer: box.get(
        f"/shared_scheduling_link/{row.body['shared_scheduling_link_id']}/")["associations"][-1],
    "shared_scheduling_link.unmap": lambda box, row, answer: row.body if not box.get(
        f"/shared_scheduling_link/{row.body['shared_scheduling_link_id']}/")["associations"]
    else {},
    "task.bulk_update": lambda box, row, answer: box.get(
        f"/task/{row.body['_params']['id__in']}/"),
    "unsubscribe.email.create": lambda box, row, answer: {
        "email": [one["email"] for one in box.get("/unsubscribe/email/")["data"]][-1]},
}

# These read: their answer is all there is, and this is in it.
READS = {
    "report.activity.get": "aggregations",
    "report.funnel.opportunity.stages.get": "stages",
    "report.funnel.opportunity.totals.get": "stages",
}

# No id of an object stands in these paths.
WITHOUT_ID = {
    "custom_field_schema.update": "lead is a kind of object: it is there",
}

# What happens without a line in the event log, and why.
SILENT = {
    "blocked_phone_number.settings.update": "a setting of the organization, no object",
    "custom_field_schema.update": "no field changes, only their order",
    "file.upload": "nothing is made before the file is there",
    "report.activity.get": "only reads",
    "report.funnel.opportunity.stages.get": "only reads",
    "report.funnel.opportunity.totals.get": "only reads",
}

# What is sent where the record's own values would change nothing.
CHANGES = {
    "activity.custom.update": {"pinned": False},
    "membership.update": {"auto_record_calls": "enabled"},
    "sequence_subscription.update": {"status": "paused"},
    "webhook.update": {"status": "paused"},
}

# A second DELETE that is good, too.
AGAIN = {
    "comment.delete": "other comments of the thread keep it, without its text",
    "group.member.remove": "who is no member stays none",
}


class Box:
    """One sandbox with one connection, and all that calls refer to."""

    def __init__(self, sandbox):
        url = urllib.parse.urlsplit(sandbox.origin)
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        self.login = "Basic " + base64.b64encode(f"{sandbox.key}:".encode()).decode()
        me = self.get("/me/")
        self.organization = me["organizations"][0]["id"]
        memberships = self.get(f"/organization/{self.organization}/")["memberships"]
        self.n_users = self.n_threads = 0
        self.world = World(
            self.make, user=me["id"], organization=self.organization,
            membership=memberships[0]["id"], new_user=self.new_user, given=self.given)

    def call(self, method, path, body=None):
        """(status, headers, JSON value or None)."""
        self.connection.request(
            method, path if path.startswith("/_sandbox") else "/api/v1" + path,
            json.dumps(body) if body is not None else None,
            {"Authorization": self.login, "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, answer.headers, json.loads(text) if text else None

    def ask(self, method, path, body=None):
        status, _, value = self.call(method, path, body)
        return status, value

    def get(self, path):
        status, value = self.ask("GET", path)
        assert status == 200, (path, status, value)
        return value

    def make(self, operation, path, body):
        status, value = self.ask(operation["method"], path, body)
        assert status // 100 == 2, (operation["name"], body, status, value)
        return (value or {}).get("id")

    def new_user(self):
        self.n_users += 1
        return self.ask("POST", "/_sandbox/users", {
            "email": f"user{self.n_users}@sandbox.example", "first_name": "Ida",
            "last_name": str(self.n_users)})[1]["id"]

    def given(self, kind):
        """What no call makes."""
        lead = self.world["lead.create"]
        if kind == "activity.task_completed":
            task = self.world.fresh("task.create", is_complete=True)
            return [one["id"] for one in self.get(f"/activity/task_completed/?lead_id={lead}")[
                "data"] if one["task_id"] == task][0]
        if kind == "number":
            return self.get("/phone_number/")["data"][0]["number"]
        if kind == "activity.emailthread":
            self.n_threads += 1
            email = self.world.fresh("activity.email.create", status="sent",
                                     subject=f"Thread {self.n_threads}")
            return self.get(f"/activity/email/{email}/")["thread_id"]
        return self.ask("POST", f"/_sandbox/objects?kind={kind}", {"lead_id": lead})[1]["id"]

    def membership(self, wanted):
        return [one for one in self.get(f"/organization/{self.organization}/")["memberships"]
                if one["id"] == wanted][0]

    def newest_event(self):
        return [event["id"] for event in self.get("/event/?_limit=1")["data"]]


@pytest.fixture(scope="module")
def box(binary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sandbox_operations")
    sandbox = Sandbox(Program(binary, folder, environment(folder)),
                      "--no-rate-limit", "--lag", "0", "--set", "oauth_only=accepted")
    try:
        # Nothing comes of itself while it is looked what an operation brings about.
        sandbox.post("/_sandbox/settings", {"job_ms": 1_000_000_000})
        yield Box(sandbox)
    finally:
        sandbox.stop()


def moment(text):
    try:
        value = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)


def is_kept(sent, got):
    """Whether @got is what was sent, or more: items of lists and objects may have grown."""
    if isinstance(sent, dict):
        return isinstance(got, dict) and all(
            is_kept(value, got.get(key)) for key, value in sent.items())
    if isinstance(sent, list):
        return isinstance(got, list) and len(got) >= len(sent) and all(map(is_kept, sent, got))
    if isinstance(sent, str) and isinstance(got, str) and moment(sent):
        return moment(sent) == moment(got)
    return sent == got


def read_back(box, row, answer):
    if row.name in SEEN:
        return SEEN[row.name](box, row, answer)
    if row.operation["method"] == "PUT":
        return box.get(row.path)
    return box.get(f"{row.path}{answer['id']}/")


def query_of(row):
    return row.path + ("?" + urllib.parse.urlencode(row.query) if row.query else "")


@pytest.mark.parametrize("name", [n for n in NAMES if OPERATIONS[n]["method"] != "DELETE"])
def test_what_is_sent_is_answered_and_kept(box, name):
    row = box.world.row(name)
    row.body.update(CHANGES.get(name, {}))
    before = box.newest_event()
    status, headers, answer = box.call(row.operation["method"], query_of(row), row.body)
    assert status == row.operation["success_status"], answer
    assert (box.newest_event() == before) == (name in SILENT)
    if status == 201 and name not in SEEN:
        assert headers["Location"] == f"/api/v1{row.path}{answer['id']}/"
    if name in READS:
        assert READS[name] in answer
        return
    got = read_back(box, row, answer)
    for field, value in row.body.items():
        assert field in OTHERWISE or is_kept(value, got.get(field)), (field, value, got)


@pytest.mark.parametrize("name", [n for n in NAMES if OPERATIONS[n]["method"] == "DELETE"])
def test_what_is_deleted_is_gone(box, name):
    row = box.world.row(name)
    if name == "comment.delete":
        box.world.fresh("comment.create")
    before = box.newest_event()
    assert box.ask("DELETE", query_of(row))[0] == row.operation["success_status"]
    assert box.newest_event() != before
    assert box.ask("DELETE", query_of(row))[0] == (204 if name in AGAIN else 404)
    if name == "group.member.remove":
        assert box.get(f"/group/{row.params['group_id']}/")["members"] == []
    elif name == "comment.delete":
        assert box.get(row.path)["body"] == ""
    elif "{id}" in row.operation["path"]:
        assert box.ask("GET", row.path)[0] == 404


@pytest.mark.parametrize("name, field", [
    (name, field) for name in NAMES for field in OPERATIONS[name]["required_body_fields"]])
def test_what_is_needed_is_asked_for(box, name, field):
    row = box.world.row(name)
    body = {key: value for key, value in row.body.items() if key != field}
    status, answer = box.ask(row.operation["method"], query_of(row), body)
    assert status == 400
    assert answer["field-errors"].keys() & {field, field.removesuffix("_id")}, answer


@pytest.mark.parametrize("name, part", [
    (name, part) for name in NAMES if name not in WITHOUT_ID
    for part in OPERATIONS[name]["path_params"]])
def test_what_is_not_there_is_not_found(box, name, part):
    row = box.world.row(name)
    row.params[part] = "nobody"
    status, answer = box.ask(row.operation["method"], query_of(row), row.body or None)
    assert status == 404 and "error" in answer, answer


ODD = [7, [None], {"query": 1}]


@pytest.mark.parametrize("name", [n for n in NAMES if OPERATIONS[n]["method"] != "DELETE"])
def test_whatever_a_field_holds_there_is_an_answer(box, name):
    row = box.world.row(name)
    for field in OPERATIONS[name]["body_fields"]:
        for value in ODD:
            status, answer = box.ask(
                row.operation["method"], query_of(row), {**row.body, field: value})
            assert status < 500, (field, value, answer)
