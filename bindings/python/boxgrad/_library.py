"""Finds libboxgrad.so, checks its version, declares its functions, and turns its statuses into exceptions."""

from __future__ import annotations

import ctypes
import operator
import os
import struct
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, NoReturn

import numpy as np

from ._prototypes import FOR_ALL_DTYPES, FOR_EACH_DTYPE
from ._scalars import integer
from .errors import DegenerateBoxError, NonFiniteError

__version__ = "0.2.0"

TENSOR = struct.Struct("PNii")
"""boxgrad_tensor: data, count, dtype, reserved."""

PARAMETER = struct.Struct("PNiiPNiiNN")
"""boxgrad_parameter: the tensors grad and param, unit_size, unit_stride."""

DELTA_OPTIONS = struct.Struct("N13dii")
"""boxgrad_delta_options: size, means, stds, log_ratio_min and _max, image_width and _height, center_clamp, on_degenerate, reserved."""

BOX_LOSS_OPTIONS = struct.Struct("N10d")
"""boxgrad_box_loss_options: size, eps, alpha, gamma, inner_ratio, theta, image_width and _height, least_iou, constant, beta."""

GAUSSIAN_LOSS_OPTIONS = struct.Struct("N3d4i")
"""boxgrad_gaussian_loss_options: size, alpha, tau, eps, function, root, normalized, reserved."""

ROTATED_DELTA_OPTIONS = struct.Struct("N19d4i")
"""boxgrad_rotated_delta_options: size, means, stds, log_ratio_min and _max, image_width and _height, center_clamp, norm_factor, corner_tolerance, range,
edge_swap, proj_xy, on_degenerate."""

ROI_OPTIONS = struct.Struct("Ndiiii")
"""boxgrad_roi_options: size, spatial_scale, layout, sampling_ratio, aligned, reserved."""

_EXCEPTIONS: dict[int, type[Exception]] = {
    12: OverflowError,  # SIZE_OVERFLOW
    21: DegenerateBoxError,  # DEGENERATE_BOX
    22: NonFiniteError,  # NONFINITE
    30: MemoryError,  # OUT_OF_MEMORY
    40: TypeError,  # UNSUPPORTED
}


_Memory = ctypes.c_char * 0
"""An array to ctypes, which passes it by its address. Made of a buffer in a quarter of the time of array.ctypes.data."""

_memory = _Memory.from_buffer

memory_at = _Memory.from_address
"""An address in the place of an array."""


def _memory_or_null(x: Any) -> Any:
    return None if x is None else _memory(x)


def _readable(x: Any) -> Any:
    """What _memory takes in place of an array that it refuses: one that is read-only."""
    return _Memory.from_address(x.ctypes.data) if isinstance(x, np.ndarray) else x


def address(x: Any) -> int:
    """Where the memory of a contiguous array is."""
    try:
        return ctypes.addressof(_memory(x))
    except (TypeError, ValueError):  # it is read-only, or its dtype is no buffer's
        return int(x.ctypes.data)


class _Kept(Dict[float, Any]):
    """A numeric type's parameters, kept because the same few sizes and options come again and again."""

    def __init__(self, number: Any) -> None:
        self.convert = number.from_param

    def __missing__(self, value: float) -> Any:
        if len(self) >= 1000:
            self.clear()
        parameter = self.convert(value)
        if value or isinstance(value, int):  # but not 0.0, which equals -0.0
            self[value] = parameter
        return parameter


_CONVERSIONS = {
    "*": _memory,
    "?": _memory_or_null,
    "n": _Kept(ctypes.c_size_t).__getitem__,
    "s": _Kept(ctypes.c_ssize_t).__getitem__,
    "d": _Kept(ctypes.c_double).__getitem__,
    "i": _Kept(ctypes.c_int32).__getitem__,
    "l": _Kept(ctypes.c_int64).__getitem__,
    "u": ctypes.c_uint64.from_param,
}
_TYPES = {letter: SimpleNamespace(from_param=conversion) for letter, conversion in _CONVERSIONS.items()}
"""ctypes' parameter types, by the only thing that it asks of them."""


def _candidates() -> list[Path]:
    """Where the library may be. The environment's choice is final: another copy would be a surprise."""
    chosen = os.environ.get("BOXGRAD_LIBRARY")
    if chosen:
        return [Path(chosen)]
    package = Path(__file__).resolve().parent
    checkout = package.parents[2]
    built = [checkout / "build" / "lib" / "libboxgrad.so"] if (checkout / "Package.swift").exists() else []
    return [package / "lib" / "libboxgrad.so", *built]


def _load() -> ctypes.CDLL:
    """The first library that is this package's. That of another version is as bad as none: the prototypes would be wrong."""
    tried = []
    for path in _candidates():
        try:
            library = ctypes.CDLL(str(path))
        except OSError as error:
            reason = _machine_problem(path) or str(error)
        else:
            version = _version(library)
            if version == __version__:
                return library
            reason = f"is version {version}" if version else "is not libboxgrad: it has no boxgrad_version_number"
        tried.append(f"\n  {path}: {reason.replace(f'{path}: ', '')}")
    raise ImportError(
        f"boxgrad {__version__} needs libboxgrad.so {__version__}, and did not find it. Tried:{''.join(tried)}\n"
        "Reinstall the package, or in a checkout run `make`; the environment variable BOXGRAD_LIBRARY names another file to use."
    )


