"""The sandbox's switches: what it does usually, and what it does when told otherwise."""

import json
import pathlib
import re
import urllib.error
import urllib.parse
import urllib.request

import pytest

from harness import wait_until
from test_sandbox import full


@pytest.fixture
def box(start_sandbox):
    return start_sandbox("--no-rate-limit", "--lag", "0")


def ask(box, method, path, body=None, status=200):
    said, value = box.ask(method, path, body)
    assert said == status, (method, path, said, value)
    return value


def turn(box, **settings):
    return box.post("/_sandbox/settings", settings)


def field(box, name, type="text", kind="lead", **more):
    return box.post(f"/custom_field/{kind}/", {"name": name, "type": type, **more})["id"]


def colours(box, kind="lead", **more):
    return "custom." + field(box, "Colours", "choices", kind, choices=["red", "blue", "green"],
                             accepts_multiple_values=True, **more)


def lead(box, **body):
    return "/lead/" + box.post("/lead/", body)["id"] + "/"


def find(box, query, **more):
    return box.post("/data/search/", {"query": query, **more})["data"]


def test_a_list_under_add(box):
    key = colours(box)
    path = lead(box, **{key: ["red"]})
    assert ask(box, "PUT", path, {key + ".add": ["blue", "red"]})[key] == ["red", "blue"]
    turn(box, add_list="refused")
    refused = ask(box, "PUT", path, {key + ".add": ["green"]}, 400)
    assert refused["field-errors"] == {key + ".add": "Value must be of str type."}
    assert ask(box, "PUT", path, {key + ".add": "green"})[key] == ["red", "blue", "green"]
    ask(box, "PUT", path, {key + ".remove": ["green"]}, 400)
    assert ask(box, "PUT", path, {key + ".remove": "red"})[key] == ["blue", "green"]


def test_add_on_a_custom_activity(box):
    kind = box.ask("POST", "/custom_activity/", {"name": "Visit"})[1]["id"]
    key = colours(box, "activity", custom_activity_type_id=kind)
    body = {"lead_id": box.post("/lead/", {})["id"], "custom_activity_type_id": kind, key: ["red"]}
    path = "/activity/custom/" + box.post("/activity/custom/", body)["id"] + "/"
    ask(box, "PUT", path, {key + ".add": "blue"}, 400)
    turn(box, add_on_custom="accepted")
    assert ask(box, "PUT", path, {key + ".add": "blue"})[key] == ["red", "blue"]


def test_add_beside_the_plain_key(box):
    key = colours(box)
    path = lead(box)
    body = {key: ["red"], key + ".add": "blue"}
    assert ask(box, "PUT", path, body)[key] == ["red", "blue"]
    turn(box, add_with_plain="refused")
    ask(box, "PUT", path, body, 400)


def test_a_get_right_after_a_delete(box):
    path = lead(box, name="North")
    ask(box, "DELETE", path)
    ask(box, "GET", path, status=404)
    turn(box, after_delete="seen_once")
    path = lead(box, name="South")
    ask(box, "DELETE", path)
    assert ask(box, "GET", path)["name"] == "South"
    ask(box, "GET", path, status=404)
    ask(box, "DELETE", path, status=404)


def test_the_body_of_a_delete(box):
    assert ask(box, "DELETE", lead(box)) == {}
    turn(box, delete_body="empty")
    assert ask(box, "DELETE", lead(box)) is None


def test_a_chunked_body(box):
    headers = {"Transfer-Encoding": "chunked"}
    chunks = b'c\r\n{"name":"X"}\r\n0\r\n\r\n'
    assert full(box, "POST", "/api/v1/lead/", chunks, headers)[0] == 400
    turn(box, chunked="accepted")
    assert full(box, "POST", "/api/v1/lead/", chunks, headers)[2]["name"] == "X"


def test_a_contact_without_a_lead(box):
    box.post("/contact/", {"name": "Ana"})
    turn(box, contact_without_lead="refused")
    for path in ("/contact/", "/opportunity/"):
        refused = ask(box, "POST", path, {}, 400)
        assert refused["field-errors"] == {"lead": "This field is required."}
    assert len(box.objects("lead")) == 1


def test_a_custom_dictionary_erases_what_it_does_not_list(box):
    a, b = field(box, "A"), field(box, "B")
    path = lead(box, **{f"custom.{a}": "1"})
    said = ask(box, "PUT", path, {"custom": {"B": "2"}})
    assert f"custom.{a}" not in said and said[f"custom.{b}"] == "2"
    refused = ask(box, "PUT", path, {"custom": {"C": "2"}}, 400)
    assert refused["field-errors"] == {"custom.C": 'The Custom Field "C" does not exist.'}
    turn(box, custom_dictionary="ignored")
    assert ask(box, "PUT", path, {"custom": {"A": "3"}})[f"custom.{b}"] == "2"
    turn(box, custom_dictionary="refused")
    ask(box, "PUT", path, {"custom": {"A": "3"}}, 400)


