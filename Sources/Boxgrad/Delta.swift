import CBoxgrad
import CShims

/// The kernel that counts and marks degenerate rows and tells the first.
private typealias FindDegenerate<T> = (
    UnsafePointer<T>, Int, UnsafePointer<T>, Int, Int, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int>
) -> Int

/// The caller's options, completed by defaults where the caller's struct is NULL or shorter than ours.
private func complete(_ options: UnsafePointer<boxgrad_delta_options>?, _ arguments: inout Arguments) -> boxgrad_delta_options {
    let known = MemoryLayout<boxgrad_delta_options>.size
    var complete = boxgrad_delta_options(
        size: known, means: (0, 0, 0, 0), stds: (1, 1, 1, 1), log_ratio_min: -.infinity, log_ratio_max: 4.135166556742356,
        image_width: -1, image_height: -1, center_clamp: .infinity, on_degenerate: BOXGRAD_DEGENERATE_ERROR, reserved: 0)
    guard let options else { return complete }
    let size = UnsafeRawPointer(options).load(as: Int.self)
    guard size >= MemoryLayout<Int>.size || size < 0 else {
        arguments.fail(BOXGRAD_BAD_PARAMETER, "options", "size is smaller than the size field", Double(size))
        return complete
    }
    guard size >= 0 && size <= known else {
        arguments.fail(BOXGRAD_UNSUPPORTED, "options", "size is larger than this version's struct", Double(UInt(bitPattern: size)))
        return complete
    }
    guard size % 8 == 0 else {
        arguments.fail(BOXGRAD_BAD_PARAMETER, "options", "size ends within a field", Double(size))
        return complete
    }
    memcpy(&complete, options, size)
    let (m, s) = (complete.means, complete.stds)
    func check(_ mean: Double, _ std: Double) {
        arguments.require(mean.isFinite, "options->means", "must be finite", mean)
        arguments.require(std > 0 && std < .infinity, "options->stds", "must be positive finite numbers", std)
    }
    check(m.0, s.0)
    check(m.1, s.1)
    check(m.2, s.2)
    check(m.3, s.3)
    arguments.require(
        complete.log_ratio_min <= complete.log_ratio_max, "options->log_ratio_min", "must not exceed log_ratio_max or be NaN",
        complete.log_ratio_min)
    arguments.require(complete.image_width == complete.image_width, "options->image_width", "is NaN", complete.image_width)
    arguments.require(complete.image_height == complete.image_height, "options->image_height", "is NaN", complete.image_height)
    arguments.require(complete.center_clamp >= 0, "options->center_clamp", "must not be negative or NaN", complete.center_clamp)
    arguments.require(
        BOXGRAD_DEGENERATE_ERROR...BOXGRAD_DEGENERATE_PROPAGATE ~= complete.on_degenerate, "options->on_degenerate", "is no such code",
        Double(complete.on_degenerate))
    arguments.require(complete.reserved == 0, "options->reserved", "must be 0", Double(complete.reserved))
    return complete
}

extension Arguments {
    /// Fails with the first degenerate row, if such rows are errors.
    fileprivate mutating func noneDegenerate<T: BinaryFloatingPoint>(
        _ options: boxgrad_delta_options, _ proposals: UnsafePointer<T>, _ proposalsStride: Int, _ targets: UnsafePointer<T>, _ targetsStride: Int,
        _ count: Int, _ find: FindDegenerate<T>
    ) {
        guard options.on_degenerate == BOXGRAD_DEGENERATE_ERROR else { return }
        var i = 0
        guard find(proposals, proposalsStride, targets, targetsStride, count, nil, &i) > 0 else { return }
        let (r, t) = (proposals + i &* proposalsStride, targets + i &* targetsStride)
        sizes(r, "proposals", row: i)
        sizes(t, "targets", row: i)
    }

    private mutating func sizes<T: BinaryFloatingPoint>(_ box: UnsafePointer<T>, _ name: StaticString, row: Int) {
        let (w, h) = (Double(box[2] - box[0]), Double(box[3] - box[1]))
        if !(w > 0 && w < .infinity) { fail(BOXGRAD_DEGENERATE_BOX, name, row: row, "has a width that is not a positive finite number", w) }
        if !(h > 0 && h < .infinity) { fail(BOXGRAD_DEGENERATE_BOX, name, row: row, "has a height that is not a positive finite number", h) }
    }

