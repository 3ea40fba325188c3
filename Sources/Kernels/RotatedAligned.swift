// These kernels compare row i with row i. They compute the metrics with their gradients, and the losses with their gradients in one pass.

import CBoxgrad
import CShims

@inline(never)
func rotatedIouAligned<T: Real>(_ call: RotatedIoUAligned<T>, _ rows: Range<Int>) {
    _ = RotatedPairs(
        a: call.a, b: call.b, rows: rows, convention: AngleConvention(call.angle), metric: RotatedMetric(call.metric), loss: nil, weights: nil,
        leastIoU: 0, scale: 1, values: call.out, gradA: call.gradA, gradB: call.gradB
    ).measured()
}

@inline(never)
func rotatedIouLoss<T: Real>(_ call: RotatedIoULoss<T>, _ rows: Range<Int>) {
    let sum = RotatedPairs(
        a: call.pred, b: call.target, rows: rows, convention: AngleConvention(call.angle), metric: RotatedMetric(BOXGRAD_IOU), loss: call.kind,
        weights: call.weights, leastIoU: T(call.leastIoU), scale: T(-1 / call.normalizer), values: call.perBox, gradA: call.gradPred,
        gradB: call.gradTarget
    ).measured()
    call.sums.store(sum, rows)
}

private struct RotatedPairs<T: Real> {
    let a, b: Rows<T>
    let rows: Range<Int>
    let convention: AngleConvention
    let metric: RotatedMetric
    /// The kind of a loss, or nil for the metric itself.
    let loss: Int32?
    let weights: UnsafePointer<T>?
    /// `scale` multiplies the gradients only.
    let leastIoU, scale: T
    let values, gradA, gradB: UnsafeMutablePointer<T>?

    /// Computes the outputs, and returns the sum of the losses.
    @inline(never)
    func measured() -> Double {
        let turn = T(convention.radians)
        @inline(__always)
        func measured(_ tiles: RotatedPairTiles<T>) -> Double {
            var sum = BlockSum()
            var next = Tiles(rows)
            while let (start, length) = next.next() {
                tiles.a.fill(a, start, length, convention)
                tiles.b.fill(b, start, length, convention)
                tiles.a.measure(from: tiles.b, tiles.areas, gradA == nil ? nil : tiles.slopes.base)
                for k in 0..<tileWidth { tiles.weights[k] = 1 }
                if let weights { copy(weights + start, to: tiles.weights, length) }
                tiles.evaluate(metric, loss, leastIoU)
                if loss != nil { sum.add(tiles.values, length) }
                if let values { copy(tiles.values, to: values + start, length) }
                if let gradA {
                    tiles.finish(tiles.a, metric.ofFirst, metric, turn, scale)
                    tiles.slopes.store(MutableRows(gradA, stride: 5), start, length)
                }
                if let gradB {
                    tiles.b.measure(from: tiles.a, nil, tiles.slopes.base)
                    tiles.finish(tiles.b, metric.ofSecond, metric, turn, scale)
                    tiles.slopes.store(MutableRows(gradB, stride: 5), start, length)
                }
            }
            return sum.total
        }
        return RotatedPairTiles.with(measured)
    }
}

/// A tile of pairs of boxes with what is computed of them, on the stack.
private struct RotatedPairTiles<T: Real> {
    private let base: UnsafeMutablePointer<T>
    private static var size: Int { RotatedColumns<T>.columns &* tileWidth }

    @inline(__always)
    var a: RotatedColumns<T> { RotatedColumns(base: base) }
    @inline(__always)
    var b: RotatedColumns<T> { RotatedColumns(base: base + Self.size) }
    @inline(__always)
    private func column(_ index: Int) -> UnsafeMutablePointer<T> { base + (2 &* Self.size &+ index &* tileWidth) }

    /// The areas in common, as seen from the second boxes, and the slopes that were measured last.
    @inline(__always)
    var areas: UnsafeMutablePointer<T> { column(0) }
    @inline(__always)
    var slopes: Tile<RotatedRow<T>> { Tile(base: column(1)) }
    @inline(__always)
    var values: UnsafeMutablePointer<T> { column(6) }
    @inline(__always)
    var weights: UnsafeMutablePointer<T> { column(7) }
    /// What the slopes of the metric are multiplied by, but for the scale.
    @inline(__always)
    private var factors: UnsafeMutablePointer<T> { column(8) }

    @inline(__always)
    static func with<R>(_ body: (Self) -> R) -> R {
        var memory = InlineArray<128, SIMD8<Double>> { memory in
            memory.withUnsafeMutableBufferPointer { _, count in count = 128 }
        }
        return withUnsafeMutablePointer(to: &memory) { body(Self(base: UnsafeMutableRawPointer($0).assumingMemoryBound(to: T.self))) }
    }

    /// Computes the values, and the factors of the slopes.
    @inline(never)
    func evaluate(_ metric: RotatedMetric, _ loss: Int32?, _ leastIoU: T) {
        if loss == nil {
            for k in 0..<tileWidth {
                values[k] = RotatedShare(metric, a[k].area, b[k].area, areas[k]).value
                factors[k] = 1
            }
        } else if loss == BOXGRAD_ROTATED_LOSS_LOG_IOU {
            for k in 0..<tileWidth {
                (values[k], factors[k]) = RotatedShare(metric, a[k].area, b[k].area, areas[k]).logLoss(leastIoU, weights[k])
            }
        } else {
            for k in 0..<tileWidth {
                values[k] = weights[k] * RotatedShare(metric, a[k].area, b[k].area, areas[k]).loss
                factors[k] = weights[k]
            }
        }
    }

    /// Makes of the measured slopes the gradient by the boxes of one side. `isInDivisor` says whether the metric's divisor has their area.
    @inline(never)
    func finish(_ boxes: RotatedColumns<T>, _ isInDivisor: Bool, _ metric: RotatedMetric, _ turn: T, _ scale: T) {
        for k in 0..<tileWidth {
            let share = RotatedShare(metric, a[k].area, b[k].area, areas[k])
            slopes[k] = RotatedSlope(isInDivisor, metric.isIoU, share).row(slopes[k], boxes[k], turn, factors[k] * scale)
        }
    }
}
