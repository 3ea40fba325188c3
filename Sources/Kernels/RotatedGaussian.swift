// The losses of rotated boxes as Gaussians, with both gradients in one pass: a box is the normal distribution that has its centre, and its sides
// as axes. Sums and differences of matrices are written with the differences of the sides and with the sine of the angle between the boxes, so that
// equal boxes have exactly no distance, and nearly equal ones keep its digits. Everything is computed in double, for float, too, so that every loop
// is compiled once.
//
// A tile takes four steps: the boxes are prepared, pairs are made of them, a distance is measured with its slopes, and the loss is made of it.

import CBoxgrad
import CShims

@inline(never)
func rotatedGaussianLoss<T: Real>(_ call: RotatedGaussianLoss<T>, _ rows: Range<Int>) {
    let convention = AngleConvention(call.angle)
    @inline(__always)
    func sum(_ tiles: GaussianTiles) -> Double {
        var sum = BlockSum()
        var next = Tiles(rows)
        while let (start, length) = next.next() {
            tiles.fill(tiles.p, call.pred, start, length, convention)
            tiles.fill(tiles.t, call.target, start, length, convention)
            tiles.pair()
            tiles.measure(call.kind, call.options)
            tiles.evaluate(call.kind, call.options)
            for k in 0..<tileWidth { tiles.weights[k] = 1 }
            if let weights = call.weights { for k in 0..<length { tiles.weights[k] = Double(weights[start &+ k]) } }
            tiles.finish(convention.radians, 1 / call.normalizer)
            sum.add(tiles.losses, length)
            if let perBox = call.perBox { for k in 0..<length { perBox[start &+ k] = T(tiles.losses[k]) } }
            if let gradPred = call.gradPred { store(tiles.ofPred, gradPred + 5 &* start, length) }
            if let gradTarget = call.gradTarget { store(tiles.ofTarget, gradTarget + 5 &* start, length) }
        }
        return sum.total
    }
    call.sums.store(GaussianTiles.with(sum), rows)
}

// This and `fill` are not inlined, because their loops would be unrolled each time.
@inline(never)
private func store<T: Real>(_ slopes: Tile<RotatedRow<Double>>, _ out: UnsafeMutablePointer<T>, _ length: Int) {
    for k in 0..<length {
        for index in 0..<5 { out[5 &* k &+ index] = T(slopes.column(index)[k]) }
    }
}

/// A pair of boxes. The first sides are those nearest to each other in direction: the target is turned by a quarter turn, and its sides exchanged,
/// if that makes the angle between the boxes smaller.
private struct GaussianPair: Row {
    /// From the target's centre to pred's, along pred's sides and along the target's.
    let u, v, targetU, targetV: Double
    let p, t: Sides
    /// Of the angle from the target to pred: the square of the sine, and the sine times the cosine.
    let square, product: Double

    // With one more, the compiler would not unroll the loop that stores a row, and not vectorise the loop that makes pairs.
    static var columns: Int { @inline(__always) get { 10 } }

    @inline(__always)
    init(_ element: (Int) -> Double) {
        (u, v, targetU, targetV) = (element(0), element(1), element(2), element(3))
        (p, t) = (Sides(element(4), element(5)), Sides(element(6), element(7)))
        (square, product) = (element(8), element(9))
    }

    @inline(__always)
    init(_ pred: RotatedBox<Double>, _ target: RotatedBox<Double>) {
        let (cosine, sine) = Self.turn(pred, target)
        let isTurned = Self.isTurned(pred, target)
        // No square of a distance overflows.
        let (dx, dy) = (clamp(pred.x - target.x, -0x1p400, 0x1p400), clamp(pred.y - target.y, -0x1p400, 0x1p400))
        let (c, s) = Self.direction(target, isTurned)
        (u, v) = (pred.c * dx + pred.s * dy, pred.c * dy - pred.s * dx)
        (targetU, targetV) = (c * dx + s * dy, c * dy - s * dx)
        p = Sides(limited(2 * pred.p), limited(2 * pred.q))
        let (w, h) = (limited(2 * target.p), limited(2 * target.q))
        t = Sides(choose(isTurned, h, w), choose(isTurned, w, h))
        let small = choose(isTurned, cosine, sine)
        square = small * small
        product = choose(isTurned, -1, 1) * (sine * cosine)
    }

