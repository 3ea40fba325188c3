// These kernels compare row i with row i. They compute the metrics with their gradients, and the loss with its gradients in one pass.

import CBoxgrad

@inline(never)
func iouAligned<T: Real>(_ call: IoUAligned<T>, _ rows: Range<Int>) {
    let pairs = Pairs(
        a: call.a, b: call.b, rows: rows, weights: nil, eps: T(call.eps), scale: 1, values: call.out, gradA: call.gradA, gradB: call.gradB)
    switch call.metric {
    case BOXGRAD_GIOU: _ = pairs.measure(GIoU.self)
    case BOXGRAD_DIOU: _ = pairs.measure(DIoU.self)
    case BOXGRAD_CIOU: _ = pairs.measure(CIoU.self)
    case BOXGRAD_IOF: _ = pairs.measure(IoF.self)
    case BOXGRAD_IOS: _ = pairs.measure(IoS.self)
    default: _ = pairs.measure(IoU.self)
    }
}

@inline(never)
func iouLoss<T: Real>(_ call: IoULoss<T>, _ rows: Range<Int>) {
    let pairs = Pairs(
        a: call.pred, b: call.target, rows: rows, weights: call.weights, eps: T(call.eps), scale: T(-1 / call.normalizer), values: call.perBox,
        gradA: call.gradPred, gradB: call.gradTarget)
    let sum =
        switch call.metric {
        case BOXGRAD_GIOU: pairs.measure(Loss<GIoU>.self)
        case BOXGRAD_DIOU: pairs.measure(Loss<DIoU>.self)
        case BOXGRAD_CIOU: pairs.measure(Loss<CIoU>.self)
        default: pairs.measure(Loss<IoU>.self)
        }
    call.sums.store(sum, rows)
}

private struct Pairs<T: Real> {
    let a, b: Rows<T>
    let rows: Range<Int>
    /// `weights` multiplies each value of a loss and its gradients. `scale` multiplies only the gradients.
    let weights: UnsafePointer<T>?
    let eps, scale: T
    let values, gradA, gradB: UnsafeMutablePointer<T>?

    /// Computes the outputs, and returns the sum of a loss's values.
    @inline(never)
    func measure<M: Metric>(_ metric: M.Type) -> Double {
        @inline(__always)
        func measure(_ space: Workspace) -> Double {
            let (tileA, tileB): (Tile<Box<T>>, Tile<Box<T>>) = (space.tile(0), space.tile(1))
            let (slopesA, slopesB): (Tile<Box<T>>, Tile<Box<T>>) = (space.tile(2), space.tile(3))
            let (column, factors): (UnsafeMutablePointer<T>, UnsafeMutablePointer<T>) = (space.column(0), space.column(1))
            for k in 0..<tileWidth { factors[k] = 1 }
            var sum = BlockSum()
            var tiles = Tiles(rows)
            while let (start, length) = tiles.next() {
                tileA.load(a, start, length)
                tileB.load(b, start, length)
                // A metric computes both gradients in one loop. A loss has another loop without the gradient of the target, because
                // training asks for the gradient of the prediction only.
                if gradB != nil || (!M.isLoss && gradA != nil) {
                    for k in 0..<tileWidth {
                        let overlap = Overlap(metric, tileA[k], tileB[k], eps)
                        (column[k], slopesA[k], slopesB[k]) = (M.result(of: overlap), overlap.gradA, overlap.gradB)
                    }
                } else if M.isLoss && gradA != nil {
                    for k in 0..<tileWidth {
                        let overlap = Overlap(metric, tileA[k], tileB[k], eps)
                        (column[k], slopesA[k]) = (M.result(of: overlap), overlap.gradA)
                    }
                } else {
                    for k in 0..<tileWidth {
                        let overlap = Overlap(metric, tileA[k], tileB[k], eps)
                        column[k] = M.result(of: overlap)
                    }
                }
                if M.isLoss {
                    if let weights { copy(weights + start, to: factors, length) }
                    for k in 0..<tileWidth { column[k] *= factors[k] }
                    sum.add(column, length)
                }
                if let values { copy(column, to: values + start, length) }
                if let gradA {
                    if M.isLoss { slopesA.multiply(factors, scale) }
                    slopesA.store(MutableRows(gradA, stride: 4), start, length)
                }
                if let gradB {
                    if M.isLoss { slopesB.multiply(factors, scale) }
                    slopesB.store(MutableRows(gradB, stride: 4), start, length)
                }
            }
            return sum.total
        }
        return Workspace.with(measure)
    }
}
