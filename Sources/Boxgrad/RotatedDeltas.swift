import CBoxgrad
import CShims

/// Checks the caller's options, and returns them for the kernel. Where the caller's struct is NULL or shorter than this version's, the fields have
/// their defaults.
@inline(never)
private func complete<T>(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, for type: T.Type, _ arguments: inout Arguments
) -> boxgrad_rotated_delta_options {
    var complete = boxgrad_rotated_delta_options(
        size: MemoryLayout<boxgrad_rotated_delta_options>.size, means: (0, 0, 0, 0, 0, 0), stds: (1, 1, 1, 1, 1, 1), log_ratio_min: -.infinity,
        log_ratio_max: 4.135166556742356, image_width: -1, image_height: -1, center_clamp: .infinity, norm_factor: 0, corner_tolerance: 0.1,
        range: BOXGRAD_RANGE_TURN, edge_swap: 0, proj_xy: 0, on_degenerate: BOXGRAD_DEGENERATE_ERROR)
    arguments.copy(options, to: &complete)
    let (m, s) = (complete.means, complete.stds)
    arguments.scale(m.0, s.0, as: type)
    arguments.scale(m.1, s.1, as: type)
    arguments.scale(m.2, s.2, as: type)
    arguments.scale(m.3, s.3, as: type)
    arguments.scale(m.4, s.4, as: type)
    arguments.scale(m.5, s.5, as: type)
    arguments.limits(complete.log_ratio_min, complete.log_ratio_max, complete.image_width, complete.image_height, complete.center_clamp)
    if complete.norm_factor != 0 { arguments.divisor(complete.norm_factor, as: type, "options->norm_factor") }
    arguments.require(complete.corner_tolerance >= 0, "options->corner_tolerance", "must not be negative or NaN", complete.corner_tolerance)
    arguments.range(complete.range, "options->range")
    arguments.require(0...1 ~= complete.edge_swap, "options->edge_swap", "must be 0 or 1", complete.edge_swap)
    arguments.require(0...1 ~= complete.proj_xy, "options->proj_xy", "must be 0 or 1", complete.proj_xy)
    arguments.onDegenerate(complete.on_degenerate)
    return complete
}

/// Marks the degenerate rows of a call that encodes, and returns their number and the first of them, which is 0 if there is none.
private func degenerate<T>(_ call: RotatedCode<T>, _ count: Int, marks: UnsafeMutablePointer<UInt8>?) -> (found: Int, first: Int) {
    var (found, first) = (0, 0)
    withUnsafeMutablePointer(to: &found) { found in
        withUnsafeMutablePointer(to: &first) { first in
            RotatedDegenerate(
                isMidpoint: call.isMidpoint, proposals: call.proposals, targets: call.operands, marks: marks, found: found, first: first
            ).run(count, commonKernels(T.self).rotated_degenerate)
        }
    }
    return (found, first)
}

extension Arguments {
    /// Fails with the first degenerate row, if such rows are errors.
    @inline(never)
    fileprivate mutating func noneDegenerate<T: BinaryFloatingPoint>(_ call: RotatedCode<T>, _ count: Int) {
        guard valid, !call.decodes, call.options.on_degenerate == BOXGRAD_DEGENERATE_ERROR else { return }
        let (found, i) = degenerate(call, count, marks: nil)
        guard found > 0 else { return }
        func number(_ k: Int) -> Double { Double(call.proposals[i][k]) }
        let (w, h) = call.isMidpoint ? (number(2) - number(0), number(3) - number(1)) : (number(2), number(3))
        sides(w, h, "proposals", row: i)
        sides(Double(call.operands[i][2]), Double(call.operands[i][3]), "targets", row: i)
    }
}

extension RotatedCode {
    /// Checks the arguments of a value. It returns nil if one is refused, or if there is nothing to do.
    @inline(never)
    init?(
        isMidpoint: Bool, decodes: Bool, _ arguments: inout Arguments, _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32,
        _ proposals: UnsafePointer<T>?, _ proposalsStride: Int, _ operands: UnsafePointer<T>?, _ operandsStride: Int, _ count: Int,
        _ out: UnsafeMutablePointer<T>?, gradOut: UnsafePointer<T>? = nil, _ gradProposals: UnsafeMutablePointer<T>? = nil,
        _ gradOperands: UnsafeMutablePointer<T>? = nil, isGradient: Bool = false
    ) {
        let widths = RotatedCodeWidths(isMidpoint: isMidpoint, decodes: decodes)
        let options = complete(options, for: T.self, &arguments)
        arguments.angle(angle)
        arguments.rows(proposals, "proposals", count, stride: proposalsStride, "proposals_stride", width: widths.proposal)
        let (name, strideName): (StaticString, StaticString) = decodes ? ("deltas", "deltas_stride") : ("targets", "targets_stride")
        arguments.rows(operands, name, count, stride: operandsStride, strideName, width: widths.operand)
        if isGradient {
            arguments.packed(gradOut, decodes ? "grad_boxes" : "grad_deltas", count, width: widths.out)
            arguments.packed(gradProposals, "grad_proposals", count, width: widths.proposal, optional: true)
            arguments.packed(gradOperands, decodes ? "grad_deltas" : "grad_targets", count, width: widths.operand, optional: true)
        } else {
            arguments.packed(out, decodes ? "boxes" : "deltas", count, width: widths.out)
        }
        guard arguments.valid, count > 0, let proposals, let operands else { return nil }
        self.init(
            isMidpoint: isMidpoint, decodes: decodes, options: options, angle: angle, proposals: Rows(proposals, stride: proposalsStride),
            operands: Rows(operands, stride: operandsStride), gradOut: gradOut, out: out, gradProposals: gradProposals, gradOperands: gradOperands)
    }
}

