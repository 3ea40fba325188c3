// These functions add the magnitudes or the squares of a tensor's elements to an exact sum. A square is exact in a type that has twice the
// bits, and doubles split it into parts that add as integers. So this takes no more time than a sum that rounds.

import CBoxgrad
import CShims

/// An element of 32 or 16 bits. Its square is exact in double.
protocol NarrowElement: TensorElement {
    static var fractionBits: Int { get }
    static var exponentBits: Int { get }

    /// Returns the elements of a whole tile as numbers, which it writes to the column if they are no numbers yet.
    static func exactTile(_ x: UnsafePointer<Self>, _ column: UnsafeMutablePointer<Exact>) -> UnsafePointer<Exact>
}

extension NarrowElement {
    @inline(__always) static var bias: Int { 1 << (exponentBits &- 1) &- 1 }
    /// The exponent field of infinities and NaNs.
    @inline(__always) static var specialField: Int { 1 << exponentBits &- 1 }
}

extension Float: NarrowElement {
    @inline(__always) static var fractionBits: Int { 23 }
    @inline(__always) static var exponentBits: Int { 8 }
    @inline(__always) static func exactTile(_ x: UnsafePointer<Self>, _ column: UnsafeMutablePointer<Self>) -> UnsafePointer<Self> { x }
}

extension Half: NarrowElement {
    @inline(__always) static var fractionBits: Int { Int(Format.significandBits) }
    @inline(__always) static var exponentBits: Int { 15 &- fractionBits }

    @inline(__always)
    static func exactTile(_ x: UnsafePointer<Self>, _ column: UnsafeMutablePointer<Float>) -> UnsafePointer<Float> {
        for k in 0..<tileWidth { column[k] = x[k].float }
        return UnsafePointer(column)
    }
}

/// Holds the exponent fields of a block's largest magnitude, and of the smallest that is not 0.
private struct Fields {
    let largest, smallest: Int
    let areAllZero: Bool

    @inline(__always)
    init<Element: TensorElement>(_ x: UnsafePointer<Element>, _ count: Int, fractionBits: Int) {
        // The largest integer is added, so that all but 0 wrap around to below 0. Then 0 is the smallest only if there is nothing else.
        var (largest, smallest) = (Element.Bits(0), Element.Bits.max)
        for k in 0..<count {
            let bits = x[k].magnitudeBits
            largest = max(largest, bits)
            smallest = min(smallest, bits &+ .max)
        }
        self.largest = Int(largest >> Element.Bits(fractionBits))
        self.smallest = Int((smallest &- .max) >> Element.Bits(fractionBits))
        areAllZero = largest == 0
    }
}

/// A sum of doubles v that are below 2^top and multiples of the last part's unit, in 8 lanes. To v is added 1.5 * 2^52 units, its magic number.
/// That rounds v to a multiple of the unit, and the bits of the sum and of the magic number differ by the number of units, as integers do.
/// They are added as integers. What was rounded off is exact, and the next part takes it likewise, in units of 2^-51 units. It would not be exact
/// if a small number were rounded up to a whole unit. Therefore the processor must not round upwards.
private struct PartSums<let parts: Int> {
    private let top: Int
    private let magic: InlineArray<parts, Double>
    private var sums: InlineArray<parts, SIMD8<Int64>>

    @inline(__always)
    init(top: Int) {
        self.top = top
        magic = InlineArray { part in 1.5 * powerOfTwo(top &- 51 &* part &+ 1) }
        sums = InlineArray(repeating: SIMD8())
    }

    /// Adds a v of each lane. `plus` returns v + its argument.
    @inline(__always)
    mutating func add(_ plus: (SIMD8<Double>) -> SIMD8<Double>) {
        let first = plus(SIMD8(repeating: magic[0]))
        take(first, 0)
        if parts == 1 { return }
        // The sum of two magic numbers is exact, so that one addition both takes off the rounded part and adds the next number.
        if parts == 2 { return take(plus((magic[0] + magic[1]) - first), 1) }
        var v = plus(magic[0] - first)
        for part in 1..<parts &- 2 {
            let shifted = v + magic[part]
            take(shifted, part)
            v += magic[part] - shifted
        }
        let shifted = v + magic[parts &- 2]
        take(shifted, parts &- 2)
        take(v + ((magic[parts &- 2] + magic[parts &- 1]) - shifted), parts &- 1)
    }

