"""vjp, value_and_grad and stop_gradient as an interface; the package's settings and its import."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import box_sets
import boxgrad
import numpy as np
import pytest
from overlap_functions import LOSSES

A, B = box_sets.pairs("nested", 6)
losses = pytest.mark.parametrize("loss", [*LOSSES.values(), boxgrad.smooth_l1_loss, boxgrad.balanced_l1_loss])


def gradients(function, *arguments, **options):
    return boxgrad.vjp(function, *arguments, **options)[1](1.0)


@losses
def test_value_and_grad_and_argnums(loss):
    to_a, to_b = gradients(loss, A, B, reduction="mean")
    value, gradient = boxgrad.value_and_grad(loss)(A, B, reduction="mean")
    assert value == loss(A, B, reduction="mean")
    assert isinstance(value, np.float64)
    np.testing.assert_array_equal(gradient, to_a)
    np.testing.assert_array_equal(boxgrad.value_and_grad(loss, argnums=1)(A, B, reduction="mean")[1], to_b)
    both = boxgrad.value_and_grad(loss, argnums=(1, 0))(A, B, reduction="mean")[1]
    assert isinstance(both, tuple)
    np.testing.assert_array_equal(both[0], to_b)
    np.testing.assert_array_equal(both[1], to_a)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@losses
def test_scalar_losses_have_the_dtype_of_the_boxes(loss, dtype):
    for reduction in ("mean", "sum"):
        value, gradient = boxgrad.value_and_grad(loss)(A.astype(dtype), B.astype(dtype), reduction=reduction)
        assert type(value) is dtype
        assert gradient.dtype == dtype


@pytest.mark.parametrize("loss", LOSSES.values())
def test_value_and_grad_needs_a_scalar(loss):
    with pytest.raises((TypeError, ValueError), match="reduction"):
        boxgrad.value_and_grad(loss)(A, B)


@pytest.mark.parametrize(
    "f", [np.sum, lambda x: x, boxgrad.remove_small_boxes, boxgrad.inspect_boxes, boxgrad.rotate_boxes, None]
)
def test_only_differentiable_functions_have_a_vjp(f):
    for use in (lambda: boxgrad.vjp(f, A), lambda: boxgrad.value_and_grad(f)(A)):
        with pytest.raises(TypeError, match=r"(?s)box_iou.*smooth_l1_loss|smooth_l1_loss.*box_iou"):
            use()


@losses
def test_a_stopped_argument_has_no_gradient(loss):
    free = gradients(loss, A, B, reduction="sum")
    value, pullback = boxgrad.vjp(loss, A, boxgrad.stop_gradient(B), reduction="sum")
    assert value == loss(A, B, reduction="sum")
    to_a, to_b = pullback(1.0)
    np.testing.assert_array_equal(to_a, free[0])
    assert to_b is None
    assert gradients(loss, boxgrad.stop_gradient(A), boxgrad.stop_gradient(B), reduction="sum") == (None, None)
    np.testing.assert_array_equal(gradients(loss, boxgrad.stop_gradient(A), B, reduction="sum")[1], free[1])


def test_stopped_arguments_are_welcome_in_plain_calls():
    stop = boxgrad.stop_gradient
    np.testing.assert_array_equal(boxgrad.box_iou(stop(A), stop(B)), boxgrad.box_iou(A, B))
    np.testing.assert_array_equal(boxgrad.encode_boxes(stop(A), B), boxgrad.encode_boxes(A, B))
    np.testing.assert_array_equal(boxgrad.box_area(stop(A.tolist())), boxgrad.box_area(A))
    np.testing.assert_array_equal(boxgrad.clip(stop(stop(A)), 1, 2), boxgrad.clip(A, 1, 2))


def test_pullbacks_give_tuples_and_can_be_called_again():
    value, pullback = boxgrad.vjp(boxgrad.box_area, A)
    once = pullback(np.ones_like(value))
    assert isinstance(once, tuple)
    assert len(once) == 1
    np.testing.assert_array_equal(once[0], pullback(1.0)[0])
    assert not np.shares_memory(once[0], pullback(1.0)[0])


@pytest.mark.parametrize("cotangent", [np.ones(5), np.ones((6, 1)), [1.0, 2.0]])
def test_cotangents_of_another_shape_are_refused(cotangent):
    _, pullback = boxgrad.vjp(boxgrad.box_area, A)
    with pytest.raises(ValueError, match=r"cotangent.*\(6,\)"):
        pullback(cotangent)


def test_cotangents_of_losses_multiply_weights():
    weights, cotangent = np.random.default_rng(0).random((2, len(A)))
    for loss in LOSSES.values():
        to_a, _ = boxgrad.vjp(loss, A, B, weights=weights)[1](cotangent)
        expected, _ = boxgrad.vjp(loss, A, B)[1](weights * cotangent)
        np.testing.assert_allclose(to_a, expected, rtol=1e-13)


@pytest.mark.parametrize("loss", LOSSES.values())
def test_cotangents_of_a_single_box_multiply_weights(loss):
    box, target = np.array([0.0, 0, 2, 2]), np.array([1.0, 0, 3, 2])
    weighted, plain = (boxgrad.vjp(loss, box, target, **options)[1](3.0) for options in ({"weights": 2.0}, {}))
    np.testing.assert_array_equal(weighted, np.multiply(plain, 2))


def test_normalizer_replaces_the_count():
    for loss in LOSSES.values():
        value, gradient = boxgrad.value_and_grad(loss)(A, B, "mean", normalizer=2.0)
        expected, other = boxgrad.value_and_grad(loss)(A, B, "sum")
        np.testing.assert_allclose(value, expected / 2, rtol=1e-15)
        np.testing.assert_allclose(gradient, other / 2, rtol=1e-14)
        assert loss(A[:0], B[:0], "mean", normalizer=0.0) == 0, "a batch without positives"


def test_options_of_vjp_are_those_of_the_function():
    with pytest.raises(TypeError, match="unknown"):
        boxgrad.vjp(boxgrad.box_area, A, unknown=1)


def test_strided_inputs_have_packed_gradients():
    strided = np.hstack([A, A])[:, 2:6]
    (gradient,) = gradients(boxgrad.box_area, strided)
    assert gradient.flags.c_contiguous
    np.testing.assert_array_equal(gradient, gradients(boxgrad.box_area, strided.copy())[0])


def test_threads_setting():
    before = boxgrad.get_num_threads()
    boxgrad.set_num_threads(before + 3)
    assert boxgrad.get_num_threads() == before + 3
    boxgrad.set_num_threads(before)


def test_threads_are_kept_until_the_next_setting():
    threads = Path("/proc/self/task")
    before = len(list(threads.iterdir()))
    boxes = np.random.default_rng(0).random((600, 4), np.float32).cumsum(1)
    alone = boxgrad.box_iou(boxes, boxes)
    boxgrad.set_num_threads(2, keep=True)
    assert boxgrad.get_num_threads() == 2
    for _ in range(3):
        np.testing.assert_array_equal(boxgrad.box_iou(boxes, boxes), alone)
        assert len(list(threads.iterdir())) == before + 1
    boxgrad.set_num_threads(1)
    for _ in range(1000):  # a thread that has ended may stay listed for a moment
        if len(list(threads.iterdir())) == before:
            break
        time.sleep(0.001)
    assert len(list(threads.iterdir())) == before


def imported(threads):
    code = "import boxgrad; print(boxgrad.get_num_threads())"
    environment = {**os.environ, "BOXGRAD_NUM_THREADS": threads}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)


def test_threads_from_the_environment():
    for value, threads in [("3", "3"), ("", "1")]:
        run = imported(value)
        assert (run.stdout.strip(), run.stderr) == (threads, "")


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", str(2**31)])
def test_a_bad_number_of_threads_is_named(value):
    run = imported(value)
    assert run.stdout.strip() == "1"
    assert "BOXGRAD_NUM_THREADS" in run.stderr
    assert repr(value) in run.stderr


def test_about_the_library():
    assert boxgrad.cpu_tier() in ("baseline", "avx2", "avx512", "neon")
    assert boxgrad.library_path().endswith(".so") or boxgrad.library_path().suffix == ".so"
    for name in boxgrad.__all__:
        assert getattr(boxgrad, name).__doc__


def test_calls_from_many_threads():
    expected = boxgrad.generalized_box_iou(A, B)
    wrong = []

    def work():
        for _ in range(200):
            if not np.array_equal(boxgrad.generalized_box_iou(A, B), expected):
                wrong.append(1)
            try:
                boxgrad.clip(A, 2, 1)
            except ValueError:
                continue
            wrong.append(2)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_import_is_fast_and_brings_nothing_but_numpy():
    code = """
import sys, time, numpy, ctypes
known = {name.split(".")[0] for name in sys.modules}
start = time.perf_counter()
import boxgrad
print(time.perf_counter() - start, *({name.split(".")[0] for name in sys.modules} - known - set(sys.stdlib_module_names)))
"""
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3)]
    seconds, *modules = zip(*(run.stdout.split() for run in runs))
    assert min(map(float, seconds)) < 0.1
    assert modules == [("boxgrad",) * 3]


def test_gradients_that_come_with_a_loss_are_not_shared():
    _, pullback = boxgrad.vjp(boxgrad.box_iou_loss, A, B, "mean")
    once = pullback(1.0)
    assert not any(np.shares_memory(x, y) for x in once for y in pullback(1.0))
    once[0][...] = 7
    np.testing.assert_array_equal(pullback(1.0)[0], boxgrad.value_and_grad(boxgrad.box_iou_loss)(A, B, "mean")[1])
