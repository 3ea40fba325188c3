// Pooling a region is a product of three matrices, out = Wy F Wx^T: a bin's value is a sum over some rows and some columns of the features.
// Each row of Wy and of Wx has a few weights that are not 0, its taps. So the weights are found once for each box, and not once for each
// channel, and the gradient with respect to the box is the same product with the weights' derivatives.

import CShims

/// One of the two matrices of a box. Bin b has the taps from start(b) to below start(b + 1): each is the index of a row or column, its
/// weight, and the weight's derivatives by the box's lower and upper end.
struct Axis {
    private let starts: UnsafeMutablePointer<Int>
    private let bins, capacity: Int

    @inline(__always)
    init(_ memory: UnsafeMutablePointer<Int>, bins: Int, capacity: Int) { (starts, self.bins, self.capacity) = (memory, bins, capacity) }

    @inline(__always)
    func taps(_ bin: Int) -> Range<Int> { Range(uncheckedBounds: (starts[bin], starts[bin &+ 1])) }
    @inline(__always)
    var count: Int { starts[bins] }
    /// The least and the greatest index of a tap, or 0 and -1 if there is none.
    @inline(__always)
    var span: (first: Int, last: Int) { (starts[bins &+ 1], starts[bins &+ 2]) }

    @inline(__always)
    var index: UnsafeMutablePointer<Int> { starts + (bins &+ 3) }
    @inline(__always)
    private func numbers(_ k: Int) -> UnsafeMutablePointer<Double> {
        UnsafeMutableRawPointer(index + k &* capacity).assumingMemoryBound(to: Double.self)
    }
    @inline(__always)
    var weight: UnsafeMutablePointer<Double> { numbers(1) }
    @inline(__always)
    var byLow: UnsafeMutablePointer<Double> { numbers(2) }
    @inline(__always)
    var byHigh: UnsafeMutablePointer<Double> { numbers(3) }

    /// Makes a matrix of one bin with one tap, whose weight is 1.
    func makeOne() {
        (starts[0], starts[1], index[0]) = (0, 1, 0)
        (weight[0], byLow[0], byHigh[0]) = (1, 0, 0)
    }
}

/// Fills in an axis from its first bin to its last.
private struct AxisWriter {
    let axis: Axis
    let starts: UnsafeMutablePointer<Int>
    let bins, size: Int
    var tap = 0, first = 0, lowest = Int.max, highest = -1

    @inline(__always)
    mutating func begin(_ bin: Int) { (starts[bin], first) = (tap, tap) }

    /// Adds a share of the features at the position cell + t to the bin. The position moves by `slope` of what the box's ends move: by 1 -
    /// fraction of the lower and by fraction of the upper one. Of a bin's samples, each is in the cell of the one before or in a later one.
    @inline(never)
    mutating func add(_ cell: Int, _ t: Double, _ share: Double, _ slope: Double, _ fraction: Double) {
        add(cell, share * (1 - t), -slope, fraction)
        add(cell &+ 1, share * t, slope, fraction)
    }

    @inline(__always)
    private mutating func add(_ index: Int, _ weight: Double, _ slope: Double, _ fraction: Double) {
        guard index >= 0 && index < size else { return }
        var at = tap
        if at > first && axis.index[at &- 1] == index { at &-= 1 } else if at > first &+ 1 && axis.index[at &- 2] == index { at &-= 2 }
        if at == tap {
            (axis.index[at], axis.weight[at], axis.byLow[at], axis.byHigh[at]) = (index, 0, 0, 0)
            tap &+= 1
            (lowest, highest) = (min(lowest, index), max(highest, index))
        }
        axis.weight[at] += weight
        axis.byLow[at] += slope * (1 - fraction)
        axis.byHigh[at] += slope * fraction
    }

    func end() {
        starts[bins] = tap
        (starts[bins &+ 1], starts[bins &+ 2]) = tap > 0 ? (lowest, highest) : (0, -1)
    }
}

/// Returns x rounded to an integer towards minus infinity. x must be at least -1 and below 2^62.
@inline(__always)
private func cellOf(_ x: Double) -> Int { x < 0 ? -1 : Int(truncatingIfNeeded: bgi_whole(x)) }

