import CBoxgrad
import CShims

@_cdecl("boxgrad_match_f32") @implementation
public func boxgrad_match_f32(
    _ metric: Int32, _ proposals: UnsafePointer<Float>?, _ proposalsCount: Int, _ proposalsStride: Int, _ truths: UnsafePointer<Float>?,
    _ truthsCount: Int, _ truthsStride: Int, _ eps: Double, _ lowThreshold: Double, _ highThreshold: Double, _ lowQuality: Int32,
    _ matches: UnsafeMutablePointer<Int64>?, _ overlaps: UnsafeMutablePointer<Float>?
) -> Int32 {
    match(
        metric, proposals, proposalsCount, proposalsStride, truths, truthsCount, truthsStride, eps, lowThreshold, highThreshold, lowQuality,
        matches, overlaps, kernels.f32.iou_pairwise) { Matching<Float>.run($0, $1, $2, kernels.f32.match) }
}

@_cdecl("boxgrad_match_f64") @implementation
public func boxgrad_match_f64(
    _ metric: Int32, _ proposals: UnsafePointer<Double>?, _ proposalsCount: Int, _ proposalsStride: Int, _ truths: UnsafePointer<Double>?,
    _ truthsCount: Int, _ truthsStride: Int, _ eps: Double, _ lowThreshold: Double, _ highThreshold: Double, _ lowQuality: Int32,
    _ matches: UnsafeMutablePointer<Int64>?, _ overlaps: UnsafeMutablePointer<Double>?
) -> Int32 {
    match(
        metric, proposals, proposalsCount, proposalsStride, truths, truthsCount, truthsStride, eps, lowThreshold, highThreshold, lowQuality,
        matches, overlaps, kernels.f64.iou_pairwise) { Matching<Double>.run($0, $1, $2, kernels.f64.match) }
}

private struct Matching<T: BinaryFloatingPoint>: Work {
    let metric: Int32
    let proposals, truths: UnsafePointer<T>
    let proposalsStride, truthsCount, truthsStride: Int
    let eps, lowThreshold, highThreshold: Double
    let lowQuality: Int32
    let scratch: UnsafeMutableRawPointer
    let matches: UnsafeMutablePointer<Int64>?
    let overlaps: UnsafeMutablePointer<T>?
    let chunkRows: Int

    static func run(
        _ context: UnsafeMutableRawPointer?, _ begin: Int, _ end: Int,
        _ kernel: (
            Int32, UnsafePointer<T>, Int, Int, UnsafePointer<T>, Int, Int, Double, Double, Double, Int32, Int, UnsafeMutableRawPointer,
            UnsafeMutablePointer<Int64>?, UnsafeMutablePointer<T>?
        ) -> Void
    ) {
        let work = at(context)
        kernel(
            work.metric, work.proposals + begin &* work.proposalsStride, end &- begin, work.proposalsStride, work.truths, work.truthsCount,
            work.truthsStride, work.eps, work.lowThreshold, work.highThreshold, work.lowQuality, begin / Int(BGI_MATCH_ROWS),
            work.scratch + begin / work.chunkRows &* bgi_match_scratch(work.truthsCount, MemoryLayout<T>.stride),
            work.matches.map { $0 + begin }, work.overlaps.map { $0 + begin })
    }

