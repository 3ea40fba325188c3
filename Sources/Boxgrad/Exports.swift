// Written by tools/interface.py from include/boxgrad.h.

import CBoxgrad

@_cdecl("boxgrad_box_area_f32") @implementation
public func boxgrad_box_area_f32(
    _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ out: UnsafeMutablePointer<Float>?
) -> Int32 {
    boxArea(
        boxes, count, stride, out)
}

@_cdecl("boxgrad_box_area_f64") @implementation
public func boxgrad_box_area_f64(
    _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ out: UnsafeMutablePointer<Double>?
) -> Int32 {
    boxArea(
        boxes, count, stride, out)
}

@_cdecl("boxgrad_box_area_grad_f32") @implementation
public func boxgrad_box_area_grad_f32(
    _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<Float>?,
    _ gradBoxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    boxAreaGrad(
        boxes, count, stride, gradOut, gradBoxes)
}

@_cdecl("boxgrad_box_area_grad_f64") @implementation
public func boxgrad_box_area_grad_f64(
    _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<Double>?,
    _ gradBoxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    boxAreaGrad(
        boxes, count, stride, gradOut, gradBoxes)
}

@_cdecl("boxgrad_box_convert_f32") @implementation
public func boxgrad_box_convert_f32(
    _ from: Int32, _ to: Int32, _ `in`: UnsafePointer<Float>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<Float>?,
    _ outStride: Int
) -> Int32 {
    boxConvert(
        from, to, `in`, count, inStride, out, outStride)
}

@_cdecl("boxgrad_box_convert_f64") @implementation
public func boxgrad_box_convert_f64(
    _ from: Int32, _ to: Int32, _ `in`: UnsafePointer<Double>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<Double>?,
    _ outStride: Int
) -> Int32 {
    boxConvert(
        from, to, `in`, count, inStride, out, outStride)
}

@_cdecl("boxgrad_box_convert_grad_f32") @implementation
public func boxgrad_box_convert_grad_f32(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<Float>?, _ gradIn: UnsafeMutablePointer<Float>?
) -> Int32 {
    boxConvertGrad(
        from, to, count, gradOut, gradIn)
}

@_cdecl("boxgrad_box_convert_grad_f64") @implementation
public func boxgrad_box_convert_grad_f64(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<Double>?, _ gradIn: UnsafeMutablePointer<Double>?
) -> Int32 {
    boxConvertGrad(
        from, to, count, gradOut, gradIn)
}

@_cdecl("boxgrad_box_clip_f32") @implementation
public func boxgrad_box_clip_f32(
    _ `in`: UnsafePointer<Float>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double, _ out: UnsafeMutablePointer<Float>?,
    _ outStride: Int
) -> Int32 {
    boxClip(
        `in`, count, inStride, width, height, out, outStride)
}

@_cdecl("boxgrad_box_clip_f64") @implementation
public func boxgrad_box_clip_f64(
    _ `in`: UnsafePointer<Double>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double, _ out: UnsafeMutablePointer<Double>?,
    _ outStride: Int
) -> Int32 {
    boxClip(
        `in`, count, inStride, width, height, out, outStride)
}

@_cdecl("boxgrad_box_clip_grad_f32") @implementation
public func boxgrad_box_clip_grad_f32(
    _ `in`: UnsafePointer<Float>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double, _ gradOut: UnsafePointer<Float>?,
    _ gradIn: UnsafeMutablePointer<Float>?
) -> Int32 {
    boxClipGrad(
        `in`, count, inStride, width, height, gradOut, gradIn)
}

@_cdecl("boxgrad_box_clip_grad_f64") @implementation
public func boxgrad_box_clip_grad_f64(
    _ `in`: UnsafePointer<Double>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double, _ gradOut: UnsafePointer<Double>?,
    _ gradIn: UnsafeMutablePointer<Double>?
) -> Int32 {
    boxClipGrad(
        `in`, count, inStride, width, height, gradOut, gradIn)
}

@_cdecl("boxgrad_box_inspect_f32") @implementation
public func boxgrad_box_inspect_f32(
    _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ width: Double, _ height: Double, _ minSize: Double,
    _ flags: UnsafeMutablePointer<UInt32>?, _ counts: UnsafeMutablePointer<Int>?, _ countsLength: Int
) -> Int32 {
    boxInspect(
        boxes, count, stride, width, height, minSize, flags, counts, countsLength)
}

@_cdecl("boxgrad_box_inspect_f64") @implementation
public func boxgrad_box_inspect_f64(
    _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ width: Double, _ height: Double, _ minSize: Double,
    _ flags: UnsafeMutablePointer<UInt32>?, _ counts: UnsafeMutablePointer<Int>?, _ countsLength: Int
) -> Int32 {
    boxInspect(
        boxes, count, stride, width, height, minSize, flags, counts, countsLength)
}

@_cdecl("boxgrad_box_rotate_f32") @implementation
public func boxgrad_box_rotate_f32(
    _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ degrees: Double, _ cx: Double, _ cy: Double,
    _ corners: UnsafeMutablePointer<Float>?, _ bounds: UnsafeMutablePointer<Float>?
) -> Int32 {
    boxRotate(
        boxes, count, stride, degrees, cx, cy, corners, bounds)
}

@_cdecl("boxgrad_box_rotate_f64") @implementation
public func boxgrad_box_rotate_f64(
    _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ degrees: Double, _ cx: Double, _ cy: Double,
    _ corners: UnsafeMutablePointer<Double>?, _ bounds: UnsafeMutablePointer<Double>?
) -> Int32 {
    boxRotate(
        boxes, count, stride, degrees, cx, cy, corners, bounds)
}

@_cdecl("boxgrad_clip_f32") @implementation
public func boxgrad_clip_f32(
    _ x: UnsafePointer<Float>?, _ count: Int, _ lo: Double, _ hi: Double, _ out: UnsafeMutablePointer<Float>?
) -> Int32 {
    clip(
        x, count, lo, hi, out)
}

@_cdecl("boxgrad_clip_f64") @implementation
public func boxgrad_clip_f64(
    _ x: UnsafePointer<Double>?, _ count: Int, _ lo: Double, _ hi: Double, _ out: UnsafeMutablePointer<Double>?
) -> Int32 {
    clip(
        x, count, lo, hi, out)
}

@_cdecl("boxgrad_clip_grad_f32") @implementation
public func boxgrad_clip_grad_f32(
    _ x: UnsafePointer<Float>?, _ count: Int, _ lo: Double, _ hi: Double, _ gradOut: UnsafePointer<Float>?, _ mode: Int32,
    _ gradIn: UnsafeMutablePointer<Float>?, _ blocked: UnsafeMutablePointer<Int>?
) -> Int32 {
    clipGrad(
        x, count, lo, hi, gradOut, mode, gradIn, blocked)
}

@_cdecl("boxgrad_clip_grad_f64") @implementation
public func boxgrad_clip_grad_f64(
    _ x: UnsafePointer<Double>?, _ count: Int, _ lo: Double, _ hi: Double, _ gradOut: UnsafePointer<Double>?, _ mode: Int32,
    _ gradIn: UnsafeMutablePointer<Double>?, _ blocked: UnsafeMutablePointer<Int>?
) -> Int32 {
    clipGrad(
        x, count, lo, hi, gradOut, mode, gradIn, blocked)
}

@_cdecl("boxgrad_iou_pairwise_f32") @implementation
public func boxgrad_iou_pairwise_f32(
    _ metric: Int32, _ a: UnsafePointer<Float>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bCount: Int, _ bStride: Int,
    _ eps: Double, _ out: UnsafeMutablePointer<Float>?, _ outStride: Int, _ outUnion: UnsafeMutablePointer<Float>?
) -> Int32 {
    iouPairwise(
        metric, a, aCount, aStride, b, bCount, bStride, eps, out, outStride, outUnion)
}

