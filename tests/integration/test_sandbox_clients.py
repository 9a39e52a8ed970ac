"""Programs that other people wrote against Close, unchanged, against the sandbox."""

import datetime
import json
import os
import pathlib
import subprocess
import sys

import pytest

from harness import KEY

TODAY = datetime.datetime.now(datetime.timezone.utc).date()


@pytest.fixture(scope="session")
def clients():
    folder = pathlib.Path(os.environ.get("CLOSEFEED_CLIENTS", "/nowhere"))
    assert (folder / "closeio_api").is_dir(), (
        "CLOSEFEED_CLIENTS must name the folder that tests/clients/fetch.sh filled")
    return folder


@pytest.fixture
def box(start_sandbox):
    return start_sandbox("--no-rate-limit", "--lag", "0")


def run(clients, code, *args, env=None):
    """What a Python program prints that has the clients at hand: (standard output, error)."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, args)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(clients), "LC_ALL": "C.UTF-8",
             "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
        capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout, done.stderr


def official(clients, box, code):
    """Lines of a program that uses the official client, as the JSON it prints."""
    head = (
        "import json, sys\n"
        "from closeio_api import API, APIError, ValidationError\n"
        "api = API(sys.argv[1] + '/', sys.argv[2], tz_offset=0)\n"
        "def say(value): print(json.dumps(value))\n")
    out, _ = run(clients, head + code, box.base_url, KEY)
    return [json.loads(line) for line in out.splitlines()]


def test_the_official_client_creates_reads_updates_and_deletes(clients, box):
    made, changed, listed, gone, unknown = official(clients, box, """
lead = api.post('lead', {'name': 'Northwind', 'contacts': [
    {'name': 'Ana', 'emails': [{'email': 'ana@northwind.example', 'type': 'office'}]}]})
note = api.post('activity/note', {'lead_id': lead['id'], 'note': 'met'})
say([lead['name'], lead['contacts'][0]['emails'][0]['email'], note['_type']])
api.put('lead/' + lead['id'], {'name': 'Northwind Ltd', 'misspelt': 1})
contact = lead['contacts'][0]['id']
api.put('contact/' + contact, {'title': 'CEO'})
lead = api.get('lead/' + lead['id'], params={'_fields': 'name,contacts'})
say([sorted(lead), lead['name'], lead['contacts'][0]['title']])
say([n['note'] for n in api.get('activity/note', params={'lead_id': note['lead_id']})['data']])
say(api.delete('lead/' + note['lead_id']))
try:
    api.get('lead/' + note['lead_id'])
except APIError as error:
    say([error.response.status_code, error.response.json()])
""")
    assert made == ["Northwind", "ana@northwind.example", "Note"]
    assert changed == [["contacts", "name"], "Northwind Ltd", "CEO"]
    assert listed == ["met"] and gone == {}
    assert unknown == [404, {"error": "Empty query: Lead matching query does not exist."}]
    assert box.objects("contact") == []


def test_the_official_client_understands_what_is_refused(clients, box):
    fields, limit, errors = official(clients, box, """
for call in [lambda: api.post('lead', {'contacts': [{'emails': [{'email': 'ana@'}]}]}),
             lambda: api.get('lead', params={'_limit': 201}),
             lambda: api.get('lead', params={'query': 'name:'})]:
    try:
        call()
        say('nothing was refused')
    except ValidationError as error:
        say(error.field_errors or error.response.json())
""")
    assert fields["contacts"]["errors"]["0"]["field-errors"]["emails"]["errors"]["0"][
        "field-errors"] == {"email": "Invalid email address."}
    assert limit == {"_limit": "Input should be less than or equal to 200"}
    assert "has no value" in errors["error"]


def test_the_official_client_pages_beyond_200_and_searches(clients, box):
    counts, found, total, scored, page = official(clients, box, """
field = api.post('custom_fields/lead', {'name': 'Score', 'type': 'number'})['id']
for i in range(450):
    api.post('lead', {'name': 'Lead %03d' % i, 'custom.' + field: i})
seen, skip, sizes = [], 0, []
while True:
    page = api.get('lead', params={'_skip': skip, '_limit': 200, '_fields': 'id,name'})
    seen += [lead['name'] for lead in page['data']]
    sizes.append(len(page['data']))
    skip += len(page['data'])
    if not page['has_more']:
        break
say([sizes, len(set(seen))])
query = {'type': 'and', 'queries': [{'type': 'object_type', 'object_type': 'lead'}]}
body, names = {'query': query, '_fields': {'lead': ['name']}, '_limit': 200}, []
while True:
    page = api.post('data/search', body)
    names += [lead['name'] for lead in page['data']]
    if not page['cursor']:
        break
    body['cursor'] = page['cursor']
