"""Writes the tables of docs/cuda.md from docs/cuda/*.json, which Tests/cuda/gpu.py and torch_gpu.py have measured: `python3 Tests/cuda/page.py`."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/cuda.md"
KEPT = {name: json.loads((ROOT / f"docs/cuda/nvidia-{name}.json").read_text()) for name in ("h200", "h100")}

TIMES = [
    ("GIoU loss, gradient, total: 1000 boxes", "time_giou_loss_total_grad_1000", "giou_loss_grad_1000", "10"),
    ("the same without the total", "time_giou_loss_grad_1000", None, ""),
    ("GIoU loss, gradient, total: 1 M boxes", "time_giou_loss_total_grad_1000000", "giou_loss_grad_1000000", "30"),
    ("the same without the total", "time_giou_loss_grad_1000000", None, ""),
    ("CIoU loss, gradient, total: 1 M boxes", "time_ciou_loss_total_grad_1000000", "ciou_loss_grad_1000000", "36"),
    ("the same without the total", "time_ciou_loss_grad_1000000", None, ""),
    ("IoU, 4096 x 4096", "time_iou_pairwise_4096", "box_iou_4096", "40"),
    ("GIoU, 4096 x 4096", "time_giou_pairwise_4096", None, "55"),
    ("CIoU, 4096 x 4096", "time_ciou_pairwise_4096", None, "90"),
    ("(the driver fills such a matrix)", "time_fill_4096", None, ""),
    ("GIoU's gradient, 4096 x 4096", "time_giou_pairwise_grad_4096", None, ""),
    ("CIoU's gradient, 4096 x 4096", "time_ciou_pairwise_grad_4096", None, ""),
    ("smooth L1, gradient, total: 4 M numbers", "time_smooth_l1_total_grad_4000000", None, ""),
    ("delta encode, 1 M boxes", "time_delta_encode_1000000", None, ""),
    ("delta decode, 1 M boxes", "time_delta_decode_1000000", None, ""),
    ("match, 1 M x 300, low quality", "time_match_iou_1000000x300", None, "1500"),
    ("match, 8400 x 50, low quality", "time_match_iou_8400x50", None, ""),
    ("NMS, 1000 boxes in one image", "time_nms_dense_1000", "nms_dense_1000", ""),
    ("NMS, 100 000 boxes in one image", "time_nms_dense_100000", "nms_dense_100000", ""),
    ("NMS, 100 000 boxes far apart", "time_nms_sparse_100000", "nms_sparse_100000", ""),
    ("rotated IoU, 4096 x 4096", "time_rotated_iou_pairwise_4096", None, ""),
    ("rotated IoU loss, both gradients, total: 1 M boxes", "time_rotated_iou_loss_total_grads_1000000", None, ""),
    ("norm of 41.8 M float32 in 189 tensors", "time_grad_norm_f32_189", None, ""),
    ("their norm and clipping", "time_clip_grad_norm_f32_189", "clip_grad_norm_float32_189", "130"),
    ("the same in bfloat16", "time_clip_grad_norm_bf16_189", "clip_grad_norm_bfloat16_189", ""),
    ("clipping of their values, float32", "time_clip_grad_value_f32_189", None, ""),
]
"""What a row says, our time, the time of others, and the microseconds that were aimed at for the H200."""

MATRICES = {"boxgrad, IoU": "iou_pairwise_20000", "boxgrad, GIoU": "giou_pairwise_20000", "boxgrad, CIoU": "ciou_pairwise_20000",
            "torch eager, IoU": "torch_box_iou_20000", "torchvision, IoU": "torchvision_box_iou_20000"}  # fmt: skip

IN_TORCH = json.loads((ROOT / "docs/cuda/torch-nvidia-h200.json").read_text())
LOSSES = {"giou": "GIoU", "diou": "DIoU", "ciou": "CIoU", "iou": "IoU (torchvision has none: its parts)", "smooth_l1": "smooth L1 (torch's own)"}


def in_torch():
    lines = ["| microseconds of a step | boxgrad.torch | in a row | torchvision | in a row | torch.compile of that | in a row |", "|---|" + "---:|" * 6]
    for key, name in LOSSES.items():
        for count, words in (1000, "1000 boxes"), (1_000_000, "1 M boxes"):
            found = [IN_TORCH[f"time_{who}_{key}_{count}"] for who in ("boxgrad", "torchvision", "compiled")]
            lines.append(f"| {name}, {words} | " + " | ".join(f"{x[kind]:.0f}" for x in found for kind in ("waited_us", "in_a_row_us")) + " |")
    return "\n".join(lines)


def times():
    lines = ["| microseconds | H200 | in a row | aim | H100 | in a row | torchvision | torch eager | torch.compile |", "|---|" + "---:|" * 8]
    for row, ours, theirs, aim in TIMES:
        h200, h100 = (KEPT[name].get(ours) for name in KEPT)
        others = [KEPT["h200"].get(f"time_{peer}_{theirs}") for peer in ("torchvision", "torch", "compiled")]
        others = [f"{found['median_us']:.0f}" if found else "" for found in others]
        numbers = [f"{kept[what]:.1f}" if kept else "" for kept in (h200, h100) for what in ("median_us", "in_a_row_us")]
        lines.append(f"| {row} | " + " | ".join([*numbers[:2], aim, *numbers[2:], *others]) + " |")
    return "\n".join(lines)


def matrices():
    lines = ["| 20 000 x 20 000 | milliseconds on the H200 | on the H100 | GB, 1.6 of which are the result |", "|---|---:|---:|---:|"]
    for row, key in MATRICES.items():
        h200, h100 = (KEPT[name][key] for name in KEPT)
        lines.append(f"| {row} | {h200['median_us'] / 1000:.2f} | {h100['median_us'] / 1000:.2f} | {h200.get('taken_GB') or h200['peak_GB']:.1f} |")
    return "\n".join(lines)


def page():
    text = PAGE.read_text()
    for table in (times(), matrices(), in_torch()):
        head = re.escape(table.splitlines()[0])
        text, found = re.subn(rf"(?m)^{head}\n(?:\|.*\n)*", lambda _, table=table: table + "\n", text)
        assert found == 1, head
    return text


if __name__ == "__main__":
    PAGE.write_text(page())
