import CBoxgrad

/// The dtype of a tensor, with the conversion of its numbers.
enum Dtype: Int32, CaseIterable {
    case f32, f64, f16, bf16

    var size: Int {
        switch self {
        case .f32: 4
        case .f64: 8
        case .f16, .bf16: 2
        }
    }

    /// Returns the nearest number of this dtype. It rounds once, ties to even.
    func rounded(_ x: Double) -> Double {
        switch self {
        case .f32: Double(Float(x))
        case .f64: x
        case .f16: Double(Float16(x))
        case .bf16: Dtype.bfloat(Dtype.bits(x))
        }
    }

    static func bfloat(_ bits: UInt16) -> Double { Double(Float(bitPattern: UInt32(bits) << 16)) }

    /// Returns the nearest bfloat16. It tries x without its last bits, and the numbers before and after that. Infinity follows the largest
    /// number.
    static func bits(_ x: Double) -> UInt16 {
        let below = UInt16(Float(x).bitPattern >> 16)
        guard x.isFinite else { return x.isNaN ? below | 0x40 : below }
        return [below &- 1, below, below &+ 1].filter { $0 & 0x7FFF <= 0x7F80 && bfloat($0).sign == x.sign }.min { a, b in
            let (errorA, errorB) = (distance(x, a), distance(x, b))
            return errorA < errorB || (errorA == errorB && a & 1 == 0)
        }!
    }

    /// Returns the distance of x from a bfloat16. Rounding takes infinity for 2^128.
    private static func distance(_ x: Double, _ bits: UInt16) -> Double { abs(x.magnitude - min(bfloat(bits).magnitude, 0x1p128)) }

    func load(_ address: UnsafeMutableRawPointer) -> Double {
        switch self {
        case .f32: Double(address.load(as: Float.self))
        case .f64: address.load(as: Double.self)
        case .f16: Double(address.load(as: Float16.self))
        case .bf16: Dtype.bfloat(address.load(as: UInt16.self))
        }
    }

    func store(_ x: Double, _ address: UnsafeMutableRawPointer) {
        switch self {
        case .f32: address.storeBytes(of: Float(x), as: Float.self)
        case .f64: address.storeBytes(of: x, as: Double.self)
        case .f16: address.storeBytes(of: Float16(x), as: Float16.self)
        case .bf16: address.storeBytes(of: Dtype.bits(x), as: UInt16.self)
        }
    }
}

/// Holds tensors between sentinels, in the form that the functions of gradient clipping take. A tensor without elements has no data.
final class Gradients {
    let dtypes: [Dtype]
    private let buffers: [Buffer]
    var tensors: [boxgrad_tensor]
    private let before: [[UInt8]]

    init(_ parts: [(dtype: Dtype, values: [Double])]) {
        dtypes = parts.map(\.dtype)
        buffers = parts.map { dtype, values in
            let buffer = Buffer(rows: 1, columns: values.count, stride: values.count, size: dtype.size, margin: 64)
            for (k, value) in values.enumerated() { dtype.store(value, buffer.start + k * dtype.size) }
            return buffer
        }
        tensors = zip(dtypes, buffers).map { dtype, buffer in
            boxgrad_tensor(data: buffer.columns == 0 ? nil : buffer.start, count: buffer.columns, dtype: dtype.rawValue, reserved: 0)
        }
        before = buffers.map(\.everything)
    }

    /// Returns one tensor of each dtype. The tensors have up to n elements, and not all the same number.
    static func mixed(_ n: Int, scale: Double = 1) -> Gradients {
        var random = Random(seed: n)
        return Gradients(zip(Dtype.allCases, [n, n / 2, n, n / 3]).map { dtype, count in
            (dtype, random.numbers(count).map { dtype.rounded($0 * scale) })
        })
    }

    var count: Int { tensors.count }

    var values: [[Double]] {
        zip(dtypes, buffers).map { dtype, buffer in (0..<buffer.columns).map { dtype.load(buffer.start + $0 * dtype.size) } }
    }

    var isIntact: Bool { buffers.allSatisfy(\.isIntact) }
    var isUnchanged: Bool { buffers.map(\.everything) == before }
}
