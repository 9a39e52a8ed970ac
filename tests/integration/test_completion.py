"""Completion scripts, each in its own shell: what a person would be offered."""

import os
import subprocess

import pytest

BASH = r"""
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_closefeed
printf '%s\n' "${COMPREPLY[@]}"
"""

# zsh's own functions need a terminal, so what is handed to them is printed instead.
ZSH = r"""
compdef() { : }
_arguments() { print -rl -- "$@" }
_describe() { print -rl -- "${(@P)2}" }
_files() { : }
source "$1"
shift
words=("$@")
CURRENT=$#
_closefeed
"""

FISH = r"""
source $argv[1]
complete -C "$argv[2]"
"""


class Shells:
    """The scripts of one build, asked in a folder with two pipelines and something else."""

    def __init__(self, closefeed, folder):
        self.folder = folder
        for name in ("leads.yaml", "notes.yml", "notes.txt"):
            (folder / name).write_text("")
        for shell in ("bash", "zsh", "fish"):
            (folder / f".{shell}").write_text(closefeed("completion", shell).out)

    def run(self, *argv):
        done = subprocess.run(
            argv, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"},
            check=True, timeout=180)
        assert not done.stderr, done.stderr
        return [line for line in done.stdout.splitlines() if line]

    def bash(self, *words):
        return self.run("bash", "--norc", "-c", BASH, "bash", ".bash", "closefeed", *words)

    def zsh(self, *words):
        return self.run("zsh", "-f", "-c", ZSH, "zsh", ".zsh", "closefeed", *words)

    def fish(self, *words):
        lines = self.run("fish", "--no-config", "-c", FISH, ".fish",
                         " ".join(["closefeed", *words]))
        return [line.split("\t")[0] for line in lines]


@pytest.fixture(name="shells")
def _shells(closefeed, tmp_path):
    folder = tmp_path / "completion"
    folder.mkdir()
    return Shells(closefeed, folder)


def test_verbs(shells):
    assert "rejects" in shells.bash("re") and "check" not in shells.bash("re")
    assert "rejects" in shells.fish("re") and "check" not in shells.fish("re")
    assert any(line.startswith("rejects:") for line in shells.zsh("re"))


def test_actions_and_then_the_pipeline(shells):
    assert {"list", "show", "retry", "drop"} <= set(shells.bash("rejects", ""))
    assert shells.bash("rejects", "sh") == ["show"]
    assert set(shells.bash("rejects", "show", "")) == {"leads.yaml", "notes.yml"}
    assert "show" in shells.fish("rejects", "sh")
    assert {"leads.yaml", "notes.yml"} <= set(shells.fish("rejects", "show", ""))
    said = shells.zsh("rejects", "")
    assert any(line.startswith("1:word:(list") for line in said)
    assert any(line.startswith("2:word:_files") and "yaml" in line for line in said)


def test_flags_and_their_values(shells):
    assert shells.bash("rejects", "list", "leads.yaml", "--cl") == ["--class"]
    assert shells.bash("rejects", "list", "leads.yaml", "--class", "val") == ["validation"]
    assert "--class" in shells.fish("rejects", "list", "leads.yaml", "--cl")
    assert "validation" in shells.fish("rejects", "list", "leads.yaml", "--class", "val")
    assert any(line.startswith("--class[") and "validation" in line
               for line in shells.zsh("rejects", "list", "leads.yaml", "--cl"))


def test_operations_and_reject_classes(shells):
    assert shells.bash("operations", "lead.cr") == ["lead.create"]
    assert shells.fish("operations", "lead.cr") == ["lead.create"]
    assert set(shells.bash("explain", "t")) >= {"transform", "template", "too_long"}


def test_a_flag_with_a_value_does_not_count_as_a_word(shells):
    assert set(shells.bash("preview", "-n", "3", "le")) == {"leads.yaml"}


def test_another_shell_is_told_which_there_are(closefeed):
    result = closefeed("completion", "tcsh")
    assert result.code == 2 and "bash, zsh and fish" in result.err
