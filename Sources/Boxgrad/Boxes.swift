import CBoxgrad
import CShims

extension BoxArea {
    /// Checks the arguments of boxArea. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ out: UnsafeMutablePointer<T>?
    ) {
        arguments.rows(boxes, "boxes", count, stride: stride, "stride")
        arguments.packed(out, "out", count)
        guard arguments.valid, let boxes, let out else { return nil }
        self.init(boxes: Rows(boxes, stride: stride), out: out)
    }
}

func boxArea<T>(
    _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ out: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    BoxArea(&arguments, boxes, count, stride, out)?.run(count, kernels(T.self).box_area)
    return arguments.status
}

extension BoxAreaGrad {
    /// Checks the arguments of boxAreaGrad. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<T>?,
        _ gradBoxes: UnsafeMutablePointer<T>?
    ) {
        arguments.rows(boxes, "boxes", count, stride: stride, "stride")
        arguments.packed(gradOut, "grad_out", count)
        arguments.packed(gradBoxes, "grad_boxes", count, width: 4)
        guard arguments.valid, let boxes, let gradOut, let gradBoxes else { return nil }
        self.init(boxes: Rows(boxes, stride: stride), gradOut: gradOut, gradBoxes: gradBoxes)
    }
}

func boxAreaGrad<T>(
    _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<T>?, _ gradBoxes: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    BoxAreaGrad(&arguments, boxes, count, stride, gradOut, gradBoxes)?.run(count, kernels(T.self).box_area_grad)
    return arguments.status
}

extension Arguments {
    mutating func formats(_ from: Int32, _ to: Int32) {
        require(BOXGRAD_XYXY...BOXGRAD_YXYX ~= from, "from", "is no box format", from)
        require(BOXGRAD_XYXY...BOXGRAD_YXYX ~= to, "to", "is no box format", to)
    }

    mutating func imageSize(_ width: Double, _ height: Double) {
        require(width >= 0, "width", "must not be negative or NaN", width)
        require(height >= 0, "height", "must not be negative or NaN", height)
    }
}

extension BoxConvert {
    /// Checks the arguments of boxConvert. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ from: Int32, _ to: Int32, _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int,
        _ out: UnsafeMutablePointer<T>?, _ outStride: Int
    ) {
        arguments.formats(from, to)
        arguments.rows(input, "in", count, stride: inStride, "in_stride")
        arguments.rows(out, "out", count, stride: outStride, "out_stride")
        arguments.inPlace(input, inStride, out, outStride, count)
        guard arguments.valid, let input, let out else { return nil }
        self.init(from: from, to: to, input: Rows(input, stride: inStride), out: MutableRows(out, stride: outStride))
    }
}

func boxConvert<T>(
    _ from: Int32, _ to: Int32, _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<T>?, _ outStride: Int
) -> Int32 {
    var arguments = Arguments()
    BoxConvert(&arguments, from, to, input, count, inStride, out, outStride)?.run(count, kernels(T.self).box_convert)
    return arguments.status
}

extension BoxConvertGrad {
    /// Checks the arguments of boxConvertGrad. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<T>?,
        _ gradIn: UnsafeMutablePointer<T>?
    ) {
        arguments.formats(from, to)
        arguments.packed(gradOut, "grad_out", count, width: 4)
        arguments.packed(gradIn, "grad_in", count, width: 4)
        guard arguments.valid, let gradOut, let gradIn else { return nil }
        self.init(from: from, to: to, gradOut: gradOut, gradIn: gradIn)
    }
}

func boxConvertGrad<T>(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<T>?, _ gradIn: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    BoxConvertGrad(&arguments, from, to, count, gradOut, gradIn)?.run(count, commonKernels(T.self).box_convert_grad)
    return arguments.status
}

extension BoxClip {
    /// Checks the arguments of boxClip. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double,
        _ out: UnsafeMutablePointer<T>?, _ outStride: Int
    ) {
        arguments.imageSize(width, height)
        arguments.rows(input, "in", count, stride: inStride, "in_stride")
        arguments.rows(out, "out", count, stride: outStride, "out_stride")
        arguments.inPlace(input, inStride, out, outStride, count)
        guard arguments.valid, let input, let out else { return nil }
        self.init(input: Rows(input, stride: inStride), width: width, height: height, out: MutableRows(out, stride: outStride))
    }
}

