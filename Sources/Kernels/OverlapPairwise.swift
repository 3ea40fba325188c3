// These kernels compare N boxes with M boxes. They fill the matrix of overlaps, and compute the gradient of a function of the matrix with
// respect to the boxes of one side.

import CBoxgrad
import CShims

/// Fills rows of `out`, and of `union` if it is not nil, with the metric of each row of `a` and each row of `b`. The metric may be an
/// exchanged one.
@inline(never)
func iouPairwise<T: Real>(_ call: IoUPairwise<T>, _ rows: Range<Int>) {
    let matrix = Matrix(
        a: call.a, b: call.b, rows: rows, bCount: call.bCount, eps: T(call.eps), streams: call.streams,
        scratch: call.scratch.of(rows).assumingMemoryBound(to: T.self))
    switch call.metric {
    case BOXGRAD_GIOU: matrix.fill(call.out, GIoU.self)
    case BOXGRAD_DIOU: matrix.fill(call.out, DIoU.self)
    case BOXGRAD_CIOU: matrix.fill(call.out, CIoU.self)
    case BOXGRAD_IOF: matrix.fill(call.out, IoF.self)
    case BGI_IOF_OF_SECOND: matrix.fill(call.out, IoFOfSecond.self)
    case BOXGRAD_IOS: matrix.fill(call.out, IoS.self)
    default: matrix.fill(call.out, IoU.self)
    }
    if let union = call.union { matrix.fill(MutableRows(union, stride: call.out.stride), Union.self) }
    if call.streams { bgi_finish_streams() }
}

private struct Matrix<T: Real> {
    let a, b: Rows<T>
    let rows: Range<Int>
    let bCount: Int
    let eps: T
    let streams: Bool
    let scratch: UnsafeMutablePointer<T>

    // The scratch holds a tile of boxes of `a`, a tile of results, and tiles of boxes of `b`.
    private var columnsA: BoxColumns<T> { BoxColumns(base: scratch) }
    private var values: Tile<Box<T>> { Tile(base: scratch + 7 &* tileWidth) }
    private var columnsB: BoxColumns<T> { BoxColumns(base: scratch + 11 &* tileWidth) }
    private var block: UnsafeMutablePointer<T> { scratch + (bgi_pairwise_scratch(bCount) &- Int(BGI_PAIRWISE_BLOCK)) }

    /// Takes as many boxes of `b` at a time as the columns hold, and compares them with one tile of `a` after the other.
    @inline(never)
    func fill<M: Metric>(_ out: MutableRows<T>, _ metric: M.Type) {
        // Up to 128 columns, tiles across the rows took less time than tiles along the rows when both were measured.
        let isNarrow = rows.count >= tileWidth && bCount <= 128
        var first = 0
        while first < bCount {
            let width = Swift.min(Int(BGI_PAIRWISE_WIDTH), bCount &- first)
            let solidB = columnsB.fill(b.from(first), width, metric)
            var tiles = Tiles(rows)
            while let (start, length) = tiles.next() {
                let solid = both(columnsA.fill(a.from(start), length, metric), solidB) && hasFastMatrices
                let target = MutableRows(out[start] + first, stride: out.stride)
                if M.isShort && isNarrow && solid {
                    fillColumns(target, length, Solid<M>.self)
                } else if solid {
                    fillRows(target, length, width, Solid<M>.self)
                } else {
                    fillRows(target, length, width, metric)
                }
            }
            first &+= width
        }
    }

    /// Computes tiles along the rows, row by row. Whole tiles of solid boxes with a short metric are written directly to `out`. All other
    /// tiles are written to `values`, and copied. If the result is streamed, `block` takes the place of `out`, and is copied past the caches.
    @inline(never)
    private func fillRows<M: Metric>(_ out: MutableRows<T>, _ rows: Int, _ width: Int, _ metric: M.Type) {
        @inline(__always)
        func fill(_ space: Workspace) {
            let values: UnsafeMutablePointer<T> = space.column(0)
            for row in 0..<rows {
                let out = out[row]
                let (box, angle) = (columnsA[row], columnsA.angle(row, metric))
                @inline(__always)
                func value(_ tile: BoxColumns<T>, _ k: Int) -> T {
                    M.result(of: Overlap(metric, box, tile[k], eps, turn: tile.angle(k, metric) - angle))
                }
                var first = 0
                while first < width {
                    let end = streams ? Swift.min(first &+ Int(BGI_PAIRWISE_BLOCK), width) : width
                    let target = streams ? block - first : out
                    var next = first
                    if M.isSolid && M.isShort {
                        while end &- next >= tileWidth {
                            let tile = columnsB.tile(next)
                            // The distance of 1024 bytes was chosen by measuring the time of matrices of 1000 x 1000 and 5000 x 5000.
                            prefetchTile(target + next, ahead: 1024)
                            writeTile({ value(tile, $0) }, to: target + next)
                            next &+= tileWidth
                            bgi_keep_loop()
                        }
                    }
                    while next < end {
                        let tile = columnsB.tile(next)
                        for k in 0..<tileWidth { values[k] = value(tile, k) }
                        copy(values, to: target + next, Swift.min(tileWidth, end &- next))
                        next &+= tileWidth
                    }
                    if streams { bgi_stream(out + first, block, (end &- first) &* MemoryLayout<T>.stride) }
                    first = end
                }
            }
        }
        Workspace.with(fill)
    }

