import CBoxgrad
import Foundation
import Testing

private let angles = [BOXGRAD_ANGLE_RADIANS_CW, BOXGRAD_ANGLE_DEGREES_CCW, BOXGRAD_ANGLE_DEGREES_CW, BOXGRAD_ANGLE_RADIANS_CCW]
private let wrongCodes: [Int32] = [-1, 4, .max, .min]

/// Returns what an angle is multiplied by to become one in radians, clockwise.
private func radians(_ code: Int32) -> Double {
    switch code {
    case BOXGRAD_ANGLE_RADIANS_CW: 1
    case BOXGRAD_ANGLE_DEGREES_CW: .pi / 180
    case BOXGRAD_ANGLE_DEGREES_CCW: -.pi / 180
    default: -1
    }
}

extension Random {
    /// Returns a random rotated box, whose angle is any number, or a multiple of 90.
    mutating func rotatedBox() -> [Double] {
        let box = box()
        let angle = Bool.random(using: &self) ? number(-200...200) : Double(90 * Int.random(in: -4...4, using: &self))
        return [box[0], box[1], box[2] - box[0], box[3] - box[1], angle].map { Double(Float($0)) }
    }
}

extension Argument {
    static func rotatedBoxes(_ name: String, _ rows: Int, stride: String) -> Argument {
        input(name, rows, 5, stride: stride) { $0.rotatedBox() }
    }
}

struct RotatedConvert: Operation {
    let from, to: Int32
    var inPlace: (input: String, output: String)? { ("in", "out") }

    func arguments(_ n: Int) -> [Argument] { [.rotatedBoxes("in", n, stride: "in_stride"), .output("out", n, 5, stride: "out_stride")] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["out": x["in"]!.map { box in (box[..<4] + [box[4] * radians(from) / radians(to)]).map { Term($0) } }]
    }
}

struct RotatedConvertGrad: Operation {
    let from, to: Int32
    var inPlace: (input: String, output: String)? { ("grad_out", "grad_in") }

    func arguments(_ n: Int) -> [Argument] { [.numbers("grad_out", n, 5), .output("grad_in", n, 5)] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["grad_in": x["grad_out"]!.map { box in (box[..<4] + [box[4] * radians(from) / radians(to)]).map { Term($0) } }]
    }
}

/// Returns a box in a range, by quarter turns and exchanges of sides, and whether the sides were exchanged.
private func regularized(_ box: [Double], _ angle: Int32, _ range: Int32) -> (box: [Double], isExchanged: Bool) {
    let quarter = abs(radians(angle)) == 1 ? Double.pi / 2 : 90
    if range == BOXGRAD_RANGE_TURN {
        let turns = ((box[4] / quarter + 2) / 4).rounded(.down)
        return (box[..<4] + [box[4] - turns * 4 * quarter], false)
    }
    let (low, high): (Double, Double) = [(0, quarter), (-quarter, quarter), (-quarter / 2, 1.5 * quarter)][Int(range)]
    let isOC = range == BOXGRAD_RANGE_OC
    var (w, h, x, isExchanged) = (box[2], box[3], box[4], false)
    func isWithin(_ x: Double) -> Bool { isOC ? x > low && x <= high : x >= low && x < high }
    let turns = (-20...20).sorted { abs($0) < abs($1) }
    let turn = turns.first { isWithin(x + Double($0) * quarter) && (isOC || (box[2] == box[3] ? $0 % 2 == 0 : ($0 % 2 != 0) == (box[3] > box[2]))) }!
    if turn % 2 != 0 { (w, h, isExchanged) = (h, w, true) }
    x += Double(turn) * quarter
    return ([box[0], box[1], w, h, x], isExchanged)
}

struct RotatedRegularize: Operation {
    let angle, range: Int32
    var inPlace: (input: String, output: String)? { ("in", "out") }

    func arguments(_ n: Int) -> [Argument] { [.regular("in", n, stride: "in_stride"), .output("out", n, 5, stride: "out_stride")] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["out": x["in"]!.map { box in regularized(box, angle, range).box.map { Term($0, scale: max(abs($0), abs(box[4]))) } }]
    }
}

struct RotatedRegularizeGrad: Operation {
    let angle, range: Int32

    func arguments(_ n: Int) -> [Argument] { [.regular("boxes", n, stride: "stride"), .numbers("grad_out", n, 5), .output("grad_boxes", n, 5)] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["grad_boxes": zip(x["boxes"]!, x["grad_out"]!).map { box, g in
            (regularized(box, angle, range).isExchanged ? [g[0], g[1], g[3], g[2], g[4]] : g).map { Term($0) }
        }]
    }
}

extension Argument {
    /// Boxes whose angles are in no unit at the end of a range.
    fileprivate static func regular(_ name: String, _ rows: Int, stride: String) -> Argument {
        input(name, rows, 5, stride: stride) { random in
            var box = random.rotatedBox()
            box[4] = Double(Float(random.number(-12...12)))
            return box
        }
    }
}

