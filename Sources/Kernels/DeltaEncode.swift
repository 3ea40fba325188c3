// Box deltas of targets against proposals, with the gradient with respect to both.

import CBoxgrad

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

/// How many rows have a degenerate proposal or target; the first goes to `first`, and each is marked in `marks`.
@inline(never)
func deltaDegenerate<T: Real>(
    _ proposals: UnsafePointer<T>, _ proposalsStride: Int, _ targets: UnsafePointer<T>, _ targetsStride: Int, _ count: Int,
    _ marks: UnsafeMutablePointer<UInt8>?, _ first: UnsafeMutablePointer<Int>
) -> Int {
    Workspace.with { space in
        let (r, t): (Tile<T>, Tile<T>) = (space.tile(0), space.tile(1))
        let degenerate = space.column(0, of: UInt8.self)
        var found = 0
        var tiles = Tiles(count)
        while let (start, length) = tiles.next() {
            r.load(proposals + start &* proposalsStride, proposalsStride, length)
            t.load(targets + start &* targetsStride, targetsStride, length)
            var any: UInt8 = 0
            for k in 0..<tileWidth {
                degenerate[k] = bit(!both(isSound(r[k]), isSound(t[k])))
                any |= degenerate[k]
            }
            if let marks { copy(degenerate, to: marks + start, length) }
            guard any != 0 else { continue }
            for k in 0..<length where degenerate[k] != 0 {
                if found == 0 { first.pointee = start &+ k }
                found &+= 1
            }
        }
        return found
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
func deltaEncode<T: Real>(
    _ options: UnsafePointer<boxgrad_delta_options>, _ proposals: UnsafePointer<T>, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<T>
) {
    let (mean, perStd): (Box<T>, Box<T>) = (row(options.pointee.means), inverse(options.pointee.stds))
    let zero = options.pointee.on_degenerate == BOXGRAD_DEGENERATE_ZERO
    // Not a closure for each logarithm: the compiler would call it for every box, and the loop would not vectorise.
    @inline(__always)
    func encode(ofAnyRatio: Bool) {
        @inline(__always)
        func logOfRatio(_ a: Double, _ b: Double) -> T { ofAnyRatio ? log(ratioOf: a, to: b) : log(ratioOfPositive: a, to: b) }
        Workspace.with { space in
            let (r, t, d) = (space.tile(0, of: T.self), space.tile(1, of: T.self), space.tile(2, of: T.self))
            var tiles = Tiles(count)
            while let (start, length) = tiles.next() {
                r.load(proposals + start &* proposalsStride, proposalsStride, length)
                t.load(targets + start &* targetsStride, targetsStride, length)
                for k in 0..<tileWidth {
                    let x = DeltaAxis(r.x1[k], r.x2[k], t.x1[k], t.x2[k])
                    let y = DeltaAxis(r.y1[k], r.y2[k], t.y1[k], t.y2[k])
                    d[k] = Box(
                        (x.shift - mean.x1) * perStd.x1, (y.shift - mean.y1) * perStd.y1,
                        (logOfRatio(x.exactTargetSize, x.exactSize) - mean.x2) * perStd.x2,
                        (logOfRatio(y.exactTargetSize, y.exactSize) - mean.y2) * perStd.y2)
                }
                if zero { d.keep { both(isSound(r[$0]), isSound(t[$0])) } }
                d.store(deltas + 4 &* start, 4, length)
            }
        }
    }
    // Boxes that are not sound are errors or come to zeros, unless what the formula gives is asked for.
    if options.pointee.on_degenerate == BOXGRAD_DEGENERATE_PROPAGATE {
        encode(ofAnyRatio: true)
    } else {
        encode(ofAnyRatio: false)
    }
}

@inline(never)
func deltaEncodeGrad<T: Real>(
    _ options: UnsafePointer<boxgrad_delta_options>, _ proposals: UnsafePointer<T>, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<T>,
    _ gradProposals: UnsafeMutablePointer<T>?, _ gradTargets: UnsafeMutablePointer<T>?
) {
    let perStd: Box<T> = inverse(options.pointee.stds)
    let zero = options.pointee.on_degenerate == BOXGRAD_DEGENERATE_ZERO
    Workspace.with { space in
        let (r, t, g, slopesR, slopesT) = (space.tile(0, of: T.self), space.tile(1, of: T.self), space.tile(2, of: T.self), space.tile(3, of: T.self), space.tile(4, of: T.self))
        var tiles = Tiles(count)
        while let (start, length) = tiles.next() {
            r.load(proposals + start &* proposalsStride, proposalsStride, length)
            t.load(targets + start &* targetsStride, targetsStride, length)
            g.load(gradDeltas + 4 &* start, 4, length)
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
            if let gradProposals { slopesR.store(gradProposals + 4 &* start, 4, length) }
            if let gradTargets { slopesT.store(gradTargets + 4 &* start, 4, length) }
        }
    }
}
