"""Pairs of boxes on which formulas lose digits, from a generator of random numbers, in float32 or float64 and in any scale.

Sides are between 1e-15 and 1e15 in float32, 1e-100 and 1e100 in float64, which is where the header promises its accuracy.
"""

from dataclasses import dataclass

import numpy as np

LIMIT = {np.dtype(np.float32): 15, np.dtype(np.float64): 100}
"""Sides are between 10^-LIMIT and 10^LIMIT."""

SMALLEST_AREA = {np.dtype(np.float32): 1e-35, np.dtype(np.float64): 0.0}
"""Of an intersection: a smaller one is not a normal number, or its product with a side is none."""


def magnitudes(g, low, high, shape):
    """10^low ... 10^high, each decade as often as any other."""
    return 10.0 ** g.uniform(low, high, shape)


def box(g, count, low=-2.0, high=0.0, extent=2.0):
    """Boxes with sides of 10^low ... 10^high and corners in [-extent, extent)."""
    corner = g.uniform(-extent, extent, (count, 2))
    return np.hstack([corner, corner + magnitudes(g, low, high, (count, 2))])


def doubled(boxes):
    """The sides twice, as offsets of both corners."""
    return np.tile(boxes[:, 2:] - boxes[:, :2], 2)


def steps(g, boxes, dtype, reach=3):
    """Coordinates moved by a few units in the last place."""
    boxes = boxes.astype(dtype)
    return boxes + g.integers(-reach, reach + 1, boxes.shape) * np.spacing(abs(boxes))


def random(g, count, dtype):
    return box(g, count), box(g, count)


def integers(g, count, dtype):
    """Many ties: equal corners, touching and identical boxes."""
    corners = g.integers(0, 5, (2, count, 2))
    return tuple(np.hstack([corner, corner + g.integers(1, 5, (count, 2))]).astype(float) for corner in corners)


def sharing_sides(g, count, dtype):
    a, b = random(g, count, dtype)
    shared = g.random((count, 4)) < 0.5
    b = np.where(shared, a, b)
    return a, np.hstack([np.minimum(b[:, :2], b[:, 2:]), np.maximum(b[:, :2], b[:, 2:])])


def near_touching(g, count, dtype):
    """Within three units in the last place of touching, on one axis or on both."""
    a, b = random(g, count, dtype)
    for axis in (0, 1):
        touching = g.random(count) < 0.6
        shift = np.where(touching, a[:, axis + 2] - b[:, axis], 0)
        b[:, axis] += shift
        b[:, axis + 2] += shift
        if axis == 0:  # from now on x is coarser than y
            a[:, ::2] += 3
            b[:, ::2] += 3
    return a, steps(g, b, dtype)


def near_identical(g, count, dtype):
    a = box(g, count)
    b = a.copy()
    moved = g.random(count) < 0.5
    b[moved] += (magnitudes(g, -9, -1, (count, 4)) * g.choice([-1, 1], (count, 4)) * doubled(a))[moved]
    return a, steps(g, b, dtype)


def identical(g, count, dtype):
    a = box(g, count)
    return a, a.copy()


def nested(g, count, dtype):
    """One inside the other, with margins from nearly nothing to nearly all; sometimes about one centre."""
    a = box(g, count)
    margins = magnitudes(g, -8, -0.4, (count, 4))
    margins = np.where(g.random((count, 1)) < 0.3, np.tile(margins[:, :2], 2), margins)
    b = a + margins * doubled(a) * (1, 1, -1, -1)
    swap = g.random((count, 1)) < 0.5
    return np.where(swap, b, a), np.where(swap, a, b)


def tiny_in_large(g, count, dtype):
    a = box(g, count, -0.5)
    corner = a[:, :2] + g.random((count, 2)) * (a[:, 2:] - a[:, :2])
    return a, np.hstack([corner, corner + magnitudes(g, -6, -3, (count, 2))])


def thin(g, count, dtype):
    """Aspect ratios up to 10^6, crossed or alike."""
    pair = []
    for _ in range(2):
        sizes = np.stack([magnitudes(g, -6, -2, count), magnitudes(g, -1, 0, count)], axis=1)
        sizes = np.where(g.random((count, 1)) < 0.5, sizes, sizes[:, ::-1])
        corner = g.uniform(-0.5, 0.5, (count, 2)) * sizes
        pair.append(np.hstack([corner, corner + sizes]))
    return tuple(pair)


def thin_and_aligned(g, count, dtype):
    """Flat boxes above each other whose centres nearly agree on the long axis: its difference of centres cancels."""
    a, b = box(g, count, -0.2), box(g, count, -0.2)
    a[:, 3] = a[:, 1] + magnitudes(g, -6, -3, count)
    b[:, 1] = a[:, 3] + magnitudes(g, -6, -3, count)
    b[:, 3] = b[:, 1] + magnitudes(g, -6, -3, count)
    shift = (a[:, 0] + a[:, 2] - b[:, 0] - b[:, 2]) / 2
    b[:, 0] += shift
    b[:, 2] += shift
    turned = g.random((count, 1)) < 0.5
    return tuple(np.where(turned, x[:, [1, 0, 3, 2]], x) for x in (a, b))


