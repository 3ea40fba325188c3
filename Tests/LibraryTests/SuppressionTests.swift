import CBoxgrad
import Glibc
import Testing

private func iou(_ a: [Double], _ b: [Double]) -> Double {
    let overlap = Overlap(BOXGRAD_IOU, (a + b).map { Dual($0) }, eps: 0, isLoss: false).value.value
    return overlap.isNaN ? 0 : overlap
}

/// Returns an output of indices. The call writes only the first rows, and the other rows keep the bits of the sentinels.
private func listed(_ indices: [Int], _ rows: Int) -> [[Term]] { (0..<rows).map { [Term($0 < indices.count ? Double(indices[$0]) : -1)] } }

struct NMS: Operation {
    var iouThreshold = 0.4, scoreThreshold = -1.5, maxKeep = -1, empty = false
    var isRowwise: Bool { false }

    func arguments(_ n: Int) -> [Argument] {
        [
            .input("boxes", n, 4, stride: "stride") { random in
                empty ? (0..<4).map { _ in Double(Int.random(in: 0..<3, using: &random)) } : random.box()
            },
            .input("scores", n) { random in [Double(Int.random(in: -16..<16, using: &random)) / 8] },
            .input("classes", n, optional: true, of: .size) { random in [[-9e18, -1, 0, 9e18].randomElement(using: &random)!] },
            .output("keep", maxKeep < 0 ? n : min(n, maxKeep), of: .size), .output("keep_count", 1, of: .size),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] { suppressed(x, above: scoreThreshold, maxKeep) { iou($0, $1) > iouThreshold } }
}

/// Returns what suppression keeps. `drops` says whether a kept box drops another.
private func suppressed(_ x: Inputs, above threshold: Double, _ maxKeep: Int, _ drops: ([Double], [Double]) -> Bool) -> [String: [[Term]]] {
    let (boxes, scores) = (x["boxes"]!, x["scores"]!.map { $0[0] })
    var kept: [Int] = []
    for i in boxes.indices.sorted(by: { (-scores[$0], $0) < (-scores[$1], $1) }) where scores[i] > threshold {
        let rivals = kept.filter { x["classes"] == nil || x["classes"]![$0] == x["classes"]![i] }
        if kept.count != maxKeep && !rivals.contains(where: { drops(boxes[$0], boxes[i]) }) { kept.append(i) }
    }
    return ["keep": listed(kept, maxKeep < 0 ? boxes.count : min(boxes.count, maxKeep)), "keep_count": [[Term(Double(kept.count))]]]
}

struct SoftNMS: Operation {
    var decay = BOXGRAD_SOFT_LINEAR, iouThreshold = 0.3, sigma = 0.5, scoreThreshold = 0.01, maxKeep = -1
    var isRowwise: Bool { false }

    func arguments(_ n: Int) -> [Argument] {
        [
            .boxes("boxes", n, stride: "stride"), .input("scores", n) { random in [random.number(0.001...1)] },
            .input("classes", n, optional: true, of: .size) { random in [Double(Int.random(in: 0..<3, using: &random))] },
            .output("keep", n, of: .size), .output("keep_scores", n), .output("keep_count", 1, of: .size),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        softened(x, above: scoreThreshold) { a, b in
            let overlap = iou(a, b)
            return decay == BOXGRAD_SOFT_GAUSSIAN ? exp(-overlap * overlap / sigma) : overlap > iouThreshold ? 1 - overlap : 1
        }
    }
}

/// Returns what soft suppression keeps. `factor` is what a kept box multiplies another's score by.
private func softened(_ x: Inputs, above threshold: Double, _ factor: ([Double], [Double]) -> Double) -> [String: [[Term]]] {
    let boxes = x["boxes"]!
    var left = x["scores"]!.map { $0[0] }
    var kept: [(score: Double, index: Int)] = []
    while let best = left.indices.filter({ left[$0] > threshold }).max(by: { (left[$0], -$0) < (left[$1], -$1) }) {
        kept.append((left[best], best))
        left[best] = -.infinity
        // What is kept stays at -infinity: an overlap that is rounded to more than 1 would make it positive.
        for i in left.indices where left[i] > -.infinity && (x["classes"] == nil || x["classes"]![i] == x["classes"]![best]) {
            left[i] *= factor(boxes[best], boxes[i])
        }
    }
    kept.sort { (-$0.score, $0.index) < (-$1.score, $1.index) }
    let scores = boxes.indices.map { [$0 < kept.count ? Term(kept[$0].score, scale: 1) : Term(.nan)] }
    return ["keep": listed(kept.map(\.index), boxes.count), "keep_scores": scores, "keep_count": [[Term(Double(kept.count))]]]
}

struct Match: Operation {
    var metric = BOXGRAD_IOU, eps = 1e-7, lowThreshold = 0.25, highThreshold = 0.55, lowQuality: Int32 = 0, isTall = true
    var isRowwise: Bool { false }

