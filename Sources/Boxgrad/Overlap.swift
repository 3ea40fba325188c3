import CBoxgrad
import CShims

extension Arguments {
    mutating func metric<T>(_ metric: Int32, _ eps: Double, _ type: T.Type) {
        require(BOXGRAD_IOU...BOXGRAD_CIOU ~= metric, "metric", "is no overlap metric", metric)
        require(eps >= 0 && rounded(eps, to: type) < .infinity, "eps", "must be finite in the function's type, and not negative", eps)
    }
}

@_cdecl("boxgrad_iou_pairwise_f32") @implementation
public func boxgrad_iou_pairwise_f32(
    _ metric: Int32, _ a: UnsafePointer<Float>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bCount: Int,
    _ bStride: Int, _ eps: Double, _ out: UnsafeMutablePointer<Float>?, _ outStride: Int, _ outUnion: UnsafeMutablePointer<Float>?
) -> Int32 {
    iouPairwise(metric, a, aCount, aStride, b, bCount, bStride, eps, out, outStride, outUnion) {
        Pairwise<Float>.run($0, $1, $2, kernels.f32.iou_pairwise)
    }
}

@_cdecl("boxgrad_iou_pairwise_f64") @implementation
public func boxgrad_iou_pairwise_f64(
    _ metric: Int32, _ a: UnsafePointer<Double>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Double>?, _ bCount: Int,
    _ bStride: Int, _ eps: Double, _ out: UnsafeMutablePointer<Double>?, _ outStride: Int, _ outUnion: UnsafeMutablePointer<Double>?
) -> Int32 {
    iouPairwise(metric, a, aCount, aStride, b, bCount, bStride, eps, out, outStride, outUnion) {
        Pairwise<Double>.run($0, $1, $2, kernels.f64.iou_pairwise)
    }
}

private struct Pairwise<T>: Work {
    let metric: Int32
    let a, b: UnsafePointer<T>
    let aStride, bCount, bStride: Int
    let eps: Double
    let scratch, out: UnsafeMutablePointer<T>
    let outStride: Int
    let outUnion: UnsafeMutablePointer<T>?
    let chunkRows, scratchSize: Int

    static func run(
        _ context: UnsafeMutableRawPointer?, _ begin: Int, _ end: Int,
        _ kernel: (
            Int32, UnsafePointer<T>, Int, Int, UnsafePointer<T>, Int, Int, Double, UnsafeMutablePointer<T>, UnsafeMutablePointer<T>, Int,
            UnsafeMutablePointer<T>?
        ) -> Void
    ) {
        let work = at(context)
        let offset = begin &* work.outStride
        kernel(
            work.metric, work.a + begin &* work.aStride, end &- begin, work.aStride, work.b, work.bCount, work.bStride, work.eps,
            work.scratch + begin / work.chunkRows &* work.scratchSize, work.out + offset, work.outStride, work.outUnion.map { $0 + offset })
    }
}

private func iouPairwise<T>(
    _ metric: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?, _ bCount: Int, _ bStride: Int,
    _ eps: Double, _ out: UnsafeMutablePointer<T>?, _ outStride: Int, _ outUnion: UnsafeMutablePointer<T>?, _ task: boxgrad_task
) -> Int32 {
    var arguments = Arguments()
    arguments.metric(metric, eps, T.self)
    arguments.sides(a, aCount, aStride, b, bCount, bStride)
    arguments.matrix(out, "out", aCount, bCount, outStride, "out_stride")
    arguments.matrix(outUnion, "out_union", aCount, bCount, outStride, "out_stride", optional: true)
    guard arguments.valid, let a, let b, let out, aCount > 0, bCount > 0 else { return arguments.status }
    let (division, threads) = Division.matrix(metric, rows: aCount, columns: bCount)
    let scratchSize = bgi_pairwise_scratch(bCount)
    guard let scratch = Scratch(&arguments, threads, each: scratchSize &* MemoryLayout<T>.stride) else { return arguments.status }
    defer { scratch.free() }
    Pairwise(
        metric: metric, a: a, b: b, aStride: aStride, bCount: bCount, bStride: bStride, eps: eps,
        scratch: scratch.start.assumingMemoryBound(to: T.self), out: out, outStride: outStride, outUnion: outUnion, chunkRows: division.rows, scratchSize: scratchSize
    ).run(aCount, division, task)
    return BOXGRAD_OK
}

