"""The prototypes that the package declares are those of the header."""

import re
import struct
from itertools import accumulate

import pytest
from boxgrad import _library, box_loss, overlap
from support import REPOSITORY

HEADER = re.sub(r"/\*.*?\*/", "", (REPOSITORY / "include/boxgrad.h").read_text(), flags=re.DOTALL)
DECLARED = {
    name: re.sub(r"\s+", " ", parameters).split(", ")
    for name, parameters in re.findall(r"^boxgrad_status boxgrad_(\w+)\((.*?)\);", HEADER, re.DOTALL | re.MULTILINE)
}
LETTERS = {"size_t": "n", "ptrdiff_t": "s", "double": "d", "int32_t": "i", "int64_t": "l", "uint64_t": "u"}


def letters(parameters):
    return "".join("*" if "*" in p else LETTERS[p.split()[0]] for p in parameters)


def without_null(prototypes):
    """The header says in words which pointers may be NULL."""
    return {name: parameters.translate({ord("?"): "*", ord("0"): "*"}) for name, parameters in prototypes.items()}


def test_every_function_has_its_prototype():
    typed = {name[:-4]: letters(p) for name, p in DECLARED.items() if name.endswith("_f32")}
    others = {name: letters(p) for name, p in DECLARED.items() if not name.endswith(("_f32", "_f64", "set_parallel_for"))}
    assert typed == without_null(_library.FOR_EACH_DTYPE)
    assert others == without_null(_library.FOR_ALL_DTYPES)
    assert {name[:-4] for name in DECLARED if name.endswith("_f64")} == set(typed)


def test_the_package_calls_every_function():
    sources = "".join(path.read_text() for path in (REPOSITORY / "bindings/python/boxgrad").glob("*.py"))
    names = {*_library.FOR_EACH_DTYPE, *_library.FOR_ALL_DTYPES}
    assert {name for name in names if not re.search(rf"\.{name}\b", sources)} == set()


@pytest.mark.parametrize("name, layout", [("tensor", _library.TENSOR), ("parameter", _library.PARAMETER), ("delta_options", _library.DELTA_OPTIONS),
                                          ("box_loss_options", _library.BOX_LOSS_OPTIONS),
                                          ("gaussian_loss_options", _library.GAUSSIAN_LOSS_OPTIONS),
                                          ("rotated_delta_options", _library.ROTATED_DELTA_OPTIONS), ("roi_options", _library.ROI_OPTIONS)])
def test_structs_have_the_layout_of_c(name, layout):
    golden = (REPOSITORY / "Tests/abi/interface.txt").read_text()
    fields = re.findall(rf"^field boxgrad_{name}\.\w+: (\d+) (\S+)$", golden, re.MULTILINE)
    kinds = {"size_t": "N", "double": "d", "double[4]": "dddd", "double[6]": "dddddd", "int32_t": "i", "void*": "P", "boxgrad_tensor": "PNii"}
    assert re.sub(r"(\d+)(\w)", lambda m: int(m[1]) * m[2], layout.format) == "".join(kinds[kind] for _, kind in fields)
    starts = [struct.calcsize(before) for before in accumulate((kinds[kind] for _, kind in fields), initial="")]
    assert starts == [int(offset) for offset, _ in fields] + [layout.size]
    assert f"struct boxgrad_{name}: {layout.size} bytes\n" in golden


def test_metrics_are_those_of_the_header():
    section = HEADER[HEADER.index("#define BOXGRAD_IOU ") : HEADER.index("boxgrad_status boxgrad_iou_pairwise_f32")]
    assert overlap._METRICS == {name.lower(): int(code) for name, code in re.findall(r"#define BOXGRAD_(\w+) +(\d+)", section)}


def test_losses_are_those_of_the_header():
    kinds = {name.lower(): int(code) for name, code in re.findall(r"#define BOXGRAD_LOSS_(\w+) +(\d+)", HEADER)}
    assert box_loss._KINDS == kinds


def test_versions_agree():
    assert f'BOXGRAD_VERSION_STRING "{_library.__version__}"' in HEADER
