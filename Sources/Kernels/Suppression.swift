// Non-maximum suppression keeps the boxes with the highest scores, and drops the boxes that overlap them.

import CBoxgrad
import CShims

/// Writes the indices of the kept boxes, by descending scores, and their number. A box is dropped if its IoU with a box that was kept
/// before is greater than the threshold, which is not negative.
@inline(never)
func nms<T: Real>(_ call: NMS<T>, _ rows: Range<Int>) {
    let candidates = Candidates(scratch: call.scratch, boxes: call.boxes, count: rows.count, areRotated: false)
    let ranked = candidates.rank(call)
    suppress(call, candidates, Kept(BoxColumns(base: candidates.columns), ranked, T(call.iouThreshold))) { rank, _ in
        candidates.box(candidates.spare[rank].index)
    }
}

@inline(never)
func rotatedNMS<T: Real>(_ call: RotatedNMS<T>, _ rows: Range<Int>) {
    let (convention, call) = (AngleConvention(call.angle), call.call)
    let candidates = Candidates(scratch: call.scratch, boxes: call.boxes, count: rows.count, areRotated: true)
    let ranked = candidates.rank(call)
    suppress(call, candidates, Kept(RotatedColumns(base: candidates.columns), ranked, T(call.iouThreshold))) { rank, tile in
        let lane = rank & (tileWidth &- 1)
        if lane == 0 { candidates.fill(tile, candidates.spare + rank, min(tileWidth, ranked &- rank), convention) }
        return RotatedPlace(tile: tile, lane: lane)
    }
}

/// Keeps boxes. `box` returns that of a rank, for which it may prepare a tile of boxes.
@inline(__always)
private func suppress<C: SuppressedColumns>(
    _ call: NMS<C.T>, _ candidates: Candidates<C.T>, _ kept: Kept<C>, _ box: (_ rank: Int, _ tile: C) -> C.Measured
) {
    let (slots, ranks) = (candidates.items, candidates.spare)
    var written = 0
    for rank in 0..<kept.slots where written < call.maxKeep {
        let (slot, box) = (Int(ranks[rank].key), box(rank, kept.next))
        if kept.overlap(box, Int(slots[slot].key), slots[slot].index) { continue }
        kept.add(box, slot)
        call.keep[written] = ranks[rank].index
        written &+= 1
    }
    call.keepCount.pointee = written
}

/// Works like nms, but a box that overlaps a kept box loses some of its score instead, and is dropped when its score is no longer greater
/// than the threshold.
@inline(never)
func softNMS<T: Real>(_ call: SoftNMS<T>, _ rows: Range<Int>) {
    let candidates = Candidates(scratch: call.scratch, boxes: call.boxes, count: rows.count, areRotated: false)
    @inline(__always)
    func fill(_ tile: BoxColumns<T>, _ items: UnsafePointer<bgi_ranked>, _ length: Int) {
        tile.clear()
        for k in 0..<length { tile.set(k, candidates.box(items[k].index)) }
    }
    soften(call, candidates, BoxColumns.self, fill)
}

@inline(never)
func rotatedSoftNMS<T: Real>(_ call: RotatedSoftNMS<T>, _ rows: Range<Int>) {
    let (convention, call) = (AngleConvention(call.angle), call.call)
    let candidates = Candidates(scratch: call.scratch, boxes: call.boxes, count: rows.count, areRotated: true)
    soften(call, candidates, RotatedColumns.self) { tile, items, length in candidates.fill(tile, items, length, convention) }
}

