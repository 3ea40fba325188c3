// Written by tools/interface.py from include/boxgrad_cuda.h.

import CBoxgrad
import CBoxgradCUDA

@_cdecl("boxgrad_cuda_box_area_f32") @implementation
public func boxgrad_cuda_box_area_f32(
    _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ out: UnsafeMutablePointer<Float>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaBoxArea(
        boxes, count, stride, out, stream)
}

@_cdecl("boxgrad_cuda_box_area_f64") @implementation
public func boxgrad_cuda_box_area_f64(
    _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ out: UnsafeMutablePointer<Double>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaBoxArea(
        boxes, count, stride, out, stream)
}

@_cdecl("boxgrad_cuda_box_area_grad_f32") @implementation
public func boxgrad_cuda_box_area_grad_f32(
    _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<Float>?,
    _ gradBoxes: UnsafeMutablePointer<Float>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaBoxAreaGrad(
        boxes, count, stride, gradOut, gradBoxes, stream)
}

@_cdecl("boxgrad_cuda_box_area_grad_f64") @implementation
public func boxgrad_cuda_box_area_grad_f64(
    _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<Double>?,
    _ gradBoxes: UnsafeMutablePointer<Double>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaBoxAreaGrad(
        boxes, count, stride, gradOut, gradBoxes, stream)
}

@_cdecl("boxgrad_cuda_box_convert_f32") @implementation
public func boxgrad_cuda_box_convert_f32(
    _ from: Int32, _ to: Int32, _ `in`: UnsafePointer<Float>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<Float>?,
    _ outStride: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaBoxConvert(
        from, to, `in`, count, inStride, out, outStride, stream)
}

@_cdecl("boxgrad_cuda_box_convert_f64") @implementation
public func boxgrad_cuda_box_convert_f64(
    _ from: Int32, _ to: Int32, _ `in`: UnsafePointer<Double>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<Double>?,
    _ outStride: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaBoxConvert(
        from, to, `in`, count, inStride, out, outStride, stream)
}

@_cdecl("boxgrad_cuda_box_convert_grad_f32") @implementation
public func boxgrad_cuda_box_convert_grad_f32(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<Float>?, _ gradIn: UnsafeMutablePointer<Float>?,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaBoxConvertGrad(
        from, to, count, gradOut, gradIn, stream)
}

@_cdecl("boxgrad_cuda_box_convert_grad_f64") @implementation
public func boxgrad_cuda_box_convert_grad_f64(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<Double>?, _ gradIn: UnsafeMutablePointer<Double>?,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaBoxConvertGrad(
        from, to, count, gradOut, gradIn, stream)
}

@_cdecl("boxgrad_cuda_box_clip_f32") @implementation
public func boxgrad_cuda_box_clip_f32(
    _ `in`: UnsafePointer<Float>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double, _ out: UnsafeMutablePointer<Float>?,
    _ outStride: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaBoxClip(
        `in`, count, inStride, width, height, out, outStride, stream)
}

@_cdecl("boxgrad_cuda_box_clip_f64") @implementation
public func boxgrad_cuda_box_clip_f64(
    _ `in`: UnsafePointer<Double>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double, _ out: UnsafeMutablePointer<Double>?,
    _ outStride: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaBoxClip(
        `in`, count, inStride, width, height, out, outStride, stream)
}

@_cdecl("boxgrad_cuda_box_clip_grad_f32") @implementation
public func boxgrad_cuda_box_clip_grad_f32(
    _ `in`: UnsafePointer<Float>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double, _ gradOut: UnsafePointer<Float>?,
    _ gradIn: UnsafeMutablePointer<Float>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaBoxClipGrad(
        `in`, count, inStride, width, height, gradOut, gradIn, stream)
}

@_cdecl("boxgrad_cuda_box_clip_grad_f64") @implementation
public func boxgrad_cuda_box_clip_grad_f64(
    _ `in`: UnsafePointer<Double>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double, _ gradOut: UnsafePointer<Double>?,
    _ gradIn: UnsafeMutablePointer<Double>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaBoxClipGrad(
        `in`, count, inStride, width, height, gradOut, gradIn, stream)
}

@_cdecl("boxgrad_cuda_clip_f32") @implementation
public func boxgrad_cuda_clip_f32(
    _ x: UnsafePointer<Float>?, _ count: Int, _ lo: Double, _ hi: Double, _ out: UnsafeMutablePointer<Float>?,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaClip(
        x, count, lo, hi, out, stream)
}

