import CBoxgrad
import CShims

extension Arguments {
    /// Checks the arguments that nms and soft_nms have in common. A call keeps at most `keepable` boxes, which have `width` numbers.
    fileprivate mutating func suppression<T>(
        _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<T>?, _ classes: UnsafePointer<Int64>?,
        _ iouThreshold: Double, _ scoreThreshold: Double, _ keepable: Int, _ keep: UnsafeMutablePointer<Int>?,
        _ keepCount: UnsafeMutablePointer<Int>?, width: Int
    ) {
        require(iouThreshold >= 0, "iou_threshold", "must not be negative or NaN", iouThreshold)
        require(scoreThreshold == scoreThreshold, "score_threshold", "is NaN", scoreThreshold)
        rows(boxes, "boxes", count, stride: stride, "stride", width: width)
        packed(scores, "scores", count)
        packed(classes, "classes", count, optional: true)
        packed(UnsafePointer(keep), "keep", keepable)
        pointer(keepCount, "keep_count")
    }

    fileprivate mutating func suppressionScratch<T>(_ count: Int, _: T.Type, areRotated: Bool) -> Scratch? {
        let size = MemoryLayout<T>.stride
        let columns = areRotated ? bgi_rotated_columns(size) : Int(BGI_COLUMNS)
        return Scratch(&self, count, each: bgi_suppress_scratch_each(size, columns), all: bgi_suppress_scratch_all(size, columns))
    }
}

/// Returns how many boxes to keep at most. A C size_t greater than Int.max, such as SIZE_MAX, is negative here, and means all.
private func limit(_ maxKeep: Int) -> Int { maxKeep < 0 ? Int.max : maxKeep }

extension NMS {
    /// Checks the arguments of nms, whose boxes have `width` numbers. It returns nil if one is refused, or if nothing can be kept. The call has no
    /// scratch yet.
    init?(
        _ arguments: inout Arguments, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<T>?,
        _ classes: UnsafePointer<Int64>?, _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?,
        _ keepCount: UnsafeMutablePointer<Int>?, width: Int = 4
    ) {
        let keepable = min(count, limit(maxKeep))
        arguments.suppression(boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, keepable, keep, keepCount, width: width)
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
    nms(nil, boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount)
}

func rotatedNms<T>(
    _ angle: Int32, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<T>?, _ classes: UnsafePointer<Int64>?,
    _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?, _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    nms(.some(angle), boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount)
}

/// `angle` is nil if the boxes are upright.
@inline(never)
private func nms<T>(
    _ angle: Int32?, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<T>?, _ classes: UnsafePointer<Int64>?,
    _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?, _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    var arguments = Arguments()
    if let angle { arguments.angle(angle) }
    let checked = NMS(
        &arguments, boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount, width: angle == nil ? 4 : 5)
    guard var call = checked else {
        if arguments.valid { keepCount?.pointee = 0 }
        return arguments.status
    }
    guard let scratch = arguments.suppressionScratch(count, T.self, areRotated: angle != nil) else { return arguments.status }
    defer { scratch.free() }
    call.scratch = scratch.start
    if let angle {
        RotatedNMS(call: call, angle: angle).run(count, kernels(T.self).rotated_nms)
    } else {
        call.run(count, kernels(T.self).nms)
    }
    return BOXGRAD_OK
}

func softNms<T>(
    _ decay: Int32, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<T>?, _ classes: UnsafePointer<Int64>?,
    _ iouThreshold: Double, _ sigma: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?,
    _ keepScores: UnsafeMutablePointer<T>?, _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    softNms(decay, nil, boxes, count, stride, scores, classes, iouThreshold, sigma, scoreThreshold, maxKeep, keep, keepScores, keepCount)
}

func rotatedSoftNms<T>(
    _ decay: Int32, _ angle: Int32, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<T>?,
    _ classes: UnsafePointer<Int64>?, _ iouThreshold: Double, _ sigma: Double, _ scoreThreshold: Double, _ maxKeep: Int,
    _ keep: UnsafeMutablePointer<Int>?, _ keepScores: UnsafeMutablePointer<T>?, _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    softNms(decay, .some(angle), boxes, count, stride, scores, classes, iouThreshold, sigma, scoreThreshold, maxKeep, keep, keepScores, keepCount)
}

@inline(never)
private func softNms<T>(
    _ decay: Int32, _ angle: Int32?, _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<T>?,
    _ classes: UnsafePointer<Int64>?, _ iouThreshold: Double, _ sigma: Double, _ scoreThreshold: Double, _ maxKeep: Int,
    _ keep: UnsafeMutablePointer<Int>?, _ keepScores: UnsafeMutablePointer<T>?, _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    var arguments = Arguments()
    let keepable = min(count, limit(maxKeep))
    if let angle { arguments.angle(angle) }
    arguments.suppression(
        boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, keepable, keep, keepCount, width: angle == nil ? 4 : 5)
    arguments.require(decay == BOXGRAD_SOFT_LINEAR || decay == BOXGRAD_SOFT_GAUSSIAN, "decay", "is no decay", decay)
    arguments.divisor(sigma, as: T.self, "sigma")
    arguments.packed(UnsafePointer(keepScores), "keep_scores", keepable)
    guard arguments.valid, let keepCount else { return arguments.status }
    guard keepable > 0, let boxes, let scores, let keep, let keepScores else {
        keepCount.pointee = 0
        return BOXGRAD_OK
    }
    guard let scratch = arguments.suppressionScratch(count, T.self, areRotated: angle != nil) else { return arguments.status }
    defer { scratch.free() }
    let call = SoftNMS(
        decay: decay, boxes: Rows(boxes, stride: stride), scores: scores, classes: classes, iouThreshold: iouThreshold, sigma: sigma,
        scoreThreshold: scoreThreshold, maxKeep: keepable, scratch: scratch.start, keep: keep, keepCount: keepCount, keepScores: keepScores)
    if let angle {
        RotatedSoftNMS(call: call, angle: angle).run(count, kernels(T.self).rotated_soft_nms)
    } else {
        call.run(count, kernels(T.self).soft_nms)
    }
    return BOXGRAD_OK
}
