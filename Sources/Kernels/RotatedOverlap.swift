// What two rotated boxes share, with its gradient, from no polygon: without sorting and without branches. One box is seen from the frame of the
// other, whose half sides are a and b. The area is what lies between its upper and its lower outline, both clamped to -b...b, over |x| <= a. It is
// continuous, so that no rounding does more harm than its own size.

import CShims

/// A rotated box with what its overlaps share: centre, half sides, area, and the direction of the first side.
struct RotatedBox<T: Real> {
    let x, y, p, q, area: T
    // It is in double for float, too, because the directions of thin boxes that are nearly parallel differ by less than a float holds.
    let c, s: Double
}

/// A box seen from another: its centre and its direction there.
typealias SeenBox = Box

extension RotatedBox {
    @inline(__always)
    func seen(from frame: Self) -> SeenBox<T> {
        let (dx, dy) = (Double(x) - Double(frame.x), Double(y) - Double(frame.y))
        return SeenBox(
            T(frame.c * dx + frame.s * dy), T(frame.c * dy - frame.s * dx), T(frame.c * c + frame.s * s), T(frame.c * s - frame.s * c))
    }
}

/// A box turned by quarter turns until its direction points right and up, so that every edge's direction is known.
struct TurnedBox<T: Real> {
    /// Centre, half sides along (c, s) and across, direction (c, s >= 0), and 1/c and 1/s, of which none is infinite.
    let x, y, p, q, c, s, perC, perS: T
    /// Whether the sides were exchanged by that.
    let swapped: Bool

    @inline(__always)
    init(_ seen: SeenBox<T>, _ p: T, _ q: T) {
        let (c, s) = (seen.x2, seen.y2)
        (x, y) = (seen.x1, seen.y1)
        // A step towards length 1: exactly (1, 0) or (0, 1) for parallel boxes, whose areas then come out exactly. A direction that was rounded
        // from double needs none.
        let half: T = T.self == Float.self ? 0 : (1 - (c * c + s * s)) * 0.5
        let (unitC, unitS) = (c.magnitude + c.magnitude * half, s.magnitude + s.magnitude * half)
        // At a right angle, too, so that parallel means s == 0.
        swapped = choose(c == 0, -1, c * s) < 0
        (self.p, self.q) = (choose(swapped, q, p), choose(swapped, p, q))
        (self.c, self.s) = (choose(swapped, unitS, unitC), choose(swapped, unitC, unitS))
        // It is less than a rounding of the direction, and no product of its inverse and a side whose square is finite overflows.
        let tiny = T(T.self == Float.self ? 0x1p-60 : 0x1p-400)
        let (safeC, safeS) = (larger(self.c, tiny), larger(self.s, tiny))
        let perBoth = 1 / (safeC * safeS)
        (perC, perS) = (safeS * perBoth, safeC * perBoth)
    }
}

/// An extent of a frame, measured from where the box is: 0 is the box's centre, or the frame's side next to it. So a small box in a large frame
/// does not drown in the frame's numbers, and a box beside the frame covers exactly nothing.
private struct Band<T: Real> {
    let low, high: T
    /// The box's centre from that zero.
    let center: T

    @inline(__always)
    init(_ half: T, around center: T) {
        let zero = smaller(larger(center, -half), half)
        (low, high, self.center) = (-half - zero, half - zero, center - zero)
    }

    @inline(__always)
    private init(low: T, high: T, center: T) { (self.low, self.high, self.center) = (low, high, center) }

    @inline(__always)
    var mirrored: Self { Self(low: -high, high: -low, center: -center) }

    @inline(__always)
    func clamp(_ x: T) -> T { smaller(larger(x, low), high) }
}

/// How far the middle of an edge is from both sides of a frame's extent, in the direction of the extent.
private struct Gaps<T: Real> {
    let low, high: T

    /// Of an edge whose middle is `arm` away from the box's centre. The sides' difference comes first: of nearly equal boxes it is exact, and the
    /// difference of the centres keeps all its digits, on which the slopes depend.
    @inline(__always)
    init(_ half: T, arm: T, center: T) { (low, high) = ((-half - arm) - center, (half - arm) - center) }

