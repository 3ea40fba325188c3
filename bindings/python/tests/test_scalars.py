"""Numbers, indices and words: what is taken for one, and what is refused by argument and value."""

import fractions

import boxgrad
import numpy as np
import pytest

A = np.array([[0.0, 0.0, 4.0, 4.0], [1.0, 1.0, 3.0, 5.0]])
DELTAS = np.zeros((2, 4))
EMPTY = A * 0

NUMBERS = {  # every scalar that is a number
    "eps": lambda x: boxgrad.distance_box_iou(A, A, x),
    "eps of a loss": lambda x: boxgrad.box_iou_loss(A, A, eps=x),
    "normalizer": lambda x: boxgrad.box_iou_loss(A, A, "mean", normalizer=x),
    "beta": lambda x: boxgrad.smooth_l1_loss(A, A, beta=x),
    "alpha": lambda x: boxgrad.balanced_l1_loss(A, A, alpha=x),
    "gamma": lambda x: boxgrad.balanced_l1_loss(A, A, gamma=x),
    "sigma": lambda x: boxgrad.smooth_l1_loss(A, A, sigma=x),
    "min": lambda x: boxgrad.clip(A, x, 9.0),
    "max": lambda x: boxgrad.clip(A, 0.0, x),
    "size": lambda x: boxgrad.clip_boxes_to_image(A, (x, 9.0)),
    "min_size": lambda x: boxgrad.remove_small_boxes(A, x),
    "degrees": lambda x: boxgrad.rotate_boxes(A, x),
    "center": lambda x: boxgrad.rotate_boxes(A, 0.0, (0.0, x)),
    "means": lambda x: boxgrad.encode_boxes(A, A, means=(0, 0, 0, x)),
    "stds": lambda x: boxgrad.decode_boxes(A, DELTAS, stds=(x, 1, 1, 1)),
    "weights": lambda x: boxgrad.BoxCoder((x, 1, 1, 1)),
    "log_ratio_clip": lambda x: boxgrad.decode_boxes(A, DELTAS, log_ratio_clip=x),
    "center_clamp": lambda x: boxgrad.decode_boxes(A, DELTAS, center_clamp=x),
    "max_norm": lambda x: boxgrad.clip_grad_norm_([np.ones(2)], x),
    "norm_type": lambda x: boxgrad.get_total_norm([np.ones(2)], x),
    "clip_value": lambda x: boxgrad.clip_grad_value_([np.ones(2)], x),
    "coefficient": lambda x: boxgrad.scale_grads_([np.ones(2)], x),
    "percentile": lambda x: boxgrad.GradNormMonitor().clip_([np.ones(2)], x),
}
every_number = pytest.mark.parametrize("name", NUMBERS)


@every_number
@pytest.mark.parametrize("x", ["0.1", b"1", True, np.True_, 1j, {1.0}], ids=repr)
def test_what_is_no_number_is_refused(name, x):
    with pytest.raises(TypeError) as refusal:
        NUMBERS[name](x)
    assert name.split()[0] in str(refusal.value)
    assert repr(x) in str(refusal.value)


@every_number
def test_numbers_that_no_double_holds_are_refused(name):
    with pytest.raises(ValueError, match=f"{name.split()[0]}.*double.*10000"):
        NUMBERS[name](10**400)