@_cdecl("boxgrad_iou_pairwise_f64") @implementation
public func boxgrad_iou_pairwise_f64(
    _ metric: Int32, _ a: UnsafePointer<Double>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Double>?, _ bCount: Int,
    _ bStride: Int, _ eps: Double, _ out: UnsafeMutablePointer<Double>?, _ outStride: Int, _ outUnion: UnsafeMutablePointer<Double>?
) -> Int32 {
    iouPairwise(
        metric, a, aCount, aStride, b, bCount, bStride, eps, out, outStride, outUnion)
}

@_cdecl("boxgrad_iou_pairwise_grad_f32") @implementation
public func boxgrad_iou_pairwise_grad_f32(
    _ metric: Int32, _ a: UnsafePointer<Float>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bCount: Int, _ bStride: Int,
    _ eps: Double, _ gradOut: UnsafePointer<Float>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<Float>?,
    _ gradB: UnsafeMutablePointer<Float>?
) -> Int32 {
    iouPairwiseGrad(
        metric, a, aCount, aStride, b, bCount, bStride, eps, gradOut, gradOutStride, gradA, gradB)
}

@_cdecl("boxgrad_iou_pairwise_grad_f64") @implementation
public func boxgrad_iou_pairwise_grad_f64(
    _ metric: Int32, _ a: UnsafePointer<Double>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Double>?, _ bCount: Int,
    _ bStride: Int, _ eps: Double, _ gradOut: UnsafePointer<Double>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<Double>?,
    _ gradB: UnsafeMutablePointer<Double>?
) -> Int32 {
    iouPairwiseGrad(
        metric, a, aCount, aStride, b, bCount, bStride, eps, gradOut, gradOutStride, gradA, gradB)
}

@_cdecl("boxgrad_iou_aligned_f32") @implementation
public func boxgrad_iou_aligned_f32(
    _ metric: Int32, _ a: UnsafePointer<Float>?, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bStride: Int, _ count: Int, _ eps: Double,
    _ out: UnsafeMutablePointer<Float>?, _ gradA: UnsafeMutablePointer<Float>?, _ gradB: UnsafeMutablePointer<Float>?
) -> Int32 {
    iouAligned(
        metric, a, aStride, b, bStride, count, eps, out, gradA, gradB)
}

@_cdecl("boxgrad_iou_aligned_f64") @implementation
public func boxgrad_iou_aligned_f64(
    _ metric: Int32, _ a: UnsafePointer<Double>?, _ aStride: Int, _ b: UnsafePointer<Double>?, _ bStride: Int, _ count: Int, _ eps: Double,
    _ out: UnsafeMutablePointer<Double>?, _ gradA: UnsafeMutablePointer<Double>?, _ gradB: UnsafeMutablePointer<Double>?
) -> Int32 {
    iouAligned(
        metric, a, aStride, b, bStride, count, eps, out, gradA, gradB)
}

@_cdecl("boxgrad_iou_loss_f32") @implementation
public func boxgrad_iou_loss_f32(
    _ metric: Int32, _ pred: UnsafePointer<Float>?, _ predStride: Int, _ target: UnsafePointer<Float>?, _ targetStride: Int, _ count: Int,
    _ weights: UnsafePointer<Float>?, _ eps: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<Float>?, _ gradPred: UnsafeMutablePointer<Float>?, _ gradTarget: UnsafeMutablePointer<Float>?
) -> Int32 {
    iouLoss(
        metric, pred, predStride, target, targetStride, count, weights, eps, normalizer, loss, perBox, gradPred, gradTarget)
}

@_cdecl("boxgrad_iou_loss_f64") @implementation
public func boxgrad_iou_loss_f64(
    _ metric: Int32, _ pred: UnsafePointer<Double>?, _ predStride: Int, _ target: UnsafePointer<Double>?, _ targetStride: Int,
    _ count: Int, _ weights: UnsafePointer<Double>?, _ eps: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<Double>?, _ gradPred: UnsafeMutablePointer<Double>?, _ gradTarget: UnsafeMutablePointer<Double>?
) -> Int32 {
    iouLoss(
        metric, pred, predStride, target, targetStride, count, weights, eps, normalizer, loss, perBox, gradPred, gradTarget)
}

@_cdecl("boxgrad_box_loss_f32") @implementation
public func boxgrad_box_loss_f32(
    _ kind: Int32, _ options: UnsafePointer<boxgrad_box_loss_options>?, _ pred: UnsafePointer<Float>?, _ predStride: Int,
    _ target: UnsafePointer<Float>?, _ targetStride: Int, _ count: Int, _ weights: UnsafePointer<Float>?, _ normalizer: Double,
    _ loss: UnsafeMutablePointer<Double>?, _ perBox: UnsafeMutablePointer<Float>?, _ gradPred: UnsafeMutablePointer<Float>?,
    _ gradTarget: UnsafeMutablePointer<Float>?
) -> Int32 {
    boxLoss(
        kind, options, pred, predStride, target, targetStride, count, weights, normalizer, loss, perBox, gradPred, gradTarget)
}

@_cdecl("boxgrad_box_loss_f64") @implementation
public func boxgrad_box_loss_f64(
    _ kind: Int32, _ options: UnsafePointer<boxgrad_box_loss_options>?, _ pred: UnsafePointer<Double>?, _ predStride: Int,
    _ target: UnsafePointer<Double>?, _ targetStride: Int, _ count: Int, _ weights: UnsafePointer<Double>?, _ normalizer: Double,
    _ loss: UnsafeMutablePointer<Double>?, _ perBox: UnsafeMutablePointer<Double>?, _ gradPred: UnsafeMutablePointer<Double>?,
    _ gradTarget: UnsafeMutablePointer<Double>?
) -> Int32 {
    boxLoss(
        kind, options, pred, predStride, target, targetStride, count, weights, normalizer, loss, perBox, gradPred, gradTarget)
}

@_cdecl("boxgrad_rotated_convert_f32") @implementation
public func boxgrad_rotated_convert_f32(
    _ from: Int32, _ to: Int32, _ `in`: UnsafePointer<Float>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<Float>?,
    _ outStride: Int
) -> Int32 {
    rotatedConvert(
        from, to, `in`, count, inStride, out, outStride)
}

@_cdecl("boxgrad_rotated_convert_f64") @implementation
public func boxgrad_rotated_convert_f64(
    _ from: Int32, _ to: Int32, _ `in`: UnsafePointer<Double>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<Double>?,
    _ outStride: Int
) -> Int32 {
    rotatedConvert(
        from, to, `in`, count, inStride, out, outStride)
}

@_cdecl("boxgrad_rotated_convert_grad_f32") @implementation
public func boxgrad_rotated_convert_grad_f32(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<Float>?, _ gradIn: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedConvertGrad(
        from, to, count, gradOut, gradIn)
}

@_cdecl("boxgrad_rotated_convert_grad_f64") @implementation
public func boxgrad_rotated_convert_grad_f64(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<Double>?, _ gradIn: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedConvertGrad(
        from, to, count, gradOut, gradIn)
}

@_cdecl("boxgrad_rotated_regularize_f32") @implementation
public func boxgrad_rotated_regularize_f32(
    _ angle: Int32, _ range: Int32, _ `in`: UnsafePointer<Float>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<Float>?,
    _ outStride: Int
) -> Int32 {
    rotatedRegularize(
        angle, range, `in`, count, inStride, out, outStride)
}

@_cdecl("boxgrad_rotated_regularize_f64") @implementation
public func boxgrad_rotated_regularize_f64(
    _ angle: Int32, _ range: Int32, _ `in`: UnsafePointer<Double>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<Double>?,
    _ outStride: Int
) -> Int32 {
    rotatedRegularize(
        angle, range, `in`, count, inStride, out, outStride)
}

@_cdecl("boxgrad_rotated_regularize_grad_f32") @implementation
public func boxgrad_rotated_regularize_grad_f32(
    _ angle: Int32, _ range: Int32, _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<Float>?,
    _ gradBoxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedRegularizeGrad(
        angle, range, boxes, count, stride, gradOut, gradBoxes)
}

