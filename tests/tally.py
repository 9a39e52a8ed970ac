"""Adds up the results of all kinds of tests; the last line it prints is "N passed, N failed".

A unit test program counts as many as it has sentences. A kind of tests that ran nothing, and a
build that failed, count as failures: silence is no success.
"""

import argparse
import json
import os
import re
import sys
import xml.etree.ElementTree as xml

OK = re.compile(r"^\[ +OK \] (.*)$", re.M)
FAILED = re.compile(r"^\[  FAILED  \] (\w+)$", re.M)


def unit_results(path):
    """Yields (name, reason): reason is None for a passed test."""
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            test = json.loads(line)
            name = test["name"].split(" / ")[-1]
            text = test.get("stdout", "") + "\n" + test.get("stderr", "")
            passed, failed = OK.findall(text), sorted(set(FAILED.findall(text)))
            for sentence in passed:
                yield f"{name}: {sentence}", None
            for sentence in failed:
                yield f"{name}: {sentence}", text[-3000:]
            if test["result"] == "OK":
                if not passed:
                    yield name, None
            elif test["result"] != "SKIP" and not failed:
                yield f"{name} ({test['result']})", text[-3000:]


def pytest_results(path):
    if not os.path.exists(path):
        return
    for case in xml.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        bad = [child for child in case if child.tag in ("failure", "error")]
        if bad:
            yield name, bad[0].text or bad[0].get("message") or ""
        elif case.find("skipped") is None:
            yield name, None


def skipped_tests(path):
    """Names and reasons: what did not run is said aloud, and counts as nothing."""
    if not os.path.exists(path):
        return
    for case in xml.parse(path).getroot().iter("testcase"):
        skipped = case.find("skipped")
        if skipped is not None:
            yield f"{case.get('classname')}.{case.get('name')}", skipped.get("message")


def lint_results(path):
    if not path:
        return
    if not os.path.exists(path):
        yield "lint", "it did not end"
        return
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            result, name = line.strip().split(" ", 1)
            yield name, None if result == "pass" else "see above"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--unit", required=True)
    options.add_argument("--pytest", required=True)
    options.add_argument("--lint", default="")
    options.add_argument("failed_builds", nargs="*")
    args = options.parse_args()

    results = [(f"build of {name}", "see above") for name in args.failed_builds]
    for kind, found in (
        ("unit tests", list(unit_results(args.unit))),
        ("integration tests", list(pytest_results(args.pytest))),
    ):
        results += found or [(kind, "none of them ran")]
    results += lint_results(args.lint)

    failed = [(name, reason) for name, reason in results if reason is not None]
    for name, reason in failed:
        print(f"FAILED {name}\n{reason}\n")
    for name, _ in failed:
        print(f"FAILED {name}")
    for name, reason in skipped_tests(args.pytest):
        print(f"NOT RUN {name}: {reason}")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
