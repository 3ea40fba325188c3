import CBoxgrad
import Foundation
import Testing

private let angles = [BOXGRAD_ANGLE_RADIANS_CW, BOXGRAD_ANGLE_DEGREES_CCW, BOXGRAD_ANGLE_DEGREES_CW, BOXGRAD_ANGLE_RADIANS_CCW]

/// Returns the default options after `change` has changed them.
private func rotatedOptions(_ change: (inout boxgrad_rotated_delta_options) -> Void = { _ in }) -> boxgrad_rotated_delta_options {
    var options = boxgrad_rotated_delta_options(
        size: MemoryLayout<boxgrad_rotated_delta_options>.size, means: (0, 0, 0, 0, 0, 0), stds: (1, 1, 1, 1, 1, 1), log_ratio_min: -.infinity,
        log_ratio_max: log(1000 / 16), image_width: -1, image_height: -1, center_clamp: .infinity, norm_factor: 0, corner_tolerance: 0.1,
        range: BOXGRAD_RANGE_TURN, edge_swap: 0, proj_xy: 0, on_degenerate: BOXGRAD_DEGENERATE_ERROR)
    change(&options)
    return options
}

private let everyOption = rotatedOptions {
    $0.means = (0.125, -0.25, 0.1, 0, 0.05, -0.1)
    $0.stds = (0.5, 0.5, 0.2, 0.25, 0.4, 0.3)
    ($0.log_ratio_min, $0.log_ratio_max) = (-0.25, 0.2)
    ($0.image_width, $0.image_height, $0.center_clamp) = (30, 20, 6)
    ($0.norm_factor, $0.range, $0.edge_swap, $0.proj_xy, $0.on_degenerate) = (0.5, BOXGRAD_RANGE_LE90, 1, 1, BOXGRAD_DEGENERATE_ZERO)
}

private func column(_ six: (Double, Double, Double, Double, Double, Double), _ k: Int) -> Double { [six.0, six.1, six.2, six.3, six.4, six.5][k] }

extension Dual {
    fileprivate var sine: Dual { mapped(sin(value), slope: cos(value)) }
    fileprivate var cosine: Dual { mapped(cos(value), slope: -sin(value)) }
    fileprivate var root: Dual { mapped(value.squareRoot(), slope: 0.5 / value.squareRoot()) }
    fileprivate var magnitude: Dual { mapped(abs(value), slope: value < 0 ? -1 : 1) }
}

/// The direction of the vector (x, y).
private func direction(_ y: Dual, _ x: Dual) -> Dual {
    let square = x.value * x.value + y.value * y.value
    return y.mapped(atan2(y.value, x.value), slope: x.value / square) + x.mapped(0, slope: -y.value / square)
}

/// What is known of a call: the options, and the convention of angles.
private struct Coding {
    let options: boxgrad_rotated_delta_options
    let angle: Int32

    var isDegrees: Bool { angle == BOXGRAD_ANGLE_DEGREES_CW || angle == BOXGRAD_ANGLE_DEGREES_CCW }
    var sense: Double { angle == BOXGRAD_ANGLE_DEGREES_CW || angle == BOXGRAD_ANGLE_RADIANS_CW ? 1 : -1 }
    var half: Double { isDegrees ? 180 : .pi }
    var unit: Double { isDegrees ? .pi / 180 : 1 }
    var scale: Double { options.norm_factor == 0 ? 1 : options.norm_factor * .pi }

    func moved(_ x: Dual) -> Dual {
        guard options.range != BOXGRAD_RANGE_OC else { return x }
        let (firsts, widths): ([Double], [Double]) = ([0, -0.5, -0.25, -1], [1, 1, 1, 2])
        let (first, width) = (firsts[Int(options.range)], widths[Int(options.range)])
        let turns: Double = ((x.value / half - first) / width).rounded(.down)
        let shift: Double = 0 - turns * width * half
        return x + shift
    }

    func axis(_ angle: Dual) -> (c: Dual, s: Dual) {
        guard options.proj_xy != 0 else { return (Dual(1), Dual(0)) }
        let turned = (sense * unit) * angle
        return (turned.cosine, turned.sine)
    }

