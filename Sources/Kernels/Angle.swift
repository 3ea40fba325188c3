// These functions compute sines and cosines, of any finite angle and with the same bits in every tier. They are exact at multiples of 90
// degrees, and within 1 ulp elsewhere. Tiles of angles take a way without branches; the few angles that are too large for it take a way of
// their own, by integers.

import CBoxgrad
import CShims

/// A unit of angles: radians, or degrees.
struct AngleUnit {
    private let isDegrees: Bool
    /// A quarter turn in this unit, in parts whose products with the number of quarter turns are exact, but for the last.
    private let quarter: (Double, Double, Double)
    private let perQuarter: Double
    /// This unit in radians, as the sum of two doubles.
    private let high, low: Double

    @inline(__always)
    init(degrees: Bool) {
        isDegrees = degrees
        quarter = degrees ? (90, 0, 0) : (0x1.921fb54400000p+0, 0x1.0b4611a600000p-34, 0x1.3198a2e037073p-69)
        perQuarter = degrees ? 1 / 90.0 : 0x1.45f306dc9c883p-1
        (high, low) = degrees ? (0x1.1df46a2529d39p-6, 0x1.5c1d8becdd291p-62) : (1, 0)
    }

    /// This unit in radians, and a radian in this unit.
    @inline(__always)
    var radians: Double { high }
    @inline(__always)
    var perRadian: Double { isDegrees ? 0x1.ca5dc1a63c1f8p+5 : 1 }

    /// Beyond this size, products with the number of quarter turns are no longer exact.
    @inline(__always)
    var largestShortAngle: Double { 0x1p19 }

    /// Returns the sine and the cosine of an angle that is less than largestShortAngle, or NaN for NaN and infinity.
    @inline(__always)
    func shortSineAndCosine(_ angle: Double) -> (sine: Double, cosine: Double) {
        // Adding 1.5 * 2^52 rounds to an integer, and leaves the integer in the low bits.
        let shifted = angle * perQuarter + 0x1.8p52
        let count = shifted - 0x1.8p52
        // What is left is at most half a quarter turn, up to rounding. Each difference is exact.
        let first = angle - count * quarter.0
        let second = count * quarter.1
        let rest = first - second
        let lost = ((first - rest) - second) - count * quarter.2
        let (product, productLow) = exactProduct(rest, high)
        let tail = productLow + (rest * low + lost * high)
        let x = product + tail
        let (sine, cosine) = placedSineAndCosine(x, (product - x) + tail, quarters: shifted.bitPattern)
        // Below this bound the low parts underflow.
        return (choose(angle.magnitude < 0x1p-300, angle * high, sine), cosine)
    }

    /// A quarter turn.
    @inline(__always)
    var quarterTurn: Double { isDegrees ? 90 : 0x1.921fb54442d18p+0 }

#if COMMON_KERNELS
    /// Returns whether the multiple of a quarter turn that is nearest to an angle is an odd one, and what is left of the angle.
    @inline(never)
    func nearestQuarterTurn(_ angle: Double) -> (isOdd: Bool, rest: Double) {
        if isDegrees {
            guard isFinite(angle) else { return (false, .nan) }
            let reduced = exactRemainder360(angle)
            let shifted = reduced * perQuarter + 0x1.8p52
            return (shifted.bitPattern & 1 == 1, reduced - 90 * (shifted - 0x1.8p52))
        }
        let (sine, cosine) = sineAndCosine(angle)
        let isOdd = sine.magnitude > cosine.magnitude
        return (isOdd, atan(isOdd ? (0 - cosine) / sine : sine / cosine))
    }

    /// Returns what is left of an angle without whole turns, or without half turns: at most half of one in size, or NaN if the angle is not finite.
    @inline(never)
    func remainder(_ angle: Double, ofHalfTurns isHalf: Bool) -> Double {
        if isDegrees {
            guard isFinite(angle) else { return .nan }
            let (reduced, period) = (exactRemainder360(angle), isHalf ? 180.0 : 360.0)
            return reduced - period * ((reduced / period + 0x1.8p52) - 0x1.8p52)
        }
        let (sine, cosine) = sineAndCosine(angle)
        let direction = Vector(cosine, sine)
        return (isHalf && cosine < 0 ? (-1) * direction : direction).angle
    }
#endif

