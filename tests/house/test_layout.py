"""The tree is the architecture: what may stand where, and what must not stand anywhere."""

import re

import pytest

TOP_LEVEL = {
    ".ci", ".clang-format", ".clang-tidy", ".editorconfig", ".gitignore", "LICENSE", "README.md",
    "connector", "docs", "lib", "meson.build", "meson_options.txt", "packaging", "pipelines",
    "schemas", "tests",
}
CONNECTOR = {
    "cli", "close", "delivery", "engine", "gather", "main.c", "meson.build", "model", "pipeline",
    "respond", "sandbox", "serve", "shape", "source",
}
TEXT = {".c", ".h", ".py", ".sh", ".md", ".yaml", ".json", ".build", ".txt", ""}

# Put together from pieces, so that this file is not what it looks for.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK|W" r"IP)\b")
MACHINE = re.compile(r"/(ro" r"ot|wo" r"rk|ho" r"me/\w+)/[\w.]|/tm" r"p/b/")


def texts(root, files):
    for path in files:
        if path.suffix in TEXT:
            yield path, (root / path).read_text(encoding="utf-8")


def found(root, files, pattern):
    return [
        f"{path}: {match.group(0)}" for path, text in texts(root, files)
        for match in pattern.finditer(text)
    ]


def test_only_known_names_stand_at_the_top(files):
    assert {path.parts[0] for path in files} - TOP_LEVEL == set()


def test_only_known_folders_stand_in_the_connector(files):
    inside = {path.parts[1] for path in files if path.parts[0] == "connector"}
    assert inside - CONNECTOR == set()


def test_nothing_unfinished_is_committed(root, files):
    assert found(root, files, UNFINISHED) == []


def test_no_path_of_one_machine_is_committed(root, files):
    assert found(root, files, MACHINE) == []


@pytest.mark.parametrize("folder", ["lib", "connector"])
def test_no_source_file_is_endless(root, files, folder):
    long = [
        str(path) for path, text in texts(root, files)
        if path.parts[0] == folder and path.suffix in (".c", ".h") and text.count("\n") > 700
    ]
    assert long == []


def test_text_files_end_their_last_line_and_have_no_trailing_blanks(root, files):
    wrong = []
    for path, text in texts(root, files):
        if path.parts[:2] == ("tests", "fuzz") or not text:
            continue
        if not text.endswith("\n") or (path.suffix != ".md" and re.search(r"[ \t]+$", text, re.M)):
            wrong.append(str(path))
    assert wrong == []


def test_links_between_documents_lead_somewhere(root, files):
    wrong = []
    for path, text in texts(root, files):
        if path.suffix != ".md":
            continue
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            if not (root / path.parent / target).exists():
                wrong.append(f"{path}: {target}")
    assert wrong == []
