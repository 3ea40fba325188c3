// These kernels encode boxes as the distances of points to their sides, decode them, and compute the gradients of both. The linear kernels
// take the centres of proposals as points, and their sides as units.

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

@inline(never)
func ltrbDecode<T: Real>(_ call: LTRBDecode<T>, _ rows: Range<Int>) {
    let points = call.points
    mapRows(call.distances, MutableRows(call.boxes, stride: 4), rows) { i, d in
        let point = points[i]
        return Box(point[0] - d.x1, point[1] - d.y1, point[0] + d.x2, point[1] + d.y2)
    }
}

@inline(never)
func ltrbDecodeGrad<T: Real>(_ call: LTRBDecodeGrad<T>, _ rows: Range<Int>) {
    let gradients = Rows(call.gradBoxes, stride: 4)
    if let gradPoints = call.gradPoints {
        for i in rows {
            let (g, out) = (gradients[i], gradPoints + 2 &* i)
            (out[0], out[1]) = (g[0] + g[2], g[1] + g[3])
        }
    }
    if let gradDistances = call.gradDistances {
        mapRows(gradients, MutableRows(gradDistances, stride: 4), rows) { _, g in Box(-g.x1, -g.y1, g.x2, g.y2) }
    }
}

/// Encodes one axis of a proposal r and a target t.
private struct LinearEncodedAxis<T: Real> {
    let size, start, end: T

    /// Computes the distances from differences of corners, as DeltaAxis does.
    @inline(__always)
    init(_ r1: T, _ r2: T, _ t1: T, _ t2: T) {
        size = r2 - r1
        start = Self.quotient((r1 - t1) / 2 + (r2 - t1) / 2, size)
        end = Self.quotient((t2 - r1) / 2 + (t2 - r2) / 2, size)
    }

    @inline(__always)
    private static func quotient(_ x: T, _ size: T) -> T { choose(size == 0, 0, x / size) }

    /// Returns the gradients with respect to r1, r2, t1 and t2.
    @inline(__always)
    func gradient(_ gradStart: T, _ gradEnd: T) -> (r1: T, r2: T, t1: T, t2: T) {
        let (byStart, byEnd) = (Self.quotient(gradStart, size), Self.quotient(gradEnd, size))
        let byCorner = (byStart - byEnd) / 2
        let bySize = byStart * start + byEnd * end
        return (byCorner + bySize, byCorner - bySize, -byStart, byEnd)
    }
}

@inline(never)
func linearEncode<T: Real>(_ call: LinearEncode<T>, _ rows: Range<Int>) {
    mapPairs(call.proposals, call.targets, call.distances, rows) { r, t in
        let (x, y) = (LinearEncodedAxis(r.x1, r.x2, t.x1, t.x2), LinearEncodedAxis(r.y1, r.y2, t.y1, t.y2))
        return Box(x.start, y.start, x.end, y.end)
    }
}

@inline(never)
func linearEncodeGrad<T: Real>(_ call: LinearEncodeGrad<T>, _ rows: Range<Int>) {
    mapGradients(call.proposals, call.targets, call.gradDistances, call.gradProposals, call.gradTargets, rows) { r, t, g in
        let x = LinearEncodedAxis(r.x1, r.x2, t.x1, t.x2).gradient(g.x1, g.x2)
        let y = LinearEncodedAxis(r.y1, r.y2, t.y1, t.y2).gradient(g.y1, g.y2)
        return (Box(x.r1, y.r1, x.r2, y.r2), Box(x.t1, y.t1, x.t2, y.t2))
    }
}

/// Decodes one axis. The proposal extends from r1 to r2.
private struct LinearDecodedAxis<T: Real> {
    let size, toStart, toEnd, start, end: T

    @inline(__always)
    init(_ r1: T, _ r2: T, _ toStart: T, _ toEnd: T) {
        size = r2 - r1
        (self.toStart, self.toEnd) = (toStart, toEnd)
        let center = r1 + size / 2
        (start, end) = (center - toStart * size, center + toEnd * size)
    }

