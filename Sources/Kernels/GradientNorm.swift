// These kernels compute norms of many tensors, and change all of them. They make passes over pieces of the tensors, which threads share.
// GradientTensors.swift has what a pass does with a piece. Sums that are rounded are of pieces of a fixed size, and are combined in order,
// so that the bits are the same with any number of threads. Exact sums have the same bits for every size and order of the pieces.

import CBoxgrad
import CShims

/// Computes a p-norm. For p = 1 and 2 it is an exact sum, except of doubles. For p = 2 of doubles it uses a plain sum of squares if that neither
/// overflows nor loses digits to underflow. Otherwise, and for a general p, every element is divided by the largest magnitude first.
struct Norm {
    let p: Double

    /// A pass whose sums are exact, except those of doubles, where p allows it.
    var exactPass: TensorPass { p == 1 || p == 2 ? TensorPass(operation: .sum, p: p, sumSize: ExactSum.size) : firstPass }

    var firstPass: TensorPass { p == 1 || p == 2 ? TensorPass(operation: .sum, p: p) : TensorPass(operation: .largest) }

    /// Whether a sum of squares neither overflowed nor lost digits to underflow.
    @inline(__always)
    static func isAccurate(_ sumOfSquares: Double) -> Bool { sumOfSquares > 0x1p-900 && sumOfSquares < .infinity }

    /// Returns the norm, given the result of the first pass, and what makes more passes.
    @inline(__always)
    func finished(_ result: Double, _ pass: (TensorPass) -> Double) -> Double {
        if p == 1 || p == .infinity { return result }
        if p == 2 && Self.isAccurate(result) { return root(result, p) }
        let largest = p == 2 ? pass(TensorPass(operation: .largest)) : result
        guard largest > 0 && largest < .infinity else { return largest }
        return root(pass(TensorPass(operation: .sum, p: p, divisor: largest)), p) * largest
    }
}

/// Returns sum^(1 / p).
private func root(_ sum: Double, _ p: Double) -> Double { p == 2 ? sum.squareRoot() : power(sum, 1 / p) }

#if COMMON_KERNELS
/// Takes the pieces of a pass in order, after threads have worked on them.
private protocol PieceConsumer {
    mutating func take(_ piece: TensorPass.Piece)
}

private struct Nothing: PieceConsumer {
    mutating func take(_ piece: TensorPass.Piece) {}
}

extension TensorPass {
    private static var room: Int { 64 }
    private static var sumRoom: Int { 1408 }
    /// Pieces are longer where there is room for only a few sums, and as long as it makes no difference to the bits.
    private var pieceSize: Int { sumSize == ExactSum.doubleSize ? 1 << 18 : 1 << 16 }

    @inline(__always)
    fileprivate func run<Consumer: PieceConsumer>(_ tensors: Tensors, _ consumer: inout Consumer) {
        if sumSize == 0 { run(tensors, nil, &consumer) } else { runWithSums(tensors, &consumer) }
    }

    // This and the next function are not inlined, because sums and pieces would then be in the stack frame of every caller.
    @inline(never)
    private func runWithSums<Consumer: PieceConsumer>(_ tensors: Tensors, _ consumer: inout Consumer) {
        // This is left as it is, because a pass clears each sum.
        var sums = InlineArray<1408, Int64> { sums in
            sums.withUnsafeMutableBufferPointer { _, count in count = Self.sumRoom }
        }
        withUnsafeMutablePointer(to: &sums) {
            run(tensors, UnsafeMutableRawPointer($0).assumingMemoryBound(to: Int64.self), &consumer)
        }
    }

    @inline(never)
    private func run<Consumer: PieceConsumer>(_ tensors: Tensors, _ sums: UnsafeMutablePointer<Int64>?, _ consumer: inout Consumer) {
        guard let first = tensors.start else { return }
        var memory = InlineArray<64, Piece>(repeating: Piece())
        withUnsafeMutablePointer(to: &memory) { memory in
            let pieces = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: Piece.self)
            let room = sumSize == 0 ? Self.room : min(Self.room, Self.sumRoom / sumSize)
            var (filled, elements) = (0, 0)
            for i in 0..<tensors.count {
                let tensor = first[i]
                guard let data = tensor.data else { continue }
                let size = bgi_element_size(tensor.dtype)
                var begin = 0
                while begin < tensor.count {
                    if filled == room {
                        work(pieces, filled, elements, tensors.pass, &consumer)
                        (filled, elements) = (0, 0)
                    }
                    let length = min(pieceSize, tensor.count &- begin)
                    let sum = sums.map { $0 + filled &* sumSize }
                    pieces[filled] = Piece(data: data + begin &* size, count: length, dtype: tensor.dtype, tensor: i, sum: sum)
                    filled &+= 1
                    elements &+= length
                    begin &+= length
                }
            }
            work(pieces, filled, elements, tensors.pass, &consumer)
        }
    }

    private func work<Consumer: PieceConsumer>(
        _ pieces: UnsafeMutablePointer<Piece>, _ count: Int, _ elements: Int, _ pass: boxgrad_task, _ consumer: inout Consumer
    ) {
        guard count > 0 else { return }
        var call = self
        call.pieces = pieces
        // Pieces may be small. Therefore the number of elements, and not of pieces, decides how many threads are worth their cost.
        bgi_parallel(0, count, 1, max(1, count &* Int(BGI_ELEMENTS_WORTH_THREAD) / elements), pass, &call)
        for i in 0..<count { consumer.take(pieces[i]) }
    }

    /// Returns the result of the pass over some elements. The calling thread computes it alone.
    fileprivate func result(_ data: UnsafeMutableRawPointer, _ count: Int, _ dtype: Int32, _ pass: boxgrad_task) -> Double {
        var piece = Piece(data: data, count: count, dtype: dtype)
        withUnsafeMutablePointer(to: &piece) { piece in
            var call = self
            call.pieces = piece
            pass(&call, 0, 1)
        }
        return piece.result
    }
}

