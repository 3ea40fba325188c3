// These functions compute the sine and the cosine for boxRotate. Both are exact at multiples of 90 degrees, and within 1 ulp elsewhere. The
// code is scalar and prefers accuracy to speed, because a call needs only one angle.

/// Returns the sine and the cosine of an angle in degrees, which must be finite.
func sineAndCosine(degrees: Double) -> (sine: Double, cosine: Double) {
    let turn = exactRemainder360(degrees)
    // Below this bound the low parts that are computed below would underflow.
    if turn.magnitude < 0x1p-300 { return (turn * 0x1.1df46a2529d39p-6, 1) }
    // Subtracts the nearest multiple of 90, which leaves -45...45, up to rounding of the bounds. The subtraction is exact.
    let quarter = Int((turn + 45) * (1 / 90.0) + 4) &- 4
    let rest = turn - 90 * Double(quarter)
    // x + error is the rest in radians.
    let (high, low) = exactProduct(rest, 0x1.1df46a2529d39p-6)
    let x = high + (low + rest * 0x1.5c1d8becdd291p-62)
    let error = (high - x) + (low + rest * 0x1.5c1d8becdd291p-62)
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

    switch quarter & 3 {
    case 0: return (sine, cosine)
    case 1: return (cosine, 0 - sine)
    case 2: return (0 - sine, 0 - cosine)
    default: return (0 - cosine, sine)
    }
}

/// Returns the remainder of a finite x divided by 360, with the sign of x. It is exact for every x, because integer arithmetic computes it.
private func exactRemainder360(_ x: Double) -> Double {
    let magnitude = x.magnitude
    guard magnitude >= 360 else { return x }
    let exponent = Int(magnitude.bitPattern >> 52) &- 1075
    // Below 2^53 the integer part fits UInt64, and the fraction is added to the remainder.
    if exponent < 0 {
        let integer = UInt64(magnitude)
        let rest = Double(integer % 360) + (magnitude - Double(integer))
        return x < 0 ? -rest : rest
    }
    var remainder = (magnitude.bitPattern & 0x000f_ffff_ffff_ffff | 0x0010_0000_0000_0000) % 360
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
