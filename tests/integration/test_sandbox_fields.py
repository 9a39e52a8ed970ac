"""The sandbox's custom fields, types, schemas, associations, statuses and pipelines, over HTTP."""

import pytest

from test_sandbox import full


@pytest.fixture
def box(start_sandbox):
    return start_sandbox("--no-rate-limit", "--lag", "0")


def ask(box, method, path, body=None, status=200):
    said, value = box.ask(method, path, body)
    assert said == status, (method, path, said, value)
    return value


def field(box, kind, name, type="text", status=200, **more):
    return ask(box, "POST", f"/custom_field/{kind}/", {"name": name, "type": type, **more},
               status)["id"]


def complaint(**errors):
    return {"errors": [], "field-errors": errors}


def types(box):
    """A custom activity type and a custom object type."""
    visit = ask(box, "POST", "/custom_activity/", {"name": "Visit"}, 201)
    machine = ask(box, "POST", "/custom_object_type/",
                  {"name": "Machine", "name_plural": "Machines"}, 201)
    assert visit["id"].startswith("actitype_") and machine["id"].startswith("cotype_")
    assert visit["fields"] == []
    return visit["id"], machine["id"]


def names(box, target):
    return [f["name"] for f in box.get(f"/custom_field_schema/{target}/")["fields"]]


def test_each_type_of_custom_activity_has_fields_of_its_own(box):
    visit, _ = types(box)
    call = ask(box, "POST", "/custom_activity/", {"name": "Audit"}, 201)["id"]
    note = field(box, "activity", "Remark", "textarea", custom_activity_type_id=visit)
    ask(box, "POST", "/custom_field/activity/", {"name": "x", "type": "text"}, 400)
    lead = box.post("/lead/", {"name": "North"})["id"]
    body = {"custom_activity_type_id": visit, "lead_id": lead, f"custom.{note}": "fine"}
    made = box.post("/activity/custom/", body)
    assert made["_type"] == "CustomActivity" and made[f"custom.{note}"] == "fine"
    assert made["status"] == "published"
    body["custom_activity_type_id"] = call
    assert ask(box, "POST", "/activity/custom/", body, 400) == complaint(
        **{f"custom.{note}": f'The Custom Field "{note}" does not exist.'})
    assert names(box, f"activity/{visit}") == ["Remark"] and names(box, f"activity/{call}") == []
    assert box.get(f"/custom_activity/{visit}/")["fields"][0]["id"] == note


def test_a_published_activity_needs_its_required_fields(box):
    visit, _ = types(box)
    mark = field(box, "activity", "Mark", "number", custom_activity_type_id=visit, required=True)
    lead = box.post("/lead/", {})["id"]
    body = {"custom_activity_type_id": visit, "lead_id": lead}
    assert ask(box, "POST", "/activity/custom/", body, 400) == complaint(
        **{f"custom.{mark}": "This field is required."})
    draft = box.post("/activity/custom/", {**body, "status": "draft"})["id"]
    ask(box, "PUT", f"/activity/custom/{draft}/", {"status": "published"}, 400)
    ask(box, "PUT", f"/activity/custom/{draft}/", {"status": "published", f"custom.{mark}": 3})


def test_custom_objects_belong_to_a_lead_and_are_referred_to(box):
    _, machine = types(box)
    serial = field(box, "custom_object_type", "Serial", status=201, custom_object_type_id=machine)
    refers = field(box, "lead", "Main machine", "custom_object", referenced_custom_type_id=machine)
    north, south = (box.post("/lead/", {})["id"] for _ in range(2))
    ask(box, "POST", "/custom_object/", {"custom_object_type_id": machine, "name": "M1"}, 400)
    made = ask(box, "POST", "/custom_object/", {
        "custom_object_type_id": machine, "name": "M1", "lead_id": north,
        f"custom.{serial}": "00123"}, 201)
    assert made[f"custom.{serial}"] == "00123"
    assert box.get(f"/custom_object/?lead_id={north}")["data"] == [made]
    ask(box, "PUT", f"/lead/{north}/", {f"custom.{refers}": made["id"]})
    ask(box, "PUT", f"/lead/{south}/", {f"custom.{refers}": made["id"]}, 400)
    status, body = box.ask("DELETE", f"/custom_object/{made['id']}/")
    assert (status, body) == (204, None)