def test_an_object_under_custom_fields(box):
    a = field(box, "A")
    assert f"custom.{a}" not in ask(box, "PUT", lead(box), {"custom_fields": {a: "1"}})
    turn(box, custom_fields="taken")
    assert ask(box, "PUT", lead(box), {"custom_fields": {a: "1"}})[f"custom.{a}"] == "1"


def test_custom_fields_by_name(box):
    a = field(box, "A")
    assert ask(box, "PUT", lead(box), {"custom.A": "1"})[f"custom.{a}"] == "1"
    turn(box, custom_names="refused")
    refused = ask(box, "PUT", lead(box), {"custom.A": "1"}, 400)
    assert refused["field-errors"] == {"custom.A": 'The Custom Field "A" does not exist.'}
    ask(box, "PUT", lead(box), {f"custom.{a}": "1"})


@pytest.mark.parametrize("case, kept", [("kept", "Ana.Ruiz@North.example"),
                                        ("lowered", "ana.ruiz@north.example")])
def test_letter_case_of_addresses(box, case, kept):
    turn(box, email_case=case)
    made = box.post("/lead/", {"contacts": [{"emails": [{"email": " Ana.Ruiz@North.example"}]}]})
    assert made["contacts"][0]["emails"][0]["email"] == kept


def test_whether_exact_value_minds_letter_case(box):
    a = field(box, "A")
    box.post("/lead/", {f"custom.{a}": "N-104"})

    def found(value):
        return len(find(box, {"type": "and", "queries": [
            {"type": "object_type", "object_type": "lead"},
            {"type": "field_condition", "field": {"type": "custom_field", "custom_field_id": a},
             "condition": {"type": "text", "mode": "exact_value", "value": value}}]}))

    assert (found("N-104"), found("n-104"), found("N-10")) == (1, 1, 0)
    turn(box, exact_value="case")
    assert (found("N-104"), found("n-104")) == (1, 0)


def test_contacts_in_the_put_of_a_lead(box):
    path = lead(box)
    assert ask(box, "PUT", path, {"contacts": [{"name": "Ana"}]})["contacts"] == []
    turn(box, lead_contacts="refused")
    ask(box, "PUT", path, {"contacts": [{"name": "Ana"}]}, 400)
    assert box.post("/lead/", {"contacts": [{"name": "Ana"}]})["contacts"]


def test_parameters_a_list_does_not_know(box):
    ask(box, "GET", "/contact/?limit=1")
    turn(box, list_params="refused")
    assert ask(box, "GET", "/contact/?limit=1", status=400)["field-errors"] == {
        "limit": "Extra inputs are not permitted"}
    ask(box, "GET", "/contact/?lead_id=lead_x&date_created__gte=2020-01-01&_limit=5&id__in=a,b")


def test_a_body_that_is_not_json(box):
    headers = {"Content-Type": "text/plain"}
    assert full(box, "POST", "/api/v1/lead/", b"{}", headers)[0] == 400
    turn(box, media_type="415")
    assert full(box, "POST", "/api/v1/lead/", b"{}", headers)[0] == 415


def test_one_value_for_a_field_of_several(box):
    key = colours(box)
    path = lead(box)
    assert ask(box, "PUT", path, {key: "red"})[key] == ["red"]
    turn(box, multi_scalar="refused")
    ask(box, "PUT", path, {key: "red"}, 400)
    assert ask(box, "PUT", path, {key + ".add": "blue"})[key] == ["red", "blue"]


def test_numbers_as_text_and_text_as_numbers(box):
    number, text = f"custom.{field(box, 'N', 'number')}", f"custom.{field(box, 'T')}"
    path = lead(box)
    ask(box, "PUT", path, {number: "12.5"}, 400)
    ask(box, "PUT", path, {text: 12.5}, 400)
    turn(box, number_text="accepted", text_number="converted")
    said = ask(box, "PUT", path, {number: "12.5", text: True})
    assert said[number] == 12.5 and said[text] == "true"
    for wrong in ("twelve", "", "[1]", True):
        ask(box, "PUT", path, {number: wrong}, 400)


def test_the_redirect_to_the_slash(box):
    assert full(box, "GET", "/api/v1/lead")[0] == 308
    turn(box, slash="301")
    assert full(box, "GET", "/api/v1/lead")[0] == 301


