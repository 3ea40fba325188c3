import CBoxgrad
import Foundation
import Testing

/// These are numbers of rows that three threads share, in several chunks. A chunk with a wrong first row reads or writes the rows of the
/// first chunk, which calls of a few rows do not show.
enum DividedRows {
    static let ofBoxes = 3 * (1 << 16) + 101
    static let ofElements = 3 * (1 << 19) + 101
    /// The rows of a matrix that has three columns, and whose metric is CIoU.
    static let ofMatrix = (1 << 18) + 101
    static let ofMatrixGradient = (1 << 16) + 101
    /// The rows of a call with two groups of deltas.
    static let ofGroups = 3 * (1 << 16) / 2 + 101
    /// The proposals that are matched with three boxes.
    static let ofMatches = (1 << 19) + 101
    /// The boxes whose pooling gives 18 numbers each.
    static let ofRegions = 3 * (1 << 17) / 18 + 101

    /// Lines of the sources that the numbers above depend on. They state the rows of a chunk, and the rows that are worth a thread.
    static let sizes = [
        "Boxgrad/Parallel.swift": [
            "static var boxes: Self { Self(rows: bgi_chunk(1 << 14), worthThread: 1 << 16) }",
            "static var elements: Self { Self(rows: 1 << 16, worthThread: Int(BGI_ELEMENTS_WORTH_THREAD)) }",
            "max(1, (metric == BOXGRAD_CIOU ? 1 << 18 : 1 << 20) / columns)",
        ],
        "Boxgrad/RoIPooling.swift": ["let worthThread = max(1, (1 << 17) / max(1, bins))"],
        "CShims/include/threads.h": ["BGI_ELEMENTS_WORTH_THREAD = 1 << 19"],
        "Kernels/Calls.swift": ["static var rows: Int { 1 << 16 }"],
        "Boxgrad/Matching.swift": ["worthThread = max(1, Division.elements.worthThread / max(1, call.truthCount))"],
        "Kernels/GradientNorm.swift": ["private var pieceSize: Int { sumSize == ExactSum.doubleSize ? 1 << 18 : 1 << 16 }"],
    ]
}

/// Calls `body` with one thread, which takes one chunk after the other, and with three threads, which end after each call or are kept.
func onEachNumberOfThreads(_ body: (Int32) throws -> Void) throws {
    defer { _ = (api.set_max_threads(1), api.set_keep_threads(0)) }
    for (threads, keep): (Int32, Int32) in [(1, 0), (3, 0), (3, 1)] {
        try demand(api.set_max_threads(threads) == BOXGRAD_OK && api.set_keep_threads(keep) == BOXGRAD_OK, lastError())
        try body(threads)
    }
}

/// Calls the operation in both types with n rows and with strides that differ, and compares each row with the reference. Each row is one of
/// a few samples, chosen at random. Therefore the reference is computed for the samples only, and no two chunks are alike.
func sweepChunks(_ op: some Operation, rows n: Int) throws {
    let samples = Samples(op, n)
    try onEachNumberOfThreads { threads in
        try samples.match(Call<Float>(op, n, samples.rows, padding: 1), threads)
        try samples.match(Call<Double>(op, n, samples.rows, padding: 1), threads)
    }
}

private struct Samples {
    private static let count = 67
    private let given: Inputs
    private let picks: [Int]
    /// The inputs of the call with n rows.
    let rows: Inputs
    private let expected: [String: [[Term]]]

