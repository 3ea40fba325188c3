"""Nothing is further from 40 digits than the header promises, on a small campaign; `make accuracy` runs a large one."""

import os
import re
from concurrent.futures import ProcessPoolExecutor

import campaign
import gmpy2
import numpy as np
import page
import promises
import pytest
from campaign import reference
from library import ROOT, box_loss_options, call, delta_options
from promises import EPS, GENERAL, PROMISES

COUNT = 6  # boxes of each kind and scale


def test_every_metric_is_measured():
    header = (ROOT / "include/boxgrad.h").read_text()
    section = header[header.index("#define BOXGRAD_IOU ") : header.index("/* out[i * out_stride + j] = metric")]
    assert campaign.METRICS == tuple(map(str.lower, re.findall(r"#define BOXGRAD_(\w+) ", section)))
    assert tuple(re.findall(r"(\w+): ", promises.METRIC.lower())) == campaign.METRICS


@pytest.fixture(scope="session")
def results():
    """What every task measured, all of them being started at once."""
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield {task: pool.submit(campaign.run, *task, seed=0, count=COUNT) for task in campaign.TASKS}


@pytest.mark.parametrize(("name", "dtype"), campaign.TASKS, ids=[f"{name}-{dtype}" for name, dtype in campaign.TASKS])
def test_no_error_is_above_its_promise(results, name, dtype):
    measured = results[name, dtype].result().values()
    assert {m.output for m in measured} == set(PROMISES[name])
    broken = [m.message() for m in measured if not m.within_promise]
    assert not broken, "\n".join(broken)


def test_the_page_shows_what_is_measured_and_promised(results):
    text = page.PATH.read_text()
    rows = page.rows_in(text)
    made = re.search(r"^[\d,]+ numbers: .*$", text, re.M)[0] + "\n"
    assert page.page(rows, made) == text
    measured = [m for result in results.values() for m in result.result().values()]
    described = [row[:5] + row[6:7] for row in page.rows_of(measured)]
    assert [row[:5] + row[6:7] for row in rows] == described
    assert all(float(row[5]) <= float(row[6]) for row in rows)


# ---- The judge ----


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_the_reference_agrees_with_itself_where_sides_are_equal(seed):
    """The logarithm of their ratio is 0, and no noise of one arithmetic that the other does not have: each of these seeds drew such a row."""
    for dtype in (np.float32, np.float64):
        assert campaign.run("delta_encode_grad", dtype, seed, count=12)


@pytest.mark.parametrize("seed", [1, 2])
def test_an_infinite_gradient_of_another_pair_is_no_error(seed):
    """Each of these seeds drew an inverted box whose gradient with one of another scale overflows a float, and which a cotangent of 0 makes NaN."""
    worst = campaign.run("iou_pairwise_grad", np.float32, seed, count=12)
    assert all(np.isfinite(one.worst) for one in worst.values())


@pytest.mark.parametrize("number", [gmpy2.mpfr, reference.mp.mpf], ids=["gmpy2", "mpmath"])
def test_the_logarithm_of_a_number_over_itself_is_zero(number):
    x = reference.Real([number(x) for x in np.random.default_rng(0).uniform(1, 2, 1000).tolist()])
    assert not reference.log_of_ratio(x, x).value.any()


@pytest.mark.parametrize("output", ["values", "gradient of argument 0"])
def test_a_wrong_digit_of_the_reference_is_found_and_named(output):
    boxes = np.arange(12.0).reshape(3, 4) ** 2
    exact = campaign.Exact(reference.box_area, boxes, cotangent=np.ones((3, 1)))
    exact.confirm(range(3))
    spoiled = exact.values if output == "values" else exact.gradients[0]
    spoiled[1, 0] *= 1 + gmpy2.mpfr(10) ** -19
    exact.confirm([0, 2])
    with pytest.raises(campaign.Disagreement, match=rf"box_area's {output}\[0\].* on 16\.0 25\.0 36\.0 49\.0"):
        exact.confirm(range(3))


# ---- The header ----

HEADER = promises.HEADER


def words(comment):
    return " ".join(re.sub(r"^\s*(/\*|\*/|\*)|\*/\s*$", " ", comment, flags=re.M).split())


def promised(name):
    """The sentence of a function whose outputs are not all promised what is promised in general."""
    special = {}
    for output, promise in PROMISES[name].items():
        if (promise.unit, promise.f32, promise.f64) != (EPS, GENERAL.f32, GENERAL.f64):
            special.setdefault(str(promise), []).append(output)
    return special


@pytest.mark.parametrize("name", PROMISES)
def test_the_header_promises_the_same(name):
    assert promises.accuracy(name) == "; ".join(f"{', '.join(outputs)} {promise}" for promise, outputs in promised(name).items())


def test_the_header_promises_this_in_general():
    general = words(HEADER[: HEADER.index("#ifndef")])
    assert f"a value is within {GENERAL} of the largest term of its formula" in general
    assert f"a gradient within {GENERAL} of the largest term of its row" in general


