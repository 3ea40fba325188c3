import CBoxgrad
import CShims

@_cdecl("boxgrad_version_string") @implementation
public func boxgrad_version_string() -> UnsafePointer<CChar>? { bgi_version_string() }

@_cdecl("boxgrad_version_number") @implementation
public func boxgrad_version_number() -> UInt32 { UInt32(BOXGRAD_VERSION_NUMBER) }

@_cdecl("boxgrad_status_string") @implementation
public func boxgrad_status_string(_ status: boxgrad_status) -> UnsafePointer<CChar>? {
    statusName(status).cString
}

@_cdecl("boxgrad_cpu_tier") @implementation
public func boxgrad_cpu_tier() -> UnsafePointer<CChar>? { bgi_current().pointee.name }

@_cdecl("boxgrad_set_max_threads") @implementation
public func boxgrad_set_max_threads(_ n: Int32) -> boxgrad_status {
    var arguments = Arguments()
    arguments.require(n >= 1, "n", "must be at least 1", n)
    if arguments.valid { bgi_set_max_threads(n) }
    return arguments.status
}

@_cdecl("boxgrad_max_threads") @implementation
public func boxgrad_max_threads() -> Int32 { bgi_max_threads() }

@_cdecl("boxgrad_set_keep_threads") @implementation
public func boxgrad_set_keep_threads(_ keep: Int32) -> boxgrad_status {
    var arguments = Arguments()
    arguments.require(0...1 ~= keep, "keep", "must be 0 or 1", keep)
    if arguments.valid { bgi_set_keep_threads(keep) }
    return arguments.status
}

@_cdecl("boxgrad_set_parallel_for") @implementation
public func boxgrad_set_parallel_for(_ fn: boxgrad_parallel_for_fn?, _ context: UnsafeMutableRawPointer?) -> boxgrad_status {
    bgi_set_parallel_for(fn, context)
    return BOXGRAD_OK
}
