// These kernels convert rotated boxes, each with its gradient. They compute in double, and round each result to T once.

import CBoxgrad
import CShims

#if COMMON_KERNELS
@inline(never)
func rotatedConvert<T: Real>(_ call: RotatedConvert<T>, _ rows: Range<Int>) {
    let factor = AngleConvention.factor(call.from, call.to)
    for i in rows {
        let (row, out) = (call.input[i], call.out[i])
        let angle = T(scaled(Double(row[4]), factor))
        (out[0], out[1], out[2], out[3], out[4]) = (row[0], row[1], row[2], row[3], angle)
    }
}

@inline(never)
func rotatedConvertGrad<T: Real>(_ call: RotatedConvertGrad<T>, _ rows: Range<Int>) {
    let factor = AngleConvention.factor(call.from, call.to)
    for i in rows {
        let (row, out) = (call.gradOut + 5 &* i, call.gradIn + 5 &* i)
        let angle = T(scaled(Double(row[4]), factor))
        (out[0], out[1], out[2], out[3], out[4]) = (row[0], row[1], row[2], row[3], angle)
    }
}

extension AngleConvention {
    /// Returns what an angle of one convention is multiplied by to become one of another.
    fileprivate static func factor(_ from: Int32, _ to: Int32) -> Double {
        let (source, target) = (Self(from), Self(to))
        return source.unit.radians == target.unit.radians ? source.sense * target.sense : source.radians * target.perRadian
    }

    /// Returns the angle of a direction.
    @inline(__always)
    func angle(of direction: Vector) -> Double { scaled(direction.angle, perRadian) }
}

/// Returns angle * factor, but 0 rather than -0 if the angle is 0 and the factor negative.
@inline(__always)
private func scaled(_ angle: Double, _ factor: Double) -> Double {
    let size = angle * factor.magnitude
    return factor < 0 ? 0 - size : size
}

/// Writes the corners of boxes, and the upright boxes around them.
@inline(never)
func rotatedCorners<T: Real>(_ call: RotatedCorners<T>, _ rows: Range<Int>) {
    let convention = AngleConvention(call.angle)
    for i in rows {
        let box = Arms(call.boxes[i], convention)
        let (x, y, u, v) = (box.x, box.y, box.u, box.v)
        if let corners = call.corners {
            let out = corners + 8 &* i
            (out[0], out[1]) = (T(x - (u.x + v.x)), T(y - (u.y + v.y)))
            (out[2], out[3]) = (T(x + (u.x - v.x)), T(y + (u.y - v.y)))
            (out[4], out[5]) = (T(x + (u.x + v.x)), T(y + (u.y + v.y)))
            (out[6], out[7]) = (T(x - (u.x - v.x)), T(y - (u.y - v.y)))
        }
        if let bounds = call.bounds {
            let out = bounds + 4 &* i
            let reach = (x: u.x.magnitude + v.x.magnitude, y: u.y.magnitude + v.y.magnitude)
            (out[0], out[1], out[2], out[3]) = (T(x - reach.x), T(y - reach.y), T(x + reach.x), T(y + reach.y))
        }
    }
}

/// Computes the gradient by the boxes of a function of their corners, of their bounds, or of both.
@inline(never)
func rotatedCornersGrad<T: Real>(_ call: RotatedCornersGrad<T>, _ rows: Range<Int>) {
    let convention = AngleConvention(call.angle)
    for i in rows {
        let box = Arms(call.boxes[i], convention)
        var center = Vector(0, 0), byU = Vector(0, 0), byV = Vector(0, 0)
        if let gradCorners = call.gradCorners {
            let g = gradCorners + 8 &* i
            let (a, b, c, d) = (Vector(g), Vector(g + 2), Vector(g + 4), Vector(g + 6))
            (center, byU, byV) = ((a + b) + (c + d), (b - a) + (c - d), (c - a) + (d - b))
        }
        if let gradBounds = call.gradBounds {
            let g = gradBounds + 4 &* i
            let (low, high) = (Vector(g), Vector(g + 2))
            let outwards = high - low
            center = center + (low + high)
            byU = byU + Vector(outwards.x * sign(box.u.x), outwards.y * sign(box.u.y))
            byV = byV + Vector(outwards.x * sign(box.v.x), outwards.y * sign(box.v.y))
        }
        let out = call.gradBoxes + 5 &* i
        let (along, across) = (box.along, box.along.turned)
        let turning = box.halfWidth * byU.dot(across) - box.halfHeight * byV.dot(along)
        (out[0], out[1]) = (T(center.x), T(center.y))
        (out[2], out[3]) = (T(byU.dot(along) / 2), T(byV.dot(across) / 2))
        out[4] = T(turning * convention.radians)
    }
}

/// Makes boxes of four corners.
@inline(never)
func rotatedFromCorners<T: Real>(_ call: RotatedFromCorners<T>, _ rows: Range<Int>) {
    let convention = AngleConvention(call.angle)
    for i in rows {
        let (quad, out) = (Quad(call.corners[i]), call.boxes + 5 &* i)
        (out[0], out[1]) = (T(quad.center.x), T(quad.center.y))
        (out[2], out[3]) = (T(quad.u.length), T(quad.v.length))
        out[4] = T(convention.angle(of: quad.direction))
    }
}

