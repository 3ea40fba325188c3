// These functions compute sums and largest magnitudes of a gradient tensor of any dtype, and change it in place. All arithmetic is in
// double.

import CBoxgrad
import CShims

/// An element of a tensor. The bits of magnitudes, compared as integers, have the order of the magnitudes, and those of NaN are greater
/// than those of infinity.
protocol TensorElement {
    associatedtype Exact: Real
    associatedtype Bits: FixedWidthInteger & SignedInteger

    var exact: Exact { get }
    var magnitudeBits: Bits { get }
    init(magnitudeBits: Bits)
    init(rounding: Double)

    static func magnitude(_ bits: Bits) -> Double
}

extension TensorElement where Exact == Float {
    /// Subnormal floats are counted in their steps, because the host may have them flushed to 0 where they become doubles.
    @inline(__always)
    static func magnitude(_ bits: Bits) -> Double {
        let x = Self(magnitudeBits: bits).exact
        return x.bitPattern < 0x0080_0000 ? Double(Int32(bitPattern: x.bitPattern)) * 0x1p-149 : Double(x)
    }
}

extension Float: TensorElement {
    @inline(__always) var exact: Float { self }
    @inline(__always) var magnitudeBits: Int32 { Int32(truncatingIfNeeded: bitPattern) & .max }
    @inline(__always) init(magnitudeBits: Int32) { self.init(bitPattern: UInt32(bitPattern: magnitudeBits)) }
    @inline(__always) init(rounding x: Double) { self.init(x) }
}

extension Double: TensorElement {
    @inline(__always) var exact: Double { self }
    @inline(__always) var magnitudeBits: Int64 { Int64(bitPattern: bitPattern) & .max }
    @inline(__always) init(magnitudeBits: Int64) { self.init(bitPattern: UInt64(bitPattern: magnitudeBits)) }
    @inline(__always) init(rounding x: Double) { self = x }
    @inline(__always) static func magnitude(_ bits: Int64) -> Double { Self(magnitudeBits: bits) }
}

extension Half: TensorElement {
    @inline(__always) var exact: Float { float }
    @inline(__always) var magnitudeBits: Int16 { Int16(truncatingIfNeeded: bits) & .max }
    @inline(__always) init(magnitudeBits: Int16) { bits = UInt16(bitPattern: magnitudeBits) }
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
        case .sum where call.isExact(dtype): if let sum = pieces[i].sum { addExactly(pieces[i], call, ExactSum(sum, size: call.sumSize)) }
        case .sum, .largest: pieces[i].result = call.result(TensorElements(data, count, dtype))
        case .scale: scale(TensorElements(data, count, dtype), call.coefficient, call.limit)
        case .zero: memset(data, 0, count &* bgi_element_size(dtype))
        }
    }
}

/// Elements of a tensor that are `stride` apart.
private struct TensorElements {
    let data: UnsafeMutableRawPointer
    let count, stride: Int
    let dtype: Int32

    @inline(__always)
    init(_ data: UnsafeMutableRawPointer, _ count: Int, _ dtype: Int32, stride: Int = 1) {
        (self.data, self.count, self.dtype, self.stride) = (data, count, dtype, stride)
    }
}

extension TensorPass {
    /// Whether the sum of elements of a dtype is exact.
    @inline(__always)
    func isExact(_ dtype: Int32) -> Bool { sumSize == ExactSum.doubleSize || sumSize == ExactSum.size && dtype != BOXGRAD_F64 }

    /// Returns the sum or the largest magnitude.
    @inline(__always)
    fileprivate func result(_ x: TensorElements) -> Double { operation == .sum ? sum(x, p, divisor) : largest(x) }
}

