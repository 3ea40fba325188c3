// These kernels compute the losses of BOXGRAD_LOSS_*, with both gradients in one pass. They compute in double for float, too: squares and
// areas of float coordinates neither overflow nor underflow there, and every loop is compiled once for both types.
//
// A tile takes two steps: a Penalty computes a number of each pair with its slopes, then a Combination makes the loss of it and the IoU. So
// the IoU and its slopes are compiled once for each combination, and not for each loss.

import CBoxgrad
import CShims

@inline(never)
func boxLoss<T: Real>(_ call: BoxLoss<T>, _ rows: Range<Int>) {
    let options = call.options
    let scale = 1 / call.normalizer
    @inline(__always)
    func sum(_ space: Workspace) -> Double {
        let pairs = PairTile(space: space)
        let given: Tile<Box<T>> = space.tile(4)
        let (losses, factors) = (pairs.losses, pairs.factors)
        var sum = BlockSum()
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            given.load(call.pred, start, length)
            convert(given, to: pairs.pred)
            given.load(call.target, start, length)
            convert(given, to: pairs.target)
            if T.self == Float.self {
                for k in 0..<tileWidth { pairs.powers[k] = 1 }
            } else {
                pairs.choosePowers()
            }
            pairs.measure(call.kind, options)
            for k in 0..<tileWidth { factors[k] = 1 }
            if let weights = call.weights { for k in 0..<length { factors[k] = Double(weights[start &+ k]) } }
            if options.gamma > 0 { pairs.focus(options.gamma) }
            for k in 0..<tileWidth { losses[k] *= factors[k] }
            sum.add(losses, length)
            if let perBox = call.perBox { for k in 0..<length { perBox[start &+ k] = T(losses[k]) } }
            if let gradPred = call.gradPred {
                pairs.finish(pairs.slopesPred, scale)
                convert(pairs.slopesPred, to: given)
                given.store(MutableRows(gradPred, stride: 4), start, length)
            }
            if let gradTarget = call.gradTarget {
                pairs.finish(pairs.slopesTarget, scale)
                convert(pairs.slopesTarget, to: given)
                given.store(MutableRows(gradTarget, stride: 4), start, length)
            }
        }
        return sum.total
    }
    call.sums.store(Workspace.with(sum), rows)
}

/// Copies a tile of boxes to a tile of the other type.
@inline(__always)
private func convert<From: Real, To: Real>(_ from: Tile<Box<From>>, to: Tile<Box<To>>) {
    for index in 0..<4 {
        let (source, target) = (from.column(index), to.column(index))
        for k in 0..<tileWidth { target[k] = To(source[k]) }
    }
}

/// Returns a / b, or 0 if b is 0, or so near to 0 that 1 / b^2 is infinite.
@inline(__always)
private func quotient(_ a: Double, _ b: Double) -> Double { choose(b.magnitude < 0x1p-500, 0, a / b) }

/// Returns a / b, or 0 if a is 0.
@inline(__always)
private func ratio(_ a: Double, _ b: Double) -> Double { choose(a == 0, 0, a / b) }

/// Returns x^p for p > 0. x counts as 0 if it is negative.
@inline(__always)
private func positivePower(_ x: Double, _ p: Double) -> Double {
    choose(x == x, choose(x > 0, power(ofPositive: choose(x > 0, x, 1), p), 0), x)
}

/// Returns the slope of x^p. If p < 1, it is infinite at 0. Therefore it is that at 1e-6 for a smaller x.
@inline(__always)
private func slopeOfPower(_ x: Double, _ p: Double) -> Double {
    let base = choose(p < 1, larger(x, 1e-6), choose(x > 0, x, 1))
    return choose(both(p > 1, x <= 0), 0, p * power(ofPositive: base, p - 1))
}

/// Holds the pairs of a tile, and what is computed of them. It has one pointer, so that the compiler knows that no two columns overlap.
private struct PairTile {
    let space: Workspace

