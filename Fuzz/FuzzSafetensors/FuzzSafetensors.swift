// Fuzz target: safetensors files. Every tensor of what opens lies within the file.
import Engine

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    do {
        for tensor in try SafetensorsFile(bytes: bytes).tensors {
            precondition(tensor.range.isEmpty || (tensor.range.lowerBound >= 0 && tensor.range.upperBound <= count))
        }
    } catch {
        _ = "\(error)"
    }
    return 0
}
