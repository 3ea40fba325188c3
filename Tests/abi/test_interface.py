"""What is written from the header is what the header says now."""

import subprocess
import sys
from pathlib import Path

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
