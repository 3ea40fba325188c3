import CBoxgrad
import CShims

extension Arguments {
    // This is not inlined, because most functions of overlaps call it.
    @inline(never)
    mutating func metric<T>(
        _ metric: Int32, _ eps: Double, _ type: T.Type, last: Int32 = BOXGRAD_IOS, otherwise reason: StaticString = "is no overlap metric"
    ) {
        require(BOXGRAD_IOU...last ~= metric, "metric", reason, metric)
        require(eps >= 0 && rounded(eps, to: type) < .infinity, "eps", Self.epsReason, eps)
    }

    static var epsReason: StaticString { "must be finite in the function's type, and not negative" }

    /// Checks what every loss of boxes takes.
    @inline(never)
    mutating func loss<T>(
        _ pred: UnsafePointer<T>?, _ predStride: Int, _ target: UnsafePointer<T>?, _ targetStride: Int, _ count: Int, _ weights: UnsafePointer<T>?,
        _ normalizer: Double, _ perBox: UnsafeMutablePointer<T>?, _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?,
        width: Int = 4
    ) {
        self.normalizer(normalizer, as: T.self, of: count)
        rows(pred, "pred", count, stride: predStride, "pred_stride", width: width)
        rows(target, "target", count, stride: targetStride, "target_stride", width: width)
        packed(weights, "weights", count, optional: true)
        packed(perBox, "per_box", count, optional: true)
        packed(gradPred, "grad_pred", count, width: width, optional: true)
        packed(gradTarget, "grad_target", count, width: width, optional: true)
    }
}

/// Whether writing the matrix takes longer than computing it. DIoU and CIoU take longer themselves, and gain nothing from streaming.
private func isFast(_ metric: Int32) -> Bool { metric != BOXGRAD_DIOU && metric != BOXGRAD_CIOU }

extension IoUPairwise {
    /// Checks the arguments of iouPairwise. It returns nil if one is refused, or if there is nothing to do. The call has no scratch yet.
    init?(
        _ arguments: inout Arguments, _ metric: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?,
        _ bCount: Int, _ bStride: Int, _ eps: Double, _ out: UnsafeMutablePointer<T>?, _ outStride: Int,
        _ outUnion: UnsafeMutablePointer<T>?
    ) {
        arguments.metric(metric, eps, T.self)
        arguments.sides(a, aCount, aStride, b, bCount, bStride)
        arguments.matrix(out, "out", aCount, bCount, outStride, "out_stride")
        arguments.matrix(outUnion, "out_union", aCount, bCount, outStride, "out_stride", optional: true)
        guard arguments.valid, let a, let b, let out, aCount > 0, bCount > 0 else { return nil }
        self.init(
            metric: metric, a: Rows(a, stride: aStride), b: Rows(b, stride: bStride), bCount: bCount, eps: eps,
            out: MutableRows(out, stride: outStride), union: outUnion, streams: false, scratch: ThreadScratch(start: out, size: 0, rows: aCount))
    }
}

func iouPairwise<T>(
    _ metric: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?, _ bCount: Int, _ bStride: Int,
    _ eps: Double, _ out: UnsafeMutablePointer<T>?, _ outStride: Int, _ outUnion: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    let checked = IoUPairwise(&arguments, metric, a, aCount, aStride, b, bCount, bStride, eps, out, outStride, outUnion)
    guard var call = checked else { return arguments.status }
    let (division, threads) = Division.matrix(metric, rows: aCount, columns: bCount)
    let size = bgi_pairwise_scratch(bCount) &* MemoryLayout<T>.stride
    guard let scratch = Scratch(&arguments, threads, each: size) else { return arguments.status }
    defer { scratch.free() }
    call.scratch = ThreadScratch(start: scratch.start, size: size, rows: division.rows)
    call.streams = isFast(metric) && bgi_streams(call.out.start, aCount &* bCount &* MemoryLayout<T>.stride)
    call.run(aCount, division, kernels(T.self).iou_pairwise)
    return BOXGRAD_OK
}

extension Arguments {
    mutating func sides<T>(
        _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?, _ bCount: Int, _ bStride: Int, width: Int = 4
    ) {
        count(aCount, "a_count")
        count(bCount, "b_count")
        rows(a, "a", aCount, stride: aStride, "a_stride", width: width)
        rows(b, "b", bCount, stride: bStride, "b_stride", width: width)
    }

    mutating func matrix<T>(
        _ matrix: UnsafePointer<T>?, _ name: StaticString, _ aCount: Int, _ bCount: Int, _ stride: Int, _ strideName: StaticString,
        optional: Bool = false
    ) {
        if bCount > 0 { rows(matrix, name, aCount, stride: stride, strideName, width: bCount, optional: optional) }
    }
}

