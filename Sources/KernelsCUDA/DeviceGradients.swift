// Norms of many tensors, and their clipping. What is exact is added as integers, so that neither the order of the blocks nor their number
// changes a bit. Doubles are added in the CPU's order.

import CBoxgrad
import CDevice
import CShims

/// The elements of a tensor that a block of threads takes. Threads share them in items: first eight elements at a time, if the piece begins at a
/// multiple of 16 bytes, and then the others, one by one.
private struct Piece {
    let data: UnsafeMutableRawPointer
    let count, tensor: Int
    let dtype: Int32
    /// The items of eight elements, and all items.
    let packed, items: Int

    /// Returns a chunk of the launch's tensors. `tensor` is the last one that begins at or before it, and therefore has elements.
    @inline(__always)
    init?(_ tensors: UnsafePointer<DeviceTensors>, _ chunk: Int) {
        var (low, high) = (0, tensors.pointee.length)
        while high &- low > 1 {
            let middle = (low &+ high) >> 1
            if Int(tensors.pointee.chunks[unchecked: middle]) <= chunk { low = middle } else { high = middle }
        }
        guard let data = tensors.pointee.data[unchecked: low] else { return nil }
        dtype = Int32(tensors.pointee.dtypes[unchecked: low])
        let start = (chunk &- Int(tensors.pointee.chunks[unchecked: low])) &* gradChunk
        count = Swift.min(gradChunk, tensors.pointee.counts[unchecked: low] &- start)
        self.data = data + start &* bgi_element_size(dtype)
        tensor = low
        let isPacked = Int(bitPattern: self.data) & 15 == 0 && dtype != BOXGRAD_F64
        packed = isPacked ? count >> 3 : 0
        items = count &- 7 &* packed
    }

    @inline(__always)
    func elements<E>(_: E.Type) -> UnsafeMutablePointer<E> { data.assumingMemoryBound(to: E.self) }

    /// Calls the body with the thread's items, and with the number of the first element of each.
    @inline(__always)
    func forEach(_ body: (Int, Int) -> Void) {
        var item = Int(bgi_thread_x())
        while item < items {
            body(item, first(item))
            item &+= Int(bgi_threads_x())
        }
    }

    @inline(__always)
    func first(_ item: Int) -> Int { item < packed ? 8 &* item : item &+ 7 &* packed }

    /// Returns the magnitude of an element that is no double, as a float.
    @inline(__always)
    func magnitude(_ i: Int) -> UInt32 {
        switch dtype {
        case BOXGRAD_F32: bits(elements(Float.self)[i])
        case BOXGRAD_F16: bits(elements(Half<Binary16>.self)[i])
        default: bits(elements(Half<BFloat16>.self)[i])
        }
    }

    /// Calls `take` with the magnitudes of the thread's elements, which are no doubles, and `again` with those for which it returned true. These
    /// are few.
    @inline(__always)
    func forEachMagnitude(_ take: (UInt32) -> Bool, again: (UInt32) -> Void) {
        forEach { item, first in
            var marks: UInt32 = 0
            if item < packed {
                let magnitudes: InlineArray<8, UInt32> =
                    switch dtype {
                    case BOXGRAD_F32: eight(item, bgi_load4_f32) { bits(Float($0, $1)) }
                    case BOXGRAD_F16: eight(item, bgi_load4_f32) { bits(Half<Binary16>($0, $1)) }
                    default: eight(item, bgi_load4_f32) { bits(Half<BFloat16>($0, $1)) }
                    }
                for k in 0..<8 { marks |= UInt32(bit(take(magnitudes[unchecked: k]))) &<< UInt32(k) }
            } else {
                marks = UInt32(bit(take(magnitude(first))))
            }
            while marks != 0 {
                again(magnitude(first &+ marks.trailingZeroBitCount))
                marks &= marks &- 1
            }
        }
    }

