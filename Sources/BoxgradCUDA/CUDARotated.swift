import CBoxgrad
import CBoxgradCUDA
import CudaShims

// ---- Boxes ----

func cudaRotatedConvert<T>(
    _ from: Int32, _ to: Int32, _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<T>?, _ outStride: Int,
    _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = RotatedConvert(&arguments, from, to, input, count, inStride, out, outStride)
    return call?.launch(BGC_ROTATED_CONVERT, count, T.self, stream) ?? arguments.status
}

func cudaRotatedConvertGrad<T>(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<T>?, _ gradIn: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = RotatedConvertGrad(&arguments, from, to, count, gradOut, gradIn)
    return call?.launch(BGC_ROTATED_CONVERT_GRAD, count, T.self, stream) ?? arguments.status
}

func cudaRotatedCorners<T>(
    _ angle: Int32, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ corners: UnsafeMutablePointer<T>?,
    _ bounds: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = RotatedCorners(&arguments, angle, boxes, count, stride, corners, bounds)
    return call?.launch(BGC_ROTATED_CORNERS, count, T.self, stream) ?? arguments.status
}

func cudaRotatedCornersGrad<T>(
    _ angle: Int32, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ gradCorners: UnsafePointer<T>?,
    _ gradBounds: UnsafePointer<T>?, _ gradBoxes: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = RotatedCornersGrad(&arguments, angle, boxes, count, stride, gradCorners, gradBounds, gradBoxes)
    return call?.launch(BGC_ROTATED_CORNERS_GRAD, count, T.self, stream) ?? arguments.status
}

func cudaRotatedFromCorners<T>(
    _ angle: Int32, _ corners: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ boxes: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = RotatedFromCorners(&arguments, angle, corners, count, stride, boxes)
    return call?.launch(BGC_ROTATED_FROM_CORNERS, count, T.self, stream) ?? arguments.status
}

func cudaRotatedFromCornersGrad<T>(
    _ angle: Int32, _ corners: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ gradBoxes: UnsafePointer<T>?,
    _ gradCorners: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = RotatedFromCornersGrad(&arguments, angle, corners, count, stride, gradBoxes, gradCorners)
    return call?.launch(BGC_ROTATED_FROM_CORNERS_GRAD, count, T.self, stream) ?? arguments.status
}

// ---- Overlap ----

/// The threads of a block that adds gradients. They share memory for five sums each.
private let gradBlock = 128

/// Returns the bytes of prepared boxes, of both sides, and of `sums` numbers after them.
private func preparedBytes<T>(_ aCount: Int, _ bCount: Int, sums: Int? = 0, _: T.Type) -> Int? {
    let (count, overflow) = aCount.addingReportingOverflow(bCount)
    guard aCount >= 0, bCount >= 0, !overflow, let sums else { return nil }
    return bytes(count, 4 &* (MemoryLayout<Double>.stride &+ MemoryLayout<T>.stride), sums)
}

/// The boxes of both sides in scratch, and the memory after them.
private struct PreparedSides<T> {
    let a, b: PreparedBoxes<T>
    let sums: UnsafeMutablePointer<Double>

    init(_ scratch: UnsafeMutableRawPointer, _ aCount: Int, _ bCount: Int) {
        let directions = scratch.assumingMemoryBound(to: Double.self)
        let places = UnsafeMutableRawPointer(directions + 4 &* (aCount &+ bCount)).assumingMemoryBound(to: T.self)
        a = PreparedBoxes(directions: directions, places: places)
        b = PreparedBoxes(directions: directions + 4 &* aCount, places: places + 4 &* aCount)
        sums = UnsafeMutableRawPointer(places + 4 &* (aCount &+ bCount)).assumingMemoryBound(to: Double.self)
    }

    func prepare(_ angle: Int32, _ rowsA: Rows<T>, _ aCount: Int, _ rowsB: Rows<T>, _ bCount: Int, _ stream: Stream) -> Int32 {
        let status = DeviceRotatedPrepare(angle: angle, boxes: rowsA, prepared: a).launch(BGC_ROTATED_PREPARE, aCount, T.self, stream)
        guard status == BOXGRAD_OK else { return status }
        return DeviceRotatedPrepare(angle: angle, boxes: rowsB, prepared: b).launch(BGC_ROTATED_PREPARE, bCount, T.self, stream)
    }
}

func cudaRotatedPairwiseScratch<T>(_ aCount: Int, _ bCount: Int, _: T.Type) -> Int? { preparedBytes(aCount, bCount, T.self) }

func cudaRotatedIouPairwise<T>(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?, _ bCount: Int, _ bStride: Int,
    _ out: UnsafeMutablePointer<T>?, _ outStride: Int, _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let checked = RotatedIoUPairwise(&arguments, metric, angle, a, aCount, aStride, b, bCount, bStride, out, outStride)
    guard let call = checked else { return arguments.status }
    arguments.scratch(scratch, scratchSize, cudaRotatedPairwiseScratch(aCount, bCount, T.self))
    guard arguments.valid, let scratch else { return arguments.status }
    let sides = PreparedSides<T>(scratch, aCount, bCount)
    let status = sides.prepare(angle, call.a, aCount, call.b, bCount, stream)
    guard status == BOXGRAD_OK else { return status }
    let device = DeviceRotatedIoUPairwise(call: call, a: sides.a, b: sides.b, rows: rowsOfThread)
    let grid = ((bCount &- 1) / gradBlock &+ 1, (aCount &- 1) / rowsOfThread &+ 1)
    return device.launch(BGC_ROTATED_IOU_PAIRWISE, aCount, grid: grid, block: gradBlock, T.self, stream)
}

