"""batch: merge. Updates of one object become one, and each record keeps its outcome."""

import json

import pytest
from scenarios import counts, feed, field, rejects, run, writes

UPDATES = """
- operation: lead.update
  params: {id: "{lead}"}
  body:
    name: "{name}"
    description: "{note}"
    "TAGS.add": "{tag}"
    "TAGS.remove": "{untag}"
    "TAGS": "{tags}"
  batch: {algorithm: merge, wait: WAIT}
"""


@pytest.fixture(name="sandbox")
def _sandbox(start_sandbox):
    return start_sandbox("--lag", "0", "--no-rate-limit")


@pytest.fixture(name="tags")
def _tags(sandbox):
    return field(sandbox, "Tags", type="choices", choices=["a", "b", "c", "d"],
                 accepts_multiple_values=True)


def updates(tags, wait="10s"):
    return UPDATES.replace("TAGS", tags).replace("WAIT", wait)


def new_lead(sandbox, **fields):
    return sandbox.post("/lead/", {"name": "Acme", **fields})["id"]


def puts(sandbox):
    return [body for method, _, body in writes(sandbox) if method == "PUT"]


def test_changes_of_one_lead_become_one_update(closefeed, pipeline, sandbox, tags):
    lead, other = new_lead(sandbox), new_lead(sandbox)
    path = pipeline([{"lead": lead, "name": "One", "note": "first"}, {"lead": other, "name": "Two"},
                     {"lead": lead, "note": "second"}, {"lead": lead, "tag": "a"}],
                    routes=updates(tags))
    assert counts(run(closefeed, path)) == {"read": 4, "delivered": 4}
    assert puts(sandbox) == [{"name": "One", "description": "second", f"{tags}.add": "a"},
                             {"name": "Two"}]
    merged = next(event for event in sandbox.hook_events() if len(event["data"]["records"]) == 3)
    assert "3 records in one update" in json.dumps(merged)


@pytest.mark.parametrize("before, changes, after", [
    ([], [{"tag": "a"}, {"tag": "b"}], ["a", "b"]),
    (["a"], [{"tag": "a"}, {"untag": "a"}], []),
    ([], [{"untag": "a"}, {"tag": "a"}], ["a"]),
    (["c"], [{"tag": "a"}, {"tags": ["b"]}], ["b"]),
    (["c"], [{"tags": ["b"]}, {"tag": "a"}], ["b", "a"]),
    (["c"], [{"tags": ["b", "d"]}, {"untag": "b"}, {"tag": "a"}, {"untag": "a"}], ["d"]),
    (["c"], [{"tag": "a"}, {"tags": None}], []),
])
def test_the_lead_ends_as_if_the_calls_had_come_one_by_one(
        closefeed, pipeline, sandbox, tags, before, changes, after):
    merged, single = new_lead(sandbox, **{tags: before}), new_lead(sandbox, **{tags: before})
    path = pipeline([{"lead": merged, **change} for change in changes], routes=updates(tags))
    one_by_one = pipeline([{"lead": single, **change} for change in changes], name="single",
                          routes=updates(tags).split("  batch")[0])
    assert counts(run(closefeed, path)) == {"read": len(changes), "delivered": len(changes)}
    assert len(puts(sandbox)) == 1
    run(closefeed, one_by_one)
    assert sandbox.get(f"/lead/{merged}/").get(tags, []) == after
    assert sandbox.get(f"/lead/{single}/").get(tags, []) == after


FOLDED = """
- operation: lead.update
  match: {name: "{acc}"}
  batch: {algorithm: merge, wait: 10s}
  EXTRA
  body: {description: "{d}", addresses: "{at}"}
"""


@pytest.mark.parametrize("extra", ["skip_unchanged: true", "lists: {addresses: append}",
                                   "skip_unchanged: true\n  lists: {addresses: append}"])
def test_changes_are_folded_before_they_are_compared_or_added(
        closefeed, pipeline, sandbox, extra):
    sandbox.post("/lead/", {"name": "One"})
    path = pipeline([{"acc": "One", "d": "1"}, {"acc": "One", "d": "2"}, {"acc": "One", "d": "3"}],
                    routes=FOLDED.replace("EXTRA", extra))
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    assert puts(sandbox) == [{"description": "3"}]


def test_a_fold_that_changes_nothing_is_skipped_with_all_its_records(
        closefeed, pipeline, sandbox):
    sandbox.post("/lead/", {"name": "One"})
    path = pipeline([{"acc": "One", "d": "1"}],
                    routes=FOLDED.replace("EXTRA", "skip_unchanged: true"))
    run(closefeed, path)
    feed(path, {"acc": "One", "d": "2"}, {"acc": "One", "d": "1"})
    assert counts(run(closefeed, path)) == {"read": 2, "skipped": 2}
    feed(path, {"acc": "One", "d": "1"}, {"acc": "One", "d": "2"})
    assert counts(run(closefeed, path)) == {"read": 2, "delivered": 2}
    assert puts(sandbox) == [{"description": "1"}, {"description": "2"}]


