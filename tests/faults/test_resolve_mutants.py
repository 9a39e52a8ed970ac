"""As test_mutants.py, of what looks up and links: what comes of a small feed, and that it does not
come of a program that lacks one of its defences."""

import pytest
from harness import Pipelines, Program, Sandbox, environment, ndjson
from scenarios import answer_slowly, field, set_lag
from test_nest import TAGGED, TWO_WAYS, back_to_old, titles, two_ways
from test_resolve_late import CLEARS, OVERTAKEN, cleared_meanwhile, found_too_early
from test_resolve_order import TWO_OF_A_LEAD, behind_their_lead
from test_resolve_order import titles as titles_by_name

BY_KEY = """
- operation: lead.upsert
  match: {custom.Key: "{key}"}
  body: {name: "{key}", custom.Key: "{key}", description: "{text}"}
"""
BY_NAME = """
- operation: lead.upsert
  match: {name: "{was}"}
  body: {name: "{name}"}
"""
BY_ID = """
- method: PUT
  url: "/lead/{id}/"
  exclude: [id]
"""


def parent_and_linked(meant_by, body):
    """The routes of a new lead, and of an update that links another one to it."""
    return f"""
- when: .step == "parent"
  operation: lead.create
  body: {{name: "{{key}}", custom.Key: "{{key}}"}}
- when: .step == "linked"
  operation: lead.update
  {meant_by}
  link: {{custom.Parent: {{lead: {{custom.Key: "{{key}}"}}}}}}
  body: {body}
"""


CHILDREN = parent_and_linked('params: {id: "{lead}"}', '{description: "{text}"}') + """
- operation: lead.update
  params: {id: "{lead}"}
  body: {description: "{text}"}
"""
MOVES = parent_and_linked('match: {name: "{was}"}', '{description: "{text}"}') + """
- operation: lead.update
  match: {custom.Key: "{account}"}
  body: {description: "{text}"}
"""
GIVES = """
- when: .was
  operation: lead.update
  match: {name: "{was}"}
  body: {name: "{name}", description: "{text}"}
- operation: lead.update
  match: {custom.Key: "{account}"}
  body: {description: "{text}"}
"""
RENAMES = parent_and_linked('match: {name: "{was}"}', '{name: "{name}"}') + BY_NAME
NOTES = """
- when: .name
  operation: lead.create
  body: {name: "{name}", description: "{about}"}
- operation: activity.note.create
  link: {lead_id: {lead: {name: "{of}"}}}
  body: {note: x}
"""


class Feed:
    """One feed, the program that lacks a defence, and a sandbox whose search lags behind."""

    def __init__(self, binary, folder, without):
        self.folder = folder
        self.program = Program(binary, folder, environment(folder))
        self.env = {"CLOSEFEED_WITHOUT": without} if without else {}
        self.sandbox = Sandbox(self.program, "--lag", "0")
        self.key = field(self.sandbox, "Key")
        self.sandbox.post("/_sandbox/settings", {"latency_ms": 40, "lag_ms": 300})

    def run(self, routes, records, delivery="", behind=()):
        """Adds the records to the feed, and those @behind to a file that is read after it."""
        for name, added in ("feed", records), ("then", behind):
            with open(self.folder / f"{name}.ndjson", "a", encoding="utf-8") as feed:
                feed.write(ndjson(added))
        path = Pipelines(self.folder, self.sandbox)(
            name="feed", routes=routes, delivery=f"quarantine: 1s\n{delivery}", responses="",
            source="ndjson: {path: '*.ndjson'}")
        result = self.program("run", path, "--json", env=self.env)
        assert result.code in (0, 1, 75), result

    def leads(self, field):
        return sorted(lead[field] for lead in self.sandbox.objects("lead"))


def one_search_for_many(feed):
    feed.run(BY_NAME, [{"was": f"Company {i}", "name": f"Company {i}"} for i in range(8)])
    return len(feed.sandbox.requests("POST", "/data/search/")) < 4


def a_change_of_what_is_gone(feed):
    set_lag(feed.sandbox, 0)
    feed.run(BY_KEY, [{"key": "K", "text": "0"}])
    lead, = feed.sandbox.objects("lead")
    feed.sandbox.ask("DELETE", f"/lead/{lead['id']}/")
    feed.run(BY_KEY, [{"key": "K", "text": "1"}])
    return feed.leads("description")


def behind_a_reject(feed):
    lead = feed.sandbox.post("/lead/", {"name": "Acme", "description": "0"})["id"]
    feed.run(BY_ID, [{"id": lead, "url": 7}, {"id": lead, "description": "1"}],
             delivery="on_reject: park")
    return feed.leads("description")


def make_room_for_parents(feed, lead):
    """The field of a link, a lead that will have one, and a next lead that takes its time to make;
    the id of the first."""
    field(feed.sandbox, "Parent")
    set_lag(feed.sandbox, 0)
    made = feed.sandbox.post("/lead/", lead)["id"]
    answer_slowly(feed.sandbox, "/lead/")
    return made


def child_of_a_slow_parent(feed, routes):
    """What becomes of a lead that is linked to another one, and then changed in another way."""
    lead = make_room_for_parents(feed, {"name": "Child", feed.key: "C"})
    feed.run(routes, [{"step": "parent", "key": "P"},
                      {"step": "linked", "lead": lead, "was": "Child", "key": "P", "text": "1"},
                      {"lead": lead, "account": "C", "text": "2"}])
    return feed.sandbox.get(f"/lead/{lead}/")["description"]


