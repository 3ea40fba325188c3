"""Calls of every function with hostile values, shapes and parameters: the GPU's kernels give what the CPU gives, and write nothing else. A call that fails
says its seed, and `BOXGRAD_FUZZ_SEED=... BOXGRAD_FUZZ_SECONDS=1` begins there. The seconds are those of all functions together."""

import os
import time

import gpu
import numpy as np
import pytest
from gpu import Call, D, I, In, N, Out, S
from test_bits import NAMES

SECONDS = float(os.environ.get("BOXGRAD_FUZZ_SECONDS", 20))
SEED = int(os.environ.get("BOXGRAD_FUZZ_SEED", 0))
SIZES = [0, 1, 2, 3, 31, 33, 63, 64, 65, 127, 129, 200]


class Random:
    def __init__(self, seed, dtype):
        self.of, self.dtype = np.random.default_rng(seed), dtype
        finite = np.finfo(dtype)
        self.odd = np.array([0, -0.0, np.inf, -np.inf, np.nan, finite.max, -finite.max, finite.tiny, finite.smallest_subnormal, 1, 1 + finite.eps, -1], dtype)

    def one(self, *choices):
        return choices[self.of.integers(len(choices))]

    def numbers(self, n):
        """Any bits, odd numbers, small whole numbers, and numbers as they should be, or a mixture."""
        kinds = [self.of.integers(0, 2**63, n, np.uint64).astype(np.uint64) * np.uint64(2), None, None, None]
        bits = kinds[0].view(np.float64) if self.dtype == np.float64 else (kinds[0] >> np.uint64(32)).astype(np.uint32).view(np.float32)
        drawn = [bits, self.of.choice(self.odd, n), self.of.integers(-3, 9, n).astype(self.dtype), (self.of.random(n) * 100 - 10).astype(self.dtype)]
        which = self.of.choice(4, n, p=self.one((0.02, 0.05, 0.03, 0.9), (0, 0, 1, 0), (0, 0.1, 0.9, 0), (0.3, 0.3, 0.2, 0.2), (0, 0, 0, 1), (1, 0, 0, 0)))
        with np.errstate(all="ignore"):
            return np.choose(which, drawn).astype(self.dtype)

    def rows(self, n, width=4, boxes=True):
        """An In of rows that may be apart and not aligned, and their stride. Most boxes are upright."""
        x = self.numbers(n * width).reshape(n, width)
        if boxes and n:
            upright = self.of.random(n) < self.one(0, 0.5, 1)
            with np.errstate(all="ignore"):
                x[upright, 2:] = x[upright, :2] + np.abs(x[upright, 2:])
        stride = width + self.one(0, 0, 1, 4)
        return In(gpu.strided(x, stride), self.one(0, 0, 1, 2)), stride

    def tensors(self, in_place):
        """Some tensors of any dtypes, of the same kind or of several."""
        kinds = self.one(("usual",), ("any",), ("usual", "sparse", "wide"), ("usual", "infinite", "nan"), ("subnormal", "tiny", "huge"))
        floats = self.one(gpu.FLOATS[:3], gpu.FLOATS, gpu.FLOATS[:1])
        arrays = [gpu.gradient(int(self.of.integers(2**20)), self.one(*SIZES, 4099, 17000), self.one(*floats), self.one(*kinds)) for _ in range(self.one(0, 1, 2, 3, 9))]
        shift = self.one(0, 0, 1, 3)
        return [Out(x.shape, x.dtype, shift, like=x) if in_place else In(x, shift) for x in arrays]

    def out(self, shape, optional=True, dtype=None):
        return None if optional and self.of.random() < 0.3 else Out(shape, dtype or self.dtype, self.one(0, 0, 1) if dtype is None else 0)


def tensors_drawn(function, r):
    tensors, p = r.tensors(function != "grad_norm"), D(r.one(1.0, 2.0, np.inf))
    limit, eps, mode = D(r.one(0.0, 1e-40, 1e-3, 1.0, 1e300, np.inf)), D(r.one(0.0, 1e-6, 1.0)), I(r.one(0, 2, 3))
    total = r.out(1, dtype=np.float64)
    if function == "grad_norm":
        return gpu.TensorsCall(function, tensors, p, total, r.out(len(tensors), dtype=np.float64), r.out(1, dtype=np.uint64))
    if function == "clip_grad_norm":
        return gpu.TensorsCall(function, tensors, limit, p, eps, mode, total)
    if function == "clip_grads_with_norm":
        return gpu.TensorsCall(function, tensors, limit, In(np.array([r.one(0.0, 1e-3, 5.0, np.inf, np.nan)])), eps, mode, scratch=False)
    assert function == "clip_grad_value", f"{function} is not fuzzed"
    return gpu.TensorsCall(function, tensors, limit, scratch=False)


