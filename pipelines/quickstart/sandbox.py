"""What run.sh asks the sandbox: make the field for the identity, count leads, show what happened."""

import base64
import collections
import json
import os
import sys
import time
import urllib.request

BASE, KEY = os.environ["CLOSE_BASE_URL"], os.environ["CLOSE_API_KEY"]


def ask(path, body=None):
    request = urllib.request.Request(
        BASE.removesuffix("/api/v1") + path if path.startswith("/_sandbox") else BASE + path,
        json.dumps(body).encode() if body is not None else None,
        {
            "Authorization": "Basic " + base64.b64encode(f"{KEY}:".encode()).decode(),
            "Content-Type": "application/json",
        },
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return json.load(answer)


def leads():
    return ask("/_sandbox/objects?kind=lead")["data"]


def make_field(name):
    print(ask("/custom_field/lead/", {"name": name, "type": "text"})["id"])


def wait_for_leads(n):
    end = time.monotonic() + 60
    while len(leads()) < int(n):
        if time.monotonic() > end:
            sys.exit(f"there are not {n} leads after a minute")
        time.sleep(0.01)
    print(len(leads()))


def show(field):
    made, calls = leads(), ask("/_sandbox/hook")["data"]
    keys = collections.Counter(lead.get(f"custom.{field}") for lead in made)
    twice = [key for key, n in keys.items() if n > 1]
    events = {call["event"]["id"]: call["event"] for call in calls}
    outcomes = collections.Counter(event["data"]["outcome"] for event in events.values())
    told = collections.Counter(
        event["subject"] for event in events.values() if event["data"]["outcome"] == "delivered")

    print(f"leads made:       {len(made)}")
    print(f"keys seen twice:  {len(twice)}")
    print(f"events received:  {len(events)} ({len(calls) - len(events)} of them a second time)")
    for outcome, n in sorted(outcomes.items()):
        print(f"  {outcome:<15} {n}")
    if twice or set(told) != {lead["id"] for lead in made} or max(told.values()) > 1:
        sys.exit("something is twice, or a lead and its event do not agree")
    print("each lead exists once, and one event tells of each")


if __name__ == "__main__":
    {"make-field": make_field, "wait-for-leads": wait_for_leads, "show": show}[sys.argv[1]](
        *sys.argv[2:])