    /// Returns the gradients with respect to r1, r2 and the two distances.
    @inline(__always)
    func gradient(_ gradStart: T, _ gradEnd: T) -> (r1: T, r2: T, toStart: T, toEnd: T) {
        let byCorner = (gradStart + gradEnd) / 2
        let bySize = gradEnd * toEnd - gradStart * toStart
        return (byCorner - bySize, byCorner + bySize, -gradStart * size, gradEnd * size)
    }
}

@inline(never)
func linearDecode<T: Real>(_ call: LinearDecode<T>, _ rows: Range<Int>) {
    mapPairs(call.proposals, call.distances, call.boxes, rows) { r, d in
        let (x, y) = (LinearDecodedAxis(r.x1, r.x2, d.x1, d.x2), LinearDecodedAxis(r.y1, r.y2, d.y1, d.y2))
        return Box(x.start, y.start, x.end, y.end)
    }
}

@inline(never)
func linearDecodeGrad<T: Real>(_ call: LinearDecodeGrad<T>, _ rows: Range<Int>) {
    mapGradients(call.proposals, call.distances, call.gradBoxes, call.gradProposals, call.gradDistances, rows) { r, d, g in
        let x = LinearDecodedAxis(r.x1, r.x2, d.x1, d.x2).gradient(g.x1, g.x2)
        let y = LinearDecodedAxis(r.y1, r.y2, d.y1, d.y2).gradient(g.y1, g.y2)
        return (Box(x.r1, y.r1, x.r2, y.r2), Box(x.toStart, y.toStart, x.toEnd, y.toEnd))
    }
}

/// Computes packed rows from those of two arrays, a tile at a time.
@inline(__always)
private func mapPairs<T: Real>(
    _ a: Rows<T>, _ b: Rows<T>, _ out: UnsafeMutablePointer<T>, _ rows: Range<Int>, _ body: (Box<T>, Box<T>) -> Box<T>
) {
    @inline(__always)
    func map(_ space: Workspace) {
        let (first, second, results): (Tile<Box<T>>, Tile<Box<T>>, Tile<Box<T>>) = (space.tile(0), space.tile(1), space.tile(2))
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            first.load(a, start, length)
            second.load(b, start, length)
            for k in 0..<tileWidth { results[k] = body(first[k], second[k]) }
            results.store(MutableRows(out, stride: 4), start, length)
        }
    }
    Workspace.with(map)
}

/// Computes the gradients with respect to the rows of two arrays, a tile at a time. `body` gets a row of each, and of the gradient with
/// respect to the result.
@inline(__always)
private func mapGradients<T: Real>(
    _ a: Rows<T>, _ b: Rows<T>, _ gradOut: UnsafePointer<T>, _ gradA: UnsafeMutablePointer<T>?, _ gradB: UnsafeMutablePointer<T>?,
    _ rows: Range<Int>, _ body: (Box<T>, Box<T>, Box<T>) -> (Box<T>, Box<T>)
) {
    @inline(__always)
    func map(_ space: Workspace) {
        let (first, second, gradients): (Tile<Box<T>>, Tile<Box<T>>, Tile<Box<T>>) = (space.tile(0), space.tile(1), space.tile(2))
        let (slopesA, slopesB): (Tile<Box<T>>, Tile<Box<T>>) = (space.tile(3), space.tile(4))
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            first.load(a, start, length)
            second.load(b, start, length)
            gradients.load(Rows(gradOut, stride: 4), start, length)
            for k in 0..<tileWidth { (slopesA[k], slopesB[k]) = body(first[k], second[k], gradients[k]) }
            if let gradA { slopesA.store(MutableRows(gradA, stride: 4), start, length) }
            if let gradB { slopesB.store(MutableRows(gradB, stride: 4), start, length) }
        }
    }
    Workspace.with(map)
}