    /// Elements in a row of groups x 4.
    fileprivate mutating func rowWidth(_ groups: Int) -> Int {
        count(groups, "groups")
        let (width, overflow) = groups.multipliedReportingOverflow(by: 4)
        if overflow { fail(BOXGRAD_SIZE_OVERFLOW, "groups", "is too large", Double(groups)) }
        return width
    }
}

@_cdecl("boxgrad_delta_encode_f32") @implementation
public func boxgrad_delta_encode_f32(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Float>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<Float>?,
    _ degenerate: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    deltaEncode(
        options, proposals, proposalsStride, targets, targetsStride, count, deltas, degenerate, degenerateCount,
        kernels.f32.delta_encode, kernels.f32.delta_degenerate)
}

@_cdecl("boxgrad_delta_encode_f64") @implementation
public func boxgrad_delta_encode_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Double>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<Double>?,
    _ degenerate: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    deltaEncode(
        options, proposals, proposalsStride, targets, targetsStride, count, deltas, degenerate, degenerateCount,
        kernels.f64.delta_encode, kernels.f64.delta_degenerate)
}

private func deltaEncode<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int,
    _ deltas: UnsafeMutablePointer<T>?, _ degenerate: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?,
    _ kernel: (UnsafePointer<boxgrad_delta_options>, UnsafePointer<T>, Int, UnsafePointer<T>, Int, Int, UnsafeMutablePointer<T>) -> Void,
    _ find: FindDegenerate<T>
) -> Int32 {
    var arguments = Arguments()
    var options = complete(options, &arguments)
    arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
    arguments.rows(targets, "targets", count, stride: targetsStride, "targets_stride")
    arguments.packed(deltas, "deltas", count, width: 4)
    arguments.packed(degenerate, "degenerate", count, optional: true)
    guard arguments.valid else { return arguments.status }
    var found = 0
    if count > 0, let proposals, let targets, let deltas {
        arguments.noneDegenerate(options, proposals, proposalsStride, targets, targetsStride, count, find)
        guard arguments.valid else { return arguments.status }
        if degenerate != nil || degenerateCount != nil {
            var first = 0
            found = find(proposals, proposalsStride, targets, targetsStride, count, degenerate, &first)
        }
        kernel(&options, proposals, proposalsStride, targets, targetsStride, count, deltas)
    }
    degenerateCount?.pointee = found
    return BOXGRAD_OK
}

@_cdecl("boxgrad_delta_encode_grad_f32") @implementation
public func boxgrad_delta_encode_grad_f32(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Float>?, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<Float>?,
    _ gradProposals: UnsafeMutablePointer<Float>?, _ gradTargets: UnsafeMutablePointer<Float>?
) -> Int32 {
    deltaEncodeGrad(
        options, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals, gradTargets,
        kernels.f32.delta_encode_grad, kernels.f32.delta_degenerate)
}

@_cdecl("boxgrad_delta_encode_grad_f64") @implementation
public func boxgrad_delta_encode_grad_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Double>?, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<Double>?,
    _ gradProposals: UnsafeMutablePointer<Double>?, _ gradTargets: UnsafeMutablePointer<Double>?
) -> Int32 {
    deltaEncodeGrad(
        options, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals, gradTargets,
        kernels.f64.delta_encode_grad, kernels.f64.delta_degenerate)
}

