import CBoxgrad
import CShims

/// Holds memory for the duration of a call. It begins at a cache line, because vectors should not lie across two lines.
struct Scratch {
    private let memory: UnsafeMutableRawPointer
    private static var line: Int { 64 }

    var start: UnsafeMutableRawPointer { memory.alignedUp(toMultipleOf: Self.line) }

    /// Allocates `each` bytes for each of `count` parts, and `all` bytes more. It fails with OUT_OF_MEMORY, and returns nil, if there is
    /// not so much memory.
    init?(_ arguments: inout Arguments, _ count: Int, each: Int, all: Int = 0) {
        let (bytes, overflow) = count.multipliedReportingOverflow(by: each)
        let (total, overflow2) = bytes.addingReportingOverflow(all &+ Self.line)
        guard !overflow, !overflow2 else {
            arguments.fail(BOXGRAD_OUT_OF_MEMORY, "scratch", "exceeds what memory can hold")
            return nil
        }
        guard let memory = bgi_allocate(total) else {
            arguments.fail(BOXGRAD_OUT_OF_MEMORY, "scratch", "could not be allocated; bytes needed:", least: total)
            return nil
        }
        self.memory = memory
    }

    func free() { bgi_free(memory) }
}
