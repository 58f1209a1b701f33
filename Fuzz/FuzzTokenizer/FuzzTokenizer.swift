// Fuzz target: tokenizer.json. A tokenizer that loads encodes and decodes anything.
import JSON
import Tokens

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard let json = try? JSONValue(parsing: bytes) else { return 0 }
    do {
        let tokenizer = try Tokenizer(tokenizerJSON: json)
        let text = "Hello, wörld 😀 12\n\t<|im_end|>" + String(decoding: bytes.suffix(64), as: UTF8.self)
        let ids = tokenizer.encode(text)
        var detokenizer = tokenizer.makeDetokenizer(skippingSpecials: false)
        var streamed = ""
        for id in ids {
            precondition(id >= 0 && Int(id) < tokenizer.vocabulary.count)
            streamed += detokenizer.push(id)
        }
        streamed += detokenizer.finish()
        precondition(streamed == tokenizer.decode(ids), "streamed and whole decoding differ")
    } catch {
        _ = "\(error)"
    }
    return 0
}
