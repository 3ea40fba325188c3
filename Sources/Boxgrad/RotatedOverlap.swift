import CBoxgrad
import CShims

extension Arguments {
    mutating func rotatedMetric(_ metric: Int32, _ angle: Int32) {
        require(metric == BOXGRAD_IOU || metric == BOXGRAD_IOF, "metric", "is no overlap metric of rotated boxes", metric)
        self.angle(angle)
    }
}

extension Division {
    /// Returns the division of rows that have `groups` rotated boxes each. A chunk has whole tiles of rows, for which a tile of the others is prepared.
    fileprivate static func rotated(groups: Int) -> Self {
        let division = boxes(groups: groups)
        return Self(rows: (division.rows + 31) & ~31, worthThread: max(32, division.worthThread))
    }
}

extension RotatedIoUPairwise {
    /// Checks the arguments of rotatedIouPairwise. It returns nil if one is refused, or if there are no pairs.
    init?(
        _ arguments: inout Arguments, _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?,
        _ bCount: Int, _ bStride: Int, _ out: UnsafeMutablePointer<T>?, _ outStride: Int
    ) {
        arguments.rotatedMetric(metric, angle)
        arguments.sides(a, aCount, aStride, b, bCount, bStride, width: 5)
        arguments.matrix(out, "out", aCount, bCount, outStride, "out_stride")
        guard arguments.valid, let a, let b, let out, aCount > 0, bCount > 0 else { return nil }
        self.init(
            metric: metric, angle: angle, a: Rows(a, stride: aStride), b: Rows(b, stride: bStride), bCount: bCount,
            out: MutableRows(out, stride: outStride))
    }
}

func rotatedIouPairwise<T>(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?, _ bCount: Int, _ bStride: Int,
    _ out: UnsafeMutablePointer<T>?, _ outStride: Int
) -> Int32 {
    var arguments = Arguments()
    RotatedIoUPairwise(&arguments, metric, angle, a, aCount, aStride, b, bCount, bStride, out, outStride)?
        .run(aCount, .rotated(groups: bCount), kernels(T.self).rotated_iou_pairwise)
    return arguments.status
}

extension RotatedIoUPairwiseGrad {
    /// Checks the arguments of rotatedIouPairwiseGrad. It returns nil if one is refused, or if there are no pairs. The kernel computes the gradient
    /// of its first side. A call with exchanged sides and the exchanged metric gives that of the other side.
    static func sides(
        _ arguments: inout Arguments, _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?,
        _ bCount: Int, _ bStride: Int, _ gradOut: UnsafePointer<T>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<T>?,
        _ gradB: UnsafeMutablePointer<T>?
    ) -> (a: Self?, b: Self?)? {
        arguments.rotatedMetric(metric, angle)
        arguments.sides(a, aCount, aStride, b, bCount, bStride, width: 5)
        arguments.matrix(gradOut, "grad_out", aCount, bCount, gradOutStride, "grad_out_stride")
        arguments.packed(gradA, "grad_a", aCount, width: 5, optional: true)
        arguments.packed(gradB, "grad_b", bCount, width: 5, optional: true)
        guard arguments.valid, let a, let b, let gradOut, aCount > 0, bCount > 0 else { return nil }
        let (rowsA, rowsB) = (Rows(a, stride: aStride), Rows(b, stride: bStride))
        return (
            gradA.map {
                Self(
                    metric: metric, angle: angle, a: rowsA, b: rowsB, bCount: bCount, gradOut: gradOut, rowStride: gradOutStride, columnStride: 1,
                    gradA: $0)
            },
            gradB.map {
                Self(
                    metric: bgi_exchanged(metric), angle: angle, a: rowsB, b: rowsA, bCount: aCount, gradOut: gradOut, rowStride: 1,
                    columnStride: gradOutStride, gradA: $0)
            }
        )
    }
}