    func counts(_ n: Int) -> [String: Int] { isTall ? ["proposals_count": n, "truths_count": 3] : ["proposals_count": 3, "truths_count": n] }

    func arguments(_ n: Int) -> [Argument] {
        let (rows, truths) = (counts(n)["proposals_count"]!, counts(n)["truths_count"]!)
        return [
            .boxes("proposals", rows, stride: "proposals_stride"), .boxes("truths", truths, stride: "truths_stride"),
            .output("matches", rows, optional: true, of: .size), .output("overlaps", rows, optional: true),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let overlaps = x["proposals"]!.map { a in
            x["truths"]!.map { b in
                let overlap = Overlap(metric, (a + b).map { Dual($0) }, eps: eps, isLoss: false)
                return Term(overlap.value.value, scale: overlap.scale)
            }
        }
        return matched(overlaps, lowThreshold, highThreshold, lowQuality)
    }
}

/// Returns the matches of proposals, of which each has its overlaps with the truths.
private func matched(_ overlaps: [[Term]], _ low: Double, _ high: Double, _ lowQuality: Int32) -> [String: [[Term]]] {
    let values = overlaps.map { $0.map(\.value) }
    let peaks = (values.first ?? []).indices.map { j in values.map { $0[j] }.max() }
    var matches: [[Term]] = [], best: [[Term]] = []
    for i in values.indices {
        guard let greatest = values[i].max() else {
            matches.append([Term(-1)])
            best.append([Term(0)])
            continue
        }
        func forces(_ j: Int) -> Bool { values[i][j] > 0 && values[i][j] == peaks[j] }
        let forcing = lowQuality == 0 ? nil : values[i].indices.last(where: forces)
        let index = values[i].firstIndex(of: greatest)!
        let match = lowQuality == 2 ? forcing : forcing.map { _ in index }
        matches.append([Term(Double(match ?? (greatest >= high ? index : greatest < low ? -1 : -2)))])
        best.append([overlaps[i][index]])
    }
    return ["matches": matches, "overlaps": best]
}

struct RotatedNMS: Operation {
    var angle = BOXGRAD_ANGLE_DEGREES_CCW, iouThreshold = 0.4, scoreThreshold = -1.5, maxKeep = -1, odd = false
    var isRowwise: Bool { false }

    func arguments(_ n: Int) -> [Argument] {
        [.crossing("boxes", n, stride: "stride", odd: odd)] + NMS(maxKeep: maxKeep).arguments(n).dropFirst()
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        suppressed(x, above: scoreThreshold, maxKeep) { rotatedOverlap($0, $1, BOXGRAD_IOU, angle).value > iouThreshold }
    }
}

struct RotatedSoftNMS: Operation {
    var decay = BOXGRAD_SOFT_LINEAR, angle = BOXGRAD_ANGLE_DEGREES_CCW, iouThreshold = 0.3, sigma = 0.5, scoreThreshold = 0.01, maxKeep = -1
    var isRowwise: Bool { false }

