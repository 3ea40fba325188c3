import CBoxgrad
import Foundation
import Testing

/// Returns the default options after `change` has changed them.
private func gaussianOptions(_ change: (inout boxgrad_gaussian_loss_options) -> Void = { _ in }) -> boxgrad_gaussian_loss_options {
    var options = boxgrad_gaussian_loss_options(
        size: MemoryLayout<boxgrad_gaussian_loss_options>.size, alpha: 1, tau: 1, eps: 1e-6, function: BOXGRAD_GAUSSIAN_LOG1P, root: 1, normalized: 1,
        reserved: 0)
    change(&options)
    return options
}

private let kinds = BOXGRAD_GAUSSIAN_GWD...BOXGRAD_GAUSSIAN_BHATTACHARYYA
private let angles = [BOXGRAD_ANGLE_RADIANS_CW, BOXGRAD_ANGLE_DEGREES_CCW, BOXGRAD_ANGLE_DEGREES_CW, BOXGRAD_ANGLE_RADIANS_CCW]

extension Dual {
    fileprivate var sine: Dual { mapped(sin(value), slope: cos(value)) }
    fileprivate var cosine: Dual { mapped(cos(value), slope: -sin(value)) }
    fileprivate var root: Dual { mapped(value.squareRoot(), slope: value == 0 ? 0 : 0.5 / value.squareRoot()) }
}

/// Computes a loss of Gaussians from its matrices, whose axes are the squares of the sides, seen from pred.
private struct GaussianReference {
    let loss: Dual
    /// What rounding errors of the value are measured against.
    let scale: Double
    /// What a rounding of the distance is multiplied by in the slopes: exp(-distance) keeps it.
    var steepness = 1.0

