import CBoxgrad
import Glibc
import Testing

@Suite struct GradientNormTests {
    static let exponents: [Double] = [1, 2, .infinity, 3, 0.5, 10]

    private static func norm(_ x: [Double], _ p: Double) -> Double {
        p == .infinity ? x.map(abs).max() ?? 0 : pow(x.reduce(0) { $0 + pow(abs($1), p) }, 1 / p)
    }

    private func isClose(_ a: Double, _ b: Double, _ p: Double) -> Bool {
        a == b || abs(a - b) <= ([1, 2, .infinity].contains(p) ? 1e-13 : 1e-11) * b
    }

    @Test(arguments: exponents)
    func norms(p: Double) throws {
        for n in 0...67 {
            let gradients = Gradients.mixed(n)
            var total = -1.0, each = [Double](repeating: -1, count: gradients.count), first = -7
            #expect(api.grad_norm(gradients.tensors, gradients.count, p, &total, &each, &first) == BOXGRAD_OK)
            try demand(isClose(total, Self.norm(Array(gradients.values.joined()), p), p), "grad_norm of \(n): total \(total)")
            for (norm, values) in zip(each, gradients.values) { try demand(isClose(norm, Self.norm(values, p), p), "grad_norm of \(n): \(norm) of \(values)") }
            try demand(first == -1 && gradients.isUnchanged, "grad_norm of \(n): first \(first), or it wrote into the tensors")

            var combined = -1.0, alone = -1.0
            #expect(api.grad_norm_combine(each, each.count, p, &combined) == BOXGRAD_OK)
            try demand(isClose(combined, total, p), "grad_norm_combine of \(n): \(combined) combined from tensors, \(total) in one")
            #expect(api.grad_norm(gradients.tensors, gradients.count, p, &alone, nil, nil) == BOXGRAD_OK)
            #expect(api.grad_norm(gradients.tensors, gradients.count, p, nil, nil, nil) == BOXGRAD_OK)
            try demand(alone == total, "grad_norm of \(n): \(alone) alone, \(total) with the others")
        }
    }

    @Test func nothingHasNormZero() {
        var total = -1.0, first = -7
        #expect(api.grad_norm(nil, 0, 2, &total, nil, &first) == BOXGRAD_OK)
        #expect(total == 0 && first == -1)
        total = -1
        #expect(api.grad_norm_combine(nil, 0, 2, &total) == BOXGRAD_OK)
        #expect(total == 0)
        total = -1
        #expect(api.clip_grad_norm(nil, 0, 1, 2, 1e-6, BOXGRAD_NONFINITE_PROPAGATE, &total) == BOXGRAD_OK)
        #expect(total == 0)
        #expect(api.grad_scale(nil, 0, 2) == BOXGRAD_OK)
        #expect(api.clip_grad_value(nil, 0, 2) == BOXGRAD_OK)
    }

    @Test(arguments: [1, 2, .infinity] as [Double])
    func manySmallAndFewLargeNumbers(p: Double) throws {
        let count = 1_000_003
        let (small, tiny, huge) = (Double(Float(1e-3)), 1e-200, 1e200)
        for (dtype, x) in [(Dtype.f32, small), (.f64, tiny), (.f64, huge), (.f32, Double(Float(1e30))), (.f64, 0x1p-1074), (.f16, 0x1p-24)] {
            let gradients = Gradients([(dtype, [Double](repeating: x, count: count))])
            var total = 0.0
            #expect(api.grad_norm(gradients.tensors, 1, p, &total, nil, nil) == BOXGRAD_OK)
            let expected = p == .infinity ? x : (p == 2 ? Double(count).squareRoot() : Double(count)) * x
            try demand(isClose(total, expected, p) || abs(total - expected) <= 0x1p-1074, "grad_norm of \(dtype) \(x): \(total) instead of \(expected)")
        }
        // These are more parts than one run of the combination holds.
        var total = 0.0
        #expect(api.grad_norm_combine([Double](repeating: 1e200, count: 1000), 1000, p, &total) == BOXGRAD_OK)
        #expect(isClose(total, p == .infinity ? 1e200 : (p == 2 ? 1000.0.squareRoot() : 1000) * 1e200, p))
    }