@_cdecl("boxgrad_cuda_clip_f64") @implementation
public func boxgrad_cuda_clip_f64(
    _ x: UnsafePointer<Double>?, _ count: Int, _ lo: Double, _ hi: Double, _ out: UnsafeMutablePointer<Double>?,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaClip(
        x, count, lo, hi, out, stream)
}

@_cdecl("boxgrad_cuda_clip_grad_f32") @implementation
public func boxgrad_cuda_clip_grad_f32(
    _ x: UnsafePointer<Float>?, _ count: Int, _ lo: Double, _ hi: Double, _ gradOut: UnsafePointer<Float>?, _ mode: Int32,
    _ gradIn: UnsafeMutablePointer<Float>?, _ blocked: UnsafeMutablePointer<Int>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaClipGrad(
        x, count, lo, hi, gradOut, mode, gradIn, blocked, stream)
}

@_cdecl("boxgrad_cuda_clip_grad_f64") @implementation
public func boxgrad_cuda_clip_grad_f64(
    _ x: UnsafePointer<Double>?, _ count: Int, _ lo: Double, _ hi: Double, _ gradOut: UnsafePointer<Double>?, _ mode: Int32,
    _ gradIn: UnsafeMutablePointer<Double>?, _ blocked: UnsafeMutablePointer<Int>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaClipGrad(
        x, count, lo, hi, gradOut, mode, gradIn, blocked, stream)
}

