import CBoxgrad
import CDevice

// ---- Family match ----

/// The truths that a block of threads compares at a time. Each has eight numbers of the memory that the threads share: its coordinates, its
/// area, the two parts of its diagonal's angle, and the greatest overlap that is known.
private let truthsAtATime = 128

/// A match holds the number of the proposal's truth, then a bit that says whether some truth may force it, and in its two lowest bits the
/// negated code that its overlap gives, or 0. Without low-quality matches it is final.
func matchDevice<M: Metric, T: DeviceReal>(_: M.Type, _ device: DeviceMatch<T>, _ count: Int) {
    let (call, peaks) = (device.call, device.peaks)
    let truths = UnsafeMutableRawPointer(bgi_shared_numbers()).assumingMemoryBound(to: T.self)
    let (me, width) = (Int(bgi_thread_x()), Int(bgi_threads_x()))
    let (eps, low, high) = (T(call.eps), T(call.low), T(call.high))
    var first = Int(bgi_block_x()) &* width
    while first < count {
        let i = first &+ me
        // Threads beyond the last proposal take it, too, because all must wait for each other.
        let proposal = MeasuredBox<T>(load(call.proposals, Swift.min(i, count &- 1)))
        let angle = M.code == BOXGRAD_CIOU ? DiagonalAngle(proposal) : DiagonalAngle(0, 0)
        var (overlap, index, mayBeForced) = (-T.infinity, -1, 0)
        var block = 0
        while block < call.truthCount {
            let length = Swift.min(truthsAtATime, call.truthCount &- block)
            bgi_barrier()
            var j = me
            while j < length {
                let (truth, here) = (MeasuredBox<T>(load(call.truths, block &+ j)), truths + 8 &* j)
                truth.box.store(here)
                here[4] = truth.area
                if M.code == BOXGRAD_CIOU {
                    let angle = DiagonalAngle(truth)
                    (here[5], here[6]) = (angle.high, angle.low)
                }
                if let peaks { here[7] = T.greatest(peaks + (block &+ j)) }
                j &+= width
            }
            bgi_barrier()
            j = 0
            while j < length {
                let here = truths + 8 &* j
                let truth = MeasuredBox(fetch(UnsafePointer(here)), area: here[4])
                let value = overlapOfMatch(M.self, proposal, truth, eps, DiagonalAngle(here[5], here[6]) - angle)
                if value > overlap { (overlap, index) = (value, block &+ j) }
                // Who does not reach what others have found so far is not the best proposal.
                if peaks != nil && value > 0 && value >= T.greatest(here + 7) {
                    T.raise(here + 7, to: value)
                    mayBeForced = 4
                }
                j &+= 1
            }
            if let peaks {
                bgi_barrier()
                j = me
                while j < length {
                    let found = truths[8 &* j &+ 7]
                    if found > T.greatest(peaks + (block &+ j)) { T.raise(peaks + (block &+ j), to: found) }
                    j &+= width
                }
            }
            block &+= truthsAtATime
        }
        if i < count {
            if let overlaps = call.overlaps { overlaps[i] = index < 0 ? 0 : overlap }
            if let matches = call.matches {
                let code = index < 0 || overlap < low ? BOXGRAD_MATCH_BELOW : overlap < high ? BOXGRAD_MATCH_BETWEEN : 0
                matches[i] = peaks != nil ? Int64(index << 3 | mayBeForced | Int(-code)) : code < 0 ? Int64(code) : Int64(index)
            }
        }
        first &+= width &* Int(bgi_blocks_x())
    }
}

/// Decodes the matches, and finds which of the proposals that may be forced have a truth's greatest overlap.
func matchForcedDevice<M: Metric, T: DeviceReal>(_: M.Type, _ device: DeviceMatch<T>, _ count: Int) {
    let (call, eps) = (device.call, T(device.call.eps))
    guard let matches = call.matches, let peaks = device.peaks else { return }
    forEach(count) { i in
        let (code, mayBeForced, index) = (matches[i] & 3, matches[i] & 4 != 0, matches[i] >> 3)
        var match = code == 0 ? index : -code
        if mayBeForced {
            let proposal = MeasuredBox<T>(load(call.proposals, i))
            let angle = M.code == BOXGRAD_CIOU ? DiagonalAngle(proposal) : DiagonalAngle(0, 0)
            var j = 0
            while j < call.truthCount {
                let truth = MeasuredBox<T>(load(call.truths, j))
                let turn = M.code == BOXGRAD_CIOU ? DiagonalAngle(truth) - angle : 0
                let value = overlapOfMatch(M.self, proposal, truth, eps, turn)
                if value > 0 && value == peaks[j] { match = call.toForcing ? Int64(j) : index }
                j &+= 1
            }
        }
        matches[i] = match
    }
}

@inline(__always)
private func overlapOfMatch<M: Metric, T: Real>(_: M.Type, _ proposal: MeasuredBox<T>, _ truth: MeasuredBox<T>, _ eps: T, _ turn: T) -> T {
    Sparse<M>.result(of: Overlap(Sparse<M>.self, proposal, truth, eps, turn: M.code == BOXGRAD_CIOU ? turn : 0))
}