    func arguments(_ n: Int) -> [Argument] { [.crossing("boxes", n, stride: "stride", odd: false)] + SoftNMS().arguments(n).dropFirst() }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        softened(x, above: scoreThreshold) { a, b in
            let overlap = rotatedOverlap(a, b, BOXGRAD_IOU, angle).value
            return decay == BOXGRAD_SOFT_GAUSSIAN ? exp(-overlap * overlap / sigma) : overlap > iouThreshold ? 1 - overlap : 1
        }
    }
}

struct RotatedMatch: Operation {
    var metric = BOXGRAD_IOU, angle = BOXGRAD_ANGLE_DEGREES_CCW, lowThreshold = 0.25, highThreshold = 0.55, lowQuality: Int32 = 0, isTall = true
    var isRowwise: Bool { false }

    func counts(_ n: Int) -> [String: Int] { Match(isTall: isTall).counts(n) }

    func arguments(_ n: Int) -> [Argument] {
        let (rows, truths) = (counts(n)["proposals_count"]!, counts(n)["truths_count"]!)
        // No truth holds a proposal, because all IoF of 1 are equal but for rounding.
        let larger: Double = metric == BOXGRAD_IOF ? 25 : 0
        return [
            .input("proposals", rows, 5, stride: "proposals_stride") { random in
                let box = random.crossingBox()
                return [box[0], box[1], box[2] + larger, box[3] + larger, box[4]]
            },
            .crossing("truths", truths, stride: "truths_stride", odd: false),
        ] + Match(isTall: isTall).arguments(n).dropFirst(2)
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        matched(x["proposals"]!.map { a in x["truths"]!.map { rotatedOverlap(a, $0, metric, angle) } }, lowThreshold, highThreshold, lowQuality)
    }
}

struct MatchIgnore: Operation {
    var share = BOXGRAD_SHARE_OF_PROPOSAL, threshold = 0.3, which = BOXGRAD_IGNORE_UNMATCHED, isTall = true
    var isRowwise: Bool { false }

    func counts(_ n: Int) -> [String: Int] { isTall ? ["proposals_count": n, "ignored_count": 3] : ["proposals_count": 3, "ignored_count": n] }

    func arguments(_ n: Int) -> [Argument] {
        let (rows, ignored) = (counts(n)["proposals_count"]!, counts(n)["ignored_count"]!)
        return [
            .boxes("proposals", rows, stride: "proposals_stride"), .boxes("ignored", ignored, stride: "ignored_stride"),
            .input("matches", rows, of: .size) { random in [[-9e18, -3, -2, -1, 0, 9e18].randomElement(using: &random)!] },
            .output("out", rows, of: .size),
        ]
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let out = zip(x["proposals"]!, x["matches"]!).map { proposal, match in
            let isCovered = x["ignored"]!.contains { box in
                let sides = share == BOXGRAD_SHARE_OF_PROPOSAL ? proposal + box : box + proposal
                return Overlap(BOXGRAD_IOF, sides.map { Dual($0) }, eps: 0, isLoss: false).value.value > threshold
            }
            return [Term(isCovered && (which == BOXGRAD_IGNORE_ALL || match[0] < 0) ? -3 : match[0])]
        }
        return ["out": out]
    }
}

@Suite struct SuppressionTests {
    @Test func hard() throws {
        try sweep(NMS())
        try sweep(NMS(iouThreshold: 0, scoreThreshold: -.infinity, empty: true))
        try sweep(NMS(maxKeep: 0))
        try sweep(NMS(maxKeep: 4))
    }

    @Test(arguments: [BOXGRAD_SOFT_LINEAR, BOXGRAD_SOFT_GAUSSIAN])
    func soft(decay: Int32) throws { try sweep(SoftNMS(decay: decay)) }

    @Test(arguments: metrics, [0, 1, 2] as [Int32])
    func match(metric: Int32, lowQuality: Int32) throws {
        for isTall in [false, true] { try sweep(Match(metric: metric, lowQuality: lowQuality, isTall: isTall)) }
    }

