#!/usr/bin/env bash
# Tests boxgrad in other frameworks, and ends with one line: N passed, N failed, N skipped. `make test-frameworks` runs it.
set -uo pipefail
cd "$(dirname "$0")/../.."
export BOXGRAD_LIBRARY=${BOXGRAD_LIBRARY:-$PWD/build/lib/libboxgrad.so} BOXGRAD_REQUIRE_PEERS=1
exec Tests/pytest.sh "$1" build/test/frameworks.log Tests/frameworks "${@:2}"
