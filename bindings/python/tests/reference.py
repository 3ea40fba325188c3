"""The formulas of include/boxgrad.h in 40-digit arithmetic, with exact gradients by reverse-mode differentiation.

This is what decides when two libraries disagree. It is written from the definitions, one box at a time, for clarity and
not for speed. A formula returns, for each of its outputs, the signed terms whose sum is that output: the terms' largest
magnitude is what the promised accuracy is relative to.
"""

import mpmath
import numpy as np

mp = mpmath.MPContext()
mp.dps = 40


class Real:
    """A number that remembers its operands and the partial derivative with respect to each."""

    __slots__ = ("operands", "value")

    def __init__(self, value, *operands):
        self.value = mp.mpf(value)
        self.operands = operands

    def __add__(self, other):
        other = real(other)
        return Real(self.value + other.value, (self, 1), (other, 1))

    def __mul__(self, other):
        other = real(other)
        return Real(self.value * other.value, (self, other.value), (other, self.value))

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
    """The same number, through which no gradient flows."""
    return Real(x.value)


def ratio(x, y):
    """x / y; 0 with zero gradient where y is 0, as documented."""
    x, y = real(x), real(y)
    if y.value == 0:
        return Real(0)
    quotient = x.value / y.value
    return Real(quotient, (x, 1 / y.value), (y, -quotient / y.value))


def maximum(x, y):
    """A tie splits the derivative in half."""
    to_x = mp.mpf(x.value > y.value) if x.value != y.value else mp.mpf(0.5)
    return Real(max(x.value, y.value), (x, to_x), (y, 1 - to_x))


def minimum(x, y):
    return -maximum(-x, -y)


def clamp(x, low=-mp.inf, high=mp.inf):
    """Passes the derivative at its bounds and stops it beyond."""
    low, high = mp.mpf(low), mp.mpf(high)
    return x if low <= x.value <= high else Real(min(max(x.value, low), high))


def exp(x):
    power = mp.exp(x.value)
    return Real(power, (x, power))


def log(x):
    return Real(mp.log(x.value), (x, 1 / x.value))


def atan_ratio(w, h):
    """atan(w / h): +-pi/2 for h = 0 and 0 for w = h = 0, with a finite derivative everywhere."""
    square = w.value**2 + h.value**2
    if square == 0:
        return Real(0)
    angle = mp.atan(w.value / h.value) if h.value != 0 else mp.sign(w.value) * mp.pi / 2
    return Real(angle, (w, h.value / square), (h, -w.value / square))


def sides(box):
    return box[2] - box[0], box[3] - box[1]


def center(box):
    return (box[0] + box[2]) * 0.5, (box[1] + box[3]) * 0.5


def box_area(box):
    w, h = sides(box)
    return [[w * h]]


def box_convert(box, *, source, target):
    out = []
    for first, second in zip(box[:2], box[2:]):
        size = second - first if source == "xyxy" else second
        low = first - 0.5 * size if source == "cxcywh" else first
        head = [low, 0.5 * size] if target == "cxcywh" else [low]
        tail = [low, size] if target == "xyxy" else [size]
        out.append((head, tail))
    return [head for head, _ in out] + [tail for _, tail in out]


def overlap(a, b, *, metric, eps=0, loss=False):
    """The metric, or with loss=True the loss 1 - metric with its own guards."""
    guard = eps if loss else 0
    wa, ha = sides(a)
    wb, hb = sides(b)
    iw = minimum(a[2], b[2]) - maximum(a[0], b[0])
    ih = minimum(a[3], b[3]) - maximum(a[1], b[1])
    cw = maximum(a[2], b[2]) - minimum(a[0], b[0])
    ch = maximum(a[3], b[3]) - minimum(a[1], b[1])
    if loss:
        inter = iw * ih if iw.value > 0 and ih.value > 0 else Real(0)
    else:
        inter = clamp(iw, 0) * clamp(ih, 0)
        cw, ch = clamp(cw, 0), clamp(ch, 0)
    union = wa * ha + wb * hb - inter
    iou = ratio(inter, union + guard)
    terms = [iou]
    if metric == "giou":
        enclosing = cw * ch
        terms += [-ratio(enclosing, enclosing + guard), ratio(union, enclosing + guard)]
    if metric in ("diou", "ciou"):
        (ax, ay), (bx, by) = center(a), center(b)
        dx, dy = ax - bx, ay - by
        terms.append(-ratio(dx * dx + dy * dy, cw * cw + ch * ch + eps))
    if metric == "ciou":
        turn = atan_ratio(wb, hb) - atan_ratio(wa, ha)
        v = turn * turn * (4 / mp.pi**2)
        alpha = constant(ratio(v, 1 - iou + v + eps))
        terms.append(-(alpha * v))
    return [[Real(1)] + [-term for term in terms]] if loss else [terms]


