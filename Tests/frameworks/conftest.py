"""The tests of boxgrad.torch. They share rows of functions, peers and the loading of torchvision with the tests of the Python package."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2] / "bindings/python/tests"
sys.path.insert(0, str(TESTS))

import pytest  # noqa: E402
from support import load_torchvision  # noqa: E402
from test_torchvision_detectors import plain_operators  # noqa: E402

load_torchvision()


@pytest.fixture(scope="session")
def torch():
    return load_torchvision()[0]


@pytest.fixture(scope="session")
def torchvision(torch):
    return load_torchvision()[1]


@pytest.fixture(scope="session")
def operators(torch, torchvision):
    """torchvision's models need nms and roi_align."""
    with plain_operators(torch, torchvision):
        yield
