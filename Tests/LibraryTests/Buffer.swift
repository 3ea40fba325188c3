import Glibc
import Synchronization

/// Holds rows of numbers in memory that shows every wrong access. A guard page follows the rows, so that a read beyond the last number ends
/// the test. Before the rows, and in the padding between them, are sentinel bytes, which are NaN as numbers.
final class Buffer {
    static let sentinel: UInt8 = 0xFF
    private static let front = 64

    let rows, columns, stride, size: Int
    private let pages: UnsafeMutableRawPointer
    private let length: Int
    /// The first row. Outputs also have sentinels after the last row; inputs end at the guard page.
    let start: UnsafeMutableRawPointer
    private let end: UnsafeMutableRawPointer

    init(rows: Int, columns: Int, stride: Int, size: Int, margin: Int) {
        (self.rows, self.columns, self.stride, self.size) = (rows, columns, stride, size)
        let payload = rows == 0 ? 0 : ((rows - 1) * stride + columns) * size
        let page = 4096
        length = (Buffer.front + payload + margin + page - 1) / page * page
        pages = Buffer.spare.withLock { [length] in $0[length]?.popLast() }.flatMap { UnsafeMutableRawPointer(bitPattern: $0) } ?? Buffer.map(length, page)
        end = pages + length
        start = end - margin - payload
        memset(pages, Int32(Buffer.sentinel), length)
    }

    deinit {
        let address = UInt(bitPattern: pages)
        Buffer.spare.withLock { [length] in $0[length, default: []].append(address) }
    }

    /// Pages of released buffers, by length. They are used again, because the sweeps make a million buffers, and to map one takes longer
    /// than a call.
    private static let spare = Mutex<[Int: [UInt]]>([:])

    private static func map(_ length: Int, _ guardLength: Int) -> UnsafeMutableRawPointer {
        let pages = mmap(nil, length + guardLength, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
        mprotect(pages + length, guardLength, PROT_NONE)
        return pages
    }

    func row(_ i: Int) -> UnsafeMutableRawPointer { start + i * stride * size }

    func write<T: BinaryFloatingPoint>(_ values: [[Double]], as: T.Type) {
        for (i, values) in values.enumerated() {
            let row = row(i).assumingMemoryBound(to: T.self)
            for (k, value) in values.enumerated() { row[k] = T(value) }
        }
    }

    func write(integers values: [[Double]]) {
        for (i, values) in values.enumerated() {
            for (k, value) in values.enumerated() { row(i).assumingMemoryBound(to: Int.self)[k] = Int(value) }
        }
    }

    /// The bytes of the numbers, without the padding.
    var payload: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: rows * columns * size)
        bytes.withUnsafeMutableBytes { bytes in
            guard columns > 0 else { return }
            for i in 0..<rows { memcpy(bytes.baseAddress! + i * columns * size, row(i), columns * size) }
        }
        return bytes
    }

    /// All bytes, with the sentinels. They are the same before and after a call that must not write here.
    var everything: [UInt8] { [UInt8](UnsafeRawBufferPointer(start: pages, count: length)) }

    /// Whether the bytes before, between and after the rows are still sentinels.
    var isIntact: Bool {
        var gap = pages
        for i in 0..<rows {
            guard isSentinel(gap, row(i)) else { return false }
            gap = row(i) + columns * size
        }
        return isSentinel(gap, end)
    }

    private func isSentinel(_ from: UnsafeMutableRawPointer, _ to: UnsafeMutableRawPointer) -> Bool {
        // All bytes are sentinels if the first byte is one and each byte equals the next.
        let count = to - from
        return count == 0 || (from.load(as: UInt8.self) == Buffer.sentinel && memcmp(from, from + 1, count - 1) == 0)
    }
}
