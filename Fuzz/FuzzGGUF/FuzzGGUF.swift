// Fuzz target: GGUF files. What opens is described without a fault.
import Engine

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    do {
        let file = try GGUFFile(bytes: bytes)
        for tensor in file.tensors { precondition(tensor.range.isEmpty || (tensor.range.lowerBound >= 0 && tensor.range.upperBound <= count)) }
        _ = try Architecture(gguf: file)
    } catch {
        _ = "\(error)"
    }
    return 0
}
