// These kernels decode the boxes of anchors in the cells of a grid, and compute the gradient with respect to anchors and deltas.

/// Holds 2 s(t) of the sigmoid s(t) = 1 / (1 + exp(-t)), 2 s(t) - 1, and the derivative of both. They are computed from exp(-|t|), which does
/// not overflow.
private struct TwoSigmoids<T: Real> {
    let value, lessOne, slope: T

    @inline(__always)
    init(_ t: T) {
        let power = exp(-t.magnitude)
        let divisor = 1 + power
        value = choose(t < 0, 2 * power, 2) / divisor
        lessOne = T(signOf: t, magnitudeOf: (1 - power) / divisor)
        slope = 2 * power / (divisor * divisor)
    }
}

/// Decodes one axis. The proposal extends from r1 to r2.
private struct YOLOAxis<T: Real> {
    let shift, stretch: TwoSigmoids<T>
    let proposalSize, cellSize, square, start, end: T

    @inline(__always)
    init(_ r1: T, _ r2: T, _ tShift: T, _ tSize: T, _ cellSize: T) {
        (shift, stretch) = (TwoSigmoids(tShift), TwoSigmoids(tSize))
        (proposalSize, self.cellSize) = (r2 - r1, cellSize)
        square = stretch.value * stretch.value
        let center = r1 + proposalSize / 2 + shift.lessOne * cellSize
        let half = square * proposalSize / 2
        (start, end) = (center - half, center + half)
    }

    /// Returns the gradients with respect to r1, r2 and the two deltas.
    @inline(__always)
    func gradient(_ gradStart: T, _ gradEnd: T) -> (r1: T, r2: T, tShift: T, tSize: T) {
        let byCenter = gradStart + gradEnd
        let bySize = (gradEnd - gradStart) / 2
        let byProposalSize = bySize * square
        return (
            byCenter / 2 - byProposalSize, byCenter / 2 + byProposalSize, byCenter * cellSize * shift.slope,
            bySize * proposalSize * (2 * stretch.value * stretch.slope)
        )
    }
}

@inline(never)
func yoloDecode<T: Real>(_ call: YOLODecode<T>, _ rows: Range<Int>) {
    let (proposals, deltas, cellSizes) = (call.proposals, call.deltas, call.cellSizes)
    @inline(__always)
    func decode(_ space: Workspace) {
        let (r, d, out) = (space.tile(0, of: Box<T>.self), space.tile(1, of: Deltas<T>.self), space.tile(2, of: Box<T>.self))
        let sizes = space.column(0, of: T.self)
        for k in 0..<tileWidth { sizes[k] = 0 }
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            r.load(proposals, start, length)
            d.load(deltas, start, length)
            copy(cellSizes + start, to: sizes, length)
            for k in 0..<tileWidth {
                let (proposal, delta, size) = (r[k], d[k], sizes[k])
                let x = YOLOAxis(proposal.x1, proposal.x2, delta.dx, delta.dw, size)
                let y = YOLOAxis(proposal.y1, proposal.y2, delta.dy, delta.dh, size)
                out[k] = Box(x.start, y.start, x.end, y.end)
            }
            out.store(MutableRows(call.boxes, stride: 4), start, length)
        }
    }
    Workspace.with(decode)
}

@inline(never)
func yoloDecodeGrad<T: Real>(_ call: YOLODecodeGrad<T>, _ rows: Range<Int>) {
    let (proposals, deltas, cellSizes) = (call.proposals, call.deltas, call.cellSizes)
    @inline(__always)
    func differentiate(_ space: Workspace) {
        let (r, d, g) = (space.tile(0, of: Box<T>.self), space.tile(1, of: Deltas<T>.self), space.tile(2, of: Box<T>.self))
        let (slopesR, slopesD) = (space.tile(3, of: Box<T>.self), space.tile(4, of: Deltas<T>.self))
        let sizes = space.column(0, of: T.self)
        for k in 0..<tileWidth { sizes[k] = 0 }
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            r.load(proposals, start, length)
            d.load(deltas, start, length)
            g.load(Rows(call.gradBoxes, stride: 4), start, length)
            copy(cellSizes + start, to: sizes, length)
            for k in 0..<tileWidth {
                let (proposal, delta, gradient, size) = (r[k], d[k], g[k], sizes[k])
                let x = YOLOAxis(proposal.x1, proposal.x2, delta.dx, delta.dw, size).gradient(gradient.x1, gradient.x2)
                let y = YOLOAxis(proposal.y1, proposal.y2, delta.dy, delta.dh, size).gradient(gradient.y1, gradient.y2)
                slopesR[k] = Box(x.r1, y.r1, x.r2, y.r2)
                slopesD[k] = Deltas(x.tShift, y.tShift, x.tSize, y.tSize)
            }
            if let gradProposals = call.gradProposals { slopesR.store(MutableRows(gradProposals, stride: 4), start, length) }
            if let gradDeltas = call.gradDeltas { slopesD.store(MutableRows(gradDeltas, stride: 4), start, length) }
        }
    }
    Workspace.with(differentiate)
}
