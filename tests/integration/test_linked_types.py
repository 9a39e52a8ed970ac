"""Custom fields by name, where a link says which type of activity or object they are of."""

import pytest
from scenarios import counts, rejects, run

ROUTES = """
- when: .kind == "visit"
  operation: activity.custom.create
  link: {custom_activity_type_id: {custom_activity_type: {name: "TYPE"}}}
  body: {lead_id: "{lead}", custom.Result: "{result}"}
- when: .kind == "site"
  operation: custom_object.upsert
  link: {custom_object_type_id: {custom_object_type: {name: "Site"}}}
  match: {custom.Code: "{code}"}
  body: {lead_id: "{lead}", name: "{name}", custom.Size: "{size}"}
"""


@pytest.fixture(name="sandbox")
def _sandbox(start_sandbox):
    return start_sandbox("--lag", "0", "--no-rate-limit")


@pytest.fixture(name="lead")
def _lead(sandbox):
    return sandbox.post("/lead/", {"name": "One"})["id"]


@pytest.fixture(name="result")
def _result(sandbox):
    """The key of the field that visits have; sites have Code and Size."""
    visit = sandbox.post("/custom_activity/", {"name": "Visit"})["id"]
    site = sandbox.post("/custom_object_type/", {"name": "Site", "name_plural": "Sites"})["id"]
    for name in ("Code", "Size"):
        sandbox.post("/custom_field/custom_object_type/",
                     {"name": name, "type": "text", "custom_object_type_id": site})
    return "custom." + sandbox.post("/custom_field/activity/", {
        "name": "Result", "type": "text", "custom_activity_type_id": visit})["id"]


@pytest.mark.parametrize("name", ["Visit", "{type}"])
def test_names_are_those_of_the_linked_type(closefeed, pipeline, sandbox, lead, result, name):
    path = pipeline([{"kind": "visit", "lead": lead, "result": "ok", "type": "Visit"},
                     {"kind": "site", "lead": lead, "code": "7", "name": "Hall", "size": "L"},
                     {"kind": "site", "lead": lead, "code": "7", "name": "Hall", "size": "XL"}],
                    routes=ROUTES.replace("TYPE", name))
    assert counts(run(closefeed, path)) == {"read": 3, "delivered": 3}
    visit, = sandbox.objects("activity/custom_activity")
    assert visit[result] == "ok"
    site, = sandbox.objects("custom_object")
    assert {"7", "XL"} <= set(site.values())


def test_a_type_that_is_not_there_is_told_with_its_link(closefeed, pipeline, lead, result):
    path = pipeline([{"kind": "visit", "lead": lead, "result": "ok", "type": "Vist"}],
                    routes=ROUTES.replace("TYPE", "{type}"))
    assert result and counts(run(closefeed, path, 1)) == {"read": 1, "rejected": 1}
    (_, kind, message), = rejects(closefeed, path)
    assert kind == "field" and "custom_activity_type_id" in message and "Visit" in message


def test_a_field_the_linked_type_has_not_is_found_by_check(closefeed, pipeline, result):
    wrong = ROUTES.replace("TYPE", "Visit").replace("custom.Result", "custom.Resault")
    path = pipeline([], routes=wrong)
    checked = closefeed("check", path, "--online")
    assert result and checked.code == 78, checked.out + checked.err
    assert "Resault" in checked.out + checked.err
    path.write_text(path.read_text().replace("Resault", "Result"))
    assert "every name of the file is known\n" in closefeed("check", path, "--online").out


def test_check_says_that_types_of_records_were_not_looked_at(closefeed, pipeline, result):
    path = pipeline([], routes=ROUTES.replace("TYPE", "{type}"))
    checked = closefeed("check", path, "--online")
    assert result and checked.code == 0
    assert "but for custom fields of types that each record says" in checked.out