    var pred: Tile<Box<Double>> { @inline(__always) get { space.tile(0) } }
    var target: Tile<Box<Double>> { @inline(__always) get { space.tile(1) } }
    var slopesPred: Tile<Box<Double>> { @inline(__always) get { space.tile(2) } }
    var slopesTarget: Tile<Box<Double>> { @inline(__always) get { space.tile(3) } }
    /// The results are losses * factors, and slopes * factors * powers. `powers` has what the coordinates were multiplied by.
    var losses: UnsafeMutablePointer<Double> { @inline(__always) get { space.column(0) } }
    var factors: UnsafeMutablePointer<Double> { @inline(__always) get { space.column(1) } }
    var powers: UnsafeMutablePointer<Double> { @inline(__always) get { space.column(2) } }
    var ious: UnsafeMutablePointer<Double> { @inline(__always) get { space.column(3) } }

    /// Multiplies each pair by a power of two that makes its largest coordinate nearly 1. No square overflows then.
    @inline(__always)
    func choosePowers() {
        for k in 0..<tileWidth {
            let (p, t) = (pred[k], target[k])
            @inline(__always)
            func largest(_ box: Box<Double>) -> Double {
                larger(larger(box.x1.magnitude, box.x2.magnitude), larger(box.y1.magnitude, box.y2.magnitude))
            }
            // The bound keeps the power from being subnormal.
            let exponent = smaller(larger(largest(p), largest(t)), 0x1p1022).bitPattern >> 52
            let power = Double(bitPattern: (2046 &- exponent) << 52)
            powers[k] = power
            pred[k] = Box { p[$0] * power }
            target[k] = Box { t[$0] * power }
        }
    }

    @inline(__always)
    func measure(_ kind: Int32, _ options: boxgrad_box_loss_options) {
        switch kind {
        case BOXGRAD_LOSS_GIOU: penalise(GIoUPenalty.self, options)
        case BOXGRAD_LOSS_DIOU: penalise(DIoUPenalty.self, options)
        case BOXGRAD_LOSS_CIOU: penalise(CIoUPenalty.self, options)
        case BOXGRAD_LOSS_EIOU: penalise(EIoUPenalty.self, options)
        case BOXGRAD_LOSS_SIOU: penalise(SIoUPenalty.self, options)
        case BOXGRAD_LOSS_WIOU: penalise(WIoUFactor.self, options)
        case BOXGRAD_LOSS_MPDIOU: penalise(MPDIoUPenalty.self, options)
        case BOXGRAD_LOSS_NWD: penalise(NWD.self, options)
        case BOXGRAD_LOSS_BOUNDED_IOU: penalise(BoundedIoU.self, options)
        default: penalise(NoPenalty.self, options)
        }
        switch kind {
        case BOXGRAD_LOSS_WIOU: combine(Product.self, options)
        case BOXGRAD_LOSS_LOG_IOU: combine(Logarithm.self, options)
        case BOXGRAD_LOSS_NWD, BOXGRAD_LOSS_BOUNDED_IOU: break
        default: options.alpha == 1 ? combine(Sum.self, options) : combine(SumOfPowers.self, options)
        }
    }

    /// Computes a penalty and its slopes.
    @inline(never)
    func penalise<P: Penalty>(_: P.Type, _ options: boxgrad_box_loss_options) {
        for k in 0..<tileWidth {
            let pair = Pair(pred[k], target[k], options.eps, powers[k])
            let terms = P.terms(pair, options)
            losses[k] = terms.value
            (slopesPred[k], slopesTarget[k]) = (pair.slopesOfPred(P.self, terms), pair.slopesOfTarget(P.self, terms))
        }
    }