    /// The cosine and the sine of the angle from the target to pred.
    @inline(__always)
    private static func turn(_ pred: RotatedBox<Double>, _ target: RotatedBox<Double>) -> (cosine: Double, sine: Double) {
        (target.c * pred.c + target.s * pred.s, target.c * pred.s - target.s * pred.c)
    }

    @inline(__always)
    static func isTurned(_ pred: RotatedBox<Double>, _ target: RotatedBox<Double>) -> Bool {
        let turn = turn(pred, target)
        return turn.sine.magnitude > turn.cosine.magnitude
    }

    /// The direction of the target's first side.
    @inline(__always)
    static func direction(_ target: RotatedBox<Double>, _ isTurned: Bool) -> (c: Double, s: Double) {
        (choose(isTurned, 0 - target.s, target.c), choose(isTurned, target.c, target.s))
    }

    subscript(column: Int) -> Double {
        @inline(__always)
        get {
            switch column {
            case 0: u
            case 1: v
            case 2: targetU
            case 3: targetV
            case 4: p.w
            case 5: p.h
            case 6: t.w
            case 7: t.h
            case 8: square
            default: product
            }
        }
    }

    /// The product of all four sides.
    @inline(__always)
    var areas: Double { (p.w * p.h) * (t.w * t.h) }

    /// The determinant of the sum of both matrices, whose eigenvalues are the squares of the sides.
    @inline(__always)
    var determinant: Double { (p.w * p.w + t.w * t.w) * (p.h * p.h + t.h * t.h) + square * (p.squares * t.squares) }
}

/// Two sides of a box.
private struct Sides {
    let w, h: Double

    @inline(__always)
    init(_ w: Double, _ h: Double) { (self.w, self.h) = (w, h) }

    /// The difference of their squares.
    @inline(__always)
    var squares: Double { (w - h) * (w + h) }
}

/// The least and the largest side of a Gaussian.
private let leastSide = 1e-7
private let largestSide = 1e7

@inline(__always)
private func limited(_ side: Double) -> Double { clamp(side, leastSide, largestSide) }

/// The slopes of a distance by the numbers of a pair.
private struct GaussianSlopes: Row {
    let u, v, targetU, targetV: Double
    let p, t: Sides
    /// By the angles of pred and of the target.
    let turnP, turnT: Double

    static var columns: Int { @inline(__always) get { 10 } }

    @inline(__always)
    init(_ u: Double, _ v: Double, _ targetU: Double, _ targetV: Double, _ p: Sides, _ t: Sides, _ turnP: Double, _ turnT: Double) {
        (self.u, self.v, self.targetU, self.targetV, self.p, self.t) = (u, v, targetU, targetV, p, t)
        (self.turnP, self.turnT) = (turnP, turnT)
    }

    @inline(__always)
    init(_ element: (Int) -> Double) {
        self.init(
            element(0), element(1), element(2), element(3), Sides(element(4), element(5)), Sides(element(6), element(7)), element(8), element(9))
    }

    subscript(column: Int) -> Double {
        @inline(__always)
        get {
            switch column {
            case 0: u
            case 1: v
            case 2: targetU
            case 3: targetV
            case 4: p.w
            case 5: p.h
            case 6: t.w
            case 7: t.h
            case 8: turnP
            default: turnT
            }
        }
    }
}

/// Tiles of prepared boxes, of pairs, and of what is computed of them, on the stack.
private struct GaussianTiles {
    private let base: UnsafeMutablePointer<Double>

    @inline(__always)
    private func column(_ index: Int) -> UnsafeMutablePointer<Double> { base + index &* tileWidth }

    @inline(__always)
    var p: RotatedColumns<Double> { RotatedColumns(base: column(0)) }
    @inline(__always)
    var t: RotatedColumns<Double> { RotatedColumns(base: column(9)) }
    @inline(__always)
    private var pairs: Tile<GaussianPair> { Tile(base: column(18)) }
    @inline(__always)
    private var slopes: Tile<GaussianSlopes> { Tile(base: column(28)) }
    @inline(__always)
    var ofPred: Tile<RotatedRow<Double>> { Tile(base: column(38)) }
    @inline(__always)
    var ofTarget: Tile<RotatedRow<Double>> { Tile(base: column(43)) }
    /// Distances, which become losses, and d loss / d distance.
    @inline(__always)
    var losses: UnsafeMutablePointer<Double> { column(48) }
    @inline(__always)
    private var factors: UnsafeMutablePointer<Double> { column(49) }
    @inline(__always)
    var weights: UnsafeMutablePointer<Double> { column(50) }

