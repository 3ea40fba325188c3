"""Writes vectors.json: calls of every function with what they must give, for the tests in Swift, C and Python, and for other machines.

A vector is one call: the function's name without its prefix, its type, its arguments in the order of the header, the status, and for a failing
call the words that its error begins with. An argument is a number, null, or
    {"of": type, "length": n, "in": numbers, "out": numbers, "terms": numbers, "eps": k}   an array; a result may be k eps of its type
                                                                times the largest term of its formula away from the exact value in "out";
                                                                with 0 it has those bits; without "out" it stays as it was
    {"options": fields of boxgrad_delta_options in order, size first}, {"loss options": those of boxgrad_box_loss_options},
    {"gaussian options": those of boxgrad_gaussian_loss_options}, {"roi options": those of boxgrad_roi_options},
    {"rotated options": those of boxgrad_rotated_delta_options}
    {"tensors": [[dtype, count, reserved, array or null], ...]}
    {"parameters": [[grad, param, unit_size, unit_stride], ...]}, both as tensors are
Numbers are exact; "hash" proves that they were read so: FNV-1a of all doubles in the arrays and options, in order, as eight bytes each, low first.

The exact values are 40-digit arithmetic after the formulas (bindings/python/tests/reference.py), exact derivatives included; nothing here asks
the library. Boxes are such that float and double hold them exactly.
"""

import itertools
import json
import math
import struct
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "bindings/python/tests"), str(HERE.parent / "safety")]
import descriptions  # noqa: E402
import reference  # noqa: E402
from reference import mp  # noqa: E402

TYPES = {"f32": np.float32, "f64": np.float64}
METRICS = ("iou", "giou", "diou", "ciou", "iof", "ios")
GUARD = 2.0**-23
"""An eps that both types hold."""
PROMISED = 32
"""The accuracy of the header, in eps."""
INF, NAN = float("inf"), float("nan")
OK, NULL_POINTER, BAD_STRIDE, SIZE_OVERFLOW, BAD_PARAMETER, DEGENERATE_BOX, NONFINITE, UNSUPPORTED = 0, 10, 11, 12, 20, 21, 22, 40
SIZE_MAX = 2**64 - 1

PAIRS = np.array(
    [  # a, b
        [0, 0, 10, 10, 5, 5, 15, 15],  # overlapping
        [0, 0, 10, 10, 2, 3, 7, 9],  # nested
        [0, 0, 10, 10, 0, 0, 10, 4],  # nested, sharing three edges
        [3, 4, 9, 11, 3, 4, 9, 11],  # identical
        [0, 0, 10, 10, 10, 0, 20, 10],  # sharing an edge
        [0, 0, 10, 10, 10, 10, 20, 20],  # sharing a corner
        [0, 0, 10, 10, 30, 40, 33, 44],  # apart
        [0.25, 0.125, 0.75, 0.5, 0.375, 0.25, 1, 0.875],  # fractions of the image
        [8388608, 4194304, 8388624, 4194336, 8388612, 4194308, 8388616, 4194368],  # far from the origin
        [0, 0, 1024, 2**-10, 0, 0, 2**-10, 1024],  # thin
        [-20, -30, -5, -2, -12, -40, 8, 3],  # beyond the image
        [7, 7, 7, 7, 7, 7, 7, 7],  # points
        [1, 1, 1, 5, 0, 2, 4, 3],  # no width
        [0, 0, 6, 6, 6, 6, 6, 6],  # a point on a corner
        [9, 2, 3, 8, 1, 1, 5, 5],  # inverted
        [0, 0, 2**40, 2**40, 2**39, 2**38, 2**41, 2**41],  # huge
    ],
    float,
)
A, B = PAIRS[:, :4], PAIRS[:, 4:]
WITH_AREA = [i for i in range(len(PAIRS)) if ((A[i, 2:] > A[i, :2]) & (B[i, 2:] > B[i, :2])).all()]
COTANGENTS = (np.arange(1, 401) * 37 % 64 - 31) / 16
"""Numbers from -2 to 2 without a pattern, none of them zero."""

vectors = []


def flat(x):
    return [float(v) for v in np.ravel(np.array(x, dtype=object))]


def given(of, values, **result):
    return {"of": of, "length": np.size(values), "in": flat(values), **result}


def wanted(of, values, terms=None, eps=0):
    """A result: within eps of its terms, or these bits."""
    result = {"of": of, "length": np.size(values), "out": flat(values)}
    return result | ({"terms": flat(np.broadcast_to(terms, np.shape(values))), "eps": eps} if eps else {"eps": 0})


def untouched(of, length):
    return {"of": of, "length": length}


def vector(function, type, *arguments, status=OK, error=None):
    vectors.append({"function": function, "type": type, "arguments": list(arguments), "status": status, **({"error": error} if error else {})})


def exact(formula, *arrays, cotangent=None, **options):
    columns = None if cotangent is None else np.reshape(cotangent, (len(arrays[0]), -1))
    return reference.evaluate_rows(formula, *arrays, cotangent=columns, **options)


def cotangents(*shape):
    return COTANGENTS[: int(np.prod(shape))].reshape(shape)


# ---- Boxes ----


def boxes(t):
    count = len(A)
    value, terms, *_ = exact(reference.box_area, A)
    vector("box_area", t, given(t, A), count, 4, wanted(t, value, terms, PROMISED))
    strided = np.hstack([A, np.full((count, 1), NAN)])
    vector("box_area", t, given(t, strided), count, 5, wanted(t, value, terms, PROMISED))
    vector("box_area", t, given(t, [[0, 0, 2, NAN], [1, 1, 3, 4]]), 2, 4, wanted(t, [NAN, 6]))
    vector("box_area", t, None, 0, 4, None)
    grad = cotangents(count)
    _, _, (gradient,), (of_gradient,) = exact(reference.box_area, A, cotangent=grad)
    vector("box_area_grad", t, given(t, A), count, 4, given(t, grad), wanted(t, gradient, of_gradient, PROMISED))

    formats = {"xyxy": 0, "xywh": 1, "cxcywh": 2, "yxyx": 3}
    for (source, i), (target, j) in itertools.product(formats.items(), repeat=2):
        grad = cotangents(count, 4)
        value, terms, (gradient,), (of_gradient,) = exact(reference.box_convert, A, cotangent=grad, source=source, target=target)
        eps = 0 if i == j else PROMISED
        vector("box_convert", t, i, j, given(t, A), count, 4, wanted(t, value, terms, eps), 4)
        vector("box_convert_grad", t, i, j, count, given(t, grad), wanted(t, gradient, of_gradient, eps))

    for width, height in ((8, 9), (0, INF)):
        rows = np.vstack([A, [[NAN, -INF, INF, 3]], [[0, 0, width, min(height, 9)]]])
        bounds = np.array([width, height] * 2)
        inside = (rows >= 0) & (rows <= bounds)
        grad = cotangents(*rows.shape)
        clipped = np.where(np.isnan(rows), rows, np.minimum(np.maximum(rows, 0), bounds))
        vector("box_clip", t, given(t, rows), len(rows), 4, width, height, wanted(t, clipped), 4)
        vector("box_clip_grad", t, given(t, rows), len(rows), 4, width, height, given(t, grad), wanted(t, np.where(inside, grad, 0.0)))

    inspect(t)
    for degrees in (90.0, 30.0, -77.5, 1980.0, -(2.0**60), 1e300):
        half_turns = mp.mpf(math.fmod(degrees, 360)) / 180  # fmod is exact
        cos, sin = mp.cospi(half_turns), mp.sinpi(half_turns)
        corners, bounds, terms, of_bounds = [], [], [], []
        for x1, y1, x2, y2 in A.tolist():
            points = [(20 + cos * (x - 20) + sin * (y - 10), 10 - sin * (x - 20) + cos * (y - 10)) for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))]
            size = max(20, *(abs(v - c) for v, c in ((x1, 20), (x2, 20), (y1, 10), (y2, 10))))
            corners.append([float(v) for point in points for v in point])
            bounds.append([float(f(p[i] for p in points)) for f in (min, max) for i in (0, 1)])
            terms.append([size] * 8), of_bounds.append([size] * 4)
        vector("box_rotate", t, given(t, A), len(A), 4, degrees, 20.0, 10.0, wanted(t, corners, terms, PROMISED), wanted(t, bounds, of_bounds, PROMISED))


def inspect(t):
    rows = {  # of an image of 20 x 30 and a least size of 2
        (1, 1, 9, 9): 0,
        (NAN, 0, 1, 1): 1 << 0,
        (0, 0, INF, 1): 1 << 0,
        (3, 3, 3, 9): 1 << 1 | 1 << 8,
        (3, 3, 9, 3): 1 << 2 | 1 << 8,
        (5, 5, 5, 5): 1 << 1 | 1 << 2 | 1 << 8,
        (9, 1, 3, 9): 1 << 3 | 1 << 8,
        (-9, 1, 3, 9): 1 << 4 | 1 << 6,
        (1, 1, 9, 90): 1 << 5 | 1 << 6,
        (-9, 1, -3, 9): 1 << 4 | 1 << 7,
        (1, 1, 2, 9): 1 << 8,
    }
    flags = list(rows.values())
    counts = [sum(f >> bit & 1 for f in flags) for bit in range(9)]
    arguments = given(t, list(rows)), len(rows), 4, 20.0, 30.0, 2.0
    vector("box_inspect", t, *arguments, wanted("u32", flags), wanted("size", [*counts, 0, 0]), 11)
    vector("box_inspect", t, *arguments, None, wanted("size", counts[:3]), 3)
    unknown = [f & ~(1 << 5 | 1 << 6 | 1 << 7) | (f & 1 << 4 and 1 << 4) for f in flags]
    no_image = [0, 1, 1, *unknown[3:7], 1 << 4 | 1 << 6, 0, 1 << 4 | 1 << 7, 1 << 8]
    vector("box_inspect", t, given(t, list(rows)), len(rows), 4, -1.0, -1.0, 2.0, wanted("u32", no_image), None, 0)


# ---- Hard clip ----


def hard_clip(t):
    x = np.array([-3, -1, -0.75, -0.0, 0.25, 0.5, 0.625, 9, INF, -INF, NAN])
    grad = np.array([1, -1, 2, 3, -4, 5, -6, 7, -8, 9, 10], float)
    for lo, hi in ((-1, 0.5), (-INF, 0.5), (0.25, 0.25)):
        vector("clip", t, given(t, x), len(x), float(lo), float(hi), wanted(t, np.where(np.isnan(x), x, np.minimum(np.maximum(x, lo), hi))))
        for mode in range(3):
            inside = (x >= lo) & (x <= hi)
            outward = ((x < lo) & (grad > 0)) | ((x > hi) & (grad < 0))
            cut = (~inside, np.zeros_like(inside), outward)[mode]
            arguments = given(t, x), len(x), float(lo), float(hi), given(t, grad), mode
            vector("clip_grad", t, *arguments, wanted(t, np.where(cut, 0.0, grad)), wanted("size", [cut.sum()]))


# ---- Overlap ----


def overlap(t):
    count = len(PAIRS)
    for code, metric in enumerate(METRICS):
        options = {"metric": metric, "eps": GUARD}
        value, terms, gradients, of_gradients = exact(reference.overlap, A, B, **options)
        results = [wanted(t, value, terms, PROMISED)] + [wanted(t, g, np.broadcast_to(o, g.shape), PROMISED) for g, o in zip(gradients, of_gradients)]
        vector("iou_aligned", t, code, given(t, A), 4, given(t, B), 4, count, GUARD, *results)
        vector("iou_aligned", t, code, given(t, [[0, 0, NAN, 1]]), 4, given(t, B[:1]), 4, 1, GUARD, wanted(t, [NAN]), None, None)

        rows, columns = A[[0, 4, 7, 9, 14]], B[[0, 1, 5, 6, 12, 7, 13]]
        shape = len(rows), len(columns)
        each = [(row, column) for row in rows for column in columns]
        left, right = (np.array(side) for side in zip(*each))
        grad = cotangents(*shape)
        value, terms, gradients, of_gradients = exact(reference.overlap, left, right, cotangent=grad.reshape(-1, 1), **options)
        vector("iou_pairwise", t, code, given(t, rows), shape[0], 4, given(t, columns), shape[1], 4, GUARD, wanted(t, value, terms, PROMISED), shape[1], None)
        sums = [g.reshape(*shape, 4).sum(axis=axis) for g, axis in zip(gradients, (1, 0))]
        largest = [o.reshape(*shape).max(axis=axis)[:, None] for o, axis in zip(of_gradients, (1, 0))]
        results = [wanted(t, s, np.broadcast_to(o, s.shape), PROMISED) for s, o in zip(sums, largest)]
        sides = given(t, rows), shape[0], 4, given(t, columns), shape[1], 4, GUARD
        vector("iou_pairwise_grad", t, code, *sides, given(t, grad), shape[1], *results)
        nothing = given(t, rows), shape[0], 4, None, 0, 4, GUARD
        vector("iou_pairwise_grad", t, code, *nothing, None, 0, wanted(t, np.zeros((shape[0], 4))), None)

        if metric in ("iof", "ios"):  # they have no loss
            continue
        weights = np.abs(cotangents(count))
        normalizer = 8.0
        value, terms, gradients, of_gradients = exact(reference.overlap, A, B, cotangent=weights[:, None] / normalizer, loss=True, **options)
        per_box, of_box = (x * weights[:, None] for x in (value, terms))
        results = [wanted(t, g, np.broadcast_to(o, g.shape), PROMISED) for g, o in zip(gradients, of_gradients)]
        # The sum is taken in double, over boxes that are each within their own bound in the type.
        loss = wanted("f64", [per_box.sum() / normalizer], of_box.sum() / normalizer, PROMISED * (2**29 if t == "f32" else 1))
        arguments = code, given(t, A), 4, given(t, B), 4, count
        vector("iou_loss", t, *arguments, given(t, weights), GUARD, normalizer, loss, wanted(t, per_box, of_box, PROMISED), *results)
        for normalizer in (1.0, 0.0, -INF):
            vector("iou_loss", t, code, None, 4, None, 4, 0, None, GUARD, normalizer, wanted("f64", [0]), None, None, None)
    pair = given(t, [0, 0, 10, 10]), 1, 4, given(t, [5, 5, 15, 15]), 1, 4
    third = 1 / mp.mpf(7)
    vector("iou_pairwise", t, 0, *pair, 0.0, wanted(t, [float(third)], [1], PROMISED), 1, wanted(t, [175]))


