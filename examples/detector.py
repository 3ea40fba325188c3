"""The main job of boxgrad on real data, from Python: inspect and clip the proposals of a network, measure how well they
fit the face it found, the losses that would train it and their gradients, and the clipping of a real gradient.

detector.c is the same from C, and demo.py compares the two bit for bit.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import boxgrad
import numpy as np
from results import Results

DATA = Path(__file__).resolve().parent / "data"
IMAGE_SIZE = (512, 512)
POSITIVE_IOU = 0.4


@dataclass(frozen=True)
class Inputs:
    boxes: np.ndarray  # (299, 4), the candidates of the proposal network
    scores: np.ndarray  # (299,)
    corrections: np.ndarray  # (299, 4), what the network would change: each corner coordinate, in widths and heights
    face: np.ndarray  # (4,)
    gradient: dict[str, np.ndarray]  # 16 tensors of a real training step
    norms: np.ndarray  # (16,), their L2 norms as computed with the data
    total_norm: float


def load(directory: Path = DATA) -> Inputs:
    rows = np.loadtxt(directory / "pnet_candidates_astronaut.csv", delimiter=",", skiprows=1).astype(np.float32)
    detections = json.loads((directory / "mtcnn_final_detections.json").read_text())
    index = json.loads((directory / "rnet_grad_index.json").read_text())
    flat = np.fromfile(directory / "rnet_grad.f32le", "<f4")
    gradient = {}
    for tensor in index["tensors"]:
        start = tensor["byte_offset"] // flat.itemsize
        gradient[tensor["name"]] = flat[start : start + tensor["numel"]].reshape(tensor["shape"])
    return Inputs(
        boxes=rows[:, 1:5],
        scores=rows[:, 5],
        corrections=rows[:, 6:],
        face=np.array(detections["boxes"][0], dtype=np.float32),
        gradient=gradient,
        norms=np.array([tensor["grad_l2"] for tensor in index["tensors"]]),
        total_norm=index["total_l2_float64"],
    )


def refine(boxes: np.ndarray, corrections: np.ndarray) -> np.ndarray:
    """The boxes after the network's corrections (MTCNN's convention, not the deltas of encode_boxes)."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    return boxes + corrections * np.tile(sizes, 2)


def inspect_and_clip(boxes: np.ndarray) -> Results:
    return {
        "inspect/flags": boxgrad.inspect_boxes(boxes, IMAGE_SIZE).flags,
        "inspect/clipped": boxgrad.clip_boxes_to_image(boxes, IMAGE_SIZE),
    }


def fit_face(clipped: np.ndarray, corrections: np.ndarray, face: np.ndarray) -> Results:
    """The proposals of the face, their targets, the losses of the network's corrections and the gradients."""
    iou = boxgrad.box_iou(clipped, face[None])[:, 0]
    best = np.argsort(-iou, kind="stable")
    best = best[iou[best] >= POSITIVE_IOU]

    proposals = clipped[best]
    faces = np.tile(face, (len(best), 1))
    targets = boxgrad.encode_boxes(proposals, faces)
    corrections = boxgrad.encode_boxes(proposals, refine(proposals, corrections[best]))

    # Smooth L1, as it trains a proposal network: its corrections against the deltas of the face.
    smooth_l1, grad_corrections = boxgrad.value_and_grad(boxgrad.smooth_l1_loss)(corrections, targets, sigma=3.0)

    # GIoU loss on the decoded boxes, and its gradient carried back to the corrections.
    decoded, pullback = boxgrad.vjp(
        boxgrad.decode_boxes, boxgrad.stop_gradient(proposals), corrections, max_shape=IMAGE_SIZE
    )
    giou_loss, grad_decoded = boxgrad.value_and_grad(boxgrad.generalized_box_iou_loss)(decoded, faces, reduction="mean")
    _, grad_deltas = pullback(grad_decoded)

    return {
        "fit/iou": iou,
        "fit/best": best.astype(np.uint32),
        "fit/targets": targets,
        "fit/corrections": corrections,
        "fit/smooth_l1": smooth_l1,
        "fit/grad_corrections": grad_corrections,
        "fit/decoded": decoded,
        "fit/iou_decoded": boxgrad.aligned_box_iou(decoded, faces),
        "fit/giou_per_box": boxgrad.generalized_box_iou_loss(decoded, faces),
        "fit/giou_loss": giou_loss,
        "fit/grad_decoded": grad_decoded,
        "fit/grad_deltas": grad_deltas,
    }


def clip_gradient(gradient: dict[str, np.ndarray]) -> Results:
    tensors = [tensor.copy() for tensor in gradient.values()]
    norms = boxgrad.per_tensor_norms(tensors)
    total_norm = boxgrad.clip_grad_norm_(tensors, max_norm=1.0, on_nonfinite="error")
    return {
        "gradient/norms": norms,
        "gradient/total_norm": np.float64(total_norm),
        "gradient/clipped_norms": boxgrad.per_tensor_norms(tensors),
        "gradient/clipped_total_norm": np.float64(boxgrad.get_total_norm(tensors)),
        **{f"gradient/{name}": tensor for name, tensor in zip(gradient, tensors)},
    }


def run(inputs: Inputs) -> Results:
    inspected = inspect_and_clip(inputs.boxes)
    return {
        **inspected,
        **fit_face(inspected["inspect/clipped"], inputs.corrections, inputs.face),
        **clip_gradient(inputs.gradient),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="The main job of boxgrad on real data: what every step found.")
    parser.add_argument(
        "--data", type=Path, default=DATA, help="folder of the input files (default: data, beside this file)"
    )
    inputs = load(parser.parse_args().data)
    results = run(inputs)
    print(boxgrad.inspect_boxes(inputs.boxes, IMAGE_SIZE))
    for name, array in results.items():
        values = np.array2string(np.ravel(array)[:4], precision=6, suppress_small=True)
        print(f"{name:<28} {array.dtype!s:<8} {array.shape!s:<16} {values}{' ...' if array.size > 4 else ''}")


if __name__ == "__main__":
    main()
