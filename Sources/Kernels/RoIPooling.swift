// RoIAlign and precise pooling of regions. Channels are what vectors are made of. Where they are not next to each other (planes), sixteen
// channels of a window are turned: first rows of a bin's taps are added along x, because that leaves the fewest numbers to turn.

import CShims

/// Computes the pooled values of some boxes.
@inline(never)
func roiForward<T: Real>(_ call: RoIPool<T>, _ rows: Range<Int>) {
    guard let out = call.out else { return }
    let work = RoIWork(call, call.scratch.of(rows))
    work.forEachBlock(rows, 0..<call.blocks) { box, channel, features in
        if call.isChannelsLast {
            work.forEachBin { i, j in
                combine(features, box, i, j, out + work.binOffset(box.index, i, j, channel), min(call.block, call.channels &- channel))
            }
        } else {
            work.forwardPlanes(box, channel, features, out)
        }
    }
}

/// Computes the gradients of the features, for some blocks of channels of the images. Each block adds up its boxes in order.
@inline(never)
func roiFeaturesGrad<T: Real>(_ call: RoIPool<T>, _ rows: Range<Int>) {
    guard let gradOut = call.gradOut, let gradFeatures = call.gradFeatures else { return }
    let work = RoIWork(call, call.scratch.of(rows))
    for unit in rows {
        let (image, channel) = (unit / call.blocks, unit % call.blocks &* call.block)
        let target = gradFeatures + work.featuresOffset(image, channel)
        let channels = min(call.block, call.channels &- channel)
        let pixels = call.height &* call.width
        if call.isChannelsLast {
            for pixel in 0..<pixels { clear(target + pixel &* call.channels, channels) }
        } else {
            clear(target, channels &* pixels)
        }
    }
    var image = rows.lowerBound / call.blocks
    while image &* call.blocks < rows.upperBound {
        let first = image &* call.blocks
        let blocks = max(0, rows.lowerBound &- first)..<min(call.blocks, rows.upperBound &- first)
        work.forEachBlock(0..<call.count, blocks, of: image) { box, channel, _ in
            let target = gradFeatures + work.featuresOffset(image, channel)
            if call.isChannelsLast {
                work.forEachBin { i, j in
                    spread(
                        gradOut + work.binOffset(box.index, i, j, channel), min(call.block, call.channels &- channel), box, i, j,
                        Grid(UnsafePointer(target), rowPitch: call.width &* call.channels, pitch: call.channels))
                }
            } else {
                work.spreadPlanes(box, channel, gradOut, target)
            }
        }
        image &+= 1
    }
}

/// Computes the gradients of some boxes: the dot product of the cotangent with each tap's features, times the derivatives of the tap's
/// weight.
@inline(never)
func roiBoxesGrad<T: Real>(_ call: RoIPool<T>, _ rows: Range<Int>) {
    guard let gradOut = call.gradOut, let gradBoxes = call.gradBoxes else { return }
    let work = RoIWork(call, call.scratch.of(rows))
    // Channels that are side by side are added before a tap's weights are looked at.
    work.forEachBlock(rows, 0..<(call.isChannelsLast ? 1 : call.blocks)) { box, channel, features in
        if channel == 0 { clear(box.sums, 4 &* T.Lanes.scalarCount) }
        if call.isChannelsLast {
            work.forEachBin { i, j in dot(features, box, i, j, gradOut + work.binOffset(box.index, i, j, 0), call.channels, box.sums) }
        } else {
            work.dotPlanes(box, channel, features, gradOut)
        }
        if call.isChannelsLast || channel &+ call.block >= call.channels {
            for k in 0..<4 { gradBoxes[4 &* box.index &+ k] = total(box.sums + k &* T.Lanes.scalarCount) }
        }
    }
}

// ---- Bins ----

/// Describes numbers whose rows and columns are so far apart.
private struct Grid<T> {
    let start: UnsafePointer<T>
    let rowPitch, pitch: Int

    @inline(__always)
    init(_ start: UnsafePointer<T>, rowPitch: Int, pitch: Int) { (self.start, self.rowPitch, self.pitch) = (start, rowPitch, pitch) }
}

/// A box of the call, its matrices and the sums of its gradient.
private struct PooledBox<T> {
    let index: Int
    let y, x: Axis
    let sums: UnsafeMutablePointer<T>
}

