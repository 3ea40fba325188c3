import CBoxgrad

/// Measured boxes tile by tile, each by columns: the corners, the area and, for CIoU, the two parts of the diagonal's angle. Seven columns
/// side by side, so that no two fall on the same lines of the cache.
struct BoxColumns<T: Real> {
    let base: UnsafeMutablePointer<T>

    /// The boxes from `start` on, which begins a tile.
    @inline(__always)
    func tile(_ start: Int) -> Self { Self(base: base + 7 &* start) }

    /// The tile that box k is in, and which it is there.
    @inline(__always)
    func place(_ k: Int) -> (tile: Self, lane: Int) { (tile(k & ~(tileWidth &- 1)), k & (tileWidth &- 1)) }

    @inline(__always)
    private func column(_ index: Int) -> UnsafeMutablePointer<T> { base + index &* tileWidth }

    /// Box k of the first tile.
    @inline(__always)
    subscript(k: Int) -> MeasuredBox<T> {
        MeasuredBox(Box(column(0)[k], column(1)[k], column(2)[k], column(3)[k]), area: column(4)[k])
    }

    @inline(__always)
    func angle<M: Metric>(_ k: Int, _: M.Type) -> DiagonalAngle<T> {
        M.code == BOXGRAD_CIOU ? DiagonalAngle(column(5)[k], column(6)[k]) : DiagonalAngle(0, 0)
    }

    /// Measures boxes, and tells whether all of them are solid.
    @inline(__always)
    func fill<M: Metric>(_ rows: Rows<T>, _ count: Int, _: M.Type) -> Bool {
        var flawed: UInt8 = 0
        var tiles = Tiles(0..<count)
        while let (start, length) = tiles.next() {
            let tile = tile(start)
            Tile<Box<T>>(base: tile.base).load(rows, start, length)
            for k in 0..<tileWidth {
                let box = MeasuredBox(Tile<Box<T>>(base: tile.base)[k])
                tile.column(4)[k] = box.area
                flawed |= bit(both(k < length, !box.isSolid))
                if M.code == BOXGRAD_CIOU {
                    let angle = DiagonalAngle(box)
                    (tile.column(5)[k], tile.column(6)[k]) = (angle.high, angle.low)
                }
            }
        }
        return flawed == 0
    }

    /// As fill, of boxes that overlap nothing behind the last: their numbers are NaN.
    @inline(never)
    func load(_ rows: Rows<T>, _ count: Int, _ metric: Int32) {
        _ = metric == BOXGRAD_CIOU ? fill(rows, count, CIoU.self) : fill(rows, count, IoU.self)
        for k in count..<(count &+ tileWidth &- 1) & ~(tileWidth &- 1) {
            let (tile, lane) = place(k)
            tile.set(lane, MeasuredBox(Box(.nan, .nan, .nan, .nan)))
        }
    }

    /// Box k of the first tile, for a metric without angles.
    @inline(__always)
    func set(_ k: Int, _ measured: MeasuredBox<T>) {
        let box = measured.box
        (column(0)[k], column(1)[k], column(2)[k], column(3)[k], column(4)[k]) = (box.x1, box.y1, box.x2, box.y2, measured.area)
    }
}
