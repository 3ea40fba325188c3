import CBoxgrad
import Glibc

/// The path of this checkout.
let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

/// The shipped library, loaded as a plugin would load it. Its path is BOXGRAD_LIBRARY, or where `make lib` builds it in this checkout. The
/// tests do not link it, because Embedded objects must never be linked into a host that has a Swift runtime, and a test has one.
nonisolated(unsafe) let library: UnsafeMutableRawPointer = {
    let path = getenv("BOXGRAD_LIBRARY").map { String(cString: $0) } ?? root + "/build/lib/libboxgrad.so"
    guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else { fatalError("cannot load \(path): \(String(cString: dlerror()))") }
    return handle
}()

let getAPI = unsafeBitCast(dlsym(library, "boxgrad_get_api")!, to: (@convention(c) (UInt32) -> UnsafePointer<boxgrad_api>?).self)

/// Holds every function of the library. The tests call its functions only through this table.
let api = getAPI(UInt32(BOXGRAD_ABI_VERSION))!.pointee

func lastError() -> String { String(cString: api.last_error()!) }

/// A type of the library's functions: Float or Double.
protocol Scalar: BinaryFloatingPoint {
    /// Calls the library's function of this type that `c` describes. It returns nil if there is none.
    static func make(_ c: Call<Self>) -> Int32?
    /// Half the distance from 1 to the next number, which the header calls eps.
    static var eps: Double { get }
}

extension Float: Scalar {
    static var eps: Double { 0x1p-24 }
}

extension Double: Scalar {
    static var eps: Double { 0x1p-53 }
}
