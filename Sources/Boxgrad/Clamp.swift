import CBoxgrad
import CShims

extension Arguments {
    mutating func bounds(_ lo: Double, _ hi: Double) {
        require(lo == lo, "lo", "is NaN", lo)
        require(hi == hi, "hi", "is NaN", hi)
        require(lo <= hi, "lo", "is greater than hi", lo)
    }
}

extension Clip {
    /// Checks the arguments of clip. It returns nil if one is refused, or if there is nothing to do.
    init?(
        _ arguments: inout Arguments, _ x: UnsafePointer<T>?, _ count: Int, _ lo: Double, _ hi: Double, _ out: UnsafeMutablePointer<T>?
    ) {
        arguments.bounds(lo, hi)
        arguments.packed(x, "x", count)
        arguments.packed(out, "out", count)
        guard arguments.valid, let x, let out else { return nil }
        self.init(x: x, lo: lo, hi: hi, out: out)
    }
}

func clip<T>(
    _ x: UnsafePointer<T>?, _ count: Int, _ lo: Double, _ hi: Double, _ out: UnsafeMutablePointer<T>?
) -> Int32 {
    var arguments = Arguments()
    Clip(&arguments, x, count, lo, hi, out)?.run(count, kernels(T.self).clip)
    return arguments.status
}

extension ClipGrad {
    /// Checks the arguments of clipGrad. It returns nil if one is refused, or if there is nothing to do. The call has no place for its count yet.
    init?(
        _ arguments: inout Arguments, _ x: UnsafePointer<T>?, _ count: Int, _ lo: Double, _ hi: Double, _ gradOut: UnsafePointer<T>?,
        _ mode: Int32, _ gradIn: UnsafeMutablePointer<T>?
    ) {
        arguments.bounds(lo, hi)
        arguments.require(BOXGRAD_CLIP_HARD...BOXGRAD_CLIP_INWARD ~= mode, "mode", "is no clip mode", mode)
        arguments.packed(x, "x", count)
        arguments.packed(gradOut, "grad_out", count)
        arguments.packed(gradIn, "grad_in", count)
        guard arguments.valid, let x, let gradOut, let gradIn else { return nil }
        let none = UnsafeMutablePointer<Int>(bitPattern: MemoryLayout<Int>.alignment).unsafelyUnwrapped
        self.init(x: x, lo: lo, hi: hi, gradOut: gradOut, mode: mode, gradIn: gradIn, blocked: none)
    }
}

func clipGrad<T>(
    _ x: UnsafePointer<T>?, _ count: Int, _ lo: Double, _ hi: Double, _ gradOut: UnsafePointer<T>?, _ mode: Int32,
    _ gradIn: UnsafeMutablePointer<T>?, _ blocked: UnsafeMutablePointer<Int>?
) -> Int32 {
    var arguments = Arguments()
    var call = ClipGrad(&arguments, x, count, lo, hi, gradOut, mode, gradIn)
    guard arguments.valid else { return arguments.status }
    var cut = 0
    withUnsafeMutablePointer(to: &cut) {
        call?.blocked = $0
        call?.run(count, kernels(T.self).clip_grad)
    }
    blocked?.pointee = cut
    return BOXGRAD_OK
}
