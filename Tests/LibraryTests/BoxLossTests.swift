import CBoxgrad
import Glibc
import Testing

/// Returns the default options after `change` has changed them. The lengths that some kinds need are given.
func boxLossOptions(_ change: (inout boxgrad_box_loss_options) -> Void = { _ in }) -> boxgrad_box_loss_options {
    var options = boxgrad_box_loss_options(
        size: MemoryLayout<boxgrad_box_loss_options>.size, eps: 1e-7, alpha: 1, gamma: 0, inner_ratio: 1, theta: 4, image_width: 40, image_height: 30,
        least_iou: 1e-6, constant: 12.5, beta: 0.2)
    change(&options)
    return options
}

/// The kinds that the library takes.
private let kinds: [Int32] = {
    var options = boxLossOptions()
    return Array(0..<(0...).first { api.box_loss_f32($0, &options, nil, 4, nil, 4, 0, nil, 1, nil, nil, nil, nil) != BOXGRAD_OK }!)
}()

extension Dual {
    fileprivate var magnitude: Dual { mapped(abs(value), slope: value > 0 ? 1 : (value < 0 ? -1 : 0)) }
    fileprivate var root: Dual { mapped(value.squareRoot(), slope: value == 0 ? 0 : 0.5 / value.squareRoot()) }

    /// Returns the power of a number that is not negative. Where the slope is infinite, it is that at 1e-6.
    fileprivate func raised(_ p: Double) -> Dual {
        let slope = p < 1 ? p * pow(Swift.max(value, 1e-6), p - 1) : (value <= 0 ? (p == 1 ? 1 : 0) : p * pow(value, p - 1))
        return mapped(value > 0 ? pow(value, p) : 0, slope: slope)
    }
}

/// Computes a loss of a prediction and its target.
private struct BoxLossReference {
    let loss: Dual
    /// The largest of the terms whose sum is the loss.
    let scale: Double

