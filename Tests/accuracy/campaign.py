"""Calls every computing function of the library on every kind of input and compares what it gives with 40 digits."""

import functools
import itertools
import math
import sys
import zlib
from dataclasses import dataclass, replace

import gmpy2
import inputs
import ml_dtypes
import numpy as np
from library import ROOT, SUFFIX, box_loss_options, call, delta_options, gaussian_loss_options, parameters, roi_options, rotated_delta_options, tensors
from promises import EPS, PROMISES, ULP

sys.path[:0] = [str(ROOT / "bindings/python/tests"), str(ROOT / "Tests/safety")]
import descriptions  # noqa: E402
import reference  # noqa: E402

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
UNIT_ROUNDOFF = {np.dtype(np.float32): 2.0**-24, np.dtype(np.float64): 2.0**-53}
FORMATS = {  # precision, exponent of the smallest subnormal
    np.dtype(np.float16): (11, -24), BFLOAT16: (8, -133), np.dtype(np.float32): (24, -149), np.dtype(np.float64): (53, -1074),
}  # fmt: skip
NAMES = {np.dtype(np.float16): "f16", BFLOAT16: "bf16", **SUFFIX}
METRICS = ("iou", "giou", "diou", "ciou", "iof", "ios")
FORMATS_OF_BOXES = ("xyxy", "xywh", "cxcywh", "yxyx")
BOX_LOSS_KINDS = ("iou", "giou", "diou", "ciou", "eiou", "siou", "wiou", "mpdiou", "log_iou", "nwd", "bounded_iou")

to_mpfr = np.frompyfunc(lambda x: gmpy2.mpfr(float(x)), 1, 1)


@dataclass(frozen=True)
class Measured:
    """The worst error of an output in the unit of its promise, the kind of input and the arguments where it occurred, and how many numbers
    were looked at."""

    function: str
    output: str
    variant: str
    dtype: str
    worst: float
    kind: str
    where: str
    count: int

    @property
    def key(self):
        return self.function, self.output, self.variant, self.dtype

    @property
    def within_promise(self):
        return self.worst <= PROMISES[self.function][self.output].bound(self.dtype)

    def message(self):
        promise = PROMISES[self.function][self.output]
        of = f" of {self.variant}" if self.variant else ""
        return (
            f"{self.function}'s {self.output}{of} in {self.dtype} is {self.worst:.4g} {promise.unit} off, more than the promised "
            f"{promise.bound(self.dtype):g}, on {self.kind}: {self.where}"
        )

    def merged(self, other):
        return replace(self if self.worst >= other.worst else other, count=self.count + other.count)


def ulps(exact, dtype):
    """The distance of neighbouring numbers of the type, at each exact value."""
    digits, smallest = FORMATS[np.dtype(dtype)]
    return np.frompyfunc(lambda x: gmpy2.exp2(max(gmpy2.get_exp(x) - digits, smallest) if x else smallest), 1, 1)(exact)


def in_units(got, exact, terms, unit, dtype):
    """Errors in the promise's unit, which is at least a step of the subnormal numbers. No error is 0 units, whatever the unit; a NaN is
    infinitely wrong."""
    got = np.asarray(got)
    finite = np.isfinite(got.astype(float))
    difference = abs(to_mpfr(np.where(finite, got, 0)) - exact)
    if unit == ULP:
        size = ulps(exact, dtype)
    elif unit == EPS:
        size = np.maximum(terms * UNIT_ROUNDOFF[dtype] + 0 * difference, gmpy2.exp2(FORMATS[dtype][1]))
    else:
        size = np.maximum(abs(exact), np.finfo(np.float64).smallest_normal)  # norms are doubles
    return np.where(finite, (difference / size).astype(float), math.inf)


class Disagreement(AssertionError):
    """The two arithmetics of the reference do not agree, so that one of them is no judge of the library."""


class Exact:
    """What a formula of the reference gives for rows of arguments. It computes with 60 digits, so that 40 are left where it loses twenty: the
    logarithm of the ratio of two sides that agree in 20 digits does."""

    def __init__(self, formula, *arrays, cotangent=None, **options):
        self.arguments = formula, arrays, cotangent, options
        self.values, self.terms, self.gradients, self.terms_of_gradients, self.margins = self._evaluate(slice(None), gmpy2.mpfr)

    def _evaluate(self, rows, number):
        formula, arrays, cotangent, options = self.arguments
        arrays = [array[rows] for array in arrays]
        cotangent = None if cotangent is None else cotangent[rows]
        with reference.mp.workdps(60), gmpy2.context(gmpy2.get_context(), precision=224):  # bits: 67 digits
            return reference.evaluate(formula, *arrays, cotangent=cotangent, number=number, **options)

    def confirm(self, rows):
        """mpmath has the last word: it must agree on these rows."""
        rows = np.unique(rows)
        values, terms, gradients, terms_of_gradients, _ = self._evaluate(rows, reference.mp.mpf)
        names = "values", *(f"gradient of argument {k}" for k in range(len(gradients)))
        for name, mine, theirs, size in zip(names, [self.values, *self.gradients], [values, *gradients], [terms, *terms_of_gradients]):
            apart = abs(to_mpf(mine[rows]) - theirs)
            for row, column in np.argwhere(~(apart <= 1e-20 * (size + 0 * theirs)).astype(bool)):
                formula, arrays, _, options = self.arguments
                given = "; ".join(" ".join(map(repr, np.ravel(array[rows[row]]).tolist())) for array in arrays)
                raise Disagreement(
                    f"gmpy2 and mpmath differ by {float(apart[row, column]):.3g} about {formula.__name__}'s {name}[{column}], "
                    f"which is {float(theirs[row, column]):.3g}, on {given}, {options}"
                )


def mpf(x):
    mantissa, exponent = x.as_mantissa_exp()
    return reference.mp.ldexp(reference.mp.mpf(int(mantissa)), int(exponent))


to_mpf = np.frompyfunc(mpf, 1, 1)


class Campaign:
    """One round of calls of one function in one type. `count` rows of every kind of input."""

    def __init__(self, function, dtype, seed, count):
        self.function, self.dtype, self.count = function, np.dtype(dtype), count
        self.g = np.random.default_rng([seed, zlib.crc32(f"{function} {NAMES[self.dtype]}".encode())])
        self.measured = {}

    def record(self, output, got, exact, terms, kind, variant="", confirm=None, arguments=(), of=None):
        """Keeps the worst of the errors of `got`, whose rows are those of the arguments. confirm(i) asks mpmath about row i: it is too slow
        to be asked about every row. `of` is the type of the output, if it is not the function's."""
        errors = in_units(got, exact, terms, PROMISES[self.function][output].unit, of or self.dtype)
        if errors.size == 0:
            return
        row = np.unravel_index(np.argmax(errors), errors.shape)[0]
        worst = float(errors.max())
        old = self.measured.get((self.function, output, variant, NAMES[self.dtype]))
        if confirm and not (old and old.worst >= worst):
            confirm(row)
        kind = kind if isinstance(kind, str) else str(kind[row])
        where = "; ".join(f"{name} {' '.join(map(repr, np.ravel(x[row]).tolist()))}" for name, x in arguments)
        new = Measured(self.function, output, variant, NAMES[self.dtype], worst, kind, where, errors.size)
        self.measured[new.key] = old.merged(new) if old else new

    # What the functions below call to get their arguments.

    def empty(self, *shape):
        return np.full(shape, np.nan, self.dtype)

    def cotangent(self, *shape):
        return (self.g.uniform(0.5, 1.5, shape) * self.g.choice([-1, 1], shape)).astype(self.dtype)

    def rounded(self, x):
        """A scalar parameter as the type's functions use it."""
        return float(self.dtype.type(x))

    def pairs(self, **options):
        return inputs.pairs(self.g, self.dtype, self.count, **options)

    def eps(self):
        """None, torchvision's, and one that may be of the order of the areas. A larger one makes products of alpha underflow in float32."""
        limit = inputs.LIMIT[self.dtype]
        return 0.0, 1e-7, float(inputs.magnitudes(self.g, -limit, limit / 5, ()))

    def metrics(self, eps_of_all=False):
        """Every metric with every eps that it knows; with eps_of_all, those that have a loss."""
        return [(metric, eps) for metric in range(4 if eps_of_all else len(METRICS)) for eps in (self.eps() if eps_of_all or metric in (2, 3) else (0.0,))]


def value(c, output, got, exact, kind, variant="", arguments=()):
    """Records the outputs of a formula."""
    c.record(output, got, exact.values, exact.terms, kind, variant, confirm=exact.confirm, arguments=arguments)


def gradient(c, output, got, exact, index, kind, variant="", arguments=()):
    """Records the gradient with respect to one argument of a formula."""
    terms = exact.terms_of_gradients[index]
    c.record(output, got, exact.gradients[index], terms, kind, variant, confirm=exact.confirm, arguments=arguments)