    /// Makes the losses of the penalties and of the IoU.
    @inline(never)
    func combine<C: Combination>(_: C.Type, _ options: boxgrad_box_loss_options) {
        for k in 0..<tileWidth {
            let iou = ScaledIoU(MeasuredBox(pred[k]), MeasuredBox(target[k]), options.inner_ratio, scaled(options.eps, powers[k] * powers[k]))
            let (value, byIoU, byPenalty) = C.combine(iou, losses[k], options)
            let (slopesP, slopesT) = (slopesPred[k], slopesTarget[k])
            (losses[k], ious[k]) = (finite(value), iou.value)
            slopesPred[k] = Box { finite(byIoU * iou.slopesP[$0] + byPenalty * slopesP[$0]) }
            slopesTarget[k] = Box { finite(byIoU * iou.slopesT[$0] + byPenalty * slopesT[$0]) }
        }
    }

    /// Multiplies the factors by IoU^gamma, which is a constant for the gradient.
    @inline(never)
    func focus(_ gamma: Double) {
        for k in 0..<tileWidth { factors[k] *= positivePower(ious[k], gamma) }
    }

    /// Multiplies slopes by their factors. The power of two comes last, because a product with it may be infinite.
    @inline(__always)
    func finish(_ slopes: Tile<Box<Double>>, _ scale: Double) {
        slopes.multiply(factors, scale)
        slopes.multiply(powers)
    }
}

/// Returns x, but a finite number in place of an infinity, because a factor of 0 would make NaN of that. NaN stays NaN.
@inline(__always)
private func finite(_ x: Double) -> Double { clamp(x, -0x1p1000, 0x1p1000) }

/// Returns eps for coordinates that were multiplied. It would be infinite for tiny boxes, and is therefore limited.
@inline(__always)
private func scaled(_ eps: Double, _ factor: Double) -> Double { smaller(eps * factor, 0x1p1000) }

/// Holds the IoU of both boxes after they were scaled about their centres, and its slopes by the corners that were given.
///
/// It is not computed of scaled corners. These would be rounded, so that thin boxes would lose digits, and boxes that nearly agree would tie.
private struct ScaledIoU {
    let value, inter, union: Double
    /// Is 1 - value, without the rounding error of this subtraction.
    let loss: Double
    let slopesP, slopesT: Box<Double>

    /// What the scaled boxes have in common along one axis: its length, and how much of its low and of its high end belongs to p.
    private struct Axis {
        let span, low, high: Double

        @inline(__always)
        init(_ p: (Double, Double), _ t: (Double, Double), _ widthP: Double, _ widthT: Double, _ ratio: Double) {
            let (cutP, cutT) = ((1 - ratio) / 2 * widthP, (1 - ratio) / 2 * widthT)
            let lowApart = (p.0 - t.0) + (cutP - cutT)
            let highApart = (t.1 - p.1) + (cutP - cutT)
            span = choose(
                lowApart > 0, choose(highApart > 0, ratio * widthP, (t.1 - p.0) - (cutP + cutT)),
                choose(highApart > 0, (p.1 - t.0) - (cutP + cutT), ratio * widthT))
            (low, high) = (shareOfLarger(lowApart, 0), shareOfLarger(highApart, 0))
        }
    }

