// N x M: the matrix, and the gradient of a function of it with respect to the boxes of one side.

import CBoxgrad

/// Fills out (and outUnion) with the metric of each row of `a` and each of the `bCount` boxes of `b`, which are laid out by columns in
/// `scratch`: x1, y1, x2, y2 and the two parts of the diagonal angle, `bCount` elements each.
@inline(__always)
func iouPairwise<T: Real>(
    _ metric: Int32, _ a: UnsafePointer<T>, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>, _ bCount: Int, _ bStride: Int,
    _ eps: Double, _ scratch: UnsafeMutablePointer<T>, _ out: UnsafeMutablePointer<T>, _ outStride: Int, _ outUnion: UnsafeMutablePointer<T>?
) {
    let columns = BoxColumns(base: scratch, count: bCount)
    for j in 0..<bCount {
        let row = b + j &* bStride
        (columns.x1[j], columns.y1[j], columns.x2[j], columns.y2[j]) = (row[0], row[1], row[2], row[3])
    }
    if metric == BOXGRAD_CIOU {
        for j in 0..<bCount {
            let angle = DiagonalAngle(Box(columns.x1[j], columns.y1[j], columns.x2[j], columns.y2[j]))
            (columns.angle[j], columns.angleLow[j]) = (angle.high, angle.low)
        }
    }
    let eps = T(eps)
    for i in 0..<aCount {
        let row = a + i &* aStride
        let box = Box(row[0], row[1], row[2], row[3])
        let values = out + i &* outStride
        switch metric {
        case BOXGRAD_GIOU: columns.fill(values, GIoU.self, box, eps)
        case BOXGRAD_DIOU: columns.fill(values, DIoU.self, box, eps)
        case BOXGRAD_CIOU: columns.fill(values, CIoU.self, box, eps)
        default: columns.fill(values, IoU.self, box, eps)
        }
        if let outUnion {
            let unions = outUnion + i &* outStride
            let first = MeasuredBox(box, IoU.self)
            for j in 0..<bCount { unions[j] = Overlap(IoU.self, first, columns[j, IoU.self], eps).union }
        }
    }
}

private struct BoxColumns<T: Real> {
    let x1, y1, x2, y2, angle, angleLow: UnsafeMutablePointer<T>
    let count: Int

    @inline(__always)
    init(base: UnsafeMutablePointer<T>, count: Int) {
        (x1, y1, x2, y2) = (base, base + count, base + 2 &* count, base + 3 &* count)
        (angle, angleLow) = (base + 4 &* count, base + 5 &* count)
        self.count = count
    }

    @inline(__always)
    subscript<M: Metric>(j: Int, _: M.Type) -> MeasuredBox<T> {
        MeasuredBox(Box(x1[j], y1[j], x2[j], y2[j]), angle: M.code == BOXGRAD_CIOU ? DiagonalAngle(angle[j], angleLow[j]) : DiagonalAngle(0, 0))
    }

    func fill<M: Metric>(_ out: UnsafeMutablePointer<T>, _ metric: M.Type, _ box: Box<T>, _ eps: T) {
        let first = MeasuredBox(box, metric)
        for j in 0..<count { out[j] = Overlap(metric, first, self[j, metric], eps).value }
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
        let first = MeasuredBox(box, metric)
        for k in 0..<tileWidth { self[k] = Overlap(metric, first, MeasuredBox(boxes[k], metric), eps).gradA }
    }
}
