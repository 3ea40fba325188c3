import CBoxgrad
import Foundation
import Testing

/// Every kernel whose rows threads share, by its name in the table, and for each of them calls of several chunks: a chunk that forgets where it
/// begins reads or writes the rows of the first one, which calls of a few rows do not show.
enum DividedWork: String, CaseIterable {
    case pairwise = "iou_pairwise"
    case pairwiseGradient = "iou_pairwise_grad"
    case aligned = "iou_aligned"
    case loss = "iou_loss"
    case smoothL1 = "smooth_l1"
    case findDegenerate = "delta_degenerate"
    case encode = "delta_encode"
    case encodeGradient = "delta_encode_grad"
    case decode = "delta_decode"
    case decodeGradient = "delta_decode_grad"
    case distances = "ltrb_encode"
    case distancesGradient = "ltrb_encode_grad"
    case matching = "match"
    case tensorPass = "tensor_pass"

    /// What the sources say, and the cases below suppose: rows of a chunk, and rows that are worth a thread.
    static let sizes = [
        "Boxgrad/Parallel.swift": [
            "static var boxes: Self { Self(rows: 1 << 14, worthThread: 1 << 16) }",
            "static var elements: Self { Self(rows: 1 << 16, worthThread: Int(BGI_ELEMENTS_WORTH_THREAD)) }",
            "max(1, (metric == BOXGRAD_CIOU ? 1 << 18 : 1 << 20) / columns)",
        ],
        "CShims/include/threads.h": ["BGI_ELEMENTS_WORTH_THREAD = 1 << 19"],
        "Kernels/Calls.swift": ["static var rows: Int { 1 << 16 }"],
        "Boxgrad/Matching.swift": ["let worthThread = max(1, Division.elements.worthThread / max(1, truthsCount))"],
        "Kernels/GradientNorm.swift": ["private static var pieceSize: Int { 1 << 16 }"],
    ]
    private static let (boxes, elements, matrix) = (1 << 16, 1 << 19, 1 << 18)

    /// Calls of so many rows that three threads share them.
    func sweeps() throws {
        switch self {
        case .pairwise: try sweepChunks(IoUPairwise(metric: BOXGRAD_CIOU, isTall: true), rows: Self.matrix + 101)
        case .pairwiseGradient: try sweepChunks(IoUPairwiseGrad(metric: BOXGRAD_GIOU, isTall: true), rows: Self.boxes + 101)
        case .aligned: try sweepChunks(IoUAligned(metric: BOXGRAD_DIOU), rows: 3 * Self.boxes + 101)
        case .loss: try sweepChunks(IoULoss(metric: BOXGRAD_GIOU), rows: 3 * Self.boxes + 101)
        case .smoothL1: try sweepChunks(SmoothL1(sigma: 3, normalizer: 4), rows: 3 * Self.elements + 101)
        case .findDegenerate:
            try sweepChunks(DeltaEncode(options: standardized), rows: 3 * Self.boxes + 101)
            try degenerateRowOfALaterChunkFails(DeltaEncode())
            try degenerateRowOfALaterChunkFails(DeltaEncodeGrad())
        case .encode: try sweepChunks(DeltaEncode(), rows: 3 * Self.boxes + 101)
        case .encodeGradient: try sweepChunks(DeltaEncodeGrad(options: standardized), rows: 3 * Self.boxes + 101)
        case .decode: try sweepChunks(DeltaDecode(options: everyClamp, groups: 2), rows: 3 * Self.boxes / 2 + 101)
        case .decodeGradient: try sweepChunks(DeltaDecodeGrad(options: everyClamp, groups: 2), rows: 3 * Self.boxes / 2 + 101)
        case .distances: try sweepChunks(LTRBEncode(), rows: 3 * Self.boxes + 101)
        case .distancesGradient: try sweepChunks(LTRBEncodeGrad(), rows: 3 * Self.boxes + 101)
        case .matching: try sweepChunks(Match(lowQuality: 1), rows: Self.elements + 101)
        case .tensorPass: try sweepPieces(elements: 3 * Self.elements)
        }
    }