extension Dual {
    fileprivate var sine: Dual { mapped(sin(value), slope: cos(value)) }
    fileprivate var cosine: Dual { mapped(cos(value), slope: -sin(value)) }
    fileprivate var root: Dual { value == 0 ? Dual(0) : mapped(value.squareRoot(), slope: 0.5 / value.squareRoot()) }
}

/// Returns x and y of the corners. A sine or a cosine that is 0 but for rounding is 0, because on it depends which corner is the outermost.
private func corners(_ box: [Dual], _ code: Int32) -> [Dual] {
    let turn = radians(code) * box[4]
    func exact(_ x: Dual) -> Dual { abs(x.value) < 1e-13 ? x - Dual(x.value) : x }
    let (c, s) = (exact(turn.cosine), exact(turn.sine))
    let signs: [(Double, Double)] = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
    return signs.flatMap { (i, j) -> [Dual] in
        let (u, v): (Dual, Dual) = (i * box[2], j * box[3])
        let x: Dual = box[0] + c * u - s * v
        let y: Dual = box[1] + s * u + c * v
        return [x, y]
    }
}

/// Returns the smallest and the largest of four corners on each axis. Where two are the outermost, each has half of the derivative.
private func bounds(_ corners: [Dual]) -> [Dual] {
    let (x, y) = ([0, 2, 4, 6].map { corners[$0] }, [1, 3, 5, 7].map { corners[$0] })
    func outermost(_ x: [Dual], _ sign: Double) -> Dual {
        let most = x.map { sign * $0.value }.max()!
        let outer = x.filter { most - sign * $0.value < 1e-12 }
        return (1 / Double(outer.count)) * outer.dropFirst().reduce(outer[0], +)
    }
    return [outermost(x, -1), outermost(y, -1), outermost(x, 1), outermost(y, 1)]
}

private func size(_ box: [Double]) -> Double { box[..<4].map(abs).max()! }

struct RotatedCorners: Operation {
    var angle = BOXGRAD_ANGLE_DEGREES_CCW

    func arguments(_ n: Int) -> [Argument] {
        [.rotatedBoxes("boxes", n, stride: "stride"), .output("corners", n, 8, optional: true), .output("bounds", n, 4, optional: true)]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let found = x["boxes"]!.map { box in (corners(box.map { Dual($0) }, angle), size(box)) }
        return [
            "corners": found.map { corners, size in corners.map { Term($0.value, scale: size) } },
            "bounds": found.map { corners, size in bounds(corners).map { Term($0.value, scale: size) } },
        ]
    }
}

struct RotatedCornersGrad: Operation {
    var angle = BOXGRAD_ANGLE_DEGREES_CCW

