// Box deltas of targets against proposals, with the gradient with respect to both.

import CBoxgrad

/// A row of four option fields in the kernel's type.
@inline(__always)
func row<T: Real>(_ field: (Double, Double, Double, Double)) -> Box<T> { Box(T(field.0), T(field.1), T(field.2), T(field.3)) }

/// A box that encoding divides by or takes the logarithm of: some side is not a positive finite number.
@inline(__always)
private func isDegenerate<T: Real>(_ box: Box<T>) -> Bool {
    let (w, h) = (box.x2 - box.x1, box.y2 - box.y1)
    return !both(both(w > 0, w < .infinity), both(h > 0, h < .infinity))
}

/// How many rows have a degenerate proposal or target; the first goes to `first`, and each is marked in `marks`.
@inline(__always)
func deltaDegenerate<T: Real>(
    _ proposals: UnsafePointer<T>, _ proposalsStride: Int, _ targets: UnsafePointer<T>, _ targetsStride: Int, _ count: Int,
    _ marks: UnsafeMutablePointer<UInt8>?, _ first: UnsafeMutablePointer<Int>
) -> Int {
    var found = 0
    for i in 0..<count {
        let (p, t) = (proposals + i &* proposalsStride, targets + i &* targetsStride)
        let degenerate = isDegenerate(Box(p[0], p[1], p[2], p[3])) || isDegenerate(Box(t[0], t[1], t[2], t[3]))
        if degenerate && found == 0 { first.pointee = i }
        found &+= degenerate ? 1 : 0
        marks?[i] = degenerate ? 1 : 0
    }
    return found
}

/// One axis of a proposal r and a target t.
private struct DeltaAxis<T: Real> {
    let size, targetSize, shift, logRatio: T

    /// The shift is taken from differences of corners: centres far from the origin would lose the digits that matter. So would the
    /// logarithm of sizes that are nearly equal if they were rounded first.
    @inline(__always)
    init(_ r1: T, _ r2: T, _ t1: T, _ t2: T) {
        size = r2 - r1
        targetSize = t2 - t1
        shift = ((t1 - r1) / 2 + (t2 - r2) / 2) / size
        logRatio = log(ratioOf: Double(t2) - Double(t1), to: Double(r2) - Double(r1))
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

@inline(__always)
func deltaEncode<T: Real>(
    _ options: UnsafePointer<boxgrad_delta_options>, _ proposals: UnsafePointer<T>, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>, _ targetsStride: Int, _ count: Int, _ deltas: UnsafeMutablePointer<T>
) {
    let (mean, std): (Box<T>, Box<T>) = (row(options.pointee.means), row(options.pointee.stds))
    let zero = options.pointee.on_degenerate == BOXGRAD_DEGENERATE_ZERO
    Workspace.with { space in
        let (r, t, d) = (space.tile(0, of: T.self), space.tile(1, of: T.self), space.tile(2, of: T.self))
        var tiles = Tiles(count)
        while let (start, length) = tiles.next() {
            r.load(proposals + start &* proposalsStride, proposalsStride, length)
            t.load(targets + start &* targetsStride, targetsStride, length)
            for k in 0..<tileWidth {
                let x = DeltaAxis(r.x1[k], r.x2[k], t.x1[k], t.x2[k])
                let y = DeltaAxis(r.y1[k], r.y2[k], t.y1[k], t.y2[k])
                let keep = !both(zero, !both(!isDegenerate(r[k]), !isDegenerate(t[k])))
                d[k] = Box(
                    choose(keep, (x.shift - mean.x1) / std.x1, 0), choose(keep, (y.shift - mean.y1) / std.y1, 0),
                    choose(keep, (x.logRatio - mean.x2) / std.x2, 0), choose(keep, (y.logRatio - mean.y2) / std.y2, 0))
            }
            d.store(deltas + 4 &* start, 4, length)
        }
    }
}

@inline(__always)
func deltaEncodeGrad<T: Real>(
    _ options: UnsafePointer<boxgrad_delta_options>, _ proposals: UnsafePointer<T>, _ proposalsStride: Int,
    _ targets: UnsafePointer<T>, _ targetsStride: Int, _ count: Int, _ gradDeltas: UnsafePointer<T>,
    _ gradProposals: UnsafeMutablePointer<T>?, _ gradTargets: UnsafeMutablePointer<T>?
) {
    let std: Box<T> = row(options.pointee.stds)
    let zero = options.pointee.on_degenerate == BOXGRAD_DEGENERATE_ZERO
    Workspace.with { space in
        let (r, t, g, slopesR, slopesT) = (space.tile(0, of: T.self), space.tile(1, of: T.self), space.tile(2, of: T.self), space.tile(3, of: T.self), space.tile(4, of: T.self))
        var tiles = Tiles(count)
        while let (start, length) = tiles.next() {
            r.load(proposals + start &* proposalsStride, proposalsStride, length)
            t.load(targets + start &* targetsStride, targetsStride, length)
            g.load(gradDeltas + 4 &* start, 4, length)
            for k in 0..<tileWidth {
                let x = DeltaAxis(r.x1[k], r.x2[k], t.x1[k], t.x2[k]).gradient(g.x1[k] / std.x1, g.x2[k] / std.x2)
                let y = DeltaAxis(r.y1[k], r.y2[k], t.y1[k], t.y2[k]).gradient(g.y1[k] / std.y1, g.y2[k] / std.y2)
                let keep = !both(zero, !both(!isDegenerate(r[k]), !isDegenerate(t[k])))
                slopesR[k] = Box(choose(keep, x.r1, 0), choose(keep, y.r1, 0), choose(keep, x.r2, 0), choose(keep, y.r2, 0))
                slopesT[k] = Box(choose(keep, x.t1, 0), choose(keep, y.t1, 0), choose(keep, x.t2, 0), choose(keep, y.t2, 0))
            }
            if let gradProposals { slopesR.store(gradProposals + 4 &* start, 4, length) }
            if let gradTargets { slopesT.store(gradTargets + 4 &* start, 4, length) }
        }
    }
}
