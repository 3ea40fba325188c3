// Written by tools/interface.py from include/boxgrad.h.

import CBoxgrad

/// The functions of one type.
struct Functions<T> {
    let boxArea: (UnsafePointer<T>?, Int, Int, UnsafeMutablePointer<T>?) -> Int32
    let boxAreaGrad: (UnsafePointer<T>?, Int, Int, UnsafePointer<T>?, UnsafeMutablePointer<T>?) -> Int32
    let boxConvert: (Int32, Int32, UnsafePointer<T>?, Int, Int, UnsafeMutablePointer<T>?, Int) -> Int32
    let boxConvertGrad: (Int32, Int32, Int, UnsafePointer<T>?, UnsafeMutablePointer<T>?) -> Int32
    let boxClip: (UnsafePointer<T>?, Int, Int, Double, Double, UnsafeMutablePointer<T>?, Int) -> Int32
    let boxClipGrad: (UnsafePointer<T>?, Int, Int, Double, Double, UnsafePointer<T>?, UnsafeMutablePointer<T>?) -> Int32
    let boxInspect: (UnsafePointer<T>?, Int, Int, Double, Double, Double, UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<Int>?, Int) -> Int32
    let boxRotate: (UnsafePointer<T>?, Int, Int, Double, Double, Double, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?) -> Int32
    let clip: (UnsafePointer<T>?, Int, Double, Double, UnsafeMutablePointer<T>?) -> Int32
    let clipGrad: (UnsafePointer<T>?, Int, Double, Double, UnsafePointer<T>?, Int32, UnsafeMutablePointer<T>?, UnsafeMutablePointer<Int>?) -> Int32
    let iouPairwise: (Int32, UnsafePointer<T>?, Int, Int, UnsafePointer<T>?, Int, Int, Double, UnsafeMutablePointer<T>?, Int, UnsafeMutablePointer<T>?) -> Int32
    let iouPairwiseGrad: (Int32, UnsafePointer<T>?, Int, Int, UnsafePointer<T>?, Int, Int, Double, UnsafePointer<T>?, Int, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?) -> Int32
    let iouAligned: (Int32, UnsafePointer<T>?, Int, UnsafePointer<T>?, Int, Int, Double, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?) -> Int32
    let iouLoss: (Int32, UnsafePointer<T>?, Int, UnsafePointer<T>?, Int, Int, UnsafePointer<T>?, Double, Double, UnsafeMutablePointer<Double>?, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?) -> Int32
    let smoothL1: (UnsafePointer<T>?, UnsafePointer<T>?, UnsafePointer<T>?, UnsafePointer<T>?, Int, Double, Double, UnsafeMutablePointer<Double>?, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?) -> Int32
    let deltaEncode: (UnsafePointer<boxgrad_delta_options>?, UnsafePointer<T>?, Int, UnsafePointer<T>?, Int, Int, UnsafeMutablePointer<T>?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int>?) -> Int32
    let deltaEncodeGrad: (UnsafePointer<boxgrad_delta_options>?, UnsafePointer<T>?, Int, UnsafePointer<T>?, Int, Int, UnsafePointer<T>?, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?) -> Int32
    let deltaDecode: (UnsafePointer<boxgrad_delta_options>?, UnsafePointer<T>?, Int, UnsafePointer<T>?, Int, Int, Int, UnsafeMutablePointer<T>?) -> Int32
    let deltaDecodeGrad: (UnsafePointer<boxgrad_delta_options>?, UnsafePointer<T>?, Int, UnsafePointer<T>?, Int, Int, Int, UnsafePointer<T>?, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?) -> Int32
    let ltrbEncode: (UnsafePointer<T>?, Int, UnsafePointer<T>?, Int, Int, UnsafeMutablePointer<T>?) -> Int32
    let ltrbEncodeGrad: (Int, UnsafePointer<T>?, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?) -> Int32
    let nms: (UnsafePointer<T>?, Int, Int, UnsafePointer<T>?, UnsafePointer<Int64>?, Double, Double, Int, UnsafeMutablePointer<Int>?, UnsafeMutablePointer<Int>?) -> Int32
    let softNms: (Int32, UnsafePointer<T>?, Int, Int, UnsafePointer<T>?, UnsafePointer<Int64>?, Double, Double, Double, Int, UnsafeMutablePointer<Int>?, UnsafeMutablePointer<T>?, UnsafeMutablePointer<Int>?) -> Int32
    let match: (Int32, UnsafePointer<T>?, Int, Int, UnsafePointer<T>?, Int, Int, Double, Double, Double, Int32, UnsafeMutablePointer<Int64>?, UnsafeMutablePointer<T>?) -> Int32
}

extension Functions<Float> {
    static var all: Self {
        Self(
            boxArea: api.box_area_f32, boxAreaGrad: api.box_area_grad_f32, boxConvert: api.box_convert_f32,
            boxConvertGrad: api.box_convert_grad_f32, boxClip: api.box_clip_f32, boxClipGrad: api.box_clip_grad_f32,
            boxInspect: api.box_inspect_f32, boxRotate: api.box_rotate_f32, clip: api.clip_f32, clipGrad: api.clip_grad_f32,
            iouPairwise: api.iou_pairwise_f32, iouPairwiseGrad: api.iou_pairwise_grad_f32, iouAligned: api.iou_aligned_f32,
            iouLoss: api.iou_loss_f32, smoothL1: api.smooth_l1_f32, deltaEncode: api.delta_encode_f32,
            deltaEncodeGrad: api.delta_encode_grad_f32, deltaDecode: api.delta_decode_f32, deltaDecodeGrad: api.delta_decode_grad_f32,
            ltrbEncode: api.ltrb_encode_f32, ltrbEncodeGrad: api.ltrb_encode_grad_f32, nms: api.nms_f32, softNms: api.soft_nms_f32,
            match: api.match_f32)
    }
}

extension Functions<Double> {
    static var all: Self {
        Self(
            boxArea: api.box_area_f64, boxAreaGrad: api.box_area_grad_f64, boxConvert: api.box_convert_f64,
            boxConvertGrad: api.box_convert_grad_f64, boxClip: api.box_clip_f64, boxClipGrad: api.box_clip_grad_f64,
            boxInspect: api.box_inspect_f64, boxRotate: api.box_rotate_f64, clip: api.clip_f64, clipGrad: api.clip_grad_f64,
            iouPairwise: api.iou_pairwise_f64, iouPairwiseGrad: api.iou_pairwise_grad_f64, iouAligned: api.iou_aligned_f64,
            iouLoss: api.iou_loss_f64, smoothL1: api.smooth_l1_f64, deltaEncode: api.delta_encode_f64,
            deltaEncodeGrad: api.delta_encode_grad_f64, deltaDecode: api.delta_decode_f64, deltaDecodeGrad: api.delta_decode_grad_f64,
            ltrbEncode: api.ltrb_encode_f64, ltrbEncodeGrad: api.ltrb_encode_grad_f64, nms: api.nms_f64, softNms: api.soft_nms_f64,
            match: api.match_f64)
    }
}
