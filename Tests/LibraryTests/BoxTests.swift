import CBoxgrad
import Glibc
import Testing

struct BoxArea: Operation {
    func arguments(_ n: Int) -> [Argument] { [.boxes("boxes", n, stride: "stride"), .output("out", n)] }

    func reference(_ x: Inputs) -> [String: [[Term]]] { ["out": x["boxes"]!.map { [Term(($0[2] - $0[0]) * ($0[3] - $0[1]))] }] }
}

struct BoxAreaGrad: Operation {
    func arguments(_ n: Int) -> [Argument] {
        [.boxes("boxes", n, stride: "stride"), .numbers("grad_out", n), .output("grad_boxes", n, 4)]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["grad_boxes": zip(x["boxes"]!, x["grad_out"]!).map { box, gradient in pullback(box, gradient) { [($0[2] - $0[0]) * ($0[3] - $0[1])] } }]
    }
}

private let formats = [BOXGRAD_XYXY, BOXGRAD_XYWH, BOXGRAD_CXCYWH, BOXGRAD_YXYX]

/// Converts through corners, because each format has one conversion to them and one from them.
private func convert(_ box: [Dual], _ from: Int32, _ to: Int32) -> [Dual] {
    let half = 0.5
    let (x1, y1, x2, y2) =
        switch from {
        case BOXGRAD_XYXY: (box[0], box[1], box[2], box[3])
        case BOXGRAD_XYWH: (box[0], box[1], box[0] + box[2], box[1] + box[3])
        case BOXGRAD_YXYX: (box[1], box[0], box[3], box[2])
        default: (box[0] - half * box[2], box[1] - half * box[3], box[0] + half * box[2], box[1] + half * box[3])
        }
    return switch to {
    case BOXGRAD_XYXY: [x1, y1, x2, y2]
    case BOXGRAD_XYWH: [x1, y1, x2 - x1, y2 - y1]
    case BOXGRAD_YXYX: [y1, x1, y2, x2]
    default: [half * (x1 + x2), half * (y1 + y2), x2 - x1, y2 - y1]
    }
}

struct BoxConvert: Operation {
    let from, to: Int32
    var inPlace: (input: String, output: String)? { ("in", "out") }

    func arguments(_ n: Int) -> [Argument] { [.boxes("in", n, stride: "in_stride"), .output("out", n, 4, stride: "out_stride")] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["out": x["in"]!.map { box in convert(box.map { Dual($0) }, from, to).map { Term($0.value, scale: box.map(abs).max()!) } }]
    }
}

struct BoxConvertGrad: Operation {
    let from, to: Int32
    var inPlace: (input: String, output: String)? { ("grad_out", "grad_in") }

    func arguments(_ n: Int) -> [Argument] { [.numbers("grad_out", n, 4), .output("grad_in", n, 4)] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["grad_in": x["grad_out"]!.map { gradient in pullback([0, 0, 0, 0], gradient) { convert($0, from, to) } }]
    }
}

struct BoxClip: Operation {
    var width = 8.0, height = 6.5
    var inPlace: (input: String, output: String)? { ("in", "out") }

    func arguments(_ n: Int) -> [Argument] { [.boxes("in", n, stride: "in_stride"), .output("out", n, 4, stride: "out_stride")] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["out": x["in"]!.map { zip($0, [width, height, width, height]).map { Term(max(0, min($0, $1)), scale: 0) } }]
    }
}

struct BoxClipGrad: Operation {
    var width = 8.0, height = 6.5
    var inPlace: (input: String, output: String)? { ("grad_out", "grad_in") }

    func arguments(_ n: Int) -> [Argument] { [.boxes("in", n, stride: "in_stride"), .numbers("grad_out", n, 4), .output("grad_in", n, 4)] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let sides = [width, height, width, height]
        return [
            "grad_in": zip(x["in"]!, x["grad_out"]!).map { box, gradient in
                pullback(box, gradient) { zip($0, sides).map { $0.clamped(0, $1) } }.map { Term($0.value, scale: 0) }
            }
        ]
    }
}

struct BoxInspect: Operation {
    var width = 8.0, height = 6.0, minSize = 2.0, countsLength = Int(BOXGRAD_BOX_FLAGS)

