import CBoxgrad
import Foundation
import Testing

struct SmoothL1: Operation {
    var sigma = 1.0, normalizer = 1.0

    func arguments(_ n: Int) -> [Argument] {
        // Eighths are often equal to each other, and exactly on the border between the branches.
        let numbers: (inout Random) -> [Double] = { [Double(Int.random(in: -16...16, using: &$0)) / 8] }
        return [
            .input("pred", n, row: numbers), .input("target", n, row: numbers),
            .numbers("inside_weights", n, optional: true), .numbers("outside_weights", n, optional: true),
            .output("loss", 1, optional: true, of: .double), .output("elementwise", n, optional: true),
            .output("grad_pred", n, optional: true), .output("grad_target", n, optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let (pred, target) = (x["pred"]!, x["target"]!)
        var losses: [[Term]] = [], gradients: [[Term]] = []
        for i in pred.indices {
            let inside = x["inside_weights"]?[i][0] ?? 1, outside = x["outside_weights"]?[i][0] ?? 1
            let d = inside * (pred[i][0] - target[i][0]), border = 1 / (sigma * sigma)
            let (l, slope) = abs(d) < border ? (0.5 * d * d / border, d / border) : (abs(d) - 0.5 * border, d < 0 ? -1 : (d > 0 ? 1 : 0))
            losses.append([Term(outside * l, scale: abs(outside) * max(abs(d), border))])
            gradients.append([Term(inside * outside * slope / normalizer)])
        }
        let loss = losses.reduce(0) { $0 + $1[0].value } / normalizer
        return [
            "loss": [[Term(loss, scale: losses.reduce(0) { $0 + $1[0].scale } / normalizer)]], "elementwise": losses,
            "grad_pred": gradients, "grad_target": gradients.map { [Term(-$0[0].value)] },
        ]
    }
}

struct BalancedL1: Operation {
    var alpha = 0.5, gamma = 1.5, beta = 1.0, normalizer = 1.0

    func arguments(_ n: Int) -> [Argument] { SmoothL1().arguments(n) }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let (pred, target) = (x["pred"]!, x["target"]!)
        let b = expm1(gamma / alpha)
        var losses: [[Term]] = [], gradients: [[Term]] = []
        for i in pred.indices {
            let inside = x["inside_weights"]?[i][0] ?? 1, outside = x["outside_weights"]?[i][0] ?? 1
            let d = inside * (pred[i][0] - target[i][0]), size = abs(d)
            let logarithm = log1p(b * size / beta)
            let near = size < beta
            let loss = near ? alpha / b * (b * size + 1) * logarithm - alpha * size : gamma * size + gamma / b - alpha * beta
            let slope = near ? alpha * (logarithm + (b * size + 1) / (b * size + beta) - 1) : gamma
            let terms = [gamma * size, gamma / b, alpha * beta, alpha * size, alpha * size * logarithm].max()!
            losses.append([Term(outside * loss, scale: abs(outside) * terms)])
            gradients.append([Term(d == 0 ? 0 : inside * outside * (d < 0 ? -slope : slope) / normalizer, scale: abs(inside * outside) * max(gamma, alpha, alpha / beta) / normalizer)])
        }
        let loss = losses.reduce(0) { $0 + $1[0].value } / normalizer
        return [
            "loss": [[Term(loss, scale: losses.reduce(0) { $0 + $1[0].scale } / normalizer)]], "elementwise": losses,
            "grad_pred": gradients, "grad_target": gradients.map { [Term(-$0[0].value, scale: $0[0].scale)] },
        ]
    }
}

@Suite struct BalancedL1Tests {
    @Test func everyBeta() throws {
        for beta in [1, 0.3, 2] { try sweep(BalancedL1(beta: beta, normalizer: 4)) }
        try sweep(BalancedL1(alpha: 2, gamma: 0.01))
        try refuse(BalancedL1())
    }

    @Test func parametersOutOfRange() throws {
        let wrong = [0, -1, .nan, .infinity, 0x1p-1074] as [Double]
        try refuse("alpha", wrong.map { BalancedL1(alpha: $0) })
        try refuse("gamma", wrong.map { BalancedL1(gamma: $0) })
        try refuse("beta", wrong.map { BalancedL1(beta: $0) })
        try refuse("normalizer", wrong.map { BalancedL1(normalizer: $0) })
    }