func cudaRotatedPairwiseGradScratch<T>(_ aCount: Int, _ bCount: Int, _: T.Type) -> Int? {
    preparedBytes(aCount, bCount, sums: gradSums(aCount, bCount, width: 5), T.self)
}

func cudaRotatedIouPairwiseGrad<T: BinaryFloatingPoint>(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<T>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<T>?, _ bCount: Int, _ bStride: Int,
    _ gradOut: UnsafePointer<T>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let calls = RotatedIoUPairwiseGrad<T>.sides(
        &arguments, metric, angle, a, aCount, aStride, b, bCount, bStride, gradOut, gradOutStride, gradA, gradB)
    guard arguments.valid else { return arguments.status }
    guard let calls, let a, let b else {
        let status = zero(gradA, 5 &* aCount, stream)
        return status == BOXGRAD_OK ? zero(gradB, 5 &* bCount, stream) : status
    }
    guard gradA != nil || gradB != nil else { return BOXGRAD_OK }
    arguments.scratch(scratch, scratchSize, cudaRotatedPairwiseGradScratch(aCount, bCount, T.self))
    guard arguments.valid, let scratch else { return arguments.status }
    let sides = PreparedSides<T>(scratch, aCount, bCount)
    var status = sides.prepare(angle, Rows(a, stride: aStride), aCount, Rows(b, stride: bStride), bCount, stream)
    // The sides take turns on the memory for sums.
    func gradient(_ call: RotatedIoUPairwiseGrad<T>?, _ a: PreparedBoxes<T>, _ b: PreparedBoxes<T>, _ count: Int) -> Int32 {
        guard let call else { return BOXGRAD_OK }
        let blocks = (call.bCount &- 1) / sumBlock &+ 1
        let device = DeviceRotatedIoUPairwiseGrad(call: call, a: a, b: b, sums: blocks > 1 ? sides.sums : nil)
        let grid = ((count &- 1) / (gradBlock / 8) &+ 1, blocks)
        let status = device.launch(BGC_ROTATED_IOU_PAIRWISE_GRAD, count, grid: grid, block: gradBlock, T.self, stream)
        guard status == BOXGRAD_OK, blocks > 1 else { return status }
        return device.launch(BGC_ROTATED_IOU_PAIRWISE_GRAD_TOTAL, 5 &* count, T.self, stream)
    }
    if status == BOXGRAD_OK { status = gradient(calls.a, sides.a, sides.b, aCount) }
    return status == BOXGRAD_OK ? gradient(calls.b, sides.b, sides.a, bCount) : status
}

func cudaRotatedAlignedScratch<T>(_ count: Int, _: T.Type) -> Int? { preparedBytes(count, count, T.self) }

func cudaRotatedIouAligned<T: BinaryFloatingPoint>(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<T>?, _ aStride: Int, _ b: UnsafePointer<T>?, _ bStride: Int, _ count: Int,
    _ out: UnsafeMutablePointer<T>?, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?, _ scratch: UnsafeMutableRawPointer?,
    _ scratchSize: Int, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let checked = RotatedIoUAligned(&arguments, metric, angle, a, aStride, b, bStride, count, out, gradA, gradB)
    guard let call = checked, count > 0 else { return arguments.status }
    arguments.scratch(scratch, scratchSize, cudaRotatedAlignedScratch(count, T.self))
    guard arguments.valid, let scratch else { return arguments.status }
    let sides = PreparedSides<T>(scratch, count, count)
    let status = sides.prepare(angle, call.a, count, call.b, count, stream)
    guard status == BOXGRAD_OK else { return status }
    return DeviceRotatedPairs(
        metric: metric, loss: -1, a: sides.a, b: sides.b, weights: nil, leastIoU: 0, scale: 1, angle: angle, values: out, gradA: gradA,
        gradB: gradB, total: nil
    ).launch(BGC_ROTATED_PAIRS, count, T.self, stream)
}

func cudaRotatedLossScratch<T>(_ count: Int, _: T.Type) -> Int? { preparedBytes(count, count, sums: totalScratch(count), T.self) }

func cudaRotatedIouLoss<T: BinaryFloatingPoint>(
    _ kind: Int32, _ angle: Int32, _ pred: UnsafePointer<T>?, _ predStride: Int, _ target: UnsafePointer<T>?, _ targetStride: Int, _ count: Int,
    _ weights: UnsafePointer<T>?, _ leastIoU: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<T>?, _ gradPred: UnsafeMutablePointer<T>?, _ gradTarget: UnsafeMutablePointer<T>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let checked = RotatedIoULoss(
        &arguments, kind, angle, pred, predStride, target, targetStride, count, weights, leastIoU, normalizer, perBox, gradPred, gradTarget)
    guard let call = checked else { return arguments.valid ? zero(loss, 1, stream) : arguments.status }
    arguments.scratch(scratch, scratchSize, cudaRotatedLossScratch(count, T.self))
    guard arguments.valid, let scratch else { return arguments.status }
    let sides = PreparedSides<T>(scratch, count, count)
    let status = sides.prepare(angle, call.pred, count, call.target, count, stream)
    guard status == BOXGRAD_OK else { return status }
    let total = loss.map { DeviceTotal(normalizer: normalizer, sums: count > sumBlock ? sides.sums : $0, loss: $0) }
    let device = DeviceRotatedPairs(
        metric: BOXGRAD_IOU, loss: kind, a: sides.a, b: sides.b, weights: weights, leastIoU: T(leastIoU), scale: T(-1 / normalizer), angle: angle,
        values: perBox, gradA: gradPred, gradB: gradTarget, total: total)
    guard let total else { return device.launch(BGC_ROTATED_PAIRS, count, T.self, stream) }
    // In double a thread takes more registers than a block of 512 threads has.
    return device.launch(BGC_ROTATED_PAIRS_TOTAL, count, total, block: 256, T.self, stream)
}