    /// x has the numbers of the prediction, then those of the target.
    init(_ kind: Int32, _ x: [Dual], _ angle: Int32, _ o: boxgrad_gaussian_loss_options) {
        let unit: Double = angle == BOXGRAD_ANGLE_DEGREES_CW || angle == BOXGRAD_ANGLE_DEGREES_CCW ? .pi / 180 : 1
        let sense: Double = angle == BOXGRAD_ANGLE_RADIANS_CW || angle == BOXGRAD_ANGLE_DEGREES_CW ? 1 : -1
        let radian: Double = sense * unit
        let (angleP, angleT): (Dual, Dual) = (radian * x[4], radian * x[9])
        let turn: Dual = angleT - angleP
        let (c, s) = (turn.cosine, turn.sine)
        let sides = [2, 3, 7, 8].map { x[$0].clamped(1e-7, 1e7) }
        let (a, b, e, f) = (sides[0].squared, sides[1].squared, sides[2].squared, sides[3].squared)
        let (dx, dy): (Dual, Dual) = (x[0] - x[5], x[1] - x[6])
        func along(_ angle: Dual) -> (u: Dual, v: Dual) {
            let (c, s): (Dual, Dual) = (angle.cosine, angle.sine)
            let (cx, sy, cy, sx): (Dual, Dual, Dual, Dual) = (c * dx, s * dy, c * dy, s * dx)
            return (cx + sy, cy - sx)
        }
        // Each matrix, seen from the axes of the other.
        func mixed(_ x: Dual, _ y: Dual) -> Dual {
            let (first, second): (Dual, Dual) = (x * c.squared, y * s.squared)
            return first + second
        }
        let (t11, t22, p11, p22): (Dual, Dual, Dual, Dual) = (mixed(e, f), mixed(f, e), mixed(a, b), mixed(b, a))
        let (areaP, areaT): (Dual, Dual) = (sides[0] * sides[1], sides[2] * sides[3])
        let areas: Dual = areaP * areaT
        let parts: [Dual] = [a * b, e * f, a * t22, b * t11]
        let determinant: Dual = parts.reduce(Dual(0)) { $0 + $1 }
        func divergence(_ at: (u: Dual, v: Dual), _ a: Dual, _ b: Dual, _ e: Dual, _ f: Dual, _ t11: Dual, _ t22: Dual) -> (Dual, Double) {
            let weight: Double = 2 / (o.alpha * o.alpha)
            let (alongU, alongV): (Dual, Dual) = (at.u.squared / a, at.v.squared / b)
            let (first, second): (Dual, Dual) = (t11 / a, t22 / b)
            let (own, other): (Dual, Dual) = (a * b, e * f)
            let ratio: Dual = own / other
            let terms: [Dual] = [weight * alongU, weight * alongV, 0.5 * first, 0.5 * second, 0.5 * ratio.logarithm, Dual(-1)]
            return (terms.reduce(Dual(0)) { $0 + $1 }, terms.reduce(0) { $0 + abs($1.value) })
        }
        var (distance, size) = (Dual(0), 0.0)
        let (there, back) = (divergence(along(angleP), a, b, e, f, t11, t22), divergence(along(angleT), e, f, a, b, p11, p22))
        let isOfBoth = kind == BOXGRAD_GAUSSIAN_LARGER_KLD || kind == BOXGRAD_GAUSSIAN_SMALLER_KLD
        switch kind {
        case BOXGRAD_GAUSSIAN_GWD:
            let products: [Dual] = [a * t11, b * t22, 2 * areas]
            let cross: Dual = products.reduce(Dual(0)) { $0 + $1 }.root
            let centres: Dual = dx.squared + dy.squared
            let traces: [Dual] = [a, b, e, f]
            let trace: Dual = traces.reduce(Dual(0)) { $0 + $1 }
            let part: Double = o.alpha * o.alpha / 4
            let shape: Dual = trace - 2 * cross
            distance = centres + part * shape
            size = centres.value + 4 * part * trace.value
            if o.normalized == 1 { (distance, size) = (distance / areas.root, size / areas.value.squareRoot()) }
        case BOXGRAD_GAUSSIAN_KLD: (distance, size) = there
        // Divergences that differ by rounding are equal, whose mean has the slopes.
        case BOXGRAD_GAUSSIAN_JEFFREYS,
            _ where isOfBoth && abs(there.0.value - back.0.value) <= 1e-12 * there.1:
            let sum: Dual = there.0 + back.0
            (distance, size) = (0.5 * sum, there.1 + back.1)
        case BOXGRAD_GAUSSIAN_LARGER_KLD: (distance, size) = (Dual.max(there.0, back.0), max(there.1, back.1))
        case BOXGRAD_GAUSSIAN_SMALLER_KLD: (distance, size) = (Dual.min(there.0, back.0), max(there.1, back.1))
        case BOXGRAD_GAUSSIAN_KFIOU, BOXGRAD_GAUSSIAN_LOG_KFIOU, BOXGRAD_GAUSSIAN_EXP_KFIOU:
            let inter: Dual = areas / determinant.root
            let union: Dual = areaP + areaT
            let divisor: Dual = union - inter
            let share: Dual = inter / (divisor + o.eps)
            let form: Dual = Dual(1) - share
            let (logarithm, power): (Dual, Dual) = ((share + o.eps).logarithm, form.exponential)
            loss = kind == BOXGRAD_GAUSSIAN_KFIOU ? form : (kind == BOXGRAD_GAUSSIAN_LOG_KFIOU ? -logarithm : power - Dual(1))
            scale = 8 * max(1, abs(loss.value))
            return
        default:
            let (p, t) = (along(angleP), along(angleT))
            let along: [Dual] = [b * p.u.squared, a * p.v.squared, f * t.u.squared, e * t.v.squared]
            let sum: Dual = along.reduce(Dual(0)) { $0 + $1 }
            let quotient: Dual = determinant / areas
            let (centres, likeness): (Dual, Dual) = (sum / determinant, (0.25 * quotient).logarithm)
            let (first, second): (Dual, Dual) = (3 * centres, 0.5 * likeness)
            let between: Dual = first + second
            size = 8 * (1 + between.value)
            let kept: Dual = (-between).exponential
            let hellinger: Dual = (Dual(1) - kept).root
            loss = kind == BOXGRAD_GAUSSIAN_BHATTACHARYYA ? between : hellinger
            steepness = 1 + between.value
            scale = kind == BOXGRAD_GAUSSIAN_BHATTACHARYYA ? size : size / max(hellinger.value, 1e-3)
            return
        }
        if kind == BOXGRAD_GAUSSIAN_GWD || o.root == 1 { (distance, size) = (distance.root, size / max(distance.value.squareRoot(), 1e-3)) }
        switch o.function {
        case BOXGRAD_GAUSSIAN_SQRT: (distance, size) = (distance.root, size / max(distance.value.squareRoot(), 1e-3))
        case BOXGRAD_GAUSSIAN_LOG1P: (distance, size) = ((distance + 1).logarithm, 1 + size / (1 + distance.value))
        default: break
        }
        let rest: Dual = Dual(1) / (distance + o.tau)
        loss = o.tau >= 1 ? Dual(1) - rest : distance
        scale = o.tau >= 1 ? 1 + size / (1 + distance.value) / (1 + distance.value) : size
    }
}

struct RotatedGaussianLoss: OperationWithOptions {
    var kind = BOXGRAD_GAUSSIAN_KLD, angle = BOXGRAD_ANGLE_RADIANS_CW
    var options: boxgrad_gaussian_loss_options? = gaussianOptions()
    var normalizer = 4.0

