"""The images of the experiment: filled shapes and crops of a photo on a noisy ground, turned, and cut at the border, as augmentation leaves them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import boxgrad
import numpy as np

SIZE = 64
CLASSES = ("rectangle", "ellipse", "photo")
ANGLE = "degrees-cw"
PHOTO = Path(__file__).resolve().parents[1] / "data/astronaut.png"
SMALLEST = 8.0
"""A truth with a shorter side is too small to be found: its object is not drawn."""


@dataclass(frozen=True)
class Sample:
    image: np.ndarray  # (1, SIZE, SIZE), float32
    boxes: np.ndarray  # (M, 4), float32: upright, and inside the image
    labels: np.ndarray  # (M,), int64: the index of the class


def truth_of(rotated: np.ndarray) -> np.ndarray:
    """What augmentation makes of a rotated box's label: the upright box around it, limited to the image."""
    return boxgrad.clip_boxes_to_image(boxgrad.convert_rotated_boxes(rotated, ANGLE, "bounds"), (SIZE, SIZE))


def load_photo() -> np.ndarray:
    import matplotlib.image

    return matplotlib.image.imread(PHOTO)[..., :3].mean(axis=-1).astype(np.float32)


def paint(image: np.ndarray, rotated: np.ndarray, label: int, photo: np.ndarray, random: np.random.Generator) -> None:
    cx, cy, w, h, degrees = rotated
    # Each pixel's centre, seen from the object: turned back, in halves of its sides.
    y, x = np.mgrid[0.5:SIZE, 0.5:SIZE]
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    u, v = (cos * (x - cx) + sin * (y - cy)) / (w / 2), (cos * (y - cy) - sin * (x - cx)) / (h / 2)
    inside = u**2 + v**2 <= 1 if CLASSES[label] == "ellipse" else np.maximum(abs(u), abs(v)) <= 1
    if CLASSES[label] == "photo":
        top, left = random.integers(0, 300, 2)
        rows, columns = (top + 96 * (1 + v[inside])).astype(int), (left + 96 * (1 + u[inside])).astype(int)
        image[inside] = photo[rows, columns]
    else:
        image[inside] = random.uniform(0.6, 1.0) if random.random() < 0.5 else random.uniform(0.0, 0.3)


def make(random: np.random.Generator, photo: np.ndarray) -> Sample:
    """One image with one to three objects, whose truths overlap little: no IoU is above 0.1."""
    image = (0.45 + 0.08 * random.standard_normal((SIZE, SIZE))).astype(np.float32)
    boxes, labels = np.zeros((0, 4), np.float32), []
    wanted = random.integers(1, 4)
    while len(labels) < wanted:
        side, ratio = random.uniform(14, 28), random.uniform(0.6, 1.6)
        centre = random.uniform(4, SIZE - 4, 2)
        rotated = np.array([[*centre, side * np.sqrt(ratio), side / np.sqrt(ratio), random.uniform(-45, 45)]], np.float32)
        truth = truth_of(rotated)
        if not len(boxgrad.remove_small_boxes(truth, SMALLEST)) or (boxgrad.box_iou(truth, boxes) > 0.1).any():
            if random.random() < 0.02:  # of an image that is full
                wanted = max(1, len(labels))
            continue
        labels.append(int(random.integers(len(CLASSES))))
        paint(image, rotated[0], labels[-1], photo, random)
        boxes = np.concatenate([boxes, truth])
    return Sample(image[None] - 0.45, boxes, np.array(labels))


def make_all(seed: int, count: int) -> list[Sample]:
    random, photo = np.random.default_rng(seed), load_photo()
    return [make(random, photo) for _ in range(count)]
