// This tier's kernels behind C function pointers: a call, and the rows to work on. Written by tools/interface.py from Sources/Kernels.

import CBoxgrad
import CShims

// A closure that is a C function lacks the tier's attributes: what is inlined into it may call helpers instead of inlining them in turn.
// A kernel is therefore never inlined. It is then also a symbol with the kernel's own name, by which tests and profilers find it.

@inline(__always)
private func rows(_ begin: Int, _ end: Int) -> Range<Int> { Range(uncheckedBounds: (begin, end)) }

private func table(_ name: StaticString) -> bgi_kernels {
    bgi_kernels(
        name: UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self),
        f32: .init(
            box_loss: { boxLoss(BoxLoss<Float>.at($0), rows($1, $2)) },
            box_area: { boxArea(BoxArea<Float>.at($0), rows($1, $2)) },
            box_area_grad: { boxAreaGrad(BoxAreaGrad<Float>.at($0), rows($1, $2)) },
            box_convert: { boxConvert(BoxConvert<Float>.at($0), rows($1, $2)) },
            box_clip: { boxClip(BoxClip<Float>.at($0), rows($1, $2)) },
            box_clip_grad: { boxClipGrad(BoxClipGrad<Float>.at($0), rows($1, $2)) },
            clip: { clip(Clip<Float>.at($0), rows($1, $2)) },
            clip_grad: { clipGrad(ClipGrad<Float>.at($0), rows($1, $2)) },
            delta_decode: { deltaDecode(DeltaDecode<Float>.at($0), rows($1, $2)) },
            delta_decode_grad: { deltaDecodeGrad(DeltaDecodeGrad<Float>.at($0), rows($1, $2)) },
            delta_degenerate: { deltaDegenerate(DeltaDegenerate<Float>.at($0), rows($1, $2)) },
            delta_encode: { deltaEncode(DeltaEncode<Float>.at($0), rows($1, $2)) },
            delta_encode_grad: { deltaEncodeGrad(DeltaEncodeGrad<Float>.at($0), rows($1, $2)) },
            ltrb_encode: { ltrbEncode(LTRBEncode<Float>.at($0), rows($1, $2)) },
            ltrb_encode_grad: { ltrbEncodeGrad(LTRBEncodeGrad<Float>.at($0), rows($1, $2)) },
            ltrb_decode: { ltrbDecode(LTRBDecode<Float>.at($0), rows($1, $2)) },
            ltrb_decode_grad: { ltrbDecodeGrad(LTRBDecodeGrad<Float>.at($0), rows($1, $2)) },
            linear_encode: { linearEncode(LinearEncode<Float>.at($0), rows($1, $2)) },
            linear_encode_grad: { linearEncodeGrad(LinearEncodeGrad<Float>.at($0), rows($1, $2)) },
            linear_decode: { linearDecode(LinearDecode<Float>.at($0), rows($1, $2)) },
            linear_decode_grad: { linearDecodeGrad(LinearDecodeGrad<Float>.at($0), rows($1, $2)) },
            distribution_focal: { distributionFocal(DistributionFocal<Float>.at($0), rows($1, $2)) },
            distribution_decode: { distributionDecode(DistributionDecode<Float>.at($0), rows($1, $2)) },
            distribution_decode_grad: { distributionDecodeGrad(DistributionDecodeGrad<Float>.at($0), rows($1, $2)) },
            match: { match(Match<Float>.at($0), rows($1, $2)) },
            rotated_match: { rotatedMatch(RotatedMatch<Float>.at($0), rows($1, $2)) },
            match_low_quality: { matchLowQuality(Match<Float>.at($0), rows($1, $2)) },
            rotated_match_low_quality: { rotatedMatchLowQuality(RotatedMatch<Float>.at($0), rows($1, $2)) },
            match_ignore: { matchIgnore(MatchIgnore<Float>.at($0), rows($1, $2)) },
            iou_aligned: { iouAligned(IoUAligned<Float>.at($0), rows($1, $2)) },
            iou_loss: { iouLoss(IoULoss<Float>.at($0), rows($1, $2)) },
            iou_pairwise: { iouPairwise(IoUPairwise<Float>.at($0), rows($1, $2)) },
            iou_pairwise_grad: { iouPairwiseGrad(IoUPairwiseGrad<Float>.at($0), rows($1, $2)) },
            roi_forward: { roiForward(RoIPool<Float>.at($0), rows($1, $2)) },
            roi_features_grad: { roiFeaturesGrad(RoIPool<Float>.at($0), rows($1, $2)) },
            roi_boxes_grad: { roiBoxesGrad(RoIPool<Float>.at($0), rows($1, $2)) },
            rotated_iou_aligned: { rotatedIouAligned(RotatedIoUAligned<Float>.at($0), rows($1, $2)) },
            rotated_iou_loss: { rotatedIouLoss(RotatedIoULoss<Float>.at($0), rows($1, $2)) },
            rotated_gaussian_loss: { rotatedGaussianLoss(RotatedGaussianLoss<Float>.at($0), rows($1, $2)) },
            rotated_iou_pairwise: { rotatedIouPairwise(RotatedIoUPairwise<Float>.at($0), rows($1, $2)) },
            rotated_iou_pairwise_grad: { rotatedIouPairwiseGrad(RotatedIoUPairwiseGrad<Float>.at($0), rows($1, $2)) },
            smooth_l1: { smoothL1(SmoothL1<Float>.at($0), rows($1, $2)) },
            balanced_l1: { balancedL1(BalancedL1<Float>.at($0), rows($1, $2)) },
            nms: { nms(NMS<Float>.at($0), rows($1, $2)) },
            rotated_nms: { rotatedNMS(RotatedNMS<Float>.at($0), rows($1, $2)) },
            soft_nms: { softNMS(SoftNMS<Float>.at($0), rows($1, $2)) },
            rotated_soft_nms: { rotatedSoftNMS(RotatedSoftNMS<Float>.at($0), rows($1, $2)) },
            yolo_decode: { yoloDecode(YOLODecode<Float>.at($0), rows($1, $2)) },
            yolo_decode_grad: { yoloDecodeGrad(YOLODecodeGrad<Float>.at($0), rows($1, $2)) }),
        f64: .init(
            box_loss: { boxLoss(BoxLoss<Double>.at($0), rows($1, $2)) },
            box_area: { boxArea(BoxArea<Double>.at($0), rows($1, $2)) },
            box_area_grad: { boxAreaGrad(BoxAreaGrad<Double>.at($0), rows($1, $2)) },
            box_convert: { boxConvert(BoxConvert<Double>.at($0), rows($1, $2)) },
            box_clip: { boxClip(BoxClip<Double>.at($0), rows($1, $2)) },
            box_clip_grad: { boxClipGrad(BoxClipGrad<Double>.at($0), rows($1, $2)) },
            clip: { clip(Clip<Double>.at($0), rows($1, $2)) },
            clip_grad: { clipGrad(ClipGrad<Double>.at($0), rows($1, $2)) },
            delta_decode: { deltaDecode(DeltaDecode<Double>.at($0), rows($1, $2)) },
            delta_decode_grad: { deltaDecodeGrad(DeltaDecodeGrad<Double>.at($0), rows($1, $2)) },
            delta_degenerate: { deltaDegenerate(DeltaDegenerate<Double>.at($0), rows($1, $2)) },
            delta_encode: { deltaEncode(DeltaEncode<Double>.at($0), rows($1, $2)) },
            delta_encode_grad: { deltaEncodeGrad(DeltaEncodeGrad<Double>.at($0), rows($1, $2)) },
            ltrb_encode: { ltrbEncode(LTRBEncode<Double>.at($0), rows($1, $2)) },
            ltrb_encode_grad: { ltrbEncodeGrad(LTRBEncodeGrad<Double>.at($0), rows($1, $2)) },
            ltrb_decode: { ltrbDecode(LTRBDecode<Double>.at($0), rows($1, $2)) },
            ltrb_decode_grad: { ltrbDecodeGrad(LTRBDecodeGrad<Double>.at($0), rows($1, $2)) },
            linear_encode: { linearEncode(LinearEncode<Double>.at($0), rows($1, $2)) },
            linear_encode_grad: { linearEncodeGrad(LinearEncodeGrad<Double>.at($0), rows($1, $2)) },
            linear_decode: { linearDecode(LinearDecode<Double>.at($0), rows($1, $2)) },
            linear_decode_grad: { linearDecodeGrad(LinearDecodeGrad<Double>.at($0), rows($1, $2)) },
            distribution_focal: { distributionFocal(DistributionFocal<Double>.at($0), rows($1, $2)) },
            distribution_decode: { distributionDecode(DistributionDecode<Double>.at($0), rows($1, $2)) },
            distribution_decode_grad: { distributionDecodeGrad(DistributionDecodeGrad<Double>.at($0), rows($1, $2)) },
            match: { match(Match<Double>.at($0), rows($1, $2)) },
            rotated_match: { rotatedMatch(RotatedMatch<Double>.at($0), rows($1, $2)) },
            match_low_quality: { matchLowQuality(Match<Double>.at($0), rows($1, $2)) },
            rotated_match_low_quality: { rotatedMatchLowQuality(RotatedMatch<Double>.at($0), rows($1, $2)) },
            match_ignore: { matchIgnore(MatchIgnore<Double>.at($0), rows($1, $2)) },
            iou_aligned: { iouAligned(IoUAligned<Double>.at($0), rows($1, $2)) },
            iou_loss: { iouLoss(IoULoss<Double>.at($0), rows($1, $2)) },
            iou_pairwise: { iouPairwise(IoUPairwise<Double>.at($0), rows($1, $2)) },
            iou_pairwise_grad: { iouPairwiseGrad(IoUPairwiseGrad<Double>.at($0), rows($1, $2)) },
            roi_forward: { roiForward(RoIPool<Double>.at($0), rows($1, $2)) },
            roi_features_grad: { roiFeaturesGrad(RoIPool<Double>.at($0), rows($1, $2)) },
            roi_boxes_grad: { roiBoxesGrad(RoIPool<Double>.at($0), rows($1, $2)) },
            rotated_iou_aligned: { rotatedIouAligned(RotatedIoUAligned<Double>.at($0), rows($1, $2)) },
            rotated_iou_loss: { rotatedIouLoss(RotatedIoULoss<Double>.at($0), rows($1, $2)) },
            rotated_gaussian_loss: { rotatedGaussianLoss(RotatedGaussianLoss<Double>.at($0), rows($1, $2)) },
            rotated_iou_pairwise: { rotatedIouPairwise(RotatedIoUPairwise<Double>.at($0), rows($1, $2)) },
            rotated_iou_pairwise_grad: { rotatedIouPairwiseGrad(RotatedIoUPairwiseGrad<Double>.at($0), rows($1, $2)) },
            smooth_l1: { smoothL1(SmoothL1<Double>.at($0), rows($1, $2)) },
            balanced_l1: { balancedL1(BalancedL1<Double>.at($0), rows($1, $2)) },
            nms: { nms(NMS<Double>.at($0), rows($1, $2)) },
            rotated_nms: { rotatedNMS(RotatedNMS<Double>.at($0), rows($1, $2)) },
            soft_nms: { softNMS(SoftNMS<Double>.at($0), rows($1, $2)) },
            rotated_soft_nms: { rotatedSoftNMS(RotatedSoftNMS<Double>.at($0), rows($1, $2)) },
            yolo_decode: { yoloDecode(YOLODecode<Double>.at($0), rows($1, $2)) },
            yolo_decode_grad: { yoloDecodeGrad(YOLODecodeGrad<Double>.at($0), rows($1, $2)) }),
        tensor_pass: { tensorPass(TensorPass.at($0), rows($1, $2)) },
        unit_pass: { unitPass(UnitPass.at($0), rows($1, $2)) })
}