@inline(never)
func rotatedFromCornersGrad<T: Real>(_ call: RotatedFromCornersGrad<T>, _ rows: Range<Int>) {
    let convention = AngleConvention(call.angle)
    for i in rows {
        let (quad, g) = (Quad(call.corners[i]), call.gradBoxes + 5 &* i)
        let center = Vector(Double(g[0]) / 4, Double(g[1]) / 4)
        // The direction is u, plus v turned back by a quarter turn.
        let direction = quad.direction
        let length = direction.length
        let turning = Double(g[4]) * convention.perRadian
        let byDirection = choose(length == 0, 0, turning / length) * direction.unit.turned
        let byU = Double(g[2]) * quad.u.unit + byDirection
        let byV = Double(g[3]) * quad.v.unit + quad.side * byDirection.turned
        let (halfU, halfV) = (0.5 * byU, 0.5 * byV)
        let (sum, difference) = (halfU + halfV, halfU - halfV)
        let out = call.gradCorners + 8 &* i
        (out[0], out[1]) = (T(center.x - sum.x), T(center.y - sum.y))
        (out[2], out[3]) = (T(center.x + difference.x), T(center.y + difference.y))
        (out[4], out[5]) = (T(center.x + sum.x), T(center.y + sum.y))
        (out[6], out[7]) = (T(center.x - difference.x), T(center.y - difference.y))
    }
}

struct Vector {
    let x, y: Double

    @inline(__always)
    init(_ x: Double, _ y: Double) { (self.x, self.y) = (x, y) }

    @inline(__always)
    init<T: Real>(_ row: UnsafePointer<T>) { self.init(Double(row[0]), Double(row[1])) }

    /// This vector a quarter turn further, clockwise on the screen.
    @inline(__always)
    var turned: Self { Self(0 - y, x) }

    @inline(__always)
    func dot(_ other: Self) -> Double { x * other.x + y * other.y }

    /// The length, without squares that overflow or underflow.
    @inline(__always)
    var length: Double {
        let (a, b) = (x.magnitude, y.magnitude)
        let (small, large) = (choose(a > b, b, a), choose(a > b, a, b))
        let share = small / large
        return choose(both(a == 0, b == 0), 0, large * (1 + share * share).squareRoot())
    }

    /// The vector of length 1 in this direction, or of length 0.
    @inline(__always)
    var unit: Self {
        let length = length
        return Self(choose(length == 0, 0, x / length), choose(length == 0, 0, y / length))
    }

    /// The angle in radians from -pi to pi, without -pi, or 0 if the length is 0.
    @inline(__always)
    var angle: Double {
        // The sums make 0 of -0.
        let (x, y) = (x + 0, y + 0)
        let half = choose(x < 0, choose(y < 0, -0x1.921fb54442d18p+1, 0x1.921fb54442d18p+1), 0)
        return choose(both(x == 0, y == 0), 0, atan(y / x) + half)
    }

    @inline(__always)
    static func + (a: Self, b: Self) -> Self { Self(a.x + b.x, a.y + b.y) }
    @inline(__always)
    static func - (a: Self, b: Self) -> Self { Self(a.x - b.x, a.y - b.y) }
    @inline(__always)
    static func * (factor: Double, a: Self) -> Self { Self(factor * a.x, factor * a.y) }
}

/// Returns 1, -1, or 0 for x = 0.
@inline(__always)
private func sign(_ x: Double) -> Double { choose(x > 0, 1, choose(x < 0, -1, 0)) }

/// A box as its centre and the vectors from it to the middle of the right side and of the lower side.
struct Arms {
    let x, y, halfWidth, halfHeight: Double
    let along: Vector
    var u: Vector { halfWidth * along }
    var v: Vector { halfHeight * along.turned }

    @inline(__always)
    init<T: Real>(_ row: UnsafePointer<T>, _ convention: AngleConvention) {
        (x, y, halfWidth, halfHeight) = (Double(row[0]), Double(row[1]), Double(row[2]) / 2, Double(row[3]) / 2)
        let (c, s) = convention.direction(Double(row[4]))
        along = Vector(c, s)
    }
}

/// The parallelogram nearest to four corners.
private struct Quad {
    let center: Vector
    /// The means of the first side and the third, and of the fourth and the second.
    let u, v: Vector

    @inline(__always)
    init<T: Real>(_ row: UnsafePointer<T>) {
        let (a, b, c, d) = (Vector(row), Vector(row + 2), Vector(row + 4), Vector(row + 6))
        center = (0.25 * a + 0.25 * c) + (0.25 * b + 0.25 * d)
        u = 0.5 * (b - a) + 0.5 * (c - d)
        v = 0.5 * (d - a) + 0.5 * (c - b)
    }

    /// Is -1 if the corners run counter-clockwise, and else 1.
    @inline(__always)
    var side: Double { u.unit.turned.dot(v.unit) < 0 ? -1 : 1 }

    /// Has the direction of the rectangle that is nearest to u and v: of a rectangle u and v turned back have the same direction.
    @inline(__always)
    var direction: Vector { u - side * v.turned }
}
#endif