/// Returns the sum of |x / divisor|^p.
@inline(never)
private func sum(_ x: TensorElements, _ p: Double, _ divisor: Double) -> Double {
    switch x.dtype {
    case BOXGRAD_F32: return sum(x, of: Float.self, p, divisor)
    case BOXGRAD_F64: return sum(x, of: Double.self, p, divisor)
    case BOXGRAD_F16: return sum(x, of: Half<Binary16>.self, p, divisor)
    default: return sum(x, of: Half<BFloat16>.self, p, divisor)
    }
}

@inline(never)
private func sum<Element: TensorElement>(_ elements: TensorElements, of _: Element.Type, _ p: Double, _ divisor: Double) -> Double {
    let (x, count, stride) = (elements.data.assumingMemoryBound(to: Element.self), elements.count, elements.stride)
    @inline(__always)
    func sum(_ space: Workspace) -> Double {
        let tile = space.column(0, of: Double.self)
        var sum = BlockSum()
        var tiles = Tiles(0..<count)
        while let (start, length) = tiles.next() {
            if length == tileWidth && stride == 1 {
                // The distance of 4096 bytes was chosen by measuring the time of norms.
                prefetchTile(x + start, ahead: 4096)
                for k in 0..<tileWidth { tile[k] = Double(x[start &+ k].exact) }
            } else {
                for k in 0..<length { tile[k] = Double(x[(start &+ k) &* stride].exact) }
            }
            sum.addPowers(tile, length, p, divisor)
        }
        return sum.total
    }
    return Workspace.with(sum)
}

extension BlockSum {
    /// Adds |x / divisor|^p of each x. It is compiled once for all dtypes.
    @inline(never)
    fileprivate mutating func addPowers(_ x: UnsafePointer<Double>, _ length: Int, _ p: Double, _ divisor: Double) {
        if p == 1 {
            add(x, length) { $0.magnitude }
        } else if p == 2 && divisor == 1 {
            add(x, length) { $0 * $0 }
        } else if p == 2 {
            add(x, length) { ($0 / divisor) * ($0 / divisor) }
        } else {
            add(x, length) { power(($0 / divisor).magnitude, p) }
        }
    }
}

/// Returns the largest magnitude, or NaN if an element is NaN.
@inline(never)
private func largest(_ x: TensorElements) -> Double {
    switch x.dtype {
    case BOXGRAD_F32: return largest(x, of: Float.self)
    case BOXGRAD_F64: return largest(x, of: Double.self)
    case BOXGRAD_F16: return largest(x, of: Half<Binary16>.self)
    default: return largest(x, of: Half<BFloat16>.self)
    }
}

@inline(never)
private func largest<Element: TensorElement>(_ elements: TensorElements, of _: Element.Type) -> Double {
    let (x, count, stride) = (elements.data.assumingMemoryBound(to: Element.self), elements.count, elements.stride)
    var bits: Element.Bits = 0
    if stride == 1 {
        for i in 0..<count { bits = Swift.max(bits, x[i].magnitudeBits) }
    } else {
        for i in 0..<count { bits = Swift.max(bits, x[i &* stride].magnitudeBits) }
    }
    return Element.magnitude(bits)
}

/// Replaces each x by x * coefficient, limited to -limit...limit. The elements are adjacent.
@inline(never)
private func scale(_ x: TensorElements, _ coefficient: Double, _ limit: Double = .infinity) {
    switch x.dtype {
    case BOXGRAD_F32: scale(x, of: Float.self, coefficient, limit)
    case BOXGRAD_F64: scale(x, of: Double.self, coefficient, limit)
    case BOXGRAD_F16: scale(x, of: Half<Binary16>.self, coefficient, limit)
    default: scale(x, of: Half<BFloat16>.self, coefficient, limit)
    }
}

@inline(never)
private func scale<Element: TensorElement>(_ elements: TensorElements, of _: Element.Type, _ coefficient: Double, _ limit: Double) {
    let x = elements.data.assumingMemoryBound(to: Element.self)
    for i in 0..<elements.count { x[i] = Element(rounding: clamp(Double(x[i].exact) * coefficient, -limit, limit)) }
}