func boxClip<T>(
    _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double, _ out: UnsafeMutablePointer<T>?, _ outStride: Int
) -> Int32 {
    var arguments = Arguments()
    BoxClip(&arguments, input, count, inStride, width, height, out, outStride)?.run(count, kernels(T.self).box_clip)
    return arguments.status
}

extension BoxClipGrad {
    /// Checks the arguments of boxClipGrad. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double,
        _ gradOut: UnsafePointer<T>?, _ gradIn: UnsafeMutablePointer<T>?
    ) {
        arguments.imageSize(width, height)
        arguments.rows(input, "in", count, stride: inStride, "in_stride")
        arguments.packed(gradOut, "grad_out", count, width: 4)
        arguments.packed(gradIn, "grad_in", count, width: 4)
        guard arguments.valid, let input, let gradOut, let gradIn else { return nil }
        self.init(input: Rows(input, stride: inStride), width: width, height: height, gradOut: gradOut, gradIn: gradIn)
    }
}

func boxClipGrad<T>(
    _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ width: Double, _ height: Double,
    _ gradOut: UnsafePointer<T>?, _ gradIn: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    BoxClipGrad(&arguments, input, count, inStride, width, height, gradOut, gradIn)?.run(count, kernels(T.self).box_clip_grad)
    return arguments.status
}

extension Arguments {
    /// Checks what inspections have in common.
    mutating func inspection(
        _ width: Double, _ height: Double, _ minSize: Double, _ flags: UnsafeMutablePointer<UInt32>?, _ counts: UnsafeMutablePointer<Int>?,
        _ countsLength: Int, _ count: Int
    ) {
        require(width == width, "width", "is NaN", width)
        require(height == height, "height", "is NaN", height)
        require(minSize == minSize, "min_size", "is NaN", minSize)
        packed(flags, "flags", count, optional: true)
        self.count(countsLength, "counts_length")
        packed(counts, "counts", countsLength, optional: true)
    }
}

/// Hands zeros to `count`, which adds to them how many boxes have each flag, and copies them.
func counting(_ counts: UnsafeMutablePointer<Int>?, _ length: Int, _ count: (UnsafeMutablePointer<Int>) -> Void) {
    withUnsafeTemporaryAllocation(of: Int.self, capacity: Int(BOXGRAD_BOX_FLAGS)) { totals in
        totals.initialize(repeating: 0)
        if let base = totals.baseAddress { count(base) }
        if let counts { for k in 0..<length { counts[k] = k < totals.count ? totals[k] : 0 } }
    }
}

func boxInspect<T>(
    _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ width: Double, _ height: Double, _ minSize: Double,
    _ flags: UnsafeMutablePointer<UInt32>?, _ counts: UnsafeMutablePointer<Int>?, _ countsLength: Int
) -> Int32 {
    var arguments = Arguments()
    arguments.inspection(width, height, minSize, flags, counts, countsLength, count)
    arguments.rows(boxes, "boxes", count, stride: stride, "stride")
    guard arguments.valid else { return arguments.status }
    counting(counts, countsLength) { totals in
        guard let boxes, count > 0 else { return }
        BoxInspect(boxes: Rows(boxes, stride: stride), width: width, height: height, minSize: minSize, flags: flags, counts: totals)
            .run(count, commonKernels(T.self).box_inspect)
    }
    return BOXGRAD_OK
}

func boxRotate<T>(
    _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ degrees: Double, _ cx: Double, _ cy: Double,
    _ corners: UnsafeMutablePointer<T>?, _ bounds: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.require(degrees.isFinite, "degrees", "must be finite", degrees)
    arguments.require(cx.isFinite, "cx", "must be finite", cx)
    arguments.require(cy.isFinite, "cy", "must be finite", cy)
    arguments.rows(boxes, "boxes", count, stride: stride, "stride")
    arguments.packed(corners, "corners", count, width: 8, optional: true)
    arguments.packed(bounds, "bounds", count, width: 4, optional: true)
    guard arguments.valid, let boxes else { return arguments.status }
    BoxRotate(boxes: Rows(boxes, stride: stride), degrees: degrees, cx: cx, cy: cy, corners: corners, bounds: bounds)
        .run(count, commonKernels(T.self).box_rotate)
    return BOXGRAD_OK
}
