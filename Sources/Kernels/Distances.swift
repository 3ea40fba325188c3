// These kernels compute the distances of points to the sides of boxes, and their gradient.

@inline(never)
func ltrbEncode<T: Real>(_ call: LTRBEncode<T>, _ rows: Range<Int>) {
    let (points, boxes, distances) = (call.points, call.boxes, MutableRows(call.distances, stride: 4))
    for i in rows {
        let (point, box, out) = (points[i], boxes[i], distances[i])
        (out[0], out[1], out[2], out[3]) = (point[0] - box[0], point[1] - box[1], box[2] - point[0], box[3] - point[1])
    }
}

@inline(never)
func ltrbEncodeGrad<T: Real>(_ call: LTRBEncodeGrad<T>, _ rows: Range<Int>) {
    let gradients = Rows(call.gradDistances, stride: 4)
    if let gradPoints = call.gradPoints {
        for i in rows {
            let (g, out) = (gradients[i], gradPoints + 2 &* i)
            (out[0], out[1]) = (g[0] - g[2], g[1] - g[3])
        }
    }
    if let gradBoxes = call.gradBoxes { mapRows(gradients, MutableRows(gradBoxes, stride: 4), rows) { _, g in Box(-g.x1, -g.y1, g.x2, g.y2) } }
}
