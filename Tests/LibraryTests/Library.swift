import CBoxgrad
import Glibc

/// This checkout.
let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

/// The shipped library, loaded as a plugin would load it: BOXGRAD_LIBRARY, or what `make lib` built in this checkout.
/// Embedded objects must never be linked into a host that has a Swift runtime, and a test is one.
nonisolated(unsafe) let library: UnsafeMutableRawPointer = {
    let path = getenv("BOXGRAD_LIBRARY").map { String(cString: $0) } ?? root + "/build/lib/libboxgrad.so"
    guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else { fatalError("cannot load \(path): \(String(cString: dlerror()))") }
    return handle
}()

let getAPI = unsafeBitCast(dlsym(library, "boxgrad_get_api")!, to: (@convention(c) (UInt32) -> UnsafePointer<boxgrad_api>?).self)

/// Every function of the library. The tests call nothing else.
let api = getAPI(UInt32(BOXGRAD_ABI_VERSION))!.pointee

func lastError() -> String { String(cString: api.last_error()!) }

/// The functions of one type.
struct Functions<T> {
    typealias In = UnsafePointer<T>?
    typealias Out = UnsafeMutablePointer<T>?
    typealias Size = UnsafeMutablePointer<Int>?
    typealias Loss = UnsafeMutablePointer<Double>?
    typealias Ids = UnsafePointer<Int64>?
    typealias Options = UnsafePointer<boxgrad_delta_options>?

    let boxArea: (In, Int, Int, Out) -> Int32
    let boxAreaGrad: (In, Int, Int, In, Out) -> Int32
    let boxConvert: (Int32, Int32, In, Int, Int, Out, Int) -> Int32
    let boxConvertGrad: (Int32, Int32, Int, In, Out) -> Int32
    let boxClip: (In, Int, Int, Double, Double, Out, Int) -> Int32
    let boxClipGrad: (In, Int, Int, Double, Double, In, Out) -> Int32
    let boxInspect: (In, Int, Int, Double, Double, Double, UnsafeMutablePointer<UInt32>?, Size, Int) -> Int32
    let boxRotate: (In, Int, Int, Double, Double, Double, Out, Out) -> Int32
    let clip: (In, Int, Double, Double, Out) -> Int32
    let clipGrad: (In, Int, Double, Double, In, Int32, Out, Size) -> Int32
    let iouPairwise: (Int32, In, Int, Int, In, Int, Int, Double, Out, Int, Out) -> Int32
    let iouPairwiseGrad: (Int32, In, Int, Int, In, Int, Int, Double, In, Int, Out, Out) -> Int32
    let iouAligned: (Int32, In, Int, In, Int, Int, Double, Out, Out, Out) -> Int32
    let iouLoss: (Int32, In, Int, In, Int, Int, In, Double, Double, Loss, Out, Out, Out) -> Int32
    let smoothL1: (In, In, In, In, Int, Double, Double, Loss, Out, Out, Out) -> Int32
    let deltaEncode: (Options, In, Int, In, Int, Int, Out, UnsafeMutablePointer<UInt8>?, Size) -> Int32
    let deltaEncodeGrad: (Options, In, Int, In, Int, Int, In, Out, Out) -> Int32
    let deltaDecode: (Options, In, Int, In, Int, Int, Int, Out) -> Int32
    let deltaDecodeGrad: (Options, In, Int, In, Int, Int, Int, In, Out, Out) -> Int32
    let nms: (In, Int, Int, In, Ids, Double, Double, Int, Size, Size) -> Int32
    let softNms: (Int32, In, Int, Int, In, Ids, Double, Double, Double, Int, Size, Out, Size) -> Int32
    let match: (Int32, In, Int, Int, In, Int, Int, Double, Double, Double, Int32, UnsafeMutablePointer<Int64>?, Out) -> Int32
}

/// Float and Double, each with its functions.
protocol Scalar: BinaryFloatingPoint {
    static var functions: Functions<Self> { get }
    /// Half the distance of 1 to the next number: what the header calls eps.
    static var eps: Double { get }
}

extension Float: Scalar {
    static var eps: Double { 0x1p-24 }
    static var functions: Functions<Float> {
        Functions(
            boxArea: api.box_area_f32, boxAreaGrad: api.box_area_grad_f32, boxConvert: api.box_convert_f32, boxConvertGrad: api.box_convert_grad_f32,
            boxClip: api.box_clip_f32, boxClipGrad: api.box_clip_grad_f32, boxInspect: api.box_inspect_f32, boxRotate: api.box_rotate_f32,
            clip: api.clip_f32, clipGrad: api.clip_grad_f32, iouPairwise: api.iou_pairwise_f32, iouPairwiseGrad: api.iou_pairwise_grad_f32,
            iouAligned: api.iou_aligned_f32, iouLoss: api.iou_loss_f32, smoothL1: api.smooth_l1_f32, deltaEncode: api.delta_encode_f32,
            deltaEncodeGrad: api.delta_encode_grad_f32, deltaDecode: api.delta_decode_f32, deltaDecodeGrad: api.delta_decode_grad_f32,
            nms: api.nms_f32, softNms: api.soft_nms_f32, match: api.match_f32)
    }
}

extension Double: Scalar {
    static var eps: Double { 0x1p-53 }
    static var functions: Functions<Double> {
        Functions(
            boxArea: api.box_area_f64, boxAreaGrad: api.box_area_grad_f64, boxConvert: api.box_convert_f64, boxConvertGrad: api.box_convert_grad_f64,
            boxClip: api.box_clip_f64, boxClipGrad: api.box_clip_grad_f64, boxInspect: api.box_inspect_f64, boxRotate: api.box_rotate_f64,
            clip: api.clip_f64, clipGrad: api.clip_grad_f64, iouPairwise: api.iou_pairwise_f64, iouPairwiseGrad: api.iou_pairwise_grad_f64,
            iouAligned: api.iou_aligned_f64, iouLoss: api.iou_loss_f64, smoothL1: api.smooth_l1_f64, deltaEncode: api.delta_encode_f64,
            deltaEncodeGrad: api.delta_encode_grad_f64, deltaDecode: api.delta_decode_f64, deltaDecodeGrad: api.delta_decode_grad_f64,
            nms: api.nms_f64, softNms: api.soft_nms_f64, match: api.match_f64)
    }
}
