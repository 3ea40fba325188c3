// Norms and in-place scaling of one gradient tensor of any dtype. Everything is computed in double.

import CBoxgrad

/// Calls body with each tile of the tensor widened to double. The tile is the body's to overwrite.
@inline(__always)
private func forEachTile(
    _ data: UnsafeRawPointer, _ count: Int, _ dtype: Int32, _ body: (_ start: Int, UnsafeMutablePointer<Double>, _ length: Int) -> Void
) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: tileWidth) { scratch in
        let wide = scratch.baseAddress.unsafelyUnwrapped
        @inline(__always)
        func each<Element>(_: Element.Type, _ widen: (Element) -> Double) {
            let x = data.assumingMemoryBound(to: Element.self)
            var tiles = Tiles(count)
            while let (start, length) = tiles.next() {
                if length == tileWidth {
                    for k in 0..<tileWidth { wide[k] = widen(x[start &+ k]) }
                } else {
                    for k in 0..<length { wide[k] = widen(x[start &+ k]) }
                }
                body(start, wide, length)
            }
        }
        switch dtype {
        case BOXGRAD_F32: each(Float.self) { Double($0) }
        case BOXGRAD_F64: each(Double.self) { $0 }
        case BOXGRAD_F16: each(UInt16.self) { HalfFormat.float16.decode($0) }
        default: each(UInt16.self) { HalfFormat.bfloat16.decode($0) }
        }
    }
}

/// Replaces every element by body(element).
@inline(__always)
private func update(_ data: UnsafeMutableRawPointer, _ count: Int, _ dtype: Int32, _ body: (Double) -> Double) {
    @inline(__always)
    func each<Element>(_: Element.Type, _ change: (Element) -> Element) {
        let x = data.assumingMemoryBound(to: Element.self)
        for i in 0..<count { x[i] = change(x[i]) }
    }
    switch dtype {
    case BOXGRAD_F32: each(Float.self) { Float(body(Double($0))) }
    case BOXGRAD_F64: each(Double.self, body)
    case BOXGRAD_F16: each(UInt16.self) { HalfFormat.float16.encode(body(HalfFormat.float16.decode($0))) }
    default: each(UInt16.self) { HalfFormat.bfloat16.encode(body(HalfFormat.bfloat16.decode($0))) }
    }
}

func tensorScale(_ data: UnsafeMutableRawPointer, _ count: Int, _ dtype: Int32, _ coefficient: Double) {
    update(data, count, dtype) { $0 * coefficient }
}

func tensorLimit(_ data: UnsafeMutableRawPointer, _ count: Int, _ dtype: Int32, _ limit: Double) {
    update(data, count, dtype) { clamp($0, -limit, limit) }
}

/// The index of the first infinity or NaN, or count.
func tensorFirstNonfinite(_ data: UnsafeRawPointer, _ count: Int, _ dtype: Int32) -> Int {
    var found = count
    forEachTile(data, count, dtype) { start, x, length in
        for k in 0..<length where found == count && !(x[k].magnitude < .infinity) { found = start &+ k }
    }
    return found
}

/// (sum of |x|^p)^(1/p), or the largest |x|. A plain sum of squares is used where it neither overflows nor loses digits to underflow;
/// otherwise, and for a general p, everything is divided by the largest element first.
func tensorNorm(_ data: UnsafeRawPointer, _ count: Int, _ dtype: Int32, _ p: Double) -> Double {
    if p == 1 { return sum(data, count, dtype) { $0.magnitude } }
    if p == 2 {
        let squares = sum(data, count, dtype) { $0 * $0 }
        if squares > 0x1p-900 && squares < .infinity { return squares.squareRoot() }
    }
    let largest = largestMagnitude(data, count, dtype)
    guard p != .infinity && largest > 0 && largest < .infinity else { return largest }
    if p == 2 { return sum(data, count, dtype) { ($0 / largest) * ($0 / largest) }.squareRoot() * largest }
    return power(sum(data, count, dtype) { power($0.magnitude / largest, p) }, 1 / p) * largest
}

@inline(__always)
private func sum(_ data: UnsafeRawPointer, _ count: Int, _ dtype: Int32, _ term: (Double) -> Double) -> Double {
    var sum = BlockSum()
    forEachTile(data, count, dtype) { _, x, length in
        for k in 0..<tileWidth { x[k] = term(x[k]) }
        sum.add(x, length)
    }
    return sum.total
}

/// NaN if there is one. The bit patterns of magnitudes order like the magnitudes, with NaN above infinity, and integers vectorise.
private func largestMagnitude(_ data: UnsafeRawPointer, _ count: Int, _ dtype: Int32) -> Double {
    var largest: Int64 = 0
    forEachTile(data, count, dtype) { _, x, length in
        for k in 0..<length { largest = Swift.max(largest, Int64(bitPattern: x[k].magnitude.bitPattern)) }
    }
    return Double(bitPattern: UInt64(bitPattern: largest))
}