    @inline(__always)
    private mutating func take(_ shifted: SIMD8<Double>, _ part: Int) { sums[part] &+= unsafeBitCast(shifted, to: SIMD8<Int64>.self) }

    /// Adds the parts, times 2^scale, to a sum, after `count` values.
    @inline(__always)
    mutating func finish(_ count: Int, _ sum: ExactSum, scale: Int = 0) {
        for part in 0..<parts {
            let units = sums[part].wrappedSum() &- Int64(truncatingIfNeeded: magic[part].bitPattern) &* Int64(count)
            sum.add(units, exponent: top &- 51 &* (part &+ 1) &+ scale)
        }
    }
}

/// Prefetches a tile of the block after the next. The distance of 8 KB, and the level 2 cache, were chosen by measuring the time of norms.
@inline(__always)
private func prefetchFar<Element>(_ x: UnsafePointer<Element>) {
    let tile = UnsafeRawPointer(x) + 8192
    for line in 0..<tileWidth &* MemoryLayout<Element>.stride / 64 { bgi_prefetch_far(tile + line &* 64) }
}

/// The number of elements of a block. The sum of as many numbers below 2^51 is below 2^63. A block is read twice. If it is long, memory waits
/// while it is read from the cache; if it is short, there are more sums to finish. Its 4 KB were chosen by measuring the time of norms.
@inline(__always)
private func blockSize<Element>(of _: Element.Type) -> Int { 4096 / MemoryLayout<Element>.stride }

/// The number of parts that values below 2^top need, if they are multiples of 2^bottom.
@inline(__always)
private func partsNeeded(top: Int, bottom: Int) -> Int {
    let bits = top &- bottom
    return bits <= 51 ? 1 : bits <= 102 ? 2 : bits <= 153 ? 3 : bits <= 204 ? 4 : 5
}

@inline(__always)
private func powerOfTwo(_ exponent: Int) -> Double { Double(bitPattern: UInt64(bitPattern: Int64(exponent &+ 1023)) << 52) }

@inline(__always)
private func eight<T: Real>(_ x: UnsafePointer<T>) -> SIMD8<Double> {
    SIMD8(Double(x[0]), Double(x[1]), Double(x[2]), Double(x[3]), Double(x[4]), Double(x[5]), Double(x[6]), Double(x[7]))
}

/// Gives room for a column on the stack. A workspace would be too large, because there are sums and tables on it already.
@inline(__always)
private func withColumn<T>(_ body: (UnsafeMutablePointer<T>) -> Void) {
    var memory = InlineArray<4, SIMD8<Double>> { memory in
        memory.withUnsafeMutableBufferPointer { _, count in count = 4 }
    }
    withUnsafeMutablePointer(to: &memory) { body(UnsafeMutableRawPointer($0).assumingMemoryBound(to: T.self)) }
}

/// A block of elements, whose values |x|^power take some parts.
private enum Block<Element: NarrowElement, let parts: Int, let power: Int> {
    /// Adds the values, which are below 2^top.
    @inline(never)
    static func add(_ x: UnsafePointer<Element>, _ count: Int, top: Int, _ sum: ExactSum) {
        @inline(__always)
        func add(_ column: UnsafeMutablePointer<Element.Exact>) {
            var partSums = PartSums<parts>(top: top)
            var tiles = Tiles(0..<count)
            while let (start, length) = tiles.next() {
                var tile = UnsafePointer(column)
                if length == tileWidth {
                    prefetchFar(x + start)
                    tile = Element.exactTile(x + start, column)
                } else {
                    for k in 0..<length { column[k] = x[start &+ k].exact }
                    for k in length..<tileWidth { column[k] = 0 }
                }
                for eighth in 0..<4 {
                    let v = eight(tile + eighth &* 8)
                    if power == 2 { partSums.add { bgi_square_plus(v, $0) } } else { partSums.add { magnitudes(v) + $0 } }
                }
            }
            partSums.finish((count &+ tileWidth &- 1) & ~(tileWidth &- 1), sum)
        }
        withColumn(add)
    }
}

