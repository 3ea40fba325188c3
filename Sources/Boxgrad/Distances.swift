import CBoxgrad
import CShims

func ltrbEncode<T>(
    _ points: UnsafePointer<T>?, _ pointsStride: Int, _ boxes: UnsafePointer<T>?, _ boxesStride: Int, _ count: Int,
    _ distances: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.rows(points, "points", count, stride: pointsStride, "points_stride", width: 2)
    arguments.rows(boxes, "boxes", count, stride: boxesStride, "boxes_stride")
    arguments.packed(distances, "distances", count, width: 4)
    guard arguments.valid, let points, let boxes, let distances else { return arguments.status }
    LTRBEncode(points: Rows(points, stride: pointsStride), boxes: Rows(boxes, stride: boxesStride), distances: distances)
        .run(count, .boxes, kernels(T.self).ltrb_encode)
    return BOXGRAD_OK
}

func ltrbEncodeGrad<T>(
    _ count: Int, _ gradDistances: UnsafePointer<T>?, _ gradPoints: UnsafeMutablePointer<T>?, _ gradBoxes: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.packed(gradDistances, "grad_distances", count, width: 4)
    arguments.packed(gradPoints, "grad_points", count, width: 2, optional: true)
    arguments.packed(gradBoxes, "grad_boxes", count, width: 4, optional: true)
    guard arguments.valid, let gradDistances else { return arguments.status }
    LTRBEncodeGrad(gradDistances: gradDistances, gradPoints: gradPoints, gradBoxes: gradBoxes)
        .run(count, .boxes, kernels(T.self).ltrb_encode_grad)
    return BOXGRAD_OK
}
