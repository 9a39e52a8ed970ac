"""The manual pages: whole, of the same tables as the program, and clean for roff."""

import json
import subprocess

import pytest

PAGES = {"closefeed.1": ("help", "--man"), "closefeed-pipeline.5": ("schema", "--man")}


def rendered(page):
    """What a reader sees on a wide terminal; a warning of roff fails the test."""
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-P-c", "-P-b", "-P-u", "-rLL=300n", "-rHY=0"],
        input=page, capture_output=True, text=True, check=True, timeout=180)
    assert not done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", PAGES)
def test_roff_has_nothing_to_complain_of(closefeed, name):
    text = rendered(closefeed(*PAGES[name]).out)
    assert text.startswith(name.replace(".", "(") + ")")
    assert "NAME" in text and "SEE ALSO" in text


def test_every_verb_flag_and_exit_code_is_in_it(closefeed):
    text = rendered(closefeed("help", "--man").out)
    for line in closefeed("help").out.splitlines():
        if not line.startswith("  ") or line.startswith("  $"):
            continue
        verb = line.split()[0]
        assert f"closefeed {verb}" in text
        for said in closefeed("help", verb).out.splitlines():
            words = said.split()
            if words and said.startswith("  ") and words[0].startswith("--"):
                assert words[0] in text, (verb, words[0])
    for code in ("0", "1", "2", "65", "69", "70", "74", "75", "77", "78", "130"):
        assert any(line.split()[:1] == [code] for line in text.splitlines()), code


def keys_of(schema, seen):
    """The names of all keys, apart from rules and bodies; one may itself be called "properties"."""
    if isinstance(schema, dict):
        named = schema.get("properties", {})
        seen.update(named)
        for value in [*named.values(), schema.get("items"), schema.get("anyOf")]:
            keys_of(value, seen)
    elif isinstance(schema, list):
        for value in schema:
            keys_of(value, seen)
    return seen


def test_every_key_of_the_pipeline_is_in_it(closefeed):
    lines = {line.strip() for line in rendered(closefeed("schema", "--man").out).splitlines()}
    first = {line.split()[0] for line in lines if line}
    keys = keys_of(json.loads(closefeed("schema").out), set())
    keys -= {"env", "default", "file", "credential"}  # references, told in the description
    assert len(keys) > 50 and not keys - first
