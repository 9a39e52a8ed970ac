"""An identity belongs to one object: however close two records stand, only one creates."""

import collections
import time

import pytest
from scenarios import counts, feed, field, run, set_lag
from test_run import adds_up, with_identity


def spread(n):
    """Each key twice, at every distance from the next line to some ninety lines on."""
    lines, waiting = [], collections.defaultdict(list)
    for i in range(n):
        lines.append(i)
        for twin in waiting.pop(len(lines), []):
            lines.append(twin)
        waiting[len(lines) + (i * 7) % 90 + 1].append(i)
    return [{"id": f"k{i}", "name": f"Company {i}"} for i in lines]


def test_twins_in_the_input_make_one_object_at_any_distance(closefeed, pipeline, sandbox):
    sandbox.post("/_sandbox/settings", {"rate": {"write": 100000}})
    records = spread(400)
    routes, field = with_identity(sandbox)
    path = pipeline(records, routes=routes)
    result = closefeed("run", path, "--json")
    assert result.code == 1 and adds_up(result.summary)
    assert result.summary["delivered"] == 400
    assert result.summary["rejected"] == len(records) - 400
    made = collections.Counter(lead[field] for lead in sandbox.objects("lead"))
    assert set(made.values()) == {1}
    rejects = closefeed("rejects", "list", path, "--json").json["rejects"]
    assert {reject["class"] for reject in rejects} == {"duplicate_identity"}


def test_a_key_with_blanks_around_it_is_the_same_key(closefeed, pipeline, sandbox):
    routes, field = with_identity(sandbox)
    records = [{"id": "77", "name": "One"}, {"id": " 77 ", "name": "Two"}]
    result = closefeed("run", pipeline(records, routes=routes), "--json")
    assert result.summary["delivered"] == 1 and result.summary["rejected"] == 1
    assert [lead[field] for lead in sandbox.objects("lead")] == ["77"]


UPSERT = """
- operation: lead.upsert
  match: {custom.Key: "{k}"}
  body: {name: "{k}", description: "{v}"}
"""


@pytest.mark.parametrize("whose", ["ours", "another's"])
def test_what_was_there_before_does_not_prove_that_a_call_arrived(
        closefeed, pipeline, sandbox, whose):
    """The first object with the key is deleted, and the call that makes it anew never arrives."""
    set_lag(sandbox, 0)
    key = field(sandbox, "Key")
    touch = sandbox.post("/lead/", {"name": "Touch"})["id"]
    if whose == "another's":
        sandbox.post("/lead/", {"name": "K-1", key: "K-1"})
    path = pipeline([{"k": "K-1", "v": "0"}], routes=UPSERT,
                    delivery=f"quarantine: 1s\ncanary: {touch}")
    run(closefeed, path)
    [first] = [lead["id"] for lead in sandbox.objects("lead") if lead["name"] == "K-1"]
    sandbox.ask("DELETE", f"/lead/{first}/")
    if whose == "another's":
        time.sleep(3.5)  # only its age tells, and clocks are not compared to the second
    sandbox.add_fault("reset_before", method="POST", path="/lead/", times=1)
    feed(path, {"k": "K-1", "v": "1"})
    assert counts(run(closefeed, path)) == {"read": 1, "delivered": 1}
    assert [lead["description"] for lead in sandbox.objects("lead") if lead["id"] != touch] == ["1"]
