import CBoxgrad
import CShims

/// Finds degenerate rows.
private struct FindDegenerate<T>: Work {
    let proposals, targets: UnsafePointer<T>
    let proposalsStride, targetsStride: Int
    let marks: UnsafeMutablePointer<UInt8>?
    var found, first: UnsafeMutablePointer<Int>?

    static func run(
        _ context: UnsafeMutableRawPointer?, _ begin: Int, _ end: Int,
        _ kernel: (UnsafePointer<T>, Int, UnsafePointer<T>, Int, Int, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int>) -> Int
    ) {
        let work = at(context)
        var first = 0
        let found = kernel(
            work.proposals + begin &* work.proposalsStride, work.proposalsStride, work.targets + begin &* work.targetsStride, work.targetsStride,
            end &- begin, work.marks.map { $0 + begin }, &first)
        guard found > 0, let totalFound = work.found, let least = work.first else { return }
        bgi_add(totalFound, found)
        bgi_lower(least, begin &+ first)
    }

    /// How many of the rows are degenerate, and the first of them.
    func run(_ count: Int, _ task: boxgrad_task) -> (found: Int, first: Int) {
        var (found, first) = (0, count)
        withUnsafeMutablePointer(to: &found) { found in
            withUnsafeMutablePointer(to: &first) { first in
                var work = self
                (work.found, work.first) = (found, first)
                work.run(count, .boxes, task)
            }
        }
        return (found, first)
    }
}

/// The caller's options, completed by defaults where the caller's struct is NULL or shorter than ours.
private func complete<T>(_ options: UnsafePointer<boxgrad_delta_options>?, for type: T.Type, _ arguments: inout Arguments) -> boxgrad_delta_options {
    let known = MemoryLayout<boxgrad_delta_options>.size
    var complete = boxgrad_delta_options(
        size: known, means: (0, 0, 0, 0), stds: (1, 1, 1, 1), log_ratio_min: -.infinity, log_ratio_max: 4.135166556742356,
        image_width: -1, image_height: -1, center_clamp: .infinity, on_degenerate: BOXGRAD_DEGENERATE_ERROR, reserved: 0)
    guard let options else { return complete }
    let size = UnsafeRawPointer(options).load(as: Int.self)
    guard size >= MemoryLayout<Int>.size || size < 0 else {
        arguments.fail(BOXGRAD_BAD_PARAMETER, "options->size", "is smaller than the field itself", .integer(size))
        return complete
    }
    guard size >= 0 && size <= known else {
        arguments.fail(BOXGRAD_UNSUPPORTED, "options->size", "is larger than this version's struct", .count(size))
        return complete
    }
    guard size % 8 == 0 else {
        arguments.fail(BOXGRAD_BAD_PARAMETER, "options->size", "ends within a field", .integer(size))
        return complete
    }
    memcpy(&complete, options, size)
    let (m, s) = (complete.means, complete.stds)
    func check(_ mean: Double, _ std: Double) {
        arguments.require(rounded(mean, to: type).isFinite, "options->means", "must be finite in the function's type", mean)
        arguments.divisor(std, as: type, "options->stds")
    }
    check(m.0, s.0)
    check(m.1, s.1)
    check(m.2, s.2)
    check(m.3, s.3)
    let (least, most) = (complete.log_ratio_min, complete.log_ratio_max)
    arguments.require(least == least, "options->log_ratio_min", "is NaN", least)
    arguments.require(most == most, "options->log_ratio_max", "is NaN", most)
    arguments.require(least <= most, "options->log_ratio_min", "is greater than log_ratio_max", least)
    arguments.require(complete.image_width == complete.image_width, "options->image_width", "is NaN", complete.image_width)
    arguments.require(complete.image_height == complete.image_height, "options->image_height", "is NaN", complete.image_height)
    arguments.require(complete.center_clamp >= 0, "options->center_clamp", "must not be negative or NaN", complete.center_clamp)
    arguments.require(
        BOXGRAD_DEGENERATE_ERROR...BOXGRAD_DEGENERATE_PROPAGATE ~= complete.on_degenerate, "options->on_degenerate", "is no such code",
        complete.on_degenerate)
    arguments.require(complete.reserved == 0, "options->reserved", "must be 0", complete.reserved)
    return complete
}

