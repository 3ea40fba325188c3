// Area, format conversion and clipping of boxes, each with its gradient.

import CBoxgrad

@inline(never)
func boxArea<T: Real>(_ boxes: UnsafePointer<T>, _ count: Int, _ stride: Int, _ out: UnsafeMutablePointer<T>) {
    for i in 0..<count {
        let box = boxes + i &* stride
        out[i] = (box[2] - box[0]) * (box[3] - box[1])
    }
}

@inline(never)
func boxAreaGrad<T: Real>(
    _ boxes: UnsafePointer<T>, _ count: Int, _ stride: Int, _ gradOut: UnsafePointer<T>, _ gradBoxes: UnsafeMutablePointer<T>
) {
    mapRows(boxes, stride, gradBoxes, 4, count) { i, box in
        let byWidth = gradOut[i] * (box.y2 - box.y1)
        let byHeight = gradOut[i] * (box.x2 - box.x1)
        return Box(-byWidth, -byHeight, byWidth, byHeight)
    }
}

/// Conversions act on each axis alone: a pair (p, q) of start and end, start and size, or centre and size becomes another.
@inline(never)
func boxConvert<T: Real>(
    _ from: Int32, _ to: Int32, _ rows: UnsafePointer<T>, _ count: Int, _ stride: Int, _ out: UnsafeMutablePointer<T>, _ outStride: Int
) {
    @inline(__always)
    func axes(_ convert: (T, T) -> (T, T)) {
        mapRows(rows, stride, out, outStride, count) { _, row in
            let (x, y) = (convert(row.x1, row.x2), convert(row.y1, row.y2))
            return Box(x.0, y.0, x.1, y.1)
        }
    }
    switch (from, to) {
    case (BOXGRAD_XYXY, BOXGRAD_XYWH): axes { ($0, $1 - $0) }
    case (BOXGRAD_XYXY, BOXGRAD_CXCYWH): axes { (($0 + $1) / 2, $1 - $0) }
    case (BOXGRAD_XYWH, BOXGRAD_XYXY): axes { ($0, $0 + $1) }
    case (BOXGRAD_XYWH, BOXGRAD_CXCYWH): axes { ($0 + $1 / 2, $1) }
    case (BOXGRAD_CXCYWH, BOXGRAD_XYXY): axes { ($0 - $1 / 2, $0 + $1 / 2) }
    case (BOXGRAD_CXCYWH, BOXGRAD_XYWH): axes { ($0 - $1 / 2, $1) }
    default: axes { ($0, $1) }
    }
}

/// The transposes of the maps above.
@inline(never)
func boxConvertGrad<T: Real>(_ from: Int32, _ to: Int32, _ count: Int, _ gradOut: UnsafePointer<T>, _ gradIn: UnsafeMutablePointer<T>) {
    @inline(__always)
    func axes(_ convert: (T, T) -> (T, T)) {
        mapRows(gradOut, 4, gradIn, 4, count) { _, row in
            let (x, y) = (convert(row.x1, row.x2), convert(row.y1, row.y2))
            return Box(x.0, y.0, x.1, y.1)
        }
    }
    switch (from, to) {
    case (BOXGRAD_XYXY, BOXGRAD_XYWH): axes { ($0 - $1, $1) }
    case (BOXGRAD_XYXY, BOXGRAD_CXCYWH): axes { ($0 / 2 - $1, $0 / 2 + $1) }
    case (BOXGRAD_XYWH, BOXGRAD_XYXY): axes { ($0 + $1, $1) }
    case (BOXGRAD_XYWH, BOXGRAD_CXCYWH): axes { ($0, $0 / 2 + $1) }
    case (BOXGRAD_CXCYWH, BOXGRAD_XYXY): axes { ($0 + $1, ($1 - $0) / 2) }
    case (BOXGRAD_CXCYWH, BOXGRAD_XYWH): axes { ($0, $1 - $0 / 2) }
    default: axes { ($0, $1) }
    }
}

@inline(never)
func boxClip<T: Real>(
    _ rows: UnsafePointer<T>, _ count: Int, _ stride: Int, _ width: Double, _ height: Double, _ out: UnsafeMutablePointer<T>, _ outStride: Int
) {
    let (width, height) = (T(width), T(height))
    mapRows(rows, stride, out, outStride, count) { _, box in
        Box(clamp(box.x1, 0, width), clamp(box.y1, 0, height), clamp(box.x2, 0, width), clamp(box.y2, 0, height))
    }
}

@inline(never)
func boxClipGrad<T: Real>(
    _ rows: UnsafePointer<T>, _ count: Int, _ stride: Int, _ width: Double, _ height: Double,
    _ gradOut: UnsafePointer<T>, _ gradIn: UnsafeMutablePointer<T>
) {
    let (width, height) = (T(width), T(height))
    mapRows(rows, stride, gradIn, 4, count) { i, box in
        let g = gradOut + 4 &* i
        return Box(
            clampGradient(box.x1, 0, width, g[0]), clampGradient(box.y1, 0, height, g[1]),
            clampGradient(box.x2, 0, width, g[2]), clampGradient(box.y2, 0, height, g[3]))
    }
}

/// out row i = body(i, row i), in place or not.
@inline(__always)
func mapRows<T: Real>(
    _ rows: UnsafePointer<T>, _ stride: Int, _ out: UnsafeMutablePointer<T>, _ outStride: Int, _ count: Int, _ body: (Int, Box<T>) -> Box<T>
) {
    for i in 0..<count {
        let row = rows + i &* stride
        let result = body(i, Box(row[0], row[1], row[2], row[3]))
        let target = out + i &* outStride
        (target[0], target[1], target[2], target[3]) = (result.x1, result.y1, result.x2, result.y2)
    }
}
