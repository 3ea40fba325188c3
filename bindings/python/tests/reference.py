"""The formulas of include/boxgrad.h with 40 digits, and their exact gradients by reverse-mode differentiation.

This is what decides when two libraries disagree. It is written from the definitions, for clarity: every number is a column, which has
one entry for each row of boxes. A formula returns, for each of its outputs, the signed terms whose sum is that output: the terms'
largest magnitude is what the promised accuracy of the output is relative to. A term of a gradient is the product of the partial
derivatives along one way from such a term back to the coordinate.
"""

import functools
import itertools

import gmpy2
import mpmath
import numpy as np

mp = mpmath.MPContext()
mp.dps = 40
gmpy2.get_context().precision = 160  # bits: 48 digits


def column_function(by_gmpy2, by_mpmath):
    return np.frompyfunc(lambda x: by_gmpy2(x) if isinstance(x, gmpy2.mpfr) else by_mpmath(x), 1, 1)


exp_of = column_function(gmpy2.exp, mp.exp)
log_of = column_function(gmpy2.log, mp.log)
expm1_of = column_function(gmpy2.expm1, mp.expm1)
log1p_of = column_function(gmpy2.log1p, mp.log1p)
atan_of = column_function(gmpy2.atan, mp.atan)
sin_of = column_function(gmpy2.sin, mp.sin)
cos_of = column_function(gmpy2.cos, mp.cos)
floor_of = column_function(gmpy2.floor, mp.floor)
sqrt_of = column_function(gmpy2.sqrt, mp.sqrt)
pi_like = column_function(lambda x: gmpy2.const_pi(), lambda x: +mp.pi)


class Real:
    """A column that remembers its operands with the partial derivative by each, and its size: its own magnitude, or a larger one
    if it is a sum that may cancel. A partial derivative has a size, too."""

    __slots__ = ("margin", "operands", "size", "value")

    def __init__(self, value, *operands, size=None, margin=None):
        self.value = np.asarray(value, object)
        self.size = abs(self.value) if size is None else size
        self.operands = [(operand, partial, abs(partial) if not size else size[0]) for operand, partial, *size in operands]
        self.margin = margin

    def __add__(self, other):
        other = real(other)
        return Real(self.value + other.value, (self, 1), (other, 1))

    def __mul__(self, other):
        other = real(other)
        size = self.size * other.size
        return Real(self.value * other.value, (self, other.value, other.size), (other, self.value, self.size), size=size)

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -real(other)

    def __rsub__(self, other):
        return real(other) - self

    __radd__, __rmul__ = __add__, __mul__


def real(x):
    return x if isinstance(x, Real) else Real(x)


def constant(x):
    """The same numbers, through which no gradient flows."""
    return Real(x.value, size=x.size)


def where(condition, x, otherwise):
    """x where the condition holds, and a constant elsewhere."""
    return Real(np.where(condition, x.value, otherwise), (x, np.where(condition, 1, 0)), size=np.where(condition, x.size, abs(otherwise)))


def cancelling(x, y):
    """x + y, as large as if they did not cancel."""
    return Real(x.value + y.value, (x, 1), (y, 1), size=x.size + y.size)


def total(terms):
    return sum(terms[1:], terms[0])


def ratio(x, y):
    """x / y; 0 with zero gradient where y is 0, as documented."""
    x, y = real(x), real(y)
    zero = y.value == 0
    divisor = np.where(zero, y.value + 1, y.value)
    inverse = np.where(zero, 0, 1 / divisor)
    quotient, size = x.value * inverse, x.size * abs(inverse)
    return Real(quotient, (x, inverse), (y, -quotient * inverse, size * abs(inverse)), size=size)


def maximum(x, y):
    """A tie splits the derivative in half."""
    to_x = np.where(x.value == y.value, 0.5, np.where(x.value > y.value, 1.0, 0.0))
    return Real(np.where(x.value > y.value, x.value, y.value), (x, to_x), (y, 1 - to_x))


def minimum(x, y):
    return -maximum(-x, -y)


def smaller(x, y):
    """The minimum, with how close the two are, relative to the larger one. The same number twice is no question of rounding."""
    gap = abs(x.value - y.value) / np.where(np.maximum(x.size, y.size) == 0, 1, np.maximum(x.size, y.size))
    least = minimum(x, y)
    return Real(least.value, (least, 1), size=least.size, margin=np.where(gap == 0, 1, gap).astype(float))


def clamp(terms, low=-np.inf, high=np.inf):
    """The clamped sum of the terms, as terms. Passes the derivative at the bounds and stops it beyond."""
    x = total(terms)
    inside = (low <= x.value) & (x.value <= high)
    bound = np.where(x.value > high, high, low)
    clamped = [where(inside, term, 0) for term in terms]
    # How close to a bound the sum lies, relative to its largest term; on the bound it is no question where it lies.
    size = largest(terms)
    gaps = [abs(x.value - limit) / np.where(size == 0, 1, size) for limit in (low, high) if np.isfinite(float(limit))]
    gaps = [np.where(gap == 0, 1, gap).astype(float) for gap in gaps]
    return [*clamped, Real(np.where(inside, 0, bound), (x, 0), margin=np.min(gaps, axis=0) if gaps else None)]


def exp(x):
    power = exp_of(x.value)
    return Real(power, (x, power))


def log(x):
    return Real(log_of(x.value), (x, 1 / x.value))


def log1p(x):
    """log(1 + x), whose digits the sum would lose."""
    return Real(log1p_of(x.value), (x, 1 / (1 + x.value)))


def log_of_ratio(x, y):
    """log(x / y). The quotient is one division, because x / x is then exactly 1 and its logarithm 0; x * (1 / x) would leave noise."""
    quotient = ratio(x, y)
    zero = y.value == 0
    quotient.value = np.where(zero, quotient.value, x.value / np.where(zero, y.value + 1, y.value))
    return log(quotient)


def power(x, p, least=0):
    """x^p, negative x being 0; with p < 1 the derivative where x is below `least` is that at `least`."""
    positive = x.value > 0
    base = np.where(positive, x.value, 1 + 0 * x.value)
    if p < 1:
        at = np.where(x.value > least, base, least)
        slope = p * at ** (p - 1)
    else:
        slope = np.where(positive, p * base ** (p - 1), 1 if p == 1 else 0)
    largest_slope = abs(slope) if p < 1 else p * x.size ** (p - 1)
    return Real(np.where(positive, base**p, 0), (x, slope, largest_slope))


def root(x):
    """The square root, with derivative 0 at 0."""
    value = sqrt_of(x.value)
    return Real(value, (x, np.where(value == 0, 0, 0.5 / np.where(value == 0, 1, value))), size=sqrt_of(x.size))


def absolute(x):
    """|x|, with derivative 0 at 0."""
    sign = np.where(x.value > 0, 1, np.where(x.value < 0, -1, 0))
    gap = np.where(x.value == 0, 1, abs(x.value) / np.where(x.size == 0, 1, x.size)).astype(float)
    return Real(abs(x.value), (x, sign), size=x.size, margin=gap)  # relative to its size, how close x is to 0


def atan_ratio(w, h):
    """atan(w / h): +-pi/2 for h = 0 and 0 for w = h = 0, with a finite derivative everywhere."""
    square = w.value * w.value + h.value * h.value
    flat = h.value == 0
    sign = np.where(w.value > 0, 1, np.where(w.value < 0, -1, 0))
    angle = np.where(flat, sign * (pi_like(square) / 2), atan_of(w.value / np.where(flat, 1 + square, h.value)))
    square = np.where(square == 0, 1 + square, square)
    return Real(angle, (w, h.value / square), (h, -w.value / square))


