// These functions compute sums and largest magnitudes of a gradient tensor of any dtype, and change it in place. All arithmetic is in
// double.

import CBoxgrad
import CShims

/// An element of a tensor. The bits of magnitudes, compared as integers, have the order of the magnitudes, and those of NaN are greater
/// than those of infinity.
protocol TensorElement {
    associatedtype Exact: Real
    associatedtype Bits: FixedWidthInteger & UnsignedInteger

    var exact: Exact { get }
    var magnitudeBits: Bits { get }
    init(magnitudeBits: Bits)
    init(rounding: Double)
}

extension Float: TensorElement {
    @inline(__always) var exact: Float { self }
    @inline(__always) var magnitudeBits: UInt32 { bitPattern & 0x7fff_ffff }
    @inline(__always) init(magnitudeBits: UInt32) { self.init(bitPattern: magnitudeBits) }
    @inline(__always) init(rounding x: Double) { self.init(x) }
}

extension Double: TensorElement {
    @inline(__always) var exact: Double { self }
    @inline(__always) var magnitudeBits: UInt64 { bitPattern & 0x7fff_ffff_ffff_ffff }
    @inline(__always) init(magnitudeBits: UInt64) { self.init(bitPattern: magnitudeBits) }
    @inline(__always) init(rounding x: Double) { self = x }
}

extension Half: TensorElement {
    @inline(__always) var exact: Float { float }
    @inline(__always) var magnitudeBits: UInt16 { bits & 0x7fff }
    @inline(__always) init(magnitudeBits: UInt16) { bits = magnitudeBits }
    @inline(__always) init(rounding x: Double) { self.init(x) }
}

/// Works on some pieces of tensors, as the call's operation says.
@inline(never)
func tensorPass(_ call: TensorPass, _ rows: Range<Int>) {
    guard let pieces = call.pieces else { return }
    for i in rows {
        guard let data = pieces[i].data else { continue }
        let (count, dtype) = (pieces[i].count, pieces[i].dtype)
        switch call.operation {
        case .sum: pieces[i].result = tensorSum(data, count, dtype, call.p, call.divisor)
        case .largest: pieces[i].result = tensorLargest(data, count, dtype)
        case .scale: tensorScale(data, count, dtype, call.coefficient, call.limit)
        case .zero: memset(data, 0, count &* bgi_element_size(dtype))
        }
    }
}

/// Returns the sum of |x / divisor|^p.
@inline(never)
private func tensorSum(_ data: UnsafeRawPointer, _ count: Int, _ dtype: Int32, _ p: Double, _ divisor: Double) -> Double {
    switch dtype {
    case BOXGRAD_F32: return sum(data.assumingMemoryBound(to: Float.self), count, p, divisor)
    case BOXGRAD_F64: return sum(data.assumingMemoryBound(to: Double.self), count, p, divisor)
    case BOXGRAD_F16: return sum(data.assumingMemoryBound(to: Half<Binary16>.self), count, p, divisor)
    default: return sum(data.assumingMemoryBound(to: Half<BFloat16>.self), count, p, divisor)
    }
}

@inline(never)
private func sum<Element: TensorElement>(_ x: UnsafePointer<Element>, _ count: Int, _ p: Double, _ divisor: Double) -> Double {
    @inline(__always)
    func sum(_ term: (Double) -> Double) -> Double {
        @inline(__always)
        func sum(_ space: Workspace) -> Double {
            let exact: UnsafeMutablePointer<Element.Exact> = space.column(0)
            var sum = BlockSum()
            var tiles = Tiles(0..<count)
            while let (start, length) = tiles.next() {
                // The distance of 4096 bytes was chosen by measuring the time of norms.
                prefetchTile(x + start, ahead: 4096)
                if length == tileWidth {
                    for k in 0..<tileWidth { exact[k] = x[start &+ k].exact }
                } else {
                    for k in 0..<length { exact[k] = x[start &+ k].exact }
                }
                sum.add(UnsafePointer(exact), length, term)
            }
            return sum.total
        }
        return Workspace.with(sum)
    }
    if p == 1 { return sum { $0.magnitude } }
    if p == 2 && divisor == 1 { return sum { $0 * $0 } }
    if p == 2 { return sum { ($0 / divisor) * ($0 / divisor) } }
    return sum { power(($0 / divisor).magnitude, p) }
}

/// Returns the largest magnitude, or NaN if an element is NaN.
@inline(never)
private func tensorLargest(_ data: UnsafeRawPointer, _ count: Int, _ dtype: Int32) -> Double {
    switch dtype {
    case BOXGRAD_F32: return largest(data.assumingMemoryBound(to: Float.self), count)
    case BOXGRAD_F64: return largest(data.assumingMemoryBound(to: Double.self), count)
    case BOXGRAD_F16: return largest(data.assumingMemoryBound(to: Half<Binary16>.self), count)
    default: return largest(data.assumingMemoryBound(to: Half<BFloat16>.self), count)
    }
}

@inline(never)
private func largest<Element: TensorElement>(_ x: UnsafePointer<Element>, _ count: Int) -> Double {
    var bits: Element.Bits = 0
    for i in 0..<count { bits = Swift.max(bits, x[i].magnitudeBits) }
    return Double(Element(magnitudeBits: bits).exact)
}

/// Replaces each x by x * coefficient, limited to -limit...limit.
@inline(never)
private func tensorScale(_ data: UnsafeMutableRawPointer, _ count: Int, _ dtype: Int32, _ coefficient: Double, _ limit: Double) {
    switch dtype {
    case BOXGRAD_F32: scale(data.assumingMemoryBound(to: Float.self), count, coefficient, limit)
    case BOXGRAD_F64: scale(data.assumingMemoryBound(to: Double.self), count, coefficient, limit)
    case BOXGRAD_F16: scale(data.assumingMemoryBound(to: Half<Binary16>.self), count, coefficient, limit)
    default: scale(data.assumingMemoryBound(to: Half<BFloat16>.self), count, coefficient, limit)
    }
}

@inline(never)
private func scale<Element: TensorElement>(_ x: UnsafeMutablePointer<Element>, _ count: Int, _ coefficient: Double, _ limit: Double) {
    for i in 0..<count { x[i] = Element(rounding: clamp(Double(x[i].exact) * coefficient, -limit, limit)) }
}
