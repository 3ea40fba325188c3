import CBoxgrad
import CShims

extension Arguments {
    mutating func angle(_ code: Int32, _ name: StaticString = "angle") {
        require(BOXGRAD_ANGLE_RADIANS_CW...BOXGRAD_ANGLE_RADIANS_CCW ~= code, name, "is no convention of angles", code)
    }
}

extension RotatedConvert {
    /// Checks the arguments of rotatedConvert. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ from: Int32, _ to: Int32, _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int,
        _ out: UnsafeMutablePointer<T>?, _ outStride: Int
    ) {
        arguments.angle(from, "from")
        arguments.angle(to, "to")
        arguments.rows(input, "in", count, stride: inStride, "in_stride", width: 5)
        arguments.rows(out, "out", count, stride: outStride, "out_stride", width: 5)
        arguments.inPlace(input, inStride, out, outStride, count)
        guard arguments.valid, let input, let out else { return nil }
        self.init(from: from, to: to, input: Rows(input, stride: inStride), out: MutableRows(out, stride: outStride))
    }
}

func rotatedConvert<T>(
    _ from: Int32, _ to: Int32, _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<T>?, _ outStride: Int
) -> Int32 {
    var arguments = Arguments()
    RotatedConvert(&arguments, from, to, input, count, inStride, out, outStride)?.run(count, commonKernels(T.self).rotated_convert)
    return arguments.status
}

extension RotatedConvertGrad {
    /// Checks the arguments of rotatedConvertGrad. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<T>?, _ gradIn: UnsafeMutablePointer<T>?
    ) {
        arguments.angle(from, "from")
        arguments.angle(to, "to")
        arguments.packed(gradOut, "grad_out", count, width: 5)
        arguments.packed(gradIn, "grad_in", count, width: 5)
        guard arguments.valid, let gradOut, let gradIn else { return nil }
        self.init(from: from, to: to, gradOut: gradOut, gradIn: gradIn)
    }
}

func rotatedConvertGrad<T>(
    _ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<T>?, _ gradIn: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    RotatedConvertGrad(&arguments, from, to, count, gradOut, gradIn)?.run(count, commonKernels(T.self).rotated_convert_grad)
    return arguments.status
}

extension RotatedCorners {
    /// Checks the arguments of rotatedCorners. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ angle: Int32, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int,
        _ corners: UnsafeMutablePointer<T>?, _ bounds: UnsafeMutablePointer<T>?
    ) {
        arguments.angle(angle)
        arguments.rows(boxes, "boxes", count, stride: stride, "stride", width: 5)
        arguments.packed(corners, "corners", count, width: 8, optional: true)
        arguments.packed(bounds, "bounds", count, width: 4, optional: true)
        guard arguments.valid, let boxes else { return nil }
        self.init(angle: angle, boxes: Rows(boxes, stride: stride), corners: corners, bounds: bounds)
    }
}

extension Arguments {
    fileprivate mutating func angleRange(_ angle: Int32, _ range: Int32) {
        self.angle(angle)
        self.range(range, "range")
    }

    mutating func range(_ code: Int32, _ name: StaticString) {
        require(BOXGRAD_RANGE_OC...BOXGRAD_RANGE_TURN ~= code, name, "is no range of angles", code)
    }
}

func rotatedRegularize<T>(
    _ angle: Int32, _ range: Int32, _ input: UnsafePointer<T>?, _ count: Int, _ inStride: Int, _ out: UnsafeMutablePointer<T>?, _ outStride: Int
) -> Int32 {
    var arguments = Arguments()
    arguments.angleRange(angle, range)
    arguments.rows(input, "in", count, stride: inStride, "in_stride", width: 5)
    arguments.rows(out, "out", count, stride: outStride, "out_stride", width: 5)
    arguments.inPlace(input, inStride, out, outStride, count)
    guard arguments.valid, let input, let out else { return arguments.status }
    RotatedRegularize(angle: angle, range: range, input: Rows(input, stride: inStride), out: MutableRows(out, stride: outStride))
        .run(count, commonKernels(T.self).rotated_regularize)
    return BOXGRAD_OK
}

func rotatedRegularizeGrad<T>(
    _ angle: Int32, _ range: Int32, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<T>?,
    _ gradBoxes: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.angleRange(angle, range)
    arguments.rows(boxes, "boxes", count, stride: stride, "stride", width: 5)
    arguments.packed(gradOut, "grad_out", count, width: 5)
    arguments.packed(gradBoxes, "grad_boxes", count, width: 5)
    guard arguments.valid, let boxes, let gradOut, let gradBoxes else { return arguments.status }
    RotatedRegularizeGrad(angle: angle, range: range, boxes: Rows(boxes, stride: stride), gradOut: gradOut, gradBoxes: gradBoxes)
        .run(count, commonKernels(T.self).rotated_regularize_grad)
    return BOXGRAD_OK
}

func rotatedCorners<T>(
    _ angle: Int32, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ corners: UnsafeMutablePointer<T>?,
    _ bounds: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    RotatedCorners(&arguments, angle, boxes, count, stride, corners, bounds)?.run(count, commonKernels(T.self).rotated_corners)
    return arguments.status
}

