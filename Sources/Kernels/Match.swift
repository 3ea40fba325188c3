// The ground truth that each proposal overlaps most, found as the overlaps are computed: their matrix is never stored.

import CBoxgrad
import CShims

/// Finds each proposal's best truth. Without low-quality matches the results are final; with them `scratch` gets where
/// each truth's best proposals are, and matches hold each proposal's truth and, in the two lowest bits, what its overlap makes of it.
@inline(never)
func match<T: Real>(
    _ metric: Int32, _ proposals: UnsafePointer<T>, _ count: Int, _ stride: Int, _ truths: UnsafePointer<T>, _ truthCount: Int,
    _ truthStride: Int, _ eps: Double, _ low: Double, _ high: Double, _ lowQuality: Int32, _ firstChunk: Int,
    _ scratch: UnsafeMutableRawPointer, _ matches: UnsafeMutablePointer<Int64>?, _ overlaps: UnsafeMutablePointer<T>?
) {
    let matching = Matching<T>(scratch: scratch, truthCount: truthCount, eps: T(eps), tracks: lowQuality != 0)
    let (low, high) = (T(low), T(high))
    if lowQuality != 0 {
        for j in 0..<truthCount { matching.peaks[j] = bgi_peak(overlap: -.infinity, first: 0, last: 0) }
        matching.clearLanes()
    }
    var first = 0
    while first < count {
        let rows = min(Int(BGI_MATCH_ROWS), count &- first)
        for i in 0..<rows { (matching.best[i], matching.indices[i]) = (-.infinity, -1) }
        var block = 0
        while block < truthCount {
            let width = min(Int(BGI_MATCH_TRUTHS), truthCount &- block)
            matching.truths.load(truths + block &* truthStride, truthStride, width, metric)
            matching.compare(metric, proposals + first &* stride, rows, stride, block, width)
            block &+= width
        }
        for i in 0..<rows {
            let (overlap, index) = (matching.best[i], matching.indices[i])
            if let overlaps { overlaps[first &+ i] = index < 0 ? 0 : overlap }
            guard let matches else { continue }
            let code = index < 0 || overlap < low ? BOXGRAD_MATCH_BELOW : overlap < high ? BOXGRAD_MATCH_BETWEEN : 0
            matches[first &+ i] = lowQuality != 0 ? index << 2 | Int64(-code) : code < 0 ? Int64(code) : index
        }
        if lowQuality != 0 { matching.endChunk(firstChunk &+ first / Int(BGI_MATCH_ROWS)) }
        first &+= rows
    }
}

private struct Matching<T: Real> {
    let eps: T
    let truthCount: Int
    /// Whether each truth's greatest overlap is noted.
    let tracks: Bool
    /// A tile of proposals; of each the greatest overlap so far, the truth's number in its block (-1: not there), and the overlap with the
    /// latest. All columns have one pointer, so that the compiler knows that they do not overlap.
    private let base: UnsafeMutablePointer<T>
    let truths: BoxColumns<T>
    /// Of the chunk's proposals, the greatest overlap and its truth.
    let best: UnsafeMutablePointer<T>
    let indices: UnsafeMutablePointer<Int64>
    let peaks: UnsafeMutablePointer<bgi_peak>
    /// Of each truth, the greatest overlap with the chunk's proposals, in eight lanes.
    private let lanes: UnsafeMutablePointer<T>

    @inline(__always)
    init(scratch: UnsafeMutableRawPointer, truthCount: Int, eps: T, tracks: Bool) {
        (self.truthCount, self.eps, self.tracks) = (truthCount, eps, tracks)
        base = scratch.assumingMemoryBound(to: T.self)
        truths = BoxColumns(base: base + Int(BGI_MATCH_TILE))
        best = truths.base + bgi_match_columns(truthCount)
        indices = UnsafeMutableRawPointer(best + Int(BGI_MATCH_ROWS)).assumingMemoryBound(to: Int64.self)
        peaks = (scratch + bgi_match_peaks(truthCount, MemoryLayout<T>.stride)).assumingMemoryBound(to: bgi_peak.self)
        lanes = UnsafeMutableRawPointer(peaks + truthCount).assumingMemoryBound(to: T.self)
    }

    @inline(__always)
    func clearLanes() {
        for k in 0..<8 &* truthCount { lanes[k] = -.infinity }
    }

    /// Takes what a chunk's proposals have brought.
    @inline(__always)
    func endChunk(_ chunk: Int) {
        for j in 0..<truthCount {
            var found = -T.infinity
            for k in 0..<8 { found = larger(lanes[8 &* j &+ k], found) }
            let overlap = Double(found)
            if overlap > peaks[j].overlap { peaks[j] = bgi_peak(overlap: overlap, first: chunk, last: chunk) }
            if overlap == peaks[j].overlap { peaks[j].last = chunk }
        }
        clearLanes()
    }

    /// Compares the chunk's proposals with a block of truths.
    @inline(__always)
    func compare(_ metric: Int32, _ proposals: UnsafePointer<T>, _ rows: Int, _ stride: Int, _ block: Int, _ width: Int) {
        let (greatest, found) = (base + 7 &* tileWidth, base + 8 &* tileWidth)
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            BoxColumns<T>(base: base).load(proposals + start &* stride, stride, length, metric)
            for k in 0..<tileWidth { (greatest[k], found[k]) = (k < length ? best[start &+ k] : 0, -1) }
            switch metric {
            case BOXGRAD_GIOU: compare(block, width, GIoU.self)
            case BOXGRAD_DIOU: compare(block, width, DIoU.self)
            case BOXGRAD_CIOU: compare(block, width, CIoU.self)
            default: compare(block, width, IoU.self)
            }
            for k in 0..<length {
                best[start &+ k] = greatest[k]
                if found[k] >= 0 { indices[start &+ k] = Int64(block &+ Int(found[k])) }
            }
        }
    }

    @inline(never)
    private func compare<M: Metric>(_ block: Int, _ width: Int, _ metric: M.Type) {
        let tile = BoxColumns<T>(base: base)
        let (greatest, found) = (base + 7 &* tileWidth, base + 8 &* tileWidth)
        let (values, peak) = (base + 9 &* tileWidth, base + 10 &* tileWidth)
        for j in 0..<width {
            let (here, lane) = truths.place(j)
            let (truth, angle) = (here[lane], here.angle(lane, metric))
            let index = T(j)
            for k in 0..<tileWidth {
                let value = Overlap(metric, truth, tile[k], eps, turn: tile.angle(k, metric) - angle).value
                let isBetter = value > greatest[k]
                greatest[k] = choose(isBetter, value, greatest[k])
                found[k] = choose(isBetter, index, found[k])
                values[k] = value
            }
            if tracks {
                let lane = lanes + 8 &* (block &+ j)
                memcpy(peak, lane, 8 &* MemoryLayout<T>.stride)
                for k in 0..<8 {
                    let two = larger(values[k &+ 8], larger(values[k], peak[k]))
                    peak[k] = larger(values[k &+ 24], larger(values[k &+ 16], two))
                }
                memcpy(lane, peak, 8 &* MemoryLayout<T>.stride)
            }
        }
    }
}
