/// The number of boxes that kernels work on at a time. Four columns of that many doubles are 1024 bytes, the most that
/// withUnsafeTemporaryAllocation puts on the stack unconditionally: no kernel allocates.
let tileWidth = 32

/// Up to 32 rows of four (boxes, deltas, gradients) turned into four columns, so that loops over them vectorise whatever the
/// rows' stride. Loops always run over the whole width, a constant; a short tile is filled up with zeros.
struct Tile<T: Real> {
    let x1, y1, x2, y2: UnsafeMutablePointer<T>

    @inline(__always)
    init(_ base: UnsafeMutablePointer<T>) {
        x1 = base
        y1 = base + tileWidth
        x2 = base + 2 &* tileWidth
        y2 = base + 3 &* tileWidth
    }

    @inline(__always)
    func load(_ rows: UnsafePointer<T>, _ stride: Int, _ count: Int) {
        if count == tileWidth && stride == 4 {
            for k in 0..<tileWidth { set(k, rows + k &* 4) }
        } else {
            for k in 0..<count { set(k, rows + k &* stride) }
            for k in count..<tileWidth { (x1[k], y1[k], x2[k], y2[k]) = (0, 0, 0, 0) }
        }
    }

    @inline(__always)
    private func set(_ k: Int, _ row: UnsafePointer<T>) { (x1[k], y1[k], x2[k], y2[k]) = (row[0], row[1], row[2], row[3]) }

    @inline(__always)
    func store(_ rows: UnsafeMutablePointer<T>, _ stride: Int, _ count: Int) {
        if count == tileWidth && stride == 4 {
            for k in 0..<tileWidth { get(k, rows + k &* 4) }
        } else {
            for k in 0..<count { get(k, rows + k &* stride) }
        }
    }

    /// Multiplies row k by factors[k].
    @inline(__always)
    func multiply(_ factors: UnsafeMutablePointer<T>) {
        for k in 0..<tileWidth {
            x1[k] *= factors[k]
            y1[k] *= factors[k]
            x2[k] *= factors[k]
            y2[k] *= factors[k]
        }
    }

    @inline(__always)
    private func get(_ k: Int, _ row: UnsafeMutablePointer<T>) { (row[0], row[1], row[2], row[3]) = (x1[k], y1[k], x2[k], y2[k]) }

    @inline(__always)
    subscript(k: Int) -> Box<T> {
        get { Box(x1[k], y1[k], x2[k], y2[k]) }
        nonmutating set { (x1[k], y1[k], x2[k], y2[k]) = (newValue.x1, newValue.y1, newValue.x2, newValue.y2) }
    }
}

/// Four numbers of one row: a box, its deltas, or a gradient with respect to them.
struct Box<T: Real> {
    var x1, y1, x2, y2: T

    @inline(__always)
    init(_ x1: T, _ y1: T, _ x2: T, _ y2: T) { (self.x1, self.y1, self.x2, self.y2) = (x1, y1, x2, y2) }
}

@inline(__always)
func withTile<T: Real, R>(_ body: (Tile<T>) -> R) -> R {
    withUnsafeTemporaryAllocation(of: T.self, capacity: 4 &* tileWidth) { body(Tile($0.baseAddress.unsafelyUnwrapped)) }
}

/// A stack column of one tile.
@inline(__always)
func withColumn<T: Real, R>(_ body: (UnsafeMutablePointer<T>) -> R) -> R {
    withUnsafeTemporaryAllocation(of: T.self, capacity: tileWidth) { body($0.baseAddress.unsafelyUnwrapped) }
}

/// Calls body with the start and length of each tile of 0..<count.
@inline(__always)
func forEachTile(_ count: Int, _ body: (_ start: Int, _ length: Int) -> Void) {
    var start = 0
    while start < count {
        body(start, Swift.min(tileWidth, count &- start))
        start &+= tileWidth
    }
}
