// Computes the overlap of one pair of boxes with its gradient. The formulas of the header are here once, for every shape of call.

import CBoxgrad
import CShims

/// Says which overlap is computed, as a type. Code that is generic over it is compiled once for each metric, so that the choice takes no
/// time.
protocol Metric {
    static var code: Int32 { get }
    static var isLoss: Bool { get }
    static var isSolid: Bool { get }
    /// Whether the metric takes so few operations that a copy of its results from the stack would be a large part of a matrix's time.
    static var isShort: Bool { get }
    static func quotient<T: Real>(_ a: T, _ b: T) -> T
    static func result<T: Real>(of overlap: Overlap<T>) -> T
}

/// Whether matrices have loops of their own for solid boxes, and for few columns. A small library has one loop for each metric.
@inline(__always)
var hasFastMatrices: Bool {
#if SMALL_LIBRARY
    false
#else
    true
#endif
}

extension Metric {
    static var isLoss: Bool { false }
    static var isSolid: Bool { false }
    static var isShort: Bool { hasFastMatrices && code != BOXGRAD_CIOU }
    /// Whether the metric divides by the area of the first box. isOfSecond and isOfSmaller say the same of the second and of the smaller box.
    static var isOfFirst: Bool { code == BOXGRAD_IOF }
    static var isOfSecond: Bool { code == BGI_IOF_OF_SECOND }
    static var isOfSmaller: Bool { code == BOXGRAD_IOS }
    static var isShare: Bool { isOfFirst || isOfSecond || isOfSmaller }

    @inline(__always)
    static func quotient<T: Real>(_ a: T, _ b: T) -> T { choose(b == 0, 0, a / b) }

    @inline(__always)
    static func result<T: Real>(of overlap: Overlap<T>) -> T { overlap.value }
}

enum IoU: Metric { static var code: Int32 { BOXGRAD_IOU } }
enum GIoU: Metric { static var code: Int32 { BOXGRAD_GIOU } }
enum DIoU: Metric { static var code: Int32 { BOXGRAD_DIOU } }
enum CIoU: Metric { static var code: Int32 { BOXGRAD_CIOU } }
enum IoF: Metric { static var code: Int32 { BOXGRAD_IOF } }
enum IoS: Metric { static var code: Int32 { BOXGRAD_IOS } }

/// IoF with the sides exchanged: the share of the second box that the first box covers. A kernel takes this metric if it goes through the
/// pairs in the other order, or if it has the gradient of its first side only.
enum IoFOfSecond: Metric { static var code: Int32 { BGI_IOF_OF_SECOND } }

/// The same metric for solid boxes. It divides without a test for 0, because neither the union nor the enclosing box of solid boxes is
/// empty.
enum Solid<Base: Metric>: Metric {
    static var code: Int32 { Base.code }
    static var isSolid: Bool { true }
    static var isShort: Bool { Base.isShort }

    @inline(__always)
    static func quotient<T: Real>(_ a: T, _ b: T) -> T { a / b }

    @inline(__always)
    static func result<T: Real>(of overlap: Overlap<T>) -> T { Base.result(of: overlap) }
}

/// Computes the union, which is the area that IoU divides by.
enum Union: Metric {
    static var code: Int32 { BOXGRAD_IOU }
    // Callers rarely ask for the union, so that it does not get the code for short metrics.
    static var isShort: Bool { false }

    @inline(__always)
    static func result<T: Real>(of overlap: Overlap<T>) -> T { overlap.union }
}

/// Computes 1 - metric, as torchvision's losses do. A metric gives a touching pair the gradient of its intersection, clamps the enclosing
/// sides at 0, and adds eps in DIoU and CIoU only. A loss gives a touching pair no such gradient, does not clamp, and adds eps to every
/// denominator.
enum Loss<Base: Metric>: Metric {
    static var code: Int32 { Base.code }
    static var isLoss: Bool { true }