    @inline(__always)
    init(_ p: MeasuredBox<Double>, _ t: MeasuredBox<Double>, _ ratio: Double, _ eps: Double) {
        let x = Axis((p.box.x1, p.box.x2), (t.box.x1, t.box.x2), p.width, t.width, ratio)
        let y = Axis((p.box.y1, p.box.y2), (t.box.y1, t.box.y2), p.height, t.height, ratio)
        let overlaps = both(x.span > 0, y.span > 0)
        let (w, h) = (choose(overlaps, x.span, 0), choose(overlaps, y.span, 0))
        let (areaP, areaT) = (ratio * ratio * p.area, ratio * ratio * t.area)
        let inter = w * h
        let union = larger(areaP, areaT) + (smaller(areaT, areaP) - inter) + eps
        let iou = quotient(inter, union)
        let apart = choose(union == 0, 1, ((areaP - inter) + (areaT - inter) + eps) / union)
        (value, loss, self.inter, self.union) = (iou, apart, inter, union)
        let perUnion = quotient(1, union)
        let close = iou > 0.5
        /// Returns the slope by a side that moves outwards, as in Overlap.
        @inline(__always)
        func slope(_ share: Double, _ extent: Double, _ inner: Double) -> Double {
            let shared = share * inner
            let rest = ratio * extent - shared
            return choose(close, (shared - rest) + apart * rest, shared - iou * rest) * perUnion
        }
        /// Returns the slopes by the corners of a box, from those by the corners of the scaled box.
        let (same, opposite) = ((1 + ratio) / 2, (1 - ratio) / 2)
        @inline(__always)
        func slopes(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> Box<Double> {
            Box(same * x1 + opposite * x2, same * y1 + opposite * y2, opposite * x1 + same * x2, opposite * y1 + same * y2)
        }
        slopesP = slopes(-slope(x.low, p.height, h), -slope(y.low, p.width, w), slope(x.high, p.height, h), slope(y.high, p.width, w))
        slopesT = slopes(
            -slope(1 - x.low, t.height, h), -slope(1 - y.low, t.width, w), slope(1 - x.high, t.height, h), slope(1 - y.high, t.width, w))
    }
}

// ---- Combinations ----

/// Says how a loss is made of the IoU and a penalty, as a type. Code that is generic over it is compiled once for each combination.
private protocol Combination {
    /// Returns the loss, and its slopes by the IoU and by the penalty.
    static func combine(_ iou: ScaledIoU, _ penalty: Double, _ options: boxgrad_box_loss_options) -> (Double, byIoU: Double, byPenalty: Double)
}

private enum Sum: Combination {
    @inline(__always)
    static func combine(_ iou: ScaledIoU, _ penalty: Double, _ options: boxgrad_box_loss_options) -> (Double, byIoU: Double, byPenalty: Double) {
        (iou.loss + penalty, -1, 1)
    }
}

private enum SumOfPowers: Combination {
    @inline(__always)
    static func combine(_ iou: ScaledIoU, _ penalty: Double, _ options: boxgrad_box_loss_options) -> (Double, byIoU: Double, byPenalty: Double) {
        let alpha = options.alpha
        return ((1 - positivePower(iou.value, alpha)) + positivePower(penalty, alpha), -slopeOfPower(iou.value, alpha), slopeOfPower(penalty, alpha))
    }
}

private enum Product: Combination {
    @inline(__always)
    static func combine(_ iou: ScaledIoU, _ penalty: Double, _ options: boxgrad_box_loss_options) -> (Double, byIoU: Double, byPenalty: Double) {
        (penalty * iou.loss, -penalty, iou.loss)
    }
}

private enum Logarithm: Combination {
    @inline(__always)
    static func combine(_ iou: ScaledIoU, _ penalty: Double, _ options: boxgrad_box_loss_options) -> (Double, byIoU: Double, byPenalty: Double) {
        let isEnough = iou.value >= options.least_iou
        let value: Double = log(ratioOfPositive: choose(isEnough, iou.union, 1), to: choose(isEnough, iou.inter, options.least_iou))
        return (choose(iou.value == iou.value, value, iou.value), choose(isEnough, -quotient(iou.union, iou.inter), 0), 0)
    }
}

// ---- Penalties ----

/// Holds a pair of boxes with what penalties are made of.
private struct Pair {
    let p, t: MeasuredBox<Double>
    /// From the target's centre to pred's. They take differences of corners first, as Overlap does.
    let dx, dy: Double
    let innerX, innerY, enclosingX, enclosingY: Double
    let power, eps: Double

    @inline(__always)
    init(_ p: Box<Double>, _ t: Box<Double>, _ eps: Double, _ power: Double) {
        self.power = power
        self.eps = scaled(eps, power * power)
        (self.p, self.t) = (MeasuredBox(p), MeasuredBox(t))
        (dx, dy) = (((p.x1 - t.x1) + (p.x2 - t.x2)) / 2, ((p.y1 - t.y1) + (p.y2 - t.y2)) / 2)
        let (spanX, spanY) = (smaller(p.x2, t.x2) - larger(p.x1, t.x1), smaller(p.y2, t.y2) - larger(p.y1, t.y1))
        let overlaps = both(spanX > 0, spanY > 0)
        (innerX, innerY) = (choose(overlaps, spanX, 0), choose(overlaps, spanY, 0))
        (enclosingX, enclosingY) = (larger(p.x2, t.x2) - smaller(p.x1, t.x1), larger(p.y2, t.y2) - smaller(p.y1, t.y1))
    }