def largest(terms):
    """The largest magnitude of the terms, row by row."""
    size = terms[0].size
    for term in terms[1:]:
        size = np.where(term.size > size, term.size, size)
    return size


def sides(box):
    return box[2] - box[0], box[3] - box[1]


def center(box):
    return (box[0] + box[2]) * 0.5, (box[1] + box[3]) * 0.5


def between_centers(a, b):
    """On each axis; made of differences of corners, because a box's position is no term."""
    return [cancelling((a[i] - b[i]) * 0.5, (a[i + 2] - b[i + 2]) * 0.5) for i in (0, 1)]


def box_area(box):
    w, h = sides(box)
    return [[w * h]]


def box_convert(box, *, source, target):
    if source == "yxyx":
        return box_convert([box[i] for i in (1, 0, 3, 2)], source="xyxy", target=target)
    if target == "yxyx":
        return [box_convert(box, source=source, target="xyxy")[i] for i in (1, 0, 3, 2)]
    out = []
    for first, second in zip(box[:2], box[2:]):
        size = second - first if source == "xyxy" else second
        low = first - 0.5 * size if source == "cxcywh" else first
        head = [low, 0.5 * size] if target == "cxcywh" else [low]
        tail = [low, size] if target == "xyxy" else [size]
        out.append((head, tail))
    return [head for head, _ in out] + [tail for _, tail in out]


def box_rotate(box, *, degrees, cx, cy):
    """The corners from the top left clockwise."""
    quarters = round(float(degrees) / 90)
    angle = (degrees - 90 * quarters) * pi_like(box[0].value) / 180  # of right angles nothing is left to round
    cosine, sine = cos_of(angle), sin_of(angle)
    for _ in range(quarters % 4):
        cosine, sine = -sine, cosine
    corners = []
    for i, j in (0, 1), (2, 1), (2, 3), (0, 3):
        dx, dy = box[i] - cx, box[j] - cy
        corners += [[real(cx), dx * cosine, dy * sine], [real(cy), dy * cosine, -(dx * sine)]]
    return corners


ANGLES = {"radians-cw": (False, 1), "degrees-ccw": (True, -1), "degrees-cw": (True, 1), "radians-ccw": (False, -1)}
"""By convention, in the order of the codes: whether angles are in degrees, and 1 if they turn clockwise."""


def unit_of(angle, like):
    """The radians of an angle of 1, clockwise on the screen."""
    degrees, sense = ANGLES[angle]
    return pi_like(like) / 180 * sense if degrees else like * 0 + sense


def rotated_convert(box, *, source, target):
    factor = ANGLES[source][1] * ANGLES[target][1]
    if ANGLES[source][0] != ANGLES[target][0]:
        factor = unit_of(source, box[4].value) / unit_of(target, box[4].value)
    return [[x] for x in box[:4]] + [[box[4] * Real(factor + 0 * box[4].value)]]


RANGES = {"oc": (0, 90), "le90": (-90, 90), "le135": (-45, 135)}


def whole_quarters(w, h, x, *, angle, range):
    """By how many quarter turns an angle is moved: the first that lead into the range, with the longer side first where the range wants it."""
    quarter = quarter_of(angle, x)
    low = RANGES[range][0] * quarter / 90
    turns = np.array([int(n) for n in -floor_of((x - low) / quarter)])
    if range == "oc":
        return turns + ((x + turns * quarter) <= low)
    return turns + np.where((turns % 2 == 1) != (h > w), 1, 0)


def quarter_of(angle, like):
    return like * 0 + 90 if ANGLES[angle][0] else pi_like(like) / 2


def rotated_regularize(box, *, angle, range):
    if range == "turn":
        return [*([x] for x in box[:4]), moved([box[4]], angle=angle, range=range)]
    turns = whole_quarters(box[2].value, box[3].value, box[4].value, angle=angle, range=range)
    exchanged = turns % 2 == 1
    return [[box[0]], [box[1]], [chosen(exchanged, box[3], box[2])], [chosen(exchanged, box[2], box[3])], [box[4], Real(turns * quarter_of(angle, box[4].value))]]


def direction(x, angle):
    """The cosine and the sine of an angle, clockwise on the screen. Of right angles in degrees nothing is left to round."""
    unit = unit_of(angle, x.value)
    if ANGLES[angle][0]:
        quarters = floor_of(x.value / 90 + 0.5)
        rest = (x.value - 90 * quarters) * unit
        quarters = np.array([int(q) * ANGLES[angle][1] % 4 for q in quarters])
    else:
        quarters, rest = np.zeros(len(x.value), int), x.value * unit
    c, s = cos_of(rest), sin_of(rest)
    turned = [(c, s), (-s, c), (-c, -s), (s, -c)]
    cosine, sine = (np.choose(quarters, [pair[k] for pair in turned]) for k in (0, 1))
    return Real(cosine, (x, -sine * unit)), Real(sine, (x, cosine * unit))


def arms(box, angle):
    """From the centre of a rotated box to the middle of the right side and of the lower side, before it was turned."""
    cosine, sine = direction(box[4], angle)
    half_w, half_h = box[2] * 0.5, box[3] * 0.5
    return (half_w * cosine, half_w * sine), (-(half_h * sine), half_h * cosine)


def rotated_corners(box, *, angle):
    u, v = arms(box, angle)
    return [[box[axis], u[axis] * i, v[axis] * j] for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1)) for axis in (0, 1)]


def rotated_bounds(box, *, angle):
    u, v = arms(box, angle)
    return [[box[axis], absolute(u[axis]) * sign, absolute(v[axis]) * sign] for sign in (-1, 1) for axis in (0, 1)]


def angle_of(y, x):
    """The angle of the vector (x, y) from -pi, which is none, to pi; 0 of (0, 0), without a derivative."""
    pi, square = pi_like(x.value), x.value * x.value + y.value * y.value
    flat = x.value == 0
    angle = np.where(flat, np.sign(y.value) * (pi / 2), atan_of(y.value / np.where(flat, 1 + square, x.value)))
    angle = angle + np.where(x.value < 0, np.where(y.value < 0, -pi, pi), 0)
    square = np.where(square == 0, 1, square)
    size = np.maximum(abs(angle), (abs(y.value) * x.size + abs(x.value) * y.size) / square)
    return Real(angle, (x, -y.value / square), (y, x.value / square), size=size)


def rotated_from_corners(corners, *, angle):
    """The corners of a parallelogram, or nearly, that has an area if it is asked for the sense in which they run."""
    a, b, c, d = (corners[i : i + 2] for i in range(0, 8, 2))
    u = [cancelling((b[axis] - a[axis]) * 0.5, (c[axis] - d[axis]) * 0.5) for axis in (0, 1)]
    v = [cancelling((d[axis] - a[axis]) * 0.5, (c[axis] - b[axis]) * 0.5) for axis in (0, 1)]
    side = np.where(u[0].value * v[1].value < u[1].value * v[0].value, -1, 1)
    turn = angle_of(cancelling(u[1], -(v[0] * Real(side))), cancelling(u[0], v[1] * Real(side)))
    center = [[x[axis] * 0.25 for x in (a, b, c, d)] for axis in (0, 1)]
    return [*center, *([root(x * x + y * y)] for x, y in (u, v)), [turn * Real(1 / unit_of(angle, turn.value))]]


