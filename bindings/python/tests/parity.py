"""Agreement with another library, and who is right when there is none."""

import numpy as np
from tolerances import assert_within, row_maximum

TOLERANCE = 1e-12


def within(actual, expected, terms):
    with np.errstate(invalid="ignore"):
        return np.abs(actual - expected) <= TOLERANCE * np.maximum(1, terms)


def assert_parity(ours, theirs, exact):
    """ours, theirs: a value and its gradients; exact(): the 40-digit values, their largest terms and the gradients.

    Ours must be within 1e-12 of theirs, times the larger of 1 and the formula's largest term (of a gradient: the row's
    largest entry). Where it is not, either theirs is NaN for finite boxes or one of the two is inexact: then ours must
    be as close to the exact value.
    """
    (value, gradients), (their_value, their_gradients) = ours, theirs
    same = within(value, their_value, np.abs(their_value))
    same_rows = [within(g, t, row_maximum(t)).all(axis=-1, keepdims=True) for g, t in zip(gradients, their_gradients)]
    if same.all() and all(rows.all() for rows in same_rows):
        return
    exact_value, terms, exact_gradients = exact()
    scale = TOLERANCE * np.maximum(1, terms)
    assert_within(np.where(same, exact_value, value), exact_value, scale)
    for gradient, expected, rows in zip(gradients, exact_gradients, same_rows):
        scale = TOLERANCE * np.maximum(1, row_maximum(expected))
        assert_within(np.where(rows, expected, gradient), expected, scale)