def test_every_computing_function_has_a_promise():
    """But those that give flags, indices or integers, and matching, whose overlaps have the bits of iou_pairwise or
    rotated_iou_pairwise (test_matching.py, test_rotated_suppression.py)."""
    no_numbers = {
        "box_inspect", "rotated_inspect", "nms", "rotated_nms", "match", "rotated_match", "match_ignore", "sample", "sample_ratio", "exact_norm_begin",
        "exact_norm_add", "exact_norm_merge",
    }  # fmt: skip
    assert set(PROMISES) == set(promises.functions()) - no_numbers - {"set_max_threads", "set_keep_threads", "set_parallel_for"}


# ---- Beyond the scales of the promise ----

EXTREMES = {np.float32: (1e-45, 1e-38, 1e-30, 1e-20, 1e25, 3e38), np.float64: (5e-324, 1e-308, 1e-250, 1e-160, 1e200, 1.7e308)}


def extreme_boxes(dtype):
    """Boxes of every such size, and of mixed ones, at the origin and elsewhere."""
    sizes = np.array((0, *EXTREMES[dtype]), dtype)
    x = np.array(np.meshgrid(sizes, sizes, -sizes[1:], indexing="ij")).reshape(3, -1)
    return np.ascontiguousarray(np.concatenate([np.stack([0 * x[0], 0 * x[0], x[0], x[1]], 1), np.stack([x[2], x[2], x[0], x[1]], 1)]))


@pytest.mark.parametrize("dtype", EXTREMES)
@pytest.mark.parametrize("metric", range(4))
@pytest.mark.parametrize("neighbour", [0, 1, 11])
def test_a_value_is_no_nan_unless_areas_overflow(dtype, metric, neighbour):
    """Nor out of its range."""
    a = extreme_boxes(dtype)
    a = a[abs(a).max(axis=1) < 1]
    b = np.roll(a, neighbour, axis=0)
    aligned, pairwise = np.full(len(a), np.nan, dtype), np.full((len(a), len(a)), np.nan, dtype)
    call("iou_aligned", metric, a, 4, b, 4, len(a), 0.0, aligned, None, None, dtype=dtype)
    call("iou_pairwise", metric, a, len(a), 4, b, len(b), 4, 0.0, pairwise, len(a), None, dtype=dtype)
    for values in aligned, pairwise:
        assert ((-2 < values) & (values <= 1)).all()


@pytest.mark.parametrize("dtype", EXTREMES)
def test_every_function_takes_every_number(dtype):
    """Whatever comes out: nothing traps, and a NaN stays in its row."""
    numbers = np.array([*EXTREMES[dtype], *(-x for x in EXTREMES[dtype]), 0, np.inf, -np.inf, np.nan], dtype)
    boxes = np.random.default_rng(0).choice(numbers, (4000, 4))
    boxes[::2] = np.random.default_rng(1).uniform(0, 1, (2000, 4)) + [0, 0, 1, 1]
    n = len(boxes)
    column, corners, row, *pair = (np.zeros((n, width), dtype) for width in (1, 8, 4, 4, 4))
    options = delta_options(log_ratio=(-1.0, 1.0))
    options.on_degenerate = 2
    targets = np.roll(boxes, 2, axis=0)
    for name, *arguments in (
        ("box_area", boxes, n, 4, column), ("box_area_grad", boxes, n, 4, boxes[:, 0].copy(), pair[0]),
        ("box_convert", 0, 2, boxes, n, 4, pair[0], 4), ("box_clip", boxes, n, 4, 1.0, 1.0, pair[0], 4),
        ("box_rotate", boxes, n, 4, 30.0, 0.0, 0.0, corners, pair[0]),
        ("clip", boxes, 4 * n, 0.0, 1.0, pair[0]), ("clip_grad", boxes, 4 * n, 0.0, 1.0, targets, 2, pair[0], None),
        *(("iou_aligned", metric, boxes, 4, targets, 4, n, 1e-7, column, *pair) for metric in range(4)),
        *(("iou_loss", metric, boxes, 4, targets, 4, n, None, 1e-7, 1.0, np.empty(1), column, *pair) for metric in range(4)),
        *(("box_loss", kind, box_loss_options(size=(4, 3), unit=5), boxes, 4, targets, 4, n, None, 1.0, np.empty(1), column, *pair) for kind in range(11)),
        ("smooth_l1", boxes, targets, None, None, 4 * n, 1.0, 1.0, np.empty(1), row, *pair),
        ("delta_encode", options, boxes, 4, targets, 4, n, pair[0], None, None),
        ("delta_encode_grad", options, boxes, 4, targets, 4, n, boxes, *pair),
        ("delta_decode", options, boxes, 4, targets, 4, n, 1, pair[0]),
        ("delta_decode_grad", options, boxes, 4, targets, 4, n, 1, boxes, *pair),
    ):  # fmt: skip
        call(name, *arguments, dtype=dtype)
        assert all(np.isfinite(output[::2]).all() for output in (column, corners, row, *pair)), name
