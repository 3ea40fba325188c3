// These kernels encode rotated boxes as deltas, decode them, and compute both gradients: against rotated proposals, and against upright ones by
// the middles of the sides (midpoint offsets). Rows are read as doubles and rounded to T once, so that all of the arithmetic is compiled once.

import CBoxgrad
import CShims

#if COMMON_KERNELS
/// Counts the rows in which the proposal or the target is degenerate, finds the first of them, and marks each row with 1 if it is degenerate,
/// else with 0.
@inline(never)
func rotatedDegenerate<T: Real>(_ call: RotatedDegenerate<T>, _ rows: Range<Int>) {
    let widths = RotatedCodeWidths(isMidpoint: call.isMidpoint, decodes: false)
    @inline(__always)
    func find(_ row: CodedRow) {
        for i in rows {
            load(call.proposals[i], widths.proposal, row.proposal)
            load(call.targets[i], widths.operand, row.operand)
            let isDegenerate = !row.isSound(isMidpoint: call.isMidpoint)
            if let marks = call.marks { marks[i] = bit(isDegenerate) }
            guard isDegenerate else { continue }
            if call.found.pointee == 0 { call.first.pointee = i }
            call.found.pointee &+= 1
        }
    }
    CodedRow.with(find)
}

@inline(never)
func rotatedCode<T: Real>(_ call: RotatedCode<T>, _ rows: Range<Int>) {
    let coder = RotatedCoder(call.options, call.angle, isMidpoint: call.isMidpoint, decodes: call.decodes, for: T.self)
    let widths = RotatedCodeWidths(isMidpoint: call.isMidpoint, decodes: call.decodes)
    CodedRow.with { row in
        for i in rows {
            load(call.proposals[i], widths.proposal, row.proposal)
            load(call.operands[i], widths.operand, row.operand)
            if let gradOut = call.gradOut {
                load(gradOut + widths.out &* i, widths.out, row.out)
                coder.differentiate(row)
                if let out = call.gradProposals { store(row.proposal, widths.proposal, out + widths.proposal &* i) }
                if let out = call.gradOperands { store(row.operand, widths.operand, out + widths.operand &* i) }
            } else if let out = call.out {
                coder.code(row)
                store(row.out, widths.out, out + widths.out &* i)
            }
        }
    }
}

// These two are not inlined, because they are needed often, and the loops would be unrolled each time.

@inline(never)
private func load<T: Real>(_ row: UnsafePointer<T>, _ width: Int, _ out: UnsafeMutablePointer<Double>) {
    for k in 0..<width { out[k] = Double(row[k]) }
}

@inline(never)
private func store<T: Real>(_ row: UnsafeMutablePointer<Double>, _ width: Int, _ out: UnsafeMutablePointer<T>) {
    for k in 0..<width { out[k] = T(row[k]) }
}

/// A row in doubles, on the stack: a proposal, a target or deltas, and what is made of them. Gradients take the places of what they are by.
private struct CodedRow {
    let proposal: UnsafeMutablePointer<Double>
    var operand: UnsafeMutablePointer<Double> { proposal + 6 }
    var out: UnsafeMutablePointer<Double> { proposal + 12 }

    @inline(__always)
    static func with(_ body: (Self) -> Void) {
        var memory = InlineArray<18, Double>(repeating: 0)
        withUnsafeMutablePointer(to: &memory) { body(Self(proposal: UnsafeMutableRawPointer($0).assumingMemoryBound(to: Double.self))) }
    }

    /// Whether both sides of the proposal and of the target are positive finite numbers.
    @inline(never)
    func isSound(isMidpoint: Bool) -> Bool {
        @inline(__always)
        func isSound(_ w: Double, _ h: Double) -> Bool { both(both(w > 0, isFinite(w)), both(h > 0, isFinite(h))) }
        let (p, t) = (proposal, operand)
        return both(isMidpoint ? isSound(p[2] - p[0], p[3] - p[1]) : isSound(p[2], p[3]), isSound(t[2], t[3]))
    }
}

/// The numbers of a rotated box, of five deltas, or of a gradient.
private typealias Five = RotatedRow<Double>

@inline(__always)
private func five(_ row: UnsafeMutablePointer<Double>) -> Five { Five { row[$0] } }