/// Fills in the matrix of RoIAlign: each bin is the mean of n samples. As in torchvision, samples beyond -1 or `size` count as 0, and
/// others are moved to the nearest pixel.
@inline(never)
func alignedAxis(
    _ memory: UnsafeMutablePointer<Int>, _ axis: Axis, _ low: Double, _ high: Double, _ scale: Double, _ bins: Int, _ size: Int, _ ratio: Int,
    _ isAligned: Bool
) {
    let offset = isAligned ? 0.5 : 0
    let lo = low * scale - offset
    var length = high * scale - offset - lo
    // Without `aligned` a box is at least one pixel long, and then its upper end does not count.
    let isForced = !isAligned && length < 1
    if isForced { length = 1 }
    let bin = length / Double(bins)
    // The number of samples of a bin, which may be too large for an integer, and the samples that can be within the features.
    let n = ratio > 0 ? Double(ratio) : bin > 0 ? max(1, wholeOrMore(bin)) : 0
    let most = ratio > 0 ? ratio : 2 &* size &+ 8
    let share = 1 / max(n, 1)
    let limit = Double(size)
    var writer = AxisWriter(axis: axis, starts: memory, bins: bins, size: size)
    var b = 0
    while b < bins {
        writer.begin(b)
        let start = lo + Double(b) * bin
        var a = 0.0
        if ratio <= 0 {
            let skipped = (-1 - start) / bin * n - 2
            if skipped > 0 { a = skipped < 0x1p62 ? Double(bgi_whole(skipped)) : n }
        }
        // Of a box whose ends are exchanged, the last sample is the first one on the axis.
        if bin < 0 { a = n - 1 }
        var taken = 0
        while taken < most && a >= 0 && a < n {
            let y = start + (a + 0.5) * bin / n
            if bin > 0 && y > limit { break }
            if y >= -1 && y <= limit {
                let f = (Double(b) + (a + 0.5) / n) / Double(bins)
                if y < 0 {
                    writer.add(0, 0, share, 0, 0)
                } else if y >= limit - 1 {
                    writer.add(size &- 1, 0, share, 0, 0)
                } else {
                    let cell = cellOf(y)
                    writer.add(cell, y - Double(cell), share, share * scale, isForced ? 0 : f)
                }
            }
            a += bin < 0 ? -1 : 1
            taken &+= 1
        }
        b &+= 1
    }
    writer.end()
}

/// Returns x rounded to an integer towards infinity. x must be positive. Large numbers have no fraction.
@inline(__always)
private func wholeOrMore(_ x: Double) -> Double {
    guard x < 0x1p53 else { return x }
    let whole = Double(bgi_whole(x))
    return whole < x ? whole + 1 : whole
}

/// Fills in the matrix of precise pooling: each bin is the mean of the features over all of its positions, the features being linear
/// between pixels and falling to 0 within one pixel beyond the last. Over the part of a bin that is between two pixels, the mean is the
/// value in the middle, and so are the derivatives: each part is a sample.
@inline(never)
func preciseAxis(
    _ memory: UnsafeMutablePointer<Int>, _ axis: Axis, _ low: Double, _ high: Double, _ scale: Double, _ bins: Int, _ size: Int
) {
    let lo = low * scale
    let length = high * scale - lo
    var writer = AxisWriter(axis: axis, starts: memory, bins: bins, size: size)
    var b = 0
    while b < bins {
        writer.begin(b)
        if length > 0 {
            let (e0, e1) = (lo + length * (Double(b) / Double(bins)), lo + length * (Double(b &+ 1) / Double(bins)))
            var position = max(e0, -1)
            let end = min(e1, Double(size))
            // A bin that is shorter than the distance of two numbers is one sample.
            var isLeft = position < end || e0 == e1 && position == e0 && e0 < Double(size)
            while isLeft {
                let cell = cellOf(position)
                let next = min(Double(cell &+ 1), end)
                let isWhole = position == e0 && next == e1
                let middle = position + (next - position) * 0.5
                let share = isWhole ? 1 : (next - position) / (e1 - e0)
                let within = isWhole ? 0.5 : (middle - e0) / (e1 - e0)
                writer.add(cell, middle - Double(cell), share, share * scale, (Double(b) + within) / Double(bins))
                position = next
                isLeft = position < end
            }
        }
        b &+= 1
    }
    writer.end()
}
