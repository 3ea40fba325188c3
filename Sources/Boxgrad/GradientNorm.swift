import CBoxgrad
import CShims

extension Arguments {
    fileprivate mutating func tensors(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) {
        count(n, "n")
        packed(tensors, "tensors", n)
        guard valid, n > 0, let tensors else { return }
        for i in 0..<n {
            let tensor = tensors[i]
            let size = bgi_element_size(tensor.dtype)
            guard size > 0 else {
                return fail(BOXGRAD_UNSUPPORTED, "tensors", row: i, "has an unknown dtype", .integer(Int(tensor.dtype)))
            }
            if tensor.reserved != 0 { fail(BOXGRAD_BAD_PARAMETER, "tensors", row: i, "has a reserved field that is not 0", .integer(Int(tensor.reserved))) }
            if tensor.count < 0 || tensor.count.multipliedReportingOverflow(by: size).overflow {
                fail(BOXGRAD_SIZE_OVERFLOW, "tensors", row: i, "has more elements than memory can hold", .count(tensor.count))
            }
            if tensor.count > 0 && tensor.data == nil { fail(BOXGRAD_NULL_POINTER, "tensors", row: i, "has data that is NULL") }
            guard valid else { return }
        }
    }

    fileprivate mutating func norm(_ p: Double) { require(p > 0 && 1 / p < .infinity, "p", "must be positive, and 1 / p finite", p) }
}

/// Makes the change that `pass` describes to all tensors.
private func change(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ pass: TensorPass) {
    GradChange(tensors: Tensors(tensors, n), change: pass).run(n, bgi_common().grad_change)
}

/// Returns the first tensor that holds an infinity or a NaN, and the element's index in it. Both are -1 if there is none.
private func firstNonfinite(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) -> (tensor: Int, element: Int) {
    var (tensor, element) = (-1, -1)
    withUnsafeMutablePointer(to: &tensor) { tensor in
        withUnsafeMutablePointer(to: &element) { element in
            GradFirstNonfinite(tensors: Tensors(tensors, n), tensor: tensor, element: element).run(n, bgi_common().grad_first_nonfinite)
        }
    }
    return (tensor, element)
}

private func totalNorm(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ p: Double, _ perTensor: UnsafeMutablePointer<Double>?) -> Double {
    var total = 0.0
    withUnsafeMutablePointer(to: &total) {
        GradNorm(tensors: Tensors(tensors, n), p: p, total: $0, perTensor: perTensor).run(n, bgi_common().grad_norm)
    }
    return total
}

extension Tensors {
    fileprivate init(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) {
        self.init(start: tensors, count: n, pass: bgi_current().pointee.tensor_pass)
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
    // A finite norm has only finite elements. An infinite norm may also have only finite elements, so that the tensors are searched.
    firstNonfiniteTensor?.pointee = norm.isFinite ? -1 : firstNonfinite(tensors, n).tensor
    return BOXGRAD_OK
}

@_cdecl("boxgrad_grad_norm_combine") @implementation
public func boxgrad_grad_norm_combine(
    _ norms: UnsafePointer<Double>?, _ n: Int, _ p: Double, _ total: UnsafeMutablePointer<Double>?
) -> Int32 {
    var arguments = Arguments()
    arguments.norm(p)
    arguments.count(n, "n")
    arguments.packed(norms, "norms", n)
    arguments.pointer(total, "total")
    guard arguments.valid, let total else { return arguments.status }
    GradNormCombine(norms: norms, p: p, total: total, pass: bgi_current().pointee.tensor_pass).run(n, bgi_common().grad_norm_combine)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_grad_scale") @implementation
public func boxgrad_grad_scale(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ coefficient: Double) -> Int32 {
    var arguments = Arguments()
    arguments.require(coefficient.isFinite, "coefficient", "must be finite", coefficient)
    arguments.tensors(tensors, n)
    guard arguments.valid else { return arguments.status }
    change(tensors, n, TensorPass(operation: .scale, coefficient: coefficient))
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
    arguments.require(BOXGRAD_NONFINITE_PROPAGATE...BOXGRAD_NONFINITE_ZERO ~= onNonfinite, "on_nonfinite", "is no such code", onNonfinite)
    arguments.tensors(tensors, n)
    guard arguments.valid else { return arguments.status }

    let norm = totalNorm(tensors, n, p, nil)
    if !norm.isFinite && onNonfinite == BOXGRAD_NONFINITE_ERROR {
        let (tensor, element) = firstNonfinite(tensors, n)
        if tensor >= 0 {
            arguments.fail(BOXGRAD_NONFINITE, "tensors", row: tensor, element: element, "is not finite")
        } else {
            arguments.fail(BOXGRAD_NONFINITE, "tensors", "are finite, but their total norm is too large for a double")
        }
        return arguments.status
    }
    total?.pointee = norm
    switch (norm.isFinite, onNonfinite) {
    case (false, BOXGRAD_NONFINITE_SKIP): break
    case (false, BOXGRAD_NONFINITE_ZERO): change(tensors, n, TensorPass(operation: .zero))
    default:
        // Nothing is scaled if the limit is infinite or the norm is 0, because the quotient may be NaN then.
        let coefficient = maxNorm == .infinity || norm == 0 ? 1 : maxNorm / (norm + eps)
        if !(coefficient >= 1) { change(tensors, n, TensorPass(operation: .scale, coefficient: coefficient)) }
    }
    return BOXGRAD_OK
}

@_cdecl("boxgrad_clip_grad_value") @implementation
public func boxgrad_clip_grad_value(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ limit: Double) -> Int32 {
    var arguments = Arguments()
    arguments.require(limit >= 0, "limit", "must not be negative or NaN", limit)
    arguments.tensors(tensors, n)
    guard arguments.valid else { return arguments.status }
    change(tensors, n, TensorPass(operation: .scale, limit: limit))
    return BOXGRAD_OK
}
