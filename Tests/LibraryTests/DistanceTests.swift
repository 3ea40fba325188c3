import CBoxgrad
import Testing

/// Returns the distances of a box, which is x[0...3], from its point, which is x[4...5].
private func distances(_ x: [Dual]) -> [Dual] { [x[4] - x[0], x[5] - x[1], x[2] - x[4], x[3] - x[5]] }

struct LTRBEncode: Operation {
    func arguments(_ n: Int) -> [Argument] {
        [.numbers("points", n, 2, stride: "points_stride"), .boxes("boxes", n, stride: "boxes_stride"), .output("distances", n, 4)]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["distances": zip(x["boxes"]!, x["points"]!).map { distances(($0 + $1).map { Dual($0) }).map { Term($0.value) } }]
    }
}

struct LTRBEncodeGrad: Operation {
    func arguments(_ n: Int) -> [Argument] {
        [.numbers("grad_distances", n, 4), .output("grad_points", n, 2, optional: true), .output("grad_boxes", n, 4, optional: true)]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = x["grad_distances"]!.map { pullback([Double](repeating: 0, count: 8), $0, distances) }
        return ["grad_points": rows.map { Array($0[4..<6]) }, "grad_boxes": rows.map { Array($0[..<4]) }]
    }
}

/// Returns the box of distances, which are x[0...3], from their point, which is x[4...5].
private func box(_ x: [Dual]) -> [Dual] { [x[4] - x[0], x[5] - x[1], x[4] + x[2], x[5] + x[3]] }