def alike_in_shape(g, count, dtype):
    """The diagonals nearly agree: CIoU's difference of angles cancels."""
    a, b = random(g, count, dtype)
    b[:, 2:] = b[:, :2] + (a[:, 2:] - a[:, :2]) * magnitudes(g, -1, 1, (count, 1)) * (1 + magnitudes(g, -8, -1, (count, 2)))
    return a, b


def distant(g, count, dtype):
    a, b = random(g, count, dtype)
    return a, b + np.tile(magnitudes(g, 1, 6, (count, 2)) * g.choice([-1, 1], (count, 2)), 2)


def far_from_origin(g, count, dtype):
    """Coordinates up to 10^7 with sides down to 10^-2, or to 1 in float32, which has no finer ones there."""
    far = magnitudes(g, 4, 7, (count, 1)) * g.choice([-1, 1], (count, 2))
    unit = np.maximum(1e-2, np.spacing(abs(far).astype(dtype)).astype(float))
    corner = far + unit * g.uniform(-4, 4, (2, count, 2))
    return tuple(np.hstack([c, c + unit * magnitudes(g, 0, 1, (count, 2))]) for c in corner)


def inverted(g, count, dtype):
    a, b = random(g, count, dtype)
    for boxes in (a, b):
        for axis in (0, 1):
            flipped = g.random(count) < 0.4
            boxes[flipped, axis], boxes[flipped, axis + 2] = boxes[flipped, axis + 2], boxes[flipped, axis]
    return a, b


def degenerate(g, count, dtype):
    """Without width, height or both; some at one place."""
    a, b = integers(g, count, dtype)
    b = np.where(g.random((count, 1)) < 0.3, a, b)
    for boxes in (a, b):
        for axis in (0, 1):
            flat = g.random(count) < 0.4
            boxes[flat, axis + 2] = boxes[flat, axis]
    return a, b


# Every kind, and the decimal exponents of its smallest and largest side or coordinate.
PROPER = {
    random: (-2, 1), integers: (0, 1), sharing_sides: (-2, 1), near_touching: (-2, 1), near_identical: (-2, 1), identical: (-2, 1),
    nested: (-3, 1), tiny_in_large: (-6, 1), thin: (-6, 0), thin_and_aligned: (-6, 1), alike_in_shape: (-3, 1), distant: (-2, 6),
    far_from_origin: (-2, 7),
}  # fmt: skip
HARD = {inverted: (-2, 1), degenerate: (0, 1)}
KINDS = PROPER | HARD


@dataclass(frozen=True)
class Pairs:
    """Rows of two arrays of boxes with the name of each row's kind. Rows of one kind and scale follow each other, and successor tells the
    next of them, or of the last one the first."""

    a: np.ndarray
    b: np.ndarray
    kind: np.ndarray
    successor: np.ndarray

    def __len__(self):
        return len(self.a)

    def matrices(self):
        """Rows whose boxes may all meet in one matrix: all proper ones; and hard ones of one kind and scale. A pair of an inverted box with one of
        another scale may have an infinite gradient, which a cotangent of 0 makes NaN."""
        hard = np.isin(self.kind, [kind.__name__ for kind in HARD])
        ends = np.flatnonzero(self.successor <= np.arange(len(self))) + 1
        return [np.flatnonzero(~hard), *(part for part in np.split(np.arange(len(self)), ends[:-1]) if hard[part[0]])]

    def boxes(self):
        return np.concatenate([self.a, self.b]), np.concatenate([self.kind, self.kind])


def pairs(g, dtype, count, scales=3, kinds=KINDS, proper=False):
    """`count` pairs of every kind in scale 1 and in others, up to the ends of what the type allows the kind; without pairs whose
    intersection the type cannot hold, or with `proper` those that have no width or no height after rounding."""
    dtype = np.dtype(dtype)
    parts, start = [], 0
    for kind, (smallest, largest) in kinds.items():
        ends = -LIMIT[dtype] - smallest, LIMIT[dtype] - largest
        for scale in 10.0 ** np.r_[0, g.choice(ends, min(scales, 1)), g.uniform(*ends, max(scales - 1, 0))]:
            a, b = ((x.astype(np.float64) * scale).astype(dtype) for x in kind(g, count, dtype))
            keep = holds_intersection(a, b)
            if proper:
                keep &= ((a[:, 2:] > a[:, :2]) & (b[:, 2:] > b[:, :2])).all(axis=1)
            n = keep.sum()
            parts.append((a[keep], b[keep], np.full(n, kind.__name__.replace("_", " ")), start + (np.arange(n) + 1) % max(n, 1)))
            start += n
    return Pairs(*map(np.concatenate, zip(*parts)))


def holds_intersection(a, b):
    """Whether the intersection is a normal number, or nothing."""
    smallest = SMALLEST_AREA[a.dtype]
    a, b = a.astype(np.float64), b.astype(np.float64)
    spans = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    inter = np.prod(np.maximum(spans, 0), axis=1)
    return (inter == 0) | (inter > smallest)
