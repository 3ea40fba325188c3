// N x M: the matrix, and the gradient of a function of it with respect to the boxes of one side.

import CBoxgrad
import CShims

/// Fills out (and outUnion) with the metric of each row of `a` and each of `b`. `scratch` has bgi_pairwise_scratch(bCount) elements.
@inline(__always)
func iouPairwise<T: Real>(
    _ metric: Int32, _ a: UnsafePointer<T>, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>, _ bCount: Int, _ bStride: Int,
    _ eps: Double, _ scratch: UnsafeMutablePointer<T>, _ out: UnsafeMutablePointer<T>, _ outStride: Int, _ outUnion: UnsafeMutablePointer<T>?
) {
    let matrix = Matrix(
        a: a, b: b, aCount: aCount, aStride: aStride, bCount: bCount, bStride: bStride, eps: T(eps), scratch: scratch, outStride: outStride)
    switch metric {
    case BOXGRAD_GIOU: matrix.fill(out, GIoU.self)
    case BOXGRAD_DIOU: matrix.fill(out, DIoU.self)
    case BOXGRAD_CIOU: matrix.fill(out, CIoU.self)
    default: matrix.fill(out, IoU.self)
    }
    if let outUnion { matrix.fill(outUnion, Union.self) }
}

private struct Matrix<T: Real> {
    let a, b: UnsafePointer<T>
    let aCount, aStride, bCount, bStride: Int
    let eps: T
    let scratch: UnsafeMutablePointer<T>
    let outStride: Int

    @inline(never)
    func fill<M: Metric>(_ out: UnsafeMutablePointer<T>, _ metric: M.Type) {
        if bCount <= Int(BGI_PAIRWISE_RUN) / 4 && (outStride == bCount || aCount == 1) { fillNarrow(out, metric) } else { fillWide(out, metric) }
    }

    /// Four rows at a time against as many boxes of `b` as the columns hold: what a tile needs is read from the nearest cache but once.
    @inline(__always)
    private func fillWide<M: Metric>(_ out: UnsafeMutablePointer<T>, _ metric: M.Type) {
        let columnsA = BoxColumns<T, Tiled>(base: scratch)
        let columnsB = columnsA.tile(tileWidth)
        var first = 0
        while first < bCount {
            let width = Swift.min(Int(BGI_PAIRWISE_WIDTH), bCount &- first)
            var solidB = true
            for j in 0..<width {
                let box = MeasuredBox(Box(b + (first &+ j) &* bStride))
                columnsB.tile(j & ~(tileWidth &- 1)).set(j & (tileWidth &- 1), box, M.angle(of: box), metric)
                solidB = both(solidB, box.isSolid)
            }
            var i = 0
            while i < aCount {
                let rows = Swift.min(4, aCount &- i)
                var solid = solidB
                for row in 0..<rows {
                    let box = MeasuredBox(Box(a + (i &+ row) &* aStride))
                    columnsA.set(row, box, M.angle(of: box), metric)
                    solid = both(solid, box.isSolid)
                }
                let target = out + (i &* outStride &+ first)
                if solid { fillRows(target, rows, width, Solid<M>.self) } else { fillRows(target, rows, width, metric) }
                i &+= rows
            }
            first &+= width
        }
    }

    @inline(never)
    private func fillRows<M: Metric>(_ out: UnsafeMutablePointer<T>, _ rows: Int, _ width: Int, _ metric: M.Type) {
        @inline(__always)
        func fill(_ space: Workspace) {
            let columnsA = BoxColumns<T, Tiled>(base: scratch)
            let columnsB = columnsA.tile(tileWidth)
            let values: UnsafeMutablePointer<T> = space.column(0)
            var tiles = Tiles(width)
            while let (start, length) = tiles.next() {
                let tile = columnsB.tile(start)
                for row in 0..<rows {
                    let (box, angle) = (columnsA[row], columnsA.angle(row, metric))
                    for k in 0..<tileWidth { values[k] = M.result(of: Overlap(metric, box, tile[k], eps, turn: tile.angle(k, metric) - angle)) }
                    copy(values, to: out + (row &* outStride &+ start), length)
                }
            }
        }
        Workspace.with(fill)
    }

    /// Rows too short for tiles of their own form one run: the boxes of `b` are repeated, and each of `a` is spread over its row.
    @inline(__always)
    private func fillNarrow<M: Metric>(_ out: UnsafeMutablePointer<T>, _ metric: M.Type) {
        @inline(__always)
        func fill(_ space: Workspace) {
            let columnsA = BoxColumns<T, Run>(base: scratch)
            let columnsB = BoxColumns<T, Run>(base: scratch + Run.size)
            let values: UnsafeMutablePointer<T> = space.column(0)
            let rows = Swift.min(aCount, Run.length / bCount)
            for i in 0..<rows {
                for j in 0..<bCount {
                    let box = MeasuredBox(Box(b + j &* bStride))
                    columnsB.set(i &* bCount &+ j, box, M.angle(of: box), metric)
                }
            }
            var first = 0
            while first < aCount {
                let length = Swift.min(rows, aCount &- first)
                for i in 0..<length {
                    let box = MeasuredBox(Box(a + (first &+ i) &* aStride))
                    let angle = M.angle(of: box)
                    // In eights, whose surplus the next row overwrites.
                    var j = 0
                    while j < bCount {
                        for k in 0..<8 { columnsA.set(i &* bCount &+ j &+ k, box, angle, metric) }
                        j &+= 8
                    }
                }
                var tiles = Tiles(length &* bCount)
                while let (start, length) = tiles.next() {
                    let (tileA, tileB) = (columnsA.tile(start), columnsB.tile(start))
                    for k in 0..<tileWidth {
                        let turn = tileB.angle(k, metric) - tileA.angle(k, metric)
                        values[k] = M.result(of: Overlap(metric, tileA[k], tileB[k], eps, turn: turn))
                    }
                    copy(values, to: out + (first &* bCount &+ start), length)
                }
                first &+= length
            }
        }
        Workspace.with(fill)
    }
}

