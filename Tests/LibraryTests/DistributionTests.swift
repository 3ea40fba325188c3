import CBoxgrad
import Foundation
import Testing

/// Returns the softmax of the logits, and the logarithm of its denominator relative to the largest logit.
private func softmax(_ logits: [Double]) -> (shares: [Double], logarithm: Double) {
    let largest = logits.max()!
    let powers = logits.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return (powers.map { $0 / sum }, log(sum))
}

private func logits(_ n: Int, _ bins: Int) -> Argument {
    .input("logits", n, bins, stride: "logits_stride") { $0.numbers(bins, -8...8) }
}

struct DistributionFocal: Operation {
    var bins = 5, normalizer = 4.0

    func counts(_ n: Int) -> [String: Int] { ["count": n, "bins": bins] }

    func arguments(_ n: Int) -> [Argument] {
        [
            logits(n, bins),
            // Eighths are often whole numbers. None is beyond the upper clamp, which each type rounds in its own way.
            .input("target", n) { random in [Double(Int.random(in: -8...8 * max(1, bins - 1) - 1, using: &random)) / 8] },
            .numbers("weights", n, optional: true), .output("loss", 1, optional: true, of: .double), .output("per_row", n, optional: true),
            .output("grad_logits", n, bins, optional: true), .output("grad_target", n, optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        var losses: [[Term]] = [], gradients: [[Term]] = [], slopes: [[Term]] = []
        for (i, (row, target)) in zip(x["logits"]!, x["target"]!).enumerated() {
            let weight = x["weights"]?[i][0] ?? 1
            let y = min(max(target[0], 0), Double(bins) - 1.01)
            let bin = Int(y), share = y - Double(bin)
            let (shares, logarithm) = softmax(row)
            let crossEntropy = -(1 - share) * log(shares[bin]) - share * log(shares[bin + 1])
            losses.append([Term(weight * crossEntropy, scale: abs(weight) * max(1, logarithm, crossEntropy))])
            gradients.append(shares.enumerated().map { k, s in
                let own = k == bin ? 1 - share : (k == bin + 1 ? share : 0)
                return Term(weight * (s - own) / normalizer, scale: abs(weight) / normalizer)
            })
            let inside = y == target[0]
            slopes.append([Term(inside ? weight * (row[bin] - row[bin + 1]) / normalizer : 0, scale: abs(weight) * 16 / normalizer)])
        }
        let loss = losses.reduce(0) { $0 + $1[0].value } / normalizer
        return [
            "loss": [[Term(loss, scale: losses.reduce(0) { $0 + $1[0].scale } / normalizer)]], "per_row": losses, "grad_logits": gradients,
            "grad_target": slopes,
        ]
    }
}

struct DistributionDecode: Operation {
    var bins = 5
    func counts(_ n: Int) -> [String: Int] { ["count": n, "bins": bins] }
    func arguments(_ n: Int) -> [Argument] { [logits(n, bins), .output("out", n)] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["out": x["logits"]!.map { row in
            let mean = softmax(row).shares.enumerated().reduce(0) { $0 + Double($1.offset) * $1.element }
            return [Term(mean, scale: max(1, mean))]
        }]
    }
}

struct DistributionDecodeGrad: Operation {
    var bins = 5
    func counts(_ n: Int) -> [String: Int] { ["count": n, "bins": bins] }
    func arguments(_ n: Int) -> [Argument] { [logits(n, bins), .numbers("grad_out", n), .output("grad_logits", n, bins)] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["grad_logits": zip(x["logits"]!, x["grad_out"]!).map { row, gradient in
            let shares = softmax(row).shares
            let mean = shares.enumerated().reduce(0) { $0 + Double($1.offset) * $1.element }
            let scale = abs(gradient[0]) * shares.enumerated().map { max(Double($0.offset), mean) * $0.element }.max()!
            return shares.enumerated().map { Term(gradient[0] * $0.element * (Double($0.offset) - mean), scale: scale) }
        }]
    }
}

@Suite struct DistributionTests {
    @Test func focal() throws {
        for bins in [2, 5, 17] { try sweep(DistributionFocal(bins: bins)) }
        try refuse(DistributionFocal())
        try refuse("bins", [0, 1].map { DistributionFocal(bins: $0) })
        try refuse("normalizer", [0, -1, .nan, .infinity].map { DistributionFocal(normalizer: $0) })
    }

    @Test func decode() throws {
        for bins in [2, 5, 17] {
            try sweep(DistributionDecode(bins: bins))
            try sweep(DistributionDecodeGrad(bins: bins))
        }
        try refuse(DistributionDecode())
        try refuse(DistributionDecodeGrad())
        try refuse("bins", [0, 1].map { DistributionDecode(bins: $0) })
        try refuse("bins", [0, 1].map { DistributionDecodeGrad(bins: $0) })
    }

    private func focal(_ logits: [Double], _ target: Double) -> (loss: Double, gradient: [Double], slope: Double) {
        var loss = 9.0, slope = 9.0
        var gradient = [Double](repeating: 9, count: logits.count)
        #expect(api.distribution_focal_f64(logits, logits.count, [target], 1, logits.count, nil, 1, &loss, nil, &gradient, &slope) == BOXGRAD_OK)
        return (loss, gradient, slope)
    }

    /// Both clamps pass the gradient at their bounds. A whole number has the slope of the bins above it.
    @Test func kinks() throws {
        #expect(focal([0, 1, 3], 0).slope == -1)
        #expect(focal([0, 1, 3], -0.1).slope == 0)
        #expect(focal([0, 1, 3], 1).slope == -2)
        #expect(focal([0, 1, 3], 3 - 1.01).slope == -2)
        #expect(focal([0, 1, 3], 2).slope == 0)
        #expect(focal([0, 1, 3], 2).loss == focal([0, 1, 3], 3 - 1.01).loss)
    }

    /// A bin of -infinity has no probability. It counts for nothing if the target has no share of it, and else the loss is infinite.
    @Test func binsWithoutProbability() throws {
        let none = -Double.infinity
        let apart = focal([0, none, none], 0)
        #expect(apart.loss == 0 && apart.gradient == [0, 0, 0])
        let at = focal([0, none, 0], 0.5)
        #expect(at.loss == .infinity && at.gradient == [0, -0.5, 0.5])
        #expect(focal([none, none, none], 0).loss.isNaN)
        #expect(focal([0, .infinity, 0], 0).loss.isNaN)
        #expect(focal([0, .nan, 0], 0).loss.isNaN)
        #expect(focal([0, 0, 0], .nan).loss.isNaN)
        #expect(focal([0, 0, 0], .infinity).loss == focal([0, 0, 0], 9).loss)
        var mean = 9.0
        #expect(api.distribution_decode_f64([none, 0, none, 0], 4, 1, 4, &mean) == BOXGRAD_OK)
        #expect(mean == 2)
    }

    @Test func hugeLogits() throws {
        let one = focal([1e30, 1e30, -1e30], 0.5)
        #expect(abs(one.loss - log(2)) < 1e-15 && one.gradient == [0, 0, 0] && one.slope == 0)
        let other = focal([1e308, 0, -1e308], 0)
        #expect(other.loss == 0 && other.gradient == [0, 0, 0])
        #expect(focal([-1e308, 0, 1e308], 0).loss == .infinity)
        var loss = 9.0, gradient = [Float](repeating: 9, count: 3)
        #expect(api.distribution_focal_f32([3e38, -3e38, 3e38], 3, [0], 1, 3, nil, 1, &loss, nil, &gradient, nil) == BOXGRAD_OK)
        #expect(abs(loss - log(2)) < 1e-7 && gradient == [-0.5, 0, 0.5])
    }

    @Test func nothingHasALossOfZero() throws {
        var loss = 9.0
        #expect(api.distribution_focal_f32(nil, 0, nil, 0, 2, nil, 0, &loss, nil, nil, nil) == BOXGRAD_OK && loss == 0)
    }
}

extension LibraryTests.DividedTests {
    @Test func distributionFocal() throws { try sweepChunks(DistributionFocal(), rows: DividedRows.ofBoxes) }
    @Test func distributionDecode() throws { try sweepChunks(DistributionDecode(), rows: DividedRows.ofBoxes) }
    @Test func distributionDecodeGrad() throws { try sweepChunks(DistributionDecodeGrad(), rows: DividedRows.ofBoxes) }
}