extension IoUPairwiseGrad {
    /// Checks the arguments of iouPairwiseGrad. It returns nil if one is refused, or if there are no pairs. The kernel
    /// computes the gradient of its first side. A call with exchanged sides and the exchanged metric gives that of the other side.
    static func sides(
        _ arguments: inout Arguments, _ metric: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?,
        _ bCount: Int, _ bStride: Int, _ eps: Double, _ gradOut: UnsafePointer<T>?, _ gradOutStride: Int,
        _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?
    ) -> (a: Self?, b: Self?)? {
        arguments.metric(metric, eps, T.self)
        arguments.sides(a, aCount, aStride, b, bCount, bStride)
        arguments.matrix(gradOut, "grad_out", aCount, bCount, gradOutStride, "grad_out_stride")
        arguments.packed(gradA, "grad_a", aCount, width: 4, optional: true)
        arguments.packed(gradB, "grad_b", bCount, width: 4, optional: true)
        guard arguments.valid, let a, let b, let gradOut, aCount > 0, bCount > 0 else { return nil }
        let (rowsA, rowsB) = (Rows(a, stride: aStride), Rows(b, stride: bStride))
        return (
            gradA.map {
                Self(metric: metric, a: rowsA, b: rowsB, bCount: bCount, eps: eps, gradOut: gradOut, rowStride: gradOutStride, columnStride: 1, gradA: $0)
            },
            gradB.map {
                Self(
                    metric: bgi_exchanged(metric), a: rowsB, b: rowsA, bCount: aCount, eps: eps, gradOut: gradOut, rowStride: 1, columnStride: gradOutStride,
                    gradA: $0)
            }
        )
    }
}

func iouPairwiseGrad<T: BinaryFloatingPoint>(
    _ metric: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?, _ bCount: Int, _ bStride: Int,
    _ eps: Double, _ gradOut: UnsafePointer<T>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    let sides = IoUPairwiseGrad<T>.sides(&arguments, metric, a, aCount, aStride, b, bCount, bStride, eps, gradOut, gradOutStride, gradA, gradB)
    guard arguments.valid else { return arguments.status }
    if let sides {
        sides.a?.run(aCount, .boxes(groups: bCount), kernels(T.self).iou_pairwise_grad)
        sides.b?.run(bCount, .boxes(groups: aCount), kernels(T.self).iou_pairwise_grad)
    } else {
        gradA?.update(repeating: 0, count: 4 &* aCount)
        gradB?.update(repeating: 0, count: 4 &* bCount)
    }
    return BOXGRAD_OK
}

extension IoUAligned {
    /// Checks the arguments of iouAligned. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ metric: Int32, _ a: UnsafePointer<T>?, _ aStride: Int, _ b: UnsafePointer<T>?, _ bStride: Int,
        _ count: Int, _ eps: Double, _ out: UnsafeMutablePointer<T>?, _ gradA: UnsafeMutablePointer<T>?,
        _ gradB: UnsafeMutablePointer<T>?
    ) {
        arguments.metric(metric, eps, T.self)
        arguments.rows(a, "a", count, stride: aStride, "a_stride")
        arguments.rows(b, "b", count, stride: bStride, "b_stride")
        arguments.packed(out, "out", count, optional: true)
        arguments.packed(gradA, "grad_a", count, width: 4, optional: true)
        arguments.packed(gradB, "grad_b", count, width: 4, optional: true)
        guard arguments.valid, let a, let b else { return nil }
        self.init(metric: metric, a: Rows(a, stride: aStride), b: Rows(b, stride: bStride), eps: eps, out: out, gradA: gradA, gradB: gradB)
    }
}

func iouAligned<T>(
    _ metric: Int32, _ a: UnsafePointer<T>?, _ aStride: Int, _ b: UnsafePointer<T>?, _ bStride: Int, _ count: Int, _ eps: Double,
    _ out: UnsafeMutablePointer<T>?, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    IoUAligned(&arguments, metric, a, aStride, b, bStride, count, eps, out, gradA, gradB)?.run(count, .boxes, kernels(T.self).iou_aligned)
    return arguments.status
}

extension IoULoss {
    /// Checks the arguments of iouLoss. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ metric: Int32, _ pred: UnsafePointer<T>?, _ predStride: Int, _ target: UnsafePointer<T>?,
        _ targetStride: Int, _ count: Int, _ weights: UnsafePointer<T>?, _ eps: Double, _ normalizer: Double,
        _ perBox: UnsafeMutablePointer<T>?, _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?
    ) {
        arguments.metric(metric, eps, T.self, last: BOXGRAD_CIOU, otherwise: "is none that has a loss")
        arguments.loss(pred, predStride, target, targetStride, count, weights, normalizer, perBox, gradPred, gradTarget)
        guard arguments.valid, count > 0, let pred, let target else { return nil }
        self.init(
            metric: metric, pred: Rows(pred, stride: predStride), target: Rows(target, stride: targetStride), weights: weights, eps: eps,
            normalizer: normalizer, perBox: perBox, gradPred: gradPred, gradTarget: gradTarget)
    }
}

func iouLoss<T>(
    _ metric: Int32, _ pred: UnsafePointer<T>?, _ predStride: Int, _ target: UnsafePointer<T>?, _ targetStride: Int, _ count: Int,
    _ weights: UnsafePointer<T>?, _ eps: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<T>?, _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    let call = IoULoss(&arguments, metric, pred, predStride, target, targetStride, count, weights, eps, normalizer, perBox, gradPred, gradTarget)
    guard arguments.valid else { return arguments.status }
    let sum = call?.sum(count, worthThread: Division.boxes.worthThread, kernels(T.self).iou_loss)
    loss?.pointee = sum.map { $0 / normalizer } ?? 0
    return BOXGRAD_OK
}