    /// Changes the thread's elements.
    @inline(__always)
    func replace(_ pass: TensorPass) {
        forEach { item, first in
            if item < packed {
                switch dtype {
                case BOXGRAD_F32:
                    let changed = eight(item, bgi_read4_f32) { Float($0, $1).changed(pass).bitPattern }
                    for half in 0..<2 { store(InlineArray { changed[unchecked: 4 &* half &+ $0] }, 2 &* item &+ half) }
                case BOXGRAD_F16:
                    let changed = eight(item, bgi_read4_f32) { UInt32(Half<Binary16>($0, $1).changed(pass).bits) }
                    store(InlineArray { pair(changed, $0) }, item)
                default:
                    let changed = eight(item, bgi_read4_f32) { UInt32(Half<BFloat16>($0, $1).changed(pass).bits) }
                    store(InlineArray { pair(changed, $0) }, item)
                }
                return
            }
            switch dtype {
            case BOXGRAD_F32: elements(Float.self)[first] = elements(Float.self)[first].changed(pass)
            case BOXGRAD_F64: elements(Double.self)[first] = elements(Double.self)[first].changed(pass)
            case BOXGRAD_F16: elements(Half<Binary16>.self)[first] = elements(Half<Binary16>.self)[first].changed(pass)
            default: elements(Half<BFloat16>.self)[first] = elements(Half<BFloat16>.self)[first].changed(pass)
            }
        }
    }

    /// Returns what `number` makes of each element of an item, given words and which element of them is wanted.
    @inline(__always)
    private func eight(
        _ item: Int, _ load: (UnsafeMutablePointer<Float>, UnsafePointer<Float>) -> Void, _ number: (InlineArray<4, UInt32>, Int) -> UInt32
    ) -> InlineArray<8, UInt32> {
        @inline(__always)
        func words(_ i: Int) -> InlineArray<4, UInt32> {
            var words = InlineArray<4, UInt32>(repeating: 0)
            withUnsafeMutablePointer(to: &words) {
                load(UnsafeMutableRawPointer($0).assumingMemoryBound(to: Float.self), elements(Float.self) + 4 &* i)
            }
            return words
        }
        guard dtype == BOXGRAD_F32 else {
            let words = words(item)
            return InlineArray { number(words, $0) }
        }
        let (first, second) = (words(2 &* item), words(2 &* item &+ 1))
        return InlineArray { $0 < 4 ? number(first, $0) : number(second, $0 &- 4) }
    }

    @inline(__always)
    private func store(_ words: InlineArray<4, UInt32>, _ i: Int) {
        withUnsafePointer(to: words) {
            bgi_store4_f32(elements(Float.self) + 4 &* i, UnsafeRawPointer($0).assumingMemoryBound(to: Float.self))
        }
    }
}

/// Returns the bits of the magnitude of a float, or of the float that an element is.
@inline(__always)
private func bits<E: TensorElement>(_ x: E) -> UInt32 where E.Exact == Float { x.exact.bitPattern & 0x7fff_ffff }

extension Float {
    /// Element k of some words.
    @inline(__always)
    fileprivate init(_ words: InlineArray<4, UInt32>, _ k: Int) { self.init(bitPattern: words[unchecked: k]) }
}

extension Half {
    @inline(__always)
    fileprivate init(_ words: InlineArray<4, UInt32>, _ k: Int) { bits = UInt16(truncatingIfNeeded: words[unchecked: k &>> 1] &>> UInt32((k & 1) &<< 4)) }
}

/// Returns word w of elements of 16 bits.
@inline(__always)
private func pair(_ bits: InlineArray<8, UInt32>, _ w: Int) -> UInt32 { bits[unchecked: 2 &* w] | bits[unchecked: 2 &* w &+ 1] &<< 16 }

/// An element that a GPU rounds in its own way.
private protocol DeviceElement: TensorElement {
    init(nearest x: Double)
}

extension Float: DeviceElement {
    @inline(__always) fileprivate init(nearest x: Double) { self.init(x) }
}

extension Double: DeviceElement {
    @inline(__always) fileprivate init(nearest x: Double) { self = x }
}

extension DeviceElement {
    @inline(__always)
    fileprivate func changed(_ pass: TensorPass) -> Self {
        pass.operation == .zero ? Self(magnitudeBits: 0) : Self(nearest: clamp(Double(exact) * pass.coefficient, -pass.limit, pass.limit))
    }
}

