import CBoxgrad
import CShims

@_cdecl("boxgrad_box_area_f32") @implementation
public func boxgrad_box_area_f32(
    _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ out: UnsafeMutablePointer<Float>?
) -> Int32 {
    boxArea(boxes, count, stride, out, kernels.f32.box_area)
}

@_cdecl("boxgrad_box_area_f64") @implementation
public func boxgrad_box_area_f64(
    _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ out: UnsafeMutablePointer<Double>?
) -> Int32 {
    boxArea(boxes, count, stride, out, kernels.f64.box_area)
}

private func boxArea<T>(
    _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ out: UnsafeMutablePointer<T>?,
    _ kernel: (UnsafePointer<T>, Int, Int, UnsafeMutablePointer<T>) -> Void
) -> Int32 {
    var arguments = Arguments()
    arguments.rows(boxes, "boxes", count, stride: stride, "stride")
    arguments.packed(out, "out", count)
    guard arguments.valid, let boxes, let out else { return arguments.status }
    kernel(boxes, count, stride, out)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_box_area_grad_f32") @implementation
public func boxgrad_box_area_grad_f32(
    _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<Float>?,
    _ gradBoxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    boxAreaGrad(boxes, count, stride, gradOut, gradBoxes, kernels.f32.box_area_grad)
}

@_cdecl("boxgrad_box_area_grad_f64") @implementation
public func boxgrad_box_area_grad_f64(
    _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<Double>?,
    _ gradBoxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    boxAreaGrad(boxes, count, stride, gradOut, gradBoxes, kernels.f64.box_area_grad)
}

private func boxAreaGrad<T>(
    _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<T>?, _ gradBoxes: UnsafeMutablePointer<T>?,
    _ kernel: (UnsafePointer<T>, Int, Int, UnsafePointer<T>, UnsafeMutablePointer<T>) -> Void
) -> Int32 {
    var arguments = Arguments()
    arguments.rows(boxes, "boxes", count, stride: stride, "stride")
    arguments.packed(gradOut, "grad_out", count)
    arguments.packed(gradBoxes, "grad_boxes", count, width: 4)
    guard arguments.valid, let boxes, let gradOut, let gradBoxes else { return arguments.status }
    kernel(boxes, count, stride, gradOut, gradBoxes)
    return BOXGRAD_OK
}

extension Arguments {
    fileprivate mutating func formats(_ from: Int32, _ to: Int32) {
        require(BOXGRAD_XYXY...BOXGRAD_CXCYWH ~= from, "from", "is no box format", from)
        require(BOXGRAD_XYXY...BOXGRAD_CXCYWH ~= to, "to", "is no box format", to)
    }

    fileprivate mutating func imageSize(_ width: Double, _ height: Double) {
        require(width >= 0, "width", "must not be negative or NaN", width)
        require(height >= 0, "height", "must not be negative or NaN", height)
    }
}

@_cdecl("boxgrad_box_convert_f32") @implementation
public func boxgrad_box_convert_f32(
    _ from: Int32, _ to: Int32, _ `in`: UnsafePointer<Float>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<Float>?,
    _ outStride: Int
) -> Int32 {
    boxConvert(from, to, `in`, count, inStride, out, outStride, kernels.f32.box_convert)
}

@_cdecl("boxgrad_box_convert_f64") @implementation
public func boxgrad_box_convert_f64(
    _ from: Int32, _ to: Int32, _ `in`: UnsafePointer<Double>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<Double>?,
    _ outStride: Int
) -> Int32 {
    boxConvert(from, to, `in`, count, inStride, out, outStride, kernels.f64.box_convert)
}

private func boxConvert<T>(
    _ from: Int32, _ to: Int32, _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<T>?, _ outStride: Int,
    _ kernel: (Int32, Int32, UnsafePointer<T>, Int, Int, UnsafeMutablePointer<T>, Int) -> Void
) -> Int32 {
    var arguments = Arguments()
    arguments.formats(from, to)
    arguments.rows(input, "in", count, stride: inStride, "in_stride")
    arguments.rows(out, "out", count, stride: outStride, "out_stride")
    arguments.inPlace(input, inStride, out, outStride, count)
    guard arguments.valid, let input, let out else { return arguments.status }
    kernel(from, to, input, count, inStride, out, outStride)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_box_convert_grad_f32") @implementation
public func boxgrad_box_convert_grad_f32(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<Float>?, _ gradIn: UnsafeMutablePointer<Float>?
) -> Int32 {
    boxConvertGrad(from, to, count, gradOut, gradIn, commonKernels.f32.box_convert_grad)
}

@_cdecl("boxgrad_box_convert_grad_f64") @implementation
public func boxgrad_box_convert_grad_f64(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<Double>?, _ gradIn: UnsafeMutablePointer<Double>?
) -> Int32 {
    boxConvertGrad(from, to, count, gradOut, gradIn, commonKernels.f64.box_convert_grad)
}

private func boxConvertGrad<T>(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<T>?, _ gradIn: UnsafeMutablePointer<T>?,
    _ kernel: (Int32, Int32, Int, UnsafePointer<T>, UnsafeMutablePointer<T>) -> Void
) -> Int32 {
    var arguments = Arguments()
    arguments.formats(from, to)
    arguments.packed(gradOut, "grad_out", count, width: 4)
    arguments.packed(gradIn, "grad_in", count, width: 4)
    guard arguments.valid, let gradOut, let gradIn else { return arguments.status }
    kernel(from, to, count, gradOut, gradIn)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_box_clip_f32") @implementation
public func boxgrad_box_clip_f32(
    _ `in`: UnsafePointer<Float>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double,
    _ out: UnsafeMutablePointer<Float>?, _ outStride: Int
) -> Int32 {
    boxClip(`in`, count, inStride, width, height, out, outStride, kernels.f32.box_clip)
}

@_cdecl("boxgrad_box_clip_f64") @implementation
public func boxgrad_box_clip_f64(
    _ `in`: UnsafePointer<Double>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double,
    _ out: UnsafeMutablePointer<Double>?, _ outStride: Int
) -> Int32 {
    boxClip(`in`, count, inStride, width, height, out, outStride, kernels.f64.box_clip)
}

private func boxClip<T>(
    _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double, _ out: UnsafeMutablePointer<T>?, _ outStride: Int,
    _ kernel: (UnsafePointer<T>, Int, Int, Double, Double, UnsafeMutablePointer<T>, Int) -> Void
) -> Int32 {
    var arguments = Arguments()
    arguments.imageSize(width, height)
    arguments.rows(input, "in", count, stride: inStride, "in_stride")
    arguments.rows(out, "out", count, stride: outStride, "out_stride")
    arguments.inPlace(input, inStride, out, outStride, count)
    guard arguments.valid, let input, let out else { return arguments.status }
    kernel(input, count, inStride, width, height, out, outStride)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_box_clip_grad_f32") @implementation
public func boxgrad_box_clip_grad_f32(
    _ `in`: UnsafePointer<Float>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double,
    _ gradOut: UnsafePointer<Float>?, _ gradIn: UnsafeMutablePointer<Float>?
) -> Int32 {
    boxClipGrad(`in`, count, inStride, width, height, gradOut, gradIn, kernels.f32.box_clip_grad)
}

@_cdecl("boxgrad_box_clip_grad_f64") @implementation
public func boxgrad_box_clip_grad_f64(
    _ `in`: UnsafePointer<Double>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double,
    _ gradOut: UnsafePointer<Double>?, _ gradIn: UnsafeMutablePointer<Double>?
) -> Int32 {
    boxClipGrad(`in`, count, inStride, width, height, gradOut, gradIn, kernels.f64.box_clip_grad)
}

private func boxClipGrad<T>(
    _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double,
    _ gradOut: UnsafePointer<T>?, _ gradIn: UnsafeMutablePointer<T>?,
    _ kernel: (UnsafePointer<T>, Int, Int, Double, Double, UnsafePointer<T>, UnsafeMutablePointer<T>) -> Void
) -> Int32 {
    var arguments = Arguments()
    arguments.imageSize(width, height)
    arguments.rows(input, "in", count, stride: inStride, "in_stride")
    arguments.packed(gradOut, "grad_out", count, width: 4)
    arguments.packed(gradIn, "grad_in", count, width: 4)
    guard arguments.valid, let input, let gradOut, let gradIn else { return arguments.status }
    kernel(input, count, inStride, width, height, gradOut, gradIn)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_box_inspect_f32") @implementation
public func boxgrad_box_inspect_f32(
    _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ width: Double, _ height: Double, _ minSize: Double,
    _ flags: UnsafeMutablePointer<UInt32>?, _ counts: UnsafeMutablePointer<Int>?, _ countsLength: Int
) -> Int32 {
    boxInspect(boxes, count, stride, width, height, minSize, flags, counts, countsLength, commonKernels.f32.box_inspect)
}

@_cdecl("boxgrad_box_inspect_f64") @implementation
public func boxgrad_box_inspect_f64(
    _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ width: Double, _ height: Double, _ minSize: Double,
    _ flags: UnsafeMutablePointer<UInt32>?, _ counts: UnsafeMutablePointer<Int>?, _ countsLength: Int
) -> Int32 {
    boxInspect(boxes, count, stride, width, height, minSize, flags, counts, countsLength, commonKernels.f64.box_inspect)
}

private func boxInspect<T>(
    _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ width: Double, _ height: Double, _ minSize: Double,
    _ flags: UnsafeMutablePointer<UInt32>?, _ counts: UnsafeMutablePointer<Int>?, _ countsLength: Int,
    _ kernel: (UnsafePointer<T>, Int, Int, Double, Double, Double, UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<Int>) -> Void
) -> Int32 {
    var arguments = Arguments()
    arguments.require(width == width, "width", "is NaN", width)
    arguments.require(height == height, "height", "is NaN", height)
    arguments.require(minSize == minSize, "min_size", "is NaN", minSize)
    arguments.rows(boxes, "boxes", count, stride: stride, "stride")
    arguments.packed(flags, "flags", count, optional: true)
    arguments.count(countsLength, "counts_length")
    arguments.packed(counts, "counts", countsLength, optional: true)
    guard arguments.valid else { return arguments.status }
    return withUnsafeTemporaryAllocation(of: Int.self, capacity: Int(BOXGRAD_BOX_FLAGS)) { totals in
        totals.initialize(repeating: 0)
        if let boxes, count > 0, let base = totals.baseAddress { kernel(boxes, count, stride, width, height, minSize, flags, base) }
        if let counts { for k in 0..<countsLength { counts[k] = k < totals.count ? totals[k] : 0 } }
        return BOXGRAD_OK
    }
}

@_cdecl("boxgrad_box_rotate_f32") @implementation
public func boxgrad_box_rotate_f32(
    _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ degrees: Double, _ cx: Double, _ cy: Double,
    _ corners: UnsafeMutablePointer<Float>?, _ bounds: UnsafeMutablePointer<Float>?
) -> Int32 {
    boxRotate(boxes, count, stride, degrees, cx, cy, corners, bounds, commonKernels.f32.box_rotate)
}

@_cdecl("boxgrad_box_rotate_f64") @implementation
public func boxgrad_box_rotate_f64(
    _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ degrees: Double, _ cx: Double, _ cy: Double,
    _ corners: UnsafeMutablePointer<Double>?, _ bounds: UnsafeMutablePointer<Double>?
) -> Int32 {
    boxRotate(boxes, count, stride, degrees, cx, cy, corners, bounds, commonKernels.f64.box_rotate)
}

private func boxRotate<T>(
    _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ degrees: Double, _ cx: Double, _ cy: Double,
    _ corners: UnsafeMutablePointer<T>?, _ bounds: UnsafeMutablePointer<T>?,
    _ kernel: (UnsafePointer<T>, Int, Int, Double, Double, Double, UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?) -> Void
) -> Int32 {
    var arguments = Arguments()
    arguments.require(degrees.isFinite, "degrees", "must be finite", degrees)
    arguments.require(cx.isFinite, "cx", "must be finite", cx)
    arguments.require(cy.isFinite, "cy", "must be finite", cy)
    arguments.rows(boxes, "boxes", count, stride: stride, "stride")
    arguments.packed(corners, "corners", count, width: 8, optional: true)
    arguments.packed(bounds, "bounds", count, width: 4, optional: true)
    guard arguments.valid, let boxes else { return arguments.status }
    kernel(boxes, count, stride, degrees, cx, cy, corners, bounds)
    return BOXGRAD_OK
}
