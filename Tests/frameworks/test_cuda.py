"""boxgrad.torch on CUDA tensors, as far as it goes without a GPU: the calls of libboxgrad_cuda.so, behind the stand-in for the driver that `make test-cuda` leaves, have the
bits of the functions of arrays. Memory of the CPU stands for the device's. Tests/cuda/torch_gpu.py is for a machine that has a GPU."""

import contextlib
import ctypes
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import boxgrad
import boxgrad.torch
import numpy as np
import pytest
import torch
from boxgrad._prototypes import ON_CUDA, ON_CUDA_FOR_ALL_DTYPES
from boxgrad.torch import _cuda, _operators, _tensors, _totals
from cases import CASES, EACH, EACH_IDS, IDS
from test_proposals import boxes_of
from test_values import LAYOUTS, same_bits
from torch._subclasses import FakeTensorMode

ROOT = Path(__file__).resolve().parents[2]
STANDIN, LIBRARY = ROOT / "build/cuda/standin/libcuda.so.1", ROOT / "build/lib/libboxgrad_cuda.so"
STREAM = 0x77
ON_CPU_ONLY = (
    "efficient_box_iou_loss", "siou_loss", "alpha_box_iou_loss", "wise_box_iou_loss", "inner_box_iou_loss", "mpdiou_loss", "log_box_iou_loss", "nwd_loss", "bounded_iou_loss",
    "balanced_l1_loss", "encode_distances", "decode_distances", "encode_linear", "decode_linear", "decode_yolo", "distribution_focal_loss", "decode_distribution",
    "regularize_rotated_boxes", "gwd_loss", "kld_loss", "kfiou_loss", "probiou_loss",
    "encode_rotated_boxes", "decode_rotated_boxes", "encode_midpoint_offset", "decode_midpoint_offset",
)  # fmt: skip

pytestmark = [
    pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU: run Tests/cuda/torch_gpu.py"),
    pytest.mark.skipif(
        not (STANDIN.exists() and LIBRARY.exists() and STANDIN.stat().st_mtime > LIBRARY.stat().st_mtime),
        reason="there is no stand-in for the driver, or one older than the library: `make test-cuda` makes it",
    ),
]


@pytest.fixture(scope="module")
def driver():
    driver = ctypes.CDLL(str(STANDIN))  # which the library then finds by its name
    driver.standin_journal.restype = ctypes.c_char_p
    return driver


@pytest.fixture(autouse=True)
def device(driver, monkeypatch):
    """Whatever computes calls the functions for CUDA devices."""
    monkeypatch.setenv("BOXGRAD_CUDA_LIBRARY", str(LIBRARY))
    here = torch.device("cpu", 0)
    for module in _operators, _totals:
        monkeypatch.setattr(module, "c_functions", lambda tensor: _cuda.cuda_functions(tensor.dtype, here))
    monkeypatch.setattr(_cuda, "current_device", lambda: 0)
    monkeypatch.setattr(_cuda, "current_stream", lambda index: STREAM + index)
    driver.standin_reset()
    yield here
    driver.standin_reset()


def launches(driver):
    return [line.split() for line in driver.standin_journal().decode().splitlines() if line.startswith("cuLaunchKernel")]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_bits(case, dtype, driver):
    arrays = [x.astype(getattr(np, str(dtype).rpartition(".")[2])) for x in case.examples]
    tensors = case.tensors(dtype)
    if case.name in ON_CPU_ONLY:
        with pytest.raises(TypeError, match=r"boxgrad computes \w+ on the CPU only, and the tensors are on the device 'cpu:0': pass their cpu\(\)"):
            case(*tensors)
        return
    value = case(*tensors)
    cotangent = np.random.default_rng(3).normal(size=value.shape).astype(arrays[0].dtype)
    gradients = torch.autograd.grad(value, tensors, torch.tensor(cotangent))
    expected, expected_gradients = case.value_and_gradients(arrays, cotangent)
    for tensor, array in zip((value, *gradients), (expected, *expected_gradients)):
        same_bits(tensor, array)
    assert {line[3] for line in launches(driver)} == {hex(STREAM)}


ON_CUDA_TOO = [case for case in EACH if case.name not in ON_CPU_ONLY]
IDS_TOO = [name for name, case in zip(EACH_IDS, EACH) if case.name not in ON_CPU_ONLY]


