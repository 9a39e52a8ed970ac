"""The JSON Schema of pipeline files against an independent validator: it is a schema, it documents
every key and choice, and it gives the verdict of the loader on every pipeline of the tree.

Broken pipelines (tests/mistakes) say what the loader tells of them, which test_mistakes checks. A
file with an error must be refused by the schema, too, unless a line "#! schema: REASON" says why a
schema cannot know; then it must be accepted, so that no such line outlives its reason. Files with
warnings only, or with "#! nothing", all pipelines of pipelines/ and those in docs/ must be accepted.

Without python3-jsonschema or python3-yaml it is skipped (exit code 77)."""

import json
import pathlib
import re
import sys

try:
    import jsonschema
    import yaml
except ImportError:
    sys.exit(77)

REASONS = {
    "yaml": "the reader of YAML refuses it before there is a value",
    "outside": "it depends on the environment or on another file",
    "inside": "it is inside a text: a template, program, path, URL or header",
    "range": "a pattern cannot compare a duration or size with its bounds",
    "elsewhere": "it depends on another part of the file",
    "catalogue": "it depends on what is known of an operation's path or fields",
}
WORDS = {"": None, "~": None} | {
    form: meant for word, meant in (("null", None), ("true", True), ("false", False))
    for form in (word, word.title(), word.upper())}
BASED = re.compile(r"0x[0-9a-fA-F]{1,64}\Z|0o[0-7]{1,64}\Z")
NUMBER = re.compile(r"[-+]?(?!0[0-9])(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][+-]?[0-9]+)?\Z")
WHOLE = re.compile(r"[-+]?[0-9]+\Z")


def scalar(node):
    """By the rules of the loader: the core schema, but 010 is text."""
    if node.style is not None:
        return node.value
    if node.value in WORDS:
        return WORDS[node.value]
    if BASED.match(node.value):
        return int(node.value, 0)
    if WHOLE.match(node.value) and NUMBER.match(node.value):
        return int(node.value)
    return float(node.value) if NUMBER.match(node.value) else node.value


def value(node):
    if isinstance(node, yaml.ScalarNode):
        return scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [value(item) for item in node.value]
    if not all(isinstance(key, yaml.ScalarNode) for key, _ in node.value):
        raise yaml.YAMLError("a key that is no text")
    return {key.value: value(item) for key, item in node.value}


UNREADABLE = object()


def read(path):
    """The file as a value, or UNREADABLE where it is no YAML."""
    try:
        node = yaml.compose(path.read_bytes(), Loader=yaml.SafeLoader)
        return value(node) if node else None
    except (yaml.YAMLError, UnicodeDecodeError):
        return UNREADABLE


def expectation(path):
    """Whether the loader refuses it, and why a schema cannot know; both from its last lines."""
    lines = [line for line in path.read_bytes().split(b"\n") if line.startswith(b"#! ")]
    reasons = [line[len("#! schema: "):].decode() for line in lines if b"schema: " in line[:11]]
    return any(re.match(rb"#! \d+:\d+ error", line) for line in lines), (reasons or [None])[0]


def documented(root):
    """The pipelines in docs/, which test_docs has the program check: page and value."""
    for page in sorted((root / "docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"^```yaml[^\n]*\n(version: 1\n.*?)^```", text, re.M | re.S):
            yield page.name, value(yaml.compose(block, Loader=yaml.SafeLoader))


def check_verdicts(validator, mistakes, rights):
    for path in mistakes:
        is_wrong, reason = expectation(path)
        if reason is not None and (reason not in REASONS or not is_wrong):
            yield f"{path.name}: there is no reason {reason!r} for a schema to be blind"
        document = read(path)
        if document is UNREADABLE:
            if reason != "yaml":
                yield f"{path.name}: another reader of YAML cannot read it: mark it with yaml"
            continue
        accepted = validator.is_valid(document)
        if is_wrong and not reason and accepted:
            yield f"{path.name}: the loader refuses it, the schema does not"
        if (not is_wrong or reason) and not accepted:
            error = jsonschema.exceptions.best_match(validator.iter_errors(document))
            yield f"{path.name}: the schema refuses it: {error.json_path}: {error.message}"
    for name, document in rights:
        for error in validator.iter_errors(document):
            yield f"{name}: {error.json_path}: {error.message}"


def keys_of(schema, place=""):
    """Every key a pipeline may have now, with its schema: "close.timeout"."""
    for name, key in schema.get("properties", {}).items():
        yield f"{place}{name}", key
        if not key.get("doNotSuggest"):
            yield from keys_of(key, f"{place}{name}.")
            yield from keys_of(key.get("items", {}), f"{place}{name}[].")


def used_in(document, place=""):
    """The places of all keys of a value: "routes[].batch.size"."""
    if isinstance(document, list):
        for item in document:
            yield from used_in(item, f"{place[:-1]}[].")
    elif isinstance(document, dict):
        for name, item in document.items():
            yield f"{place}{name}"
            yield from used_in(item, f"{place}{name}.")


def enums_of(schema):
    if isinstance(schema, list):
        for item in schema:
            yield from enums_of(item)
    elif isinstance(schema, dict):
        if "enum" in schema and "enumDescriptions" in schema:
            yield schema
        for item in schema.values():
            yield from enums_of(item)


def check_documents(schema, validator, rights):
    """Hover texts, meanings of choices, and defaults and examples that are right themselves."""
    used = {place for _, document in rights for place in used_in(document)}
    for place, key in keys_of(schema):
        if not key.get("description"):
            yield f"{place} has no description"
        for example in [*key.get("examples", []), *([key["default"]] if "default" in key else [])]:
            if key.get("doNotSuggest") and "const" not in key:
                continue
            if not validator.evolve(schema={**key, "$defs": schema["$defs"]}).is_valid(example):
                yield f"{place}: its own schema refuses {example!r}"
        if not key.get("doNotSuggest") and place not in used:
            yield f"{place} is in no pipeline that is right: add it to tests/mistakes/right-*.yaml"
    for enum in enums_of(schema):
        if len(enum["enum"]) != len(enum["enumDescriptions"]) or not all(enum["enumDescriptions"]):
            yield f"not every choice is described: {enum['enum'][:3]}"


def main(root):
    schema = json.loads((root / "schemas/pipeline.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    mistakes = sorted((root / "tests/mistakes").glob("*.yaml"))
    files = [path for path in mistakes if path.name.startswith("right-")]
    files += sorted((root / "pipelines").glob("*/pipeline*.yaml"))
    rights = [(path.name, read(path)) for path in files] + list(documented(root))
    faults = list(check_verdicts(validator, mistakes, rights))
    faults += check_documents(schema, validator, rights)
    for fault in faults:
        print(fault)
    return 1 if faults or len(mistakes) < 60 or len(rights) < 8 else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
