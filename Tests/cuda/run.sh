#!/usr/bin/env bash
# Tests libboxgrad_cuda.so on a machine without a GPU, and ends with one line: N passed, N failed, N skipped. `make test-cuda` runs it. Tests/cuda/gpu.py
# is for a machine that has one.
set -uo pipefail
cd "$(dirname "$0")/../.."
python=$1
mkdir -p build/cuda
# Makes the PTX again, for comparison, and leaves what the stand-in for the driver is made of.
"$python" tools/ptx.py --check >build/cuda/check.log 2>&1
echo $? >build/cuda/check.status
"$python" Tests/cuda/emulate.py build/cuda/standin && "$python" Tests/cuda/emulate.py build/cuda/fused contract || { cat build/cuda/check.log; exit 1; }
exec Tests/pytest.sh "$python" build/cuda/test.log Tests/cuda "${@:2}"