@_cdecl("boxgrad_rotated_regularize_grad_f64") @implementation
public func boxgrad_rotated_regularize_grad_f64(
    _ angle: Int32, _ range: Int32, _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<Double>?,
    _ gradBoxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedRegularizeGrad(
        angle, range, boxes, count, stride, gradOut, gradBoxes)
}

@_cdecl("boxgrad_rotated_corners_f32") @implementation
public func boxgrad_rotated_corners_f32(
    _ angle: Int32, _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ corners: UnsafeMutablePointer<Float>?,
    _ bounds: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedCorners(
        angle, boxes, count, stride, corners, bounds)
}

@_cdecl("boxgrad_rotated_corners_f64") @implementation
public func boxgrad_rotated_corners_f64(
    _ angle: Int32, _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ corners: UnsafeMutablePointer<Double>?,
    _ bounds: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedCorners(
        angle, boxes, count, stride, corners, bounds)
}

@_cdecl("boxgrad_rotated_corners_grad_f32") @implementation
public func boxgrad_rotated_corners_grad_f32(
    _ angle: Int32, _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ gradCorners: UnsafePointer<Float>?,
    _ gradBounds: UnsafePointer<Float>?, _ gradBoxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedCornersGrad(
        angle, boxes, count, stride, gradCorners, gradBounds, gradBoxes)
}

@_cdecl("boxgrad_rotated_corners_grad_f64") @implementation
public func boxgrad_rotated_corners_grad_f64(
    _ angle: Int32, _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ gradCorners: UnsafePointer<Double>?,
    _ gradBounds: UnsafePointer<Double>?, _ gradBoxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedCornersGrad(
        angle, boxes, count, stride, gradCorners, gradBounds, gradBoxes)
}

@_cdecl("boxgrad_rotated_from_corners_f32") @implementation
public func boxgrad_rotated_from_corners_f32(
    _ angle: Int32, _ corners: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ boxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedFromCorners(
        angle, corners, count, stride, boxes)
}

@_cdecl("boxgrad_rotated_from_corners_f64") @implementation
public func boxgrad_rotated_from_corners_f64(
    _ angle: Int32, _ corners: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ boxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedFromCorners(
        angle, corners, count, stride, boxes)
}

@_cdecl("boxgrad_rotated_from_corners_grad_f32") @implementation
public func boxgrad_rotated_from_corners_grad_f32(
    _ angle: Int32, _ corners: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ gradBoxes: UnsafePointer<Float>?,
    _ gradCorners: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedFromCornersGrad(
        angle, corners, count, stride, gradBoxes, gradCorners)
}

@_cdecl("boxgrad_rotated_from_corners_grad_f64") @implementation
public func boxgrad_rotated_from_corners_grad_f64(
    _ angle: Int32, _ corners: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ gradBoxes: UnsafePointer<Double>?,
    _ gradCorners: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedFromCornersGrad(
        angle, corners, count, stride, gradBoxes, gradCorners)
}

@_cdecl("boxgrad_rotated_min_area_f32") @implementation
public func boxgrad_rotated_min_area_f32(
    _ angle: Int32, _ points: UnsafePointer<Float>?, _ count: Int, _ pointsPerRow: Int, _ stride: Int,
    _ boxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedMinArea(
        angle, points, count, pointsPerRow, stride, boxes)
}

@_cdecl("boxgrad_rotated_min_area_f64") @implementation
public func boxgrad_rotated_min_area_f64(
    _ angle: Int32, _ points: UnsafePointer<Double>?, _ count: Int, _ pointsPerRow: Int, _ stride: Int,
    _ boxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedMinArea(
        angle, points, count, pointsPerRow, stride, boxes)
}

@_cdecl("boxgrad_rotated_inspect_f32") @implementation
public func boxgrad_rotated_inspect_f32(
    _ angle: Int32, _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ width: Double, _ height: Double, _ minSize: Double,
    _ flags: UnsafeMutablePointer<UInt32>?, _ counts: UnsafeMutablePointer<Int>?, _ countsLength: Int
) -> Int32 {
    rotatedInspect(
        angle, boxes, count, stride, width, height, minSize, flags, counts, countsLength)
}

@_cdecl("boxgrad_rotated_inspect_f64") @implementation
public func boxgrad_rotated_inspect_f64(
    _ angle: Int32, _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ width: Double, _ height: Double, _ minSize: Double,
    _ flags: UnsafeMutablePointer<UInt32>?, _ counts: UnsafeMutablePointer<Int>?, _ countsLength: Int
) -> Int32 {
    rotatedInspect(
        angle, boxes, count, stride, width, height, minSize, flags, counts, countsLength)
}

@_cdecl("boxgrad_rotated_iou_pairwise_f32") @implementation
public func boxgrad_rotated_iou_pairwise_f32(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<Float>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bCount: Int,
    _ bStride: Int, _ out: UnsafeMutablePointer<Float>?, _ outStride: Int
) -> Int32 {
    rotatedIouPairwise(
        metric, angle, a, aCount, aStride, b, bCount, bStride, out, outStride)
}

@_cdecl("boxgrad_rotated_iou_pairwise_f64") @implementation
public func boxgrad_rotated_iou_pairwise_f64(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<Double>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Double>?,
    _ bCount: Int, _ bStride: Int, _ out: UnsafeMutablePointer<Double>?, _ outStride: Int
) -> Int32 {
    rotatedIouPairwise(
        metric, angle, a, aCount, aStride, b, bCount, bStride, out, outStride)
}

@_cdecl("boxgrad_rotated_iou_pairwise_grad_f32") @implementation
public func boxgrad_rotated_iou_pairwise_grad_f32(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<Float>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bCount: Int,
    _ bStride: Int, _ gradOut: UnsafePointer<Float>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<Float>?,
    _ gradB: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedIouPairwiseGrad(
        metric, angle, a, aCount, aStride, b, bCount, bStride, gradOut, gradOutStride, gradA, gradB)
}

@_cdecl("boxgrad_rotated_iou_pairwise_grad_f64") @implementation
public func boxgrad_rotated_iou_pairwise_grad_f64(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<Double>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Double>?,
    _ bCount: Int, _ bStride: Int, _ gradOut: UnsafePointer<Double>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<Double>?,
    _ gradB: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedIouPairwiseGrad(
        metric, angle, a, aCount, aStride, b, bCount, bStride, gradOut, gradOutStride, gradA, gradB)
}

@_cdecl("boxgrad_rotated_iou_aligned_f32") @implementation
public func boxgrad_rotated_iou_aligned_f32(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<Float>?, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bStride: Int, _ count: Int,
    _ out: UnsafeMutablePointer<Float>?, _ gradA: UnsafeMutablePointer<Float>?, _ gradB: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedIouAligned(
        metric, angle, a, aStride, b, bStride, count, out, gradA, gradB)
}

@_cdecl("boxgrad_rotated_iou_aligned_f64") @implementation
public func boxgrad_rotated_iou_aligned_f64(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<Double>?, _ aStride: Int, _ b: UnsafePointer<Double>?, _ bStride: Int,
    _ count: Int, _ out: UnsafeMutablePointer<Double>?, _ gradA: UnsafeMutablePointer<Double>?, _ gradB: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedIouAligned(
        metric, angle, a, aStride, b, bStride, count, out, gradA, gradB)
}

@_cdecl("boxgrad_rotated_iou_loss_f32") @implementation
public func boxgrad_rotated_iou_loss_f32(
    _ kind: Int32, _ angle: Int32, _ pred: UnsafePointer<Float>?, _ predStride: Int, _ target: UnsafePointer<Float>?, _ targetStride: Int,
    _ count: Int, _ weights: UnsafePointer<Float>?, _ leastIou: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<Float>?, _ gradPred: UnsafeMutablePointer<Float>?, _ gradTarget: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedIouLoss(
        kind, angle, pred, predStride, target, targetStride, count, weights, leastIou, normalizer, loss, perBox, gradPred, gradTarget)
}

