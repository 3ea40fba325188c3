import CBoxgrad
import Foundation
import Testing

/// The vectors of Tests/vectors, which generate.py there describes.
private struct Vectors: Decodable {
    struct Vector: Decodable {
        let function, type, hash: String
        let arguments: [Argument?]
        let status: Int32
        let error: String?
    }

    /// A count, a code or a double; JSON has no numbers for "inf", "-inf" and "nan".
    struct Number: Decodable {
        let int: Int
        let double: Double

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            double = try (try? value.decode(Double.self)) ?? #require(Double(value.decode(String.self)))
            int = (try? value.decode(UInt.self)).map { Int(bitPattern: $0) } ?? Int(exactly: double) ?? 0
        }
    }

    struct Array: Decodable {
        let of: String
        let length: Int
        let `in`, out, terms: [Number]?
        let eps: Double?
    }

    struct Tensor: Decodable {
        let dtype: Int32, count: Int, reserved: Int32, array: Array?

        init(from decoder: any Decoder) throws {
            var parts = try decoder.unkeyedContainer()
            (dtype, count, reserved) = (try parts.decode(Int32.self), try parts.decode(Int.self), try parts.decode(Int32.self))
            array = try parts.decodeIfPresent(Array.self)
        }
    }

    enum Argument: Decodable {
        case number(Number), array(Array), options([Number]), tensors([Tensor])
        private enum Key: CodingKey { case of, options, tensors }

        init(from decoder: any Decoder) throws {
            guard let parts = try? decoder.container(keyedBy: Key.self) else {
                self = .number(try Number(from: decoder))
                return
            }
            if parts.contains(.options) {
                self = .options(try parts.decode([Number].self, forKey: .options))
            } else if parts.contains(.tensors) {
                self = .tensors(try parts.decode([Tensor].self, forKey: .tensors))
            } else {
                self = .array(try Array(from: decoder))
            }
        }
    }

    let vectors: [Vector]

    static let all: [Vector] = {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../vectors/vectors.json")
        return try! JSONDecoder().decode(Vectors.self, from: Data(contentsOf: path)).vectors
    }()
}

/// How numbers lie in memory.
private enum Kind: String {
    case f32, f64, f16, bf16, u8, u32, i64, size

    private var dtype: Dtype? { Dtype.allCases.first { "\($0)" == rawValue } }

    var size: Int {
        switch self {
        case .u8: 1
        case .u32: 4
        case .i64, .size: 8
        default: dtype!.size
        }
    }

    func load(_ address: UnsafeMutableRawPointer) -> Double {
        switch self {
        case .u8: Double(address.load(as: UInt8.self))
        case .u32: Double(address.load(as: UInt32.self))
        case .i64: Double(address.load(as: Int64.self))
        case .size: Double(address.load(as: UInt.self))
        default: dtype!.load(address)
        }
    }

    func store(_ x: Double, _ address: UnsafeMutableRawPointer) {
        switch self {
        case .u8: address.storeBytes(of: UInt8(x), as: UInt8.self)
        case .u32: address.storeBytes(of: UInt32(x), as: UInt32.self)
        case .i64: address.storeBytes(of: Int64(x), as: Int64.self)
        case .size: address.storeBytes(of: UInt(x), as: UInt.self)
        default: dtype!.store(x, address)
        }
    }
}

/// An array of a call, and what must be in it afterwards.
private final class Memory {
    private let entry: Vectors.Array
    private let kind: Kind
    private let before: [UInt8]
    let start: UnsafeMutableRawPointer

    init(_ entry: Vectors.Array) throws {
        self.entry = entry
        kind = try #require(Kind(rawValue: entry.of))
        start = .allocate(byteCount: entry.length * kind.size + 1, alignment: 16)
        memset(start, 0x5A, entry.length * kind.size)
        for (k, x) in (entry.in ?? []).enumerated() { kind.store(x.double, start + k * kind.size) }
        before = [UInt8](UnsafeRawBufferPointer(start: start, count: entry.length * kind.size))
    }

    deinit { start.deallocate() }