def changed_by_its_id(feed):
    return child_of_a_slow_parent(feed, CHILDREN)


def changed_by_another_key(feed):
    return child_of_a_slow_parent(feed, MOVES)


def changed_by_the_name_it_gets(feed):
    """The second waits for its key, which the first brings; the third has had another all along."""
    set_lag(feed.sandbox, 0)
    feed.sandbox.post("/_sandbox/settings", {"latency_ms": 120})
    lead = feed.sandbox.post("/lead/", {"name": "Old", feed.key: "C"})["id"]
    feed.run(GIVES, [{"was": "Old", "name": "New", "text": "1"}, {"was": "New", "text": "2"},
                     {"account": "C", "text": "3"}])
    return feed.sandbox.get(f"/lead/{lead}/")["description"]


def renamed_while_its_parent_is_made(feed):
    """The update stands aside; what comes behind it means the object by the name it brings."""
    make_room_for_parents(feed, {"name": "Acme"})
    feed.run(RENAMES, [{"step": "parent", "key": "P"},
                       {"step": "linked", "was": "Acme", "name": "Acme GmbH", "key": "P"},
                       {"was": "Acme GmbH", "name": "Acme GmbH"}])
    return feed.leads("name")


def note_of_one_of_two_leads(feed):
    """The second of the name is on its way when the note comes: nobody knows which is meant."""
    feed.run(NOTES, [{"name": "Acme", "about": "first"}])
    answer_slowly(feed.sandbox, "/lead/")
    feed.run(NOTES, [{"name": "Acme", "about": "second"}, {"of": "Acme"}])
    return len(feed.sandbox.objects("activity/note"))


def note_of_a_refused_lead(feed):
    """The note comes in a later run than the lead that it means; another one has the same name."""
    feed.run(NOTES, [{"name": "Acme", "about": "first"}])
    feed.sandbox.add_fault("status", method="POST", path="/lead/", n=1, status=400)
    feed.run(NOTES, [{"name": "Acme", "about": "second"}])
    feed.run(NOTES, [{"of": "Acme"}])
    return len(feed.sandbox.objects("activity/note"))


def found_by_what_it_lost(feed, records, routes):
    """Every call takes its time: where all is fast, another defence comes to the same."""
    feed.sandbox.post("/_sandbox/settings", {"latency_ms": 120})
    feed.run(routes, records(feed.sandbox, field(feed.sandbox, "Account ID")))
    return feed.leads("name")


def cleared_while_it_is_searched_for(feed):
    return found_by_what_it_lost(feed, cleared_meanwhile, CLEARS)


def cleared_after_it_was_found(feed):
    return found_by_what_it_lost(feed, found_too_early, OVERTAKEN)


def a_contact_two_ways(feed, ways, behind=()):
    """Of a lead that is known already."""
    feed.run(TWO_WAYS, [{"company": "Acme", "name": "Bo"}])
    records = two_ways(feed.sandbox, *ways, *behind)
    feed.run(TWO_WAYS, records[:len(ways)], behind=records[len(ways):])
    return titles(feed.sandbox)


def matched_while_a_row_makes_it(feed):
    return a_contact_two_ways(feed, ["row", "alone"])


def a_row_while_another_file_makes_it(feed):
    return a_contact_two_ways(feed, ["alone"], ["row"])


def a_row_of_what_its_contact_had(feed):
    feed.run(TAGGED, back_to_old(feed.sandbox))
    return titles(feed.sandbox)


def changed_by_its_id_behind_its_lead(feed):
    set_lag(feed.sandbox, 0)
    feed.run(TWO_OF_A_LEAD, behind_their_lead(feed.sandbox))
    return titles_by_name(feed.sandbox)["one"]


MUTANTS = {
    "late_answers": (cleared_while_it_is_searched_for, ["New", "Old"]),
    "late_finds": (cleared_after_it_was_found, ["New", "Older", "P-1"]),
    "parents": (note_of_one_of_two_leads, 0),
    "offers_of_updates": (renamed_while_its_parent_is_made, ["Acme GmbH", "P"]),
    "offers_of_children": (matched_while_a_row_makes_it, ["1"]),
    "nest_makers": (a_row_while_another_file_makes_it, ["1"]),
    "nest_contacts": (a_row_of_what_its_contact_had, ["old"]),
    "closed_parents": (note_of_a_refused_lead, 0),
    "aside_lanes": (changed_by_its_id, "2"),
    "target_lane": (changed_by_another_key, "2"),
    "near_lanes": (changed_by_the_name_it_gets, "3"),
    "look_ahead": (changed_by_its_id_behind_its_lead, "last"),
    "questions": (one_search_for_many, True),
    "retake": (a_change_of_what_is_gone, ["1"]),
    "park": (behind_a_reject, ["0"]),
}


@pytest.fixture
def start(binary, tmp_path):
    started = []

    def start(without):
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Feed(binary, folder, without))
        return started[-1]

    yield start
    for feed in started:
        feed.sandbox.stop()


@pytest.mark.parametrize("without", MUTANTS)
def test_only_with_the_defence_comes_what_is_wanted(start, without):
    play, wanted = MUTANTS[without]
    assert play(start("")) == wanted
    assert any(play(start(without)) != wanted for _ in range(3))