    @inline(__always)
    func slopesOfPred<P: Penalty>(_: P.Type, _ terms: Terms) -> Box<Double> { slopes(P.self, terms, 1, terms.ofPred, p.box, t.box) }

    @inline(__always)
    func slopesOfTarget<P: Penalty>(_: P.Type, _ terms: Terms) -> Box<Double> { slopes(P.self, terms, -1, terms.ofTarget, t.box, p.box) }

    /// Returns the slopes of the penalty by the corners of `own`. `direction` is 1 for pred and -1 for the target.
    @inline(__always)
    private func slopes<P: Penalty>(
        _: P.Type, _ terms: Terms, _ direction: Double, _ size: Slopes, _ own: Box<Double>, _ other: Box<Double>
    ) -> Box<Double> {
        if P.usesCorners { return Box { direction * terms.corners[$0] } }
        // A centre moves by half of what a corner moves.
        let (halfX, halfY) = (direction / 2 * terms.shift.x, direction / 2 * terms.shift.y)
        let (low, high) = ((x: halfX - size.x, y: halfY - size.y), (x: halfX + size.x, y: halfY + size.y))
        if !P.usesEnclosing { return Box(low.x, low.y, high.x, high.y) }
        /// Returns the slope by a side that moves outwards. `share` says how much of it bounds the box around both. The rest bounds the intersection.
        @inline(__always)
        func outwards(_ share: Double, _ enclosing: Double, _ extent: Double, _ inner: Double) -> Double {
            P.usesUnion ? share * enclosing + terms.byUnion * (extent - (1 - share) * inner) : share * enclosing
        }
        let (width, height) = (own.x2 - own.x1, own.y2 - own.y1)
        return Box(
            low.x - outwards(shareOfLarger(other.x1, own.x1), terms.enclosing.x, height, innerY),
            low.y - outwards(shareOfLarger(other.y1, own.y1), terms.enclosing.y, width, innerX),
            high.x + outwards(shareOfLarger(own.x2, other.x2), terms.enclosing.x, height, innerY),
            high.y + outwards(shareOfLarger(own.y2, other.y2), terms.enclosing.y, width, innerX))
    }
}

/// Slopes by two numbers of the same kind, along x and along y.
private struct Slopes {
    var x, y: Double

    @inline(__always)
    init(_ x: Double, _ y: Double) { (self.x, self.y) = (x, y) }
}

/// A penalty, and its slopes by what it is made of.
private struct Terms {
    var value: Double
    /// By the centre of pred. Those by the centre of the target are their negatives.
    var shift = Slopes(0, 0)
    /// By width and height of each box.
    var ofPred = Slopes(0, 0), ofTarget = Slopes(0, 0)
    /// By the sides of the smallest box around both.
    var enclosing = Slopes(0, 0)
    var byUnion = 0.0
    /// By the corners of pred, in place of all of these.
    var corners = Box(0.0, 0, 0, 0)

    @inline(__always)
    init(_ value: Double) { self.value = value }
}

/// Says which number is computed of a pair before the IoU, as a type.
private protocol Penalty {
    static var usesCorners: Bool { get }
    static var usesUnion: Bool { get }
    static var usesEnclosing: Bool { get }
    static func terms(_ pair: Pair, _ options: boxgrad_box_loss_options) -> Terms
}

extension Penalty {
    static var usesCorners: Bool { false }
    static var usesUnion: Bool { false }
    static var usesEnclosing: Bool { true }
}

private enum NoPenalty: Penalty {
    static var usesCorners: Bool { true }

