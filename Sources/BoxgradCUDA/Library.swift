import CBoxgrad
import CBoxgradCUDA
import CudaShims

@_cdecl("boxgrad_cuda_status_string") @implementation
public func boxgrad_cuda_status_string(_ status: boxgrad_status) -> UnsafePointer<CChar>? {
    status == BOXGRAD_DEVICE ? ("BOXGRAD_DEVICE" as StaticString).cString : statusName(status).cString
}

@_cdecl("boxgrad_cuda_version_number") @implementation
public func boxgrad_cuda_version_number() -> UInt32 { UInt32(BOXGRAD_VERSION_NUMBER) }

@_cdecl("boxgrad_cuda_load") @implementation
public func boxgrad_cuda_load(_ family: UnsafePointer<CChar>?) -> boxgrad_status { bgc_load(family) }

@_cdecl("boxgrad_cuda_iou_pairwise_f32_scratch") @implementation
public func boxgrad_cuda_iou_pairwise_f32_scratch(_ metric: Int32, _ aCount: Int, _ bCount: Int) -> Int {
    reported(cudaIouPairwiseScratch(metric, aCount, bCount, Float.self))
}

@_cdecl("boxgrad_cuda_iou_pairwise_f64_scratch") @implementation
public func boxgrad_cuda_iou_pairwise_f64_scratch(_ metric: Int32, _ aCount: Int, _ bCount: Int) -> Int {
    reported(cudaIouPairwiseScratch(metric, aCount, bCount, Double.self))
}

@_cdecl("boxgrad_cuda_iou_pairwise_grad_f32_scratch") @implementation
public func boxgrad_cuda_iou_pairwise_grad_f32_scratch(_ aCount: Int, _ bCount: Int) -> Int { reported(cudaIouPairwiseGradScratch(aCount, bCount)) }

@_cdecl("boxgrad_cuda_iou_pairwise_grad_f64_scratch") @implementation
public func boxgrad_cuda_iou_pairwise_grad_f64_scratch(_ aCount: Int, _ bCount: Int) -> Int { reported(cudaIouPairwiseGradScratch(aCount, bCount)) }

@_cdecl("boxgrad_cuda_iou_loss_f32_scratch") @implementation
public func boxgrad_cuda_iou_loss_f32_scratch(_ count: Int) -> Int { reported(totalScratch(count)) }

@_cdecl("boxgrad_cuda_iou_loss_f64_scratch") @implementation
public func boxgrad_cuda_iou_loss_f64_scratch(_ count: Int) -> Int { reported(totalScratch(count)) }

@_cdecl("boxgrad_cuda_smooth_l1_f32_scratch") @implementation
public func boxgrad_cuda_smooth_l1_f32_scratch(_ count: Int) -> Int { reported(totalScratch(count)) }

@_cdecl("boxgrad_cuda_smooth_l1_f64_scratch") @implementation
public func boxgrad_cuda_smooth_l1_f64_scratch(_ count: Int) -> Int { reported(totalScratch(count)) }

@_cdecl("boxgrad_cuda_nms_f32_scratch") @implementation
public func boxgrad_cuda_nms_f32_scratch(_ count: Int) -> Int { reported(cudaNmsScratch(count, Float.self)) }

@_cdecl("boxgrad_cuda_nms_f64_scratch") @implementation
public func boxgrad_cuda_nms_f64_scratch(_ count: Int) -> Int { reported(cudaNmsScratch(count, Double.self)) }

@_cdecl("boxgrad_cuda_match_f32_scratch") @implementation
public func boxgrad_cuda_match_f32_scratch(_ truthsCount: Int) -> Int { reported(cudaMatchScratch(truthsCount, Float.self)) }

@_cdecl("boxgrad_cuda_match_f64_scratch") @implementation
public func boxgrad_cuda_match_f64_scratch(_ truthsCount: Int) -> Int { reported(cudaMatchScratch(truthsCount, Double.self)) }

@_cdecl("boxgrad_cuda_grad_norm_scratch") @implementation
public func boxgrad_cuda_grad_norm_scratch(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) -> Int { reported(cudaGradNormScratch(tensors, n)) }

@_cdecl("boxgrad_cuda_clip_grad_norm_scratch") @implementation
public func boxgrad_cuda_clip_grad_norm_scratch(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) -> Int { reported(cudaGradNormScratch(tensors, n)) }

@_cdecl("boxgrad_cuda_rotated_iou_pairwise_f32_scratch") @implementation
public func boxgrad_cuda_rotated_iou_pairwise_f32_scratch(_ aCount: Int, _ bCount: Int) -> Int {
    reported(cudaRotatedPairwiseScratch(aCount, bCount, Float.self))
}

@_cdecl("boxgrad_cuda_rotated_iou_pairwise_f64_scratch") @implementation
public func boxgrad_cuda_rotated_iou_pairwise_f64_scratch(_ aCount: Int, _ bCount: Int) -> Int {
    reported(cudaRotatedPairwiseScratch(aCount, bCount, Double.self))
}

@_cdecl("boxgrad_cuda_rotated_iou_pairwise_grad_f32_scratch") @implementation
public func boxgrad_cuda_rotated_iou_pairwise_grad_f32_scratch(_ aCount: Int, _ bCount: Int) -> Int {
    reported(cudaRotatedPairwiseGradScratch(aCount, bCount, Float.self))
}

@_cdecl("boxgrad_cuda_rotated_iou_pairwise_grad_f64_scratch") @implementation
public func boxgrad_cuda_rotated_iou_pairwise_grad_f64_scratch(_ aCount: Int, _ bCount: Int) -> Int {
    reported(cudaRotatedPairwiseGradScratch(aCount, bCount, Double.self))
}

@_cdecl("boxgrad_cuda_rotated_iou_aligned_f32_scratch") @implementation
public func boxgrad_cuda_rotated_iou_aligned_f32_scratch(_ count: Int) -> Int { reported(cudaRotatedAlignedScratch(count, Float.self)) }

@_cdecl("boxgrad_cuda_rotated_iou_aligned_f64_scratch") @implementation
public func boxgrad_cuda_rotated_iou_aligned_f64_scratch(_ count: Int) -> Int { reported(cudaRotatedAlignedScratch(count, Double.self)) }

@_cdecl("boxgrad_cuda_rotated_iou_loss_f32_scratch") @implementation
public func boxgrad_cuda_rotated_iou_loss_f32_scratch(_ count: Int) -> Int { reported(cudaRotatedLossScratch(count, Float.self)) }

@_cdecl("boxgrad_cuda_rotated_iou_loss_f64_scratch") @implementation
public func boxgrad_cuda_rotated_iou_loss_f64_scratch(_ count: Int) -> Int { reported(cudaRotatedLossScratch(count, Double.self)) }