    @Test(arguments: [BOXGRAD_SHARE_OF_PROPOSAL, BOXGRAD_SHARE_OF_IGNORED], [BOXGRAD_IGNORE_UNMATCHED, BOXGRAD_IGNORE_ALL])
    func matchIgnore(share: Int32, which: Int32) throws {
        for isTall in [false, true] { try sweep(MatchIgnore(share: share, which: which, isTall: isTall)) }
        try sweep(MatchIgnore(share: share, threshold: 0, which: which))
    }

    @Test(arguments: [BOXGRAD_ANGLE_RADIANS_CW, BOXGRAD_ANGLE_DEGREES_CCW])
    func rotated(angle: Int32) throws {
        try sweep(RotatedNMS(angle: angle))
        guard angle == BOXGRAD_ANGLE_DEGREES_CCW else { return }
        try sweep(RotatedNMS(iouThreshold: 0, scoreThreshold: -.infinity, odd: true))
        try sweep(RotatedNMS(maxKeep: 4))
        for decay in [BOXGRAD_SOFT_LINEAR, BOXGRAD_SOFT_GAUSSIAN] { try sweep(RotatedSoftNMS(decay: decay)) }
    }

    @Test(arguments: [BOXGRAD_IOU, BOXGRAD_IOF], [0, 1, 2] as [Int32])
    func rotatedMatch(metric: Int32, lowQuality: Int32) throws {
        for isTall in lowQuality == 1 ? [false, true] : [true] { try sweep(RotatedMatch(metric: metric, lowQuality: lowQuality, isTall: isTall)) }
    }

    @Test func rotatedRefusals() throws {
        try refuse(RotatedNMS())
        try refuse(RotatedSoftNMS())
        try refuse(RotatedMatch())
        let wrongAngles: [Int32] = [-1, 4, .max, .min]
        try refuse("angle", wrongAngles.map { RotatedNMS(angle: $0) })
        try refuse("angle", wrongAngles.map { RotatedSoftNMS(angle: $0) })
        try refuse("angle", wrongAngles.map { RotatedMatch(angle: $0) })
        try refuse("iou_threshold", [-1e-300, .nan, -.infinity].map { RotatedNMS(iouThreshold: $0) })
        try refuse("score_threshold", [RotatedNMS(scoreThreshold: .nan)])
        try refuse("decay", ([-1, 2, .min, .max] as [Int32]).map { RotatedSoftNMS(decay: $0) })
        try refuse("sigma", [0, -1, .nan, .infinity].map { RotatedSoftNMS(sigma: $0) })
        try refuse("metric", ([-4, -1, BOXGRAD_GIOU, BOXGRAD_IOS, .max] as [Int32]).map { RotatedMatch(metric: $0) })
        try refuse("low_threshold", [RotatedMatch(lowThreshold: .nan)])
        try refuse("high_threshold", [.nan, 0.2].map { RotatedMatch(highThreshold: $0) })
        try refuse("low_quality", ([-1, 3] as [Int32]).map { RotatedMatch(lowQuality: $0) })
    }

    @Test func refusals() throws {
        try refuse(NMS())
        try refuse(SoftNMS())
        try refuse(Match())
        try refuse("iou_threshold", [-1e-300, .nan, -.infinity].map { NMS(iouThreshold: $0) })
        try refuse("score_threshold", [NMS(scoreThreshold: .nan)])
        try refuse("decay", ([-1, 2, .min, .max] as [Int32]).map { SoftNMS(decay: $0) })
        try refuse("sigma", [0, -1, .nan, .infinity].map { SoftNMS(sigma: $0) })
        try refuse("iou_threshold", [SoftNMS(iouThreshold: .nan)])
        try refuse("score_threshold", [SoftNMS(scoreThreshold: .nan)])
        try refuse("metric", ([-4, -1, Int32(metrics.count), .min, .max] as [Int32]).map { Match(metric: $0) })
        try refuse("eps", [-1, .nan, .infinity].map { Match(eps: $0) })
        try refuse("low_threshold", [Match(lowThreshold: .nan)])
        try refuse("high_threshold", [.nan, 0.2].map { Match(highThreshold: $0) })
        try refuse(MatchIgnore())
        try refuse("share", ([-1, 2, .min, .max] as [Int32]).map { MatchIgnore(share: $0) })
        try refuse("threshold", [-1e-300, .nan, -.infinity].map { MatchIgnore(threshold: $0) })
        try refuse("which", ([-1, 2, .min, .max] as [Int32]).map { MatchIgnore(which: $0) })
        try refuse("low_quality", ([-1, 3] as [Int32]).map { Match(lowQuality: $0) })
    }

