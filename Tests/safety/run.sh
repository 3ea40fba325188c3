#!/usr/bin/env bash
# Memory safety: the programs of this folder, and the C tests, with the library as it is shipped (guard pages, refusals, found cases), under
# valgrind, and with builds of the library with sanitizers. Needs valgrind and libffi-dev, which Tests/debian.sh installs, and the clang of
# Swift. BOXGRAD_TEST_ALL=1: larger sizes where instructions are emulated or instrumented.
set -u
cd "$(dirname "$0")/../.."
out=build/tests/safety library=build/lib/libboxgrad.so
passed=0 failed=0
mkdir -p "$out"

# check NAME COMMAND...: counts it, says how long it took, and shows its output if it fails.
check() {
    local name=$1 start=$SECONDS
    shift
    if "$@" >"$out/log" 2>&1; then
        passed=$((passed + 1))
        echo "$name: $((SECONDS - start)) s, $(tail -n 1 "$out/log")"
    else
        failed=$((failed + 1))
        printf 'FAILED %s\n%s\n' "$name" "$(grep -v "Cannot export local symbol" "$out/log")" # what gold says of clang's own
    fi
}
all() { [ -n "${BOXGRAD_TEST_ALL:-}" ] && echo "$1" || echo "$2"; }

# The builds with sanitizers, of one tier, go on meanwhile.
tier=baseline
if grep -qw avx2 /proc/cpuinfo; then tier=avx2; fi
declare -A builds
for kind in address thread; do
    BOXGRAD_SAFETY_TIER=${tier^^} Tests/safety/build.sh $kind >"$out/build-$kind" 2>&1 &
    builds[$kind]=$!
done
finish() { wait "${builds[$1]}" || { cat "$out/build-$1"; false; }; }

tiers=(baseline avx2 avx512)
warnings=(-std=gnu11 -g -Wall -Wextra -Werror -Iinclude)
corpus=(Tests/safety/corpus/*)

for program in refusals guard fuzz; do
    check "$program.c" cc "${warnings[@]}" -O1 -DREPLAY "Tests/safety/$program.c" -o "$out/$program" -lffi -ldl -lm
done
export BOXGRAD_LIBRARY=$library
check "refusals" "$out/refusals" $library "${tiers[@]}"
check "guard pages" "$out/guard" $library 70 3 "${tiers[@]}"
check "guard pages, streams" env BOXGRAD_STREAM=1 BOXGRAD_SAFETY_ONLY=iou_pairwise "$out/guard" $library 70 3 "${tiers[@]}"
check "found cases" "$out/fuzz" "${corpus[@]}"

# valgrind 3.19 knows no AVX-512. It sees what guard pages do not: reads of what was never written.
memcheck=(valgrind --quiet --error-exitcode=9 --fair-sched=yes)
check "valgrind, refusals" "${memcheck[@]}" "$out/refusals" $library $tier
check "valgrind, guard pages" "${memcheck[@]}" "$out/guard" $library "$(all 70 34)" 0 $tier
export BOXGRAD_CPU_TIER=$tier
for source in Tests/c/smoke.c Tests/binary/sweep.c; do
    program=$(basename $source .c)
    check "$program.c" cc "${warnings[@]}" -O1 $source -o "$out/$program" $library "-Wl,-rpath,$PWD/build/lib" -lm
    [ $program = sweep ] && [ -z "$(all yes '')" ] || check "valgrind, $program" "${memcheck[@]}" "$out/$program"
done
unset BOXGRAD_CPU_TIER

# The library is instrumented, the programs are not: they are linked with the runtime, by lld, which gives the library all it needs of it.
check "AddressSanitizer, library" finish address
instrumented=$(tail -n 1 "$out/build-address")
address=(-fsanitize=address,undefined -fuse-ld=lld)
for program in refusals guard fuzz; do
    check "$program.c" clang "${warnings[@]}" -O1 -DREPLAY -DWITH_ADDRESS_SANITIZER -c "Tests/safety/$program.c" -o "$out/$program.o"
    check "$program" clang "${address[@]}" "$out/$program.o" -o "$out/$program-address" -lffi -ldl -lm
done
check "AddressSanitizer, refusals" "$out/refusals-address" "$instrumented" $tier
check "AddressSanitizer, guard pages" "$out/guard-address" "$instrumented" 70 "$(all 3 0)" $tier
BOXGRAD_LIBRARY=$instrumented check "AddressSanitizer, found cases" "$out/fuzz-address" "${corpus[@]}"
for source in Tests/c/smoke.c Tests/binary/sweep.c; do
    program=$(basename $source .c)
    check "$program.c" clang "${warnings[@]}" -O1 "${address[@]}" $source -o "$out/$program-address" "$instrumented" "-Wl,-rpath,${instrumented%/*}" -lm
    check "AddressSanitizer, $program" "$out/$program-address"
done

check "ThreadSanitizer, library" finish thread
instrumented=$(tail -n 1 "$out/build-thread")
runtime=$(clang -print-resource-dir)/../../swift/linux
thread=(-fsanitize=thread -fuse-ld=lld "-Wl,--export-dynamic-symbol=__tsan_external_*" # Swift calls them, and its runtime knows Dispatch
        "-L$runtime" -ldispatch -lBlocksRuntime "-Wl,-rpath,$runtime")
check "guard.c" clang "${warnings[@]}" -O1 -DWITH_THREAD_SANITIZER -c Tests/safety/guard.c -o "$out/guard.o"
check "guard" clang "$out/guard.o" "${thread[@]}" -o "$out/guard-thread" -lffi -ldl -lm
check "ThreadSanitizer, divided calls" "$out/guard-thread" "$instrumented" 0 "$(all 3 2)" $tier

# What divides calls, with a kernel in C, because it is the order of events that matters here.
threads=(Sources/CShims/threads.c Sources/CShims/kept.c -ISources/CShims/include)
check "threads.c" clang "${warnings[@]}" -O1 -fsanitize=thread -shared -fPIC "${threads[@]}" -o "$out/libthreads.so"
check "kept.c" clang "${warnings[@]}" -ISources/CShims/include -O1 -fsanitize=thread -c Tests/safety/kept.c -o "$out/kept.o"
check "kept" clang "$out/kept.o" "$out/libthreads.so" "${thread[@]}" "-Wl,-rpath,$PWD/$out" -o "$out/kept"
check "ThreadSanitizer, kept threads" "$out/kept"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
