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

func rotatedIouPairwise<T>(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?, _ bCount: Int, _ bStride: Int,
    _ out: UnsafeMutablePointer<T>?, _ outStride: Int
) -> Int32 {
    var arguments = Arguments()
    arguments.rotatedMetric(metric, angle)
    arguments.sides(a, aCount, aStride, b, bCount, bStride, width: 5)
    arguments.matrix(out, "out", aCount, bCount, outStride, "out_stride")
    guard arguments.valid, let a, let b, let out, aCount > 0, bCount > 0 else { return arguments.status }
    RotatedIoUPairwise(
        metric: metric, angle: angle, a: Rows(a, stride: aStride), b: Rows(b, stride: bStride), bCount: bCount,
        out: MutableRows(out, stride: outStride)
    ).run(aCount, .rotated(groups: bCount), kernels(T.self).rotated_iou_pairwise)
    return BOXGRAD_OK
}

func rotatedIouPairwiseGrad<T: BinaryFloatingPoint>(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?, _ bCount: Int, _ bStride: Int,
    _ gradOut: UnsafePointer<T>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.rotatedMetric(metric, angle)
    arguments.sides(a, aCount, aStride, b, bCount, bStride, width: 5)
    arguments.matrix(gradOut, "grad_out", aCount, bCount, gradOutStride, "grad_out_stride")
    arguments.packed(gradA, "grad_a", aCount, width: 5, optional: true)
    arguments.packed(gradB, "grad_b", bCount, width: 5, optional: true)
    guard arguments.valid else { return arguments.status }
    guard let a, let b, let gradOut, aCount > 0, bCount > 0 else {
        gradA?.update(repeating: 0, count: 5 &* aCount)
        gradB?.update(repeating: 0, count: 5 &* bCount)
        return BOXGRAD_OK
    }
    let (rowsA, rowsB) = (Rows(a, stride: aStride), Rows(b, stride: bStride))
    if let gradA {
        RotatedIoUPairwiseGrad(
            metric: metric, angle: angle, a: rowsA, b: rowsB, bCount: bCount, gradOut: gradOut, rowStride: gradOutStride, columnStride: 1, gradA: gradA
        ).run(aCount, .boxes(groups: bCount), kernels(T.self).rotated_iou_pairwise_grad)
    }
    if let gradB {
        RotatedIoUPairwiseGrad(
            metric: bgi_exchanged(metric), angle: angle, a: rowsB, b: rowsA, bCount: aCount, gradOut: gradOut, rowStride: 1,
            columnStride: gradOutStride, gradA: gradB
        ).run(bCount, .boxes(groups: aCount), kernels(T.self).rotated_iou_pairwise_grad)
    }
    return BOXGRAD_OK
}

func rotatedIouAligned<T>(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<T>?, _ aStride: Int, _ b: UnsafePointer<T>?, _ bStride: Int, _ count: Int,
    _ out: UnsafeMutablePointer<T>?, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.rotatedMetric(metric, angle)
    arguments.rows(a, "a", count, stride: aStride, "a_stride", width: 5)
    arguments.rows(b, "b", count, stride: bStride, "b_stride", width: 5)
    arguments.packed(out, "out", count, optional: true)
    arguments.packed(gradA, "grad_a", count, width: 5, optional: true)
    arguments.packed(gradB, "grad_b", count, width: 5, optional: true)
    guard arguments.valid, let a, let b else { return arguments.status }
    RotatedIoUAligned(
        metric: metric, angle: angle, a: Rows(a, stride: aStride), b: Rows(b, stride: bStride), out: out, gradA: gradA, gradB: gradB
    ).run(count, .boxes, kernels(T.self).rotated_iou_aligned)
    return BOXGRAD_OK
}

func rotatedIouLoss<T>(
    _ kind: Int32, _ angle: Int32, _ pred: UnsafePointer<T>?, _ predStride: Int, _ target: UnsafePointer<T>?, _ targetStride: Int, _ count: Int,
    _ weights: UnsafePointer<T>?, _ leastIoU: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<T>?, _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.require(BOXGRAD_ROTATED_LOSS_IOU...BOXGRAD_ROTATED_LOSS_LOG_IOU ~= kind, "kind", "is no loss of rotated boxes", kind)
    arguments.angle(angle)
    arguments.require(leastIoU >= 0x1p-100 && leastIoU <= 1, "least_iou", "must be from 2^-100 to 1", leastIoU)
    arguments.loss(pred, predStride, target, targetStride, count, weights, normalizer, perBox, gradPred, gradTarget, width: 5)
    guard arguments.valid else { return arguments.status }
    var sum = 0.0
    if count > 0, let pred, let target {
        sum = RotatedIoULoss(
            kind: kind, angle: angle, pred: Rows(pred, stride: predStride), target: Rows(target, stride: targetStride), weights: weights,
            leastIoU: leastIoU, normalizer: normalizer, perBox: perBox, gradPred: gradPred, gradTarget: gradTarget
        ).sum(count, worthThread: Division.boxes.worthThread, kernels(T.self).rotated_iou_loss)
    }
    loss?.pointee = count > 0 ? sum / normalizer : 0
    return BOXGRAD_OK
}
