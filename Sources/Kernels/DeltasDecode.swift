// These kernels decode boxes from proposals and deltas, and compute the gradient with respect to both.

import CBoxgrad

/// Holds the limits that decoding applies to one axis.
struct DecodeLimits<T: Real> {
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

/// Decodes one axis. The proposal extends from r1 to r2. The two deltas are already multiplied by std, and mean is added.
struct DecodedAxis<T: Real> {
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

    /// Returns the gradients with respect to r1, r2 and the two deltas.
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

/// Holds the options in the kernel's type, which are the same for all rows.
struct Decoder<T: Real> {
    let mean, std: Deltas<T>
    let limitsX, limitsY: DecodeLimits<T>

    @inline(__always)
    init(_ options: boxgrad_delta_options) {
        (mean, std) = (Deltas(option: options.means), Deltas(option: options.stds))
        (limitsX, limitsY) = (DecodeLimits(options, options.image_width), DecodeLimits(options, options.image_height))
    }

    @inline(__always)
    func axes(_ r: Box<T>, _ d: Deltas<T>) -> (x: DecodedAxis<T>, y: DecodedAxis<T>) {
        (
            DecodedAxis(r.x1, r.x2, d.dx * std.dx + mean.dx, d.dw * std.dw + mean.dw, limitsX),
            DecodedAxis(r.y1, r.y2, d.dy * std.dy + mean.dy, d.dh * std.dh + mean.dh, limitsY)
        )
    }
}

@inline(never)
func deltaDecode<T: Real>(_ call: DeltaDecode<T>, _ rows: Range<Int>) {
    let (proposals, deltas, groups, boxes) = (call.proposals, call.deltas, call.groups, call.boxes)
    let decoder = Decoder<T>(call.options)
    @inline(__always)
    func decode(_ space: Workspace) {
        let (r, d, out) = (space.tile(0, of: Box<T>.self), space.tile(1, of: Deltas<T>.self), space.tile(2, of: Box<T>.self))
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            r.load(proposals, start, length)
            for group in 0..<groups {
                d.load(Rows(deltas.start + 4 &* group, stride: deltas.stride), start, length)
                for k in 0..<tileWidth {
                    let axes = decoder.axes(r[k], d[k])
                    let (x, y) = (axes.x.clipped, axes.y.clipped)
                    out[k] = Box(x.start, y.start, x.end, y.end)
                }
                out.store(MutableRows(boxes + 4 &* group, stride: 4 &* groups), start, length)
            }
        }
    }
    Workspace.with(decode)
}

@inline(never)
func deltaDecodeGrad<T: Real>(_ call: DeltaDecodeGrad<T>, _ rows: Range<Int>) {
    let (proposals, deltas, groups, gradBoxes) = (call.proposals, call.deltas, call.groups, call.gradBoxes)
    let decoder = Decoder<T>(call.options)
    let std = decoder.std
    @inline(__always)
    func differentiate(_ space: Workspace) {
        let (r, d, g) = (space.tile(0, of: Box<T>.self), space.tile(1, of: Deltas<T>.self), space.tile(2, of: Box<T>.self))
        let (slopes, sums) = (space.tile(3, of: Deltas<T>.self), space.tile(4, of: Box<Double>.self))
        // `slopesR` has the memory of `slopes`, because it is written only after the slopes of the deltas are stored.
        let slopesR = space.tile(3, of: Box<T>.self)
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            r.load(proposals, start, length)
            for k in 0..<tileWidth { sums[k] = Box(0, 0, 0, 0) }
            for group in 0..<groups {
                d.load(Rows(deltas.start + 4 &* group, stride: deltas.stride), start, length)
                g.load(Rows(gradBoxes + 4 &* group, stride: 4 &* groups), start, length)
                for k in 0..<tileWidth {
                    let (axes, g, sum) = (decoder.axes(r[k], d[k]), g[k], sums[k])
                    let (x, y) = (axes.x.gradient(g.x1, g.x2), axes.y.gradient(g.y1, g.y2))
                    slopes[k] = Deltas(x.dShift * std.dx, y.dShift * std.dy, x.dLogRatio * std.dw, y.dLogRatio * std.dh)
                    sums[k] = Box(sum.x1 + Double(x.r1), sum.y1 + Double(y.r1), sum.x2 + Double(x.r2), sum.y2 + Double(y.r2))
                }
                if let gradDeltas = call.gradDeltas { slopes.store(MutableRows(gradDeltas + 4 &* group, stride: 4 &* groups), start, length) }
            }
            if let gradProposals = call.gradProposals {
                for k in 0..<tileWidth {
                    let sum = sums[k]
                    slopesR[k] = Box(T(sum.x1), T(sum.y1), T(sum.x2), T(sum.y2))
                }
                slopesR.store(MutableRows(gradProposals, stride: 4), start, length)
            }
        }
    }
    Workspace.with(differentiate)
}
