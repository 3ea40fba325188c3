#!/usr/bin/env bash
# Tests boxgrad in other frameworks, and ends with one line: N passed, N failed, N skipped. `make test-frameworks` runs it.
set -uo pipefail
cd "$(dirname "$0")/../.."
python=$1 log=build/test/frameworks.log
mkdir -p build/test
export BOXGRAD_LIBRARY=${BOXGRAD_LIBRARY:-$PWD/build/lib/libboxgrad.so} BOXGRAD_REQUIRE_PEERS=1
"$python" -m pytest -q -p no:cacheprovider Tests/frameworks "${@:2}" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
count() { grep -oP "\d+(?= $1)" <(tail -1 "$log") | head -1; }
passed=$(count passed) failed=$(($(count failed || echo 0) + $(count error || echo 0))) skipped=$(count skipped)
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
echo "${passed:-0} passed, $failed failed, ${skipped:-0} skipped"
exit "$status"
