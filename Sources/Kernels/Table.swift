// This tier's kernels behind C function pointers. Both types list the same kernels in the same order.

import CBoxgrad
import CShims

// A closure that is a C function lacks the tier's attributes: what is inlined into it may call helpers instead of inlining them in turn.
// A kernel is therefore never inlined. It is then also a symbol with the kernel's own name, by which tests and profilers find it.

private func table(_ name: StaticString) -> bgi_kernels {
    bgi_kernels(
        name: UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self),
        f32: .init(
            box_area: { boxArea($0, $1, $2, $3) },
            box_area_grad: { boxAreaGrad($0, $1, $2, $3, $4) },
            box_convert: { boxConvert($0, $1, $2, $3, $4, $5, $6) },
            box_clip: { boxClip($0, $1, $2, $3, $4, $5, $6) },
            box_clip_grad: { boxClipGrad($0, $1, $2, $3, $4, $5, $6) },
            clip: { clip($0, $1, $2, $3, $4) },
            clip_grad: { clipGrad($0, $1, $2, $3, $4, $5, $6) },
            iou_pairwise: { iouPairwise($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) },
            iou_pairwise_grad: { iouPairwiseGrad($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) },
            iou_aligned: { iouAligned($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) },
            iou_loss: { iouLoss($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) },
            smooth_l1: { smoothL1($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) },
            delta_degenerate: { deltaDegenerate($0, $1, $2, $3, $4, $5, $6) },
            delta_encode: { deltaEncode($0, $1, $2, $3, $4, $5, $6) },
            delta_encode_grad: { deltaEncodeGrad($0, $1, $2, $3, $4, $5, $6, $7, $8) },
            delta_decode: { deltaDecode($0, $1, $2, $3, $4, $5, $6, $7) },
            delta_decode_grad: { deltaDecodeGrad($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) },
            nms: { nms($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) },
            soft_nms: { softNMS($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) },
            match: { match($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) }),
        f64: .init(
            box_area: { boxArea($0, $1, $2, $3) },
            box_area_grad: { boxAreaGrad($0, $1, $2, $3, $4) },
            box_convert: { boxConvert($0, $1, $2, $3, $4, $5, $6) },
            box_clip: { boxClip($0, $1, $2, $3, $4, $5, $6) },
            box_clip_grad: { boxClipGrad($0, $1, $2, $3, $4, $5, $6) },
            clip: { clip($0, $1, $2, $3, $4) },
            clip_grad: { clipGrad($0, $1, $2, $3, $4, $5, $6) },
            iou_pairwise: { iouPairwise($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) },
            iou_pairwise_grad: { iouPairwiseGrad($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) },
            iou_aligned: { iouAligned($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) },
            iou_loss: { iouLoss($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) },
            smooth_l1: { smoothL1($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) },
            delta_degenerate: { deltaDegenerate($0, $1, $2, $3, $4, $5, $6) },
            delta_encode: { deltaEncode($0, $1, $2, $3, $4, $5, $6) },
            delta_encode_grad: { deltaEncodeGrad($0, $1, $2, $3, $4, $5, $6, $7, $8) },
            delta_decode: { deltaDecode($0, $1, $2, $3, $4, $5, $6, $7) },
            delta_decode_grad: { deltaDecodeGrad($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) },
            nms: { nms($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) },
            soft_nms: { softNMS($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) },
            match: { match($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) }),
        tensor: .init(
            sum: { tensorSum($0, $1, $2, $3, $4) },
            largest: { tensorLargest($0, $1, $2) },
            root: { tensorRoot($0, $1) },
            scale: { tensorScale($0, $1, $2, $3, $4) }))
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
            box_convert_grad: { boxConvertGrad($0, $1, $2, $3, $4) },
            box_inspect: { boxInspect($0, $1, $2, $3, $4, $5, $6, $7) },
            box_rotate: { boxRotate($0, $1, $2, $3, $4, $5, $6, $7) }),
        f64: .init(
            box_convert_grad: { boxConvertGrad($0, $1, $2, $3, $4) },
            box_inspect: { boxInspect($0, $1, $2, $3, $4, $5, $6, $7) },
            box_rotate: { boxRotate($0, $1, $2, $3, $4, $5, $6, $7) }))
}
#endif