extension RotatedCornersGrad {
    /// Checks the arguments of rotatedCornersGrad. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ angle: Int32, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ gradCorners: UnsafePointer<T>?,
        _ gradBounds: UnsafePointer<T>?, _ gradBoxes: UnsafeMutablePointer<T>?
    ) {
        arguments.angle(angle)
        arguments.rows(boxes, "boxes", count, stride: stride, "stride", width: 5)
        arguments.packed(gradCorners, "grad_corners", count, width: 8, optional: true)
        arguments.packed(gradBounds, "grad_bounds", count, width: 4, optional: true)
        arguments.packed(gradBoxes, "grad_boxes", count, width: 5)
        guard arguments.valid, let boxes, let gradBoxes else { return nil }
        self.init(angle: angle, boxes: Rows(boxes, stride: stride), gradCorners: gradCorners, gradBounds: gradBounds, gradBoxes: gradBoxes)
    }
}

func rotatedCornersGrad<T>(
    _ angle: Int32, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ gradCorners: UnsafePointer<T>?,
    _ gradBounds: UnsafePointer<T>?, _ gradBoxes: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    RotatedCornersGrad(&arguments, angle, boxes, count, stride, gradCorners, gradBounds, gradBoxes)?
        .run(count, commonKernels(T.self).rotated_corners_grad)
    return arguments.status
}

extension RotatedFromCorners {
    /// Checks the arguments of rotatedFromCorners. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ angle: Int32, _ corners: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ boxes: UnsafeMutablePointer<T>?
    ) {
        arguments.angle(angle)
        arguments.rows(corners, "corners", count, stride: stride, "stride", width: 8)
        arguments.packed(boxes, "boxes", count, width: 5)
        guard arguments.valid, let corners, let boxes else { return nil }
        self.init(angle: angle, corners: Rows(corners, stride: stride), boxes: boxes)
    }
}

func rotatedFromCorners<T>(
    _ angle: Int32, _ corners: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ boxes: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    RotatedFromCorners(&arguments, angle, corners, count, stride, boxes)?.run(count, commonKernels(T.self).rotated_from_corners)
    return arguments.status
}

extension RotatedFromCornersGrad {
    /// Checks the arguments of rotatedFromCornersGrad. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ angle: Int32, _ corners: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ gradBoxes: UnsafePointer<T>?,
        _ gradCorners: UnsafeMutablePointer<T>?
    ) {
        arguments.angle(angle)
        arguments.rows(corners, "corners", count, stride: stride, "stride", width: 8)
        arguments.packed(gradBoxes, "grad_boxes", count, width: 5)
        arguments.packed(gradCorners, "grad_corners", count, width: 8)
        guard arguments.valid, let corners, let gradBoxes, let gradCorners else { return nil }
        self.init(angle: angle, corners: Rows(corners, stride: stride), gradBoxes: gradBoxes, gradCorners: gradCorners)
    }
}

func rotatedFromCornersGrad<T>(
    _ angle: Int32, _ corners: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ gradBoxes: UnsafePointer<T>?,
    _ gradCorners: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    RotatedFromCornersGrad(&arguments, angle, corners, count, stride, gradBoxes, gradCorners)?
        .run(count, commonKernels(T.self).rotated_from_corners_grad)
    return arguments.status
}

func rotatedMinArea<T>(
    _ angle: Int32, _ points: UnsafePointer<T>?, _ count: Int, _ pointsPerRow: Int, _ stride: Int, _ boxes: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.angle(angle)
    arguments.count(pointsPerRow, "points_per_row")
    if pointsPerRow == 0 { arguments.fail(BOXGRAD_BAD_PARAMETER, "points_per_row", "must be at least", least: 1, .integer(pointsPerRow)) }
    if pointsPerRow.multipliedReportingOverflow(by: 2 * MemoryLayout<T>.stride).overflow {
        arguments.fail(BOXGRAD_SIZE_OVERFLOW, "points_per_row", "is too large", .count(pointsPerRow))
    }
    arguments.rows(points, "points", count, stride: stride, "stride", width: 2 &* pointsPerRow)
    arguments.packed(boxes, "boxes", count, width: 5)
    guard arguments.valid, let points, let boxes else { return arguments.status }
    RotatedMinArea(angle: angle, points: Rows(points, stride: stride), pointsPerRow: pointsPerRow, boxes: boxes)
        .run(count, commonKernels(T.self).rotated_min_area)
    return BOXGRAD_OK
}

func rotatedInspect<T>(
    _ angle: Int32, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ width: Double, _ height: Double, _ minSize: Double,
    _ flags: UnsafeMutablePointer<UInt32>?, _ counts: UnsafeMutablePointer<Int>?, _ countsLength: Int
) -> Int32 {
    var arguments = Arguments()
    arguments.angle(angle)
    arguments.inspection(width, height, minSize, flags, counts, countsLength, count)
    arguments.rows(boxes, "boxes", count, stride: stride, "stride", width: 5)
    guard arguments.valid else { return arguments.status }
    counting(counts, countsLength) { totals in
        guard let boxes, count > 0 else { return }
        RotatedInspect(
            angle: angle, boxes: Rows(boxes, stride: stride), width: width, height: height, minSize: minSize, flags: flags, counts: totals
        ).run(count, commonKernels(T.self).rotated_inspect)
    }
    return BOXGRAD_OK
}
