// A call holds what a function was asked to do, after its arguments were checked. The exported function fills it in, and passes it to a
// kernel together with the rows to work on. A kernel counts rows from the call's first row, so that ranges of rows are all that is needed
// to divide a call among threads.
//
// This file belongs to the module Boxgrad and to the module Kernels of each tier, so that all of them lay out the structs alike. The
// structs are Swift, because C has no generic structs, and because their memberwise initialisers can stay internal to each module.

import CBoxgrad

protocol Call {}

extension Call {
    /// Returns a copy of the call that a C function received. It is a copy, because the compiler must otherwise assume that a kernel's
    /// stores change the call.
    @inline(__always)
    static func at(_ context: UnsafeMutableRawPointer?) -> Self { context.unsafelyUnwrapped.assumingMemoryBound(to: Self.self).pointee }
}

/// A call whose chunks have sums.
protocol SummingCall: Call {
    var sums: Sums { get set }
}

/// Describes rows of numbers whose starts are `stride` elements apart.
struct Rows<T> {
    let start: UnsafePointer<T>
    let stride: Int

    @inline(__always)
    init(_ start: UnsafePointer<T>, stride: Int) { (self.start, self.stride) = (start, stride) }

    @inline(__always)
    subscript(i: Int) -> UnsafePointer<T> { start + i &* stride }

    /// Returns the rows from row i on.
    @inline(__always)
    func from(_ i: Int) -> Self { Self(self[i], stride: stride) }
}

struct MutableRows<T> {
    let start: UnsafeMutablePointer<T>
    let stride: Int

    @inline(__always)
    init(_ start: UnsafeMutablePointer<T>, stride: Int) { (self.start, self.stride) = (start, stride) }

    @inline(__always)
    subscript(i: Int) -> UnsafeMutablePointer<T> { start + i &* stride }
}

/// Holds memory for threads. Each chunk of `rows` rows has `size` bytes of its own, so that two threads never use the same bytes.
struct ThreadScratch {
    let start: UnsafeMutableRawPointer
    let size, rows: Int

    @inline(__always)
    func of(_ rows: Range<Int>) -> UnsafeMutableRawPointer { self[rows.lowerBound / self.rows] }

    @inline(__always)
    subscript(thread: Int) -> UnsafeMutableRawPointer { start + thread &* size }
}

/// Holds the sums of a call's chunks, for a part of the call at a time. The caller adds them in order, so that the total has the same bits
/// with any number of threads.
struct Sums {
    static var rows: Int { 1 << 16 }
    static var capacity: Int { 128 }
    var base = UnsafeMutablePointer<Double>?.none

    /// Stores the sum of the chunk that consists of `rows`.
    @inline(__always)
    func store(_ sum: Double, _ rows: Range<Int>) { base.unsafelyUnwrapped[rows.lowerBound / Self.rows % Self.capacity] = sum }
}

// ---- Boxes ----

struct BoxArea<T>: Call {
    let boxes: Rows<T>
    let out: UnsafeMutablePointer<T>
}

struct BoxAreaGrad<T>: Call {
    let boxes: Rows<T>
    let gradOut: UnsafePointer<T>
    let gradBoxes: UnsafeMutablePointer<T>
}

struct BoxConvert<T>: Call {
    let from, to: Int32
    let input: Rows<T>
    let out: MutableRows<T>
}

struct BoxConvertGrad<T>: Call {
    let from, to: Int32
    let gradOut: UnsafePointer<T>
    let gradIn: UnsafeMutablePointer<T>
}

struct BoxClip<T>: Call {
    let input: Rows<T>
    let width, height: Double
    let out: MutableRows<T>
}

struct BoxClipGrad<T>: Call {
    let input: Rows<T>
    let width, height: Double
    let gradOut: UnsafePointer<T>
    let gradIn: UnsafeMutablePointer<T>
}

struct BoxInspect<T>: Call {
    let boxes: Rows<T>
    let width, height, minSize: Double
    let flags: UnsafeMutablePointer<UInt32>?
    /// Points to BOXGRAD_BOX_FLAGS numbers. The caller sets them to 0, and the kernel adds to them.
    let counts: UnsafeMutablePointer<Int>
}