@_cdecl("boxgrad_rotated_iou_loss_f64") @implementation
public func boxgrad_rotated_iou_loss_f64(
    _ kind: Int32, _ angle: Int32, _ pred: UnsafePointer<Double>?, _ predStride: Int, _ target: UnsafePointer<Double>?,
    _ targetStride: Int, _ count: Int, _ weights: UnsafePointer<Double>?, _ leastIou: Double, _ normalizer: Double,
    _ loss: UnsafeMutablePointer<Double>?, _ perBox: UnsafeMutablePointer<Double>?, _ gradPred: UnsafeMutablePointer<Double>?,
    _ gradTarget: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedIouLoss(
        kind, angle, pred, predStride, target, targetStride, count, weights, leastIou, normalizer, loss, perBox, gradPred, gradTarget)
}

@_cdecl("boxgrad_rotated_gaussian_loss_f32") @implementation
public func boxgrad_rotated_gaussian_loss_f32(
    _ kind: Int32, _ angle: Int32, _ options: UnsafePointer<boxgrad_gaussian_loss_options>?, _ pred: UnsafePointer<Float>?,
    _ predStride: Int, _ target: UnsafePointer<Float>?, _ targetStride: Int, _ count: Int, _ weights: UnsafePointer<Float>?,
    _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?, _ perBox: UnsafeMutablePointer<Float>?,
    _ gradPred: UnsafeMutablePointer<Float>?, _ gradTarget: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedGaussianLoss(
        kind, angle, options, pred, predStride, target, targetStride, count, weights, normalizer, loss, perBox, gradPred, gradTarget)
}

@_cdecl("boxgrad_rotated_gaussian_loss_f64") @implementation
public func boxgrad_rotated_gaussian_loss_f64(
    _ kind: Int32, _ angle: Int32, _ options: UnsafePointer<boxgrad_gaussian_loss_options>?, _ pred: UnsafePointer<Double>?,
    _ predStride: Int, _ target: UnsafePointer<Double>?, _ targetStride: Int, _ count: Int, _ weights: UnsafePointer<Double>?,
    _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?, _ perBox: UnsafeMutablePointer<Double>?,
    _ gradPred: UnsafeMutablePointer<Double>?, _ gradTarget: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedGaussianLoss(
        kind, angle, options, pred, predStride, target, targetStride, count, weights, normalizer, loss, perBox, gradPred, gradTarget)
}

@_cdecl("boxgrad_smooth_l1_f32") @implementation
public func boxgrad_smooth_l1_f32(
    _ pred: UnsafePointer<Float>?, _ target: UnsafePointer<Float>?, _ insideWeights: UnsafePointer<Float>?,
    _ outsideWeights: UnsafePointer<Float>?, _ count: Int, _ sigma: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ elementwise: UnsafeMutablePointer<Float>?, _ gradPred: UnsafeMutablePointer<Float>?, _ gradTarget: UnsafeMutablePointer<Float>?
) -> Int32 {
    smoothL1(
        pred, target, insideWeights, outsideWeights, count, sigma, normalizer, loss, elementwise, gradPred, gradTarget)
}

@_cdecl("boxgrad_smooth_l1_f64") @implementation
public func boxgrad_smooth_l1_f64(
    _ pred: UnsafePointer<Double>?, _ target: UnsafePointer<Double>?, _ insideWeights: UnsafePointer<Double>?,
    _ outsideWeights: UnsafePointer<Double>?, _ count: Int, _ sigma: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ elementwise: UnsafeMutablePointer<Double>?, _ gradPred: UnsafeMutablePointer<Double>?, _ gradTarget: UnsafeMutablePointer<Double>?
) -> Int32 {
    smoothL1(
        pred, target, insideWeights, outsideWeights, count, sigma, normalizer, loss, elementwise, gradPred, gradTarget)
}

@_cdecl("boxgrad_balanced_l1_f32") @implementation
public func boxgrad_balanced_l1_f32(
    _ pred: UnsafePointer<Float>?, _ target: UnsafePointer<Float>?, _ insideWeights: UnsafePointer<Float>?,
    _ outsideWeights: UnsafePointer<Float>?, _ count: Int, _ alpha: Double, _ gamma: Double, _ beta: Double, _ normalizer: Double,
    _ loss: UnsafeMutablePointer<Double>?, _ elementwise: UnsafeMutablePointer<Float>?, _ gradPred: UnsafeMutablePointer<Float>?,
    _ gradTarget: UnsafeMutablePointer<Float>?
) -> Int32 {
    balancedL1(
        pred, target, insideWeights, outsideWeights, count, alpha, gamma, beta, normalizer, loss, elementwise, gradPred, gradTarget)
}

@_cdecl("boxgrad_balanced_l1_f64") @implementation
public func boxgrad_balanced_l1_f64(
    _ pred: UnsafePointer<Double>?, _ target: UnsafePointer<Double>?, _ insideWeights: UnsafePointer<Double>?,
    _ outsideWeights: UnsafePointer<Double>?, _ count: Int, _ alpha: Double, _ gamma: Double, _ beta: Double, _ normalizer: Double,
    _ loss: UnsafeMutablePointer<Double>?, _ elementwise: UnsafeMutablePointer<Double>?, _ gradPred: UnsafeMutablePointer<Double>?,
    _ gradTarget: UnsafeMutablePointer<Double>?
) -> Int32 {
    balancedL1(
        pred, target, insideWeights, outsideWeights, count, alpha, gamma, beta, normalizer, loss, elementwise, gradPred, gradTarget)
}

@_cdecl("boxgrad_delta_encode_f32") @implementation
public func boxgrad_delta_encode_f32(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Float>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<Float>?,
    _ degenerate: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    deltaEncode(
        options, proposals, proposalsStride, targets, targetsStride, count, deltas, degenerate, degenerateCount)
}

@_cdecl("boxgrad_delta_encode_f64") @implementation
public func boxgrad_delta_encode_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Double>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<Double>?,
    _ degenerate: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    deltaEncode(
        options, proposals, proposalsStride, targets, targetsStride, count, deltas, degenerate, degenerateCount)
}

@_cdecl("boxgrad_delta_encode_grad_f32") @implementation
public func boxgrad_delta_encode_grad_f32(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Float>?, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<Float>?,
    _ gradProposals: UnsafeMutablePointer<Float>?, _ gradTargets: UnsafeMutablePointer<Float>?
) -> Int32 {
    deltaEncodeGrad(
        options, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals, gradTargets)
}

@_cdecl("boxgrad_delta_encode_grad_f64") @implementation
public func boxgrad_delta_encode_grad_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Double>?, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<Double>?,
    _ gradProposals: UnsafeMutablePointer<Double>?, _ gradTargets: UnsafeMutablePointer<Double>?
) -> Int32 {
    deltaEncodeGrad(
        options, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals, gradTargets)
}

@_cdecl("boxgrad_delta_decode_f32") @implementation
public func boxgrad_delta_decode_f32(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Float>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ boxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    deltaDecode(
        options, proposals, proposalsStride, deltas, deltasStride, count, groups, boxes)
}

@_cdecl("boxgrad_delta_decode_f64") @implementation
public func boxgrad_delta_decode_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Double>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ boxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    deltaDecode(
        options, proposals, proposalsStride, deltas, deltasStride, count, groups, boxes)
}

@_cdecl("boxgrad_delta_decode_grad_f32") @implementation
public func boxgrad_delta_decode_grad_f32(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Float>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ gradBoxes: UnsafePointer<Float>?,
    _ gradProposals: UnsafeMutablePointer<Float>?, _ gradDeltas: UnsafeMutablePointer<Float>?
) -> Int32 {
    deltaDecodeGrad(
        options, proposals, proposalsStride, deltas, deltasStride, count, groups, gradBoxes, gradProposals, gradDeltas)
}

@_cdecl("boxgrad_delta_decode_grad_f64") @implementation
public func boxgrad_delta_decode_grad_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Double>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ gradBoxes: UnsafePointer<Double>?,
    _ gradProposals: UnsafeMutablePointer<Double>?, _ gradDeltas: UnsafeMutablePointer<Double>?
) -> Int32 {
    deltaDecodeGrad(
        options, proposals, proposalsStride, deltas, deltasStride, count, groups, gradBoxes, gradProposals, gradDeltas)
}

