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


def test_rotated_boxes(boxes, put):
    dtype = boxes[0].dtype.type
    pred, target = gpu.rotated_pairs(3, 100, dtype)
    for start, end in (("degrees-cw", "radians-ccw"), ("degrees-cw", "corners"), ("degrees-ccw", "bounds")):
        same(cuda.convert_rotated_boxes(put(pred), start, end), boxgrad.convert_rotated_boxes(pred, start, end))
    corners = boxgrad.convert_rotated_boxes(pred, "degrees-cw", "corners")
    same(cuda.convert_rotated_boxes(put(corners), "corners", "radians-cw"), boxgrad.convert_rotated_boxes(corners, "corners", "radians-cw"))
    cotangent = gpu.strided(gpu.signed(1, 7000, dtype).reshape(100, 70), 73)[:, :70]
    for metric, function in (("iou", boxgrad.rotated_box_iou), ("iof", boxgrad.rotated_box_iof)):
        value, pullback = boxgrad.vjp(function, pred, target[:70], angle="degrees-cw")
        same(cuda.rotated_box_iou(put(pred), put(target[:70]), angle="degrees-cw", metric=metric), value)
        wanted = pullback(cotangent)
        for a, b in zip(cuda.rotated_box_iou_grad(put(pred), put(target[:70]), put(cotangent), angle="degrees-cw", metric=metric), wanted):
            same(a, b)
        aligned = cuda.aligned_rotated_box_iou(put(pred), put(target), angle="degrees-cw", metric=metric)
        same(aligned, boxgrad.aligned_rotated_box_iou(pred, target, angle="degrees-cw", metric=metric))
    pred, target = gpu.rotated_pairs(4, 100, dtype, special=False)
    for mode in ("linear", "log"):
        value, gradient = boxgrad.value_and_grad(boxgrad.rotated_box_iou_loss)(pred, target, angle="radians-cw", mode=mode, reduction="mean")
        loss, found = cuda.rotated_box_iou_loss(put(pred), put(target), angle="radians-cw", mode=mode, outputs=("loss", "grad_pred"))
        assert loss.hidden.astype(dtype) == np.asarray(value, dtype)
        same(found, gradient)


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


def gradients(names=("float32", "float16", "float64"), kind="usual"):
    return [gpu.gradient(k, 300 + k, np.dtype(name), kind) for k, name in enumerate(names)]


class Brain(ByDLPack):
    """An array of bfloat16, which NumPy lacks: its bits are those of the hidden integers."""

    def __dlpack__(self, stream):
        capsule = super().__dlpack__(stream)
        self.kept[-1].code = 4
        return capsule


@pytest.mark.parametrize("names", [("float32",), ("float32", "float16", "float32"), ("float32", "float16", "float64")], ids=str)
@pytest.mark.parametrize("norm_type", [1, 2, np.inf, "inf"])
def test_norms_and_clipping(names, norm_type, put):
    arrays = gradients(names)
    total, norms, first = cuda.get_total_norm(map(put, arrays), norm_type, outputs=("total", "per_tensor", "first_nonfinite"))
    same(total, [boxgrad.get_total_norm(arrays, norm_type)])
    same(norms, boxgrad.per_tensor_norms(arrays, norm_type))
    same(first, np.array([-1]))
    same(cuda.get_total_norm([None, put(arrays[0])], norm_type), [boxgrad.get_total_norm(arrays[0], norm_type)])
    wanted = [x.copy() for x in arrays]
    limit = 0.7 * float(total.hidden[0])
    boxgrad.clip_grad_norm_(wanted, limit, norm_type)
    found = [x.copy() for x in arrays]
    same(cuda.clip_grad_norm_([put(x) for x in found], limit, norm_type), total.hidden)
    assert all(gpu.compare(a, b) is None for a, b in zip(found, wanted))
    again = [x.copy() for x in arrays]
    assert cuda.clip_grads_with_norm_([put(x) for x in again], limit, total) is None
    assert all(gpu.compare(a, b) is None for a, b in zip(again, wanted))
    boxgrad.clip_grad_value_(wanted, 0.01)
    assert cuda.clip_grad_value_([put(x) for x in found], 0.01) is None
    assert all(gpu.compare(a, b) is None for a, b in zip(found, wanted))


def test_norms_of_bfloat16():
    bits = gpu.gradient(1, 500, gpu.BFLOAT16, "usual")
    value = (bits.astype(np.uint32) << 16).view(np.float32)
    total = cuda.get_total_norm([Brain(bits)])
    assert total.hidden == [boxgrad.get_total_norm(value)]
    cuda.clip_grad_value_(Brain(bits), 2.0**-9)
    assert ((bits.astype(np.uint32) << 16).view(np.float32) == np.clip(value, -(2.0**-9), 2.0**-9)).all()


