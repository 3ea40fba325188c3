import CBoxgrad
import Testing

/// Of a box and its point, which are a row of four and the half of one.
private func distances(_ x: [Dual]) -> [Dual] { [x[4] - x[0], x[5] - x[1], x[2] - x[4], x[3] - x[5]] }

struct LTRBEncode: Operation {
    func arguments(_ n: Int) -> [Argument] {
        [.numbers("points", n, 2, stride: "points_stride"), .boxes("boxes", n, stride: "boxes_stride"), .output("distances", n, 4)]
    }

    func call<T: Scalar>(_ c: Call<T>) -> Int32 {
        T.functions.ltrbEncode(
            c.read("points"), c.stride("points_stride"), c.read("boxes"), c.stride("boxes_stride"), c.count("count"), c.write("distances"))
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        ["distances": zip(x["boxes"]!, x["points"]!).map { distances(($0 + $1).map { Dual($0) }).map { Term($0.value) } }]
    }
}

struct LTRBEncodeGrad: Operation {
    func arguments(_ n: Int) -> [Argument] {
        [.numbers("grad_distances", n, 4), .output("grad_points", n, 2, optional: true), .output("grad_boxes", n, 4, optional: true)]
    }

    func call<T: Scalar>(_ c: Call<T>) -> Int32 {
        T.functions.ltrbEncodeGrad(c.count("count"), c.read("grad_distances"), c.write("grad_points"), c.write("grad_boxes"))
    }

    func reference(_ x: Inputs) -> [String: [[Term]]] {
        let rows = x["grad_distances"]!.map { pullback([Double](repeating: 0, count: 8), $0, distances) }
        return ["grad_points": rows.map { Array($0[4..<6]) }, "grad_boxes": rows.map { Array($0[..<4]) }]
    }
}

@Suite struct DistanceTests {
    @Test func encode() throws {
        try sweep(LTRBEncode())
        try refuse(LTRBEncode())
        try sweep(LTRBEncodeGrad())
        try refuse(LTRBEncodeGrad())
    }
}