@inline(__always)
private func load<V: SIMD>(_ p: UnsafePointer<V.Scalar>) -> V { UnsafeRawPointer(p).loadUnaligned(as: V.self) }

@inline(__always)
private func store<V: SIMD>(_ v: V, _ p: UnsafeMutablePointer<V.Scalar>) { UnsafeMutableRawPointer(p).storeBytes(of: v, as: V.self) }

/// Loads some of a vector's numbers, and zeros after them.
@inline(never)
private func loadPart<V: SIMD>(_ p: UnsafePointer<V.Scalar>, _ count: Int) -> V {
    var v = V()
    for k in 0..<count { v[k] = p[k] }
    return v
}

@inline(never)
private func storePart<V: SIMD>(_ v: V, _ p: UnsafeMutablePointer<V.Scalar>, _ count: Int) {
    for k in 0..<count { p[k] = v[k] }
}

@inline(__always)
private func load<V: SIMD>(_ p: UnsafePointer<V.Scalar>, _ count: Int) -> V { count >= V.scalarCount ? load(p) : loadPart(p, count) }

@inline(__always)
private func store<V: SIMD>(_ v: V, _ p: UnsafeMutablePointer<V.Scalar>, _ count: Int) {
    if count >= V.scalarCount { store(v, p) } else { storePart(v, p, count) }
}

/// Adds up the lanes of a gradient.
@inline(never)
private func total<T: Real>(_ lanes: UnsafePointer<T>) -> T {
    var sum = 0.0
    for lane in 0..<T.Lanes.scalarCount { sum += Double(lanes[lane]) }
    return T(sum)
}

@inline(__always)
private func clear<T>(_ p: UnsafeMutablePointer<T>, _ count: Int) { memset(p, 0, count &* MemoryLayout<T>.stride) }

/// out[k] = the sum of weight * f[row][column][k] over the taps of bin i of y and of bin j of x.
@inline(never)
private func combine<T: Real>(_ f: Grid<T>, _ box: PooledBox<T>, _ i: Int, _ j: Int, _ out: UnsafeMutablePointer<T>, _ count: Int) {
    let (y, x, n) = (box.y, box.x, T.Lanes.scalarCount)
    var k = 0
    while k &+ 4 &* n <= count {
        var (a, b, c, d) = (T.lanes(0), T.lanes(0), T.lanes(0), T.lanes(0))
        for l in y.taps(i) {
            let (row, weight) = (f.start + (y.index[l] &* f.rowPitch &+ k), y.weight[l])
            for m in x.taps(j) {
                let (p, w) = (row + x.index[m] &* f.pitch, T.lanes(T(weight * x.weight[m])))
                a = T.add(w, load(p), to: a)
                b = T.add(w, load(p + n), to: b)
                c = T.add(w, load(p + 2 &* n), to: c)
                d = T.add(w, load(p + 3 &* n), to: d)
            }
        }
        store(a, out + k)
        store(b, out + (k &+ n))
        store(c, out + (k &+ 2 &* n))
        store(d, out + (k &+ 3 &* n))
        k &+= 4 &* n
    }
    while k < count {
        var a = T.lanes(0)
        for l in y.taps(i) {
            let (row, weight) = (f.start + (y.index[l] &* f.rowPitch &+ k), y.weight[l])
            for m in x.taps(j) { a = T.add(T.lanes(T(weight * x.weight[m])), load(row + x.index[m] &* f.pitch, count &- k), to: a) }
        }
        store(a, out + k, count &- k)
        k &+= n
    }
}

/// f[row][column][k] += weight * g[k], for the same taps.
@inline(never)
private func spread<T: Real>(_ g: UnsafePointer<T>, _ count: Int, _ box: PooledBox<T>, _ i: Int, _ j: Int, _ f: Grid<T>) {
    let (y, x, n) = (box.y, box.x, T.Lanes.scalarCount)
    let target = UnsafeMutablePointer(mutating: f.start)
    var k = 0
    while k < count {
        let isWhole = k &+ 4 &* n <= count
        let a: T.Lanes = load(g + k, count &- k)
        let (b, c, d) = isWhole ? (load(g + (k &+ n)), load(g + (k &+ 2 &* n)), load(g + (k &+ 3 &* n))) : (a, a, a)
        for l in y.taps(i) {
            let (row, weight) = (target + (y.index[l] &* f.rowPitch &+ k), y.weight[l])
            for m in x.taps(j) {
                let (p, w) = (row + x.index[m] &* f.pitch, T.lanes(T(weight * x.weight[m])))
                if isWhole {
                    store(T.add(w, a, to: load(p)), p)
                    store(T.add(w, b, to: load(p + n)), p + n)
                    store(T.add(w, c, to: load(p + 2 &* n)), p + 2 &* n)
                    store(T.add(w, d, to: load(p + 3 &* n)), p + 3 &* n)
                } else {
                    store(T.add(w, a, to: load(p, count &- k)), p, count &- k)
                }
            }
        }
        k &+= isWhole ? 4 &* n : n
    }
}