private func clear(_ x: TensorElements) {
    let size = bgi_element_size(x.dtype)
    for i in 0..<x.count { memset(x.data + i &* x.stride &* size, 0, size) }
}

// ---- Units ----

// Where units take turns, element by element, up to 16 of them are read together, because their elements share cache lines. Each has the
// bits that it would have alone.
private let mostLanes = 16

extension TensorElements {
    /// Returns the unit that is l places behind this one.
    @inline(__always)
    func lane(_ l: Int) -> Self { Self(data + l &* bgi_element_size(dtype), count, dtype, stride: stride) }
}

extension boxgrad_parameter {
    /// Returns unit u of one of the two tensors. A block of unitStride units takes turns, element by element.
    @inline(__always)
    fileprivate func unit(_ u: Int, of tensor: boxgrad_tensor) -> TensorElements {
        let first = u / distance &* distance &* size &+ u % distance
        return TensorElements(tensor.data.unsafelyUnwrapped + first &* bgi_element_size(tensor.dtype), size, tensor.dtype, stride: distance)
    }
}

/// Computes the norms of this unit and of those behind it.
@inline(__always)
private func norms(_ x: TensorElements, _ p: Double, _ lanes: Int, _ norms: UnsafeMutablePointer<Double>) {
    let norm = Norm(p: p), first = norm.firstPass
    if lanes == 1 { norms[0] = first.result(x) } else { results(x, first, lanes, norms) }
    for l in 0..<lanes { norms[l] = norm.finished(norms[l]) { $0.result(x.lane(l)) } }
}

@inline(never)
private func results(_ x: TensorElements, _ pass: TensorPass, _ lanes: Int, _ results: UnsafeMutablePointer<Double>) {
    switch x.dtype {
    case BOXGRAD_F32: laneResults(x, of: Float.self, pass, lanes, results)
    case BOXGRAD_F64: laneResults(x, of: Double.self, pass, lanes, results)
    case BOXGRAD_F16: laneResults(x, of: Half<Binary16>.self, pass, lanes, results)
    default: laneResults(x, of: Half<BFloat16>.self, pass, lanes, results)
    }
}

@inline(never)
private func laneResults<Element: TensorElement>(
    _ elements: TensorElements, of _: Element.Type, _ pass: TensorPass, _ lanes: Int, _ results: UnsafeMutablePointer<Double>
) {
    let (x, count, stride) = (elements.data.assumingMemoryBound(to: Element.self), elements.count, elements.stride)
    // The capacity is a literal, because then the compiler knows that the memory is on the stack.
    if pass.operation == .largest {
        return withUnsafeTemporaryAllocation(of: Element.Bits.self, capacity: 16) { memory in
            let bits = memory.baseAddress.unsafelyUnwrapped
            for l in 0..<lanes { bits[l] = 0 }
            for i in 0..<count { for l in 0..<lanes { bits[l] = Swift.max(bits[l], x[i &* stride &+ l].magnitudeBits) } }
            for l in 0..<lanes { results[l] = Element.magnitude(bits[l]) }
        }
    }
    @inline(__always)
    func sum(_ space: Workspace) {
        // The tile has a column for each lane. It takes the place of the next three tiles.
        let tile: Tile<Box<Double>> = space.tile(0)
        var sums = InlineArray<16, BlockSum>(repeating: BlockSum())
        withUnsafeMutablePointer(to: &sums) { memory in
            let sums = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: BlockSum.self)
            var tiles = Tiles(0..<count)
            while let (start, length) = tiles.next() {
                for k in 0..<length { for l in 0..<lanes { tile.column(l)[k] = Double(x[(start &+ k) &* stride &+ l].exact) } }
                for l in 0..<lanes { sums[l].addPowers(tile.column(l), length, pass.p, 1) }
            }
            for l in 0..<lanes { results[l] = sums[l].total }
        }
    }
    Workspace.with(sum)
}

