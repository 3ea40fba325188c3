import CBoxgrad
import CShims

extension Arguments {
    fileprivate mutating func tensors(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) {
        count(n, "n")
        packed(tensors, "tensors", n)
        guard valid, n > 0, let tensors else { return }
        for i in 0..<n {
            let tensor = tensors[i]
            guard let size = elementSize(tensor.dtype) else {
                return fail(BOXGRAD_UNSUPPORTED, "tensors", row: i, "has an unknown dtype", .integer(Int(tensor.dtype)))
            }
            if tensor.reserved != 0 { fail(BOXGRAD_BAD_PARAMETER, "tensors", row: i, "has a reserved field that is not 0", .integer(Int(tensor.reserved))) }
            if tensor.count < 0 || tensor.count.multipliedReportingOverflow(by: size).overflow {
                fail(BOXGRAD_SIZE_OVERFLOW, "tensors", row: i, "has more elements than memory can hold", .count(tensor.count))
            }
            if tensor.count > 0 && tensor.data == nil { fail(BOXGRAD_NULL_POINTER, "tensors", row: i, "has data that is NULL") }
            guard valid else { return }
        }
    }

    fileprivate mutating func norm(_ p: Double) { require(p > 0 && 1 / p < .infinity, "p", "must be positive, and 1 / p finite", p) }
}

private func elementSize(_ dtype: Int32) -> Int? {
    switch dtype {
    case BOXGRAD_F32: 4
    case BOXGRAD_F64: 8
    case BOXGRAD_F16, BOXGRAD_BF16: 2
    default: nil
    }
}

/// One pass over tensors, in pieces that threads share: a sum or the largest magnitude of each piece, or a change of it.
private struct TensorPass: Work {
    enum Operation {
        case sum(p: Double, divisor: Double)
        case largest
        case scale(Double, limit: Double)
    }

    struct Piece {
        var data = UnsafeMutableRawPointer?.none
        var count = 0
        var dtype: Int32 = 0
        var tensor = 0
        var result = 0.0
    }

    private static var pieceSize: Int { 1 << 16 }
    private let operation: Operation
    private let pieces: UnsafeMutablePointer<Piece>
    private var filled = 0
    private var elements = 0

    /// Gives each piece to the consumer once it is worked on.
    static func run<Consumer: PieceConsumer>(_ operation: Operation, _ tensors: UnsafePointer<boxgrad_tensor>, _ n: Int, _ consumer: inout Consumer) {
        var memory = InlineArray<128, Piece>(repeating: Piece())
        withUnsafeMutablePointer(to: &memory) { memory in
            var pass = Self(operation: operation, pieces: UnsafeMutableRawPointer(memory).assumingMemoryBound(to: Piece.self))
            for i in 0..<n {
                guard let data = tensors[i].data, let size = elementSize(tensors[i].dtype) else { continue }
                var begin = 0
                while begin < tensors[i].count {
                    let length = min(pieceSize, tensors[i].count &- begin)
                    if pass.filled == 128 { pass.flush(&consumer) }
                    pass.pieces[pass.filled] = Piece(data: data + begin &* size, count: length, dtype: tensors[i].dtype, tensor: i)
                    pass.filled &+= 1
                    pass.elements &+= length
                    begin &+= length
                }
            }
            pass.flush(&consumer)
        }
    }

    private mutating func flush<Consumer: PieceConsumer>(_ consumer: inout Consumer) {
        guard filled > 0 else { return }
        // Pieces may be small: what is worth a thread is a number of elements.
        let threads = bgi_threads(elements, Division.elements.worthThread)
        run(filled, Division(rows: 1, worthThread: max(1, filled / threads))) { context, index, _ in
            Self.at(context).work(&Self.at(context).pieces[index])
        }
        for i in 0..<filled { consumer.take(pieces[i]) }
        (filled, elements) = (0, 0)
    }

    private func work(_ piece: inout Piece) {
        guard let data = piece.data else { return }
        switch operation {
        case .sum(let p, let divisor): piece.result = kernels.tensor.sum(data, piece.count, piece.dtype, p, divisor)
        case .largest: piece.result = kernels.tensor.largest(data, piece.count, piece.dtype)
        case .scale(let coefficient, let limit): kernels.tensor.scale(data, piece.count, piece.dtype, coefficient, limit)
        }
    }
}

/// What takes the pieces of a pass, in order.
private protocol PieceConsumer {
    mutating func take(_ piece: TensorPass.Piece)
}

private struct Nothing: PieceConsumer {
    mutating func take(_ piece: TensorPass.Piece) {}
}

/// The sum of pieces, or the largest of them, NaN if there is one.
private struct Reduction: PieceConsumer {
    let operation: TensorPass.Operation
    var result = 0.0

