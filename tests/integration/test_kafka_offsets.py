"""`run` from topics where what the state knows, the group has committed and the broker has do not
agree: nothing is sent until it is known what is meant."""

import pytest

from feed import counts, leads, names
from harness import wait_until


def told_nothing(topic, sandbox, path, *words):
    """A run that may not begin, and says why."""
    before = len(sandbox.requests("POST", "/lead/"))
    reason = topic.run(path, code=75).summary["reason"]
    for word in (topic.name, "--accept-offsets", "Nothing was sent", *words):
        assert word in reason, reason
    assert len(sandbox.requests("POST", "/lead/")) == before


@pytest.mark.parametrize("n_anew", [3, 10, 25])
def test_a_topic_that_was_made_anew(topic, sandbox, n_anew):
    t = topic()
    t.put(*leads(10))
    path = t.file()
    t.run(path)
    t.broker.recreate(t.name)
    t.put(*leads(n_anew, first=100))
    told_nothing(t, sandbox, path, "made anew", "partition 0")
    told_nothing(t, sandbox, path)
    assert counts(t.run(path, "--accept-offsets").summary) == {
        "read": n_anew, "delivered": n_anew}
    assert len(names(sandbox)) == 10 + n_anew
    assert t.lag == 0
    t.put(*leads(2, first=200))
    assert counts(t.run(path).summary) == {"read": 2, "delivered": 2}


def test_records_that_expired(topic, sandbox):
    t = topic()
    t.put(*leads(10))
    path = t.file()
    t.run(path)
    t.put(*leads(10, first=10))
    t.broker.delete_records(t.name, {0: 14})
    told_nothing(t, sandbox, path, "expired", "offset 10", "14 to 20")
    result = t.run(path, "--accept-offsets")
    assert counts(result.summary) == {"read": 6, "delivered": 6}
    assert "4 offsets from 10 on expired" in result.err
    assert names(sandbox) == sorted(f"Lead {n}" for n in (*range(10), *range(14, 20)))
    assert counts(t.run(path).summary) == {}


def test_offsets_that_somebody_set_or_deleted_do_not_count(topic, sandbox):
    t = topic(partitions=2)
    t.put(*leads(20))
    path = t.file()
    t.run(path)
    ends = t.broker.ends(t.name)
    # A static member keeps its place for the session: offsets are set when that is over.
    wait_until(lambda: t.broker.group_state(t.group) == "Empty", timeout=120, every=0.25)
    t.broker.commit(t.group, t.name, {0: 0, 1: ends[1] - 1})
    t.put(*leads(5, first=20))
    result = t.run(path)
    assert counts(result.summary) == {"read": 5, "delivered": 5}
    assert "set to 0 by somebody else" in result.err and t.name in result.err
    assert t.lag == 0
    assert names(sandbox) == sorted(f"Lead {n}" for n in range(25))


def test_a_new_state_goes_on_from_the_offsets_of_the_group(topic, sandbox):
    t = topic()
    t.put(*leads(10))
    path = t.file()
    t.run(path)
    t.put(*leads(3, first=10))
    result = t.run(path, "--new-state")
    assert counts(result.summary) == {"read": 3, "delivered": 3}
    assert len(names(sandbox)) == 13
    assert t.lag == 0