/// Adds the products of the cotangent with the taps' features, times the derivatives of their weights, to the sums of x1, y1, x2 and y2.
@inline(never)
private func dot<T: Real>(
    _ f: Grid<T>, _ box: PooledBox<T>, _ i: Int, _ j: Int, _ g: UnsafePointer<T>, _ count: Int, _ sums: UnsafeMutablePointer<T>
) {
    let (y, x, n) = (box.y, box.x, T.Lanes.scalarCount)
    var (x1, y1): (T.Lanes, T.Lanes) = (load(sums), load(sums + n))
    var (x2, y2): (T.Lanes, T.Lanes) = (load(sums + 2 &* n), load(sums + 3 &* n))
    for m in x.taps(j) {
        var (value, low, high) = (T.lanes(0), T.lanes(0), T.lanes(0))
        for l in y.taps(i) {
            let p = f.start + (y.index[l] &* f.rowPitch &+ x.index[m] &* f.pitch)
            var (a, b, c, d) = (T.lanes(0), T.lanes(0), T.lanes(0), T.lanes(0))
            var k = 0
            while k &+ 4 &* n <= count {
                a = T.add(load(p + k), load(g + k), to: a)
                b = T.add(load(p + (k &+ n)), load(g + (k &+ n)), to: b)
                c = T.add(load(p + (k &+ 2 &* n)), load(g + (k &+ 2 &* n)), to: c)
                d = T.add(load(p + (k &+ 3 &* n)), load(g + (k &+ 3 &* n)), to: d)
                k &+= 4 &* n
            }
            while k < count {
                a = T.add(load(p + k, count &- k), load(g + k, count &- k), to: a)
                k &+= n
            }
            let product = T.sum(T.sum(a, b), T.sum(c, d))
            value = T.add(T.lanes(T(y.weight[l])), product, to: value)
            low = T.add(T.lanes(T(y.byLow[l])), product, to: low)
            high = T.add(T.lanes(T(y.byHigh[l])), product, to: high)
        }
        x1 = T.add(T.lanes(T(x.byLow[m])), value, to: x1)
        x2 = T.add(T.lanes(T(x.byHigh[m])), value, to: x2)
        y1 = T.add(T.lanes(T(x.weight[m])), low, to: y1)
        y2 = T.add(T.lanes(T(x.weight[m])), high, to: y2)
    }
    store(x1, sums)
    store(y1, sums + n)
    store(x2, sums + 2 &* n)
    store(y2, sums + 3 &* n)
}

// ---- Planes ----

/// The columns of a box's window, rounded up to whole vectors and moved left where the features end. Of the last vector `tail` are
/// features.
private struct Window {
    let first, vectors, tail: Int

    @inline(__always)
    init(_ x: Axis, _ width: Int, _ lanes: Int) {
        let (low, high) = x.span
        vectors = (high &- low &+ lanes) / lanes
        first = max(0, min(low, width &- vectors &* lanes))
        tail = min(lanes, width &- first &- (vectors &- 1) &* lanes)
    }
}

/// Turns m rows of n numbers, rounded up to whole squares.
@inline(never)
private func turn<T: Real>(_ from: UnsafePointer<T>, _ fromPitch: Int, _ m: Int, _ n: Int, _ to: UnsafeMutablePointer<T>, _ toPitch: Int) {
    var row = 0
    while row < m {
        var column = 0
        while column < n {
            T.turn(from + (row &* fromPitch &+ column), fromPitch, to + (column &* toPitch &+ row), toPitch)
            column &+= T.HalfLanes.scalarCount
        }
        row &+= T.HalfLanes.scalarCount
    }
}

