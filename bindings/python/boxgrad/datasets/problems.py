"""The classes of problems: what each does to training, in the formulas of this library."""

from __future__ import annotations

from dataclasses import dataclass

from ..boxes import BoxFlag


@dataclass(frozen=True)
class Problem:
    name: str
    what: str
    effect: str
    """What it does to training. Each of these sentences is computed in tests/datasets/test_effects.py."""
    flag: BoxFlag | None = None
    """The flag of inspect_boxes that finds it; the others are found by the readers and by inspection.py."""


_ALL = (
    Problem(
        "malformed",
        "an annotation cannot be read",
        "Its box is lost: it adds nothing to the loss, and what it marks is trained as background.",
    ),
    Problem(
        "not-finite",
        "a coordinate is NaN, infinite, or beyond float32",
        "Deltas and IoU become NaN, and one NaN term makes the whole batch's loss and gradient NaN.",
        BoxFlag.NOT_FINITE,
    ),
    Problem(
        "nan-literal",
        "NaN or Infinity stands in the file, which is no JSON",
        "Strict JSON readers refuse the whole file; Python's json passes the NaN on into every sum that it enters.",
    ),
    Problem(
        "zero-width",
        "x2 = x1",
        "dw = log(0 / w_r) = -inf, so the loss is inf. Its IoU with every box is 0 with a zero gradient. As a proposal it gives"
        " 0 / 0 = NaN.",
        BoxFlag.ZERO_WIDTH,
    ),
    Problem(
        "zero-height",
        "y2 = y1",
        "dh = log(0 / h_r) = -inf, so the loss is inf. Its IoU with every box is 0 with a zero gradient. As a proposal it gives"
        " 0 / 0 = NaN.",
        BoxFlag.ZERO_HEIGHT,
    ),
    Problem(
        "inverted",
        "x2 < x1 or y2 < y1",
        "The logarithm of a negative ratio is NaN: dw or dh, the loss and its gradient are NaN.",
        BoxFlag.INVERTED,
    ),
    Problem(
        "center-negative",
        "the centre is left of or above the image",
        "Proposals learn to go there and are clipped to the border: their width or height becomes 0, and encoding divides by "
        "it: inf and NaN.",
        BoxFlag.CENTER_NEGATIVE,
    ),
    Problem(
        "center-beyond",
        "the centre is right of or below the image",
        "Proposals learn to go there and are clipped to the border: their width or height becomes 0, and encoding divides by "
        "it: inf and NaN.",
        BoxFlag.CENTER_BEYOND,
    ),
    Problem(
        "wholly-outside",
        "nothing of the box is in the image",
        "Clipping makes its width or height 0: dw or dh = log 0 = -inf, and as a proposal it divides by 0.",
        BoxFlag.WHOLLY_OUTSIDE,
    ),
    Problem(
        "partly-outside",
        "the box leaves the image",
        "Predictions clipped to the image never reach it: its IoU loss stays above 0, and the clip gives the sides beyond the "
        "border a zero gradient.",
        BoxFlag.PARTLY_OUTSIDE,
    ),
    Problem(
        "small",
        "width or height is below the smallest size",
        "Below a pixel its IoU with a 32 x 32 anchor is at most 1/32, so no threshold matches one to it: a zero gradient.",
        BoxFlag.SMALL,
    ),
    Problem(
        "image-size-missing",
        "the image's width or height is missing, 0, or no number",
        "Clipping to a 0 x 0 image makes every box empty: log 0 = -inf. Dividing by the size gives inf or NaN.",
    ),
    Problem(
        "image-size-differs",
        "the photo has another size than its annotation says",
        "Boxes are clipped and scaled by wrong borders: those in the part that was cut get a zero gradient.",
    ),
    Problem(
        "image-size-turned",
        "the sides that its annotation says are exchanged, by the photo and EXIF",
        "Boxes are clipped and scaled by exchanged sides: one beyond the shorter side loses its width or height, and log 0 = -inf.",
    ),
    Problem(
        "unknown-image",
        "the annotation's image is not listed",
        "The box belongs to no image and is never trained on: no loss, a zero gradient.",
    ),
    Problem(
        "unknown-category",
        "the annotation's category is not listed",
        "The class index is out of range: cross entropy stops with an index error, and a one-hot target of zeros has loss 0 and"
        " a zero gradient.",
    ),
    Problem(
        "duplicate",
        "the same box of the same category stands in the image again",
        "Its loss and gradient count twice; and of two equal truths, non-maximum suppression keeps one prediction, so recall "
        "cannot reach 1.",
    ),
    Problem(
        "duplicate-id",
        "an id stands twice",
        "Readers that index by id keep the last and lose the others: those are never trained on.",
    ),
    Problem(
        "duplicate-key",
        "a key of JSON, or an element of XML of which there is one, stands twice",
        "Readers keep the last value of a key, and the first of such an element, without a word: what the other one said is not trained on.",
    ),
    Problem(
        "number-as-text",
        "a number is written as text, like \"7\"",
        "Readers that compute with it stop with a TypeError; and those that look ids up do not find \"7\" where 7 is listed: its box is never"
        " trained on.",
    ),
    Problem(
        "damaged-field",
        "a field beside the box cannot be read",
        "The box is trained on; readers that use the field stop with a TypeError or ValueError, or take a text like \"no\" for true.",
    ),
    Problem(
        "pixels-not-fractions",
        "numbers that the format has as fractions of the image are pixels",
        "Programs that train multiply them by the image's size again: the box lies wholly outside, and clipped its width or height is 0,"
        " log 0 = -inf.",
    ),
    Problem(
        "area-differs",
        "the area field is not that of the box, or exceeds it, or is not positive",
        "Losses are the same; evaluation sorts the box into a wrong size class, and a weight of 1 / area is inf where it is 0.",
    ),
    Problem(
        "self-intersecting",
        "the sides of the quadrilateral cross",
        "Its signed area is too small or 0, so polygon IoU is wrong or 0 / 0 = NaN, and no width, height and angle describe it.",
    ),
    Problem(
        "no-rectangle",
        "the smallest rotated rectangle around the quadrilateral has more than 1.1 times its area",
        "Trained as that rectangle, a prediction that fits the quadrilateral has an IoU below 1 / 1.1 with it: its loss stays above 0.09.",
    ),
)

PROBLEMS = {problem.name: problem for problem in _ALL}
"""By name, in the order of reports."""