    @Test(arguments: exponents)
    func nonfiniteNumbersAreFound(p: Double) throws {
        for dtype in Dtype.allCases {
            for (bad, row) in [(Double.nan, 0), (.infinity, 33), (-.infinity, 66)] {
                var random = Random(seed: 2)
                var values = random.numbers(67).map(dtype.rounded)
                values[row] = bad
                let gradients = Gradients([(.f32, [1, 2]), (.f16, []), (dtype, values), (.f64, [.nan])])
                var total = 0.0, each = [0, 0, 0, 0.0], first = -7
                #expect(api.grad_norm(gradients.tensors, 3, p, &total, &each, &first) == BOXGRAD_OK)
                try demand(bad.isNaN ? total.isNaN : total == .infinity, "grad_norm of \(dtype): \(total) of a tensor with \(bad)")
                try demand(each[2].isNaN == bad.isNaN && each[1] == 0 && first == 2, "grad_norm of \(dtype): \(each), first \(first)")
                #expect(api.grad_norm(gradients.tensors, 4, p, &total, nil, &first) == BOXGRAD_OK)
                try demand(total.isNaN && first == 2, "grad_norm of \(dtype): NaN after \(bad) gives \(total), first \(first)")
            }
        }
    }

    @Test func scale() throws {
        for coefficient in [0.3, -1.7, 1e-4, 0, 3e38, 1 / 3] as [Double] {
            for n in 0...67 {
                let gradients = Gradients.mixed(n, scale: 100)
                let before = gradients.values
                #expect(api.grad_scale(gradients.tensors, gradients.count, coefficient) == BOXGRAD_OK)
                for ((dtype, before), after) in zip(zip(gradients.dtypes, before), gradients.values) {
                    try demand(after == before.map { dtype.rounded($0 * coefficient) }, "grad_scale: \(dtype) times \(coefficient): \(before) became \(after)")
                }
                try demand(gradients.isIntact, "grad_scale of \(n): wrote outside")
            }
        }
    }

    /// Scales every number of the half types by coefficients that give ties, subnormal numbers and overflow.
    @Test(arguments: [1, 0.75, 0x1p-8, 0x1.01p-9, 1.5, 0x1p-20, 1.5 + 0x1p-30, 1.5 - 0x1p-30] as [Double])
    func everyHalfNumberIsRoundedOnce(coefficient: Double) throws {
        for (dtype, number) in [(Dtype.f16, { Double(Float16(bitPattern: $0)) }), (.bf16, Dtype.bfloat)] as [(Dtype, (UInt16) -> Double)] {
            let numbers = (0...UInt16.max).map(number).filter { !$0.isNaN }
            let gradients = Gradients([(dtype, numbers)])
            #expect(api.grad_scale(gradients.tensors, 1, coefficient) == BOXGRAD_OK)
            for (before, after) in zip(numbers, gradients.values[0]) {
                try demand(after == dtype.rounded(before * coefficient), "grad_scale of \(dtype): \(before) times \(coefficient) became \(after)")
            }
        }
    }

