import CBoxgrad

/// Holds measured boxes in tiles. A tile has seven columns: the four coordinates, the area and, for CIoU, the two parts of the diagonal's
/// angle. The columns of a tile are adjacent in memory, so that they do not compete for the same lines of the cache.
struct BoxColumns<T: Real> {
    let base: UnsafeMutablePointer<T>

    /// Returns the tile that begins at box `start`, which must be a multiple of tileWidth.
    @inline(__always)
    func tile(_ start: Int) -> Self { Self(base: base + 7 &* start) }

    /// Returns the tile that holds box k, and the lane of the box in this tile.
    @inline(__always)
    func place(_ k: Int) -> (tile: Self, lane: Int) { (tile(k & ~(tileWidth &- 1)), k & (tileWidth &- 1)) }

    @inline(__always)
    private func column(_ index: Int) -> UnsafeMutablePointer<T> { base + index &* tileWidth }

    /// Returns box k of the first tile.
    @inline(__always)
    subscript(k: Int) -> MeasuredBox<T> {
        MeasuredBox(Box(column(0)[k], column(1)[k], column(2)[k], column(3)[k]), area: column(4)[k])
    }

    @inline(__always)
    func angle<M: Metric>(_ k: Int, _: M.Type) -> DiagonalAngle<T> {
        M.code == BOXGRAD_CIOU ? DiagonalAngle(column(5)[k], column(6)[k]) : DiagonalAngle(0, 0)
    }

    /// Measures `count` boxes, and returns whether all of them are solid.
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

    /// Measures boxes as `fill` does. It fills the unused lanes of the last tile with boxes of NaN, because every comparison with their
    /// overlaps is false.
    @inline(never)
    func load(_ rows: Rows<T>, _ count: Int, _ metric: Int32) {
        _ = metric == BOXGRAD_CIOU ? fill(rows, count, CIoU.self) : fill(rows, count, IoU.self)
        for k in count..<(count &+ tileWidth &- 1) & ~(tileWidth &- 1) {
            let (tile, lane) = place(k)
            tile.set(lane, MeasuredBox(Box(.nan, .nan, .nan, .nan)))
        }
    }

    /// Stores box k of the first tile. It does not store the angle, which only CIoU uses.
    @inline(__always)
    func set(_ k: Int, _ measured: MeasuredBox<T>) {
        let box = measured.box
        (column(0)[k], column(1)[k], column(2)[k], column(3)[k], column(4)[k]) = (box.x1, box.y1, box.x2, box.y2, measured.area)
    }
}
