// Row i with row i: the metrics with their gradients, and the loss with its gradients fused.

import CBoxgrad

/// Metrics, or losses made of them, of paired boxes.
private struct AlignedOverlap<T: Real> {
    let isLoss: Bool
    let a, b: UnsafePointer<T>
    let aStride, bStride, count: Int
    let eps: T
    let gradA, gradB: UnsafeMutablePointer<T>?

    /// Tile by tile: `finish` gets the values, and replaces `factors`, which are 1, by what the gradients are to be multiplied with.
    @inline(__always)
    func run(
        _ metric: Int32,
        _ finish: (_ start: Int, _ length: Int, _ values: UnsafeMutablePointer<T>, _ factors: UnsafeMutablePointer<T>) -> Void
    ) {
        withTile { tileA in withTile { tileB in withTile { slopesA in withTile { slopesB in
            withColumn { (values: UnsafeMutablePointer<T>) in withColumn { (factors: UnsafeMutablePointer<T>) in
                let pairs = Pairs(a: tileA, b: tileB, values: values, slopesA: slopesA, slopesB: slopesB, wantSlopes: gradA != nil || gradB != nil)
                forEachTile(count) { start, length in
                    tileA.load(a + start &* aStride, aStride, length)
                    tileB.load(b + start &* bStride, bStride, length)
                    switch (metric, isLoss) {
                    case (BOXGRAD_GIOU, false): pairs.measure(GIoU.self, eps)
                    case (BOXGRAD_DIOU, false): pairs.measure(DIoU.self, eps)
                    case (BOXGRAD_CIOU, false): pairs.measure(CIoU.self, eps)
                    case (_, false): pairs.measure(IoU.self, eps)
                    case (BOXGRAD_GIOU, true): pairs.measure(Loss<GIoU>.self, eps)
                    case (BOXGRAD_DIOU, true): pairs.measure(Loss<DIoU>.self, eps)
                    case (BOXGRAD_CIOU, true): pairs.measure(Loss<CIoU>.self, eps)
                    case (_, true): pairs.measure(Loss<IoU>.self, eps)
                    }
                    for k in 0..<tileWidth { factors[k] = 1 }
                    finish(start, length, values, factors)
                    if let gradA {
                        slopesA.multiply(factors)
                        slopesA.store(gradA + 4 &* start, 4, length)
                    }
                    if let gradB {
                        slopesB.multiply(factors)
                        slopesB.store(gradB + 4 &* start, 4, length)
                    }
                }
            } }
        } } } }
    }
}

/// One tile of pairs, and where their results go.
private struct Pairs<T: Real> {
    let a, b: Tile<T>
    let values: UnsafeMutablePointer<T>
    let slopesA, slopesB: Tile<T>
    let wantSlopes: Bool

    @inline(never)
    func measure<M: Metric>(_ metric: M.Type, _ eps: T) {
        if wantSlopes {
            for k in 0..<tileWidth {
                let overlap = Overlap(metric, MeasuredBox(a[k], metric), MeasuredBox(b[k], metric), eps)
                values[k] = M.isLoss ? overlap.loss : overlap.value
                slopesA[k] = overlap.gradA
                slopesB[k] = overlap.gradB
            }
        } else {
            for k in 0..<tileWidth {
                let overlap = Overlap(metric, MeasuredBox(a[k], metric), MeasuredBox(b[k], metric), eps)
                values[k] = M.isLoss ? overlap.loss : overlap.value
            }
        }
    }
}

@inline(__always)
func iouAligned<T: Real>(
    _ metric: Int32, _ a: UnsafePointer<T>, _ aStride: Int, _ b: UnsafePointer<T>, _ bStride: Int, _ count: Int, _ eps: Double,
    _ out: UnsafeMutablePointer<T>?, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?
) {
    let pairs = AlignedOverlap(isLoss: false, a: a, b: b, aStride: aStride, bStride: bStride, count: count, eps: T(eps), gradA: gradA, gradB: gradB)
    pairs.run(metric) { start, length, values, _ in
        if let out { for k in 0..<length { out[start &+ k] = values[k] } }
    }
}

/// Returns the sum of per_box.
@inline(__always)
func iouLoss<T: Real>(
    _ metric: Int32, _ pred: UnsafePointer<T>, _ predStride: Int, _ target: UnsafePointer<T>, _ targetStride: Int, _ count: Int,
    _ weights: UnsafePointer<T>?, _ eps: Double, _ normalizer: Double, _ perBox: UnsafeMutablePointer<T>?,
    _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?
) -> Double {
    let pairs = AlignedOverlap(
        isLoss: true, a: pred, b: target, aStride: predStride, bStride: targetStride, count: count, eps: T(eps), gradA: gradPred, gradB: gradTarget)
    let scale = T(-1 / normalizer)
    var sum = BlockSum()
    pairs.run(metric) { start, length, values, factors in
        if let weights { for k in 0..<length { factors[k] = weights[start &+ k] } }
        for k in 0..<tileWidth {
            values[k] *= factors[k]
            factors[k] *= scale
        }
        sum.add(values, length)
        if let perBox { for k in 0..<length { perBox[start &+ k] = values[k] } }
    }
    return sum.total
}
