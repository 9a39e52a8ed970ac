"""Fixtures: `closefeed` runs the real program, `sandbox` is its Close, `pipeline` writes files."""

import os
import shlex
import sys

import pytest

from feed import topic  # noqa: F401 (a fixture)
from harness import Pipelines, Program, Sandbox, environment
from kafka import (  # noqa: F401 (fixtures)
    brokers, kafka, keep_together, secure_kafka, start_kafka)
from receiver import SlowClose
from scenarios import field


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items):
    keep_together(items)


@pytest.fixture(scope="session")
def binary():
    path = os.environ.get("CLOSEFEED_BIN", "")
    assert os.path.exists(path), "CLOSEFEED_BIN must name the program to test"
    return os.path.abspath(path)


@pytest.fixture
def closefeed(binary, tmp_path):
    return Program(binary, tmp_path, environment(tmp_path))


@pytest.fixture
def start_sandbox(closefeed):
    """Starts sandboxes with flags of the test's choice; they are stopped after it."""
    started = []

    def start(*flags, env=None):
        started.append(Sandbox(closefeed, *flags, env=env))
        return started[-1]

    yield start
    for sandbox in started:
        sandbox.stop()


@pytest.fixture
def sandbox(start_sandbox):
    return start_sandbox()


@pytest.fixture
def pipeline(tmp_path, sandbox):
    return Pipelines(tmp_path, sandbox)


@pytest.fixture
def account(sandbox):
    """A custom field of leads; its key in a body."""
    return field(sandbox, "Account ID")


@pytest.fixture
def editor(tmp_path):
    """Makes an $EDITOR of Python lines that change `text`; returns the environment to run it in."""
    def make(lines, name="EDITOR"):
        script = tmp_path / "editor.py"
        script.write_text(
            "import json, os, pathlib, stat, sys, time\n"
            "path = pathlib.Path(sys.argv[1])\n"
            "text = path.read_text()\n" + lines + "\npath.write_text(text)\n")
        return {name: shlex.join([sys.executable, str(script)]), "TMPDIR": str(tmp_path)}

    return make


@pytest.fixture
def slow():
    close = SlowClose()
    with close.server:
        yield close
        close.gate.set()
