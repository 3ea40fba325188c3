#!/usr/bin/env bash
# Runs the suites named, or all, against build/lib/libboxgrad.so and ends with one line: N passed, N failed, N skipped.
# Logs are kept in build/test. A suite that reports no test has failed. BOXGRAD_TEST_QUICK, of `make check`, leaves out what
# takes an emulator, a second compiler or a million random cases, and the data sets, which no kernel changes.
set -uo pipefail
cd "$(dirname "$0")/.."
python=$PWD/build/venv/bin/python
export BOXGRAD_LIBRARY=$PWD/build/lib/libboxgrad.so BOXGRAD_REQUIRE_PEERS=1
mkdir -p build/test
passed=0 failed=0 skipped=0 broken=() times=
all='swift safety c avx512 elementary accuracy abi binary install arm64 types python benchmarks documentation'
names=${*:-$all}
for name in $names; do
    [[ " $all " = *" $name "* ]] || { echo "There is no suite '$name'. The suites: $all" >&2; exit 2; }
done

is_wanted() {
    [[ " $names " = *" $1 "* ]]
}

# suite NAME PATTERN COMMAND...: PATTERN finds the number of passed tests in what the command prints.
suite() {
    local name=$1 pattern=$2 log=build/test/$1.log start=$SECONDS status ok bad skip
    shift 2
    is_wanted "$name" || return 0
    echo "== $name"
    if [ -n "${begun[$name]:-}" ]; then
        wait "${begun[$name]}"
        status=$?
        cat "$log"
        times+="$name $(cat "build/test/$name.seconds") s, "
    else
        "$@" 2>&1 | tee "$log"
        status=${PIPESTATUS[0]}
        times+="$name $((SECONDS - start)) s, "
    fi
    ok=$(grep -oP "$pattern" "$log" | tail -1)
    bad=$(grep -oP '\d+(?= (failed|error))' "$log" | tail -1)
    skip=$(grep -oP '\d+(?= skipped)' "$log" | tail -1)
    passed=$((passed + ${ok:-0})) skipped=$((skipped + ${skip:-0}))
    if [ "$status" -ne 0 ] || [ "${ok:-0}" -eq 0 ]; then
        broken+=("$name")
        failed=$((failed + (${bad:-0} > 0 ? ${bad:-0} : 1)))
    fi
}

# meanwhile NAME COMMAND...: begins a suite that keeps one core busy for minutes. `suite NAME PATTERN` then waits for it and counts it.
declare -A begun
meanwhile() {
    local name=$1
    shift
    is_wanted "$name" || return 0
    (SECONDS=0; "$@" >"build/test/$name.log" 2>&1; status=$?; echo $SECONDS >"build/test/$name.seconds"; exit $status) &
    begun[$name]=$!
}

python_suite=("$python" -m pytest -q bindings/python/tests)
if [ -n "${BOXGRAD_TEST_QUICK:-}" ]; then meanwhile python "${python_suite[@]}" --ignore bindings/python/tests/datasets; fi

# A suite that keeps one core busy begins early, so that both cores of a small machine have work, but for `c`, which measures how long calls take.
meanwhile safety Tests/safety/run.sh
suite swift 'Test run with \K\d+(?= tests?.* passed)' env BOXGRAD_ONLY_TESTS=1 swift test --configuration release --scratch-path .build/tests
suite safety '\d+(?= passed)'
suite c '\d+(?= passed)' Tests/c/run.sh
# Where neither this CPU has AVX-512 nor Debian an emulator of one, the suite is skipped.
can_avx512() { grep -qw avx512vl /proc/cpuinfo || grep -qx ID=debian /etc/os-release; }
if can_avx512; then meanwhile avx512 Tests/avx512.sh; elif is_wanted avx512; then skipped=$((skipped + 1)); fi
suite elementary '\d+(?= passed)' "$python" -m pytest -q Tests/elementary
suite accuracy '\d+(?= passed)' "$python" -m pytest -q Tests/accuracy
suite abi '\d+(?= passed)' "$python" -m pytest -q Tests/abi
# Cross compiler and emulator are Debian's, and run on x86-64.
can_arm64() { [ "$(uname -m)" = x86_64 ] && grep -qx ID=debian /etc/os-release; }
if can_arm64; then
    meanwhile arm64 Tests/arm64.sh "$python"
elif is_wanted arm64; then
    echo "== arm64 is skipped: it is cross-built on x86-64, with Debian's compiler"
    skipped=$((skipped + 1))
fi
suite binary '\d+(?= passed)' "$python" -m pytest -q Tests/binary
if can_avx512; then suite avx512 '\d+(?= passed)'; fi
suite install '\d+(?= passed)' "$python" -m pytest -q Tests/install
suite types 'no issues found in \K\d+' "$python" -m mypy --config-file bindings/python/pyproject.toml
suite python '\d+(?= passed)' "${python_suite[@]}"
if can_arm64; then suite arm64 '\d+(?= passed)'; fi
suite benchmarks '\d+(?= passed)' "$python" -m pytest -q Tests/benchmarks
suite documentation '\d+(?= passed)' "$python" -m pytest -q --doctest-modules bindings/python/boxgrad

echo
echo "$SECONDS s: ${times%, }"
[ ${#broken[@]} -eq 0 ] || echo "Suites that failed: ${broken[*]} (logs in build/test)"
echo "$passed passed, $failed failed, $skipped skipped"
[ ${#broken[@]} -eq 0 ]
