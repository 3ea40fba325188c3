import CBoxgrad
import Foundation
import Glibc
import Testing

@Suite(.serialized) struct LibraryTests {
    /// Requires that the functions of the table are the exported symbols. Mirror knows the names from the header.
    @Test func tableHoldsTheExportedFunctions() throws {
        let table = UnsafeRawPointer(getAPI(1)!)
        let names = Mirror(reflecting: api).children.compactMap(\.label).dropFirst(2)
        #expect(Int(api.size) == MemoryLayout<boxgrad_api>.size && api.abi_version == 1)
        #expect(8 + 8 * names.count == MemoryLayout<boxgrad_api>.size)
        for (k, name) in names.enumerated() {
            let symbol = try #require(dlsym(library, "boxgrad_" + name), "boxgrad_\(name) is not exported")
            #expect(table.load(fromByteOffset: 8 + 8 * k, as: UnsafeRawPointer?.self) == UnsafeRawPointer(symbol), "\(name)")
        }
    }

    /// Fails for a new function until a test sweeps an operation of the same name.
    @Test func sweepsKnowEveryFunctionOfBothTypes() throws {
        let folder = root + "/Tests/LibraryTests/"
        let sources = try FileManager.default.contentsOfDirectory(atPath: folder).map { try String(contentsOfFile: folder + $0, encoding: .utf8) }
        let swept = Set(sources.flatMap { $0.matches(of: /sweep\((\w+)\(/).map { $0.output.1.lowercased() } })
        for name in typedFunctions { #expect(swept.contains(name.replacing("_", with: "")), "no test sweeps \(name)") }
    }

    @Test func unknownABIVersions() {
        for version in [0, 2, 256, UInt32.max] { #expect(getAPI(version) == nil, "get_api of \(version)") }
    }

    @Test func version() {
        #expect(String(cString: api.version_string()!) == BOXGRAD_VERSION_STRING)
        #expect(api.version_number() == BOXGRAD_VERSION_NUMBER)
        let number = api.version_number()
        #expect(BOXGRAD_VERSION_STRING == "\(number >> 16).\(number >> 8 & 255).\(number & 255)")
    }

    @Test func statusNames() {
        let names: [Int32: String] = [
            0: "BOXGRAD_OK", 10: "BOXGRAD_NULL_POINTER", 11: "BOXGRAD_BAD_STRIDE", 12: "BOXGRAD_SIZE_OVERFLOW", 20: "BOXGRAD_BAD_PARAMETER",
            21: "BOXGRAD_DEGENERATE_BOX", 22: "BOXGRAD_NONFINITE", 30: "BOXGRAD_OUT_OF_MEMORY", 40: "BOXGRAD_UNSUPPORTED",
        ]
        for status in Array(-5...300) + [.min, .max] as [Int32] {
            #expect(String(cString: api.status_string(status)!) == names[status] ?? "unknown status", "status_string of \(status)")
        }
    }

    @Test func tier() { #expect(["baseline", "avx2", "avx512"].contains(String(cString: api.cpu_tier()!))) }

    @Test func threads() {
        #expect(api.max_threads() == 1)
        for n in [0, -1, Int32.min] {
            #expect(api.set_max_threads(n) == BOXGRAD_BAD_PARAMETER && lastError().contains("n ") && lastError().contains("\(n)"))
        }
        #expect(api.max_threads() == 1)
        #expect(api.set_max_threads(4) == BOXGRAD_OK && api.max_threads() == 4)
        #expect(api.set_max_threads(1) == BOXGRAD_OK)
        for keep in [2, -1, Int32.min, Int32.max] {
            #expect(api.set_keep_threads(keep) == BOXGRAD_BAD_PARAMETER)
            #expect(lastError() == "keep must be 0 or 1 (got \(keep))")
        }
        #expect(api.set_keep_threads(1) == BOXGRAD_OK && api.set_keep_threads(0) == BOXGRAD_OK)
        #expect(api.set_parallel_for({ _, _, _, _ in }, nil) == BOXGRAD_OK)
        #expect(api.set_parallel_for(nil, nil) == BOXGRAD_OK)
    }

    @Test func lastErrorStaysUntilTheNextFailure() {
        var out: [Float] = [0]
        #expect(api.box_area_f32(nil, 1, 4, &out) == BOXGRAD_NULL_POINTER)
        let sentence = api.last_error()!, words = lastError()
        #expect(words.contains("boxes"))
        #expect(api.box_area_f32([0, 0, 1, 1], 1, 4, &out) == BOXGRAD_OK)
        #expect(api.last_error() == sentence && lastError() == words)
        #expect(api.clip_f32([1], 1, 5, 0.1, &out) == BOXGRAD_BAD_PARAMETER)
        #expect(lastError() != words && lastError().contains("lo") && lastError().contains("5"))
    }

    @Test func lastErrorBelongsToItsThread() {
        #expect(api.grad_scale(nil, 0, .nan) == BOXGRAD_BAD_PARAMETER)
        let words = lastError()
        let sentences = onThreads(1) { _ in
            let before = lastError()
            _ = api.box_area_f64(nil, 1, 4, nil)
            return [before, lastError()]
        }
        #expect(sentences[0] == "" && sentences[1].contains("boxes"))
        #expect(lastError() == words && words.contains("coefficient"))
    }

    /// Calls the library from eight threads at once. Each thread also has failures of its own, and gets what a single thread gets.
    @Test func concurrentCalls() {
        let loss = IoULoss(metric: BOXGRAD_CIOU)
        var random = Random(seed: 5)
        var inputs = Inputs()
        for argument in loss.arguments(67) { inputs[argument.name] = argument.sample?(&random) }
        let alone = Call<Float>(loss, 67, inputs)
        #expect(Float.make(alone) == BOXGRAD_OK)
        let expected = alone.buffers.mapValues(\.payload)
        let complaints = onThreads(8) { [inputs] k in
            for _ in 0..<200 {
                let call = Call<Float>(loss, 67, inputs)
                guard Float.make(call) == BOXGRAD_OK, call.buffers.mapValues(\.payload) == expected else { return ["other bits"] }
                call.strides["pred_stride"] = -1 - k
                guard Float.make(call) == BOXGRAD_BAD_STRIDE, lastError().contains("\(-1 - k)") else { return [lastError()] }
            }
            return []
        }
        #expect(complaints == [])
    }

    /// Returns what `body` returns on each of `count` threads, after all of them have ended.
    private func onThreads(_ count: Int, _ body: @escaping (Int) -> [String]) -> [String] {
        final class Work {
            let run: () -> [String]
            var result: [String] = []
            init(_ run: @escaping () -> [String]) { self.run = run }
        }
        let works = (0..<count).map { k in Work { body(k) } }
        let threads = works.map { work in
            var thread = pthread_t()
            let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
                let work = Unmanaged<Work>.fromOpaque($0!).takeUnretainedValue()
                work.result = work.run()
                return nil
            }
            pthread_create(&thread, nil, start, Unmanaged.passUnretained(work).toOpaque())
            return thread
        }
        for thread in threads { pthread_join(thread, nil) }
        return works.flatMap(\.result)
    }
}
