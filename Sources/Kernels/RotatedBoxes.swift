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
            let reach = box.reach
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
        let (w, h, turning) = box.gradient(byU, byV)
        (out[0], out[1], out[2], out[3], out[4]) = (T(center.x), T(center.y), T(w), T(h), T(turning * convention.radians))
    }
}

/// Makes boxes of four corners.
@inline(never)
func rotatedFromCorners<T: Real>(_ call: RotatedFromCorners<T>, _ rows: Range<Int>) {
    let convention = AngleConvention(call.angle)
    for i in rows {
        let (box, out) = (Quad(call.corners[i]).box(convention), call.boxes + 5 &* i)
        (out[0], out[1], out[2], out[3], out[4]) = (T(box.x), T(box.y), T(box.w), T(box.h), T(box.angle))
    }
}

@inline(never)
func rotatedFromCornersGrad<T: Real>(_ call: RotatedFromCornersGrad<T>, _ rows: Range<Int>) {
    let convention = AngleConvention(call.angle)
    for i in rows {
        let (g, out) = (call.gradBoxes + 5 &* i, call.gradCorners + 8 &* i)
        let (center, sum, difference) = Quad(call.corners[i]).gradient(RotatedRow { Double(g[$0]) }, convention)
        (out[0], out[1]) = (T(center.x - sum.x), T(center.y - sum.y))
        (out[2], out[3]) = (T(center.x + difference.x), T(center.y + difference.y))
        (out[4], out[5]) = (T(center.x + sum.x), T(center.y + sum.y))
        (out[6], out[7]) = (T(center.x - difference.x), T(center.y - difference.y))
    }
}

/// Brings angles into a range, and exchanges sides where that keeps the box in its place.
@inline(never)
func rotatedRegularize<T: Real>(_ call: RotatedRegularize<T>, _ rows: Range<Int>) {
    let ranged = RangedAngles(call.range, AngleConvention(call.angle).unit, for: T.self)
    for i in rows {
        let (row, out) = (call.input[i], call.out[i])
        let (x, y, w, h) = (row[0], row[1], row[2], row[3])
        let (isExchanged, angle) = ranged.regularized(Double(row[4]), isTall: h > w)
        (out[0], out[1], out[2], out[3], out[4]) = (x, y, isExchanged ? h : w, isExchanged ? w : h, T(angle))
    }
}

@inline(never)
func rotatedRegularizeGrad<T: Real>(_ call: RotatedRegularizeGrad<T>, _ rows: Range<Int>) {
    let ranged = RangedAngles(call.range, AngleConvention(call.angle).unit, for: T.self)
    for i in rows {
        let (row, g, out) = (call.boxes[i], call.gradOut + 5 &* i, call.gradBoxes + 5 &* i)
        let (isExchanged, _) = ranged.regularized(Double(row[4]), isTall: row[3] > row[2])
        let (x, y, w, h, angle) = (g[0], g[1], g[2], g[3], g[4])
        (out[0], out[1], out[2], out[3], out[4]) = (x, y, isExchanged ? h : w, isExchanged ? w : h, angle)
    }
}

/// A range of angles, in a unit. Its bounds are rounded to the type of the angles, so that what was brought into it stays there.
struct RangedAngles {
    private let range: Int32
    private let unit: AngleUnit
    private let isFloat: Bool
    private let low, high: Double

    init<T: Real>(_ range: Int32, _ unit: AngleUnit, for _: T.Type) {
        let quarter = unit.quarterTurn
        (self.range, self.unit, isFloat) = (range, unit, T.self == Float.self)
        let (lowest, highest): (Double, Double) =
            switch range {
            case BOXGRAD_RANGE_OC: (0, quarter)
            case BOXGRAD_RANGE_LE90: (-quarter, quarter)
            case BOXGRAD_RANGE_LE135: (-quarter / 2, 1.5 * quarter)
            default: (-2 * quarter, 2 * quarter)
            }
        (low, high) = (Double(T(lowest)), Double(T(highest)))
    }

