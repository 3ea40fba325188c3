"""The names that version 0.1 has in other modules: each is the same object, says its new name, and loads old pickles."""

import importlib
import pickle
import subprocess
import sys

import boxgrad
import pytest

MOVED = {
    ("clipping", "clamp"): ["clip"],
    ("coding", "deltas"): ["LOG_RATIO_CLIP", "BoxCoder", "DeltaXYWHBBoxCoder", "decode_boxes", "encode_boxes"],
    ("gradients", "gradient_norm"): [
        "GradNormMonitor", "Gradients", "HasGrad", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "combine_norms",
        "get_total_norm", "per_tensor_norms", "scale_grads_",
    ],
    ("matching", "sampling"): ["BalancedPositiveNegativeSampler", "sample_proposals"],
}  # fmt: skip

every_name = pytest.mark.parametrize(
    ("old", "new", "name"), [(f"boxgrad.{old}", f"boxgrad.{new}", name) for (old, new), names in MOVED.items() for name in names]
)


@every_name
def test_an_old_name_is_the_new_one_and_says_so(old, new, name):
    namespace = {}
    with pytest.warns(DeprecationWarning, match=rf"^{old}\.{name} is now {new}\.{name}; .* until 0\.3$") as caught:
        exec(compile(f"from {old} import {name}", "theirs.py", "exec"), namespace)
    assert namespace[name] is getattr(importlib.import_module(new), name)
    assert [warning.filename for warning in caught] == ["theirs.py"]  # the line that is to be changed


@every_name
def test_an_old_module_is_an_attribute_of_the_package(old, new, name):
    with pytest.warns(DeprecationWarning, match=new):
        assert getattr(getattr(boxgrad, old.split(".")[1]), name) is getattr(importlib.import_module(new), name)


@pytest.mark.parametrize("old", sorted({old for old, _ in MOVED}))
@pytest.mark.parametrize("name", ["no_such_name", "_options", "_MODES", "__path__"])
def test_other_names_are_not_there_and_do_not_warn(old, name, recwarn):
    with pytest.raises(AttributeError, match=f"'boxgrad.{old}' has no attribute '{name}'"):
        getattr(importlib.import_module(f"boxgrad.{old}"), name)
    assert not recwarn.list


@pytest.mark.parametrize(("old", "new"), [pair for pair in MOVED if pair[0] != "matching"])
def test_a_star_import_has_all_names(old, new):
    namespace = {}
    with pytest.warns(DeprecationWarning, match=new):
        exec(f"from boxgrad.{old} import *", namespace)
    assert set(MOVED[old, new]) <= set(namespace)


PICKLES = {  # written by version 0.1.0
    "BalancedPositiveNegativeSampler": (
        b"ccopy_reg\n_reconstructor\np0\n(cboxgrad.matching\nBalancedPositiveNegativeSampler\np1\nc__builtin__\nobject\np2\nNtp3\nRp4\n"
        b"(dp5\nVbatch_size_per_image\np6\nI4\nsVpositive_fraction\np7\nF0.5\nsVseed\np8\nI1\nsb."
    ),
    "BoxCoder": (
        b"ccopy_reg\n_reconstructor\np0\n(cboxgrad.coding\nBoxCoder\np1\nc__builtin__\nobject\np2\nNtp3\nRp4\n(dp5\nVweights\np6\n(F10.0\n"
        b"F10.0\nF5.0\nF5.0\ntp7\nsVbbox_xform_clip\np8\nF4.135166556742356\nsV_stds\np9\n(lp10\nF0.1\naF0.1\naF0.2\naF0.2\nasb."
    ),
    "DeltaXYWHBBoxCoder": (
        b"ccopy_reg\n_reconstructor\np0\n(cboxgrad.coding\nDeltaXYWHBBoxCoder\np1\nc__builtin__\nobject\np2\nNtp3\nRp4\n(dp5\nVmeans\np6\n"
        b"(F0.0\nF0.0\nF0.0\nF0.0\ntp7\nsVstds\np8\n(F1.0\nF1.0\nF1.0\nF1.0\ntp9\nsVclip_border\np10\nI01\nsVadd_ctr_clamp\np11\nI00\n"
        b"sVctr_clamp\np12\nI32\nsb."
    ),
    "GradNormMonitor": (
        b"ccopy_reg\n_reconstructor\np0\n(cboxgrad.gradients\nGradNormMonitor\np1\nc__builtin__\nobject\np2\nNtp3\nRp4\n(dp5\n"
        b"Vnorm_type\np6\nF2.0\nsV_norms\np7\nccollections\ndeque\np8\n((tI3\ntp9\nRp10\nsb."
    ),
    "clip": b"cboxgrad.clipping\nclip\np0\n.",
    "encode_boxes": b"cboxgrad.coding\nencode_boxes\np0\n.",
    "sample_proposals": b"cboxgrad.matching\nsample_proposals\np0\n.",
}


@pytest.mark.parametrize("name", PICKLES)
def test_old_pickles_load(name):
    with pytest.warns(DeprecationWarning, match="until 0.3"):
        loaded = pickle.loads(PICKLES[name])
    current = getattr(boxgrad, name)
    assert loaded is current or type(loaded) is current and vars(loaded)


def test_a_pickled_coder_computes():
    with pytest.warns(DeprecationWarning):
        coder = pickle.loads(PICKLES["BoxCoder"])
    assert coder.encode_single([[1.0, 0.0, 5.0, 4.0]], [[0.0, 0.0, 4.0, 4.0]]).tolist() == [[2.5, 0, 0, 0]]


def test_new_pickles_do_not_warn(recwarn):
    for name in PICKLES:
        assert pickle.loads(pickle.dumps(getattr(boxgrad, name))) is getattr(boxgrad, name)
    assert not recwarn.list


def test_the_old_names_end_with_0_3():
    assert tuple(map(int, boxgrad.__version__.split(".")[:2])) < (0, 3), "remove _renamed.py and all that uses it"


def test_the_package_itself_does_not_warn():
    code = "import boxgrad; boxgrad.BoxCoder((1, 1, 1, 1)); from boxgrad import *"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