def test_what_an_opportunity_status_calls_its_type(box):
    body = {"label": "Stalled", "type": "active"}
    assert box.post("/status/opportunity/", body)["type"] == "active"
    turn(box, status_type="status_type")
    refused = ask(box, "POST", "/status/opportunity/", body, 400)
    assert refused["field-errors"] == {"status_type": "This field is required."}
    made = box.post("/status/opportunity/", {"label": "Dead", "status_type": "lost"})
    assert made["status_type"] == "lost" and "type" not in made
    assert {s["status_type"] for s in box.get("/pipeline/")["data"][0]["statuses"]} == {
        "active", "won", "lost"}


def test_keys_nobody_knows(box):
    box.post("/contact/", {"nmae": "Ana"})
    turn(box, unknown_keys="refused")
    refused = ask(box, "POST", "/contact/", {"nmae": "Ana"}, 400)
    assert refused["field-errors"] == {"nmae": "Extra inputs are not permitted"}
    a = field(box, "A", kind="opportunity")
    ask(box, "POST", "/opportunity/", {"amount": 5, f"custom.{a}": "1"}, 400)
    box.post("/opportunity/", {"value": 5, f"custom.{a}": "1"})
    box.post("/lead/", {"nmae": "Ana"})


def test_switches_are_flags_too_and_outlive_a_reset(start_sandbox):
    box = start_sandbox("--set", "slash=301", "--set", "delete_body=empty")
    box.post("/_sandbox/reset", {})
    said = box.get("/_sandbox/settings")
    assert (said["slash"], said["delete_body"], said["chunked"]) == ("301", "empty", "refused")


def test_a_switch_that_is_none_is_refused(box, closefeed):
    assert ask(box, "POST", "/_sandbox/settings", {"slash": "301", "slahs": "301"}, 400) == {
        "error": 'the sandbox has no switch called "slahs"'}
    ask(box, "POST", "/_sandbox/settings", {"slash": 302}, 400)
    assert box.get("/_sandbox/settings")["slash"] == "308"
    result = closefeed("sandbox", "--set", "exact_value=maybe")
    assert result.code == 2 and result.err == (
        'closefeed: --set exact_value=maybe: exact_value must be folded or case, not "maybe"\n')
    assert closefeed("sandbox", "--set", "slash").code == 2


def test_help_and_manual_tell_every_switch_and_fault(box, closefeed):
    said = closefeed("sandbox", "--help").out
    switches = [name for name, value in box.get("/_sandbox/settings").items()
                if isinstance(value, str) and name != "rate_form"]
    assert len(switches) == 33
    for name in [*switches, "reset_after", "status_after_apply"]:
        assert re.search(rf"^  {name} +\S", said, re.M), name
    assert "exact_value" in closefeed("help", "--man").out


def test_the_page_in_the_docs_has_every_switch_with_its_values(closefeed):
    page = (pathlib.Path(__file__).parents[2] / "docs/sandbox.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", page, re.M)
    said = closefeed("sandbox", "--help").out.split("What --set changes")[1]
    assert told == re.findall(r"^  (\w+) .*\(([^()]+)\)$", said, re.M) and len(told) == 33


def test_a_cursors_life_can_be_shortened(box):
    for i in range(3):
        box.post("/lead/", {"name": str(i)})
    query = {"query": {"type": "object_type", "object_type": "lead"}, "_limit": 2}
    first = box.post("/data/search/", query)
    assert len(box.post("/data/search/", {**query, "cursor": first["cursor"]})["data"]) == 1
    turn(box, cursor_ms=0)
    first = box.post("/data/search/", query)
    assert ask(box, "POST", "/data/search/", {**query, "cursor": first["cursor"]}, 400) == {
        "errors": [], "field-errors": {"cursor": "Expired cursor"}}


def test_a_merge_may_be_done_later(box):
    source, other = (box.post("/lead/", {"name": name, "contacts": [{"name": name}]})["id"]
                     for name in ("Old", "Lost"))
    destination = box.post("/lead/", {"name": "New"})["id"]
    box.post("/_sandbox/settings", {"merge": "later", "job_ms": 3600000})
    for lead in (source, other):
        assert box.post("/lead/merge/", {"source": lead, "destination": destination}) == {"status": "ok"}
    # It is told of at once, and nothing has moved.
    told = box.get(f"/activity/lead_merge/?lead_id={destination}")["data"]
    assert [t["source_lead_name"] for t in told] == ["Old", "Lost"]
    assert box.get(f"/lead/{source}/")["contacts"][0]["name"] == "Old"
    assert box.ask("DELETE", f"/lead/{other}/")[0] == 200
    box.post("/_sandbox/settings", {"job_ms": 0})
    assert box.ask("GET", f"/lead/{source}/")[0] == 404
    assert [c["name"] for c in box.get(f"/lead/{destination}/")["contacts"]] == ["Old"]
    actions = [e["action"] for e in box.get(f"/event/?object_id={destination}&action=merged")["data"]]
    assert actions == ["merged"]


