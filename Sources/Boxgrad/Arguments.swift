import CBoxgrad
import CShims

/// Returns the kernels of this CPU's tier, for Float or Double.
@inline(__always)
func kernels<T>(_: T.Type) -> bgi_kernels_of_type { isFloat(T.self) ? bgi_current().pointee.f32 : bgi_current().pointee.f64 }

/// Returns the kernels that are the same for every CPU, for Float or Double.
@inline(__always)
func commonKernels<T>(_: T.Type) -> bgi_common_kernels_of_type { isFloat(T.self) ? bgi_common().f32 : bgi_common().f64 }

@inline(__always)
private func isFloat<T>(_: T.Type) -> Bool { MemoryLayout<T>.size == MemoryLayout<Float>.size }

/// Checks a call's arguments, one after the other, before anything is written. It reports the first failure.
struct Arguments {
    private(set) var status = BOXGRAD_OK

    var valid: Bool { status == BOXGRAD_OK }

    /// Reports a failure, unless there was one before. `least` follows the reason in the sentence if it is not negative.
    @inline(never)
    mutating func fail(
        _ status: Int32, _ name: UnsafePointer<CChar>, row: Int = -1, element: Int = -1, _ reason: StaticString, least: Int = -1,
        _ got: bgi_value = .nothing
    ) {
        guard valid else { return }
        self.status = bgi_fail(status, name, row, element, reason.cString, least, got)
    }

    mutating func fail(
        _ status: Int32, _ name: StaticString, row: Int = -1, element: Int = -1, _ reason: StaticString, least: Int = -1,
        _ got: bgi_value = .nothing
    ) {
        fail(status, name.cString, row: row, element: element, reason, least: least, got)
    }

    mutating func require(_ condition: Bool, _ name: StaticString, _ reason: StaticString, _ value: Double) {
        if !condition { fail(BOXGRAD_BAD_PARAMETER, name, reason, .number(value)) }
    }

    mutating func require(_ condition: Bool, _ name: StaticString, _ reason: StaticString, _ code: Int32) {
        if !condition { fail(BOXGRAD_BAD_PARAMETER, name, reason, .integer(Int(code))) }
    }

    /// Requires a scalar and its inverse to be positive and finite in T, because a kernel of T divides by the scalar.
    mutating func divisor<T>(_ value: Double, as type: T.Type, _ name: StaticString) {
        func isPositiveFinite(_ x: Double) -> Bool { x > 0 && x < .infinity }
        require(
            isPositiveFinite(rounded(value, to: type)) && isPositiveFinite(rounded(1 / value, to: type)), name,
            "must be a positive finite number in the function's type, and so must its inverse", value)
    }

    /// Checks the number that the sum of `count` terms is divided by. Without terms it may be any number, because the divisor of an empty
    /// mean is 0.
    mutating func normalizer<T>(_ value: Double, as type: T.Type, of count: Int) {
        if count == 0 { require(value == value, "normalizer", "is NaN", value) } else { divisor(value, as: type, "normalizer") }
    }

    mutating func pointer(_ pointer: UnsafeRawPointer?, _ name: StaticString) {
        if pointer == nil { fail(BOXGRAD_NULL_POINTER, name, "is NULL") }
    }

    /// Checks a count. A C size_t arrives as Int, so that a number greater than Int.max is negative here.
    mutating func count(_ count: Int, _ name: StaticString = "count") {
        if count < 0 { fail(BOXGRAD_SIZE_OVERFLOW, name, "is too large", .count(count)) }
    }

    /// Checks `count` rows of `width` elements, whose starts are `stride` elements apart.
    mutating func rows<T>(
        _ rows: UnsafePointer<T>?, _ name: StaticString, _ count: Int, stride: Int, _ strideName: StaticString, width: Int = 4, optional: Bool = false
    ) {
        self.rows(rows, name.cString, count, stride, strideName.cString, width, MemoryLayout<T>.stride, optional)
    }