extension Arguments {
    fileprivate mutating func sides<T>(_ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?, _ bCount: Int, _ bStride: Int) {
        count(aCount, "a_count")
        count(bCount, "b_count")
        rows(a, "a", aCount, stride: aStride, "a_stride")
        rows(b, "b", bCount, stride: bStride, "b_stride")
    }

    fileprivate mutating func matrix<T>(
        _ matrix: UnsafePointer<T>?, _ name: StaticString, _ aCount: Int, _ bCount: Int, _ stride: Int, _ strideName: StaticString,
        optional: Bool = false
    ) {
        if bCount > 0 { rows(matrix, name, aCount, stride: stride, strideName, width: bCount, optional: optional) }
    }
}

@_cdecl("boxgrad_iou_pairwise_grad_f32") @implementation
public func boxgrad_iou_pairwise_grad_f32(
    _ metric: Int32, _ a: UnsafePointer<Float>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bCount: Int,
    _ bStride: Int, _ eps: Double, _ gradOut: UnsafePointer<Float>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<Float>?,
    _ gradB: UnsafeMutablePointer<Float>?
) -> Int32 {
    iouPairwiseGrad(
        metric, a, aCount, aStride, b, bCount, bStride, eps, gradOut, gradOutStride, gradA, gradB) {
        PairwiseGradient<Float>.run($0, $1, $2, kernels.f32.iou_pairwise_grad)
    }
}

@_cdecl("boxgrad_iou_pairwise_grad_f64") @implementation
public func boxgrad_iou_pairwise_grad_f64(
    _ metric: Int32, _ a: UnsafePointer<Double>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Double>?, _ bCount: Int,
    _ bStride: Int, _ eps: Double, _ gradOut: UnsafePointer<Double>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<Double>?,
    _ gradB: UnsafeMutablePointer<Double>?
) -> Int32 {
    iouPairwiseGrad(
        metric, a, aCount, aStride, b, bCount, bStride, eps, gradOut, gradOutStride, gradA, gradB) {
        PairwiseGradient<Double>.run($0, $1, $2, kernels.f64.iou_pairwise_grad)
    }
}

/// The gradient with respect to one side, `a`.
private struct PairwiseGradient<T>: Work {
    let metric: Int32
    let a, b: UnsafePointer<T>
    let aStride, bCount, bStride: Int
    let eps: Double
    let gradOut: UnsafePointer<T>
    let rowStride, columnStride: Int
    let gradA: UnsafeMutablePointer<T>

    static func run(
        _ context: UnsafeMutableRawPointer?, _ begin: Int, _ end: Int,
        _ kernel: (Int32, UnsafePointer<T>, Int, Int, UnsafePointer<T>, Int, Int, Double, UnsafePointer<T>, Int, Int, UnsafeMutablePointer<T>) -> Void
    ) {
        let work = at(context)
        kernel(
            work.metric, work.a + begin &* work.aStride, end &- begin, work.aStride, work.b, work.bCount, work.bStride, work.eps,
            work.gradOut + begin &* work.rowStride, work.rowStride, work.columnStride, work.gradA + 4 &* begin)
    }

    func run(_ aCount: Int, _ task: boxgrad_task) {
        run(aCount, .boxes(groups: bCount), task)
    }
}

