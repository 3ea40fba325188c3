import CBoxgrad
import CShims

/// Checks the caller's options, and returns them for the kernel. Where the caller's struct is NULL or shorter than this version's, the fields have
/// their defaults.
private func complete(_ options: UnsafePointer<boxgrad_gaussian_loss_options>?, _ arguments: inout Arguments) -> boxgrad_gaussian_loss_options {
    var complete = boxgrad_gaussian_loss_options(
        size: MemoryLayout<boxgrad_gaussian_loss_options>.size, alpha: 1, tau: 1, eps: 1e-6, function: BOXGRAD_GAUSSIAN_LOG1P, root: 1,
        normalized: 1, reserved: 0)
    arguments.copy(options, to: &complete)
    // The squares of the bounds keep every slope finite.
    arguments.require(complete.alpha >= 1e-3 && complete.alpha <= 1000, "options->alpha", "must be from 1e-3 to 1000", complete.alpha)
    arguments.require(complete.tau >= 0 && complete.tau <= 1000, "options->tau", "must be from 0 to 1000", complete.tau)
    arguments.require(complete.eps >= 0 && complete.eps <= 1000, "options->eps", "must be from 0 to 1000", complete.eps)
    let functions = BOXGRAD_GAUSSIAN_PLAIN...BOXGRAD_GAUSSIAN_LOG1P
    arguments.require(functions ~= complete.function, "options->function", "is no function of a distance", complete.function)
    arguments.require(0...1 ~= complete.root, "options->root", "must be 0 or 1", complete.root)
    arguments.require(0...1 ~= complete.normalized, "options->normalized", "must be 0 or 1", complete.normalized)
    arguments.require(complete.reserved == 0, "options->reserved", "must be 0", complete.reserved)
    return complete
}

func rotatedGaussianLoss<T>(
    _ kind: Int32, _ angle: Int32, _ options: UnsafePointer<boxgrad_gaussian_loss_options>?, _ pred: UnsafePointer<T>?, _ predStride: Int,
    _ target: UnsafePointer<T>?, _ targetStride: Int, _ count: Int, _ weights: UnsafePointer<T>?, _ normalizer: Double,
    _ loss: UnsafeMutablePointer<Double>?, _ perBox: UnsafeMutablePointer<T>?, _ gradPred: UnsafeMutablePointer<T>?,
    _ gradTarget: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.require(BOXGRAD_GAUSSIAN_GWD...BOXGRAD_GAUSSIAN_BHATTACHARYYA ~= kind, "kind", "is no loss of Gaussians", kind)
    arguments.angle(angle)
    let options = complete(options, &arguments)
    arguments.loss(pred, predStride, target, targetStride, count, weights, normalizer, perBox, gradPred, gradTarget, width: 5)
    guard arguments.valid else { return arguments.status }
    var sum = 0.0
    if count > 0, let pred, let target {
        sum = RotatedGaussianLoss(
            kind: kind, angle: angle, options: options, pred: Rows(pred, stride: predStride), target: Rows(target, stride: targetStride),
            weights: weights, normalizer: normalizer, perBox: perBox, gradPred: gradPred, gradTarget: gradTarget
        ).sum(count, worthThread: Division.boxes.worthThread, kernels(T.self).rotated_gaussian_loss)
    }
    loss?.pointee = count > 0 ? sum / normalizer : 0
    return BOXGRAD_OK
}
