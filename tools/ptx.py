"""Makes PTX, the GPU's assembly, of Sources/KernelsCUDA and Sources/Kernels: `make ptx`. Needs Swift, and llvmlite (requirements/cuda.txt).

    Sources/CudaShims/ptx/NAME.ptx      the kernels that are loaded together: a family, for one type and, of overlaps, for one metric
    Sources/CudaShims/ptx/versions.txt  the compilers that made them
    Sources/CudaShims/kernels.inc       the kernels' names, and which file has them
    Sources/CudaShims/include/kernel_names.h   their numbers, for the host

swiftc gives LLVM's intermediate representation for this machine, whose types have the sizes of the GPU's, before LLVM optimises it. It is
given the GPU's triple here, optimised without vectors, and compiled. No multiplication and addition is fused, and divisions round as IEEE 754
says, so that the GPU computes the CPU's bits. The same versions write the same bytes. `--check` only names the files that are not current.

A block has at most 256 threads, for which a GPU always has the registers. Where the comment that begins a family says "blocks of 512", the PTX says so,
too, in a comment, because ptxas spills registers if it is told: the tests compare it with the registers that are taken and with what is launched.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

ROOT = Path(__file__).resolve().parents[1]
SHIMS = ROOT / "Sources/CudaShims"
BUILD = ROOT / "build/cuda"
CPU = "sm_75"
"""The oldest GPU. Later ones run its PTX."""

CALL, LARGE_CALL = 256, 4080
"""The bytes of a call that a kernel is handed. A kernel that takes a pointer to its call is handed a large one. No call is larger, see bgc_launch."""

SHARED = {"bgi_numbers": 1024, "bgi_stage": 4096, "bgi_bins": 2080}
"""The memory that the threads of a block share, in numbers of 64 bits."""

REGISTERS = {
    "bgi_thread_x": "tid.x", "bgi_threads_x": "ntid.x", "bgi_block_x": "ctaid.x", "bgi_blocks_x": "nctaid.x", "bgi_block_y": "ctaid.y",
    "bgi_blocks_y": "nctaid.y",
}  # fmt: skip

PLAIN = ["IoU", "GIoU", "DIoU", "CIoU", "IoF", "IoS"]
LOSSES = [f"Loss<{name}>" for name in PLAIN[:4]]
METRICS = {
    "iouAligned": PLAIN, "iouLoss": LOSSES, "iouLossTotal": LOSSES, "iouPairwise": [*PLAIN, "Union"],
    "iouPairwiseGrad": [*PLAIN, "IoFOfSecond"], "match": PLAIN, "matchForced": PLAIN,
}  # fmt: skip
"""The metrics of each function of overlaps, in the order of their codes."""

TYPES = {"f32": "Float", "f64": "Double"}


def words(camel):
    """Returns smoothL1 as smooth_l1, and IoFOfSecond as iof_of_second."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", re.sub(r"Loss<(\w+)>", r"\1", camel).replace("IoU", "Iou").replace("IoF", "Iof").replace("IoS", "Ios")
                  .replace("GIou", "Giou").replace("DIou", "Diou").replace("CIou", "Ciou")).lower()  # fmt: skip


class Kernel:
    """A kernel, which is called `name` in the GPU's code, and the file that it is in. `number` is its name among the host's numbers. It may be without a
    metric and without a type. `block` is the most threads of a block, if they may be more than 256."""

    def __init__(self, family, block, function, call, metric, type_name, is_large=False):
        self.block, self.function, self.call, self.metric, self.type = block, function, call, metric, type_name
        self.size = LARGE_CALL if is_large else CALL
        stem = words(function)
        last = f"_{type_name}" if type_name else ""
        self.name = f"boxgrad_{stem}{'_' + words(metric) if metric else ''}{last}"
        self.file = f"{family}{'_' + FILES.get(words(metric), words(metric)) if metric else ''}{last}"
        self.number = f"BGC_{stem}{'_' + words(metric) if metric else ''}".upper()

    def entry(self):
        """Returns the Swift function that becomes the kernel."""
        metric = f"{self.metric}.self, " if self.metric else ""
        call = f"{self.call}<{TYPES[self.type]}>" if self.type else self.call
        given = f"UnsafePointer(call.assumingMemoryBound(to: {call}.self))" if self.size == LARGE_CALL else f"{call}.at(call)"
        return (
            f'@_cdecl("{self.name}") public func kernel_{self.name}(_ call: UnsafeMutableRawPointer, _ count: Int) '
            f"{{ {self.function}Device({metric}{given}, count) }}\n"
        )


FILES = {}
"""Metrics that share a file."""

