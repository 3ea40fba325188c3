#!/usr/bin/env bash
# Builds the library for AArch64, and runs the C and C++ tests, the vectors, Tests/binary and Tests/abi with it in an emulator. Left out are
# memory.c, which would measure the emulator, and locale.c, plain C on every processor.
# The argument is a Python with pytest, by default the one of `make test`.
set -Eeuo pipefail
cd "$(dirname "$0")/.."
out=build/tests/arm64 library=$PWD/build/aarch64/lib passed=0
trap 'echo "Line $LINENO of Tests/arm64.sh failed, after $passed that passed"' ERR
Tests/debian.sh arm64
make ARCH=aarch64
mkdir -p "$out"
export BOXGRAD_LIBRARY=$library/libboxgrad.so CC=aarch64-linux-gnu-gcc CXX=aarch64-linux-gnu-g++

# The sweep of Tests/binary, without the sizes that take three quarters of the time.
if [ -z "${BOXGRAD_TEST_ALL:-}" ]; then export BOXGRAD_SWEEP_MOST=255; fi

# program COMPILER SOURCE [FLAG]... [-- [ARGUMENT]...]
program() {
    local compiler=$1 source=$2 program=$out/$(basename "$2").program flags=()
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do flags+=("$1"); shift; done
    "$compiler" -Wall -Wextra -Wpedantic -Werror -O1 "Tests/c/$source" -o "$program" -Iinclude "${flags[@]}" \
        -L"$library" -lboxgrad "-Wl,-rpath,$library" -lm -ldl -pthread
    qemu-aarch64 -cpu cortex-a53 -L /usr/aarch64-linux-gnu "$program" "${@:2}"
    passed=$((passed + 1))
}
program $CC header.c -std=c99
program $CC smoke.c -std=c99
program $CXX header.cpp -std=c++17
program $CXX cpp.cpp -std=c++17
program $CC early.c -std=c11
program $CC plugin.c -std=c11 -D_GNU_SOURCE -Wl,--as-needed -- "$BOXGRAD_LIBRARY" 10
program $CC threads.c -std=c11 -D_GNU_SOURCE -Wl,--export-dynamic-symbol=pthread_create -- emulated
python3 Tests/vectors/flat.py >"$out/vectors.txt"
program $CC ../vectors/vectors.c -std=c99 <"$out/vectors.txt"

for suite in Tests/binary Tests/abi; do
    "${1:-build/venv/bin/python}" -m pytest -q "$suite"
    passed=$((passed + 1))
done
echo "$passed passed"
