import CBoxgrad
import CShims

extension Arguments {
    mutating func bounds(_ lo: Double, _ hi: Double) {
        require(lo == lo, "lo", "is NaN", lo)
        require(hi == hi, "hi", "is NaN", hi)
        require(lo <= hi, "lo", "is greater than hi", lo)
    }
}

func clip<T>(
    _ x: UnsafePointer<T>?, _ count: Int, _ lo: Double, _ hi: Double, _ out: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    arguments.bounds(lo, hi)
    arguments.packed(x, "x", count)
    arguments.packed(out, "out", count)
    guard arguments.valid, let x, let out else { return arguments.status }
    Clip(x: x, lo: lo, hi: hi, out: out).run(count, kernels(T.self).clip)
    return BOXGRAD_OK
}

func clipGrad<T>(
    _ x: UnsafePointer<T>?, _ count: Int, _ lo: Double, _ hi: Double, _ gradOut: UnsafePointer<T>?, _ mode: Int32,
    _ gradIn: UnsafeMutablePointer<T>?, _ blocked: UnsafeMutablePointer<Int>?
) -> Int32 {
    var arguments = Arguments()
    arguments.bounds(lo, hi)
    arguments.require(BOXGRAD_CLIP_HARD...BOXGRAD_CLIP_INWARD ~= mode, "mode", "is no clip mode", mode)
    arguments.packed(x, "x", count)
    arguments.packed(gradOut, "grad_out", count)
    arguments.packed(gradIn, "grad_in", count)
    guard arguments.valid else { return arguments.status }
    var cut = 0
    if count > 0, let x, let gradOut, let gradIn {
        withUnsafeMutablePointer(to: &cut) {
            ClipGrad(x: x, lo: lo, hi: hi, gradOut: gradOut, mode: mode, gradIn: gradIn, blocked: $0).run(count, kernels(T.self).clip_grad)
        }
    }
    blocked?.pointee = cut
    return BOXGRAD_OK
}