    @inline(__always)
    static func terms(_ pair: Pair, _ options: boxgrad_box_loss_options) -> Terms { Terms(0) }
}

private enum GIoUPenalty: Penalty {
    static var usesUnion: Bool { true }

    @inline(__always)
    static func terms(_ pair: Pair, _ options: boxgrad_box_loss_options) -> Terms {
        let enclosing = pair.enclosingX * pair.enclosingY
        let union = larger(pair.p.area, pair.t.area) + (smaller(pair.t.area, pair.p.area) - pair.innerX * pair.innerY)
        let divisor = enclosing + pair.eps
        var terms = Terms(quotient(enclosing - union, divisor))
        terms.byUnion = -quotient(1, divisor)
        let byEnclosing = quotient(quotient(union + pair.eps, divisor), divisor)
        terms.enclosing = Slopes(byEnclosing * pair.enclosingY, byEnclosing * pair.enclosingX)
        return terms
    }
}

private enum DIoUPenalty: Penalty {
    @inline(__always)
    static func terms(_ pair: Pair, _ options: boxgrad_box_loss_options) -> Terms {
        let diagonal = pair.enclosingX * pair.enclosingX + pair.enclosingY * pair.enclosingY + pair.eps
        var terms = Terms(quotient(pair.dx * pair.dx + pair.dy * pair.dy, diagonal))
        terms.shift = Slopes(quotient(2 * pair.dx, diagonal), quotient(2 * pair.dy, diagonal))
        let byEnclosing = -2 * quotient(terms.value, diagonal)
        terms.enclosing = Slopes(byEnclosing * pair.enclosingX, byEnclosing * pair.enclosingY)
        return terms
    }
}

private enum CIoUPenalty: Penalty {
    @inline(__always)
    static func terms(_ pair: Pair, _ options: boxgrad_box_loss_options) -> Terms {
        var terms = DIoUPenalty.terms(pair, options)
        let (p, t) = (pair.p, pair.t)
        let turn = p.turn(to: t)
        let scale = 0.4052847345693511  // This is 4 / pi^2.
        let v = scale * turn * turn
        let alpha = choose(v == 0, 0, v / (ScaledIoU(p, t, 1, pair.eps).loss + v + options.eps))
        terms.value += alpha * v
        // See Overlap.
        let byAngle = 2 * alpha * scale * turn
        let (squareP, squareT) = (p.width * p.width + p.height * p.height, t.width * t.width + t.height * t.height)
        terms.ofPred = Slopes(-quotient(byAngle * p.height, squareP), quotient(byAngle * p.width, squareP))
        terms.ofTarget = Slopes(quotient(byAngle * t.height, squareT), -quotient(byAngle * t.width, squareT))
        return terms
    }
}

private enum EIoUPenalty: Penalty {
    @inline(__always)
    static func terms(_ pair: Pair, _ options: boxgrad_box_loss_options) -> Terms {
        var terms = DIoUPenalty.terms(pair, options)
        let (cw, ch) = (pair.enclosingX, pair.enclosingY)
        let (squareX, squareY) = (cw * cw + pair.eps, ch * ch + pair.eps)
        let (w, h) = (pair.p.width - pair.t.width, pair.p.height - pair.t.height)
        let (wide, high) = (quotient(w * w, squareX), quotient(h * h, squareY))
        terms.value += wide + high
        terms.ofPred = Slopes(quotient(2 * w, squareX), quotient(2 * h, squareY))
        terms.ofTarget = Slopes(-terms.ofPred.x, -terms.ofPred.y)
        terms.enclosing.x -= 2 * cw * quotient(wide, squareX)
        terms.enclosing.y -= 2 * ch * quotient(high, squareY)
        return terms
    }
}

private enum SIoUPenalty: Penalty {
    @inline(__always)
    static func terms(_ pair: Pair, _ options: boxgrad_box_loss_options) -> Terms {
        let (dx, dy) = (pair.dx, pair.dy)
        // The sine of twice the angle between an axis and the line through the centres, and its slopes.
        let square = dx * dx + dy * dy + pair.eps
        let sine = quotient(2 * dx.magnitude * dy.magnitude, square)
        let sineByX = quotient(2 * sign(dx) * dy.magnitude - 2 * sine * dx, square)
        let sineByY = quotient(2 * sign(dy) * dx.magnitude - 2 * sine * dy, square)
        let eps = scaled(options.eps, pair.power)
        let (cw, ch) = (pair.enclosingX + eps, pair.enclosingY + eps)
        let (u, v) = (quotient(dx, cw), quotient(dy, ch))
        let (keptX, keptY) = (exp((sine - 2) * u * u), exp((sine - 2) * v * v))
        let bySine = -(keptX * u * u + keptY * v * v)
        let (byU, byV) = (2 * (2 - sine) * u * keptX, 2 * (2 - sine) * v * keptY)
        let (wide, high) = (shape(pair.p.width, pair.t.width, eps, options.theta), shape(pair.p.height, pair.t.height, eps, options.theta))
        var terms = Terms(((1 - keptX) + (1 - keptY) + (wide.value + high.value)) / 2)
        terms.shift = Slopes((quotient(byU, cw) + bySine * sineByX) / 2, (quotient(byV, ch) + bySine * sineByY) / 2)
        terms.enclosing = Slopes(-quotient(byU * u, cw) / 2, -quotient(byV * v, ch) / 2)
        (terms.ofPred, terms.ofTarget) = (Slopes(wide.byPred / 2, high.byPred / 2), Slopes(wide.byTarget / 2, high.byTarget / 2))
        return terms
    }