    @inline(__always)
    static func with<R>(_ body: (Self) -> R) -> R {
        var memory = InlineArray<204, SIMD8<Double>> { memory in
            memory.withUnsafeMutableBufferPointer { _, count in count = 204 }
        }
        return withUnsafeMutablePointer(to: &memory) { body(Self(base: UnsafeMutableRawPointer($0).assumingMemoryBound(to: Double.self))) }
    }

    /// Takes rows of a call.
    @inline(never)
    func fill<T: Real>(_ boxes: RotatedColumns<Double>, _ rows: Rows<T>, _ start: Int, _ length: Int, _ convention: AngleConvention) {
        let packed = ofPred.base
        for k in 0..<length {
            let row = rows[start &+ k]
            for index in 0..<5 { packed[5 &* k &+ index] = Double(row[index]) }
        }
        boxes.fill(Rows(UnsafePointer(packed), stride: 5), 0, length, convention)
    }

    @inline(never)
    func pair() {
        for k in 0..<tileWidth { pairs[k] = GaussianPair(p[k], t[k]) }
    }

    @inline(__always)
    func measure(_ kind: Int32, _ options: boxgrad_gaussian_loss_options) {
        switch kind {
        case BOXGRAD_GAUSSIAN_GWD: measure(Wasserstein.self, kind, options)
        case BOXGRAD_GAUSSIAN_KLD...BOXGRAD_GAUSSIAN_SMALLER_KLD: measure(KullbackLeibler.self, kind, options)
        case BOXGRAD_GAUSSIAN_KFIOU...BOXGRAD_GAUSSIAN_EXP_KFIOU: measure(KalmanIoU.self, kind, options)
        default: measure(Bhattacharyya.self, kind, options)
        }
    }

    @inline(never)
    private func measure<D: GaussianDistance>(_: D.Type, _ kind: Int32, _ options: boxgrad_gaussian_loss_options) {
        for k in 0..<tileWidth { (losses[k], slopes[k]) = D.measured(pairs[k], kind, options) }
    }

    /// Makes losses of the distances, and the factors of the slopes.
    @inline(never)
    func evaluate(_ kind: Int32, _ options: boxgrad_gaussian_loss_options) {
        switch kind {
        case BOXGRAD_GAUSSIAN_KFIOU: for k in 0..<tileWidth { factors[k] = 1 }
        case BOXGRAD_GAUSSIAN_LOG_KFIOU:
            for k in 0..<tileWidth {
                let share = losses[k] + options.eps
                (losses[k], factors[k]) = (log(ratioOfPositive: 1, to: share), 1 / share)
            }
        case BOXGRAD_GAUSSIAN_EXP_KFIOU:
            for k in 0..<tileWidth { (losses[k], factors[k]) = (expMinusOne(losses[k]), exp(losses[k])) }
        case BOXGRAD_GAUSSIAN_PROBIOU:
            for k in 0..<tileWidth {
                let distance = losses[k]
                let root = (0 - expMinusOne(0 - distance)).squareRoot()
                (losses[k], factors[k]) = (root, choose(root > 0, exp(0 - distance) / (2 * root), 0))
            }
        case BOXGRAD_GAUSSIAN_BHATTACHARYYA: for k in 0..<tileWidth { factors[k] = 1 }
        default: reshape(options, isRoot: kind == BOXGRAD_GAUSSIAN_GWD || options.root != 0)
        }
    }

    /// Makes losses of the distances of Wasserstein, which are squares, and of Kullback and Leibler.
    @inline(__always)
    private func reshape(_ options: boxgrad_gaussian_loss_options, isRoot: Bool) {
        let (isLogarithm, isSecondRoot) = (options.function == BOXGRAD_GAUSSIAN_LOG1P, options.function == BOXGRAD_GAUSSIAN_SQRT)
        let (tau, saturates) = (options.tau, options.tau >= 1)
        for k in 0..<tileWidth {
            // Of equal boxes, a root has no slope.
            let isNone = !(losses[k] > 0x1p-900)
            let measured = choose(isNone, 1, losses[k])
            let root = measured.squareRoot()
            let distance = choose(isRoot, root, measured)
            let second = distance.squareRoot()
            let shaped = choose(isLogarithm, log(onePlus: distance), choose(isSecondRoot, second, distance))
            let slope = choose(isLogarithm, 1 / (1 + distance), choose(isSecondRoot, 0.5 / second, 1)) * choose(isRoot, 0.5 / root, 1)
            let value = choose(isNone, 0, shaped)
            let steepness = choose(isNone, choose(isRoot || isSecondRoot, 0, 1), slope)
            let divisor = tau + value
            losses[k] = choose(saturates, ((tau - 1) + value) / divisor, value)
            factors[k] = choose(saturates, steepness / divisor / divisor, steepness)
        }
    }

