// The device kernels. Nothing here may trap: the host has checked the call. Each function is what one GPU thread does for some rows of a call,
// with the formulas of Sources/Kernels. tools/ptx.py compiles this folder and Sources/Kernels for NVIDIA GPUs. A function `nameDevice` of a call
// and a count becomes a kernel for each type; if it is generic over a metric, it becomes one for each metric, too. One that is not generic becomes a
// kernel, and takes a pointer to a call that is large.

import CBoxgrad
import CDevice
import CShims

/// A type of numbers that are loaded and stored four at a time.
protocol DeviceReal: Real {
    static func load4(_ to: UnsafeMutablePointer<Self>, _ from: UnsafePointer<Self>)
    static func fetch4(_ to: UnsafeMutablePointer<Self>, _ from: UnsafePointer<Self>)
    static func store4(_ to: UnsafeMutablePointer<Self>, _ from: UnsafePointer<Self>)

    /// Raises a number to x, which is not negative, while other threads may raise it, too. `greatest` reads such a number.
    static func raise(_ number: UnsafeMutablePointer<Self>, to x: Self)
    static func greatest(_ number: UnsafeMutablePointer<Self>) -> Self
}

extension Float: DeviceReal {
    @inline(__always)
    static func load4(_ to: UnsafeMutablePointer<Self>, _ from: UnsafePointer<Self>) { bgi_load4_f32(to, from) }
    @inline(__always)
    static func fetch4(_ to: UnsafeMutablePointer<Self>, _ from: UnsafePointer<Self>) { bgi_fetch4_f32(to, from) }
    @inline(__always)
    static func store4(_ to: UnsafeMutablePointer<Self>, _ from: UnsafePointer<Self>) { bgi_store4_f32(to, from) }
    @inline(__always)
    static func raise(_ number: UnsafeMutablePointer<Self>, to x: Self) { bgi_raise_f32(number, x.bitPattern) }
    @inline(__always)
    static func greatest(_ number: UnsafeMutablePointer<Self>) -> Self { Self(bitPattern: bgi_read_f32(number)) }
}

extension Double: DeviceReal {
    @inline(__always)
    static func load4(_ to: UnsafeMutablePointer<Self>, _ from: UnsafePointer<Self>) { bgi_load4_f64(to, from) }
    @inline(__always)
    static func fetch4(_ to: UnsafeMutablePointer<Self>, _ from: UnsafePointer<Self>) { bgi_fetch4_f64(to, from) }
    @inline(__always)
    static func store4(_ to: UnsafeMutablePointer<Self>, _ from: UnsafePointer<Self>) { bgi_store4_f64(to, from) }
    @inline(__always)
    static func raise(_ number: UnsafeMutablePointer<Self>, to x: Self) { bgi_raise_f64(number, x.bitPattern) }
    @inline(__always)
    static func greatest(_ number: UnsafeMutablePointer<Self>) -> Self { Self(bitPattern: bgi_read_f64(number)) }
}

/// The calling thread's number in a grid of one dimension, and the number of its threads.
@inline(__always)
var thread: Int { Int(bgi_block_x()) &* Int(bgi_threads_x()) &+ Int(bgi_thread_x()) }
@inline(__always)
var threads: Int { Int(bgi_blocks_x()) &* Int(bgi_threads_x()) }

/// Returns i..<i + 1 without a check.
@inline(__always)
func row(_ i: Int) -> Range<Int> { Range(uncheckedBounds: (i, i &+ 1)) }

/// Runs the body for the thread's share of 0..<count.
@inline(__always)
func forEach(_ count: Int, _ body: (Int) -> Void) {
    let step = threads
    var i = thread
    while i < count {
        body(i)
        i &+= step
    }
}

/// Whether a row of four numbers begins at a multiple of its size. Such a row is one load and one store.
@inline(__always)
private func isAligned<T>(_ row: UnsafePointer<T>) -> Bool { Int(bitPattern: row) & (4 &* MemoryLayout<T>.stride &- 1) == 0 }

/// Returns a row that the kernel does not write.
@inline(__always)
func load<T: DeviceReal>(_ rows: Rows<T>, _ i: Int) -> Box<T> {
    let row = rows[i]
    return isAligned(row) ? four(row, T.load4) : Box(row)
}