    /// Returns the sine and the cosine of any angle, or NaN for NaN and infinity.
    @inline(never)
    func sineAndCosine(_ angle: Double) -> (sine: Double, cosine: Double) {
        if !(angle.magnitude >= largestShortAngle) { return shortSineAndCosine(angle) }
        guard isFinite(angle) else { return (.nan, .nan) }
        return isDegrees ? shortSineAndCosine(exactRemainder360(angle)) : sineAndCosineOfManyRadians(angle)
    }
}

/// What the code of a call says of its angles: their unit, and whether they turn clockwise on the screen, where y points down.
struct AngleConvention {
    let unit: AngleUnit
    /// Is 1 if angles turn clockwise, and else -1.
    let sense: Double

    @inline(__always)
    init(_ code: Int32) {
        unit = AngleUnit(degrees: code == BOXGRAD_ANGLE_DEGREES_CCW || code == BOXGRAD_ANGLE_DEGREES_CW)
        sense = code == BOXGRAD_ANGLE_RADIANS_CW || code == BOXGRAD_ANGLE_DEGREES_CW ? 1 : -1
    }

    /// What a clockwise angle in radians grows by if the angle grows by 1, and the inverse of it.
    @inline(__always)
    var radians: Double { sense * unit.radians }
    @inline(__always)
    var perRadian: Double { sense * unit.perRadian }

    /// Returns the direction of a box's first side.
    @inline(__always)
    func direction(_ angle: Double) -> (c: Double, s: Double) {
        let (sine, cosine) = unit.sineAndCosine(angle)
        return (cosine, sense * sine)
    }
}

/// Returns the sine and the cosine of a number of quarter turns and x + error, where x is at most pi/4 in size, up to rounding.
@inline(__always)
private func placedSineAndCosine(_ x: Double, _ error: Double, quarters: UInt64) -> (sine: Double, cosine: Double) {
    let z = x * x

    var s = -0x1.ab17d404de5b3p-41
    s = s * z + 0x1.61217f0b800d5p-33
    s = s * z - 0x1.ae645412c560cp-26
    s = s * z + 0x1.71de3a546095bp-19
    s = s * z - 0x1.a01a01a019938p-13
    s = s * z + 0x1.1111111111110p-7
    s = s * z - 0x1.5555555555555p-3
    let sine = x + (error + x * z * s)

    var c = -0x1.907da367a37cbp-37
    c = c * z + 0x1.1eeb68e93b64cp-29
    c = c * z - 0x1.27e4fa17da09ep-22
    c = c * z + 0x1.a01a019f4eb01p-16
    c = c * z - 0x1.6c16c16c16967p-10
    c = c * z + 0x1.5555555555555p-5
    let halfSquare = 0.5 * z
    let main = 1 - halfSquare
    let (square, squareLow) = exactProduct(x, x)
    let lost = ((1 - main) - halfSquare) - 0.5 * ((square - z) + squareLow)
    let cosine = main + (lost + (z * z * c - x * error))

    let odd = quarters & 1 == 1
    let (a, b) = (choose(odd, cosine, sine), choose(odd, sine, cosine))
    let (signA, signB) = ((quarters & 2) << 62, ((quarters &+ 1) & 2) << 62)
    return (Double(bitPattern: a.bitPattern ^ signA), Double(bitPattern: b.bitPattern ^ signB))
}

