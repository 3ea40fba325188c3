import CBoxgrad
import CShims

extension Arguments {
    /// Reports that a norm of item i of a list is not finite, and names the first element that is not.
    fileprivate mutating func failNonfinite(_ name: StaticString, _ i: Int, _ tensor: boxgrad_tensor, _ param: boxgrad_tensor? = nil) -> Int32 {
        func find(_ tensor: boxgrad_tensor) -> Int { withUnsafePointer(to: tensor) { firstNonfinite($0, 1).element } }
        let element = find(tensor)
        if element >= 0 {
            fail(BOXGRAD_NONFINITE, name, row: i, element: element, "is not finite")
        } else if let param, case let element = find(param), element >= 0 {
            fail(BOXGRAD_NONFINITE, name, row: i, element: element, "is not finite in the parameter itself")
        } else {
            fail(BOXGRAD_NONFINITE, name, row: i, "is finite, but a norm of it is too large for a double")
        }
        return status
    }
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
    arguments.gradNorm(tensors, n, p, perTensor)
    guard arguments.valid else { return arguments.status }
    let norm = totalNorm(tensors, n, p, perTensor)
    total?.pointee = norm
    // A finite norm has only finite elements. An infinite norm may also have only finite elements, so that the tensors are searched.
    firstNonfiniteTensor?.pointee = norm.isFinite ? -1 : firstNonfinite(tensors, n).tensor
    return BOXGRAD_OK
}

extension Arguments {
    fileprivate mutating func exactNorm(_ state: UnsafePointer<Int64>?, _ size: Int, _ p: Double) {
        if size != BOXGRAD_EXACT_NORM_SIZE && size != BOXGRAD_EXACT_NORM_SIZE_F64 {
            fail(BOXGRAD_BAD_PARAMETER, "size", "is not that of an exact norm", .count(size))
        }
        pointer(state, "state")
        require(p == 1 || p == 2 || p == .infinity, "p", "must be 1, 2 or infinity", p)
    }
}

