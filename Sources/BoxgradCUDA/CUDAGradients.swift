import CBoxgrad
import CBoxgradCUDA
import CShims
import CudaShims

/// The threads of a block that adds doubles, which is a block of the CPU's sum.
private let doublesBlock = 512

/// The most chunks of a launch: numbers of chunks have 32 bits.
private let mostChunks = Int(Int32.max)

private func chunks(_ tensor: boxgrad_tensor) -> Int { tensor.count > 0 ? (tensor.count &- 1) / gradChunk &+ 1 : 0 }

private func isDouble(_ tensor: boxgrad_tensor) -> Bool { tensor.dtype == BOXGRAD_F64 && tensor.count > 0 }

/// The tensors of one launch.
private struct Part {
    var tensors = DeviceTensors()
    /// Before the first tensor there are so many tensors, and chunks.
    var first = 0, chunksBefore = 0
    var chunks = 0
    var hasDoubles = false, hasOthers = false

    /// Calls the body with some tensors after the other, as long as it succeeds. The list is copied into a kernel's parameters.
    static func forEach(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ body: (Self) -> Int32) -> Int32 {
        guard let tensors else { return BOXGRAD_OK }
        var (part, i) = (Self(), 0)
        while i < n {
            part.add(tensors[i])
            i += 1
            guard i == n || part.tensors.length == gradTensors || part.chunks > mostChunks &- BoxgradCUDA.chunks(tensors[i]) else { continue }
            let status = part.chunks > 0 ? body(part) : BOXGRAD_OK
            guard status == BOXGRAD_OK else { return status }
            (part.first, part.chunksBefore) = (i, part.chunksBefore &+ part.chunks)
            (part.chunks, part.tensors.length, part.hasDoubles, part.hasOthers) = (0, 0, false, false)
        }
        return BOXGRAD_OK
    }

    private mutating func add(_ tensor: boxgrad_tensor) {
        let k = tensors.length
        tensors.data[k] = tensor.data
        tensors.counts[k] = tensor.count
        tensors.chunks[k] = UInt32(truncatingIfNeeded: chunks)
        tensors.dtypes[k] = UInt8(truncatingIfNeeded: tensor.dtype)
        tensors.length += 1
        chunks += BoxgradCUDA.chunks(tensor)
        if isDouble(tensor) { hasDoubles = true } else if tensor.count > 0 { hasOthers = true }
    }
}

/// The scratch of a norm, one array after the other: states, the norms and the sums of doubles, and the total.
private struct GradLayout {
    private(set) var size: Int?
    private(set) var hasDoubles = false
    let norms, sums, total: Int

    init(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) {
        var all = tensors == nil && n > 0 ? Int?.none : 0
        if let tensors, n > 0 {
            for i in 0..<n {
                let few = chunks(tensors[i])
                all = few <= mostChunks ? bytes(all ?? -1, 1, few) : nil
                hasDoubles = hasDoubles || isDouble(tensors[i])
            }
        }
        norms = bytes(max(n, 1), DeviceGradState.size &* 8) ?? -1
        sums = bytes(hasDoubles ? n : 0, 8, norms) ?? -1
        total = bytes(hasDoubles ? all ?? -1 : 0, gradChunk / sumBlock &* 8, sums) ?? -1
        size = n < 0 || all == nil ? nil : bytes(1, 8, total)
    }
}

func cudaGradNormScratch(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) -> Int? { GradLayout(tensors, n).size }

extension Arguments {
    /// Checks what is needed on a device beside the CPU's arguments.
    fileprivate mutating func deviceNorm(_ p: Double, _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ needed: @autoclosure () -> Int?) {
        if p != 1 && p != 2 && p != .infinity { fail(BOXGRAD_UNSUPPORTED, "p", "must be 1, 2 or infinity on a GPU", .number(p)) }
        // The tensors are looked at only if they are valid.
        if valid { self.scratch(scratch, scratchSize, needed()) }
    }
}

/// Computes a norm, of arguments that are valid.
private struct GradMeasure {
    let p: Double
    let layout: GradLayout
    let scratch: UnsafeMutableRawPointer
    let total, perTensor: UnsafeMutablePointer<Double>?
    let firstNonfinite: UnsafeMutablePointer<Int>?
    let stream: Stream

    private var addsDoubles: Bool { layout.hasDoubles && p != .infinity }
    private var isPerTensor: Bool { perTensor != nil || firstNonfinite != nil || addsDoubles }
    private var states: UnsafeMutablePointer<Int64> { scratch.assumingMemoryBound(to: Int64.self) }
    private var norms: UnsafeMutablePointer<Double>? { perTensor ?? (addsDoubles ? doubles(layout.norms) : nil) }

    private func doubles(_ start: Int) -> UnsafeMutablePointer<Double> { (scratch + start).assumingMemoryBound(to: Double.self) }

    func run(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) -> Int32 {
        let stateCount = isPerTensor ? n : 1
        var status = zero(states, stateCount &* DeviceGradState.size, stream)
        if status == BOXGRAD_OK { status = Part.forEach(tensors, n) { addUp($0) } }
        if status == BOXGRAD_OK && addsDoubles { status = Part.forEach(tensors, n) { $0.hasDoubles ? finishDoubles($0) : BOXGRAD_OK } }
        guard status == BOXGRAD_OK else { return status }
        let norm = DeviceGradNorm(
            p: p, states: states, isExact: !addsDoubles && p != .infinity, norms: norms, total: total, firstNonfinite: firstNonfinite)
        return norm.launch(BGC_GRAD_NORM, stateCount, grid: (1, 1), Float.self, stream)
    }

