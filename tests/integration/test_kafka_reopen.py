"""What stays when partitions are shared out anew and a process goes on with those it has then: the
order in which answers are told, and the keys that are known."""

import json
import signal

import pytest

from harness import wait_until
from rdkafka import Record

ROUTES = """
    - operation: lead.upsert
      match: {name: "{name}"}
      body: {name: "{name}", description: "{says}"}
    """


class Member:
    """One process of the group, told of in a file and by the webhook."""

    def __init__(self, topic, sandbox, name):
        self.closefeed = topic.closefeed
        self.told = topic.closefeed.folder / f"{name}.told.ndjson"
        self.path = topic.file(
            name=name, key='\nkey: "{id}"', routes=ROUTES, close="rate: 15/s", responses=(
                f'file: {self.told.name}\n'
                f'webhook: {{url: "{sandbox.hook_url}", secret: {{env: HOOK_SECRET}}}}'))
        self.process = topic.closefeed.start("run", self.path, "--json")

    @property
    def partitions(self):
        status = self.closefeed("status", self.path, "--json").json
        return [one["partition"] for one in status["partitions"]]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=180)
        assert self.process.returncode == 75, err
        return json.loads(out.splitlines()[-1])


@pytest.fixture
def two(topic, sandbox):
    """Makes members, and ends them."""
    members = []

    def start(t, name):
        members.append(Member(t, sandbox, name))
        return members[-1]

    yield start
    for member in members:
        if member.process.poll() is None:
            member.process.kill()
            member.process.communicate()


def record(partition, number, says):
    return Record(json.dumps({"id": f"{partition}-{number}", "name": f"Lead {partition}",
                              "says": says}), partition=partition)


def offsets(events, partition):
    """Of the delivered records of a partition, in the order they were told; a second time under
    the same id counts once."""
    seen = {}
    for event in events:
        [place] = event["data"]["records"]
        if place["partition"] == partition and event["data"]["outcome"] == "delivered":
            seen.setdefault(event["id"], place["offset"])
    return list(seen.values())


def test_order_and_keys_stay_when_partitions_are_shared_out_anew(topic, sandbox, two):
    t = topic(partitions=2)
    t.put(*[record(partition, number, f"{number}") for number in range(40) for partition in (0, 1)])
    first = two(t, "first")
    wait_until(lambda: len(sandbox.hook_events()) > 5, 180)
    second = two(t, "second")
    wait_until(lambda: len(first.partitions) == len(second.partitions) == 1, 180, every=0.2)
    [mine] = first.partitions
    wait_until(lambda: t.lag == 0, 180, every=0.2)

    # The keys were settled before, some of them before the partitions moved.
    t.put(*[record(mine, number, "again") for number in range(0, 40, 3)], record(mine, 40, "last"))
    wait_until(lambda: t.lag == 0, 180, every=0.2)
    summary = first.end()
    second.end()
    assert summary["skipped"] == 14
    found = {lead["name"]: lead["description"] for lead in sandbox.objects("lead")}
    assert found == {f"Lead {mine}": "last", f"Lead {1 - mine}": "39"}

    wanted = [*range(40), 54]
    told = [json.loads(line) for line in first.told.read_text().splitlines()]
    assert offsets(told, mine) == wanted
    assert offsets(sandbox.hook_events(), mine) == wanted