/// Returns a box in the memory that threads share, where it begins at a multiple of its size.
@inline(__always)
func fetch<T: DeviceReal>(_ row: UnsafePointer<T>) -> Box<T> { four(row, T.fetch4) }

@inline(__always)
private func four<T: DeviceReal>(_ row: UnsafePointer<T>, _ load: (UnsafeMutablePointer<T>, UnsafePointer<T>) -> Void) -> Box<T> {
    var numbers = InlineArray<4, T>(repeating: 0)
    return withUnsafeMutablePointer(to: &numbers) {
        let numbers = UnsafeMutableRawPointer($0).assumingMemoryBound(to: T.self)
        load(numbers, row)
        return Box(numbers)
    }
}

@inline(__always)
func load<T: DeviceReal>(_ rows: Rows<T>, _ i: Int) -> Deltas<T> {
    let row: Box<T> = load(rows, i)
    return Deltas(row.x1, row.y1, row.x2, row.y2)
}

@inline(__always)
func store<T: DeviceReal>(_ box: Box<T>, _ row: UnsafeMutablePointer<T>) {
    guard isAligned(UnsafePointer(row)) else { return box.store(row) }
    store4(box, row)
}

@inline(__always)
func store4<T: DeviceReal>(_ box: Box<T>, _ row: UnsafeMutablePointer<T>) {
    var numbers = InlineArray<4, T>(repeating: 0)
    withUnsafeMutablePointer(to: &numbers) {
        let numbers = UnsafeMutableRawPointer($0).assumingMemoryBound(to: T.self)
        box.store(numbers)
        T.store4(row, numbers)
    }
}

/// Adds the numbers of the block's threads to a total. All threads of the block must call it.
@inline(__always)
func addUp(_ number: Int, to total: UnsafeMutablePointer<Int>) {
    let numbers = UnsafeMutableRawPointer(bgi_shared_numbers()).assumingMemoryBound(to: Int.self)
    numbers[Int(bgi_thread_x())] = number
    bgi_barrier()
    if bgi_thread_x() == 0 {
        var (sum, k) = (0, 0)
        while k < Int(bgi_threads_x()) {
            sum &+= numbers[k]
            k &+= 1
        }
        if sum != 0 { bgi_add(total, sum) }
    }
}

// ---- Family boxes ----

func boxAreaDevice<T: DeviceReal>(_ call: BoxArea<T>, _ count: Int) { forEach(count) { boxArea(call, row($0)) } }
func boxAreaGradDevice<T: DeviceReal>(_ call: BoxAreaGrad<T>, _ count: Int) { forEach(count) { boxAreaGrad(call, row($0)) } }
func boxConvertDevice<T: DeviceReal>(_ call: BoxConvert<T>, _ count: Int) { forEach(count) { boxConvert(call, row($0)) } }
func boxConvertGradDevice<T: DeviceReal>(_ call: BoxConvertGrad<T>, _ count: Int) { forEach(count) { boxConvertGrad(call, row($0)) } }
func boxClipDevice<T: DeviceReal>(_ call: BoxClip<T>, _ count: Int) { forEach(count) { boxClip(call, row($0)) } }
func boxClipGradDevice<T: DeviceReal>(_ call: BoxClipGrad<T>, _ count: Int) { forEach(count) { boxClipGrad(call, row($0)) } }
func clipDevice<T: DeviceReal>(_ call: Clip<T>, _ count: Int) { forEach(count) { clip(call, row($0)) } }

func clipGradDevice<T: DeviceReal>(_ device: DeviceClipGrad<T>, _ count: Int) {
    let call = device.call
    var blocked = 0
    forEach(count) { i in
        var one = 0
        withUnsafeMutablePointer(to: &one) {
            clipGrad(
                ClipGrad(x: call.x, lo: call.lo, hi: call.hi, gradOut: call.gradOut, mode: call.mode, gradIn: call.gradIn, blocked: $0),
                row(i))
        }
        blocked &+= one
    }
    if let total = device.blocked { addUp(blocked, to: total) }
}

