import CShims

/// The number of boxes that kernels work on at a time.
let tileWidth = 32

/// A row of numbers with names, such as a box. A tile holds many of them.
protocol Row<Element> {
    associatedtype Element: Real
    static var columns: Int { get }

    /// Makes a row from the element of each column.
    init(_ element: (Int) -> Element)
    subscript(column: Int) -> Element { get }
}

/// Holds up to 32 rows as columns, so that loops over them vectorise with every stride of the rows. Loops always run over the whole width,
/// because it is a constant. A tile with fewer rows is filled with zeros.
struct Tile<R: Row> {
    typealias T = R.Element

    /// The only pointer to the columns. They are at constant distances from it, so that the compiler knows that they do not overlap.
    let base: UnsafeMutablePointer<T>

    @inline(__always)
    func column(_ index: Int) -> UnsafeMutablePointer<T> { base + index &* tileWidth }

    @inline(__always)
    subscript(k: Int) -> R {
        get { R { column($0)[k] } }
        nonmutating set { for index in 0..<R.columns { column(index)[k] = newValue[index] } }
    }

    // These functions are not inlined, because every kernel calls them.

    @inline(never)
    func load(_ rows: Rows<T>, _ start: Int, _ length: Int) {
        let rows = rows.from(start)
        if R.columns == 4 && length == tileWidth && rows.stride == 4 { return T.columns(base, ofRows: rows.start) }
        for k in 0..<length {
            let row = rows[k]
            self[k] = R { row[$0] }
        }
        for k in length..<tileWidth { self[k] = R { _ in 0 } }
    }

    @inline(never)
    func store(_ rows: MutableRows<T>, _ start: Int, _ length: Int) {
        let (first, stride) = (rows[start], rows.stride)
        if R.columns == 4 && length == tileWidth {
            return stride == 4 ? T.rows(first, ofColumns: base) : T.rows(first, stride: stride, ofColumns: base)
        }
        for k in 0..<length {
            let (row, target) = (self[k], first + k &* stride)
            for index in 0..<R.columns { target[index] = row[index] }
        }
    }

    /// Replaces the rows that do not meet the condition by zeros.
    @inline(__always)
    func keep(where condition: (Int) -> Bool) {
        for k in 0..<tileWidth {
            let (row, keep) = (self[k], condition(k))
            self[k] = R { choose(keep, row[$0], 0) }
        }
    }

    /// Multiplies row k by factors[k] * scale.
    @inline(__always)
    func multiply(_ factors: UnsafeMutablePointer<T>, _ scale: T = 1) {
        for k in 0..<tileWidth {
            let factor = factors[k] * scale
            for index in 0..<R.columns { column(index)[k] *= factor }
        }
    }
}

/// Holds the corners of a box, or a gradient with respect to them.
struct Box<T: Real>: Row {
    var x1, y1, x2, y2: T

    static var columns: Int { @inline(__always) get { 4 } }

    @inline(__always)
    init(_ x1: T, _ y1: T, _ x2: T, _ y2: T) { (self.x1, self.y1, self.x2, self.y2) = (x1, y1, x2, y2) }

    @inline(__always)
    init(_ element: (Int) -> T) { self.init(element(0), element(1), element(2), element(3)) }

    @inline(__always)
    init(_ row: UnsafePointer<T>) { self.init(row[0], row[1], row[2], row[3]) }

    @inline(__always)
    func store(_ row: UnsafeMutablePointer<T>) { (row[0], row[1], row[2], row[3]) = (x1, y1, x2, y2) }

    subscript(column: Int) -> T {
        @inline(__always)
        get {
            switch column {
            case 0: x1
            case 1: y1
            case 2: x2
            default: y2
            }
        }
    }
}

/// Has room on the stack for six tiles of either type. Everything in it is at a constant distance from one pointer, so that the compiler
/// knows that no two columns overlap.
struct Workspace {
    private let base: UnsafeMutableRawPointer
    private static var tileSize: Int { 4 &* tileWidth &* MemoryLayout<Double>.stride }

    @inline(__always)
    static func with<R>(_ body: (Self) -> R) -> R {
        // The element has the alignment of a cache line, because a vector that lies across two lines takes twice the time. The memory is
        // left as it is, because kernels write to it before they read: it would take a fifth of a call for ten boxes to clear it.
        var memory = InlineArray<96, SIMD8<Double>> { memory in
            memory.withUnsafeMutableBufferPointer { _, count in count = 96 }
        }
        return withUnsafeMutablePointer(to: &memory) { body(Self(base: $0)) }
    }

    /// Returns a tile of rows of up to four numbers. A tile of longer rows also takes the place of the next tile.
    @inline(__always)
    func tile<R: Row>(_ index: Int, of _: R.Type = R.self) -> Tile<R> {
        Tile(base: (base + index &* Self.tileSize).assumingMemoryBound(to: R.Element.self))
    }

    /// Returns one of the four columns that take the place of tile 5.
    @inline(__always)
    func column<Element>(_ index: Int, of _: Element.Type = Element.self) -> UnsafeMutablePointer<Element> {
        (base + 5 &* Self.tileSize).assumingMemoryBound(to: Element.self) + index &* tileWidth
    }
}

/// Copies `length` elements, at most those of a tile.
@inline(__always)
func copy<Element>(_ source: UnsafePointer<Element>, to target: UnsafeMutablePointer<Element>, _ length: Int) {
    if length == tileWidth {
        memcpy(target, source, tileWidth &* MemoryLayout<Element>.stride)
    } else {
        memcpy(target, source, length &* MemoryLayout<Element>.stride)
    }
}

/// Prefetches the memory of a tile of elements that is `bytes` ahead. The processor does not do this by itself across pages.
@inline(__always)
func prefetchTile<Element>(_ x: UnsafePointer<Element>, ahead bytes: Int) {
    let tile = UnsafeRawPointer(x) + bytes
    for line in 0..<tileWidth &* MemoryLayout<Element>.stride / 64 { bgi_prefetch(tile + line &* 64) }
}

/// Returns the start and the length of each tile of some rows, one after the other.
struct Tiles {
    private var start: Int
    private let end: Int

    @inline(__always)
    init(_ rows: Range<Int>) { (start, end) = (rows.lowerBound, rows.upperBound) }

    @inline(__always)
    mutating func next() -> (start: Int, length: Int)? {
        guard start < end else { return nil }
        defer { start &+= tileWidth }
        return (start, Swift.min(tileWidth, end &- start))
    }
}
