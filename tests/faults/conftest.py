"""Fixtures of the fault tests: the program with its hooks, and trials that are stopped in the end."""

import os
import subprocess

import pytest

from trial import Trial, UpdateTrial

# After trial, which makes the folder of the integration tests known.
from kafka import (  # noqa: F401 (fixtures)
    brokers, kafka, keep_together, secure_kafka, start_kafka)
from kafka_trial import KafkaTrial


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items):
    keep_together(items)


@pytest.fixture(scope="session")
def binary():
    """A build with -Dtest_hooks=true: without kill points these tests would prove nothing."""
    path = os.path.abspath(os.environ.get("CLOSEFEED_BIN", ""))
    assert os.path.isfile(path), "CLOSEFEED_BIN must name the program to test"
    killed = subprocess.run([path, "version"], check=False, capture_output=True,
                            env={**os.environ, "CLOSEFEED_KILL_AT": "main_begins:1"})
    assert killed.returncode == -9, "the program to test must be built with -Dtest_hooks=true"
    return path


@pytest.fixture
def start_trial(binary, tmp_path):
    """Starts trials of creates; of PUTs with n_leads=."""
    started = []

    def start(**how):
        folder = tmp_path / str(len(started))
        folder.mkdir()
        kind = UpdateTrial if "n_leads" in how else Trial
        started.append(kind(binary, folder, **how))
        return started[-1]

    yield start
    for trial in started:
        trial.stop()


@pytest.fixture
def start_group(binary, kafka, tmp_path):
    """Starts trials of groups of members over a topic."""
    started = []

    def start(**how):
        folder = tmp_path / f"group-{len(started)}"
        folder.mkdir()
        started.append(KafkaTrial(binary, folder, kafka, **how))
        return started[-1]

    yield start
    for trial in started:
        trial.stop()