def test_what_is_on_the_cpu_only():
    """A function that gets kernels for CUDA devices is no longer one of these."""
    assert not {"box_loss", "balanced_l1", "ltrb_encode", "ltrb_decode", "linear_encode", "linear_decode", "yolo_decode", "distribution_focal",
                "distribution_decode", "rotated_regularize", "rotated_gaussian_loss", "rotated_encode", "rotated_decode", "midpoint_encode", "midpoint_decode"} & set(ON_CUDA)  # fmt: skip
    assert not {"grad_norm_combine", "grad_scale", "clip_grad_rms", "clip_grad_adaptive", "exact_norm_add"} & set(ON_CUDA_FOR_ALL_DTYPES)


def test_scratch_is_that_of_every_function_that_takes_it():
    """nms and match are called by boxgrad.cuda."""
    assert {*_cuda._SIZES, "nms", "match"} == {name.removesuffix("_scratch") for name in ON_CUDA if name.endswith("_scratch")}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("case", ON_CUDA_TOO, ids=IDS_TOO)
def test_layouts_and_empty(case, layout):
    for rows in slice(None), slice(0):
        packed = [x[rows].detach().requires_grad_() for x in case.tensors()]
        if layout is LAYOUTS["an offset"] and not len(packed[0]):
            continue
        others = [layout(x.detach()).requires_grad_() for x in packed]
        expected, value = case(*packed), case(*others)
        assert torch.equal(value, expected)
        cotangent = torch.rand(expected.shape, dtype=torch.float64)
        for gradient, other in zip(torch.autograd.grad(value, others, cotangent), torch.autograd.grad(expected, packed, cotangent)):
            assert torch.equal(gradient, other)


@pytest.mark.parametrize("count", [0, 1, 4096, 4097, 20000])
def test_totals_of_several_blocks(count):
    x, y = (torch.tensor(np.random.default_rng(seed).random((count, 4)).cumsum(1), dtype=torch.float32).requires_grad_() for seed in (1, 2))
    total = boxgrad.torch.complete_box_iou_loss(x, y, "mean", weights=x[:, 0].detach())
    gradients = torch.autograd.grad(total, (x, y))
    value, pullback = boxgrad.vjp(boxgrad.complete_box_iou_loss, x.detach().numpy(), y.detach().numpy(), reduction="mean", weights=x[:, 0].detach().numpy())
    for tensor, array in zip((total, *gradients), (value, *pullback(1.0))):
        same_bits(tensor, array)


@pytest.mark.parametrize("counts", [(2, 90), (90, 2)])
def test_matrices_that_are_not_square(counts):
    """Their scratch is for the boxes of both sides."""
    x, y = (boxes_of(count, seed)[0].requires_grad_() for seed, count in enumerate(counts))
    value = boxgrad.torch.complete_box_iou(x, y)
    gradients = torch.autograd.grad(value, (x, y), torch.ones_like(value))
    expected, pullback = boxgrad.vjp(boxgrad.complete_box_iou, x.detach().numpy(), y.detach().numpy())
    for tensor, array in zip((value, *gradients), (expected, *pullback(np.ones(counts, np.float32)))):
        same_bits(tensor, array)


def test_the_error_of_degenerate_boxes_is_the_cpus():
    x, y = boxes_of(9)[0], boxes_of(9, 1)[0]
    boxgrad.torch.encode_boxes(x, y, on_degenerate="error")
    y[[2, 5], 2] = y[[2, 5], 0]
    with pytest.raises(boxgrad.DegenerateBoxError, match="2 of 9 rows are degenerate: 2, 5") as found:
        boxgrad.torch.encode_boxes(x, y, on_degenerate="error")
    assert list(found.value.rows) == [2, 5]


def test_compiled():
    x, y = boxes_of(30)[0].requires_grad_(), boxes_of(30, 1)[0]
    for reduction in "none", "mean":
        function = lambda a, b: boxgrad.torch.generalized_box_iou_loss(a, b, reduction).sum()  # noqa: B023, E731
        expected = torch.autograd.grad(function(x, y), x)[0]
        assert torch.equal(torch.autograd.grad(torch.compile(function, fullgraph=True, backend="aot_eager")(x, y), x)[0], expected)


def test_failures(driver):
    x = boxes_of(3)[0]
    driver.standin_fail(b"cuLaunchKernel", 100, 0)
    with pytest.raises(RuntimeError, match="cuLaunchKernel failed with CUDA_ERROR_NO_DEVICE"):
        boxgrad.torch.box_area(x)
    with pytest.raises(ValueError, match="eps must"):
        boxgrad.torch.distance_box_iou(x, x, eps=-1.0)


