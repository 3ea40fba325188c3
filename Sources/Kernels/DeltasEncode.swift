// These kernels encode targets as deltas against proposals, and compute the gradient with respect to both.

import CBoxgrad
import CShims

/// Holds the four deltas of a row, a gradient with respect to them, their means, or their stds.
struct Deltas<T: Real>: Row {
    var dx, dy, dw, dh: T

    static var columns: Int { @inline(__always) get { 4 } }

    @inline(__always)
    init(_ dx: T, _ dy: T, _ dw: T, _ dh: T) { (self.dx, self.dy, self.dw, self.dh) = (dx, dy, dw, dh) }

    @inline(__always)
    init(_ element: (Int) -> T) { self.init(element(0), element(1), element(2), element(3)) }

    /// Converts a field of the options to the kernel's type.
    @inline(__always)
    init(option field: (Double, Double, Double, Double)) { self.init(T(field.0), T(field.1), T(field.2), T(field.3)) }

    /// Stores 1 / stds, which torchvision calls weights.
    @inline(__always)
    init(inverseOf stds: (Double, Double, Double, Double)) { self.init(option: (1 / stds.0, 1 / stds.1, 1 / stds.2, 1 / stds.3)) }

    subscript(column: Int) -> T {
        @inline(__always)
        get {
            switch column {
            case 0: dx
            case 1: dy
            case 2: dw
            default: dh
            }
        }
    }
}

/// Whether both sides of the box are positive finite numbers. Encoding divides by such sides, and takes their logarithm.
@inline(__always)
func isSound<T: Real>(_ box: Box<T>) -> Bool {
    let (w, h) = (box.x2 - box.x1, box.y2 - box.y1)
    return both(both(w > 0, isFinite(w)), both(h > 0, isFinite(h)))
}

/// Counts the rows in which the proposal or the target is degenerate, finds the first of them, and marks each row with 1 if it is
/// degenerate, else with 0.
@inline(never)
func deltaDegenerate<T: Real>(_ call: DeltaDegenerate<T>, _ rows: Range<Int>) {
    let (proposals, targets) = (call.proposals, call.targets)
    @inline(__always)
    func find(_ space: Workspace) {
        let (r, t): (Tile<Box<T>>, Tile<Box<T>>) = (space.tile(0), space.tile(1))
        let degenerate = space.column(0, of: UInt8.self)
        var (found, first) = (0, 0)
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            r.load(proposals, start, length)
            t.load(targets, start, length)
            var any: UInt8 = 0
            for k in 0..<tileWidth {
                degenerate[k] = bit(!both(isSound(r[k]), isSound(t[k])))
                any |= degenerate[k]
            }
            if let marks = call.marks { copy(degenerate, to: marks + start, length) }
            guard any != 0 else { continue }
            for k in 0..<length where degenerate[k] != 0 {
                if found == 0 { first = start &+ k }
                found &+= 1
            }
        }
        guard found > 0 else { return }
        bgi_add(call.found, found)
        bgi_lower(call.first, first)
    }
    Workspace.with(find)
}

/// Encodes one axis of a proposal r and a target t.
private struct DeltaAxis<T: Real> {
    let size, targetSize, shift: T
    /// The sizes are subtracted in double. If they were rounded to float first, the logarithm of their ratio would lose its accuracy where
    /// they are nearly equal.
    let exactSize, exactTargetSize: Double

    /// Computes the shift from differences of corners. Centres far from the origin would be rounded to fewer digits than their difference
    /// needs.
    @inline(__always)
    init(_ r1: T, _ r2: T, _ t1: T, _ t2: T) {
        size = r2 - r1
        targetSize = t2 - t1
        shift = ((t1 - r1) / 2 + (t2 - r2) / 2) / size
        exactSize = Double(r2) - Double(r1)
        exactTargetSize = Double(t2) - Double(t1)
    }

    /// Returns the gradients with respect to r1, r2, t1 and t2.
    @inline(__always)
    func gradient(_ byShift: T, _ byLogRatio: T) -> (r1: T, r2: T, t1: T, t2: T) {
        let byCenter = byShift / size / 2
        let bySize = (byShift * shift + byLogRatio) / size
        let byTargetSize = byLogRatio / targetSize
        return (bySize - byCenter, -bySize - byCenter, byCenter - byTargetSize, byCenter + byTargetSize)
    }
}

/// Encodes one row. It holds the options in the kernel's type, which are the same for all rows.
struct DeltaEncoder<T: Real> {
    private let mean, perStd: Deltas<T>

    @inline(__always)
    init(_ options: boxgrad_delta_options) { (mean, perStd) = (Deltas(option: options.means), Deltas(inverseOf: options.stds)) }

