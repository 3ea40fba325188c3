"""What goes in and comes out: dtypes, layouts, out=, copies, refusals with their messages."""

import gc
import inspect
import re
import tracemalloc
from pathlib import Path

import boxgrad
import ml_dtypes
import numpy as np
import pytest
from boxgrad import autodiff
from functions import A, B, DELTAS, DIFFERENTIABLE, OF_REGIONS
from overlap_functions import EVERY_PAIRWISE, LOSSES

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
PAIR = A[:5], B


def test_every_differentiable_function_has_a_row():
    """This module and others call what functions.py lists."""
    assert {f.__name__ for f in autodiff._ARRAYS if f.__module__.startswith("boxgrad.")} == set(DIFFERENTIABLE) | OF_REGIONS


every_call = pytest.mark.parametrize("name", DIFFERENTIABLE)


def call(name, convert=np.asarray, **more):
    """Calls the function with its arrays converted."""
    function = DIFFERENTIABLE[name]
    return function.call(*map(convert, function.arrays.values()), **function.options, **more)


# Types


@every_call
@pytest.mark.parametrize(
    ("source", "result"),
    [
        (np.float32, np.float32), (np.float64, np.float64), (np.float16, np.float32), (ml_dtypes.bfloat16, np.float32),
        (np.int64, np.float64), (np.int32, np.float64), (np.uint8, np.float64), (">f4", np.float32), (">f8", np.float64),
    ],
)  # fmt: skip
def test_types(name, source, result):
    value = call(name, lambda x: np.ceil(np.abs(x)).astype(source))
    assert value.dtype == result
    np.testing.assert_array_equal(value, call(name, lambda x: np.ceil(np.abs(x)).astype(source).astype(result)))


@every_call
def test_lists_and_tuples(name):
    for convert in (lambda x: x.tolist(), lambda x: tuple(map(tuple, x.tolist()))):
        value = call(name, convert)
        assert value.dtype == np.float64
        np.testing.assert_array_equal(value, call(name))


BOXES = {
    "boxes", "boxes1", "boxes2", "proposals", "truths", "targets", "deltas", "rel_codes", "bboxes", "gt_bboxes", "pred_bboxes",
    "reference_boxes", "priors", "distances",
}  # fmt: skip
"""The parameters that are boxes, or something of each box."""
BESIDE = {
    "input": np.zeros((1, 2, 4, 4)), "output_size": 3,
    "points": np.empty((0, 2)), "strides": 8.0, "stride": 8.0, "scores": [], "idxs": [], "size": (9, 9), "in_fmt": "xyxy", "out_fmt": "xywh", "min_size": 1.0,
    "degrees": 30.0, "iou_threshold": 0.5, "high_threshold": 0.7, "low_threshold": 0.3,
}  # fmt: skip
"""What functions of boxes need beside them, where there are no boxes."""
UPRIGHT_AND_ROTATED = {"encode_midpoint_offset": {"proposals": 4, "targets": 5}, "decode_midpoint_offset": {"proposals": 4, "deltas": 6}}
BESIDE_ROTATED = {"in_fmt": "degrees-ccw", "out_fmt": "corners", "angle": "degrees-ccw", "range": "le90"}
CODERS = {
    f"{type(coder).__name__}.{name}": getattr(coder, name)
    for coder in (
        boxgrad.BoxCoder((1.0, 1, 1, 1)), boxgrad.DeltaXYWHBBoxCoder(), boxgrad.Matcher(0.7, 0.3), boxgrad.BoxLinearCoder(),
        boxgrad.TBLRBBoxCoder(), boxgrad.DistancePointBBoxCoder(), boxgrad.YOLOv5BBoxCoder(),
    )  # fmt: skip
    for name in ("encode", "decode", "encode_single", "decode_single", "match")
    if hasattr(coder, name)
}
OF_BOXES = {
    name: function
    for name, function in {**{name: getattr(boxgrad, name) for name in boxgrad.__all__}, **CODERS}.items()
    if inspect.isroutine(function) and BOXES & inspect.signature(function).parameters.keys()
}