/// Multiplies the elements of some units by a factor each. `lanes` says how far behind the first unit they are.
@inline(never)
private func scale(_ x: TensorElements, _ factors: UnsafePointer<Double>, _ lanes: UnsafePointer<Int>, _ count: Int) {
    switch x.dtype {
    case BOXGRAD_F32: scaleLanes(x, of: Float.self, factors, lanes, count)
    case BOXGRAD_F64: scaleLanes(x, of: Double.self, factors, lanes, count)
    case BOXGRAD_F16: scaleLanes(x, of: Half<Binary16>.self, factors, lanes, count)
    default: scaleLanes(x, of: Half<BFloat16>.self, factors, lanes, count)
    }
}

@inline(never)
private func scaleLanes<Element: TensorElement>(
    _ elements: TensorElements, of _: Element.Type, _ factors: UnsafePointer<Double>, _ lanes: UnsafePointer<Int>, _ count: Int
) {
    let x = elements.data.assumingMemoryBound(to: Element.self)
    for i in 0..<elements.count {
        let row = x + i &* elements.stride
        for k in 0..<count { row[lanes[k]] = Element(rounding: Double(row[lanes[k]].exact) * factors[k]) }
    }
}

/// Clips some of the units of all parameters. They are counted through the parameters, in order.
@inline(never)
func unitPass(_ call: UnitPass, _ rows: Range<Int>) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 48) { numbers in
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 16) { lanes in
            call.clip(rows, numbers.baseAddress.unsafelyUnwrapped, lanes.baseAddress.unsafelyUnwrapped)
        }
    }
}

extension UnitPass {
    @inline(__always)
    fileprivate func clip(_ rows: Range<Int>, _ gradNorms: UnsafeMutablePointer<Double>, _ changedLanes: UnsafeMutablePointer<Int>) {
        let (paramNorms, factors) = (gradNorms + mostLanes, gradNorms + 2 &* mostLanes)
        var (changed, begin) = (0, 0)
        for i in 0..<count {
            guard begin < rows.upperBound, let parameter = parameters?[i] else { break }
            let end = begin &+ parameter.units
            let last = min(end, rows.upperBound)
            var row = max(begin, rows.lowerBound)
            while row < last {
                let unit = row &- begin
                // As many units as are left in the block, which is one if elements are adjacent.
                let lanes = min(min(mostLanes, parameter.distance &- unit % parameter.distance), last &- row)
                let grad = parameter.unit(unit, of: parameter.grad)
                norms(grad, p, lanes, gradNorms)
                norms(parameter.unit(unit, of: parameter.param), p, lanes, paramNorms)
                var scaled = 0
                for l in 0..<lanes {
                    if !(gradNorms[l].isFinite && paramNorms[l].isFinite) {
                        switch onNonfinite {
                        case BOXGRAD_NONFINITE_ERROR:
                            bgi_lower(firstNonfinite, row &+ l)
                            return
                        case BOXGRAD_NONFINITE_SKIP: continue
                        case BOXGRAD_NONFINITE_ZERO:
                            clear(grad.lane(l))
                            changed &+= 1
                            continue
                        default: break
                        }
                    }
                    // A norm that is NaN must stay NaN, so that `larger` will not do.
                    let most = clipFactor * (paramNorms[l] < eps ? eps : paramNorms[l])
                    guard !(gradNorms[l] < most), !onlyLooks else { continue }
                    factors[scaled] = most / (gradNorms[l] < 1e-6 ? 1e-6 : gradNorms[l])
                    changedLanes[scaled] = l
                    scaled &+= 1
                }
                if scaled > 0 { if parameter.distance > 1 { scale(grad, factors, changedLanes, scaled) } else { scale(grad, factors[0]) } }
                changed &+= scaled
                row &+= lanes
            }
            begin = end
        }
        if changed > 0 { bgi_add(clipped, changed) }
    }
}
