import CBoxgrad

@inline(never)
func clip<T: Real>(_ x: UnsafePointer<T>, _ count: Int, _ lo: Double, _ hi: Double, _ out: UnsafeMutablePointer<T>) {
    let (lo, hi) = (T(lo), T(hi))
    for i in 0..<count { out[i] = clamp(x[i], lo, hi) }
}

/// Returns how many elements had their gradient cut.
@inline(never)
func clipGrad<T: Real>(
    _ x: UnsafePointer<T>, _ count: Int, _ lo: Double, _ hi: Double, _ gradOut: UnsafePointer<T>, _ mode: Int32, _ gradIn: UnsafeMutablePointer<T>
) -> Int {
    let (lo, hi) = (T(lo), T(hi))
    @inline(__always)
    func pass(where passes: (T, T) -> Bool) -> Int {
        var blocked = 0
        for i in 0..<count {
            let gradient = gradOut[i]
            let keep = passes(x[i], gradient)
            gradIn[i] = choose(keep, gradient, 0)
            blocked &+= keep ? 0 : 1
        }
        return blocked
    }
    switch mode {
    case BOXGRAD_CLIP_HARD: return pass { x, _ in both(x >= lo, x <= hi) }
    case BOXGRAD_CLIP_INWARD: return pass { x, gradient in both(!both(x < lo, gradient > 0), !both(x > hi, gradient < 0)) }
    default: return pass { _, _ in true }
    }
}
