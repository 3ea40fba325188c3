/// Sums in double, in an order that depends on the positions alone: element i goes to lane i % 8, the lanes of a block of
/// 4096 are combined pairwise, and the blocks are added one after the other. The same bits in every tier.
struct BlockSum {
    private var lanes = SIMD8<Double>()
    private var filled = 0
    private var blocks = 0.0

    @inline(__always)
    init() {}

    /// Adds a column's first elements: all of them, unless it is the last column.
    @inline(__always)
    mutating func add<T: Real>(_ x: UnsafePointer<T>, _ length: Int) {
        if length == tileWidth {
            for k in 0..<4 {
                let i = k &* 8
                lanes += SIMD8(
                    Double(x[i]), Double(x[i &+ 1]), Double(x[i &+ 2]), Double(x[i &+ 3]),
                    Double(x[i &+ 4]), Double(x[i &+ 5]), Double(x[i &+ 6]), Double(x[i &+ 7]))
            }
        } else {
            lanes = lanes.adding(x, length)
        }
        filled &+= length
        if filled >= 4096 { close() }
    }

    @inline(__always)
    private mutating func close() {
        blocks += combined(lanes)
        lanes = SIMD8()
        filled = 0
    }

    @inline(__always)
    var total: Double { blocks + combined(lanes) }
}

extension SIMD8<Double> {
    @inline(never)
    fileprivate func adding<T: Real>(_ x: UnsafePointer<T>, _ length: Int) -> Self {
        var lanes = self
        for k in 0..<length { lanes[k & 7] += Double(x[k]) }
        return lanes
    }
}

@inline(__always)
func combined(_ lanes: SIMD8<Double>) -> Double {
    let four = lanes.lowHalf + lanes.highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
}
