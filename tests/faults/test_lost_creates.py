"""Every operation that makes something loses an answer, once before it was applied and once after:
what its class demands comes out, and nothing is there twice.

The catalogue says what there is; the oracle is what the sandbox has received and applied.
"""

import collections
import json
import pathlib
import re

import pytest

from trial import Pipelines, Program, Sandbox, environment  # makes catalogue known
from catalogue import OPERATIONS, World
from harness import OAUTH

POSTS = sorted(name for name, op in OPERATIONS.items() if op["method"] == "POST")
GROUPS = {
    "named things": [name for name in POSTS if OPERATIONS[name]["class"] == "N"],
    "all others": [name for name in POSTS if OPERATIONS[name]["class"] != "N"],
}
# What the sandbox does not know yet.
NOT_YET = set()
# Of the class N, and in no list of their own: they are held.
WITHOUT_A_LIST = {"custom_field.shared.associate", "shared_scheduling_link.map"}
# So that it is only recorded: what really sends is of another class.
ONLY_RECORDED = {"status": "sent"}
SENDS = ("date_scheduled", "send_in", "followup_date", "followup_sequence_id",
         "followup_sequence_delay", "followup_sequence_add_cc_bcc")


def outcome_of(name):
    """What becomes of one whose answer was lost."""
    of_class = {"A": "proven", "B": "proven", "C": "proven", "N": "proven", "D": "held",
                "R": "repeated"}
    return "held" if name in WITHOUT_A_LIST else of_class[OPERATIONS[name]["class"]]


class Case:
    """A sandbox with all that calls refer to, and a run over three records of each operation."""

    def __init__(self, binary, folder, names):
        self.folder, self.names = folder, names
        self.program = Program(binary, folder, environment(folder))
        self.sandbox = Sandbox(self.program, "--no-rate-limit", "--lag", "0")
        app, self.n = self.sandbox.get("/_sandbox/oauth"), 0
        self.program.env.update(OAUTH_SECRET=app["client_secret"],
                                OAUTH_TOKEN=app["refresh_token"])
        self.sandbox.post("/_sandbox/settings", {"job_ms": 0, "oauth_only": "accepted"})
        me = self.sandbox.get("/me/")
        organization = me["organizations"][0]["id"]
        members = self.sandbox.get(f"/organization/{organization}/")["memberships"]
        self.world = World(self.make, user=me["id"], organization=organization,
                           membership=members[0]["id"], new_user=self.new_user, given=self.given)
        # Something newer comes behind each lost one; and most are answered, or all would wait.
        self.rows = [self.row(name) for name in names for _ in range(3)]
        self.n_before = len(self.sandbox.requests())

    def make(self, operation, path, body):
        status, made = self.sandbox.ask(operation["method"], path, body)
        assert status // 100 == 2, (operation["name"], body, made)
        return (made or {}).get("id")

    def new_user(self):
        self.n += 1
        return self.sandbox.post("/_sandbox/users", {
            "email": f"user{self.n}@sandbox.example", "first_name": "U",
            "last_name": str(self.n)})["id"]

    def given(self, kind):
        """Something that no call makes."""
        if kind == "number":
            number = self.world["phone_number.request_internal"]
            return self.sandbox.get(f"/phone_number/{number}/")["number"]
        return self.sandbox.post(f"/_sandbox/objects?kind={kind}",
                                 {"lead_id": self.world["lead.create"]})["id"]

    def row(self, name):
        row = self.world.row(name)
        if name in ("activity.email.create", "activity.sms.create"):
            row.body = {key: value for key, value in row.body.items() if key not in SENDS}
            row.body.update(ONLY_RECORDED)
        if name == "opportunity.create":  # unlike those that others refer to
            self.n += 1
            row.body["value"] = self.n
        return row

    def lose(self, fault):
        """The second answer of each operation."""
        paths = [row.path for row in self.rows]
        for i in range(1, len(paths), 3):
            n = sum(path.startswith(paths[i]) for path in paths[:i + 1])
            self.sandbox.add_fault(fault, method="POST", path=paths[i], n=n)

    def run(self):
        """Events by operation."""
        routes = {row.name: row.route() for row in self.rows}
        path = Pipelines(self.folder, self.sandbox)(
            [row.record for row in self.rows], name="feed", routes="\n".join(routes.values()),
            login=OAUTH.format(self.sandbox.origin), close="concurrency: 1", delivery="quarantine: 8s\nmax_rejects: none",
            responses="file: events.ndjson")
        self.result = self.program("run", path, "--json", timeout=120)
        assert self.result.code in (0, 1), self.result.err
        events = collections.defaultdict(dict)
        for line in (self.folder / "events.ndjson").read_text(encoding="utf-8").splitlines():
            data = json.loads(line)["data"]
            events[data["operation"]][data["records"][0]["line"]] = data
        return events

    def posts(self, name):
        paths = {row.path for row in self.rows if row.name == name}
        return [r for r in self.sandbox.requests()[self.n_before:] if r["method"] == "POST"
                and r["path"].removeprefix("/api/v1").split("?")[0] in paths]


@pytest.fixture
def start(binary, tmp_path):
    cases = []

    def begin(names):
        cases.append(Case(binary, tmp_path, names))
        return cases[-1]

    yield begin
    for case in cases:
        case.sandbox.stop()


def complaints(case, events, is_applied):
    """What is not as the class of each operation demands."""
    found = []
    for name in case.names:
        posts, told = case.posts(name), events[name].values()
        outcome = outcome_of(name)
        is_ = {
            "sent": len(posts),
            # Most of what may be repeated changes nothing.
            "applied": 3 if outcome == "repeated" else sum(r["applied"] for r in posts),
            "told": sorted(data["outcome"] for data in told),
            "looked up": sum(data["found_by_lookup"] for data in told),
        }
        is_proven, is_held = outcome == "proven", outcome == "held"
        again = outcome == "repeated" or is_proven and not is_applied
        wanted = {
            "sent": 3 + again,
            "applied": 3 - (is_held and not is_applied),
            "told": ["delivered"] * (3 - is_held) + ["held"] * is_held,
            "looked up": int(is_proven and is_applied),
        }
        if is_ != wanted:
            said = {data["error"]["message"] for data in told if data.get("error")}
            found.append(f"{name} is {is_} and should be {wanted} {said or ''}")
    return found


def test_the_sandbox_knows_them_all():
    assert len(POSTS) == 64 and sum(map(len, GROUPS.values())) == 64 and NOT_YET == set()


def test_the_page_of_promises_names_each_with_its_class():
    page = (pathlib.Path(__file__).parents[2] / "docs" / "promises.md").read_text(encoding="utf-8")
    page = page.split("The operations of each class")[1].split("\n## ")[0]
    listed = {letter: sorted(re.findall(r"`(.*?)`", names, re.S)) for letter, names in
              re.findall(r"^- (\w): (.*?)(?=^- |\Z)", page, re.M | re.S)}
    classes = {OPERATIONS[name]["class"] for name in POSTS}
    assert listed == {letter: [name for name in POSTS if OPERATIONS[name]["class"] == letter]
                      for letter in classes}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("fault", ["close_before", "close_after"])
def test_an_answer_of_each_create_is_lost_and_nothing_is_there_twice(start, group, fault):
    case = start([name for name in GROUPS[group] if name not in NOT_YET])
    case.lose(fault)
    events = case.run()
    found = complaints(case, events, fault == "close_after")
    assert found == [], "\n".join(found)
