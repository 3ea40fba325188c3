// exp, log and atan as branch-free polynomials: they vectorise, need no libm, and give the same bits in every tier.
// Coefficients and their error bounds: tools/elementary_coefficients.py. The results are within 1 ulp; the float32
// functions go through double, so they are within 0.5000001 ulp.

@inline(__always)
func exp<T: Real>(_ x: T) -> T { T(exp(Double(x))) }

private let ln2: (high: Double, low: Double) = (0x1.62e42fefa3800p-1, 0x1.ef35793c76730p-45)

@inline(__always)
func exp(_ x: Double) -> Double {
    // Beyond these bounds the result is 0 or infinity; clamping keeps the exponent's arithmetic in range.
    let clamped = smaller(larger(x, -750), 710)
    // Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits.
    let rounder = 0x1.8p52
    let shifted = clamped * 1.4426950408889634 + rounder
    let k = shifted - rounder
    let high = clamped - k * ln2.high
    let low = k * ln2.low
    let r = high - low
    var q = 0x1.1f72fc730b4ffp-29
    q = q * r + 0x1.af4ddd84882fep-26
    q = q * r + 0x1.27e4db67b4303p-22
    q = q * r + 0x1.71de02375656cp-19
    q = q * r + 0x1.a01a01a6d7808p-16
    q = q * r + 0x1.a01a01abe62ddp-13
    q = q * r + 0x1.6c16c16c162d6p-10
    q = q * r + 0x1.11111111100dfp-7
    q = q * r + 0x1.5555555555556p-5
    q = q * r + 0x1.5555555555557p-3
    q = q * r + 0x1.0p-1
    let mantissa = 1 + (high + (r * r * q - low))
    // Two factors, because 2^k alone may overflow or underflow where the product does not. The offset makes k positive.
    let exponent = shifted.bitPattern &- rounder.bitPattern &+ 2048
    let half = exponent >> 1
    let first = Double(bitPattern: (half &- 1) << 52)
    let second = Double(bitPattern: (exponent &- half &- 1) << 52)
    return choose(x != x, x, mantissa * first * second)
}

/// log(a / b), also where a and b are close: the ratio would have lost the digits that matter. Zeros, infinities and
/// different signs give the logarithm of the ratio.
@inline(__always)
func log<T: Real>(ratioOf a: Double, to b: Double) -> T {
    let ratio = T(a) / T(b)
    let special = choose(ratio == 0, -.infinity, choose(ratio < 0, .nan, ratio))
    let (p, q) = (a.magnitude, b.magnitude)
    let regular = both(both(both(p > 0, p < .infinity), both(q > 0, q < .infinity)), (a > 0) == (b > 0))
    let (pExponent, pMantissa) = normalised(p)
    let (qExponent, qMantissa) = normalised(q)
    // The mantissas are in 1..<2. Bring them to within a factor of sqrt(2) of each other: their difference is then exact.
    let up = choose(pMantissa > qMantissa * 1.4142135623730951, 1, 0)
    let down = choose(qMantissa > pMantissa * 1.4142135623730951, 1, 0)
    let k = pExponent - qExponent + up - down
    let (m, n) = (pMantissa * choose(up == 1, 0.5, 1), qMantissa * choose(down == 1, 0.5, 1))
    let (difference, sum) = (m - n, m + n)
    let s = difference / sum
    // What rounding took from the sum and the quotient: it would show in double, but not in float.
    var lost = 0.0
    if T.self == Double.self {
        let part = sum - m
        let sumLow = (m - (sum - part)) + (n - part)
        let (back, backLow) = exactProduct(s, sum)
        lost = (((difference - back) - backLow) - s * sumLow) / sum
    }
    let z = s * s
    var t = 0x1.0c039c49989c6p-3
    t = t * z + 0x1.0fbe95d716020p-3
    t = t * z + 0x1.3b1c355a8f7a2p-3
    t = t * z + 0x1.745cf9048dd95p-3
    t = t * z + 0x1.c71c720159177p-3
    t = t * z + 0x1.2492492476cccp-2
    t = t * z + 0x1.9999999999a38p-2
    t = t * z + 0x1.5555555555555p-1
    // log(m / n) = 2 atanh(s)
    return choose(regular, T(k * ln2.high + (2 * s + (s * z * t + (2 * lost + k * ln2.low)))), special)
}

/// x = 2^exponent * mantissa with the mantissa in 1..<2, for positive finite x.
@inline(__always)
private func normalised(_ x: Double) -> (exponent: Double, mantissa: Double) {
    let subnormal = x < 0x1p-1022
    let bits = choose(subnormal, x * 0x1p54, x).bitPattern
    // An integer placed in the low bits of 2^52 is converted by subtracting 2^52: 64-bit conversions do not vectorise.
    let exponent = Double(bitPattern: (bits >> 52) | 0x4330_0000_0000_0000) - (0x1p52 + 1023) - choose(subnormal, 54, 0)
    return (exponent, Double(bitPattern: (bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000))
}

@inline(__always)
func atan(_ x: Double) -> Double {
    let a = x.magnitude
    // atan(a) = atan(c) + atan(t), t = (a - c) / (1 + a c), for the nearest of c = 0, 1/2, 1, 3/2, infinity.
    @inline(__always)
    func nearest(_ zero: Double, _ half: Double, _ one: Double, _ threeHalves: Double, _ infinity: Double) -> Double {
        choose(a < 2.4375, choose(a < 0.6875, choose(a < 0.4375, zero, half), choose(a < 1.1875, one, threeHalves)), infinity)
    }
    let t = nearest(a, 2 * a - 1, a - 1, a - 1.5, -1) / nearest(1, 2 + a, a + 1, 1 + 1.5 * a, a)
    let high = nearest(0, 0x1.dac670561bb4fp-2, 0x1.921fb54442d18p-1, 0x1.f730bd281f69bp-1, 0x1.921fb54442d18p+0)
    let low = nearest(0, 0x1.a2b7f222f65e2p-56, 0x1.1a62633145c07p-55, 0x1.007887af0cbbdp-56, 0x1.1a62633145c07p-54)
    let z = t * t
    var p = -0x1.e4167464d3de8p-7
    p = p * z + 0x1.0f62bba6a2558p-5
    p = p * z - 0x1.7001816fd063fp-5
    p = p * z + 0x1.ab59b417b2d3fp-5
    p = p * z - 0x1.e170800a46210p-5
    p = p * z + 0x1.110c9ce7b0572p-4
    p = p * z - 0x1.3b1375ce5bdc6p-4
    p = p * z + 0x1.745d154c84f7ap-4
    p = p * z - 0x1.c71c71bd2b8bcp-4
    p = p * z + 0x1.2492492485503p-3
    p = p * z - 0x1.99999999998c5p-3
    p = p * z + 0x1.5555555555555p-2
    let result = high - ((t * z * p - low) - t)
    return Double(signOf: x, magnitudeOf: result)
}
