import Testing

/// Describes a function of the library for the sweeps: what goes in, and what must come out. The type has the name of the function, and its
/// properties have the names of the parameters that are neither pointers, counts nor strides.
protocol Operation {
    /// Returns the counts of the call, by name, when the sweep asks for n rows.
    func counts(_ n: Int) -> [String: Int]
    /// Returns the parameters that point to numbers, with the header's names.
    func arguments(_ n: Int) -> [Argument]
    /// Returns the outputs by name, row by row. x does not have an input that is NULL.
    func reference(_ x: Inputs) -> [String: [[Term]]]
    /// The input and the output that may be one array.
    var inPlace: (input: String, output: String)? { get }
    /// Whether row i of an output depends only on row i of the inputs.
    var isRowwise: Bool { get }
}

extension Operation {
    func counts(_ n: Int) -> [String: Int] { ["count": n] }
    var inPlace: (input: String, output: String)? { nil }
    var isRowwise: Bool { true }

    /// The name of the function without the type, such as ltrb_encode for LTRBEncode.
    var function: String {
        let name = String(describing: type(of: self)).lowercased()
        return typedFunctions.first { $0.replacing("_", with: "") == name } ?? name
    }
}

/// An operation whose function takes a struct of options.
protocol OperationWithOptions: Operation {
    associatedtype Options
    /// Is nil if the call passes NULL.
    var options: Options? { get }
}

extension OperationWithOptions {
    func allocatedOptions() -> UnsafeMutableRawPointer? {
        guard let options else { return nil }
        let copy = UnsafeMutablePointer<Options>.allocate(capacity: 1)
        copy.initialize(to: options)
        return UnsafeMutableRawPointer(copy)
    }
}

typealias Inputs = [String: [[Double]]]

/// Names the arguments that a call passes as NULL.
typealias Names = Set<String>

struct Mismatch: Error, CustomStringConvertible { let description: String }

func demand(_ holds: Bool, _ complaint: @autoclosure () -> String) throws {
    if !holds { throw Mismatch(description: complaint()) }
}

/// Calls the operation in both types with 0...67 rows: packed, with every padding from 0 to 5, without each subset of the optional outputs,
/// in place, and with NULL where no number is needed. The packed result must match the reference, and all other results must equal it bit
/// for bit. Only the rows of the outputs may be written.
func sweep(_ op: some Operation) throws {
    for n in 0...67 {
        var random = Random(seed: n)
        var samples = Inputs()
        for argument in op.arguments(n) { samples[argument.name] = argument.sample?(&random) }
        for absent in subsets(op.arguments(n).filter { $0.isInput && $0.optional }) {
            let inputs = samples.filter { !absent.contains($0.key) }
            let expected = op.reference(inputs)
            let (single, double) = (try Sweep<Float>(op, n, inputs, absent), try Sweep<Double>(op, n, inputs, absent))
            try single.matches(expected, eps: Float.eps)
            try double.matches(expected, eps: Double.eps)
            try single.agrees(with: double, scales: expected)
            if n == 67 && op.isRowwise {
                try single.keepsRowsApart()
                try double.keepsRowsApart()
            }
        }
    }
}

/// Returns the names of all subsets of the arguments, the empty subset first.
private func subsets(_ arguments: [Argument]) -> [Names] {
    arguments.reduce([[]]) { sets, argument in sets + sets.map { $0.union([argument.name]) } }
}

/// Sweeps one operation with one type and one number of rows.
private struct Sweep<T: Scalar> {
    let op: any Operation
    let n: Int
    let inputs: Inputs
    let absent: Names
    let packed: Call<T>

