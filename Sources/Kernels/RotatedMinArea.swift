// This kernel finds the smallest rotated rectangle around points. It walks round their convex hull, because one side of that rectangle lies
// along a side of the hull (Freeman and Shapira 1975). Each rectangle that it looks at is around all points, whatever rounding makes of the hull.

import CBoxgrad
import CShims

#if COMMON_KERNELS
@inline(never)
func rotatedMinArea<T: Real>(_ call: RotatedMinArea<T>, _ rows: Range<Int>) {
    let convention = AngleConvention(call.angle)
    for i in rows {
        let points = Points(first: call.points[i], count: call.pointsPerRow)
        let (box, out) = (points.smallestRectangle, call.boxes + 5 &* i)
        (out[0], out[1], out[2], out[3]) = (T(box.center.x), T(box.center.y), T(box.width), T(box.height))
        out[4] = T(convention.angle(of: box.direction))
    }
}

private struct Rectangle {
    var direction = Vector(1, 0)
    var center = Vector(0, 0)
    var width = 0.0, height = 0.0
    var area = Double.infinity
}

private struct Points<T: Real> {
    let first: UnsafePointer<T>
    let count: Int

    @inline(__always)
    subscript(k: Int) -> Vector { Vector(first + 2 &* k) }

    /// Returns the smallest rectangle, or one of NaN if a difference of points is not finite.
    var smallestRectangle: Rectangle {
        let origin = self[0]
        var (start, size, isFinite) = (0, 0.0, 0.0)
        for k in 0..<count {
            let (point, outermost) = (self[k], self[start])
            let arm = point - origin
            isFinite += (arm.x - arm.x) + (arm.y - arm.y)
            size = larger(arm.x.magnitude, larger(arm.y.magnitude, size))
            if point.x < outermost.x || point.x == outermost.x && point.y < outermost.y { start = k }
        }
        guard isFinite == 0 else {
            return Rectangle(direction: Vector(.nan, .nan), center: Vector(.nan, .nan), width: .nan, height: .nan)
        }
        guard size > 0 else { return Rectangle(center: origin) }
        // This power of two makes products of differences neither overflow nor underflow.
        let scale = Double(bitPattern: 0x7fe0_0000_0000_0000 &- Swift.min(size.bitPattern & 0x7ff0_0000_0000_0000, 0x7fd0_0000_0000_0000))
        var best = Rectangle()
        var (corner, steps) = (start, 0)
        repeat {
            let next = hullCorner(after: corner, scale)
            measure(along: scale * (self[next] - self[corner]), origin, scale, &best)
            (corner, steps) = (next, steps &+ 1)
        } while steps < count && !self[corner].equals(self[start])
        (best.width, best.height) = (best.width / scale, best.height / scale)
        best.center = origin + 1 / scale * best.center
        return best
    }

    /// Returns the point that has no other on one side of the line to it, and of those on this line the last.
    private func hullCorner(after corner: Int, _ scale: Double) -> Int {
        var (next, arm, reach) = (corner, Vector(0, 0), 0.0)
        for k in 0..<count {
            let other = scale * (self[k] - self[corner])
            let (turn, length) = (arm.turned.dot(other), other.dot(other))
            if turn < 0 || turn == 0 && length > reach { (next, arm, reach) = (k, other, length) }
        }
        return next
    }

    /// Keeps the rectangle with a side along `side`, if it is better. All sides of an acute triangle give the same area, so that equal areas are
    /// common: where rounding could decide between them, the angle does.
    private func measure(along side: Vector, _ origin: Vector, _ scale: Double, _ best: inout Rectangle) {
        let u = side.inFirstQuarter.unit, v = u.turned
        var (low, high) = (Vector(.infinity, .infinity), Vector(-.infinity, -.infinity))
        for k in 0..<count {
            let arm = scale * (self[k] - origin)
            let (a, b) = (arm.dot(u), arm.dot(v))
            low = Vector(smaller(a, low.x), smaller(b, low.y))
            high = Vector(larger(a, high.x), larger(b, high.y))
        }
        let (width, height) = (high.x - low.x, high.y - low.y)
        let area = width * height
        if area < best.area * (1 - 0x1p-40) || area <= best.area * (1 + 0x1p-40) && u.y < best.direction.y {
            let center = 0.5 * (low.x + high.x) * u + 0.5 * (low.y + high.y) * v
            best = Rectangle(direction: u, center: center, width: width, height: height, area: area)
        }
    }
}

extension Vector {
    /// This vector turned by quarter turns until x > 0 and y >= 0.
    fileprivate var inFirstQuarter: Self {
        if x > 0 && y >= 0 { return self }
        if x <= 0 && y > 0 { return Self(y, 0 - x) }
        return x < 0 ? Self(0 - x, 0 - y) : Self(0 - y, x)
    }

    fileprivate func equals(_ other: Self) -> Bool { x == other.x && y == other.y }
}
#endif