struct BoxRotate<T>: Call {
    let boxes: Rows<T>
    let degrees, cx, cy: Double
    let corners, bounds: UnsafeMutablePointer<T>?
}

// ---- Clamp ----

struct Clip<T>: Call {
    let x: UnsafePointer<T>
    let lo, hi: Double
    let out: UnsafeMutablePointer<T>
}

struct ClipGrad<T>: Call {
    let x: UnsafePointer<T>
    let lo, hi: Double
    let gradOut: UnsafePointer<T>
    let mode: Int32
    let gradIn: UnsafeMutablePointer<T>
    var blocked: UnsafeMutablePointer<Int>
}

// ---- Overlap ----

struct IoUPairwise<T>: Call {
    let metric: Int32
    let a, b: Rows<T>
    let bCount: Int
    let eps: Double
    let out: MutableRows<T>
    /// Points to rows that have the stride of `out`.
    let union: UnsafeMutablePointer<T>?
    /// Whether results are stored past the caches.
    var streams: Bool
    /// Has bgi_pairwise_scratch(bCount) elements for each thread.
    var scratch: ThreadScratch
}

/// Asks for the gradient with respect to one side, `a`.
struct IoUPairwiseGrad<T>: Call {
    let metric: Int32
    let a, b: Rows<T>
    let bCount: Int
    let eps: Double
    let gradOut: UnsafePointer<T>
    let rowStride, columnStride: Int
    let gradA: UnsafeMutablePointer<T>
}

struct IoUAligned<T>: Call {
    let metric: Int32
    let a, b: Rows<T>
    let eps: Double
    let out, gradA, gradB: UnsafeMutablePointer<T>?
}

struct IoULoss<T>: SummingCall {
    let metric: Int32
    let pred, target: Rows<T>
    let weights: UnsafePointer<T>?
    let eps, normalizer: Double
    let perBox, gradPred, gradTarget: UnsafeMutablePointer<T>?
    var sums = Sums()
}

struct BoxLoss<T>: SummingCall {
    let kind: Int32
    let options: boxgrad_box_loss_options
    let pred, target: Rows<T>
    let weights: UnsafePointer<T>?
    let normalizer: Double
    let perBox, gradPred, gradTarget: UnsafeMutablePointer<T>?
    var sums = Sums()
}

// ---- Rotated boxes ----

struct RotatedConvert<T>: Call {
    let from, to: Int32
    let input: Rows<T>
    let out: MutableRows<T>
}

struct RotatedConvertGrad<T>: Call {
    let from, to: Int32
    let gradOut: UnsafePointer<T>
    let gradIn: UnsafeMutablePointer<T>
}

struct RotatedRegularize<T>: Call {
    let angle, range: Int32
    let input: Rows<T>
    let out: MutableRows<T>
}

struct RotatedRegularizeGrad<T>: Call {
    let angle, range: Int32
    let boxes: Rows<T>
    let gradOut: UnsafePointer<T>
    let gradBoxes: UnsafeMutablePointer<T>
}

struct RotatedCorners<T>: Call {
    let angle: Int32
    let boxes: Rows<T>
    let corners, bounds: UnsafeMutablePointer<T>?
}

struct RotatedCornersGrad<T>: Call {
    let angle: Int32
    let boxes: Rows<T>
    let gradCorners, gradBounds: UnsafePointer<T>?
    let gradBoxes: UnsafeMutablePointer<T>
}

struct RotatedFromCorners<T>: Call {
    let angle: Int32
    let corners: Rows<T>
    let boxes: UnsafeMutablePointer<T>
}

struct RotatedFromCornersGrad<T>: Call {
    let angle: Int32
    let corners: Rows<T>
    let gradBoxes: UnsafePointer<T>
    let gradCorners: UnsafeMutablePointer<T>
}

struct RotatedMinArea<T>: Call {
    let angle: Int32
    let points: Rows<T>
    let pointsPerRow: Int
    let boxes: UnsafeMutablePointer<T>
}

struct RotatedInspect<T>: Call {
    let angle: Int32
    let boxes: Rows<T>
    let width, height, minSize: Double
    let flags: UnsafeMutablePointer<UInt32>?
    /// Points to BOXGRAD_BOX_FLAGS numbers. The caller sets them to 0, and the kernel adds to them.
    let counts: UnsafeMutablePointer<Int>
}

