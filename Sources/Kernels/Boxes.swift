// These kernels compute the area, the format conversion and the clipping of boxes, each with its gradient.

import CBoxgrad

@inline(never)
func boxArea<T: Real>(_ call: BoxArea<T>, _ rows: Range<Int>) {
    let (boxes, out) = (call.boxes, call.out)
    for i in rows {
        let box = boxes[i]
        out[i] = (box[2] - box[0]) * (box[3] - box[1])
    }
}

@inline(never)
func boxAreaGrad<T: Real>(_ call: BoxAreaGrad<T>, _ rows: Range<Int>) {
    let gradOut = call.gradOut
    mapRows(call.boxes, MutableRows(call.gradBoxes, stride: 4), rows) { i, box in
        let byWidth = gradOut[i] * (box.y2 - box.y1)
        let byHeight = gradOut[i] * (box.x2 - box.x1)
        return Box(-byWidth, -byHeight, byWidth, byHeight)
    }
}

/// Converts boxes from one format to another. Each axis is converted alone. On an axis, a pair (p, q) is start and end, start and size, or
/// centre and size.
@inline(never)
func boxConvert<T: Real>(_ call: BoxConvert<T>, _ rows: Range<Int>) {
    let (input, out) = (call.input, call.out)
    @inline(__always)
    func axes(_ convert: (T, T) -> (T, T)) {
        mapRows(input, out, rows) { _, row in
            let (x, y) = (convert(row.x1, row.x2), convert(row.y1, row.y2))
            return Box(x.0, y.0, x.1, y.1)
        }
    }
    switch (withoutOrder(call.from), withoutOrder(call.to)) {
    case (BOXGRAD_XYXY, BOXGRAD_XYWH): axes { ($0, $1 - $0) }
    case (BOXGRAD_XYXY, BOXGRAD_CXCYWH): axes { (($0 + $1) / 2, $1 - $0) }
    case (BOXGRAD_XYWH, BOXGRAD_XYXY): axes { ($0, $0 + $1) }
    case (BOXGRAD_XYWH, BOXGRAD_CXCYWH): axes { ($0 + $1 / 2, $1) }
    case (BOXGRAD_CXCYWH, BOXGRAD_XYXY): axes { ($0 - $1 / 2, $0 + $1 / 2) }
    case (BOXGRAD_CXCYWH, BOXGRAD_XYWH): axes { ($0 - $1 / 2, $1) }
    default: axes { ($0, $1) }
    }
    exchangeAxes(out, rows, call.from, call.to)
}

/// Returns XYXY for YXYX. Conversions treat both axes alike, so that a row of YXYX may be converted as one of XYXY, and its axes exchanged
/// afterwards.
@inline(__always)
private func withoutOrder(_ format: Int32) -> Int32 { format == BOXGRAD_YXYX ? BOXGRAD_XYXY : format }

/// Exchanges the axes of the rows if one of the formats has y before x.
@inline(__always)
private func exchangeAxes<T: Real>(_ out: MutableRows<T>, _ rows: Range<Int>, _ from: Int32, _ to: Int32) {
    guard (from == BOXGRAD_YXYX) != (to == BOXGRAD_YXYX) else { return }
    mapRows(Rows(out.start, stride: out.stride), out, rows) { _, row in Box(row.y1, row.x1, row.y2, row.x2) }
}

#if COMMON_KERNELS
/// Computes the gradient of the conversion. The conversion is linear, so that its gradient is the transpose of the map above.
@inline(never)
func boxConvertGrad<T: Real>(_ call: BoxConvertGrad<T>, _ rows: Range<Int>) {
    let (gradOut, gradIn) = (Rows(call.gradOut, stride: 4), MutableRows(call.gradIn, stride: 4))
    @inline(__always)
    func axes(_ convert: (T, T) -> (T, T)) {
        mapRows(gradOut, gradIn, rows) { _, row in
            let (x, y) = (convert(row.x1, row.x2), convert(row.y1, row.y2))
            return Box(x.0, y.0, x.1, y.1)
        }
    }
    switch (withoutOrder(call.from), withoutOrder(call.to)) {
    case (BOXGRAD_XYXY, BOXGRAD_XYWH): axes { ($0 - $1, $1) }
    case (BOXGRAD_XYXY, BOXGRAD_CXCYWH): axes { ($0 / 2 - $1, $0 / 2 + $1) }
    case (BOXGRAD_XYWH, BOXGRAD_XYXY): axes { ($0 + $1, $1) }
    case (BOXGRAD_XYWH, BOXGRAD_CXCYWH): axes { ($0, $0 / 2 + $1) }
    case (BOXGRAD_CXCYWH, BOXGRAD_XYXY): axes { ($0 + $1, ($1 - $0) / 2) }
    case (BOXGRAD_CXCYWH, BOXGRAD_XYWH): axes { ($0, $1 - $0 / 2) }
    default: axes { ($0, $1) }
    }
    exchangeAxes(gradIn, rows, call.from, call.to)
}
#endif

@inline(never)
func boxClip<T: Real>(_ call: BoxClip<T>, _ rows: Range<Int>) {
    let (width, height) = (T(call.width), T(call.height))
    mapRows(call.input, call.out, rows) { _, box in
        Box(clamp(box.x1, 0, width), clamp(box.y1, 0, height), clamp(box.x2, 0, width), clamp(box.y2, 0, height))
    }
}

@inline(never)
func boxClipGrad<T: Real>(_ call: BoxClipGrad<T>, _ rows: Range<Int>) {
    let (width, height, gradOut) = (T(call.width), T(call.height), call.gradOut)
    mapRows(call.input, MutableRows(call.gradIn, stride: 4), rows) { i, box in
        let g = gradOut + 4 &* i
        return Box(
            clampGradient(box.x1, 0, width, g[0]), clampGradient(box.y1, 0, height, g[1]),
            clampGradient(box.x2, 0, width, g[2]), clampGradient(box.y2, 0, height, g[3]))
    }
}

/// Writes body(i, row i) to row i of `out`. `out` may be the input, because a row is read before it is written.
@inline(__always)
func mapRows<T: Real>(_ input: Rows<T>, _ out: MutableRows<T>, _ rows: Range<Int>, _ body: (Int, Box<T>) -> Box<T>) {
    for i in rows {
        let row = input[i]
        let result = body(i, Box(row[0], row[1], row[2], row[3]))
        let target = out[i]
        (target[0], target[1], target[2], target[3]) = (result.x1, result.y1, result.x2, result.y2)
    }
}
