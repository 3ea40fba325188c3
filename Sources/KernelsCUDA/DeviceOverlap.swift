import CBoxgrad
import CDevice

/// The same metric, bit for bit. The way of a division that the GPU takes for a dividend of 0 is long, and most boxes do not overlap, so that
/// a quotient of 0 is no division here.
enum Sparse<Base: Metric>: Metric {
    static var code: Int32 { Base.code }
    static var isLoss: Bool { Base.isLoss }
    static var isSolid: Bool { Base.isSolid }
    static var isShort: Bool { Base.isShort }

    @inline(__always)
    static func quotient<T: Real>(_ a: T, _ b: T) -> T {
        if a == 0 { return choose(b == 0, 0, choose(b != b, b, a * T(signOf: b, magnitudeOf: 1))) }
        return Base.quotient(a, b)
    }

    @inline(__always)
    static func result<T: Real>(of overlap: Overlap<T>) -> T { Base.result(of: overlap) }
}

// ---- Family iou_aligned ----

func iouAlignedDevice<M: Metric, T: DeviceReal>(_: M.Type, _ call: IoUAligned<T>, _ count: Int) {
    forEach(count) { i in
        let overlap = Overlap(M.self, load(call.a, i), load(call.b, i), T(call.eps))
        if let out = call.out { out[i] = M.result(of: overlap) }
        if let gradient = call.gradA { store(overlap.gradA, gradient + 4 &* i) }
        if let gradient = call.gradB { store(overlap.gradB, gradient + 4 &* i) }
    }
}

// ---- Family iou_loss ----

func iouLossDevice<M: Metric, T: DeviceReal>(_: M.Type, _ device: DeviceIoULoss<T>, _ count: Int) {
    forEach(count) { _ = iouLoss(M.self, device.call, device.scale, $0) }
}

// ---- Family iou_loss_total, blocks of 512 ----

func iouLossTotalDevice<M: Metric, T: DeviceReal>(_: M.Type, _ device: DeviceIoULoss<T>, _ count: Int) {
    guard let total = device.total else { return }
    sumBlocks(count, total) { iouLoss(M.self, device.call, device.scale, $0) }
}

/// Writes row i of the outputs, and returns its loss.
@inline(__always)
private func iouLoss<M: Metric, T: DeviceReal>(_: M.Type, _ call: IoULoss<T>, _ scale: T, _ i: Int) -> T {
    let overlap = Overlap(M.self, load(call.pred, i), load(call.target, i), T(call.eps))
    let weight: T = if let weights = call.weights { weights[i] } else { 1 }
    let (value, factor) = (M.result(of: overlap) * weight, weight * scale)
    if let values = call.perBox { values[i] = value }
    if let gradient = call.gradPred { store(Box { overlap.gradA[$0] * factor }, gradient + 4 &* i) }
    if let gradient = call.gradTarget { store(Box { overlap.gradB[$0] * factor }, gradient + 4 &* i) }
    return value
}

// ---- Family iou_pairwise_ciou ----

func diagonalAnglesDevice<T: DeviceReal>(_ call: DeviceAngles<T>, _ count: Int) {
    forEach(count) { i in
        let angle = DiagonalAngle(MeasuredBox<T>(load(call.boxes, i)))
        (call.angles[2 &* i], call.angles[2 &* i &+ 1]) = (angle.high, angle.low)
    }
}

// ---- Family iou_pairwise ----

