import CBoxgrad
import CBoxgradCUDA
import CShims
import CudaShims

/// The most blocks that drop boxes at once. More than a GPU has room for would only decide again what is kept.
private let mostBlocks = 512

/// The scratch of nms, one array after the other. Each begins at a multiple of 16 bytes.
private struct Layout<T> {
    private(set) var size: Int? = 0
    let ranked, merged, boxes, groups, masks, kept, dropped: Int

    init(_ count: Int) {
        let chunks = (count &- 1) / nmsChunk &+ 1
        // A chunk is whole, so that its masks are.
        let whole = count > 0 ? bytes(chunks, nmsChunk) : count == 0 ? 0 : nil
        var end = Int?.some(0)
        func next(_ each: Int, _ number: Int?) -> Int {
            let start = end ?? 0
            end = end.flatMap { start in number.flatMap { bytes($0, each, start &+ 15) } }.map { $0 & ~15 }
            return start
        }
        ranked = next(MemoryLayout<bgi_ranked>.stride, whole)
        merged = next(MemoryLayout<bgi_ranked>.stride, whole)
        boxes = next(4 &* MemoryLayout<T>.stride, whole)
        masks = next(nmsChunk / 8, whole)
        groups = next(8, whole)
        kept = next(8, count < 0 ? nil : chunks &+ 1)
        dropped = next(1, whole)
        size = count == 0 ? 0 : end
    }
}

func cudaNmsScratch<T>(_ count: Int, _: T.Type) -> Int? { Layout<T>(count).size }

func cudaNms<T>(
    _ boxes: UnsafePointer<T>?, _ count: Int, _ stride: Int, _ scores: UnsafePointer<T>?, _ classes: UnsafePointer<Int64>?,
    _ iouThreshold: Double, _ scoreThreshold: Double, _ maxKeep: Int, _ keep: UnsafeMutablePointer<Int>?, _ keepCount: UnsafeMutablePointer<Int>?,
    _ scratch: UnsafeMutableRawPointer?, _ scratchSize: Int, _ stream: Stream
) -> Int32 {
    var arguments = Arguments()
    let checked = NMS(&arguments, boxes, count, stride, scores, classes, iouThreshold, scoreThreshold, maxKeep, keep, keepCount)
    guard let call = checked else { return arguments.valid ? zero(keepCount, 1, stream) : arguments.status }
    let layout = Layout<T>(count)
    arguments.scratch(scratch, scratchSize, layout.size)
    guard arguments.valid, let scratch else { return arguments.status }
    func array<Element>(_ start: Int) -> UnsafeMutablePointer<Element> { (scratch + start).assumingMemoryBound(to: Element.self) }
    var device = DeviceNMS(
        call: call, ranked: array(layout.ranked), merged: array(layout.merged), boxes: array(layout.boxes), groups: array(layout.groups),
        dropped: array(layout.dropped), masks: array(layout.masks), kept: array(layout.kept))
    let chunks = (count &- 1) / nmsChunk &+ 1
    func launch(_ kernel: Int, _ x: Int, _ y: Int = 1) -> Int32 {
        device.launch(kernel, count, grid: (x, y), block: nmsChunk, T.self, stream)
    }
    var status = launch(BGC_NMS_SORT, chunks)
    device.step = nmsChunk
    while status == BOXGRAD_OK && device.step < count {
        status = launch(BGC_NMS_MERGE, chunks)
        (device.ranked, device.merged) = (device.merged, device.ranked)
        device.step &*= 2
    }
    if status == BOXGRAD_OK { status = launch(BGC_NMS_MASKS, chunks, nmsChunk / 64) }
    device.step = 0
    while status == BOXGRAD_OK && device.step < chunks {
        status = launch(BGC_NMS_STEP, min(mostBlocks, max(1, chunks &- 1 &- device.step)))
        device.step &+= 1
    }
    return status
}