# ---- Box losses ----

BOX_LOSSES = {
    "iou": {"alpha": 3.0}, "giou": {"alpha": 2.0}, "diou": {"alpha": 0.5}, "ciou": {"inner_ratio": 0.75}, "eiou": {"gamma": 0.5}, "siou": {},
    "wiou": {}, "mpdiou": {"size": (24.0, 32.0)}, "log_iou": {"least_iou": 0.125}, "nwd": {"unit": 12.5}, "bounded_iou": {"beta": 0.25},
}  # fmt: skip
"""Every kind in the order of its code, with what the reference is told."""


def loss_options(size=88, eps=GUARD, alpha=1.0, gamma=0.0, inner_ratio=1.0, theta=4.0, image=(0.0, 0.0), least_iou=2.0**-20, unit=0.0, beta=0.2):
    """image: (height, width)"""
    return {"loss options": [size, eps, alpha, gamma, inner_ratio, theta, image[1], image[0], least_iou, unit, beta]}


def box_loss(t):
    rows = [i for i in range(len(A)) if i < 14]  # of the rest some sizes would not fit the image
    pred, target, weights = A[rows], B[rows], np.abs(cotangents(len(rows)))
    normalizer = 8.0
    for code, (kind, told) in enumerate(BOX_LOSSES.items()):
        cotangent = weights[:, None] / normalizer
        value, terms, gradients, of_gradients = exact(reference.box_loss, pred, target, cotangent=cotangent, kind=kind, eps=GUARD, **told)
        per_box, of_box = (x * weights[:, None] for x in (value, terms))
        eps = PROMISED * 2  # the larger of the two promises
        results = [wanted(t, g, np.broadcast_to(o, g.shape), eps) for g, o in zip(gradients, of_gradients)]
        loss = wanted("f64", [per_box.sum() / normalizer], of_box.sum() / normalizer, PROMISED * (2**29 if t == "f32" else 1))
        given_options = loss_options(**{"image" if name == "size" else name: x for name, x in told.items()})
        arguments = code, given_options, given(t, pred), 4, given(t, target), 4, len(rows), given(t, weights), normalizer
        vector("box_loss", t, *arguments, loss, wanted(t, per_box, of_box, PROMISED), *results)
    short = loss_options(size=16, eps=0.0, alpha=NAN)
    vector("box_loss", t, 4, short, given(t, [0, 0, 2, 2]), 4, given(t, [0, 0, 2, 1]), 4, 1, None, 1.0, None, wanted(t, [0.78125], 1, PROMISED), None, None)
    for normalizer in (1.0, 0.0, -INF):
        vector("box_loss", t, 4, None, None, 4, None, 4, 0, None, normalizer, wanted("f64", [0]), None, None, None)


# ---- Rotated boxes ----

ROTATED = np.array(
    [  # cx, cy, w, h, and an angle in every convention
        [5, 5, 10, 4, 0], [5, 5, 10, 4, 90], [8, 6, 6, 6, 45], [-20, 12, 8, 2, 0.5], [0.5, 0.25, 0.75, 0.5, -1.25], [7, 3, 4, 9, 30],
        [7, 3, 4, 9, -77.5], [3, 4, 2, 5, 1980], [3, 4, 2, 5, -(2.0**40)], [2.0**22, 2.0**21, 16, 32, 3], [1, 1, 1024, 2.0**-10, 2.0**-20],
        [6, 7, 0, 5, 100], [6, 7, 0, 0, 2], [9, 2, -3, 4, 10],
    ],
    float,
)  # fmt: skip


MANY_POINTS = np.array(
    [
        [0, 0, 8, 1, 9, 5, 3, 7, 4, 3], [5, 1, 5, 3, 9, 4, 2, 8, 0, 4], [1, 1, 2, 3, 2, 3, 4, 0, 1, 1], [-7, 2, 30, 4, 2, 3, 8, -1, 5, 0.5],
        [2.0**20, 2.0**19, 2.0**20 + 8, 2.0**19 + 1, 2.0**20 + 3, 2.0**19 + 5, 2.0**20 + 2, 2.0**19, 2.0**20, 2.0**19 + 2],
    ],
    float,
)  # fmt: skip
MIN_AREAS = [[2, 1, 4, 2, 0], [1.5, 3, 45**0.5, 0, 63.43494882292201], [1, 2, 0, 0, 0], [NAN] * 5]
SIZES = [[4, 4, 4, 4, 90], [6, 6, 6, 6, 90], [2, 2, 1, 1, 90], [1] * 5]


def rotated_boxes(t):
    conventions = list(enumerate(reference.ANGLES))
    for (i, source), (j, target) in itertools.product(conventions, repeat=2):
        few = ROTATED[i + j :: 5]
        grad = cotangents(*few.shape)
        value, terms, (gradient,), (of_gradient,) = exact(reference.rotated_convert, few, cotangent=grad, source=source, target=target)
        eps = 0 if reference.ANGLES[source][0] == reference.ANGLES[target][0] else PROMISED
        vector("rotated_convert", t, i, j, given(t, few), len(few), 5, wanted(t, value, terms, eps), 5)
        vector("rotated_convert_grad", t, i, j, len(few), given(t, grad), wanted(t, gradient, of_gradient, eps))
    for code, angle in conventions:
        for span, name in enumerate((*reference.RANGES, "turn")):
            if (code + span) % 3 != (t == "f64"):
                continue  # Each type has a third of them.
            few = ROTATED[[(3 * code + span) % 8, 9 + (code + span) % 4]]
            grad = cotangents(*few.shape)
            value, terms, (gradient,), _ = exact(reference.rotated_regularize, few, cotangent=grad, angle=angle, range=name)
            vector("rotated_regularize", t, code, span, given(t, few), len(few), 5, wanted(t, value, terms, PROMISED), 5)
            vector("rotated_regularize_grad", t, code, span, given(t, few), len(few), 5, given(t, grad), wanted(t, gradient))
    for code, angle in conventions:
        boxes, solid = ROTATED[:: 1 if code == 2 else 5], ROTATED[code:11:4]
        count, gaps = len(boxes), np.hstack([boxes, np.full((len(boxes), 1), NAN)])
        of_corners, of_bounds = cotangents(count, 8), cotangents(count, 4)[::-1]
        corners, terms, (by_corners,), (size,) = exact(reference.rotated_corners, boxes, cotangent=of_corners, angle=angle)
        bounds, limits, (by_bounds,), (size_of_bounds,) = exact(reference.rotated_bounds, boxes, cotangent=of_bounds, angle=angle)
        vector("rotated_corners", t, code, given(t, gaps), count, 6, wanted(t, corners, terms, PROMISED), wanted(t, bounds, limits, PROMISED))
        gradient, sizes = by_corners + by_bounds, np.broadcast_to(np.maximum(size, size_of_bounds), by_corners.shape)
        arguments = code, given(t, boxes), count, 5
        vector("rotated_corners_grad", t, *arguments, given(t, of_corners), given(t, of_bounds), wanted(t, gradient, sizes, PROMISED))
        sizes = np.broadcast_to(size_of_bounds, by_bounds.shape)
        vector("rotated_corners_grad", t, *arguments, None, given(t, of_bounds), wanted(t, by_bounds, sizes, PROMISED))
        # Corners that both types hold, in both senses.
        quads = exact(reference.rotated_corners, solid, angle=angle, cotangent=np.ones((len(solid), 8)))[0].astype(np.float32).astype(float)
        quads[1::2] = quads[1::2].reshape(-1, 4, 2)[:, ::-1].reshape(-1, 8)
        grad = cotangents(len(solid), 5)
        value, terms, (gradient,), (of_gradient,) = exact(reference.rotated_from_corners, quads, cotangent=grad, angle=angle)
        vector("rotated_from_corners", t, code, given(t, quads), len(solid), 8, wanted(t, value, terms, PROMISED))
        results = wanted(t, gradient, np.broadcast_to(of_gradient, gradient.shape), PROMISED)
        vector("rotated_from_corners_grad", t, code, given(t, quads), len(solid), 8, given(t, grad), results)
        flat = given(t, [[1, 2] * 4, [1, 2, 1, 2, 1, 5, 1, 5]]), 2, 8
        vector("rotated_from_corners", t, code, *flat, wanted(t, [[1, 2, 0, 0, 0], [1, 3.5, 0, 3, 0]]))
        vector("rotated_from_corners_grad", t, code, given(t, [[1, 2] * 4]), 1, 8, given(t, [[4, 8, 1, 1, 1]]), wanted(t, [[1, 2] * 4]))
        vector("rotated_from_corners", t, code, None, 0, 8, None)
        points = MANY_POINTS[code::2]
        value, terms = (x.astype(float) for x in reference.evaluate(reference.rotated_min_area, points, angle=angle)[:2])
        vector("rotated_min_area", t, code, given(t, points), len(points), 5, 10, wanted(t, value, terms, PROMISED))
    quads, found = given(t, [[0, 0, 4, 0, 4, 2, 0, 2], [0, 0, 2, 4, 1, 2, 3, 6], [1, 2] * 4, [0, 0, 1, 1, 2, INF, 3, 3]]), wanted(t, MIN_AREAS, SIZES, PROMISED)
    vector("rotated_min_area", t, 2, quads, 4, 4, 8, found)
    vector("rotated_min_area", t, 0, None, 0, 1, 2, None)
    inspected = {  # degrees clockwise, in an image of 20 x 30, with a least size of 2
        (9, 9, 4, 6, 30): 0, (9, 9, 4, 6, NAN): 1 << 0, (9, INF, 4, 6, 0): 1 << 0, (9, 9, 0, 6, 30): 1 << 1 | 1 << 8, (9, 9, 6, 0, 30): 1 << 2 | 1 << 8,
        (9, 9, -4, 6, 30): 1 << 3 | 1 << 8, (-1, 9, 4, 6, 30): 1 << 4 | 1 << 6, (9, 31, 4, 6, 30): 1 << 5 | 1 << 6, (2, 15, 4, 30, 0): 0,
        (2, 15, 30, 4, 90): 0, (2, 15, 30, 4, 91): 1 << 6, (-4, -4, 30, 2, 135): 1 << 4 | 1 << 7, (1, 1, 30, 2, 135): 1 << 6, (9, 9, 1, 6, 0): 1 << 8,
    }  # fmt: skip
    flags = list(inspected.values())
    counts = [sum(f >> bit & 1 for f in flags) for bit in range(9)]
    arguments = 2, given(t, list(inspected)), len(flags), 5, 20.0, 30.0, 2.0
    vector("rotated_inspect", t, *arguments, wanted("u32", flags), wanted("size", [*counts, 0]), 10)
    vector("rotated_inspect", t, *arguments, None, wanted("size", counts[:3]), 3)


ROTATED_PAIRS = np.array(
    [  # a, b, whose angles are in degrees
        [5, 5, 10, 4, 30, 6, 4, 8, 5, -15], [8, 6, 6, 6, 45, 8, 6, 6, 6, 0], [5, 5, 10, 4, 30, 5, 5, 10, 4, 30], [5, 5, 10, 4, 90, 5, 5, 4, 10, 0],
        [5, 5, 10, 4, 20, 5, 5, 6, 2, 20], [0, 0, 64, 64, 10, 3, 5, 2, 1, 77], [0, 0, 8, 8, 0, 8, 0, 8, 8, 0], [0, 0, 8, 8, 0, 8, 8, 8, 8, 0],
        [0, 0, 8, 8, 0, 2, 4, 4, 8, 0], [0, 0, 3, 4, 10, 20, 30, 3, 4, 60], [0, 0, 1024, 2.0**-6, 10, 16, 3, 1024, 2.0**-6, 55],
        [2.0**20, 2.0**20, 16, 32, 12, 2.0**20 + 4, 2.0**20, 8, 64, 700], [3, 3, 0, 5, 10, 3, 3, 4, 4, 0], [3, 3, 0, 0, 10, 3, 3, 0, 0, 10],
        [1, 2, -3, 4, 10, 1, 2, 3, 4, 10], [0.5, 0.25, 0.75, 0.5, -1.25, 0.375, 0.5, 0.5, 0.25, 40],
    ],
    float,
)  # fmt: skip


