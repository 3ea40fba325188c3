"""Whatever array is passed: either the result of a contiguous native copy, or a documented exception that names the argument.

Never another exception, never a changed input, and an output that a failed call leaves as it was.
"""

import re

import boxgrad
import hostile
import numpy as np
import pytest
from functions import DIFFERENTIABLE, OTHERS
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning", "ignore::PendingDeprecationWarning")


FUNCTIONS = DIFFERENTIABLE | OTHERS


def shapes(n, width=4):
    odd = [(4,), (), (n,), (n, 3), (n, 5), (1, 4), (2, n, 4), (n, 1, 4), (0, 4), (n, 0), (n, 8), (2, 1, n, 4)]
    return st.sampled_from([(n, width)] * 16 + odd)


def outcome(call):
    """(value, None) or (None, error); other exceptions than the documented ones are failures of the test."""
    try:
        return call(), None
    except (TypeError, ValueError) as error:
        return None, error


def bits(value):
    """What must not differ: type, shape and bits, any NaN being the same."""
    array = np.asarray(value)
    return array.dtype, array.shape, np.where(np.isnan(array), np.nan, array).tobytes()


@pytest.fixture(scope="module")
def wraps(torch):
    pandas = pytest.importorskip("pandas", reason="skipped: pandas not installed")
    return hostile.contained(torch, pandas), hostile.refused(torch)


@pytest.mark.parametrize("name", FUNCTIONS)
@given(data=st.data())
def test_whatever_is_passed(name, wraps, data):
    function, draw = FUNCTIONS[name], data.draw
    n = draw(st.integers(0, 4))
    inputs = {key: draw(hostile.given_arrays(draw(shapes(n, x.shape[-1])), *wraps)) for key, x in function.arrays.items()}
    for key in function.weights:
        if draw(st.booleans()):
            weights = draw(hostile.given_arrays(draw(st.sampled_from([(n,)] * 4 + [(), (n, 1), (n, 4), (2, n)])), *wraps))
            if weights.x is not None:  # which is no weights, and not refused
                inputs[key] = weights
    options = {key: draw(strategy) for key, strategy in function.drawn.items()}
    memory = {key: x.memory.tobytes() for key, x in inputs.items()}

    value, error = outcome(lambda: function.call(**{key: x.x for key, x in inputs.items()}, **options))
    for key, x in inputs.items():
        assert x.memory.tobytes() == memory[key]
    if any(x.plain is None for x in inputs.values()):
        assert error is not None
        assert re.search(rf"\b({'|'.join(inputs)})\b", str(error))
        return
    plain = {key: x.plain for key, x in inputs.items()}
    expected, refusal = outcome(lambda: function.call(**plain, **options))
    assert (type(error), str(error)) == (type(refusal), str(refusal))
    if error is not None:
        assert re.search(rf"\b({'|'.join(inputs)})\b", str(error))
        return
    assert bits(value) == bits(expected)
    if name in DIFFERENTIABLE:
        cotangent = draw(hostile.given_arrays(draw(st.sampled_from([value.shape] * 4 + [(3,)])), *wraps))
        check_gradients(function, inputs, plain, options, cotangent)
    if function.writes_out and value.ndim:
        check_out(function, inputs, options, value, draw)


def check_gradients(function, inputs, plain, options, cotangent):
    def vjp(arrays):
        positional = [arrays[key] for key in function.arrays]
        weights = {key: x for key, x in arrays.items() if key in function.weights}
        return boxgrad.vjp(function.call, *positional, **weights, **options)[1]

    pullback, expected_pullback = vjp({key: x.x for key, x in inputs.items()}), vjp(plain)
    gradients, error = outcome(lambda: pullback(cotangent.x))
    if cotangent.plain is None:
        assert "cotangent" in str(error)
        return
    expected, refusal = outcome(lambda: expected_pullback(cotangent.plain))
    assert (type(error), str(error)) == (type(refusal), str(refusal))
    if error is not None:
        assert "cotangent" in str(error)
        return
    for key, gradient, other in zip(function.arrays, gradients, expected):
        stopped = type(inputs[key].x) is type(boxgrad.stop_gradient(0))
        assert gradient is None if stopped else bits(gradient) == bits(other)