struct RotatedIoUPairwise<T>: Call {
    let metric, angle: Int32
    let a, b: Rows<T>
    let bCount: Int
    let out: MutableRows<T>
}

struct RotatedIoUPairwiseGrad<T>: Call {
    let metric, angle: Int32
    let a, b: Rows<T>
    let bCount: Int
    let gradOut: UnsafePointer<T>
    let rowStride, columnStride: Int
    let gradA: UnsafeMutablePointer<T>
}

struct RotatedIoUAligned<T>: Call {
    let metric, angle: Int32
    let a, b: Rows<T>
    let out, gradA, gradB: UnsafeMutablePointer<T>?
}

struct RotatedIoULoss<T>: SummingCall {
    let kind, angle: Int32
    let pred, target: Rows<T>
    let weights: UnsafePointer<T>?
    let leastIoU, normalizer: Double
    let perBox, gradPred, gradTarget: UnsafeMutablePointer<T>?
    var sums = Sums()
}

struct RotatedGaussianLoss<T>: SummingCall {
    let kind, angle: Int32
    let options: boxgrad_gaussian_loss_options
    let pred, target: Rows<T>
    let weights: UnsafePointer<T>?
    let normalizer: Double
    let perBox, gradPred, gradTarget: UnsafeMutablePointer<T>?
    var sums = Sums()
}

/// Encodes targets, or decodes deltas, against rotated proposals or upright ones; or with `gradOut` computes the gradients of that.
struct RotatedCode<T>: Call {
    let isMidpoint, decodes: Bool
    let options: boxgrad_rotated_delta_options
    let angle: Int32
    let proposals, operands: Rows<T>
    let gradOut: UnsafePointer<T>?
    let out, gradProposals, gradOperands: UnsafeMutablePointer<T>?
}

/// The numbers of a row.
struct RotatedCodeWidths {
    let proposal, operand, out: Int

    init(isMidpoint: Bool, decodes: Bool) {
        let deltas = isMidpoint ? 6 : 5
        (proposal, operand, out) = (isMidpoint ? 4 : 5, decodes ? deltas : 5, decodes ? 5 : deltas)
    }
}

/// Asks for the rows that have no deltas.
struct RotatedDegenerate<T>: Call {
    let isMidpoint: Bool
    let proposals, targets: Rows<T>
    let marks: UnsafeMutablePointer<UInt8>?
    let found, first: UnsafeMutablePointer<Int>
}

// ---- SmoothL1 ----

struct SmoothL1<T>: SummingCall {
    let pred, target: UnsafePointer<T>
    let insideWeights, outsideWeights: UnsafePointer<T>?
    let sigma, normalizer: Double
    let elementwise, gradPred, gradTarget: UnsafeMutablePointer<T>?
    var sums = Sums()
}

struct BalancedL1<T>: SummingCall {
    let pred, target: UnsafePointer<T>
    let insideWeights, outsideWeights: UnsafePointer<T>?
    let alpha, gamma, beta, normalizer: Double
    let elementwise, gradPred, gradTarget: UnsafeMutablePointer<T>?
    var sums = Sums()
}

// ---- Distribution ----

struct DistributionFocal<T>: SummingCall {
    let logits: Rows<T>
    let bins: Int
    let target: UnsafePointer<T>
    let weights: UnsafePointer<T>?
    let normalizer: Double
    let perRow, gradLogits, gradTarget: UnsafeMutablePointer<T>?
    var sums = Sums()
}

struct DistributionDecode<T>: Call {
    let logits: Rows<T>
    let bins: Int
    let out: UnsafeMutablePointer<T>
}

struct DistributionDecodeGrad<T>: Call {
    let logits: Rows<T>
    let bins: Int
    let gradOut: UnsafePointer<T>
    let gradLogits: UnsafeMutablePointer<T>
}

// ---- Deltas ----

/// Each chunk adds the number of its degenerate rows to `found`, and lowers `first` to its first degenerate row.
struct DeltaDegenerate<T>: Call {
    let proposals, targets: Rows<T>
    let marks: UnsafeMutablePointer<UInt8>?
    let found, first: UnsafeMutablePointer<Int>
}