    init(_ op: some Operation, _ n: Int) {
        var random = Random(seed: n)
        var given = Inputs(), rows = Inputs()
        for argument in op.arguments(Self.count) { given[argument.name] = argument.sample?(&random) }
        let picks = (0..<n).map { _ in Int.random(in: 0..<Self.count, using: &random) }
        let isLong = Dictionary(uniqueKeysWithValues: op.arguments(n).map { ($0.name, $0.rows == n) })
        for (name, samples) in given { rows[name] = isLong[name]! ? picks.map { samples[$0] } : samples }
        (self.given, self.picks, self.rows) = (given, picks, rows)

        // An output that does not have a row for each row of the inputs is a sum over these rows. Each sample is in this sum as often as it
        // was chosen.
        var times = [Double](repeating: 0, count: Self.count)
        for pick in picks { times[pick] += 1 }
        let alone = (0..<Self.count).map { k in
            op.reference(Inputs(uniqueKeysWithValues: given.map { name, samples in (name, isLong[name]! ? [samples[k]] : samples) }))
        }
        var expected = op.reference(given)
        for (name, isLong) in isLong where !isLong && expected[name] != nil {
            expected[name] = alone[0][name]!.indices.map { i in
                alone[0][name]![i].indices.map { column in
                    let terms = alone.map { $0[name]![i][column] }
                    return Term(
                        zip(times, terms).reduce(0) { $0 + $1.0 * $1.1.value }, scale: zip(times, terms).reduce(0) { $0 + $1.0 * $1.1.scale })
                }
            }
        }
        self.expected = expected
    }

    func match<T: Scalar>(_ call: Call<T>, _ threads: Int32) throws {
        try call.succeeds()
        for argument in call.outputs {
            let (buffer, terms) = (call.buffers[argument.name]!, expected[argument.name]!)
            let isLong = argument.rows == picks.count
            for i in 0..<argument.rows {
                let row = terms[isLong ? picks[i] : i]
                for (k, term) in row.enumerated() {
                    let value = call.value(argument, buffer, i, k)
                    try demand(
                        term.matches(value, eps: T.eps),
                        """
                        \(call.op) \(T.self), \(picks.count) rows, \(threads) threads: \(argument.name)[\(i)][\(k)] is \(value), expected \(term.value), \
                        which is within 32 eps of \(term.scale)\(isLong ? "; \(given.mapValues { $0[$0.count == Self.count ? picks[i] : 0] })" : "")
                        """)
                }
            }
        }
    }
}

// The number of threads is a setting of the whole library. Therefore these tests are in the suite whose tests run one after the other.
extension LibraryTests {
    /// Each test of this suite is next to the sweeps of its function, in an extension of LibraryTests.DividedTests.
    @Suite struct DividedTests {
        private static func source(_ name: String) throws -> String {
            try String(contentsOfFile: root + "/" + name, encoding: .utf8)
        }

        private static func files(_ folder: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: root + "/" + folder).filter { $0.hasSuffix(".swift") }.map { "\(folder)/\($0)" }
        }

        /// Fails for a kernel whose rows threads share if no test calls its function with several chunks. Gradient tensors are divided
        /// elsewhere.
        @Test func everyDividedFunctionIsSweptInChunks() throws {
            let found = try Self.files("Sources/Boxgrad").flatMap { file in
                try Self.source(file).matches(of: /\.(?:run|sum)\(\w+, .+, kernels\(T\.self\)\.(\w+)\)/).map { String($0.output.1) }
            }
            #expect(Set(found).isSuperset(of: ["iou_pairwise", "smooth_l1", "match"]), "read from Sources/Boxgrad: \(found)")
            let dividing = try (Self.files("Sources/Boxgrad") + Self.files("Sources/Kernels")).filter { try Self.source($0).contains("bgi_parallel(") }
            #expect(Set(dividing) == ["Sources/Boxgrad/Parallel.swift", "Sources/Kernels/GradientNorm.swift"], "what else divides its rows needs a test")
            let swept = try Self.files("Tests/LibraryTests").flatMap { file in
                try Self.source(file).matches(of: /sweepChunks\((\w+)\(/).map { $0.output.1.lowercased() }
            }
            // delta_encode finds degenerate rows with a kernel of its own, and its result says which rows this kernel found.
            for kernel in Set(found).subtracting(["delta_degenerate"]) {
                #expect(swept.contains(kernel.replacing("_", with: "")), "\(kernel) is divided, and no test calls sweepChunks with it")
            }
        }

        @Test func chunksHaveTheSizesThatTheNumbersOfRowsSuppose() throws {
            for (file, lines) in DividedRows.sizes {
                for line in lines { #expect(try Self.source("Sources/" + file).contains(line), "\(file) has other sizes: see DividedRows") }
            }
        }
    }
}