def test_a_created_thing_says_where_it_is(box):
    status, headers, made = full(box, "POST", "/api/v1/custom_activity/", b'{"name":"Visit"}')
    assert status == 201 and headers["Location"] == f"/api/v1/custom_activity/{made['id']}/"


def test_a_shared_field_counts_only_where_it_is_associated(box):
    visit, machine = types(box)
    tier = field(box, "shared", "Tier", "choices", choices=["Gold", "Silver"])
    path = f"/custom_field/shared/{tier}/association/"
    lead = box.post("/lead/", {"name": "North"})["id"]
    key = f"custom.{tier}"
    ask(box, "PUT", f"/lead/{lead}/", {key: "Gold"}, 400)
    for body in ({"object_type": "lead"}, {"object_type": "contact"},
                 {"object_type": "opportunity", "required": True},
                 {"object_type": "custom_activity_type", "custom_activity_type_id": visit},
                 {"object_type": "custom_object_type", "custom_object_type_id": machine}):
        made = ask(box, "POST", path, body, 201)
        assert made == {"editable_with_roles": [], "required": False, **body}
        ask(box, "POST", path, body, 400)
    for body in ({}, {"object_type": "task"}, {"object_type": "custom_activity_type"},
                 {"object_type": "custom_object_type", "custom_object_type_id": visit}):
        ask(box, "POST", path, body, 400)
    for target in ("lead", "contact", "opportunity", f"activity/{visit}",
                   f"custom_object/{machine}"):
        shown, = box.get(f"/custom_field_schema/{target}/")["fields"]
        assert shown["id"] == tier and shown["is_shared"] and len(shown["associations"]) == 5
        assert shown["required"] == (target == "opportunity")
    ask(box, "PUT", f"/lead/{lead}/", {key: "Gold"})
    box.post("/activity/custom/", {"lead_id": lead, "custom_activity_type_id": visit, key: "Gold"})


def test_an_association_is_changed_and_takes_its_values_along(box):
    visit, _ = types(box)
    tier = field(box, "shared", "Tier")
    path, key = f"/custom_field/shared/{tier}/association/", f"custom.{tier}"
    ask(box, "POST", path, {"object_type": "lead"}, 201)
    ask(box, "POST", path, {"object_type": "contact"}, 201)
    ask(box, "POST", path, {"object_type": "custom_activity_type",
                            "custom_activity_type_id": visit}, 201)
    lead = box.post("/lead/", {key: "Gold", "contacts": [{"name": "Ana", key: "Silver"}]})["id"]
    one = path + f"custom_activity_type/{visit}/"
    assert ask(box, "PUT", one, {"required": True})["required"]
    assert box.get(one)["required"]
    ask(box, "PUT", one, {"required": "yes"}, 400)
    ask(box, "DELETE", one, status=204)
    ask(box, "DELETE", one, status=404)
    ask(box, "DELETE", path + "lead/", status=204)
    seen = box.get(f"/lead/{lead}/")
    assert key not in seen and seen["contacts"][0][key] == "Silver"
    ask(box, "PUT", f"/lead/{lead}/", {key: "Gold"}, 400)
    ask(box, "POST", path, {"object_type": "lead"}, 201)
    assert key not in box.get(f"/lead/{lead}/")
    ask(box, "DELETE", f"/custom_field/shared/{tier}/")
    assert key not in box.get(f"/lead/{lead}/")["contacts"][0]
    ask(box, "POST", path, {"object_type": "lead"}, 404)


def test_fields_and_associations_are_in_the_event_log(box):
    tier = field(box, "shared", "Tier")
    ask(box, "POST", f"/custom_field/shared/{tier}/association/", {"object_type": "lead"}, 201)
    told = box.get(f"/event/?object_type=custom_fields.shared&object_id={tier}")["data"]
    assert [(e["action"], e["changed_fields"]) for e in told] == [
        ("updated", ["associations"]), ("created", [])]