@_cdecl("boxgrad_rotated_encode_f32") @implementation
public func boxgrad_rotated_encode_f32(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Float>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<Float>?,
    _ degenerate: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    rotatedEncode(
        options, angle, proposals, proposalsStride, targets, targetsStride, count, deltas, degenerate, degenerateCount)
}

@_cdecl("boxgrad_rotated_encode_f64") @implementation
public func boxgrad_rotated_encode_f64(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Double>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<Double>?,
    _ degenerate: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    rotatedEncode(
        options, angle, proposals, proposalsStride, targets, targetsStride, count, deltas, degenerate, degenerateCount)
}

@_cdecl("boxgrad_rotated_encode_grad_f32") @implementation
public func boxgrad_rotated_encode_grad_f32(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Float>?, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<Float>?,
    _ gradProposals: UnsafeMutablePointer<Float>?, _ gradTargets: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedEncodeGrad(
        options, angle, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals, gradTargets)
}

@_cdecl("boxgrad_rotated_encode_grad_f64") @implementation
public func boxgrad_rotated_encode_grad_f64(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Double>?, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<Double>?,
    _ gradProposals: UnsafeMutablePointer<Double>?, _ gradTargets: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedEncodeGrad(
        options, angle, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals, gradTargets)
}

@_cdecl("boxgrad_rotated_decode_f32") @implementation
public func boxgrad_rotated_decode_f32(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Float>?, _ deltasStride: Int, _ count: Int, _ boxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedDecode(
        options, angle, proposals, proposalsStride, deltas, deltasStride, count, boxes)
}

@_cdecl("boxgrad_rotated_decode_f64") @implementation
public func boxgrad_rotated_decode_f64(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Double>?, _ deltasStride: Int, _ count: Int, _ boxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedDecode(
        options, angle, proposals, proposalsStride, deltas, deltasStride, count, boxes)
}

@_cdecl("boxgrad_rotated_decode_grad_f32") @implementation
public func boxgrad_rotated_decode_grad_f32(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Float>?, _ deltasStride: Int, _ count: Int, _ gradBoxes: UnsafePointer<Float>?,
    _ gradProposals: UnsafeMutablePointer<Float>?, _ gradDeltas: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedDecodeGrad(
        options, angle, proposals, proposalsStride, deltas, deltasStride, count, gradBoxes, gradProposals, gradDeltas)
}

@_cdecl("boxgrad_rotated_decode_grad_f64") @implementation
public func boxgrad_rotated_decode_grad_f64(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Double>?, _ deltasStride: Int, _ count: Int, _ gradBoxes: UnsafePointer<Double>?,
    _ gradProposals: UnsafeMutablePointer<Double>?, _ gradDeltas: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedDecodeGrad(
        options, angle, proposals, proposalsStride, deltas, deltasStride, count, gradBoxes, gradProposals, gradDeltas)
}

@_cdecl("boxgrad_midpoint_encode_f32") @implementation
public func boxgrad_midpoint_encode_f32(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Float>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<Float>?,
    _ degenerate: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    midpointEncode(
        options, angle, proposals, proposalsStride, targets, targetsStride, count, deltas, degenerate, degenerateCount)
}

@_cdecl("boxgrad_midpoint_encode_f64") @implementation
public func boxgrad_midpoint_encode_f64(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Double>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<Double>?,
    _ degenerate: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    midpointEncode(
        options, angle, proposals, proposalsStride, targets, targetsStride, count, deltas, degenerate, degenerateCount)
}

@_cdecl("boxgrad_midpoint_encode_grad_f32") @implementation
public func boxgrad_midpoint_encode_grad_f32(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Float>?, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<Float>?,
    _ gradProposals: UnsafeMutablePointer<Float>?, _ gradTargets: UnsafeMutablePointer<Float>?
) -> Int32 {
    midpointEncodeGrad(
        options, angle, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals, gradTargets)
}

@_cdecl("boxgrad_midpoint_encode_grad_f64") @implementation
public func boxgrad_midpoint_encode_grad_f64(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Double>?, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<Double>?,
    _ gradProposals: UnsafeMutablePointer<Double>?, _ gradTargets: UnsafeMutablePointer<Double>?
) -> Int32 {
    midpointEncodeGrad(
        options, angle, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals, gradTargets)
}

@_cdecl("boxgrad_midpoint_decode_f32") @implementation
public func boxgrad_midpoint_decode_f32(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Float>?, _ deltasStride: Int, _ count: Int, _ boxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    midpointDecode(
        options, angle, proposals, proposalsStride, deltas, deltasStride, count, boxes)
}

@_cdecl("boxgrad_midpoint_decode_f64") @implementation
public func boxgrad_midpoint_decode_f64(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Double>?, _ deltasStride: Int, _ count: Int, _ boxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    midpointDecode(
        options, angle, proposals, proposalsStride, deltas, deltasStride, count, boxes)
}

@_cdecl("boxgrad_midpoint_decode_grad_f32") @implementation
public func boxgrad_midpoint_decode_grad_f32(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Float>?, _ deltasStride: Int, _ count: Int, _ gradBoxes: UnsafePointer<Float>?,
    _ gradProposals: UnsafeMutablePointer<Float>?, _ gradDeltas: UnsafeMutablePointer<Float>?
) -> Int32 {
    midpointDecodeGrad(
        options, angle, proposals, proposalsStride, deltas, deltasStride, count, gradBoxes, gradProposals, gradDeltas)
}

@_cdecl("boxgrad_midpoint_decode_grad_f64") @implementation
public func boxgrad_midpoint_decode_grad_f64(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Double>?, _ deltasStride: Int, _ count: Int, _ gradBoxes: UnsafePointer<Double>?,
    _ gradProposals: UnsafeMutablePointer<Double>?, _ gradDeltas: UnsafeMutablePointer<Double>?
) -> Int32 {
    midpointDecodeGrad(
        options, angle, proposals, proposalsStride, deltas, deltasStride, count, gradBoxes, gradProposals, gradDeltas)
}

@_cdecl("boxgrad_ltrb_encode_f32") @implementation
public func boxgrad_ltrb_encode_f32(
    _ points: UnsafePointer<Float>?, _ pointsStride: Int, _ boxes: UnsafePointer<Float>?, _ boxesStride: Int, _ count: Int,
    _ distances: UnsafeMutablePointer<Float>?
) -> Int32 {
    ltrbEncode(
        points, pointsStride, boxes, boxesStride, count, distances)
}

@_cdecl("boxgrad_ltrb_encode_f64") @implementation
public func boxgrad_ltrb_encode_f64(
    _ points: UnsafePointer<Double>?, _ pointsStride: Int, _ boxes: UnsafePointer<Double>?, _ boxesStride: Int, _ count: Int,
    _ distances: UnsafeMutablePointer<Double>?
) -> Int32 {
    ltrbEncode(
        points, pointsStride, boxes, boxesStride, count, distances)
}

@_cdecl("boxgrad_ltrb_encode_grad_f32") @implementation
public func boxgrad_ltrb_encode_grad_f32(
    _ count: Int, _ gradDistances: UnsafePointer<Float>?, _ gradPoints: UnsafeMutablePointer<Float>?,
    _ gradBoxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    ltrbEncodeGrad(
        count, gradDistances, gradPoints, gradBoxes)
}

@_cdecl("boxgrad_ltrb_encode_grad_f64") @implementation
public func boxgrad_ltrb_encode_grad_f64(
    _ count: Int, _ gradDistances: UnsafePointer<Double>?, _ gradPoints: UnsafeMutablePointer<Double>?,
    _ gradBoxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    ltrbEncodeGrad(
        count, gradDistances, gradPoints, gradBoxes)
}

