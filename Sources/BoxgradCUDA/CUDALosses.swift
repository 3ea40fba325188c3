import CBoxgrad
import CBoxgradCUDA
import CudaShims

/// The threads of a block of sumBlock values.
private let sumThreads = 512

private func blocks(_ count: Int) -> Int { (count &- 1) / sumBlock &+ 1 }

/// The scratch of a total holds the sums of blocks.
func totalScratch(_ count: Int) -> Int? { count < 0 ? nil : count > sumBlock ? bytes(blocks(count), 16) : 0 }

extension DeviceTotal {
    /// Nil if no total is asked for, or if the scratch is refused.
    init?(
        _ arguments: inout Arguments, _ count: Int, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?, _ scratch: UnsafeMutableRawPointer?,
        _ size: Int
    ) {
        guard let loss else { return nil }
        arguments.scratch(scratch, size, totalScratch(count))
        guard arguments.valid else { return nil }
        // Without a scratch there is one block, whose sum is the total.
        self.init(normalizer: normalizer, sums: scratch?.assumingMemoryBound(to: Double.self) ?? loss, loss: loss)
    }
}

extension Call {
    /// Launches the kernel that also adds the values, and then the one that adds their sums.
    func launch<T>(_ kernel: Int, _ count: Int, _ total: DeviceTotal, block: Int = sumThreads, _: T.Type, _ stream: Stream) -> Int32 {
        let status = launch(kernel, count, grid: (blocks(count), 1), block: block, T.self, stream)
        guard status == BOXGRAD_OK, count > sumBlock else { return status }
        return DeviceSum<T>(total: total).launch(BGC_LOSS_TOTAL, blocks(count), grid: (1, 1), T.self, stream)
    }
}

func cudaSmoothL1<T>(
    _ pred: UnsafePointer<T>?, _ target: UnsafePointer<T>?, _ insideWeights: UnsafePointer<T>?, _ outsideWeights: UnsafePointer<T>?, _ count: Int,
    _ sigma: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?, _ elementwise: UnsafeMutablePointer<T>?,
    _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let checked = SmoothL1(&arguments, pred, target, insideWeights, outsideWeights, count, sigma, normalizer, elementwise, gradPred, gradTarget)
    guard let call = checked else { return arguments.valid ? zero(loss, 1, stream) : arguments.status }
    let total = DeviceTotal(&arguments, count, normalizer, loss, scratch, scratchSize)
    guard arguments.valid else { return arguments.status }
    let device = DeviceSmoothL1(call: call, total: total)
    guard let total else { return device.launch(BGC_SMOOTH_L1, count, each: 8, T.self, stream) }
    return device.launch(BGC_SMOOTH_L1_TOTAL, count, total, T.self, stream)
}