@inline(__always)
private func magnitudes(_ x: SIMD8<Double>) -> SIMD8<Double> {
    unsafeBitCast(unsafeBitCast(x, to: SIMD8<Int64>.self) & SIMD8(repeating: .max), to: SIMD8<Double>.self)
}

/// Sums of integer powers of elements, one for each exponent. They take elements of any exponent, and special ones.
private struct Tables {
    /// Four tables take turns, because adding to one number again and again waits for the addition before.
    static var tables: Int { 4 }
    static var fields: Int { 256 }
    let base: UnsafeMutablePointer<UInt64>

    @inline(__always)
    func clear() { memset(base, 0, Self.tables &* Self.fields &* 8) }

    /// Adds the powers of a tile at a time: they are computed in vectors, and added one by one.
    @inline(never)
    func add<Element: NarrowElement>(_ x: UnsafePointer<Element>, _ count: Int, squares: Bool) {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 64) { memory in
            let powers = memory.baseAddress.unsafelyUnwrapped
            let fields = powers + tileWidth
            let ofSquares = 0 &- UInt64(bit(squares))
            var tiles = Tiles(0..<count)
            while let (start, length) = tiles.next() {
                @inline(__always)
                func put(_ k: Int) {
                    let bits = UInt64(truncatingIfNeeded: x[start &+ k].magnitudeBits)
                    let field = bits >> UInt64(Element.fractionBits)
                    let significand = bits & (1 << UInt64(Element.fractionBits) &- 1) | UInt64(bit(field != 0)) << UInt64(Element.fractionBits)
                    powers[k] = significand &* (significand & ofSquares | ~ofSquares & 1)
                    fields[k] = field
                }
                if length == tileWidth {
                    for k in 0..<tileWidth { put(k) }
                } else {
                    for k in 0..<length { put(k) }
                    for k in length..<tileWidth { (powers[k], fields[k]) = (0, 0) }
                }
                for k in 0..<tileWidth / Self.tables {
                    for table in 0..<Self.tables {
                        let i = k &* Self.tables &+ table
                        base[table &* Self.fields &+ Int(truncatingIfNeeded: fields[i])] &+= powers[i]
                    }
                }
            }
        }
    }

    @inline(__always)
    func finish<Element: NarrowElement>(_: Element.Type, power: Int, _ sum: ExactSum) {
        for field in 0..<Element.specialField {
            var (low, high) = (UInt64(0), UInt64(0))
            for table in 0..<Self.tables {
                let value = base[table &* Self.fields &+ field]
                low &+= value & 0xffff_ffff
                high &+= value >> 32
            }
            if low | high == 0 { continue }
            let exponent = power &* (max(field, 1) &- Element.bias &- Element.fractionBits)
            sum.add(Int64(low), exponent: exponent)
            sum.add(Int64(high), exponent: exponent &+ 32)
        }
    }
}

