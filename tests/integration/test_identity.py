"""An identity belongs to one object: however close two records stand, only one creates."""

import collections

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
