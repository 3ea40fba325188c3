#!/usr/bin/env bash
# fuzz.sh SECONDS: libFuzzer calls every tier of the library, built with AddressSanitizer and coverage. It begins with the cases of corpus, which
# `make test` replays; those it adds, until they are merged, are in build/fuzz. Needs the clang of Swift and libffi-dev.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=build/fuzz
mkdir -p $out/corpus
BOXGRAD_LIBRARY=$(Tests/safety/build.sh fuzzer | tail -n 1)
export BOXGRAD_LIBRARY
clang -std=gnu11 -O1 -g -Wall -Wextra -Werror -Iinclude -DWITH_ADDRESS_SANITIZER -c Tests/safety/fuzz.c -o $out/fuzz.o
clang -fsanitize=fuzzer,address,undefined -fuse-ld=lld $out/fuzz.o -o $out/fuzz -lffi -ldl -lm
# A case that fails is left beside the others, to be replayed once it is mended.
$out/fuzz $out/corpus Tests/safety/corpus -max_total_time="$1" -len_control=0 -max_len=512 \
    -timeout=30 -rss_limit_mb=4096 -print_final_stats=1 -print_funcs=0 -report_slow_units=100 -artifact_prefix=Tests/safety/corpus/