    @Test func sample() {
        let labels: [Int64] = [1, 0, -1, 5, 0, 0, -7, 2, .min, .max]
        var (indices, positives, negatives) = ([Int](repeating: -9, count: 12), 0, 0)
        for seed: UInt64 in [0, 1, .max] {
            for wanted in [0, 1, 4, 10, Int.max] {
                #expect(api.sample(labels, 10, 0, wanted, 0.5, seed, &indices, &positives, &negatives) == BOXGRAD_OK)
                #expect(positives == min(4, wanted / 2) && negatives == min(3, wanted - positives))
                let (chosen, others) = (indices[..<positives], indices[positives..<positives + negatives])
                #expect(chosen.allSatisfy { labels[$0] > 0 } && others.allSatisfy { labels[$0] == 0 })
                #expect(Array(chosen) == chosen.sorted() && Array(others) == others.sorted() && Set(indices[..<(positives + negatives)]).count == positives + negatives)
                #expect(indices[10...] == [-9, -9])
            }
        }
        #expect(api.sample(labels, 10, -7, 10, 1, 0, &indices, &positives, &negatives) == BOXGRAD_OK && positives == 8 && negatives == 1)
        #expect(api.sample(nil, 0, 0, 4, 1, 0, nil, &positives, &negatives) == BOXGRAD_OK && positives == 0 && negatives == 0)
        // The first number is SIZE_MAX, because a size_t from C arrives in Swift as an Int.
        for all in [-1, Int.min, Int.max] {
            #expect(api.sample(labels, 10, 0, all, 0.5, 1, &indices, &positives, &negatives) == BOXGRAD_OK && positives == 4 && negatives == 3)
        }
        (positives, negatives) = (77, 78)
        for fraction in [-0.1, 1.1, .nan] {
            #expect(api.sample(labels, 10, 0, 4, fraction, 0, &indices, &positives, &negatives) == BOXGRAD_BAD_PARAMETER)
            #expect(lastError().contains("positive_fraction"))
        }
        #expect(api.sample(nil, 10, 0, 4, 1, 0, &indices, &positives, &negatives) == BOXGRAD_NULL_POINTER && lastError().contains("labels"))
        #expect(api.sample(labels, 10, 0, 4, 1, 0, nil, &positives, &negatives) == BOXGRAD_NULL_POINTER && lastError().contains("indices"))
        #expect(api.sample(labels, 10, 0, 4, 1, 0, &indices, nil, &negatives) == BOXGRAD_NULL_POINTER)
        #expect(api.sample(labels, -1, 0, 4, 1, 0, &indices, &positives, &negatives) == BOXGRAD_SIZE_OVERFLOW)
        #expect(positives == 77 && negatives == 78)
    }
}

extension LibraryTests.DividedTests {
    @Test func match() throws { try sweepChunks(Match(lowQuality: 1), rows: DividedRows.ofMatches) }
    @Test func rotatedMatch() throws { try sweepChunks(RotatedMatch(lowQuality: 1), rows: DividedRows.ofMatches) }
    @Test func matchIgnore() throws { try sweepChunks(MatchIgnore(), rows: DividedRows.ofMatrixGradient) }
}
