import CBoxgrad
import CShims

func yoloDecode<T>(
    _ proposals: UnsafePointer<T>?, _ proposalsStride: Int, _ deltas: UnsafePointer<T>?, _ deltasStride: Int,
    _ cellSizes: UnsafePointer<T>?, _ count: Int, _ boxes: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
    arguments.rows(deltas, "deltas", count, stride: deltasStride, "deltas_stride")
    arguments.packed(cellSizes, "cell_sizes", count)
    arguments.packed(boxes, "boxes", count, width: 4)
    guard arguments.valid, let proposals, let deltas, let cellSizes, let boxes else { return arguments.status }
    YOLODecode(
        proposals: Rows(proposals, stride: proposalsStride), deltas: Rows(deltas, stride: deltasStride), cellSizes: cellSizes, boxes: boxes
    ).run(count, .boxes, kernels(T.self).yolo_decode)
    return BOXGRAD_OK
}

func yoloDecodeGrad<T>(
    _ proposals: UnsafePointer<T>?, _ proposalsStride: Int, _ deltas: UnsafePointer<T>?, _ deltasStride: Int,
    _ cellSizes: UnsafePointer<T>?, _ count: Int, _ gradBoxes: UnsafePointer<T>?,
    _ gradProposals: UnsafeMutablePointer<T>?, _ gradDeltas: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
    arguments.rows(deltas, "deltas", count, stride: deltasStride, "deltas_stride")
    arguments.packed(cellSizes, "cell_sizes", count)
    arguments.packed(gradBoxes, "grad_boxes", count, width: 4)
    arguments.packed(gradProposals, "grad_proposals", count, width: 4, optional: true)
    arguments.packed(gradDeltas, "grad_deltas", count, width: 4, optional: true)
    guard arguments.valid, let proposals, let deltas, let cellSizes, let gradBoxes else { return arguments.status }
    YOLODecodeGrad(
        proposals: Rows(proposals, stride: proposalsStride), deltas: Rows(deltas, stride: deltasStride), cellSizes: cellSizes,
        gradBoxes: gradBoxes, gradProposals: gradProposals, gradDeltas: gradDeltas
    ).run(count, .boxes, kernels(T.self).yolo_decode_grad)
    return BOXGRAD_OK
}