    @inline(__always)
    static func result<T: Real>(of overlap: Overlap<T>) -> T { overlap.loss }
}

/// The angle of a box's diagonal, atan(width / height). It is +-pi/2 for a box without height, and 0 for a box without width and height. It
/// has two parts, because CIoU takes the difference of two angles that may be nearly equal.
struct DiagonalAngle<T: Real> {
    let high, low: T

    @inline(__always)
    init(_ high: T, _ low: T) { (self.high, self.low) = (high, low) }

    @inline(__always)
    init(_ box: MeasuredBox<T>) {
        let angle = choose(both(box.width == 0, box.height == 0), 0, atan(Double(box.width) / Double(box.height)))
        high = T(angle)
        low = T(angle - Double(high))
    }

    @inline(__always)
    static func - (_ a: Self, _ b: Self) -> T { (a.high - b.high) + (a.low - b.low) }
}

/// Holds a box with the sizes that its overlaps have in common.
struct MeasuredBox<T: Real> {
    let box: Box<T>
    let width, height, area: T

    @inline(__always)
    init(_ box: Box<T>) { self.init(box, area: (box.x2 - box.x1) * (box.y2 - box.y1)) }

    @inline(__always)
    init(_ box: Box<T>, area: T) {
        self.box = box
        width = box.x2 - box.x1
        height = box.y2 - box.y1
        self.area = area
    }

    /// Whether the box is neither empty nor inverted. The area is tested, too, because the product of small sides may be 0.
    @inline(__always)
    var isSolid: Bool { both(both(width > 0, height > 0), area > 0) }

    /// Returns the angle from this box's diagonal to another's. For float, one quotient gives the tangent of the difference.
    @inline(__always)
    func turn(to other: Self) -> T {
        if T.self == Double.self { return DiagonalAngle(other) - DiagonalAngle(self) }
        let (a, b) = (upright, other.upright)
        return T(shortAngle(b.width * a.height - a.width * b.height, a.height * b.height + a.width * b.width))
    }

    /// The diagonal of the box, with both signs changed if the height is negative. A box without width and height has the width 0 and the
    /// height 1, so that its angle is 0.
    @inline(__always)
    private var upright: (width: Double, height: Double) {
        let sign = T(signOf: height, magnitudeOf: 1)
        return (Double(width * sign), Double(choose(both(width == 0, height == 0), 1, height * sign)))
    }
}

/// Computes the metric and the gradients of one pair. Everything here is inlined, so that the compiler removes what the caller does not
/// use.
struct Overlap<T: Real> {
    let value, inter, union: T
    /// Is 1 - value, without the rounding error of this subtraction where the boxes nearly agree.
    let loss: T
    /// These are d value / d a and d value / d b.
    let gradA, gradB: Box<T>

    @inline(__always)
    init<M: Metric>(_ metric: M.Type, _ a: Box<T>, _ b: Box<T>, _ eps: T) {
        let (a, b) = (MeasuredBox(a), MeasuredBox(b))
        self.init(metric, a, b, eps, turn: M.code == BOXGRAD_CIOU ? a.turn(to: b) : 0)
    }