@every_number
@pytest.mark.parametrize("x", [1, np.int64(1), np.float32(1), np.array(1.0), fractions.Fraction(1)], ids=repr)
def test_whatever_is_a_number_is_taken(name, x):
    NUMBERS[name](x)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: boxgrad.encode_boxes(A, A, stds=0.1), ValueError, "stds.*four numbers.*0.1"),
        (lambda: boxgrad.encode_boxes(A, A, means=None), ValueError, "means.*four numbers.*None"),
        (lambda: boxgrad.decode_boxes(A, DELTAS, stds="1111"), ValueError, "stds.*four numbers.*1111"),
        (lambda: boxgrad.decode_boxes(A, DELTAS, log_ratio_clip=(1, 2, 3)), ValueError, r"log_ratio_clip.*\(1, 2, 3\)"),
        (lambda: boxgrad.decode_boxes(A, DELTAS, max_shape=5), ValueError, "max_shape.*5"),
        (lambda: boxgrad.BoxCoder((1, 1, 1)), ValueError, r"weights.*four numbers.*\(1, 1, 1\)"),
        (lambda: boxgrad.BoxCoder((1, 1, 1, 1)).encode([], []), ValueError, r"reference_boxes.*\[\]"),
        (lambda: boxgrad.BoxCoder((1, 1, 1, 1)).decode(DELTAS, []), ValueError, r"boxes.*\[\]"),
        (lambda: boxgrad.BoxCoder((1, 1, 1, 1)).encode(None, [A]), TypeError, "reference_boxes.*None"),
        (lambda: boxgrad.BoxCoder((1, 1, 1, 1)).encode([EMPTY], [A]), boxgrad.DegenerateBoxError, r"^reference_boxes\[0\]"),
        (lambda: boxgrad.BoxCoder((1, 1, 1, 1)).decode_single(DELTAS, [1.0]), ValueError, "^boxes must have"),
        (lambda: boxgrad.BoxCoder((1, 1, 1, 1)).decode_single([1.0], A), ValueError, "^rel_codes must have"),
        (lambda: boxgrad.DeltaXYWHBBoxCoder().encode(EMPTY, A), boxgrad.DegenerateBoxError, r"^bboxes\[0\]"),
        (lambda: boxgrad.DeltaXYWHBBoxCoder().encode(A, EMPTY), boxgrad.DegenerateBoxError, r"^gt_bboxes\[0\]"),
        (lambda: boxgrad.DeltaXYWHBBoxCoder().decode(A, [1.0]), ValueError, "^pred_bboxes must have"),
        (lambda: boxgrad.DeltaXYWHBBoxCoder(target_stds=(0, 1, 1, 1)).decode(A, DELTAS), ValueError, "^target_stds"),
        (lambda: boxgrad.DeltaXYWHBBoxCoder(add_ctr_clamp=True, ctr_clamp=-1).decode(A, DELTAS), ValueError, "^ctr_clamp"),
        (lambda: boxgrad.combine_norms(None), TypeError, "norms.*None"),
        (lambda: boxgrad.combine_norms(["3"]), TypeError, "norms.*<U1"),
        (lambda: boxgrad.box_iou(A, None), TypeError, "boxes2.*None"),
        (lambda: boxgrad.smooth_l1_loss(A, A, dim=1.0), TypeError, "dim.*1.0"),
        (lambda: boxgrad.smooth_l1_loss(A, A, dim=True), TypeError, "dim.*True"),
        (lambda: boxgrad.set_num_threads(True), TypeError, "n must.*True"),
        (lambda: boxgrad.set_num_threads("2"), TypeError, "n must.*'2'"),
        (lambda: boxgrad.value_and_grad(boxgrad.box_iou_loss, 2), ValueError, "argnums.*0 to 1.*2"),
        (lambda: boxgrad.value_and_grad(boxgrad.box_iou_loss, -1), ValueError, "argnums.*0 to 1.*-1"),
        (lambda: boxgrad.value_and_grad(boxgrad.box_iou_loss, (0, 0)), ValueError, r"argnums.*different.*\(0, 0\)"),
        (lambda: boxgrad.value_and_grad(boxgrad.box_iou_loss, 0.0), TypeError, "argnums.*0.0"),
        (lambda: boxgrad.GradNormMonitor(history=-1), ValueError, "history.*-1"),
        (lambda: boxgrad.GradNormMonitor(history=2.5), TypeError, "history.*2.5"),
    ],
)  # fmt: skip
def test_refusals_name_the_argument_and_the_value(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_integers_of_any_type_are_integers():
    for integer in (np.int64, np.uint8, np.array):
        assert boxgrad.smooth_l1_loss(A, A + 3, dim=integer(1)) == boxgrad.smooth_l1_loss(A, A + 3, dim=1)
        both = boxgrad.value_and_grad(boxgrad.smooth_l1_loss, (integer(1), integer(0)))(A, A + 3)[1]
        np.testing.assert_array_equal(both[0], boxgrad.value_and_grad(boxgrad.smooth_l1_loss, integer(1))(A, A + 3)[1])
    assert boxgrad.smooth_l1_loss(A, A + 3, dim=(np.int64(0), 1)) == boxgrad.smooth_l1_loss(A, A + 3, reduction="sum")
    before = boxgrad.get_num_threads()
    boxgrad.set_num_threads(np.int32(before))
    assert boxgrad.get_num_threads() == before


def test_negative_zero_is_not_taken_for_zero():
    """The parameters of C are kept and found again by value, and 0.0 == -0.0."""
    for bound in (0.0, -0.0, 0.0):
        assert np.signbit(boxgrad.clip(np.array([-1.0]), bound, 1.0))[0] == np.signbit(bound)