    @Test(arguments: exponents)
    func clipNorm(p: Double) throws {
        for n in 1...67 {
            for (limit, eps) in [(0.5, 1e-6), (0, 1e-6), (2, 0), (.infinity, 1e-6), (1e6, 1e-6)] as [(Double, Double)] {
                let gradients = Gradients.mixed(n)
                let before = gradients.values
                var norm = 0.0, total = -1.0
                #expect(api.grad_norm(gradients.tensors, gradients.count, p, &norm, nil, nil) == BOXGRAD_OK)
                #expect(api.clip_grad_norm(gradients.tensors, gradients.count, limit, p, eps, BOXGRAD_NONFINITE_ERROR, &total) == BOXGRAD_OK)
                try demand(total == norm, "clip_grad_norm of \(n): total \(total) instead of \(norm)")
                let coefficient = limit / (norm + eps)
                try demand(coefficient < 1 || gradients.isUnchanged, "clip_grad_norm of \(n): a norm of \(norm) within \(limit) was scaled")
                for ((dtype, before), after) in zip(zip(gradients.dtypes, before), gradients.values) where coefficient < 1 {
                    try demand(after == before.map { dtype.rounded($0 * coefficient) }, "clip_grad_norm: \(dtype) times \(coefficient): \(before) became \(after)")
                }
                try demand(gradients.isIntact, "clip_grad_norm of \(n): wrote outside")
            }
        }
    }

    @Test(arguments: [Double.nan, .infinity])
    func nonfiniteTotals(bad: Double) {
        func clipped(_ mode: Int32) -> (status: Int32, total: Double, gradients: Gradients) {
            let gradients = Gradients([(.f32, [1, -2]), (.f64, [3, bad]), (.f16, [5]), (.bf16, [-7])])
            var total = -1.0
            let status = api.clip_grad_norm(gradients.tensors, 4, 1, 2, 1e-6, mode, &total)
            #expect(gradients.isIntact)
            return (status, total, gradients)
        }
        let propagated = clipped(BOXGRAD_NONFINITE_PROPAGATE)
        #expect(propagated.status == BOXGRAD_OK && !propagated.total.isFinite)
        let flat = Array(propagated.gradients.values.joined())
        #expect(bad.isNaN ? flat.allSatisfy(\.isNaN) : flat[3].isNaN && flat[..<3] == [0, 0, 0] && flat[4...] == [0, 0])

        let error = clipped(BOXGRAD_NONFINITE_ERROR)
        #expect(error.status == BOXGRAD_NONFINITE && error.total == -1 && error.gradients.isUnchanged)
        #expect(lastError().contains("tensors[1][1]"))

        let skipped = clipped(BOXGRAD_NONFINITE_SKIP)
        #expect(skipped.status == BOXGRAD_OK && !skipped.total.isFinite && skipped.gradients.isUnchanged)

        let zeroed = clipped(BOXGRAD_NONFINITE_ZERO)
        #expect(zeroed.status == BOXGRAD_OK && !zeroed.total.isFinite && zeroed.gradients.values.joined().allSatisfy { $0 == 0 })
    }

    /// torch's float32 norm of these gradients overflows, and its clipping makes every gradient 0.
    @Test func largeFiniteGradientsSurvive() {
        let gradients = Gradients([(.f32, [3e20, -4e20].map { Double(Float($0)) })])
        #expect(api.clip_grad_norm(gradients.tensors, 1, 1, 2, 1e-6, BOXGRAD_NONFINITE_ERROR, nil) == BOXGRAD_OK)
        #expect(abs(gradients.values[0][0] - 0.6) < 1e-7 && abs(gradients.values[0][1] + 0.8) < 1e-7)
    }

    @Test(arguments: [0, 0.1, 1.5, 1e6, .infinity] as [Double])
    func clipValue(limit: Double) throws {
        for n in 0...67 {
            let gradients = Gradients.mixed(n)
            let before = gradients.values
            #expect(api.clip_grad_value(gradients.tensors, gradients.count, limit) == BOXGRAD_OK)
            for ((dtype, before), after) in zip(zip(gradients.dtypes, before), gradients.values) {
                try demand(after == before.map { dtype.rounded(min(max($0, -limit), limit)) }, "clip_grad_value of \(dtype): \(before) became \(after)")
            }
            try demand(gradients.isIntact, "clip_grad_value of \(n): wrote outside")
        }
    }

