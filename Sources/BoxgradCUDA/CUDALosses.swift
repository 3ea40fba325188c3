import CBoxgrad
import CBoxgradCUDA
import CudaShims

/// The memory of a loss's total. The scratch holds the sums of blocks, and then the values, unless the caller wants them anyway.
struct Total<T> {
    let values: UnsafeMutablePointer<T>
    private let sums, loss: UnsafeMutablePointer<Double>

    private static func blocks(_ count: Int) -> Int { count / sumBlock &+ 1 }

    static func scratch(_ count: Int) -> Int? {
        guard count >= 0, let sums = bytes(blocks(count), 16) else { return nil }
        return count == 0 ? 0 : bytes(count, MemoryLayout<T>.stride, sums)
    }

    /// Nil if no total is asked for, or if the scratch is refused.
    init?(
        _ arguments: inout Arguments, _ count: Int, _ loss: UnsafeMutablePointer<Double>?, values: UnsafeMutablePointer<T>?,
        _ scratch: UnsafeMutableRawPointer?, _ size: Int
    ) {
        guard let loss else { return nil }
        arguments.scratch(scratch, size, Self.scratch(count))
        guard arguments.valid, let scratch else { return nil }
        self.loss = loss
        sums = scratch.assumingMemoryBound(to: Double.self)
        self.values = values ?? (scratch + 16 &* Self.blocks(count)).assumingMemoryBound(to: T.self)
    }

    func launch(_ count: Int, _ normalizer: Double, _ stream: Stream) -> Int32 {
        let blocks = (count &- 1) / sumBlock &+ 1
        let call = DeviceSum(values: UnsafePointer(values), count: count, normalizer: normalizer, sums: sums, loss: loss)
        let status = call.launch(BGC_LOSS_SUMS, blocks, grid: (blocks, 1), T.self, stream)
        guard status == BOXGRAD_OK, blocks > 1 else { return status }
        return call.launch(BGC_LOSS_TOTAL, blocks, grid: (1, 1), T.self, stream)
    }
}

func cudaSmoothL1<T>(
    _ pred: UnsafePointer<T>?, _ target: UnsafePointer<T>?, _ insideWeights: UnsafePointer<T>?, _ outsideWeights: UnsafePointer<T>?, _ count: Int,
    _ sigma: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?, _ elementwise: UnsafeMutablePointer<T>?,
    _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    arguments.sigma(sigma, T.self)
    arguments.normalizer(normalizer, as: T.self, of: count)
    arguments.packed(pred, "pred", count)
    arguments.packed(target, "target", count)
    arguments.packed(insideWeights, "inside_weights", count, optional: true)
    arguments.packed(outsideWeights, "outside_weights", count, optional: true)
    arguments.packed(elementwise, "elementwise", count, optional: true)
    arguments.packed(gradPred, "grad_pred", count, optional: true)
    arguments.packed(gradTarget, "grad_target", count, optional: true)
    guard arguments.valid else { return arguments.status }
    guard count > 0, let pred, let target else { return zero(loss, 1, stream) }
    let total = Total(&arguments, count, loss, values: elementwise, scratch, scratchSize)
    guard arguments.valid else { return arguments.status }
    let call = SmoothL1(
        pred: pred, target: target, insideWeights: insideWeights, outsideWeights: outsideWeights, sigma: sigma, normalizer: normalizer,
        elementwise: total?.values ?? elementwise, gradPred: gradPred, gradTarget: gradTarget)
    let status = call.launch(BGC_SMOOTH_L1, count, each: 8, T.self, stream)
    guard status == BOXGRAD_OK, let total else { return status }
    return total.launch(count, normalizer, stream)
}