say(len(set(names)))
found = api.get('lead', params={'query': 'custom.Score >= 445 sort:-custom.Score', '_limit': 2})
say([found['total_results'], found['has_more'], [l['name'] for l in found['data']]])
lead = found['data'][0]
say([lead['custom'], lead['custom.' + field]])
say(len(api.get('lead', params={'query': 'name:"Lead 123" status:"Potential"'})['data']))
""")
    assert counts == [[200, 200, 50], 450] and found == 450
    assert total == [5, True, ["Lead 449", "Lead 448"]]
    assert scored == [{"Score": 449}, 449] and page == 1


def test_the_official_client_waits_as_a_429_says(clients, box):
    box.add_fault("429", method="POST", path="/lead/", times=6, every=1, seconds=4)
    waits, = official(clients, box, """
import time
waits = []
time.sleep = lambda seconds: waits.append(seconds)
for i in range(2):
    try:
        waits.append(api.post('lead', {'name': 'L'})['name'])
    except APIError as error:
        waits.append(error.response.status_code)
say(waits)
""")
    # Five tries of the first one; the second one is let in at its second.
    assert waits == [4.0] * 5 + [429] + [4.0, "L"]


@pytest.fixture
def history(box):
    """What a tap is to find: leads, fields, notes, calls and tasks, some changed, one deleted."""
    box.post("/custom_field/lead/", {"name": "Region", "type": "text"})
    leads = [box.post("/lead/", {"name": f"Lead {i}"}) for i in range(230)]
    for lead in leads[:4]:
        box.post("/activity/note/", {"lead_id": lead["id"], "note": "n"})
        box.post("/activity/call/", {"lead_id": lead["id"], "duration": 3})
        box.post("/task/", {"lead_id": lead["id"], "text": "t"})
    assert box.ask("DELETE", f"/lead/{leads[-1]['id']}/")[0] == 200
    return leads


def tap(clients, box, folder, state=None):
    """A run of the Singer tap: its messages."""
    start = (TODAY - datetime.timedelta(days=40)).isoformat() + "T00:00:00Z"
    (folder / "config.json").write_text(json.dumps({"api_key": KEY, "start_date": start}))
    args = ["--config", folder / "config.json"]
    if state:
        (folder / "state.json").write_text(json.dumps(state))
        args += ["--state", folder / "state.json"]
    catalog, _ = run(clients, TAP, box.base_url, *args, "--discover")
    catalog = json.loads(catalog)
    for stream in catalog["streams"]:
        stream["schema"]["selected"] = True
        stream["metadata"].append({"breadcrumb": [], "metadata": {"selected": True}})
    (folder / "catalog.json").write_text(json.dumps(catalog))
    out, _ = run(clients, TAP, box.base_url, *args, "--catalog", folder / "catalog.json")
    return [json.loads(line) for line in out.splitlines()]


# The one thing it has no setting for is where Close is.
TAP = """
import sys
import tap_closeio, tap_closeio.http
tap_closeio.http.BASE_URL = sys.argv.pop(1)
tap_closeio.main()
"""


def records(messages, stream):
    return [m["record"] for m in messages if m["type"] == "RECORD" and m["stream"] == stream]


def test_the_singer_tap_reads_everything(clients, box, history, tmp_path):
    messages = tap(clients, box, tmp_path)
    assert sorted(r["name"] for r in records(messages, "leads")) == sorted(
        lead["name"] for lead in history[:-1])
    assert [r["name"] for r in records(messages, "custom_fields")] == ["Region"]
    assert sorted(r["_type"] for r in records(messages, "activities")) == ["Call"] * 4 + ["Note"] * 4
    assert [r["text"] for r in records(messages, "tasks")] == ["t"] * 4
    assert [r["email"] for r in records(messages, "users")] == ["ana@sandbox.example"]
    events = records(messages, "event_log")
    assert len(events) == len({e["id"] for e in events})
    assert sum((e["object_type"], e["action"]) == ("lead", "created") for e in events) == 230
    assert sum((e["object_type"], e["action"]) == ("lead", "deleted") for e in events) == 1
    assert "skip" not in json.dumps(messages[-1]["value"])


def test_the_singer_tap_goes_on_from_its_bookmark(clients, box, tmp_path):
    box.post("/lead/", {"name": "Old", "date_created": "2025-01-02T00:00:00Z"})
    later = (TODAY + datetime.timedelta(days=3)).isoformat() + "T00:00:00+00:00"
    messages = tap(clients, box, tmp_path, {"bookmarks": {
        "leads": {"date_updated": later}, "tasks": {"date_updated": later}}})
    assert records(messages, "leads") == [] and len(records(messages, "event_log")) == 1
    asked = [r["query"]["query"] for r in box.requests("GET") if r["path"] == "/lead/"]
    assert asked and all(q.endswith("sort:date_updated") for q in asked)


def test_the_singer_tap_waits_as_the_old_body_of_a_429_says(clients, box, tmp_path):
    box.post("/_sandbox/settings", {"rate_body": "flat"})
    for name in "ab":
        box.post("/lead/", {"name": name})
    box.add_fault("429", method="GET", path="/lead/", n=1, form="none", seconds=1)
    assert len(records(tap(clients, box, tmp_path), "leads")) == 2
    assert [r["status"] for r in box.requests() if r["path"] == "/lead/"][2:] == [429, 200]
