import CBoxgrad
import Foundation
import Testing

/// Two images of `channels` channels, and what is asked of them. Boxes are by no means within the features, and some have exchanged ends.
private struct Regions {
    static let images = 2, height = 5, width = 6
    var channels = 3, outHeight = 2, outWidth = 3

    func counts(_ n: Int) -> [String: Int] {
        [
            "images": Self.images, "channels": channels, "height": Self.height, "width": Self.width, "count": n, "out_height": outHeight,
            "out_width": outWidth,
        ]
    }

    var pixels: Int { channels * Self.height * Self.width }
    var bins: Int { channels * outHeight * outWidth }

    func inputs(_ n: Int) -> [Argument] {
        [
            .numbers("features", Self.images, pixels),
            .input("boxes", n, 4, stride: "boxes_stride") { random in
                let (x, y) = (random.number(-9...20), random.number(-9...16))
                let isReversed = Int.random(in: 0..<8, using: &random) == 0
                let size = random.numbers(2, isReversed ? -9 ... -0.5 : 0.125...19)
                return [x, y, Double(Float(x + size[0])), Double(Float(y + size[1]))]
            },
            .input("indices", n, optional: true, of: .size) { [Double(Int.random(in: 0..<Self.images, using: &$0))] },
        ]
    }

    func gradients(_ n: Int) -> [Argument] {
        [.numbers("grad_out", n, bins), .output("grad_features", Self.images, pixels, optional: true), .output("grad_boxes", n, 4, optional: true)]
    }

    private func axis(_ low: Dual, _ high: Dual, _ bins: Int, _ size: Int, _ o: boxgrad_roi_options, _ isPrecise: Bool) -> [[Dual]] {
        let scale = Dual(o.spatial_scale)
        var weights = [[Dual]](repeating: [Dual](repeating: Dual(0), count: size), count: bins)
        if isPrecise {
            // The antiderivative of the hat function, at both ends of each bin.
            func integral(_ x: Dual) -> Dual {
                let v = min(max(x.value, -1), 1)
                return x.mapped(v < 0 ? (v + 1) * (v + 1) / 2 : 0.5 + v - v * v / 2, slope: max(0, 1 - abs(x.value)))
            }
            let (lo, length) = (scale * low, scale * (high - low))
            guard length.value > 0 else { return weights }
            let ends = (0...bins).map { lo + (Double($0) / Double(bins)) * length }
            for b in 0..<bins {
                for k in 0..<size { weights[b][k] = (integral(ends[b + 1] - Dual(Double(k))) - integral(ends[b] - Dual(Double(k)))) / (1 / Double(bins) * length) }
            }
            return weights
        }
        let lo = scale * low + Dual(o.aligned != 0 ? -0.5 : 0)
        var length = scale * (high - low)
        if o.aligned == 0 && length.value < 1 { length = Dual(1) }
        let n = o.sampling_ratio > 0 ? Int(o.sampling_ratio) : max(0, Int((length.value / Double(bins)).rounded(.up)))
        for b in 0..<bins {
            for a in 0..<n {
                let y = lo + ((Double(b) + (Double(a) + 0.5) / Double(n)) / Double(bins)) * length
                guard y.value >= -1 && y.value <= Double(size) else { continue }
                let inside = y.value < 0 ? Dual(0) : y.value >= Double(size - 1) ? Dual(Double(size - 1)) : y
                let cell = Int(inside.value)
                let t = inside - Dual(Double(cell))
                weights[b][cell] = weights[b][cell] + 1 / Double(n) * (Dual(1) - t)
                if cell + 1 < size { weights[b][cell + 1] = weights[b][cell + 1] + 1 / Double(n) * t }
            }
        }
        return weights
    }

    private func weights(_ box: [Dual], _ o: boxgrad_roi_options, _ isPrecise: Bool) -> (y: [[Dual]], x: [[Dual]]) {
        (axis(box[1], box[3], outHeight, Self.height, o, isPrecise), axis(box[0], box[2], outWidth, Self.width, o, isPrecise))
    }