    /// Computes the overlap of a and b. `turn` is the angle from a's diagonal to b's, which only CIoU uses.
    @inline(__always)
    init<M: Metric>(_: M.Type, _ a: MeasuredBox<T>, _ b: MeasuredBox<T>, _ eps: T, turn: T) {
        let (p, q) = (a.box, b.box)
        let spanX = smaller(p.x2, q.x2) - larger(p.x1, q.x1)
        let spanY = smaller(p.y2, q.y2) - larger(p.y1, q.y1)
        let (w, h) = M.isSolid && M.isShort ? (T.positive(spanX), T.positive(spanY)) : (larger(spanX, 0), larger(spanY, 0))
        inter = w * h
        let (restA, restB) = (a.area - inter, b.area - inter)
        // In this order a box within the other adds exactly 0 to the union, which losses and gradients need. A metric's value does not need
        // it, and takes fewer operations.
        let exactUnion = larger(a.area, b.area) + (smaller(b.area, a.area) - inter)
        union = M.isLoss ? exactUnion : (a.area + b.area) - inter
        let unionEps = M.isLoss ? eps : 0
        // IoF and IoS have one area in place of the union. A NaN in the other box must reach the result, but the intersection with such a
        // box is 0. Therefore the term becomes NaN.
        let (own, other) = M.isOfFirst ? (a.area, b.area) : (b.area, a.area)
        let divisor = M.isOfSmaller ? smaller(other, own) : own
        let areaTerm = M.isSolid ? divisor : choose(other == other, divisor, other)
        let unionTerm = M.isShare ? areaTerm : M.isLoss ? union + eps : union
        let iou = M.quotient(inter, unionTerm)
        let apart = choose(unionTerm == 0, 1, (restA + restB + unionEps) / unionTerm)  // This is 1 - IoU.

        let outerX = larger(p.x2, q.x2) - smaller(p.x1, q.x1)
        let outerY = larger(p.y2, q.y2) - smaller(p.y1, q.y1)
        let (enclosingX, enclosingY) = M.isLoss || M.isSolid ? (outerX, outerY) : (larger(outerX, 0), larger(outerY, 0))
        var penalty: T = 0
        // The variables with `by` are slopes of the value by the sides of the enclosing box, by the centres, and by each box's own width
        // and height.
        let waste, filled, perEnclosing: T
        var (byEnclosingX, byEnclosingY): (T, T) = (0, 0)
        var (byCenterX, byCenterY): (T, T) = (0, 0)
        var (byWidthA, byHeightA, byWidthB, byHeightB): (T, T, T, T) = (0, 0, 0, 0)
        if M.code == BOXGRAD_GIOU {
            let enclosing = enclosingX * enclosingY
            let enclosingTerm = M.isLoss ? enclosing + eps : enclosing
            waste = M.quotient(enclosing - exactUnion, enclosingTerm)
            filled = M.quotient(unionTerm, enclosingTerm)
            perEnclosing = M.quotient(1, enclosingTerm)
            penalty = M.isLoss ? waste : M.quotient(enclosing - union, enclosingTerm)
        } else {
            (waste, filled, perEnclosing) = (0, 0, 0)
        }
        if M.code == BOXGRAD_DIOU || M.code == BOXGRAD_CIOU {
            // This is the difference of the centres. It takes differences of corners first, because a sum of corners far from the origin
            // would lose the digits that matter.
            let (dx, dy) = (((p.x1 - q.x1) + (p.x2 - q.x2)) / 2, ((p.y1 - q.y1) + (p.y2 - q.y2)) / 2)
            let diagonal = enclosingX * enclosingX + enclosingY * enclosingY + eps
            let distance = M.quotient(dx * dx + dy * dy, diagonal)
            penalty = distance
            let perDiagonal = M.quotient(1, diagonal)
            (byEnclosingX, byEnclosingY) = (2 * enclosingX * distance * perDiagonal, 2 * enclosingY * distance * perDiagonal)
            // d(distance^2) / d centre is 2 dx. Each corner gets half of it, because a centre moves by half of what one corner moves.
            (byCenterX, byCenterY) = (-dx * perDiagonal, -dy * perDiagonal)
        }
        if M.code == BOXGRAD_CIOU {
            let scale = T(0.4052847345693511)  // This is 4 / pi^2.
            let v = scale * turn * turn
            let alpha = choose(v == 0, 0, v / (apart + v + eps))
            penalty += alpha * v
            // d atan(w / h) is (h dw - w dh) / (w^2 + h^2), which is finite also where h is 0.
            let byAngleA = 2 * alpha * scale * turn
            let (turnA, turnB) = (a.width * a.width + a.height * a.height, b.width * b.width + b.height * b.height)
            byWidthA = M.quotient(byAngleA * a.height, turnA)
            byHeightA = M.quotient(-byAngleA * a.width, turnA)
            byWidthB = M.quotient(-byAngleA * b.height, turnB)
            byHeightB = M.quotient(byAngleA * b.width, turnB)
        }
        value = iou - penalty
        loss = apart + penalty

        let overlaps = both(spanX > 0, spanY > 0)
        let innerY = choose(M.isLoss ? overlaps : spanX >= 0, h, 0)
        let innerX = choose(M.isLoss ? overlaps : spanY >= 0, w, 0)
        // The clamp of the enclosing sides passes no gradient to a side that it has changed.
        let (passX, passY) = M.isLoss ? (true, true) : (outerX >= 0, outerY >= 0)
        let (outX, outY) = (choose(passY, enclosingX, 0), choose(passX, enclosingY, 0))
        (byEnclosingX, byEnclosingY) = (choose(passX, byEnclosingX, 0), choose(passY, byEnclosingY, 0))

        let perUnion = M.quotient(1, unionTerm)
        let (close, tight) = (iou > 0.5, waste < 0.5)
        /// Returns the slope of the value by one side that moves outwards. The box's extent along that side is `extent`. `share` says how
        /// much of the side bounds the intersection (along `inner`), and the rest bounds the enclosing box (along `outer`). The terms are d
        /// inter = inner, d area = extent and d enclosing = outer. They are grouped so that equal lengths cancel before anything is
        /// rounded. `ofDivisor` says how much of the divisor's slope is this box's, if IoF or IoS divide by an area: all, half or nothing.
        @inline(__always)
        func slope(_ share: T, _ extent: T, _ inner: T, _ outer: T, _ byEnclosing: T, _ ofDivisor: T) -> T {
            let (shared, free) = (share * inner, (1 - share) * outer)
            if M.isOfSmaller { return (shared - ofDivisor * (iou * extent)) * perUnion }
            if M.isShare { return (ofDivisor == 1 ? shared - iou * extent : shared) * perUnion }
            let rest = extent - shared
            var result = choose(close, (shared - rest) + apart * rest, shared - iou * rest) * perUnion
            if M.code == BOXGRAD_GIOU { result += choose(tight, (rest - free) + free * waste, rest - free * filled) * perEnclosing }
            if M.code == BOXGRAD_DIOU || M.code == BOXGRAD_CIOU { result += (1 - share) * byEnclosing }
            return result
        }
        let left = shareOfLarger(p.x1, q.x1), top = shareOfLarger(p.y1, q.y1)
        let right = shareOfLarger(q.x2, p.x2), bottom = shareOfLarger(q.y2, p.y2)
        let ofA: T = M.isOfSmaller ? shareOfLarger(b.area, a.area) : M.isOfFirst ? 1 : 0
        gradA = Box(
            byCenterX - byWidthA - slope(left, a.height, innerY, outY, byEnclosingX, ofA),
            byCenterY - byHeightA - slope(top, a.width, innerX, outX, byEnclosingY, ofA),
            byCenterX + byWidthA + slope(right, a.height, innerY, outY, byEnclosingX, ofA),
            byCenterY + byHeightA + slope(bottom, a.width, innerX, outX, byEnclosingY, ofA))
        gradB = Box(
            -byCenterX - byWidthB - slope(1 - left, b.height, innerY, outY, byEnclosingX, 1 - ofA),
            -byCenterY - byHeightB - slope(1 - top, b.width, innerX, outX, byEnclosingY, 1 - ofA),
            -byCenterX + byWidthB + slope(1 - right, b.height, innerY, outY, byEnclosingX, 1 - ofA),
            -byCenterY + byHeightB + slope(1 - bottom, b.width, innerX, outX, byEnclosingY, 1 - ofA))
    }
}
