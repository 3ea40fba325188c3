import CBoxgrad

@inline(never)
func clip<T: Real>(_ call: Clip<T>, _ rows: Range<Int>) {
    let (x, lo, hi, out) = (call.x, T(call.lo), T(call.hi), call.out)
    for i in rows { out[i] = clamp(x[i], lo, hi) }
}

@inline(never)
func clipGrad<T: Real>(_ call: ClipGrad<T>, _ rows: Range<Int>) {
    let (x, lo, hi, gradOut, gradIn) = (call.x, T(call.lo), T(call.hi), call.gradOut, call.gradIn)
    @inline(__always)
    func pass(where passes: (T, T) -> Bool) {
        var blocked = 0
        for i in rows {
            let gradient = gradOut[i]
            let keep = passes(x[i], gradient)
            gradIn[i] = choose(keep, gradient, 0)
            blocked &+= keep ? 0 : 1
        }
        call.blocked.pointee = blocked
    }
    switch call.mode {
    case BOXGRAD_CLIP_HARD: pass { x, _ in both(x >= lo, x <= hi) }
    case BOXGRAD_CLIP_INWARD: pass { x, gradient in both(!both(x < lo, gradient > 0), !both(x > hi, gradient < 0)) }
    default: pass { _, _ in true }
    }
}
