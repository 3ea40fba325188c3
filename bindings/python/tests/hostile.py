"""Arrays as callers may bring them, from Hypothesis: every dtype, layout and container, with a plain copy of the same numbers."""

import itertools
from typing import Any, NamedTuple

import boxgrad
import ml_dtypes
import numpy as np
from hypothesis import strategies as st

NUMBERS = (*("f4", "f8") * 8, "f2", ml_dtypes.bfloat16, "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
NO_NUMBERS = (bool, complex, object, np.longdouble, "U8", "S8", "M8[s]", "m8[s]", [("x", "f8")])


class Given(NamedTuple):
    """What a function is called with."""

    x: Any
    plain: Any
    """A contiguous native array of the same numbers; None if x is to be refused."""
    memory: np.ndarray
    """What holds x, and more; a call must not change it."""


class Subclass(np.ndarray):
    pass


class Protocol:
    def __init__(self, array):
        self.__array_interface__ = array.__array_interface__
        self.array = array


class Raising:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("this is a RuntimeError of somebody else's")


def numbers(seed, shape):
    """Boxes along the last axis, most of them with area, some on a grid where they touch, few of them not finite."""
    generator = np.random.default_rng(seed)
    corner = generator.integers(0, 9, shape) if seed % 2 else generator.uniform(0, 9, shape)
    if seed % 8 == 0:
        return corner * generator.choice([1, -1, 0, np.nan, np.inf, 1e30], shape, p=[0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    high = np.arange(shape[-1]) % 4 >= 2 if shape else 0
    return corner + high * 9


@st.composite
def layouts(draw, a):
    """The same numbers in another order of memory, and the memory."""
    shape, kind = a.shape, draw(st.sampled_from(["packed", "transposed", "reversed", "spaced", "inside", "repeated", "overlapping"]))
    axes = draw(st.permutations(range(a.ndim)))
    if kind == "packed" or not a.ndim:
        memory = view = a.copy()
    elif kind == "transposed":
        memory = a.transpose(axes).copy()
        view = memory.transpose(np.argsort(axes))
    elif kind == "reversed":
        memory = np.flip(a, axes[:1]).copy()
        view = np.flip(memory, axes[:1])
    elif kind in ("spaced", "inside"):
        memory = np.zeros([2 * n + 3 for n in shape], a.dtype)
        view = memory[tuple(slice(1, 1 + 2 * n, 2) if kind == "spaced" else slice(2, 2 + n) for n in shape)]
        view[...] = a
    elif kind == "repeated" and a.size:
        memory = a[:1].copy()
        view = np.broadcast_to(memory, shape)
    elif kind == "overlapping" and a.size:
        memory = a.reshape(-1).copy()
        steps = [memory.itemsize if n + sum(shape) < memory.size else 0 for n in shape]
        view = np.lib.stride_tricks.as_strided(memory, shape, steps)
    else:
        memory = view = a.copy()
    return view, memory


def unaligned(array):
    """A copy of the array one byte off its alignment."""
    memory = np.zeros(array.nbytes + 1, np.uint8)
    view = memory[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view, memory


def plain_of(array):
    return np.array(array, array.dtype.newbyteorder("="), order="C", subok=False)


@st.composite
def arrays(draw, shape):
    """A NumPy array of the shape, of any dtype with numbers."""
    dtype = np.dtype(draw(st.sampled_from(NUMBERS)))
    with np.errstate(invalid="ignore", over="ignore"):
        a = np.asarray(numbers(draw(st.integers(0, 2**16)), shape)).astype(dtype)
    if dtype.kind != "V" and draw(st.integers(0, 4)) == 0:
        a = a.astype(dtype.newbyteorder())
    view, memory = unaligned(a) if draw(st.integers(0, 7)) == 0 else draw(layouts(a))
    if draw(st.integers(0, 7)) == 0:
        view = view[...]
        view.setflags(write=False)
    return Given(view, plain_of(view), memory)


def contained(torch, pandas):
    """How an array may be wrapped: {name: function of the view and its plain copy that gives what to pass and what that amounts to}.

    A function that does not apply gives the view as it is.
    """

    def tensor(change):
        def wrap(view, plain):
            if plain.dtype == ml_dtypes.bfloat16:
                whole = torch.tensor(plain.astype(np.float32)).bfloat16()
            else:
                whole = torch.tensor(plain)
            x = change(whole)
            return x, x.detach().float().numpy() if x.dtype == torch.bfloat16 else x.detach().numpy()

        return wrap

    def only(applies, wrap):
        return lambda view, plain: (wrap(view, plain) if applies(plain) else (view, plain))

    def same(wrap):
        return lambda view, plain: (wrap(view), plain)

    def listed(wrap):
        def convert(view, plain):
            x = wrap(plain.astype(np.float32) if plain.dtype == ml_dtypes.bfloat16 else plain)
            return x, np.asarray(x)

        return convert

    floats = only(lambda plain: plain.dtype.kind in "fV", tensor(lambda t: t.requires_grad_()))
    table = only(lambda plain: plain.ndim == 2 and plain.dtype.kind != "V", lambda view, plain: (pandas.DataFrame(plain), plain))
    column = only(lambda plain: plain.ndim == 1 and plain.dtype.kind != "V", lambda view, plain: (pandas.Series(plain), plain))
    return {
        "array": same(lambda view: view),
        "subclass": same(lambda view: view.view(Subclass)),
        "matrix": only(lambda plain: plain.ndim == 2, same(lambda view: view.view(np.matrix))),
        "without mask": same(np.ma.masked_array),
        "stopped": same(boxgrad.stop_gradient),
        "protocol": only(lambda plain: plain.dtype.kind != "V", same(Protocol)),
        "memoryview": only(lambda plain: plain.dtype.kind != "V", lambda view, plain: (memoryview(plain), plain)),
        "list": listed(lambda plain: plain.tolist()),
        "tuple": listed(lambda plain: tuple(plain) if plain.ndim else plain.item()),
        "tensor": tensor(lambda t: t),
        "tensor with gradient": floats,
        "tensor transposed": tensor(lambda t: t.T.contiguous().T if t.dim() == 2 else t),
        "tensor spaced": tensor(lambda t: torch.stack([t, t], -1)[..., 0]),
        "tensor expanded": tensor(lambda t: t[:1].expand(t.shape) if t.numel() and t.dim() else t),
        "table": table,
        "column": column,
    }


def refused(torch):
    """What no function takes for numbers: functions of a plain array with at least one element."""

    def masked(plain):
        mask = np.zeros(plain.shape, bool)
        mask.flat[plain.size // 2] = True
        return np.ma.masked_array(plain, mask)

    return {
        "masked": masked,
        "list of masked": lambda plain: [masked(plain)],
        "none": lambda plain: None,
        "generator": lambda plain: itertools.count(),
        "text": lambda plain: "[[0, 0, 1, 1]]",
        "dictionary": lambda plain: {"boxes": plain},
        "raising": lambda plain: Raising(),
        "ragged": lambda plain: [[1, 2, 3, 4], [1, 2]],
        "elsewhere": lambda plain: torch.zeros(plain.shape, device="meta"),
        "sparse": lambda plain: torch.zeros((2, 4)).to_sparse(),
        "negated": lambda plain: torch._neg_view(torch.zeros(plain.shape)),
        "listed tensors with gradients": lambda plain: [torch.ones(4, requires_grad=True)],
        **{str(dtype): lambda plain, dtype=dtype: np.zeros(plain.shape, dtype) for dtype in NO_NUMBERS},
    }


@st.composite
def given_arrays(draw, shape, containers, refusals):
    """Something of the shape: half of it arrays as they are, and one in sixteen to be refused."""
    x, plain, memory = draw(arrays(shape))
    if plain.size and draw(st.integers(0, 15)) == 0:
        return Given(refusals[draw(st.sampled_from(sorted(refusals)))](plain), None, memory)
    if draw(st.booleans()):
        x, plain = containers[draw(st.sampled_from(sorted(containers)))](x, plain)
    return Given(x, plain_of(plain), memory)