extension Arguments {
    /// Fails with the first degenerate row, if such rows are errors.
    fileprivate mutating func noneDegenerate<T: BinaryFloatingPoint>(
        _ options: boxgrad_delta_options, _ proposals: UnsafePointer<T>, _ proposalsStride: Int, _ targets: UnsafePointer<T>, _ targetsStride: Int,
        _ count: Int, _ find: boxgrad_task
    ) {
        guard options.on_degenerate == BOXGRAD_DEGENERATE_ERROR else { return }
        let (found, i) = FindDegenerate(
            proposals: proposals, targets: targets, proposalsStride: proposalsStride, targetsStride: targetsStride, marks: nil
        ).run(count, find)
        guard found > 0 else { return }
        sizes(proposals + i &* proposalsStride, "proposals", row: i)
        sizes(targets + i &* targetsStride, "targets", row: i)
    }

    private mutating func sizes<T: BinaryFloatingPoint>(_ box: UnsafePointer<T>, _ name: StaticString, row: Int) {
        let (w, h) = (Double(box[2] - box[0]), Double(box[3] - box[1]))
        if !(w > 0 && w < .infinity) { fail(BOXGRAD_DEGENERATE_BOX, name, row: row, "has a width that is not a positive finite number", .number(w)) }
        if !(h > 0 && h < .infinity) { fail(BOXGRAD_DEGENERATE_BOX, name, row: row, "has a height that is not a positive finite number", .number(h)) }
    }

    /// Elements in a row of groups x 4.
    fileprivate mutating func rowWidth<T>(_ groups: Int, _: T.Type) -> Int {
        count(groups, "groups")
        let overflow = groups.multipliedReportingOverflow(by: 4 &* MemoryLayout<T>.stride).overflow
        if overflow { fail(BOXGRAD_SIZE_OVERFLOW, "groups", "is too large", .count(groups)) }
        return 4 &* groups
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
        { Encode<Float>.run($0, $1, $2, kernels.f32.delta_encode) }, { FindDegenerate<Float>.run($0, $1, $2, kernels.f32.delta_degenerate) })
}

@_cdecl("boxgrad_delta_encode_f64") @implementation
public func boxgrad_delta_encode_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Double>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<Double>?,
    _ degenerate: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    deltaEncode(
        options, proposals, proposalsStride, targets, targetsStride, count, deltas, degenerate, degenerateCount,
        { Encode<Double>.run($0, $1, $2, kernels.f64.delta_encode) }, { FindDegenerate<Double>.run($0, $1, $2, kernels.f64.delta_degenerate) })
}

private struct Encode<T>: Work {
    var options: boxgrad_delta_options
    let proposals, targets: UnsafePointer<T>
    let proposalsStride, targetsStride: Int
    let deltas: UnsafeMutablePointer<T>

    static func run(
        _ context: UnsafeMutableRawPointer?, _ begin: Int, _ end: Int,
        _ kernel: (UnsafePointer<boxgrad_delta_options>, UnsafePointer<T>, Int, UnsafePointer<T>, Int, Int, UnsafeMutablePointer<T>) -> Void
    ) {
        var work = at(context)
        kernel(
            &work.options, work.proposals + begin &* work.proposalsStride, work.proposalsStride, work.targets + begin &* work.targetsStride,
            work.targetsStride, end &- begin, work.deltas + 4 &* begin)
    }
}

private func deltaEncode<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int,
    _ deltas: UnsafeMutablePointer<T>?, _ degenerate: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?,
    _ task: boxgrad_task, _ find: boxgrad_task
) -> Int32 {
    var arguments = Arguments()
    let options = complete(options, for: T.self, &arguments)
    arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
    arguments.rows(targets, "targets", count, stride: targetsStride, "targets_stride")
    arguments.packed(deltas, "deltas", count, width: 4)
    arguments.packed(degenerate, "degenerate", count, optional: true)
    guard arguments.valid else { return arguments.status }
    var found = 0
    if count > 0, let proposals, let targets, let deltas {
        arguments.noneDegenerate(options, proposals, proposalsStride, targets, targetsStride, count, find)
        guard arguments.valid else { return arguments.status }
        if options.on_degenerate == BOXGRAD_DEGENERATE_ERROR {
            degenerate?.update(repeating: 0, count: count)
        } else if degenerate != nil || degenerateCount != nil {
            found = FindDegenerate(
                proposals: proposals, targets: targets, proposalsStride: proposalsStride, targetsStride: targetsStride, marks: degenerate
            ).run(count, find).found
        }
        Encode(options: options, proposals: proposals, targets: targets, proposalsStride: proposalsStride, targetsStride: targetsStride, deltas: deltas)
            .run(count, .boxes, task)
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
        { EncodeGradient<Float>.run($0, $1, $2, kernels.f32.delta_encode_grad) }, { FindDegenerate<Float>.run($0, $1, $2, kernels.f32.delta_degenerate) })
}