def rotated_overlap(t):
    for code, metric in ((0, "iou"), (4, "iof")):
        a, b = (ROTATED_PAIRS[:: 1 if code == 0 else 3, side] for side in (slice(5), slice(5, 10)))
        count, options = len(a), {"angle": "degrees-cw", "metric": metric}
        value, terms, gradients, of_gradients = exact(reference.rotated_overlap, a, b, **options)
        results = [wanted(t, value, terms, PROMISED)] + [wanted(t, g, np.broadcast_to(o, g.shape), PROMISED) for g, o in zip(gradients, of_gradients)]
        vector("rotated_iou_aligned", t, code, 2, given(t, a), 5, given(t, b), 5, count, *results)
        for k in range(5):
            odd = [[*a[0, :k], NAN, *a[0, k + 1 :]]]
            vector("rotated_iou_aligned", t, code, 2, given(t, odd), 5, given(t, b[:1]), 5, 1, wanted(t, [NAN]), None, None)
        rows, columns = ROTATED_PAIRS[[0, 5, 8, 13], :5], ROTATED_PAIRS[[0, 1, 4, 6, 12], 5:]
        shape = len(rows), len(columns)
        left, right = (np.array(side) for side in zip(*itertools.product(rows, columns)))
        grad = cotangents(*shape)
        value, terms, gradients, of_gradients = exact(reference.rotated_overlap, left, right, cotangent=grad.reshape(-1, 1), **options)
        sides = given(t, rows), shape[0], 5, given(t, columns), shape[1], 5
        vector("rotated_iou_pairwise", t, code, 2, *sides, wanted(t, value, terms, PROMISED), shape[1])
        sums = [g.reshape(*shape, 5).sum(axis=axis) for g, axis in zip(gradients, (1, 0))]
        largest = [o.reshape(*shape).max(axis=axis)[:, None] for o, axis in zip(of_gradients, (1, 0))]
        results = [wanted(t, s, np.broadcast_to(o, s.shape), PROMISED) for s, o in zip(sums, largest)]
        vector("rotated_iou_pairwise_grad", t, code, 2, *sides, given(t, grad), shape[1], *results)
        vector("rotated_iou_pairwise_grad", t, code, 2, *sides[:3], None, 0, 5, None, 0, wanted(t, np.zeros((shape[0], 5))), None)
    a, b = ROTATED_PAIRS[[0, 1, 2, 4, 9, 12], :5], ROTATED_PAIRS[[0, 1, 2, 4, 9, 12], 5:]
    count, weights, normalizer = len(a), np.abs(cotangents(len(a))), 8.0
    for code, name in enumerate(("linear", "log")):
        options = {"angle": "degrees-ccw", "loss": name, "least_iou": 0.125}
        value, terms, gradients, of_gradients = exact(reference.rotated_overlap, a, b, cotangent=weights[:, None] / normalizer, **options)
        per_box, of_box = (x * weights[:, None] for x in (value, terms))
        results = [wanted(t, g, np.broadcast_to(o, g.shape), PROMISED) for g, o in zip(gradients, of_gradients)]
        loss = wanted("f64", [per_box.sum() / normalizer], of_box.sum() / normalizer, PROMISED * (2**29 if t == "f32" else 1))
        arguments = code, 1, given(t, a), 5, given(t, b), 5, count, given(t, weights), 0.125, normalizer
        vector("rotated_iou_loss", t, *arguments, loss, wanted(t, per_box, of_box, PROMISED), *results)
        for normalizer_of_none in (1.0, 0.0, -INF):
            vector("rotated_iou_loss", t, code, 1, None, 5, None, 5, 0, None, 1.0, normalizer_of_none, wanted("f64", [0]), None, None, None)


GAUSSIAN_LOSSES = {
    "gwd": {"fun": "sqrt", "tau": 2.0}, "kld": {}, "jeffreys": {"is_root": False, "tau": 0.0}, "max": {"fun": "none"}, "min": {"alpha": 2.0},
    "kfiou": {"eps": 0.25}, "ln": {"eps": 0.0}, "exp": {"eps": 0.0}, "hellinger": {}, "bhattacharyya": {},
}  # fmt: skip
"""Every kind in the order of its code, with what the reference is told."""


def gaussian_options(size=48, alpha=1.0, tau=1.0, eps=2.0**-20, fun="log1p", is_root=True, normalized=True, reserved=0):
    function = ("none", "sqrt", "log1p").index(fun) if isinstance(fun, str) else fun
    return {"gaussian options": [size, alpha, tau, eps, function, int(is_root), int(normalized), reserved]}


