import CBoxgrad
import CShims

extension Arguments {
    fileprivate mutating func tensors(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) {
        count(n, "n")
        packed(tensors, "tensors", n)
        guard valid, n > 0, let tensors else { return }
        for i in 0..<n {
            let tensor = tensors[i]
            guard let size = elementSize(tensor.dtype) else {
                return fail(BOXGRAD_UNSUPPORTED, "tensors", row: i, "has an unknown dtype", Double(tensor.dtype))
            }
            if tensor.reserved != 0 { fail(BOXGRAD_BAD_PARAMETER, "tensors", row: i, "has a reserved field that is not 0", Double(tensor.reserved)) }
            if tensor.count < 0 || tensor.count.multipliedReportingOverflow(by: size).overflow {
                fail(BOXGRAD_SIZE_OVERFLOW, "tensors", row: i, "has more elements than memory can hold", Double(UInt(bitPattern: tensor.count)))
            }
            if tensor.count > 0 && tensor.data == nil { fail(BOXGRAD_NULL_POINTER, "tensors", row: i, "has data that is NULL") }
            guard valid else { return }
        }
    }

    fileprivate mutating func norm(_ p: Double) { require(p > 0 && 1 / p < .infinity, "p", "must be positive, and 1 / p finite", p) }
}

private func elementSize(_ dtype: Int32) -> Int? {
    switch dtype {
    case BOXGRAD_F32: 4
    case BOXGRAD_F64: 8
    case BOXGRAD_F16, BOXGRAD_BF16: 2
    default: nil
    }
}

/// The norm of the whole from norms of its parts, which are collected in runs on the stack: a run that is full becomes one norm.
private struct NormOfParts {
    private static let runLength = 128
    private let run: UnsafeMutablePointer<Double>
    private let p: Double
    private var length = 0

    static func with(_ p: Double, _ body: (inout Self) -> Void) -> Double {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: runLength) { run in
            var parts = Self(run: run.baseAddress.unsafelyUnwrapped, p: p)
            body(&parts)
            return parts.total
        }
    }

    private init(run: UnsafeMutablePointer<Double>, p: Double) {
        self.run = run
        self.p = p
    }

    private var total: Double { length == 0 ? 0 : kernels.tensor.norm(run, length, BOXGRAD_F64, p) }

    mutating func add(_ norm: Double) {
        if length == Self.runLength {
            run[0] = total
            length = 1
        }
        run[length] = norm
        length &+= 1
    }
}

private func totalNorm(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ p: Double, _ perTensor: UnsafeMutablePointer<Double>?) -> Double {
    NormOfParts.with(p) { parts in
        guard let tensors else { return }
        for i in 0..<n {
            let norm = tensors[i].data.map { kernels.tensor.norm($0, tensors[i].count, tensors[i].dtype, p) } ?? 0
            perTensor?[i] = norm
            parts.add(norm)
        }
    }
}

/// The first tensor that holds an infinity or a NaN, and where.
private func firstNonfinite(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) -> (tensor: Int, element: Int)? {
    guard let tensors else { return nil }
    for i in 0..<n {
        guard let data = tensors[i].data else { continue }
        let element = kernels.tensor.first_nonfinite(data, tensors[i].count, tensors[i].dtype)
        if element < tensors[i].count { return (i, element) }
    }
    return nil
}

private func scale(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ coefficient: Double) {
    guard let tensors else { return }
    for i in 0..<n {
        if let data = tensors[i].data { kernels.tensor.scale(data, tensors[i].count, tensors[i].dtype, coefficient) }
    }
}

@_cdecl("boxgrad_grad_norm") @implementation
public func boxgrad_grad_norm(
    _ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ p: Double, _ total: UnsafeMutablePointer<Double>?,
    _ perTensor: UnsafeMutablePointer<Double>?, _ firstNonfiniteTensor: UnsafeMutablePointer<Int>?
) -> Int32 {
    var arguments = Arguments()
    arguments.norm(p)
    arguments.tensors(tensors, n)
    arguments.packed(perTensor, "per_tensor", n, optional: true)
    guard arguments.valid else { return arguments.status }
    let norm = totalNorm(tensors, n, p, perTensor)
    total?.pointee = norm
    // An infinite norm may be one of finite numbers; a finite one has no others.
    firstNonfiniteTensor?.pointee = norm.isFinite ? -1 : firstNonfinite(tensors, n)?.tensor ?? -1
    return BOXGRAD_OK
}

