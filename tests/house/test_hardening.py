"""The release binary carries every protection the compiler and the linker offer."""

import os
import subprocess

import pytest


@pytest.fixture(scope="module")
def binary():
    path = os.environ.get("CLOSEFEED_RELEASE_BIN", "")
    assert os.path.exists(path), "CLOSEFEED_RELEASE_BIN must name the release binary"
    return path


def readelf(binary, *flags):
    return subprocess.run(
        ["readelf", "-W", *flags, binary], check=True, capture_output=True, text=True).stdout


def test_code_is_loaded_at_a_random_address(binary):
    assert "DYN (Position-Independent Executable file)" in readelf(binary, "-h")


def test_relocations_are_read_only_before_main(binary):
    assert "GNU_RELRO" in readelf(binary, "-l")
    assert "NOW" in readelf(binary, "-d")


def test_the_stack_is_not_executable(binary):
    stack = [line for line in readelf(binary, "-l").splitlines() if "GNU_STACK" in line]
    assert stack and " RW " in stack[0] and "RWE" not in stack[0]


def test_stack_smashing_and_overflows_are_noticed(binary):
    symbols = readelf(binary, "--dyn-syms")
    assert "__stack_chk_fail" in symbols
    assert "_chk@" in symbols.replace("__stack_chk_fail@", "")


def test_no_library_is_looked_for_in_odd_places(binary):
    assert "RPATH" not in readelf(binary, "-d") and "RUNPATH" not in readelf(binary, "-d")


def test_kill_points_are_not_in_a_release(binary):
    with open(binary, "rb") as image:
        content = image.read()
    assert b"CLOSEFEED_KILL_AT" not in content and b"CLOSEFEED_WITHOUT" not in content