def rotated_min_area(points, *, angle):
    """The smallest of the rectangles with a side along the line through two of the points, of which every pair is tried; of equal ones that with the smallest
    angle. How close any other is to it, in squares of the points' extent, is the margin, but that of equal ones is not."""
    rows = np.stack([x.value for x in points], axis=1)
    pi, found, margins = pi_like(rows[:, 0]), [], []
    for row, half_turn in zip(rows, pi):
        xy = row.reshape(-1, 2)
        extent = max(abs(xy - xy[0]).ravel())
        choices = []
        for i, j in itertools.combinations(range(len(xy)), 2):
            dx, dy = xy[j] - xy[i]
            while not (dx > 0 and dy >= 0) and (dx, dy) != (0, 0):
                dx, dy = -dy, dx
            if (dx, dy) == (0, 0):
                continue
            length = sqrt_of(dx * dx + dy * dy)
            c, s = dx / length, dy / length
            u, v = xy[:, 0] * c + xy[:, 1] * s, xy[:, 1] * c - xy[:, 0] * s
            width, height, x, y = max(u) - min(u), max(v) - min(v), (max(u) + min(u)) / 2, (max(v) + min(v)) / 2
            turn = atan_of(dy / dx)
            choices.append((width * height, turn, [c * x - s * y, s * x + c * y, width, height, turn]))
        if not choices:
            found.append([*xy[0], 0 * half_turn, 0 * half_turn, 0 * half_turn])
            margins.append(1.0)
            continue
        least = min(choices, key=lambda choice: choice[0])[0]
        equal = [choice for choice in choices if choice[0] - least <= 1e-30 * extent**2]
        _, turn, box = min(equal, key=lambda choice: choice[1])
        others = [float((one[0] - least) / extent**2) for one in choices if one not in equal and abs(one[1] - turn) > 1e-20]
        found.append(box)
        margins.append(min(others, default=1.0))
    size = np.max([abs(x.value) for x in points], axis=0)
    extent = np.max([abs(points[k].value - points[k % 2].value) for k in range(len(points))], axis=0)
    unit = abs(unit_of(angle, pi))
    columns = np.array(found, object).T
    sizes = size, size, extent, extent, pi / 2 / unit
    boxes = [[Real(column, size=one)] for column, one in zip([*columns[:4], columns[4] / unit_of(angle, pi)], sizes)]
    boxes[0][0].margin = np.array(margins)
    return boxes


def clipped(polygon, window):
    """The part of a convex polygon within another, whose points run the same way round (Sutherland and Hodgman)."""
    for (x0, y0), (x1, y1) in zip(window[-1:] + window[:-1], window):
        heights = [(x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) for x, y in polygon]
        kept = []
        for k, ((x, y), height) in enumerate(zip(polygon, heights)):
            (before_x, before_y), before = polygon[k - 1], heights[k - 1]
            if (before < 0) != (height < 0):
                share = before / (before - height)
                kept.append((before_x + share * (x - before_x), before_y + share * (y - before_y)))
            if height >= 0:
                kept.append((x, y))
        polygon = kept
    return polygon


def shared_areas(a, b, angle):
    """The areas that rotated boxes have in common, row by row, of columns of numbers. What has no area is no window to clip to."""
    polygons = []
    for box in (a, b):
        rows = np.stack([total(terms).value for terms in rotated_corners([Real(x) for x in box], angle=angle)], axis=1)
        polygons.append([list(zip(row[::2], row[1::2])) for row in rows])
    areas = []
    for pair in zip(*polygons):
        points = clipped(*pair)
        areas.append(sum((x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(points[-1:] + points[:-1], points)), pair[0][0][0] * 0) / 2)
    return np.where((a[2] > 0) & (a[3] > 0) & (b[2] > 0) & (b[3] > 0), np.array(areas, object), 0)


def rotated_areas(a, b, angle):
    """The areas of both boxes and of their intersection, whose derivatives are central differences of so small a step that they are exact; so
    at a tie they are the means of both sides'. A length is as large as the boxes' extent, an edge's end as the extent over the sine of the
    angle at which edges meet."""
    a, b = ([*box[:2], *(where(side.value > 0, side, 0) for side in box[2:4]), box[4]] for box in (a, b))
    columns = [x.value for x in (*a, *b)]
    area = shared_areas(a=columns[:5], b=columns[5:], angle=angle)
    centers = [columns[k] - columns[5 + k] for k in (0, 1)]
    extent = np.max([columns[2], columns[3], columns[7], columns[8]], axis=0) + abs(centers[0]) + abs(centers[1])
    perimeter = 2 * np.minimum(columns[2] + columns[3], columns[7] + columns[8])
    turn = Real(columns[9] - columns[4])
    between = np.minimum(*(abs(x.value) for x in direction(turn, angle)))
    end = extent / np.where(between == 0, 1, between)
    operands = []
    for k, column in enumerate((*a, *b)):
        unit = abs(unit_of(angle, column.value)) if k % 5 == 4 else 1
        step = (1 / unit if k % 5 == 4 else np.where(extent == 0, 1, extent)) * (column.value * 0 + 1) / 2**50
        low, high = (shared_areas(*split(columns, k, sign * step), angle=angle) for sign in (-1, 1))
        slope = np.where(area > 0, (high - low) / (2 * step), 0)
        operands.append((column, slope, end * (extent * unit if k % 5 == 4 else 1)))
    return total(product(a)), total(product(b)), Real(area, *operands, size=extent * perimeter)


def product(box):
    return [box[2] * box[3]]


def split(columns, k, step):
    """Both boxes, of which one number was moved."""
    moved = [x + step if i == k else x for i, x in enumerate(columns)]
    return moved[:5], moved[5:]


def rotated_overlap(a, b, *, angle, metric="iou", loss="", least_iou=0):
    """The metric, or the loss "linear" or "log" of it."""
    area_a, area_b, inter = rotated_areas(a, b, angle)
    share = ratio(inter, area_a if metric == "iof" else cancelling(area_a, area_b - inter))
    if loss == "linear":
        return [[Real(share.value * 0 + 1), -share]]
    if loss == "log":
        logarithm = log(where(share.value >= least_iou, share, least_iou))
        logarithm.size = np.maximum(logarithm.size, share.size / np.where(share.value >= least_iou, share.value, 1))
        return [[-logarithm]]
    return [[share]]


GAUSSIAN_LOSSES = ("gwd", "kld", "jeffreys", "max", "min", "kfiou", "ln", "exp", "hellinger", "bhattacharyya")
"""In the order of the codes BOXGRAD_GAUSSIAN_*."""


def chosen(condition, x, y):
    """x where the condition holds, and y elsewhere."""
    return Real(np.where(condition, x.value, y.value), (x, np.where(condition, 1, 0)), (y, np.where(condition, 0, 1)), size=np.where(condition, x.size, y.size))


def limited(side):
    """A side of a Gaussian."""
    inside, zero = (side.value >= 1e-7) & (side.value <= 1e7), side.value * 0
    return where(inside, side, zero + np.where(side.value < 1e-7, 1e-7, 1e7))


