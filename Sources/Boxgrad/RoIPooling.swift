import CBoxgrad
import CShims

extension Arguments {
    /// Checks an array of as many elements as the product of these counts.
    fileprivate mutating func block<T>(
        _ array: UnsafePointer<T>?, _ name: StaticString, _ counts: (Int, Int, Int, Int), optional: Bool = false
    ) {
        guard valid, counts.0 > 0, counts.1 > 0, counts.2 > 0, counts.3 > 0 else { return }
        var (bytes, overflows) = (MemoryLayout<T>.stride, false)
        func multiply(_ count: Int) {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: count)
            (bytes, overflows) = (product, overflows || overflow)
        }
        multiply(counts.0)
        multiply(counts.1)
        multiply(counts.2)
        multiply(counts.3)
        if overflows { fail(BOXGRAD_SIZE_OVERFLOW, name, "has more elements than memory can hold") }
        if array == nil && !optional { fail(BOXGRAD_NULL_POINTER, name, "is NULL") }
    }

    fileprivate mutating func size(_ size: Int, _ name: StaticString) {
        count(size, name)
        if size < 1 { fail(BOXGRAD_BAD_PARAMETER, name, "must be at least", least: 1, .integer(size)) }
    }

    /// Checks the caller's options, and completes them with the defaults.
    fileprivate mutating func complete(_ options: UnsafePointer<boxgrad_roi_options>?) -> boxgrad_roi_options {
        var complete = boxgrad_roi_options(
            size: MemoryLayout<boxgrad_roi_options>.size, spatial_scale: 1, layout: BOXGRAD_NCHW, sampling_ratio: 0, aligned: 0, reserved: 0)
        copy(options, to: &complete)
        let scale = complete.spatial_scale
        require(scale > 0 && scale < .infinity, "options->spatial_scale", "must be positive and finite", scale)
        require(BOXGRAD_NCHW...BOXGRAD_NHWC ~= complete.layout, "options->layout", "must be 0 or 1", complete.layout)
        require(complete.sampling_ratio <= 1024, "options->sampling_ratio", "must be at most 1024", complete.sampling_ratio)
        require(0...1 ~= complete.aligned, "options->aligned", "must be 0 or 1", complete.aligned)
        require(complete.reserved == 0, "options->reserved", "must be 0", complete.reserved)
        return complete
    }

    /// Checks each box, whose ends and lengths must be numbers in the features' unit, too; and each index.
    fileprivate mutating func regions<T: BinaryFloatingPoint>(
        _ boxes: Rows<T>, _ indices: UnsafePointer<Int64>?, _ count: Int, images: Int, scale: Double
    ) {
        for i in 0..<count where valid {
            let row = boxes[i]
            func isFinite(_ low: T, _ high: T) -> Bool {
                let (low, high) = (Double(low) * scale, Double(high) * scale)
                return (high - low).isFinite
            }
            if !isFinite(row[0], row[2]) || !isFinite(row[1], row[3]) { fail(BOXGRAD_NONFINITE, "boxes", row: i, "is not finite, or too large") }
            let image = indices?[i] ?? 0
            if image < 0 || image >= images { fail(BOXGRAD_BAD_PARAMETER, "indices", row: i, "is no image's", .integer(Int(image))) }
        }
    }
}

