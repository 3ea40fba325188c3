// Non-maximum suppression keeps the boxes with the highest scores, and drops the boxes that overlap them.

import CBoxgrad
import CShims

/// Writes the indices of the kept boxes, by descending scores, and their number. A box is dropped if its IoU with a box that was kept
/// before is greater than the threshold, which is not negative.
@inline(never)
func nms<T: Real>(_ call: NMS<T>, _ rows: Range<Int>) {
    let (scores, classes, keep) = (call.scores, call.classes, call.keep)
    let candidates = Candidates(scratch: call.scratch, boxes: call.boxes, count: rows.count)
    let (slots, ranks, order) = (candidates.items, candidates.spare, candidates.order)
    let ranked = candidates.list(scores, above: T(call.scoreThreshold))
    candidates.sort(ranked)
    // Gives adjacent slots to neighbouring boxes of a class, so that a box is compared with few others.
    for rank in 0..<ranked { order[rank] = slots[rank].index }
    let grid = Grid(candidates, ranked)
    for rank in 0..<ranked { slots[rank] = bgi_ranked(key: grid.key(candidates.box(order[rank])), index: rank) }
    candidates.sort(ranked)
    if let classes {
        for slot in 0..<ranked { slots[slot].key = UInt64(bitPattern: classes[order[slots[slot].index]]) }
        candidates.sort(ranked)
    }
    for slot in 0..<ranked { ranks[slots[slot].index] = bgi_ranked(key: UInt64(slot), index: order[slots[slot].index]) }
    // Stores the slots of the class in each slot: from `key` up to, but not including, `index`.
    var first = 0
    while first < ranked {
        var end = first &+ 1
        while end < ranked && (classes == nil || slots[end].key == slots[first].key) { end &+= 1 }
        for slot in first..<end { slots[slot] = bgi_ranked(key: UInt64(first), index: end) }
        first = end
    }
    let kept = Kept(candidates.columns, ranked, T(call.iouThreshold))
    var written = 0
    for rank in 0..<ranked where written < call.maxKeep {
        let (slot, box) = (Int(ranks[rank].key), candidates.box(ranks[rank].index))
        if kept.overlap(box, Int(slots[slot].key), slots[slot].index) { continue }
        kept.add(box, slot)
        keep[written] = ranks[rank].index
        written &+= 1
    }
    call.keepCount.pointee = written
}

