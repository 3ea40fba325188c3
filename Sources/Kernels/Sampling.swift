// Draws a batch of proposals, positives and negatives, at random. The same seed gives the same batch everywhere.

#if COMMON_KERNELS
/// Writes the indices of the positives, then those of the negatives, and the number of each.
@inline(never)
func sample(_ call: Sample, _ rows: Range<Int>) {
    var positives = Draw(), negatives = Draw()
    if let labels = call.labels {
        for i in rows {
            if labels[i] > call.negative { positives.left &+= 1 } else if labels[i] == call.negative { negatives.left &+= 1 }
        }
    }
    let share = Double(call.wanted) * call.positiveFraction
    positives.wanted = share < Double(positives.left) ? Int(share) : positives.left
    negatives.wanted = min(negatives.left, call.wanted &- positives.wanted)
    let bound = call.negativesPerPositive * Double(max(positives.wanted, 1))
    if bound < Double(negatives.wanted) { negatives.wanted = Int(bound) }
    call.positiveCount.pointee = positives.wanted
    call.negativeCount.pointee = negatives.wanted
    guard let labels = call.labels, let indices = call.indices else { return }
    var generator = SplitMix64(state: call.seed)
    var (positive, other) = (indices, indices + positives.wanted)
    for i in rows {
        if labels[i] > call.negative {
            if positives.takes(&generator) {
                positive.pointee = i
                positive += 1
            }
        } else if labels[i] == call.negative && negatives.takes(&generator) {
            other.pointee = i
            other += 1
        }
    }
}

/// Draws `wanted` of the `left` elements, one after the other, so that all subsets are equally likely (Fan, Muller, Rezucha 1962).
private struct Draw {
    var left = 0, wanted = 0

    mutating func takes(_ generator: inout SplitMix64) -> Bool {
        guard wanted > 0 else { return false }
        let taken = generator.next(below: UInt64(left)) < UInt64(wanted)
        left &-= 1
        if taken { wanted &-= 1 }
        return taken
    }
}

/// Generates random numbers (Steele, Lea, Flood 2014).
private struct SplitMix64 {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Returns one of 0..<bound, each with the same probability (Lemire 2019).
    mutating func next(below bound: UInt64) -> UInt64 {
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let surplus = (0 &- bound) % bound
            while product.low < surplus { product = next().multipliedFullWidth(by: bound) }
        }
        return product.high
    }
}
#endif