/// Keeps boxes and lowers scores. `fill` prepares a tile of boxes.
@inline(__always)
private func soften<C: SuppressedColumns>(
    _ call: SoftNMS<C.T>, _ candidates: Candidates<C.T>, _: C.Type, _ fill: (C, UnsafePointer<bgi_ranked>, Int) -> Void
) {
    let (items, scores) = (candidates.items, call.scores)
    let listed = candidates.list(scores, above: C.T(call.scoreThreshold))
    for i in 0..<listed { items[i].key = call.classes.map { UInt64(bitPattern: $0[items[i].index]) } ?? 0 }
    candidates.sort(listed)
    // `final` has the score at which each box was kept, or NaN for a box that was not kept.
    let final = UnsafeMutableRawPointer(candidates.order).assumingMemoryBound(to: C.T.self)
    for i in 0..<candidates.count { final[i] = .nan }
    let boxes = C(base: candidates.columns)
    let field = Field(candidates, call, after: boxes.tile((candidates.count &+ tileWidth &- 1) & ~(tileWidth &- 1)).base)
    var first = 0
    while first < listed {
        var end = first &+ 1
        while end < listed && items[end].key == items[first].key { end &+= 1 }
        var tiles = Tiles(0..<end &- first)
        while let (start, length) = tiles.next() {
            fill(boxes.tile(start), items + (first &+ start), length)
            field.load(scores, items + (first &+ start), start, length)
        }
        var kept = 0
        while kept < call.maxKeep, let k = field.highest(end &- first) {
            final[items[first &+ k].index] = field.scores[k]
            field.remove(k)
            let (own, lane) = boxes.place(k)
            let box = own[measured: lane]
            tiles = Tiles(0..<end &- first)
            while let (start, _) = tiles.next() {
                if field.isEmpty(start) { continue }
                if boxes.tile(start).measure(box, field.leastOverlap, field.overlaps) { field.decay(start) }
            }
            kept &+= 1
        }
        first = end
    }
    let kept = candidates.list(final, above: -.infinity)
    candidates.sort(kept)
    let written = min(kept, call.maxKeep)
    for i in 0..<written { (call.keep[i], call.keepScores[i]) = (items[i].index, final[items[i].index]) }
    call.keepCount.pointee = written
}

/// Whether a box takes part: its score is greater than the threshold, and neither the score nor a coordinate is NaN. A threshold of minus
/// infinity admits every score.
@inline(__always)
func isCandidate<T: Real>(_ box: Box<T>, _ score: T, above threshold: T) -> Bool {
    let isNumber = both(both(box.x1 == box.x1, box.y1 == box.y1), both(box.x2 == box.x2, box.y2 == box.y2))
    return isNumber && isCandidate(score, above: threshold)
}

@inline(__always)
private func isCandidate<T: Real>(_ score: T, above threshold: T) -> Bool {
    score > threshold || (threshold == -.infinity && score == threshold)
}

/// Whether the IoU of two solid boxes may be greater than the threshold. It computes no quotient, and still misses no pair. If the rounded
/// quotient is greater than the threshold, the exact quotient is greater, too. Then inter is greater than the exact product of threshold
/// and union, and therefore at least as large as the rounded product.
@inline(__always)
func mayOverlap<T: Real>(_ overlap: Overlap<T>, _ threshold: T) -> Bool {
    both(overlap.inter > 0, overlap.inter >= threshold * overlap.union)
}

/// Holds the boxes of a call, and its scratch.
private struct Candidates<T: Real> {
    let boxes: Rows<T>
    let count: Int
    private let areRotated: Bool
    let items, spare: UnsafeMutablePointer<bgi_ranked>
    let order, counts: UnsafeMutablePointer<Int>
    let columns: UnsafeMutablePointer<T>

    @inline(__always)
    init(scratch: UnsafeMutableRawPointer, boxes: Rows<T>, count: Int, areRotated: Bool) {
        (self.boxes, self.count, self.areRotated) = (boxes, count, areRotated)
        items = scratch.assumingMemoryBound(to: bgi_ranked.self)
        spare = items + count
        order = UnsafeMutableRawPointer(spare + count).assumingMemoryBound(to: Int.self)
        counts = order + count
        columns = (UnsafeMutableRawPointer(counts) + Int(BGI_SORT_COUNTS)).alignedUp(toMultipleOf: 64).assumingMemoryBound(to: T.self)
    }

    @inline(__always)
    func box(_ index: Int) -> MeasuredBox<T> { MeasuredBox(Box(boxes[index])) }

    @inline(__always)
    func center(_ index: Int) -> (x: Double, y: Double) {
        let row = boxes[index]
        let (x, y) = (Double(row[0]), Double(row[1]))
        return areRotated ? (x, y) : (x / 2 + Double(row[2]) / 2, y / 2 + Double(row[3]) / 2)
    }