@inline(__always)
private func write<R: Row<Double>>(_ numbers: R, _ out: UnsafeMutablePointer<Double>) {
    for k in 0..<R.columns { out[k] = numbers[k] }
}

/// Codes rows, all of which have the same options.
private struct RotatedCoder {
    private let isMidpoint, decodes: Bool
    private let options: boxgrad_rotated_delta_options
    private let convention: AngleConvention
    /// What turns are brought into, and angles that are rounded to T.
    private let turns, angles: RangedAngles
    /// What a delta of an angle is divided by, which is in radians.
    private let scale: Double

    init<T: Real>(_ options: boxgrad_rotated_delta_options, _ angle: Int32, isMidpoint: Bool, decodes: Bool, for _: T.Type) {
        (self.isMidpoint, self.decodes, self.options, convention) = (isMidpoint, decodes, options, AngleConvention(angle))
        turns = RangedAngles(options.range, convention.unit, for: Double.self)
        angles = RangedAngles(options.range, convention.unit, for: T.self)
        scale = options.norm_factor == 0 ? 1 : options.norm_factor * 0x1.921fb54442d18p+1
    }

    @inline(never)
    func code(_ row: CodedRow) {
        if !decodes && options.on_degenerate == BOXGRAD_DEGENERATE_ZERO && !row.isSound(isMidpoint: isMidpoint) {
            return write(Six { _ in 0 }, row.out)
        }
        switch (isMidpoint, decodes) {
        case (false, false): write(encoded(five(row.proposal), five(row.operand)), row.out)
        case (false, true): write(decoded(five(row.proposal), raw(row.operand).five), row.out)
        case (true, false): write(midpointEncoded(Box(row.proposal), Arms(five(row.operand), convention)), row.out)
        case (true, true): write(midpointDecoded(Box(row.proposal), raw(row.operand)), row.out)
        }
    }

    @inline(never)
    func differentiate(_ row: CodedRow) {
        if !decodes && options.on_degenerate == BOXGRAD_DEGENERATE_ZERO && !row.isSound(isMidpoint: isMidpoint) {
            write(Six { _ in 0 }, row.proposal)
            return write(Six { _ in 0 }, row.operand)
        }
        let (stds, g) = (options.stds, row.out)
        if !decodes {
            let byRaw = Six(g[0] / stds.0, g[1] / stds.1, g[2] / stds.2, g[3] / stds.3, g[4] / stds.4, g[5] / stds.5)
            if isMidpoint {
                let (byProposal, byTarget) = gradientsOfMidpointEncoded(Box(row.proposal), Arms(five(row.operand), convention), byRaw)
                write(byProposal, row.proposal)
                write(byTarget, row.operand)
            } else {
                let (byProposal, byTarget) = gradientsOfEncoded(five(row.proposal), five(row.operand), byRaw.five)
                write(byProposal, row.proposal)
                write(byTarget, row.operand)
            }
            return
        }
        let byRaw: Six
        if isMidpoint {
            let (byProposal, byDeltas) = gradientsOfMidpointDecoded(Box(row.proposal), raw(row.operand), five(g))
            write(byProposal, row.proposal)
            byRaw = byDeltas
        } else {
            let (byProposal, byDeltas) = gradientsOfDecoded(five(row.proposal), raw(row.operand).five, five(g))
            write(byProposal, row.proposal)
            byRaw = Six(byDeltas.x, byDeltas.y, byDeltas.w, byDeltas.h, byDeltas.angle, 0)
        }
        write(
            Six(byRaw.dx * stds.0, byRaw.dy * stds.1, byRaw.dw * stds.2, byRaw.dh * stds.3, byRaw.da * stds.4, byRaw.db * stds.5), row.operand)
    }

    /// Returns deltas as they were before means and stds.
    @inline(__always)
    private func raw(_ d: UnsafeMutablePointer<Double>) -> Six {
        let (m, s) = (options.means, options.stds)
        return Six(d[0] * s.0 + m.0, d[1] * s.1 + m.1, d[2] * s.2 + m.2, d[3] * s.3 + m.3, d[4] * s.4 + m.4, d[5] * s.5 + m.5)
    }

