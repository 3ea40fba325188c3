import CBoxgrad
import Glibc

/// This checkout.
let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

/// The shipped library, loaded as a plugin would load it: BOXGRAD_LIBRARY, or what `make lib` built in this checkout.
/// Embedded objects must never be linked into a host that has a Swift runtime, and a test is one.
nonisolated(unsafe) let library: UnsafeMutableRawPointer = {
    let path = getenv("BOXGRAD_LIBRARY").map { String(cString: $0) } ?? root + "/build/lib/libboxgrad.so"
    guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else { fatalError("cannot load \(path): \(String(cString: dlerror()))") }
    return handle
}()

let getAPI = unsafeBitCast(dlsym(library, "boxgrad_get_api")!, to: (@convention(c) (UInt32) -> UnsafePointer<boxgrad_api>?).self)

/// Every function of the library. The tests call nothing else.
let api = getAPI(UInt32(BOXGRAD_ABI_VERSION))!.pointee

func lastError() -> String { String(cString: api.last_error()!) }

/// Float and Double.
protocol Scalar: BinaryFloatingPoint {
    /// Calls the library's function of this type that the call is of; nil if there is none.
    static func make(_ c: Call<Self>) -> Int32?
    /// Half the distance of 1 to the next number: what the header calls eps.
    static var eps: Double { get }
}

extension Float: Scalar {
    static var eps: Double { 0x1p-24 }
}

extension Double: Scalar {
    static var eps: Double { 0x1p-53 }
}
