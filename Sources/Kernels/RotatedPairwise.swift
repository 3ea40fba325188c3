// These kernels compare N rotated boxes with M. They fill the matrix of overlaps, and compute the gradient of a function of the matrix with
// respect to the boxes of one side. They take a tile of `a`, and with it one tile of `b` after the other, which then is prepared for 32 rows at once
// and needs no memory but the stack.

import CBoxgrad
import CShims

/// Tiles of boxes of both sides, a box in every place of a tile, and what was measured, on the stack.
private struct RotatedTiles<T: Real> {
    private let base: UnsafeMutablePointer<T>
    private static var size: Int { RotatedColumns<T>.columns &* tileWidth }

    @inline(__always)
    var a: RotatedColumns<T> { RotatedColumns(base: base) }
    @inline(__always)
    var b: RotatedColumns<T> { RotatedColumns(base: base + Self.size) }
    @inline(__always)
    var one: RotatedColumns<T> { RotatedColumns(base: base + 2 &* Self.size) }
    /// The area in common, and its gradient.
    @inline(__always)
    var areas: UnsafeMutablePointer<T> { base + 3 &* Self.size }
    @inline(__always)
    var slopes: Tile<RotatedRow<T>> { Tile(base: areas + tileWidth) }

    @inline(__always)
    static func with(_ body: (Self) -> Void) {
        var memory = InlineArray<160, SIMD8<Double>> { memory in
            memory.withUnsafeMutableBufferPointer { _, count in count = 160 }
        }
        withUnsafeMutablePointer(to: &memory) { body(Self(base: UnsafeMutableRawPointer($0).assumingMemoryBound(to: T.self))) }
    }
}

@inline(never)
func rotatedIouPairwise<T: Real>(_ call: RotatedIoUPairwise<T>, _ rows: Range<Int>) {
    let (metric, convention) = (RotatedMetric(call.metric), AngleConvention(call.angle))
    @inline(__always)
    func fill(_ tiles: RotatedTiles<T>) {
        var tilesOfA = Tiles(rows)
        while let (first, count) = tilesOfA.next() {
            tiles.a.fill(call.a, first, count, convention)
            var tilesOfB = Tiles(0..<call.bCount)
            while let (start, length) = tilesOfB.next() {
                tiles.b.fill(call.b, start, length, convention)
                for row in 0..<count {
                    let out = call.out[first &+ row] + start
                    if !tiles.a.compare(row, tiles.b, metric, out, length) { memset(out, 0, length &* MemoryLayout<T>.stride) }
                }
            }
        }
    }
    RotatedTiles.with(fill)
}

extension RotatedColumns {
    /// Writes the metric of one of these boxes and each of another tile, unless it is 0 everywhere because their upright bounds are apart: then it
    /// returns false.
    @inline(never)
    func compare(_ row: Int, _ others: Self, _ metric: RotatedMetric, _ out: UnsafeMutablePointer<T>, _ length: Int) -> Bool {
        @inline(__always)
        func compare(_ space: Workspace) {
            let (values, seen): (UnsafeMutablePointer<T>, Tile<SeenBox<T>>) = (space.column(0), space.tile(0))
            let box = self[row]
            for k in 0..<tileWidth { seen[k] = box.seen(from: others[k]) }
            for k in 0..<tileWidth {
                let frame = others[k]
                values[k] = RotatedShare(metric, box.area, frame.area, RotatedView(box, from: frame, seen[k]).intersection).value
            }
            copy(values, to: out, length)
        }
        let isNear = others.isNear(self, row)
        if isNear { Workspace.with(compare) }
        return isNear
    }
}

