import CBoxgrad
import CShims

@_cdecl("boxgrad_smooth_l1_f32") @implementation
public func boxgrad_smooth_l1_f32(
    _ pred: UnsafePointer<Float>?, _ target: UnsafePointer<Float>?, _ insideWeights: UnsafePointer<Float>?,
    _ outsideWeights: UnsafePointer<Float>?, _ count: Int, _ sigma: Double, _ normalizer: Double,
    _ loss: UnsafeMutablePointer<Double>?, _ elementwise: UnsafeMutablePointer<Float>?, _ gradPred: UnsafeMutablePointer<Float>?,
    _ gradTarget: UnsafeMutablePointer<Float>?
) -> Int32 {
    smoothL1(
        pred, target, insideWeights, outsideWeights, count, sigma, normalizer, loss, elementwise, gradPred, gradTarget) {
        SmoothL1<Float>.run($0, $1, $2, kernels.f32.smooth_l1)
    }
}

@_cdecl("boxgrad_smooth_l1_f64") @implementation
public func boxgrad_smooth_l1_f64(
    _ pred: UnsafePointer<Double>?, _ target: UnsafePointer<Double>?, _ insideWeights: UnsafePointer<Double>?,
    _ outsideWeights: UnsafePointer<Double>?, _ count: Int, _ sigma: Double, _ normalizer: Double,
    _ loss: UnsafeMutablePointer<Double>?, _ elementwise: UnsafeMutablePointer<Double>?, _ gradPred: UnsafeMutablePointer<Double>?,
    _ gradTarget: UnsafeMutablePointer<Double>?
) -> Int32 {
    smoothL1(
        pred, target, insideWeights, outsideWeights, count, sigma, normalizer, loss, elementwise, gradPred, gradTarget) {
        SmoothL1<Double>.run($0, $1, $2, kernels.f64.smooth_l1)
    }
}

private struct SmoothL1<T>: SummingWork {
    let pred, target: UnsafePointer<T>
    let insideWeights, outsideWeights: UnsafePointer<T>?
    let sigma, normalizer: Double
    let elementwise, gradPred, gradTarget: UnsafeMutablePointer<T>?
    var sums = Sums()

    static func run(
        _ context: UnsafeMutableRawPointer?, _ begin: Int, _ end: Int,
        _ kernel: (
            UnsafePointer<T>, UnsafePointer<T>, UnsafePointer<T>?, UnsafePointer<T>?, Int, Double, Double,
            UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?
        ) -> Double
    ) {
        let work = at(context)
        let first = work.sums.first &+ begin
        let sum = kernel(
            work.pred + first, work.target + first, work.insideWeights.map { $0 + first }, work.outsideWeights.map { $0 + first }, end &- begin,
            work.sigma, work.normalizer, work.elementwise.map { $0 + first }, work.gradPred.map { $0 + first }, work.gradTarget.map { $0 + first })
        work.sums.store(sum, begin: begin)
    }
}

private func smoothL1<T>(
    _ pred: UnsafePointer<T>?, _ target: UnsafePointer<T>?, _ insideWeights: UnsafePointer<T>?, _ outsideWeights: UnsafePointer<T>?, _ count: Int,
    _ sigma: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?, _ elementwise: UnsafeMutablePointer<T>?,
    _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?, _ task: boxgrad_task
) -> Int32 {
    var arguments = Arguments()
    arguments.require(
        sigma > 0 && rounded(1 / (sigma * sigma), to: T.self) < .infinity, "sigma", "must be positive, and 1 / sigma^2 finite in the function's type", sigma)
    arguments.normalizer(normalizer, as: T.self, of: count)
    arguments.packed(pred, "pred", count)
    arguments.packed(target, "target", count)
    arguments.packed(insideWeights, "inside_weights", count, optional: true)
    arguments.packed(outsideWeights, "outside_weights", count, optional: true)
    arguments.packed(elementwise, "elementwise", count, optional: true)
    arguments.packed(gradPred, "grad_pred", count, optional: true)
    arguments.packed(gradTarget, "grad_target", count, optional: true)
    guard arguments.valid else { return arguments.status }
    var sum = 0.0
    if count > 0, let pred, let target {
        sum = SmoothL1(
            pred: pred, target: target, insideWeights: insideWeights, outsideWeights: outsideWeights, sigma: sigma, normalizer: normalizer,
            elementwise: elementwise, gradPred: gradPred, gradTarget: gradTarget
        ).sum(count, worthThread: Division.elements.worthThread, task)
    }
    loss?.pointee = count > 0 ? sum / normalizer : 0
    return BOXGRAD_OK
}