def test_what_is_listed_twice_is_scaled_twice(put, driver):
    x, y = gradients(("float32", "float64"))
    ours, theirs = [[a.copy() for a in (x, y)] for _ in range(2)]
    listed = [put(ours[0]), put(ours[1]), put(ours[0]), put(ours[0]), put(x[:0])]
    total = boxgrad.clip_grad_norm_([theirs[0], theirs[1], theirs[0], theirs[0], x[:0]], 0.25)
    same(cuda.clip_grad_norm_(listed, 0.25), [total])
    assert all(gpu.compare(a, b) is None for a, b in zip(ours, theirs))
    assert [what for function, what, *_ in driver.journal() if what == "boxgrad_grad_change"] == ["boxgrad_grad_change"] * 3


@pytest.mark.parametrize("mode", ["propagate", "error", "skip", "zero"])
def test_norms_that_are_not_finite(mode, put):
    arrays = gradients()
    arrays[1][[7, 70]] = np.inf, np.nan
    same(cuda.get_total_norm([put(x) for x in arrays], outputs="first_nonfinite"), np.array([1]))
    wanted, found = [[x.copy() for x in arrays] for _ in range(2)]
    boxgrad.clip_grad_norm_(wanted, 0.5, on_nonfinite=mode.replace("error", "skip"))
    same(cuda.clip_grad_norm_([put(x) for x in found], 0.5, on_nonfinite=mode), [np.nan])
    assert all(gpu.compare(a, b) is None for a, b in zip(found, wanted))


def test_elements_may_be_in_any_order(put):
    x = gradients(("float32",))[0][:300].reshape(3, 20, 5)
    for y in (x.transpose(2, 0, 1), x[:, :, :], x[:1], x.T):
        same(cuda.get_total_norm(put(y)), [boxgrad.get_total_norm(y)])
        found = np.array(y.T, copy=True).T
        wanted = found.copy()
        boxgrad.clip_grad_value_(wanted, 0.01)
        cuda.clip_grad_value_(put(found), 0.01)
        assert np.array_equal(found, wanted)


def test_gradients_that_are_refused(put, driver):
    x = gradients(("float32",))[0]
    for error, words, call in (
        (ValueError, "there are no tensors", lambda: cuda.get_total_norm([])),
        (ValueError, "there are no tensors", lambda: cuda.clip_grad_value_([None], 1)),
        (ValueError, "norm_type must be 1, 2 or inf on a GPU, not 3", lambda: cuda.get_total_norm([put(x)], 3)),
        (ValueError, "norm_type must be positive, not -1", lambda: cuda.clip_grad_norm_([put(x)], 1, -1)),
        (ValueError, "on_nonfinite must be one of propagate, error, skip, zero, not 'no'", lambda: cuda.clip_grad_norm_([put(x)], 1, on_nonfinite="no")),
        (ValueError, "max_norm must not be negative or NaN", lambda: cuda.clip_grad_norm_([put(x)], -1)),
        (ValueError, "limit must not be negative or NaN", lambda: cuda.clip_grad_value_([put(x)], np.nan)),
        (ValueError, "tensor 1 must be contiguous: pass a copy", lambda: cuda.clip_grad_value_([put(x), put(x[::2])], 1)),
        (TypeError, "tensor 0 has dtype int64; it must be float16, bfloat16, float32 or float64", lambda: cuda.clip_grad_value_(put(x.astype(np.int64)), 1)),
        (TypeError, "tensor 0 is a ndarray", lambda: cuda.clip_grad_value_([x], 1)),
        (TypeError, "total_norm has dtype float32; it must be float64", lambda: cuda.clip_grads_with_norm_(put(x), 1, put(x[:1]))),
        (TypeError, "total_norm must be an array of float64, not None", lambda: cuda.clip_grads_with_norm_(put(x), 1, None)),
        (ValueError, r"total_norm must have the shape \(1,\), not \(2,\)", lambda: cuda.clip_grads_with_norm_(put(x), 1, put(x[:2].astype(float)))),
    ):  # fmt: skip
        with pytest.raises(error, match=words):
            call()
    assert "cuLaunchKernel" not in driver.names()


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
        (ValueError, "angle must be one of radians-cw, degrees-ccw, degrees-cw, radians-ccw, not 'degrees'", lambda: cuda.rotated_box_iou(x, x, angle="degrees")),
        (ValueError, r"boxes1 must have the shape \(N, 5\)", lambda: cuda.rotated_box_iou(x, x, angle="degrees-cw")),
        (ValueError, "weights must be contiguous", lambda: cuda.box_iou_loss(x, x, weights=OnDevice(target[:, 0]))),
        (ValueError, "iou_threshold must not be negative", lambda: cuda.nms(x, OnDevice(target[:, 0].copy()), -1)),
        (ValueError, "family begins the name of no family", lambda: cuda.load("turned")),
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
