#!/usr/bin/env bash
# Runs every suite against build/lib/libboxgrad.so and ends with one line: N passed, N failed, N skipped.
# Logs are kept in build/test. A suite that reports no test has failed.
set -uo pipefail
cd "$(dirname "$0")/.."
python=$PWD/build/venv/bin/python
export BOXGRAD_LIBRARY=$PWD/build/lib/libboxgrad.so BOXGRAD_REQUIRE_PEERS=1
mkdir -p build/test
passed=0 failed=0 skipped=0 broken=() times=

# suite NAME PATTERN COMMAND...: PATTERN finds the number of passed tests in what the command prints.
suite() {
    local name=$1 pattern=$2 log=build/test/$1.log start=$SECONDS status ok bad skip
    shift 2
    echo "== $name"
    "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    times+="$name $((SECONDS - start)) s, "
    ok=$(grep -oP "$pattern" "$log" | tail -1)
    bad=$(grep -oP '\d+(?= (failed|error))' "$log" | tail -1)
    skip=$(grep -oP '\d+(?= skipped)' "$log" | tail -1)
    passed=$((passed + ${ok:-0})) skipped=$((skipped + ${skip:-0}))
    if [ "$status" -ne 0 ] || [ "${ok:-0}" -eq 0 ]; then
        broken+=("$name")
        failed=$((failed + (${bad:-0} > 0 ? ${bad:-0} : 1)))
    fi
}

# meanwhile NAME COMMAND...: begins a suite whose emulator keeps one core busy for minutes. finish NAME: waits for it, if it was begun, and
# counts it.
declare -A begun
meanwhile() {
    local name=$1
    shift
    ("$@" >"build/test/$name.output" 2>&1; echo $? >"build/test/$name.status") &
    begun[$name]=$!
}
finish() {
    [ -n "${begun[$1]:-}" ] || return 0
    wait "${begun[$1]}"
    suite "$1" '\d+(?= passed)' bash -c "cat build/test/$1.output; exit \$(cat build/test/$1.status)"
}

suite swift 'Test run with \K\d+(?= tests?.* passed)' env BOXGRAD_ONLY_TESTS=1 swift test --configuration release --scratch-path .build/tests
suite c '\d+(?= passed)' Tests/c/run.sh
suite safety '\d+(?= passed)' Tests/safety/run.sh
# Where neither this CPU has AVX-512 nor Debian an emulator of one, the suite is skipped.
if grep -qw avx512vl /proc/cpuinfo || grep -qx ID=debian /etc/os-release; then
    meanwhile avx512 Tests/avx512.sh
else
    skipped=$((skipped + 1))
fi
suite elementary '\d+(?= passed)' "$python" -m pytest -q Tests/elementary
suite accuracy '\d+(?= passed)' "$python" -m pytest -q Tests/accuracy
suite abi '\d+(?= passed)' "$python" -m pytest -q Tests/abi
suite binary '\d+(?= passed)' "$python" -m pytest -q Tests/binary
finish avx512
suite install '\d+(?= passed)' "$python" -m pytest -q Tests/install
# Cross compiler and emulator are Debian's, and run on x86-64.
if [ "$(uname -m)" = x86_64 ] && grep -qx ID=debian /etc/os-release; then
    meanwhile arm64 Tests/arm64.sh "$python"
else
    echo "== arm64 is skipped: it is cross-built on x86-64, with Debian's compiler"
    skipped=$((skipped + 1))
fi
suite types 'no issues found in \K\d+' "$python" -m mypy --config-file bindings/python/pyproject.toml
suite python '\d+(?= passed)' "$python" -m pytest -q bindings/python/tests
finish arm64
suite benchmarks '\d+(?= passed)' "$python" -m pytest -q Tests/benchmarks
suite documentation '\d+(?= passed)' "$python" -m pytest -q --doctest-modules bindings/python/boxgrad

echo
echo "$SECONDS s: ${times%, }"
[ ${#broken[@]} -eq 0 ] || echo "Suites that failed: ${broken[*]} (logs in build/test)"
echo "$passed passed, $failed failed, $skipped skipped"
[ ${#broken[@]} -eq 0 ]