    /// x has the corners of the prediction, then those of the target.
    init(_ kind: Int32, _ x: [Dual], _ o: boxgrad_box_loss_options) {
        let (sizeP, sizeT) = ([x[2] - x[0], x[3] - x[1]], [x[6] - x[4], x[7] - x[5]])
        let apart = [0, 1].map { axis -> Dual in 0.5 * (x[axis] - x[4 + axis]) + 0.5 * (x[2 + axis] - x[6 + axis]) }
        let around = [0, 1].map { axis -> Dual in Dual.max(x[2 + axis], x[6 + axis]) - Dual.min(x[axis], x[4 + axis]) }
        let (distance, diagonal) = (apart[0].squared + apart[1].squared, around[0].squared + around[1].squared + o.eps)
        let plain = Overlap(BOXGRAD_IOU, x, eps: o.eps, isLoss: true).value
        // The terms of the loss besides 1 and the IoU, or the whole loss.
        var (penalties, whole): ([Dual], Dual?) = ([], nil)
        switch kind {
        case BOXGRAD_LOSS_IOU, BOXGRAD_LOSS_GIOU, BOXGRAD_LOSS_DIOU, BOXGRAD_LOSS_CIOU:
            // The first four codes are those of the metrics.
            penalties = kind == BOXGRAD_LOSS_IOU ? [] : [plain - Overlap(kind, x, eps: o.eps, isLoss: true).value]
        case BOXGRAD_LOSS_EIOU:
            let unlike = [0, 1].map { k -> Dual in (sizeP[k] - sizeT[k]).squared / (around[k].squared + o.eps) }
            penalties = [distance / diagonal] + unlike
        case BOXGRAD_LOSS_SIOU:
            let angle = 2 * (apart[0].magnitude * apart[1].magnitude / (distance + o.eps))
            penalties = [0, 1].flatMap { k -> [Dual] in
                let exponent = (angle + -2) * (apart[k] / (around[k] + o.eps)).squared
                let longest = Dual.max(sizeP[k], sizeT[k]) + o.eps
                let unlike = longest.value > 0 ? (sizeP[k] - sizeT[k]).magnitude / longest : Dual(0)
                return [0.5 * (Dual(1) - exponent.exponential), 0.5 * (Dual(1) - (-unlike).exponential).raised(o.theta)]
            }
        case BOXGRAD_LOSS_WIOU:
            let exponent = distance / diagonal.stopped
            whole = (exponent.value > 2 ? Dual(2) : exponent).exponential * (Dual(1) - plain)
        case BOXGRAD_LOSS_MPDIOU:
            let square = o.image_width * o.image_width + o.image_height * o.image_height
            penalties = (0..<4).map { 1 / square * (x[$0] - x[4 + $0]).squared }
        case BOXGRAD_LOSS_LOG_IOU:
            whole = plain.value >= o.least_iou ? -plain.logarithm : Dual(-log(o.least_iou))
        case BOXGRAD_LOSS_BOUNDED_IOU:
            // Each is 1 - a quotient, whose numerator is the denominator less this one.
            func complement(_ part: Dual, _ whole: Dual) -> Dual { whole.value == 0 ? Dual(1) : part / whole }
            let parts = [0, 1].flatMap { k -> [Dual] in
                let (twice, unlike) = (2 * apart[k].magnitude, sizeP[k] - sizeT[k])
                let shifted = complement(2 * twice + o.eps, sizeT[k] + twice + o.eps)
                return [
                    Dual.min(shifted, Dual(1)), Dual.max(complement(unlike + o.eps, sizeP[k] + o.eps), complement(-unlike + o.eps, sizeT[k] + o.eps)),
                ]
            }
            whole = parts.reduce(Dual(0)) { $0 + ($1.value < o.beta ? 0.5 / o.beta * $1.squared : $1 + -o.beta / 2) }
        default:
            let sides = (sizeP[0] - sizeT[0]).squared + (sizeP[1] - sizeT[1]).squared
            whole = Dual(1) - (-1 / o.constant * (distance + 0.25 * sides).root).exponential
        }
        // The corners after both boxes were scaled about their centres.
        let scaled = o.inner_ratio == 1 || kind > BOXGRAD_LOSS_SIOU ? x : [0, 4].flatMap { i in
            [0, 1, 2, 3].map { k -> Dual in
                let (low, high) = (x[i + k % 2], x[i + k % 2 + 2])
                return 0.5 * (low + high) + (k < 2 ? -0.5 : 0.5) * o.inner_ratio * (high - low)
            }
        }
        let iou = Overlap(BOXGRAD_IOU, scaled, eps: o.eps, isLoss: true).value
        if let whole {
            (loss, scale) = (whole, max(1, abs(whole.value)))
        } else if o.alpha == 1 || kind > BOXGRAD_LOSS_CIOU {
            loss = penalties.reduce(Dual(1) - iou) { $0 + $1 }
            scale = penalties.reduce(1) { max($0, abs($1.value)) }
        } else {
            let penalty = penalties.reduce(Dual(0)) { $0 + $1 }
            loss = Dual(1) - iou.raised(o.alpha) + penalty.raised(o.alpha)
            scale = max(1, abs(penalty.value))
        }
    }
}

struct BoxLoss: OperationWithOptions {
    var kind = BOXGRAD_LOSS_IOU
    var options: boxgrad_box_loss_options? = boxLossOptions()
    var normalizer = 4.0, odd = false

    private var known: boxgrad_box_loss_options { options ?? boxLossOptions() }