@_cdecl("boxgrad_delta_encode_grad_f64") @implementation
public func boxgrad_delta_encode_grad_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<Double>?, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<Double>?,
    _ gradProposals: UnsafeMutablePointer<Double>?, _ gradTargets: UnsafeMutablePointer<Double>?
) -> Int32 {
    deltaEncodeGrad(
        options, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals, gradTargets,
        { EncodeGradient<Double>.run($0, $1, $2, kernels.f64.delta_encode_grad) }, { FindDegenerate<Double>.run($0, $1, $2, kernels.f64.delta_degenerate) })
}

private struct EncodeGradient<T>: Work {
    var options: boxgrad_delta_options
    let proposals, targets: UnsafePointer<T>
    let proposalsStride, targetsStride: Int
    let gradDeltas: UnsafePointer<T>
    let gradProposals, gradTargets: UnsafeMutablePointer<T>?

    static func run(
        _ context: UnsafeMutableRawPointer?, _ begin: Int, _ end: Int,
        _ kernel: (
            UnsafePointer<boxgrad_delta_options>, UnsafePointer<T>, Int, UnsafePointer<T>, Int, Int, UnsafePointer<T>,
            UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?
        ) -> Void
    ) {
        var work = at(context)
        kernel(
            &work.options, work.proposals + begin &* work.proposalsStride, work.proposalsStride, work.targets + begin &* work.targetsStride,
            work.targetsStride, end &- begin, work.gradDeltas + 4 &* begin, work.gradProposals.map { $0 + 4 &* begin },
            work.gradTargets.map { $0 + 4 &* begin })
    }
}

private func deltaEncodeGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int,
    _ gradDeltas: UnsafePointer<T>?, _ gradProposals: UnsafeMutablePointer<T>?, _ gradTargets: UnsafeMutablePointer<T>?,
    _ task: boxgrad_task, _ find: boxgrad_task
) -> Int32 {
    var arguments = Arguments()
    let options = complete(options, for: T.self, &arguments)
    arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
    arguments.rows(targets, "targets", count, stride: targetsStride, "targets_stride")
    arguments.packed(gradDeltas, "grad_deltas", count, width: 4)
    arguments.packed(gradProposals, "grad_proposals", count, width: 4, optional: true)
    arguments.packed(gradTargets, "grad_targets", count, width: 4, optional: true)
    guard arguments.valid, count > 0, let proposals, let targets, let gradDeltas else { return arguments.status }
    arguments.noneDegenerate(options, proposals, proposalsStride, targets, targetsStride, count, find)
    guard arguments.valid else { return arguments.status }
    EncodeGradient(
        options: options, proposals: proposals, targets: targets, proposalsStride: proposalsStride, targetsStride: targetsStride,
        gradDeltas: gradDeltas, gradProposals: gradProposals, gradTargets: gradTargets
    ).run(count, .boxes, task)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_delta_decode_f32") @implementation
public func boxgrad_delta_decode_f32(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Float>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ boxes: UnsafeMutablePointer<Float>?
) -> Int32 {
    deltaDecode(options, proposals, proposalsStride, deltas, deltasStride, count, groups, boxes) {
        Decode<Float>.run($0, $1, $2, kernels.f32.delta_decode)
    }
}

@_cdecl("boxgrad_delta_decode_f64") @implementation
public func boxgrad_delta_decode_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Double>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ boxes: UnsafeMutablePointer<Double>?
) -> Int32 {
    deltaDecode(options, proposals, proposalsStride, deltas, deltasStride, count, groups, boxes) {
        Decode<Double>.run($0, $1, $2, kernels.f64.delta_decode)
    }
}

private struct Decode<T>: Work {
    var options: boxgrad_delta_options
    let proposals, deltas: UnsafePointer<T>
    let proposalsStride, deltasStride, groups: Int
    let boxes: UnsafeMutablePointer<T>

    static func run(
        _ context: UnsafeMutableRawPointer?, _ begin: Int, _ end: Int,
        _ kernel: (UnsafePointer<boxgrad_delta_options>, UnsafePointer<T>, Int, UnsafePointer<T>, Int, Int, Int, UnsafeMutablePointer<T>) -> Void
    ) {
        var work = at(context)
        kernel(
            &work.options, work.proposals + begin &* work.proposalsStride, work.proposalsStride, work.deltas + begin &* work.deltasStride,
            work.deltasStride, end &- begin, work.groups, work.boxes + 4 &* begin &* work.groups)
    }
}

