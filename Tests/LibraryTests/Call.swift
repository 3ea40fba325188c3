import CBoxgrad

/// Describes a parameter that points to numbers.
struct Argument {
    enum Element { case real, double, size, word, byte }

    let name: String
    let rows, columns: Int
    /// The parameter that has the stride of the rows, or nil for a packed array.
    let stride: String?
    let optional: Bool
    let element: Element
    /// Makes the rows of an input. It is nil for an output.
    let sample: ((inout Random) -> [[Double]])?

    var isInput: Bool { sample != nil }

    static func boxes(_ name: String, _ rows: Int, stride: String) -> Argument {
        input(name, rows, 4, stride: stride) { $0.box() }
    }

    static func numbers(_ name: String, _ rows: Int, _ columns: Int = 1, stride: String? = nil, optional: Bool = false) -> Argument {
        input(name, rows, columns, stride: stride, optional: optional) { $0.numbers(columns) }
    }

    static func input(
        _ name: String, _ rows: Int, _ columns: Int = 1, stride: String? = nil, optional: Bool = false, of element: Element = .real,
        row: @escaping (inout Random) -> [Double]
    ) -> Argument {
        Argument(name: name, rows: rows, columns: columns, stride: stride, optional: optional, element: element) { random in
            (0..<rows).map { _ in row(&random) }
        }
    }

    static func output(
        _ name: String, _ rows: Int, _ columns: Int = 1, stride: String? = nil, optional: Bool = false, of element: Element = .real
    ) -> Argument {
        Argument(name: name, rows: rows, columns: columns, stride: stride, optional: optional, element: element, sample: nil)
    }
}

/// Holds one call of an operation: its buffers, pointers, strides and counts. A test may change the pointers, strides and counts before it
/// makes the call.
final class Call<T: Scalar> {
    let op: any Operation
    let function: String
    let arguments: [Argument]
    private(set) var buffers: [String: Buffer] = [:]
    var pointers: [String: UnsafeMutableRawPointer] = [:]
    var strides: [String: Int] = [:]
    var counts: [String: Int]
    private let properties: [String: Any]
    private let optionsOfCall: UnsafeMutableRawPointer?

    /// Prepares a call. Padding 0 packs the rows. With padding 1 to 6 the strides differ from each other, and each stride takes the values
    /// from its width to its width + 5.
    init(_ op: any Operation, _ n: Int, _ inputs: Inputs, absent: Names = [], padding: Int = 0, inPlace: Bool = false) {
        (self.op, function, arguments, counts) = (op, op.function, op.arguments(n), op.counts(n))
        properties = Dictionary(uniqueKeysWithValues: Mirror(reflecting: op).children.map { ($0.label!.lowercased(), $0.value) })
        optionsOfCall = (op as? any OperationWithOptions)?.allocatedOptions()
        for argument in arguments {
            if let name = argument.stride, strides[name] == nil {
                strides[name] = argument.columns + (padding == 0 || inPlace ? padding : (padding + 2 * strides.count) % 6)
            }
            let buffer = Buffer(
                rows: argument.rows, columns: argument.columns, stride: argument.stride.map { strides[$0]! } ?? argument.columns,
                size: size(argument), margin: argument.isInput ? 0 : 64)
            if let rows = inputs[argument.name] { argument.element == .size ? buffer.write(integers: rows) : buffer.write(rows, as: T.self) }
            buffers[argument.name] = buffer
            pointers[argument.name] = absent.contains(argument.name) ? nil : buffer.start
        }
        if inPlace, let (input, output) = op.inPlace {
            buffers[output]!.write(inputs[input]!, as: T.self)
            pointers[input] = pointers[output]
        }
    }

    deinit { optionsOfCall?.deallocate() }

    func options<Options>() -> UnsafePointer<Options>? { optionsOfCall.map { UnsafePointer($0.assumingMemoryBound(to: Options.self)) } }

    func integer(_ name: String) -> Int { strides[name] ?? counts[name] ?? property(name) }
    func number(_ name: String) -> Double { property(name) }
    func code(_ name: String) -> Int32 { property(name) }
    func read<E>(_ name: String) -> UnsafePointer<E>? { pointers[name].map { UnsafePointer($0.assumingMemoryBound(to: E.self)) } }
    func write<E>(_ name: String) -> UnsafeMutablePointer<E>? { pointers[name]?.assumingMemoryBound(to: E.self) }

    private func property<V>(_ name: String) -> V {
        guard let value = properties[name.replacing("_", with: "")] as? V else { fatalError("\(op) has no property for the parameter \(name)") }
        return value
    }

    private func make() throws -> Int32 {
        guard let status = T.make(self) else { throw Mismatch(description: "the library has no function that is called like \(op)") }
        return status
    }

    /// The outputs that have a pointer that is not NULL.
    var outputs: [Argument] { arguments.filter { !$0.isInput && pointers[$0.name] != nil } }

    func size(_ argument: Argument) -> Int {
        switch argument.element {
        case .real: MemoryLayout<T>.size
        case .double, .size: 8
        case .word: 4
        case .byte: 1
        }
    }

    /// Makes the call, and requires that it succeeds and that its inputs, and all bytes around its outputs, stay as they were.
    func succeeds() throws {
        let before = buffers.mapValues(\.everything)
        let status = try make()
        try demand(status == 0, "\(op) \(T.self): \(status), \(lastError())")
        for argument in arguments {
            let buffer = buffers[argument.name]!
            let kept = argument.isInput || pointers[argument.name] == nil ? buffer.everything == before[argument.name] : buffer.isIntact
            try demand(kept, "\(op) \(T.self): wrote where it must not, in \(argument.name)")
        }
    }

    /// Makes the call, and requires that it fails with this status, changes nothing, and names what is wrong: all of these words, or an
    /// argument if there are none.
    func fails(_ status: Int32, naming words: [String] = []) throws {
        let before = buffers.mapValues(\.everything)
        let got = try make()
        try demand(got == status, "\(op) \(T.self), wrong \(words): \(got) instead of \(status), \(lastError())")
        let known = Names(arguments.map(\.name)).union(strides.keys).union(counts.keys).union(words)
        let said = Names(lastError().split { !$0.isLetter && !$0.isNumber && !"_-.".contains($0) }.map(String.init))
        try demand(said.isSuperset(of: words) && !said.isDisjoint(with: known), "\(op) \(T.self): \"\(lastError())\" does not name \(words)")
        try demand(buffers.mapValues(\.everything) == before, "\(op) \(T.self): a failed call wrote something")
    }

    func values(_ argument: Argument) -> [[Double]] {
        let buffer = buffers[argument.name]!
        return (0..<argument.rows).map { i in (0..<argument.columns).map { value(argument, buffer, i, $0) } }
    }

    /// Returns one number of an argument. `buffer` is the buffer of this argument.
    func value(_ argument: Argument, _ buffer: Buffer, _ row: Int, _ column: Int) -> Double {
        let address = buffer.row(row) + column * buffer.size
        return switch argument.element {
        case .real: Double(address.load(as: T.self))
        case .double: address.load(as: Double.self)
        case .size: Double(address.load(as: Int.self))
        case .word: Double(address.load(as: UInt32.self))
        case .byte: Double(address.load(as: UInt8.self))
        }
    }
}
