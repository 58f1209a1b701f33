// Fuzz target: safetensors files. Every tensor of what opens lies within the file.
import Engine

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    do {
        for tensor in try SafetensorsFile(bytes: bytes).tensors { precondition(tensor.byteCount >= 0 && tensor.byteCount <= count) }
    } catch {
        _ = "\(error)"
    }
    return 0
}