    mutating func take(_ piece: TensorPass.Piece) {
        if case .sum = operation {
            result += piece.result
        } else if !result.isNaN && !(piece.result <= result) {
            result = piece.result
        }
    }

    static func of(_ operation: TensorPass.Operation, _ tensor: UnsafePointer<boxgrad_tensor>) -> Double {
        var reduction = Self(operation: operation)
        TensorPass.run(operation, tensor, 1, &reduction)
        return reduction.result
    }
}

/// How a p-norm is found. A plain sum of squares is used where it neither overflows nor loses digits to underflow; otherwise, and for a
/// general p, everything is divided by the largest element first.
private struct Norm {
    let p: Double

    var firstOperation: TensorPass.Operation { p == 1 || p == 2 ? .sum(p: p, divisor: 1) : .largest }

    /// The norm of a tensor of which the first operation is done.
    func finished(_ tensor: UnsafePointer<boxgrad_tensor>, _ result: Double) -> Double {
        if p == 1 || p == .infinity { return result }
        if p == 2 && result > 0x1p-900 && result < .infinity { return kernels.tensor.root(result, p) }
        let largest = p == 2 ? Reduction.of(.largest, tensor) : result
        guard largest > 0 && largest < .infinity else { return largest }
        return kernels.tensor.root(Reduction.of(.sum(p: p, divisor: largest), tensor), p) * largest
    }
}

/// The norm of the whole from norms of its parts, which are collected in runs on the stack: a run that is full becomes one norm.
private struct NormOfParts {
    private static let runLength = 128
    private let run: UnsafeMutablePointer<Double>
    private let norm: Norm
    private var length = 0

