import CShims

/// Sorts stably by ascending keys, eight bits at a time. It makes no pass over bits that are the same in all keys. Therefore floats as
/// doubles, and small numbers of classes, take few passes. `spare` has room for `count` items, and `counts` for BGI_SORT_COUNTS bytes.
@inline(never)
func rankedSort(
    _ items: UnsafeMutablePointer<bgi_ranked>, _ count: Int, spare: UnsafeMutablePointer<bgi_ranked>, counts: UnsafeMutablePointer<Int>
) {
    counts.update(repeating: 0, count: 8 &* 256)
    for i in 0..<count {
        var key = items[i].key
        for digit in 0..<8 {
            counts[digit &* 256 &+ Int(key & 255)] &+= 1
            key >>= 8
        }
    }
    var (from, to) = (items, spare)
    for digit in 0..<8 {
        let (starts, shift) = (counts + digit &* 256, UInt64(8 &* digit))
        if count == 0 || starts[Int((items[0].key >> shift) & 255)] == count { continue }
        var start = 0
        for value in 0..<256 { (starts[value], start) = (start, start &+ starts[value]) }
        for i in 0..<count {
            let value = Int((from[i].key >> shift) & 255)
            to[starts[value]] = from[i]
            starts[value] &+= 1
        }
        (from, to) = (to, from)
    }
    if from != items { items.update(from: from, count: count) }
}

/// Returns a key that orders numbers from the largest to the smallest. 0 and -0 have the same key.
@inline(__always)
func descendingKey(_ x: Double) -> UInt64 {
    let bits = (x + 0).bitPattern
    return bits >> 63 == 0 ? ~bits & (UInt64.max >> 1) : bits
}