    @Test func clipValueKeepsNaN() {
        let gradients = Gradients(Dtype.allCases.map { ($0, [.nan, .infinity, -.infinity]) })
        #expect(api.clip_grad_value(gradients.tensors, 4, 2) == BOXGRAD_OK)
        for values in gradients.values { #expect(values[0].isNaN && values[1...] == [2, -2]) }
    }

    // ---- Clipping of each tensor, and of units ----

    @Test(arguments: [0, 0.3, 1, .infinity] as [Double])
    func clipRMS(limit: Double) throws {
        for n in 0...67 {
            let gradients = Gradients.mixed(n)
            let before = gradients.values
            var rms = [Double](repeating: -1, count: gradients.count)
            #expect(api.clip_grad_rms(gradients.tensors, gradients.count, limit, BOXGRAD_NONFINITE_ERROR, &rms) == BOXGRAD_OK)
            for (k, (before, after)) in zip(before, gradients.values).enumerated() {
                let expected = before.isEmpty ? 0 : (before.reduce(0) { $0 + $1 * $1 } / Double(before.count)).squareRoot()
                try demand(isClose(rms[k], expected, 2), "clip_grad_rms of \(n): \(rms[k]) instead of \(expected)")
                let dtype = gradients.dtypes[k]
                try demand(
                    after == before.map { rms[k] > limit ? dtype.rounded($0 * (limit / rms[k])) : $0 },
                    "clip_grad_rms: \(dtype), rms \(rms[k]), limit \(limit): \(before) became \(after)")
            }
            try demand(gradients.isIntact, "clip_grad_rms of \(n): wrote outside")
            #expect(api.clip_grad_rms(gradients.tensors, gradients.count, limit, BOXGRAD_NONFINITE_ERROR, nil) == BOXGRAD_OK)
        }
    }

    /// Returns the unit of each element: elements of a unit are `stride` apart.
    private static func units(_ count: Int, _ size: Int, _ stride: Int) -> [Int] {
        (0..<count).map { $0 / (size * stride) * stride + $0 % stride }
    }

    @Test(arguments: exponents)
    func clipUnits(p: Double) throws {
        for n in 1...67 {
            for (factor, eps) in [(0.5, 1e-3), (0.02, 3), (0, 0)] as [(Double, Double)] {
                let gradients = Gradients.mixed(n), params = Gradients((0..<4).map { k in
                    let dtype = Dtype.allCases[(k + 1) % 4]
                    var random = Random(seed: 1000 * n + k)
                    return (dtype, random.numbers(gradients.tensors[k].count).map(dtype.rounded))
                })
                var parameters = [boxgrad_parameter](), expected = [[Double]](), changed = 0
                for (k, grad) in gradients.values.enumerated() {
                    let divisor = [5, 3, 2].first { grad.count % $0 == 0 } ?? 1
                    let blocks = grad.count % 6 == 0 ? (2, 3) : (1, divisor)
                    let (size, stride) = [(0, 0), (divisor, 1), (divisor, grad.count / divisor), (grad.count / divisor, divisor), blocks][(k + n) % 5]
                    parameters.append(boxgrad_parameter(grad: gradients.tensors[k], param: params.tensors[k], unit_size: size, unit_stride: stride))
                    let units = Self.units(grad.count, size == 0 ? max(grad.count, 1) : size, stride == 0 ? 1 : stride)
                    var result = grad
                    for unit in Set(units) {
                        let members = grad.indices.filter { units[$0] == unit }
                        let norm = Self.norm(members.map { grad[$0] }, p), limit = factor * max(Self.norm(members.map { params.values[k][$0] }, p), eps)
                        if norm < limit { continue }
                        changed += 1
                        for i in members { result[i] = grad[i] * (limit / max(norm, 1e-6)) }
                    }
                    expected.append(result)
                }
                var clipped = -1
                #expect(api.clip_grad_adaptive(parameters, 4, factor, eps, p, BOXGRAD_NONFINITE_ERROR, &clipped) == BOXGRAD_OK)
                try demand(clipped == changed, "clip_grad_adaptive of \(n): \(clipped) units clipped instead of \(changed)")
                for (k, (after, wanted)) in zip(gradients.values, expected).enumerated() {
                    let dtype = gradients.dtypes[k]
                    for (a, b) in zip(after, wanted) {
                        // The reference's own norm may round an element to the neighbour.
                        let near = [dtype.rounded(b * (1 - 1e-11)), dtype.rounded(b * (1 + 1e-11))]
                        try demand(a == dtype.rounded(b) || near.contains(a) || abs(a - b) <= 1e-11 * abs(b), "clip_grad_adaptive of \(n), \(dtype): \(a) instead of \(b)")
                    }
                }
                try demand(gradients.isIntact && params.isUnchanged, "clip_grad_adaptive of \(n): wrote outside")
            }
        }
    }

    @Test(arguments: [Double.nan, .infinity])
    func nonfiniteUnits(bad: Double) {
        func clipped(_ mode: Int32, inParam: Bool = false) -> (status: Int32, count: Int, gradients: Gradients) {
            let gradients = Gradients([(.f32, [8]), (.f64, [3, 4, inParam ? 1 : bad, 1]), (.bf16, [6, 8])])
            let params = Gradients([(.f64, [4]), (.f32, [0, 0, inParam ? bad : 1, 0]), (.f16, [0, 10])])
            var count = -1
            let parameters = zip(gradients.tensors, params.tensors).map { boxgrad_parameter(grad: $0, param: $1, unit_size: $0.count == 1 ? 1 : 2, unit_stride: 0) }
            let status = api.clip_grad_adaptive(parameters, 3, 0.5, 1, 2, mode, &count)
            #expect(gradients.isIntact && params.isUnchanged)
            return (status, count, gradients)
        }
        let propagated = clipped(BOXGRAD_NONFINITE_PROPAGATE)
        #expect(propagated.status == BOXGRAD_OK && propagated.count == 4)
        #expect(propagated.gradients.values[0] == [2] && propagated.gradients.values[2] == [3, 4])
        let unit = propagated.gradients.values[1]
        #expect(abs(unit[0] - 0.3) < 1e-15 && unit[2].isNaN && (bad.isNaN ? unit[3].isNaN : unit[3] == 0))
        #expect(clipped(BOXGRAD_NONFINITE_SKIP).count == 3 && clipped(BOXGRAD_NONFINITE_SKIP).gradients.values[1][3] == 1)
        #expect(clipped(BOXGRAD_NONFINITE_ZERO).count == 4 && clipped(BOXGRAD_NONFINITE_ZERO).gradients.values[1][2...] == [0, 0])
        for (inParam, words) in [(false, "parameters[1][2] is not finite"), (true, "parameters[1][2] is not finite in the parameter itself")] {
            let error = clipped(BOXGRAD_NONFINITE_ERROR, inParam: inParam)
            #expect(error.status == BOXGRAD_NONFINITE && error.count == -1 && error.gradients.isUnchanged && lastError() == words)
        }
        let tensors = Gradients([(.f32, [3, 3]), (.f64, [1, bad])])
        var rms = [-1.0, -1]
        #expect(api.clip_grad_rms(tensors.tensors, 2, 1, BOXGRAD_NONFINITE_ERROR, &rms) == BOXGRAD_NONFINITE)
        #expect(rms == [-1, -1] && tensors.isUnchanged && lastError().hasPrefix("tensors[1][1]"))
        #expect(api.clip_grad_rms(tensors.tensors, 2, 1, BOXGRAD_NONFINITE_SKIP, &rms) == BOXGRAD_OK)
        #expect(tensors.values[0] == [1, 1] && tensors.values[1][0] == 1 && abs(rms[0] - 3) < 1e-14 && !rms[1].isFinite)
        #expect(api.clip_grad_rms(tensors.tensors, 2, 1, BOXGRAD_NONFINITE_ZERO, nil) == BOXGRAD_OK && tensors.values[1] == [0, 0])
    }

    @Test func badParameters() {
        let cases: [(Int32, (inout boxgrad_parameter) -> Void)] = [
            (BOXGRAD_NULL_POINTER, { $0.grad.data = nil }), (BOXGRAD_NULL_POINTER, { $0.param.data = nil }), (BOXGRAD_UNSUPPORTED, { $0.param.dtype = 4 }),
            (BOXGRAD_SIZE_OVERFLOW, { $0.grad.count = -1 }), (BOXGRAD_BAD_PARAMETER, { $0.param.count = 39 }), (BOXGRAD_BAD_PARAMETER, { $0.param.reserved = 1 }),
            (BOXGRAD_BAD_PARAMETER, { $0.unit_size = 3 }), (BOXGRAD_BAD_PARAMETER, { $0.unit_size = -1 }), (BOXGRAD_BAD_PARAMETER, { $0.unit_stride = 3 }),
            (BOXGRAD_BAD_PARAMETER, { ($0.unit_size, $0.unit_stride) = (.max, 2) }),
        ]
        let gradients = Gradients.mixed(40)
        let sound = gradients.tensors.map { boxgrad_parameter(grad: $0, param: $0, unit_size: 1, unit_stride: 1) }
        for (status, change) in cases {
            var parameters = sound
            change(&parameters[2])
            #expect(api.clip_grad_adaptive(parameters, 4, 0.5, 1e-3, 2, 0, nil) == status && lastError().hasPrefix("parameters[2]"), "\(lastError())")
        }
        #expect(api.clip_grad_adaptive(nil, 1, 0.5, 1e-3, 2, 0, nil) == BOXGRAD_NULL_POINTER)
        for n in [-1, .max, .min, .max / 64 + 1] as [Int] { #expect(api.clip_grad_adaptive(sound, n, 0.5, 1e-3, 2, 0, nil) == BOXGRAD_SIZE_OVERFLOW) }
        for bad in [-1, .nan, .infinity] as [Double] {
            #expect(api.clip_grad_adaptive(sound, 4, bad, 1e-3, 2, 0, nil) == BOXGRAD_BAD_PARAMETER && lastError().hasPrefix("clip_factor"))
            #expect(api.clip_grad_adaptive(sound, 4, 0.5, bad, 2, 0, nil) == BOXGRAD_BAD_PARAMETER && lastError().hasPrefix("eps"))
        }
        #expect(api.clip_grad_adaptive(sound, 4, 0.5, 1e-3, 0, 0, nil) == BOXGRAD_BAD_PARAMETER && lastError().hasPrefix("p"))
        #expect(api.clip_grad_adaptive(sound, 4, 0.5, 1e-3, 2, 4, nil) == BOXGRAD_BAD_PARAMETER && lastError().hasPrefix("on_nonfinite"))
        #expect(gradients.isUnchanged)
        var clipped = -1
        #expect(api.clip_grad_adaptive(nil, 0, 0.5, 1e-3, 2, 0, &clipped) == BOXGRAD_OK && clipped == 0)
    }

    /// Returns every function of tensors, each as a call with the given tensors.
    private static var functions: [(name: String, call: (UnsafePointer<boxgrad_tensor>?, Int) -> Int32)] {
        [
            ("grad_norm", { api.grad_norm($0, $1, 2, nil, nil, nil) }), ("grad_scale", { api.grad_scale($0, $1, 0.5) }),
            ("clip_grad_norm", { api.clip_grad_norm($0, $1, 0.5, 2, 1e-6, BOXGRAD_NONFINITE_PROPAGATE, nil) }),
            ("clip_grad_value", { api.clip_grad_value($0, $1, 0.5) }), ("clip_grad_rms", { api.clip_grad_rms($0, $1, 0.1, BOXGRAD_NONFINITE_PROPAGATE, nil) }),
        ]
    }

    @Test func badTensors() {
        let cases: [(Int32, (inout boxgrad_tensor) -> Void)] = [
            (BOXGRAD_NULL_POINTER, { $0.data = nil }), (BOXGRAD_SIZE_OVERFLOW, { $0.count = -1 }), (BOXGRAD_SIZE_OVERFLOW, { $0.count = .max }),
            (BOXGRAD_UNSUPPORTED, { $0.dtype = 4 }), (BOXGRAD_UNSUPPORTED, { $0.dtype = -1 }), (BOXGRAD_BAD_PARAMETER, { $0.reserved = 1 }),
        ]
        for (name, call) in Self.functions {
            for (status, change) in cases {
                let gradients = Gradients.mixed(40)
                change(&gradients.tensors[2])
                #expect(call(gradients.tensors, 4) == status, "\(name)")
                #expect(lastError().contains("tensors[2]") && gradients.isUnchanged, "\(name), \(status)")
            }
            let gradients = Gradients.mixed(40)
            #expect(call(nil, 1) == BOXGRAD_NULL_POINTER && lastError().contains("tensors"), "\(name)")
            for n in [-1, .max, .min, .max / 24 + 1] as [Int] { #expect(call(gradients.tensors, n) == BOXGRAD_SIZE_OVERFLOW, "\(name) of \(n)") }
            #expect(gradients.isUnchanged, "\(name)")
        }
    }

    @Test func parametersOutOfRange() {
        let gradients = Gradients.mixed(40)
        let (tensors, n) = (gradients.tensors, gradients.count)
        var total = -1.0
        func refused(_ name: String, _ values: [Double], _ call: (Double) -> Int32) {
            for value in values { #expect(call(value) == BOXGRAD_BAD_PARAMETER && lastError().hasPrefix(name), "\(name) = \(value)") }
        }
        let notPositive: [Double] = [0, -1, .nan, -.infinity], negative: [Double] = [-1, .nan, -.infinity]
        refused("p", notPositive) { api.grad_norm(tensors, n, $0, &total, nil, nil) }
        refused("p", notPositive) { api.grad_norm_combine([1], 1, $0, &total) }
        refused("p", notPositive) { api.clip_grad_norm(tensors, n, 1, $0, 1e-6, 0, &total) }
        refused("coefficient", [.nan, .infinity, -.infinity]) { api.grad_scale(tensors, n, $0) }
        refused("max_norm", negative) { api.clip_grad_norm(tensors, n, $0, 2, 1e-6, 0, &total) }
        refused("eps", negative + [.infinity]) { api.clip_grad_norm(tensors, n, 1, 2, $0, 0, &total) }
        refused("on_nonfinite", [-1, 4]) { api.clip_grad_norm(tensors, n, 1, 2, 1e-6, Int32($0), &total) }
        refused("max_rms", negative) { api.clip_grad_rms(tensors, n, $0, 0, &total) }
        refused("on_nonfinite", [-1, 4]) { api.clip_grad_rms(tensors, n, 1, Int32($0), &total) }
        refused("limit", negative) { api.clip_grad_value(tensors, n, $0) }
        #expect(api.grad_norm_combine([1], 1, 2, nil) == BOXGRAD_NULL_POINTER)
        #expect(api.grad_norm_combine(nil, 1, 2, &total) == BOXGRAD_NULL_POINTER)
        for n in [-1, .max] { #expect(api.grad_norm_combine([1], n, 2, &total) == BOXGRAD_SIZE_OVERFLOW) }
        #expect(total == -1 && gradients.isUnchanged)
    }
}

/// Checks tensors of several pieces, and small ones. Together they have more pieces than a pass works on at once. Their elements are chosen
/// from samples, so that the reference sums are exact.
private func sweepPieces(elements: Int) throws {
    var random = Random(seed: elements)
    let lengths = (0..<150).map { $0 % 40 == 7 ? elements / 4 + 101 : $0 % 5 * 20 }
    let dtypes = lengths.indices.map { Dtype.allCases[($0 / 40 + $0) % 4] }
    let samples = Dictionary(uniqueKeysWithValues: Dtype.allCases.map { dtype in (dtype, random.numbers(61).map(dtype.rounded)) })
    let picks = lengths.map { length in (0..<length).map { _ in Int.random(in: 0..<61, using: &random) } }
    let given = zip(dtypes, picks).map { dtype, picks in (dtype: dtype, values: picks.map { samples[dtype]![$0] }) }

    /// Returns the sum of f over the elements of a tensor.
    func sum(_ tensor: Int, _ f: (Double) -> Double) -> Double {
        var times = [Double](repeating: 0, count: 61)
        for pick in picks[tensor] { times[pick] += 1 }
        return zip(times, samples[dtypes[tensor]]!).reduce(0) { $0 + $1.0 * f($1.1) }
    }
    func demandClose(_ a: Double, _ b: Double, _ what: @autoclosure () -> String) throws {
        try demand(abs(a - b) <= 1e-13 * b, "\(what()) is \(a), expected \(b)")
    }
    /// Compares each element with f of its sample.
    func demandEach(_ after: Gradients, _ what: String, _ f: (Double) -> Double) throws {
        for (k, (values, dtype)) in zip(after.values, dtypes).enumerated() {
            let expected = samples[dtype]!.map { dtype.rounded(f($0)) }
            for (i, (value, pick)) in zip(values, picks[k]).enumerated() {
                try demand(value == expected[pick], "\(what): element \(i) of tensor \(k), \(dtype), is \(value), expected \(expected[pick])")
            }
        }
        try demand(after.isIntact, "\(what): wrote outside")
    }

    try onEachNumberOfThreads { threads in
        let gradients = Gradients(given)
        for (p, f) in [(1, { abs($0) }), (2, { $0 * $0 }), (.infinity, { _ in 0 })] as [(Double, (Double) -> Double)] {
            var total = -1.0, each = [Double](repeating: -1, count: lengths.count)
            try demand(api.grad_norm(gradients.tensors, gradients.count, p, &total, &each, nil) == BOXGRAD_OK, lastError())
            let sums = lengths.indices.map { sum($0, f) }
            let largest = zip(dtypes, picks).map { dtype, picks in picks.reduce(0) { max($0, abs(samples[dtype]![$1])) } }
            for (k, norm) in each.enumerated() {
                let expected = p == .infinity ? largest[k] : p == 2 ? sums[k].squareRoot() : sums[k]
                try demandClose(norm, expected, "grad_norm, p = \(p), \(threads) threads: the norm of tensor \(k), \(dtypes[k])")
            }
            let whole = sums.reduce(0, +)
            let expected = p == .infinity ? largest.max()! : p == 2 ? whole.squareRoot() : whole
            try demandClose(total, expected, "grad_norm, p = \(p), \(threads) threads: the total")
        }
        try demand(gradients.isUnchanged, "grad_norm, \(threads) threads: wrote into the tensors")

        try demand(api.grad_scale(gradients.tensors, gradients.count, 0.3) == BOXGRAD_OK, lastError())
        try demandEach(gradients, "grad_scale, \(threads) threads") { $0 * 0.3 }

        let limited = Gradients(given)
        try demand(api.clip_grad_value(limited.tensors, limited.count, 0.7) == BOXGRAD_OK, lastError())
        try demandEach(limited, "clip_grad_value, \(threads) threads") { min(max($0, -0.7), 0.7) }

        let clipped = Gradients(given)
        var norm = 0.0
        try demand(api.grad_norm(clipped.tensors, clipped.count, 1, &norm, nil, nil) == BOXGRAD_OK, lastError())
        try demand(api.clip_grad_norm(clipped.tensors, clipped.count, norm / 3, 1, 0, BOXGRAD_NONFINITE_ERROR, nil) == BOXGRAD_OK, lastError())
        let coefficient = norm / 3 / norm
        try demandEach(clipped, "clip_grad_norm, \(threads) threads") { $0 * coefficient }
    }
}

extension LibraryTests.DividedTests {
    @Test func tensors() throws { try sweepPieces(elements: DividedRows.ofElements) }
}