    /// The branches meet at |d| = beta, where the slope is gamma. Equal numbers have the gradient 0.
    @Test func kinks() throws {
        var elementwise = [Double](repeating: 9, count: 4), gradient = elementwise
        #expect(api.balanced_l1_f64([2, -2, 0, (2.0).nextDown], [0, 0, 0, 0], nil, nil, 4, 0.5, 1.5, 2, 1, nil, &elementwise, &gradient, nil) == BOXGRAD_OK)
        #expect(gradient[0] == 1.5 && gradient[1] == -1.5 && gradient[2] == 0 && gradient[3] < 1.5)
        #expect(elementwise[2] == 0 && abs(elementwise[3] - elementwise[0]) < 1e-14)
    }

    /// A ratio of gamma and alpha whose exponential no double holds gives no NaN, and neither does one that is nearly 0.
    @Test func extremeParameters() throws {
        let differences = [0, 1e-30, 0.5, 1, 2, 1e30, 3e38], zeros = [Double](repeating: 0, count: 7)
        for (alpha, gamma) in [(1e-30, 1e30), (1e30, 1e-30), (1e-30, 1e-30), (1e30, 1e30)] {
            var elementwise = zeros, gradient = zeros, loss = 9.0
            #expect(api.balanced_l1_f64(differences, zeros, nil, nil, 7, alpha, gamma, 1, 1, &loss, &elementwise, &gradient, nil) == BOXGRAD_OK)
            #expect(!elementwise.contains(where: \.isNaN) && !gradient.contains(where: \.isNaN) && !loss.isNaN, "\(alpha) \(gamma): \(elementwise) \(gradient)")
        }
    }
}

@Suite struct SmoothL1Tests {
    @Test func everySigma() throws {
        for sigma in [1, 3, 0.75, .infinity] as [Double] { try sweep(SmoothL1(sigma: sigma, normalizer: 4)) }
        try refuse(SmoothL1())
    }

    @Test func parametersOutOfRange() throws {
        try refuse("sigma", [0, -1, .nan, -.infinity].map { SmoothL1(sigma: $0) })
        try refuse("normalizer", [0, -1, .nan, .infinity].map { SmoothL1(normalizer: $0) })
    }

    /// The loss of no elements is 0 with every normalizer except NaN, because a batch without positives divides by their number.
    @Test func nothingHasALossOfZero() throws {
        for normalizer in [0, -1, 3, .infinity, -.infinity] as [Double] {
            var loss = 9.0
            #expect(api.smooth_l1_f32(nil, nil, nil, nil, 0, 1, normalizer, &loss, nil, nil, nil) == BOXGRAD_OK && loss == 0 && loss.sign == .plus)
        }
        var loss = 9.0
        #expect(api.smooth_l1_f64(nil, nil, nil, nil, 0, 1, .nan, &loss, nil, nil, nil) == BOXGRAD_BAD_PARAMETER && loss == 9)
    }

    /// The branches meet at |d| = 1 / sigma^2. Equal numbers have the gradient 0, also in plain L1.
    @Test func kinks() throws {
        var elementwise = [Double](repeating: 9, count: 3), gradient = elementwise
        #expect(api.smooth_l1_f64([0.25, -0.25, 0], [0, 0, 0], nil, nil, 3, 2, 1, nil, &elementwise, &gradient, nil) == BOXGRAD_OK)
        #expect(elementwise == [0.125, 0.125, 0] && gradient == [1, -1, 0])
        #expect(api.smooth_l1_f64([0.25, -0.25, 0], [0, 0, 0], nil, nil, 3, .infinity, 1, nil, &elementwise, &gradient, nil) == BOXGRAD_OK)
        #expect(elementwise == [0.25, 0.25, 0] && gradient == [1, -1, 0])
    }

    @Test func longSums() throws {
        // Each element has the loss 0.6, which is not a binary fraction. A mean from a sum in float would be 0.5991.
        let count = 1_000_003
        var loss = 0.0
        let ones = [Float](repeating: 1.1, count: count), zeros = [Float](repeating: 0, count: count)
        #expect(api.smooth_l1_f32(ones, zeros, nil, nil, count, 1, Double(count), &loss, nil, nil, nil) == BOXGRAD_OK)
        #expect(abs(loss - Double(Float(1.1) - 0.5)) < 1e-7)
    }
}

extension LibraryTests.DividedTests {
    @Test func smoothL1() throws { try sweepChunks(SmoothL1(sigma: 3, normalizer: 4), rows: DividedRows.ofElements) }
    @Test func balancedL1() throws { try sweepChunks(BalancedL1(beta: 0.3, normalizer: 4), rows: DividedRows.ofElements) }
}
