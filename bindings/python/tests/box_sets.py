"""Pairs of boxes in every relation that matters, from fixed seeds."""

import numpy as np

ORDINARY = ("random", "touching", "nested", "identical", "disjoint", "huge")
"""Boxes with area, for which torchvision's functions are finite."""

HARD = ("thin", "far", "inverted", "degenerate")
"""Boxes for which other implementations lose digits or return NaN."""

KINDS = ORDINARY + HARD


def boxes(generator, count, extent=100.0):
    """Boxes with sides of at least extent / 100, corners in [0, 1.5 extent)."""
    corner = generator.uniform(0, extent, (count, 2))
    return np.hstack([corner, corner + generator.uniform(extent / 100, extent / 2, (count, 2))])


def pairs(kind, count=40):
    """Two arrays (count, 4) of float64 boxes; row i of one has the given relation to row i of the other."""
    generator = np.random.default_rng(KINDS.index(kind))
    a = boxes(generator, count)
    b = boxes(generator, count)
    if kind == "touching":  # integers, so that edges coincide exactly
        a = np.ceil(a)
        directions = generator.integers(-1, 2, (count, 2))
        directions[~directions.any(axis=1)] = 1
        b = a + np.tile(directions * (a[:, 2:] - a[:, :2]), 2)
    elif kind == "nested":  # every other one shares an edge with its surrounding box
        inset = generator.uniform(0.1, 0.4, (count, 4)) * np.tile(a[:, 2:] - a[:, :2], 2) * (1, 1, -1, -1)
        inset[::2, generator.integers(0, 4)] = 0
        b = a + inset
        swap = generator.random(count) < 0.5
        a[swap], b[swap] = b[swap], a[swap]
    elif kind == "identical":
        b = a.copy()
    elif kind == "disjoint":
        b += np.tile(generator.choice([-300.0, 300.0], (count, 2)), 2)
    elif kind == "huge":
        a, b = a * 1e9, b * 1e9
    elif kind == "thin":
        a[:, 2] = a[:, 0] + (a[:, 2] - a[:, 0]) * 2.0**-20
        b[:, 3] = b[:, 1] + (b[:, 3] - b[:, 1]) * 2.0**-20
    elif kind == "far":
        a, b = a + 2.0**23, b + 2.0**23
    elif kind == "inverted":
        a[::2, [0, 2]] = a[::2, [2, 0]]
        b[::3, [1, 3]] = b[::3, [3, 1]]
    elif kind == "degenerate":  # without width, height or both, on one side or both, alike or not
        a[0::4, 2] = a[0::4, 0]
        a[1::4, 3] = a[1::4, 1]
        b[0::3, 2:] = b[0::3, :2]
        b[1::6] = a[1::6]
    return a, b


def rotated(kind, count=40, seed=0):
    """The same as rows cx, cy, w, h, angle. Angles are between -4 and 4, which is little in degrees; those of b are within 1 of those of a."""
    generator = np.random.default_rng([seed, KINDS.index(kind)])
    angle = generator.uniform(-4, 4, (count, 1))
    turn = 0 if kind == "identical" else generator.uniform(-1, 1, (count, 1))
    of_each = zip(pairs(kind, count), (angle, angle + turn))
    return tuple(np.hstack([(x[:, :2] + x[:, 2:]) / 2, x[:, 2:] - x[:, :2], angle]) for x, angle in of_each)


def sets(kind, rows=7, columns=5):
    """Two arrays of different length, for pairwise functions."""
    a, b = pairs(kind, max(rows, columns))
    return a[:rows], b[:columns]


def positive(a, b):
    """The pairs of which both boxes have width and height: rounding takes them from some."""
    keep = np.all([(boxes[:, 2:] > boxes[:, :2]).all(axis=1) for boxes in (a, b)], axis=0)
    return a[keep], b[keep]