@pytest.mark.parametrize("name", OF_BOXES)
def test_an_empty_list_is_no_boxes(name):
    """In the place of each box, and of all: as an array of shape (0, 4) is, or (0, 5) of rotated boxes."""
    function = OF_BOXES[name]
    parameters = {name: one for name, one in inspect.signature(function).parameters.items() if one.default is one.empty}
    of_boxes = [name for name in parameters if name in BOXES]

    is_rotated = "rotated" in name or "angle" in parameters
    width, beside = (5, {**BESIDE, **BESIDE_ROTATED}) if is_rotated else (5 if "roi" in name else 4, BESIDE)

    widths = UPRIGHT_AND_ROTATED.get(name, {})

    def called(*lists):
        given = {name: [] if name in lists else np.empty((0, widths.get(name, width))) if name in BOXES else beside[name] for name in parameters}
        for name, one in parameters.items():
            given[name] = [given[name]] if "Sequence[npt" in str(one.annotation) else given[name]  # an array for each image
        result = function(**given)
        result = result.flags if isinstance(result, boxgrad.BoxReport) else result
        parts = result if isinstance(result, (tuple, list)) else [result]
        return [(part.shape, part.dtype) for part in parts]

    expected = called()
    for lists in ([], of_boxes, *([one] for one in of_boxes)):
        assert called(*lists) == expected
    assert len(OF_BOXES) > 25, "functions of boxes are not overlooked"


def test_mixed_types_are_promoted():
    assert boxgrad.box_iou(A.astype(np.float32), B).dtype == np.float64
    assert boxgrad.encode_boxes(A[:5], B.astype(np.float32)).dtype == np.float64
    _, pullback = boxgrad.vjp(boxgrad.box_iou, A.astype(np.float32), B)
    assert all(np.isfinite(gradient).all() for gradient in pullback(1.0))


def test_large_integers_do_not_wrap():
    boxes = np.array([[0, 0, 100_000, 100_000]], np.int32)
    assert boxgrad.box_area(boxes).item() == 1e10
    assert boxgrad.box_iou(boxes.astype(np.uint32), boxes).item() == 1


@every_call
@pytest.mark.parametrize(("dtype", "shown"), [(bool, "bool"), (complex, "complex128"), (object, "object"), (str, "<U|str")])
def test_other_types_are_refused_by_name(name, dtype, shown):
    with pytest.raises(TypeError, match=shown):
        call(name, lambda x: x.astype(dtype))


# Layouts


@every_call
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "layout", ["fifth column", "every other", "reversed", "fortran", "middle columns", "unaligned", "read-only"]
)
def test_layouts(name, dtype, layout):
    def rearranged(x):
        x = x.astype(dtype)
        if layout == "fifth column":
            return np.hstack([x, np.full((len(x), 1), np.nan, dtype)])[:, :-1]
        if layout == "every other":
            return np.repeat(x, 2, axis=0)[::2]
        if layout == "reversed":
            return x[::-1].copy()[::-1]
        if layout == "fortran":
            return np.asfortranarray(x)
        if layout == "middle columns":
            return np.repeat(x, 2, axis=1)[:, ::2]
        if layout == "unaligned":
            return np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(dtype).reshape(x.shape)
        x.setflags(write=False)
        return x

    np.testing.assert_array_equal(call(name, rearranged), call(name, lambda x: x.astype(dtype)))