def gaussian_loss(p, t, *, angle, kind, alpha=1, tau=1, eps=1e-6, fun="log1p", is_root=True, normalized=True):
    """The losses of BOXGRAD_GAUSSIAN_*. The matrices are written with the angle between the boxes, of which one is turned by a quarter turn if that
    makes the angle smaller; test_rotated_gaussian.py compares this with matrices. As large as a sine are the products whose difference it is."""
    (cos_p, sin_p), (cos_t, sin_t) = direction(p[4], angle), direction(t[4], angle)
    cosine, sine = cos_t * cos_p + sin_t * sin_p, cancelling(cos_t * sin_p, -(sin_t * cos_p))
    turned = abs(sine.value) > abs(cosine.value)
    sine = chosen(turned, -cancelling(cos_t * cos_p, sin_t * sin_p), sine)
    cos_t, sin_t = chosen(turned, -sin_t, cos_t), chosen(turned, cos_t, sin_t)
    (w_p, h_p), (w, h) = ([limited(side) for side in box[2:4]] for box in (p, t))
    w_t, h_t = chosen(turned, h, w), chosen(turned, w, h)
    dx, dy = p[0] - t[0], p[1] - t[1]
    frames = [(cancelling(c * dx, s * dy), cancelling(c * dy, -(s * dx))) for c, s in ((cos_p, sin_p), (cos_t, sin_t))]
    a, b, e, f = (side * side for side in (w_p, h_p, w_t, h_t))
    turn = sine * sine * cancelling(a, -b) * cancelling(e, -f)
    determinant = (a + e) * (b + f) + turn
    one = Real(a.value * 0 + 1)

    def divergence(frame, a, b, e, f):
        """KLD of matrices with the axes a, b and e, f."""
        distance = cancelling(ratio(frame[0] * frame[0], a), ratio(frame[1] * frame[1], b)) * (2 / (alpha * alpha))
        growths = [ratio(x - y, y) for x, y in ((e, a), (f, b))]
        shape = total([growth - log1p(growth) for growth in growths]) * 0.5
        return cancelling(cancelling(distance, shape), ratio(turn, a * b) * 0.5)

    if kind in ("gwd", "kld", "jeffreys", "max", "min"):
        if kind == "gwd":
            parallel = w_p * w_t + h_p * h_t
            lost = ratio(turn * 2, parallel + root(parallel * parallel - turn))
            shape = cancelling((w_p - w_t) * (w_p - w_t) + (h_p - h_t) * (h_p - h_t), lost)
            distance = cancelling(dx * dx + dy * dy, shape * (alpha * alpha / 4))
            if normalized:
                distance = ratio(distance, root(w_p * h_p * w_t * h_t))
        else:
            there, back = divergence(frames[0], a, b, e, f), divergence(frames[1], e, f, a, b)
            one_of_both = {"kld": lambda: there, "jeffreys": lambda: cancelling(there, back) * 0.5, "max": lambda: maximum(there, back), "min": lambda: minimum(there, back)}
            distance = one_of_both[kind]()
            if kind in ("max", "min"):
                distance.size = np.maximum(there.size, back.size)
                # A tie is decided by rounding.
                distance.margin = (abs(there.value - back.value) / np.where(distance.size == 0, 1, distance.size)).astype(float)
        if kind == "gwd" or is_root:
            distance = root(distance)
        if fun == "sqrt":
            size = distance.size
            distance = root(distance)
            # A root of a root is steep even for what rounding leaves of equal angles.
            distance.size = np.maximum(distance.value, size / np.where(distance.value == 0, 1, 2 * distance.value))
        elif fun == "log1p":
            size = distance.size
            distance = log1p(distance)
            distance.size = np.maximum(abs(distance.value), size / (1 + abs(distance.value)))
        if tau < 1:
            return [[distance]]
        rest = -ratio(one, distance + tau)
        rest.size = np.maximum(rest.size, distance.size * rest.value * rest.value)
        return [[one, rest]]
    if kind in ("kfiou", "ln", "exp"):
        inter = ratio(w_p * h_p * w_t * h_t, root(determinant))
        share = ratio(inter, w_p * h_p + w_t * h_t - inter + eps)
        if kind == "ln":
            return [[-log(share + eps)]]
        return [[one, -share]] if kind == "kfiou" else [[exp(one - share), -one]]
    along = [term for (u, v), x, y in ((frames[0], a, b), (frames[1], e, f)) for term in (y * u * u, x * v * v)]
    along = functools.reduce(cancelling, along)
    unlike = [ratio((x - y) * (x - y), x * y * 2) for x, y in ((w_p, w_t), (h_p, h_t))]
    growth = cancelling(unlike[0] + unlike[1] + unlike[0] * unlike[1], ratio(turn, w_p * h_p * w_t * h_t * 4))
    logarithm = log1p(growth)
    logarithm.size = np.maximum(logarithm.size, growth.size / (1 + growth.value))
    distance = cancelling(ratio(along, determinant) * 3, logarithm * 0.5)
    if kind == "bhattacharyya":
        return [[distance]]
    kept = exp_of(-distance.value)
    left = -expm1_of(-distance.value)
    # The distance was rounded before the exponential was taken.
    left = Real(left, (distance, kept, kept * np.maximum(1, distance.size)), size=abs(left) + kept * distance.size)
    return [[root(left)]]


def overlap_areas(a, b, *, loss=False):
    """The areas of both boxes and of their intersection: the terms of the union."""
    iw = minimum(a[2], b[2]) - maximum(a[0], b[0])
    ih = minimum(a[3], b[3]) - maximum(a[1], b[1])
    if loss:
        inter = where((iw.value > 0) & (ih.value > 0), iw * ih, 0)
    else:
        inter = where(iw.value >= 0, iw, 0) * where(ih.value >= 0, ih, 0)
    return total(box_area(a)[0]), total(box_area(b)[0]), inter


def union(a, b):
    area_a, area_b, inter = overlap_areas(a, b)
    return [[area_a, area_b, -inter]]


def overlap(a, b, *, metric, eps=0, loss=False):
    """The metric, or with loss=True the loss 1 - metric with its own guards."""
    guard = eps if loss else 0
    area_a, area_b, inter = overlap_areas(a, b, loss=loss)
    if metric == "iof":
        return [[ratio(inter, area_a)]]
    if metric == "ios":
        return [[ratio(inter, smaller(area_a, area_b))]]
    cw = maximum(a[2], b[2]) - minimum(a[0], b[0])
    ch = maximum(a[3], b[3]) - minimum(a[1], b[1])
    if not loss:
        cw, ch = where(cw.value >= 0, cw, 0), where(ch.value >= 0, ch, 0)
    iou = ratio(inter, area_a + area_b - inter + guard)
    terms = [iou]
    if metric == "giou":  # (enclosing - union) / enclosing = 1 - union / enclosing
        enclosing = cw * ch + guard
        terms += [ratio(part, enclosing) for part in (area_a, area_b, -inter, real(guard))]
        terms.append(Real(np.where(enclosing.value == 0, 0, -1)))
    if metric in ("diou", "ciou"):
        dx, dy = between_centers(a, b)
        diagonal = cw * cw + ch * ch + eps
        terms += [-ratio(dx * dx, diagonal), -ratio(dy * dy, diagonal)]
    if metric == "ciou":
        turn = cancelling(atan_ratio(*sides(b)), -atan_ratio(*sides(a)))
        v = turn * turn * (4 / pi_like(turn.value) ** 2)
        alpha = Real(ratio(v, 1 - iou + v + eps).value)  # a constant for the gradient
        terms.append(-(alpha * v))
    return [[Real(1)] + [-term for term in terms]] if loss else [terms]