def of_rows(c):
    """A function of rows whose formula has its name in the reference, or its gradient; Tests/safety/functions.h has their arguments. Arrays of
    boxes are those of a row and those of its partner; others are the first columns of the row before."""
    forward = c.function.removesuffix("_grad")
    pairs = c.pairs()
    (boxes, kind), partners = pairs.boxes(), itertools.cycle([np.concatenate([pairs.a, pairs.b]), np.concatenate([pairs.b, pairs.a])])
    given = {p.name: next(partners) if p.width == 4 else np.roll(boxes, 1, axis=0)[:, : p.width].copy() for p in descriptions.inputs(forward)}
    (output,) = descriptions.outputs(forward)
    cotangent = None if c.function == forward else c.cotangent(len(boxes), output.width)
    exact = Exact(getattr(reference, forward), *given.values(), cotangent=cotangent)
    results = {p.name: c.empty(len(boxes), p.width) for p in descriptions.outputs(c.function)}
    call(c.function, *descriptions.arguments(c.function, len(boxes), {**given, f"grad_{output.name}": cotangent, **results}), dtype=c.dtype)
    if cotangent is None:
        return value(c, output.name, results[output.name], exact, kind, arguments=given.items())
    for name, got in results.items():
        index = list(given).index(name.removeprefix("grad_"))
        gradient(c, name, got, exact, index, kind, arguments=[*given.items(), (f"grad_{output.name}", cotangent)])


# Boxes


def box_convert(c):
    boxes, kind = c.pairs().boxes()
    for source, target in np.ndindex(4, 4):
        exact = Exact(reference.box_convert, boxes, source=FORMATS_OF_BOXES[source], target=FORMATS_OF_BOXES[target])
        out = c.empty(len(boxes), 4)
        call("box_convert", source, target, boxes, len(boxes), 4, out, 4, dtype=c.dtype)
        value(c, "out", out, exact, kind, arguments=[("box", boxes)])


def box_convert_grad(c):
    boxes, kind = c.pairs().boxes()
    cotangent = boxes  # as good as any: sums of its columns cancel
    for source, target in np.ndindex(4, 4):
        formats = {"source": FORMATS_OF_BOXES[source], "target": FORMATS_OF_BOXES[target]}
        exact = Exact(reference.box_convert, boxes, cotangent=cotangent, **formats)
        grad = c.empty(len(boxes), 4)
        call("box_convert_grad", source, target, len(boxes), cotangent, grad, dtype=c.dtype)
        gradient(c, "grad_in", grad, exact, 0, kind, arguments=[("grad_out", cotangent)])


def clamped(row, *, low, high):
    return [reference.clamp([x], *limits) for x, *limits in zip(row, low, high)]


def box_clip(c):
    """And its gradient. The size is one that some coordinates equal and others exceed."""
    boxes, kind = c.pairs().boxes()
    for _ in range(4):
        width, height = (float(abs(c.g.choice(boxes[:, axis::2].ravel()))) for axis in (0, 1))
        cotangent = c.cotangent(len(boxes), 4)
        exact = Exact(clamped, boxes, cotangent=cotangent, low=(0,) * 4, high=(width, height) * 2)
        out, grad = c.empty(len(boxes), 4), c.empty(len(boxes), 4)
        if c.function == "box_clip":
            call("box_clip", boxes, len(boxes), 4, width, height, out, 4, dtype=c.dtype)
            value(c, "out", out, exact, kind, arguments=[("box", boxes)])
        else:
            call("box_clip_grad", boxes, len(boxes), 4, width, height, cotangent, grad, dtype=c.dtype)
            gradient(c, "grad_in", grad, exact, 0, kind, arguments=[("box", boxes)])


def box_rotate(c):
    boxes, kind = c.pairs().boxes()
    for degrees in (0.0, 90.0, 45.0, float(c.g.uniform(-360, 360)), float(inputs.magnitudes(c.g, -8, 15, ()))):
        cx, cy = np.mean(c.g.choice(boxes).astype(float).reshape(2, 2), axis=0).tolist()  # a box turns about its centre
        exact = Exact(reference.box_rotate, boxes, degrees=math.fmod(degrees, 360), cx=cx, cy=cy)
        corners, bounds = c.empty(len(boxes), 8), c.empty(len(boxes), 4)
        call("box_rotate", boxes, len(boxes), 4, degrees, cx, cy, corners, bounds, dtype=c.dtype)
        arguments = [("box", boxes), (f"degrees {degrees!r}, centre {cx!r} {cy!r}", boxes[:, :0])]
        value(c, "corners", corners, exact, kind, arguments=arguments)
        points, terms = (x.reshape(-1, 4, 2) for x in (exact.values, exact.terms))
        limits = np.hstack([points.min(axis=1), points.max(axis=1)])
        c.record("bounds", bounds, limits, np.tile(terms.max(axis=1), 2), kind, confirm=exact.confirm, arguments=arguments)


# Rotated boxes


ANGLES = tuple(reference.ANGLES)


def rotated(c, boxes):
    """Rows of 5 whose centre and sides are those of boxes. Their angles are any numbers, and multiples of 45 degrees and of pi / 4."""
    n = len(boxes)
    angle = c.g.uniform(-4, 4, n) * c.g.choice([1, 45, 1e-9, 1e6], n)
    angle = np.where(c.g.random(n) < 0.4, c.g.integers(-9, 10, n) * c.g.choice([45, np.pi / 4], n), angle)
    return np.hstack([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2], angle[:, None]]).astype(c.dtype)


def rotated_boxes(c, **options):
    """Some of the boxes, turned."""
    boxes, kind = c.pairs(**options).boxes()
    chosen = c.g.permutation(len(boxes))[: 20 * c.count]
    return rotated(c, boxes[chosen]), kind[chosen]


def rotated_convert(c):
    """And its gradient, which is the same of other numbers."""
    boxes, kind = rotated_boxes(c)
    for source, target in np.ndindex(4, 4):
        conventions, out = {"source": ANGLES[source], "target": ANGLES[target]}, c.empty(len(boxes), 5)
        if c.function == "rotated_convert":
            exact = Exact(reference.rotated_convert, boxes, **conventions)
            call("rotated_convert", source, target, boxes, len(boxes), 5, out, 5, dtype=c.dtype)
            value(c, "out", out, exact, kind, arguments=[("box", boxes)])
        else:
            exact = Exact(reference.rotated_convert, boxes, cotangent=boxes, **conventions)
            call("rotated_convert_grad", source, target, len(boxes), boxes, out, dtype=c.dtype)
            gradient(c, "grad_in", out, exact, 0, kind, arguments=[("grad_out", boxes)])


def rotated_regularize(c):
    """And its gradient."""
    boxes, kind = rotated_boxes(c)
    # At the ends of a range in radians rounding decides.
    eighths = np.remainder(boxes[:, 4].astype(float) / (np.pi / 4), 1)
    clear = (np.minimum(eighths, 1 - eighths) > 1e-5) & (abs(boxes[:, 4]) < 1e5)
    boxes, kind = boxes[clear], kind[clear]
    cotangent = c.cotangent(len(boxes), 5)
    for angle, (span, name) in itertools.product(range(4), enumerate((*reference.RANGES, "turn"))):
        options, out = {"angle": ANGLES[angle], "range": name}, c.empty(len(boxes), 5)
        if c.function == "rotated_regularize":
            exact = Exact(reference.rotated_regularize, boxes, **options)
            call("rotated_regularize", angle, span, boxes, len(boxes), 5, out, 5, dtype=c.dtype)
            value(c, "out", out, exact, kind, arguments=[(str(options), boxes)])
        else:
            exact = Exact(reference.rotated_regularize, boxes, cotangent=cotangent, **options)
            call("rotated_regularize_grad", angle, span, boxes, len(boxes), 5, cotangent, out, dtype=c.dtype)
            gradient(c, "grad_boxes", out, exact, 0, kind, arguments=[(str(options), boxes)])


def rotated_corners(c):
    """And its gradient."""
    boxes, kind = rotated_boxes(c)
    n = len(boxes)
    for code, angle in enumerate(ANGLES):
        outputs = {"corners": 8, "bounds": 4}
        for name, width in outputs.items():
            formula, cotangent = getattr(reference, f"rotated_{name}"), c.cotangent(n, width)
            exact = Exact(formula, boxes, cotangent=cotangent, angle=angle)
            if c.function == "rotated_corners":
                out = c.empty(n, width)
                results = [out if name == one else None for one in outputs]
                call("rotated_corners", code, boxes, n, 5, *results, dtype=c.dtype)
                value(c, name, out, exact, kind, "", [(f"{angle}: box", boxes)])
            else:
                grad = c.empty(n, 5)
                given = [cotangent if name == one else None for one in outputs]
                call("rotated_corners_grad", code, boxes, n, 5, *given, grad, dtype=c.dtype)
                gradient(c, "grad_boxes", grad, exact, 0, kind, "", [(f"{angle}: box", boxes), (f"grad_{name}", cotangent)])


def rotated_from_corners(c):
    """And its gradient: corners of rotated boxes in both senses, and of quadrilaterals whose sides are moved by a tenth of them."""
    boxes, kind = rotated_boxes(c, kinds=inputs.PROPER, proper=True)
    n = len(boxes)
    corners = np.empty((n, 8))
    call("rotated_corners", 2, boxes.astype(float), n, 5, corners, None, dtype=np.dtype(float))
    corners = corners.reshape(n, 4, 2)
    moved = corners + c.g.uniform(-0.1, 0.1, corners.shape) * abs(boxes[:, None, 2:4]).min(axis=2, keepdims=True) * (c.g.random((n, 1, 1)) < 0.5)
    given = np.where(c.g.random((n, 1, 1)) < 0.5, moved, moved[:, ::-1]).reshape(n, 8).astype(c.dtype)
    for code, angle in enumerate(ANGLES):
        cotangent = c.cotangent(n, 5)
        exact = Exact(reference.rotated_from_corners, given, cotangent=cotangent, angle=angle)
        if c.function == "rotated_from_corners":
            out = c.empty(n, 5)
            call("rotated_from_corners", code, given, n, 8, out, dtype=c.dtype)
            value(c, "boxes", out, exact, kind, "", [(f"{angle}: corners", given)])
        else:
            grad = c.empty(n, 8)
            call("rotated_from_corners_grad", code, given, n, 8, cotangent, grad, dtype=c.dtype)
            gradient(c, "grad_corners", grad, exact, 0, kind, "", [(f"{angle}: corners", given), ("grad_boxes", cotangent)])