def test_a_thread_without_a_context(driver):
    driver.standin_fail(b"cuLaunchKernel", 201, 0)
    same_bits(boxgrad.torch.box_area(boxes_of(3)[0]), boxgrad.box_area(boxes_of(3)[0].numpy()))
    assert len(launches(driver)) == 2


def test_another_device_becomes_the_current_one(driver, monkeypatch):
    current, entered = [0], []

    class Guard:
        def __init__(self, device):
            self.index = device.index

        def __enter__(self):
            self.before, current[0] = current[0], self.index
            entered.append(self.index)

        def __exit__(self, *_):
            current[0] = self.before

    there = torch.device("cpu", 1)
    monkeypatch.setattr(_operators, "c_functions", lambda tensor: _cuda.cuda_functions(tensor.dtype, there))
    monkeypatch.setattr(_cuda, "current_device", lambda: current[0])
    monkeypatch.setattr(torch.cuda, "device", Guard)
    x = boxes_of(3)[0]
    same_bits(boxgrad.torch.complete_box_iou(x, x), boxgrad.complete_box_iou(x.numpy(), x.numpy()))
    assert (current, entered) == ([0], [1]) and {line[3] for line in launches(driver)} == {hex(STREAM + 1)}


class OnDevice(torch.Tensor):
    """A tensor that says that it is on a CUDA device."""

    is_cuda = True


def on_device(*tensors):
    return [x.as_subclass(OnDevice) for x in tensors]


@pytest.fixture
def streams(monkeypatch):
    """What boxgrad.cuda asks torch for."""
    monkeypatch.setattr(torch.cuda, "device", lambda device: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=STREAM))
    monkeypatch.setattr(torch, "empty", lambda *a, empty=torch.empty, **k: empty(*a, **k).as_subclass(OnDevice))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=str)
def test_suppression(streams, dtype, driver):
    boxes, scores, classes = boxes_of(200)
    boxes, scores = boxes.to(dtype), scores.to(dtype)
    b, s, c = on_device(boxes, scores, classes)
    for options in {}, {"score_threshold": 0.3}, {"max_keep": 7}:
        assert torch.equal(boxgrad.torch.nms(b, s, 0.3, **options), boxgrad.torch.nms(boxes, scores, 0.3, **options))
        for more in {}, {"max_per_class": 3}:
            found = boxgrad.torch.batched_nms(b, s, c.int(), 0.3, **options, **more)
            assert torch.equal(found, boxgrad.torch.batched_nms(boxes, scores, classes, 0.3, **options, **more))
    assert launches(driver)
    with pytest.raises(TypeError, match="idxs must be integers, not torch.float32"):
        boxgrad.torch.batched_nms(b, s, c.float(), 0.3)
    assert boxgrad.torch.nms(b[:0], s[:0], 0.3).shape == (0,)


@pytest.mark.parametrize("settings", [{}, {"allow_low_quality_matches": True}, {"allow_low_quality_matches": True, "forced": "truth"}], ids=str)
def test_matching(streams, settings, driver):
    truths, proposals = boxes_of(7)[0], boxes_of(90, 1)[0]
    proposals[5, 2] = float("nan")
    proposals[8] = proposals[9]
    truths[3] = truths[4]
    matcher = boxgrad.torch.Matcher(0.5, 0.3, **settings)
    for found, expected in zip(matcher.match(*on_device(proposals, truths)), matcher.match(proposals, truths)):
        assert torch.equal(found, expected)
    assert launches(driver)
    overlaps = torch.tensor(boxgrad.box_iou(truths.numpy(), proposals.numpy()))
    overlaps[2, 7], overlaps[:, 11], overlaps[6] = torch.nan, torch.nan, 0
    for matrix in overlaps, overlaps[:0], overlaps[:, :0]:
        assert torch.equal(matcher(*on_device(matrix)), matcher(matrix))
    with pytest.raises(TypeError, match="boxgrad ignores ground truth on the CPU only"):
        matcher.match(*on_device(proposals, truths), ignore=truths)


def gradients(*dtypes, where=on_device, scale=1.0):
    """Parameters whose gradients say that they are on a device, and the same on the CPU."""
    found = []
    for k in range(2 * len(dtypes)):
        x = (torch.randn((7, 3, 4, 5)[: 1 + k % 4], dtype=torch.float64, generator=torch.Generator().manual_seed(k)) * scale).to(dtypes[k % len(dtypes)])
        found.append((SimpleNamespace(grad=where(x.clone())[0]), SimpleNamespace(grad=x)))
    return [a for a, _ in found], [b for _, b in found]