private func iouPairwiseGrad<T: BinaryFloatingPoint>(
    _ metric: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?, _ bCount: Int, _ bStride: Int,
    _ eps: Double, _ gradOut: UnsafePointer<T>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?,
    _ task: boxgrad_task
) -> Int32 {
    var arguments = Arguments()
    arguments.metric(metric, eps, T.self)
    arguments.sides(a, aCount, aStride, b, bCount, bStride)
    arguments.matrix(gradOut, "grad_out", aCount, bCount, gradOutStride, "grad_out_stride")
    arguments.packed(gradA, "grad_a", aCount, width: 4, optional: true)
    arguments.packed(gradB, "grad_b", bCount, width: 4, optional: true)
    guard arguments.valid else { return arguments.status }
    if let a, let b, let gradOut, aCount > 0, bCount > 0 {
        if let gradA {
            PairwiseGradient(
                metric: metric, a: a, b: b, aStride: aStride, bCount: bCount, bStride: bStride, eps: eps, gradOut: gradOut,
                rowStride: gradOutStride, columnStride: 1, gradA: gradA
            ).run(aCount, task)
        }
        if let gradB {
            PairwiseGradient(
                metric: metric, a: b, b: a, aStride: bStride, bCount: aCount, bStride: aStride, eps: eps, gradOut: gradOut,
                rowStride: 1, columnStride: gradOutStride, gradA: gradB
            ).run(bCount, task)
        }
    } else {
        gradA?.update(repeating: 0, count: 4 &* aCount)
        gradB?.update(repeating: 0, count: 4 &* bCount)
    }
    return BOXGRAD_OK
}

@_cdecl("boxgrad_iou_aligned_f32") @implementation
public func boxgrad_iou_aligned_f32(
    _ metric: Int32, _ a: UnsafePointer<Float>?, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bStride: Int, _ count: Int,
    _ eps: Double, _ out: UnsafeMutablePointer<Float>?, _ gradA: UnsafeMutablePointer<Float>?, _ gradB: UnsafeMutablePointer<Float>?
) -> Int32 {
    iouAligned(metric, a, aStride, b, bStride, count, eps, out, gradA, gradB) { Aligned<Float>.run($0, $1, $2, kernels.f32.iou_aligned) }
}

@_cdecl("boxgrad_iou_aligned_f64") @implementation
public func boxgrad_iou_aligned_f64(
    _ metric: Int32, _ a: UnsafePointer<Double>?, _ aStride: Int, _ b: UnsafePointer<Double>?, _ bStride: Int, _ count: Int,
    _ eps: Double, _ out: UnsafeMutablePointer<Double>?, _ gradA: UnsafeMutablePointer<Double>?,
    _ gradB: UnsafeMutablePointer<Double>?
) -> Int32 {
    iouAligned(metric, a, aStride, b, bStride, count, eps, out, gradA, gradB) { Aligned<Double>.run($0, $1, $2, kernels.f64.iou_aligned) }
}

private struct Aligned<T>: Work {
    let metric: Int32
    let a, b: UnsafePointer<T>
    let aStride, bStride: Int
    let eps: Double
    let out, gradA, gradB: UnsafeMutablePointer<T>?

    static func run(
        _ context: UnsafeMutableRawPointer?, _ begin: Int, _ end: Int,
        _ kernel: (
            Int32, UnsafePointer<T>, Int, UnsafePointer<T>, Int, Int, Double,
            UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?
        ) -> Void
    ) {
        let work = at(context)
        kernel(
            work.metric, work.a + begin &* work.aStride, work.aStride, work.b + begin &* work.bStride, work.bStride, end &- begin, work.eps,
            work.out.map { $0 + begin }, work.gradA.map { $0 + 4 &* begin }, work.gradB.map { $0 + 4 &* begin })
    }
}

