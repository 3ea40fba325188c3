import CBoxgrad
import CDevice

// ---- Family rotated_boxes ----

func rotatedConvertDevice<T: DeviceReal>(_ call: RotatedConvert<T>, _ count: Int) { forEach(count) { rotatedConvert(call, row($0)) } }
func rotatedConvertGradDevice<T: DeviceReal>(_ call: RotatedConvertGrad<T>, _ count: Int) { forEach(count) { rotatedConvertGrad(call, row($0)) } }
func rotatedFromCornersDevice<T: DeviceReal>(_ call: RotatedFromCorners<T>, _ count: Int) { forEach(count) { rotatedFromCorners(call, row($0)) } }

func rotatedFromCornersGradDevice<T: DeviceReal>(_ call: RotatedFromCornersGrad<T>, _ count: Int) {
    forEach(count) { rotatedFromCornersGrad(call, row($0)) }
}

// ---- Family rotated_corners ----

func rotatedCornersDevice<T: DeviceReal>(_ call: RotatedCorners<T>, _ count: Int) { forEach(count) { rotatedCorners(call, row($0)) } }

// ---- Family rotated_corners_grad ----

func rotatedCornersGradDevice<T: DeviceReal>(_ call: RotatedCornersGrad<T>, _ count: Int) { forEach(count) { rotatedCornersGrad(call, row($0)) } }

// ---- Family rotated_prepare ----

func rotatedPrepareDevice<T: DeviceReal>(_ call: DeviceRotatedPrepare<T>, _ count: Int) {
    let convention = AngleConvention(call.angle)
    forEach(count) { i in
        let row = call.boxes[i]
        let (x, y, p, q, area) = RotatedRow { row[$0] }.placed
        let (c, s) = convention.direction(Double(row[4]))
        store(Box(c, s, Double(area), 0), call.prepared.directions + 4 &* i)
        store(Box(x, y, p, q), call.prepared.places + 4 &* i)
    }
}

extension PreparedBoxes where T: DeviceReal {
    @inline(__always)
    fileprivate subscript(i: Int) -> RotatedBox<T> {
        let direction: Box<Double> = load(Rows(UnsafePointer(directions), stride: 4), i)
        let place: Box<T> = load(Rows(UnsafePointer(places), stride: 4), i)
        return RotatedBox(x: place.x1, y: place.y1, p: place.x2, q: place.y2, area: T(direction.x2), c: direction.x1, s: direction.y1)
    }
}

// ---- Family rotated_iou_pairwise ----

/// A thread has a column, and some rows one after the other.
func rotatedIouPairwiseDevice<T: DeviceReal>(_ device: DeviceRotatedIoUPairwise<T>, _ count: Int) {
    let (call, metric, j) = (device.call, RotatedMetric(device.call.metric), thread)
    guard j < call.bCount else { return }
    let frame = device.b[j]
    var block = Int(bgi_block_y())
    while block &* device.rows < count {
        var i = block &* device.rows
        let end = Swift.min(count, i &+ device.rows)
        while i < end {
            call.out[i][j] = RotatedShare(metric, device.a[i], frame).value
            i &+= 1
        }
        block &+= Int(bgi_blocks_y())
    }
}

extension RotatedShare {
    @inline(__always)
    fileprivate init(_ metric: RotatedMetric, _ a: RotatedBox<T>, _ b: RotatedBox<T>) {
        self.init(metric, a.area, b.area, RotatedView(a, from: b, a.seen(from: b)).intersection)
    }

    /// Returns the slopes of the metric by a box of which the share is, times a factor. `isInDivisor` says whether the divisor has the box's area.
    @inline(__always)
    fileprivate func slopes(
        _ metric: RotatedMetric, _ isInDivisor: Bool, _ box: RotatedBox<T>, from frame: RotatedBox<T>, _ turn: T, _ factor: T
    ) -> RotatedRow<T> {
        let view = RotatedView(box, from: frame, box.seen(from: frame))
        let shared = view.gradient(view.intersection, T(frame.c), T(frame.s))
        return RotatedSlope(isInDivisor, metric.isIoU, self).row(shared, box, turn, factor)
    }
}

// ---- Family rotated_iou_pairwise_grad ----

