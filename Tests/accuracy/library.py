"""The library's C functions, called as they are: without the Python package in between."""

import ctypes
import os
from pathlib import Path

import ml_dtypes
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PATH = Path(os.environ.get("BOXGRAD_LIBRARY", ROOT / "build/lib/libboxgrad.so"))
SUFFIX = {np.dtype(np.float32): "f32", np.dtype(np.float64): "f64"}
TENSOR_DTYPES = {np.dtype(t): code for code, t in enumerate((np.float32, np.float64, np.float16, ml_dtypes.bfloat16))}

_library = ctypes.CDLL(str(PATH))
_library.boxgrad_last_error.restype = ctypes.c_char_p


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("count", ctypes.c_size_t), ("dtype", ctypes.c_int32), ("reserved", ctypes.c_int32)]


class Parameter(ctypes.Structure):
    _fields_ = [("grad", Tensor), ("param", Tensor), ("unit_size", ctypes.c_size_t), ("unit_stride", ctypes.c_size_t)]


class DeltaOptions(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("means", ctypes.c_double * 4), ("stds", ctypes.c_double * 4),
        ("log_ratio_min", ctypes.c_double), ("log_ratio_max", ctypes.c_double),
        ("image_width", ctypes.c_double), ("image_height", ctypes.c_double), ("center_clamp", ctypes.c_double),
        ("on_degenerate", ctypes.c_int32), ("reserved", ctypes.c_int32),
    ]  # fmt: skip


def delta_options(*, means=(0,) * 4, stds=(1,) * 4, log_ratio=(-np.inf, np.inf), center_clamp=np.inf, size=(-1, -1)):
    """size is (height, width), as in reference.decode."""
    height, width = size
    return DeltaOptions(ctypes.sizeof(DeltaOptions), means, stds, *log_ratio, width, height, center_clamp)


def parameters(grads, params, units):
    """units has the size and the stride of each gradient's units."""
    pairs = zip(tensors(grads), tensors(params), units)
    return (Parameter * len(grads))(*(Parameter(grad, param, *sizes) for grad, param, sizes in pairs))


class BoxLossOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t)] + [
        (name, ctypes.c_double)
        for name in ("eps", "alpha", "gamma", "inner_ratio", "theta", "image_width", "image_height", "least_iou", "constant", "beta")
    ]


def box_loss_options(*, eps=1e-7, alpha=1, gamma=0, inner_ratio=1, theta=4, size=(0, 0), least_iou=1e-6, unit=0, beta=0.2):
    """The names are those of reference.box_loss; size is (height, width)."""
    height, width = size
    return BoxLossOptions(ctypes.sizeof(BoxLossOptions), eps, alpha, gamma, inner_ratio, theta, width, height, least_iou, unit, beta)


class GaussianLossOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), *((name, ctypes.c_double) for name in ("alpha", "tau", "eps"))] + [
        (name, ctypes.c_int32) for name in ("function", "root", "normalized", "reserved")
    ]


def gaussian_loss_options(*, alpha=1, tau=1, eps=1e-6, fun="log1p", is_root=True, normalized=True):
    """The names are those of reference.gaussian_loss."""
    return GaussianLossOptions(ctypes.sizeof(GaussianLossOptions), alpha, tau, eps, ("none", "sqrt", "log1p").index(fun), is_root, normalized, 0)


class RotatedDeltaOptions(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("means", ctypes.c_double * 6), ("stds", ctypes.c_double * 6),
        *((name, ctypes.c_double) for name in ("log_ratio_min", "log_ratio_max", "image_width", "image_height", "center_clamp", "norm_factor", "corner_tolerance")),
        *((name, ctypes.c_int32) for name in ("range", "edge_swap", "proj_xy", "on_degenerate")),
    ]  # fmt: skip


def rotated_delta_options(
    *, means=(), stds=(), log_ratio=(-np.inf, np.inf), center_clamp=np.inf, size=(-1, -1), norm_factor=0, corner_tolerance=0.1, range="turn",
    edge_swap=False, proj_xy=False,
):  # fmt: skip
    """The names are those of reference.rotated_decode and reference.midpoint_encode."""
    means, stds = (tuple(x) + (fill,) * (6 - len(x)) for x, fill in ((means, 0), (stds, 1)))
    height, width = size
    numbers = *log_ratio, width, height, center_clamp, norm_factor, corner_tolerance
    return RotatedDeltaOptions(ctypes.sizeof(RotatedDeltaOptions), means, stds, *numbers, ("oc", "le90", "le135", "turn").index(range), edge_swap, proj_xy, 0)


class RoIOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("spatial_scale", ctypes.c_double)] + [
        (name, ctypes.c_int32) for name in ("layout", "sampling_ratio", "aligned", "reserved")]


def roi_options(*, scale=1.0, ratio=0, aligned=False):
    return RoIOptions(ctypes.sizeof(RoIOptions), scale, 0, ratio or 0, aligned)


def tensors(arrays):
    return (Tensor * len(arrays))(*(Tensor(a.ctypes.data, a.size, TENSOR_DTYPES[a.dtype], 0) for a in arrays))


def _argument(x):
    if isinstance(x, np.ndarray):
        assert x.flags.c_contiguous
        return ctypes.c_void_p(x.ctypes.data)
    if isinstance(x, (ctypes.Structure, ctypes.Array)):
        return ctypes.byref(x)
    return {int: ctypes.c_ssize_t, float: ctypes.c_double, type(None): ctypes.c_void_p}[type(x)](x)


def call(name, *arguments, dtype=None):
    """boxgrad_<name>, with the dtype's suffix if there is one. Integers are passed as 64 bits, of which an int32_t is the lower half."""
    function = f"boxgrad_{name}" + (f"_{SUFFIX[np.dtype(dtype)]}" if dtype else "")
    status = _library[function](*map(_argument, arguments))
    assert status == 0, f"{function}: {_library.boxgrad_last_error().decode()}"
