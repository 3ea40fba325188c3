"""docs/torch.md: every line of its table, its examples and its recipes."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import boxgrad.torch
import peers
import pytest
import torch
from conftest import TESTS

pytestmark = pytest.mark.usefixtures("operators")
ROOT = Path(__file__).resolve().parents[2]
PAGE = "\n" + (ROOT / "docs/torch.md").read_text()
PACKAGES = ROOT / "build/frameworks"
ROWS = re.findall(r"^\| `(.+)` \| `(boxgrad.+)` \|$", PAGE, re.MULTILINE)


def block(heading):
    """The Python below a heading."""
    section = PAGE.split(f"\n{heading}\n")[1].split("\n#")[0]
    return re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]


def namespace(torchvision):
    from torchvision.models import detection

    torch.manual_seed(0)
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 10], [20, 20, 30, 60], [2, 2, 4, 9]])
    model = torch.nn.Linear(3, 2)
    model(torch.ones(3)).sum().backward()
    return {
        "torch": torch, "torchvision": torchvision, "boxgrad": boxgrad, "detection": detection, "boxes": boxes, "others": boxes + torch.tensor([1.0, 0, 2, 3]),
        "scores": torch.tensor([0.3, 0.9, 0.5, 0.7]), "classes": torch.tensor([0, 1, 0, 0]), "weights": torch.tensor([0.5, 1, 2, 0]),
        "distances": torch.rand(4, 4), "features": torch.rand(1, 2, 20, 20), "labels": torch.tensor([1, 0, 1, -1]), "model": model,
        "gradients": [p.grad for p in model.parameters()],
    }  # fmt: skip


def test_the_table_has_every_function_that_has_another_name_elsewhere():
    from boxgrad.torch._torchvision import STANDS_FOR

    written = " ".join(ours for _, ours in ROWS)
    missing = [name for name in (*STANDS_FOR, "clip", "smooth_l1_loss", "clip_grad_norm_", "clip_grad_value_", "get_total_norm") if f".{name}(" not in written]
    assert not missing and len(ROWS) > 25


def test_every_name_is_on_the_page():
    assert [name for name in boxgrad.torch.__all__ if not re.search(rf"\b{name}\b", PAGE)] == ["get_other_devices"]


def test_the_example_of_many_ranks(torchvision):
    names = namespace(torchvision)
    before = boxgrad.get_total_norm(names["gradients"])
    exec(block("## Many ranks"), names)
    assert float(names["total"]) == before
    assert boxgrad.get_total_norm(names["gradients"]) == pytest.approx(0.1, rel=1e-5)


@pytest.mark.parametrize(("theirs", "ours"), ROWS, ids=[ours for _, ours in ROWS])
def test_a_row_of_the_table(torchvision, theirs, ours):
    results = []
    for expression in (theirs, ours):
        names = namespace(torchvision)
        result = eval(expression, names)
        results.append((result, names["gradients"]) if "clip_grad" in expression else result)
    torch.testing.assert_close(results[1], results[0], check_dtype=True)


def test_the_first_example(torchvision):
    names = {}
    exec(block("# boxgrad in PyTorch"), names)
    assert names["predicted"].grad.abs().sum() > 0


def test_other_devices():
    exec(block("## CUDA tensors"), {"boxgrad": boxgrad})
    assert boxgrad.torch.get_other_devices() == "torchvision"
    boxgrad.torch.set_other_devices("error")


def test_the_recipe_for_torchvision(torchvision):
    from torchvision.models import detection

    code = block("### torchvision").replace("boxgrad.torch.replace_torchvision()", "replaced = boxgrad.torch.replace_torchvision()")
    names = {"torchvision": torchvision, "boxgrad": boxgrad}
    try:
        exec(code, names)
        assert type(names["model"].rpn.box_coder) is boxgrad.torch.BoxCoder and detection.roi_heads.box_ops.nms is not peers.nms
    finally:
        names["replaced"].__exit__(None, None, None)


def run_recipe(name, check):
    """A process with the recipe's packages executes it, and a check of it."""
    if name == "detectron2":
        pytest.skip("skipped: detectron2 is not on PyPI, and is built from its sources")
    if not (PACKAGES / {"mmdetection": "mmdet"}.get(name, name)).exists():
        pytest.skip(f"skipped: {name} could not be installed")
    prelude = "from support import load_torchvision\ntorch, torchvision = load_torchvision()\nimport boxgrad.torch\n"
    code = prelude + textwrap.dedent(check[0]) + block(f"### {name}") + textwrap.dedent(check[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(PACKAGES)]), "YOLO_CONFIG_DIR": str(PACKAGES), "YOLO_OFFLINE": "true",
                   "YOLO_AUTOINSTALL": "false"}  # fmt: skip
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.splitlines()[-1] == "checked"


def test_the_recipe_for_ultralytics():
    run_recipe("ultralytics", ("""
        import ultralytics.utils.loss
        def losses():
            torch.manual_seed(0)
            n, bins = 12, 16
            anchors = torch.rand(n, 2, dtype=torch.float64) * 20
            def boxes():
                corners = torch.rand(1, n, 4, dtype=torch.float64) * 10
                corners[..., 2:] += corners[..., :2] + 1
                return corners
            predicted, scores = boxes().requires_grad_(), torch.rand(1, n, 3, dtype=torch.float64)
            mask = torch.arange(n)[None] % 3 > 0
            module = ultralytics.utils.loss.BboxLoss(bins)
            of_boxes, _ = module(torch.rand(1, n, 4 * bins, dtype=torch.float64), predicted, anchors, boxes(), scores, scores.sum(), mask, None, None)
            return of_boxes.detach(), torch.autograd.grad(of_boxes, predicted)[0]
        theirs, own = losses(), ultralytics.utils.loss.bbox_iou
        x = torch.rand(6, 4, dtype=torch.float64) + 1
        options = [{kind: True, "xywh": xywh} for kind in ("GIoU", "DIoU", "CIoU") for xywh in (True,)] + [{}]
        values = [own(x, x.flip(0), **o) for o in options]
    """, """
        assert ultralytics.utils.loss.BboxLoss.forward.__globals__["bbox_iou"] is bbox_iou
        torch.testing.assert_close(losses(), theirs, rtol=1e-6, atol=1e-8)
        for o, value in zip(options, values):
            torch.testing.assert_close(bbox_iou(x, x.flip(0), **o), value, rtol=1e-6, atol=1e-6)
        print("checked")
    """))  # fmt: skip


def test_the_recipe_for_mmdetection():
    """Its own losses need mmcv's compiled operators: they are compared with their formula."""
    run_recipe("mmdetection", ("", """
        loss = MODELS.module_dict["BoxgradGIoULoss"](loss_weight=10.0)
        x = torch.rand(6, 4)
        x[:, 2:] += x[:, :2]
        y, weight = x + torch.rand(6, 4) * 0.1, torch.rand(6)
        each = torchvision.ops.generalized_box_iou_loss(x, y, eps=1e-6)
        close = torch.testing.assert_close
        close(loss(x, y), 10 * each.mean(), rtol=1e-4, atol=1e-5)
        close(loss(x, y, weight, avg_factor=4), 10 * (each * weight).sum() / 4, rtol=1e-4, atol=1e-5)
        close(loss(x, y, weight[:, None].expand(6, 4), reduction_override="none"), 10 * each * weight, rtol=1e-4, atol=1e-5)
        print("checked")
    """))  # fmt: skip


def test_the_recipe_for_detectron2():
    run_recipe("detectron2", ("", ""))
