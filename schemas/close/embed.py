#!/usr/bin/env python3
"""Writes operations.json as C tables of struct operation: embed.py operations.json table.h"""

import json
import sys

METHODS = {"POST": "METHOD_POST", "PUT": "METHOD_PUT", "DELETE": "METHOD_DELETE"}
SOURCES = {
    "spec": "BODY_SPEC",
    "spec+docs": "BODY_SPEC_DOCS",
    "docs": "BODY_DOCS",
    "inferred": "BODY_INFERRED",
    "none": "BODY_NONE",
}
EFFECTS = {
    "sends": "EFFECT_SENDS",
    "costs": "EFFECT_COSTS",
    "mass": "EFFECT_MASS",
    "destroys": "EFFECT_DESTROYS",
    "orphans": "EFFECT_ORPHANS",
}


def text(value):
    """A C string literal; a question mark is escaped so that no trigraph can arise."""
    if not value.isascii() or not value.isprintable():
        sys.exit("embed.py: not plain ASCII: %r" % value)
    return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")


def words(values):
    return "(const char *const[]){%s}" % ", ".join([text(v) for v in values] + ["NULL"])


def fields(pairs):
    rows = ["{%s, %s}" % (text(name), text(kind)) for name, kind in pairs.items()]
    return "(const struct operation_field[]){%s}" % ", ".join(rows + ["{NULL, NULL}"])


def effects(names):
    return " | ".join(EFFECTS[name] for name in names) or "0"


def entry(op):
    members = [
        ("name", text(op["name"])),
        ("method", METHODS[op["method"]]),
        ("path", text(op["path"])),
        ("path_params", words(op["path_params"])),
        ("query_params", words(op["query_params"])),
        ("body_fields", fields(op["body_fields"])),
        ("required", words(op["required_body_fields"])),
        ("body_source", SOURCES[op["body_source"]]),
        ("success_status", str(op["success_status"])),
        ("is_oauth_only", {"any": "false", "oauth": "true"}[op["auth"]]),
        ("effects", effects(op["effects"])),
        ("depends", effects(op.get("depends", []))),
        ("class", "CLASS_" + op["class"]),
        ("object", text(op["object"])),
        ("lookup", text(op["lookup"])),
        ("summary", text(op["summary"])),
    ]
    return "\t{\n" + "".join("\t\t.%s = %s,\n" % member for member in members) + "\t},\n"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        operations = json.load(file)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write("/* Made from operations.json by embed.py; edit that. */\n")
        file.write("static const struct operation operations[] = {\n")
        file.writelines(entry(op) for op in operations)
        file.write("};\n")


main()
