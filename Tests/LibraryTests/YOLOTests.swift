import CBoxgrad
import Testing

/// Returns the box of a proposal, which is x[0...3], and deltas, which are x[4...7], in a cell of this size.
private func decoded(_ x: [Dual], _ cellSize: Double) -> [Dual] {
    func twoSigmoids(_ t: Dual) -> Dual { Dual(2) / ((-t).exponential + 1) }
    let sides = (0..<2).map { axis -> (low: Dual, high: Dual) in
        let center = 0.5 * (x[axis] + x[axis + 2]) + cellSize * (twoSigmoids(x[4 + axis]) + -1)
        let half = 0.5 * (twoSigmoids(x[6 + axis]).squared * (x[axis + 2] - x[axis]))
        return (center - half, center + half)
    }
    return [sides[0].low, sides[1].low, sides[0].high, sides[1].high]
}

private func inputs(_ n: Int) -> [Argument] {
    [.boxes("proposals", n, stride: "proposals_stride"), .numbers("deltas", n, 4, stride: "deltas_stride"), .numbers("cell_sizes", n, 1)]
}

/// Returns each row's eight numbers, and its cell's size.
private func rows(_ x: Inputs) -> [(numbers: [Double], cellSize: Double)] {
    zip(zip(x["proposals"]!, x["deltas"]!), x["cell_sizes"]!).map { ($0.0 + $0.1, $1[0]) }
}

struct YOLODecode: Operation {
    func arguments(_ n: Int) -> [Argument] { inputs(n) + [.output("boxes", n, 4)] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let boxes = rows(x).map { numbers, cellSize in
            zip(decoded(numbers.map { Dual($0) }, cellSize), 0..<4).map { coordinate, side in
                let (start, end) = (numbers[side % 2], numbers[side % 2 + 2])
                // Twice the sigmoids of these deltas, which are at most 2, are at most 1.8.
                return Term(coordinate.value, scale: max(abs(start) / 2, abs(end) / 2, abs(cellSize), abs(end - start)))
            }
        }
        return ["boxes": boxes]
    }
}

struct YOLODecodeGrad: Operation {
    func arguments(_ n: Int) -> [Argument] {
        inputs(n) + [.numbers("grad_boxes", n, 4), .output("grad_proposals", n, 4, optional: true), .output("grad_deltas", n, 4, optional: true)]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let slopes = zip(rows(x), x["grad_boxes"]!).map { row, gradient in pullback(row.numbers, gradient) { decoded($0, row.cellSize) } }
        return ["grad_proposals": slopes.map { Array($0[..<4]) }, "grad_deltas": slopes.map { Array($0[4...]) }]
    }
}

@Suite struct YOLOTests {
    @Test func decode() throws {
        try sweep(YOLODecode())
        try refuse(YOLODecode())
        try sweep(YOLODecodeGrad())
        try refuse(YOLODecodeGrad())
    }
}

extension LibraryTests.DividedTests {
    @Test func yolo() throws {
        try sweepChunks(YOLODecode(), rows: DividedRows.ofBoxes)
        try sweepChunks(YOLODecodeGrad(), rows: DividedRows.ofBoxes)
    }
}
