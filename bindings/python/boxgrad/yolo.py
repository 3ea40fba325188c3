"""Boxes of a detector that has anchors in the cells of a grid, as YOLOv5 decodes them. YOLOv8 predicts distances: see decode_linear."""

from __future__ import annotations

import numpy.typing as npt

from ._arrays import Array, aligned_shape, box_operands, constant, gradient_of, output, rows, stretched, sum_to_shape
from ._library import library_of
from .autodiff import Gradients, differentiable, with_pullback
from .deltas import _named


@differentiable("proposals", "deltas")
def decode_yolo(proposals: npt.ArrayLike, deltas: npt.ArrayLike, strides: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """The boxes that deltas (tx, ty, tw, th) make of anchors in cells: corners, (..., 4).

    x = (2 s(tx) - 0.5 + cell) * stride and w = (2 s(tw))^2 * w_r, likewise of y and h, with s(t) = 1 / (1 + exp(-t)). A proposal is the anchor
    about the centre of its cell: its centre is (cell + 0.5) * stride. proposals and deltas: (..., 4), which broadcast; strides:
    the side of each row's cell, a number or what broadcasts to (...). It is a constant. After YOLOv5 (Jocher 2020).

    ValueError: shape, out; TypeError: dtype.

    >>> import boxgrad
    >>> anchor = boxgrad.box_convert([[4.0, 4.0, 10.0, 20.0]], "cxcywh", "xyxy")
    >>> boxgrad.decode_yolo(anchor, [[0.0, 0.0, 0.0, 0.0]], 8.0)
    array([[-1., -6.,  9., 14.]])
    """
    proposal, wanted_p, delta, wanted_d = box_operands("proposals", proposals, "deltas", deltas)
    (shape, count), dtype = aligned_shape("proposals", proposal.shape, "deltas", delta.shape), proposal.dtype
    sizes = constant(strides, "strides", shape[:-1], dtype)
    if sizes is None:
        raise TypeError("strides must be an array, not None")
    value = output(out, shape, dtype, proposal, delta)
    inputs = *rows(stretched(proposal, shape)), *rows(stretched(delta, shape)), sizes, count
    library_of[dtype].yolo_decode(*inputs, value)
    if not (wanted_p or wanted_d):
        return value

    def pullback(cotangent: Array) -> Gradients:
        gradient_p, gradient_d = gradient_of(wanted_p, shape, dtype), gradient_of(wanted_d, shape, dtype)
        library_of[dtype].yolo_decode_grad(*inputs, cotangent, gradient_p, gradient_d)
        return sum_to_shape(gradient_p, proposal.shape), sum_to_shape(gradient_d, delta.shape)

    return with_pullback(value, pullback)


class YOLOv5BBoxCoder:
    """mmyolo's YOLOv5BBoxCoder, which decodes only.

    >>> import boxgrad
    >>> boxgrad.YOLOv5BBoxCoder().decode([[-1.0, -6.0, 9.0, 14.0]], [[0.0, 0.0, 0.0, 0.0]], 8)
    array([[-1., -6.,  9., 14.]])
    """

    def decode(self, priors: npt.ArrayLike, pred_bboxes: npt.ArrayLike, stride: npt.ArrayLike) -> Array:
        """The boxes of the deltas pred_bboxes (..., 4) and the anchors priors (..., 4), in cells of side stride."""
        with _named(proposals="priors", deltas="pred_bboxes", strides="stride"):
            return decode_yolo(priors, pred_bboxes, stride)
