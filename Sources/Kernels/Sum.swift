/// Sums in double, in an order that depends only on the positions of the elements. Element i goes to lane i % 8, the lanes of a block of
/// 4096 are combined pairwise, and the blocks are added in order. Therefore every tier gives the same bits.
struct BlockSum {
    private var lanes = SIMD8<Double>()
    private var filled = 0
    private var blocks = 0.0

    @inline(__always)
    init() {}

    /// Adds the terms of the first `length` elements of a column. Only the last column may have fewer than tileWidth elements.
    @inline(__always)
    mutating func add<T: Real>(_ x: UnsafePointer<T>, _ length: Int, _ term: (Double) -> Double = { $0 }) {
        if length == tileWidth {
            for k in 0..<4 {
                let i = k &* 8
                lanes += SIMD8(
                    term(Double(x[i])), term(Double(x[i &+ 1])), term(Double(x[i &+ 2])), term(Double(x[i &+ 3])),
                    term(Double(x[i &+ 4])), term(Double(x[i &+ 5])), term(Double(x[i &+ 6])), term(Double(x[i &+ 7])))
            }
        } else {
            for k in 0..<length { lanes[k & 7] += term(Double(x[k])) }
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

@inline(__always)
func combined(_ lanes: SIMD8<Double>) -> Double {
    let four = lanes.lowHalf + lanes.highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
}
