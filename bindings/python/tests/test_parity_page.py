"""docs/parity.md says what runs: every row holds, and the page is up to date."""

import numpy as np
import pytest
from boxgrad.autodiff import _ARRAYS
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


def test_every_differentiable_function_has_a_peer():
    """No peer has those two in one call; test_parity_overlap.py compares them."""
    assert {f.__name__ for f in _ARRAYS} - {row.function for row in parity.SAME} == {"aligned_box_iou", "box_iou_loss"}


def test_different_and_the_page_is_up_to_date():
    different = parity.differences()
    for row, theirs, ours in different:
        assert theirs != ours, row
    assert parity.page(different) == parity.PAGE.read_text(), "run python bindings/python/tests/parity_page.py"