/// Computes the sum of the pieces' results, or the largest of them, which is NaN if one of them is NaN.
private struct Reduction: PieceConsumer {
    let pass: TensorPass
    var result = 0.0

    mutating func take(_ piece: TensorPass.Piece) {
        if pass.operation == .sum {
            result += piece.result
        } else if !result.isNaN && !(piece.result <= result) {
            result = piece.result
        }
    }

    static func of(_ pass: TensorPass, _ tensors: Tensors) -> Double {
        var reduction = Self(pass: pass)
        pass.run(tensors, &reduction)
        return reduction.result
    }
}

/// Computes the norm of the whole from norms of its parts. It collects the parts in a run on the stack, and replaces a full run by its
/// norm.
private struct NormOfParts {
    private static let runLength = 128
    private let run: UnsafeMutablePointer<Double>
    private let norm: Norm
    private let pass: boxgrad_task
    private var length = 0

    static func with(_ p: Double, _ pass: boxgrad_task, _ body: (Self) -> Double) -> Double {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: runLength) { run in
            body(Self(run: run.baseAddress.unsafelyUnwrapped, norm: Norm(p: p), pass: pass))
        }
    }

    private init(run: UnsafeMutablePointer<Double>, norm: Norm, pass: boxgrad_task) { (self.run, self.norm, self.pass) = (run, norm, pass) }

    var total: Double {
        var tensor = boxgrad_tensor(data: run, count: length, dtype: BOXGRAD_F64, reserved: 0)
        return withUnsafePointer(to: &tensor) {
            let tensor = Tensors(start: $0, count: 1, pass: pass)
            return norm.finished(Reduction.of(norm.firstPass, tensor)) { Reduction.of($0, tensor) }
        }
    }

    mutating func add(_ norm: Double) {
        if length == Self.runLength {
            run[0] = total
            length = 1
        }
        run[length] = norm
        length &+= 1
    }
}

/// Takes the pieces' sums for each tensor's norm, and for the norm of the whole. That one is the root of one exact sum where all sums are
/// exact, and otherwise the norm of the tensors' norms, in order.
private struct TensorNorms: PieceConsumer {
    let tensors: Tensors
    let norm: Norm
    let pass: TensorPass
    let perTensor: UnsafeMutablePointer<Double>?
    var parts: NormOfParts
    private let sum, total: ExactSum
    private let isExact: Bool
    private var current = 0
    private var reduction: Reduction

    /// `sums` has room for two exact sums.
    init(_ tensors: Tensors, _ p: Double, _ perTensor: UnsafeMutablePointer<Double>?, _ parts: NormOfParts, _ sums: UnsafeMutablePointer<Int64>) {
        (self.tensors, self.perTensor, self.parts, norm) = (tensors, perTensor, parts, Norm(p: p))
        pass = norm.exactPass
        reduction = Reduction(pass: pass)
        (sum, total) = (ExactSum(sums, size: ExactSum.size), ExactSum(sums + ExactSum.size, size: ExactSum.size))
        sum.clear()
        total.clear()
        var isExact = true
        for i in 0..<tensors.count { if let tensor = tensors.start?[i], tensor.count > 0 { isExact = isExact && pass.isExact(tensor.dtype) } }
        self.isExact = isExact
    }

    mutating func take(_ piece: TensorPass.Piece) {
        finish(upTo: piece.tensor)
        if pass.isExact(piece.dtype), let part = piece.sum { sum.add(part) } else { reduction.take(piece) }
    }

    mutating func finish(upTo n: Int) {
        while current < n {
            let tensor = Tensors(start: tensors.start.map { $0 + current }, count: 1, pass: tensors.pass)
            if isExact { total.add(sum.words) }
            if !isExact || perTensor != nil {
                let hasSum = tensor.start.map { pass.isExact($0.pointee.dtype) } ?? false
                let norm = hasSum ? sum.norm(norm.p) : norm.finished(reduction.result) { Reduction.of($0, tensor) }
                perTensor?[current] = norm
                if !isExact { parts.add(norm) }
            }
            sum.clear()
            reduction.result = 0
            current &+= 1
        }
    }

    var result: Double { isExact ? total.norm(norm.p) : parts.total }
}

