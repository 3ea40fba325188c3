// N x M: the matrix, and the gradient of a function of it with respect to the boxes of one side.

import CBoxgrad
import CShims

/// Fills out (and outUnion) with the metric of each row of `a` and each of `b`. `scratch` has BGI_PAIRWISE_SCRATCH elements.
@inline(__always)
func iouPairwise<T: Real>(
    _ metric: Int32, _ a: UnsafePointer<T>, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>, _ bCount: Int, _ bStride: Int,
    _ eps: Double, _ scratch: UnsafeMutablePointer<T>, _ out: UnsafeMutablePointer<T>, _ outStride: Int, _ outUnion: UnsafeMutablePointer<T>?
) {
    let matrix = Matrix(
        a: a, b: b, aCount: aCount, aStride: aStride, bCount: bCount, bStride: bStride, eps: T(eps),
        columnsA: BoxColumns(base: scratch), columnsB: BoxColumns(base: scratch + BoxColumns<T>.size), outStride: outStride)
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
    let columnsA, columnsB: BoxColumns<T>
    let outStride: Int

    @inline(never)
    func fill<M: Metric>(_ out: UnsafeMutablePointer<T>, _ metric: M.Type) {
        if bCount <= 4 &* tileWidth && (outStride == bCount || aCount == 1) { fillNarrow(out, metric) } else { fillWide(out, metric) }
    }

    /// Row by row against as many boxes of `b` as the columns hold, so that they stay in the cache.
    @inline(__always)
    private func fillWide<M: Metric>(_ out: UnsafeMutablePointer<T>, _ metric: M.Type) {
        @inline(__always)
        func fill(_ space: Workspace) {
            let values: UnsafeMutablePointer<T> = space.column(0)
            var first = 0
            while first < bCount {
                let width = Swift.min(BoxColumns<T>.capacity, bCount &- first)
                for j in 0..<width { columnsB.set(j, MeasuredBox(Box(b + (first &+ j) &* bStride)), metric) }
                for i in 0..<aCount {
                    let box = MeasuredBox(Box(a + i &* aStride))
                    let angle = M.code == BOXGRAD_CIOU ? DiagonalAngle(box) : DiagonalAngle(0, 0)
                    let row = out + (i &* outStride &+ first)
                    var tiles = Tiles(width)
                    while let (start, length) = tiles.next() {
                        for k in 0..<tileWidth {
                            let j = start &+ k
                            values[k] = M.result(of: Overlap(metric, box, columnsB[j], eps, turn: columnsB.angle(j, metric) - angle))
                        }
                        copy(values, to: row + start, length)
                    }
                }
                first &+= width
            }
        }
        Workspace.with(fill)
    }

    /// Rows too short for tiles of their own form one run: the boxes of `b` are repeated, and each of `a` is spread over its row.
    @inline(__always)
    private func fillNarrow<M: Metric>(_ out: UnsafeMutablePointer<T>, _ metric: M.Type) {
        @inline(__always)
        func fill(_ space: Workspace) {
            let values: UnsafeMutablePointer<T> = space.column(0)
            let rows = Swift.min(aCount, (BoxColumns<T>.capacity &- tileWidth) / bCount)
            for i in 0..<rows {
                for j in 0..<bCount { columnsB.set(i &* bCount &+ j, MeasuredBox(Box(b + j &* bStride)), metric) }
            }
            var first = 0
            while first < aCount {
                let length = Swift.min(rows, aCount &- first)
                for i in 0..<length {
                    let box = MeasuredBox(Box(a + (first &+ i) &* aStride))
                    // In eights, whose surplus the next row overwrites.
                    var j = 0
                    while j < bCount {
                        for k in 0..<8 { columnsA.set(i &* bCount &+ j &+ k, box, metric) }
                        j &+= 8
                    }
                }
                var tiles = Tiles(length &* bCount)
                while let (start, length) = tiles.next() {
                    for k in 0..<tileWidth {
                        let j = start &+ k
                        let turn = columnsB.angle(j, metric) - columnsA.angle(j, metric)
                        values[k] = M.result(of: Overlap(metric, columnsA[j], columnsB[j], eps, turn: turn))
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
private struct BoxColumns<T: Real> {
    static var capacity: Int { Int(BGI_PAIRWISE_WIDTH) }
    static var size: Int { 7 &* capacity }

    let base: UnsafeMutablePointer<T>

    @inline(__always)
    private func column(_ index: Int) -> UnsafeMutablePointer<T> { base + index &* Self.capacity }

    @inline(__always)
    subscript(j: Int) -> MeasuredBox<T> {
        MeasuredBox(Box(column(0)[j], column(1)[j], column(2)[j], column(3)[j]), area: column(4)[j])
    }

    @inline(__always)
    func angle<M: Metric>(_ j: Int, _: M.Type) -> DiagonalAngle<T> {
        M.code == BOXGRAD_CIOU ? DiagonalAngle(column(5)[j], column(6)[j]) : DiagonalAngle(0, 0)
    }

    @inline(__always)
    func set<M: Metric>(_ j: Int, _ measured: MeasuredBox<T>, _: M.Type) {
        let box = measured.box
        (column(0)[j], column(1)[j], column(2)[j], column(3)[j], column(4)[j]) = (box.x1, box.y1, box.x2, box.y2, measured.area)
        if M.code == BOXGRAD_CIOU {
            let angle = DiagonalAngle(measured)
            (column(5)[j], column(6)[j]) = (angle.high, angle.low)
        }
    }
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
