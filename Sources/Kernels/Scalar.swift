// Choices without branches. A Swift `? :`, `&&` or `||` is control flow until late in the compiler, which spreads it over a loop
// until the loop no longer vectorises; a C function that chooses between two values is a select instruction from the start.

import CShims

/// float or double.
protocol Real: BinaryFloatingPoint {
    static func choose(_ condition: Bool, _ a: Self, _ b: Self) -> Self

    /// max(x, 0) of an x that is not NaN.
    static func positive(_ x: Self) -> Self

    /// The packed rows of a whole tile to its columns, and back; also to rows that lie further apart.
    static func columns(_ columns: UnsafeMutablePointer<Self>, ofRows rows: UnsafePointer<Self>)
    static func rows(_ rows: UnsafeMutablePointer<Self>, ofColumns columns: UnsafePointer<Self>)
    static func rows(_ rows: UnsafeMutablePointer<Self>, stride: Int, ofColumns columns: UnsafePointer<Self>)
}

extension Float: Real {
    @inline(__always)
    static func choose(_ condition: Bool, _ a: Self, _ b: Self) -> Self { bgi_choose_f32(condition, a, b) }

    /// It looks at the sign bit. Integer operations have execution units of their own, while those for floats are busy with the rest of the loop.
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
}

/// condition ? a : b, both of which are computed.
@inline(__always)
func choose<T: Real>(_ condition: Bool, _ a: T, _ b: T) -> T { T.choose(condition, a, b) }

/// a && b, both of which are computed.
@inline(__always)
func both(_ a: Bool, _ b: Bool) -> Bool { bgi_both(a, b) }

/// Neither infinite nor NaN: the difference with itself is 0. A comparison with infinity becomes a test of the bits, which is slow in vectors.
@inline(__always)
func isFinite<T: Real>(_ x: T) -> Bool { x - x == 0 }

/// 1 if so, else 0.
@inline(__always)
func bit(_ condition: Bool) -> UInt8 { bgi_bit(condition) }

/// The smaller of two; `b` if either is NaN.
@inline(__always)
func smaller<T: Real>(_ a: T, _ b: T) -> T { choose(a < b, a, b) }

/// The larger of two; `b` if either is NaN.
@inline(__always)
func larger<T: Real>(_ a: T, _ b: T) -> T { choose(a > b, a, b) }

/// x limited to lo...hi; NaN stays NaN.
@inline(__always)
func clamp<T: Real>(_ x: T, _ lo: T, _ hi: T) -> T { choose(x < lo, lo, choose(x > hi, hi, x)) }

/// The gradient that passes a clamp: all of it within the bounds and at them, none beyond, none for NaN.
@inline(__always)
func clampGradient<T: Real>(_ x: T, _ lo: T, _ hi: T, _ gradient: T) -> T { choose(both(x >= lo, x <= hi), gradient, 0) }

/// How much of max(a, b)'s gradient goes to a: a tie splits it in half.
@inline(__always)
func shareOfLarger<T: Real>(_ a: T, _ b: T) -> T { choose(a > b, 1, choose(a == b, 0.5, 0)) }