extension RoIPool {
    /// Checks the arguments of a pooling or of its gradient. It returns nil if one is refused, or if there are no features. The call has no
    /// scratch yet.
    fileprivate init?(
        _ arguments: inout Arguments, _ options: UnsafePointer<boxgrad_roi_options>?, isPrecise: Bool, _ features: UnsafePointer<T>?, _ images: Int,
        _ channels: Int, _ height: Int, _ width: Int, _ boxes: UnsafePointer<T>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int,
        _ outHeight: Int, _ outWidth: Int, out: UnsafeMutablePointer<T>? = nil, gradOut: UnsafePointer<T>? = nil,
        gradFeatures: UnsafeMutablePointer<T>? = nil, gradBoxes: UnsafeMutablePointer<T>? = nil, isGradient: Bool
    ) where T: BinaryFloatingPoint {
        let options = arguments.complete(options)
        arguments.count(images, "images")
        arguments.count(channels, "channels")
        arguments.size(height, "height")
        arguments.size(width, "width")
        arguments.count(count)
        arguments.size(outHeight, "out_height")
        arguments.size(outWidth, "out_width")
        arguments.rows(boxes, "boxes", count, stride: boxesStride, "boxes_stride")
        arguments.packed(indices, "indices", count, optional: true)
        arguments.packed(UnsafePointer(gradBoxes), "grad_boxes", count, width: 4, optional: true)
        arguments.block(features, "features", (images, channels, height, width))
        let pooled = (count, channels, outHeight, outWidth)
        if isGradient {
            arguments.block(gradOut, "grad_out", pooled)
            arguments.block(UnsafePointer(gradFeatures), "grad_features", (images, channels, height, width), optional: true)
        } else {
            arguments.block(UnsafePointer(out), "out", pooled)
        }
        if arguments.valid, count > 0, let boxes {
            arguments.regions(Rows(boxes, stride: boxesStride), indices, count, images: images, scale: options.spatial_scale)
        }
        guard arguments.valid else { return nil }
        guard let features, let boxes, images > 0, channels > 0, count > 0 else {
            // Without features, or without boxes, all gradients are 0.
            if let gradFeatures { memset(gradFeatures, 0, images &* channels &* height &* width &* MemoryLayout<T>.stride) }
            if let gradBoxes { memset(gradBoxes, 0, 4 &* count &* MemoryLayout<T>.stride) }
            return nil
        }
        self.init(
            spatialScale: options.spatial_scale, samplingRatio: Int(options.sampling_ratio), isAligned: options.aligned != 0, isPrecise: isPrecise,
            isChannelsLast: options.layout == BOXGRAD_NHWC, features: features, images: images, channels: channels, height: height, width: width,
            boxes: Rows(boxes, stride: boxesStride), indices: indices, count: count, outHeight: outHeight, outWidth: outWidth, out: out,
            gradOut: gradOut, gradFeatures: gradFeatures, gradBoxes: gradBoxes,
            scratch: ThreadScratch(start: UnsafeMutableRawPointer(mutating: features), size: 0, rows: count))
    }

    /// Returns the scratch of so many threads, or nil if there is none.
    fileprivate func scratch(_ arguments: inout Arguments, threads: Int) -> Scratch? { Scratch(&arguments, threads, each: scratchSize) }

    /// Runs a kernel on all rows, which threads share. Each thread has one chunk of them, and scratch of its own.
    fileprivate func run(_ share: Share, _ scratch: Scratch, _ kernel: boxgrad_task) {
        var call = self
        call.scratch = ThreadScratch(start: scratch.start, size: scratchSize, rows: share.division.rows)
        call.run(share.rows, share.division, kernel)
    }

    fileprivate var ofBoxes: Share { Share(count, bins: channels &* outHeight &* outWidth) }
    /// The blocks of channels of all images, each with its share of all bins.
    fileprivate var ofFeatures: Share {
        Share(images &* blocks, bins: block &* (height &* width &+ count / images &* outHeight &* outWidth))
    }
}

/// How a pooling's rows are shared among threads, if a row makes so many bins.
private struct Share {
    let rows, threads: Int
    let division: Division

    init(_ rows: Int, bins: Int) {
        let worthThread = max(1, (1 << 17) / max(1, bins))
        let chunk = (rows &- 1) / bgi_threads(rows, worthThread) &+ 1
        (self.rows, threads, division) = (rows, (rows &- 1) / chunk &+ 1, Division(rows: chunk, worthThread: worthThread))
    }
}

private func forward<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_roi_options>?, isPrecise: Bool, _ features: UnsafePointer<T>?, _ images: Int, _ channels: Int, _ height: Int,
    _ width: Int, _ boxes: UnsafePointer<T>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int, _ outHeight: Int, _ outWidth: Int,
    _ out: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    let call = RoIPool(
        &arguments, options, isPrecise: isPrecise, features, images, channels, height, width, boxes, boxesStride, indices, count, outHeight, outWidth,
        out: out, isGradient: false)
    guard let call, let scratch = call.scratch(&arguments, threads: call.ofBoxes.threads) else { return arguments.status }
    defer { scratch.free() }
    call.run(call.ofBoxes, scratch, kernels(T.self).roi_forward)
    return BOXGRAD_OK
}

