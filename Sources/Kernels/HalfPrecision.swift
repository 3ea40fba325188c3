// These are the 16-bit floating-point formats. Swift's Float16 is not used, because it needs the compiler's conversion library. Swift has
// no bfloat16.

import CShims

protocol HalfFormat {
    static var significandBits: UInt64 { get }
    static var bias: UInt64 { get }
}

enum Binary16: HalfFormat {
    static var significandBits: UInt64 { 10 }
    static var bias: UInt64 { 15 }
}

enum BFloat16: HalfFormat {
    static var significandBits: UInt64 { 7 }
    static var bias: UInt64 { 127 }
}

struct Half<Format: HalfFormat> {
    let bits: UInt16

    private static var infinity: UInt16 { UInt16((2 &* Format.bias &+ 1) << Format.significandBits) }

    /// The value as a float, which holds every value of the format. Masks are used instead of choices, and no intermediate value is
    /// subnormal, so that the host's treatment of subnormal numbers does not change the result.
    @inline(__always)
    var float: Float {
        let sign = UInt32(bits >> 15) << 31
        let magnitude = UInt32(bits & 0x7fff)
        if Format.significandBits == 7 { return Float(bitPattern: UInt32(bits) << 16) }
        if bgi_has_float16() { return bgi_float_of_float16(bits) }
        let shift = UInt32(23 &- Format.significandBits)
        let rebias = UInt32(127 &- Format.bias) << 23
        let isSpecial = 0 &- UInt32(bit(magnitude >= UInt32(Self.infinity)))
        let isNormal = 0 &- UInt32(bit(magnitude >= 1 << UInt32(Format.significandBits)))
        let normal = (magnitude << shift) &+ rebias &+ (isSpecial & rebias)
        // A subnormal value is a number of steps. This number is placed in the low bits of 2^23, and 2^23 is subtracted.
        let step = Float(bitPattern: UInt32(128 &- Format.bias &- Format.significandBits) << 23)
        let subnormal = (Float(bitPattern: 0x4b00_0000 | magnitude) - 0x1p23) * step
        return Float(bitPattern: sign | (isNormal & normal) | (~isNormal & subnormal.bitPattern))
    }

    /// Rounds x once, to nearest, ties to even.
    @inline(__always)
    init(_ x: Double) {
        let magnitude = x.magnitude
        let shift = 52 &- Format.significandBits
        // Adding 2^52 steps to a magnitude leaves its number of steps in the low bits.
        let rounder = Double(bitPattern: (1076 &- Format.bias &- Format.significandBits) << 52)
        let subnormal = (magnitude + rounder).bitPattern &- rounder.bitPattern
        let pattern = magnitude.bitPattern
        let rounded = (pattern &+ ((pattern >> shift) & 1) &+ ((1 << (shift &- 1)) &- 1)) >> shift
        let normal = rounded &- ((1023 &- Format.bias) << Format.significandBits)
        let isSubnormal = 0 &- UInt64(bit(magnitude < Double(bitPattern: (1024 &- Format.bias) << 52)))
        let isFinite = 0 &- UInt64(bit(normal < UInt64(Self.infinity)))
        let quiet = UInt64(bit(x != x)) << (Format.significandBits &- 1)
        let result = (isSubnormal & subnormal) | (~isSubnormal & ((isFinite & normal) | (~isFinite & (UInt64(Self.infinity) | quiet))))
        bits = UInt16(truncatingIfNeeded: result | (x.bitPattern >> 48) & 0x8000)
    }
}
