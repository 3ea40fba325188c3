import CBoxgrad
import CBoxgradCUDA
import CudaShims

func cudaDeltaEncode<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int,
    _ deltas: UnsafeMutablePointer<T>?, _ marks: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let options = complete(options, for: T.self, &arguments)
    arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
    arguments.rows(targets, "targets", count, stride: targetsStride, "targets_stride")
    arguments.packed(deltas, "deltas", count, width: 4)
    arguments.packed(marks, "degenerate", count, optional: true)
    guard arguments.valid else { return arguments.status }
    let status = zero(degenerateCount, 1, stream)
    guard status == BOXGRAD_OK, count > 0, let proposals, let targets, let deltas else { return status }
    let call = DeltaEncode(
        options: options, proposals: Rows(proposals, stride: proposalsStride), targets: Rows(targets, stride: targetsStride), deltas: deltas)
    return DeviceDeltaEncode(call: call, marks: marks, found: degenerateCount).launch(BGC_DELTA_ENCODE, count, each: 4, T.self, stream)
}

func cudaDeltaEncodeGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int,
    _ gradDeltas: UnsafePointer<T>?, _ gradProposals: UnsafeMutablePointer<T>?, _ gradTargets: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let options = complete(options, for: T.self, &arguments)
    arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
    arguments.rows(targets, "targets", count, stride: targetsStride, "targets_stride")
    arguments.packed(gradDeltas, "grad_deltas", count, width: 4)
    arguments.packed(gradProposals, "grad_proposals", count, width: 4, optional: true)
    arguments.packed(gradTargets, "grad_targets", count, width: 4, optional: true)
    guard arguments.valid, count > 0, let proposals, let targets, let gradDeltas else { return arguments.status }
    return DeltaEncodeGrad(
        options: options, proposals: Rows(proposals, stride: proposalsStride), targets: Rows(targets, stride: targetsStride), gradDeltas: gradDeltas,
        gradProposals: gradProposals, gradTargets: gradTargets
    ).launch(BGC_DELTA_ENCODE_GRAD, count, each: 4, T.self, stream)
}

func cudaDeltaDecode<T>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ boxes: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let options = complete(options, for: T.self, &arguments)
    let width = arguments.rowWidth(groups, T.self)
    arguments.count(count)
    if groups > 0 {
        arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
        arguments.rows(deltas, "deltas", count, stride: deltasStride, "deltas_stride", width: width)
        arguments.packed(boxes, "boxes", count, width: width)
    }
    guard arguments.valid, count > 0, groups > 0, let proposals, let deltas, let boxes else { return arguments.status }
    return DeltaDecode(
        options: options, proposals: Rows(proposals, stride: proposalsStride), deltas: Rows(deltas, stride: deltasStride), groups: groups, boxes: boxes
    ).launch(BGC_DELTA_DECODE, count &* groups, T.self, stream)
}

func cudaDeltaDecodeGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ groups: Int,
    _ gradBoxes: UnsafePointer<T>?, _ gradProposals: UnsafeMutablePointer<T>?, _ gradDeltas: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let options = complete(options, for: T.self, &arguments)
    let width = arguments.rowWidth(groups, T.self)
    arguments.packed(gradProposals, "grad_proposals", count, width: 4, optional: true)
    if groups > 0 {
        arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
        arguments.rows(deltas, "deltas", count, stride: deltasStride, "deltas_stride", width: width)
        arguments.packed(gradBoxes, "grad_boxes", count, width: width)
        arguments.packed(gradDeltas, "grad_deltas", count, width: width, optional: true)
    }
    guard arguments.valid else { return arguments.status }
    guard count > 0, groups > 0, let proposals, let deltas, let gradBoxes else { return zero(gradProposals, 4 &* count, stream) }
    return DeltaDecodeGrad(
        options: options, proposals: Rows(proposals, stride: proposalsStride), deltas: Rows(deltas, stride: deltasStride), groups: groups,
        gradBoxes: gradBoxes, gradProposals: gradProposals, gradDeltas: gradDeltas
    ).launch(BGC_DELTA_DECODE_GRAD, count, T.self, stream)
}