/// Adds |x|^p of the elements to a sum, for p = 1 and 2. At most 2^18 elements leave room in the tables. `roundsUp` says that the processor
/// rounds upwards.
@inline(__always)
private func addNarrow<Element: NarrowElement>(
    _ x: UnsafePointer<Element>, _ count: Int, _ p: Double, _ roundsUp: Bool, _ sum: ExactSum, _ tables: Tables
) {
    let power = p == 2 ? 2 : 1
    var (begin, tablesAreUsed) = (0, false)
    while begin < count {
        let (block, length) = (x + begin, min(blockSize(of: Element.self), count &- begin))
        begin &+= length
        let fields = Fields(block, length, fractionBits: Element.fractionBits)
        if fields.areAllZero { continue }
        let top = power &* (fields.largest &- Element.bias &+ 1)
        let bottom = power &* (max(fields.smallest, 1) &- Element.bias &- Element.fractionBits)
        // A subnormal float may be flushed to 0 where it becomes a double. Those of float16 are normal floats.
        let isOrdinary = fields.largest < Element.specialField && (fields.smallest > 0 || Element.exponentBits < 8) && !roundsUp
        switch (isOrdinary ? partsNeeded(top: top, bottom: bottom) : 5, power) {
        case (1, 1): Block<Element, 1, 1>.add(block, length, top: top, sum)
        case (2, 1): Block<Element, 2, 1>.add(block, length, top: top, sum)
        // Floats seldom fit into one part, and the others seldom need more than two. What seldom occurs has no code of its own.
        case (1, 2) where Element.fractionBits < 23: Block<Element, 1, 2>.add(block, length, top: top, sum)
        case (1...2, 2): Block<Element, 2, 2>.add(block, length, top: top, sum)
        case (3, 2) where Element.fractionBits == 23: Block<Element, 3, 2>.add(block, length, top: top, sum)
        case (4, 2) where Element.fractionBits == 23: Block<Element, 4, 2>.add(block, length, top: top, sum)
        default:
            if !tablesAreUsed { tables.clear() }
            tablesAreUsed = true
            tables.add(block, length, squares: p == 2)
            guard fields.largest == Element.specialField else { continue }
            let infinity = Element.Bits(Element.specialField) << Element.Bits(Element.fractionBits)
            for k in 0..<length {
                sum.infinities.pointee &+= Int64(bit(block[k].magnitudeBits == infinity))
                sum.notNumbers.pointee &+= Int64(bit(block[k].magnitudeBits > infinity))
            }
        }
    }
    if tablesAreUsed { tables.finish(Element.self, power: power, sum) }
}

// ---- Double ----

/// A block of doubles, whose values |x|^power take some parts. They are scaled by a power of two to near 1.
private enum DoubleBlock<let parts: Int, let power: Int> {
    /// Adds the values of elements below 2^(exponent + 1).
    @inline(never)
    static func add(_ x: UnsafePointer<Double>, _ count: Int, exponent: Int, _ sum: ExactSum) {
        let scale = min(max(exponent, -1000), 1000)
        let factor = SIMD8(repeating: powerOfTwo(-scale))
        let top = (exponent &- scale &+ 1) &* power
        @inline(__always)
        func add(_ column: UnsafeMutablePointer<Double>) {
            // The error of a rounded square is below half a unit in its last place.
            var (values, errors) = (PartSums<parts>(top: top), PartSums<parts>(top: top &- 53))
            var tiles = Tiles(0..<count)
            while let (start, length) = tiles.next() {
                var tile = x + start
                if length == tileWidth {
                    prefetchFar(tile)
                } else {
                    for k in 0..<length { column[k] = tile[k] }
                    for k in length..<tileWidth { column[k] = 0 }
                    tile = UnsafePointer(column)
                }
                for eighth in 0..<4 {
                    let v = eight(tile + eighth &* 8) * factor
                    if power == 2 {
                        let square = ExactSquare(v)
                        values.add { square.rounded + $0 }
                        errors.add { square.error + $0 }
                    } else {
                        values.add { magnitudes(v) + $0 }
                    }
                }
            }
            let padded = (count &+ tileWidth &- 1) & ~(tileWidth &- 1)
            values.finish(padded, sum, scale: power &* scale)
            if power == 2 { errors.finish(padded, sum, scale: power &* scale) }
        }
        withColumn(add)
    }
}

/// The square of v, as a rounded number and its error.
private struct ExactSquare {
    let rounded, error: SIMD8<Double>

