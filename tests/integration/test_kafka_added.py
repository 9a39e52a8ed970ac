"""Partitions that a topic gets later."""

import json

from feed import leads, names
from rdkafka import Record


def add_partitions(topic, count):
    topic.broker.script("tool", "org.apache.kafka.tools.TopicCommand", "--alter",
                        "--topic", topic.name, "--partitions", count)


def test_partitions_added_while_nobody_ran_are_read_by_who_comes_back(topic, sandbox):
    t = topic(partitions=1)
    t.put(*leads(3))
    path = t.file()
    assert t.run(path).summary["delivered"] == 3
    add_partitions(t, 3)
    t.put(*[Record(json.dumps({"name": f"Lead {number}"}), key=f"other {number}")
            for number in range(3, 23)])
    assert t.run(path).summary["delivered"] == 20
    assert names(sandbox) == sorted(f"Lead {number}" for number in range(23))
    assert t.lag == 0