struct DeltaEncode<T>: Call {
    let options: boxgrad_delta_options
    let proposals, targets: Rows<T>
    let deltas: UnsafeMutablePointer<T>
}

struct DeltaEncodeGrad<T>: Call {
    let options: boxgrad_delta_options
    let proposals, targets: Rows<T>
    let gradDeltas: UnsafePointer<T>
    let gradProposals, gradTargets: UnsafeMutablePointer<T>?
}

struct DeltaDecode<T>: Call {
    let options: boxgrad_delta_options
    let proposals, deltas: Rows<T>
    let groups: Int
    let boxes: UnsafeMutablePointer<T>
}

struct DeltaDecodeGrad<T>: Call {
    let options: boxgrad_delta_options
    let proposals, deltas: Rows<T>
    let groups: Int
    let gradBoxes: UnsafePointer<T>
    let gradProposals, gradDeltas: UnsafeMutablePointer<T>?
}

// ---- Distances ----

struct LTRBEncode<T>: Call {
    let points, boxes: Rows<T>
    let distances: UnsafeMutablePointer<T>
}

struct LTRBEncodeGrad<T>: Call {
    let gradDistances: UnsafePointer<T>
    let gradPoints, gradBoxes: UnsafeMutablePointer<T>?
}

struct LTRBDecode<T>: Call {
    let points, distances: Rows<T>
    let boxes: UnsafeMutablePointer<T>
}

struct LTRBDecodeGrad<T>: Call {
    let gradBoxes: UnsafePointer<T>
    let gradPoints, gradDistances: UnsafeMutablePointer<T>?
}

struct LinearEncode<T>: Call {
    let proposals, targets: Rows<T>
    let distances: UnsafeMutablePointer<T>
}

struct LinearEncodeGrad<T>: Call {
    let proposals, targets: Rows<T>
    let gradDistances: UnsafePointer<T>
    let gradProposals, gradTargets: UnsafeMutablePointer<T>?
}

struct LinearDecode<T>: Call {
    let proposals, distances: Rows<T>
    let boxes: UnsafeMutablePointer<T>
}

struct LinearDecodeGrad<T>: Call {
    let proposals, distances: Rows<T>
    let gradBoxes: UnsafePointer<T>
    let gradProposals, gradDistances: UnsafeMutablePointer<T>?
}

// ---- YOLO ----

struct YOLODecode<T>: Call {
    let proposals, deltas: Rows<T>
    let cellSizes: UnsafePointer<T>
    let boxes: UnsafeMutablePointer<T>
}

struct YOLODecodeGrad<T>: Call {
    let proposals, deltas: Rows<T>
    let cellSizes, gradBoxes: UnsafePointer<T>
    let gradProposals, gradDeltas: UnsafeMutablePointer<T>?
}

// ---- Regions ----

/// Asks for a pooling of regions, or for one of its gradients. Each thread has scratch of its own.
struct RoIPool<T>: Call {
    let spatialScale: Double
    let samplingRatio: Int
    let isAligned, isPrecise, isChannelsLast: Bool
    let features: UnsafePointer<T>
    let images, channels, height, width: Int
    let boxes: Rows<T>
    let indices: UnsafePointer<Int64>?
    let count, outHeight, outWidth: Int
    let out: UnsafeMutablePointer<T>?
    let gradOut: UnsafePointer<T>?
    let gradFeatures, gradBoxes: UnsafeMutablePointer<T>?
    var scratch: ThreadScratch
}

extension RoIPool {
    /// Kernels take so many channels at a time, and of planes so many rows of bins.
    var block: Int { isChannelsLast ? 64 : 16 }
    static var rowsOfBins: Int { 8 }
    var blocks: Int { (channels &+ block &- 1) / block }

    /// The numbers that the matrix of an axis takes: where each bin's taps begin and the first and the last index; index, weight and two
    /// derivatives of each tap.
    func taps(_ bins: Int, _ size: Int) -> Int {
        let all = size &+ 2 &* bins &+ 2
        return isPrecise || samplingRatio <= 0 ? all : min(all, 2 &* samplingRatio &* bins)
    }
    func axisSize(_ bins: Int, _ size: Int) -> Int { bins &+ 3 &+ 4 &* taps(bins, size) }
    var matricesSize: Int { axisSize(outHeight, height) &+ axisSize(outWidth, width) }
    /// The matrices of so many boxes are in scratch at a time, in 1 MB if one box does not need more. All of them take a block of channels
    /// before any takes the next, so that more boxes find the features in the cache.
    var boxesAtOnce: Int { max(1, min(min(512, count), (1 << 17) / matricesSize)) }

