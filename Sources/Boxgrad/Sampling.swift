import CBoxgrad
import CShims

@_cdecl("boxgrad_sample") @implementation
public func boxgrad_sample(
    _ labels: UnsafePointer<Int64>?, _ count: Int, _ negative: Int64, _ wanted: Int, _ positiveFraction: Double, _ seed: UInt64,
    _ indices: UnsafeMutablePointer<Int>?, _ positiveCount: UnsafeMutablePointer<Int>?, _ negativeCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    boxgrad_sample_ratio(labels, count, negative, wanted, positiveFraction, .infinity, seed, indices, positiveCount, negativeCount)
}

@_cdecl("boxgrad_sample_ratio") @implementation
public func boxgrad_sample_ratio(
    _ labels: UnsafePointer<Int64>?, _ count: Int, _ negative: Int64, _ wanted: Int, _ positiveFraction: Double,
    _ negativesPerPositive: Double, _ seed: UInt64, _ indices: UnsafeMutablePointer<Int>?, _ positiveCount: UnsafeMutablePointer<Int>?,
    _ negativeCount: UnsafeMutablePointer<Int>?
) -> Int32 {
    var arguments = Arguments()
    // A C size_t greater than Int.max, such as SIZE_MAX, is negative here, and means all.
    let wanted = wanted < 0 ? Int.max : wanted
    arguments.require(positiveFraction >= 0 && positiveFraction <= 1, "positive_fraction", "must be from 0 to 1", positiveFraction)
    arguments.require(negativesPerPositive >= 0, "negatives_per_positive", "must not be negative or NaN", negativesPerPositive)
    arguments.packed(labels, "labels", count)
    arguments.packed(UnsafePointer(indices), "indices", min(count, wanted))
    arguments.pointer(positiveCount, "positive_count")
    arguments.pointer(negativeCount, "negative_count")
    guard arguments.valid, let positiveCount, let negativeCount else { return arguments.status }
    Sample(
        labels: labels, negative: negative, wanted: wanted, positiveFraction: positiveFraction, negativesPerPositive: negativesPerPositive, seed: seed,
        indices: indices, positiveCount: positiveCount, negativeCount: negativeCount
    ).run(count, bgi_common().sample)
    return BOXGRAD_OK
}