    static func with(_ p: Double, _ body: (inout Self) -> Void) -> Double {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: runLength) { run in
            var parts = Self(run: run.baseAddress.unsafelyUnwrapped, norm: Norm(p: p))
            body(&parts)
            return parts.total
        }
    }

    private init(run: UnsafeMutablePointer<Double>, norm: Norm) {
        self.run = run
        self.norm = norm
    }

    private var total: Double {
        var tensor = boxgrad_tensor(data: run, count: length, dtype: BOXGRAD_F64, reserved: 0)
        return norm.finished(&tensor, Reduction.of(norm.firstOperation, &tensor))
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

/// Gives each tensor's norm, in order, to the norm of the whole.
private struct TensorNorms: PieceConsumer {
    let tensors: UnsafePointer<boxgrad_tensor>
    let norm: Norm
    let perTensor: UnsafeMutablePointer<Double>?
    var parts: NormOfParts
    private var current = 0
    private var reduction: Reduction

    init(_ tensors: UnsafePointer<boxgrad_tensor>, _ p: Double, _ perTensor: UnsafeMutablePointer<Double>?, _ parts: NormOfParts) {
        (self.tensors, self.perTensor, self.parts) = (tensors, perTensor, parts)
        norm = Norm(p: p)
        reduction = Reduction(operation: norm.firstOperation)
    }

    mutating func take(_ piece: TensorPass.Piece) {
        finish(upTo: piece.tensor)
        reduction.take(piece)
    }

    mutating func finish(upTo n: Int) {
        while current < n {
            let norm = norm.finished(tensors + current, reduction.result)
            perTensor?[current] = norm
            parts.add(norm)
            reduction.result = 0
            current &+= 1
        }
    }
}

private func totalNorm(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ p: Double, _ perTensor: UnsafeMutablePointer<Double>?) -> Double {
    NormOfParts.with(p) { parts in
        guard let tensors else { return }
        var norms = TensorNorms(tensors, p, perTensor, parts)
        TensorPass.run(norms.norm.firstOperation, tensors, n, &norms)
        norms.finish(upTo: n)
        parts = norms.parts
    }
}

/// The first tensor that holds an infinity or a NaN, and where.
private func firstNonfinite(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) -> (tensor: Int, element: Int)? {
    guard let tensors else { return nil }
    for i in 0..<n {
        guard let data = tensors[i].data, let size = elementSize(tensors[i].dtype) else { continue }
        func isFinite(_ begin: Int, _ count: Int) -> Bool { kernels.tensor.largest(data + begin &* size, count, tensors[i].dtype).isFinite }
        if isFinite(0, tensors[i].count) { continue }
        var (begin, count) = (0, tensors[i].count)
        while count > 1 {
            let half = count / 2
            (begin, count) = isFinite(begin, half) ? (begin &+ half, count &- half) : (begin, half)
        }
        return (i, begin)
    }
    return nil
}

private func scale(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ coefficient: Double, limit: Double = .infinity) {
    guard let tensors else { return }
    var nothing = Nothing()
    TensorPass.run(.scale(coefficient, limit: limit), tensors, n, &nothing)
}

@_cdecl("boxgrad_grad_norm") @implementation
public func boxgrad_grad_norm(
    _ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ p: Double, _ total: UnsafeMutablePointer<Double>?,
    _ perTensor: UnsafeMutablePointer<Double>?, _ firstNonfiniteTensor: UnsafeMutablePointer<Int>?
) -> Int32 {
    var arguments = Arguments()
    arguments.norm(p)
    arguments.tensors(tensors, n)
    arguments.packed(perTensor, "per_tensor", n, optional: true)
    guard arguments.valid else { return arguments.status }
    let norm = totalNorm(tensors, n, p, perTensor)
    total?.pointee = norm
    // An infinite norm may be one of finite numbers; a finite one has no others.
    firstNonfiniteTensor?.pointee = norm.isFinite ? -1 : firstNonfinite(tensors, n)?.tensor ?? -1
    return BOXGRAD_OK
}

@_cdecl("boxgrad_grad_norm_combine") @implementation
public func boxgrad_grad_norm_combine(
    _ norms: UnsafePointer<Double>?, _ n: Int, _ p: Double, _ total: UnsafeMutablePointer<Double>?
) -> Int32 {
    var arguments = Arguments()
    arguments.norm(p)
    arguments.count(n, "n")
    arguments.packed(norms, "norms", n)
    arguments.pointer(total, "total")
    guard arguments.valid, let total else { return arguments.status }
    total.pointee = NormOfParts.with(p) { parts in
        if let norms { for i in 0..<n { parts.add(norms[i]) } }
    }
    return BOXGRAD_OK
}

@_cdecl("boxgrad_grad_scale") @implementation
public func boxgrad_grad_scale(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ coefficient: Double) -> Int32 {
    var arguments = Arguments()
    arguments.require(coefficient.isFinite, "coefficient", "must be finite", coefficient)
    arguments.tensors(tensors, n)
    guard arguments.valid else { return arguments.status }
    scale(tensors, n, coefficient)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_clip_grad_norm") @implementation
public func boxgrad_clip_grad_norm(
    _ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ maxNorm: Double, _ p: Double, _ eps: Double, _ onNonfinite: Int32,
    _ total: UnsafeMutablePointer<Double>?
) -> Int32 {
    var arguments = Arguments()
    arguments.require(maxNorm >= 0, "max_norm", "must not be negative or NaN", maxNorm)
    arguments.norm(p)
    arguments.require(eps >= 0 && eps < .infinity, "eps", "must be a finite number, not negative", eps)
    arguments.require(BOXGRAD_NONFINITE_PROPAGATE...BOXGRAD_NONFINITE_ZERO ~= onNonfinite, "on_nonfinite", "is no such code", onNonfinite)
    arguments.tensors(tensors, n)
    guard arguments.valid else { return arguments.status }

    let norm = totalNorm(tensors, n, p, nil)
    if !norm.isFinite && onNonfinite == BOXGRAD_NONFINITE_ERROR {
        if let (tensor, element) = firstNonfinite(tensors, n) {
            arguments.fail(BOXGRAD_NONFINITE, "tensors", row: tensor, element: element, "is not finite")
        } else {
            arguments.fail(BOXGRAD_NONFINITE, "tensors", "are finite, but their total norm is too large for a double")
        }
        return arguments.status
    }
    total?.pointee = norm
    switch (norm.isFinite, onNonfinite) {
    case (false, BOXGRAD_NONFINITE_SKIP): break
    case (false, BOXGRAD_NONFINITE_ZERO): zero(tensors, n)
    default:
        // An infinite limit never scales; nor does a total of 0, whatever the limit.
        let coefficient = maxNorm == .infinity || norm == 0 ? 1 : maxNorm / (norm + eps)
        if !(coefficient >= 1) { scale(tensors, n, coefficient) }
    }
    return BOXGRAD_OK
}

private func zero(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int) {
    guard let tensors else { return }
    for i in 0..<n {
        if let data = tensors[i].data, let size = elementSize(tensors[i].dtype) { memset(data, 0, tensors[i].count &* size) }
    }
}

@_cdecl("boxgrad_clip_grad_value") @implementation
public func boxgrad_clip_grad_value(_ tensors: UnsafePointer<boxgrad_tensor>?, _ n: Int, _ limit: Double) -> Int32 {
    var arguments = Arguments()
    arguments.require(limit >= 0, "limit", "must not be negative or NaN", limit)
    arguments.tensors(tensors, n)
    guard arguments.valid else { return arguments.status }
    scale(tensors, n, 1, limit: limit)
    return BOXGRAD_OK
}
