import CBoxgrad

/// Calls the operation with each needed pointer NULL, with each stride too small, and with each count and each stride too large. Every call
/// must return its status, name what is wrong, and change nothing.
func refuse(_ op: some Operation) throws {
    try refusals(op, Float.self)
    try refusals(op, Double.self)
}

private func refusals<T: Scalar>(_ op: some Operation, _: T.Type) throws {
    for argument in op.arguments(3) where !argument.optional {
        let call: Call<T> = sampled(op)
        call.pointers[argument.name] = nil
        try call.fails(BOXGRAD_NULL_POINTER, naming: [argument.name])
    }
    for name in Names(op.arguments(3).compactMap(\.stride)) {
        let width = (sampled(op) as Call<T>).integer(name)
        for stride in Array(0..<width) + [-1, -width, -width - 1, Int.min] {
            let call: Call<T> = sampled(op)
            call.strides[name] = stride
            try call.fails(BOXGRAD_BAD_STRIDE, naming: [name, "\(width)", "\(stride)"])
        }
        for stride in [Int.max, Int.max / 2, Int.max / 2 / MemoryLayout<T>.size + 1] {
            let call: Call<T> = sampled(op)
            call.strides[name] = stride
            try call.fails(BOXGRAD_SIZE_OVERFLOW)
        }
    }
    for name in op.counts(3).keys {
        // The first count is SIZE_MAX, because a size_t from C arrives in Swift as an Int.
        for count in [-1, Int.min, Int.max, Int.max / 2 + 1, Int.max / 4 + 1] {
            let call: Call<T> = sampled(op)
            call.counts[name] = count
            try call.fails(BOXGRAD_SIZE_OVERFLOW)
            try demand(!lastError().contains("e+"), "\(op) \(T.self): \"\(lastError())\" does not say a whole number as one")
        }
    }
}

/// Requires that each of these operations fails and names `parameter`, which is out of its range.
func refuse(_ parameter: String, _ ops: [some Operation], _ status: Int32 = BOXGRAD_BAD_PARAMETER) throws {
    for op in ops {
        try (sampled(op) as Call<Float>).fails(status, naming: [parameter])
        try (sampled(op) as Call<Double>).fails(status, naming: [parameter])
    }
}

private func sampled<T: Scalar>(_ op: some Operation) -> Call<T> {
    var random = Random(seed: 3)
    var inputs = Inputs()
    for argument in op.arguments(3) { inputs[argument.name] = argument.sample?(&random) }
    return Call(op, 3, inputs)
}