    /// Prepares a tile of rotated boxes.
    @inline(never)
    func fill(_ tile: RotatedColumns<T>, _ items: UnsafePointer<bgi_ranked>, _ length: Int, _ convention: AngleConvention) {
        let rows = Tile<RotatedRow<T>>(base: tile.base)
        for k in 0..<length {
            let row = boxes[items[k].index]
            rows[k] = RotatedRow { row[$0] }
        }
        for k in length..<tileWidth { rows[k] = RotatedRow { _ in 0 } }
        tile.prepare(length, convention)
    }

    func sort(_ length: Int) { rankedSort(items, length, spare: spare, counts: counts) }

    /// Lists the candidates, in the order of their indices and with a key from the score, and returns their number. A rotated box with a number
    /// that is not finite is none.
    @inline(never)
    func list(_ scores: UnsafePointer<T>, above threshold: T) -> Int {
        var listed = 0
        for index in 0..<count {
            let (row, score) = (boxes[index], scores[index])
            let isListed =
                areRotated
                ? RotatedRow { row[$0] }.isFinite && isCandidate(score, above: threshold) : isCandidate(Box(row), score, above: threshold)
            if isListed {
                items[listed] = bgi_ranked(key: descendingKey(Double(score)), index: index)
                listed &+= 1
            }
        }
        return listed
    }

    /// Ranks the candidates by their scores, and gives each a slot, adjacent ones to neighbouring boxes of a class, so that a box is compared with
    /// few others. Leaves in `spare` the slot and the index of each rank, and in `items` the slots of the class of each slot: from `key` up
    /// to, but not including, `index`. Returns their number.
    @inline(never)
    func rank(_ call: NMS<T>) -> Int {
        let (slots, ranks) = (items, spare)
        let ranked = list(call.scores, above: T(call.scoreThreshold))
        sort(ranked)
        for rank in 0..<ranked { order[rank] = slots[rank].index }
        let grid = Grid(self, ranked)
        for rank in 0..<ranked { slots[rank] = bgi_ranked(key: grid.key(center(order[rank])), index: rank) }
        sort(ranked)
        if let classes = call.classes {
            for slot in 0..<ranked { slots[slot].key = UInt64(bitPattern: classes[order[slots[slot].index]]) }
            sort(ranked)
        }
        for slot in 0..<ranked { ranks[slots[slot].index] = bgi_ranked(key: UInt64(slot), index: order[slots[slot].index]) }
        var first = 0
        while first < ranked {
            var end = first &+ 1
            while end < ranked && (call.classes == nil || slots[end].key == slots[first].key) { end &+= 1 }
            for slot in first..<end { slots[slot] = bgi_ranked(key: UInt64(first), index: end) }
            first = end
        }
        return ranked
    }
}

/// Makes keys from the centres of boxes: the bits of x and y alternate (Morton 1966), so that the keys of neighbours mostly begin with the
/// same bits.
private struct Grid {
    private typealias Range = (low: Double, high: Double)
    private var x: Range = (.infinity, -.infinity)
    private var y: Range = (.infinity, -.infinity)

    @inline(__always)
    init<T: Real>(_ candidates: Candidates<T>, _ ranked: Int) {
        for rank in 0..<ranked {
            let (cx, cy) = candidates.center(candidates.order[rank])
            if isFinite(cx) { x = (smaller(cx, x.low), larger(cx, x.high)) }
            if isFinite(cy) { y = (smaller(cy, y.low), larger(cy, y.high)) }
        }
    }

    @inline(__always)
    func key(_ center: (x: Double, y: Double)) -> UInt64 { Self.spread(center.x, x) | Self.spread(center.y, y) << 1 }

    /// Returns the place of a centre in the range, in 16 bits with a zero bit above each of them.
    @inline(__always)
    private static func spread(_ center: Double, _ range: Range) -> UInt64 {
        let place = (center - range.low) / (range.high - range.low) * 65535
        // `larger` returns 0 if `place` is NaN.
        var bits = UInt64(smaller(larger(place, 0), 65535))
        bits = (bits | bits << 8) & 0x00ff_00ff
        bits = (bits | bits << 4) & 0x0f0f_0f0f
        bits = (bits | bits << 2) & 0x3333_3333
        return (bits | bits << 1) & 0x5555_5555
    }
}