PATTERN = re.compile(r"---- Family (?P<family>\w+)(?:, blocks of (?P<block>\d+))? ----|^func (?P<function>\w+)Device(?P<typed><(?P<metric>M: Metric, )?T: DeviceReal>)?\((?:_: M.Type, )?"
                     r"_ \w+: (?P<pointer>UnsafePointer<)?(?P<call>\w+)(?:<T>|>)?, _ (?:count|blocks|chunks): Int\)", re.MULTILINE)  # fmt: skip


def kernels():
    found, family, block = [], None, None
    for path in sorted((ROOT / "Sources/KernelsCUDA").glob("*.swift")):
        for match in PATTERN.finditer(path.read_text()):
            if match["family"]:
                family, block = match["family"], match["block"]
            else:
                metrics = METRICS[match["function"]] if match["metric"] else [None]
                types = TYPES if match["typed"] else [None]
                found += [Kernel(family, block, match["function"], match["call"], metric, type_name, match["pointer"]) for metric in metrics for type_name in types]
    return found


def representation(found):
    """Returns LLVM's intermediate representation of all kernels, as Swift gives it."""
    BUILD.mkdir(parents=True, exist_ok=True)
    entries, result = BUILD / "Entries.swift", BUILD / "kernels.ll"
    entries.write_text("".join(kernel.entry() for kernel in found))
    (BUILD / "module.modulemap").write_text(
        f'module CShims {{ header "{ROOT}/Sources/CShims/include/shims.h" export * }}\n'
        f'module CDevice {{ header "{ROOT}/Sources/KernelsCUDA/include/device.h" export * }}\n'
    )
    sources = [path for path in sorted((ROOT / "Sources/Kernels").glob("*.swift")) if path.name != "Table.swift"]
    sources += sorted((ROOT / "Sources/KernelsCUDA").glob("*.swift"))
    clang = ["-fno-math-errno", "-ffp-contract=off", "-march=x86-64", "-DBGI_DEVICE", f"-I{ROOT}/include"]
    subprocess.run(
        ["swiftc", "-emit-ir", "-o", result, "-parse-as-library", "-module-name", "KernelsCUDA", "-enable-experimental-feature", "Embedded",
         "-wmo", "-O", "-no-allocations", "-Xfrontend", "-disable-llvm-optzns", *(word for flag in clang for word in ("-Xcc", flag)),
         "-I", ROOT / "include", "-I", BUILD, "-module-cache-path", BUILD / "modules", "-DTIER_BASELINE", "-DCOMMON_KERNELS", *sources, entries],
        check=True)  # fmt: skip
    return result.read_text()


def target():
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    for option in ("-nvptx-fma-level=0", "-nvptx-prec-divf32=2", "-nvptx-prec-sqrtf32=1"):
        llvm.set_option("boxgrad", option)
    return llvm.Target.from_triple("nvptx64-nvidia-cuda").create_target_machine(cpu=CPU, opt=3)


def retargeted(text, machine):
    """Returns the representation for the GPU: its triple, none of the CPU's attributes, and the names of device.h as what they stand for."""
    text = re.sub(r'target datalayout = ".*"', f'target datalayout = "{machine.target_data}"', text)
    text = re.sub(r'target triple = ".*"', 'target triple = "nvptx64-nvidia-cuda"', text)
    cpu = "target-cpu|target-features|tune-cpu|frame-pointer|probe-stack|stack-protector-buffer-size|no-trapping-math|min-legal-vector-width"
    text = re.sub(rf'"({cpu})"="[^"]*"', "", text)
    text = re.sub(r"(?m)^module asm .*$|^@llvm\.(compiler\.)?used = .*$", "", text)
    text = re.sub(r"\bswiftcc\b|\bnoinline\b|\bsspreq\b|\buwtable\b|\bswiftself\b|\bswifterror\b", "", text)
    text = re.sub(r"(?m)^(attributes #\d+ = \{)\s*\}", r"\1 nounwind }", text)
    for name, register in REGISTERS.items():
        text = text.replace(f"@{name}(", f"@llvm.nvvm.read.ptx.sreg.{register}(")
    text = text.replace("@bgi_barrier(", "@llvm.nvvm.barrier0(")
    for name, size in SHARED.items():
        text = re.sub(rf"(?m)^@{name} = .*$", "", text).replace(f"@{name}", f"addrspacecast (ptr addrspace(3) @{name} to ptr)")
        text += f"\n@{name} = internal addrspace(3) global [{size} x double] undef, align 32\n"

    for name, type_name, size in (("f32", "float", 16), ("f64", "double", 32)):
        vector, of_numbers = f"<4 x {type_name}>", f"align {size // 4}"
        for function, loads, stores in (
            ("load4", " addrspace(1)", ""), ("read4", " addrspace(1)", ""), ("fetch4", " addrspace(3)", ""), ("store4", "", " addrspace(1)"),
        ):  # fmt: skip
            constant = ", !invariant.load !{}" if function == "load4" else ""
            function = f"bgi_{function}_{name}"
            text = re.sub(rf"(?m)^declare .*@{function}\(.*$", "", text)
            text += (
                f"define internal void @{function}(ptr %to, ptr %from) alwaysinline {{\n"
                f"  %g = addrspacecast ptr %{'from' if loads else 'to'} to ptr{loads or stores}\n"
                f"  %v = load {vector}, ptr{loads} %{'g' if loads else 'from'}, {f'align {size}{constant}' if loads else of_numbers}\n"
                f"  store {vector} %v, ptr{stores} %{'g' if stores else 'to'}, {f'align {size}' if stores else of_numbers}\n"
                "  ret void\n}\n"
            )

    sizes = {kernel.name: kernel.size for kernel in kernels()}

    def kernel(match):
        parameters = match[3].replace("ptr", f"ptr byval([{sizes[match[2]]} x i8]) align 16", 1)
        return f"define ptx_kernel {re.sub('protected|hidden|dso_local', '', match[1])}@{match[2]}({parameters})"

    return re.sub(r"(?m)^define ([^@\n]*)@(boxgrad_\w+)\((.*?)\)", kernel, text)