    /// Matches the proposals whose overlap with a truth is the greatest that the threads have found, and decodes the matches. The overlaps are
    /// computed again, of the chunks in which the greatest were.
    func finish(
        _ count: Int, _ threads: Int, _ matches: UnsafeMutablePointer<Int64>,
        _ iouPairwise: (
            Int32, UnsafePointer<T>, Int, Int, UnsafePointer<T>, Int, Int, Double, UnsafeMutablePointer<T>, UnsafeMutablePointer<T>, Int,
            UnsafeMutablePointer<T>?
        ) -> Void
    ) {
        let size = MemoryLayout<T>.stride
        let room = scratch.assumingMemoryBound(to: T.self)
        let overlaps = room + bgi_match_columns(truthsCount)
        for j in 0..<truthsCount {
            var peak = bgi_peak(overlap: 0, first: 0, last: -1)
            for thread in 0..<threads {
                let peaks = scratch + (thread &* bgi_match_scratch(truthsCount, size) &+ bgi_match_peaks(truthsCount, size))
                let other = peaks.assumingMemoryBound(to: bgi_peak.self)[j]
                if other.overlap > peak.overlap { peak = other } else if other.overlap == peak.overlap && peak.overlap > 0 { peak.last = other.last }
            }
            var first = peak.first &* Int(BGI_MATCH_ROWS)
            while first < min(count, (peak.last &+ 1) &* Int(BGI_MATCH_ROWS)) {
                let rows = min(Int(BGI_MATCH_ROWS), count &- first)
                iouPairwise(
                    metric, truths + j &* truthsStride, 1, truthsStride, proposals + first &* proposalsStride, rows, proposalsStride, eps, room,
                    overlaps, rows, nil)
                for i in 0..<rows where Double(overlaps[i]) == peak.overlap { matches[first &+ i] &= ~3 }
                first &+= rows
            }
        }
        for i in 0..<count {
            let code = matches[i] & 3
            matches[i] = code == 0 ? matches[i] >> 2 : -code
        }
    }
}

private func match<T: BinaryFloatingPoint>(
    _ metric: Int32, _ proposals: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ truths: UnsafePointer<T>?, _ truthsCount: Int,
    _ truthsStride: Int, _ eps: Double, _ low: Double, _ high: Double, _ lowQuality: Int32, _ matches: UnsafeMutablePointer<Int64>?,
    _ overlaps: UnsafeMutablePointer<T>?,
    _ iouPairwise: (
        Int32, UnsafePointer<T>, Int, Int, UnsafePointer<T>, Int, Int, Double, UnsafeMutablePointer<T>, UnsafeMutablePointer<T>, Int,
        UnsafeMutablePointer<T>?
    ) -> Void, _ task: boxgrad_task
) -> Int32 {
    var arguments = Arguments()
    arguments.metric(metric, eps, T.self)
    arguments.require(low == low, "low_threshold", "is NaN", low)
    arguments.require(high >= low, "high_threshold", "is less than low_threshold, or NaN", high)
    arguments.require(0...1 ~= lowQuality, "low_quality", "must be 0 or 1", lowQuality)
    arguments.count(count, "proposals_count")
    arguments.count(truthsCount, "truths_count")
    arguments.rows(proposals, "proposals", count, stride: stride, "proposals_stride")
    arguments.rows(truths, "truths", truthsCount, stride: truthsStride, "truths_stride")
    arguments.packed(UnsafePointer(matches), "matches", count, optional: true)
    arguments.packed(UnsafePointer(overlaps), "overlaps", count, optional: true)
    guard arguments.valid, let proposals, count > 0 else { return arguments.status }
    let truths = truths ?? proposals  // of which there are none
    // One chunk for each thread, which has its scratch; it begins with one of the kernel's.
    let worthThread = max(1, Division.elements.worthThread / max(1, truthsCount))
    let rows = Int(BGI_MATCH_ROWS)
    let chunkRows = ((count &- 1) / bgi_threads(count, worthThread) / rows &+ 1) &* rows
    let threads = (count &- 1) / chunkRows &+ 1
    guard let scratch = Scratch(&arguments, threads, each: bgi_match_scratch(truthsCount, MemoryLayout<T>.stride)) else { return arguments.status }
    defer { scratch.free() }
    let tracks = lowQuality != 0 && matches != nil
    let matching = Matching(
        metric: metric, proposals: proposals, truths: truths, proposalsStride: stride, truthsCount: truthsCount, truthsStride: truthsStride,
        eps: eps, lowThreshold: low, highThreshold: high, lowQuality: tracks ? 1 : 0, scratch: scratch.start, matches: matches,
        overlaps: overlaps, chunkRows: chunkRows)
    matching.run(count, Division(rows: chunkRows, worthThread: worthThread), task)
    if tracks, let matches { matching.finish(count, threads, matches, iouPairwise) }
    return BOXGRAD_OK
}
