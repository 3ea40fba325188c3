"""boxgrad.torch on CUDA tensors: are all bits the CPU's, does it work with what torch has, and how fast is it? Takes two and a half minutes at most.

    python3 Tests/cuda/torch_gpu.py [--out results.json] [--libraries build/lib] [--seconds 150] [--rehearse LIBCUDA]

Needs PyTorch with CUDA, a GPU, both libraries, the Python package and gpu.py beside it. torchvision and torch.compile are measured, too, if they are there.
It goes on after a failure, prints a line for each finding, and writes all of them as JSON. The exit status is 1 if anything failed. --rehearse runs what
needs no GPU on the CPU, behind the stand-in for the driver, to find mistakes of this program."""

import argparse
import ctypes
import os
import platform
import statistics
import sys
import threading
import time
from pathlib import Path

import gpu
import numpy as np
from gpu import left, phase, put

ROOT = Path(__file__).resolve().parents[2]
FAILED = []
DEVICE = ["cuda"]


def expect(name, function, *arguments):
    """Runs a check, of which one that raises or returns a text has failed."""
    try:
        wrong = function(*arguments)
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"
    if wrong:
        FAILED.append(name)
        put(f"FAILED {name}", str(wrong)[:500])
    return not wrong


def raises(kind, words, function):
    try:
        function()
    except kind as error:
        return None if words in str(error) else f"it says {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "it raises nothing"


def array(tensor):
    tensor = tensor.detach().resolve_neg().cpu()
    return (tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor).numpy()


def differs(found, wanted, where=None):
    """What is wrong with the tensors, which should be those of the CPU."""
    for k, (a, b) in enumerate(zip(found, wanted)):
        if (a is None) != (b is None):
            return f"result {k} is {a} and not {b}"
        if a is None:
            continue
        if where is not False and a.device.type != DEVICE[0]:
            return f"result {k} is on {a.device}"
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            return f"result {k} is {a.dtype} {tuple(a.shape)} and not {b.dtype} {tuple(b.shape)}"
        difference = gpu.compare(array(a), array(b))
        if difference:
            return f"result {k}: {difference}"
    return None


def boxes(seed, n, dtype="float32", special=False):
    kind = np.float64 if dtype == "float64" else np.float32
    return [torch.tensor(x).to(getattr(torch, dtype)) for x in gpu.box_pairs(seed, n, kind, special)]


def with_gradients(function, tensors, differentiable=None):
    """The value, and the gradients for a cotangent that is the same on every device."""
    tensors = [x.detach().requires_grad_() for x in tensors]
    value = function(*tensors)
    cotangent = torch.tensor(gpu.signed(9, value.numel(), np.float64)).reshape(value.shape).to(value)
    return value, *torch.autograd.grad(value, tensors, cotangent, allow_unused=True)


# ---- Bits ----