def rotated_min_area(c):
    """Corners in any order, moved by up to a fifth of the sides, and points anywhere within. Where rounding decides between two rectangles, there is no answer."""
    boxes, kind = rotated_boxes(c, kinds=inputs.PROPER, proper=True)
    n = len(boxes)
    corners = np.empty((n, 8))
    call("rotated_corners", 2, boxes.astype(float), n, 5, corners, None, dtype=np.dtype(float))
    corners = corners.reshape(n, 4, 2)
    moved = corners + c.g.uniform(-0.2, 0.2, corners.shape) * abs(boxes[:, None, 2:4]).min(axis=2, keepdims=True) * (c.g.random((n, 1, 1)) < 0.8)
    inner = np.einsum("npk,nkx->npx", c.g.dirichlet(np.ones(4), (n, 3)), corners)
    for points in (moved, np.concatenate([inner, moved], axis=1), moved[:, :3]):
        count = points.shape[1]
        given = c.g.permuted(points, axis=1).reshape(n, 2 * count).astype(c.dtype) if count == 3 else points[:, ::-1].reshape(n, 2 * count).astype(c.dtype)
        for code, angle in enumerate(ANGLES):
            exact, out = Exact(reference.rotated_min_area, given, angle=angle), c.empty(n, 5)
            call("rotated_min_area", code, given, n, count, 2 * count, out, dtype=c.dtype)
            clear = np.flatnonzero(exact.margins > 1e-12)
            arguments = [(f"{angle}: points", given[clear])]
            c.record("boxes", out[clear], exact.values[clear], exact.terms[clear], kind[clear], confirm=lambda i: exact.confirm(clear[i]), arguments=arguments)


def rotated_pairs(c, parallel):
    """Some of the pairs, turned: by any two angles in degrees, or, where `parallel` allows it, some of them by the same or by one that is a right
    angle further, about one point. Gradients are compared of the others: where edges coincide, rounding decides which of them bounds what both
    share."""
    p = c.pairs()
    chosen = c.g.permutation(len(p))[: 8 * c.count]
    a, b = (rotated(c, boxes[chosen]).astype(float) for boxes in (p.a, p.b))
    n = len(a)
    a[:, 4] = np.where(c.g.random(n) < 0.2, c.g.integers(-8, 9, n) * 45, c.g.uniform(-200, 200, n))
    turn = c.g.choice([0, 90, -90, 180], n) + c.g.uniform(0.5, 89.5, n)
    same = (c.g.random(n) < 0.5) & parallel
    b[:, 4] = a[:, 4] + np.where(same, c.g.choice([0, 0, 90, 360], n), turn)
    angle = np.radians(a[:, 4])
    for boxes in (a, b):
        x, y = boxes[:, 0].copy(), boxes[:, 1].copy()
        boxes[:, 0] = np.where(same, np.cos(angle) * x - np.sin(angle) * y, x)
        boxes[:, 1] = np.where(same, np.sin(angle) * x + np.cos(angle) * y, y)
    return a.astype(c.dtype), b.astype(c.dtype), p.kind[chosen]


ROTATED_METRICS = {"iou": 0, "iof": 4}


def rotated_iou_pairwise(c):
    """Every box with its partner and with the next one."""
    a, b, kind = rotated_pairs(c, True)
    n = len(a)
    i, j = np.r_[:n, :n], np.r_[:n, 1:n, 0]
    for metric, code in ROTATED_METRICS.items():
        exact = Exact(reference.rotated_overlap, a[i], b[j], angle="degrees-cw", metric=metric)
        out = c.empty(n, n)
        call("rotated_iou_pairwise", code, 2, a, n, 5, b, n, 5, out, n, dtype=c.dtype)
        value(c, "out", out[i, j][:, None], exact, kind[i], metric, [("a", a[i]), ("b", b[j])])


def rotated_iou_pairwise_grad(c):
    """Of matrices of one pair, and of its sides."""
    a, b, kind = rotated_pairs(c, False)
    n, cotangent = len(a), c.cotangent(len(a), 1)
    for metric, code in ROTATED_METRICS.items():
        exact = Exact(reference.rotated_overlap, a, b, cotangent=cotangent, angle="degrees-cw", metric=metric)
        grad_a, grad_b = c.empty(n, 5), c.empty(n, 5)
        for k in range(n):
            one = slice(k, k + 1)
            call("rotated_iou_pairwise_grad", code, 2, a[one], 1, 5, b[one], 1, 5, cotangent[one], 1, grad_a[one], grad_b[one], dtype=c.dtype)
        arguments = [("a", a), ("b", b), ("grad_out", cotangent)]
        gradient(c, "grad_a", grad_a, exact, 0, kind, metric, arguments)
        gradient(c, "grad_b", grad_b, exact, 1, kind, metric, arguments)


def rotated_iou_aligned(c):
    for parallel in (True, False):
        a, b, kind = rotated_pairs(c, parallel)
        n = len(a)
        for metric, code in ROTATED_METRICS.items():
            exact = Exact(reference.rotated_overlap, a, b, cotangent=None if parallel else np.ones((n, 1)), angle="radians-cw", metric=metric)
            out, grad_a, grad_b = c.empty(n, 1), c.empty(n, 5), c.empty(n, 5)
            call("rotated_iou_aligned", code, 0, a, 5, b, 5, n, out, grad_a, grad_b, dtype=c.dtype)
            value(c, "out", out, exact, kind, metric, [("a", a), ("b", b)])
            if not parallel:
                gradient(c, "grad_a", grad_a, exact, 0, kind, metric, [("a", a), ("b", b)])
                gradient(c, "grad_b", grad_b, exact, 1, kind, metric, [("a", a), ("b", b)])


GAUSSIAN_LOSSES = {
    "gwd": ("gwd", {}), "gwd, sqrt": ("gwd", {"fun": "sqrt", "tau": 2, "alpha": 0.5}), "gwd, plain": ("gwd", {"fun": "none", "tau": 0, "normalized": False}),
    "kld": ("kld", {}), "kld, plain": ("kld", {"fun": "none", "tau": 0, "alpha": 2}), "kld, no root": ("kld", {"is_root": False}),
    "jeffreys": ("jeffreys", {}), "larger kld": ("max", {"fun": "sqrt"}), "smaller kld": ("min", {}), "kfiou": ("kfiou", {}),
    "log kfiou": ("ln", {"eps": 2.0**-20}), "exp kfiou": ("exp", {"eps": 0.25}), "probiou": ("hellinger", {}), "bhattacharyya": ("bhattacharyya", {}),
}  # fmt: skip
"""Each loss of Gaussians, with what rotated_gaussian_loss and the reference are told."""


def rotated_gaussian_loss(c):
    """Of pairs that are parallel, and of others. Where float has no room for a number, it is left out."""
    normalizer, largest = 3.0, np.finfo(c.dtype).max ** 0.75
    for parallel, (variant, (kind, options)) in itertools.product((True, False), GAUSSIAN_LOSSES.items()):
        a, b, kinds = rotated_pairs(c, parallel)
        n, weights = len(a), abs(c.cotangent(len(a), 1))
        exact = Exact(reference.gaussian_loss, a, b, cotangent=weights.astype(float) / normalizer, angle="degrees-ccw", kind=kind, **options)
        loss, per_box, grad_a, grad_b = np.empty((1, 1)), c.empty(n, 1), c.empty(n, 5), c.empty(n, 5)
        given = reference.GAUSSIAN_LOSSES.index(kind), 1, gaussian_loss_options(**options)
        call("rotated_gaussian_loss", *given, a, 5, b, 5, n, weights, normalizer, loss, per_box, grad_a, grad_b, dtype=c.dtype)
        values, terms = (x * to_mpfr(weights) for x in (exact.values, exact.terms))
        total, size = (np.array([[sum(x[:, 0]) / normalizer]], object) for x in (values, terms))
        c.record("loss", loss, total, size, "all", variant, of=c.dtype)
        numbers = np.hstack([values, *exact.gradients, *exact.terms_of_gradients])
        clear = np.flatnonzero((abs(numbers) < largest).all(axis=1).astype(bool) & (exact.margins > 64 * UNIT_ROUNDOFF[c.dtype]))
        arguments = [("pred", a[clear]), ("target", b[clear]), ("weight", weights[clear]), (f"{options}", a[clear, :0])]
        gradients, sizes = exact.gradients, exact.terms_of_gradients
        for output, got, right, of in (
            ("per_box", per_box, values, terms), ("grad_pred", grad_a, gradients[0], sizes[0]), ("grad_target", grad_b, gradients[1], sizes[1]),
        ):  # fmt: skip
            confirm = functools.partial(confirm_some, exact, clear)
            c.record(output, got[clear], right[clear], of[clear], kinds[clear], variant, confirm=confirm, arguments=arguments)


