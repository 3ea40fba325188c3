"""boxgrad.cuda, whose arrays are in the memory of the stand-in for the driver: its results are those of boxgrad on the CPU, in the caller's type."""

import ctypes
import os
import subprocess
import sys
from types import SimpleNamespace

import gpu
import numpy as np
import pytest
from conftest import CPU, ROOT

pytestmark = pytest.mark.usefixtures("driver")


class OnDevice:
    """An array that only says where its memory is, as CuPy's do."""

    device = "the only one"

    def __init__(self, array, stream=None):
        self.hidden, self.stream = np.asarray(array), stream

    @property
    def __cuda_array_interface__(self):
        return {**self.hidden.__array_interface__, "version": 3, "stream": self.stream}

    def __array_namespace__(self):
        names = "float32", "float64", "int64", "uint8"
        return SimpleNamespace(empty=lambda shape, dtype, device: OnDevice(np.full(shape, 77, dtype), self.stream), **{name: name for name in names})

    def __getitem__(self, where):
        return OnDevice(self.hidden[where], self.stream)

    def __int__(self):
        return int(self.hidden)


class ByDLPack(OnDevice):
    """The same without __cuda_array_interface__."""

    __cuda_array_interface__ = property(lambda self: (_ for _ in ()).throw(AttributeError))

    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self, stream):
        assert stream == 1
        make = ctypes.pythonapi.PyCapsule_New
        make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        kind, size = {"i": 0, "u": 1, "f": 2}[self.hidden.dtype.kind], self.hidden.dtype.itemsize
        numbers = ctypes.c_int64 * self.hidden.ndim
        self.kept = numbers(*self.hidden.shape), numbers(*(stride // size for stride in self.hidden.strides))
        tensor = cuda._Tensor(self.hidden.ctypes.data - 8, 2, 0, self.hidden.ndim, kind, 8 * size, 1, *(
            ctypes.cast(x, ctypes.POINTER(ctypes.c_int64)) for x in self.kept), 8)  # fmt: skip
        self.kept += (tensor,)
        return make(ctypes.addressof(tensor), b"dltensor", None)


@pytest.fixture(scope="module", autouse=True)
def modules(session_driver):
    os.environ["BOXGRAD_LIBRARY"], os.environ["BOXGRAD_CUDA_LIBRARY"] = str(CPU), str(ROOT / "build/lib/libboxgrad_cuda.so")
    sys.path.insert(0, str(ROOT / "bindings/python"))
    global boxgrad, cuda
    import boxgrad
    import boxgrad.cuda as cuda


def same(found, wanted):
    assert type(found) in (OnDevice, ByDLPack)
    wanted = np.asarray(wanted)
    assert (found.hidden.shape, found.hidden.dtype) == (wanted.shape, wanted.dtype)
    assert gpu.compare(found.hidden, wanted) is None


@pytest.fixture(params=["f32", "f64"])
def boxes(request):
    """Two arrays of boxes, one of which has rows that are apart."""
    pred, target = gpu.box_pairs(3, 100, gpu.TYPES[request.param], False)
    return gpu.strided(pred, 6)[:, :4], target


@pytest.fixture(params=[OnDevice, ByDLPack])
def put(request):
    return request.param


def test_boxes(boxes, put):
    pred, _ = boxes
    same(cuda.box_area(put(pred)), boxgrad.box_area(pred))
    same(cuda.box_convert(put(pred), "xyxy", "cxcywh"), boxgrad.box_convert(pred, "xyxy", "cxcywh"))
    same(cuda.clip_boxes_to_image(put(pred), (300, 400)), boxgrad.clip_boxes_to_image(pred, (300, 400)))


@pytest.mark.parametrize("metric, function", [("iou", "box_iou"), ("giou", "generalized_box_iou"), ("ciou", "complete_box_iou"), ("ios", "box_ios")])
def test_overlaps(metric, function, boxes, put):
    pred, target = boxes
    value, pullback = boxgrad.vjp(getattr(boxgrad, function), pred, target[:70])
    same(cuda.box_iou(put(pred), put(target[:70]), metric=metric), value)
    cotangent = gpu.strided(gpu.signed(1, 7000, pred.dtype.type).reshape(100, 70), 73)[:, :70]
    wanted = pullback(cotangent)
    found = cuda.box_iou_grad(put(pred), put(target[:70]), put(cotangent), metric=metric)
    assert len(found) == 2
    for a, b in zip(found, wanted):
        same(a, b)
    same(cuda.box_iou_grad(put(pred), put(target[:70]), put(cotangent), metric=metric, outputs="grad_boxes2"), wanted[1])
    same(cuda.aligned_box_iou(put(pred), put(target), metric=metric), boxgrad.aligned_box_iou(pred, target, metric=metric))


def test_losses(boxes, put):
    pred, target = boxes
    value, gradient = boxgrad.value_and_grad(boxgrad.generalized_box_iou_loss)(pred, target, reduction="mean")
    loss, found = cuda.box_iou_loss(put(pred), put(target), outputs=("loss", "grad_pred"))
    assert loss.hidden.shape == (1,) and loss.hidden.astype(pred.dtype) == np.asarray(value, pred.dtype)
    same(found, gradient)
    weights = gpu.uniform(5, 100, pred.dtype.type)
    value = boxgrad.complete_box_iou_loss(pred, target) * weights
    same(cuda.box_iou_loss(put(pred), put(target), metric="ciou", weights=put(weights), outputs="per_box"), value)
    value, gradient = boxgrad.value_and_grad(boxgrad.smooth_l1_loss)(target, target[::-1].copy(), sigma=3.0, reduction="mean")
    loss, found = cuda.smooth_l1_loss(put(target), put(target[::-1].copy()), sigma=3.0, outputs=["loss", "grad_input"])
    assert loss.hidden.astype(pred.dtype) == np.asarray(value, pred.dtype)
    same(found, gradient)


def test_deltas(boxes, put):
    pred, target = (gpu.random_boxes(seed, 100, boxes[0].dtype.type) for seed in (1, 2))
    stds = (0.1, 0.1, 0.2, 0.2)
    wanted = boxgrad.encode_boxes(pred, target, stds=stds)
    deltas, count = cuda.encode_boxes(put(pred), put(target), stds=stds, outputs=("deltas", "degenerate_count"))
    same(deltas, wanted)
    assert count.hidden == [0]
    bad = target.copy()
    bad[3:9, 2] = bad[3:9, 0]
    same(cuda.encode_boxes(put(pred), put(bad), outputs="degenerate"), (np.arange(100) // 3 % 33 > 0).astype(np.uint8) * (np.arange(100) < 9).astype(np.uint8))
    twice = np.tile(wanted, 2)
    same(cuda.decode_boxes(put(pred), put(twice), stds=stds, max_shape=(500, 600)), boxgrad.decode_boxes(pred, twice, stds=stds, max_shape=(500, 600)))


def test_match_and_nms(boxes, put):
    pred, target = boxes
    for forced in ("proposal", "truth"):
        wanted = boxgrad.match_boxes(pred, target[:9], 0.7, 0.3, True, forced=forced, metric="giou")
        for a, b in zip(cuda.match_boxes(put(pred), put(target[:9]), 0.7, 0.3, True, forced=forced, metric="giou"), wanted):
            same(a, b)
    scores = gpu.uniform(8, 100, pred.dtype.type)
    same(cuda.nms(put(pred), put(scores), 0.01), boxgrad.nms(pred, scores, 0.01))
    keep, count = cuda.nms(put(pred), put(scores), 0.01, score_threshold=0.5, max_keep=20, wait=False)
    same(keep[: int(count[0])], boxgrad.nms(pred, scores, 0.01, score_threshold=0.5, max_keep=20))
    classes = np.arange(100) % 3
    same(cuda.batched_nms(put(pred), put(scores), put(classes), 0.0), boxgrad.batched_nms(pred, scores, classes, 0.0))


def test_empty(put):
    nothing = put(np.zeros((0, 4), np.float32))
    for found, shape in ((cuda.box_area(nothing), (0,)), (cuda.box_iou(nothing, nothing), (0, 0)), (cuda.nms(nothing, put(np.zeros(0, np.float32)), 0.5), (0,)),
                         (cuda.match_boxes(nothing, nothing, 0.5, 0.5, True)[0], (0,)), (cuda.box_iou_loss(nothing, nothing, normalizer=1), (1,))):  # fmt: skip
        assert found.hidden.shape == shape and not found.hidden.any()


def test_the_stream_is_the_callers(boxes, driver):
    pred, _ = boxes
    cuda.box_area(OnDevice(pred, stream=0x77))
    assert {line[3] for line in driver.journal() if line[0] == "cuLaunchKernel"} == {"0x77"}
    with pytest.raises(ValueError, match="boxes2 is being written on another stream"):
        cuda.box_iou(OnDevice(pred, stream=0x77), OnDevice(pred, stream=0x78))


def test_failures(boxes, driver):
    pred, target = boxes
    x = OnDevice(target)
    wrong = OnDevice(target.astype(np.float64 if target.dtype == np.float32 else np.float32))
    apart = np.zeros((100, 8), target.dtype)[:, ::2]
    for error, words, call in (
        (TypeError, "boxes is a ndarray that is not in the memory of an NVIDIA GPU", lambda: cuda.box_area(target)),
        (TypeError, "boxes is a list, and no array in the memory of a GPU", lambda: cuda.box_area([[0, 0, 1, 1]])),
        (TypeError, "boxes has dtype float16; it must be float32 or float64", lambda: cuda.box_area(OnDevice(target.astype(np.float16)))),
        (TypeError, f"boxes2 has dtype {wrong.hidden.dtype}; it must be {target.dtype}", lambda: cuda.box_iou(x, wrong)),
        (ValueError, r"boxes must have the shape \(N, 4\), not \(4,\)", lambda: cuda.box_area(OnDevice(target[0]))),
        (ValueError, "boxes must have rows whose elements are neighbours", lambda: cuda.box_area(OnDevice(apart))),
        (ValueError, "pred has 100 rows and target 99", lambda: cuda.box_iou_loss(x, OnDevice(target[1:]))),
        (ValueError, "outputs must be one of loss, per_box, grad_pred, grad_target, not 'grad'", lambda: cuda.box_iou_loss(x, x, outputs="grad")),
        (ValueError, "metric must be one of iou, giou, diou, ciou, not 'iof'", lambda: cuda.box_iou_loss(x, x, metric="iof")),
        (ValueError, "weights must be contiguous", lambda: cuda.box_iou_loss(x, x, weights=OnDevice(target[:, 0]))),
        (ValueError, "iou_threshold must not be negative", lambda: cuda.nms(x, OnDevice(target[:, 0].copy()), -1)),
        (ValueError, "family begins the name of no family", lambda: cuda.load("rotated")),
    ):  # fmt: skip
        with pytest.raises(error, match=words):
            call()
    assert "cuLaunchKernel" not in driver.names()
    driver.lib.standin_fail(b"cuLaunchKernel", 100, 0)
    with pytest.raises(RuntimeError, match="cuLaunchKernel failed with CUDA_ERROR_NO_DEVICE"):
        cuda.box_area(x)


def test_a_tensor_on_the_cpu_is_refused(boxes):
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="boxes is on the device 'cpu' in the layout torch.strided; boxgrad.cuda takes dense tensors on a GPU"):
        cuda.box_area(torch.from_numpy(boxes[1]))


def test_without_a_driver_or_a_library():
    program = "import boxgrad.cuda, numpy\nx = numpy.zeros((2, 4), 'f4')\nclass A: __cuda_array_interface__ = x.__array_interface__\nprint(boxgrad.cuda.box_area(A()))"
    for name, words in (("libboxgrad_cuda.so", "a A does not say how another one is allocated"), ("none.so", "boxgrad.cuda needs libboxgrad_cuda.so")):
        environment = {"BOXGRAD_LIBRARY": str(CPU), "BOXGRAD_CUDA_LIBRARY": str(ROOT / "build/lib" / name), "PYTHONPATH": str(ROOT / "bindings/python")}
        found = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
        assert found.returncode and words in found.stderr, found.stderr
