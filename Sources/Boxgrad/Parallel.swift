// This file passes calls to kernels, either whole or divided among threads.

import CBoxgrad
import CShims

/// Says how a call is divided: into chunks of `rows` rows, with one thread for every `worthThread` rows.
struct Division {
    let rows, worthThread: Int

    // Measured on one machine, a thread begins some 50 us after it is asked for, and takes 30 us of the caller's time. Therefore a thread
    // gets work for some 200 us. A thread that is kept costs less, and gets smaller chunks.
    static var boxes: Self { Self(rows: bgi_chunk(1 << 14), worthThread: 1 << 16) }
    /// Returns the division of rows that have `groups` boxes each.
    static func boxes(groups: Int) -> Self { Self(rows: max(1, boxes.rows / groups), worthThread: max(1, boxes.worthThread / groups)) }
    static var elements: Self { Self(rows: 1 << 16, worthThread: Int(BGI_ELEMENTS_WORTH_THREAD)) }

    /// Returns the division of a matrix's rows into one chunk for each thread, because each chunk has scratch of its own.
    static func matrix(_ metric: Int32, rows: Int, columns: Int) -> (Self, threads: Int) {
        let worthThread = max(1, (metric == BOXGRAD_CIOU ? 1 << 18 : 1 << 20) / columns)
        let threads = bgi_threads(rows, worthThread)
        return (Self(rows: (rows &- 1) / threads &+ 1, worthThread: worthThread), threads)
    }
}

extension Call {
    /// Runs the kernel on all rows, on the calling thread.
    func run(_ count: Int, _ kernel: boxgrad_task) {
        var call = self
        withUnsafeMutablePointer(to: &call) { kernel($0, 0, count) }
    }

    /// Runs the kernel on all rows, which threads share.
    func run(_ count: Int, _ division: Division, _ kernel: boxgrad_task) {
        var call = self
        withUnsafeMutablePointer(to: &call) { bgi_parallel(0, count, division.rows, division.worthThread, kernel, $0) }
    }
}

extension SummingCall {
    /// Runs the kernel on all rows, which threads share, and returns the sum of the chunks' sums.
    func sum(_ count: Int, worthThread: Int, _ kernel: boxgrad_task) -> Double {
        Sums.with { sums in
            var call = self
            call.sums.base = sums
            return withUnsafeMutablePointer(to: &call) { call in
                var (total, first) = (0.0, 0)
                while first < count {
                    let rows = min(Sums.capacity &* Sums.rows, count &- first)
                    bgi_parallel(first, rows, Sums.rows, worthThread, kernel, call)
                    for chunk in 0...(rows &- 1) / Sums.rows { total += sums[chunk] }
                    first &+= rows
                }
                return total
            }
        }
    }
}

extension Sums {
    fileprivate static func with(_ body: (UnsafeMutablePointer<Double>) -> Double) -> Double {
        // The capacity is Sums.capacity. It is a literal, because then the compiler knows that the memory is on the stack.
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 128) { body($0.baseAddress.unsafelyUnwrapped) }
    }
}
