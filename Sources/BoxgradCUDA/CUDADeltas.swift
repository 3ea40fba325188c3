import CBoxgrad
import CBoxgradCUDA
import CudaShims

func cudaDeltaEncode<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int,
    _ deltas: UnsafeMutablePointer<T>?, _ marks: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = DeltaEncode(&arguments, options, proposals, proposalsStride, targets, targetsStride, count, deltas, marks)
    guard arguments.valid else { return arguments.status }
    let status = zero(degenerateCount, 1, stream)
    guard status == BOXGRAD_OK, let call else { return status }
    return DeviceDeltaEncode(call: call, marks: marks, found: degenerateCount).launch(BGC_DELTA_ENCODE, count, each: 4, T.self, stream)
}

func cudaDeltaEncodeGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int,
    _ gradDeltas: UnsafePointer<T>?, _ gradProposals: UnsafeMutablePointer<T>?, _ gradTargets: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = DeltaEncodeGrad(&arguments, options, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals, gradTargets)
    return call?.launch(BGC_DELTA_ENCODE_GRAD, count, each: 4, T.self, stream) ?? arguments.status
}

func cudaDeltaDecode<T>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ boxes: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = DeltaDecode(&arguments, options, proposals, proposalsStride, deltas, deltasStride, count, groups, boxes)
    return call?.launch(BGC_DELTA_DECODE, count &* groups, T.self, stream) ?? arguments.status
}

func cudaDeltaDecodeGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ groups: Int,
    _ gradBoxes: UnsafePointer<T>?, _ gradProposals: UnsafeMutablePointer<T>?, _ gradDeltas: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = DeltaDecodeGrad(&arguments, options, proposals, proposalsStride, deltas, deltasStride, count, groups, gradBoxes, gradProposals, gradDeltas)
    guard arguments.valid else { return arguments.status }
    return call?.launch(BGC_DELTA_DECODE_GRAD, count, T.self, stream) ?? zero(gradProposals, 4 &* count, stream)
}
