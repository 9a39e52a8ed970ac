"""How clients read from the sandbox: lists, the old query language, tunnelled GETs, old names."""

import http.client
import json
import urllib.parse

import pytest

from test_sandbox import LOGIN, port_of


@pytest.fixture
def box(start_sandbox):
    return start_sandbox("--no-rate-limit", "--lag", "0")


def call(box, method, path, body=None, **headers):
    """(status, headers, text) of one call with headers of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(box), timeout=30)
    given = {"Authorization": LOGIN, "Content-Type": "application/json",
             **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request(method, "/api/v1" + path, body, given)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def leads_of(box, query, **params):
    return box.get("/lead/?" + urllib.parse.urlencode({"query": query, **params}))


@pytest.fixture
def people(box):
    """Four leads to ask about; how to ask: names that a query finds, in the order it has."""
    fields = {name: box.post("/custom_field/lead/", {"name": name, "type": kind})["id"]
              for name, kind in [("Score", "number"), ("Sales region", "text"), ("Since", "date"),
                                 ("Owner", "user")]}
    status = {s["label"]: s["id"] for s in box.get("/status/lead/")["data"]}
    user = box.get("/me/")
    made = {}
    for name, more in {
        "Northwind Ltd": {
            f"custom.{fields['Score']}": 5, f"custom.{fields['Sales region']}": "North",
            f"custom.{fields['Since']}": "2026-03-09", f"custom.{fields['Owner']}": user["id"],
            "status_id": status["Qualified"], "url": "northwind.example",
            "date_created": "2026-03-09T14:30:00Z",
            "contacts": [{"name": "Ana Ruiz", "title": "CEO",
                          "emails": [{"email": "Ana@Northwind.example"}],
                          "phones": [{"phone": "+1 650 555 1234"}]}]},
        "Southbank": {f"custom.{fields['Score']}": 12, "date_created": "2026-03-10T02:00:00Z",
                      "addresses": [{"city": "Leeds", "country": "GB"}],
                      "contacts": [{"name": "Ben"}, {"name": "Cleo"}]},
        "Northgate (old)": {"status_id": status["Bad Fit"], "description": "met in Paris"},
        "Eastgate": {},
    }.items():
        made[name] = box.post("/lead/", {"name": name, **more})["id"]
    box.post("/opportunity/", {"lead_id": made["Southbank"], "value": 5000})
    return made


FOUND = [
    ("", "NSGE"), ("*", "NSGE"), ('name:"Northwind Ltd"', "N"), ("company:northwind", "N"),
    ("name:north*", "NG"), ('name="northwind ltd"', "N"), ("name=northwind", ""),
    ("not name:north*", "SE"), ("-name:north*", "SE"), ("not not eastgate", "E"),
    ('status:"Bad Fit"', "G"), ('lead_status:("Bad Fit" or Qualified)', "NG"), ("status:nothing", ""),
    ("status:Potential eastgate", "E"), ("eastgate or southbank", "SE"), ("paris", "G"),
    ("status:Potential and (eastgate or northwind)", "E"), ("cleo", "S"),
    ("status:Potential not (eastgate or northwind)", "S"), ("eastgate or southbank leeds", "SE"),
    ('"custom.Sales region":north', "N"), ('not "custom.Sales region":*', "SGE"),
    ("custom.Score > 5", "S"), ("custom.Score>=5", "NS"), ("custom.Score:12", "S"),
    ("custom.Score != 12", "NGE"), ("custom.Since:2026-03-09", "N"), ("custom.Since>2026-03-09", ""),
    ("custom.Owner:me", "N"), ('custom.Owner:"Ana Ruiz"', "N"),
    ('email_address:"ana@northwind.example"', "N"), ("email:northwind", "N"),
    ("phone:+16505551234", "N"), ('phone_number:"(650) 555-1234"', "N"), ("phone:+1650555", ""),
    ("contact_title:ceo", "N"), ("city:leeds", "S"), ("country:GB", "S"), ("url:*", "N"),
    ("contacts > 1", "S"), ("contacts:*", "NS"), ("contacts:0", "GE"), ("opportunities >= 1", "S"),
    ("opportunity_value>4000", "S"), ("opportunity_status:active", "S"),
    ('created:"2026-03-09"', "N"), ('created>="2026-03-10"', "SGE"), ('date_created<"2026-03-10"', "N"),
    ("date_created>2026-03-09T14:30:00Z", "SGE"), ('created>="1 hour ago"', "GE"), ('created<"1 hour ago"', "NS"),
    ('updated >= "2 days ago"', "NSGE"), ('updated<"2 days ago"', ""),
    ("sort:name", "EGNS"), ("sort:-name", "SNGE"), ("custom.Score:* sort:-custom.Score", "SN"),
    ("* slice:2", "NS"), ("sort:name slice:3", "EGN"), ("slice:1 sort:-created", None),
]


def test_the_old_query_language_finds_what_it_says(box, people):
    initial = {"Northwind Ltd": "N", "Southbank": "S", "Northgate (old)": "G", "Eastgate": "E"}
    for query, wanted in FOUND:
        answer = leads_of(box, query)
        found = "".join(initial[lead["name"]] for lead in answer["data"])
        assert answer["total_results"] == len(found) and not answer["has_more"], query
        if wanted is None:
            assert len(found) == 1, query
        else:
            assert found == wanted, query
    for name, lead in people.items():
        assert [o["name"] for o in leads_of(box, f"id:{lead}")["data"]] == [name]


@pytest.mark.parametrize("query, says", [
    ("name:", "has no value"), ("(name:a", "not closed"), ("name:a)", "not opened"),
    ("nonsense:a", 'does not know the key "nonsense"'), ("custom.Nothing:a", '"Nothing" does not exist'),
    ("custom.Score>many", "no number"), ("created>soon", "no date"), ("sort:nonsense", "cannot sort"),
    ("slice:all", "no number"), ("a or", "at its end"), (":x", "a word is missing"),
    ("(" * 13 + "a" + ")" * 13, "nested too deeply"),
])
def test_what_the_old_query_language_has_no_meaning_for_is_refused(box, people, query, says):
    status, answer = box.ask("GET", "/lead/?" + urllib.parse.urlencode({"query": query}))
    assert status == 400 and says in answer["error"], answer


def test_the_old_query_language_pages_and_knows_the_callers_zone(box, people):
    page = leads_of(box, "sort:name", _limit=2, _skip=1, _fields="name")
    assert page == {"data": [{"name": "Northgate (old)"}, {"name": "Northwind Ltd"}],
                    "has_more": True, "total_results": 4}
    # 02:00 in Greenwich is still the day before, four hours to the west.
    path = "/lead/?" + urllib.parse.urlencode({"query": "created:2026-03-09"})
    assert len(json.loads(call(box, "GET", path, x_tz_offset="-4")[2])["data"]) == 2
    assert box.post("/_sandbox/settings", {"search_field": "nothing"})
    assert leads_of(box, "custom.Nothing:a")["data"] == []


def test_the_old_query_language_lags_as_search_does(start_sandbox):
    box = start_sandbox("--lag", "1m")
    made = box.post("/lead/", {"name": "New"})
    assert leads_of(box, "*")["data"] == [] and [o["id"] for o in box.get("/lead/")["data"]] == [made["id"]]


def test_a_get_may_come_as_a_post(box, people):
    ids = list(people.values())
    body = json.dumps({"_params": {"query": "sort:-name", "_fields": ["name", "id"], "_limit": 2}})
    status, _, text = call(box, "POST", "/lead/", body, x_http_method_override="GET")
    assert status == 200
    assert [sorted(o) for o in json.loads(text)["data"]] == [["id", "name"]] * 2
    body = json.dumps({"_params": {"id__in": ids[:3]}})
    status, _, text = call(box, "POST", "/lead/", body, x_http_method_override="get")
    assert status == 200 and len(json.loads(text)["data"]) == 3 and len(box.objects("lead")) == 4
    status, _, text = call(box, "POST", "/lead/", '{"_params": 1}', x_http_method_override="GET")
    assert status == 400 and "_params" in text
    assert call(box, "POST", "/lead/", "[]", x_http_method_override="GET")[0] == 400
    assert [r["method"] for r in box.requests()[-4:]] == ["POST"] * 4


def test_a_tunnelled_get_counts_as_a_read(start_sandbox):
    box = start_sandbox()
    box.post("/_sandbox/settings", {"rate": {"read": 5, "write": 2}})
    assert "limit=5" in call(box, "POST", "/lead/", "{}", x_http_method_override="GET")[1]["RateLimit"]


def test_all_activities_in_one_list(box):
    a, b = (box.post("/lead/", {"name": name})["id"] for name in "ab")
    made = [box.post(f"/activity/{kind}/", {"lead_id": lead, "date_created": f"2026-03-0{i + 1}", **more})
            for i, (kind, lead, more) in enumerate([
                ("note", a, {}), ("call", a, {}), ("note", b, {}), ("email", a, {"status": "draft"})])]

    def ids(query=""):
        return [made.index(next(m for m in made if m["id"] == o["id"]))
                for o in box.get("/activity/" + query)["data"]]

    assert ids() == [0, 1, 2, 3] and ids("?_order_by=-date_created") == [3, 2, 1, 0]
    assert ids(f"?lead_id={a}") == [0, 1, 3] and ids("?_type=Note") == [0, 2]
    assert ids("?_type__in=Call,Email") == [1, 3] and ids(f"?lead_id={a}&_type=Note") == [0]
    assert ids("?date_created__gt=2026-03-01T12:00:00&date_created__lt=2026-03-03T01:00:00%2B02:00") == [1]
    page = box.get("/activity/?_limit=3&_skip=1&_fields=id,_type")
    assert page["data"][0] == {"id": made[1]["id"], "_type": "Call"} and not page["has_more"]
    assert box.ask("POST", "/activity/", {})[0] == 405


def test_whose_key_it_is(box):
    me = box.get("/me/")
    key, = box.get("/api_key/")["data"]
    assert key["id"] == "api_sandbox" and key["user_id"] == me["id"]
    assert key["organization_id"] == me["organizations"][0]["id"] and "key" not in key


def test_the_organization_says_what_it_has(box):
    box.post("/custom_field/lead/", {"name": "Region", "type": "text"})
    path = f"/organization/{box.get('/me/')['organizations'][0]['id']}/"
    whole = box.get(path)
    assert [m["user_email"] for m in whole["memberships"]] == ["ana@sandbox.example"]
    assert [s["label"] for s in whole["lead_statuses"]][0] == "Potential"
    assert {s["type"] for s in whole["opportunity_statuses"]} == {"active", "won", "lost"}
    assert [p["name"] for p in whole["pipelines"]] == ["Sales"]
    assert [f["name"] for f in whole["lead_custom_fields"]] == ["Region"]
    assert list(box.get(path + "?_fields=lead_custom_fields")) == ["lead_custom_fields"]


@pytest.mark.parametrize("path", [
    "/lead/", "/activity/", "/event/", "/api_key/", "/user/", "/export/", "/comment_thread/"])
def test_fields_choose_what_is_shown_in_every_list(box, path):
    lead = box.post("/lead/", {"name": "L"})["id"]
    note = box.post("/activity/note/", {"lead_id": lead, "note": "n"})["id"]
    box.post("/comment/", {"object_id": note, "object_type": "note", "body": "c"})
    box.post("/export/lead/", {"format": "csv", "type": "leads"})
    whole = box.get(path)["data"]
    assert whole and all(len(one) > 2 for one in whole)
    assert box.get(path + "?_fields=id")["data"] == [{"id": one["id"]} for one in whole]


def test_a_lead_shows_its_fields_by_name_too(box):
    field = box.post("/custom_field/lead/", {"name": "Sales region", "type": "text"})["id"]
    lead = box.post("/lead/", {"name": "a", f"custom.{field}": "North"})
    assert lead["custom"] == {"Sales region": "North"}
    path = f"/lead/{lead['id']}/"
    assert box.get(path + "?_fields=custom") == {
        f"custom.{field}": "North", "custom": {"Sales region": "North"}}
    box.post("/_sandbox/settings", {"custom_answer": "left_out"})
    assert "custom" not in box.get(path) and f"custom.{field}" in box.get(path)


def test_old_plural_paths_of_custom_fields_take_every_method(box):
    made = box.post("/custom_fields/lead/", {"name": "F", "type": "text"})
    item = f"/custom_fields/lead/{made['id']}/"
    assert box.get(item)["name"] == "F"
    assert box.ask("PUT", item, {"name": "G"})[1]["name"] == "G"
    assert [f["name"] for f in box.get("/custom_fields/lead/")["data"]] == ["G"]
    assert box.ask("DELETE", item)[0] == 200 and box.get("/custom_field/lead/")["data"] == []


def test_computed_values_are_filters(box):
    lead = box.post("/lead/", {"name": "a"})["id"]
    won = next(s["id"] for s in box.get("/status/opportunity/")["data"] if s["type"] == "won")
    first = box.post("/opportunity/", {"lead_id": lead, "status_id": won})["id"]
    box.post("/opportunity/", {"lead_id": lead})
    assert [o["id"] for o in box.get("/opportunity/?status_type=won")["data"]] == [first]
    request = box.get(f"/event/?object_id={first}&action=created")["data"][0]["request_id"]
    assert {e["object_id"] for e in box.get(f"/event/?request_id={request}")["data"]} == {first}


def test_how_far_a_list_goes(box):
    for path, last in [("/lead/", 35000), ("/contact/", 250000)]:
        assert box.get(f"{path}?_skip={last}")["data"] == []
        status, answer = box.ask("GET", f"{path}?_skip={last + 1}")
        assert status == 400 and f"(max_skip = {last})" in answer["error"]
    assert box.ask("GET", "/lead/?_limit=201")[0] == 400
    assert box.ask("GET", "/contact/?_limit=101")[0] == 400
    box.post("/_sandbox/settings", {"page_limits": "cut"})
    assert box.ask("GET", "/lead/?_limit=201")[0] == 200


def test_the_redirect_keeps_what_was_asked(box):
    status, headers, _ = call(box, "GET", "/lead?query=" + urllib.parse.quote('name:"a & b"'))
    assert status == 308 and urllib.parse.unquote(headers["Location"]).endswith('query=name:"a & b"')
    assert " " not in headers["Location"] and headers["Location"].count("&") == 0


@pytest.mark.parametrize("form, says", [
    ("error", '{"error":"The method is not allowed for the requested URL."}'),
    ("errors", '{"errors":["The method is not allowed for the requested URL."],"field-errors":{}}'),
    ("html", "<html><body><h1>405</h1></body></html>"), ("empty", ""),
])
def test_errors_come_in_the_form_they_are_set_to(box, form, says):
    box.post("/_sandbox/settings", {"error_body": form})
    status, headers, text = call(box, "PUT", "/me/", "{}")
    assert status == 405 and text == says
    assert (headers.get("Content-Type") == "text/html") == (form == "html")
    assert json.loads(call(box, "GET", "/lead/lead_x/")[2])["error"].endswith("does not exist.")


@pytest.mark.parametrize("form, where", [
    ("error", []), ("nested", ["error"]), ("flat", []), ("flat_text", [])])
def test_a_429_comes_in_the_form_it_is_set_to(start_sandbox, form, where):
    box = start_sandbox("--set", f"rate_body={form}")
    box.post("/_sandbox/settings", {"rate": {"read": 1}})
    assert call(box, "GET", "/me/")[0] == 200
    status, _, text = call(box, "GET", "/me/")
    body = json.loads(text)
    for key in where:
        body = body[key]
    assert status == 429
    if form == "error":
        assert body == {"error": "Rate limit exceeded"}
    else:
        assert body["message"] == "API call count exceeded for this period" and body["rate_limit"] == 1
        assert isinstance(body["rate_reset"], str) == (form == "flat_text")
        assert 0 < float(body["rate_reset"]) <= 8


def test_a_429_that_was_ordered_has_the_same_form(box):
    box.post("/_sandbox/settings", {"rate_body": "nested"})
    box.add_fault("429", seconds=3)
    assert json.loads(call(box, "GET", "/me/")[2])["error"]["rate_reset"] == 3


def test_a_body_may_be_too_large(box):
    body = json.dumps({"name": "x" * 1_100_000})
    assert call(box, "POST", "/lead/", body)[0] == 200
    box.post("/_sandbox/settings", {"body_size": "1m"})
    assert call(box, "POST", "/lead/", body)[0] == 413 and len(box.objects("lead")) == 1
