"""docs/parity.md says what runs: every row holds, and the page is up to date."""

import boxgrad
import numpy as np
import pytest
from boxgrad import autodiff
from support import require

for package in ("torch", "torchvision", "pycocotools", "powerboxes"):
    require(package)

import parity_page as parity  # noqa: E402


@pytest.mark.parametrize("row", parity.SAME, ids=lambda row: f"{row.function}: {row.peer}")
def test_equal(row):
    for kind in row.kinds:
        assert parity.greatest_difference(row, kind, np.float64)[0] <= parity.TOLERANCE, kind
    for kind in set(row.kinds) & set(parity.PLAIN):
        assert parity.greatest_difference(row, kind, np.float32)[0] <= parity.FLOAT32_TOLERANCE, kind


def test_every_differentiable_function_has_a_row():
    names = {function.__name__ for function in autodiff._ARRAYS if function.__module__.startswith("boxgrad.")}
    assert names <= {row.function for row in parity.SAME}


def test_every_name_of_a_peer_has_a_row():
    """What is called like a function of torchvision or torch is compared with it."""
    peers = {*dir(parity.ops), *dir(parity.clipping), "Matcher"}
    assert peers & set(boxgrad.__all__) <= {row.function for row in parity.SAME if "torch" in row.peer}


def test_different_and_the_page_is_up_to_date():
    different = parity.differences()
    for row, theirs, ours in different:
        assert theirs != ours, row
    assert parity.page(different) == parity.PAGE.read_text(), "run python bindings/python/tests/parity_page.py"
