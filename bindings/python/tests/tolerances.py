"""How far apart two results may be."""

import numpy as np

EPS32 = 2.0**-24
EPS64 = 2.0**-53


def row_maximum(gradient):
    """The largest entry of each row, shaped to compare with the rows."""
    return np.abs(gradient).max(axis=-1, keepdims=True, initial=0.0)


def assert_within(actual, expected, tolerance):
    """|actual - expected| <= tolerance everywhere; an infinity or NaN must be met by the same."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    tolerance = np.broadcast_to(tolerance, actual.shape)
    with np.errstate(invalid="ignore"):
        wrong = ~((np.abs(actual - expected) <= tolerance) | (actual == expected) | (np.isnan(actual) & np.isnan(expected)))
    if wrong.any():
        first = [tuple(map(int, i)) for i in np.argwhere(wrong)[:5]]
        lines = [f"{i}: {actual[i]}, expected {expected[i]} +- {tolerance[i]:.3g}" for i in first]
        raise AssertionError(f"{wrong.sum()} of {actual.size} differ, first " + "; ".join(lines))