    /// Returns the delta of two sides, and the quotient of sides that a delta stands for.
    @inline(never)
    private func logRatio(_ side: Double, _ proposal: Double) -> Double { log(ratioOf: side, to: proposal) }
    @inline(never)
    private func ratio(_ logRatio: Double) -> Double { exp(clamp(logRatio, options.log_ratio_min, options.log_ratio_max)) }

    @inline(__always)
    private func ratioGradient(_ logRatio: Double, _ gradient: Double) -> Double {
        clampGradient(logRatio, options.log_ratio_min, options.log_ratio_max, gradient)
    }

    // ---- Against rotated proposals ----

    /// The direction of the deltas' first axis.
    @inline(__always)
    private func axis(_ proposal: Five) -> Vector {
        guard options.proj_xy != 0 else { return Vector(1, 0) }
        let (c, s) = convention.direction(proposal.angle)
        return Vector(c, s)
    }

    /// Returns the turn from the proposal to the target, and whether the target's sides are exchanged, which makes it smaller.
    @inline(__always)
    private func turn(_ proposal: Five, _ target: Five) -> (turn: Double, isExchanged: Bool) {
        let difference = target.angle - proposal.angle
        let turn = turns.moved(difference)
        guard options.edge_swap != 0 else { return (turn, false) }
        let other = turns.moved(difference + convention.unit.quarterTurn)
        return turn.magnitude < other.magnitude ? (turn, false) : (other, true)
    }

    @inline(__always)
    private func encoded(_ proposal: Five, _ target: Five) -> Six {
        let along = axis(proposal)
        let shift = Vector(target.x - proposal.x, target.y - proposal.y)
        let (turn, isExchanged) = turn(proposal, target)
        let (w, h) = isExchanged ? (target.h, target.w) : (target.w, target.h)
        return normalized(
            Six(
                shift.dot(along) / proposal.w, shift.dot(along.turned) / proposal.h, logRatio(w, proposal.w), logRatio(h, proposal.h),
                turn * convention.unit.radians / scale, 0))
    }

    @inline(__always)
    private func normalized(_ d: Six) -> Six {
        let (m, s) = (options.means, options.stds)
        return Six(
            (d.dx - m.0) / s.0, (d.dy - m.1) / s.1, (d.dw - m.2) / s.2, (d.dh - m.3) / s.3, (d.da - m.4) / s.4, (d.db - m.5) / s.5)
    }

    @inline(__always)
    private func gradientsOfEncoded(_ proposal: Five, _ target: Five, _ gradient: Five) -> (Five, Five) {
        let along = axis(proposal)
        let shift = Vector(target.x - proposal.x, target.y - proposal.y)
        let isExchanged = turn(proposal, target).isExchanged
        let (w, h) = isExchanged ? (target.h, target.w) : (target.w, target.h)
        let (u, v) = (shift.dot(along), shift.dot(along.turned))
        let (byU, byV) = (gradient.x / proposal.w, gradient.y / proposal.h)
        let byShift = byU * along + byV * along.turned
        let byAngle = gradient.angle * convention.unit.radians / scale
        let turning = options.proj_xy != 0 ? (byU * v - byV * u) * convention.radians : 0
        let ofProposal = Five(
            0 - byShift.x, 0 - byShift.y, 0 - (byU * u + gradient.w) / proposal.w, 0 - (byV * v + gradient.h) / proposal.h, turning - byAngle)
        let (byW, byH) = (gradient.w / w, gradient.h / h)
        return (ofProposal, Five(byShift.x, byShift.y, isExchanged ? byH : byW, isExchanged ? byW : byH, byAngle))
    }

    /// What is known of a decoded box before its centre is clipped, and before its sides are exchanged.
    private struct Decoded {
        let u, v: Double
        let center: Vector
        let ratioW, ratioH, w, h: Double
        let isExchanged: Bool
    }

    @inline(never)
    private func placed(_ proposal: Five, _ d: Five, _ along: Vector) -> Decoded {
        let (u, v) = (shiftLimited(d.x * proposal.w), shiftLimited(d.y * proposal.h))
        let (ratioW, ratioH) = (ratio(d.w), ratio(d.h))
        let (w, h) = (proposal.w * ratioW, proposal.h * ratioH)
        return Decoded(
            u: u, v: v, center: Vector(proposal.x, proposal.y) + (u * along + v * along.turned), ratioW: ratioW, ratioH: ratioH, w: w, h: h,
            isExchanged: options.edge_swap != 0 && !(w > h))
    }

