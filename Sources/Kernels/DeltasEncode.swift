// Box deltas of targets against proposals, with the gradient with respect to both.

import CBoxgrad
import CShims

/// A row of four option fields in the kernel's type.
@inline(__always)
func row<T: Real>(_ field: (Double, Double, Double, Double)) -> Box<T> { Box(T(field.0), T(field.1), T(field.2), T(field.3)) }

/// 1 / stds: torchvision's weights.
@inline(__always)
private func inverse<T: Real>(_ stds: (Double, Double, Double, Double)) -> Box<T> { row((1 / stds.0, 1 / stds.1, 1 / stds.2, 1 / stds.3)) }

/// A box that encoding may divide by and take the logarithm of: both sides are positive finite numbers.
@inline(__always)
private func isSound<T: Real>(_ box: Box<T>) -> Bool {
    let (w, h) = (box.x2 - box.x1, box.y2 - box.y1)
    return both(both(w > 0, isFinite(w)), both(h > 0, isFinite(h)))
}

/// Counts the rows that have a degenerate proposal or target, finds the first, and marks each.
@inline(never)
func deltaDegenerate<T: Real>(_ call: DeltaDegenerate<T>, _ rows: Range<Int>) {
    let (proposals, targets) = (call.proposals, call.targets)
    Workspace.with { space in
        let (r, t): (Tile<T>, Tile<T>) = (space.tile(0), space.tile(1))
        let degenerate = space.column(0, of: UInt8.self)
        var (found, first) = (0, 0)
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            r.load(proposals, start, length)
            t.load(targets, start, length)
            var any: UInt8 = 0
            for k in 0..<tileWidth {
                degenerate[k] = bit(!both(isSound(r[k]), isSound(t[k])))
                any |= degenerate[k]
            }
            if let marks = call.marks { copy(degenerate, to: marks + start, length) }
            guard any != 0 else { continue }
            for k in 0..<length where degenerate[k] != 0 {
                if found == 0 { first = start &+ k }
                found &+= 1
            }
        }
        guard found > 0 else { return }
        bgi_add(call.found, found)
        bgi_lower(call.first, first)
    }
}

/// One axis of a proposal r and a target t.
private struct DeltaAxis<T: Real> {
    let size, targetSize, shift: T
    /// The sizes as they are before rounding, which would cost the logarithm of their ratio its digits where they are nearly equal.
    let exactSize, exactTargetSize: Double

    /// The shift is taken from differences of corners: centres far from the origin would lose the digits that matter.
    @inline(__always)
    init(_ r1: T, _ r2: T, _ t1: T, _ t2: T) {
        size = r2 - r1
        targetSize = t2 - t1
        shift = ((t1 - r1) / 2 + (t2 - r2) / 2) / size
        exactSize = Double(r2) - Double(r1)
        exactTargetSize = Double(t2) - Double(t1)
    }

    /// Gradients with respect to r1, r2, t1, t2.
    @inline(__always)
    func gradient(_ byShift: T, _ byLogRatio: T) -> (r1: T, r2: T, t1: T, t2: T) {
        let byCenter = byShift / size / 2
        let bySize = (byShift * shift + byLogRatio) / size
        let byTargetSize = byLogRatio / targetSize
        return (bySize - byCenter, -bySize - byCenter, byCenter - byTargetSize, byCenter + byTargetSize)
    }
}

@inline(never)
func deltaEncode<T: Real>(_ call: DeltaEncode<T>, _ rows: Range<Int>) {
    let (options, proposals, targets) = (call.options, call.proposals, call.targets)
    let (mean, perStd): (Box<T>, Box<T>) = (row(options.means), inverse(options.stds))
    let zero = options.on_degenerate == BOXGRAD_DEGENERATE_ZERO
    // Not a closure for each logarithm: the compiler would call it for every box, and the loop would not vectorise.
    @inline(__always)
    func encode(ofAnyRatio: Bool) {
        @inline(__always)
        func logOfRatio(_ a: Double, _ b: Double) -> T { ofAnyRatio ? log(ratioOf: a, to: b) : log(ratioOfPositive: a, to: b) }
        Workspace.with { space in
            let (r, t, d) = (space.tile(0, of: T.self), space.tile(1, of: T.self), space.tile(2, of: T.self))
            var tiles = Tiles(rows)
            while let (start, length) = tiles.next() {
                r.load(proposals, start, length)
                t.load(targets, start, length)
                for k in 0..<tileWidth {
                    let x = DeltaAxis(r.x1[k], r.x2[k], t.x1[k], t.x2[k])
                    let y = DeltaAxis(r.y1[k], r.y2[k], t.y1[k], t.y2[k])
                    d[k] = Box(
                        (x.shift - mean.x1) * perStd.x1, (y.shift - mean.y1) * perStd.y1,
                        (logOfRatio(x.exactTargetSize, x.exactSize) - mean.x2) * perStd.x2,
                        (logOfRatio(y.exactTargetSize, y.exactSize) - mean.y2) * perStd.y2)
                }
                if zero { d.keep { both(isSound(r[$0]), isSound(t[$0])) } }
                d.store(MutableRows(call.deltas, stride: 4), start, length)
            }
        }
    }
    // Boxes that are not sound are errors or come to zeros, unless what the formula gives is asked for.
    if options.on_degenerate == BOXGRAD_DEGENERATE_PROPAGATE {
        encode(ofAnyRatio: true)
    } else {
        encode(ofAnyRatio: false)
    }
}

@inline(never)
func deltaEncodeGrad<T: Real>(_ call: DeltaEncodeGrad<T>, _ rows: Range<Int>) {
    let (options, proposals, targets) = (call.options, call.proposals, call.targets)
    let perStd: Box<T> = inverse(options.stds)
    let zero = options.on_degenerate == BOXGRAD_DEGENERATE_ZERO
    Workspace.with { space in
        let (r, t, g, slopesR, slopesT) = (space.tile(0, of: T.self), space.tile(1, of: T.self), space.tile(2, of: T.self), space.tile(3, of: T.self), space.tile(4, of: T.self))
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            r.load(proposals, start, length)
            t.load(targets, start, length)
            g.load(Rows(call.gradDeltas, stride: 4), start, length)
            for k in 0..<tileWidth {
                let x = DeltaAxis(r.x1[k], r.x2[k], t.x1[k], t.x2[k]).gradient(g.x1[k] * perStd.x1, g.x2[k] * perStd.x2)
                let y = DeltaAxis(r.y1[k], r.y2[k], t.y1[k], t.y2[k]).gradient(g.y1[k] * perStd.y1, g.y2[k] * perStd.y2)
                slopesR[k] = Box(x.r1, y.r1, x.r2, y.r2)
                slopesT[k] = Box(x.t1, y.t1, x.t2, y.t2)
            }
            if zero {
                slopesR.keep { both(isSound(r[$0]), isSound(t[$0])) }
                slopesT.keep { both(isSound(r[$0]), isSound(t[$0])) }
            }
            if let gradProposals = call.gradProposals { slopesR.store(MutableRows(gradProposals, stride: 4), start, length) }
            if let gradTargets = call.gradTargets { slopesT.store(MutableRows(gradTargets, stride: 4), start, length) }
        }
    }
}
