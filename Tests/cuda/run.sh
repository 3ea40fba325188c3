#!/usr/bin/env bash
# Tests libboxgrad_cuda.so on a machine without a GPU, and ends with one line: N passed, N failed, N skipped. `make test-cuda` runs it. Tests/cuda/gpu.py
# is for a machine that has one.
set -uo pipefail
cd "$(dirname "$0")/../.."
python=$1 log=build/cuda/test.log
mkdir -p build/cuda
# Makes the PTX again, for comparison, and leaves what the stand-in for the driver is made of.
"$python" tools/ptx.py --check >build/cuda/check.log 2>&1
echo $? >build/cuda/check.status
"$python" Tests/cuda/emulate.py build/cuda/standin && "$python" Tests/cuda/emulate.py build/cuda/fused contract || { cat build/cuda/check.log; exit 1; }
"$python" -m pytest -q -p no:cacheprovider Tests/cuda "${@:2}" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
count() { grep -oP "\d+(?= $1)" <(tail -1 "$log") | head -1; }
passed=$(count passed) failed=$(($(count failed || echo 0) + $(count error || echo 0))) skipped=$(count skipped)
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
echo "${passed:-0} passed, $failed failed, ${skipped:-0} skipped"
exit "$status"
