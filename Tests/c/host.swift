// A host written in Swift, with the Swift runtime that the library's own copy must not meet: host LIBRARY. It links the library and loads it
// once more, with work for the runtime (objects, existentials, generics, casts, tasks) before, between and after the calls.
import CBoxgrad
import Foundation

@main struct Host {
    static func main() async {
        let path = CommandLine.arguments[1]
        guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL), let symbol = dlsym(library, "boxgrad_get_api") else { fatalError("no \(path)") }
        let getAPI = unsafeBitCast(symbol, to: (@convention(c) (UInt32) -> UnsafePointer<boxgrad_api>?).self)
        let api = getAPI(UInt32(BOXGRAD_ABI_VERSION))!.pointee

        let boxes = Boxes(count: 40_000)
        precondition(boxgrad_set_max_threads(2) == BOXGRAD_OK)
        let alone = boxes.overlaps(boxgrad_iou_pairwise_f32)
        let results = await withTaskGroup(of: [Float].self) { group in
            for k in 0..<8 { group.addTask { boxes.overlaps(k % 2 == 0 ? boxgrad_iou_pairwise_f32 : api.iou_pairwise_f32) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        precondition(results.count == 8 && results.allSatisfy { $0 == alone }, "calls at once gave other results")

        do {
            try refuse()
            fatalError("a NULL was accepted")
        } catch let error as any Describable {
            precondition(error.words == "boxes is NULL", "\"\(error.words)\"")
        } catch { fatalError("\(error)") }
        precondition(dlclose(library) == 0)
        precondition(boxes.overlaps(boxgrad_iou_pairwise_f32) == alone)
        precondition(Boxes.alive == 1, "\(Boxes.alive) objects live")
        print("\(alone.count) overlaps, the largest \(alone.max() ?? .nan)")
    }
}

protocol Describable: Error { var words: String { get } }
struct Refusal<Status>: Describable { let status: Status, words: String }

func refuse() throws {
    let status = boxgrad_box_area_f32(nil, 1, 4, nil)
    if status != BOXGRAD_OK { throw Refusal(status: status, words: String(cString: boxgrad_last_error())) }
}

final class Boxes: Sendable {
    typealias Pairwise = (Int32, UnsafePointer<Float>?, Int, Int, UnsafePointer<Float>?, Int, Int, Double, UnsafeMutablePointer<Float>?, Int, UnsafeMutablePointer<Float>?) -> Int32
    nonisolated(unsafe) static var alive = 0
    let numbers: [Float]

    init(count: Int) {
        numbers = (0..<4 * count).map { (k: Int) -> Float in
            let shift = k / 4 % 11
            return Float(k % 4 < 2 ? shift : 20 + 2 * shift)
        }
        Boxes.alive += 1
    }

    deinit { Boxes.alive -= 1 }

    /// Of all boxes with the first forty.
    func overlaps(_ pairwise: Pairwise) -> [Float] {
        let count = numbers.count / 4
        return [Float](unsafeUninitializedCapacity: 40 * count) { out, filled in
            precondition(pairwise(BOXGRAD_GIOU, numbers, count, 4, numbers, 40, 4, 0, out.baseAddress, 40, nil) == BOXGRAD_OK)
            filled = 40 * count
        }
    }
}