    /// Returns whether the sides are to be exchanged, and the angle. `isTall` says that the second side is the longer one.
    @inline(never)
    func regularized(_ angle: Double, isTall: Bool) -> (isExchanged: Bool, angle: Double) {
        if range == BOXGRAD_RANGE_TURN { return (false, moved(angle)) }
        let isOC = range == BOXGRAD_RANGE_OC
        let isWithin = isOC ? angle > low && angle <= high : angle >= low && angle < high
        if isWithin && (isOC || !isTall) { return (false, isOC ? angle : within(angle)) }
        let (isOdd, rest) = unit.nearestQuarterTurn(angle)
        let quarter = unit.quarterTurn
        if isOC {
            let isHigh = rest <= 0
            return (isOdd != isHigh, isHigh ? rest + quarter : rest)
        }
        if isOdd == isTall { return (isTall, rest) }
        let isUp = range == BOXGRAD_RANGE_LE90 ? rest < 0 : rest < quarter / 2
        return (isTall, within(isUp ? rest + quarter : rest - quarter))
    }

    /// Returns the angle in the range from which it is whole turns away, or half turns where the range is half a turn. OC leaves angles as they are.
    @inline(never)
    func moved(_ angle: Double) -> Double {
        if range == BOXGRAD_RANGE_OC { return angle }
        if angle >= low && angle < high { return within(angle) }
        let isHalf = range != BOXGRAD_RANGE_TURN
        let rest = unit.remainder(angle, ofHalfTurns: isHalf)
        let period = (isHalf ? 2 : 4) * unit.quarterTurn
        return within(rest < low ? rest + period : (rest >= high ? rest - period : rest))
    }

    /// Returns an angle as a number of its type. Rounding may have made it the upper bound, which is the lower one half a turn or a turn before.
    private func within(_ angle: Double) -> Double {
        let rounded = isFloat ? Double(Float(angle)) : angle
        return rounded >= high ? low : rounded
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

/// A box as its centre and the vectors from it to the middle of the right side and of the lower side.
struct Arms {
    let x, y, halfWidth, halfHeight: Double
    let along: Vector
    var u: Vector { halfWidth * along }
    var v: Vector { halfHeight * along.turned }

    /// Half the sides of the upright box around it.
    @inline(__always)
    var reach: Vector { Vector(u.x.magnitude + v.x.magnitude, u.y.magnitude + v.y.magnitude) }

    /// Returns the gradients by the sides and the clockwise angle of a function of u and v.
    @inline(__always)
    func gradient(_ byU: Vector, _ byV: Vector) -> (w: Double, h: Double, turning: Double) {
        let across = along.turned
        return (byU.dot(along) / 2, byV.dot(across) / 2, halfWidth * byU.dot(across) - halfHeight * byV.dot(along))
    }

    @inline(__always)
    init<T: Real>(_ row: UnsafePointer<T>, _ convention: AngleConvention) { self.init(RotatedRow { Double(row[$0]) }, convention) }

    @inline(__always)
    init(_ box: RotatedRow<Double>, _ convention: AngleConvention) {
        (x, y, halfWidth, halfHeight) = (box.x, box.y, box.w / 2, box.h / 2)
        let (c, s) = convention.direction(box.angle)
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

    // These two are not inlined, so that they are compiled once for both types.

    /// The box with these sides.
    @inline(never)
    func box(_ convention: AngleConvention) -> RotatedRow<Double> {
        RotatedRow(center.x, center.y, u.length, v.length, convention.angle(of: direction))
    }

    /// Returns the parts of the gradient by the corners of a function of the box: that of the centre, and halves of the sum and the difference of those by u
    /// and v.
    @inline(never)
    func gradient(_ g: RotatedRow<Double>, _ convention: AngleConvention) -> (center: Vector, sum: Vector, difference: Vector) {
        // The direction is u, plus v turned back by a quarter turn.
        let length = direction.length
        let turning = g.angle * convention.perRadian
        let byDirection = choose(length == 0, 0, turning / length) * direction.unit.turned
        let byU = g.w * u.unit + byDirection
        let byV = g.h * v.unit + side * byDirection.turned
        let (halfU, halfV) = (0.5 * byU, 0.5 * byV)
        return (Vector(g.x / 4, g.y / 4), halfU + halfV, halfU - halfV)
    }
}
#endif
