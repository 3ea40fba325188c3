#if COMMON_KERNELS
/// Rotates boxes about (cx, cy), and writes their corners and the upright boxes around the corners. It computes in double, and rounds each
/// result to T once.
@inline(never)
func boxRotate<T: Real>(_ call: BoxRotate<T>, _ rows: Range<Int>) {
    let (cx, cy) = (call.cx, call.cy)
    let (sine, cosine) = AngleUnit(degrees: true).sineAndCosine(call.degrees)
    for i in rows {
        let row = call.boxes[i]
        let (left, right) = (Double(row[0]) - cx, Double(row[2]) - cx)
        let (top, bottom) = (Double(row[1]) - cy, Double(row[3]) - cy)
        @inline(__always)
        func turned(_ dx: Double, _ dy: Double) -> (x: T, y: T) {
            (T(cx + (cosine * dx + sine * dy)), T(cy + (cosine * dy - sine * dx)))
        }
        let (a, b, c, d) = (turned(left, top), turned(right, top), turned(right, bottom), turned(left, bottom))
        if let corners = call.corners {
            let out = corners + 8 &* i
            (out[0], out[1], out[2], out[3]) = (a.x, a.y, b.x, b.y)
            (out[4], out[5], out[6], out[7]) = (c.x, c.y, d.x, d.y)
        }
        if let bounds = call.bounds {
            let out = bounds + 4 &* i
            (out[0], out[1]) = (least(a.x, b.x, c.x, d.x), least(a.y, b.y, c.y, d.y))
            (out[2], out[3]) = (-least(-a.x, -b.x, -c.x, -d.x), -least(-a.y, -b.y, -c.y, -d.y))
        }
    }
}

/// Returns the least of four numbers, or NaN if one of them is NaN or if both infinities are among them.
@inline(__always)
private func least<T: Real>(_ a: T, _ b: T, _ c: T, _ d: T) -> T {
    let value = smaller(smaller(a, b), smaller(c, d))
    let sum = a + b + c + d
    return sum != sum ? sum : value
}
#endif