    var complaint: String? {
        guard let out = entry.out else { return memcmp(start, before, before.count) == 0 ? nil : "wrote where it must not" }
        let eps = entry.eps ?? 0, unit = entry.of == "f32" ? Float.eps : Double.eps
        for (k, wanted) in out.map(\.double).enumerated() {
            let got = kind.load(start + k * kind.size)
            if (got == wanted && got.sign == wanted.sign) || (got.isNaN && wanted.isNaN) { continue }
            if eps > 0, let terms = entry.terms, abs(got - wanted) <= eps * unit * terms[k].double { continue }
            return "[\(k)] is \(got), not \(wanted)"
        }
        return nil
    }
}

/// A call's arguments as its prototype wants them.
private final class VectorCall {
    private let arguments: [Vectors.Argument?]
    private(set) var memory: [Memory] = []
    private var pointers: [UnsafeMutableRawPointer?] = []
    private let options = UnsafeMutablePointer<boxgrad_delta_options>.allocate(capacity: 1)
    private let tensors = UnsafeMutablePointer<boxgrad_tensor>.allocate(capacity: 16)

    init(_ vector: Vectors.Vector) throws {
        arguments = vector.arguments
        for argument in arguments {
            switch argument {
            case .array(let entry): pointers.append(try allocate(entry))
            case .options(let fields):
                let f = fields.map(\.double)
                options.initialize(to: boxgrad_delta_options(
                    size: Int(f[0]), means: (f[1], f[2], f[3], f[4]), stds: (f[5], f[6], f[7], f[8]), log_ratio_min: f[9], log_ratio_max: f[10],
                    image_width: f[11], image_height: f[12], center_clamp: f[13], on_degenerate: Int32(f[14]), reserved: Int32(f[15])))
                pointers.append(options)
            case .tensors(let list):
                for (k, tensor) in list.enumerated() {
                    let data = try tensor.array.map(allocate)
                    tensors[k] = boxgrad_tensor(data: data, count: tensor.count, dtype: tensor.dtype, reserved: tensor.reserved)
                }
                pointers.append(tensors)
            default: pointers.append(nil)
            }
        }
    }

    deinit {
        options.deallocate()
        tensors.deallocate()
    }

    private func allocate(_ entry: Vectors.Array) throws -> UnsafeMutableRawPointer {
        memory.append(try Memory(entry))
        return memory[memory.count - 1].start
    }

    private func number(_ k: Int) -> Vectors.Number? {
        guard case .number(let number) = arguments[k] else { return nil }
        return number
    }

    func p<E>(_ k: Int) -> UnsafePointer<E>? { pointers[k].map { UnsafePointer($0.assumingMemoryBound(to: E.self)) } }
    func p<E>(_ k: Int) -> UnsafeMutablePointer<E>? { pointers[k]?.assumingMemoryBound(to: E.self) }
    func n(_ k: Int) -> Int { number(k)!.int }
    func d(_ k: Int) -> Double { number(k)!.double }
    func i(_ k: Int) -> Int32 { Int32(number(k)!.double) }