def rotated_iou_loss(c):
    least, normalizer = 0.125, 3.0
    for parallel, (code, name) in itertools.product((True, False), enumerate(("linear", "log"))):
        a, b, kind = rotated_pairs(c, parallel)
        n, weights = len(a), abs(c.cotangent(len(a), 1))
        cotangent = None if parallel else weights.astype(float) / normalizer
        exact = Exact(reference.rotated_overlap, a, b, cotangent=cotangent, angle="degrees-ccw", loss=name, least_iou=c.rounded(least))
        loss, per_box, grad_a, grad_b = np.empty((1, 1)), c.empty(n, 1), c.empty(n, 5), c.empty(n, 5)
        arguments = a, 5, b, 5, n, weights, least, normalizer, loss, per_box, grad_a, grad_b
        call("rotated_iou_loss", code, 1, *arguments, dtype=c.dtype)
        arguments = [("pred", a), ("target", b), ("weight", weights)]
        scale = to_mpfr(weights)
        c.record("per_box", per_box, exact.values * scale, exact.terms * scale, kind, name, confirm=exact.confirm, arguments=arguments)
        total, terms = (np.array([[sum((x * scale)[:, 0]) / normalizer]], object) for x in (exact.values, exact.terms))
        c.record("loss", loss, total, terms, "all", name, of=c.dtype)
        if not parallel:
            gradient(c, "grad_pred", grad_a, exact, 0, kind, name, arguments)
            gradient(c, "grad_target", grad_b, exact, 1, kind, name, arguments)


# Hard clip


def clip(c):
    """And its gradient, in every mode."""
    boxes, kind = c.pairs().boxes()
    x, kind = boxes.reshape(-1, 1), np.repeat(kind, 4)
    for _ in range(4):
        lo, hi = sorted(c.g.choice(x[:, 0], 2).tolist())
        cotangent = c.cotangent(len(x), 1)
        exact = Exact(clamped, x, cotangent=cotangent, low=(lo,), high=(hi,))
        out = c.empty(len(x), 1)
        if c.function == "clip":
            call("clip", x, len(x), lo, hi, out, dtype=c.dtype)
            value(c, "out", out, exact, kind, arguments=[("x", x)])
            continue
        pushed = ((x < lo) & (cotangent > 0)) | ((x > hi) & (cotangent < 0))
        modes = exact.gradients[0], to_mpfr(cotangent), to_mpfr(np.where(pushed, 0, cotangent))
        for mode, (variant, expected) in enumerate(zip(("hard", "straight through", "inward"), modes)):
            call("clip_grad", x, len(x), lo, hi, cotangent, mode, out, None, dtype=c.dtype)
            c.record("grad_in", out, expected, abs(expected), kind, variant, confirm=exact.confirm, arguments=[("x", x)])


# Overlap