/// Computes gradA[i] = sum over j of gradOut[i * rowStride + j * columnStride] * d metric(a[i], b[j]) / d a[i]. A call with the sides, the strides
/// and the metric exchanged gives the gradient with respect to `b`.
@inline(never)
func rotatedIouPairwiseGrad<T: Real>(_ call: RotatedIoUPairwiseGrad<T>, _ rows: Range<Int>) {
    let (metric, convention) = (RotatedMetric(call.metric), AngleConvention(call.angle))
    @inline(__always)
    func addUp(_ tiles: RotatedTiles<T>) {
        for i in rows {
            var sums = (BlockSum(), BlockSum(), BlockSum(), BlockSum(), BlockSum())
            tiles.a.fill(call.a, i, 1, convention)
            tiles.one.fill(with: tiles.a, 0)
            var tilesOfB = Tiles(0..<call.bCount)
            while let (start, length) = tilesOfB.next() {
                tiles.b.fill(call.b, start, length, convention)
                let cotangents = call.gradOut + (i &* call.rowStride &+ start &* call.columnStride)
                slope(tiles, metric, convention, cotangents, call.columnStride, length)
                sums.0.add(tiles.slopes.column(0), tileWidth)
                sums.1.add(tiles.slopes.column(1), tileWidth)
                sums.2.add(tiles.slopes.column(2), tileWidth)
                sums.3.add(tiles.slopes.column(3), tileWidth)
                sums.4.add(tiles.slopes.column(4), tileWidth)
            }
            let out = call.gradA + 5 &* i
            (out[0], out[1], out[2], out[3]) = (T(sums.0.total), T(sums.1.total), T(sums.2.total), T(sums.3.total))
            out[4] = T(sums.4.total)
        }
    }
    RotatedTiles.with(addUp)
}

/// Leaves in the slopes of a tile what its boxes add to the gradient of the one.
@inline(never)
private func slope<T: Real>(
    _ tiles: RotatedTiles<T>, _ metric: RotatedMetric, _ convention: AngleConvention, _ cotangents: UnsafePointer<T>, _ stride: Int, _ length: Int
) {
    let turn = T(convention.radians)
    @inline(__always)
    func slope(_ space: Workspace) {
        let factors: UnsafeMutablePointer<T> = space.column(0)
        for k in 0..<length { factors[k] = cotangents[k &* stride] }
        for k in length..<tileWidth { factors[k] = 0 }
        tiles.one.measure(from: tiles.b, tiles.areas, tiles.slopes.base)
        for k in 0..<tileWidth {
            let (box, other, shared) = (tiles.one[k], tiles.b[k], tiles.slopes[k])
            let share = RotatedShare(metric, box.area, other.area, tiles.areas[k])
            tiles.slopes[k] = RotatedSlope(metric.ofFirst, metric.isIoU, share).row(shared, box, turn, factors[k])
        }
        if length < tileWidth { tiles.slopes.keep { $0 < length } }
    }
    Workspace.with(slope)
}

/// d value / d x of a share, where the intersection and the box's own area change with x.
struct RotatedSlope<T: Real> {
    let value, loss, perDivisor: T
    let byOwn, byInter: Bool

    /// `byOwn` says whether the divisor has the area of the box that x is of, and `byInter` whether it has the intersection.
    @inline(__always)
    init(_ byOwn: Bool, _ byInter: Bool, _ share: RotatedShare<T>) {
        (value, loss) = (share.value, share.loss)
        perDivisor = choose(share.divisor == 0, 0, 1 / share.divisor)
        (self.byOwn, self.byInter) = (byOwn, byInter)
    }

    @inline(__always)
    private func slope(_ inter: T, _ own: T) -> T {
        let divisor = choose(byOwn, own, 0) - choose(byInter, inter, 0)
        // Of nearly equal boxes only differences are left, so that equal ones have exactly no slope.
        return choose(value > 0.5, (inter - divisor) + loss * divisor, inter - value * divisor) * perDivisor
    }

    /// The slopes by a box of which the intersection has the slopes `shared`, times a factor. `turn` is the radians of an angle of 1.
    @inline(__always)
    func row(_ shared: RotatedRow<T>, _ box: RotatedBox<T>, _ turn: T, _ factor: T) -> RotatedRow<T> {
        RotatedRow(
            slope(shared.x, 0) * factor, slope(shared.y, 0) * factor, slope(shared.w, 2 * box.q) * factor, slope(shared.h, 2 * box.p) * factor,
            slope(shared.angle, 0) * turn * factor)
    }
}
