#!/usr/bin/env bash
# Runs the C test and the hash program of Tests/binary on a CPU with AVX-512: they must choose that tier, and print what they print in the
# lower tiers. Where this machine's CPU has no AVX-512, Bochs emulates a computer that has, and boots Debian's kernel with these programs.
set -Eeuo pipefail
cd "$(dirname "$0")/.."
out=$PWD/build/tests/avx512 root=$PWD/build/tests/avx512/root
trap 'echo "Line $LINENO of Tests/avx512.sh failed; what it had is in $out" >&2' ERR
rm -rf "$root" "$out/avx512"
mkdir -p "$root/lib" "$out/disc"

for source in Tests/binary/sweep.c Tests/c/smoke.c; do
    cc -std=c99 -O1 "$source" -o "$root/$(basename "$source" .c)" -Iinclude -Lbuild/lib -lboxgrad -lm
done
cp build/lib/libboxgrad.so.1 "$root/lib"
cat >"$root/run" <<'SH'
export LD_LIBRARY_PATH=$PWD/lib
for program in sweep smoke; do
    ./$program
    echo "$program: exit status $?"
done
SH
run() { (cd "$root" && sh ./run 2>&1); }

# The programs, the C library and a shell are the computer's whole file system; its second serial port takes what the programs print.
emulate() {
    local disc=$out/disc package
    Tests/debian.sh emulator
    if [ ! -e "$disc/linux" ]; then
        package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p')
        echo "Downloading $package"
        (cd "$out" && apt-get download -qq -o APT::Sandbox::User="$(id -un)" "$package")
        dpkg-deb --fsys-tarfile "$out/$package"_*.deb | tar --extract --to-stdout --wildcards './boot/vmlinuz-*' >"$out/linux"
        rm "$out/$package"_*.deb
        mv "$out/linux" "$disc"
    fi
    cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$disc"
    # Bochs 2.7 gives a wrong size for the compacted form of XSAVE, whereupon the kernel would do without AVX.
    echo "default linux initrd=initrd console=ttyS0,115200 quiet clearcpuid=xsaves,xsavec cryptomgr.notests" >"$disc/isolinux.cfg"

    cp "$(command -v busybox)" "$root"
    { ldd "$root/smoke" "$root/busybox" 2>/dev/null || true; } | grep -o '/lib[^ ]*' | sort -u | xargs cp --parents --dereference -t "$root"
    cat >"$root/init" <<'SH'
#!/busybox sh
/busybox mount -t devtmpfs dev /dev
/busybox stty -F /dev/ttyS1 115200 -opost
/busybox sh /run >/dev/ttyS1 2>&1
/busybox poweroff -f
SH
    chmod +x "$root/init"
    (cd "$root" && find . | cpio --create --format=newc --quiet) | gzip -1 >"$disc/initrd"
    xorriso -as mkisofs -quiet -b isolinux.bin -c catalogue -no-emul-boot -boot-load-size 4 -boot-info-table \
        -o "$out/disc.iso" "$disc" 2>"$out/xorriso"

    cat >"$out/computer" <<BOCHS
cpu: model=corei7_skylake_x, ips=100000000
memory: guest=256, host=256
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
ata0-master: type=cdrom, path=$out/disc.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$out/console
com2: enabled=1, mode=file, dev=$out/avx512
config_interface: textconfig
display_library: term
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
log: $out/log
BOCHS
    # Debian's Bochs waits in its debugger first, takes no notice of SIGTERM, and exits with 1 when the computer switches itself off.
    echo continue >"$out/debugger"
    TERM=xterm timeout --signal=KILL 1500 bochs -f "$out/computer" -rc "$out/debugger" </dev/null >"$out/screen" 2>&1 || true
    test -s "$out/avx512"
}

skipped=()
if grep -qw avx512vl /proc/cpuinfo; then
    cpu="this machine's CPU"
    run >"$out/avx512"
else
    cpu="an emulated CPU"
    # Where the result of a fused operation is 2^-64 of the product or less, Bochs 2.7 makes it 0. The exact squares of doubles are such.
    skipped=(boxgrad_exact_norm_add boxgrad_exact_norm_merge boxgrad_exact_norm_finish)
    # The sizes that take three quarters of the time are for campaigns.
    if [ -z "${BOXGRAD_TEST_ALL:-}" ]; then sed -i '1i export BOXGRAD_SWEEP_MOST=255' "$root/run"; fi
    emulate
fi
echo "In tier $(sed -n '1s/tier //p' "$out/avx512"), on $cpu: $(grep -c '_[a-z0-9_]* [0-9a-f]\{16\}$' "$out/avx512") hashes."

passed=0 failed=0
# check WHAT COMMAND...: counts it, and shows what the command says if it fails.
check() {
    local what=$1 said
    shift
    if said=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: %s\n%s\n' "$what" "$said"
    fi
}
check "the tier is avx512" grep -x "tier avx512" "$out/avx512"
for program in sweep smoke; do
    check "$program succeeds" grep -x "$program: exit status 0" "$out/avx512"
done
# compared FILE: its lines, without the hashes that are skipped.
compared() { grep -vwE "$(IFS='|'; echo "${skipped[*]:-nothing}")" "$1"; }
for tier in baseline avx2; do
    BOXGRAD_CPU_TIER=$tier run | sed '1s/.*/tier avx512/' >"$out/$tier"
    check "the same bits as in tier $tier" diff <(compared "$out/$tier") <(compared "$out/avx512")
done
for name in "${skipped[@]}"; do echo "skipped: $name, which the emulator computes otherwise than processors"; done
echo "$passed passed, $failed failed, ${#skipped[@]} skipped"
exit $((failed > 0))