    // This is not inlined, because every function checks several arrays.
    @inline(never)
    private mutating func rows(
        _ rows: UnsafeRawPointer?, _ name: UnsafePointer<CChar>, _ count: Int, _ stride: Int, _ strideName: UnsafePointer<CChar>, _ width: Int,
        _ size: Int, _ optional: Bool
    ) {
        self.count(count)
        guard valid, count > 0 else { return }
        if rows == nil {
            if !optional { fail(BOXGRAD_NULL_POINTER, name, "is NULL") }
            return
        }
        if count > 1 && stride < width { fail(BOXGRAD_BAD_STRIDE, strideName, "must be at least", least: width, .integer(stride)) }
        func exceedsMemory(_ stride: Int) -> Bool {
            let (last, overflow) = (count &- 1).multipliedReportingOverflow(by: stride)
            let (elements, overflow2) = last.addingReportingOverflow(width)
            return overflow || overflow2 || elements.multipliedReportingOverflow(by: size).overflow
        }
        if exceedsMemory(width) { fail(BOXGRAD_SIZE_OVERFLOW, name, "has more rows than memory can hold", .integer(count)) }
        if exceedsMemory(stride) { fail(BOXGRAD_SIZE_OVERFLOW, strideName, "puts rows beyond what memory can hold", .integer(stride)) }
    }

    /// Checks `count` rows of `width` elements without gaps.
    mutating func packed<T>(_ array: UnsafePointer<T>?, _ name: StaticString, _ count: Int, width: Int = 1, optional: Bool = false) {
        rows(array, name, count, stride: width, name, width: width, optional: optional)
    }

    /// Replaces the defaults by the caller's options, a struct that begins with its size. Where it is NULL or shorter than this version's, the
    /// defaults stay.
    mutating func copy<Options: BitwiseCopyable>(_ options: UnsafePointer<Options>?, to defaults: inout Options) {
        guard let options else { return }
        let size = sizeOfOptions(options, MemoryLayout<Options>.size)
        if valid { memcpy(&defaults, options, size) }
    }

    /// Checks the size that options begin with, and returns it.
    @inline(never)
    private mutating func sizeOfOptions(_ options: UnsafeRawPointer, _ known: Int) -> Int {
        let size = options.load(as: Int.self)
        if 0..<MemoryLayout<Int>.size ~= size { fail(BOXGRAD_BAD_PARAMETER, "options->size", "is smaller than the field itself", .integer(size)) }
        if size < 0 || size > known { fail(BOXGRAD_UNSUPPORTED, "options->size", "is larger than this version's struct", .count(size)) }
        if size % 8 != 0 { fail(BOXGRAD_BAD_PARAMETER, "options->size", "ends within a field", .integer(size)) }
        return size
    }

    /// Checks a call in place, which is allowed if every row is written where it was read.
    mutating func inPlace<T>(_ input: UnsafePointer<T>?, _ inputStride: Int, _ output: UnsafeMutablePointer<T>?, _ outputStride: Int, _ count: Int) {
        if count > 1 && UnsafePointer(output) == input && inputStride != outputStride {
            fail(BOXGRAD_BAD_STRIDE, "out_stride", "differs from in_stride though out is in", .integer(outputStride))
        }
    }
}

func statusName(_ status: boxgrad_status) -> StaticString {
    switch status {
    case BOXGRAD_OK: "BOXGRAD_OK"
    case BOXGRAD_NULL_POINTER: "BOXGRAD_NULL_POINTER"
    case BOXGRAD_BAD_STRIDE: "BOXGRAD_BAD_STRIDE"
    case BOXGRAD_SIZE_OVERFLOW: "BOXGRAD_SIZE_OVERFLOW"
    case BOXGRAD_BAD_PARAMETER: "BOXGRAD_BAD_PARAMETER"
    case BOXGRAD_DEGENERATE_BOX: "BOXGRAD_DEGENERATE_BOX"
    case BOXGRAD_NONFINITE: "BOXGRAD_NONFINITE"
    case BOXGRAD_OUT_OF_MEMORY: "BOXGRAD_OUT_OF_MEMORY"
    case BOXGRAD_UNSUPPORTED: "BOXGRAD_UNSUPPORTED"
    default: "unknown status"
    }
}

/// Returns the value that a kernel of T computes with.
func rounded<T>(_ value: Double, to _: T.Type) -> Double { isFloat(T.self) ? Double(Float(value)) : value }

extension bgi_value {
    static var nothing: Self { Self(kind: BGI_NOTHING, number: 0, integer: 0) }
    static func number(_ value: Double) -> Self { Self(kind: BGI_NUMBER, number: value, integer: 0) }
    static func integer(_ value: Int) -> Self { Self(kind: BGI_INTEGER, number: 0, integer: Int64(value)) }
    static func count(_ value: Int) -> Self { Self(kind: BGI_COUNT, number: 0, integer: Int64(value)) }
}

extension StaticString {
    var cString: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}