    /// Where a pixel and where a bin is.
    private func offsets(_ o: boxgrad_roi_options) -> (pixel: (Int, Int, Int) -> Int, bin: (Int, Int, Int) -> Int) {
        let isLast = o.layout == BOXGRAD_NHWC
        return (
            { c, y, x in isLast ? (y * Self.width + x) * channels + c : (c * Self.height + y) * Self.width + x },
            { c, i, j in isLast ? (i * outWidth + j) * channels + c : (c * outHeight + i) * outWidth + j }
        )
    }

    private func pooled(_ features: [Double], _ box: [Dual], _ o: boxgrad_roi_options, _ isPrecise: Bool) -> [Dual] {
        let (wy, wx) = weights(box, o, isPrecise)
        let (pixel, bin) = offsets(o)
        var out = [Dual](repeating: Dual(0), count: bins)
        for i in 0..<outHeight {
            for j in 0..<outWidth {
                for y in 0..<Self.height where wy[i][y].value != 0 || wy[i][y].derivative != 0 {
                    for x in 0..<Self.width where wx[j][x].value != 0 || wx[j][x].derivative != 0 {
                        let weight = wy[i][y] * wx[j][x]
                        for c in 0..<channels { out[bin(c, i, j)] = out[bin(c, i, j)] + features[pixel(c, y, x)] * weight }
                    }
                }
            }
        }
        return out
    }

    private func image(_ x: Inputs, _ k: Int) -> Int { x["indices"].map { Int($0[k][0]) } ?? 0 }

    /// Rounding moves the samples of a box by a rounding of its ends, and each weight by as much.
    private func reach(_ box: [Double], _ o: boxgrad_roi_options) -> Double { 1 + o.spatial_scale * box.reduce(0) { max($0, abs($1)) } }

    /// Features are at most 2, and the weights of a bin add up to 1.
    func values(_ x: Inputs, _ o: boxgrad_roi_options, _ isPrecise: Bool) -> [String: [[Term]]] {
        ["out": x["boxes"]!.enumerated().map { k, box in
            pooled(x["features"]![image(x, k)], box.map { Dual($0) }, o, isPrecise).map { Term($0.value, scale: 2 * reach(box, o)) }
        }]
    }

    func gradients(_ x: Inputs, _ o: boxgrad_roi_options, _ isPrecise: Bool) -> [String: [[Term]]] {
        var ofFeatures = [[Term]](repeating: [Term](repeating: Term(0, scale: 0), count: pixels), count: Self.images)
        var ofBoxes: [[Term]] = []
        let (pixel, bin) = offsets(o)
        for (k, box) in x["boxes"]!.enumerated() {
            let (g, index) = (x["grad_out"]![k], image(x, k))
            let (wy, wx) = weights(box.map { Dual($0) }, o, isPrecise)
            for i in 0..<outHeight {
                for j in 0..<outWidth {
                    for y in 0..<Self.height where wy[i][y].value != 0 {
                        for x in 0..<Self.width where wx[j][x].value != 0 {
                            for c in 0..<channels {
                                let (at, cotangent) = (pixel(c, y, x), g[bin(c, i, j)])
                                let (term, old) = (cotangent * wy[i][y].value * wx[j][x].value, ofFeatures[index][at])
                                let moved = abs(cotangent) * (wy[i][y].value + wx[j][x].value) * reach(box, o)
                                ofFeatures[index][at] = Term(old.value + term, scale: old.scale + abs(term) + moved)
                            }
                        }
                    }
                }
            }
            let slopes = pullback(box, g) { pooled(x["features"]![index], $0, o, isPrecise) }
            let scale = g.reduce(0) { $0 + abs($1) } * 4 * o.spatial_scale
            ofBoxes.append(slopes.map { Term($0.value, scale: scale) })
        }
        return ["grad_features": ofFeatures, "grad_boxes": ofBoxes]
    }
}

private let initial = boxgrad_roi_options(
    size: MemoryLayout<boxgrad_roi_options>.size, spatial_scale: 0.5, layout: BOXGRAD_NCHW, sampling_ratio: 2, aligned: 1, reserved: 0)