def scaled_overlap(p, t, scale, eps):
    """IoU of both boxes after they were scaled about their centres."""
    spans, gaps = [], []
    for axis, shift in enumerate(between_centers(p, t)):
        (w_p, w_t), (low_p, high_p, low_t, high_t) = (sides(box)[axis] * scale for box in (p, t)), (
            center(box)[axis] + sides(box)[axis] * (sign * scale / 2) for box in (p, t) for sign in (-1, 1)
        )
        span = minimum(high_p, high_t) - maximum(low_p, low_t)
        within = (span.value == w_p.value) | (span.value == w_t.value)
        reach = abs(w_p.value) + abs(w_t.value) + abs(shift.value)
        span.size = np.where(within, span.size, reach * (1 + 1 / scale))  # it is a sum of lengths that may cancel
        spans.append(span)
        for gap in (low_p - low_t, high_p - high_t, span):  # signs that are asked of rounded numbers
            close = abs(gap.value) / np.where(reach == 0, 1, reach)
            gaps.append(np.where(close == 0, 1, close).astype(float))
    inter = where((spans[0].value > 0) & (spans[1].value > 0), spans[0] * spans[1], 0)
    area_p, area_t = (total(box_area(box)[0]) * (scale * scale) for box in (p, t))
    iou = ratio(inter, area_p + area_t - inter + eps)
    iou.margin = np.min(gaps, axis=0)
    return iou


def box_loss(p, t, *, kind, eps=0, alpha=1, gamma=0, inner_ratio=1, theta=4, size=None, least_iou=0, unit=1, beta=1):
    """The losses of BOXGRAD_LOSS_*. size is (height, width)."""
    (w_p, h_p), (w_t, h_t) = sides(p), sides(t)
    zero = w_p.value * 0
    shifts, differences = between_centers(p, t), (cancelling(w_p, -w_t), cancelling(h_p, -h_t))
    around = maximum(p[2], t[2]) - minimum(p[0], t[0]), maximum(p[3], t[3]) - minimum(p[1], t[1])
    one, iou = overlap(p, t, metric="iou", eps=eps, loss=True)[0][0], -overlap(p, t, metric="iou", eps=eps, loss=True)[0][1]
    squared_shift = total([shift * shift for shift in shifts])
    diagonal = total([side * side for side in around]) + eps
    if kind in ("iou", "giou", "diou", "ciou"):
        penalties = overlap(p, t, metric=kind, eps=eps, loss=True)[0][2:]
        if alpha == 1:
            terms = [one, -iou, *penalties]
        else:
            terms = [one, -power(iou, alpha, 1e-6)] + ([power(functools.reduce(cancelling, penalties), alpha, 1e-6)] if penalties else [])
    elif kind == "eiou":
        terms = [one, -iou, ratio(squared_shift, diagonal)]
        terms += [ratio(d * d, side * side + eps) for d, side in zip(differences, around)]
    elif kind == "siou":
        (dx, dy), longest = map(absolute, shifts), (maximum(w_p, w_t), maximum(h_p, h_t))
        g = 2 - ratio(2 * dx * dy, squared_shift + eps)
        terms = [one, -iou]
        for shift, side, d, long in zip(shifts, around, differences, longest):
            part = ratio(shift, side + eps)
            terms += [real(one.value / 2), -0.5 * exp(-(g * part * part))]
            long = long + eps
            inside = where(long.value > 0, ratio(absolute(d), long), zero)
            terms.append(0.5 * power(cancelling(one, -exp(-inside)), theta))
    elif kind == "wiou":
        exponent = ratio(squared_shift, constant(diagonal))
        terms = [exp(where(exponent.value <= 2, exponent, zero + 2)) * cancelling(one, -iou)]
    elif kind == "mpdiou":
        square = size[0] * size[0] + size[1] * size[1]
        terms = [one, -iou] + [ratio((a - b) * (a - b), square) for a, b in zip(p, t)]
    elif kind == "log_iou":
        logarithm = log(where(iou.value >= least_iou, iou, least_iou))
        logarithm.size = np.maximum(logarithm.size, 1)  # the quotient was rounded
        terms = [-logarithm]
    elif kind == "bounded_iou":
        terms = []
        for shift, (a, b) in zip(shifts, ((w_p, w_t), (h_p, h_t))):
            overlaps = ratio(cancelling(b, -2 * absolute(shift)), b + 2 * absolute(shift) + eps)
            close = abs(overlaps.value) / np.maximum(1, overlaps.size)
            overlaps.margin = np.where(close == 0, 1, close).astype(float)
            smaller = minimum(ratio(b, a + eps), ratio(a, b + eps))
            for x in (cancelling(one, -maximum(overlaps, Real(zero))), cancelling(one, -smaller)):
                near = x.value < beta
                terms += [where(near, x * x * (0.5 / beta), zero), where(~near, x, zero), where(~near, Real(zero - beta / 2), zero)]
    else:
        square = squared_shift + total([d * d for d in differences]) * 0.25
        exponent = -ratio(root(square), unit)
        kept = exp(exponent)
        kept.size = kept.value * np.maximum(1, exponent.size)  # the exponent was rounded
        kept.operands = [(exponent, kept.value, kept.size)]
        terms = [one, -kept]
    if inner_ratio != 1:
        terms += [iou, -scaled_overlap(p, t, inner_ratio, eps)]
    if gamma:
        terms = [term * constant(power(iou, gamma, 1e-6)) for term in terms]
    return [terms]


def lowered(kept, box, score, *, sigma=None):
    """The score of a box that overlaps one that was kept, and what it loses to it: linearly, or by a Gaussian."""
    return lowered_by([total(overlap(kept, box, metric="iou")[0])], score, sigma=sigma)


def lowered_by(iou, score, *, sigma=None):
    """The same by the overlap."""
    loss = iou[0] if sigma is None else 1 - exp(-ratio(iou[0] * iou[0], sigma))
    return [[score[0], -(loss * score[0])]]


def smooth_l1(prediction, target, inside=None, outside=None, *, sigma):
    """The weights are columns of arguments like the prediction."""
    square = sigma * sigma
    elements = []
    for i, (p, t) in enumerate(zip(prediction, target)):
        d = p - t if inside is None else constant(inside[i]) * (p - t)
        sign = np.where(d.value > 0, 1, np.where(d.value < 0, -1, 0))
        quadratic = abs(d.value) < 1 / square
        weight = 1 if outside is None else constant(outside[i])
        finite = square if np.isfinite(float(square)) else 0
        parabola, line = d * d * (finite / 2), d * Real(sign) - 1 / (2 * square)
        elements.append([where(quadratic, parabola, 0) * weight, where(~quadratic, line, 0) * weight])
    return elements


def balanced_l1(prediction, target, inside=None, outside=None, *, alpha, gamma, beta):
    """The weights are columns of arguments like the prediction."""
    b = exp_of(gamma / alpha) - 1
    elements = []
    for i, (p, t) in enumerate(zip(prediction, target)):
        d = p - t if inside is None else constant(inside[i]) * (p - t)
        size = d * Real(np.where(d.value > 0, 1, np.where(d.value < 0, -1, 0)))
        near = size.value < beta
        weight = 1 if outside is None else constant(outside[i])
        logarithm = log1p(size * (b / beta))
        curve = [size * logarithm * alpha, logarithm * (alpha / b), size * -alpha]
        line = [size * gamma, real(gamma / b), real(-alpha * beta)]
        elements.append([where(near, x, 0) * weight for x in curve] + [where(~near, x, 0) * weight for x in line])
    return elements