def optimised(bitcode, machine, wanted):
    """Returns the module with the wanted kernels alone."""
    module = llvm.parse_bitcode(bitcode)
    for one in [*module.functions, *module.global_variables]:
        if not one.is_declaration and not one.name.startswith("llvm.") and one.name not in wanted:
            one.linkage = llvm.Linkage.internal
            one.visibility = "default"
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, options)
    # What the wanted kernels do not call is dropped first, because that takes half the time.
    needed = llvm.create_new_module_pass_manager()
    needed.add_global_dead_code_eliminate_pass()
    needed.run(module, builder)
    builder.getModulePassManager().run(module, builder)
    return module


def versions():
    swift = subprocess.run(["swiftc", "--version"], check=True, capture_output=True, text=True).stdout
    swift = re.search(r"Swift version .*", swift)[0]
    return f"{swift}\nllvmlite {llvmlite.__version__}, LLVM {'.'.join(map(str, llvm.llvm_version_info))}\n"


def written():
    """Returns {path: the text that the file should have}."""
    found, machine = kernels(), target()
    module = llvm.parse_assembly(retargeted(representation(found), machine))
    module.verify()
    bitcode = module.as_bitcode()
    files = list(dict.fromkeys(kernel.file for kernel in found))
    result = {SHIMS / "ptx/versions.txt": versions()}
    shutil.rmtree(BUILD / "ir", ignore_errors=True)
    (BUILD / "ir").mkdir()
    for file in files:
        module = optimised(bitcode, machine, {kernel.name for kernel in found if kernel.file == file})
        (BUILD / f"ir/{file}.ll").write_text(str(module))
        ptx = re.sub(r"(?m)^//.*\n|[ \t]+// .*$", "", machine.emit_assembly(module))
        for kernel in found:
            if kernel.file == file and kernel.block:
                ptx = re.sub(rf"(\.entry {kernel.name}\([^)]*\)\n)", rf"\1// in blocks of {kernel.block}\n", ptx)
        result[SHIMS / f"ptx/{file}.ptx"] = re.sub(r"\n\n+", "\n", ptx.strip()) + "\n"
    note = "Written by tools/ptx.py from Sources/KernelsCUDA. "
    numbers, in_order = {}, []
    for number in dict.fromkeys(kernel.number for kernel in found):
        numbers[number] = len(in_order)
        in_order += [kernel for kernel in found if kernel.number == number]
    result[SHIMS / "include/kernel_names.h"] = (
        f"/* The numbers of the kernels; of two types, those for float, and those for double are greater by 1. {note}*/\n#ifndef BGC_KERNEL_NAMES_H\n"
        f"#define BGC_KERNEL_NAMES_H\n\nenum {{\n" + "".join(f"    {number} = {k},\n" for number, k in numbers.items())
        + f"    BGC_KERNELS = {len(in_order)},\n    BGC_CALL = {LARGE_CALL},\n}};\n\n#endif\n"
    )  # fmt: skip
    result[SHIMS / "kernels.inc"] = (
        f"/* {note}*/\n" + "".join(f"FAMILY({file})\n" for file in files) + "".join(f"KERNEL({k.file}, {k.name}, {k.size})\n" for k in in_order)
    )
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wanted = written()
    current = {path for path in [*(SHIMS / "ptx").glob("*"), *wanted] if path.exists() and path.read_text() == wanted.get(path)}
    stale = [path for path in {*wanted, *(SHIMS / "ptx").glob("*")} if path not in current]
    if check and stale:
        sys.exit(f"Not what the sources give: {', '.join(sorted(path.name for path in stale))}. Run make ptx")
    for path in stale:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path])
        else:
            path.unlink()


if __name__ == "__main__":
    main()