def cases(n):
    """(name, function, number of boxes of each argument)"""
    b = boxgrad.torch
    for fmt in ("xyxy", "yxyx", "xywh", "cxcywh"):
        yield f"box_area {fmt}", lambda x, fmt=fmt: b.box_area(x, fmt), (n,)
        yield f"box_convert {fmt}", lambda x, fmt=fmt: b.box_convert(x, "xyxy", fmt), (n,)
        yield f"box_convert from {fmt}", lambda x, fmt=fmt: b.box_convert(x, fmt, "cxcywh"), (n,)
    yield "clip_boxes_to_image", lambda x: b.clip_boxes_to_image(x, (400, 500)), (n,)
    for mode in ("hard", "straight_through", "inward"):
        yield f"clip {mode}", lambda x, mode=mode: b.clip(x, 30, 300, mode=mode), (n,)
    for name in ("box_iou", "generalized_box_iou", "distance_box_iou", "complete_box_iou", "box_ioa", "box_ios"):
        yield name, getattr(b, name), (min(n, 300), min(n, 200))
    yield "box_iou batched", lambda x, y: b.box_iou(x[: len(x) // 4 * 4].reshape(4, -1, 4), y), (min(n, 300), min(n, 200))
    for metric in ("iou", "giou", "diou", "ciou", "iof", "ios"):
        yield f"aligned_box_iou {metric}", lambda x, y, metric=metric: b.aligned_box_iou(x, y, metric=metric), (n, n)
    for name in ("box_iou_loss", "generalized_box_iou_loss", "distance_box_iou_loss", "complete_box_iou_loss"):
        for reduction in ("none", "sum", "mean"):
            yield f"{name} {reduction}", lambda x, y, f=getattr(b, name), r=reduction: f(x, y, r), (n, n)
            yield f"{name} {reduction} weighted", lambda x, y, f=getattr(b, name), r=reduction: f(x, y, r, weights=y[:, 0].detach()), (n, n)
        yield f"{name} normalizer", lambda x, y, f=getattr(b, name): f(x, y, "mean", normalizer=7.5), (n, n)
    for reduction in ("none", "sum", "mean"):
        yield f"smooth_l1_loss {reduction}", lambda x, y, r=reduction: b.smooth_l1_loss(x, y, r), (n, n)
        yield f"smooth_l1_loss {reduction} weighted", lambda x, y, r=reduction: b.smooth_l1_loss(
            x, y, r, sigma=3.0, inside_weights=x.detach()[:, :1], outside_weights=y.detach()), (n, n)  # fmt: skip
    yield "smooth_l1_loss dim", lambda x, y: b.smooth_l1_loss(x, y, dim=1), (n, n)
    for policy in ("propagate", "zero"):
        yield f"encode_boxes {policy}", lambda x, y, p=policy: b.encode_boxes(x, y, stds=(0.1, 0.1, 0.2, 0.2), on_degenerate=p), (n, n)
    yield "decode_boxes", lambda x, y: b.decode_boxes(x, y * 0.01), (n, n)
    yield "decode_boxes groups", lambda x, y: b.decode_boxes(x, torch.cat([y, y], 1) * 0.01, max_shape=(300, 400), log_ratio_clip=0.5, center_clamp=3.0), (n, n)
    turned = lambda x: torch.cat([x, x[:, :1] * 0.1], 1)  # noqa: E731
    for fmt in ("radians-ccw", "corners", "bounds"):
        yield f"convert_rotated_boxes {fmt}", lambda x, f=fmt: b.convert_rotated_boxes(turned(x), "degrees-ccw", f), (n,)
    yield "convert_rotated_boxes from corners", lambda x, y: b.convert_rotated_boxes(torch.cat([x, y], 1), "corners", "degrees-cw"), (n, n)
    for name in ("rotated_box_iou", "rotated_box_iof"):
        yield name, lambda x, y, f=getattr(b, name): f(turned(x), turned(y), angle="degrees-cw"), (min(n, 300), min(n, 200))
    for metric in ("iou", "iof"):
        yield f"aligned_rotated_box_iou {metric}", lambda x, y, m=metric: b.aligned_rotated_box_iou(turned(x), turned(y), angle="degrees-cw", metric=m), (n, n)
    for mode in ("linear", "log"):
        yield f"rotated_box_iou_loss {mode}", lambda x, y, m=mode: b.rotated_box_iou_loss(turned(x), turned(y), "mean", angle="radians-cw", mode=m), (n, n)
    yield "boxes of one row", lambda x, y: b.generalized_box_iou_loss(x, y[:1].detach()), (n, n)  # whose gradient torch sums in an order of its own


ON_CPU_ONLY = ("siou_loss", "efficient_box_iou_loss", "wise_box_iou_loss", "log_box_iou_loss", "bounded_iou_loss", "balanced_l1_loss", "encode_linear", "decode_linear")


def check_bits(n):
    count = 0
    for dtype in ("float32", "float64", "float16", "bfloat16"):
        for special in (True, False):
            if special and dtype in ("float16", "bfloat16"):
                continue
            for name, function, counts in cases(n):
                tensors = [x[:k] for x, k in zip(boxes(3, n, dtype, special), counts)]
                if not special:  # else NaN and an infinity, of which there are many, hide what a sum does
                    tensors = [x.clone() for x in tensors]

                def compare(function=function, tensors=tensors):
                    return differs(with_gradients(function, [x.to(DEVICE[0]) for x in tensors]), with_gradients(function, tensors))

                count += 1
                expect(f"bits {name} {dtype}{' special' if special else ''}", compare)
    put("bits_cases", count)


def check_layouts(n):
    wide = lambda x: torch.nn.functional.pad(x, (0, 3))[:, :4]  # noqa: E731
    layouts = {"gaps": wide, "columns": lambda x: x.t().contiguous().t(), "every other": lambda x: x.repeat_interleave(2, 0)[::2],
               "offset": lambda x: torch.cat([x[:1], x])[1:], "odd offset": lambda x: torch.cat([x.new_zeros(1), x.flatten()])[1:].view(-1, 4),
               "negative": lambda x: torch._neg_view(-x), "expanded": lambda x: x[:1].expand(len(x), 4), "empty": lambda x: x[:0]}  # fmt: skip
    for layout, change in layouts.items():
        for name, function, counts in cases(n):
            if layout == "empty" and ("batched" in name or "one row" in name):
                continue
            tensors = [x[:k] for x, k in zip(boxes(5, n), counts)]

            def compare(function=function, change=change, tensors=tensors):
                mine, theirs = [change(x.to(DEVICE[0])) for x in tensors], [change(x) for x in tensors]
                return differs(with_gradients(function, mine), with_gradients(function, theirs))

            expect(f"layout {layout}: {name}", compare)


def check_proposals(n):
    b, d = boxgrad.torch, DEVICE[0]
    for dtype in ("float32", "float64", "float16"):
        proposals, truths = boxes(7, n, dtype, dtype != "float16")
        truths, scores, classes = truths[:40], torch.tensor(gpu.uniform(8, n, np.float64)).to(proposals.dtype), torch.arange(n) % 5
        on = [x.to(d) for x in (proposals, truths, scores, classes)]
        expect(f"nms {dtype}", lambda p=proposals, s=scores, on=on: differs([b.nms(on[0], on[2], 0.3)], [b.nms(p, s, 0.3)]))
        for options in {}, {"max_keep": 20}, {"max_per_class": 9}, {"score_threshold": 0.5}:
            expect(f"batched_nms {options} {dtype}", lambda p=proposals, s=scores, on=on, o=options: differs(
                [b.batched_nms(on[0], on[2], on[3], 0.3, **o)], [b.batched_nms(p, s, classes, 0.3, **o)]))  # fmt: skip
        expect(f"remove_small_boxes {dtype}", lambda p=proposals, on=on: differs([b.remove_small_boxes(on[0], 20)], [b.remove_small_boxes(p, 20)]))
        for settings in (0.5, 0.3), (0.5, 0.3, True):
            matcher = b.Matcher(*settings)
            expect(f"match {settings} {dtype}", lambda p=proposals, t=truths, on=on, m=matcher: differs(m.match(on[0], on[1]), m.match(p, t)))
            expect(f"Matcher {settings} {dtype}", lambda p=proposals, t=truths, on=on, m=matcher: differs(
                [m(b.box_iou(on[1], on[0]))], [m(b.box_iou(t, p))]))  # fmt: skip
        coder = b.BoxCoder((10.0, 10.0, 5.0, 5.0))
        expect(f"BoxCoder {dtype}", lambda p=proposals, on=on, c=coder: differs(
            [*c.encode([on[0]], [on[0].flip(0)]), c.decode(on[0] * 0.01, [on[0]])], [*c.encode([p], [p.flip(0)]), c.decode(p * 0.01, [p])]))  # fmt: skip
    labels = torch.arange(n) % 7 - 1
    samplers = [b.BalancedPositiveNegativeSampler(64, 0.25, seed=3) for _ in range(2)]
    expect("sampler", lambda: differs([x[0] for x in samplers[0]([labels.to(d)])], [x[0] for x in samplers[1]([labels])]))


# ---- What torch asks of an operator ----


def check_refusals():
    b, d = boxgrad.torch, DEVICE[0]
    x, y = (t.to(d) for t in boxes(1, 8))
    if d != "cpu":
        for name, function in (("iou", b.box_iou), ("loss", b.generalized_box_iou_loss), ("smooth", b.smooth_l1_loss), ("encode", b.encode_boxes)):
            for first, second in (x, y.cpu()), (x.cpu(), y):
                expect(f"mixed devices {name}", raises, TypeError, "they must be on one", lambda f=function, a=first, c=second: f(a, c))
        expect("mixed weights", raises, TypeError, "weights is on the device 'cpu'", lambda: b.box_iou_loss(x, y, weights=torch.ones(8)))
        expect("mixed operators", raises, TypeError, "takes tensors of one device", lambda: torch.ops.boxgrad.iou_aligned(x, y.cpu(), 0, 1e-7))
        expect("mixed nms", raises, TypeError, "must be on", lambda: b.nms(x, torch.ones(8), 0.5))
        expect("mixed gradients", raises, TypeError, "gradient 1 is on the device 'cpu', and must be on 'cuda:0'", lambda: b.get_total_norm([x, y.cpu()]))
        expect("orders of norms", raises, ValueError, "norm_type must be 1, 2 or inf on a GPU", lambda: b.get_total_norm([x], 3.0))
    for name in ON_CPU_ONLY:
        expect(f"on the CPU only: {name}", raises, TypeError, "on the CPU only", lambda f=getattr(b, name): f(x, y))
    degenerate = y.clone()
    degenerate[3, 2] = degenerate[3, 0]
    expect("degenerate", raises, boxgrad.DegenerateBoxError, "1 of 8 rows are degenerate: 3", lambda: b.encode_boxes(x, degenerate, on_degenerate="error"))
    expect("not degenerate", lambda: differs([b.encode_boxes(x, y, on_degenerate="error")], [b.encode_boxes(x.cpu(), y.cpu())]))
    expect("bad shape", raises, ValueError, "must have the shape", lambda: b.box_iou(x[:, :3], y))
    for name, function in (("box_iou", b.box_iou), ("loss", b.complete_box_iou_loss), ("total", lambda x, y: b.complete_box_iou_loss(x, y, "mean"))):
        a = x.clone().requires_grad_()

        def twice(function=function, a=a):
            (gradient,) = torch.autograd.grad(function(a, y).sum(), a, create_graph=True)
            gradient.sum().backward()

        expect(f"second derivative of {name}", raises, NotImplementedError, "first derivatives only", twice)
        expect(f"forward mode of {name}", lambda f=function: None if raises(Exception, "", lambda: torch.func.jvp(lambda a: f(a, y), (x,), (x,))) is None else "no error")


GRADIENTS = ("float32", "float16", "bfloat16", "float64")


def parameters_of(dtypes, count, where=None, kind="usual"):
    """Parameters with gradients of several lengths, the last of which are channels_last and a view that begins anywhere."""
    found = []
    for k in range(count):
        dtype = dtypes[k % len(dtypes)]
        x = torch.tensor(gpu.gradient(k, 1200 + 37 * k + 50_000 * (k % 50 == 7), np.float64 if dtype == "float64" else np.float32, kind)).to(getattr(torch, dtype))
        x = x.to(where or DEVICE[0])
        if k == count - 1:
            x = x[:1200].view(2, 3, 10, 20).contiguous(memory_format=torch.channels_last)
        elif k == count - 2:
            x = torch.cat([x[:1], x])[1:]
        found.append(torch.nn.Parameter(torch.zeros_like(x)))
        found[-1].grad = x
    return found


def check_clipping(count):
    b = boxgrad.torch
    for dtypes in (*[(dtype,) for dtype in GRADIENTS], GRADIENTS[:3], GRADIENTS):
        for p in (1.0, 2.0, float("inf")):
            for kind in ("usual", "any", "infinite"):

                def compare(dtypes=dtypes, p=p, kind=kind):
                    mine, theirs = (parameters_of(dtypes, count, where, kind) for where in (None, "cpu"))
                    found, wanted = [b.get_total_norm([x.grad for x in mine], p)], [b.get_total_norm([x.grad for x in theirs], p)]
                    for limit in (1e-3, 0.3):
                        found.append(b.clip_grad_norm_(mine, limit, p))
                        wanted.append(b.clip_grad_norm_(theirs, limit, p))
                    b.clip_grads_with_norm_(mine, 0.1, found[-1])
                    b.clip_grads_with_norm_(theirs, 0.1, wanted[-1])
                    b.clip_grad_value_(mine, 1e-4)
                    b.clip_grad_value_(theirs, 1e-4)
                    return differs([*found, *(x.grad for x in mine)], [*wanted, *(x.grad for x in theirs)])

                expect(f"clipping {dtypes} {p} {kind}", compare)
    mine = parameters_of(GRADIENTS[:1], 5, kind="nan")
    before = [x.grad.cpu().clone() for x in mine]
    expect("clipping: error", raises, boxgrad.NonFiniteError, "parameters[0]", lambda: b.clip_grad_norm_(mine, 1.0, error_if_nonfinite=True))
    expect("clipping: an error changes nothing", lambda: differs([x.grad.cpu() for x in mine], before, False))


def check_clipping_on_a_gpu(count):
    """Without waiting, in a graph, beside torch's own, and on another stream."""
    b = boxgrad.torch
    given = parameters_of(GRADIENTS[:3], count)
    calls = {
        "norm": lambda x: b.get_total_norm([p.grad for p in x]), "clip": lambda x: b.clip_grad_norm_(x, 0.3), "skip": lambda x: b.clip_grad_norm_(x, 0.3, on_nonfinite="skip"),
        "with norm": lambda x: b.clip_grads_with_norm_(x, 0.3, torch.full((), 5.0, device="cuda")), "value": lambda x: b.clip_grad_value_(x, 1e-3),
    }  # fmt: skip
    for name, call in calls.items():
        call(given)
        torch.cuda.set_sync_debug_mode("error")
        try:
            # The result is left alone: to ask whether it is true would wait for it.
            expect(f"no waiting: {name}", lambda c=call: [c(given)] and None)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    def capture():
        static, other = parameters_of(GRADIENTS[:3], count), parameters_of(GRADIENTS[:3], count, "cpu", kind="wide")
        first = [p.grad.clone() for p in static]
        b.clip_grad_norm_(static, 0.3)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            total = b.clip_grad_norm_(static, 0.3)
        for content in (first, [p.grad.clone() for p in other]):
            for p, x in zip(static, content):
                p.grad.copy_(x)
            graph.replay()
            torch.cuda.synchronize()
            for p, x in zip(other, content):
                p.grad = x.cpu()
            wanted = b.clip_grad_norm_(other, 0.3)
            wrong = differs([total, *(p.grad for p in static)], [wanted, *(p.grad for p in other)])
            if wrong:
                return wrong
        return None

    expect("CUDA graph of clipping", capture)

    def near_torch():
        mine, theirs = parameters_of(GRADIENTS[:1], count), parameters_of(GRADIENTS[:1], count)
        ours, torchs = float(b.clip_grad_norm_(mine, 0.3)), float(torch.nn.utils.clip_grad_norm_(theirs, 0.3))
        return None if abs(ours - torchs) < 1e-5 * torchs else f"{ours} and torch's {torchs}"

    expect("clipping beside torch's", near_torch)
    for dtype in GRADIENTS[:3]:
        sizes = gpu.layer_sizes(41_800_000)
        parameters = [torch.nn.Parameter(torch.zeros(n, dtype=getattr(torch, dtype), device="cuda")) for n in sizes]
        for x in parameters:
            x.grad = torch.rand_like(x) * 1e-3
        for name, clip in ("boxgrad", b.clip_grad_norm_), ("torch", torch.nn.utils.clip_grad_norm_):
            for _ in range(3):
                clip(parameters, 1e-3)
            torch.cuda.synchronize()
            begin = time.perf_counter()
            for _ in range(20):
                clip(parameters, 1e-3)
            launched = time.perf_counter() - begin
            torch.cuda.synchronize()
            put(f"time_{name}_clip_grad_norm_{dtype}_189", {"in_a_row_us": round(5e4 * (time.perf_counter() - begin), 1), "host_us": round(5e4 * launched, 1)})


def check_gradients():
    b = boxgrad.torch
    x, y = (t.to(DEVICE[0]).requires_grad_() for t in boxes(2, 6, "float64"))
    for name, function in (("giou loss", lambda x, y: b.generalized_box_iou_loss(x, y, "mean")), ("ciou", b.aligned_box_iou), ("diou", b.distance_box_iou),
                           ("smooth", lambda x, y: b.smooth_l1_loss(x, y, "sum", 3.0)), ("encode", b.encode_boxes), ("area", lambda x, y: b.box_area(x) + b.box_area(y))):  # fmt: skip
        expect(f"gradcheck {name}", lambda f=function: None if torch.autograd.gradcheck(f, (x, y), eps=1e-5, atol=1e-4, nondet_tol=0.0) else "wrong")


def check_transforms():
    b = boxgrad.torch
    x, y = (t.to(DEVICE[0]) for t in boxes(2, 24))
    for name, function in (("none", lambda x, y: b.generalized_box_iou_loss(x, y).sum()), ("mean", lambda x, y: b.complete_box_iou_loss(x, y, "mean")),
                           ("iou", lambda x, y: b.box_iou(x, y).sum())):  # fmt: skip
        wanted = torch.autograd.grad(function(a := x.clone().requires_grad_(), y), a)[0]
        expect(f"func.grad {name}", lambda f=function, w=wanted: differs([torch.func.grad(f)(x, y)], [w.cpu()]))
        each = [torch.func.grad(function)(x[k : k + 6], y[k : k + 6]) for k in range(0, 24, 6)]
        expect(f"vmap of grad {name}", lambda f=function, e=each: differs(
            [torch.vmap(torch.func.grad(f))(x.view(4, 6, 4), y.view(4, 6, 4))], [torch.stack(e).cpu()]))  # fmt: skip


def check_compile():
    b = boxgrad.torch
    x, y = (t.to(DEVICE[0]) for t in boxes(2, 300))
    functions = {
        "loss mean": lambda x, y: b.generalized_box_iou_loss(x * 2, y * 2, "mean") + 1, "loss none": lambda x, y: (b.complete_box_iou_loss(x, y) * 2).sum(),
        "iou": lambda x, y: b.box_iou(x, y[:50]).sum(), "smooth": lambda x, y: b.smooth_l1_loss(x, y), "deltas": lambda x, y: b.decode_boxes(x, b.encode_boxes(x, y)).sum(),
        "boxes": lambda x, y: b.box_area(b.clip_boxes_to_image(b.box_convert(x, "xyxy", "cxcywh"), (400, 400))).sum(),
    }  # fmt: skip
    for name, function in functions.items():
        for dynamic, mode in ((False, None), (True, None), (False, "reduce-overhead")):
            if mode and name not in ("loss mean", "loss none"):
                continue
            torch._dynamo.reset()
            compiled = torch.compile(function, fullgraph=True, dynamic=dynamic, mode=mode)

            def compare(function=function, compiled=compiled, dynamic=dynamic, repeat=3 if mode else 1):
                for n in (300, 217) if dynamic else (300,) * repeat:
                    found = with_gradients(compiled, (x[:n], y[:n]))
                    wanted = with_gradients(function, (x[:n], y[:n]))
                    for a, w in zip(found, wanted):
                        if w is not None and not torch.allclose(a, w, rtol=1e-6, atol=1e-6, equal_nan=True):
                            return f"{n} boxes: it differs from eager by {(a - w).abs().max()}"
                return None

            if left() > 25:
                expect(f"compile {name} dynamic={dynamic} mode={mode}", compare)
            else:
                put("compile_skipped", name)


def check_graphs():
    b = boxgrad.torch
    x, y = (t.cuda() for t in boxes(2, 9000))
    for name, function in (("mean", lambda x, y: b.generalized_box_iou_loss(x, y, "mean")), ("none", lambda x, y: b.complete_box_iou_loss(x, y).sum()),
                           ("iou", lambda x, y: b.box_iou(x[:500], y[:300]).sum()), ("smooth", lambda x, y: b.smooth_l1_loss(x, y)),
                           ("encode", lambda x, y: b.encode_boxes(x, y).sum())):  # fmt: skip

        def capture(function=function):
            a, c = x.clone().requires_grad_(), y.clone()
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(2):
                    torch.autograd.grad(function(a, c), a)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                value = function(a, c)
                (gradient,) = torch.autograd.grad(value, a)
            for shift in (0.0, 3.0):
                with torch.no_grad():
                    a.copy_(x + shift)
                graph.replay()
                torch.cuda.synchronize()
                again = (x + shift).requires_grad_()
                wanted = function(again, c)
                wrong = differs([value, gradient], [wanted.cpu(), torch.autograd.grad(wanted, again)[0].cpu()])
                if wrong:
                    return wrong
            return None

        expect(f"CUDA graph {name}", capture)


def check_streams():
    b = boxgrad.torch
    x, y = (t.cuda() for t in boxes(2, 100_000))
    wanted = with_gradients_here(lambda x, y: b.generalized_box_iou_loss(x, y, "mean"), (x, y))
    wanted = [w.cpu() for w in wanted]
    side = torch.cuda.Stream()
    torch.cuda.synchronize()

    def on_side():
        with torch.cuda.stream(side):
            torch.cuda._sleep(400_000_000)  # about 0.2 s
            found = with_gradients_here(lambda x, y: b.generalized_box_iou_loss(x, y, "mean"), [t + 0 for t in (x, y)])
            waited = side.query()
        free = torch.cuda.current_stream().query()
        torch.cuda.synchronize()
        return "it waited for the stream" if waited else "the default stream was used" if not free else differs(found, wanted)

    expect("another stream", on_side)

    def in_a_thread(result):
        try:
            result.append(differs([b.generalized_box_iou_loss(x, y, "mean")], wanted[:1]))
        except Exception as error:
            result.append(f"{type(error).__name__}: {error}")

    result = []
    thread = threading.Thread(target=in_a_thread, args=(result,))
    thread.start()
    thread.join()
    expect("a new thread", lambda: result[0])


def check_waiting():
    b = boxgrad.torch
    x, y = (t.cuda() for t in boxes(2, 5000))
    calls = dict(cases_of_pairs(x, y))
    for name, call in calls.items():
        call()  # whatever is loaded
        torch.cuda.set_sync_debug_mode("error")
        try:
            expect(f"no waiting: {name}", lambda c=call: c() and None)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    torch.cuda.set_sync_debug_mode("error")
    try:
        expect("waiting: encode_boxes error", raises, RuntimeError, "synchroniz", lambda: b.encode_boxes(x, y, on_degenerate="error"))
    finally:
        torch.cuda.set_sync_debug_mode("default")


def cases_of_pairs(x, y):
    matcher = boxgrad.torch.Matcher(0.5, 0.3, True)
    for name, function, counts in cases(len(x)):
        yield name, lambda f=function, c=counts: bool(with_gradients_here(f, [t[:k] for t, k in zip((x, y), c)]))
    yield "match", lambda: bool(matcher.match(x, y[:50]))
    yield "Matcher", lambda: bool([matcher(boxgrad.torch.box_iou(y[:50], x))])


def with_gradients_here(function, tensors):
    tensors = [x.detach().requires_grad_() for x in tensors]
    value = function(*tensors)
    return value, *torch.autograd.grad(value, tensors, torch.ones_like(value), allow_unused=True)


def check_memory():
    b = boxgrad.torch
    x, y = (t.cuda() for t in boxes(2, 20_000))
    for name in ("box_iou", "generalized_box_iou", "complete_box_iou"):
        getattr(b, name)(x[:10], y[:10])
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        value = getattr(b, name)(x, y)
        torch.cuda.synchronize()
        beyond = torch.cuda.max_memory_allocated() - before - value.numel() * 4
        put(f"memory_beyond_{name}_20000", beyond)
        expect(f"memory of {name}", lambda beyond=beyond: None if beyond < 1 << 20 else f"{beyond} bytes beyond the result")
        del value


def check_autocast(ops):
    b = boxgrad.torch
    for dtype in (torch.float16, torch.float32):
        x, y = (t.cuda().to(dtype) for t in boxes(2, 100))
        pairs = {name: (getattr(b, name), getattr(ops, name)) for name in (
            "box_iou", "generalized_box_iou", "distance_box_iou", "complete_box_iou", "generalized_box_iou_loss", "distance_box_iou_loss", "complete_box_iou_loss")}  # fmt: skip
        pairs |= {"area": (lambda x, y: b.box_area(x), lambda x, y: ops.box_area(x)), "smooth": (b.smooth_l1_loss, torch.nn.functional.smooth_l1_loss),
                  "clip": (lambda x, y: b.clip_boxes_to_image(x, (9, 9)), lambda x, y: ops.clip_boxes_to_image(x, (9, 9))),
                  "convert": (lambda x, y: b.box_convert(x, "xyxy", "cxcywh"), lambda x, y: ops.box_convert(x, "xyxy", "cxcywh"))}  # fmt: skip
        coders = [kind((10.0, 10.0, 5.0, 5.0)) for kind in (b.BoxCoder, sys.modules["torchvision.models.detection._utils"].BoxCoder)]
        pairs["encode"] = tuple(lambda x, y, c=c: c.encode_single(x, y) for c in coders)
        pairs["decode"] = tuple(lambda x, y, c=c: c.decode_single(x * 0.01, y) for c in coders)
        for name, (ours, theirs) in pairs.items():

            def compare(ours=ours, theirs=theirs, x=x, y=y):
                with torch.autocast("cuda", torch.float16):
                    found, wanted = ours(x, y), theirs(x, y)
                return None if found.dtype == wanted.dtype else f"{found.dtype} and not {wanted.dtype}"

            expect(f"autocast {name} {dtype}", compare)
        with torch.autocast("cuda", torch.float16):
            expect(f"autocast nms {dtype}", lambda x=x: differs([b.nms(x, x[:, 0], 0.5)], [b.nms(x.cpu(), x[:, 0].cpu(), 0.5)]))


def check_detectors(torchvision):
    from torchvision.models import detection

    generator = torch.Generator().manual_seed(1)
    images = [torch.rand(3, 160, 160, generator=generator).cuda() for _ in range(2)]
    targets = [{"boxes": torch.tensor([[10.0, 20, 80, 90], [50, 60, 150, 140]]).cuda(), "labels": torch.tensor([1, 2]).cuda()} for _ in range(2)]
    many = {"rpn_batch_size_per_image": 100_000, "box_batch_size_per_image": 100_000, "rpn_positive_fraction": 1.0, "box_positive_fraction": 1.0}
    kinds = {"fasterrcnn_resnet50_fpn": many, "retinanet_resnet50_fpn": {}, "fcos_resnet50_fpn": {}}

    def results(name, options):
        torch.manual_seed(0)
        model = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=4, min_size=160, max_size=160, **options).cuda()
        losses = model.train()(images, targets)
        sum(losses.values()).backward()
        norm = sum(p.grad.double().square().sum() for p in model.parameters() if p.grad is not None).sqrt()
        with torch.no_grad():
            return {**{k: float(v) for k, v in losses.items()}, "norm": float(norm)}, model.eval()(images)

    for name, options in kinds.items():
        if left() < 12:
            put("detector_skipped", name)
            continue
        theirs, found = results(name, options)
        # RoIAlign and the coder of distances are torchvision's there.
        with boxgrad.torch.replace_torchvision():
            ours, mine = results(name, options)
        put(f"detector_{name}", {k: [ours[k], theirs[k]] for k in theirs})
        far = {k: abs(ours[k] - theirs[k]) / max(abs(theirs[k]), 1e-12) for k in theirs}
        expect(f"detector {name}", lambda far=far: None if max(far.values()) < 1e-3 else far)
        expect(f"detections {name}", lambda a=mine, b=found: None if [len(x["boxes"]) for x in a] == [len(x["boxes"]) for x in b] else "another number of boxes")


# ---- Times ----


def steps(function, pred, target):
    """(microseconds of a step that is waited for, and of one of many in a row): the host's work is in both."""

    def step():
        torch.autograd.grad(function(pred, target), pred)

    for _ in range(5):
        step()
    torch.cuda.synchronize()
    single = []
    for _ in range(100):
        begin = time.perf_counter()
        step()
        torch.cuda.synchronize()
        single.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    for _ in range(100):
        step()
    torch.cuda.synchronize()
    return {"waited_us": round(1e6 * statistics.median(single), 1), "in_a_row_us": round(1e4 * (time.perf_counter() - begin), 1)}


def losses_of(ops):
    b = boxgrad.torch
    mean = {"reduction": "mean"}
    ours = {"iou": lambda x, y: b.box_iou_loss(x, y, **mean), "giou": lambda x, y: b.generalized_box_iou_loss(x, y, **mean),
            "diou": lambda x, y: b.distance_box_iou_loss(x, y, **mean), "ciou": lambda x, y: b.complete_box_iou_loss(x, y, **mean),
            "smooth_l1": lambda x, y: b.smooth_l1_loss(x, y)}  # fmt: skip
    if ops is None:
        return ours, {}
    from torchvision.ops._utils import _loss_inter_union

    def iou(x, y):
        inter, union = _loss_inter_union(x, y)
        return (1 - inter / (union + 1e-7)).mean()

    theirs = {"iou": iou, "giou": lambda x, y: ops.generalized_box_iou_loss(x, y, **mean), "diou": lambda x, y: ops.distance_box_iou_loss(x, y, **mean),
              "ciou": lambda x, y: ops.complete_box_iou_loss(x, y, **mean), "smooth_l1": torch.nn.functional.smooth_l1_loss}  # fmt: skip
    return ours, theirs


def time_losses(tag, functions, wrap=lambda f: f):
    for n in (1000, 1_000_000):
        x, y = (t.cuda() for t in boxes(3, n))
        x.requires_grad_()
        for name, function in functions.items():
            if left() < 4:
                return put("times_skipped", f"{tag} {name} {n}")
            try:
                put(f"time_{tag}_{name}_{n}", steps(wrap(function), x, y))
            except Exception as error:
                put(f"time_{tag}_{name}_{n}_failed", f"{type(error).__name__}: {error}"[:300])


def time_parts():
    """Where the time of a small loss goes: the value alone, an operation of torch's, a step of torch's own autograd.Function, and a captured step."""
    b = boxgrad.torch
    x, y = (t.cuda() for t in boxes(3, 1000))
    pred = x.clone().requires_grad_()
    found, gradient = {}, torch.rand_like(x)

    class Least(torch.autograd.Function):
        @staticmethod
        def forward(context, a):
            return a.new_empty(())

        @staticmethod
        def backward(context, cotangent):
            return gradient * cotangent

    graphs = {}
    for n in (1000, 1_000_000):
        a, c = (t.cuda() for t in boxes(3, n))
        a.requires_grad_()
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            torch.autograd.grad(b.generalized_box_iou_loss(a, c, "mean"), a)
        torch.cuda.synchronize()
        graphs[n] = torch.cuda.CUDAGraph(), a, c
        with torch.cuda.graph(graphs[n][0]):
            torch.autograd.grad(b.generalized_box_iou_loss(a, c, "mean"), a)
    calls = {f"captured step, {n}": graph.replay for n, (graph, *_) in graphs.items()}
    calls["least step of an autograd.Function"] = lambda: torch.autograd.grad(Least.apply(pred), pred)
    calls["step of sum()"] = lambda: torch.autograd.grad(pred.sum(), pred)
    for name, call in {**calls, "value": lambda: b.generalized_box_iou_loss(x, y, "mean"), "forward": lambda: b.generalized_box_iou_loss(pred, y, "mean"),
                       "none": lambda: b.generalized_box_iou_loss(x, y), "add": lambda: x + y, "area": lambda: b.box_area(x)}.items():  # fmt: skip
        for _ in range(20):
            call()
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(200):
            call()
        torch.cuda.synchronize()
        found[name] = round(1e6 * (time.perf_counter() - begin) / 200, 1)
    put("time_parts_us", found)


def ratios():
    for tag, aim in ("torchvision", 10), ("compiled", 3), ("compiled-formula", 3):
        found = {}
        for key, theirs in gpu.RESULT.items():
            if key.startswith(f"time_{tag}_") and isinstance(theirs, dict):
                rest = key.removeprefix(f"time_{tag}_")
                ours = gpu.RESULT.get(f"time_boxgrad_{rest}")
                if isinstance(ours, dict):
                    found[rest] = [round(theirs[k] / ours[k], 1) for k in ("waited_us", "in_a_row_us")]
        put(f"times_of_{tag}_by_ours", found)
        put(f"below_{aim}_of_{tag}", [rest for rest, pair in found.items() if min(pair) < aim])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="the file for the findings, as JSON")
    parser.add_argument("--libraries", default=str(ROOT / "build/lib"), help="the folder of both libraries")
    parser.add_argument("--package", default=str(ROOT / "bindings/python"), help="the folder of the Python package")
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--rehearse", metavar="LIBCUDA", help="the stand-in for the driver")
    given = parser.parse_args()
    gpu.LIMIT[0], gpu.OUT[0] = given.seconds, given.out
    libraries = Path(given.libraries).resolve()
    os.environ.update(BOXGRAD_LIBRARY=str(libraries / "libboxgrad.so"), BOXGRAD_CUDA_LIBRARY=str(libraries / "libboxgrad_cuda.so"))
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "8")
    sys.path.insert(0, given.package)
    global torch, boxgrad
    import torch

    import boxgrad
    import boxgrad.torch

    ops = None
    if given.rehearse:
        from boxgrad.torch import _cuda, _operators, _totals

        ctypes.CDLL(given.rehearse)
        DEVICE[0], here = "cpu", torch.device("cpu", 0)
        for module in _operators, _totals:
            module.c_functions = lambda tensor: _cuda.cuda_functions(tensor.dtype, here)
        _cuda.current_device, _cuda.current_stream = lambda: 0, lambda index: 0
    else:
        torch.zeros(1, device="cuda")
        put("device", {"name": torch.cuda.get_device_name(), "torch": torch.__version__, "cuda": torch.version.cuda, "boxgrad": boxgrad.__version__,
                       "numpy": np.__version__, "python": platform.python_version(), "date": time.strftime("%Y-%m-%d")})  # fmt: skip
        try:
            import torchvision
            import torchvision.models.detection

            ops = torchvision.ops
            put("torchvision", torchvision.__version__)
        except Exception as error:
            put("torchvision", f"{type(error).__name__}: {error}"[:200])
    n = 200 if given.rehearse else 2000
    checks = [("refusals", check_refusals, (), 15), ("bits", check_bits, (n,), 40), ("layouts", check_layouts, (n // 4,), 25), ("proposals", check_proposals, (n // 2,), 15),
              ("clipping", check_clipping, (12 if given.rehearse else 220,), 20), ("gradients", check_gradients, (), 10), ("transforms", check_transforms, (), 10)]  # fmt: skip
    if not given.rehearse:
        checks += [("clipping_on_a_gpu", check_clipping_on_a_gpu, (220,), 15), ("graphs", check_graphs, (), 10), ("streams", check_streams, (), 5), ("waiting", check_waiting, (), 10), ("memory", check_memory, (), 10)]
        ours, theirs = losses_of(ops)
        checks += [("parts", time_parts, (), 5)]
        if ops:
            checks += [("times_torchvision", time_losses, ("torchvision", theirs), 15), ("autocast", check_autocast, (ops,), 5)]
        checks += [("times", time_losses, ("boxgrad", ours), 10)]
        checks += [("compile", check_compile, (), 40)]
        if ops:
            checks += [("detectors", check_detectors, (torchvision,), 35)]
        formulas = {name: f for name, f in gpu.formulas(torch).items() if name != "box_iou"}
        checks += [("times_compiled_formula", time_losses, ("compiled-formula", formulas, lambda f: torch.compile(f, dynamic=False)), 20)]
        if ops:
            checks += [("times_compiled", time_losses, ("compiled", theirs, lambda f: torch.compile(f, dynamic=False)), 55)]
    for name, function, arguments, limit in checks:
        phase(name, function, *arguments, limit=limit)
    ratios()
    FAILED.extend(key for key in gpu.RESULT if key.endswith(("_failed", "_skipped")))
    put("failed", FAILED)
    sys.stdout.flush()
    os._exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