    /// Whether the edge's middle is at a side.
    @inline(__always)
    var touch: Bool { !both(low != 0, high != 0) }
}

/// The integral of the clamped height along an edge that rises to the right, whose middle is (x, y), between two abscissas. They are those of
/// its ends, clamped to the frame: edges that meet share them, so that the widths of both outlines are the same to the last bit.
@inline(__always)
private func covered<T: Real>(
    _ x: T, _ y: T, from: T, to: T, _ across: Band<T>, _ upwards: Band<T>, _ gaps: Gaps<T>, rise: T, run: T
) -> (area: T, missesRight: Bool, missesLeft: Bool) {
    let (low, high) = (x + gaps.low * run, x + gaps.high * run)
    let (start, end) = (smaller(larger(low, from), to), smaller(larger(high, from), to))
    let height = y + ((start + end) * 0.5 - x) * rise
    let area = (upwards.high * (to - end) + upwards.low * (start - from)) + (end - start) * height
    return (area, low >= across.high, high <= across.low)
}

/// A frame, a box seen from it, and where its edges are.
struct RotatedView<T: Real> {
    let box: TurnedBox<T>
    let a, b: T

    @inline(__always)
    init(_ box: RotatedBox<T>, from frame: RotatedBox<T>, _ seen: SeenBox<T>) {
        self.box = TurnedBox(seen, box.p, box.q)
        (a, b) = (frame.p, frame.q)
    }

    @inline(__always)
    private func gapsAcross(_ arm: T) -> Gaps<T> { Gaps(a, arm: arm, center: box.x) }
    @inline(__always)
    private func gapsUpwards(_ arm: T) -> Gaps<T> { Gaps(b, arm: arm, center: box.y) }
    /// Of an edge that is mirrored.
    @inline(__always)
    private func gapsDownwards(_ arm: T) -> Gaps<T> { Gaps(b, arm: -arm, center: -box.y) }

    /// The area that both share: not negative, and zero if they are apart by more than rounding.
    @inline(__always)
    var intersection: T {
        let (ux, uy, vx, vy) = (box.p * box.c, box.p * box.s, box.q * box.s, box.q * box.c)
        let (across, upwards) = (Band(a, around: box.x), Band(b, around: box.y))
        let (x, y, mirrored) = (across.center, upwards.center, upwards.mirrored)
        // From the leftmost corner to the rightmost, above and below.
        let (left, top) = (across.clamp(x - vx - ux), across.clamp(x - vx + ux))
        let (bottom, right) = (across.clamp(x + vx - ux), across.clamp(x + vx + ux))
        let (rise, run) = (box.s * box.perC, box.c * box.perS)
        let upperLeft = covered(x - vx, y + vy, from: left, to: top, across, upwards, gapsUpwards(vy), rise: rise, run: run)
        let lowerRight = covered(x + vx, y - vy, from: bottom, to: right, across, upwards, gapsUpwards(-vy), rise: rise, run: run)
        let upperRight = covered(x + ux, -y - uy, from: top, to: right, across, mirrored, gapsDownwards(uy), rise: run, run: rise)
        let lowerLeft = covered(x - ux, -y + uy, from: left, to: bottom, across, mirrored, gapsDownwards(-uy), rise: run, run: rise)
        let sum = (upperLeft.area - lowerRight.area) + (lowerLeft.area - upperRight.area)
        let meets = both(both(!upperLeft.missesRight, !lowerRight.missesLeft), both(!upperRight.missesLeft, !lowerLeft.missesRight))
        return choose(both(meets, !(sum <= 0)), sum, 0)  // NaN stays NaN
    }

