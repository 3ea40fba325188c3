// These functions choose between values without branches. A Swift `? :`, `&&` or `||` is control flow until a late stage of the compiler.
// Before that stage the compiler spreads the control flow over a loop, so that the loop does not vectorise. A C function that chooses
// between two values is a select instruction from the start.

import CShims

/// The type of a kernel's numbers: Float or Double.
protocol Real: BinaryFloatingPoint {
    static func choose(_ condition: Bool, _ a: Self, _ b: Self) -> Self

    /// Returns max(x, 0). x must not be NaN.
    static func positive(_ x: Self) -> Self

    /// These functions convert the packed rows of a whole tile to its columns, and the columns back to rows, which may be `stride` elements
    /// apart.
    static func columns(_ columns: UnsafeMutablePointer<Self>, ofRows rows: UnsafePointer<Self>)
    static func rows(_ rows: UnsafeMutablePointer<Self>, ofColumns columns: UnsafePointer<Self>)
    static func rows(_ rows: UnsafeMutablePointer<Self>, stride: Int, ofColumns columns: UnsafePointer<Self>)

    /// 64 and 32 bytes of numbers, for loops that the compiler does not vectorise by itself. Arithmetic on them is spelled by these
    /// functions, because Swift's operators are only fast where the type is concrete.
    associatedtype Lanes: SIMD where Lanes.Scalar == Self
    associatedtype HalfLanes: SIMD where HalfLanes.Scalar == Self
    static func lanes(_ x: Self) -> Lanes
    static func halfLanes(_ x: Self) -> HalfLanes
    static func sum(_ a: Lanes, _ b: Lanes) -> Lanes
    static func sum(_ a: HalfLanes, _ b: HalfLanes) -> HalfLanes
    /// Returns sum + a * b, rounded twice.
    static func add(_ a: Lanes, _ b: Lanes, to sum: Lanes) -> Lanes
    static func add(_ a: HalfLanes, _ b: HalfLanes, to sum: HalfLanes) -> HalfLanes
    /// Turns a square of as many rows as half the lanes.
    static func turn(_ from: UnsafePointer<Self>, _ fromPitch: Int, _ to: UnsafeMutablePointer<Self>, _ toPitch: Int)
    /// Writes four vectors as columns, which are rows of four.
    static func turn(_ a: HalfLanes, _ b: HalfLanes, _ c: HalfLanes, _ d: HalfLanes, _ to: UnsafeMutablePointer<Self>, _ toPitch: Int)
}

extension Float: Real {
    @inline(__always)
    static func choose(_ condition: Bool, _ a: Self, _ b: Self) -> Self { bgi_choose_f32(condition, a, b) }

    /// Tests the sign bit. Integer operations have execution units of their own, while the units for floats are busy with the rest of the
    /// loop.
    @inline(__always)
    static func positive(_ x: Self) -> Self {
        let bits = Int32(bitPattern: x.bitPattern)
        return Self(bitPattern: UInt32(bitPattern: bits & ~(bits &>> 31)))
    }

    @inline(__always)
    static func columns(_ columns: UnsafeMutablePointer<Self>, ofRows rows: UnsafePointer<Self>) { bgi_columns_of_rows_f32(rows, columns) }

    @inline(__always)
    static func rows(_ rows: UnsafeMutablePointer<Self>, ofColumns columns: UnsafePointer<Self>) { bgi_rows_of_columns_f32(columns, rows) }

    @inline(__always)
    static func rows(_ rows: UnsafeMutablePointer<Self>, stride: Int, ofColumns columns: UnsafePointer<Self>) {
        bgi_spaced_rows_of_columns_f32(columns, rows, stride)
    }

    typealias Lanes = SIMD16<Float>
    typealias HalfLanes = SIMD8<Float>

    @inline(__always)
    static func lanes(_ x: Self) -> Lanes { Lanes(repeating: x) }

    @inline(__always)
    static func halfLanes(_ x: Self) -> HalfLanes { HalfLanes(repeating: x) }

    @inline(__always)
    static func sum(_ a: Lanes, _ b: Lanes) -> Lanes { a + b }

    @inline(__always)
    static func sum(_ a: HalfLanes, _ b: HalfLanes) -> HalfLanes { a + b }

    @inline(__always)
    static func add(_ a: Lanes, _ b: Lanes, to sum: Lanes) -> Lanes { sum + a * b }

    @inline(__always)
    static func add(_ a: HalfLanes, _ b: HalfLanes, to sum: HalfLanes) -> HalfLanes { sum + a * b }

    @inline(__always)
    static func turn(_ from: UnsafePointer<Self>, _ fromPitch: Int, _ to: UnsafeMutablePointer<Self>, _ toPitch: Int) {
        bgi_transpose_f32(from, fromPitch, to, toPitch)
    }