def check_out(function, inputs, options, value, draw):
    shape = draw(st.sampled_from([value.shape] * 3 + [(*value.shape, 1), (len(value) + 1, *value.shape[1:])]))
    out, memory = draw(hostile.layouts(np.full(shape, 7.25, draw(st.sampled_from([value.dtype] * 3 + [np.float16])))))
    if not out.flags.writeable or draw(st.integers(0, 7)) == 0:
        out = out[...]
        out.setflags(write=False)
    before = memory.tobytes()
    given_out, error = outcome(lambda: function.call(**{key: x.x for key, x in inputs.items()}, **options, out=out))
    if error is None:
        assert given_out is out
        assert bits(out) == bits(value)
    else:
        assert "out" in str(error)
        assert memory.tobytes() == before


# Gradients, which are changed in place


IN_PLACE = {
    "clip_grad_norm_": lambda gradients: boxgrad.clip_grad_norm_(gradients, 1.5),
    "clip_grad_value_": lambda gradients: boxgrad.clip_grad_value_(gradients, 2.5),
    "scale_grads_": lambda gradients: boxgrad.scale_grads_(gradients, -0.75),
    "clip_grads_with_norm_": lambda gradients: boxgrad.clip_grads_with_norm_(gradients, 1.0, 3.0),
    "get_total_norm": boxgrad.get_total_norm,
    "per_tensor_norms": lambda gradients: boxgrad.per_tensor_norms(gradients).tobytes(),
}


@st.composite
def gradient_arrays(draw, refusals):
    shape = draw(st.sampled_from([(), (3,), (2, 4), (0, 2), (2, 3, 2)]))
    x, plain, memory = draw(hostile.arrays(shape))
    if plain.size and draw(st.integers(0, 15)) == 0:
        return hostile.Given(refusals[draw(st.sampled_from(sorted(refusals)))](plain), None, memory)
    wrap = draw(st.sampled_from([lambda x: x] * 3 + [lambda x: x.view(hostile.Subclass), np.ma.masked_array]))
    return hostile.Given(wrap(x), plain, memory)


@pytest.mark.parametrize("name", IN_PLACE)
@given(data=st.data())
def test_whatever_is_clipped(name, torch, data):
    function = IN_PLACE[name]
    given_gradients = data.draw(st.lists(gradient_arrays(hostile.refused(torch)), max_size=3))
    before = [gradient.memory.tobytes() for gradient in given_gradients]
    result, error = outcome(lambda: function([gradient.x for gradient in given_gradients]))
    if error is not None:
        assert re.search(r"gradient \d", str(error))
        assert [gradient.memory.tobytes() for gradient in given_gradients] == before
        return

    def is_absent(x):  # to what changes gradients, a tensor is a parameter, of which these have none
        return x is None or (name.endswith("_") and torch.is_tensor(x))

    kept = [(gradient, memory) for gradient, memory in zip(given_gradients, before) if not is_absent(gradient.x)]
    plain = [gradient.plain for gradient, _ in kept]
    assert all(gradient is not None and gradient.dtype.kind in "fV" for gradient in plain)
    expected = function(plain)
    assert result == expected or np.isnan(result)
    for gradient, memory in kept:
        array = np.asarray(gradient.x)
        assert bits(hostile.plain_of(array).astype(np.float64)) == bits(gradient.plain.astype(np.float64))
        whole = np.frombuffer(bytearray(memory), gradient.memory.dtype).reshape(gradient.memory.shape)
        offset = array.__array_interface__["data"][0] - gradient.memory.__array_interface__["data"][0]
        target = np.ndarray(array.shape, array.dtype, whole, offset, array.strides) if array.size else array[...].copy()
        target[...] = gradient.plain
        assert whole.tobytes() == gradient.memory.tobytes()