@pytest.mark.parametrize("columns", [4, 5])
def test_rows_are_not_copied(columns):
    boxes = np.zeros((200_000, columns), np.float32)[:, :4]
    out = np.empty(len(boxes), np.float32)
    boxgrad.box_area(boxes, out=out)
    tracemalloc.start()
    boxgrad.box_area(boxes, out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000


@pytest.mark.skipif(
    "[never]" in (HUGE_PAGES.read_text() if HUGE_PAGES.exists() else "[never]"), reason="skipped: this Linux gives no huge pages"
)
def test_large_results_ask_for_huge_pages():
    """NumPy does it: the flag hg of the memory's mapping."""
    value = boxgrad.box_iou(np.ones((2000, 4)), np.ones((2000, 4)))
    middle, inside = value.ctypes.data + value.nbytes // 2, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if mapping := re.match("([0-9a-f]+)-([0-9a-f]+) ", line):
            start, end = (int(address, 16) for address in mapping.groups())
            inside = start <= middle < end
        elif inside and line.startswith("VmFlags:"):
            assert "hg" in line.split()
            return
    pytest.fail("no mapping holds the result")


@every_call
def test_inputs_are_not_changed_and_not_returned(name):
    arrays = []

    def keep(x):
        arrays.append((x.copy(), x))
        return arrays[-1][1]

    value = call(name, keep)
    for before, after in arrays:
        np.testing.assert_array_equal(before, after)
        assert not np.shares_memory(value, after)


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4), (0, 3, 4), (1, 1, 1, 4)])
def test_leading_dimensions(shape):
    boxes = np.resize(A, shape)
    rows = boxes.reshape(-1, 4)
    np.testing.assert_array_equal(boxgrad.box_area(boxes), boxgrad.box_area(rows).reshape(shape[:-1]))
    np.testing.assert_array_equal(boxgrad.aligned_box_iou(boxes, boxes), boxgrad.aligned_box_iou(rows, rows).reshape(shape[:-1]))
    for function, arguments in [(boxgrad.box_convert, ("xyxy", "xywh")), (boxgrad.clip_boxes_to_image, ((9, 9),))]:
        np.testing.assert_array_equal(function(boxes, *arguments), function(rows, *arguments).reshape(shape))
    for function in LOSSES.values():
        assert function(boxes, boxes).shape == shape[:-1]


def test_decode_keeps_the_shape_of_the_deltas():
    deltas = np.random.default_rng(1).normal(size=(5, 12))
    flat = boxgrad.decode_boxes(A[:5], deltas)
    assert flat.shape == (5, 12)
    np.testing.assert_array_equal(boxgrad.decode_boxes(A[:5], deltas.reshape(5, 3, 4)), flat.reshape(5, 3, 4))
    np.testing.assert_array_equal(boxgrad.decode_boxes(A[:5], deltas[:, 4:8]), flat[:, 4:8])


# Torch tensors


@every_call
def test_torch_tensors(name, torch):
    np.testing.assert_array_equal(call(name, torch.tensor), call(name))
    np.testing.assert_array_equal(call(name, lambda x: torch.tensor(x, requires_grad=True)), call(name))
    value = call(name, lambda x: torch.tensor(x).bfloat16())
    assert isinstance(value, np.ndarray)
    assert value.dtype == np.float32
    np.testing.assert_array_equal(value, call(name, lambda x: torch.tensor(x).bfloat16().float().numpy()))


@every_call
def test_tensors_elsewhere_are_refused_by_their_device(name, torch):
    with pytest.raises(TypeError, match="meta"):
        call(name, lambda x: torch.tensor(x, device="meta"))


def test_gradients_elsewhere_are_refused_by_their_device(torch):
    parameter = torch.nn.Parameter(torch.zeros(3, device="meta"))
    parameter.grad = torch.zeros(3, device="meta")
    with pytest.raises(TypeError, match="meta"):
        boxgrad.clip_grad_norm_([parameter], 1.0)


# out=