/// Holds a thread's scratch.
private struct RoIWork<T: Real> {
    let call: RoIPool<T>
    private let one: Axis
    private let boxesAtOnce: Int
    private let matrices: UnsafeMutablePointer<Int>
    /// Sums of each box, dot products of each row's taps, then for planes what the comment of scratchSize lists.
    private let numbers, dots, turned, bins, row, flatBins: UnsafeMutablePointer<T>
    private static var vector: Int { @inline(__always) get { T.HalfLanes.scalarCount } }

    @inline(__always)
    init(_ call: RoIPool<T>, _ scratch: UnsafeMutableRawPointer) {
        self.call = call
        let base = scratch.assumingMemoryBound(to: Int.self)
        one = Axis(base, bins: 1, capacity: 1)
        one.makeOne()
        boxesAtOnce = call.boxesAtOnce
        matrices = base + 8
        let end = UnsafeMutableRawPointer(matrices + boxesAtOnce &* call.matricesSize)
        numbers = end.alignedUp(toMultipleOf: 64).assumingMemoryBound(to: T.self)
        dots = numbers + 4 &* 16 &* boxesAtOnce
        turned = dots + 8 &* call.taps(call.outHeight, call.height)
        bins = turned + 16 &* RoIPool<T>.rowsOfBins &* call.paddedWidth
        row = bins + 16 &* RoIPool<T>.rowsOfBins &* call.paddedBins
        flatBins = row + 16 &* call.paddedWidth
    }

    @inline(__always)
    func featuresOffset(_ image: Int, _ channel: Int) -> Int {
        image &* call.channels &* call.height &* call.width &+ (call.isChannelsLast ? channel : channel &* call.height &* call.width)
    }

    @inline(__always)
    func binOffset(_ box: Int, _ i: Int, _ j: Int, _ channel: Int) -> Int {
        ((box &* call.outHeight &+ i) &* call.outWidth &+ j) &* call.channels &+ channel
    }

    @inline(__always)
    func forEachBin(_ body: (_ i: Int, _ j: Int) -> Void) {
        for i in 0..<call.outHeight { for j in 0..<call.outWidth { body(i, j) } }
    }

    @inline(never)
    private func box(_ r: Int, _ index: Int) -> PooledBox<T> {
        let start = matrices + r &* call.matricesSize
        return PooledBox(
            index: index, y: Axis(start, bins: call.outHeight, capacity: call.taps(call.outHeight, call.height)),
            x: Axis(
                start + call.axisSize(call.outHeight, call.height), bins: call.outWidth, capacity: call.taps(call.outWidth, call.width)),
            sums: numbers + 4 &* 16 &* r)
    }

    @inline(__always)
    private func image(_ index: Int) -> Int { call.indices.map { Int($0[index]) } ?? 0 }

    @inline(never)
    private func fill(_ r: Int, _ index: Int) {
        let (box, corners) = (box(r, index), call.boxes[index])
        let start = matrices + r &* call.matricesSize
        for k in 0..<2 {
            let (low, high) = (Double(corners[1 &- k]), Double(corners[3 &- k]))
            let (axis, bins, size) = k == 0 ? (box.y, call.outHeight, call.height) : (box.x, call.outWidth, call.width)
            let memory = k == 0 ? start : start + call.axisSize(call.outHeight, call.height)
            if call.isPrecise {
                preciseAxis(memory, axis, low, high, call.spatialScale, bins, size)
            } else {
                alignedAxis(memory, axis, low, high, call.spatialScale, bins, size, call.samplingRatio, call.isAligned)
            }
        }
    }

    /// Calls `body` for each of these boxes and blocks of channels, or for the boxes of one image. The matrices of some boxes are made
    /// first. Of these boxes all take a block of channels, before any takes the next: so the block's features stay in the cache.
    @inline(__always)
    func forEachBlock(
        _ boxes: Range<Int>, _ blocks: Range<Int>, of wanted: Int? = nil,
        _ body: (_ box: PooledBox<T>, _ channel: Int, _ features: Grid<T>) -> Void
    ) {
        let (rowPitch, pitch) = call.isChannelsLast ? (call.width &* call.channels, call.channels) : (call.width, 1)
        var start = boxes.lowerBound
        while start < boxes.upperBound {
            let length = min(boxesAtOnce, boxes.upperBound &- start)
            for r in 0..<length where wanted == nil || wanted == image(start &+ r) { fill(r, start &+ r) }
            for block in blocks {
                for r in 0..<length where wanted == nil || wanted == image(start &+ r) {
                    let (index, channel) = (start &+ r, block &* call.block)
                    body(box(r, index), channel, Grid(call.features + featuresOffset(image(index), channel), rowPitch: rowPitch, pitch: pitch))
                }
            }
            start &+= length
        }
    }

