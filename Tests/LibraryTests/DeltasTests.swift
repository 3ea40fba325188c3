import CBoxgrad
import Glibc
import Testing

/// Returns the default options after `change` has changed them.
func deltaOptions(_ change: (inout boxgrad_delta_options) -> Void) -> boxgrad_delta_options {
    var options = boxgrad_delta_options(
        size: MemoryLayout<boxgrad_delta_options>.size, means: (0, 0, 0, 0), stds: (1, 1, 1, 1), log_ratio_min: -.infinity,
        log_ratio_max: log(1000 / 16), image_width: -1, image_height: -1, center_clamp: .infinity, on_degenerate: BOXGRAD_DEGENERATE_ERROR, reserved: 0)
    change(&options)
    return options
}

let standardized = deltaOptions {
    $0.means = (0.125, -0.25, 0.1, 0)
    $0.stds = (0.1, 0.1, 0.2, 0.2)
    $0.on_degenerate = BOXGRAD_DEGENERATE_ZERO
}

let everyClamp = deltaOptions {
    $0.means = (0.125, -0.25, 0.1, 0)
    $0.stds = (0.5, 0.5, 0.2, 0.25)
    ($0.log_ratio_min, $0.log_ratio_max) = (-0.25, 0.2)
    ($0.image_width, $0.image_height, $0.center_clamp) = (30, 20, 6)
}

/// Returns the mean or the standard deviation of a column of deltas.
private func column(_ four: (Double, Double, Double, Double), _ k: Int) -> Double { [four.0, four.1, four.2, four.3][k] }

extension boxgrad_delta_options {
    fileprivate func isDegenerate(_ box: ArraySlice<Double>) -> Bool {
        let i = box.startIndex
        return [box[i + 2] - box[i], box[i + 3] - box[i + 1]].contains { !($0 > 0 && $0 < .infinity) }
    }

    /// Returns the deltas of a proposal and its target. x has the four coordinates of each.
    fileprivate func encoded(_ x: [Dual]) -> [Dual] {
        (0..<4).map { k in
            let axis = k % 2
            let (size, targetSize) = (x[2 + axis] - x[axis], x[6 + axis] - x[4 + axis])
            let shift = 0.5 * (x[4 + axis] - x[axis] + (x[6 + axis] - x[2 + axis]))
            let delta = k < 2 ? shift / size : (targetSize / size).logarithm
            return (1 / column(stds, k)) * (delta + -column(means, k))
        }
    }

    /// Returns the box that a proposal and one group of deltas give.
    fileprivate func decoded(_ x: [Dual]) -> [Dual] {
        let sides = (0..<2).map { axis -> (low: Dual, high: Dual) in
            let d = [axis, axis + 2].map { column(stds, $0) * x[4 + $0] + column(means, $0) }
            let size = x[2 + axis] - x[axis]
            let center = 0.5 * (x[axis] + x[2 + axis]) + (d[0] * size).clamped(-center_clamp, center_clamp)
            let half = 0.5 * (d[1].clamped(log_ratio_min, log_ratio_max).exponential * size)
            let image = axis == 0 ? image_width : image_height
            return image < 0 ? (center - half, center + half) : ((center - half).clamped(0, image), (center + half).clamped(0, image))
        }
        return [sides[0].low, sides[1].low, sides[0].high, sides[1].high]
    }
}

protocol DeltaOperation: OperationWithOptions where Options == boxgrad_delta_options {}

extension DeltaOperation {
    var known: boxgrad_delta_options { options ?? deltaOptions { _ in } }
    /// With ERROR, a NaN or an infinity in one row makes the whole call fail.
    var isRowwise: Bool { known.on_degenerate != BOXGRAD_DEGENERATE_ERROR }

    /// Describes proposals or targets. With ZERO, one row in three has four small random numbers, which are often a degenerate box.
    fileprivate func boxes(_ name: String, _ n: Int) -> Argument {
        .input(name, n, 4, stride: name + "_stride") { random in
            guard known.on_degenerate == BOXGRAD_DEGENERATE_ZERO && Int.random(in: 0..<3, using: &random) == 0 else { return random.box() }
            return (0..<4).map { _ in Double(Int.random(in: 0..<4, using: &random)) }
        }
    }
}

struct DeltaEncode: DeltaOperation {
    var options: boxgrad_delta_options?