@_cdecl("boxgrad_ltrb_decode_f32") @implementation
public func boxgrad_ltrb_decode_f32(
    _ points: UnsafePointer<Float>?, _ pointsStride: Int, _ distances: UnsafePointer<Float>?, _ distancesStride: Int, _ count: Int,
    _ boxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    ltrbDecode(
        points, pointsStride, distances, distancesStride, count, boxes)
}

@_cdecl("boxgrad_ltrb_decode_f64") @implementation
public func boxgrad_ltrb_decode_f64(
    _ points: UnsafePointer<Double>?, _ pointsStride: Int, _ distances: UnsafePointer<Double>?, _ distancesStride: Int, _ count: Int,
    _ boxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    ltrbDecode(
        points, pointsStride, distances, distancesStride, count, boxes)
}

@_cdecl("boxgrad_ltrb_decode_grad_f32") @implementation
public func boxgrad_ltrb_decode_grad_f32(
    _ count: Int, _ gradBoxes: UnsafePointer<Float>?, _ gradPoints: UnsafeMutablePointer<Float>?,
    _ gradDistances: UnsafeMutablePointer<Float>?
) -> Int32 {
    ltrbDecodeGrad(
        count, gradBoxes, gradPoints, gradDistances)
}

@_cdecl("boxgrad_ltrb_decode_grad_f64") @implementation
public func boxgrad_ltrb_decode_grad_f64(
    _ count: Int, _ gradBoxes: UnsafePointer<Double>?, _ gradPoints: UnsafeMutablePointer<Double>?,
    _ gradDistances: UnsafeMutablePointer<Double>?
) -> Int32 {
    ltrbDecodeGrad(
        count, gradBoxes, gradPoints, gradDistances)
}

@_cdecl("boxgrad_linear_encode_f32") @implementation
public func boxgrad_linear_encode_f32(
    _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int, _ targets: UnsafePointer<Float>?, _ targetsStride: Int, _ count: Int,
    _ distances: UnsafeMutablePointer<Float>?
) -> Int32 {
    linearEncode(
        proposals, proposalsStride, targets, targetsStride, count, distances)
}

@_cdecl("boxgrad_linear_encode_f64") @implementation
public func boxgrad_linear_encode_f64(
    _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int, _ targets: UnsafePointer<Double>?, _ targetsStride: Int, _ count: Int,
    _ distances: UnsafeMutablePointer<Double>?
) -> Int32 {
    linearEncode(
        proposals, proposalsStride, targets, targetsStride, count, distances)
}

@_cdecl("boxgrad_linear_encode_grad_f32") @implementation
public func boxgrad_linear_encode_grad_f32(
    _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int, _ targets: UnsafePointer<Float>?, _ targetsStride: Int, _ count: Int,
    _ gradDistances: UnsafePointer<Float>?, _ gradProposals: UnsafeMutablePointer<Float>?, _ gradTargets: UnsafeMutablePointer<Float>?
) -> Int32 {
    linearEncodeGrad(
        proposals, proposalsStride, targets, targetsStride, count, gradDistances, gradProposals, gradTargets)
}

@_cdecl("boxgrad_linear_encode_grad_f64") @implementation
public func boxgrad_linear_encode_grad_f64(
    _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int, _ targets: UnsafePointer<Double>?, _ targetsStride: Int, _ count: Int,
    _ gradDistances: UnsafePointer<Double>?, _ gradProposals: UnsafeMutablePointer<Double>?, _ gradTargets: UnsafeMutablePointer<Double>?
) -> Int32 {
    linearEncodeGrad(
        proposals, proposalsStride, targets, targetsStride, count, gradDistances, gradProposals, gradTargets)
}

@_cdecl("boxgrad_linear_decode_f32") @implementation
public func boxgrad_linear_decode_f32(
    _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int, _ distances: UnsafePointer<Float>?, _ distancesStride: Int, _ count: Int,
    _ boxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    linearDecode(
        proposals, proposalsStride, distances, distancesStride, count, boxes)
}

@_cdecl("boxgrad_linear_decode_f64") @implementation
public func boxgrad_linear_decode_f64(
    _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int, _ distances: UnsafePointer<Double>?, _ distancesStride: Int, _ count: Int,
    _ boxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    linearDecode(
        proposals, proposalsStride, distances, distancesStride, count, boxes)
}

@_cdecl("boxgrad_linear_decode_grad_f32") @implementation
public func boxgrad_linear_decode_grad_f32(
    _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int, _ distances: UnsafePointer<Float>?, _ distancesStride: Int, _ count: Int,
    _ gradBoxes: UnsafePointer<Float>?, _ gradProposals: UnsafeMutablePointer<Float>?, _ gradDistances: UnsafeMutablePointer<Float>?
) -> Int32 {
    linearDecodeGrad(
        proposals, proposalsStride, distances, distancesStride, count, gradBoxes, gradProposals, gradDistances)
}

@_cdecl("boxgrad_linear_decode_grad_f64") @implementation
public func boxgrad_linear_decode_grad_f64(
    _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int, _ distances: UnsafePointer<Double>?, _ distancesStride: Int, _ count: Int,
    _ gradBoxes: UnsafePointer<Double>?, _ gradProposals: UnsafeMutablePointer<Double>?, _ gradDistances: UnsafeMutablePointer<Double>?
) -> Int32 {
    linearDecodeGrad(
        proposals, proposalsStride, distances, distancesStride, count, gradBoxes, gradProposals, gradDistances)
}

@_cdecl("boxgrad_yolo_decode_f32") @implementation
public func boxgrad_yolo_decode_f32(
    _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int, _ deltas: UnsafePointer<Float>?, _ deltasStride: Int,
    _ cellSizes: UnsafePointer<Float>?, _ count: Int, _ boxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    yoloDecode(
        proposals, proposalsStride, deltas, deltasStride, cellSizes, count, boxes)
}

@_cdecl("boxgrad_yolo_decode_f64") @implementation
public func boxgrad_yolo_decode_f64(
    _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int, _ deltas: UnsafePointer<Double>?, _ deltasStride: Int,
    _ cellSizes: UnsafePointer<Double>?, _ count: Int, _ boxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    yoloDecode(
        proposals, proposalsStride, deltas, deltasStride, cellSizes, count, boxes)
}

@_cdecl("boxgrad_yolo_decode_grad_f32") @implementation
public func boxgrad_yolo_decode_grad_f32(
    _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int, _ deltas: UnsafePointer<Float>?, _ deltasStride: Int,
    _ cellSizes: UnsafePointer<Float>?, _ count: Int, _ gradBoxes: UnsafePointer<Float>?, _ gradProposals: UnsafeMutablePointer<Float>?,
    _ gradDeltas: UnsafeMutablePointer<Float>?
) -> Int32 {
    yoloDecodeGrad(
        proposals, proposalsStride, deltas, deltasStride, cellSizes, count, gradBoxes, gradProposals, gradDeltas)
}

@_cdecl("boxgrad_yolo_decode_grad_f64") @implementation
public func boxgrad_yolo_decode_grad_f64(
    _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int, _ deltas: UnsafePointer<Double>?, _ deltasStride: Int,
    _ cellSizes: UnsafePointer<Double>?, _ count: Int, _ gradBoxes: UnsafePointer<Double>?, _ gradProposals: UnsafeMutablePointer<Double>?,
    _ gradDeltas: UnsafeMutablePointer<Double>?
) -> Int32 {
    yoloDecodeGrad(
        proposals, proposalsStride, deltas, deltasStride, cellSizes, count, gradBoxes, gradProposals, gradDeltas)
}

@_cdecl("boxgrad_distribution_focal_f32") @implementation
public func boxgrad_distribution_focal_f32(
    _ logits: UnsafePointer<Float>?, _ logitsStride: Int, _ target: UnsafePointer<Float>?, _ count: Int, _ bins: Int,
    _ weights: UnsafePointer<Float>?, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?, _ perRow: UnsafeMutablePointer<Float>?,
    _ gradLogits: UnsafeMutablePointer<Float>?, _ gradTarget: UnsafeMutablePointer<Float>?
) -> Int32 {
    distributionFocal(
        logits, logitsStride, target, count, bins, weights, normalizer, loss, perRow, gradLogits, gradTarget)
}