def rotated_drawn(function, r, n, m):
    """The arguments of a function of rotated boxes, and those of its query of scratch."""
    width = 8 if "from_corners" in function else 5
    (a, stride_a), (b, stride_b) = r.rows(n, width, False), r.rows(m if "pairwise" in function else n, width, False)
    angle, other, metric = (I(r.one(*choices)) for choices in ((0, 1, 2, 3), (0, 1, 2, 3), (0, 4)))

    def grad(count):
        return In(r.numbers(count))

    pair = a, S(stride_a), b, S(stride_b), N(n)
    matrix = metric, angle, a, N(n), S(stride_a), b, N(m), S(stride_b)
    rows = angle, a, N(n), S(stride_a)
    wide = m + r.one(0, 0, 1)
    cotangent, stride = r.rows(n, m, False) if m else (In(np.zeros((n, 1), r.dtype)), 1)
    weights, least = grad(n) if r.of.random() < 0.5 else None, D(r.one(2.0**-100, 1e-6, 0.5, 1.0))
    return {
        "rotated_convert": lambda: ((angle, other, a, N(n), S(stride_a), r.out((n, 5), False), S(5)), None),
        "rotated_convert_grad": lambda: ((angle, other, N(n), grad(5 * n), r.out((n, 5), False)), None),
        "rotated_corners": lambda: ((*rows, r.out((n, 8)), r.out((n, 4))), None),
        "rotated_corners_grad": lambda: ((*rows, grad(8 * n), grad(4 * n), r.out((n, 5), False)), None),
        "rotated_from_corners": lambda: ((*rows, r.out((n, 5), False)), None),
        "rotated_from_corners_grad": lambda: ((*rows, grad(5 * n), r.out((n, 8), False)), None),
        "rotated_iou_pairwise": lambda: ((*matrix, r.out((n, wide), False), S(max(wide, 1))), (N(n), N(m))),
        "rotated_iou_pairwise_grad": lambda: ((*matrix, cotangent, S(stride), r.out((n, 5)), r.out((m, 5))), (N(n), N(m))),
        "rotated_iou_aligned": lambda: ((metric, angle, *pair, r.out(n), r.out((n, 5)), r.out((n, 5))), (N(n),)),
        "rotated_iou_loss": lambda: ((I(r.one(0, 1)), angle, *pair, weights, least, D(r.one(1.0, 3.0, 1e20)), r.out(1, dtype=np.float64), r.out(n), r.out((n, 5)),
                                      r.out((n, 5))), (N(n),)),
    }[function]()  # fmt: skip