def test_a_schema_is_put_in_order(box):
    ids = {name: field(box, "lead", name) for name in "abcd"}
    said = ask(box, "PUT", "/custom_field_schema/lead/",
               {"fields": [{"id": ids["c"]}, {"id": ids["a"]}]})
    assert said["object_type"] == "lead" and [f["name"] for f in said["fields"]] == list("cabd")
    assert names(box, "lead") == list("cabd")
    ask(box, "PUT", "/custom_field_schema/lead/", {}, 400)
    for target in ("task", "activity", "activity/actitype_x", "lead/x", "custom_activity_type/x"):
        ask(box, "GET", f"/custom_field_schema/{target}/", status=404)


def test_a_deleted_type_takes_its_fields_along(box):
    visit, _ = types(box)
    own = field(box, "activity", "Remark", custom_activity_type_id=visit)
    ask(box, "DELETE", f"/custom_activity/{visit}/", status=204)
    ask(box, "GET", f"/custom_field/activity/{own}/", status=404)


def test_a_field_that_makes_no_sense_is_refused(box):
    _, machine = types(box)
    for body in ({"type": "choices"}, {"type": "textarea"}, {"type": "boolean"},
                 {"type": "custom_object"}, {"type": "text", "accepts_multiple_values": True},
                 {"type": "text", "description": "x" * 281}):
        ask(box, "POST", "/custom_field/lead/", {"name": "F", **body}, 400)
    own = field(box, "lead", "F")
    ask(box, "PUT", f"/custom_field/lead/{own}/", {"type": "number"})
    bound = field(box, "custom_object_type", "F", status=201, custom_object_type_id=machine)
    ask(box, "PUT", f"/custom_field/custom_object_type/{bound}/", {"type": "number"}, 400)


def condition(field, value):
    return {"type": "field_condition", "field": {"type": "custom_field", "custom_field_id": field},
            "condition": {"type": "text", "mode": "exact_value", "value": value}}


def found(box, kind, query):
    body = {"query": {"type": "and", "queries": [
        {"type": "object_type", "object_type": kind}, query]}}
    return [row["id"] for row in box.post("/data/search/", body)["data"]]


def test_every_kind_of_object_is_searched_by_its_custom_fields(box):
    visit, machine = types(box)
    tier = field(box, "shared", "Tier")
    path = f"/custom_field/shared/{tier}/association/"
    for body in ({"object_type": "lead"}, {"object_type": "contact"},
                 {"object_type": "opportunity"},
                 {"object_type": "custom_activity_type", "custom_activity_type_id": visit},
                 {"object_type": "custom_object_type", "custom_object_type_id": machine}):
        ask(box, "POST", path, body, 201)
    key, lead = f"custom.{tier}", box.post("/lead/", {})["id"]
    box.post("/lead/", {key: "Silver", "contacts": [{key: "Silver"}]})
    ids = {
        "lead": ask(box, "PUT", f"/lead/{lead}/", {key: "Gold"})["id"],
        "contact": box.post("/contact/", {"lead_id": lead, key: "Gold"})["id"],
        "opportunity": box.post("/opportunity/", {"lead_id": lead, key: "Gold"})["id"],
        "activity.custom_activity": box.post("/activity/custom/", {
            "lead_id": lead, "custom_activity_type_id": visit, key: "Gold"})["id"],
        "custom_object": box.post("/custom_object/", {
            "lead_id": lead, "custom_object_type_id": machine, "name": "M", key: "Gold"})["id"],
    }
    for kind, expected in ids.items():
        assert found(box, kind, condition(tier, "Gold")) == [expected], kind
        if kind != "lead":
            assert found(box, "lead", {
                "type": "has_related", "this_object_type": "lead", "related_object_type": kind,
                "related_query": condition(tier, "gold")}) == [lead], kind


def test_four_hundred_keys_are_found_in_one_search_of_two_pages(box):
    key = field(box, "lead", "Number")
    for n in range(450):
        box.post("/lead/", {"name": str(n), f"custom.{key}": f"N-{n}"})
    body = {"_limit": 200, "include_counts": True, "_fields": {"lead": [f"custom.{key}"]},
            "query": {"type": "and", "queries": [
                {"type": "object_type", "object_type": "lead"},
                {"type": "or", "queries": [condition(key, f"n-{n}") for n in range(50, 500)]}]}}
    first = box.post("/data/search/", body)
    second = box.post("/data/search/", {**body, "cursor": first["cursor"]})
    assert first["count"] == {"limited": 400, "total": 400} and second["cursor"] is None
    assert [row[f"custom.{key}"] for row in first["data"] + second["data"]] == [
        f"N-{n}" for n in range(50, 450)]