def same_gradients(mine, theirs):
    for a, b in zip(mine, theirs, strict=True):
        assert torch.equal(torch.Tensor(a.grad).view(torch.uint8), b.grad.view(torch.uint8))


MIXED = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


@pytest.mark.parametrize("dtypes", [*[(dtype,) for dtype in MIXED], MIXED[:3], MIXED], ids=str)
@pytest.mark.parametrize("norm_type", [1.0, 2.0, "inf"])
def test_clipping(streams, dtypes, norm_type, driver):
    ours = boxgrad.torch
    mine, theirs = gradients(*dtypes)
    of = lambda parameters: [x.grad for x in parameters]  # noqa: E731
    wanted = ours.get_total_norm(of(theirs), norm_type)
    assert torch.equal(ours.get_total_norm(of(mine), norm_type), wanted)
    for limit in 1e9, 0.3, 0.0:
        total, expected = ours.clip_grad_norm_(mine, limit, norm_type), ours.clip_grad_norm_(theirs, limit, norm_type)
        assert torch.equal(total, expected) and (total.dtype, total.shape, total.is_cuda) == (expected.dtype, (), True)
        same_gradients(mine, theirs)
        mine, theirs = gradients(*dtypes)
    for norm in (wanted, wanted.double(), on_device(wanted.double())[0], 7.0, torch.tensor(7), on_device(torch.tensor(7.0))[0], torch.tensor(torch.nan)):
        ours.clip_grads_with_norm_(mine, 0.3, norm)
        ours.clip_grads_with_norm_(theirs, 0.3, norm)
        same_gradients(mine, theirs)
        mine, theirs = gradients(*dtypes)
    ours.clip_grad_value_(mine, 0.2)
    ours.clip_grad_value_(theirs, 0.2)
    same_gradients(mine, theirs)
    assert {line[3] for line in launches(driver)} == {hex(STREAM)}


def test_gradients_in_any_layout_are_clipped(streams):
    base = torch.randn(3, 6, 4, 5, generator=torch.Generator().manual_seed(1))
    layouts = {"channels_last": lambda x: x.contiguous(memory_format=torch.channels_last), "transposed": lambda x: x.clone().transpose(0, 3), "gaps": lambda x: x.clone()[:, ::2],
               "negative": lambda x: torch._neg_view(x.clone()), "empty": lambda x: x.clone()[:0], "a number": lambda x: x[0, 0, 0, 0].clone()}  # fmt: skip
    for name, layout in layouts.items():
        mine, theirs = SimpleNamespace(grad=on_device(layout(base))[0]), SimpleNamespace(grad=layout(base).resolve_neg() if name == "negative" else layout(base))
        assert torch.equal(boxgrad.torch.clip_grad_norm_([mine], 1.0), boxgrad.torch.clip_grad_norm_([theirs], 1.0)), name
        assert torch.equal(torch.Tensor(mine.grad.resolve_neg()), theirs.grad), name


def test_a_gradient_that_is_listed_twice_is_scaled_twice(streams):
    mine, theirs = gradients(torch.float32)
    boxgrad.torch.clip_grad_norm_([*mine, mine[0]], 0.3)
    boxgrad.torch.clip_grad_norm_([*theirs, theirs[0]], 0.3)
    same_gradients(mine, theirs)


@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_gradients_that_are_not_finite(streams, bad):
    ours = boxgrad.torch
    for mode in "propagate", "skip", "zero", "error":
        mine, theirs = gradients(*MIXED[:3])
        mine[4].grad.view(-1)[3] = theirs[4].grad.view(-1)[3] = bad
        if mode == "error":
            for call in (lambda: ours.clip_grad_norm_(mine, 0.3, on_nonfinite=mode), lambda: ours.clip_grad_norm_(mine, 0.3, error_if_nonfinite=True)):  # noqa: B023
                with pytest.raises(boxgrad.NonFiniteError, match=r"parameters\[4\] is not finite"):
                    call()
            with pytest.raises(boxgrad.NonFiniteError, match=r"tensors\[4\] is not finite"):
                ours.get_total_norm([x.grad for x in mine], error_if_nonfinite=True)
        else:
            found, expected = ours.clip_grad_norm_(mine, 0.3, on_nonfinite=mode), ours.clip_grad_norm_(theirs, 0.3, on_nonfinite=mode)
            assert torch.equal(found.isnan(), expected.isnan())
        for a, b in zip(mine, theirs):
            assert torch.equal(torch.nan_to_num(torch.Tensor(a.grad)), torch.nan_to_num(b.grad))
    large, _ = gradients(torch.float64, scale=3e307)
    with pytest.raises(boxgrad.NonFiniteError, match="tensors are finite, but their total norm is too large for a double"):
        ours.get_total_norm([x.grad for x in large], 1.0, error_if_nonfinite=True)


