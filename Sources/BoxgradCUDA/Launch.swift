import CBoxgrad
import CBoxgradCUDA
import CShims
import CudaShims

/// The number of threads in a block.
private let blockSize = 256

extension Call {
    /// Launches a kernel of this call for `count` rows, `each` of which a thread takes. `kernel` is the number of the kernel for float.
    func launch<T>(_ kernel: Int, _ count: Int, each: Int = 1, _: T.Type, _ stream: UnsafeMutableRawPointer?) -> Int32 {
        guard count > 0 else { return BOXGRAD_OK }
        let threads = (count &- 1) / each &+ 1
        return launch(kernel, count, grid: ((threads &- 1) / blockSize &+ 1, 1), T.self, stream)
    }

    /// Launches a kernel in a grid of blocks.
    func launch<T>(_ kernel: Int, _ count: Int, grid: (x: Int, y: Int), block: Int = blockSize, _: T.Type, _ stream: UnsafeMutableRawPointer?) -> Int32 {
        let number = kernel &+ (MemoryLayout<T>.size == MemoryLayout<Float>.size ? 0 : 1)
        var call = self
        return withUnsafePointer(to: &call) { bgc_launch(number, $0, MemoryLayout<Self>.size, count, grid.x, grid.y, block, stream) }
    }
}

/// Sets `count` elements to 0.
func zero<T>(_ memory: UnsafeMutablePointer<T>?, _ count: Int, _ stream: UnsafeMutableRawPointer?) -> Int32 {
    guard let memory, count > 0 else { return BOXGRAD_OK }
    return bgc_zero(memory, count &* MemoryLayout<T>.stride, stream)
}

extension Arguments {
    /// Checks the memory that a call works in. `needed` is nil if no memory has room for it.
    mutating func scratch(_ scratch: UnsafeMutableRawPointer?, _ size: Int, _ needed: Int?) {
        guard let needed else { return fail(BOXGRAD_SIZE_OVERFLOW, "scratch", "that memory can hold is too small for the counts") }
        guard needed > 0 else { return }
        pointer(scratch, "scratch")
        if Int(bitPattern: scratch) & 15 != 0 { fail(BOXGRAD_BAD_PARAMETER, "scratch", "must begin at a multiple of 16 bytes") }
        // A size_t greater than Int.max is negative here.
        if size >= 0 && size < needed { fail(BOXGRAD_BAD_PARAMETER, "scratch_size", "must be at least", least: needed, .integer(size)) }
    }
}

/// Returns the bytes that a query of scratch reports: SIZE_MAX if there are not so many.
func reported(_ bytes: Int?) -> Int { bytes ?? -1 }

/// Returns a * b + c, or nil if this is more than memory holds. Negative counts, which are too large, give nil.
func bytes(_ a: Int, _ b: Int, _ c: Int = 0) -> Int? {
    guard a >= 0, b >= 0, c >= 0 else { return nil }
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    let (sum, overflow2) = product.addingReportingOverflow(c)
    return overflow || overflow2 ? nil : sum
}