private func options(_ change: (inout boxgrad_roi_options) -> Void = { _ in }) -> boxgrad_roi_options {
    var options = initial
    change(&options)
    return options
}

struct RoIAlign: OperationWithOptions {
    fileprivate var regions = Regions()
    var options: boxgrad_roi_options? = initial
    var isRowwise: Bool { false }
    func counts(_ n: Int) -> [String: Int] { regions.counts(n) }
    func arguments(_ n: Int) -> [Argument] { regions.inputs(n) + [.output("out", n, regions.bins)] }
    func reference(_ x: Inputs) -> [String: [[Term]]] { regions.values(x, options!, false) }
}

struct RoIAlignGrad: OperationWithOptions {
    fileprivate var regions = Regions()
    var options: boxgrad_roi_options? = initial
    var isRowwise: Bool { false }
    func counts(_ n: Int) -> [String: Int] { regions.counts(n) }
    func arguments(_ n: Int) -> [Argument] { regions.inputs(n) + regions.gradients(n) }
    func reference(_ x: Inputs) -> [String: [[Term]]] { regions.gradients(x, options!, false) }
}

struct RoIPoolPrecise: OperationWithOptions {
    fileprivate var regions = Regions()
    var options: boxgrad_roi_options? = initial
    var isRowwise: Bool { false }
    func counts(_ n: Int) -> [String: Int] { regions.counts(n) }
    func arguments(_ n: Int) -> [Argument] { regions.inputs(n) + [.output("out", n, regions.bins)] }
    func reference(_ x: Inputs) -> [String: [[Term]]] { regions.values(x, options!, true) }
}

struct RoIPoolPreciseGrad: OperationWithOptions {
    fileprivate var regions = Regions()
    var options: boxgrad_roi_options? = initial
    var isRowwise: Bool { false }
    func counts(_ n: Int) -> [String: Int] { regions.counts(n) }
    func arguments(_ n: Int) -> [Argument] { regions.inputs(n) + regions.gradients(n) }
    func reference(_ x: Inputs) -> [String: [[Term]]] { regions.gradients(x, options!, true) }
}

@Suite struct RoITests {
    static let samplings: [(ratio: Int32, aligned: Int32)] = [(2, 1), (0, 0), (3, 0), (0, 1)]

    @Test(arguments: [BOXGRAD_NCHW, BOXGRAD_NHWC])
    func values(layout: Int32) throws {
        for (ratio, aligned) in Self.samplings {
            try sweep(RoIAlign(options: options { ($0.layout, $0.sampling_ratio, $0.aligned) = (layout, ratio, aligned) }))
        }
        try sweep(RoIPoolPrecise(options: options { $0.layout = layout }))
        try sweep(RoIAlign(regions: Regions(channels: 18, outHeight: 1, outWidth: 2), options: options { $0.layout = layout }))
    }

    @Test(arguments: [BOXGRAD_NCHW, BOXGRAD_NHWC])
    func gradients(layout: Int32) throws {
        for (ratio, aligned) in Self.samplings.prefix(2) {
            try sweep(RoIAlignGrad(options: options { ($0.layout, $0.sampling_ratio, $0.aligned) = (layout, ratio, aligned) }))
        }
        try sweep(RoIPoolPreciseGrad(options: options { $0.layout = layout }))
    }

    @Test func refusals() throws {
        try refuse(RoIAlign())
        try refuse(RoIAlignGrad())
        try refuse(RoIPoolPrecise())
        try refuse(RoIPoolPreciseGrad())
        let changes: [(String, [(inout boxgrad_roi_options) -> Void])] = [
            ("spatial_scale", [{ $0.spatial_scale = 0 }, { $0.spatial_scale = -1 }, { $0.spatial_scale = .nan }, { $0.spatial_scale = .infinity }]),
            ("layout", [{ $0.layout = -1 }, { $0.layout = 2 }]), ("sampling_ratio", [{ $0.sampling_ratio = 1025 }]),
            ("aligned", [{ $0.aligned = 2 }, { $0.aligned = -1 }]), ("reserved", [{ $0.reserved = 1 }]), ("size", [{ $0.size = 0 }, { $0.size = 12 }]),
        ]
        for (field, changes) in changes {
            for change in changes {
                try refuse(field, [RoIAlign(options: options(change))])
                try refuse(field, [RoIPoolPreciseGrad(options: options(change))])
            }
        }
        try refuse("size", [RoIAlign(options: options { $0.size += 8 })], BOXGRAD_UNSUPPORTED)
    }