    func normalized(_ deltas: [Dual]) -> [Dual] { deltas.indices.map { (1 / column(options.stds, $0)) * (deltas[$0] + -column(options.means, $0)) } }
    func raw(_ deltas: ArraySlice<Dual>) -> [Dual] { zip(deltas, 0...).map { column(options.stds, $1) * $0 + column(options.means, $1) } }
    func ratio(_ x: Dual) -> Dual { x.clamped(options.log_ratio_min, options.log_ratio_max).exponential }

    func encoded(_ x: [Dual]) -> [Dual] {
        let (p, t) = (Array(x[..<5]), Array(x[5...]))
        let (c, s) = axis(p[4])
        let (dx, dy) = (t[0] - p[0], t[1] - p[1])
        var (w, h, turn) = (t[2], t[3], moved(t[4] - p[4]))
        let other = moved(t[4] - p[4] + half / 2)
        if options.edge_swap != 0 && !(abs(turn.value) < abs(other.value)) { (w, h, turn) = (h, w, other) }
        let (u, v): (Dual, Dual) = (c * dx + s * dy, c * dy - s * dx)
        return normalized([u / p[2], v / p[3], (w / p[2]).logarithm, (h / p[3]).logarithm, (unit / scale) * turn])
    }

    func decoded(_ x: [Dual]) -> [Dual] {
        let (p, d) = (Array(x[..<5]), raw(x[5...]))
        let (c, s) = axis(p[4])
        let limit = options.center_clamp
        let (u, v) = ((d[0] * p[2]).clamped(-limit, limit), (d[1] * p[3]).clamped(-limit, limit))
        let (byX, byY): (Dual, Dual) = (c * u - s * v, s * u + c * v)
        var center = [p[0] + byX, p[1] + byY]
        if options.image_width >= 0 { center[0] = center[0].clamped(0, options.image_width - 1) }
        if options.image_height >= 0 { center[1] = center[1].clamped(0, options.image_height - 1) }
        var (w, h, turned) = (ratio(d[2]) * p[2], ratio(d[3]) * p[3], p[4] + (scale / unit) * d[4])
        if options.edge_swap != 0 && !(w.value > h.value) { (w, h, turned) = (h, w, turned + half / 2) }
        return center + [w, h, moved(turned)]
    }

    func midpointEncoded(_ x: [Dual]) -> [Dual] {
        let (p, t) = (Array(x[..<4]), Array(x[4...]))
        let turned = (sense * unit) * t[4]
        let (c, s) = (0.5 * turned.cosine, 0.5 * turned.sine)
        let (u, v) = ([c * t[2], s * t[2]], [-(s * t[3]), c * t[3]])
        let signs: [(Double, Double)] = [(1, 1), (-1, 1), (1, -1), (-1, -1)]
        let corners = signs.map { i, j -> [Dual] in
            let (x, y): (Dual, Dual) = (i * u[0] + j * v[0], i * u[1] + j * v[1])
            return [x, y]
        }
        let size = [0, 1].map { axis -> Dual in 2 * (u[axis].magnitude + v[axis].magnitude) }
        func outermost(_ axis: Int, _ sign: Double, _ next: Int) -> Dual {
            let most = corners.map { sign * $0[axis].value }.max()!
            return corners.filter { most - sign * $0[axis].value <= options.corner_tolerance }.map { $0[next] }.max { $0.value < $1.value }!
        }
        let (pw, ph) = (p[2] - p[0], p[3] - p[1])
        let shift = [0, 1].map { axis -> Dual in
            let (low, high): (Dual, Dual) = (t[axis] - p[axis], t[axis] - p[axis + 2])
            return 0.5 * (low + high)
        }
        return normalized([
            shift[0] / pw, shift[1] / ph, (size[0] / pw).logarithm, (size[1] / ph).logarithm, outermost(1, -1, 0) / size[0], outermost(0, 1, 1) / size[1],
        ])
    }