// ---- Family delta_encode ----

func deltaEncodeDevice<T: DeviceReal>(_ device: DeviceDeltaEncode<T>, _ count: Int) {
    let (call, encoder) = (device.call, DeltaEncoder<T>(device.call.options))
    let propagate = call.options.on_degenerate == BOXGRAD_DEGENERATE_PROPAGATE
    var found = 0
    forEach(count) { i in
        let (proposal, target): (Box<T>, Box<T>) = (load(call.proposals, i), load(call.targets, i))
        let sound = both(isSound(proposal), isSound(target))
        let deltas: Deltas<T>
        if propagate {
            deltas = encoder.deltas(proposal, target, ofAnyRatio: true)
        } else {
            let encoded = encoder.deltas(proposal, target, ofAnyRatio: false)
            deltas = Deltas { choose(sound, encoded[$0], 0) }
        }
        store(Box { deltas[$0] }, call.deltas + 4 &* i)
        if let marks = device.marks { marks[i] = bit(!sound) }
        found &+= sound ? 0 : 1
    }
    if let total = device.found { addUp(found, to: total) }
}

// ---- Family delta_encode_grad ----

func deltaEncodeGradDevice<T: DeviceReal>(_ call: DeltaEncodeGrad<T>, _ count: Int) {
    let encoder = DeltaEncoder<T>(call.options)
    let propagate = call.options.on_degenerate == BOXGRAD_DEGENERATE_PROPAGATE
    forEach(count) { i in
        let (proposal, target): (Box<T>, Box<T>) = (load(call.proposals, i), load(call.targets, i))
        let slopes = encoder.gradients(proposal, target, load(Rows(call.gradDeltas, stride: 4), i))
        let passes = propagate ? true : both(isSound(proposal), isSound(target))
        if let gradient = call.gradProposals { store(Box { choose(passes, slopes.proposal[$0], 0) }, gradient + 4 &* i) }
        if let gradient = call.gradTargets { store(Box { choose(passes, slopes.target[$0], 0) }, gradient + 4 &* i) }
    }
}

// ---- Family delta_decode ----

/// `count` counts boxes, of which a row has one for each group.
func deltaDecodeDevice<T: DeviceReal>(_ call: DeltaDecode<T>, _ count: Int) {
    let decoder = Decoder<T>(call.options)
    guard call.groups > 0 else { return }
    forEach(count) { i in
        let row = call.groups == 1 ? i : i / call.groups
        let deltas = Rows(call.deltas[row], stride: 4)
        let axes = decoder.axes(load(call.proposals, row), load(deltas, i &- row &* call.groups))
        let (x, y) = (axes.x.clipped, axes.y.clipped)
        store(Box(x.start, y.start, x.end, y.end), call.boxes + 4 &* i)
    }
}

func deltaDecodeGradDevice<T: DeviceReal>(_ call: DeltaDecodeGrad<T>, _ count: Int) {
    let decoder = Decoder<T>(call.options)
    let std = decoder.std
    guard call.groups > 0 else { return }
    forEach(count) { row in
        let proposal: Box<T> = load(call.proposals, row)
        let deltas = Rows(call.deltas[row], stride: 4)
        var sum = Box<Double>(0, 0, 0, 0)
        for group in 0..<call.groups {
            let i = row &* call.groups &+ group
            let (axes, g): (_, Box<T>) = (decoder.axes(proposal, load(deltas, group)), load(Rows(call.gradBoxes, stride: 4), i))
            let (x, y) = (axes.x.gradient(g.x1, g.x2), axes.y.gradient(g.y1, g.y2))
            if let gradient = call.gradDeltas {
                store(Box(x.dShift * std.dx, y.dShift * std.dy, x.dLogRatio * std.dw, y.dLogRatio * std.dh), gradient + 4 &* i)
            }
            sum = Box(sum.x1 + Double(x.r1), sum.y1 + Double(y.r1), sum.x2 + Double(x.r2), sum.y2 + Double(y.r2))
        }
        if let gradient = call.gradProposals { store(Box(T(sum.x1), T(sum.y1), T(sum.x2), T(sum.y2)), gradient + 4 &* row) }
    }
}