    func arguments(_ n: Int) -> [Argument] {
        [
            .input("boxes", n, 4, stride: "stride") { random in
                let box = (0..<4).map { _ in Double(Int.random(in: -3...11, using: &random)) }
                let odd = [Double.nan, .infinity, -.infinity, box[0]].randomElement(using: &random)!
                return Int.random(in: 0..<4, using: &random) == 0 ? [box[0], odd, box[2], box[3]] : box
            },
            .output("flags", n, optional: true, of: .word), .output("counts", 1, countsLength, optional: true, of: .size),
        ]
    }

    /// Returns whether the box has each flag, in the order of the flags' bits.
    private func wrong(_ box: [Double]) -> [Bool] {
        guard box.allSatisfy(\.isFinite) else { return [true] + Array(repeating: false, count: 8) }
        let (x1, y1, x2, y2) = (box[0], box[1], box[2], box[3])
        let right = width < 0 ? Double.infinity : width, bottom = height < 0 ? Double.infinity : height
        // A box that leaves the image on one axis may be flat on the other axis. Clipping is not the cause of that.
        let leaving = [(x1, x2, right), (y1, y2, bottom)].filter { min($0, $1) < 0 || max($0, $1) > $2 }
        let vanishes = leaving.contains { a, b, bound in min(max(a, 0), bound) == min(max(b, 0), bound) }
        return [
            false, x2 == x1, y2 == y1, x2 < x1 || y2 < y1, (x1 + x2) / 2 < 0 || (y1 + y2) / 2 < 0,
            (x1 + x2) / 2 > right || (y1 + y2) / 2 > bottom, !leaving.isEmpty && !vanishes, vanishes, x2 - x1 < minSize || y2 - y1 < minSize,
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let found = x["boxes"]!.map(wrong)
        let counts = (0..<countsLength).map { bit in found.count { bit < $0.count && $0[bit] } }
        return [
            "flags": found.map { bits in [Term(Double(bits.indices.reduce(0) { $0 | (bits[$1] ? 1 << $1 : 0) }), scale: 0)] },
            "counts": [counts.map { Term(Double($0), scale: 0) }],
        ]
    }
}

struct BoxRotate: Operation {
    var degrees = 30.0, cx = 5.0, cy = 3.25

    func arguments(_ n: Int) -> [Argument] {
        [.boxes("boxes", n, stride: "stride"), .output("corners", n, 8, optional: true), .output("bounds", n, 4, optional: true)]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let (sine, cosine) = (sin(degrees * .pi / 180), cos(degrees * .pi / 180))
        let corners = x["boxes"]!.map { box in
            [[0, 1], [2, 1], [2, 3], [0, 3]].flatMap { corner -> [Term] in
                let (dx, dy) = (box[corner[0]] - cx, box[corner[1]] - cy)
                return [
                    Term(cx + cosine * dx + sine * dy, scale: max(abs(cx), abs(dx), abs(dy))),
                    Term(cy - sine * dx + cosine * dy, scale: max(abs(cy), abs(dx), abs(dy))),
                ]
            }
        }
        let bounds = corners.map { corners in
            let sorted = [0, 1].map { axis in stride(from: axis, to: 8, by: 2).map { corners[$0] }.sorted { $0.value < $1.value } }
            return [sorted[0].first!, sorted[1].first!, sorted[0].last!, sorted[1].last!]
        }
        return ["corners": corners, "bounds": bounds]
    }
}

@Suite struct BoxTests {
    @Test func area() throws {
        try sweep(BoxArea())
        try refuse(BoxArea())
        try sweep(BoxAreaGrad())
        try refuse(BoxAreaGrad())
    }

    @Test func invertedBoxHasNegativeArea() throws {
        var out = [0.0]
        #expect(api.box_area_f64([3, 1, 1, 2], 1, 4, &out) == BOXGRAD_OK)
        #expect(out == [-2])
    }

    @Test func convert() throws {
        for from in formats {
            for to in formats {
                try sweep(BoxConvert(from: from, to: to))
                try sweep(BoxConvertGrad(from: from, to: to))
            }
        }
        try refuse(BoxConvert(from: 0, to: 2))
        try refuse(BoxConvertGrad(from: 2, to: 0))
        for code: Int32 in [-1, 4, .max, .min] {
            try refuse("from", [BoxConvert(from: code, to: 0)])
            try refuse("to", [BoxConvert(from: 0, to: code)])
            try refuse("from", [BoxConvertGrad(from: code, to: 0)])
            try refuse("to", [BoxConvertGrad(from: 0, to: code)])
        }
    }

