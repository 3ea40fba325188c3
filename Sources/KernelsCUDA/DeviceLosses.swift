import CBoxgrad
import CDevice

// ---- Family losses, blocks of 512 ----

func smoothL1Device<T: DeviceReal>(_ device: DeviceSmoothL1<T>, _ count: Int) {
    let formula = SmoothL1Formula<T>(sigma: device.call.sigma)
    forEach(count) { _ = smoothL1(device.call, formula, $0) }
}

func smoothL1TotalDevice<T: DeviceReal>(_ device: DeviceSmoothL1<T>, _ count: Int) {
    let formula = SmoothL1Formula<T>(sigma: device.call.sigma)
    guard let total = device.total else { return }
    sumBlocks(count, total) { smoothL1(device.call, formula, $0) }
}

/// Writes element i of the outputs, and returns its loss.
@inline(__always)
private func smoothL1<T: Real>(_ call: SmoothL1<T>, _ formula: SmoothL1Formula<T>, _ i: Int) -> T {
    let inside: T = if let weights = call.insideWeights { weights[i] } else { 1 }
    let outside: T = if let weights = call.outsideWeights { weights[i] } else { 1 }
    let (loss, slope) = weighted(call.pred[i], call.target[i], inside, outside, T(1 / call.normalizer)) { formula($0) }
    if let elementwise = call.elementwise { elementwise[i] = loss }
    if let gradient = call.gradPred { gradient[i] = slope }
    if let gradient = call.gradTarget { gradient[i] = -slope }
    return loss
}

/// Adds the values of each block of rows, which `value` computes.
@inline(__always)
func sumBlocks<T: DeviceReal>(_ count: Int, _ total: DeviceTotal, _ value: (Int) -> T) {
    var block = Int(bgi_block_x())
    while block &* sumBlock < count {
        let start = block &* sumBlock
        let sum = blockSum(Swift.min(sumBlock, count &- start)) { value(start &+ $0) }
        if bgi_thread_x() == 0 { if count <= sumBlock { total.loss.pointee = sum / total.normalizer } else { total.sums[block] = sum } }
        block &+= Int(bgi_blocks_x())
    }
}

/// Adds at most sumBlock values, and returns the sum to the first thread. The CPU adds element i to lane i % 8, one after the other, and so do
/// eight threads here. All threads of the block bring the values into the memory that they share.
@inline(__always)
func blockSum<T: DeviceReal>(_ length: Int, _ value: (Int) -> T) -> Double {
    let (values, lanes) = (UnsafeMutableRawPointer(bgi_shared_stage()).assumingMemoryBound(to: T.self), bgi_shared_numbers())
    let (me, width) = (Int(bgi_thread_x()), Int(bgi_threads_x()))
    let rounds = (length &+ 127) >> 7
    var k = me
    while k < length {
        values[k] = value(k)
        k &+= width
    }
    // Zeros after the last value change no sum, because a lane is never -0.
    while k < rounds &* 128 {
        values[k] = 0
        k &+= width
    }
    bgi_barrier()
    if me < 8 {
        var sum = 0.0
        k = me
        while k < rounds &* 128 {
            for step in 0..<16 { sum += Double(values[k &+ 8 &* step]) }
            k &+= 128
        }
        lanes[me] = sum
    }
    bgi_barrier()
    return me == 0 ? combined(SIMD8(lanes[0], lanes[1], lanes[2], lanes[3], lanes[4], lanes[5], lanes[6], lanes[7])) : 0
}

/// Adds the sums of the blocks to those of chunks, and these to the total. One block of threads does it.
func lossTotalDevice<T: DeviceReal>(_ call: DeviceSum<T>, _ blocks: Int) {
    let total = totalOfBlocks(UnsafePointer(call.total.sums), blocks)
    if bgi_thread_x() == 0 { call.total.loss.pointee = total / call.total.normalizer }
}

/// Adds the sums of blocks to those of chunks, and these to the total, which it returns to the first thread.
@inline(__always)
func totalOfBlocks(_ sums: UnsafePointer<Double>, _ blocks: Int) -> Double {
    let numbers = bgi_shared_numbers()
    let (me, width) = (Int(bgi_thread_x()), Int(bgi_threads_x()))
    let chunks = (blocks &+ sumChunk &- 1) / sumChunk
    var (total, first) = (0.0, 0)
    while first < chunks {
        var (sum, b) = (0.0, (first &+ me) &* sumChunk)
        let end = Swift.min(blocks, b &+ sumChunk)
        while b < end {
            sum += sums[b]
            b &+= 1
        }
        numbers[me] = sum
        bgi_barrier()
        if me == 0 {
            var k = 0
            while k < Swift.min(width, chunks &- first) {
                total += numbers[k]
                k &+= 1
            }
        }
        bgi_barrier()
        first &+= width
    }
    return total
}
