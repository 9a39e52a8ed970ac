"""Creates with an identity whose answers are lost: delivered, once each, never held, while lookups
work, whichever of them: search, the list of the lead they name, the event log.
"""

import collections
import dataclasses
import json
import signal
import threading
import time

import pytest

from harness import Pipelines, Program, Sandbox, environment, wait_until

FAST = {group: 10_000_000 for group in ("write", "read", "search", "delete")}


@dataclasses.dataclass
class Kind:
    """How objects of one kind are made, and a field of theirs."""

    operation: str
    path: str
    objects: str
    field: str  # of /custom_field/
    shared: dict  # the association of a shared field
    type_path: str = ""
    type_key: str = ""
    has_lead: bool = True


KINDS = {
    "lead": Kind("lead.create", "/lead/", "lead", "lead", {"object_type": "lead"}, has_lead=False),
    "contact": Kind("contact.create", "/contact/", "contact", "contact",
                    {"object_type": "contact"}),
    "opportunity": Kind("opportunity.create", "/opportunity/", "opportunity", "opportunity",
                        {"object_type": "opportunity"}),
    "activity": Kind("activity.custom.create", "/activity/custom/", "activity/custom", "activity",
                     {"object_type": "custom_activity_type"}, "/custom_activity/",
                     "custom_activity_type_id"),
    "object": Kind("custom_object.create", "/custom_object/", "custom_object",
                   "custom_object_type", {"object_type": "custom_object_type"},
                   "/custom_object_type/", "custom_object_type_id"),
}


class World:
    """One pipeline of creates of one kind against one sandbox."""

    def __init__(self, binary, folder, kind, *, n=12, lag="300ms", quarantine="600ms", shared=False,
                 is_touchable=False, close="concurrency: 2", settings=None, identity=None):
        self.kind, self.folder, self.n = KINDS[kind], folder, n
        self.program = Program(binary, folder, environment(folder))
        self.sandbox = Sandbox(self.program, "--lag", lag)
        self.sandbox.post("/_sandbox/settings", {"rate": FAST, **(settings or {})})
        self.type = self.make_type()
        self.field = "custom." + (self.shared_field() if shared else self.own_field())
        delivery = f"quarantine: {quarantine}\nmax_rejects: none"
        if is_touchable:
            delivery += f"\ncanary: {self.lead('Touch me')}"
        self.parent = self.lead("Parent") if self.kind.has_lead else None
        self.path = Pipelines(folder, self.sandbox)(
            [self.record(i) for i in range(n)], name="feed", close=close, delivery=delivery,
            responses="file: events.ndjson",
            routes=f"- name: feed\n  operation: {self.kind.operation}\n  exclude: [id]\n"
                   f"  identity: {identity or self.key_of_the_record()}\n")
        self.stop = self.sandbox.stop

    def key_of_the_record(self):
        return f'{{{self.field}: "{{id}}"}}'

    def lead(self, name):
        return self.sandbox.post("/lead/", {"name": name})["id"]

    def make_type(self):
        if not self.kind.type_path:
            return {}
        made = self.sandbox.post(self.kind.type_path, {"name": "Visit", "name_plural": "Visits"})
        return {self.kind.type_key: made["id"]}

    def own_field(self):
        return self.sandbox.post(f"/custom_field/{self.kind.field}/",
                                 {"name": "Feed Key", "type": "text", **self.type})["id"]

    def shared_field(self):
        field = self.sandbox.post("/custom_field/shared/", {"name": "Feed Key", "type": "text"})
        self.sandbox.post(f"/custom_field/shared/{field['id']}/association/",
                          {**self.kind.shared, **self.type})
        return field["id"]

    def record(self, i):
        record = {"id": f"K-{i}", **self.type}
        if self.kind.has_lead:
            record["lead_id"] = self.parent
        if self.kind.operation in ("lead.create", "contact.create", "custom_object.create"):
            record["name"] = f"Name {i}"
        return record

    def fault(self, fault, n=None, **how):
        self.sandbox.add_fault(fault, method="POST", path=self.kind.path, n=n, **how)

    def run(self, *, without="", code=0, kill_at=None):
        """The summary of one run; None where it died at @kill_at ("point:count")."""
        env = {"CLOSEFEED_WITHOUT": without, "CLOSEFEED_KILL_AT": kill_at}
        result = self.program("run", self.path, "--json", timeout=120,
                              env={name: value for name, value in env.items() if value})
        assert result.code == (-signal.SIGKILL if kill_at else code), result
        return None if kill_at else result.summary

    def count(self):
        """How many objects carry each identity."""
        found = (o.get(self.field) for o in self.sandbox.objects(self.kind.objects))
        return collections.Counter(key for key in found if key)

    def all_once(self):
        return {f"K-{i}": 1 for i in range(self.n)}

    def outcomes(self):
        text = (self.folder / "events.ndjson").read_text(encoding="utf-8")
        return [json.loads(line)["data"] for line in text.splitlines()]

    def posts(self):
        """The creates it received; not those of fields and types, which made this world."""
        return [r for r in self.sandbox.requests("POST")
                if r["path"].removeprefix("/api/v1") == self.kind.path]

    def n_posts(self):
        return len(self.posts())

    def n_asked(self, path):
        return len(self.sandbox.requests("GET", path))

    def touched(self):
        return len(self.sandbox.requests("PUT"))

    def held(self):
        return self.program("held", "list", self.path, "--json").json["held"]