    /// Computes tiles across the rows, which are too short for tiles of their own. It takes four columns at a time. The last four may
    /// include columns that are computed already.
    @inline(never)
    private func fillColumns<M: Metric>(_ out: MutableRows<T>, _ rows: Int, _ metric: M.Type) {
        let last = Swift.max(bCount &- 4, 0)
        var next = 0
        while next < bCount {
            let first = Swift.min(next, last)
            for column in 0..<Swift.min(bCount, 4) {
                let (tile, lane) = columnsB.place(first &+ column)
                let (box, angle) = (tile[lane], tile.angle(lane, metric))
                @inline(__always)
                func value(_ k: Int) -> T { M.result(of: Overlap(metric, columnsA[k], box, eps, turn: angle - columnsA.angle(k, metric))) }
                writeTile(value, to: values.column(column))
            }
            if bCount >= 4 {
                values.store(MutableRows(out.start + first, stride: out.stride), 0, rows)
            } else {
                for column in 0..<bCount {
                    for k in 0..<rows { out[k][column] = values.column(column)[k] }
                }
            }
            next &+= 4
        }
    }
}

/// Writes a tile of values. It computes each half before it writes any of this half. Therefore the compiler makes vectors of it, although
/// it does not know whether the target overlaps what the values are computed from.
@inline(__always)
private func writeTile<T: Real>(_ value: (Int) -> T, to target: UnsafeMutablePointer<T>) {
    for half in 0..<2 {
        let k = half &* (tileWidth / 2)
        let values = (
            value(k), value(k &+ 1), value(k &+ 2), value(k &+ 3), value(k &+ 4), value(k &+ 5), value(k &+ 6), value(k &+ 7),
            value(k &+ 8), value(k &+ 9), value(k &+ 10), value(k &+ 11), value(k &+ 12), value(k &+ 13), value(k &+ 14), value(k &+ 15))
        UnsafeMutableRawPointer(target + k).assumingMemoryBound(to: type(of: values)).pointee = values
    }
}

/// Computes gradA[i] = sum over j of gradOut[i * rowStride + j * columnStride] * d metric(a[i], b[j]) / d a[i]. A call with the sides, the
/// strides and the metric exchanged gives the gradient with respect to `b`. The exchange changes only IoF, because the other metrics are
/// symmetric.
@inline(never)
func iouPairwiseGrad<T: Real>(_ call: IoUPairwiseGrad<T>, _ rows: Range<Int>) {
    let (metric, a, b, eps) = (call.metric, call.a, call.b, T(call.eps))
    let (gradOut, rowStride, columnStride) = (call.gradOut, call.rowStride, call.columnStride)
    // This is a function and not a closure, because the compiler inlines a function although it is large.
    @inline(__always)
    func addUp(_ space: Workspace) {
        let (tileB, slopes): (Tile<Box<T>>, Tile<Box<T>>) = (space.tile(0), space.tile(1))
        let factors = space.column(0, of: T.self)
        for i in rows {
            let box = Box(a[i])
            @inline(__always)
            func fill<M: Metric>(_ metric: M.Type) { space.fill(metric, box, eps) }
            var sums = (BlockSum(), BlockSum(), BlockSum(), BlockSum())
            var tiles = Tiles(0..<call.bCount)
            while let (start, length) = tiles.next() {
                tileB.load(b, start, length)
                var cotangent = gradOut + (i &* rowStride &+ start &* columnStride)
                for k in 0..<length {
                    factors[k] = cotangent.pointee
                    cotangent += columnStride
                }
                switch metric {
                case BOXGRAD_GIOU: fill(GIoU.self)
                case BOXGRAD_DIOU: fill(DIoU.self)
                case BOXGRAD_CIOU: fill(CIoU.self)
                case BOXGRAD_IOF: fill(IoF.self)
                case BGI_IOF_OF_SECOND: fill(IoFOfSecond.self)
                case BOXGRAD_IOS: fill(IoS.self)
                default: fill(IoU.self)
                }
                slopes.multiply(factors)
                if length < tileWidth { slopes.keep { $0 < length } }
                sums.0.add(slopes.column(0), tileWidth)
                sums.1.add(slopes.column(1), tileWidth)
                sums.2.add(slopes.column(2), tileWidth)
                sums.3.add(slopes.column(3), tileWidth)
            }
            Box(T(sums.0.total), T(sums.1.total), T(sums.2.total), T(sums.3.total)).store(call.gradA + 4 &* i)
        }
    }
    Workspace.with(addUp)
}

extension Workspace {
    /// Sets row k of tile 1 to d metric(box, b) / d box, where b is row k of tile 0.
    @inline(never)
    fileprivate func fill<M: Metric, T: Real>(_ metric: M.Type, _ box: Box<T>, _ eps: T) {
        let (boxes, slopes): (Tile<Box<T>>, Tile<Box<T>>) = (tile(0), tile(1))
        for k in 0..<tileWidth { slopes[k] = Overlap(metric, box, boxes[k], eps).gradA }
    }
}
