// Row i with row i: the metrics with their gradients, and the loss with its gradients fused.

import CBoxgrad

@inline(never)
func iouAligned<T: Real>(
    _ metric: Int32, _ a: UnsafePointer<T>, _ aStride: Int, _ b: UnsafePointer<T>, _ bStride: Int, _ count: Int, _ eps: Double,
    _ out: UnsafeMutablePointer<T>?, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?
) {
    let pairs = Pairs(a: a, b: b, aStride: aStride, bStride: bStride, count: count, weights: nil, eps: T(eps), scale: 1, values: out, gradA: gradA, gradB: gradB)
    switch metric {
    case BOXGRAD_GIOU: _ = pairs.measure(GIoU.self)
    case BOXGRAD_DIOU: _ = pairs.measure(DIoU.self)
    case BOXGRAD_CIOU: _ = pairs.measure(CIoU.self)
    default: _ = pairs.measure(IoU.self)
    }
}

/// Returns the sum of per_box.
@inline(never)
func iouLoss<T: Real>(
    _ metric: Int32, _ pred: UnsafePointer<T>, _ predStride: Int, _ target: UnsafePointer<T>, _ targetStride: Int, _ count: Int,
    _ weights: UnsafePointer<T>?, _ eps: Double, _ normalizer: Double, _ perBox: UnsafeMutablePointer<T>?,
    _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?
) -> Double {
    let pairs = Pairs(
        a: pred, b: target, aStride: predStride, bStride: targetStride, count: count, weights: weights, eps: T(eps), scale: T(-1 / normalizer),
        values: perBox, gradA: gradPred, gradB: gradTarget)
    switch metric {
    case BOXGRAD_GIOU: return pairs.measure(Loss<GIoU>.self)
    case BOXGRAD_DIOU: return pairs.measure(Loss<DIoU>.self)
    case BOXGRAD_CIOU: return pairs.measure(Loss<CIoU>.self)
    default: return pairs.measure(Loss<IoU>.self)
    }
}

private struct Pairs<T: Real> {
    let a, b: UnsafePointer<T>
    let aStride, bStride, count: Int
    /// Of a loss: what multiplies each value, and what multiplies the gradients on top.
    let weights: UnsafePointer<T>?
    let eps, scale: T
    let values, gradA, gradB: UnsafeMutablePointer<T>?

    /// Returns the sum of a loss's values.
    @inline(never)
    func measure<M: Metric>(_ metric: M.Type) -> Double {
        @inline(__always)
        func measure(_ space: Workspace) -> Double {
            let (tileA, tileB, slopesA, slopesB): (Tile<T>, Tile<T>, Tile<T>, Tile<T>) = (space.tile(0), space.tile(1), space.tile(2), space.tile(3))
            let (column, factors): (UnsafeMutablePointer<T>, UnsafeMutablePointer<T>) = (space.column(0), space.column(1))
            for k in 0..<tileWidth { factors[k] = 1 }
            var sum = BlockSum()
            var tiles = Tiles(count)
            while let (start, length) = tiles.next() {
                tileA.load(a + start &* aStride, aStride, length)
                tileB.load(b + start &* bStride, bStride, length)
                // One loop for a metric's gradients: a loss has one for the gradient of the prediction alone, which training asks for.
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
                    slopesA.store(gradA + 4 &* start, 4, length)
                }
                if let gradB {
                    if M.isLoss { slopesB.multiply(factors, scale) }
                    slopesB.store(gradB + 4 &* start, 4, length)
                }
            }
            return sum.total
        }
        return Workspace.with(measure)
    }
}
