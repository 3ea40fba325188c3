"""JAX on the CPU: the formulas in jax.numpy, under jit, gradients by value_and_grad; double precision is off."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
from peer import Limits, Peer, Run, installed
from workloads import IN_PLACE, SCALAR

jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
peer = Peer("JAX", installed("jax", "jaxlib"))


def overlap(a: Any, b: Any, metric: str, eps: float) -> Any:
    """A metric of boxes whose leading dimensions broadcast."""
    low, high = jnp.maximum(a[..., :2], b[..., :2]), jnp.minimum(a[..., 2:], b[..., 2:])
    inter = jnp.prod(jnp.maximum(high - low, 0), axis=-1)
    size_a, size_b = a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2]
    union = size_a[..., 0] * size_a[..., 1] + size_b[..., 0] * size_b[..., 1] - inter
    if metric == "iof":
        return inter / (size_a[..., 0] * size_a[..., 1] + eps)
    iou = inter / (union + eps)
    if metric == "iou":
        return iou
    sides = jnp.maximum(a[..., 2:], b[..., 2:]) - jnp.minimum(a[..., :2], b[..., :2])
    if metric == "giou":
        enclosing = sides[..., 0] * sides[..., 1]
        return iou - (enclosing - union) / (enclosing + eps)
    shift = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2
    diou = iou - jnp.sum(shift * shift, axis=-1) / (jnp.sum(sides * sides, axis=-1) + eps)
    if metric == "diou":
        return diou
    turn = jnp.arctan(size_b[..., 0] / size_b[..., 1]) - jnp.arctan(size_a[..., 0] / size_a[..., 1])
    v = 4 / math.pi**2 * turn * turn
    return diou - jax.lax.stop_gradient(v / (1 - iou + v + eps)) * v


def waiting(function: Any, *arguments: Any) -> Run:
    """A call that returns when the result is there."""
    on_device = jax.device_put(arguments)
    return lambda: jax.block_until_ready(function(*on_device))


@peer.does("pairwise")
def pairwise(data: SimpleNamespace) -> Run:
    return waiting(jax.jit(lambda a, b: overlap(a[:, None], b, data.metric, 0.0)), data.a, data.b)


@peer.does("pairwise_grad")
def pairwise_grad(data: SimpleNamespace) -> Run:
    def gradients(a: Any, b: Any, upstream: Any) -> Any:
        return jax.vjp(lambda a, b: overlap(a[:, None], b, data.metric, 0.0), a, b)[1](upstream)

    return waiting(jax.jit(gradients), data.a, data.b, data.upstream)


@peer.does("iou_loss")
def iou_loss(data: SimpleNamespace) -> Run:
    def loss(pred: Any, target: Any) -> Any:
        return jnp.mean(1 - overlap(pred, target, data.metric, data.eps))

    return waiting(jax.jit(jax.value_and_grad(loss)), data.pred, data.target)


@peer.does("smooth_l1")
def smooth_l1(data: SimpleNamespace) -> Run:
    def huber(d: Any) -> Any:
        return jnp.where(jnp.abs(d) < 1, 0.5 * d * d, jnp.abs(d) - 0.5)

    def plain(pred: Any, target: Any) -> Any:
        return jnp.mean(huber(pred - target))

    def weighted(pred: Any, target: Any, inside: Any, outside: Any) -> Any:
        return jnp.mean(outside * huber(inside * (pred - target)))

    if data.inside is None:
        return waiting(jax.jit(jax.value_and_grad(plain)), data.pred, data.target)
    return waiting(jax.jit(jax.value_and_grad(weighted)), data.pred, data.target, data.inside, data.outside)


def _centres(boxes: Any) -> Any:
    size = boxes[:, 2:] - boxes[:, :2]
    return boxes[:, :2] + size / 2, size


@peer.does("encode")
def encode(data: SimpleNamespace) -> Run:
    def function(proposals: Any, targets: Any) -> Any:
        (centre, size), (target_centre, target_size) = _centres(proposals), _centres(targets)
        return jnp.hstack([(target_centre - centre) / size, jnp.log(target_size / size)]) / jnp.array(data.stds)

    return waiting(jax.jit(function), data.proposals, data.targets)


@peer.does("decode")
def decode(data: SimpleNamespace) -> Run:
    def function(proposals: Any, deltas: Any) -> Any:
        centre, size = _centres(proposals)
        d = deltas * jnp.array(data.stds)
        centre = centre + d[:, :2] * size
        half = jnp.exp(jnp.minimum(d[:, 2:], math.log(1000 / 16))) * size / 2
        return jnp.clip(jnp.hstack([centre - half, centre + half]), 0, jnp.array([data.width, data.height] * 2))

    return waiting(jax.jit(function), data.proposals, data.deltas)


def norm_of(x: Any, p: float) -> Any:
    x = x.astype(jnp.float32)
    if p == 2:
        return jnp.sqrt(jnp.sum(x * x))
    return jnp.sum(jnp.abs(x)) if p == 1 else jnp.max(jnp.abs(x))


@peer.does("norm", SCALAR)
def norm(data: SimpleNamespace) -> Run:
    return waiting(jax.jit(lambda x: norm_of(x, data.p)), data.values)


@peer.does("clip_norm", IN_PLACE, note="a new list of arrays in the donated memory of the old; multiplies by 1 where nothing is to be clipped")
def clip_norm(data: SimpleNamespace) -> Run:
    def function(gradients: Any, limit: Any) -> Any:
        total = norm_of(jnp.stack([norm_of(g, data.p) for g in gradients]), data.p)
        coefficient = jnp.minimum(limit / (total + 1e-6), 1.0)
        return total, [g * coefficient for g in gradients]

    limits, jitted = Limits(data), jax.jit(function, donate_argnums=0)
    state = [jnp.array(g) for g in data.gradients]

    def run() -> Any:
        nonlocal state
        total, state = jax.block_until_ready(jitted(state, limits.next()))
        return total, state

    return run