/// Returns the sine and the cosine of an angle of at least 1 radian, by 192 bits of 2/pi, from where they matter.
@inline(__always)
private func sineAndCosineOfManyRadians(_ angle: Double) -> (sine: Double, cosine: Double) {
    // The angle is m * 2^e. What the bits before these would add are multiples of four quarter turns.
    let e = Int(angle.magnitude.bitPattern >> 52) &- 1075
    let m = angle.magnitude.bitPattern & 0x000f_ffff_ffff_ffff | 0x0010_0000_0000_0000
    let offset = e &+ 62
    let (word, bit) = (offset >> 6, UInt64(truncatingIfNeeded: offset & 63))
    @inline(__always)
    func bits(_ index: Int) -> UInt64 {
        let (high, low) = (bgi_two_over_pi(word &+ index), bgi_two_over_pi(word &+ index &+ 1))
        return bit == 0 ? high : high << bit | low >> (64 &- bit)
    }
    let (a, b, c) = (bits(0), bits(1), bits(2))
    let cm = c.multipliedFullWidth(by: m), bm = b.multipliedFullWidth(by: m)
    let (middle, carry) = bm.low.addingReportingOverflow(cm.high)
    var (high, mid, low) = (a &* m &+ bm.high &+ (carry ? 1 : 0), middle, cm.low)
    var quarters = high >> 62
    (high, mid, low) = (high << 2 | mid >> 62, mid << 2 | low >> 62, low << 2)
    let isNegative = high >> 63 == 1
    if isNegative {  // the nearest quarter turn is the next one
        quarters &+= 1
        (high, mid, low) = (~high, ~mid, ~low)
    }
    let zeros = UInt64(truncatingIfNeeded: high.leadingZeroBitCount)  // at most about 60
    if zeros > 0 { (high, mid) = (high << zeros | mid >> (64 &- zeros), mid << zeros | low >> (64 &- zeros)) }
    let scale = Double(bitPattern: (1023 &- 64 &- zeros) << 52) * (isNegative ? -1 : 1)
    let top = Double(high & ~0x7ff) * scale
    let rest = (Double(high & 0x7ff) + Double(mid >> 11) * 0x1p-53) * scale
    let (product, productLow) = exactProduct(top, 0x1.921fb54442d18p+0)
    let tail = productLow + (top * 0x1.1a62633145c07p-54 + rest * 0x1.921fb54442d18p+0)
    let x = product + tail
    let (sine, cosine) = placedSineAndCosine(x, (product - x) + tail, quarters: quarters)
    return (angle < 0 ? -sine : sine, cosine)
}

/// Returns the remainder of a finite x divided by 360, with the sign of x. It is exact for every x, because integer arithmetic computes it.
private func exactRemainder360(_ x: Double) -> Double {
    let magnitude = x.magnitude
    guard magnitude >= 360 else { return x }
    let exponent = Int(magnitude.bitPattern >> 52) &- 1075
    let significand = magnitude.bitPattern & 0x000f_ffff_ffff_ffff | 0x0010_0000_0000_0000
    // Below 2^53 the integer part is shifted out of the significand, and the fraction is added to the remainder.
    if exponent < 0 {
        let integer = significand &>> UInt64(bitPattern: Int64(0 &- exponent))
        let rest = Double(integer % 360) + (magnitude - Double(integer))
        return x < 0 ? -rest : rest
    }
    var remainder = significand % 360
    for _ in 0..<exponent { remainder = remainder &* 2 % 360 }
    return x < 0 ? -Double(remainder) : Double(remainder)
}

/// Returns a * b as an unevaluated sum of two doubles (Dekker 1971). It uses no fused multiply-add, because some processors do not have
/// this instruction.
@inline(__always)
func exactProduct(_ a: Double, _ b: Double) -> (high: Double, low: Double) {
    let product = a * b
    let (aHigh, aLow) = halves(a)
    let (bHigh, bLow) = halves(b)
    return (product, ((aHigh * bHigh - product) + aHigh * bLow + aLow * bHigh) + aLow * bLow)
}

/// Splits x into its upper 26 bits and the rest, so that products of such halves are exact.
@inline(__always)
private func halves(_ x: Double) -> (Double, Double) {
    let scaled = 0x1.0000002p27 * x
    let high = scaled - (scaled - x)
    return (high, x - high)
}
