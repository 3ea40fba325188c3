// exp, log and atan are polynomials without branches, because these vectorise, need no libm, and give the same bits in every tier.
// tools/elementary_coefficients.py computes the coefficients and their error bounds. Results are within 1 ulp: exp and atan within 0.9, log
// within 0.8. The functions whose result is rounded to float have fewer terms, and this result is within 0.51 ulp of float.
// Tests/elementary measures these errors.

@inline(__always)
func exp<T: Real>(_ x: T) -> T { exp(Double(x)) }

/// Returns exp(x), rounded to T.
@inline(__always)
func exp<T: Real>(_ x: Double) -> T { T(T.self == Float.self ? shortExp(x) : exp(x)) }

/// Returns exp(x) for a result that is rounded to float. It has fewer terms than exp, and needs only one factor 2^k, because a double holds
/// every power of two that a float result needs.
@inline(__always)
private func shortExp(_ x: Double) -> Double {
    let clamped = smaller(larger(x, -150), 100)
    let shifted = clamped * 1.4426950408889634 + rounder
    let r = clamped - (shifted - rounder) * 0x1.62e42fefa39efp-1
    var q = 0x1.a124e3f154d32p-13
    q = q * r + 0x1.6d431504c53d3p-10
    q = q * r + 0x1.1110e0f726534p-7
    q = q * r + 0x1.5554e9114ecf9p-5
    q = q * r + 0x1.5555555a78232p-3
    q = q * r + 0x1.0000000b8f62bp-1
    let power = Double(bitPattern: (shifted.bitPattern &- rounder.bitPattern &+ 1023) << 52)
    return choose(x != x, x, (1 + (r + r * r * q)) * power)
}

/// Adding 1.5 * 2^52 to a number rounds it to an integer, and leaves the integer in the low bits.
private let rounder = 0x1.8p52

private let ln2: (high: Double, low: Double) = (0x1.62e42fefa3800p-1, 0x1.ef35793c76730p-45)

@inline(__always)
func exp(_ x: Double) -> Double {
    let (shifted, rest) = expParts(x)
    let mantissa = 1 + rest
    // The result is multiplied by 2^k in two factors, because 2^k alone may overflow or underflow where the product does not. The offset
    // makes k positive.
    let exponent = shifted.bitPattern &- rounder.bitPattern &+ 2048
    let half = exponent >> 1
    let first = Double(bitPattern: (half &- 1) << 52)
    let second = Double(bitPattern: (exponent &- half &- 1) << 52)
    return choose(x != x, x, mantissa * first * second)
}

/// Returns exp(x) - 1, with all digits where x is near 0.
@inline(__always)
func expMinusOne(_ x: Double) -> Double {
    let (shifted, rest) = expParts(x)
    return choose(shifted == rounder, rest, exp(x) - 1)
}

/// Returns k, shifted, and exp(r) - 1, where x is k ln 2 + r.
@inline(__always)
private func expParts(_ x: Double) -> (shifted: Double, rest: Double) {
    // Beyond these bounds the result is 0 or infinity. The clamp keeps the arithmetic on the exponent in range.
    let clamped = smaller(larger(x, -750), 710)
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
    return (shifted, high + (r * r * q - low))
}

/// Returns log(a / b) for any two numbers. If one of them is 0, infinite or NaN, or if their signs differ, the result is the logarithm of
/// their ratio.
@inline(__always)
func log<T: Real>(ratioOf a: Double, to b: Double) -> T {
    let ratio = T(a) / T(b)
    let special = choose(ratio == 0, -.infinity, choose(ratio < 0, .nan, ratio))
    let (p, q) = (a.magnitude, b.magnitude)
    let regular = both(both(both(p > 0, p < .infinity), both(q > 0, q < .infinity)), (a > 0) == (b > 0))
    return choose(regular, log(ratioOfPositive: p, to: q), special)
}

/// Returns log(p / q) for positive finite numbers. It is accurate also where p and q are close, because it does not round the ratio first:
/// that would lose the digits that matter.
@inline(__always)
func log<T: Real>(ratioOfPositive p: Double, to q: Double) -> T {
    if T.self == Float.self { return T(shortLog(ratioOf: p, to: q)) }
    let (first, second, third, rest) = logParts(ratioOfPositive: p, to: q)
    return T(first + (second + (third + rest)))
}

/// Returns x^p within 3 ulp, for a positive finite x and a finite p whose product with log x is at most 2^20 in size. The logarithm is a sum of two
/// doubles, as in Power.swift, but there is no branch.
@inline(__always)
func power(ofPositive x: Double, _ p: Double) -> Double {
    let (first, second, third, lost) = logParts(ratioOfPositive: x, to: 1)
    // Each part is larger than the next, or the first is 0.
    let rest = third + lost
    let last = second + rest
    let high = first + last
    let low = ((first - high) + last) + ((second - last) + rest)
    let (product, productLow) = exactProduct(high, p)
    return exp(product) * (1 + (productLow + low * p))
}

/// Returns x - log(1 + x), where 1 + x is p / q of positive finite numbers, with all digits where p and q are close.
@inline(__always)
func excessOverLog(ofRatio p: Double, to q: Double) -> Double {
    let (first, second, third, rest) = logParts(ratioOfPositive: p, to: q)
    let x = (p - q) / q
    // x - 2 s is x s, where s is (p - q) / (p + q) and the first term 0.
    return choose(first == 0, x * (second * 0.5) - third, x - (first + (second + (third + rest))))
}