/// Holds the kept boxes, each in its slot, and a tree above them: the bounds of each 32 slots, the bounds of each 32 of those, and so on.
private struct Kept<C: SuppressedColumns> {
    typealias T = C.T
    let slots: Int
    private let boxes: C
    private let tree: BoxColumns<T>
    private let threshold: T
    /// The place in the tree where each level begins. Level 0 is that of the boxes. The length is BGI_LEVELS, which Swift needs as a literal.
    private var starts = InlineArray<13, Int>(repeating: 0)
    private var top = 0
    private var end = 0

    @inline(__always)
    init(_ boxes: C, _ slots: Int, _ threshold: T) {
        (self.boxes, self.slots, self.threshold) = (boxes, slots, threshold)
        var width = (slots &+ tileWidth &- 1) / tileWidth
        for tile in 0..<width { boxes.tile(tile &* tileWidth).clear() }
        tree = BoxColumns(base: boxes.tile(width &* tileWidth).base)
        while width > 1 {
            width = (width &+ tileWidth &- 1) / tileWidth
            top &+= 1
            starts[top] = end
            for _ in 0..<width {
                tree.tile(end).clearBounds()
                end &+= tileWidth
            }
        }
    }

    /// A tile that is not in use, and a column for overlaps.
    @inline(__always)
    var next: C { C(base: tree.tile(end).base) }
    @inline(__always)
    private var overlaps: UnsafeMutablePointer<T> { next.tile(tileWidth).base }

    @inline(__always)
    func add(_ box: C.Measured, _ slot: Int) {
        // Other boxes overlap nothing, so that they need no place here.
        guard box.isSolid else { return }
        let (tile, lane) = boxes.place(slot)
        tile.set(lane, box)
        let bounds = box.bounds
        var (node, level) = (slot, 1)
        while level <= top {
            node >>= 5
            let (tile, lane) = tree.place(starts[level] &+ node)
            tile.extend(lane, to: bounds)
            level &+= 1
        }
    }

    /// Whether the box's IoU with one of the boxes in the slots first..<end is greater than the threshold.
    @inline(__always)
    func overlap(_ box: C.Measured, _ first: Int, _ end: Int) -> Bool {
        box.isSolid && overlap(box, box.bounds, first, end, top, 0)
    }

    @inline(never)
    private func overlap(_ box: C.Measured, _ bounds: Box<T>, _ first: Int, _ end: Int, _ level: Int, _ tileIndex: Int) -> Bool {
        let start = tileIndex &* tileWidth
        // Leaves only the lanes that have slots of the class.
        let (low, high) = (max(0, first >> (5 &* level) &- start), min(31, (end &- 1) >> (5 &* level) &- start))
        guard low <= high else { return false }
        let ofClass = UInt32.max << UInt32(low) & UInt32.max >> UInt32(31 &- high)
        if level == 0 { return boxes.tile(start).overlap(box, threshold, ofClass, overlaps) }
        var lanes = tree.tile(starts[level] &+ start).lanesThatTouch(bounds) & ofClass
        while lanes != 0 {
            let lane = lanes.trailingZeroBitCount
            lanes &= lanes &- 1
            if overlap(box, bounds, first, end, level &- 1, start &+ lane) { return true }
        }
        return false
    }
}

/// Boxes that suppression compares, upright or rotated, in tiles.
private protocol SuppressedColumns<T> {
    associatedtype T: Real
    associatedtype Measured: SuppressedBox<T>
    var base: UnsafeMutablePointer<T> { get }
    init(base: UnsafeMutablePointer<T>)
    func tile(_ start: Int) -> Self
    func place(_ k: Int) -> (tile: Self, lane: Int)
    subscript(measured k: Int) -> Measured { get }
    func set(_ k: Int, _ box: Measured)

    /// Fills the first tile with boxes that overlap nothing.
    func clear()

    /// Whether the IoU of one of these lanes of the first tile is greater than the threshold. It may write to the column of overlaps.
    func overlap(_ box: Measured, _ threshold: T, _ lanes: UInt32, _ overlaps: UnsafeMutablePointer<T>) -> Bool

    /// Writes the IoU of each box of the first tile, or returns false if it is certain that none is greater than the threshold.
    func measure(_ box: Measured, _ threshold: T, _ overlaps: UnsafeMutablePointer<T>) -> Bool
}

private protocol SuppressedBox<T> {
    associatedtype T: Real
    /// Whether the box has an area.
    var isSolid: Bool { get }
    var bounds: Box<T> { get }
}