    /// Multiplies losses by their weights, and makes gradients of the slopes. `radians` are those of an angle of 1.
    @inline(never)
    func finish(_ radians: Double, _ scale: Double) {
        for k in 0..<tileWidth {
            let (pair, by, pred, target) = (pairs[k], slopes[k], p[k], t[k])
            // A number that is not finite makes NaN of everything.
            let nothing = pair.u - pair.u
            losses[k] = weights[k] * (losses[k] + nothing)
            let factor = (factors[k] + nothing) * weights[k] * scale
            let isTurned = GaussianPair.isTurned(pred, target)
            let (c, s) = GaussianPair.direction(target, isTurned)
            let x = (pred.c * by.u - pred.s * by.v) + (c * by.targetU - s * by.targetV)
            let y = (pred.s * by.u + pred.c * by.v) + (s * by.targetU + c * by.targetV)
            let (w, h) = (choose(isTurned, by.t.h, by.t.w), choose(isTurned, by.t.w, by.t.h))
            ofPred[k] = RotatedRow(
                x * factor, y * factor, clampGradient(2 * pred.p, leastSide, largestSide, by.p.w * factor) + nothing,
                clampGradient(2 * pred.q, leastSide, largestSide, by.p.h * factor) + nothing, by.turnP * radians * factor)
            ofTarget[k] = RotatedRow(
                0 - x * factor, 0 - y * factor, clampGradient(2 * target.p, leastSide, largestSide, w * factor) + nothing,
                clampGradient(2 * target.q, leastSide, largestSide, h * factor) + nothing, by.turnT * radians * factor)
        }
    }
}

/// Says which distance is measured, as a type.
private protocol GaussianDistance {
    static func measured(_ pair: GaussianPair, _ kind: Int32, _ options: boxgrad_gaussian_loss_options) -> (Double, GaussianSlopes)
}

/// The square of the distance of Wasserstein.
private enum Wasserstein: GaussianDistance {
    @inline(__always)
    static func measured(_ pair: GaussianPair, _ kind: Int32, _ options: boxgrad_gaussian_loss_options) -> (Double, GaussianSlopes) {
        let (p, t, part) = (pair.p, pair.t, options.alpha * options.alpha / 4)
        let (w, h) = (p.w - t.w, p.h - t.h)
        // Of parallel boxes the trace of the root is half of this sum. The turn makes it half of the root of its square less `turned`.
        let parallel = p.w * t.w + p.h * t.h
        let turned = pair.square * (p.squares * t.squares)
        let root = (parallel * parallel - turned).squareRoot()
        let lost = turned / (parallel + root)
        let distance = (pair.u * pair.u + pair.v * pair.v) + part * ((w * w + h * h) + 2 * lost)
        let (share, byP, byT) = (lost / root, pair.square * t.squares / root, pair.square * p.squares / root)
        let (twice, byTurn) = (2 * part, 2 * part * pair.product * (p.squares * t.squares) / root)
        let (pw, ph) = (twice * ((w - t.w * share) + p.w * byP), twice * ((h - t.h * share) - p.h * byP))
        let (tw, th) = (twice * ((0 - w - p.w * share) + t.w * byT), twice * ((0 - h - p.h * share) - t.h * byT))
        // It is divided by the root of the areas' product, or by 1.
        let unit = choose(options.normalized != 0, pair.areas.squareRoot(), 1)
        let value = distance / unit
        let half = choose(options.normalized != 0, value / 2, 0)
        return (
            value,
            GaussianSlopes(
                2 * pair.u / unit, 2 * pair.v / unit, 0, 0, Sides(pw / unit - half / p.w, ph / unit - half / p.h),
                Sides(tw / unit - half / t.w, th / unit - half / t.h), byTurn / unit, 0 - byTurn / unit)
        )
    }
}