    /// Returns (1 - exp(-|a - b| / max(a, b)))^theta for two sides, with its slopes.
    @inline(__always)
    private static func shape(_ a: Double, _ b: Double, _ eps: Double, _ theta: Double) -> (value: Double, byPred: Double, byTarget: Double) {
        // The longer side is negative if both boxes are inverted.
        let longest = larger(larger(a, b) + eps, 0)
        let difference = quotient((a - b).magnitude, longest)
        let kept = exp(-difference)
        let slope = slopeOfPower(1 - kept, theta)
        let byDifference = slope * kept
        let (away, share) = (sign(a - b), shareOfLarger(a, b))
        return (
            (1 - kept) * slope / theta, quotient(byDifference * (away - difference * share), longest),
            quotient(byDifference * (-away - difference * (1 - share)), longest))
    }
}

private enum WIoUFactor: Penalty {
    static var usesEnclosing: Bool { false }

    @inline(__always)
    static func terms(_ pair: Pair, _ options: boxgrad_box_loss_options) -> Terms {
        let diagonal = pair.enclosingX * pair.enclosingX + pair.enclosingY * pair.enclosingY + pair.eps
        let distance = quotient(pair.dx * pair.dx + pair.dy * pair.dy, diagonal)
        // It is at most 1 unless a box is inverted.
        let isLarge = distance > 2
        var terms = Terms(exp(choose(isLarge, 2, distance)))
        let byDistance = choose(isLarge, 0, 2 * terms.value)
        terms.shift = Slopes(quotient(byDistance * pair.dx, diagonal), quotient(byDistance * pair.dy, diagonal))
        return terms
    }
}

private enum MPDIoUPenalty: Penalty {
    static var usesCorners: Bool { true }

    @inline(__always)
    static func terms(_ pair: Pair, _ options: boxgrad_box_loss_options) -> Terms {
        let (p, t) = (pair.p.box, pair.t.box)
        let unit = pair.power * (options.image_width * options.image_width + options.image_height * options.image_height).squareRoot()
        let apart = Box { ratio(p[$0] - t[$0], unit) }
        var terms = Terms((apart.x1 * apart.x1 + apart.y1 * apart.y1) + (apart.x2 * apart.x2 + apart.y2 * apart.y2))
        terms.corners = Box { ratio(2 * apart[$0], unit) }
        return terms
    }
}

private enum NWD: Penalty {
    static var usesEnclosing: Bool { false }