extension Half: DeviceElement {
    /// Rounds x once, as the CPU does with integers of 64 bits. Of the two floats beside x, the odd one is taken. Its bits say on which side of a
    /// middle of two elements x is, so that rounding it gives what rounding x would.
    @inline(__always)
    fileprivate init(nearest x: Double) {
        let near = Float(x)
        let (magnitude, target) = (Double(near).magnitude, x.magnitude)
        let step = UInt32(bit(magnitude < target)) &- UInt32(bit(magnitude > target))
        let odd = near.bitPattern &+ (near.bitPattern & 1 == 0 ? step : 0)
        if Format.significandBits == 10 {
            bits = bgi_float16(Float(bitPattern: odd))
        } else {
            let rounded = (odd &+ 0x7fff &+ ((odd &>> 16) & 1)) &>> 16
            bits = x == x ? UInt16(truncatingIfNeeded: rounded) : 0x7fc0
        }
    }
}

extension DeviceGradState {
    @inline(__always)
    fileprivate var sum: ExactSum { ExactSum(start, size: ExactSum.size) }
    /// 0 if the sum says the norm, 1 if it is among the norms, 2 if the elements must be scaled before their squares are added.
    @inline(__always)
    fileprivate var status: UnsafeMutablePointer<Int64> { start + 22 }
    @inline(__always)
    fileprivate var largest: UnsafeMutablePointer<Double> { UnsafeMutableRawPointer(start + 23).assumingMemoryBound(to: Double.self) }
}

@inline(__always)
private func atomicAdd(_ word: UnsafeMutablePointer<Int64>, _ n: Int64) {
    if n != 0 { bgi_add(UnsafeMutableRawPointer(word).assumingMemoryBound(to: Int.self), Int(n)) }
}

@inline(__always)
private func raise(_ largest: UnsafeMutablePointer<Double>, to x: Double) {
    // Most threads read a number that is greater, and that is less work.
    if x.bitPattern > Double.greatest(largest).bitPattern { Double.raise(largest, to: x) }
}

extension DeviceGradSums {
    /// Returns the state of a tensor of the launch.
    @inline(__always)
    static func state(_ call: UnsafePointer<Self>, _ tensor: Int) -> DeviceGradState {
        let i = call.pointee.isPerTensor ? call.pointee.first &+ tensor : 0
        return DeviceGradState(start: call.pointee.states + i &* DeviceGradState.size)
    }
}

@inline(__always)
private func tensors(_ call: UnsafePointer<DeviceGradSums>) -> UnsafePointer<DeviceTensors> {
    UnsafeRawPointer(call).assumingMemoryBound(to: DeviceTensors.self)
}

// ---- Family grad_largest ----

/// Finds the largest magnitude of each state's elements that are no doubles.
func gradLargestDevice(_ call: UnsafePointer<DeviceGradSums>, _ chunks: Int) {
    var chunk = Int(bgi_block_x())
    while chunk < chunks {
        if let piece = Piece(tensors(call), chunk), piece.dtype != BOXGRAD_F64 {
            var bits: UInt32 = 0
            piece.forEachMagnitude({ bits = Swift.max(bits, $0); return false }, again: { _ in })
            raise(DeviceGradSums.state(call, piece.tensor).largest, to: Float.magnitude(Int32(bitPattern: bits)))
        }
        chunk &+= Int(bgi_blocks_x())
    }
}

// ---- Family grad_sums ----

/// Adds |x|^p of each state's elements that are no doubles, for p = 1 and 2.
func gradSumsDevice(_ call: UnsafePointer<DeviceGradSums>, _ chunks: Int) {
    var chunk = Int(bgi_block_x())
    while chunk < chunks {
        if let piece = Piece(tensors(call), chunk), piece.dtype != BOXGRAD_F64 {
            addExactly(piece, call.pointee.p == 2, DeviceGradSums.state(call, piece.tensor))
        }
        chunk &+= Int(bgi_blocks_x())
    }
}