@_cdecl("boxgrad_exact_norm_begin") @implementation
public func boxgrad_exact_norm_begin(_ state: UnsafeMutablePointer<Int64>?, _ size: Int) -> Int32 {
    var arguments = Arguments()
    arguments.exactNorm(state, size, 2)
    guard arguments.valid, let state else { return arguments.status }
    memset(state, 0, size &* MemoryLayout<Int64>.stride)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_exact_norm_add") @implementation
public func boxgrad_exact_norm_add(
    _ state: UnsafeMutablePointer<Int64>?, _ size: Int, _ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ p: Double
) -> Int32 {
    var arguments = Arguments()
    arguments.exactNorm(state, size, p)
    arguments.tensors(tensors, n)
    if arguments.valid, size == BOXGRAD_EXACT_NORM_SIZE, let tensors {
        for i in 0..<n where tensors[i].dtype == BOXGRAD_F64 && tensors[i].count > 0 {
            arguments.fail(BOXGRAD_UNSUPPORTED, "tensors", row: i, "has doubles, which take a state of the larger size")
        }
    }
    guard arguments.valid, let state else { return arguments.status }
    ExactNormAdd(tensors: Tensors(tensors, n), p: p, state: state, size: size).run(n, bgi_common().exact_norm_add)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_exact_norm_merge") @implementation
public func boxgrad_exact_norm_merge(
    _ state: UnsafeMutablePointer<Int64>?, _ other: UnsafePointer<Int64>?, _ size: Int, _ p: Double
) -> Int32 {
    var arguments = Arguments()
    arguments.exactNorm(state, size, p)
    arguments.pointer(other, "other")
    guard arguments.valid, let state, let other else { return arguments.status }
    ExactNormMerge(state: state, other: other, size: size, p: p).run(1, bgi_common().exact_norm_merge)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_exact_norm_finish") @implementation
public func boxgrad_exact_norm_finish(
    _ state: UnsafePointer<Int64>?, _ size: Int, _ p: Double, _ norm: UnsafeMutablePointer<Double>?
) -> Int32 {
    var arguments = Arguments()
    arguments.exactNorm(state, size, p)
    arguments.pointer(norm, "norm")
    guard arguments.valid, let state, let norm else { return arguments.status }
    ExactNormFinish(state: state, size: size, p: p, norm: norm).run(1, bgi_common().exact_norm_finish)
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
    arguments.clipGradNorm(tensors, n, maxNorm, p, eps, onNonfinite)
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
    let clip = NormClip(maxNorm: maxNorm, eps: eps, onNonfinite: onNonfinite)
    if let pass = clip.change(norm) { change(tensors, n, pass) }
    return BOXGRAD_OK
}

@_cdecl("boxgrad_clip_grad_value") @implementation
public func boxgrad_clip_grad_value(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ limit: Double) -> Int32 {
    var arguments = Arguments()
    arguments.clipGradValue(tensors, n, limit)
    guard arguments.valid else { return arguments.status }
    change(tensors, n, TensorPass(operation: .scale, limit: limit))
    return BOXGRAD_OK
}

@_cdecl("boxgrad_clip_grad_rms") @implementation
public func boxgrad_clip_grad_rms(
    _ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ maxRMS: Double, _ onNonfinite: Int32, _ rms: UnsafeMutablePointer<Double>?
) -> Int32 {
    var arguments = Arguments()
    arguments.require(maxRMS >= 0, "max_rms", "must not be negative or NaN", maxRMS)
    arguments.onNonfinite(onNonfinite)
    arguments.tensors(tensors, n)
    arguments.packed(rms, "rms", n, optional: true)
    guard arguments.valid, n > 0, let tensors else { return arguments.status }

    var firstNonfinite = Int.max
    withUnsafeMutablePointer(to: &firstNonfinite) { first in
        var clip = ClipGradRMS(tensors: Tensors(tensors, n), maxRMS: maxRMS, onNonfinite: onNonfinite, rms: rms, firstNonfinite: first)
        if onNonfinite == BOXGRAD_NONFINITE_ERROR {
            clip.onlyLooks = true
            clip.run(n, bgi_common().clip_grad_rms)
            clip.onlyLooks = false
        }
        if first.pointee == .max { clip.run(n, bgi_common().clip_grad_rms) }
    }
    return firstNonfinite == .max ? BOXGRAD_OK : arguments.failNonfinite("tensors", firstNonfinite, tensors[firstNonfinite])
}

@_cdecl("boxgrad_clip_grad_adaptive") @implementation
public func boxgrad_clip_grad_adaptive(
    _ parameters: UnsafePointer<boxgrad_parameter>?, _ n: Int, _ clipFactor: Double, _ eps: Double, _ p: Double, _ onNonfinite: Int32,
    _ clipped: UnsafeMutablePointer<Int>?
) -> Int32 {
    var arguments = Arguments()
    arguments.finiteLength(clipFactor, "clip_factor")
    arguments.finiteLength(eps, "eps")
    arguments.norm(p)
    arguments.onNonfinite(onNonfinite)
    let (units, elements) = arguments.parameters(parameters, n)
    guard arguments.valid else { return arguments.status }

    var (changed, firstNonfinite) = (0, Int.max)
    if units > 0 {
        // Chunks have as many units as elements are worth a chunk, and a thread, on average.
        func unitsWith(_ many: Int) -> Int { max(1, Int(Double(many) * Double(units) / Double(elements))) }
        let division = Division(rows: unitsWith(Division.elements.rows), worthThread: unitsWith(Division.elements.worthThread))
        withUnsafeMutablePointer(to: &changed) { changed in
            withUnsafeMutablePointer(to: &firstNonfinite) { first in
                var pass = UnitPass(
                    parameters: parameters, count: n, clipFactor: clipFactor, eps: eps, p: p, onNonfinite: onNonfinite, clipped: changed,
                    firstNonfinite: first)
                if onNonfinite == BOXGRAD_NONFINITE_ERROR {
                    pass.onlyLooks = true
                    pass.run(units, division, bgi_current().pointee.unit_pass)
                    pass.onlyLooks = false
                }
                if first.pointee == .max { pass.run(units, division, bgi_current().pointee.unit_pass) }
            }
        }
    }
    if firstNonfinite < .max, let parameters {
        var i = 0
        while firstNonfinite >= parameters[i].units {
            firstNonfinite -= parameters[i].units
            i += 1
        }
        return arguments.failNonfinite("parameters", i, parameters[i].grad, parameters[i].param)
    }
    clipped?.pointee = changed
    return BOXGRAD_OK
}