@every_call
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_out_is_filled_and_returned(name, dtype):
    expected = call(name, lambda x: x.astype(dtype))
    out = np.full(expected.shape, np.nan, dtype)
    assert call(name, lambda x: x.astype(dtype), out=out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("function", EVERY_PAIRWISE.values())
def test_out_of_pairwise_functions_may_have_strided_rows(function):
    whole = np.full((len(A), len(B) + 3), np.nan)
    out = whole[:, : len(B)]
    assert function(A, B, out=out) is out
    np.testing.assert_array_equal(out, function(A, B))
    assert np.isnan(whole[:, len(B) :]).all()


@every_call
def test_unfit_outs_are_refused_and_not_written(name):
    expected = call(name)
    read_only = np.full(expected.shape, np.nan)
    read_only.setflags(write=False)
    for out, error in [
        (np.full((*expected.shape, 1), np.nan), ValueError),
        (np.full((len(expected) + 1, *expected.shape[1:]), np.nan), ValueError),
        (np.full(expected.shape, np.nan, np.float32), TypeError),
        (np.full(expected.shape, np.nan, ">f8"), TypeError),
        (np.repeat(np.full(expected.shape, np.nan), 2, axis=-1)[..., ::2], ValueError),
        (read_only, ValueError),
        (expected.tolist(), TypeError),
    ]:
        with pytest.raises(error, match="out"):
            call(name, out=out)
        if isinstance(out, np.ndarray):
            assert np.isnan(out).all()


def test_overlapping_out_is_refused_where_in_place_is_not_documented():
    memory = np.arange(8.0).reshape(2, 4)
    with pytest.raises(ValueError, match="overlap"):
        boxgrad.encode_boxes(memory, memory + 1, out=memory)
    boxes = A.copy()
    np.testing.assert_array_equal(boxgrad.box_convert(boxes, "xyxy", "xywh", out=boxes), boxgrad.box_convert(A, "xyxy", "xywh"))
    boxes = A.copy()
    np.testing.assert_array_equal(boxgrad.clip(boxes, 3, 30, out=boxes), boxgrad.clip(A, 3, 30))


# Refusals


def test_masked_elements_are_no_numbers():
    masked = np.ma.masked_array(A, mask=A == A[0, 2])
    with pytest.raises(TypeError, match="boxes.*mask"):
        boxgrad.box_area(masked)
    with pytest.raises(TypeError, match="boxes.*mask"):
        boxgrad.box_area(list(masked))
    np.testing.assert_array_equal(boxgrad.box_area(np.ma.masked_array(A)), boxgrad.box_area(A))


@pytest.mark.parametrize(
    ("function", "arguments", "options", "words"),
    [
        (boxgrad.box_area, (np.zeros((3, 5)),), {}, r"boxes.*\(3, 5\)"),
        (boxgrad.box_area, (1.0,), {}, r"boxes.*\(\)"),
        (boxgrad.box_area, (A, "yxxy"), {}, "xyxy.*yxxy"),
        (boxgrad.box_area, (A, "rel_xyxy"), {}, "xyxy.*rel_xyxy"),
        (boxgrad.box_convert, (A, "xyxy", "xyrb"), {}, "out_fmt.*cxcywh.*xyrb"),
        (boxgrad.box_convert, (A, "xyxy", "rel_xyxy"), {}, "xyxy to rel_xyxy needs image_shape"),
        (boxgrad.box_convert, (A, "rel_xyxy", "xyxy"), {"image_shape": 9}, "image_shape.*9"),
        (boxgrad.box_convert, (A, "rel_xyxy", "xyxy"), {"image_shape": (9, 0)}, r"image_shape.*\(9, 0\)"),
        (boxgrad.box_convert, (A.astype(np.float32), "xyxy", "rel_xyxy"), {"image_shape": (9, 1e-50)}, "image_shape.*float32.*1e-50"),
        (boxgrad.box_convert, (A.astype(np.float32), "rel_xyxy", "xyxy"), {"image_shape": (9, 1e50)}, "image_shape.*float32"),
        (boxgrad.clip_boxes_to_image, (A, (-1, 5)), {}, r"size.*\(-1, 5\)"),
        (boxgrad.clip_boxes_to_image, (A, (5, np.nan)), {}, "size.*nan"),
        (boxgrad.clip, (A, 2, 1), {}, "min.*max.*2.*1"),
        (boxgrad.clip, (A, np.nan, 1), {}, "min.*max.*nan"),
        (boxgrad.clip, (A, 0, 1), {"mode": "soft"}, "mode.*hard.*soft"),
        (boxgrad.box_iou, (A, np.zeros((3, 3))), {}, r"boxes2.*\(3, 3\)"),
        (boxgrad.box_iou, (np.zeros((2, 3, 4)), np.zeros((3, 3, 4))), {}, r"\(2, 3, 4\).*\(3, 3, 4\)"),
        (boxgrad.distance_box_iou, (A, B, -1e-7), {}, "eps"),
        (boxgrad.complete_box_iou_loss, PAIR, {"eps": np.nan}, "eps"),
        (boxgrad.aligned_box_iou, (A, B), {}, r"\(7, 4\).*\(5, 4\)"),
        (boxgrad.aligned_box_iou, PAIR, {"metric": "eiou"}, "metric.*ciou.*eiou"),
        (boxgrad.box_iou_loss, (A, B), {}, r"\(7, 4\).*\(5, 4\)"),
        (boxgrad.box_iou_loss, PAIR, {"reduction": "average"}, "reduction.*mean.*average"),
        (boxgrad.box_iou_loss, PAIR, {"weights": np.ones(4)}, r"weights.*\(4,\)"),
        (boxgrad.box_iou_loss, PAIR, {"reduction": "mean", "normalizer": 0.0}, "normalizer"),
        (boxgrad.smooth_l1_loss, (A, B), {}, r"\(7, 4\).*\(5, 4\)"),
        (boxgrad.smooth_l1_loss, PAIR, {"beta": -1.0}, "beta"),
        (boxgrad.smooth_l1_loss, PAIR, {"sigma": 0.0}, "sigma"),
        (boxgrad.smooth_l1_loss, PAIR, {"inside_weights": np.ones(3)}, "inside_weights"),
        (boxgrad.smooth_l1_loss, PAIR, {"outside_weights": np.ones((2, 5, 4))}, "outside_weights"),
        (boxgrad.smooth_l1_loss, PAIR, {"dim": 2}, "dim"),
        (boxgrad.balanced_l1_loss, PAIR, {"alpha": 0.0}, "alpha"),
        (boxgrad.balanced_l1_loss, PAIR, {"gamma": -1.0}, "gamma"),
        (boxgrad.balanced_l1_loss, PAIR, {"beta": np.inf}, "beta"),
        (boxgrad.distribution_focal_loss, (A, np.ones(5)), {}, r"pred without its bins \(7,\) and label \(5,\)"),
        (boxgrad.distribution_focal_loss, (np.ones((3, 1)), np.ones(3)), {}, r"pred.*at least 2 bins.*\(3, 1\)"),
        (boxgrad.distribution_focal_loss, (A, np.ones(7)), {"weights": np.ones(6)}, r"weights.*\(6,\)"),
        (boxgrad.distribution_focal_loss, (A, np.ones(7)), {"normalizer": 0.0}, "normalizer"),
        (boxgrad.decode_distribution, (1.0,), {}, r"logits.*\(\)"),
        (boxgrad.smooth_l1_loss, PAIR, {"dim": (1, -1)}, "dim.*different"),
        (boxgrad.smooth_l1_loss, PAIR, {"dim": 0, "reduction": "sum"}, "dim"),
        (boxgrad.encode_boxes, (A, B), {}, r"\(7, 4\).*\(5, 4\)"),
        (boxgrad.encode_boxes, PAIR, {"stds": (1, 1, 0, 1)}, "stds"),
        (boxgrad.encode_boxes, PAIR, {"means": (0, 0, 0)}, "means"),
        (boxgrad.encode_boxes, PAIR, {"on_degenerate": "ignore"}, "on_degenerate.*zero.*ignore"),
        (boxgrad.decode_boxes, (A, np.zeros((7, 6))), {}, r"deltas.*\(7, 6\)"),
        (boxgrad.decode_boxes, (A, np.zeros((5, 4))), {}, r"deltas.*7.*\(5, 4\)"),
        (boxgrad.decode_boxes, (A[:5], DELTAS), {"log_ratio_clip": (2, 1)}, "log_ratio_clip"),
        (boxgrad.decode_boxes, (A[:5], DELTAS), {"center_clamp": -1}, "center_clamp"),
        (boxgrad.rotate_boxes, (A, np.inf), {}, "degrees.*inf"),
        (boxgrad.inspect_boxes, (A,), {"min_size": np.nan}, "min_size"),
        (boxgrad.set_num_threads, (0,), {}, "1.*0"),
    ],
)  # fmt: skip
def test_refusals_name_the_argument_and_the_reason(function, arguments, options, words):
    with pytest.raises(ValueError, match=words):
        function(*arguments, **options)


def test_beta_and_sigma_exclude_each_other():
    with pytest.raises(TypeError, match="sigma"):
        boxgrad.smooth_l1_loss(*PAIR, beta=0.5, sigma=1.0)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda boxes: boxgrad.remove_small_boxes(boxes, 1), "boxes"),
        (boxgrad.inspect_boxes, "boxes"),
        (lambda boxes: boxgrad.rotate_boxes(boxes, 30), "boxes"),
        (lambda boxes: boxgrad.nms(boxes, [], 0.5), "boxes"),
        (lambda boxes: boxgrad.soft_nms(boxes, []), "boxes"),
        (lambda boxes: boxgrad.match_boxes(boxes, A, 0.7, 0.3), "proposals"),
        (lambda boxes: boxgrad.match_boxes(A, boxes, 0.7, 0.3), "truths"),
        (lambda boxes: boxgrad.match_boxes(A, A, 0.7, 0.3, ignore=boxes), "ignore"),
        (lambda boxes: boxgrad.BoxCoder((1, 1, 1, 1)).encode([A, boxes], [A, A]), "reference_boxes[1]"),
        (lambda boxes: boxgrad.BoxCoder((1, 1, 1, 1)).decode(DELTAS, [A, boxes]), "boxes[1]"),
    ],
)
def test_matrices_of_boxes_are_refused_by_name(call, argument):
    for wrong in (np.zeros(4), np.zeros((3, 5)), np.zeros((2, 0)), np.zeros((0, 3)), np.zeros((2, 3, 4)), 1.0):
        with pytest.raises(ValueError, match=re.escape(f"{argument} must have the shape (N, 4), not {np.shape(wrong)}")):
            call(wrong)
    with pytest.raises(TypeError, match=re.escape(f"{argument} has dtype bool")):
        call(np.zeros((3, 4), bool))


