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

@Suite struct DistanceTests {
    @Test func encode() throws {
        try sweep(LTRBEncode())
        try refuse(LTRBEncode())
        try sweep(LTRBEncodeGrad())
        try refuse(LTRBEncodeGrad())
    }
}

extension LibraryTests.DividedTests {
    @Test func distances() throws {
        try sweepChunks(LTRBEncode(), rows: DividedRows.ofBoxes)
        try sweepChunks(LTRBEncodeGrad(), rows: DividedRows.ofBoxes)
    }
}