/// A thread has four columns, and some rows one after the other. The columns are neighbours if four results can be stored at once, and else
/// as far apart as the block has threads, so that neighbouring threads store neighbouring results.
func iouPairwiseDevice<M: Metric, T: DeviceReal>(_: M.Type, _ call: DeviceIoUPairwise<T>, _ count: Int) {
    let size = MemoryLayout<T>.stride
    let isWide = (Int(bitPattern: call.out.start) | call.out.stride &* size) & (4 &* size &- 1) == 0
    let (me, width) = (Int(bgi_thread_x()), Int(bgi_threads_x()))
    let first = Int(bgi_block_x()) &* 4 &* width &+ (isWide ? 4 &* me : me)
    let step = isWide ? 1 : width
    guard first < call.bCount else { return }
    let (last, eps) = (call.bCount &- 1, T(call.eps))
    @inline(__always)
    func angle(_ angles: UnsafePointer<T>?, _ i: Int) -> DiagonalAngle<T> {
        guard M.code == BOXGRAD_CIOU, let angles else { return DiagonalAngle(0, 0) }
        return DiagonalAngle(angles[2 &* i], angles[2 &* i &+ 1])
    }
    @inline(__always)
    func column(_ k: Int) -> (box: MeasuredBox<T>, angle: DiagonalAngle<T>) {
        let j = Swift.min(first &+ k &* step, last)
        return (MeasuredBox(load(call.b, j)), angle(call.anglesB, j))
    }
    let (c0, c1, c2, c3) = (column(0), column(1), column(2), column(3))
    var block = Int(bgi_block_y())
    while block &* call.rows < count {
        var i = block &* call.rows
        let end = Swift.min(count, i &+ call.rows)
        // The next row is loaded before the results of this one are stored.
        var (nextBox, nextAngle): (Box<T>, DiagonalAngle<T>) = (load(call.a, i), angle(call.anglesA, i))
        while i < end {
            let (row, turned) = (MeasuredBox(nextBox), nextAngle)
            let next = Swift.min(i &+ 1, end &- 1)
            (nextBox, nextAngle) = (load(call.a, next), angle(call.anglesA, next))
            @inline(__always)
            func value(_ c: (box: MeasuredBox<T>, angle: DiagonalAngle<T>)) -> T {
                Sparse<M>.result(of: Overlap(Sparse<M>.self, row, c.box, eps, turn: c.angle - turned))
            }
            let values = Box(value(c0), value(c1), value(c2), value(c3))
            let target = call.out[i] + first
            if isWide && first &+ 3 <= last {
                store4(values, target)
            } else {
                target[0] = values.x1
                if first &+ step <= last { target[step] = values.y1 }
                if first &+ 2 &* step <= last { target[2 &* step] = values.x2 }
                if first &+ 3 &* step <= last { target[3 &* step] = values.y2 }
            }
            i &+= 1
        }
        block &+= Int(bgi_blocks_y())
    }
}

// ---- Family iou_pairwise_grad ----

/// Eight threads have a row, one for each lane of the CPU's sum, and a block of sumBlock columns.
func iouPairwiseGradDevice<M: Metric, T: DeviceReal>(_: M.Type, _ device: DeviceIoUPairwiseGrad<T>, _ count: Int) {
    let (call, lanes, me) = (device.call, bgi_shared_numbers(), Int(bgi_thread_x()))
    let (row, eps) = (thread >> 3, T(call.eps))
    let blocks = (call.bCount &+ sumBlock &- 1) / sumBlock
    var block = Int(bgi_block_y())
    while block < blocks {
        var sum = Box<Double>(0, 0, 0, 0)
        if row < count {
            let box: Box<T> = load(call.a, row)
            let cotangents = call.gradOut + row &* call.rowStride
            let end = Swift.min(call.bCount, (block &+ 1) &* sumBlock)
            var j = block &* sumBlock &+ (me & 7)
            while j < end {
                let slope = Overlap(M.self, box, load(call.b, j), eps).gradA
                let factor = cotangents[j &* call.columnStride]
                sum = Box(
                    sum.x1 + Double(slope.x1 * factor), sum.y1 + Double(slope.y1 * factor),
                    sum.x2 + Double(slope.x2 * factor), sum.y2 + Double(slope.y2 * factor))
                j &+= 8
            }
        }
        sum.store(lanes + 4 &* me)
        bgi_barrier()
        // A thread combines the lanes of one coordinate of a row.
        let target = Int(bgi_block_x()) &* (Int(bgi_threads_x()) / 8) &+ me / 4
        if me < Int(bgi_threads_x()) / 2 && target < count {
            let first = lanes + (32 &* (me / 4) &+ me & 3)
            let sum = combined(SIMD8(first[0], first[4], first[8], first[12], first[16], first[20], first[24], first[28]))
            if let sums = device.sums { sums[4 &* (target &* blocks &+ block) &+ me & 3] = sum } else { call.gradA[4 &* target &+ me & 3] = T(sum) }
        }
        bgi_barrier()
        block &+= Int(bgi_blocks_y())
    }
}

/// Adds the blocks' sums of each coordinate. `count` counts coordinates.
func iouPairwiseGradTotalDevice<T: DeviceReal>(_ device: DeviceIoUPairwiseGrad<T>, _ count: Int) {
    addBlocks(device.sums, device.call.bCount, width: 4, to: device.call.gradA, count)
}

/// Adds the blocks' sums of each number of a gradient, whose rows have `width` numbers.
@inline(__always)
func addBlocks<T: DeviceReal>(_ sums: UnsafePointer<Double>?, _ columns: Int, width: Int, to gradient: UnsafeMutablePointer<T>, _ count: Int) {
    guard let sums else { return }
    let blocks = (columns &+ sumBlock &- 1) / sumBlock
    forEach(count) { i in
        var (total, block) = (0.0, 0)
        while block < blocks {
            total += sums[width &* (i / width &* blocks &+ block) &+ i % width]
            block &+= 1
        }
        gradient[i] = T(total)
    }
}
