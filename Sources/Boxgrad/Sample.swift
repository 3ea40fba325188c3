import CBoxgrad

@_cdecl("boxgrad_sample") @implementation
public func boxgrad_sample(
    _ labels: UnsafePointer<Int64>?, _ count: Int, _ negative: Int64, _ wanted: Int, _ positiveFraction: Double, _ seed: UInt64,
    _ indices: UnsafeMutablePointer<Int>?, _ positiveCount: UnsafeMutablePointer<Int>?, _ negativeCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    var arguments = Arguments()
    arguments.require(positiveFraction >= 0 && positiveFraction <= 1, "positive_fraction", "must be from 0 to 1", positiveFraction)
    let wanted = wanted < 0 ? Int.max : wanted  // SIZE_MAX and the like: all
    arguments.packed(labels, "labels", count)
    arguments.packed(UnsafePointer(indices), "indices", min(count, wanted))
    arguments.pointer(positiveCount, "positive_count")
    arguments.pointer(negativeCount, "negative_count")
    guard arguments.valid else { return arguments.status }
    var positives = Draw(), negatives = Draw()
    if let labels {
        for i in 0..<count {
            if labels[i] > negative { positives.left &+= 1 } else if labels[i] == negative { negatives.left &+= 1 }
        }
    }
    let share = Double(wanted) * positiveFraction
    positives.wanted = share < Double(positives.left) ? Int(share) : positives.left
    negatives.wanted = min(negatives.left, wanted &- positives.wanted)
    positiveCount?.pointee = positives.wanted
    negativeCount?.pointee = negatives.wanted
    guard let labels, let indices else { return BOXGRAD_OK }
    var generator = SplitMix64(state: seed)
    var (positive, other) = (indices, indices + positives.wanted)
    for i in 0..<count {
        if labels[i] > negative {
            if positives.takes(&generator) {
                positive.pointee = i
                positive += 1
            }
        } else if labels[i] == negative && negatives.takes(&generator) {
            other.pointee = i
            other += 1
        }
    }
    return BOXGRAD_OK
}

/// Draws `wanted` of those that are `left`, one after the other, each subset being as likely as any other (Fan, Muller, Rezucha 1962).
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

/// (Steele, Lea, Flood 2014.)
private struct SplitMix64 {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// One of 0..<bound, each as likely as any other (Lemire 2019).
    mutating func next(below bound: UInt64) -> UInt64 {
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let surplus = (0 &- bound) % bound
            while product.low < surplus { product = next().multipliedFullWidth(by: bound) }
        }
        return product.high
    }
}