struct LTRBDecode: Operation {
    func arguments(_ n: Int) -> [Argument] {
        [
            .numbers("points", n, 2, stride: "points_stride"), .numbers("distances", n, 4, stride: "distances_stride"), .output("boxes", n, 4),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["boxes": zip(x["distances"]!, x["points"]!).map { box(($0 + $1).map { Dual($0) }).map { Term($0.value) } }]
    }
}

struct LTRBDecodeGrad: Operation {
    func arguments(_ n: Int) -> [Argument] {
        [.numbers("grad_boxes", n, 4), .output("grad_points", n, 2, optional: true), .output("grad_distances", n, 4, optional: true)]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = x["grad_boxes"]!.map { pullback([Double](repeating: 0, count: 8), $0, box) }
        return ["grad_points": rows.map { Array($0[4..<6]) }, "grad_distances": rows.map { Array($0[..<4]) }]
    }
}

/// Describes proposals. Some of them have no width or no height.
private func proposals(_ n: Int) -> Argument {
    .input("proposals", n, 4, stride: "proposals_stride") { random in
        guard Int.random(in: 0..<4, using: &random) == 0 else { return random.box() }
        return (0..<4).map { _ in Double(Int.random(in: 0..<3, using: &random)) }
    }
}

/// Returns the distances of a target, which is x[4...7], from the centre of a proposal, which is x[0...3], in the proposal's sides.
private func linearlyEncoded(_ x: [Dual]) -> [Dual] {
    (0..<4).map { side in
        let (start, end, sign) = (x[side % 2], x[side % 2 + 2], side < 2 ? 0.5 : -0.5)
        return sign * (start - x[4 + side] + (end - x[4 + side])) / (end - start)
    }
}

struct LinearEncode: Operation {
    func arguments(_ n: Int) -> [Argument] {
        [proposals(n), .boxes("targets", n, stride: "targets_stride"), .output("distances", n, 4)]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = zip(x["proposals"]!, x["targets"]!).map { r, t in
            zip(linearlyEncoded((r + t).map { Dual($0) }), 0..<4).map { distance, side in
                let (start, end) = (r[side % 2], r[side % 2 + 2])
                return Term(distance.value, scale: start == end ? 0 : max(abs(start - t[side]), abs(end - t[side])) / abs(end - start))
            }
        }
        return ["distances": rows]
    }
}

struct LinearEncodeGrad: Operation {
    func arguments(_ n: Int) -> [Argument] {
        [
            proposals(n), .boxes("targets", n, stride: "targets_stride"), .numbers("grad_distances", n, 4),
            .output("grad_proposals", n, 4, optional: true), .output("grad_targets", n, 4, optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = zip(zip(x["proposals"]!, x["targets"]!), x["grad_distances"]!).map { pullback($0.0 + $0.1, $1, linearlyEncoded) }
        return ["grad_proposals": rows.map { Array($0[..<4]) }, "grad_targets": rows.map { Array($0[4...]) }]
    }
}

/// Returns the box of distances, which are x[4...7], from the centre of a proposal, which is x[0...3], in the proposal's sides.
private func linearlyDecoded(_ x: [Dual]) -> [Dual] {
    (0..<4).map { side in
        let (start, end, sign) = (x[side % 2], x[side % 2 + 2], side < 2 ? -1.0 : 1.0)
        return 0.5 * (start + end) + sign * (x[4 + side] * (end - start))
    }
}

struct LinearDecode: Operation {
    func arguments(_ n: Int) -> [Argument] {
        [proposals(n), .numbers("distances", n, 4, stride: "distances_stride"), .output("boxes", n, 4)]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = zip(x["proposals"]!, x["distances"]!).map { r, d in
            zip(linearlyDecoded((r + d).map { Dual($0) }), 0..<4).map { coordinate, side in
                let (start, end) = (r[side % 2], r[side % 2 + 2])
                return Term(coordinate.value, scale: max(abs(start), abs(end), abs(d[side] * (end - start))))
            }
        }
        return ["boxes": rows]
    }
}

struct LinearDecodeGrad: Operation {
    func arguments(_ n: Int) -> [Argument] {
        [
            proposals(n), .numbers("distances", n, 4, stride: "distances_stride"), .numbers("grad_boxes", n, 4),
            .output("grad_proposals", n, 4, optional: true), .output("grad_distances", n, 4, optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = zip(zip(x["proposals"]!, x["distances"]!), x["grad_boxes"]!).map { pullback($0.0 + $0.1, $1, linearlyDecoded) }
        return ["grad_proposals": rows.map { Array($0[..<4]) }, "grad_distances": rows.map { Array($0[4...]) }]
    }
}

@Suite struct DistanceTests {
    @Test func encode() throws {
        try sweep(LTRBEncode())
        try refuse(LTRBEncode())
        try sweep(LTRBEncodeGrad())
        try refuse(LTRBEncodeGrad())
        try sweep(LinearEncode())
        try refuse(LinearEncode())
        try sweep(LinearEncodeGrad())
        try refuse(LinearEncodeGrad())
    }

    @Test func decode() throws {
        try sweep(LTRBDecode())
        try refuse(LTRBDecode())
        try sweep(LTRBDecodeGrad())
        try refuse(LTRBDecodeGrad())
        try sweep(LinearDecode())
        try refuse(LinearDecode())
        try sweep(LinearDecodeGrad())
        try refuse(LinearDecodeGrad())
    }
}

extension LibraryTests.DividedTests {
    @Test func distances() throws {
        try sweepChunks(LTRBEncode(), rows: DividedRows.ofBoxes)
        try sweepChunks(LTRBEncodeGrad(), rows: DividedRows.ofBoxes)
        try sweepChunks(LTRBDecode(), rows: DividedRows.ofBoxes)
        try sweepChunks(LTRBDecodeGrad(), rows: DividedRows.ofBoxes)
        try sweepChunks(LinearEncode(), rows: DividedRows.ofBoxes)
        try sweepChunks(LinearEncodeGrad(), rows: DividedRows.ofBoxes)
        try sweepChunks(LinearDecode(), rows: DividedRows.ofBoxes)
        try sweepChunks(LinearDecodeGrad(), rows: DividedRows.ofBoxes)
    }
}
