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
        for bit in 0..<Int(BOXGRAD_BOX_FLAGS) { counts[bit] &+= Int((word >> UInt32(truncatingIfNeeded: bit)) & 1) }
        call.flags?[i] = word
    }
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
#endif
