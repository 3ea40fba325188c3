#!/usr/bin/env bash
# Which lines of Sources the tests run: builds the library with counters, in a folder of its own, runs the tests in Swift and in C with it,
# prints the table and each line that nothing ran, and fails at 95 % or below. What runs is the baseline tier: the others are the same
# sources. The inline functions of CShims are left out: the Swift compiler inlines them, and does not count.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/build/coverage
tools=$(dirname "$(readlink -f "$(command -v swiftc)")") # they read what this compiler writes

swift build --scratch-path "$out/build" --configuration release --product boxgrad \
    -Xswiftc -profile-generate -Xswiftc -profile-coverage-mapping -Xcc -fprofile-instr-generate -Xcc -fcoverage-mapping
mkdir -p "$out/lib"
cp "$out/build/release/libboxgrad.so" "$out/lib/"
ln -sf libboxgrad.so "$out/lib/libboxgrad.so.1"
rm -f "$out"/*.profraw
export LLVM_PROFILE_FILE=$out/%p-%m.profraw BOXGRAD_LIBRARY=$out/lib/libboxgrad.so BOXGRAD_CPU_TIER=baseline

# run SOURCE [TIER]
run() {
    local program=$out/${1/\//-}
    cc -O1 "Tests/$1.c" -o "$program" -D_GNU_SOURCE -Iinclude -fno-builtin-malloc -L"$out/lib" "-Wl,-rpath,$out/lib" -lboxgrad -lm -ldl -pthread \
        -Wl,--export-dynamic-symbol=pthread_create
    BOXGRAD_CPU_TIER=${2:-baseline} "$program"
}
python3 Tests/vectors/flat.py | run vectors/vectors
run c/memory
run c/threads
for tier in baseline avx2 avx512; do run c/smoke $tier; done
BOXGRAD_ONLY_TESTS=1 swift test --configuration release --scratch-path .build/tests

"$tools/llvm-profdata" merge --sparse "$out"/*.profraw -o "$out/profile"
cov() { "$tools/llvm-cov" "$@" "$out/lib/libboxgrad.so" -instr-profile="$out/profile" -ignore-filename-regex='Kernels[^/]+/|shims\.h|boxgrad\.h'; }
cov report | tee "$out/table"
cov show | awk -v root="$PWD/" '/^\/.*:$/ { file = substr($0, length(root) + 1) } /^ +[0-9]+\| +0\|/ { print "not run:", file, $0 }'
awk '$1 == "TOTAL" { exit $10 + 0 <= 95 }' "$out/table"
