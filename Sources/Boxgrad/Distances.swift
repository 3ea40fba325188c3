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

func ltrbDecode<T>(
    _ points: UnsafePointer<T>?, _ pointsStride: Int, _ distances: UnsafePointer<T>?, _ distancesStride: Int, _ count: Int,
    _ boxes: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.rows(points, "points", count, stride: pointsStride, "points_stride", width: 2)
    arguments.rows(distances, "distances", count, stride: distancesStride, "distances_stride")
    arguments.packed(boxes, "boxes", count, width: 4)
    guard arguments.valid, let points, let distances, let boxes else { return arguments.status }
    LTRBDecode(points: Rows(points, stride: pointsStride), distances: Rows(distances, stride: distancesStride), boxes: boxes)
        .run(count, .boxes, kernels(T.self).ltrb_decode)
    return BOXGRAD_OK
}

func ltrbDecodeGrad<T>(
    _ count: Int, _ gradBoxes: UnsafePointer<T>?, _ gradPoints: UnsafeMutablePointer<T>?, _ gradDistances: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.packed(gradBoxes, "grad_boxes", count, width: 4)
    arguments.packed(gradPoints, "grad_points", count, width: 2, optional: true)
    arguments.packed(gradDistances, "grad_distances", count, width: 4, optional: true)
    guard arguments.valid, let gradBoxes else { return arguments.status }
    LTRBDecodeGrad(gradBoxes: gradBoxes, gradPoints: gradPoints, gradDistances: gradDistances)
        .run(count, .boxes, kernels(T.self).ltrb_decode_grad)
    return BOXGRAD_OK
}

func linearEncode<T>(
    _ proposals: UnsafePointer<T>?, _ proposalsStride: Int, _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int,
    _ distances: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
    arguments.rows(targets, "targets", count, stride: targetsStride, "targets_stride")
    arguments.packed(distances, "distances", count, width: 4)
    guard arguments.valid, let proposals, let targets, let distances else { return arguments.status }
    LinearEncode(proposals: Rows(proposals, stride: proposalsStride), targets: Rows(targets, stride: targetsStride), distances: distances)
        .run(count, .boxes, kernels(T.self).linear_encode)
    return BOXGRAD_OK
}

func linearEncodeGrad<T>(
    _ proposals: UnsafePointer<T>?, _ proposalsStride: Int, _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int,
    _ gradDistances: UnsafePointer<T>?, _ gradProposals: UnsafeMutablePointer<T>?, _ gradTargets: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
    arguments.rows(targets, "targets", count, stride: targetsStride, "targets_stride")
    arguments.packed(gradDistances, "grad_distances", count, width: 4)
    arguments.packed(gradProposals, "grad_proposals", count, width: 4, optional: true)
    arguments.packed(gradTargets, "grad_targets", count, width: 4, optional: true)
    guard arguments.valid, let proposals, let targets, let gradDistances else { return arguments.status }
    LinearEncodeGrad(
        proposals: Rows(proposals, stride: proposalsStride), targets: Rows(targets, stride: targetsStride), gradDistances: gradDistances,
        gradProposals: gradProposals, gradTargets: gradTargets
    ).run(count, .boxes, kernels(T.self).linear_encode_grad)
    return BOXGRAD_OK
}

func linearDecode<T>(
    _ proposals: UnsafePointer<T>?, _ proposalsStride: Int, _ distances: UnsafePointer<T>?, _ distancesStride: Int, _ count: Int,
    _ boxes: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
    arguments.rows(distances, "distances", count, stride: distancesStride, "distances_stride")
    arguments.packed(boxes, "boxes", count, width: 4)
    guard arguments.valid, let proposals, let distances, let boxes else { return arguments.status }
    LinearDecode(proposals: Rows(proposals, stride: proposalsStride), distances: Rows(distances, stride: distancesStride), boxes: boxes)
        .run(count, .boxes, kernels(T.self).linear_decode)
    return BOXGRAD_OK
}

func linearDecodeGrad<T>(
    _ proposals: UnsafePointer<T>?, _ proposalsStride: Int, _ distances: UnsafePointer<T>?, _ distancesStride: Int, _ count: Int,
    _ gradBoxes: UnsafePointer<T>?, _ gradProposals: UnsafeMutablePointer<T>?, _ gradDistances: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
    arguments.rows(distances, "distances", count, stride: distancesStride, "distances_stride")
    arguments.packed(gradBoxes, "grad_boxes", count, width: 4)
    arguments.packed(gradProposals, "grad_proposals", count, width: 4, optional: true)
    arguments.packed(gradDistances, "grad_distances", count, width: 4, optional: true)
    guard arguments.valid, let proposals, let distances, let gradBoxes else { return arguments.status }
    LinearDecodeGrad(
        proposals: Rows(proposals, stride: proposalsStride), distances: Rows(distances, stride: distancesStride), gradBoxes: gradBoxes,
        gradProposals: gradProposals, gradDistances: gradDistances
    ).run(count, .boxes, kernels(T.self).linear_decode_grad)
    return BOXGRAD_OK
}