    @inline(__always)
    private func shiftLimited(_ shift: Double) -> Double { clamp(shift, 0 - options.center_clamp, options.center_clamp) }
    @inline(__always)
    private func shiftGradient(_ shift: Double, _ gradient: Double) -> Double {
        clampGradient(shift, 0 - options.center_clamp, options.center_clamp, gradient)
    }

    /// The coordinates of a centre along an axis of an image, if there is one.
    @inline(__always)
    private func limits(_ size: Double) -> (Double, Double) { size < 0 ? (-.infinity, .infinity) : (0, larger(size - 1, 0)) }

    @inline(__always)
    private func decoded(_ proposal: Five, _ d: Five) -> Five {
        let box = placed(proposal, d, axis(proposal))
        let (x, y) = (limits(options.image_width), limits(options.image_height))
        let angle = proposal.angle + d.angle * (scale * convention.unit.perRadian)
        return Five(
            clamp(box.center.x, x.0, x.1), clamp(box.center.y, y.0, y.1), box.isExchanged ? box.h : box.w, box.isExchanged ? box.w : box.h,
            angles.moved(box.isExchanged ? angle + convention.unit.quarterTurn : angle))
    }

    @inline(__always)
    private func gradientsOfDecoded(_ proposal: Five, _ d: Five, _ gradient: Five) -> (Five, Five) {
        let along = axis(proposal)
        let box = placed(proposal, d, along)
        let (x, y) = (limits(options.image_width), limits(options.image_height))
        let byCenter = Vector(clampGradient(box.center.x, x.0, x.1, gradient.x), clampGradient(box.center.y, y.0, y.1, gradient.y))
        let (byU, byV) = (byCenter.dot(along), byCenter.dot(along.turned))
        let (byShiftU, byShiftV) = (shiftGradient(d.x * proposal.w, byU), shiftGradient(d.y * proposal.h, byV))
        let (byW, byH) = box.isExchanged ? (gradient.h, gradient.w) : (gradient.w, gradient.h)
        let turning = options.proj_xy != 0 ? (byV * box.u - byU * box.v) * convention.radians : 0
        let ofProposal = Five(
            byCenter.x, byCenter.y, byShiftU * d.x + byW * box.ratioW, byShiftV * d.y + byH * box.ratioH, gradient.angle + turning)
        let ofDeltas = Five(
            byShiftU * proposal.w, byShiftV * proposal.h, ratioGradient(d.w, byW * box.w), ratioGradient(d.h, byH * box.h),
            gradient.angle * (scale * convention.unit.perRadian))
        return (ofProposal, ofDeltas)
    }

    // ---- Midpoint offsets ----

    /// Returns the size of the upright box around the target, its topmost and its rightmost corner, and the way to its centre.
    @inline(__always)
    private func surroundings(_ proposal: Box<Double>, _ box: Arms) -> (size: Vector, top: Corner, right: Corner, shift: Vector) {
        let reach = box.reach
        let top = Corner.outermost(box, options.corner_tolerance, Vector(0, -1), reach.y, Vector(1, 0))
        let right = Corner.outermost(box, options.corner_tolerance, Vector(1, 0), reach.x, Vector(0, 1))
        let shift = Vector(((box.x - proposal.x1) + (box.x - proposal.x2)) / 2, ((box.y - proposal.y1) + (box.y - proposal.y2)) / 2)
        return (2 * reach, top, right, shift)
    }

    @inline(__always)
    private func midpointEncoded(_ proposal: Box<Double>, _ box: Arms) -> Six {
        let (pw, ph) = (proposal.x2 - proposal.x1, proposal.y2 - proposal.y1)
        let (size, top, right, shift) = surroundings(proposal, box)
        return normalized(
            Six(
                shift.x / pw, shift.y / ph, logRatio(size.x, pw), logRatio(size.y, ph), top.place(box).x / size.x, right.place(box).y / size.y))
    }