    // Sixteen channels of planes, for up to eight rows of bins at a time.

    /// columns[x][c] = the sum of weight * f[c][row][x] over the taps of bin i.
    @inline(never)
    private func combineRows(
        _ f: UnsafePointer<T>, _ channels: Int, _ y: Axis, _ i: Int, _ window: Window, _ columns: UnsafeMutablePointer<T>, _ columnsPitch: Int
    ) {
        forEachFour(channels, window) { c, vector, planes, count in
            var (s0, s1, s2, s3) = (T.halfLanes(0), T.halfLanes(0), T.halfLanes(0), T.halfLanes(0))
            forEachTap(f, y, i, window, vector, planes, count) { tap, v0, v1, v2, v3 in
                let w = T.halfLanes(T(y.weight[tap]))
                s0 = T.add(w, v0, to: s0)
                s1 = T.add(w, v1, to: s1)
                s2 = T.add(w, v2, to: s2)
                s3 = T.add(w, v3, to: s3)
            }
            turnFour(s0, s1, s2, s3, channels &- c, columns + (vector &* Self.vector &* columnsPitch &+ c), columnsPitch)
        }
    }

    /// The same. The products of row[c][x] and f[c][row][x] are added to the dot products of the taps.
    @inline(never)
    private func combineRowsAndDot(
        _ f: UnsafePointer<T>, _ channels: Int, _ y: Axis, _ i: Int, _ window: Window, _ columns: UnsafeMutablePointer<T>, _ columnsPitch: Int
    ) {
        forEachFour(channels, window) { c, vector, planes, count in
            let (g, pitch) = (UnsafePointer(row + (c &* call.paddedWidth &+ vector &* Self.vector)), call.paddedWidth)
            let (g0, g1, g2, g3): (T.HalfLanes, T.HalfLanes, T.HalfLanes, T.HalfLanes)
                = (load(g), load(g + pitch), load(g + 2 &* pitch), load(g + 3 &* pitch))
            var (s0, s1, s2, s3) = (T.halfLanes(0), T.halfLanes(0), T.halfLanes(0), T.halfLanes(0))
            forEachTap(f, y, i, window, vector, planes, count) { tap, v0, v1, v2, v3 in
                let (w, sum) = (T.halfLanes(T(y.weight[tap])), dots + tap &* Self.vector)
                s0 = T.add(w, v0, to: s0)
                s1 = T.add(w, v1, to: s1)
                s2 = T.add(w, v2, to: s2)
                s3 = T.add(w, v3, to: s3)
                let low = T.add(g1, v1, to: T.add(g0, v0, to: load(UnsafePointer(sum))))
                let high = T.add(g3, v3, to: T.add(g2, v2, to: T.halfLanes(0)))
                store(T.sum(low, high), sum)
            }
            turnFour(s0, s1, s2, s3, channels &- c, columns + (vector &* Self.vector &* columnsPitch &+ c), columnsPitch)
        }
    }

    /// Calls `body` for four channels and a vector of the window at a time, with where the planes of the last three begin, and with how many
    /// of the vector's numbers are features. Where there are no four channels left, the last one is taken again.
    @inline(__always)
    private func forEachFour(_ channels: Int, _ window: Window, _ body: (_ c: Int, _ vector: Int, _ planes: (Int, Int, Int, Int), _ count: Int) -> Void) {
        let plane = call.height &* call.width
        var c = 0
        while c < channels {
            let planes = (c &* plane, min(c &+ 1, channels &- 1) &* plane, min(c &+ 2, channels &- 1) &* plane, min(c &+ 3, channels &- 1) &* plane)
            for vector in 0..<window.vectors { body(c, vector, planes, vector &+ 1 < window.vectors ? Self.vector : window.tail) }
            c &+= 4
        }
    }

