"""Cases of RoIAlign, made of integers alone, so that every machine has the same numbers. `python Tests/torchvision/roi_cases.py` writes what
torchvision's compiled operator gives for them to roi_align.json, which the tests of every machine compare with: few builds of torch load
that operator."""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("roi_align.json")
SHAPE, SIZE, SCALE = (2, 2, 6, 7), (3, 2), 0.5
SETTINGS = [(ratio, aligned) for ratio in (1, 2, 3, -1) for aligned in (False, True)]

BOXES = np.array(
    [
        [0, 1, 1, 9, 8],  # within the features
        [1, 0.5, 2.25, 13.75, 11.5],
        [1, -7, -5, 6, 4],  # partly beyond them
        [0, 6, 5, 31, 27],
        [0, -40, -40, -20, -20],  # beyond them
        [1, 0, 0, 14, 12],  # all of them
        [0, -9, -9, 50, 40],  # more than all
        [1, 4.3, 5.1, 4.4, 5.2],  # a tenth of a pixel
        [0, 6, 4, 6, 4],  # no size
        [1, 9, 8, 3, 2],  # ends exchanged
    ]
)
"""An image's index and a box."""


def numbers(shape, seed):
    """Multiples of 1/256 in -8 ... 8."""
    n = np.arange(np.prod(shape), dtype=np.uint64) + np.uint64(1000 * seed + 1)
    return ((n * np.uint64(2654435761) % np.uint64(2**32)) >> np.uint64(20)).astype(np.float64).reshape(shape) / 256 - 8


FEATURES, COTANGENT = numbers(SHAPE, 1), numbers((len(BOXES), SHAPE[1], *SIZE), 2)


def main():
    import torch
    import torchvision

    if not torchvision.extension._has_ops():
        raise SystemExit("torchvision's compiled operators do not load with this build of torch")
    cases = []
    for ratio, aligned in SETTINGS:
        features = torch.from_numpy(FEATURES).requires_grad_()
        value = torchvision.ops.roi_align(features, torch.from_numpy(BOXES), SIZE, SCALE, ratio, aligned)
        (gradient,) = torch.autograd.grad(value, features, torch.from_numpy(COTANGENT))
        cases.append({"sampling_ratio": ratio, "aligned": aligned, "value": value.flatten().tolist(), "gradient": gradient.flatten().tolist()})
    lines = ",\n".join(f"  {json.dumps(case)}" for case in cases)
    FILE.write_text(f'{{"torch": "{torch.__version__}", "torchvision": "{torchvision.__version__}", "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
