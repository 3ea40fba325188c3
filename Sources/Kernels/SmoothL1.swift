// These kernels compute losses of differences, number by number, each with its gradient.

/// Returns the loss of a number and its slope by the prediction. `formula` gives the loss of a difference, and its derivative.
@inline(__always)
func weighted<T: Real>(_ pred: T, _ target: T, _ inside: T, _ outside: T, _ scale: T, _ formula: (T) -> (loss: T, slope: T)) -> (loss: T, slope: T) {
    let (loss, slope) = formula(inside * (pred - target))
    return (outside * loss, inside * outside * slope * scale)
}

/// Holds what the losses of differences have in common. Each output and each weight may be nil.
private struct Differences<T: Real> {
    let pred, target: UnsafePointer<T>
    let insideWeights, outsideWeights: UnsafePointer<T>?
    let elementwise, gradPred, gradTarget: UnsafeMutablePointer<T>?
    let normalizer: Double

    /// Computes the outputs, and returns the sum of the losses.
    @inline(__always)
    func sum(_ rows: Range<Int>, _ formula: (T) -> (loss: T, slope: T)) -> Double {
        let scale = T(1 / normalizer)
        @inline(__always)
        func sum(_ space: Workspace) -> Double {
            let (inputs, results): (Tile<Box<T>>, Tile<Box<T>>) = (space.tile(0), space.tile(1))
            let (p, t, inner, outer) = (inputs.column(0), inputs.column(1), inputs.column(2), inputs.column(3))
            let (losses, slopes) = (results.column(0), results.column(1))
            for k in 0..<tileWidth { (inner[k], outer[k]) = (1, 1) }
            var sum = BlockSum()
            var tiles = Tiles(rows)
            while let (start, length) = tiles.next() {
                copy(pred + start, to: p, length)
                copy(target + start, to: t, length)
                if let insideWeights { copy(insideWeights + start, to: inner, length) }
                if let outsideWeights { copy(outsideWeights + start, to: outer, length) }
                for k in 0..<tileWidth { (losses[k], slopes[k]) = weighted(p[k], t[k], inner[k], outer[k], scale, formula) }
                sum.add(losses, length)
                if let elementwise { copy(losses, to: elementwise + start, length) }
                if let gradPred { copy(slopes, to: gradPred + start, length) }
                if let gradTarget {
                    for k in 0..<tileWidth { slopes[k] = -slopes[k] }
                    copy(slopes, to: gradTarget + start, length)
                }
            }
            return sum.total
        }
        return Workspace.with(sum)
    }
}

struct SmoothL1Formula<T: Real> {
    private let curvature, threshold, belowThreshold: T

    @inline(__always)
    init(sigma: Double) {
        let square = T(sigma * sigma)
        // If sigma^2 is infinite in T, the parabola has no width, and the slope at 0 must be 0. The curvature is therefore finite, because 0
        // times infinity is NaN.
        curvature = Swift.min(square, .greatestFiniteMagnitude)
        threshold = square < .infinity ? T(1 / (sigma * sigma)) : 0
        belowThreshold = Swift.max(threshold.nextDown, 0)
    }

    @inline(__always)
    func callAsFunction(_ d: T) -> (loss: T, slope: T) {
        let size = d.magnitude
        // NaN takes the quadratic formula, because no comparison with NaN is true. The result is then NaN.
        let linear = size > belowThreshold
        let half = curvature / 2 * d
        return (choose(linear, size - threshold / 2, half * d), choose(linear, T(signOf: d, magnitudeOf: 1), half + half))
    }
}

@inline(never)
func smoothL1<T: Real>(_ call: SmoothL1<T>, _ rows: Range<Int>) {
    let formula = SmoothL1Formula<T>(sigma: call.sigma)
    let differences = Differences(
        pred: call.pred, target: call.target, insideWeights: call.insideWeights, outsideWeights: call.outsideWeights,
        elementwise: call.elementwise, gradPred: call.gradPred, gradTarget: call.gradTarget, normalizer: call.normalizer)
    let sum = differences.sum(rows) { formula($0) }
    call.sums.store(sum, rows)
}

@inline(never)
func balancedL1<T: Real>(_ call: BalancedL1<T>, _ rows: Range<Int>) {
    let (alpha, gamma, beta) = (Double(T(call.alpha)), Double(T(call.gamma)), Double(T(call.beta)))
    // The logarithm of a larger b is no double, and the inverse of a smaller one is none.
    let logarithm = Swift.min(Swift.max(gamma / alpha, 0x1p-1000), 700)
    let power = exp(logarithm)
    // exp(x) - 1 loses digits where x is small. The logarithm of the rounded power loses the same digits.
    let b = power == 1 ? logarithm : (power - 1) * logarithm / log(ratioOfPositive: power, to: 1)
    let inverse = 1 / b
    let differences = Differences(
        pred: call.pred, target: call.target, insideWeights: call.insideWeights, outsideWeights: call.outsideWeights,
        elementwise: call.elementwise, gradPred: call.gradPred, gradTarget: call.gradTarget, normalizer: call.normalizer)
    let sum = differences.sum(rows) { d in
        let size = Double(d.magnitude)
        // NaN takes the formula of small differences, because no comparison with NaN is true. The result is then NaN.
        let linear = size >= beta
        let logarithm = log(onePlus: b * (size / beta))
        let loss = choose(linear, gamma * size + (gamma * inverse - alpha * beta), alpha * (size * (logarithm - 1) + inverse * logarithm))
        let slope = choose(linear, gamma, alpha * (logarithm + (1 - beta) / (b * size + beta)))
        return (T(loss), choose(d == 0, 0, T(signOf: d, magnitudeOf: 1) * T(slope)))
    }
    call.sums.store(sum, rows)
}
