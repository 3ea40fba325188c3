/// Smooth L1 and its gradient in one pass; returns the sum of the elementwise losses. Any output and either weight may be nil.
@inline(__always)
func smoothL1<T: Real>(
    _ pred: UnsafePointer<T>, _ target: UnsafePointer<T>, _ inside: UnsafePointer<T>?, _ outside: UnsafePointer<T>?, _ count: Int,
    _ sigma: Double, _ normalizer: Double, _ elementwise: UnsafeMutablePointer<T>?,
    _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?
) -> Double {
    let square = T(sigma * sigma)
    // Where sigma^2 is infinite in T, the parabola has no width: its 0 times infinity must not be chosen.
    let threshold = square < .infinity ? T(1 / (sigma * sigma)) : 0
    let scale = T(1 / normalizer)
    var sum = BlockSum()
    withUnsafeTemporaryAllocation(of: T.self, capacity: 3 &* tileWidth) { scratch in
        let losses = scratch.baseAddress.unsafelyUnwrapped
        let slopes = losses + tileWidth
        let ones = slopes + tileWidth
        for k in 0..<tileWidth { ones[k] = 1 }
        forEachTile(count) { start, length in
            let (p, t) = (pred + start, target + start)
            let inner = inside.map { $0 + start } ?? UnsafePointer(ones)
            let outer = outside.map { $0 + start } ?? UnsafePointer(ones)
            for k in 0..<length {
                let d = inner[k] * (p[k] - t[k])
                let size = d.magnitude
                let quadratic = size < threshold
                let sign = choose(d > 0, 1, choose(d < 0, -1, d))  // NaN stays NaN
                losses[k] = outer[k] * choose(quadratic, square * d * d / 2, size - threshold / 2)
                slopes[k] = inner[k] * outer[k] * choose(quadratic, square * d, sign) * scale
            }
            sum.add(losses, length)
            if let elementwise { for k in 0..<length { elementwise[start &+ k] = losses[k] } }
            if let gradPred { for k in 0..<length { gradPred[start &+ k] = slopes[k] } }
            if let gradTarget { for k in 0..<length { gradTarget[start &+ k] = -slopes[k] } }
        }
    }
    return sum.total
}