/// Returns four numbers, whose sum is log(p / q): k ln 2, 2 s and s z t of decreasing size, and what these lost.
@inline(__always)
private func logParts(ratioOfPositive p: Double, to q: Double) -> (Double, Double, Double, Double) {
    let (pExponent, pMantissa) = normalised(p)
    let (qExponent, qMantissa) = normalised(q)
    // The mantissas are in 1..<2. One of them is halved if necessary, so that they are within a factor of sqrt(2) of each other. Then their
    // difference is exact.
    let up = choose(pMantissa > qMantissa * 1.4142135623730951, 1, 0)
    let down = choose(qMantissa > pMantissa * 1.4142135623730951, 1, 0)
    let k = pExponent - qExponent + up - down
    let (m, n) = (pMantissa * choose(up == 1, 0.5, 1), qMantissa * choose(down == 1, 0.5, 1))
    let (difference, sum) = (m - n, m + n)
    let s = difference / sum
    // sumLow is the rounding error of the sum. lost corrects the quotient for this error and for its own rounding.
    let part = sum - m
    let sumLow = (m - (sum - part)) + (n - part)
    let (back, backLow) = exactProduct(s, sum)
    let lost = (((difference - back) - backLow) - s * sumLow) / sum
    let z = s * s
    var t = 0x1.0c039c49989c6p-3
    t = t * z + 0x1.0fbe95d716020p-3
    t = t * z + 0x1.3b1c355a8f7a2p-3
    t = t * z + 0x1.745cf9048dd95p-3
    t = t * z + 0x1.c71c720159177p-3
    t = t * z + 0x1.2492492476cccp-2
    t = t * z + 0x1.9999999999a38p-2
    t = t * z + 0x1.5555555555555p-1
    // log(m / n) is 2 atanh(s), and s * z * t approximates 2 atanh(s) - 2 s.
    return (k * ln2.high, 2 * s, s * z * t, 2 * lost + k * ln2.low)
}

/// Returns log(1 + x) for x >= 0. The second term is what the sum 1 + x lost by rounding.
@inline(__always)
func log(onePlus x: Double) -> Double {
    let sum = 1 + x
    return log(ratioOfPositive: sum, to: 1) + (x - (sum - 1)) / sum
}

/// Returns log(p / q) for a result that is rounded to float. p and q must be positive, and differences of floats, so that they are normal
/// doubles.
@inline(__always)
private func shortLog(ratioOf p: Double, to q: Double) -> Double {
    // The bits of a double, read as an integer, are about 2^52 times its logarithm to base 2. Their difference rounds to an exponent k for
    // which p is within a factor of 1.51 of n = 2^k q.
    let biased = (p.bitPattern &- q.bitPattern &+ (1024 << 52 | 1 << 51)) >> 52
    let k = Double(bitPattern: 0x4330_0000_0000_0000 | biased) - (0x1p52 + 1024)
    let n = q * Double(bitPattern: (biased &- 1) << 52)
    let s = (p - n) / (p + n)
    let z = s * s
    var t = 0x1.e6783b8998102p-3
    t = t * z + 0x1.242c159e61429p-2
    t = t * z + 0x1.999a6cea0e31ap-2
    t = t * z + 0x1.555555335bdd8p-1
    return k * 0x1.62e42fefa39efp-1 + (2 * s + s * z * t)
}

/// Splits a positive finite x into 2^exponent * mantissa, with the mantissa in 1..<2.
@inline(__always)
private func normalised(_ x: Double) -> (exponent: Double, mantissa: Double) {
    let subnormal = x < 0x1p-1022
    let bits = choose(subnormal, x * 0x1p54, x).bitPattern
    // The integer is placed in the low bits of 2^52, and 2^52 is subtracted. This converts it to a double, because AVX2 has no vector
    // conversion of 64-bit integers.
    let exponent = Double(bitPattern: (bits >> 52) | 0x4330_0000_0000_0000) - (0x1p52 + 1023) - choose(subnormal, 54, 0)
    return (exponent, Double(bitPattern: (bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000))
}

/// Returns the angle of the vector (x, y) for a result that is rounded to float. It is atan(y / x), to which half a turn with the sign of y
/// is added where x < 0. The vector must not be (0, 0).
@inline(__always)
func shortAngle(_ y: Double, _ x: Double) -> Double {
    let (opposite, adjacent) = (y.magnitude, x.magnitude)
    let steep = opposite > adjacent
    let (small, large) = (choose(steep, adjacent, opposite), choose(steep, opposite, adjacent))
    // Beyond tan(pi/8) the code uses atan(small / large) = pi/4 + atan((small - large) / (small + large)), so that t stays small.
    let diagonal = small > large * 0.41421356237309503
    let t = choose(diagonal, small - large, small) / choose(diagonal, small + large, large)
    let z = t * t
    var p = -0x1.9d8b2344d1c3cp-5
    p = p * z + 0x1.614448bd30a84p-4
    p = p * z - 0x1.c57bad2e925f0p-4
    p = p * z + 0x1.248a173238684p-3
    p = p * z - 0x1.99997b13bead1p-3
    p = p * z + 0x1.5555554c0aef3p-2
    let octant = (t - t * z * p) + choose(diagonal, 0x1.921fb54442d18p-1, 0)
    let quadrant = choose(steep, 0x1.921fb54442d18p+0 - octant, octant)
    return Double(signOf: y, magnitudeOf: choose(x < 0, 0x1.921fb54442d18p+1 - quadrant, quadrant))
}

@inline(__always)
func atan(_ x: Double) -> Double {
    let a = x.magnitude
    // atan(a) = atan(c) + atan(t) with t = (a - c) / (1 + a c). The code takes c from 0, 1/2, 1, 3/2 and infinity, so that |t| is at most
    // 7/16.
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
