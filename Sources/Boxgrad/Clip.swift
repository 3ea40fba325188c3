import CBoxgrad
import CShims

extension Arguments {
    fileprivate mutating func bounds(_ lo: Double, _ hi: Double) {
        require(lo == lo, "lo", "is NaN", lo)
        require(hi == hi, "hi", "is NaN", hi)
        require(lo <= hi, "lo", "is greater than hi", lo)
    }
}

@_cdecl("boxgrad_clip_f32") @implementation
public func boxgrad_clip_f32(
    _ x: UnsafePointer<Float>?, _ count: Int, _ lo: Double, _ hi: Double, _ out: UnsafeMutablePointer<Float>?
) -> Int32 {
    clip(x, count, lo, hi, out, kernels.f32.clip)
}

@_cdecl("boxgrad_clip_f64") @implementation
public func boxgrad_clip_f64(
    _ x: UnsafePointer<Double>?, _ count: Int, _ lo: Double, _ hi: Double, _ out: UnsafeMutablePointer<Double>?
) -> Int32 {
    clip(x, count, lo, hi, out, kernels.f64.clip)
}

private func clip<T>(
    _ x: UnsafePointer<T>?, _ count: Int, _ lo: Double, _ hi: Double, _ out: UnsafeMutablePointer<T>?,
    _ kernel: (UnsafePointer<T>, Int, Double, Double, UnsafeMutablePointer<T>) -> Void
) -> Int32 {
    var arguments = Arguments()
    arguments.bounds(lo, hi)
    arguments.packed(x, "x", count)
    arguments.packed(out, "out", count)
    guard arguments.valid, let x, let out else { return arguments.status }
    kernel(x, count, lo, hi, out)
    return BOXGRAD_OK
}

@_cdecl("boxgrad_clip_grad_f32") @implementation
public func boxgrad_clip_grad_f32(
    _ x: UnsafePointer<Float>?, _ count: Int, _ lo: Double, _ hi: Double, _ gradOut: UnsafePointer<Float>?, _ mode: Int32,
    _ gradIn: UnsafeMutablePointer<Float>?, _ blocked: UnsafeMutablePointer<Int>?
) -> Int32 {
    clipGrad(x, count, lo, hi, gradOut, mode, gradIn, blocked, kernels.f32.clip_grad)
}

@_cdecl("boxgrad_clip_grad_f64") @implementation
public func boxgrad_clip_grad_f64(
    _ x: UnsafePointer<Double>?, _ count: Int, _ lo: Double, _ hi: Double, _ gradOut: UnsafePointer<Double>?, _ mode: Int32,
    _ gradIn: UnsafeMutablePointer<Double>?, _ blocked: UnsafeMutablePointer<Int>?
) -> Int32 {
    clipGrad(x, count, lo, hi, gradOut, mode, gradIn, blocked, kernels.f64.clip_grad)
}

private func clipGrad<T>(
    _ x: UnsafePointer<T>?, _ count: Int, _ lo: Double, _ hi: Double, _ gradOut: UnsafePointer<T>?, _ mode: Int32,
    _ gradIn: UnsafeMutablePointer<T>?, _ blocked: UnsafeMutablePointer<Int>?,
    _ kernel: (UnsafePointer<T>, Int, Double, Double, UnsafePointer<T>, Int32, UnsafeMutablePointer<T>) -> Int
) -> Int32 {
    var arguments = Arguments()
    arguments.bounds(lo, hi)
    arguments.require(BOXGRAD_CLIP_HARD...BOXGRAD_CLIP_INWARD ~= mode, "mode", "is no clip mode", mode)
    arguments.packed(x, "x", count)
    arguments.packed(gradOut, "grad_out", count)
    arguments.packed(gradIn, "grad_in", count)
    guard arguments.valid else { return arguments.status }
    var cut = 0
    if count > 0, let x, let gradOut, let gradIn { cut = kernel(x, count, lo, hi, gradOut, mode, gradIn) }
    blocked?.pointee = cut
    return BOXGRAD_OK
}
