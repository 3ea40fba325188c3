import CBoxgrad
import CBoxgradCUDA
import CudaShims

/// The rows of a matrix that a thread computes, one after the other.
let rowsOfThread = 16

/// The threads of a block of the matrix, each of which has four columns.
private let matrixBlock = 128

func cudaIouPairwiseScratch<T>(_ metric: Int32, _ aCount: Int, _ bCount: Int, _: T.Type) -> Int? {
    guard metric == BOXGRAD_CIOU else { return aCount < 0 || bCount < 0 ? nil : 0 }
    let (angles, overflow) = aCount.addingReportingOverflow(bCount)
    return overflow || aCount < 0 || bCount < 0 ? nil : bytes(angles, 2 &* MemoryLayout<T>.stride)
}

func cudaIouPairwise<T>(
    _ metric: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?, _ bCount: Int, _ bStride: Int,
    _ eps: Double, _ out: UnsafeMutablePointer<T>?, _ outStride: Int, _ outUnion: UnsafeMutablePointer<T>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let checked = IoUPairwise(&arguments, metric, a, aCount, aStride, b, bCount, bStride, eps, out, outStride, outUnion)
    guard let call = checked else { return arguments.status }
    arguments.scratch(scratch, scratchSize, cudaIouPairwiseScratch(metric, aCount, bCount, T.self))
    guard arguments.valid else { return arguments.status }
    var anglesA, anglesB: UnsafeMutablePointer<T>?
    if metric == BOXGRAD_CIOU, let scratch {
        let angles = scratch.assumingMemoryBound(to: T.self)
        (anglesA, anglesB) = (angles, angles + 2 &* aCount)
        var status = DeviceAngles(boxes: call.a, angles: angles).launch(BGC_DIAGONAL_ANGLES, aCount, T.self, stream)
        if status == BOXGRAD_OK {
            status = DeviceAngles(boxes: call.b, angles: angles + 2 &* aCount).launch(BGC_DIAGONAL_ANGLES, bCount, T.self, stream)
        }
        guard status == BOXGRAD_OK else { return status }
    }
    func fill(_ out: UnsafeMutablePointer<T>, _ kernel: Int) -> Int32 {
        let device = DeviceIoUPairwise(
            a: call.a, b: call.b, bCount: bCount, eps: eps, out: MutableRows(out, stride: outStride), anglesA: anglesA.map { UnsafePointer($0) },
            anglesB: anglesB.map { UnsafePointer($0) }, rows: rowsOfThread)
        let grid = ((bCount &- 1) / (4 &* matrixBlock) &+ 1, (aCount &- 1) / rowsOfThread &+ 1)
        return device.launch(kernel, aCount, grid: grid, block: matrixBlock, T.self, stream)
    }
    let status = fill(call.out.start, BGC_IOU_PAIRWISE_IOU &+ 2 &* Int(metric))
    guard status == BOXGRAD_OK, let outUnion else { return status }
    return fill(outUnion, BGC_IOU_PAIRWISE_UNION)
}

/// Returns the bytes for the sums of a gradient of pairs, of the side that needs more: `width` sums for each row of a side and each block of the
/// other. The sums of at most sumBlock columns need none.
func gradSums(_ aCount: Int, _ bCount: Int, width: Int) -> Int? {
    func sums(_ rows: Int, _ columns: Int) -> Int? {
        guard rows >= 0, columns >= 0 else { return nil }
        let blocks = columns / sumBlock &+ (columns % sumBlock == 0 ? 0 : 1)
        guard blocks > 1, let row = bytes(blocks, width &* MemoryLayout<Double>.stride) else { return 0 }
        return bytes(rows, row)
    }
    guard let a = sums(aCount, bCount), let b = sums(bCount, aCount) else { return nil }
    return max(a, b)
}

func cudaIouPairwiseGradScratch(_ aCount: Int, _ bCount: Int) -> Int? { gradSums(aCount, bCount, width: 4) }

func cudaIouPairwiseGrad<T: BinaryFloatingPoint>(
    _ metric: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?, _ bCount: Int, _ bStride: Int,
    _ eps: Double, _ gradOut: UnsafePointer<T>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let sides = IoUPairwiseGrad<T>.sides(&arguments, metric, a, aCount, aStride, b, bCount, bStride, eps, gradOut, gradOutStride, gradA, gradB)
    guard arguments.valid else { return arguments.status }
    guard let sides else {
        let status = zero(gradA, 4 &* aCount, stream)
        return status == BOXGRAD_OK ? zero(gradB, 4 &* bCount, stream) : status
    }
    arguments.scratch(scratch, scratchSize, cudaIouPairwiseGradScratch(aCount, bCount))
    guard arguments.valid else { return arguments.status }
    // The sides take turns on the scratch.
    func gradient(_ call: IoUPairwiseGrad<T>?, _ count: Int) -> Int32 {
        guard let call else { return BOXGRAD_OK }
        let blocks = (call.bCount &- 1) / sumBlock &+ 1
        let device = DeviceIoUPairwiseGrad(call: call, sums: blocks > 1 ? scratch?.assumingMemoryBound(to: Double.self) : nil)
        let kernel = call.metric < 0 ? BGC_IOU_PAIRWISE_GRAD_IOF_OF_SECOND : BGC_IOU_PAIRWISE_GRAD_IOU &+ 2 &* Int(call.metric)
        let status = device.launch(kernel, count, grid: ((count &- 1) / 32 &+ 1, blocks), T.self, stream)
        guard status == BOXGRAD_OK, blocks > 1 else { return status }
        return device.launch(BGC_IOU_PAIRWISE_GRAD_TOTAL, 4 &* count, T.self, stream)
    }
    let status = gradient(sides.a, aCount)
    return status == BOXGRAD_OK ? gradient(sides.b, bCount) : status
}

func cudaIouAligned<T>(
    _ metric: Int32, _ a: UnsafePointer<T>?, _ aStride: Int, _ b: UnsafePointer<T>?, _ bStride: Int, _ count: Int, _ eps: Double,
    _ out: UnsafeMutablePointer<T>?, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = IoUAligned(&arguments, metric, a, aStride, b, bStride, count, eps, out, gradA, gradB)
    return call?.launch(BGC_IOU_ALIGNED_IOU &+ 2 &* Int(metric), count, T.self, stream) ?? arguments.status
}

func cudaIouLoss<T: BinaryFloatingPoint>(
    _ metric: Int32, _ pred: UnsafePointer<T>?, _ predStride: Int, _ target: UnsafePointer<T>?, _ targetStride: Int, _ count: Int,
    _ weights: UnsafePointer<T>?, _ eps: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<T>?, _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let checked = IoULoss(&arguments, metric, pred, predStride, target, targetStride, count, weights, eps, normalizer, perBox, gradPred, gradTarget)
    guard let call = checked else { return arguments.valid ? zero(loss, 1, stream) : arguments.status }
    let total = DeviceTotal(&arguments, count, normalizer, loss, scratch, scratchSize)
    guard arguments.valid else { return arguments.status }
    let device = DeviceIoULoss(call: call, scale: T(-1 / normalizer), total: total)
    guard let total else { return device.launch(BGC_IOU_LOSS_IOU &+ 2 &* Int(metric), count, T.self, stream) }
    return device.launch(BGC_IOU_LOSS_TOTAL_IOU &+ 2 &* Int(metric), count, total, T.self, stream)
}
