#!/bin/bash
# Compiles the C, C++ and Swift hosts against build/lib/libboxgrad.so with gcc and with clang, and runs them.
# Needs qemu-user and locales, which Tests/debian.sh installs.
# BOXGRAD_TEST_QUICK leaves out clang, the laws on random cases and the emulated old CPU.
# EMBED_PYTHON is the interpreter that embed.c embeds, by default the one of `make test`; it needs libpython3-dev and NumPy.
set -u
cd "$(dirname "$0")/../.."
out=build/tests/c
passed=0 failed=0
mkdir -p "$out"

# check NAME COMMAND...: counts it, and shows its output if it fails.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED %s\n%s\n' "$name" "$output"
    fi
}

# build_and_run COMPILER SOURCE PROGRAM [FLAG | -- ARGUMENT]...
build_and_run() {
    local compiler=$1 source=$2 program=$3 flags=()
    shift 3
    while [ $# -gt 0 ] && [ "$1" != -- ]; do flags+=("$1"); shift; done
    "$compiler" -Wall -Wextra -Wpedantic -Werror -O1 "Tests/c/$source" -o "$program" -Iinclude "${flags[@]}" \
        -Lbuild/lib -lboxgrad "-Wl,-rpath,$PWD/build/lib" -lm -ldl -pthread && "$program" "${@:2}"
}

# embed COMPILER: the interpreter says where its header, its library and its packages are.
embed() {
    local python=${EMBED_PYTHON:-build/venv/bin/python} settings
    command -v "$python" || { echo "There is no $python to embed: run make test, or set EMBED_PYTHON."; return 1; }
    mapfile -t settings < <("$python" - <<'PYTHON'
import sys, sysconfig
get = sysconfig.get_config_var
libpl, libdir = get("LIBPL"), get("LIBDIR")
print("-isystem", sysconfig.get_path("include"), "-L" + libdir, "-L" + libpl, "-Wl,-rpath," + libdir, "-lpython" + get("LDVERSION"), sep="\n")
print("--", sys.base_prefix, sysconfig.get_path("purelib"), sep="\n")
PYTHON
    )
    local flags=("${settings[@]:0:6}") home=${settings[7]} packages=${settings[8]}
    PYTHONHOME=$home PYTHONPATH=bindings/python:$packages:${PYTHONPATH:-} BOXGRAD_LIBRARY=$PWD/build/lib/libboxgrad.so \
        build_and_run "$1" embed.c "$out/embed-$1" -std=c11 "${flags[@]}"
}

# A decimal comma, and a decimal point of two bytes.
mkdir -p "$out/locales"
for name in de_DE ps_AF; do
    [ -e "$out/locales/$name.UTF-8" ] || check "the locale $name" localedef -i $name -f UTF-8 "$out/locales/$name.UTF-8"
done

check "the header's examples" python3 Tests/c/examples.py "$out"
python3 Tests/vectors/flat.py >"$out/vectors.txt"
vectors() { build_and_run "$@" <"$out/vectors.txt"; }

compilers_tried=("gcc g++" "clang clang++")
[ -z "${BOXGRAD_TEST_QUICK:-}" ] || compilers_tried=("gcc g++")
for compilers in "${compilers_tried[@]}"; do
    read -r cc cxx <<<"$compilers"
    if ! command -v "$cc" "$cxx" >/dev/null; then
        check "$cc" bash -c "echo '$cc and $cxx are needed: install gcc and g++ from Debian, clang from there or with Swift.'; false"
        continue
    fi
    for standard in c99 c11; do
        check "header.c $cc $standard" build_and_run $cc header.c "$out/header-$cc" -std=$standard
        check "example.c $cc $standard" build_and_run $cc example.c "$out/example-$cc" -std=$standard "-I$out"
        check "smoke.c $cc $standard" build_and_run $cc smoke.c "$out/smoke-$cc" -std=$standard
    done
    check "vectors.c $cc" vectors $cc ../vectors/vectors.c "$out/vectors-$cc" -std=c99
    check "header.cpp $cxx" build_and_run $cxx header.cpp "$out/header-$cxx" -std=c++17
    check "cpp.cpp $cxx" build_and_run $cxx cpp.cpp "$out/cpp-$cxx" -std=c++17
    check "plugin.c $cc" build_and_run $cc plugin.c "$out/plugin-$cc" -std=c11 -D_GNU_SOURCE -Wl,--as-needed -- build/lib/libboxgrad.so
    check "memory.c $cc" build_and_run $cc memory.c "$out/memory-$cc" -std=c11 -D_GNU_SOURCE -fno-builtin-malloc
    # The library's own sources are C of Clang.
    [ "$cc" != clang ] || check "streams.c" build_and_run clang streams.c "$out/streams" -std=gnu11 -Wno-nullability-extension -ISources/CShims/include
    check "early.c $cc" build_and_run $cc early.c "$out/early-$cc" -std=c11
    check "hosts.c $cc" build_and_run $cc hosts.c "$out/hosts-$cc" -std=c11 -D_GNU_SOURCE -fno-builtin-malloc -Wl,--as-needed -- build/lib/libboxgrad.so
    LOCPATH=$out/locales check "locale.c $cc" build_and_run $cc locale.c "$out/locale-$cc" -std=c11 -D_GNU_SOURCE -- de_DE.UTF-8 ps_AF.UTF-8
    check "threads.c $cc" build_and_run $cc threads.c "$out/threads-$cc" -std=c11 -D_GNU_SOURCE -Wl,--export-dynamic-symbol=pthread_create
    check "kept.c $cc" build_and_run $cc kept.c "$out/kept-$cc" -std=c11 -D_GNU_SOURCE -frounding-math -Wl,--as-needed \
        -Wl,--export-dynamic-symbol=pthread_create,--export-dynamic-symbol=pthread_join,--export-dynamic-symbol=pthread_setcancelstate -- build/lib/libboxgrad.so
    check "embed.c $cc" embed $cc
done

# Loaded before all others, the library's symbols come before those of the host's runtime, if they can be seen.
swift_host() {
    swiftc -O -parse-as-library -Iinclude Tests/c/host.swift -o "$out/host" -Lbuild/lib -lboxgrad -Xlinker -rpath -Xlinker "$PWD/build/lib" &&
        LD_PRELOAD=$PWD/build/lib/libboxgrad.so "$out/host" build/lib/libboxgrad.so
}
check host.swift swift_host

if [ -z "${BOXGRAD_TEST_QUICK:-}" ]; then
    # With the seed 1, or in `make test-all` with another one each time.
    check "laws.c" build_and_run gcc laws.c "$out/laws" -std=c11 -- ${BOXGRAD_TEST_ALL:+$RANDOM}

    # Some of them on a CPU with nothing but the baseline.
    for program in smoke-gcc cpp-g++ "plugin-gcc build/lib/libboxgrad.so 10"; do
        check "$program on an old CPU" bash -c "qemu-x86_64 -cpu Nehalem $out/$program"
    done
    check "vectors.c on an old CPU" bash -c "qemu-x86_64 -cpu Nehalem $out/vectors-gcc <$out/vectors.txt"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