def test_html_that_is_not_allowed_is_stripped_or_refused(box):
    lead = box.post("/lead/", {"name": "a"})["id"]
    body = {"lead_id": lead, "note_html": "<body><p>a<marquee>b</marquee></p></body>"}
    note = box.post("/activity/note/", body)
    assert note["note_html"] == "<body><p>ab</p></body>" and note["note"] == "ab"
    box.post("/_sandbox/settings", {"html_tags": "refused"})
    status, answer = box.ask("POST", "/activity/note/", body)
    assert status == 400 and answer["field-errors"] == {"note_html": "Invalid HTML."}
    assert box.post("/activity/note/", {"lead_id": lead, "note": "c"})["note_html"] == (
        "<body><p>c</p></body>")


def refresh(box, token):
    """What the token server answers to a refresh with @token."""
    state = box.get("/_sandbox/oauth")
    form = urllib.parse.urlencode({
        "client_id": state["client_id"], "client_secret": state["client_secret"],
        "grant_type": "refresh_token", "refresh_token": token})
    try:
        with urllib.request.urlopen(box.origin + "/oauth2/token/", form.encode()) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        return json.load(refusal)


def test_a_refresh_token_that_is_not_used_may_die(box):
    box.post("/_sandbox/oauth", {"refresh_life_ms": 1})
    # It was given before, and lives for ever.
    token = box.get("/_sandbox/oauth")["refresh_token"]

    def refused():
        nonlocal token
        answer = refresh(box, token)
        token = answer.get("refresh_token", token)
        return "error" in answer and answer

    assert not refused()
    assert wait_until(refused) == {"error": "invalid_grant"}


def test_tokens_say_whose_they_are(box):
    answer = refresh(box, "sandbox.first.refresh.token")
    me = box.get("/me/")
    assert answer["organization_id"] == me["organizations"][0]["id"]
    assert answer["user_id"] == me["id"] and answer["token_type"] == "Bearer"


def me_with(box, token):
    """The status of GET /me/ with an access token."""
    call = urllib.request.Request(
        box.base_url + "/me/", headers={"Authorization": "Bearer " + token})
    try:
        with urllib.request.urlopen(call) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


@pytest.mark.parametrize("is_revoked", [False, True])
def test_a_reset_begins_with_the_first_refresh_token_again(box, is_revoked):
    first = "sandbox.first.refresh.token"
    box.post("/_sandbox/oauth", {"life_ms": 7200000})
    before = refresh(box, first)
    assert me_with(box, before["access_token"]) == 200
    if is_revoked:
        box.post("/_sandbox/oauth", {"revoke": True})
    box.post("/_sandbox/reset", {})

    state = box.get("/_sandbox/oauth")
    assert state["refresh_token"] == first and state["log"] == []
    assert state["life_ms"] == 7200000  # a setting
    assert refresh(box, before["refresh_token"]) == {"error": "invalid_grant"}
    after = refresh(box, first)
    assert after["expires_in"] == 7200 and me_with(box, after["access_token"]) == 200
    # Nothing given since is what was given before.
    assert me_with(box, before["access_token"]) == 401
    assert refresh(box, before["refresh_token"]) == {"error": "invalid_grant"}


def test_a_bulk_action_may_be_paused(box):
    leads = [box.post("/lead/", {"name": name})["id"] for name in "ab"]
    box.post("/_sandbox/settings", {"job_ms": 3600000})
    path = f"/bulk_action/delete/{box.post('/bulk_action/delete/', {'s_query': None})['id']}/"
    assert box.ask("PUT", path, {"status": "paused"})[0] == 405
    box.post("/_sandbox/settings", {"bulk_pause": "by_put"})
    status, answer = box.ask("PUT", path, {"status": "resuming"})
    assert status == 400 and answer["field-errors"] == {"status": "Not a valid choice."}
    assert box.ask("PUT", path, {"status": "paused"})[1]["status"] == "paused"
    box.post("/_sandbox/settings", {"job_ms": 0})
    assert box.get(path)["status"] == "paused" and len(box.objects("lead")) == len(leads)
    assert box.ask("PUT", path, {"status": "resuming"})[1]["status"] == "resuming"
    assert wait_until(lambda: box.get(path)["status"] == "done")
    assert box.objects("lead") == []
    assert box.ask("PUT", path, {"status": "paused"})[0] == 400
    assert box.ask("PUT", "/bulk_action/delete/nobody/", {"status": "paused"})[0] == 404
