import CBoxgrad
import CShims

/// Checks the caller's options, and returns them for the kernel. Where the caller's struct is NULL or shorter than this version's, the fields have
/// their defaults.
private func complete<T>(
    _ options: UnsafePointer<boxgrad_box_loss_options>?, _ kind: Int32, for type: T.Type, _ arguments: inout Arguments
) -> boxgrad_box_loss_options {
    var complete = boxgrad_box_loss_options(
        size: MemoryLayout<boxgrad_box_loss_options>.size, eps: 1e-7, alpha: 1, gamma: 0, inner_ratio: 1, theta: 4, image_width: 0, image_height: 0,
        least_iou: 1e-6, constant: 0, beta: 0.2)
    arguments.copy(options, to: &complete)
    arguments.require(complete.eps >= 0 && rounded(complete.eps, to: type) < .infinity, "options->eps", Arguments.epsReason, complete.eps)
    // Larger powers would overflow in gradients.
    arguments.require(complete.alpha > 0 && complete.alpha <= 1000, "options->alpha", "must be positive, and at most 1000", complete.alpha)
    arguments.require(complete.gamma >= 0 && complete.gamma <= 1000, "options->gamma", "must be from 0 to 1000", complete.gamma)
    arguments.require(
        complete.inner_ratio > 0 && complete.inner_ratio <= 1000, "options->inner_ratio", "must be positive, and at most 1000", complete.inner_ratio)
    arguments.require(complete.theta >= 1 && complete.theta <= 1000, "options->theta", "must be from 1 to 1000", complete.theta)
    arguments.require(complete.least_iou > 0 && complete.least_iou <= 1, "options->least_iou", "must be positive, and at most 1", complete.least_iou)
    arguments.require(complete.beta > 0 && complete.beta <= 1000, "options->beta", "must be positive, and at most 1000", complete.beta)
    func require(_ length: Double, _ name: StaticString) {
        arguments.require(length > 0 && length * length < .infinity, name, "must be given, positive, and its square finite", length)
    }
    if kind == BOXGRAD_LOSS_MPDIOU {
        require(complete.image_width, "options->image_width")
        require(complete.image_height, "options->image_height")
    }
    if kind == BOXGRAD_LOSS_NWD { require(complete.constant, "options->constant") }
    // A kind does not look whether an option is for it.
    if kind > BOXGRAD_LOSS_CIOU { complete.alpha = 1 }
    if kind >= BOXGRAD_LOSS_NWD { complete.gamma = 0 }
    if kind > BOXGRAD_LOSS_SIOU { complete.inner_ratio = 1 }
    return complete
}

func boxLoss<T>(
    _ kind: Int32, _ options: UnsafePointer<boxgrad_box_loss_options>?, _ pred: UnsafePointer<T>?, _ predStride: Int, _ target: UnsafePointer<T>?,
    _ targetStride: Int, _ count: Int, _ weights: UnsafePointer<T>?, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<T>?, _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.require(BOXGRAD_LOSS_IOU...BOXGRAD_LOSS_BOUNDED_IOU ~= kind, "kind", "is no loss of boxes", kind)
    let options = complete(options, kind, for: T.self, &arguments)
    arguments.loss(pred, predStride, target, targetStride, count, weights, normalizer, perBox, gradPred, gradTarget)
    guard arguments.valid else { return arguments.status }
    var sum = 0.0
    if count > 0, let pred, let target {
        sum = BoxLoss(
            kind: kind, options: options, pred: Rows(pred, stride: predStride), target: Rows(target, stride: targetStride), weights: weights,
            normalizer: normalizer, perBox: perBox, gradPred: gradPred, gradTarget: gradTarget
        ).sum(count, worthThread: Division.boxes.worthThread, kernels(T.self).box_loss)
    }
    loss?.pointee = count > 0 ? sum / normalizer : 0
    return BOXGRAD_OK
}
