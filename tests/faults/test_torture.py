"""The short form of torture.py: a few seeds, and some without a defence, which it must notice."""

import re

import pytest
from torture import torture

# Each round keeps both of a machine's cores busy, so one is played after the other.
pytestmark = pytest.mark.xdist_group("torture")

SEEDS = (4, 31, 35)
MUTANTS = {"memory": 6, "place_again": 8}


@pytest.mark.parametrize("seed", SEEDS)
def test_random_feeds_come_to_what_a_plain_reading_of_them_comes_to(binary, tmp_path, seed):
    complaints, told = torture(binary, tmp_path, seed)
    print(f"seed {seed}: {told}")
    assert complaints == []


@pytest.mark.parametrize("without", MUTANTS)
def test_without_one_defence_the_same_is_complained_about(binary, tmp_path, without):
    """How far it gets before a kill depends on the machine: what is missing may not show each time."""
    for n in range(4):
        folder = tmp_path / str(n)
        folder.mkdir()
        complaints, _ = torture(binary, folder, MUTANTS[without], without)
        if any(re.search(r"is there \d times|went back|is lost|ended as|the rows of", complaint)
               for complaint in complaints):
            return
    raise AssertionError(complaints)