func rotatedIouPairwiseGrad<T: BinaryFloatingPoint>(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?, _ bCount: Int, _ bStride: Int,
    _ gradOut: UnsafePointer<T>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    let sides = RotatedIoUPairwiseGrad<T>.sides(
        &arguments, metric, angle, a, aCount, aStride, b, bCount, bStride, gradOut, gradOutStride, gradA, gradB)
    guard arguments.valid else { return arguments.status }
    if let sides {
        sides.a?.run(aCount, .boxes(groups: bCount), kernels(T.self).rotated_iou_pairwise_grad)
        sides.b?.run(bCount, .boxes(groups: aCount), kernels(T.self).rotated_iou_pairwise_grad)
    } else {
        gradA?.update(repeating: 0, count: 5 &* aCount)
        gradB?.update(repeating: 0, count: 5 &* bCount)
    }
    return BOXGRAD_OK
}

extension RotatedIoUAligned {
    /// Checks the arguments of rotatedIouAligned. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<T>?, _ aStride: Int, _ b: UnsafePointer<T>?, _ bStride: Int,
        _ count: Int, _ out: UnsafeMutablePointer<T>?, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?
    ) {
        arguments.rotatedMetric(metric, angle)
        arguments.rows(a, "a", count, stride: aStride, "a_stride", width: 5)
        arguments.rows(b, "b", count, stride: bStride, "b_stride", width: 5)
        arguments.packed(out, "out", count, optional: true)
        arguments.packed(gradA, "grad_a", count, width: 5, optional: true)
        arguments.packed(gradB, "grad_b", count, width: 5, optional: true)
        guard arguments.valid, let a, let b else { return nil }
        self.init(metric: metric, angle: angle, a: Rows(a, stride: aStride), b: Rows(b, stride: bStride), out: out, gradA: gradA, gradB: gradB)
    }
}

func rotatedIouAligned<T>(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<T>?, _ aStride: Int, _ b: UnsafePointer<T>?, _ bStride: Int, _ count: Int,
    _ out: UnsafeMutablePointer<T>?, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    RotatedIoUAligned(&arguments, metric, angle, a, aStride, b, bStride, count, out, gradA, gradB)?
        .run(count, .boxes, kernels(T.self).rotated_iou_aligned)
    return arguments.status
}

extension RotatedIoULoss {
    /// Checks the arguments of rotatedIouLoss. It returns nil if one is refused, or if there are no pairs.
    init?(
        _ arguments: inout Arguments, _ kind: Int32, _ angle: Int32, _ pred: UnsafePointer<T>?, _ predStride: Int, _ target: UnsafePointer<T>?,
        _ targetStride: Int, _ count: Int, _ weights: UnsafePointer<T>?, _ leastIoU: Double, _ normalizer: Double,
        _ perBox: UnsafeMutablePointer<T>?, _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?
    ) {
        arguments.require(BOXGRAD_ROTATED_LOSS_IOU...BOXGRAD_ROTATED_LOSS_LOG_IOU ~= kind, "kind", "is no loss of rotated boxes", kind)
        arguments.angle(angle)
        arguments.require(leastIoU >= 0x1p-100 && leastIoU <= 1, "least_iou", "must be from 2^-100 to 1", leastIoU)
        arguments.loss(pred, predStride, target, targetStride, count, weights, normalizer, perBox, gradPred, gradTarget, width: 5)
        guard arguments.valid, count > 0, let pred, let target else { return nil }
        self.init(
            kind: kind, angle: angle, pred: Rows(pred, stride: predStride), target: Rows(target, stride: targetStride), weights: weights,
            leastIoU: leastIoU, normalizer: normalizer, perBox: perBox, gradPred: gradPred, gradTarget: gradTarget)
    }
}

func rotatedIouLoss<T>(
    _ kind: Int32, _ angle: Int32, _ pred: UnsafePointer<T>?, _ predStride: Int, _ target: UnsafePointer<T>?, _ targetStride: Int, _ count: Int,
    _ weights: UnsafePointer<T>?, _ leastIoU: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<T>?, _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    let call = RotatedIoULoss(
        &arguments, kind, angle, pred, predStride, target, targetStride, count, weights, leastIoU, normalizer, perBox, gradPred, gradTarget)
    guard arguments.valid else { return arguments.status }
    let sum = call?.sum(count, worthThread: Division.boxes.worthThread, kernels(T.self).rotated_iou_loss) ?? 0
    loss?.pointee = count > 0 ? sum / normalizer : 0
    return BOXGRAD_OK
}
