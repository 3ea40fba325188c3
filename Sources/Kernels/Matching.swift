// These kernels find the ground truth that each proposal overlaps most, and the proposals that are to be ignored. They compare the overlaps
// as they compute them, and never store the matrix of overlaps.

import CBoxgrad
import CShims

/// Finds the best truth of each proposal. Without low-quality matches the results are final. With them, the scratch receives where the best
/// proposals of each truth are. A match then holds the number of the proposal's truth and, in its two lowest bits, the negated code that
/// its overlap gives, or 0.
@inline(never)
func match<T: Real>(_ call: Match<T>, _ rows: Range<Int>) { match(call, rows, T(call.low), T(call.high), nil) }

// The thresholds are rounded here, so that the compiler does not merge the kernels of the two types into one.
@inline(never)
func rotatedMatch<T: Real>(_ call: RotatedMatch<T>, _ rows: Range<Int>) {
    match(call.call, rows, T(call.call.low), T(call.call.high), AngleConvention(call.angle))
}

/// `convention` is nil if the boxes are upright.
@inline(never)
private func match<T: Real>(_ call: Match<T>, _ rows: Range<Int>, _ low: T, _ high: T, _ convention: AngleConvention?) {
    let (count, truths) = (call.truthCount, call.truths)
    let matching = Matching(call, call.scratch.of(rows), convention)
    if call.lowQuality {
        for j in 0..<count { matching.peaks[j] = bgi_peak(overlap: -.infinity, first: 0, last: 0) }
        matching.clearLanes()
    }
    var first = rows.lowerBound
    while first < rows.upperBound {
        let length = min(Int(BGI_MATCH_ROWS), rows.upperBound &- first)
        for i in 0..<length { (matching.best[i], matching.indices[i]) = (-.infinity, -1) }
        var block = 0
        while block < count {
            let width = min(Int(BGI_MATCH_TRUTHS), count &- block)
            matching.load(truths.from(block), width)
            matching.compare(call.proposals.from(first), length, block, width)
            block &+= width
        }
        for i in 0..<length {
            let (overlap, index) = (matching.best[i], matching.indices[i])
            if let overlaps = call.overlaps { overlaps[first &+ i] = index < 0 ? 0 : overlap }
            guard let matches = call.matches else { continue }
            let code = index < 0 || overlap < low ? BOXGRAD_MATCH_BELOW : overlap < high ? BOXGRAD_MATCH_BETWEEN : 0
            matches[first &+ i] = call.lowQuality ? index << 2 | Int64(-code) : code < 0 ? Int64(code) : index
        }
        if call.lowQuality { matching.endChunk(first / Int(BGI_MATCH_ROWS)) }
        first &+= length
    }
}

/// Matches the proposals whose overlap with some truth is the greatest that the threads have found, with the truth that they overlap most or
/// with the last of the truths that force them, and then decodes all matches. It computes the overlaps again, for the chunks from the first to the last that has a greatest overlap. It runs on all rows of the call.
@inline(never)
func matchLowQuality<T: Real>(_ call: Match<T>, _ rows: Range<Int>) { matchLowQuality(call, rows, nil) }

@inline(never)
func rotatedMatchLowQuality<T: Real>(_ call: RotatedMatch<T>, _ rows: Range<Int>) { matchLowQuality(call.call, rows, call.angle) }

@inline(never)
private func matchLowQuality<T: Real>(_ call: Match<T>, _ rows: Range<Int>, _ angle: Int32?) {
    guard let matches = call.matches else { return }
    let (metric, columns, size) = (bgi_exchanged(call.metric), columns(T.self, areRotated: angle != nil), MemoryLayout<T>.stride)
    let overlaps = call.scratch.start.assumingMemoryBound(to: T.self) + bgi_match_columns(call.truthCount, columns)
    let threads = (rows.count &- 1) / call.scratch.rows &+ 1
    for j in 0..<call.truthCount {
        var peak = bgi_peak(overlap: 0, first: 0, last: -1)
        for thread in 0..<threads {
            let peaks = call.scratch[thread] + bgi_match_peaks(call.truthCount, size, columns)
            let other = peaks.assumingMemoryBound(to: bgi_peak.self)[j]
            if other.overlap > peak.overlap { peak = other } else if other.overlap == peak.overlap && peak.overlap > 0 { peak.last = other.last }
        }
        var first = peak.first &* Int(BGI_MATCH_ROWS)
        while first < min(rows.upperBound, (peak.last &+ 1) &* Int(BGI_MATCH_ROWS)) {
            let length = min(Int(BGI_MATCH_ROWS), rows.upperBound &- first)
            let (truth, proposals, out) = (call.truths.from(j), call.proposals.from(first), MutableRows(overlaps, stride: length))
            if let angle {
                rotatedIouPairwise(
                    RotatedIoUPairwise(metric: metric, angle: angle, a: truth, b: proposals, bCount: length, out: out), 0..<1)
            } else {
                iouPairwise(
                    IoUPairwise(
                        metric: metric, a: truth, b: proposals, bCount: length, eps: call.eps, out: out, union: nil, streams: false,
                        scratch: call.scratch), 0..<1)
            }
            for i in 0..<length where Double(overlaps[i]) == peak.overlap {
                matches[first &+ i] = call.toForcing ? Int64(j) << 2 : matches[first &+ i] & ~3
            }
            first &+= length
        }
    }
    for i in rows {
        let code = matches[i] & 3
        matches[i] = code == 0 ? matches[i] >> 2 : -code
    }
}