@_cdecl("boxgrad_cuda_iou_pairwise_f32") @implementation
public func boxgrad_cuda_iou_pairwise_f32(
    _ metric: Int32, _ a: UnsafePointer<Float>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bCount: Int, _ bStride: Int,
    _ eps: Double, _ out: UnsafeMutablePointer<Float>?, _ outStride: Int, _ outUnion: UnsafeMutablePointer<Float>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaIouPairwise(
        metric, a, aCount, aStride, b, bCount, bStride, eps, out, outStride, outUnion, scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_iou_pairwise_f64") @implementation
public func boxgrad_cuda_iou_pairwise_f64(
    _ metric: Int32, _ a: UnsafePointer<Double>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Double>?, _ bCount: Int,
    _ bStride: Int, _ eps: Double, _ out: UnsafeMutablePointer<Double>?, _ outStride: Int, _ outUnion: UnsafeMutablePointer<Double>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaIouPairwise(
        metric, a, aCount, aStride, b, bCount, bStride, eps, out, outStride, outUnion, scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_iou_pairwise_grad_f32") @implementation
public func boxgrad_cuda_iou_pairwise_grad_f32(
    _ metric: Int32, _ a: UnsafePointer<Float>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bCount: Int, _ bStride: Int,
    _ eps: Double, _ gradOut: UnsafePointer<Float>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<Float>?,
    _ gradB: UnsafeMutablePointer<Float>?, _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaIouPairwiseGrad(
        metric, a, aCount, aStride, b, bCount, bStride, eps, gradOut, gradOutStride, gradA, gradB, scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_iou_pairwise_grad_f64") @implementation
public func boxgrad_cuda_iou_pairwise_grad_f64(
    _ metric: Int32, _ a: UnsafePointer<Double>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Double>?, _ bCount: Int,
    _ bStride: Int, _ eps: Double, _ gradOut: UnsafePointer<Double>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<Double>?,
    _ gradB: UnsafeMutablePointer<Double>?, _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaIouPairwiseGrad(
        metric, a, aCount, aStride, b, bCount, bStride, eps, gradOut, gradOutStride, gradA, gradB, scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_iou_aligned_f32") @implementation
public func boxgrad_cuda_iou_aligned_f32(
    _ metric: Int32, _ a: UnsafePointer<Float>?, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bStride: Int, _ count: Int, _ eps: Double,
    _ out: UnsafeMutablePointer<Float>?, _ gradA: UnsafeMutablePointer<Float>?, _ gradB: UnsafeMutablePointer<Float>?,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaIouAligned(
        metric, a, aStride, b, bStride, count, eps, out, gradA, gradB, stream)
}

@_cdecl("boxgrad_cuda_iou_aligned_f64") @implementation
public func boxgrad_cuda_iou_aligned_f64(
    _ metric: Int32, _ a: UnsafePointer<Double>?, _ aStride: Int, _ b: UnsafePointer<Double>?, _ bStride: Int, _ count: Int, _ eps: Double,
    _ out: UnsafeMutablePointer<Double>?, _ gradA: UnsafeMutablePointer<Double>?, _ gradB: UnsafeMutablePointer<Double>?,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaIouAligned(
        metric, a, aStride, b, bStride, count, eps, out, gradA, gradB, stream)
}

@_cdecl("boxgrad_cuda_iou_loss_f32") @implementation
public func boxgrad_cuda_iou_loss_f32(
    _ metric: Int32, _ pred: UnsafePointer<Float>?, _ predStride: Int, _ target: UnsafePointer<Float>?, _ targetStride: Int, _ count: Int,
    _ weights: UnsafePointer<Float>?, _ eps: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<Float>?, _ gradPred: UnsafeMutablePointer<Float>?, _ gradTarget: UnsafeMutablePointer<Float>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaIouLoss(
        metric, pred, predStride, target, targetStride, count, weights, eps, normalizer, loss, perBox, gradPred, gradTarget, scratch,
        scratchSize, stream)
}

@_cdecl("boxgrad_cuda_iou_loss_f64") @implementation
public func boxgrad_cuda_iou_loss_f64(
    _ metric: Int32, _ pred: UnsafePointer<Double>?, _ predStride: Int, _ target: UnsafePointer<Double>?, _ targetStride: Int,
    _ count: Int, _ weights: UnsafePointer<Double>?, _ eps: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<Double>?, _ gradPred: UnsafeMutablePointer<Double>?, _ gradTarget: UnsafeMutablePointer<Double>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaIouLoss(
        metric, pred, predStride, target, targetStride, count, weights, eps, normalizer, loss, perBox, gradPred, gradTarget, scratch,
        scratchSize, stream)
}

@_cdecl("boxgrad_cuda_rotated_convert_f32") @implementation
public func boxgrad_cuda_rotated_convert_f32(
    _ from: Int32, _ to: Int32, _ `in`: UnsafePointer<Float>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<Float>?,
    _ outStride: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedConvert(
        from, to, `in`, count, inStride, out, outStride, stream)
}

@_cdecl("boxgrad_cuda_rotated_convert_f64") @implementation
public func boxgrad_cuda_rotated_convert_f64(
    _ from: Int32, _ to: Int32, _ `in`: UnsafePointer<Double>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<Double>?,
    _ outStride: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedConvert(
        from, to, `in`, count, inStride, out, outStride, stream)
}

@_cdecl("boxgrad_cuda_rotated_convert_grad_f32") @implementation
public func boxgrad_cuda_rotated_convert_grad_f32(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<Float>?, _ gradIn: UnsafeMutablePointer<Float>?,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedConvertGrad(
        from, to, count, gradOut, gradIn, stream)
}

@_cdecl("boxgrad_cuda_rotated_convert_grad_f64") @implementation
public func boxgrad_cuda_rotated_convert_grad_f64(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<Double>?, _ gradIn: UnsafeMutablePointer<Double>?,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedConvertGrad(
        from, to, count, gradOut, gradIn, stream)
}

@_cdecl("boxgrad_cuda_rotated_corners_f32") @implementation
public func boxgrad_cuda_rotated_corners_f32(
    _ angle: Int32, _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ corners: UnsafeMutablePointer<Float>?,
    _ bounds: UnsafeMutablePointer<Float>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedCorners(
        angle, boxes, count, stride, corners, bounds, stream)
}

@_cdecl("boxgrad_cuda_rotated_corners_f64") @implementation
public func boxgrad_cuda_rotated_corners_f64(
    _ angle: Int32, _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ corners: UnsafeMutablePointer<Double>?,
    _ bounds: UnsafeMutablePointer<Double>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedCorners(
        angle, boxes, count, stride, corners, bounds, stream)
}

@_cdecl("boxgrad_cuda_rotated_corners_grad_f32") @implementation
public func boxgrad_cuda_rotated_corners_grad_f32(
    _ angle: Int32, _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ gradCorners: UnsafePointer<Float>?,
    _ gradBounds: UnsafePointer<Float>?, _ gradBoxes: UnsafeMutablePointer<Float>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedCornersGrad(
        angle, boxes, count, stride, gradCorners, gradBounds, gradBoxes, stream)
}

@_cdecl("boxgrad_cuda_rotated_corners_grad_f64") @implementation
public func boxgrad_cuda_rotated_corners_grad_f64(
    _ angle: Int32, _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ gradCorners: UnsafePointer<Double>?,
    _ gradBounds: UnsafePointer<Double>?, _ gradBoxes: UnsafeMutablePointer<Double>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedCornersGrad(
        angle, boxes, count, stride, gradCorners, gradBounds, gradBoxes, stream)
}

@_cdecl("boxgrad_cuda_rotated_from_corners_f32") @implementation
public func boxgrad_cuda_rotated_from_corners_f32(
    _ angle: Int32, _ corners: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ boxes: UnsafeMutablePointer<Float>?,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedFromCorners(
        angle, corners, count, stride, boxes, stream)
}

@_cdecl("boxgrad_cuda_rotated_from_corners_f64") @implementation
public func boxgrad_cuda_rotated_from_corners_f64(
    _ angle: Int32, _ corners: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ boxes: UnsafeMutablePointer<Double>?,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedFromCorners(
        angle, corners, count, stride, boxes, stream)
}

@_cdecl("boxgrad_cuda_rotated_from_corners_grad_f32") @implementation
public func boxgrad_cuda_rotated_from_corners_grad_f32(
    _ angle: Int32, _ corners: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ gradBoxes: UnsafePointer<Float>?,
    _ gradCorners: UnsafeMutablePointer<Float>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedFromCornersGrad(
        angle, corners, count, stride, gradBoxes, gradCorners, stream)
}

@_cdecl("boxgrad_cuda_rotated_from_corners_grad_f64") @implementation
public func boxgrad_cuda_rotated_from_corners_grad_f64(
    _ angle: Int32, _ corners: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ gradBoxes: UnsafePointer<Double>?,
    _ gradCorners: UnsafeMutablePointer<Double>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedFromCornersGrad(
        angle, corners, count, stride, gradBoxes, gradCorners, stream)
}

@_cdecl("boxgrad_cuda_rotated_iou_pairwise_f32") @implementation
public func boxgrad_cuda_rotated_iou_pairwise_f32(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<Float>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bCount: Int,
    _ bStride: Int, _ out: UnsafeMutablePointer<Float>?, _ outStride: Int, _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedIouPairwise(
        metric, angle, a, aCount, aStride, b, bCount, bStride, out, outStride, scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_rotated_iou_pairwise_f64") @implementation
public func boxgrad_cuda_rotated_iou_pairwise_f64(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<Double>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Double>?,
    _ bCount: Int, _ bStride: Int, _ out: UnsafeMutablePointer<Double>?, _ outStride: Int, _ scratch: UnsafeMutableRawPointer?,
    _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedIouPairwise(
        metric, angle, a, aCount, aStride, b, bCount, bStride, out, outStride, scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_rotated_iou_pairwise_grad_f32") @implementation
public func boxgrad_cuda_rotated_iou_pairwise_grad_f32(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<Float>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bCount: Int,
    _ bStride: Int, _ gradOut: UnsafePointer<Float>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<Float>?,
    _ gradB: UnsafeMutablePointer<Float>?, _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedIouPairwiseGrad(
        metric, angle, a, aCount, aStride, b, bCount, bStride, gradOut, gradOutStride, gradA, gradB, scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_rotated_iou_pairwise_grad_f64") @implementation
public func boxgrad_cuda_rotated_iou_pairwise_grad_f64(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<Double>?, _ aCount: Int, _ aStride: Int, _ b: UnsafePointer<Double>?,
    _ bCount: Int, _ bStride: Int, _ gradOut: UnsafePointer<Double>?, _ gradOutStride: Int, _ gradA: UnsafeMutablePointer<Double>?,
    _ gradB: UnsafeMutablePointer<Double>?, _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedIouPairwiseGrad(
        metric, angle, a, aCount, aStride, b, bCount, bStride, gradOut, gradOutStride, gradA, gradB, scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_rotated_iou_aligned_f32") @implementation
public func boxgrad_cuda_rotated_iou_aligned_f32(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<Float>?, _ aStride: Int, _ b: UnsafePointer<Float>?, _ bStride: Int, _ count: Int,
    _ out: UnsafeMutablePointer<Float>?, _ gradA: UnsafeMutablePointer<Float>?, _ gradB: UnsafeMutablePointer<Float>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedIouAligned(
        metric, angle, a, aStride, b, bStride, count, out, gradA, gradB, scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_rotated_iou_aligned_f64") @implementation
public func boxgrad_cuda_rotated_iou_aligned_f64(
    _ metric: Int32, _ angle: Int32, _ a: UnsafePointer<Double>?, _ aStride: Int, _ b: UnsafePointer<Double>?, _ bStride: Int,
    _ count: Int, _ out: UnsafeMutablePointer<Double>?, _ gradA: UnsafeMutablePointer<Double>?, _ gradB: UnsafeMutablePointer<Double>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedIouAligned(
        metric, angle, a, aStride, b, bStride, count, out, gradA, gradB, scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_rotated_iou_loss_f32") @implementation
public func boxgrad_cuda_rotated_iou_loss_f32(
    _ kind: Int32, _ angle: Int32, _ pred: UnsafePointer<Float>?, _ predStride: Int, _ target: UnsafePointer<Float>?, _ targetStride: Int,
    _ count: Int, _ weights: UnsafePointer<Float>?, _ leastIou: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ perBox: UnsafeMutablePointer<Float>?, _ gradPred: UnsafeMutablePointer<Float>?, _ gradTarget: UnsafeMutablePointer<Float>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedIouLoss(
        kind, angle, pred, predStride, target, targetStride, count, weights, leastIou, normalizer, loss, perBox, gradPred, gradTarget,
        scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_rotated_iou_loss_f64") @implementation
public func boxgrad_cuda_rotated_iou_loss_f64(
    _ kind: Int32, _ angle: Int32, _ pred: UnsafePointer<Double>?, _ predStride: Int, _ target: UnsafePointer<Double>?,
    _ targetStride: Int, _ count: Int, _ weights: UnsafePointer<Double>?, _ leastIou: Double, _ normalizer: Double,
    _ loss: UnsafeMutablePointer<Double>?, _ perBox: UnsafeMutablePointer<Double>?, _ gradPred: UnsafeMutablePointer<Double>?,
    _ gradTarget: UnsafeMutablePointer<Double>?, _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaRotatedIouLoss(
        kind, angle, pred, predStride, target, targetStride, count, weights, leastIou, normalizer, loss, perBox, gradPred, gradTarget,
        scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_smooth_l1_f32") @implementation
public func boxgrad_cuda_smooth_l1_f32(
    _ pred: UnsafePointer<Float>?, _ target: UnsafePointer<Float>?, _ insideWeights: UnsafePointer<Float>?,
    _ outsideWeights: UnsafePointer<Float>?, _ count: Int, _ sigma: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ elementwise: UnsafeMutablePointer<Float>?, _ gradPred: UnsafeMutablePointer<Float>?, _ gradTarget: UnsafeMutablePointer<Float>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaSmoothL1(
        pred, target, insideWeights, outsideWeights, count, sigma, normalizer, loss, elementwise, gradPred, gradTarget, scratch,
        scratchSize, stream)
}

@_cdecl("boxgrad_cuda_smooth_l1_f64") @implementation
public func boxgrad_cuda_smooth_l1_f64(
    _ pred: UnsafePointer<Double>?, _ target: UnsafePointer<Double>?, _ insideWeights: UnsafePointer<Double>?,
    _ outsideWeights: UnsafePointer<Double>?, _ count: Int, _ sigma: Double, _ normalizer: Double, _ loss: UnsafeMutablePointer<Double>?,
    _ elementwise: UnsafeMutablePointer<Double>?, _ gradPred: UnsafeMutablePointer<Double>?, _ gradTarget: UnsafeMutablePointer<Double>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaSmoothL1(
        pred, target, insideWeights, outsideWeights, count, sigma, normalizer, loss, elementwise, gradPred, gradTarget, scratch,
        scratchSize, stream)
}

@_cdecl("boxgrad_cuda_delta_encode_f32") @implementation
public func boxgrad_cuda_delta_encode_f32(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Float>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<Float>?,
    _ degenerate: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaDeltaEncode(
        options, proposals, proposalsStride, targets, targetsStride, count, deltas, degenerate, degenerateCount, stream)
}

@_cdecl("boxgrad_cuda_delta_encode_f64") @implementation
public func boxgrad_cuda_delta_encode_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Double>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<Double>?,
    _ degenerate: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaDeltaEncode(
        options, proposals, proposalsStride, targets, targetsStride, count, deltas, degenerate, degenerateCount, stream)
}

@_cdecl("boxgrad_cuda_delta_encode_grad_f32") @implementation
public func boxgrad_cuda_delta_encode_grad_f32(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Float>?, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<Float>?,
    _ gradProposals: UnsafeMutablePointer<Float>?, _ gradTargets: UnsafeMutablePointer<Float>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaDeltaEncodeGrad(
        options, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals, gradTargets, stream)
}

@_cdecl("boxgrad_cuda_delta_encode_grad_f64") @implementation
public func boxgrad_cuda_delta_encode_grad_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Double>?, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<Double>?,
    _ gradProposals: UnsafeMutablePointer<Double>?, _ gradTargets: UnsafeMutablePointer<Double>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaDeltaEncodeGrad(
        options, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals, gradTargets, stream)
}

@_cdecl("boxgrad_cuda_delta_decode_f32") @implementation
public func boxgrad_cuda_delta_decode_f32(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Float>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ boxes: UnsafeMutablePointer<Float>?,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaDeltaDecode(
        options, proposals, proposalsStride, deltas, deltasStride, count, groups, boxes, stream)
}

@_cdecl("boxgrad_cuda_delta_decode_f64") @implementation
public func boxgrad_cuda_delta_decode_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Double>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ boxes: UnsafeMutablePointer<Double>?,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaDeltaDecode(
        options, proposals, proposalsStride, deltas, deltasStride, count, groups, boxes, stream)
}

@_cdecl("boxgrad_cuda_delta_decode_grad_f32") @implementation
public func boxgrad_cuda_delta_decode_grad_f32(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Float>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ gradBoxes: UnsafePointer<Float>?,
    _ gradProposals: UnsafeMutablePointer<Float>?, _ gradDeltas: UnsafeMutablePointer<Float>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaDeltaDecodeGrad(
        options, proposals, proposalsStride, deltas, deltasStride, count, groups, gradBoxes, gradProposals, gradDeltas, stream)
}

@_cdecl("boxgrad_cuda_delta_decode_grad_f64") @implementation
public func boxgrad_cuda_delta_decode_grad_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Double>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ gradBoxes: UnsafePointer<Double>?,
    _ gradProposals: UnsafeMutablePointer<Double>?, _ gradDeltas: UnsafeMutablePointer<Double>?, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaDeltaDecodeGrad(
        options, proposals, proposalsStride, deltas, deltasStride, count, groups, gradBoxes, gradProposals, gradDeltas, stream)
}

@_cdecl("boxgrad_cuda_nms_f32") @implementation
public func boxgrad_cuda_nms_f32(
    _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<Float>?, _ classes: UnsafePointer<Int64>?,
    _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?,
    _ keepCount: UnsafeMutablePointer<Int>?, _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaNms(
        boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount, scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_nms_f64") @implementation
public func boxgrad_cuda_nms_f64(
    _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<Double>?, _ classes: UnsafePointer<Int64>?,
    _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?,
    _ keepCount: UnsafeMutablePointer<Int>?, _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaNms(
        boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount, scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_match_f32") @implementation
public func boxgrad_cuda_match_f32(
    _ metric: Int32, _ proposals: UnsafePointer<Float>?, _ proposalsCount: Int, _ proposalsStride: Int, _ truths: UnsafePointer<Float>?,
    _ truthsCount: Int, _ truthsStride: Int, _ eps: Double, _ lowThreshold: Double, _ highThreshold: Double, _ lowQuality: Int32,
    _ matches: UnsafeMutablePointer<Int64>?, _ overlaps: UnsafeMutablePointer<Float>?, _ scratch: UnsafeMutableRawPointer?,
    _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaMatch(
        metric, proposals, proposalsCount, proposalsStride, truths, truthsCount, truthsStride, eps, lowThreshold, highThreshold,
        lowQuality, matches, overlaps, scratch, scratchSize, stream)
}

@_cdecl("boxgrad_cuda_match_f64") @implementation
public func boxgrad_cuda_match_f64(
    _ metric: Int32, _ proposals: UnsafePointer<Double>?, _ proposalsCount: Int, _ proposalsStride: Int, _ truths: UnsafePointer<Double>?,
    _ truthsCount: Int, _ truthsStride: Int, _ eps: Double, _ lowThreshold: Double, _ highThreshold: Double, _ lowQuality: Int32,
    _ matches: UnsafeMutablePointer<Int64>?, _ overlaps: UnsafeMutablePointer<Double>?, _ scratch: UnsafeMutableRawPointer?,
    _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    cudaMatch(
        metric, proposals, proposalsCount, proposalsStride, truths, truthsCount, truthsStride, eps, lowThreshold, highThreshold,
        lowQuality, matches, overlaps, scratch, scratchSize, stream)
}
