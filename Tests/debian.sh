#!/usr/bin/env bash
# Installs the Debian packages that the tests need and that are missing: with the argument "arm64" those of Tests/arm64.sh, with "emulator"
# those that Tests/avx512.sh needs where the CPU has no AVX-512. Does nothing where all are there.
set -euo pipefail

missing=()
need() { eval "$1" >/dev/null 2>&1 || missing+=("$2"); }
case ${1:-tests} in
tests)
    need 'type gcc g++ make objdump readelf' build-essential
    need 'test -e "$(/usr/bin/python3 -c "import sysconfig; print(sysconfig.get_config_var(\"INCLUDEPY\"))")/Python.h"' libpython3-dev
    need 'type qemu-x86_64' qemu-user
    need 'type cmake' cmake
    need 'type pkg-config' pkg-config
    need 'type localedef && test -e /usr/share/i18n/locales/ps_AF' locales
    need 'type valgrind && test -e /usr/include/valgrind/memcheck.h' valgrind
    need 'test -e "$(gcc -print-file-name=libffi.so)"' libffi-dev
    ;;
arm64)
    need 'type aarch64-linux-gnu-gcc aarch64-linux-gnu-g++' g++-aarch64-linux-gnu
    need 'test -e /usr/aarch64-linux-gnu/include/pthread.h' libc6-dev-arm64-cross
    need 'type qemu-aarch64' qemu-user
    ;;
emulator)
    need 'type bochs && test -e /usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so' bochs-term
    need 'type busybox' busybox
    need 'type cpio' cpio
    need 'type xorriso' xorriso
    need 'test -e /usr/lib/ISOLINUX/isolinux.bin' isolinux
    need 'test -e /usr/lib/syslinux/modules/bios/ldlinux.c32' syslinux-common
    ;;
esac
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=; [ "$(id -u)" -eq 0 ] || sudo=sudo
if ! command -v apt-get >/dev/null || { [ -n "$sudo" ] && ! command -v sudo >/dev/null; }; then
    echo "Please install the equivalents of these Debian packages first: ${missing[*]}" >&2
    exit 1
fi
echo "Installing ${missing[*]}"
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