    /// `high` is v rounded to 26 bits. Products of it and of the rest are exact, and so is the error, which Dekker found.
    @inline(__always)
    init(_ v: SIMD8<Double>) {
        rounded = v * v
        if bgi_has_fma() {
            error = bgi_square_plus(v, -rounded)
            return
        }
        let bits = unsafeBitCast(v, to: SIMD8<Int64>.self) &+ SIMD8(repeating: 1 << 26)
        let high = unsafeBitCast(bits & SIMD8(repeating: -1 << 27), to: SIMD8<Double>.self)
        let low = v - high
        error = ((high * high - rounded) + (high + high) * low) + low * low
    }
}

/// Adds |x|^p of the elements to a sum that has room for doubles, for p = 1 and 2.
private func addDoubles(_ x: UnsafePointer<Double>, _ count: Int, _ p: Double, _ roundsUp: Bool, _ sum: ExactSum) {
    let power = p == 2 ? 2 : 1
    var begin = 0
    while begin < count {
        let (block, length) = (x + begin, min(blockSize(of: Double.self), count &- begin))
        begin &+= length
        let fields = Fields(block, length, fractionBits: 52)
        if fields.areAllZero { continue }
        let isOrdinary = fields.largest < 2047 && fields.smallest > 0 && !roundsUp
        let (top, bottom) = (power &* (fields.largest &- 1022), power &* (fields.smallest &- 1023) &- 52)
        let exponent = fields.largest &- 1023
        switch (isOrdinary ? partsNeeded(top: top, bottom: bottom) : 5, power) {
        case (1...2, 2): DoubleBlock<2, 2>.add(block, length, exponent: exponent, sum)
        case (3, 2): DoubleBlock<3, 2>.add(block, length, exponent: exponent, sum)
        case (1...2, 1): DoubleBlock<2, 1>.add(block, length, exponent: exponent, sum)
        default: for k in 0..<length { addDouble(block[k], power, sum) }
        }
    }
}

private func addDouble(_ x: Double, _ power: Int, _ sum: ExactSum) {
    let bits = x.magnitudeBits
    let (field, fraction) = (Int(bits >> 52), UInt64(bits & (1 << 52 &- 1)))
    if field == 2047 {
        let counter = fraction == 0 ? sum.infinities : sum.notNumbers
        counter.pointee &+= 1
        return
    }
    let significand = fraction | UInt64(min(field, 1)) << 52
    let (high, low) = power == 2 ? significand.multipliedFullWidth(by: significand) : (0, significand)
    let exponent = power &* (max(field, 1) &- 1075)
    sum.add(Int64(low & 0xffff_ffff), exponent: exponent)
    sum.add(Int64(low >> 32), exponent: exponent &+ 32)
    sum.add(Int64(high), exponent: exponent &+ 64)
}

// ---- Pieces of tensors ----

/// Computes the sum of |x|^p of a piece, for p = 1 and 2.
@inline(never)
func addExactly(_ piece: TensorPass.Piece, _ pass: TensorPass, _ sum: ExactSum) {
    guard let data = piece.data else { return }
    // The divisor is 1, which the compiler does not know. Therefore it does not round this in place of the processor.
    let (p, roundsUp) = (pass.p, pass.divisor + 0x1p-60 != pass.divisor)
    sum.clear()
    var memory = InlineArray<1024, UInt64> { memory in
        memory.withUnsafeMutableBufferPointer { _, count in count = 1024 }
    }
    withUnsafeMutablePointer(to: &memory) { memory in
        let tables = Tables(base: UnsafeMutableRawPointer(memory).assumingMemoryBound(to: UInt64.self))
        switch piece.dtype {
        case BOXGRAD_F32: addNarrow(data.assumingMemoryBound(to: Float.self), piece.count, p, roundsUp, sum, tables)
        case BOXGRAD_F16: addNarrow(data.assumingMemoryBound(to: Half<Binary16>.self), piece.count, p, roundsUp, sum, tables)
        case BOXGRAD_BF16: addNarrow(data.assumingMemoryBound(to: Half<BFloat16>.self), piece.count, p, roundsUp, sum, tables)
        default: addDoubles(data.assumingMemoryBound(to: Double.self), piece.count, p, roundsUp, sum)
        }
    }
    sum.carry()
}
