// An exact sum is an integer of many words. Adding to it never rounds, so that the sum has the same bits for every order of the elements,
// and for every division of them among threads and machines. It is rounded once, at the end.

import CBoxgrad
import CShims

/// Holds a sum in words of 32 bits, which are kept in integers of 64 bits. Word i counts units of 2^(32 i + exponent). Behind the words are
/// the numbers of infinities and of NaNs. Therefore two sums are merged by adding their integers.
struct ExactSum {
    let words: UnsafeMutablePointer<Int64>
    let count: Int

    /// The sizes, in integers, of the sum of elements with 8 exponent bits, and of the one that also holds squares of doubles.
    static var size: Int { Int(BOXGRAD_EXACT_NORM_SIZE) }
    static var doubleSize: Int { Int(BOXGRAD_EXACT_NORM_SIZE_F64) }

    @inline(__always)
    init(_ start: UnsafeMutablePointer<Int64>, size: Int) { (words, count) = (start, size &- 2) }

    /// The exponent of the first word, below which no element's square has a bit.
    @inline(__always)
    var exponent: Int { count == Self.size &- 2 ? -320 : -2176 }

    var infinities: UnsafeMutablePointer<Int64> { @inline(__always) get { words + count } }
    var notNumbers: UnsafeMutablePointer<Int64> { @inline(__always) get { words + (count &+ 1) } }

    @inline(__always)
    func clear() { for i in 0..<count &+ 2 { words[i] = 0 } }

    @inline(__always)
    func add(_ other: UnsafePointer<Int64>) { for i in 0..<count &+ 2 { words[i] &+= other[i] } }

    /// Adds value * 2^exponent, which is a multiple of the first word's unit. It is not inlined, because it has many callers and is called
    /// seldom.
    @inline(never)
    func add(_ value: Int64, exponent: Int) { add(value, exponent: exponent) { words[$0] &+= $1 } }

    /// Calls `add` with each word that value * 2^exponent changes, and with what is added to it.
    @inline(__always)
    func add(_ value: Int64, exponent e: Int, _ add: (Int, Int64) -> Void) {
        var (value, place) = (value, e &- exponent)
        if place < 0 { (value, place) = (value >> Int64(-place), 0) }
        let (i, shift) = (place >> 5, UInt64(place & 31))
        let low = UInt64(UInt32(truncatingIfNeeded: value)) << shift
        let high = (value >> 32) << Int64(shift)
        add(i, Int64(low & 0xffff_ffff))
        if i &+ 1 < count { add(i &+ 1, Int64(low >> 32) &+ (high & 0xffff_ffff)) }
        if i &+ 2 < count { add(i &+ 2, high >> 32) }
    }

    /// Brings all words but the last into 0..<2^32, as the whole sum is not negative.
    @inline(__always)
    func carry() {
        var carried: Int64 = 0
        for i in 0..<count &- 1 {
            let word = words[i] &+ carried
            words[i] = word & 0xffff_ffff
            carried = word >> 32
        }
        words[count &- 1] &+= carried
    }
}

#if COMMON_KERNELS
extension ExactSum {
    /// Returns the double that is nearest to the sum (p = 1) or to its square root (p = 2). It carries the words.
    @inline(never)
    func norm(_ p: Double) -> Double {
        if notNumbers.pointee != 0 { return .nan }
        if infinities.pointee != 0 { return .infinity }
        carry()
        var top = count &- 1
        while top >= 0 && words[top] == 0 { top &-= 1 }
        guard top >= 0 else { return 0 }
        // The last word may be longer than the others.
        let length = 32 &* top &+ 64 &- words[top].leadingZeroBitCount
        if p == 1 {
            let (bits, more) = window(from: length &- 64, top)
            return rounded(UInt64(truncatingIfNeeded: bits), more, length &- 64 &+ exponent)
        }
        // The root of the leading 127 or 128 bits, at an even exponent, has 64 bits. These are the leading bits of the exact root, which is
        // longer if the leading bits are no square, or if there are more of them.
        let from = (length &- 127) & ~1
        let (bits, more) = window(from: from, top)
        let root = squareRoot(bits)
        return rounded(root, more || UInt128(root) &* UInt128(root) != bits, (from &+ exponent) / 2)
    }

    /// Returns the bits from place `from` on, of which there are at most 128, and whether there are any below.
    private func window(from: Int, _ top: Int) -> (bits: UInt128, more: Bool) {
        var (bits, more) = (UInt128(0), false)
        for i in 0...top {
            let (word, shift) = (UInt64(bitPattern: words[i]), 32 &* i &- from)
            if shift >= 0 {
                bits |= UInt128(word) << UInt128(shift)
            } else if shift > -64 {
                bits |= UInt128(word >> UInt64(-shift))
                more = more || word & (1 << UInt64(-shift) &- 1) != 0
            } else {
                more = more || word != 0
            }
        }
        return (bits, more)
    }
}

/// Returns the largest integer whose square is not above x, for x >= 2^126.
private func squareRoot(_ x: UInt128) -> UInt64 {
    // The root in double is off by less than 2^12. One step of Newton's method leaves an error of a few units in any mode of rounding.
    let guess = Double(UInt64(x >> 64)).squareRoot() * 0x1p32
    let start: UInt64 = guess < 0x1p64 ? bgi_whole(guess) : .max
    let square = UInt128(start) &* UInt128(start)
    let isAbove = square > x
    let difference = isAbove ? square &- x : x &- square
    let distance = (Double(UInt64(difference >> 64)) * 0x1p64 + Double(UInt64(truncatingIfNeeded: difference))) / (guess + guess)
    let step = bgi_whole(distance)
    var root = isAbove ? start &- step : start > .max &- step ? .max : start &+ step
    while UInt128(root) &* UInt128(root) > x { root &-= 1 }
    while root < .max && (UInt128(root) &+ 1) &* (UInt128(root) &+ 1) <= x { root &+= 1 }
    return root
}

/// Returns the double that is nearest to (bits + something between 0 and 1, if there is more) * 2^exponent. Of two that are equally near it
/// is the even one. The first of the 64 bits is 1.
private func rounded(_ bits: UInt64, _ more: Bool, _ exponent: Int) -> Double {
    // A double keeps 53 bits, or those from 2^-1074 on.
    let drop = max(11, -1074 &- exponent)
    guard drop <= 64 else { return 0 }
    let half: UInt64 = 1 << UInt64(drop &- 1)
    var kept = drop == 64 ? 0 : bits >> UInt64(drop)
    let rest = bits & (half &- 1)
    if bits & half != 0 && (rest != 0 || more || kept & 1 != 0) { kept &+= 1 }
    // If rounding made a 54th bit, this pattern is that of the next power of two, and past the largest double that of infinity.
    let biased = exponent &+ drop &+ 1074
    if biased >= 2046 { return .infinity }
    return Double(bitPattern: UInt64(biased) << 52 &+ kept)
}
#endif