def smooth_l1(prediction, target, *, sigma):
    inverse = 1 / mp.mpf(sigma) ** 2
    elements = []
    for p, t in zip(prediction, target):
        difference = p - t
        magnitude = maximum(difference, -difference)  # derivative 0 at 0
        if magnitude.value < inverse:
            elements.append([difference * difference * (0.5 / inverse)])
        else:
            elements.append([magnitude, Real(-inverse / 2)])
    return elements


def encode(proposal, target, *, means=(0,) * 4, stds=(1,) * 4):
    (px, py), (tx, ty) = center(proposal), center(target)
    (pw, ph), (tw, th) = sides(proposal), sides(target)
    deltas = ratio(tx - px, pw), ratio(ty - py, ph), log(ratio(tw, pw)), log(ratio(th, ph))
    return [[ratio(d, s), Real(-mp.mpf(m) / s)] for d, m, s in zip(deltas, means, stds)]


def decode(proposal, deltas, *, means=(0,) * 4, stds=(1,) * 4, log_ratio=(-mp.inf, mp.inf), center_clamp=mp.inf, size=None):
    """size is (height, width), like max_shape; deltas holds one group of four or several."""
    outputs = []
    for group in range(0, len(deltas), 4):
        dx, dy, dw, dh = (d * s + m for d, m, s in zip(deltas[group:], means, stds))
        low, high = [], []
        for c, side, shift, stretch in zip(center(proposal), sides(proposal), (dx, dy), (dw, dh)):
            moved = clamp(shift * side, -center_clamp, center_clamp)
            half = exp(clamp(stretch, *log_ratio)) * side * 0.5
            low.append([c, moved, -half])
            high.append([c, moved, half])
        outputs += low + high
    if size is None:
        return outputs
    return [clamp_sum(terms, 0, bound) for terms, bound in zip(outputs, size[::-1] * (len(outputs) // 2))]


def clamp_sum(terms, low, high):
    total = sum(terms, Real(0))
    clamped = clamp(total, low, high)
    return terms if clamped is total else [clamped]


def gradient(output, inputs):
    """d output / d input for every input, and the largest of the terms that this sums over the input's uses."""
    order, seen = [], set()

    def visit(node):
        if id(node) not in seen:
            seen.add(id(node))
            for operand, _ in node.operands:
                visit(operand)
            order.append(node)

    visit(output)
    adjoint = dict.fromkeys(map(id, [*order, *inputs]), mp.mpf(0))
    largest = adjoint.copy()
    adjoint[id(output)] = mp.mpf(1)
    for node in reversed(order):
        for operand, partial in node.operands:
            term = adjoint[id(node)] * partial
            adjoint[id(operand)] += term
            largest[id(operand)] = max(largest[id(operand)], abs(term))
    return [adjoint[id(x)] for x in inputs], [largest[id(x)] for x in inputs]


def evaluate(formula, rows, cotangent=None, **options):
    """For one row of every argument: the formula's outputs, their largest terms, the gradient of sum(cotangent * outputs)
    with respect to each row, and the largest term of each such gradient."""
    rows = [[Real(x) for x in np.ravel(row).tolist()] for row in rows]
    outputs = formula(*rows, **options)
    totals = [sum(terms, Real(0)) for terms in outputs]
    weights = np.ones(len(totals)) if cotangent is None else np.ravel(cotangent)
    loss = sum((total * float(weight) for total, weight in zip(totals, weights)), Real(0))
    gradients, terms_of_gradients = zip(*(gradient(loss, row) for row in rows))
    return (
        np.array([float(total.value) for total in totals]),
        np.array([float(max(abs(term.value) for term in terms)) for terms in outputs]),
        [np.array([float(x) for x in g]) for g in gradients],
        [np.array([float(max(terms))]) for terms in terms_of_gradients],
    )


def evaluate_rows(formula, *arrays, cotangent=None, **options):
    """evaluate() for every row of the arrays, stacked."""
    cotangents = [None] * len(arrays[0]) if cotangent is None else cotangent
    results = [evaluate(formula, rows, c, **options) for *rows, c in zip(*arrays, cotangents)]
    values, terms, gradients, terms_of_gradients = zip(*results)
    return np.array(values), np.array(terms), *([np.array(g) for g in zip(*of)] for of in (gradients, terms_of_gradients))
