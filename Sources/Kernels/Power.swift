/// Returns x^p within 3 ulp, for finite x >= 0 and p > 0. It is the power of a general p-norm. The logarithm is a sum of two doubles, because
/// a power multiplies the relative error of the logarithm by p log x.
func power(_ x: Double, _ p: Double) -> Double {
    // 1 is returned here, because exactProduct overflows for a very large p.
    if x == 0 || x == 1 { return x }
    let (high, low) = extendedLog(x)
    let (product, productLow) = exactProduct(high, p)
    // Here the product is far beyond the range of exp, and the correction is meaningless or NaN.
    guard product.magnitude < 1000 else { return exp(product) }
    return exp(product) * (1 + (productLow + low * p))
}

/// Returns log(x) of a positive finite x, as a sum of two doubles.
private func extendedLog(_ x: Double) -> (Double, Double) {
    let subnormal = x < 0x1p-1022
    let bits = (subnormal ? x * 0x1p54 : x).bitPattern &+ (0x3ff0_0000_0000_0000 &- 0x3fe6_a09e_0000_0000)
    let k = Double(Int(bits >> 52) &- 1023 &- (subnormal ? 54 : 0))
    let f = Double(bitPattern: (bits & 0x000f_ffff_ffff_ffff) &+ 0x3fe6_a09e_0000_0000) - 1
    // s is f / (2 + f), and sLow is the remainder of this quotient.
    let divisor = 2 + f
    let divisorLow = f - (divisor - 2)
    let s = f / divisor
    let (back, backLow) = exactProduct(s, divisor)
    let sLow = ((f - back) - backLow - s * divisorLow) / divisor
    // log(1 + f) = 2 s + 2/3 s^3 + 2/5 s^5 + ... The first two terms are computed in two parts. The rest is below 2^-13 and is computed in
    // one part.
    let (z, zRound) = exactProduct(s, s)
    let zLow = zRound + 2 * s * sLow
    let (cube, cubeRound) = exactProduct(z, s)
    let cubeLow = cubeRound + z * sLow + zLow * s
    let (third, thirdRound) = exactProduct(cube, 0x1.5555555555555p-1)
    let thirdLow = thirdRound + cubeLow * 0x1.5555555555555p-1 + cube * 0x1.5555555555555p-55
    var q = 2.0 / 25
    q = q * z + 2.0 / 23
    q = q * z + 2.0 / 21
    q = q * z + 2.0 / 19
    q = q * z + 2.0 / 17
    q = q * z + 2.0 / 15
    q = q * z + 2.0 / 13
    q = q * z + 2.0 / 11
    q = q * z + 2.0 / 9
    q = q * z + 2.0 / 7
    q = q * z + 2.0 / 5
    let (a, aLow) = exactSum(k * 0x1.62e42fefa3800p-1, 2 * s)
    let (b, bLow) = exactSum(a, third)
    return exactSum(b, bLow + aLow + (thirdLow + (2 * sLow + (k * 0x1.ef35793c76730p-45 + cube * z * q))))
}

/// Returns a + b as an unevaluated sum of two doubles (Knuth 1969).
@inline(__always)
private func exactSum(_ a: Double, _ b: Double) -> (Double, Double) {
    let sum = a + b
    let part = sum - a
    return (sum, (a - (sum - part)) + (b - part))
}