@pytest.fixture
def start(binary, tmp_path):
    """Starts worlds; start(kind, …)."""
    started = []

    def make(kind, **how):
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(World(binary, folder, kind, **how))
        return started[-1]

    yield make
    for world in started:
        world.stop()


def ends_delivered(world, summary):
    assert summary["delivered"] == world.n and summary["held"] == summary["rejected"] == 0
    assert world.count() == world.all_once()


LOST = ["close_before", "close_after"]


@pytest.mark.parametrize("shared", [False, True], ids=["own_field", "shared_field"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_found_or_sent_again(start, kind, shared):
    world = start(kind, shared=shared)
    world.fault("close_before", 3)
    world.fault("close_after", 6)
    ends_delivered(world, world.run())
    assert world.n_posts() == 13
    assert sum(outcome["found_by_lookup"] for outcome in world.outcomes()) == 1


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("kind", KINDS)
def test_the_event_log_serves_where_search_stands_still(start, kind, fault):
    world = start(kind, lag="3600s")
    world.fault(fault, 3)
    ends_delivered(world, world.run())
    assert world.n_posts() == (13 if fault == "close_before" else 12)


@pytest.mark.parametrize("fault", LOST)
def test_the_event_log_serves_where_search_is_refused(start, fault):
    world = start("lead")
    world.sandbox.add_fault("status", path="/data/search/", status=400)
    world.fault(fault, 3)
    ends_delivered(world, world.run())


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("kind", KINDS)
def test_the_last_record_is_proven_by_the_lead_that_may_be_touched(start, kind, fault):
    world = start(kind, is_touchable=True)
    world.fault(fault, 12)
    ends_delivered(world, world.run())
    assert world.touched() == (fault == "close_before")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].has_lead])
def test_the_first_of_its_kind_is_proven_by_a_log_that_has_none(start, kind):
    world = start(kind, n=1, is_touchable=True, lag="3600s", quarantine="3s")
    world.fault("close_before", 1)
    ends_delivered(world, world.run())
    assert world.touched() == 1 and world.n_posts() == 2


def test_a_touch_that_close_makes_one_event_with_an_earlier_change_proves_it_too(start):
    world = start("lead", is_touchable=True, lag="3600s", quarantine="3s",
                  settings={"consolidate_ms": 3600000})
    [canary] = [o["id"] for o in world.sandbox.objects("lead") if o["name"] == "Touch me"]
    assert world.sandbox.ask("PUT", f"/lead/{canary}/", {"description": "Changed"})[0] == 200
    world.fault("close_before", 12)
    ends_delivered(world, world.run())
    assert world.touched() == 2
    assert len(world.sandbox.get(f"/event/?object_id={canary}&action=updated")["data"]) == 1


def test_with_nothing_newer_anywhere_a_person_decides(start):
    world = start("contact")
    world.fault("close_before", 12)
    summary = world.run(code=1)
    assert summary["delivered"] == 11 and summary["held"] == 1 and world.n_posts() == 12
    [held] = world.held()
    assert "neither search nor the event log showed anything newer" in json.dumps(held)


def test_a_change_of_something_else_is_newer_enough(start):
    world = start("contact", quarantine="8s")  # long enough for who is slow
    world.fault("close_before", 12)
    runs = threading.Thread(target=lambda: wait_until(lambda: world.n_posts() == 12) and
                            wait_until(lambda: world.n_asked("/event/") > 0) and
                            world.lead("Somebody else's"))
    runs.start()
    ends_delivered(world, world.run())
    runs.join()
    assert world.touched() == 0


def test_a_log_that_moves_and_does_not_tell_the_identity_is_no_reason_not_to_touch(start):
    world = start("lead", quarantine="8s", is_touchable=True,
                  settings={"event_data": "without_custom"})
    world.fault("close_before", 12)
    parent = world.lead("Somebody else's")

    def stir():
        wait_until(lambda: any(post["fault"] for post in world.posts()), 60)
        time.sleep(1.3)  # so much later that the log is seen to move
        world.sandbox.post("/contact/", {"lead_id": parent, "name": "New"})

    runs = threading.Thread(target=stir)
    runs.start()
    ends_delivered(world, world.run())
    runs.join()
    assert world.touched() == 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].has_lead])
def test_the_list_of_its_lead_shows_it_at_once(start, kind):
    world = start(kind, lag="3600s", quarantine="1h")
    world.fault("close_after", 12)
    ends_delivered(world, world.run())
    assert world.n_asked(world.kind.path) == 1 and world.n_asked("/event/") == 0


def test_what_was_deleted_since_counts_as_delivered(start):
    assert deleted_meanwhile(start, "") == 12


