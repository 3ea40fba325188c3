// Boxes from deltas and proposals, with the gradient with respect to both.

import CBoxgrad

/// The limits that decoding puts on one axis.
private struct DecodeLimits<T: Real> {
    let shift, logRatioMin, logRatioMax, imageStart, imageEnd: T

    @inline(__always)
    init(_ options: boxgrad_delta_options, _ imageSize: Double) {
        shift = T(options.center_clamp)
        logRatioMin = T(options.log_ratio_min)
        logRatioMax = T(options.log_ratio_max)
        imageStart = imageSize < 0 ? -T.infinity : 0
        imageEnd = imageSize < 0 ? T.infinity : T(imageSize)
    }
}

/// One axis: a proposal from r1 to r2 and its two deltas, already multiplied by std and moved by mean.
private struct DecodedAxis<T: Real> {
    let limits: DecodeLimits<T>
    let proposalSize, dShift, dLogRatio, shift, ratio, start, end: T

    @inline(__always)
    init(_ r1: T, _ r2: T, _ dShift: T, _ dLogRatio: T, _ limits: DecodeLimits<T>) {
        self.limits = limits
        (self.dShift, self.dLogRatio) = (dShift, dLogRatio)
        proposalSize = r2 - r1
        shift = dShift * proposalSize
        ratio = exp(clamp(dLogRatio, limits.logRatioMin, limits.logRatioMax))
        let center = r1 + proposalSize / 2 + clamp(shift, -limits.shift, limits.shift)
        let size = ratio * proposalSize
        (start, end) = (center - size / 2, center + size / 2)
    }

    @inline(__always)
    var clipped: (start: T, end: T) { (clamp(start, limits.imageStart, limits.imageEnd), clamp(end, limits.imageStart, limits.imageEnd)) }

    /// Gradients with respect to r1, r2 and the two deltas.
    @inline(__always)
    func gradient(_ gradStart: T, _ gradEnd: T) -> (r1: T, r2: T, dShift: T, dLogRatio: T) {
        let byStart = clampGradient(start, limits.imageStart, limits.imageEnd, gradStart)
        let byEnd = clampGradient(end, limits.imageStart, limits.imageEnd, gradEnd)
        let byCenter = byStart + byEnd
        let bySize = (byEnd - byStart) / 2
        let byShift = clampGradient(shift, -limits.shift, limits.shift, byCenter)
        let byProposalSize = byShift * dShift + bySize * ratio
        return (
            byCenter / 2 - byProposalSize, byCenter / 2 + byProposalSize, byShift * proposalSize,
            clampGradient(dLogRatio, limits.logRatioMin, limits.logRatioMax, bySize * ratio * proposalSize)
        )
    }
}

@inline(__always)
func deltaDecode<T: Real>(
    _ options: UnsafePointer<boxgrad_delta_options>, _ proposals: UnsafePointer<T>, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>, _ deltasStride: Int, _ count: Int, _ groups: Int, _ boxes: UnsafeMutablePointer<T>
) {
    withTile { out in
        forEachDecoded(options, proposals, proposalsStride, deltas, deltasStride, count, groups) { start, length, group, axes in
            for k in 0..<tileWidth {
                let (x, y, _) = axes(k)
                let (clippedX, clippedY) = (x.clipped, y.clipped)
                out[k] = Box(clippedX.start, clippedY.start, clippedX.end, clippedY.end)
            }
            out.store(boxes + 4 &* (start &* groups &+ group), 4 &* groups, length)
        }
    }
}

@inline(__always)
func deltaDecodeGrad<T: Real>(
    _ options: UnsafePointer<boxgrad_delta_options>, _ proposals: UnsafePointer<T>, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>, _ deltasStride: Int, _ count: Int, _ groups: Int, _ gradBoxes: UnsafePointer<T>,
    _ gradProposals: UnsafeMutablePointer<T>?, _ gradDeltas: UnsafeMutablePointer<T>?
) {
    withTile { g in withTile { (slopes: Tile<T>) in withTile { (sums: Tile<Double>) in
        forEachDecoded(options, proposals, proposalsStride, deltas, deltasStride, count, groups) { start, length, group, axes in
            let offset = 4 &* (start &* groups &+ group)
            g.load(gradBoxes + offset, 4 &* groups, length)
            if group == 0 { for k in 0..<tileWidth { sums[k] = Box(0, 0, 0, 0) } }
            for k in 0..<tileWidth {
                let (axisX, axisY, std) = axes(k)
                let (x, y) = (axisX.gradient(g.x1[k], g.x2[k]), axisY.gradient(g.y1[k], g.y2[k]))
                slopes[k] = Box(x.dShift * std.x1, y.dShift * std.y1, x.dLogRatio * std.x2, y.dLogRatio * std.y2)
                sums.x1[k] += Double(x.r1)
                sums.y1[k] += Double(y.r1)
                sums.x2[k] += Double(x.r2)
                sums.y2[k] += Double(y.r2)
            }
            if let gradDeltas { slopes.store(gradDeltas + offset, 4 &* groups, length) }
            if let gradProposals, group &+ 1 == groups {
                for k in 0..<tileWidth { slopes[k] = Box(T(sums.x1[k]), T(sums.y1[k]), T(sums.x2[k]), T(sums.y2[k])) }
                slopes.store(gradProposals + 4 &* start, 4, length)
            }
        }
    } } }
}

/// Calls body for each tile of rows and, within it, each group; `axes` gives row k's two axes and the stds.
@inline(__always)
private func forEachDecoded<T: Real>(
    _ options: UnsafePointer<boxgrad_delta_options>, _ proposals: UnsafePointer<T>, _ proposalsStride: Int,
    _ deltas: UnsafePointer<T>, _ deltasStride: Int, _ count: Int, _ groups: Int,
    _ body: (_ start: Int, _ length: Int, _ group: Int, _ axes: (Int) -> (DecodedAxis<T>, DecodedAxis<T>, Box<T>)) -> Void
) {
    let (mean, std): (Box<T>, Box<T>) = (row(options.pointee.means), row(options.pointee.stds))
    let limitsX = DecodeLimits<T>(options.pointee, options.pointee.image_width)
    let limitsY = DecodeLimits<T>(options.pointee, options.pointee.image_height)
    withTile { r in withTile { d in
        forEachTile(count) { start, length in
            r.load(proposals + start &* proposalsStride, proposalsStride, length)
            for group in 0..<groups {
                d.load(deltas + (start &* deltasStride &+ 4 &* group), deltasStride, length)
                body(start, length, group) { k in
                    (
                        DecodedAxis(r.x1[k], r.x2[k], d.x1[k] * std.x1 + mean.x1, d.x2[k] * std.x2 + mean.x2, limitsX),
                        DecodedAxis(r.y1[k], r.y2[k], d.y1[k] * std.y1 + mean.y1, d.y2[k] * std.y2 + mean.y2, limitsY),
                        std
                    )
                }
            }
        }
    } }
}
