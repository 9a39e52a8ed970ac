"""What the tests of match, link and lists share: to run, to feed again, and to see what came."""

import json

# Of an upsert: the lead of a contact who has the address, who is made with it.
LEAD_OF_EMAIL = """\
  match: {email: "{email}"}
  on_create: {contacts: [{name: "{name}", emails: [{email: "{email}"}]}]}
"""

# Where a `send` is killed.
SEND_POINTS = [
    "send_begins:1", "commit_applied:1", "intent_durable:1", "wire_entered:1", "answer_came:1",
    "outcome_asked:1", "outcome_durable:1", "file_appended:1", "run_ends:1"]


def run(closefeed, path, code=0, *flags):
    """Runs the pipeline to its end and returns the summary."""
    result = closefeed("run", path, "--json", *flags)
    assert result.code == code, result.out + result.err
    return result.summary


def counts(summary):
    """The counts that are not 0, of those that add up to what was read."""
    names = ("read", "delivered", "filtered", "skipped", "rejected", "held", "open")
    return {name: summary[name] for name in names if summary[name]}


def feed(path, *records):
    """Adds records to the input of a pipeline."""
    with open(path.with_suffix(".ndjson"), "a", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def rejects(closefeed, path):
    """(line, class, message) of each reject, in the order of the lines."""
    listed = closefeed("rejects", "list", path, "--json").json["rejects"]
    return sorted((item["records"][0]["line"], item["class"], item["message"]) for item in listed)


def writes(sandbox, path=""):
    """(method, path, body) of every write that came, searches aside, oldest first."""
    return [(call["method"], call["path"], json.loads(call["body"] or "null"))
            for call in sandbox.requests()
            if call["method"] != "GET" and call["path"] != "/data/search/"
            and call["path"].startswith(path)]


def searches(sandbox):
    """The questions to the search."""
    return [json.loads(call["body"]) for call in sandbox.requests("POST", "/data/search/")]


def field(sandbox, name, kind="lead", type="text", **more):
    """A new custom field; its key in a body, by id."""
    made = sandbox.post(f"/custom_field/{kind}/", {"name": name, "type": type, **more})
    return "custom." + made["id"]


def emails(contact):
    return [item["email"] for item in contact["emails"]]


def set_lag(sandbox, ms):
    """How far the search is behind the writes."""
    sandbox.post("/_sandbox/settings", {"lag_ms": ms})


def answer_slowly(sandbox, path):
    """The next POST to @path is answered when all that was sent beside it has ended."""
    sandbox.add_fault("slow_body", method="POST", path=path, n=1, bytes=50, ms=80)


def canary_and_key(sandbox):
    """What creates are proven by: the id of a canary, and a custom field's key in an identity."""
    return sandbox.post("/lead/", {"name": "Canary"})["id"], field(sandbox, "Key")


def events_of_delivered(path, n):
    """The events in a file, which tell of @n records that each was delivered."""
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({event["id"] for event in events}) == n
    assert all(event["data"]["outcome"] == "delivered" for event in events)
    return events
