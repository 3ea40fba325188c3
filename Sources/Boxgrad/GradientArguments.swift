// Checks of lists of tensors, which libboxgrad_cuda.so has, too.

import CBoxgrad
import CShims

extension Arguments {
    mutating func tensors(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) {
        count(n, "n")
        packed(tensors, "tensors", n)
        guard valid, n > 0, let tensors else { return }
        for i in 0..<n where valid { tensor(tensors[i], "tensors", i) }
    }

    private mutating func tensor(_ tensor: boxgrad_tensor, _ name: StaticString, _ i: Int) {
        let size = bgi_element_size(tensor.dtype)
        guard size > 0 else { return fail(BOXGRAD_UNSUPPORTED, name, row: i, "has an unknown dtype", .integer(Int(tensor.dtype))) }
        if tensor.reserved != 0 { fail(BOXGRAD_BAD_PARAMETER, name, row: i, "has a reserved field that is not 0", .integer(Int(tensor.reserved))) }
        if tensor.count < 0 || tensor.count.multipliedReportingOverflow(by: size).overflow {
            fail(BOXGRAD_SIZE_OVERFLOW, name, row: i, "has more elements than memory can hold", .count(tensor.count))
        }
        if tensor.count > 0 && tensor.data == nil { fail(BOXGRAD_NULL_POINTER, name, row: i, "has data that is NULL") }
    }

    /// Returns the number of units, and of elements, of all parameters.
    mutating func parameters(_ parameters: UnsafePointer<boxgrad_parameter>?, _ n: Int) -> (units: Int, elements: Int) {
        count(n, "n")
        packed(parameters, "parameters", n)
        guard valid, n > 0, let parameters else { return (0, 0) }
        var (units, elements) = (0, 0)
        for i in 0..<n where valid {
            let parameter = parameters[i]
            tensor(parameter.grad, "parameters", i)
            tensor(parameter.param, "parameters", i)
            if parameter.param.count != parameter.grad.count {
                fail(BOXGRAD_BAD_PARAMETER, "parameters", row: i, "has another number of elements than its gradient", .count(parameter.param.count))
            }
            let (block, overflow) = parameter.size.multipliedReportingOverflow(by: parameter.distance)
            if parameter.grad.count > 0 && (parameter.size < 0 || parameter.distance < 0 || overflow || parameter.grad.count % block != 0) {
                fail(BOXGRAD_BAD_PARAMETER, "parameters", row: i, "has units that do not divide its elements; unit_size:", .count(parameter.unit_size))
            }
            guard valid else { break }
            let (sum, overflow2) = elements.addingReportingOverflow(parameter.grad.count)
            if overflow2 { fail(BOXGRAD_SIZE_OVERFLOW, "parameters", "have more elements than memory can hold") }
            (units, elements) = (units &+ parameter.units, sum)
        }
        return (units, elements)
    }

    mutating func onNonfinite(_ code: Int32) {
        require(BOXGRAD_NONFINITE_PROPAGATE...BOXGRAD_NONFINITE_ZERO ~= code, "on_nonfinite", "is no such code", code)
    }

    mutating func finiteLength(_ x: Double, _ name: StaticString) {
        require(x >= 0 && x < .infinity, name, "must be a finite number, not negative", x)
    }

    mutating func norm(_ p: Double) { require(p > 0 && 1 / p < .infinity, "p", "must be positive, and 1 / p finite", p) }

    mutating func gradNorm(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ p: Double, _ perTensor: UnsafeMutablePointer<Double>?) {
        norm(p)
        self.tensors(tensors, n)
        packed(perTensor, "per_tensor", n, optional: true)
    }

    mutating func clipGradNorm(
        _ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ maxNorm: Double, _ p: Double, _ eps: Double, _ onNonfinite: Int32
    ) {
        require(maxNorm >= 0, "max_norm", "must not be negative or NaN", maxNorm)
        norm(p)
        finiteLength(eps, "eps")
        self.onNonfinite(onNonfinite)
        self.tensors(tensors, n)
    }

    mutating func clipGradValue(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ limit: Double) {
        require(limit >= 0, "limit", "must not be negative or NaN", limit)
        self.tensors(tensors, n)
    }
}