/// Returns the norm of all tensors, and stores that of each.
private func norm(_ tensors: Tensors, _ p: Double, _ perTensor: UnsafeMutablePointer<Double>? = nil) -> Double {
    withUnsafeTemporaryAllocation(of: Int64.self, capacity: 44) { sums in
        NormOfParts.with(p, tensors.pass) { parts in
            var norms = TensorNorms(tensors, p, perTensor, parts, sums.baseAddress.unsafelyUnwrapped)
            norms.pass.run(tensors, &norms)
            norms.finish(upTo: tensors.count)
            return norms.result
        }
    }
}

/// Adds the pieces' sums to an exact norm, or takes the largest of their magnitudes. That is a NaN if one of them is.
private struct ExactTotal: PieceConsumer {
    let call: ExactNormAdd

    func take(_ piece: TensorPass.Piece) {
        if call.p == .infinity {
            let bits = piece.result.isNaN ? Double.nan.magnitudeBits : piece.result.magnitudeBits
            call.state[0] = max(call.state[0], bits)
        } else if let sum = piece.sum {
            ExactSum(call.state, size: call.size).add(sum)
        }
    }
}

@inline(never)
func gradNorm(_ call: GradNorm, _ rows: Range<Int>) { call.total.pointee = norm(call.tensors, call.p, call.perTensor) }

@inline(never)
func exactNormAdd(_ call: ExactNormAdd, _ rows: Range<Int>) {
    var total = ExactTotal(call: call)
    TensorPass(operation: call.p == .infinity ? .largest : .sum, p: call.p, sumSize: call.size).run(call.tensors, &total)
    if call.p != .infinity { ExactSum(call.state, size: call.size).carry() }
}

@inline(never)
func exactNormMerge(_ call: ExactNormMerge, _ rows: Range<Int>) {
    if call.p == .infinity { return call.state[0] = max(call.state[0], call.other[0]) }
    let sum = ExactSum(call.state, size: call.size)
    sum.add(call.other)
    sum.carry()
}

@inline(never)
func exactNormFinish(_ call: ExactNormFinish, _ rows: Range<Int>) {
    if call.p == .infinity { return call.norm.pointee = Double(bitPattern: UInt64(bitPattern: call.state[0])) }
    var memory = InlineArray<136, Int64>(repeating: 0)
    withUnsafeMutablePointer(to: &memory) { memory in
        let sum = ExactSum(UnsafeMutableRawPointer(memory).assumingMemoryBound(to: Int64.self), size: call.size)
        sum.add(call.state)
        call.norm.pointee = sum.norm(call.p)
    }
}

@inline(never)
func gradNormCombine(_ call: GradNormCombine, _ rows: Range<Int>) {
    call.total.pointee = NormOfParts.with(call.p, call.pass) { parts in
        var parts = parts
        if let norms = call.norms { for i in rows { parts.add(norms[i]) } }
        return parts.total
    }
}

/// Finds the element by bisection. If the first half has only finite elements, the element is in the second half.
@inline(never)
func gradFirstNonfinite(_ call: GradFirstNonfinite, _ rows: Range<Int>) {
    (call.tensor.pointee, call.element.pointee) = (-1, -1)
    let pass = TensorPass(operation: .largest)
    for i in 0..<call.tensors.count {
        guard let tensor = call.tensors.start?[i], let data = tensor.data else { continue }
        let size = bgi_element_size(tensor.dtype)
        func isFinite(_ begin: Int, _ count: Int) -> Bool { pass.result(data + begin &* size, count, tensor.dtype, call.tensors.pass).isFinite }
        if isFinite(0, tensor.count) { continue }
        var (begin, count) = (0, tensor.count)
        while count > 1 {
            let half = count / 2
            (begin, count) = isFinite(begin, half) ? (begin &+ half, count &- half) : (begin, half)
        }
        (call.tensor.pointee, call.element.pointee) = (i, begin)
        return
    }
}

@inline(never)
func gradChange(_ call: GradChange, _ rows: Range<Int>) {
    var nothing = Nothing()
    call.change.run(call.tensors, &nothing)
}

@inline(never)
func clipGradRMS(_ call: ClipGradRMS, _ rows: Range<Int>) {
    guard let tensors = call.tensors.start else { return }
    for i in rows {
        let tensor = Tensors(start: tensors + i, count: 1, pass: call.tensors.pass)
        let rms = tensors[i].count == 0 ? 0 : norm(tensor, 2) / Double(tensors[i].count).squareRoot()
        if call.onlyLooks {
            guard !rms.isFinite else { continue }
            call.firstNonfinite.pointee = i
            return
        }
        call.rms?[i] = rms
        var nothing = Nothing()
        switch (rms.isFinite, call.onNonfinite) {
        case (false, BOXGRAD_NONFINITE_SKIP): break
        case (false, BOXGRAD_NONFINITE_ZERO): TensorPass(operation: .zero).run(tensor, &nothing)
        default:
            if rms <= call.maxRMS || call.maxRMS == .infinity { continue }
            TensorPass(operation: .scale, coefficient: call.maxRMS / rms).run(tensor, &nothing)
        }
    }
}
#endif
