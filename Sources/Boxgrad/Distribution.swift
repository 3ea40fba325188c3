import CBoxgrad
import CShims

extension Arguments {
    /// Checks rows of logits: the number of bins, and the rows.
    fileprivate mutating func logits<T>(_ logits: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ bins: Int) {
        self.count(bins, "bins")
        if bins < 2 { fail(BOXGRAD_BAD_PARAMETER, "bins", "must be at least", least: 2, .integer(bins)) }
        if bins.multipliedReportingOverflow(by: MemoryLayout<T>.stride).overflow { fail(BOXGRAD_SIZE_OVERFLOW, "bins", "is too large", .count(bins)) }
        rows(logits, "logits", count, stride: stride, "logits_stride", width: bins)
    }
}

func distributionFocal<T>(
    _ logits: UnsafePointer<T>?, _ logitsStride: Int, _ target: UnsafePointer<T>?, _ count: Int, _ bins: Int, _ weights: UnsafePointer<T>?,
    _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?, _ perRow: UnsafeMutablePointer<T>?, _ gradLogits: UnsafeMutablePointer<T>?,
    _ gradTarget: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.logits(logits, count, logitsStride, bins)
    arguments.normalizer(normalizer, as: T.self, of: count)
    arguments.packed(target, "target", count)
    arguments.packed(weights, "weights", count, optional: true)
    arguments.packed(perRow, "per_row", count, optional: true)
    arguments.packed(gradLogits, "grad_logits", count, width: bins, optional: true)
    arguments.packed(gradTarget, "grad_target", count, optional: true)
    guard arguments.valid else { return arguments.status }
    var sum = 0.0
    if count > 0, let logits, let target {
        sum = DistributionFocal(
            logits: Rows(logits, stride: logitsStride), bins: bins, target: target, weights: weights, normalizer: normalizer, perRow: perRow,
            gradLogits: gradLogits, gradTarget: gradTarget
        ).sum(count, worthThread: Division.boxes(groups: bins).worthThread, kernels(T.self).distribution_focal)
    }
    loss?.pointee = count > 0 ? sum / normalizer : 0
    return BOXGRAD_OK
}

func distributionDecode<T>(
    _ logits: UnsafePointer<T>?, _ logitsStride: Int, _ count: Int, _ bins: Int, _ out: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.logits(logits, count, logitsStride, bins)
    arguments.packed(out, "out", count)
    guard arguments.valid, let logits, let out else { return arguments.status }
    DistributionDecode(logits: Rows(logits, stride: logitsStride), bins: bins, out: out)
        .run(count, .boxes(groups: bins), kernels(T.self).distribution_decode)
    return BOXGRAD_OK
}

func distributionDecodeGrad<T>(
    _ logits: UnsafePointer<T>?, _ logitsStride: Int, _ count: Int, _ bins: Int, _ gradOut: UnsafePointer<T>?,
    _ gradLogits: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.logits(logits, count, logitsStride, bins)
    arguments.packed(gradOut, "grad_out", count)
    arguments.packed(gradLogits, "grad_logits", count, width: bins)
    guard arguments.valid, let logits, let gradOut, let gradLogits else { return arguments.status }
    DistributionDecodeGrad(logits: Rows(logits, stride: logitsStride), bins: bins, gradOut: gradOut, gradLogits: gradLogits)
        .run(count, .boxes(groups: bins), kernels(T.self).distribution_decode_grad)
    return BOXGRAD_OK
}
