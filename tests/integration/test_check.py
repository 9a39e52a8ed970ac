"""`check`: every mistake in one go, each layer named, and nothing sent."""

import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = sorted(path.parent for path in ROOT.glob("pipelines/*/pipeline.yaml"))


def layers(result):
    return {layer["name"]: layer["ok"] for layer in result.json["layers"]}


def test_a_right_pipeline_passes_every_layer(closefeed, pipeline, sandbox):
    result = closefeed("check", pipeline([]), "--json")
    assert result.code == 0 and result.json["ok"]
    assert layers(result) == {"syntax": True, "keys": True, "meaning": True, "secrets": True}
    assert sandbox.requests() == []


def test_online_names_user_and_organization_and_writes_nothing(closefeed, pipeline, sandbox):
    result = closefeed("check", pipeline([]), "--online")
    assert result.code == 0, result.err
    assert "organization" in result.out and "orga_" in result.out
    assert [r["method"] for r in sandbox.requests()] == ["GET"]


def test_a_wrong_key_ends_with_77_and_is_not_repeated(closefeed, pipeline):
    result = closefeed("check", pipeline([]), "--online", env={"CLOSE_API_KEY": "api_wrong.canary"})
    assert result.code == 77
    assert "canary" not in result.out + result.err
    assert "CLOSE_API_KEY" in result.out


def test_a_close_that_is_not_there_ends_with_69(closefeed, pipeline, sandbox):
    path = pipeline([])
    sandbox.kill()
    result = closefeed("check", path, "--online", "--json")
    assert result.code == 69 and layers(result)["key"] is False


def test_all_mistakes_come_in_one_go_with_their_place(closefeed, tmp_path):
    (tmp_path / "p.yaml").write_text(
        "version: 1\n"
        "name: signups\n"
        "sorce: {}\n"
        "source:\n"
        "  ndjson: {path: a.ndjson}\n"
        "routes:\n"
        "  - operation: lead.crate\n"
        "close:\n"
        "  api_key: {env: NOT_THERE}\n"
    )
    result = closefeed("check", "p.yaml")
    assert result.code == 78
    assert "p.yaml:3:1: error: " in result.err and '"source"' in result.err
    assert "p.yaml:7:" in result.err and '"lead.create"' in result.err
    assert "p.yaml:9:" in result.err and "NOT_THERE" in result.err
    result = closefeed("check", "p.yaml", "--json")
    assert result.code == 78 and not result.json["ok"]
    assert layers(result) == {"syntax": True, "keys": False, "meaning": False, "secrets": False}
    assert [note["line"] for note in result.json["notes"]] == [3, 7, 9]


def test_broken_yaml_fails_the_layer_syntax(closefeed, tmp_path):
    (tmp_path / "p.yaml").write_text("version: 1\nname: [a\n")
    result = closefeed("check", "p.yaml", "--json")
    assert result.code == 78 and layers(result)["syntax"] is False


def test_a_literal_key_is_refused_and_not_repeated(closefeed, pipeline):
    path = pipeline([])
    path.write_text(path.read_text().replace("{env: CLOSE_API_KEY}", "api_secret.canary"))
    result = closefeed("check", path)
    assert result.code == 78 and "canary" not in result.out + result.err


def test_a_file_that_is_not_there_is_named(closefeed):
    result = closefeed("check", "nowhere.yaml")
    assert result.code == 78 and "nowhere.yaml" in result.err


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_example_is_right_as_it_is(closefeed, folder):
    result = closefeed("check", folder / "pipeline.yaml", env={
        "HOST_KEY": "key_of_another_host", "KAFKA_BROKERS": "127.0.0.1:9092"})
    assert result.code == 0, result.err


def test_the_schema_and_the_reference_are_those_of_the_program(closefeed):
    schema = closefeed("schema")
    assert schema.json["type"] == "object"
    assert (ROOT / "schemas/pipeline.schema.json").read_text() == schema.out
    assert (ROOT / "docs/reference.md").read_text() == closefeed("schema", "--reference").out
