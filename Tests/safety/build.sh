#!/usr/bin/env bash
# build.sh KIND: builds the library as it is shipped, but instrumented, and prints where it is. It is loaded by programs that bring the
# sanitizer's runtime. KIND:
#   address  AddressSanitizer, and UndefinedBehaviorSanitizer for C
#   thread   ThreadSanitizer
#   fuzzer   as address, with all tiers, and with the coverage that libFuzzer is guided by
# The first two have one tier, which stands in for all: BOXGRAD_SAFETY_TIER, AVX2 unless it is set (BASELINE, AVX2, AVX512).
set -euo pipefail
cd "$(dirname "$0")/../.."
kind=$1 folder=$PWD/.build/safety-$1
tier=${BOXGRAD_SAFETY_TIER:-AVX2}
undefined=(-Xcc -fsanitize=undefined -Xcc -fno-sanitize-recover=all)
case $kind in
address) options=(--sanitize address "${undefined[@]}") ;;
thread) options=(--sanitize thread) ;;
fuzzer)
    options=(--sanitize address "${undefined[@]}" -Xcc -fsanitize-coverage=edge,trace-cmp,inline-8bit-counters,pc-table
             -Xswiftc -sanitize-coverage=edge,trace-cmp,inline-8bit-counters -Xswiftc -Xllvm -Xswiftc -sanitizer-coverage-pc-table) ;;
*) echo "What is $kind?" >&2; exit 2 ;;
esac
if [ "$kind" != fuzzer ]; then
    export BOXGRAD_ONLY_TIER=$tier
    for other in baseline avx2 avx512; do
        [ $other = "${tier,,}" ] || options+=(-Xlinker "--defsym=bgi_kernels_$other=bgi_kernels_${tier,,}")
    done
fi
# What the runtime defines is missing while the library is linked.
swift build --configuration release --product boxgrad --scratch-path "$folder" "${options[@]}" -Xlinker --unresolved-symbols=ignore-all >&2
ln -sf libboxgrad.so "$folder/release/libboxgrad.so.1" # the soname, for programs that link it
echo "$folder/release/libboxgrad.so"