    init(_ op: any Operation, _ n: Int, _ inputs: Inputs, _ absent: Names) throws {
        (self.op, self.n, self.inputs, self.absent) = (op, n, inputs, absent)
        packed = Call(op, n, inputs, absent: absent)
        try packed.succeeds()
        for padding in 1...6 { try equalsPacked(Call(op, n, inputs, absent: absent, padding: padding), "padding \(padding)") }
        for unwanted in subsets(packed.arguments.filter { !$0.isInput && $0.optional }).dropFirst() {
            try equalsPacked(Call(op, n, inputs, absent: absent.union(unwanted)), "without \(unwanted.sorted())")
        }
        let empty = Names(packed.arguments.filter { $0.rows * $0.columns == 0 }.map(\.name))
        if !empty.isEmpty { try equalsPacked(Call(op, n, inputs, absent: absent.union(empty)), "NULL for the empty \(empty.sorted())") }
        if op.inPlace != nil {
            for padding in [0, 3] { try equalsPacked(Call(op, n, inputs, absent: absent, padding: padding, inPlace: true), "in place") }
        }
        if n == 1 {
            let call = Call<T>(op, n, inputs, absent: absent)
            for argument in call.arguments where argument.rows < 2 { argument.stride.map { call.strides[$0] = Int.min } }
            try equalsPacked(call, "a stride that nothing depends on")
        }
    }

    private func equalsPacked(_ call: Call<T>, _ what: String) throws {
        try call.succeeds()
        for argument in call.outputs {
            try demand(
                call.buffers[argument.name]!.payload == packed.buffers[argument.name]!.payload,
                "\(self) \(what): \(argument.name) is \(call.values(argument)), packed \(packed.values(argument))")
        }
    }

    func matches(_ expected: [String: [[Term]]], eps: Double) throws {
        for argument in packed.outputs {
            let (rows, references) = (packed.values(argument), expected[argument.name]!)
            try demand(rows.count == references.count, "\(self): the reference for \(argument.name) has \(references.count) rows")
            for (i, (row, reference)) in zip(rows, references).enumerated() {
                try demand(row.count == reference.count, "\(self): the reference for \(argument.name) has \(reference.count) columns")
                for (value, term) in zip(row, reference) where !term.matches(value, eps: eps) {
                    let error = abs(value - term.value) / (eps * term.scale)
                    let given = inputs.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.indices.contains(i) ? $0.value[i] : [])" }
                    throw Mismatch(description: """
                        \(self): \(argument.name)[\(i)] is \(row), expected \(reference.map(\.value)): \(error) eps of \(term.scale); \(given)
                        """)
                }
            }
        }
    }

    func agrees(with double: Sweep<Double>, scales: [String: [[Term]]]) throws {
        for argument in packed.outputs {
            for (i, (single, double)) in zip(packed.values(argument), double.packed.values(argument)).enumerated() {
                for k in single.indices {
                    let term = Term(double[k], scale: scales[argument.name]![i][k].scale)
                    try demand(term.matches(single[k], eps: Float.eps), "\(self): \(argument.name)[\(i)] is \(single) in f32, \(double) in f64")
                }
            }
        }
    }

    /// Requires that a NaN or an infinity in one row does not change the bits of another row.
    func keepsRowsApart() throws {
        for name in inputs.keys {
            for (row, value) in [(0, Double.nan), (31, .infinity), (40, .nan), (66, -.infinity)] {
                var spoiled = inputs
                spoiled[name]![row][row % spoiled[name]![row].count] = value
                let call = Call<T>(op, n, spoiled, absent: absent)
                try call.succeeds()
                for argument in call.outputs where argument.rows == n {
                    let width = argument.columns * call.size(argument)
                    var (bytes, clean) = (call.buffers[argument.name]!.payload, packed.buffers[argument.name]!.payload)
                    let own = row * width..<(row + 1) * width
                    bytes.removeSubrange(own)
                    clean.removeSubrange(own)
                    try demand(bytes == clean, "\(self): \(value) in row \(row) of \(name) changes another row of \(argument.name)")
                }
            }
        }
    }
}

extension Sweep: CustomStringConvertible {
    var description: String { "\(op) \(T.self), n = \(n)\(absent.isEmpty ? "" : ", NULL \(absent.sorted())")" }
}
