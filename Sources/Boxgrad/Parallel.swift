// Calls divided among threads. A closure that captures would allocate, so the work of a call is a struct of its arguments, and a C function
// that is handed the struct and the rows to work on.

import CBoxgrad
import CShims

/// How a call is divided: into chunks of `rows` rows, one thread for every `worthThread` of them.
struct Division {
    let rows, worthThread: Int

    // A thread begins some 50 us after it is asked for, and costs the caller 30: it is worth it for work of some 200.
    static var boxes: Self { Self(rows: 1 << 14, worthThread: 1 << 16) }
    /// Rows of so many boxes each.
    static func boxes(groups: Int) -> Self { Self(rows: max(1, boxes.rows / groups), worthThread: max(1, boxes.worthThread / groups)) }
    static var elements: Self { Self(rows: 1 << 16, worthThread: 1 << 19) }

    /// A matrix's rows in one chunk for each thread, which has its scratch.
    static func matrix(_ metric: Int32, rows: Int, columns: Int) -> (Self, threads: Int) {
        let worthThread = max(1, (metric == BOXGRAD_CIOU ? 1 << 18 : 1 << 20) / columns)
        let threads = bgi_threads(rows, worthThread)
        return (Self(rows: (rows &- 1) / threads &+ 1, worthThread: worthThread), threads)
    }
}

protocol Work {}

extension Work {
    static func at(_ context: UnsafeMutableRawPointer?) -> Self { context.unsafelyUnwrapped.assumingMemoryBound(to: Self.self).pointee }

    /// Calls task for each chunk of 0..<count.
    func run(_ count: Int, _ division: Division, _ task: boxgrad_task) {
        var work = self
        withUnsafeMutablePointer(to: &work) { bgi_parallel(count, division.rows, division.worthThread, task, $0) }
    }
}

/// Work whose chunks have sums. They are added in order: the same bits with any number of threads.
protocol SummingWork: Work {
    var sums: Sums { get set }
}

struct Sums {
    fileprivate static let rows = 1 << 16
    private static let capacity = 128
    fileprivate var base: UnsafeMutablePointer<Double>?
    fileprivate(set) var first = 0

    /// Stores the sum of the chunk that begins at a row.
    func store(_ sum: Double, begin: Int) { base.unsafelyUnwrapped[begin / Self.rows] = sum }

    fileprivate static func with(_ body: (Self) -> Double) -> Double {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: capacity) { body(Self(base: $0.baseAddress)) }
    }

    fileprivate static var mostRows: Int { capacity &* rows }

    fileprivate func added(to total: Double, _ count: Int) -> Double {
        var total = total
        var begin = 0
        while begin < count {
            total += base.unsafelyUnwrapped[begin / Self.rows]
            begin &+= Self.rows
        }
        return total
    }
}

extension SummingWork {
    /// Calls task for chunks of 0..<count, of which `sums.first` rows are behind, and returns the sum of their sums.
    func sum(_ count: Int, worthThread: Int, _ task: boxgrad_task) -> Double {
        Sums.with { sums in
            var work = self
            work.sums = sums
            var total = 0.0
            while work.sums.first < count {
                let rows = min(Sums.mostRows, count &- work.sums.first)
                work.run(rows, Division(rows: Sums.rows, worthThread: worthThread), task)
                total = sums.added(to: total, rows)
                work.sums.first &+= rows
            }
            return total
        }
    }
}
