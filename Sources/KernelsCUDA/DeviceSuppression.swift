import CBoxgrad
import CDevice
import CShims

// ---- Family nms_sort, blocks of 512 ----

/// Boxes are taken by their ranks in chunks. A block has as many threads. A chunk has eight words of bits.
@inline(__always)
private var chunk: Int { nmsChunk }
@inline(__always)
private var words: Int { nmsChunk / 64 }

/// Makes keys from the scores, and sorts them in each chunk. The key of a box that does not take part is the greatest.
func nmsSortDevice<T: DeviceReal>(_ device: DeviceNMS<T>, _ count: Int) {
    let (call, me) = (device.call, Int(bgi_thread_x()))
    let items = UnsafeMutableRawPointer(bgi_shared_numbers()).assumingMemoryBound(to: bgi_ranked.self)
    let threshold = T(call.scoreThreshold)
    if thread == 0 { device.kept[0] = 0 }
    var first = Int(bgi_block_x()) &* chunk
    while first < count {
        let i = first &+ me
        var item = bgi_ranked(key: .max, index: i)
        if i < count && isCandidate(load(call.boxes, i), call.scores[i], above: threshold) { item.key = descendingKey(Double(call.scores[i])) }
        var run = 1
        while run < chunk {
            bgi_barrier()
            items[me] = item
            bgi_barrier()
            let place = mergedPlace(of: me, item.key, UnsafePointer(items), run, chunk)
            bgi_barrier()
            items[place] = item
            bgi_barrier()
            item = items[me]
            run &*= 2
        }
        // What is beyond the last box has the greatest key, too, and a greater index.
        if i < count { device.ranked[i] = item }
        first &+= chunk &* Int(bgi_blocks_x())
    }
}

/// Merges sorted runs of `device.step` items in pairs.
func nmsMergeDevice<T: DeviceReal>(_ device: DeviceNMS<T>, _ count: Int) {
    forEach(count) { i in
        let item = device.ranked[i]
        device.merged[mergedPlace(of: i, item.key, UnsafePointer(device.ranked), device.step, count)] = item
    }
}

/// Returns the place of item i when each two neighbouring runs are merged. `run`, a power of two, is their length. Equal keys keep their order.
@inline(__always)
private func mergedPlace(of i: Int, _ key: UInt64, _ items: UnsafePointer<bgi_ranked>, _ run: Int, _ count: Int) -> Int {
    let own = i & ~(run &- 1)
    let other = own ^ run
    guard other < count else { return i }
    var (low, high) = (other, Swift.min(other &+ run, count))
    while low < high {
        let middle = (low &+ high) &>> 1
        let comes = items[middle].key
        if other < own ? comes <= key : comes < key { low = middle &+ 1 } else { high = middle }
    }
    return Swift.min(own, other) &+ (i &- own) &+ (low &- other)
}

// ---- Family nms, blocks of 512 ----