    /// How the area changes with the box: at the rate at which the box's own outline moves outwards within the frame. Where outlines coincide,
    /// half of them is the box's. (c, s) is the frame's direction. Boxes that share no area have no gradient.
    @inline(__always)
    func gradient(_ area: T, _ c: T, _ s: T) -> RotatedRow<T> {
        let isParallel = box.s == 0
        let (ux, uy, vx, vy) = (box.p * box.c, box.p * box.s, box.q * box.s, box.q * box.c)
        // An edge along (1, 0) or (0, 1) may lie on a side of the frame: then the slab across it says nothing.
        @inline(__always)
        func along(_ x: Gaps<T>, _ y: Gaps<T>) -> Boundary<T> {
            Boundary(half: box.p, x, y, perC: box.perC, perS: box.perS, free: x, tie: both(isParallel, y.touch))
        }
        @inline(__always)
        func upright(_ x: Gaps<T>, _ y: Gaps<T>) -> Boundary<T> {
            Boundary(half: box.q, x, y, perC: box.perS, perS: box.perC, free: y, tie: both(isParallel, x.touch))
        }
        let above = along(gapsAcross(-vx), gapsUpwards(vy)), below = along(gapsAcross(vx), gapsUpwards(-vy))
        let right = upright(gapsAcross(ux), gapsDownwards(uy)), left = upright(gapsAcross(-ux), gapsDownwards(-uy))
        let (alongU, alongV) = (right.length - left.length, above.length - below.length)
        let turning = (above.moment - below.moment) + (right.moment - left.moment)
        let (frameX, frameY) = (box.c * alongU - box.s * alongV, box.s * alongU + box.c * alongV)
        let (byP, byQ) = ((right.length + left.length) * 0.5, (above.length + below.length) * 0.5)
        @inline(__always)
        func kept(_ slope: T) -> T { choose(area > 0, slope, 0) }
        return RotatedRow(
            kept(c * frameX - s * frameY), kept(s * frameX + c * frameY), kept(choose(box.swapped, byQ, byP)),
            kept(choose(box.swapped, byP, byQ)), kept(turning))
    }
}

/// What of an edge bounds the intersection: its length, and its first moment from the edge's middle. The edge points right and up, and is
/// 2 * half long.
private struct Boundary<T: Real> {
    let length, moment: T

    /// If there is a tie, the edge lies on a side of the frame, which the gaps `free` are not of: half of it counts.
    @inline(__always)
    init(half: T, _ x: Gaps<T>, _ y: Gaps<T>, perC: T, perS: T, free: Gaps<T>, tie: Bool) {
        @inline(__always)
        func limited(_ t: T) -> T { smaller(larger(t, -half), half) }
        let (from, to) = (limited(x.low * perC), limited(x.high * perC))
        let (start, end) = (smaller(larger(y.low * perS, from), to), smaller(larger(y.high * perS, from), to))
        let (first, last) = (choose(tie, limited(free.low), start), choose(tie, limited(free.high), end))
        length = (last - first) * choose(tie, 0.5, 1)
        moment = length * ((first + last) * 0.5)
    }
}

/// Holds a rotated box as it is given, or a gradient with respect to it: centre, sides and angle.
struct RotatedRow<T: Real>: Row {
    let x, y, w, h, angle: T

    static var columns: Int { @inline(__always) get { 5 } }

    @inline(__always)
    init(_ x: T, _ y: T, _ w: T, _ h: T, _ angle: T) { (self.x, self.y, self.w, self.h, self.angle) = (x, y, w, h, angle) }

    @inline(__always)
    init(_ element: (Int) -> T) { self.init(element(0), element(1), element(2), element(3), element(4)) }

    /// Whether all five numbers are finite.
    @inline(__always)
    var isFinite: Bool { nothing == 0 }

    /// Is 0, or NaN if a number is not finite.
    @inline(__always)
    var nothing: T { ((x - x) + (y - y)) + ((w - w) + (h - h)) + (angle - angle) }

    subscript(column: Int) -> T {
        @inline(__always)
        get {
            switch column {
            case 0: x
            case 1: y
            case 2: w
            case 3: h
            default: angle
            }
        }
    }
}

extension RotatedRow {
    /// The centre, half the sides, and the area. A negative side counts as 0. A row with a number that is not finite has no place, so that all
    /// that is computed of it is NaN.
    @inline(__always)
    var placed: (x: T, y: T, p: T, q: T, area: T) {
        let (width, height) = (larger(w, 0), larger(h, 0))
        return (x + nothing, y + nothing, width / 2, height / 2, width * height)
    }
}

