import CBoxgrad
import CBoxgradCUDA
import CudaShims

typealias Stream = UnsafeMutableRawPointer?

func cudaBoxArea<T>(_ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ out: UnsafeMutablePointer<T>?, _ stream: Stream) -> Int32 {
    var arguments = Arguments()
    arguments.rows(boxes, "boxes", count, stride: stride, "stride")
    arguments.packed(out, "out", count)
    guard arguments.valid, count > 0, let boxes, let out else { return arguments.status }
    return BoxArea(boxes: Rows(boxes, stride: stride), out: out).launch(BGC_BOX_AREA, count, T.self, stream)
}

func cudaBoxAreaGrad<T>(
    _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<T>?, _ gradBoxes: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    arguments.rows(boxes, "boxes", count, stride: stride, "stride")
    arguments.packed(gradOut, "grad_out", count)
    arguments.packed(gradBoxes, "grad_boxes", count, width: 4)
    guard arguments.valid, count > 0, let boxes, let gradOut, let gradBoxes else { return arguments.status }
    return BoxAreaGrad(boxes: Rows(boxes, stride: stride), gradOut: gradOut, gradBoxes: gradBoxes)
        .launch(BGC_BOX_AREA_GRAD, count, T.self, stream)
}

func cudaBoxConvert<T>(
    _ from: Int32, _ to: Int32, _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<T>?, _ outStride: Int,
    _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    arguments.formats(from, to)
    arguments.rows(input, "in", count, stride: inStride, "in_stride")
    arguments.rows(out, "out", count, stride: outStride, "out_stride")
    arguments.inPlace(input, inStride, out, outStride, count)
    guard arguments.valid, count > 0, let input, let out else { return arguments.status }
    return BoxConvert(from: from, to: to, input: Rows(input, stride: inStride), out: MutableRows(out, stride: outStride))
        .launch(BGC_BOX_CONVERT, count, T.self, stream)
}

func cudaBoxConvertGrad<T>(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<T>?, _ gradIn: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    arguments.formats(from, to)
    arguments.packed(gradOut, "grad_out", count, width: 4)
    arguments.packed(gradIn, "grad_in", count, width: 4)
    guard arguments.valid, count > 0, let gradOut, let gradIn else { return arguments.status }
    return BoxConvertGrad(from: from, to: to, gradOut: gradOut, gradIn: gradIn).launch(BGC_BOX_CONVERT_GRAD, count, T.self, stream)
}

func cudaBoxClip<T>(
    _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double, _ out: UnsafeMutablePointer<T>?, _ outStride: Int,
    _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    arguments.imageSize(width, height)
    arguments.rows(input, "in", count, stride: inStride, "in_stride")
    arguments.rows(out, "out", count, stride: outStride, "out_stride")
    arguments.inPlace(input, inStride, out, outStride, count)
    guard arguments.valid, count > 0, let input, let out else { return arguments.status }
    return BoxClip(input: Rows(input, stride: inStride), width: width, height: height, out: MutableRows(out, stride: outStride))
        .launch(BGC_BOX_CLIP, count, T.self, stream)
}

func cudaBoxClipGrad<T>(
    _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double,
    _ gradOut: UnsafePointer<T>?, _ gradIn: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    arguments.imageSize(width, height)
    arguments.rows(input, "in", count, stride: inStride, "in_stride")
    arguments.packed(gradOut, "grad_out", count, width: 4)
    arguments.packed(gradIn, "grad_in", count, width: 4)
    guard arguments.valid, count > 0, let input, let gradOut, let gradIn else { return arguments.status }
    return BoxClipGrad(input: Rows(input, stride: inStride), width: width, height: height, gradOut: gradOut, gradIn: gradIn)
        .launch(BGC_BOX_CLIP_GRAD, count, T.self, stream)
}

func cudaClip<T>(
    _ x: UnsafePointer<T>?, _ count: Int, _ lo: Double, _ hi: Double, _ out: UnsafeMutablePointer<T>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    arguments.bounds(lo, hi)
    arguments.packed(x, "x", count)
    arguments.packed(out, "out", count)
    guard arguments.valid, count > 0, let x, let out else { return arguments.status }
    return Clip(x: x, lo: lo, hi: hi, out: out).launch(BGC_CLIP, count, T.self, stream)
}

func cudaClipGrad<T>(
    _ x: UnsafePointer<T>?, _ count: Int, _ lo: Double, _ hi: Double, _ gradOut: UnsafePointer<T>?, _ mode: Int32,
    _ gradIn: UnsafeMutablePointer<T>?, _ blocked: UnsafeMutablePointer<Int>?, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    arguments.bounds(lo, hi)
    arguments.require(BOXGRAD_CLIP_HARD...BOXGRAD_CLIP_INWARD ~= mode, "mode", "is no clip mode", mode)
    arguments.packed(x, "x", count)
    arguments.packed(gradOut, "grad_out", count)
    arguments.packed(gradIn, "grad_in", count)
    guard arguments.valid else { return arguments.status }
    let status = zero(blocked, 1, stream)
    guard status == BOXGRAD_OK, count > 0, let x, let gradOut, let gradIn else { return status }
    // The kernel keeps its own count.
    let none = UnsafeMutablePointer<Int>(bitPattern: MemoryLayout<Int>.alignment).unsafelyUnwrapped
    return DeviceClipGrad(call: ClipGrad(x: x, lo: lo, hi: hi, gradOut: gradOut, mode: mode, gradIn: gradIn, blocked: none), blocked: blocked)
        .launch(BGC_CLIP_GRAD, count, each: 4, T.self, stream)
}