    func arguments(_ n: Int) -> [Argument] {
        [
            boxes("proposals", n), boxes("targets", n), .output("deltas", n, 4),
            .output("degenerate", n, optional: true, of: .byte), .output("degenerate_count", 1, optional: true, of: .size),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = zip(x["proposals"]!, x["targets"]!).map { $0 + $1 }
        let bad = rows.map { known.isDegenerate($0[..<4]) || known.isDegenerate($0[4...]) }
        let deltas = zip(rows, bad).map { row, bad in
            bad ? Array(repeating: Term(0), count: 4) : zip(known.encoded(row.map { Dual($0) }), 0..<4).map { delta, k in
                let size = row[2 + k % 2] - row[k % 2]
                // dx is the sum of two differences of corners. The logarithm of 1 + x has a rounding error that is relative to 1.
                let largest = k < 2 ? max(abs(row[4 + k] - row[k]), abs(row[6 + k] - row[2 + k])) / size : 1
                return Term(delta.value, scale: max(abs(delta.value), largest / column(known.stds, k), abs(column(known.means, k) / column(known.stds, k))))
            }
        }
        return [
            "deltas": deltas, "degenerate": bad.map { [Term($0 ? 1 : 0, scale: 0)] },
            "degenerate_count": [[Term(Double(bad.count { $0 }), scale: 0)]],
        ]
    }
}

struct DeltaEncodeGrad: DeltaOperation {
    var options: boxgrad_delta_options?

