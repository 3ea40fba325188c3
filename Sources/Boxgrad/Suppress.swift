import CBoxgrad
import CShims

@_cdecl("boxgrad_nms_f32") @implementation
public func boxgrad_nms_f32(
    _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<Float>?, _ classes: UnsafePointer<Int64>?,
    _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?,
    _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    Suppression(boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount).hard(kernels.f32.nms)
}

@_cdecl("boxgrad_nms_f64") @implementation
public func boxgrad_nms_f64(
    _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<Double>?, _ classes: UnsafePointer<Int64>?,
    _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?,
    _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    Suppression(boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount).hard(kernels.f64.nms)
}

@_cdecl("boxgrad_soft_nms_f32") @implementation
public func boxgrad_soft_nms_f32(
    _ decay: Int32, _ boxes: UnsafePointer<Float>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<Float>?,
    _ classes: UnsafePointer<Int64>?, _ iouThreshold: Double, _ sigma: Double, _ scoreThreshold: Double, _ maxKeep: Int,
    _ keep: UnsafeMutablePointer<Int>?, _ keepScores: UnsafeMutablePointer<Float>?, _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    Suppression(boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount)
        .soft(decay, sigma, keepScores, kernels.f32.soft_nms)
}

@_cdecl("boxgrad_soft_nms_f64") @implementation
public func boxgrad_soft_nms_f64(
    _ decay: Int32, _ boxes: UnsafePointer<Double>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<Double>?,
    _ classes: UnsafePointer<Int64>?, _ iouThreshold: Double, _ sigma: Double, _ scoreThreshold: Double, _ maxKeep: Int,
    _ keep: UnsafeMutablePointer<Int>?, _ keepScores: UnsafeMutablePointer<Double>?, _ keepCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    Suppression(boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount)
        .soft(decay, sigma, keepScores, kernels.f64.soft_nms)
}

private struct Suppression<T> {
    var arguments = Arguments()
    let boxes, scores: UnsafePointer<T>?
    let count, stride: Int
    let classes: UnsafePointer<Int64>?
    let iouThreshold, scoreThreshold: Double
    let maxKeep: Int
    let keep, keepCount: UnsafeMutablePointer<Int>?

    init(
        _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<T>?, _ classes: UnsafePointer<Int64>?,
        _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?,
        _ keepCount: UnsafeMutablePointer<Int>?
    ) {
        (self.boxes, self.count, self.stride, self.scores, self.classes) = (boxes, count, stride, scores, classes)
        (self.iouThreshold, self.scoreThreshold, self.keep, self.keepCount) = (iouThreshold, scoreThreshold, keep, keepCount)
        self.maxKeep = maxKeep < 0 ? Int.max : maxKeep  // SIZE_MAX and the like
        arguments.require(iouThreshold >= 0, "iou_threshold", "must not be negative or NaN", iouThreshold)
        arguments.require(scoreThreshold == scoreThreshold, "score_threshold", "is NaN", scoreThreshold)
        arguments.rows(boxes, "boxes", count, stride: stride, "stride")
        arguments.packed(scores, "scores", count)
        arguments.packed(classes, "classes", count, optional: true)
        arguments.packed(UnsafePointer(keep), "keep", min(count, self.maxKeep))
        arguments.pointer(keepCount, "keep_count")
    }

    mutating func scratch() -> Scratch? {
        let size = MemoryLayout<T>.stride
        return Scratch(&arguments, count, each: bgi_suppress_scratch_each(size), all: bgi_suppress_scratch_all(size))
    }

    consuming func hard(
        _ kernel: (
            UnsafePointer<T>, Int, Int, UnsafePointer<T>, UnsafePointer<Int64>?, Double, Double, Int, UnsafeMutableRawPointer,
            UnsafeMutablePointer<Int>
        ) -> Int
    ) -> Int32 {
        guard arguments.valid, let boxes, let scores, let keep, count > 0, maxKeep > 0 else { return nothing() }
        guard let scratch = scratch() else { return arguments.status }
        defer { scratch.free() }
        keepCount?.pointee = kernel(boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, scratch.start, keep)
        return BOXGRAD_OK
    }

    consuming func soft(
        _ decay: Int32, _ sigma: Double, _ keepScores: UnsafeMutablePointer<T>?,
        _ kernel: (
            Int32, UnsafePointer<T>, Int, Int, UnsafePointer<T>, UnsafePointer<Int64>?, Double, Double, Double, Int, UnsafeMutableRawPointer,
            UnsafeMutablePointer<Int>, UnsafeMutablePointer<T>
        ) -> Int
    ) -> Int32 {
        arguments.require(decay == BOXGRAD_SOFT_LINEAR || decay == BOXGRAD_SOFT_GAUSSIAN, "decay", "is no decay", decay)
        arguments.divisor(sigma, as: T.self, "sigma")
        arguments.packed(UnsafePointer(keepScores), "keep_scores", min(count, maxKeep))
        guard arguments.valid, let boxes, let scores, let keep, let keepScores, count > 0, maxKeep > 0 else { return nothing() }
        guard let scratch = scratch() else { return arguments.status }
        defer { scratch.free() }
        keepCount?.pointee = kernel(
            decay, boxes, count, stride, scores, classes, iouThreshold, sigma, scoreThreshold, maxKeep, scratch.start, keep, keepScores)
        return BOXGRAD_OK
    }

    private func nothing() -> Int32 {
        if arguments.valid { keepCount?.pointee = 0 }
        return arguments.status
    }
}