def deleted_meanwhile(start, without):
    """One is made, its answer is lost, and somebody deletes it; returns how many were sent."""
    world = start("lead", lag="2s", quarantine="3s")
    world.fault("close_after", 2)
    deleted = []

    def delete():
        key = wait_until(lambda: next((r["body"] for r in world.posts() if r["fault"]), None))
        key = (json.loads(key) if isinstance(key, str) else key)[world.field]
        [lead] = [o for o in world.sandbox.objects("lead") if o.get(world.field) == key]
        deleted.append(world.sandbox.ask("DELETE", f"/lead/{lead['id']}/"))

    deletes = threading.Thread(target=delete)
    deletes.start()
    summary = world.run(without=without)
    deletes.join()
    assert deleted[0][0] in (200, 204) and summary["delivered"] == 12 and summary["held"] == 0
    return world.n_posts()


def behind_a_search_that_stands_still(start, without, **settings):
    world = start("contact", lag="3600s", settings=settings)
    world.fault("close_after", 3)
    result = world.program("run", world.path, "--json",
                           env={"CLOSEFEED_WITHOUT": without} if without else {})
    return result.summary, world.count()["K-2"] + world.count()["K-3"]


@pytest.mark.parametrize("data", ["none", "without_custom"])
def test_events_that_do_not_tell_the_identity_prove_nothing(start, data):
    summary, n = behind_a_search_that_stands_still(start, "parent_list", event_data=data)
    assert summary["held"] == 1 and n == 2


def with_equal_records(world):
    """Nothing tells its records apart."""
    (world.folder / "feed.ndjson").write_text(
        "".join(json.dumps({"name": "Same"}) + "\n" for _ in range(world.n)), encoding="utf-8")
    return world


OWN = "custom.Feed Key"


def test_keys_of_its_own_tell_equal_records_apart(start):
    world = with_equal_records(start("lead", identity=OWN))
    world.fault("close_before", 3)
    world.fault("close_after", 6)
    summary = world.run()
    assert summary["delivered"] == 12 and summary["held"] == 0 and world.n_posts() == 13
    assert len(world.sandbox.objects("lead")) == 12 and set(world.count().values()) == {1}
    assert len(world.count()) == 12 and {len(key) for key in world.count()} == {32}


@pytest.mark.parametrize("point", ["intent_durable:4", "answer_came:5", "outcome_durable:6",
                                   "search_answered:1", "log_answered:1", "list_answered:1"])
@pytest.mark.parametrize("identity", [None, OWN], ids=["key_of_the_record", "own_key"])
def test_a_kill_changes_no_key_and_no_proof(start, identity, point):
    world = start("contact", n=24, identity=identity, is_touchable=True)
    world.fault("close_before", 3)
    world.run(kill_at=point)
    summary = world.run()
    assert summary["held"] == summary["rejected"] == 0
    assert len(world.sandbox.objects("contact")) == 24
    assert len(world.count()) == 24 and set(world.count().values()) == {1}


def test_a_field_that_search_cannot_find_by_its_text_is_no_identity(start):
    world = start("lead", identity="{custom.Score: \"{id}\"}")
    world.sandbox.post("/custom_field/lead/", {"name": "Score", "type": "number"})
    summary = world.run(code=1)
    assert summary["rejected"] == 12 and world.n_posts() == 0
    rejects = world.program("rejects", "list", world.path, "--json").out
    assert "type text or hidden" in rejects


# What each of these is for: the table in README.md.


def test_without_the_log_what_was_deleted_is_made_again(start):
    # Who deletes too late finds that search has shown it.
    assert any(deleted_meanwhile(start, "event_log") == 13 for _ in range(3))


def test_without_the_list_it_stays_in_doubt(start):
    summary, _ = behind_a_search_that_stands_still(start, "", event_data="none")
    assert summary["held"] == 0 and summary["delivered"] == 12
    summary, _ = behind_a_search_that_stands_still(start, "parent_list", event_data="none")
    assert summary["held"] == 1


@pytest.mark.parametrize("data", ["none", "without_custom"])
def test_without_a_look_at_the_data_there_are_twins(start, data):
    _, n = behind_a_search_that_stands_still(start, "parent_list,event_data", event_data=data)
    assert n == 3


def test_trouble_with_lookups_is_outlived(start):
    world = start("contact", close="concurrency: 2\ntimeout: 400ms",
                  settings={"cursor_ms": 1})
    search = {"path": "/data/search/"}
    world.sandbox.add_fault("429", n=1, seconds=1, **search)
    world.sandbox.add_fault("timeout_before", n=2, **search)
    world.sandbox.add_fault("status", n=3, status=503, **search)
    world.sandbox.add_fault("status", path="/event/", n=1, status=502)
    world.fault("close_before", 3)
    world.fault("close_after", 6)
    ends_delivered(world, world.run())


def test_five_hundred_with_every_tenth_answer_lost(start):
    world = start("lead", n=500, lag="2s", quarantine="4s", close="concurrency: 8")
    world.fault("close_before", every=20, times=25)
    world.fault("close_after", every=10, times=25)
    ends_delivered(world, world.run())
    assert len(world.sandbox.objects("lead")) == 500
    assert len(world.sandbox.requests("POST", "/data/search/")) <= 60