def exponentials(logits):
    """Of the differences from the largest logit of each row, and these differences."""
    most = logits[0].value
    for logit in logits[1:]:
        most = np.where(logit.value > most, logit.value, most)
    below = [logit - Real(most) for logit in logits]
    return [exp(x) for x in below], below


def distribution_focal(logits, target, weights=None, *, last):
    """The target is one column, as are the weights; last is the upper clamp of the target."""
    powers, below = exponentials(logits)
    y = total(clamp(target, 0, last))
    lower = floor_of(y.value + logits[0].value * 0)
    at = [total([where(lower + shift == k, x, 0) for k, x in enumerate(below)]) for shift in (0, 1)]
    shares = Real(lower + 1) - y, y - Real(lower)
    weight = 1 if weights is None else constant(weights[0])
    one = Real(lower * 0, size=lower * 0 + 1)
    return [[x * weight for x in (one, log(total(powers)), *(-(share * x) for share, x in zip(shares, at)))]]


def distribution_decode(logits):
    powers, _ = exponentials(logits)
    one = Real(powers[0].value * 0, size=powers[0].value * 0 + 1)
    return [[one, *(ratio(power * k, total(powers)) for k, power in enumerate(powers))]]


def encode(proposal, target, *, means=(0,) * 4, stds=(1,) * 4):
    shifts, sizes = between_centers(target, proposal), sides(proposal)
    deltas = [ratio(shift, size) for shift, size in zip(shifts, sizes)]
    deltas += [log_of_ratio(to, size) for to, size in zip(sides(target), sizes)]
    return [[ratio(d, s), ratio(-m, s)] for d, m, s in zip(deltas, means, stds)]