extension MeasuredBox: SuppressedBox {
    @inline(__always)
    fileprivate var bounds: Box<T> { box }
}

extension BoxColumns: SuppressedColumns {
    @inline(__always)
    fileprivate subscript(measured k: Int) -> MeasuredBox<T> { self[k] }

    @inline(__always)
    fileprivate func clear() {
        for k in 0..<tileWidth { set(k, MeasuredBox(Box(0, 0, 0, 0), area: 0)) }
    }

    @inline(__always)
    fileprivate func overlap(_ box: MeasuredBox<T>, _ threshold: T, _ among: UInt32, _: UnsafeMutablePointer<T>) -> Bool {
        var lanes = lanesThatMayOverlap(box, threshold) & among
        while lanes != 0 {
            let lane = lanes.trailingZeroBitCount
            lanes &= lanes &- 1
            if Overlap(IoU.self, box, self[lane], 0, turn: 0).value > threshold { return true }
        }
        return false
    }

    @inline(never)
    fileprivate func measure(_ box: MeasuredBox<T>, _ threshold: T, _ overlaps: UnsafeMutablePointer<T>) -> Bool {
        if lanesThatMayOverlap(box, threshold) == 0 { return false }
        for k in 0..<tileWidth { overlaps[k] = Overlap(IoU.self, box, self[k], 0, turn: 0).value }
        return true
    }

    /// Fills the first tile with empty bounds, which every box extends.
    @inline(__always)
    fileprivate func clearBounds() {
        for k in 0..<tileWidth { set(k, MeasuredBox(Box(.infinity, .infinity, -.infinity, -.infinity), area: 0)) }
    }

    @inline(__always)
    fileprivate func extend(_ k: Int, to box: Box<T>) {
        let bounds = self[k].box
        let extended = Box(smaller(box.x1, bounds.x1), smaller(box.y1, bounds.y1), larger(box.x2, bounds.x2), larger(box.y2, bounds.y2))
        set(k, MeasuredBox(extended, area: 0))
    }

    /// Returns the boxes of the first tile whose IoU may be greater than the threshold, as bits.
    @inline(__always)
    private func lanesThatMayOverlap(_ box: MeasuredBox<T>, _ threshold: T) -> UInt32 {
        lanes { mayOverlap(Overlap(IoU.self, box, self[$0], 0, turn: 0), threshold) }
    }

    @inline(__always)
    fileprivate func lanesThatTouch(_ box: Box<T>) -> UInt32 {
        lanes {
            let bounds = self[$0].box
            return both(both(bounds.x1 < box.x2, bounds.x2 > box.x1), both(bounds.y1 < box.y2, bounds.y2 > box.y1))
        }
    }
}

/// Returns the lanes that meet the condition, as bits.
@inline(__always)
private func lanes(_ condition: (Int) -> Bool) -> UInt32 {
    var found: UInt32 = 0
    for k in 0..<tileWidth { found |= UInt32(bit(condition(k))) << UInt32(truncatingIfNeeded: k) }
    return found
}

/// A rotated box as the lane of a tile.
private struct RotatedPlace<T: Real>: SuppressedBox {
    let tile: RotatedColumns<T>
    let lane: Int

    @inline(__always)
    var isSolid: Bool { tile[lane].area > 0 }

    /// The upright bounds, widened by more than rounding.
    @inline(__always)
    var bounds: Box<T> {
        let (box, reach) = (tile[lane], tile.reach(lane))
        let (x1, y1, x2, y2) = (box.x - reach.x, box.y - reach.y, box.x + reach.x, box.y + reach.y)
        @inline(__always)
        func margin(_ x: T) -> T { x.magnitude * T.ulpOfOne }
        return Box(x1 - margin(x1), y1 - margin(y1), x2 + margin(x2), y2 + margin(y2))
    }
}

extension RotatedColumns: SuppressedColumns {
    @inline(__always)
    fileprivate subscript(measured k: Int) -> RotatedPlace<T> { RotatedPlace(tile: self, lane: k) }

    @inline(__always)
    fileprivate func set(_ k: Int, _ box: RotatedPlace<T>) { set(k, box.tile, box.lane) }

