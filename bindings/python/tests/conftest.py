"""The fixtures that the tests share: other libraries, if they are installed, and the repository's data."""

import json

import numpy as np
import pytest
from support import REPOSITORY, load_torchvision, require


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
