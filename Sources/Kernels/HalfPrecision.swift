/// A 16-bit floating-point format. Swift's Float16 would need the compiler's conversion library; bfloat16 it lacks.
struct HalfFormat {
    let significandBits: UInt64
    let bias: UInt64

    static var float16: Self { Self(significandBits: 10, bias: 15) }
    static var bfloat16: Self { Self(significandBits: 7, bias: 127) }

    @inline(__always)
    private var infinity: UInt64 { (2 &* bias &+ 1) << significandBits }

    /// The step between subnormals, 2^(1 - bias - significandBits).
    @inline(__always)
    private var step: Double { Double(bitPattern: (1024 &- bias &- significandBits) << 52) }

    @inline(__always)
    func decode(_ bits: UInt16) -> Double {
        let magnitude = UInt64(bits) & 0x7fff
        let subnormal = (Double(bitPattern: 0x4330_0000_0000_0000 | magnitude) - 0x1p52) * step
        let shifted = magnitude << (52 &- significandBits)
        let normal = Double(bitPattern: magnitude >= infinity ? shifted | 0x7ff0_0000_0000_0000 : shifted &+ ((1023 &- bias) << 52))
        let value = magnitude >> significandBits == 0 ? subnormal : normal
        return bits >> 15 != 0 ? -value : value
    }

    /// Rounded once, to nearest, ties to even.
    @inline(__always)
    func encode(_ x: Double) -> UInt16 {
        let magnitude = x.magnitude
        let shift = 52 &- significandBits
        // Adding 2^52 steps leaves the number of steps in the low bits.
        let rounder = step * 0x1p52
        let subnormal = (magnitude + rounder).bitPattern &- rounder.bitPattern
        let bits = magnitude.bitPattern
        let rounded = (bits &+ ((bits >> shift) & 1) &+ ((1 << (shift &- 1)) &- 1)) >> shift
        let normal = rounded &- ((1023 &- bias) << significandBits)
        let smallestNormal = Double(bitPattern: (1024 &- bias) << 52)
        var result = magnitude < smallestNormal ? subnormal : (normal < infinity ? normal : infinity)
        if x != x { result = infinity | (1 << (significandBits &- 1)) }
        return UInt16(truncatingIfNeeded: result | (x.bitPattern >> 48) & 0x8000)
    }
}