/// Adds |x| or its square to a sum. Four neighbouring exponents share a bin, which holds the sum of integers of at most 54 bits: significands are
/// shifted to the lowest of the four exponents. Each thread has eight bins, for 32 neighbouring exponents. Elements of other exponents, which
/// are few, are added to the block's sum one by one.
@inline(__always)
private func addExactly(_ piece: Piece, _ isSquared: Bool, _ state: DeviceGradState) {
    let (me, width) = (Int(bgi_thread_x()), 256)
    let bins = bgi_shared_bins()
    let block = ExactSum(UnsafeMutableRawPointer(bins + 8 &* width).assumingMemoryBound(to: Int64.self), size: ExactSum.size)
    let highest = UnsafeMutableRawPointer(bins + (8 &* width &+ ExactSum.size)).assumingMemoryBound(to: Float.self)
    let power = isSquared ? 2 : 1
    @inline(__always)
    func add(_ value: UInt64, _ exponent: Int) { block.add(Int64(bitPattern: value), exponent: exponent) { atomicAdd(block.words + $0, $1) } }

    for row in 0..<8 { bins[row &* width &+ me] = 0 }
    if me <= ExactSum.size { block.words[me] = 0 }
    bgi_barrier()
    // The bins reach to eight exponents above the largest of some elements.
    let item = (me & 63) &+ (me &>> 6) &* (piece.items >> 2)
    if item < piece.items {
        let x = piece.magnitude(piece.first(item))
        if x < 0x7f80_0000 && x > Float.greatest(highest).bitPattern { Float.raise(highest, to: Float(bitPattern: x)) }
    }
    bgi_barrier()
    let lowest = Swift.min(Swift.max(Int32(bitPattern: Float.greatest(highest).bitPattern &>> 25) &- 5, 0), 56)
    let base = UInt32(bitPattern: lowest)
    // Subnormal and special numbers are outside.
    let low = Swift.max(base &<< 25, 0x0080_0000)
    let reach = Swift.min((base &+ 8) &<< 25, 0x7f80_0000) &- low
    // Masks take the place of branches. A row of bins has 2^11 bytes.
    let mine = UnsafeMutableRawPointer(bins + me)
    let (ofSquares, orOne): (UInt32, UInt32) = isSquared ? (.max, 0) : (0, 1)
    piece.forEachMagnitude({ bits in
        let outside = UInt32(bit(bits &- low >= reach))
        let value = ((bits & 0x7f_ffff | 0x80_0000) &<< ((bits &>> 23) & 3)) & (outside &- 1)
        let row = UInt64(((bits &- base &<< 25) &>> 14) & (7 &<< 11))
        let bin = (mine + Int(truncatingIfNeeded: row)).assumingMemoryBound(to: UInt64.self)
        bin.pointee &+= UInt64(value) &* UInt64(value & ofSquares | orOne)
        return outside & UInt32(bit(bits != 0)) != 0
    }, again: { bits in
        if bits >= 0x7f80_0000 { return atomicAdd(bits == 0x7f80_0000 ? block.infinities : block.notNumbers, 1) }
        let field = bits &>> 23
        let significand = UInt64(bits & 0x7f_ffff | (field == 0 ? 0 : 0x80_0000))
        add(isSquared ? significand &* significand : significand, power &* (Int(Swift.max(field, 1)) &- 150))
    })
    bgi_barrier()
    // 32 threads have a row of bins, whose low and high halves have sums of their own.
    let (row, lane) = (me &>> 5, me & 31)
    var (lows, highs) = (UInt64(0), UInt64(0))
    for k in 0..<8 {
        let sum = bins[row &* width &+ 32 &* k &+ lane]
        lows &+= sum & 0xffff_ffff
        highs &+= sum &>> 32
    }
    bgi_barrier()
    (bins[2 &* me], bins[2 &* me &+ 1]) = (lows, highs)
    bgi_barrier()
    if lane < 2 {
        var (sum, k) = (UInt64(0), 0)
        while k < 32 {
            sum &+= bins[2 &* (32 &* row &+ k) &+ lane]
            k &+= 1
        }
        add(sum, power &* (4 &* (Int(base) &+ row) &- 150) &+ 32 &* lane)
    }
    bgi_barrier()
    // A word that is added is short, so that many can be.
    if me < ExactSum.size {
        let word = block.words[me]
        let isLong = me &+ 1 < block.count
        atomicAdd(state.start + me, isLong ? word & 0xffff_ffff : word)
        if isLong { atomicAdd(state.start + (me &+ 1), word &>> 32) }
    }
    bgi_barrier()
}