/// What a metric divides the intersection by: the area of the first box, of the second, or, if of both, of their union.
struct RotatedMetric {
    let ofFirst, ofSecond: Bool
    @inline(__always)
    var isIoU: Bool { ofFirst && ofSecond }

    /// The code may be an exchanged one.
    @inline(__always)
    init(_ code: Int32) { (ofFirst, ofSecond) = (code != BGI_IOF_OF_SECOND, code != BOXGRAD_IOF) }
}

/// The intersection of two boxes and what it is divided by.
struct RotatedShare<T: Real> {
    let inter, divisor, rest: T

    /// `area` is that of the intersection but for rounding, by which it may exceed a box. The comparison keeps NaN.
    @inline(__always)
    init(_ metric: RotatedMetric, _ first: T, _ second: T, _ area: T) {
        let isSmaller = first < second
        let (small, large) = (choose(isSmaller, first, second), choose(isSmaller, second, first))
        inter = choose(area > small, small, area)
        let union = large + (small - inter)
        divisor = choose(metric.isIoU, union, choose(metric.ofFirst, first, second))
        rest = choose(metric.ofFirst, first - inter, 0) + choose(metric.ofSecond, second - inter, 0)
    }

    @inline(__always)
    var value: T { choose(divisor == 0, inter, inter / divisor) }

    /// Is 1 - value, with all digits of nearly equal boxes.
    @inline(__always)
    var loss: T { choose(divisor == 0, 1 - inter, rest / divisor) }

    /// Returns -log of the value times the weight, and what the slopes of the value are multiplied by. A value below `least` counts as `least`, and
    /// has no slope.
    @inline(__always)
    func logLoss(_ least: T, _ weight: T) -> (loss: T, factor: T) {
        let value = self.value
        let isLess = value < least
        let (own, whole) = (choose(isLess, least, inter), choose(isLess, 1, divisor))
        let logarithm: T = log(ratioOfPositive: Double(whole), to: Double(own))
        return (weight * choose(value == value, logarithm, value), choose(isLess, 0, weight / value))
    }
}

/// Rotated boxes of a tile by columns: the centre, the half sides, the area, half the sides of the upright bounds, and the direction.
struct RotatedColumns<T: Real> {
    let base: UnsafeMutablePointer<T>
    static var columns: Int { @inline(__always) get { 7 &+ 2 &* MemoryLayout<Double>.stride / MemoryLayout<T>.stride } }

    @inline(__always)
    func column(_ index: Int) -> UnsafeMutablePointer<T> { base + index &* tileWidth }
    @inline(__always)
    private var cosines: UnsafeMutablePointer<Double> { UnsafeMutableRawPointer(column(7)).assumingMemoryBound(to: Double.self) }
    @inline(__always)
    private var sines: UnsafeMutablePointer<Double> { cosines + tileWidth }

    @inline(__always)
    subscript(k: Int) -> RotatedBox<T> {
        RotatedBox(x: column(0)[k], y: column(1)[k], p: column(2)[k], q: column(3)[k], area: column(4)[k], c: cosines[k], s: sines[k])
    }

    /// Half the width and the height of the upright bounds, rounded up by more than the roundings of a comparison.
    @inline(__always)
    func reach(_ k: Int) -> (x: T, y: T) { (column(5)[k], column(6)[k]) }

    /// The tile that begins at box `start`, and the tile and the lane of box k, where tile follows tile.
    @inline(__always)
    func tile(_ start: Int) -> Self { Self(base: base + Self.columns &* start) }
    @inline(__always)
    func place(_ k: Int) -> (tile: Self, lane: Int) { (tile(k & ~(tileWidth &- 1)), k & (tileWidth &- 1)) }

    /// Takes rows of a call. A short tile is filled up with boxes at 0 without sides.
    @inline(__always)
    func fill(_ rows: Rows<T>, _ start: Int, _ length: Int, _ convention: AngleConvention) {
        Tile<RotatedRow<T>>(base: base).load(rows, start, length)
        prepare(length, convention)
    }

