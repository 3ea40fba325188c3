/// Generates the same numbers in every run (SplitMix64). All of them are exact in Float, so that both types compute with the same inputs.
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(seed: Int) { state = UInt64(seed) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func number(_ range: ClosedRange<Double>) -> Double { Double(Float(Double.random(in: range, using: &self))) }

    mutating func numbers(_ count: Int, _ range: ClosedRange<Double> = -2...2) -> [Double] { (0..<count).map { _ in number(range) } }

    /// Returns a random box. Half of the boxes are anywhere. The others are on a grid of 8 x 8, so that many of them touch, are equal, or
    /// are within each other.
    mutating func box() -> [Double] {
        if Bool.random(using: &self) {
            let (x, y) = (number(-2...40), number(-2...40))
            return [x, y, Double(Float(x + number(0.5...30))), Double(Float(y + number(0.5...30)))]
        }
        let corner = (0..<4).map { _ in Double(Int.random(in: 0..<8, using: &self)) }
        return [corner[0], corner[1], corner[0] + 1 + corner[2], corner[1] + 1 + corner[3]]
    }
}