/// Stores the boxes in the order of their ranks, and finds which boxes of a chunk would drop which later ones of the chunk. A block finds one
/// word of these bits for each of its boxes.
func nmsMasksDevice<T: DeviceReal>(_ device: DeviceNMS<T>, _ count: Int) {
    let (call, me, word) = (device.call, Int(bgi_thread_x()), Int(bgi_block_y()))
    let staged = Staged<T>(base: UnsafeMutableRawPointer(bgi_shared_numbers()))
    let threshold = T(call.iouThreshold)
    @inline(__always)
    func ranked(_ slot: Int) -> (box: MeasuredBox<T>, group: Int64, takesPart: Bool) {
        guard slot < count else { return (MeasuredBox(Box(0, 0, 0, 0)), 0, false) }
        let item = device.ranked[slot]
        let box = MeasuredBox<T>(load(call.boxes, item.index))
        let group: Int64 = if let classes = call.classes { classes[item.index] } else { 0 }
        // A box that overlaps nothing becomes one without area.
        return (item.key != .max && box.isSolid ? box : MeasuredBox(Box(0, 0, 0, 0)), group, item.key != .max)
    }
    var first = Int(bgi_block_x()) &* chunk
    while first < count {
        bgi_barrier()
        if me < 64 {
            let other = ranked(first &+ 64 &* word &+ me)
            staged.set(me, other.box, other.group)
        }
        bgi_barrier()
        let slot = first &+ me
        if slot < count {
            let (box, group, takesPart) = ranked(slot)
            if word == 0 {
                store(box.box, device.boxes + 4 &* slot)
                device.groups[slot] = group
                device.dropped[slot] = takesPart ? 0 : 1
            }
            // Of the own word, only the boxes after this one.
            let later = me &>> 6 < word ? ~0 : me &>> 6 > word ? 0 : ~1 &<< UInt64(me & 63)
            var (bits, k): (UInt64, Int) = (0, 0)
            while k < 64 && later != 0 {
                staged.forEachThatDrops(box, group, k, threshold, call.classes != nil) { bits |= 1 &<< UInt64(truncatingIfNeeded: $0) }
                k &+= Staged<T>.width
            }
            device.masks[first &* words &+ word &* chunk &+ me] = bits & later
        }
        first &+= chunk &* Int(bgi_blocks_x())
    }
}

/// Decides which boxes of chunk `device.step` are kept, and drops the later boxes that overlap them. Every block decides the same. Each drops
/// boxes of its own, and the first writes which are kept.
func nmsStepDevice<T: DeviceReal>(_ device: DeviceNMS<T>, _ count: Int) {
    let (call, me, isFirst) = (device.call, Int(bgi_thread_x()), bgi_block_x() == 0)
    let first = device.step &* chunk
    let length = Swift.min(chunk, count &- first)
    let written = device.kept[device.step]
    let isLast = first &+ length == count
    // The words of the boxes that are dropped, and of those that would drop a later one of the same word.
    let dropped = UnsafeMutableRawPointer(bgi_shared_numbers()).assumingMemoryBound(to: UInt64.self)
    let active = dropped + words
    let masks = UnsafeMutableRawPointer(bgi_shared_stage()).assumingMemoryBound(to: UInt64.self)
    if me < words { (dropped[me], active[me]) = (0, 0) }
    bgi_barrier()
    let (own, bit) = (me &>> 6, UInt64(1) &<< UInt64(me & 63))
    if me >= length || device.dropped[first &+ me] != 0 { bgi_or(dropped + own, bit) }
    if me < length {
        // All are loaded before one is stored, so that their times overlap.
        let row = InlineArray<8, UInt64> { device.masks[first &* words &+ $0 &* chunk &+ me] }
        for w in 0..<8 { masks[w &* chunk &+ me] = row[unchecked: w] }
        if masks[own &* chunk &+ me] != 0 { bgi_or(active + own, bit) }
    }
    bgi_barrier()
    var word = 0
    while 64 &* word < length && written < call.maxKeep {
        if me == 0 {
            var bits = dropped[word]
            var left = active[word] & ~bits
            while left != 0 {
                let k = left.trailingZeroBitCount
                bits |= masks[word &* chunk &+ 64 &* word &+ k]
                left &= ~bits & ~(1 &<< UInt64(k))
            }
            dropped[word] = bits
        }
        bgi_barrier()
        let (row, later) = (64 &* word &+ me & 63, word &+ 1 &+ own)
        if later < words && row < length && dropped[word] & (1 &<< UInt64(me & 63)) == 0 {
            let mask = masks[later &* chunk &+ row]
            if mask != 0 { bgi_or(dropped + later, mask) }
        }
        bgi_barrier()
        word &+= 1
    }
    // The masks are not needed any more: the kept boxes take their place.
    var (place, total, w) = (0, 0, 0)
    while w < words {
        let alive = ~dropped[w]
        total &+= alive.nonzeroBitCount
        place &+= (w < own ? alive : w == own ? alive & (bit &- 1) : 0).nonzeroBitCount
        w &+= 1
    }
    let room = Swift.max(0, Swift.min(total, call.maxKeep &- written))
    let staged = Staged<T>(base: UnsafeMutableRawPointer(bgi_shared_stage()))
    if dropped[own] & bit == 0 && place < room {
        if isFirst { call.keep[written &+ place] = device.ranked[first &+ me].index }
        staged.set(place, MeasuredBox(load(Rows(UnsafePointer(device.boxes), stride: 4), first &+ me)), device.groups[first &+ me])
    }
    // Boxes without area fill the last group of those that are compared at once.
    if me < Staged<T>.width && room &+ me < chunk { staged.set(room &+ me, MeasuredBox(Box(0, 0, 0, 0)), 0) }
    if isFirst && me == 0 {
        device.kept[device.step &+ 1] = written &+ room
        if isLast { call.keepCount.pointee = written &+ room }
    }
    bgi_barrier()
    guard written &+ room < call.maxKeep else { return }
    let threshold = T(call.iouThreshold)
    var slot = first &+ chunk &* (1 &+ Int(bgi_block_x())) &+ me
    while slot < count {
        if device.dropped[slot] == 0 {
            let box = MeasuredBox<T>(load(Rows(UnsafePointer(device.boxes), stride: 4), slot))
            let group = device.groups[slot]
            var (k, isDropped) = (0, false)
            while k < room && !isDropped {
                staged.forEachThatDrops(box, group, k, threshold, call.classes != nil) { _ in isDropped = true }
                k &+= Staged<T>.width
            }
            if isDropped { device.dropped[slot] = 1 }
        }
        slot &+= chunk &* Int(bgi_blocks_x())
    }
}