/// Measured boxes by columns: the corners, the area and, for CIoU, the two parts of the diagonal's angle.
private struct BoxColumns<T: Real, Layout: ColumnLayout> {
    let base: UnsafeMutablePointer<T>

    /// The boxes from `start` on, which begins a tile.
    @inline(__always)
    func tile(_ start: Int) -> Self { Self(base: base + start &* Layout.tileStride) }

    @inline(__always)
    private func column(_ index: Int) -> UnsafeMutablePointer<T> { base + index &* Layout.columnStride }

    /// Box k of the first tile.
    @inline(__always)
    subscript(k: Int) -> MeasuredBox<T> {
        MeasuredBox(Box(column(0)[k], column(1)[k], column(2)[k], column(3)[k]), area: column(4)[k])
    }

    @inline(__always)
    func angle<M: Metric>(_ k: Int, _: M.Type) -> DiagonalAngle<T> {
        M.code == BOXGRAD_CIOU ? DiagonalAngle(column(5)[k], column(6)[k]) : DiagonalAngle(0, 0)
    }

    /// Box k of the first tile, or of any where tiles follow each other.
    @inline(__always)
    func set<M: Metric>(_ k: Int, _ measured: MeasuredBox<T>, _ angle: DiagonalAngle<T>, _: M.Type) {
        let box = measured.box
        (column(0)[k], column(1)[k], column(2)[k], column(3)[k], column(4)[k]) = (box.x1, box.y1, box.x2, box.y2, measured.area)
        if M.code == BOXGRAD_CIOU { (column(5)[k], column(6)[k]) = (angle.high, angle.low) }
    }
}

private protocol ColumnLayout {
    /// Elements from one column to the next, and from one box to the next, of boxes that begin tiles.
    static var columnStride: Int { get }
    static var tileStride: Int { get }
}

/// Tile by tile, each with its columns, so that no two columns fall on the same lines of the cache.
private enum Tiled: ColumnLayout {
    static var columnStride: Int { tileWidth }
    static var tileStride: Int { 7 }
}

/// Whole columns for `length` boxes and the surplus of a tile.
private enum Run: ColumnLayout {
    static var length: Int { Int(BGI_PAIRWISE_RUN) }
    static var columnStride: Int { length &+ tileWidth }
    static var tileStride: Int { 1 }
    static var size: Int { 7 &* columnStride }
}

/// gradA[i] = sum over j of gradOut[i * rowStride + j * columnStride] * d metric(a[i], b[j]) / d a[i]. The metrics are
/// symmetric, so the gradient with respect to `b` is the same with the sides and the strides exchanged.
@inline(__always)
func iouPairwiseGrad<T: Real>(
    _ metric: Int32, _ a: UnsafePointer<T>, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>, _ bCount: Int, _ bStride: Int,
    _ eps: Double, _ gradOut: UnsafePointer<T>, _ rowStride: Int, _ columnStride: Int, _ gradA: UnsafeMutablePointer<T>
) {
    let eps = T(eps)
    Workspace.with { space in
        let (tileB, slopes, factors) = (space.tile(0, of: T.self), space.tile(1, of: T.self), space.column(0, of: T.self))
        for i in 0..<aCount {
            let box = Box(a + i &* aStride)
            var sums = (BlockSum(), BlockSum(), BlockSum(), BlockSum())
            var tiles = Tiles(bCount)
            while let (start, length) = tiles.next() {
                tileB.load(b + start &* bStride, bStride, length)
                let cotangents = gradOut + (i &* rowStride &+ start &* columnStride)
                for k in 0..<length { factors[k] = cotangents[k &* columnStride] }
                switch metric {
                case BOXGRAD_GIOU: slopes.fill(GIoU.self, box, tileB, eps)
                case BOXGRAD_DIOU: slopes.fill(DIoU.self, box, tileB, eps)
                case BOXGRAD_CIOU: slopes.fill(CIoU.self, box, tileB, eps)
                default: slopes.fill(IoU.self, box, tileB, eps)
                }
                slopes.multiply(factors)
                sums.0.add(slopes.x1, length)
                sums.1.add(slopes.y1, length)
                sums.2.add(slopes.x2, length)
                sums.3.add(slopes.y2, length)
            }
            Box(T(sums.0.total), T(sums.1.total), T(sums.2.total), T(sums.3.total)).store(gradA + 4 &* i)
        }
    }
}

extension Tile {
    /// d metric(box, boxes[k]) / d box.
    @inline(never)
    fileprivate func fill<M: Metric>(_ metric: M.Type, _ box: Box<T>, _ boxes: Tile, _ eps: T) {
        for k in 0..<tileWidth { self[k] = Overlap(metric, box, boxes[k], eps).gradA }
    }
}
