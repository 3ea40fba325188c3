#!/usr/bin/env bash
# Runs tests of Python, with the log in a file, and ends with one line: N passed, N failed, N skipped.
# Tests/pytest.sh PYTHON LOG ARGUMENT...
set -uo pipefail
python=$1 log=$2
mkdir -p "$(dirname "$log")"
"$python" -m pytest -q -p no:cacheprovider "${@:3}" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
count() { grep -oP "\d+(?= $1)" <(tail -1 "$log") | head -1; }
passed=$(count passed) failed=$(($(count failed || echo 0) + $(count error || echo 0))) skipped=$(count skipped)
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
echo "${passed:-0} passed, $failed failed, ${skipped:-0} skipped"
exit "$status"