    func midpointDecoded(_ x: [Dual]) -> [Dual] {
        let (p, d) = (Array(x[..<4]), raw(x[4...]))
        let (pw, ph) = (p[2] - p[0], p[3] - p[1])
        let (w, h) = (ratio(d[2]) * pw, ratio(d[3]) * ph)
        var (top, right) = ([d[4].clamped(-0.5, 0.5) * w, -0.5 * h], [0.5 * w, d[5].clamped(-0.5, 0.5) * h])
        let lengths = [top, right].map { ($0[0].squared + $0[1].squared).root }
        let longer = Dual.max(lengths[0], lengths[1])
        (top, right) = (top.map { $0 * (longer / lengths[0]) }, right.map { $0 * (longer / lengths[1]) })
        let (first, second) = ([0, 1].map { right[$0] - top[$0] }, [0, 1].map { -(right[$0] + top[$0]) })
        var sides = [first, second].map { ($0[0].squared + $0[1].squared).root }
        var turned = (sense / unit) * direction(first[1], first[0])
        if options.range == BOXGRAD_RANGE_OC {
            let quarters = (turned.value / (half / 2)).rounded(.up) - 1
            let shift: Double = 0 - quarters * half / 2
            turned = turned + shift
            if abs(quarters).truncatingRemainder(dividingBy: 2) == 1 { sides.swapAt(0, 1) }
        } else if options.range != BOXGRAD_RANGE_TURN && sides[1].value > sides[0].value {
            sides.swapAt(0, 1)
            turned = turned + half / 2
        }
        let (x, y): (Dual, Dual) = (0.5 * (p[0] + p[2]), 0.5 * (p[1] + p[3]))
        return [x + d[0] * pw, y + d[1] * ph, sides[0], sides[1], moved(turned)]
    }
}

extension Random {
    /// Returns a box whose angle is in no unit near a right angle or at the end of a range.
    fileprivate mutating func askew() -> [Double] {
        var box = rotatedBox()
        box[4] = Double(Float(Double(Int.random(in: -3...3, using: &self)) + number(0.1...0.4)))
        return box
    }
}

private protocol RotatedDeltaOperation: OperationWithOptions where Options == boxgrad_rotated_delta_options {
    var angle: Int32 { get }
}

extension RotatedDeltaOperation {
    fileprivate var coding: Coding { Coding(options: options ?? rotatedOptions(), angle: angle) }
    /// With ERROR, a NaN or an infinity in one row makes the whole call fail.
    var isRowwise: Bool { coding.options.on_degenerate != BOXGRAD_DEGENERATE_ERROR }

    /// Describes rotated boxes. With ZERO, some have no height.
    fileprivate func rotated(_ name: String, _ n: Int) -> Argument {
        .input(name, n, 5, stride: name + "_stride") { random in
            var box = random.askew()
            if coding.options.on_degenerate == BOXGRAD_DEGENERATE_ZERO && Int.random(in: 0..<5, using: &random) == 0 { box[3] = 0 }
            return box
        }
    }
    fileprivate func deltas(_ n: Int, _ columns: Int) -> Argument {
        .input("deltas", n, columns, stride: "deltas_stride") { random in (0..<columns).map { _ in Double(Float(random.number(-0.4...0.4))) } }
    }

    /// Only sides of rotated boxes are 0 here.
    fileprivate func isDegenerate(_ x: Inputs, _ i: Int) -> Bool {
        let proposal = x["proposals"]![i]
        return x["targets"]![i][3] == 0 || (proposal.count == 5 && proposal[3] == 0)
    }

    /// The value's rows. Everything is as large as the largest number of the row, at least 4.
    fileprivate func values(_ first: [[Double]], _ second: [[Double]], _ f: ([Dual]) -> [Dual], zero: (Int) -> Bool = { _ in false }) -> [[Term]] {
        zip(first, second).enumerated().map { i, row in
            let outputs = f((row.0 + row.1).map { Dual($0) }).map(\.value)
            let size = (row.0 + row.1 + outputs).map(abs).max()!
            return outputs.map { zero(i) ? Term(0) : Term($0, scale: max(size, 4)) }
        }
    }

    fileprivate func slopes(_ x: Inputs, _ second: String, _ gradient: String, _ f: ([Dual]) -> [Dual], zero: (Int) -> Bool = { _ in false }) -> [[Term]] {
        x["proposals"]!.indices.map { i in
            let row = x["proposals"]![i] + x[second]![i]
            return zero(i) ? row.map { _ in Term(0) } : pullback(row, x[gradient]![i], row: row.count, f)
        }
    }