private func deltaDecode<T>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ boxes: UnsafeMutablePointer<T>?, _ task: boxgrad_task
) -> Int32 {
    var arguments = Arguments()
    let options = complete(options, for: T.self, &arguments)
    let width = arguments.rowWidth(groups, T.self)
    arguments.count(count)
    if groups > 0 {
        arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
        arguments.rows(deltas, "deltas", count, stride: deltasStride, "deltas_stride", width: width)
        arguments.packed(boxes, "boxes", count, width: width)
    }
    guard arguments.valid, groups > 0, let proposals, let deltas, let boxes else { return arguments.status }
    Decode(
        options: options, proposals: proposals, deltas: deltas, proposalsStride: proposalsStride, deltasStride: deltasStride, groups: groups,
        boxes: boxes
    ).run(count, .boxes(groups: groups), task)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_delta_decode_grad_f32") @implementation
public func boxgrad_delta_decode_grad_f32(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Float>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Float>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ gradBoxes: UnsafePointer<Float>?,
    _ gradProposals: UnsafeMutablePointer<Float>?, _ gradDeltas: UnsafeMutablePointer<Float>?
) -> Int32 {
    deltaDecodeGrad(
        options, proposals, proposalsStride, deltas, deltasStride, count, groups, gradBoxes, gradProposals, gradDeltas) {
        DecodeGradient<Float>.run($0, $1, $2, kernels.f32.delta_decode_grad)
    }
}

@_cdecl("boxgrad_delta_decode_grad_f64") @implementation
public func boxgrad_delta_decode_grad_f64(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<Double>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<Double>?, _ deltasStride: Int, _ count: Int, _ groups: Int, _ gradBoxes: UnsafePointer<Double>?,
    _ gradProposals: UnsafeMutablePointer<Double>?, _ gradDeltas: UnsafeMutablePointer<Double>?
) -> Int32 {
    deltaDecodeGrad(
        options, proposals, proposalsStride, deltas, deltasStride, count, groups, gradBoxes, gradProposals, gradDeltas) {
        DecodeGradient<Double>.run($0, $1, $2, kernels.f64.delta_decode_grad)
    }
}

private struct DecodeGradient<T>: Work {
    var options: boxgrad_delta_options
    let proposals, deltas: UnsafePointer<T>
    let proposalsStride, deltasStride, groups: Int
    let gradBoxes: UnsafePointer<T>
    let gradProposals, gradDeltas: UnsafeMutablePointer<T>?

    static func run(
        _ context: UnsafeMutableRawPointer?, _ begin: Int, _ end: Int,
        _ kernel: (
            UnsafePointer<boxgrad_delta_options>, UnsafePointer<T>, Int, UnsafePointer<T>, Int, Int, Int, UnsafePointer<T>,
            UnsafeMutablePointer<T>?, UnsafeMutablePointer<T>?
        ) -> Void
    ) {
        var work = at(context)
        let offset = 4 &* begin &* work.groups
        kernel(
            &work.options, work.proposals + begin &* work.proposalsStride, work.proposalsStride, work.deltas + begin &* work.deltasStride,
            work.deltasStride, end &- begin, work.groups, work.gradBoxes + offset, work.gradProposals.map { $0 + 4 &* begin },
            work.gradDeltas.map { $0 + offset })
    }
}

private func deltaDecodeGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_delta_options>?, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ groups: Int,
    _ gradBoxes: UnsafePointer<T>?, _ gradProposals: UnsafeMutablePointer<T>?, _ gradDeltas: UnsafeMutablePointer<T>?, _ task: boxgrad_task
) -> Int32 {
    var arguments = Arguments()
    let options = complete(options, for: T.self, &arguments)
    let width = arguments.rowWidth(groups, T.self)
    arguments.packed(gradProposals, "grad_proposals", count, width: 4, optional: true)
    if groups > 0 {
        arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride")
        arguments.rows(deltas, "deltas", count, stride: deltasStride, "deltas_stride", width: width)
        arguments.packed(gradBoxes, "grad_boxes", count, width: width)
        arguments.packed(gradDeltas, "grad_deltas", count, width: width, optional: true)
    }
    guard arguments.valid else { return arguments.status }
    if groups > 0, let proposals, let deltas, let gradBoxes {
        DecodeGradient(
            options: options, proposals: proposals, deltas: deltas, proposalsStride: proposalsStride, deltasStride: deltasStride, groups: groups,
            gradBoxes: gradBoxes, gradProposals: gradProposals, gradDeltas: gradDeltas
        ).run(count, .boxes(groups: groups), task)
    } else {
        gradProposals?.update(repeating: 0, count: 4 &* count)
    }
    return BOXGRAD_OK
}