def _version(library: ctypes.CDLL) -> str | None:
    try:
        library.boxgrad_version_number.restype = ctypes.c_uint32
        number = library.boxgrad_version_number()
    except AttributeError:
        return None
    return f"{number >> 16}.{number >> 8 & 0xFF}.{number & 0xFF}"


def _machine_problem(path: Path) -> str | None:
    """What the loader does not say: it calls a library for another machine one that does not exist."""
    names = {3: "i386", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
    try:
        with open(path, "rb") as theirs, open("/proc/self/exe", "rb") as ours:
            heads = [file.read(20) for file in (theirs, ours)]
        machines = [struct.unpack_from("<H", head, 18)[0] for head in heads if head.startswith(b"\x7fELF")]
    except (OSError, struct.error):
        return None
    if len(machines) < 2 or machines[0] == machines[1]:
        return None
    theirs_name, ours_name = (names.get(machine, f"ELF machine {machine}") for machine in machines)
    return f"is made for {theirs_name}, and this Python for {ours_name}"


def _fail(status: int) -> NoReturn:
    message = _last_error().decode().replace("options->", "")  # the fields are arguments here
    raise _EXCEPTIONS.get(status, ValueError)(message)


def _compiled_functions() -> dict[str, Callable[..., None]]:
    """The library's functions as _calls.c calls them, which takes a third of ctypes' time. Empty where it was not compiled for this Python."""
    if sys.version_info < (3, 11):  # its stable interface has no buffers
        return {}
    get_api = _library.boxgrad_get_api
    get_api.argtypes, get_api.restype = [ctypes.c_uint32], ctypes.c_void_p
    try:
        from . import _calls

        return _calls.functions(get_api(1), _fail)
    except ImportError:
        return {}


def _function(name: str, parameters: str) -> Callable[..., None]:
    if name in _compiled:
        return _compiled[name]
    call = getattr(_library, f"boxgrad_{name}")
    call.argtypes = [_TYPES[letter] for letter in parameters]
    call.restype = ctypes.c_int32

    def function(*arguments: Any) -> None:
        try:
            status = call(*arguments)
        except ctypes.ArgumentError:
            status = call(*map(_readable, arguments))
        if status:
            _fail(status)

    return function


def _string_function(name: str) -> Any:
    function = getattr(_library, f"boxgrad_{name}")
    function.restype = ctypes.c_char_p
    return function


_library = _load()
_compiled = _compiled_functions()
_last_error = _string_function("last_error")
_cpu_tier = _string_function("cpu_tier")

library = SimpleNamespace(**{name: _function(name, parameters) for name, parameters in FOR_ALL_DTYPES.items()})
"""The functions without a dtype in their name."""

library_of = {
    np.dtype(dtype): SimpleNamespace(**{name: _function(f"{name}_{suffix}", p) for name, p in FOR_EACH_DTYPE.items()})
    for dtype, suffix in ((np.float32, "f32"), (np.float64, "f64"))
}
"""The functions of each dtype."""


def library_path() -> str:
    """The path of the shared library in use."""
    return str(_library._name)


def cpu_tier() -> str:
    """The instruction set in use, such as "avx2". The environment variable BOXGRAD_CPU_TIER, read once, names a lower one.

    >>> import boxgrad
    >>> boxgrad.cpu_tier() in ("baseline", "avx2", "avx512")
    True
    """
    tier: bytes = _cpu_tier()
    return tier.decode()


def set_num_threads(n: int, keep: bool = False) -> None:
    """How many threads one call may use, at first 1 or what the environment variable BOXGRAD_NUM_THREADS said at import.

    A call is divided only where each thread has work for some 200 us, and its threads end before it returns.
    With keep=True they stay, asleep, for the next call, and work for some 20 us is enough. The next set_num_threads(n) ends them, and so does
    the end of the process. A child of fork begins without them.
    ValueError: n < 1; TypeError: n is no integer.

    >>> import boxgrad
    >>> boxgrad.set_num_threads(2, keep=True)
    >>> boxgrad.get_num_threads()
    2
    >>> boxgrad.set_num_threads(1)
    """
    if not 1 <= integer(n, "n") < 2**31:
        raise ValueError(f"n must be at least 1 and fit 32 bits, not {n}")
    library.set_max_threads(operator.index(n))
    library.set_keep_threads(1 if keep else 0)


def get_num_threads() -> int:
    """How many threads one call may use, whether they are kept or not.

    >>> import boxgrad
    >>> boxgrad.get_num_threads()
    1
    """
    return int(_library.boxgrad_max_threads())


def _follow_environment() -> None:
    wanted = os.environ.get("BOXGRAD_NUM_THREADS")
    if wanted:
        try:
            set_num_threads(int(wanted))
        except ValueError:
            warnings.warn(f"BOXGRAD_NUM_THREADS must be an integer, at least 1, not {wanted!r}: ignored", RuntimeWarning, stacklevel=2)


_follow_environment()
