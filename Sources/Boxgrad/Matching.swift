import CBoxgrad
import CShims

extension Match {
    /// Checks the arguments of match, whose boxes have `width` numbers. It returns nil if one is refused, or if there are no proposals. The call has no
    /// scratch yet.
    init?(
        _ arguments: inout Arguments, _ metric: Int32, _ proposals: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ truths: UnsafePointer<T>?,
        _ truthsCount: Int, _ truthsStride: Int, _ eps: Double, _ low: Double, _ high: Double, _ lowQuality: Int32,
        _ matches: UnsafeMutablePointer<Int64>?, _ overlaps: UnsafeMutablePointer<T>?, width: Int = 4
    ) {
        arguments.metric(metric, eps, T.self)
        arguments.require(low == low, "low_threshold", "is NaN", low)
        arguments.require(high >= low, "high_threshold", "is less than low_threshold, or NaN", high)
        arguments.require(0...2 ~= lowQuality, "low_quality", "must be 0, 1 or 2", lowQuality)
        arguments.count(count, "proposals_count")
        arguments.count(truthsCount, "truths_count")
        arguments.rows(proposals, "proposals", count, stride: stride, "proposals_stride", width: width)
        arguments.rows(truths, "truths", truthsCount, stride: truthsStride, "truths_stride", width: width)
        arguments.packed(UnsafePointer(matches), "matches", count, optional: true)
        arguments.packed(UnsafePointer(overlaps), "overlaps", count, optional: true)
        guard arguments.valid, let proposals, count > 0 else { return nil }
        // If `truths` is NULL there are no truths, and the pointer is not used.
        self.init(
            metric: metric, proposals: Rows(proposals, stride: stride), truths: Rows(truths ?? proposals, stride: truthsStride),
            truthCount: truthsCount, eps: eps, low: low, high: high, lowQuality: lowQuality != 0 && matches != nil, toForcing: lowQuality == 2,
            matches: matches, overlaps: overlaps,
            scratch: ThreadScratch(start: UnsafeMutableRawPointer(mutating: proposals), size: 0, rows: count))
    }
}

func match<T: BinaryFloatingPoint>(
    _ metric: Int32, _ proposals: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ truths: UnsafePointer<T>?, _ truthsCount: Int,
    _ truthsStride: Int, _ eps: Double, _ low: Double, _ high: Double, _ lowQuality: Int32, _ matches: UnsafeMutablePointer<Int64>?,
    _ overlaps: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    let checked = Match(&arguments, metric, proposals, count, stride, truths, truthsCount, truthsStride, eps, low, high, lowQuality, matches, overlaps)
    guard var call = checked, let memory = MatchMemory(&arguments, count, call, columns: Int(BGI_COLUMNS)) else { return arguments.status }
    defer { memory.scratch.free() }
    call.scratch = memory.ofThreads
    call.run(count, Division(rows: memory.ofThreads.rows, worthThread: memory.worthThread), kernels(T.self).match)
    if call.lowQuality { call.run(count, kernels(T.self).match_low_quality) }
    return BOXGRAD_OK
}

func rotatedMatch<T: BinaryFloatingPoint>(
    _ metric: Int32, _ angle: Int32, _ proposals: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ truths: UnsafePointer<T>?, _ truthsCount: Int,
    _ truthsStride: Int, _ low: Double, _ high: Double, _ lowQuality: Int32, _ matches: UnsafeMutablePointer<Int64>?,
    _ overlaps: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.rotatedMetric(metric, angle)
    let checked = Match(
        &arguments, metric, proposals, count, stride, truths, truthsCount, truthsStride, 0, low, high, lowQuality, matches, overlaps, width: 5)
    guard let upright = checked, let memory = MatchMemory(&arguments, count, upright, columns: bgi_rotated_columns(MemoryLayout<T>.stride))
    else { return arguments.status }
    defer { memory.scratch.free() }
    var call = RotatedMatch(call: upright, angle: angle)
    call.call.scratch = memory.ofThreads
    call.run(count, Division(rows: memory.ofThreads.rows, worthThread: memory.worthThread), kernels(T.self).rotated_match)
    if upright.lowQuality { call.run(count, kernels(T.self).rotated_match_low_quality) }
    return BOXGRAD_OK
}

/// The scratch of a match. Each thread gets one chunk of proposals, because each chunk has scratch of its own. A chunk begins at a multiple of the
/// rows that the kernel compares at a time.
private struct MatchMemory {
    let scratch: Scratch
    let ofThreads: ThreadScratch
    let worthThread: Int

    init?<T>(_ arguments: inout Arguments, _ count: Int, _ call: Match<T>, columns: Int) {
        let rows = Int(BGI_MATCH_ROWS)
        worthThread = max(1, Division.elements.worthThread / max(1, call.truthCount))
        let chunkRows = ((count &- 1) / bgi_threads(count, worthThread) / rows &+ 1) &* rows
        let threads = (count &- 1) / chunkRows &+ 1
        let size = bgi_match_scratch(call.truthCount, MemoryLayout<T>.stride, columns)
        guard let scratch = Scratch(&arguments, threads, each: size) else { return nil }
        self.scratch = scratch
        ofThreads = ThreadScratch(start: scratch.start, size: size, rows: chunkRows)
    }
}

func matchIgnore<T: BinaryFloatingPoint>(
    _ share: Int32, _ proposals: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ ignored: UnsafePointer<T>?, _ ignoredCount: Int,
    _ ignoredStride: Int, _ threshold: Double, _ which: Int32, _ matches: UnsafePointer<Int64>?, _ out: UnsafeMutablePointer<Int64>?
) -> Int32 {
    var arguments = Arguments()
    arguments.require(BOXGRAD_SHARE_OF_PROPOSAL...BOXGRAD_SHARE_OF_IGNORED ~= share, "share", "must be 0 or 1", share)
    arguments.require(threshold >= 0, "threshold", "must not be negative or NaN", threshold)
    arguments.require(BOXGRAD_IGNORE_UNMATCHED...BOXGRAD_IGNORE_ALL ~= which, "which", "must be 0 or 1", which)
    arguments.count(count, "proposals_count")
    arguments.count(ignoredCount, "ignored_count")
    arguments.rows(proposals, "proposals", count, stride: stride, "proposals_stride")
    arguments.rows(ignored, "ignored", ignoredCount, stride: ignoredStride, "ignored_stride")
    arguments.packed(matches, "matches", count)
    arguments.packed(UnsafePointer(out), "out", count)
    guard arguments.valid, let proposals, let matches, let out else { return arguments.status }
    // If `ignored` is NULL there are no ignored boxes, and the pointer is not used.
    MatchIgnore(
        proposals: Rows(proposals, stride: stride), ignored: Rows(ignored ?? proposals, stride: ignoredStride), ignoredCount: ignoredCount,
        threshold: threshold, ofIgnored: share == BOXGRAD_SHARE_OF_IGNORED, positivesToo: which == BOXGRAD_IGNORE_ALL, matches: matches, out: out
    ).run(count, .boxes(groups: max(1, ignoredCount)), kernels(T.self).match_ignore)
    return BOXGRAD_OK
}
