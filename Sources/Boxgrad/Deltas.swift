import CBoxgrad
import CShims

/// Marks the degenerate rows, and returns their number and the first of them, which is `count` if there is none.
private func degenerate<T>(_ proposals: Rows<T>, _ targets: Rows<T>, _ count: Int, marks: UnsafeMutablePointer<UInt8>?) -> (found: Int, first: Int) {
    var (found, first) = (0, count)
    withUnsafeMutablePointer(to: &found) { found in
        withUnsafeMutablePointer(to: &first) { first in
            DeltaDegenerate(proposals: proposals, targets: targets, marks: marks, found: found, first: first)
                .run(count, .boxes, kernels(T.self).delta_degenerate)
        }
    }
    return (found, first)
}

/// Checks the caller's options, and returns them. Where the caller's struct is NULL or shorter than this version's, the fields have their
/// defaults.
func complete<T>(_ options: UnsafePointer<boxgrad_delta_options>?, for type: T.Type, _ arguments: inout Arguments) -> boxgrad_delta_options {
    var complete = boxgrad_delta_options(
        size: MemoryLayout<boxgrad_delta_options>.size, means: (0, 0, 0, 0), stds: (1, 1, 1, 1), log_ratio_min: -.infinity,
        log_ratio_max: 4.135166556742356, image_width: -1, image_height: -1, center_clamp: .infinity, on_degenerate: BOXGRAD_DEGENERATE_ERROR, reserved: 0)
    arguments.copy(options, to: &complete)
    let (m, s) = (complete.means, complete.stds)
    arguments.scale(m.0, s.0, as: type)
    arguments.scale(m.1, s.1, as: type)
    arguments.scale(m.2, s.2, as: type)
    arguments.scale(m.3, s.3, as: type)
    arguments.limits(complete.log_ratio_min, complete.log_ratio_max, complete.image_width, complete.image_height, complete.center_clamp)
    arguments.onDegenerate(complete.on_degenerate)
    arguments.require(complete.reserved == 0, "options->reserved", "must be 0", complete.reserved)
    return complete
}

extension Arguments {
    /// Checks the mean and the std of a delta.
    mutating func scale<T>(_ mean: Double, _ std: Double, as type: T.Type) {
        require(rounded(mean, to: type).isFinite, "options->means", "must be finite in the function's type", mean)
        divisor(std, as: type, "options->stds")
    }

    /// Checks what decoding is limited by.
    mutating func limits(_ least: Double, _ most: Double, _ width: Double, _ height: Double, _ shift: Double) {
        require(least == least, "options->log_ratio_min", "is NaN", least)
        require(most == most, "options->log_ratio_max", "is NaN", most)
        require(least <= most, "options->log_ratio_min", "is greater than log_ratio_max", least)
        require(width == width, "options->image_width", "is NaN", width)
        require(height == height, "options->image_height", "is NaN", height)
        require(shift >= 0, "options->center_clamp", "must not be negative or NaN", shift)
    }

    mutating func onDegenerate(_ code: Int32) {
        require(BOXGRAD_DEGENERATE_ERROR...BOXGRAD_DEGENERATE_PROPAGATE ~= code, "options->on_degenerate", "is no such code", code)
    }

    /// Fails with the first degenerate row, if such rows are errors.
    fileprivate mutating func noneDegenerate<T: BinaryFloatingPoint>(
        _ options: boxgrad_delta_options, _ proposals: Rows<T>, _ targets: Rows<T>, _ count: Int
    ) {
        guard options.on_degenerate == BOXGRAD_DEGENERATE_ERROR else { return }
        let (found, i) = degenerate(proposals, targets, count, marks: nil)
        guard found > 0 else { return }
        sizes(proposals[i], "proposals", row: i)
        sizes(targets[i], "targets", row: i)
    }

    private mutating func sizes<T: BinaryFloatingPoint>(_ box: UnsafePointer<T>, _ name: StaticString, row: Int) {
        sides(Double(box[2] - box[0]), Double(box[3] - box[1]), name, row: row)
    }

    /// Fails if a side of a box is not a positive finite number.
    mutating func sides(_ w: Double, _ h: Double, _ name: StaticString, row: Int) {
        if !(w > 0 && w < .infinity) { fail(BOXGRAD_DEGENERATE_BOX, name, row: row, "has a width that is not a positive finite number", .number(w)) }
        if !(h > 0 && h < .infinity) { fail(BOXGRAD_DEGENERATE_BOX, name, row: row, "has a height that is not a positive finite number", .number(h)) }
    }

    /// Checks the number of groups, and returns the number of elements in a row of groups x 4.
    mutating func rowWidth<T>(_ groups: Int, _: T.Type) -> Int {
        count(groups, "groups")
        let overflow = groups.multipliedReportingOverflow(by: 4 &* MemoryLayout<T>.stride).overflow
        if overflow { fail(BOXGRAD_SIZE_OVERFLOW, "groups", "is too large", .count(groups)) }
        return 4 &* groups
    }
}

extension DeltaEncode {
    /// Checks the arguments of deltaEncode. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?,
        _ proposalsStride: Int, _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<T>?,
        _ marks: UnsafeMutablePointer<UInt8>?
    ) {
        let options = complete(options, for: T.self, &arguments)
        arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
        arguments.rows(targets, "targets", count, stride: targetsStride, "targets_stride")
        arguments.packed(deltas, "deltas", count, width: 4)
        arguments.packed(marks, "degenerate", count, optional: true)
        guard arguments.valid, count > 0, let proposals, let targets, let deltas else { return nil }
        self.init(
            options: options, proposals: Rows(proposals, stride: proposalsStride), targets: Rows(targets, stride: targetsStride), deltas: deltas)
    }
}