def gaussian_losses(t):
    """Kinds in turns: each type has half of them, and each kind one of the gradients."""
    for code, (kind, told) in enumerate(GAUSSIAN_LOSSES.items()):
        pairs = ROTATED_PAIRS[[[0, 1, 9][code % 3]]]
        if code % 2 == (t == "f64"):
            continue
        pred, target, weights, normalizer = pairs[:, :5], pairs[:, 5:], np.array([0.5]), 2.0
        options = {"angle": "degrees-cw", "kind": kind, "eps": 2.0**-20, **told}
        value, terms, gradients, of_gradients = exact(reference.gaussian_loss, pred, target, cotangent=weights[:, None] / normalizer, **options)
        per_box, of_box = (x * weights[:, None] for x in (value, terms))
        results = [wanted(t, g, np.broadcast_to(o, g.shape), PROMISED) if k == code // 2 % 2 else None for k, (g, o) in enumerate(zip(gradients, of_gradients))]
        arguments = code, 2, gaussian_options(**told), given(t, pred), 5, given(t, target), 5, 1, given(t, weights), normalizer
        vector("rotated_gaussian_loss", t, *arguments, None, wanted(t, per_box, of_box, PROMISED), *results)
    equal = given(t, [3, 4, 5, 6, 0.5])
    nothing = wanted(t, [0, 0, 0, 0, 0])
    vector("rotated_gaussian_loss", t, 0, 0, None, equal, 5, equal, 5, 1, None, 1.0, wanted("f64", [0]), wanted(t, [0]), nothing, nothing)
    vector("rotated_gaussian_loss", t, 0, 0, gaussian_options(size=8), None, 5, None, 5, 0, None, 0.0, wanted("f64", [0]), None, None, None)


# ---- Smooth L1 ----


def smooth_l1(t):
    prediction = np.array([0, 0.0625, -0.0625, 0.25, -0.25, 0.5, -0.5, 3, -2, 7.5, 1])
    target = np.array([0, 0, 0, 0, 0, 0.25, -0.25, -1.5, 1, 7.5, -1024])
    inside, outside = np.abs(cotangents(2, len(target)))
    normalizer = 4.0
    for sigma in (1.0, 2.0, 0.5):
        for with_weights in (False, True):
            i, o = (inside, outside) if with_weights else (np.ones_like(inside), np.ones_like(outside))
            differences = i * (prediction - target)
            value, terms, *_ = exact(reference.smooth_l1, differences[:, None], np.zeros((len(target), 1)), sigma=sigma)
            _, _, (slope, _), _ = exact(reference.smooth_l1, differences[:, None], np.zeros((len(target), 1)), sigma=sigma)
            elements, of_elements = value.ravel() * o, terms.ravel() * o
            gradient = slope.ravel() * i * o / normalizer
            loss = wanted("f64", [elements.sum() / normalizer], of_elements.sum() / normalizer, PROMISED * (2**29 if t == "f32" else 1))
            weights = (given(t, inside), given(t, outside)) if with_weights else (None, None)
            results = wanted(t, elements, of_elements, PROMISED), *(wanted(t, s * gradient, np.abs(gradient), PROMISED) for s in (1, -1))
            vector("smooth_l1", t, given(t, prediction), given(t, target), *weights, len(target), sigma, normalizer, loss, *results)
    vector("smooth_l1", t, None, None, None, None, 0, 1.0, 1.0, wanted("f64", [0]), None, None, None)
    signs = np.sign(prediction - target)
    plain = wanted(t, np.abs(prediction - target))
    vector("smooth_l1", t, given(t, prediction), given(t, target), None, None, len(target), INF, 1.0, None, plain, wanted(t, signs), None)


def balanced_l1(t):
    prediction = np.array([0, 0.0625, -0.0625, 0.25, -0.25, 0.5, -0.5, 3, -2, 7.5, 1])
    target = np.array([0, 0, 0, 0, 0, 0.25, -0.25, -1.5, 1, 7.5, -1024])
    inside, outside = np.abs(cotangents(2, len(target)))
    normalizer = 4.0
    for alpha, gamma, beta in ((0.5, 1.5, 1.0), (0.5, 1.5, 0.25), (2.0, 0.5, 4.0)):
        for given_weights in ((), (inside, outside)):
            columns = [x[:, None] for x in (prediction, target, *given_weights)]
            scalars = {"alpha": alpha, "gamma": gamma, "beta": beta}
            slopes = np.full((len(target), 1), 1 / normalizer)
            value, terms, gradients, of_gradients = exact(reference.balanced_l1, *columns, cotangent=slopes, **scalars)
            loss = wanted("f64", [value.sum() / normalizer], terms.sum() / normalizer, PROMISED * (2**29 if t == "f32" else 1))
            weights = [given(t, x) for x in given_weights] or [None, None]
            results = wanted(t, value, terms, PROMISED), *(wanted(t, g, o, PROMISED) for g, o in zip(gradients[:2], of_gradients))
            vector("balanced_l1", t, given(t, prediction), given(t, target), *weights, len(target), alpha, gamma, beta, normalizer, loss, *results)
    vector("balanced_l1", t, None, None, None, None, 0, 0.5, 1.5, 1.0, 0.0, wanted("f64", [0]), None, None, None)


# ---- Box distributions ----


def distributions(t):
    for bins in (2, 3, 16):
        count = 12
        logits = np.resize(COTANGENTS * 3, (count, bins))
        logits[0], logits[1], logits[2, 0] = 0.5, -(2.0**90), 2.0**90
        spaced = np.hstack([logits, np.full((count, 1), NAN)])
        target = np.array([0, 0.25, 0.5, 0.75, -0.5, 1, 1.5, 3.125, 7, 11.75, 14.5, 0.125]) % (bins - 1.125)
        target[4] = -0.5
        weights, grad, normalizer = np.abs(cotangents(count)), cotangents(count, 1), 8.0
        columns, slopes = (logits, target[:, None], weights[:, None]), np.full((count, 1), 1 / normalizer)
        value, terms, gradients, of_gradients = exact(reference.distribution_focal, *columns, cotangent=slopes, last=bins - 1.01)
        loss = wanted("f64", [value.sum() / normalizer], terms.sum() / normalizer, PROMISED * (2**29 if t == "f32" else 1))
        results = wanted(t, value, terms, PROMISED), *(wanted(t, g, np.broadcast_to(o, g.shape), PROMISED) for g, o in zip(gradients[:2], of_gradients))
        arguments = given(t, spaced), bins + 1, given(t, target), count, bins
        vector("distribution_focal", t, *arguments, given(t, weights), normalizer, loss, *results)
        vector("distribution_focal", t, None, bins, None, 0, bins, None, 0.0, wanted("f64", [0]), None, None, None)

        value, terms, (gradient,), (of_gradient,) = exact(reference.distribution_decode, logits, cotangent=grad)
        vector("distribution_decode", t, given(t, spaced), bins + 1, count, bins, wanted(t, value, terms, PROMISED))
        rows = given(t, spaced), bins + 1, count, bins
        vector("distribution_decode_grad", t, *rows, given(t, grad), wanted(t, gradient, np.broadcast_to(of_gradient, gradient.shape), PROMISED))
    none = given(t, [[0, -INF, -INF], [-INF, 0, 0], [0, -INF, 0], [NAN, 0, 0], [0, INF, 0]])
    halves = [[0, 0, 0], [-0.5, 0, 0.5], [0, -0.5, 0.5], [NAN] * 3, [NAN] * 3]
    results = wanted(t, [0, INF, INF, NAN, NAN]), wanted(t, halves), wanted(t, [INF, -INF, INF, NAN, -INF])
    vector("distribution_focal", t, none, 3, given(t, [0, 0.5, 0.5, 0.5, 0.5]), 5, 3, None, 1.0, None, *results)
    vector("distribution_decode", t, none, 3, 5, 3, wanted(t, [0, 1.5, 1, NAN, NAN]))


# ---- Deltas ----

CODED = {"means": (0.0625, -0.125, 0.25, 0.0), "stds": (0.125, 0.125, 0.25, 0.5)}
IDENTITY = {"means": (0.0,) * 4, "stds": (1.0,) * 4}
HIGHEST = 4.135166556742356


def options(coding, size=120, low=-INF, high=HIGHEST, image=(-1.0, -1.0), center_clamp=INF, on_degenerate=0, reserved=0):
    return {"options": [size, *coding["means"], *coding["stds"], low, high, *image, center_clamp, on_degenerate, reserved]}


def encode_terms(proposals, targets, coding):
    """Of dx and dy the differences of corners, of dw and dh the larger of 1 and their own size; each over std, and the mean's share."""
    terms = []
    for p, t in zip(proposals, targets):
        sizes = p[2] - p[0], p[3] - p[1]
        shift = [max(abs(t[k] - p[k]), abs(t[k + 2] - p[k + 2])) / abs(sizes[k]) for k in (0, 1)]
        ratio = [max(1, abs(float(mp.log((t[k + 2] - t[k]) / mp.mpf(sizes[k]))))) for k in (0, 1)]
        terms.append([max(x, abs(m)) / s for x, m, s in zip(shift + ratio, coding["means"], coding["stds"])])
    return np.array(terms)


def deltas(t):
    proposals, targets = A[WITH_AREA], B[WITH_AREA]
    count = len(proposals)
    for coding, given_options in ((IDENTITY, None), (CODED, options(CODED))):
        grad = cotangents(count, 4)
        value, _, gradients, of_gradients = exact(reference.encode, proposals, targets, cotangent=grad, **coding)
        sides = given(t, proposals), 4, given(t, targets), 4, count
        terms = encode_terms(proposals, targets, coding)
        found = wanted("u8", [0] * count), wanted("size", [0])
        vector("delta_encode", t, given_options, *sides, wanted(t, value, terms, PROMISED), *found)
        results = [wanted(t, g, np.broadcast_to(o, g.shape), PROMISED) for g, o in zip(gradients, of_gradients)]
        vector("delta_encode_grad", t, given_options, *sides, given(t, grad), *results)

    degenerate = np.array([[0, 0, 8, 8], [3, 0, 3, 8], [0, 0, 8, 8], [0, 0, NAN, 8], [0, 0, 16, 16]], float)
    others = np.array([[4, 4, 12, 12], [0, 0, 4, 4], [5, 5, 9, 4], [0, 0, 1, 1], [8, 4, 24, 20]], float)
    zero = np.zeros((5, 4))
    zero[0], zero[4] = (0.5, 0.5, 0, 0), (0.5, 0.25, 0, 0)
    arguments = given(t, degenerate), 4, given(t, others), 4, 5
    marks = wanted("u8", [0, 1, 1, 1, 0]), wanted("size", [3])
    vector("delta_encode", t, options(IDENTITY, on_degenerate=1), *arguments, wanted(t, zero, 1, PROMISED), *marks)
    failing = untouched(t, 20), untouched("u8", 5), untouched("size", 1)
    vector("delta_encode", t, None, *arguments, *failing, status=DEGENERATE_BOX, error="proposals[1] has a width")
    gradients = untouched(t, 20), untouched(t, 20)
    grad = given(t, cotangents(5, 4))
    vector("delta_encode_grad", t, None, *arguments, grad, *gradients, status=DEGENERATE_BOX, error="proposals[1] has a width")
    empty = given(t, [[0, 0, 8, 8]]), 4, given(t, [[2, 2, 2, 6]]), 4, 1
    followed = wanted(t, [-0.25, 0, -INF, float(mp.log(mp.mpf(0.5)))], [1, 1, 1, 1], PROMISED)
    vector("delta_encode", t, options(IDENTITY, on_degenerate=2), *empty, followed, wanted("u8", [1]), None)

    groups = 2
    shifts = cotangents(count, 4 * groups).copy()
    shifts[0], shifts[1, 2:4] = 0, (40, -3)
    for coding, settings, exact_settings in (
        (IDENTITY, {}, {"log_ratio": (-INF, HIGHEST)}),
        (CODED, {"low": -0.5, "high": 0.5, "center_clamp": 4.0, "image": (20.0, 12.0)}, {"log_ratio": (-0.5, 0.5), "center_clamp": 4, "size": (12, 20)}),
    ):
        formula = {**coding, **exact_settings}
        grad = cotangents(count, 4 * groups)
        value, terms, gradients, of_gradients = exact(reference.decode, proposals, shifts, cotangent=grad, **formula)
        given_options = options(coding, **settings) if settings else None
        arguments = given_options, given(t, proposals), 4, given(t, shifts), 4 * groups, count, groups
        vector("delta_decode", t, *arguments, wanted(t, value, terms, PROMISED))
        results = [wanted(t, g, np.broadcast_to(o, g.shape), PROMISED) for g, o in zip(gradients, of_gradients)]
        vector("delta_decode_grad", t, *arguments, given(t, grad), *results)
    vector("delta_decode", t, None, None, 4, None, 8, 0, 2, None)


# ---- Rotated deltas ----


def rotated_options(
    size=176, means=(), stds=(), log_ratio=(-INF, HIGHEST), center_clamp=INF, image=(-1.0, -1.0), norm_factor=0.0, corner_tolerance=0.125, range="turn",
    edge_swap=False, proj_xy=False, on_degenerate=0,
):  # fmt: skip
    means, stds = (list(map(float, x)) + [fill] * (6 - len(x)) for x, fill in ((means, 0.0), (stds, 1.0)))
    code = ("oc", "le90", "le135", "turn").index(range) if isinstance(range, str) else range
    codes = code, int(edge_swap), int(proj_xy), on_degenerate
    return {"rotated options": [size, *means, *stds, *log_ratio, *image, center_clamp, norm_factor, corner_tolerance, *codes]}


CODED6 = {"means": (0.5, -0.25, 0.125, 0, 0.0625, 0.75), "stds": (0.125, 0.25, 2, 0.5, 0.25, 0.5)}
CODED5 = {name: numbers[:5] for name, numbers in CODED6.items()}
ROTATED_CODERS = {
    "rotated": (
        {"range": "le90", "edge_swap": True, "norm_factor": 0.5}, {"proj_xy": True, **CODED5}, {"range": "le135", "proj_xy": True, "edge_swap": True},
        {"range": "oc", "norm_factor": 2.0},
    ),
    "midpoint": ({"range": "le90"}, {"range": "turn", **CODED6}, {"range": "le135", **CODED6}, {"range": "oc"}),
}  # fmt: skip
"""Each type has two of them, and each of these one convention."""


def rotated_deltas(t):
    targets = ROTATED[[0, 4, 6, 9]].copy()
    targets[:, 4] += 7.5
    for coder, codings in ROTATED_CODERS.items():
        encode, decode = (getattr(reference, f"{coder}_{verb}") for verb in ("encode", "decode"))
        proposals = ROTATED[[2, 3, 5, 9]] if coder == "rotated" else A[[0, 3, 7, 8]]
        width, numbers = proposals.shape[1], 6 if coder == "midpoint" else 5
        for k, coding in enumerate(codings):
            if k % 2 == (t == "f64"):
                continue
            rows = [k // 2, 2 + k // 2]
            told = {name: x for name, x in coding.items() if coder == "rotated" or name != "range"}
            sides = given(t, proposals[rows]), width, given(t, targets[rows]), 5, 2
            angle, grad = list(reference.ANGLES)[k], cotangents(2, numbers)
            more = {"corner_tolerance": 0.125} if coder == "midpoint" else {}
            value, terms, gradients, of_gradients = exact(encode, proposals[rows], targets[rows], cotangent=grad, angle=angle, **told, **more)
            if coder == "midpoint":
                terms[:, 2:4] = np.maximum(terms[:, 2:4], 1 / np.array(coding.get("stds", (1,) * 6))[2:4])
            found = wanted("u8", [0, 0]), wanted("size", [0])
            vector(f"{coder}_encode", t, rotated_options(**coding), k, *sides, wanted(t, value, terms, PROMISED), *found)
            results = [wanted(t, g, np.broadcast_to(o, g.shape), PROMISED) for g, o in zip(gradients, of_gradients)]
            vector(f"{coder}_encode_grad", t, rotated_options(**coding), k, *sides, given(t, grad), *results)
            shifts = cotangents(2, 8)[:, :numbers] / 4
            limits = {"log_ratio": (-0.25, HIGHEST)} | ({"center_clamp": 2.0} if coder == "rotated" else {})
            grad = cotangents(2, 5)
            value, terms, gradients, of_gradients = exact(decode, proposals[rows], shifts, cotangent=grad, angle=angle, **coding, **limits)
            arguments = rotated_options(**coding, **limits), k, given(t, proposals[rows]), width, given(t, shifts), numbers, 2
            vector(f"{coder}_decode", t, *arguments, wanted(t, value, terms, PROMISED))
            results = [wanted(t, g, np.broadcast_to(o, g.shape), PROMISED) for g, o in zip(gradients, of_gradients)]
            vector(f"{coder}_decode_grad", t, *arguments, given(t, grad), *results)
        good, equal = [[3, 4, 5, 6, 0.5]], [[0.5, 1, 5.5, 7]] if coder == "midpoint" else [[3, 4, 5, 6, 0.5]]
        bad = given(t, equal), width, given(t, [[3, 4, 5, -6, 0.5]]), 5, 1
        marks = wanted("u8", [1]), wanted("size", [1])
        vector(f"{coder}_encode", t, rotated_options(on_degenerate=1), 0, *bad, wanted(t, [0] * numbers), *marks)
        vector(f"{coder}_encode_grad", t, rotated_options(on_degenerate=1), 0, *bad, given(t, cotangents(numbers)), wanted(t, [0] * width), wanted(t, [0] * 5))
        failing = untouched(t, numbers), untouched("u8", 1), untouched("size", 1)
        vector(f"{coder}_encode", t, None, 0, *bad, *failing, status=DEGENERATE_BOX, error="targets[0] has a height")
        error = {"status": DEGENERATE_BOX, "error": "targets[0] has a height"}
        vector(f"{coder}_encode_grad", t, None, 0, *bad, given(t, cotangents(numbers)), untouched(t, width), untouched(t, 5), **error)
        if coder == "rotated":
            vector("rotated_encode", t, None, 0, given(t, good), 5, given(t, good), 5, 1, wanted(t, [0] * 5), None, None)
        decoded = given(t, equal), width, given(t, cotangents(numbers)), numbers, 1
        for wrong, status, words in (
            ({"size": 184}, UNSUPPORTED, "options->size"), ({"range": 4}, BAD_PARAMETER, "options->range"), ({"norm_factor": -1.0}, BAD_PARAMETER, "options->norm_factor"),
            ({"edge_swap": 2}, BAD_PARAMETER, "options->edge_swap"), ({"corner_tolerance": NAN}, BAD_PARAMETER, "options->corner_tolerance"),
        ):  # fmt: skip
            vector(f"{coder}_decode", t, rotated_options(**wrong), 0, *decoded, untouched(t, 5), status=status, error=words)
        results = untouched(t, width), untouched(t, numbers)
        words = {"status": BAD_PARAMETER, "error": "angle is no convention of angles (got 4)"}
        vector(f"{coder}_decode_grad", t, None, 4, *decoded, given(t, cotangents(5)), *results, **words)


# ---- Suppress, match, sample ----

CROWD = np.array(
    [
        [0, 0, 8, 8], [0, 0, 8, 4], [2, 0, 10, 8], [0, 0, 8, 8], [4, 4, 12, 12], [0, 8, 8, 16], [5, 5, 5, 9], [1, 1, 7, 7], [0, NAN, 8, 8],
        [30, 30, 40, 40], [32, 31, 41, 40], [28, 30, 40, 44],
    ]
)  # fmt: skip
SCORES = np.array([0.5, 0.75, 0.5, 0.5, 0.25, 0.875, 1, 0.375, 1, 0.125, 0.9375, 0.625])
CLASSES = np.array([-7, 2**62, -7, -7, 2**62, -7, -7, -7, -7, 0, 0, 2**62], float)


def in_room(of, room, values, **result):
    """The first of an array with room for so many; the others stay as they were."""
    before, values = [77.0] * room, flat(values)
    terms = {"terms": [1.0] * room, "eps": PROMISED} if result else {"eps": 0}
    return {"of": of, "length": room, "in": before, "out": values + before[len(values) :], **terms}


def each_overlap(a, b, metric="iou", eps=0.0):
    """The metric of each with each, NaN where a coordinate is, and its terms."""
    left, right = np.repeat(a, len(b), axis=0), np.tile(b, (len(a), 1))
    value, terms, *_ = exact(reference.overlap, np.nan_to_num(left), np.nan_to_num(right), metric=metric, eps=eps)
    value = np.where(np.isnan(left + right).any(axis=1), NAN, value.astype(float).ravel())
    return value.reshape(len(a), len(b)), terms.astype(float).reshape(len(a), len(b))


def suppress(t):
    overlaps, _ = each_overlap(CROWD, CROWD)
    count = len(CROWD)
    numbers = [k for k in range(count) if not np.isnan(CROWD[k]).any()]
    for classes, threshold, least, most in (
        (None, 0.5, -INF, SIZE_MAX), (CLASSES, 0.5, -INF, SIZE_MAX), (None, 0.25, 0.25, 3), (CLASSES, 0.0, 0.375, 5),
        (None, 1.0, -INF, 0), (None, INF, 0.5, 4),
    ):  # fmt: skip
        ids = np.zeros(count) if classes is None else classes
        kept = []
        for k in sorted(numbers, key=lambda k: (-SCORES[k], k)):
            if SCORES[k] > least and not any(ids[j] == ids[k] and overlaps[j, k] > threshold for j in kept):
                kept.append(k)
        kept, room = kept[:most], min(count, most)
        arguments = given(t, CROWD), count, 4, given(t, SCORES), None if classes is None else given("i64", classes)
        vector("nms", t, *arguments, threshold, least, most, in_room("size", room, kept), wanted("size", [len(kept)]))

        for decay in (0, 1):
            scores, kept, sigma = {k: mp.mpf(SCORES[k]) for k in numbers}, [], 0.5
            while left := [k for k in scores if scores[k] > least]:
                best = min(left, key=lambda k: (-scores[k], k))
                kept.append((-scores.pop(best), best))
                for k in scores:
                    if ids[k] == ids[best] and overlaps[best, k] > (threshold if decay == 0 else 0):
                        scores[k] *= 1 - mp.mpf(overlaps[best, k]) if decay == 0 else mp.exp(-mp.mpf(overlaps[best, k]) ** 2 / sigma)
            assert decay == 0 or all(abs(s - (-x)) > 1e-6 for x, _ in kept for s in [*scores.values(), mp.mpf(least)])
            kept.sort()
            order, final = [k for _, k in kept[:most]], [float(-x) for x, _ in kept[:most]]
            results = in_room("size", room, order), in_room(t, room, final, close=True), wanted("size", [len(order)])
            vector("soft_nms", t, decay, *arguments, threshold, sigma, least, most, *results)
    vector("nms", t, None, 0, 4, None, None, 0.5, 0.0, SIZE_MAX, None, wanted("size", [0]))


def match(t):
    proposals = np.vstack([CROWD, [[100, 100, 104, 104], [0, 0, 16, 16]]])
    truths = np.array([[0, 0, 8, 8], [0, 0, 8, 8], [30, 30, 40, 41], [60, 60, 61, 61], [3, 3, 12, 12], [0, 6, 8, 17]], float)
    for code, metric in enumerate(METRICS):
        values, terms = each_overlap(proposals, truths, metric, GUARD)
        for low, high, low_quality in ((0.25, 0.5, 0), (0.25, 0.625, 1), (-INF, -INF, 0), (0.5, INF, 1), (0.25, 0.5, 2)):
            matches, overlaps, of_overlaps = [], [], []
            peaks = np.nanmax(values, axis=0)
            for i, row in enumerate(values):
                best = -1 if np.isnan(row).all() else int(np.nanargmax(row))
                overlap = row[best] if best >= 0 else 0.0
                forcing = [j for j in range(len(truths)) if low_quality and peaks[j] > 0 and row[j] == peaks[j]]
                forced = forcing and (best if low_quality == 1 else forcing[-1])
                matches.append(-1 if best < 0 else forced if forcing else best if overlap >= high else -1 if overlap < low else -2)
                overlaps.append(overlap), of_overlaps.append(terms[i, best])
            arguments = given(t, proposals), len(proposals), 4, given(t, truths), len(truths), 4
            results = wanted("i64", matches), wanted(t, overlaps, of_overlaps, PROMISED)
            vector("match", t, code, *arguments, GUARD, low, high, low_quality, *results)
    none = wanted("i64", [-1] * len(CROWD)), wanted(t, [0] * len(CROWD))
    vector("match", t, 0, given(t, CROWD), len(CROWD), 4, None, 0, 4, 0.0, 0.5, 0.5, 1, *none)


def match_ignore(t):
    proposals = np.vstack([CROWD, [[100, 100, 104, 104], [0, 0, 16, 16]]])
    ignored = np.array([[0, 0, 8, 8], [30, 30, 40, 41], [1, 1, 1, 5], [100, 100, 104, 108]], float)
    matches = [(0, -1, -2, 7)[i % 4] for i in range(len(proposals))]
    for share, sides in enumerate(((proposals, ignored), (ignored, proposals))):
        values, _ = each_overlap(*sides, "iof")
        values = values if share == 0 else values.T
        for which, threshold in itertools.product((0, 1), (0.0, 0.25, 0.5, 1.0, INF)):
            covered = [any(x > threshold for x in row) for row in values]
            expected = [-3 if c and (which or m < 0) else m for c, m in zip(covered, matches)]
            arguments = given(t, proposals), len(proposals), 4, given(t, ignored), len(ignored), 4
            vector("match_ignore", t, share, *arguments, threshold, which, given("i64", matches), wanted("i64", expected))
    vector("match_ignore", t, 0, given(t, CROWD), len(CROWD), 4, None, 0, 4, 0.0, 1, given("i64", matches[: len(CROWD)]), wanted("i64", matches[: len(CROWD)]))
    vector("match_ignore", t, 0, None, 0, 4, None, 0, 4, 0.0, 1, None, None)


TURNED_CROWD = np.vstack([
    [[6, 6, 10, 4, 30], [6, 6, 10, 4, 34], [7, 6, 10, 4, 30], [6, 6, 4, 10, 120], [6, 6, 10, 4, 120], [8, 5, 9, 5, -20], [40, 9, 6, 6, 45], [40, 9, 6, 6, 0],
     [6, 6, 0, 4, 30], [6, 6, 10, -4, 30], [6, 6, 10, 4, NAN], [6, INF, 10, 4, 30]]]).astype(float)  # fmt: skip
TURNED_SCORES = np.array([0.5, 0.75, 0.875, 0.5, 0.25, 0.625, 0.125, 0.375, 0.5, 0.0625, 1, 1])


def each_rotated_overlap(a, b, metric="iou"):
    """In degrees, clockwise: the metric of each with each, NaN where a number is not finite, and its terms."""
    left, right = np.repeat(a, len(b), axis=0), np.tile(b, (len(a), 1))
    is_number = np.isfinite(left + right).all(axis=1)
    given_left, given_right = (np.where(is_number[:, None], x, 0) for x in (left, right))
    value, terms, *_ = exact(reference.rotated_overlap, given_left, given_right, angle="degrees-cw", metric=metric)
    value = np.where(is_number, value.astype(float).ravel(), NAN)
    return value.reshape(len(a), len(b)), terms.astype(float).reshape(len(a), len(b))


def rotated_suppress(t):
    overlaps, _ = each_rotated_overlap(TURNED_CROWD, TURNED_CROWD)
    count, classes = len(TURNED_CROWD), np.arange(len(TURNED_CROWD)) % 2
    numbers = [k for k in range(count) if np.isfinite(TURNED_CROWD[k]).all()]
    for code, ids, threshold, least, most in ((2, None, 0.5, -INF, SIZE_MAX), (1, classes, 0.3125, 0.125, 4), (2, None, 1.0, -INF, 9)):
        same = np.zeros(count) if ids is None else ids
        assert threshold == 1 or (abs(overlaps[np.isfinite(overlaps)] - threshold) > 1e-4).all()
        kept = []
        for k in sorted(numbers, key=lambda k: (-TURNED_SCORES[k], k)):
            if TURNED_SCORES[k] > least and not any(same[j] == same[k] and overlaps[j, k] > threshold for j in kept):
                kept.append(k)
        kept, room = kept[:most], min(count, most)
        boxes = TURNED_CROWD * (1, 1, 1, 1, -1 if code == 1 else 1)
        arguments = given(t, boxes), count, 5, given(t, TURNED_SCORES), None if ids is None else given("i64", ids)
        vector("rotated_nms", t, code, *arguments, threshold, least, most, in_room("size", room, kept), wanted("size", [len(kept)]))
        if threshold == 1:
            continue
        for decay in (0, 1):
            scores, kept, sigma = {k: mp.mpf(TURNED_SCORES[k]) for k in numbers}, [], 0.5
            while left := [k for k in scores if scores[k] > least]:
                best = min(left, key=lambda k: (-scores[k], k))
                kept.append((-scores.pop(best), best))
                for k in scores:
                    if same[k] == same[best] and overlaps[best, k] > (threshold if decay == 0 else 0):
                        scores[k] *= 1 - mp.mpf(overlaps[best, k]) if decay == 0 else mp.exp(-mp.mpf(overlaps[best, k]) ** 2 / sigma)
            kept.sort()
            order, final = [k for _, k in kept[:most]], [float(-x) for x, _ in kept[:most]]
            results = in_room("size", room, order), in_room(t, room, final, close=True), wanted("size", [len(order)])
            vector("rotated_soft_nms", t, decay, code, *arguments, threshold, sigma, least, most, *results)
    vector("rotated_nms", t, 0, None, 0, 5, None, None, 0.5, 0.0, SIZE_MAX, None, wanted("size", [0]))


def rotated_match(t):
    proposals, truths = TURNED_CROWD, np.array([[6, 6, 10, 4, 30], [6, 6, 10, 4, 30], [8, 5, 8, 5, -10], [90, 90, 4, 4, 5]], float)
    for code, metric, low, high, low_quality in ((0, "iou", 0.25, 0.5, 0), (0, "iou", 0.25, 0.625, 1), (4, "iof", 0.25, 0.75, 0), (0, "iou", 0.5, INF, 2)):
        values, terms = each_rotated_overlap(proposals, truths, metric)
        matches, overlaps, of_overlaps, peaks = [], [], [], np.nanmax(values, axis=0)
        for i, row in enumerate(values):
            best = -1 if np.isnan(row).all() else int(np.nanargmax(row))
            overlap = row[best] if best >= 0 else 0.0
            assert best < 0 or (abs(np.array([low, high]) - overlap) > 1e-4).all()
            forcing = [j for j in range(len(truths)) if low_quality and peaks[j] > 0 and row[j] == peaks[j]]
            forced = forcing and (best if low_quality == 1 else forcing[-1])
            matches.append(-1 if best < 0 else forced if forcing else best if overlap >= high else -1 if overlap < low else -2)
            overlaps.append(overlap), of_overlaps.append(terms[i, best])
        arguments = given(t, proposals), len(proposals), 5, given(t, truths), len(truths), 5
        vector("rotated_match", t, code, 2, *arguments, low, high, low_quality, wanted("i64", matches), wanted(t, overlaps, of_overlaps, PROMISED))
    none = wanted("i64", [-1] * 12), wanted(t, [0] * 12)
    vector("rotated_match", t, 0, 0, given(t, proposals), 12, 5, None, 0, 5, 0.5, 0.5, 1, *none)


def splitmix(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        yield z ^ z >> 31


def drawn(labels, negative, wanted, fraction, seed, ratio=INF):
    """Going through the labels, each is taken with the chance that what is wanted has among what is left."""
    numbers = splitmix(seed)
    signs = [(x > negative) - (x < negative) for x in labels]
    left = {1: signs.count(1), 0: signs.count(0)}
    positives = min(left[1], int(wanted * fraction))
    missing = {1: positives, 0: min(left[0], wanted - positives)}
    if ratio * max(positives, 1) < missing[0]:
        missing[0] = int(ratio * max(positives, 1))
    taken = {1: [], 0: []}
    for i, sign in enumerate(signs):
        if missing.get(sign, 0) == 0:
            continue
        product = next(numbers) * left[sign]
        while product % 2**64 < 2**64 % left[sign]:  # of 2^64 numbers, those that would favour some are not used
            product = next(numbers) * left[sign]
        left[sign] -= 1
        if product >> 64 < missing[sign]:
            missing[sign] -= 1
            taken[sign].append(i)
    return taken[1], taken[0]


SKIPS = 2**64 - 0x9E3779B97F4A7C15
"""The seed whose first number is 0, which no bound but a power of two may use."""


def sample():
    labels = [(k * 7 % 11 - 4) if k % 3 else 0 for k in range(39)]
    for negative, most, fraction, seed in (
        (0, 16, 0.25, 0), (0, 16, 0.5, 2**64 - 1), (-1, 39, 1.0, 7), (0, 0, 0.5, 1), (-(2**63), 8, 0.5, 3), (0, 100, 0.0, 12345), (0, 16, 0.25, SKIPS),
        (0, SIZE_MAX, 0.5, 1),
    ):  # fmt: skip
        positives, negatives = drawn(labels, negative, most, fraction, seed)
        indices = in_room("size", min(most, len(labels)), positives + negatives)
        counts = wanted("size", [len(positives)]), wanted("size", [len(negatives)])
        vector("sample", "", given("i64", labels), len(labels), negative, most, fraction, seed, indices, *counts)
        for ratio in (0.0, 0.7, 3.0, INF):
            positives, negatives = drawn(labels, negative, most, fraction, seed, ratio)
            results = in_room("size", min(most, len(labels)), positives + negatives), wanted("size", [len(positives)]), wanted("size", [len(negatives)])
            vector("sample_ratio", "", given("i64", labels), len(labels), negative, most, fraction, ratio, seed, *results)


# ---- Gradient clipping ----

HALVES = [1.5, -0.25, 3, 2**-20, 0, -6, 60000, 5]
DTYPES = ("f32", "f64", "f16", "bf16")


def tensors(*arrays, dtype=None, reserved=0):
    return {"tensors": [[DTYPES.index(a["of"]) if dtype is None else dtype, a["length"], reserved, a] for a in arrays]}


def parameters(*listed):
    """Each of a gradient, a parameter, unit_size and unit_stride."""
    return {"parameters": [[*(tensors(x)["tensors"][0] for x in pair), *units] for *pair, units in listed]}


def rounded(x, of):
    """To the type's nearest number, ties to even; one too close to a tie for the norm's own error is refused."""
    digits = {"f16": 11, "bf16": 8}[of]
    if x == 0:
        return 0.0
    exponent = max(mp.floor(mp.log(abs(x), 2)), -14 if of == "f16" else -126)
    unit = mp.mpf(2) ** (int(exponent) - digits + 1)
    steps = x / unit
    assert abs(abs(steps - mp.floor(steps)) - 0.5) > 1e-9
    return float(mp.nint(steps) * unit)


def norms():
    values = {"f32": [3, -4, 0.5, 1e3], "f64": [12, -1e-3, 7, 0.125, -2], "f16": HALVES[:5], "bf16": [*HALVES[:4], 2.0**100]}
    values["f32"] = flat(np.float32(values["f32"]))
    finite = {"f32": values["f32"], "f64": values["f64"], "f16": HALVES[:6], "bf16": [*HALVES[:4], 0.5]}
    none = wanted("size", [SIZE_MAX])

    def norm(numbers, p):
        sizes = [abs(mp.mpf(x)) for x in numbers]
        return max(sizes, default=mp.mpf(0)) if p == INF else mp.root(sum(x**p for x in sizes), p) if p == int(p) else sum(x ** mp.mpf(p) for x in sizes) ** (1 / mp.mpf(p))

    accuracy = {1.0: 900, 2.0: 900, INF: 900}  # 1e-13 in eps, of other p 1e-11
    for chosen in (values, finite, {"f64": [3e200, 4e200]}, {"f64": [3e-200, 4e-200]}, {"f32": []}):
        for p in (1.0, 2.0, INF, 3.0, 0.5):
            each = [float(norm(numbers, p)) for numbers in chosen.values()]
            total = float(norm(itertools.chain(*chosen.values()), p))
            eps = accuracy.get(p, 90000)
            given_tensors = tensors(*(given(of, numbers) for of, numbers in chosen.items()))
            results = wanted("f64", [total], [total], eps), wanted("f64", each, each, eps), none
            vector("grad_norm", "", given_tensors, len(chosen), p, *results)
            vector("grad_norm_combine", "", given("f64", each), len(each), p, wanted("f64", [total], [total], 2 * eps))
    bad = tensors(given("f32", [1, 2]), given("bf16", [1, INF]), given("f64", [NAN]))
    vector("grad_norm", "", bad, 3, 2.0, wanted("f64", [NAN]), wanted("f64", [float(mp.sqrt(5)), INF, NAN], [3, 1, 1], 900), wanted("size", [1]))
    vector("grad_norm", "", None, 0, 2.0, wanted("f64", [0]), None, none)

    def changed(of, numbers, f):
        exact_values = [f(mp.mpf(x)) for x in numbers]
        if of in ("f16", "bf16"):
            return given(of, numbers, out=[rounded(x, of) for x in exact_values], eps=0)
        results = flat([float(x) for x in exact_values])
        return given(of, numbers, out=results, terms=[abs(x) for x in results], eps=900 if of == "f64" else 2)

    vector("grad_scale", "", tensors(*(changed(of, x, lambda v: v * mp.mpf(0.3)) for of, x in finite.items())), 4, 0.3)
    for max_norm, p in ((0.75, 2.0), (10.0, 1.0), (1.0, INF)):
        total = norm(itertools.chain(*finite.values()), p)
        scale = max_norm / (total + mp.mpf(1e-6))
        assert scale < 1
        clipped = tensors(*(changed(of, x, lambda v, scale=scale: v * scale) for of, x in finite.items()))
        vector("clip_grad_norm", "", clipped, 4, max_norm, p, 1e-6, 0, wanted("f64", [float(total)], [float(total)], 900))
    same = tensors(*(given(of, x, out=flat(x), eps=0) for of, x in finite.items()))
    total = float(norm(itertools.chain(*finite.values()), 2.0))
    vector("clip_grad_norm", "", same, 4, 1e6, 2.0, 1e-6, 0, wanted("f64", [total], [total], 900))
    for mode, results in {0: [[0, NAN], [0]], 2: [[1, INF], [2]], 3: [[0, 0], [0]]}.items():
        broken = tensors(*(given("f32", x, out=flat(y), eps=0) for x, y in zip(([1, INF], [2]), results)))
        vector("clip_grad_norm", "", broken, 2, 1.0, 2.0, 1e-6, mode, wanted("f64", [INF]))
    refused = tensors(given("f32", [1, 2]), given("f16", [3, 4, NAN]))
    vector("clip_grad_norm", "", refused, 2, 1.0, 2.0, 1e-6, 1, untouched("f64", 1), status=NONFINITE, error="tensors[1][2]")
    huge = tensors(given("f64", [1e308] * 2), given("f32", []))
    vector("clip_grad_norm", "", huge, 2, 1.0, 1.0, 1e-6, 1, untouched("f64", 1), status=NONFINITE, error="tensors are finite, but")
    for limit in (0.75, 4.0, INF):
        results, each = [], []
        for of, numbers in finite.items():
            exact_values, rms = reference.clip_grad_rms(numbers, limit)
            each.append(float(rms))
            kept = rms <= limit
            results.append(given(of, numbers, out=flat(numbers), eps=0) if kept else changed(of, numbers, dict(zip(map(mp.mpf, numbers), exact_values)).get))
        vector("clip_grad_rms", "", tensors(*results), 4, limit, 0, wanted("f64", each, each, 900))
    for mode, results in {0: [[0, NAN], [2]], 2: [[1, INF], [2]], 3: [[0, 0], [2]]}.items():
        broken = tensors(*(given("f32", x, out=flat(y), eps=0) for x, y in zip(([1, INF], [4]), results)))
        vector("clip_grad_rms", "", broken, 2, 2.0, mode, wanted("f64", [INF, 4], [1, 4], 900))
    vector("clip_grad_rms", "", tensors(given("f32", [8]), given("f16", [3, 4, NAN])), 2, 1.0, 1, untouched("f64", 2), status=NONFINITE, error="tensors[1][2]")
    units(finite, changed)
    limited = tensors(*(given(of, x, out=flat(np.clip(x, -0.25, 0.25)), eps=0) for of, x in finite.items()), given("f32", [NAN, -INF], out=[NAN, -0.25], eps=0))
    vector("clip_grad_value", "", limited, 5, 0.25)


def exact_norms():
    """States are integers, which the numbers of a vector hold up to 2^53: those of p = INF are of magnitudes with few bits."""
    for size, lowest in ((22, -320), (136, -2176)):
        none = [0.0] * size

        def state(numbers, p, size=size, lowest=lowest):
            words = [0] * size
            words[-2:] = sum(map(math.isinf, numbers)), sum(map(math.isnan, numbers))
            finite = [abs(x) for x in numbers if math.isfinite(x)]
            if p == INF:
                largest = NAN if words[-1] else INF if words[-2] else max(finite, default=0.0)
                return [float(int.from_bytes(struct.pack("<d", largest), "little")), *none[1:]]
            total = sum(int(mp.ldexp(mp.mpf(x) ** int(p), -lowest)) for x in finite)
            for i in range(size - 3):
                words[i], total = total & 0xFFFFFFFF, total >> 32
            return flat([*words[: size - 3], total, *words[-2:]])

        def norm(numbers, p):
            """The nearest double, of exact sums in 1000 digits."""
            if not all(map(math.isfinite, numbers)):
                return NAN if any(map(math.isnan, numbers)) else INF
            with mp.workdps(1000):
                sizes = [abs(mp.mpf(x)) for x in numbers]
                exact_norm = max(sizes, default=mp.mpf(0)) if p == INF else sum(sizes) if p == 1 else mp.sqrt(sum(x * x for x in sizes))
                return float(mp.mpf(exact_norm))

        parts = [{"f32": [3, -4, 0.5, 2.0**-149], "f16": HALVES}, {"f32": [], "bf16": [*HALVES[:4], 2.0**100, -(2.0**-133)]}, {"f32": [1, -INF]}, {"f16": [2, NAN, INF]}]
        if size == 136:
            parts.append({"f64": [2.0**1000, -1.5, 5e-324, 2.0**-600]})
        for p in (1.0, 2.0, INF):
            before, sofar = none, []
            vector("exact_norm_begin", "", given("i64", [7] * size, out=none, eps=0), size)
            for part in parts:
                numbers = flat([x for one in part.values() for x in one])
                after, own = state([*sofar, *numbers], p), state(numbers, p)
                listed = tensors(*(given(of, one) for of, one in part.items()))
                vector("exact_norm_add", "", given("i64", before, out=after, eps=0), size, listed, len(part), p)
                vector("exact_norm_merge", "", given("i64", before, out=after, eps=0), given("i64", own), size, p)
                vector("exact_norm_finish", "", given("i64", own), size, p, wanted("f64", [norm(numbers, p)]))
                before, sofar = after, [*sofar, *numbers]
            vector("exact_norm_add", "", given("i64", before), size, None, 0, p)
            vector("exact_norm_finish", "", given("i64", none), size, p, wanted("f64", [0]))
        for bits in ([2**52, 2**53 - 1], [1, 2**21], [3, 2**21]) if size == 136 else ():
            # Half of the last place is 1 unit of integer 68: 2^53 + 1, 2^53 + 3.
            words = [*none[:68], float(bits[0]), float(bits[1]), *none[70:]]
            vector("exact_norm_finish", "", given("i64", words), size, 1.0, wanted("f64", [float(bits[0] + (bits[1] << 32))]))
    small = given("i64", [0] * 22)
    one = tensors(given("f32", [1, 2]))
    doubles = tensors(given("f32", [1, 2]), given("f64", [3]))
    vector("exact_norm_begin", "", small, 21, status=BAD_PARAMETER, error="size is not that of an exact norm (got 21)")
    vector("exact_norm_begin", "", None, 22, status=NULL_POINTER, error="state")
    vector("exact_norm_add", "", small, 22, doubles, 2, 2.0, status=UNSUPPORTED, error="tensors[1] has doubles, which take a state of the larger size")
    vector("exact_norm_add", "", small, 22, one, 1, 3.0, status=BAD_PARAMETER, error="p must be 1, 2 or infinity")
    vector("exact_norm_add", "", small, 22, None, 1, 2.0, status=NULL_POINTER, error="tensors")
    vector("exact_norm_merge", "", small, None, 22, 2.0, status=NULL_POINTER, error="other")
    vector("exact_norm_merge", "", small, small, 22, NAN, status=BAD_PARAMETER, error="p")
    vector("exact_norm_finish", "", small, 22, 2.0, None, status=NULL_POINTER, error="norm")
    vector("exact_norm_finish", "", small, SIZE_MAX, 2.0, untouched("f64", 1), status=BAD_PARAMETER, error="size")


def units(finite, changed):
    """Each dtype's numbers as a gradient, with a parameter of another dtype: in one unit, in rows, in columns, and in blocks of columns."""
    grads = {of: [*x, *(-v / 4 for v in x)] if of in ("f32", "f16") else [*x, 0.25, -0.5, 1, 3, 0.125, -8, 5][: 6 if of == "f64" else 8] for of, x in finite.items()}
    for p, factor, eps in ((2.0, 0.25, 1e-3), (1.0, 0.5, 2.0), (INF, 0.125, 0.0), (3.0, 0.01, 1e-3)):
        listed, clipped = [], 0
        for k, (of, grad) in enumerate(grads.items()):
            count, other = len(grad), DTYPES[(k + 1) % 4]
            param = [(i * 5 % 7 - 3) / 2 for i in range(count)]
            sizes = [(0, 0), (count // 2, 1), (2, count // 2), (2, 2)][k]
            size, stride = sizes[0] or count, sizes[1] or 1
            exact_values = {}
            for first in (f for f in range(count) if f // stride % size == 0):
                unit = [first + i * stride for i in range(size)]
                values, is_changed = reference.clip_grad_adaptive([grad[i] for i in unit], [param[i] for i in unit], factor, eps, p)
                clipped += is_changed
                exact_values |= dict(zip(unit, values))
            order = iter(sorted(exact_values))
            listed.append((changed(of, grad, lambda _, order=order, exact_values=exact_values: exact_values[next(order)]), given(other, param, out=param, eps=0), sizes))
        vector("clip_grad_adaptive", "", parameters(*listed), 4, factor, eps, p, 0, wanted("size", [clipped]))
    for mode, results, clipped in ((0, [0, NAN, 0.5, 0, NAN, NAN], 3), (2, [1, INF, 0.5, 0, 3, 4], 1), (3, [0, 0, 0.5, 0, 0, 0], 3)):
        broken = given("f32", [1, INF, 2, 0, 3, 4], out=flat(results), eps=0), given("f64", [1, 0, 1, 0, NAN, 0], out=[1.0, 0.0, 1.0, 0.0, NAN, 0.0], eps=0), (2, 1)
        vector("clip_grad_adaptive", "", parameters(broken), 1, 0.5, 0.0, 2.0, mode, wanted("size", [clipped]))
    whole = given("f32", [8, 9]), given("f32", [1, 1]), (0, 0)
    for grad, param, error in (([1, 2, NAN], [1, 1, 1], "parameters[1][2] is not finite"), ([1, 2, 3], [1, INF, 1], "parameters[1][1] is not finite in the parameter")):
        refused = parameters(whole, (given("f16", grad), given("f64", param), (1, 0)))
        vector("clip_grad_adaptive", "", refused, 2, 0.5, 1e-3, 2.0, 1, untouched("size", 1), status=NONFINITE, error=error)
    vector("clip_grad_adaptive", "", None, 0, 0.5, 1e-3, 2.0, 0, wanted("size", [0]))


# ---- Regions ----


def roi_options(size=32, scale=1.0, layout=0, ratio=0, aligned=0, reserved=0):
    return {"roi options": [float(x) for x in (size, scale, layout, ratio, aligned, reserved)]}


def regions(t):
    """Boxes of two images: in the features, beyond them on all sides, of a pixel's parts, without area, exchanged, huge."""
    features = COTANGENTS[:48].reshape(2, 2, 3, 4)
    rows = np.array([
        [1.265625, 2.515625, 6.78125, 4.171875], [-3.015625, -5.046875, 9.53125, 7.203125], [4.078125, 4.140625, 4.265625, 4.390625], [3.140625, 1.078125, 3.140625, 5.765625], [40, 40, 50, 60], [-4096.25, -65536.5, 65536.25, 4096.5],
        [6.265625, 4.515625, 2.140625, 1.765625]])
    indices = [0, 1, 1, 0, 0, 1, 0]
    grad = cotangents(len(rows), 2, 2, 2).copy()
    grad[3] = 0  # at the kink of a box without area
    for function, settings in (
        ("roi_align", dict(ratio=2, aligned=1)), ("roi_align", dict(layout=1)), ("roi_pool_precise", {}),
    ):
        last, boxes = settings.get("layout"), rows if settings.get("ratio") else rows[:6]
        n, of = len(boxes), {key: settings[key] for key in ("ratio", "aligned") if key in settings} if function == "roi_align" else {"ratio": None}
        exact_rows = [reference.roi_pool(features[i], box, (2, 2), grad[k], scale=0.5, **of) for k, (i, box) in enumerate(zip(indices, boxes))]
        of_features = [np.zeros(features.shape), np.zeros(features.shape)]
        for i, row in zip(indices, exact_rows):
            for whole, part in zip(of_features, row[2]):
                whole[i] += part
        move = (lambda x: np.moveaxis(x, 1, -1)) if last else lambda x: x
        value, terms = (move(np.stack([row[k] for row in exact_rows])) for k in (0, 1))
        slopes = wanted(t, *map(move, of_features), PROMISED), wanted(t, *(np.stack([row[3][k] for row in exact_rows]) for k in (0, 1)), PROMISED)
        given_options = roi_options(scale=0.5, **settings)
        arguments = given_options, given(t, move(features)), 2, 2, 3, 4, given(t, boxes), 4, given("i64", indices[:n]), n, 2, 2
        vector(function, t, *arguments, wanted(t, value, terms, PROMISED))
        vector(f"{function}_grad", t, *arguments, given(t, move(grad[:n])), *slopes)
    one, out = given(t, [1, 2, 3, 4]), untouched(t, 1)
    box = given(t, [0, 0, 1, 1])
    vector("roi_align", t, None, one, 1, 1, 2, 2, None, 4, None, 0, 1, 1, None)
    vector("roi_align_grad", t, None, one, 1, 1, 2, 2, None, 4, None, 0, 1, 1, None, wanted(t, [0] * 4), None)
    for wrong, status, error in (
        ({"options": roi_options(size=40)}, UNSUPPORTED, "options->size"), ({"options": roi_options(size=20)}, BAD_PARAMETER, "options->size ends"),
        ({"options": roi_options(scale=0.0)}, BAD_PARAMETER, "options->spatial_scale"), ({"options": roi_options(layout=2)}, BAD_PARAMETER, "options->layout"),
        ({"options": roi_options(ratio=1025)}, BAD_PARAMETER, "options->sampling_ratio must be at most 1024 (got 1025)"),
        ({"options": roi_options(aligned=2)}, BAD_PARAMETER, "options->aligned"), ({"options": roi_options(reserved=1)}, BAD_PARAMETER, "options->reserved"),
        ({"features": None}, NULL_POINTER, "features"), ({"height": 0}, BAD_PARAMETER, "height must be at least 1 (got 0)"), ({"out_width": 0}, BAD_PARAMETER, "out_width"),
        ({"channels": 2**61}, SIZE_OVERFLOW, "features has more elements than memory can hold"), ({"images": SIZE_MAX}, SIZE_OVERFLOW, "images is too large"),
        ({"boxes": given(t, [0, NAN, 1, 1])}, NONFINITE, "boxes[0] is not finite"), ({"boxes": given(t, [0, 0, INF, 1])}, NONFINITE, "boxes[0]"),
        ({"indices": given("i64", [1])}, BAD_PARAMETER, "indices[0] is no image's (got 1)"), ({"indices": given("i64", [-1])}, BAD_PARAMETER, "indices[0]"),
        ({"out": None}, NULL_POINTER, "out"),
    ):  # fmt: skip
        usual = {"options": None, "features": one, "images": 1, "channels": 1, "height": 2, "width": 2, "boxes": box, "stride": 4, "indices": None, "count": 1,
                 "out_height": 1, "out_width": 1, "out": out}  # fmt: skip
        *before, last = (usual | wrong).values()
        vector("roi_align", t, *before, last, status=status, error=error)
        if "boxes" in wrong or "indices" in wrong:
            vector("roi_pool_precise_grad", t, *before, given(t, [1]), untouched(t, 4), untouched(t, 4), status=status, error=error)


# ---- Functions of rows ----


def of_rows(t):
    """Those whose formula has their name in the reference, and that have no vectors of their own, with their gradients."""
    own, count = {v["function"] for v in vectors if v["type"] == t}, len(PAIRS)
    for name in [name for name in descriptions.OF_ROWS if hasattr(reference, name) and name not in own]:
        arrays = {p.name: side[:, : p.width] for p, side in zip(descriptions.inputs(name), itertools.cycle((A, B)))}
        (output,) = descriptions.outputs(name)
        grad = cotangents(count, output.width)
        value, terms, gradients, of_gradients = exact(getattr(reference, name), *arrays.values(), cotangent=grad)
        for gap in (0, 1):
            spaced = {p.name: np.hstack([arrays[p.name], np.full((count, gap if p.stride else 0), NAN)]) for p in descriptions.inputs(name)}
            given_arrays = {name: given(t, x) for name, x in spaced.items()} | {output.name: wanted(t, value, terms, PROMISED)}
            vector(name, t, *descriptions.arguments(name, count, given_arrays, lambda p, gap=gap: p.width + gap))
        vector(name, t, *descriptions.arguments(name, 0, dict.fromkeys([*arrays, output.name])))
        if f"{name}_grad" in descriptions.OF_ROWS:
            slopes = {f"grad_{of}": wanted(t, g, o, PROMISED) for of, g, o in zip(arrays, gradients, of_gradients)}
            given_arrays = {of: given(t, x) for of, x in arrays.items()} | {f"grad_{output.name}": given(t, grad)} | slopes
            vector(f"{name}_grad", t, *descriptions.arguments(f"{name}_grad", count, given_arrays))


# ---- Calls that fail ----


def errors(t):
    box, out = given(t, [0, 0, 1, 1] * 2), untouched(t, 8)
    area = untouched(t, 2)
    vector("box_area", t, None, 2, 4, area, status=NULL_POINTER, error="boxes")
    vector("box_area", t, box, 2, 3, area, status=BAD_STRIDE, error="stride must be at least 4 (got 3)")
    vector("box_area", t, box, SIZE_MAX, 4, area, status=SIZE_OVERFLOW, error="count is too large (got 18446744073709551615)")
    vector("box_area", t, box, 2**62, 4, area, status=SIZE_OVERFLOW, error="boxes has more rows than memory can hold (got 4611686018427387904)")
    vector("box_area_grad", t, box, 2, 4, None, out, status=NULL_POINTER, error="grad_out")
    vector("box_convert", t, 4, 0, box, 2, 4, out, 4, status=BAD_PARAMETER, error="from is no box format (got 4)")
    vector("box_convert_grad", t, 0, -1, 2, box, out, status=BAD_PARAMETER, error="to is no box format (got -1)")
    vector("box_clip", t, box, 2, 4, -0.1, 1.0, out, 4, status=BAD_PARAMETER, error="width must not be negative or NaN (got -0.1)")
    vector("box_clip_grad", t, box, 2, 4, 1.0, NAN, box, out, status=BAD_PARAMETER, error="height must not be negative or NaN (got nan)")
    vector("box_inspect", t, box, 2, 4, 1.0, 1.0, NAN, untouched("u32", 2), untouched("size", 9), 9, status=BAD_PARAMETER, error="min_size")
    vector("box_rotate", t, box, 2, 4, INF, 0.0, 0.0, untouched(t, 16), None, status=BAD_PARAMETER, error="degrees")
    vector("clip", t, box, 8, 1.0, 0.5, out, status=BAD_PARAMETER, error="lo")
    vector("clip_grad", t, box, 8, 0.0, 1.0, box, 3, out, untouched("size", 1), status=BAD_PARAMETER, error="mode")
    vector("iou_pairwise", t, 6, box, 2, 4, box, 2, 4, 0.0, untouched(t, 4), 2, None, status=BAD_PARAMETER, error="metric")
    vector("iou_pairwise", t, 0, box, 2, 4, box, 2, 4, 0.0, untouched(t, 4), 1, None, status=BAD_STRIDE, error="out_stride must be at least 2 (got 1)")
    vector("iou_pairwise_grad", t, 0, box, 2, 4, box, 2, 4, -1.0, given(t, [1] * 4), 2, out, out, status=BAD_PARAMETER, error="eps")
    vector("iou_aligned", t, 0, box, 4, None, 4, 2, 0.0, area, out, out, status=NULL_POINTER, error="b")
    vector("iou_loss", t, 4, box, 4, box, 4, 2, None, 0.0, 1.0, untouched("f64", 1), area, out, out, status=BAD_PARAMETER, error="metric is none that has a loss (got 4)")
    vector("iou_loss", t, 0, box, 4, box, 4, 2, None, 0.0, 0.0, untouched("f64", 1), area, out, out, status=BAD_PARAMETER, error="normalizer")
    for name, k in (("alpha", 0), ("gamma", 1), ("beta", 2), ("normalizer", 3)):
        scalars = [-1.0 if k == i else 1.0 for i in range(4)]
        vector("balanced_l1", t, box, box, None, None, 8, *scalars, untouched("f64", 1), out, out, out, status=BAD_PARAMETER, error=name)
    for bins in (0, 1):
        few = {"status": BAD_PARAMETER, "error": f"bins must be at least 2 (got {bins})"}
        vector("distribution_focal", t, box, 4, box, 2, bins, None, 1.0, untouched("f64", 1), area, out, area, **few)
        vector("distribution_decode", t, box, 4, 2, bins, area, **few)
        vector("distribution_decode_grad", t, box, 4, 2, bins, box, out, **few)
    vector("distribution_focal", t, box, 3, box, 2, 4, None, 1.0, untouched("f64", 1), area, out, area, status=BAD_STRIDE, error="logits_stride must be at least 4 (got 3)")
    for kind, wrong, status, error in (
        (11, None, BAD_PARAMETER, "kind is no loss of boxes (got 11)"),
        (0, loss_options(size=89), UNSUPPORTED, "options->size"),
        (0, loss_options(size=12), BAD_PARAMETER, "options->size ends within"),
        (0, loss_options(eps=-1.0), BAD_PARAMETER, "options->eps"),
        (0, loss_options(alpha=0.0), BAD_PARAMETER, "options->alpha"),
        (4, loss_options(gamma=-1.0), BAD_PARAMETER, "options->gamma"),
        (0, loss_options(inner_ratio=0.0), BAD_PARAMETER, "options->inner_ratio"),
        (5, loss_options(theta=0.5), BAD_PARAMETER, "options->theta"),
        (7, None, BAD_PARAMETER, "options->image_width must be given"),
        (8, loss_options(least_iou=2.0), BAD_PARAMETER, "options->least_iou"),
        (9, loss_options(unit=INF), BAD_PARAMETER, "options->constant"),
        (10, loss_options(beta=0.0), BAD_PARAMETER, "options->beta"),
    ):
        vector("box_loss", t, kind, wrong, box, 4, box, 4, 2, None, 1.0, untouched("f64", 1), area, out, out, status=status, error=error)
    vector("smooth_l1", t, box, box, None, None, 8, -1.0, 1.0, untouched("f64", 1), out, out, out, status=BAD_PARAMETER, error="sigma")
    for wrong, status, error in (
        (options(CODED, size=121), UNSUPPORTED, "options->size"),
        (options(CODED, size=4), BAD_PARAMETER, "options->size"),
        (options(CODED, size=12), BAD_PARAMETER, "options->size ends within"),
        (options(CODED, reserved=1), BAD_PARAMETER, "options->reserved"),
        (options(CODED, on_degenerate=3), BAD_PARAMETER, "options->on_degenerate"),
        (options({"means": (0, NAN, 0, 0), "stds": (1,) * 4}), BAD_PARAMETER, "options->means"),
        (options({"means": (0,) * 4, "stds": (1, 1, 0, 1)}), BAD_PARAMETER, "options->stds"),
        (options(CODED, low=2.0, high=1.0), BAD_PARAMETER, "options->log_ratio_min"),
        (options(CODED, center_clamp=-1.0), BAD_PARAMETER, "options->center_clamp"),
    ):
        vector("delta_encode", t, wrong, box, 4, box, 4, 2, out, None, None, status=status, error=error)
        vector("delta_decode_grad", t, wrong, box, 4, box, 4, 2, 1, box, out, out, status=status, error=error)
    vector("delta_encode_grad", t, None, box, 4, box, 4, 2, None, out, out, status=NULL_POINTER, error="grad_deltas")
    kept, one = untouched("size", 2), untouched("size", 1)
    five = given(t, [0, 0, 2, 2, 0, 1, 1, 2, 2, 0])
    vector("rotated_convert", t, 4, 0, five, 2, 5, untouched(t, 10), 5, status=BAD_PARAMETER, error="from is no convention of angles (got 4)")
    vector("rotated_regularize", t, 0, 4, five, 2, 5, untouched(t, 10), 5, status=BAD_PARAMETER, error="range is no range of angles (got 4)")
    vector("rotated_regularize_grad", t, 4, 0, five, 2, 5, five, untouched(t, 10), status=BAD_PARAMETER, error="angle is no convention of angles (got 4)")
    vector("rotated_corners", t, 0, five, 2, 4, untouched(t, 16), None, status=BAD_STRIDE, error="stride must be at least 5 (got 4)")
    vector("rotated_from_corners", t, -1, box, 1, 8, untouched(t, 5), status=BAD_PARAMETER, error="angle is no convention of angles (got -1)")
    vector("rotated_min_area", t, 4, box, 1, 4, 8, untouched(t, 5), status=BAD_PARAMETER, error="angle is no convention of angles (got 4)")
    vector("rotated_min_area", t, 0, box, 1, 0, 8, untouched(t, 5), status=BAD_PARAMETER, error="points_per_row must be at least 1 (got 0)")
    vector("rotated_inspect", t, 0, five, 2, 5, NAN, 1.0, 0.0, untouched("u32", 2), untouched("size", 9), 9, status=BAD_PARAMETER, error="width is NaN")
    pair = five, 2, 5, five, 2, 5
    vector("rotated_iou_pairwise", t, 1, 0, *pair, untouched(t, 4), 2, status=BAD_PARAMETER, error="metric is no overlap metric of rotated boxes (got 1)")
    vector("rotated_iou_pairwise_grad", t, 0, 7, *pair, five, 2, untouched(t, 10), None, status=BAD_PARAMETER, error="angle is no convention")
    vector("rotated_iou_aligned", t, 0, 0, five, 5, None, 5, 2, untouched(t, 2), None, None, status=NULL_POINTER, error="b is NULL")
    arguments = five, 5, five, 5, 2, None
    vector("rotated_iou_loss", t, 2, 0, *arguments, 0.5, 1.0, untouched("f64", 1), None, None, None, status=BAD_PARAMETER, error="kind is no loss")
    vector("rotated_iou_loss", t, 1, 0, *arguments, 0.0, 1.0, untouched("f64", 1), None, None, None, status=BAD_PARAMETER, error="least_iou must be from")
    for kind, wrong, status, error in (
        (10, None, BAD_PARAMETER, "kind is no loss of Gaussians (got 10)"),
        (0, gaussian_options(size=56), UNSUPPORTED, "options->size"),
        (0, gaussian_options(alpha=0.0), BAD_PARAMETER, "options->alpha"),
        (0, gaussian_options(fun=3), BAD_PARAMETER, "options->function"),
        (0, gaussian_options(reserved=1), BAD_PARAMETER, "options->reserved"),
    ):
        vector("rotated_gaussian_loss", t, kind, 0, wrong, *arguments, 1.0, untouched("f64", 1), None, None, None, status=status, error=error)
    vector("nms", t, box, 2, 4, None, None, 0.5, 0.0, SIZE_MAX, kept, one, status=NULL_POINTER, error="scores")
    vector("nms", t, box, 2, 4, box, None, -0.5, 0.0, SIZE_MAX, kept, one, status=BAD_PARAMETER, error="iou_threshold must not be negative")
    vector("soft_nms", t, 2, box, 2, 4, box, None, 0.5, 0.5, 0.0, 2, kept, area, one, status=BAD_PARAMETER, error="decay is no decay (got 2)")
    vector("match", t, 0, box, 2, 4, box, 2, 4, 0.0, 0.5, 0.25, 0, kept, area, status=BAD_PARAMETER, error="high_threshold")
    ignoring, after = (box, 2, 4, box, 2, 4), (given("i64", [0, 0]), untouched("i64", 2))
    vector("rotated_nms", t, 4, five, 1, 5, box, None, 0.5, 0.0, SIZE_MAX, kept, one, status=BAD_PARAMETER, error="angle is no convention of angles (got 4)")
    vector("rotated_nms", t, 0, five, 2, 4, box, None, 0.5, 0.0, SIZE_MAX, kept, one, status=BAD_STRIDE, error="stride must be at least 5 (got 4)")
    vector("rotated_soft_nms", t, 0, -1, five, 1, 5, box, None, 0.5, 0.5, 0.0, 2, kept, area, one, status=BAD_PARAMETER, error="angle is no convention")
    vector("rotated_match", t, 1, 0, five, 1, 5, five, 1, 5, 0.25, 0.5, 0, kept, area, status=BAD_PARAMETER, error="metric is no overlap metric")
    vector("match_ignore", t, 2, *ignoring, 0.5, 0, *after, status=BAD_PARAMETER, error="share must be 0 or 1 (got 2)")
    vector("match_ignore", t, 0, *ignoring, NAN, 0, *after, status=BAD_PARAMETER, error="threshold must not be negative or NaN (got nan)")
    vector("match_ignore", t, 0, *ignoring, 0.5, -1, *after, status=BAD_PARAMETER, error="which must be 0 or 1 (got -1)")
    vector("match_ignore", t, 0, *ignoring, 0.5, 0, after[0], None, status=NULL_POINTER, error="out")
    vector("delta_decode", t, None, box, 4, box, 4, 2, 2, untouched(t, 16), status=BAD_STRIDE, error="deltas_stride must be at least 8 (got 4)")


def sample_errors():
    arguments = given("i64", [0, 1]), 2, 0, 2
    results = untouched("size", 2), untouched("size", 1), untouched("size", 1)
    vector("sample", "", *arguments, 1.5, 0, *results, status=BAD_PARAMETER, error="positive_fraction must be from 0 to 1 (got 1.5)")
    vector("sample", "", *arguments, 0.5, 0, *results[:2], None, status=NULL_POINTER, error="negative_count")


    vector("sample_ratio", "", *arguments, 0.5, -1.0, 0, *results, status=BAD_PARAMETER, error="negatives_per_positive must not be negative")
    vector("sample_ratio", "", *arguments, 0.5, 1.0, 0, None, *results[1:], status=NULL_POINTER, error="indices")


def tensor_errors():
    whole = given("f32", [1, 2, 3])
    number = untouched("f64", 1)
    for function, after in {"grad_norm": (2.0, number, untouched("f64", 1), untouched("size", 1)), "clip_grad_value": (1.0,), "grad_scale": (2.0,), "clip_grad_rms": (1.0, 0, None)}.items():
        vector(function, "", tensors(whole, dtype=4), 1, *after, status=UNSUPPORTED, error="tensors[0]")
        vector(function, "", tensors(whole, reserved=1), 1, *after, status=BAD_PARAMETER, error="tensors[0]")
        vector(function, "", {"tensors": [[0, 3, 0, None]]}, 1, *after, status=NULL_POINTER, error="tensors[0]")
        vector(function, "", {"tensors": [[1, 2**61, 0, whole]]}, 1, *after, status=SIZE_OVERFLOW, error="tensors[0]")
        vector(function, "", None, 1, *after, status=NULL_POINTER, error="tensors")
    vector("grad_norm", "", tensors(whole), 1, 0.0, number, None, None, status=BAD_PARAMETER, error="p must be")
    vector("grad_norm_combine", "", given("f64", [1]), 1, 2.0, None, status=NULL_POINTER, error="total")
    vector("grad_scale", "", tensors(whole), 1, NAN, status=BAD_PARAMETER, error="coefficient")
    vector("clip_grad_norm", "", tensors(whole), 1, -1.0, 2.0, 1e-6, 0, number, status=BAD_PARAMETER, error="max_norm")
    vector("clip_grad_norm", "", tensors(whole), 1, 1.0, 2.0, INF, 0, number, status=BAD_PARAMETER, error="eps")
    vector("clip_grad_norm", "", tensors(whole), 1, 1.0, 2.0, 1e-6, 4, number, status=BAD_PARAMETER, error="on_nonfinite")
    vector("clip_grad_value", "", tensors(whole), 1, -0.5, status=BAD_PARAMETER, error="limit")
    vector("clip_grad_rms", "", tensors(whole), 1, NAN, 0, number, status=BAD_PARAMETER, error="max_rms")
    vector("clip_grad_rms", "", tensors(whole), 1, 1.0, -1, number, status=BAD_PARAMETER, error="on_nonfinite")
    usual, size = (1, 0.5, 1e-3, 2.0, 0), untouched("size", 1)
    shorter = parameters((whole, given("f32", [1, 2]), (0, 0)))
    vector("clip_grad_adaptive", "", shorter, *usual, size, status=BAD_PARAMETER, error="parameters[0] has another number of elements than its gradient (got 2)")
    for sizes in ((2, 0), (4, 0), (3, 2), (SIZE_MAX, 0), (0, SIZE_MAX), (2**63, 2)):
        broken = parameters((whole, given("f64", [1, 2, 3]), sizes))
        vector("clip_grad_adaptive", "", broken, *usual, size, status=BAD_PARAMETER, error="parameters[0] has units that do not divide its elements")
    sound = parameters((whole, given("f64", [1, 2, 3]), (3, 1)))
    vector("clip_grad_adaptive", "", None, *usual, size, status=NULL_POINTER, error="parameters")
    vector("clip_grad_adaptive", "", {"parameters": [[[0, 3, 0, None], [0, 3, 0, whole], 0, 0]]}, *usual, size, status=NULL_POINTER, error="parameters[0]")
    vector("clip_grad_adaptive", "", {"parameters": [[[0, 3, 0, whole], [9, 3, 0, whole], 0, 0]]}, *usual, size, status=UNSUPPORTED, error="parameters[0]")
    vector("clip_grad_adaptive", "", sound, 1, -0.5, 1e-3, 2.0, 0, size, status=BAD_PARAMETER, error="clip_factor")
    vector("clip_grad_adaptive", "", sound, 1, 0.5, INF, 2.0, 0, size, status=BAD_PARAMETER, error="eps")
    vector("clip_grad_adaptive", "", sound, 1, 0.5, 1e-3, 0.0, 0, size, status=BAD_PARAMETER, error="p must be")
    vector("clip_grad_adaptive", "", sound, 1, 0.5, 1e-3, 2.0, 4, size, status=BAD_PARAMETER, error="on_nonfinite")


# ---- The file ----


def arrays_of(argument):
    """The arrays of tensors and parameters."""
    for *pair, _, _ in argument.get("parameters", ()):
        yield from (array for _, _, _, array in pair)
    yield from (array for _, _, _, array in argument.get("tensors", ()))


def numbers_of(argument):
    """All doubles of an argument's arrays, in the order in which they are written."""
    if isinstance(argument, dict):
        for key in ("in", "out", "terms", "options", "loss options", "gaussian options", "roi options", "rotated options"):
            yield from argument.get(key, ())
        for array in arrays_of(argument):
            yield from numbers_of(array)


def hashed(arguments):
    state = 0xCBF29CE484222325
    for number in itertools.chain(*map(numbers_of, arguments)):
        for byte in struct.pack("<d", number):
            state = (state ^ byte) * 0x100000001B3 % 2**64
    return f"{state:016x}"


def shortened(vector):
    """Terms need few digits: they are rounded up."""
    for array in itertools.chain(*([a, *arrays_of(a)] for a in vector["arguments"] if isinstance(a, dict))):
        if array and "terms" in array:
            array["terms"] = [float(f"{x * 1.0005:.4g}") for x in array["terms"]]
    vector["hash"] = hashed(vector["arguments"])
    return vector


def written(x):
    """JSON has no infinity and no NaN: they are words."""
    if isinstance(x, float):
        if x != x:
            return '"nan"'
        if x in (INF, -INF):
            return f'"{x}"'
        return repr(int(x)) if x == int(x) and abs(x) < 1e15 and str(x) != "-0.0" else repr(x)
    if isinstance(x, dict):
        return "{" + ", ".join(f'"{key}": {written(value)}' for key, value in x.items()) + "}"
    if isinstance(x, list):
        return "[" + ",".join(map(written, x)) + "]"
    return json.dumps(x)


def text():
    vectors.clear()
    for t in TYPES:
        for family in (
            boxes, hard_clip, overlap, box_loss, rotated_boxes, rotated_overlap, gaussian_losses, smooth_l1, balanced_l1, distributions, deltas, rotated_deltas, regions, suppress, match, match_ignore, rotated_suppress, rotated_match, of_rows, errors,
        ):  # fmt: skip
            family(t)
    norms()
    exact_norms()
    sample()
    sample_errors()
    tensor_errors()
    lines = ",\n".join(written(shortened(v)) for v in vectors)
    return f'{{"description": "see generate.py", "vectors": [\n{lines}\n]}}\n'


if __name__ == "__main__":
    (HERE / "vectors.json").write_text(text())
