// These kernels compute with numbers that are predicted as a distribution over bins, which is the softmax of a row of logits: the
// distribution focal loss, and the mean of the distribution, each with its gradient.

/// Works on the rows of a tile, a bin of all of them at a time.
private struct Distributions<T: Real> {
    let logits: Rows<T>
    let bins: Int
    let space: Workspace

    /// One bin of each row.
    var column: UnsafeMutablePointer<T> { @inline(__always) get { (space.tile(0) as Tile<Box<T>>).column(0) } }
    var largest: UnsafeMutablePointer<T> { @inline(__always) get { (space.tile(0) as Tile<Box<T>>).column(1) } }
    /// The sum of the exponentials of each row, from 1 to the number of bins, and the same with each exponential multiplied by its bin.
    var sums: UnsafeMutablePointer<Double> { @inline(__always) get { (space.tile(1) as Tile<Box<Double>>).column(0) } }
    var moments: UnsafeMutablePointer<Double> { @inline(__always) get { (space.tile(1) as Tile<Box<Double>>).column(1) } }

    @inline(__always)
    private func load(_ start: Int, _ length: Int, _ bin: Int) {
        for k in 0..<length { column[k] = logits[start &+ k][bin] }
    }

    /// Computes the largest logit and the sums of each row. It stores the exponentials if the rows for them are not nil. The logits are
    /// compared with the largest, so that no exponential overflows, and one of them is 1.
    @inline(__always)
    func measure(_ start: Int, _ length: Int, withMoments: Bool, storing rows: UnsafeMutablePointer<T>?) {
        for k in 0..<tileWidth { (largest[k], sums[k], moments[k]) = (-.infinity, 0, 0) }
        for bin in 0..<bins {
            load(start, length, bin)
            for k in 0..<tileWidth { largest[k] = larger(column[k], largest[k]) }
        }
        for bin in 0..<bins {
            load(start, length, bin)
            for k in 0..<tileWidth {
                column[k] = exp(Double(column[k]) - Double(largest[k]))
                sums[k] += Double(column[k])
                if withMoments { moments[k] += Double(bin) * Double(column[k]) }
            }
            if let rows { for k in 0..<length { rows[(start &+ k) &* bins &+ bin] = column[k] } }
        }
    }
}

@inline(never)
func distributionFocal<T: Real>(_ call: DistributionFocal<T>, _ rows: Range<Int>) {
    let (logits, bins, target) = (call.logits, call.bins, call.target)
    let (perRow, gradLogits, gradTarget) = (call.perRow, call.gradLogits, call.gradTarget)
    let last = T(Double(bins) - 1.01)
    let scale = 1 / call.normalizer
    @inline(__always)
    func sum(_ space: Workspace) -> Double {
        let distributions = Distributions(logits: logits, bins: bins, space: space)
        let (places, results): (Tile<Box<T>>, Tile<Box<T>>) = (space.tile(2), space.tile(3))
        let (below, above, shares, weights) = (places.column(0), places.column(1), places.column(2), places.column(3))
        let (losses, slopes) = (results.column(0), results.column(1))
        for k in 0..<tileWidth { weights[k] = 1 }
        var sum = BlockSum()
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            distributions.measure(start, length, withMoments: false, storing: gradLogits)
            if let given = call.weights { copy(given + start, to: weights, length) }
            for k in 0..<length {
                let place = Place(target[start &+ k], last, bins)
                let row = logits[start &+ k]
                (below[k], above[k], shares[k]) = (row[place.bin], row[place.bin &+ 1], place.share)
            }
            for k in 0..<tileWidth {
                let (largest, share) = (Double(distributions.largest[k]), Double(shares[k]))
                // A logit may be -infinity. Its bin counts for nothing if its share is 0.
                let missing = choose(share == 1, 0, (1 - share) * (largest - Double(below[k]))) + choose(share == 0, 0, share * (largest - Double(above[k])))
                let all = distributions.sums[k]
                let logarithm: Double = log(ratioOfPositive: all, to: 1)
                losses[k] = weights[k] * T(choose(all == all, logarithm + missing, all))
                slopes[k] = T(Double(weights[k]) * scale * (Double(below[k]) - Double(above[k])))
            }
            sum.add(losses, length)
            if let perRow { copy(losses, to: perRow + start, length) }
            if let gradLogits {
                for k in 0..<length {
                    let row = gradLogits + (start &+ k) &* bins
                    let factor = Double(weights[k]) * scale
                    let perSum = T(factor / distributions.sums[k])
                    for bin in 0..<bins { row[bin] *= perSum }
                    let place = Place(target[start &+ k], last, bins)
                    row[place.bin] -= T(factor * (1 - Double(place.share)))
                    row[place.bin &+ 1] -= T(factor * Double(place.share))
                }
            }
            if let gradTarget {
                for k in 0..<length { gradTarget[start &+ k] = clampGradient(target[start &+ k], 0, last, slopes[k]) }
            }
        }
        return sum.total
    }
    call.sums.store(Workspace.with(sum), rows)
}

/// The place of a target between two bins: the lower one, and the share of the upper one.
private struct Place<T: Real> {
    let bin: Int
    let share: T

    /// The share of NaN is NaN, between the first two bins. The lower bin is never the last one, though T may round `last` to it.
    @inline(__always)
    init(_ target: T, _ last: T, _ bins: Int) {
        let y = clamp(target, 0, last)
        bin = Swift.min(Int(Double(larger(y, 0))), bins &- 2)
        share = y - T(Double(bin))
    }
}

@inline(never)
func distributionDecode<T: Real>(_ call: DistributionDecode<T>, _ rows: Range<Int>) {
    @inline(__always)
    func decode(_ space: Workspace) {
        let distributions = Distributions(logits: call.logits, bins: call.bins, space: space)
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            distributions.measure(start, length, withMoments: true, storing: nil)
            for k in 0..<length { call.out[start &+ k] = T(distributions.moments[k] / distributions.sums[k]) }
        }
    }
    Workspace.with(decode)
}

@inline(never)
func distributionDecodeGrad<T: Real>(_ call: DistributionDecodeGrad<T>, _ rows: Range<Int>) {
    let (bins, gradLogits) = (call.bins, call.gradLogits)
    @inline(__always)
    func differentiate(_ space: Workspace) {
        let distributions = Distributions(logits: call.logits, bins: bins, space: space)
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            distributions.measure(start, length, withMoments: true, storing: gradLogits)
            for k in 0..<length {
                let row = gradLogits + (start &+ k) &* bins
                let sum = distributions.sums[k]
                let (mean, factor) = (distributions.moments[k] / sum, Double(call.gradOut[start &+ k]) / sum)
                for bin in 0..<bins { row[bin] *= T(factor * (Double(bin) - mean)) }
            }
        }
    }
    Workspace.with(differentiate)
}