    @inline(__always)
    private func gradientsOfMidpointEncoded(_ proposal: Box<Double>, _ box: Arms, _ gradient: Six) -> (Box<Double>, Five) {
        let (pw, ph) = (proposal.x2 - proposal.x1, proposal.y2 - proposal.y1)
        let (size, top, right, shift) = surroundings(proposal, box)
        let (byX, byY) = (gradient.dx / pw, gradient.dy / ph)
        let (byPW, byPH) = (0 - (byX * shift.x + gradient.dw) / pw, 0 - (byY * shift.y + gradient.dh) / ph)
        let (byTop, byRight) = (gradient.da / size.x, gradient.db / size.y)
        let (byWidth, byHeight) = ((gradient.dw - byTop * top.place(box).x) / size.x, (gradient.dh - byRight * right.place(box).y) / size.y)
        let (u, v) = (box.u, box.v)
        let byArmU = Vector(2 * byWidth * sign(u.x) + top.u * byTop, 2 * byHeight * sign(u.y) + right.u * byRight)
        let byArmV = Vector(2 * byWidth * sign(v.x) + top.v * byTop, 2 * byHeight * sign(v.y) + right.v * byRight)
        let (byW, byH, turning) = box.gradient(byArmU, byArmV)
        return (
            Box(0 - byX / 2 - byPW, 0 - byY / 2 - byPH, byPW - byX / 2, byPH - byY / 2), Five(byX, byY, byW, byH, turning * convention.radians)
        )
    }

    /// Returns the rectangle of deltas, and whether its sides are exchanged to bring its angle into the range.
    @inline(never)
    private func rectangle(_ pw: Double, _ ph: Double, _ d: Six) -> (MidpointRectangle, isExchanged: Bool, angle: Double) {
        let rectangle = MidpointRectangle(pw * ratio(d.dw), ph * ratio(d.dh), d.da, d.db)
        let (isExchanged, angle) = angles.regularized(convention.angle(of: rectangle.direction), isTall: rectangle.h > rectangle.w)
        return (rectangle, isExchanged, angle)
    }

    @inline(__always)
    private func midpointDecoded(_ proposal: Box<Double>, _ d: Six) -> Five {
        let (pw, ph) = (proposal.x2 - proposal.x1, proposal.y2 - proposal.y1)
        let (box, isExchanged, angle) = rectangle(pw, ph, d)
        return Five(
            proposal.x1 + pw / 2 + d.dx * pw, proposal.y1 + ph / 2 + d.dy * ph, isExchanged ? box.h : box.w, isExchanged ? box.w : box.h, angle)
    }

    @inline(__always)
    private func gradientsOfMidpointDecoded(_ proposal: Box<Double>, _ d: Six, _ gradient: Five) -> (Box<Double>, Six) {
        let (pw, ph) = (proposal.x2 - proposal.x1, proposal.y2 - proposal.y1)
        let (box, isExchanged, _) = rectangle(pw, ph, d)
        let (byW, byH) = isExchanged ? (gradient.h, gradient.w) : (gradient.w, gradient.h)
        let by = box.gradient(byW, byH, gradient.angle * convention.perRadian)
        let (byPW, byPH) = (gradient.x * d.dx + by.width * ratio(d.dw), gradient.y * d.dy + by.height * ratio(d.dh))
        return (
            Box(gradient.x / 2 - byPW, gradient.y / 2 - byPH, gradient.x / 2 + byPW, gradient.y / 2 + byPH),
            Six(
                gradient.x * pw, gradient.y * ph, ratioGradient(d.dw, by.width * box.width), ratioGradient(d.dh, by.height * box.height), by.da,
                by.db)
        )
    }
}

/// Six deltas, or a gradient with respect to them. The last is 0 where there are five.
private struct Six: Row {
    let dx, dy, dw, dh, da, db: Double

    static var columns: Int { @inline(__always) get { 6 } }

    var five: Five { Five(dx, dy, dw, dh, da) }

    @inline(__always)
    init(_ dx: Double, _ dy: Double, _ dw: Double, _ dh: Double, _ da: Double, _ db: Double) {
        (self.dx, self.dy, self.dw, self.dh, self.da, self.db) = (dx, dy, dw, dh, da, db)
    }