def test_what_is_added_to_a_list_goes_in_its_place_among_folded_changes(
        closefeed, pipeline, sandbox):
    lead = sandbox.post("/lead/", {"name": "One", "addresses": [{"city": "Rom"}]})["id"]
    path = pipeline([{"acc": "One", "d": "1"}, {"acc": "One", "d": "2"},
                     {"acc": "One", "at": [{"city": "Ulm"}]}, {"acc": "One", "d": "3"},
                     {"acc": "One", "at": [{"city": "Bonn"}]}],
                    routes=FOLDED.replace("EXTRA", "lists: {addresses: append}"))
    assert counts(run(closefeed, path)) == {"read": 5, "delivered": 5}
    now = sandbox.get(f"/lead/{lead}/")
    assert [at["city"] for at in now["addresses"]] == ["Rom", "Ulm", "Bonn"]
    assert now["description"] == "3" and puts(sandbox)[0] == {"description": "2"}


def test_no_update_passes_a_create_on_its_object(closefeed, pipeline, sandbox):
    lead = new_lead(sandbox)
    path = pipeline([{"lead": lead, "note": "1"}, {"lead": lead, "note": "2"},
                     {"lead": lead, "kind": "task"}, {"lead": lead, "note": "3"}], routes="""
        - {when: '.kind == "task"', operation: task.create,
           body: {_type: lead, lead_id: "{lead}", text: call}}
        - operation: lead.update
          params: {id: "{lead}"}
          body: {description: "{note}"}
          batch: {algorithm: merge, wait: 1m}
        """)
    assert counts(run(closefeed, path)) == {"read": 4, "delivered": 4}
    assert [(method, body.get("description")) for method, _, body in writes(sandbox)][1:] == [
        ("PUT", "2"), ("POST", None), ("PUT", "3")]


MIXED = """
- {when: '.kind == "gone"', operation: lead.delete, params: {id: "{lead}"}, allow: [destroys]}
- {when: '.kind == "task"', operation: task.create,
   body: {_type: lead, lead_id: "{lead}", text: call}}
- {when: '.kind == "named"', operation: lead.update, params: {id: "{lead}"}, body: {name: "{name}"}}
- operation: lead.update
  params: {id: "{lead}"}
  body: {description: "{note}", addresses: "{at}"}
  lists: {addresses: append}
  batch: {algorithm: merge, wait: 1m}
"""


@pytest.mark.parametrize("between, shown", [
    ({"kind": "gone"}, ["PUT", "DELETE", "PUT"]),
    ({"kind": "task"}, ["PUT", "POST", "PUT"]),
    ({"kind": "named", "name": "New"}, ["PUT", "PUT", "PUT"]),
], ids=["delete", "create", "other update"])
def test_preview_folds_what_a_run_folds(closefeed, pipeline, sandbox, between, shown):
    lead, other = new_lead(sandbox), new_lead(sandbox)
    path = pipeline([{"lead": lead, "note": "1"}, {"lead": lead, "note": "2"},
                     {"lead": other, "note": "x"}, {"lead": lead, **between},
                     {"lead": lead, "note": "3"}, {"lead": other, "note": "y"}], routes=MIXED)
    preview = [(line["method"], line["url"].partition("/api/v1")[2], line["body"])
               for line in closefeed("preview", path, "--all", "--json").lines]
    closefeed("run", path)
    of_lead = [call for call in preview if other not in call[1]]
    assert [method for method, _, _ in of_lead] == shown
    assert [call for call in writes(sandbox)[2:] if other not in call[1]] == of_lead
    assert [body for _, url, body in preview if other in url] == [{"description": "y"}]


def test_preview_begins_an_update_where_lists_are_added_to(closefeed, pipeline, sandbox):
    lead = new_lead(sandbox)
    path = pipeline([{"lead": lead, "note": "1"}, {"lead": lead, "at": [{"city": "Ulm"}]},
                     {"lead": lead, "at": [{"city": "Bonn"}]}], routes=MIXED)
    lines = closefeed("preview", path, "--all", "--json").lines
    assert [[record["line"] for record in line["records"]] for line in lines] == [[1], [2], [3]]


def test_a_bad_record_is_rejected_alone(closefeed, pipeline, sandbox, tags):
    lead = new_lead(sandbox)
    path = pipeline([{"lead": lead, "name": "One"}, {"lead": lead, "tag": "nonsense"},
                     {"lead": lead, "note": "fine"}, {"lead": lead, "tag": "b"}],
                    routes=updates(tags))
    assert counts(run(closefeed, path, 1)) == {"read": 4, "delivered": 3, "rejected": 1}
    assert [line for line, _, _ in rejects(closefeed, path)] == [2]
    now = sandbox.get(f"/lead/{lead}/")
    assert (now["name"], now["description"], now[tags]) == ("One", "fine", ["b"])


