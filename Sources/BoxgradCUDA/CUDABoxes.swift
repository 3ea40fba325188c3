import CBoxgrad
import CBoxgradCUDA
import CudaShims

typealias Stream = UnsafeMutableRawPointer?

func cudaBoxArea<T>(_ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ out: UnsafeMutablePointer<T>?, _ stream: Stream) -> Int32 {
    var arguments = Arguments()
    let call = BoxArea(&arguments, boxes, count, stride, out)
    return call?.launch(BGC_BOX_AREA, count, T.self, stream) ?? arguments.status
}

func cudaBoxAreaGrad<T>(
    _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<T>?, _ gradBoxes: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = BoxAreaGrad(&arguments, boxes, count, stride, gradOut, gradBoxes)
    return call?.launch(BGC_BOX_AREA_GRAD, count, T.self, stream) ?? arguments.status
}

func cudaBoxConvert<T>(
    _ from: Int32, _ to: Int32, _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<T>?, _ outStride: Int,
    _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = BoxConvert(&arguments, from, to, input, count, inStride, out, outStride)
    return call?.launch(BGC_BOX_CONVERT, count, T.self, stream) ?? arguments.status
}

func cudaBoxConvertGrad<T>(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<T>?, _ gradIn: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = BoxConvertGrad(&arguments, from, to, count, gradOut, gradIn)
    return call?.launch(BGC_BOX_CONVERT_GRAD, count, T.self, stream) ?? arguments.status
}

func cudaBoxClip<T>(
    _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double, _ out: UnsafeMutablePointer<T>?, _ outStride: Int,
    _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = BoxClip(&arguments, input, count, inStride, width, height, out, outStride)
    return call?.launch(BGC_BOX_CLIP, count, T.self, stream) ?? arguments.status
}

func cudaBoxClipGrad<T>(
    _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double,
    _ gradOut: UnsafePointer<T>?, _ gradIn: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = BoxClipGrad(&arguments, input, count, inStride, width, height, gradOut, gradIn)
    return call?.launch(BGC_BOX_CLIP_GRAD, count, T.self, stream) ?? arguments.status
}

func cudaClip<T>(
    _ x: UnsafePointer<T>?, _ count: Int, _ lo: Double, _ hi: Double, _ out: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = Clip(&arguments, x, count, lo, hi, out)
    return call?.launch(BGC_CLIP, count, T.self, stream) ?? arguments.status
}

func cudaClipGrad<T>(
    _ x: UnsafePointer<T>?, _ count: Int, _ lo: Double, _ hi: Double, _ gradOut: UnsafePointer<T>?, _ mode: Int32,
    _ gradIn: UnsafeMutablePointer<T>?, _ blocked: UnsafeMutablePointer<Int>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let call = ClipGrad(&arguments, x, count, lo, hi, gradOut, mode, gradIn)
    guard arguments.valid else { return arguments.status }
    let status = zero(blocked, 1, stream)
    guard status == BOXGRAD_OK, let call else { return status }
    return DeviceClipGrad(call: call, blocked: blocked).launch(BGC_CLIP_GRAD, count, each: 4, T.self, stream)
}