    @inline(__always)
    static func turn(_ a: HalfLanes, _ b: HalfLanes, _ c: HalfLanes, _ d: HalfLanes, _ to: UnsafeMutablePointer<Self>, _ toPitch: Int) {
        bgi_turn_four_f32(a, b, c, d, to, toPitch)
    }
}

extension Double: Real {
    @inline(__always)
    static func choose(_ condition: Bool, _ a: Self, _ b: Self) -> Self { bgi_choose_f64(condition, a, b) }

    @inline(__always)
    static func positive(_ x: Self) -> Self { larger(x, 0) }

    @inline(__always)
    static func columns(_ columns: UnsafeMutablePointer<Self>, ofRows rows: UnsafePointer<Self>) { bgi_columns_of_rows_f64(rows, columns) }

    @inline(__always)
    static func rows(_ rows: UnsafeMutablePointer<Self>, ofColumns columns: UnsafePointer<Self>) { bgi_rows_of_columns_f64(columns, rows) }

    @inline(__always)
    static func rows(_ rows: UnsafeMutablePointer<Self>, stride: Int, ofColumns columns: UnsafePointer<Self>) {
        bgi_spaced_rows_of_columns_f64(columns, rows, stride)
    }

    typealias Lanes = SIMD8<Double>
    typealias HalfLanes = SIMD4<Double>

    @inline(__always)
    static func lanes(_ x: Self) -> Lanes { Lanes(repeating: x) }

    @inline(__always)
    static func halfLanes(_ x: Self) -> HalfLanes { HalfLanes(repeating: x) }

    @inline(__always)
    static func sum(_ a: Lanes, _ b: Lanes) -> Lanes { a + b }

    @inline(__always)
    static func sum(_ a: HalfLanes, _ b: HalfLanes) -> HalfLanes { a + b }

    @inline(__always)
    static func add(_ a: Lanes, _ b: Lanes, to sum: Lanes) -> Lanes { sum + a * b }

    @inline(__always)
    static func add(_ a: HalfLanes, _ b: HalfLanes, to sum: HalfLanes) -> HalfLanes { sum + a * b }

    @inline(__always)
    static func turn(_ from: UnsafePointer<Self>, _ fromPitch: Int, _ to: UnsafeMutablePointer<Self>, _ toPitch: Int) {
        bgi_transpose_f64(from, fromPitch, to, toPitch)
    }

    @inline(__always)
    static func turn(_ a: HalfLanes, _ b: HalfLanes, _ c: HalfLanes, _ d: HalfLanes, _ to: UnsafeMutablePointer<Self>, _ toPitch: Int) {
        bgi_turn_four_f64(a, b, c, d, to, toPitch)
    }
}

/// Returns condition ? a : b. Both a and b are computed.
@inline(__always)
func choose<T: Real>(_ condition: Bool, _ a: T, _ b: T) -> T { T.choose(condition, a, b) }

/// Returns a && b. Both a and b are computed.
@inline(__always)
func both(_ a: Bool, _ b: Bool) -> Bool { bgi_both(a, b) }

/// Whether x is neither infinite nor NaN, because then x - x is 0. The compiler turns a comparison with infinity into a test of the bits,
/// which is slow in vectors.
@inline(__always)
func isFinite<T: Real>(_ x: T) -> Bool { x - x == 0 }

/// Returns 1 if the condition is true, else 0.
@inline(__always)
func bit(_ condition: Bool) -> UInt8 { bgi_bit(condition) }

/// Returns the smaller of two numbers, or `b` if one of them is NaN.
@inline(__always)
func smaller<T: Real>(_ a: T, _ b: T) -> T { choose(a < b, a, b) }

/// Returns the larger of two numbers, or `b` if one of them is NaN.
@inline(__always)
func larger<T: Real>(_ a: T, _ b: T) -> T { choose(a > b, a, b) }

/// Returns x limited to lo...hi. NaN stays NaN.
@inline(__always)
func clamp<T: Real>(_ x: T, _ lo: T, _ hi: T) -> T { choose(x < lo, lo, choose(x > hi, hi, x)) }

/// Returns 1, -1, or 0 for x = 0.
@inline(__always)
func sign(_ x: Double) -> Double { choose(x > 0, 1, choose(x < 0, -1, 0)) }

/// Returns the gradient that passes a clamp: all of it if x is within the bounds or on one of them, and 0 if x is beyond them or NaN.
@inline(__always)
func clampGradient<T: Real>(_ x: T, _ lo: T, _ hi: T, _ gradient: T) -> T { choose(both(x >= lo, x <= hi), gradient, 0) }

/// Returns the share of max(a, b)'s gradient that belongs to a. It is half if a equals b.
@inline(__always)
func shareOfLarger<T: Real>(_ a: T, _ b: T) -> T { choose(a > b, 1, choose(a == b, 0.5, 0)) }