    /// A row of the features with room for whole vectors, one of bins, and one of a row of bins side by side.
    var paddedWidth: Int { (width &+ 7) & ~7 }
    var paddedBins: Int { (outWidth &+ 7) & ~7 }
    var binsPitch: Int { Self.rowsOfBins &* outWidth &+ 8 }

    /// The bytes of a thread's scratch: an axis of one tap, the matrices, the sums of each box's gradient and dot products of each row. For
    /// planes also rows of a window with the channels side by side, one of them with columns side by side, and bins in both orders.
    var scratchSize: Int {
        let lanes = 4 &* 16 &* boxesAtOnce &+ 8 &* taps(outHeight, height)
        let planes = 16 &* (Self.rowsOfBins &* (paddedWidth &+ paddedBins) &+ paddedWidth &+ binsPitch)
        let numbers = lanes &+ (isChannelsLast ? 0 : planes)
        return 8 &* (8 &+ boxesAtOnce &* matricesSize) &+ numbers &* MemoryLayout<T>.stride &+ 64
    }
}

// ---- Suppression ----

struct NMS<T>: Call {
    let boxes: Rows<T>
    let scores: UnsafePointer<T>
    let classes: UnsafePointer<Int64>?
    let iouThreshold, scoreThreshold: Double
    let maxKeep: Int
    var scratch: UnsafeMutableRawPointer
    let keep, keepCount: UnsafeMutablePointer<Int>
}

struct SoftNMS<T>: Call {
    let decay: Int32
    let boxes: Rows<T>
    let scores: UnsafePointer<T>
    let classes: UnsafePointer<Int64>?
    let iouThreshold, sigma, scoreThreshold: Double
    let maxKeep: Int
    let scratch: UnsafeMutableRawPointer
    let keep, keepCount: UnsafeMutablePointer<Int>
    let keepScores: UnsafeMutablePointer<T>
}

/// The same with rotated boxes.
struct RotatedNMS<T>: Call {
    let call: NMS<T>
    let angle: Int32
}

struct RotatedSoftNMS<T>: Call {
    let call: SoftNMS<T>
    let angle: Int32
}

// ---- Matching ----

struct Match<T>: Call {
    let metric: Int32
    let proposals, truths: Rows<T>
    let truthCount: Int
    let eps, low, high: Double
    /// Whether truths force matches, and whether a forced proposal goes to the truth that forced it.
    let lowQuality, toForcing: Bool
    let matches: UnsafeMutablePointer<Int64>?
    let overlaps: UnsafeMutablePointer<T>?
    /// Has bgi_match_scratch bytes for each thread.
    var scratch: ThreadScratch
}

/// The same with rotated boxes.
struct RotatedMatch<T>: Call {
    var call: Match<T>
    let angle: Int32
}

struct MatchIgnore<T>: Call {
    let proposals, ignored: Rows<T>
    let ignoredCount: Int
    let threshold: Double
    /// Whether a share is one of the ignored box's area, and whether positive matches may be ignored.
    let ofIgnored, positivesToo: Bool
    let matches: UnsafePointer<Int64>
    let out: UnsafeMutablePointer<Int64>
}

// ---- Sampling ----

struct Sample: Call {
    let labels: UnsafePointer<Int64>?
    let negative: Int64
    let wanted: Int
    let positiveFraction, negativesPerPositive: Double
    let seed: UInt64
    let indices: UnsafeMutablePointer<Int>?
    let positiveCount, negativeCount: UnsafeMutablePointer<Int>
}

// ---- GradientNorm ----

/// Describes a pass over pieces of tensors. A pass computes a result for each piece (a sum, or the largest magnitude), or it changes the
/// elements.
struct TensorPass: Call {
    enum Operation: Int32 {
        /// Computes the sum of |x / divisor|^p. It is exact where sumSize says so.
        case sum
        case largest
        /// Replaces x by x * coefficient, limited to -limit...limit.
        case scale
        case zero
    }