/// Works like nms, but a box that overlaps a kept box loses some of its score instead, and is dropped when its score is no longer greater
/// than the threshold.
@inline(never)
func softNMS<T: Real>(_ call: SoftNMS<T>, _ rows: Range<Int>) {
    let (count, scores, classes) = (rows.count, call.scores, call.classes)
    let candidates = Candidates(scratch: call.scratch, boxes: call.boxes, count: count)
    let items = candidates.items
    let listed = candidates.list(scores, above: T(call.scoreThreshold))
    for i in 0..<listed { items[i].key = classes.map { UInt64(bitPattern: $0[items[i].index]) } ?? 0 }
    candidates.sort(listed)
    // `final` has the score at which each box was kept, or NaN for a box that was not kept.
    let final = UnsafeMutableRawPointer(candidates.order).assumingMemoryBound(to: T.self)
    for i in 0..<count { final[i] = .nan }
    let field = Field(candidates, scoreThreshold: T(call.scoreThreshold))
    var first = 0
    while first < listed {
        var end = first &+ 1
        while end < listed && items[end].key == items[first].key { end &+= 1 }
        field.load(candidates, first, end &- first, scores)
        var kept = 0
        while kept < call.maxKeep, let k = field.highest(end &- first) {
            final[items[first &+ k].index] = field.scores[k]
            field.decay(by: k, end &- first, call.decay == BOXGRAD_SOFT_GAUSSIAN ? nil : T(call.iouThreshold), T(call.sigma))
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
    return isNumber && (score > threshold || (threshold == -.infinity && score == threshold))
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
    let items, spare: UnsafeMutablePointer<bgi_ranked>
    let order, counts: UnsafeMutablePointer<Int>
    let columns: UnsafeMutablePointer<T>

    @inline(__always)
    init(scratch: UnsafeMutableRawPointer, boxes: Rows<T>, count: Int) {
        (self.boxes, self.count) = (boxes, count)
        items = scratch.assumingMemoryBound(to: bgi_ranked.self)
        spare = items + count
        order = UnsafeMutableRawPointer(spare + count).assumingMemoryBound(to: Int.self)
        counts = order + count
        columns = (UnsafeMutableRawPointer(counts) + Int(BGI_SORT_COUNTS)).alignedUp(toMultipleOf: 64).assumingMemoryBound(to: T.self)
    }

    @inline(__always)
    func box(_ index: Int) -> MeasuredBox<T> { MeasuredBox(Box(boxes[index])) }

    func sort(_ length: Int) { rankedSort(items, length, spare: spare, counts: counts) }

    /// Lists the candidates, in the order of their indices and with a key from the score, and returns their number.
    @inline(never)
    func list(_ scores: UnsafePointer<T>, above threshold: T) -> Int {
        var listed = 0
        for index in 0..<count {
            let score = scores[index]
            if isCandidate(Box(boxes[index]), score, above: threshold) {
                items[listed] = bgi_ranked(key: descendingKey(Double(score)), index: index)
                listed &+= 1
            }
        }
        return listed
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
            let (cx, cy) = Self.center(candidates.box(candidates.order[rank]))
            if isFinite(cx) { x = (smaller(cx, x.low), larger(cx, x.high)) }
            if isFinite(cy) { y = (smaller(cy, y.low), larger(cy, y.high)) }
        }
    }

    @inline(__always)
    private static func center<T: Real>(_ measured: MeasuredBox<T>) -> (Double, Double) {
        let box = measured.box
        return (Double(box.x1) / 2 + Double(box.x2) / 2, Double(box.y1) / 2 + Double(box.y2) / 2)
    }

    @inline(__always)
    func key<T: Real>(_ box: MeasuredBox<T>) -> UInt64 {
        let (cx, cy) = Self.center(box)
        return Self.spread(cx, x) | Self.spread(cy, y) << 1
    }

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
private struct Kept<T: Real> {
    private let columns: BoxColumns<T>
    private let threshold: T
    /// The place in the columns where each level begins. Level 0 holds the boxes. The length is BGI_LEVELS, which Swift needs as a literal.
    private var starts = InlineArray<13, Int>(repeating: 0)
    private var top = 0

    @inline(__always)
    init(_ base: UnsafeMutablePointer<T>, _ slots: Int, _ threshold: T) {
        (columns, self.threshold) = (BoxColumns(base: base), threshold)
        var (nodes, start) = (slots, 0)
        while true {
            starts[top] = start
            let width = (nodes &+ tileWidth &- 1) / tileWidth
            for tile in 0..<width { columns.tile(start &+ tile &* tileWidth).clear(bounds: top > 0) }
            if width <= 1 { break }
            (nodes, start, top) = (width, start &+ width &* tileWidth, top &+ 1)
        }
    }

    @inline(__always)
    func add(_ box: MeasuredBox<T>, _ slot: Int) {
        // Other boxes overlap nothing, so that they need no place here.
        guard box.isSolid else { return }
        let (tile, lane) = columns.place(slot)
        tile.set(lane, box)
        var (node, level) = (slot, 1)
        while level <= top {
            node >>= 5
            let (tile, lane) = columns.place(starts[level] &+ node)
            tile.extend(lane, to: box.box)
            level &+= 1
        }
    }

    /// Whether the box's IoU with one of the boxes in the slots first..<end is greater than the threshold.
    @inline(__always)
    func overlap(_ box: MeasuredBox<T>, _ first: Int, _ end: Int) -> Bool {
        box.isSolid && overlap(box, first, end, top, 0)
    }

    @inline(never)
    private func overlap(_ box: MeasuredBox<T>, _ first: Int, _ end: Int, _ level: Int, _ tileIndex: Int) -> Bool {
        let start = tileIndex &* tileWidth
        let tile = columns.tile(starts[level] &+ start)
        var lanes = level == 0 ? tile.lanesThatMayOverlap(box, threshold) : tile.lanesThatTouch(box)
        // Leaves only the lanes that have slots of the class.
        let (low, high) = (max(0, first >> (5 &* level) &- start), min(31, (end &- 1) >> (5 &* level) &- start))
        guard low <= high else { return false }
        lanes &= UInt32.max << UInt32(low) & UInt32.max >> UInt32(31 &- high)
        while lanes != 0 {
            let lane = lanes.trailingZeroBitCount
            lanes &= lanes &- 1
            let found =
                level == 0
                ? Overlap(IoU.self, box, tile[lane], 0, turn: 0).value > threshold : overlap(box, first, end, level &- 1, start &+ lane)
            if found { return true }
        }
        return false
    }
}

extension BoxColumns {
    /// Fills the first tile with boxes without area, which overlap nothing, or with empty bounds, which every box extends.
    @inline(__always)
    fileprivate func clear(bounds: Bool) {
        for k in 0..<tileWidth {
            let box = bounds ? Box<T>(.infinity, .infinity, -.infinity, -.infinity) : Box(0, 0, 0, 0)
            set(k, MeasuredBox(box, area: 0))
        }
    }

    @inline(__always)
    fileprivate func extend(_ k: Int, to box: Box<T>) {
        let bounds = self[k].box
        let extended = Box(smaller(box.x1, bounds.x1), smaller(box.y1, bounds.y1), larger(box.x2, bounds.x2), larger(box.y2, bounds.y2))
        set(k, MeasuredBox(extended, area: 0))
    }

    /// Returns the boxes of the first tile whose IoU may be greater than the threshold, as bits.
    @inline(__always)
    fileprivate func lanesThatMayOverlap(_ box: MeasuredBox<T>, _ threshold: T) -> UInt32 {
        lanes { mayOverlap(Overlap(IoU.self, box, $0, 0, turn: 0), threshold) }
    }

    @inline(__always)
    fileprivate func lanesThatTouch(_ box: MeasuredBox<T>) -> UInt32 {
        let box = box.box
        return lanes { other in
            let bounds = other.box
            return both(both(bounds.x1 < box.x2, bounds.x2 > box.x1), both(bounds.y1 < box.y2, bounds.y2 > box.y1))
        }
    }

    @inline(__always)
    private func lanes(_ condition: (MeasuredBox<T>) -> Bool) -> UInt32 {
        var found: UInt32 = 0
        for k in 0..<tileWidth { found |= UInt32(bit(condition(self[k]))) << UInt32(truncatingIfNeeded: k) }
        return found
    }
}

/// Holds the boxes of one class with scores that decay. A box that is kept or dropped has the score minus infinity.
private struct Field<T: Real> {
    private let columns: BoxColumns<T>
    let scores: UnsafeMutablePointer<T>
    /// The highest score of each tile.
    private let tileScores: UnsafeMutablePointer<T>
    private let scoreThreshold: T

    @inline(__always)
    init(_ candidates: Candidates<T>, scoreThreshold: T) {
        let room = (candidates.count &+ tileWidth &- 1) & ~(tileWidth &- 1)
        columns = BoxColumns(base: candidates.columns)
        scores = columns.base + 7 &* room
        tileScores = UnsafeMutableRawPointer(candidates.spare).assumingMemoryBound(to: T.self)
        self.scoreThreshold = scoreThreshold
    }

    @inline(__always)
    func load(_ candidates: Candidates<T>, _ first: Int, _ count: Int, _ scores: UnsafePointer<T>) {
        var tiles = Tiles(0..<count)
        while let (start, length) = tiles.next() {
            let tile = columns.tile(start)
            tile.clear(bounds: false)
            for k in 0..<tileWidth {
                self.scores[start &+ k] = -.infinity
                if k >= length { continue }
                let index = candidates.items[first &+ start &+ k].index
                tile.set(k, candidates.box(index))
                self.scores[start &+ k] = scores[index]
            }
            measure(start)
        }
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

    @inline(never)
    private func measure(_ start: Int) {
        var best = -T.infinity
        for k in start..<start &+ tileWidth { best = larger(scores[k], best) }
        tileScores[start / tileWidth] = best
    }

    /// Removes box k, and lowers the scores of the boxes that overlap it: linearly if their IoU is greater than the threshold, or by a
    /// Gaussian if there is no threshold.
    @inline(never)
    func decay(by k: Int, _ count: Int, _ threshold: T?, _ sigma: T) {
        let (own, lane) = columns.place(k)
        let box = own[lane]
        scores[k] = -.infinity
        measure(k &- lane)
        var tiles = Tiles(0..<count)
        while let (start, _) = tiles.next() {
            let tile = columns.tile(start)
            if tileScores[start / tileWidth] == -.infinity || tile.lanesThatMayOverlap(box, threshold ?? 0) == 0 { continue }
            let scores = scores + start
            if let threshold {
                for k in 0..<tileWidth {
                    let iou = Overlap(IoU.self, box, tile[k], 0, turn: 0).value
                    scores[k] *= choose(iou > threshold, 1 - iou, 1)
                }
            } else {
                for k in 0..<tileWidth {
                    let iou = Overlap(IoU.self, box, tile[k], 0, turn: 0).value
                    scores[k] *= exp(-(iou * iou) / sigma)
                }
            }
            for k in 0..<tileWidth { scores[k] = choose(scores[k] > scoreThreshold, scores[k], -.infinity) }
            measure(start)
        }
    }
}
