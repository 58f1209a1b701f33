// Fuzz target: chat templates. They render or fail within their limits.
import JSON
import Jinja

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let source = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    var limits = JinjaLimits()
    limits.steps = 20_000
    limits.textLength = 1 << 18
    do {
        let template = try Template(source, limits: limits)
        let messages: JSONValue = [["role": "user", "content": "Hi"], ["role": "assistant", "content": nil, "tool_calls": []]]
        _ = try template.render([("messages", messages), ("tools", nil), ("add_generation_prompt", true), ("bos_token", "<s>")])
    } catch {
        _ = "\(error)"
    }
    return 0
}
