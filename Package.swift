// swift-tools-version:6.0
import PackageDescription

/// Whether the library is for AArch64: this machine is one, or `make ARCH=aarch64` says so.
#if arch(arm64)
let isARM = true
#else
let isARM = Context.environment["BOXGRAD_ARCH"] == "aarch64"
#endif

/// One row per CPU tier. Each is the same folder, Sources/Kernels (the others are symbolic links to it), compiled for its own
/// instruction set. A new tier is a row here, a link, its name in tools/interface.py and a case in best_tier of CShims/tiers.c.
/// The first one also has the kernels that are the same for all.
/// BOXGRAD_ONLY_TIER, such as AVX2, leaves the others out: for the builds of Tests/safety, which say what stands in for them. BOXGRAD_TIERS, set
/// to baseline, does so for `make TIERS=baseline`, whose library then never looks for another.
let allTiers: [(suffix: String, instructions: [String], define: String)] = isARM ? [
    ("", ["-march=armv8-a"], "TIER_NEON"),
] : [
    ("", ["-march=x86-64"], "TIER_BASELINE"),
    ("AVX2", ["-march=x86-64-v3"], "TIER_AVX2"),
    ("AVX512", ["-march=x86-64-v4", "-mprefer-vector-width=512"], "TIER_AVX512"),
]
let isBaselineOnly = Context.environment["BOXGRAD_TIERS"] == "baseline"
let onlyTier = isBaselineOnly ? "BASELINE" : Context.environment["BOXGRAD_ONLY_TIER"]
let tiers = allTiers.filter { onlyTier == nil || $0.define == "TIER_\(onlyTier!)" }
/// Swift never makes one rounding of a multiplication and an addition, C does unless told.
let neverFuse = "-ffp-contract=off"
let embedded: [SwiftSetting] = [
    .enableExperimentalFeature("Embedded"), .unsafeFlags(["-wmo", "-no-allocations", "-Xfrontend", "-function-sections"]),
    // For small devices loops stay loops. Unrolled, or with several vectors at a time, they would take an eighth more room, and some percent less
    // time. SMALL_LIBRARY leaves out loops that only save time.
    .unsafeFlags(
        isBaselineOnly
            ? ["-DSMALL_LIBRARY", "-Xllvm", "-unroll-threshold=28", "-Xllvm", "-unroll-runtime=false", "-Xllvm", "-force-vector-interleave=1"] : []),
]

// The tests load the built library: Embedded objects must never be linked into a host that has a Swift runtime. BOXGRAD_ONLY_TESTS leaves
// the library out, which `swift test` would compile once more.
let tests: [Target] = [
    .target(name: "CBoxgrad", path: "include", publicHeadersPath: "."),
    .testTarget(name: "LibraryTests", dependencies: ["CBoxgrad"]),
]
let onlyTests = Context.environment["BOXGRAD_ONLY_TESTS"] != nil

let package = Package(
    name: "boxgrad",
    products: onlyTests ? [] : [.library(name: "boxgrad", type: .dynamic, targets: ["Boxgrad"])],
    targets: tests + (onlyTests ? [] : [
        .target(
            name: "CShims", dependencies: ["CBoxgrad"],
            cSettings: [.unsafeFlags(["-O2", neverFuse])] + (isBaselineOnly ? [.define("BGI_BASELINE_ONLY")] : [])),
        .target(
            name: "Boxgrad",
            dependencies: ["CBoxgrad", "CShims"] + tiers.map { .init(stringLiteral: "Kernels\($0.suffix)") },
            swiftSettings: embedded + [.unsafeFlags([isBaselineOnly ? "-Osize" : "-O"])],
            linkerSettings: [.unsafeFlags([
                // Only boxgrad_* leaves the library: the Swift runtime's weak symbols inside it must not meet a host's own.
                "-Xlinker", "--version-script=Sources/exports.map", "-Xlinker", "--gc-sections", "-Xlinker", "-z", "-Xlinker", "defs",
                "-Xlinker", "-soname=libboxgrad.so.1", "-Xlinker", "--strip-debug",
            ])]),
    ] + tiers.map { tier in
        // Without -fno-math-errno a square root is a call of libm's sqrt.
        .target(
            name: "Kernels\(tier.suffix)", dependencies: ["CShims"],
            swiftSettings: embedded + [
                .unsafeFlags(["-O"] + (tier.instructions + ["-fno-math-errno", neverFuse]).flatMap { ["-Xcc", $0] } + ["-D\(tier.define)"]),
                .unsafeFlags(tier.define == tiers[0].define ? ["-DCOMMON_KERNELS"] : []),
            ])
    }))
