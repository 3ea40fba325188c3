// These kernels compare row i with row i. They compute the metrics with their gradients, and the loss with its gradients in one pass.

import CBoxgrad

@inline(never)
func iouAligned<T: Real>(_ call: IoUAligned<T>, _ rows: Range<Int>) {
    _ = Pairs(
        a: call.a, b: call.b, rows: rows, metric: call.metric, isLoss: false, weights: nil, eps: T(call.eps), scale: 1, values: call.out,
        gradA: call.gradA, gradB: call.gradB
    ).measure()
}

@inline(never)
func iouLoss<T: Real>(_ call: IoULoss<T>, _ rows: Range<Int>) {
    let pairs = Pairs(
        a: call.pred, b: call.target, rows: rows, metric: call.metric, isLoss: true, weights: call.weights, eps: T(call.eps),
        scale: T(-1 / call.normalizer), values: call.perBox, gradA: call.gradPred, gradB: call.gradTarget)
    call.sums.store(pairs.measure(), rows)
}

private struct Pairs<T: Real> {
    let a, b: Rows<T>
    let rows: Range<Int>
    let metric: Int32
    let isLoss: Bool
    /// `weights` multiplies each value of a loss and its gradients. `scale` multiplies only the gradients.
    let weights: UnsafePointer<T>?
    let eps, scale: T
    let values, gradA, gradB: UnsafeMutablePointer<T>?

    /// Computes the outputs, and returns the sum of a loss's values.
    @inline(never)
    func measure() -> Double {
        @inline(__always)
        func measure(_ space: Workspace) -> Double {
            let tiles = PairTiles<T>(space: space)
            for k in 0..<tileWidth { tiles.factors[k] = 1 }
            var sum = BlockSum()
            var parts = Tiles(rows)
            while let (start, length) = parts.next() {
                tiles.a.load(a, start, length)
                tiles.b.load(b, start, length)
                compare(tiles)
                if isLoss {
                    if let weights { copy(weights + start, to: tiles.factors, length) }
                    for k in 0..<tileWidth { tiles.values[k] *= tiles.factors[k] }
                    sum.add(tiles.values, length)
                }
                if let values { copy(tiles.values, to: values + start, length) }
                if let gradA { store(tiles.slopesA, tiles.factors, gradA, start, length) }
                if let gradB { store(tiles.slopesB, tiles.factors, gradB, start, length) }
            }
            return sum.total
        }
        return Workspace.with(measure)
    }

    @inline(__always)
    private func compare(_ tiles: PairTiles<T>) {
        switch (isLoss, metric) {
        case (true, BOXGRAD_GIOU): compareLoss(tiles, Loss<GIoU>.self)
        case (true, BOXGRAD_DIOU): compareLoss(tiles, Loss<DIoU>.self)
        case (true, BOXGRAD_CIOU): compareLoss(tiles, Loss<CIoU>.self)
        case (true, _): compareLoss(tiles, Loss<IoU>.self)
        case (_, BOXGRAD_GIOU): compareMetric(tiles, GIoU.self)
        case (_, BOXGRAD_DIOU): compareMetric(tiles, DIoU.self)
        case (_, BOXGRAD_CIOU): compareMetric(tiles, CIoU.self)
        case (_, BOXGRAD_IOF): compareMetric(tiles, IoF.self)
        case (_, BOXGRAD_IOS): compareMetric(tiles, IoS.self)
        default: compareMetric(tiles, IoU.self)
        }
    }

    @inline(__always)
    private func compareMetric<M: Metric>(_ tiles: PairTiles<T>, _ metric: M.Type) {
        if gradA != nil || gradB != nil { tiles.fillWithBothGrads(metric, eps) } else { tiles.fill(metric, eps) }
    }

    /// A loss has another loop without the gradient of the target, because training asks for the gradient of the prediction only.
    @inline(__always)
    private func compareLoss<M: Metric>(_ tiles: PairTiles<T>, _ metric: M.Type) {
        if gradB != nil {
            tiles.fillWithBothGrads(metric, eps)
        } else if gradA != nil {
            tiles.fillWithGradA(metric, eps)
        } else {
            tiles.fill(metric, eps)
        }
    }

    @inline(__always)
    private func store(
        _ slopes: Tile<Box<T>>, _ factors: UnsafeMutablePointer<T>, _ grad: UnsafeMutablePointer<T>, _ start: Int, _ length: Int
    ) {
        if isLoss { slopes.multiply(factors, scale) }
        slopes.store(MutableRows(grad, stride: 4), start, length)
    }
}

/// Holds the pairs of a tile, and what is computed of them. It has one pointer, so that the compiler knows that no two columns overlap.
private struct PairTiles<T: Real> {
    let space: Workspace

    var a: Tile<Box<T>> { @inline(__always) get { space.tile(0) } }
    var b: Tile<Box<T>> { @inline(__always) get { space.tile(1) } }
    var slopesA: Tile<Box<T>> { @inline(__always) get { space.tile(2) } }
    var slopesB: Tile<Box<T>> { @inline(__always) get { space.tile(3) } }
    var values: UnsafeMutablePointer<T> { @inline(__always) get { space.column(0) } }
    var factors: UnsafeMutablePointer<T> { @inline(__always) get { space.column(1) } }

    @inline(never)
    func fill<M: Metric>(_ metric: M.Type, _ eps: T) {
        for k in 0..<tileWidth { values[k] = M.result(of: Overlap(metric, a[k], b[k], eps)) }
    }

    @inline(never)
    func fillWithGradA<M: Metric>(_ metric: M.Type, _ eps: T) {
        for k in 0..<tileWidth {
            let overlap = Overlap(metric, a[k], b[k], eps)
            (values[k], slopesA[k]) = (M.result(of: overlap), overlap.gradA)
        }
    }

    @inline(never)
    func fillWithBothGrads<M: Metric>(_ metric: M.Type, _ eps: T) {
        for k in 0..<tileWidth {
            let overlap = Overlap(metric, a[k], b[k], eps)
            (values[k], slopesA[k], slopesB[k]) = (M.result(of: overlap), overlap.gradA, overlap.gradB)
        }
    }
}
