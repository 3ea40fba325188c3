import CBoxgrad

#if COMMON_KERNELS
/// Sets the flags of each box, and counts the boxes that have each flag.
@inline(never)
func boxInspect<T: Real>(_ call: BoxInspect<T>, _ rows: Range<Int>) {
    // An unknown size becomes infinity, which no coordinate exceeds.
    let (width, height) = (call.width < 0 ? T.infinity : T(call.width), call.height < 0 ? T.infinity : T(call.height))
    let (minSize, counts) = (T(call.minSize), call.counts)
    for i in rows {
        let row = call.boxes[i]
        let word = inspect(Box(row[0], row[1], row[2], row[3]), width, height, minSize)
        count(word, counts)
        call.flags?[i] = word
    }
}

@inline(__always)
private func count(_ word: UInt32, _ counts: UnsafeMutablePointer<Int>) {
    for bit in 0..<Int(BOXGRAD_BOX_FLAGS) { counts[bit] &+= Int((word >> UInt32(truncatingIfNeeded: bit)) & 1) }
}

@inline(__always)
private func inspect<T: Real>(_ box: Box<T>, _ width: T, _ height: T, _ minSize: T) -> UInt32 {
    // The difference of a number with itself is 0, unless the number is NaN or infinite.
    let differences = (box.x1 - box.x1) + (box.y1 - box.y1) + (box.x2 - box.x2) + (box.y2 - box.y2)
    guard differences == 0 else { return 1 << 0 }
    let (w, h) = (box.x2 - box.x1, box.y2 - box.y1)
    // The coordinates are halved before they are added, because the sum of two large coordinates may overflow.
    let (cx, cy) = (box.x1 / 2 + box.x2 / 2, box.y1 / 2 + box.y2 / 2)
    let (left, right) = (smaller(box.x1, box.x2), larger(box.x1, box.x2))
    let (top, bottom) = (smaller(box.y1, box.y2), larger(box.y1, box.y2))
    let (leavesX, leavesY) = (left < 0 || right > width, top < 0 || bottom > height)
    let leaves = leavesX || leavesY
    let collapses =
        leavesX && clamp(left, 0, width) == clamp(right, 0, width) || leavesY && clamp(top, 0, height) == clamp(bottom, 0, height)
    var word: UInt32 = 0
    if w == 0 { word |= 1 << 1 }
    if h == 0 { word |= 1 << 2 }
    if w < 0 || h < 0 { word |= 1 << 3 }
    if cx < 0 || cy < 0 { word |= 1 << 4 }
    if cx > width || cy > height { word |= 1 << 5 }
    if leaves && !collapses { word |= 1 << 6 }
    if leaves && collapses { word |= 1 << 7 }
    if w < minSize || h < minSize { word |= 1 << 8 }
    return word
}

/// The same for rotated boxes.
@inline(never)
func rotatedInspect<T: Real>(_ call: RotatedInspect<T>, _ rows: Range<Int>) {
    let convention = AngleConvention(call.angle)
    let image = Vector(call.width < 0 ? .infinity : Double(T(call.width)), call.height < 0 ? .infinity : Double(T(call.height)))
    let minSize = Double(T(call.minSize))
    for i in rows {
        let row = call.boxes[i]
        let differences = (row[0] - row[0]) + (row[1] - row[1]) + (row[2] - row[2]) + (row[3] - row[3]) + (row[4] - row[4])
        let word = differences == 0 ? inspect(Arms(row, convention), image, minSize, Double(T.ulpOfOne)) : 1 << 0
        count(word, call.counts)
        call.flags?[i] = word
    }
}

private func inspect(_ box: Arms, _ image: Vector, _ minSize: Double, _ eps: Double) -> UInt32 {
    let (w, h, u, v) = (2 * box.halfWidth, 2 * box.halfHeight, box.u, box.v)
    let reach = Vector(u.x.magnitude + v.x.magnitude, u.y.magnitude + v.y.magnitude)
    let slack = 4 * eps * (box.x.magnitude + box.y.magnitude + w.magnitude + h.magnitude)
    let onX = Span(box.x - reach.x, box.x + reach.x), onY = Span(box.y - reach.y, box.y + reach.y)
    let (acrossX, acrossY) = (Span(0, image.x), Span(0, image.y))
    let leaves = onX.leaves(acrossX, slack) || onY.leaves(acrossY, slack)
    // Of two rectangles that are apart, an axis of one of them shows it.
    let isApart =
        onX.isApart(acrossX, slack) || onY.isApart(acrossY, slack)
        || box.span(box.along, box.halfWidth).isApart(Span(of: image, along: box.along), slack)
        || box.span(box.along.turned, box.halfHeight).isApart(Span(of: image, along: box.along.turned), slack)
    var word: UInt32 = 0
    if w == 0 { word |= 1 << 1 }
    if h == 0 { word |= 1 << 2 }
    if w < 0 || h < 0 { word |= 1 << 3 }
    if box.x < 0 || box.y < 0 { word |= 1 << 4 }
    if box.x > image.x || box.y > image.y { word |= 1 << 5 }
    if leaves && !isApart { word |= 1 << 6 }
    if leaves && isApart { word |= 1 << 7 }
    if w < minSize || h < minSize { word |= 1 << 8 }
    return word
}

/// What a rectangle covers of an axis.
private struct Span {
    let low, high: Double

    init(_ low: Double, _ high: Double) { (self.low, self.high) = (low, high) }

    /// Of the image from (0, 0) to a corner that may be infinitely far away.
    init(of corner: Vector, along axis: Vector) {
        let x = axis.x == 0 ? 0 : axis.x * corner.x, y = axis.y == 0 ? 0 : axis.y * corner.y
        self.init(smaller(x, 0) + smaller(y, 0), larger(x, 0) + larger(y, 0))
    }

    func leaves(_ other: Self, _ slack: Double) -> Bool { low < other.low - slack || high > other.high + slack }

    /// Whether it leaves the other one, and has no more than the slack in common with it. One without length is not apart from what it is in.
    func isApart(_ other: Self, _ slack: Double) -> Bool {
        leaves(other, slack) && smaller(high, other.high) - larger(low, other.low) <= slack
    }
}

extension Arms {
    fileprivate func span(_ axis: Vector, _ half: Double) -> Span {
        let center = x * axis.x + y * axis.y
        return Span(center - half.magnitude, center + half.magnitude)
    }
}
#endif
