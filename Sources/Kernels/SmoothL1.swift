/// Computes smooth L1 and its gradient in one pass. Each output and each weight may be nil.
@inline(never)
func smoothL1<T: Real>(_ call: SmoothL1<T>, _ rows: Range<Int>) {
    let (pred, target, inside, outside) = (call.pred, call.target, call.insideWeights, call.outsideWeights)
    let (elementwise, gradPred, gradTarget) = (call.elementwise, call.gradPred, call.gradTarget)
    let sigma = call.sigma
    let square = T(sigma * sigma)
    // If sigma^2 is infinite in T, the parabola has no width, and the slope at 0 must be 0. The curvature is therefore finite, because 0
    // times infinity is NaN.
    let curvature = Swift.min(square, .greatestFiniteMagnitude)
    let threshold = square < .infinity ? T(1 / (sigma * sigma)) : 0
    let belowThreshold = Swift.max(threshold.nextDown, 0)
    let scale = T(1 / call.normalizer)
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
            if let inside { copy(inside + start, to: inner, length) }
            if let outside { copy(outside + start, to: outer, length) }
            for k in 0..<tileWidth {
                let d = inner[k] * (p[k] - t[k])
                let size = d.magnitude
                // NaN takes the quadratic formula, because no comparison with NaN is true. The result is then NaN.
                let linear = size > belowThreshold
                let half = curvature / 2 * d
                losses[k] = outer[k] * choose(linear, size - threshold / 2, half * d)
                slopes[k] = inner[k] * outer[k] * choose(linear, T(signOf: d, magnitudeOf: 1), half + half) * scale
            }
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
    call.sums.store(Workspace.with(sum), rows)
}