@_cdecl("boxgrad_distribution_focal_f64") @implementation
public func boxgrad_distribution_focal_f64(
    _ logits: UnsafePointer<Double>?, _ logitsStride: Int, _ target: UnsafePointer<Double>?, _ count: Int, _ bins: Int,
    _ weights: UnsafePointer<Double>?, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perRow: UnsafeMutablePointer<Double>?, _ gradLogits: UnsafeMutablePointer<Double>?, _ gradTarget: UnsafeMutablePointer<Double>?
) -> Int32 {
    distributionFocal(
        logits, logitsStride, target, count, bins, weights, normalizer, loss, perRow, gradLogits, gradTarget)
}

@_cdecl("boxgrad_distribution_decode_f32") @implementation
public func boxgrad_distribution_decode_f32(
    _ logits: UnsafePointer<Float>?, _ logitsStride: Int, _ count: Int, _ bins: Int, _ out: UnsafeMutablePointer<Float>?
) -> Int32 {
    distributionDecode(
        logits, logitsStride, count, bins, out)
}

@_cdecl("boxgrad_distribution_decode_f64") @implementation
public func boxgrad_distribution_decode_f64(
    _ logits: UnsafePointer<Double>?, _ logitsStride: Int, _ count: Int, _ bins: Int, _ out: UnsafeMutablePointer<Double>?
) -> Int32 {
    distributionDecode(
        logits, logitsStride, count, bins, out)
}

@_cdecl("boxgrad_distribution_decode_grad_f32") @implementation
public func boxgrad_distribution_decode_grad_f32(
    _ logits: UnsafePointer<Float>?, _ logitsStride: Int, _ count: Int, _ bins: Int, _ gradOut: UnsafePointer<Float>?,
    _ gradLogits: UnsafeMutablePointer<Float>?
) -> Int32 {
    distributionDecodeGrad(
        logits, logitsStride, count, bins, gradOut, gradLogits)
}

@_cdecl("boxgrad_distribution_decode_grad_f64") @implementation
public func boxgrad_distribution_decode_grad_f64(
    _ logits: UnsafePointer<Double>?, _ logitsStride: Int, _ count: Int, _ bins: Int, _ gradOut: UnsafePointer<Double>?,
    _ gradLogits: UnsafeMutablePointer<Double>?
) -> Int32 {
    distributionDecodeGrad(
        logits, logitsStride, count, bins, gradOut, gradLogits)
}

@_cdecl("boxgrad_roi_align_f32") @implementation
public func boxgrad_roi_align_f32(
    _ options: UnsafePointer<boxgrad_roi_options>?, _ features: UnsafePointer<Float>?, _ images: Int, _ channels: Int, _ height: Int,
    _ width: Int, _ boxes: UnsafePointer<Float>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int, _ outHeight: Int,
    _ outWidth: Int, _ out: UnsafeMutablePointer<Float>?
) -> Int32 {
    roiAlign(
        options, features, images, channels, height, width, boxes, boxesStride, indices, count, outHeight, outWidth, out)
}

@_cdecl("boxgrad_roi_align_f64") @implementation
public func boxgrad_roi_align_f64(
    _ options: UnsafePointer<boxgrad_roi_options>?, _ features: UnsafePointer<Double>?, _ images: Int, _ channels: Int, _ height: Int,
    _ width: Int, _ boxes: UnsafePointer<Double>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int, _ outHeight: Int,
    _ outWidth: Int, _ out: UnsafeMutablePointer<Double>?
) -> Int32 {
    roiAlign(
        options, features, images, channels, height, width, boxes, boxesStride, indices, count, outHeight, outWidth, out)
}

@_cdecl("boxgrad_roi_align_grad_f32") @implementation
public func boxgrad_roi_align_grad_f32(
    _ options: UnsafePointer<boxgrad_roi_options>?, _ features: UnsafePointer<Float>?, _ images: Int, _ channels: Int, _ height: Int,
    _ width: Int, _ boxes: UnsafePointer<Float>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int, _ outHeight: Int,
    _ outWidth: Int, _ gradOut: UnsafePointer<Float>?, _ gradFeatures: UnsafeMutablePointer<Float>?,
    _ gradBoxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    roiAlignGrad(
        options, features, images, channels, height, width, boxes, boxesStride, indices, count, outHeight, outWidth, gradOut, gradFeatures,
        gradBoxes)
}

@_cdecl("boxgrad_roi_align_grad_f64") @implementation
public func boxgrad_roi_align_grad_f64(
    _ options: UnsafePointer<boxgrad_roi_options>?, _ features: UnsafePointer<Double>?, _ images: Int, _ channels: Int, _ height: Int,
    _ width: Int, _ boxes: UnsafePointer<Double>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int, _ outHeight: Int,
    _ outWidth: Int, _ gradOut: UnsafePointer<Double>?, _ gradFeatures: UnsafeMutablePointer<Double>?,
    _ gradBoxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    roiAlignGrad(
        options, features, images, channels, height, width, boxes, boxesStride, indices, count, outHeight, outWidth, gradOut, gradFeatures,
        gradBoxes)
}

@_cdecl("boxgrad_roi_pool_precise_f32") @implementation
public func boxgrad_roi_pool_precise_f32(
    _ options: UnsafePointer<boxgrad_roi_options>?, _ features: UnsafePointer<Float>?, _ images: Int, _ channels: Int, _ height: Int,
    _ width: Int, _ boxes: UnsafePointer<Float>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int, _ outHeight: Int,
    _ outWidth: Int, _ out: UnsafeMutablePointer<Float>?
) -> Int32 {
    roiPoolPrecise(
        options, features, images, channels, height, width, boxes, boxesStride, indices, count, outHeight, outWidth, out)
}

@_cdecl("boxgrad_roi_pool_precise_f64") @implementation
public func boxgrad_roi_pool_precise_f64(
    _ options: UnsafePointer<boxgrad_roi_options>?, _ features: UnsafePointer<Double>?, _ images: Int, _ channels: Int, _ height: Int,
    _ width: Int, _ boxes: UnsafePointer<Double>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int, _ outHeight: Int,
    _ outWidth: Int, _ out: UnsafeMutablePointer<Double>?
) -> Int32 {
    roiPoolPrecise(
        options, features, images, channels, height, width, boxes, boxesStride, indices, count, outHeight, outWidth, out)
}

@_cdecl("boxgrad_roi_pool_precise_grad_f32") @implementation
public func boxgrad_roi_pool_precise_grad_f32(
    _ options: UnsafePointer<boxgrad_roi_options>?, _ features: UnsafePointer<Float>?, _ images: Int, _ channels: Int, _ height: Int,
    _ width: Int, _ boxes: UnsafePointer<Float>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int, _ outHeight: Int,
    _ outWidth: Int, _ gradOut: UnsafePointer<Float>?, _ gradFeatures: UnsafeMutablePointer<Float>?,
    _ gradBoxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    roiPoolPreciseGrad(
        options, features, images, channels, height, width, boxes, boxesStride, indices, count, outHeight, outWidth, gradOut, gradFeatures,
        gradBoxes)
}

@_cdecl("boxgrad_roi_pool_precise_grad_f64") @implementation
public func boxgrad_roi_pool_precise_grad_f64(
    _ options: UnsafePointer<boxgrad_roi_options>?, _ features: UnsafePointer<Double>?, _ images: Int, _ channels: Int, _ height: Int,
    _ width: Int, _ boxes: UnsafePointer<Double>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int, _ outHeight: Int,
    _ outWidth: Int, _ gradOut: UnsafePointer<Double>?, _ gradFeatures: UnsafeMutablePointer<Double>?,
    _ gradBoxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    roiPoolPreciseGrad(
        options, features, images, channels, height, width, boxes, boxesStride, indices, count, outHeight, outWidth, gradOut, gradFeatures,
        gradBoxes)
}