def test_where_lists_are_refused_values_are_added_singly_from_then_on(
        closefeed, pipeline, start_sandbox, tmp_path):
    sandbox = start_sandbox("--lag", "0", "--no-rate-limit", "--set", "add_list=refused")
    pipeline.sandbox = sandbox
    tags = field(sandbox, "Tags", type="choices", choices=["a", "b", "c", "d"],
                 accepts_multiple_values=True)
    first, second, third = (new_lead(sandbox) for _ in range(3))
    changes = [{"tag": "a", "name": "One"}, {"note": "n"}, {"tag": "b"}, {"tag": "c"}]
    path = pipeline([{"lead": first, **change} for change in changes], routes=updates(tags))
    assert counts(run(closefeed, path)) == {"read": 4, "delivered": 4}
    assert sandbox.get(f"/lead/{first}/")[tags] == ["a", "b", "c"]
    assert sandbox.get(f"/lead/{first}/")["description"] == "n"
    n_refused = len([call for call in sandbox.requests("PUT") if call["status"] == 400])
    assert n_refused >= 1

    for lead in (second, third):
        feed(path, *({"lead": lead, **change} for change in changes))
    assert counts(run(closefeed, path)) == {"read": 8, "delivered": 8}
    refused = [call for call in sandbox.requests("PUT") if call["status"] == 400]
    assert len(refused) == n_refused
    for lead in (second, third):
        assert sandbox.get(f"/lead/{lead}/")[tags] == ["a", "b", "c"]
        bodies = [body for _, where, body in writes(sandbox, f"/lead/{lead}/")]
        assert bodies == [{f"{tags}.add": "a", "name": "One", "description": "n"},
                          {f"{tags}.add": "b"}, {f"{tags}.add": "c"}]


def test_updates_of_an_upsert_are_merged_and_its_creates_are_not(closefeed, pipeline, sandbox):
    key = field(sandbox, "Key")
    new_lead(sandbox, **{key: "1"})
    records = [{"key": "1", "note": "a"}, {"key": "2", "note": "b"}, {"key": "1", "note": "c"},
               {"key": "2", "note": "d"}, {"key": "2", "note": "e"}]
    path = pipeline(records, routes="""
        - operation: lead.upsert
          match: {custom.Key: "{key}"}
          body: {description: "{note}"}
          on_create: {name: "Company {key}"}
          batch: {algorithm: merge, wait: 1m}
        """)
    assert counts(run(closefeed, path)) == {"read": 5, "delivered": 5}
    made = [body for method, _, body in writes(sandbox) if method == "POST"]
    assert len([body for body in made if body.get("name") == "Company 2"]) == 1
    assert puts(sandbox) == [{"description": "c"}, {"description": "e"}]


def test_leads_that_are_gone_are_made_again_exactly_once(closefeed, pipeline, sandbox):
    """The first change of each is resolved by what was remembered; all parts of its call go anew."""
    path = pipeline([{"k": "Acme", "v": "0"}, {"k": "Bolt", "v": "0"}], routes="""
- operation: lead.upsert
  match: {name: "{k}"}
  batch: {algorithm: merge, wait: 100ms}
  body: {name: "{k}", description: "{v}"}
""")
    run(closefeed, path)
    for lead in sandbox.objects("lead"):
        sandbox.ask("DELETE", f"/lead/{lead['id']}/")
    feed(path, *[{"k": k, "v": f"{v}"} for v in range(1, 4) for k in ("Acme", "Bolt")])
    assert counts(run(closefeed, path)) == {"read": 6, "delivered": 6}
    leads = [(lead["name"], lead["description"]) for lead in sandbox.objects("lead")]
    assert sorted(leads) == [("Acme", "3"), ("Bolt", "3")]
    feed(path, {"k": "Acme", "v": "4"})
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}


def test_ten_thousand_changes_on_800_leads_need_810_calls(closefeed, pipeline, start_sandbox):
    pipeline.sandbox = sandbox = start_sandbox("--lag", "0")
    sandbox.post("/_sandbox/settings", {"rate": {"write": 100000, "read": 100000}})
    leads = [sandbox.post("/lead/", {"name": f"Company {i}"})["id"] for i in range(800)]
    records = [{"lead": leads[i * 7 % 800], "name": f"Name {i}", "note": f"change {i}"}
               for i in range(10000)]
    path = pipeline(records, close="concurrency: 16", routes="""
        - operation: lead.update
          params: {id: "{lead}"}
          body: {name: "{name}", description: "{note}"}
          batch: {algorithm: merge, wait: 1h}
        """)
    assert counts(run(closefeed, path)) == {"read": 10000, "delivered": 10000}
    assert 800 <= len(puts(sandbox)) <= 810
    last = {record["lead"]: record["note"] for record in records}
    for lead in sandbox.objects("lead"):
        assert lead["description"] == last[lead["id"]]