    fileprivate func encodeArguments(_ n: Int, _ proposals: Argument, _ columns: Int) -> [Argument] {
        [
            proposals, rotated("targets", n), .output("deltas", n, columns), .output("degenerate", n, optional: true, of: .byte),
            .output("degenerate_count", 1, optional: true, of: .size),
        ]
    }

    fileprivate func encodeReference(_ x: Inputs, _ f: ([Dual]) -> [Dual]) -> [String: [[Term]]] {
        let bad = x["proposals"]!.indices.map { isDegenerate(x, $0) }
        return [
            "deltas": values(x["proposals"]!, x["targets"]!, f) { bad[$0] }, "degenerate": bad.map { [Term($0 ? 1 : 0, scale: 0)] },
            "degenerate_count": [[Term(Double(bad.count { $0 }), scale: 0)]],
        ]
    }
}

struct RotatedEncode: RotatedDeltaOperation {
    var options: boxgrad_rotated_delta_options?
    var angle = BOXGRAD_ANGLE_RADIANS_CW

    func arguments(_ n: Int) -> [Argument] { encodeArguments(n, rotated("proposals", n), 5) }
    func reference(_ x: Inputs) -> [String: [[Term]]] { encodeReference(x, coding.encoded) }
}

struct MidpointEncode: RotatedDeltaOperation {
    var options: boxgrad_rotated_delta_options?
    var angle = BOXGRAD_ANGLE_RADIANS_CW

    func arguments(_ n: Int) -> [Argument] { encodeArguments(n, .input("proposals", n, 4, stride: "proposals_stride") { $0.box() }, 6) }
    func reference(_ x: Inputs) -> [String: [[Term]]] { encodeReference(x, coding.midpointEncoded) }
}

struct RotatedEncodeGrad: RotatedDeltaOperation {
    var options: boxgrad_rotated_delta_options?
    var angle = BOXGRAD_ANGLE_RADIANS_CW

    func arguments(_ n: Int) -> [Argument] {
        [
            rotated("proposals", n), rotated("targets", n), .numbers("grad_deltas", n, 5), .output("grad_proposals", n, 5, optional: true),
            .output("grad_targets", n, 5, optional: true),
        ]
    }
    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = slopes(x, "targets", "grad_deltas", coding.encoded) { isDegenerate(x, $0) }
        return ["grad_proposals": rows.map { Array($0[..<5]) }, "grad_targets": rows.map { Array($0[5...]) }]
    }
}

struct MidpointEncodeGrad: RotatedDeltaOperation {
    var options: boxgrad_rotated_delta_options?
    var angle = BOXGRAD_ANGLE_RADIANS_CW

    func arguments(_ n: Int) -> [Argument] {
        [
            .input("proposals", n, 4, stride: "proposals_stride") { $0.box() }, rotated("targets", n), .numbers("grad_deltas", n, 6),
            .output("grad_proposals", n, 4, optional: true), .output("grad_targets", n, 5, optional: true),
        ]
    }
    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = slopes(x, "targets", "grad_deltas", coding.midpointEncoded) { isDegenerate(x, $0) }
        return ["grad_proposals": rows.map { Array($0[..<4]) }, "grad_targets": rows.map { Array($0[4...]) }]
    }
}

struct RotatedDecode: RotatedDeltaOperation {
    var options: boxgrad_rotated_delta_options?
    var angle = BOXGRAD_ANGLE_RADIANS_CW
    var isRowwise: Bool { true }

    func arguments(_ n: Int) -> [Argument] {
        [.input("proposals", n, 5, stride: "proposals_stride") { $0.askew() }, deltas(n, 5), .output("boxes", n, 5)]
    }
    func reference(_ x: Inputs) -> [String: [[Term]]] { ["boxes": values(x["proposals"]!, x["deltas"]!, coding.decoded)] }
}

struct RotatedDecodeGrad: RotatedDeltaOperation {
    var options: boxgrad_rotated_delta_options?
    var angle = BOXGRAD_ANGLE_RADIANS_CW
    var isRowwise: Bool { true }

