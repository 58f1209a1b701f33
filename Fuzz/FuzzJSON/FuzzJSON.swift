// Fuzz target: JSON texts. What parses is written and parsed back to the same value.
import JSON

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    if let value = try? JSONValue(parsing: bytes) {
        for style in [JSONStyle.compact, .wire, .pretty] {
            guard let back = try? JSONValue(parsing: value.text(style)), back == value else { fatalError("does not round-trip") }
        }
        precondition(value.isEquivalent(to: value))
    }
    return 0
}