def test_the_old_plural_still_answers(box):
    own = ask(box, "POST", "/custom_fields/lead/", {"name": "F", "type": "text"})["id"]
    assert box.get("/custom_fields/lead/")["data"][0]["id"] == own
    ask(box, "DELETE", f"/custom_fields/lead/{own}/")


def test_several_pipelines_have_statuses_in_an_order(box):
    sales, = box.get("/pipeline/")["data"]
    body = {"name": "Renewals", "statuses": [{"label": "Due", "type": "active"},
                                             {"label": "Renewed", "type": "won"}]}
    made = ask(box, "POST", "/pipeline/", body, 201)
    assert [s["label"] for s in made["statuses"]] == ["Due", "Renewed"]
    for wrong in ({"name": "X"}, {"name": "X", "statuses": [{"label": "Y"}]},
                  {"name": "X", "statuses": "Y"}):
        ask(box, "POST", "/pipeline/", wrong, 400)
    deal = box.post("/opportunity/", {"pipeline_id": made["id"]})
    assert (deal["status_label"], deal["pipeline_name"]) == ("Due", "Renewals")
    due, renewed = (s["id"] for s in made["statuses"])
    ask(box, "POST", "/opportunity/", {"pipeline_id": sales["id"], "status_id": due}, 400)
    ask(box, "PUT", f"/pipeline/{made['id']}/", {"statuses": [{"id": renewed}, {"id": due}]})
    assert box.post("/opportunity/", {"pipeline_id": made["id"]})["status_label"] == "Renewed"
    said = ask(box, "PUT", f"/pipeline/{sales['id']}/", {"name": "New", "statuses": [{"id": due}]})
    assert [s["label"] for s in said["statuses"]] == ["Due", "Active", "Won", "Lost"]
    assert box.get(f"/opportunity/{deal['id']}/")["pipeline_name"] == "New"
    assert box.post("/opportunity/", {})["status_label"] == "Due"
    ask(box, "DELETE", f"/pipeline/{sales['id']}/", status=400)
    empty = ask(box, "POST", "/pipeline/", {"name": "E", "statuses": []}, 201)["id"]
    ask(box, "DELETE", f"/pipeline/{empty}/", status=204)


def test_history_keeps_its_dates_and_authors(box):
    ben = box.post("/_sandbox/users", {"email": "ben@sandbox.example", "first_name": "Ben",
                                       "last_name": "Okri"})["id"]
    assert [u["email"] for u in box.get("/user/")["data"]] == [
        "ana@sandbox.example", "ben@sandbox.example"]
    ask(box, "POST", "/_sandbox/users", {"first_name": "X"}, 400)
    long_ago = "2019-05-06T07:08:09+02:00"
    lead = box.post("/lead/", {"name": "Old", "date_created": long_ago, "created_by": ben})
    assert lead["date_created"] == "2019-05-06T05:08:09.000000+00:00"
    assert lead["created_by_name"] == "Ben Okri"
    note = box.post("/activity/note/", {
        "lead_id": lead["id"], "note": "n", "date_created": long_ago, "created_by_id": ben,
        "user_id": ben})
    assert note["activity_at"] == note["date_created"] == "2019-05-06T05:08:09.000000+00:00"
    assert (note["created_by"], note["user_name"]) == (ben, "Ben Okri")
    ask(box, "PUT", f"/lead/{lead['id']}/", {"date_created": "2020-01-01"})
    assert box.get(f"/lead/{lead['id']}/")["date_created"] == lead["date_created"]
    owner = field(box, "lead", "Owner", "user")
    said = ask(box, "PUT", f"/lead/{lead['id']}/", {f"custom.{owner}": "Ben Okri"})
    assert said[f"custom.{owner}"] == ben