    private func addUp(_ part: Part) -> Int32 {
        let kernel = p == .infinity ? BGC_GRAD_LARGEST : BGC_GRAD_SUMS
        let status = part.hasOthers ? launch(kernel, part, part.chunks, block: 256) : BOXGRAD_OK
        return status == BOXGRAD_OK && part.hasDoubles ? launch(BGC_GRAD_DOUBLES, part, part.chunks, block: doublesBlock) : status
    }

    /// The device knows whether the sums of squares will do, and adds no others if they do.
    private func finishDoubles(_ part: Part) -> Int32 {
        var status = launch(BGC_GRAD_DOUBLES_NORM, part, part.tensors.length, block: 256)
        guard p == 2, status == BOXGRAD_OK else { return status }
        status = launch(BGC_GRAD_DOUBLES, part, part.chunks, block: doublesBlock, isScaled: true)
        return status == BOXGRAD_OK ? launch(BGC_GRAD_DOUBLES_NORM, part, part.tensors.length, block: 256, isScaled: true) : status
    }

    private func launch(_ kernel: Int, _ part: Part, _ grid: Int, block: Int, isScaled: Bool = false) -> Int32 {
        let sums = layout.hasDoubles ? doubles(layout.sums + part.chunksBefore &* (gradChunk / sumBlock &* 8)) : nil
        return DeviceGradSums(
            tensors: part.tensors, p: p, states: states, isPerTensor: isPerTensor, first: part.first, sums: sums, norms: norms, isScaled: isScaled
        ).launch(kernel, part.chunks, grid: (grid, 1), block: block, Float.self, stream)
    }
}

/// Puts a change of all tensors on the stream.
private func change(
    _ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ total: UnsafePointer<Double>?, _ clip: NormClip, limit: Double = .infinity, _ stream: Stream
) -> Int32 {
    Part.forEach(tensors, n) { part in
        DeviceGradChange(tensors: part.tensors, total: total, clip: clip, limit: limit).launch(
            BGC_GRAD_CHANGE, part.chunks, grid: (part.chunks, 1), Float.self, stream)
    }
}

extension NormClip {
    /// A failure that only the values tell is none here. Then nothing is changed.
    fileprivate init(onDevice maxNorm: Double, _ eps: Double, _ onNonfinite: Int32) {
        self.init(maxNorm: maxNorm, eps: eps, onNonfinite: onNonfinite == BOXGRAD_NONFINITE_ERROR ? BOXGRAD_NONFINITE_SKIP : onNonfinite)
    }
}

@_cdecl("boxgrad_cuda_grad_norm") @implementation
public func boxgrad_cuda_grad_norm(
    _ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ p: Double, _ total: UnsafeMutablePointer<Double>?,
    _ perTensor: UnsafeMutablePointer<Double>?, _ firstNonfiniteTensor: UnsafeMutablePointer<Int>?, _ scratch: UnsafeMutableRawPointer?,
    _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    var arguments = Arguments()
    arguments.gradNorm(tensors, n, p, perTensor)
    arguments.deviceNorm(p, scratch, scratchSize, cudaGradNormScratch(tensors, n))
    guard arguments.valid, let scratch else { return arguments.status }
    return GradMeasure(
        p: p, layout: GradLayout(tensors, n), scratch: scratch, total: total, perTensor: perTensor, firstNonfinite: firstNonfiniteTensor, stream: stream
    ).run(tensors, n)
}

@_cdecl("boxgrad_cuda_clip_grad_norm") @implementation
public func boxgrad_cuda_clip_grad_norm(
    _ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ maxNorm: Double, _ p: Double, _ eps: Double, _ onNonfinite: Int32,
    _ total: UnsafeMutablePointer<Double>?, _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    var arguments = Arguments()
    arguments.clipGradNorm(tensors, n, maxNorm, p, eps, onNonfinite)
    arguments.deviceNorm(p, scratch, scratchSize, cudaGradNormScratch(tensors, n))
    guard arguments.valid, let scratch else { return arguments.status }
    let layout = GradLayout(tensors, n)
    let norm = total ?? (scratch + layout.total).assumingMemoryBound(to: Double.self)
    let measure = GradMeasure(p: p, layout: layout, scratch: scratch, total: norm, perTensor: nil, firstNonfinite: nil, stream: stream)
    let status = measure.run(tensors, n)
    let mayChange = maxNorm < .infinity || onNonfinite == BOXGRAD_NONFINITE_ZERO
    guard status == BOXGRAD_OK, mayChange else { return status }
    return change(tensors, n, UnsafePointer(norm), NormClip(onDevice: maxNorm, eps, onNonfinite), stream)
}

@_cdecl("boxgrad_cuda_clip_grads_with_norm") @implementation
public func boxgrad_cuda_clip_grads_with_norm(
    _ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ maxNorm: Double, _ total: UnsafePointer<Double>?, _ eps: Double, _ onNonfinite: Int32,
    _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    var arguments = Arguments()
    arguments.clipGradNorm(tensors, n, maxNorm, 2, eps, onNonfinite)
    arguments.pointer(total, "total")
    guard arguments.valid else { return arguments.status }
    return change(tensors, n, total, NormClip(onDevice: maxNorm, eps, onNonfinite), stream)
}

@_cdecl("boxgrad_cuda_clip_grad_value") @implementation
public func boxgrad_cuda_clip_grad_value(
    _ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ limit: Double, _ stream: UnsafeMutableRawPointer?
) -> Int32 {
    var arguments = Arguments()
    arguments.clipGradValue(tensors, n, limit)
    guard arguments.valid else { return arguments.status }
    return change(tensors, n, nil, NormClip(onDevice: .infinity, 0, BOXGRAD_NONFINITE_PROPAGATE), limit: limit, stream)
}