def drawn(name, r):
    """A call of the function."""
    function, type_name = name[:-4], name[-3:]
    if type_name == "all":
        return tensors_drawn(function, r)
    n, m, eps = r.one(*SIZES), r.one(*SIZES), r.one(0.0, 1e-7, 1.0, 1e30)
    a, stride_a = r.rows(n)
    b, stride_b = r.rows(m if function in ("iou_pairwise", "iou_pairwise_grad", "match") else n)
    metric, scratch = int(r.of.integers(len(gpu.METRICS))), None

    def grad(count):
        return In(r.numbers(count))

    options = gpu.options(r.one((0, 0, 0, 0), (0.5, -1, 0.1, 2)), r.one((1, 1, 1, 1), (0.1, 0.1, 0.2, 0.2)), r.one(-np.inf, -1.0), r.one(4.135, np.inf, 0.5),
                          *r.one((-1, -1), (640, 480), (0, 0)), r.one(np.inf, 20.0, 0.0), r.one(1, 2))  # fmt: skip
    if function == "box_area":
        given = a, N(n), S(stride_a), r.out(n, False)
    elif function == "box_area_grad":
        given = a, N(n), S(stride_a), grad(n), r.out((n, 4), False)
    elif function == "box_convert":
        given = I(r.one(0, 1, 2, 3)), I(r.one(0, 1, 2, 3)), a, N(n), S(stride_a), r.out((n, 4), False), S(4)
    elif function == "box_convert_grad":
        given = I(r.one(0, 1, 2, 3)), I(r.one(0, 1, 2, 3)), N(n), grad(4 * n), r.out((n, 4), False)
    elif function in ("box_clip", "box_clip_grad"):
        size = D(r.one(0.0, 50.0, np.inf, 1e300)), D(r.one(0.0, 7.0, np.inf))
        rest = (r.out((n, 4), False), S(4)) if function == "box_clip" else (grad(4 * n), r.out((n, 4), False))
        given = a, N(n), S(stride_a), *size, *rest
    elif function in ("clip", "clip_grad"):
        bounds = D(r.one(-np.inf, -1.0, 0.0)), D(r.one(np.inf, 1.0, 0.0))
        rest = (r.out(n, False),) if function == "clip" else (grad(n), I(r.one(0, 1, 2)), r.out(n, False), r.out(1, dtype=np.uint64))
        given = grad(n), N(n), *bounds, *rest
    elif function == "iou_pairwise":
        wide = m + r.one(0, 0, 1)
        given = I(metric), a, N(n), S(stride_a), b, N(m), S(stride_b), D(eps), r.out((n, wide), False), S(max(wide, 1)), Out((n, wide), r.dtype) if r.of.random() < 0.3 else None
        scratch = I(metric), N(n), N(m)
    elif function == "iou_pairwise_grad":
        cotangent, stride = r.rows(n, m, False) if m else (In(np.zeros((n, 1), r.dtype)), 1)
        given = I(metric), a, N(n), S(stride_a), b, N(m), S(stride_b), D(eps), cotangent, S(stride), r.out((n, 4)), r.out((m, 4))
        scratch = N(n), N(m)
    elif function == "iou_aligned":
        given = I(metric), a, S(stride_a), b, S(stride_b), N(n), D(eps), r.out(n), r.out((n, 4)), r.out((n, 4))
    elif function == "iou_loss":
        weights = grad(n) if r.of.random() < 0.5 else None
        given = (I(metric % 4), a, S(stride_a), b, S(stride_b), N(n), weights, D(eps), D(r.one(1.0, 3.0, 1e20)), r.out(1, dtype=np.float64), r.out(n),
                 r.out((n, 4)), r.out((n, 4)))  # fmt: skip
        scratch = (N(n),)
    elif function == "smooth_l1":
        weights = [grad(n) if r.of.random() < 0.5 else None for _ in range(2)]
        given = (grad(n), grad(n), *weights, N(n), D(r.one(1.0, 0.1, 30.0, np.inf)), D(r.one(1.0, 7.0)), r.out(1, dtype=np.float64), r.out(n), r.out(n), r.out(n))
        scratch = (N(n),)
    elif function == "delta_encode":
        given = options, a, S(stride_a), b, S(stride_b), N(n), r.out((n, 4), False), r.out(n, dtype=np.uint8), r.out(1, dtype=np.uint64)
    elif function == "delta_encode_grad":
        given = options, a, S(stride_a), b, S(stride_b), N(n), grad(4 * n), r.out((n, 4)), r.out((n, 4))
    elif function in ("delta_decode", "delta_decode_grad"):
        groups = r.one(1, 2, 5)
        deltas, stride = r.rows(n, 4 * groups, False)
        rest = (r.out((n, 4 * groups), False),) if function == "delta_decode" else (grad(4 * n * groups), r.out((n, 4)), r.out((n, 4 * groups)))
        given = options, a, S(stride_a), deltas, S(stride), N(n), N(groups), *rest
    elif function == "match":
        low = r.one(-np.inf, 0.0, 0.3, 1e300)
        given = (I(metric), a, N(n), S(stride_a), b, N(m), S(stride_b), D(eps), D(low), D(max(low, r.one(0.3, 0.5, np.inf))), I(r.one(0, 1, 2)),
                 r.out(n, dtype=np.int64), r.out(n))  # fmt: skip
        scratch = (N(m),)
    elif function.startswith("rotated"):
        given, scratch = rotated_drawn(function, r, n, m)
    else:
        assert function == "nms", f"{function} is not fuzzed"
        n = r.one(*SIZES, 511, 513, 1500)
        a, stride_a = r.rows(n)
        most = r.one(2**64 - 1, 2**64 - 1, 1, n // 2, n)
        classes = In(r.of.integers(-2, r.one(-1, 3, 2**62), n)) if r.of.random() < 0.5 else None
        given = (a, N(n), S(stride_a), grad(n), classes, D(r.one(0.0, 0.5, 0.99, 1.0, np.inf)), D(r.one(-np.inf, 0.0, 5.0)), N(most),
                 r.out(min(n, most), False, np.uint64), r.out(1, False, np.uint64))  # fmt: skip
        scratch = (N(n),)
    return Call(function, type_name, *given, scratch=scratch)


@pytest.mark.parametrize("name", NAMES)
def test_hostile_calls(name, cpu, cuda, driver):
    end, seed, calls = time.monotonic() + SECONDS / len(NAMES), SEED, 0
    while calls < 3 or time.monotonic() < end:
        call = drawn(name, Random([seed, NAMES.index(name)], gpu.TYPES.get(name[-3:], np.float32)))
        assert call.differences(cpu, cuda, driver) == {}, f"seed {seed}: {[getattr(x, 'value', x and getattr(x, 'array', x)) for x in call.arguments]}"
        seed, calls = seed + 1, calls + 1
