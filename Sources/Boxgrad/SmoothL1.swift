import CBoxgrad
import CShims

extension Arguments {
    mutating func sigma<T>(_ sigma: Double, _ type: T.Type) {
        require(
            sigma > 0 && rounded(1 / (sigma * sigma), to: type) < .infinity, "sigma", "must be positive, and 1 / sigma^2 finite in the function's type",
            sigma)
    }

    /// Checks what the losses of `count` differences have in common.
    mutating func differences<T>(
        _ pred: UnsafePointer<T>?, _ target: UnsafePointer<T>?, _ insideWeights: UnsafePointer<T>?, _ outsideWeights: UnsafePointer<T>?, _ count: Int,
        _ normalizer: Double, _ elementwise: UnsafeMutablePointer<T>?, _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?
    ) {
        self.normalizer(normalizer, as: T.self, of: count)
        packed(pred, "pred", count)
        packed(target, "target", count)
        packed(insideWeights, "inside_weights", count, optional: true)
        packed(outsideWeights, "outside_weights", count, optional: true)
        packed(elementwise, "elementwise", count, optional: true)
        packed(gradPred, "grad_pred", count, optional: true)
        packed(gradTarget, "grad_target", count, optional: true)
    }
}

extension SmoothL1 {
    /// Checks the arguments of smoothL1. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ pred: UnsafePointer<T>?, _ target: UnsafePointer<T>?, _ insideWeights: UnsafePointer<T>?,
        _ outsideWeights: UnsafePointer<T>?, _ count: Int, _ sigma: Double, _ normalizer: Double,
        _ elementwise: UnsafeMutablePointer<T>?, _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?
    ) {
        arguments.sigma(sigma, T.self)
        arguments.differences(pred, target, insideWeights, outsideWeights, count, normalizer, elementwise, gradPred, gradTarget)
        guard arguments.valid, count > 0, let pred, let target else { return nil }
        self.init(
            pred: pred, target: target, insideWeights: insideWeights, outsideWeights: outsideWeights, sigma: sigma, normalizer: normalizer,
            elementwise: elementwise, gradPred: gradPred, gradTarget: gradTarget)
    }
}

func smoothL1<T>(
    _ pred: UnsafePointer<T>?, _ target: UnsafePointer<T>?, _ insideWeights: UnsafePointer<T>?, _ outsideWeights: UnsafePointer<T>?, _ count: Int,
    _ sigma: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?, _ elementwise: UnsafeMutablePointer<T>?,
    _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    let call = SmoothL1(&arguments, pred, target, insideWeights, outsideWeights, count, sigma, normalizer, elementwise, gradPred, gradTarget)
    guard arguments.valid else { return arguments.status }
    let sum = call?.sum(count, worthThread: Division.elements.worthThread, kernels(T.self).smooth_l1)
    loss?.pointee = sum.map { $0 / normalizer } ?? 0
    return BOXGRAD_OK
}

func balancedL1<T>(
    _ pred: UnsafePointer<T>?, _ target: UnsafePointer<T>?, _ insideWeights: UnsafePointer<T>?, _ outsideWeights: UnsafePointer<T>?, _ count: Int,
    _ alpha: Double, _ gamma: Double, _ beta: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ elementwise: UnsafeMutablePointer<T>?, _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.divisor(alpha, as: T.self, "alpha")
    arguments.divisor(gamma, as: T.self, "gamma")
    arguments.divisor(beta, as: T.self, "beta")
    arguments.differences(pred, target, insideWeights, outsideWeights, count, normalizer, elementwise, gradPred, gradTarget)
    guard arguments.valid else { return arguments.status }
    var sum = 0.0
    if count > 0, let pred, let target {
        sum = BalancedL1(
            pred: pred, target: target, insideWeights: insideWeights, outsideWeights: outsideWeights, alpha: alpha, gamma: gamma, beta: beta,
            normalizer: normalizer, elementwise: elementwise, gradPred: gradPred, gradTarget: gradTarget
        ).sum(count, worthThread: Division.elements.worthThread, kernels(T.self).balanced_l1)
    }
    loss?.pointee = count > 0 ? sum / normalizer : 0
    return BOXGRAD_OK
}