@inline(never)
private func encode<T: BinaryFloatingPoint>(
    isMidpoint: Bool, _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<T>?,
    _ proposalsStride: Int, _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<T>?,
    _ marks: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    var arguments = Arguments()
    let call = RotatedCode(
        isMidpoint: isMidpoint, decodes: false, &arguments, options, angle, proposals, proposalsStride, targets, targetsStride, count, deltas)
    arguments.packed(marks, "degenerate", count, optional: true)
    if let call { arguments.noneDegenerate(call, count) }
    guard arguments.valid else { return arguments.status }
    var found = 0
    if let call {
        if call.options.on_degenerate == BOXGRAD_DEGENERATE_ERROR {
            marks?.update(repeating: 0, count: count)
        } else if marks != nil || degenerateCount != nil {
            found = degenerate(call, count, marks: marks).found
        }
        call.run(count, commonKernels(T.self).rotated_code)
    }
    degenerateCount?.pointee = found
    return BOXGRAD_OK
}

@inline(never)
private func decode<T>(
    isMidpoint: Bool, _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<T>?,
    _ proposalsStride: Int, _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ boxes: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    RotatedCode(isMidpoint: isMidpoint, decodes: true, &arguments, options, angle, proposals, proposalsStride, deltas, deltasStride, count, boxes)?
        .run(count, commonKernels(T.self).rotated_code)
    return arguments.status
}

@inline(never)
private func differentiate<T: BinaryFloatingPoint>(
    isMidpoint: Bool, decodes: Bool, _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<T>?,
    _ proposalsStride: Int, _ operands: UnsafePointer<T>?, _ operandsStride: Int, _ count: Int, _ gradOut: UnsafePointer<T>?,
    _ gradProposals: UnsafeMutablePointer<T>?, _ gradOperands: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    let checked = RotatedCode(
        isMidpoint: isMidpoint, decodes: decodes, &arguments, options, angle, proposals, proposalsStride, operands, operandsStride, count, nil,
        gradOut: gradOut, gradProposals, gradOperands, isGradient: true)
    guard let call = checked else { return arguments.status }
    arguments.noneDegenerate(call, count)
    guard arguments.valid else { return arguments.status }
    call.run(count, commonKernels(T.self).rotated_code)
    return BOXGRAD_OK
}

func rotatedEncode<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<T>?,
    _ marks: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    encode(isMidpoint: false, options, angle, proposals, proposalsStride, targets, targetsStride, count, deltas, marks, degenerateCount)
}

func rotatedEncodeGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<T>?,
    _ gradProposals: UnsafeMutablePointer<T>?, _ gradTargets: UnsafeMutablePointer<T>?
) -> Int32 {
    differentiate(
        isMidpoint: false, decodes: false, options, angle, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals,
        gradTargets)
}

func rotatedDecode<T>(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ boxes: UnsafeMutablePointer<T>?
) -> Int32 {
    decode(isMidpoint: false, options, angle, proposals, proposalsStride, deltas, deltasStride, count, boxes)
}

func rotatedDecodeGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ gradBoxes: UnsafePointer<T>?,
    _ gradProposals: UnsafeMutablePointer<T>?, _ gradDeltas: UnsafeMutablePointer<T>?
) -> Int32 {
    differentiate(
        isMidpoint: false, decodes: true, options, angle, proposals, proposalsStride, deltas, deltasStride, count, gradBoxes, gradProposals, gradDeltas)
}

func midpointEncode<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<T>?,
    _ marks: UnsafeMutablePointer<UInt8>?, _ degenerateCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    encode(isMidpoint: true, options, angle, proposals, proposalsStride, targets, targetsStride, count, deltas, marks, degenerateCount)
}

func midpointEncodeGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>?, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<T>?,
    _ gradProposals: UnsafeMutablePointer<T>?, _ gradTargets: UnsafeMutablePointer<T>?
) -> Int32 {
    differentiate(
        isMidpoint: true, decodes: false, options, angle, proposals, proposalsStride, targets, targetsStride, count, gradDeltas, gradProposals,
        gradTargets)
}

func midpointDecode<T>(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ boxes: UnsafeMutablePointer<T>?
) -> Int32 {
    decode(isMidpoint: true, options, angle, proposals, proposalsStride, deltas, deltasStride, count, boxes)
}

func midpointDecodeGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_rotated_delta_options>?, _ angle: Int32, _ proposals: UnsafePointer<T>?, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>?, _ deltasStride: Int, _ count: Int, _ gradBoxes: UnsafePointer<T>?,
    _ gradProposals: UnsafeMutablePointer<T>?, _ gradDeltas: UnsafeMutablePointer<T>?
) -> Int32 {
    differentiate(
        isMidpoint: true, decodes: true, options, angle, proposals, proposalsStride, deltas, deltasStride, count, gradBoxes, gradProposals, gradDeltas)
}
