import CBoxgrad
import Glibc

/// Computes one of the six metrics of boxes a and b.
struct Overlap {
    let value, union: Dual
    /// The largest of the terms whose sum is `value`.
    let scale: Double

    /// x has the corners of a, then those of b. A loss adds eps to every denominator, gives no gradient to the intersection of boxes that
    /// touch, and does not clamp.
    init(_ metric: Int32, _ x: [Dual], eps: Double, isLoss: Bool) {
        let (sizeA, sizeB) = ([x[2] - x[0], x[3] - x[1]], [x[6] - x[4], x[7] - x[5]])
        let shared = [0, 1].map { axis -> Dual in Dual.min(x[2 + axis], x[6 + axis]) - Dual.max(x[axis], x[4 + axis]) }
        let around = [0, 1].map { axis -> Dual in
            let side = Dual.max(x[2 + axis], x[6 + axis]) - Dual.min(x[axis], x[4 + axis])
            return isLoss ? side : side.clamped(0, .infinity)
        }
        let overlaps = shared.allSatisfy { $0.value > 0 }
        let inter = isLoss && !overlaps ? Dual(0) : shared[0].clamped(0, .infinity) * shared[1].clamped(0, .infinity)
        union = sizeA[0] * sizeA[1] + sizeB[0] * sizeB[1] - inter
        if metric == BOXGRAD_IOF || metric == BOXGRAD_IOS {
            let (areaA, areaB) = (sizeA[0] * sizeA[1], sizeB[0] * sizeB[1])
            value = inter / (metric == BOXGRAD_IOF ? areaA : Dual.min(areaA, areaB))
            scale = max(1, abs(value.value))
            return
        }
        let iou = inter / (isLoss ? union + eps : union)
        var penalties: [Dual] = []
        if metric == BOXGRAD_GIOU {
            let enclosing = around[0] * around[1]
            penalties.append((enclosing - union) / (isLoss ? enclosing + eps : enclosing))
        }
        if metric == BOXGRAD_DIOU || metric == BOXGRAD_CIOU {
            let apart = [0, 1].map { axis -> Dual in 0.5 * (x[axis] + x[2 + axis]) - 0.5 * (x[4 + axis] + x[6 + axis]) }
            let diagonal = around[0].squared + around[1].squared
            penalties.append((apart[0].squared + apart[1].squared) / (diagonal + eps))
        }
        if metric == BOXGRAD_CIOU {
            let difference = Overlap.angle(sizeB) - Overlap.angle(sizeA)
            let v = 4 / (Double.pi * Double.pi) * difference.squared
            let alpha = v / (Dual(1) - iou + v + eps)
            penalties.append(alpha.stopped * v)
        }
        value = penalties.reduce(iou) { $0 - $1 }
        scale = max(1, penalties.reduce(abs(iou.value)) { max($0, abs($1.value)) })
    }

    /// Returns atan(w / h). For h = 0 it returns the limit, and for a box that is a point it returns 0.
    private static func angle(_ size: [Dual]) -> Dual {
        let (w, h) = (size[0], size[1])
        let square = w.squared + h.squared
        let slopes = (h.stopped / square.stopped).value * w - (w.stopped / square.stopped).value * h
        let value = h.value != 0 ? atan(w.value / h.value) : (w.value == 0 ? 0 : copysign(.pi / 2, w.value))
        return Dual(value, slopes.derivative, slopes.term)
    }
}
