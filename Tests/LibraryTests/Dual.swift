import Glibc

/// A number with its derivative in one direction, so that a reference states only the forward formula. At ties and clamps the derivatives
/// are those of torch's autograd.
struct Dual {
    var value: Double
    var derivative = 0.0
    /// The largest term of the sum that is the derivative. Rounding errors are measured against it.
    var term = 0.0

    init(_ value: Double) { self.value = value }

    init(_ value: Double, _ derivative: Double, _ term: Double) { (self.value, self.derivative, self.term) = (value, derivative, term) }

    /// Returns f(x), given its value and the slope of f at x.
    func mapped(_ value: Double, slope: Double) -> Dual { Dual(value, derivative * slope, term * abs(slope)) }

    static func + (a: Dual, b: Dual) -> Dual { Dual(a.value + b.value, a.derivative + b.derivative, Swift.max(a.term, b.term)) }
    static func - (a: Dual, b: Dual) -> Dual { a + -b }
    static prefix func - (a: Dual) -> Dual { a.mapped(-a.value, slope: -1) }

    static func * (a: Dual, b: Dual) -> Dual {
        let sum = a.mapped(0, slope: b.value) + b.mapped(0, slope: a.value)
        return Dual(a.value * b.value, sum.derivative, sum.term)
    }

    /// Returns a / b. If b is 0, the result and its derivative are 0.
    static func / (a: Dual, b: Dual) -> Dual {
        guard b.value != 0 else { return Dual(0) }
        let product = a * b.mapped(1 / b.value, slope: -1 / (b.value * b.value))
        // The value is one quotient, because 3 * (1 / 10) is greater than 0.3, and 3 / 10 is not.
        return Dual(a.value / b.value, product.derivative, product.term)
    }

    static func * (a: Double, b: Dual) -> Dual { Dual(a) * b }
    static func + (a: Dual, b: Double) -> Dual { a + Dual(b) }

    static func max(_ a: Dual, _ b: Dual) -> Dual { a.value > b.value ? a : (a.value < b.value ? b : 0.5 * (a + b)) }
    static func min(_ a: Dual, _ b: Dual) -> Dual { -max(-a, -b) }

    func clamped(_ lo: Double, _ hi: Double) -> Dual { value < lo ? Dual(lo) : (value > hi ? Dual(hi) : self) }

    var squared: Dual { self * self }
    var exponential: Dual { mapped(exp(value), slope: exp(value)) }
    var logarithm: Dual { mapped(log(value), slope: 1 / value) }

    /// The number with the derivative 0.
    var stopped: Dual { Dual(value) }
}

/// A value with the largest term of its formula. The header allows an error of 32 eps of this term. Of subnormal numbers a unit of the type's least one
/// is more than that.
struct Term {
    let value, scale: Double

    init(_ value: Double, scale: Double? = nil) { (self.value, self.scale) = (value, scale ?? abs(value)) }

    func matches(_ other: Double, eps: Double) -> Bool {
        let least = eps == Float.eps ? Double(Float.leastNonzeroMagnitude) : .leastNonzeroMagnitude
        return value.isNaN || other.isNaN ? value.isNaN && other.isNaN : value == other || abs(value - other) <= 32 * eps * scale + least
    }
}

/// Returns the gradient of sum(cotangent * f(x)) with respect to x. The scale of an entry is the largest term or entry of its row.
func pullback(_ x: [Double], _ cotangent: [Double], row: Int = 4, _ f: ([Dual]) -> [Dual]) -> [Term] {
    let entries = x.indices.map { k in
        let seeded = x.indices.map { Dual(x[$0], $0 == k ? 1 : 0, $0 == k ? 1 : 0) }
        return zip(cotangent, f(seeded)).reduce(Dual(0)) { $0 + $1.0 * $1.1 }
    }
    return entries.indices.map { k in
        Term(entries[k].derivative, scale: entries[(k / row * row)..<(k / row * row + row)].map { Swift.max($0.term, abs($0.derivative)) }.max()!)
    }
}
