#!/usr/bin/env bash
# Installs the Debian packages that the tests need and that are missing. Does nothing where all are there.
set -euo pipefail

missing=()
need() { eval "$1" >/dev/null 2>&1 || missing+=("$2"); }
need 'type gcc g++ make objdump readelf' build-essential
need 'test -e "$(/usr/bin/python3 -c "import sysconfig; print(sysconfig.get_config_var(\"INCLUDEPY\"))")/Python.h"' libpython3-dev
need 'type qemu-x86_64' qemu-user
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=; [ "$(id -u)" -eq 0 ] || sudo=sudo
if ! command -v apt-get >/dev/null || { [ -n "$sudo" ] && ! command -v sudo >/dev/null; }; then
    echo "Please install the equivalents of these Debian packages first: ${missing[*]}" >&2
    exit 1
fi
echo "Installing ${missing[*]}"
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