@_cdecl("boxgrad_grad_norm_combine") @implementation
public func boxgrad_grad_norm_combine(
    _ norms: UnsafePointer<Double>?, _ n: Int, _ p: Double, _ total: UnsafeMutablePointer<Double>?
) -> Int32 {
    var arguments = Arguments()
    arguments.norm(p)
    arguments.packed(norms, "norms", n)
    arguments.pointer(total, "total")
    guard arguments.valid, let total else { return arguments.status }
    total.pointee = NormOfParts.with(p) { parts in
        if let norms { for i in 0..<n { parts.add(norms[i]) } }
    }
    return BOXGRAD_OK
}

@_cdecl("boxgrad_grad_scale") @implementation
public func boxgrad_grad_scale(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ coefficient: Double) -> Int32 {
    var arguments = Arguments()
    arguments.require(coefficient.isFinite, "coefficient", "must be finite", coefficient)
    arguments.tensors(tensors, n)
    guard arguments.valid else { return arguments.status }
    scale(tensors, n, coefficient)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_clip_grad_norm") @implementation
public func boxgrad_clip_grad_norm(
    _ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ maxNorm: Double, _ p: Double, _ eps: Double, _ onNonfinite: Int32,
    _ total: UnsafeMutablePointer<Double>?
) -> Int32 {
    var arguments = Arguments()
    arguments.require(maxNorm >= 0, "max_norm", "must not be negative or NaN", maxNorm)
    arguments.norm(p)
    arguments.require(eps >= 0 && eps < .infinity, "eps", "must be a finite number, not negative", eps)
    arguments.require(BOXGRAD_NONFINITE_PROPAGATE...BOXGRAD_NONFINITE_ZERO ~= onNonfinite, "on_nonfinite", "is no such code", Double(onNonfinite))
    arguments.tensors(tensors, n)
    guard arguments.valid else { return arguments.status }

    let norm = totalNorm(tensors, n, p, nil)
    if !norm.isFinite && onNonfinite == BOXGRAD_NONFINITE_ERROR {
        if let (tensor, element) = firstNonfinite(tensors, n) {
            arguments.fail(BOXGRAD_NONFINITE, "tensors", row: tensor, element: element, "is not finite")
        } else {
            arguments.fail(BOXGRAD_NONFINITE, "tensors", "are finite, but their total norm is too large for a double")
        }
        return arguments.status
    }
    total?.pointee = norm
    switch (norm.isFinite, onNonfinite) {
    case (false, BOXGRAD_NONFINITE_SKIP): break
    case (false, BOXGRAD_NONFINITE_ZERO): zero(tensors, n)
    default:
        // An infinite limit never scales; nor does a total of 0, whatever the limit.
        let coefficient = maxNorm == .infinity || norm == 0 ? 1 : maxNorm / (norm + eps)
        if !(coefficient >= 1) { scale(tensors, n, coefficient) }
    }
    return BOXGRAD_OK
}

private func zero(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) {
    guard let tensors else { return }
    for i in 0..<n {
        if let data = tensors[i].data, let size = elementSize(tensors[i].dtype) { memset(data, 0, tensors[i].count &* size) }
    }
}

@_cdecl("boxgrad_clip_grad_value") @implementation
public func boxgrad_clip_grad_value(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ limit: Double) -> Int32 {
    var arguments = Arguments()
    arguments.require(limit >= 0, "limit", "must not be negative or NaN", limit)
    arguments.tensors(tensors, n)
    guard arguments.valid, let tensors else { return arguments.status }
    for i in 0..<n {
        if let data = tensors[i].data { kernels.tensor.limit(data, tensors[i].count, tensors[i].dtype, limit) }
    }
    return BOXGRAD_OK
}
