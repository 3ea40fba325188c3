"""Makes libcuda.so.1 that runs the device kernels on this CPU: `emulate.py FOLDER [contract]`. It compiles what tools/ptx.py left in build/cuda,
the optimised representation of each kernel from which PTX was made, for x86-64, and links it with standin.c. `contract` allows the compiler to
fuse a multiplication and an addition: bits must then differ, which shows that the comparison can fail."""

import re
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/cuda"
TRIPLE = "x86_64-unknown-linux-gnu"


def on_cpu(text, machine, contract):
    text = re.sub(r'target datalayout = ".*"', f'target datalayout = "{machine.target_data}"', text)
    text = re.sub(r'target triple = ".*"', f'target triple = "{TRIPLE}"', text)
    text = re.sub(r"byval\(\[\d+ x i8\]\) ", "", text.replace("ptx_kernel ", ""))
    text = re.sub(r"llvm\.nvvm\.read\.ptx\.sreg\.(\w+)\.(\w)", r"emu_\1_\2", text)
    text = text.replace("llvm.nvvm.barrier.cta.sync.aligned.all", "emu_barrier")
    text = re.sub(r"addrspacecast \(ptr addrspace\(\d\) (@\w+) to ptr\)", r"\1", text)
    text = re.sub(r"addrspacecast ptr(?: addrspace\(\d\))? (\S+) to ptr(?: addrspace\(\d\))?", r"getelementptr i8, ptr \1, i64 0", text)
    text = re.sub(r" ?addrspace\(\d\)", "", text)
    if contract:
        text = re.sub(r"= (fmul|fadd|fsub) ", r"= \1 contract ", text)
    return text


def main():
    folder, contract = Path(sys.argv[1]), "contract" in sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    features = "+f16c" + (",+fma" if contract else "")
    machine = llvm.Target.from_triple(TRIPLE).create_target_machine(cpu="x86-64", features=features, opt=2, reloc="pic", codemodel="default")
    objects, rows, declared = [], "", ""
    for path in sorted((BUILD / "ir").glob("*.ll")):
        text = path.read_text()
        module = llvm.parse_assembly(on_cpu(text, machine, contract))
        module.verify()
        objects.append(folder / f"{path.stem}.o")
        objects[-1].write_bytes(machine.emit_object(module))
        for name, body in re.findall(r"(?ms)^define ptx_kernel [^@\n]*@(boxgrad_\w+)\((.*?)^}", text):
            size = re.search(r"byval\(\[(\d+) x i8\]\)", body)[1]
            declared += f"void {name}(void *, long);\n"
            rows += f'    {{"{name}", {name}, {size}, {int("barrier.cta.sync" in body)}}},\n'
    (folder / "kernels.c").write_text(
        f"typedef struct {{ const char *name; void (*run)(void *, long); unsigned long size; int waits; }} kernel;\n{declared}"
        f"const kernel bgs_kernels[] = {{\n{rows}    {{0, 0, 0, 0}},\n}};\n"
    )
    library = folder / "libcuda.so.1"
    subprocess.run(
        ["cc", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-o", library, ROOT / "Tests/cuda/standin.c", folder / "kernels.c", *objects,
         "-Wl,-z,defs", "-Wl,-soname,libcuda.so.1", "-pthread"], check=True)  # fmt: skip


main()