    func arguments(_ n: Int) -> [Argument] {
        [
            .boxes("pred", n, stride: "pred_stride", odd: odd), .boxes("target", n, stride: "target_stride", odd: odd),
            .numbers("weights", n, optional: true), .output("loss", 1, optional: true, of: .double), .output("per_box", n, optional: true),
            .output("grad_pred", n, 4, optional: true), .output("grad_target", n, 4, optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = zip(x["pred"]!, x["target"]!).map { $0 + $1 }
        let references = rows.map { BoxLossReference(kind, $0.map { Dual($0) }, known) }
        let factors = rows.indices.map { i in
            let weight = x["weights"]?[i][0] ?? 1
            guard known.gamma > 0 && kind < BOXGRAD_LOSS_NWD else { return weight }
            return weight * pow(Overlap(BOXGRAD_IOU, rows[i].map { Dual($0) }, eps: known.eps, isLoss: true).value.value, known.gamma)
        }
        let losses = zip(references, factors).map { [Term($1 * $0.loss.value, scale: abs($1) * $0.scale)] }
        let gradients = zip(rows, factors).map { row, factor in pullback(row, [factor / normalizer]) { [BoxLossReference(kind, $0, known).loss] } }
        let loss = Term(losses.reduce(0) { $0 + $1[0].value } / normalizer, scale: losses.reduce(0) { $0 + $1[0].scale } / normalizer)
        return [
            "loss": [[loss]], "per_box": losses,
            "grad_pred": gradients.map { Array($0[..<4]) }, "grad_target": gradients.map { Array($0[4...]) },
        ]
    }
}

@Suite struct BoxLossTests {
    @Test(arguments: kinds)
    func everyKind(kind: Int32) throws {
        for odd in [false, true] { try sweep(BoxLoss(kind: kind, odd: odd)) }
        try sweep(BoxLoss(kind: kind, options: boxLossOptions { $0.eps = 0 }, odd: true))
        if kind != BOXGRAD_LOSS_MPDIOU && kind != BOXGRAD_LOSS_NWD { try sweep(BoxLoss(kind: kind, options: nil)) }
    }

    @Test func everyOption() throws {
        for (kind, alpha) in [(BOXGRAD_LOSS_IOU, 2.0), (BOXGRAD_LOSS_GIOU, 3.0), (BOXGRAD_LOSS_DIOU, 0.5), (BOXGRAD_LOSS_CIOU, 1.5)] {
            try sweep(BoxLoss(kind: kind, options: boxLossOptions { $0.alpha = alpha }))
        }
        for kind in BOXGRAD_LOSS_IOU...BOXGRAD_LOSS_SIOU {
            for ratio in [0.75, 1.25] { try sweep(BoxLoss(kind: kind, options: boxLossOptions { $0.inner_ratio = ratio })) }
        }
        for kind in [BOXGRAD_LOSS_EIOU, BOXGRAD_LOSS_MPDIOU] {
            for gamma in [0.5, 2] { try sweep(BoxLoss(kind: kind, options: boxLossOptions { $0.gamma = gamma })) }
        }
        for theta in [1.0, 2.5] { try sweep(BoxLoss(kind: BOXGRAD_LOSS_SIOU, options: boxLossOptions { $0.theta = theta })) }
        try sweep(BoxLoss(kind: BOXGRAD_LOSS_LOG_IOU, options: boxLossOptions { $0.least_iou = 0.25 }))
    }

    @Test func refusals() throws {
        #expect(kinds.count == 11)
        try refuse(BoxLoss())
        try refuse("kind", [-1, Int32(kinds.count), .min, .max].map { BoxLoss(kind: $0) })
        try refuse("normalizer", [0, -1, .nan, .infinity].map { BoxLoss(normalizer: $0) })
        let changes: [(String, Int32, [(inout boxgrad_box_loss_options) -> Void])] = [
            ("eps", BOXGRAD_LOSS_IOU, [{ $0.eps = -1e-300 }, { $0.eps = .nan }, { $0.eps = .infinity }]),
            ("alpha", BOXGRAD_LOSS_NWD, [{ $0.alpha = 0 }, { $0.alpha = .nan }, { $0.alpha = 1001 }]),
            ("gamma", BOXGRAD_LOSS_IOU, [{ $0.gamma = -0.5 }, { $0.gamma = .nan }, { $0.gamma = .infinity }]),
            ("inner_ratio", BOXGRAD_LOSS_IOU, [{ $0.inner_ratio = 0 }, { $0.inner_ratio = -1 }, { $0.inner_ratio = .nan }]),
            ("theta", BOXGRAD_LOSS_IOU, [{ $0.theta = 0.5 }, { $0.theta = .nan }, { $0.theta = .infinity }]),
            ("least_iou", BOXGRAD_LOSS_IOU, [{ $0.least_iou = 0 }, { $0.least_iou = 1.5 }, { $0.least_iou = .nan }]),
            ("image_width", BOXGRAD_LOSS_MPDIOU, [{ $0.image_width = 0 }, { $0.image_width = .nan }, { $0.image_width = 1e200 }]),
            ("image_height", BOXGRAD_LOSS_MPDIOU, [{ $0.image_height = 0 }, { $0.image_height = -5 }]),
            ("constant", BOXGRAD_LOSS_NWD, [{ $0.constant = 0 }, { $0.constant = .infinity }]),
            ("beta", BOXGRAD_LOSS_IOU, [{ $0.beta = 0 }, { $0.beta = .nan }, { $0.beta = .infinity }]),
            ("size", BOXGRAD_LOSS_IOU, [{ $0.size = 0 }, { $0.size = 12 }]),
        ]
        for (field, kind, changes) in changes {
            for change in changes { try refuse(field, [BoxLoss(kind: kind, options: boxLossOptions(change))]) }
        }
        for size in [MemoryLayout<boxgrad_box_loss_options>.size + 1, Int.max, -1] {
            try refuse("size", [BoxLoss(options: boxLossOptions { $0.size = size })], BOXGRAD_UNSUPPORTED)
        }
        try refuse("constant", [BoxLoss(kind: BOXGRAD_LOSS_NWD, options: nil)])
    }

    /// A program that was compiled when the struct ended after eps gets the defaults for the rest.
    @Test func shortOptions() {
        var options = boxLossOptions {
            $0.size = MemoryLayout<boxgrad_box_loss_options>.offset(of: \.alpha)!
            ($0.eps, $0.alpha, $0.gamma, $0.theta) = (0, .nan, .nan, .nan)
        }
        var loss = 0.0
        #expect(api.box_loss_f64(BOXGRAD_LOSS_EIOU, &options, [0, 0, 2, 2], 4, [0, 0, 2, 1], 4, 1, nil, 1, &loss, nil, nil, nil) == BOXGRAD_OK)
        #expect(loss == 0.78125)
    }

    /// With the defaults, the first four kinds are the losses of the metrics.
    @Test func firstKindsAreThoseOfIoULoss() throws {
        var random = Random(seed: 5)
        let n = 500
        let (pred, target) = ((0..<n).flatMap { _ in random.box() }, (0..<n).flatMap { _ in random.box() })
        for kind in BOXGRAD_LOSS_IOU...BOXGRAD_LOSS_CIOU {
            var (ours, theirs) = ([Double](repeating: 0, count: 4 * n), [Double](repeating: 0, count: 4 * n))
            #expect(api.box_loss_f64(kind, nil, pred, 4, target, 4, n, nil, 1, nil, nil, &ours, nil) == BOXGRAD_OK)
            #expect(api.iou_loss_f64(kind, pred, 4, target, 4, n, nil, 1e-7, 1, nil, nil, &theirs, nil) == BOXGRAD_OK)
            for (a, b) in zip(ours, theirs) { try demand(abs(a - b) < 1e-13, "kind \(kind): \(a), iou_loss \(b)") }
        }
    }

    /// Boxes of every size, and pairs of very different sizes, give no NaN.
    @Test(arguments: kinds)
    func finiteBoxesGiveNoNaN(kind: Int32) throws {
        let largest = Double(Float.greatestFiniteMagnitude)
        let sizes32: [Double] = [0, 1e-45, 1e-38, 1e-20, 1, 1e19, 1e30, largest]
        let sizes64: [Double] = [0, Double.leastNonzeroMagnitude, 1e-308, 1e-200, 1e-77, 1, 1e77, 1e154, 1e300, .greatestFiniteMagnitude]
        for eps in [0, 1e-7, 1e30] {
            for (ratio, alpha) in [(1.0, 1.0), (0.75, 0.5), (1.25, 3.0)] {
                let op = BoxLoss(kind: kind, options: boxLossOptions { ($0.eps, $0.inner_ratio, $0.alpha, $0.gamma) = (eps, ratio, alpha, 0.5) })
                try givesNoNaN(op, sizes32, Float.self)
                try givesNoNaN(op, sizes64, Double.self)
            }
        }
    }

    private func givesNoNaN<T: Scalar>(_ op: BoxLoss, _ sizes: [Double], _: T.Type) throws {
        let coordinates = sizes + sizes.map { -$0 }
        var random = Random(seed: 8)
        let count = 3000
        let boxes = { (0..<count).map { _ in (0..<4).map { _ in coordinates.randomElement(using: &random)! } } }
        let call = Call<T>(op, count, ["pred": boxes(), "target": boxes()], absent: ["weights"])
        try call.succeeds()
        for argument in call.outputs where argument.name != "loss" {
            for (i, row) in call.values(argument).enumerated() {
                try demand(
                    !row.contains { $0.isNaN },
                    "\(op) \(T.self): \(argument.name)[\(i)] is \(row) for \(call.values(call.arguments[0])[i]), \(call.values(call.arguments[1])[i])")
            }
        }
    }
}

extension LibraryTests.DividedTests {
    @Test func boxLoss() throws { try sweepChunks(BoxLoss(kind: BOXGRAD_LOSS_EIOU), rows: DividedRows.ofBoxes) }
}