    @inline(__always)
    init(_ element: (Int) -> Double) { self.init(element(0), element(1), element(2), element(3), element(4), element(5)) }

    subscript(column: Int) -> Double {
        @inline(__always)
        get {
            switch column {
            case 0: dx
            case 1: dy
            case 2: dw
            case 3: dh
            case 4: da
            default: db
            }
        }
    }
}

/// A corner of a box: its centre plus so many of each arm.
private struct Corner {
    let u, v: Double

    @inline(__always)
    func place(_ box: Arms) -> Vector { u * box.u + v * box.v }

    /// Returns the corner that is furthest in the direction `next`, of those that are within the tolerance of the furthest in the direction `first`,
    /// where that is `reach`.
    @inline(never)
    static func outermost(_ box: Arms, _ tolerance: Double, _ first: Vector, _ reach: Double, _ next: Vector) -> Self {
        var (found, largest) = (Self(u: 1, v: 1), -Double.infinity)
        for k in 0..<4 {
            let corner = Self(u: k & 1 == 0 ? 1 : -1, v: k & 2 == 0 ? 1 : -1)
            let place = corner.place(box)
            if reach - place.dot(first) <= tolerance && place.dot(next) > largest { (found, largest) = (corner, place.dot(next)) }
        }
        return found
    }
}

/// The rectangle that an upright box around it and the offsets of its topmost and its rightmost corner describe. Offsets that are no rectangle's
/// have diagonals of two lengths, of which the shorter becomes the longer.
private struct MidpointRectangle {
    let width, height, da, db: Double
    private let top, right: Vector
    private let topLength, rightLength, halfDiagonal: Double
    /// Is -1 if the corners run counter-clockwise, as those of an inverted box, and else 1.
    private let side: Double
    let w, h: Double
    /// Has the direction of the first side, from the top to the right, also where that is short: the second side, turned back, has the same.
    let direction: Vector

    @inline(never)
    init(_ width: Double, _ height: Double, _ da: Double, _ db: Double) {
        (self.width, self.height, self.da, self.db) = (width, height, da, db)
        let (t, r) = (Vector(clamp(da, -0.5, 0.5) * width, 0 - height / 2), Vector(width / 2, clamp(db, -0.5, 0.5) * height))
        (topLength, rightLength, top, right) = (t.length, r.length, t.unit, r.unit)
        halfDiagonal = choose(topLength > rightLength, topLength, rightLength)
        side = choose(t.turned.dot(r) < 0, -1, 1)
        let (first, second) = (halfDiagonal * (right - top), (0 - halfDiagonal) * (right + top))
        (w, h) = (first.length, second.length)
        direction = first - side * second.turned
    }

    /// Returns the gradients by the size of the upright box and by the offsets.
    @inline(__always)
    func gradient(_ byW: Double, _ byH: Double, _ turning: Double) -> (width: Double, height: Double, da: Double, db: Double) {
        let (along, length) = (direction.unit, direction.length)
        let byDirection = choose(length == 0, 0, turning / length) * along.turned
        let byFirst = choose(w == 0, 0, byW) * along + byDirection
        let bySecond = side * (choose(h == 0, 0, byH) * along.turned + byDirection.turned)
        let (byTop, byRight) = ((-1) * (byFirst + bySecond), byFirst - bySecond)
        // Both are directions, times the longer of the two lengths.
        let byHalf = byTop.dot(top) + byRight.dot(right)
        let share = shareOfLarger(topLength, rightLength)
        let ofTop = scaled(topLength) * (byTop - byTop.dot(top) * top) + share * byHalf * top
        let ofRight = scaled(rightLength) * (byRight - byRight.dot(right) * right) + (1 - share) * byHalf * right
        let (a, b) = (clamp(da, -0.5, 0.5), clamp(db, -0.5, 0.5))
        return (
            ofTop.x * a + ofRight.x / 2, ofRight.y * b - ofTop.y / 2, clampGradient(da, -0.5, 0.5, ofTop.x * width),
            clampGradient(db, -0.5, 0.5, ofRight.y * height)
        )
    }

    @inline(__always)
    private func scaled(_ length: Double) -> Double { choose(length == 0, 0, halfDiagonal / length) }
}
#endif