    func arguments(_ n: Int) -> [Argument] {
        [
            boxes("proposals", n), boxes("targets", n), .numbers("grad_deltas", n, 4),
            .output("grad_proposals", n, 4, optional: true), .output("grad_targets", n, 4, optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let gradients = x["proposals"]!.indices.map { i in
            let row = x["proposals"]![i] + x["targets"]![i]
            let isZero = known.isDegenerate(row[..<4]) || known.isDegenerate(row[4...])
            return isZero ? Array(repeating: Term(0), count: 8) : pullback(row, x["grad_deltas"]![i], known.encoded)
        }
        return ["grad_proposals": gradients.map { Array($0[..<4]) }, "grad_targets": gradients.map { Array($0[4...]) }]
    }
}

struct DeltaDecode: DeltaOperation {
    var options: boxgrad_delta_options?
    var groups = 1

    func counts(_ n: Int) -> [String: Int] { ["count": n, "groups": groups] }

    func arguments(_ n: Int) -> [Argument] {
        [boxes("proposals", n), .numbers("deltas", n, 4 * groups, stride: "deltas_stride"), .output("boxes", n, 4 * groups)]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let boxes = zip(x["proposals"]!, x["deltas"]!).map { proposal, deltas in
            (0..<groups).flatMap { group in
                let inputs = proposal + deltas[4 * group..<4 * group + 4]
                let box = known.decoded(inputs.map { Dual($0) }).map(\.value)
                var unbounded = known
                (unbounded.image_width, unbounded.image_height) = (-1, -1)
                // A corner is the sum of a centre and half a side, and either of them may be larger than the corner.
                let free = unbounded.decoded(inputs.map { Dual($0) }).map { abs($0.value) }
                return (0..<4).map { Term(box[$0], scale: max(free[$0 % 2], free[2 + $0 % 2], abs(proposal[$0 % 2]), abs(proposal[2 + $0 % 2]))) }
            }
        }
        return ["boxes": boxes]
    }
}

struct DeltaDecodeGrad: DeltaOperation {
    var options: boxgrad_delta_options?
    var groups = 1

    func counts(_ n: Int) -> [String: Int] { ["count": n, "groups": groups] }

    func arguments(_ n: Int) -> [Argument] {
        [
            boxes("proposals", n), .numbers("deltas", n, 4 * groups, stride: "deltas_stride"), .numbers("grad_boxes", n, 4 * groups),
            .output("grad_proposals", n, 4, optional: true), .output("grad_deltas", n, 4 * groups, optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = x["proposals"]!.indices.map { i in
            (0..<groups).map { group in
                let four = 4 * group..<4 * group + 4
                return pullback(x["proposals"]![i] + x["deltas"]![i][four], Array(x["grad_boxes"]![i][four]), known.decoded)
            }
        }
        let proposals = rows.map { row in
            let sums = (0..<4).map { k in row.reduce(0) { $0 + $1[k].value } }
            let largest = (row.map { $0[0].scale } + sums.map(abs)).max()!
            return sums.map { Term($0, scale: largest) }
        }
        return ["grad_proposals": proposals, "grad_deltas": rows.map { row in row.flatMap { $0[4...] } }]
    }
}

@Suite struct DeltasTests {
    @Test func encode() throws {
        for options in [nil, standardized] {
            try sweep(DeltaEncode(options: options))
            try sweep(DeltaEncodeGrad(options: options))
        }
        try refuse(DeltaEncode())
        try refuse(DeltaEncodeGrad())
    }

    @Test(arguments: 1...3)
    func decode(groups: Int) throws {
        for options in [nil, standardized, everyClamp] {
            try sweep(DeltaDecode(options: options, groups: groups))
            try sweep(DeltaDecodeGrad(options: options, groups: groups))
        }
        try refuse(DeltaDecode(groups: groups))
        try refuse(DeltaDecodeGrad(groups: groups))
    }

    @Test func optionsOutOfRange() throws {
        let changes: [(String, [(inout boxgrad_delta_options) -> Void])] = [
            ("means", [{ $0.means.0 = .nan }, { $0.means.3 = .infinity }]),
            ("stds", [{ $0.stds.0 = 0 }, { $0.stds.1 = -1 }, { $0.stds.2 = .nan }, { $0.stds.3 = .infinity }]),
            ("log_ratio_min", [{ $0.log_ratio_min = .nan }, { $0.log_ratio_min = 5 }]),
            ("log_ratio_max", [{ $0.log_ratio_max = .nan }]),
            ("image_width", [{ $0.image_width = .nan }]), ("image_height", [{ $0.image_height = .nan }]),
            ("center_clamp", [{ $0.center_clamp = .nan }, { $0.center_clamp = -1 }]),
            ("on_degenerate", [{ $0.on_degenerate = 3 }, { $0.on_degenerate = -1 }]), ("reserved", [{ $0.reserved = 1 }]),
            ("size", [{ $0.size = 0 }, { $0.size = 7 }]),
        ]
        for (field, changes) in changes {
            for change in changes { try refuseEverywhere(field, deltaOptions(change), BOXGRAD_BAD_PARAMETER) }
        }
        for size in [MemoryLayout<boxgrad_delta_options>.size + 1, Int.max, -1] {
            try refuseEverywhere("size", deltaOptions { $0.size = size }, BOXGRAD_UNSUPPORTED)
        }
    }

    private func refuseEverywhere(_ field: String, _ options: boxgrad_delta_options, _ status: Int32) throws {
        try refuse(field, [DeltaEncode(options: options)], status)
        try refuse(field, [DeltaEncodeGrad(options: options)], status)
        try refuse(field, [DeltaDecode(options: options)], status)
        try refuse(field, [DeltaDecodeGrad(options: options)], status)
    }

    /// A program that was compiled when the struct ended after stds gets defaults for the rest, whatever is in the memory after its struct.
    @Test func shortOptions() {
        var options = deltaOptions {
            $0.size = MemoryLayout<boxgrad_delta_options>.offset(of: \.log_ratio_min)!
            $0.stds = (2, 2, 2, 2)
            ($0.log_ratio_min, $0.log_ratio_max, $0.on_degenerate, $0.reserved) = (.nan, .nan, 77, 77)
        }
        var boxes = [Double](repeating: 0, count: 4)
        #expect(api.delta_decode_f64(&options, [0, 0, 4, 4], 4, [1, 0, 100, 0], 4, 1, 1, &boxes) == BOXGRAD_OK)
        #expect(zip(boxes, [10 - 125, 0, 10 + 125, 4]).allSatisfy { abs($0 - $1) < 1e-12 })
        options.size = MemoryLayout<Int>.size
        #expect(api.delta_decode_f64(&options, [0, 0, 4, 4], 4, [1, 0, 0, 0], 4, 1, 1, &boxes) == BOXGRAD_OK)
        #expect(boxes == [4, 0, 8, 4])
    }

    @Test func degenerateRowsAreErrors() throws {
        try degenerateRowsFail(DeltaEncode())
        try degenerateRowsFail(DeltaEncodeGrad())
    }

    private func degenerateRowsFail(_ op: some Operation) throws {
        for name in ["proposals", "targets"] {
            for box in [[1, 1, 1, 2], [1, 2, 3, 2], [3, 1, 1, 2], [0, 0, .infinity, 1], [.nan, 0, 1, 1]] as [[Double]] {
                var random = Random(seed: 9)
                var inputs = Inputs()
                for argument in op.arguments(50) { inputs[argument.name] = argument.sample?(&random) }
                for row in [37, 45] { inputs[name]![row] = box }
                try Call<Float>(op, 50, inputs).fails(BOXGRAD_DEGENERATE_BOX, naming: [name, "37"])
                try Call<Double>(op, 50, inputs).fails(BOXGRAD_DEGENERATE_BOX, naming: [name, "37"])
            }
        }
    }

    @Test func propagateFollowsTheFormula() {
        var options = deltaOptions { $0.on_degenerate = BOXGRAD_DEGENERATE_PROPAGATE }
        let proposals: [Float] = [2, 0, 2, 4, 0, 0, 4, 4], targets: [Float] = [3, 0, 7, 4, 2, 1, 2, 3]
        var deltas = [Float](repeating: 0, count: 8), degenerate: [UInt8] = [7, 7], count = 0
        #expect(api.delta_encode_f32(&options, proposals, 4, targets, 4, 2, &deltas, &degenerate, &count) == BOXGRAD_OK)
        #expect(deltas[..<4] == [.infinity, 0, .infinity, 0])
        #expect(deltas[4...] == [0, 0, -.infinity, -Float(log(2.0))])
        #expect(degenerate == [1, 1] && count == 2)
        var gradient = [Float](repeating: 0, count: 8)
        #expect(api.delta_encode_grad_f32(&options, proposals, 4, targets, 4, 2, [1, 1, 1, 1, 1, 1, 1, 1], nil, &gradient) == BOXGRAD_OK)
        #expect(gradient[2] == .infinity && gradient[7] == 0.5 / 4 + 0.5)
    }

    /// The gradient of the proposals is 0 where there is no group to sum over.
    @Test func noGroups() {
        var gradient: [Double] = [7, 7, 7, 7, 7, 7, 7, 7]
        #expect(api.delta_decode_f64(nil, nil, 4, nil, 0, 2, 0, nil) == BOXGRAD_OK)
        #expect(api.delta_decode_grad_f64(nil, nil, 4, nil, 0, 2, 0, nil, &gradient, nil) == BOXGRAD_OK)
        #expect(gradient == [Double](repeating: 0, count: 8))
    }

    /// Deltas, shifts and corners that are equal to their bounds are not beyond them, so that they pass the gradient.
    @Test func clampsPassTheGradientAtTheirBounds() {
        var options = deltaOptions {
            ($0.log_ratio_min, $0.log_ratio_max, $0.center_clamp) = (0, 0, 2)
            ($0.image_width, $0.image_height) = (6, 4)
        }
        var proposals: [Double] = [0, 0, 0, 0], deltas = proposals
        #expect(api.delta_decode_grad_f64(&options, [0, 0, 4, 4], 4, [0.5, 0, 0, 0], 4, 1, 1, [0, 1, 8, 2], &proposals, &deltas) == BOXGRAD_OK)
        #expect(deltas == [32, 12, 16, 2])
        #expect(proposals == [-4, 1, 12, 2])
    }

    @Test func decodeInvertsEncode() throws {
        var random = Random(seed: 4)
        var options = deltaOptions { ($0.means, $0.stds) = ((0.5, -0.5, 0.25, 0), (0.1, 0.1, 0.2, 0.2)) }
        let proposals = (0..<500).flatMap { _ in random.box() }, targets = (0..<500).flatMap { _ in random.box() }
        var deltas = [Double](repeating: 0, count: 2000), boxes = deltas
        #expect(api.delta_encode_f64(&options, proposals, 4, targets, 4, 500, &deltas, nil, nil) == BOXGRAD_OK)
        #expect(api.delta_decode_f64(&options, proposals, 4, deltas, 4, 500, 1, &boxes) == BOXGRAD_OK)
        for (box, target) in zip(boxes, targets) { try demand(abs(box - target) < 1e-12, "delta_decode of delta_encode: \(box) instead of \(target)") }
    }
}

extension LibraryTests.DividedTests {
    @Test func encode() throws {
        try sweepChunks(DeltaEncode(), rows: DividedRows.ofBoxes)
        try sweepChunks(DeltaEncode(options: standardized), rows: DividedRows.ofBoxes)
        try sweepChunks(DeltaEncodeGrad(options: standardized), rows: DividedRows.ofBoxes)
    }

    @Test func decode() throws {
        try sweepChunks(DeltaDecode(options: everyClamp, groups: 2), rows: DividedRows.ofGroups)
        try sweepChunks(DeltaDecodeGrad(options: everyClamp, groups: 2), rows: DividedRows.ofGroups)
    }

    @Test func degenerateRowOfALaterChunk() throws {
        try degenerateRowOfALaterChunkFails(DeltaEncode())
        try degenerateRowOfALaterChunkFails(DeltaEncodeGrad())
    }
}

private func degenerateRowOfALaterChunkFails(_ op: some Operation) throws {
    try onEachNumberOfThreads { threads in
        var random = Random(seed: 9)
        let n = DividedRows.ofBoxes
        for (name, rows) in [("proposals", [n - 7, 40_000]), ("targets", [n - 1])] {
            var inputs = Inputs()
            for argument in op.arguments(n) where argument.isInput { inputs[argument.name] = Array(repeating: argument.sample!(&random)[0], count: n) }
            for row in rows { inputs[name]![row] = [1, 1, 1, 2] }
            try Call<Float>(op, n, inputs, padding: 1).fails(BOXGRAD_DEGENERATE_BOX, naming: [name, "\(rows.min()!)"])
        }
    }
}
