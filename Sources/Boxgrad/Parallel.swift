// Calls are handed to kernels, whole or divided among threads.

import CBoxgrad
import CShims

/// How a call is divided: into chunks of `rows` rows, one thread for every `worthThread` of them.
struct Division {
    let rows, worthThread: Int

    // A thread begins some 50 us after it is asked for, and costs the caller 30: it is worth it for work of some 200.
    static var boxes: Self { Self(rows: 1 << 14, worthThread: 1 << 16) }
    /// Rows of so many boxes each.
    static func boxes(groups: Int) -> Self { Self(rows: max(1, boxes.rows / groups), worthThread: max(1, boxes.worthThread / groups)) }
    static var elements: Self { Self(rows: 1 << 16, worthThread: Int(BGI_ELEMENTS_WORTH_THREAD)) }

    /// A matrix's rows in one chunk for each thread, which has its scratch.
    static func matrix(_ metric: Int32, rows: Int, columns: Int) -> (Self, threads: Int) {
        let worthThread = max(1, (metric == BOXGRAD_CIOU ? 1 << 18 : 1 << 20) / columns)
        let threads = bgi_threads(rows, worthThread)
        return (Self(rows: (rows &- 1) / threads &+ 1, worthThread: worthThread), threads)
    }
}

extension Call {
    /// The calling thread works on all rows.
    func run(_ count: Int, _ kernel: boxgrad_task) {
        var call = self
        withUnsafeMutablePointer(to: &call) { kernel($0, 0, count) }
    }

    /// Threads share the rows.
    func run(_ count: Int, _ division: Division, _ kernel: boxgrad_task) {
        var call = self
        withUnsafeMutablePointer(to: &call) { bgi_parallel(0, count, division.rows, division.worthThread, kernel, $0) }
    }
}

extension SummingCall {
    /// Threads share the rows; returns the sum of the chunks' sums.
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
        // Sums.capacity: with a literal the compiler knows that this is on the stack.
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 128) { body($0.baseAddress.unsafelyUnwrapped) }
    }
}