    private func pool(_ box: [Double], _ index: Int64 = 0, _ o: boxgrad_roi_options = options { $0.spatial_scale = 1 }) -> (status: Int32, out: [Double]) {
        var (o, out) = (o, [Double](repeating: 9, count: 2))
        let status = api.roi_align_f64(&o, [1, 2, 3, 4, 5, 6], 1, 1, 2, 3, box, 4, [index], 1, 1, 2, &out)
        return (status, out)
    }

    /// What ends other libraries' processes, or reads memory that is not theirs.
    @Test func hostileBoxes() throws {
        for k in 0..<4 {
            for bad in [Double.nan, .infinity, -.infinity] {
                var box = [0.5, 0.5, 1.5, 1.5]
                box[k] = bad
                #expect(pool(box).status == BOXGRAD_NONFINITE && lastError().hasPrefix("boxes[0]"))
                #expect(pool(box).out == [9, 9])
            }
        }
        #expect(pool([-1e308, 0, 1e308, 1]).status == BOXGRAD_NONFINITE)
        for index: Int64 in [-1, 1, .min, .max] { #expect(pool([0, 0, 1, 1], index).status == BOXGRAD_BAD_PARAMETER && lastError().hasPrefix("indices[0]")) }
        let adaptive = options { ($0.spatial_scale, $0.sampling_ratio) = (1, 0) }
        #expect(pool([1, 1, 1, 1], 0, adaptive).out == [0, 0], "a box without length has no samples")
        for far in [1e7, 1e15, 1e300] {
            #expect(pool([far, far, far * 1.5, far * 1.5], 0, adaptive).out == [0, 0])
            #expect(pool([-far, -far, far, far], 0, adaptive).status == BOXGRAD_OK)
        }
    }

    /// A box of 10^7 pixels takes no time in proportion: here, 10^7 samples of each of its bins along each axis.
    @Test func hugeBoxesAreQuick() {
        let start = ContinuousClock.now
        for _ in 0..<100 { _ = pool([-1e7, -1e7, 1e7, 1e7], 0, options { ($0.spatial_scale, $0.sampling_ratio) = (1, 0) }) }
        #expect(ContinuousClock.now - start < .seconds(1))
    }

    /// Gradients of nothing are 0, and nothing is written to where nothing is asked for.
    @Test func nothing() {
        var (features, boxes) = ([Double](repeating: 9, count: 6), [Double](repeating: 9, count: 4))
        #expect(api.roi_align_grad_f64(nil, [1, 2, 3, 4, 5, 6], 1, 1, 2, 3, nil, 4, nil, 0, 1, 1, nil, &features, nil) == BOXGRAD_OK)
        #expect(features == [0, 0, 0, 0, 0, 0])
        #expect(api.roi_align_grad_f64(nil, nil, 1, 0, 2, 3, [0, 0, 1, 1], 4, nil, 1, 1, 1, nil, nil, &boxes) == BOXGRAD_OK)
        #expect(boxes == [0, 0, 0, 0])
        #expect(api.roi_align_f64(nil, nil, 0, 1, 2, 3, [0, 0, 1, 1], 4, nil, 1, 1, 1, &boxes) == BOXGRAD_BAD_PARAMETER)
    }
}

extension LibraryTests {
    @Test func regionsThatThreadsShare() throws {
        try sweepChunks(RoIAlign(), rows: DividedRows.ofRegions)
        try sweepChunks(RoIAlignGrad(options: options { $0.layout = BOXGRAD_NHWC }), rows: DividedRows.ofRegions)
        try sweepChunks(RoIPoolPrecise(), rows: DividedRows.ofRegions)
        try sweepChunks(RoIPoolPreciseGrad(), rows: DividedRows.ofRegions)
    }
}