def decode(proposal, deltas, *, means=(0,) * 4, stds=(1,) * 4, log_ratio=(-np.inf, np.inf), center_clamp=np.inf, size=None):
    """size is (height, width), like max_shape; deltas holds one group of four or several."""
    outputs = []
    for group in range(0, len(deltas), 4):
        dx, dy, dw, dh = ([d * s, real(m)] for d, m, s in zip(deltas[group:], means, stds))
        low, high = [], []
        for axis, side, shift, stretch in zip((0, 1), sides(proposal), (dx, dy), (dw, dh)):
            corners = [proposal[axis] * 0.5, proposal[axis + 2] * 0.5]
            moved = clamp([d * side for d in shift], -center_clamp, center_clamp)
            half = exp(total(clamp(stretch, *log_ratio))) * side * 0.5
            low.append([*corners, *moved, -half])
            high.append([*corners, *moved, half])
        outputs += low + high
    if size is None:
        return outputs
    return [clamp(terms, 0, bound) for terms, bound in zip(outputs, size[::-1] * (len(outputs) // 2))]


def close(x, y, size):
    """How close two numbers are, relative to a size; equal ones are no question of rounding."""
    gap = abs(x - y)
    return np.where(gap == 0, 1, gap / np.where(size == 0, 1, size)).astype(float)


MOVED = {"turn": (-2, 4), "le90": (-1, 2), "le135": (-0.5, 2)}
"""Where the range of a turn begins, and how wide it is, in quarter turns. Others are as they are."""


def moved(terms, *, angle, range):
    """The terms of an angle, and the whole turns or half turns by which it is moved into the range."""
    if range not in MOVED:
        return terms
    x = total(terms)
    low, width = (bound * quarter_of(angle, x.value) for bound in MOVED[range])
    turns = np.array([int(n) for n in floor_of((x.value - low) / width)])
    end = low + turns * width
    margin = np.minimum(*(close(x.value, bound, largest(terms)) for bound in (end, end + width)))
    return [*terms, Real(-turns * width, (x, 0), margin=margin)]


def along(box, angle, proj_xy):
    zero = box[0].value * 0
    return direction(box[4], angle) if proj_xy else (Real(zero + 1), Real(zero))


def rotated_encode(proposal, target, *, angle, range="turn", norm_factor=0, edge_swap=False, proj_xy=False, means=(0,) * 5, stds=(1,) * 5):
    (x, y), (c, s) = (target[axis] - proposal[axis] for axis in (0, 1)), along(proposal, angle, proj_xy)
    difference, w, h = target[4] - proposal[4], target[2], target[3]
    turn = moved([difference], angle=angle, range=range)
    if edge_swap:
        other = moved([difference, Real(quarter_of(angle, difference.value))], angle=angle, range=range)
        first, second = abs(total(turn).value), abs(total(other).value)
        stays = first < second
        margin = Real(first * 0, (total(turn), 0), (total(other), 0), margin=close(first, second, largest([*turn, *other])))
        w, h = chosen(stays, w, h), chosen(stays, h, w)
        turn = [*(where(stays, term, 0) for term in turn), *(where(~stays, term, 0) for term in other), margin]
    unit = abs(unit_of(angle, x.value)) / (norm_factor * pi_like(x.value) if norm_factor else 1)
    deltas = [[ratio(c * x, proposal[2]), ratio(s * y, proposal[2])], [ratio(c * y, proposal[3]), ratio(-(s * x), proposal[3])],
              [log_of_ratio(w, proposal[2])], [log_of_ratio(h, proposal[3])], [term * Real(unit) for term in turn]]  # fmt: skip
    return [[*(ratio(d, std) for d in terms), ratio(-mean, std)] for terms, mean, std in zip(deltas, means, stds)]


def rotated_decode(
    proposal, deltas, *, angle, range="turn", norm_factor=0, edge_swap=False, proj_xy=False, means=(0,) * 5, stds=(1,) * 5,
    log_ratio=(-np.inf, np.inf), center_clamp=np.inf, size=None,
):  # fmt: skip
    dx, dy, dw, dh, da = ([d * s, real(m)] for d, m, s in zip(deltas, means, stds))
    c, s = along(proposal, angle, proj_xy)
    u, v = (clamp([d * side for d in shift], -center_clamp, center_clamp) for shift, side in ((dx, proposal[2]), (dy, proposal[3])))
    centers = [[proposal[0], *(c * d for d in u), *(-(s * d) for d in v)], [proposal[1], *(s * d for d in u), *(c * d for d in v)]]
    if size is not None:
        centers = [clamp(terms, 0, max(bound - 1, 0)) for terms, bound in zip(centers, size[::-1])]
    w, h = (exp(total(clamp(stretch, *log_ratio))) * side for stretch, side in ((dw, proposal[2]), (dh, proposal[3])))
    zero = w.value * 0
    radians = norm_factor * pi_like(zero) if norm_factor else zero + 1
    angles = [proposal[4], *(d * Real(radians / abs(unit_of(angle, zero))) for d in da)]
    if edge_swap:
        stays = w.value > h.value
        quarter = Real(np.where(stays, 0, quarter_of(angle, zero)), (w, 0), margin=close(w.value, h.value, np.maximum(abs(w.value), abs(h.value))))
        w, h, angles = chosen(stays, w, h), chosen(stays, h, w), [*angles, quarter]
    return [*centers, [w], [h], moved(angles, angle=angle, range=range)]


def outermost(u, v, first, along, sign, tolerance):
    """The signs of u and of v that lead to the corner furthest along an axis, of those that are nearly furthest along the first one; and how sure."""
    corners = [(1, 1), (-1, 1), (1, -1), (-1, -1)]
    reach, places = ([i * u[axis].value + j * v[axis].value for i, j in corners] for axis in (first, along))
    most, sizes = np.max([sign * r for r in reach], axis=0), [abs(u[axis].value) + abs(v[axis].value) for axis in (first, along)]
    candidates = np.array([np.where(most - sign * r <= tolerance, p, -np.inf) for r, p in zip(reach, places)])
    best = np.argmax(candidates, axis=0)
    margin = np.min([close(most - sign * r, tolerance, np.maximum(sizes[0], abs(tolerance))) for r in reach], axis=0)
    for k in range(4):
        margin = np.where(k == best, margin, np.minimum(margin, close(np.max(candidates, axis=0), candidates[k], sizes[1])))
    return *(Real(np.choose(best, [corner[k] for corner in corners])) for k in (0, 1)), margin


def midpoint_encode(proposal, target, *, angle, means=(0,) * 6, stds=(1,) * 6, corner_tolerance=0.1):
    u, v = arms(target, angle)
    deltas = []
    for axis, side in zip((0, 1), sides(proposal)):
        deltas.append([ratio((target[axis] - proposal[axis]) * 0.5, side), ratio((target[axis] - proposal[axis + 2]) * 0.5, side)])
    lengths = [(absolute(u[axis]) + absolute(v[axis])) * 2 for axis in (0, 1)]
    deltas += [[log_of_ratio(length, side)] for length, side in zip(lengths, sides(proposal))]
    for first, other, sign in ((1, 0, -1), (0, 1, 1)):
        i, j, margin = outermost(u, v, first, other, sign, corner_tolerance)
        deltas.append([ratio(i * u[other], lengths[other]), ratio(j * v[other], lengths[other]), Real(margin * 0, (u[0], 0), margin=margin)])
    return [[*(ratio(d, std) for d in terms), ratio(-mean, std)] for terms, mean, std in zip(deltas, means, stds)]


def midpoint_decode(proposal, deltas, *, angle, range="le90", means=(0,) * 6, stds=(1,) * 6, log_ratio=(-np.inf, np.inf)):
    dx, dy, dw, dh, da, db = ([d * s, real(m)] for d, m, s in zip(deltas, means, stds))
    centers, lengths = [], []
    for axis, side, shift, stretch in zip((0, 1), sides(proposal), (dx, dy), (dw, dh)):
        centers.append([proposal[axis] * 0.5, proposal[axis + 2] * 0.5, *(d * side for d in shift)])
        lengths.append(exp(total(clamp(stretch, *log_ratio))) * side)
    a, b = (total(clamp(offset, -0.5, 0.5)) for offset in (da, db))
    top, right = (a * lengths[0], lengths[1] * -0.5), (lengths[0] * 0.5, b * lengths[1])
    of_top, of_right = (root(x * x + y * y) for x, y in (top, right))
    longer = maximum(of_top, of_right)
    top, right = ([x * ratio(longer, length) for x in corner] for corner, length in ((top, of_top), (right, of_right)))
    first, second = ([cancelling(r * sign, -t) for r, t in zip(right, top)] for sign in (1, -1))
    side = Real(np.where(top[0].value * right[1].value < top[1].value * right[0].value, -1, 1))
    w, h = (root(cancelling(x * x, y * y)) for x, y in (first, second))
    # Of equal diagonals rounding decides which is longer, and of a line what its direction is.
    small = np.minimum(np.minimum(w.value, h.value), abs(of_top.value - of_right.value))
    longer.margin = np.where(longer.value == 0, 0, small / np.where(longer.value == 0, 1, longer.value)).astype(float)
    turn = angle_of(cancelling(first[1], -(second[0] * side)), cancelling(first[0], second[1] * side))
    turn = turn * Real(1 / unit_of(angle, turn.value))
    quarter = quarter_of(angle, turn.value)
    if range == "turn":
        return [*centers, [w], [h], moved([turn], angle=angle, range=range)]
    turns = whole_quarters(w.value, h.value, turn.value, angle=angle, range=range)
    eighths = floor_of(turn.value / quarter * 2 + 0.5) * quarter / 2
    margin = np.minimum(abs(turn.value - eighths).astype(float), close(w.value, h.value, longer.value))
    exchanged = turns % 2 == 1
    return [*centers, [chosen(exchanged, h, w)], [chosen(exchanged, w, h)], [turn, Real(turns * quarter, (turn, 0), margin=margin)]]


def ltrb_encode(point, box):
    return [[x] for x in (point[0] - box[0], point[1] - box[1], box[2] - point[0], box[3] - point[1])]


def ltrb_decode(point, distances):
    return [[point[0], -distances[0]], [point[1], -distances[1]], [point[0], distances[2]], [point[1], distances[3]]]


def linear_encode(proposal, target):
    """Made of differences of corners, because a box's position is no term."""
    outputs = []
    for side, sign in zip(range(4), (1, 1, -1, -1)):
        size = sides(proposal)[side % 2]
        corners = proposal[side % 2], proposal[side % 2 + 2]
        outputs.append([ratio((corner - target[side]) * (0.5 * sign), size) for corner in corners])
    return outputs


def linear_decode(proposal, distances):
    outputs = []
    for side, sign in zip(range(4), (-1, -1, 1, 1)):
        corners = [proposal[side % 2] * 0.5, proposal[side % 2 + 2] * 0.5]
        outputs.append([*corners, distances[side] * sides(proposal)[side % 2] * sign])
    return outputs


def sigmoid(x):
    """1 / (1 + exp(-x)), and its derivative, of exp(-|x|), which is no huge number."""
    power = exp_of(-abs(x.value))
    return Real(np.where(x.value < 0, power, 1) / (1 + power), (x, power / (1 + power) ** 2))


def squared(x):
    return Real(x.value * x.value, (x, 2 * x.value, 2 * x.size), size=x.size * x.size)


def yolo_decode(proposal, deltas, cell):
    low, high = [], []
    for axis, side in zip((0, 1), sides(proposal)):
        center = [proposal[axis] * 0.5, proposal[axis + 2] * 0.5, 2 * sigmoid(deltas[axis]) * constant(cell[0]), -constant(cell[0])]
        half = squared(2 * sigmoid(deltas[axis + 2])) * side * 0.5
        low.append([*center, -half])
        high.append([*center, half])
    return low + high


# Regions: one box at a time, whose gradient is a difference of the value itself


def hat(x):
    return max(mp.mpf(0), 1 - abs(x))


def integral_of_hat(x):
    x = min(max(x, mp.mpf(-1)), mp.mpf(1))
    return (x + 1) ** 2 / 2 if x < 0 else mp.mpf(1) / 2 + x - x * x / 2


def roi_weights(low, high, bins, size, *, scale, ratio=0, aligned=False):
    """The matrix of one axis: what each pixel contributes to each bin. ratio None: the integral of precise pooling."""
    low, high = low * scale, high * scale
    if aligned:
        low, high = low - mp.mpf(0.5), high - mp.mpf(0.5)
    length = high - low
    matrix = np.full((bins, size), mp.mpf(0), object)
    if ratio is None:
        for b in range(bins if length > 0 else 0):
            ends = [low + length * k / bins for k in (b, b + 1)]
            for k in range(size):
                matrix[b, k] = (integral_of_hat(ends[1] - k) - integral_of_hat(ends[0] - k)) * bins / length
        return matrix
    if not aligned:
        length = max(length, mp.mpf(1))
    n = ratio if ratio > 0 else int(mp.ceil(length / bins))
    for b in range(bins):
        step = length / bins / max(n, 1)
        first = 0
        if n > 4096:  # of a huge box, only those that may be among the pixels
            first = max(0, int((-2 - low - b * n * step) / step))
        for a in range(first, min(n, first + 4096)):
            y = low + (b * n + a + mp.mpf(0.5)) * step
            if -1 <= y <= size:
                y = min(max(y, mp.mpf(0)), mp.mpf(size - 1))
                for k in range(max(0, int(y) - 1), min(size, int(y) + 2)):
                    matrix[b, k] += hat(y - k) / n
    return matrix


def roi_pool(features, box, bins, cotangent, **options):
    """A box's value, the size of its terms, (grad_features, their size), and (grad_box, its size), as doubles."""
    f, g, box = (np.vectorize(mp.mpf, otypes=[object])(np.asarray(x, float)) for x in (features, cotangent, box))
    height, width = np.shape(features)[1:]
    step = mp.mpf(10) ** -15

    def weights(axis, by=None, sign=0):
        ends = [box[axis] + (sign * step if by == 0 else 0), box[axis + 2] + (sign * step if by == 1 else 0)]
        return roi_weights(*ends, bins[1 - axis], (width, height)[axis], **options)

    def pooled(rows, columns, of):
        return np.stack([rows @ channel @ columns.T for channel in of])

    wx, wy = weights(0), weights(1)
    slopes = {(axis, by): (weights(axis, by, 1) - weights(axis, by, -1)) / (2 * step) for axis in (0, 1) for by in (0, 1)}
    # Positions are rounded, so that a weight has an error of the position's.
    far = sum((min(abs(x * options["scale"]), mp.mpf(width + height)) for x in box), mp.mpf(1))
    most = abs(f).max()
    size = pooled(abs(wy), abs(wx), abs(f)) + far * most
    back = np.stack([wy.T @ channel @ wx for channel in g]), np.stack([abs(wy).T @ abs(channel) @ abs(wx) for channel in g]) + far * abs(g).max()
    of_box, of_size = [], []
    for by in (0, 1):
        for axis in (0, 1):
            rows, columns = (slopes[axis, by] if axis == 1 else wy), (slopes[axis, by] if axis == 0 else wx)
            of_box.append((g * pooled(rows, columns, f)).sum())
            of_size.append((abs(g) * pooled(abs(rows), abs(columns), abs(f))).sum() + far * most * abs(g).sum() * options["scale"])
    as_floats = [np.asarray(x, object).astype(float) for x in (pooled(wy, wx, f), size, *back, of_box, of_size)]
    return as_floats[0], as_floats[1], as_floats[2:4], as_floats[4:]


def p_norm(values, p, number=mp.mpf):
    sizes = [abs(number(float(x))) for x in np.ravel(values)]
    if p == float("inf"):
        return max(sizes, default=number(0))
    return sum((x ** number(p) for x in sizes), number(0)) ** (1 / number(p))


def clip_grad_adaptive(grad, param, clip_factor, eps, p, number=mp.mpf):
    """What becomes of one unit, and whether it is changed."""
    norm, limit = p_norm(grad, p, number), number(clip_factor) * max(p_norm(param, p, number), number(eps))
    factor = number(1) if norm < limit else limit / max(norm, number(1e-6))
    return [number(float(x)) * factor for x in np.ravel(grad)], norm >= limit


def clip_grad_rms(grad, max_rms, number=mp.mpf):
    """What becomes of a tensor, and its rms."""
    rms = p_norm(grad, 2, number) / number(max(np.size(grad), 1)) ** number(0.5)
    factor = number(max_rms) / rms if rms > max_rms else number(1)
    return [number(float(x)) * factor for x in np.ravel(grad)], rms


def graph(outputs):
    """All columns that the outputs are made of, operands first."""
    order, seen = [], set()

    def visit(node):
        if id(node) not in seen:
            seen.add(id(node))
            for operand, *_ in node.operands:
                visit(operand)
            order.append(node)

    for output in outputs:
        visit(output)
    return order


def gradient(outputs, cotangents, inputs):
    """d sum(cotangent * output) / d input for every input, and the largest of the terms that this sums."""
    order = graph(outputs)
    zero = inputs[0].value * 0
    adjoint = dict.fromkeys(map(id, [*order, *inputs]), zero)
    size = adjoint.copy()
    for output, cotangent in zip(outputs, cotangents):
        adjoint[id(output)] = adjoint[id(output)] + cotangent
        size[id(output)] = np.maximum(size[id(output)], abs(cotangent))
    for node in reversed(order):
        for operand, partial, size_of_partial in node.operands:
            adjoint[id(operand)] = adjoint[id(operand)] + adjoint[id(node)] * partial
            size[id(operand)] = np.maximum(size[id(operand)], size[id(node)] * size_of_partial)
    return [adjoint[id(x)] for x in inputs], [size[id(x)] for x in inputs]


def numbers(x, number):
    """Options as numbers of the arithmetic."""
    if isinstance(x, (tuple, list)):
        return tuple(numbers(item, number) for item in x)
    return number(float(x)) if isinstance(x, (int, float)) and not isinstance(x, bool) else x


def evaluate(formula, *arrays, cotangent=None, number=mp.mpf, **options):
    """For every row of the arrays: the formula's outputs, their largest terms, the gradient of sum(cotangent * outputs) with respect to
    each array, the largest term of each row of it, and how close the row comes to a bound of a clamp. In numbers of 40 digits: mpmath's,
    or gmpy2's mpfr, which are ten times faster. Without a cotangent there are no gradients."""
    convert = np.frompyfunc(lambda x: number(float(x)), 1, 1)
    columns = [[Real(convert(column)) for column in array.reshape(len(array), -1).T] for array in map(np.asarray, arrays)]
    zero = columns[0][0].value * 0
    outputs = formula(*columns, **{name: numbers(value, number) for name, value in options.items()})
    totals = [total(terms) for terms in outputs]
    margins = [node.margin for node in graph(totals) if node.margin is not None]
    gradients, terms_of_gradients = [], []
    if cotangent is not None:
        slopes, sizes = map(iter, gradient(totals, convert(np.asarray(cotangent)).T, list(itertools.chain(*columns))))
        gradients = [np.stack([next(slopes) for _ in array], axis=1) for array in columns]
        terms_of_gradients = [np.max([next(sizes) for _ in array], axis=0)[:, None] for array in columns]
    return (
        np.stack([x.value + zero for x in totals], axis=1),
        np.stack([largest(terms) + zero for terms in outputs], axis=1),
        gradients,
        terms_of_gradients,
        np.min(margins, axis=0) if margins else np.ones(len(zero)),
    )


def evaluate_rows(formula, *arrays, cotangent=None, **options):
    """The same in doubles, without the last; the cotangent may be left out if there is one output, for 1."""
    cotangent = np.ones((len(arrays[0]), 1)) if cotangent is None else cotangent
    values, terms, gradients, terms_of_gradients, _ = evaluate(formula, *arrays, cotangent=cotangent, **options)
    rounded = ([x.astype(float) for x in of] for of in (gradients, terms_of_gradients))
    return values.astype(float), terms.astype(float), *rounded
