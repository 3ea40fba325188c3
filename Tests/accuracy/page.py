"""docs/accuracy.md: what was measured, beside what is promised."""

import re

from library import ROOT
from promises import EPS, PROMISES

PATH = ROOT / "docs/accuracy.md"

HEAD = """\
# How accurate boxgrad is

Every computing function was called on many inputs, and each number that it gave was compared with the same formula in 40 digits: the
values, and the gradients, which were differentiated automatically in 40 digits, too. `make accuracy` repeats the campaign and rewrites this
page; a test of `make test` runs a small one and fails above a promised bound. The bounds are those of `boxgrad.h`.

The inputs: boxes at random, on integers, sharing sides, within a few units in the last place of touching or of being identical, nested, a
millionth of each other in size, with aspect ratios of a million, with centres or shapes that nearly agree, far from each other, far from
the origin (coordinates up to 10^7, sides down to 10^-2 in f64 and to the last bit in f32), inverted, and without width or height. Each kind
is taken in scale 1 and in scales up to where sides are 10^-15 or 10^15 in f32, 10^-100 or 10^100 in f64.

The units:

- **ulp**: the distance between two numbers of the type at the exact result. 0.5 is a correctly rounded result, 0 an exact one.
- **eps**: 2^-24 in f32, 2^-53 in f64, times the largest term (below).
- **relative**: the error divided by the result.
"""

COLUMNS = ("function", "output", "of", "type", "unit", "worst", "promised", "on", "numbers")
TERMS = """\
## The largest term

What eps is multiplied by. A difference of two coordinates is one term, wherever the boxes are. A difference of centres counts as if it did
not cancel, as half the sum of the differences of both corners, and so does CIoU's difference of angles, as their sum. A gradient's largest
term is that of its row.
"""


def rows_of(measured):
    """As text, in the order of the promises."""
    order = {(name, output): i for i, (name, output) in enumerate((n, o) for n in PROMISES for o in PROMISES[n])}
    for m in sorted(measured, key=lambda m: (order[m.function, m.output], m.variant, ["f16", "bf16", "f32", "f64"].index(m.dtype))):
        promise = PROMISES[m.function][m.output]
        errors = promise.unit, f"{m.worst:.3g}", f"{promise.bound(m.dtype):g}"
        yield m.function, m.output, m.variant, m.dtype, *errors, m.kind if m.worst else "all", str(m.count)


def table(columns, rows):
    return "".join(f"| {' | '.join(row)} |\n" for row in (columns, ["---"] * len(columns), *rows))


def page(rows, made):
    terms = [(name, ", ".join(outputs), term) for name in PROMISES for term, outputs in by_largest(PROMISES[name]).items() if term]
    return "\n".join([HEAD, made, "## Worst errors\n", table(COLUMNS, rows), TERMS, table(("function", "outputs", "largest term"), terms)])


def campaign():
    """The rounds, the boxes and the first seed that the page was made by."""
    found = re.search(r"^[\d,]+ numbers: (\d+) rounds of (\d+) boxes .* from (\d+) on\.$", PATH.read_text(), re.MULTILINE)
    return tuple(map(int, found.groups()))


def write(rows, made):
    """The page with these rows; of functions that are not among them it keeps those that it has."""
    rows, text = list(rows), PATH.read_text()
    kept = [row for row in rows_in(text) if row[0] in PROMISES and row[0] not in {row[0] for row in rows}]
    total = sum(int(row[-1]) for row in [*rows, *kept])
    rows = sorted([*kept, *rows], key=lambda row: list(PROMISES).index(row[0]))
    PATH.write_text(page(rows, re.sub(r"^[\d,]+", f"{total:,}", made)))


def by_largest(promises):
    groups = {}
    for output, promise in promises.items():
        groups.setdefault(promise.largest if promise.unit == EPS else "", []).append(output)
    return groups


def rows_in(text):
    """The rows of the first table of a page."""
    body = text.split("## Worst errors")[1].split("\n## ")[0]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in re.findall(r"^\| (?!function|---)(.*)$", body, re.M)]
