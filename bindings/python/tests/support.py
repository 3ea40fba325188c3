"""What test modules and fixtures share: other libraries, if they are installed, and where the repository is."""

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import settings

ALL = bool(os.environ.get("BOXGRAD_TEST_ALL"))
settings.register_profile("boxgrad", derandomize=not ALL, database=None, deadline=None, print_blob=True, max_examples=600 if ALL else 60)
settings.load_profile("boxgrad")

REPOSITORY = Path(__file__).resolve().parents[3]


def require(package):
    """Skips the test without the package, unless BOXGRAD_REQUIRE_PEERS says that it must be there."""
    if importlib.util.find_spec(package) is None and not os.environ.get("BOXGRAD_REQUIRE_PEERS"):
        pytest.skip(f"skipped: {package} not installed")


def load_torchvision():
    """torch on one thread, and torchvision."""
    import torch

    torch.set_num_threads(1)
    try:
        import torchvision
    except RuntimeError:  # its compiled operators do not fit this torch: its Python functions need none of them
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision

        torchvision.operators_of_the_tests = library  # they are defined as long as this lives
    return torch, torchvision