/// Eight threads have a row, one for each lane of the CPU's sum, and a block of sumBlock columns.
func rotatedIouPairwiseGradDevice<T: DeviceReal>(_ device: DeviceRotatedIoUPairwiseGrad<T>, _ count: Int) {
    let (call, lanes, me) = (device.call, bgi_shared_numbers(), Int(bgi_thread_x()))
    let (row, metric, turn) = (thread >> 3, RotatedMetric(call.metric), T(AngleConvention(call.angle).radians))
    let blocks = (call.bCount &+ sumBlock &- 1) / sumBlock
    var block = Int(bgi_block_y())
    while block < blocks {
        var sum = RotatedRow<Double> { _ in 0 }
        if row < count {
            let box = device.a[row]
            let cotangents = call.gradOut + row &* call.rowStride
            let end = Swift.min(call.bCount, (block &+ 1) &* sumBlock)
            var j = block &* sumBlock &+ (me & 7)
            while j < end {
                let frame = device.b[j]
                let share = RotatedShare(metric, box, frame)
                let slopes = share.slopes(metric, metric.ofFirst, box, from: frame, turn, cotangents[j &* call.columnStride])
                sum = RotatedRow { sum[$0] + Double(slopes[$0]) }
                j &+= 8
            }
        }
        for index in 0..<5 { lanes[5 &* me &+ index] = sum[index] }
        bgi_barrier()
        // A thread combines the lanes of one number of a row.
        let (target, index) = (Int(bgi_block_x()) &* (Int(bgi_threads_x()) / 8) &+ me / 5, me % 5)
        if me < Int(bgi_threads_x()) / 8 &* 5 && target < count {
            let first = lanes + (40 &* (me / 5) &+ index)
            let sum = combined(SIMD8(first[0], first[5], first[10], first[15], first[20], first[25], first[30], first[35]))
            if let sums = device.sums {
                sums[5 &* (target &* blocks &+ block) &+ index] = sum
            } else {
                call.gradA[5 &* target &+ index] = T(sum)
            }
        }
        bgi_barrier()
        block &+= Int(bgi_blocks_y())
    }
}

/// Adds the blocks' sums of each number. `count` counts numbers.
func rotatedIouPairwiseGradTotalDevice<T: DeviceReal>(_ device: DeviceRotatedIoUPairwiseGrad<T>, _ count: Int) {
    addBlocks(device.sums, device.call.bCount, width: 5, to: device.call.gradA, count)
}

// ---- Family rotated_pairs ----

func rotatedPairsDevice<T: DeviceReal>(_ call: DeviceRotatedPairs<T>, _ count: Int) { forEach(count) { _ = compare(call, $0) } }

// ---- Family rotated_pairs_total ----

func rotatedPairsTotalDevice<T: DeviceReal>(_ call: DeviceRotatedPairs<T>, _ count: Int) {
    guard let total = call.total else { return }
    sumBlocks(count, total) { compare(call, $0) }
}

/// Writes row i of the outputs, and returns its value.
@inline(__always)
private func compare<T: DeviceReal>(_ call: DeviceRotatedPairs<T>, _ i: Int) -> T {
    let (metric, a, b) = (RotatedMetric(call.metric), call.a[i], call.b[i])
    let share = RotatedShare(metric, a, b)
    let weight: T = if let weights = call.weights { weights[i] } else { 1 }
    var (value, factor) = (share.value, T(1))
    if call.loss == BOXGRAD_ROTATED_LOSS_LOG_IOU {
        (value, factor) = share.logLoss(call.leastIoU, weight)
    } else if call.loss >= 0 {
        (value, factor) = (weight * share.loss, weight)
    }
    let turn = T(AngleConvention(call.angle).radians)
    if let values = call.values { values[i] = value }
    if let gradient = call.gradA { store(share.slopes(metric, metric.ofFirst, a, from: b, turn, factor * call.scale), gradient + 5 &* i) }
    if let gradient = call.gradB { store(share.slopes(metric, metric.ofSecond, b, from: a, turn, factor * call.scale), gradient + 5 &* i) }
    return value
}

@inline(__always)
private func store<T: Real>(_ row: RotatedRow<T>, _ target: UnsafeMutablePointer<T>) {
    for index in 0..<5 { target[index] = row[index] }
}