/// Boxes in the memory that threads share. Each has room for eight numbers: the coordinates, the area, and at the end the class.
private struct Staged<T: DeviceReal> {
    let base: UnsafeMutableRawPointer

    @inline(__always)
    private func numbers(_ k: Int) -> UnsafeMutablePointer<T> { base.assumingMemoryBound(to: T.self) + 8 &* k }

    @inline(__always)
    private func groups(_ k: Int) -> UnsafeMutablePointer<Int64> {
        UnsafeMutableRawPointer(numbers(k &+ 1)).assumingMemoryBound(to: Int64.self) - 1
    }

    @inline(__always)
    func set(_ k: Int, _ box: MeasuredBox<T>, _ group: Int64) {
        box.box.store(numbers(k))
        numbers(k)[4] = box.area
        groups(k).pointee = group
    }

    @inline(__always)
    private subscript(k: Int) -> MeasuredBox<T> { MeasuredBox(fetch(UnsafePointer(numbers(k))), area: numbers(k)[4]) }

    /// The number of boxes that are compared at once, without a branch.
    static var width: Int { 4 }

    /// Calls the body with those of boxes k..<k + width that drop a box, of any class unless there are classes.
    @inline(__always)
    func forEachThatDrops(_ box: MeasuredBox<T>, _ group: Int64, _ k: Int, _ threshold: T, _ hasClasses: Bool, _ body: (Int) -> Void) {
        var suspects = suspects(k, box, threshold)
        while suspects != 0 {
            let slot = k &+ suspects.trailingZeroBitCount
            suspects &= suspects &- 1
            if (!hasClasses || self.group(slot) == group) && drops(slot, box, threshold) { body(slot) }
        }
    }

    /// Returns bits of those of boxes k..<k + width that may drop a box. They are few, and what a quotient takes is long.
    @inline(__always)
    private func suspects(_ k: Int, _ box: MeasuredBox<T>, _ threshold: T) -> UInt32 {
        var found: UInt32 = 0
        for lane in 0..<Self.width {
            found |= UInt32(bit(mayOverlap(Overlap(IoU.self, box, self[k &+ lane], 0, turn: 0), threshold))) &<< UInt32(lane)
        }
        return found
    }

    @inline(__always)
    private func drops(_ k: Int, _ box: MeasuredBox<T>, _ threshold: T) -> Bool { Overlap(IoU.self, box, self[k], 0, turn: 0).value > threshold }

    @inline(__always)
    private func group(_ k: Int) -> Int64 { groups(k).pointee }
}