func deltaEncode<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int,
    _ deltas: UnsafeMutablePointer<T>?, _ marks: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    var arguments = Arguments()
    let call = DeltaEncode(&arguments, options, proposals, proposalsStride, targets, targetsStride, count, deltas, marks)
    guard arguments.valid else { return arguments.status }
    var found = 0
    if let call {
        arguments.noneDegenerate(call.options, call.proposals, call.targets, count)
        guard arguments.valid else { return arguments.status }
        if call.options.on_degenerate == BOXGRAD_DEGENERATE_ERROR {
            marks?.update(repeating: 0, count: count)
        } else if marks != nil || degenerateCount != nil {
            found = degenerate(call.proposals, call.targets, count, marks: marks).found
        }
        call.run(count, .boxes, kernels(T.self).delta_encode)
    }
    degenerateCount?.pointee = found
    return BOXGRAD_OK
}

extension DeltaEncodeGrad {
    /// Checks the arguments of deltaEncodeGrad. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?,
        _ proposalsStride: Int, _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<T>?,
        _ gradProposals: UnsafeMutablePointer<T>?, _ gradTargets: UnsafeMutablePointer<T>?
    ) {
        let options = complete(options, for: T.self, &arguments)
        arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
        arguments.rows(targets, "targets", count, stride: targetsStride, "targets_stride")
        arguments.packed(gradDeltas, "grad_deltas", count, width: 4)
        arguments.packed(gradProposals, "grad_proposals", count, width: 4, optional: true)
        arguments.packed(gradTargets, "grad_targets", count, width: 4, optional: true)
        guard arguments.valid, count > 0, let proposals, let targets, let gradDeltas else { return nil }
        self.init(
            options: options, proposals: Rows(proposals, stride: proposalsStride), targets: Rows(targets, stride: targetsStride), gradDeltas: gradDeltas,
            gradProposals: gradProposals, gradTargets: gradTargets)
    }
}

func deltaEncodeGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int,
    _ gradDeltas: UnsafePointer<T>?, _ gradProposals: UnsafeMutablePointer<T>?, _ gradTargets: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    let checked = DeltaEncodeGrad(&arguments, options, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals, gradTargets)
    guard let call = checked else { return arguments.status }
    arguments.noneDegenerate(call.options, call.proposals, call.targets, count)
    guard arguments.valid else { return arguments.status }
    call.run(count, .boxes, kernels(T.self).delta_encode_grad)
    return BOXGRAD_OK
}

extension DeltaDecode {
    /// Checks the arguments of deltaDecode. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?,
        _ proposalsStride: Int, _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ groups: Int,
        _ boxes: UnsafeMutablePointer<T>?
    ) {
        let options = complete(options, for: T.self, &arguments)
        let width = arguments.rowWidth(groups, T.self)
        arguments.count(count)
        if groups > 0 {
            arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
            arguments.rows(deltas, "deltas", count, stride: deltasStride, "deltas_stride", width: width)
            arguments.packed(boxes, "boxes", count, width: width)
        }
        guard arguments.valid, groups > 0, let proposals, let deltas, let boxes else { return nil }
        self.init(options: options, proposals: Rows(proposals, stride: proposalsStride), deltas: Rows(deltas, stride: deltasStride), groups: groups, boxes: boxes)
    }
}

func deltaDecode<T>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ boxes: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    DeltaDecode(&arguments, options, proposals, proposalsStride, deltas, deltasStride, count, groups, boxes)?.run(count, .boxes(groups: groups), kernels(T.self).delta_decode)
    return arguments.status
}

extension DeltaDecodeGrad {
    /// Checks the arguments of deltaDecodeGrad. It returns nil if one is refused, or if there are no deltas.
    init?(
        _ arguments: inout Arguments, _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?,
        _ proposalsStride: Int, _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ groups: Int,
        _ gradBoxes: UnsafePointer<T>?, _ gradProposals: UnsafeMutablePointer<T>?, _ gradDeltas: UnsafeMutablePointer<T>?
    ) {
        let options = complete(options, for: T.self, &arguments)
        let width = arguments.rowWidth(groups, T.self)
        arguments.packed(gradProposals, "grad_proposals", count, width: 4, optional: true)
        if groups > 0 {
            arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
            arguments.rows(deltas, "deltas", count, stride: deltasStride, "deltas_stride", width: width)
            arguments.packed(gradBoxes, "grad_boxes", count, width: width)
            arguments.packed(gradDeltas, "grad_deltas", count, width: width, optional: true)
        }
        guard arguments.valid, groups > 0, let proposals, let deltas, let gradBoxes else { return nil }
        self.init(
            options: options, proposals: Rows(proposals, stride: proposalsStride), deltas: Rows(deltas, stride: deltasStride), groups: groups,
            gradBoxes: gradBoxes, gradProposals: gradProposals, gradDeltas: gradDeltas)
    }
}

func deltaDecodeGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ groups: Int,
    _ gradBoxes: UnsafePointer<T>?, _ gradProposals: UnsafeMutablePointer<T>?, _ gradDeltas: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    let call = DeltaDecodeGrad(&arguments, options, proposals, proposalsStride, deltas, deltasStride, count, groups, gradBoxes, gradProposals, gradDeltas)
    guard arguments.valid else { return arguments.status }
    if let call {
        call.run(count, .boxes(groups: groups), kernels(T.self).delta_decode_grad)
    } else {
        gradProposals?.update(repeating: 0, count: 4 &* count)
    }
    return BOXGRAD_OK
}