def test_ragged_lists_are_refused():
    with pytest.raises((ValueError, TypeError)):
        boxgrad.box_area([[1, 2, 3, 4], [1, 2, 3]])


def test_what_cannot_be_read_is_named_whatever_it_raises(torch):
    for x in ([torch.ones(4, requires_grad=True)], type("Raising", (), {"__array__": lambda self, *_, **__: 1 / 0})()):
        with pytest.raises(TypeError, match="boxes2 is no array"):
            boxgrad.box_iou(A, x)


# Memory


@every_call
def test_memory_does_not_grow(name):
    def rounds(count):
        for _ in range(count):
            call(name)
            function = DIFFERENTIABLE[name]
            boxgrad.vjp(function.call, *function.arrays.values(), **function.options)[1](1.0)

    rounds(20)
    gc.collect()
    tracemalloc.start()
    rounds(10)
    gc.collect()
    first = tracemalloc.get_traced_memory()[0]
    rounds(50)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - first
    tracemalloc.stop()
    assert grown < 2000


def test_out_of_rotate_boxes_is_a_pair():
    expected, memory = boxgrad.rotate_boxes(A, 30, (5, 5)), np.full(len(A) * 12, np.nan)
    out = memory[: len(A) * 8].reshape(-1, 4, 2), memory[len(A) * 8 :].reshape(-1, 4)
    given = boxgrad.rotate_boxes(A, 30, (5, 5), out=out)
    for array, mine, right in zip(given, out, expected):
        assert array is mine
        np.testing.assert_array_equal(mine, right)
    for wrong, error in [
        (out[0], TypeError), (out[:1], TypeError), (out[::-1], ValueError), ((out[0], memory[1 : 1 + A.size].reshape(-1, 4)), ValueError),
    ]:  # fmt: skip
        with pytest.raises(error, match="out"):
            boxgrad.rotate_boxes(A, 30, (5, 5), out=wrong)


@pytest.mark.parametrize("loss", [*LOSSES.values(), boxgrad.smooth_l1_loss, boxgrad.balanced_l1_loss])
def test_a_scalar_has_no_out(loss):
    with pytest.raises(ValueError, match="out needs reduction"):
        loss(*PAIR, reduction="sum", out=np.empty(()))


def test_out_must_not_overlap_weights():
    buffer = np.arange(41.0)
    for loss in LOSSES.values():
        with pytest.raises(ValueError, match="overlaps"):
            loss(*PAIR, weights=buffer[:5], out=buffer[1:6])
    with pytest.raises(ValueError, match="overlaps"):
        boxgrad.smooth_l1_loss(np.ones(40), np.zeros(40), outside_weights=buffer[:40], reduction="none", out=buffer[1:])
