// What a device kernel is handed where it is not the call of the CPU's kernel: the host computes once what every thread would compute again,
// and the kernel has memory of its own. Like Calls.swift, this file belongs to the host's module and to the kernels'.

import CShims

/// The total of a loss: the sum of its values, divided by the normalizer, in the order in which the CPU adds.
struct DeviceTotal {
    let normalizer: Double
    /// Has room for the sum of each block of sumBlock values, if there are several.
    let sums: UnsafeMutablePointer<Double>
    let loss: UnsafeMutablePointer<Double>
}

struct DeviceIoULoss<T>: Call {
    let call: IoULoss<T>
    /// Multiplies the gradients. It is T(-1 / normalizer).
    let scale: T
    let total: DeviceTotal?
}

struct DeviceSmoothL1<T>: Call {
    let call: SmoothL1<T>
    let total: DeviceTotal?
}

struct DeviceSum<T>: Call {
    let total: DeviceTotal
}

/// The number of values that the CPU adds before it begins with new lanes, and the number of such blocks in a chunk.
let sumBlock = 4096
let sumChunk = 16

struct DeviceAngles<T>: Call {
    let boxes: Rows<T>
    /// Holds two numbers for each box.
    let angles: UnsafeMutablePointer<T>
}

struct DeviceIoUPairwise<T>: Call {
    let a, b: Rows<T>
    let bCount: Int
    let eps: Double
    let out: MutableRows<T>
    /// Holds the angles of CIoU. They are nil for other metrics.
    let anglesA, anglesB: UnsafePointer<T>?
    /// The number of rows that a thread computes.
    let rows: Int
}

struct DeviceIoUPairwiseGrad<T>: Call {
    let call: IoUPairwiseGrad<T>
    /// Has room for four sums of each row and each block of sumBlock columns, if there are several such blocks.
    let sums: UnsafeMutablePointer<Double>?
}

/// `marks` gets 1 for each degenerate row, and the number of these rows is added to `found`. Both may be nil.
struct DeviceDeltaEncode<T>: Call {
    let call: DeltaEncode<T>
    let marks: UnsafeMutablePointer<UInt8>?
    let found: UnsafeMutablePointer<Int>?
}

struct DeviceClipGrad<T>: Call {
    let call: ClipGrad<T>
    /// The number of gradients that were cut is added here.
    let blocked: UnsafeMutablePointer<Int>?
}

struct DeviceMatch<T>: Call {
    let call: Match<T>
    /// Holds the greatest overlap of each truth, which is 0 at first. It is nil if there are no low-quality matches.
    let peaks: UnsafeMutablePointer<T>?
}

struct DeviceNMS<T>: Call {
    let call: NMS<T>
    /// The boxes' numbers with their keys, and the room for the next merge.
    var ranked, merged: UnsafeMutablePointer<bgi_ranked>
    /// The boxes in the order of their ranks, their classes, and whether they are dropped.
    let boxes: UnsafeMutablePointer<T>
    let groups: UnsafeMutablePointer<Int64>
    let dropped: UnsafeMutablePointer<UInt8>
    /// Eight words for each box, those of a chunk one word after the other.
    let masks: UnsafeMutablePointer<UInt64>
    /// How many boxes are kept before each chunk.
    let kept: UnsafeMutablePointer<Int>
    /// The number of the chunk, or the length of the runs that are merged.
    var step = 0
}

/// The boxes that nms decides on at a time.
let nmsChunk = 512

// ---- Rotated boxes ----

/// What the overlaps of a box share, computed once: cosine, sine and area, and the centre with half the sides.
struct PreparedBoxes<T> {
    let directions: UnsafeMutablePointer<Double>
    let places: UnsafeMutablePointer<T>
}

struct DeviceRotatedPrepare<T>: Call {
    let angle: Int32
    let boxes: Rows<T>
    let prepared: PreparedBoxes<T>
}

struct DeviceRotatedIoUPairwise<T>: Call {
    let call: RotatedIoUPairwise<T>
    let a, b: PreparedBoxes<T>
    /// The number of rows that a thread computes.
    let rows: Int
}

struct DeviceRotatedIoUPairwiseGrad<T>: Call {
    let call: RotatedIoUPairwiseGrad<T>
    let a, b: PreparedBoxes<T>
    /// Has room for five sums of each row and each block of sumBlock columns, if there are several such blocks.
    let sums: UnsafeMutablePointer<Double>?
}

/// Pairs of boxes: of a metric, or of a loss.
struct DeviceRotatedPairs<T>: Call {
    let metric: Int32
    /// The kind of the loss, or -1 for the metric itself.
    let loss: Int32
    let a, b: PreparedBoxes<T>
    let weights: UnsafePointer<T>?
    /// `scale` multiplies the gradients only.
    let leastIoU, scale: T
    let angle: Int32
    let values, gradA, gradB: UnsafeMutablePointer<T>?
    let total: DeviceTotal?
}

// ---- Gradients ----

/// The elements that a block of threads takes of a tensor: four blocks of sumBlock.
let gradChunk = 16384

/// The tensors that one launch takes. They are parameters of the kernel, for which there are 4 KB.
let gradTensors = 190

struct DeviceTensors {
    var data = InlineArray<190, UnsafeMutableRawPointer?>(repeating: nil)
    var counts = InlineArray<190, Int>(repeating: 0)
    /// The number of each tensor's first chunk. Chunks are counted through the tensors.
    var chunks = InlineArray<190, UInt32>(repeating: 0)
    var dtypes = InlineArray<190, UInt8>(repeating: 0)
    var length = 0
}

/// What is known of a tensor, or of all together, in so many integers: a sum, the status of the norm, and the largest magnitude.
struct DeviceGradState {
    let start: UnsafeMutablePointer<Int64>
    static var size: Int { 24 }
}

struct DeviceGradSums: Call {
    var tensors = DeviceTensors()
    let p: Double
    let states: UnsafeMutablePointer<Int64>
    /// The tensors have states of their own, or share one.
    let isPerTensor: Bool
    /// The number of the launch's first tensor.
    var first = 0
    /// Doubles have sums of blocks, four for each chunk, and norms, which are of all tensors. Both are nil if there are no doubles.
    var sums: UnsafeMutablePointer<Double>?
    let norms: UnsafeMutablePointer<Double>?
    /// The squares of doubles are of elements that are scaled.
    var isScaled = false
}

struct DeviceGradNorm: Call {
    let p: Double
    let states: UnsafeMutablePointer<Int64>
    /// The total is the norm of one sum, or else that of the tensors' norms.
    let isExact: Bool
    let norms, total: UnsafeMutablePointer<Double>?
    let firstNonfinite: UnsafeMutablePointer<Int>?
}

/// Clips by a norm that is in the device's memory, or else by the limit.
struct DeviceGradChange: Call {
    var tensors = DeviceTensors()
    let total: UnsafePointer<Double>?
    let clip: NormClip
    let limit: Double
}