    func make<T: Scalar>(_ name: String, _: T.Type) throws -> Int32 {
        let f = T.functions
        switch name {
        case "box_area": return f.boxArea(p(0), n(1), n(2), p(3))
        case "box_area_grad": return f.boxAreaGrad(p(0), n(1), n(2), p(3), p(4))
        case "box_convert": return f.boxConvert(i(0), i(1), p(2), n(3), n(4), p(5), n(6))
        case "box_convert_grad": return f.boxConvertGrad(i(0), i(1), n(2), p(3), p(4))
        case "box_clip": return f.boxClip(p(0), n(1), n(2), d(3), d(4), p(5), n(6))
        case "box_clip_grad": return f.boxClipGrad(p(0), n(1), n(2), d(3), d(4), p(5), p(6))
        case "box_inspect": return f.boxInspect(p(0), n(1), n(2), d(3), d(4), d(5), p(6), p(7), n(8))
        case "box_rotate": return f.boxRotate(p(0), n(1), n(2), d(3), d(4), d(5), p(6), p(7))
        case "clip": return f.clip(p(0), n(1), d(2), d(3), p(4))
        case "clip_grad": return f.clipGrad(p(0), n(1), d(2), d(3), p(4), i(5), p(6), p(7))
        case "iou_pairwise": return f.iouPairwise(i(0), p(1), n(2), n(3), p(4), n(5), n(6), d(7), p(8), n(9), p(10))
        case "iou_pairwise_grad": return f.iouPairwiseGrad(i(0), p(1), n(2), n(3), p(4), n(5), n(6), d(7), p(8), n(9), p(10), p(11))
        case "iou_aligned": return f.iouAligned(i(0), p(1), n(2), p(3), n(4), n(5), d(6), p(7), p(8), p(9))
        case "iou_loss": return f.iouLoss(i(0), p(1), n(2), p(3), n(4), n(5), p(6), d(7), d(8), p(9), p(10), p(11), p(12))
        case "smooth_l1": return f.smoothL1(p(0), p(1), p(2), p(3), n(4), d(5), d(6), p(7), p(8), p(9), p(10))
        case "delta_encode": return f.deltaEncode(p(0), p(1), n(2), p(3), n(4), n(5), p(6), p(7), p(8))
        case "delta_encode_grad": return f.deltaEncodeGrad(p(0), p(1), n(2), p(3), n(4), n(5), p(6), p(7), p(8))
        case "delta_decode": return f.deltaDecode(p(0), p(1), n(2), p(3), n(4), n(5), n(6), p(7))
        case "delta_decode_grad": return f.deltaDecodeGrad(p(0), p(1), n(2), p(3), n(4), n(5), n(6), p(7), p(8), p(9))
        case "nms": return f.nms(p(0), n(1), n(2), p(3), p(4), d(5), d(6), n(7), p(8), p(9))
        case "soft_nms": return f.softNms(i(0), p(1), n(2), n(3), p(4), p(5), d(6), d(7), d(8), n(9), p(10), p(11), p(12))
        case "match": return f.match(i(0), p(1), n(2), n(3), p(4), n(5), n(6), d(7), d(8), d(9), i(10), p(11), p(12))
        default: throw Mismatch(description: "\(name) is not called here")
        }
    }

    func make(_ name: String) throws -> Int32 {
        switch name {
        case "grad_norm": return api.grad_norm(p(0), n(1), d(2), p(3), p(4), p(5))
        case "grad_norm_combine": return api.grad_norm_combine(p(0), n(1), d(2), p(3))
        case "grad_scale": return api.grad_scale(p(0), n(1), d(2))
        case "clip_grad_norm": return api.clip_grad_norm(p(0), n(1), d(2), d(3), d(4), i(5), p(6))
        case "clip_grad_value": return api.clip_grad_value(p(0), n(1), d(2))
        case "sample": return api.sample(p(0), n(1), Int64(n(2)), n(3), d(4), UInt64(bitPattern: Int64(n(5))), p(6), p(7), p(8))
        default: throw Mismatch(description: "\(name) is not called here")
        }
    }
}

@Suite struct VectorTests {
    /// Nothing a decoder does may change a bit.
    @Test func numbersAreReadExactly() {
        for vector in Vectors.all {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            func take(_ numbers: [Vectors.Number]?) {
                for number in numbers ?? [] {
                    for k in stride(from: 0, to: 64, by: 8) { hash = (hash ^ (number.double.bitPattern >> UInt64(k) & 0xFF)) &* 0x100_0000_01B3 }
                }
            }
            for case let argument? in vector.arguments {
                switch argument {
                case .array(let a): [a.in, a.out, a.terms].forEach(take)
                case .options(let fields): take(fields)
                case .tensors(let list): for tensor in list { [tensor.array?.in, tensor.array?.out, tensor.array?.terms].forEach(take) }
                case .number: break
                }
            }
            #expect(String(hash, radix: 16) == String(vector.hash.drop { $0 == "0" }), "\(vector.function)")
        }
    }

    @Test func vectors() throws {
        for (k, vector) in Vectors.all.enumerated() {
            let call = try VectorCall(vector)
            let status = switch vector.type {
            case "f32": try call.make(vector.function, Float.self)
            case "f64": try call.make(vector.function, Double.self)
            default: try call.make(vector.function)
            }
            let what: Comment = "vector \(k), \(vector.function) \(vector.type)"
            #expect(status == vector.status, what)
            if status != BOXGRAD_OK { #expect(lastError().hasPrefix(vector.error ?? "?"), what) }
            for memory in call.memory { #expect(memory.complaint == nil, what) }
        }
        #expect(Vectors.all.count > 300)
    }
}