// ---- Family grad_doubles, blocks of 512 ----

/// Adds the magnitudes or squares of doubles, a block at a time, and finds the largest magnitude. Or it adds the squares of scaled elements, if
/// the first sum will not do.
func gradDoublesDevice(_ call: UnsafePointer<DeviceGradSums>, _ chunks: Int) {
    let (me, width) = (Int(bgi_thread_x()), Int(bgi_threads_x()))
    let (p, isScaled) = (call.pointee.p, call.pointee.isScaled)
    var chunk = Int(bgi_block_x())
    while chunk < chunks {
        if let piece = Piece(tensors(call), chunk), piece.dtype == BOXGRAD_F64, let sums = call.pointee.sums {
            let state = DeviceGradSums.state(call, piece.tensor)
            let x = UnsafePointer(piece.data.assumingMemoryBound(to: Double.self))
            let divisor = isScaled ? state.largest.pointee : 1
            if !isScaled {
                var (bits, i) = (Int64(0), me)
                while i < piece.count {
                    bits = Swift.max(bits, x[i].magnitudeBits)
                    i &+= width
                }
                raise(state.largest, to: Double(magnitudeBits: bits))
            }
            var start = isScaled && state.status.pointee != 2 || p == .infinity ? piece.count : 0
            while start < piece.count {
                let block = x + start
                let sum = blockSum(Swift.min(sumBlock, piece.count &- start)) { k in
                    let element = block[k] / divisor
                    return p == 1 ? element.magnitude : element * element
                }
                if me == 0 { sums[(gradChunk / sumBlock) &* chunk &+ start / sumBlock] = sum }
                start &+= sumBlock
            }
        }
        chunk &+= Int(bgi_blocks_x())
    }
}

/// Adds the sums of the blocks of a tensor of doubles, and stores its norm, if it is that. A block of threads does it for each tensor.
func gradDoublesNormDevice(_ call: UnsafePointer<DeviceGradSums>, _ count: Int) {
    let tensor = Int(bgi_block_x())
    let list = tensors(call)
    let elements = list.pointee.counts[unchecked: tensor]
    let state = DeviceGradSums.state(call, tensor)
    guard list.pointee.dtypes[unchecked: tensor] == UInt8(truncatingIfNeeded: BOXGRAD_F64), elements > 0, let sums = call.pointee.sums,
        let norms = call.pointee.norms, !call.pointee.isScaled || state.status.pointee == 2
    else { return }
    let blocks = (elements &- 1) / sumBlock &+ 1
    let sum = totalOfBlocks(UnsafePointer(sums + (gradChunk / sumBlock) &* Int(list.pointee.chunks[unchecked: tensor])), blocks)
    guard bgi_thread_x() == 0 else { return }
    let largest = state.largest.pointee
    var (norm, isKnown) = (sum, true)
    if call.pointee.isScaled {
        norm = sum.squareRoot() * largest
    } else if call.pointee.p == 2 && Norm.isAccurate(sum) {
        norm = sum.squareRoot()
    } else if call.pointee.p == 2 {
        (norm, isKnown) = (largest, !(largest > 0 && largest < .infinity))
    }
    norms[call.pointee.first &+ tensor] = norm
    state.status.pointee = isKnown ? 1 : 2
}

// ---- Family grad_norm ----

