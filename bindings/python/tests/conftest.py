"""What the tests share: other libraries, if they are installed, and where the repository's data is."""

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
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


@pytest.fixture(scope="session")
def torch():
    require("torch")
    import torch

    torch.set_num_threads(1)
    return torch


@pytest.fixture(scope="session")
def torchvision(torch):
    require("torchvision")
    return load_torchvision()[1]


@pytest.fixture(scope="session")
def autograd(torch):
    """vjp by torch: autograd(f, *arrays, cotangent=...) gives f's value and the list of its gradients, as arrays."""

    def run(f, *arrays, cotangent):
        tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
        value = f(*tensors)
        gradients = torch.autograd.grad(value, tensors, torch.tensor(cotangent).expand_as(value))
        return value.detach().numpy(), [g.numpy() for g in gradients]

    return run


@pytest.fixture(scope="session")
def real_gradient():
    """The 16 gradient tensors of a real training step: {name: float32 array}."""
    data = REPOSITORY / "examples" / "data"
    index = json.loads((data / "rnet_grad_index.json").read_text())["tensors"]
    values = np.fromfile(data / "rnet_grad.f32le", "<f4")
    return {t["name"]: values[t["byte_offset"] // 4 :][: t["numel"]].reshape(t["shape"]) for t in index}


@pytest.fixture(scope="session")
def known_answers():
    """Published tables by id, from the folder `shared` beside the checkout."""
    path = REPOSITORY.parent / "shared" / "data" / "known-answers" / "known_answers.json"
    if not path.exists():
        pytest.skip(f"skipped: no {path.name} beside the checkout")
    return {entry["id"]: entry for entry in json.loads(path.read_text())}
