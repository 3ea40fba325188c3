// The elementary functions of Sources/Kernels over arrays, exported for test_elementary.py and sweep.c to call.

@_cdecl("exp_f32")
public func expF32(_ x: UnsafePointer<Float>, _ count: Int, _ out: UnsafeMutablePointer<Float>) {
    for i in 0..<count { out[i] = exp(x[i]) }
}

@_cdecl("exp_f64")
public func expF64(_ x: UnsafePointer<Double>, _ count: Int, _ out: UnsafeMutablePointer<Double>) {
    for i in 0..<count { out[i] = exp(x[i]) }
}

@_cdecl("log_f32")
public func logF32(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int, _ out: UnsafeMutablePointer<Float>) {
    for i in 0..<count { out[i] = log(ratioOf: a[i], to: b[i]) }
}

@_cdecl("log_f64")
public func logF64(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int, _ out: UnsafeMutablePointer<Double>) {
    for i in 0..<count { out[i] = log(ratioOf: a[i], to: b[i]) }
}

@_cdecl("atan_f64")
public func atanF64(_ x: UnsafePointer<Double>, _ count: Int, _ out: UnsafeMutablePointer<Double>) {
    for i in 0..<count { out[i] = atan(x[i]) }
}

@_cdecl("angle_f32")
public func angleF32(_ y: UnsafePointer<Double>, _ x: UnsafePointer<Double>, _ count: Int, _ out: UnsafeMutablePointer<Float>) {
    for i in 0..<count { out[i] = Float(shortAngle(y[i], x[i])) }
}

@_cdecl("power_f64")
public func powerF64(_ x: UnsafePointer<Double>, _ p: UnsafePointer<Double>, _ count: Int, _ out: UnsafeMutablePointer<Double>) {
    for i in 0..<count { out[i] = power(x[i], p[i]) }
}

@_cdecl("sine_and_cosine_of_degrees_f64")
public func sineAndCosineOfDegreesF64(
    _ angle: UnsafePointer<Double>, _ count: Int, _ sine: UnsafeMutablePointer<Double>, _ cosine: UnsafeMutablePointer<Double>
) {
    for i in 0..<count { (sine[i], cosine[i]) = AngleUnit(degrees: true).sineAndCosine(angle[i]) }
}

@_cdecl("sine_and_cosine_of_radians_f64")
public func sineAndCosineOfRadiansF64(
    _ angle: UnsafePointer<Double>, _ count: Int, _ sine: UnsafeMutablePointer<Double>, _ cosine: UnsafeMutablePointer<Double>
) {
    for i in 0..<count { (sine[i], cosine[i]) = AngleUnit(degrees: false).sineAndCosine(angle[i]) }
}