    func arguments(_ n: Int) -> [Argument] {
        [
            .rotatedBoxes("boxes", n, stride: "stride"), .numbers("grad_corners", n, 8, optional: true),
            .numbers("grad_bounds", n, 4, optional: true), .output("grad_boxes", n, 5),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let zeros = x["boxes"]!.map { _ in [Double](repeating: 0, count: 8) }
        return [
            "grad_boxes": x["boxes"]!.enumerated().map { i, box in
                let cotangent = (x["grad_corners"] ?? zeros)[i] + (x["grad_bounds"] ?? zeros)[i].prefix(4)
                let gradient = pullback(box, cotangent, row: 5) { box in
                    let corners = corners(box, angle)
                    return corners + bounds(corners)
                }
                return gradient.enumerated().map { Term($1.value, scale: $0 < 4 ? 2 : 2 * abs(radians(angle)) * size(box)) }
            }
        ]
    }
}

/// Returns the box that is turned as the corners' parallelogram. The corners must run clockwise.
private func box(_ q: [Dual], _ code: Int32) -> [Dual] {
    func difference(_ i: Int, _ j: Int, _ k: Int, _ l: Int) -> Dual {
        let sum: Dual = q[i] - q[j] + q[k] - q[l]
        return 0.5 * sum
    }
    let u = [difference(2, 0, 4, 6), difference(3, 1, 5, 7)], v = [difference(6, 0, 4, 2), difference(7, 1, 5, 3)]
    let (x, y) = (u[0] + v[1], u[1] - v[0])
    let square = (x.squared + y.squared).value
    let (byY, byX): (Dual, Dual) = (y.mapped(0, slope: x.value / square), x.mapped(0, slope: y.value / square))
    let turn: Dual = byY - byX + Dual(atan2(y.value, x.value))
    func mean(_ k: Int) -> Dual {
        let sum: Dual = q[k] + q[2 + k] + q[4 + k] + q[6 + k]
        return 0.25 * sum
    }
    let (width, height): (Dual, Dual) = ((u[0].squared + u[1].squared).root, (v[0].squared + v[1].squared).root)
    return [mean(0), mean(1), width, height, (1 / radians(code)) * turn]
}

private func quads(_ n: Int) -> Argument {
    .input("corners", n, 8, stride: "stride") { random in
        let box = random.rotatedBox()
        return corners(box.map { Dual($0) }, BOXGRAD_ANGLE_RADIANS_CW).map { Double(Float($0.value + random.number(-0.1...0.1))) }
    }
}

struct RotatedFromCorners: Operation {
    var angle = BOXGRAD_ANGLE_DEGREES_CCW
    func arguments(_ n: Int) -> [Argument] { [quads(n), .output("boxes", n, 5)] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["boxes": x["corners"]!.map { corners in
            box(corners.map { Dual($0) }, angle).enumerated().map { Term($1.value, scale: $0 < 4 ? corners.map(abs).max()! : .pi / abs(radians(angle))) }
        }]
    }
}

struct RotatedFromCornersGrad: Operation {
    var angle = BOXGRAD_ANGLE_DEGREES_CCW
    func arguments(_ n: Int) -> [Argument] { [quads(n), .numbers("grad_boxes", n, 5), .output("grad_corners", n, 8)] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["grad_corners": zip(x["corners"]!, x["grad_boxes"]!).map { corners, gradient in
            pullback(corners, gradient, row: 8) { box($0, angle) }.map { Term($0.value, scale: 4 / abs(radians(angle))) }
        }]
    }
}

/// Of the rectangles with a side along the line through two of the points, the smallest: every pair is tried. Of equal ones, as all sides of an
/// acute triangle give them, that with the smallest angle.
private func smallestRectangle(_ row: [Double]) -> (center: (Double, Double), sides: (Double, Double), degrees: Double) {
    let points = stride(from: 0, to: row.count, by: 2).map { (row[$0], row[$0 + 1]) }
    var best = (center: points[0], sides: (0.0, 0.0), degrees: 90.0), least = Double.infinity
    for (i, a) in points.enumerated() {
        for b in points[..<i] where a != b {
            let turn = (atan2(b.1 - a.1, b.0 - a.0) * 180 / .pi + 360).truncatingRemainder(dividingBy: 90)
            let degrees = turn > 90 - 1e-9 ? 0 : turn
            let (c, s) = (cos(degrees * .pi / 180), sin(degrees * .pi / 180))
            let u = points.map { c * $0.0 + s * $0.1 }, v = points.map { c * $0.1 - s * $0.0 }
            let (width, height) = (u.max()! - u.min()!, v.max()! - v.min()!)
            let (x, y) = ((u.max()! + u.min()!) / 2, (v.max()! + v.min()!) / 2)
            let (area, margin) = (width * height, 1e-11 * least)
            if area < least - margin || least.isInfinite || area <= least + margin && degrees < best.degrees {
                (best, least) = (((c * x - s * y, s * x + c * y), (width, height), degrees), width * height)
            }
        }
    }
    return least.isInfinite ? (points[0], (0, 0), 0) : best
}

struct RotatedMinArea: Operation {
    var angle = BOXGRAD_ANGLE_DEGREES_CCW, pointsPerRow = 4
    func counts(_ n: Int) -> [String: Int] { ["count": n, "points_per_row": pointsPerRow] }
    func arguments(_ n: Int) -> [Argument] { [.numbers("points", n, 2 * pointsPerRow, stride: "stride"), .output("boxes", n, 5)] }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let quarter = 90 * .pi / 180 / abs(radians(angle))
        return ["boxes": x["points"]!.map { row in
            let box = smallestRectangle(row)
            let values = [box.center.0, box.center.1, box.sides.0, box.sides.1].map { Term($0, scale: 4) }
            return values + [Term(box.degrees * (.pi / 180) / radians(angle), scale: quarter)]
        }]
    }
}

struct RotatedInspect: Operation {
    var angle = BOXGRAD_ANGLE_DEGREES_CCW, width = 8.0, height = 6.0, minSize = 2.0, countsLength = Int(BOXGRAD_BOX_FLAGS)

    func arguments(_ n: Int) -> [Argument] {
        [
            .input("boxes", n, 5, stride: "stride") { random in
                var numbers = [-6...14, -6...12, -1...9, -1...9].map { Double(Int.random(in: $0, using: &random)) }
                let turn = Bool.random(using: &random) ? 90 * Double(Int.random(in: -4...4, using: &random)) : random.number(-200...200)
                let odd = [Double.nan, .infinity, -.infinity].randomElement(using: &random)!
                if numbers[2] == 0 || numbers[3] == 0 { numbers[0] += 0.25 }  // not through a corner of the image, of which a line has one point
                return (numbers + [turn]).map { Int.random(in: 0..<40, using: &random) == 0 ? odd : $0 }
            },
            .output("flags", n, optional: true, of: .word), .output("counts", 1, countsLength, optional: true, of: .size),
        ]
    }

