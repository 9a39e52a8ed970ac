"""Another host behind `base_url` that takes lists of records, and pipelines that send to it."""

import json
import textwrap

from harness import ndjson
from receiver import Server


def adds_up(summary):
    return summary["read"] == sum(
        summary[key] for key in ("delivered", "filtered", "skipped", "rejected", "held", "open"))


class Bulk(Server):
    """Knows no /me/; keeps every call, and answers what @answer says to those that write."""

    def __init__(self, answer=lambda call: (200, {"ok": True})):
        super().__init__(lambda call: 404 if call.path.endswith("/me/") else answer(call))

    def writes(self, path=None):
        """Calls that write, as they came."""
        return [call for call in self.calls
                if call.method != "GET" and (path is None or call.path.split("?")[0] == path)]

    def accepted(self, path=None):
        return [call for call in self.writes(path) if call.status // 100 == 2]

    def arrived(self, path=None):
        """Records of accepted calls, in the order they came."""
        return [record for call in self.accepted(path) for record in call.json]


def refuses(is_bad, status=422):
    """Answers that refuse a call as a whole where one of its records is bad."""
    return lambda call: ((status, {"error": "a bad record"})
                         if any(is_bad(record) for record in call.json) else (200, {"ok": True}))


def bulk_pipeline(folder, host, records=None, *, batch="{size: 100, algorithm: array}",
                  routes=None, source=None, delivery="quarantine: 1s", more="", name="feed"):
    """Writes NAME.yaml (and NAME.ndjson) and returns its path; events go into events.ndjson."""
    if records is not None:
        (folder / f"{name}.ndjson").write_text(ndjson(records), encoding="utf-8")
    routes = routes or f"- method: POST\n  url: /bulk/\n  batch: {batch}"
    path = folder / f"{name}.yaml"
    path.write_text("\n".join([
        "version: 1", f"name: {name}",
        f"source: {source or '{ndjson: {path: ' + name + '.ndjson}}'}",
        "close:", f"  base_url: {host.origin}", "  api_key: {env: CLOSE_API_KEY}",
        "routes:", textwrap.indent(textwrap.dedent(routes).strip("\n"), "  "),
        "delivery:", textwrap.indent("max_rejects: none\n" + delivery, "  "),
        "responses: {file: events.ndjson}", more]) + "\n", encoding="utf-8")
    return path


def events(folder):
    path = folder / "events.ndjson"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


def lines_of(event):
    return [record["line"] for record in event["data"]["records"]]
