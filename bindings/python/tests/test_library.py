"""The prototypes that the package declares are those of the header."""

import ctypes
import re
from pathlib import Path

from boxgrad import _library

HEADER = re.sub(r"/\*.*?\*/", "", (Path(__file__).resolve().parents[3] / "include/boxgrad.h").read_text(), flags=re.DOTALL)
DECLARED = {
    name: re.sub(r"\s+", " ", parameters).split(", ")
    for name, parameters in re.findall(r"^boxgrad_status boxgrad_(\w+)\((.*?)\);", HEADER, re.DOTALL | re.MULTILINE)
}
LETTERS = {"size_t": "n", "ptrdiff_t": "s", "double": "d", "int32_t": "i"}


def letters(parameters):
    return "".join("*" if "*" in p else LETTERS[p.split()[0]] for p in parameters)


def without_null(prototypes):
    """The header says in words which pointers may be NULL."""
    return {name: parameters.translate({ord("?"): "*", ord("0"): "*"}) for name, parameters in prototypes.items()}


def test_every_function_has_its_prototype():
    typed = {name[:-4]: letters(p) for name, p in DECLARED.items() if name.endswith("_f32")}
    others = {name: letters(p) for name, p in DECLARED.items() if not name.endswith(("_f32", "_f64", "set_parallel_for"))}
    assert typed == without_null(_library._FOR_EACH_DTYPE)
    assert others == without_null(_library._FOR_ALL_DTYPES)
    assert {name[:-4] for name in DECLARED if name.endswith("_f64")} == set(typed)


def test_structs_have_the_size_of_c():
    assert _library.TENSOR.size == 2 * ctypes.sizeof(ctypes.c_void_p) + 8
    assert _library.DELTA_OPTIONS.size == ctypes.sizeof(ctypes.c_size_t) + 13 * 8 + 8


def test_versions_agree():
    assert f'BOXGRAD_VERSION_STRING "{_library.__version__}"' in HEADER