    /// Calls `body` with the features of each tap.
    @inline(__always)
    private func forEachTap(
        _ f: UnsafePointer<T>, _ y: Axis, _ i: Int, _ window: Window, _ vector: Int, _ planes: (Int, Int, Int, Int), _ count: Int,
        _ body: (_ tap: Int, T.HalfLanes, T.HalfLanes, T.HalfLanes, T.HalfLanes) -> Void
    ) {
        let start = f + (window.first &+ vector &* Self.vector)
        #if !SMALL_LIBRARY
            if count == Self.vector {
                for tap in y.taps(i) {
                    let p = start + y.index[tap] &* call.width
                    body(tap, load(p + planes.0), load(p + planes.1), load(p + planes.2), load(p + planes.3))
                }
                return
            }
        #endif
        for tap in y.taps(i) {
            let p = start + y.index[tap] &* call.width
            body(tap, load(p + planes.0, count), load(p + planes.1, count), load(p + planes.2, count), load(p + planes.3, count))
        }
    }

    /// Writes sums of four channels as columns. Channels that are not there are 0, because the last one may be infinite.
    @inline(__always)
    private func turnFour(
        _ s0: T.HalfLanes, _ s1: T.HalfLanes, _ s2: T.HalfLanes, _ s3: T.HalfLanes, _ left: Int, _ columns: UnsafeMutablePointer<T>, _ pitch: Int
    ) {
        let zero = T.halfLanes(0)
        T.turn(s0, left < 2 ? zero : s1, left < 3 ? zero : s2, left < 4 ? zero : s3, columns, pitch)
    }

    /// f[c][row][x] += weight * row[c][x], for the taps of bin i: four channels at a time, then one.
    @inline(never)
    private func spreadRows(_ f: UnsafeMutablePointer<T>, _ channels: Int, _ y: Axis, _ i: Int, _ window: Window) {
        let (n, pitch, plane, taps) = (Self.vector, call.paddedWidth, call.height &* call.width, y.taps(i))
        var c = 0
        while c < channels {
            let isWhole = c &+ 4 <= channels
            for vector in 0..<window.vectors {
                let count = vector &+ 1 < window.vectors ? n : window.tail
                let (g, f) = (UnsafePointer(row + (c &* pitch &+ vector &* n)), f + (c &* plane &+ window.first &+ vector &* n))
                #if !SMALL_LIBRARY
                    if isWhole && count == n {
                        let (g0, g1, g2, g3): (T.HalfLanes, T.HalfLanes, T.HalfLanes, T.HalfLanes)
                            = (load(g), load(g + pitch), load(g + 2 &* pitch), load(g + 3 &* pitch))
                        for tap in taps {
                            let (w, p) = (T.halfLanes(T(y.weight[tap])), f + y.index[tap] &* call.width)
                            let v0 = T.add(w, g0, to: load(UnsafePointer(p)))
                            let v1 = T.add(w, g1, to: load(UnsafePointer(p + plane)))
                            let v2 = T.add(w, g2, to: load(UnsafePointer(p + 2 &* plane)))
                            let v3 = T.add(w, g3, to: load(UnsafePointer(p + 3 &* plane)))
                            store(v0, p)
                            store(v1, p + plane)
                            store(v2, p + 2 &* plane)
                            store(v3, p + 3 &* plane)
                        }
                        continue
                    }
                #endif
                for k in 0..<(isWhole ? 4 : 1) {
                    let g: T.HalfLanes = load(g + k &* pitch)
                    for tap in taps {
                        let p = f + (k &* plane &+ y.index[tap] &* call.width)
                        store(T.add(T.halfLanes(T(y.weight[tap])), g, to: load(UnsafePointer(p), count)), p, count)
                    }
                }
            }
            c &+= isWhole ? 4 : 1
        }
    }

    /// Calls `body` for each group of rows of bins. Then turned[x][i][c] is to be the window's columns, and bins[j][i][c] the bins of row
    /// first + i.
    @inline(__always)
    private func forEachGroup(_ body: (_ first: Int, _ rows: Int) -> Void) {
        var first = 0
        while first < call.outHeight {
            body(first, min(RoIPool<T>.rowsOfBins, call.outHeight &- first))
            first &+= RoIPool<T>.rowsOfBins
        }
    }

    /// The columns of a window side by side, and the box whose rows are already added.
    @inline(__always)
    private func columns(_ rows: Int, _ window: Window) -> Grid<T> {
        Grid(UnsafePointer(turned - window.first &* rows &* 16), rowPitch: 0, pitch: rows &* 16)
    }
    @inline(__always)
    private func withoutRows(_ box: PooledBox<T>) -> PooledBox<T> { PooledBox(index: box.index, y: one, x: box.x, sums: box.sums) }