    func arguments(_ n: Int) -> [Argument] {
        [
            .input("proposals", n, 5, stride: "proposals_stride") { $0.askew() }, deltas(n, 5), .numbers("grad_boxes", n, 5),
            .output("grad_proposals", n, 5, optional: true), .output("grad_deltas", n, 5, optional: true),
        ]
    }
    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = slopes(x, "deltas", "grad_boxes", coding.decoded)
        return ["grad_proposals": rows.map { Array($0[..<5]) }, "grad_deltas": rows.map { Array($0[5...]) }]
    }
}

struct MidpointDecode: RotatedDeltaOperation {
    var options: boxgrad_rotated_delta_options?
    var angle = BOXGRAD_ANGLE_RADIANS_CW
    var isRowwise: Bool { true }

    func arguments(_ n: Int) -> [Argument] {
        [.input("proposals", n, 4, stride: "proposals_stride") { $0.box() }, deltas(n, 6), .output("boxes", n, 5)]
    }
    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["boxes": values(x["proposals"]!, x["deltas"]!, coding.midpointDecoded).map { row in
            row.map { Term($0.value, scale: 8 * max($0.scale, coding.half)) }  // of an angle, the errors of the corners, divided by a side
        }]
    }
}

struct MidpointDecodeGrad: RotatedDeltaOperation {
    var options: boxgrad_rotated_delta_options?
    var angle = BOXGRAD_ANGLE_RADIANS_CW
    var isRowwise: Bool { true }

    func arguments(_ n: Int) -> [Argument] {
        [
            .input("proposals", n, 4, stride: "proposals_stride") { $0.box() }, deltas(n, 6), .numbers("grad_boxes", n, 5),
            .output("grad_proposals", n, 4, optional: true), .output("grad_deltas", n, 6, optional: true),
        ]
    }
    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = slopes(x, "deltas", "grad_boxes", coding.midpointDecoded).map { row in row.map { Term($0.value, scale: 8 * $0.scale) } }
        return ["grad_proposals": rows.map { Array($0[..<4]) }, "grad_deltas": rows.map { Array($0[4...]) }]
    }
}

@Suite struct RotatedDeltasTests {
    @Test(arguments: angles)
    func encode(angle: Int32) throws {
        for options in [nil, everyOption] {
            try sweep(RotatedEncode(options: options, angle: angle))
            try sweep(RotatedEncodeGrad(options: options, angle: angle))
            try sweep(MidpointEncode(options: options, angle: angle))
            try sweep(MidpointEncodeGrad(options: options, angle: angle))
        }
    }

    @Test(arguments: angles)
    func decode(angle: Int32) throws {
        for options in [nil, everyOption] {
            try sweep(RotatedDecode(options: options, angle: angle))
            try sweep(RotatedDecodeGrad(options: options, angle: angle))
            try sweep(MidpointDecode(options: options, angle: angle))
            try sweep(MidpointDecodeGrad(options: options, angle: angle))
        }
    }

    @Test func refusals() throws {
        try refuse(RotatedEncode())
        try refuse(RotatedEncodeGrad())
        try refuse(RotatedDecode())
        try refuse(RotatedDecodeGrad())
        try refuse(MidpointEncode())
        try refuse(MidpointEncodeGrad())
        try refuse(MidpointDecode())
        try refuse(MidpointDecodeGrad())
        let changes: [(String, (inout boxgrad_rotated_delta_options) -> Void)] = [
            ("means", { $0.means.5 = .nan }), ("stds", { $0.stds.4 = 0 }), ("log_ratio_min", { $0.log_ratio_min = 5 }),
            ("center_clamp", { $0.center_clamp = -1 }), ("norm_factor", { $0.norm_factor = -1 }), ("corner_tolerance", { $0.corner_tolerance = .nan }),
            ("range", { $0.range = 4 }), ("edge_swap", { $0.edge_swap = 2 }), ("proj_xy", { $0.proj_xy = -1 }), ("on_degenerate", { $0.on_degenerate = 3 }),
        ]
        for (field, change) in changes {
            try refuse(field, [RotatedEncode(options: rotatedOptions(change))])
            try refuse(field, [RotatedDecodeGrad(options: rotatedOptions(change))])
            try refuse(field, [MidpointEncodeGrad(options: rotatedOptions(change))])
            try refuse(field, [MidpointDecode(options: rotatedOptions(change))])
        }
    }
}
