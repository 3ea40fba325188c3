import CBoxgrad
import CBoxgradCUDA
import CudaShims

/// The threads of a block, which compare their proposals with the same truths.
private let matchBlock = 128

func cudaMatchScratch<T>(_ truthsCount: Int, _: T.Type) -> Int? { bytes(truthsCount, MemoryLayout<T>.stride) }

func cudaMatch<T: BinaryFloatingPoint>(
    _ metric: Int32, _ proposals: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ truths: UnsafePointer<T>?, _ truthsCount: Int,
    _ truthsStride: Int, _ eps: Double, _ low: Double, _ high: Double, _ lowQuality: Int32, _ matches: UnsafeMutablePointer<Int64>?,
    _ overlaps: UnsafeMutablePointer<T>?, _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    guard
        let call = Match(
            &arguments, metric, proposals, count, stride, truths, truthsCount, truthsStride, eps, low, high, lowQuality, matches, overlaps)
    else { return arguments.status }
    func launch(_ kernel: Int, _ peaks: UnsafeMutablePointer<T>?) -> Int32 {
        DeviceMatch(call: call, peaks: peaks).launch(
            kernel &+ 2 &* Int(metric), count, grid: ((count &- 1) / matchBlock &+ 1, 1), block: matchBlock, T.self, stream)
    }
    guard call.lowQuality else { return launch(BGC_MATCH_IOU, nil) }
    arguments.scratch(scratch, scratchSize, cudaMatchScratch(truthsCount, T.self))
    guard arguments.valid else { return arguments.status }
    // Without truths there may be no scratch, and nothing reads it.
    let peaks = scratch.map { $0.assumingMemoryBound(to: T.self) }
    guard let peaks, truthsCount > 0 else { return launch(BGC_MATCH_IOU, nil) }
    var status = zero(peaks, truthsCount, stream)
    if status == BOXGRAD_OK { status = launch(BGC_MATCH_IOU, peaks) }
    return status == BOXGRAD_OK ? launch(BGC_MATCH_FORCED_IOU, peaks) : status
}