    struct Piece {
        var data = UnsafeMutableRawPointer?.none
        var count = 0
        var dtype: Int32 = 0
        var tensor = 0
        var result = 0.0
        /// The place of the exact sum. The pass clears it, and leaves it as it is where the sum is not exact.
        var sum = UnsafeMutablePointer<Int64>?.none
    }

    var operation = Operation.largest
    var p = 0.0, divisor = 1.0, coefficient = 1.0, limit = Double.infinity
    /// The number of integers of an exact sum, or 0 if sums are rounded. A sum without room for squares of doubles leaves doubles to be
    /// rounded.
    var sumSize = 0
    var pieces = UnsafeMutablePointer<Piece>?.none
}

/// Clips tensors by their norm, once that is known.
struct NormClip {
    let maxNorm, eps: Double
    let onNonfinite: Int32

    /// Returns what becomes of the tensors, or nil if they stay as they are.
    @inline(__always)
    func change(_ norm: Double) -> TensorPass? {
        if !norm.isFinite && onNonfinite == BOXGRAD_NONFINITE_SKIP { return nil }
        if !norm.isFinite && onNonfinite == BOXGRAD_NONFINITE_ZERO { return TensorPass(operation: .zero) }
        // Nothing is scaled if the limit is infinite or the norm is 0, because the quotient may be NaN then.
        let coefficient = maxNorm == .infinity || norm == 0 ? 1 : maxNorm / (norm + eps)
        return coefficient >= 1 ? nil : TensorPass(operation: .scale, coefficient: coefficient)
    }
}

/// Holds tensors, and the kernel that makes a pass over their pieces.
struct Tensors {
    let start: UnsafePointer<boxgrad_tensor>?
    let count: Int
    let pass: boxgrad_task
}

struct GradNorm: Call {
    let tensors: Tensors
    let p: Double
    let total: UnsafeMutablePointer<Double>
    let perTensor: UnsafeMutablePointer<Double>?
}

/// Adds elements to an exact norm.
struct ExactNormAdd: Call {
    let tensors: Tensors
    let p: Double
    let state: UnsafeMutablePointer<Int64>
    let size: Int
}

struct ExactNormMerge: Call {
    let state: UnsafeMutablePointer<Int64>
    let other: UnsafePointer<Int64>
    let size: Int
    let p: Double
}

struct ExactNormFinish: Call {
    let state: UnsafePointer<Int64>
    let size: Int
    let p: Double
    let norm: UnsafeMutablePointer<Double>
}

struct GradNormCombine: Call {
    let norms: UnsafePointer<Double>?
    let p: Double
    let total: UnsafeMutablePointer<Double>
    let pass: boxgrad_task
}

/// Asks for the position of the first infinity or NaN. Both outputs are -1 if there is none.
struct GradFirstNonfinite: Call {
    let tensors: Tensors
    let tensor, element: UnsafeMutablePointer<Int>
}

struct GradChange: Call {
    let tensors: Tensors
    let change: TensorPass
}

/// Clips each tensor by itself, or only looks for the first tensor whose rms is not finite.
struct ClipGradRMS: Call {
    let tensors: Tensors
    let maxRMS: Double
    let onNonfinite: Int32
    var onlyLooks = false
    let rms: UnsafeMutablePointer<Double>?
    let firstNonfinite: UnsafeMutablePointer<Int>
}

/// Clips units of parameters, or only looks for units whose norms are not finite.
struct UnitPass: Call {
    let parameters: UnsafePointer<boxgrad_parameter>?
    let count: Int
    let clipFactor, eps, p: Double
    let onNonfinite: Int32
    var onlyLooks = false
    /// Each chunk adds the number of units that it changed to `clipped`, and lowers `firstNonfinite` to its first unit that is not finite.
    let clipped, firstNonfinite: UnsafeMutablePointer<Int>
}

extension boxgrad_parameter {
    var size: Int { unit_size == 0 ? grad.count : unit_size }
    var distance: Int { unit_stride == 0 ? 1 : unit_stride }
    var units: Int { size == 0 ? 0 : grad.count / size }
}