    /// Returns whether the box has each flag, in the order of the flags' bits. What is within the image is found by cutting the box at each border.
    private func wrong(_ box: [Double]) -> [Bool] {
        guard box.allSatisfy(\.isFinite) else { return [true] + Array(repeating: false, count: 8) }
        let right = width < 0 ? 1e6 : width, bottom = height < 0 ? 1e6 : height
        let row = corners(box.map { Dual($0) }, angle).map(\.value)
        let polygon = stride(from: 0, to: 8, by: 2).map { (row[$0], row[$0 + 1]) }
        let leaves = polygon.contains { $0.0 < -1e-5 || $0.1 < -1e-5 || $0.0 > right + 1e-5 || $0.1 > bottom + 1e-5 }
        // A box without area is as thick as a hair, so that it has some in the image.
        let (w, h) = (max(abs(box[2]), 1e-6), max(abs(box[3]), 1e-6))
        let thick = corners([box[0], box[1], w, h, box[4]].map { Dual($0) }, angle).map(\.value)
        var inside = stride(from: 0, to: 8, by: 2).map { (thick[$0], thick[$0 + 1]) }
        for distance in [{ $0.0 }, { right - $0.0 }, { $0.1 }, { bottom - $0.1 }] as [((Double, Double)) -> Double] {
            var kept: [(Double, Double)] = []
            for (k, p) in inside.enumerated() {
                let before = inside[(k + inside.count - 1) % inside.count], (a, b) = (distance(before), distance(p))
                if (a < 0) != (b < 0) { kept.append((before.0 + a / (a - b) * (p.0 - before.0), before.1 + a / (a - b) * (p.1 - before.1))) }
                if b >= 0 { kept.append(p) }
            }
            inside = kept
        }
        var area = 0.0
        for (k, p) in inside.enumerated() {
            let next = inside[(k + 1) % inside.count]
            area += (p.0 * next.1 - p.1 * next.0) / 2
        }
        let vanishes = leaves && abs(area) < 1e-11
        return [
            false, box[2] == 0, box[3] == 0, box[2] < 0 || box[3] < 0, box[0] < 0 || box[1] < 0, box[0] > right || box[1] > bottom,
            leaves && !vanishes, vanishes, box[2] < minSize || box[3] < minSize,
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

@Suite struct RotatedTests {
    @Test func minArea() throws {
        for angle in angles { try sweep(RotatedMinArea(angle: angle)) }
        for pointsPerRow in [1, 2, 3, 9] { try sweep(RotatedMinArea(pointsPerRow: pointsPerRow)) }
        try refuse(RotatedMinArea())
        try refuse("angle", wrongCodes.map { RotatedMinArea(angle: $0) })
        try refuse("points_per_row", [RotatedMinArea(pointsPerRow: 0)])
        var box = [Double](repeating: 9, count: 5)
        for count in [-1, Int.max, Int.max / 16 + 1, 1 << 59] {
            #expect(api.rotated_min_area_f64(0, box, 1, count, Int.max, &box) == BOXGRAD_SIZE_OVERFLOW)
            #expect(lastError().contains("points_per_row is too large"))
        }
        #expect(box == [Double](repeating: 9, count: 5))
    }

    @Test func inspect() throws {
        for (width, height) in [(8, 6), (-1, 6), (8, -1), (.infinity, 6)] as [(Double, Double)] {
            try sweep(RotatedInspect(width: width, height: height))
        }
        try sweep(RotatedInspect(angle: BOXGRAD_ANGLE_DEGREES_CW))
        try sweep(RotatedInspect(countsLength: 4))
        try sweep(RotatedInspect(countsLength: 12))
        try refuse(RotatedInspect())
        try refuse("angle", wrongCodes.map { RotatedInspect(angle: $0) })
        try refuse("width", [RotatedInspect(width: .nan)])
        try refuse("height", [RotatedInspect(height: .nan)])
        try refuse("min_size", [RotatedInspect(minSize: .nan)])
    }

    @Test func convert() throws {
        for from in angles {
            for to in angles {
                try sweep(RotatedConvert(from: from, to: to))
                try sweep(RotatedConvertGrad(from: from, to: to))
            }
        }
        try refuse(RotatedConvert(from: 0, to: 2))
        try refuse(RotatedConvertGrad(from: 2, to: 0))
        for code in wrongCodes {
            try refuse("from", [RotatedConvert(from: code, to: 0)])
            try refuse("to", [RotatedConvert(from: 0, to: code)])
            try refuse("from", [RotatedConvertGrad(from: code, to: 0)])
            try refuse("to", [RotatedConvertGrad(from: 0, to: code)])
        }
    }

    @Test func regularize() throws {
        // A range is one of numbers, whichever way they turn.
        for range in BOXGRAD_RANGE_OC...BOXGRAD_RANGE_TURN {
            for angle in [BOXGRAD_ANGLE_RADIANS_CW, BOXGRAD_ANGLE_DEGREES_CCW] {
                try sweep(RotatedRegularize(angle: angle, range: range))
                try sweep(RotatedRegularizeGrad(angle: angle, range: range))
            }
        }
        try refuse(RotatedRegularize(angle: 0, range: 0))
        try refuse(RotatedRegularizeGrad(angle: 0, range: 0))
        try refuse("angle", wrongCodes.map { RotatedRegularize(angle: $0, range: 0) })
        try refuse("angle", wrongCodes.map { RotatedRegularizeGrad(angle: $0, range: 0) })
        try refuse("range", [-1, 4, .min, .max].map { RotatedRegularize(angle: 0, range: $0) })
        try refuse("range", [-1, 4, .min, .max].map { RotatedRegularizeGrad(angle: 0, range: $0) })
    }

    @Test func corners() throws {
        for angle in angles {
            try sweep(RotatedCorners(angle: angle))
            try sweep(RotatedCornersGrad(angle: angle))
        }
        try refuse(RotatedCorners())
        try refuse(RotatedCornersGrad())
        try refuse("angle", wrongCodes.map { RotatedCorners(angle: $0) })
        try refuse("angle", wrongCodes.map { RotatedCornersGrad(angle: $0) })
    }

    @Test func fromCorners() throws {
        for angle in angles {
            try sweep(RotatedFromCorners(angle: angle))
            try sweep(RotatedFromCornersGrad(angle: angle))
        }
        try refuse(RotatedFromCorners())
        try refuse(RotatedFromCornersGrad())
        try refuse("angle", wrongCodes.map { RotatedFromCorners(angle: $0) })
        try refuse("angle", wrongCodes.map { RotatedFromCornersGrad(angle: $0) })
    }

    /// A quarter turn counter-clockwise, as seen on the screen, moves the top-left corner to the bottom left.
    @Test func quarterTurnsAreExact() throws {
        var corners = [Float](repeating: 9, count: 8), bounds = [Float](repeating: 9, count: 4)
        for turns in [1, -3, 4001] as [Float] {
            #expect(api.rotated_corners_f32(BOXGRAD_ANGLE_DEGREES_CCW, [5, 5, 6, 2, 90 * turns], 1, 5, &corners, &bounds) == BOXGRAD_OK)
            #expect(corners == [4, 8, 4, 2, 6, 2, 6, 8] && bounds == [4, 2, 6, 8])
        }
    }

    @Test func anglesOfAnySize() throws {
        for (angle, sine) in [(1e5, 0.03574879797201651), (1e22, -0.8522008497671888), (0x1p1000, -0.15920170308624243), (-3e300, 0)] as [(Double, Double)] {
            var corners = [Double](repeating: 9, count: 8)
            #expect(api.rotated_corners_f64(BOXGRAD_ANGLE_RADIANS_CW, [0, 0, 2, 0, angle], 1, 5, &corners, nil) == BOXGRAD_OK)
            if sine != 0 { #expect(abs(corners[3] - sine) < 3e-16) }
            #expect(abs(corners[2] * corners[2] + corners[3] * corners[3] - 1) < 1e-15)
        }
        for angle in [.nan, .infinity, -.infinity] as [Double] {
            var bounds = [Double](repeating: 9, count: 4)
            #expect(api.rotated_corners_f64(BOXGRAD_ANGLE_DEGREES_CW, [0, 0, 2, 1, angle], 1, 5, nil, &bounds) == BOXGRAD_OK)
            #expect(bounds.allSatisfy { $0.isNaN })
        }
    }

    /// Reversed corners have the same place. A side of 0 keeps the other's direction, and a point has the angle 0 and no gradient but the centre's.
    @Test func cornersInEitherSense() throws {
        var corners = [Double](repeating: 9, count: 8), box = [Double](repeating: 9, count: 5)
        func convert(_ corners: [Double]) -> [Double] {
            #expect(api.rotated_from_corners_f64(BOXGRAD_ANGLE_DEGREES_CW, corners, 1, 8, &box) == BOXGRAD_OK)
            return box.map { ($0 * 1e9).rounded() / 1e9 }
        }
        for (sides, angle) in [([4, 2], 30), ([4, 0], 30), ([0, 2], 30), ([4, 2], -150), ([4, 4], 90)] as [([Double], Double)] {
            let row = [5, 6] + sides + [angle]
            #expect(api.rotated_corners_f64(BOXGRAD_ANGLE_DEGREES_CW, row, 1, 5, &corners, nil) == BOXGRAD_OK)
            #expect(convert(corners) == row)
            if sides[0] * sides[1] > 0 {
                let reversed = convert([6, 7, 4, 5, 2, 3, 0, 1].map { corners[$0] })
                #expect(reversed[..<4] == [5, 6, sides[0], sides[1]] && (abs(reversed[4] - angle)).truncatingRemainder(dividingBy: 180) == 0)
            }
        }
        #expect(convert([1, 2, 1, 2, 1, 2, 1, 2]) == [1, 2, 0, 0, 0])
        var gradient = corners
        #expect(api.rotated_from_corners_grad_f64(2, [1, 2, 1, 2, 1, 2, 1, 2], 1, 8, [4, 8, 7, 7, 7], &gradient) == BOXGRAD_OK)
        #expect(gradient == [1, 2, 1, 2, 1, 2, 1, 2])
    }
}

// ---- Overlap ----

extension Random {
    /// Returns a rotated box that overlaps about half of the others. No two are parallel.
    mutating func crossingBox() -> [Double] { [number(0...20), number(0...20), number(2...25), number(2...25), number(-200...200)] }

    /// Returns a box without width or height, or of negative sides.
    fileprivate mutating func oddBox() -> [Double] {
        let box = crossingBox()
        return Bool.random(using: &self) ? [box[0], box[1], 0, box[3], box[4]] : [box[0], box[1], box[2], -box[3], box[4]]
    }
}

/// Computes what two rotated boxes share, by clipping a polygon: the one box at each side of the other (Sutherland and Hodgman).
private struct RotatedReference {
    let inter, areaA, areaB: Dual

    /// x has the numbers of a, then those of b. Negative sides count as 0.
    init(_ x: [Dual], _ angle: Int32) {
        let (a, b) = (Self.solid(Array(x[..<5])), Self.solid(Array(x[5...])))
        (areaA, areaB) = (a[2] * a[3], b[2] * b[3])
        var polygon = Self.points(a, angle)
        let window = Self.points(b, angle)
        for k in 0..<4 {
            let (from, to) = (window[k], window[(k + 1) % 4])
            let heights = polygon.map { point -> Dual in
                let left: Dual = (to.x - from.x) * (point.y - from.y)
                return left - (to.y - from.y) * (point.x - from.x)
            }
            var kept: [(x: Dual, y: Dual)] = []
            for i in polygon.indices {
                let before = (i + polygon.count - 1) % polygon.count
                if (heights[before].value < 0) != (heights[i].value < 0) {
                    let share = heights[before] / (heights[before] - heights[i])
                    let (p, q) = (polygon[before], polygon[i])
                    let (x, y): (Dual, Dual) = (p.x + share * (q.x - p.x), p.y + share * (q.y - p.y))
                    kept.append((x, y))
                }
                if heights[i].value >= 0 { kept.append(polygon[i]) }
            }
            polygon = kept
        }
        var twice = Dual(0)
        for i in polygon.indices {
            let (p, q) = (polygon[i], polygon[(i + 1) % polygon.count])
            let cross: Dual = p.x * q.y - q.x * p.y
            twice = twice + cross
        }
        inter = areaA.value > 0 && areaB.value > 0 && twice.value > 1e-9 ? 0.5 * twice : Dual(0)
    }

    private static func solid(_ box: [Dual]) -> [Dual] { [box[0], box[1]] + box[2..<4].map { $0.value > 0 ? $0 : Dual(0) } + [box[4]] }

    private static func points(_ box: [Dual], _ angle: Int32) -> [(x: Dual, y: Dual)] {
        let q = corners(box, angle)
        return [0, 2, 4, 6].map { (q[$0], q[$0 + 1]) }
    }

    func value(_ metric: Int32) -> Dual {
        let union: Dual = areaA + areaB - inter
        return inter / (metric == BOXGRAD_IOF ? areaA : union)
    }
}

/// Rounding moves an overlap by a rounding of the boxes' extent, times the smaller perimeter, over the area that it is divided by; and a slope by one
/// of the extent over the sine of the angle between the edges, at most by an edge.
private func scales(_ pair: [Double], _ metric: Int32, _ angle: Int32) -> (value: Double, slope: Double) {
    scales(RotatedReference(pair.map { Dual($0) }, angle), pair, metric, angle)
}

private func scales(_ reference: RotatedReference, _ pair: [Double], _ metric: Int32, _ angle: Int32) -> (value: Double, slope: Double) {
    let (first, second, inter): (Double, Double, Double) = (reference.areaA.value, reference.areaB.value, reference.inter.value)
    let divisor: Double = metric == BOXGRAD_IOF ? first : first + second - inter
    let side: Double = max(pair[2], pair[3], pair[7], pair[8])
    let extent: Double = side + abs(pair[0] - pair[5]) + abs(pair[1] - pair[6])
    let perimeter: Double = max(1, 2 * min(pair[2] + pair[3], pair[7] + pair[8]))
    let unit = abs(radians(angle))
    let turn: Double = unit * (pair[4] - pair[9])
    guard divisor > 0 else { return (1, 1) }
    let value: Double = extent * perimeter / divisor
    let end: Double = extent / min(abs(sin(turn)), abs(cos(turn)))
    return (value, end * max(1, extent * unit) / divisor * (1 + value))
}

private func gradient(_ pair: [Double], _ cotangent: Double, _ angle: Int32, _ value: (RotatedReference) -> Dual, _ scale: Double) -> [Term] {
    pullback(pair, [cotangent], row: 5) { [value(RotatedReference($0, angle))] }.map { Term($0.value, scale: abs(cotangent) * scale) }
}

/// The overlaps that were computed, because sweeps of one size have the same boxes.
private let overlapsLock = NSLock()
private nonisolated(unsafe) var overlaps: [[Double]: Term] = [:]

/// Returns an overlap with its scale. That of boxes which are further apart than their diagonals reach is exactly 0.
func rotatedOverlap(_ a: [Double], _ b: [Double], _ metric: Int32, _ angle: Int32) -> Term {
    let key = a + b + [Double(metric), Double(angle)]
    if let known = overlapsLock.withLock({ overlaps[key] }) { return known }
    let term = newRotatedOverlap(a, b, metric, angle)
    overlapsLock.withLock { overlaps[key] = term }
    return term
}

private func newRotatedOverlap(_ a: [Double], _ b: [Double], _ metric: Int32, _ angle: Int32) -> Term {
    let reach: Double = hypot(a[2], a[3]) + hypot(b[2], b[3])
    if hypot(a[0] - b[0], a[1] - b[1]) > 0.501 * reach { return Term(0) }
    let reference = RotatedReference((a + b).map { Dual($0) }, angle)
    let overlap = reference.value(metric).value
    return Term(overlap.isNaN ? 0 : overlap, scale: scales(reference, a + b, metric, angle).value)
}

extension Argument {
    static func crossing(_ name: String, _ rows: Int, stride: String, odd: Bool) -> Argument {
        input(name, rows, 5, stride: stride) { odd ? $0.oddBox() : $0.crossingBox() }
    }
}

struct RotatedIoUPairwise: Pairwise {
    var metric = BOXGRAD_IOU, angle = BOXGRAD_ANGLE_DEGREES_CCW, isTall = false, odd = false

    func arguments(_ n: Int) -> [Argument] {
        let (rows, columns) = (counts(n)["a_count"]!, counts(n)["b_count"]!)
        return [
            .crossing("a", rows, stride: "a_stride", odd: odd), .crossing("b", columns, stride: "b_stride", odd: odd),
            .output("out", rows, columns, stride: "out_stride"),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["out": x["a"]!.map { a in
            x["b"]!.map { b in Term(RotatedReference((a + b).map { Dual($0) }, angle).value(metric).value, scale: scales(a + b, metric, angle).value) }
        }]
    }
}

struct RotatedIoUPairwiseGrad: Pairwise {
    var metric = BOXGRAD_IOU, angle = BOXGRAD_ANGLE_DEGREES_CCW, isTall = false, odd = false

    func arguments(_ n: Int) -> [Argument] {
        let (rows, columns) = (counts(n)["a_count"]!, counts(n)["b_count"]!)
        return [
            .crossing("a", rows, stride: "a_stride", odd: odd), .crossing("b", columns, stride: "b_stride", odd: odd),
            .numbers("grad_out", rows, columns, stride: "grad_out_stride"),
            .output("grad_a", rows, 5, optional: true), .output("grad_b", columns, 5, optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let (a, b) = (x["a"]!, x["b"]!)
        let pairs = a.indices.map { i in
            b.indices.map { j in
                gradient(a[i] + b[j], x["grad_out"]![i][j], angle, { $0.value(metric) }, scales(a[i] + b[j], metric, angle).slope)
            }
        }
        func sum(_ rows: [[Term]]) -> [Term] {
            (0..<5).map { k in Term(rows.reduce(0) { $0 + $1[k].value }, scale: rows.reduce(0) { $0 + $1[k].scale }) }
        }
        return [
            "grad_a": a.indices.map { i in sum(pairs[i].map { Array($0[..<5]) }) },
            "grad_b": b.indices.map { j in sum(pairs.map { Array($0[j][5...]) }) },
        ]
    }
}

struct RotatedIoUAligned: Operation {
    var metric = BOXGRAD_IOU, angle = BOXGRAD_ANGLE_DEGREES_CCW, odd = false

    func arguments(_ n: Int) -> [Argument] {
        [
            .crossing("a", n, stride: "a_stride", odd: odd), .crossing("b", n, stride: "b_stride", odd: odd), .output("out", n, optional: true),
            .output("grad_a", n, 5, optional: true), .output("grad_b", n, 5, optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let pairs = zip(x["a"]!, x["b"]!).map { $0 + $1 }
        let gradients = pairs.map { gradient($0, 1, angle, { $0.value(metric) }, scales($0, metric, angle).slope) }
        return [
            "out": pairs.map { [Term(RotatedReference($0.map { Dual($0) }, angle).value(metric).value, scale: scales($0, metric, angle).value)] },
            "grad_a": gradients.map { Array($0[..<5]) }, "grad_b": gradients.map { Array($0[5...]) },
        ]
    }
}

struct RotatedIoULoss: Operation {
    var kind = BOXGRAD_ROTATED_LOSS_IOU, angle = BOXGRAD_ANGLE_DEGREES_CCW, leastIoU = 0.125, normalizer = 4.0, odd = false

    func arguments(_ n: Int) -> [Argument] {
        [
            .crossing("pred", n, stride: "pred_stride", odd: odd), .crossing("target", n, stride: "target_stride", odd: odd),
            .numbers("weights", n, optional: true), .output("loss", 1, optional: true, of: .double), .output("per_box", n, optional: true),
            .output("grad_pred", n, 5, optional: true), .output("grad_target", n, 5, optional: true),
        ]
    }

    private func loss(_ pair: RotatedReference) -> Dual {
        let iou = pair.value(BOXGRAD_IOU)
        if kind == BOXGRAD_ROTATED_LOSS_IOU { return Dual(1) - iou }
        return iou.value < leastIoU ? Dual(-log(leastIoU)) : -iou.logarithm
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let pairs = zip(x["pred"]!, x["target"]!).map { $0 + $1 }
        let steep = kind == BOXGRAD_ROTATED_LOSS_IOU ? 1 : 1 / leastIoU
        let sizes = pairs.map { scales($0, BOXGRAD_IOU, angle) }
        let weights = pairs.indices.map { x["weights"]?[$0][0] ?? 1 }
        let losses = pairs.indices.map { i in
            let loss = loss(RotatedReference(pairs[i].map { Dual($0) }, angle)).value
            return [Term(weights[i] * loss, scale: abs(weights[i]) * (2 + steep * sizes[i].value))]
        }
        let gradients = pairs.indices.map { gradient(pairs[$0], weights[$0] / normalizer, angle, loss, steep * steep * sizes[$0].slope) }
        return [
            "loss": [[Term(losses.reduce(0) { $0 + $1[0].value } / normalizer, scale: losses.reduce(0) { $0 + $1[0].scale } / normalizer)]],
            "per_box": losses, "grad_pred": gradients.map { Array($0[..<5]) }, "grad_target": gradients.map { Array($0[5...]) },
        ]
    }
}

@Suite struct RotatedOverlapTests {
    @Test(arguments: [BOXGRAD_IOU, BOXGRAD_IOF])
    func everyMetric(metric: Int32) throws {
        for isTall in [false, true] {
            try sweep(RotatedIoUPairwise(metric: metric, isTall: isTall))
            try sweep(RotatedIoUPairwiseGrad(metric: metric, isTall: isTall))
        }
        for angle in angles { try sweep(RotatedIoUAligned(metric: metric, angle: angle)) }
        try sweep(RotatedIoUPairwise(metric: metric, odd: true))
        try sweep(RotatedIoUPairwiseGrad(metric: metric, odd: true))
        try sweep(RotatedIoUAligned(metric: metric, odd: true))
    }

    @Test func everyLoss() throws {
        for kind in [BOXGRAD_ROTATED_LOSS_IOU, BOXGRAD_ROTATED_LOSS_LOG_IOU] {
            for angle in angles { try sweep(RotatedIoULoss(kind: kind, angle: angle)) }
            try sweep(RotatedIoULoss(kind: kind, odd: true))
        }
    }

    @Test func refusals() throws {
        try refuse(RotatedIoUPairwise())
        try refuse(RotatedIoUPairwiseGrad())
        try refuse(RotatedIoUAligned())
        try refuse(RotatedIoULoss())
        let wrongMetrics = [-4, BOXGRAD_GIOU, BOXGRAD_DIOU, BOXGRAD_CIOU, BOXGRAD_IOS] + wrongCodes.filter { $0 != BOXGRAD_IOF }
        try refuse("metric", wrongMetrics.map { RotatedIoUPairwise(metric: $0) })
        try refuse("metric", wrongMetrics.map { RotatedIoUPairwiseGrad(metric: $0) })
        try refuse("metric", wrongMetrics.map { RotatedIoUAligned(metric: $0) })
        try refuse("angle", wrongCodes.map { RotatedIoUPairwise(angle: $0) })
        try refuse("angle", wrongCodes.map { RotatedIoUPairwiseGrad(angle: $0) })
        try refuse("angle", wrongCodes.map { RotatedIoUAligned(angle: $0) })
        try refuse("angle", wrongCodes.map { RotatedIoULoss(angle: $0) })
        try refuse("kind", [-1, 2, .min, .max].map { RotatedIoULoss(kind: $0) })
        try refuse("least_iou", [0, -1, 0x1p-101, 1.5, .nan, .infinity].map { RotatedIoULoss(leastIoU: $0) })
        try refuse("normalizer", [0, -1, .nan, .infinity].map { RotatedIoULoss(normalizer: $0) })
    }

    /// Boxes of any size give no NaN, unless their areas overflow.
    @Test func largeAndSmallBoxesGiveNoNaN() throws {
        func check<T: Scalar>(_ sizes: [Double], _: T.Type) throws {
            var random = Random(seed: 9)
            let count = 2000
            func rows() -> [[Double]] {
                (0..<count).map { _ in
                    let size = sizes.randomElement(using: &random)!
                    let box = random.crossingBox(), angle = [box[4], 0, 90, 45].randomElement(using: &random)!
                    return box[..<4].map { $0 / 25 * size } + [angle]
                }
            }
            let call = Call<T>(RotatedIoUAligned(), count, ["a": rows(), "b": rows()])
            try call.succeeds()
            for argument in call.outputs where argument.name == "out" {
                for (i, row) in call.values(argument).enumerated() {
                    try demand(row[0] >= 0 && row[0] <= 1, "\(T.self): \(row) for \(call.values(call.arguments[0])[i]), \(call.values(call.arguments[1])[i])")
                }
            }
        }
        try check([0, 1e-45, 1e-30, 1e-15, 1e-3, 1, 1e6, 1e12, 1e15, 1e18], Float.self)
        try check([0, Double.leastNonzeroMagnitude, 1e-300, 1e-100, 1, 1e50, 1e100, 1e150], Double.self)
    }
}

extension LibraryTests.DividedTests {
    @Test func rotatedPairwise() throws { try sweepChunks(RotatedIoUPairwise(isTall: true), rows: DividedRows.ofMatrixGradient) }
    @Test func rotatedPairwiseGradient() throws { try sweepChunks(RotatedIoUPairwiseGrad(metric: BOXGRAD_IOF, isTall: true), rows: DividedRows.ofMatrixGradient) }
    @Test func rotatedAligned() throws { try sweepChunks(RotatedIoUAligned(), rows: DividedRows.ofBoxes) }
    @Test func rotatedLoss() throws { try sweepChunks(RotatedIoULoss(), rows: DividedRows.ofBoxes) }
}
