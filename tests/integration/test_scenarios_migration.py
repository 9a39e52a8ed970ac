"""The migration of shared fields in pipelines/shared-fields, killed at every point of its way."""

import importlib
import pathlib
import sys

import pytest
from harness import KEY, Program
from scenarios import writes

FOLDER = pathlib.Path(__file__).parents[2] / "pipelines" / "shared-fields"
sys.path.insert(0, str(FOLDER.parent))
examples = importlib.import_module("try")


def uses(field):
    """What a shared field is used on: kind or type, and whether it must be filled."""
    return sorted((one["object_type"], one.get("custom_activity_type_id") or "", one["required"])
                  for one in field["associations"])


def is_there(sandbox, held):
    """Whether what a held request was to make exists, as a person would look it up."""
    body, path = held["request"]["body"], held["request"]["url"].split("/api/v1")[-1]
    if not path.endswith("/association/"):
        return any(one["name"] == body["name"] for one in sandbox.get(path)["data"])
    field = sandbox.get(path.removesuffix("association/"))
    return any(one["object_type"] == body["object_type"]
               and one.get("custom_activity_type_id") == body.get("custom_activity_type_id")
               for one in field["associations"])


def decide(program, sandbox):
    """Says of every held request what became of it; False: there is none."""
    listed = program("held", "list", "pipeline.yaml", "--json").json["held"]
    for held in listed:
        shown, = program("held", "show", "pipeline.yaml", held["id"], "--json").json["held"]
        how = ["--send"]
        if is_there(sandbox, shown):
            path = shown["request"]["url"].split("/api/v1")[-1]
            made = [one["id"] for one in sandbox.get(path)["data"]
                    if one["name"] == shown["request"]["body"].get("name")] if (
                        not path.endswith("/association/")) else ["none"]
            how = ["--applied", made[0]]
        result = program("held", "resolve", "pipeline.yaml", held["id"], *how)
        # What is sent may lose its answer, too: then it is held again, and decided again.
        assert result.code in (0, 1), result.err
        assert result.code == 0 or "held" in result.out
    return bool(listed)


def rejects(program):
    return program("rejects", "list", "pipeline.yaml", "--json").json["rejects"]


@pytest.mark.parametrize("lost", [None, "reset_after", "reset_before"])
def test_the_migration_is_killed_again_and_again_and_makes_everything_once(
        closefeed, start_sandbox, lost):
    sandbox = start_sandbox("--latency", "10", "--no-rate-limit")
    ids, folder = examples.make(FOLDER, sandbox.post), closefeed.folder / "shared-fields"
    examples.place(FOLDER, folder, ids)
    path = folder / "pipeline.yaml"
    path.write_text(path.read_text() + "\ndelivery: {quarantine: 1s}\n")
    program = Program(closefeed.binary, folder, {
        **closefeed.env, "CLOSE_BASE_URL": sandbox.base_url, "CLOSE_API_KEY": KEY})
    if lost:
        sandbox.add_fault(lost, method="POST", every=3, times=3)
    n_before = len(writes(sandbox))
    for wanted in (1, 2, 4, 6, 8, 10):
        process = program.start("run", "pipeline.yaml")
        while len(writes(sandbox)) < n_before + wanted and process.poll() is None:
            pass
        process.kill()
        process.communicate()
        decide(program, sandbox)
    for _ in range(5):
        result = program("run", "pipeline.yaml", "--json")
        if not decide(program, sandbox):
            break
    assert result.summary["held"] == result.summary["open"] == 0
    # What was to be changed or taken away while a person had not yet said that it is there.
    early = [item["id"] for item in rejects(program) if item["class"] == "not_found"]
    assert not early or program("rejects", "retry", "pipeline.yaml", *early).code == 0
    listed = rejects(program)
    assert [(item["records"][0]["line"], item["class"]) for item in listed] == [(14, "link")]
    visit, = [one["id"] for one in sandbox.get("/custom_activity/")["data"]
              if one["name"] == "Site visit"]
    fields = {one["name"]: one for one in sandbox.get("/custom_field/shared/")["data"]}
    assert len(sandbox.get("/custom_field/shared/")["data"]) == len(fields) == 3
    assert uses(fields["Account ID"]) == [
        ("custom_activity_type", visit, False), ("lead", "", False), ("opportunity", "", False)]
    assert uses(fields["Region"]) == [
        ("custom_activity_type", ids["actitype_Onboarding"], True), ("lead", "", False)]
    assert uses(fields["Segment"]) == [("opportunity", "", False)]