    @inline(__always)
    static func terms(_ pair: Pair, _ options: boxgrad_box_loss_options) -> Terms {
        let (w, h) = ((pair.p.width - pair.t.width) / 2, (pair.p.height - pair.t.height) / 2)
        let unit = pair.power * options.constant
        let distance = (pair.dx * pair.dx + pair.dy * pair.dy + (w * w + h * h)).squareRoot()
        let kept = exp(-ratio(distance, unit))
        var terms = Terms(1 - kept)
        let byDistance = quotient(kept, unit * distance)
        terms.shift = Slopes(byDistance * pair.dx, byDistance * pair.dy)
        terms.ofPred = Slopes(byDistance * w / 2, byDistance * h / 2)
        terms.ofTarget = Slopes(-terms.ofPred.x, -terms.ofPred.y)
        return terms
    }
}

private enum BoundedIoU: Penalty {
    static var usesEnclosing: Bool { false }

    @inline(__always)
    static func terms(_ pair: Pair, _ options: boxgrad_box_loss_options) -> Terms {
        let (p, t, eps) = (pair.p, pair.t, scaled(options.eps, pair.power))
        let (x, y) = (shifted(pair.dx, t.width, eps, options.beta), shifted(pair.dy, t.height, eps, options.beta))
        let (w, h) = (resized(p.width, t.width, eps, options.beta), resized(p.height, t.height, eps, options.beta))
        var terms = Terms((x.value + y.value) + (w.value + h.value))
        terms.shift = Slopes(x.byShift, y.byShift)
        terms.ofPred = Slopes(w.byPred, h.byPred)
        terms.ofTarget = Slopes(x.byTarget + w.byTarget, y.byTarget + h.byTarget)
        return terms
    }

    /// Returns 1 - (b - a) / b, the quotient being 0 if b is.
    @inline(__always)
    private static func complement(_ a: Double, _ b: Double) -> Double { choose(quotient(1, b) == 0, 1, quotient(a, b)) }

    /// Returns smooth L1 of x, which is not negative for boxes that are not inverted, and its slope.
    @inline(__always)
    private static func smooth(_ x: Double, _ beta: Double) -> (value: Double, slope: Double) {
        let isNear = x < beta
        let slope = choose(isNear, x / beta, 1)
        return (choose(isNear, x * slope / 2, x - beta / 2), slope)
    }

    /// Of two boxes with the target's width, one of them shifted: 1 - IoU, or 1 if they are apart.
    @inline(__always)
    private static func shifted(_ shift: Double, _ width: Double, _ eps: Double, _ beta: Double) -> (value: Double, byShift: Double, byTarget: Double) {
        let distance = 2 * shift.magnitude
        let union = width + distance + eps
        let share = shareOfLarger(quotient(width - distance, union), 0)
        let (value, slope) = smooth(choose(share > 0, complement(2 * distance + eps, union), 1), beta)
        let byUnion = quotient(slope * share, union)
        return (value, quotient(byUnion * sign(shift) * (4 * width + 2 * eps), union), -quotient(byUnion * (2 * distance + eps), union))
    }

    /// Of two boxes with one centre: 1 - the smaller side / the larger one.
    @inline(__always)
    private static func resized(_ a: Double, _ b: Double, _ eps: Double, _ beta: Double) -> (value: Double, byPred: Double, byTarget: Double) {
        let (longA, longB) = (a + eps, b + eps)
        let (ratioA, ratioB) = (quotient(b, longA), quotient(a, longB))
        let share = shareOfLarger(ratioB, ratioA)
        let (value, slope) = smooth(choose(share > 0, complement((a - b) + eps, longA), complement((b - a) + eps, longB)), beta)
        let (byA, byB) = (slope * share, slope * (1 - share))
        return (value, quotient(byA * ratioA, longA) - quotient(byB, longB), quotient(byB * ratioB, longB) - quotient(byA, longA))
    }
}