    private func degenerateRowOfALaterChunkFails(_ op: some Operation) throws {
        try onEachNumberOfThreads { threads in
            var random = Random(seed: 9)
            let n = 3 * Self.boxes + 101
            for (name, rows) in [("proposals", [n - 7, 40_000]), ("targets", [n - 1])] {
                var inputs = Inputs()
                for argument in op.arguments(n) { inputs[argument.name] = Array(repeating: argument.sample.map { $0(&random)[0] } ?? [], count: n) }
                for argument in op.arguments(n) where !argument.isInput { inputs[argument.name] = nil }
                for row in rows { inputs[name]![row] = [1, 1, 1, 2] }
                try Call<Float>(op, n, inputs, padding: 1).fails(BOXGRAD_DEGENERATE_BOX, naming: [name, "\(rows.min()!)"])
            }
        }
    }
}

/// With one thread, which takes one chunk after the other, and with three.
private func onEachNumberOfThreads(_ body: (Int32) throws -> Void) throws {
    defer { _ = api.set_max_threads(1) }
    for threads: Int32 in [1, 3] {
        try demand(api.set_max_threads(threads) == BOXGRAD_OK, lastError())
        try body(threads)
    }
}

/// Calls the operation in both types with n rows, with strides that differ, and compares each row with the reference. Each row is one of a few
/// samples, chosen at random: the reference needs to know only those, and no chunk is like another.
private func sweepChunks(_ op: some Operation, rows n: Int) throws {
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
    /// The inputs of the long call.
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

        // An output that has no row for each row of the inputs is a sum over them: of each sample as often as it was chosen.
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

/// Tensors of several pieces and small ones, more than are worked on at once. Their elements are samples, too, so that sums can be told exactly.
private func sweepPieces(elements: Int) throws {
    var random = Random(seed: elements)
    let lengths = (0..<150).map { $0 % 40 == 7 ? elements / 4 + 101 : $0 % 5 * 20 }
    let dtypes = lengths.indices.map { Dtype.allCases[($0 / 40 + $0) % 4] }
    let samples = Dictionary(uniqueKeysWithValues: Dtype.allCases.map { dtype in (dtype, random.numbers(61).map(dtype.rounded)) })
    let picks = lengths.map { length in (0..<length).map { _ in Int.random(in: 0..<61, using: &random) } }
    let given = zip(dtypes, picks).map { dtype, picks in (dtype: dtype, values: picks.map { samples[dtype]![$0] }) }

    /// The sum of f over a tensor's elements.
    func sum(_ tensor: Int, _ f: (Double) -> Double) -> Double {
        var times = [Double](repeating: 0, count: 61)
        for pick in picks[tensor] { times[pick] += 1 }
        return zip(times, samples[dtypes[tensor]]!).reduce(0) { $0 + $1.0 * f($1.1) }
    }
    func demandClose(_ a: Double, _ b: Double, _ what: @autoclosure () -> String) throws {
        try demand(abs(a - b) <= 1e-13 * b, "\(what()) is \(a), expected \(b)")
    }
    /// Compares each element with what f makes of its sample.
    func demandEach(_ after: Gradients, _ what: String, _ f: (Double) -> Double) throws {
        for (k, (values, dtype)) in zip(after.values, dtypes).enumerated() {
            let expected = samples[dtype]!.map { dtype.rounded(f($0)) }
            for (i, (value, pick)) in zip(values, picks[k]).enumerated() {
                try demand(value == expected[pick], "\(what): element \(i) of tensor \(k), \(dtype), is \(value), expected \(expected[pick])")
            }
        }
        try demand(after.isIntact, "\(what): wrote outside")
    }

    try onEachNumberOfThreads { threads in
        let gradients = Gradients(given)
        for (p, f) in [(1, { abs($0) }), (2, { $0 * $0 }), (.infinity, { _ in 0 })] as [(Double, (Double) -> Double)] {
            var total = -1.0, each = [Double](repeating: -1, count: lengths.count)
            try demand(api.grad_norm(gradients.tensors, gradients.count, p, &total, &each, nil) == BOXGRAD_OK, lastError())
            let sums = lengths.indices.map { sum($0, f) }
            let largest = zip(dtypes, picks).map { dtype, picks in picks.reduce(0) { max($0, abs(samples[dtype]![$1])) } }
            for (k, norm) in each.enumerated() {
                let expected = p == .infinity ? largest[k] : p == 2 ? sums[k].squareRoot() : sums[k]
                try demandClose(norm, expected, "grad_norm, p = \(p), \(threads) threads: the norm of tensor \(k), \(dtypes[k])")
            }
            let whole = sums.reduce(0, +)
            let expected = p == .infinity ? largest.max()! : p == 2 ? whole.squareRoot() : whole
            try demandClose(total, expected, "grad_norm, p = \(p), \(threads) threads: the total")
        }
        try demand(gradients.isUnchanged, "grad_norm, \(threads) threads: wrote into the tensors")

        try demand(api.grad_scale(gradients.tensors, gradients.count, 0.3) == BOXGRAD_OK, lastError())
        try demandEach(gradients, "grad_scale, \(threads) threads") { $0 * 0.3 }

        let limited = Gradients(given)
        try demand(api.clip_grad_value(limited.tensors, limited.count, 0.7) == BOXGRAD_OK, lastError())
        try demandEach(limited, "clip_grad_value, \(threads) threads") { min(max($0, -0.7), 0.7) }

        let clipped = Gradients(given)
        var norm = 0.0
        try demand(api.grad_norm(clipped.tensors, clipped.count, 1, &norm, nil, nil) == BOXGRAD_OK, lastError())
        try demand(api.clip_grad_norm(clipped.tensors, clipped.count, norm / 3, 1, 0, BOXGRAD_NONFINITE_ERROR, nil) == BOXGRAD_OK, lastError())
        let coefficient = norm / 3 / norm
        try demandEach(clipped, "clip_grad_norm, \(threads) threads") { $0 * coefficient }
    }
}

// The number of threads is one for the whole library: these tests are part of the suite whose tests follow one another.
extension LibraryTests {
    @Suite struct DividedTests {
        private static func source(_ name: String) throws -> String {
            try String(contentsOfFile: root + "/Sources/" + name, encoding: .utf8)
        }

        /// A kernel whose rows threads share, and that DividedWork does not list, fails here. One function divides its pieces itself.
        @Test func everyDividedFunctionHasACase() throws {
            func files(_ folder: String) throws -> [String] {
                try FileManager.default.contentsOfDirectory(atPath: root + "/Sources/" + folder).filter { $0.hasSuffix(".swift") }.map { "\(folder)/\($0)" }
            }
            var found = try files("Boxgrad").flatMap { file in
                try Self.source(file).matches(of: /\.(?:run|sum)\(\w+, .+, kernels\(T\.self\)\.(\w+)\)/).map { String($0.output.1) }
            }
            let dividing = try (files("Boxgrad") + files("Kernels")).filter { try Self.source($0).contains("bgi_parallel(") }
            #expect(Set(dividing) == ["Boxgrad/Parallel.swift", "Kernels/GradientNorm.swift"], "what else divides its rows needs a case of DividedWork")
            found.append("tensor_pass")
            #expect(Set(found).subtracting(DividedWork.allCases.map(\.rawValue)) == [], "divided, and no case of DividedWork")
            #expect(Set(DividedWork.allCases.map(\.rawValue)).subtracting(found) == [], "a case of DividedWork, and not divided in Sources/Boxgrad")
        }

        /// The cases' numbers of rows follow from these sizes.
        @Test func chunksHaveTheSizesThatTheCasesSuppose() throws {
            for (file, lines) in DividedWork.sizes {
                for line in lines { #expect(try Self.source(file).contains(line), "\(file) has other sizes: see DividedWork.sweeps") }
            }
        }

        @Test(arguments: DividedWork.allCases)
        func rowsOfEveryChunk(work: DividedWork) throws { try work.sweeps() }
    }
}