    @Test func conversionsAreDirect() throws {
        // A conversion through corners would give the width (0.1 + 1e9) - 1e9.
        var out = [Double](repeating: 0, count: 4)
        #expect(api.box_convert_f64(BOXGRAD_XYWH, BOXGRAD_CXCYWH, [1e9, 1e9, 0.1, 0.3], 1, 4, &out, 4) == BOXGRAD_OK)
        #expect(out[2...] == [0.1, 0.3])
        #expect(api.box_convert_f64(BOXGRAD_CXCYWH, BOXGRAD_XYWH, [1e9, 1e9, 0.1, 0.3], 1, 4, &out, 4) == BOXGRAD_OK)
        #expect(out[2...] == [0.1, 0.3])
    }

    @Test func clip() throws {
        try sweep(BoxClip())
        try sweep(BoxClip(width: .infinity, height: 0))
        try refuse(BoxClip())
        try sweep(BoxClipGrad())
        try sweep(BoxClipGrad(width: .infinity, height: 0))
        try refuse(BoxClipGrad())
        for side in [-1, -0x1p-1074, .nan, -.infinity] as [Double] {
            try refuse("width", [BoxClip(width: side)])
            try refuse("height", [BoxClip(height: side)])
            try refuse("width", [BoxClipGrad(width: side)])
            try refuse("height", [BoxClipGrad(height: side)])
        }
    }

    @Test func clipKeepsNaNAndStopsItsGradient() throws {
        let box = [Double.nan, -.infinity, .infinity, 2]
        var out = [Double](repeating: 7, count: 4)
        #expect(api.box_clip_f64(box, 1, 4, 8, 6, &out, 4) == BOXGRAD_OK)
        #expect(out[0].isNaN && out[1...] == [0, 8, 2])
        #expect(api.box_clip_grad_f64(box, 1, 4, 8, 6, [1, 1, 1, 1], &out) == BOXGRAD_OK)
        #expect(out == [0, 0, 0, 1])
    }

    /// A call in place must have equal strides, because with others it may write over rows that it has not read yet.
    @Test func inPlaceNeedsEqualStrides() throws {
        var rows = [Float](repeating: 1, count: 20)
        rows.withUnsafeMutableBufferPointer { rows in
            let start = rows.baseAddress
            #expect(api.box_clip_f32(start, 3, 4, 8, 8, start, 5) == BOXGRAD_BAD_STRIDE)
            #expect(api.box_convert_f32(BOXGRAD_XYXY, BOXGRAD_XYWH, start, 3, 5, start, 4) == BOXGRAD_BAD_STRIDE)
            #expect(lastError().contains("out_stride"))
        }
        #expect(rows == [Float](repeating: 1, count: 20))
    }

    @Test func inspect() throws {
        for (width, height) in [(8, 6), (-1, 6), (8, -1), (.infinity, 6)] as [(Double, Double)] {
            try sweep(BoxInspect(width: width, height: height))
        }
        try sweep(BoxInspect(countsLength: 4))
        try sweep(BoxInspect(countsLength: 12))
        try refuse(BoxInspect())
        try refuse("width", [BoxInspect(width: .nan)])
        try refuse("height", [BoxInspect(height: .nan)])
        try refuse("min_size", [BoxInspect(minSize: .nan)])
    }

    /// No part of a box remains in such an image.
    @Test func inspectAnImageWithoutArea() throws {
        try sweep(BoxInspect(width: 0))
        try sweep(BoxInspect(height: 0))
    }

    @Test func rotate() throws {
        for degrees in [0, 30, -135.5, 90, 1000] { try sweep(BoxRotate(degrees: degrees)) }
        try refuse(BoxRotate())
        for value in [.nan, .infinity, -.infinity] as [Double] {
            try refuse("degrees", [BoxRotate(degrees: value)])
            try refuse("cx", [BoxRotate(cx: value)])
            try refuse("cy", [BoxRotate(cy: value)])
        }
    }

    /// The rotation is counter-clockwise as seen on the screen: a quarter turn moves what is to the right of the centre above it.
    @Test func quarterTurnsAreExact() throws {
        var corners = [Float](repeating: 0, count: 8)
        for turns in [1.0, -3, 1 + 4e9] {
            #expect(api.box_rotate_f32([1, 0, 3, 1], 1, 4, 90 * turns, 0, 0, &corners, nil) == BOXGRAD_OK)
            #expect(corners == [0, -1, 0, -3, 1, -3, 1, -1])
        }
    }
}
