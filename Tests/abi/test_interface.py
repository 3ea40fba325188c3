"""What is written from the header is what the header says now."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import interface  # noqa: E402


def test_what_is_generated_is_current():
    result = subprocess.run([sys.executable, ROOT / "tools/interface.py", "--check"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_a_new_function_is_written_for_both_types():
    header = "".join(
        f"boxgrad_status boxgrad_new_shape_{t}(const {real} *in, size_t in_count, ptrdiff_t stride, int64_t *out);\n"
        for t, real in (("f32", "float"), ("f64", "double"))
    )
    found = interface.functions(header)
    assert [f.name for f in found] == ["boxgrad_new_shape_f32", "boxgrad_new_shape_f64"]
    swift = interface.exports(found)
    assert "_ `in`: UnsafePointer<Float>?, _ inCount: Int, _ stride: Int, _ out: UnsafeMutablePointer<Int64>?" in swift
    assert swift.count("newShape(") == 2 and swift.count("`in`, inCount, stride, out)") == 2
    assert "FUNCTION(new_shape_f64, P(0), N(1), S(2), P(3));" in interface.vectors(found)


@pytest.mark.parametrize("table, result", [(interface.TABLE, "boxgrad_status"), (interface.CUDA_TABLE, "boxgrad_status"), (interface.CUDA_TABLE, "size_t")])
def test_a_new_function_comes_last_in_the_table(table, result):
    header = (ROOT / "include" / table.header).read_text()
    new = f"{result} {table.prefix}new_shape(const float *in, size_t *BOXGRAD_OR_NULL out);\n"
    text = table.written(new + header)
    field = f"    {result} (*new_shape)(const float *in, size_t *out);\n"
    assert text.replace(f"{field}}} {table.prefix}api;", f"}} {table.prefix}api;") == new + header


def test_what_may_be_null_is_what_the_safety_tests_know():
    """Tests/safety/functions.h was written from the comments, and its programs leave out every pointer that it calls optional, and no other."""
    header = interface.functions((ROOT / "include/boxgrad.h").read_text())
    rows = (ROOT / "Tests/safety/functions.h").read_text().split("functions[] = {")[1]
    for name, row in re.findall(r'\{"(\w+)",(.*?)(?=\n    \{"|\n\};)', rows, re.DOTALL):
        optional = {one for one, rest in re.findall(r"(?:IN|OUT|RESULT)\((\w+)([^)]*)\)", row) if "OPTIONAL" in rest}
        optional |= {"options"} if "_OPTIONS" in row else set()
        for f in header:
            if f.stem == name:
                assert f.optional == optional, f"{f.name} marks {f.optional} as BOXGRAD_OR_NULL, functions.h {optional}"