/// The columns of a box.
@inline(__always)
private func columns<T: Real>(_: T.Type, areRotated: Bool) -> Int { areRotated ? RotatedColumns<T>.columns : Int(BGI_COLUMNS) }

/// Marks the matches of proposals that some ignored box covers.
@inline(never)
func matchIgnore<T: Real>(_ call: MatchIgnore<T>, _ rows: Range<Int>) {
    // The threshold is rounded here, so that the compiler does not merge the kernels of the two types into one.
    let threshold = T(call.threshold)
    call.ofIgnored ? call.mark(rows, threshold, IoFOfSecond.self) : call.mark(rows, threshold, IoF.self)
}

extension MatchIgnore where T: Real {
    @inline(never)
    fileprivate func mark<M: Metric>(_ rows: Range<Int>, _ threshold: T, _ metric: M.Type) {
        @inline(__always)
        func mark(_ space: Workspace) {
            let tile: Tile<Box<T>> = space.tile(0)
            let covered: UnsafeMutablePointer<T> = space.column(0)
            var tiles = Tiles(rows)
            while let (start, length) = tiles.next() {
                tile.load(proposals, start, length)
                for k in 0..<tileWidth { covered[k] = 0 }
                for j in 0..<ignoredCount {
                    let box = Box(ignored[j])
                    for k in 0..<tileWidth { covered[k] = larger(Overlap(metric, tile[k], box, 0).value, covered[k]) }
                }
                for i in 0..<length {
                    let match = matches[start &+ i]
                    out[start &+ i] = covered[i] > threshold && (positivesToo || match < 0) ? Int64(BOXGRAD_MATCH_IGNORED) : match
                }
            }
        }
        Workspace.with(mark)
    }
}

private struct Matching<T: Real> {
    private let metric: Int32
    private let eps: T
    private let truthCount: Int
    /// Whether the greatest overlap of each truth is recorded.
    private let tracks: Bool
    /// Is nil if the boxes are upright.
    private let convention: AngleConvention?
    /// Points to four columns and a tile of proposals. The columns are the greatest overlap of each proposal so far, the number of its truth in the
    /// block (-1 if no truth of the block gave it), the overlap with the latest truth, and the lanes of this truth. All columns are reached
    /// from one pointer, so that the compiler knows that they do not overlap.
    private let base: UnsafeMutablePointer<T>
    private let truths: UnsafeMutablePointer<T>
    /// The greatest overlap of each proposal of the chunk; `indices` has the truth that gives it.
    let best: UnsafeMutablePointer<T>
    let indices: UnsafeMutablePointer<Int64>
    let peaks: UnsafeMutablePointer<bgi_peak>
    /// The greatest overlap of each truth with the chunk's proposals, in eight lanes. The largest of them is the greatest overlap.
    private let lanes: UnsafeMutablePointer<T>

    @inline(__always)
    init(_ call: Match<T>, _ scratch: UnsafeMutableRawPointer, _ convention: AngleConvention?) {
        (metric, eps, truthCount, tracks, self.convention) = (call.metric, T(call.eps), call.truthCount, call.lowQuality, convention)
        let columns = columns(T.self, areRotated: convention != nil)
        base = scratch.assumingMemoryBound(to: T.self)
        truths = base + (4 &+ columns) &* tileWidth
        best = truths + bgi_match_columns(truthCount, columns)
        indices = UnsafeMutableRawPointer(best + Int(BGI_MATCH_ROWS)).assumingMemoryBound(to: Int64.self)
        peaks = (scratch + bgi_match_peaks(truthCount, MemoryLayout<T>.stride, columns)).assumingMemoryBound(to: bgi_peak.self)
        lanes = UnsafeMutableRawPointer(peaks + truthCount).assumingMemoryBound(to: T.self)
    }

