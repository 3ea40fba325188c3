import CBoxgrad
import CShims

extension Arguments {
    /// Checks the arguments that nms and soft_nms have in common. A call keeps at most `keepable` boxes.
    fileprivate mutating func suppression<T>(
        _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<T>?, _ classes: UnsafePointer<Int64>?,
        _ iouThreshold: Double, _ scoreThreshold: Double, _ keepable: Int, _ keep: UnsafeMutablePointer<Int>?,
        _ keepCount: UnsafeMutablePointer<Int>?
    ) {
        require(iouThreshold >= 0, "iou_threshold", "must not be negative or NaN", iouThreshold)
        require(scoreThreshold == scoreThreshold, "score_threshold", "is NaN", scoreThreshold)
        rows(boxes, "boxes", count, stride: stride, "stride")
        packed(scores, "scores", count)
        packed(classes, "classes", count, optional: true)
        packed(UnsafePointer(keep), "keep", keepable)
        pointer(keepCount, "keep_count")
    }

    fileprivate mutating func suppressionScratch<T>(_ count: Int, _: T.Type) -> Scratch? {
        let size = MemoryLayout<T>.stride
        return Scratch(&self, count, each: bgi_suppress_scratch_each(size), all: bgi_suppress_scratch_all(size))
    }
}

/// Returns how many boxes to keep at most. A C size_t greater than Int.max, such as SIZE_MAX, is negative here, and means all.
private func limit(_ maxKeep: Int) -> Int { maxKeep < 0 ? Int.max : maxKeep }

extension NMS {
    /// Checks the arguments of nms. It returns nil if one is refused, or if nothing can be kept. The call has no scratch yet.
    init?(
        _ arguments: inout Arguments, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<T>?,
        _ classes: UnsafePointer<Int64>?, _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?,
        _ keepCount: UnsafeMutablePointer<Int>?
    ) {
        let keepable = min(count, limit(maxKeep))
        arguments.suppression(boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, keepable, keep, keepCount)
        guard arguments.valid, keepable > 0, let boxes, let scores, let keep, let keepCount else { return nil }
        self.init(
            boxes: Rows(boxes, stride: stride), scores: scores, classes: classes, iouThreshold: iouThreshold, scoreThreshold: scoreThreshold,
            maxKeep: keepable, scratch: UnsafeMutableRawPointer(keepCount), keep: keep, keepCount: keepCount)
    }
}

func nms<T>(
    _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<T>?, _ classes: UnsafePointer<Int64>?,
    _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?, _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    var arguments = Arguments()
    let checked = NMS(&arguments, boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount)
    guard var call = checked else {
        if arguments.valid { keepCount?.pointee = 0 }
        return arguments.status
    }
    guard let scratch = arguments.suppressionScratch(count, T.self) else { return arguments.status }
    defer { scratch.free() }
    call.scratch = scratch.start
    call.run(count, kernels(T.self).nms)
    return BOXGRAD_OK
}

func softNms<T>(
    _ decay: Int32, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<T>?, _ classes: UnsafePointer<Int64>?,
    _ iouThreshold: Double, _ sigma: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?,
    _ keepScores: UnsafeMutablePointer<T>?, _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    var arguments = Arguments()
    let keepable = min(count, limit(maxKeep))
    arguments.suppression(boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, keepable, keep, keepCount)
    arguments.require(decay == BOXGRAD_SOFT_LINEAR || decay == BOXGRAD_SOFT_GAUSSIAN, "decay", "is no decay", decay)
    arguments.divisor(sigma, as: T.self, "sigma")
    arguments.packed(UnsafePointer(keepScores), "keep_scores", keepable)
    guard arguments.valid, let keepCount else { return arguments.status }
    guard keepable > 0, let boxes, let scores, let keep, let keepScores else {
        keepCount.pointee = 0
        return BOXGRAD_OK
    }
    guard let scratch = arguments.suppressionScratch(count, T.self) else { return arguments.status }
    defer { scratch.free() }
    SoftNMS(
        decay: decay, boxes: Rows(boxes, stride: stride), scores: scores, classes: classes, iouThreshold: iouThreshold, sigma: sigma,
        scoreThreshold: scoreThreshold, maxKeep: keepable, scratch: scratch.start, keep: keep, keepCount: keepCount, keepScores: keepScores
    ).run(count, kernels(T.self).soft_nms)
    return BOXGRAD_OK
}
