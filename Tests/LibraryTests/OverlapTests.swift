import CBoxgrad
import Testing

/// All metrics that the library takes, and those that have a loss. A call without boxes succeeds for these, so that the tests also sweep a
/// new metric.
let metrics = codes { api.iou_aligned_f32($0, nil, 4, nil, 4, 0, 0, nil, nil, nil) }
private let metricsOfLosses = codes { api.iou_loss_f32($0, nil, 4, nil, 4, 0, nil, 0, 1, nil, nil, nil, nil) }

private func codes(_ call: (Int32) -> Int32) -> [Int32] { Array(0..<(0...).first { call($0) != BOXGRAD_OK }!) }

extension Argument {
    /// Describes proper boxes or, if `odd`, boxes of four small random numbers: points, lines and inverted boxes, which are often equal.
    static func boxes(_ name: String, _ rows: Int, stride: String, odd: Bool) -> Argument {
        odd ? input(name, rows, 4, stride: stride) { random in (0..<4).map { _ in Double(Int.random(in: 0..<3, using: &random)) } }
            : boxes(name, rows, stride: stride)
    }
}

/// In a sweep one side has n rows, and the other side has 3.
protocol Pairwise: Operation {
    var isTall: Bool { get }
}

extension Pairwise {
    var isRowwise: Bool { false }

    func counts(_ n: Int) -> [String: Int] { isTall ? ["a_count": n, "b_count": 3] : ["a_count": 3, "b_count": n] }
}

struct IoUPairwise: Pairwise {
    var metric = BOXGRAD_IOU, eps = 1e-7, isTall = false, odd = false

