// Overlap of one pair of boxes with its gradient: the formulas of the header, once, for every shape of call.

import CBoxgrad

/// Which overlap, as a type: what is generic over it is compiled once for each, with the choice folded away.
protocol Metric {
    static var code: Int32 { get }
    static var isLoss: Bool { get }
}

extension Metric {
    static var isLoss: Bool { false }
}

enum IoU: Metric { static var code: Int32 { BOXGRAD_IOU } }
enum GIoU: Metric { static var code: Int32 { BOXGRAD_GIOU } }
enum DIoU: Metric { static var code: Int32 { BOXGRAD_DIOU } }
enum CIoU: Metric { static var code: Int32 { BOXGRAD_CIOU } }

/// The same metric as torchvision's losses compute it. A metric lets a touching pair pass the gradient of its intersection, clamps
/// the enclosing sides at 0, and adds eps in DIoU and CIoU only; a loss does neither, and adds it to every denominator.
enum Loss<Base: Metric>: Metric {
    static var code: Int32 { Base.code }
    static var isLoss: Bool { true }
}

/// A box with what its overlaps share.
struct MeasuredBox<T: Real> {
    let box: Box<T>
    let width, height, area: T
    /// atan(width / height), for CIoU alone.
    let angle: T

    @inline(__always)
    init<M: Metric>(_ box: Box<T>, _: M.Type) {
        self.init(box, angle: M.code == BOXGRAD_CIOU ? diagonalAngle(box.x2 - box.x1, box.y2 - box.y1) : 0)
    }

    @inline(__always)
    init(_ box: Box<T>, angle: T) {
        self.box = box
        width = box.x2 - box.x1
        height = box.y2 - box.y1
        area = width * height
        self.angle = angle
    }
}

/// One pair's metric and gradients. What the caller does not use costs nothing: everything here is inlined.
struct Overlap<T: Real> {
    let value, union: T
    /// d value / d a and d value / d b.
    let gradA, gradB: Box<T>

    @inline(__always)
    init<M: Metric>(_: M.Type, _ a: MeasuredBox<T>, _ b: MeasuredBox<T>, _ eps: T) {
        let (p, q) = (a.box, b.box)
        let spanX = smaller(p.x2, q.x2) - larger(p.x1, q.x1)
        let spanY = smaller(p.y2, q.y2) - larger(p.y1, q.y1)
        let (w, h) = (larger(spanX, 0), larger(spanY, 0))
        let inter = w * h
        // In this order a box within the other adds exactly nothing to the union.
        union = larger(a.area, b.area) + (smaller(a.area, b.area) - inter)
        let unionTerm = M.isLoss ? union + eps : union
        let iou = quotient(inter, unionTerm)

        // Slopes of the value by each quantity, to be carried on to the corners below.
        let perUnion = quotient(1, unionTerm)
        var byInter = (1 + iou) * perUnion
        var byArea = -iou * perUnion
        var (byEnclosingX, byEnclosingY): (T, T) = (0, 0)
        var (byCenterX, byCenterY): (T, T) = (0, 0)
        var (byWidthA, byHeightA, byWidthB, byHeightB): (T, T, T, T) = (0, 0, 0, 0)
        var result = iou

        let outerX = larger(p.x2, q.x2) - smaller(p.x1, q.x1)
        let outerY = larger(p.y2, q.y2) - smaller(p.y1, q.y1)
        let (enclosingX, enclosingY) = M.isLoss ? (outerX, outerY) : (larger(outerX, 0), larger(outerY, 0))
        if M.code == BOXGRAD_GIOU {
            let enclosing = enclosingX * enclosingY
            let enclosingTerm = M.isLoss ? enclosing + eps : enclosing
            result -= quotient(enclosing - union, enclosingTerm)
            let perEnclosing = quotient(1, enclosingTerm)
            byInter -= perEnclosing
            byArea += perEnclosing
            let byEnclosing = -quotient(unionTerm, enclosingTerm) * perEnclosing
            (byEnclosingX, byEnclosingY) = (byEnclosing * enclosingY, byEnclosing * enclosingX)
        }
        if M.code == BOXGRAD_DIOU || M.code == BOXGRAD_CIOU {
            // Between the centres. Differences of corners first: far from the origin a sum would lose the digits that matter.
            let (dx, dy) = (((p.x1 - q.x1) + (p.x2 - q.x2)) / 2, ((p.y1 - q.y1) + (p.y2 - q.y2)) / 2)
            let diagonal = enclosingX * enclosingX + enclosingY * enclosingY + eps
            let distance = quotient(dx * dx + dy * dy, diagonal)
            result -= distance
            let perDiagonal = quotient(1, diagonal)
            let byDiagonal = distance * perDiagonal
            (byEnclosingX, byEnclosingY) = (2 * enclosingX * byDiagonal, 2 * enclosingY * byDiagonal)
            // d(distance^2) / d centre is 2 dx, of which each corner moves half.
            (byCenterX, byCenterY) = (-dx * perDiagonal, -dy * perDiagonal)
        }
        if M.code == BOXGRAD_CIOU {
            let scale = T(0.4052847345693511)  // 4 / pi^2
            let difference = b.angle - a.angle
            let v = scale * difference * difference
            let alpha = quotient(v, 1 - iou + v + eps)
            result -= alpha * v
            // d atan(w / h) is (h dw - w dh) / (w^2 + h^2); finite also where h is 0.
            let byAngleA = 2 * alpha * scale * difference
            let (turnA, turnB) = (a.width * a.width + a.height * a.height, b.width * b.width + b.height * b.height)
            byWidthA = quotient(byAngleA * a.height, turnA)
            byHeightA = quotient(-byAngleA * a.width, turnA)
            byWidthB = quotient(-byAngleA * b.height, turnB)
            byHeightB = quotient(byAngleA * b.width, turnB)
        }
        value = result

        let overlaps = both(spanX > 0, spanY > 0)
        let byW = choose(M.isLoss ? overlaps : spanX >= 0, byInter * h, 0)
        let byH = choose(M.isLoss ? overlaps : spanY >= 0, byInter * w, 0)
        if !M.isLoss {
            // The clamp of the enclosing sides.
            byEnclosingX = choose(outerX >= 0, byEnclosingX, 0)
            byEnclosingY = choose(outerY >= 0, byEnclosingY, 0)
        }
        byWidthA += byArea * a.height
        byHeightA += byArea * a.width
        byWidthB += byArea * b.height
        byHeightB += byArea * b.width

        // Each side of the intersection belongs to one box and the opposite side of the enclosing box to the other.
        let left = shareOfLarger(p.x1, q.x1), top = shareOfLarger(p.y1, q.y1)
        let right = shareOfLarger(q.x2, p.x2), bottom = shareOfLarger(q.y2, p.y2)
        @inline(__always)
        func mix(_ share: T, _ inner: T, _ outer: T) -> T { share * inner + (1 - share) * outer }
        gradA = Box(
            byCenterX - byWidthA - mix(left, byW, byEnclosingX), byCenterY - byHeightA - mix(top, byH, byEnclosingY),
            byCenterX + byWidthA + mix(right, byW, byEnclosingX), byCenterY + byHeightA + mix(bottom, byH, byEnclosingY))
        gradB = Box(
            -byCenterX - byWidthB - mix(1 - left, byW, byEnclosingX), -byCenterY - byHeightB - mix(1 - top, byH, byEnclosingY),
            -byCenterX + byWidthB + mix(1 - right, byW, byEnclosingX), -byCenterY + byHeightB + mix(1 - bottom, byH, byEnclosingY))
    }
}