def test_clipping_tells_autograd(streams):
    mine, _ = gradients(torch.float32)
    for call in (lambda: boxgrad.torch.clip_grad_norm_(mine, 0.3), lambda: boxgrad.torch.clip_grad_value_(mine, 0.3),
                 lambda: boxgrad.torch.clip_grads_with_norm_(mine, 0.3, torch.tensor(5.0))):  # fmt: skip
        before = mine[0].grad._version
        call()
        assert mine[0].grad._version > before


def test_clipping_refuses(streams, driver):
    ours = boxgrad.torch
    (x, y), _ = gradients(torch.float32)
    whole, sparse = SimpleNamespace(grad=on_device(torch.ones(3, dtype=torch.int32))[0]), SimpleNamespace(grad=torch.eye(2).to_sparse())
    for error, words, call in (
        (ValueError, "norm_type must be 1, 2 or inf on a GPU, not 3.0", lambda: ours.clip_grad_norm_([x, y], 1.0, 3.0)),
        (ValueError, "norm_type must be positive, not -1", lambda: ours.get_total_norm([x.grad], -1)),
        (ValueError, "max_norm must not be negative or NaN, not -1", lambda: ours.clip_grad_norm_([x, y], -1)),
        (ValueError, "max_norm must not be negative or NaN, not nan", lambda: ours.clip_grads_with_norm_([x, y], torch.nan, torch.tensor(1.0))),
        (ValueError, "total_norm must not be negative, not -2.0", lambda: ours.clip_grads_with_norm_([x, y], 1.0, torch.tensor(-2.0))),
        (ValueError, "clip_value must not be negative or NaN, not -1", lambda: ours.clip_grad_value_([x, y], -1)),
        (ValueError, "on_nonfinite must be one of", lambda: ours.clip_grad_norm_([x, y], 1.0, on_nonfinite="no")),
        (TypeError, "gradient 1 has dtype torch.int32; it must be float16, bfloat16, float32 or float64", lambda: ours.clip_grad_norm_([x, whole], 1.0)),
        (TypeError, "gradient 1 has the layout torch.sparse_coo", lambda: ours.clip_grad_norm_([x, sparse], 1.0)),
        (TypeError, "gradient 1 is on the device 'meta', and must be on 'cpu'", lambda: ours.get_total_norm([x.grad, torch.ones(2, device="meta")])),
    ):  # fmt: skip
        before = x.grad.clone()
        with pytest.raises(error, match=words):
            call()
        assert torch.equal(x.grad, before)
    assert not launches(driver)


def test_without_the_library():
    program = "import torch, boxgrad.torch; from boxgrad.torch import _cuda; _cuda.cuda_functions(torch.float32, torch.device('cuda:0')).box_area()"
    environment = {"BOXGRAD_LIBRARY": boxgrad._library.library_path(), "BOXGRAD_CUDA_LIBRARY": "none.so", "PYTHONPATH": str(ROOT / "bindings/python")}
    found = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert "ImportError: boxgrad.cuda needs libboxgrad_cuda.so: none.so" in found.stderr, found.stderr


def test_autocast_says_when_halves_become_float32(monkeypatch):
    half = torch.ones(2, 4, dtype=torch.float16)
    value = torch.ones(2, 4).as_subclass(OnDevice)
    assert _tensors.in_half(value, half, half).dtype is torch.float16
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda kind: kind == "cuda")
    assert _tensors.in_half(value, half, half).dtype is torch.float32


def test_fake_tensors_on_cuda():
    ours = boxgrad.torch
    with FakeTensorMode():
        x, y = torch.empty(5, 4, device="cuda"), torch.empty(5, 4)
        for value in (ours.box_iou(x, x), ours.generalized_box_iou_loss(x, x), ours.complete_box_iou_loss(x, x, "mean"), ours.encode_boxes(x, x), ours.smooth_l1_loss(x, x)):
            assert value.device == torch.device("cuda", 0)
        with pytest.raises(TypeError, match="boxes1 is on the device 'cuda:0' and boxes2 on 'cpu': they must be on one"):
            ours.box_iou(x, y)
        with pytest.raises(TypeError, match="weights is on the device 'cpu', and must be on 'cuda:0'"):
            ours.box_iou_loss(x, x, weights=y[:, 0])