    func arguments(_ n: Int) -> [Argument] {
        let (rows, columns) = (counts(n)["a_count"]!, counts(n)["b_count"]!)
        return [
            .boxes("a", rows, stride: "a_stride", odd: odd), .boxes("b", columns, stride: "b_stride", odd: odd),
            .output("out", rows, columns, stride: "out_stride"), .output("out_union", rows, columns, stride: "out_stride", optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let pairs = x["a"]!.map { a in x["b"]!.map { b in Overlap(metric, (a + b).map { Dual($0) }, eps: eps, isLoss: false) } }
        return [
            "out": pairs.map { $0.map { Term($0.value.value, scale: $0.scale) } },
            "out_union": pairs.map { $0.map { Term($0.union.value) } },
        ]
    }
}

struct IoUPairwiseGrad: Pairwise {
    var metric = BOXGRAD_IOU, eps = 1e-7, isTall = false, odd = false

    func arguments(_ n: Int) -> [Argument] {
        let (rows, columns) = (counts(n)["a_count"]!, counts(n)["b_count"]!)
        return [
            .boxes("a", rows, stride: "a_stride", odd: odd), .boxes("b", columns, stride: "b_stride", odd: odd),
            .numbers("grad_out", rows, columns, stride: "grad_out_stride"),
            .output("grad_a", rows, 4, optional: true), .output("grad_b", columns, 4, optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let (a, b) = (x["a"]!, x["b"]!)
        let pairs = a.indices.map { i in
            b.indices.map { j in pullback(a[i] + b[j], [x["grad_out"]![i][j]]) { [Overlap(metric, $0, eps: eps, isLoss: false).value] } }
        }
        return [
            "grad_a": a.indices.map { i in sum(pairs[i].map { Array($0[..<4]) }) },
            "grad_b": b.indices.map { j in sum(pairs.map { Array($0[j][4...]) }) },
        ]
    }

    private func sum(_ rows: [[Term]]) -> [Term] {
        let sums = (0..<4).map { k in rows.reduce(0) { $0 + $1[k].value } }
        let largest = (rows.joined().map(\.scale) + sums.map(abs)).max()!
        return sums.map { Term($0, scale: largest) }
    }
}

struct IoUAligned: Operation {
    var metric = BOXGRAD_IOU, eps = 1e-7, odd = false

    func arguments(_ n: Int) -> [Argument] {
        [
            .boxes("a", n, stride: "a_stride", odd: odd), .boxes("b", n, stride: "b_stride", odd: odd),
            .output("out", n, optional: true), .output("grad_a", n, 4, optional: true), .output("grad_b", n, 4, optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = zip(x["a"]!, x["b"]!).map { $0 + $1 }
        let overlaps = rows.map { Overlap(metric, $0.map { Dual($0) }, eps: eps, isLoss: false) }
        let gradients = rows.map { pullback($0, [1]) { [Overlap(metric, $0, eps: eps, isLoss: false).value] } }
        return [
            "out": overlaps.map { [Term($0.value.value, scale: $0.scale)] },
            "grad_a": gradients.map { Array($0[..<4]) }, "grad_b": gradients.map { Array($0[4...]) },
        ]
    }
}

struct IoULoss: Operation {
    var metric = BOXGRAD_IOU, eps = 1e-7, normalizer = 4.0, odd = false

    func arguments(_ n: Int) -> [Argument] {
        [
            .boxes("pred", n, stride: "pred_stride", odd: odd), .boxes("target", n, stride: "target_stride", odd: odd),
            .numbers("weights", n, optional: true), .output("loss", 1, optional: true, of: .double), .output("per_box", n, optional: true),
            .output("grad_pred", n, 4, optional: true), .output("grad_target", n, 4, optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = zip(x["pred"]!, x["target"]!).map { $0 + $1 }
        let weights = x["weights"]?.map { $0[0] } ?? rows.map { _ in 1 }
        let losses = zip(rows, weights).map { row, weight in
            let overlap = Overlap(metric, row.map { Dual($0) }, eps: eps, isLoss: true)
            return [Term(weight * (1 - overlap.value.value), scale: abs(weight) * overlap.scale)]
        }
        let gradients = zip(rows, weights).map { row, weight in
            pullback(row, [-weight / normalizer]) { [Overlap(metric, $0, eps: eps, isLoss: true).value] }
        }
        let loss = Term(losses.reduce(0) { $0 + $1[0].value } / normalizer, scale: losses.reduce(0) { $0 + $1[0].scale } / normalizer)
        return [
            "loss": [[loss]], "per_box": losses,
            "grad_pred": gradients.map { Array($0[..<4]) }, "grad_target": gradients.map { Array($0[4...]) },
        ]
    }
}

@Suite struct OverlapTests {
    @Test(arguments: metrics, [false, true])
    func pairwise(metric: Int32, isTall: Bool) throws {
        for odd in [false, true] {
            try sweep(IoUPairwise(metric: metric, isTall: isTall, odd: odd))
            try sweep(IoUPairwiseGrad(metric: metric, isTall: isTall, odd: odd))
        }
        try sweep(IoUPairwise(metric: metric, eps: 0, isTall: isTall, odd: true))
        try sweep(IoUPairwiseGrad(metric: metric, eps: 0, isTall: isTall, odd: true))
    }

    @Test(arguments: metrics)
    func aligned(metric: Int32) throws {
        for odd in [false, true] { try sweep(IoUAligned(metric: metric, odd: odd)) }
        try sweep(IoUAligned(metric: metric, eps: 0, odd: true))
    }

    @Test(arguments: metricsOfLosses)
    func loss(metric: Int32) throws {
        for odd in [false, true] { try sweep(IoULoss(metric: metric, odd: odd)) }
        try sweep(IoULoss(metric: metric, eps: 0, odd: true))
    }

    @Test func refusals() throws {
        try refuse(IoUPairwise())
        try refuse(IoUPairwiseGrad())
        try refuse(IoUAligned())
        try refuse(IoULoss())
        let (codes, negatives): ([Int32], [Double]) = ([-4, -1, Int32(metrics.count), .min, .max], [-1e-300, .nan, -.infinity])
        #expect(metrics.count == 6 && metricsOfLosses.count == 4)
        try refuse("metric", codes.map { IoUPairwise(metric: $0) })
        try refuse("metric", codes.map { IoUPairwiseGrad(metric: $0) })
        try refuse("metric", codes.map { IoUAligned(metric: $0) })
        try refuse("metric", (codes + [BOXGRAD_IOF, BOXGRAD_IOS]).map { IoULoss(metric: $0) })
        try refuse("eps", negatives.map { IoUPairwise(eps: $0) })
        try refuse("eps", negatives.map { IoUPairwiseGrad(eps: $0) })
        try refuse("eps", negatives.map { IoUAligned(eps: $0) })
        try refuse("eps", negatives.map { IoULoss(eps: $0) })
        try refuse("normalizer", [0, -1, .nan, .infinity].map { IoULoss(normalizer: $0) })
    }

    /// The loss of no boxes is 0 with every normalizer except NaN, because a batch without positives divides by their number.
    @Test func nothingHasALossOfZero() throws {
        for normalizer in [0, -1, 3, .infinity, -.infinity] as [Double] {
            var loss = 9.0
            #expect(api.iou_loss_f32(BOXGRAD_GIOU, nil, 4, nil, 4, 0, nil, 0, normalizer, &loss, nil, nil, nil) == BOXGRAD_OK && loss == 0 && loss.sign == .plus)
        }
        var loss = 9.0
        #expect(api.iou_loss_f64(BOXGRAD_GIOU, nil, 4, nil, 4, 0, nil, 0, .nan, &loss, nil, nil, nil) == BOXGRAD_BAD_PARAMETER && loss == 9)
    }

    /// There are more boxes than the kernel measures at a time, and the last one is empty. The sweeps use only the first few tiles.
    @Test(arguments: metrics)
    func manyBoxes(metric: Int32) throws {
        let count = 9000
        var random = Random(seed: 1)
        let boxes: [Double] = (1..<count).flatMap { _ in random.box() } + [3, 3, 3, 3]
        var whole = [Double](repeating: 0, count: 3 * count), unions = whole, pair = [0.0], union = [0.0]
        #expect(api.iou_pairwise_f64(metric, boxes, 3, 4, boxes, count, 4, 1e-7, &whole, count, &unions) == BOXGRAD_OK)
        for i in 0..<3 {
            for j in 0..<count {
                let (a, b) = (Array(boxes[4 * i..<4 * i + 4]), Array(boxes[4 * j..<4 * j + 4]))
                try demand(api.iou_pairwise_f64(metric, a, 1, 4, b, 1, 4, 1e-7, &pair, 1, &union) == BOXGRAD_OK, "iou_pairwise, metric \(metric): \(lastError())")
                try demand(pair[0] == whole[i * count + j], "iou_pairwise, metric \(metric), \(a), \(b): \(pair[0]) alone, \(whole[i * count + j]) among others")
                try demand(union[0] == unions[i * count + j], "iou_pairwise, metric \(metric), \(a), \(b): union \(union[0]) alone, \(unions[i * count + j]) among others")
            }
        }
    }

    @Test(arguments: metrics)
    func nanStaysInItsRowAndColumn(metric: Int32) {
        for coordinate in 0..<4 {
            var a = [0, 0, 4, 4, 1, 1, 5, 6, 2, 2, 4, 4.0], b = Array(a.reversed().map { 8 - $0 })
            a[4 + coordinate] = .nan
            b[coordinate] = .nan
            var out = [Double](repeating: 0, count: 9), union = out
            #expect(api.iou_pairwise_f64(metric, a, 3, 4, b, 3, 4, 0, &out, 3, &union) == BOXGRAD_OK)
            for k in 0..<9 {
                #expect(out[k].isNaN == (k / 3 == 1 || k % 3 == 0), "NaN in coordinate \(coordinate), pair \(k)")
                #expect(union[k].isNaN == (k / 3 == 1 || k % 3 == 0), "NaN in coordinate \(coordinate), union \(k)")
            }
        }
    }

    @Test func noBoxesAtAll() {
        #expect(api.iou_pairwise_f32(BOXGRAD_IOU, nil, 0, 0, nil, 0, 0, 0, nil, 0, nil) == BOXGRAD_OK)
        #expect(api.iou_pairwise_grad_f32(BOXGRAD_IOU, nil, 0, 0, nil, 0, 0, 0, nil, 0, nil, nil) == BOXGRAD_OK)
    }
}

extension LibraryTests.DividedTests {
    @Test func pairwise() throws { try sweepChunks(IoUPairwise(metric: BOXGRAD_CIOU, isTall: true), rows: DividedRows.ofMatrix) }
    @Test func pairwiseGradient() throws { try sweepChunks(IoUPairwiseGrad(metric: BOXGRAD_GIOU, isTall: true), rows: DividedRows.ofMatrixGradient) }
    @Test func aligned() throws { try sweepChunks(IoUAligned(metric: BOXGRAD_DIOU), rows: DividedRows.ofBoxes) }
    @Test func loss() throws { try sweepChunks(IoULoss(metric: BOXGRAD_GIOU), rows: DividedRows.ofBoxes) }
}
