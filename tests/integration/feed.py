"""Topics of a real broker, and pipelines that read them."""

import json

import pytest

from rdkafka import Record

QUICK = "session.timeout.ms: 15000, heartbeat.interval.ms: 500"


class Topic:
    """A topic, and pipelines that read it."""

    def __init__(self, broker, pipeline, closefeed, name, partitions=1):
        self.broker, self.pipeline, self.closefeed = broker, pipeline, closefeed
        self.name = broker.topic(name, partitions)
        self.group = broker.unique("group")

    def put(self, *records):
        self.broker.produce(self.name, records)

    def source(self, *, more="", brokers=None, properties=QUICK, topics=None):
        return (f'kafka: {{brokers: ["{brokers or self.broker.bootstrap}"], '
                f"topics: [{topics or self.name}], group: {self.group}, "
                f"properties: {{{properties}}}{', ' + more if more else ''}}}")

    def file(self, *, name="feed", more="", key="", source=None, **how):
        """The path of a pipeline file."""
        source = (source or self.source(more=more)) + key
        return self.pipeline(name=name, source=source, **how)

    def run(self, path, *flags, code=0, timeout=180):
        result = self.closefeed("run", path, "--until-end", "--json", *flags, timeout=timeout)
        assert code is None or result.code == code, result
        return result

    def rejects(self, path):
        return self.closefeed("rejects", "list", path, "--json").json["rejects"]

    @property
    def lag(self):
        return self.broker.lag(self.group, self.name)


@pytest.fixture
def topic(kafka, pipeline, closefeed):
    """Makes topics of the session's broker."""
    return lambda name="feed", partitions=1: Topic(kafka, pipeline, closefeed, name, partitions)


def leads(count, first=0):
    return [Record(json.dumps({"name": f"Lead {number}"}), key=f"k{number}")
            for number in range(first, first + count)]


def names(sandbox):
    return sorted(lead["name"] for lead in sandbox.objects("lead"))


def counts(summary):
    return {name: summary[name] for name in (
        "read", "delivered", "filtered", "rejected", "held", "open") if summary[name]}