    func arguments(_ n: Int) -> [Argument] {
        [
            .rotatedBoxes("pred", n, stride: "pred_stride"), .rotatedBoxes("target", n, stride: "target_stride"),
            .numbers("weights", n, optional: true), .output("loss", 1, optional: true, of: .double), .output("per_box", n, optional: true),
            .output("grad_pred", n, 5, optional: true), .output("grad_target", n, 5, optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = zip(x["pred"]!, x["target"]!).map { $0 + $1 }
        let known = options ?? gaussianOptions()
        let references = rows.map { GaussianReference(kind, $0.map { Dual($0) }, angle, known) }
        let weights = rows.indices.map { x["weights"]?[$0][0] ?? 1 }
        let losses = zip(references, weights).map { [Term($1 * $0.loss.value, scale: abs($1) * $0.scale)] }
        let gradients = rows.indices.map { i in
            pullback(rows[i], [weights[i] / normalizer], row: 5) { [GaussianReference(kind, $0, angle, known).loss] }.map {
                Term($0.value, scale: 8 * references[i].steepness * $0.scale)
            }
        }
        let loss = Term(losses.reduce(0) { $0 + $1[0].value } / normalizer, scale: losses.reduce(0) { $0 + $1[0].scale } / normalizer)
        return [
            "loss": [[loss]], "per_box": losses, "grad_pred": gradients.map { Array($0[..<5]) }, "grad_target": gradients.map { Array($0[5...]) },
        ]
    }
}

@Suite struct RotatedGaussianTests {
    @Test(arguments: kinds)
    func everyKind(kind: Int32) throws {
        // The angles are read before the kind is looked at, so that each kind has one convention, and all of them have each.
        try sweep(RotatedGaussianLoss(kind: kind, angle: angles[Int(kind) % angles.count]))
        if kind == BOXGRAD_GAUSSIAN_KLD { try sweep(RotatedGaussianLoss(kind: kind, options: nil)) }
    }

    @Test(arguments: [BOXGRAD_GAUSSIAN_GWD, BOXGRAD_GAUSSIAN_KLD, BOXGRAD_GAUSSIAN_JEFFREYS, BOXGRAD_GAUSSIAN_LARGER_KLD, BOXGRAD_GAUSSIAN_SMALLER_KLD])
    func everyOption(kind: Int32) throws {
        for function in BOXGRAD_GAUSSIAN_PLAIN...BOXGRAD_GAUSSIAN_LOG1P {
            for flag in [0, 1] as [Int32] {
                let tau = [0.5, 1, 2.5][Int(kind + function + flag) % 3]
                let options = gaussianOptions { ($0.alpha, $0.tau, $0.function, $0.root, $0.normalized) = (0.5 + tau, tau, function, flag, flag) }
                try sweep(RotatedGaussianLoss(kind: kind, options: options))
            }
        }
    }

    @Test func kalman() throws {
        for kind in BOXGRAD_GAUSSIAN_KFIOU...BOXGRAD_GAUSSIAN_EXP_KFIOU {
            for eps in [0.0, 1000] { try sweep(RotatedGaussianLoss(kind: kind, options: gaussianOptions { $0.eps = eps })) }
        }
    }

    @Test func refusals() throws {
        try refuse(RotatedGaussianLoss())
        try refuse("kind", [-1, kinds.upperBound + 1, .min, .max].map { RotatedGaussianLoss(kind: $0) })
        try refuse("angle", [-1, 4, .min, .max].map { RotatedGaussianLoss(angle: $0) })
        try refuse("normalizer", [0, -1, .nan, .infinity].map { RotatedGaussianLoss(normalizer: $0) })
        let changes: [(String, [(inout boxgrad_gaussian_loss_options) -> Void])] = [
            ("alpha", [{ $0.alpha = 0 }, { $0.alpha = 9e-4 }, { $0.alpha = .nan }, { $0.alpha = 1001 }]),
            ("tau", [{ $0.tau = -1e-300 }, { $0.tau = .nan }, { $0.tau = .infinity }]),
            ("eps", [{ $0.eps = -1e-300 }, { $0.eps = .nan }, { $0.eps = 1001 }]),
            ("function", [{ $0.function = -1 }, { $0.function = 3 }]), ("root", [{ $0.root = -1 }, { $0.root = 2 }]),
            ("normalized", [{ $0.normalized = -1 }, { $0.normalized = 2 }]), ("reserved", [{ $0.reserved = 1 }]),
            ("size", [{ $0.size = 0 }, { $0.size = 12 }]),
        ]
        for (field, changes) in changes {
            for change in changes { try refuse(field, [RotatedGaussianLoss(options: gaussianOptions(change))]) }
        }
        for size in [MemoryLayout<boxgrad_gaussian_loss_options>.size + 1, Int.max, -1] {
            try refuse("size", [RotatedGaussianLoss(options: gaussianOptions { $0.size = size })], BOXGRAD_UNSUPPORTED)
        }
    }

    /// A program that was compiled when the struct ended after tau gets the defaults for the rest.
    @Test func shortOptions() {
        var options = gaussianOptions {
            $0.size = MemoryLayout<boxgrad_gaussian_loss_options>.offset(of: \.eps)!
            ($0.tau, $0.eps, $0.function, $0.normalized) = (0, .nan, -1, -1)
        }
        var loss = 0.0
        let (pred, target): ([Double], [Double]) = ([0, 0, 4, 4, 0], [3, 4, 4, 4, 0])
        #expect(api.rotated_gaussian_loss_f64(BOXGRAD_GAUSSIAN_GWD, 0, &options, pred, 5, target, 5, 1, nil, 1, &loss, nil, nil, nil) == BOXGRAD_OK)
        #expect(abs(loss - log(2.25)) < 1e-15)
    }
}

extension LibraryTests.DividedTests {
    @Test func rotatedGaussianLoss() throws { try sweepChunks(RotatedGaussianLoss(), rows: DividedRows.ofBoxes) }
}
