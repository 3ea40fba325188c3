"""What numbers after a class can be: a box in its image, a box and its keypoints, a polygon."""

from __future__ import annotations

from typing import Tuple

from .yolo_kinds import Numbers, are_fractions, are_pixels, is_confidence, is_tail

_NEAR = 0.02
"""How far beyond its image a box, or beyond its box a keypoint may lie, for a line to be taken for a pose."""


def is_box_inside(numbers: Numbers) -> bool:
    x, y, w, h = numbers[:4]
    low = -_NEAR
    if are_pixels(numbers):
        return w >= 0 and h >= 0 and low <= x - w / 2 and low <= y - h / 2
    high = 1 + _NEAR
    return w >= 0 and h >= 0 and low <= x - w / 2 and x + w / 2 <= high and low <= y - h / 2 and y + h / 2 <= high


def _are_points_in_box(numbers: Numbers, points: Numbers, step: int) -> bool:
    """Whether points lie in the box before them, as keypoints do; those that are not labelled are 0, 0."""
    x, y, w, h = numbers[:4]
    near = _NEAR * (max(x, y) if are_pixels(numbers) else 1)
    return all(
        (px == 0 and py == 0) or (abs(px - x) <= w / 2 * 1.2 + near and abs(py - y) <= h / 2 * 1.2 + near)
        for px, py in zip(points[0::step], points[1::step])
    )


def visibility_flags(numbers: Numbers) -> int:
    """How many visibility flags follow a box; 0 if not every third number after it is one."""
    rest = numbers[4:]
    return len(rest) // 3 if len(rest) % 3 == 0 and all(flag in (0, 1, 2) for flag in rest[2::3]) else 0


def is_flagged(numbers: Numbers) -> bool:
    """Whether numbers are a box and points with visibility flags."""
    return visibility_flags(numbers) > 0 and (are_fractions(numbers[:4]) or are_pixels(numbers))


def is_pose(numbers: Numbers) -> bool:
    """Whether numbers are a box and points in it: pairs, or each with a flag or its confidence; and perhaps those of the box."""
    if not is_box_inside(numbers):
        return False
    for tail in range(3):
        points, end = numbers[4 : len(numbers) - tail], numbers[len(numbers) - tail :]
        for step in (2, 3):
            thirds = all(one in (0, 1, 2) or is_confidence(one) for one in points[2::3]) if step == 3 else True
            if points and len(points) % step == 0 and thirds and is_tail(end) and _are_points_in_box(numbers, points, step):
                return True
    return False


def is_polygon(numbers: Numbers, tail: int) -> bool:
    """Whether numbers are the corners of a polygon, and a tail of this length."""
    body, end = numbers[: len(numbers) - tail], numbers[len(numbers) - tail :]
    return len(body) >= 6 and len(body) % 2 == 0 and (are_fractions(body) or are_pixels(body)) and is_tail(end)


def is_parallelogram(numbers: Numbers) -> bool:
    if len(numbers) != 8:
        return False
    x1, y1, x2, y2, x3, y3, x4, y4 = numbers
    near = 2e-3 * max(1.0, *map(abs, numbers))
    area = (x2 - x1) * (y4 - y1) - (y2 - y1) * (x4 - x1)
    return abs(x1 + x3 - x2 - x4) < near and abs(y1 + y3 - y2 - y4) < near and area != 0


def crosses(numbers: Numbers) -> bool:
    """Whether the sides of a polygon cross, touch or fold back, as they do if the numbers are no corners."""
    points = list(zip(numbers[0::2], numbers[1::2]))
    points = [point for point, before in zip(points, [points[-1], *points]) if point != before]
    sides = list(zip(points, [*points[1:], *points[:1]]))
    if len(sides) < 3:
        return True
    for index, (a, b) in enumerate(sides):
        c = sides[(index + 1) % len(sides)][1]
        if _turn(a, b, c) == 0 and (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1]) < 0:
            return True  # the next side folds back onto this one
        for other, (p, q) in enumerate(sides[index + 2 :], index + 2):
            if (other + 1) % len(sides) != index and _meet(a, b, p, q):
                return True
    return False


Point = Tuple[float, float]


def _turn(a: Point, b: Point, c: Point) -> float:
    turn = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return 0.0 if abs(turn) < 1e-12 else turn


def _meet(a: Point, b: Point, p: Point, q: Point) -> bool:
    """Whether two sides have a point in common."""
    if max(a[0], b[0]) < min(p[0], q[0]) or max(p[0], q[0]) < min(a[0], b[0]):
        return False
    if max(a[1], b[1]) < min(p[1], q[1]) or max(p[1], q[1]) < min(a[1], b[1]):
        return False
    return _turn(a, b, p) * _turn(a, b, q) <= 0 and _turn(p, q, a) * _turn(p, q, b) <= 0