private func iouAligned<T>(
    _ metric: Int32, _ a: UnsafePointer<T>?, _ aStride: Int, _ b: UnsafePointer<T>?, _ bStride: Int, _ count: Int, _ eps: Double,
    _ out: UnsafeMutablePointer<T>?, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?, _ task: boxgrad_task
) -> Int32 {
    var arguments = Arguments()
    arguments.metric(metric, eps, T.self)
    arguments.rows(a, "a", count, stride: aStride, "a_stride")
    arguments.rows(b, "b", count, stride: bStride, "b_stride")
    arguments.packed(out, "out", count, optional: true)
    arguments.packed(gradA, "grad_a", count, width: 4, optional: true)
    arguments.packed(gradB, "grad_b", count, width: 4, optional: true)
    guard arguments.valid, let a, let b else { return arguments.status }
    Aligned(metric: metric, a: a, b: b, aStride: aStride, bStride: bStride, eps: eps, out: out, gradA: gradA, gradB: gradB)
        .run(count, .boxes, task)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_iou_loss_f32") @implementation
public func boxgrad_iou_loss_f32(
    _ metric: Int32, _ pred: UnsafePointer<Float>?, _ predStride: Int, _ target: UnsafePointer<Float>?, _ targetStride: Int,
    _ count: Int, _ weights: UnsafePointer<Float>?, _ eps: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<Float>?, _ gradPred: UnsafeMutablePointer<Float>?, _ gradTarget: UnsafeMutablePointer<Float>?
) -> Int32 {
    iouLoss(
        metric, pred, predStride, target, targetStride, count, weights, eps, normalizer, loss, perBox, gradPred, gradTarget) {
        Loss<Float>.run($0, $1, $2, kernels.f32.iou_loss)
    }
}

@_cdecl("boxgrad_iou_loss_f64") @implementation
public func boxgrad_iou_loss_f64(
    _ metric: Int32, _ pred: UnsafePointer<Double>?, _ predStride: Int, _ target: UnsafePointer<Double>?, _ targetStride: Int,
    _ count: Int, _ weights: UnsafePointer<Double>?, _ eps: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<Double>?, _ gradPred: UnsafeMutablePointer<Double>?, _ gradTarget: UnsafeMutablePointer<Double>?
) -> Int32 {
    iouLoss(
        metric, pred, predStride, target, targetStride, count, weights, eps, normalizer, loss, perBox, gradPred, gradTarget) {
        Loss<Double>.run($0, $1, $2, kernels.f64.iou_loss)
    }
}

private struct Loss<T>: SummingWork {
    let metric: Int32
    let pred, target: UnsafePointer<T>
    let predStride, targetStride: Int
    let weights: UnsafePointer<T>?
    let eps, normalizer: Double
    let perBox, gradPred, gradTarget: UnsafeMutablePointer<T>?
    var sums = Sums()

    static func run(
        _ context: UnsafeMutableRawPointer?, _ begin: Int, _ end: Int,
        _ kernel: (
            Int32, UnsafePointer<T>, Int, UnsafePointer<T>, Int, Int, UnsafePointer<T>?, Double, Double,
            UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?
        ) -> Double
    ) {
        let work = at(context)
        let first = work.sums.first &+ begin
        let sum = kernel(
            work.metric, work.pred + first &* work.predStride, work.predStride, work.target + first &* work.targetStride, work.targetStride,
            end &- begin, work.weights.map { $0 + first }, work.eps, work.normalizer, work.perBox.map { $0 + first },
            work.gradPred.map { $0 + 4 &* first }, work.gradTarget.map { $0 + 4 &* first })
        work.sums.store(sum, begin: begin)
    }
}

private func iouLoss<T>(
    _ metric: Int32, _ pred: UnsafePointer<T>?, _ predStride: Int, _ target: UnsafePointer<T>?, _ targetStride: Int, _ count: Int,
    _ weights: UnsafePointer<T>?, _ eps: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<T>?, _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?, _ task: boxgrad_task
) -> Int32 {
    var arguments = Arguments()
    arguments.metric(metric, eps, T.self)
    arguments.normalizer(normalizer, as: T.self, of: count)
    arguments.rows(pred, "pred", count, stride: predStride, "pred_stride")
    arguments.rows(target, "target", count, stride: targetStride, "target_stride")
    arguments.packed(weights, "weights", count, optional: true)
    arguments.packed(perBox, "per_box", count, optional: true)
    arguments.packed(gradPred, "grad_pred", count, width: 4, optional: true)
    arguments.packed(gradTarget, "grad_target", count, width: 4, optional: true)
    guard arguments.valid else { return arguments.status }
    var sum = 0.0
    if count > 0, let pred, let target {
        sum = Loss(
            metric: metric, pred: pred, target: target, predStride: predStride, targetStride: targetStride, weights: weights, eps: eps,
            normalizer: normalizer, perBox: perBox, gradPred: gradPred, gradTarget: gradTarget
        ).sum(count, worthThread: Division.boxes.worthThread, task)
    }
    loss?.pointee = count > 0 ? sum / normalizer : 0
    return BOXGRAD_OK
}
