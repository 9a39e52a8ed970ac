"""Every kind of event that the program prints agrees with schemas/event.schema.json, and the schema
refuses what is none. Without python3-jsonschema it is skipped (exit code 77)."""

import json
import pathlib
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    sys.exit(77)


def broken(event):
    """Events that must be refused, each with one thing wrong."""
    yield {**event, "surplus": 1}
    yield {**event, "id": "clo_short"}
    yield {**event, "type": "closefeed.open"}
    yield {key: value for key, value in event.items() if key != "time"}
    yield {**event, "data": {**event["data"], "records": []}}
    yield {**event, "data": {**event["data"], "outcome": "rejected", "error": {"class": "odd"}}}
    yield {**event, "data": {**event["data"], "outcome": "held"}}


def main(test_event, schema_path):
    schema = json.loads(pathlib.Path(schema_path).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    samples = [
        json.loads(line)
        for line in subprocess.run(
            [test_event, "--samples"], check=True, capture_output=True, text=True
        ).stdout.splitlines()
    ]
    faults = [error.message for event in samples for error in validator.iter_errors(event)]
    accepted = [event for event in broken(samples[0]) if validator.is_valid(event)]
    for text in faults + [f"accepted: {json.dumps(event)}" for event in accepted]:
        print(text)
    return 1 if faults or accepted or len(samples) < 20 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
