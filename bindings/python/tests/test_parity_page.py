"""docs/parity.md says what runs: every row holds, and the page is up to date."""

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
    """But one that no peer has: torchvision has no loss of the plain IoU."""
    names = {function.__name__ for function in autodiff._ARRAYS if function.__module__.startswith("boxgrad.")}
    assert names - {row.function for row in parity.SAME} == {"box_iou_loss"}


def test_different_and_the_page_is_up_to_date():
    different = parity.differences()
    for row, theirs, ours in different:
        assert theirs != ours, row
    assert parity.page(different) == parity.PAGE.read_text(), "run python bindings/python/tests/parity_page.py"