    @inline(never)
    func forwardPlanes(_ box: PooledBox<T>, _ channel: Int, _ features: Grid<T>, _ out: UnsafeMutablePointer<T>) {
        let (window, channels) = (Window(box.x, call.width, Self.vector), min(16, call.channels &- channel))
        forEachGroup { first, rows in
            for i in 0..<rows {
                combineRows(features.start, channels, box.y, first &+ i, window, turned + i &* 16, rows &* 16)
            }
            for j in 0..<call.outWidth { combine(columns(rows, window), withoutRows(box), 0, j, bins + j &* 128, rows &* 16) }
            for i in 0..<rows { turn(UnsafePointer(bins + i &* 16), 128, call.outWidth, 16, flatBins + i &* call.outWidth, call.binsPitch) }
            let size = call.outHeight &* call.outWidth
            for c in 0..<channels {
                let target = out + ((box.index &* call.channels &+ channel &+ c) &* size &+ first &* call.outWidth)
                memcpy(target, flatBins + c &* call.binsPitch, rows &* call.outWidth &* MemoryLayout<T>.stride)
            }
        }
    }

    /// Spreads a cotangent's rows of bins along x, to the window's columns.
    @inline(never)
    private func spreadColumns(
        _ box: PooledBox<T>, _ channel: Int, _ channels: Int, _ gradOut: UnsafePointer<T>, _ first: Int, _ rows: Int, _ window: Window
    ) {
        let size = call.outHeight &* call.outWidth
        for c in 0..<16 {
            let target = flatBins + c &* call.binsPitch
            if c < channels {
                let source = gradOut + ((box.index &* call.channels &+ channel &+ c) &* size &+ first &* call.outWidth)
                memcpy(target, source, rows &* call.outWidth &* MemoryLayout<T>.stride)
            } else {
                clear(target, rows &* call.outWidth)
            }
        }
        for i in 0..<rows { turn(UnsafePointer(flatBins + i &* call.outWidth), call.binsPitch, 16, call.outWidth, bins + i &* 16, 128) }
        clear(turned, window.vectors &* Self.vector &* rows &* 16)
        for j in 0..<call.outWidth { spread(UnsafePointer(bins + j &* 128), rows &* 16, withoutRows(box), 0, j, columns(rows, window)) }
    }

    @inline(never)
    func spreadPlanes(_ box: PooledBox<T>, _ channel: Int, _ gradOut: UnsafePointer<T>, _ target: UnsafeMutablePointer<T>) {
        let (window, channels) = (Window(box.x, call.width, Self.vector), min(16, call.channels &- channel))
        forEachGroup { first, rows in
            spreadColumns(box, channel, channels, gradOut, first, rows, window)
            for i in 0..<rows {
                turn(UnsafePointer(turned + i &* 16), rows &* 16, window.vectors &* Self.vector, 16, row, call.paddedWidth)
                spreadRows(target, channels, box.y, first &+ i, window)
            }
        }
    }

    @inline(never)
    func dotPlanes(_ box: PooledBox<T>, _ channel: Int, _ features: Grid<T>, _ gradOut: UnsafePointer<T>) {
        let (window, channels, n) = (Window(box.x, call.width, Self.vector), min(16, call.channels &- channel), Self.vector)
        clear(dots, box.y.count &* n)
        forEachGroup { first, rows in
            spreadColumns(box, channel, channels, gradOut, first, rows, window)
            for i in 0..<rows {
                turn(UnsafePointer(turned + i &* 16), rows &* 16, window.vectors &* n, 16, row, call.paddedWidth)
                combineRowsAndDot(features.start, channels, box.y, first &+ i, window, turned + i &* 16, rows &* 16)
            }
            // The rows' axis `one` has no derivatives, so that this adds to x1 and x2.
            for j in 0..<call.outWidth { dot(columns(rows, window), withoutRows(box), 0, j, UnsafePointer(bins + j &* 128), rows &* 16, box.sums) }
        }
        for k in 0..<2 {
            let (slopes, target) = (k == 0 ? box.y.byLow : box.y.byHigh, box.sums + (1 &+ 2 &* k) &* T.Lanes.scalarCount)
            var sum: T.HalfLanes = load(UnsafePointer(target))
            for tap in 0..<box.y.count { sum = T.add(T.halfLanes(T(slopes[tap])), load(UnsafePointer(dots + tap &* n)), to: sum) }
            store(sum, target)
        }
    }
}
