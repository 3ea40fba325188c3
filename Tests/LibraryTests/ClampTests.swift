import CBoxgrad
import Testing

/// Describes an input of numbers. One in three is on a bound, or is a number that clipping treats separately.
private func clippable(_ name: String, _ n: Int, _ lo: Double, _ hi: Double) -> Argument {
    .input(name, n) { random in
        let special = [lo, hi, .nan, .infinity, -.infinity, -0.0].randomElement(using: &random)!
        return Int.random(in: 0..<3, using: &random) == 0 ? [special] : random.numbers(1)
    }
}

struct Clip: Operation {
    var lo = -1.0, hi = 0.5
    var inPlace: (input: String, output: String)? { ("x", "out") }

    func arguments(_ n: Int) -> [Argument] { [clippable("x", n, lo, hi), .output("out", n)] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["out": x["x"]!.map { row in row.map { Term($0.isNaN ? $0 : min(max($0, lo), hi), scale: 0) } }]
    }
}

struct ClipGrad: Operation {
    var lo = -1.0, hi = 0.5, mode = BOXGRAD_CLIP_HARD
    var inPlace: (input: String, output: String)? { ("grad_out", "grad_in") }

    func arguments(_ n: Int) -> [Argument] {
        [clippable("x", n, lo, hi), .numbers("grad_out", n), .output("grad_in", n), .output("blocked", 1, optional: true, of: .size)]
    }

    private func isCut(_ x: Double, _ gradient: Double) -> Bool {
        switch mode {
        case BOXGRAD_CLIP_HARD: !(lo...hi).contains(x)
        case BOXGRAD_CLIP_INWARD: (x < lo && gradient > 0) || (x > hi && gradient < 0)
        default: false
        }
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let pairs = zip(x["x"]!, x["grad_out"]!).map { (x: $0[0], gradient: $1[0]) }
        return [
            "grad_in": pairs.map { [Term(isCut($0.x, $0.gradient) ? 0 : $0.gradient, scale: 0)] },
            "blocked": [[Term(Double(pairs.count { isCut($0.x, $0.gradient) }), scale: 0)]],
        ]
    }
}

@Suite struct ClampTests {
    static let bounds: [(Double, Double)] = [(-1, 0.5), (0, 0), (-.infinity, 0.5), (-1, .infinity), (-.infinity, .infinity)]

    @Test func clip() throws {
        for (lo, hi) in Self.bounds { try sweep(Clip(lo: lo, hi: hi)) }
        try refuse(Clip())
        try refuse("lo", [Clip(lo: 1, hi: 0), Clip(lo: .nan)])
        try refuse("hi", [Clip(hi: .nan)])
    }

    @Test(arguments: [BOXGRAD_CLIP_HARD, BOXGRAD_CLIP_STRAIGHT_THROUGH, BOXGRAD_CLIP_INWARD])
    func gradient(mode: Int32) throws {
        for (lo, hi) in Self.bounds { try sweep(ClipGrad(lo: lo, hi: hi, mode: mode)) }
        try refuse(ClipGrad(mode: mode))
        try refuse("lo", [ClipGrad(lo: 1, hi: 0, mode: mode), ClipGrad(lo: .nan, mode: mode)])
        try refuse("hi", [ClipGrad(hi: .nan, mode: mode)])
    }

    @Test func modesOutOfRange() throws { try refuse("mode", [-1, 3, .min, .max].map { ClipGrad(mode: $0) }) }

    /// A bound that is not a float is rounded to the nearest float. Therefore f32 clips to 0.1 as a float, and passes the gradient of this
    /// number.
    @Test func boundsAreRoundedInSingle() throws {
        var out: Float = 0
        #expect(api.clip_f32([0.25], 1, 0, 0.1, &out) == BOXGRAD_OK)
        #expect(out == 0.1)
        #expect(api.clip_grad_f32([0.1], 1, 0, 0.1, [3], BOXGRAD_CLIP_HARD, &out, nil) == BOXGRAD_OK)
        #expect(out == 3)
    }
}