def iou_pairwise(c):
    """Every box with its partner and with the partner's successor, in matrices as wide as there are boxes and narrow ones."""
    p = c.pairs()
    n = len(p)
    i, j = np.r_[:n, :n], np.r_[:n, p.successor]
    for metric, eps in c.metrics():
        exact = Exact(reference.overlap, p.a[i], p.b[j], metric=METRICS[metric], eps=c.rounded(eps))
        areas = Exact(reference.union, p.a[i], p.b[j]) if metric == 0 else None
        arguments = [("a", p.a[i]), ("b", p.b[j]), (f"eps {eps!r}", p.a[i, :0])]
        for width in (n, c.count // 2 + 1):
            out, union = np.zeros((n, n), c.dtype), np.zeros((n, n), c.dtype)
            for first in range(0, n, width):
                part = [np.empty((n, min(width, n - first)), c.dtype) for _ in range(2)]
                columns = slice(first, first + part[0].shape[1])
                b, m = p.b[columns], part[0].shape[1]
                call("iou_pairwise", metric, p.a, n, 4, b, m, 4, eps, part[0], m, part[1], dtype=c.dtype)
                out[:, columns], union[:, columns] = part
            value(c, "out", out[i, j][:, None], exact, p.kind[i], METRICS[metric], arguments)
            if areas:
                value(c, "out_union", union[i, j][:, None], areas, p.kind[i], "", arguments)


def iou_pairwise_grad(c):
    """The cotangent of each box's partner and of the partner's successor is not 0: every gradient is a sum of two. Rows where rounding
    decides which area is the smaller do not count, here and below."""
    p = c.pairs()
    n = len(p)
    i, j = np.r_[:n, :n], np.r_[:n, p.successor]
    predecessor = np.argsort(p.successor)
    for metric, eps in c.metrics():
        cotangent, matrix = c.cotangent(2 * n, 1), np.zeros((n, n), c.dtype)
        np.add.at(matrix, (i, j), cotangent[:, 0])
        single = p.successor == np.arange(n)
        cotangent[n:][single], matrix[single, single] = 0, cotangent[:n, 0][single]
        exact = Exact(reference.overlap, p.a[i], p.b[j], cotangent=cotangent, metric=METRICS[metric], eps=c.rounded(eps))
        grad_a, grad_b = c.empty(n, 4), c.empty(n, 4)
        for rows in p.matrices():
            m, of_a, of_b = len(rows), c.empty(len(rows), 4), c.empty(len(rows), 4)
            sides = p.a[rows], m, 4, p.b[rows], m, 4
            call("iou_pairwise_grad", metric, *sides, eps, matrix[np.ix_(rows, rows)], m, of_a, of_b, dtype=c.dtype)
            grad_a[rows], grad_b[rows] = of_a, of_b
        for side, (output, got) in enumerate((("grad_a", grad_a), ("grad_b", grad_b))):
            other = n + (np.arange(n), predecessor)[side]  # the second pair that has the box
            sums, terms = (x[side][:n] + x[side][other] for x in (exact.gradients, exact.terms_of_gradients))
            clear = np.flatnonzero(np.minimum(exact.margins[:n], exact.margins[other]) > 64 * UNIT_ROUNDOFF[c.dtype])
            arguments = [("a", p.a), ("b", p.b), ("other a", p.a[i[other]]), ("other b", p.b[j[other]]), (f"eps {eps!r}", p.a[:, :0])]
            arguments = [(name, rows[clear]) for name, rows in arguments]
            confirm = functools.partial(confirm_two, exact, clear, other[clear])
            c.record(output, got[clear], sums[clear], terms[clear], p.kind[clear], METRICS[metric], confirm=confirm, arguments=arguments)


def confirm_two(exact, rows, others, row):
    exact.confirm([rows[row], others[row]])


def iou_aligned(c):
    p = c.pairs()
    n = len(p)
    for metric, eps in c.metrics():
        exact = Exact(reference.overlap, p.a, p.b, cotangent=np.ones((n, 1)), metric=METRICS[metric], eps=c.rounded(eps))
        out, grad_a, grad_b = c.empty(n, 1), c.empty(n, 4), c.empty(n, 4)
        call("iou_aligned", metric, p.a, 4, p.b, 4, n, eps, out, grad_a, grad_b, dtype=c.dtype)
        arguments = [("a", p.a), ("b", p.b), (f"eps {eps!r}", p.a[:, :0])]
        value(c, "out", out, exact, p.kind, METRICS[metric], arguments=arguments)
        clear = np.flatnonzero(exact.margins > 64 * UNIT_ROUNDOFF[c.dtype])
        if len(clear) < n:
            exact = Exact(reference.overlap, p.a[clear], p.b[clear], cotangent=np.ones((len(clear), 1)), metric=METRICS[metric], eps=c.rounded(eps))
            arguments = [(name, rows[clear]) for name, rows in arguments]
        gradient(c, "grad_a", grad_a[clear], exact, 0, p.kind[clear], METRICS[metric], arguments)
        gradient(c, "grad_b", grad_b[clear], exact, 1, p.kind[clear], METRICS[metric], arguments)


def iou_loss(c):
    p = c.pairs()
    n = len(p)
    for metric, eps in c.metrics(eps_of_all=True):
        weights = abs(c.cotangent(n, 1))
        options = {"metric": METRICS[metric], "eps": c.rounded(eps), "loss": True}
        exact = Exact(reference.overlap, p.a, p.b, cotangent=weights / np.float64(n), **options)
        loss, per_box, grad_pred, grad_target = np.empty((1, 1)), c.empty(n, 1), c.empty(n, 4), c.empty(n, 4)
        call("iou_loss", metric, p.a, 4, p.b, 4, n, weights, eps, float(n), loss, per_box, grad_pred, grad_target, dtype=c.dtype)
        arguments = [("pred", p.a), ("target", p.b), ("weight", weights), (f"eps {eps!r}", p.a[:, :0])]
        values, terms = (x * to_mpfr(weights) for x in (exact.values, exact.terms))
        c.record("per_box", per_box, values, terms, p.kind, METRICS[metric], confirm=exact.confirm, arguments=arguments)
        c.record("loss", loss, values.sum(keepdims=True) / n, terms.sum(keepdims=True) / n, "all", METRICS[metric])
        gradient(c, "grad_pred", grad_pred, exact, 0, p.kind, METRICS[metric], arguments)
        gradient(c, "grad_target", grad_target, exact, 1, p.kind, METRICS[metric], arguments)


BOX_LOSSES = {
    "alpha iou": ("iou", {"alpha": 3}), "alpha giou": ("giou", {"alpha": 2}), "alpha diou": ("diou", {"alpha": 0.75}),
    "alpha ciou": ("ciou", {"alpha": 3}), "eiou": ("eiou", {}), "focal eiou": ("eiou", {"gamma": 0.5}), "siou": ("siou", {}),
    "wiou": ("wiou", {}), "inner giou": ("giou", {"inner_ratio": 1.25}), "inner ciou": ("ciou", {"inner_ratio": 0.75}),
    "mpdiou": ("mpdiou", {"size": (480, 640)}), "log iou": ("log_iou", {"least_iou": 2.0**-20}), "nwd": ("nwd", {"unit": 12.75}),
    "bounded iou": ("bounded_iou", {"beta": 0.25}),
}  # fmt: skip
"""Each loss of boxes, with what box_loss and the reference are told."""


def box_loss(c):
    p = c.pairs(scales=1)
    for variant, (kind, options) in BOX_LOSSES.items():
        eps, weights, n = float(c.g.choice(c.eps())), abs(c.cotangent(len(p), 1)), len(p)
        exact = Exact(reference.box_loss, p.a, p.b, cotangent=weights / np.float64(n), kind=kind, eps=eps, **options)
        loss, per_box, grad_pred, grad_target = np.empty((1, 1)), c.empty(n, 1), c.empty(n, 4), c.empty(n, 4)
        given = BOX_LOSS_KINDS.index(kind), box_loss_options(eps=eps, **options)
        call("box_loss", *given, p.a, 4, p.b, 4, n, weights, float(n), loss, per_box, grad_pred, grad_target, dtype=c.dtype)
        values, terms = (x * to_mpfr(weights) for x in (exact.values, exact.terms))
        c.record("loss", loss, values.sum(keepdims=True) / n, terms.sum(keepdims=True) / n, "all", variant)
        # A denominator of huge boxes may be so small beside them that it counts as 0, and a power of tiny ones underflows beside eps.
        largest = abs(np.hstack([p.a, p.b]).astype(float)).max(axis=1)
        moderate = ((p.kind != "degenerate") | (largest < 1e60)) & (largest**2 > 1e-40 * eps)
        clear = np.flatnonzero((exact.margins > 64 * UNIT_ROUNDOFF[c.dtype]) & moderate)
        arguments = [("pred", p.a[clear]), ("target", p.b[clear]), ("weight", weights[clear]), (f"{options}, eps {eps!r}", p.a[clear, :0])]
        gradients, sizes = exact.gradients, exact.terms_of_gradients
        for output, got, right, size in (
            ("per_box", per_box, values, terms), ("grad_pred", grad_pred, gradients[0], sizes[0]), ("grad_target", grad_target, gradients[1], sizes[1]),
        ):  # fmt: skip
            confirm = functools.partial(confirm_some, exact, clear)
            c.record(output, got[clear], right[clear], size[clear], p.kind[clear], variant, confirm=confirm, arguments=arguments)


def confirm_some(exact, rows, row):
    exact.confirm([rows[row]])


# Smooth L1


def smooth_l1(c):
    p = c.pairs()
    pred, target = p.a.reshape(-1, 1), p.b.reshape(-1, 1)
    n, kind = len(pred), np.repeat(p.kind, 4)
    limit = inputs.LIMIT[c.dtype] / 2
    ordinary, any_scale = (float(inputs.magnitudes(c.g, -end, end, ())) for end in (1, limit))
    for sigma, variant in ((1.0, ""), (ordinary, ""), (any_scale, ""), (math.inf, "plain L1")):
        inside, outside = (abs(c.cotangent(n, 1)) for _ in range(2))
        exact = Exact(reference.smooth_l1, pred, target, inside, outside, cotangent=np.full((n, 1), 1 / n), sigma=sigma)
        loss, elementwise, grad_pred, grad_target = np.empty((1, 1)), c.empty(n, 1), c.empty(n, 1), c.empty(n, 1)
        call("smooth_l1", pred, target, inside, outside, n, sigma, float(n), loss, elementwise, grad_pred, grad_target, dtype=c.dtype)
        arguments = [("pred", pred), ("target", target), ("inside", inside), ("outside", outside), (f"sigma {sigma!r}", pred[:, :0])]
        value(c, "elementwise", elementwise, exact, kind, variant, arguments=arguments)
        gradient(c, "grad_pred", grad_pred, exact, 0, kind, variant, arguments)
        gradient(c, "grad_target", grad_target, exact, 1, kind, variant, arguments)
        c.record("loss", loss, *(x.sum(keepdims=True) / n for x in (exact.values, exact.terms)), "all", variant)
    for n in (4096, 1 << 16):  # the same number again and again, which the sum rounds the same way every time
        number = c.dtype.type(1 + 0.99 * 2.0**-45)
        same, zeros, loss = np.full(n, number), np.zeros(n, c.dtype), np.empty((1, 1))
        call("smooth_l1", same, zeros, None, None, n, math.inf, 1.0, loss, None, None, None, dtype=c.dtype)
        exact = np.array([[to_mpfr(number) * n]], object)
        c.record("loss", loss, exact, exact, "equal numbers", "plain L1", arguments=[(f"{n} times", np.array([number]))])


def balanced_l1(c):
    p = c.pairs()
    pred, target = p.a.reshape(-1, 1), p.b.reshape(-1, 1)
    n, kind = len(pred), np.repeat(p.kind, 4)
    for alpha, gamma, beta in ((0.5, 1.5, 1.0), (0.5, 1.5, 1 / 9), tuple(map(float, inputs.magnitudes(c.g, [-1, -1, -3], [0.9, -0.1, 3], 3)))):
        inside, outside = (abs(c.cotangent(n, 1)) for _ in range(2))
        scalars = {"alpha": c.rounded(alpha), "gamma": c.rounded(gamma), "beta": c.rounded(beta)}
        exact = Exact(reference.balanced_l1, pred, target, inside, outside, cotangent=np.full((n, 1), 1 / n), **scalars)
        loss, elementwise, grad_pred, grad_target = np.empty((1, 1)), c.empty(n, 1), c.empty(n, 1), c.empty(n, 1)
        results = loss, elementwise, grad_pred, grad_target
        call("balanced_l1", pred, target, inside, outside, n, alpha, gamma, beta, float(n), *results, dtype=c.dtype)
        arguments = [("pred", pred), ("target", target), ("inside", inside), ("outside", outside), (f"{scalars}", pred[:, :0])]
        value(c, "elementwise", elementwise, exact, kind, arguments=arguments)
        gradient(c, "grad_pred", grad_pred, exact, 0, kind, arguments=arguments)
        gradient(c, "grad_target", grad_target, exact, 1, kind, arguments=arguments)
        c.record("loss", loss, *(x.sum(keepdims=True) / n for x in (exact.values, exact.terms)), "all")


# Box distributions


def logits(c, bins, kinds=("ordinary", "equal", "peaked", "huge")):
    """Rows of logits of several kinds: within 16 of each other, equal, up to 100 apart, and up to what the type holds."""
    highest = 10.0 ** (2 * inputs.LIMIT[c.dtype])
    made = {
        "ordinary": c.g.uniform(-8, 8, (c.count, bins)), "equal": np.repeat(c.g.normal(size=(c.count, 1)), bins, axis=1),
        "peaked": c.g.uniform(-50, 50, (c.count, bins)), "huge": c.g.uniform(-highest, highest, (c.count, bins)),
    }  # fmt: skip
    return np.vstack([made[kind] for kind in kinds]).astype(c.dtype), np.repeat(kinds, c.count)


def distribution_focal(c):
    for bins in (2, 3, 16, 17):
        rows, kind = logits(c, bins)
        n = len(rows)
        target = c.g.uniform(-0.5, bins, (n, 1)).astype(c.dtype)
        target[::5] = np.floor(target[::5])
        weights = abs(c.cotangent(n, 1))
        exact = Exact(reference.distribution_focal, rows, target, weights, cotangent=np.full((n, 1), 1 / n), last=c.rounded(bins - 1.01))
        loss, per_row, grad_logits, grad_target = np.empty((1, 1)), c.empty(n, 1), c.empty(n, bins), c.empty(n, 1)
        call("distribution_focal", rows, bins, target, n, bins, weights, float(n), loss, per_row, grad_logits, grad_target, dtype=c.dtype)
        arguments = [("logits", rows), ("target", target), ("weight", weights)]
        value(c, "per_row", per_row, exact, kind, arguments=arguments)
        gradient(c, "grad_logits", grad_logits, exact, 0, kind, arguments=arguments)
        gradient(c, "grad_target", grad_target, exact, 1, kind, arguments=arguments)
        c.record("loss", loss, *(x.sum(keepdims=True) / n for x in (exact.values, exact.terms)), "all")


def distribution_decode(c):
    """And its gradient."""
    for bins in (2, 3, 16, 17):
        wide = c.function == "distribution_decode" or c.dtype == np.float32
        rows, kind = logits(c, bins) if wide else logits(c, bins, ("ordinary", "equal"))
        n, cotangent = len(rows), c.cotangent(len(rows), 1)
        exact = Exact(reference.distribution_decode, rows, cotangent=cotangent)
        if c.function == "distribution_decode":
            out = c.empty(n, 1)
            call("distribution_decode", rows, bins, n, bins, out, dtype=c.dtype)
            value(c, "out", out, exact, kind, arguments=[("logits", rows)])
        else:
            grad = c.empty(n, bins)
            call("distribution_decode_grad", rows, bins, n, bins, cotangent, grad, dtype=c.dtype)
            gradient(c, "grad_logits", grad, exact, 0, kind, arguments=[("logits", rows), ("grad_out", cotangent)])


# Regions


def regions(c):
    """roi_align, roi_pool_precise and their gradients, of boxes within the features, beyond them, of a part of a pixel and of all pixels."""
    n, shape, bins = max(4, c.count // 16), (2, 3, 6, 7), (3, 2)
    settings = ({"ratio": 2, "aligned": True}, {"ratio": 3}, {}) if "align" in c.function else ({"ratio": None},)
    kinds = np.repeat(("within", "beyond", "part", "all"), n)
    low = c.g.uniform((1, 1), (16, 14), (4 * n, 2))
    low[n : 2 * n] -= c.g.uniform(5, 40, (n, 2))
    size = c.g.uniform(2, 9, (4 * n, 2))
    size[n : 2 * n], size[2 * n : 3 * n], size[3 * n :] = size[n : 2 * n] * 9, size[2 * n : 3 * n] / 64, size[3 * n :] * 2
    boxes = np.hstack([low, low + size]).astype(c.dtype)
    features, cotangent = c.cotangent(84, 3).reshape(shape), c.cotangent(4 * n, 18).reshape(-1, 3, *bins)
    indices = np.arange(4 * n) % 2
    for of in settings:
        exact = [reference.roi_pool(features[i], box, bins, g, scale=0.5, **of) for i, box, g in zip(indices, boxes.astype(float), cotangent)]
        arguments = roi_options(scale=0.5, **of), features, *shape, boxes, 4, indices, 4 * n, *bins
        told = [("boxes", boxes)]
        if not c.function.endswith("_grad"):
            out = np.empty_like(cotangent)
            call(c.function, *arguments, out, dtype=c.dtype)
            values, sizes = (np.stack([row[k] for row in exact]).reshape(4 * n, -1) for k in (0, 1))
            c.record("out", out.reshape(4 * n, -1), values, sizes, kinds, arguments=told)
            continue
        grad_features, grad_boxes = np.empty_like(features), np.empty_like(boxes)
        call(c.function, *arguments, cotangent, grad_features, grad_boxes, dtype=c.dtype)
        whole = [np.zeros(shape) for _ in range(2)]
        for i, row in zip(indices, exact):
            for k in (0, 1):
                whole[k][i] += row[2][k]
        c.record("grad_features", grad_features.reshape(1, -1), *(x.reshape(1, -1) for x in whole), "all")
        c.record("grad_boxes", grad_boxes, *(np.stack([row[3][k] for row in exact]) for k in (0, 1)), kinds, arguments=told)


# Box deltas

CODINGS = {}, {"means": (0.1, -0.2, 0.05, 0.0), "stds": (0.1, 0.1, 0.2, 0.2)}, {"stds": (3.0, 7.0, 11.0, 13.0)}


def rounded_options(c, options):
    """As the type's functions use them."""
    return {name: tuple(map(c.rounded, x)) if isinstance(x, tuple) else c.rounded(x) for name, x in options.items()}


def delta_encode(c):
    """And its gradient."""
    p = c.pairs(kinds=inputs.PROPER, proper=True)
    n = len(p)
    for coding in CODINGS:
        options = delta_options(**coding)
        arguments = [("proposal", p.a), ("target", p.b), (f"{coding}", p.a[:, :0])]
        cotangent = c.cotangent(n, 4)
        exact = Exact(reference.encode, p.a, p.b, cotangent=cotangent, **rounded_options(c, coding))
        if c.function == "delta_encode":
            deltas = c.empty(n, 4)
            call("delta_encode", options, p.a, 4, p.b, 4, n, deltas, None, None, dtype=c.dtype)
            terms = exact.terms.copy()
            if c.dtype == np.float64:  # the sizes are rounded before their logarithm is taken
                terms[:, 2:] = np.maximum(terms[:, 2:], 1 / np.array(coding.get("stds", (1.0,) * 4))[2:])
            for output, columns in (("dx, dy", slice(0, 2)), ("dw, dh", slice(2, 4))):
                got, values, size = (x[:, columns] for x in (deltas, exact.values, terms))
                c.record(output, got, values, size, p.kind, confirm=exact.confirm, arguments=arguments)
        else:
            grad_proposals, grad_targets = c.empty(n, 4), c.empty(n, 4)
            call("delta_encode_grad", options, p.a, 4, p.b, 4, n, cotangent, grad_proposals, grad_targets, dtype=c.dtype)
            gradient(c, "grad_proposals", grad_proposals, exact, 0, p.kind, "", [*arguments, ("grad_deltas", cotangent)])
            gradient(c, "grad_targets", grad_targets, exact, 1, p.kind, "", [*arguments, ("grad_deltas", cotangent)])


def delta_decode(c):
    """And its gradient. Rows where rounding decides on which side of a clamp they are do not count."""
    default = {"log_ratio": (-math.inf, 4.135166556742356)}
    clamps = {**CODINGS[1], "log_ratio": (-2.0, 2.0), "center_clamp": 0.7, "size": (0.9, 1.3)}
    for options, scales in ({}, 2), (default, 2), (clamps, 0):
        proposals, kind = c.pairs(scales=scales).boxes()
        n, groups = len(proposals), int(c.g.integers(1, 4))
        deltas = np.concatenate([c.g.normal(size=(n, groups, 2)), c.g.uniform(-8, 8, (n, groups, 2))], axis=2)
        deltas = np.where(c.g.random(deltas.shape) < 0.1, 0, deltas).reshape(n, 4 * groups).astype(c.dtype)
        cotangent = c.cotangent(n, 4 * groups)
        exact = Exact(reference.decode, proposals, deltas, cotangent=cotangent, **rounded_options(c, options))
        clear = np.flatnonzero(exact.margins > 64 * UNIT_ROUNDOFF[c.dtype])
        exact = Exact(reference.decode, proposals[clear], deltas[clear], cotangent=cotangent[clear], **rounded_options(c, options))
        boxes, grad_proposals, grad_deltas = c.empty(n, 4 * groups), c.empty(n, 4), c.empty(n, 4 * groups)
        arguments = [("proposal", proposals[clear]), ("deltas", deltas[clear]), (f"{options}", deltas[clear, :0])]
        inputs_of_both = delta_options(**options), proposals, 4, deltas, 4 * groups, n, groups
        if c.function == "delta_decode":
            call(c.function, *inputs_of_both, boxes, dtype=c.dtype)
            value(c, "boxes", boxes[clear], exact, kind[clear], arguments=arguments)
        else:
            call(c.function, *inputs_of_both, cotangent, grad_proposals, grad_deltas, dtype=c.dtype)
            arguments.append(("grad_boxes", cotangent[clear]))
            gradient(c, "grad_proposals", grad_proposals[clear], exact, 0, kind[clear], "", arguments)
            gradient(c, "grad_deltas", grad_deltas[clear], exact, 1, kind[clear], "", arguments)


ROTATED_CODINGS = [
    {}, {"range": "le90", "edge_swap": True, "norm_factor": 0.5}, {"range": "le135", "proj_xy": True, "norm_factor": 2.0}, {"range": "oc", "edge_swap": True, "proj_xy": True},
    {"range": "turn", "proj_xy": True, "means": (0.5, -0.25, 0.125, 0.0, 0.75), "stds": (0.125, 0.25, 2.0, 0.5, 0.25)},
]  # fmt: skip
MIDPOINT_CODINGS = [{}, {"means": (0.5, -0.25, 0.125, 0.0, 0.75, 0.25), "stds": (0.125, 0.25, 2.0, 0.5, 0.25, 0.5)}]
LIMITS = [{}, {"log_ratio": (-2.0, 2.0)}, {"log_ratio": (-1.5, 1.0), "center_clamp": 0.75, "size": (1.75, 2.25)}]


def rotated_encode(c):
    """And its gradient, and those of midpoints. Rows where rounding decides do not count."""
    is_midpoint, is_gradient = c.function.startswith("midpoint"), c.function.endswith("_grad")
    formula = reference.midpoint_encode if is_midpoint else reference.rotated_encode
    p = c.pairs(kinds=inputs.PROPER, proper=True)
    chosen = c.g.permutation(len(p))[: 10 * c.count]
    for (k, coding), angle in itertools.product(enumerate(MIDPOINT_CODINGS if is_midpoint else ROTATED_CODINGS), range(4)):
        proposals, targets, kind = p.a[chosen] if is_midpoint else rotated(c, p.a[chosen]), rotated(c, p.b[chosen]), p.kind[chosen]
        if is_midpoint and k == 0:
            coding = {"corner_tolerance": float(inputs.magnitudes(c.g, -8, 3, ()))}
        options, width = {"angle": ANGLES[angle], **coding}, 6 if is_midpoint else 5
        cotangent = c.cotangent(len(chosen), width)
        with np.errstate(invalid="ignore"):
            exact = Exact(formula, proposals, targets, cotangent=cotangent, **options)
        clear = np.flatnonzero(exact.margins > 64 * UNIT_ROUNDOFF[c.dtype])
        exact = Exact(formula, proposals[clear], targets[clear], cotangent=cotangent[clear], **options)
        arguments = [("proposal", proposals[clear]), ("target", targets[clear]), (f"{options}", targets[clear, :0])]
        given = rotated_delta_options(**coding), angle, proposals, proposals.shape[1], targets, 5, len(chosen)
        if is_gradient:
            grad_proposals, grad_targets = c.empty(*proposals.shape), c.empty(*targets.shape)
            call(c.function, *given, cotangent, grad_proposals, grad_targets, dtype=c.dtype)
            arguments.append(("grad_deltas", cotangent[clear]))
            gradient(c, "grad_proposals", grad_proposals[clear], exact, 0, kind[clear], "", arguments)
            gradient(c, "grad_targets", grad_targets[clear], exact, 1, kind[clear], "", arguments)
            continue
        deltas = c.empty(len(chosen), width)
        call(c.function, *given, deltas, None, None, dtype=c.dtype)
        if not is_midpoint:
            value(c, "deltas", deltas[clear], exact, kind[clear], arguments=arguments)
            continue
        terms = exact.terms.copy()
        # The size of the upright box is rounded to double before its logarithm is taken.
        rounded_size = 1 if c.dtype == np.float64 else UNIT_ROUNDOFF[c.dtype]
        terms[:, 2:4] = np.maximum(terms[:, 2:4], rounded_size / np.array(coding.get("stds", (1.0,) * 6))[2:4])
        for output, columns in (("dx, dy, da, db", [0, 1, 4, 5]), ("dw, dh", [2, 3])):
            got, values, size = (x[:, columns] for x in (deltas[clear], exact.values, terms))
            c.record(output, got, values, size, kind[clear], confirm=exact.confirm, arguments=arguments)


def rotated_decode(c):
    """And its gradient, and those of midpoints. Rows where rounding decides do not count."""
    is_midpoint, is_gradient = c.function.startswith("midpoint"), c.function.endswith("_grad")
    formula = reference.midpoint_decode if is_midpoint else reference.rotated_decode
    codings = [{"range": name, **MIDPOINT_CODINGS[k % 2]} for k, name in enumerate(("turn", "le90", "le135", "oc"))] if is_midpoint else ROTATED_CODINGS
    for coding, limits in itertools.product(codings, LIMITS[: 2 if is_midpoint else 3]):
        boxes, kind = c.pairs(kinds=inputs.PROPER if is_midpoint else inputs.KINDS, proper=is_midpoint, scales=0 if "size" in limits else 2).boxes()
        chosen = c.g.permutation(len(boxes))[: 10 * c.count]
        angle = int(c.g.integers(4))
        proposals, kind, n = boxes[chosen] if is_midpoint else rotated(c, boxes[chosen]), kind[chosen], len(chosen)
        offsets = c.g.uniform(-0.6, 0.6, (n, 2)) if is_midpoint else 3 * c.g.normal(size=(n, 1))
        deltas = np.concatenate([c.g.normal(size=(n, 2)), c.g.uniform(-4, 4, (n, 2)), offsets], axis=1)
        deltas = np.where(c.g.random(deltas.shape) < 0.1, 0, deltas).astype(c.dtype)
        options, cotangent = {"angle": ANGLES[angle], **coding, **limits}, c.cotangent(n, 5)
        exact = Exact(formula, proposals, deltas, cotangent=cotangent, **options)
        clear = np.flatnonzero(exact.margins > 64 * UNIT_ROUNDOFF[c.dtype])
        exact = Exact(formula, proposals[clear], deltas[clear], cotangent=cotangent[clear], **options)
        arguments = [("proposal", proposals[clear]), ("deltas", deltas[clear]), (f"{options}", deltas[clear, :0])]
        given = rotated_delta_options(**coding, **limits), angle, proposals, proposals.shape[1], deltas, deltas.shape[1], n
        if is_gradient:
            grad_proposals, grad_deltas = c.empty(*proposals.shape), c.empty(*deltas.shape)
            call(c.function, *given, cotangent, grad_proposals, grad_deltas, dtype=c.dtype)
            arguments.append(("grad_boxes", cotangent[clear]))
            gradient(c, "grad_proposals", grad_proposals[clear], exact, 0, kind[clear], "", arguments)
            gradient(c, "grad_deltas", grad_deltas[clear], exact, 1, kind[clear], "", arguments)
        else:
            out = c.empty(n, 5)
            call(c.function, *given, out, dtype=c.dtype)
            value(c, "boxes", out[clear], exact, kind[clear], arguments=arguments)


def yolo_decode(c):
    """And its gradient. Beyond these deltas the squares of sigmoids of small boxes underflow."""
    proposals, kind = c.pairs().boxes()
    n = len(proposals)
    deltas = np.where(c.g.random((n, 4)) < 0.1, 0, c.g.uniform(-20, 20, (n, 4))).astype(c.dtype)
    cells = np.roll(proposals, 1, axis=0)[:, :1].copy()
    cotangent = c.cotangent(n, 4)
    exact = Exact(reference.yolo_decode, proposals, deltas, cells, cotangent=cotangent)
    boxes, grad_proposals, grad_deltas = (c.empty(n, 4) for _ in range(3))
    arguments = [("proposal", proposals), ("deltas", deltas), ("cell size", cells)]
    if c.function == "yolo_decode":
        call(c.function, proposals, 4, deltas, 4, cells, n, boxes, dtype=c.dtype)
        value(c, "boxes", boxes, exact, kind, arguments=arguments)
    else:
        call(c.function, proposals, 4, deltas, 4, cells, n, cotangent, grad_proposals, grad_deltas, dtype=c.dtype)
        arguments.append(("grad_boxes", cotangent))
        gradient(c, "grad_proposals", grad_proposals, exact, 0, kind, "", arguments)
        gradient(c, "grad_deltas", grad_deltas, exact, 1, kind, "", arguments)


# Gradient clipping


def tensor_sets(c):
    """Lists of tensors by name, among them some whose squares a double cannot hold."""
    largest, smallest = float(ml_dtypes.finfo(c.dtype).max), float(ml_dtypes.finfo(c.dtype).smallest_subnormal)
    one = c.g.normal(size=(3, 40 * c.count))
    wide = inputs.magnitudes(c.g, math.log10(smallest) + 1, math.log10(largest) - 4, 40 * c.count)
    yield "random", [x.astype(c.dtype) for x in one]
    yield "all magnitudes", [wide.astype(c.dtype), -wide[:7].astype(c.dtype)]
    yield "large", [(x / 8 * largest / 100).astype(c.dtype) for x in one]
    yield "small", [(x * smallest * 100).astype(c.dtype) for x in one]


ORDERS = 1.0, 2.0, math.inf, 0.1, 0.5, 3.0, 100.0


def p_norm(arrays, p):
    """By definition; equal numbers are raised to the power once."""
    values, counts = np.unique(abs(np.concatenate([np.ravel(x).astype(float) for x in arrays])), return_counts=True)
    if p == math.inf:
        return gmpy2.mpfr(values[-1])
    return sum(gmpy2.mpfr(x) ** gmpy2.mpfr(p) * n for x, n in zip(values.tolist(), counts.tolist())) ** (1 / gmpy2.mpfr(p))


def p_norms(lists, p):
    return np.array([[p_norm(arrays, p)] for arrays in lists], object)


def all_sets(c):
    """Every list of tensors with every order that gives it a finite norm; among them a sum that rounds the same way every time."""
    equal = [np.full(n, 1 + 0.99 * 2.0**-45).astype(c.dtype) for n in (4096, 3, 1 << 14)]
    for kind, arrays in (*tensor_sets(c), ("equal numbers", equal)):
        for p in ORDERS:
            if p_norm(arrays, p) < np.finfo(np.float64).max:
                yield kind, arrays, p, "norms for p = 1, 2, inf" if p in (1, 2, math.inf) else "norms for other p from 0.1 to 100"


def grad_norm(c):
    for kind, arrays, p, order in all_sets(c):
        total, per_tensor = np.empty((1, 1)), np.empty((len(arrays), 1))
        call("grad_norm", tensors(arrays), len(arrays), p, total, per_tensor, None)
        for variant, got, lists in (("total", total, [arrays]), ("per_tensor", per_tensor, [[x] for x in arrays])):
            exact = p_norms(lists, p)
            c.record(order, got, exact, None, kind, variant, arguments=[(f"p {p!r}", np.empty((len(lists), 0)))], of=np.float64)


def exact_norm_finish(c):
    """The norms of tensors that are added one by one, in states of both sizes if they have room for the type."""
    for kind, arrays, p, order in all_sets(c):
        if "other" in order:
            continue
        for size in (136,) if c.dtype == np.float64 else (22, 136):
            state, norm = np.empty(size, np.int64), np.empty((1, 1))
            call("exact_norm_begin", state, size)
            for x in arrays:
                call("exact_norm_add", state, size, tensors([x]), 1, p)
            call("exact_norm_finish", state, size, p, norm)
            c.record("norm", norm, p_norms([arrays], p), None, kind, arguments=[(f"p {p!r}", np.empty((1, 0)))], of=np.float64)


def grad_norm_combine(c):
    for kind, arrays, p, order in all_sets(c):
        parts, total = abs(c.g.permutation(np.concatenate(arrays))), np.empty((1, 1))
        call("grad_norm_combine", parts, len(parts), p, total)
        c.record(order, total, p_norms([[parts]], p), None, kind, arguments=[(f"p {p!r}", np.empty((1, 0)))])


def changed(c, arrays, function, *arguments):
    """What a function makes of copies of the tensors."""
    copies = [x.copy() for x in arrays]
    call(function, tensors(copies), len(copies), *arguments)
    return np.concatenate(copies)[:, None]


def elements(arrays):
    return np.concatenate(arrays).astype(float)[:, None]


def grad_scale(c):
    for kind, arrays in tensor_sets(c):
        factor = float(c.g.normal())
        got, exact = changed(c, arrays, "grad_scale", factor), to_mpfr(elements(arrays)) * factor
        c.record("elements", got, exact, None, kind, arguments=[(f"coefficient {factor!r}, element", elements(arrays))])


def clip_grad_value(c):
    for kind, arrays in tensor_sets(c):
        limit = float(abs(c.g.choice(elements(arrays)[:, 0])) * c.g.choice([1, 1.001]))
        got, exact = changed(c, arrays, "clip_grad_value", limit), to_mpfr(np.clip(elements(arrays), -limit, limit))
        c.record("elements", got, exact, None, kind, arguments=[(f"limit {limit!r}, element", elements(arrays))])


def clip_grad_norm(c):
    for kind, arrays in tensor_sets(c):
        for p in ORDERS[:3]:
            norm = p_norm(arrays, p)
            max_norm, eps = float(norm) * float(c.g.uniform(0, 1.2)), float(c.g.choice([0, 1e-6]))
            coefficient = max_norm / (norm + eps)
            got, exact = changed(c, arrays, "clip_grad_norm", max_norm, p, eps, 0, None), to_mpfr(elements(arrays))
            exact = exact * coefficient if coefficient < 1 else exact
            arguments = [(f"max_norm {max_norm!r}, p {p!r}, eps {eps!r}, element", elements(arrays))]
            c.record("elements", got, exact, None, kind, arguments=arguments)


def clip_grad_rms(c):
    for kind, arrays in tensor_sets(c):
        exact_rms = np.array([[p_norm([x], 2.0) / gmpy2.sqrt(gmpy2.mpfr(x.size))] for x in arrays], object)
        limit, rms = float(exact_rms[0, 0]) * float(c.g.uniform(0, 1.2)), np.empty((len(arrays), 1))
        got = changed(c, arrays, "clip_grad_rms", limit, 0, rms)
        exact = np.concatenate([to_mpfr(x.astype(float)[:, None]) * min(limit / one, 1) for x, (one,) in zip(arrays, exact_rms)])
        c.record("rms", rms, exact_rms, None, kind)
        c.record("elements", got, exact, None, kind, arguments=[(f"max_rms {limit!r}, element", elements(arrays))])


def clip_grad_adaptive(c):
    """In rows and in columns of 40 elements, and in one unit."""
    for kind, arrays in tensor_sets(c):
        params = [c.g.permutation(x) for x in arrays]
        for p, is_column in itertools.product(ORDERS[:3], (False, True)):
            factor, eps = float(c.g.uniform(0, 2)), float(c.g.choice([0, 1e-3]))
            units = [(40, x.size // 40 if is_column else 1) if x.size % 40 == 0 else (0, 0) for x in arrays]
            copies, exact = [x.copy() for x in arrays], []
            call("clip_grad_adaptive", parameters(copies, params, units), len(copies), factor, eps, p, 0, None)
            for grad, param, (size, _) in zip(arrays, params, units):
                shape = (1, -1) if size == 0 else (40, -1) if is_column else (-1, 40)
                rows = [x.reshape(shape).T if is_column and size else x.reshape(shape) for x in (grad, param)]
                scaled = [to_mpfr(one.astype(float)[:, None]) * unit_factor(one, of, factor, eps, p) for one, of in zip(*rows)]
                exact.append(np.stack(scaled, axis=1 if is_column and size else 0).reshape(-1, 1))
            arguments = [(f"clip_factor {factor!r}, eps {eps!r}, p {p!r}, columns {is_column}, element", elements(arrays))]
            c.record("elements", np.concatenate(copies)[:, None], np.concatenate(exact), None, kind, arguments=arguments)


def unit_factor(grad, param, factor, eps, p):
    norm, limit = p_norm([grad], p), factor * max(p_norm([param], p), gmpy2.mpfr(eps))
    return gmpy2.mpfr(1) if norm < limit else limit / max(norm, gmpy2.mpfr(1e-6))


def soft_nms(c):
    """Each pair in a class of its own: the first keeps its score, and the second is lowered once."""
    p = c.pairs()
    n = len(p)
    boxes, classes = np.stack([p.a, p.b], axis=1).reshape(2 * n, 4), np.repeat(np.arange(n), 2)
    scores = np.stack([np.ones(n), c.g.uniform(0.01, 0.99, n)], axis=1).astype(c.dtype)
    for decay, sigma in ((0, None), (1, 0.5), (1, 0.01), (1, 20.0)):
        options = {} if sigma is None else {"sigma": c.rounded(sigma)}
        exact = Exact(reference.lowered, p.a, p.b, scores[:, 1:], **options)
        keep, keep_scores, kept, got = np.empty(2 * n, np.uintp), c.empty(2 * n), np.empty(1, np.uintp), c.empty(2 * n)
        arguments = boxes, 2 * n, 4, scores, classes, 0.0, sigma or 1.0, -math.inf, 2 * n, keep, keep_scores, kept
        call("soft_nms", decay, *arguments, dtype=c.dtype)
        got[keep] = keep_scores
        arguments = [("kept", p.a), ("box", p.b), ("score", scores[:, 1:]), (f"sigma {sigma}", p.a[:, :0])]
        value(c, "keep_scores", got[1::2, None], exact, p.kind, ("linear", "Gaussian")[decay], arguments)


def rotated_soft_nms(c):
    """Each pair in a class of its own, as in soft_nms. The IoU is what rotated_iou_aligned gives, which has an accuracy of its own."""
    a, b, kind = rotated_pairs(c, False)
    n = len(a)
    boxes, classes = np.stack([a, b], axis=1).reshape(2 * n, 5), np.repeat(np.arange(n), 2)
    scores = np.stack([np.ones(n), c.g.uniform(0.01, 0.99, n)], axis=1).astype(c.dtype)
    iou = c.empty(n, 1)
    call("rotated_iou_aligned", 0, 2, a, 5, b, 5, n, iou, None, None, dtype=c.dtype)
    for decay, sigma in ((0, None), (1, 0.5), (1, 0.01), (1, 20.0)):
        options = {} if sigma is None else {"sigma": c.rounded(sigma)}
        exact = Exact(reference.lowered_by, iou, scores[:, 1:], **options)
        keep, keep_scores, kept, got = np.empty(2 * n, np.uintp), c.empty(2 * n), np.empty(1, np.uintp), c.empty(2 * n)
        arguments = boxes, 2 * n, 5, scores, classes, 0.0, sigma or 1.0, -math.inf, 2 * n, keep, keep_scores, kept
        call("rotated_soft_nms", decay, 2, *arguments, dtype=c.dtype)
        got[keep] = keep_scores
        arguments = [("kept", a), ("box", b), ("score", scores[:, 1:]), (f"sigma {sigma}", a[:, :0])]
        value(c, "keep_scores", got[1::2, None], exact, kind, ("linear", "Gaussian")[decay], arguments)


FLOATS = tuple(map(np.dtype, (np.float32, np.float64)))
MEASURES = {
    f.__name__: (f, FLOATS)
    for f in (
        box_convert, box_convert_grad, box_clip, box_rotate, clip, iou_pairwise, iou_pairwise_grad, iou_aligned,
        iou_loss, box_loss, rotated_convert, rotated_regularize, rotated_corners, rotated_from_corners, rotated_min_area, rotated_iou_pairwise, rotated_iou_pairwise_grad,
        rotated_iou_aligned, rotated_iou_loss, rotated_gaussian_loss, smooth_l1, balanced_l1, distribution_focal, distribution_decode, delta_encode, delta_decode, yolo_decode, soft_nms,
        rotated_soft_nms,
    )
} | {
    "box_clip_grad": (box_clip, FLOATS), "clip_grad": (clip, FLOATS),
    "rotated_convert_grad": (rotated_convert, FLOATS), "rotated_regularize_grad": (rotated_regularize, FLOATS), "rotated_corners_grad": (rotated_corners, FLOATS),
    "rotated_from_corners_grad": (rotated_from_corners, FLOATS),
    "distribution_decode_grad": (distribution_decode, FLOATS),
    **{name + grad: (regions, FLOATS) for name in ("roi_align", "roi_pool_precise") for grad in ("", "_grad")},
    **{f"{coder}_encode{grad}": (rotated_encode, FLOATS) for coder in ("rotated", "midpoint") for grad in ("", "_grad")},
    **{f"{coder}_decode{grad}": (rotated_decode, FLOATS) for coder in ("rotated", "midpoint") for grad in ("", "_grad")},
    "delta_encode_grad": (delta_encode, FLOATS), "delta_decode_grad": (delta_decode, FLOATS), "yolo_decode_grad": (yolo_decode, FLOATS),
    "grad_norm_combine": (grad_norm_combine, FLOATS[1:]),
} | {f.__name__: (f, tuple(FORMATS)) for f in (grad_norm, exact_norm_finish, grad_scale, clip_grad_norm, clip_grad_value, clip_grad_rms, clip_grad_adaptive)}  # fmt: skip

MEASURES |= {name: (of_rows, FLOATS) for name in PROMISES if name not in MEASURES}

TASKS = [(name, dtype) for name in PROMISES for dtype in MEASURES[name][1]]
"""Every function, in every type that it takes."""


def run(name, dtype, seed, count):
    """What a round of `count` boxes of every kind measures."""
    campaign = Campaign(name, dtype, seed, count)
    with np.errstate(all="ignore"):
        MEASURES[name][0](campaign)
    return campaign.measured