    /// The boxes are nowhere: every comparison with their overlaps is false.
    @inline(__always)
    fileprivate func clear() {
        for index in 0..<Self.columns {
            for k in 0..<tileWidth { column(index)[k] = 0 }
        }
        for k in 0..<tileWidth { column(0)[k] = .infinity }
    }

    @inline(__always)
    fileprivate func overlap(_ box: RotatedPlace<T>, _ threshold: T, _ among: UInt32, _ overlaps: UnsafeMutablePointer<T>) -> Bool {
        measure(box, threshold, overlaps) && lanes { overlaps[$0] > threshold } & among != 0
    }

    @inline(__always)
    fileprivate func measure(_ box: RotatedPlace<T>, _: T, _ overlaps: UnsafeMutablePointer<T>) -> Bool {
        box.tile.compare(box.lane, self, RotatedMetric(BOXGRAD_IOU), overlaps, tileWidth)
    }
}

/// Holds the scores, which decay, of the boxes of one class. A box that is kept or dropped has the score minus infinity.
private struct Field<T: Real> {
    let scores: UnsafeMutablePointer<T>
    /// The overlaps of a tile with the box that was kept last.
    let overlaps: UnsafeMutablePointer<T>
    /// The highest score of each tile.
    private let tileScores: UnsafeMutablePointer<T>
    private let scoreThreshold, sigma: T
    /// Is nil if scores decay by a Gaussian.
    private let threshold: T?

    /// `place` is where the scores lie.
    @inline(__always)
    init(_ candidates: Candidates<T>, _ call: SoftNMS<T>, after place: UnsafeMutablePointer<T>) {
        scores = place
        overlaps = place + ((candidates.count &+ tileWidth &- 1) & ~(tileWidth &- 1))
        tileScores = UnsafeMutableRawPointer(candidates.spare).assumingMemoryBound(to: T.self)
        (scoreThreshold, sigma) = (T(call.scoreThreshold), T(call.sigma))
        threshold = call.decay == BOXGRAD_SOFT_GAUSSIAN ? nil : T(call.iouThreshold)
    }

    /// What a box's overlap must exceed for its score to decay.
    @inline(__always)
    var leastOverlap: T { threshold ?? 0 }

    /// Whether no box of a tile is left.
    @inline(__always)
    func isEmpty(_ start: Int) -> Bool { tileScores[start / tileWidth] == -.infinity }

    /// Takes the scores of the items of a tile.
    @inline(__always)
    func load(_ scores: UnsafePointer<T>, _ items: UnsafePointer<bgi_ranked>, _ start: Int, _ length: Int) {
        for k in 0..<tileWidth { self.scores[start &+ k] = k < length ? scores[items[k].index] : -.infinity }
        measure(start)
    }

    /// Returns the first of the boxes with the highest score, or nil if no box is left.
    @inline(__always)
    func highest(_ count: Int) -> Int? {
        var best = 0
        for tile in 0..<(count &+ tileWidth &- 1) / tileWidth where tileScores[tile] > tileScores[best] { best = tile }
        guard tileScores[best] > -.infinity else { return nil }
        for k in best &* tileWidth..<(best &+ 1) &* tileWidth where scores[k] == tileScores[best] { return k }
        return nil
    }

    @inline(__always)
    func remove(_ k: Int) {
        scores[k] = -.infinity
        measure(k & ~(tileWidth &- 1))
    }

    @inline(never)
    private func measure(_ start: Int) {
        var best = -T.infinity
        for k in start..<start &+ tileWidth { best = larger(scores[k], best) }
        tileScores[start / tileWidth] = best
    }

    /// Lowers the scores of a tile by the overlaps: linearly where they are greater than the threshold, or by a Gaussian if there is no threshold.
    @inline(never)
    func decay(_ start: Int) {
        let (scores, overlaps) = (scores + start, overlaps)
        if let threshold {
            for k in 0..<tileWidth { scores[k] *= choose(overlaps[k] > threshold, 1 - overlaps[k], 1) }
        } else {
            for k in 0..<tileWidth { scores[k] *= exp(-(overlaps[k] * overlaps[k]) / sigma) }
        }
        for k in 0..<tileWidth { scores[k] = choose(scores[k] > scoreThreshold, scores[k], -.infinity) }
        measure(start)
    }
}