/// The divergence of Kullback and Leibler: of the target from pred, of both from each other, or the larger or the smaller of the two.
private enum KullbackLeibler: GaussianDistance {
    @inline(__always)
    static func measured(_ pair: GaussianPair, _ kind: Int32, _ options: boxgrad_gaussian_loss_options) -> (Double, GaussianSlopes) {
        let there = Divergence(pair.u, pair.v, pair.p, pair.t, pair.square, pair.product, options.alpha)
        let back = Divergence(pair.targetU, pair.targetV, pair.t, pair.p, pair.square, pair.product, options.alpha)
        // Both are equal where the boxes have the same sides, and are squares or parallel. Rounding shall not choose one of them.
        let (sum, difference) = (there.value + back.value, there.value - back.value)
        let isTie = !(difference.magnitude > 0x1p-48 * sum)
        let ofLarger = choose(isTie, 0.5, choose(difference > 0, 1, 0))
        let (isForward, isMean, isLarger) = (kind == BOXGRAD_GAUSSIAN_KLD, kind == BOXGRAD_GAUSSIAN_JEFFREYS, kind == BOXGRAD_GAUSSIAN_LARGER_KLD)
        let share = choose(isForward, 1, choose(isMean, 0.5, choose(isLarger, ofLarger, 1 - ofLarger)))
        let rest = 1 - share
        let ofBoth = choose(isLarger, larger(there.value, back.value), smaller(there.value, back.value))
        return (
            choose(isForward, there.value, choose(isMean, sum / 2, ofBoth)),
            GaussianSlopes(
                share * there.u, share * there.v, rest * back.u, rest * back.v,
                Sides(share * there.own.w + rest * back.other.w, share * there.own.h + rest * back.other.h),
                Sides(share * there.other.w + rest * back.own.w, share * there.other.h + rest * back.own.h),
                share * (there.ownTurn + there.turn) + rest * back.turn, rest * (back.ownTurn - back.turn) - share * there.turn)
        )
    }

    private struct Divergence {
        let value, u, v: Double
        /// By the own angle, where the angle between both stays, and by the angle between both.
        let ownTurn, turn: Double
        let own, other: Sides

        /// (u, v) is what is between the centres, along the own sides.
        @inline(__always)
        init(_ u: Double, _ v: Double, _ own: Sides, _ other: Sides, _ square: Double, _ product: Double, _ alpha: Double) {
            let (alongW, alongH, perAlpha) = (u / own.w, v / own.h, 1 / (alpha * alpha))
            let (growthW, growthH) = ((other.w - own.w) / own.w, (other.h - own.h) / own.h)
            // w^2 - 1 - log w^2 of a quotient w of sides.
            let (excessW, excessH) = (excessOverLog(ofRatio: other.w, to: own.w), excessOverLog(ofRatio: other.h, to: own.h))
            let shape = (growthW * growthW + growthH * growthH) / 2 + (excessW + excessH)
            let thinness = own.squares / (own.w * own.w) / (own.h * own.h)
            let distance = 2 * perAlpha * (alongW * alongW + alongH * alongH)
            value = distance + (shape + square * other.squares * thinness / 2)
            (self.u, self.v) = (4 * perAlpha * alongW / own.w, 4 * perAlpha * alongH / own.h)
            let (byW, byH) = (growthW * (2 + growthW), growthH * (2 + growthH))
            let (turned, tilt) = (square * other.squares, square * thinness)
            self.own = Sides(
                (turned / own.w / own.w - byW - 4 * perAlpha * alongW * alongW) / own.w,
                (0 - turned / own.h / own.h - byH - 4 * perAlpha * alongH * alongH) / own.h)
            self.other = Sides(byW / other.w + other.w * tilt, byH / other.h - other.h * tilt)
            ownTurn = 0 - 4 * perAlpha * u * v * thinness
            turn = product * other.squares * thinness
        }
    }
}