#if TIER_AVX512
@_cdecl("bgi_kernels_avx512") public func kernels() -> bgi_kernels { table("avx512") }
#elseif TIER_AVX2
@_cdecl("bgi_kernels_avx2") public func kernels() -> bgi_kernels { table("avx2") }
#elseif TIER_NEON
@_cdecl("bgi_kernels_neon") public func kernels() -> bgi_kernels { table("neon") }
#else
@_cdecl("bgi_kernels_baseline") public func kernels() -> bgi_kernels { table("baseline") }
#endif

#if COMMON_KERNELS
@_cdecl("bgi_common") public func common() -> bgi_common_kernels {
    bgi_common_kernels(
        f32: .init(
            box_convert_grad: { boxConvertGrad(BoxConvertGrad<Float>.at($0), rows($1, $2)) },
            box_inspect: { boxInspect(BoxInspect<Float>.at($0), rows($1, $2)) },
            rotated_inspect: { rotatedInspect(RotatedInspect<Float>.at($0), rows($1, $2)) },
            box_rotate: { boxRotate(BoxRotate<Float>.at($0), rows($1, $2)) },
            rotated_convert: { rotatedConvert(RotatedConvert<Float>.at($0), rows($1, $2)) },
            rotated_convert_grad: { rotatedConvertGrad(RotatedConvertGrad<Float>.at($0), rows($1, $2)) },
            rotated_corners: { rotatedCorners(RotatedCorners<Float>.at($0), rows($1, $2)) },
            rotated_corners_grad: { rotatedCornersGrad(RotatedCornersGrad<Float>.at($0), rows($1, $2)) },
            rotated_from_corners: { rotatedFromCorners(RotatedFromCorners<Float>.at($0), rows($1, $2)) },
            rotated_from_corners_grad: { rotatedFromCornersGrad(RotatedFromCornersGrad<Float>.at($0), rows($1, $2)) },
            rotated_regularize: { rotatedRegularize(RotatedRegularize<Float>.at($0), rows($1, $2)) },
            rotated_regularize_grad: { rotatedRegularizeGrad(RotatedRegularizeGrad<Float>.at($0), rows($1, $2)) },
            rotated_degenerate: { rotatedDegenerate(RotatedDegenerate<Float>.at($0), rows($1, $2)) },
            rotated_code: { rotatedCode(RotatedCode<Float>.at($0), rows($1, $2)) },
            rotated_min_area: { rotatedMinArea(RotatedMinArea<Float>.at($0), rows($1, $2)) }),
        f64: .init(
            box_convert_grad: { boxConvertGrad(BoxConvertGrad<Double>.at($0), rows($1, $2)) },
            box_inspect: { boxInspect(BoxInspect<Double>.at($0), rows($1, $2)) },
            rotated_inspect: { rotatedInspect(RotatedInspect<Double>.at($0), rows($1, $2)) },
            box_rotate: { boxRotate(BoxRotate<Double>.at($0), rows($1, $2)) },
            rotated_convert: { rotatedConvert(RotatedConvert<Double>.at($0), rows($1, $2)) },
            rotated_convert_grad: { rotatedConvertGrad(RotatedConvertGrad<Double>.at($0), rows($1, $2)) },
            rotated_corners: { rotatedCorners(RotatedCorners<Double>.at($0), rows($1, $2)) },
            rotated_corners_grad: { rotatedCornersGrad(RotatedCornersGrad<Double>.at($0), rows($1, $2)) },
            rotated_from_corners: { rotatedFromCorners(RotatedFromCorners<Double>.at($0), rows($1, $2)) },
            rotated_from_corners_grad: { rotatedFromCornersGrad(RotatedFromCornersGrad<Double>.at($0), rows($1, $2)) },
            rotated_regularize: { rotatedRegularize(RotatedRegularize<Double>.at($0), rows($1, $2)) },
            rotated_regularize_grad: { rotatedRegularizeGrad(RotatedRegularizeGrad<Double>.at($0), rows($1, $2)) },
            rotated_degenerate: { rotatedDegenerate(RotatedDegenerate<Double>.at($0), rows($1, $2)) },
            rotated_code: { rotatedCode(RotatedCode<Double>.at($0), rows($1, $2)) },
            rotated_min_area: { rotatedMinArea(RotatedMinArea<Double>.at($0), rows($1, $2)) }),
        grad_norm: { gradNorm(GradNorm.at($0), rows($1, $2)) },
        exact_norm_add: { exactNormAdd(ExactNormAdd.at($0), rows($1, $2)) },
        exact_norm_merge: { exactNormMerge(ExactNormMerge.at($0), rows($1, $2)) },
        exact_norm_finish: { exactNormFinish(ExactNormFinish.at($0), rows($1, $2)) },
        grad_norm_combine: { gradNormCombine(GradNormCombine.at($0), rows($1, $2)) },
        grad_first_nonfinite: { gradFirstNonfinite(GradFirstNonfinite.at($0), rows($1, $2)) },
        grad_change: { gradChange(GradChange.at($0), rows($1, $2)) },
        clip_grad_rms: { clipGradRMS(ClipGradRMS.at($0), rows($1, $2)) },
        sample: { sample(Sample.at($0), rows($1, $2)) })
}
#endif
