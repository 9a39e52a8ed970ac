"""Includes point down only, each library has one door, and every header stands alone."""

import concurrent.futures
import os
import re
import shlex
import subprocess

import pytest

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)
MAY_INCLUDE_ALL = {"engine", "cli", "main.c"}
GENERATED = {"schemas/close/operations_table.h"}

# header of a library → the files that may include it (versions.c asks each for its version)
DOORS = {
    r"curl/": r"lib/http[a-z_]*\.[ch]|tests/unit/test_http\.c",
    r"yaml\.h": r"lib/yaml[a-z_]*\.c",
    r"sqlite3\.h": r"lib/store[a-z_]*\.c",
    r"librdkafka/": r"lib/kafka[a-z_]*\.[ch]|tests/unit/(test_)?kafka[a-z_]*\.[ch]",
    r"microhttpd\.h": r"lib/http_server[a-z_]*\.c",
    r"openssl/": r"lib/crypto\.c",
    r"zlib\.h|zstd": r"lib/unpack\.c|tests/unit/pack\.h",
    r"j[qv]\.h": r"lib/jq[a-z_]*\.[ch]",
    r"cmocka\.h": r"tests/unit/check\.h",
}


def sources(files, *folders):
    return [f for f in files if f.suffix in (".c", ".h") and f.parts[0] in folders]


def includes(root, path):
    return INCLUDE.findall((root / path).read_text(encoding="utf-8"))


def test_our_headers_are_included_from_the_root(root, files):
    wrong = [
        f"{path}: {name}" for path in sources(files, "lib", "connector", "tests")
        for quote, name in includes(root, path)
        if quote == '"' and not (root / name).exists() and name not in GENERATED
    ]
    assert wrong == []


def test_lib_knows_nothing_of_the_connector(root, files):
    wrong = [
        f"{path}: {name}" for path in sources(files, "lib")
        for _, name in includes(root, path) if name.startswith("connector/")
    ]
    assert wrong == []


def test_siblings_of_the_connector_do_not_include_one_another(root, files):
    wrong = []
    for path in sources(files, "connector"):
        home = path.parts[1]
        if home in MAY_INCLUDE_ALL:
            continue
        for _, name in includes(root, path):
            parts = name.split("/")
            if parts[0] == "connector" and parts[1] not in (home, "model"):
                wrong.append(f"{path}: {name}")
    assert wrong == []


@pytest.mark.parametrize("header", DOORS)
def test_each_library_has_one_door(root, files, header):
    wrong = [
        f"{path}: {name}" for path in sources(files, "lib", "connector", "tests")
        for quote, name in includes(root, path)
        if quote == "<" and re.match(header, name)
        and not re.fullmatch(DOORS[header], str(path)) and str(path) != "lib/versions.c"
        and path.parts[:2] not in (("tests", "faults"), ("tests", "bench"))
    ]
    assert wrong == []


def test_headers_begin_with_pragma_once(root, files):
    wrong = [
        str(path) for path in sources(files, "lib", "connector", "tests") if path.suffix == ".h"
        and not (root / path).read_text(encoding="utf-8").startswith("#pragma once\n")
    ]
    assert wrong == []


def library_flags():
    names = "libcurl json-c yaml-0.1 sqlite3 libcrypto libmicrohttpd rdkafka".split()
    found = subprocess.run(["pkg-config", "--cflags", *names], capture_output=True, text=True)
    return shlex.split(found.stdout)


def compiles_alone(root, header, flags):
    command = [
        "gcc", "-std=gnu17", "-D_GNU_SOURCE", "-DCLOSEFEED_TEST_HOOKS=0", "-Wall", "-Wextra",
        "-Werror", "-Wno-unused-function", "-fsyntax-only", "-I", str(root), *flags, "-x", "c", "-",
    ]
    done = subprocess.run(
        command, input=f'#include "{header}"\n', capture_output=True, text=True, cwd=root)
    return "" if done.returncode == 0 else done.stderr


def test_every_header_stands_alone(root, files):
    headers = [path for path in sources(files, "lib", "connector") if path.suffix == ".h"]
    flags = library_flags()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        said = list(pool.map(lambda header: compiles_alone(root, header, flags), headers))
    assert len(headers) > 20
    assert [text for text in said if text] == []