/// Computes the norms of `count` states, and the total. One block of 256 threads does it.
func gradNormDevice(_ call: DeviceGradNorm, _ count: Int) {
    let (me, width) = (Int(bgi_thread_x()), 256)
    let integers = UnsafeMutableRawPointer(bgi_shared_bins()).assumingMemoryBound(to: Int64.self)
    // The state of all follows on what its parts need.
    let whole = DeviceGradState(start: integers + width)
    let found = UnsafeMutableRawPointer(integers + (width &+ DeviceGradState.size)).assumingMemoryBound(to: UInt64.self)
    @inline(__always)
    func state(_ i: Int) -> DeviceGradState { DeviceGradState(start: call.states + i &* DeviceGradState.size) }

    // Eight rows of threads add up the sums: thread 32 r + w word w of every eighth state.
    let (row, word) = (me &>> 5, me & 31)
    var (sum, i) = (Int64(0), row)
    while i < count && word < ExactSum.size {
        sum &+= state(i).start[word]
        i &+= 8
    }
    integers[me] = sum
    if me < DeviceGradState.size { whole.start[me] = 0 }
    if me == 0 { found.pointee = 0 }
    bgi_barrier()
    if me < ExactSum.size {
        sum = 0
        for row in 0..<8 { sum &+= integers[32 &* row &+ me] }
        whole.start[me] = sum
    }
    bgi_barrier()
    // Thread by thread a norm, of which the last is the total's.
    i = me
    while i <= count {
        let one = i < count ? state(i) : whole
        if i < count {
            raise(whole.largest, to: one.largest.pointee)
            let isFinite = one.sum.infinities.pointee | one.sum.notNumbers.pointee == 0 && one.largest.pointee.isFinite
            if !isFinite { bgi_raise_f64(found, UInt64(truncatingIfNeeded: count &- i)) }
        }
        let output = i < count ? call.norms.map { $0 + i } : call.isExact ? call.total : nil
        if let output, one.status.pointee == 0 { output.pointee = call.p == .infinity ? one.largest.pointee : one.sum.norm(call.p) }
        i &+= width
    }
    bgi_barrier()
    guard me == 0 else { return }
    if let total = call.total {
        if call.p == .infinity {
            total.pointee = whole.largest.pointee
        } else if !call.isExact, let norms = call.norms {
            total.pointee = normOfParts(UnsafePointer(norms), count, call.p, bgi_shared_numbers())
        }
    }
    // The first one has the greatest distance from the end.
    if let first = call.firstNonfinite { first.pointee = found.pointee == 0 ? -1 : count &- Int(truncatingIfNeeded: found.pointee) }
}

/// Returns the norm of norms, in the CPU's order: a run that is full is replaced by its norm. `run` has room for one.
@inline(__always)
private func normOfParts(_ norms: UnsafePointer<Double>, _ count: Int, _ p: Double, _ run: UnsafeMutablePointer<Double>) -> Double {
    var (length, i) = (0, 0)
    while true {
        if i == count || length == 128 {
            let sum = sumOfRun(run, length, p, 1)
            let norm = p == 1 ? sum : Norm(p: 2).finished(sum) {
                $0.operation == .largest ? largestOfRun(run, length) : sumOfRun(run, length, 2, $0.divisor)
            }
            if i == count { return norm }
            run[0] = norm
            length = 1
        }
        run[length] = norms[i]
        length &+= 1
        i &+= 1
    }
}

@inline(__always)
private func largestOfRun(_ run: UnsafePointer<Double>, _ length: Int) -> Double {
    var (bits, k) = (Int64(0), 0)
    while k < length {
        bits = Swift.max(bits, run[k].magnitudeBits)
        k &+= 1
    }
    return Double(magnitudeBits: bits)
}

/// Adds the magnitudes or squares of at most sumBlock numbers, as BlockSum does.
@inline(__always)
private func sumOfRun(_ run: UnsafePointer<Double>, _ length: Int, _ p: Double, _ divisor: Double) -> Double {
    var (lanes, k) = (SIMD8<Double>(), 0)
    while k < length {
        for lane in 0..<8 {
            let x = k &+ lane < length ? run[k &+ lane] / divisor : 0
            lanes[lane] += p == 1 ? x.magnitude : x * x
        }
        k &+= 8
    }
    return combined(lanes)
}

// ---- Family grad_change ----

func gradChangeDevice(_ call: UnsafePointer<DeviceGradChange>, _ chunks: Int) {
    let total = call.pointee.total
    guard let pass = total.map({ call.pointee.clip.change($0.pointee) }) ?? TensorPass(operation: .scale, limit: call.pointee.limit) else { return }
    let list = UnsafeRawPointer(call).assumingMemoryBound(to: DeviceTensors.self)
    var chunk = Int(bgi_block_x())
    while chunk < chunks {
        if let piece = Piece(list, chunk) { piece.replace(pass) }
        chunk &+= Int(bgi_blocks_x())
    }
}