private func deltaEncodeGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int,
    _ gradDeltas: UnsafePointer<T>?, _ gradProposals: UnsafeMutablePointer<T>?, _ gradTargets: UnsafeMutablePointer<T>?,
    _ kernel: (
        UnsafePointer<boxgrad_delta_options>, UnsafePointer<T>, Int, UnsafePointer<T>, Int, Int, UnsafePointer<T>,
        UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?
    ) -> Void,
    _ find: FindDegenerate<T>
) -> Int32 {
    var arguments = Arguments()
    var options = complete(options, &arguments)
    arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
    arguments.rows(targets, "targets", count, stride: targetsStride, "targets_stride")
    arguments.packed(gradDeltas, "grad_deltas", count, width: 4)
    arguments.packed(gradProposals, "grad_proposals", count, width: 4, optional: true)
    arguments.packed(gradTargets, "grad_targets", count, width: 4, optional: true)
    guard arguments.valid, count > 0, let proposals, let targets, let gradDeltas else { return arguments.status }
    arguments.noneDegenerate(options, proposals, proposalsStride, targets, targetsStride, count, find)
    guard arguments.valid else { return arguments.status }
    kernel(&options, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals, gradTargets)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_delta_decode_f32") @implementation
public func boxgrad_delta_decode_f32(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Float>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ boxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    deltaDecode(options, proposals, proposalsStride, deltas, deltasStride, count, groups, boxes, kernels.f32.delta_decode)
}

@_cdecl("boxgrad_delta_decode_f64") @implementation
public func boxgrad_delta_decode_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Double>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ boxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    deltaDecode(options, proposals, proposalsStride, deltas, deltasStride, count, groups, boxes, kernels.f64.delta_decode)
}

private func deltaDecode<T>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ boxes: UnsafeMutablePointer<T>?,
    _ kernel: (
        UnsafePointer<boxgrad_delta_options>, UnsafePointer<T>, Int, UnsafePointer<T>, Int, Int, Int, UnsafeMutablePointer<T>
    ) -> Void
) -> Int32 {
    var arguments = Arguments()
    var options = complete(options, &arguments)
    let width = arguments.rowWidth(groups)
    arguments.count(count)
    if groups > 0 {
        arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
        arguments.rows(deltas, "deltas", count, stride: deltasStride, "deltas_stride", width: width)
        arguments.packed(boxes, "boxes", count, width: width)
    }
    guard arguments.valid, groups > 0, let proposals, let deltas, let boxes else { return arguments.status }
    kernel(&options, proposals, proposalsStride, deltas, deltasStride, count, groups, boxes)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_delta_decode_grad_f32") @implementation
public func boxgrad_delta_decode_grad_f32(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Float>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ gradBoxes: UnsafePointer<Float>?,
    _ gradProposals: UnsafeMutablePointer<Float>?, _ gradDeltas: UnsafeMutablePointer<Float>?
) -> Int32 {
    deltaDecodeGrad(
        options, proposals, proposalsStride, deltas, deltasStride, count, groups, gradBoxes, gradProposals, gradDeltas,
        kernels.f32.delta_decode_grad)
}

@_cdecl("boxgrad_delta_decode_grad_f64") @implementation
public func boxgrad_delta_decode_grad_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Double>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ gradBoxes: UnsafePointer<Double>?,
    _ gradProposals: UnsafeMutablePointer<Double>?, _ gradDeltas: UnsafeMutablePointer<Double>?
) -> Int32 {
    deltaDecodeGrad(
        options, proposals, proposalsStride, deltas, deltasStride, count, groups, gradBoxes, gradProposals, gradDeltas,
        kernels.f64.delta_decode_grad)
}

private func deltaDecodeGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ groups: Int,
    _ gradBoxes: UnsafePointer<T>?, _ gradProposals: UnsafeMutablePointer<T>?, _ gradDeltas: UnsafeMutablePointer<T>?,
    _ kernel: (
        UnsafePointer<boxgrad_delta_options>, UnsafePointer<T>, Int, UnsafePointer<T>, Int, Int, Int, UnsafePointer<T>,
        UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?
    ) -> Void
) -> Int32 {
    var arguments = Arguments()
    var options = complete(options, &arguments)
    let width = arguments.rowWidth(groups)
    arguments.packed(gradProposals, "grad_proposals", count, width: 4, optional: true)
    if groups > 0 {
        arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
        arguments.rows(deltas, "deltas", count, stride: deltasStride, "deltas_stride", width: width)
        arguments.packed(gradBoxes, "grad_boxes", count, width: width)
        arguments.packed(gradDeltas, "grad_deltas", count, width: width, optional: true)
    }
    guard arguments.valid else { return arguments.status }
    if groups > 0, let proposals, let deltas, let gradBoxes {
        kernel(&options, proposals, proposalsStride, deltas, deltasStride, count, groups, gradBoxes, gradProposals, gradDeltas)
    } else {
        gradProposals?.update(repeating: 0, count: 4 &* count)
    }
    return BOXGRAD_OK
}