    /// Makes boxes of rows as they are given.
    @inline(never)
    func prepare(_ length: Int, _ convention: AngleConvention) {
        let unit = convention.unit
        var isLong: UInt8 = 0
        for k in 0..<tileWidth {
            let angle = Double(column(4)[k])
            isLong |= bit(angle.magnitude >= unit.largestShortAngle)
            let (sine, cosine) = unit.shortSineAndCosine(angle)
            (sines[k], cosines[k]) = (convention.sense * sine, cosine)
        }
        if isLong != 0 {
            for k in 0..<length where Double(column(4)[k].magnitude) >= unit.largestShortAngle {
                (cosines[k], sines[k]) = convention.direction(Double(column(4)[k]))
            }
        }
        for k in 0..<tileWidth {
            let (x, y, p, q, area) = RotatedRow(column(0)[k], column(1)[k], column(2)[k], column(3)[k], column(4)[k]).placed
            (column(0)[k], column(1)[k], column(2)[k], column(3)[k], column(4)[k]) = (x, y, p, q, area)
        }
        for k in 0..<tileWidth {
            let (p, q, c, s) = (column(2)[k], column(3)[k], T(cosines[k].magnitude), T(sines[k].magnitude))
            let margin = 1 + 8 * T.ulpOfOne
            (column(5)[k], column(6)[k]) = ((p * c + q * s) * margin, (p * s + q * c) * margin)
        }
    }

    /// Takes one box of another tile.
    @inline(__always)
    func set(_ k: Int, _ other: Self, _ row: Int) {
        for index in 0..<7 { column(index)[k] = other.column(index)[row] }
        (cosines[k], sines[k]) = (other.cosines[row], other.sines[row])
    }

    /// Fills the tile with one box of another.
    @inline(never)
    func fill(with other: Self, _ k: Int) {
        for index in 0..<7 {
            let value = other.column(index)[k]
            for i in 0..<tileWidth { column(index)[i] = value }
        }
        let (c, s) = (other.cosines[k], other.sines[k])
        for i in 0..<tileWidth { (cosines[i], sines[i]) = (c, s) }
    }

    /// Whether any of these boxes may overlap one of another tile: whether their upright bounds are not apart. NaN is not apart.
    @inline(__always)
    func isNear(_ other: Self, _ row: Int) -> Bool {
        let (x, y, reach) = (other.column(0)[row], other.column(1)[row], other.reach(row))
        var near: UInt8 = 0
        for k in 0..<tileWidth {
            let own = self.reach(k)
            let gapX = (column(0)[k] - x).magnitude - (own.x + reach.x)
            let gapY = (column(1)[k] - y).magnitude - (own.y + reach.y)
            near |= bit(both(!(gapX >= 0), !(gapY >= 0)))
        }
        return near != 0
    }

    /// Writes the area that each box shares with that of another tile, and its gradient by the first one, five columns, where there is a place.
    @inline(never)
    func measure(from frame: Self, _ areas: UnsafeMutablePointer<T>?, _ slopes: UnsafeMutablePointer<T>?) {
        @inline(__always)
        func measure(_ space: Workspace) {
            // Columns of another type would leave the loops scalar, so that what is seen has a place of its own.
            let seen: Tile<SeenBox<T>> = space.tile(0)
            let (cosines, sines, shared) = (seen.column(4), seen.column(5), seen.column(6))
            let byFirst = Tile<RotatedRow<T>>(base: seen.column(7))
            for k in 0..<tileWidth {
                let (box, from) = (self[k], frame[k])
                seen[k] = box.seen(from: from)
                (cosines[k], sines[k]) = (T(from.c), T(from.s))
            }
            if let slopes {
                for k in 0..<tileWidth {
                    let view = RotatedView(self[k], from: frame[k], seen[k])
                    shared[k] = view.intersection
                    byFirst[k] = view.gradient(shared[k], cosines[k], sines[k])
                }
                memcpy(slopes, byFirst.base, RotatedRow<T>.columns &* tileWidth &* MemoryLayout<T>.stride)
            } else {
                for k in 0..<tileWidth { shared[k] = RotatedView(self[k], from: frame[k], seen[k]).intersection }
            }
            if let areas { copy(shared, to: areas, tileWidth) }
        }
        Workspace.with(measure)
    }
}