    @inline(__always)
    func deltas(_ proposal: Box<T>, _ target: Box<T>, ofAnyRatio: Bool) -> Deltas<T> {
        @inline(__always)
        func logOfRatio(_ a: Double, _ b: Double) -> T { ofAnyRatio ? log(ratioOf: a, to: b) : log(ratioOfPositive: a, to: b) }
        let x = DeltaAxis(proposal.x1, proposal.x2, target.x1, target.x2)
        let y = DeltaAxis(proposal.y1, proposal.y2, target.y1, target.y2)
        return Deltas(
            (x.shift - mean.dx) * perStd.dx, (y.shift - mean.dy) * perStd.dy,
            (logOfRatio(x.exactTargetSize, x.exactSize) - mean.dw) * perStd.dw,
            (logOfRatio(y.exactTargetSize, y.exactSize) - mean.dh) * perStd.dh)
    }

    @inline(__always)
    func gradients(_ proposal: Box<T>, _ target: Box<T>, _ gradient: Deltas<T>) -> (proposal: Box<T>, target: Box<T>) {
        let x = DeltaAxis(proposal.x1, proposal.x2, target.x1, target.x2).gradient(gradient.dx * perStd.dx, gradient.dw * perStd.dw)
        let y = DeltaAxis(proposal.y1, proposal.y2, target.y1, target.y2).gradient(gradient.dy * perStd.dy, gradient.dh * perStd.dh)
        return (Box(x.r1, y.r1, x.r2, y.r2), Box(x.t1, y.t1, x.t2, y.t2))
    }
}

@inline(never)
func deltaEncode<T: Real>(_ call: DeltaEncode<T>, _ rows: Range<Int>) {
    let (options, proposals, targets) = (call.options, call.proposals, call.targets)
    let encoder = DeltaEncoder<T>(options)
    let zero = options.on_degenerate == BOXGRAD_DEGENERATE_ZERO
    // These are functions and not closures, because the compiler would call a closure for every box, and then the loop would not vectorise.
    @inline(__always)
    func encode(_ space: Workspace, ofAnyRatio: Bool) {
        let (r, t): (Tile<Box<T>>, Tile<Box<T>>) = (space.tile(0), space.tile(1))
        let d: Tile<Deltas<T>> = space.tile(2)
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            r.load(proposals, start, length)
            t.load(targets, start, length)
            for k in 0..<tileWidth { d[k] = encoder.deltas(r[k], t[k], ofAnyRatio: ofAnyRatio) }
            if zero { d.keep { both(isSound(r[$0]), isSound(t[$0])) } }
            d.store(MutableRows(call.deltas, stride: 4), start, length)
        }
    }
    @inline(__always)
    func encodeAny(_ space: Workspace) { encode(space, ofAnyRatio: true) }
    @inline(__always)
    func encodeSound(_ space: Workspace) { encode(space, ofAnyRatio: false) }
    // Only PROPAGATE asks for the formula's result on boxes that are not sound. With the other codes such boxes are errors, or their deltas
    // become zeros, so that the logarithm may assume positive finite sizes.
    if options.on_degenerate == BOXGRAD_DEGENERATE_PROPAGATE {
        Workspace.with(encodeAny)
    } else {
        Workspace.with(encodeSound)
    }
}

@inline(never)
func deltaEncodeGrad<T: Real>(_ call: DeltaEncodeGrad<T>, _ rows: Range<Int>) {
    let (options, proposals, targets) = (call.options, call.proposals, call.targets)
    let encoder = DeltaEncoder<T>(options)
    let zero = options.on_degenerate == BOXGRAD_DEGENERATE_ZERO
    @inline(__always)
    func differentiate(_ space: Workspace) {
        let (r, t): (Tile<Box<T>>, Tile<Box<T>>) = (space.tile(0), space.tile(1))
        let g: Tile<Deltas<T>> = space.tile(2)
        let (slopesR, slopesT): (Tile<Box<T>>, Tile<Box<T>>) = (space.tile(3), space.tile(4))
        var tiles = Tiles(rows)
        while let (start, length) = tiles.next() {
            r.load(proposals, start, length)
            t.load(targets, start, length)
            g.load(Rows(call.gradDeltas, stride: 4), start, length)
            for k in 0..<tileWidth {
                let slopes = encoder.gradients(r[k], t[k], g[k])
                (slopesR[k], slopesT[k]) = (slopes.proposal, slopes.target)
            }
            if zero {
                slopesR.keep { both(isSound(r[$0]), isSound(t[$0])) }
                slopesT.keep { both(isSound(r[$0]), isSound(t[$0])) }
            }
            if let gradProposals = call.gradProposals { slopesR.store(MutableRows(gradProposals, stride: 4), start, length) }
            if let gradTargets = call.gradTargets { slopesT.store(MutableRows(gradTargets, stride: 4), start, length) }
        }
    }
    Workspace.with(differentiate)
}