/// 1 - the IoU of Kalman filters, or for its logarithm the IoU, with the slopes of 1 - it: what is common to both has the matrix P (P + T)^-1 T.
private enum KalmanIoU: GaussianDistance {
    @inline(__always)
    static func measured(_ pair: GaussianPair, _ kind: Int32, _ options: boxgrad_gaussian_loss_options) -> (Double, GaussianSlopes) {
        let (p, t, determinant) = (pair.p, pair.t, pair.determinant)
        let (areaP, areaT) = (p.w * p.h, t.w * t.h)
        let inter = pair.areas / determinant.squareRoot()
        let whole = areaP + areaT + options.eps
        let union = whole - inter
        let scale = inter / union / union
        /// The slope by a side: `rest` is the slope of the logarithm of the inter, times the side and the determinant.
        @inline(__always)
        func slope(_ rest: Double, _ side: Double, _ area: Double) -> Double { (area - whole * (rest / determinant)) * scale / side }
        let (sumW, sumH) = (p.w * p.w + t.w * t.w, p.h * p.h + t.h * t.h)
        let (turnP, turnT) = (pair.square * t.squares, pair.square * p.squares)
        let byPW = slope(t.w * t.w * sumH - p.h * p.h * turnP, p.w, areaP), byPH = slope(t.h * t.h * sumW + p.w * p.w * turnP, p.h, areaP)
        let byTW = slope(p.w * p.w * sumH - t.h * t.h * turnT, t.w, areaT), byTH = slope(p.h * p.h * sumW + t.w * t.w * turnT, t.h, areaT)
        let turn = pair.product * (p.squares * t.squares) / determinant * whole * scale
        let value = choose(kind == BOXGRAD_GAUSSIAN_LOG_KFIOU, inter, whole - 2 * inter) / union
        return (value, GaussianSlopes(0, 0, 0, 0, Sides(byPW, byPH), Sides(byTW, byTH), turn, 0 - turn))
    }
}

/// The distance of Bhattacharyya.
private enum Bhattacharyya: GaussianDistance {
    @inline(__always)
    static func measured(_ pair: GaussianPair, _ kind: Int32, _ options: boxgrad_gaussian_loss_options) -> (Double, GaussianSlopes) {
        let (p, t, determinant, areas) = (pair.p, pair.t, pair.determinant, pair.areas)
        let (w, h) = (p.w - t.w, p.h - t.h)
        let (unlikeW, unlikeH) = (w * w / (2 * p.w * t.w), h * h / (2 * p.h * t.h))
        // The determinant over that of equal boxes is 1 and this.
        let growth = (unlikeW + unlikeH) + (unlikeW * unlikeH + pair.square * (p.squares * t.squares) / (4 * areas))
        let (squareU, squareV) = (pair.u * pair.u, pair.v * pair.v)
        let (targetU, targetV) = (pair.targetU * pair.targetU, pair.targetV * pair.targetV)
        let along = (p.h * p.h * squareU + p.w * p.w * squareV) + (t.h * t.h * targetU + t.w * t.w * targetV)
        let distance = 3 * (along / determinant)
        let value = distance + log(onePlus: larger(growth, 0)) / 2
        let (sumW, sumH) = (p.w * p.w + t.w * t.w, p.h * p.h + t.h * t.h)
        let (turnP, turnT) = (pair.square * t.squares, pair.square * p.squares)
        /// The slope by a side: `unlike` is the slope of the logarithm, times the side and the determinant.
        @inline(__always)
        func slope(_ side: Double, _ across: Double, _ byDeterminant: Double, _ unlike: Double) -> Double {
            (2 * side * (3 * across - distance * byDeterminant) + unlike / (2 * side)) / determinant
        }
        let (squares, sums) = ((w: w * (p.w + t.w), h: h * (p.h + t.h)), (p: p.w * p.w + p.h * p.h, t: t.w * t.w + t.h * t.h))
        let ofP = Sides(
            slope(p.w, squareV, sumH + turnP, squares.w * sumH + sums.p * turnP),
            slope(p.h, squareU, sumW - turnP, squares.h * sumW - sums.p * turnP))
        let ofT = Sides(
            slope(t.w, targetV, sumH + turnT, sums.t * turnT - squares.w * sumH),
            slope(t.h, targetU, sumW - turnT, 0 - sums.t * turnT - squares.h * sumW))
        let (perU, perV) = (6 * p.h * p.h / determinant, 6 * p.w * p.w / determinant)
        let (perTargetU, perTargetV) = (6 * t.h * t.h / determinant, 6 * t.w * t.w / determinant)
        let turn = pair.product * (p.squares * t.squares) / determinant * (1 - 2 * distance)
        return (
            value,
            GaussianSlopes(
                perU * pair.u, perV * pair.v, perTargetU * pair.targetU, perTargetV * pair.targetV, ofP, ofT,
                turn - 6 * pair.u * pair.v * p.squares / determinant, 0 - turn - 6 * pair.targetU * pair.targetV * t.squares / determinant)
        )
    }
}