@_cdecl("boxgrad_nms_f32") @implementation
public func boxgrad_nms_f32(
    _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<Float>?, _ classes: UnsafePointer<Int64>?,
    _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?,
    _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    nms(
        boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount)
}

@_cdecl("boxgrad_nms_f64") @implementation
public func boxgrad_nms_f64(
    _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<Double>?, _ classes: UnsafePointer<Int64>?,
    _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?,
    _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    nms(
        boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount)
}

@_cdecl("boxgrad_soft_nms_f32") @implementation
public func boxgrad_soft_nms_f32(
    _ decay: Int32, _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<Float>?,
    _ classes: UnsafePointer<Int64>?, _ iouThreshold: Double, _ sigma: Double, _ scoreThreshold: Double, _ maxKeep: Int,
    _ keep: UnsafeMutablePointer<Int>?, _ keepScores: UnsafeMutablePointer<Float>?, _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    softNms(
        decay, boxes, count, stride, scores, classes, iouThreshold, sigma, scoreThreshold, maxKeep, keep, keepScores, keepCount)
}

@_cdecl("boxgrad_soft_nms_f64") @implementation
public func boxgrad_soft_nms_f64(
    _ decay: Int32, _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<Double>?,
    _ classes: UnsafePointer<Int64>?, _ iouThreshold: Double, _ sigma: Double, _ scoreThreshold: Double, _ maxKeep: Int,
    _ keep: UnsafeMutablePointer<Int>?, _ keepScores: UnsafeMutablePointer<Double>?, _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    softNms(
        decay, boxes, count, stride, scores, classes, iouThreshold, sigma, scoreThreshold, maxKeep, keep, keepScores, keepCount)
}

@_cdecl("boxgrad_rotated_nms_f32") @implementation
public func boxgrad_rotated_nms_f32(
    _ angle: Int32, _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<Float>?,
    _ classes: UnsafePointer<Int64>?, _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?,
    _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    rotatedNms(
        angle, boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount)
}

@_cdecl("boxgrad_rotated_nms_f64") @implementation
public func boxgrad_rotated_nms_f64(
    _ angle: Int32, _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<Double>?,
    _ classes: UnsafePointer<Int64>?, _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?,
    _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    rotatedNms(
        angle, boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount)
}

@_cdecl("boxgrad_rotated_soft_nms_f32") @implementation
public func boxgrad_rotated_soft_nms_f32(
    _ decay: Int32, _ angle: Int32, _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<Float>?,
    _ classes: UnsafePointer<Int64>?, _ iouThreshold: Double, _ sigma: Double, _ scoreThreshold: Double, _ maxKeep: Int,
    _ keep: UnsafeMutablePointer<Int>?, _ keepScores: UnsafeMutablePointer<Float>?, _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    rotatedSoftNms(
        decay, angle, boxes, count, stride, scores, classes, iouThreshold, sigma, scoreThreshold, maxKeep, keep, keepScores, keepCount)
}

@_cdecl("boxgrad_rotated_soft_nms_f64") @implementation
public func boxgrad_rotated_soft_nms_f64(
    _ decay: Int32, _ angle: Int32, _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<Double>?,
    _ classes: UnsafePointer<Int64>?, _ iouThreshold: Double, _ sigma: Double, _ scoreThreshold: Double, _ maxKeep: Int,
    _ keep: UnsafeMutablePointer<Int>?, _ keepScores: UnsafeMutablePointer<Double>?, _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    rotatedSoftNms(
        decay, angle, boxes, count, stride, scores, classes, iouThreshold, sigma, scoreThreshold, maxKeep, keep, keepScores, keepCount)
}

@_cdecl("boxgrad_match_f32") @implementation
public func boxgrad_match_f32(
    _ metric: Int32, _ proposals: UnsafePointer<Float>?, _ proposalsCount: Int, _ proposalsStride: Int, _ truths: UnsafePointer<Float>?,
    _ truthsCount: Int, _ truthsStride: Int, _ eps: Double, _ lowThreshold: Double, _ highThreshold: Double, _ lowQuality: Int32,
    _ matches: UnsafeMutablePointer<Int64>?, _ overlaps: UnsafeMutablePointer<Float>?
) -> Int32 {
    match(
        metric, proposals, proposalsCount, proposalsStride, truths, truthsCount, truthsStride, eps, lowThreshold, highThreshold,
        lowQuality, matches, overlaps)
}

@_cdecl("boxgrad_match_f64") @implementation
public func boxgrad_match_f64(
    _ metric: Int32, _ proposals: UnsafePointer<Double>?, _ proposalsCount: Int, _ proposalsStride: Int, _ truths: UnsafePointer<Double>?,
    _ truthsCount: Int, _ truthsStride: Int, _ eps: Double, _ lowThreshold: Double, _ highThreshold: Double, _ lowQuality: Int32,
    _ matches: UnsafeMutablePointer<Int64>?, _ overlaps: UnsafeMutablePointer<Double>?
) -> Int32 {
    match(
        metric, proposals, proposalsCount, proposalsStride, truths, truthsCount, truthsStride, eps, lowThreshold, highThreshold,
        lowQuality, matches, overlaps)
}

@_cdecl("boxgrad_rotated_match_f32") @implementation
public func boxgrad_rotated_match_f32(
    _ metric: Int32, _ angle: Int32, _ proposals: UnsafePointer<Float>?, _ proposalsCount: Int, _ proposalsStride: Int,
    _ truths: UnsafePointer<Float>?, _ truthsCount: Int, _ truthsStride: Int, _ lowThreshold: Double, _ highThreshold: Double,
    _ lowQuality: Int32, _ matches: UnsafeMutablePointer<Int64>?, _ overlaps: UnsafeMutablePointer<Float>?
) -> Int32 {
    rotatedMatch(
        metric, angle, proposals, proposalsCount, proposalsStride, truths, truthsCount, truthsStride, lowThreshold, highThreshold,
        lowQuality, matches, overlaps)
}

@_cdecl("boxgrad_rotated_match_f64") @implementation
public func boxgrad_rotated_match_f64(
    _ metric: Int32, _ angle: Int32, _ proposals: UnsafePointer<Double>?, _ proposalsCount: Int, _ proposalsStride: Int,
    _ truths: UnsafePointer<Double>?, _ truthsCount: Int, _ truthsStride: Int, _ lowThreshold: Double, _ highThreshold: Double,
    _ lowQuality: Int32, _ matches: UnsafeMutablePointer<Int64>?, _ overlaps: UnsafeMutablePointer<Double>?
) -> Int32 {
    rotatedMatch(
        metric, angle, proposals, proposalsCount, proposalsStride, truths, truthsCount, truthsStride, lowThreshold, highThreshold,
        lowQuality, matches, overlaps)
}

@_cdecl("boxgrad_match_ignore_f32") @implementation
public func boxgrad_match_ignore_f32(
    _ share: Int32, _ proposals: UnsafePointer<Float>?, _ proposalsCount: Int, _ proposalsStride: Int, _ ignored: UnsafePointer<Float>?,
    _ ignoredCount: Int, _ ignoredStride: Int, _ threshold: Double, _ which: Int32, _ matches: UnsafePointer<Int64>?,
    _ out: UnsafeMutablePointer<Int64>?
) -> Int32 {
    matchIgnore(
        share, proposals, proposalsCount, proposalsStride, ignored, ignoredCount, ignoredStride, threshold, which, matches, out)
}

@_cdecl("boxgrad_match_ignore_f64") @implementation
public func boxgrad_match_ignore_f64(
    _ share: Int32, _ proposals: UnsafePointer<Double>?, _ proposalsCount: Int, _ proposalsStride: Int, _ ignored: UnsafePointer<Double>?,
    _ ignoredCount: Int, _ ignoredStride: Int, _ threshold: Double, _ which: Int32, _ matches: UnsafePointer<Int64>?,
    _ out: UnsafeMutablePointer<Int64>?
) -> Int32 {
    matchIgnore(
        share, proposals, proposalsCount, proposalsStride, ignored, ignoredCount, ignoredStride, threshold, which, matches, out)
}