    @inline(__always)
    private func column(_ index: Int) -> UnsafeMutablePointer<T> { base + index &* tileWidth }
    @inline(__always)
    private var tile: UnsafeMutablePointer<T> { column(4) }

    @inline(__always)
    func clearLanes() {
        for k in 0..<8 &* truthCount { lanes[k] = -.infinity }
    }

    /// Updates the peaks with the greatest overlaps of a chunk's proposals, and clears the lanes.
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

    /// Measures a block of truths.
    @inline(__always)
    func load(_ rows: Rows<T>, _ width: Int) {
        guard let convention else { return BoxColumns(base: truths).load(rows, width, metric) }
        var tiles = Tiles(0..<width)
        while let (start, length) = tiles.next() { RotatedColumns(base: truths).tile(start).fill(rows, start, length, convention) }
    }

    /// Compares the chunk's proposals with a block of truths.
    @inline(__always)
    func compare(_ proposals: Rows<T>, _ count: Int, _ block: Int, _ width: Int) {
        let (greatest, found) = (column(0), column(1))
        var tiles = Tiles(0..<count)
        while let (start, length) = tiles.next() {
            for k in 0..<tileWidth { (greatest[k], found[k]) = (k < length ? best[start &+ k] : 0, -1) }
            if let convention {
                RotatedColumns(base: tile).fill(proposals, start, length, convention)
                compareRotated(block, width)
            } else {
                BoxColumns<T>(base: tile).load(proposals.from(start), length, metric)
                switch metric {
                case BOXGRAD_GIOU: compare(block, width, GIoU.self)
                case BOXGRAD_DIOU: compare(block, width, DIoU.self)
                case BOXGRAD_CIOU: compare(block, width, CIoU.self)
                // The truth is the first box here, so that IoF is the exchanged metric.
                case BOXGRAD_IOF: compare(block, width, IoFOfSecond.self)
                case BOXGRAD_IOS: compare(block, width, IoS.self)
                default: compare(block, width, IoU.self)
                }
            }
            for k in 0..<length {
                best[start &+ k] = greatest[k]
                if found[k] >= 0 { indices[start &+ k] = Int64(block &+ Int(found[k])) }
            }
        }
    }

    @inline(never)
    private func compare<M: Metric>(_ block: Int, _ width: Int, _ metric: M.Type) {
        let (tile, truths) = (BoxColumns<T>(base: tile), BoxColumns<T>(base: truths))
        for j in 0..<width {
            let (here, lane) = truths.place(j)
            let (truth, angle, index) = (here[lane], here.angle(lane, metric), T(j))
            for k in 0..<tileWidth { take(Overlap(metric, truth, tile[k], eps, turn: tile.angle(k, metric) - angle).value, k, index) }
            if tracks { track(block &+ j) }
        }
    }

    /// The truth is the first box here, too.
    @inline(never)
    private func compareRotated(_ block: Int, _ width: Int) {
        let (tile, truths, values) = (RotatedColumns<T>(base: tile), RotatedColumns<T>(base: truths), column(2))
        let metric = RotatedMetric(bgi_exchanged(metric))
        for j in 0..<width {
            let (here, lane) = truths.place(j)
            let isNear = here.compare(lane, tile, metric, values, tileWidth)
            if !isNear { memset(values, 0, tileWidth &* MemoryLayout<T>.stride) }
            let index = T(j)
            for k in 0..<tileWidth { take(values[k], k, index) }
            if tracks { track(block &+ j) }
        }
    }

    /// Takes the overlap of a proposal of the tile with a truth.
    @inline(__always)
    private func take(_ value: T, _ k: Int, _ truth: T) {
        let (greatest, found, values) = (column(0), column(1), column(2))
        let isBetter = value > greatest[k]
        greatest[k] = choose(isBetter, value, greatest[k])
        found[k] = choose(isBetter, truth, found[k])
        values[k] = value
    }

    /// Updates the lanes of a truth with its overlaps, which the tile has.
    @inline(__always)
    private func track(_ truth: Int) {
        let (values, peak, lane) = (column(2), column(3), lanes + 8 &* truth)
        memcpy(peak, lane, 8 &* MemoryLayout<T>.stride)
        for k in 0..<8 {
            let two = larger(values[k &+ 8], larger(values[k], peak[k]))
            peak[k] = larger(values[k &+ 24], larger(values[k &+ 16], two))
        }
        memcpy(lane, peak, 8 &* MemoryLayout<T>.stride)
    }
}
