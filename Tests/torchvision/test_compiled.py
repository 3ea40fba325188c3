"""RoIAlign beside torchvision's compiled operator, which PyPI's builds of torch and torchvision load: values, gradients, time. `make test-all` runs it."""

import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bindings/python"), str(ROOT / "Tests/torchvision")]

import boxgrad.torch  # noqa: E402
import roi_cases  # noqa: E402

pytestmark = pytest.mark.skipif(not torchvision.extension._has_ops(), reason="torchvision's compiled operators do not load with this build of torch")
theirs = torchvision.ops.roi_align


def test_the_kept_values_are_the_operators(tmp_path, monkeypatch):
    monkeypatch.setattr(roi_cases, "FILE", tmp_path / "roi_align.json")
    roi_cases.main()
    made, kept = (json.loads(path.read_text()) for path in (tmp_path / "roi_align.json", ROOT / "Tests/torchvision/roi_align.json"))
    for a, b in zip(made["cases"], kept["cases"], strict=True):
        assert (a["sampling_ratio"], a["aligned"]) == (b["sampling_ratio"], b["aligned"])
        assert np.allclose(a["value"], b["value"], rtol=0, atol=1e-13) and np.allclose(a["gradient"], b["gradient"], rtol=0, atol=1e-13)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["planes", "channels last"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-12)], ids=["float32", "float64"])
@pytest.mark.parametrize(("ratio", "aligned"), roi_cases.SETTINGS)
def test_values_and_gradients(ratio, aligned, dtype, tolerance, layout):
    """float32: the operator computes positions in float32."""
    for seed in range(12):
        generator = torch.Generator().manual_seed(seed)
        channels, height, width = 1 + 11 * seed % 40, 3 + 7 * seed % 30, 2 + 13 * seed % 40
        features = torch.randn(2, channels, height, width, generator=generator, dtype=torch.float64).to(dtype).contiguous(memory_format=layout)
        low = torch.rand(40, 2, generator=generator) * torch.tensor([4.0 * width, 4.0 * height]) - 8
        sides = 2 ** (torch.rand(40, 2, generator=generator) * 9 - 3)
        boxes = torch.cat([torch.randint(2, (40, 1), generator=generator), low, low + sides], 1).to(dtype)
        size = (1 + seed % 4, 1 + seed % 7)
        results = []
        for function in theirs, boxgrad.torch.roi_align:
            x = features.detach().clone(memory_format=torch.preserve_format).requires_grad_()
            value = function(x, boxes, size, 0.25, ratio, aligned)
            results.append((value.detach(), torch.autograd.grad(value, x, torch.cos(torch.arange(value.numel(), dtype=dtype)).view(value.shape))[0]))
        for expected, found in zip(*results):
            assert found.shape == expected.shape
            assert (found - expected).abs().max() <= tolerance * max(1, expected.abs().max()), (seed, layout)


def pyramid(count=1000):
    """256 channels over four levels of an image of 800 x 1333, and boxes of 16 to 1000 pixels anywhere in it: features, boxes, scale, cotangent."""
    random = np.random.default_rng(0)
    side, ratio = np.exp(random.random(count) * math.log(1000 / 16) + math.log(16)), np.exp(0.2 * random.normal(size=count))
    centre, half = random.random((count, 2)) * [1333, 800], np.stack([side * ratio, side / ratio], 1) / 2
    boxes = np.clip(np.hstack([centre - half, centre + half]), 0, [1333, 800] * 2).astype(np.float32)
    level = np.clip(np.floor(4 + np.log2(np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)) / 224 + 1e-6)), 2, 5).astype(int)
    for k in range(2, 6):
        rows = torch.from_numpy(np.insert(boxes[level == k], 0, 0, axis=1))
        yield torch.randn(1, 256, math.ceil(800 / 2**k), math.ceil(1333 / 2**k)), rows, 2.0**-k, torch.randn(len(rows), 256, 7, 7)


def test_time(capsys):
    """The operator's time divided by boxgrad's, on one core, of the least of seven runs in turns, memory of results included."""
    torch.set_num_threads(1)
    levels = list(pyramid())
    runs = {}
    for name, function, layout in (("torchvision", theirs, torch.contiguous_format), ("planes", boxgrad.torch.roi_align, torch.contiguous_format),
                                   ("channels last", boxgrad.torch.roi_align, torch.channels_last)):  # fmt: skip
        given = [(f.contiguous(memory_format=layout), rows, scale, g.contiguous(memory_format=layout)) for f, rows, scale, g in levels]
        runs[name, "forward"] = lambda function=function, given=given: [function(f, rows, 7, scale, 2, True) for f, rows, scale, _ in given]
        for wanted in ("features", "boxes") if function is not theirs else ("features",):
            graphs = []
            for f, rows, scale, g in given:
                f, rows = f.detach().requires_grad_(wanted == "features"), rows.clone().requires_grad_(wanted == "boxes")
                graphs.append((function(f, rows, 7, scale, 2, True), f if wanted == "features" else rows, g))
            runs[name, wanted] = lambda graphs=graphs: [torch.autograd.grad(value, x, g, retain_graph=True) for value, x, g in graphs]
    best = dict.fromkeys(runs, math.inf)
    for _ in range(7):
        for key, run in runs.items():
            begin = time.process_time()
            run()
            best[key] = min(best[key], time.process_time() - begin)
    with capsys.disabled():
        print(f"\n{'ms':24}{'torchvision':>12}{'planes':>18}{'channels last':>18}")
        for what in ("forward", "features", "boxes"):
            base = best.get(("torchvision", what))
            ours = [best[layout, what] for layout in ("planes", "channels last")]
            words = [f"{1e3 * x:.1f} ({base / x:.1f} x)" if base else f"{1e3 * x:.1f} ({x / best[layout, 'forward']:.2f} fwd)" for x, layout in zip(ours, ("planes", "channels last"))]
            print(f"{what:24}{1e3 * base if base else math.nan:12.1f}{words[0]:>18}{words[1]:>18}")
    for layout in "planes", "channels last":
        assert best["torchvision", "forward"] > 2 * best[layout, "forward"] and best["torchvision", "features"] > 2 * best[layout, "features"]