private func gradient<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_roi_options>?, isPrecise: Bool, _ features: UnsafePointer<T>?, _ images: Int, _ channels: Int, _ height: Int,
    _ width: Int, _ boxes: UnsafePointer<T>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int, _ outHeight: Int, _ outWidth: Int,
    _ gradOut: UnsafePointer<T>?, _ gradFeatures: UnsafeMutablePointer<T>?, _ gradBoxes: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    guard
        let call = RoIPool(
            &arguments, options, isPrecise: isPrecise, features, images, channels, height, width, boxes, boxesStride, indices, count, outHeight,
            outWidth, gradOut: gradOut, gradFeatures: gradFeatures, gradBoxes: gradBoxes, isGradient: true)
    else { return arguments.status }
    // Nothing is written before there is scratch for both kernels.
    guard let scratch = call.scratch(&arguments, threads: max(call.ofBoxes.threads, call.ofFeatures.threads)) else { return arguments.status }
    defer { scratch.free() }
    if gradBoxes != nil { call.run(call.ofBoxes, scratch, kernels(T.self).roi_boxes_grad) }
    if gradFeatures != nil { call.run(call.ofFeatures, scratch, kernels(T.self).roi_features_grad) }
    return BOXGRAD_OK
}

func roiAlign<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_roi_options>?, _ features: UnsafePointer<T>?, _ images: Int, _ channels: Int, _ height: Int, _ width: Int,
    _ boxes: UnsafePointer<T>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int, _ outHeight: Int, _ outWidth: Int,
    _ out: UnsafeMutablePointer<T>?
) -> Int32 {
    forward(
        options, isPrecise: false, features, images, channels, height, width, boxes, boxesStride, indices, count,
        outHeight, outWidth, out)
}

func roiAlignGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_roi_options>?, _ features: UnsafePointer<T>?, _ images: Int, _ channels: Int, _ height: Int, _ width: Int,
    _ boxes: UnsafePointer<T>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int, _ outHeight: Int, _ outWidth: Int,
    _ gradOut: UnsafePointer<T>?, _ gradFeatures: UnsafeMutablePointer<T>?, _ gradBoxes: UnsafeMutablePointer<T>?
) -> Int32 {
    gradient(
        options, isPrecise: false, features, images, channels, height, width, boxes, boxesStride, indices, count,
        outHeight, outWidth, gradOut, gradFeatures, gradBoxes)
}

func roiPoolPrecise<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_roi_options>?, _ features: UnsafePointer<T>?, _ images: Int, _ channels: Int, _ height: Int, _ width: Int,
    _ boxes: UnsafePointer<T>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int, _ outHeight: Int, _ outWidth: Int,
    _ out: UnsafeMutablePointer<T>?
) -> Int32 {
    forward(
        options, isPrecise: true, features, images, channels, height, width, boxes, boxesStride, indices, count,
        outHeight, outWidth, out)
}

func roiPoolPreciseGrad<T: BinaryFloatingPoint>(
    _ options: UnsafePointer<boxgrad_roi_options>?, _ features: UnsafePointer<T>?, _ images: Int, _ channels: Int, _ height: Int, _ width: Int,
    _ boxes: UnsafePointer<T>?, _ boxesStride: Int, _ indices: UnsafePointer<Int64>?, _ count: Int, _ outHeight: Int, _ outWidth: Int,
    _ gradOut: UnsafePointer<T>?, _ gradFeatures: UnsafeMutablePointer<T>?, _ gradBoxes: UnsafeMutablePointer<T>?
) -> Int32 {
    gradient(
        options, isPrecise: true, features, images, channels, height, width, boxes, boxesStride, indices, count,
        outHeight, outWidth, gradOut, gradFeatures, gradBoxes)
}
